/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A new qcow2 file: header, one refcount table and block, an empty L1 table. */
#include <errno.h>
#include <string.h>

#include "block/image.h"
#include "block/qcow2_snapshot_priv.h"
#include "core/bytes.h"

#define CLUSTER_DEFAULT (64u << 10)
#define BACKING_MAX 1023u
#define EXT_BACKING_FORMAT 0xe2792acau
#define FEATURE_NAMES 0x6803f857u

typedef struct Feature {
    uint8_t type, bit; /* 0 incompatible, 1 compatible, 2 autoclear */
    const char *name;
} Feature;

static const Feature features[] = {
    {0, 0, "dirty bit"},
    {0, 1, "corrupt bit"},
    {0, 2, "external data file"},
    {0, 3, "compression type"},
    {0, 4, "extended L2 entries"},
    {1, 0, "lazy refcounts"},
    {2, 0, "bitmaps"},
    {2, 1, "raw external data"},
};

typedef struct Layout {
    const Qcow2CreateOptions *o;
    uint32_t cluster;
    unsigned version, order;
    uint64_t l1_count, l1_clusters;
    uint64_t table_clusters, blocks; /* refcounts */
} Layout;

/* In this order: header, refcount table, refcount blocks, L1 table. */
static uint64_t layout_used(const Layout *l)
{
    return 1 + l->table_clusters + l->blocks + l->l1_clusters;
}

static bool layout_make(Layout *l, GError **error)
{
    const Qcow2CreateOptions *o = l->o;
    uint32_t bits = o->refcount_bits ? o->refcount_bits : 16;
    uint64_t per_l1, per_block;

    l->cluster = o->cluster_bytes ? o->cluster_bytes : CLUSTER_DEFAULT;
    l->version = o->version ? o->version : 3;
    if ((l->cluster & (l->cluster - 1)) || l->cluster < 512
        || l->cluster > (2u << 20)) {
        return fail(error,
                    "Cluster size must be a power of two between 512 and "
                    "2048k");
    }
    if ((bits & (bits - 1)) || bits > 64) {
        return fail(error, "Refcount width must be a power of two and may not "
                           "exceed 64 bits");
    }
    if (l->version < 3
        && (bits != 16 || o->extended_l2 || o->lazy_refcounts || o->zstd)) {
        return fail(error, "compat=0.10 has none of refcount_bits, "
                           "extended_l2, lazy_refcounts, compression_type");
    }
    if (o->extended_l2 && l->cluster < (16u << 10)) {
        return fail(error, "Extended L2 entries need clusters of at least 16k");
    }
    l->order = (unsigned)__builtin_ctz(bits);
    per_l1 = (uint64_t)l->cluster * (l->cluster / (o->extended_l2 ? 16 : 8));
    l->l1_count = MAX(o->bytes / per_l1 + (o->bytes % per_l1 != 0), 1);
    l->l1_clusters = (l->l1_count * 8 + l->cluster - 1) / l->cluster;
    if (l->l1_count * 8 > (32u << 20)) {
        return fail(error, "The image is too big for its cluster size");
    }
    per_block = (uint64_t)l->cluster * 8 / bits;
    l->table_clusters = l->blocks = 1;
    while (layout_used(l) > l->blocks * per_block) {
        l->blocks++;
        l->table_clusters = (l->blocks * 8 + l->cluster - 1) / l->cluster;
    }
    return true;
}

static uint8_t *add_extension(uint8_t *p, uint32_t type, const void *data,
                              size_t size)
{
    st_be32(p, type);
    st_be32(p + 4, (uint32_t)size);
    memcpy(p + 8, data, size);
    return p + 8 + ((size + 7) & ~(size_t)7);
}

static uint8_t *add_features(uint8_t *p, const uint8_t *end)
{
    uint8_t names[G_N_ELEMENTS(features) * 48] = {0};

    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        names[i * 48] = features[i].type;
        names[i * 48 + 1] = features[i].bit;
        g_strlcpy((char *)names + i * 48 + 2, features[i].name, 46);
    }
    if (end - p < (ptrdiff_t)sizeof(names) + 16) { /* only for people */
        return p;
    }
    return add_extension(p, FEATURE_NAMES, names, sizeof(names));
}

static bool header_fill(const Layout *l, uint8_t *h, GError **error)
{
    const Qcow2CreateOptions *o = l->o;
    size_t name = o->backing ? strlen(o->backing) : 0;
    uint8_t *p = h + (l->version < 3 ? 72 : 112);

    st_be32(h, Q2_MAGIC);
    st_be32(h + 4, l->version);
    st_be32(h + 20, (uint32_t)__builtin_ctz(l->cluster));
    st_be64(h + Q2_H_SIZE, o->bytes);
    st_be32(h + Q2_H_L1, (uint32_t)l->l1_count);
    st_be64(h + Q2_H_L1 + 4, (1 + l->table_clusters + l->blocks) * l->cluster);
    st_be64(h + Q2_H_REFTABLE, l->cluster);
    st_be32(h + Q2_H_REFTABLE + 8, (uint32_t)l->table_clusters);
    if (l->version >= 3) {
        st_be64(h + Q2_H_INCOMPATIBLE,
                (o->zstd ? Q2_COMPRESSION : 0)
                    | (o->extended_l2 ? Q2_EXTENDED_L2 : 0));
        st_be64(h + 80, o->lazy_refcounts ? Q2_LAZY : 0);
        st_be32(h + 96, l->order);
        st_be32(h + 100, 112);
        h[104] = o->zstd;
    }
    if (o->backing_format) {
        p = add_extension(p, EXT_BACKING_FORMAT, o->backing_format,
                          strlen(o->backing_format));
    }
    if (l->version >= 3) {
        p = add_features(p, h + l->cluster - name);
    }
    p += 8; /* end of extensions */
    if (name > BACKING_MAX || p + name > h + l->cluster) {
        return fail(error, "The name of the backing file is too long");
    }
    if (name) {
        st_be64(h + 8, (uint64_t)(p - h));
        st_be32(h + 16, (uint32_t)name);
        memcpy(p, o->backing, name);
    }
    return true;
}

