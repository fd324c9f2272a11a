/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qom-*, device_add and their like. */
#include <string.h>

#include "cpu/x86.h"
#include "hw/machine.h"
#include "hw/pci.h"
#include "monitor/monitor_priv.h"
#include "monitor/qom_priv.h"
#include "monitor/tables.h"

/* --- properties ----------------------------------------------------------------- */

static void add_info(JsonArray *out, const char *name, const char *type,
                     const char *doc)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    if (doc) {
        json_object_set_string_member(o, "description", doc);
    }
    json_object_set_string_member(o, "type", type);
    json_array_add_object_element(out, o);
}

static void list_visit(void *opaque, const char *name, const char *type,
                       const char *doc, JsonNode *value)
{
    add_info(opaque, name, type, NULL);
    if (value) {
        json_node_unref(value);
    }
}

static void type_visit(void *opaque, const char *name, const char *type,
                       const char *doc, JsonNode *value)
{
    JsonArray *out = opaque;

    add_info(out, name, type, doc);
    if (value) {
        json_object_set_member(
            json_array_get_object_element(out, json_array_get_length(out) - 1),
            "default-value", value);
    }
}

static bool cmd_qom_list(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *path = cmd_str(in, "path");
    QomNode n = qom_find(vm, path ? path : "/", error);
    g_autoptr(GPtrArray) children = NULL;
    JsonArray *a;

    if (!n.kind) {
        return false;
    }
    a = cmd_array(out);
    qom_props(vm, &n, list_visit, a);
    children = qom_children(vm, &n);
    for (guint i = 0; i < children->len; i++) {
        const char *name = g_ptr_array_index(children, i);
        g_autofree char *full =
            g_strdup_printf("%s/%s", path ? path : "", name);
        QomNode c = qom_find(vm, full, NULL);
        g_autofree char *of = qom_type(vm, &c);
        g_autofree char *type = g_strdup_printf("child<%s>", of);

        add_info(a, name, type, NULL);
    }
    return true;
}

static void print_list(JsonNode *value, GString *out)
{
    JsonArray *a = json_node_get_array(value);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonNode *o = json_array_get_element(a, i);

        g_string_append_printf(out, "%s (%s)\n", node_str(o, "name"),
                               node_str(o, "type"));
    }
}

typedef struct PropWanted {
    const char *name;
    JsonNode *value; /* owned */
} PropWanted;

static void get_visit(void *opaque, const char *name, const char *type,
                      const char *doc, JsonNode *value)
{
    PropWanted *w = opaque;

    if (!w->value && strcmp(name, w->name) == 0) {
        w->value = value;
    } else if (value) {
        json_node_unref(value);
    }
}

static JsonNode *get_prop(Vm *vm, const CmdIn *in, QomNode *n, GError **error)
{
    PropWanted w = {cmd_str(in, "property"), NULL};
    g_autofree char *type = NULL;

    *n = qom_find(vm, cmd_str(in, "path"), error);
    if (!n->kind) {
        return NULL;
    }
    qom_props(vm, n, get_visit, &w);
    if (!w.value) {
        type = qom_type(vm, n);
        fail(error, "Property '%s.%s' not found", type, w.name);
    }
    return w.value;
}

static bool cmd_qom_get(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    QomNode n;
    JsonNode *value = get_prop(vm, in, &n, error);

    cmd_value(out, value);
    return value != NULL;
}

static void print_json(JsonNode *value, GString *out)
{
    json_print(value, out, true);
    g_string_append_c(out, '\n');
}

/* Properties are settings of a machine that is not built yet. */
static bool cmd_qom_set(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    QomNode n;
    JsonNode *value = get_prop(vm, in, &n, error);
    g_autofree char *type = NULL;

    if (!value) {
        return false;
    }
    json_node_unref(value);
    type = qom_type(vm, &n);
    return fail(error,
                "Attempt to set property '%s' on device '%s' (type '%s') after "
                "it was realized",
                cmd_str(in, "property"),
                n.dev && n.dev->id ? n.dev->id : "anonymous", type);
}

/* --- types ------------------------------------------------------------------------ */

typedef struct TypeList {
    Vm *vm;
    JsonArray *out;
    GHashTable *seen;       /* owned */
    const char *implements; /* NULL: all */
    bool abstract;          /* also those that cannot be made */
} TypeList;

