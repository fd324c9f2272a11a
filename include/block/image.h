/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making images, and what image tools do with them. */
#ifndef BLOCK_IMAGE_H
#define BLOCK_IMAGE_H

#include "block/node.h"

typedef struct Qcow2CreateOptions {
    uint64_t bytes;         /* whole sectors */
    unsigned version;       /* 2 or 3; 0: 3 */
    uint32_t cluster_bytes; /* 0: 64 KiB */
    unsigned refcount_bits; /* 0: 16 */
    bool extended_l2, lazy_refcounts, zstd;
    const char *backing, *backing_format; /* NULL: none */
} Qcow2CreateOptions;

/** qcow2_create() - a new image in a new or emptied file */
bool qcow2_create(BlockGraph *g, const char *filename,
                  const Qcow2CreateOptions *o, GError **error);
bool raw_create(BlockGraph *g, const char *filename, uint64_t bytes,
                GError **error);

typedef struct ImageCheck {
    uint64_t corruptions, leaks, corruptions_fixed, leaks_fixed;
    uint64_t allocated, compressed, fragmented, total, end_offset;
} ImageCheck;
/** image_check() - @fix: 0 look only, 1 leaks, 2 all; @say: a line a fault, may
 *  be NULL. False: this format has no check, or it failed. */
bool image_check(BlockNode *n, int fix, ImageCheck *out, GString *say,
                 GError **error);
/** image_backing() - what the image itself says; NULL: nothing */
const char *image_backing(const BlockNode *n);
const char *image_backing_format(const BlockNode *n);

/* Internal snapshots of the disk alone; names or ids. */
bool image_snapshot_create(BlockNode *n, const char *name, GError **error);
bool image_snapshot_apply(BlockNode *n, const char *name, GError **error);
bool image_snapshot_delete(BlockNode *n, const char *name, GError **error);

#endif
