/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an offset on the disk to clusters of the file. */
#include "block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

#include "core/bytes.h"

unsigned q2_l2_index(const Qcow2 *q, uint64_t at)
{
    return (unsigned)(at >> q->cluster_bits & ((1u << q->l2_bits) - 1));
}

uint64_t q2_entry(const Qcow2 *q, const Q2Table *t, unsigned i)
{
    return ld_be64(t->bytes + (size_t)i * q->entry_bytes);
}

uint64_t q2_bitmap(const Qcow2 *q, const Q2Table *t, unsigned i)
{
    return q->entry_bytes == 16 ? ld_be64(t->bytes + (size_t)i * 16 + 8) : 0;
}

void q2_set_entry(Qcow2 *q, Q2Table *t, unsigned i, uint64_t entry,
                  uint64_t bitmap)
{
    st_be64(t->bytes + (size_t)i * q->entry_bytes, entry);
    if (q->entry_bytes == 16) {
        st_be64(t->bytes + (size_t)i * 16 + 8, bitmap);
    }
    q2_cache_dirty(&q->l2, t);
}

void q2_packed_place(const Qcow2 *q, uint64_t entry, uint64_t *offset,
                     uint32_t *bytes)
{
    unsigned x = 62 - (q->cluster_bits - 8);
    uint64_t sectors = entry >> x & ((1ull << (q->cluster_bits - 8)) - 1);

    *offset = entry & ((1ull << x) - 1);
    *bytes = (uint32_t)((sectors + 1) * 512 - *offset % 512);
}

void q2_free_entry(Qcow2 *q, uint64_t entry)
{
    uint64_t offset;
    uint32_t bytes;

    if (entry & Q2_COMPRESSED) {
        q2_packed_place(q, entry, &offset, &bytes);
        q2_free_later(q, offset, bytes);
        q->packed_at = 0;
    } else if (entry & Q2_OFFSET_MASK) {
        q2_free_later(q, entry & Q2_OFFSET_MASK, q->cluster);
    }
}

/* The active view knows by the flag, others must look at the count. */
int q2_entry_owned(Qcow2 *q, const Q2View *v, uint64_t entry, bool *owned)
{
    uint64_t count;
    int err;

    if (v->active) {
        *owned = entry & Q2_COPIED;
        return 0;
    }
    err = q2_ref_get(q, (entry & Q2_OFFSET_MASK) >> q->cluster_bits, &count);
    *owned = count == 1;
    return err;
}

/* --- one piece ----------------------------------------------------------------- */

typedef struct Piece {
    Q2Kind kind;
    uint64_t host; /* of the first byte of the subcluster, or the entry */
    bool owned;
} Piece;

/* One subcluster (without extended L2: the cluster). */
static int piece_at(Qcow2 *q, const Q2View *v, const Q2Table *t, unsigned index,
                    unsigned sub, Piece *out)
{
    uint64_t entry = q2_entry(q, t, index);
    uint64_t bitmap = q2_bitmap(q, t, index);
    uint64_t offset = entry & Q2_OFFSET_MASK;

    *out = (Piece){.kind = Q2_NOTHING};
    if (entry & Q2_COMPRESSED) {
        out->kind = Q2_PACKED;
        out->host = entry;
        return 0;
    }
    if (offset % q->cluster) {
        return q2_corrupt(q, "cluster that is not aligned", offset);
    }
    if (q->entry_bytes == 16) {
        bool there = bitmap >> sub & 1;

        if (bitmap >> (32 + sub) & 1) {
            out->kind = Q2_ZEROES;
            return there ? q2_corrupt(q, "subcluster of two kinds", offset) : 0;
        }
        if (!there) {
            return 0;
        }
        if (!offset) {
            return q2_corrupt(q, "subcluster without a cluster", v->offset);
        }
    } else if (entry & Q2_ZERO) {
        if (q->version < 3) {
            return q2_corrupt(q, "zero cluster in version 2", offset);
        }
        out->kind = Q2_ZEROES;
        return 0;
    } else if (!offset) {
        return 0;
    }
    out->kind = Q2_NORMAL;
    out->host = offset + (uint64_t)sub * q->subcluster;
    return q2_entry_owned(q, v, entry, &out->owned);
}

