/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that say what the machine is. */
#include <stdio.h>

#include "config.h"
#include "cpu/x86.h"
#include "hw/machine.h"
#include "system/options_priv.h"

#define MAX_RAM (1ULL << 40)
#define MAX_CPUS 8
#define ACCEL_ONLY "only tcg can count instructions exactly"

/* clang-format off */
const OptionParam machine_params[] = {
    {"type", "string"}, {"accel", "string"}, {"graphics", "boolean"},
    {"smm", "string"}, {"acpi", "string"}, {"hpet", "boolean"},
    {"usb", "boolean"}, {"vmport", "string"}, {"dump-guest-core", "boolean"},
    {"mem-merge", "boolean"}, {"memory-backend", "string"},
    {"kernel", "string"}, {"initrd", "string"}, {"append", "string"},
    {"firmware", "string"}, {NULL, NULL},
};
const OptionParam accel_params[] = {
    {"accel", "string"}, {"engine", "string"}, {"tb-size", "number"},
    {"thread", "string"}, {NULL, NULL},
};
const OptionParam smp_params[] = {
    {"cpus", "number"}, {"sockets", "number"}, {"dies", "number"},
    {"clusters", "number"}, {"cores", "number"}, {"threads", "number"},
    {"maxcpus", "number"}, {NULL, NULL},
};
const OptionParam memory_params[] = {
    {"size", "size"}, {"slots", "number"}, {"maxmem", "size"}, {NULL, NULL},
};
const OptionParam rtc_params[] = {
    {"base", "string"}, {"clock", "string"}, {"driftfix", "string"},
    {NULL, NULL},
};
const OptionParam boot_params[] = {
    {"order", "string"}, {"once", "string"}, {"menu", "boolean"},
    {"splash", "string"}, {"splash-time", "number"},
    {"reboot-timeout", "number"}, {"strict", "boolean"}, {NULL, NULL},
};
const OptionParam fw_cfg_params[] = {
    {"name", "string"}, {"file", "string"}, {"string", "string"}, {NULL, NULL},
};
const OptionParam smbios_params[] = {
    {"type", "number"}, {"file", "string"}, {NULL, NULL},
};
const OptionParam device_params[] = {
    {"driver", "string"}, {"id", "string"}, {NULL, NULL},
};
const OptionParam global_params[] = {
    {"driver", "string"}, {"property", "string"}, {"value", "string"},
    {NULL, NULL},
};
/* clang-format on */

bool opt_target(Options *o, const char *arg, GError **error)
{
    if (strcmp(arg, "x86_64") == 0 || strcmp(arg, "i386") == 0) {
        o->long_mode = arg[0] == 'x';
        return true;
    }
    return fail(error, "unknown target '%s' (there are: x86_64, i386)", arg);
}

/* --- accelerators ------------------------------------------------------------- */

/* One of a list "kvm:tcg": the first that is there is used. */
static bool accel_name(Options *o, const char *name, GError **error)
{
    static const char *const others[] = {"kvm",  "xen",  "hax",   "hvf",
                                         "nvmm", "whpx", "qtest", NULL};

    if (strcmp(name, "tcg") == 0) {
        o->accel_found = true;
        return true;
    }
    if (!g_strv_contains(others, name)) {
        return fail(error, "%s: no such accelerator (there is: tcg)", name);
    }
    if (!o->accel_refused) {
        o->accel_refused = g_strdup_printf("-accel %s: " ACCEL_ONLY, name);
    }
    return true;
}

static bool machine_accel(Options *o, const char *list, GError **error)
{
    g_auto(GStrv) names = g_strsplit(list ? list : "", ":", -1);

    for (char **name = names; *name; name++) {
        if (!accel_name(o, *name, error)) {
            return fail_prefix(error, "accel=%s", list);
        }
    }
    return true;
}

