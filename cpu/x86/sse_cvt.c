/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SSE conversions on softfloat. SDM volume 2, CVTxx. */
#include "cpu/x86/vec_priv.h"

#define VEC_INT_FN(name)                                                       \
    uint64_t x86_v_##name(Vcpu *v, const V128 *a, const V128 *b, uint64_t imm)
#define INT_VEC_FN(name)                                                       \
    void x86_v_##name(Vcpu *v, V128 *d, const V128 *a, uint64_t b, uint64_t imm)

/* --- vector to vector: the first @count lanes of @from bits to @to bits, the
 * rest from @rest ---------------------------------------------------------- */

static const V128 zero;

#define CONVERT(name, to, from, count, rest, expr)                             \
    VEC_FN(name)                                                               \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        V128 r = *(rest);                                                      \
        for (unsigned i = 0; i < (count); i++) {                               \
            uint##from##_t y = b->u##from[i];                                  \
            r.u##to[i] = (uint##to##_t)(expr);                                 \
        }                                                                      \
        if (x86_sse_done(v, &env)) {                                           \
            *d = r;                                                            \
        }                                                                      \
    }
CONVERT(cvt_dq_s, 32, 32, 4, &zero, f32_from_i64(&env, (int32_t)y))
CONVERT(cvt_s_dq, 32, 32, 4, &zero, f32_to_i32(&env, y, env.round))
CONVERT(cvt_s_dq_t, 32, 32, 4, &zero, f32_to_i32(&env, y, FP_RZ))
CONVERT(cvt_dq_d, 64, 32, 2, &zero, f64_from_i64(&env, (int32_t)y))
CONVERT(cvt_d_dq, 32, 64, 2, &zero, f64_to_i32(&env, y, env.round))
CONVERT(cvt_d_dq_t, 32, 64, 2, &zero, f64_to_i32(&env, y, FP_RZ))
CONVERT(cvt_s_d, 64, 32, 2, &zero, f32_to_f64(&env, y))
CONVERT(cvt_d_s, 32, 64, 2, &zero, f64_to_f32(&env, y))
CONVERT(cvt_ss_sd, 64, 32, 1, a, f32_to_f64(&env, y))
CONVERT(cvt_sd_ss, 32, 64, 1, a, f64_to_f32(&env, y))

/* --- integer to vector ------------------------------------------------------- */

#define FROM_INT(name, bits, expr)                                             \
    INT_VEC_FN(name)                                                           \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        V128 r = *a;                                                           \
        r.u##bits[0] = (expr);                                                 \
        if (x86_sse_done(v, &env)) {                                           \
            *d = r;                                                            \
        }                                                                      \
    }
FROM_INT(cvt_i32_ss, 32, f32_from_i64(&env, (int32_t)b))
FROM_INT(cvt_i64_ss, 32, f32_from_i64(&env, (int64_t)b))
FROM_INT(cvt_i32_sd, 64, f64_from_i64(&env, (int32_t)b))
FROM_INT(cvt_i64_sd, 64, f64_from_i64(&env, (int64_t)b))

/* From an MMX register or 64 bits of memory; CVTPI2PS keeps the upper half. */
INT_VEC_FN(cvt_pi_s)
{
    FpEnv env = x86_sse_env(v);
    V128 r = *a;

    r.u32[0] = f32_from_i64(&env, (int32_t)b);
    r.u32[1] = f32_from_i64(&env, (int32_t)(b >> 32));
    if (x86_sse_done(v, &env)) {
        *d = r;
    }
}

INT_VEC_FN(cvt_pi_d)
{
    FpEnv env = x86_sse_env(v);

    d->u64[0] = f64_from_i64(&env, (int32_t)b);
    d->u64[1] = f64_from_i64(&env, (int32_t)(b >> 32));
}

/* --- vector to integer: zero-extended ----------------------------------------- */

#define TO_INT(name, bits, type, expr)                                         \
    VEC_INT_FN(name)                                                           \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        uint##bits##_t y = b->u##bits[0];                                      \
        uint64_t r = (type)(expr);                                             \
        x86_sse_done(v, &env);                                                 \
        return r;                                                              \
    }
TO_INT(cvt_ss_i32, 32, uint32_t, f32_to_i32(&env, y, env.round))
TO_INT(cvt_ss_i32_t, 32, uint32_t, f32_to_i32(&env, y, FP_RZ))
TO_INT(cvt_ss_i64, 32, uint64_t, f32_to_i64(&env, y, env.round))
TO_INT(cvt_ss_i64_t, 32, uint64_t, f32_to_i64(&env, y, FP_RZ))
TO_INT(cvt_sd_i32, 64, uint32_t, f64_to_i32(&env, y, env.round))
TO_INT(cvt_sd_i32_t, 64, uint32_t, f64_to_i32(&env, y, FP_RZ))
TO_INT(cvt_sd_i64, 64, uint64_t, f64_to_i64(&env, y, env.round))
TO_INT(cvt_sd_i64_t, 64, uint64_t, f64_to_i64(&env, y, FP_RZ))

/* Two lanes to an MMX register. */
#define TO_PI(name, bits, F, round_how)                                        \
    VEC_INT_FN(name)                                                           \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        uint64_t lo = (uint32_t)F##_to_i32(&env, b->u##bits[0], round_how);    \
        uint64_t hi = (uint32_t)F##_to_i32(&env, b->u##bits[1], round_how);    \
        x86_sse_done(v, &env);                                                 \
        return lo | hi << 32;                                                  \
    }
TO_PI(cvt_s_pi, 32, f32, env.round)
TO_PI(cvt_s_pi_t, 32, f32, FP_RZ)
TO_PI(cvt_d_pi, 64, f64, env.round)
TO_PI(cvt_d_pi_t, 64, f64, FP_RZ)
