/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tiny machine for the tests of replay/. */
#include "tests/unit/replay_machine.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>

#include "replay/replay_priv.h"

#define PASSES_MAX 3000000
#define PASSES_SLOW 100000

typedef struct TestCpu {
    Device dev;
    uint64_t acc;
    bool halted;
    bool pending;
    uint64_t last; /* input */
    uint64_t inputs;
    uint64_t accepted_at; /* icount + 1 */
    Timer tick;
    int64_t tick_ns;
    uint8_t *ram;
    RamPage page;
    const MachineSetup *setup;
} TestCpu;

static void cpu_tick(Device *dev)
{
    TestCpu *c = (TestCpu *)dev;

    c->pending = true;
    timer_arm(&c->tick, virt_add(dev_now(dev), c->tick_ns));
}

static bool cpu_realize(Device *dev, GError **error)
{
    TestCpu *c = (TestCpu *)dev;

    timer_init(&c->tick, dev, cpu_tick);
    return ram_block_add(dev->vm->ram, "ram", MACHINE_PAGES * GUEST_PAGE_SIZE,
                         &c->ram, &c->page, error);
}

static void cpu_reset_done(Device *dev)
{
    TestCpu *c = (TestCpu *)dev;

    if (c->tick_ns) {
        timer_arm(&c->tick, virt_add(dev_now(dev), c->tick_ns));
    }
}

static const StateField cpu_state[] = {
    STATE(TestCpu, acc, .reset = 1),
    STATE(TestCpu, halted),
    STATE(TestCpu, pending),
    STATE(TestCpu, last),
    STATE(TestCpu, inputs),
    STATE(TestCpu, accepted_at),
    STATE(TestCpu, tick),
    WIRE(TestCpu, tick_ns),
    WIRE(TestCpu, ram),
    WIRE(TestCpu, page),
    WIRE(TestCpu, setup),
    STATE_END,
};

static const DeviceType cpu_type = {
    .name = "test-cpu",
    .size = sizeof(TestCpu),
    .state = cpu_state,
    .realize = cpu_realize,
    .reset_done = cpu_reset_done,
};

/* --- input ------------------------------------------------------------------- */

typedef struct TestInput {
    uint32_t size;
    uint8_t data[16];
} TestInput;

static bool test_input_codec(Codec *c, void *event)
{
    TestInput *e = event;

    return codec_size(c, &e->size, sizeof(e->data))
           && codec_bytes(c, e->data, e->size);
}

static void test_input_deliver(Vm *vm, const void *event)
{
    const TestInput *e = event;
    TestCpu *c = (TestCpu *)g_ptr_array_index(vm->vcpus, 0);

    for (uint32_t i = 0; i < e->size; i++) {
        c->last = c->last * 31 + e->data[i];
    }
    c->inputs++;
    c->pending = true;
}

static const InputSource test_source = {
    .name = "test",
    .version = 3,
    .event_size = sizeof(TestInput),
    .codec = test_input_codec,
    .deliver = test_input_deliver,
};

static void post_random(Vm *vm, GRand *rand)
{
    TestInput e = {.size = (uint32_t)g_rand_int_range(rand, 0, 17)};

    for (uint32_t i = 0; i < e.size; i++) {
        e.data[i] = (uint8_t)g_rand_int(rand);
    }
    input_post(vm, &test_source, &e);
}

/* --- the vCPU ----------------------------------------------------------------- */

static void cpu_step(TestCpu *c)
{
    Vm *vm = c->dev.vm;
    uint64_t n = clock_icount(vm->clock);
    uint32_t page;

    c->acc = c->acc * 6364136223846793005u + c->last + n;
    if (n + 1 == c->setup->wrong_at) {
        c->acc ^= 1ull << 63; /* stays there: when it halts is the same */
    }
    page = (uint32_t)(c->acc >> 32) % MACHINE_PAGES;
    if (n + 1 == c->setup->wrong_write) {
        page = (page + 1) % MACHINE_PAGES;
    }
    ram_dirty(vm, c->page + page);
    /* never 0: a write to the wrong page of fresh RAM is to be seen */
    c->ram[page * GUEST_PAGE_SIZE + (c->acc >> 52)] =
        (uint8_t)(c->acc >> 8 | 1);
    clock_set_icount(vm->clock, n + 1);
    if ((c->acc >> 40) % 512 == 0) {
        c->halted = c->tick_ns || c->setup->input_every;
    }
    if ((c->acc >> 16) % 1024 == 0) {
        uint8_t byte = (uint8_t)(c->acc >> 24);

        replay_output(vm->replay, &byte, 1);
    }
    if (n + 1 == c->setup->off_at) {
        vm_request(vm, VM_REQ_SHUTDOWN, VM_CAUSE_GUEST_SHUTDOWN);
    }
}

static void cpu_run(TestCpu *c, uint32_t budget)
{
    while (budget-- > 0 && !c->halted && !c->dev.vm->requests) {
        cpu_step(c);
    }
}

