/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA instructions: FIPS 180-4 and SDM volume 2, SHA1RNDS4 and following. The
 * manual's word A is the highest dword. */
#include "cpu/x86/vec_priv.h"

static uint32_t rol(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static uint32_t ror(uint32_t x, unsigned n)
{
    return rol(x, 32 - n);
}

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (~x & z);
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

VEC_FN(sha1nexte)
{
    V128 r = *b;

    r.u32[3] += rol(a->u32[3], 30);
    *d = r;
}

VEC_FN(sha1msg1)
{
    V128 r;

    r.u32[3] = a->u32[1] ^ a->u32[3];
    r.u32[2] = a->u32[0] ^ a->u32[2];
    r.u32[1] = b->u32[3] ^ a->u32[1];
    r.u32[0] = b->u32[2] ^ a->u32[0];
    *d = r;
}

VEC_FN(sha1msg2)
{
    V128 r;

    r.u32[3] = rol(a->u32[3] ^ b->u32[2], 1);
    r.u32[2] = rol(a->u32[2] ^ b->u32[1], 1);
    r.u32[1] = rol(a->u32[1] ^ b->u32[0], 1);
    r.u32[0] = rol(a->u32[0] ^ r.u32[3], 1);
    *d = r;
}

VEC_FN(sha1rnds4)
{
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
                                          0xca62c1d6};
    static uint32_t (*const mix[4])(uint32_t, uint32_t, uint32_t) = {
        choose, parity, majority, parity};
    uint32_t s[5] = {a->u32[3], a->u32[2], a->u32[1], a->u32[0], 0};

    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = rol(s[0], 5) + mix[imm & 3](s[1], s[2], s[3]) + s[4]
                     + b->u32[3 - i] + constants[imm & 3];

        s[4] = s[3];
        s[3] = s[2];
        s[2] = rol(s[1], 30);
        s[1] = s[0];
        s[0] = t;
    }
    *d = (V128){.u32 = {s[3], s[2], s[1], s[0]}};
}

/* a holds C D G H, b holds A B E F, xmm0 two words plus constants. */
VEC_FN(sha256rnds2)
{
    const V128 *k = &x86_of(v)->xmm[0];
    uint32_t s[8] = {b->u32[3], b->u32[2], a->u32[3], a->u32[2],
                     b->u32[1], b->u32[0], a->u32[1], a->u32[0]};

    for (unsigned i = 0; i < 2; i++) {
        uint32_t e = s[4], t = s[0];
        uint32_t x = choose(e, s[5], s[6]) + s[7] + k->u32[i]
                     + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25));
        uint32_t y =
            majority(t, s[1], s[2]) + (ror(t, 2) ^ ror(t, 13) ^ ror(t, 22));

        s[7] = s[6];
        s[6] = s[5];
        s[5] = e;
        s[4] = s[3] + x;
        s[3] = s[2];
        s[2] = s[1];
        s[1] = t;
        s[0] = x + y;
    }
    *d = (V128){.u32 = {s[5], s[4], s[1], s[0]}};
}

static uint32_t sigma0(uint32_t x)
{
    return ror(x, 7) ^ ror(x, 18) ^ x >> 3;
}

static uint32_t sigma1(uint32_t x)
{
    return ror(x, 17) ^ ror(x, 19) ^ x >> 10;
}

VEC_FN(sha256msg1)
{
    V128 r;

    for (unsigned i = 0; i < 4; i++) {
        r.u32[i] = a->u32[i] + sigma0(i < 3 ? a->u32[i + 1] : b->u32[0]);
    }
    *d = r;
}

VEC_FN(sha256msg2)
{
    V128 r;

    for (unsigned i = 0; i < 4; i++) {
        r.u32[i] = a->u32[i] + sigma1(i < 2 ? b->u32[2 + i] : r.u32[i - 2]);
    }
    *d = r;
}
