/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host time against guest time: poll quantum, idling, rate of shift=auto. */
#ifndef REPLAY_PACE_PRIV_H
#define REPLAY_PACE_PRIV_H

#include "replay/log_file.h"

typedef struct Pace {
    bool stopped;
    HostTime stopped_at;
    int64_t stopped_ns; /* host time that does not count */
    int64_t idle_ns;    /* part of the rest that was spent idle */
    /* measuring */
    bool measuring;
    HostTime look;        /* host time of the last look (not "active") */
    uint64_t look_icount; /* and the icount then */
    unsigned calls;       /* since the last look */
    uint64_t quantum;     /* steps that take about 1 ms */
    /* idle */
    bool idle;
    Moment idle_at;     /* the moment at which idling began */
    int64_t idle_begin; /* active host ns */
    int64_t idle_virt;  /* virtual ns then */
    int64_t late_ns;    /* how much too long the last idle phase was */
    /* shift=auto, align=on: guest time and host time at the last start */
    int64_t base_virt, base_active;
    int64_t tuned_active, tuned_busy;
    uint64_t tuned_icount;
} Pace;

void pace_init(Pace *p);
void pace_stop(Pace *p, HostTime now);
void pace_resume(Pace *p, const Vm *vm, HostTime now);
/** pace_active() - host ns that count: not those of a stopped machine */
int64_t pace_active(const Pace *p, HostTime now);
/** pace_slice() - before a slice: the quantum, in steps */
uint64_t pace_slice(Pace *p, const Vm *vm);
/** pace_ran() - after a slice; true when the host clock was read into @now */
bool pace_ran(Pace *p, const Vm *vm, HostTime *now);
/** pace_ahead() - ns that the guest is ahead of the host */
int64_t pace_ahead(const Pace *p, const Vm *vm, HostTime now);
/** pace_tune() - shift=auto: true when @rate should be set */
bool pace_tune(Pace *p, const Vm *vm, HostTime now, uint64_t *rate);
/** pace_rate() - the controller's law, 32.32: @measured host ns per step,
 *  @ahead ns that the guest is ahead */
uint64_t pace_rate(double measured, int64_t ahead);
/** pace_idle() - host ns since idling began at moment @at */
int64_t pace_idle(Pace *p, const Vm *vm, Moment at, HostTime now);
/** pace_idle_over() - the machine goes on; @late_ns overslept */
void pace_idle_over(Pace *p, HostTime now, int64_t late_ns);

/* Events of source "clock". */
typedef enum ClockEventKind {
    CLOCK_EVENT_RATE, /* value: the new rate, 32.32 */
    CLOCK_EVENT_IDLE, /* value: ns that idle time moved on */
} ClockEventKind;

typedef struct ClockEvent {
    uint8_t kind;
    uint64_t value;
} ClockEvent;

#endif
