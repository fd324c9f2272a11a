/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the loop and what monitors ask of it. */
#ifndef SYSTEM_RUN_PRIV_H
#define SYSTEM_RUN_PRIV_H

#include <stdio.h>

#include "accel/vcpu.h"
#include "gdbstub/gdbstub.h"
#include "replay/travel.h"
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
    bool posted;  /* nobody waits: freed when served */
    bool settled; /* not on the way to another moment */
} RunCall;

/* Told after every change of the run state. */
typedef void RunHookFn(Vm *vm, RunState state, void *opaque);
typedef struct RunHook {
    RunHookFn *fn;
    void *opaque;
} RunHook;

/* Where the loop stops next, debug.c. */
typedef struct RunDebug {
    uint64_t stop_at;            /* icount; UINT64_MAX: nowhere */
    int step_vcpu;               /* stop when it has made one step; -1: none */
    uint64_t step_from, step_to; /* and its pc is not there */
    unsigned stepped;            /* the vCPU that has made it, at .stop_at */
    /* the breakpoint that has been told or was judged false: not again here */
    uint64_t passed_at; /* icount + 1 */
    uint64_t passed_pc;
    GdbStop why; /* of a stop that debug.c made */
    bool why_set;
} RunDebug;

typedef enum TravelGoal {
    TRAVEL_GOAL_NONE,
    TRAVEL_GOAL_SEEK,
    TRAVEL_GOAL_STEP_BACK,
    TRAVEL_GOAL_CONT_BACK,
    TRAVEL_GOAL_FIND,
} TravelGoal;

/* Bytes of a page of RAM. */
typedef struct TravelRange {
    RamPage page;
    uint32_t off, size;
    uint64_t va; /* where they were asked for */
} TravelRange;

/* On the way to another moment, travel.c. */
typedef struct RunTravel {
    Travel *t; /* owned */
    TravelGoal goal;
    Moment to;     /* SEEK */
    unsigned vcpu; /* STEP_BACK */
    Moment origin; /* where it began: what others see */
    bool on;       /* passes are part of the way */
    bool cancel;   /* somebody wants a stop */
    bool leave;    /* then go on: the debugger went */
    bool failed;   /* log and machine disagree */
    bool there;    /* .until is reached */
    Moment until;  /* of this part of the way */
    gint busy;     /* atomic: goal is not reached */
    bool points;   /* breakpoints and watchpoints are looked for */
    int step_vcpu; /* its steps are looked for; -1: nobody's */
    /* FIND, travel_find.c */
    TravelQuery query;
    TravelAnswer answer;
    GArray *ranges; /* owned: TravelRange, of a WRITE or of watchpoints */
    bool first;     /* stop at the first hit */
    bool event;     /* one has happened since requests were served */
    unsigned event_vcpu, event_detail;
    uint64_t event_icount, event_va;
} RunTravel;

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
    GQueue settled; /* RunCall *, under lock: when the way is over */
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
    bool held;  /* it would have ended, but for a debugger */
    RunDebug debug;
    RunTravel travel;
    Moment served_at;   /* where requests were served last */
    Moment debug_start; /* where the last debugger came ... */
    bool debug_started; /* ... if one has */
    bool debug_comes;   /* when the way is over */
    unsigned debug_pins;
    bool break_set; /* stop once at .break_at */
    Moment break_at;
    GArray *hooks;                /* owned: RunHook */
    struct SnapshotWriter *saver; /* owned: at work; NULL: none */
    FILE *perf_map;               /* owned: machine thread */
    guint64 seen_icount;          /* under lock: for the progress line */
};

static inline Run *run_of(const Vm *vm)
{
    return vm->system;
}

extern const ControlOps run_control_ops;

