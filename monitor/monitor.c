/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors on their character back ends, and events. */
#include "monitor/control.h"

#include <string.h>

#include "monitor/monitor_priv.h"

static void mon_free(gpointer p)
{
    Monitor *m = p;

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

typedef struct CmdCall {
    const CmdRow *row;
    CmdIn in;
    CmdOut *out;
    GError **error;
    bool ran, good;
} CmdCall;

static void cmd_call(Vm *vm, void *opaque)
{
    CmdCall *c = opaque;

    c->ran = true;
    c->good = c->row->fn(vm, &c->in, c->out, c->error);
}

bool cmd_run(Vm *vm, const CmdRow *row, JsonObject *args, CmdOut *out,
             GError **error)
{
    CmdCall c = {.row = row, .in = {args}, .out = out, .error = error};

    if (row->flags & CMD_IO) {
        cmd_call(vm, &c);
    } else {
        control_ops(vm)->call(vm, cmd_call, &c);
    }
    return c.ran ? c.good : fail(error, "the machine has ended");
}

/* --- events --------------------------------------------------------------------------- */

void monitor_event(Vm *vm, const char *name, const char *data)
{
    MonState *st = vm->mon;
    int64_t now = g_get_real_time();

    if (!st) {
        return;
    }
    g_mutex_lock(&st->lock);
    for (guint i = 0; i < st->all->len; i++) {
        Monitor *m = g_ptr_array_index(st->all, i);

        if (m->mode != MONITOR_HMP && m->connected && m->negotiated) {
            g_autoptr(GString) text = g_string_new(NULL);

            qmp_event_text(text, name, data, now,
                           m->mode == MONITOR_QMP_PRETTY);
            chr_fe_write(m->fe, text->str, text->len);
        }
    }
    g_mutex_unlock(&st->lock);
}

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
