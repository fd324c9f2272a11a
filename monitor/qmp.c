/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor for programs: JSON in, JSON out. Requests of one client wait in a
 * queue of bounded length; the machine thread answers those that need it, so
 * that the I/O thread goes on reading, also what is to be done out of band.
 */
#include <string.h>

#include "core/trace.h"
#include "monitor/monitor_priv.h"

#define QUEUE_MAX 8 /* requests of one client; then it is not read any more */

struct QmpRequest {
    Monitor *m;        /* borrowed */
    unsigned session;  /* of the connection it came by */
    const CmdRow *row; /* NULL: it is an error already */
    JsonNode *id;      /* owned, NULL: none */
    JsonObject *args;  /* owned */
    GError *error;     /* owned */
    CmdOut out;
};

/* --- sending ------------------------------------------------------------------- */

static void qmp_send(Monitor *m, JsonObject *o)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);

    json_print(node, text, m->mode == MONITOR_QMP_PRETTY);
    g_string_append(text, "\r\n");
    mon_write(m, text->str);
}

static void qmp_answer(const QmpRequest *r)
{
    JsonObject *o = json_object_new(), *e;
    MonState *st = mon_state(r->m->vm);

    if (r->error) {
        e = json_object_new();
        json_object_set_string_member(e, "class", cmd_error_class(r->error));
        json_object_set_string_member(e, "desc", r->error->message);
        json_object_set_object_member(o, "error", e);
    } else if (r->out.value) {
        json_object_set_member(o, "return", json_node_copy(r->out.value));
    } else {
        json_object_set_object_member(o, "return", json_object_new());
    }
    if (r->id) {
        json_object_set_member(o, "id", json_node_copy(r->id));
    }
    g_mutex_lock(&st->lock);
    if (r->session == r->m->session) { /* the client may have gone */
        qmp_send(r->m, o);
    }
    g_mutex_unlock(&st->lock);
    json_object_unref(o);
}

static void qmp_offer(Monitor *m, JsonArray *capabilities)
{
    if (!m->mux) { /* a terminal that is shared is read in order */
        json_array_add_string_element(capabilities, "oob");
    }
}

void qmp_greet(Monitor *m)
{
    JsonObject *o = json_object_new(), *qmp = json_object_new();
    JsonArray *capabilities = json_array_new();
    CmdOut out = {NULL, NULL};
    CmdIn in = {NULL, m};

    if (!m->framer) {
        m->framer = framer_new();
    }
    framer_reset(m->framer);
    cmd_query_version(m->vm, &in, &out, NULL);
    json_object_set_member(qmp, "version", g_steal_pointer(&out.value));
    qmp_offer(m, capabilities);
    json_object_set_array_member(qmp, "capabilities", capabilities);
    json_object_set_object_member(o, "QMP", qmp);
    qmp_send(m, o);
    json_object_unref(o);
}

/* --- requests ------------------------------------------------------------------- */

void qmp_request_free(QmpRequest *r)
{
    if (!r) {
        return;
    }
    g_clear_pointer(&r->id, json_node_unref);
    g_clear_pointer(&r->args, json_object_unref);
    g_clear_error(&r->error);
    cmd_out_clear(&r->out);
    g_free(r);
}

static bool qmp_not_found(const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;
    CmdIter it = {0};
    const CmdRow *r;

    while ((r = cmd_next(&it))) {
        if (r->qmp && !(r->flags & CMD_LATER)) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)r->qmp);
        }
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    return near ? cmd_fail(error, CMD_ERROR_COMMAND_NOT_FOUND,
                           "The command %s has not been found, did you mean "
                           "'%s'?",
                           name, near)
                : cmd_fail(error, CMD_ERROR_COMMAND_NOT_FOUND,
                           "The command %s has not been found", name);
}