void run_wake(void *run);
void run_call(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
void run_post(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
/** run_call_settled() - as run_call(), not while on the way to another moment */
void run_call_settled(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
/** run_settled() - the way is over: these calls are served next */
void run_settled(Run *r);
void run_serve(Run *r);
/** run_pass() - one pass of the loop; Thread: machine */
void run_pass(Run *r);
void run_stop(Vm *vm, RunState why);
bool run_cont(Vm *vm, GError **error);
void run_quit(Vm *vm, VmCause cause, int status);
/** run_nobody_left() - the recording is over: end, if nobody can look */
void run_nobody_left(Run *r);
/** run_let_go() - the guest is off, and only the debugger that went kept the
 *  machine: end */
void run_let_go(Run *r);

/** run_add_hook() - after those that are there; before the machine runs */
void run_add_hook(Run *r, RunHookFn *fn, void *opaque);
void run_tell(Run *r);

/* debug.c; Thread: machine */
void debug_init(Run *r);
/** debug_resumed() - going on from here: a breakpoint here has been told */
void debug_resumed(Run *r);
/** debug_limit() - most steps of the next slice of @v */
uint64_t debug_limit(const Run *r, const Vcpu *v);
/** debug_ran() - after a slice of @v that began at icount @before */
void debug_ran(Run *r, const Vcpu *v, uint64_t before);
/** debug_check() - where requests are served: stop here? */
void debug_check(Run *r, Vcpu *v);
/** debug_attached() - a debugger has come */
void debug_attached(Vm *vm);
/** run_debug_start() - where the last debugger came; false: none has */
bool run_debug_start(const Vm *vm, Moment *out);
/** debug_go_on() - the debugger went from a machine that it had stopped */
void debug_go_on(Run *r);
/** debug_break_here() - is a breakpoint reached whose condition is true? */
bool debug_break_here(Run *r, Vcpu *v);
RunHookFn debug_tell;

/* travel.c; Thread: machine */
void run_travel_init(Run *r);
void run_travel_fini(Run *r);
/** run_travel() - reach the goal, then stop */
void run_travel(Run *r);
/** run_travel_stop() - somebody stops a machine that is on its way; false: it
 *  is not */
bool run_travel_stop(Run *r, RunState why);
/** run_travel_served(), run_travel_limit(), run_travel_ran() - what debug_check(),
 *  debug_limit() and debug_ran() are elsewhere */
void run_travel_served(Run *r, Vcpu *v);
uint64_t run_travel_limit(const Run *r);
void run_travel_ran(Run *r, const Vcpu *v, uint64_t before);
/** run_travel_before() - what happened after the stop @before and at or before
 *  the stop @now was still to come at this one */
Moment run_travel_before(const Run *r, Moment before, Moment now);
/** run_can_travel(), run_travel_begin() - go to @goal after the present call */
bool run_can_travel(const Run *r, GError **error);
bool run_travel_begin(Run *r, TravelGoal goal);
/* travel_find.c */
TravelEnd run_find(Run *r, TravelHit *hit);
void run_find_served(Run *r, Moment before, Moment now);
void run_find_over(Run *r, TravelEnd end, const TravelHit *hit);
bool run_find_begin(Vm *vm, const TravelQuery *q, GError **error);
void run_find_answer(Vm *vm, TravelAnswer *out);
/** run_find_watches() - watchpoints for writes become watched RAM: false when
 *  there are others, which the accelerator has to look for */
bool run_find_watches(Run *r);
void run_find_forget(Run *r);
/** run_find_probe() - for who looks for writes to that RAM */
TravelProbe run_find_probe(Run *r);
/* Requests. False: refused. */
bool run_seek(Vm *vm, Moment to, GError **error);
bool run_step_back(Vm *vm, unsigned vcpu, GError **error);
bool run_cont_back(Vm *vm, GError **error);
/** run_break_at() - stop once at *@at; NULL: nowhere */
bool run_break_at(Vm *vm, const Moment *at, GError **error);
/** run_arrived() - wake who waits in run_arrive() */
void run_arrived(Run *r);
/** run_arrive() - wait, serving others. Thread: I/O */
void run_arrive(Vm *vm);
/** run_position() - where others see the machine */
Moment run_position(const Vm *vm, bool *searching);
RunHookFn control_tell; /* control.c: events of monitors */

#endif