static const char *type_parent(const char *name)
{
    static const char *const rows[][2] = {
        {"device", "object"},
        {"sys-bus-device", "device"},
        {"pci-device", "device"},
        {"isa-device", "device"},
        {"ide-device", "device"},
        {"cpu", "device"},
        {"x86_64-cpu", "cpu"},
        {"i386-cpu", "cpu"},
        {"machine", "object"},
        {"bus", "object"},
        {"chardev", "object"},
        {"container", "object"},
        {"user-creatable", "interface"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i][0], name) == 0) {
            return rows[i][1];
        }
    }
    return NULL;
}

static void type_add(TypeList *l, const char *name, const char *parent,
                     bool abstract)
{
    JsonObject *o;
    bool fits = !l->implements || strcmp(l->implements, name) == 0;

    for (const char *p = parent; p && !fits; p = type_parent(p)) {
        fits = strcmp(p, l->implements) == 0;
    }
    if (!fits || (abstract && !l->abstract)
        || !g_hash_table_add(l->seen, g_strdup(name))) {
        return;
    }
    o = json_object_new();
    json_object_set_string_member(o, "name", name);
    if (abstract) {
        json_object_set_boolean_member(o, "abstract", TRUE);
    }
    if (parent) {
        json_object_set_string_member(o, "parent", parent);
    }
    json_array_add_object_element(l->out, o);
}

static void type_add_device(TypeList *l, const DeviceType *t)
{
    const char *bus = t->bus ? t->bus : "";
    g_autofree char *parent = g_strdup_printf("%s-device", bus);

    if (strcmp(bus, MACHINE_BUS) != 0) {
        type_add(l, t->name, type_parent(parent) ? parent : "sys-bus-device",
                 false);
    }
}

static void type_add_model(void *opaque, const char *name,
                           const char *const *missing)
{
    TypeList *l = opaque;
    const char *base =
        control_ops(l->vm)->long_mode(l->vm) ? "x86_64-cpu" : "i386-cpu";
    g_autofree char *type = g_strdup_printf("%s-%s", name, base);

    type_add(l, type, base, false);
}

static void type_add_all(TypeList *l)
{
    static const char *const bases[] = {
        "device", "sys-bus-device", "pci-device", "isa-device", "ide-device",
        "cpu",    "machine",        "bus",
    };
    const DeviceType *const *types = control_ops(l->vm)->device_types;
    const ObjectType *objects = object_types(l->vm);
    bool wide = control_ops(l->vm)->long_mode(l->vm);

    type_add(l, "object", NULL, true);
    type_add(l, "accel", "object", true);
    type_add(l, "tcg-accel", "accel", false);
    for (unsigned i = 0; i < G_N_ELEMENTS(bases); i++) {
        type_add(l, bases[i], type_parent(bases[i]), true);
    }
    type_add(l, wide ? "x86_64-cpu" : "i386-cpu", "cpu", true);
    for (unsigned i = 0; types && types[i]; i++) {
        type_add_device(l, types[i]);
    }
    for (const Device *d = l->vm->devices; d; d = d->next) {
        if (strcmp(d->type->name, x86_cpu_type.name) != 0) {
            type_add_device(l, d->type);
        }
    }
    x86_models_foreach(wide, type_add_model, l);
    for (unsigned i = 0; machine_types[i]; i++) {
        g_autofree char *name =
            g_strdup_printf("%s-machine", machine_types[i]->name);

        type_add(l, name, "machine", false);
    }
    for (; objects && objects->name; objects++) {
        if (!objects->refused) {
            type_add(l, objects->name, "object", false);
        }
    }
}

static bool cmd_qom_list_types(Vm *vm, const CmdIn *in, CmdOut *out,
                               GError **error)
{
    TypeList l = {
        .vm = vm,
        .out = cmd_array(out),
        .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .implements = cmd_str(in, "implements"),
        .abstract = cmd_bool(in, "abstract"),
    };

    type_add_all(&l);
    g_hash_table_unref(l.seen);
    return true;
}

