/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The node: opening, closing, and what all nodes can do. */
#include "block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

#include "block/hash_priv.h"
#include "core/codec.h"

#define SEAL_CHUNK 65536u

Qcow2 *qcow2_of(BlockNode *n)
{
    return n->impl;
}

const char *qcow2_backing_name(const BlockNode *n)
{
    return ((const Qcow2 *)n->impl)->backing;
}

const char *qcow2_backing_format(const BlockNode *n)
{
    return ((const Qcow2 *)n->impl)->backing_format;
}

/* --- I/O ------------------------------------------------------------------------- */

static uint64_t qcow2_bytes(BlockNode *n)
{
    return qcow2_of(n)->active.bytes;
}

static int qcow2_read(BlockNode *n, uint64_t at, void *buf, size_t size)
{
    Qcow2 *q = n->impl;

    return q2_read(q, &q->active, at, buf, size);
}

static int qcow2_write(BlockNode *n, uint64_t at, const void *buf, size_t size)
{
    Qcow2 *q = n->impl;

    return q2_write(q, &q->active, at, buf, size);
}

static int qcow2_zeroes(BlockNode *n, uint64_t at, uint64_t size)
{
    Qcow2 *q = n->impl;

    return q2_zeroes(q, &q->active, at, size, false);
}

static int qcow2_discard(BlockNode *n, uint64_t at, uint64_t size)
{
    Qcow2 *q = n->impl;

    return q2_zeroes(q, &q->active, at, size, true);
}

static int qcow2_flush(BlockNode *n)
{
    Qcow2 *q = n->impl;
    int err;

    g_mutex_lock(&q->meta);
    err = q2_flush_meta(q, true);
    g_mutex_unlock(&q->meta);
    return err;
}

static int qcow2_extent(BlockNode *n, uint64_t at, uint64_t max,
                        BlockExtent *out)
{
    static const BlockKind kinds[] = {
        [Q2_NOTHING] = BLOCK_BELOW,
        [Q2_ZEROES] = BLOCK_ZERO,
        [Q2_NORMAL] = BLOCK_DATA,
        [Q2_PACKED] = BLOCK_DATA,
    };
    Qcow2 *q = n->impl;
    Q2Run run;
    int err;

    g_rw_lock_reader_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = q2_map(q, &q->active, at, max, &run);
    g_mutex_unlock(&q->meta);
    g_rw_lock_reader_unlock(&q->io);
    if (err) {
        return err;
    }
    out->kind = kinds[run.kind];
    out->bytes = MIN(run.bytes, max);
    out->compressed = run.kind == Q2_PACKED;
    out->has_offset = run.kind == Q2_NORMAL;
    out->offset = run.host;
    return 0;
}

/* --- size --------------------------------------------------------------------------- */

static int grow_l1(Qcow2 *q, uint32_t count)
{
    uint64_t old = q->active.offset, old_bytes = q->active.count * 8ull;
    uint64_t offset;
    g_autofree uint64_t *l1 = g_new0(uint64_t, count);
    int err = q2_alloc(q, count * 8ull, &offset);

    if (err) {
        return err;
    }
    memcpy(l1, q->active.l1, old_bytes);
    err = q2_write_u64s(q, offset, l1, count);
    err = err ? err : q2_flush_meta(q, true);
    err = err ? err : q2_put32_64(q, Q2_H_L1, count, offset);
    err = err ? err : q2_sync(q);
    if (err) {
        return err;
    }
    g_free(q->active.l1);
    q->active.l1 = g_steal_pointer(&l1);
    q->active.count = count;
    q->active.offset = offset;
    if (old_bytes) {
        q2_free_later(q, old, old_bytes);
    }
    return 0;
}

