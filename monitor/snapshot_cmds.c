/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named snapshots: savevm and its like, and the jobs of QMP. */
#include <string.h>

#include "block/vmstate.h"
#include "monitor/block_json.h"
#include "monitor/job.h"
#include "monitor/tables.h"

/* --- for people -------------------------------------------------------------------- */

/* savevm as people know it: when it comes back, the snapshot is there. */
typedef struct SaveVm {
    char *name;
    GError *error;
    gint busy; /* atomic */
} SaveVm;

static void savevm_done(Vm *vm, void *opaque, const char *why)
{
    SaveVm *s = opaque;

    if (why) {
        fail(&s->error, "%s", why);
    }
    g_atomic_int_set(&s->busy, 0);
    g_main_context_wakeup(NULL);
}

static void savevm_call(Vm *vm, void *opaque)
{
    const VmStatePlace place = {0};
    SaveVm *s = opaque;

    g_atomic_int_set(&s->busy, 1);
    if (!control_ops(vm)->snapshot_save(vm, &place, s->name, savevm_done, s,
                                        &s->error)) {
        g_atomic_int_set(&s->busy, 0);
    }
}

static void savevm_probe(Vm *vm, void *alive)
{
    *(bool *)alive = true;
}

/* Others are served meanwhile. False: nobody will tell any more. */
static bool savevm_wait(Vm *vm, SaveVm *s)
{
    for (unsigned n = 1; g_atomic_int_get(&s->busy); n++) {
        bool alive = n % 100 != 0;

        while (g_main_context_iteration(NULL, FALSE)) {
        }
        g_usleep(1000);
        if (!alive) {
            control_ops(vm)->call(vm, savevm_probe, &alive);
            if (!alive) {
                return !g_atomic_int_get(&s->busy);
            }
        }
    }
    return true;
}

static bool cmd_savevm(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *made = g_date_time_format(now, "vm-%Y%m%d%H%M%S");
    g_autofree char *name =
        g_strdup(cmd_str(in, "name") ? cmd_str(in, "name") : made);
    SaveVm s = {.name = name};

    control_ops(vm)->snapshot_prepare(vm);
    control_ops(vm)->call(vm, savevm_call, &s);
    if (!savevm_wait(vm, &s)) {
        return fail(error, "the machine has ended meanwhile");
    }
    if (s.error) {
        g_propagate_error(error, s.error);
        return false;
    }
    return true;
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

/* The nodes a job names; false: one of them is not there. */
static bool job_nodes(Vm *vm, const CmdIn *in, const char **names,
                      GError **error)
{
    JsonArray *a = json_node_get_array(cmd_node(in, "devices"));

    for (guint i = 0; i < json_array_get_length(a); i++) {
        names[i] = json_array_get_string_element(a, i);
        if (!block_find(drives_graph(vm), names[i])) {
            return fail(error, "No block device node '%s'", names[i]);
        }
    }
    return true;
}

static void job_done(Vm *vm, void *opaque, const char *why)
{
    job_end(opaque, why);
}

static bool job_save(Vm *vm, const VmStatePlace *place, const char *name,
                     Job *job, GError **error)
{
    return control_ops(vm)->snapshot_save(vm, place, name, job_done, job,
                                          error);
}

static bool job_load(Vm *vm, const VmStatePlace *place, const char *name,
                     Job *job, GError **error)
{
    if (!control_ops(vm)->snapshot_load(vm, place, name, error)) {
        return false;
    }
    job_end(job, NULL);
    return true;
}

static bool job_delete(Vm *vm, const VmStatePlace *place, const char *name,
                       Job *job, GError **error)
{
    if (!control_ops(vm)->snapshot_delete(vm, place, name, error)) {
        return false;
    }
    job_end(job, NULL);
    return true;
}

/* Whoever starts @fn with success ends the job. */
static bool run_job(Vm *vm, const CmdIn *in, const char *type,
                    bool (*fn)(Vm *, const VmStatePlace *, const char *, Job *,
                               GError **),
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
    if (!job_nodes(vm, in, names, &why)
        || !fn(vm, &place, cmd_str(in, "tag"), job, &why)) {
        job_end(job, why->message);
    }
    return true;
}

static bool cmd_job_save(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return run_job(vm, in, "snapshot-save", job_save, error);
}

static bool cmd_job_load(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return run_job(vm, in, "snapshot-load", job_load, error);
}

static bool cmd_job_delete(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return run_job(vm, in, "snapshot-delete", job_delete, error);
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
    {NULL, "savevm", args_save, cmd_savevm, NULL, "save the machine and its disks under a name", CMD_IO},
    {NULL, "loadvm", args_name, cmd_loadvm, NULL, "go back to what savevm saved", 0},
    {NULL, "delvm", args_name, cmd_delvm, NULL, "delete what savevm saved", 0},
    {NULL, "info snapshots", NULL, cmd_info_snapshots, NULL, "what savevm has saved", 0},
    {"snapshot-save", NULL, args_job, cmd_job_save, NULL, "save the machine and its disks, as a job", 0},
    {"snapshot-load", NULL, args_job, cmd_job_load, NULL, "load a snapshot, as a job", 0},
    {"snapshot-delete", NULL, args_job_delete, cmd_job_delete, NULL, "delete a snapshot, as a job", 0},
    {NULL},
};
/* clang-format on */
