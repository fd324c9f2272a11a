/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. */
#include "system/options.h"

#include <stdio.h>

#include "chardev/chardev.h"
#include "config.h"
#include "core/error.h"
#include "core/keyval.h"
#include "cpu/x86.h"
#include "hw/machine.h"
#include "system/registry.h"

#define DEFAULT_RAM (128ULL << 20)
#define MAX_RAM (1ULL << 40)
#define MAX_CPUS 8

typedef bool OptionFn(Options *o, const char *arg, GError **error);

/* What the reference has and this version has not: a clear word instead of
 * "unknown option". */
typedef struct LaterOption {
    const char *name;
    const char *what;
} LaterOption;

/* clang-format off */
static const LaterOption later_options[] = {
    {"drive", "disks"}, {"blockdev", "disks"}, {"hda", "disks"},
    {"hdb", "disks"}, {"hdc", "disks"}, {"hdd", "disks"},
    {"cdrom", "disks"}, {"fda", "disks"}, {"fdb", "disks"},
    {"snapshot", "disks"}, {"loadvm", "snapshots"}, {"netdev", "networks"},
    {"object", "objects"}, {"vnc", "screens"}, {"audiodev", "sound"},
    {"usb", "USB"}, {"usbdevice", "USB"},
    {"daemonize", "running in the background"},
    {"incoming", "migration"}, {"dtb", "device trees"}, {"plugin", "plugins"},
    {"trace", "trace points"}, {"sandbox", "the sandbox"},
    {"readconfig", "configuration files"}, {"runas", "changing the user"},
    {NULL, NULL},
};
/* clang-format on */

static void set_text(char **at, const char *text)
{
    g_free(*at);
    *at = g_strdup(text);
}

static bool add_text(GPtrArray *list, const char *text)
{
    g_ptr_array_add(list, g_strdup(text));
    return true;
}

/* --- help ---------------------------------------------------------------------- */

static bool opt_help(Options *o, const char *arg, GError **error);

static bool opt_version(Options *o, const char *arg, GError **error)
{
    printf("Reprise %s\n", REPRISE_VERSION);
    printf("guests: x86_64 i386\nbuilt in: capstone %s, editline %s, "
           "ACPI %s\n",
           CONFIG_CAPSTONE ? "yes" : "no", CONFIG_EDITLINE ? "yes" : "no",
           CONFIG_IASL ? "yes" : "no");
    o->help_given = true;
    return true;
}

static bool opt_print(Options *o, GString *text)
{
    fputs(text->str, stdout);
    o->help_given = true;
    return true;
}

/* --- machine ------------------------------------------------------------------- */

static bool opt_target(Options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "x86_64") == 0 || strcmp(arg, "i386") == 0) {
        o->long_mode = arg[0] == 'x';
        return true;
    }
    return fail(error, "unknown target '%s' (there are: x86_64, i386)", arg);
}

static bool machine_accel(const char *accel, GError **error)
{
    if (!accel || strcmp(accel, "tcg") == 0) {
        return true;
    }
    return fail(error, "accel=%s: only tcg can count instructions exactly",
                accel);
}

static bool machine_flags(Options *o, KeyVals *kv, GError **error)
{
    static const char *const known[] = {
        "type", "accel",  "graphics",        "smm",       "acpi", "hpet",
        "usb",  "vmport", "dump-guest-core", "mem-merge", NULL};
    bool graphics = !o->graphics_off, smm = !o->smm_off, acpi = !o->no_acpi;
    bool hpet = !o->no_hpet, usb = false, ignored = false;

    if (!machine_accel(keyvals_take(kv, "accel"), error)
        || !keyvals_take_bool(kv, "graphics", &graphics, error)
        || !keyvals_take_bool(kv, "acpi", &acpi, error)
        || !keyvals_take_bool(kv, "hpet", &hpet, error)
        || !keyvals_take_bool(kv, "usb", &usb, error)
        || !keyvals_take_bool(kv, "dump-guest-core", &ignored, error)
        || !keyvals_take_bool(kv, "mem-merge", &ignored, error)) {
        return false;
    }
    keyvals_take(kv, "vmport");
    if (keyvals_take(kv, "smm") && !keyvals_take_bool(kv, "smm", &smm, NULL)) {
        smm = false; /* auto */
    }
    if (usb) {
        return fail(error, "usb=on: USB is not in this version yet");
    }
    o->graphics_off = !graphics;
    o->smm_off = !smm;
    o->no_acpi = !acpi;
    o->no_hpet = !hpet;
    return keyvals_done(kv, known, error);
}

