/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: one row of options.def an option. */
#ifndef SYSTEM_OPTIONS_H
#define SYSTEM_OPTIONS_H

#include "accel/vcpu.h"
#include "monitor/control.h"
#include "replay/replay.h"
#include "system/sandbox.h"

/* What to do when the guest ends in one way or another: -action. */
typedef struct OptionActions {
    const char *reboot;   /* reset, shutdown */
    const char *shutdown; /* poweroff, pause */
    const char *panic;    /* shutdown, pause, exit-failure, none */
    const char *watchdog; /* reset, shutdown, poweroff, inject-nmi, ... */
} OptionActions;

typedef struct Options {
    char *program;   /* owned: base name of argv[0] */
    bool long_mode;  /* x86_64, else i386 */
    bool help_given; /* something was printed instead: leave with status 0 */
    /* machine; all texts owned */
    char *machine, *cpu, *bios, *kernel, *initrd, *append;
    char *name, *vga, *boot_order, *boot_once, *display;
    char *accel_refused;  /* why an accelerator before tcg was passed over */
    bool accel_found;     /* tcg was asked for */
    char *memory_backend; /* id of a -object memory-backend-ram */
    uint64_t ram_bytes;
    bool has_ram;
    unsigned cpus, max_cpus, sockets, dies, cores, threads;
    bool has_uuid;
    uint8_t uuid[16];
    char *uuid_text;
    bool graphics_off, smm_off, no_acpi, no_hpet, boot_menu, boot_strict;
    int boot_timeout_ms;
    char *boot_splash;
    int64_t reboot_timeout_ms; /* -1: never */
    bool has_reboot_timeout;
    bool nographic, nodefaults;
    bool snapshot;
    char *loadvm;         /* owned */
    GPtrArray *dirs;      /* char *: -L; the first of the lists */
    GPtrArray *drives;    /* char *: as -drive has them, and -hda... */
    GPtrArray *blockdevs; /* char * */
    GPtrArray *devices;   /* char *: -device texts */
    GPtrArray *globals;   /* char * */
    GPtrArray *fw_cfg;    /* char * */
    GPtrArray *smbios;    /* char * */
    GPtrArray *roms;      /* char *: -option-rom */
    GPtrArray *chardevs;  /* char * */
    GPtrArray *objects;   /* char * */
    GPtrArray *add_fds;   /* char *: -add-fd */
    GPtrArray *traces;    /* char *: patterns */
    GPtrArray *serials, *parallels, *monitors, *qmps, *qmps_pretty; /* char * */
    GPtrArray *mons; /* char *: -mon; the last of the lists */
    char *debugcon;
    /* time */
    ReplayOptions replay;
    bool has_rtc_base;
    bool rtc_localtime;
    int64_t rtc_base_sec;
    bool has_seed;
    uint64_t seed;
    /* running */
    AccelOptions accel;
    unsigned log_mask;
    char *log_file;
    char *trace_file; /* NULL: standard error */
    OptionActions action;
    bool start_stopped;
    char *pidfile;
    char *gdb; /* device of the gdb server */
    /* the process */
    bool daemonize, mem_lock, mem_prealloc;
    bool msg_timestamp, msg_guest_name;
    char *process_name;
    char *run_as, *change_root;
    SandboxOptions sandbox;
} Options;

void options_init(Options *o, const char *argv0);
void options_clear(Options *o);
/** options_parse() - the whole command line; help texts go to standard output
 *  and set .help_given */
bool options_parse(Options *o, int argc, char **argv, GError **error);

/* For query-command-line-options: one call a parameter, and one with a NULL
 * @param for an option without any. @type: "string", "boolean", ... */
void options_foreach(ControlOptionVisit *visit, void *opaque);

#endif
