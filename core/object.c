/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects by id, and the rows they are made from. */
#include "core/object.h"

#include <string.h>

#include "core/error.h"
#include "core/vm.h"

struct ObjectList {
    const ObjectType *types; /* borrowed */
    GPtrArray *all;          /* owned: Object * */
};

static void object_free(gpointer p)
{
    Object *o = p;

    if (o->data && o->type->free_data) {
        o->type->free_data(o->data);
    }
    keyvals_clear(&o->props);
    g_free(o->id);
    g_free(o);
}

void objects_init(Vm *vm, const ObjectType *types)
{
    objects_fini(vm);
    vm->objects = g_new0(struct ObjectList, 1);
    vm->objects->types = types;
    vm->objects->all = g_ptr_array_new_with_free_func(object_free);
}

void objects_fini(Vm *vm)
{
    if (vm->objects) {
        g_ptr_array_unref(vm->objects->all);
        g_clear_pointer(&vm->objects, g_free);
    }
}

const ObjectType *object_types(const Vm *vm)
{
    static const ObjectType none[] = {{NULL}};

    return vm->objects ? vm->objects->types : none;
}

Object *object_find(Vm *vm, const char *id, const char *type)
{
    for (guint i = 0; vm->objects && i < vm->objects->all->len; i++) {
        Object *o = g_ptr_array_index(vm->objects->all, i);

        if (strcmp(o->id, id) == 0
            && (!type || strcmp(o->type->name, type) == 0)) {
            return o;
        }
    }
    return NULL;
}

const char *object_prop(const Object *o, const char *name)
{
    const char *value = NULL;

    for (guint i = 0; i < o->props.items->len; i++) {
        const KeyVal *kv = &g_array_index(o->props.items, KeyVal, i);

        value = strcmp(kv->key, name) == 0 ? kv->value : value;
    }
    return value;
}

void objects_foreach(Vm *vm, ObjectVisit *visit, void *opaque)
{
    for (guint i = 0; vm->objects && i < vm->objects->all->len; i++) {
        visit(opaque, g_ptr_array_index(vm->objects->all, i));
    }
}

/* --- making --------------------------------------------------------------- */

static const ObjectType *object_type(const ObjectType *types, const char *name,
                                     GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (const ObjectType *t = types; t->name; t++) {
        if (strcmp(t->name, name) == 0) {
            if (t->refused) {
                fail(error, "%s: %s", name, t->refused);
            }
            return t->refused ? NULL : t;
        }
        if (!t->refused) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)t->name);
        }
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    if (near) {
        fail(error, "%s: no such object type, did you mean '%s'?", name, near);
    } else {
        fail(error, "%s: no such object type (-object help lists them)", name);
    }
    return NULL;
}

static bool object_value_good(const ObjectProp *p, const char *value,
                              GError **error)
{
    uint64_t number;
    bool flag;

    if (strcmp(p->type, "boolean") == 0) {
        return parse_bool(value, &flag)
               || fail(error, "%s=%s: expected on or off", p->name, value);
    }
    if (strcmp(p->type, "number") == 0) {
        return parse_u64(value, UINT64_MAX, &number)
               || fail(error, "%s=%s: expected a number", p->name, value);
    }
    if (strcmp(p->type, "size") == 0) {
        return parse_size(value, 1, &number)
               || fail(error, "%s=%s: expected a size such as 512M", p->name,
                       value);
    }
    return true;
}

static bool object_take_props(Object *o, KeyVals *kv, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const ObjectProp *p = o->type->props; p && p->name; p++) {
        const char *value = keyvals_take(kv, p->name);
        KeyVal item = {.key = g_strdup(p->name), .value = g_strdup(value)};

        g_ptr_array_add(names, (gpointer)(uintptr_t)p->name);
        if (value) {
            g_array_append_val(o->props.items, item);
        } else {
            g_free(item.key);
        }
        if (value && !object_value_good(p, value, error)) {
            return false;
        }
        if (!value && p->required) {
            return fail(error, "%s: needs %s=", o->type->name, p->name);
        }
    }
    g_ptr_array_add(names, NULL);
    return keyvals_done(kv, (const char *const *)names->pdata, error);
}

static bool id_good(const char *id)
{
    if (!g_ascii_isalpha(*id)) {
        return false;
    }
    for (const char *p = id; *p; p++) {
        if (!g_ascii_isalnum(*p) && !strchr("-._", *p)) {
            return false;
        }
    }
    return true;
}

bool object_add(Vm *vm, KeyVals *kv, GError **error)
{
    const char *type_name = keyvals_take(kv, "qom-type");
    const char *id = keyvals_take(kv, "id");
    const ObjectType *type;
    Object *o;

    if (!type_name) {
        return fail(error, "needs a type (-object help lists them)");
    }
    type = object_type(object_types(vm), type_name, error);
    if (!type) {
        return false;
    }
    if (!id || !id_good(id)) {
        return fail(error,
                    "%s: needs an id= that begins with a letter and has "
                    "letters, digits, '-', '.' and '_' only",
                    type_name);
    }
    if (object_find(vm, id, NULL)) {
        return fail(error, "%s: there is an object '%s' already", type_name,
                    id);
    }
    o = g_new0(Object, 1);
    o->type = type;
    o->id = g_strdup(id);
    keyvals_parse(&o->props, "", NULL);
    if (!object_take_props(o, kv, error)
        || (type->make && !type->make(o, error))) {
        object_free(o);
        return false;
    }
    g_ptr_array_add(vm->objects->all, o);
    return true;
}

bool object_del(Vm *vm, const char *id, GError **error)
{
    Object *o = object_find(vm, id, NULL);

    if (!o) {
        return fail(error, "there is no object '%s'", id);
    }
    if (o->users) {
        return fail(error, "object '%s' is in use", id);
    }
    g_ptr_array_remove(vm->objects->all, o);
    return true;
}

/* --- help ----------------------------------------------------------------- */

bool object_help(const ObjectType *types, const char *type, GString *out,
                 GError **error)
{
    const ObjectType *one = NULL;

    if (!type) {
        g_string_append(out, "List of user creatable objects:\n");
        for (const ObjectType *t = types; t->name; t++) {
            if (!t->refused) {
                g_string_append_printf(out, "  %-22s %s\n", t->name, t->doc);
            }
        }
        return true;
    }
    one = object_type(types, type, error);
    if (!one) {
        return false;
    }
    g_string_append_printf(out, "%s options:\n", type);
    for (const ObjectProp *p = one->props; p && p->name; p++) {
        g_string_append_printf(out, "  %s=<%s> - %s%s\n", p->name, p->type,
                               p->doc, p->required ? " (required)" : "");
    }
    return true;
}
