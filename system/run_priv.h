/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the loop and what monitors ask of it. */
#ifndef SYSTEM_RUN_PRIV_H
#define SYSTEM_RUN_PRIV_H

#include <stdio.h>

#include "accel/vcpu.h"
#include "gdbstub/gdbstub.h"
#include "system/run.h"

/* State of the loop that outlives a pass: saved and digested as a device. */
typedef struct LoopDev {
    Device dev;
    uint64_t accepted_at; /* icount of the last acceptance, + 1 */
    uint32_t current;     /* vCPU whose turn it is */
    uint32_t turn_left;   /* steps until the next one's; one vCPU: unused */
} LoopDev;

typedef struct RunCall {
    void (*fn)(Vm *vm, void *opaque);
    void *opaque;
    bool done;
    bool posted; /* nobody waits: freed when served */
} RunCall;

/* Told after every change of the run state. */
typedef void RunHookFn(Vm *vm, RunState state, void *opaque);
typedef struct RunHook {
    RunHookFn *fn;
    void *opaque;
} RunHook;

/* Where the loop stops next, debug.c. */
typedef struct RunDebug {
    uint64_t stop_at; /* icount; UINT64_MAX: nowhere */
    int step_vcpu;    /* stop when it has made one step; -1: none */
    /* the breakpoint that has been told or was judged false: not again here */
    uint64_t passed_at; /* icount + 1 */
    uint64_t passed_pc;
    GdbStop why; /* of a stop that debug.c made */
    bool why_set;
} RunDebug;

struct Run {
    Vm *vm;        /* borrowed */
    RunOptions o;  /* owned strings */
    LoopDev *dev;  /* borrowed: from the Vm */
    GMainLoop *io; /* owned */
    GThread *thread;
    GMutex lock;
    GCond wake;     /* the machine thread waits here */
    GCond served;   /* callers wait here */
    GQueue calls;   /* RunCall *, under lock */
    bool woken;     /* under lock */
    bool over;      /* under lock: the machine thread serves no more */
    gint attention; /* atomic: calls wait */
    /* machine thread */
    RunState state;
    bool quitting;
    int status;
    VmCause cause;
    bool guest_off;
    bool ended; /* the log is closed or used up */
    RunDebug debug;
    GArray *hooks;       /* owned: RunHook */
    FILE *perf_map;      /* owned: machine thread */
    guint64 seen_icount; /* under lock: for the progress line */
};

static inline Run *run_of(const Vm *vm)
{
    return vm->system;
}

extern const ControlOps run_control_ops;

void run_wake(void *run);
void run_call(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
void run_post(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
void run_serve(Run *r);
void run_stop(Vm *vm, RunState why);
bool run_cont(Vm *vm, GError **error);
void run_quit(Vm *vm, VmCause cause, int status);
/** run_nobody_left() - the recording is over: end, if nobody can look */
void run_nobody_left(Run *r);

/** run_add_hook() - after those that are there; before the machine runs */
void run_add_hook(Run *r, RunHookFn *fn, void *opaque);
void run_tell(Run *r);

/* debug.c; Thread: machine */
void debug_init(Run *r);
/** debug_resumed() - going on from here: a breakpoint here has been told */
void debug_resumed(Run *r);
/** debug_stop_at() - stop when @icount is reached */
void debug_stop_at(Run *r, uint64_t icount);
/** debug_limit() - most steps of the next slice of @v */
uint64_t debug_limit(const Run *r, const Vcpu *v);
/** debug_ran() - after a slice of @v that began at icount @before */
void debug_ran(Run *r, const Vcpu *v, uint64_t before);
/** debug_check() - where requests are served: stop here? */
void debug_check(Run *r, Vcpu *v);
RunHookFn debug_tell;
RunHookFn control_tell; /* control.c: events of monitors */

#endif