static bool opt_machine(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    const char *type;

    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        g_autoptr(GString) text = g_string_new(NULL);

        machine_help(text);
        return opt_print(o, text);
    }
    keyvals_parse(&kv, arg, "type");
    type = keyvals_take(&kv, "type");
    if (type) {
        if (!machine_find(type, error)) {
            return false;
        }
        set_text(&o->machine, type);
    }
    return machine_flags(o, &kv, error);
}

static bool opt_cpu(Options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        g_autoptr(GString) text = g_string_new(NULL);

        x86_cpu_help(text, o->long_mode);
        return opt_print(o, text);
    }
    if (g_str_has_prefix(arg, "host")) {
        return fail(error, "host: a recording must replay on any host; use "
                           "'max' for all features of this version");
    }
    set_text(&o->cpu, arg);
    return true;
}

static bool opt_accel(Options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        puts("Accelerators:\ntcg   translator with exact instruction counts:\n"
             "      engine=jit|interp, tb-size=MiB, thread=single");
        o->help_given = true;
        return true;
    }
    if (g_str_has_prefix(arg, "tcg") && (!arg[3] || arg[3] == ',')) {
        return accel_options_parse(&o->accel, arg[3] ? arg + 4 : "", error);
    }
    return fail(error, "%s: only tcg can count instructions exactly", arg);
}

static bool opt_smp(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"cpus",    "sockets", "cores",
                                        "threads", "maxcpus", NULL};
    g_auto(KeyVals) kv = {0};
    uint64_t cpus = 0, sockets = 1, cores = 1, threads = 1, max = 0;

    keyvals_parse(&kv, arg, "cpus");
    if (!keyvals_take_u64(&kv, "cpus", 255, &cpus, error)
        || !keyvals_take_u64(&kv, "sockets", 255, &sockets, error)
        || !keyvals_take_u64(&kv, "cores", 255, &cores, error)
        || !keyvals_take_u64(&kv, "threads", 255, &threads, error)
        || !keyvals_take_u64(&kv, "maxcpus", 255, &max, error)
        || !keyvals_done(&kv, known, error)) {
        return false;
    }
    cpus = cpus ? cpus : sockets * cores * threads;
    if (cpus > MAX_CPUS || max > MAX_CPUS || (max && max < cpus)) {
        return fail(error, "%s: from 1 to %d vCPUs, maxcpus at least as many",
                    arg, MAX_CPUS);
    }
    o->cpus = (unsigned)cpus;
    return true;
}

static bool opt_m(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"size", "slots", "maxmem", NULL};
    g_auto(KeyVals) kv = {0};
    const char *size;
    uint64_t bytes;

    keyvals_parse(&kv, arg, "size");
    size = keyvals_take(&kv, "size");
    if (keyvals_take(&kv, "slots") || keyvals_take(&kv, "maxmem")) {
        return fail(error, "memory hot-plug is not in this version");
    }
    if (!keyvals_done(&kv, known, error)) {
        return false;
    }
    if (!size || !parse_size(size, 1 << 20, &bytes)) {
        return fail(error, "%s: expected a size such as 256, 512M or 2G", arg);
    }
    if (bytes == 0 || bytes > MAX_RAM || bytes % (1 << 20) != 0) {
        return fail(error, "%s: from 1M to 1T, in whole MiB", arg);
    }
    o->ram_bytes = bytes;
    return true;
}

static bool opt_name(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"guest", "process", "debug-threads",
                                        NULL};
    g_auto(KeyVals) kv = {0};
    const char *guest;

    keyvals_parse(&kv, arg, "guest");
    guest = keyvals_take(&kv, "guest");
    keyvals_take(&kv, "process");
    keyvals_take(&kv, "debug-threads");
    if (guest) {
        set_text(&o->name, guest);
    }
    return keyvals_done(&kv, known, error);
}

