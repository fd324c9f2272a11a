/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What monitors ask of the loop, and the recorded actions of people. */
#include "system/control.h"

#include <string.h>

#include "core/trace.h"
#include "block/drives.h"
#include "hw/machine.h"
#include "hw/ps2.h"
#include "system/debug.h"
#include "system/options.h"
#include "system/registry.h"
#include "system/run_priv.h"
#include "system/snapshot.h"

/* --- recorded actions -------------------------------------------------------- */

enum {
    ACTION_RESET,
    ACTION_POWERDOWN,
    ACTION_NMI
};

typedef struct ActionEvent {
    uint8_t kind;
    uint8_t cause; /* VmCause */
} ActionEvent;

static bool action_codec(Codec *c, void *event)
{
    ActionEvent *e = event;

    return codec_u8(c, &e->kind) && codec_u8(c, &e->cause);
}

static void action_deliver(Vm *vm, const void *event)
{
    const ActionEvent *e = event;

    switch (e->kind) {
    case ACTION_RESET:
        vm_request(vm, VM_REQ_RESET, (VmCause)e->cause);
        break;
    case ACTION_POWERDOWN:
        machine_powerdown(vm);
        if (!replay_behind(vm->replay)) {
            monitor_event(vm, "POWERDOWN", NULL);
        }
        break;
    case ACTION_NMI:
        machine_nmi(vm);
        break;
    default:
        break;
    }
}

const InputSource action_source = {
    .name = "action",
    .version = 1,
    .event_size = sizeof(ActionEvent),
    .codec = action_codec,
    .deliver = action_deliver,
};

static bool action_post(Vm *vm, const char *what, uint8_t kind, VmCause cause,
                        GError **error)
{
    ActionEvent e = {.kind = kind, .cause = (uint8_t)cause};

    if (replay_refuse_action(vm->replay, what, error)) {
        return false;
    }
    return input_post(vm, &action_source, &e)
           || fail(error, "%s: the input queue is full", what);
}

static bool run_reset_action(Vm *vm, VmCause cause, GError **error)
{
    return action_post(vm, "system_reset", ACTION_RESET, cause, error);
}

static bool run_powerdown(Vm *vm, GError **error)
{
    return action_post(vm, "system_powerdown", ACTION_POWERDOWN, VM_CAUSE_NONE,
                       error);
}

static bool run_nmi(Vm *vm, GError **error)
{
    return action_post(vm, "nmi", ACTION_NMI, VM_CAUSE_NONE, error);
}

/* --- keys ---------------------------------------------------------------------- */

typedef struct KeyRelease {
    Vm *vm;
    GArray *keys; /* uint32_t KeyCode, in the order they were pressed */
} KeyRelease;

static void keys_post(Vm *vm, uint32_t key, bool down)
{
    KeyEvent e = {.key = key, .down = down};

    input_post(vm, &key_source, &e);
}

static gboolean keys_release(gpointer data)
{
    KeyRelease *k = data;

    for (guint i = k->keys->len; i > 0; i--) {
        keys_post(k->vm, g_array_index(k->keys, uint32_t, i - 1), false);
    }
    g_array_free(k->keys, TRUE);
    g_free(k);
    return G_SOURCE_REMOVE;
}

static bool run_send_keys(Vm *vm, const char *const *keys, int hold_ms,
                          GError **error)
{
    g_autoptr(GArray) pressed = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    KeyRelease *release;

    if (replay_refuse_action(vm->replay, "sendkey", error)) {
        return false;
    }
    for (unsigned i = 0; keys[i]; i++) {
        uint32_t key = key_from_name(keys[i]);

        if (key == KEY_NONE) {
            return fail(error, "sendkey: unknown key '%s'", keys[i]);
        }
        g_array_append_val(pressed, key);
    }
    for (guint i = 0; i < pressed->len; i++) {
        keys_post(vm, g_array_index(pressed, uint32_t, i), true);
    }
    release = g_new0(KeyRelease, 1);
    release->vm = vm;
    release->keys = g_steal_pointer(&pressed);
    g_timeout_add((guint)MAX(hold_ms, 1), keys_release, release);
    return true;
}

/* --- the loop's states ----------------------------------------------------------- */

void control_tell(Vm *vm, RunState state, void *opaque)
{
    trace(vm, run_state, run_state_name(state));
    monitor_event(vm, state == RUN_RUNNING ? "RESUME" : "STOP", NULL);
}