static bool type_exists(Vm *vm, const char *name, bool *abstract)
{
    TypeList l = {
        .vm = vm,
        .out = json_array_new(),
        .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    bool found;

    type_add_all(&l);
    found = g_hash_table_contains(l.seen, name);
    *abstract = !found;
    if (!found) {
        l.abstract = true;
        type_add_all(&l);
        found = g_hash_table_contains(l.seen, name);
    }
    g_hash_table_unref(l.seen);
    json_array_unref(l.out);
    return found;
}

static bool cmd_device_list_properties(Vm *vm, const CmdIn *in, CmdOut *out,
                                       GError **error)
{
    const char *name = cmd_str(in, "typename");
    bool abstract;

    if (qom_type_props(vm, name, type_visit, cmd_array(out))) {
        return true;
    }
    if (type_exists(vm, name, &abstract)) {
        return fail(error, "Parameter 'typename' expects a non-abstract device "
                           "type");
    }
    return cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                    name);
}

static bool cmd_qom_list_properties(Vm *vm, const CmdIn *in, CmdOut *out,
                                    GError **error)
{
    const char *name = cmd_str(in, "typename");
    const ObjectType *t = object_types(vm);
    JsonArray *a = cmd_array(out);
    bool abstract, object = false; /* one that is refused has properties too */

    for (; t && t->name && !object; t += !object) {
        object = strcmp(t->name, name) == 0;
    }
    if (!object && !qom_type_props(vm, name, type_visit, a)
        && !type_exists(vm, name, &abstract)) {
        return cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND,
                        "Class '%s' not found", name);
    }
    add_info(a, "type", "string", NULL);
    for (const ObjectProp *p = object ? t->props : NULL; p && p->name; p++) {
        add_info(a, p->name, p->type, p->doc);
    }
    return true;
}

/* --- plugging ----------------------------------------------------------------------- */

static bool device_no_type(Vm *vm, const char *driver, GError **error)
{
    const DeviceType *const *types = control_ops(vm)->device_types;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (unsigned i = 0; types && types[i]; i++) {
        g_ptr_array_add(names, (gpointer)(uintptr_t)types[i]->name);
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(driver, (const char *const *)names->pdata);
    return near ? fail(error,
                       "'%s' is not a valid device model name, did you mean "
                       "'%s'?",
                       driver, near)
                : fail(error, "'%s' is not a valid device model name", driver);
}

static bool bus_is_cold(const DeviceType *t, GError **error)
{
    return t->bus
               ? fail(error, "Bus '%s.0' does not support hotplugging", t->bus)
               : fail(error,
                      "Device '%s' can not be hotplugged on this "
                      "machine",
                      t->name);
}

static bool device_has_prop(const DeviceType *t, const char *name)
{
    for (const PropField *p = t->props; p && p->type != PROP_END; p++) {
        if (strcmp(p->name, name) == 0) {
            return true;
        }
    }
    return strcmp(name, "driver") == 0 || strcmp(name, "id") == 0
           || strcmp(name, "bus") == 0;
}

/* No bus of our boards takes devices while the machine runs. */
static bool cmd_device_add(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *driver = cmd_str(in, "driver");
    const DeviceType *const *types = control_ops(vm)->device_types;
    const DeviceType *t = NULL;
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    for (unsigned i = 0; types && types[i] && !t; i++) {
        t = strcmp(types[i]->name, driver) == 0 ? types[i] : NULL;
    }
    if (!t) {
        return device_no_type(vm, driver, error);
    }
    json_object_iter_init_ordered(&iter, in->args);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (!device_has_prop(t, name)) {
            return fail(error, "Property '%s.%s' not found", driver, name);
        }
    }
    return bus_is_cold(t, error);
}

/* HMP: driver,prop=value */
static bool cmd_device_add_text(Vm *vm, const CmdIn *in, CmdOut *out,
                                GError **error)
{
    g_auto(KeyVals) kv = {0};
    JsonObject *args = json_object_new();
    CmdIn more = {args, in->mon};
    bool good;

    keyvals_parse(&kv, cmd_str(in, "device"), "driver");
    for (guint i = 0; i < kv.items->len; i++) {
        const KeyVal *item = &g_array_index(kv.items, KeyVal, i);

        json_object_set_string_member(args, item->key, item->value);
    }
    good = json_object_has_member(args, "driver")
               ? cmd_device_add(vm, &more, out, error)
               : fail(error, "Parameter 'driver' is missing");
    json_object_unref(args);
    return good;
}

static bool cmd_device_del(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    QomNode n = qom_find(vm, cmd_str(in, "id"), NULL);

    return n.kind == QOM_DEVICE
               ? bus_is_cold(n.dev->type, error)
               : cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND,
                          "Device '%s' not found", cmd_str(in, "id"));
}

/* --- for people ----------------------------------------------------------------------- */

