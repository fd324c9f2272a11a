/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header: reading, checking, and the fields that change. */
#include "block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

#include "core/bytes.h"

#define HEADER_V2 72u
#define HEADER_V3 104u
#define L1_BYTES_MAX (32u << 20)
#define REFTABLE_BYTES_MAX (8u << 20)
#define SNAPSHOTS_MAX 65536u
#define BACKING_MAX 1023u
#define EXT_END 0u
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_BITMAPS 0x23852875u

/* --- small writes --------------------------------------------------------------- */

static int put(Qcow2 *q, uint64_t at, const void *buf, size_t size)
{
    q->unsynced = true;
    return block_write(q->file, at, buf, size);
}

int q2_put32(Qcow2 *q, uint64_t at, uint32_t v)
{
    uint8_t b[4];

    st_be32(b, v);
    return put(q, at, b, sizeof(b));
}

int q2_put64(Qcow2 *q, uint64_t at, uint64_t v)
{
    uint8_t b[8];

    st_be64(b, v);
    return put(q, at, b, sizeof(b));
}

int q2_put32_64(Qcow2 *q, uint64_t at, uint32_t a, uint64_t v)
{
    uint8_t b[12];

    st_be32(b, a);
    st_be64(b + 4, v);
    return put(q, at, b, sizeof(b));
}

int q2_put64_32(Qcow2 *q, uint64_t at, uint64_t a, uint32_t v)
{
    uint8_t b[12];

    st_be64(b, a);
    st_be32(b + 8, v);
    return put(q, at, b, sizeof(b));
}

int q2_read_u64s(BlockNode *file, uint64_t at, uint64_t *out, uint32_t count)
{
    int err = block_read(file, at, out, (size_t)count * 8);

    for (uint32_t i = 0; i < count; i++) {
        out[i] = ld_be64((const uint8_t *)&out[i]);
    }
    return err;
}

int q2_write_u64s(Qcow2 *q, uint64_t at, const uint64_t *v, uint32_t count)
{
    g_autofree uint8_t *b = g_malloc((size_t)count * 8 + 1);

    for (uint32_t i = 0; i < count; i++) {
        st_be64(b + (size_t)i * 8, v[i]);
    }
    return put(q, at, b, (size_t)count * 8);
}

int q2_sync(Qcow2 *q)
{
    int err;

    if (!q->unsynced) {
        return 0;
    }
    err = block_flush(q->file);
    q->unsynced = err != 0;
    return err;
}

uint64_t q2_round(const Qcow2 *q, uint64_t bytes)
{
    return (bytes + q->cluster - 1) & ~(uint64_t)(q->cluster - 1);
}

/* --- marks ------------------------------------------------------------------------ */

static int set_incompatible(Qcow2 *q, uint64_t bits)
{
    int err;

    if (q->version < 3 || bits == q->incompatible) {
        return 0;
    }
    err = q2_put64(q, Q2_H_INCOMPATIBLE, bits);
    if (!err) {
        q->incompatible = bits;
        err = q2_sync(q);
    }
    return err;
}

int q2_set_dirty(Qcow2 *q, bool dirty)
{
    return set_incompatible(q, dirty ? q->incompatible | Q2_DIRTY
                                     : q->incompatible & ~(uint64_t)Q2_DIRTY);
}

int q2_mark_dirty(Qcow2 *q)
{
    if (q->version < 3 || (q->incompatible & Q2_DIRTY)) {
        return 0;
    }
    q->incompatible |= Q2_DIRTY;
    return q2_put64(q, Q2_H_INCOMPATIBLE, q->incompatible);
}

int q2_corrupt(Qcow2 *q, const char *what, uint64_t at)
{
    if (!(q->incompatible & Q2_CORRUPT)) {
        g_printerr("reprise: %s: %s at %#" PRIx64 ": the image is corrupt%s\n",
                   block_filename(q->node), what, at,
                   q->node->mode.read_only ? ""
                                           : ", nothing more is written to it");
    }
    if (!q->node->mode.read_only) {
        set_incompatible(q, q->incompatible | Q2_CORRUPT);
    }
    q->incompatible |= Q2_CORRUPT;
    return EIO;
}

/* Bitmaps of changed sectors do not follow what we write: each is marked as in
 * use, which tells their owners that it is out of date. */
