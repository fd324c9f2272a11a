/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What monitors and debuggers ask of the run loop. Declared here, filled by
 * system. Commands are parsed on the I/O thread and run on the machine thread
 * between two steps through .call.
 */
#ifndef MONITOR_CONTROL_H
#define MONITOR_CONTROL_H

#include "core/vm.h"
#include "replay/travel.h"

/* Names as QMP's RunState: run_state_name(). */
typedef enum RunState {
    RUN_PRELAUNCH,
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_DEBUG,
    RUN_SHUTDOWN,
    RUN_SUSPENDED,
    RUN_IO_ERROR,
    RUN_INTERNAL_ERROR,
    RUN_GUEST_PANICKED,
    RUN_SAVE_VM,
    RUN_RESTORE_VM,
    RUN_STATE_COUNT
} RunState;
const char *run_state_name(RunState s);

typedef void ControlOptionVisit(void *opaque, const char *option,
                                const char *param, const char *type,
                                const char *doc);

typedef struct VmStatePlace VmStatePlace; /* block/vmstate.h */

typedef struct ControlOps {
    /** run @fn on the machine thread between two steps and wait for it;
     *  Thread: any but the machine thread, where it runs at once */
    void (*call)(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
    /** as .call, without waiting; @fn is not run when the machine has ended */
    void (*post)(Vm *vm, void (*fn)(Vm *vm, void *opaque), void *opaque);
    /* The rest: Thread: machine (inside .call). */
    void (*stop)(Vm *vm, RunState why);
    bool (*cont)(Vm *vm, GError **error);
    /** end the program: log closed, exit status */
    void (*quit)(Vm *vm, VmCause cause, int status);
    RunState (*state)(const Vm *vm);
    bool (*singlestep)(const Vm *vm);
    /** post the recorded actions of people; refused while playing */
    bool (*reset)(Vm *vm, VmCause cause, GError **error);
    bool (*powerdown)(Vm *vm, GError **error);
    bool (*send_keys)(Vm *vm, const char *const *keys, int hold_ms,
                      GError **error); /* QKeyCode names */
    bool (*nmi)(Vm *vm, GError **error);
    const char *(*name)(const Vm *vm); /* -name, may be NULL */
    const char *(*uuid)(const Vm *vm);
    /** serve gdb on @device, "none" ends it. Thread: I/O */
    bool (*gdbserver)(Vm *vm, const char *device, GError **error);
    /* Other moments of a recording. False: refused. */
    /** begin to go there: the machine runs, then stops */
    bool (*seek)(Vm *vm, Moment to, GError **error);
    /** stop once at *@at; NULL: nowhere */
    bool (*break_at)(Vm *vm, const Moment *at, GError **error);
    /** now, or where a search began */
    Moment (*position)(const Vm *vm, bool *searching);
    /** begin to search; then .arrive and .answer */
    bool (*find)(Vm *vm, const TravelQuery *q, GError **error);
    void (*answer)(Vm *vm, TravelAnswer *out);
    /** wait, serving others, until it is there. Thread: I/O */
    void (*arrive)(Vm *vm);
    /* Named snapshots (block/vmstate.h). */
    /** @done is told once (@why NULL: it worked), maybe from within; the machine
     *  may go on before. False: refused, and @done is not told */
    bool (*snapshot_save)(Vm *vm, const VmStatePlace *place, const char *name,
                          void (*done)(Vm *vm, void *opaque, const char *why),
                          void *opaque, GError **error);
    /** to the files what waits, so that snapshot_save() is quick. Thread: I/O */
    void (*snapshot_prepare)(Vm *vm);
    bool (*snapshot_load)(Vm *vm, const VmStatePlace *place, const char *name,
                          GError **error);
    bool (*snapshot_delete)(Vm *vm, const VmStatePlace *place, const char *name,
                            GError **error);
    /** "reboot", "shutdown", "panic", "watchdog"; NULL: nothing to choose */
    bool (*set_action)(Vm *vm, const char *what, const char *value,
                       GError **error);
    /** the command line's options: a call a parameter, one with a NULL @param
     *  for an option without any; may be NULL. Thread: any */
    void (*options_foreach)(ControlOptionVisit *visit, void *opaque);
    const DeviceType *const *device_types; /* of -device; NULL: none */
    bool (*long_mode)(const Vm *vm);       /* x86_64, not i386 */
    void (*print_registers)(Vm *vm, bool all, GString *out);
    void (*print_jit)(Vm *vm, GString *out);
    void (*print_tlb)(Vm *vm, GString *out);
} ControlOps;

/** control_ops() - what system installed */
const ControlOps *control_ops(const Vm *vm);
void control_install(Vm *vm, const ControlOps *ops);

/** hmp_execute() - one line of the monitor for people; what it says, lines ended
 *  by \n, owned by the caller. Thread: any */
char *hmp_execute(Vm *vm, const char *line);

/* Events for QMP clients: STOP, RESUME, RESET, SHUTDOWN, POWERDOWN... @data is
 * a JSON object text or NULL. Thread: any. */
void monitor_event(Vm *vm, const char *name, const char *data);

typedef enum MonitorMode {
    MONITOR_HMP,
    MONITOR_QMP,
    MONITOR_QMP_PRETTY
} MonitorMode;
typedef struct Chardev Chardev;
/** monitor_new() - a monitor on a character back end (a mux allows others) */
bool monitor_new(Vm *vm, Chardev *backend, MonitorMode mode, GError **error);
/** monitors_free() - before chardevs_close(), which sends what they said last */
void monitors_free(Vm *vm);
/** monitor_attended() - a QMP client (or a debugger) is connected */
bool monitor_attended(const Vm *vm);

#endif
