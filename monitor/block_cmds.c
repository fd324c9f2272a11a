/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives, nodes and media. */
#include <string.h>

#include "monitor/block_json.h"
#include "monitor/tables.h"

/* --- query ---------------------------------------------------------------------- */

static void query_drive(void *opaque, Drive *d)
{
    json_array_add_object_element(opaque, block_json_drive(d));
}

static bool cmd_query_block(Vm *vm, const CmdIn *in, CmdOut *out,
                            GError **error)
{
    drives_foreach(vm, query_drive, cmd_array(out));
    return true;
}

static void query_stats(void *opaque, Drive *d)
{
    json_array_add_object_element(opaque, block_json_stats(d));
}

static bool cmd_query_blockstats(Vm *vm, const CmdIn *in, CmdOut *out,
                                 GError **error)
{
    drives_foreach(vm, query_stats, cmd_array(out));
    return true;
}

static void query_node(void *opaque, BlockNode *n)
{
    json_array_add_object_element(opaque, block_json_node(n, true));
}

static bool cmd_query_nodes(Vm *vm, const CmdIn *in, CmdOut *out,
                            GError **error)
{
    block_foreach(drives_graph(vm), query_node, cmd_array(out));
    return true;
}

static void print_drive(JsonObject *o, GString *out)
{
    JsonNode *node = json_object_get_member(o, "inserted");
    JsonObject *cache;
    const char *id = json_object_get_string_member(o, "device");
    const char *qdev =
        json_object_get_string_member_with_default(o, "qdev", NULL);

    g_string_append_printf(out, "%s%s", out->len ? "\n" : "",
                           *id || !node ? id : node_str(node, "node-name"));
    if (node) {
        g_string_append_printf(out, " (%s): %s (%s%s)\n",
                               node_str(node, "node-name"),
                               node_str(node, "file"), node_str(node, "drv"),
                               node_bool(node, "ro") ? ", read-only" : "");
    } else {
        g_string_append(out, ": [not inserted]\n");
    }
    if (qdev) {
        g_string_append_printf(out, "    Attached to:      %s\n", qdev);
    }
    if (json_object_get_boolean_member(o, "removable")) {
        g_string_append_printf(
            out, "    Removable device: %slocked, tray %s\n",
            json_object_get_boolean_member(o, "locked") ? "" : "not ",
            json_object_get_boolean_member_with_default(o, "tray_open", FALSE)
                ? "open"
                : "closed");
    }
    if (!node) {
        return;
    }
    cache = json_object_get_object_member(json_node_get_object(node), "cache");
    g_string_append_printf(
        out, "    Cache mode:       %s%s%s\n",
        json_object_get_boolean_member(cache, "writeback") ? "writeback"
                                                           : "writethrough",
        json_object_get_boolean_member(cache, "direct") ? ", direct" : "",
        json_object_get_boolean_member(cache, "no-flush") ? ", ignore flushes"
                                                          : "");
    if (*node_str(node, "backing_file")) {
        g_string_append_printf(
            out, "    Backing file:     %s (chain depth: %" PRId64 ")\n",
            node_str(node, "backing_file"),
            node_int(node, "backing_file_depth"));
    }
}

static void print_block(JsonNode *value, GString *out)
{
    JsonArray *a = json_node_get_array(value);
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        print_drive(json_array_get_object_element(a, i), text);
    }
    g_string_append(out, text->str);
}

static void print_blockstats(JsonNode *value, GString *out)
{
    static const char *const shown[] = {
        "rd_bytes",         "wr_bytes",           "rd_operations",
        "wr_operations",    "flush_operations",   "wr_total_time_ns",
        "rd_total_time_ns", "flush_total_time_ns"};
    JsonArray *a = json_node_get_array(value);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonObject *o = json_array_get_object_element(a, i);
        JsonObject *s = json_object_get_object_member(o, "stats");

        g_string_append_printf(
            out, "%s:", json_object_get_string_member(o, "device"));
        for (unsigned k = 0; k < G_N_ELEMENTS(shown); k++) {
            g_string_append_printf(out, " %s=%" PRId64, shown[k],
                                   json_object_get_int_member(s, shown[k]));
        }
        g_string_append_c(out, '\n');
    }
}

