/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87 transcendental instructions. Real processors differ in the last place,
 * so these are our own: power series in 128-bit fixed point, good to about
 * 120 bits before the one rounding. FSIN and its kin reduce their argument
 * with the 66-bit pi that SDM vol 1, 8.3.8 documents.
 */
#include "accel/softfloat_priv.h"

/* Fixed point with one bit before the point; FX_ONE is 1.0. */
typedef FpWide Fixed;

#define FX_ONE ((Fixed)1 << 127)

#define WIDE(e, h, l)                                                          \
    {                                                                          \
        .cls = FPC_NORM, .exp = (e), .hi = (h), .lo = (l)                      \
    }

static const FpNum wide_one = WIDE(0, 1ull << 63, 0);
static const FpNum wide_ln2 = WIDE(-1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af);
static const FpNum wide_log2e = WIDE(0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88);
static const FpNum wide_pi = WIDE(1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
/* 3 pi / 4 */
static const FpNum wide_3pi4 = WIDE(1, 0x96cbe3f9990e91a7, 0x9394c9e8a0a5159c);

/* clang-format off */
/* arctan(i / 16) */
static const FpNum wide_atan[17] = {
    [1] = WIDE(-5, 0xffaaddb967ef4e36, 0xcb2792dc0e2e0d51),
    [2] = WIDE(-4, 0xfeadd4d5617b6e32, 0xc897989f3e888ef7),
    [3] = WIDE(-3, 0xbdcbda5e72d81134, 0x7b0b4f881c9c7487),
    [4] = WIDE(-3, 0xfadbafc96406eb15, 0x6dc79ef5f7a217e5),
    [5] = WIDE(-2, 0x9b13b9b83f5e5e69, 0xc5abb498d27af328),
    [6] = WIDE(-2, 0xb7b0ca0f26f78473, 0x8aa32122dcfe4483),
    [7] = WIDE(-2, 0xd327761e611fe5b6, 0x427c95e9001e7136),
    [8] = WIDE(-2, 0xed63382b0dda7b45, 0x6fe445ecbc3a8d03),
    [9] = WIDE(-1, 0x832bf4a6d9867e2a, 0x4b6a09cb61a515c0),
    [10] = WIDE(-1, 0x8f005d5ef7f59f9b, 0x5c835e1665c43747),
    [11] = WIDE(-1, 0x9a2f80e671bdda20, 0x4226f8e2204ff3bc),
    [12] = WIDE(-1, 0xa4bc7d1934f70924, 0x19a87f2a457dac9e),
    [13] = WIDE(-1, 0xaeac4c38b4d8c080, 0x14725e2f3e52070a),
    [14] = WIDE(-1, 0xb8053e2bc2319e73, 0xcb2da55210a4443d),
    [15] = WIDE(-1, 0xc0ce85b8ac526640, 0x89dd62c46e92fa24),
    [16] = WIDE(-1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1),
};
/* clang-format on */

static FpWide wide_get(FpNum n)
{
    return (FpWide)n.hi << 64 | n.lo;
}

static FpNum wide_set(FpNum n, FpWide v)
{
    n.hi = (uint64_t)(v >> 64);
    n.lo = (uint64_t)v;
    return n;
}

/* The upper half of the product. */
static FpWide mul_high(FpWide a, FpWide b)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a;
    uint64_t b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    FpWide low = (FpWide)a0 * b0;
    FpWide x = (FpWide)a1 * b0 + (uint64_t)(low >> 64);
    FpWide y = (FpWide)a0 * b1 + (uint64_t)x;

    return (FpWide)a1 * b1 + (uint64_t)(x >> 64) + (uint64_t)(y >> 64);
}

static Fixed fx_mul(Fixed a, Fixed b)
{
    return mul_high(a, b) << 1;
}

/* @n < 2^32 */
static Fixed fx_div_small(Fixed a, uint32_t n)
{
    uint64_t hi = (uint64_t)(a >> 64), lo = (uint64_t)a;
    uint64_t mid = (hi % n) << 32 | lo >> 32;
    uint64_t low = (mid % n) << 32 | (uint32_t)lo;

    return (Fixed)(hi / n) << 64 | (Fixed)(mid / n) << 32 | low / n;
}

/* 1 - v, but never 1: the function is not exact even when v vanishes. */
static Fixed fx_one_minus(Fixed v)
{
    return FX_ONE - (v != 0 ? v : 1);
}

static Fixed fx_one_plus(Fixed v)
{
    return FX_ONE + (v != 0 ? v : 1);
}

