/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single and double precision. Normal operands with a normal result go the
 * quick way; everything else is unpacked and done in softfloat_arith.c.
 */
#include "accel/softfloat_priv.h"

#define INT_BIT (1ull << 63)

/* A format as constants the compiler can fold. */
typedef struct Quick {
    unsigned frac; /* fraction bits */
    unsigned exp;  /* exponent bits */
} Quick;

static const Quick quick32 = {23, 8};
static const Quick quick64 = {52, 11};

#define QUICK static inline __attribute__((always_inline))

QUICK unsigned quick_exp(Quick q, uint64_t a)
{
    return (unsigned)(a >> q.frac) & ((1u << q.exp) - 1);
}

QUICK bool quick_normal(Quick q, unsigned exp)
{
    return exp - 1 < (1u << q.exp) - 2;
}

/* The significand with its integer bit at bit 62. */
QUICK uint64_t quick_sig(Quick q, uint64_t a)
{
    uint64_t unit = 1ull << q.frac;

    return ((a & (unit - 1)) | unit) << (62 - q.frac);
}

QUICK uint64_t quick_sign(Quick q, uint64_t a)
{
    return a & 1ull << (q.frac + q.exp);
}

/*
 * @sig has bit 63 set and a sticky bit 0; @exp is in the normal range and
 * stays there when rounding carries.
 */
QUICK uint64_t quick_round(FpEnv *env, Quick q, uint64_t sign, unsigned exp,
                           uint64_t sig)
{
    unsigned drop = 63 - q.frac;
    uint64_t half = 1ull << (drop - 1);
    uint64_t rest = sig & (2 * half - 1);
    uint64_t r = (uint64_t)(exp - 1) << q.frac;

    r += sig >> drop;
    if (rest != 0) {
        env->flags |= FP_INEXACT;
        if (env->round == FP_RNE) {
            r += rest > half || (rest == half && (r & 1));
        } else {
            r += fp_round_up(env->round, sign != 0, r & 1, rest >= half,
                             (rest & (half - 1)) != 0);
        }
    }
    return sign | r;
}

/* The result exponent leaves room for a carry and for full cancellation. */
QUICK bool quick_fits(Quick q, int exp)
{
    return exp >= 1 && exp < (1 << q.exp) - 2;
}

QUICK bool quick_add(FpEnv *env, Quick q, uint64_t a, uint64_t b, uint64_t *r)
{
    uint64_t sign_bit = 1ull << (q.frac + q.exp);
    uint64_t big = (a & ~sign_bit) >= (b & ~sign_bit) ? a : b;
    uint64_t small = a ^ b ^ big;
    unsigned ea = quick_exp(q, big), eb = quick_exp(q, small);

    if (!quick_normal(q, ea) || !quick_normal(q, eb)) {
        return false;
    }
    uint64_t x = quick_sig(q, big), y = quick_sig(q, small);
    unsigned d = ea - eb;
    if (d > 62) {
        y = 1;
    } else if (d > 0) {
        y = y >> d | ((y << (64 - d)) != 0);
    }
    x = (a ^ b) & sign_bit ? x - y : x + y;
    if (x == 0) {
        *r = env->round == FP_RD ? sign_bit : 0;
        return true;
    }
    int shift = __builtin_clzll(x);
    int exp = (int)ea + 1 - shift;
    if (!quick_fits(q, exp)) {
        return false;
    }
    *r = quick_round(env, q, quick_sign(q, big), (unsigned)exp, x << shift);
    return true;
}

QUICK bool quick_mul(FpEnv *env, Quick q, uint64_t a, uint64_t b, uint64_t *r)
{
    unsigned ea = quick_exp(q, a), eb = quick_exp(q, b);

    if (!quick_normal(q, ea) || !quick_normal(q, eb)) {
        return false;
    }
    FpWide p = (FpWide)(quick_sig(q, a) << 1) * (quick_sig(q, b) << 1);
    uint64_t sig = (uint64_t)(p >> 64) | ((uint64_t)p != 0);
    int exp = (int)(ea + eb) - (1 << (q.exp - 1)) + 2;
    if (!(sig & INT_BIT)) {
        sig <<= 1;
        exp--;
    }
    if (!quick_fits(q, exp)) {
        return false;
    }
    *r = quick_round(env, q, quick_sign(q, a ^ b), (unsigned)exp, sig);
    return true;
}