/* The row of a command that may be given now. */
static bool qmp_lookup(QmpRequest *r, const char *name, bool oob)
{
    const CmdRow *row = cmd_find_qmp(name);
    bool before = row && (row->flags & CMD_BEFORE);

    if (!r->m->negotiated && !before) {
        return cmd_fail(&r->error, CMD_ERROR_COMMAND_NOT_FOUND,
                        "Expecting capabilities negotiation with "
                        "'qmp_capabilities'");
    }
    if (r->m->negotiated && before) {
        return cmd_fail(&r->error, CMD_ERROR_COMMAND_NOT_FOUND,
                        "Capabilities negotiation is already complete, "
                        "command ignored");
    }
    if (!row) {
        return qmp_not_found(name, &r->error);
    }
    if (row->flags & CMD_LATER) {
        return cmd_fail(&r->error, CMD_ERROR_COMMAND_NOT_FOUND,
                        "The command %s is not there yet (%s)", name,
                        row->help);
    }
    if (oob && !(row->flags & CMD_OOB)) {
        return fail(&r->error, "The command %s does not support OOB", name);
    }
    r->row = row;
    return cmd_check(row, r->args, &r->error);
}

static bool qmp_string(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node)
           && json_node_get_value_type(node) == G_TYPE_STRING;
}

/* One member of the outer object. */
static bool qmp_member(QmpRequest *r, const char *member, JsonNode *value,
                       const char **name, bool *oob)
{
    bool is_oob = strcmp(member, "exec-oob") == 0 && r->m->oob;

    if (strcmp(member, "id") == 0) {
        return true;
    }
    if (strcmp(member, "execute") == 0 || is_oob) {
        if (!qmp_string(value)) {
            return fail(&r->error, "QMP input member '%s' must be a string",
                        member);
        }
        if (*name) {
            return fail(&r->error, "QMP input member '%s' clashes with '%s'",
                        member, is_oob ? "execute" : "exec-oob");
        }
        *name = json_node_get_string(value);
        *oob = is_oob;
        return true;
    }
    if (strcmp(member, "arguments") == 0) {
        if (!JSON_NODE_HOLDS_OBJECT(value)) {
            return fail(&r->error,
                        "QMP input member 'arguments' must be an object");
        }
        json_object_unref(r->args);
        r->args = json_object_ref(json_node_get_object(value));
        return true;
    }
    return fail(&r->error, "QMP input member '%s' is unexpected", member);
}

/* What the outer object says; the id even when the rest is wrong. */
static bool qmp_parse(QmpRequest *r, JsonNode *root, bool *oob)
{
    JsonObjectIter iter;
    const char *member, *name = NULL;
    JsonNode *value;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        return fail(&r->error, "QMP input must be a JSON object");
    }
    value = json_object_get_member(json_node_get_object(root), "id");
    r->id = value ? json_node_copy(value) : NULL;
    json_object_iter_init_ordered(&iter, json_node_get_object(root));
    while (json_object_iter_next_ordered(&iter, &member, &value)) {
        if (!qmp_member(r, member, value, &name, oob)) {
            return false;
        }
    }
    if (!name) {
        return fail(&r->error, "QMP input lacks member 'execute'");
    }
    return qmp_lookup(r, name, *oob);
}

/* --- doing them, in order --------------------------------------------------------- */

static bool qmp_negotiate(Monitor *m, JsonObject *args, GError **error)
{
    MonState *st = mon_state(m->vm);
    JsonArray *enable = json_object_has_member(args, "enable")
                            ? json_object_get_array_member(args, "enable")
                            : NULL;
    bool oob = enable && json_array_get_length(enable) > 0;

    if (oob && m->mux) {
        return fail(error, "Capability oob was not offered here");
    }
    g_mutex_lock(&st->lock);
    m->negotiated = true;
    g_mutex_unlock(&st->lock);
    m->oob = oob;
    return true;
}

static void qmp_run(QmpRequest *r)
{
    CmdIn in = {r->args, r->m};

    if (!r->error && (r->row->flags & CMD_BEFORE)) {
        qmp_negotiate(r->m, r->args, &r->error);
    } else if (!r->error) {
        r->out.text = g_string_new(NULL);
        trace(r->m->vm, monitor_qmp, r->row->qmp);
        cmd_run(r->m->vm, r->row, &in, &r->out, &r->error);
    }
    qmp_answer(r);
}

static void qmp_next(Monitor *m);
static void qmp_read(Monitor *m, const uint8_t *buf, size_t size);

