/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects of -object and object-add: secrets, sources of entropy, memory back
 * ends... A type is a row; what an object needs to do it does when it is made.
 */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "core/keyval.h"

typedef struct Object Object;

typedef struct ObjectProp {
    const char *name;
    const char *type; /* as in QMP: "string", "boolean", "number", "size" */
    const char *doc;
    bool required;
} ObjectProp;

typedef struct ObjectType {
    const char *name;        /* qom-type */
    const char *refused;     /* why there is none of these; NULL: there is */
    const ObjectProp *props; /* ends with a NULL name; NULL: none */
    const char *doc;
    /* Check the values, set .data; NULL: nothing to do. Thread: I/O. */
    bool (*make)(Object *o, GError **error);
    GDestroyNotify free_data; /* NULL: there is none */
} ObjectType;

struct Object {
    const ObjectType *type;
    char *id;       /* owned */
    KeyVals props;  /* without qom-type and id; defaults are not filled in */
    void *data;     /* owned: the type's own */
    unsigned users; /* devices that refer to it: it cannot be removed */
};

/** objects_init() - the types of this program, ended by a NULL name */
void objects_init(Vm *vm, const ObjectType *types);
void objects_fini(Vm *vm);
const ObjectType *object_types(const Vm *vm);
/** object_add() - "qom-type=T,id=ID,prop=value..."; takes what is in @kv */
bool object_add(Vm *vm, KeyVals *kv, GError **error);
bool object_del(Vm *vm, const char *id, GError **error);
/** object_find() - @type NULL: of any type; NULL when there is no such */
Object *object_find(Vm *vm, const char *id, const char *type);
/** object_prop() - as it was given, NULL when it was not */
const char *object_prop(const Object *o, const char *name);
typedef void ObjectVisit(void *opaque, Object *o);
/** objects_foreach() - in the order they were made */
void objects_foreach(Vm *vm, ObjectVisit *visit, void *opaque);
/** object_help() - `-object help` and `-object TYPE,help` (@type NULL: all) */
bool object_help(const ObjectType *types, const char *type, GString *out,
                 GError **error);

#endif
