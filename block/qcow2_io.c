/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data: reading, writing in place, and writing with allocation. */
#include "block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

#define ALLOC_MAX (4u << 20) /* bytes allocated at once */

/* --- reading -------------------------------------------------------------------- */

static int read_below(Qcow2 *q, const Q2View *v, uint64_t at, uint8_t *buf,
                      size_t size)
{
    BlockNode *below = q->node->backing;
    uint64_t there = below ? MIN(block_bytes(below), v->bytes) : 0;
    size_t n = at < there ? (size_t)MIN(size, there - at) : 0;

    memset(buf + n, 0, size - n);
    return n ? block_read(below, at, buf, n) : 0;
}

static int read_packed(Qcow2 *q, uint64_t entry, uint64_t at, uint8_t *buf,
                       size_t size)
{
    int err = 0;

    g_mutex_lock(&q->meta);
    if (q->packed_at != entry) {
        if (!q->unpacked) {
            q->unpacked = g_malloc(q->cluster);
        }
        q->packed_at = 0;
        err = q2_unpack(q, entry, q->unpacked);
        if (!err) {
            q->packed_at = entry;
        }
    }
    if (!err) {
        memcpy(buf, q->unpacked + at % q->cluster, size);
    }
    g_mutex_unlock(&q->meta);
    return err;
}

static int read_run(Qcow2 *q, const Q2View *v, const Q2Run *run, uint64_t at,
                    uint8_t *buf)
{
    switch (run->kind) {
    case Q2_NOTHING:
        return read_below(q, v, at, buf, run->bytes);
    case Q2_ZEROES:
        memset(buf, 0, run->bytes);
        return 0;
    case Q2_NORMAL:
        return block_read(q->file, run->host, buf, run->bytes);
    case Q2_PACKED:
        return read_packed(q, run->host, at, buf, run->bytes);
    }
    return EIO;
}

/* .io held, in either way. */
static int read_held(Qcow2 *q, const Q2View *v, uint64_t at, uint8_t *buf,
                     size_t size)
{
    int err = 0;

    while (size && !err) {
        Q2Run run;

        g_mutex_lock(&q->meta);
        err = q2_map(q, v, at, size, &run);
        g_mutex_unlock(&q->meta);
        if (!err) {
            err = read_run(q, v, &run, at, buf);
        }
        at += run.bytes;
        buf += run.bytes;
        size -= run.bytes;
    }
    return err;
}

int q2_read(Qcow2 *q, const Q2View *v, uint64_t at, void *buf, size_t size)
{
    int err;

    g_rw_lock_reader_lock(&q->io);
    err = read_held(q, v, at, buf, size);
    g_rw_lock_reader_unlock(&q->io);
    return err;
}

/* --- writing to new clusters --------------------------------------------------------- */

/* Clusters that are written at once, and what happens to their borders. */
typedef struct Fill {
    Qcow2 *q;
    Q2View *v;
    uint64_t at; /* of the data */
    const uint8_t *buf;
    size_t size;
    uint64_t start, end; /* whole (sub)clusters around it */
    uint64_t host;       /* of .start */
    bool virgin;         /* the file was never so long: it reads as zeroes */
} Fill;

/* [from, to) keeps what the disk had there. */
static int fill_border(const Fill *f, uint64_t from, uint64_t to)
{
    g_autofree uint8_t *old = NULL;
    size_t size = (size_t)(to - from);
    int err;

    if (size == 0) {
        return 0;
    }
    old = g_malloc(size);
    err = read_held(f->q, f->v, from, old, size);
    if (err || (f->virgin && block_is_zero(old, size))) {
        return err;
    }
    return block_write(f->q->file, f->host + (from - f->start), old, size);
}

