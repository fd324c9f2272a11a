/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The five operations and fused multiply-add on unpacked numbers.
 * Order of checks in each: NaN, invalid, divide by zero, denormal, compute
 * (SDM vol 1, 4.9.2).
 */
#include "accel/softfloat_priv.h"

#define INT_BIT (1ull << 63)

static FpWide fp_wide(FpNum n)
{
    return (FpWide)n.hi << 64 | n.lo;
}

static FpNum fp_set_wide(FpNum n, FpWide v)
{
    n.hi = (uint64_t)(v >> 64);
    n.lo = (uint64_t)v;
    return n;
}

/* |a| + |b|, sign and larger exponent from @a. */
static FpNum fp_add_mag(FpNum a, FpNum b)
{
    FpWide x = fp_wide(a);
    FpWide y = fp_shift_jam(fp_wide(b), (unsigned)(a.exp - b.exp));
    FpWide sum = x + y;

    if (sum < x) {
        sum = fp_shift_jam(sum, 1) | (FpWide)INT_BIT << 64;
        a.exp++;
    }
    return fp_set_wide(a, sum);
}

/* |a| - |b|, where |a| > |b|. */
static FpNum fp_sub_mag(FpNum a, FpNum b)
{
    FpWide y = fp_shift_jam(fp_wide(b), (unsigned)(a.exp - b.exp));

    return fp_normalize(fp_set_wide(a, fp_wide(a) - y));
}

FpNum fp_add_exact(FpNum a, FpNum b, unsigned round)
{
    bool swap = b.exp > a.exp || (b.exp == a.exp && fp_wide(b) > fp_wide(a));
    FpNum big = swap ? b : a;
    FpNum small = swap ? a : b;

    if (a.sign == b.sign) {
        return fp_add_mag(big, small);
    }
    if (a.exp == b.exp && fp_wide(a) == fp_wide(b)) {
        return fp_zero(round == FP_RD);
    }
    return fp_sub_mag(big, small);
}

FpNum fp_add(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b)
{
    if (fp_is_nan(a) || fp_is_nan(b)) {
        return fp_nan2(env, a, b);
    }
    if (a.cls == FPC_INF && b.cls == FPC_INF && a.sign != b.sign) {
        return fp_invalid(env);
    }
    fp_denormal2(env, a, b);
    if (a.cls == FPC_INF || b.cls == FPC_INF) {
        return a.cls == FPC_INF ? a : b;
    }
    if (a.cls == FPC_ZERO && b.cls == FPC_ZERO) {
        return fp_zero(a.sign == b.sign ? a.sign : env->round == FP_RD);
    }
    if (a.cls == FPC_ZERO || b.cls == FPC_ZERO) {
        return fp_round(env, fmt, a.cls == FPC_ZERO ? b : a);
    }
    return fp_round(env, fmt, fp_add_exact(a, b, env->round));
}

FpNum fp_mul_exact(FpNum a, FpNum b)
{
    a.sign ^= b.sign;
    a.exp += b.exp + 1;
    return fp_normalize(fp_set_wide(a, (FpWide)a.hi * b.hi));
}

FpNum fp_mul(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b)
{
    bool sign = a.sign ^ b.sign;

    if (fp_is_nan(a) || fp_is_nan(b)) {
        return fp_nan2(env, a, b);
    }
    if ((a.cls == FPC_INF && b.cls == FPC_ZERO)
        || (a.cls == FPC_ZERO && b.cls == FPC_INF)) {
        return fp_invalid(env);
    }
    fp_denormal2(env, a, b);
    if (a.cls == FPC_INF || b.cls == FPC_INF) {
        return fp_inf(sign);
    }
    if (a.cls == FPC_ZERO || b.cls == FPC_ZERO) {
        return fp_zero(sign);
    }
    return fp_round(env, fmt, fp_mul_exact(a, b));
}

/* 64 exact quotient bits, then the half bit and the sticky bit. */
static FpNum fp_div_norm(FpNum a, FpNum b)
{
    bool less = a.hi < b.hi;
    FpWide num = (FpWide)a.hi << (less ? 64 : 63);
    uint64_t q = (uint64_t)(num / b.hi);
    uint64_t rem = (uint64_t)(num - (FpWide)q * b.hi);

    a.sign ^= b.sign;
    a.exp -= b.exp + less;
    a.hi = q;
    a.lo = rem != 0;
    if (rem >= b.hi - rem) {
        a.lo = INT_BIT | (rem > b.hi - rem);
    }
    return a;
}

FpNum fp_div(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b)
{
    bool sign = a.sign ^ b.sign;

    if (fp_is_nan(a) || fp_is_nan(b)) {
        return fp_nan2(env, a, b);
    }
    if (a.cls == b.cls && a.cls != FPC_NORM) {
        return fp_invalid(env);
    }
    if (b.cls == FPC_ZERO && a.cls == FPC_NORM) {
        env->flags |= FP_DIVZERO;
        return fp_inf(sign);
    }
    fp_denormal2(env, a, b);
    if (a.cls == FPC_INF || b.cls == FPC_ZERO) {
        return fp_inf(sign);
    }
    if (a.cls == FPC_ZERO || b.cls == FPC_INF) {
        return fp_zero(sign);
    }
    return fp_round(env, fmt, fp_div_norm(a, b));
}