static bool opt_uuid(Options *o, const char *arg, GError **error)
{
    const char *p = arg;

    if (!g_uuid_string_is_valid(arg)) {
        return fail(error,
                    "%s: expected the form "
                    "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
                    arg);
    }
    for (unsigned i = 0; i < sizeof(o->uuid); i++) {
        p += *p == '-';
        o->uuid[i] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4
                               | g_ascii_xdigit_value(p[1]));
        p += 2;
    }
    o->has_uuid = true;
    set_text(&o->uuid_text, arg);
    return true;
}

static bool rtc_base(Options *o, const char *base, GError **error)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) date = NULL;
    g_autofree char *whole = NULL;

    if (strcmp(base, "utc") == 0) {
        return true;
    }
    if (strcmp(base, "localtime") == 0) {
        o->rtc_localtime = true;
        return true;
    }
    whole = strchr(base, 'T') ? g_strdup(base)
                              : g_strconcat(base, "T00:00:00", NULL);
    date = g_date_time_new_from_iso8601(whole, utc);
    if (!date) {
        return fail(error,
                    "base=%s: expected utc, localtime, 2026-01-31 or "
                    "2026-01-31T12:30:00",
                    base);
    }
    o->has_rtc_base = true;
    o->rtc_base_sec = g_date_time_to_unix(date);
    return true;
}

static bool opt_rtc(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"base", "clock", "driftfix", NULL};
    g_auto(KeyVals) kv = {0};
    const char *base, *clock, *drift;

    keyvals_parse(&kv, arg, NULL);
    base = keyvals_take(&kv, "base");
    clock = keyvals_take(&kv, "clock");
    drift = keyvals_take(&kv, "driftfix");
    if (clock && strcmp(clock, "host") && strcmp(clock, "rt")
        && strcmp(clock, "vm")) {
        return fail(error,
                    "clock=%s: expected host, rt or vm (all of them "
                    "run with the guest's clock here)",
                    clock);
    }
    if (drift && strcmp(drift, "none") && strcmp(drift, "slew")) {
        return fail(error, "driftfix=%s: expected none or slew", drift);
    }
    return (!base || rtc_base(o, base, error))
           && keyvals_done(&kv, known, error);
}

static bool opt_seed(Options *o, const char *arg, GError **error)
{
    o->has_seed = true;
    return parse_u64(arg, UINT64_MAX, &o->seed)
           || fail(error, "%s: expected a number", arg);
}

static bool opt_boot(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"order",          "once",   "menu",
                                        "splash-time",    "strict", "splash",
                                        "reboot-timeout", NULL};
    g_auto(KeyVals) kv = {0};
    const char *order;
    uint64_t timeout = 0;

    keyvals_parse(&kv, arg, "order");
    order = keyvals_take(&kv, "order");
    keyvals_take(&kv, "once");
    keyvals_take(&kv, "splash");
    keyvals_take(&kv, "reboot-timeout");
    if (order && (strspn(order, "abcdefghijklmnop") != strlen(order))) {
        return fail(error, "order=%s: drives are letters from a to p", order);
    }
    if (order) {
        set_text(&o->boot_order, order);
    }
    if (!keyvals_take_bool(&kv, "menu", &o->boot_menu, error)
        || !keyvals_take_bool(&kv, "strict", &o->boot_strict, error)
        || !keyvals_take_u64(&kv, "splash-time", 65535, &timeout, error)) {
        return false;
    }
    o->boot_timeout_ms = (int)timeout;
    return keyvals_done(&kv, known, error);
}

#define OPT_TEXT(fn, member)                                                   \
    static bool fn(Options *o, const char *arg, GError **error)                \
    {                                                                          \
        set_text(&o->member, arg);                                             \
        return true;                                                           \
    }
#define OPT_LIST(fn, member)                                                   \
    static bool fn(Options *o, const char *arg, GError **error)                \
    {                                                                          \
        return add_text(o->member, arg);                                       \
    }
