/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87: the instructions D9 D0 and D9 E0 to D9 FF. SDM volume 2, table A-8. */
#include "cpu/x86/x87_priv.h"

/* One operand, result in its place. */
typedef F80 X87Unary(FpEnv *env, F80 a);
typedef F80 X87Binary(FpEnv *env, F80 a, F80 b);

static F80 x87_fchs(FpEnv *env, F80 a)
{
    a.se ^= 0x8000;
    return a;
}

static F80 x87_fabs(FpEnv *env, F80 a)
{
    a.se &= 0x7fff;
    return a;
}

static void x87_unary(X87 *x, X87Unary *fn)
{
    F80 r = x87_indefinite;

    if (x87_empty(x, 0)) {
        if (!x87_stack_fault(x, false)) {
            return;
        }
    } else {
        r = fn(&x->env, x87_st(x, 0));
        if (!x87_done(x)) {
            return;
        }
    }
    x87_set_st(x, 0, r);
}

/* FYL2X, FYL2XP1, FPATAN: fn(ST(1), ST(0)) to ST(1), pop. */
static void x87_binary_pop(X87 *x, X87Binary *fn)
{
    F80 r = x87_indefinite;

    if (x87_empty(x, 0) || x87_empty(x, 1)) {
        if (!x87_stack_fault(x, false)) {
            return;
        }
    } else {
        r = fn(&x->env, x87_st(x, 1), x87_st(x, 0));
        if (!x87_done(x)) {
            return;
        }
    }
    x87_set_st(x, 1, r);
    x87_pop(x);
}

static void x87_fscale(X87 *x)
{
    F80 r = x87_indefinite;

    if (x87_empty(x, 0) || x87_empty(x, 1)) {
        if (!x87_stack_fault(x, false)) {
            return;
        }
    } else {
        r = f80_scale(&x->env, x87_st(x, 0), x87_st(x, 1));
        if (!x87_done(x)) {
            return;
        }
    }
    x87_set_st(x, 0, r);
}

/* FPREM, FPREM1: the quotient's low bits are in C0 C3 C1, C2: not done yet. */
static void x87_fprem(X87 *x, F80Rem fn(FpEnv *, F80, F80))
{
    F80Rem r = {.value = x87_indefinite};
    uint16_t cc;

    x87_set_cc(x, X87_C2, 0);
    if (x87_empty(x, 0) || x87_empty(x, 1)) {
        if (x87_stack_fault(x, false)) {
            x87_set_st(x, 0, r.value);
        }
        return;
    }
    r = fn(&x->env, x87_st(x, 0), x87_st(x, 1));
    if (!x87_done(x)) {
        return;
    }
    if (f80_class(r.value) != F80_IS_NAN) { /* else C0 and C3 stay */
        cc = (r.partial ? X87_C2 : 0) | (r.quotient & 1 ? X87_C1 : 0)
             | (r.quotient & 2 ? X87_C3 : 0) | (r.quotient & 4 ? X87_C0 : 0);
        x87_set_cc(x, X87_CC, cc);
    }
    x87_set_st(x, 0, r.value);
}

/* FSIN, FCOS: C2 when the operand is out of range. */
static void x87_trig(X87 *x, bool fn(FpEnv *, F80, F80 *))
{
    F80 r = x87_indefinite;
    bool done = true;

    if (x87_empty(x, 0)) {
        if (!x87_stack_fault(x, false)) {
            return;
        }
    } else {
        done = fn(&x->env, x87_st(x, 0), &r);
        if (!x87_done(x)) {
            return;
        }
    }
    x87_set_cc(x, X87_C2, done ? 0 : X87_C2);
    if (done) {
        x87_set_st(x, 0, r);
    }
}

/* Is there an operand, and room for a second result? False: the instruction is
 * over, with the masked response if @both. */
static bool x87_two_results(X87 *x)
{
    bool empty = x87_empty(x, 0), full = !x87_empty(x, 7);

    if (!empty && !full) {
        return true;
    }
    if (x87_stack_fault(x, !empty)) {
        x87_set_st(x, 0, x87_indefinite);
        x87_push(x, x87_indefinite);
    }
    return false;
}

static bool x87_tan_one(FpEnv *env, F80 a, F80 *tangent, F80 *one)
{
    const FpEnv nearest = {.prec = 64};

    if (!f80_ptan(env, a, tangent)) {
        return false;
    }
    /* a NaN comes back in both */
    *one = f80_class(*tangent) == F80_IS_NAN ? *tangent
                                             : f80_const(&nearest, F80_ONE);
    return true;
}

