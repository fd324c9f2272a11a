/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointers from the monitor: recorded, refused in replay. */
#include <string.h>

#include "hw/ps2.h"
#include "monitor/input.h"
#include "monitor/monitor_priv.h"
#include "monitor/tables.h"
#include "replay/replay.h"

#define HOLD_DEFAULT_MS 100
#define HOLD_MAX_MS 60000
#define KEYS_MAX 16

/* The name of a KeyValue; NULL: there is no such key. */
static const char *key_of(JsonObject *o, GError **error)
{
    JsonNode *data = json_object_get_member(o, "data");
    int64_t number;

    if (json_node_get_value_type(data) == G_TYPE_STRING) {
        return json_node_get_string(data);
    }
    number = json_node_get_int(data);
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

static bool cmd_send_key(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonArray *keys = json_object_get_array_member(in->args, "keys");
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    int64_t hold = cmd_int(in, "hold-time", HOLD_DEFAULT_MS);
    guint n = json_array_get_length(keys);

    if (hold < 0 || hold > HOLD_MAX_MS) {
        return fail(error, "hold-time: %" PRId64 " is not 0 to %d ms", hold,
                    HOLD_MAX_MS);
    }
    if (n > KEYS_MAX) {
        return fail(error, "Parameter 'keys' is more than %d keys", KEYS_MAX);
    }
    for (guint i = 0; i < n; i++) {
        const char *name =
            key_of(json_array_get_object_element(keys, i), error);

        if (!name) {
            return false;
        }
        g_ptr_array_add(names, (gpointer)(uintptr_t)name);
    }
    g_ptr_array_add(names, NULL);
    return control_ops(vm)->send_keys(vm, (const char *const *)names->pdata,
                                      (int)hold, error);
}

/* --- pointers ----------------------------------------------------------------- */

/* What comes of one command is one or more recorded inputs. */
static bool post_pointer(Vm *vm, const PointerEvent *e, GError **error)
{
    return input_post(vm, &pointer_source, e)
           || fail(error, "the input queue is full");
}

static bool refused(Vm *vm, const char *what, GError **error)
{
    return vm->replay && replay_refuse_action(vm->replay, what, error);
}

static bool cmd_mouse_move(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    PointerEvent e = {
        .dx = (int32_t)CLAMP(cmd_int(in, "dx_str", 0), -INT16_MAX, INT16_MAX),
        .dy = (int32_t)CLAMP(cmd_int(in, "dy_str", 0), -INT16_MAX, INT16_MAX),
        .dz = (int32_t)CLAMP(cmd_int(in, "dz_str", 0), -INT8_MAX, INT8_MAX),
        .buttons = mon_state(vm)->buttons,
    };

    return post_pointer(vm, &e, error);
}

/* Bits of a person: left, middle, right. */
static bool cmd_mouse_button(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    int64_t state = cmd_int(in, "button_state", 0);
    PointerEvent e = {
        .buttons = (state & 1 ? PS2_BUTTON_LEFT : 0)
                   | (state & 2 ? PS2_BUTTON_MIDDLE : 0)
                   | (state & 4 ? PS2_BUTTON_RIGHT : 0),
    };

    mon_state(vm)->buttons = e.buttons;
    return post_pointer(vm, &e, error);
}

static bool has_mouse(Vm *vm)
{
    for (const Device *d = vm->devices; d; d = d->next) {
        if (d->type == &ps2_mouse_type) {
            return true;
        }
    }
    return false;
}

#define MOUSE_INDEX 2

static bool cmd_mouse_set(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    int64_t n = cmd_int(in, "index", 0);

    return (n == MOUSE_INDEX && has_mouse(vm))
           || fail(error, "Mouse at index '%" PRId64 "' not found", n);
}

static bool cmd_query_mice(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    JsonArray *a = cmd_array(out);
    JsonObject *o;

    if (has_mouse(vm)) {
        o = json_object_new();
        json_object_set_string_member(o, "name", "PS/2 Mouse");
        json_object_set_int_member(o, "index", MOUSE_INDEX);
        json_object_set_boolean_member(o, "current", TRUE);
        json_object_set_boolean_member(o, "absolute", FALSE);
        json_array_add_object_element(a, o);
    }
    return true;
}

static void print_mice(JsonNode *value, GString *out)
{
    JsonArray *a = json_node_get_array(value);

    if (json_array_get_length(a) == 0) {
        g_string_append(out, "No mouse devices connected\n");
    }
    for (guint i = 0; i < json_array_get_length(a); i++) {
        JsonNode *o = json_array_get_element(a, i);

        g_string_append_printf(out, "%c Mouse #%" PRId64 ": %s%s\n",
                               node_bool(o, "current") ? '*' : ' ',
                               node_int(o, "index"), node_str(o, "name"),
                               node_bool(o, "absolute") ? " (absolute)" : "");
    }
}

/* --- events of programs ----------------------------------------------------------- */

static bool send_button(Vm *vm, JsonObject *data, GError **error)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } buttons[] = {
        {"left", PS2_BUTTON_LEFT},     {"right", PS2_BUTTON_RIGHT},
        {"middle", PS2_BUTTON_MIDDLE}, {"side", PS2_BUTTON_SIDE},
        {"extra", PS2_BUTTON_EXTRA},
    };
    const char *name = json_object_get_string_member(data, "button");
    bool down = json_object_get_boolean_member(data, "down");
    uint32_t *now = &mon_state(vm)->buttons;
    PointerEvent e = {0};

    for (unsigned i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (strcmp(name, buttons[i].name) == 0) {
            *now = down ? *now | buttons[i].bit : *now & ~buttons[i].bit;
        }
    }
    if (down && strcmp(name, "wheel-up") == 0) {
        e.dz = 1;
    } else if (down && strcmp(name, "wheel-down") == 0) {
        e.dz = -1;
    }
    e.buttons = *now;
    return post_pointer(vm, &e, error);
}