bool opt_accel(Options *o, const char *arg, GError **error)
{
    g_autofree char *name = NULL;
    const char *rest;

    if (option_asks_help(arg)) {
        puts("Accelerators:\ntcg   translator with exact instruction counts:\n"
             "      engine=jit|interp, tb-size=MiB, thread=single");
        o->help_given = true;
        return true;
    }
    arg += g_str_has_prefix(arg, "accel=") ? strlen("accel=") : 0;
    name = g_strndup(arg, strcspn(arg, ","));
    rest = arg + strlen(name);
    if (!accel_name(o, name, error)) {
        return false;
    }
    return strcmp(name, "tcg") != 0
           || accel_options_parse(&o->accel, *rest ? rest + 1 : "", error);
}

bool opt_no_kvm(Options *o, const char *arg, GError **error)
{
    return fail(error, ACCEL_ONLY ": KVM cannot stop a guest at a count");
}

/* --- board ----------------------------------------------------------------------- */

/* on, off or auto */
static bool take_auto(KeyVals *kv, const char *key, bool *v, GError **error)
{
    const char *text = keyvals_take(kv, key);

    return !text || strcmp(text, "auto") == 0 || parse_bool(text, v)
           || fail(error, "%s=%s: expected on, off or auto", key, text);
}

static bool machine_flags(Options *o, KeyVals *kv, GError **error)
{
    bool graphics = !o->graphics_off, smm = !o->smm_off, acpi = !o->no_acpi;
    bool hpet = !o->no_hpet, usb = false, vmport = false, ignored = false;

    if (!keyvals_take_bool(kv, "graphics", &graphics, error)
        || !take_auto(kv, "acpi", &acpi, error)
        || !keyvals_take_bool(kv, "hpet", &hpet, error)
        || !keyvals_take_bool(kv, "usb", &usb, error)
        || !take_auto(kv, "vmport", &vmport, error)
        || !keyvals_take_bool(kv, "dump-guest-core", &ignored, error)
        || !keyvals_take_bool(kv, "mem-merge", &ignored, error)) {
        return false;
    }
    if (strcmp(keyvals_take(kv, "smm") ? keyvals_take(kv, "smm") : "on", "auto")
        == 0) {
        smm = false; /* as without KVM */
    } else if (!keyvals_take_bool(kv, "smm", &smm, error)) {
        return false;
    }
    if (usb) {
        return fail(error, "usb=on: USB is not in this version yet");
    }
    if (vmport) {
        return fail(error, "vmport=on: there is no such port in this program");
    }
    o->graphics_off = !graphics;
    o->smm_off = !smm;
    o->no_acpi = !acpi;
    o->no_hpet = !hpet;
    return option_done(kv, machine_params, error);
}

static void machine_texts(Options *o, KeyVals *kv)
{
    const struct {
        const char *key;
        char **at;
    } rows[] = {
        {"memory-backend", &o->memory_backend},
        {"kernel", &o->kernel},
        {"initrd", &o->initrd},
        {"append", &o->append},
        {"firmware", &o->bios},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *value = keyvals_take(kv, rows[i].key);

        if (value) {
            option_set(rows[i].at, value);
        }
    }
}

bool opt_machine(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    const char *type;

    if (option_asks_help(arg)) {
        g_autoptr(GString) text = g_string_new(NULL);

        machine_help(text);
        return option_print(o, text);
    }
    keyvals_parse(&kv, arg, "type");
    type = keyvals_take(&kv, "type");
    if (type) {
        if (!machine_find(type, error)) {
            return false;
        }
        option_set(&o->machine, type);
    }
    machine_texts(o, &kv);
    return machine_accel(o, keyvals_take(&kv, "accel"), error)
           && machine_flags(o, &kv, error);
}

bool opt_cpu(Options *o, const char *arg, GError **error)
{
    if (option_asks_help(arg)) {
        g_autoptr(GString) text = g_string_new(NULL);

        x86_cpu_help(text, o->long_mode);
        return option_print(o, text);
    }
    if (strcmp(arg, "host") == 0 || g_str_has_prefix(arg, "host,")) {
        return fail(error, "host: a recording must replay on any host; use "
                           "'max' for all features of this version");
    }
    option_set(&o->cpu, arg);
    return true;
}

