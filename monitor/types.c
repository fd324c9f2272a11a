/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types of QMP: looking them up and holding values against them. */
#include "monitor/types.h"

#include <string.h>

#include "core/error.h"
#include "monitor/command.h"

#define NESTED_MAX 32

const QmpType *type_find(const char *name)
{
    for (unsigned i = 0; qmp_type_tables[i]; i++) {
        for (const QmpType *t = qmp_type_tables[i]; t->name; t++) {
            if (strcmp(t->name, name) == 0) {
                return t;
            }
        }
    }
    return NULL;
}

char **type_values(const char *type)
{
    const QmpType *t = type_find(type);

    g_assert(t && t->meta == QMP_ENUM);
    return g_strsplit(t->text, " ", -1);
}

bool type_has(const char *type, const char *value)
{
    g_auto(GStrv) values = type_values(type);

    return g_strv_contains((const char *const *)values, value);
}

static void member_copy(char out[64], const char *from, size_t size)
{
    g_assert(size < 64);
    memcpy(out, from, size);
    out[size] = 0;
}

bool member_next(const char **at, QmpMember *out)
{
    const char *p = *at ? *at : "";
    size_t name, type;

    p += strspn(p, " ");
    if (!*p) {
        return false;
    }
    name = strcspn(p, "?: ");
    member_copy(out->name, p, name);
    p += name;
    out->optional = *p == '?';
    p += out->optional;
    out->type[0] = 0;
    if (*p == ':') {
        p++;
        type = strcspn(p, " ");
        member_copy(out->type, p, type);
        p += type;
    }
    *at = p;
    return true;
}

/* --- holding a value against a type -------------------------------------------- */

/* What a JSON value is called, and what types are made of it. */
static const char *type_kind(const char *type)
{
    static const struct {
        const char *type, *kind;
    } builtins[] = {
        {"str", "string"},   {"int", "integer"}, {"number", "number"},
        {"bool", "boolean"}, {"null", "null"},
    };
    const QmpType *t;

    for (unsigned i = 0; i < G_N_ELEMENTS(builtins); i++) {
        if (strcmp(type, builtins[i].type) == 0) {
            return builtins[i].kind;
        }
    }
    if (type[0] == '[') {
        return "array";
    }
    t = type_find(type);
    g_assert(t); /* a row names a type that is not there */
    return t->meta == QMP_ENUM ? "string" : "object";
}

static bool type_fits_kind(const char *kind, JsonNode *value)
{
    GType held = JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value)
                                              : G_TYPE_INVALID;

    switch (kind[0]) {
    case 's':
        return held == G_TYPE_STRING;
    case 'i':
        return held == G_TYPE_INT64;
    case 'b':
        return held == G_TYPE_BOOLEAN;
    case 'a':
        return JSON_NODE_HOLDS_ARRAY(value);
    case 'o':
        return JSON_NODE_HOLDS_OBJECT(value);
    default:
        return kind[1] == 'u' && kind[2] == 'l'
                   ? JSON_NODE_HOLDS_NULL(value)
                   : held == G_TYPE_INT64 || held == G_TYPE_DOUBLE;
    }
}

static bool type_fail_kind(const char *name, const char *kind, GError **error)
{
    return fail(error, "Invalid parameter type for '%s', expected: %s", name,
                kind);
}

static bool type_check_depth(const char *type, const char *name,
                             JsonNode *value, unsigned depth, GError **error);

static bool type_check_array(const char *type, const char *name,
                             JsonNode *value, unsigned depth, GError **error)
{
    g_autofree char *of = g_strndup(type + 1, strlen(type) - 2);
    JsonArray *a = json_node_get_array(value);

    for (guint i = 0; i < json_array_get_length(a); i++) {
        g_autofree char *at = g_strdup_printf("%s[%u]", name, i);

        if (!type_check_depth(of, at, json_array_get_element(a, i), depth + 1,
                              error)) {
            return false;
        }
    }
    return true;
}

static bool type_check_enum(const QmpType *t, const char *name, JsonNode *value,
                            GError **error)
{
    const char *text = json_node_get_string(value);
    g_auto(GStrv) values = g_strsplit(t->text, " ", -1);
    const char *near;

    if (g_strv_contains((const char *const *)values, text)) {
        return true;
    }
    near = nearest_match(text, (const char *const *)values);
    return near ? fail(error,
                       "Parameter '%s' does not accept value '%s', did you "
                       "mean '%s'?",
                       name, text, near)
                : fail(error, "Parameter '%s' does not accept value '%s'", name,
                       text);
}

