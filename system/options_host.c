/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options about the host's side: back ends, running, the process. */
#include <stdio.h>

#include "chardev/chardev.h"
#include "config.h"
#include "core/object.h"
#include "core/trace.h"
#include "system/objects.h"
#include "system/options_priv.h"
#include "system/registry.h"

/* clang-format off */
const OptionParam chardev_params[] = {
    {"backend", "string"}, {"id", "string"}, {"path", "string"},
    {"host", "string"}, {"port", "string"}, {"fd", "string"},
    {"server", "boolean"}, {"wait", "boolean"}, {"reconnect", "number"},
    {"mux", "boolean"}, {"logfile", "string"}, {"logappend", "boolean"},
    {"abstract", "boolean"}, {"tight", "boolean"}, {"to", "number"},
    {"ipv4", "boolean"}, {"ipv6", "boolean"}, {"nodelay", "boolean"},
    {"delay", "boolean"}, {"telnet", "boolean"}, {"tn3270", "boolean"},
    {"websocket", "boolean"}, {"tls-creds", "string"}, {"tls-authz", "string"},
    {"localaddr", "string"}, {"localport", "string"}, {"signal", "boolean"},
    {"append", "boolean"}, {"input-path", "string"}, {"size", "size"},
    {"chardev", "string"}, {"width", "number"}, {"height", "number"},
    {"cols", "number"}, {"rows", "number"},
    {NULL, NULL},
};
const OptionParam mon_params[] = {
    {"mode", "string"}, {"chardev", "string"}, {"pretty", "boolean"},
    {"id", "string"},
    {NULL, NULL},
};
const OptionParam object_params[] = {
    {"qom-type", "string"}, {"id", "string"}, {NULL, NULL},
};
const OptionParam audiodev_params[] = {
    {"driver", "string"}, {"id", "string"}, {"timer-period", "number"},
    {NULL, NULL},
};
const OptionParam name_params[] = {
    {"guest", "string"}, {"process", "string"}, {"debug-threads", "boolean"},
    {NULL, NULL},
};
const OptionParam action_params[] = {
    {"reboot", "string"}, {"shutdown", "string"}, {"panic", "string"},
    {"watchdog", "string"}, {NULL, NULL},
};
const OptionParam msg_params[] = {
    {"timestamp", "boolean"}, {"guest-name", "boolean"}, {NULL, NULL},
};
const OptionParam trace_params[] = {
    {"enable", "string"}, {"events", "string"}, {"file", "string"},
    {NULL, NULL},
};
const OptionParam add_fd_params[] = {
    {"fd", "number"}, {"set", "number"}, {"opaque", "string"}, {NULL, NULL},
};
const OptionParam sandbox_params[] = {
    {"enable", "boolean"}, {"obsolete", "string"},
    {"elevateprivileges", "string"}, {"spawn", "string"},
    {"resourcecontrol", "string"}, {NULL, NULL},
};
const OptionParam overcommit_params[] = {
    {"mem-lock", "boolean"}, {"cpu-pm", "boolean"}, {NULL, NULL},
};
const OptionParam icount_params[] = {
    {"shift", "string"}, {"sleep", "boolean"}, {"align", "boolean"},
    {"rr", "string"}, {"rrfile", "string"}, {"rrsnapshot", "string"},
    {"rrdigest", "string"}, {"rrembed", "boolean"}, {"rrmem", "size"},
    {"rrcheckpoints", "boolean"}, {NULL, NULL},
};
/* clang-format on */

#define OPT_TEXT(fn, member)                                                   \
    bool fn(Options *o, const char *arg, GError **error)                       \
    {                                                                          \
        option_set(&o->member, arg);                                           \
        return true;                                                           \
    }
#define OPT_LIST(fn, member)                                                   \
    bool fn(Options *o, const char *arg, GError **error)                       \
    {                                                                          \
        return option_add(o->member, arg);                                     \
    }
#define OPT_FLAG(fn, member)                                                   \
    bool fn(Options *o, const char *arg, GError **error)                       \
    {                                                                          \
        o->member = true;                                                      \
        return true;                                                           \
    }