enum {
    SMP_CPUS,
    SMP_SOCKETS,
    SMP_DIES,
    SMP_CORES,
    SMP_THREADS,
    SMP_CLUSTERS,
    SMP_MAX,
    SMP_COUNT
};

/* The parts that were not given follow from the others: cores first. */
static bool smp_complete(Options *o, const uint64_t n[SMP_COUNT],
                         GError **error)
{
    uint64_t cpus = n[SMP_CPUS], cores = n[SMP_CORES];
    uint64_t threads = MAX(n[SMP_THREADS], 1), dies = MAX(n[SMP_DIES], 1);
    uint64_t sockets = MAX(n[SMP_SOCKETS], 1);
    uint64_t max = n[SMP_MAX] ? n[SMP_MAX] : cpus;

    if (!cores) {
        cores = MAX(max / (sockets * dies * threads), 1);
    }
    max = max ? max : sockets * dies * cores * threads;
    cpus = cpus ? cpus : max;
    if (cpus > MAX_CPUS || max > MAX_CPUS || max < cpus) {
        return fail(error, "from 1 to %d vCPUs, maxcpus at least as many",
                    MAX_CPUS);
    }
    if (sockets * dies * cores * threads != max) {
        return fail(error,
                    "sockets (%u) * dies (%u) * cores (%u) * threads (%u) is "
                    "not the number of vCPUs (%u)",
                    (unsigned)sockets, (unsigned)dies, (unsigned)cores,
                    (unsigned)threads, (unsigned)max);
    }
    o->cpus = (unsigned)cpus;
    o->max_cpus = (unsigned)max;
    o->sockets = (unsigned)sockets;
    o->dies = (unsigned)dies;
    o->cores = (unsigned)cores;
    o->threads = (unsigned)threads;
    return true;
}

bool opt_smp(Options *o, const char *arg, GError **error)
{
    static const char *const names[SMP_COUNT] = {
        [SMP_CPUS] = "cpus",       [SMP_SOCKETS] = "sockets",
        [SMP_DIES] = "dies",       [SMP_CORES] = "cores",
        [SMP_THREADS] = "threads", [SMP_CLUSTERS] = "clusters",
        [SMP_MAX] = "maxcpus",
    };
    g_auto(KeyVals) kv = {0};
    uint64_t n[SMP_COUNT] = {0};

    keyvals_parse(&kv, arg, "cpus");
    for (unsigned i = 0; i < SMP_COUNT; i++) {
        if (!keyvals_take_u64(&kv, names[i], 255, &n[i], error)) {
            return false;
        }
        if (keyvals_take(&kv, names[i]) && !n[i]) {
            return fail(error, "%s=0: at least 1", names[i]);
        }
    }
    if (n[SMP_CLUSTERS] > 1) {
        return fail(error, "clusters=%u: this board has none",
                    (unsigned)n[SMP_CLUSTERS]);
    }
    return option_done(&kv, smp_params, error)
           && (smp_complete(o, n, error) || fail_prefix(error, "%s", arg));
}

bool opt_m(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    const char *size, *max;
    uint64_t bytes, limit = 0, slots = 0;

    keyvals_parse(&kv, arg, "size");
    size = keyvals_take(&kv, "size");
    max = keyvals_take(&kv, "maxmem");
    if (!keyvals_take_u64(&kv, "slots", 256, &slots, error)
        || !option_done(&kv, memory_params, error)) {
        return false;
    }
    if (!size || !parse_size(size, 1 << 20, &bytes)) {
        return fail(error, "%s: expected a size such as 256, 512M or 2G", arg);
    }
    if (max && !parse_size(max, 1 << 20, &limit)) {
        return fail(error, "maxmem=%s: expected a size such as 2G", max);
    }
    if (slots || limit > bytes) {
        return fail(error, "memory hot-plug is not in this version yet");
    }
    if (max && limit < bytes) {
        return fail(error, "maxmem=%s: less than size=%s", max, size);
    }
    if (bytes == 0 || bytes > MAX_RAM || bytes % (1 << 20) != 0) {
        return fail(error, "%s: from 1M to 1T, in whole MiB", arg);
    }
    o->ram_bytes = bytes;
    o->has_ram = true;
    return true;
}

