/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unpacked form all formats share, and the operations on it.
 */
#ifndef ACCEL_SOFTFLOAT_PRIV_H
#define ACCEL_SOFTFLOAT_PRIV_H

#include "accel/softfloat.h"

typedef unsigned __int128 FpWide;

typedef enum FpClass {
    FPC_ZERO,
    FPC_NORM, /* finite, not zero; denormals are normalized */
    FPC_INF,
    FPC_QNAN,
    FPC_SNAN,
    FPC_BAD, /* x87 unsupported: unnormal, pseudo-NaN, pseudo-infinity */
} FpClass;

/*
 * FPC_NORM: the value is (hi:lo) * 2^(exp - 127), bit 63 of hi is set, and
 * bit 0 of lo also stands for anything lost below it. After fp_round() bit 63
 * may be clear, with exp = emin: a denormal result.
 * NaN: hi is the significand, bit 63 set, bit 62 the quiet bit.
 */
typedef struct FpNum {
    uint64_t hi;
    uint64_t lo;
    int32_t exp;
    uint8_t cls; /* FpClass */
    bool sign;
    bool denorm; /* the encoding was denormal */
} FpNum;

typedef struct FpFmt {
    int32_t emin;
    int32_t emax;
    int32_t wrap; /* exponent adjustment of a trapped over- or underflow */
    uint8_t prec; /* significand bits, the integer bit included */
    uint8_t bits; /* of the encoding; 80 has an explicit integer bit */
} FpFmt;

extern const FpFmt fp_fmt32;
extern const FpFmt fp_fmt64;
extern const FpFmt fp_fmt80;

/* Packed <-> unpacked. fp_unpack80() ignores daz. */
FpNum fp_unpack(const FpEnv *env, const FpFmt *fmt, uint64_t bits);
uint64_t fp_pack(const FpFmt *fmt, FpNum n);
FpNum fp_unpack80(F80 a);
F80 fp_pack80(FpNum n);

FpNum fp_zero(bool sign);
FpNum fp_inf(bool sign);
FpNum fp_from_u64(bool sign, uint64_t v);
FpNum fp_invalid(FpEnv *env); /* raises it; the default NaN */
/* Normalize hi:lo, which may be any non-zero number. */
FpNum fp_normalize(FpNum n);

/* The NaN to return; at least one operand is NaN or unsupported. */
FpNum fp_nan1(FpEnv *env, FpNum a);
FpNum fp_nan2(FpEnv *env, FpNum a, FpNum b);
bool fp_is_nan(FpNum a); /* or unsupported */
void fp_denormal2(FpEnv *env, FpNum a, FpNum b);

/* Round to @fmt, with overflow and underflow. Only FPC_NORM changes. */
FpNum fp_round(FpEnv *env, const FpFmt *fmt, FpNum n);
bool fp_round_up(unsigned round, bool sign, bool odd, bool half, bool sticky);
FpWide fp_shift_jam(FpWide v, unsigned n);
/* Integer square root: floor in the result, @v - root^2 in *rem. */
uint64_t fp_isqrt(FpWide v, FpWide *rem);

/* Arithmetic: operands unpacked, result already rounded to @fmt. */
FpNum fp_add(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b);
FpNum fp_mul(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b);
FpNum fp_div(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b);
FpNum fp_sqrt(FpEnv *env, const FpFmt *fmt, FpNum a);
FpNum fp_fma(FpEnv *env, const FpFmt *fmt, FpNum a, FpNum b, FpNum c,
             unsigned neg);

/* No rounding, no flags, both FPC_NORM. */
FpNum fp_add_exact(FpNum a, FpNum b, unsigned round);
FpNum fp_mul_exact(FpNum a, FpNum b);

/* Order of two numbers that are not NaN; raises nothing. */
FpRel fp_order(FpNum a, FpNum b);
FpRel fp_compare(FpEnv *env, FpNum a, FpNum b, bool quiet);

/* Round to an integral value; sets FP_INEXACT only if @inexact. */
FpNum fp_to_integral(FpEnv *env, FpNum a, unsigned round, bool inexact);

typedef struct FpIntType {
    uint8_t width;
    bool is_signed;
    bool saturate;
} FpIntType;

/* The result in the low bits, sign extended when signed. */
uint64_t fp_to_int(FpEnv *env, FpNum a, unsigned round, FpIntType type);

#endif