static int fill_write(const Fill *f)
{
    int err = fill_border(f, f->start, f->at);

    err = err ? err : fill_border(f, f->at + f->size, f->end);
    err = err ? err
              : block_write(f->q->file, f->host + (f->at - f->start), f->buf,
                            f->size);
    if (!err && block_bytes(f->q->file) < f->host + (f->end - f->start)) {
        g_autoptr(GError) error = NULL;

        if (!block_truncate(f->q->file, f->host + (f->end - f->start),
                            &error)) {
            err = ENOSPC;
        }
    }
    f->q->unsynced = true;
    return err;
}

/* Which subclusters of a cluster the bytes [from, to) of it touch. */
static uint64_t sub_mask(const Qcow2 *q, uint64_t from, uint64_t to)
{
    unsigned first = (unsigned)(from / q->subcluster);
    unsigned last = (unsigned)((to - 1) / q->subcluster);

    return ((2ull << (last - first)) - 1) << first;
}

/* After the data is in the file. */
static int link_clusters(const Fill *f, uint64_t clusters)
{
    Qcow2 *q = f->q;
    uint64_t first = f->start - f->start % q->cluster;
    Q2Table *t;
    int err = q2_l2_for_write(q, f->v, f->at, &t);

    for (uint64_t i = 0; i < clusters && !err; i++) {
        uint64_t at = first + i * q->cluster;
        unsigned index = q2_l2_index(q, at);
        uint64_t entry = q2_entry(q, t, index);
        uint64_t bitmap = q2_bitmap(q, t, index);
        uint64_t from = MAX(f->start, at) - at;
        uint64_t to = MIN(f->end, at + q->cluster) - at;
        uint64_t mask = q->entry_bytes == 16 ? sub_mask(q, from, to) : 0;
        uint64_t host = f->host - f->start % q->cluster + i * q->cluster;

        q2_free_entry(q, entry);
        q2_set_entry(q, t, index, host | (f->v->active ? Q2_COPIED : 0),
                     (bitmap & ~(mask << 32)) | mask);
    }
    return err;
}

/* A cluster that others use as well, or a compressed one, is copied whole; so
 * are all subclusters of it that have data. */
static int fill_needs_whole(Qcow2 *q, const Q2View *v, uint64_t at, bool *whole)
{
    uint64_t start = at - at % q->cluster;
    Q2Run run;
    int err = 0;

    *whole = q->subcluster == q->cluster;
    for (uint64_t p = start; p < start + q->cluster && !*whole && !err;
         p += run.bytes) {
        err = q2_map(q, v, p, start + q->cluster - p, &run);
        *whole = run.kind == Q2_NORMAL || run.kind == Q2_PACKED;
    }
    return err;
}

static bool run_in_place(const Q2Run *run)
{
    return run->kind == Q2_NORMAL && run->owned;
}

/* Extended L2: the cluster is ours already, only these subclusters are new. */
static int owned_cluster(Qcow2 *q, const Q2View *v, uint64_t at, uint64_t *host)
{
    uint64_t entry;
    Q2Table *t = NULL;
    bool owned = false;
    uint64_t i = at >> (q->cluster_bits + q->l2_bits);
    int err;

    *host = 0;
    if (q->entry_bytes != 16 || i >= v->count || !(v->l1[i] & Q2_OFFSET_MASK)) {
        return 0;
    }
    err = q2_entry_owned(q, v, v->l1[i], &owned);
    if (err || !owned) {
        return err;
    }
    err = q2_cache_get(&q->l2, v->l1[i] & Q2_OFFSET_MASK, false, &t);
    if (err) {
        return err;
    }
    entry = q2_entry(q, t, q2_l2_index(q, at));
    if ((entry & Q2_COMPRESSED) || !(entry & Q2_OFFSET_MASK)) {
        return 0;
    }
    err = q2_entry_owned(q, v, entry, &owned);
    *host = owned ? entry & Q2_OFFSET_MASK : 0;
    return err;
}

