/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the command line, between the files that handle them. */
#ifndef SYSTEM_OPTIONS_PRIV_H
#define SYSTEM_OPTIONS_PRIV_H

#include "core/error.h"
#include "core/keyval.h"
#include "system/options.h"

typedef bool OptionFn(Options *o, const char *arg, GError **error);

typedef struct OptionParam {
    const char *name; /* ends a list when NULL */
    const char *type; /* "string", "boolean", "number", "size" */
} OptionParam;

typedef struct OptionRow {
    const char *name, *arg; /* NULL name: a heading of --help, in .doc */
    OptionFn *fn;
    const char *group; /* name in -readconfig and QMP; NULL: none */
    const OptionParam *params;
    const char *doc;
} OptionRow;

/** option_text() - @arg, or what a JSON object says in the usual form; false
 *  with @error when it is none */
bool option_text(const char *arg, char **out, GError **error);
/** option_read_file() - a text of moderate size, from an ordinary file */
bool option_read_file(const char *path, char **text, GError **error);
/** option_done() - did somebody take each key? @params: those there are */
bool option_done(const KeyVals *kv, const OptionParam *params, GError **error);
/** option_by_group() - the row a section of a configuration file stands for */
const OptionRow *option_by_group(const char *group, GError **error);
/** option_print() - help: nothing else follows */
bool option_print(Options *o, const GString *text);
bool option_asks_help(const char *arg);
void option_set(char **at, const char *text);
bool option_add(GPtrArray *list, const char *text);

/* The functions of options.def. */
OptionFn opt_help, opt_version, opt_target, opt_machine, opt_cpu, opt_accel,
    opt_smp, opt_m, opt_name, opt_uuid, opt_rtc, opt_seed, opt_boot, opt_bios,
    opt_dir, opt_kernel, opt_initrd, opt_append, opt_device, opt_global,
    opt_fw_cfg, opt_smbios, opt_option_rom, opt_no_acpi, opt_no_hpet,
    opt_nodefaults, opt_nographic, opt_display, opt_vga, opt_keyboard,
    opt_serial, opt_parallel, opt_debugcon, opt_chardev, opt_monitor, opt_qmp,
    opt_qmp_pretty, opt_mon, opt_net, opt_audiodev, opt_icount, opt_stopped,
    opt_gdb_default, opt_gdb, opt_no_reboot, opt_no_shutdown, opt_action,
    opt_watchdog_action, opt_singlestep, opt_d, opt_dfile, opt_perfmap,
    opt_pidfile, opt_ignored, opt_object, opt_set, opt_readconfig,
    opt_daemonize, opt_runas, opt_chroot, opt_sandbox, opt_msg, opt_trace,
    opt_overcommit, opt_prealloc, opt_no_kvm, opt_echr, opt_drive, opt_hda,
    opt_hdb, opt_hdc, opt_hdd, opt_cdrom, opt_blockdev, opt_snapshot,
    opt_loadvm, opt_add_fd;

extern const OptionParam machine_params[], accel_params[], smp_params[],
    memory_params[], name_params[], rtc_params[], boot_params[],
    action_params[], msg_params[], trace_params[], sandbox_params[],
    overcommit_params[], fw_cfg_params[], smbios_params[], mon_params[],
    icount_params[], audiodev_params[], global_params[], chardev_params[],
    device_params[], object_params[], add_fd_params[];

#endif
