/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x87 double extended format: arithmetic under precision control,
 * remainders, scaling and comparison. SDM vol 1 chapter 8.
 */
#include "accel/softfloat_priv.h"

#define INT_BIT (1ull << 63)

/* Precision control narrows the significand, not the exponent. */
static const FpFmt fmt80_24 = {-16382, 16383, 24576, 24, 80};
static const FpFmt fmt80_53 = {-16382, 16383, 24576, 53, 80};

static const FpFmt *f80_fmt(const FpEnv *env)
{
    switch (env->prec) {
    case 24:
        return &fmt80_24;
    case 53:
        return &fmt80_53;
    default:
        return &fp_fmt80;
    }
}

static bool f80_normal(F80 a)
{
    unsigned exp = a.se & 0x7fff;

    return exp - 1 < 0x7ffe && a.mant & INT_BIT;
}

/*
 * The common case of fp_round(): @v has bit 127 set, @exp is biased and must
 * stay clear of both ends. False: nothing done, go the long way.
 */
static bool f80_quick_round(FpEnv *env, uint16_t sign, int exp, FpWide v,
                            F80 *r)
{
    unsigned drop = 64u - f80_fmt(env)->prec;
    uint64_t unit = 1ull << drop;
    uint64_t hi = (uint64_t)(v >> 64);
    /* what is rounded off, its half bit in bit 63 */
    uint64_t rest = (uint64_t)(v >> drop) | ((uint64_t)v & (unit - 1));

    if (exp < 1 || exp > 0x7ffd) {
        return false;
    }
    hi &= ~(unit - 1);
    env->rounded_up = false;
    if (rest != 0) {
        env->flags |= FP_INEXACT;
        if (fp_round_up(env->round, sign, hi & unit, rest >> 63,
                        rest << 1 != 0)) {
            env->rounded_up = true;
            hi += unit;
            if (hi == 0) {
                hi = INT_BIT;
                exp++;
            }
        }
    }
    *r = (F80){hi, (uint16_t)(sign | exp)};
    return true;
}

static bool f80_quick_add(FpEnv *env, F80 a, F80 b, F80 *r)
{
    if (!f80_normal(a) || !f80_normal(b)) {
        return false;
    }
    bool differ = (a.se ^ b.se) & 0x8000;
    int diff = (a.se & 0x7fff) - (b.se & 0x7fff);
    if (diff < 0 || (diff == 0 && a.mant < b.mant)) {
        F80 t = a;
        a = b;
        b = t;
        diff = -diff;
    }
    FpWide x = (FpWide)a.mant << 63;
    FpWide y = fp_shift_jam((FpWide)b.mant << 63, (unsigned)diff);
    x = differ ? x - y : x + y;
    uint64_t hi = (uint64_t)(x >> 64);
    if (hi == 0) {
        return false; /* cancelled almost or completely */
    }
    int shift = __builtin_clzll(hi);
    int exp = (a.se & 0x7fff) + 1 - shift;
    return f80_quick_round(env, a.se & 0x8000, exp, x << shift, r);
}

static bool f80_quick_mul(FpEnv *env, F80 a, F80 b, F80 *r)
{
    if (!f80_normal(a) || !f80_normal(b)) {
        return false;
    }
    FpWide v = (FpWide)a.mant * b.mant;
    int exp = (a.se & 0x7fff) + (b.se & 0x7fff) - 0x3ffe;
    if (!(v >> 127)) {
        v <<= 1;
        exp--;
    }
    return f80_quick_round(env, (a.se ^ b.se) & 0x8000, exp, v, r);
}

F80 f80_add(FpEnv *env, F80 a, F80 b)
{
    F80 r;

    if (f80_quick_add(env, a, b, &r)) {
        return r;
    }
    env->rounded_up = false;
    return fp_pack80(fp_add(env, f80_fmt(env), fp_unpack80(a), fp_unpack80(b)));
}

F80 f80_sub(FpEnv *env, F80 a, F80 b)
{
    FpNum n = fp_unpack80(b);

    if (!fp_is_nan(n)) { /* a NaN is returned with its own sign */
        b.se ^= 0x8000;
    }
    return f80_add(env, a, b);
}