/* One interrupt at most at each icount. */
static void cpu_accept(TestCpu *c)
{
    uint64_t now = clock_icount(c->dev.vm->clock);

    if (c->pending && c->accepted_at != now + 1) {
        c->pending = false;
        c->halted = false;
        c->accepted_at = now + 1;
        c->acc += 0x1234567;
        replay_changed(c->dev.vm->replay);
    }
}

/* --- the loop ----------------------------------------------------------------- */

typedef struct Machine {
    Vm *vm;
    TestCpu *cpu;
    Replay *replay;
    GRand *rand;
    uint64_t next_input;
    const MachineSetup *setup;
} Machine;

static void machine_wait(void *opaque, int64_t ns)
{
    Machine *m = opaque;

    /* Something comes in while the machine waits. */
    if (m->setup->input_every && replay_mode(m->replay) != REPLAY_PLAY) {
        post_random(m->vm, m->rand);
    }
    g_usleep((gulong)(MIN(ns, 20000) / 1000));
}

static void machine_host(Machine *m)
{
    uint64_t now = clock_icount(m->vm->clock);

    if (m->setup->input_every && replay_mode(m->replay) != REPLAY_PLAY
        && now >= m->next_input) {
        post_random(m->vm, m->rand);
        if (g_rand_boolean(m->rand)) {
            post_random(m->vm, m->rand);
        }
        m->next_input = now
                        + (uint64_t)g_rand_int_range(
                            m->rand, 1, (gint32)m->setup->input_every * 2);
    }
}

static uint32_t machine_budget(Machine *m)
{
    Clock *clock = m->vm->clock;
    uint64_t now = clock_icount(clock);
    uint64_t budget = replay_limit(m->replay);

    budget = MIN(budget, clock_deadline_icount(clock, 1) - now);
    if (replay_mode(m->replay) != REPLAY_PLAY && m->setup->stop_at > now) {
        budget = MIN(budget, m->setup->stop_at - now);
    }
    if (replay_mode(m->replay) != REPLAY_PLAY && m->setup->input_every) {
        budget = MIN(budget, m->next_input - MIN(now, m->next_input) + 1);
    }
    if (m->setup->extra_slice) {
        uint64_t some = (uint64_t)g_rand_int_range(
            m->rand, 1, (gint32)m->setup->extra_slice);

        budget = MIN(budget, some);
    }
    if (m->cpu->pending) {
        budget = MIN(budget, 1);
    }
    return (uint32_t)budget;
}

static void disk_limit(uint64_t bytes)
{
    struct rlimit l;

    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &l), ==, 0);
    l.rlim_cur = bytes ? bytes : l.rlim_max;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &l), ==, 0);
}

/* A full disk stops the machine; with room again it goes on. */
static bool machine_disk_full(Machine *m, MachineRun *out)
{
    uint64_t before = clock_icount(m->vm->clock);

    if (replay_mode(m->replay) != REPLAY_RECORD || out->full++) {
        return false;
    }
    g_assert_nonnull(strstr(replay_report(m->replay), "cannot be written"));
    g_assert_cmpint(replay_deliver(m->replay), ==, REPLAY_DIVERGED);
    g_assert_cmpuint(replay_limit(m->replay), ==, 0);
    g_assert_cmpuint(clock_icount(m->vm->clock), ==, before);
    disk_limit(0);
    return true;
}

/* True while the machine goes on. */
static bool machine_pass(Machine *m, MachineRun *out)
{
    Vm *vm = m->vm;
    ReplayVerdict v;

    if (vm->requests) {
        g_autoptr(GError) error = NULL;

        vm->requests = 0;
        out->result = replay_end(m->replay, vm->cause, true, &error)
                          ? MACHINE_ENDED
                          : MACHINE_DIVERGED;
        out->text = error ? g_strdup(error->message) : NULL;
        return false;
    }
    if (clock_run_due(vm->clock)) {
        replay_changed(m->replay);
    }
    machine_host(m);
    v = replay_deliver(m->replay);
    if (v == REPLAY_GO) {
        cpu_accept(m->cpu);
        if (replay_mode(m->replay) != REPLAY_PLAY && m->setup->stop_at
            && clock_icount(vm->clock) >= m->setup->stop_at) {
            out->result = MACHINE_ENDED;
            return false;
        }
        if (checkpoints_poll(replay_checkpoints(m->replay))) {
            return true;
        }
        if (m->cpu->halted) {
            v = replay_idle(m->replay, machine_wait, m);
        } else {
            cpu_run(m->cpu, machine_budget(m));
            replay_ran(m->replay);
        }
    }
    if (v == REPLAY_DIVERGED && machine_disk_full(m, out)) {
        return true;
    }
    if (v == REPLAY_ENDED || v == REPLAY_DIVERGED) {
        out->result = v == REPLAY_ENDED ? MACHINE_ENDED : MACHINE_DIVERGED;
        out->text = g_strdup(replay_report(m->replay));
        return false;
    }
    return true;
}

