/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shifts and rotates. Source: SDM 2B SAL, RCL, SHLD. What the manual leaves
 * undefined: OF for counts other than 1 follows the formula of count 1 on the
 * last bit moved; AF is 0; CF beyond the width is the bit of the wider value.
 */
#include "cpu/x86/trans_priv.h"

typedef struct X86Shift {
    unsigned bits, w; /* operand; width of ops: 4 or 8 */
    bool constant;
    unsigned n;  /* when constant: masked count */
    IrRef count; /* masked */
} X86Shift;

static X86Shift x86_shift_count(X86Insn *x, bool by_imm, bool by_one)
{
    X86Shift s = {.bits = 8 * x->width, .w = x->width == 8 ? 8 : 4};
    unsigned mask = x->width == 8 ? 63 : 31;

    s.constant = by_imm || by_one;
    if (s.constant) {
        s.n = by_one ? 1 : x->imm & mask;
        s.count = ir_const(x->b, s.n);
    } else {
        s.count = ir_op2i(x->b, IR_and, 4, IR_NONE, IR_G(X86_RCX), mask);
    }
    return s;
}

static X86Cond x86_shift_moves(X86Insn *x, const X86Shift *s)
{
    return (X86Cond){IR_NE, 4, s->count, ir_const(x->b, 0)};
}

static void x86_shift_flags(X86Insn *x, const X86Shift *s, IrRef r, IrRef cf,
                            IrRef of)
{
    IrBuilder *b = x->b;
    IrRef v = cf;

    if (of != IR_NONE) {
        v = ir_op2(b, IR_or, 4, IR_NONE, cf,
                   ir_op2i(b, IR_shl, 4, IR_NONE, of, 11));
    }
    if (s->constant) {
        x86_set_flags(x, X86_FL_SHIFT, x->width, r, v);
    } else {
        x86_set_flags_if(x, x86_shift_moves(x, s), X86_FL_SHIFT, x->width, r,
                         v);
    }
}

static IrRef x86_bit(X86Insn *x, IrRef v, unsigned bit)
{
    return ir_extract(x->b, 8, IR_NONE, v, bit, 1);
}

/* Operands below 64 bits are shifted in 64: the bit pushed out stays there. A
 * result of 32 bits is made once more by itself, since few ask for the flags. */
static void x86_shl(X86Insn *x, const X86Shift *s, IrRef old)
{
    IrBuilder *b = x->b;
    IrRef v = x86_ext_u(x, old, x->width);
    IrRef r = ir_op2(b, IR_shl, 8, IR_NONE, v, s->count);
    IrRef cf;

    if (s->bits < 64) {
        cf = x86_bit(x, r, s->bits);
        if (s->bits == 32) {
            r = ir_op2(b, IR_shl, 4, IR_NONE, old, s->count);
        }
    } else {
        IrRef back = ir_op1(b, IR_neg, 4, IR_NONE, s->count);

        cf = x86_bit(x, ir_op2(b, IR_shr, 8, IR_NONE, v, back), 0);
    }
    IrRef of = ir_op2(b, IR_xor, 4, IR_NONE, cf, x86_bit(x, r, s->bits - 1));
    x86_rmw_store(x, x->width, r);
    x86_shift_flags(x, s, r, cf, of);
}

static void x86_shr(X86Insn *x, const X86Shift *s, IrRef old, bool arith)
{
    IrBuilder *b = x->b;
    IrOpcode op = arith ? IR_sar : IR_shr;
    IrRef v = arith ? x86_ext_s(x, old, x->width) : x86_ext_u(x, old, x->width);
    IrRef r = s->bits == 32 ? ir_op2(b, op, 4, IR_NONE, old, s->count)
                            : ir_op2(b, op, 8, IR_NONE, v, s->count);
    IrRef less = ir_op2i(b, IR_sub, 4, IR_NONE, s->count, 1);
    IrRef cf = x86_bit(x, ir_op2(b, op, 8, IR_NONE, v, less), 0);
    IrRef of = IR_NONE;

    if (!arith) {
        of = x86_bit(x, r, s->bits - 2);
    }
    x86_rmw_store(x, x->width, r);
    x86_shift_flags(x, s, r, cf, of);
}

