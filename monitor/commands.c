/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command table: each row serves QMP, HMP or both. */
#include <string.h>
#include <unistd.h>

#include "accel/vcpu.h"
#include "config.h"
#include "monitor/monitor_priv.h"
#include "monitor/tables.h"
#include "replay/replay.h"

/* --- small helpers ------------------------------------------------------------ */

static const ControlOps *ops(Vm *vm)
{
    return control_ops(vm);
}

/* --- about this program -------------------------------------------------------- */

bool cmd_query_version(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonObject *o = cmd_object(out), *v = json_object_new();

    /* Clients choose their words by this number: the one whose interface we
     * speak. */
    json_object_set_int_member(v, "micro", 0);
    json_object_set_int_member(v, "minor", 2);
    json_object_set_int_member(v, "major", 7);
    json_object_set_object_member(o, "qemu", v);
    json_object_set_string_member(o, "package", "Reprise " REPRISE_VERSION);
    return true;
}

static void print_version(JsonNode *value, GString *out)
{
    g_string_append_printf(out, "%s\n", node_str(value, "package"));
}

static bool cmd_query_name(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonObject *o = cmd_object(out);
    const char *name = ops(vm)->name(vm);

    if (name) {
        json_object_set_string_member(o, "name", name);
    }
    return true;
}

static void print_name(JsonNode *value, GString *out)
{
    if (*node_str(value, "name")) {
        g_string_append_printf(out, "%s\n", node_str(value, "name"));
    }
}

static bool cmd_query_uuid(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *uuid = ops(vm)->uuid(vm);

    json_object_set_string_member(
        cmd_object(out), "UUID",
        uuid ? uuid : "00000000-0000-0000-0000-000000000000");
    return true;
}

static void print_uuid(JsonNode *value, GString *out)
{
    g_string_append_printf(out, "%s\n", node_str(value, "UUID"));
}

static bool cmd_query_kvm(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonObject *o = cmd_object(out);

    json_object_set_boolean_member(o, "enabled", FALSE);
    json_object_set_boolean_member(o, "present", FALSE);
    return true;
}

static void print_kvm(JsonNode *value, GString *out)
{
    g_string_append(out, "kvm support: not compiled\n");
}

static bool cmd_query_commands(Vm *vm, const CmdIn *in, CmdOut *out,
                               GError **error)
{
    JsonArray *a = cmd_array(out);
    CmdIter it = {0};
    const CmdRow *r;

    while ((r = cmd_next(&it))) {
        if (r->qmp && !(r->flags & CMD_LATER)) {
            JsonObject *o = json_object_new();

            json_object_set_string_member(o, "name", r->qmp);
            json_array_add_object_element(a, o);
        }
    }
    return true;
}

static bool cmd_query_schema(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    cmd_value(out, json_node_init_array(json_node_alloc(), NULL));
    json_node_take_array(out->value, schema_array());
    return true;
}

static void chardev_visit(void *opaque, const char *id, const char *filename,
                          bool open)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "frontend-open", open);
    json_object_set_string_member(o, "label", id);
    json_object_set_string_member(o, "filename", filename);
    json_array_add_object_element(opaque, o);
}

static bool cmd_query_chardev(Vm *vm, const CmdIn *in, CmdOut *out,
                              GError **error)
{
    chardevs_foreach(vm, chardev_visit, cmd_array(out));
    return true;
}

static bool cmd_info_chardev(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    chardevs_print(vm, out->text);
    return true;
}

/* --- running and stopping ------------------------------------------------------ */

static bool cmd_query_status(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    JsonObject *o = cmd_object(out);
    RunState state = ops(vm)->state(vm);

    json_object_set_string_member(o, "status", run_state_name(state));
    json_object_set_boolean_member(o, "singlestep", ops(vm)->singlestep(vm));
    json_object_set_boolean_member(o, "running", state == RUN_RUNNING);
    return true;
}

static void print_status(JsonNode *value, GString *out)
{
    JsonObject *o = json_node_get_object(value);
    const char *status = node_str(value, "status");

    g_string_append(out, "VM status: ");
    if (json_object_get_boolean_member(o, "running")) {
        g_string_append(out, "running");
    } else if (strcmp(status, "paused") == 0) {
        g_string_append(out, "paused");
    } else {
        g_string_append_printf(out, "paused (%s)", status);
    }
    g_string_append(out, json_object_get_boolean_member(o, "singlestep")
                             ? " (single step mode)\n"
                             : "\n");
}

static bool cmd_stop(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    ops(vm)->stop(vm, RUN_PAUSED);
    return true;
}

