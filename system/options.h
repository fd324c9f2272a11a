/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: one row of options.def an option. */
#ifndef SYSTEM_OPTIONS_H
#define SYSTEM_OPTIONS_H

#include "accel/vcpu.h"
#include "replay/replay.h"

typedef struct Options {
    char *program;   /* owned: base name of argv[0] */
    bool long_mode;  /* x86_64, else i386 */
    bool help_given; /* something was printed instead: leave with status 0 */
    /* machine */
    char *machine, *cpu, *bios, *kernel, *initrd, *append; /* owned */
    char *name, *vga, *boot_order, *display;               /* owned */
    uint64_t ram_bytes;
    unsigned cpus;
    bool has_uuid;
    uint8_t uuid[16];
    char *uuid_text; /* owned */
    bool graphics_off, smm_off, no_acpi, no_hpet, boot_menu, boot_strict;
    int boot_timeout_ms;
    bool nographic, nodefaults;
    GPtrArray *dirs;     /* char *: -L */
    GPtrArray *devices;  /* char *: -device texts */
    GPtrArray *globals;  /* char * */
    GPtrArray *fw_cfg;   /* char * */
    GPtrArray *smbios;   /* char * */
    GPtrArray *chardevs; /* char * */
    GPtrArray *serials, *parallels, *monitors, *qmps, *qmps_pretty; /* char * */
    GPtrArray *mons; /* char *: -mon */
    char *debugcon;  /* owned */
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
    char *log_file; /* owned */
    bool no_reboot, no_shutdown, start_stopped;
    char *pidfile; /* owned */
    char *gdb;     /* owned: device of the gdb server */
} Options;

void options_init(Options *o, const char *argv0);
void options_clear(Options *o);
/** options_parse() - the whole command line; help texts go to standard output
 *  and set .help_given */
bool options_parse(Options *o, int argc, char **argv, GError **error);

#endif
