/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine thread: passes between slices, and the end of a run. */
#include "system/run_priv.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#include "chardev/port.h"
#include "core/trace.h"
#include "replay/checkpoint.h"
#include "system/progress.h"

#define STOPPED_WAIT_NS 100000000 /* how often a stopped loop flushes its log */
#define SLOW_READER_WAIT_NS 1000000
#define PERF_MAP_PASSES 4096
#define PROGRESS_MS 500
#define STATUS_DIVERGED 4

/* clang-format off */
static const StateField loop_state[] = {
    STATE(LoopDev, accepted_at, .doc = "one interrupt per icount: when the last was accepted"),
    STATE(LoopDev, current,     .doc = "vCPU whose turn it is"),
    STATE(LoopDev, turn_left,   .doc = "steps until the next vCPU's turn"),
    STATE_END,
};

static void loop_rebuild(Device *dev)
{
    LoopDev *l = (LoopDev *)dev;
    Vm *vm = dev->vm;

    l->current %= MAX(vm->vcpus->len, 1); /* a load may say anything */
    if (vm->vcpus->len > 0) {
        vm->vcpu_now = g_ptr_array_index(vm->vcpus, l->current);
    }
}

const DeviceType loop_type = {
    .name = "machine-loop", .size = sizeof(LoopDev), .state = loop_state,
    .rebuild = loop_rebuild,
    .doc = "state of the machine loop",
};
/* clang-format on */

Run *run_new(Vm *vm, const RunOptions *o)
{
    Run *r = g_new0(Run, 1);

    r->vm = vm;
    r->o = *o;
    r->state = RUN_PRELAUNCH;
    r->dev = (LoopDev *)device_new(vm, &loop_type, NULL, "loop");
    g_mutex_init(&r->lock);
    g_cond_init(&r->wake);
    g_cond_init(&r->served);
    g_queue_init(&r->calls);
    g_queue_init(&r->settled);
    r->hooks = g_array_new(FALSE, FALSE, sizeof(RunHook));
    run_add_hook(r, control_tell, NULL);
    run_add_hook(r, debug_tell, NULL);
    debug_init(r);
    run_travel_init(r);
    vm->system = r;
    control_install(vm, &run_control_ops);
    input_set_wakeup(vm->input, run_wake, r);
    return r;
}

void run_free(Run *r)
{
    if (!r) {
        return;
    }
    g_mutex_clear(&r->lock);
    g_cond_clear(&r->wake);
    g_cond_clear(&r->served);
    g_clear_pointer(&r->io, g_main_loop_unref);
    run_travel_fini(r);
    if (r->perf_map) {
        fclose(r->perf_map);
    }
    g_array_free(r->hooks, TRUE);
    g_queue_clear_full(&r->calls, g_free); /* only posted ones are left */
    g_free(r->o.name);
    g_free(r->o.uuid);
    g_free(r);
}

/* --- waiting and being called --------------------------------------------- */

void run_wake(void *run)
{
    Run *r = run;

    g_mutex_lock(&r->lock);
    r->woken = true;
    g_cond_signal(&r->wake);
    g_mutex_unlock(&r->lock);
}

/* ReplayWait: sleep at most @ns, or until somebody wants the machine. */
static void run_wait(void *run, int64_t ns)
{
    Run *r = run;
    gint64 until = g_get_monotonic_time() + MAX(ns / 1000, 1);

    g_mutex_lock(&r->lock);
    while (!r->woken && g_queue_is_empty(&r->calls)) {
        if (!g_cond_wait_until(&r->wake, &r->lock, until)) {
            break;
        }
    }
    r->woken = false;
    g_mutex_unlock(&r->lock);
}

static void run_call_and_wait(Vm *vm, RunCall call)
{
    Run *r = run_of(vm);

    if (!vm->thread || vm->thread == g_thread_self()) {
        call.fn(vm, call.opaque);
        return;
    }
    g_mutex_lock(&r->lock);
    if (!r->over) {
        g_queue_push_tail(&r->calls, &call);
        g_atomic_int_set(&r->attention, 1);
        g_cond_signal(&r->wake);
        while (!call.done && !r->over) {
            g_cond_wait(&r->served, &r->lock);
        }
        if (!call.done) {
            g_queue_remove(&r->calls, &call);
            g_queue_remove(&r->settled, &call);
        }
    }
    g_mutex_unlock(&r->lock);
}

