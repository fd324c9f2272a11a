/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * F80 against the x87 of the host: result, status flags and condition codes.
 */
#include <glib.h>
#include <inttypes.h>

#include "accel/softfloat.h"
#include "tests/unit/softfloat_gen.h"

enum {
    ROUNDS = 2500, /* operand sets for each operation and control word */
    TRANS_ROUNDS = 20000,
    SW_C0 = 1 << 8,
    SW_C1 = 1 << 9,
    SW_C2 = 1 << 10,
    SW_C3 = 1 << 14,
    SW_SEEN = 0x3f | SW_C0 | SW_C1 | SW_C2 | SW_C3,
};

/* One instruction on st(0) = a and st(1) = b; m is its memory operand. */
typedef struct X87 {
    F80 a, b;
    F80 m;
    F80 r0, r1;
    uint16_t cw;
    uint16_t sw;
} X87;

typedef void X87Fn(X87 *x);

#if defined(__x86_64__)
#define HOST_X87(name, insn)                                                   \
    static void host_##name(X87 *x)                                            \
    {                                                                          \
        const uint16_t masked = 0x37f;                                         \
        __asm__ volatile("fninit\n\t"                                          \
                         "fldcw %[masked]\n\t"                                 \
                         "fldt %[b]\n\tfldt %[a]\n\t"                          \
                         "fldcw %[cw]\n\t" insn "\n\t"                         \
                         "fnstsw %[sw]\n\t"                                    \
                         "fnclex\n\t"                                          \
                         "fldcw %[masked]\n\t"                                 \
                         "fstpt %[r0]\n\tfstpt %[r1]\n\t"                      \
                         "fninit\n\t"                                          \
                         : [sw] "=m"(x->sw), [r0] "=m"(x->r0),                 \
                           [r1] "=m"(x->r1), [m] "+m"(x->m)                    \
                         : [a] "m"(x->a), [b] "m"(x->b), [cw] "m"(x->cw),      \
                           [masked] "m"(masked)                                \
                         : "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",  \
                           "st(6)", "st(7)", "memory");                        \
    }

HOST_X87(fadd, "fadd %%st(1), %%st")
HOST_X87(fsub, "fsub %%st(1), %%st")
HOST_X87(fmul, "fmul %%st(1), %%st")
HOST_X87(fdiv, "fdiv %%st(1), %%st")
HOST_X87(fsqrt, "fsqrt")
HOST_X87(frndint, "frndint")
HOST_X87(fscale, "fscale")
HOST_X87(fxtract, "fxtract")
HOST_X87(fprem, "fprem")
HOST_X87(fprem1, "fprem1")
HOST_X87(fcom, "fcom %%st(1)")
HOST_X87(fucom, "fucom %%st(1)")
HOST_X87(fxam, "fxam")
HOST_X87(fld32, "flds %[m]")
HOST_X87(fld64, "fldl %[m]")
HOST_X87(fild64, "fildll %[m]")
HOST_X87(fbld, "fbld %[m]")
HOST_X87(fst32, "fsts %[m]")
HOST_X87(fst64, "fstl %[m]")
HOST_X87(fist16, "fists %[m]")
HOST_X87(fist32, "fistl %[m]")
HOST_X87(fist64, "fld %%st\n\tfistpll %[m]")
HOST_X87(fisttp32, "fld %%st\n\tfisttpl %[m]")
HOST_X87(fbstp, "fld %%st\n\tfbstp %[m]")
HOST_X87(fld1, "fld1")
HOST_X87(fldl2t, "fldl2t")
HOST_X87(fldl2e, "fldl2e")
HOST_X87(fldpi, "fldpi")
HOST_X87(fldlg2, "fldlg2")
HOST_X87(fldln2, "fldln2")
HOST_X87(fldz, "fldz")
HOST_X87(f2xm1, "f2xm1")
HOST_X87(fyl2x, "fxch\n\tfyl2x\n\tfldt %[a]\n\tfxch")
HOST_X87(fyl2xp1, "fxch\n\tfyl2xp1\n\tfldt %[a]\n\tfxch")
HOST_X87(fpatan, "fxch\n\tfpatan\n\tfldt %[a]\n\tfxch")
HOST_X87(fsin, "fsin")
HOST_X87(fcos, "fcos")
HOST_X87(fsincos, "fsincos")
HOST_X87(fptan, "fptan")

