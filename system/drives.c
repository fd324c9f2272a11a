/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/drives.h"

#include "block/drives.h"
#include "system/run_priv.h"

static bool add_node(Vm *vm, const char *text, GError **error)
{
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, text, "driver");
    return drives_add_node(vm, &kv, error)
           || fail_prefix(error, "-blockdev %s", text);
}

/* --- hooks ------------------------------------------------------------------------- */

static void stop_call(Vm *vm, void *opaque)
{
    run_stop(vm, RUN_IO_ERROR);
}

/* On the I/O thread: a thread of the pool must not wait for the machine. */
static gboolean stop_idle(gpointer vm)
{
    control_ops(vm)->call(vm, stop_call, NULL);
    return G_SOURCE_REMOVE;
}

static void drives_stop(Vm *vm)
{
    g_idle_add(stop_idle, vm);
}

static void drives_tell(Vm *vm, RunState state, void *opaque)
{
    if (state == RUN_RUNNING) {
        drives_resumed(vm);
    }
}

void drives_join_run(Run *r)
{
    run_add_hook(r, drives_tell, NULL);
}

bool drives_setup(Vm *vm, const Options *o, GError **error)
{
    static const DriveHooks hooks = {
        .stop = drives_stop,
        .event = monitor_event,
    };

    drives_init(vm, &hooks, replay_mode(vm->replay) != REPLAY_NONE,
                o->snapshot);
    for (guint i = 0; i < o->blockdevs->len; i++) {
        if (!add_node(vm, g_ptr_array_index(o->blockdevs, i), error)) {
            return false;
        }
    }
    for (guint i = 0; i < o->drives->len; i++) {
        const char *text = g_ptr_array_index(o->drives, i);

        if (!drives_add(vm, text, error)) {
            return fail_prefix(error, "-drive %s", text);
        }
    }
    return true;
}
