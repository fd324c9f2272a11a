/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices, objects and back ends as one tree with paths and properties. */
#include "monitor/qom_priv.h"

#include <stdlib.h>
#include <string.h>

#include "chardev/chardev.h"
#include "cpu/x86.h"
#include "hw/machine.h"

/* --- the tree ------------------------------------------------------------------- */

static bool qom_is_vcpu(const Vm *vm, const Device *dev)
{
    for (guint i = 0; i < vm->vcpus->len; i++) {
        if (g_ptr_array_index(vm->vcpus, i) == (gpointer)(uintptr_t)dev) {
            return true;
        }
    }
    return false;
}

/* What boards make: vCPUs first, then the others in path order. */
static GPtrArray *qom_unattached(Vm *vm)
{
    GPtrArray *out = g_ptr_array_new();
    const Device *board = (const Device *)machine_of(vm);

    for (guint i = 0; i < vm->vcpus->len; i++) {
        g_ptr_array_add(out, g_ptr_array_index(vm->vcpus, i));
    }
    for (Device *d = vm->devices; d; d = d->next) {
        if (d != board && !d->id && !qom_is_vcpu(vm, d)) {
            g_ptr_array_add(out, d);
        }
    }
    return out;
}

char *qom_path(Vm *vm, const Device *dev)
{
    g_autoptr(GPtrArray) all = NULL;
    guint at = 0;

    if (dev == (const Device *)machine_of(vm)) {
        return g_strdup("/machine");
    }
    if (dev->id) {
        return g_strdup_printf("/machine/peripheral/%s", dev->id);
    }
    all = qom_unattached(vm);
    while (at < all->len && g_ptr_array_index(all, at) != dev) {
        at++;
    }
    return g_strdup_printf("/machine/unattached/device[%u]", at);
}

/* "device[12]" */
static Device *qom_numbered(Vm *vm, const char *name)
{
    static const char prefix[] = "device[";
    g_autoptr(GPtrArray) all = NULL;
    char *end;
    unsigned long n;

    if (!g_str_has_prefix(name, prefix)
        || !g_ascii_isdigit(name[strlen(prefix)])) {
        return NULL;
    }
    n = strtoul(name + strlen(prefix), &end, 10);
    all = qom_unattached(vm);
    return strcmp(end, "]") == 0 && n < all->len ? g_ptr_array_index(all, n)
                                                 : NULL;
}

static Device *qom_by_id(Vm *vm, const char *id)
{
    for (Device *d = vm->devices; d; d = d->next) {
        if (d->id && strcmp(d->id, id) == 0) {
            return d;
        }
    }
    return NULL;
}

static QomNode qom_child(Vm *vm, const QomNode *n, const char *name)
{
    static const struct {
        QomKind of;
        const char *name;
        QomKind kind;
    } fixed[] = {
        {QOM_ROOT, "machine", QOM_MACHINE},
        {QOM_ROOT, "objects", QOM_OBJECTS},
        {QOM_ROOT, "chardevs", QOM_CHARDEVS},
        {QOM_MACHINE, "unattached", QOM_UNATTACHED},
        {QOM_MACHINE, "peripheral", QOM_PERIPHERAL},
        {QOM_MACHINE, "peripheral-anon", QOM_ANON},
    };
    QomNode c = {QOM_NONE, NULL, NULL};

    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++) {
        if (fixed[i].of == n->kind && strcmp(fixed[i].name, name) == 0) {
            c.kind = fixed[i].kind;
            c.dev = c.kind == QOM_MACHINE ? (Device *)machine_of(vm) : NULL;
            return c;
        }
    }
    switch (n->kind) {
    case QOM_UNATTACHED:
        c.dev = qom_numbered(vm, name);
        c.kind = c.dev ? QOM_DEVICE : QOM_NONE;
        break;
    case QOM_PERIPHERAL:
        c.dev = qom_by_id(vm, name);
        c.kind = c.dev ? QOM_DEVICE : QOM_NONE;
        break;
    case QOM_OBJECTS:
        c.object = object_types(vm) ? object_find(vm, name, NULL) : NULL;
        c.kind = c.object ? QOM_OBJECT : QOM_NONE;
        break;
    case QOM_CHARDEVS:
        c.kind = chardev_find(vm, name) ? QOM_CHARDEV : QOM_NONE;
        break;
    default:
        break;
    }
    return c;
}