static bool send_motion(Vm *vm, JsonObject *data, GError **error)
{
    int32_t by = (int32_t)CLAMP(json_object_get_int_member(data, "value"),
                                -INT16_MAX, INT16_MAX);
    bool x = strcmp(json_object_get_string_member(data, "axis"), "x") == 0;
    PointerEvent e = {
        .dx = x ? by : 0, .dy = x ? 0 : by, .buttons = mon_state(vm)->buttons};

    return post_pointer(vm, &e, error);
}

static bool send_key(Vm *vm, JsonObject *data, GError **error)
{
    const char *name =
        key_of(json_object_get_object_member(data, "key"), error);
    KeyEvent e = {.down = json_object_get_boolean_member(data, "down")};

    if (!name) {
        return false;
    }
    e.key = key_from_name(name);
    if (e.key == KEY_NONE) {
        return true; /* a key that this keyboard has not */
    }
    return input_post(vm, &key_source, &e)
           || fail(error, "the input queue is full");
}

static bool send_event(Vm *vm, JsonObject *event, GError **error)
{
    const char *type = json_object_get_string_member(event, "type");
    JsonObject *data = json_object_get_object_member(event, "data");

    if (strcmp(type, "key") == 0) {
        return send_key(vm, data, error);
    }
    if (strcmp(type, "btn") == 0) {
        return send_button(vm, data, error);
    }
    if (strcmp(type, "rel") == 0) {
        return send_motion(vm, data, error);
    }
    return fail(error, "Input handler not found for event type %s", type);
}

static bool cmd_input_send_event(Vm *vm, const CmdIn *in, CmdOut *out,
                                 GError **error)
{
    JsonArray *events = json_object_get_array_member(in->args, "events");

    if (refused(vm, "input-send-event", error)) {
        return false;
    }
    if (cmd_has(in, "device")) {
        return cmd_fail(error, CMD_ERROR_DEVICE_NOT_FOUND,
                        "Device '%s' not found", cmd_str(in, "device"));
    }
    if (control_ops(vm)->state(vm) != RUN_RUNNING) {
        return fail(error, "VM not running");
    }
    for (guint i = 0; i < json_array_get_length(events); i++) {
        if (!send_event(vm, json_array_get_object_element(events, i), error)) {
            return false;
        }
    }
    return true;
}

/* --- ports ---------------------------------------------------------------------------- */

typedef struct PortWrite {
    uint16_t port;
    uint8_t size;
    uint32_t value;
} PortWrite;

static bool port_write_codec(Codec *c, void *event)
{
    PortWrite *w = event;

    return codec_u16(c, &w->port) && codec_u8(c, &w->size)
           && codec_u32(c, &w->value)
           && (w->size == 1 || w->size == 2 || w->size == 4);
}

static void port_write_deliver(Vm *vm, const void *event)
{
    const PortWrite *w = event;

    if (vm->io) {
        mem_io_write(vm->io, w->port, w->value, w->size);
    }
}

const InputSource port_write_source = {
    .name = "port-write",
    .version = 1,
    .event_size = sizeof(PortWrite),
    .codec = port_write_codec,
    .deliver = port_write_deliver,
};

