/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/mon_bench.h"

#include "chardev/chardev.h"
#include "core/error.h"

static MonBench *bench_of(const Vm *vm)
{
    return vm->system;
}

static void note(const Vm *vm, const char *what)
{
    GString *s = bench_of(vm)->calls;

    g_string_append_printf(s, "%s%s", s->len ? "," : "", what);
}

static void fake_call(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque)
{
    fn(vm, opaque);
}

typedef struct Posted {
    void (*fn)(Vm *vm, void *opaque);
    void *opaque;
} Posted;

static void fake_post(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque)
{
    MonBench *b = bench_of(vm);
    Posted *p;

    if (!b->defer) {
        fn(vm, opaque);
        return;
    }
    p = g_new0(Posted, 1);
    *p = (Posted){fn, opaque};
    g_queue_push_tail(&b->posted, p);
}

void mon_bench_serve(MonBench *b)
{
    Posted *p;

    while ((p = g_queue_pop_head(&b->posted))) {
        p->fn(b->vm, p->opaque);
        g_free(p);
    }
}

static void fake_stop(Vm *vm, RunState why)
{
    note(vm, "stop");
    bench_of(vm)->state = why;
    monitor_event(vm, "STOP", NULL);
}

static bool fake_cont(Vm *vm, GError **error)
{
    note(vm, "cont");
    bench_of(vm)->state = RUN_RUNNING;
    monitor_event(vm, "RESUME", NULL);
    return true;
}

static void fake_quit(Vm *vm, VmCause cause, int status)
{
    note(vm, "quit");
    monitor_event(vm, "SHUTDOWN",
                  "{\"guest\": false, \"reason\": \"host-qmp-quit\"}");
}

static RunState fake_state(const Vm *vm)
{
    return bench_of(vm)->state;
}

static bool fake_singlestep(const Vm *vm)
{
    return false;
}

static bool refused(Vm *vm, const char *what, GError **error)
{
    note(vm, what);
    return bench_of(vm)->refuse ? fail(error, "%s: not while replaying", what)
                                : true;
}

static bool fake_reset(Vm *vm, VmCause cause, GError **error)
{
    g_assert_cmpint(cause, ==, VM_CAUSE_HOST_QMP_RESET);
    return refused(vm, "reset", error);
}

static bool fake_powerdown(Vm *vm, GError **error)
{
    return refused(vm, "powerdown", error);
}

static bool fake_send_keys(Vm *vm, const char *const *keys, int hold_ms,
                           GError **error)
{
    g_autofree char *all = g_strjoinv("+", (char **)(uintptr_t)keys);
    g_autofree char *what = g_strdup_printf("keys:%s:%d", all, hold_ms);

    return refused(vm, what, error);
}

static bool fake_nmi(Vm *vm, GError **error)
{
    return refused(vm, "nmi", error);
}

static bool fake_gdbserver(Vm *vm, const char *device, GError **error)
{
    g_autofree char *what = g_strdup_printf("gdb:%s", device);

    return refused(vm, what, error);
}

static const char *fake_name(const Vm *vm)
{
    return "tester";
}

static const char *fake_uuid(const Vm *vm)
{
    return NULL;
}

static bool fake_long_mode(const Vm *vm)
{
    return true;
}

static bool fake_seek(Vm *vm, Moment to, GError **error)
{
    g_autofree char *what =
        g_strdup_printf("seek:%" PRIu64 ".%" PRIu64, to.icount, to.sequence);

    return refused(vm, what, error);
}

static bool fake_break_at(Vm *vm, const Moment *at, GError **error)
{
    g_autofree char *what = at ? g_strdup_printf("break:%" PRIu64 ".%" PRIu64,
                                                 at->icount, at->sequence)
                               : g_strdup("no-break");

    return refused(vm, what, error);
}

static bool fake_find(Vm *vm, const TravelQuery *q, GError **error)
{
    g_autofree char *what =
        q->what == TRAVEL_WRITE
            ? g_strdup_printf("write:%" PRIx64 "+%u%s", q->address, q->size,
                              q->physical ? ":physical" : "")
            : g_strdup_printf("find%d:%d:%s:%s", q->what, q->vector, q->source,
                              q->forward ? "on" : "back");

    return refused(vm, what, error);
}

static void fake_answer(Vm *vm, TravelAnswer *out)
{
    *out = (TravelAnswer){.end = TRAVEL_THERE,
                          .at = {100, 2},
                          .pc = 0x1234,
                          .before = {0xab},
                          .after = {0xcd},
                          .vector = 32};
}

static void fake_arrive(Vm *vm)
{
    note(vm, "arrive");
}

static void fake_print_registers(Vm *vm, bool all, GString *out)
{
    g_string_append(out, all ? "RAX of all\n" : "RAX of one\n");
}

static void fake_print(Vm *vm, GString *out)
{
    g_string_append(out, "figures\n");
}

static const ControlOps fake_ops = {
    .call = fake_call,
    .post = fake_post,
    .stop = fake_stop,
    .cont = fake_cont,
    .quit = fake_quit,
    .state = fake_state,
    .singlestep = fake_singlestep,
    .reset = fake_reset,
    .powerdown = fake_powerdown,
    .send_keys = fake_send_keys,
    .nmi = fake_nmi,
    .gdbserver = fake_gdbserver,
    .long_mode = fake_long_mode,
    .name = fake_name,
    .uuid = fake_uuid,
    .seek = fake_seek,
    .break_at = fake_break_at,
    .find = fake_find,
    .answer = fake_answer,
    .arrive = fake_arrive,
    .print_registers = fake_print_registers,
    .print_jit = fake_print,
    .print_tlb = fake_print,
};

MonBench *mon_bench_new(void)
{
    MonBench *b = g_new0(MonBench, 1);

    b->vm = vm_new();
    b->vm->system = b;
    b->state = RUN_RUNNING;
    b->calls = g_string_new(NULL);
    control_install(b->vm, &fake_ops);
    return b;
}

void mon_bench_free(MonBench *b)
{
    b->vm->thread = NULL;
    g_queue_clear_full(&b->posted, g_free);
    monitors_free(b->vm);
    chardevs_close(b->vm);
    vm_free(b->vm);
    g_string_free(b->calls, TRUE);
    g_free(b);
}

void mon_bench_ram(MonBench *b)
{
    MemRegion *ram = mem_ram(b->vm, "test.ram", GUEST_PAGE_SIZE, NULL);
    uint8_t *host = mem_host(ram);

    for (uint8_t i = 0; i < 16; i++) {
        host[i] = i;
    }
    mem_add(b->vm->mem_root, 0x1000, ram, 0);
}