/* For n below 2. */
static Fixed fx_from_wide(FpNum n)
{
    unsigned shift = (unsigned)-n.exp;

    return shift > 127 ? 0 : wide_get(n) >> shift;
}

/* n squared, for n below 1. */
static Fixed fx_square(FpNum n)
{
    unsigned shift = 2u * (unsigned)-n.exp - 1;

    return shift > 127 ? 0 : mul_high(wide_get(n), wide_get(n)) >> shift;
}

static FpNum wide_from_fixed(Fixed v)
{
    FpNum n = {.cls = FPC_NORM};

    return fp_normalize(wide_set(n, v));
}

static FpNum wide_mul(FpNum a, FpNum b)
{
    FpWide x = wide_get(a), y = wide_get(b);
    FpWide high = mul_high(x, y);
    bool inexact = x * y != 0;

    a.sign ^= b.sign;
    a.exp += b.exp + 1;
    a = fp_normalize(wide_set(a, high));
    a.lo |= inexact;
    return a;
}

static FpNum wide_div(FpNum a, FpNum b)
{
    FpWide rem = wide_get(a), d = wide_get(b), q = 0;

    a.sign ^= b.sign;
    a.exp -= b.exp;
    for (int i = 0; i < 128; i++) {
        bool carry = i > 0 && rem >> 127;
        if (i > 0) {
            rem <<= 1;
        }
        q <<= 1;
        if (carry || rem >= d) {
            rem -= d;
            q |= 1;
        }
    }
    a = fp_normalize(wide_set(a, q));
    a.lo |= rem != 0;
    return a;
}

static FpNum wide_neg(FpNum a)
{
    a.sign = !a.sign;
    return a;
}

/* A sum whose operands do not cancel. */
static FpNum wide_add(FpNum a, FpNum b)
{
    return fp_add_exact(a, b, FP_RNE);
}

static F80 trans_round(FpEnv *env, FpNum n)
{
    return fp_pack80(fp_round(env, &fp_fmt80, n));
}

/* The value is irrational: make sure that it rounds as inexact. */
static F80 trans_inexact(FpEnv *env, FpNum n)
{
    n.lo |= 1;
    return trans_round(env, n);
}

static F80 trans_pack_signed(FpEnv *env, FpNum n, bool sign)
{
    n.sign = sign;
    return trans_inexact(env, n);
}

/* (e^t - 1) / t, t = +-|t|, from 1/2 + t/6 + ... outwards in. */
static Fixed poly_expm1(Fixed t, bool negative)
{
    Fixed acc = FX_ONE;

    for (uint32_t k = 33; k >= 2; k--) {
        Fixed term = fx_div_small(fx_mul(t, acc), k);
        acc = negative ? fx_one_minus(term) : fx_one_plus(term);
    }
    return acc;
}

F80 f80_2xm1(FpEnv *env, F80 a)
{
    FpNum x = fp_unpack80(a);

    env->rounded_up = false;
    if (fp_is_nan(x)) {
        return fp_pack80(fp_nan1(env, x));
    }
    fp_denormal2(env, x, x);
    if (x.cls == FPC_ZERO) {
        return a;
    }
    if (x.cls == FPC_INF) {
        return x.sign ? f80_from_i64(-1) : a;
    }
    if (x.exp >= 0) {
        if (x.exp == 0 && x.hi == 1ull << 63 && x.sign) {
            return (F80){1ull << 63, 0xbffe}; /* -1/2 */
        }
        return a; /* 1, and out of range: undefined, as hardware does */
    }
    FpNum t = wide_mul(x, wide_ln2);
    Fixed poly = poly_expm1(fx_from_wide(t), t.sign);
    return trans_inexact(env, wide_mul(t, wide_from_fixed(poly)));
}

/* artanh(s) / s for z = s^2 up to 0.03 */
static Fixed poly_atanh(Fixed z)
{
    Fixed acc = 0;

    for (uint32_t k = 27; k >= 1; k--) {
        acc = fx_mul(z, acc + fx_div_small(FX_ONE, 2 * k + 1));
    }
    return fx_one_plus(acc);
}

/* log2((1 + s) / (1 - s)) */
static FpNum wide_log2_ratio(FpNum s)
{
    FpNum r = wide_mul(s, wide_from_fixed(poly_atanh(fx_square(s))));

    r = wide_mul(r, wide_log2e);
    r.exp++;
    return r;
}

