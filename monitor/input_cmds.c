/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and pointers from the monitor: recorded, refused in replay. */
#include "hw/keys.h"
#include "monitor/tables.h"

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

/* clang-format off */
static const CmdArg args_keys[] = {
    {"keys",      ARG_KEYS, .doc = "pressed together, as in ctrl-alt-f1"},
    {"hold-time", ARG_INT, .optional = true, .doc = "ms, default 100"}, {NULL},
};

const CmdRow cmd_rows_input[] = {
    {"send-key", "sendkey", args_keys, cmd_send_key, NULL, "press keys (ctrl-alt-f1) for so many ms", 0},
    {NULL},
};
/* clang-format on */
