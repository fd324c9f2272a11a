/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS: SDM volume 1, chapter 13.
 * A component is in use when it differs from its initial state, nothing else
 * (13.6 leaves that open); the modified optimization is not made.
 */
#include "cpu/x86/fpu_priv.h"

enum {
    XS_MXCSR = 24,
    XS_XMM = 160,
    XS_HEADER = 512,
    XS_AVX = 576,
    XS_ALIGN = 64,
};
#define X87 1u
#define SSE 2u
#define AVX 4u
#define COMPACT (1ull << 63)
#define MXCSR_INIT 0x1f80u

uint64_t x86_xcr0_known(const X86Cpu *c)
{
    return X87 | SSE | (x86_has(c, X86_FEAT_1_ECX, X86_F1C_AVX) ? AVX : 0);
}

unsigned x86_xsave_size(uint64_t components)
{
    return components & AVX ? XS_AVX + 256 : XS_AVX;
}

/* --- in use ----------------------------------------------------------------------- */

static bool any_vec(const V128 *v, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (v[i].u64[0] | v[i].u64[1]) {
            return true;
        }
    }
    return false;
}

static bool x87_in_use(const X86Cpu *c)
{
    if (c->fcw != X87_FCW_INIT || x87_get_fsw(c) || c->ftag || c->fop || c->fip
        || c->fdp || c->fcs || c->fds) {
        return true;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (c->fpr_mant[i] || c->fpr_se[i]) {
            return true;
        }
    }
    return false;
}

uint64_t x86_xinuse(const X86Cpu *c)
{
    unsigned count = x86_code64(c) ? 16 : 8;

    return (x87_in_use(c) ? X87 : 0) | (any_vec(c->xmm, count) ? SSE : 0)
           | (any_vec(c->ymmh, count) ? AVX : 0);
}

/* --- saving -------------------------------------------------------------------------- */

typedef struct Save {
    X86Cpu *c;
    uint64_t at;
    unsigned mmu;
    bool storing; /* the second pass: the first looks for faults */
    bool failed;
} Save;

static void save_bytes(Save *s, unsigned off, const void *p, unsigned size)
{
    if (s->failed) {
        return;
    }
    s->failed =
        s->storing
            ? !vcpu_store_bytes(&s->c->v, s->at + off, p, size, s->mmu)
            : !vcpu_probe(&s->c->v, s->at + off, size, s->mmu, ACCESS_WRITE);
}

static void save_vecs(Save *s, unsigned off, const V128 *v)
{
    unsigned count = x86_code64(s->c) ? 16 : 8;
    uint8_t p[256];

    for (unsigned i = 0; i < count; i++) {
        st_le64(p + 16 * i, v[i].u64[0]);
        st_le64(p + 16 * i + 8, v[i].u64[1]);
    }
    save_bytes(s, off, p, 16 * count);
}

typedef struct Plan {
    unsigned code;
    uint64_t components; /* whose data is written */
    bool mxcsr;
    uint64_t header[2];
    bool compact;
} Plan;

static void save_pass(Save *s, const Plan *plan)
{
    uint8_t p[XS_XMM] = {0};

    if (plan->components & X87) {
        x86_fx_put_x87(s->c, p, plan->code);
        save_bytes(s, 0, p, XS_MXCSR);
        save_bytes(s, 32, p + 32, XS_XMM - 32);
    }
    if (plan->mxcsr) {
        st_le32(p + XS_MXCSR, s->c->mxcsr);
        st_le32(p + XS_MXCSR + 4, X86_MXCSR_MASK);
        save_bytes(s, XS_MXCSR, p + XS_MXCSR, 8);
    }
    if (plan->components & SSE) {
        save_vecs(s, XS_XMM, s->c->xmm);
    }
    if (plan->components & AVX) {
        save_vecs(s, XS_AVX, s->c->ymmh);
    }
    st_le64(p, plan->header[0]);
    st_le64(p + 8, plan->header[1]);
    save_bytes(s, XS_HEADER, p, plan->compact ? 16 : 8);
}

static uint64_t requested(const X86Cpu *c)
{
    uint64_t mask = (c->gpr[X86_RDX] << 32) | (uint32_t)c->gpr[X86_RAX];

    return c->xcr0 & mask;
}

static bool aligned(X86Cpu *c, uint64_t linear)
{
    if (linear & (XS_ALIGN - 1)) {
        x86_raise_error(c, X86_GP, 0);
        return false;
    }
    return true;
}

static Plan save_plan(const X86Cpu *c, unsigned code, uint64_t old)
{
    uint64_t wanted = requested(c), used = x86_xinuse(c) & wanted;
    unsigned kind = X86_XS_KIND(code);
    Plan plan = {.code = code, .components = wanted};

    if ((wanted & SSE) && c->mxcsr != MXCSR_INIT) {
        used |= SSE;
    }
    if (kind != X86_XS_SAVE) {
        plan.components = used;
    }
    plan.compact = kind >= X86_XS_SAVEC;
    if (plan.compact) {
        plan.mxcsr = plan.components & SSE;
        plan.header[0] = used;
        plan.header[1] = wanted | COMPACT;
    } else {
        plan.mxcsr = wanted & (SSE | AVX);
        plan.header[0] = (old & ~wanted) | used;
    }
    return plan;
}