static bool qcow2_truncate(BlockNode *n, uint64_t bytes, GError **error)
{
    Qcow2 *q = n->impl;
    uint64_t per_l1 = (uint64_t)q->cluster << q->l2_bits;
    uint64_t count = bytes / per_l1 + (bytes % per_l1 != 0);
    int err = 0;

    if (bytes % 512 || count > (32u << 20) / 8) {
        return fail(error, "%s: %" PRIu64 " bytes: not a possible size",
                    block_filename(n), bytes);
    }
    if (bytes < q->active.bytes) {
        if (q->snapshots->len) {
            return fail(error, "%s: an image with snapshots cannot shrink",
                        block_filename(n));
        }
        err = q2_zeroes(q, &q->active, bytes, q->active.bytes - bytes, true);
    }
    g_rw_lock_writer_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = err ? err : q2_touch(q);
    if (!err && count > q->active.count) {
        err = grow_l1(q, (uint32_t)count);
    }
    err = err ? err : q2_flush_meta(q, true);
    err = err ? err : q2_put64(q, Q2_H_SIZE, bytes);
    if (!err) {
        q->active.bytes = bytes;
    }
    g_mutex_unlock(&q->meta);
    g_rw_lock_writer_unlock(&q->io);
    return !err
           || fail_errno(error, err, "%s: cannot be resized",
                         block_filename(n));
}

/* --- looking ---------------------------------------------------------------------------- */

static void qcow2_info(BlockNode *n, BlockInfo *out)
{
    Qcow2 *q = n->impl;
    BlockInfo below;

    block_info(n->file, &below);
    out->allocated_bytes = below.allocated_bytes;
    out->cluster_bytes = q->cluster;
    out->dirty = q->incompatible & Q2_DIRTY;
    out->corrupt = q->incompatible & Q2_CORRUPT;
    out->lazy_refcounts = q->compatible & Q2_LAZY;
    out->extended_l2 = q->incompatible & Q2_EXTENDED_L2;
    out->compat = q->version;
    out->refcount_bits = 1u << q->refs_order;
    out->zstd = q->compression == 1;
    out->bitmaps = q->bitmap_count;
}

static bool same_snapshots(GArray *list, const Qcow2 *q)
{
    for (guint i = 0; i < q->snapshots->len; i++) {
        BlockSnapshot s = g_array_index(q->snapshots, Q2Snapshot, i).info;

        s.id = g_strdup(s.id);
        s.name = g_strdup(s.name);
        g_array_append_val(list, s);
    }
    return true;
}

static void snapshot_clear(gpointer snapshot)
{
    BlockSnapshot *s = snapshot;

    g_free(s->id);
    g_free(s->name);
}

static GArray *qcow2_snapshots(BlockNode *n)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(BlockSnapshot));

    g_array_set_clear_func(list, snapshot_clear);
    same_snapshots(list, n->impl);
    return list;
}

/* What is where, without counts and flags: of a changed image this differs in
 * nearly every case, and it costs no reading of data. */
bool q2_seal(Qcow2 *q, const Q2View *v, GString *out, GError **error)
{
    Codec c;
    uint64_t hash, next = 0; /* where a run would go on */
    uint8_t kind = UINT8_MAX;
    int err = 0;

    codec_init_hash(&c);
    for (uint64_t at = 0; at < v->bytes && !err;) {
        Q2Run run;
        bool placed;

        g_mutex_lock(&q->meta);
        err = q2_map(q, v, at, v->bytes - at, &run);
        g_mutex_unlock(&q->meta);
        placed = run.kind == Q2_NORMAL || run.kind == Q2_PACKED;
        if (kind != run.kind || (placed && run.host != next)) {
            kind = (uint8_t)run.kind;
            run.host = placed ? run.host : 0;
            codec_u64(&c, &at);
            codec_u8(&c, &kind);
            codec_u64(&c, &run.host);
        }
        next = run.kind == Q2_NORMAL ? run.host + run.bytes : UINT64_MAX;
        at += run.bytes;
    }
    hash = codec_finish_hash(&c);
    if (err) {
        return fail_errno(error, err, "unreadable");
    }
    g_string_append_printf(out, " map %016" PRIx64, hash);
    return true;
}

static bool qcow2_seal(BlockNode *n, GString *out, GError **error)
{
    return q2_seal(n->impl, &((Qcow2 *)n->impl)->active, out, error);
}

/* --- opening ------------------------------------------------------------------------------ */

static void qcow2_close(BlockNode *n)
{
    Qcow2 *q = n->impl;

    if (!q) {
        return;
    }
    if (!n->mode.read_only && (q->incompatible & Q2_DIRTY)
        && !(q->incompatible & Q2_CORRUPT)) {
        q2_set_dirty(q, false);
    }
    q2_cache_fini(&q->l2);
    q2_cache_fini(&q->refs);
    q2_view_clear(&q->active);
    q2_snapshots_free(q);
    g_array_free(q->frees, TRUE);
    g_free(q->reftable);
    g_free(q->unpacked);
    g_free(q->backing);
    g_free(q->backing_format);
    g_rw_lock_clear(&q->io);
    g_mutex_clear(&q->meta);
    g_free(q);
    n->impl = NULL;
}

