/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors on their character back ends, and events. */
#include "monitor/control.h"

#include <string.h>

#include "core/trace.h"
#include "monitor/monitor_priv.h"
#include "replay/replay.h"

static void mon_free(gpointer p)
{
    Monitor *m = p;

    if (m->done) {
        g_source_destroy(m->done);
        g_source_unref(m->done);
    }
    qmp_request_free(m->busy);
    qmp_closed(m);
    chr_fe_free(m->fe);
    line_free(m->line);
    framer_free(m->framer);
    g_free(m);
}

MonState *mon_state(Vm *vm)
{
    if (!vm->mon) {
        vm->mon = g_new0(MonState, 1);
        g_mutex_init(&vm->mon->lock);
        vm->mon->all = g_ptr_array_new_with_free_func(mon_free);
    }
    return vm->mon;
}

void *mon_data(Vm *vm, const char *key)
{
    MonState *st = mon_state(vm);

    return st->data ? g_hash_table_lookup(st->data, key) : NULL;
}

void mon_set_data(Vm *vm, const char *key, void *data)
{
    MonState *st = mon_state(vm);

    if (!st->data) {
        st->data =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    }
    g_hash_table_insert(st->data, g_strdup(key), data);
}

const ControlOps *control_ops(const Vm *vm)
{
    return vm->mon ? vm->mon->ops : NULL;
}

void control_install(Vm *vm, const ControlOps *ops)
{
    mon_state(vm)->ops = ops;
}

void monitors_free(Vm *vm)
{
    MonState *st = vm->mon;

    if (st) {
        g_ptr_array_unref(st->all);
        events_free(st->limits);
        g_clear_pointer(&st->data, g_hash_table_unref);
        if (st->jobs) {
            g_ptr_array_unref(st->jobs);
        }
        g_mutex_clear(&st->lock);
        g_free(st);
        vm->mon = NULL;
    }
}

const char *run_state_name(RunState s)
{
    static const char *const names[RUN_STATE_COUNT] = {
        [RUN_PRELAUNCH] = "prelaunch",
        [RUN_RUNNING] = "running",
        [RUN_PAUSED] = "paused",
        [RUN_DEBUG] = "debug",
        [RUN_SHUTDOWN] = "shutdown",
        [RUN_SUSPENDED] = "suspended",
        [RUN_IO_ERROR] = "io-error",
        [RUN_INTERNAL_ERROR] = "internal-error",
        [RUN_GUEST_PANICKED] = "guest-panicked",
        [RUN_SAVE_VM] = "save-vm",
        [RUN_RESTORE_VM] = "restore-vm",
    };

    return s < RUN_STATE_COUNT ? names[s] : "unknown";
}

/* --- arguments and running ---------------------------------------------------------- */

bool cmd_has(const CmdIn *in, const char *name)
{
    return json_object_has_member(in->args, name);
}

int64_t cmd_int(const CmdIn *in, const char *name, int64_t otherwise)
{
    return json_object_get_int_member_with_default(in->args, name, otherwise);
}

const char *cmd_str(const CmdIn *in, const char *name)
{
    return json_object_get_string_member_with_default(in->args, name, NULL);
}

bool cmd_bool(const CmdIn *in, const char *name)
{
    return json_object_get_boolean_member_with_default(in->args, name, FALSE);
}

void cmd_out_clear(CmdOut *out)
{
    g_clear_pointer(&out->value, json_node_unref);
    if (out->text) {
        g_string_free(out->text, TRUE);
        out->text = NULL;
    }
}

JsonNode *cmd_node(const CmdIn *in, const char *name)
{
    return json_object_get_member(in->args, name);
}

void cmd_value(CmdOut *out, JsonNode *value)
{
    g_clear_pointer(&out->value, json_node_unref);
    out->value = value;
}

JsonObject *cmd_object(CmdOut *out)
{
    JsonObject *o = json_object_new();

    cmd_value(out, json_node_init_object(json_node_alloc(), o));
    json_object_unref(o);
    return o;
}

JsonArray *cmd_array(CmdOut *out)
{
    JsonArray *a = json_array_new();

    cmd_value(out, json_node_init_array(json_node_alloc(), a));
    json_array_unref(a);
    return a;
}

const char *node_str(JsonNode *node, const char *name)
{
    return json_object_get_string_member_with_default(
        json_node_get_object(node), name, "");
}

int64_t node_int(JsonNode *node, const char *name)
{
    return json_object_get_int_member_with_default(json_node_get_object(node),
                                                   name, 0);
}

bool node_bool(JsonNode *node, const char *name)
{
    return json_object_get_boolean_member_with_default(
        json_node_get_object(node), name, FALSE);
}

