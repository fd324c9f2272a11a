/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What management programs ask before all else, mostly to hear that it is not
 * there: migration, ballooning, remote displays, TPMs; objects and trace points.
 */
#include <string.h>

#include "core/keyval.h"
#include "core/object.h"
#include "core/trace.h"
#include "monitor/tables.h"

/* --- nothing there ---------------------------------------------------------------- */

static bool cmd_empty_list(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    cmd_array(out);
    return true;
}

static bool cmd_empty_object(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    cmd_object(out);
    return true;
}

static bool cmd_say_nothing(Vm *vm, const CmdIn *in, CmdOut *out,
                            GError **error)
{
    return true;
}

static bool cmd_no_migration(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    return fail(error, "there is no migration: move a recording instead");
}

/* "events" only says that a migration may be told about. */
static bool cmd_set_capabilities(Vm *vm, const CmdIn *in, CmdOut *out,
                                 GError **error)
{
    JsonArray *a = json_object_get_array_member(in->args, "capabilities");

    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonObject *o = json_array_get_object_element(a, i);

        if (json_object_get_boolean_member(o, "state")
            && strcmp(json_object_get_string_member(o, "capability"), "events")
                   != 0) {
            return cmd_no_migration(vm, in, out, error);
        }
    }
    return true;
}

static bool cmd_no_balloon(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return cmd_fail(error, CMD_ERROR_DEVICE_NOT_ACTIVE,
                    "No balloon device has been activated");
}

static bool cmd_no_console(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "There is no console to take a screendump from");
}

static bool cmd_no_wakeup(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "Unable to wake up: guest is not in suspended state");
}

static bool cmd_no_genid(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "VM Generation ID device not found");
}

static bool cmd_no_hva(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "host addresses are not shown: they would differ with "
                       "each run (xp shows the bytes)");
}

static bool cmd_no_profile(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "locks are not profiled (perf(1) does it)");
}

static bool cmd_password(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    bool spice = strcmp(cmd_str(in, "protocol"), "spice") == 0;

    return spice ? cmd_fail(error, CMD_ERROR_DEVICE_NOT_ACTIVE,
                            "SPICE is not in use")
                 : fail(error, "Could not set password");
}

static bool cmd_password_expires(Vm *vm, const CmdIn *in, CmdOut *out,
                                 GError **error)
{
    bool spice = strcmp(cmd_str(in, "protocol"), "spice") == 0;

    return spice ? cmd_fail(error, CMD_ERROR_DEVICE_NOT_ACTIVE,
                            "SPICE is not in use")
                 : fail(error, "Could not set password expire time");
}

static bool cmd_query_vnc(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    json_object_set_boolean_member(cmd_object(out), "enabled", FALSE);
    return true;
}

static void print_vnc(JsonNode *value, GString *out)
{
    g_string_append(out, "Server: disabled\n");
}

static void print_nothing(JsonNode *value, GString *out)
{
}

static bool cmd_info_usb(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return fail(error, "USB support not enabled");
}

static bool cmd_yank(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonArray *a = json_object_get_array_member(in->args, "instances");

    return json_array_get_length(a) == 0
           || cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND, "Instance not found");
}

static bool cmd_query_display_options(Vm *vm, const CmdIn *in, CmdOut *out,
                                      GError **error)
{
    json_object_set_string_member(cmd_object(out), "type", "none");
    return true;
}

static bool cmd_query_capabilities(Vm *vm, const CmdIn *in, CmdOut *out,
                                   GError **error)
{
    g_auto(GStrv) names = type_values("MigrationCapability");
    JsonArray *a = cmd_array(out);

    for (unsigned i = 0; names[i]; i++) {
        JsonObject *o = json_object_new();

        json_object_set_boolean_member(o, "state", FALSE);
        json_object_set_string_member(o, "capability", names[i]);
        json_array_add_object_element(a, o);
    }
    return true;
}

/* --- what happens when... ------------------------------------------------------ */

