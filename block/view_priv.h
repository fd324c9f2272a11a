/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disk of an internal snapshot as a node of its own, read-only. */
#ifndef BLOCK_VIEW_PRIV_H
#define BLOCK_VIEW_PRIV_H

#include "block/drive_priv.h"
#include "block/qcow2_priv.h"

/** drive_use_view() - the drive reads the snapshot @name of the qcow2 @image,
 *  whatever becomes of the active disk; it has an overlay */
bool drive_use_view(Drive *d, BlockNode *image, const char *name,
                    GError **error);
/** view_in_use() - a drive reads this snapshot */
bool view_in_use(BlkState *st, BlockNode *image, int index);

#endif
