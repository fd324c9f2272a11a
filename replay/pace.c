/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host time against guest time. Nothing here is seen by the guest but through
 * events of source "clock", which are recorded.
 */
#include "replay/pace_priv.h"

#define QUANTUM_NS 1000000
#define QUANTUM_FIRST 10000
#define QUANTUM_MIN 1000
#define QUANTUM_MAX (1u << 24)
#define CALLS_MAX 256         /* slices without a look at the host clock */
#define TUNE_NS 100000000     /* at most 10 changes of rate a second */
#define CATCH_UP_NS 200000000 /* time in which a difference is to vanish */
#define TUNE_STEPS 10000      /* fewer tell nothing about speed */
#define LATE_MAX_NS 50000000

void pace_init(Pace *p)
{
    *p = (Pace){.stopped = true, .quantum = QUANTUM_FIRST};
    p->stopped_at = host_now();
}

int64_t pace_active(const Pace *p, HostTime now)
{
    return (p->stopped ? p->stopped_at.ns : now.ns) - p->stopped_ns;
}

void pace_stop(Pace *p, HostTime now)
{
    if (!p->stopped) {
        p->stopped = true;
        p->stopped_at = now;
        p->measuring = false;
    }
}

void pace_resume(Pace *p, const Vm *vm, HostTime now)
{
    if (!p->stopped) {
        return;
    }
    p->stopped_ns += now.ns - p->stopped_at.ns;
    p->stopped = false;
    p->base_virt = vm_now(vm).ns;
    p->base_active = pace_active(p, now);
    p->tuned_active = p->base_active;
    p->tuned_busy = p->base_active - p->idle_ns;
    p->tuned_icount = clock_icount(vm->clock);
    p->late_ns = 0;
}

uint64_t pace_slice(Pace *p, const Vm *vm)
{
    if (!p->measuring) {
        p->measuring = true;
        p->look = host_now();
        p->look_icount = clock_icount(vm->clock);
        p->calls = 0;
    }
    return p->quantum;
}

bool pace_ran(Pace *p, const Vm *vm, HostTime *now)
{
    uint64_t steps = clock_icount(vm->clock) - p->look_icount;
    uint64_t ns, fit;

    if (!p->measuring) {
        return false;
    }
    if (steps < p->quantum / 2 && ++p->calls < CALLS_MAX) {
        return false;
    }
    *now = host_now();
    ns = (uint64_t)MAX(now->ns - p->look.ns, 1);
    fit = (uint64_t)((double)steps * QUANTUM_NS / (double)ns);
    fit = MIN(fit, p->quantum * 4);
    if (steps > 0) {
        p->quantum =
            CLAMP((3 * p->quantum + fit) / 4, QUANTUM_MIN, QUANTUM_MAX);
    }
    p->look = *now;
    p->look_icount += steps;
    p->calls = 0;
    return true;
}

int64_t pace_ahead(const Pace *p, const Vm *vm, HostTime now)
{
    return (vm_now(vm).ns - p->base_virt)
           - (pace_active(p, now) - p->base_active);
}

uint64_t pace_rate(double measured, int64_t ahead)
{
    double factor = 1.0 - (double)ahead / CATCH_UP_NS;
    double rate = measured * CLAMP(factor, 0.25, 4.0);

    return (uint64_t)(CLAMP(rate, 1.0 / 16, 1024.0) * 4294967296.0);
}

bool pace_tune(Pace *p, const Vm *vm, HostTime now, uint64_t *rate)
{
    int64_t active = pace_active(p, now);
    int64_t busy = active - p->idle_ns;
    uint64_t steps = clock_icount(vm->clock) - p->tuned_icount;
    uint64_t old = clock_rate(vm->clock), change;

    if (active - p->tuned_active < TUNE_NS || steps < TUNE_STEPS) {
        return false;
    }
    *rate = pace_rate((double)(busy - p->tuned_busy) / (double)steps,
                      pace_ahead(p, vm, now));
    p->tuned_active = active;
    p->tuned_busy = busy;
    p->tuned_icount += steps;
    change = *rate > old ? *rate - old : old - *rate;
    return change > old / 64; /* smaller ones are not worth an event */
}

int64_t pace_idle(Pace *p, const Vm *vm, Moment at, HostTime now)
{
    int64_t active = pace_active(p, now);

    if (!p->idle || moment_compare(p->idle_at, at) != 0) {
        pace_idle_over(p, now, p->late_ns);
        p->idle = true;
        p->idle_at = at;
        p->idle_begin = active - p->late_ns;
        p->idle_virt = vm_now(vm).ns;
        p->late_ns = 0;
    }
    p->measuring = false;
    return active - p->idle_begin;
}

void pace_idle_over(Pace *p, HostTime now, int64_t late_ns)
{
    if (p->idle) {
        p->idle_ns += MAX(pace_active(p, now) - p->idle_begin, 0);
        p->idle = false;
    }
    p->late_ns = CLAMP(late_ns, 0, LATE_MAX_NS);
}