/* Members of @list that are there have their types, the others are optional;
 * notes them in @seen. */
static bool type_check_members(const char *list, const char *name,
                               JsonObject *o, GHashTable *seen, unsigned depth,
                               GError **error)
{
    QmpMember m;

    while (member_next(&list, &m)) {
        JsonNode *value = json_object_get_member(o, m.name);
        g_autofree char *at =
            *name ? g_strdup_printf("%s.%s", name, m.name) : g_strdup(m.name);

        if (value) {
            g_hash_table_add(seen, g_strdup(m.name));
            if (!type_check_depth(m.type, at, value, depth + 1, error)) {
                return false;
            }
        } else if (!m.optional) {
            return fail(error, "Parameter '%s' is missing", at);
        }
    }
    return true;
}

/* The type whose members a union's tag adds; NULL: none. */
static char *type_case(const QmpType *t, JsonObject *o)
{
    const char *value =
        json_object_get_string_member_with_default(o, t->tag, NULL);
    const char *cases = t->cases;
    QmpMember m;

    while (value && member_next(&cases, &m)) {
        if (strcmp(m.name, value) == 0) {
            return g_strdup(m.type);
        }
    }
    return NULL;
}

static bool type_check_object(const QmpType *t, const char *name, JsonObject *o,
                              GHashTable *seen, unsigned depth, GError **error)
{
    g_autofree char *more = NULL;

    if (!type_check_members(t->text, name, o, seen, depth, error)) {
        return false;
    }
    more = t->meta == QMP_UNION ? type_case(t, o) : NULL;
    return !more
           || type_check_object(type_find(more), name, o, seen, depth, error);
}

static bool type_check_no_more(const char *name, JsonObject *o,
                               GHashTable *seen, GError **error)
{
    JsonObjectIter iter;
    const char *member;
    JsonNode *value;

    json_object_iter_init_ordered(&iter, o);
    while (json_object_iter_next_ordered(&iter, &member, &value)) {
        if (!g_hash_table_contains(seen, member)) {
            return fail(error, "Parameter '%s%s%s' is unexpected", name,
                        *name ? "." : "", member);
        }
    }
    return true;
}

static bool type_check_struct(const QmpType *t, const char *name,
                              JsonNode *value, unsigned depth, GError **error)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    JsonObject *o = json_node_get_object(value);

    return type_check_object(t, name, o, seen, depth, error)
           && type_check_no_more(name, o, seen, error);
}

static bool type_check_alternate(const QmpType *t, const char *name,
                                 JsonNode *value, unsigned depth,
                                 GError **error)
{
    g_auto(GStrv) types = g_strsplit(t->text, " ", -1);

    for (unsigned i = 0; types[i]; i++) {
        if (type_fits_kind(type_kind(types[i]), value)) {
            return type_check_depth(types[i], name, value, depth + 1, error);
        }
    }
    return type_fail_kind(name, t->name, error);
}

static bool type_check_depth(const char *type, const char *name,
                             JsonNode *value, unsigned depth, GError **error)
{
    const QmpType *t;
    const char *kind;

    if (depth > NESTED_MAX) {
        return fail(error, "Parameter '%s' is nested too deeply", name);
    }
    if (strcmp(type, "any") == 0) {
        return true;
    }
    t = type_find(type);
    if (t && t->meta == QMP_ALTERNATE) {
        return type_check_alternate(t, name, value, depth, error);
    }
    kind = type_kind(type);
    if (!type_fits_kind(kind, value)) {
        return type_fail_kind(name, kind, error);
    }
    if (kind[0] == 'a') {
        return type_check_array(type, name, value, depth, error);
    }
    if (!t) {
        return true;
    }
    return t->meta == QMP_ENUM
               ? type_check_enum(t, name, value, error)
               : type_check_struct(t, name, value, depth, error);
}

bool type_check(const char *type, const char *name, JsonNode *value,
                GError **error)
{
    return type_check_depth(type, name, value, 0, error);
}
