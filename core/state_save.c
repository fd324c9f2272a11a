/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Save, load and digest of state rows. A saved table is a count and that many
 * records: name, type, elements, length, bytes. The bytes of a group are the
 * tables of its elements. A load first checks everything against a scratch
 * copy, so that a bad record leaves the device as it was.
 */
#include <string.h>

#include "core/bytes.h"
#include "core/device.h"
#include "core/state_priv.h"
#include "core/vm.h"

#define MAX_NAME 256
#define MAX_ROWS 65536
#define LENGTH_BYTES 4

/* --- values --------------------------------------------------------------- */

/* Are the elements in memory just what the file has? */
static bool row_is_plain(const StateField *f)
{
    if (f->canonical || f->min || f->max) {
        return false;
    }
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) {
        return f->type == STATE_TYPE_U8;
    }
    return (state_is_scalar(f) && f->type != STATE_TYPE_BOOL
            && f->type != STATE_TYPE_VIRT_TIME)
           || f->type == STATE_TYPE_V128;
}

/* Half the range, so that devices may add and subtract. */
static bool sane_time(int64_t ns)
{
    return ns >= -INT64_MAX / 2 && ns <= INT64_MAX / 2;
}

static bool scalar_codec(const StateField *f, void *obj, uint32_t i, Codec *c)
{
    uint8_t b[8];
    uint64_t v;

    if (c->mode != CODEC_READ) {
        v = f->canonical ? f->canonical(obj) : state_get(f, obj, i);
        st_le64(b, v);
        return codec_bytes(c, b, f->size);
    }
    memset(b, 0, sizeof(b));
    if (!codec_bytes(c, b, f->size)) {
        return false;
    }
    v = ld_le64(b);
    if ((f->type == STATE_TYPE_BOOL && v > 1) || v < f->min
        || (f->max && v > f->max)
        || (f->type == STATE_TYPE_VIRT_TIME && !sane_time((int64_t)v))) {
        c->failed = true;
        return false;
    }
    state_set(f, obj, i, v);
    return true;
}

/* One element that is neither group nor codec row; all three directions. */
static bool element_codec(const StateField *f, void *obj, uint32_t i, Codec *c)
{
    void *p = state_elem(f, obj, i);

    if (f->type == STATE_TYPE_TIMER) {
        Timer *t = p;

        if (!codec_bool(c, &t->armed) || !codec_i64(c, &t->when.ns)) {
            return false;
        }
        c->failed |= c->mode == CODEC_READ && !sane_time(t->when.ns);
        return !c->failed;
    }
    if (f->type == STATE_TYPE_IRQ) {
        return codec_bool(c, &((IrqLine *)p)->level);
    }
    if (f->type == STATE_TYPE_V128) {
        V128 *v = p;

        return codec_u64(c, &v->u64[0]) && codec_u64(c, &v->u64[1]);
    }
    return scalar_codec(f, obj, i, c);
}

static bool values_codec(const StateField *f, void *obj, Codec *c)
{
    if (row_is_plain(f)) {
        return codec_bytes(c, state_elem(f, obj, 0),
                           (size_t)f->size * f->count);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        if (!element_codec(f, obj, i, c)) {
            return false;
        }
    }
    return true;
}

/* --- save ----------------------------------------------------------------- */

static void save_rows(const StateField *rows, const void *obj, Codec *c);

static void save_row(const StateField *f, const void *obj, Codec *c)
{
    char *name = (char *)(uintptr_t)f->name;
    uint8_t type = (uint8_t)f->type;
    uint32_t count = f->count, start;

    codec_str(c, &name, MAX_NAME);
    codec_u8(c, &type);
    codec_size(c, &count, UINT32_MAX);
    start = c->out->len;
    g_byte_array_set_size(c->out, start + LENGTH_BYTES);
    if (f->type == STATE_TYPE_GROUP) {
        for (uint32_t i = 0; i < f->count; i++) {
            save_rows(f->group, state_elem(f, obj, i), c);
        }
    } else {
        state_encode_row(f, obj, c);
    }
    st_le32(c->out->data + start, c->out->len - start - LENGTH_BYTES);
}

static uint32_t count_rows(const StateField *rows)
{
    uint32_t n = 0;

    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        n += state_is_row(f);
    }
    return n;
}

static void save_rows(const StateField *rows, const void *obj, Codec *c)
{
    uint32_t n = count_rows(rows);

    codec_size(c, &n, MAX_ROWS);
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        if (state_is_row(f)) {
            save_row(f, obj, c);
        }
    }
}

void state_save(const Device *dev, GByteArray *out)
{
    Codec c;

    codec_init_write(&c, out);
    save_rows(dev->type->state, dev, &c);
    g_assert(!c.failed);
}

/* --- digest --------------------------------------------------------------- */

bool state_encode_row(const StateField *f, const void *obj, Codec *c)
{
    void *o = (void *)(uintptr_t)obj;

    g_assert(c->mode != CODEC_READ);
    return f->type == STATE_TYPE_CODEC ? f->codec(o, c) : values_codec(f, o, c);
}

bool state_decode_row(const StateField *f, void *obj, Codec *c)
{
    g_assert(c->mode == CODEC_READ);
    return values_codec(f, obj, c) && !c->failed;
}