#define OPT_FLAG(fn, member)                                                   \
    static bool fn(Options *o, const char *arg, GError **error)                \
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
OPT_LIST(opt_l, dirs)
OPT_LIST(opt_global, globals)
OPT_LIST(opt_fw_cfg, fw_cfg)
OPT_LIST(opt_smbios, smbios)
OPT_LIST(opt_serial, serials)
OPT_LIST(opt_parallel, parallels)
OPT_LIST(opt_monitor, monitors)
OPT_LIST(opt_qmp, qmps)
OPT_LIST(opt_qmp_pretty, qmps_pretty)
OPT_LIST(opt_mon, mons)
OPT_FLAG(opt_no_acpi, no_acpi)
OPT_FLAG(opt_no_hpet, no_hpet)
OPT_FLAG(opt_nodefaults, nodefaults)
OPT_FLAG(opt_nographic, nographic)
OPT_FLAG(opt_s, start_stopped)
OPT_TEXT(opt_gdb, gdb)
OPT_FLAG(opt_no_reboot, no_reboot)
OPT_FLAG(opt_no_shutdown, no_shutdown)

static bool opt_gdb_default(Options *o, const char *arg, GError **error)
{
    return opt_gdb(o, "tcp::1234", error);
}

static bool opt_ignored(Options *o, const char *arg, GError **error)
{
    return true;
}

static bool opt_device(Options *o, const char *arg, GError **error)
{
    bool all = strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0;
    g_autofree char *driver = g_strndup(arg, strcspn(arg, ","));
    const char *rest = arg + strlen(driver);

    if (all || strcmp(rest, ",help") == 0) {
        g_autoptr(GString) text = g_string_new(NULL);

        return registry_device_help(all ? NULL : driver, text, error)
               && opt_print(o, text);
    }
    return add_text(o->devices, arg);
}

static bool opt_chardev(Options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        g_autoptr(GString) text = g_string_new(NULL);

        chardev_help(text);
        return opt_print(o, text);
    }
    return add_text(o->chardevs, arg);
}

static bool opt_display(Options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "help") == 0) {
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
    set_text(&o->display, arg);
    return true;
}

static bool opt_vga(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"none", "std", "cirrus", NULL};

    if (!g_strv_contains(known, arg)) {
        return fail(error, "%s: expected none or std", arg);
    }
    set_text(&o->vga, arg);
    return true;
}

static bool opt_net(Options *o, const char *arg, GError **error)
{
    return strcmp(arg, "none") == 0
           || fail(error,
                   "%s: networks are not in this version yet "
                   "(there is: none)",
                   arg);
}

static bool opt_icount(Options *o, const char *arg, GError **error)
{
    return replay_options_parse(&o->replay, arg, error);
}

static bool opt_action(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"reboot", "shutdown", "panic",
                                        "watchdog", NULL};
    g_auto(KeyVals) kv = {0};
    const char *reboot, *off;

    keyvals_parse(&kv, arg, NULL);
    reboot = keyvals_take(&kv, "reboot");
    off = keyvals_take(&kv, "shutdown");
    keyvals_take(&kv, "panic");
    keyvals_take(&kv, "watchdog");
    if (reboot && strcmp(reboot, "reset") && strcmp(reboot, "shutdown")) {
        return fail(error, "reboot=%s: expected reset or shutdown", reboot);
    }
    if (off && strcmp(off, "poweroff") && strcmp(off, "pause")) {
        return fail(error, "shutdown=%s: expected poweroff or pause", off);
    }
    o->no_reboot = reboot ? reboot[2] != 's' : o->no_reboot;
    o->no_shutdown = off ? off[1] == 'a' : o->no_shutdown;
    return keyvals_done(&kv, known, error);
}

static bool opt_singlestep(Options *o, const char *arg, GError **error)
{
    o->accel.singlestep = true;
    return true;
}

static bool opt_perfmap(Options *o, const char *arg, GError **error)
{
    o->accel.perf_map = true;
    return true;
}

static bool opt_d(Options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        puts("Items of -d (comma separated):");
        for (const LogName *n = log_names; n->name; n++) {
            printf("%-14s %s\n", n->name, n->doc);
        }
        o->help_given = true;
        return true;
    }
    return log_parse(arg, &o->log_mask, error);
}

/* --- the table --------------------------------------------------------------- */

