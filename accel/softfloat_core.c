/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacking, rounding, NaN rules and conversions to integers, shared by all
 * floating point formats.
 */
#include "accel/softfloat_priv.h"

#define INT_BIT (1ull << 63)
#define QUIET_BIT (1ull << 62)

const FpFmt fp_fmt32 = {-126, 127, 192, 24, 32};
const FpFmt fp_fmt64 = {-1022, 1023, 1536, 53, 64};
const FpFmt fp_fmt80 = {-16382, 16383, 24576, 64, 80};

FpNum fp_zero(bool sign)
{
    return (FpNum){.cls = FPC_ZERO, .sign = sign};
}

FpNum fp_inf(bool sign)
{
    return (FpNum){.cls = FPC_INF, .sign = sign};
}

static FpNum fp_default_nan(const FpEnv *env)
{
    return (FpNum){
        .cls = FPC_QNAN,
        .hi = INT_BIT | QUIET_BIT,
        .sign = env->nan_rule != FP_NAN_DEFAULT,
    };
}

FpNum fp_invalid(FpEnv *env)
{
    env->flags |= FP_INVALID;
    return fp_default_nan(env);
}

bool fp_is_nan(FpNum a)
{
    return a.cls >= FPC_QNAN;
}

static FpNum fp_quiet(FpNum a)
{
    a.cls = FPC_QNAN;
    a.hi |= QUIET_BIT;
    return a;
}

FpNum fp_nan1(FpEnv *env, FpNum a)
{
    return fp_nan2(env, a, a);
}

/* SDM vol 1 table 4-7, the column of the x87. */
static FpNum fp_nan_x87(FpNum a, FpNum b)
{
    if (!fp_is_nan(b)) {
        return a;
    }
    if (!fp_is_nan(a)) {
        return b;
    }
    if (a.cls != b.cls) {
        return a.cls == FPC_QNAN ? a : b;
    }
    if (a.hi != b.hi) {
        return a.hi > b.hi ? a : b;
    }
    return a.sign ? b : a;
}

FpNum fp_nan2(FpEnv *env, FpNum a, FpNum b)
{
    if (a.cls == FPC_BAD || b.cls == FPC_BAD) {
        return fp_invalid(env);
    }
    if (a.cls == FPC_SNAN || b.cls == FPC_SNAN) {
        env->flags |= FP_INVALID;
    }
    switch (env->nan_rule) {
    case FP_NAN_X87:
        return fp_quiet(fp_nan_x87(a, b));
    case FP_NAN_X86_SSE:
        return fp_quiet(fp_is_nan(a) ? a : b);
    default:
        return fp_default_nan(env);
    }
}

void fp_denormal2(FpEnv *env, FpNum a, FpNum b)
{
    if (a.denorm || b.denorm) {
        env->flags |= FP_DENORMAL;
    }
}

FpNum fp_normalize(FpNum n)
{
    if (n.hi == 0) {
        n.hi = n.lo;
        n.lo = 0;
        n.exp -= 64;
    }
    unsigned shift = (unsigned)__builtin_clzll(n.hi);
    if (shift > 0) {
        n.hi = n.hi << shift | n.lo >> (64 - shift);
        n.lo <<= shift;
        n.exp -= (int32_t)shift;
    }
    return n;
}

FpNum fp_from_u64(bool sign, uint64_t v)
{
    if (v == 0) {
        return fp_zero(false);
    }
    return fp_normalize(
        (FpNum){.cls = FPC_NORM, .sign = sign, .hi = v, .exp = 63});
}

