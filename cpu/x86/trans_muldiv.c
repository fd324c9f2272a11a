/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiplying and dividing. Source: SDM 2A DIV, IMUL, 2B MUL. */
#include "cpu/x86/trans_priv.h"

/* CF = OF = the result does not fit. SF, PF follow from the low half, ZF too,
 * AF is 0 (all undefined in the manual). */
static void x86_mul_flags(X86Insn *x, IrRef lo, IrRef over)
{
    x86_set_flags(x, X86_FL_MUL, x->width, lo, over);
}

/* The whole product in 64 bits for operands up to 32. */
static IrRef x86_product(X86Insn *x, IrRef a, IrRef c, bool is_signed)
{
    if (is_signed) {
        a = x86_ext_s(x, a, x->width);
        c = x86_ext_s(x, c, x->width);
    } else {
        a = x86_ext_u(x, a, x->width);
        c = x86_ext_u(x, c, x->width);
    }
    return ir_op2(x->b, IR_mul, 8, IR_NONE, a, c);
}

static IrRef x86_product_over(X86Insn *x, IrRef p, bool is_signed)
{
    if (is_signed) {
        return ir_op2(x->b, IR_xor, 8, IR_NONE, p, x86_ext_s(x, p, x->width));
    }
    return ir_op2i(x->b, IR_shr, 8, IR_NONE, p, 8 * x->width);
}

static IrRef x86_over64(X86Insn *x, IrRef lo, IrRef hi, bool is_signed)
{
    IrBuilder *b = x->b;

    if (!is_signed) {
        return hi;
    }
    return ir_op2(b, IR_xor, 8, IR_NONE, hi,
                  ir_op2i(b, IR_sar, 8, IR_NONE, lo, 63));
}

static void x86_mul(X86Insn *x, bool is_signed)
{
    IrBuilder *b = x->b;
    IrRef src = x86_load_rm(x, x->width);
    IrRef acc = IR_G(X86_RAX);

    if (x->width == 8) {
        IrRef lo = ir_op2(b, IR_mul, 8, IR_NONE, acc, src);
        IrRef hi =
            ir_op2(b, is_signed ? IR_mulhs : IR_mulhu, 8, IR_NONE, acc, src);
        IrRef over = x86_over64(x, lo, hi, is_signed);

        x86_set_reg(x, X86_RAX, 8, lo);
        x86_set_reg(x, X86_RDX, 8, hi);
        x86_mul_flags(x, lo, over);
        return;
    }
    IrRef p = x86_product(x, acc, src, is_signed);
    IrRef over = x86_product_over(x, p, is_signed);
    if (x->width == 1) {
        x86_set_reg(x, X86_RAX, 2, p);
    } else {
        x86_set_reg(x, X86_RAX, x->width, p);
        x86_set_reg(x, X86_RDX, x->width,
                    ir_op2i(b, IR_shr, 8, IR_NONE, p, 8 * x->width));
    }
    x86_mul_flags(x, p, over);
}

static bool x86_imul_to_reg(X86Insn *x, IrRef a, IrRef c)
{
    IrBuilder *b = x->b;
    IrRef lo, over, r;

    if (x->width == 8) {
        IrRef hi = ir_op2(b, IR_mulhs, 8, IR_NONE, a, c);

        lo = ir_op2(b, IR_mul, 8, IR_NONE, a, c);
        over = x86_over64(x, lo, hi, true);
        r = lo;
    } else {
        lo = x86_product(x, a, c, true);
        over = x86_product_over(x, lo, true);
        /* by itself, since few ask for the flags */
        r = x->width == 4 ? ir_op2(b, IR_mul, 4, IR_NONE, a, c) : lo;
    }
    x86_set_reg(x, x->reg, x->width, r);
    x86_mul_flags(x, lo, over);
    return true;
}

bool x86_trans_imul2(X86Insn *x)
{
    IrRef src = x86_load_rm(x, x->width);

    return x86_imul_to_reg(x, x86_reg(x, x->reg, x->width), src);
}

bool x86_trans_imul3(X86Insn *x)
{
    IrRef src = x86_load_rm(x, x->width);

    return x86_imul_to_reg(x, src, ir_const(x->b, x->imm));
}

/* The helper raises #DE or gives the quotient; the remainder follows. Flags
 * are undefined: they stay. */
static void x86_div(X86Insn *x, bool is_signed)
{
    IrBuilder *b = x->b;
    unsigned size = x->width;
    IrRef d = x86_load_rm_u(x, size);
    IrRef lo = x86_reg_u(x, X86_RAX, size == 1 ? 2 : size);
    IrRef hi = size == 1 ? ir_const(b, 0) : x86_reg_u(x, X86_RDX, size);

    if (is_signed) {
        d = x86_ext_s(x, d, size);
    }
    IrRef q = ir_call(b, is_signed ? X86_H_div_s : X86_H_div_u, IR_NONE, lo, hi,
                      d, ir_const(b, size));
    IrRef r =
        ir_op2(b, IR_sub, 8, IR_NONE, lo, ir_op2(b, IR_mul, 8, IR_NONE, q, d));
    if (size == 1) {
        IrRef ax = ir_deposit(b, 4, IR_NONE, x86_ext_u(x, q, 1), r, 8, 8);

        x86_set_reg(x, X86_RAX, 2, ax);
    } else {
        x86_set_reg(x, X86_RAX, size, q);
        x86_set_reg(x, X86_RDX, size, r);
    }
}

bool x86_trans_muldiv(X86Insn *x)
{
    bool is_signed = x->reg & 1;

    if ((x->reg & 7) < 6) {
        x86_mul(x, is_signed);
    } else {
        x86_div(x, is_signed);
    }
    return true;
}

/* --- decimal --------------------------------------------------------------- */

/* One helper each: new AX in bits 0-15, flags from bit 16. */
static void x86_bcd_result(X86Insn *x, IrRef r)
{
    IrBuilder *b = x->b;

    x86_set_reg(x, X86_RAX, 2, r);
    x86_set_flags_raw(x, ir_op2i(b, IR_shr, 4, IR_NONE, r, 16));
}

bool x86_trans_bcd(X86Insn *x)
{
    IrRef ax = x86_reg_u(x, X86_RAX, 2);
    IrRef flags = x86_get_flags(x);

    x86_bcd_result(x, ir_call(x->b, X86_H_bcd, IR_NONE, ir_const(x->b, x->op),
                              ax, flags, IR_NONE));
    return true;
}

bool x86_trans_aam_aad(X86Insn *x)
{
    IrBuilder *b = x->b;
    uint8_t base = x->imm;
    IrRef ax = x86_reg_u(x, X86_RAX, 2);

    if (x->op == 0xd4 && base == 0) {
        x86_raise_insn(x, X86_DE, IR_NONE, false);
        return true;
    }
    x86_bcd_result(x, ir_call(b, X86_H_bcd, IR_NONE, ir_const(b, x->op), ax,
                              ir_const(b, base), IR_NONE));
    return true;
}

bool x86_trans_salc(X86Insn *x)
{
    IrRef cf = x86_get_cf(x);

    x86_set_reg(x, X86_RAX, 1, ir_op1(x->b, IR_neg, 4, IR_NONE, cf));
    return true;
}
