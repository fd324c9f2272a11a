/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stops at an exact moment: steps, breakpoints, watchpoints, and what the gdb
 * stub asks of the loop. All of them are judged where requests are served: after
 * the timers, inputs and the interrupt of that icount.
 */
#include "system/debug.h"

#include "core/error.h"
#include "gdbstub/gdbstub.h"
#include "system/run_priv.h"

#define DEBUG_PINS_MAX 16 /* checkpoints of debuggers that came */

/* --- state hooks ---------------------------------------------------------------- */

void run_add_hook(Run *r, RunHookFn *fn, void *opaque)
{
    RunHook hook = {.fn = fn, .opaque = opaque};

    g_array_append_val(r->hooks, hook);
}

void run_tell(Run *r)
{
    for (guint i = 0; i < r->hooks->len; i++) {
        const RunHook *h = &g_array_index(r->hooks, RunHook, i);

        h->fn(r->vm, r->state, h->opaque);
    }
}

/* --- where to stop ----------------------------------------------------------------- */

void debug_init(Run *r)
{
    r->debug = (RunDebug){.stop_at = UINT64_MAX, .step_vcpu = -1};
}

void debug_resumed(Run *r)
{
    debug_init(r);
    r->debug.passed_at = clock_icount(r->vm->clock) + 1;
    r->debug.passed_pc = ((Vcpu *)r->vm->vcpu_now)->pc;
}

static bool debug_passed(const Run *r, const Vcpu *v)
{
    return r->debug.passed_at == clock_icount(r->vm->clock) + 1
           && r->debug.passed_pc == v->pc;
}

uint64_t debug_limit(const Run *r, const Vcpu *v)
{
    uint64_t now = clock_icount(r->vm->clock);
    uint64_t most = r->debug.stop_at - now;

    if (r->travel.on) {
        most = run_travel_limit(r);
    } else if (r->break_set && moment_compare(r->served_at, r->break_at) < 0) {
        most = MIN(most, MAX(r->break_at.icount - now, 1));
    }
    /* the step that a breakpoint lets pass is alone: a repeated string
     * instruction stops before each iteration */
    if (r->debug.step_vcpu == (int)v->index || accel_break_here(r->vm, v->pc)) {
        most = MIN(most, 1);
    }
    return most;
}

static bool debug_in_range(const Run *r, const Vcpu *v)
{
    uint64_t pc = v->ops->get_pc(v);

    return pc >= r->debug.step_from && pc < r->debug.step_to;
}

void debug_ran(Run *r, const Vcpu *v, uint64_t before)
{
    if (r->travel.on) {
        run_travel_ran(r, v, before);
    } else if (r->debug.step_vcpu == (int)v->index
               && clock_icount(r->vm->clock) != before
               && !debug_in_range(r, v)) {
        r->debug.step_vcpu = -1;
        r->debug.stepped = v->index;
        r->debug.stop_at = clock_icount(r->vm->clock);
    }
}

static void debug_stop(Run *r, const GdbStop *why)
{
    r->debug.why = *why;
    r->debug.why_set = true;
    run_stop(r->vm, RUN_DEBUG);
}

bool debug_break_here(Run *r, Vcpu *v)
{
    if (!accel_break_here(r->vm, v->pc) || !v->ops->runnable(v)
        || debug_passed(r, v)) {
        return false;
    }
    r->debug.passed_at = clock_icount(r->vm->clock) + 1;
    r->debug.passed_pc = v->pc;
    return gdb_break_hit(r->vm, v->index, v->pc);
}

/* The stop of replay_break, which is for once: on arriving. */
static bool debug_break_at(Run *r, Moment before)
{
    if (!r->break_set || moment_compare(before, r->break_at) >= 0
        || moment_compare(r->served_at, r->break_at) < 0) {
        return false;
    }
    r->break_set = false;
    return true;
}

void debug_check(Run *r, Vcpu *v)
{
    GdbStop why = {.vcpu = v->index};
    AccelWatchHit hit;
    Moment before = r->served_at;

    if (r->travel.on) {
        run_travel_served(r, v);
        return;
    }
    r->served_at = replay_moment(r->vm->replay);
    if (accel_watch_take(r->vm, &hit)) {
        why = (GdbStop){.kind = GDB_STOP_WATCH,
                        .vcpu = hit.index,
                        .va = hit.va,
                        .watch = hit.kind};
        debug_stop(r, &why);
    } else if (clock_icount(r->vm->clock) >= r->debug.stop_at) {
        why.kind = GDB_STOP_STEP;
        why.vcpu = r->debug.stepped; /* the turn may have passed on */
        debug_stop(r, &why);
    } else if (debug_break_here(r, v)) {
        why.kind = GDB_STOP_BREAK;
        debug_stop(r, &why);
    } else if (debug_break_at(r, before)) {
        run_stop(r->vm, RUN_PAUSED);
    }
}

/* --- what the stub asks ---------------------------------------------------------------- */

static bool debug_running(const Vm *vm)
{
    return run_of(vm)->state == RUN_RUNNING;
}

