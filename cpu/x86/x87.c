/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87 arithmetic, loads and stores. SDM volume 1, chapter 8.
 *
 * Our fixed choices: FOP, FIP, FDP and the selectors keep what FINIT, FLDENV,
 * FRSTOR or FXRSTOR gave them. C0, C2 and C3 stay as they are where the manual
 * calls them undefined. With CR0.NE = 0 a pending exception is ignored, as if
 * IGNNE# were asserted.
 */
#include "cpu/x86/x87_priv.h"

const F80 x87_indefinite = {0xc000000000000000, 0xffff};

F80 x87_get(const X86Cpu *c, unsigned phys)
{
    return (F80){c->fpr_mant[phys & 7], c->fpr_se[phys & 7]};
}

void x87_put(X86Cpu *c, unsigned phys, F80 value)
{
    c->fpr_mant[phys & 7] = value.mant;
    c->fpr_se[phys & 7] = value.se;
}

F80 x87_st(const X87 *x, unsigned i)
{
    return x87_get(x->c, x87_phys(x, i));
}

void x87_set_st(X87 *x, unsigned i, F80 value)
{
    x87_put(x->c, x87_phys(x, i), value);
    x->c->ftag |= (uint8_t)(1u << x87_phys(x, i));
}

void x87_pop(X87 *x)
{
    x->c->ftag &= (uint8_t) ~(1u << x87_phys(x, 0));
    x->top = (x->top + 1) & 7;
}

void x87_push(X87 *x, F80 value)
{
    x->top = (x->top - 1) & 7;
    x87_set_st(x, 0, value);
}

/* --- status ------------------------------------------------------------------ */

bool x87_pending(X86Cpu *c)
{
    if (!(c->fsw & X87_ES) || !(c->cr0 & X86_CR0_NE)) {
        return false;
    }
    x86_raise(c, X86_MF);
    return true;
}

/* ES and B say that an unmasked flag is set (SDM vol 1 8.1.3.3). */
static void x87_summary(X86Cpu *c)
{
    c->fsw &= (uint16_t) ~(X87_ES | X87_B);
    if (c->fsw & ~c->fcw & X87_EXC) {
        c->fsw |= X87_ES | X87_B;
    }
}

/* Bit 6 reads as one, 7 and 13-15 as zero. */
void x87_set_fcw(X86Cpu *c, uint16_t fcw)
{
    c->fcw = (fcw & 0x1f3f) | 0x40;
    x87_summary(c);
}

void x87_set_fsw(X86Cpu *c, uint16_t fsw)
{
    c->ftop = fsw >> 11 & 7;
    c->fsw = fsw & (uint16_t)~X87_TOP;
    x87_summary(c);
}

uint16_t x87_get_fsw(const X86Cpu *c)
{
    return (uint16_t)(c->fsw | (c->ftop & 7) << 11);
}

void x87_init(X86Cpu *c)
{
    c->fcw = 0x37f;
    c->fsw = 0;
    c->ftag = 0;
    c->ftop = 0;
    c->fop = c->fcs = c->fds = 0;
    c->fip = c->fdp = 0;
}

bool x87_begin(X87 *x, Vcpu *v, uint64_t top)
{
    static const uint8_t prec[4] = {24, 64, 53, 64};
    X86Cpu *c = x86_of(v);

    x->c = c;
    x->top = top & 7;
    x->env = (FpEnv){
        .round = c->fcw >> 10 & 3,
        .prec = prec[c->fcw >> 8 & 3],
        .unmasked = ~c->fcw & X87_EXC,
        .nan_rule = FP_NAN_X87,
    };
    return !x87_pending(c);
}

void x87_set_cc(X87 *x, uint16_t mask, uint16_t cc)
{
    x->c->fsw = (uint16_t)((x->c->fsw & ~mask) | cc);
}

bool x87_stack_fault(X87 *x, bool overflow)
{
    x->c->fsw |= FP_INVALID | X87_SF;
    x87_set_cc(x, X87_C1, overflow ? X87_C1 : 0);
    x87_summary(x->c);
    return !(x->env.unmasked & FP_INVALID);
}

bool x87_done(X87 *x)
{
    unsigned flags = x->env.flags;
    bool keep = !(flags & x->env.unmasked & FP_PRECOMPUTE);

    if (!keep) {
        flags &= FP_PRECOMPUTE;
    }
    x->c->fsw |= (uint16_t)flags;
    x87_set_cc(x, X87_C1, keep && x->env.rounded_up ? X87_C1 : 0);
    x87_summary(x->c);
    return keep;
}

/* --- operands ------------------------------------------------------------------ */