QUICK bool quick_div(FpEnv *env, Quick q, uint64_t a, uint64_t b, uint64_t *r)
{
    unsigned ea = quick_exp(q, a), eb = quick_exp(q, b);

    if (!quick_normal(q, ea) || !quick_normal(q, eb)) {
        return false;
    }
    uint64_t x = quick_sig(q, a), y = quick_sig(q, b), sig;
    int exp = (int)ea - (int)eb + (1 << (q.exp - 1)) - 1;
    if (x < y) {
        x <<= 1;
        exp--;
    }
    if (q.frac == 23) {
        uint64_t divisor = y >> (62 - 23);
        sig = x / divisor;
        uint64_t sticky = x != sig * divisor;
        sig = sig << 24 | sticky; /* the quotient has 40 bits */
    } else {
        FpWide num = (FpWide)x << 63;
        sig = (uint64_t)(num / y);
        sig |= num != (FpWide)sig * y;
    }
    if (!quick_fits(q, exp)) {
        return false;
    }
    *r = quick_round(env, q, quick_sign(q, a ^ b), (unsigned)exp, sig);
    return true;
}

static FpNum fp_minmax(FpEnv *env, FpNum a, FpNum b, FpMinMax kind, bool max)
{
    bool snan = a.cls == FPC_SNAN || b.cls == FPC_SNAN;

    if (fp_is_nan(a) || fp_is_nan(b)) {
        if (kind == FP_MM_X86) {
            env->flags |= FP_INVALID;
            return b;
        }
        bool both = fp_is_nan(a) && fp_is_nan(b);
        if (both || kind == FP_MM_2019 || (kind == FP_MM_2008 && snan)) {
            return fp_nan2(env, a, b);
        }
        env->flags |= snan ? FP_INVALID : 0;
        return fp_is_nan(a) ? b : a;
    }
    fp_denormal2(env, a, b);
    FpRel rel = fp_order(a, b);
    if (rel == FP_EQUAL) {
        /* -0 is less than +0, except to x86 */
        bool take_a = kind != FP_MM_X86 && a.sign != max;
        return take_a ? a : b;
    }
    return (rel == FP_GREATER) == max ? a : b;
}

static FpNum fp_roundint(FpEnv *env, FpNum a, unsigned round, bool inexact)
{
    if (fp_is_nan(a)) {
        return fp_nan1(env, a);
    }
    return fp_to_integral(env, a, round, inexact);
}

static FpNum fp_scalbn(FpEnv *env, const FpFmt *fmt, FpNum a, int n)
{
    if (fp_is_nan(a)) {
        return fp_nan1(env, a);
    }
    fp_denormal2(env, a, a);
    if (n > 5000) {
        n = 5000;
    } else if (n < -5000) {
        n = -5000;
    }
    a.exp += n;
    return fp_round(env, fmt, a);
}

/* min and max return an operand, as it came in when it is a NaN. */
static uint64_t fp_pack_raw(const FpFmt *fmt, FpNum n)
{
    if (n.denorm) {
        FpEnv quiet = {0};
        n = fp_round(&quiet, fmt, n); /* exact */
    }
    return fp_pack(fmt, n);
}

static FpIntType fp_int_type(uint8_t width, bool is_signed, bool saturate)
{
    return (FpIntType){width, is_signed, saturate};
}

#define FP_UNPACK(N, x) fp_unpack(env, &fp_fmt##N, x)
#define FP_PACK(N, n) ((f##N)fp_pack(&fp_fmt##N, n))

#define FP_TO_INT(N, kind, type, width, is_signed, sat)                        \
    type f##N##_to_##kind(FpEnv *env, f##N a, unsigned round)                  \
    {                                                                          \
        FpIntType t = fp_int_type(width, is_signed, sat);                      \
        return (type)fp_to_int(env, FP_UNPACK(N, a), round, t);                \
    }