static void tree_print(Vm *vm, const char *path, const char *name,
                       unsigned depth, GString *out)
{
    QomNode n = qom_find(vm, path, NULL);
    g_autofree char *type = qom_type(vm, &n);
    g_autoptr(GPtrArray) children = qom_children(vm, &n);

    g_string_append_printf(out, "%*s/%s (%s)\n", (int)depth * 2, "", name,
                           type);
    for (guint i = 0; i < children->len; i++) {
        const char *child = g_ptr_array_index(children, i);
        g_autofree char *at = g_strdup_printf("%s/%s", path, child);

        tree_print(vm, at, child, depth + 1, out);
    }
}

static bool cmd_info_qom_tree(Vm *vm, const CmdIn *in, CmdOut *out,
                              GError **error)
{
    const char *path = cmd_str(in, "path");
    QomNode n = qom_find(vm, path ? path : "/machine", error);
    const char *slash = strrchr(path ? path : "/machine", '/');

    if (!n.kind) {
        return false;
    }
    tree_print(vm, path ? path : "/machine", slash ? slash + 1 : path, 0,
               out->text);
    return true;
}

static void qtree_device(const Device *dev, unsigned depth, GString *out)
{
    int pad = (int)depth * 2;

    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", pad, "",
                           dev->type->name, dev->id ? dev->id : "");
    for (const PropField *p = dev->type->props; p && p->type != PROP_END; p++) {
        g_autofree char *value = device_get_prop(dev, p->name);

        if (p->type == PROP_STR) {
            g_string_append_printf(out, "%*s  %s = \"%s\"\n", pad, "", p->name,
                                   value ? value : "");
        } else if (p->type == PROP_BOOL) {
            g_string_append_printf(out, "%*s  %s = %s\n", pad, "", p->name,
                                   value && strcmp(value, "on") == 0 ? "true"
                                                                     : "false");
        } else {
            g_string_append_printf(
                out, "%*s  %s = %s (0x%" PRIx64 ")\n", pad, "", p->name, value,
                value ? g_ascii_strtoull(value, NULL, 0) : 0);
        }
    }
    if (dev->type->realize == pci_realize) {
        const PciDevice *pd = (const PciDevice *)dev;

        g_string_append_printf(out, "%*s  addr = %02x.%x\n", pad, "",
                               PCI_SLOT((unsigned)pd->devfn),
                               PCI_FUNC((unsigned)pd->devfn));
    }
}

static void qtree_bus(Vm *vm, const char *bus, unsigned depth, GString *out)
{
    for (const Device *d = vm->devices; d; d = d->next) {
        const char *of = d->type->bus ? d->type->bus : "";

        if (strcmp(of, bus) == 0) {
            qtree_device(d, depth, out);
        }
    }
}

static bool bus_has_devices(Vm *vm, const char *bus)
{
    for (const Device *d = vm->devices; d; d = d->next) {
        if (d->type->bus && strcmp(d->type->bus, bus) == 0) {
            return true;
        }
    }
    return false;
}

static bool cmd_info_qtree(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    static const char *const buses[][2] = {
        {"pci", "PCI"}, {"isa", "ISA"}, {"ide", "IDE"}};

    g_string_append(out->text, "bus: main-system-bus\n  type System\n");
    qtree_bus(vm, "", 1, out->text);
    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++) {
        if (!bus_has_devices(vm, buses[i][0])) {
            continue;
        }
        g_string_append_printf(out->text, "  bus: %s.0\n    type %s\n",
                               buses[i][0], buses[i][1]);
        qtree_bus(vm, buses[i][0], 2, out->text);
    }
    return true;
}

static void complete_devices(Vm *vm, const char *prefix, GPtrArray *out)
{
    for (const Device *d = vm->devices; d; d = d->next) {
        if (d->id) {
            g_ptr_array_add(out, g_strdup(d->id));
        }
    }
}

static void complete_types(Vm *vm, const char *prefix, GPtrArray *out)
{
    const DeviceType *const *types = control_ops(vm)->device_types;

    for (unsigned i = 0; types && types[i]; i++) {
        g_ptr_array_add(out, g_strdup(types[i]->name));
    }
}