static FpEnv soft_env(const X87 *x)
{
    static const uint8_t prec[] = {24, 64, 53, 64};

    return (FpEnv){
        .round = x->cw >> 10 & 3,
        .prec = prec[x->cw >> 8 & 3],
        .unmasked = ~x->cw & 0x3f,
        .nan_rule = FP_NAN_X87,
    };
}

static void soft_status(X87 *x, const FpEnv *env)
{
    x->sw |= env->flags | (env->rounded_up ? SW_C1 : 0);
}

#define SOFT_X87(name, code)                                                   \
    static void soft_##name(X87 *x)                                            \
    {                                                                          \
        FpEnv env = soft_env(x);                                               \
        x->r0 = x->a;                                                          \
        x->r1 = x->b;                                                          \
        code;                                                                  \
        soft_status(x, &env);                                                  \
    }

static uint16_t rel_sw(FpRel rel)
{
    static const uint16_t sw[] = {SW_C0, SW_C3, 0, SW_C0 | SW_C2 | SW_C3};

    return sw[rel + 1];
}

static uint16_t class_sw(F80 a)
{
    unsigned c = f80_class(a);

    return (uint16_t)((c & 1 ? SW_C0 : 0) | (c & 2 ? SW_C2 : 0)
                      | (c & 4 ? SW_C3 : 0) | (a.se >> 15 ? SW_C1 : 0));
}

static void rem_result(X87 *x, F80Rem r)
{
    x->r0 = r.value;
    x->sw |= (r.partial ? SW_C2 : 0) | (r.quotient & 1 ? SW_C1 : 0)
             | (r.quotient & 2 ? SW_C3 : 0) | (r.quotient & 4 ? SW_C0 : 0);
}

SOFT_X87(fadd, x->r0 = f80_add(&env, x->a, x->b))
SOFT_X87(fsub, x->r0 = f80_sub(&env, x->a, x->b))
SOFT_X87(fmul, x->r0 = f80_mul(&env, x->a, x->b))
SOFT_X87(fdiv, x->r0 = f80_div(&env, x->a, x->b))
SOFT_X87(fsqrt, x->r0 = f80_sqrt(&env, x->a))
SOFT_X87(frndint, x->r0 = f80_roundint(&env, x->a))
SOFT_X87(fscale, x->r0 = f80_scale(&env, x->a, x->b))
SOFT_X87(fxtract, x->r0 = f80_xtract(&env, x->a, &x->r1))
SOFT_X87(fprem, rem_result(x, f80_prem(&env, x->a, x->b)))
SOFT_X87(fprem1, rem_result(x, f80_prem1(&env, x->a, x->b)))
SOFT_X87(fcom, x->sw = rel_sw(f80_compare(&env, x->a, x->b)))
SOFT_X87(fucom, x->sw = rel_sw(f80_compare_quiet(&env, x->a, x->b)))
SOFT_X87(fxam, x->sw = class_sw(x->a))
SOFT_X87(fld32, x->r0 = f80_from_f32(&env, (f32)x->m.mant); x->r1 = x->a)
SOFT_X87(fld64, x->r0 = f80_from_f64(&env, x->m.mant); x->r1 = x->a)
SOFT_X87(fild64, x->r0 = f80_from_i64((int64_t)x->m.mant); x->r1 = x->a)
SOFT_X87(fbld, x->r0 = f80_from_bcd((const uint8_t *)&x->m); x->r1 = x->a)
SOFT_X87(fst32, x->m.mant = f80_to_f32(&env, x->a))
SOFT_X87(fst64, x->m.mant = f80_to_f64(&env, x->a))
SOFT_X87(fist16, x->m.mant = (uint16_t)f80_to_i16(&env, x->a, env.round))
SOFT_X87(fist32, x->m.mant = (uint32_t)f80_to_i32(&env, x->a, env.round))
SOFT_X87(fist64, x->m.mant = (uint64_t)f80_to_i64(&env, x->a, env.round))
SOFT_X87(fisttp32, x->m.mant = (uint32_t)f80_to_i32(&env, x->a, FP_RZ))
SOFT_X87(fbstp, f80_to_bcd(&env, x->a, (uint8_t *)&x->m))
SOFT_X87(fld1, x->r0 = f80_const(&env, F80_ONE); x->r1 = x->a)
SOFT_X87(fldl2t, x->r0 = f80_const(&env, F80_LOG2_T); x->r1 = x->a)
SOFT_X87(fldl2e, x->r0 = f80_const(&env, F80_LOG2_E); x->r1 = x->a)
SOFT_X87(fldpi, x->r0 = f80_const(&env, F80_PI); x->r1 = x->a)
SOFT_X87(fldlg2, x->r0 = f80_const(&env, F80_LOG10_2); x->r1 = x->a)
SOFT_X87(fldln2, x->r0 = f80_const(&env, F80_LN_2); x->r1 = x->a)
SOFT_X87(fldz, x->r0 = f80_const(&env, F80_ZERO); x->r1 = x->a)

