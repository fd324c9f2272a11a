/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a kind of node implements, and what all nodes have. */
#ifndef BLOCK_NODE_PRIV_H
#define BLOCK_NODE_PRIV_H

#include "block/node.h"

/* Errors of I/O are positive errnos. NULL members: not supported, or what the
 * comment says. */
typedef struct BlockOps {
    const char *name;
    bool protocol;
    void (*close)(BlockNode *n);
    uint64_t (*bytes)(BlockNode *n);
    int (*read)(BlockNode *n, uint64_t at, void *buf, size_t size);
    int (*write)(BlockNode *n, uint64_t at, const void *buf, size_t size);
    int (*zeroes)(BlockNode *n, uint64_t at, uint64_t size);  /* writes them */
    int (*discard)(BlockNode *n, uint64_t at, uint64_t size); /* does nothing */
    int (*flush)(BlockNode *n);
    bool (*truncate)(BlockNode *n, uint64_t bytes, GError **error);
    int (*extent)(BlockNode *n, uint64_t at, uint64_t max,
                  BlockExtent *out); /* all data */
    void (*info)(BlockNode *n, BlockInfo *out);
    /* what of the image a recording depends on, beyond size and format */
    bool (*seal)(BlockNode *n, GString *out, GError **error);
    GArray *(*snapshots)(BlockNode *n);
    bool (*set_read_only)(BlockNode *n, bool read_only, GError **error);
} BlockOps;

struct BlockNode {
    BlockGraph *graph; /* borrowed */
    const BlockOps *ops;
    char *name;     /* owned: node-name */
    char *filename; /* owned: protocols; NULL: ask .file */
    BlockMode mode;
    gint refs;
    bool guest_read_only; /* what read-only= said, whatever mode has */
    BlockNode *file;      /* owned */
    BlockNode *backing;   /* owned */
    void *impl;           /* owned by ops */
};

/** block_node_new() - an unnamed node in the graph with one reference and no
 *  children; @name NULL: made up */
BlockNode *block_node_new(BlockGraph *g, const BlockOps *ops, const char *name,
                          const BlockMode *mode, GError **error);
void block_node_set_guest_read_only(BlockNode *n, bool read_only);
/** block_file_open() - protocol file or host_device */
BlockNode *block_file_open(BlockGraph *g, const char *name,
                           const char *filename, const BlockMode *mode,
                           GError **error);
/** block_file_create() - a new file, emptied if it was there */
BlockNode *block_file_create(BlockGraph *g, const char *filename,
                             GError **error);
BlockNode *block_null_open(BlockGraph *g, const char *name, uint64_t bytes,
                           uint64_t latency_ns, bool zeroes,
                           const BlockMode *mode, GError **error);
/** block_raw_open() - takes over the reference of @file; @size UINT64_MAX: the
 *  rest; @probed: nobody said that it is raw */
BlockNode *block_raw_open(BlockGraph *g, const char *name, BlockNode *file,
                          uint64_t offset, uint64_t size, bool probed,
                          const BlockMode *mode, GError **error);
/** block_filter_open() - "blkreplay": passes everything on; takes over the
 *  reference of @file */
BlockNode *block_filter_open(BlockGraph *g, const char *name, BlockNode *file,
                             const BlockMode *mode, GError **error);
/** block_is_zero() - all bytes of @buf */
bool block_is_zero(const void *buf, size_t size);
/** block_probe() - the format that these first bytes are of, else "raw" */
const char *block_probe(const void *head, size_t size);
/** block_set_read_only() - the node and the protocol below it */
bool block_set_read_only(BlockNode *n, bool read_only, GError **error);

#define BLOCK_PROBE_BYTES 512

#endif