F80 f80_mul(FpEnv *env, F80 a, F80 b)
{
    F80 r;

    if (f80_quick_mul(env, a, b, &r)) {
        return r;
    }
    env->rounded_up = false;
    return fp_pack80(fp_mul(env, f80_fmt(env), fp_unpack80(a), fp_unpack80(b)));
}

F80 f80_div(FpEnv *env, F80 a, F80 b)
{
    env->rounded_up = false;
    return fp_pack80(fp_div(env, f80_fmt(env), fp_unpack80(a), fp_unpack80(b)));
}

F80 f80_sqrt(FpEnv *env, F80 a)
{
    env->rounded_up = false;
    return fp_pack80(fp_sqrt(env, f80_fmt(env), fp_unpack80(a)));
}

F80 f80_roundint(FpEnv *env, F80 a)
{
    FpNum n = fp_unpack80(a);

    env->rounded_up = false;
    if (fp_is_nan(n)) {
        return fp_pack80(fp_nan1(env, n));
    }
    fp_denormal2(env, n, n);
    return fp_pack80(fp_to_integral(env, n, env->round, true));
}

/* trunc(n), clamped: beyond +-65535 every scaling over- or underflows. */
static int32_t f80_scale_count(FpNum n)
{
    if (n.cls == FPC_ZERO || n.exp < 0) {
        return 0;
    }
    int32_t count = n.exp > 15 ? 65535 : (int32_t)(n.hi >> (63 - n.exp));
    return n.sign ? -count : count;
}

/* SDM vol 2, FSCALE, table of special cases */
F80 f80_scale(FpEnv *env, F80 a, F80 b)
{
    FpNum x = fp_unpack80(a);
    FpNum y = fp_unpack80(b);

    env->rounded_up = false;
    if (fp_is_nan(x) || fp_is_nan(y)) {
        return fp_pack80(fp_nan2(env, x, y));
    }
    if (y.cls == FPC_INF && x.cls == (y.sign ? FPC_INF : FPC_ZERO)) {
        return fp_pack80(fp_invalid(env));
    }
    fp_denormal2(env, x, y);
    if (y.cls == FPC_INF) {
        return fp_pack80(y.sign ? fp_zero(x.sign) : fp_inf(x.sign));
    }
    if (x.cls == FPC_NORM) {
        x.exp += f80_scale_count(y);
        x = fp_round(env, &fp_fmt80, x);
    }
    return fp_pack80(x);
}

F80 f80_xtract(FpEnv *env, F80 a, F80 *exponent)
{
    FpNum n = fp_unpack80(a);

    env->rounded_up = false;
    if (fp_is_nan(n)) {
        *exponent = fp_pack80(fp_nan1(env, n));
        return *exponent;
    }
    if (n.cls == FPC_ZERO) {
        env->flags |= FP_DIVZERO;
        *exponent = fp_pack80(fp_inf(true));
        return a;
    }
    if (n.cls == FPC_INF) {
        *exponent = fp_pack80(fp_inf(false));
        return a;
    }
    fp_denormal2(env, n, n);
    *exponent = f80_from_i64(n.exp);
    n.exp = 0;
    return fp_pack80(n);
}

FpRel f80_compare(FpEnv *env, F80 a, F80 b)
{
    return fp_compare(env, fp_unpack80(a), fp_unpack80(b), false);
}

FpRel f80_compare_quiet(FpEnv *env, F80 a, F80 b)
{
    return fp_compare(env, fp_unpack80(a), fp_unpack80(b), true);
}

/* Special operands of FPREM and FPREM1; true when *r is the answer. */
static bool f80_rem_special(FpEnv *env, FpNum a, FpNum b, FpNum *r)
{
    if (fp_is_nan(a) || fp_is_nan(b)) {
        *r = fp_nan2(env, a, b);
        return true;
    }
    if (a.cls == FPC_INF || b.cls == FPC_ZERO) {
        *r = fp_invalid(env);
        return true;
    }
    fp_denormal2(env, a, b);
    *r = a;
    return a.cls == FPC_ZERO || b.cls == FPC_INF;
}