/* Arithmetic widens a signalling NaN as it is and complains itself. */
static F80 x87_widen32(FpEnv *env, uint32_t a)
{
    if (f32_is_nan(a)) {
        return (F80){1ull << 63 | (uint64_t)(a & 0x7fffff) << 40,
                     (uint16_t)(a >> 16 | 0x7fff)};
    }
    return f80_from_f32(env, a);
}

static F80 x87_widen64(FpEnv *env, uint64_t a)
{
    if (f64_is_nan(a)) {
        return (F80){1ull << 63 | (a & 0xfffffffffffff) << 11,
                     (uint16_t)(a >> 48 | 0x7fff)};
    }
    return f80_from_f64(env, a);
}

static F80 x87_operand(X87 *x, unsigned format, unsigned i, uint64_t value)
{
    switch (format) {
    case X87_F32:
        return x87_widen32(&x->env, (uint32_t)value);
    case X87_F64:
        return x87_widen64(&x->env, value);
    case X87_REG:
        return x87_st(x, i);
    default:
        return f80_from_i64((int64_t)value);
    }
}

/* A denormal memory operand goes unnoticed beside a NaN or invalid operands. */
static void x87_nan_first(X87 *x, unsigned format, bool nan)
{
    if (format != X87_REG && nan) {
        x->env.flags &= (uint8_t)~FP_DENORMAL;
    }
}

/* --- arithmetic and compares ------------------------------------------------------ */

static uint16_t x87_rel_cc(FpRel rel)
{
    switch (rel) {
    case FP_LESS:
        return X87_C0;
    case FP_EQUAL:
        return X87_C3;
    case FP_GREATER:
        return 0;
    default:
        return X87_C0 | X87_C2 | X87_C3;
    }
}

static FpRel x87_rel(X87 *x, F80 a, F80 b, bool quiet)
{
    return quiet ? f80_compare_quiet(&x->env, a, b)
                 : f80_compare(&x->env, a, b);
}

/* An unmasked exception keeps the stack as it is; the condition codes are
 * written all the same, as AMD's processors do. */
static void x87_compare(X87 *x, unsigned i, unsigned code, uint64_t value)
{
    unsigned format = code >> 10;
    FpRel rel = FP_UNORDERED;
    bool pop;

    if (x87_empty(x, 0) || (format == X87_REG && x87_empty(x, i))) {
        pop = x87_stack_fault(x, false);
    } else {
        F80 b = x87_operand(x, format, i, value);

        rel = x87_rel(x, x87_st(x, 0), b, code & X87_A_QUIET);
        x87_nan_first(x, format, rel == FP_UNORDERED);
        pop = x87_done(x);
    }
    x87_set_cc(x, X87_CC, x87_rel_cc(rel));
    for (unsigned n = pop ? code >> 7 & 3 : 0; n > 0; n--) {
        x87_pop(x);
    }
}

static F80 x87_compute(X87 *x, unsigned op, F80 st0, F80 b)
{
    switch (op) {
    case 0:
        return f80_add(&x->env, st0, b);
    case 1:
        return f80_mul(&x->env, st0, b);
    case 4:
        return f80_sub(&x->env, st0, b);
    case 5:
        return f80_sub(&x->env, b, st0);
    case 6:
        return f80_div(&x->env, st0, b);
    default:
        return f80_div(&x->env, b, st0);
    }
}

uint64_t x86_h_x87_arith(Vcpu *v, uint64_t top, uint64_t code, uint64_t value,
                         uint64_t e)
{
    unsigned op = code & 7, i = code >> 3 & 7;
    unsigned format = (unsigned)code >> 10;
    F80 r = x87_indefinite;
    X87 x;

    if (!x87_begin(&x, v, top)) {
        return top;
    }
    if (op == 2 || op == 3) {
        x87_compare(&x, i, (unsigned)code, value);
        return x.top;
    }
    if (x87_empty(&x, 0) || (format == X87_REG && x87_empty(&x, i))) {
        if (!x87_stack_fault(&x, false)) {
            return top;
        }
    } else {
        F80 st0 = x87_st(&x, 0);

        r = x87_compute(&x, op, st0, x87_operand(&x, format, i, value));
        x87_nan_first(&x, format, f80_class(r) == F80_IS_NAN);
        if (!x87_done(&x)) {
            return top;
        }
    }
    x87_set_st(&x, code & X87_A_TO_STI ? i : 0, r);
    if (code >> 7 & 3) {
        x87_pop(&x);
    }
    return x.top;
}

