/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * f32 and f64 against the SSE unit of the host, result and flags; the rules
 * of other guests against values argued from their manuals.
 */
#include <glib.h>
#include <inttypes.h>

#include "accel/softfloat.h"
#include "tests/unit/softfloat_gen.h"

enum {
    ROUNDS = 6000, /* operand sets for each operation and setting */
};

#if defined(__x86_64__)
/*
 * An oracle runs one instruction on xmm0 (a), xmm1 (b), xmm2 (c), or rax for
 * integers, under the given MXCSR.
 */
typedef struct Oracle {
    uint64_t a, b, c;
    uint32_t mxcsr;
} Oracle;

typedef uint64_t OracleFn(Oracle *o);

#define ORACLE(name, insn)                                                     \
    static uint64_t name(Oracle *o)                                            \
    {                                                                          \
        uint64_t r = o->a;                                                     \
        __asm__ volatile(                                                      \
            "movq %[a], %%xmm0\n\t"                                            \
            "movq %[b], %%xmm1\n\t"                                            \
            "movq %[c], %%xmm2\n\t"                                            \
            "mov %[a], %%rax\n\t"                                              \
            "stmxcsr %[save]\n\t"                                              \
            "ldmxcsr %[csr]\n\t" insn "\n\t"                                   \
            "stmxcsr %[csr]\n\t"                                               \
            "ldmxcsr %[save]\n\t"                                              \
            : "=&a"(r), [csr] "+m"(o->mxcsr), [save] "=m"(oracle_saved)        \
            : [a] "m"(o->a), [b] "m"(o->b), [c] "m"(o->c)                      \
            : "xmm0", "xmm1", "xmm2", "cc");                                   \
        return r;                                                              \
    }

static uint32_t oracle_saved;

#define ORACLE_F32(name, insn) ORACLE(name, insn "\n\tmovd %%xmm0, %%eax")
#define ORACLE_F64(name, insn) ORACLE(name, insn "\n\tmovq %%xmm0, %%rax")

