/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: the table, what is refused, and the order of things. */
#include "system/options_priv.h"

#include <stdio.h>

#include "config.h"

#define DEFAULT_RAM (128ULL << 20)

/* What the reference has and this program has not: a clear word instead of
 * "unknown option". */
typedef struct RefusedOption {
    const char *name;
    const char *later; /* what is to come, NULL: */
    const char *never; /* why it is not going to come */
} RefusedOption;

/* clang-format off */
static const RefusedOption refused_options[] = {
    {"fda", "floppies"}, {"fdb", "floppies"}, {"mtdblock", "such disks"},
    {"sd", "such disks"}, {"iscsi", "disks on a network"},
    {"pflash", NULL, "use -drive if=pflash"}, {"netdev", "networks"},
    {"vnc", "screens"}, {"spice", "screens"}, {"full-screen", "screens"},
    {"rotate", "screens"}, {"portrait", "screens"},
    {"audio", "sound"}, {"audio-help", "sound"}, {"soundhw", "sound"},
    {"usb", "USB"}, {"usbdevice", "USB"},
    {"fsdev", "shared directories"}, {"virtfs", "shared directories"},
    {"incoming", "migration"}, {"only-migratable", "migration"},
    {"dump-vmstate", "migration"},
    {"dtb", "device trees"}, {"plugin", "plugins"},
    {"acpitable", "tables of one's own"}, {"numa", "memory nodes"},
    {"tpmdev", "TPMs"},
    {"dfilter", "address ranges for -d"}, {"echr", "another escape character"},
    {"watchdog", "watchdog devices"}, {"win2k-hack", NULL, "no such errors are feigned"},
    {"preconfig", "choosing the machine in the monitor"},
    {"mem-path", NULL, "guest RAM is this process's own memory: checkpoints keep track of each page"},
    {"semihosting", NULL, "x86 has no semihosting"},
    {"semihosting-config", NULL, "x86 has no semihosting"},
    {"xen-domid", NULL, "Xen cannot count a guest's instructions"},
    {"xen-attach", NULL, "Xen cannot count a guest's instructions"},
    {"xen-domid-restrict", NULL, "Xen cannot count a guest's instructions"},
    {"enable-sync-profile", NULL, "the guest runs on one thread: there is nothing to profile"},
    {"async-teardown", NULL, "there is no such process to tear down"},
    {"compat", NULL, "there are no deprecated interfaces to choose among"},
    {"writeconfig", NULL, "write the options into a file for -readconfig by hand"},
    {"tb-size", NULL, "use -accel tcg,tb-size=MiB"},
    {"no-kvm", NULL, "there is no KVM to leave out"},
    {NULL, NULL, NULL},
};
/* clang-format on */

void option_set(char **at, const char *text)
{
    char *copy = g_strdup(text);

    g_free(*at);
    *at = copy;
}

bool option_add(GPtrArray *list, const char *text)
{
    g_ptr_array_add(list, g_strdup(text));
    return true;
}

bool option_print(Options *o, const GString *text)
{
    fputs(text->str, stdout);
    o->help_given = true;
    return true;
}

bool option_asks_help(const char *arg)
{
    return strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0;
}

bool option_done(const KeyVals *kv, const OptionParam *params, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const OptionParam *p = params; p->name; p++) {
        g_ptr_array_add(names, (gpointer)(uintptr_t)p->name);
    }
    g_ptr_array_add(names, NULL);
    return keyvals_done(kv, (const char *const *)names->pdata, error);
}

/* --- the table --------------------------------------------------------------- */

static const OptionRow option_rows[] = {
#define OPTION_GROUP(title) {NULL, NULL, NULL, NULL, NULL, title},
#define OPTION(name, arg, fn, group, params, doc)                              \
    {name, arg, fn, group, params, doc},
#include "system/options.def"
#undef OPTION
#undef OPTION_GROUP
};

