/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records written, read and hashed by one description. */
#include "core/codec.h"

#include <string.h>

#include <xxhash.h>

#include "core/bytes.h"

#define VARINT_MAX_BYTES 10 /* 64 bits in groups of 7 */

void codec_init_write(Codec *c, GByteArray *out)
{
    *c = (Codec){.mode = CODEC_WRITE, .out = out};
}

void codec_init_read(Codec *c, const void *in, size_t size)
{
    *c = (Codec){.mode = CODEC_READ, .in = in, .in_size = size};
}

void codec_init_hash(Codec *c)
{
    *c = (Codec){.mode = CODEC_HASH, .hash = XXH3_createState()};
    g_assert(c->hash);
    XXH3_64bits_reset(c->hash);
}

uint64_t codec_finish_hash(Codec *c)
{
    uint64_t h = XXH3_64bits_digest(c->hash);

    XXH3_freeState(c->hash);
    c->hash = NULL;
    return h;
}

static bool codec_fail(Codec *c)
{
    c->failed = true;
    return false;
}

size_t codec_left(const Codec *c)
{
    return c->mode == CODEC_READ && !c->failed ? c->in_size - c->pos : 0;
}

/* Write or hash. */
static void codec_put(Codec *c, const void *p, size_t size)
{
    if (c->mode == CODEC_HASH) {
        XXH3_64bits_update(c->hash, p, size);
        return;
    }
    if (size > G_MAXUINT - c->out->len) {
        c->failed = true;
        return;
    }
    g_byte_array_append(c->out, p, (guint)size);
}

/* The next @size bytes of the input, NULL when there are fewer. */
static const uint8_t *codec_get(Codec *c, size_t size)
{
    const uint8_t *p;

    if (c->failed || size > c->in_size - c->pos) {
        c->failed = true;
        return NULL;
    }
    p = c->in + c->pos;
    c->pos += size;
    return p;
}

bool codec_bytes(Codec *c, void *buf, size_t size)
{
    if (c->failed) {
        return false;
    }
    if (size == 0) {
        return true;
    }
    if (c->mode == CODEC_READ) {
        const uint8_t *p = codec_get(c, size);

        if (!p) {
            return false;
        }
        memcpy(buf, p, size);
        return true;
    }
    codec_put(c, buf, size);
    return !c->failed;
}

bool codec_u8(Codec *c, uint8_t *v)
{
    return codec_bytes(c, v, 1);
}

bool codec_bool(Codec *c, bool *v)
{
    uint8_t b = c->mode == CODEC_READ ? 0 : *v;

    if (!codec_u8(c, &b)) {
        return false;
    }
    if (b > 1) {
        return codec_fail(c);
    }
    if (c->mode == CODEC_READ) {
        *v = b;
    }
    return true;
}

#define CODEC_DEFINE(width)                                                    \
    bool codec_u##width(Codec *c, uint##width##_t *v)                          \
    {                                                                          \
        uint8_t b[sizeof(*v)];                                                 \
                                                                               \
        if (c->mode != CODEC_READ) {                                           \
            st_le##width(b, *v);                                               \
        }                                                                      \
        if (!codec_bytes(c, b, sizeof(b))) {                                   \
            return false;                                                      \
        }                                                                      \
        if (c->mode == CODEC_READ) {                                           \
            *v = ld_le##width(b);                                              \
        }                                                                      \
        return true;                                                           \
    }

CODEC_DEFINE(16)
CODEC_DEFINE(32)
CODEC_DEFINE(64)

bool codec_i64(Codec *c, int64_t *v)
{
    uint64_t u = c->mode == CODEC_READ ? 0 : (uint64_t)*v;

    if (!codec_u64(c, &u)) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        *v = (int64_t)u;
    }
    return true;
}

/* Refuses overlong forms, so that each value has one encoding. */
static bool codec_get_varint(Codec *c, uint64_t *v)
{
    uint64_t out = 0;

    for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
        const uint8_t *p = codec_get(c, 1);

        if (!p) {
            return false;
        }
        if ((i == VARINT_MAX_BYTES - 1 && *p > 1) || (i > 0 && *p == 0)) {
            return codec_fail(c);
        }
        out |= (uint64_t)(*p & 0x7f) << (7 * i);
        if (!(*p & 0x80)) {
            *v = out;
            return true;
        }
    }
    return codec_fail(c);
}

bool codec_varint(Codec *c, uint64_t *v)
{
    uint8_t b[VARINT_MAX_BYTES];
    unsigned n = 0;
    uint64_t u;

    if (c->failed) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        return codec_get_varint(c, v);
    }
    for (u = *v; u >= 0x80; u >>= 7) {
        b[n++] = (uint8_t)(u | 0x80);
    }
    b[n++] = (uint8_t)u;
    codec_put(c, b, n);
    return !c->failed;
}

bool codec_svarint(Codec *c, int64_t *v)
{
    uint64_t u = 0;

    if (c->mode != CODEC_READ) {
        u = ((uint64_t)*v << 1) ^ (*v < 0 ? UINT64_MAX : 0);
    }
    if (!codec_varint(c, &u)) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        *v = (int64_t)((u >> 1) ^ (0 - (u & 1)));
    }
    return true;
}

bool codec_size(Codec *c, uint32_t *v, uint32_t max)
{
    uint64_t u = c->mode == CODEC_READ ? 0 : *v;

    if (!codec_varint(c, &u)) {
        return false;
    }
    if (u > max) {
        return codec_fail(c);
    }
    *v = (uint32_t)u;
    return true;
}

bool codec_str(Codec *c, char **s, uint32_t max)
{
    size_t have = c->mode == CODEC_READ || !*s ? 0 : strlen(*s);
    uint32_t len = (uint32_t)MIN(have, UINT32_MAX);
    const uint8_t *p;

    if (!codec_size(c, &len, max)) {
        return false;
    }
    if (c->mode != CODEC_READ) {
        return codec_bytes(c, *s, len);
    }
    p = codec_get(c, len);
    if (!p || memchr(p, 0, len)) {
        return codec_fail(c);
    }
    g_free(*s);
    *s = g_strndup((const char *)p, len);
    return true;
}

bool codec_blob(Codec *c, GByteArray *blob, uint32_t max)
{
    uint32_t len = c->mode == CODEC_READ ? 0 : blob->len;
    const uint8_t *p;

    if (!codec_size(c, &len, max)) {
        return false;
    }
    if (c->mode != CODEC_READ) {
        return codec_bytes(c, blob->data, len);
    }
    p = codec_get(c, len);
    if (!p) {
        return false;
    }
    g_byte_array_set_size(blob, 0);
    if (len > 0) {
        g_byte_array_append(blob, p, len);
    }
    return true;
}
