/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block nodes: what an image is made of. A protocol (file, host_device,
 * null-co) gives bytes; a format (raw, qcow2) gives a disk over a protocol and
 * a backing node; a filter passes through. All I/O here is synchronous and of
 * the host side: devices use block/drive.h.
 */
#ifndef BLOCK_NODE_H
#define BLOCK_NODE_H

#include "core/error.h"
#include "core/keyval.h"

typedef struct BlockGraph BlockGraph; /* all nodes of one program */
typedef struct BlockNode BlockNode;
typedef struct Vm Vm;

typedef enum BlockDiscard {
    BLOCK_DISCARD_IGNORE,
    BLOCK_DISCARD_UNMAP
} BlockDiscard;

typedef enum BlockDetect { /* detect-zeroes= */
    BLOCK_DETECT_OFF,
    BLOCK_DETECT_ON,
    BLOCK_DETECT_UNMAP
} BlockDetect;

/* How a node and what lies under it is used. */
typedef struct BlockMode {
    bool read_only;
    bool direct;   /* cache.direct: O_DIRECT where the host can */
    bool no_flush; /* cache.no-flush: flush does nothing */
    bool lock_off; /* do not lock the file (force-share) */
    bool no_backing;
    BlockDiscard discard;
    BlockDetect detect;
} BlockMode;

/* What a stretch of a node is. */
typedef enum BlockKind {
    BLOCK_DATA,
    BLOCK_ZERO,  /* reads as zeroes without looking below */
    BLOCK_BELOW, /* not here: the backing node, or zeroes without one */
} BlockKind;

typedef struct BlockExtent {
    BlockKind kind;
    uint64_t bytes; /* from where it was asked, at least 1 */
    bool has_offset;
    bool compressed;
    uint64_t offset; /* in the protocol node, with has_offset */
} BlockExtent;

typedef struct BlockSnapshot {
    char *id, *name; /* owned */
    uint64_t vm_state_bytes;
    uint64_t disk_bytes;
    int64_t date_sec;
    uint32_t date_nsec;
    uint64_t vm_clock_ns;
    uint64_t icount; /* UINT64_MAX: none */
} BlockSnapshot;

/* What people and programs ask about a node (query-block, reprise-img info). */
typedef struct BlockInfo {
    uint64_t cluster_bytes; /* 0: none */
    uint64_t allocated_bytes;
    bool dirty;
    bool corrupt;
    bool lazy_refcounts;
    bool extended_l2;
    unsigned compat; /* qcow2: 2 or 3, else 0 */
    unsigned refcount_bits;
    bool zstd;
    uint64_t bitmaps;
} BlockInfo;

BlockGraph *block_graph_new(void);
/** block_graph_set_vm() - the machine whose /dev/fdset/N its files may be */
void block_graph_set_vm(BlockGraph *g, Vm *vm);
Vm *block_graph_vm(const BlockGraph *g);
/** block_graph_free() - closes all that is left */
void block_graph_free(BlockGraph *g);

/**
 * block_open() - a node by options with dotted keys, as in -blockdev
 * Takes what it knows from @kv: driver, node-name, read-only, discard,
 * detect-zeroes, cache.direct, cache.no-flush, filename, file, file.*,
 * backing, backing.*. A bare "file=NODE" refers to a node. Without "driver"
 * the format is probed. The caller owns a reference.
 */
BlockNode *block_open(BlockGraph *g, KeyVals *kv, const BlockMode *mode,
                      GError **error);
/** block_open_image() - a file by name; @format NULL: probed */
BlockNode *block_open_image(BlockGraph *g, const char *filename,
                            const char *format, const BlockMode *mode,
                            GError **error);
BlockNode *block_ref(BlockNode *n);
/** block_unref() - the last one flushes and closes */
void block_unref(BlockNode *n);
BlockNode *block_find(BlockGraph *g, const char *node_name);
typedef void BlockVisit(void *opaque, BlockNode *n);
/** block_foreach() - all nodes of the graph, in order of creation */
void block_foreach(BlockGraph *g, BlockVisit *visit, void *opaque);

const char *block_node_name(const BlockNode *n);
const char *block_format(const BlockNode *n);   /* "qcow2", "raw", "file" */
const char *block_filename(const BlockNode *n); /* of the protocol below */
BlockNode *block_file(const BlockNode *n);      /* borrowed; NULL: none */
BlockNode *block_backing(const BlockNode *n);   /* borrowed; NULL: none */
const BlockMode *block_mode(const BlockNode *n);
uint64_t block_bytes(const BlockNode *n);

/* I/O: 0 or a positive errno. Thread: any; a node locks for itself. The range
 * must lie within block_bytes(), but a protocol grows by writes. */
int block_read(BlockNode *n, uint64_t at, void *buf, size_t size);
int block_write(BlockNode *n, uint64_t at, const void *buf, size_t size);
int block_write_zeroes(BlockNode *n, uint64_t at, uint64_t size);
int block_discard(BlockNode *n, uint64_t at, uint64_t size);
int block_flush(BlockNode *n);
bool block_truncate(BlockNode *n, uint64_t bytes, GError **error);
int block_extent(BlockNode *n, uint64_t at, uint64_t max, BlockExtent *out);
void block_info(BlockNode *n, BlockInfo *out);

/* Internal snapshots; @error names the node when it cannot have any. */
bool block_can_snapshot(const BlockNode *n);
/** block_snapshots() - BlockSnapshot elements; owned by the caller */
GArray *block_snapshots(BlockNode *n);
/** block_seal() - text of all that a recording depends on: format, size, digest
 *  of the mapping, headers of the backing chain; owned by the caller */
char *block_seal(BlockNode *n);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockNode, block_unref)

#endif