static bool debug_travelling(const Vm *vm)
{
    return run_of(vm)->travel.goal != TRAVEL_GOAL_NONE;
}

static void debug_pause(Vm *vm)
{
    run_stop(vm, RUN_PAUSED);
}

static bool debug_step(Vm *vm, unsigned vcpu, uint64_t from, uint64_t to,
                       GError **error)
{
    RunDebug *d = &run_of(vm)->debug;

    if (!run_cont(vm, error)) {
        return false;
    }
    d->step_vcpu = (int)vcpu;
    d->step_from = from;
    d->step_to = to;
    return true;
}

/* Posted inputs happen now, at this moment, though nothing runs. */
static bool debug_deliver(Vm *vm, GError **error)
{
    ReplayVerdict verdict = replay_deliver(vm->replay);

    if (run_of(vm)->state != RUN_RUNNING) {
        replay_stopped(vm->replay);
    }
    return verdict != REPLAY_DIVERGED
           || fail(error, "%s", replay_report(vm->replay));
}

/* Where this debugger came: `loadvm start_debugging` leads back. */
void debug_attached(Vm *vm)
{
    Run *r = run_of(vm);

    r->debug_comes = r->travel.goal != TRAVEL_GOAL_NONE;
    if (replay_mode(vm->replay) != REPLAY_PLAY || r->debug_comes) {
        return;
    }
    r->debug_start = replay_moment(vm->replay);
    r->debug_started = true;
    if (!r->ended && !vm->requests && r->debug_pins < DEBUG_PINS_MAX
        && replay_checkpoints(vm->replay)) {
        r->debug_pins++;
        checkpoint_take(replay_checkpoints(vm->replay), true);
    }
}

bool run_debug_start(const Vm *vm, Moment *out)
{
    *out = run_of(vm)->debug_start;
    return run_of(vm)->debug_started;
}

static bool debug_can_back(const Vm *vm)
{
    return replay_mode(vm->replay) == REPLAY_PLAY
           && replay_checkpoints(vm->replay);
}

static void debug_why(const Vm *vm, GdbStop *out)
{
    const Run *r = run_of(vm);

    *out = (GdbStop){.vcpu = ((const Vcpu *)vm->vcpu_now)->index};
    switch (r->state) {
    case RUN_PRELAUNCH:
    case RUN_RUNNING:
    case RUN_PAUSED:
        out->kind = GDB_STOP_PAUSED;
        break;
    case RUN_DEBUG:
        out->kind = GDB_STOP_STEP;
        break;
    case RUN_SHUTDOWN:
        out->kind = GDB_STOP_SHUTDOWN;
        break;
    case RUN_IO_ERROR:
        out->kind = GDB_STOP_IO_ERROR;
        break;
    case RUN_INTERNAL_ERROR:
        out->kind = GDB_STOP_INTERNAL;
        break;
    default:
        out->kind = GDB_STOP_OTHER;
        break;
    }
    if (r->ended && replay_mode(vm->replay) == REPLAY_PLAY
        && (out->kind == GDB_STOP_PAUSED || out->kind == GDB_STOP_SHUTDOWN)) {
        out->kind = GDB_STOP_LOG_END;
    }
}

void debug_go_on(Run *r)
{
    if (r->ended) {
        run_nobody_left(r);
    } else {
        run_cont(r->vm, NULL);
    }
}

static void debug_left(Vm *vm, bool resume)
{
    Run *r = run_of(vm);

    if (r->travel.goal != TRAVEL_GOAL_NONE) {
        run_stop(vm, RUN_PAUSED); /* what it looked for interests nobody */
        r->travel.leave = resume;
    } else if (r->state == RUN_SHUTDOWN) {
        run_let_go(r);
    } else if (r->state != RUN_RUNNING && (resume || r->ended)) {
        debug_go_on(r);
    }
}

static void debug_quit(Vm *vm)
{
    run_quit(vm, VM_CAUSE_HOST_QMP_QUIT, 0);
}

static const GdbOps debug_gdb_ops = {
    .call = run_call,
    .call_settled = run_call_settled,
    .travelling = debug_travelling,
    .execute = hmp_execute,
    .running = debug_running,
    .stop = debug_pause,
    .cont = run_cont,
    .step = debug_step,
    .attached = debug_attached,
    .can_back = debug_can_back,
    .step_back = run_step_back,
    .cont_back = run_cont_back,
    .deliver = debug_deliver,
    .why = debug_why,
    .left = debug_left,
    .quit = debug_quit,
};

bool debug_serve(Vm *vm, const char *device, GError **error)
{
    return gdb_open(vm, &debug_gdb_ops, device, error);
}

void debug_tell(Vm *vm, RunState state, void *opaque)
{
    Run *r = run_of(vm);

    if (!vm->vcpu_now || state == RUN_RUNNING) {
        return;
    }
    if (!r->debug.why_set) {
        debug_why(vm, &r->debug.why);
    }
    gdb_stopped(vm, &r->debug.why);
    debug_init(r);
}