static bool cmd_set_action(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    static const char *const what[] = {"reboot", "shutdown", "panic",
                                       "watchdog"};

    for (unsigned i = 0; i < G_N_ELEMENTS(what); i++) {
        const char *value = cmd_str(in, what[i]);

        if (value && control_ops(vm)->set_action
            && !control_ops(vm)->set_action(vm, what[i], value, error)) {
            return false;
        }
    }
    return true;
}

static bool cmd_watchdog_action(Vm *vm, const CmdIn *in, CmdOut *out,
                                GError **error)
{
    return !control_ops(vm)->set_action
           || control_ops(vm)->set_action(vm, "watchdog", cmd_str(in, "action"),
                                          error);
}

/* --- objects --------------------------------------------------------------------- */

/* JSON as a person would type it; NULL: it has no such form. */
static char *option_text(JsonNode *value)
{
    if (!JSON_NODE_HOLDS_VALUE(value)) {
        return NULL;
    }
    switch (json_node_get_value_type(value)) {
    case G_TYPE_BOOLEAN:
        return g_strdup(json_node_get_boolean(value) ? "on" : "off");
    case G_TYPE_INT64:
        return g_strdup_printf("%" PRId64, json_node_get_int(value));
    case G_TYPE_STRING:
        return g_strdup(json_node_get_string(value));
    default:
        return NULL;
    }
}

static bool cmd_object_add(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    g_auto(KeyVals) kv = {0};
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    keyvals_parse(&kv, "", NULL);
    json_object_iter_init_ordered(&iter, in->args);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        KeyVal item = {.key = g_strdup(name), .value = option_text(value)};

        g_array_append_val(kv.items, item);
        if (!item.value) {
            return fail(error,
                        "Invalid parameter type for '%s', expected: "
                        "string, integer or boolean",
                        name);
        }
    }
    if (!object_types(vm)) {
        return fail(error, "there are no objects here");
    }
    return object_add(vm, &kv, error);
}

/* HMP: secret,id=s0,data=... */
static bool cmd_object_add_text(Vm *vm, const CmdIn *in, CmdOut *out,
                                GError **error)
{
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, cmd_str(in, "object"), "qom-type");
    if (!object_types(vm)) {
        return fail(error, "there are no objects here");
    }
    return object_add(vm, &kv, error);
}

static bool cmd_object_del(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *id = cmd_str(in, "id");

    if (!object_types(vm) || !object_find(vm, id, NULL)) {
        return fail(error, "object '%s' not found", id);
    }
    return object_del(vm, id, error);
}

static void object_complete(void *opaque, Object *o)
{
    g_ptr_array_add(opaque, g_strdup(o->id));
}

static void complete_objects(Vm *vm, const char *prefix, GPtrArray *out)
{
    if (object_types(vm)) {
        objects_foreach(vm, object_complete, out);
    }
}

static void iothread_visit(void *opaque, Object *o)
{
    JsonObject *t;

    if (strcmp(o->type->name, "iothread") == 0) {
        t = json_object_new();
        json_object_set_int_member(t, "poll-shrink", 0);
        json_object_set_int_member(t, "thread-id", 0);
        json_object_set_int_member(t, "aio-max-batch", 0);
        json_object_set_int_member(t, "poll-grow", 0);
        json_object_set_int_member(t, "poll-max-ns", 0);
        json_object_set_string_member(t, "id", o->id);
        json_array_add_object_element(opaque, t);
    }
}

static bool cmd_query_iothreads(Vm *vm, const CmdIn *in, CmdOut *out,
                                GError **error)
{
    JsonArray *a = cmd_array(out);

    if (object_types(vm)) {
        objects_foreach(vm, iothread_visit, a);
    }
    return true;
}

/* --- the command line ---------------------------------------------------------------- */

typedef struct OptionList {
    JsonArray *out;     /* borrowed */
    const char *option; /* borrowed: the last one */
    JsonArray *params;  /* borrowed: of the last one */
} OptionList;

