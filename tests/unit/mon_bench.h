/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine that only remembers what a monitor asked of it. */
#ifndef TESTS_UNIT_MON_BENCH_H
#define TESTS_UNIT_MON_BENCH_H

#include "monitor/control.h"

typedef struct MonBench {
    Vm *vm;
    RunState state;
    GString *calls; /* "stop,cont,..." */
    bool defer;     /* what is posted waits for mon_bench_serve() */
    GQueue posted;  /* owned: fn, opaque, in turn */
    bool refuse;    /* reset, powerdown, nmi, keys: as in replay */
} MonBench;

MonBench *mon_bench_new(void);
/** mon_bench_free() - with its monitors and back ends */
void mon_bench_free(MonBench *b);
/** mon_bench_serve() - do what was posted */
void mon_bench_serve(MonBench *b);
/** mon_bench_ram() - "test.ram": 16 bytes 00 01 ... 0f at 0x1000 */
void mon_bench_ram(MonBench *b);

#endif
