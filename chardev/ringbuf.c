/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last bytes of output, in memory, for ringbuf-read. */
#include <string.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

#define RING_DEFAULT 65536
#define RING_MAX (256u << 20)

typedef struct Ring {
    size_t size; /* a power of two */
    uint64_t put, taken;
    uint8_t *bytes; /* owned */
} Ring;

static bool ringbuf_open(Chardev *c, KeyVals *kv, GError **error)
{
    const char *text = keyvals_take(kv, "size");
    uint64_t size = RING_DEFAULT;
    Ring *r;

    if (text && !parse_size(text, 1, &size)) {
        return fail(error, "ringbuf: size=%s: expected a number of bytes",
                    text);
    }
    if (size == 0 || (size & (size - 1)) || size > RING_MAX) {
        return fail(error,
                    "ringbuf: size=%s: it must be a power of two, at most 256M",
                    text);
    }
    r = g_new0(Ring, 1);
    c->data = r;
    r->size = (size_t)size;
    r->bytes = g_try_malloc0(r->size);
    if (!r->bytes) {
        return fail(error, "ringbuf: size=%s: not enough memory", text);
    }
    chr_opened(c, -1, -1);
    return true;
}

static void ringbuf_close(Chardev *c)
{
    if (c->data) {
        g_free(((Ring *)c->data)->bytes);
    }
}

void ringbuf_put(Chardev *c, const void *buf, size_t size)
{
    Ring *r = c->data;
    const uint8_t *p = buf;

    for (size_t i = 0; i < size; i++) {
        r->bytes[r->put++ & (r->size - 1)] = p[i];
    }
    if (r->put - r->taken > r->size) {
        r->taken = r->put - r->size;
    }
}

void ringbuf_take(Chardev *c, size_t size, GByteArray *out)
{
    Ring *r = c->data;

    chr_drain(c); /* what was written a moment ago, too */
    while (size-- && r->taken < r->put) {
        g_byte_array_append(out, &r->bytes[r->taken++ & (r->size - 1)], 1);
    }
}

static ssize_t ringbuf_write(Chardev *c, const void *buf, size_t size)
{
    ringbuf_put(c, buf, size);
    return (ssize_t)size;
}

/* --- for monitors ----------------------------------------------------------- */

static Chardev *ringbuf_find(Vm *vm, const char *id, GError **error)
{
    Chardev *c = chardev_find(vm, id);

    if (!c) {
        fail(error, "Device '%s' not found", id);
    } else if (c->driver != &chr_ringbuf_driver) {
        fail(error, "%s is not a ringbuf device", id);
        c = NULL;
    }
    return c;
}

bool chardev_ringbuf_write(Vm *vm, const char *id, const void *buf, size_t size,
                           GError **error)
{
    Chardev *c = ringbuf_find(vm, id, error);

    if (c) {
        chr_drain(c);
        ringbuf_put(c, buf, size);
    }
    return c != NULL;
}

bool chardev_ringbuf_read(Vm *vm, const char *id, int64_t size, GByteArray *out,
                          GError **error)
{
    Chardev *c = ringbuf_find(vm, id, error);

    if (!c) {
        return false;
    }
    if (size <= 0) {
        return fail(error, "size must be greater than zero");
    }
    ringbuf_take(c, (size_t)size, out);
    return true;
}

static const ChrOption ringbuf_options[] = {
    {"size", "BYTES", "a power of two (64K)"},
    {NULL},
};

const ChrDriver chr_ringbuf_driver = {
    .name = "ringbuf",
    .alias = "memory",
    .doc = "the last output in memory, see ringbuf-read",
    .options = ringbuf_options,
    .open = ringbuf_open,
    .close = ringbuf_close,
    .write = ringbuf_write,
};
