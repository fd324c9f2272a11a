/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_QCOW2_PRIV_H
#define BLOCK_QCOW2_PRIV_H

#include "block/node_priv.h"

/** qcow2_open() - takes over the reference of @file; opens no backing file */
BlockNode *qcow2_open(BlockGraph *g, const char *name, BlockNode *file,
                      const BlockMode *mode, GError **error);
/* what the image says; NULL: nothing */
const char *qcow2_backing_name(const BlockNode *n);
const char *qcow2_backing_format(const BlockNode *n);

#endif
