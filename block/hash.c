/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/hash_priv.h"

#include "core/codec.h"

uint32_t blk_hash(const void *data, size_t size)
{
    Codec c;

    codec_init_hash(&c);
    codec_bytes(&c, (void *)(uintptr_t)data, size);
    return (uint32_t)codec_finish_hash(&c);
}