/* --- media ------------------------------------------------------------------------ */

typedef struct FindDrive {
    const char *name; /* of a drive, its device or its node */
    Drive *found;
} FindDrive;

static void find_drive(void *opaque, Drive *d)
{
    FindDrive *f = opaque;
    const Device *user = drive_device(d);

    if ((drive_id(d) && strcmp(drive_id(d), f->name) == 0)
        || (user
            && ((user->id && strcmp(user->id, f->name) == 0)
                || strcmp(user->path, f->name) == 0))
        || (drive_node(d)
            && strcmp(block_node_name(drive_node(d)), f->name) == 0)) {
        f->found = d;
    }
}

static Drive *arg_drive(Vm *vm, const CmdIn *in, GError **error)
{
    static const char *const args[] = {"device", "id", "node-name"};
    FindDrive f = {0};

    for (unsigned i = 0; i < G_N_ELEMENTS(args) && !f.name; i++) {
        f.name = cmd_has(in, args[i]) ? cmd_str(in, args[i]) : NULL;
    }
    if (!f.name) {
        fail(error, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    drives_foreach(vm, find_drive, &f);
    if (!f.found) {
        cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                 f.name);
    }
    return f.found;
}

static bool cmd_eject(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Drive *d = arg_drive(vm, in, error);

    return d
           && drive_eject(d, cmd_bool(in, "force") || cmd_bool(in, "f"), error);
}

static bool cmd_change(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Drive *d = arg_drive(vm, in, error);
    const char *file = cmd_str(in, "filename");

    return d
           && drive_change(d, file ? file : cmd_str(in, "target"),
                           cmd_str(in, "format"), error);
}

static bool cmd_open_tray(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Drive *d = arg_drive(vm, in, error);

    return d && drive_move_tray(d, true, cmd_bool(in, "force"), error);
}

static bool cmd_close_tray(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Drive *d = arg_drive(vm, in, error);

    return d && drive_move_tray(d, false, false, error);
}

static bool cmd_resize(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Drive *d = arg_drive(vm, in, error);

    return d && drive_resize(d, (uint64_t)cmd_int(in, "size", 0), error);
}

/* --- nodes ------------------------------------------------------------------------ */

static void flatten(KeyVals *kv, const char *prefix, JsonObject *o)
{
    g_autoptr(GList) names = json_object_get_members(o);

    for (const GList *l = names; l; l = l->next) {
        JsonNode *node = json_object_get_member(o, l->data);
        KeyVal item = {.key = g_strconcat(prefix, l->data, NULL)};

        if (JSON_NODE_HOLDS_OBJECT(node)) {
            g_autofree char *below = g_strconcat(item.key, ".", NULL);

            flatten(kv, below, json_node_get_object(node));
            g_free(item.key);
            continue;
        }
        if (!JSON_NODE_HOLDS_VALUE(node)) {
            item.value = g_strdup("");
        } else if (json_node_get_value_type(node) == G_TYPE_STRING) {
            item.value = g_strdup(json_node_get_string(node));
        } else if (json_node_get_value_type(node) == G_TYPE_BOOLEAN) {
            item.value = g_strdup(json_node_get_boolean(node) ? "on" : "off");
        } else {
            item.value = g_strdup_printf("%" PRId64, json_node_get_int(node));
        }
        g_array_append_val(kv->items, item);
    }
}

static bool cmd_blockdev_add(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, "", NULL);
    flatten(&kv, "", in->args);
    return drives_add_node(vm, &kv, error);
}

static bool cmd_blockdev_del(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    return drives_del_node(vm, cmd_str(in, "node-name"), error);
}

/* clang-format off */
static const CmdArg args_eject[] = {
    {"force", ARG_BOOL, .optional = true, .doc = "although the guest has locked it"},
    {"device", ARG_STR, .optional = true, .doc = "drive"},
    {"id", ARG_STR, .optional = true, .doc = "device"}, {NULL}};
