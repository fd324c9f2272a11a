/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each cluster is used, and finding unused ones. */
#include "block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

#include "core/bytes.h"

#define BEYOND_MAX (1u << 20) /* counted clusters behind the end of the file */
#define REFTABLE_MAX ((8u << 20) / 8) /* entries */

/* --- one count ------------------------------------------------------------------ */

uint64_t q2_ref_max(const Qcow2 *q)
{
    return q->refs_order == 6 ? UINT64_MAX
                              : (1ull << (1u << q->refs_order)) - 1;
}

static uint64_t count_read(const Qcow2 *q, const uint8_t *block, uint64_t i)
{
    unsigned bits = 1u << q->refs_order;

    switch (q->refs_order) {
    case 3:
        return block[i];
    case 4:
        return ld_be16(block + i * 2);
    case 5:
        return ld_be32(block + i * 4);
    case 6:
        return ld_be64(block + i * 8);
    default:
        return block[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
    }
}

static void count_write(const Qcow2 *q, uint8_t *block, uint64_t i, uint64_t v)
{
    unsigned bits = 1u << q->refs_order;
    unsigned shift = (unsigned)(i * bits % 8);
    uint8_t *b = &block[i * bits / 8];

    switch (q->refs_order) {
    case 3:
        block[i] = (uint8_t)v;
        break;
    case 4:
        st_be16(block + i * 2, (uint16_t)v);
        break;
    case 5:
        st_be32(block + i * 4, (uint32_t)v);
        break;
    case 6:
        st_be64(block + i * 8, v);
        break;
    default:
        *b = (uint8_t)((*b & ~(((1u << bits) - 1) << shift)) | v << shift);
        break;
    }
}

static int block_of(Qcow2 *q, uint64_t cluster, Q2Table **out)
{
    uint64_t index = cluster >> q->refs_bits;
    uint64_t offset =
        index < q->reftable_count ? q->reftable[index] & Q2_OFFSET_MASK : 0;

    *out = NULL;
    if (offset == 0) {
        return 0;
    }
    if (offset % q->cluster) {
        return q2_corrupt(q, "refcount block", offset);
    }
    return q2_cache_get(&q->refs, offset, false, out);
}

static uint64_t in_block(const Qcow2 *q, uint64_t cluster)
{
    return cluster & ((1ull << q->refs_bits) - 1);
}

int q2_ref_get(Qcow2 *q, uint64_t cluster, uint64_t *count)
{
    Q2Table *t;
    int err = block_of(q, cluster, &t);

    *count = 0;
    if (!err && t) {
        *count = count_read(q, t->bytes, in_block(q, cluster));
    }
    return err;
}

/* --- new blocks of counts ---------------------------------------------------------- */

static int find_free(Qcow2 *q, uint64_t from, uint64_t *cluster)
{
    uint64_t end = block_bytes(q->file) >> q->cluster_bits;

    for (uint64_t c = from;; c++) {
        uint64_t count;
        int err = q2_ref_get(q, c, &count);

        if (err) {
            return err;
        }
        if (count && c > MAX(end, from) + BEYOND_MAX) {
            return q2_corrupt(q,
                              "clusters in use far beyond the end of the "
                              "file",
                              c << q->cluster_bits);
        }
        if (count == 0) {
            *cluster = c;
            return c << q->cluster_bits > INT64_MAX / 2 ? EFBIG : 0;
        }
    }
}

/* A bigger table of blocks, behind everything that is counted or in the file.
 * The counts of its own clusters come in new blocks next to it. */
static int reftable_grow(Qcow2 *q, uint64_t index)
{
    uint64_t start = MAX(q2_round(q, block_bytes(q->file)) >> q->cluster_bits,
                         (uint64_t)q->reftable_count << q->refs_bits);
    uint64_t entries = MAX(index + 1, (uint64_t)q->reftable_count * 3 / 2);
    uint64_t table, blocks = 1, first, last, count;
    g_autofree uint64_t *bigger = NULL;
    g_autofree uint8_t *block = g_malloc(q->cluster);
    uint64_t old = q->reftable_offset, old_bytes = q->reftable_count * 8ull;
    int err = 0;

    start = MAX(start, index << q->refs_bits);
    for (;; blocks++) {
        entries = MAX(entries, ((start + blocks * 2) >> q->refs_bits) + 2);
        table = q2_round(q, entries * 8) >> q->cluster_bits;
        first = start >> q->refs_bits;
        last = (start + table + blocks - 1) >> q->refs_bits;
        if (last - first + 1 <= blocks && last < entries) {
            break;
        }
        entries = MAX(entries, last + 1);
    }
    entries = (table << q->cluster_bits) / 8;
    if (entries > REFTABLE_MAX) {
        return EFBIG;
    }
    count = last - first + 1;
    bigger = g_new0(uint64_t, entries);
    memcpy(bigger, q->reftable, old_bytes);
    for (uint64_t b = 0; b < count && !err; b++) {
        uint64_t place = start + table + b;

        memset(block, 0, q->cluster);
        for (uint64_t c = start; c < start + table + count; c++) {
            if (c >> q->refs_bits == first + b) {
                count_write(q, block, in_block(q, c), 1);
            }
        }
        bigger[first + b] = place << q->cluster_bits;
        err = block_write(q->file, place << q->cluster_bits, block, q->cluster);
    }
    if (!err) {
        err = q2_write_u64s(q, start << q->cluster_bits, bigger,
                            (uint32_t)entries);
    }
    q->unsynced = true;
    err = err ? err : q2_sync(q);
    err = err ? err
              : q2_put64_32(q, Q2_H_REFTABLE, start << q->cluster_bits,
                            (uint32_t)table);
    if (err) {
        return err;
    }
    g_free(q->reftable);
    q->reftable = g_steal_pointer(&bigger);
    q->reftable_count = (uint32_t)entries;
    q->reftable_used = (uint32_t)(last + 1);
    q->reftable_offset = start << q->cluster_bits;
    q2_free_later(q, old, old_bytes);
    return q2_sync(q);
}

/* A block of counts at cluster @place, which it may count itself. */
static int block_make(Qcow2 *q, uint64_t index, uint64_t place)
{
    uint64_t offset = place << q->cluster_bits;
    Q2Table *t;
    int err;

    if (place >> q->refs_bits != index) {
        err = block_of(q, place, &t);
        if (err) {
            return err;
        }
        count_write(q, t->bytes, in_block(q, place), 1);
        q2_cache_dirty(&q->refs, t);
    }
    err = q2_cache_get(&q->refs, offset, true, &t);
    if (err) {
        return err;
    }
    if (place >> q->refs_bits == index) {
        count_write(q, t->bytes, in_block(q, place), 1);
    }
    q2_cache_dirty(&q->refs, t);
    err = q2_cache_flush(&q->refs);
    err = err ? err : q2_sync(q);
    err = err ? err : q2_put64(q, q->reftable_offset + index * 8, offset);
    if (!err) {
        q->reftable[index] = offset;
        q->reftable_used = MAX(q->reftable_used, (uint32_t)index + 1);
    }
    return err;
}

/* Make sure that there is a block for the counts of @cluster; *made: something
 * was allocated for it. */
static int block_ensure(Qcow2 *q, uint64_t cluster, bool *made)
{
    uint64_t index = cluster >> q->refs_bits;
    int err = 0;

    while (!err
           && (index >= q->reftable_count
               || !(q->reftable[index] & Q2_OFFSET_MASK))) {
        uint64_t place, place_index;

        *made = true;
        if (index >= q->reftable_count) {
            err = reftable_grow(q, index);
            continue;
        }
        err = find_free(q, q->free_hint, &place);
        if (!err && q2_overlaps(q, place << q->cluster_bits, q->cluster)) {
            err = q2_corrupt(q, "a table in an unused cluster",
                             place << q->cluster_bits);
        }
        if (err) {
            break;
        }
        place_index = place >> q->refs_bits;
        if (place_index >= q->reftable_count) {
            err = reftable_grow(q, place_index);
        } else if (q->reftable[place_index] & Q2_OFFSET_MASK) {
            err = block_make(q, index, place);
        } else {
            err = block_make(q, place_index, place);
        }
    }
    return err;
}

/* --- many counts ---------------------------------------------------------------------- */

int q2_ref_add(Qcow2 *q, uint64_t offset, uint64_t bytes, int delta)
{
    uint64_t first = offset >> q->cluster_bits;
    uint64_t last = (offset + bytes - 1) >> q->cluster_bits;

    for (uint64_t c = first; bytes && c <= last; c++) {
        Q2Table *t;
        uint64_t v;
        int err = block_of(q, c, &t);

        if (err) {
            return err;
        }
        v = t ? count_read(q, t->bytes, in_block(q, c)) : 0;
        if (!t || (delta < 0 && v == 0)) {
            return q2_corrupt(q, "count of an unused cluster",
                              c << q->cluster_bits);
        }
        if (delta > 0 && v == q2_ref_max(q)) {
            return E2BIG;
        }
        v += (uint64_t)(int64_t)delta;
        count_write(q, t->bytes, in_block(q, c), v);
        q2_cache_dirty(&q->refs, t);
        if (v == 0) {
            q->free_hint = MIN(q->free_hint, c);
            q2_cache_forget(&q->l2, c << q->cluster_bits);
        }
    }
    return 0;
}

int q2_alloc(Qcow2 *q, uint64_t bytes, uint64_t *offset)
{
    uint64_t clusters = q2_round(q, bytes) >> q->cluster_bits;
    uint64_t start, run = 0;
    int err = find_free(q, q->free_hint, &start);

    if (err) {
        return err;
    }
    q->free_hint = start;
    while (run < clusters) {
        uint64_t count;
        bool made = false;

        err = block_ensure(q, start + run, &made);
        err = err ? err : q2_ref_get(q, start + run, &count);
        if (err) {
            return err;
        }
        if (made) { /* it may have taken what we had counted on */
            run = 0;
            err = find_free(q, q->free_hint, &start);
        } else if (count) {
            err = find_free(q, start + run + 1, &start);
            run = 0;
        } else {
            run++;
        }
        if (err) {
            return err;
        }
    }
    err =
        q2_ref_add(q, start << q->cluster_bits, clusters << q->cluster_bits, 1);
    if (!err && q->free_hint == start) {
        q->free_hint = start + clusters;
    }
    *offset = start << q->cluster_bits;
    if (!err && q2_overlaps(q, *offset, clusters << q->cluster_bits)) {
        err = q2_corrupt(q, "a table in an unused cluster", *offset);
    }
    return err;
}

void q2_free_later(Qcow2 *q, uint64_t offset, uint64_t bytes)
{
    Q2Range r = {offset, bytes};

    g_array_append_val(q->frees, r);
}

static int apply_frees(Qcow2 *q)
{
    int err = 0;

    for (guint i = 0; i < q->frees->len; i++) {
        const Q2Range *r = &g_array_index(q->frees, Q2Range, i);
        uint64_t first = r->offset & ~(uint64_t)(q->cluster - 1);
        uint64_t count = 0;

        err = err ? err : q2_ref_add(q, r->offset, r->bytes, -1);
        if (err || q->node->mode.discard != BLOCK_DISCARD_UNMAP) {
            continue;
        }
        if (q2_ref_get(q, first >> q->cluster_bits, &count) == 0 && count == 0
            && r->bytes <= q->cluster) {
            block_discard(q->file, first, q->cluster);
        }
    }
    g_array_set_size(q->frees, 0);
    return err;
}

int q2_flush_meta(Qcow2 *q, bool sync)
{
    int err = q2_cache_flush(&q->refs);

    if (!err && q->l2.dirty) {
        err = q2_sync(q);
        err = err ? err : q2_cache_flush(&q->l2);
    }
    if (!err && q->frees->len) {
        err = q2_sync(q);
        err = err ? err : apply_frees(q);
        err = err ? err : q2_cache_flush(&q->refs);
    }
    return err || !sync ? err : q2_sync(q);
}

bool q2_outside(const Qcow2 *q, uint64_t offset, uint64_t bytes)
{
    return offset + bytes > q2_round(q, block_bytes(q->file))
           || q2_overlaps(q, offset, bytes);
}

static bool touches(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

bool q2_overlaps(const Qcow2 *q, uint64_t offset, uint64_t bytes)
{
    if (touches(offset, bytes, 0, q->cluster)
        || touches(offset, bytes, q->active.offset, q->active.count * 8ull)
        || touches(offset, bytes, q->reftable_offset,
                   q->reftable_count * 8ull)) {
        return true;
    }
    for (uint32_t i = 0; i < q->reftable_used; i++) {
        uint64_t at = q->reftable[i] & Q2_OFFSET_MASK;

        if (at && touches(offset, bytes, at, q->cluster)) {
            return true;
        }
    }
    return false;
}