FpNum fp_unpack(const FpEnv *env, const FpFmt *fmt, uint64_t bits)
{
    unsigned frac_bits = fmt->prec - 1u;
    uint64_t frac = bits & ((1ull << frac_bits) - 1);
    uint32_t exp_max = 2u * (uint32_t)fmt->emax + 1;
    uint32_t exp = (uint32_t)(bits >> frac_bits) & exp_max;
    FpNum n = {.sign = bits >> (fmt->bits - 1) & 1};

    n.hi = frac << (63 - frac_bits);
    if (exp == exp_max) {
        if (frac == 0) {
            n.cls = FPC_INF;
            return n;
        }
        n.cls = n.hi & QUIET_BIT ? FPC_QNAN : FPC_SNAN;
        n.hi |= INT_BIT;
        return n;
    }
    if (exp > 0) {
        n.cls = FPC_NORM;
        n.hi |= INT_BIT;
        n.exp = (int32_t)exp - fmt->emax;
        return n;
    }
    if (frac == 0 || env->daz) {
        return fp_zero(n.sign);
    }
    n.cls = FPC_NORM;
    n.denorm = true;
    n.exp = fmt->emin;
    return fp_normalize(n);
}

uint64_t fp_pack(const FpFmt *fmt, FpNum n)
{
    unsigned frac_bits = fmt->prec - 1u;
    uint64_t sign = (uint64_t)n.sign << (fmt->bits - 1);
    uint64_t exp_max = 2u * (uint64_t)fmt->emax + 1;
    uint64_t frac = (n.hi & ~INT_BIT) >> (63 - frac_bits);

    switch ((FpClass)n.cls) {
    case FPC_ZERO:
        return sign;
    case FPC_NORM:
        if (n.hi & INT_BIT) {
            return sign | (uint64_t)(n.exp + fmt->emax) << frac_bits | frac;
        }
        return sign | frac;
    case FPC_INF:
        return sign | exp_max << frac_bits;
    default:
        return sign | exp_max << frac_bits | frac;
    }
}

FpNum fp_unpack80(F80 a)
{
    uint32_t exp = a.se & 0x7fff;
    FpNum n = {.sign = a.se >> 15, .hi = a.mant};

    if (exp == 0) {
        if (a.mant == 0) {
            return fp_zero(n.sign);
        }
        n.cls = FPC_NORM;
        n.denorm = true; /* pseudo-denormals too */
        n.exp = fp_fmt80.emin;
        return fp_normalize(n);
    }
    if (!(a.mant & INT_BIT)) {
        n.cls = FPC_BAD;
    } else if (exp < 0x7fff) {
        n.cls = FPC_NORM;
        n.exp = (int32_t)exp - fp_fmt80.emax;
    } else if (a.mant == INT_BIT) {
        n.cls = FPC_INF;
    } else {
        n.cls = a.mant & QUIET_BIT ? FPC_QNAN : FPC_SNAN;
    }
    return n;
}

F80 fp_pack80(FpNum n)
{
    uint16_t sign = (uint16_t)(n.sign << 15);

    switch ((FpClass)n.cls) {
    case FPC_ZERO:
        return (F80){0, sign};
    case FPC_NORM:
        if (n.hi & INT_BIT) {
            return (F80){n.hi, (uint16_t)(sign | (n.exp + fp_fmt80.emax))};
        }
        return (F80){n.hi, sign};
    case FPC_INF:
        return (F80){INT_BIT, sign | 0x7fff};
    default:
        return (F80){n.hi | INT_BIT, sign | 0x7fff};
    }
}

bool fp_round_up(unsigned round, bool sign, bool odd, bool half, bool sticky)
{
    switch (round) {
    case FP_RNE:
        return half && (sticky || odd);
    case FP_RD:
        return sign && (half || sticky);
    case FP_RU:
        return !sign && (half || sticky);
    case FP_RMM:
        return half;
    default:
        return false;
    }
}

FpWide fp_shift_jam(FpWide v, unsigned n)
{
    if (n == 0) {
        return v;
    }
    if (n > 127) {
        return v != 0;
    }
    return v >> n | ((v << (128 - n)) != 0);
}

typedef struct Rounded {
    FpNum n;
    bool inexact;
    bool up;
} Rounded;