/* CF and OF change; all flags are made plain. */
static void x86_rotate_flags(X86Insn *x, const X86Shift *s, IrRef cf, IrRef of)
{
    IrBuilder *b = x->b;
    IrRef old = x86_get_flags(x);
    IrRef f =
        ir_op2i(b, IR_and, 4, IR_NONE, old, X86_ARITH & ~(X86_CF | X86_OF));

    f = ir_op2(b, IR_or, 4, IR_NONE, f, cf);
    f = ir_op2(b, IR_or, 4, IR_NONE, f, ir_op2i(b, IR_shl, 4, IR_NONE, of, 11));
    if (!s->constant) {
        X86Cond c = x86_shift_moves(x, s);

        f = ir_select(b, c.w, IR_NONE, c.cond, c.x, c.y, f, old);
    }
    x86_set_flags_raw(x, f);
}

static void x86_rotate(X86Insn *x, const X86Shift *s, IrRef old, bool right)
{
    IrBuilder *b = x->b;
    IrRef v = old;

    if (s->bits == 8) { /* four copies in 32 bits */
        v = ir_op2i(b, IR_mul, 4, IR_NONE, x86_ext_u(x, v, 1), 0x01010101);
    } else if (s->bits == 16) {
        v = ir_op2i(b, IR_mul, 4, IR_NONE, x86_ext_u(x, v, 2), 0x00010001);
    }
    IrRef r = ir_op2(b, right ? IR_rotr : IR_rotl, s->w, IR_NONE, v, s->count);
    IrRef top = x86_bit(x, r, s->bits - 1);
    IrRef cf = right ? top : x86_bit(x, r, 0);
    IrRef other = right ? x86_bit(x, r, s->bits - 2) : cf;
    x86_rmw_store(x, x->width, r);
    x86_rotate_flags(x, s, cf, ir_op2(b, IR_xor, 4, IR_NONE, top, other));
}

/* Through carry: two helpers with the same arguments, result and flags. */
static void x86_rotate_carry(X86Insn *x, const X86Shift *s, IrRef old,
                             bool right)
{
    IrBuilder *b = x->b;
    IrRef v = x86_ext_u(x, old, x->width);
    IrRef flags = x86_get_flags(x);
    IrRef how = ir_const(b, x->width | (right ? 0x100 : 0));
    IrRef r = ir_call(b, X86_H_rotc, IR_NONE, v, s->count, flags, how);
    IrRef f = ir_call(b, X86_H_rotc_flags, IR_NONE, v, s->count, flags, how);

    x86_rmw_store(x, x->width, r);
    x86_set_flags_raw(x, f);
}

bool x86_trans_shift(X86Insn *x)
{
    bool by_imm = x->op < 0xd0;
    bool by_one = (x->op & ~1) == 0xd0;
    X86Shift s = x86_shift_count(x, by_imm, by_one);
    unsigned n = x->reg & 7;
    IrRef old = x86_rmw_load(x, x->width);

    if (s.constant && s.n == 0) {
        x86_rmw_store(x, x->width, old);
        return true;
    }
    switch (n) {
    case 0:
    case 1:
        x86_rotate(x, &s, old, n);
        break;
    case 2:
    case 3:
        x86_rotate_carry(x, &s, old, n & 1);
        break;
    case 5:
    case 7:
        x86_shr(x, &s, old, n == 7);
        break;
    default: /* 6 does as 4 */
        x86_shl(x, &s, old);
        break;
    }
    return true;
}

/* --- double shifts --------------------------------------------------------- */

/* Below 64 bits: all in one 64-bit value. With 16 bits and a count above 16
 * the destination follows once more behind the source. */