/* FSINCOS, FPTAN: the first result replaces ST(0), the second is pushed. */
static void x87_trig2(X87 *x, bool fn(FpEnv *, F80, F80 *, F80 *))
{
    F80 first, second;
    bool done;

    x87_set_cc(x, X87_C2, 0);
    if (!x87_two_results(x)) {
        return;
    }
    done = fn(&x->env, x87_st(x, 0), &first, &second);
    if (!x87_done(x)) {
        return;
    }
    x87_set_cc(x, X87_C2, done ? 0 : X87_C2);
    if (done) {
        x87_set_st(x, 0, first);
        x87_push(x, second);
    }
}

static void x87_fxtract(X87 *x)
{
    F80 significand, exponent;

    if (!x87_two_results(x)) {
        return;
    }
    significand = f80_xtract(&x->env, x87_st(x, 0), &exponent);
    if (x87_done(x)) {
        x87_set_st(x, 0, exponent);
        x87_push(x, significand);
    }
}

static void x87_ftst(X87 *x)
{
    static const uint16_t cc[] = {X87_C0, X87_C3, 0, X87_C0 | X87_C2 | X87_C3};
    FpRel rel = FP_UNORDERED;

    if (x87_empty(x, 0)) {
        x87_stack_fault(x, false);
    } else {
        rel = f80_compare(&x->env, x87_st(x, 0), (F80){0, 0});
        x87_done(x);
    }
    x87_set_cc(x, X87_CC, cc[rel + 1]);
}

static void x87_fxam(X87 *x)
{
    F80 a = x87_st(x, 0);
    unsigned class = x87_empty(x, 0) ? F80_IS_EMPTY : f80_class(a);

    x87_set_cc(x, X87_CC,
               (class & 1 ? X87_C0 : 0) | (class & 2 ? X87_C2 : 0)
                   | (class & 4 ? X87_C3 : 0) | (a.se >> 15 ? X87_C1 : 0));
}

static void x87_constant(X87 *x, unsigned which)
{
    F80 r = x87_indefinite;

    if (x87_empty(x, 7)) {
        r = f80_const(&x->env, (F80Const)which);
        x87_set_cc(x, X87_C1, 0);
    } else if (!x87_stack_fault(x, true)) {
        return;
    }
    x87_push(x, r);
}

static void x87_turn(X87 *x, unsigned by)
{
    x->top = (x->top + by) & 7;
    x87_set_cc(x, X87_C1, 0);
}

/* E0 to EF */
static void x87_group_e(X87 *x, unsigned op)
{
    switch (op) {
    case 0xe0:
        x87_unary(x, x87_fchs);
        break;
    case 0xe1:
        x87_unary(x, x87_fabs);
        break;
    case 0xe4:
        x87_ftst(x);
        break;
    case 0xe5:
        x87_fxam(x);
        break;
    default:
        x87_constant(x, op - 0xe8);
        break;
    }
}

/* F0 to FF: those that do not compute come first */
static void x87_group_f(X87 *x, unsigned op)
{
    switch (op) {
    case 0xf0:
        x87_unary(x, f80_2xm1);
        break;
    case 0xf1:
        x87_binary_pop(x, f80_yl2x);
        break;
    case 0xf2:
        x87_trig2(x, x87_tan_one);
        break;
    case 0xf3:
        x87_binary_pop(x, f80_patan);
        break;
    case 0xf4:
        x87_fxtract(x);
        break;
    case 0xf5:
        x87_fprem(x, f80_prem1);
        break;
    case 0xf6:
        x87_turn(x, 7);
        break;
    case 0xf7:
        x87_turn(x, 1);
        break;
    case 0xf8:
        x87_fprem(x, f80_prem);
        break;
    case 0xf9:
        x87_binary_pop(x, f80_yl2xp1);
        break;
    case 0xfa:
        x87_unary(x, f80_sqrt);
        break;
    case 0xfb:
        x87_trig2(x, f80_sincos);
        break;
    case 0xfc:
        x87_unary(x, f80_roundint);
        break;
    case 0xfd:
        x87_fscale(x);
        break;
    case 0xfe:
        x87_trig(x, f80_sin);
        break;
    default:
        x87_trig(x, f80_cos);
        break;
    }
}

uint64_t x86_h_x87_misc(Vcpu *v, uint64_t top, uint64_t op, uint64_t b,
                        uint64_t e)
{
    X87 x;

    if (!x87_begin(&x, v, top)) {
        return top;
    }
    if (op >= 0xf0) {
        x87_group_f(&x, (unsigned)op);
    } else if (op >= 0xe0) {
        x87_group_e(&x, (unsigned)op);
    }
    return x.top;
}