/* st(0) = a, st(1) = b; C2 and untouched operands when out of range */
static void trig_result(X87 *x, bool done)
{
    x->sw |= done ? 0 : SW_C2;
}

SOFT_X87(f2xm1, x->r0 = f80_2xm1(&env, x->a))
SOFT_X87(fyl2x, x->r0 = f80_yl2x(&env, x->a, x->b); x->r1 = x->a)
SOFT_X87(fyl2xp1, x->r0 = f80_yl2xp1(&env, x->a, x->b); x->r1 = x->a)
SOFT_X87(fpatan, x->r0 = f80_patan(&env, x->a, x->b); x->r1 = x->a)
SOFT_X87(fsin, trig_result(x, f80_sin(&env, x->a, &x->r0)))
SOFT_X87(fcos, trig_result(x, f80_cos(&env, x->a, &x->r0)))

static void soft_fsincos(X87 *x)
{
    FpEnv env = soft_env(x);

    x->r0 = x->a;
    x->r1 = x->b;
    if (!f80_sincos(&env, x->a, &x->r1, &x->r0)) {
        x->sw |= SW_C2;
    }
    soft_status(x, &env);
}

static void soft_fptan(X87 *x)
{
    FpEnv env = soft_env(x);
    F80 tangent;

    x->r0 = x->a;
    x->r1 = x->b;
    if (f80_ptan(&env, x->a, &tangent)) {
        bool nan = f80_class(tangent) == F80_IS_NAN;
        x->r0 = nan ? tangent : f80_const(&env, F80_ONE);
        x->r1 = tangent;
    } else {
        x->sw |= SW_C2;
    }
    soft_status(x, &env);
}

typedef struct X87Test {
    const char *name;
    /*
     * '2' two operands, 'i' integer-like value in a, memory: 's'ingle,
     * 'd'ouble, 'l'ong, 'b'cd; '0' none
     */
    char operand;
    bool store; /* a trapped exception leaves memory alone: mask all */
    X87Fn *host;
    X87Fn *soft;
} X87Test;

#define ROW(name, operand, store)                                              \
    {                                                                          \
#name, operand, store, host_##name, soft_##name                        \
    }

