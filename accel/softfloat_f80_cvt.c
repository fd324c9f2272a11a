/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87 loads, stores and constants: conversions of the double extended format.
 */
#include "accel/softfloat_priv.h"

#include <string.h>

#define INT_BIT (1ull << 63)

enum {
    BCD_BYTES = 9, /* of digits, two each; byte 9 is the sign */
};

/* FLD of a short format: invalid for SNaN, denormal operand, exact. */
static F80 f80_widen(FpEnv *env, FpNum n)
{
    env->rounded_up = false;
    if (fp_is_nan(n)) {
        return fp_pack80(fp_nan1(env, n));
    }
    fp_denormal2(env, n, n);
    return fp_pack80(n);
}

F80 f80_from_f32(FpEnv *env, f32 a)
{
    FpEnv no_daz = {0};

    return f80_widen(env, fp_unpack(&no_daz, &fp_fmt32, a));
}

F80 f80_from_f64(FpEnv *env, f64 a)
{
    FpEnv no_daz = {0};

    return f80_widen(env, fp_unpack(&no_daz, &fp_fmt64, a));
}

F80 f80_from_i64(int64_t v)
{
    uint64_t mag = v < 0 ? -(uint64_t)v : (uint64_t)v;

    return fp_pack80(fp_from_u64(v < 0, mag));
}

/* FST: a denormal operand is not reported, SDM vol 2. */
static uint64_t f80_narrow(FpEnv *env, const FpFmt *fmt, F80 a)
{
    FpNum n = fp_unpack80(a);

    env->rounded_up = false;
    if (fp_is_nan(n)) {
        return fp_pack(fmt, fp_nan1(env, n));
    }
    return fp_pack(fmt, fp_round(env, fmt, n));
}

f32 f80_to_f32(FpEnv *env, F80 a)
{
    return (f32)f80_narrow(env, &fp_fmt32, a);
}

f64 f80_to_f64(FpEnv *env, F80 a)
{
    return f80_narrow(env, &fp_fmt64, a);
}

static uint64_t f80_to_int(FpEnv *env, F80 a, unsigned round, uint8_t width)
{
    FpIntType type = {.width = width, .is_signed = true};

    env->rounded_up = false;
    return fp_to_int(env, fp_unpack80(a), round, type);
}

int16_t f80_to_i16(FpEnv *env, F80 a, unsigned round)
{
    return (int16_t)f80_to_int(env, a, round, 16);
}

int32_t f80_to_i32(FpEnv *env, F80 a, unsigned round)
{
    return (int32_t)f80_to_int(env, a, round, 32);
}

int64_t f80_to_i64(FpEnv *env, F80 a, unsigned round)
{
    return (int64_t)f80_to_int(env, a, round, 64);
}

/* FBLD: digits above 9 are undefined; here they count as 10 to 15. */
F80 f80_from_bcd(const uint8_t bcd[10])
{
    uint64_t v = 0;

    for (int i = BCD_BYTES - 1; i >= 0; i--) {
        v = v * 100 + (bcd[i] >> 4) * 10u + (bcd[i] & 15u);
    }
    FpNum n = fp_from_u64(false, v);
    n.sign = bcd[BCD_BYTES] >> 7;
    return fp_pack80(n);
}

void f80_to_bcd(FpEnv *env, F80 a, uint8_t bcd[10])
{
    static const uint8_t indefinite[10] = {
        0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff,
    };
    const uint64_t limit = 1000000000000000000ull;
    uint8_t old_flags = env->flags;
    int64_t v = f80_to_i64(env, a, env->round);
    uint64_t mag = v < 0 ? -(uint64_t)v : (uint64_t)v;

    if (mag >= limit) {
        env->flags = old_flags | FP_INVALID;
        env->rounded_up = false;
        memcpy(bcd, indefinite, sizeof(indefinite));
        return;
    }
    for (int i = 0; i < BCD_BYTES; i++) {
        bcd[i] = (uint8_t)(mag % 10 | mag / 10 % 10 << 4);
        mag /= 100;
    }
    bcd[BCD_BYTES] = (uint8_t)(a.se >> 15 << 7);
}

/* The constants with 64 bits more than fit, for every rounding direction. */
F80 f80_const(const FpEnv *env, F80Const which)
{
    static const struct {
        int32_t exp;
        uint64_t hi;
        uint64_t lo;
    } table[] = {
        [F80_ONE] = {0, INT_BIT, 0},
        [F80_LOG2_T] = {1, 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4c},
        [F80_LOG2_E] = {0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88},
        [F80_PI] = {1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1},
        [F80_LOG10_2] = {-2, 0x9a209a84fbcff798, 0x8f8959ac0b7c9178},
        [F80_LN_2] = {-1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af},
    };

    if (which == F80_ZERO) {
        return (F80){0, 0};
    }
    FpEnv scratch = {.round = env->round};
    FpNum n = {
        .cls = FPC_NORM,
        .exp = table[which].exp,
        .hi = table[which].hi,
        .lo = table[which].lo,
    };
    return fp_pack80(fp_round(&scratch, &fp_fmt80, n));
}
