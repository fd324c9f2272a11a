/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SSE floating point arithmetic and compares on softfloat, under MXCSR.
 * SDM volume 1 11.5 (exceptions), volume 2. All lanes are computed before
 * anything is stored: an unmasked exception leaves the destination alone.
 */
#include "cpu/x86/vec_priv.h"

FpEnv x86_sse_env(const Vcpu *v)
{
    uint32_t mxcsr = ((const X86Cpu *)v)->mxcsr;

    return (FpEnv){
        .round = mxcsr >> 13 & 3,
        .unmasked = ~(mxcsr >> 7) & 0x3f,
        .nan_rule = FP_NAN_X86_SSE,
        .ftz = mxcsr & X86_MXCSR_FTZ,
        .daz = mxcsr & X86_MXCSR_DAZ,
    };
}

/* SDM vol 1 11.5.2: unmasked pre-computation exceptions of any lane suppress
 * the flags of post-computation. #UD without CR4.OSXMMEXCPT. */
bool x86_sse_done(Vcpu *v, const FpEnv *env)
{
    X86Cpu *c = x86_of(v);
    uint32_t flags = env->flags;

    if (c->fp_pair) {
        c->fp_flags[0] |= (uint8_t)flags;
        return true;
    }
    if (flags & env->unmasked & FP_PRECOMPUTE) {
        flags &= FP_PRECOMPUTE;
    }
    c->mxcsr |= flags;
    if (flags & env->unmasked) {
        x86_raise(c, c->cr4 & X86_CR4_OSXMMEXCPT ? X86_XM : X86_UD);
        return false;
    }
    return true;
}

/* Between these two the halves of a 256-bit operation run: the rules hold for
 * all of its lanes together. */
uint64_t x86_h_fp_pair(Vcpu *v, uint64_t a, uint64_t b, uint64_t c, uint64_t e)
{
    x86_of(v)->fp_pair = true;
    memset(x86_of(v)->fp_flags, 0, sizeof(x86_of(v)->fp_flags));
    return 0;
}

uint64_t x86_h_fp_pair_end(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t e)
{
    FpEnv env = x86_sse_env(v);

    x86_of(v)->fp_pair = false;
    for (unsigned i = 0; i < 3 && !v->fault; i++) {
        env.flags = x86_of(v)->fp_flags[i];
        x86_sse_done(v, &env);
    }
    return 0;
}

#define VEC_INT_FN(name)                                                       \
    uint64_t x86_v_##name(Vcpu *v, const V128 *a, const V128 *b, uint64_t imm)

/* The first @count lanes; the rest from a. x of a, y of b, result in r. */
#define FP_LANES(name, bits, count, expr)                                      \
    VEC_FN(name)                                                               \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        V128 r = *a;                                                           \
        for (unsigned i = 0; i < (count); i++) {                               \
            uint##bits##_t x = a->u##bits[i], y = b->u##bits[i];               \
            (void)x, (void)y;                                                  \
            r.u##bits[i] = (expr);                                             \
        }                                                                      \
        if (x86_sse_done(v, &env)) {                                           \
            *d = r;                                                            \
        }                                                                      \
    }

