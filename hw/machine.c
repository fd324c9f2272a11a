/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machines by name, and the blobs of the present one. */
#include "hw/machine.h"

#include <string.h>

#include "hw/pc.h"

/* No vCPU, no memory: for programs that only ask what there is. */
static const StateField none_state[] = {
    WIRE(Machine, mtype),
    WIRE(Machine, blobs),
    STATE_END,
};

static void none_unrealize(Device *dev)
{
    machine_fini((Machine *)dev);
}

static const DeviceType none_type = {
    .name = "none",
    .size = sizeof(Machine),
    .state = none_state,
    .bus = MACHINE_BUS,
    .doc = "empty machine",
    .unrealize = none_unrealize,
};

static bool none_build(Vm *vm, const MachineConfig *cfg, GError **error);

static const MachineType none_machine = {
    .name = "none",
    .doc = "empty machine",
    .build = none_build,
};

static bool none_build(Vm *vm, const MachineConfig *cfg, GError **error)
{
    Machine *m = (Machine *)device_new(vm, &none_type, NULL, "none");

    machine_init(m, &none_machine);
    if (cfg->device_count) {
        return fail(error, "-device %s: -machine none has no bus",
                    cfg->devices[0].driver);
    }
    return device_realize(&m->dev, error);
}

const MachineType *const machine_types[] = {
    &pc_machine,
    &none_machine,
    NULL,
};

/* pc-i440fx-N.N: one board for all of them */
static bool is_versioned_pc(const char *name)
{
    static const char prefix[] = "pc-i440fx-";
    const char *p = name + strlen(prefix);
    unsigned dots = 0, digits = 0;

    if (!g_str_has_prefix(name, prefix)) {
        return false;
    }
    for (; *p; p++) {
        if (*p == '.' && digits > 0) {
            dots++;
            digits = 0;
        } else if (g_ascii_isdigit(*p)) {
            digits++;
        } else {
            return false;
        }
    }
    return dots == 1 && digits > 0;
}

const MachineType *machine_find(const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (unsigned i = 0; machine_types[i]; i++) {
        const MachineType *t = machine_types[i];

        if (g_str_equal(name, t->name)
            || (t->alias && g_str_equal(name, t->alias))) {
            return t;
        }
        g_ptr_array_add(names, (gpointer)(uintptr_t)t->name);
        if (t->alias) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)t->alias);
        }
    }
    if (is_versioned_pc(name)) {
        return &pc_machine;
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    if (near) {
        fail(error,
             "-machine %s: no such machine, did you mean '%s'? "
             "(-machine help lists them)",
             name, near);
    } else {
        fail(error, "-machine %s: no such machine (-machine help lists them)",
             name);
    }
    return NULL;
}

void machine_help(GString *out)
{
    g_string_append(out, "Supported machines are:\n");
    for (unsigned i = 0; machine_types[i]; i++) {
        const MachineType *t = machine_types[i];

        if (t->alias) {
            g_string_append_printf(out, "%-20s %s (alias of %s)\n", t->alias,
                                   t->doc, t->name);
        }
        g_string_append_printf(out, "%-20s %s%s\n", t->name, t->doc,
                               i == 0 ? " (default)" : "");
    }
}

Machine *machine_of(Vm *vm)
{
    for (Device *d = vm->devices; d; d = d->next) {
        if (d->type->bus && g_str_equal(d->type->bus, MACHINE_BUS)) {
            return (Machine *)d;
        }
    }
    return NULL;
}

/* --- blobs ---------------------------------------------------------------- */

static void blob_free(gpointer p)
{
    MachineBlob *b = p;

    g_free(b->name);
    g_bytes_unref(b->data);
    g_free(b);
}

void machine_init(Machine *m, const MachineType *type)
{
    m->mtype = type;
    m->blobs = g_ptr_array_new_with_free_func(blob_free);
}

void machine_fini(Machine *m)
{
    if (m->blobs) {
        g_ptr_array_free(m->blobs, TRUE);
    }
}

void machine_blob_add(Vm *vm, const char *name, BlobKind kind, GBytes *data)
{
    MachineBlob *b = g_new0(MachineBlob, 1);

    b->name = g_strdup(name);
    b->kind = kind;
    b->data = g_bytes_ref(data);
    g_ptr_array_add(machine_of(vm)->blobs, b);
}

GBytes *machine_blob_load(Vm *vm, const MachineConfig *cfg, const char *name,
                          BlobKind kind, const char *path, GError **error)
{
    GBytes *data;

    if (!cfg->blobs) {
        fail(error, "%s: '%s' is wanted, but there are no files", name, path);
        return NULL;
    }
    data = cfg->blobs->load(cfg->blobs->opaque, name, kind, path, error);
    if (data) {
        machine_blob_add(vm, name, kind, data);
    }
    return data;
}

GBytes *machine_blob_made(Vm *vm, const MachineConfig *cfg, const char *name,
                          const void *data, size_t size)
{
    GBytes *blob = NULL;

    if (cfg->blobs && cfg->blobs->replace) {
        blob = cfg->blobs->replace(cfg->blobs->opaque, name);
    }
    if (!blob) {
        blob = g_bytes_new(data, size);
    }
    machine_blob_add(vm, name, BLOB_FIRMWARE, blob);
    return blob;
}

void machine_blob_foreach(Vm *vm, MachineBlobVisit *visit, void *opaque)
{
    Machine *m = machine_of(vm);

    for (guint i = 0; m && i < m->blobs->len; i++) {
        visit(opaque, g_ptr_array_index(m->blobs, i));
    }
}

/* --- devices and buttons -------------------------------------------------- */

Device *machine_device_new(Vm *vm, const MachineConfig *cfg,
                           const DeviceType *type, Device *parent,
                           const char *name, GError **error)
{
    Device *dev = device_new(vm, type, parent, name);

    for (unsigned i = 0; i < cfg->global_count; i++) {
        const GlobalSpec *g = &cfg->globals[i];

        if (g_str_equal(g->driver, type->name)
            && !device_set_prop(dev, g->prop, g->value, error)) {
            fail_prefix(error, "-global %s.%s=%s", g->driver, g->prop,
                        g->value);
            return NULL;
        }
    }
    return dev;
}

void machine_powerdown(Vm *vm)
{
    Machine *m = machine_of(vm);

    if (m && m->mtype->powerdown) {
        m->mtype->powerdown(vm);
    }
}

void machine_nmi(Vm *vm)
{
    Machine *m = machine_of(vm);

    if (m && m->mtype->nmi) {
        m->mtype->nmi(vm);
    }
}
