/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as a tree of objects, for qom-* and for `info`. */
#ifndef MONITOR_QOM_PRIV_H
#define MONITOR_QOM_PRIV_H

#include "core/object.h"
#include "monitor/command.h"

typedef enum QomKind {
    QOM_NONE,
    QOM_ROOT,
    QOM_MACHINE,
    QOM_UNATTACHED, /* what boards make */
    QOM_PERIPHERAL, /* what has an id */
    QOM_ANON,       /* for clients: always empty */
    QOM_OBJECTS,
    QOM_CHARDEVS,
    QOM_DEVICE,
    QOM_OBJECT,
    QOM_CHARDEV,
} QomKind;

typedef struct QomNode {
    QomKind kind;
    Device *dev;    /* borrowed: QOM_DEVICE, QOM_MACHINE */
    Object *object; /* borrowed: QOM_OBJECT */
} QomNode;

/** qom_find() - "/machine/peripheral/ID"; QOM_NONE and DeviceNotFound */
QomNode qom_find(Vm *vm, const char *path, GError **error);
/** qom_path() - of a device; owned by the caller */
char *qom_path(Vm *vm, const Device *dev);
/** qom_type() - owned by the caller */
char *qom_type(Vm *vm, const QomNode *n);
/** qom_children() - their names; owned by the caller */
GPtrArray *qom_children(Vm *vm, const QomNode *n);

/* A property: its type as QMP shows it, its value as JSON (NULL: unknown type,
 * no device). */
typedef void QomPropVisit(void *opaque, const char *name, const char *type,
                          const char *doc, JsonNode *value);
/** qom_props() - of a node; @visit owns the value */
void qom_props(Vm *vm, const QomNode *n, QomPropVisit *visit, void *opaque);
/** qom_type_props() - of a type of devices; the value is the default or NULL */
bool qom_type_props(Vm *vm, const char *name, QomPropVisit *visit,
                    void *opaque);
/** qom_device_type() - of the registry or of a present device; NULL: none */
const DeviceType *qom_device_type(Vm *vm, const char *name);
/** qom_is_cpu() - "qemu64-x86_64-cpu" */
bool qom_is_cpu(Vm *vm, const char *name);

#endif