/* log2 of a positive number; FPC_ZERO for 1 */
static FpNum wide_log2(FpNum n)
{
    const uint64_t sqrt2 = 0xb504f333f9de6484;
    int32_t e = n.exp;

    n.exp = 0;
    if (n.hi > sqrt2) {
        n.exp = -1;
        e++;
    }
    FpNum whole = fp_from_u64(e < 0, e < 0 ? -(uint64_t)e : (uint64_t)e);
    FpNum num = wide_add(n, wide_neg(wide_one));
    if (num.cls == FPC_ZERO) {
        return whole;
    }
    FpNum frac = wide_log2_ratio(wide_div(num, wide_add(n, wide_one)));
    return whole.cls == FPC_ZERO ? frac : wide_add(whole, frac);
}

/* y * @log, where y is not NaN and log may be infinite or zero. */
static F80 trans_times(FpEnv *env, FpNum y, FpNum log)
{
    bool sign = y.sign ^ log.sign;

    if (y.cls == FPC_INF || log.cls == FPC_INF) {
        return fp_pack80(fp_inf(sign));
    }
    if (y.cls == FPC_ZERO || log.cls == FPC_ZERO) {
        return fp_pack80(fp_zero(sign));
    }
    return trans_round(env, wide_mul(y, log));
}

/* SDM vol 2, FYL2X, table of results */
F80 f80_yl2x(FpEnv *env, F80 fy, F80 fx)
{
    FpNum y = fp_unpack80(fy);
    FpNum x = fp_unpack80(fx);

    env->rounded_up = false;
    if (fp_is_nan(x) || fp_is_nan(y)) {
        return fp_pack80(fp_nan2(env, x, y));
    }
    if (x.sign && x.cls != FPC_ZERO) {
        return fp_pack80(fp_invalid(env));
    }
    bool is_one = x.cls == FPC_NORM && x.exp == 0 && x.hi == 1ull << 63;
    if ((y.cls == FPC_ZERO && (x.cls == FPC_ZERO || x.cls == FPC_INF))
        || (y.cls == FPC_INF && is_one)) {
        return fp_pack80(fp_invalid(env));
    }
    if (x.cls == FPC_ZERO && y.cls == FPC_NORM) {
        env->flags |= FP_DIVZERO;
        return fp_pack80(fp_inf(!y.sign));
    }
    fp_denormal2(env, x, y);
    if (x.cls == FPC_ZERO || x.cls == FPC_INF) {
        return trans_times(env, y, fp_inf(x.cls == FPC_ZERO));
    }
    return trans_times(env, y, wide_log2(x));
}

/* log2(1 + x), accurate for small x too; x > -1, not zero */
static FpNum wide_log2p1(FpNum x)
{
    const FpNum two = WIDE(1, 1ull << 63, 0);

    /* -1/4 < x < 1/4 */
    if (x.exp < -2) {
        return wide_log2_ratio(wide_div(x, wide_add(two, x)));
    }
    return wide_log2(wide_add(wide_one, x));
}

/* SDM vol 2, FYL2XP1, table of results */
F80 f80_yl2xp1(FpEnv *env, F80 fy, F80 fx)
{
    FpNum y = fp_unpack80(fy);
    FpNum x = fp_unpack80(fx);

    env->rounded_up = false;
    if (fp_is_nan(x) || fp_is_nan(y)) {
        return fp_pack80(fp_nan2(env, x, y));
    }
    if ((x.cls == FPC_ZERO && y.cls == FPC_INF)
        || (x.cls == FPC_INF && (x.sign || y.cls == FPC_ZERO))) {
        return fp_pack80(fp_invalid(env));
    }
    fp_denormal2(env, x, y);
    if (x.cls != FPC_NORM) {
        return trans_times(env, y, x);
    }
    if (x.sign && x.exp >= 0) {
        return fx; /* 1 + x <= 0: undefined */
    }
    return trans_times(env, y, wide_log2p1(x));
}

/* arctan(t) / t for z = t^2 up to 2^-10 */
static Fixed poly_atan(Fixed z)
{
    Fixed acc = 0;

    for (uint32_t k = 14; k >= 1; k--) {
        acc = fx_mul(z, fx_div_small(FX_ONE, 2 * k + 1) - acc);
    }
    return fx_one_minus(acc);
}

/* |t| <= 1/32 */
static FpNum wide_atan_small(FpNum t)
{
    return wide_mul(t, wide_from_fixed(poly_atan(fx_square(t))));
}

