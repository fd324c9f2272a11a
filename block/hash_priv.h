/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BLOCK_HASH_PRIV_H
#define BLOCK_HASH_PRIV_H

#include "core/types.h"

/** blk_hash() - what a recording keeps of data that was read */
uint32_t blk_hash(const void *data, size_t size);

#endif