#define ORACLE_BOTH(op)                                                        \
    ORACLE_F32(host32_##op, #op "ss %%xmm1, %%xmm0")                           \
    ORACLE_F64(host64_##op, #op "sd %%xmm1, %%xmm0")

ORACLE_BOTH(add)
ORACLE_BOTH(sub)
ORACLE_BOTH(mul)
ORACLE_BOTH(div)
ORACLE_BOTH(min)
ORACLE_BOTH(max)
ORACLE_F32(host32_sqrt, "sqrtss %%xmm0, %%xmm0")
ORACLE_F64(host64_sqrt, "sqrtsd %%xmm0, %%xmm0")
ORACLE_F32(host32_fmadd, "vfmadd213ss %%xmm2, %%xmm1, %%xmm0")
ORACLE_F64(host64_fmadd, "vfmadd213sd %%xmm2, %%xmm1, %%xmm0")
ORACLE_F32(host32_fnmsub, "vfnmsub213ss %%xmm2, %%xmm1, %%xmm0")
ORACLE_F64(host64_fnmsub, "vfnmsub213sd %%xmm2, %%xmm1, %%xmm0")
ORACLE_F64(host32_to_f64, "cvtss2sd %%xmm0, %%xmm0")
ORACLE_F32(host64_to_f32, "cvtsd2ss %%xmm0, %%xmm0")
ORACLE(host32_to_i32, "cvtss2si %%xmm0, %%eax")
ORACLE(host32_to_i64, "cvtss2si %%xmm0, %%rax")
ORACLE(host64_to_i32, "cvtsd2si %%xmm0, %%eax")
ORACLE(host64_to_i64, "cvtsd2si %%xmm0, %%rax")
ORACLE(host32_to_i64_rz, "cvttss2si %%xmm0, %%rax")
ORACLE(host64_to_i32_rz, "cvttsd2si %%xmm0, %%eax")
ORACLE_F32(host32_from_i32, "cvtsi2ss %%eax, %%xmm0")
ORACLE_F32(host32_from_i64, "cvtsi2ss %%rax, %%xmm0")
ORACLE_F64(host64_from_i32, "cvtsi2sd %%eax, %%xmm0")
ORACLE_F64(host64_from_i64, "cvtsi2sd %%rax, %%xmm0")
ORACLE_F32(host32_round, "roundss $4, %%xmm0, %%xmm0")
ORACLE_F64(host64_round, "roundsd $4, %%xmm0, %%xmm0")
ORACLE_F64(host64_round_quiet, "roundsd $10, %%xmm0, %%xmm0")
/* lahf: CF, PF and ZF as comis left them */
#define TO_AX "\n\tlahf\n\tmovzbl %%ah, %%eax\n\tand $0x45, %%eax"
ORACLE(host32_comi, "comiss %%xmm1, %%xmm0" TO_AX)
ORACLE(host64_comi, "comisd %%xmm1, %%xmm0" TO_AX)
ORACLE(host32_ucomi, "ucomiss %%xmm1, %%xmm0" TO_AX)
ORACLE(host64_ucomi, "ucomisd %%xmm1, %%xmm0" TO_AX)

typedef uint64_t SoftFn(FpEnv *env, uint64_t a, uint64_t b, uint64_t c);

#define SOFT(name, expr)                                                       \
    static uint64_t name(FpEnv *env, uint64_t a, uint64_t b, uint64_t c)       \
    {                                                                          \
        return expr;                                                           \
    }

#define SOFT_BOTH(op)                                                          \
    SOFT(soft32_##op, f32_##op(env, (f32)a, (f32)b))                           \
    SOFT(soft64_##op, f64_##op(env, a, b))

static uint64_t soft_rel(FpRel rel)
{
    static const uint8_t eflags[] = {0x01, 0x40, 0x00, 0x45};

    return eflags[rel + 1];
}

SOFT_BOTH(add)
SOFT_BOTH(sub)
SOFT_BOTH(mul)
SOFT_BOTH(div)
SOFT(soft32_min, f32_min(env, (f32)a, (f32)b, FP_MM_X86))
SOFT(soft64_min, f64_min(env, a, b, FP_MM_X86))
SOFT(soft32_max, f32_max(env, (f32)a, (f32)b, FP_MM_X86))
SOFT(soft64_max, f64_max(env, a, b, FP_MM_X86))
SOFT(soft32_sqrt, f32_sqrt(env, (f32)a))
SOFT(soft64_sqrt, f64_sqrt(env, a))
SOFT(soft32_fmadd, f32_fma(env, (f32)b, (f32)a, (f32)c, 0))
SOFT(soft64_fmadd, f64_fma(env, b, a, c, 0))
SOFT(soft32_fnmsub, f32_fma(env, (f32)b, (f32)a, (f32)c,
                            FP_FMA_NEG_PRODUCT | FP_FMA_NEG_ADDEND))
SOFT(soft64_fnmsub,
     f64_fma(env, b, a, c, FP_FMA_NEG_PRODUCT | FP_FMA_NEG_ADDEND))
SOFT(soft32_to_f64, f32_to_f64(env, (f32)a))
SOFT(soft64_to_f32, f64_to_f32(env, a))
SOFT(soft32_to_i32, (uint32_t)f32_to_i32(env, (f32)a, env->round))
SOFT(soft32_to_i64, (uint64_t)f32_to_i64(env, (f32)a, env->round))
SOFT(soft64_to_i32, (uint32_t)f64_to_i32(env, a, env->round))
SOFT(soft64_to_i64, (uint64_t)f64_to_i64(env, a, env->round))
SOFT(soft32_to_i64_rz, (uint64_t)f32_to_i64(env, (f32)a, FP_RZ))
SOFT(soft64_to_i32_rz, (uint32_t)f64_to_i32(env, a, FP_RZ))
SOFT(soft32_from_i32, f32_from_i64(env, (int32_t)a))
SOFT(soft32_from_i64, f32_from_i64(env, (int64_t)a))
SOFT(soft64_from_i32, f64_from_i64(env, (int32_t)a))
SOFT(soft64_from_i64, f64_from_i64(env, (int64_t)a))
SOFT(soft32_round, f32_roundint(env, (f32)a, env->round, true))
SOFT(soft64_round, f64_roundint(env, a, env->round, true))
SOFT(soft64_round_quiet, f64_roundint(env, a, FP_RU, false))
SOFT(soft32_comi, soft_rel(f32_compare(env, (f32)a, (f32)b)))
SOFT(soft64_comi, soft_rel(f64_compare(env, a, b)))
SOFT(soft32_ucomi, soft_rel(f32_compare_quiet(env, (f32)a, (f32)b)))
SOFT(soft64_ucomi, soft_rel(f64_compare_quiet(env, a, b)))

typedef struct SseTest {
    const char *name;
    char operand; /* 's'ingle, 'd'ouble, 'i'nteger, 'l'ong */
    bool needs_fma;
    OracleFn *host;
    SoftFn *soft;
} SseTest;

/* clang-format off */
#define BOTH(op) \
    {#op "ss", 's', false, host32_##op, soft32_##op}, \
    {#op "sd", 'd', false, host64_##op, soft64_##op}

static const SseTest sse_tests[] = {
    BOTH(add), BOTH(sub), BOTH(mul), BOTH(div), BOTH(min), BOTH(max),
    BOTH(sqrt), BOTH(round), BOTH(comi), BOTH(ucomi),
    {"fmaddss",     's', true,  host32_fmadd,     soft32_fmadd},
    {"fmaddsd",     'd', true,  host64_fmadd,     soft64_fmadd},
    {"fnmsubss",    's', true,  host32_fnmsub,    soft32_fnmsub},
    {"fnmsubsd",    'd', true,  host64_fnmsub,    soft64_fnmsub},
    {"cvtss2sd",    's', false, host32_to_f64,    soft32_to_f64},
    {"cvtsd2ss",    'd', false, host64_to_f32,    soft64_to_f32},
    {"cvtss2si32",  's', false, host32_to_i32,    soft32_to_i32},
    {"cvtss2si64",  's', false, host32_to_i64,    soft32_to_i64},
    {"cvtsd2si32",  'd', false, host64_to_i32,    soft64_to_i32},
    {"cvtsd2si64",  'd', false, host64_to_i64,    soft64_to_i64},
    {"cvttss2si64", 's', false, host32_to_i64_rz, soft32_to_i64_rz},
    {"cvttsd2si32", 'd', false, host64_to_i32_rz, soft64_to_i32_rz},
    {"cvtsi2ss32",  'i', false, host32_from_i32,  soft32_from_i32},
    {"cvtsi2ss64",  'l', false, host32_from_i64,  soft32_from_i64},
    {"cvtsi2sd32",  'i', false, host64_from_i32,  soft64_from_i32},
    {"cvtsi2sd64",  'l', false, host64_from_i64,  soft64_from_i64},
    {"roundsd-up",  'd', false, host64_round_quiet, soft64_round_quiet},
};
/* clang-format on */

static void sse_operands(Gen *g, char kind, Oracle *o)
{
    switch (kind) {
    case 's':
        o->a = gen_f32(g, 0);
        o->b = gen_f32(g, (f32)o->a);
        /* the addend near the product */
        o->c = gen_f32(g, (f32)(o->a + o->b - (127u << 23)));
        break;
    case 'd':
        o->a = gen_f64(g, 0);
        o->b = gen_f64(g, o->a);
        o->c = gen_f64(g, o->a + o->b - (1023ull << 52));
        break;
    case 'i':
        o->a = (uint32_t)(gen_bits(g) >> gen_below(g, 64));
        break;
    default:
        o->a = gen_bits(g) >> gen_below(g, 64);
        o->a = gen_below(g, 2) ? -o->a : o->a;
        break;
    }
}

/* MXCSR: flags 0-5, DAZ 6, masks 7-12, RC 13-14, FTZ 15 */
static void sse_compare(const SseTest *t, Oracle in, unsigned mode)
{
    Oracle o = in;
    FpEnv env = {
        .round = mode & 3,
        .daz = mode >> 2 & 1,
        .ftz = mode >> 3 & 1,
        .nan_rule = FP_NAN_X86_SSE,
    };

    o.mxcsr = 0x1f80u | (uint32_t)env.round << 13 | (uint32_t)env.daz << 6
              | (uint32_t)env.ftz << 15;
    uint64_t want = t->host(&o);
    uint64_t got = t->soft(&env, in.a, in.b, in.c);
    if (got != want || env.flags != (o.mxcsr & 0x3f)) {
        g_test_message("%s rc %d daz %d ftz %d: %#" PRIx64 " %#" PRIx64
                       " %#" PRIx64 ": got %#" PRIx64 " flags %02x,"
                       " host %#" PRIx64 " flags %02x",
                       t->name, env.round, env.daz, env.ftz, in.a, in.b, in.c,
                       got, env.flags, want, o.mxcsr & 0x3f);
        g_test_fail();
    }
}

static void test_sse(gconstpointer data)
{
    const SseTest *t = data;
    Gen g = {0x5eed};

    if (t->needs_fma && !__builtin_cpu_supports("fma")) {
        g_test_skip("the host has no FMA");
        return;
    }
    for (int i = 0; i < ROUNDS && !g_test_failed(); i++) {
        Oracle o = {0};
        sse_operands(&g, t->operand, &o);
        for (unsigned mode = 0; mode < 16; mode++) {
            sse_compare(t, o, mode);
        }
    }
}

static void add_sse_tests(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sse_tests); i++) {
        g_autofree char *path =
            g_strdup_printf("/softfloat/sse/%s", sse_tests[i].name);
        g_test_add_data_func(path, &sse_tests[i], test_sse);
    }
}
#else
static void add_sse_tests(void)
{
}
#endif

#define ONE 0x3ff0000000000000ull
#define INF 0x7ff0000000000000ull
#define QNAN 0x7ff8000000000000ull
#define SNAN 0x7ff0000000000001ull
#define NEG (1ull << 63)

/* RISC-V unprivileged manual, F extension: NaNs are always canonical. */
static void test_default_nan(void)
{
    FpEnv env = {.nan_rule = FP_NAN_DEFAULT};

    g_assert_cmphex(f64_add(&env, NEG | QNAN | 5, ONE), ==, QNAN);
    g_assert_cmphex(env.flags, ==, 0);
    g_assert_cmphex(f64_sub(&env, INF, INF), ==, QNAN);
    g_assert_cmphex(env.flags, ==, FP_INVALID);
    env.flags = 0;
    g_assert_cmphex(f64_to_f32(&env, SNAN), ==, 0x7fc00000);
    g_assert_cmphex(env.flags, ==, FP_INVALID);
    env.flags = 0;
    g_assert_cmphex(f64_fma(&env, 0, INF, QNAN, 0), ==, QNAN);
    g_assert_cmphex(env.flags, ==, FP_INVALID);
}

static void test_ties_away(void)
{
    FpEnv env = {.round = FP_RMM, .nan_rule = FP_NAN_DEFAULT};

    /* 2.5 to 3, -2.5 to -3; 2.5 ties to 2 in the default mode */
    g_assert_cmpint(f64_to_i32(&env, 0x4004000000000000, FP_RMM), ==, 3);
    g_assert_cmpint(f64_to_i32(&env, 0xc004000000000000, FP_RMM), ==, -3);
    g_assert_cmpint(f64_to_i32(&env, 0x4004000000000000, FP_RNE), ==, 2);
    /* 1 + 2^-53 is a tie */
    g_assert_cmphex(f64_add(&env, ONE, 0x3ca0000000000000), ==, ONE + 1);
    g_assert_cmphex(f32_from_i64(&env, 0x1000001), ==, 0x4b800001);
}

static void test_minmax_kinds(void)
{
    FpEnv env = {.nan_rule = FP_NAN_DEFAULT};

    g_assert_cmphex(f64_min(&env, 0, NEG, FP_MM_NUM), ==, NEG);
    g_assert_cmphex(f64_min(&env, NEG, 0, FP_MM_NUM), ==, NEG);
    g_assert_cmphex(f64_max(&env, NEG, 0, FP_MM_2019), ==, 0);
    g_assert_cmphex(f64_max(&env, 0, NEG, FP_MM_2008), ==, 0);
    g_assert_cmphex(f64_min(&env, QNAN, ONE, FP_MM_NUM), ==, ONE);
    g_assert_cmphex(f64_min(&env, QNAN, ONE, FP_MM_2008), ==, ONE);
    g_assert_cmphex(f64_min(&env, QNAN, ONE, FP_MM_2019), ==, QNAN);
    g_assert_cmphex(env.flags, ==, 0);
    g_assert_cmphex(f64_min(&env, SNAN, ONE, FP_MM_NUM), ==, ONE);
    g_assert_cmphex(env.flags, ==, FP_INVALID);
    env.flags = 0;
    g_assert_cmphex(f64_min(&env, ONE, SNAN, FP_MM_2008), ==, QNAN);
    g_assert_cmphex(env.flags, ==, FP_INVALID);
}

/* RISC-V table of FCVT limits */
static void test_saturate(void)
{
    FpEnv env = {.nan_rule = FP_NAN_DEFAULT};
    const f64 big = 0x4415af1d78b58c40;   /* 1e20 */
    const f64 minus = NEG | ONE;          /* -1 */
    const f64 small = 0xbfe0000000000000; /* -0.5 */

    g_assert_cmpint(f64_to_i32_sat(&env, big, FP_RZ), ==, INT32_MAX);
    g_assert_cmpint(f64_to_i32_sat(&env, NEG | big, FP_RZ), ==, INT32_MIN);
    g_assert_cmpint(f64_to_i64_sat(&env, QNAN, FP_RZ), ==, INT64_MAX);
    g_assert_cmpuint(f64_to_u32_sat(&env, minus, FP_RZ), ==, 0);
    g_assert_cmpuint(f64_to_u64_sat(&env, big, FP_RZ), ==, UINT64_MAX);
    g_assert_cmphex(env.flags, ==, FP_INVALID);
    env.flags = 0;
    g_assert_cmpuint(f64_to_u64_sat(&env, small, FP_RZ), ==, 0);
    g_assert_cmphex(env.flags, ==, FP_INEXACT);
    env.nan_to_int_zero = true; /* ARM */
    g_assert_cmpint(f64_to_i64_sat(&env, QNAN, FP_RZ), ==, 0);
    g_assert_cmpuint(f64_to_u32(&env, minus, FP_RZ), ==, UINT32_MAX);
    g_assert_cmpuint(f64_to_u64(&env, 0x43e0000000000000, FP_RZ), ==, NEG);
    g_assert_cmphex(f64_from_u64(&env, UINT64_MAX), ==, 0x43f0000000000000);
}

/* The largest number that rounds up to the smallest normal. */
static void test_tininess(void)
{
    FpEnv env = {.nan_rule = FP_NAN_DEFAULT};
    const f64 almost = 0x3fefffffffffffff; /* 1 - 2^-53 */
    const f64 min_normal = 0x0010000000000000;

    /* exact value 2^-1022 - 2^-1075: rounds to normal, not tiny after */
    g_assert_cmphex(f64_mul(&env, min_normal, almost), ==, min_normal);
    g_assert_cmphex(env.flags, ==, FP_INEXACT | FP_UNDERFLOW);
    env.flags = 0;
    /* 2^-1022 - 2^-1078: 2^-1022 at unlimited exponent */
    const f64 x = 0x20b0000000000000; /* 2^-500 */
    const f64 y = 0x9bd0000000000000; /* -2^-578 */
    g_assert_cmphex(f64_fma(&env, x, y, min_normal, 0), ==, min_normal);
    g_assert_cmphex(env.flags, ==, FP_INEXACT);
    env.flags = 0;
    env.tiny_before = true;
    g_assert_cmphex(f64_fma(&env, x, y, min_normal, 0), ==, min_normal);
    g_assert_cmphex(env.flags, ==, FP_INEXACT | FP_UNDERFLOW);
}

static void test_scalbn(void)
{
    FpEnv env = {.nan_rule = FP_NAN_DEFAULT};

    g_assert_cmphex(f64_scalbn(&env, ONE, 10), ==, 0x4090000000000000);
    g_assert_cmphex(f64_scalbn(&env, ONE, -1074), ==, 1);
    g_assert_cmphex(f64_scalbn(&env, 1, 1074), ==, ONE);
    g_assert_cmphex(env.flags, ==, FP_DENORMAL);
    env.flags = 0;
    g_assert_cmphex(f64_scalbn(&env, ONE, INT32_MAX), ==, INF);
    g_assert_cmphex(f64_scalbn(&env, NEG | ONE, INT32_MIN), ==, NEG);
    g_assert_cmphex(env.flags, ==, FP_OVERFLOW | FP_UNDERFLOW | FP_INEXACT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_sse_tests();
    g_test_add_func("/softfloat/default-nan", test_default_nan);
    g_test_add_func("/softfloat/ties-away", test_ties_away);
    g_test_add_func("/softfloat/minmax", test_minmax_kinds);
    g_test_add_func("/softfloat/saturate", test_saturate);
    g_test_add_func("/softfloat/tininess", test_tininess);
    g_test_add_func("/softfloat/scalbn", test_scalbn);
    return g_test_run();
}