static bool cmd_cont(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return ops(vm)->cont(vm, error);
}

static bool cmd_quit(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    ops(vm)->quit(vm, VM_CAUSE_HOST_QMP_QUIT, 0);
    return true;
}

static bool cmd_gdbserver(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *device = cmd_str(in, "device");

    device = device ? device : "tcp::1234";
    if (!ops(vm)->gdbserver(vm, device, error)) {
        return false;
    }
    if (strcmp(device, "none") == 0) {
        g_string_append(out->text, "Disabled gdbserver\n");
    } else {
        g_string_append_printf(
            out->text, "Waiting for gdb connection on device '%s'\n", device);
    }
    return true;
}

static bool cmd_reset(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return ops(vm)->reset(vm, VM_CAUSE_HOST_QMP_RESET, error);
}

static bool cmd_powerdown(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return ops(vm)->powerdown(vm, error);
}

static bool cmd_nmi(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return ops(vm)->nmi(vm, error);
}

/* --- the machine ----------------------------------------------------------------- */

static bool cmd_info_registers(Vm *vm, const CmdIn *in, CmdOut *out,
                               GError **error)
{
    Vcpu *shown = cmd_vcpu(vm, in, error);

    for (guint i = 0; shown && i < vm->vcpus->len; i++) {
        Vcpu *v = g_ptr_array_index(vm->vcpus, i);

        if (v == shown || cmd_bool(in, "a")) {
            g_string_append_printf(out->text, "\nCPU#%u\n", i);
            v->ops->print(v, out->text);
        }
    }
    return shown != NULL;
}

static bool cmd_info_jit(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    ops(vm)->print_jit(vm, out->text);
    return true;
}

/* --- the log of -d ---------------------------------------------------------------- */

static bool cmd_log(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *items = cmd_str(in, "items");
    unsigned mask = 0;

    if (strcmp(items, "help") == 0) {
        for (const LogName *n = log_names; n->name; n++) {
            g_string_append_printf(out->text, "%-14s %s\n", n->name, n->doc);
        }
        return true;
    }
    if (strcmp(items, "none") != 0 && !log_parse(items, &mask, error)) {
        return false;
    }
    return log_set_mask(vm, mask, error);
}

/* After the last comma. */
static void complete_log(Vm *vm, const char *prefix, GPtrArray *out)
{
    const char *comma = strrchr(prefix, ',');
    g_autofree char *head =
        g_strndup(prefix, comma ? (gsize)(comma - prefix) + 1 : 0);

    for (const LogName *n = log_names; n->name; n++) {
        g_ptr_array_add(out, g_strconcat(head, n->name, NULL));
    }
    g_ptr_array_add(out, g_strdup("none"));
    g_ptr_array_add(out, g_strdup("help"));
}

static bool cmd_logfile(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return log_open(vm, log_mask(vm), cmd_str(in, "filename"), error);
}

/* --- the table -------------------------------------------------------------------- */

/* clang-format off */
static const CmdArg args_capabilities[] = {
    {"enable", ARG_JSON, .optional = true, .doc = "capabilities to enable", .of = "[QMPCapability]"}, {NULL},
};
static const CmdArg args_human[] = {
    {"command-line", ARG_STR, .doc = "what a person would type"},
    {"cpu-index",    ARG_INT, .optional = true, .doc = "vCPU to look at"}, {NULL},
};
static const CmdArg args_memsave[] = {
    {"val",       ARG_INT, .doc = "virtual address"},
    {"size",      ARG_INT, .doc = "bytes"},
    {"filename",  ARG_STR, .doc = "file to write"},
    {"cpu-index", ARG_INT, .optional = true, .doc = "vCPU whose view it is"}, {NULL},
};
static const CmdArg args_pmemsave[] = {
    {"val",      ARG_INT, .doc = "physical address"},
    {"size",     ARG_INT, .doc = "bytes"},
    {"filename", ARG_STR, .doc = "file to write"}, {NULL},
};
static const CmdArg args_examine[] = {
    {"fmt",  ARG_FMT, .optional = true, .doc = "/COUNT, format (x d u o c i), size (b h w g)"},
    {"addr", ARG_INT, .doc = "address"}, {NULL},
};
static const CmdArg args_print[] = {
    {"fmt", ARG_FMT, .optional = true, .doc = "/x, /d, /u, /o or /c"},
    {"val", ARG_INT, .doc = "an expression"}, {NULL},
};
static const CmdArg args_registers[] = {{"a", ARG_FLAG, .optional = true, .doc = "all vCPUs"}, {NULL}};
static const CmdArg args_help[] = {{"name", ARG_REST, .optional = true, .doc = "a command"}, {NULL}};
static const CmdArg args_log[] = {{"items", ARG_STR, .doc = "categories with commas, none, help", .complete = complete_log}, {NULL}};
static const CmdArg args_file[] = {{"filename", ARG_STR, .doc = "file to write"}, {NULL}};
static const CmdArg args_device[] = {{"device", ARG_STR, .optional = true, .doc = "tcp:[HOST]:PORT, unix:PATH, stdio, chardev:ID, none"}, {NULL}};
static const CmdArg args_rest[] = {{"args", ARG_REST, .optional = true}, {NULL}};

