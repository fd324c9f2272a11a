/* SPDX-License-Identifier: GPL-2.0-or-later */
/* null-co: a disk of any size that forgets what is written. */
#include "block/node_priv.h"

#include <string.h>

typedef struct NullImpl {
    uint64_t bytes;
    uint64_t latency_ns; /* host time of each read, write and flush */
    bool zeroes;
} NullImpl;

static uint64_t null_bytes(BlockNode *n)
{
    return ((NullImpl *)n->impl)->bytes;
}

static void null_wait(const BlockNode *n)
{
    uint64_t us = ((const NullImpl *)n->impl)->latency_ns / 1000;

    if (us) {
        g_usleep(us);
    }
}

/* Always zeroes: whatever else would be in the buffer is not ours to give. */
static int null_read(BlockNode *n, uint64_t at, void *buf, size_t size)
{
    null_wait(n);
    memset(buf, 0, size);
    return 0;
}

static int null_write(BlockNode *n, uint64_t at, const void *buf, size_t size)
{
    null_wait(n);
    return 0;
}

static int null_flush(BlockNode *n)
{
    null_wait(n);
    return 0;
}

static int null_zeroes(BlockNode *n, uint64_t at, uint64_t size)
{
    return 0;
}

static int null_extent(BlockNode *n, uint64_t at, uint64_t max,
                       BlockExtent *out)
{
    out->kind = ((NullImpl *)n->impl)->zeroes ? BLOCK_ZERO : BLOCK_DATA;
    return 0;
}

static bool null_truncate(BlockNode *n, uint64_t bytes, GError **error)
{
    ((NullImpl *)n->impl)->bytes = bytes;
    return true;
}

static void null_close(BlockNode *n)
{
    g_free(n->impl);
}

static const BlockOps null_ops = {
    .name = "null-co",
    .protocol = true,
    .close = null_close,
    .bytes = null_bytes,
    .read = null_read,
    .write = null_write,
    .zeroes = null_zeroes,
    .flush = null_flush,
    .extent = null_extent,
    .truncate = null_truncate,
};

BlockNode *block_null_open(BlockGraph *g, const char *name, uint64_t bytes,
                           uint64_t latency_ns, bool zeroes,
                           const BlockMode *mode, GError **error)
{
    BlockNode *n = block_node_new(g, &null_ops, name, mode, error);
    NullImpl *impl;

    if (!n) {
        return NULL;
    }
    impl = g_new0(NullImpl, 1);
    impl->bytes = bytes;
    impl->latency_ns = latency_ns;
    impl->zeroes = zeroes;
    n->impl = impl;
    n->filename = g_strdup("null-co://");
    return n;
}
