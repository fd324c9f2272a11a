/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/view_priv.h"

#include <errno.h>
#include <string.h>

#include "block/qcow2_snapshot_priv.h"

static Qcow2 *view_image(BlockNode *n)
{
    return qcow2_of(n->file);
}

static uint64_t view_bytes(BlockNode *n)
{
    return ((Q2View *)n->impl)->bytes;
}

static int view_read(BlockNode *n, uint64_t at, void *buf, size_t size)
{
    return q2_read(view_image(n), n->impl, at, buf, size);
}

static bool view_seal(BlockNode *n, GString *out, GError **error)
{
    return q2_seal(view_image(n), n->impl, out, error);
}

static void view_close(BlockNode *n)
{
    Q2View *v = n->impl;

    if (v) {
        q2_view_clear(v);
        g_free(v);
    }
}

/* It seals as what it is a view of. */
static const BlockOps view_ops = {
    .name = "qcow2",
    .close = view_close,
    .bytes = view_bytes,
    .read = view_read,
    .seal = view_seal,
};

bool drive_use_view(Drive *d, BlockNode *image, const char *name,
                    GError **error)
{
    const BlockMode mode = {.read_only = true};
    int index = q2_snapshot_find(qcow2_of(image), name);
    BlockNode *n;
    Q2View *v;
    int err;

    if (index < 0) {
        return fail(error, "%s: there is no snapshot '%s'",
                    block_filename(image), name);
    }
    n = block_node_new(image->graph, &view_ops, NULL, &mode, error);
    if (!n) {
        return false;
    }
    n->impl = v = g_new0(Q2View, 1);
    n->file = block_ref(image);
    n->backing = block_ref(image->backing); /* for the seal */
    err = q2_snapshot_view(qcow2_of(image), index, v);
    if (err) {
        block_unref(n);
        return fail_errno(error, err, "%s: snapshot '%s'",
                          block_filename(image), name);
    }
    block_unref(d->node);
    d->node = n;
    d->view = v;
    return true;
}

bool view_in_use(BlkState *st, BlockNode *image, int index)
{
    const Q2Snapshot *s =
        &g_array_index(qcow2_of(image)->snapshots, Q2Snapshot, index);

    for (guint i = 0; i < st->drives->len; i++) {
        const Drive *d = g_ptr_array_index(st->drives, i);

        if (d->view && d->node && d->node->file == image
            && d->view->offset == s->l1_offset) {
            return true;
        }
    }
    return false;
}
