/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/softfloat_gen.h"

uint64_t gen_bits(Gen *g)
{
    /* A counter through a strong mixer: any seed will do. */
    uint64_t x = g->state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 31) * 0xd6e8feb86659fd93;
    x = (x ^ x >> 29) * 0xc2b2ae3d27d4eb4f;
    return x ^ x >> 32;
}

uint32_t gen_below(Gen *g, uint32_t limit)
{
    return (uint32_t)((gen_bits(g) >> 32) * limit >> 32);
}

/* Fractions: random, few bits, runs of ones, ends in a tie pattern. */
static uint64_t gen_frac(Gen *g, unsigned bits)
{
    uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    uint64_t r = gen_bits(g);

    switch (gen_below(g, 8)) {
    case 0:
        return 0;
    case 1:
        return mask;
    case 2:
        return 1ull << r % bits;
    case 3:
        return mask & ~(1ull << r % bits);
    case 4:
        return mask & mask << r % bits;
    case 5:
        return mask & r & ~0ull << (r >> 8) % bits;
    case 6:
        return (r & 3) + (1ull << (bits - 1));
    default:
        return mask & r;
    }
}

static uint64_t gen_exp(Gen *g, unsigned bits)
{
    uint32_t max = (1u << bits) - 1;
    uint32_t r = (uint32_t)gen_bits(g);

    switch (gen_below(g, 10)) {
    case 0:
        return 0;
    case 1:
        return r % 3;
    case 2:
        return max - r % 3;
    case 3:
    case 4:
        return max / 2 + r % 5 - 2;
    case 5:
        return max / 2 + r % 140 - 70;
    case 6: /* products and quotients near the ends */
        return max / 4 + r % 9 - 4;
    case 7:
        return max - max / 4 + r % 9 - 4;
    default:
        return r & max;
    }
}

uint64_t gen_float(Gen *g, unsigned frac_bits, unsigned exp_bits, uint64_t near)
{
    uint64_t sign = (gen_bits(g) & 1) << (frac_bits + exp_bits);
    uint64_t exp_mask = (1ull << exp_bits) - 1;
    uint64_t exp = gen_exp(g, exp_bits);

    if (near != 0) {
        switch (gen_below(g, 8)) {
        case 0:
            return sign ^ near;
        case 1:
            return sign ^ (near + gen_below(g, 5) - 2);
        case 2:
        case 3:
            exp = ((near >> frac_bits) + gen_below(g, 9) - 4) & exp_mask;
            break;
        case 4:
            exp = ((near >> frac_bits) + gen_below(g, 2 * frac_bits + 8)
                   - frac_bits - 4)
                  & exp_mask;
            break;
        default:
            break;
        }
    }
    return sign | exp << frac_bits | gen_frac(g, frac_bits);
}

f32 gen_f32(Gen *g, f32 near)
{
    return (f32)gen_float(g, 23, 8, near);
}

f64 gen_f64(Gen *g, f64 near)
{
    return gen_float(g, 52, 11, near);
}

static uint64_t gen_f80_mant(Gen *g)
{
    uint64_t mant = gen_frac(g, 64);

    switch (gen_below(g, 8)) {
    case 0: /* representable as double or single */
        return (mant & ~0x7ffull) | 1ull << 63;
    case 1:
        return (mant & ~0ull << 40) | 1ull << 63;
    case 2:
        return mant; /* pseudo- and unnormal among them */
    default:
        return mant | 1ull << 63;
    }
}

F80 gen_f80(Gen *g, const F80 *near)
{
    F80 r;

    r.se = (uint16_t)gen_exp(g, 15);
    r.mant = gen_f80_mant(g);
    if (near) {
        switch (gen_below(g, 8)) {
        case 0:
            r = *near;
            break;
        case 1:
            r = *near;
            r.mant += gen_below(g, 5) - 2;
            break;
        case 2:
        case 3:
            r.se = (uint16_t)(near->se + gen_below(g, 9) - 4);
            break;
        case 4:
            r.se = (uint16_t)(near->se + gen_below(g, 200) - 100);
            break;
        default:
            break;
        }
    }
    if (r.se & 0x7fff && gen_below(g, 64) != 0) {
        r.mant |= 1ull << 63; /* keep unsupported encodings rare */
    }
    r.se ^= (uint16_t)(gen_bits(g) << 15);
    return r;
}
