/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's clock: virtual time = bias + icount x rate (docs/architecture.md,
 * "The timeline"), timers on it, and calendar time. Thread: machine.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "core/types.h"

typedef void TimerFn(Device *dev);

/* Embedded in its device and rowed as STATE. Timers that are due at one moment
 * run in the order (deadline, device rank, order of timer_init). */
struct Timer {
    VirtTime when;
    bool armed;
    TimerFn *fn;
    Device *dev; /* borrowed: the owner */
    Timer *next; /* borrowed: in the clock's list */
    unsigned order;
};

void timer_init(Timer *t, Device *dev, TimerFn *fn);
/** timer_arm() - a deadline at or before now becomes that of the next step, so
 *  a timer never runs twice at one icount */
void timer_arm(Timer *t, VirtTime when);
void timer_cancel(Timer *t);
bool timer_armed(const Timer *t);

VirtTime dev_now(const Device *dev);
VirtTime vm_now(const Vm *vm);
/** calendar_now() - seconds and ns since 1970: RTC base + virtual time */
void calendar_now(const Vm *vm, int64_t *sec, int32_t *nsec);

Clock *clock_new(void);
void clock_free(Clock *c);
uint64_t clock_icount(const Clock *c);
/* The accelerator sets the exact count of completed steps before any device or
 * core code runs on the guest's behalf. */
void clock_set_icount(Clock *c, uint64_t icount);
/** clock_rate()/clock_set_rate() - ns per step, 32.32; set keeps time continuous */
uint64_t clock_rate(const Clock *c);
void clock_set_rate(Clock *c, uint64_t rate_32_32);
VirtTime clock_at(const Clock *c, uint64_t icount);
/** clock_jump() - idle: move virtual time forward to @t without steps */
void clock_jump(Clock *c, VirtTime t);
/** clock_deadline() - earliest armed deadline; false when there is none */
bool clock_deadline(const Clock *c, VirtTime *out);
/** clock_deadline_icount() - first icount at which a timer is due (at least
 *  icount + @min), UINT64_MAX when none */
uint64_t clock_deadline_icount(const Clock *c, unsigned min);
/** clock_run_due() - run timers due now, each once; true when one ran */
bool clock_run_due(Clock *c);
void clock_set_calendar(Clock *c, int64_t base_sec, int32_t base_nsec);
/** clock_codec() - rate, bias, icount: part of every checkpoint and digest */
bool clock_codec(Clock *c, Codec *codec);
/** clock_rebuild() - relink armed timers after rows were loaded */
void clock_rebuild(Clock *c);

/* Set by anything that brings the next event nearer (earlier timer, interrupt
 * raised, reset asked): the slice ends right after the present instruction.
 * The loop clears it. */
void vm_horizon_changed(Vm *vm);

#endif