void run_call(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque)
{
    run_call_and_wait(vm, (RunCall){.fn = fn, .opaque = opaque});
}

void run_call_settled(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque)
{
    run_call_and_wait(vm,
                      (RunCall){.fn = fn, .opaque = opaque, .settled = true});
}

void run_settled(Run *r)
{
    RunCall *call;

    g_mutex_lock(&r->lock);
    while ((call = g_queue_pop_tail(&r->settled))) {
        g_queue_push_head(&r->calls, call);
        g_atomic_int_set(&r->attention, 1);
    }
    g_mutex_unlock(&r->lock);
}

void run_post(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque)
{
    Run *r = run_of(vm);
    RunCall *call = g_new0(RunCall, 1);

    *call = (RunCall){.fn = fn, .opaque = opaque, .posted = true};
    g_mutex_lock(&r->lock);
    g_queue_push_tail(&r->calls, call);
    g_atomic_int_set(&r->attention, 1);
    g_cond_signal(&r->wake);
    g_mutex_unlock(&r->lock);
}

void run_serve(Run *r)
{
    RunCall *call;

    if (!g_atomic_int_get(&r->attention)) {
        return;
    }
    g_mutex_lock(&r->lock);
    while ((call = g_queue_pop_head(&r->calls))) {
        if (call->settled && r->travel.goal != TRAVEL_GOAL_NONE) {
            g_queue_push_tail(&r->settled, call);
            continue;
        }
        g_mutex_unlock(&r->lock);
        call->fn(r->vm, call->opaque);
        g_mutex_lock(&r->lock);
        call->done = true;
        if (call->posted) {
            g_free(call);
        }
        g_cond_broadcast(&r->served);
    }
    g_atomic_int_set(&r->attention, 0);
    g_mutex_unlock(&r->lock);
}

/* --- ends ------------------------------------------------------------------ */

/* Nobody could look at a stopped machine (docs/architecture.md, "Ends"). */
static bool run_unattended(const Run *r)
{
    return !r->o.start_stopped && !r->o.no_shutdown && !isatty(STDIN_FILENO)
           && !monitor_attended(r->vm) && !gdb_attended(r->vm);
}

static void run_close_log(Run *r, bool guest_off)
{
    g_autoptr(GError) error = NULL;

    if (r->ended) {
        return;
    }
    r->ended = true;
    if (!replay_end(r->vm->replay, r->cause, guest_off, &error)) {
        g_printerr("reprise: %s\n", error->message);
        r->status =
            replay_mode(r->vm->replay) == REPLAY_PLAY ? STATUS_DIVERGED : 1;
    }
}

void run_nobody_left(Run *r)
{
    if (run_unattended(r)) {
        run_quit(r->vm, VM_CAUSE_NONE, r->status);
    }
}

static void run_end_of_recording(Run *r)
{
    const char *cut = replay_report(r->vm->replay);

    r->ended = true;
    if (cut) {
        g_printerr("reprise: %s\n", cut);
    }
    g_printerr("reprise: end of recording at instruction %" G_GUINT64_FORMAT
               "\n",
               clock_icount(r->vm->clock));
    if (run_unattended(r)) {
        run_quit(r->vm, VM_CAUSE_NONE, 0);
        return;
    }
    run_stop(r->vm, RUN_PAUSED);
}

static void run_diverged(Run *r)
{
    bool playing = replay_mode(r->vm->replay) == REPLAY_PLAY;
    const char *report = replay_report(r->vm->replay);

    g_printerr("reprise: %s\n", report ? report : "the log failed");
    if (r->travel.on) {
        r->ended = true;
        r->status = STATUS_DIVERGED;
        run_stop(r->vm, RUN_INTERNAL_ERROR);
        return;
    }
    if (playing) {
        r->ended = true;
        if (run_unattended(r)) {
            run_quit(r->vm, VM_CAUSE_HOST_ERROR, STATUS_DIVERGED);
            return;
        }
        r->status = STATUS_DIVERGED;
    }
    run_stop(r->vm, playing ? RUN_INTERNAL_ERROR : RUN_IO_ERROR);
}

void run_let_go(Run *r)
{
    if (r->held) {
        run_quit(r->vm, r->vm->cause,
                 r->status ? r->status : MAX(r->vm->exit_status, 0));
    }
}