void options_foreach(ControlOptionVisit *visit, void *opaque)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        const OptionRow *row = &option_rows[i];
        const char *name = row->group ? row->group : row->name;
        const OptionParam *p = row->params;

        if (!row->name || !row->doc) {
            continue;
        }
        if (!p || !p->name) {
            visit(opaque, name, NULL, row->arg ? "string" : "boolean",
                  row->doc);
        }
        for (; p && p->name; p++) {
            visit(opaque, name, p->name, p->type, row->doc);
        }
    }
}

bool opt_help(Options *o, const char *arg, GError **error)
{
    printf("Reprise %s: full-system emulator with exact record and replay"
           "\nusage: %s [options]\n",
           REPRISE_VERSION, o->program);
    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        const OptionRow *row = &option_rows[i];

        if (!row->name) {
            printf("\n%s:\n", row->doc);
        } else if (row->doc) {
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
        if (option_rows[i].name && strcmp(option_rows[i].name, name) == 0) {
            return &option_rows[i];
        }
    }
    return NULL;
}

static bool option_refused(const char *name, GError **error)
{
    for (const RefusedOption *r = refused_options; r->name; r++) {
        if (strcmp(r->name, name) == 0) {
            return r->never ? fail(error, "-%s: not in this program: %s", name,
                                   r->never)
                            : fail(error, "-%s: %s: not in this version yet",
                                   name, r->later);
        }
    }
    return true;
}

static bool option_unknown(const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    if (!option_refused(name, error)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        if (option_rows[i].name) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)option_rows[i].name);
        }
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    return near ? fail(error,
                       "-%s: unknown option: did you mean -%s? (--help "
                       "lists them)",
                       name, near)
                : fail(error, "-%s: unknown option (--help lists them)", name);
}

const OptionRow *option_by_group(const char *group, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        const OptionRow *row = &option_rows[i];

        if (row->group && strcmp(row->group, group) == 0) {
            return row;
        }
        if (row->group) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)row->group);
        }
    }
    g_ptr_array_add(names, NULL);
    if (!option_refused(group, error)) {
        return NULL;
    }
    near = nearest_match(group, (const char *const *)names->pdata);
    if (near) {
        fail(error, "[%s]: there is no such group, did you mean [%s]?", group,
             near);
    } else {
        fail(error, "[%s]: there is no such group", group);
    }
    return NULL;
}

/* --- all of it ------------------------------------------------------------------ */

void options_init(Options *o, const char *argv0)
{
    *o = (Options){.program = g_path_get_basename(argv0),
                   .ram_bytes = DEFAULT_RAM,
                   .cpus = 1,
                   .max_cpus = 1,
                   .action = {"reset", "poweroff", "shutdown", "reset"}};
    o->long_mode = !g_str_has_suffix(o->program, "-i386");
    for (GPtrArray **list = &o->dirs; list <= &o->mons; list++) {
        *list = g_ptr_array_new_with_free_func(g_free);
    }
}

void options_clear(Options *o)
{
    char **const texts[] = {
        &o->program,      &o->machine,       &o->cpu,
        &o->bios,         &o->kernel,        &o->initrd,
        &o->append,       &o->name,          &o->vga,
        &o->display,      &o->boot_order,    &o->boot_once,
        &o->uuid_text,    &o->accel_refused, &o->memory_backend,
        &o->boot_splash,  &o->debugcon,      &o->log_file,
        &o->trace_file,   &o->pidfile,       &o->gdb,
        &o->process_name, &o->run_as,        &o->change_root,
        &o->loadvm,
    };

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

/* What only the whole of the options can show. */
static bool options_check(const Options *o, GError **error)
{
    if (o->accel_refused && !o->accel_found) {
        return fail(error, "%s", o->accel_refused);
    }
    return true;
}

bool options_parse(Options *o, int argc, char **argv, GError **error)
{
    for (int i = 1; i < argc && !o->help_given; i++) {
        const char *name = argv[i];
        const OptionRow *row;

        if (name[0] != '-') { /* the image of a disk */
            if (!opt_hda(o, name, error)) {
                return false;
            }
            continue;
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
    return o->help_given || options_check(o, error);
}
