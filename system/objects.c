/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of -object, and what the reference has besides. */
#include "system/objects.h"

#include <string.h>

#include "core/error.h"

#define LATER(what) what ": not in this version yet"
#define SECRET_MAX (1 << 20)

/* --- secrets ----------------------------------------------------------------- */

static void secret_free(void *data)
{
    g_bytes_unref(data);
}

static bool secret_decode(const char *id, char *text, gsize size,
                          const char *format, GBytes **out, GError **error)
{
    if (!format || strcmp(format, "raw") == 0) {
        *out = g_bytes_new_take(text, size);
        return true;
    }
    if (strcmp(format, "base64") != 0 || strlen(text) != size
        || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789+/=\r\n")
               != size) {
        g_free(text);
        return fail(error, "secret '%s': not in the format %s", id, format);
    }
    g_base64_decode_inplace(text, &size);
    *out = g_bytes_new_take(text, size);
    return true;
}

static bool secret_make(Object *o, GError **error)
{
    const char *data = object_prop(o, "data"), *file = object_prop(o, "file");
    g_autoptr(GError) why = NULL;
    char *text = NULL;
    gsize size = 0;

    if (!data == !file) {
        return fail(error, "secret '%s': needs one of data= and file=", o->id);
    }
    if (object_prop(o, "keyid") || object_prop(o, "iv")) {
        return fail(error,
                    "secret '%s': keyid= and iv=: encrypted secrets are not "
                    "in this version yet",
                    o->id);
    }
    if (file && !g_file_get_contents(file, &text, &size, &why)) {
        return fail(error, "secret '%s': %s", o->id, why->message);
    }
    if (data) {
        text = g_strdup(data);
        size = strlen(data);
    }
    if (size > SECRET_MAX) {
        g_free(text);
        return fail(error, "secret '%s': more than 1 MiB", o->id);
    }
    return secret_decode(o->id, text, size, object_prop(o, "format"),
                         (GBytes **)&o->data, error);
}

GBytes *secret_bytes(const Object *o)
{
    return o->type->make == secret_make ? o->data : NULL;
}

/* --- memory ------------------------------------------------------------------ */

static bool ram_make(Object *o, GError **error)
{
    if (g_strcmp0(object_prop(o, "share"), "on") == 0) {
        return fail(error, "share=on: guest RAM is this process's own memory");
    }
    return true;
}

/* --- the rows ---------------------------------------------------------------- */

/* clang-format off */
static const ObjectProp secret_props[] = {
    {"data",   "string", "the secret itself"},
    {"file",   "string", "a file that holds it"},
    {"format", "string", "raw or base64"},
    {"keyid",  "string", "refused: secret it is encrypted with"},
    {"iv",     "string", "refused: initial vector of the encryption"},
    {NULL},
};
static const ObjectProp ram_props[] = {
    {"size",     "size",    "bytes, as much as -m", true},
    {"merge",    "boolean", "accepted: a matter of the host"},
    {"dump",     "boolean", "accepted: a matter of the host"},
    {"prealloc", "boolean", "accepted: the host gives RAM when it is first touched"},
    {"prealloc-threads", "number", "accepted: one does it"},
    {"reserve",  "boolean", "accepted: a matter of the host"},
    {"share",    "boolean", "off"},
    {"x-use-canonical-path-for-ramblock-id", "boolean", "accepted"},
    {NULL},
};
static const ObjectProp rng_random_props[] = {
    {"filename", "string", "accepted: the guest draws from the machine's stream, see -seed"},
    {NULL},
};
static const ObjectProp iothread_props[] = {
    {"poll-max-ns",   "number", "accepted: there is one I/O thread for all"},
    {"poll-grow",     "number", "accepted"},
    {"poll-shrink",   "number", "accepted"},
    {"aio-max-batch", "number", "accepted"},
    {"thread-pool-min", "number", "accepted"},
    {"thread-pool-max", "number", "accepted"},
    {NULL},
};

const ObjectType object_registry[] = {
    {"iothread", NULL, iothread_props, "accepted: all back ends share one I/O thread"},
    {"memory-backend-ram", NULL, ram_props, "guest RAM, for -machine memory-backend=ID", ram_make},
    {"rng-builtin", NULL, NULL, "entropy of the machine's own stream (-seed)"},
    {"rng-random", NULL, rng_random_props, "the same: a recording must replay"},
    {"secret", NULL, secret_props, "passwords and keys", secret_make, secret_free},
    {"authz-list", "who may connect is up to the socket's file mode and address"},
    {"authz-list-file", "who may connect is up to the socket's file mode and address"},
    {"authz-pam", "who may connect is up to the socket's file mode and address"},
    {"authz-simple", "who may connect is up to the socket's file mode and address"},
    {"can-bus", "CAN is not in this program"},
    {"can-host-socketcan", "CAN is not in this program"},
    {"colo-compare", "COLO is not in this program: a replay is an exact copy"},
    {"cryptodev-backend", "crypto devices are not in this program"},
    {"cryptodev-backend-builtin", "crypto devices are not in this program"},
    {"cryptodev-vhost-user", "crypto devices are not in this program"},
    {"dbus-vmstate", "D-Bus is not in this program"},
    {"filter-buffer", LATER("networks")},
    {"filter-dump", LATER("networks")},
    {"filter-mirror", LATER("networks")},
    {"filter-redirector", LATER("networks")},
    {"filter-replay", LATER("networks")},
    {"filter-rewriter", LATER("networks")},
    {"input-barrier", LATER("pointers and keyboards of other hosts")},
    {"input-linux", LATER("input devices of the host")},
    {"memory-backend-epc", "SGX is not in this program"},
    {"memory-backend-file", "guest RAM is this process's own memory: use memory-backend-ram"},
    {"memory-backend-memfd", "guest RAM is this process's own memory: use memory-backend-ram"},
    {"pr-manager-helper", "SCSI reservations are not in this program"},
    {"qtest", "this program is tested in other ways"},
    {"rng-egd", "use rng-builtin: entropy is the machine's own stream"},
    {"secret_keyring", LATER("keyrings of the kernel")},
    {"sev-guest", "encrypted guests cannot be recorded"},
    {"thread-context", "there is one machine thread and one I/O thread"},
    {"throttle-group", LATER("disks")},
    {"tls-cipher-suites", LATER("TLS")},
    {"tls-creds-anon", LATER("TLS")},
    {"tls-creds-psk", LATER("TLS")},
    {"tls-creds-x509", LATER("TLS")},
    {"x-remote-object", "devices of other processes are not in this program"},
    {"x-vfio-user-server", "devices of other processes are not in this program"},
    {NULL},
};
/* clang-format on */
