/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock as its timers see it. */
#ifndef CORE_CLOCK_PRIV_H
#define CORE_CLOCK_PRIV_H

#include "core/timer.h"

/* Virtual time with 32 fraction bits. */
typedef __int128 ClockFixed;

struct Clock {
    uint64_t icount;
    uint64_t rate; /* ns per step, 32.32 */
    ClockFixed bias;
    int64_t base_sec; /* calendar time at virtual time 0 */
    int32_t base_nsec;
    Timer *head;       /* borrowed: armed timers, next due first */
    GPtrArray *timers; /* borrowed: every Timer, by its order */
};

#endif
