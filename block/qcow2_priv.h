/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2, versions 2 and 3. The format: "qcow2 image format" in the documents of
 * QEMU (docs/interop/qcow2). Order of writing, so that a process killed at any
 * time leaves at most clusters that nobody uses: data, then counts that grow,
 * then the tables that point to them, then counts that shrink.
 *
 * Locks: .io (readers: data in place; writer: whatever changes what is where),
 * inside it .meta (the table caches).
 */
#ifndef BLOCK_QCOW2_PRIV_H
#define BLOCK_QCOW2_PRIV_H

#include "block/node_priv.h"

#define Q2_MAGIC 0x514649fbu
#define Q2_COPIED (1ull << 63)
#define Q2_COMPRESSED (1ull << 62)
#define Q2_ZERO 1ull
#define Q2_OFFSET_MASK 0x00fffffffffffe00ull
#define Q2_SUBCLUSTERS 32u

/* Incompatible feature bits */
#define Q2_DIRTY (1u << 0)
#define Q2_CORRUPT (1u << 1)
#define Q2_DATA_FILE (1u << 2)
#define Q2_COMPRESSION (1u << 3)
#define Q2_EXTENDED_L2 (1u << 4)
#define Q2_LAZY (1u << 0)    /* compatible */
#define Q2_BITMAPS (1u << 0) /* autoclear */

/* Offsets of header fields that change */
#define Q2_H_SIZE 24
#define Q2_H_L1 36        /* u32 entries, u64 offset */
#define Q2_H_REFTABLE 48  /* u64 offset, u32 clusters */
#define Q2_H_SNAPSHOTS 60 /* u32 count, u64 offset */
#define Q2_H_INCOMPATIBLE 72
#define Q2_H_AUTOCLEAR 88

/* A cached table: one cluster, as it is in the file. */
typedef struct Q2Table {
    uint64_t offset;
    bool dirty;
    GList link; /* in the list of the cache, .data is this */
    uint8_t *bytes;
} Q2Table;

typedef struct Q2Cache {
    struct Qcow2 *q;
    GHashTable *tables; /* &offset -> Q2Table */
    GQueue lru;         /* oldest first */
    guint max;
    guint dirty;
} Q2Cache;

/* A view of the disk: the active one or a snapshot's. */
typedef struct Q2View {
    uint64_t *l1; /* owned: host order */
    uint32_t count;
    uint64_t offset; /* of the table in the file; 0: not there yet */
    uint64_t bytes;  /* of the disk */
    bool active;
} Q2View;

typedef struct Q2Snapshot {
    BlockSnapshot info; /* owned texts */
    uint64_t l1_offset;
    uint32_t l1_count;
    GByteArray *extra; /* owned: as in the file */
} Q2Snapshot;

typedef struct Q2Range {
    uint64_t offset, bytes;
} Q2Range;

typedef struct Qcow2 {
    BlockNode *node; /* borrowed: whose impl this is */
    BlockNode *file; /* borrowed: node->file */
    unsigned version;
    unsigned cluster_bits;
    uint32_t cluster;     /* bytes */
    uint32_t subcluster;  /* bytes; the cluster without extended L2 */
    unsigned l2_bits;     /* entries of a table */
    unsigned entry_bytes; /* 8 or 16 */
    unsigned refs_order;  /* a count has 2^order bits */
    unsigned refs_bits;   /* counts of a block */
    uint64_t incompatible, compatible, autoclear;
    uint8_t compression; /* 0 zlib, 1 zstd */
    uint32_t header_bytes;
    char *backing, *backing_format; /* owned; NULL: none */
    uint64_t bitmap_count, bitmap_offset, bitmap_bytes;
    Q2View active;
    uint64_t reftable_offset;
    uint32_t reftable_count; /* entries */
    uint64_t *reftable;      /* owned: host order */
    uint32_t reftable_used;  /* entries up to the last that is not 0 */
    GArray *snapshots;       /* Q2Snapshot */
    GRWLock io;
    GMutex meta;
    /* under .meta */
    Q2Cache l2, refs;
    GArray *frees;      /* Q2Range: counts to shrink after the next flush */
    uint64_t free_hint; /* no free cluster before this one (number) */
    bool unsynced;      /* something was written since the last fsync */
    bool touched;       /* what a first write does was done */
    uint64_t packed_at; /* compressed cluster that .unpacked is of, 0: none */
    uint8_t *unpacked;  /* owned: one cluster */
} Qcow2;

/** qcow2_open() - takes over the reference of @file; opens no backing file */
BlockNode *qcow2_open(BlockGraph *g, const char *name, BlockNode *file,
                      const BlockMode *mode, GError **error);
/* what the image says; NULL: nothing */
const char *qcow2_backing_name(const BlockNode *n);
const char *qcow2_backing_format(const BlockNode *n);
Qcow2 *qcow2_of(BlockNode *n);

