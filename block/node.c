/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The graph, references, and checks that hold for every kind of node. */
#include "block/node_priv.h"

#include <errno.h>
#include <string.h>

#define ZERO_CHUNK (1u << 20)
#define NAME_MAX_CHARS 31

struct BlockGraph {
    Vm *vm; /* borrowed, NULL: none */
    GMutex lock;
    GPtrArray *nodes; /* BlockNode *, borrowed: they remove themselves */
    unsigned made;
};

BlockGraph *block_graph_new(void)
{
    BlockGraph *g = g_new0(BlockGraph, 1);

    g_mutex_init(&g->lock);
    g->nodes = g_ptr_array_new();
    return g;
}

void block_graph_set_vm(BlockGraph *g, Vm *vm)
{
    g->vm = vm;
}

Vm *block_graph_vm(const BlockGraph *g)
{
    return g->vm;
}

void block_graph_free(BlockGraph *g)
{
    if (!g) {
        return;
    }
    while (g->nodes->len) {
        BlockNode *n = g_ptr_array_index(g->nodes, g->nodes->len - 1);

        n->refs = 1;
        block_unref(n);
    }
    g_ptr_array_free(g->nodes, TRUE);
    g_mutex_clear(&g->lock);
    g_free(g);
}

static BlockNode *graph_find(BlockGraph *g, const char *name)
{
    for (guint i = 0; i < g->nodes->len; i++) {
        BlockNode *n = g_ptr_array_index(g->nodes, i);

        if (strcmp(n->name, name) == 0) {
            return n;
        }
    }
    return NULL;
}

BlockNode *block_find(BlockGraph *g, const char *node_name)
{
    BlockNode *n;

    g_mutex_lock(&g->lock);
    n = graph_find(g, node_name);
    g_mutex_unlock(&g->lock);
    return n;
}

void block_foreach(BlockGraph *g, BlockVisit *visit, void *opaque)
{
    for (guint i = 0; i < g->nodes->len; i++) {
        visit(opaque, g_ptr_array_index(g->nodes, i));
    }
}

BlockNode *block_node_new(BlockGraph *g, const BlockOps *ops, const char *name,
                          const BlockMode *mode, GError **error)
{
    BlockNode *n;

    if (name && (!g_ascii_isalpha(name[0]) || strlen(name) > NAME_MAX_CHARS)) {
        fail(error,
             "node-name '%s': expected a letter and up to %d characters more",
             name, NAME_MAX_CHARS - 1);
        return NULL;
    }
    g_mutex_lock(&g->lock);
    if (name && graph_find(g, name)) {
        g_mutex_unlock(&g->lock);
        fail(error, "node-name '%s' is used twice", name);
        return NULL;
    }
    n = g_new0(BlockNode, 1);
    n->graph = g;
    n->ops = ops;
    n->name = name ? g_strdup(name) : g_strdup_printf("#block%03u", g->made++);
    n->mode = *mode;
    n->guest_read_only = mode->read_only;
    n->refs = 1;
    g_ptr_array_add(g->nodes, n);
    g_mutex_unlock(&g->lock);
    return n;
}

void block_node_set_guest_read_only(BlockNode *n, bool read_only)
{
    n->guest_read_only = read_only;
}

BlockNode *block_ref(BlockNode *n)
{
    if (n) {
        g_atomic_int_inc(&n->refs);
    }
    return n;
}

void block_unref(BlockNode *n)
{
    if (!n || !g_atomic_int_dec_and_test(&n->refs)) {
        return;
    }
    if (!n->mode.read_only && n->impl) {
        block_flush(n);
    }
    if (n->ops->close) {
        n->ops->close(n);
    }
    g_mutex_lock(&n->graph->lock);
    g_ptr_array_remove(n->graph->nodes, n);
    g_mutex_unlock(&n->graph->lock);
    block_unref(n->backing);
    block_unref(n->file);
    g_free(n->name);
    g_free(n->filename);
    g_free(n);
}

/* --- looking ----------------------------------------------------------------- */

const char *block_node_name(const BlockNode *n)
{
    return n->name;
}

const char *block_format(const BlockNode *n)
{
    return n->ops->name;
}

const char *block_filename(const BlockNode *n)
{
    while (!n->filename && n->file) {
        n = n->file;
    }
    return n->filename ? n->filename : "";
}

BlockNode *block_file(const BlockNode *n)
{
    return n->file;
}

BlockNode *block_backing(const BlockNode *n)
{
    return n->backing;
}

const BlockMode *block_mode(const BlockNode *n)
{
    return &n->mode;
}

