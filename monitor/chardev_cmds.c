/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character back ends while the machine runs. All on the I/O thread. */
#include <string.h>

#include "chardev/chardev.h"
#include "monitor/tables.h"

/* --- QMP's structures to the words of -chardev ------------------------------ */

/* Members that are called differently there. */
static const struct {
    const char *type, *member, *option;
} renamed[] = {
    {"file", "out", "path"},    {"file", "in", "input-path"},
    {"pipe", "device", "path"}, {"serial", "device", "path"},
    {"tty", "device", "path"},
};

static const char *option_name(const char *type, const char *member)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(renamed); i++) {
        if (strcmp(renamed[i].type, type) == 0
            && strcmp(renamed[i].member, member) == 0) {
            return renamed[i].option;
        }
    }
    return member;
}

static void add_word(GString *out, const char *name, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_string_append_printf(out, ",%s=%s", name, escaped);
}

static void add_scalar(GString *out, const char *name, JsonNode *node)
{
    g_autofree char *number = NULL;

    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        add_word(out, name, json_node_get_string(node));
        break;
    case G_TYPE_BOOLEAN:
        add_word(out, name, json_node_get_boolean(node) ? "on" : "off");
        break;
    default:
        number = g_strdup_printf("%" PRId64, json_node_get_int(node));
        add_word(out, name, number);
        break;
    }
}

static bool add_address(GString *out, JsonObject *address, bool local,
                        GError **error)
{
    const char *type = json_object_get_string_member(address, "type");
    JsonObject *data = json_object_get_object_member(address, "data");
    g_autoptr(GList) names = json_object_get_members(data);

    if (strcmp(type, "vsock") == 0) {
        return fail(error, "addresses of type vsock are not in this version");
    }
    for (const GList *l = names; l; l = l->next) {
        const char *name = l->data, *option = name;

        if (strcmp(name, "numeric") == 0 || strcmp(name, "mptcp") == 0
            || strcmp(name, "keep-alive") == 0) {
            continue;
        }
        if (strcmp(type, "fd") == 0) {
            option = "fd";
        } else if (local) {
            option = strcmp(name, "host") == 0   ? "localaddr"
                     : strcmp(name, "port") == 0 ? "localport"
                                                 : NULL;
        }
        if (option) {
            add_scalar(out, option, json_object_get_member(data, name));
        }
    }
    return true;
}

/* What QMP takes for granted and -chardev does not. */
static void add_defaults(GString *out, const char *type, JsonObject *data)
{
    bool server;

    if (strcmp(type, "socket") == 0) {
        server =
            json_object_get_boolean_member_with_default(data, "server", TRUE);
        if (!json_object_has_member(data, "server")) {
            add_word(out, "server", "on");
        }
        if (server && !json_object_has_member(data, "wait")) {
            add_word(out, "wait", "off");
        }
    }
}

