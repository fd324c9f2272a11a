/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the loop and what monitors ask of it. */
#ifndef SYSTEM_RUN_PRIV_H
#define SYSTEM_RUN_PRIV_H

#include "accel/vcpu.h"
#include "system/run.h"

/* State of the loop that outlives a pass: saved and digested as a device. */
typedef struct LoopDev {
    Device dev;
    uint64_t accepted_at; /* icount of the last acceptance, + 1 */
    uint32_t current;     /* vCPU whose turn it is */
} LoopDev;

typedef struct RunCall {
    void (*fn)(Vm *vm, void *opaque);
    void *opaque;
    bool done;
} RunCall;

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
    bool ended;          /* the log is closed or used up */
    guint64 seen_icount; /* under lock: for the progress line */
};

static inline Run *run_of(const Vm *vm)
{
    return vm->system;
}

extern const ControlOps run_control_ops;

void run_wake(void *run);
void run_call(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
void run_serve(Run *r);
void run_stop(Vm *vm, RunState why);
bool run_cont(Vm *vm, GError **error);
void run_quit(Vm *vm, VmCause cause, int status);

#endif