static void counts_fill(const Layout *l, uint8_t *block)
{
    for (uint64_t c = 0; c < layout_used(l); c++) {
        switch (l->order) {
        case 3:
            block[c] = 1;
            break;
        case 4:
            st_be16(block + c * 2, 1);
            break;
        case 5:
            st_be32(block + c * 4, 1);
            break;
        case 6:
            st_be64(block + c * 8, 1);
            break;
        default:
            block[c >> (3 - l->order)] |=
                (uint8_t)(1u << ((c << l->order) & 7));
            break;
        }
    }
}

bool qcow2_create(BlockGraph *g, const char *filename,
                  const Qcow2CreateOptions *o, GError **error)
{
    Layout l = {.o = o};
    g_autoptr(BlockNode) file = NULL;
    g_autofree uint8_t *head = NULL;
    uint64_t bytes;
    int err;

    if (o->bytes % 512 || o->bytes > INT64_MAX) {
        return fail(error, "%s: the size is a whole number of sectors",
                    filename);
    }
    if (!layout_make(&l, error)) {
        return fail_prefix(error, "%s", filename);
    }
    bytes = (1 + l.table_clusters + l.blocks) * l.cluster;
    head = g_malloc0(bytes);
    if (!header_fill(&l, head, error)) {
        return fail_prefix(error, "%s", filename);
    }
    for (uint64_t i = 0; i < l.blocks; i++) {
        st_be64(head + l.cluster + i * 8,
                (1 + l.table_clusters + i) * l.cluster);
    }
    counts_fill(&l, head + (1 + l.table_clusters) * l.cluster);
    file = block_file_create(g, filename, error);
    if (!file || !block_truncate(file, layout_used(&l) * l.cluster, error)) {
        return false;
    }
    err = block_write(file, 0, head, bytes);
    err = err ? err : block_flush(file);
    return !err || fail_errno(error, err, "%s: cannot be written", filename);
}

bool raw_create(BlockGraph *g, const char *filename, uint64_t bytes,
                GError **error)
{
    g_autoptr(BlockNode) file = block_file_create(g, filename, error);

    return file && block_truncate(file, bytes, error);
}

/* --- what tools ask ------------------------------------------------------------- */

static bool need_qcow2(const BlockNode *n, GError **error)
{
    return strcmp(n->ops->name, "qcow2") == 0
           || fail(error, "%s: a %s image cannot do this", block_filename(n),
                   n->ops->name);
}

const char *image_backing(const BlockNode *n)
{
    return need_qcow2(n, NULL) ? qcow2_backing_name(n) : NULL;
}

const char *image_backing_format(const BlockNode *n)
{
    return need_qcow2(n, NULL) ? qcow2_backing_format(n) : NULL;
}

bool image_check(BlockNode *n, int fix, ImageCheck *out, GString *say,
                 GError **error)
{
    Q2Check c;

    if (!need_qcow2(n, error) || !q2_check(qcow2_of(n), fix, &c, say, error)) {
        return false;
    }
    *out = (ImageCheck){
        .corruptions = c.corruptions,
        .leaks = c.leaks,
        .corruptions_fixed = c.fixed_corruptions,
        .leaks_fixed = c.fixed_leaks,
        .allocated = c.allocated,
        .compressed = c.compressed,
        .fragmented = c.fragmented,
        .total = c.total,
        .end_offset = c.end_offset,
    };
    return true;
}

static bool snapshot_index(BlockNode *n, const char *name, int *index,
                           GError **error)
{
    if (!need_qcow2(n, error)) {
        return false;
    }
    *index = q2_snapshot_find(qcow2_of(n), name);
    return *index >= 0
           || fail(error, "%s: there is no snapshot '%s'", block_filename(n),
                   name);
}

bool image_snapshot_create(BlockNode *n, const char *name, GError **error)
{
    BlockSnapshot info = {
        .name = (char *)(uintptr_t)name,
        .date_sec = g_get_real_time() / G_USEC_PER_SEC,
        .date_nsec = (uint32_t)(g_get_real_time() % G_USEC_PER_SEC * 1000),
        .icount = UINT64_MAX,
    };
    Q2View v = {0};
    int err;

    if (!need_qcow2(n, error)) {
        return false;
    }
    err = q2_snapshot_begin(qcow2_of(n), NULL, 0, &v);
    err = err ? err : q2_snapshot_finish(qcow2_of(n), &v, &info);
    return !err
           || fail_errno(error, err, "%s: snapshot '%s'", block_filename(n),
                         name);
}

bool image_snapshot_apply(BlockNode *n, const char *name, GError **error)
{
    int index, err;

    if (!snapshot_index(n, name, &index, error)) {
        return false;
    }
    err = q2_snapshot_goto(qcow2_of(n), index);
    return !err
           || fail_errno(error, err, "%s: snapshot '%s'", block_filename(n),
                         name);
}

bool image_snapshot_delete(BlockNode *n, const char *name, GError **error)
{
    int index, err;

    if (!snapshot_index(n, name, &index, error)) {
        return false;
    }
    err = q2_snapshot_delete(qcow2_of(n), index);
    return !err
           || fail_errno(error, err, "%s: snapshot '%s'", block_filename(n),
                         name);
}