/*
 * arctan(n / d), 0 < n <= d. With c = i/16 next to n/d:
 * arctan(n/d) = arctan(c) + arctan((n - c d) / (d + c n)).
 */
static FpNum wide_atan_ratio(FpNum n, FpNum d)
{
    int32_t diff = d.exp - n.exp;

    if (diff > 6) {
        return wide_atan_small(wide_div(n, d));
    }
    FpWide dw = (FpWide)d.hi << 8;
    FpWide nw = (FpWide)n.hi << (8 - diff);
    FpWide i = (16 * nw + dw / 2) / dw;
    if (i == 0) {
        return wide_atan_small(wide_div(n, d));
    }
    FpNum num = {.cls = FPC_NORM, .sign = 16 * nw < i * dw};
    FpNum den = {.cls = FPC_NORM};
    FpWide gap = num.sign ? i * dw - 16 * nw : 16 * nw - i * dw;
    FpNum base = wide_atan[(unsigned)i];
    if (gap == 0) {
        return base;
    }
    num = fp_normalize(wide_set(num, gap));
    den = fp_normalize(wide_set(den, 16 * dw + i * nw));
    return wide_add(base, wide_atan_small(wide_div(num, den)));
}

/* SDM vol 2, FPATAN, table of results: y is zero or infinite, or x is. */
static F80 f80_patan_special(FpEnv *env, FpNum y, FpNum x)
{
    FpNum half_pi = wide_pi;
    FpNum quarter_pi = wide_pi;

    half_pi.exp--;
    quarter_pi.exp -= 2;
    if (y.cls == FPC_INF) {
        if (x.cls != FPC_INF) {
            return trans_pack_signed(env, half_pi, y.sign);
        }
        return trans_pack_signed(env, x.sign ? wide_3pi4 : quarter_pi, y.sign);
    }
    if (x.cls == FPC_INF || y.cls == FPC_ZERO) {
        if (x.sign) {
            return trans_pack_signed(env, wide_pi, y.sign);
        }
        return fp_pack80(fp_zero(y.sign));
    }
    return trans_pack_signed(env, half_pi, y.sign); /* x is zero */
}

F80 f80_patan(FpEnv *env, F80 fy, F80 fx)
{
    FpNum y = fp_unpack80(fy);
    FpNum x = fp_unpack80(fx);

    env->rounded_up = false;
    if (fp_is_nan(x) || fp_is_nan(y)) {
        return fp_pack80(fp_nan2(env, x, y));
    }
    fp_denormal2(env, x, y);
    if (x.cls != FPC_NORM || y.cls != FPC_NORM) {
        return f80_patan_special(env, y, x);
    }
    bool negative = y.sign;
    bool left = x.sign;
    x.sign = y.sign = false;
    FpNum r;
    if (fp_order(y, x) == FP_GREATER) {
        FpNum half_pi = wide_pi;
        half_pi.exp--;
        r = wide_atan_ratio(x, y);
        r = wide_add(half_pi, left ? r : wide_neg(r));
    } else {
        r = wide_atan_ratio(y, x);
        r = left ? wide_add(wide_pi, wide_neg(r)) : r;
    }
    return trans_pack_signed(env, r, negative);
}

/* sin(r) / r and cos(r) for z = r^2, r up to pi/4 */
static Fixed poly_sin(Fixed z)
{
    Fixed acc = FX_ONE;

    for (uint32_t k = 17; k >= 1; k--) {
        acc = fx_one_minus(fx_div_small(fx_mul(z, acc), 2 * k * (2 * k + 1)));
    }
    return acc;
}

static Fixed poly_cos(Fixed z)
{
    Fixed acc = FX_ONE;

    for (uint32_t k = 17; k >= 1; k--) {
        acc = fx_one_minus(fx_div_small(fx_mul(z, acc), 2 * k * (2 * k - 1)));
    }
    return acc;
}

/* |x| = quadrant * pi/2 + r, |r| <= pi/4 */
typedef struct Reduced {
    FpNum r;
    unsigned quadrant;
    bool sign; /* of x */
} Reduced;