/* Also an id alone, as people type it. */
QomNode qom_find(Vm *vm, const char *path, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    QomNode n = {QOM_ROOT, NULL, NULL};

    if (path[0] && path[0] != '/') {
        QomNode places[] = {{QOM_PERIPHERAL, NULL, NULL},
                            {QOM_OBJECTS, NULL, NULL}};

        n.kind = QOM_NONE;
        for (unsigned i = 0; i < G_N_ELEMENTS(places) && !n.kind; i++) {
            n = qom_child(vm, &places[i], path);
        }
    } else {
        for (unsigned i = 0; parts[i] && n.kind; i++) {
            n = *parts[i] ? qom_child(vm, &n, parts[i]) : n;
        }
    }
    if (!n.kind) {
        cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found",
                 path);
    }
    return n;
}

static void qom_object_name(void *opaque, Object *o)
{
    g_ptr_array_add(opaque, g_strdup(o->id));
}

static void qom_chardev_name(void *opaque, const char *id, const char *filename,
                             bool open)
{
    g_ptr_array_add(opaque, g_strdup(id));
}

GPtrArray *qom_children(Vm *vm, const QomNode *n)
{
    static const char *const fixed[][4] = {
        [QOM_ROOT] = {"machine", "objects", "chardevs"},
        [QOM_MACHINE] = {"unattached", "peripheral", "peripheral-anon"},
        [QOM_CHARDEV] = {NULL},
    };
    GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) all = NULL;

    for (unsigned i = 0; fixed[n->kind][i]; i++) {
        g_ptr_array_add(out, g_strdup(fixed[n->kind][i]));
    }
    switch (n->kind) {
    case QOM_UNATTACHED:
        all = qom_unattached(vm);
        for (guint i = 0; i < all->len; i++) {
            g_ptr_array_add(out, g_strdup_printf("device[%u]", i));
        }
        break;
    case QOM_PERIPHERAL:
        for (const Device *d = vm->devices; d; d = d->next) {
            if (d->id) {
                g_ptr_array_add(out, g_strdup(d->id));
            }
        }
        break;
    case QOM_OBJECTS:
        if (object_types(vm)) {
            objects_foreach(vm, qom_object_name, out);
        }
        break;
    case QOM_CHARDEVS:
        chardevs_foreach(vm, qom_chardev_name, out);
        break;
    default:
        break;
    }
    return out;
}

/* --- types ------------------------------------------------------------------------ */

static char *qom_cpu_type(Vm *vm, const Device *dev)
{
    const char *text = ((const X86Cpu *)dev)->features_text;
    bool wide = control_ops(vm)->long_mode(vm);
    g_autofree char *model =
        g_strndup(text ? text : "", text ? strcspn(text, ",") : 0);

    return g_strdup_printf("%s-%s-cpu",
                           *model ? model
                           : wide ? "qemu64"
                                  : "qemu32",
                           wide ? "x86_64" : "i386");
}

char *qom_type(Vm *vm, const QomNode *n)
{
    switch (n->kind) {
    case QOM_MACHINE:
        return n->dev ? g_strdup_printf("%s-machine",
                                        ((Machine *)n->dev)->mtype->name)
                      : g_strdup("none-machine");
    case QOM_DEVICE:
        return qom_is_vcpu(vm, n->dev) ? qom_cpu_type(vm, n->dev)
                                       : g_strdup(n->dev->type->name);
    case QOM_OBJECT:
        return g_strdup(n->object->type->name);
    case QOM_CHARDEV:
        return g_strdup("chardev");
    default:
        return g_strdup("container");
    }
}

const DeviceType *qom_device_type(Vm *vm, const char *name)
{
    const DeviceType *const *types = control_ops(vm)->device_types;

    for (unsigned i = 0; types && types[i]; i++) {
        if (strcmp(types[i]->name, name) == 0) {
            return types[i];
        }
    }
    for (const Device *d = vm->devices; d; d = d->next) {
        if (strcmp(d->type->name, name) == 0 && !qom_is_vcpu(vm, d)
            && d != (const Device *)machine_of(vm)) {
            return d->type;
        }
    }
    return NULL;
}

/* --- properties --------------------------------------------------------------------- */

static const char *prop_type(PropType type)
{
    static const char *const names[] = {
        [PROP_BOOL] = "bool",  [PROP_U8] = "uint8",   [PROP_U16] = "uint16",
        [PROP_U32] = "uint32", [PROP_U64] = "uint64", [PROP_I32] = "int32",
        [PROP_SIZE] = "size",  [PROP_STR] = "str",
    };

    return names[type];
}

static JsonNode *json_bool(bool v)
{
    return json_node_init_boolean(json_node_alloc(), v);
}