uint64_t x86_h_xsave(Vcpu *v, uint64_t linear, uint64_t code, uint64_t mmu,
                     uint64_t e)
{
    X86Cpu *c = x86_of(v);
    Save s = {.c = c, .at = linear, .mmu = (unsigned)mmu};
    uint64_t old = 0;
    Plan plan;

    if (!aligned(c, linear)) {
        return 0;
    }
    /* read for XSTATE_BV, with a write's rights */
    if (!vcpu_probe(v, linear + XS_HEADER, 8, s.mmu, ACCESS_WRITE)
        || !vcpu_load(v, linear + XS_HEADER, 8, s.mmu, &old)) {
        return 0;
    }
    plan = save_plan(c, (unsigned)code, old);
    save_pass(&s, &plan);
    s.storing = true;
    save_pass(&s, &plan);
    return 0;
}

/* --- restoring ------------------------------------------------------------------------ */

typedef struct Image {
    uint8_t legacy[512];
    uint8_t header[64];
    uint8_t avx[256];
    uint64_t have, layout; /* XSTATE_BV, XCOMP_BV */
} Image;

static bool bad(X86Cpu *c)
{
    x86_raise_error(c, X86_GP, 0);
    return false;
}

static bool all_zero(const uint8_t *p, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

/* SDM vol 1 13.8, 13.12 */
static bool header_ok(X86Cpu *c, Image *m, unsigned kind)
{
    m->have = ld_le64(m->header);
    m->layout = ld_le64(m->header + 8);
    if (!(m->layout & COMPACT)) {
        if (kind == X86_XS_RSTORS || (m->have & ~c->xcr0)
            || !all_zero(m->header + 8, 16)) {
            return bad(c);
        }
        return true;
    }
    if (!x86_has(c, X86_FEAT_D1_EAX, X86_FD1_XSAVEC)
        || (m->layout & ~COMPACT & ~c->xcr0) || (m->have & ~m->layout)
        || (m->have & COMPACT) || !all_zero(m->header + 16, 48)) {
        return bad(c);
    }
    return true;
}

static bool image_load(X86Cpu *c, Image *m, uint64_t linear, unsigned mmu,
                       uint64_t wanted)
{
    bool compact = m->layout & COMPACT;
    uint64_t load = wanted & m->have;
    bool mxcsr = compact ? load & SSE : wanted & (SSE | AVX);
    unsigned avx = 16 * (x86_code64(c) ? 16 : 8);
    Vcpu *v = &c->v;

    if ((load & X87)
        && (!vcpu_load_bytes(v, linear, m->legacy, XS_MXCSR, mmu)
            || !vcpu_load_bytes(v, linear + 32, m->legacy + 32, 128, mmu))) {
        return false;
    }
    if (mxcsr
        && !vcpu_load_bytes(v, linear + XS_MXCSR, m->legacy + XS_MXCSR, 4,
                            mmu)) {
        return false;
    }
    if ((load & SSE)
        && !vcpu_load_bytes(v, linear + XS_XMM, m->legacy + XS_XMM, avx, mmu)) {
        return false;
    }
    if ((load & AVX)
        && !vcpu_load_bytes(v, linear + XS_AVX, m->avx, avx, mmu)) {
        return false;
    }
    if (!mxcsr) {
        st_le32(m->legacy + XS_MXCSR, wanted & SSE ? MXCSR_INIT : c->mxcsr);
    }
    return (ld_le32(m->legacy + XS_MXCSR) & ~X86_MXCSR_MASK) ? bad(c) : true;
}

static void restore_vecs(X86Cpu *c, V128 *v, const uint8_t *p, bool have)
{
    for (unsigned i = 0; i < (x86_code64(c) ? 16u : 8u); i++) {
        v[i].u64[0] = have ? ld_le64(p + 16 * i) : 0;
        v[i].u64[1] = have ? ld_le64(p + 16 * i + 8) : 0;
    }
}

static void restore_x87(X86Cpu *c, const Image *m, unsigned code)
{
    if (m->have & X87) {
        x86_fx_get_x87(c, m->legacy, code);
        return;
    }
    x87_init(c);
    c->ftop = 0;
    memset(c->fpr_mant, 0, sizeof(c->fpr_mant));
    memset(c->fpr_se, 0, sizeof(c->fpr_se));
}

uint64_t x86_h_xrstor(Vcpu *v, uint64_t linear, uint64_t code, uint64_t mmu,
                      uint64_t e)
{
    X86Cpu *c = x86_of(v);
    uint64_t wanted = requested(c);
    Image m = {.have = 0};

    if (!aligned(c, linear)
        || !vcpu_load_bytes(v, linear + XS_HEADER, m.header, 64, (unsigned)mmu)
        || !header_ok(c, &m, X86_XS_KIND(code))
        || !image_load(c, &m, linear, (unsigned)mmu, wanted)) {
        return 0;
    }
    if (wanted & X87) {
        restore_x87(c, &m, (unsigned)code);
    }
    c->mxcsr = ld_le32(m.legacy + XS_MXCSR);
    if (wanted & SSE) {
        restore_vecs(c, c->xmm, m.legacy + XS_XMM, m.have & SSE);
    }
    if (wanted & AVX) {
        restore_vecs(c, c->ymmh, m.avx, m.have & AVX);
    }
    x86_update_mode(c);
    return 0;
}
