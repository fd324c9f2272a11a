/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: what all state hangs off, and what parts of it ask of the loop. */
#ifndef CORE_VM_H
#define CORE_VM_H

#include "core/device.h"
#include "core/entropy.h"
#include "core/input.h"
#include "core/memory.h"
#include "core/ram.h"
#include "core/timer.h"

/* Why the machine should stop, reset or end. Bits of Vm.requests. */
typedef enum VmRequest {
    VM_REQ_RESET = 1 << 0,
    VM_REQ_SHUTDOWN = 1 << 1,
    VM_REQ_POWERDOWN = 1 << 2, /* press the power button */
    VM_REQ_SUSPEND = 1 << 3,
    VM_REQ_WAKEUP = 1 << 4,
    VM_REQ_STOP = 1 << 5, /* guest asked for a debugger stop, panic */
} VmRequest;

typedef enum VmCause {
    VM_CAUSE_NONE,
    VM_CAUSE_HOST_ERROR,
    VM_CAUSE_HOST_QMP_QUIT,
    VM_CAUSE_HOST_QMP_RESET,
    VM_CAUSE_HOST_SIGNAL,
    VM_CAUSE_HOST_UI,
    VM_CAUSE_GUEST_SHUTDOWN,
    VM_CAUSE_GUEST_RESET,
    VM_CAUSE_GUEST_PANIC,
    VM_CAUSE_SUBSYSTEM_RESET,
} VmCause;

struct Vm {
    Clock *clock;
    RamStore *ram;
    AddressSpace *mem; /* guest physical */
    AddressSpace *io;  /* ports; NULL where the architecture has none */
    MemRegion *mem_root;
    MemRegion *io_root;
    InputQueue *input;
    Entropy *entropy;
    Device *devices;  /* owned: all of them */
    GPtrArray *vcpus; /* Device * of every vCPU, index order; borrowed */
    Device *vcpu_now; /* borrowed: whose turn it is; never NULL while running */
    struct VmPriv *priv;        /* owned: core's own */
    struct LogState *log;       /* owned: core/log.c */
    Replay *replay;             /* borrowed: from system */
    void *system;               /* borrowed: the loop's own state */
    struct BlkState *blk;       /* owned: block/, until drives_close() */
    struct ChrState *chr;       /* owned: chardev/, until chardevs_close() */
    struct MonState *mon;       /* owned: monitor/, until monitors_free() */
    struct GdbState *gdb;       /* owned: gdbstub/, until gdb_free() */
    struct ObjectList *objects; /* owned: core/object.c */
    struct FdStore *fds;        /* owned: core/fds.c */
    struct TraceState *trace;   /* owned: core/trace.c; NULL: no trace point */
    unsigned requests;          /* VmRequest bits, machine thread */
    VmCause cause;              /* of the last request */
    int exit_status;            /* for shutdown by an exit device; -1: none */
    bool tracing;   /* atomic: some trace point is on (core/trace.h) */
    bool horizon;   /* see vm_horizon_changed() */
    bool ram_told;  /* while states are loaded: who loads says itself which
                       RAM changed (ram_rewind) */
    bool turn_over; /* the running vCPU gives its turn away (pause, IPI):
                             consumed by the loop after the slice */
    /* Set by the accelerator: makes the running vCPU stop after the present
     * instruction. Called by vm_horizon_changed(). */
    void (*end_slice)(void *opaque);
    void *end_slice_opaque;
    GThread *thread; /* the machine thread; NULL: before it starts */
};

/** vm_new() - clock, RAM store, input queue, and empty memory and port spaces;
 *  the entropy of an all-zero seed */
Vm *vm_new(void);
void vm_free(Vm *vm);
/** vm_request() - takes effect directly after the present instruction */
void vm_request(Vm *vm, VmRequest what, VmCause cause);
/** vm_end_turn() - the next vCPU's turn comes after the present instruction */
void vm_end_turn(Vm *vm);
/** vm_assert_thread() - guest-visible code runs on the machine thread only */
void vm_assert_thread(const Vm *vm);
/** vm_cause_name() - "guest-shutdown", "host-qmp-quit", ... */
const char *vm_cause_name(VmCause cause);
/** vm_set_seed() - entropy of this machine */
void vm_set_seed(Vm *vm, const uint8_t seed[32]);

#endif