/* Round the significand to @prec bits from bit 63 down; no exponent limit. */
static Rounded fp_round_sig(const FpEnv *env, unsigned prec, FpNum n)
{
    Rounded r = {.n = n};
    unsigned drop = 64 - prec;
    uint64_t unit = 1ull << drop;
    bool half, sticky;

    if (drop == 0) {
        half = n.lo >> 63;
        sticky = n.lo << 1 != 0;
    } else {
        half = n.hi & unit >> 1;
        sticky = (n.hi & ((unit >> 1) - 1)) != 0 || n.lo != 0;
    }
    r.inexact = half || sticky;
    r.up = fp_round_up(env->round, n.sign, n.hi & unit, half, sticky);
    r.n.hi &= ~(unit - 1);
    r.n.lo = 0;
    if (r.up) {
        r.n.hi += unit;
        if (r.n.hi == 0) {
            r.n.hi = INT_BIT;
            r.n.exp++;
        }
    }
    return r;
}

static FpNum fp_overflow(FpEnv *env, const FpFmt *fmt, Rounded r)
{
    env->flags |= FP_OVERFLOW;
    if (env->unmasked & FP_OVERFLOW) {
        env->flags |= r.inexact ? FP_INEXACT : 0;
        env->rounded_up = r.up;
        r.n.exp -= fmt->wrap;
        if (fmt->wrap == fp_fmt80.wrap
            && r.n.exp > fmt->emax) { /* FSCALE: SDM vol 1, 8.5.4 */
            env->flags |= FP_INEXACT;
            env->rounded_up = true;
            return fp_inf(r.n.sign);
        }
        return r.n;
    }
    env->flags |= FP_INEXACT;
    env->rounded_up = fp_round_up(env->round, r.n.sign, true, true, true);
    if (env->rounded_up) {
        return fp_inf(r.n.sign);
    }
    r.n.exp = fmt->emax;
    r.n.hi = ~0ull << (64 - fmt->prec);
    return r.n;
}

static FpNum fp_underflow(FpEnv *env, const FpFmt *fmt, FpNum n, Rounded r)
{
    bool tiny = env->tiny_before || r.n.exp < fmt->emin;

    if (tiny && (env->unmasked & FP_UNDERFLOW)) {
        env->flags |= FP_UNDERFLOW | (r.inexact ? FP_INEXACT : 0);
        env->rounded_up = r.up;
        r.n.exp += fmt->wrap;
        if (fmt->wrap == fp_fmt80.wrap
            && r.n.exp < fmt->emin) { /* FSCALE: SDM vol 1, 8.5.5 */
            env->flags |= FP_INEXACT;
            env->rounded_up = false;
            return fp_zero(n.sign);
        }
        return r.n;
    }
    if (tiny && env->ftz) {
        env->flags |= FP_UNDERFLOW | FP_INEXACT;
        return fp_zero(n.sign);
    }
    FpWide v = (FpWide)n.hi << 64 | n.lo;
    v = fp_shift_jam(v, (unsigned)(fmt->emin - n.exp));
    n.hi = (uint64_t)(v >> 64);
    n.lo = (uint64_t)v;
    n.exp = fmt->emin;
    r = fp_round_sig(env, fmt->prec, n);
    if (r.inexact) {
        env->flags |= FP_INEXACT | (tiny ? FP_UNDERFLOW : 0);
    }
    env->rounded_up = r.up;
    return r.n.hi == 0 ? fp_zero(n.sign) : r.n;
}

FpNum fp_round(FpEnv *env, const FpFmt *fmt, FpNum n)
{
    if (n.cls != FPC_NORM) {
        return n;
    }
    Rounded r = fp_round_sig(env, fmt->prec, n);
    if (n.exp < fmt->emin) {
        return fp_underflow(env, fmt, n, r);
    }
    if (r.n.exp > fmt->emax) {
        return fp_overflow(env, fmt, r);
    }
    env->flags |= r.inexact ? FP_INEXACT : 0;
    env->rounded_up = r.up;
    return r.n;
}