static void option_visit(void *opaque, const char *option, const char *param,
                         const char *type, const char *doc)
{
    OptionList *l = opaque;
    JsonObject *o;

    if (!l->option || strcmp(l->option, option) != 0) {
        o = json_object_new();
        l->option = option;
        l->params = json_array_new();
        json_object_set_string_member(o, "option", option);
        json_object_set_array_member(o, "parameters", l->params);
        json_array_add_object_element(l->out, o);
    }
    if (param) {
        o = json_object_new();
        json_object_set_string_member(o, "name", param);
        json_object_set_string_member(o, "type", type);
        json_object_set_string_member(o, "help", doc);
        json_array_add_object_element(l->params, o);
    }
}

static bool cmd_query_options(Vm *vm, const CmdIn *in, CmdOut *out,
                              GError **error)
{
    const char *wanted = cmd_str(in, "option");
    g_autoptr(JsonArray) all = json_array_new();
    OptionList l = {.out = all};
    JsonArray *a = cmd_array(out);
    bool found = !wanted;

    if (control_ops(vm)->options_foreach) {
        control_ops(vm)->options_foreach(option_visit, &l);
    }
    for (guint i = 0; i < json_array_get_length(all); i++) {
        JsonObject *o = json_array_get_object_element(all, i);

        if (!wanted
            || strcmp(json_object_get_string_member(o, "option"), wanted)
                   == 0) {
            json_array_add_object_element(a, json_object_ref(o));
            found = true;
        }
    }
    return found || fail(error, "invalid option name: %s", wanted);
}

/* --- trace points ------------------------------------------------------------------ */

static bool cmd_trace_get(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *name = cmd_str(in, "name");
    JsonArray *a = cmd_array(out);

    for (unsigned i = 0; i < TRACE_COUNT; i++) {
        JsonObject *o;

        if (!g_pattern_match_simple(name, trace_rows[i].name)) {
            continue;
        }
        o = json_object_new();
        json_object_set_boolean_member(o, "vcpu", FALSE);
        json_object_set_string_member(
            o, "state", trace_enabled(vm, (TraceId)i) ? "enabled" : "disabled");
        json_object_set_string_member(o, "name", trace_rows[i].name);
        json_array_add_object_element(a, o);
    }
    return json_array_get_length(a) || strpbrk(name, "*?")
           || fail(error, "unknown event \"%s\"", name);
}

static void print_trace(JsonNode *value, GString *out)
{
    JsonArray *a = json_node_get_array(value);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonNode *o = json_array_get_element(a, i);

        g_string_append_printf(out, "%s : state %u\n", node_str(o, "name"),
                               strcmp(node_str(o, "state"), "enabled") == 0);
    }
}

static bool cmd_info_traces(Vm *vm, const CmdIn *in, CmdOut *out,
                            GError **error)
{
    JsonObject *args = json_object_new();
    const char *name = cmd_str(in, "name");
    CmdIn more = {args, in->mon};
    bool good;

    json_object_set_string_member(args, "name", name ? name : "*");
    good = cmd_trace_get(vm, &more, out, error);
    json_object_unref(args);
    return good;
}

static bool trace_switch(Vm *vm, const char *name, bool on, GError **error)
{
    return trace_set(vm, name, on) || strpbrk(name, "*?")
           || fail(error, "unknown event \"%s\"", name);
}

static bool cmd_trace_set(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return trace_switch(vm, cmd_str(in, "name"), cmd_bool(in, "enable"), error);
}

static bool cmd_trace_event(Vm *vm, const CmdIn *in, CmdOut *out,
                            GError **error)
{
    return trace_switch(vm, cmd_str(in, "name"), cmd_bool(in, "option"), error);
}

static void complete_traces(Vm *vm, const char *prefix, GPtrArray *out)
{
    for (unsigned i = 0; i < TRACE_COUNT; i++) {
        g_ptr_array_add(out, g_strdup(trace_rows[i].name));
    }
}

