/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor for programs: JSON in, JSON out. */
#include <string.h>

#include "config.h"
#include "hw/keys.h"
#include "monitor/monitor_priv.h"

#define KEYS_MAX 16

/* --- sending ---------------------------------------------------------------------- */

static void qmp_send(Monitor *m, JsonObject *o)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);

    json_print(node, text, m->mode == MONITOR_QMP_PRETTY);
    g_string_append(text, "\r\n");
    mon_write(m, text->str);
}

static void qmp_send_return(Monitor *m, JsonNode *id, JsonNode *value)
{
    JsonObject *o = json_object_new();

    if (value) {
        json_object_set_member(o, "return", json_node_copy(value));
    } else {
        json_object_set_object_member(o, "return", json_object_new());
    }
    if (id) {
        json_object_set_member(o, "id", json_node_copy(id));
    }
    qmp_send(m, o);
    json_object_unref(o);
}

static void qmp_send_error(Monitor *m, JsonNode *id, const char *class,
                           const char *desc)
{
    JsonObject *o = json_object_new(), *e = json_object_new();

    json_object_set_string_member(e, "class", class);
    json_object_set_string_member(e, "desc", desc);
    json_object_set_object_member(o, "error", e);
    if (id) {
        json_object_set_member(o, "id", json_node_copy(id));
    }
    qmp_send(m, o);
    json_object_unref(o);
}

void qmp_greet(Monitor *m)
{
    g_autofree char *text = g_strdup(
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2,"
        " \"major\": 7}, \"package\": \"Reprise " REPRISE_VERSION
        "\"}, \"capabilities\": []}}");
    g_autoptr(JsonNode) node = json_from_string(text, NULL);

    if (!m->framer) {
        m->framer = framer_new();
    }
    framer_reset(m->framer);
    qmp_send(m, json_node_get_object(node));
}

void qmp_event_text(GString *out, const char *name, const char *data,
                    int64_t real_us, bool pretty)
{
    g_autoptr(JsonNode) node = NULL;
    JsonObject *o = json_object_new(), *t = json_object_new();
    JsonNode *value = data ? json_from_string(data, NULL) : NULL;

    json_object_set_int_member(t, "seconds", real_us / 1000000);
    json_object_set_int_member(t, "microseconds", real_us % 1000000);
    json_object_set_object_member(o, "timestamp", t);
    json_object_set_string_member(o, "event", name);
    if (value) {
        json_object_set_member(o, "data", value);
    }
    node = json_node_init_object(json_node_alloc(), o);
    json_object_unref(o);
    json_print(node, out, pretty);
    g_string_append(out, "\r\n");
}

/* --- arguments --------------------------------------------------------------------- */

static const CmdArg *qmp_arg(const CmdRow *row, const char *name)
{
    for (const CmdArg *a = row->args; a && a->name; a++) {
        if (strcmp(a->name, name) == 0 && a->type != ARG_FLAG
            && a->type != ARG_FMT) {
            return a;
        }
    }
    return NULL;
}