/* header */
bool q2_header_read(Qcow2 *q, GError **error);
int q2_put32(Qcow2 *q, uint64_t at, uint32_t v);
int q2_put64(Qcow2 *q, uint64_t at, uint64_t v);
int q2_put32_64(Qcow2 *q, uint64_t at, uint32_t a, uint64_t b);
int q2_put64_32(Qcow2 *q, uint64_t at, uint64_t a, uint32_t b);
/** q2_touch() - before the first write: bitmaps do not know of it */
int q2_touch(Qcow2 *q);
int q2_set_dirty(Qcow2 *q, bool dirty); /* on the disk at once */
int q2_mark_dirty(Qcow2 *q);            /* with the next fsync */
/** q2_corrupt() - tables make no sense: say so in the image; EIO */
int q2_corrupt(Qcow2 *q, const char *what, uint64_t at);
/** q2_read_u64s() - a table of big-endian numbers */
int q2_read_u64s(BlockNode *file, uint64_t at, uint64_t *out, uint32_t count);
int q2_write_u64s(Qcow2 *q, uint64_t at, const uint64_t *v, uint32_t count);
uint64_t q2_round(const Qcow2 *q, uint64_t bytes); /* up to whole clusters */
int q2_sync(Qcow2 *q); /* fsync of the file, if something was written */

/* cache; .meta held */
void q2_cache_init(Q2Cache *c, Qcow2 *q);
void q2_cache_fini(Q2Cache *c);
int q2_cache_get(Q2Cache *c, uint64_t offset, bool fresh, Q2Table **out);
void q2_cache_dirty(Q2Cache *c, Q2Table *t);
int q2_cache_flush(Q2Cache *c);
void q2_cache_forget(Q2Cache *c, uint64_t offset);
void q2_cache_drop(Q2Cache *c); /* all; nothing may be dirty */

/* counts; .meta held */
int q2_ref_get(Qcow2 *q, uint64_t cluster, uint64_t *count);
int q2_ref_add(Qcow2 *q, uint64_t offset, uint64_t bytes, int delta);
/** q2_alloc() - clusters one after another, counted once */
int q2_alloc(Qcow2 *q, uint64_t bytes, uint64_t *offset);
/** q2_free_later() - when nothing in the file points there any more */
void q2_free_later(Qcow2 *q, uint64_t offset, uint64_t bytes);
/** q2_flush_meta() - all tables to the file, in order; @sync: fsync too */
int q2_flush_meta(Qcow2 *q, bool sync);
/** q2_overlaps() - would writing there destroy the image's own tables? */
bool q2_overlaps(const Qcow2 *q, uint64_t offset, uint64_t bytes);
/** q2_outside() - the same, or beyond the end of the file */
bool q2_outside(const Qcow2 *q, uint64_t offset, uint64_t bytes);
uint64_t q2_ref_max(const Qcow2 *q);

/* map */
typedef enum Q2Kind {
    Q2_NOTHING,
    Q2_ZEROES,
    Q2_NORMAL,
    Q2_PACKED
} Q2Kind;

typedef struct Q2Run {
    Q2Kind kind;
    uint64_t bytes; /* from where it was asked */
    uint64_t host;  /* NORMAL: of the first byte; PACKED: the entry */
    bool owned;     /* NORMAL: nobody else uses these clusters */
} Q2Run;

/* .meta held for all of these */
int q2_map(Qcow2 *q, const Q2View *v, uint64_t at, uint64_t max, Q2Run *out);
int q2_l2_for_write(Qcow2 *q, Q2View *v, uint64_t at, Q2Table **out);
unsigned q2_l2_index(const Qcow2 *q, uint64_t at);
uint64_t q2_entry(const Qcow2 *q, const Q2Table *t, unsigned i);
uint64_t q2_bitmap(const Qcow2 *q, const Q2Table *t, unsigned i);
void q2_set_entry(Qcow2 *q, Q2Table *t, unsigned i, uint64_t entry,
                  uint64_t bitmap);
void q2_free_entry(Qcow2 *q, uint64_t entry);
/** q2_packed_place() - bytes of the file that a compressed cluster may use */
void q2_packed_place(const Qcow2 *q, uint64_t entry, uint64_t *offset,
                     uint32_t *bytes);
int q2_entry_owned(Qcow2 *q, const Q2View *v, uint64_t entry, bool *owned);

/* data; they lock */
int q2_read(Qcow2 *q, const Q2View *v, uint64_t at, void *buf, size_t size);
int q2_write(Qcow2 *q, Q2View *v, uint64_t at, const void *buf, size_t size);
int q2_zeroes(Qcow2 *q, Q2View *v, uint64_t at, uint64_t size, bool discard);
int q2_unpack(Qcow2 *q, uint64_t entry, uint8_t *out); /* .meta held */

/** q2_seal() - what of a view a recording depends on */
bool q2_seal(Qcow2 *q, const Q2View *v, GString *out, GError **error);

/* snapshots */
bool q2_snapshots_read(Qcow2 *q, GError **error);
void q2_snapshots_free(Qcow2 *q);
void q2_view_clear(Q2View *v);

/* check */
typedef struct Q2Check {
    uint64_t corruptions, leaks, fixed_corruptions, fixed_leaks;
    uint64_t allocated, compressed, fragmented, total, end_offset;
} Q2Check;
/** q2_check() - compare counts and flags with what the tables say; @fix: 1
 *  leaks, 2 all; @say: one line a fault, may be NULL */
bool q2_check(Qcow2 *q, int fix, Q2Check *out, GString *say, GError **error);

#endif
