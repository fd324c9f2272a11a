/* SPDX-License-Identifier: GPL-2.0-or-later */
/* raw: the bytes of the protocol, or a part of them. */
#include "block/node_priv.h"

#include <errno.h>
#include <string.h>

#define SECTOR 512u

typedef struct RawImpl {
    uint64_t offset;
    uint64_t size; /* UINT64_MAX: to the end */
    bool probed;   /* a guest must not be able to make it look like another
                      format the next time */
} RawImpl;

static uint64_t raw_bytes(BlockNode *n)
{
    const RawImpl *r = n->impl;
    uint64_t all = block_bytes(n->file);

    if (r->size != UINT64_MAX) {
        return r->size;
    }
    all = all > r->offset ? all - r->offset : 0;
    return (all + SECTOR - 1) / SECTOR * SECTOR;
}

static int raw_read(BlockNode *n, uint64_t at, void *buf, size_t size)
{
    return block_read(n->file, at + ((RawImpl *)n->impl)->offset, buf, size);
}

static int raw_write(BlockNode *n, uint64_t at, const void *buf, size_t size)
{
    const RawImpl *r = n->impl;

    if (r->probed && at < BLOCK_PROBE_BYTES) {
        uint8_t head[BLOCK_PROBE_BYTES];
        int err = raw_read(n, 0, head, sizeof(head));

        if (err) {
            return err;
        }
        memcpy(head + at, buf, MIN(size, sizeof(head) - at));
        if (strcmp(block_probe(head, sizeof(head)), "raw") != 0) {
            return EPERM;
        }
    }
    return block_write(n->file, at + r->offset, buf, size);
}

static int raw_zeroes(BlockNode *n, uint64_t at, uint64_t size)
{
    return block_write_zeroes(n->file, at + ((RawImpl *)n->impl)->offset, size);
}

static int raw_discard(BlockNode *n, uint64_t at, uint64_t size)
{
    return block_discard(n->file, at + ((RawImpl *)n->impl)->offset, size);
}

static int raw_flush(BlockNode *n)
{
    return block_flush(n->file);
}

static bool raw_truncate(BlockNode *n, uint64_t bytes, GError **error)
{
    RawImpl *r = n->impl;

    if (r->size != UINT64_MAX) {
        return fail(error, "%s: a raw node with size= cannot be resized",
                    block_filename(n));
    }
    return block_truncate(n->file, bytes + r->offset, error);
}

static int raw_extent(BlockNode *n, uint64_t at, uint64_t max, BlockExtent *out)
{
    uint64_t offset = at + ((RawImpl *)n->impl)->offset;
    uint64_t end = block_bytes(n->file);
    int err;

    if (offset >= end) {
        out->kind = BLOCK_ZERO;
        return 0;
    }
    err = block_extent(n->file, offset, MIN(max, end - offset), out);
    out->has_offset = out->kind == BLOCK_DATA;
    out->offset = offset;
    return err;
}

static void raw_close(BlockNode *n)
{
    g_free(n->impl);
}

static void raw_info(BlockNode *n, BlockInfo *out)
{
    BlockInfo below;

    block_info(n->file, &below);
    out->allocated_bytes = below.allocated_bytes;
}

static const BlockOps raw_ops = {
    .name = "raw",
    .close = raw_close,
    .bytes = raw_bytes,
    .read = raw_read,
    .write = raw_write,
    .zeroes = raw_zeroes,
    .discard = raw_discard,
    .flush = raw_flush,
    .truncate = raw_truncate,
    .extent = raw_extent,
    .info = raw_info,
};

BlockNode *block_raw_open(BlockGraph *g, const char *name, BlockNode *file,
                          uint64_t offset, uint64_t size, bool probed,
                          const BlockMode *mode, GError **error)
{
    BlockNode *n;
    RawImpl *r;
    uint64_t all = block_bytes(file);

    if (offset % SECTOR || (size != UINT64_MAX && size % SECTOR)) {
        fail(error, "%s: offset= and size= must be whole sectors",
             block_filename(file));
        block_unref(file);
        return NULL;
    }
    if (offset > all || (size != UINT64_MAX && size > all - offset)) {
        fail(error, "%s: offset= and size= go beyond its end",
             block_filename(file));
        block_unref(file);
        return NULL;
    }
    n = block_node_new(g, &raw_ops, name, mode, error);
    if (!n) {
        block_unref(file);
        return NULL;
    }
    r = g_new0(RawImpl, 1);
    r->offset = offset;
    r->size = size;
    r->probed = probed;
    n->impl = r;
    n->file = file;
    return n;
}

/* --- blkreplay: what makes a drive replay is above the nodes (drive.c) ---------- */

static const BlockOps filter_ops = {
    .name = "blkreplay",
    .close = raw_close,
    .bytes = raw_bytes,
    .read = raw_read,
    .write = raw_write,
    .zeroes = raw_zeroes,
    .discard = raw_discard,
    .flush = raw_flush,
    .extent = raw_extent,
    .info = raw_info,
};

BlockNode *block_filter_open(BlockGraph *g, const char *name, BlockNode *file,
                             const BlockMode *mode, GError **error)
{
    BlockMode m = *mode;
    BlockNode *n;
    RawImpl *r;

    m.read_only |= file->mode.read_only;
    n = block_node_new(g, &filter_ops, name, &m, error);
    if (!n) {
        block_unref(file);
        return NULL;
    }
    r = g_new0(RawImpl, 1);
    r->size = UINT64_MAX;
    n->impl = r;
    n->file = file;
    n->guest_read_only = file->guest_read_only;
    return n;
}