bool opt_uuid(Options *o, const char *arg, GError **error)
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
    option_set(&o->uuid_text, arg);
    return true;
}

/* --- time ---------------------------------------------------------------------- */

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

bool opt_rtc(Options *o, const char *arg, GError **error)
{
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
           && option_done(&kv, rtc_params, error);
}

bool opt_seed(Options *o, const char *arg, GError **error)
{
    o->has_seed = true;
    return parse_u64(arg, UINT64_MAX, &o->seed)
           || fail(error, "%s: expected a number", arg);
}

/* --- starting --------------------------------------------------------------------- */

static bool boot_drives(char **at, const char *key, const char *drives,
                        GError **error)
{
    if (!drives) {
        return true;
    }
    for (const char *p = drives; *p; p++) {
        if (*p < 'a' || *p > 'p') {
            return fail(error, "%s=%s: drives are letters from a to p", key,
                        drives);
        }
        if (strchr(p + 1, *p)) {
            return fail(error, "%s=%s: '%c' is there twice", key, drives, *p);
        }
    }
    option_set(at, drives);
    return true;
}

static bool boot_timeouts(Options *o, KeyVals *kv, GError **error)
{
    const char *reboot = keyvals_take(kv, "reboot-timeout");
    uint64_t splash = 0, ms = 0;

    if (!keyvals_take_u64(kv, "splash-time", 65535, &splash, error)) {
        return false;
    }
    o->boot_timeout_ms = splash ? (int)splash : o->boot_timeout_ms;
    if (reboot) {
        if (strcmp(reboot, "-1") != 0 && !parse_u64(reboot, 65535, &ms)) {
            return fail(error, "reboot-timeout=%s: -1 to 65535 ms", reboot);
        }
        o->reboot_timeout_ms = reboot[0] == '-' ? -1 : (int64_t)ms;
        o->has_reboot_timeout = true;
    }
    return true;
}

bool opt_boot(Options *o, const char *arg, GError **error)
{
    g_auto(KeyVals) kv = {0};
    const char *splash;

    keyvals_parse(&kv, arg, "order");
    if (!boot_drives(&o->boot_order, "order", keyvals_take(&kv, "order"), error)
        || !boot_drives(&o->boot_once, "once", keyvals_take(&kv, "once"), error)
        || !keyvals_take_bool(&kv, "menu", &o->boot_menu, error)
        || !keyvals_take_bool(&kv, "strict", &o->boot_strict, error)
        || !boot_timeouts(o, &kv, error)) {
        return false;
    }
    if (o->boot_once) {
        return fail(error,
                    "once=%s: another order after the first start is "
                    "not in this version yet",
                    o->boot_once);
    }
    splash = keyvals_take(&kv, "splash");
    if (splash) {
        option_set(&o->boot_splash, splash);
    }
    return option_done(&kv, boot_params, error);
}

bool opt_vga(Options *o, const char *arg, GError **error)
{
    static const char *const known[] = {"none", "std", "cirrus", NULL};
    static const char *const others[] = {"vmware", "qxl", "virtio", "xenfb",
                                         "tcx",    "cg3", NULL};

    if (g_strv_contains(others, arg)) {
        return fail(error, "%s: not in this version (there are: none, std)",
                    arg);
    }
    if (!g_strv_contains(known, arg)) {
        return fail(error, "%s: expected none or std", arg);
    }
    option_set(&o->vga, arg);
    return true;
}
