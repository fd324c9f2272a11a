/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's side of going to other moments. A request sets a goal; the machine
 * thread then travels, pass by pass, serving calls as ever: to others the machine
 * is running, and a stop cancels.
 */
#include "replay/travel.h"

#include "core/error.h"
#include "system/run_priv.h"

static Moment travel_moment(const Run *r)
{
    return replay_moment(r->vm->replay);
}

/* --- the driver ---------------------------------------------------------------- */

static TravelEnd travel_run_until(Vm *vm, Moment until, bool stoppable)
{
    Run *r = run_of(vm);
    RunTravel *t = &r->travel;

    t->until = until;
    t->there = false;
    while (!t->there) {
        if (r->quitting || t->failed) {
            return TRAVEL_FAILED;
        }
        if (t->cancel && stoppable) {
            t->cancel = false;
            return TRAVEL_STOPPED;
        }
        if (r->ended) {
            return TRAVEL_LOG_END;
        }
        run_pass(r);
    }
    return TRAVEL_THERE;
}

static void travel_restored(Vm *vm)
{
    Run *r = run_of(vm);
    AccelWatchHit hit;

    r->ended = r->guest_off = false;
    r->served_at = travel_moment(r);
    r->debug.passed_at = 0;
    vm->requests = 0;
    vm->horizon = vm->turn_over = false;
    vm->vcpu_now = g_ptr_array_index(vm->vcpus, r->dev->current);
    accel_watch_take(vm, &hit);
}

static const MachineDriver travel_driver = {
    .run_until = travel_run_until,
    .restored = travel_restored,
};

void run_travel_init(Run *r)
{
    r->travel.t = travel_new(r->vm, &travel_driver);
}

void run_travel_fini(Run *r)
{
    travel_free(r->travel.t);
}

/* --- probes -------------------------------------------------------------------- */

uint64_t run_travel_limit(const Run *r)
{
    const RunTravel *t = &r->travel;
    uint64_t now = clock_icount(r->vm->clock);

    return t->until.icount > now ? t->until.icount - now : 1;
}

Moment run_travel_before(const Run *r, Moment before, Moment now)
{
    uint64_t step;

    if (before.icount == now.icount || now.icount == 0) {
        return before; /* not in a step: a timer, an input, an acceptance */
    }
    step = now.icount - 1;
    return (Moment){step, before.icount == step ? before.sequence : 0};
}

void run_travel_ran(Run *r, const Vcpu *v, uint64_t before)
{
    RunTravel *t = &r->travel;
    Moment now = {clock_icount(r->vm->clock), 0};

    if (now.icount != before && t->step_vcpu == (int)v->index) {
        travel_hit(t->t,
                   &(TravelHit){.at = run_travel_before(r, r->served_at, now),
                                .kind = GDB_STOP_STEP,
                                .vcpu = v->index});
    }
}

/* An access since the last stop: in a step, or by an interrupt's acceptance. */
static void travel_watch(Run *r, Moment before, Moment now)
{
    RunTravel *t = &r->travel;
    AccelWatchHit hit;

    if (accel_watch_take(r->vm, &hit) && t->points && !t->ranges) {
        t->there |= travel_hit(
            t->t, &(TravelHit){.at = run_travel_before(r, before, now),
                               .kind = GDB_STOP_WATCH,
                               .vcpu = hit.index,
                               .address = hit.va,
                               .size = hit.kind});
    }
}

void run_travel_served(Run *r, Vcpu *v)
{
    RunTravel *t = &r->travel;
    Moment before = r->served_at;
    Moment now = travel_moment(r);

    r->served_at = now;
    travel_watch(r, before, now);
    run_find_served(r, before, now);
    if (moment_compare(now, t->until) >= 0
        || (t->first && travel_found(t->t))) {
        t->there = true;
    } else if (t->points && debug_break_here(r, v)) {
        t->there = travel_hit(
            t->t,
            &(TravelHit){.at = now, .kind = GDB_STOP_BREAK, .vcpu = v->index});
    }
}

static void travel_arm_points(void *opaque, bool on)
{
    Run *r = opaque;

    r->travel.points = on;
    accel_breaks_enable(r->vm, on);
}