static bool qmp_unknown_arg(const CmdRow *row, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (const CmdArg *a = row->args; a && a->name; a++) {
        g_ptr_array_add(names, (gpointer)(uintptr_t)a->name);
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    return near ? fail(error, "%s has no argument '%s', did you mean '%s'?",
                       row->qmp, name, near)
                : fail(error, "%s has no argument '%s'", row->qmp, name);
}

static bool qmp_wrong_type(const CmdArg *arg, GError **error)
{
    static const char *const types[] = {
        [ARG_STR] = "a string",          [ARG_REST] = "a string",
        [ARG_INT] = "an integer",        [ARG_BOOL] = "true or false",
        [ARG_KEYS] = "an array of keys", [ARG_LIST] = "an array of strings",
    };

    return fail(error, "argument '%s' is to be %s", arg->name,
                types[arg->type]);
}

/* {"type": "qcode", "data": "a"} or {"type": "number", "data": 30} */
static const char *qmp_key(JsonNode *node, GError **error)
{
    JsonObject *o =
        JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *type = NULL;
    JsonNode *data;

    if (o && json_object_has_member(o, "type")
        && json_node_get_value_type(json_object_get_member(o, "type"))
               == G_TYPE_STRING) {
        type = json_object_get_string_member(o, "type");
    }
    data = o ? json_object_get_member(o, "data") : NULL;
    if (!type || !data || !JSON_NODE_HOLDS_VALUE(data)) {
        fail(error, "a key is to be an object with 'type' and 'data'");
        return NULL;
    }
    if (strcmp(type, "qcode") == 0
        && json_node_get_value_type(data) == G_TYPE_STRING) {
        return json_node_get_string(data);
    }
    if (strcmp(type, "number") == 0
        && json_node_get_value_type(data) == G_TYPE_INT64) {
        int64_t number = json_node_get_int(data);

        for (int k = KEY_NONE + 1; number > 0 && k < KEY_COUNT; k++) {
            /* 0x80 and more: the key with the prefix 0xe0 */
            uint16_t set1 = key_codes((KeyCode)k)->set1;

            if (number == (set1 >> 8 == 0xe0 ? (set1 & 0x7f) | 0x80 : set1)) {
                return key_name((KeyCode)k);
            }
        }
        fail(error, "there is no key of number %" PRId64, number);
        return NULL;
    }
    fail(error,
         "a key's type is 'qcode' with a name or 'number' with a number");
    return NULL;
}

static bool qmp_keys(const CmdArg *arg, JsonNode *value, JsonObject *args,
                     GError **error)
{
    JsonArray *in = json_node_get_array(value), *out;
    guint n = json_array_get_length(in);

    if (n == 0 || n > KEYS_MAX) {
        return fail(error, "argument '%s' is to be 1 to %d keys", arg->name,
                    KEYS_MAX);
    }
    out = json_array_new();
    for (guint i = 0; i < n; i++) {
        const char *name = qmp_key(json_array_get_element(in, i), error);

        if (!name) {
            json_array_unref(out);
            return false;
        }
        json_array_add_string_element(out, name);
    }
    json_object_set_array_member(args, arg->name, out);
    return true;
}

static bool qmp_strings(JsonNode *value)
{
    JsonArray *a =
        JSON_NODE_HOLDS_ARRAY(value) ? json_node_get_array(value) : NULL;

    for (guint i = 0; a && i < json_array_get_length(a); i++) {
        JsonNode *node = json_array_get_element(a, i);

        if (!JSON_NODE_HOLDS_VALUE(node)
            || json_node_get_value_type(node) != G_TYPE_STRING) {
            return false;
        }
    }
    return a != NULL;
}

static bool qmp_check_arg(const CmdArg *arg, JsonNode *value, JsonObject *args,
                          GError **error)
{
    GType type = JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value)
                                              : G_TYPE_INVALID;
    bool good = false;

    switch (arg->type) {
    case ARG_STR:
    case ARG_REST:
        good = type == G_TYPE_STRING;
        break;
    case ARG_INT:
        good = type == G_TYPE_INT64;
        break;
    case ARG_BOOL:
        good = type == G_TYPE_BOOLEAN;
        break;
    case ARG_LIST:
        good = qmp_strings(value);
        break;
    case ARG_KEYS:
        return JSON_NODE_HOLDS_ARRAY(value) ? qmp_keys(arg, value, args, error)
                                            : qmp_wrong_type(arg, error);
    default:
        break;
    }
    if (!good) {
        return qmp_wrong_type(arg, error);
    }
    json_object_set_member(args, arg->name, json_node_copy(value));
    return true;
}

static bool qmp_check_args(const CmdRow *row, JsonObject *given,
                           JsonObject *args, GError **error)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    if (given) {
        json_object_iter_init(&iter, given);
        while (json_object_iter_next(&iter, &name, &value)) {
            const CmdArg *arg = qmp_arg(row, name);

            if (!arg) {
                return qmp_unknown_arg(row, name, error);
            }
            if (!qmp_check_arg(arg, value, args, error)) {
                return false;
            }
        }
    }
    for (const CmdArg *a = row->args; a && a->name; a++) {
        if (!a->optional && !json_object_has_member(args, a->name)) {
            return fail(error, "argument '%s' is missing", a->name);
        }
    }
    return true;
}

/* --- one command ---------------------------------------------------------------------- */

static const CmdRow *qmp_find(const char *name)
{
    for (const CmdRow *r = cmd_rows; r->qmp || r->hmp; r++) {
        if (r->qmp && strcmp(r->qmp, name) == 0) {
            return r;
        }
    }
    return NULL;
}

static void qmp_not_found(Monitor *m, JsonNode *id, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *desc = NULL;
    const char *near;

    for (const CmdRow *r = cmd_rows; r->qmp || r->hmp; r++) {
        if (r->qmp && !(r->flags & CMD_LATER)) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)r->qmp);
        }
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    desc = near ? g_strdup_printf("there is no command '%s', did you mean "
                                  "'%s'?",
                                  name, near)
                : g_strdup_printf("there is no command '%s'", name);
    qmp_send_error(m, id, "CommandNotFound", desc);
}

