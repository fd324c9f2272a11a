/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/gdb_bench.h"

#include <unistd.h>

#include "core/error.h"
#include "replay/replay.h"
#include "tests/unit/chr_bench.h"

/* One machine a test at a time. */
static GdbBench *bench_of(const Vm *vm)
{
    return vm->system;
}

static void note(const Vm *vm, const char *what, int number)
{
    GString *s = bench_of(vm)->calls;

    g_string_append_printf(s, "%s%s", s->len ? "," : "", what);
    if (number >= 0) {
        g_string_append_printf(s, "%d", number);
    }
}

static void fake_call(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque)
{
    fn(vm, opaque);
}

static char *fake_execute(Vm *vm, const char *line)
{
    return g_strdup_printf("you said %s\n", line);
}

static bool fake_running(const Vm *vm)
{
    return bench_of(vm)->running;
}

static void fake_stop(Vm *vm)
{
    GdbStop why = {.kind = GDB_STOP_PAUSED};

    note(vm, "stop", -1);
    bench_of(vm)->running = false;
    gdb_stopped(vm, &why);
}

static bool fake_cont(Vm *vm, GError **error)
{
    note(vm, "cont", -1);
    bench_of(vm)->running = true;
    return true;
}

static bool fake_step(Vm *vm, unsigned vcpu, uint64_t from, uint64_t to,
                      GError **error)
{
    note(vm, from < to ? "range" : "step", (int)vcpu);
    bench_of(vm)->running = true;
    return true;
}

static bool fake_travelling(const Vm *vm)
{
    return false;
}

static void fake_attached(Vm *vm)
{
}

static bool fake_can_back(const Vm *vm)
{
    return bench_of(vm)->replaying;
}

static bool fake_step_back(Vm *vm, unsigned vcpu, GError **error)
{
    note(vm, "step-back", (int)vcpu);
    return bench_of(vm)->running = bench_of(vm)->replaying;
}

static bool fake_cont_back(Vm *vm, GError **error)
{
    note(vm, "cont-back", -1);
    return bench_of(vm)->running = bench_of(vm)->replaying;
}

static bool fake_deliver(Vm *vm, GError **error)
{
    chr_deliver(vm);
    return true;
}

static void fake_why(const Vm *vm, GdbStop *out)
{
    *out = (GdbStop){.kind = GDB_STOP_LOG_END};
}

static void fake_left(Vm *vm, bool resume)
{
    note(vm, "left", resume);
    bench_of(vm)->running = bench_of(vm)->running || resume;
}

static void fake_quit(Vm *vm)
{
    note(vm, "quit", -1);
    bench_of(vm)->quit = true;
}

static const GdbOps fake_ops = {
    .call = fake_call,
    .call_settled = fake_call,
    .travelling = fake_travelling,
    .attached = fake_attached,
    .can_back = fake_can_back,
    .step_back = fake_step_back,
    .cont_back = fake_cont_back,
    .execute = fake_execute,
    .running = fake_running,
    .stop = fake_stop,
    .cont = fake_cont,
    .step = fake_step,
    .deliver = fake_deliver,
    .why = fake_why,
    .left = fake_left,
    .quit = fake_quit,
};

GdbBench *gdb_bench_new(void)
{
    GdbBench *b = g_new0(GdbBench, 1);
    ReplayOptions none = {0};
    GError *error = NULL;
    Chardev *c;

    b->box = box_new();
    box_long(b->box);
    b->vm = b->box->vm;
    b->vm->system = b;
    b->calls = g_string_new(NULL);
    b->vm->vcpu_now = &b->box->c->v.dev;
    b->vm->replay = replay_new(b->vm, &none, &error);
    g_assert_no_error(error);
    input_source_register(b->vm, &gdb_source);
    b->box->c->v.pc = GDB_CODE_AT;
    b->fd = chr_pair(b->vm, "line", "", &c);
    gdb_open(b->vm, &fake_ops, "chardev:line", &error);
    g_assert_no_error(error);
    b->running = true;
    chr_pump();
    return b;
}

void gdb_bench_free(GdbBench *b)
{
    gdb_free(b->vm, 3);
    chardevs_close(b->vm);
    if (b->fd >= 0) {
        close(b->fd);
    }
    replay_free(b->vm->replay);
    box_free(b->box);
    g_string_free(b->calls, TRUE);
    g_free(b);
}

void gdb_bench_run(GdbBench *b, unsigned most)
{
    Vcpu *v = &b->box->c->v;
    GdbStop why = {.kind = GDB_STOP_STEP};
    AccelWatchHit hit;

    while (b->running && most--) {
        vcpu_run(v, 1);
        if (accel_watch_take(b->vm, &hit)) {
            why = (GdbStop){GDB_STOP_WATCH, hit.index, hit.va, hit.kind};
            break;
        }
        if (accel_break_here(b->vm, v->pc) && gdb_break_hit(b->vm, 0, v->pc)) {
            why.kind = GDB_STOP_BREAK;
            break;
        }
    }
    b->running = false;
    gdb_stopped(b->vm, &why);
}

char *gdb_bench_ask(GdbBench *b, const char *packet)
{
    g_autofree char *framed = NULL;
    uint8_t sum = 0;

    for (const char *p = packet; *p; p++) {
        sum += (uint8_t)*p;
    }
    framed = g_strdup_printf("$%s#%02x", packet, sum);
    chr_say(b->fd, framed);
    return chr_hear(b->fd);
}

void gdb_bench_hang_up(GdbBench *b)
{
    close(b->fd);
    b->fd = -1;
    chr_pump();
}
