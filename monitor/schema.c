/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-qmp-schema, from the rows of commands, events and types. */
#include <string.h>

#include "monitor/command.h"
#include "monitor/event.h"

#define SCHEMA_EMPTY "nothing" /* the object without members */

typedef struct Schema {
    JsonArray *out;
    GHashTable *known; /* owned: names that are in @out or waiting */
    GQueue waiting;    /* owned: names to be written */
} Schema;

/* A reference to @type: it is written sooner or later. */
static void schema_want(Schema *s, const char *type)
{
    if (!g_hash_table_contains(s->known, type)) {
        char *name = g_strdup(type);

        g_hash_table_add(s->known, name);
        g_queue_push_tail(&s->waiting, name);
    }
}

static JsonObject *schema_entry(Schema *s, const char *name, const char *meta)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "meta-type", meta);
    json_array_add_object_element(s->out, o);
    return o;
}

static void schema_member(Schema *s, JsonArray *members, const char *name,
                          const char *type, bool optional)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "type", type);
    if (optional) {
        json_object_set_null_member(o, "default");
    }
    json_array_add_object_element(members, o);
    schema_want(s, type);
}

static void schema_members(Schema *s, JsonObject *entry, const char *list)
{
    JsonArray *members = json_array_new();
    QmpMember m;

    while (member_next(&list, &m)) {
        schema_member(s, members, m.name, m.type, m.optional);
    }
    json_object_set_array_member(entry, "members", members);
}

static bool schema_builtin(Schema *s, const char *type)
{
    static const char *const rows[][2] = {
        {"str", "string"},   {"int", "int"},   {"number", "number"},
        {"bool", "boolean"}, {"null", "null"}, {"any", "value"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(type, rows[i][0]) == 0) {
            json_object_set_string_member(schema_entry(s, type, "builtin"),
                                          "json-type", rows[i][1]);
            return true;
        }
    }
    return false;
}

static void schema_enum(Schema *s, const QmpType *t)
{
    JsonObject *entry = schema_entry(s, t->name, "enum");
    g_auto(GStrv) names = g_strsplit(t->text, " ", -1);
    JsonArray *members = json_array_new(), *values = json_array_new();

    for (unsigned i = 0; names[i]; i++) {
        JsonObject *o = json_object_new();

        json_object_set_string_member(o, "name", names[i]);
        json_array_add_object_element(members, o);
        json_array_add_string_element(values, names[i]);
    }
    json_object_set_array_member(entry, "members", members);
    json_object_set_array_member(entry, "values", values);
}

/* Every value of the tag has a case. */
static void schema_variants(Schema *s, JsonObject *entry, const QmpType *t)
{
    JsonArray *variants = json_array_new();
    g_auto(GStrv) values = NULL;
    const char *members = t->text;
    QmpMember m;

    while (member_next(&members, &m) && strcmp(m.name, t->tag) != 0) {
    }
    values = type_values(m.type);
    for (unsigned i = 0; values[i]; i++) {
        JsonObject *o = json_object_new();
        const char *cases = t->cases, *type = SCHEMA_EMPTY;

        while (member_next(&cases, &m)) {
            if (strcmp(m.name, values[i]) == 0) {
                type = m.type;
                break;
            }
        }
        json_object_set_string_member(o, "case", values[i]);
        json_object_set_string_member(o, "type", type);
        schema_want(s, type);
        json_array_add_object_element(variants, o);
    }
    json_object_set_string_member(entry, "tag", t->tag);
    json_object_set_array_member(entry, "variants", variants);
}

static void schema_alternate(Schema *s, const QmpType *t)
{
    JsonObject *entry = schema_entry(s, t->name, "alternate");
    g_auto(GStrv) types = g_strsplit(t->text, " ", -1);
    JsonArray *members = json_array_new();

    for (unsigned i = 0; types[i]; i++) {
        JsonObject *o = json_object_new();

        json_object_set_string_member(o, "type", types[i]);
        schema_want(s, types[i]);
        json_array_add_object_element(members, o);
    }
    json_object_set_array_member(entry, "members", members);
}

static void schema_type(Schema *s, const char *type)
{
    const QmpType *t;
    JsonObject *entry;

    if (type[0] == '[') {
        g_autofree char *of = g_strndup(type + 1, strlen(type) - 2);

        json_object_set_string_member(schema_entry(s, type, "array"),
                                      "element-type", of);
        schema_want(s, of);
        return;
    }
    if (strcmp(type, SCHEMA_EMPTY) == 0) {
        schema_members(s, schema_entry(s, type, "object"), "");
        return;
    }
    if (schema_builtin(s, type)) {
        return;
    }
    t = type_find(type);
    g_assert(t); /* a row names a type that is not there */
    switch (t->meta) {
    case QMP_ENUM:
        schema_enum(s, t);
        break;
    case QMP_ALTERNATE:
        schema_alternate(s, t);
        break;
    default:
        entry = schema_entry(s, t->name, "object");
        schema_members(s, entry, t->text);
        if (t->meta == QMP_UNION) {
            schema_variants(s, entry, t);
        }
        break;
    }
}

static void schema_command(Schema *s, const CmdRow *row)
{
    JsonObject *entry = schema_entry(s, row->qmp, "command"), *args = NULL;
    g_autofree char *name = g_strdup_printf("%s-arg", row->qmp);
    JsonArray *members = json_array_new();

    for (const CmdArg *a = row->args; a && a->name; a++) {
        if (cmd_arg_type(a)) {
            schema_member(s, members, a->name, cmd_arg_type(a), a->optional);
        }
    }
    if (json_array_get_length(members)) {
        args = schema_entry(s, name, "object");
        json_object_set_array_member(args, "members", members);
    } else {
        json_array_unref(members);
    }
    json_object_set_string_member(entry, "arg-type",
                                  args ? name : SCHEMA_EMPTY);
    json_object_set_string_member(entry, "ret-type",
                                  row->of ? row->of : SCHEMA_EMPTY);
    schema_want(s, row->of ? row->of : SCHEMA_EMPTY);
    if (row->flags & CMD_OOB) {
        json_object_set_boolean_member(entry, "allow-oob", TRUE);
    }
}

static void schema_event(Schema *s, const EventRow *row)
{
    JsonObject *entry = schema_entry(s, row->name, "event"), *args;
    g_autofree char *name = g_strdup_printf("%s-arg", row->name);

    json_object_set_string_member(entry, "arg-type",
                                  row->members ? name : SCHEMA_EMPTY);
    if (row->members) {
        args = schema_entry(s, name, "object");
        schema_members(s, args, row->members);
    }
}

JsonArray *schema_array(void)
{
    Schema s = {
        .out = json_array_new(),
        .known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .waiting = G_QUEUE_INIT,
    };
    CmdIter it = {0};
    const CmdRow *r;
    const char *name;

    schema_want(&s, SCHEMA_EMPTY);
    while ((r = cmd_next(&it))) {
        if (r->qmp && !(r->flags & CMD_LATER)) {
            schema_command(&s, r);
        }
    }
    for (const EventRow *e = event_rows; e->name; e++) {
        schema_event(&s, e);
    }
    while ((name = g_queue_pop_head(&s.waiting))) {
        schema_type(&s, name);
    }
    g_hash_table_unref(s.known);
    return s.out;
}