/* A debugger may go back from the end of a recording: it stays. */
static bool run_held_by_debugger(const Run *r)
{
    return replay_mode(r->vm->replay) == REPLAY_PLAY && !r->status
           && gdb_attended(r->vm);
}

/* --- one pass --------------------------------------------------------------- */

static void run_shutdown(Run *r)
{
    Vm *vm = r->vm;
    g_autofree char *data =
        g_strdup_printf("{\"guest\": %s, \"reason\": \"%s\"}",
                        vm->cause >= VM_CAUSE_GUEST_SHUTDOWN ? "true" : "false",
                        vm_cause_name(vm->cause));

    if (!replay_behind(vm->replay)) {
        monitor_event(vm, "SHUTDOWN", data);
    }
    r->cause = vm->cause;
    run_close_log(r, true);
    r->guest_off = true;
    r->held = !r->o.no_shutdown && (r->travel.on || run_held_by_debugger(r));
    if (r->travel.on) {
        return; /* the end of the way */
    }
    if (r->o.no_shutdown || r->held) {
        run_stop(vm, RUN_SHUTDOWN);
        return;
    }
    run_quit(vm, vm->cause, r->status ? r->status : MAX(vm->exit_status, 0));
}

static void run_reset(Run *r)
{
    Vm *vm = r->vm;
    g_autofree char *data =
        g_strdup_printf("{\"guest\": %s, \"reason\": \"%s\"}",
                        vm->cause >= VM_CAUSE_GUEST_SHUTDOWN ? "true" : "false",
                        vm_cause_name(vm->cause));

    devices_reset(vm);
    replay_changed(vm->replay);
    if (!replay_behind(vm->replay)) {
        monitor_event(vm, "RESET", data);
    }
}

/* What a device asked for, directly after the instruction that asked. */
static bool run_requests(Run *r)
{
    Vm *vm = r->vm;
    unsigned asked = vm->requests;

    if (!asked) {
        return false;
    }
    vm->requests = 0;
    if ((asked & VM_REQ_RESET) && r->o.no_reboot) {
        asked |= VM_REQ_SHUTDOWN;
    }
    if (asked & VM_REQ_SHUTDOWN) {
        run_shutdown(r);
    } else if (asked & VM_REQ_RESET) {
        run_reset(r);
    } else if (asked & VM_REQ_STOP) {
        run_stop(vm, RUN_DEBUG);
    }
    return true;
}

/* NULL: there is none (-machine none) */
static Vcpu *run_vcpu(const Run *r)
{
    const GPtrArray *vcpus = r->vm->vcpus;

    return vcpus->len ? g_ptr_array_index(vcpus, r->dev->current) : NULL;
}

/* --- turns ------------------------------------------------------------------- */

static uint32_t run_turn_steps(const Vm *vm)
{
    uint64_t rate = clock_rate(vm->clock); /* ns per step, 32.32 */
    uint64_t steps = ((uint64_t)RUN_TURN_NS << 32) / MAX(rate, 1);

    return (uint32_t)CLAMP(steps, RUN_TURN_MIN, RUN_TURN_MAX);
}

/* The turn passes on when it is over or its vCPU is not runnable. */
static void run_turn(Run *r)
{
    Vm *vm = r->vm;
    guint count = vm->vcpus->len;

    if (count < 2
        || (r->dev->turn_left > 0 && run_vcpu(r)->ops->runnable(run_vcpu(r)))) {
        return;
    }
    for (guint i = 1; i <= count; i++) {
        guint next = (r->dev->current + i) % count;
        Vcpu *v = g_ptr_array_index(vm->vcpus, next);

        if (v->ops->runnable(v)) {
            r->dev->current = next;
            r->dev->turn_left = run_turn_steps(vm);
            vm->vcpu_now = &v->dev;
            replay_changed(vm->replay);
            return;
        }
    }
}

static void run_turn_used(Run *r, uint64_t steps)
{
    r->dev->turn_left -= (uint32_t)MIN(steps, r->dev->turn_left);
    if (r->vm->turn_over) {
        r->dev->turn_left = 0;
        r->vm->turn_over = false;
    }
}