static void hash_rows(const StateField *rows, const void *obj, Codec *c)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        if (!state_is_row(f)) {
            continue;
        }
        if (f->type != STATE_TYPE_GROUP) {
            state_encode_row(f, obj, c);
            continue;
        }
        for (uint32_t i = 0; i < f->count; i++) {
            hash_rows(f->group, state_elem(f, obj, i), c);
        }
    }
}

uint64_t state_digest(const Device *dev)
{
    Codec c;

    codec_init_hash(&c);
    hash_rows(dev->type->state, dev, &c);
    return codec_finish_hash(&c);
}

/* --- load ----------------------------------------------------------------- */

/* One load, run twice: into the scratch copy (codec rows are only noted), then
 * into the device. */
typedef struct Loader {
    const char *path; /* of the device, for messages */
    bool commit;
} Loader;

static bool load_rows(const Loader *l, const StateField *rows, void *obj,
                      Codec *c, GError **error);

static const StateField *find_row(const StateField *rows, const char *name)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        if (state_is_row(f) && strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static bool load_values(const Loader *l, const StateField *f, void *obj,
                        Codec *c, GError **error)
{
    if (f->type == STATE_TYPE_GROUP) {
        for (uint32_t i = 0; i < f->count; i++) {
            if (!load_rows(l, f->group, state_elem(f, obj, i), c, error)) {
                return fail_prefix(error, "%s[%u]", f->name, i);
            }
        }
    } else if (f->type != STATE_TYPE_CODEC) {
        values_codec(f, obj, c);
    } else if (!l->commit) {
        return true;
    } else if (!f->codec(obj, c)) {
        c->failed = true;
    }
    if (c->failed || codec_left(c) > 0) {
        return fail(error, "row '%s': damaged value", f->name);
    }
    return true;
}

static bool load_row(const Loader *l, const StateField *rows, void *obj,
                     Codec *c, const StateField **row, GError **error)
{
    g_autofree char *name = NULL;
    uint8_t type;
    uint32_t count, length;
    const StateField *f;
    Codec value;

    if (!codec_str(c, &name, MAX_NAME) || !codec_u8(c, &type)
        || !codec_size(c, &count, UINT32_MAX) || !codec_u32(c, &length)
        || length > codec_left(c)) {
        return fail(error, "state is cut short");
    }
    f = *row = find_row(rows, name);
    if (!f) {
        return fail(error, "unknown row '%s'", name);
    }
    if (type != f->type || count != f->count) {
        return fail(error, "row '%s': saved as type %u x %u, expected %u x %u",
                    name, type, count, f->type, f->count);
    }
    codec_init_read(&value, c->in + c->pos, length);
    c->pos += length;
    return load_values(l, f, obj, &value, error);
}

static bool load_missing(const StateField *rows, const bool *seen,
                         GError **error)
{
    for (uint32_t i = 0; rows && rows[i].kind != STATE_KIND_END; i++) {
        if (state_is_row(&rows[i]) && !seen[i]) {
            return fail(error, "row '%s' is missing", rows[i].name);
        }
    }
    return true;
}

static bool load_rows(const Loader *l, const StateField *rows, void *obj,
                      Codec *c, GError **error)
{
    g_autofree bool *seen = NULL;
    uint32_t n = 0;

    while (rows && rows[n].kind != STATE_KIND_END) {
        n++;
    }
    seen = g_new0(bool, n + 1);
    if (!codec_size(c, &n, MAX_ROWS)) {
        return fail(error, "state is cut short");
    }
    while (n-- > 0) {
        const StateField *f = NULL;

        if (!load_row(l, rows, obj, c, &f, error)) {
            return false;
        }
        if (seen[f - rows]) {
            return fail(error, "row '%s' appears twice", f->name);
        }
        seen[f - rows] = true;
    }
    return load_missing(rows, seen, error);
}

static bool load_table(const Loader *l, Device *dev, void *obj,
                       const void *data, size_t size, GError **error)
{
    Codec c;

    codec_init_read(&c, data, size);
    if (!load_rows(l, dev->type->state, obj, &c, error)) {
        return fail_prefix(error, "%s", l->path);
    }
    if (codec_left(&c) > 0) {
        return fail(error, "%s: state is too long", l->path);
    }
    return true;
}

bool state_load(Device *dev, const void *data, size_t size, GError **error)
{
    Loader trial = {.path = dev->path, .commit = false};
    Loader final = {.path = dev->path, .commit = true};
    g_autofree void *scratch = g_memdup2(dev, dev->type->size);
    g_autoptr(GByteArray) before = NULL;

    if (!load_table(&trial, dev, scratch, data, size, error)) {
        return false;
    }
    before = g_byte_array_new();
    state_save(dev, before);
    if (!load_table(&final, dev, dev, data, size, error)) {
        /* a codec row was bad: what it and others had goes back */
        bool back =
            load_table(&final, dev, dev, before->data, before->len, NULL);

        g_assert(back);
        clock_rebuild(dev->vm->clock);
        return false;
    }
    clock_rebuild(dev->vm->clock);
    if (dev->type->rebuild) {
        dev->type->rebuild(dev);
    }
    return true;
}