#define FP_QUICK_OP(N, op)                                                     \
    f##N f##N##_##op(FpEnv *env, f##N a, f##N b)                               \
    {                                                                          \
        uint64_t r;                                                            \
        if (quick_##op(env, quick##N, a, b, &r)) {                             \
            return (f##N)r;                                                    \
        }                                                                      \
        return FP_PACK(                                                        \
            N, fp_##op(env, &fp_fmt##N, FP_UNPACK(N, a), FP_UNPACK(N, b)));    \
    }

#define FP_MINMAX(N, op, max)                                                  \
    f##N f##N##_##op(FpEnv *env, f##N a, f##N b, FpMinMax kind)                \
    {                                                                          \
        FpNum r = fp_minmax(env, FP_UNPACK(N, a), FP_UNPACK(N, b), kind, max); \
        return (f##N)fp_pack_raw(&fp_fmt##N, r);                               \
    }

#define FP_DEFINE(N)                                                           \
    FP_QUICK_OP(N, add)                                                        \
    FP_QUICK_OP(N, mul)                                                        \
    FP_QUICK_OP(N, div)                                                        \
    FP_MINMAX(N, min, false)                                                   \
    FP_MINMAX(N, max, true)                                                    \
    FP_TO_INT(N, i32, int32_t, 32, true, false)                                \
    FP_TO_INT(N, i64, int64_t, 64, true, false)                                \
    FP_TO_INT(N, u32, uint32_t, 32, false, false)                              \
    FP_TO_INT(N, u64, uint64_t, 64, false, false)                              \
    FP_TO_INT(N, i32_sat, int32_t, 32, true, true)                             \
    FP_TO_INT(N, i64_sat, int64_t, 64, true, true)                             \
    FP_TO_INT(N, u32_sat, uint32_t, 32, false, true)                           \
    FP_TO_INT(N, u64_sat, uint64_t, 64, false, true)                           \
                                                                               \
    f##N f##N##_sub(FpEnv *env, f##N a, f##N b)                                \
    {                                                                          \
        f##N flip = (f##N)1 << (N - 1);                                        \
        if (f##N##_is_nan(b)) {                                                \
            flip = 0; /* the NaN is returned with its own sign */              \
        }                                                                      \
        return f##N##_add(env, a, b ^ flip);                                   \
    }                                                                          \
                                                                               \
    f##N f##N##_sqrt(FpEnv *env, f##N a)                                       \
    {                                                                          \
        return FP_PACK(N, fp_sqrt(env, &fp_fmt##N, FP_UNPACK(N, a)));          \
    }                                                                          \
                                                                               \
    f##N f##N##_fma(FpEnv *env, f##N a, f##N b, f##N c, unsigned neg)          \
    {                                                                          \
        return FP_PACK(N, fp_fma(env, &fp_fmt##N, FP_UNPACK(N, a),             \
                                 FP_UNPACK(N, b), FP_UNPACK(N, c), neg));      \
    }                                                                          \
                                                                               \
    FpRel f##N##_compare(FpEnv *env, f##N a, f##N b)                           \
    {                                                                          \
        return fp_compare(env, FP_UNPACK(N, a), FP_UNPACK(N, b), false);       \
    }                                                                          \
                                                                               \
    FpRel f##N##_compare_quiet(FpEnv *env, f##N a, f##N b)                     \
    {                                                                          \
        return fp_compare(env, FP_UNPACK(N, a), FP_UNPACK(N, b), true);        \
    }                                                                          \
                                                                               \
    f##N f##N##_roundint(FpEnv *env, f##N a, unsigned round, bool inexact)     \
    {                                                                          \
        FpNum r = fp_roundint(env, FP_UNPACK(N, a), round, inexact);           \
        return FP_PACK(N, r);                                                  \
    }                                                                          \
                                                                               \
    f##N f##N##_scalbn(FpEnv *env, f##N a, int n)                              \
    {                                                                          \
        return FP_PACK(N, fp_scalbn(env, &fp_fmt##N, FP_UNPACK(N, a), n));     \
    }                                                                          \
                                                                               \
    f##N f##N##_from_u64(FpEnv *env, uint64_t v)                               \
    {                                                                          \
        return FP_PACK(N, fp_round(env, &fp_fmt##N, fp_from_u64(false, v)));   \
    }                                                                          \
                                                                               \
    f##N f##N##_from_i64(FpEnv *env, int64_t v)                                \
    {                                                                          \
        uint64_t mag = v < 0 ? -(uint64_t)v : (uint64_t)v;                     \
        return FP_PACK(N, fp_round(env, &fp_fmt##N, fp_from_u64(v < 0, mag))); \
    }                                                                          \
                                                                               \
    bool f##N##_is_nan(f##N a)                                                 \
    {                                                                          \
        f##N inf = (f##N)fp_pack(&fp_fmt##N, fp_inf(false));                   \
        return (a & ~((f##N)1 << (N - 1))) > inf;                              \
    }                                                                          \
                                                                               \
    bool f##N##_is_snan(f##N a)                                                \
    {                                                                          \
        FpEnv env = {0};                                                       \
        return fp_unpack(&env, &fp_fmt##N, a).cls == FPC_SNAN;                 \
    }

FP_DEFINE(32)
FP_DEFINE(64)

static FpNum fp_convert(FpEnv *env, const FpFmt *fmt, FpNum a)
{
    if (fp_is_nan(a)) {
        return fp_nan1(env, a);
    }
    fp_denormal2(env, a, a);
    return fp_round(env, fmt, a);
}

f64 f32_to_f64(FpEnv *env, f32 a)
{
    return FP_PACK(64, fp_convert(env, &fp_fmt64, FP_UNPACK(32, a)));
}

f32 f64_to_f32(FpEnv *env, f64 a)
{
    return FP_PACK(32, fp_convert(env, &fp_fmt32, FP_UNPACK(64, a)));
}

static const FpFmt fp_fmt16 = {-14, 15, 24, 11, 16};

f32 f16_to_f32(FpEnv *env, uint16_t a)
{
    return FP_PACK(32,
                   fp_convert(env, &fp_fmt32, fp_unpack(env, &fp_fmt16, a)));
}

uint16_t f32_to_f16(FpEnv *env, f32 a)
{
    return (uint16_t)fp_pack(&fp_fmt16,
                             fp_convert(env, &fp_fmt16, FP_UNPACK(32, a)));
}