Vcpu *cmd_vcpu(Vm *vm, const CmdIn *in, GError **error)
{
    int64_t n = in->mon ? in->mon->cpu : 0;

    if (cmd_has(in, "cpu-index")) {
        n = cmd_int(in, "cpu-index", 0);
    }
    if (vm->vcpus->len == 0) {
        fail(error, "there is no vCPU");
        return NULL;
    }
    if (n < 0 || n >= vm->vcpus->len) {
        fail(error, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    return g_ptr_array_index(vm->vcpus, n);
}

/* --- errors ----------------------------------------------------------------- */

static GQuark cmd_error_quark(void)
{
    return g_quark_from_static_string("monitor");
}

bool cmd_fail(GError **error, CmdError class, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (error) {
        *error = g_error_new_valist(cmd_error_quark(), (gint) class, fmt, args);
    }
    va_end(args);
    return false;
}

const char *cmd_error_class(const GError *error)
{
    static const char *const names[] = {
        [CMD_ERROR_GENERIC] = "GenericError",
        [CMD_ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
        [CMD_ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [CMD_ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
    };

    return names[error->domain == cmd_error_quark() ? error->code : 0];
}

/* --- running ---------------------------------------------------------------- */

typedef struct CmdCall {
    const CmdRow *row;
    const CmdIn *in;
    CmdOut *out;
    GError **error;
    bool ran, good;
} CmdCall;

static void cmd_call(Vm *vm, void *opaque)
{
    CmdCall *c = opaque;
    const char *name = c->row->qmp ? c->row->qmp : c->row->hmp;

    c->ran = true;
    c->good = !((c->row->flags & CMD_GUEST) && vm->replay
                && replay_refuse_action(vm->replay, name, c->error))
              && c->row->fn(vm, c->in, c->out, c->error);
}

bool cmd_run(Vm *vm, const CmdRow *row, const CmdIn *in, CmdOut *out,
             GError **error)
{
    CmdCall c = {.row = row, .in = in, .out = out, .error = error};

    trace(vm, monitor_command, row->qmp ? row->qmp : row->hmp);
    if (row->flags & CMD_IO) {
        cmd_call(vm, &c);
    } else {
        control_ops(vm)->call(vm, cmd_call, &c);
    }
    return c.ran ? c.good : fail(error, "the machine has ended");
}

/* --- who is there ----------------------------------------------------------- */

bool monitor_attended(const Vm *vm)
{
    MonState *st = vm->mon;
    bool attended = false;

    if (!st) {
        return false;
    }
    g_mutex_lock(&st->lock);
    for (guint i = 0; i < st->all->len; i++) {
        const Monitor *m = g_ptr_array_index(st->all, i);

        attended = attended || (m->mode != MONITOR_HMP && m->connected);
    }
    g_mutex_unlock(&st->lock);
    return attended;
}

/* --- front end -------------------------------------------------------------------------- */

void mon_write(Monitor *m, const char *text)
{
    chr_fe_write(m->fe, text, strlen(text));
}

static void mon_receive(void *opaque, const uint8_t *buf, size_t size)
{
    Monitor *m = opaque;

    if (m->mode == MONITOR_HMP) {
        hmp_bytes(m, buf, size);
    } else {
        qmp_bytes(m, buf, size);
    }
}

static void mon_set_connected(Monitor *m, bool connected)
{
    MonState *st = mon_state(m->vm);

    g_mutex_lock(&st->lock);
    m->connected = connected;
    m->negotiated = false;
    m->session++;
    g_mutex_unlock(&st->lock);
}

static void mon_event(void *opaque, ChrEvent event)
{
    Monitor *m = opaque;

    switch (event) {
    case CHR_EVENT_OPENED:
        mon_set_connected(m, true);
        if (m->mode != MONITOR_HMP) {
            qmp_greet(m);
        } else if (!m->mux) {
            hmp_greet(m);
        }
        break;
    case CHR_EVENT_FOCUS:
        if (m->mode == MONITOR_HMP) {
            hmp_greet(m);
        }
        break;
    case CHR_EVENT_CLOSED:
        mon_set_connected(m, false);
        qmp_closed(m);
        m->greeted = false;
        if (m->line) {
            line_reset(m->line);
        }
        break;
    case CHR_EVENT_BREAK:
        break;
    }
}

bool monitor_new(Vm *vm, Chardev *backend, MonitorMode mode, GError **error)
{
    static const ChrFeOps fe_ops = {mon_receive, mon_event};
    MonState *st = mon_state(vm);
    Monitor *m = g_new0(Monitor, 1);

    m->vm = vm;
    m->mode = mode;
    m->mux = chardev_is_mux(backend);
    g_queue_init(&m->requests);
    m->fe = chr_fe_new(backend, &fe_ops, m, error);
    if (!m->fe) {
        g_free(m);
        return false;
    }
    g_mutex_lock(&st->lock);
    g_ptr_array_add(st->all, m);
    g_mutex_unlock(&st->lock);
    return true;
}
