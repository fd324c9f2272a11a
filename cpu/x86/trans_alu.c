/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adding, logic, comparing, and exchanges that compute. Source: SDM volume 2. */
#include "cpu/x86/trans_priv.h"

enum {
    X86_ALU_ADD,
    X86_ALU_OR,
    X86_ALU_ADC,
    X86_ALU_SBB,
    X86_ALU_AND,
    X86_ALU_SUB,
    X86_ALU_XOR,
    X86_ALU_CMP
};

/* Where a result goes: the ModRM operand or a register. */
typedef struct X86Dst {
    bool rm, mem;
    unsigned reg;
    IrRef old;
} X86Dst;

static unsigned x86_w(const X86Insn *x)
{
    return x->width == 8 ? 8 : 4;
}

static IrRef x86_imm(X86Insn *x)
{
    uint64_t v = x->imm;

    return ir_const(x->b, x->width == 4 ? (uint32_t)v : v);
}

static X86Dst x86_dst_rm(X86Insn *x, bool writes)
{
    X86Dst d = {.rm = true, .mem = x->is_mem, .reg = x->rm};

    d.old = writes ? x86_rmw_load(x, x->width) : x86_load_rm(x, x->width);
    return d;
}

static X86Dst x86_dst_reg(X86Insn *x, unsigned reg)
{
    return (X86Dst){.reg = reg, .old = x86_reg(x, reg, x->width)};
}

static void x86_dst_write(X86Insn *x, const X86Dst *d, IrRef v)
{
    if (d->rm) {
        x86_rmw_store(x, x->width, v);
    } else {
        x86_set_reg(x, d->reg, x->width, v);
    }
}

/* The home of the whole result, so that one op does it; IR_NONE: write back. */
static IrRef x86_dst_home(X86Insn *x, const X86Dst *d)
{
    return !d->mem && x->width >= 4 ? x86_dest(x, d->reg) : IR_NONE;
}

/* Flags follow from the operands: they are put down first. */
static void x86_alu_sum(X86Insn *x, X86Dst *d, IrRef src, bool sub)
{
    IrOpcode op = sub ? IR_sub : IR_add;
    unsigned fl = sub ? X86_FL_SUB : X86_FL_ADD;
    IrRef r;

    if (d->mem) {
        r = ir_op2(x->b, op, x86_w(x), IR_NONE, d->old, src);
        x86_dst_write(x, d, r);
        x86_set_flags(x, fl, x->width, d->old, src);
        x86_flags_res(x, r);
        return;
    }
    x86_set_flags(x, fl, x->width, d->old, src);
    IrRef home = x86_dst_home(x, d);
    r = ir_op2(x->b, op, x86_w(x), home, d->old, src);
    if (home == IR_NONE) {
        x86_dst_write(x, d, r);
    }
    x86_flags_res(x, r);
}

static void x86_alu_logic(X86Insn *x, X86Dst *d, IrRef src, IrOpcode op)
{
    IrBuilder *b = x->b;
    IrRef home = x86_dst_home(x, d);
    IrRef r;

    if (op == IR_xor && d->old == src && !d->mem) {
        r = ir_const(b, 0);
        x86_dst_write(x, d, r);
    } else {
        r = ir_op2(b, op, x86_w(x), home, d->old, src);
        if (home == IR_NONE) {
            x86_dst_write(x, d, r);
        } else {
            r = home;
        }
    }
    x86_set_flags(x, X86_FL_LOGIC, x->width, r, IR_NONE);
}

/* The carry (borrow) out of every bit, from operands and result. */
static IrRef x86_carries(X86Insn *x, IrRef a, IrRef src, IrRef r, bool sub)
{
    IrBuilder *b = x->b;
    unsigned w = x86_w(x);

    if (sub) {
        IrRef made = ir_op2(b, IR_andn, w, IR_NONE, src, a);
        IrRef kept = ir_op2(b, IR_andn, w, IR_NONE, r,
                            ir_op2(b, IR_andn, w, IR_NONE, a, src));

        return ir_op2(b, IR_or, w, IR_NONE, made, kept);
    }
    IrRef made = ir_op2(b, IR_and, w, IR_NONE, a, src);
    IrRef kept =
        ir_op2(b, IR_andn, w, IR_NONE, ir_op2(b, IR_or, w, IR_NONE, a, src), r);

    return ir_op2(b, IR_or, w, IR_NONE, made, kept);
}