static JsonNode *json_int(int64_t v)
{
    return json_node_init_int(json_node_alloc(), v);
}

static JsonNode *json_str(const char *v)
{
    return json_node_init_string(json_node_alloc(), v);
}

/* A property's text in its own type. */
static JsonNode *prop_value(PropType type, const char *text)
{
    switch (type) {
    case PROP_BOOL:
        return json_bool(
            text && (strcmp(text, "on") == 0 || strcmp(text, "true") == 0));
    case PROP_STR:
        return json_str(text ? text : "");
    case PROP_I32:
        return json_int(text ? g_ascii_strtoll(text, NULL, 0) : 0);
    default:
        return json_int(text ? (int64_t)g_ascii_strtoull(text, NULL, 0) : 0);
    }
}

typedef struct FeatureVisit {
    QomPropVisit *visit;
    void *opaque;
} FeatureVisit;

static void qom_feature(void *opaque, const char *name, bool on)
{
    FeatureVisit *f = opaque;

    f->visit(f->opaque, name, "bool", NULL, json_bool(on));
}

static void qom_cpu_props(const X86Cpu *c, QomPropVisit *visit, void *opaque)
{
    FeatureVisit f = {visit, opaque};

    visit(opaque, "unavailable-features", "strList", NULL,
          json_node_init_array(json_node_alloc(), json_array_new()));
    visit(opaque, "apic-id", "uint32", NULL, json_int(c->apic_id));
    visit(opaque, "start-powered-off", "bool", NULL, json_bool(false));
    x86_features_foreach(c->features, qom_feature, &f);
}

static void qom_device_props(Vm *vm, const Device *dev, QomPropVisit *visit,
                             void *opaque)
{
    visit(opaque, "realized", "bool", NULL, json_bool(dev->realized));
    visit(opaque, "hotplugged", "bool", NULL, json_bool(false));
    visit(opaque, "hotpluggable", "bool", NULL, json_bool(false));
    for (const PropField *p = dev->type->props; p && p->type != PROP_END; p++) {
        g_autofree char *text = device_get_prop(dev, p->name);

        visit(opaque, p->name, prop_type(p->type), p->doc,
              prop_value(p->type, text));
    }
    if (qom_is_vcpu(vm, dev)) {
        qom_cpu_props((const X86Cpu *)dev, visit, opaque);
    }
}

void qom_props(Vm *vm, const QomNode *n, QomPropVisit *visit, void *opaque)
{
    g_autofree char *type = qom_type(vm, n);

    visit(opaque, "type", "string", NULL, json_str(type));
    if (n->kind == QOM_DEVICE || (n->kind == QOM_MACHINE && n->dev)) {
        qom_device_props(vm, n->dev, visit, opaque);
    }
    if (n->kind == QOM_OBJECT) {
        const ObjectProp *p = n->object->type->props;

        for (; p && p->name; p++) {
            const char *text = object_prop(n->object, p->name);

            visit(opaque, p->name, p->type, p->doc, json_str(text ? text : ""));
        }
    }
}

bool qom_is_cpu(Vm *vm, const char *name)
{
    const char *suffix =
        control_ops(vm)->long_mode(vm) ? "-x86_64-cpu" : "-i386-cpu";
    uint32_t features[X86_FEAT_COUNT];
    g_autofree char *model = NULL;

    if (!g_str_has_suffix(name, suffix)) {
        return false;
    }
    model = g_strndup(name, strlen(name) - strlen(suffix));
    return *model && !strpbrk(model, ",=")
           && x86_model_expand(model, control_ops(vm)->long_mode(vm), features,
                               NULL);
}

bool qom_type_props(Vm *vm, const char *name, QomPropVisit *visit, void *opaque)
{
    const DeviceType *type = qom_device_type(vm, name);
    FeatureVisit f = {visit, opaque};
    uint32_t none[X86_FEAT_COUNT] = {0};

    if (type) {
        for (const PropField *p = type->props; p && p->type != PROP_END; p++) {
            visit(opaque, p->name, prop_type(p->type), p->doc,
                  p->initial ? prop_value(p->type, p->initial) : NULL);
        }
        return true;
    }
    if (!qom_is_cpu(vm, name)) {
        return false;
    }
    x86_features_foreach(none, qom_feature, &f);
    visit(opaque, "unavailable-features", "strList", NULL, NULL);
    visit(opaque, "migratable", "bool", NULL, json_bool(true));
    visit(opaque, "apic-id", "uint32", NULL, NULL);
    return true;
}