/* clang-format off */
static const CmdArg args_option[] = {{"option", ARG_STR, .optional = true, .doc = "one of them"}, {NULL}};
static const CmdArg args_value[] = {{"value", ARG_SIZE, .doc = "bytes"}, {NULL}};
static const CmdArg args_password[] = {
    {"protocol",  ARG_STR, .of = "DisplayProtocol", .doc = "vnc or spice"},
    {"password",  ARG_STR, .doc = "the new one"},
    {"connected", ARG_STR, .optional = true, .of = "SetPasswordAction", .doc = "what becomes of those who are connected"},
    {"display",   ARG_STR, .optional = true, .doc = "of VNC"}, {NULL},
};
static const CmdArg args_expire[] = {
    {"protocol", ARG_STR, .of = "DisplayProtocol", .doc = "vnc or spice"},
    {"time",     ARG_STR, .doc = "now, never, +SECONDS or seconds since 1970"},
    {"display",  ARG_STR, .optional = true, .doc = "of VNC"}, {NULL},
};
static const CmdArg args_name[] = {{"name", ARG_STR, .optional = true, .doc = "of a network card"}, {NULL}};
static const CmdArg args_uri[] = {
    {"uri",    ARG_STR, .doc = "where to"},
    {"blk",    ARG_JSON, .optional = true, .of = "bool"},
    {"inc",    ARG_JSON, .optional = true, .of = "bool"},
    {"detach", ARG_JSON, .optional = true, .of = "bool"},
    {"resume", ARG_JSON, .optional = true, .of = "bool"}, {NULL},
};
static const CmdArg args_capabilities[] = {{"capabilities", ARG_JSON, .of = "[MigrationCapabilityStatus]"}, {NULL}};
static const CmdArg args_instances[] = {{"instances", ARG_JSON, .of = "[YankInstance]", .doc = "connections to cut"}, {NULL}};
static const CmdArg args_set_action[] = {
    {"reboot",   ARG_STR, .optional = true, .of = "RebootAction"},
    {"shutdown", ARG_STR, .optional = true, .of = "ShutdownAction"},
    {"panic",    ARG_STR, .optional = true, .of = "PanicAction"},
    {"watchdog", ARG_STR, .optional = true, .of = "WatchdogAction"}, {NULL},
};
static const CmdArg args_action[] = {{"action", ARG_STR, .of = "WatchdogAction", .doc = "when a watchdog runs out"}, {NULL}};
static const CmdArg args_object[] = {
    {"qom-type", ARG_STR, .doc = "its type (-object help)"},
    {"id",       ARG_STR, .doc = "its id"}, {NULL},
};
static const CmdArg args_object_text[] = {{"object", ARG_STR, .doc = "as after -object"}, {NULL}};
static const CmdArg args_object_id[] = {{"id", ARG_STR, .doc = "of an object", .complete = complete_objects}, {NULL}};
static const CmdArg args_trace_get[] = {
    {"name", ARG_STR, .doc = "with * and ?"},
    {"vcpu", ARG_INT, .optional = true, .doc = "unused"}, {NULL},
};
static const CmdArg args_trace_set[] = {
    {"name",   ARG_STR, .doc = "with * and ?"},
    {"enable", ARG_BOOL, .doc = "on or off"},
    {"ignore-unavailable", ARG_BOOL, .optional = true, .doc = "unused"},
    {"vcpu",   ARG_INT, .optional = true, .doc = "unused"}, {NULL},
};
static const CmdArg args_trace_event[] = {
    {"name",   ARG_STR, .doc = "with * and ?", .complete = complete_traces},
    {"option", ARG_BOOL, .doc = "on or off"},
    {"vcpu",   ARG_INT, .optional = true, .doc = "unused"}, {NULL},
};
static const CmdArg args_traces[] = {{"name", ARG_STR, .optional = true, .doc = "with * and ?", .complete = complete_traces}, {NULL}};
static const CmdArg args_addr[] = {{"addr", ARG_INT, .doc = "guest physical address"}, {NULL}};
static const CmdArg args_screen[] = {
    {"filename", ARG_STR, .doc = "file to write"},
    {"format",   ARG_STR, .optional = true, .of = "ImageFormat", .doc = "ppm or png"},
    {"device",   ARG_STR, .optional = true, .doc = "display device"},
    {"head",     ARG_INT, .optional = true, .doc = "of the device"}, {NULL},
};
static const CmdArg args_rest[] = {{"op", ARG_REST, .optional = true}, {NULL}};