static int write_subclusters(Fill *f, uint64_t host)
{
    Qcow2 *q = f->q;
    uint64_t base = f->at - f->at % q->cluster;
    uint64_t mask;
    unsigned index = q2_l2_index(q, f->at);
    Q2Table *t;
    int err;

    f->size = MIN(f->size, base + q->cluster - f->at);
    f->start = f->at - f->at % q->subcluster;
    f->end = f->at + f->size + q->subcluster - 1;
    f->end -= f->end % q->subcluster;
    f->host = host + (f->start - base);
    g_mutex_unlock(&q->meta);
    err = fill_write(f);
    g_mutex_lock(&q->meta);
    err = err ? err : q2_l2_for_write(q, f->v, f->at, &t);
    if (!err) {
        mask = sub_mask(q, f->start - base, f->end - base);
        q2_set_entry(q, t, index, q2_entry(q, t, index),
                     (q2_bitmap(q, t, index) & ~(mask << 32)) | mask);
    }
    return err;
}

static int write_clusters(Fill *f)
{
    Qcow2 *q = f->q;
    uint64_t per_table = (uint64_t)q->cluster << q->l2_bits;
    uint64_t table_end = (f->at / per_table + 1) * per_table;
    uint64_t first = f->at - f->at % q->cluster;
    uint64_t last = MIN(MIN(f->at + f->size, table_end), first + ALLOC_MAX);
    uint64_t clusters, host, file_end = block_bytes(q->file);
    Q2Run run;
    bool whole;
    int err;

    /* Up to the first cluster that can be written in place. */
    for (uint64_t p = first; p < last; p += MAX(run.bytes, 1)) {
        err = q2_map(q, f->v, p, last - p, &run);
        if (err) {
            return err;
        }
        if (run_in_place(&run) && p > f->at && p % q->cluster == 0) {
            last = p;
        }
    }
    f->size = (size_t)(last - f->at);
    clusters = q2_round(q, last - first) >> q->cluster_bits;
    err = fill_needs_whole(q, f->v, f->at, &whole);
    if (!err && !whole && clusters > 1) {
        err = fill_needs_whole(q, f->v, last - 1, &whole);
    }
    err = err ? err : q2_alloc(q, clusters << q->cluster_bits, &host);
    if (err) {
        return err;
    }
    f->start = whole ? first : f->at - f->at % q->subcluster;
    f->end = whole ? first + (clusters << q->cluster_bits)
                   : last + (q->subcluster - 1)
                         - (last + q->subcluster - 1) % q->subcluster;
    f->host = host + (f->start - first);
    f->virgin = host >= file_end;
    g_mutex_unlock(&q->meta);
    err = fill_write(f);
    g_mutex_lock(&q->meta);
    err = err ? err : link_clusters(f, clusters);
    if (err) {
        q2_ref_add(q, host, clusters << q->cluster_bits, -1);
    }
    return err;
}

/* .io held for writing. *done: bytes of it that are written now. */
static int write_alloc(Qcow2 *q, Q2View *v, uint64_t at, const uint8_t *buf,
                       size_t size, size_t *done)
{
    Fill f = {.q = q, .v = v, .at = at, .buf = buf, .size = size};
    uint64_t host = 0;
    Q2Run run;
    int err;

    g_mutex_lock(&q->meta);
    err = q2_touch(q);
    err = err ? err : q2_map(q, v, at, size, &run);
    if (!err && run_in_place(&run)) { /* somebody else was quicker */
        f.size = 0;
    } else if (!err) {
        err = owned_cluster(q, v, at, &host);
        if (!err && host && q2_outside(q, host, q->cluster)) {
            err = q2_corrupt(q, "data in a place that is not for data", host);
        }
        if (!err) {
            err = host ? write_subclusters(&f, host) : write_clusters(&f);
        }
    }
    *done = f.size;
    g_mutex_unlock(&q->meta);
    return err;
}

