/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What AVX, AVX2, FMA and F16C add to the 128-bit operations, and memory under
 * a mask. SDM volume 2. */
#include "cpu/x86/vec_priv.h"

/* --- integers ------------------------------------------------------------------- */

LANES(permil_s, 32, a->u32[y & 3])
LANES(permil_d, 64, a->u64[y >> 1 & 1])
LANES(psllv_d, 32, y < 32 ? x << y : 0)
LANES(psllv_q, 64, y < 64 ? x << y : 0)
LANES(psrlv_d, 32, y < 32 ? x >> y : 0)
LANES(psrlv_q, 64, y < 64 ? x >> y : 0)
LANES(psrav_d, 32, (int32_t)x >> (y < 32 ? y : 31))

/* Sign bits only. */
static uint64_t avx_test(const V128 *a, const V128 *b, uint64_t sign)
{
    bool zf = !(((a->u64[0] & b->u64[0]) | (a->u64[1] & b->u64[1])) & sign);
    bool cf = !(((~a->u64[0] & b->u64[0]) | (~a->u64[1] & b->u64[1])) & sign);

    return (zf ? X86_ZF : 0) | (cf ? X86_CF : 0);
}

uint64_t x86_v_vtest_s(Vcpu *v, const V128 *a, const V128 *b, uint64_t imm)
{
    return avx_test(a, b, 0x8000000080000000);
}

uint64_t x86_v_vtest_d(Vcpu *v, const V128 *a, const V128 *b, uint64_t imm)
{
    return avx_test(a, b, 0x8000000000000000);
}

/* --- compares with 32 predicates ---------------------------------------------------- */

/* Which relations make predicates 0 to 15 true (bit 0 less, 1 equal, 2 greater,
 * 3 unordered); 16 to 31 repeat them with the other signalling (VCMPPS, table
 * 3-1). */
static const uint8_t avx_relations[16] = {2,  1, 3,  8, 13, 14, 12, 7,
                                          10, 9, 11, 0, 5,  6,  4,  15};
/* Bit n: predicate n signals for quiet NaNs. */
#define AVX_SIGNALS 0x99996666u

static bool avx_predicate(FpRel rel, unsigned predicate)
{
    static const uint8_t bit[4] = {1, 2, 4, 8}; /* from FP_LESS */

    return avx_relations[predicate & 15] & bit[rel - FP_LESS];
}

#define CMP_LANES(name, bits, count)                                           \
    VEC_FN(name)                                                               \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        bool signals = AVX_SIGNALS >> (imm & 31) & 1;                          \
        V128 r = *a;                                                           \
        for (unsigned i = 0; i < (count); i++) {                               \
            f##bits x = a->u##bits[i], y = b->u##bits[i];                      \
            FpRel rel = signals ? f##bits##_compare(&env, x, y)                \
                                : f##bits##_compare_quiet(&env, x, y);         \
            r.u##bits[i] =                                                     \
                avx_predicate(rel, (unsigned)imm) ? UINT##bits##_MAX : 0;      \
        }                                                                      \
        if (x86_sse_done(v, &env)) {                                           \
            *d = r;                                                            \
        }                                                                      \
    }
CMP_LANES(vcmp_s, 32, 4)
CMP_LANES(vcmp_ss, 32, 1)
CMP_LANES(vcmp_d, 64, 2)
CMP_LANES(vcmp_sd, 64, 1)

/* --- half precision ------------------------------------------------------------------ */

/* Denormal halves are numbers whatever MXCSR says, and no exception. */
VEC_FN(cvt_ph_s)
{
    FpEnv env = x86_sse_env(v);
    V128 r;

    env.daz = false;
    for (unsigned i = 0; i < 4; i++) {
        r.u32[i] = f16_to_f32(&env, b->u16[i]);
    }
    env.flags &= (uint8_t)~FP_DENORMAL;
    if (x86_sse_done(v, &env)) {
        *d = r;
    }
}