const CmdRow cmd_rows_misc[] = {
    {"query-balloon", "info balloon", NULL, cmd_no_balloon, NULL, "size of the balloon", CMD_IO, "BalloonInfo"},
    {"balloon", "balloon", args_value, cmd_no_balloon, NULL, "ask the guest for memory", CMD_IO},
    {"query-vnc", "info vnc", NULL, cmd_query_vnc, print_vnc, "VNC server", CMD_IO, "VncInfo"},
    {"query-vnc-servers", NULL, NULL, cmd_empty_list, NULL, "VNC servers", CMD_IO, "[VncInfo2]"},
    {"set_password", "set_password", args_password, cmd_password, NULL, "password of a display", CMD_IO},
    {"expire_password", "expire_password", args_expire, cmd_password_expires, NULL, "when it is no longer valid", CMD_IO},
    {"query-display-options", NULL, NULL, cmd_query_display_options, NULL, "which display there is", CMD_IO, "DisplayOptions"},
    {"query-tpm", "info tpm", NULL, cmd_empty_list, print_nothing, "TPM devices", CMD_IO, "[TPMInfo]"},
    {"query-tpm-models", NULL, NULL, cmd_empty_list, NULL, "TPM models", CMD_IO, "[str]"},
    {"query-tpm-types", NULL, NULL, cmd_empty_list, NULL, "TPM back ends", CMD_IO, "[str]"},
    {"query-rx-filter", NULL, args_name, cmd_empty_list, NULL, "what network cards let pass", CMD_IO, "[RxFilterInfo]"},
    {"query-memory-devices", "info memory-devices", NULL, cmd_empty_list, print_nothing, "memory modules", CMD_IO, "[MemoryDeviceInfo]"},
    {"query-acpi-ospm-status", NULL, NULL, cmd_empty_list, NULL, "what the guest says of hot-plug", CMD_IO, "[ACPIOSTInfo]"},
    {"query-vm-generation-id", "info vm-generation-id", NULL, cmd_no_genid, NULL, "generation id of the machine", CMD_IO, "GuidInfo"},
    {"query-migrate", "info migrate", NULL, cmd_empty_object, print_nothing, "progress of a migration", CMD_IO, "MigrationInfo"},
    {"query-migrate-capabilities", NULL, NULL, cmd_query_capabilities, NULL, "ways of migrating: none", CMD_IO, "[MigrationCapabilityStatus]"},
    {"migrate-set-capabilities", NULL, args_capabilities, cmd_set_capabilities, NULL, "choose ways of migrating", CMD_IO},
    {"query-migrate-parameters", NULL, NULL, cmd_empty_object, NULL, "figures for migration: none", CMD_IO, "MigrationParameters"},
    {"migrate", NULL, args_uri, cmd_no_migration, NULL, "move the machine elsewhere", CMD_IO},
    {"migrate_cancel", "migrate_cancel", NULL, cmd_say_nothing, NULL, "end a migration", CMD_IO},
    {"query-yank", NULL, NULL, cmd_empty_list, NULL, "connections that can be cut", CMD_IO | CMD_OOB, "[YankInstance]"},
    {"yank", NULL, args_instances, cmd_yank, NULL, "cut connections", CMD_IO | CMD_OOB},
    {"system_wakeup", "system_wakeup", NULL, cmd_no_wakeup, NULL, "wake a machine that sleeps", 0},
    {"set-action", NULL, args_set_action, cmd_set_action, NULL, "what happens on reboot, shutdown, panic, watchdog", 0},
    {"watchdog-set-action", "watchdog_action", args_action, cmd_watchdog_action, NULL, "what happens when a watchdog runs out", 0},
    {"object-add", NULL, args_object, cmd_object_add, NULL, "make an object", CMD_IO | CMD_OPEN},
    {NULL, "object_add", args_object_text, cmd_object_add_text, NULL, "make an object", CMD_IO},
    {"object-del", "object_del", args_object_id, cmd_object_del, NULL, "remove an object", CMD_IO},
    {"query-command-line-options", NULL, args_option, cmd_query_options, NULL, "options of the command line and their parameters", CMD_IO, "[CommandLineOptionInfo]"},
    {"query-iothreads", "info iothreads", NULL, cmd_query_iothreads, print_nothing, "I/O threads", CMD_IO, "[IOThreadInfo]"},
    {"trace-event-get-state", NULL, args_trace_get, cmd_trace_get, NULL, "state of trace points", CMD_IO, "[TraceEventInfo]"},
    {"trace-event-set-state", NULL, args_trace_set, cmd_trace_set, NULL, "switch trace points", CMD_IO},
    {NULL, "trace-event", args_trace_event, cmd_trace_event, NULL, "switch trace points", CMD_IO},
    {NULL, "info trace-events", args_traces, cmd_info_traces, print_trace, "trace points", CMD_IO},
    {"screendump", "screendump", args_screen, cmd_no_console, NULL, "save the screen as a picture", CMD_IO},
    {NULL, "gpa2hva", args_addr, cmd_no_hva, NULL, "host address of guest memory: not shown", CMD_IO},
    {NULL, "gpa2hpa", args_addr, cmd_no_hva, NULL, "host address of guest memory: not shown", CMD_IO},
    {NULL, "info usb", NULL, cmd_info_usb, NULL, "USB devices", CMD_IO},
    {NULL, "sync-profile", args_rest, cmd_no_profile, NULL, "profile of locks: none", CMD_IO},
    {NULL},
};

