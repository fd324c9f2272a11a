/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State rows by position: for checkpoints, which the same tables write and
 * read. Codec rows carry their length. state_layout() tells tables apart.
 */
#include <string.h>

#include "core/bytes.h"
#include "core/device.h"
#include "core/state_priv.h"

#define LENGTH_BYTES 4

static void pack_codec_row(const StateField *f, const void *obj, Codec *c)
{
    uint32_t start = c->out->len;

    g_byte_array_set_size(c->out, start + LENGTH_BYTES);
    state_encode_row(f, obj, c);
    st_le32(c->out->data + start, c->out->len - start - LENGTH_BYTES);
}

static void pack_rows(const StateField *rows, const void *obj, Codec *c)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        if (!state_is_row(f)) {
            continue;
        }
        if (f->type == STATE_TYPE_CODEC) {
            pack_codec_row(f, obj, c);
        } else if (f->type != STATE_TYPE_GROUP) {
            state_encode_row(f, obj, c);
        } else {
            for (uint32_t i = 0; i < f->count; i++) {
                pack_rows(f->group, state_elem(f, obj, i), c);
            }
        }
    }
}

void state_pack(const Device *dev, GByteArray *out)
{
    Codec c;

    codec_init_write(&c, out);
    pack_rows(dev->type->state, dev, &c);
    g_assert(!c.failed);
}

static bool unpack_codec_row(const StateField *f, void *obj, Codec *c)
{
    uint32_t length;
    Codec value;

    if (!codec_u32(c, &length) || length > codec_left(c)) {
        return false;
    }
    codec_init_read(&value, c->in + c->pos, length);
    c->pos += length;
    return f->codec(obj, &value) && codec_left(&value) == 0;
}

static bool unpack_rows(const StateField *rows, void *obj, Codec *c)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        bool ok = true;

        if (!state_is_row(f)) {
            continue;
        }
        if (f->type == STATE_TYPE_CODEC) {
            ok = unpack_codec_row(f, obj, c);
        } else if (f->type != STATE_TYPE_GROUP) {
            ok = state_decode_row(f, obj, c);
        } else {
            for (uint32_t i = 0; ok && i < f->count; i++) {
                ok = unpack_rows(f->group, state_elem(f, obj, i), c);
            }
        }
        if (!ok || c->failed) {
            return false;
        }
    }
    return true;
}

bool state_unpack(Device *dev, Codec *c)
{
    g_assert(c->mode == CODEC_READ);
    return unpack_rows(dev->type->state, dev, c);
}

static void layout_rows(const StateField *rows, Codec *c)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        char *name = (char *)(uintptr_t)f->name;
        uint32_t shape[3] = {f->type, f->size, f->count};

        if (!state_is_row(f)) {
            continue;
        }
        codec_str(c, &name, UINT32_MAX);
        for (unsigned i = 0; i < G_N_ELEMENTS(shape); i++) {
            codec_u32(c, &shape[i]);
        }
        if (f->type == STATE_TYPE_GROUP) {
            layout_rows(f->group, c);
        }
    }
}

uint64_t state_layout(const Device *dev)
{
    Codec c;

    codec_init_hash(&c);
    layout_rows(dev->type->state, &c);
    return codec_finish_hash(&c);
}