static int mark_bitmaps(Qcow2 *q)
{
    uint64_t at = q->bitmap_offset;
    uint64_t end = at + q->bitmap_bytes;

    for (uint64_t i = 0; i < q->bitmap_count; i++) {
        uint8_t b[24];
        uint32_t flags, extra, name;
        int err;

        if (at + sizeof(b) > end) {
            return q2_corrupt(q, "bitmap directory", at);
        }
        err = block_read(q->file, at, b, sizeof(b));
        if (err) {
            return err;
        }
        flags = ld_be32(b + 12);
        name = ld_be16(b + 18);
        extra = ld_be32(b + 20);
        if (!(flags & 1)) {
            err = q2_put32(q, at + 12, flags | 1);
        }
        if (err) {
            return err;
        }
        at += (sizeof(b) + (uint64_t)extra + name + 7) & ~7ull;
    }
    return 0;
}

int q2_touch(Qcow2 *q)
{
    int err = 0;

    if (q->incompatible & Q2_CORRUPT) {
        return EIO;
    }
    if (q->touched) {
        return 0;
    }
    if (q->bitmap_count && (q->autoclear & Q2_BITMAPS)) {
        err = mark_bitmaps(q);
    }
    /* Unknown features that do not survive a write by us. */
    if (!err && q->version >= 3 && (q->autoclear & ~(uint64_t)Q2_BITMAPS)) {
        q->autoclear &= Q2_BITMAPS;
        err = q2_put64(q, Q2_H_AUTOCLEAR, q->autoclear);
    }
    q->touched = !err;
    return err;
}

/* --- reading ------------------------------------------------------------------------ */

static bool header_version(Qcow2 *q, const uint8_t *h, GError **error)
{
    const char *name = block_filename(q->file);

    if (ld_be32(h) != Q2_MAGIC) {
        return fail(error, "%s: is not in qcow2 format", name);
    }
    q->version = ld_be32(h + 4);
    if (q->version < 2 || q->version > 3) {
        return fail(error,
                    "%s: qcow2 version %u is not supported (2 and 3 are)", name,
                    q->version);
    }
    if (ld_be32(h + 32) != 0) {
        return fail(error,
                    "%s: is encrypted, which is not supported (qemu-img "
                    "convert makes a plain copy)",
                    name);
    }
    q->header_bytes = HEADER_V2;
    q->refs_order = 4;
    if (q->version == 3) {
        q->incompatible = ld_be64(h + 72);
        q->compatible = ld_be64(h + 80);
        q->autoclear = ld_be64(h + 88);
        q->refs_order = ld_be32(h + 96);
        q->header_bytes = ld_be32(h + 100);
    }
    return true;
}

static bool header_features(Qcow2 *q, const uint8_t *h, GError **error)
{
    const char *name = block_filename(q->file);
    uint64_t unknown = q->incompatible
                       & ~(uint64_t)(Q2_DIRTY | Q2_CORRUPT | Q2_DATA_FILE
                                     | Q2_COMPRESSION | Q2_EXTENDED_L2);

    if (unknown) {
        return fail(error,
                    "%s: needs features that are not known (%#" PRIx64 ")",
                    name, unknown);
    }
    if (q->incompatible & Q2_DATA_FILE) {
        return fail(error,
                    "%s: keeps its data in another file (data_file), which is "
                    "not supported",
                    name);
    }
    if (q->version == 3
        && (q->header_bytes < HEADER_V3 || q->header_bytes > q->cluster
            || q->header_bytes % 8)) {
        return fail(error, "%s: header of %u bytes", name, q->header_bytes);
    }
    if (q->incompatible & Q2_COMPRESSION) {
        q->compression = q->header_bytes > HEADER_V3 ? h[104] : 0;
        if (q->compression > 1) {
            return fail(error, "%s: compression type %u is not known", name,
                        q->compression);
        }
    }
    return q->refs_order <= 6
           || fail(error, "%s: counts of 2^%u bits", name, q->refs_order);
}

static bool header_geometry(Qcow2 *q, const uint8_t *h, GError **error)
{
    const char *name = block_filename(q->file);
    bool extended = q->incompatible & Q2_EXTENDED_L2;

    q->cluster_bits = ld_be32(h + 20);
    if (q->cluster_bits < 9 || q->cluster_bits > 21
        || (extended && q->cluster_bits < 14)) {
        return fail(error, "%s: clusters of 2^%u bytes are not supported", name,
                    q->cluster_bits);
    }
    q->cluster = 1u << q->cluster_bits;
    q->subcluster = extended ? q->cluster / Q2_SUBCLUSTERS : q->cluster;
    q->entry_bytes = extended ? 16 : 8;
    q->l2_bits = q->cluster_bits - (extended ? 4 : 3);
    q->active.bytes = ld_be64(h + Q2_H_SIZE);
    q->active.count = ld_be32(h + Q2_H_L1);
    q->active.offset = ld_be64(h + Q2_H_L1 + 4);
    q->reftable_offset = ld_be64(h + Q2_H_REFTABLE);
    q->refs_bits = q->cluster_bits + 3 - q->refs_order;
    return true;
}

