/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers: one list, sorted by (deadline, device rank, order of timer_init). */
#include "core/timer.h"

#include "core/clock_priv.h"
#include "core/trace.h"
#include "core/vm.h"

static bool timer_before(const Timer *a, const Timer *b)
{
    if (a->when.ns != b->when.ns) {
        return a->when.ns < b->when.ns;
    }
    if (a->dev->rank != b->dev->rank) {
        return a->dev->rank < b->dev->rank;
    }
    return a->order < b->order;
}

static void clock_link(Clock *c, Timer *t)
{
    Timer **at = &c->head;

    while (*at && timer_before(*at, t)) {
        at = &(*at)->next;
    }
    t->next = *at;
    *at = t;
}

static void clock_unlink(Clock *c, Timer *t)
{
    for (Timer **at = &c->head; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            break;
        }
    }
    t->next = NULL;
}

void timer_init(Timer *t, Device *dev, TimerFn *fn)
{
    Clock *c = dev->vm->clock;

    *t = (Timer){.fn = fn, .dev = dev, .order = c->timers->len};
    g_ptr_array_add(c->timers, t);
}

/* A deadline that has passed waits for the next step, so that another pass of
 * the loop at this icount finds nothing to run. */
static VirtTime timer_future(const Clock *c, VirtTime when)
{
    VirtTime now = clock_at(c, c->icount);
    VirtTime next = clock_at(c, c->icount + 1);

    if (when.ns > now.ns) {
        return when;
    }
    return next.ns > now.ns ? next : virt_add(now, 1);
}

void timer_arm(Timer *t, VirtTime when)
{
    Vm *vm = t->dev->vm;
    Clock *c = vm->clock;
    VirtTime first;
    bool earlier;

    vm_assert_thread(vm);
    when = timer_future(c, when);
    earlier = !clock_deadline(c, &first) || when.ns < first.ns;
    if (t->armed) {
        clock_unlink(c, t);
    }
    trace(vm, timer_arm, t->dev->path, (uint64_t)when.ns);
    t->when = when;
    t->armed = true;
    clock_link(c, t);
    if (earlier) {
        vm_horizon_changed(vm);
    }
}

void timer_cancel(Timer *t)
{
    if (t->armed) {
        vm_assert_thread(t->dev->vm);
        clock_unlink(t->dev->vm->clock, t);
        t->armed = false;
    }
}

bool timer_armed(const Timer *t)
{
    return t->armed;
}

bool clock_run_due(Clock *c)
{
    VirtTime now = clock_at(c, c->icount);
    bool ran = false;

    while (c->head && c->head->when.ns <= now.ns) {
        Timer *t = c->head;

        trace(t->dev->vm, timer_expire, t->dev->path, (uint64_t)t->when.ns);
        timer_cancel(t);
        t->fn(t->dev);
        ran = true;
    }
    return ran;
}

void clock_rebuild(Clock *c)
{
    c->head = NULL;
    for (guint i = 0; i < c->timers->len; i++) {
        Timer *t = g_ptr_array_index(c->timers, i);

        t->next = NULL;
        if (t->armed) {
            clock_link(c, t);
        }
    }
}
