/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named snapshots: savevm and its like, and the jobs of QMP. */
#include <string.h>

#include "block/vmstate.h"
#include "monitor/block_json.h"
#include "monitor/job.h"
#include "monitor/tables.h"

typedef bool SnapshotFn(Vm *vm, const VmStatePlace *place, const char *name,
                        GError **error);

/* --- for people -------------------------------------------------------------------- */

static bool cmd_savevm(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const VmStatePlace place = {0};
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *made = g_date_time_format(now, "vm-%Y%m%d%H%M%S");
    const char *name = cmd_str(in, "name");

    return control_ops(vm)->snapshot_save(vm, &place, name ? name : made,
                                          error);
}

static bool cmd_loadvm(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const VmStatePlace place = {0};

    return control_ops(vm)->snapshot_load(vm, &place, cmd_str(in, "name"),
                                          error);
}

static bool cmd_delvm(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const VmStatePlace place = {0};

    return control_ops(vm)->snapshot_delete(vm, &place, cmd_str(in, "name"),
                                            error);
}

/* "675 KiB", "1.17 GiB": three digits */
static char *size_text(uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    uint64_t whole = bytes, tenths = 0, rest = 0;
    unsigned u = 0;

    if (bytes < 1000) {
        return g_strdup_printf("%" PRIu64 " B", bytes);
    }
    while (whole >= 1000 && u < sizeof(units) - 1) {
        tenths = whole % 1024 * 100 / 1024;
        rest = whole % 1024;
        whole /= 1024;
        u++;
    }
    if (whole >= 100 || tenths == 0) {
        return g_strdup_printf("%" PRIu64 " %ciB", whole + (rest >= 512),
                               units[u - 1]);
    }
    return whole >= 10 ? g_strdup_printf("%" PRIu64 ".%" PRIu64 " %ciB", whole,
                                         tenths / 10, units[u - 1])
                       : g_strdup_printf("%" PRIu64 ".%02" PRIu64 " %ciB",
                                         whole, tenths, units[u - 1]);
}

static void print_snapshot(const BlockSnapshot *s, GString *out)
{
    g_autofree char *size = size_text(s->vm_state_bytes);
    g_autofree char *date = block_json_date(s->date_sec);
    g_autofree char *icount = s->icount == UINT64_MAX
                                  ? g_strdup("")
                                  : g_strdup_printf("%" PRIu64, s->icount);
    uint64_t ms = s->vm_clock_ns / 1000000, sec = ms / 1000;
    g_autofree char *clock =
        g_strdup_printf("%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64,
                        sec / 3600, sec / 60 % 60, sec % 60, ms % 1000);

    g_string_append_printf(out, "%-9s %-16s %8s%20s%13s%11s\n", "--", s->name,
                           size, date, clock, icount);
}

static bool cmd_info_snapshots(Vm *vm, const CmdIn *in, CmdOut *out,
                               GError **error)
{
    BlockNode *n = vmstate_node(vm, NULL);
    g_autoptr(GArray) list = n ? block_snapshots(n) : NULL;

    if (!n) {
        g_string_append(out->text,
                        "No available block device supports snapshots\n");
        return true;
    }
    if (list->len == 0) {
        g_string_append(out->text, "There is no snapshot available.\n");
        return true;
    }
    g_string_append_printf(
        out->text,
        "List of snapshots present on all disks:\n%-9s %-16s %8s%20s%13s%11s\n",
        "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (guint i = 0; i < list->len; i++) {
        print_snapshot(&g_array_index(list, BlockSnapshot, i), out->text);
    }
    return true;
}

/* --- jobs ---------------------------------------------------------------------------- */

static bool run_job(Vm *vm, const CmdIn *in, const char *type, SnapshotFn *fn,
                    GError **error)
{
    JsonArray *a = json_node_get_array(cmd_node(in, "devices"));
    g_autofree const char **names =
        g_new0(const char *, json_array_get_length(a) + 1);
    VmStatePlace place = {
        .vmstate = cmd_has(in, "vmstate") ? cmd_str(in, "vmstate") : NULL,
        .devices = names,
    };
    Job *job = job_new(vm, cmd_str(in, "job-id"), type, error);
    g_autoptr(GError) why = NULL;

    if (!job) {
        return false;
    }
    for (guint i = 0; i < json_array_get_length(a); i++) {
        names[i] = json_array_get_string_element(a, i);
        if (!block_find(drives_graph(vm), names[i])) {
            fail(&why, "No block device node '%s'", names[i]);
        }
        if (why) {
            break;
        }
    }
    if (!why) {
        fn(vm, &place, cmd_str(in, "tag"), &why);
    }
    job_end(job, why ? why->message : NULL);
    return true;
}

static bool cmd_job_save(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return run_job(vm, in, "snapshot-save", control_ops(vm)->snapshot_save,
                   error);
}

static bool cmd_job_load(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return run_job(vm, in, "snapshot-load", control_ops(vm)->snapshot_load,
                   error);
}

static bool cmd_job_delete(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return run_job(vm, in, "snapshot-delete", control_ops(vm)->snapshot_delete,
                   error);
}

/* clang-format off */
static const CmdArg args_name[] = {{"name", ARG_STR, .doc = "tag or id"}, {NULL}};
static const CmdArg args_save[] = {{"name", ARG_STR, .optional = true, .doc = "tag"}, {NULL}};
static const CmdArg args_job[] = {
    {"job-id", ARG_STR}, {"tag", ARG_STR}, {"vmstate", ARG_STR, .doc = "node that holds the state"},
    {"devices", ARG_LIST, .doc = "nodes to snapshot"}, {NULL}};
static const CmdArg args_job_delete[] = {
    {"job-id", ARG_STR}, {"tag", ARG_STR}, {"devices", ARG_LIST}, {NULL}};

const CmdRow cmd_rows_snapshot[] = {
    {NULL, "savevm", args_save, cmd_savevm, NULL, "save the machine and its disks under a name", 0},
    {NULL, "loadvm", args_name, cmd_loadvm, NULL, "go back to what savevm saved", 0},
    {NULL, "delvm", args_name, cmd_delvm, NULL, "delete what savevm saved", 0},
    {NULL, "info snapshots", NULL, cmd_info_snapshots, NULL, "what savevm has saved", 0},
    {"snapshot-save", NULL, args_job, cmd_job_save, NULL, "save the machine and its disks, as a job", 0},
    {"snapshot-load", NULL, args_job, cmd_job_load, NULL, "load a snapshot, as a job", 0},
    {"snapshot-delete", NULL, args_job_delete, cmd_job_delete, NULL, "delete a snapshot, as a job", 0},
    {NULL},
};
/* clang-format on */