static bool table_bad(const Qcow2 *q, uint64_t offset, uint64_t bytes,
                      uint64_t max)
{
    return bytes > max || offset > INT64_MAX - bytes
           || offset % q->cluster != 0;
}

static bool header_tables(Qcow2 *q, const uint8_t *h, GError **error)
{
    const char *name = block_filename(q->file);
    uint32_t clusters = ld_be32(h + Q2_H_REFTABLE + 8);
    uint64_t per_l1 = (uint64_t)q->cluster << q->l2_bits;
    uint64_t bytes = (uint64_t)clusters * q->cluster;

    if (q->active.bytes > INT64_MAX
        || q->active.count
               < q->active.bytes / per_l1 + (q->active.bytes % per_l1 != 0)) {
        return fail(error, "%s: its table is too small for its size", name);
    }
    if (table_bad(q, q->active.offset, (uint64_t)q->active.count * 8,
                  L1_BYTES_MAX)) {
        return fail(error, "%s: bad place of the L1 table", name);
    }
    if (clusters == 0
        || table_bad(q, q->reftable_offset, bytes, REFTABLE_BYTES_MAX)
        || q->reftable_offset == 0) {
        return fail(error, "%s: bad place of the refcount table", name);
    }
    if (ld_be32(h + Q2_H_SNAPSHOTS) > SNAPSHOTS_MAX) {
        return fail(error, "%s: too many snapshots", name);
    }
    q->reftable_count = (uint32_t)(bytes / 8);
    q->active.active = true;
    return true;
}

static bool header_backing(Qcow2 *q, const uint8_t *head, GError **error)
{
    uint64_t offset = ld_be64(head + 8);
    uint32_t size = ld_be32(head + 16);

    if (offset == 0 || size == 0) {
        return true;
    }
    if (size > BACKING_MAX || offset > q->cluster
        || size > q->cluster - offset) {
        return fail(error, "%s: bad name of its backing file",
                    block_filename(q->file));
    }
    q->backing = g_strndup((const char *)head + offset, size);
    return true;
}

static bool header_extensions(Qcow2 *q, const uint8_t *head, GError **error)
{
    uint64_t end = ld_be64(head + 8);
    uint32_t at = q->header_bytes;

    end = end && end <= q->cluster ? end : q->cluster;
    while (at + 8 <= end) {
        uint32_t type = ld_be32(head + at);
        uint32_t size = ld_be32(head + at + 4);

        at += 8;
        if (type == EXT_END) {
            break;
        }
        if (size > end - at) {
            return fail(error, "%s: header extension %#x is too long",
                        block_filename(q->file), type);
        }
        if (type == EXT_BACKING_FORMAT && size < 16) {
            g_free(q->backing_format);
            q->backing_format = g_strndup((const char *)head + at, size);
        }
        if (type == EXT_BITMAPS && size >= 24) {
            q->bitmap_count = ld_be32(head + at);
            q->bitmap_bytes = ld_be64(head + at + 8);
            q->bitmap_offset = ld_be64(head + at + 16);
        }
        at += (size + 7) & ~7u;
    }
    if (q->bitmap_bytes > (64u << 20)
        || q->bitmap_offset > INT64_MAX - q->bitmap_bytes) {
        return fail(error, "%s: bad bitmap directory", block_filename(q->file));
    }
    return true;
}

bool q2_header_read(Qcow2 *q, GError **error)
{
    uint8_t h[112];
    g_autofree uint8_t *head = NULL;
    int err = block_read(q->file, 0, h, sizeof(h));

    if (err) {
        return fail_errno(error, err, "%s: cannot be read",
                          block_filename(q->file));
    }
    if (!header_version(q, h, error) || !header_geometry(q, h, error)
        || !header_features(q, h, error) || !header_tables(q, h, error)) {
        return false;
    }
    head = g_malloc0(q->cluster);
    err = block_read(q->file, 0, head, q->cluster);
    if (err) {
        return fail_errno(error, err, "%s: cannot be read",
                          block_filename(q->file));
    }
    return header_backing(q, head, error) && header_extensions(q, head, error);
}