static void travel_arm_step(void *opaque, bool on)
{
    Run *r = opaque;

    r->travel.step_vcpu = on ? (int)r->travel.vcpu : -1;
}

/* --- goals --------------------------------------------------------------------- */

static TravelEnd travel_step_back(Run *r, TravelHit *hit)
{
    RunTravel *t = &r->travel;
    TravelProbe probe = {.arm = travel_arm_step, .opaque = r};
    uint64_t now = clock_icount(r->vm->clock);

    if (r->vm->vcpus->len > 1) {
        return travel_back(t->t, &probe, hit);
    }
    *hit = (TravelHit){.kind = GDB_STOP_STEP};
    if (now == 0) {
        return TRAVEL_BEGIN;
    }
    return travel_to(t->t, (Moment){now - 1, 0});
}

/* Breakpoints, and watchpoints that are not RAM, wherever the machine was. */
static void travel_arm_all(void *opaque, bool on)
{
    Run *r = opaque;

    travel_arm_points(r, on);
    if (r->travel.ranges) {
        run_find_probe(r).arm(r, on);
    }
}

static TravelEnd travel_cont_back(Run *r, TravelHit *hit)
{
    TravelProbe probe = {.arm = travel_arm_all, .opaque = r};
    TravelEnd end;

    if (run_find_watches(r)) {
        r->travel.query.what = TRAVEL_WRITE;
        if (accel_break_count(r->vm) == 0) {
            probe = run_find_probe(r);
        }
    }
    end = travel_back(r->travel.t, &probe, hit);
    run_find_forget(r);
    return end;
}

static TravelEnd travel_go(Run *r, TravelHit *hit)
{
    RunTravel *t = &r->travel;

    switch (t->goal) {
    case TRAVEL_GOAL_SEEK:
        *hit = (TravelHit){.kind = GDB_STOP_PAUSED};
        return travel_to(t->t, t->to);
    case TRAVEL_GOAL_STEP_BACK:
        return travel_step_back(r, hit);
    case TRAVEL_GOAL_CONT_BACK:
        return travel_cont_back(r, hit);
    case TRAVEL_GOAL_FIND:
        return run_find(r, hit);
    case TRAVEL_GOAL_NONE:
        break;
    }
    return TRAVEL_FAILED;
}

/* --- the end of the way ------------------------------------------------------------ */

static void travel_stop(Run *r, RunState state, GdbStop why)
{
    r->debug.why = why;
    r->debug.why_set = true;
    run_stop(r->vm, state);
}

static void travel_over(Run *r, TravelEnd end, const TravelHit *hit)
{
    GdbStop why = {.vcpu = ((Vcpu *)r->vm->vcpu_now)->index};
    RunState state = RUN_PAUSED;

    switch (end) {
    case TRAVEL_THERE:
        why.kind = (GdbStopKind)hit->kind;
        if (hit->kind != GDB_STOP_PAUSED) {
            state = RUN_DEBUG;
            why.vcpu = hit->vcpu;
        }
        why.va = hit->address;
        why.watch = (unsigned)hit->size;
        break;
    case TRAVEL_BEGIN:
        state = RUN_DEBUG;
        why.kind = GDB_STOP_LOG_BEGIN;
        break;
    case TRAVEL_LOG_END:
    case TRAVEL_STOPPED:
        state = r->guest_off ? RUN_SHUTDOWN : RUN_PAUSED;
        why.kind = end == TRAVEL_STOPPED ? GDB_STOP_PAUSED : GDB_STOP_LOG_END;
        break;
    case TRAVEL_FAILED:
        state = RUN_INTERNAL_ERROR;
        why.kind = GDB_STOP_INTERNAL;
        break;
    }
    travel_stop(r, state, why);
}

