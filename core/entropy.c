/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ChaCha20 block function of RFC 8439 (2.3) as a stream. The RFC counts
 * blocks in 32 bits; the upper half of our count goes to the first nonce word.
 */
#include "core/entropy.h"

#include <string.h>

#include "core/bytes.h"
#include "core/codec.h"
#include "core/vm.h"

#define BLOCK_BYTES 64
#define KEY_WORDS 8

struct Entropy {
    uint32_t key[KEY_WORDS];
    uint64_t block;  /* number of the block that the next byte comes from */
    uint32_t offset; /* of the next byte in it */
};

static uint32_t rotl(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static void quarter_round(uint32_t *s, int a, int b, int c, int d)
{
    s[a] += s[b];
    s[d] = rotl(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotl(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotl(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotl(s[b] ^ s[c], 7);
}

static void entropy_block(const Entropy *e, uint8_t out[BLOCK_BYTES])
{
    /* "expand 32-byte k", RFC 8439 2.3 */
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    uint32_t s[16];

    memcpy(&in[4], e->key, sizeof(e->key));
    in[12] = (uint32_t)e->block;
    in[13] = (uint32_t)(e->block >> 32);
    memcpy(s, in, sizeof(s));
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 4; k++) {
            quarter_round(s, k, 4 + k, 8 + k, 12 + k);
        }
        for (int k = 0; k < 4; k++) {
            quarter_round(s, k, 4 + (k + 1) % 4, 8 + (k + 2) % 4,
                          12 + (k + 3) % 4);
        }
    }
    for (int i = 0; i < 16; i++) {
        st_le32(out + 4 * i, s[i] + in[i]);
    }
}

Entropy *entropy_new(const uint8_t seed[32])
{
    Entropy *e = g_new0(Entropy, 1);

    for (int i = 0; i < KEY_WORDS; i++) {
        e->key[i] = ld_le32(seed + 4 * i);
    }
    return e;
}

void entropy_free(Entropy *e)
{
    g_free(e);
}

void entropy_read(Vm *vm, void *buf, size_t size)
{
    Entropy *e = vm->entropy;
    uint8_t block[BLOCK_BYTES];
    uint8_t *out = buf;

    vm_assert_thread(vm);
    while (size > 0) {
        size_t n = MIN(size, BLOCK_BYTES - e->offset);

        entropy_block(e, block);
        memcpy(out, block + e->offset, n);
        out += n;
        size -= n;
        e->offset += n;
        if (e->offset == BLOCK_BYTES) {
            e->offset = 0;
            e->block++;
        }
    }
}

bool entropy_codec(Entropy *e, Codec *c)
{
    Entropy t = *e;

    for (int i = 0; i < KEY_WORDS; i++) {
        codec_u32(c, &t.key[i]);
    }
    if (!codec_u64(c, &t.block) || !codec_size(c, &t.offset, BLOCK_BYTES - 1)) {
        return false;
    }
    *e = t;
    return true;
}