/* One interrupt at most at each icount. */
static void run_accept(Run *r, Vcpu *v)
{
    uint64_t now = clock_icount(r->vm->clock);

    if (r->dev->accepted_at == now + 1 || v->ops->irq_inhibited(v)
        || !v->ops->irq_acceptable(v)) {
        return;
    }
    trace(r->vm, cpu_accept, v->dev.path);
    v->ops->irq_accept(v);
    r->dev->accepted_at = now + 1;
    replay_changed(r->vm->replay);
}

static bool run_verdict(Run *r, ReplayVerdict verdict)
{
    switch (verdict) {
    case REPLAY_GO:
        return true;
    case REPLAY_CHANGED:
        return false;
    case REPLAY_ENDED:
        if (run_vcpu(r)) { /* a breakpoint here comes first */
            debug_check(r, run_vcpu(r));
        }
        if (r->travel.on) {
            r->ended = true;
        } else if (r->state == RUN_RUNNING) {
            run_end_of_recording(r);
        }
        return false;
    case REPLAY_DIVERGED:
        run_diverged(r);
        return false;
    }
    return false;
}

static uint32_t run_budget(Run *r, Vcpu *v)
{
    Clock *clock = r->vm->clock;
    uint64_t now = clock_icount(clock);
    uint64_t budget = replay_limit(r->vm->replay);

    budget = MIN(budget, clock_deadline_icount(clock, 1) - now);
    budget = MIN(budget, debug_limit(r, v));
    if (r->vm->vcpus->len > 1) {
        budget = MIN(budget, r->dev->turn_left);
    }
    if (v->ops->irq_acceptable(v)) {
        budget = MIN(budget, 1); /* a second one waits for the next icount */
    }
    return (uint32_t)MIN(budget, INT32_MAX);
}

static void run_slice(Run *r, Vcpu *v)
{
    uint64_t before = clock_icount(r->vm->clock);
    uint32_t budget = run_budget(r, v);

    if (budget == 0) {
        return;
    }
    r->vm->horizon = false;
    vcpu_run(v, budget); /* a breakpoint is judged at the next pass */
    run_turn_used(r, clock_icount(r->vm->clock) - before);
    replay_ran(r->vm->replay);
    debug_ran(r, v, before);
}

/* A way begins here, or a part of it ends. */
static bool run_is_elsewhere(const Run *r)
{
    return r->travel.goal != TRAVEL_GOAL_NONE
           && (!r->travel.on || r->travel.there);
}

void run_pass(Run *r)
{
    Vm *vm = r->vm;
    Vcpu *v;

    if (run_requests(r)) {
        return;
    }
    if (chr_output_full(vm)) { /* a slow reader: virtual time stands still */
        run_serve(r);
        run_wait(r, SLOW_READER_WAIT_NS);
        replay_flush(vm->replay); /* what came before must not get old */
        return;
    }
    if (clock_run_due(vm->clock)) {
        replay_changed(vm->replay);
    }
    if (!run_verdict(r, replay_deliver(vm->replay)) || vm->requests) {
        return;
    }
    run_turn(r);
    v = run_vcpu(r);
    run_accept(r, v);
    debug_check(r, v);
    run_serve(r);
    if (r->state != RUN_RUNNING || r->quitting || vm->requests
        || run_is_elsewhere(r)) {
        return;
    }
    if (checkpoints_poll(replay_checkpoints(vm->replay))) {
        return;
    }
    if (!v->ops->runnable(v)) {
        run_verdict(r, replay_idle(vm->replay, run_wait, r));
        return;
    }
    run_slice(r, v);
}

/* A machine without a vCPU answers and waits. */
static void run_pass_empty(Run *r)
{
    if (run_requests(r) || !run_verdict(r, replay_deliver(r->vm->replay))) {
        return;
    }
    run_serve(r);
    if (r->state == RUN_RUNNING && !r->quitting && !r->vm->requests) {
        run_verdict(r, replay_idle(r->vm->replay, run_wait, r));
    }
}

static void run_note_progress(Run *r)
{
    g_mutex_lock(&r->lock);
    r->seen_icount = clock_icount(r->vm->clock);
    g_mutex_unlock(&r->lock);
}

