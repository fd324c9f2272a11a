/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed integer operations: the portable meaning of the integer rows of
 * accel/vec_ops.def (SDM volume 2).
 */
#include "cpu/x86/vec_priv.h"

#define S8(x) ((int)(int8_t)(x))
#define S16(x) ((int)(int16_t)(x))
#define S32(x) ((int64_t)(int32_t)(x))
#define S64(x) ((int64_t)(x))

static inline int clamp(int x, int lo, int hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}
#define CLAMP_SB(x) clamp(x, -128, 127)
#define CLAMP_UB(x) clamp(x, 0, 255)
#define CLAMP_SW(x) clamp(x, -32768, 32767)
#define CLAMP_UW(x) clamp(x, 0, 65535)

/* --- bitwise, add, subtract ------------------------------------------------- */

LANES(pand, 64, x &y)
LANES(por, 64, x | y)
LANES(pxor, 64, x ^ y)
LANES(pandn, 64, ~x &y)
LANES(padd_b, 8, x + y)
LANES(padd_w, 16, x + y)
LANES(padd_d, 32, x + y)
LANES(padd_q, 64, x + y)
LANES(psub_b, 8, x - y)
LANES(psub_w, 16, x - y)
LANES(psub_d, 32, x - y)
LANES(psub_q, 64, x - y)
LANES(padds_b, 8, CLAMP_SB(S8(x) + S8(y)))
LANES(padds_w, 16, CLAMP_SW(S16(x) + S16(y)))
LANES(psubs_b, 8, CLAMP_SB(S8(x) - S8(y)))
LANES(psubs_w, 16, CLAMP_SW(S16(x) - S16(y)))
LANES(paddus_b, 8, CLAMP_UB(x + y))
LANES(paddus_w, 16, CLAMP_UW(x + y))
LANES(psubus_b, 8, CLAMP_UB(x - y))
LANES(psubus_w, 16, CLAMP_UW(x - y))

/* --- multiply --------------------------------------------------------------- */

LANES(pmul_lo_w, 16, (unsigned)x *y)
LANES(pmul_hi_w, 16, (S16(x) * S16(y)) >> 16)
LANES(pmul_hi_uw, 16, ((uint32_t)x * y) >> 16)
LANES(pmul_udq, 64, (uint64_t)(uint32_t)x *(uint32_t)y)
LANES(pmul_dq, 64, S32(x) * S32(y))
LANES(pmul_lo_d, 32, x *y)
LANES(pmulhrs_w, 16, (((S16(x) * S16(y)) >> 14) + 1) >> 1)

static inline uint32_t madd(const V128 *a, const V128 *b, unsigned i)
{
    /* -32768 * -32768 twice wraps to 0x80000000 */
    return (uint32_t)(S16(a->u16[i]) * S16(b->u16[i]))
           + (uint32_t)(S16(a->u16[i + 1]) * S16(b->u16[i + 1]));
}
LANES(pmadd_wd, 32, madd(a, b, 2 * i))

static inline int madd_ub(const V128 *a, const V128 *b, unsigned i)
{
    return a->u8[i] * S8(b->u8[i]) + a->u8[i + 1] * S8(b->u8[i + 1]);
}
LANES(pmadd_ubsw, 16, CLAMP_SW(madd_ub(a, b, 2 * i)))

/* --- average, sums of differences, minimum, maximum ------------------------- */

LANES(pavg_b, 8, (x + y + 1) >> 1)
LANES(pavg_w, 16, (x + y + 1) >> 1)

static inline unsigned sad(const uint8_t *p, const uint8_t *q, unsigned n)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += p[i] > q[i] ? (unsigned)(p[i] - q[i]) : (unsigned)(q[i] - p[i]);
    }
    return sum;
}
LANES(psad_bw, 64, sad(&a->u8[8 * i], &b->u8[8 * i], 8))
LANES(mpsad_bw, 16, sad(&a->u8[(imm & 4) + i], &b->u8[4 * (imm & 3)], 4))