static void blob_free(gpointer p)
{
    ReplayBlob *b = p;

    g_free(b->name);
    g_bytes_unref(b->data);
    g_free(b);
}

static GPtrArray *machine_blobs(const Machine *m)
{
    GPtrArray *blobs = g_ptr_array_new_with_free_func(blob_free);
    ReplayBlob *b = g_new0(ReplayBlob, 1);

    b->name = g_strdup("firmware");
    b->embed = true;
    b->data = replay_blob(m->replay, "firmware");
    if (b->data) {
        g_bytes_ref(b->data);
    } else {
        b->data = g_bytes_new_static("firmware bytes", 14);
    }
    g_ptr_array_add(blobs, b);
    if (m->setup->kernel) {
        b = g_new0(ReplayBlob, 1);
        b->name = g_strdup("kernel");
        b->data = m->setup->other_kernel ? g_bytes_new_static("tux", 3)
                                         : g_bytes_new_static("gnu", 3);
        g_ptr_array_add(blobs, b);
    }
    return blobs;
}

static bool machine_start(Machine *m, GError **error)
{
    ReplayOptions o = {0};
    Seal *seal = seal_new();
    g_autoptr(GPtrArray) blobs = NULL;
    g_autofree char *text = NULL;
    bool ok;

    if (m->setup->options) {
        GString *s = g_string_new(m->setup->options);

        g_string_replace(s, "%s", m->setup->file ? m->setup->file : "", 0);
        text = g_string_free(s, FALSE);
        replay_options_parse(&o, text, error);
        g_assert_no_error(*error);
    }
    m->replay = replay_new(m->vm, &o, error);
    replay_options_clear(&o);
    if (!m->replay) {
        seal_free(seal);
        return false;
    }
    seal_add(seal, "board", "test");
    seal_add(seal, "ram", "%s", m->setup->ram ? m->setup->ram : "256K");
    seal_note(seal, "command line", "test");
    seal->calendar_sec = 1000;
    blobs = machine_blobs(m);
    ok = replay_start(m->replay, seal, blobs, error);
    seal_free(seal);
    return ok;
}

static void machine_loop(Machine *m, MachineRun *out)
{
    unsigned most = m->setup->options && strstr(m->setup->options, "sleep=on")
                        ? PASSES_SLOW
                        : PASSES_MAX;
    g_autoptr(GError) error = NULL;
    CheckpointStats stats;

    out->result = MACHINE_STUCK;
    if (m->setup->disk_bytes) {
        disk_limit(m->setup->disk_bytes);
    }
    for (unsigned i = 0; i < most && machine_pass(m, out); i++) {
        if (m->setup->frame_every && i % m->setup->frame_every == 0
            && replay_mode(m->replay) == REPLAY_RECORD) {
            record_poll(m->replay, host_now(), true);
        }
    }
    out->icount = clock_icount(m->vm->clock);
    out->virt_ns = vm_now(m->vm).ns;
    out->inputs = m->cpu->inputs;
    out->digest = replay_digest(m->replay);
    if (replay_checkpoints(m->replay)) {
        checkpoints_stats(replay_checkpoints(m->replay), &stats);
        out->restored = stats.restored;
    }
    if (out->result == MACHINE_ENDED) {
        replay_end(m->replay, VM_CAUSE_HOST_QMP_QUIT, false, &error);
        g_assert_no_error(error);
    }
}

void machine_run(const MachineSetup *s, MachineRun *out)
{
    Machine m = {.vm = vm_new(), .setup = s, .rand = g_rand_new()};
    GError *error = NULL;

    *out = (MachineRun){0};
    m.cpu = (TestCpu *)device_new(m.vm, &cpu_type, NULL, "cpu");
    m.cpu->tick_ns = s->tick_ns;
    m.cpu->setup = s;
    g_ptr_array_add(m.vm->vcpus, &m.cpu->dev);
    device_realize(&m.cpu->dev, &error);
    g_assert_no_error(error);
    input_source_register(m.vm, &test_source);
    devices_seal(m.vm);
    devices_reset(m.vm);
    if (machine_start(&m, &error)) {
        machine_loop(&m, out);
    } else {
        out->text = g_strdup(error->message);
        g_clear_error(&error);
    }
    replay_free(m.replay);
    vm_free(m.vm);
    g_rand_free(m.rand);
}

void machine_run_clear(MachineRun *run)
{
    g_clear_pointer(&run->text, g_free);
}

char *machine_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("replay-XXXXXX", &error);

    g_assert_no_error(error);
    return g_build_filename(dir, "log,1.bin", NULL);
}

void machine_file_free(char *file)
{
    g_autofree char *dir = g_path_get_dirname(file);

    g_unlink(file);
    g_rmdir(dir);
    g_free(file);
}
