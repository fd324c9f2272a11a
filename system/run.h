/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine thread and its loop (docs/architecture.md, "The loop"). */
#ifndef SYSTEM_RUN_H
#define SYSTEM_RUN_H

#include "core/vm.h"
#include "monitor/control.h"
#include "replay/replay.h"

typedef struct Run Run;

/* How long one of several vCPUs runs before the next: virtual time, and bounds
 * in steps. Part of the seal. */
#define RUN_TURN_NS 100000
#define RUN_TURN_MIN 5000
#define RUN_TURN_MAX 100000

typedef struct RunOptions {
    bool no_reboot, no_shutdown;
    bool start_stopped; /* -S */
    bool singlestep;
    bool perf_map;        /* write lines for profilers */
    bool progress;        /* replay: draw a progress line on standard error */
    bool shared_terminal; /* a console prints on the same terminal */
    bool long_mode;       /* x86_64, not i386 */
    char *name, *uuid;    /* owned; NULL: none */
} RunOptions;

extern const DeviceType loop_type; /* the loop's own state */

/** run_new() - @vm built but not yet sealed; takes over @o's strings */
Run *run_new(Vm *vm, const RunOptions *o);
void run_free(Run *r);
/** run_main() - start the machine thread, serve the I/O thread until the end;
 *  the program's exit status */
int run_main(Run *r);
/** run_status() - the exit status so far */
int run_status(const Run *r);

#endif