void run_stop(Vm *vm, RunState why)
{
    Run *r = run_of(vm);

    if (r->state != RUN_RUNNING || run_travel_stop(r, why)) {
        return;
    }
    r->state = why;
    replay_stopped(vm->replay);
    run_tell(r);
}

bool run_cont(Vm *vm, GError **error)
{
    Run *r = run_of(vm);

    if (r->state == RUN_RUNNING) {
        return true;
    }
    if (r->state == RUN_SHUTDOWN) {
        return fail(error, "the guest has powered off: reset it first");
    }
    if (r->ended) {
        return fail(error, "the recording is over: nothing follows");
    }
    r->state = RUN_RUNNING;
    replay_resumed(vm->replay);
    if (vm->vcpu_now) {
        debug_resumed(r);
    }
    run_tell(r);
    return true;
}

void run_quit(Vm *vm, VmCause cause, int status)
{
    Run *r = run_of(vm);

    if (r->quitting) {
        return;
    }
    if (cause == VM_CAUSE_HOST_SIGNAL || cause == VM_CAUSE_HOST_QMP_QUIT
        || cause == VM_CAUSE_HOST_UI) {
        g_autofree char *data = g_strdup_printf(
            "{\"guest\": false, \"reason\": \"%s\"}", vm_cause_name(cause));

        monitor_event(vm, "SHUTDOWN", data);
    }
    r->quitting = true;
    r->cause = cause;
    if (!r->status) {
        r->status = status;
    }
}

static RunState run_state(const Vm *vm)
{
    return run_of(vm)->state;
}

static bool run_singlestep(const Vm *vm)
{
    return run_of(vm)->o.singlestep;
}

static const char *run_name(const Vm *vm)
{
    return run_of(vm)->o.name;
}

static const char *run_uuid(const Vm *vm)
{
    return run_of(vm)->o.uuid;
}

static bool run_set_action(Vm *vm, const char *what, const char *value,
                           GError **error)
{
    RunOptions *o = &run_of(vm)->o;

    if (strcmp(what, "reboot") == 0) {
        o->no_reboot = strcmp(value, "shutdown") == 0;
    } else if (strcmp(what, "shutdown") == 0) {
        o->no_shutdown = strcmp(value, "pause") == 0;
    }
    return true; /* no device panics or watches */
}

static bool run_long_mode(const Vm *vm)
{
    return run_of(vm)->o.long_mode;
}

static void run_print_registers(Vm *vm, bool all, GString *out)
{
    for (guint i = 0; i < vm->vcpus->len; i++) {
        Vcpu *v = (Vcpu *)g_ptr_array_index(vm->vcpus, i);

        if (!all && i != run_of(vm)->dev->current) {
            continue;
        }
        g_string_append_printf(out, "\nCPU#%u\n", i);
        v->ops->print(v, out);
    }
}

static void run_print_tlb(Vm *vm, GString *out)
{
    if (vm->vcpu_now) {
        tlb_print((Vcpu *)vm->vcpu_now, out);
    }
}

static bool run_gdbserver(Vm *vm, const char *device, GError **error)
{
    return vm->vcpus->len ? debug_serve(vm, device, error)
                          : fail(error, "gdb: this machine has no vCPU");
}

const ControlOps run_control_ops = {
    .call = run_call,
    .post = run_post,
    .stop = run_stop,
    .cont = run_cont,
    .quit = run_quit,
    .state = run_state,
    .singlestep = run_singlestep,
    .reset = run_reset_action,
    .powerdown = run_powerdown,
    .send_keys = run_send_keys,
    .nmi = run_nmi,
    .name = run_name,
    .uuid = run_uuid,
    .gdbserver = run_gdbserver,
    .seek = run_seek,
    .break_at = run_break_at,
    .position = run_position,
    .find = run_find_begin,
    .answer = run_find_answer,
    .arrive = run_arrive,
    .device_types = registry_devices,
    .long_mode = run_long_mode,
    .set_action = run_set_action,
    .snapshot_save = snapshot_save,
    .snapshot_prepare = drives_flush,
    .snapshot_load = snapshot_load,
    .snapshot_delete = snapshot_delete,
    .print_registers = run_print_registers,
    .print_jit = accel_print_jit,
    .print_tlb = run_print_tlb,
    .options_foreach = options_foreach,
};
