/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IEEE 754 arithmetic on integers: the meaning of every guest floating point
 * instruction, bit for bit, on any host. No C floating point inside.
 *
 * f32 and f64 are the plain encodings; F80 is the x87 double extended format.
 * Operations take a FpEnv: rounding and rule choices in, sticky flags out.
 * Flags are only ever set, never cleared. A caller that must not see the
 * flags of post-computation when an unmasked invalid, denormal or divide flag
 * was raised (SDM vol 1, 4.9.2) looks at FP_PRECOMPUTE first.
 */
#ifndef ACCEL_SOFTFLOAT_H
#define ACCEL_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t f32;
typedef uint64_t f64;

typedef struct F80 {
    uint64_t mant; /* integer bit explicit in bit 63 */
    uint16_t se;   /* sign in bit 15, biased exponent below */
} F80;

/* Rounding modes; the first four are the x86 RC field. */
enum {
    FP_RNE, /* nearest, ties to even */
    FP_RD,  /* towards minus infinity */
    FP_RU,  /* towards plus infinity */
    FP_RZ,  /* towards zero */
    FP_RMM, /* nearest, ties away from zero (RISC-V) */
};

/* Sticky flags, in the order of the x86 status words. */
enum {
    FP_INVALID = 1,
    FP_DENORMAL = 2, /* an operand was denormal */
    FP_DIVZERO = 4,
    FP_OVERFLOW = 8,
    FP_UNDERFLOW = 16,
    FP_INEXACT = 32,
    FP_PRECOMPUTE = FP_INVALID | FP_DENORMAL | FP_DIVZERO,
};

/* What a NaN operand makes of the result. */
enum {
    FP_NAN_X86_SSE, /* first NaN operand, quieted */
    FP_NAN_X87,     /* quiet before signalling, then larger significand */
    FP_NAN_DEFAULT, /* always the positive quiet NaN (RISC-V) */
};

typedef struct FpEnv {
    uint8_t round;        /* FP_RNE ... */
    uint8_t flags;        /* sticky, FP_INVALID ... */
    uint8_t unmasked;     /* exceptions that trap, same bits as flags */
    uint8_t nan_rule;     /* FP_NAN_... */
    uint8_t prec;         /* F80 arithmetic only: 24, 53 or 64 (0 is 64) */
    bool ftz;             /* tiny results become zero while UE is masked */
    bool daz;             /* denormal f32 and f64 operands are zero */
    bool tiny_before;     /* tininess before rounding (ARM, PowerPC) */
    bool nan_to_int_zero; /* _sat conversions: NaN gives 0, not the maximum */
    bool rounded_up;      /* x87 C1: last F80 operation rounded away from 0 */
} FpEnv;

typedef enum FpRel {
    FP_LESS = -1,
    FP_EQUAL = 0,
    FP_GREATER = 1,
    FP_UNORDERED = 2,
} FpRel;

/* IEEE minimum and maximum families; FP_MM_X86 is MINPS and MAXPS. */
typedef enum FpMinMax {
    FP_MM_X86,  /* second operand on NaN or two zeros; any NaN is invalid */
    FP_MM_2008, /* minNum, maxNum: signalling NaN gives NaN */
    FP_MM_NUM,  /* 2019 minimumNumber: a number beats any NaN (RISC-V) */
    FP_MM_2019, /* 2019 minimum: any NaN gives NaN */
} FpMinMax;

/* Operand changes of fused multiply-add, may be combined. */
enum {
    FP_FMA_NEG_PRODUCT = 1,
    FP_FMA_NEG_ADDEND = 2,
    FP_FMA_NEG_RESULT = 4, /* after rounding */
};

/*
 * Both sizes have the same set. Integer conversions take the rounding mode:
 * env->round, or FP_RZ for the truncating instructions. Out of range or NaN
 * is invalid and gives the x86 integer indefinite: the most negative signed,
 * the largest unsigned number. The _sat kind clamps instead.
 */
#define FP_DECLARE(F)                                                          \
    F F##_add(FpEnv *env, F a, F b);                                           \
    F F##_sub(FpEnv *env, F a, F b);                                           \
    F F##_mul(FpEnv *env, F a, F b);                                           \
    F F##_div(FpEnv *env, F a, F b);                                           \
    F F##_sqrt(FpEnv *env, F a);                                               \
    F F##_fma(FpEnv *env, F a, F b, F c, unsigned neg);                        \
    F F##_min(FpEnv *env, F a, F b, FpMinMax kind);                            \
    F F##_max(FpEnv *env, F a, F b, FpMinMax kind);                            \
    FpRel F##_compare(FpEnv *env, F a, F b);       /* any NaN is invalid */    \
    FpRel F##_compare_quiet(FpEnv *env, F a, F b); /* SNaN is invalid */       \
    F F##_roundint(FpEnv *env, F a, unsigned round, bool inexact);             \
    F F##_scalbn(FpEnv *env, F a, int n);                                      \
    F F##_from_i64(FpEnv *env, int64_t v);                                     \
    F F##_from_u64(FpEnv *env, uint64_t v);                                    \
    int32_t F##_to_i32(FpEnv *env, F a, unsigned round);                       \
    int64_t F##_to_i64(FpEnv *env, F a, unsigned round);                       \
    uint32_t F##_to_u32(FpEnv *env, F a, unsigned round);                      \
    uint64_t F##_to_u64(FpEnv *env, F a, unsigned round);                      \
    int32_t F##_to_i32_sat(FpEnv *env, F a, unsigned round);                   \
    int64_t F##_to_i64_sat(FpEnv *env, F a, unsigned round);                   \
    uint32_t F##_to_u32_sat(FpEnv *env, F a, unsigned round);                  \
    uint64_t F##_to_u64_sat(FpEnv *env, F a, unsigned round);                  \
    bool F##_is_nan(F a);                                                      \
    bool F##_is_snan(F a)