static gboolean qmp_done(gpointer p)
{
    Monitor *m = p;
    MonState *st = mon_state(m->vm);

    g_mutex_lock(&st->lock);
    g_clear_pointer(&m->done, g_source_unref);
    g_mutex_unlock(&st->lock);
    g_clear_pointer(&m->busy, qmp_request_free);
    qmp_next(m);
    return G_SOURCE_REMOVE;
}

/* Thread: machine. */
static void qmp_on_machine(Vm *vm, void *opaque)
{
    QmpRequest *r = opaque;
    Monitor *m = r->m;
    MonState *st = mon_state(vm);

    qmp_run(r);
    g_mutex_lock(&st->lock);
    m->done = g_idle_source_new();
    g_source_set_priority(m->done, G_PRIORITY_DEFAULT);
    g_source_set_callback(m->done, qmp_done, m, NULL);
    g_source_attach(m->done, NULL);
    g_mutex_unlock(&st->lock);
}

/* What did not fit is read when there is room again. */
static void qmp_make_room(Monitor *m)
{
    GByteArray *held = m->held;

    if (held && g_queue_get_length(&m->requests) < QUEUE_MAX) {
        m->held = NULL;
        qmp_read(m, held->data, held->len);
        g_byte_array_unref(held);
        if (!m->held) {
            chr_fe_hold(m->fe, false);
        }
    }
}

static void qmp_next(Monitor *m)
{
    QmpRequest *r;

    while (!m->busy && (r = g_queue_pop_head(&m->requests))) {
        bool here = r->error || (r->row->flags & CMD_IO) || !m->vm->thread;

        m->busy = r;
        if (here) {
            qmp_run(r);
            g_clear_pointer(&m->busy, qmp_request_free);
        } else {
            control_ops(m->vm)->post(m->vm, qmp_on_machine, r);
        }
        qmp_make_room(m);
    }
}

/* --- the stream ------------------------------------------------------------------- */

static QmpRequest *qmp_request_new(Monitor *m)
{
    QmpRequest *r = g_new0(QmpRequest, 1);

    r->m = m;
    r->session = m->session;
    r->args = json_object_new();
    return r;
}

static void qmp_value(Monitor *m, const char *text)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *wide = json_wide_numbers(text);
    QmpRequest *r = qmp_request_new(m);
    bool oob = false;

    if (!json_parser_load_from_data(parser, wide, -1, NULL)) {
        fail(&r->error, "JSON parse error, this is not JSON");
    } else {
        qmp_parse(r, json_parser_get_root(parser), &oob);
    }
    if (oob) {
        qmp_run(r);
        qmp_request_free(r);
        return;
    }
    g_queue_push_tail(&m->requests, r);
    qmp_next(m);
}

static void qmp_garbage(Monitor *m, const char *why)
{
    QmpRequest *r = qmp_request_new(m);

    fail(&r->error, "JSON parse error, %s", why);
    g_queue_push_tail(&m->requests, r);
    qmp_next(m);
}

static void qmp_read(Monitor *m, const uint8_t *buf, size_t size)
{
    for (size_t i = 0; i < size && m->framer; i++) {
        g_autofree char *text = NULL;

        if (m->held || g_queue_get_length(&m->requests) >= QUEUE_MAX) {
            if (!m->held) {
                m->held = g_byte_array_new();
                chr_fe_hold(m->fe, true);
            }
            g_byte_array_append(m->held, buf + i, (guint)(size - i));
            return;
        }
        switch (framer_feed(m->framer, buf[i])) {
        case FRAME_VALUE:
            text = g_strdup(framer_text(m->framer));
            qmp_value(m, text);
            break;
        case FRAME_BAD:
            text = g_strdup(framer_text(m->framer));
            qmp_garbage(m, text);
            break;
        case FRAME_MORE:
            break;
        }
    }
}

void qmp_bytes(Monitor *m, const uint8_t *buf, size_t size)
{
    qmp_read(m, buf, size);
}

void qmp_closed(Monitor *m)
{
    QmpRequest *r;

    while ((r = g_queue_pop_head(&m->requests))) {
        qmp_request_free(r);
    }
    g_clear_pointer(&m->held, g_byte_array_unref);
    chr_fe_hold(m->fe, false);
    m->oob = false;
}