OPT_TEXT(opt_bios, bios)
OPT_TEXT(opt_kernel, kernel)
OPT_TEXT(opt_initrd, initrd)
OPT_TEXT(opt_append, append)
OPT_TEXT(opt_debugcon, debugcon)
OPT_TEXT(opt_dfile, log_file)
OPT_TEXT(opt_pidfile, pidfile)
OPT_TEXT(opt_gdb, gdb)
OPT_TEXT(opt_runas, run_as)
OPT_TEXT(opt_chroot, change_root)
OPT_LIST(opt_global, globals)
OPT_LIST(opt_fw_cfg, fw_cfg)
OPT_LIST(opt_smbios, smbios)
OPT_LIST(opt_option_rom, roms)
OPT_LIST(opt_serial, serials)
OPT_LIST(opt_parallel, parallels)
OPT_LIST(opt_monitor, monitors)
OPT_LIST(opt_qmp, qmps)
OPT_LIST(opt_qmp_pretty, qmps_pretty)
OPT_LIST(opt_mon, mons)
OPT_LIST(opt_add_fd, add_fds)
OPT_FLAG(opt_no_acpi, no_acpi)
OPT_FLAG(opt_no_hpet, no_hpet)
OPT_FLAG(opt_nodefaults, nodefaults)
OPT_FLAG(opt_nographic, nographic)
OPT_FLAG(opt_stopped, start_stopped)
OPT_FLAG(opt_daemonize, daemonize)
OPT_FLAG(opt_prealloc, mem_prealloc)
OPT_FLAG(opt_singlestep, accel.singlestep)
OPT_FLAG(opt_perfmap, accel.perf_map)

OPT_LIST(opt_drive, drives)
OPT_TEXT(opt_loadvm, loadvm)
OPT_FLAG(opt_snapshot, snapshot)

static bool drive_of_file(Options *o, const char *file, const char *more)
{
    g_auto(GStrv) parts = g_strsplit(file, ",", -1);
    g_autofree char *name = g_strjoinv(",,", parts);
    g_autofree char *text = g_strdup_printf("file=%s,%s", name, more);

    return option_add(o->drives, text);
}

bool opt_hda(Options *o, const char *arg, GError **error)
{
    return drive_of_file(o, arg, "index=0,media=disk");
}

bool opt_hdb(Options *o, const char *arg, GError **error)
{
    return drive_of_file(o, arg, "index=1,media=disk");
}

bool opt_hdc(Options *o, const char *arg, GError **error)
{
    return drive_of_file(o, arg, "index=2,media=disk");
}

bool opt_hdd(Options *o, const char *arg, GError **error)
{
    return drive_of_file(o, arg, "index=3,media=disk");
}

bool opt_cdrom(Options *o, const char *arg, GError **error)
{
    return drive_of_file(o, arg, "index=2,media=cdrom");
}

bool opt_blockdev(Options *o, const char *arg, GError **error)
{
    g_autofree char *text = NULL;

    return option_text(arg, &text, error) && option_add(o->blockdevs, text);
}

bool opt_ignored(Options *o, const char *arg, GError **error)
{
    return true;
}

bool opt_version(Options *o, const char *arg, GError **error)
{
    printf("Reprise %s\n", REPRISE_VERSION);
    printf("guests: x86_64 i386\nbuilt in: capstone %s, editline %s, "
           "ACPI %s\n",
           CONFIG_CAPSTONE ? "yes" : "no", CONFIG_EDITLINE ? "yes" : "no",
           CONFIG_IASL ? "yes" : "no");
    o->help_given = true;
    return true;
}

/* --- back ends and devices ------------------------------------------------------- */

bool opt_dir(Options *o, const char *arg, GError **error)
{
    if (option_asks_help(arg)) {
        puts("/usr/share/seabios\n/usr/share/qemu\n" REPRISE_DATADIR);
        o->help_given = true;
        return true;
    }
    return option_add(o->dirs, arg);
}

bool opt_gdb_default(Options *o, const char *arg, GError **error)
{
    return opt_gdb(o, "tcp::1234", error);
}

bool opt_device(Options *o, const char *arg, GError **error)
{
    bool all = option_asks_help(arg);
    g_autofree char *text = NULL, *driver = NULL;
    const char *rest;

    if (!option_text(arg, &text, error)) {
        return false;
    }
    driver = g_strndup(text, strcspn(text, ","));
    rest = text + strlen(driver);
    if (all || strcmp(rest, ",help") == 0 || strcmp(rest, ",?") == 0) {
        g_autoptr(GString) help = g_string_new(NULL);

        return registry_device_help(all ? NULL : driver, help, error)
               && option_print(o, help);
    }
    return option_add(o->devices, text);
}

bool opt_object(Options *o, const char *arg, GError **error)
{
    g_autofree char *text = NULL, *type = NULL;
    const char *rest;

    if (!option_text(arg, &text, error)) {
        return false;
    }
    type = g_strndup(text, strcspn(text, ","));
    rest = text + strlen(type);
    if (option_asks_help(type) || strcmp(rest, ",help") == 0) {
        g_autoptr(GString) help = g_string_new(NULL);

        return object_help(object_registry, *rest ? type : NULL, help, error)
               && option_print(o, help);
    }
    return option_add(o->objects, text);
}