typedef struct OptionRow {
    const char *name, *arg;
    OptionFn *fn;
    const char *doc;
} OptionRow;

static const OptionRow option_rows[] = {
#define OPTION(name, arg, fn, doc) {name, arg, fn, doc},
#include "system/options.def"
#undef OPTION
};

static bool opt_help(Options *o, const char *arg, GError **error)
{
    printf("Reprise %s: full-system emulator with exact record and replay"
           "\nusage: %s [options]\n\n",
           REPRISE_VERSION, o->program);
    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        const OptionRow *row = &option_rows[i];

        if (row->doc) {
            printf("-%s %s\n        %s\n", row->name, row->arg ? row->arg : "",
                   row->doc);
        }
    }
    puts("\nA first recording:\n"
         "  reprise-system-x86_64 -kernel vmlinuz -initrd initrd.gz -append "
         "console=ttyS0 \\\n      -nographic -net none -no-reboot "
         "-icount shift=auto,rr=record,rrfile=boot.rr\n"
         "and the same again with rr=replay.");
    o->help_given = true;
    return true;
}

static const OptionRow *option_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        if (strcmp(option_rows[i].name, name) == 0) {
            return &option_rows[i];
        }
    }
    return NULL;
}

static bool option_unknown(const char *name, GError **error)
{
    const char *names[G_N_ELEMENTS(option_rows) + 1] = {0};
    const char *near;

    for (const LaterOption *l = later_options; l->name; l++) {
        if (strcmp(l->name, name) == 0) {
            return fail(error, "-%s: %s: not in this version yet", name,
                        l->what);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        names[i] = option_rows[i].name;
    }
    near = nearest_match(name, names);
    return near ? fail(error,
                       "-%s: unknown option: did you mean -%s? (--help "
                       "lists them)",
                       name, near)
                : fail(error, "-%s: unknown option (--help lists them)", name);
}

void options_init(Options *o, const char *argv0)
{
    *o = (Options){.program = g_path_get_basename(argv0),
                   .ram_bytes = DEFAULT_RAM,
                   .cpus = 1};
    o->long_mode = !g_str_has_suffix(o->program, "-i386");
    for (GPtrArray **list = &o->dirs; list <= &o->mons; list++) {
        *list = g_ptr_array_new_with_free_func(g_free);
    }
}

void options_clear(Options *o)
{
    char **const texts[] = {
        &o->program,  &o->machine,  &o->cpu,        &o->bios,
        &o->kernel,   &o->initrd,   &o->append,     &o->name,
        &o->vga,      &o->display,  &o->boot_order, &o->uuid_text,
        &o->debugcon, &o->log_file, &o->pidfile,    &o->gdb};

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_clear_pointer(texts[i], g_free);
    }
    for (GPtrArray **list = &o->dirs; list <= &o->mons; list++) {
        g_clear_pointer(list, g_ptr_array_unref);
    }
    replay_options_clear(&o->replay);
}

/* "-name: why", whether or not the message names the option already. */
static bool option_fail(const char *name, GError **error)
{
    const char *text = error && *error ? (*error)->message : "";

    text += *text == '-';
    if (g_str_has_prefix(text, name) && strchr(": ", text[strlen(name)])) {
        g_autofree char *rest =
            g_strdup(text + strlen(name) + strspn(text + strlen(name), ": "));

        g_clear_error(error);
        return fail(error, "-%s %s", name, rest);
    }
    return fail_prefix(error, "-%s", name);
}

bool options_parse(Options *o, int argc, char **argv, GError **error)
{
    for (int i = 1; i < argc && !o->help_given; i++) {
        const char *name = argv[i];
        const OptionRow *row;

        if (name[0] != '-' || !name[1]) {
            return fail(error,
                        "%s: disks are not in this version yet "
                        "(an option begins with '-')",
                        name);
        }
        name += name[1] == '-' ? 2 : 1;
        row = option_find(name);
        if (!row) {
            return option_unknown(name, error);
        }
        if (row->arg && i + 1 >= argc) {
            return fail(error, "-%s: needs an argument: %s", name, row->arg);
        }
        if (!row->fn(o, row->arg ? argv[++i] : NULL, error)) {
            return option_fail(name, error);
        }
    }
    return true;
}