static const CmdArg args_hmp_eject[] = {{"f", ARG_FLAG, .doc = "although the guest has locked it"}, {"device", ARG_STR, .doc = "drive"}, {NULL}};
static const CmdArg args_hmp_change[] = {
    {"device", ARG_STR, .doc = "drive"}, {"target", ARG_STR, .doc = "image"},
    {"format", ARG_STR, .optional = true, .doc = "raw or qcow2"}, {NULL}};
static const CmdArg args_change[] = {
    {"device", ARG_STR, .optional = true}, {"id", ARG_STR, .optional = true}, {"filename", ARG_STR},
    {"format", ARG_STR, .optional = true}, {"force", ARG_BOOL, .optional = true},
    {"read-only-mode", ARG_STR, .optional = true, .of = "BlockdevChangeReadOnlyMode"}, {NULL}};
static const CmdArg args_tray[] = {
    {"device", ARG_STR, .optional = true}, {"id", ARG_STR, .optional = true}, {"force", ARG_BOOL, .optional = true}, {NULL}};
static const CmdArg args_close[] = {
    {"device", ARG_STR, .optional = true}, {"id", ARG_STR, .optional = true}, {NULL}};
static const CmdArg args_resize[] = {
    {"device", ARG_STR, .optional = true}, {"node-name", ARG_STR, .optional = true}, {"size", ARG_SIZE}, {NULL}};
static const CmdArg args_hmp_resize[] = {{"device", ARG_STR, .doc = "drive"}, {"size", ARG_SIZE, .doc = "MiB, or with a suffix"}, {NULL}};
static const CmdArg args_node[] = {{"node-name", ARG_STR}, {NULL}};
static const CmdArg args_add[] = {{"driver", ARG_STR}, {"node-name", ARG_STR, .optional = true}, {NULL}};
static const CmdArg args_nodes[] = {{"flat", ARG_BOOL, .optional = true}, {NULL}};
static const CmdArg args_stats[] = {{"query-nodes", ARG_BOOL, .optional = true}, {NULL}};

const CmdRow cmd_rows_block[] = {
    {"query-block", "info block", NULL, cmd_query_block, print_block, "drives and what is in them", 0, "[BlockInfo]"},
    {"query-blockstats", NULL, args_stats, cmd_query_blockstats, NULL, "what drives have done", 0, "[BlockStats]"},
    {NULL, "info blockstats", NULL, cmd_query_blockstats, print_blockstats, "what drives have done", 0, "[BlockStats]"},
    {"query-named-block-nodes", NULL, args_nodes, cmd_query_nodes, NULL, "all block nodes", 0, "[BlockDeviceInfo]"},
    {"eject", NULL, args_eject, cmd_eject, NULL, "take the medium out", CMD_GUEST},
    {NULL, "eject", args_hmp_eject, cmd_eject, NULL, "take the medium out", CMD_GUEST},
    {"blockdev-change-medium", NULL, args_change, cmd_change, NULL, "put another medium in", CMD_GUEST},
    {NULL, "change", args_hmp_change, cmd_change, NULL, "put another medium in", CMD_GUEST},
    {"blockdev-open-tray", NULL, args_tray, cmd_open_tray, NULL, "open the tray", CMD_GUEST},
    {"blockdev-close-tray", NULL, args_close, cmd_close_tray, NULL, "close the tray", CMD_GUEST},
    {"block_resize", NULL, args_resize, cmd_resize, NULL, "change the size of an image", CMD_GUEST},
    {NULL, "block_resize", args_hmp_resize, cmd_resize, NULL, "change the size of an image", CMD_GUEST},
    {"blockdev-add", NULL, args_add, cmd_blockdev_add, NULL, "open a block node", CMD_OPEN},
    {"blockdev-del", NULL, args_node, cmd_blockdev_del, NULL, "close a block node", 0},
    {NULL},
};
/* clang-format on */
