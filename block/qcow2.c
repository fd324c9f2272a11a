/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/qcow2_priv.h"

BlockNode *qcow2_open(BlockGraph *g, const char *name, BlockNode *file,
                      const BlockMode *mode, GError **error)
{
    fail(error, "%s: qcow2 is not in this version yet", block_filename(file));
    block_unref(file);
    return NULL;
}

const char *qcow2_backing_name(const BlockNode *n)
{
    return NULL;
}

const char *qcow2_backing_format(const BlockNode *n)
{
    return NULL;
}
