/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do the counts say what the tables say? Repairs them. */
#include "block/qcow2_snapshot_priv.h"

#include <errno.h>
#include <string.h>

#include "core/bytes.h"

#define CLUSTERS_MAX (1ull << 31)

typedef struct Checker {
    Qcow2 *q;
    uint32_t *used; /* owned: how often each cluster is */
    uint64_t count; /* clusters of the file */
    Q2Check *out;
    GString *say;
    uint64_t next_host; /* for fragmentation */
} Checker;

G_GNUC_PRINTF(2, 3)
static void fault(Checker *k, const char *fmt, ...)
{
    va_list ap;

    k->out->corruptions++;
    if (!k->say || k->say->len > (1u << 20)) {
        return;
    }
    va_start(ap, fmt);
    g_string_append_vprintf(k->say, fmt, ap);
    va_end(ap);
    g_string_append_c(k->say, '\n');
}

static void use(Checker *k, uint64_t offset, uint64_t bytes, const char *what)
{
    uint64_t first = offset >> k->q->cluster_bits;
    uint64_t last = (offset + bytes - 1) >> k->q->cluster_bits;

    if (!bytes) {
        return;
    }
    if (last >= k->count) {
        fault(k, "ERROR: %s at %#" PRIx64 " lies beyond the end of the file",
              what, offset);
        return;
    }
    for (uint64_t c = first; c <= last; c++) {
        k->used[c]++;
        k->out->end_offset =
            MAX(k->out->end_offset, (c + 1) << k->q->cluster_bits);
    }
}

static void use_entry(Checker *k, const Q2Table *t, unsigned i, bool active)
{
    uint64_t entry = q2_entry(k->q, t, i);
    uint64_t offset = entry & Q2_OFFSET_MASK;
    uint32_t bytes;

    if (entry & Q2_COMPRESSED) {
        q2_packed_place(k->q, entry, &offset, &bytes);
        use(k, offset, bytes, "compressed cluster");
        k->out->compressed += active;
        k->out->allocated += active;
        return;
    }
    if (!offset) {
        return;
    }
    if (offset % k->q->cluster) {
        fault(k, "ERROR: cluster %#" PRIx64 " is not aligned", offset);
        return;
    }
    use(k, offset, k->q->cluster, "cluster");
    if (active) {
        k->out->allocated++;
        k->out->fragmented += k->next_host && offset != k->next_host;
        k->next_host = offset + k->q->cluster;
    }
}

static int use_view(Checker *k, const Q2View *v)
{
    Q2Table t = {.bytes = g_malloc(k->q->cluster)};
    int err = 0;

    use(k, v->offset, v->count * 8ull, "L1 table");
    for (uint32_t i = 0; i < v->count && !err; i++) {
        uint64_t offset = v->l1[i] & Q2_OFFSET_MASK;

        if (!offset) {
            continue;
        }
        if (offset % k->q->cluster) {
            fault(k, "ERROR: L2 table %#" PRIx64 " is not aligned", offset);
            continue;
        }
        use(k, offset, k->q->cluster, "L2 table");
        err = block_read(k->q->file, offset, t.bytes, k->q->cluster);
        for (unsigned e = 0; e < 1u << k->q->l2_bits && !err; e++) {
            use_entry(k, &t, e, v->active);
        }
    }
    g_free(t.bytes);
    return err;
}

static uint64_t snapshots_bytes(const Qcow2 *q)
{
    uint64_t bytes = 0;

    for (guint i = 0; i < q->snapshots->len; i++) {
        const Q2Snapshot *s = &g_array_index(q->snapshots, Q2Snapshot, i);

        bytes +=
            (40 + s->extra->len + strlen(s->info.id) + strlen(s->info.name) + 7)
            & ~7ull;
    }
    return bytes;
}

/* Bitmaps: their directory, tables and clusters. */
static int use_bitmaps(Checker *k)
{
    Qcow2 *q = k->q;
    uint64_t at = q->bitmap_offset, end = at + q->bitmap_bytes;
    int err = 0;

    if (!q->bitmap_count || !(q->autoclear & Q2_BITMAPS)) {
        return 0;
    }
    use(k, at, q->bitmap_bytes, "bitmap directory");
    for (uint64_t i = 0; i < q->bitmap_count && !err && at + 24 <= end; i++) {
        uint8_t b[24];
        uint64_t table, count;
        g_autofree uint64_t *entries = NULL;

        err = block_read(q->file, at, b, sizeof(b));
        table = ld_be64(b);
        count = ld_be32(b + 8);
        at += (sizeof(b) + (uint64_t)ld_be32(b + 20) + ld_be16(b + 18) + 7)
              & ~7ull;
        if (err || count > (8u << 20)) {
            break;
        }
        use(k, table, count * 8, "bitmap table");
        entries = g_new0(uint64_t, count + 1);
        err = q2_read_u64s(q->file, table, entries, (uint32_t)count);
        for (uint64_t e = 0; e < count && !err; e++) {
            if (entries[e] & Q2_OFFSET_MASK) {
                use(k, entries[e] & Q2_OFFSET_MASK, q->cluster,
                    "bitmap cluster");
            }
        }
    }
    return err;
}