/* floor(sqrt(v)) for v >= 2^30, one result bit at a time. */
static uint32_t isqrt32(uint32_t v)
{
    uint32_t root = 0;

    for (uint32_t bit = 1u << 15; bit != 0; bit >>= 1) {
        uint32_t next = root | bit;
        uint32_t fits = next * next <= v;
        root |= bit & -fits; /* no branch: it would be a coin toss */
    }
    return root;
}

/*
 * Each step doubles the width: with s = isqrt(high half), divide what is
 * left, with the next quarter of bits, by 2s; the quotient is the low half of
 * the root or one too large.
 */
static uint64_t isqrt64(uint64_t v, uint64_t *rem)
{
    uint64_t high = v >> 32;
    uint64_t s = isqrt32((uint32_t)high);
    uint64_t num = (high - s * s) << 16 | (v >> 16 & 0xffff);
    uint64_t q = num / (2 * s);
    uint64_t low = (num % (2 * s)) << 16 | (v & 0xffff);

    s = (s << 16) + q;
    if (low < q * q) {
        low += 2 * s - 1;
        s--;
    }
    *rem = low - q * q;
    return s;
}

uint64_t fp_isqrt(FpWide v, FpWide *rem)
{
    uint64_t high_rem;
    FpWide s = isqrt64((uint64_t)(v >> 64), &high_rem);
    FpWide num = (FpWide)high_rem << 32 | (uint32_t)((uint64_t)v >> 32);
    FpWide q = num / (2 * s);
    FpWide low = (num - q * 2 * s) << 32 | (uint32_t)v;

    s = (s << 32) + q;
    if (low < q * q) {
        low += 2 * s - 1;
        s--;
    }
    *rem = low - q * q;
    return (uint64_t)s;
}

static FpNum fp_sqrt_norm(FpNum a)
{
    bool odd = a.exp & 1;
    FpWide rem;
    uint64_t root = fp_isqrt((FpWide)a.hi << (63 + odd), &rem);

    a.exp = (a.exp - odd) / 2;
    a.hi = root;
    a.lo = rem != 0;
    if (rem > root) {
        a.lo = INT_BIT | 1; /* an exact half cannot happen */
    }
    return a;
}

FpNum fp_sqrt(FpEnv *env, const FpFmt *fmt, FpNum a)
{
    if (fp_is_nan(a)) {
        return fp_nan1(env, a);
    }
    if (a.cls == FPC_ZERO) {
        return a;
    }
    if (a.sign) {
        return fp_invalid(env);
    }
    fp_denormal2(env, a, a);
    if (a.cls == FPC_INF) {
        return a;
    }
    return fp_round(env, fmt, fp_sqrt_norm(a));
}

static FpNum fp_fma_nan(FpEnv *env, FpNum a, FpNum b, FpNum c, bool inf_zero)
{
    /* x86 does not raise invalid for 0 * inf + QNaN; RISC-V does. */
    if (inf_zero && env->nan_rule == FP_NAN_DEFAULT) {
        env->flags |= FP_INVALID;
    }
    if (fp_is_nan(a) || fp_is_nan(b)) {
        FpNum n = fp_nan2(env, a, b);
        return c.cls >= FPC_SNAN ? fp_nan2(env, n, c) : n;
    }
    return fp_nan1(env, c);
}

static FpNum fp_fma_finite(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b,
                           FpNum c)
{
    bool sign = a.sign ^ b.sign;

    if (a.cls == FPC_ZERO || b.cls == FPC_ZERO) {
        if (c.cls == FPC_ZERO) {
            return fp_zero(sign == c.sign ? sign : env->round == FP_RD);
        }
        return fp_round(env, fmt, c);
    }
    FpNum product = fp_mul_exact(a, b);
    if (c.cls == FPC_ZERO) {
        return fp_round(env, fmt, product);
    }
    return fp_round(env, fmt, fp_add_exact(product, c, env->round));
}

FpNum fp_fma(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b, FpNum c,
             unsigned neg)
{
    bool inf_zero = (a.cls == FPC_INF && b.cls == FPC_ZERO)
                    || (a.cls == FPC_ZERO && b.cls == FPC_INF);
    FpNum r;

    if (fp_is_nan(a) || fp_is_nan(b) || fp_is_nan(c)) {
        return fp_fma_nan(env, a, b, c, inf_zero);
    }
    a.sign ^= !!(neg & FP_FMA_NEG_PRODUCT);
    c.sign ^= !!(neg & FP_FMA_NEG_ADDEND);
    bool sign = a.sign ^ b.sign;
    bool inf = a.cls == FPC_INF || b.cls == FPC_INF;
    if (inf_zero || (inf && c.cls == FPC_INF && sign != c.sign)) {
        return fp_invalid(env);
    }
    fp_denormal2(env, a, b);
    fp_denormal2(env, c, c);
    if (inf) {
        r = fp_inf(sign);
    } else if (c.cls == FPC_INF) {
        r = c;
    } else {
        r = fp_fma_finite(env, fmt, a, b, c);
    }
    r.sign ^= !!(neg & FP_FMA_NEG_RESULT);
    return r;
}