void q2_view_clear(Q2View *v)
{
    g_clear_pointer(&v->l1, g_free);
    v->count = 0;
}

static bool read_tables(Qcow2 *q, GError **error)
{
    const char *name = block_filename(q->node);
    int err;

    q->active.l1 = g_new0(uint64_t, q->active.count + 1);
    q->reftable = g_new0(uint64_t, q->reftable_count);
    err =
        q2_read_u64s(q->file, q->active.offset, q->active.l1, q->active.count);
    err = err ? err
              : q2_read_u64s(q->file, q->reftable_offset, q->reftable,
                             q->reftable_count);
    if (err) {
        return fail_errno(error, err, "%s: cannot be read", name);
    }
    for (uint32_t i = 0; i < q->reftable_count; i++) {
        q->reftable_used = q->reftable[i] ? i + 1 : q->reftable_used;
    }
    return q2_snapshots_read(q, error);
}

/* A process that used this image with lazy counts did not end in order. */
static bool repair(Qcow2 *q, GError **error)
{
    Q2Check check;

    if (!(q->incompatible & Q2_DIRTY) || q->node->mode.read_only) {
        return true;
    }
    if (!q2_check(q, 2, &check, NULL, error)) {
        return false;
    }
    if (check.corruptions > check.fixed_corruptions) {
        return fail(error,
                    "%s: was not closed in order, and its tables cannot be "
                    "repaired",
                    block_filename(q->node));
    }
    return q2_set_dirty(q, false) == 0
           || fail(error, "%s: cannot be written", block_filename(q->node));
}

static bool qcow2_set_read_only(BlockNode *n, bool read_only, GError **error)
{
    Qcow2 *q = n->impl;

    if (!read_only && (q->incompatible & Q2_CORRUPT)) {
        return fail(error, "%s: is marked as corrupt: nothing is written to it",
                    block_filename(n));
    }
    return true;
}

static const BlockOps qcow2_ops = {
    .name = "qcow2",
    .close = qcow2_close,
    .bytes = qcow2_bytes,
    .read = qcow2_read,
    .write = qcow2_write,
    .zeroes = qcow2_zeroes,
    .discard = qcow2_discard,
    .flush = qcow2_flush,
    .truncate = qcow2_truncate,
    .extent = qcow2_extent,
    .info = qcow2_info,
    .seal = qcow2_seal,
    .snapshots = qcow2_snapshots,
    .set_read_only = qcow2_set_read_only,
};

static Qcow2 *qcow2_new(BlockNode *n)
{
    Qcow2 *q = g_new0(Qcow2, 1);

    q->node = n;
    q->file = n->file;
    q->snapshots = g_array_new(FALSE, TRUE, sizeof(Q2Snapshot));
    q->frees = g_array_new(FALSE, FALSE, sizeof(Q2Range));
    g_rw_lock_init(&q->io);
    g_mutex_init(&q->meta);
    return q;
}

BlockNode *qcow2_open(BlockGraph *g, const char *name, BlockNode *file,
                      const BlockMode *mode, GError **error)
{
    BlockNode *n = block_node_new(g, &qcow2_ops, name, mode, error);
    bool read_only = mode->read_only;
    bool ok;
    Qcow2 *q;

    if (!n) {
        block_unref(file);
        return NULL;
    }
    n->file = file;
    n->impl = q = qcow2_new(n);
    n->mode.read_only = true; /* until it is known to be in order */
    ok = q2_header_read(q, error);
    if (ok) {
        q2_cache_init(&q->l2, q);
        q2_cache_init(&q->refs, q);
        ok = read_tables(q, error);
    }
    if (ok && !read_only && (q->incompatible & Q2_CORRUPT)) {
        ok = fail(error,
                  "%s: is marked as corrupt: it can be opened read-only "
                  "(qemu-img check -r all repairs it)",
                  block_filename(file));
    }
    if (ok) {
        n->mode.read_only = read_only;
        ok = repair(q, error);
    }
    if (!ok) {
        n->mode.read_only = true;
        block_unref(n);
        return NULL;
    }
    return n;
}