static int use_all(Checker *k)
{
    Qcow2 *q = k->q;
    uint8_t b[12];
    int err = block_read(q->file, Q2_H_SNAPSHOTS, b, sizeof(b));

    use(k, 0, q->cluster, "header");
    err = err ? err : use_view(k, &q->active);
    for (guint i = 0; i < q->snapshots->len && !err; i++) {
        Q2View v = {0};

        err = q2_snapshot_view(q, (int)i, &v);
        err = err ? err : use_view(k, &v);
        q2_view_clear(&v);
    }
    if (q->snapshots->len) {
        use(k, ld_be64(b + 4), snapshots_bytes(q), "snapshot table");
    }
    err = err ? err : use_bitmaps(k);
    use(k, q->reftable_offset, q->reftable_count * 8ull, "refcount table");
    for (uint32_t i = 0; i < q->reftable_count; i++) {
        uint64_t offset = q->reftable[i] & Q2_OFFSET_MASK;

        if (offset && offset % q->cluster) {
            fault(k, "ERROR: refcount block %#" PRIx64 " is not aligned",
                  offset);
        } else if (offset) {
            use(k, offset, q->cluster, "refcount block");
        }
    }
    return err;
}

/* Set the count of a cluster to what it should be. */
static int set_count(Checker *k, uint64_t cluster, uint64_t now)
{
    int err = 0;

    for (; now < k->used[cluster] && !err; now++) {
        err = q2_ref_add(k->q, cluster << k->q->cluster_bits, 1, 1);
    }
    for (; now > k->used[cluster] && !err; now--) {
        err = q2_ref_add(k->q, cluster << k->q->cluster_bits, 1, -1);
    }
    return err;
}

static int compare_counts(Checker *k, int fix)
{
    int err = 0;

    for (uint64_t c = 0; c < k->count && !err; c++) {
        uint64_t now;

        err = q2_ref_get(k->q, c, &now);
        if (err || now == k->used[c]) {
            continue;
        }
        if (now < k->used[c]) {
            fault(k,
                  "ERROR cluster %" PRIu64 " refcount=%" PRIu64 " reference=%u",
                  c, now, k->used[c]);
            if (fix > 1 && set_count(k, c, now) == 0) {
                k->out->fixed_corruptions++;
            }
            continue;
        }
        k->out->leaks++;
        if (k->say && k->say->len < (1u << 20)) {
            g_string_append_printf(k->say,
                                   "Leaked cluster %" PRIu64
                                   " refcount=%" PRIu64 " reference=%u\n",
                                   c, now, k->used[c]);
        }
        if (fix && set_count(k, c, now) == 0) {
            k->out->fixed_leaks++;
        }
    }
    return err;
}

/* Flags of the active view against what is used. */
static int compare_flags(Checker *k)
{
    Qcow2 *q = k->q;
    Q2Table t = {.bytes = g_malloc(q->cluster)};
    int err = 0;

    for (uint32_t i = 0; i < q->active.count && !err; i++) {
        uint64_t l1 = q->active.l1[i], offset = l1 & Q2_OFFSET_MASK;

        if (!offset || offset % q->cluster
            || offset >> q->cluster_bits >= k->count) {
            continue;
        }
        if (!(l1 & Q2_COPIED) != (k->used[offset >> q->cluster_bits] != 1)) {
            fault(k, "ERROR OFLAG_COPIED L2 cluster: l1_index=%u", i);
        }
        err = block_read(q->file, offset, t.bytes, q->cluster);
        for (unsigned e = 0; e < 1u << q->l2_bits && !err; e++) {
            uint64_t entry = q2_entry(q, &t, e);
            uint64_t c = (entry & Q2_OFFSET_MASK) >> q->cluster_bits;

            if (!(entry & Q2_COMPRESSED) && c && c < k->count
                && !(entry & Q2_COPIED) != (k->used[c] != 1)) {
                fault(k, "ERROR OFLAG_COPIED data cluster: l2_entry=%#" PRIx64,
                      entry);
            }
        }
    }
    g_free(t.bytes);
    return err;
}

static int check_held(Checker *k, int fix)
{
    Qcow2 *q = k->q;
    uint64_t counts, flags;
    int err = q->node->mode.read_only ? 0 : q2_flush_meta(q, true);

    err = err ? err : use_all(k);
    counts = k->out->corruptions;
    err = err ? err : compare_counts(k, fix);
    err = err ? err : compare_flags(k);
    flags = k->out->corruptions - counts - k->out->fixed_corruptions;
    if (!err && fix > 1 && flags) {
        err = q2_flush_meta(q, true);
        err = err ? err : q2_fix_flags(q, false);
        k->out->fixed_corruptions += err ? 0 : flags;
    }
    if (!err && fix) {
        err = q2_flush_meta(q, true);
    }
    return err;
}

bool q2_check(Qcow2 *q, int fix, Q2Check *out, GString *say, GError **error)
{
    Checker k = {.q = q, .out = out, .say = say};
    uint64_t end = q2_round(q, block_bytes(q->file));
    int err;

    *out = (Q2Check){.total = q2_round(q, q->active.bytes) >> q->cluster_bits};
    k.count = end >> q->cluster_bits;
    if (k.count > CLUSTERS_MAX
        || !(k.used = g_try_new0(uint32_t, k.count + 1))) {
        return fail(error, "%s: too big to be checked",
                    block_filename(q->node));
    }
    g_rw_lock_writer_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = check_held(&k, fix);
    g_mutex_unlock(&q->meta);
    g_rw_lock_writer_unlock(&q->io);
    g_free(k.used);
    return !err
           || fail_errno(error, err, "%s: the check failed",
                         block_filename(q->node));
}