static int table_at(Qcow2 *q, const Q2View *v, uint64_t at, Q2Table **out)
{
    uint64_t i = at >> (q->cluster_bits + q->l2_bits);
    uint64_t offset = i < v->count ? v->l1[i] & Q2_OFFSET_MASK : 0;

    *out = NULL;
    if (!offset) {
        return 0;
    }
    if (offset % q->cluster) {
        return q2_corrupt(q, "L2 table", offset);
    }
    return q2_cache_get(&q->l2, offset, false, out);
}

/* As far as it goes on in the same way. */
int q2_map(Qcow2 *q, const Q2View *v, uint64_t at, uint64_t max, Q2Run *out)
{
    uint64_t per_table = (uint64_t)q->cluster << q->l2_bits;
    uint64_t end = MIN(at + max, (at / per_table + 1) * per_table);
    uint64_t p = at - at % q->subcluster;
    Q2Table *t;
    Piece first, next;
    int err = table_at(q, v, at, &t);

    *out = (Q2Run){.kind = Q2_NOTHING, .bytes = end - at};
    if (err || !t) {
        return err;
    }
    err = piece_at(q, v, t, q2_l2_index(q, at),
                   (unsigned)(at % q->cluster / q->subcluster), &first);
    out->kind = first.kind;
    out->owned = first.owned;
    out->host = first.kind == Q2_NORMAL ? first.host + (at - p) : first.host;
    if (err || first.kind == Q2_PACKED) {
        out->bytes = MIN(end - at, q->cluster - at % q->cluster);
        return err;
    }
    for (p += q->subcluster; p < end; p += q->subcluster) {
        err = piece_at(q, v, t, q2_l2_index(q, p),
                       (unsigned)(p % q->cluster / q->subcluster), &next);
        if (err || next.kind != first.kind || next.owned != first.owned
            || (next.kind == Q2_NORMAL && next.host != out->host + (p - at))) {
            break;
        }
    }
    out->bytes = MIN(p, end) - at;
    return err;
}

/* --- a table to write in ----------------------------------------------------------- */

static int link_table(Qcow2 *q, Q2View *v, uint64_t i, uint64_t offset)
{
    uint64_t entry = offset | (v->active ? Q2_COPIED : 0);
    int err = q2_cache_flush(&q->refs);

    err = err ? err : q2_sync(q);
    if (!err && v->offset) {
        err = q2_put64(q, v->offset + i * 8, entry);
    }
    if (!err) {
        v->l1[i] = entry;
    }
    return err;
}

/* The table is in the file before anything points to it. */
static int new_table(Qcow2 *q, Q2View *v, uint64_t i, Q2Table *old,
                     Q2Table **out)
{
    g_autofree void *copy =
        old ? g_memdup2(old->bytes, q->cluster) : g_malloc0(q->cluster);
    uint64_t before = v->l1[i] & Q2_OFFSET_MASK;
    uint64_t offset;
    int err = q2_alloc(q, q->cluster, &offset);

    if (err) {
        return err;
    }
    q2_cache_forget(&q->l2, offset);
    q->unsynced = true;
    err = block_write(q->file, offset, copy, q->cluster);
    err = err ? err : link_table(q, v, i, offset);
    if (err) {
        q2_ref_add(q, offset, q->cluster, -1);
        return err;
    }
    if (before) {
        q2_free_later(q, before, q->cluster);
    }
    err = q2_cache_get(&q->l2, offset, true, out);
    if (!err) {
        memcpy((*out)->bytes, copy, q->cluster);
    }
    return err;
}

int q2_l2_for_write(Qcow2 *q, Q2View *v, uint64_t at, Q2Table **out)
{
    uint64_t i = at >> (q->cluster_bits + q->l2_bits);
    Q2Table *t;
    bool owned = false;
    int err;

    if (i >= v->count) {
        return EINVAL;
    }
    err = table_at(q, v, at, &t);
    if (!err && t) {
        err = q2_entry_owned(q, v, v->l1[i], &owned);
    }
    if (!err && owned && q2_outside(q, t->offset, q->cluster)) {
        err = q2_corrupt(q, "L2 table in a place that is not for tables",
                         t->offset);
    }
    if (err || owned) {
        *out = t;
        return err;
    }
    return new_table(q, v, i, t, out);
}