uint64_t x86_h_x87_fcomi(Vcpu *v, uint64_t top, uint64_t code, uint64_t flags,
                         uint64_t e)
{
    FpRel rel = FP_UNORDERED;
    bool pop;
    X87 x;

    if (!x87_begin(&x, v, top)) {
        return flags | top << 32;
    }
    if (x87_empty(&x, 0) || x87_empty(&x, code >> 3 & 7)) {
        pop = x87_stack_fault(&x, false);
    } else {
        rel = x87_rel(&x, x87_st(&x, 0), x87_st(&x, code >> 3 & 7),
                      code & X87_A_QUIET);
        pop = x87_done(&x);
    }
    if (pop && (code >> 7 & 3)) {
        x87_pop(&x);
    }
    flags = rel == FP_UNORDERED ? X86_ZF | X86_PF | X86_CF
            : rel == FP_LESS    ? X86_CF
            : rel == FP_EQUAL   ? X86_ZF
                                : 0;
    return flags | (uint64_t)x.top << 32;
}

/* --- loads -------------------------------------------------------------------------- */

static F80 x87_loaded(X87 *x, unsigned format, uint64_t lo, uint64_t hi)
{
    uint8_t bcd[10];

    switch (format) {
    case X87_F32:
        return f80_from_f32(&x->env, (uint32_t)lo);
    case X87_F64:
        return f80_from_f64(&x->env, lo);
    case X87_F80:
        return (F80){lo, (uint16_t)hi};
    case X87_BCD:
        st_le64(bcd, lo);
        st_le16(bcd + 8, (uint16_t)hi);
        return f80_from_bcd(bcd);
    default:
        return f80_from_i64((int64_t)lo);
    }
}

uint64_t x86_h_x87_load(Vcpu *v, uint64_t top, uint64_t format, uint64_t lo,
                        uint64_t hi)
{
    F80 r = x87_indefinite;
    X87 x;

    if (!x87_begin(&x, v, top)) {
        return top;
    }
    if (!x87_empty(&x, 7)) {
        if (!x87_stack_fault(&x, true)) {
            return top;
        }
    } else {
        r = x87_loaded(&x, (unsigned)format, lo, hi);
        /* an unmasked denormal is loaded all the same, as AMD's do */
        if (!x87_done(&x) && (x.env.flags & FP_INVALID)) {
            return top;
        }
    }
    x87_push(&x, r);
    return x.top;
}

/* --- stores ------------------------------------------------------------------------- */

/* What memory gets, at most ten bytes. */
static void x87_image(X87 *x, unsigned code, F80 a, uint8_t out[10])
{
    unsigned round = code & X87_S_TRUNC ? FP_RZ : x->env.round;

    switch (code & 15) {
    case X87_F32:
        st_le32(out, f80_to_f32(&x->env, a));
        break;
    case X87_F64:
        st_le64(out, f80_to_f64(&x->env, a));
        break;
    case X87_I16:
        st_le16(out, (uint16_t)f80_to_i16(&x->env, a, round));
        break;
    case X87_I32:
        st_le32(out, (uint32_t)f80_to_i32(&x->env, a, round));
        break;
    case X87_I64:
        st_le64(out, (uint64_t)f80_to_i64(&x->env, a, round));
        break;
    case X87_BCD:
        f80_to_bcd(&x->env, a, out);
        break;
    default:
        st_le64(out, a.mant);
        st_le16(out + 8, a.se);
        break;
    }
}

/* Unmasked overflow and underflow of a store leave memory and stack alone. */
static bool x87_store_goes(const X87 *x)
{
    return !(x->env.flags & x->env.unmasked
             & (FP_PRECOMPUTE | FP_OVERFLOW | FP_UNDERFLOW));
}

uint64_t x86_h_x87_store(Vcpu *v, uint64_t top, uint64_t code, uint64_t linear,
                         uint64_t mmu)
{
    static const uint8_t sizes[] = {0, 4, 8, 2, 4, 8, 10, 10};
    unsigned size = sizes[code & 7];
    bool fault;
    uint8_t out[10];
    X87 x;

    if (!x87_begin(&x, v, top)) {
        return top;
    }
    fault = x87_empty(&x, 0);
    if (fault && (x.env.unmasked & FP_INVALID)) {
        x87_stack_fault(&x, false);
        return top;
    }
    x87_image(&x, (unsigned)code, fault ? x87_indefinite : x87_st(&x, 0), out);
    if (!fault && !x87_store_goes(&x)) {
        x.env.flags &= (uint8_t)~FP_INEXACT; /* nothing was rounded */
        x.env.rounded_up = false;
        x87_done(&x);
        return top;
    }
    if (!vcpu_store_bytes(v, linear, out, size, (unsigned)mmu)) {
        return top;
    }
    if (fault) {
        x87_stack_fault(&x, false);
    } else {
        x87_done(&x);
    }
    if (code & X87_S_POP) {
        x87_pop(&x);
    }
    return x.top;
}