bool opt_chardev(Options *o, const char *arg, GError **error)
{
    if (option_asks_help(arg)) {
        g_autoptr(GString) text = g_string_new(NULL);

        chardev_help(text);
        return option_print(o, text);
    }
    if (g_str_has_suffix(arg, ",help")) {
        g_autofree char *name = g_strndup(arg, strcspn(arg, ","));
        g_autoptr(GString) text = g_string_new(NULL);

        return chardev_help_about(name, text, error) && option_print(o, text);
    }
    return option_add(o->chardevs, arg);
}

bool opt_display(Options *o, const char *arg, GError **error)
{
    if (option_asks_help(arg)) {
        puts("Displays:\nnone");
        o->help_given = true;
        return true;
    }
    if (strcmp(arg, "none") != 0) {
        return fail(error,
                    "%s: screens are not in this version yet "
                    "(there is: none)",
                    arg);
    }
    option_set(&o->display, arg);
    return true;
}

bool opt_keyboard(Options *o, const char *arg, GError **error)
{
    return true; /* for typed characters (VNC), which are not there yet */
}

bool opt_net(Options *o, const char *arg, GError **error)
{
    return strcmp(arg, "none") == 0
           || fail(error,
                   "%s: networks are not in this version yet "
                   "(there is: none)",
                   arg);
}

bool opt_audiodev(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    g_autofree char *text = NULL;
    const char *driver;
    uint64_t period = 0;

    if (option_asks_help(arg)) {
        puts("Available audio drivers:\nnone");
        o->help_given = true;
        return true;
    }
    if (!option_text(arg, &text, error)) {
        return false;
    }
    keyvals_parse(&kv, text, "driver");
    driver = keyvals_take(&kv, "driver");
    if (!driver || strcmp(driver, "none") != 0) {
        return fail(error,
                    "%s: sound is not in this version yet (there is: none)",
                    driver ? driver : arg);
    }
    if (!keyvals_take(&kv, "id")) {
        return fail(error, "%s: needs an id=", arg);
    }
    return keyvals_take_u64(&kv, "timer-period", UINT32_MAX, &period, error)
           && option_done(&kv, audiodev_params, error);
}

/* --- running ----------------------------------------------------------------------- */

bool opt_icount(Options *o, const char *arg, GError **error)
{
    return replay_options_parse(&o->replay, arg, error);
}

/* The choice among @values, which are constants. */
static bool take_choice(KeyVals *kv, const char *key, const char *const *values,
                        const char **at, GError **error)
{
    const char *value = keyvals_take(kv, key);
    g_autofree char *all = NULL;

    for (const char *const *v = values; value && *v; v++) {
        if (strcmp(*v, value) == 0) {
            *at = *v;
            return true;
        }
    }
    all = g_strjoinv(", ", (char **)(uintptr_t)values);
    return !value || fail(error, "%s=%s: expected one of %s", key, value, all);
}

bool opt_action(Options *o, const char *arg, GError **error)
{
    static const char *const reboots[] = {"reset", "shutdown", NULL};
    static const char *const ends[] = {"poweroff", "pause", NULL};
    static const char *const panics[] = {"shutdown", "pause", "exit-failure",
                                         "none", NULL};
    static const char *const dogs[] = {"reset", "shutdown",   "poweroff",
                                       "pause", "inject-nmi", "debug",
                                       "none",  NULL};
    OptionActions *a = &o->action;
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, arg, NULL);
    return take_choice(&kv, "reboot", reboots, &a->reboot, error)
           && take_choice(&kv, "shutdown", ends, &a->shutdown, error)
           && take_choice(&kv, "panic", panics, &a->panic, error)
           && take_choice(&kv, "watchdog", dogs, &a->watchdog, error)
           && option_done(&kv, action_params, error);
}

bool opt_watchdog_action(Options *o, const char *arg, GError **error)
{
    g_autofree char *text = g_strconcat("watchdog=", arg, NULL);

    return opt_action(o, text, error);
}

bool opt_no_reboot(Options *o, const char *arg, GError **error)
{
    return opt_action(o, "reboot=shutdown", error);
}

bool opt_no_shutdown(Options *o, const char *arg, GError **error)
{
    return opt_action(o, "shutdown=pause", error);
}

bool opt_name(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    const char *guest, *process;
    bool threads = false; /* they have names in any case */

    keyvals_parse(&kv, arg, "guest");
    guest = keyvals_take(&kv, "guest");
    process = keyvals_take(&kv, "process");
    if (!keyvals_take_bool(&kv, "debug-threads", &threads, error)) {
        return false;
    }
    if (guest) {
        option_set(&o->name, guest);
    }
    if (process) {
        option_set(&o->process_name, process);
    }
    return option_done(&kv, name_params, error);
}