static void qmp_negotiate(Monitor *m, JsonNode *id, JsonObject *args)
{
    MonState *st = mon_state(m->vm);

    if (json_object_has_member(args, "enable")
        && json_array_get_length(
            json_object_get_array_member(args, "enable"))) {
        qmp_send_error(m, id, "GenericError",
                       "none of these capabilities was offered");
        return;
    }
    g_mutex_lock(&st->lock);
    m->negotiated = true;
    g_mutex_unlock(&st->lock);
    qmp_send_return(m, id, NULL);
}

static void qmp_run(Monitor *m, JsonNode *id, const CmdRow *row,
                    JsonObject *given)
{
    g_autoptr(GError) error = NULL;
    JsonObject *args = json_object_new();
    CmdOut out = {.text = g_string_new(NULL)};

    if (row->flags & CMD_LATER) {
        fail(&error, "%s is not there yet (%s)", row->qmp, row->help);
    } else if (qmp_check_args(row, given, args, &error)) {
        if (row->flags & CMD_BEFORE) {
            qmp_negotiate(m, id, args);
            goto done;
        }
        cmd_run(m->vm, row, args, &out, &error);
    }
    if (error) {
        qmp_send_error(m, id, "GenericError", error->message);
    } else {
        qmp_send_return(m, id, out.value);
    }
done:
    cmd_out_clear(&out);
    json_object_unref(args);
}

static void qmp_command(Monitor *m, JsonNode *id, const char *name,
                        JsonObject *args)
{
    const CmdRow *row = qmp_find(name);
    bool before = row && (row->flags & CMD_BEFORE);

    if (!m->negotiated && !before) {
        qmp_send_error(m, id, "CommandNotFound",
                       "capabilities are negotiated first: send "
                       "'qmp_capabilities'");
    } else if (m->negotiated && before) {
        qmp_send_error(m, id, "CommandNotFound",
                       "capabilities are negotiated already");
    } else if (!row) {
        qmp_not_found(m, id, name);
    } else {
        qmp_run(m, id, row, args);
    }
}

/* What the outer object says; the id even when the rest is wrong. */
static bool qmp_check_request(JsonNode *root, JsonNode **id, const char **name,
                              JsonObject **args, GError **error)
{
    JsonObjectIter iter;
    const char *member;
    JsonNode *value;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        return fail(error, "a command is to be a JSON object");
    }
    *id = json_object_get_member(json_node_get_object(root), "id");
    json_object_iter_init(&iter, json_node_get_object(root));
    while (json_object_iter_next(&iter, &member, &value)) {
        if (strcmp(member, "execute") == 0) {
            if (!JSON_NODE_HOLDS_VALUE(value)
                || json_node_get_value_type(value) != G_TYPE_STRING) {
                return fail(error, "member 'execute' is to be a string");
            }
            *name = json_node_get_string(value);
        } else if (strcmp(member, "arguments") == 0) {
            if (!JSON_NODE_HOLDS_OBJECT(value)) {
                return fail(error, "member 'arguments' is to be an object");
            }
            *args = json_node_get_object(value);
        } else if (strcmp(member, "exec-oob") == 0) {
            return fail(error, "out-of-band execution was not offered");
        } else if (strcmp(member, "id") != 0) {
            return fail(error, "a command has no member '%s'", member);
        }
    }
    return *name || fail(error, "member 'execute' is missing");
}

static void qmp_value(Monitor *m, const char *text)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    JsonNode *id = NULL;
    const char *name = NULL;
    JsonObject *args = NULL;

    if (!json_parser_load_from_data(parser, text, -1, NULL)) {
        qmp_send_error(m, NULL, "GenericError", "this is not JSON");
        return;
    }
    if (!qmp_check_request(json_parser_get_root(parser), &id, &name, &args,
                           &error)) {
        qmp_send_error(m, id, "GenericError", error->message);
        return;
    }
    qmp_command(m, id, name, args);
}

void qmp_bytes(Monitor *m, const uint8_t *buf, size_t size)
{
    for (size_t i = 0; i < size && m->framer; i++) {
        g_autofree char *text = NULL;

        switch (framer_feed(m->framer, buf[i])) {
        case FRAME_VALUE:
            text = g_strdup(framer_text(m->framer));
            qmp_value(m, text);
            break;
        case FRAME_BAD:
            text =
                g_strdup_printf("this is not JSON: %s", framer_text(m->framer));
            qmp_send_error(m, NULL, "GenericError", text);
            break;
        case FRAME_MORE:
            break;
        }
    }
}