static void x86_alu_carry(X86Insn *x, X86Dst *d, IrRef src, bool sub)
{
    IrBuilder *b = x->b;
    unsigned w = x86_w(x);
    IrOpcode op = sub ? IR_sub : IR_add;
    IrRef cf = x86_get_cf(x);
    IrRef r = ir_op2(b, op, w, IR_NONE, d->old, src);

    r = ir_op2(b, op, w, IR_NONE, r, cf);
    IrRef carries = x86_carries(x, d->old, src, r, sub);
    x86_dst_write(x, d, r);
    x86_set_flags(x, X86_FL_CV, x->width, r, carries);
}

static void x86_alu(X86Insn *x, unsigned op, X86Dst *d, IrRef src)
{
    switch (op) {
    case X86_ALU_ADD:
        x86_alu_sum(x, d, src, false);
        break;
    case X86_ALU_SUB:
        x86_alu_sum(x, d, src, true);
        break;
    case X86_ALU_CMP:
        x86_set_flags(x, X86_FL_SUB, x->width, d->old, src);
        break;
    case X86_ALU_OR:
        x86_alu_logic(x, d, src, IR_or);
        break;
    case X86_ALU_AND:
        x86_alu_logic(x, d, src, IR_and);
        break;
    case X86_ALU_XOR:
        x86_alu_logic(x, d, src, IR_xor);
        break;
    default:
        x86_alu_carry(x, d, src, op == X86_ALU_SBB);
        break;
    }
}

bool x86_trans_alu(X86Insn *x)
{
    unsigned op = (x->op >> 3) & 7;
    X86Dst d;
    IrRef src;

    if (x->lock && op == X86_ALU_CMP) {
        return false;
    }
    switch (x->row->form) {
    case X86_F_EG:
        d = x86_dst_rm(x, op != X86_ALU_CMP);
        src = x86_reg(x, x->reg, x->width);
        break;
    case X86_F_GE:
        src = x86_load_rm(x, x->width);
        d = x86_dst_reg(x, x->reg);
        break;
    default:
        d = x86_dst_reg(x, X86_RAX);
        src = x86_imm(x);
        break;
    }
    x86_alu(x, op, &d, src);
    return true;
}

bool x86_trans_alu_imm(X86Insn *x)
{
    unsigned op = x->reg & 7;

    if (x->lock && op == X86_ALU_CMP) {
        return false;
    }
    X86Dst d = x86_dst_rm(x, op != X86_ALU_CMP);
    x86_alu(x, op, &d, x86_imm(x));
    return true;
}

static void x86_test(X86Insn *x, IrRef a, IrRef src)
{
    IrRef r = a == src ? a : ir_op2(x->b, IR_and, x86_w(x), IR_NONE, a, src);

    x86_set_flags(x, X86_FL_LOGIC, x->width, r, IR_NONE);
}

bool x86_trans_test(X86Insn *x)
{
    if (x->row->form == X86_F_AI) {
        x86_test(x, x86_reg(x, X86_RAX, x->width), x86_imm(x));
    } else {
        IrRef a = x86_load_rm(x, x->width);

        x86_test(x, a, x86_reg(x, x->reg, x->width));
    }
    return true;
}

static void x86_incdec(X86Insn *x, X86Dst *d, bool dec)
{
    unsigned w = x86_w(x);
    IrRef cf = x86_get_cf(x);
    IrRef home = x86_dst_home(x, d);
    IrRef r = ir_op2i(x->b, dec ? IR_sub : IR_add, w, home, d->old, 1);

    if (home == IR_NONE) {
        x86_dst_write(x, d, r);
    }
    x86_set_flags(x, dec ? X86_FL_DEC : X86_FL_INC, x->width, r, cf);
    x->ft->cf = cf;
}

bool x86_trans_incdec(X86Insn *x)
{
    X86Dst d = x86_dst_reg(x, x->op & 7);

    x86_incdec(x, &d, x->op & 8);
    return true;
}