FP_DECLARE(f32);
FP_DECLARE(f64);

f64 f32_to_f64(FpEnv *env, f32 a);
f32 f64_to_f32(FpEnv *env, f64 a);
/* IEEE half precision */
f32 f16_to_f32(FpEnv *env, uint16_t a);
uint16_t f32_to_f16(FpEnv *env, f32 a);

/*
 * x87. Arithmetic obeys env->prec and, for unmasked overflow and underflow,
 * gives the result scaled by 2^-24576 or 2^24576 (SDM vol 1, 8.5.4, 8.5.5).
 * Every function that rounds sets env->rounded_up to the C1 it reports.
 */
F80 f80_add(FpEnv *env, F80 a, F80 b);
F80 f80_sub(FpEnv *env, F80 a, F80 b);
F80 f80_mul(FpEnv *env, F80 a, F80 b);
F80 f80_div(FpEnv *env, F80 a, F80 b);
F80 f80_sqrt(FpEnv *env, F80 a);
F80 f80_roundint(FpEnv *env, F80 a);
F80 f80_scale(FpEnv *env, F80 a, F80 b); /* FSCALE: a x 2^trunc(b) */
/* FXTRACT: returns the significand, stores the unbiased exponent. */
F80 f80_xtract(FpEnv *env, F80 a, F80 *exponent);
FpRel f80_compare(FpEnv *env, F80 a, F80 b);       /* FCOM, FCOMI */
FpRel f80_compare_quiet(FpEnv *env, F80 a, F80 b); /* FUCOM, FUCOMI */

typedef struct F80Rem {
    F80 value;
    uint8_t quotient; /* low three bits; 0 while partial */
    bool partial;     /* C2: reduction incomplete, go round again */
} F80Rem;

F80Rem f80_prem(FpEnv *env, F80 a, F80 b);  /* FPREM, truncating */
F80Rem f80_prem1(FpEnv *env, F80 a, F80 b); /* FPREM1, nearest */

F80 f80_from_f32(FpEnv *env, f32 a);
F80 f80_from_f64(FpEnv *env, f64 a);
F80 f80_from_i64(int64_t v);
F80 f80_from_bcd(const uint8_t bcd[10]);
f32 f80_to_f32(FpEnv *env, F80 a);
f64 f80_to_f64(FpEnv *env, F80 a);
int16_t f80_to_i16(FpEnv *env, F80 a, unsigned round);
int32_t f80_to_i32(FpEnv *env, F80 a, unsigned round);
int64_t f80_to_i64(FpEnv *env, F80 a, unsigned round);
void f80_to_bcd(FpEnv *env, F80 a, uint8_t bcd[10]);

typedef enum F80Const {
    F80_ONE,    /* FLD1 */
    F80_LOG2_T, /* FLDL2T: log2 10 */
    F80_LOG2_E, /* FLDL2E */
    F80_PI,     /* FLDPI */
    F80_LOG10_2,
    F80_LN_2,
    F80_ZERO,
} F80Const;

/* Opcode order of D9 E8..EE. Rounded as env->round says; raises nothing. */
F80 f80_const(const FpEnv *env, F80Const which);

typedef enum F80Class {
    F80_IS_UNSUPPORTED, /* values are C3 C2 C0 of FXAM, as a number */
    F80_IS_NAN,
    F80_IS_NORMAL,
    F80_IS_INFINITY,
    F80_IS_ZERO,
    F80_IS_EMPTY, /* never returned: the register file knows */
    F80_IS_DENORMAL,
} F80Class;

F80Class f80_class(F80 a);
bool f80_is_snan(F80 a);

/*
 * Transcendentals: our own arithmetic, at most one unit in the last place
 * from the true value. FSIN, FCOS, FSINCOS and FPTAN return false and leave
 * the outputs alone (C2 = 1) when the magnitude is 2^63 or more.
 */
F80 f80_2xm1(FpEnv *env, F80 a);
F80 f80_yl2x(FpEnv *env, F80 y, F80 x);   /* y * log2(x) */
F80 f80_yl2xp1(FpEnv *env, F80 y, F80 x); /* y * log2(x + 1) */
F80 f80_patan(FpEnv *env, F80 y, F80 x);  /* arctangent of y / x, full circle */
bool f80_sin(FpEnv *env, F80 a, F80 *sine);
bool f80_cos(FpEnv *env, F80 a, F80 *cosine);
bool f80_sincos(FpEnv *env, F80 a, F80 *sine, F80 *cosine);
bool f80_ptan(FpEnv *env, F80 a, F80 *tangent);

#endif