static const X87Test x87_tests[] = {
    ROW(fadd, '2', false),   ROW(fsub, '2', false),    ROW(fmul, '2', false),
    ROW(fdiv, '2', false),   ROW(fsqrt, '2', false),   ROW(frndint, 'i', false),
    ROW(fscale, 'c', false), ROW(fxtract, '2', false), ROW(fprem, '2', false),
    ROW(fprem1, '2', false), ROW(fcom, '2', false),    ROW(fucom, '2', false),
    ROW(fxam, '2', false),   ROW(fld32, 's', false),   ROW(fld64, 'd', false),
    ROW(fild64, 'l', false), ROW(fbld, 'b', false),    ROW(fst32, '4', true),
    ROW(fst64, '8', true),   ROW(fist16, 'i', true),   ROW(fist32, 'i', true),
    ROW(fist64, 'i', true),  ROW(fisttp32, 'i', true), ROW(fbstp, 'i', true),
    ROW(fld1, '0', false),   ROW(fldl2t, '0', false),  ROW(fldl2e, '0', false),
    ROW(fldpi, '0', false),  ROW(fldlg2, '0', false),  ROW(fldln2, '0', false),
    ROW(fldz, '0', false),
};

static void set_exp(Gen *g, F80 *v, unsigned from, unsigned count)
{
    if (gen_below(g, 8) != 0) {
        v->se = (uint16_t)((v->se & 0x8000) | (from + gen_below(g, count)));
        v->mant |= 1ull << 63;
    }
}

static void gen_bcd(Gen *g, F80 *m)
{
    m->mant = 0;
    for (unsigned i = 0; i < 64; i += 4) {
        m->mant |= (uint64_t)gen_below(g, 10) << i;
    }
    m->se = (uint16_t)(gen_below(g, 10) | gen_below(g, 10) << 4
                       | gen_below(g, 2) << 15);
}

static void x87_operands(Gen *g, char kind, X87 *x)
{
    x->a = gen_f80(g, NULL);
    x->b = gen_f80(g, &x->a);
    switch (kind) {
    case 'i':
        set_exp(g, &x->a, 0x3ffd, 70);
        break;
    case 'c':
        set_exp(g, &x->b, 0x3ffd, 20);
        break;
    case '4':
        set_exp(g, &x->a, 0x3f60, 320);
        break;
    case '8':
        set_exp(g, &x->a, 0x3bc0, 2200);
        break;
    case 'x': /* at most 1 */
        set_exp(g, &x->a, 0x3fff - 70, 70);
        break;
    case 'p': /* 1 - sqrt(2) / 2 is above 1/4 */
        set_exp(g, &x->b, 0x3ffd - 70, 70);
        if (x->b.se >> 15 && (x->b.se & 0x7fff) >= 0x3fff) {
            x->b.se = 0xbffd; /* not defined for -1 and below */
        }
        break;
    case 't':
        set_exp(g, &x->a, 0x3fff - 40, 108);
        break;
    case 's':
        x->m.mant = gen_f32(g, 0);
        break;
    case 'd':
        x->m.mant = gen_f64(g, 0);
        break;
    case 'l':
        x->m.mant = gen_bits(g) >> gen_below(g, 64);
        x->m.mant = gen_below(g, 2) ? -x->m.mant : x->m.mant;
        break;
    case 'b':
        gen_bcd(g, &x->m);
        break;
    default:
        break;
    }
}

static bool same_f80(F80 a, F80 b)
{
    return a.mant == b.mant && a.se == b.se;
}

static void x87_compare(const X87Test *t, X87 in, uint16_t cw)
{
    X87 h = in, s = in;

    h.cw = s.cw = cw;
    t->host(&h);
    t->soft(&s);
    bool trapped_early = h.sw & ~cw & FP_PRECOMPUTE;
    if (trapped_early) {
        return;
    }
    if (same_f80(h.r0, s.r0) && same_f80(h.r1, s.r1) && same_f80(h.m, s.m)
        && (h.sw & SW_SEEN) == s.sw) {
        return;
    }
#define FMT80 "%04x:%016" PRIx64
    g_test_message("%s cw %03x a " FMT80 " b " FMT80 " m " FMT80 ": got " FMT80
                   " " FMT80 " m " FMT80 " sw %04x"
                   ", host " FMT80 " " FMT80 " m " FMT80 " sw %04x",
                   t->name, cw, in.a.se, in.a.mant, in.b.se, in.b.mant, in.m.se,
                   in.m.mant, s.r0.se, s.r0.mant, s.r1.se, s.r1.mant, s.m.se,
                   s.m.mant, s.sw, h.r0.se, h.r0.mant, h.r1.se, h.r1.mant,
                   h.m.se, h.m.mant, h.sw & SW_SEEN);
    g_test_fail();
}