bool x86_trans_grp4(X86Insn *x)
{
    if ((x->reg & 7) > 1) {
        return false;
    }
    X86Dst d = x86_dst_rm(x, true);
    x86_incdec(x, &d, x->reg & 1);
    return true;
}

static void x86_not_neg(X86Insn *x, bool neg)
{
    IrBuilder *b = x->b;
    X86Dst d = x86_dst_rm(x, true);
    IrRef zero = ir_const(b, 0);

    if (!neg) {
        x86_dst_write(x, &d, ir_op1(b, IR_not, x86_w(x), IR_NONE, d.old));
        return;
    }
    /* as 0 - operand: CF = operand is not 0 */
    IrRef r = ir_op1(b, IR_neg, x86_w(x), IR_NONE, d.old);
    if (d.mem) {
        x86_dst_write(x, &d, r);
        x86_set_flags(x, X86_FL_SUB, x->width, zero, d.old);
    } else {
        x86_set_flags(x, X86_FL_SUB, x->width, zero, d.old);
        x86_dst_write(x, &d, r);
    }
    x86_flags_res(x, r);
}

bool x86_trans_grp3(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (x->lock && n != 2 && n != 3) {
        return false;
    }
    switch (n) {
    case 0:
    case 1: /* not in the manual's older editions; acts as /0 */
        x86_test(x, x86_load_rm(x, x->width), x86_imm(x));
        return true;
    case 2:
    case 3:
        x86_not_neg(x, n == 3);
        return true;
    default:
        return x86_trans_muldiv(x);
    }
}

bool x86_trans_xadd(X86Insn *x)
{
    X86Dst d = x86_dst_rm(x, true);
    IrRef src = x86_reg(x, x->reg, x->width);
    IrRef r = ir_op2(x->b, IR_add, x86_w(x), IR_NONE, d.old, src);

    if (d.mem) {
        x86_dst_write(x, &d, r);
        x86_set_flags(x, X86_FL_ADD, x->width, d.old, src);
        x86_set_reg(x, x->reg, x->width, d.old);
    } else {
        x86_set_flags(x, X86_FL_ADD, x->width, d.old, src);
        x86_set_reg(x, x->reg, x->width, d.old);
        x86_dst_write(x, &d, r);
    }
    x86_flags_res(x, r);
    return true;
}

/* @v over the low bytes of register @n, as a write of that width leaves it */
static IrRef x86_merged(X86Insn *x, unsigned n, IrRef v)
{
    switch (x->width) {
    case 8:
        return v;
    case 4:
        return x86_ext_u(x, v, 4);
    default:
        return ir_deposit(x->b, 8, IR_NONE, IR_G(n), v, 0, 8 * x->width);
    }
}

/* The register that loses the comparison is not touched, not even to clear its
 * upper half; a memory destination is always written (SDM 2A CMPXCHG). */
bool x86_trans_cmpxchg(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned w = x86_w(x);
    X86Dst d = x86_dst_rm(x, true);
    IrRef old = x86_ext_u(x, d.old, x->width);
    IrRef src = x86_reg_u(x, x->reg, x->width);
    IrRef acc = x86_reg_u(x, X86_RAX, x->width);

    if (IR_IS_GLOBAL(old)) {
        old = ir_mov(b, IR_NONE, old);
    }
    IrRef kept = !d.mem && x->width == 4 ? IR_G(d.reg) : old;
    IrRef set = ir_select(b, w, IR_NONE, IR_EQ, acc, old, src, kept);
    IrRef rax = ir_select(b, w, IR_NONE, IR_EQ, acc, old, IR_G(X86_RAX),
                          x86_merged(x, X86_RAX, old));
    if (d.mem) {
        x86_dst_write(x, &d, set);
        x86_set_flags(x, X86_FL_SUB, x->width, acc, old);
        x86_set_reg(x, X86_RAX, 8, rax);
        return true;
    }
    x86_set_flags(x, X86_FL_SUB, x->width, acc, old);
    x86_set_reg(x, X86_RAX, 8, rax);
    x86_set_reg(x, d.reg, x->width == 4 ? 8 : x->width, set);
    return true;
}