static Reduced trig_reduce(FpNum x)
{
    /* pi/2 in units of 2^-67, x too: both exact */
    const FpWide half_pi = (FpWide)0xc << 64 | 0x90fdaa22168c234c;
    Reduced red = {.r = x, .sign = x.sign};
    FpWide rem = x.hi;

    red.r.sign = false;
    if (x.exp < -1) {
        return red;
    }
    for (int32_t i = 0; i < x.exp + 4; i++) {
        rem <<= 1;
        red.quadrant <<= 1;
        if (rem >= half_pi) {
            rem -= half_pi;
            red.quadrant |= 1;
        }
    }
    if (rem > half_pi / 2) {
        rem = half_pi - rem;
        red.quadrant++;
        red.r.sign = true;
    }
    red.r.exp = 127 - 67;
    red.r = fp_normalize(wide_set(red.r, rem));
    return red;
}

static FpNum trig_sin(Reduced red)
{
    Fixed z = fx_square(red.r);
    FpNum s;

    if (red.quadrant & 1) {
        s = wide_from_fixed(poly_cos(z));
    } else {
        s = wide_mul(red.r, wide_from_fixed(poly_sin(z)));
    }
    s.sign ^= red.sign ^ (red.quadrant >> 1 & 1);
    return s;
}

/* cos(x) = sin(|x| + pi/2) */
static FpNum trig_cos(Reduced red)
{
    red.sign = false;
    red.quadrant++;
    return trig_sin(red);
}

static FpNum trig_tan(Reduced red)
{
    FpNum t;

    if (red.r.exp < -32 && !(red.quadrant & 1)) {
        /* r + r^3 / 3: no rounding in a division */
        Fixed z = fx_square(red.r);
        t = wide_mul(red.r, wide_from_fixed(fx_one_plus(fx_div_small(z, 3))));
        t.sign ^= red.sign;
        return t;
    }
    return wide_div(trig_sin(red), trig_cos(red));
}

typedef enum TrigKind {
    TRIG_NAN,
    TRIG_ZERO,
    TRIG_NORMAL,
    TRIG_TOO_LARGE,
} TrigKind;

/* Sort out the operand; @nan is the result for TRIG_NAN. */
static TrigKind trig_operand(FpEnv *env, F80 a, FpNum *x, F80 *nan)
{
    *x = fp_unpack80(a);
    env->rounded_up = false;
    if (fp_is_nan(*x) || x->cls == FPC_INF) {
        *nan = fp_pack80(fp_is_nan(*x) ? fp_nan1(env, *x) : fp_invalid(env));
        return TRIG_NAN;
    }
    if (x->cls == FPC_ZERO) {
        return TRIG_ZERO;
    }
    fp_denormal2(env, *x, *x);
    return x->exp >= 63 ? TRIG_TOO_LARGE : TRIG_NORMAL;
}

bool f80_sincos(FpEnv *env, F80 a, F80 *sine, F80 *cosine)
{
    FpNum x;
    F80 nan;

    switch (trig_operand(env, a, &x, &nan)) {
    case TRIG_NAN:
        *sine = *cosine = nan;
        return true;
    case TRIG_ZERO:
        *sine = a;
        *cosine = f80_from_i64(1);
        return true;
    case TRIG_TOO_LARGE:
        return false;
    default:
        break;
    }
    Reduced red = trig_reduce(x);
    /* C1 belongs to the cosine, the value that ends on the top */
    *sine = trans_inexact(env, trig_sin(red));
    *cosine = trans_inexact(env, trig_cos(red));
    return true;
}

bool f80_sin(FpEnv *env, F80 a, F80 *sine)
{
    FpNum x;

    switch (trig_operand(env, a, &x, sine)) {
    case TRIG_ZERO:
        *sine = a;
        return true;
    case TRIG_NORMAL:
        *sine = trans_inexact(env, trig_sin(trig_reduce(x)));
        return true;
    case TRIG_TOO_LARGE:
        return false;
    default:
        return true;
    }
}

bool f80_cos(FpEnv *env, F80 a, F80 *cosine)
{
    FpNum x;

    switch (trig_operand(env, a, &x, cosine)) {
    case TRIG_ZERO:
        *cosine = f80_from_i64(1);
        return true;
    case TRIG_NORMAL:
        *cosine = trans_inexact(env, trig_cos(trig_reduce(x)));
        return true;
    case TRIG_TOO_LARGE:
        return false;
    default:
        return true;
    }
}

bool f80_ptan(FpEnv *env, F80 a, F80 *tangent)
{
    FpNum x;

    switch (trig_operand(env, a, &x, tangent)) {
    case TRIG_ZERO:
        *tangent = a;
        return true;
    case TRIG_NORMAL:
        *tangent = trans_inexact(env, trig_tan(trig_reduce(x)));
        return true;
    case TRIG_TOO_LARGE:
        return false;
    default:
        return true;
    }
}