/*
 * a.hi * 2^steps modulo b.hi by long division, quotient modulo 2^64 in *q.
 * The remainder keeps b's exponent: it is smaller than b.
 */
static uint64_t f80_long_division(uint64_t a, uint64_t b, unsigned steps,
                                  uint64_t *q)
{
    FpWide rem = a;

    *q = 0;
    for (unsigned i = 0; i <= steps; i++) {
        if (i > 0) {
            rem <<= 1;
        }
        *q <<= 1;
        if (rem >= b) {
            rem -= b;
            *q |= 1;
        }
    }
    return (uint64_t)rem;
}

static FpNum f80_rem_result(FpEnv *env, FpNum a, uint64_t rem, int32_t exp)
{
    if (rem == 0) {
        return fp_zero(a.sign);
    }
    FpNum r = {.cls = FPC_NORM, .sign = a.sign, .hi = rem, .exp = exp};
    return fp_round(env, &fp_fmt80, fp_normalize(r)); /* exact */
}

/* Round the quotient to nearest: the remainder may change its sign. */
static bool f80_rem_nearest(FpNum b, uint64_t *rem, uint64_t *q, int32_t diff)
{
    bool more;

    if (diff < -1) {
        return false;
    }
    if (diff == -1) { /* rem is in half units of b's last place */
        more = *rem > b.hi;
        if (more) {
            *rem = b.hi - (*rem - b.hi);
        }
    } else {
        uint64_t other = b.hi - *rem;
        more = *rem > other || (*rem == other && (*q & 1));
        if (more) {
            *rem = other;
        }
    }
    *q += more;
    return more;
}

static F80Rem f80_rem(FpEnv *env, F80 fa, F80 fb, bool nearest)
{
    FpNum a = fp_unpack80(fa);
    FpNum b = fp_unpack80(fb);
    F80Rem r = {.value = fa};
    FpNum n;

    env->rounded_up = false;
    if (f80_rem_special(env, a, b, &n)) {
        r.value = fp_pack80(fp_round(env, &fp_fmt80, n));
        return r;
    }
    int32_t diff = a.exp - b.exp;
    if (diff >= 64) {
        /* SDM: reduce the exponent by 32 to 63; the quotient is unknown. */
        unsigned steps = (unsigned)diff % 32 + 32;
        uint64_t q;
        uint64_t rem = f80_long_division(a.hi, b.hi, steps, &q);
        n = f80_rem_result(env, a, rem, a.exp - (int32_t)steps);
        r.value = fp_pack80(n);
        r.partial = true;
        return r;
    }
    uint64_t q = 0, rem = a.hi;
    int32_t exp = a.exp;
    if (diff >= 0) {
        rem = f80_long_division(a.hi, b.hi, (unsigned)diff, &q);
        exp = b.exp;
    }
    if (nearest && f80_rem_nearest(b, &rem, &q, diff)) {
        a.sign = !a.sign;
    }
    r.value = fp_pack80(f80_rem_result(env, a, rem, exp));
    r.quotient = q & 7;
    return r;
}

F80Rem f80_prem(FpEnv *env, F80 a, F80 b)
{
    return f80_rem(env, a, b, false);
}

F80Rem f80_prem1(FpEnv *env, F80 a, F80 b)
{
    return f80_rem(env, a, b, true);
}

F80Class f80_class(F80 a)
{
    FpNum n = fp_unpack80(a);

    switch ((FpClass)n.cls) {
    case FPC_ZERO:
        return F80_IS_ZERO;
    case FPC_NORM:
        return n.denorm ? F80_IS_DENORMAL : F80_IS_NORMAL;
    case FPC_INF:
        return F80_IS_INFINITY;
    case FPC_BAD:
        return F80_IS_UNSUPPORTED;
    default:
        return F80_IS_NAN;
    }
}

bool f80_is_snan(F80 a)
{
    return fp_unpack80(a).cls == FPC_SNAN;
}
