/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server for gdb's remote protocol. Packets are cut on the I/O thread and
 * carried out by the machine thread between two steps; looking changes nothing,
 * writes are recorded actions. docs/debugging.md has what a person sees.
 */
#ifndef GDBSTUB_GDBSTUB_H
#define GDBSTUB_GDBSTUB_H

#include "core/input.h"
#include "core/vm.h"

/* Why the machine stopped, for the stop reply. */
typedef enum GdbStopKind {
    GDB_STOP_PAUSED, /* Ctrl-C, a monitor, a seek: T02 */
    GDB_STOP_STEP,   /* T05 */
    GDB_STOP_BREAK,  /* T05 */
    GDB_STOP_WATCH,  /* T05 with watch, rwatch or awatch */
    GDB_STOP_LOG_END,
    GDB_STOP_LOG_BEGIN, /* T05 with replaylog */
    GDB_STOP_SHUTDOWN,  /* T03 */
    GDB_STOP_IO_ERROR,  /* T11 */
    GDB_STOP_INTERNAL,  /* T06 */
    GDB_STOP_OTHER,     /* T8f */
} GdbStopKind;

typedef struct GdbStop {
    GdbStopKind kind;
    unsigned vcpu;
    uint64_t va;    /* WATCH: the address */
    unsigned watch; /* WATCH: AccelWatch bits of the watchpoint */
} GdbStop;

/* What the stub asks of the loop; filled by system. */
typedef struct GdbOps {
    /** run @fn on the machine thread between two steps and wait for it */
    void (*call)(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
    /** as .call, but not while the machine is on its way to another moment */
    void (*call_settled)(Vm *vm, void (*fn)(Vm *vm, void *opaque),
                         void *opaque);
    /** the monitor's answer to @line, owned by the caller. Thread: I/O */
    char *(*execute)(Vm *vm, const char *line);
    /* The rest: Thread: machine (inside .call). */
    bool (*running)(const Vm *vm);
    bool (*travelling)(const Vm *vm); /* and so .running */
    void (*stop)(Vm *vm);
    bool (*cont)(Vm *vm, GError **error);
    /** run until vCPU @vcpu has made one step, and on while its pc is in
     *  [from, to); then stop */
    bool (*step)(Vm *vm, unsigned vcpu, uint64_t from, uint64_t to,
                 GError **error);
    /** a debugger has come, and the machine stands still or is about to */
    void (*attached)(Vm *vm);
    /** going back is possible at all: a replay */
    bool (*can_back)(const Vm *vm);
    /** as .step and .cont, backwards */
    bool (*step_back)(Vm *vm, unsigned vcpu, GError **error);
    bool (*cont_back)(Vm *vm, GError **error);
    /** deliver posted inputs at this moment, while stopped */
    bool (*deliver)(Vm *vm, GError **error);
    /** why it is not running now */
    void (*why)(const Vm *vm, GdbStop *out);
    /** the debugger went: @resume what it had stopped */
    void (*left)(Vm *vm, bool resume);
    void (*quit)(Vm *vm); /* exit status 0 */
} GdbOps;

/**
 * gdb_open() - serve on @device: tcp:[HOST]:PORT, unix:PATH, stdio, chardev:ID;
 * "none" ends serving. Thread: I/O (or before the machine runs).
 */
bool gdb_open(Vm *vm, const GdbOps *ops, const char *device, GError **error);
/** gdb_free() - the program ends with @status: tell the debugger. Before
 *  chardevs_close(). */
void gdb_free(Vm *vm, int status);
/** gdb_attended() - a debugger is connected. Thread: any */
bool gdb_attended(const Vm *vm);
/** gdb_stopped() - the machine has stopped: answer a waiting debugger.
 *  Thread: machine */
void gdb_stopped(Vm *vm, const GdbStop *why);
/** gdb_break_hit() - a breakpoint at @pc is reached: is its condition true?
 *  Thread: machine */
bool gdb_break_hit(Vm *vm, unsigned vcpu, uint64_t pc);

/* Recorded writes of a debugger. */
extern const InputSource gdb_source;

#endif