#define MINMAX(suffix, bits, conv)                                             \
    LANES(pmin_##suffix, bits, conv(x) < conv(y) ? x : y)                      \
    LANES(pmax_##suffix, bits, conv(x) > conv(y) ? x : y)
#define U(x) (x)
MINMAX(ub, 8, U)
MINMAX(sb, 8, S8)
MINMAX(uw, 16, U)
MINMAX(sw, 16, S16)
MINMAX(ud, 32, U)
MINMAX(sd, 32, S32)

VEC_FN(phminpos_uw)
{
    V128 r = {.u64 = {0, 0}};

    r.u16[0] = b->u16[0];
    for (unsigned i = 1; i < 8; i++) {
        if (b->u16[i] < r.u16[0]) {
            r.u16[0] = b->u16[i];
            r.u16[1] = (uint16_t)i;
        }
    }
    *d = r;
}

/* --- compare ---------------------------------------------------------------- */

LANES(pcmpeq_b, 8, x == y ? -1 : 0)
LANES(pcmpeq_w, 16, x == y ? -1 : 0)
LANES(pcmpeq_d, 32, x == y ? -1 : 0)
LANES(pcmpeq_q, 64, x == y ? UINT64_MAX : 0)
LANES(pcmpgt_b, 8, S8(x) > S8(y) ? -1 : 0)
LANES(pcmpgt_w, 16, S16(x) > S16(y) ? -1 : 0)
LANES(pcmpgt_d, 32, S32(x) > S32(y) ? -1 : 0)
LANES(pcmpgt_q, 64, S64(x) > S64(y) ? UINT64_MAX : 0)

/* --- shifts ----------------------------------------------------------------- */

static inline uint64_t sll(uint64_t x, uint64_t n, unsigned bits)
{
    return n < bits ? x << n : 0;
}

static inline uint64_t srl(uint64_t x, uint64_t n, unsigned bits)
{
    return n < bits ? x >> n : 0;
}

static inline uint64_t sra(int64_t x, uint64_t n, unsigned bits)
{
    return (uint64_t)(x >> (n < bits ? n : bits - 1));
}

/* y is the lane for the immediate form, x for the other one. */
#define SHIFT(op, lane, bits, conv)                                            \
    LANES(op##_##lane, bits, op##_one(conv(x), b->u64[0], bits))               \
    LANES(op##i_##lane, bits, op##_one(conv(y), imm, bits))
#define psll_one sll
#define psrl_one srl
#define psra_one sra
SHIFT(psll, w, 16, U)
SHIFT(psll, d, 32, U)
SHIFT(psll, q, 64, U)
SHIFT(psrl, w, 16, U)
SHIFT(psrl, d, 32, U)
SHIFT(psrl, q, 64, U)
SHIFT(psra, w, 16, S16)
SHIFT(psra, d, 32, S32)

LANES(pslli_dq, 8, i >= imm ? b->u8[i - imm] : 0)
LANES(psrli_dq, 8, i + imm < 16 ? b->u8[i + imm] : 0)

/* --- pack, unpack, shuffle --------------------------------------------------- */

#define PACK(name, bits, from, conv, clamp)                                    \
    LANES(name, bits,                                                          \
          clamp((int)conv(i < 64 / (bits) ? a->u##from[i]                      \
                                          : b->u##from[i - 64 / (bits)])))
PACK(packss_wb, 8, 16, S16, CLAMP_SB)
PACK(packss_dw, 16, 32, S32, CLAMP_SW)
PACK(packus_wb, 8, 16, S16, CLAMP_UB)
PACK(packus_dw, 16, 32, S32, CLAMP_UW)

#define UNPACK(lane, bits)                                                     \
    LANES(punpckl_##lane, bits, i & 1 ? b->u##bits[i / 2] : a->u##bits[i / 2]) \
    LANES(punpckh_##lane, bits,                                                \
          i & 1 ? b->u##bits[64 / (bits) + i / 2]                              \
                : a->u##bits[64 / (bits) + i / 2])
UNPACK(bw, 8)
UNPACK(wd, 16)
UNPACK(dq, 32)
UNPACK(qdq, 64)

LANES(pshuf_d, 32, b->u32[imm >> 2 * i & 3])
LANES(pshuf_lw, 16, i < 4 ? b->u16[imm >> 2 * i & 3] : y)
LANES(pshuf_hw, 16, i < 4 ? y : b->u16[4 + (imm >> 2 * (i - 4) & 3)])
LANES(pshuf_b, 8, y & 0x80 ? 0 : a->u8[y & 15])
LANES(palignr, 8,
      i + imm < 16   ? b->u8[i + imm]
      : i + imm < 32 ? a->u8[i + imm - 16]
                     : 0)
LANES(shuf_s, 32, (i < 2 ? a : b)->u32[imm >> 2 * i & 3])
LANES(shuf_d, 64, (i < 1 ? a : b)->u64[imm >> i & 1])
LANES(movsldup, 32, b->u32[i & ~1u])
LANES(movshdup, 32, b->u32[i | 1])
LANES(movddup, 64, b->u64[0])
LANES(pblend_w, 16, imm >> i & 1 ? y : x)
LANES(blend_s, 32, imm >> i & 1 ? y : x)
LANES(blend_d, 64, imm >> i & 1 ? y : x)

VEC_FN(insert_s)
{
    V128 r = *a;

    r.u32[imm >> 4 & 3] = b->u32[imm >> 6 & 3];
    for (unsigned i = 0; i < 4; i++) {
        if (imm >> i & 1) {
            r.u32[i] = 0;
        }
    }
    *d = r;
}

/* --- SSSE3, SSE4.1 ----------------------------------------------------------- */

/* Lanes 2i and 2i + 1 of the 256-bit value b:a. */
#define HORIZONTAL(name, bits, expr)                                           \
    VEC_FN(name)                                                               \
    {                                                                          \
        V128 r;                                                                \
        const unsigned half = 64 / (bits);                                     \
        for (unsigned i = 0; i < 2 * half; i++) {                              \
            const V128 *s = i < half ? a : b;                                  \
            uint##bits##_t x = s->u##bits[2 * (i % half)];                     \
            uint##bits##_t y = s->u##bits[2 * (i % half) + 1];                 \
            r.u##bits[i] = (uint##bits##_t)(expr);                             \
        }                                                                      \
        *d = r;                                                                \
    }
HORIZONTAL(phadd_w, 16, x + y)
HORIZONTAL(phadd_d, 32, x + y)
HORIZONTAL(phadd_sw, 16, CLAMP_SW(S16(x) + S16(y)))
HORIZONTAL(phsub_w, 16, x - y)
HORIZONTAL(phsub_d, 32, x - y)
HORIZONTAL(phsub_sw, 16, CLAMP_SW(S16(x) - S16(y)))

LANES(pabs_b, 8, S8(y) < 0 ? -y : y)
LANES(pabs_w, 16, S16(y) < 0 ? -y : y)
LANES(pabs_d, 32, S32(y) < 0 ? -y : y)
LANES(psign_b, 8, S8(y) < 0 ? -x : y ? x : 0)
LANES(psign_w, 16, S16(y) < 0 ? -x : y ? x : 0)
LANES(psign_d, 32, S32(y) < 0 ? -x : y ? x : 0)

#define EXTEND(lane, to, from, conv)                                           \
    LANES(pmovs##lane, to, conv(b->u##from[i]))                                \
    LANES(pmovz##lane, to, b->u##from[i])
EXTEND(x_bw, 16, 8, S8)
EXTEND(x_bd, 32, 8, S8)
EXTEND(x_bq, 64, 8, S8)
EXTEND(x_wd, 32, 16, S16)
EXTEND(x_wq, 64, 16, S16)
EXTEND(x_dq, 64, 32, S32)

/* --- to integers -------------------------------------------------------------- */

#define MASK_FN(name, bits)                                                    \
    uint64_t x86_v_##name(Vcpu *v, const V128 *a, const V128 *b, uint64_t imm) \
    {                                                                          \
        uint64_t r = 0;                                                        \
        for (unsigned i = 0; i < 128 / (bits); i++) {                          \
            r |= (uint64_t)(b->u##bits[i] >> ((bits)-1)) << i;                 \
        }                                                                      \
        return r;                                                              \
    }
MASK_FN(pmovmsk_b, 8)
MASK_FN(movmsk_s, 32)
MASK_FN(movmsk_d, 64)

uint64_t x86_v_ptest(Vcpu *v, const V128 *a, const V128 *b, uint64_t imm)
{
    bool zf = !((a->u64[0] & b->u64[0]) | (a->u64[1] & b->u64[1]));
    bool cf = !((~a->u64[0] & b->u64[0]) | (~a->u64[1] & b->u64[1]));

    return (zf ? X86_ZF : 0) | (cf ? X86_CF : 0);
}