const QmpType qmp_types_misc[] = {
    {"BalloonInfo", QMP_OBJECT, "actual:int"},
    {"VncInfo", QMP_OBJECT, "enabled:bool host?:str service?:str auth?:str"},
    {"VncInfo2", QMP_OBJECT, "id:str auth:str display?:str"},
    {"DisplayProtocol", QMP_ENUM, "vnc spice"},
    {"SetPasswordAction", QMP_ENUM, "keep fail disconnect"},
    {"DisplayType", QMP_ENUM, "none vnc curses sdl"},
    {"DisplayOptions", QMP_OBJECT, "type:DisplayType full-screen?:bool show-cursor?:bool gl?:bool"},
    {"ImageFormat", QMP_ENUM, "ppm png"},
    {"TPMInfo", QMP_OBJECT, "id:str model:str"},
    {"RxFilterInfo", QMP_OBJECT, "name:str promiscuous:bool main-mac:str"},
    {"MemoryDeviceInfo", QMP_OBJECT, "type:str"},
    {"ACPIOSTInfo", QMP_OBJECT, "device?:str slot:str source:int status:int"},
    {"GuidInfo", QMP_OBJECT, "guid:str"},
    {"MigrationInfo", QMP_OBJECT, "status?:MigrationStatus"},
    {"MigrationParameters", QMP_OBJECT, ""},
    {"MigrationCapability", QMP_ENUM, "events return-path release-ram validate-uuid"},
    {"MigrationCapabilityStatus", QMP_OBJECT, "capability:MigrationCapability state:bool"},
    {"YankInstanceType", QMP_ENUM, "block-node chardev migration"},
    {"YankInstanceBlockNode", QMP_OBJECT, "node-name:str"},
    {"YankInstanceChardev", QMP_OBJECT, "id:str"},
    {"YankInstance", QMP_UNION, "type:YankInstanceType", "type", "block-node:YankInstanceBlockNode chardev:YankInstanceChardev"},
    {"RebootAction", QMP_ENUM, "reset shutdown"},
    {"ShutdownAction", QMP_ENUM, "poweroff pause"},
    {"PanicAction", QMP_ENUM, "pause shutdown exit-failure none"},
    {"IOThreadInfo", QMP_OBJECT, "id:str thread-id:int poll-max-ns:int poll-grow:int poll-shrink:int aio-max-batch:int"},
    {"TraceEventState", QMP_ENUM, "unavailable disabled enabled"},
    {"TraceEventInfo", QMP_OBJECT, "name:str state:TraceEventState vcpu:bool"},
    {NULL},
};
/* clang-format on */