static int write_in_place(Qcow2 *q, Q2View *v, uint64_t at, const uint8_t *buf,
                          size_t size, size_t *done)
{
    Q2Run run;
    int err;

    *done = 0;
    g_mutex_lock(&q->meta);
    err = q2_touch(q);
    err = err ? err : q2_map(q, v, at, size, &run);
    if (!err && run_in_place(&run)) {
        *done = run.bytes;
        q->unsynced = true;
        if (q2_outside(q, run.host, run.bytes)) {
            err =
                q2_corrupt(q, "data in a place that is not for data", run.host);
        }
    }
    g_mutex_unlock(&q->meta);
    return err || !*done ? err : block_write(q->file, run.host, buf, run.bytes);
}

int q2_write(Qcow2 *q, Q2View *v, uint64_t at, const void *buf, size_t size)
{
    const uint8_t *p = buf;
    int err = 0;

    while (size && !err) {
        size_t done;

        g_rw_lock_reader_lock(&q->io);
        err = write_in_place(q, v, at, p, size, &done);
        g_rw_lock_reader_unlock(&q->io);
        if (!err && !done) {
            g_rw_lock_writer_lock(&q->io);
            err = write_alloc(q, v, at, p, size, &done);
            g_rw_lock_writer_unlock(&q->io);
        }
        at += done;
        p += done;
        size -= done;
    }
    return err;
}

/* --- zeroes and nothing ------------------------------------------------------------------ */

/* Would a cluster that is not there show something else? */
static bool has_below(const Qcow2 *q)
{
    return q->node->backing || q->backing;
}

/* One cluster; .meta and .io held. */
static int zero_cluster(Qcow2 *q, Q2View *v, uint64_t at)
{
    Q2Table *t;
    Q2Run run;
    uint64_t entry = 0, bitmap = 0;
    unsigned index = q2_l2_index(q, at);
    int err = q2_map(q, v, at, q->cluster, &run);

    if (err) {
        return err;
    }
    if (run.bytes == q->cluster
        && (run.kind == Q2_ZEROES
            || (run.kind == Q2_NOTHING && !has_below(q)))) {
        return 0;
    }
    err = q2_l2_for_write(q, v, at, &t);
    if (err) {
        return err;
    }
    if (has_below(q) && q->entry_bytes == 16) {
        bitmap = 0xffffffffull << 32;
    } else if (has_below(q)) {
        entry = Q2_ZERO;
    }
    q2_free_entry(q, q2_entry(q, t, index));
    q2_set_entry(q, t, index, entry, bitmap);
    return 0;
}

int q2_zeroes(Qcow2 *q, Q2View *v, uint64_t at, uint64_t size, bool discard)
{
    uint64_t first = q2_round(q, at);
    uint64_t last = (at + size) & ~(uint64_t)(q->cluster - 1);
    int err = 0;

    /* The last cluster of the disk may be a part. */
    if (at + size == v->bytes && at + size > last && first <= last) {
        last += q->cluster;
    }
    if (q->version < 3 && has_below(q)) {
        first = last = at + size;
    }
    if (first >= last) {
        g_autofree uint8_t *zeroes = NULL;

        if (discard) {
            return 0;
        }
        while (size && !err) {
            size_t n = (size_t)MIN(size, 1u << 20);

            zeroes = zeroes ? zeroes : g_malloc0(n);
            err = q2_write(q, v, at, zeroes, n);
            at += n;
            size -= n;
        }
        return err;
    }
    if (at < first) {
        err = discard ? 0 : q2_zeroes(q, v, at, first - at, false);
    }
    g_rw_lock_writer_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = err ? err : q2_touch(q);
    for (uint64_t p = first; p < last && !err; p += q->cluster) {
        err = zero_cluster(q, v, p);
    }
    g_mutex_unlock(&q->meta);
    g_rw_lock_writer_unlock(&q->io);
    if (!err && at + size > last && !discard) {
        err = q2_zeroes(q, v, last, at + size - last, false);
    }
    return err;
}