static IrRef x86_shxd_pair(X86Insn *x, IrRef d, IrRef src, bool right)
{
    IrBuilder *b = x->b;

    d = x86_ext_u(x, d, x->width);
    src = x86_ext_u(x, src, x->width);
    if (x->width == 2) {
        IrRef t = ir_deposit(b, 8, IR_NONE, d, src, 16, 16);

        return ir_deposit(b, 8, IR_NONE, t, d, 32, 16);
    }
    return right ? ir_deposit(b, 8, IR_NONE, d, src, 32, 32)
                 : ir_deposit(b, 8, IR_NONE, src, d, 32, 32);
}

static void x86_shxd_narrow(X86Insn *x, const X86Shift *s, IrRef d, IrRef src,
                            bool right, IrRef *r, IrRef *cf)
{
    IrBuilder *b = x->b;
    IrRef t = x86_shxd_pair(x, d, src, right);

    if (right) {
        IrRef less = ir_op2i(b, IR_sub, 4, IR_NONE, s->count, 1);

        *r = ir_op2(b, IR_shr, 8, IR_NONE, t, s->count);
        *cf = x86_bit(x, ir_op2(b, IR_shr, 8, IR_NONE, t, less), 0);
        return;
    }
    /* the destination is at bit 32 of the pair */
    IrRef back =
        ir_op2(b, IR_sub, 4, IR_NONE, ir_const(b, 32 + s->bits), s->count);
    *r = ir_extract(b, 8, IR_NONE, ir_op2(b, IR_shl, 8, IR_NONE, t, s->count),
                    32, s->bits);
    *cf = x86_bit(x, ir_op2(b, IR_shr, 8, IR_NONE, t, back), 0);
}

static void x86_shxd_wide(X86Insn *x, const X86Shift *s, IrRef d, IrRef src,
                          bool right, IrRef *r, IrRef *cf)
{
    IrBuilder *b = x->b;
    IrOpcode op = right ? IR_shr : IR_shl;
    IrOpcode other = right ? IR_shl : IR_shr;
    IrRef back = ir_op1(b, IR_neg, 4, IR_NONE, s->count);
    IrRef in = ir_op2(b, other, 8, IR_NONE, src, back);

    *r = ir_op2(b, IR_or, 8, IR_NONE, ir_op2(b, op, 8, IR_NONE, d, s->count),
                in);
    if (right) {
        back = ir_op2i(b, IR_sub, 4, IR_NONE, s->count, 1);
    }
    *cf = x86_bit(x, ir_op2(b, IR_shr, 8, IR_NONE, d, back), 0);
}

bool x86_trans_shxd(X86Insn *x)
{
    IrBuilder *b = x->b;
    bool right = x->op & 8;
    X86Shift s = x86_shift_count(x, !(x->op & 1), false);
    IrRef d = x86_rmw_load(x, x->width);
    IrRef src = x86_reg(x, x->reg, x->width);
    IrRef r, cf;

    if (s.constant && s.n == 0) {
        x86_rmw_store(x, x->width, d);
        return true;
    }
    if (x->width == 8) {
        x86_shxd_wide(x, &s, d, src, right, &r, &cf);
    } else {
        x86_shxd_narrow(x, &s, d, src, right, &r, &cf);
    }
    IrRef of = x86_bit(x, ir_op2(b, IR_xor, 8, IR_NONE, r, d), s.bits - 1);
    if (!s.constant) {
        X86Cond c = x86_shift_moves(x, &s);

        r = ir_select(b, c.w, IR_NONE, c.cond, c.x, c.y, r, d);
    }
    x86_rmw_store(x, x->width, r);
    x86_shift_flags(x, &s, r, cf, of);
    return true;
}

bool x86_trans_rorx(X86Insn *x)
{
    if (!x86_bmi_legal(x, 1u << 8) || x->pp != 3 || x->vex_v != 0) {
        return false;
    }
    IrRef v = x86_load_rm(x, x->width);
    IrRef r = ir_op2i(x->b, IR_rotr, x->width, IR_NONE, v,
                      x->imm & (8 * x->width - 1));
    x86_set_reg(x, x->reg, x->width, r);
    return true;
}