void run_travel(Run *r)
{
    RunTravel *t = &r->travel;
    TravelHit hit = {0};
    TravelEnd end;

    t->on = true;
    t->step_vcpu = -1;
    t->points = false;
    accel_breaks_enable(r->vm, false);
    end = travel_go(r, &hit);
    accel_breaks_enable(r->vm, true);
    t->on = false;
    if (t->goal == TRAVEL_GOAL_FIND) {
        run_find_over(r, end, &hit);
        hit = (TravelHit){.kind = GDB_STOP_PAUSED};
    }
    t->goal = TRAVEL_GOAL_NONE;
    if (!r->quitting) {
        travel_over(r, end, &hit);
    }
    if (r->debug_comes) {
        debug_attached(r->vm);
    }
    run_settled(r);
    run_arrived(r);
    if (!r->quitting && t->leave && end == TRAVEL_STOPPED) {
        debug_go_on(r);
    }
}

bool run_travel_stop(Run *r, RunState why)
{
    RunTravel *t = &r->travel;

    if (t->goal == TRAVEL_GOAL_NONE) {
        return false;
    }
    if (why == RUN_PAUSED) {
        t->cancel = true;
        t->leave = false;
    } else if (why != RUN_DEBUG) {
        t->failed = true; /* RUN_DEBUG: the guest asked, as it did before */
    }
    return true;
}

/* --- waiting for it ------------------------------------------------------------ */

void run_arrived(Run *r)
{
    g_atomic_int_set(&r->travel.busy, 0);
    g_main_context_wakeup(NULL);
}

void run_arrive(Vm *vm)
{
    while (g_atomic_int_get(&run_of(vm)->travel.busy)) {
        g_main_context_iteration(NULL, TRUE);
    }
}

/* --- requests ---------------------------------------------------------------------- */

bool run_can_travel(const Run *r, GError **error)
{
    if (replay_mode(r->vm->replay) != REPLAY_PLAY) {
        return fail(error, "only a replay can go to another moment");
    }
    if (!replay_checkpoints(r->vm->replay)) {
        return fail(error, "this replay keeps no checkpoints to go to another "
                           "moment (rrcheckpoints=off)");
    }
    return r->travel.goal == TRAVEL_GOAL_NONE
           || fail(error, "the machine is on its way to another moment");
}

bool run_travel_begin(Run *r, TravelGoal goal)
{
    RunTravel *t = &r->travel;

    t->goal = goal;
    t->cancel = t->failed = t->leave = false;
    t->origin = travel_moment(r);
    g_atomic_int_set(&t->busy, 1);
    if (r->state != RUN_RUNNING) {
        r->state = RUN_RUNNING;
        replay_resumed(r->vm->replay);
        run_tell(r);
    }
    return true;
}

static bool travel_request(Vm *vm, TravelGoal goal, Moment to, unsigned vcpu,
                           GError **error)
{
    Run *r = run_of(vm);

    if (!run_can_travel(r, error)) {
        return false;
    }
    r->travel.query = (TravelQuery){.what = TRAVEL_SOURCE};
    r->travel.event = false;
    r->travel.to = to;
    r->travel.vcpu = vcpu;
    return run_travel_begin(r, goal);
}

bool run_seek(Vm *vm, Moment to, GError **error)
{
    return travel_request(vm, TRAVEL_GOAL_SEEK, to, 0, error);
}

bool run_step_back(Vm *vm, unsigned vcpu, GError **error)
{
    return travel_request(vm, TRAVEL_GOAL_STEP_BACK, (Moment){0, 0}, vcpu,
                          error);
}

bool run_cont_back(Vm *vm, GError **error)
{
    return travel_request(vm, TRAVEL_GOAL_CONT_BACK, (Moment){0, 0}, 0, error);
}

bool run_break_at(Vm *vm, const Moment *at, GError **error)
{
    Run *r = run_of(vm);

    if (replay_mode(vm->replay) != REPLAY_PLAY) {
        return fail(error, "only a replay stops at an instruction count");
    }
    if (at && moment_compare(*at, travel_moment(r)) < 0) {
        return fail(error, "instruction %" PRIu64 " is behind us", at->icount);
    }
    r->break_set = at != NULL;
    r->break_at = at ? *at : (Moment){0, 0};
    return true;
}

Moment run_position(const Vm *vm, bool *searching)
{
    const Run *r = run_of(vm);

    *searching = r->travel.goal != TRAVEL_GOAL_NONE;
    return *searching ? r->travel.origin : travel_moment(r);
}