/* --- register moves ------------------------------------------------------------------- */

static void x87_fld_st(X87 *x, unsigned i)
{
    F80 r = x87_indefinite;

    if (x87_empty(x, i)) {
        if (!x87_stack_fault(x, false)) {
            return;
        }
    } else if (!x87_empty(x, 7)) {
        if (!x87_stack_fault(x, true)) {
            return;
        }
    } else {
        r = x87_st(x, i);
        x87_set_cc(x, X87_C1, 0);
    }
    x87_push(x, r);
}

static void x87_fxch(X87 *x, unsigned i)
{
    F80 a, b;

    x87_set_cc(x, X87_C1, 0);
    if ((x87_empty(x, 0) || x87_empty(x, i)) && !x87_stack_fault(x, false)) {
        return;
    }
    a = x87_empty(x, 0) ? x87_indefinite : x87_st(x, 0);
    b = x87_empty(x, i) ? x87_indefinite : x87_st(x, i);
    x87_set_st(x, 0, b);
    x87_set_st(x, i, a);
}

static void x87_fst_st(X87 *x, unsigned i, bool pop)
{
    F80 r = x87_indefinite;

    x87_set_cc(x, X87_C1, 0);
    if (!x87_empty(x, 0)) {
        r = x87_st(x, 0);
    } else if (!x87_stack_fault(x, false)) {
        return;
    }
    x87_set_st(x, i, r);
    if (pop) {
        x87_pop(x);
    }
}

/* D9 D8+i: as FSTP, but an empty register is copied as it is, unnoticed. */
static void x87_fstpnce(X87 *x, unsigned i)
{
    bool empty = x87_empty(x, 0);

    x87_set_cc(x, X87_C1, 0);
    x87_set_st(x, i, x87_st(x, 0));
    if (empty) {
        x->c->ftag &= (uint8_t) ~(1u << x87_phys(x, i));
    }
    x87_pop(x);
}

uint64_t x86_h_x87_reg(Vcpu *v, uint64_t top, uint64_t code, uint64_t b,
                       uint64_t e)
{
    unsigned i = code & 7;
    X87 x;

    if (!x87_begin(&x, v, top)) {
        return top;
    }
    switch (code & ~7ull) {
    case X87_R_FLD:
        x87_fld_st(&x, i);
        break;
    case X87_R_FXCH:
        x87_fxch(&x, i);
        break;
    case X87_R_FSTPNCE:
        x87_fstpnce(&x, i);
        break;
    case X87_R_FST:
    case X87_R_FSTP:
        x87_fst_st(&x, i, (code & ~7ull) == X87_R_FSTP);
        break;
    default:
        x87_set_cc(&x, X87_C1, 0);
        x.c->ftag &= (uint8_t) ~(1u << x87_phys(&x, i));
        if ((code & ~7ull) == X87_R_FFREEP) {
            x87_pop(&x);
        }
        break;
    }
    return x.top;
}

uint64_t x86_h_x87_fcmov(Vcpu *v, uint64_t top, uint64_t i, uint64_t cond,
                         uint64_t e)
{
    X87 x;

    if (!x87_begin(&x, v, top)) {
        return top;
    }
    if (x87_empty(&x, 0) || x87_empty(&x, (unsigned)i)) {
        if (x87_stack_fault(&x, false)) {
            x87_set_st(&x, 0, x87_indefinite);
        }
    } else if (cond) {
        x87_set_st(&x, 0, x87_st(&x, (unsigned)i));
    }
    return x.top;
}

/* --- control ---------------------------------------------------------------------------- */

uint64_t x86_h_x87_wait(Vcpu *v, uint64_t a, uint64_t b, uint64_t c, uint64_t e)
{
    x87_pending(x86_of(v));
    return 0;
}

uint64_t x86_h_x87_fldcw(Vcpu *v, uint64_t value, uint64_t b, uint64_t c,
                         uint64_t e)
{
    if (!x87_pending(x86_of(v))) {
        x87_set_fcw(x86_of(v), (uint16_t)value);
    }
    return 0;
}

uint64_t x86_h_x87_clear(Vcpu *v, uint64_t all, uint64_t b, uint64_t e,
                         uint64_t f)
{
    X86Cpu *c = x86_of(v);

    if (!all) {
        c->fsw &= (uint16_t) ~(X87_EXC | X87_SF | X87_ES | X87_B);
        return 0;
    }
    /* TOP is an IR global: the translator writes it */
    c->fcw = 0x37f;
    c->fsw = 0;
    c->ftag = 0;
    c->fop = c->fcs = c->fds = 0;
    c->fip = c->fdp = 0;
    return 0;
}