/* The file that perf(1) looks for: address, size and name of generated code. */
static void run_write_perf_map(Run *r)
{
    g_autoptr(GString) lines = g_string_new(NULL);

    if (!r->o.perf_map) {
        return;
    }
    if (!r->perf_map) {
        g_autofree char *path =
            g_strdup_printf("/tmp/perf-%d.map", (int)getpid());

        r->perf_map = fopen(path, "we");
        if (!r->perf_map) {
            g_printerr("reprise: -perfmap: %s: %s\n", path, g_strerror(errno));
            r->o.perf_map = false;
            return;
        }
    }
    accel_perf_map(r->vm, lines);
    fwrite(lines->str, 1, lines->len, r->perf_map);
    fflush(r->perf_map);
}

static gboolean run_leave(gpointer data)
{
    Run *r = data;

    g_main_loop_quit(r->io);
    return G_SOURCE_REMOVE;
}

static gpointer run_thread(gpointer data)
{
    Run *r = data;
    unsigned passes = 0;

    g_mutex_lock(&r->lock); /* run_main() has named this thread */
    g_mutex_unlock(&r->lock);
    r->vm->vcpu_now = (Device *)run_vcpu(r);
    if (r->o.start_stopped) {
        replay_stopped(r->vm->replay);
    } else {
        run_cont(r->vm, NULL);
    }
    while (!r->quitting) {
        if (r->state == RUN_RUNNING && !r->vm->vcpus->len) {
            run_pass_empty(r);
        } else if (r->state == RUN_RUNNING
                   && r->travel.goal != TRAVEL_GOAL_NONE) {
            run_travel(r);
        } else if (r->state == RUN_RUNNING) {
            run_pass(r);
            if (++passes % 64 == 0) {
                run_note_progress(r);
            }
            if (passes % PERF_MAP_PASSES == 0) {
                run_write_perf_map(r);
            }
        } else {
            run_serve(r);
            if (r->state != RUN_RUNNING && !r->quitting) {
                run_wait(r, STOPPED_WAIT_NS);
                replay_flush(r->vm->replay);
            }
        }
    }
    run_write_perf_map(r);
    run_close_log(r, false);
    r->vm->thread = NULL;
    g_mutex_lock(&r->lock);
    r->over = true;
    g_cond_broadcast(&r->served);
    g_mutex_unlock(&r->lock);
    run_arrived(r);
    g_idle_add(run_leave, r); /* the I/O thread may not be in its loop yet */
    return NULL;
}

/* --- the I/O thread --------------------------------------------------------- */

static void run_signal_call(Vm *vm, void *opaque)
{
    run_quit(vm, VM_CAUSE_HOST_SIGNAL, 0);
}

static gboolean run_on_signal(Run *r, int number)
{
    g_printerr("reprise: terminating on signal %d\n", number);
    run_call(r->vm, run_signal_call, NULL);
    return G_SOURCE_CONTINUE;
}

static gboolean run_on_int(gpointer run)
{
    return run_on_signal(run, SIGINT);
}

static gboolean run_on_term(gpointer run)
{
    return run_on_signal(run, SIGTERM);
}

static gboolean run_on_hup(gpointer run)
{
    return run_on_signal(run, SIGHUP);
}

static gboolean run_draw_progress(gpointer data)
{
    Run *r = data;
    uint64_t end = replay_end_icount(r->vm->replay);
    uint64_t at;

    g_mutex_lock(&r->lock);
    at = r->seen_icount;
    g_mutex_unlock(&r->lock);
    if (end) {
        progress_draw(r->o.shared_terminal, at, end);
    }
    return G_SOURCE_CONTINUE;
}

int run_status(const Run *r)
{
    return r->status;
}

int run_main(Run *r)
{
    guint progress = 0;

    r->io = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, run_on_int, r);
    g_unix_signal_add(SIGTERM, run_on_term, r);
    g_unix_signal_add(SIGHUP, run_on_hup, r);
    signal(SIGPIPE, SIG_IGN);
    if (r->o.progress && replay_mode(r->vm->replay) == REPLAY_PLAY) {
        progress = g_timeout_add(PROGRESS_MS, run_draw_progress, r);
    }
    g_mutex_lock(&r->lock);
    r->thread = g_thread_new("machine", run_thread, r);
    r->vm->thread = r->thread; /* before this thread serves any call */
    g_mutex_unlock(&r->lock);
    g_main_loop_run(r->io);
    g_thread_join(r->thread);
    if (progress) {
        g_source_remove(progress);
        progress_clear(r->o.shared_terminal);
    }
    return r->status;
}