uint64_t block_bytes(const BlockNode *n)
{
    return n->ops->bytes((BlockNode *)(uintptr_t)n);
}

void block_info(BlockNode *n, BlockInfo *out)
{
    *out = (BlockInfo){0};
    if (n->ops->info) {
        n->ops->info(n, out);
    }
}

bool block_can_snapshot(const BlockNode *n)
{
    return n->ops->snapshots != NULL;
}

GArray *block_snapshots(BlockNode *n)
{
    return n->ops->snapshots ? n->ops->snapshots(n)
                             : g_array_new(FALSE, TRUE, sizeof(BlockSnapshot));
}

/* --- I/O --------------------------------------------------------------------- */

static bool range_bad(const BlockNode *n, uint64_t at, uint64_t size)
{
    uint64_t bytes = block_bytes(n);

    return at > bytes || size > bytes - at;
}

int block_read(BlockNode *n, uint64_t at, void *buf, size_t size)
{
    if (!n->ops->protocol && range_bad(n, at, size)) {
        return EINVAL;
    }
    return size ? n->ops->read(n, at, buf, size) : 0;
}

bool block_is_zero(const void *buf, size_t size)
{
    const uint8_t *p = buf;

    return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

int block_write(BlockNode *n, uint64_t at, const void *buf, size_t size)
{
    if (n->mode.read_only) {
        return EPERM;
    }
    if (!n->ops->protocol && range_bad(n, at, size)) {
        return EINVAL;
    }
    if (n->mode.detect != BLOCK_DETECT_OFF && block_is_zero(buf, size)) {
        return block_write_zeroes(n, at, size);
    }
    return size ? n->ops->write(n, at, buf, size) : 0;
}

int block_write_zeroes(BlockNode *n, uint64_t at, uint64_t size)
{
    g_autofree void *zeroes = NULL;
    int err = 0;

    if (n->mode.read_only) {
        return EPERM;
    }
    if (!n->ops->protocol && range_bad(n, at, size)) {
        return EINVAL;
    }
    if (n->ops->zeroes) {
        return size ? n->ops->zeroes(n, at, size) : 0;
    }
    zeroes = g_malloc0(MIN(size, ZERO_CHUNK));
    while (size && !err) {
        size_t piece = MIN(size, ZERO_CHUNK);

        err = n->ops->write(n, at, zeroes, piece);
        at += piece;
        size -= piece;
    }
    return err;
}

int block_discard(BlockNode *n, uint64_t at, uint64_t size)
{
    if (n->mode.read_only) {
        return EPERM;
    }
    if (!n->ops->protocol && range_bad(n, at, size)) {
        return EINVAL;
    }
    if (n->mode.discard != BLOCK_DISCARD_UNMAP || !n->ops->discard || !size) {
        return 0;
    }
    return n->ops->discard(n, at, size);
}

int block_flush(BlockNode *n)
{
    if (n->mode.read_only || !n->ops->flush) {
        return 0;
    }
    return n->ops->flush(n);
}

bool block_truncate(BlockNode *n, uint64_t bytes, GError **error)
{
    if (n->mode.read_only) {
        return fail(error, "%s: is read-only", block_filename(n));
    }
    if (!n->ops->truncate) {
        return fail(error, "%s: a %s node cannot be resized", block_filename(n),
                    n->ops->name);
    }
    return n->ops->truncate(n, bytes, error);
}

int block_extent(BlockNode *n, uint64_t at, uint64_t max, BlockExtent *out)
{
    *out = (BlockExtent){.kind = BLOCK_DATA, .bytes = max};
    if (range_bad(n, at, max) || max == 0) {
        return EINVAL;
    }
    return n->ops->extent ? n->ops->extent(n, at, max, out) : 0;
}

bool block_set_read_only(BlockNode *n, bool read_only, GError **error)
{
    if (n->mode.read_only == read_only) {
        return true;
    }
    if (n->file && !block_set_read_only(n->file, read_only, error)) {
        return false;
    }
    if (n->ops->set_read_only && !n->ops->set_read_only(n, read_only, error)) {
        return false;
    }
    n->mode.read_only = read_only;
    return true;
}

char *block_seal(BlockNode *n)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (; n; n = n->backing) {
        g_string_append_printf(out, "%s%s %" PRIu64 " bytes",
                               out->len ? " over " : "", n->ops->name,
                               block_bytes(n));
        if (n->ops->seal && !n->ops->seal(n, out, &error)) {
            g_string_append_printf(out, " (%s)", error->message);
            g_clear_error(&error);
        }
    }
    return g_string_free(out, FALSE);
}