VEC_FN(cvt_s_ph)
{
    FpEnv env = x86_sse_env(v);
    V128 r = {.u64 = {0, 0}};

    env.ftz = false;
    if (!(imm & 4)) {
        env.round = imm & 3;
    }
    for (unsigned i = 0; i < 4; i++) {
        r.u16[i] = f32_to_f16(&env, b->u32[i]);
    }
    if (x86_sse_done(v, &env)) {
        *d = r;
    }
}

/* --- fused multiply-add ----------------------------------------------------------------- */

/* Operands 1, 2, 3 are the destination, a, b: 132 is 1 * 3 + 2, and so on. */
#define FMA_LANES(name, bits, count)                                           \
    static void avx_##name(Vcpu *v, V128 *d, const V128 *one, const V128 *a,   \
                           const V128 *b, uint64_t imm)                        \
    {                                                                          \
        FpEnv env = x86_sse_env(v);                                            \
        unsigned order = imm & 3, neg = imm >> 2 & 3;                          \
        V128 r = *one;                                                         \
        for (unsigned i = 0; i < (count); i++) {                               \
            f##bits p = one->u##bits[i], q = a->u##bits[i];                    \
            f##bits s = b->u##bits[i];                                         \
            bool flip = (imm & X86_FMA_ALTERNATE) && (i & 1);                  \
            r.u##bits[i] =                                                     \
                f##bits##_fma(&env, order == 0 ? p : q, order == 1 ? p : s,    \
                              order == 0   ? q                                 \
                              : order == 1 ? s                                 \
                                           : p,                                \
                              flip ? neg ^ FP_FMA_NEG_ADDEND : neg);           \
        }                                                                      \
        if (x86_sse_done(v, &env)) {                                           \
            *d = r;                                                            \
        }                                                                      \
    }                                                                          \
    VEC_FN(name)                                                               \
    {                                                                          \
        avx_##name(v, d, d, a, b, imm);                                        \
    }                                                                          \
    VEC_FN(name##_x)                                                           \
    {                                                                          \
        avx_##name(v, d, avx_half(v, imm >> 8 & 31), a, b, imm);               \
    }

static const V128 *avx_half(const Vcpu *v, unsigned n)
{
    const X86Cpu *c = (const X86Cpu *)v;

    return n & 16 ? &c->ymmh[n & 15] : &c->xmm[n & 15];
}
FMA_LANES(ffma_s, 32, 4)
FMA_LANES(ffma_ss, 32, 1)
FMA_LANES(ffma_d, 64, 2)
FMA_LANES(ffma_sd, 64, 1)

/* --- memory under a mask -------------------------------------------------------------------- */

/* A lane of a 256-bit register; @size is 4 or 8. */
static uint64_t avx_get(const X86Cpu *c, unsigned n, unsigned lane,
                        unsigned size)
{
    unsigned half = 16 / size;
    const V128 *h = lane < half ? &c->xmm[n] : &c->ymmh[n];

    lane &= half - 1;
    return size == 8 ? h->u64[lane] : h->u32[lane];
}

static void avx_put(X86Cpu *c, unsigned n, unsigned lane, unsigned size,
                    uint64_t value)
{
    unsigned half = 16 / size;
    V128 *h = lane < half ? &c->xmm[n] : &c->ymmh[n];

    lane &= half - 1;
    if (size == 8) {
        h->u64[lane] = value;
    } else {
        h->u32[lane] = (uint32_t)value;
    }
}

typedef struct Masked {
    unsigned reg, mask, index, shift, seg, asize, size, count, mmu;
    bool wide_index;
    uint64_t off;
} Masked;

static Masked masked_of(uint64_t off, uint64_t code, uint64_t mmu)
{
    unsigned size = code & VEX_D_WIDE ? 8 : 4;

    return (Masked){
        .reg = code & 15,
        .mask = code >> 4 & 15,
        .index = code >> 8 & 15,
        .shift = code >> 12 & 3,
        .seg = code >> 14 & 7,
        .asize = code >> 20 & 15,
        .size = size,
        .count = (code & VEX_D_256 ? 32 : 16) / size,
        .mmu = (unsigned)mmu,
        .wide_index = code & VEX_D_QINDEX,
        .off = off,
    };
}

static bool masked_on(const X86Cpu *c, const Masked *m, unsigned lane)
{
    return avx_get(c, m->mask, lane, m->size) >> (8 * m->size - 1) & 1;
}

/* Linear address of offset m->off + @by; false: raised. */
static bool masked_at(X86Cpu *c, const Masked *m, uint64_t by, bool write,
                      uint64_t *linear)
{
    uint64_t off = m->off + by;

    if (m->asize < 8) {
        off &= m->asize == 4 ? UINT32_MAX : UINT16_MAX;
    }
    return x86_seg_linear(c, m->seg, off, m->size, write, linear);
}

uint64_t x86_h_vmask_load(Vcpu *v, uint64_t off, uint64_t code, uint64_t mmu,
                          uint64_t e)
{
    const Masked m = masked_of(off, code, mmu);
    X86Cpu *c = x86_of(v);
    uint64_t value[8] = {0}, at;

    for (unsigned i = 0; i < m.count; i++) {
        if (masked_on(c, &m, i)
            && (!masked_at(c, &m, i * m.size, false, &at)
                || !vcpu_load(v, at, m.size, m.mmu, &value[i]))) {
            return 0;
        }
    }
    c->ymmh[m.reg] = (V128){.u64 = {0, 0}};
    for (unsigned i = 0; i < m.count; i++) {
        avx_put(c, m.reg, i, m.size, value[i]);
    }
    return 0;
}

uint64_t x86_h_vmask_store(Vcpu *v, uint64_t off, uint64_t code, uint64_t mmu,
                           uint64_t e)
{
    const Masked m = masked_of(off, code, mmu);
    X86Cpu *c = x86_of(v);
    uint64_t at[8];

    for (unsigned i = 0; i < m.count; i++) {
        if (masked_on(c, &m, i)
            && (!masked_at(c, &m, i * m.size, true, &at[i])
                || !vcpu_probe(v, at[i], m.size, m.mmu, ACCESS_WRITE))) {
            return 0;
        }
    }
    for (unsigned i = 0; i < m.count; i++) {
        if (masked_on(c, &m, i)) {
            vcpu_store(v, at[i], m.size, m.mmu, avx_get(c, m.reg, i, m.size));
        }
    }
    return 0;
}

/* Lanes are loaded in order; each clears its mask, so that after a fault the
 * instruction goes on where it was. With indices of twice the data's size (or
 * half of it) the smaller count of lanes counts. */
uint64_t x86_h_vgather(Vcpu *v, uint64_t off, uint64_t code, uint64_t mmu,
                       uint64_t e)
{
    Masked m = masked_of(off, code, mmu);
    unsigned index_size = m.wide_index ? 8 : 4;
    unsigned lanes = MIN(m.count, (code & VEX_D_256 ? 32 : 16) / index_size);
    X86Cpu *c = x86_of(v);
    uint64_t value, at;

    for (unsigned i = 0; i < lanes; i++) { /* all bits of a lane, at once */
        avx_put(c, m.mask, i, m.size, masked_on(c, &m, i) ? UINT64_MAX : 0);
    }
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t index = avx_get(c, m.index, i, index_size);

        if (!masked_on(c, &m, i)) {
            continue;
        }
        if (!m.wide_index) {
            index = (uint64_t)(int64_t)(int32_t)index;
        }
        if (!masked_at(c, &m, index << m.shift, false, &at)
            || !vcpu_load(v, at, m.size, m.mmu, &value)) {
            return 0;
        }
        avx_put(c, m.reg, i, m.size, value);
        avx_put(c, m.mask, i, m.size, 0);
    }
    for (unsigned i = lanes * m.size; i < 32; i += 4) {
        avx_put(c, m.reg, i / 4, 4, 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        avx_put(c, m.mask, i, 4, 0);
    }
    return 0;
}