static bool cmd_port_out(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *fmt = cmd_str(in, "fmt");
    PortWrite w = {
        .port = (uint16_t)cmd_int(in, "addr", 0),
        .size = 1,
        .value = (uint32_t)cmd_int(in, "val", 0),
    };

    if (fmt) {
        w.size = strchr(fmt, 'w') ? 4 : strchr(fmt, 'h') ? 2 : 1;
    }
    return input_post(vm, &port_write_source, &w)
           || fail(error, "the input queue is full");
}

/* After the last dash. */
static void complete_keys(Vm *vm, const char *prefix, GPtrArray *out)
{
    const char *dash = strrchr(prefix, '-');
    g_autofree char *head =
        g_strndup(prefix, dash ? (gsize)(dash - prefix) + 1 : 0);

    for (int k = KEY_NONE + 1; k < KEY_COUNT; k++) {
        g_ptr_array_add(out, g_strconcat(head, key_name((KeyCode)k), NULL));
    }
}

/* clang-format off */
static const CmdArg args_keys[] = {
    {"keys",      ARG_KEYS, .doc = "pressed together, as in ctrl-alt-f1", .complete = complete_keys},
    {"hold-time", ARG_INT, .optional = true, .doc = "ms, default 100"}, {NULL},
};

static const CmdArg args_move[] = {
    {"dx_str", ARG_INT, .doc = "to the right"},
    {"dy_str", ARG_INT, .doc = "down"},
    {"dz_str", ARG_INT, .optional = true, .doc = "wheel"}, {NULL},
};
static const CmdArg args_button[] = {{"button_state", ARG_INT, .doc = "1 left, 2 middle, 4 right, added up"}, {NULL}};
static const CmdArg args_mouse[] = {{"index", ARG_INT, .doc = "as info mice shows"}, {NULL}};
static const CmdArg args_events[] = {
    {"device", ARG_STR, .optional = true, .doc = "display device"},
    {"head",   ARG_INT, .optional = true, .doc = "of it"},
    {"events", ARG_JSON, .of = "[InputEvent]", .doc = "what happens, in order"}, {NULL},
};
static const CmdArg args_port[] = {
    {"fmt",  ARG_FMT, .optional = true, .doc = "/b, /h or /w"},
    {"addr", ARG_INT, .doc = "port"},
    {"val",  ARG_INT, .doc = "value"}, {NULL},
};

const CmdRow cmd_rows_input[] = {
    {"send-key", "sendkey", args_keys, cmd_send_key, NULL, "press keys (ctrl-alt-f1) for so many ms", 0},
    {"input-send-event", NULL, args_events, cmd_input_send_event, NULL, "keys and pointer events", 0},
    {"query-mice", "info mice", NULL, cmd_query_mice, print_mice, "pointers", 0, "[MouseInfo]"},
    {NULL, "mouse_move", args_move, cmd_mouse_move, NULL, "move the pointer", CMD_GUEST},
    {NULL, "mouse_button", args_button, cmd_mouse_button, NULL, "press and release its buttons", CMD_GUEST},
    {NULL, "mouse_set", args_mouse, cmd_mouse_set, NULL, "choose a pointer", 0},
    {NULL, "o", args_port, cmd_port_out, NULL, "write to a port", CMD_GUEST},
    {NULL},
};

const QmpType qmp_types_input[] = {
    {"MouseInfo", QMP_OBJECT, "name:str index:int current:bool absolute:bool"},
    {"InputButton", QMP_ENUM, "left middle right wheel-up wheel-down side extra wheel-left wheel-right"},
    {"InputAxis", QMP_ENUM, "x y"},
    {"InputKeyEvent", QMP_OBJECT, "key:KeyValue down:bool"},
    {"InputBtnEvent", QMP_OBJECT, "button:InputButton down:bool"},
    {"InputMoveEvent", QMP_OBJECT, "axis:InputAxis value:int"},
    {"InputKeyEventWrapper", QMP_OBJECT, "data:InputKeyEvent"},
    {"InputBtnEventWrapper", QMP_OBJECT, "data:InputBtnEvent"},
    {"InputMoveEventWrapper", QMP_OBJECT, "data:InputMoveEvent"},
    {"InputEventKind", QMP_ENUM, "key btn rel abs"},
    {"InputEvent", QMP_UNION, "type:InputEventKind", "type", "key:InputKeyEventWrapper btn:InputBtnEventWrapper rel:InputMoveEventWrapper abs:InputMoveEventWrapper"},
    {NULL},
};
/* clang-format on */