/* NULL: @error */
static char *backend_words(JsonNode *backend, const char *id, GError **error)
{
    JsonObject *o = json_node_get_object(backend);
    const char *type = json_object_get_string_member(o, "type");
    JsonObject *data = json_object_get_object_member(o, "data");
    g_autoptr(GList) names = json_object_get_members(data);
    g_autoptr(GString) out = g_string_new(type);

    if (id) {
        add_word(out, "id", id);
    }
    add_defaults(out, type, data);
    for (const GList *l = names; l; l = l->next) {
        const char *name = l->data;
        JsonNode *node = json_object_get_member(data, name);

        if (!JSON_NODE_HOLDS_OBJECT(node)) {
            bool client = strcmp(name, "wait") == 0
                          && !json_object_get_boolean_member_with_default(
                              data, "server", TRUE);

            if (!client) {
                add_scalar(out, option_name(type, name), node);
            }
        } else if (!add_address(out, json_node_get_object(node),
                                strcmp(name, "local") == 0, error)) {
            return NULL;
        }
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void say_pty(Vm *vm, const char *id, CmdOut *out)
{
    const char *path = chardev_pty_path(vm, id);
    JsonObject *o = cmd_object(out);

    if (path) {
        json_object_set_string_member(o, "pty", path);
    }
}

/* --- commands --------------------------------------------------------------- */

static bool cmd_add(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *id = cmd_str(in, "id");
    g_autofree char *words = backend_words(cmd_node(in, "backend"), id, error);

    if (chardev_find(vm, id)) {
        return fail(error, "Chardev with id '%s' already exists", id);
    }
    chardevs_set_running(vm);
    if (!words || !chardev_add(vm, words, error)) {
        return fail_prefix(error, "Failed to add chardev '%s'", id);
    }
    say_pty(vm, id, out);
    return true;
}

static bool cmd_change(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *id = cmd_str(in, "id");
    g_autofree char *words =
        backend_words(cmd_node(in, "backend"), NULL, error);

    chardevs_set_running(vm);
    if (!words || !chardev_change(vm, id, words, error)) {
        return false;
    }
    say_pty(vm, id, out);
    return true;
}

static bool cmd_hmp_add(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    chardevs_set_running(vm);
    return chardev_add(vm, cmd_str(in, "args"), error) != NULL;
}

static bool cmd_hmp_change(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    chardevs_set_running(vm);
    return chardev_change(vm, cmd_str(in, "id"), cmd_str(in, "args"), error);
}

static bool cmd_remove(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return chardev_hot_remove(vm, cmd_str(in, "id"), error);
}

static bool cmd_break(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    return chardev_send_break(vm, cmd_str(in, "id"), error);
}

static bool cmd_ring_write(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *data = cmd_str(in, "data");
    const char *format = cmd_str(in, "format");
    g_autofree guchar *bytes = NULL;
    gsize size = strlen(data);

    if (g_strcmp0(format, "base64") == 0) {
        if (strspn(data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789+/=")
            != size) {
            return fail(error, "Base64 data contains invalid characters");
        }
        bytes = g_base64_decode(data, &size);
    }
    return chardev_ringbuf_write(vm, cmd_str(in, "device"),
                                 bytes ? (const char *)bytes : data, size,
                                 error);
}

static bool cmd_ring_read(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_autofree char *text = NULL;
    JsonNode *node;

    if (!chardev_ringbuf_read(vm, cmd_str(in, "device"), cmd_int(in, "size", 0),
                              bytes, error)) {
        return false;
    }
    if (g_strcmp0(cmd_str(in, "format"), "base64") == 0) {
        text = g_base64_encode(bytes->data, bytes->len);
    } else {
        text = bytes->len ? g_utf8_make_valid((const char *)bytes->data,
                                              (gssize)bytes->len)
                          : g_strdup("");
    }
    node = json_node_init_string(json_node_alloc(), text);
    cmd_value(out, node);
    return true;
}

static void print_ring(JsonNode *value, GString *out)
{
    g_string_append_printf(out, "%s\n", json_node_get_string(value));
}

static void visit_backend(void *opaque, const char *name)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_array_add_object_element(opaque, o);
}

static bool cmd_backends(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    chardev_backends_foreach(visit_backend, cmd_array(out));
    return true;
}

/* --- completion ------------------------------------------------------------- */

typedef struct IdWish {
    const char *prefix;
    GPtrArray *out;
} IdWish;

static void visit_id(void *opaque, const char *id, const char *filename,
                     bool open)
{
    const IdWish *w = opaque;

    if (g_str_has_prefix(id, w->prefix)) {
        g_ptr_array_add(w->out, g_strdup(id));
    }
}

static void complete_id(Vm *vm, const char *prefix, GPtrArray *out)
{
    IdWish w = {prefix, out};

    chardevs_foreach(vm, visit_id, &w);
}

/* --- tables ----------------------------------------------------------------- */

/* clang-format off */
static const CmdArg args_add[] = {
    {"id",      ARG_STR, .doc = "name of the new back end"},
    {"backend", ARG_JSON, .doc = "what it is", .of = "ChardevBackend"}, {NULL},
};
static const CmdArg args_hmp_add[] = {{"args", ARG_REST, .doc = "as -chardev"}, {NULL}};
static const CmdArg args_hmp_change[] = {
    {"id",   ARG_STR, .doc = "a back end", .complete = complete_id},
    {"args", ARG_REST, .doc = "as -chardev, without id="}, {NULL},
};
static const CmdArg args_id[] = {{"id", ARG_STR, .doc = "a back end", .complete = complete_id}, {NULL}};
static const CmdArg args_ring_write[] = {
    {"device", ARG_STR, .doc = "a ringbuf", .complete = complete_id},
    {"data",   ARG_STR, .doc = "what to write"},
    {"format", ARG_STR, .optional = true, .doc = "utf8 or base64", .of = "DataFormat"}, {NULL},
};
static const CmdArg args_ring_read[] = {
    {"device", ARG_STR, .doc = "a ringbuf", .complete = complete_id},
    {"size",   ARG_INT, .doc = "bytes at most"},
    {"format", ARG_STR, .optional = true, .doc = "utf8 or base64", .of = "DataFormat"}, {NULL},
};

const CmdRow cmd_rows_chardev[] = {
    {"query-chardev-backends", NULL, NULL, cmd_backends, NULL, "kinds of character back ends", CMD_IO, "[ChardevBackendInfo]"},
    {"chardev-add", NULL, args_add, cmd_add, NULL, "add a character back end", CMD_IO, "ChardevReturn"},
    {NULL, "chardev-add", args_hmp_add, cmd_hmp_add, NULL, "add a character back end", CMD_IO},
    {"chardev-change", NULL, args_add, cmd_change, NULL, "give a front end another back end", CMD_IO, "ChardevReturn"},
    {NULL, "chardev-change", args_hmp_change, cmd_hmp_change, NULL, "give a front end another back end", CMD_IO},
    {"chardev-remove", "chardev-remove", args_id, cmd_remove, NULL, "remove a back end that nobody uses", CMD_IO},
    {"chardev-send-break", "chardev-send-break", args_id, cmd_break, NULL, "send a break to the front end", CMD_IO},
    {"ringbuf-write", "ringbuf_write", args_ring_write, cmd_ring_write, NULL, "write to a ring buffer", CMD_IO},
    {"ringbuf-read", "ringbuf_read", args_ring_read, cmd_ring_read, print_ring, "read from a ring buffer", CMD_IO, "str"},
    {NULL},
};

#define COMMON " logfile?:str logappend?:bool"

const QmpType qmp_types_chardev[] = {
    {"DataFormat", QMP_ENUM, "utf8 base64"},
    {"ChardevBackendInfo", QMP_OBJECT, "name:str"},
    {"ChardevReturn", QMP_OBJECT, "pty?:str"},
    {"SocketAddressType", QMP_ENUM, "inet unix vsock fd"},
    {"InetSocketAddress", QMP_OBJECT, "host:str port:str numeric?:bool to?:int ipv4?:bool ipv6?:bool keep-alive?:bool mptcp?:bool"},
    {"UnixSocketAddress", QMP_OBJECT, "path:str abstract?:bool tight?:bool"},
    {"VsockSocketAddress", QMP_OBJECT, "cid:str port:str"},
    {"String", QMP_OBJECT, "str:str"},
    {"InetSocketAddressWrapper", QMP_OBJECT, "data:InetSocketAddress"},
    {"UnixSocketAddressWrapper", QMP_OBJECT, "data:UnixSocketAddress"},
    {"VsockSocketAddressWrapper", QMP_OBJECT, "data:VsockSocketAddress"},
    {"StringWrapper", QMP_OBJECT, "data:String"},
    {"SocketAddressLegacy", QMP_UNION, "type:SocketAddressType", "type", "inet:InetSocketAddressWrapper unix:UnixSocketAddressWrapper vsock:VsockSocketAddressWrapper fd:StringWrapper"},
    {"ChardevCommon", QMP_OBJECT, "logfile?:str logappend?:bool"},
    {"ChardevFile", QMP_OBJECT, "in?:str out:str append?:bool" COMMON},
    {"ChardevHostdev", QMP_OBJECT, "device:str" COMMON},
    {"ChardevSocket", QMP_OBJECT, "addr:SocketAddressLegacy tls-creds?:str tls-authz?:str server?:bool wait?:bool nodelay?:bool telnet?:bool tn3270?:bool websocket?:bool reconnect?:int" COMMON},
    {"ChardevUdp", QMP_OBJECT, "remote:SocketAddressLegacy local?:SocketAddressLegacy" COMMON},
    {"ChardevMux", QMP_OBJECT, "chardev:str" COMMON},
    {"ChardevStdio", QMP_OBJECT, "signal?:bool" COMMON},
    {"ChardevVC", QMP_OBJECT, "width?:int height?:int cols?:int rows?:int" COMMON},
    {"ChardevRingbuf", QMP_OBJECT, "size?:int" COMMON},
    {"ChardevCommonWrapper", QMP_OBJECT, "data:ChardevCommon"},
    {"ChardevFileWrapper", QMP_OBJECT, "data:ChardevFile"},
    {"ChardevHostdevWrapper", QMP_OBJECT, "data:ChardevHostdev"},
    {"ChardevSocketWrapper", QMP_OBJECT, "data:ChardevSocket"},
    {"ChardevUdpWrapper", QMP_OBJECT, "data:ChardevUdp"},
    {"ChardevMuxWrapper", QMP_OBJECT, "data:ChardevMux"},
    {"ChardevStdioWrapper", QMP_OBJECT, "data:ChardevStdio"},
    {"ChardevVCWrapper", QMP_OBJECT, "data:ChardevVC"},
    {"ChardevRingbufWrapper", QMP_OBJECT, "data:ChardevRingbuf"},
    {"ChardevBackendKind", QMP_ENUM, "file serial parallel pipe socket udp pty null mux stdio vc ringbuf memory"},
    {"ChardevBackend", QMP_UNION, "type:ChardevBackendKind", "type",
     "file:ChardevFileWrapper serial:ChardevHostdevWrapper parallel:ChardevHostdevWrapper pipe:ChardevHostdevWrapper "
     "socket:ChardevSocketWrapper udp:ChardevUdpWrapper pty:ChardevCommonWrapper null:ChardevCommonWrapper mux:ChardevMuxWrapper "
     "stdio:ChardevStdioWrapper vc:ChardevVCWrapper ringbuf:ChardevRingbufWrapper memory:ChardevRingbufWrapper"},
    {NULL},
};
/* clang-format on */
