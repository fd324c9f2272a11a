/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers: one list, sorted by (deadline, device rank, order of timer_init). */
#include "core/timer.h"

#include "core/clock_priv.h"
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
    uint64_t never = 0;

    *t = (Timer){.fn = fn, .dev = dev, .order = c->timers->len};
    g_ptr_array_add(c->timers, t);
    g_array_append_val(c->armed_in, never);
}

void timer_arm(Timer *t, VirtTime when)
{
    Vm *vm = t->dev->vm;
    Clock *c = vm->clock;
    VirtTime first;
    bool earlier = !clock_deadline(c, &first) || when.ns < first.ns;

    vm_assert_thread(vm);
    if (t->armed) {
        clock_unlink(c, t);
    }
    t->when = when;
    t->armed = true;
    clock_link(c, t);
    if (c->running) {
        g_array_index(c->armed_in, uint64_t, t->order) = c->pass;
    }
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

/* The first timer due at @now that was not armed by this very pass. */
static Timer *clock_next_due(const Clock *c, VirtTime now)
{
    Timer *t = c->head;

    while (t && t->when.ns <= now.ns
           && g_array_index(c->armed_in, uint64_t, t->order) == c->pass) {
        t = t->next;
    }
    return t && t->when.ns <= now.ns ? t : NULL;
}

bool clock_run_due(Clock *c)
{
    VirtTime now = clock_at(c, c->icount);
    bool ran = false;
    Timer *t;

    if (!c->head || c->head->when.ns > now.ns) {
        return false;
    }
    g_assert(!c->running);
    c->running = true;
    c->pass++;
    while ((t = clock_next_due(c, now))) {
        timer_cancel(t);
        t->fn(t->dev);
        ran = true;
    }
    c->running = false;
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
