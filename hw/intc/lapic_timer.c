/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timer of the local APIC. Source: SDM 3 10.5.4. The bus clock is 1 GHz: one
 * tick per ns of virtual time. The count is a function of time, so a masked
 * timer costs nothing and missed periods are computed.
 */
#include "hw/intc/apic_priv.h"

/* SDM 3 figure 10-10: bits 3, 1, 0; 7 means 1. */
static unsigned divide_shift(uint32_t divide)
{
    unsigned code = (divide & 3) | (divide >> 1 & 4);

    return (code + 1) & 7;
}

static int64_t period_ns(const Lapic *l)
{
    return (int64_t)l->initial << divide_shift(l->divide);
}

static unsigned timer_mode(const Lapic *l)
{
    return LVT_TIMER_MODE(l->lvt[LVT_TIMER]);
}

uint32_t lapic_timer_count(const Lapic *l)
{
    int64_t gone = dev_now(&l->dev).ns - l->start.ns;
    int64_t period = period_ns(l);

    if (!l->initial || timer_mode(l) == LVT_TIMER_DEADLINE) {
        return 0;
    }
    if (timer_mode(l) == LVT_TIMER_PERIODIC) {
        gone %= period;
    } else if (gone >= period) {
        return 0;
    }
    return l->initial - (uint32_t)(gone >> divide_shift(l->divide));
}

/* The first ns at which the TSC is not below the deadline. */
static bool deadline_time(const Lapic *l, VirtTime *out)
{
    uint64_t ticks = l->deadline - (uint64_t)l->cpu->tsc_adjust;
    unsigned __int128 ns = (unsigned __int128)ticks * NS_PER_SEC;

    if ((int64_t)ticks <= 0 || !l->cpu->tsc_hz) {
        *out = dev_now(&l->dev);
        return true;
    }
    ns = (ns + l->cpu->tsc_hz - 1) / l->cpu->tsc_hz;
    *out = (VirtTime){(int64_t)ns};
    return ns <= INT64_MAX / 2;
}

void lapic_timer_rearm(Lapic *l)
{
    int64_t now = dev_now(&l->dev).ns;
    int64_t period = period_ns(l);
    VirtTime when = virt_add(l->start, period);
    bool arm = false;

    if (timer_mode(l) == LVT_TIMER_DEADLINE) {
        arm = l->deadline && deadline_time(l, &when);
    } else if (l->initial && !(l->lvt[LVT_TIMER] & LVT_MASKED)) {
        if (timer_mode(l) == LVT_TIMER_PERIODIC) {
            when.ns = l->start.ns + ((now - l->start.ns) / period + 1) * period;
        }
        arm = when.ns > now;
    }
    if (arm) {
        timer_arm(&l->timer, when);
    } else {
        timer_cancel(&l->timer);
    }
}

void lapic_timer_expired(Device *dev)
{
    Lapic *l = (Lapic *)dev;
    uint32_t lvt = l->lvt[LVT_TIMER];

    l->deadline = 0;
    lapic_timer_rearm(l);
    if (!(lvt & LVT_MASKED)) {
        lapic_accept(l, APIC_FIXED, (uint8_t)lvt, false);
    }
}

void lapic_timer_set_initial(Lapic *l, uint32_t v)
{
    if (timer_mode(l) == LVT_TIMER_DEADLINE) {
        return; /* SDM 3 10.5.4.1 */
    }
    l->initial = v;
    l->start = dev_now(&l->dev);
    lapic_timer_rearm(l);
}

/* The present count goes on with the new divisor. */
void lapic_timer_set_divide(Lapic *l, uint32_t v)
{
    uint32_t gone = l->initial - lapic_timer_count(l);

    l->divide = v & 0xb;
    l->start.ns =
        dev_now(&l->dev).ns - ((int64_t)gone << divide_shift(l->divide));
    lapic_timer_rearm(l);
}

void lapic_timer_set_lvt(Lapic *l, uint32_t v)
{
    unsigned before = timer_mode(l);
    uint32_t count = lapic_timer_count(l);

    l->lvt[LVT_TIMER] = v;
    if (timer_mode(l) != before) {
        if (before == LVT_TIMER_DEADLINE
            || timer_mode(l) == LVT_TIMER_DEADLINE) {
            l->initial = 0;
            l->deadline = 0;
        } else if (!count) {
            l->initial = 0; /* it had stopped */
        } else {
            l->start.ns =
                dev_now(&l->dev).ns
                - ((int64_t)(l->initial - count) << divide_shift(l->divide));
        }
    }
    lapic_timer_rearm(l);
}

uint64_t lapic_get_deadline(Device *dev)
{
    return ((Lapic *)dev)->deadline;
}

void lapic_set_deadline(Device *dev, uint64_t tsc)
{
    Lapic *l = (Lapic *)dev;

    if (timer_mode(l) == LVT_TIMER_DEADLINE) {
        l->deadline = tsc;
        lapic_timer_rearm(l);
    }
}