/* All four shapes; F is the softfloat function's tail and arguments. */
#define FP_SHAPES(name, op)                                                    \
    FP_LANES(name##_s, 32, 4, op(f32))                                         \
    FP_LANES(name##_ss, 32, 1, op(f32))                                        \
    FP_LANES(name##_d, 64, 2, op(f64))                                         \
    FP_LANES(name##_sd, 64, 1, op(f64))

#define OP_ADD(F) F##_add(&env, x, y)
#define OP_SUB(F) F##_sub(&env, x, y)
#define OP_MUL(F) F##_mul(&env, x, y)
#define OP_DIV(F) F##_div(&env, x, y)
#define OP_MIN(F) F##_min(&env, x, y, FP_MM_X86)
#define OP_MAX(F) F##_max(&env, x, y, FP_MM_X86)
#define OP_SQRT(F) F##_sqrt(&env, y)
FP_SHAPES(fadd, OP_ADD)
FP_SHAPES(fsub, OP_SUB)
FP_SHAPES(fmul, OP_MUL)
FP_SHAPES(fdiv, OP_DIV)
FP_SHAPES(fmin, OP_MIN)
FP_SHAPES(fmax, OP_MAX)
FP_SHAPES(fsqrt, OP_SQRT)

/* imm bits 0-1 rounding, 2: as MXCSR says, 3: no inexact (SDM ROUNDPD) */
#define OP_ROUND(F)                                                            \
    F##_roundint(&env, y, imm & 4 ? env.round : imm & 3, !(imm & 8))
FP_SHAPES(fround, OP_ROUND)

/* --- compares ----------------------------------------------------------------- */

/* Predicates 0-3 EQ LT LE UNORD, 4-7 their negations; LT and LE signal. */
static bool sse_predicate(FpRel rel, unsigned predicate)
{
    bool yes = false;

    switch (predicate & 3) {
    case 0:
        yes = rel == FP_EQUAL;
        break;
    case 1:
        yes = rel == FP_LESS;
        break;
    case 2:
        yes = rel == FP_LESS || rel == FP_EQUAL;
        break;
    case 3:
        yes = rel == FP_UNORDERED;
        break;
    }
    return yes != !!(predicate & 4);
}

static inline bool sse_signals(unsigned predicate)
{
    return (predicate & 3) == 1 || (predicate & 3) == 2;
}

#define OP_CMP(F)                                                              \
    sse_predicate(sse_signals((unsigned)imm) ? F##_compare(&env, x, y)         \
                                             : F##_compare_quiet(&env, x, y),  \
                  (unsigned)imm)                                               \
        ? (F)-1                                                                \
        : 0
FP_SHAPES(fcmp, OP_CMP)

/* EFLAGS of UCOMISS and COMISS; OF, SF, AF are cleared. */
static uint64_t sse_rel_flags(FpRel rel)
{
    switch (rel) {
    case FP_LESS:
        return X86_CF;
    case FP_EQUAL:
        return X86_ZF;
    case FP_GREATER:
        return 0;
    default:
        return X86_ZF | X86_PF | X86_CF;
    }
}

#define FP_COM(name, bits, compare)                                            \
    VEC_INT_FN(name)                                                           \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        FpRel rel = compare(&env, a->u##bits[0], b->u##bits[0]);               \
        x86_sse_done(v, &env);                                                 \
        return sse_rel_flags(rel);                                             \
    }
FP_COM(fucom_ss, 32, f32_compare_quiet)
FP_COM(fucom_sd, 64, f64_compare_quiet)
FP_COM(fcom_ss, 32, f32_compare)
FP_COM(fcom_sd, 64, f64_compare)

/* --- SSE3, SSE4.1 --------------------------------------------------------------- */

FP_LANES(faddsub_s, 32, 4, i & 1 ? f32_add(&env, x, y) : f32_sub(&env, x, y))
FP_LANES(faddsub_d, 64, 2, i & 1 ? f64_add(&env, x, y) : f64_sub(&env, x, y))

#define FP_PAIRS(name, F, bits, op)                                            \
    FP_LANES(                                                                  \
        name, bits, 128 / (bits),                                              \
        F##_##op(                                                              \
            &env, (i < 64 / (bits) ? a : b)->u##bits[2 * i % (128 / bits)],    \
            (i < 64 / (bits) ? a : b)->u##bits[2 * i % (128 / bits) + 1]))
FP_PAIRS(fhadd_s, f32, 32, add)
FP_PAIRS(fhadd_d, f64, 64, add)
FP_PAIRS(fhsub_s, f32, 32, sub)
FP_PAIRS(fhsub_d, f64, 64, sub)

/* x86_sse_done() of stage @n; the next one starts without flags. */
static bool sse_stage(Vcpu *v, FpEnv *env, unsigned n)
{
    X86Cpu *c = x86_of(v);
    bool ok = true;

    if (c->fp_pair) {
        c->fp_flags[n] |= env->flags;
    } else {
        ok = x86_sse_done(v, env);
    }
    env->flags = 0;
    return ok;
}

/* DPPS: products of the lanes chosen by imm 4-7, summed in pairs, then the
 * pairs; an unmasked exception of one stage stops before the next (SDM DPPS). */
VEC_FN(fdp_s)
{
    FpEnv env = x86_sse_env(v);
    f32 p[4], sum;
    V128 r;

    for (unsigned i = 0; i < 4; i++) {
        p[i] = imm >> (4 + i) & 1 ? f32_mul(&env, a->u32[i], b->u32[i]) : 0;
    }
    if (!sse_stage(v, &env, 0)) {
        return;
    }
    p[0] = f32_add(&env, p[0], p[1]);
    p[2] = f32_add(&env, p[2], p[3]);
    if (!sse_stage(v, &env, 1)) {
        return;
    }
    sum = f32_add(&env, p[0], p[2]);
    for (unsigned i = 0; i < 4; i++) {
        r.u32[i] = imm >> i & 1 ? sum : 0;
    }
    if (sse_stage(v, &env, 2)) {
        *d = r;
    }
}

VEC_FN(fdp_d)
{
    FpEnv env = x86_sse_env(v);
    f64 p[2], sum;

    for (unsigned i = 0; i < 2; i++) {
        p[i] = imm >> (4 + i) & 1 ? f64_mul(&env, a->u64[i], b->u64[i]) : 0;
    }
    if (!sse_stage(v, &env, 0)) {
        return;
    }
    sum = f64_add(&env, p[0], p[1]);
    if (sse_stage(v, &env, 1)) {
        d->u64[0] = imm & 1 ? sum : 0;
        d->u64[1] = imm & 2 ? sum : 0;
    }
}

/* --- approximations --------------------------------------------------------------
 * The manual only bounds the error: 1.5 * 2^-12 relative. Ours is the exact
 * quotient or root rounded down to 13 significant bits, on every host. Denormal
 * operands count as zero, tiny results are zero, nothing is ever signalled. */

#define F32_INF 0x7f800000u
#define F32_QUIET 0x00400000u
#define F32_INDEFINITE 0xffc00000u

static f32 sse_rcp(f32 y)
{
    f32 sign = y & 0x80000000u;
    unsigned exp = y >> 23 & 0xff;
    uint32_t frac = y & 0x7fffff;

    if (exp == 0xff) {
        return frac ? y | F32_QUIET : sign;
    }
    if (exp == 0) {
        return sign | F32_INF;
    }
    /* 2^24 <= q <= 2^25 stands for 1 <= 2 / 1.frac <= 2 */
    uint32_t q = (uint32_t)((1ull << 48) / (frac | 0x800000));
    int e = 253 - (int)exp;
    if (q >> 25) {
        e++;
        q >>= 1;
    }
    if (e <= 0) {
        return sign;
    }
    return sign | (uint32_t)e << 23 | ((q >> 1) & 0x7ff800);
}

static uint32_t sse_isqrt(uint64_t n)
{
    uint64_t root = 0;

    for (int bit = 31; bit >= 0; bit--) {
        uint64_t t = root | 1ull << bit;
        if (t * t <= n) {
            root = t;
        }
    }
    return (uint32_t)root;
}

static f32 sse_rsqrt(f32 y)
{
    unsigned exp = y >> 23 & 0xff;
    uint32_t frac = y & 0x7fffff;

    if (exp == 0xff && frac) {
        return y | F32_QUIET;
    }
    if (exp == 0) {
        return (y & 0x80000000u) | F32_INF;
    }
    if (y >> 31) {
        return F32_INDEFINITE;
    }
    if (exp == 0xff) {
        return 0;
    }
    /* y = m * 2^(exp - 127 - 23), with an even power of two taken out */
    uint64_t m = (uint64_t)(frac | 0x800000) << (exp & 1 ? 0 : 1);
    int half = ((int)exp - (exp & 1 ? 127 : 128)) / 2;
    /* 1 <= m / 2^23 < 4, so 2^24 < root <= 2^25 for 2^50 * 2^23 / m */
    uint32_t root = sse_isqrt((uint64_t)(((unsigned __int128)1 << 73) / m));
    int e = 126 - half;
    if (root >> 25) {
        e++;
        root >>= 1;
    }
    return (uint32_t)e << 23 | ((root >> 1) & 0x7ff800);
}

#define APPROX(name, fn)                                                       \
    VEC_FN(name##_s)                                                           \
    {                                                                          \
        for (unsigned i = 0; i < 4; i++) {                                     \
            d->u32[i] = fn(b->u32[i]);                                         \
        }                                                                      \
    }                                                                          \
    VEC_FN(name##_ss)                                                          \
    {                                                                          \
        uint32_t r = fn(b->u32[0]);                                            \
        *d = *a;                                                               \
        d->u32[0] = r;                                                         \
    }
APPROX(frcp, sse_rcp)
APPROX(frsqrt, sse_rsqrt)