static void print_trace_rows(Options *o)
{
    for (unsigned i = 0; i < TRACE_COUNT; i++) {
        printf("%-16s %s%s%s%s\n", trace_rows[i].name, trace_rows[i].doc,
               *trace_rows[i].values ? " (" : "", trace_rows[i].values,
               *trace_rows[i].values ? ")" : "");
    }
    o->help_given = true;
}

static bool trace_pattern(Options *o, const char *pattern, GError **error)
{
    const char *bare = pattern + (*pattern == '-');

    if (!trace_fits(bare)) {
        return fail(error, "%s: no trace point fits (-trace help lists them)",
                    bare);
    }
    return option_add(o->traces, pattern);
}

/* A pattern a line; '#' begins a comment. */
static bool trace_events(Options *o, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!option_read_file(path, &text, error)) {
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **l = lines; *l; l++) {
        g_strstrip(*l);
        if (**l && **l != '#' && !trace_pattern(o, *l, error)) {
            return fail_prefix(error, "%s", path);
        }
    }
    return true;
}

bool opt_trace(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    const char *enable, *events, *file;

    if (option_asks_help(arg)) {
        print_trace_rows(o);
        return true;
    }
    keyvals_parse(&kv, arg, "enable");
    enable = keyvals_take(&kv, "enable");
    events = keyvals_take(&kv, "events");
    file = keyvals_take(&kv, "file");
    if (file) {
        option_set(&o->trace_file, file);
    }
    return option_done(&kv, trace_params, error)
           && (!enable || trace_pattern(o, enable, error))
           && (!events || trace_events(o, events, error));
}

/* trace:PATTERN among the items of -d is for -trace. */
bool opt_d(Options *o, const char *arg, GError **error)
{
    g_auto(GStrv) items = g_strsplit(arg, ",", -1);
    g_autoptr(GString) rest = g_string_new(NULL);

    if (option_asks_help(arg)) {
        puts("Items of -d (comma separated):");
        for (const LogName *n = log_names; n->name; n++) {
            printf("%-14s %s\n", n->name, n->doc);
        }
        puts("trace:PATTERN  trace points (-trace help lists them)");
        o->help_given = true;
        return true;
    }
    for (char **i = items; *i; i++) {
        if (g_str_has_prefix(*i, "trace:")) {
            if (!trace_pattern(o, *i + strlen("trace:"), error)) {
                return false;
            }
        } else {
            g_string_append_printf(rest, "%s%s", rest->len ? "," : "", *i);
        }
    }
    return log_parse(rest->str, &o->log_mask, error);
}

bool opt_msg(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, arg, NULL);
    return keyvals_take_bool(&kv, "timestamp", &o->msg_timestamp, error)
           && keyvals_take_bool(&kv, "guest-name", &o->msg_guest_name, error)
           && option_done(&kv, msg_params, error);
}

/* --- the process --------------------------------------------------------------------- */

static bool take_deny(KeyVals *kv, const char *key, const char *third,
                      bool *deny, GError **error)
{
    const char *values[] = {"allow", "deny", third, NULL};
    const char *value = *deny ? values[1] : values[0];

    if (!take_choice(kv, key, values, &value, error)) {
        return false;
    }
    *deny = value != values[0];
    return true;
}

bool opt_sandbox(Options *o, const char *arg, GError **error)
{
    SandboxOptions *s = &o->sandbox;
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, arg, "enable");
    s->deny_obsolete = true; /* unless it is allowed */
    return keyvals_take_bool(&kv, "enable", &s->on, error)
           && take_deny(&kv, "obsolete", NULL, &s->deny_obsolete, error)
           && take_deny(&kv, "elevateprivileges", "children", &s->deny_elevate,
                        error)
           && take_deny(&kv, "spawn", NULL, &s->deny_spawn, error)
           && take_deny(&kv, "resourcecontrol", NULL, &s->deny_control, error)
           && option_done(&kv, sandbox_params, error);
}

bool opt_overcommit(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    bool idle = false;

    keyvals_parse(&kv, arg, NULL);
    if (!keyvals_take_bool(&kv, "mem-lock", &o->mem_lock, error)
        || !keyvals_take_bool(&kv, "cpu-pm", &idle, error)) {
        return false;
    }
    if (idle) {
        return fail(error, "cpu-pm=on: an idle guest never holds a processor "
                           "of the host here");
    }
    return option_done(&kv, overcommit_params, error);
}