#define LATER(qmp_name, hmp_name, text) \
    {qmp_name, hmp_name, args_rest, NULL, NULL, text, CMD_LATER | CMD_IO}

/* QMP name, HMP name, arguments, function, how HMP shows it, help, flags */
const CmdRow cmd_rows[] = {
    {"qmp_capabilities", NULL, args_capabilities, NULL, NULL, "end the negotiation", CMD_IO | CMD_BEFORE},
    {"query-version",  "info version", NULL, cmd_query_version, print_version, "version of this program", CMD_IO, "VersionInfo"},
    {"query-commands", NULL, NULL, cmd_query_commands, NULL, "names of all QMP commands", CMD_IO, "[CommandInfo]"},
    {"query-qmp-schema", NULL, NULL, cmd_query_schema, NULL, "types of all commands and events", CMD_IO, "[SchemaInfo]"},
    {"query-name",     "info name", NULL, cmd_query_name, print_name, "name of the machine (-name)", 0, "NameInfo"},
    {"query-uuid",     "info uuid", NULL, cmd_query_uuid, print_uuid, "UUID of the machine", 0, "UuidInfo"},
    {"query-kvm",      "info kvm", NULL, cmd_query_kvm, print_kvm, "whether KVM is used: never", CMD_IO, "KvmInfo"},
    {"query-chardev",  NULL, NULL, cmd_query_chardev, NULL, "character back ends", CMD_IO, "[ChardevInfo]"},
    {NULL, "info chardev", NULL, cmd_info_chardev, NULL, "character back ends", CMD_IO},
    {"query-status",   "info status", NULL, cmd_query_status, print_status, "whether the machine runs", 0, "StatusInfo"},
    {NULL, "info registers", args_registers, cmd_info_registers, NULL, "registers of the vCPU (-a: of all)", 0},
    {NULL, "info jit",   NULL, cmd_info_jit, NULL, "figures of the translator", 0},
    {"stop", "stop|s", NULL, cmd_stop, NULL, "stop the machine", 0},
    {"cont", "cont|c", NULL, cmd_cont, NULL, "go on", 0},
    {"quit", "quit|q", NULL, cmd_quit, NULL, "end the program", 0},
    {"system_reset",     "system_reset", NULL, cmd_reset, NULL, "press the reset button", 0},
    {"system_powerdown", "system_powerdown", NULL, cmd_powerdown, NULL, "press the power button", 0},
    {"inject-nmi", "nmi", NULL, cmd_nmi, NULL, "raise an NMI on all vCPUs", 0},
    {"human-monitor-command", NULL, args_human, cmd_human, NULL, "run a line of the human monitor", CMD_IO, "str"},
    {"memsave",  "memsave", args_memsave, cmd_memsave, NULL, "write virtual memory to a file", 0},
    {"pmemsave", "pmemsave", args_pmemsave, cmd_pmemsave, NULL, "write physical memory to a file", 0},
    {NULL, "x",  args_examine, cmd_examine, NULL, "show virtual memory", 0},
    {NULL, "xp", args_examine, cmd_examine_phys, NULL, "show physical memory", 0},
    {NULL, "print|p", args_print, cmd_print, NULL, "value of an expression", CMD_IO},
    {NULL, "log", args_log, cmd_log, NULL, "choose what is logged (as -d)", 0},
    {NULL, "logfile", args_file, cmd_logfile, NULL, "log to this file (as -D)", 0},
    {NULL, "help|?", args_help, cmd_help, NULL, "list commands, or explain one", CMD_IO},
    LATER(NULL, "info network", "networks"),
    {NULL, "gdbserver", args_device, cmd_gdbserver, NULL, "serve gdb on DEVICE (tcp::1234); none ends it", CMD_IO},
    {NULL},
};
/* clang-format on */