/* The last part of a path is completed. */
static void complete_path(Vm *vm, const char *prefix, GPtrArray *out)
{
    const char *slash = strrchr(prefix, '/');
    g_autofree char *dir =
        g_strndup(prefix, slash ? (gsize)(slash - prefix) : 0);
    QomNode n = qom_find(vm, *dir ? dir : "/", NULL);
    g_autoptr(GPtrArray) children = n.kind ? qom_children(vm, &n) : NULL;

    for (guint i = 0; children && i < children->len; i++) {
        g_ptr_array_add(
            out, g_strdup_printf("%s/%s", dir,
                                 (const char *)g_ptr_array_index(children, i)));
    }
}

/* clang-format off */
static const CmdArg args_path[] = {{"path", ARG_STR, .doc = "as /machine/unattached/device[0]"}, {NULL}};
static const CmdArg args_path_hmp[] = {{"path", ARG_STR, .optional = true, .doc = "as /machine/unattached/device[0]", .complete = complete_path}, {NULL}};
static const CmdArg args_prop[] = {
    {"path",     ARG_STR, .doc = "as /machine", .complete = complete_path},
    {"property", ARG_STR, .doc = "its name"}, {NULL},
};
static const CmdArg args_set[] = {
    {"path",     ARG_STR, .doc = "as /machine"},
    {"property", ARG_STR, .doc = "its name"},
    {"value",    ARG_JSON, .doc = "the new value"}, {NULL},
};
static const CmdArg args_set_hmp[] = {
    {"path",     ARG_STR, .doc = "as /machine", .complete = complete_path},
    {"property", ARG_STR, .doc = "its name"},
    {"value",    ARG_REST, .doc = "the new value"}, {NULL},
};
static const CmdArg args_types[] = {
    {"implements", ARG_STR, .optional = true, .doc = "only those that are one of these"},
    {"abstract",   ARG_BOOL, .optional = true, .doc = "also those that cannot be made"}, {NULL},
};
static const CmdArg args_typename[] = {{"typename", ARG_STR, .doc = "of devices"}, {NULL}};
static const CmdArg args_device[] = {
    {"driver", ARG_STR, .doc = "its type (-device help)"},
    {"bus",    ARG_STR, .optional = true, .doc = "where"},
    {"id",     ARG_STR, .optional = true, .doc = "its id"}, {NULL},
};
static const CmdArg args_device_text[] = {{"device", ARG_STR, .doc = "as after -device", .complete = complete_types}, {NULL}};
static const CmdArg args_id[] = {{"id", ARG_STR, .doc = "of a device", .complete = complete_devices}, {NULL}};

const CmdRow cmd_rows_qom[] = {
    {"qom-list", NULL, args_path, cmd_qom_list, NULL, "properties of an object", 0, "[ObjectPropertyInfo]"},
    {NULL, "qom-list", args_path_hmp, cmd_qom_list, print_list, "properties of an object", 0},
    {"qom-get", "qom-get", args_prop, cmd_qom_get, print_json, "a property of an object", 0, "any"},
    {"qom-set", NULL, args_set, cmd_qom_set, NULL, "set a property of an object", 0},
    {NULL, "qom-set", args_set_hmp, cmd_qom_set, NULL, "set a property of an object", 0},
    {"qom-list-types", NULL, args_types, cmd_qom_list_types, NULL, "types of objects", 0, "[ObjectTypeInfo]"},
    {"qom-list-properties", NULL, args_typename, cmd_qom_list_properties, NULL, "properties of a type", 0, "[ObjectPropertyInfo]"},
    {"device-list-properties", NULL, args_typename, cmd_device_list_properties, NULL, "what -device can set", 0, "[ObjectPropertyInfo]"},
    {"device_add", NULL, args_device, cmd_device_add, NULL, "plug a device", CMD_OPEN},
    {NULL, "device_add", args_device_text, cmd_device_add_text, NULL, "plug a device", 0},
    {"device_del", "device_del", args_id, cmd_device_del, NULL, "unplug a device", 0},
    {NULL, "info qom-tree", args_path_hmp, cmd_info_qom_tree, NULL, "objects", 0},
    {NULL, "info qtree", NULL, cmd_info_qtree, NULL, "devices by bus, and their properties", 0},
    {NULL},
};

const QmpType qmp_types_qom[] = {
    {"ObjectPropertyInfo", QMP_OBJECT, "name:str type:str description?:str default-value?:any"},
    {"ObjectTypeInfo", QMP_OBJECT, "name:str abstract?:bool parent?:str"},
    {NULL},
};
/* clang-format on */