FpRel fp_order(FpNum a, FpNum b)
{
    if (a.cls == FPC_ZERO && b.cls == FPC_ZERO) {
        return FP_EQUAL;
    }
    if (a.cls == FPC_ZERO) {
        return b.sign ? FP_GREATER : FP_LESS;
    }
    FpRel greater = a.sign ? FP_LESS : FP_GREATER;
    if (b.cls == FPC_ZERO || a.sign != b.sign) {
        return greater;
    }
    if (a.cls == FPC_INF || b.cls == FPC_INF) {
        if (a.cls == b.cls) {
            return FP_EQUAL;
        }
        return a.cls == FPC_INF ? greater : (FpRel)-greater;
    }
    if (a.exp != b.exp) {
        return a.exp > b.exp ? greater : (FpRel)-greater;
    }
    if (a.hi == b.hi) {
        return FP_EQUAL;
    }
    return a.hi > b.hi ? greater : (FpRel)-greater;
}

FpRel fp_compare(FpEnv *env, FpNum a, FpNum b, bool quiet)
{
    if (fp_is_nan(a) || fp_is_nan(b)) {
        if (!quiet || a.cls > FPC_QNAN || b.cls > FPC_QNAN) {
            env->flags |= FP_INVALID;
        }
        return FP_UNORDERED;
    }
    fp_denormal2(env, a, b);
    return fp_order(a, b);
}

FpNum fp_to_integral(FpEnv *env, FpNum a, unsigned round, bool inexact)
{
    if (a.cls != FPC_NORM || a.exp >= 63) {
        return a;
    }
    /* Fraction bits at the bottom of hi; below 1/2 only stickiness counts. */
    unsigned frac = a.exp < -1 ? 65 : (unsigned)(63 - a.exp);
    FpWide v = (FpWide)a.hi << 64 >> frac;
    uint64_t whole = (uint64_t)(v >> 64);
    bool half = (uint64_t)v >> 63;
    bool sticky = (uint64_t)v << 1 != 0;
    bool up = fp_round_up(round, a.sign, whole & 1, half, sticky);

    if (!half && !sticky) {
        return a;
    }
    env->rounded_up = up;
    env->flags |= inexact ? FP_INEXACT : 0;
    FpNum r = fp_from_u64(a.sign, whole + up);
    r.sign = a.sign;
    return r;
}

static uint64_t fp_int_out_of_range(FpEnv *env, FpIntType type, bool high)
{
    uint64_t top = 1ull << (type.width - 1);

    env->flags |= FP_INVALID;
    if (!type.saturate) {
        return type.is_signed ? -top : top - 1 + top;
    }
    if (!type.is_signed) {
        return high ? top - 1 + top : 0;
    }
    return high ? top - 1 : -top;
}

uint64_t fp_to_int(FpEnv *env, FpNum a, unsigned round, FpIntType type)
{
    uint8_t old_flags = env->flags;

    if (fp_is_nan(a)) {
        uint64_t v = fp_int_out_of_range(env, type, true);
        return type.saturate && env->nan_to_int_zero ? 0 : v;
    }
    a = fp_to_integral(env, a, round, true);
    if (a.cls == FPC_ZERO) {
        return 0;
    }
    uint64_t limit = 1ull << (type.width - 1);
    uint64_t v = a.cls == FPC_NORM && a.exp <= 63 ? a.hi >> (63 - a.exp) : 0;
    bool fits = v != 0;
    if (type.is_signed) {
        fits = fits && v <= limit - !a.sign;
    } else {
        fits = fits && !a.sign && v <= limit - 1 + limit;
    }
    if (!fits) {
        env->flags = old_flags; /* invalid replaces inexact */
        env->rounded_up = false;
        return fp_int_out_of_range(env, type, !a.sign);
    }
    return a.sign ? -v : v;
}
