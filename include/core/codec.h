/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One function for both directions: a codec function describes a record once
 * and writes, reads or hashes it. All integers are little-endian; varints are
 * LEB128. After a failure every call returns false and leaves values alone.
 */
#ifndef CORE_CODEC_H
#define CORE_CODEC_H

#include "core/types.h"

typedef enum CodecMode {
    CODEC_WRITE, /* appends to out */
    CODEC_READ,  /* takes from in: untrusted */
    CODEC_HASH,  /* feeds an XXH3-64 state */
} CodecMode;

struct Codec {
    CodecMode mode;
    bool failed;
    GByteArray *out;   /* borrowed: from the caller, CODEC_WRITE */
    const uint8_t *in; /* borrowed: from the caller, CODEC_READ */
    size_t in_size;
    size_t pos;
    void *hash; /* owned: CODEC_HASH */
};

void codec_init_write(Codec *c, GByteArray *out);
void codec_init_read(Codec *c, const void *in, size_t size);
void codec_init_hash(Codec *c);
uint64_t codec_finish_hash(Codec *c); /* frees the hash state */

bool codec_bool(Codec *c, bool *v);
bool codec_u8(Codec *c, uint8_t *v);
bool codec_u16(Codec *c, uint16_t *v);
bool codec_u32(Codec *c, uint32_t *v);
bool codec_u64(Codec *c, uint64_t *v);
bool codec_i64(Codec *c, int64_t *v);
bool codec_varint(Codec *c, uint64_t *v);
bool codec_svarint(Codec *c, int64_t *v); /* zigzag */
/** codec_size() - a varint that must not exceed @max (fails on reading) */
bool codec_size(Codec *c, uint32_t *v, uint32_t max);
bool codec_bytes(Codec *c, void *buf, size_t size);
/** codec_str() - owned string, at most @max bytes; reading frees the old one */
bool codec_str(Codec *c, char **s, uint32_t max);
/** codec_blob() - a GByteArray of at most @max bytes */
bool codec_blob(Codec *c, GByteArray *blob, uint32_t max);
/** codec_left() - bytes not yet read */
size_t codec_left(const Codec *c);

#endif