static void test_x87(gconstpointer data)
{
    static const uint16_t pc[] = {0x000, 0x200, 0x300};
    /* all masked; overflow and underflow trap */
    static const uint16_t masks[] = {0x3f, 0x27};
    const X87Test *t = data;
    Gen g = {0x87};

    for (int i = 0; i < ROUNDS && !g_test_failed(); i++) {
        X87 x = {0};
        x87_operands(&g, t->operand, &x);
        for (unsigned mode = 0; mode < 24; mode++) {
            uint16_t rc = (uint16_t)(mode % 4 << 10);
            uint16_t mask = t->store ? 0x3f : masks[mode / 12];
            x87_compare(t, x, pc[mode / 4 % 3] | rc | mask);
        }
    }
}

static const X87Test trans_tests[] = {
    ROW(f2xm1, 'x', false),   ROW(fyl2x, '2', false), ROW(fyl2xp1, 'p', false),
    ROW(fpatan, '2', false),  ROW(fsin, 't', false),  ROW(fcos, 't', false),
    ROW(fsincos, 't', false), ROW(fptan, 't', false),
};

static uint64_t ulps(F80 a, F80 b)
{
    if ((a.se ^ b.se) & 0x8000 || (a.se & 0x7fff) == 0x7fff) {
        return same_f80(a, b) ? 0 : UINT64_MAX;
    }
    __int128 x = (__int128)(a.se & 0x7fff) << 63 | (a.mant & ~(1ull << 63));
    __int128 y = (__int128)(b.se & 0x7fff) << 63 | (b.mant & ~(1ull << 63));
    __int128 d = x > y ? x - y : y - x;
    return d > 1000 ? 1000 : (uint64_t)d;
}

/* Processors differ in the last place, and in what they call exact. */
static void trans_compare(const X87Test *t, X87 in, uint16_t cw)
{
    const uint16_t seen = FP_PRECOMPUTE | FP_OVERFLOW | SW_C2;
    X87 h = in, s = in;

    h.cw = s.cw = cw;
    t->host(&h);
    t->soft(&s);
    if (ulps(h.r0, s.r0) <= 1 && ulps(h.r1, s.r1) <= 1
        && (h.sw & seen) == (s.sw & seen)) {
        return;
    }
    g_test_message("%s cw %03x a " FMT80 " b " FMT80 ": got " FMT80 " " FMT80
                   " sw %04x, host " FMT80 " " FMT80 " sw %04x",
                   t->name, cw, in.a.se, in.a.mant, in.b.se, in.b.mant, s.r0.se,
                   s.r0.mant, s.r1.se, s.r1.mant, s.sw, h.r0.se, h.r0.mant,
                   h.r1.se, h.r1.mant, h.sw & SW_SEEN);
    g_test_fail();
}

static void test_trans(gconstpointer data)
{
    const X87Test *t = data;
    Gen g = {0x7a};

    for (int i = 0; i < TRANS_ROUNDS && !g_test_failed(); i++) {
        X87 x = {0};
        x87_operands(&g, t->operand, &x);
        trans_compare(t, x, 0x37f);
    }
}

static void add_x87_tests(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(trans_tests); i++) {
        g_autofree char *path =
            g_strdup_printf("/softfloat/x87/%s", trans_tests[i].name);
        g_test_add_data_func(path, &trans_tests[i], test_trans);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(x87_tests); i++) {
        g_autofree char *path =
            g_strdup_printf("/softfloat/x87/%s", x87_tests[i].name);
        g_test_add_data_func(path, &x87_tests[i], test_x87);
    }
}
#else
static void add_x87_tests(void)
{
}
#endif

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_x87_tests();
    return g_test_run();
}
