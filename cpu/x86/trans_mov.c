/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves, conversions, the stack. Source: SDM volume 2. */
#include "cpu/x86/trans_priv.h"

bool x86_trans_mov(X86Insn *x)
{
    if (x->row->form == X86_F_EG) {
        x86_store_rm(x, x->width, x86_reg(x, x->reg, x->width));
    } else {
        x86_set_reg(x, x->reg, x->width, x86_load_rm(x, x->width));
    }
    return true;
}

bool x86_trans_mov_imm(X86Insn *x)
{
    x86_set_reg(x, (x->op & 7) + x->rex_b, x->width, ir_const(x->b, x->imm));
    return true;
}

bool x86_trans_mov_rm_imm(X86Insn *x)
{
    if (x->reg & 7) {
        return false;
    }
    x86_store_rm(x, x->width, ir_const(x->b, x->imm));
    return true;
}

bool x86_trans_mov_moffs(X86Insn *x)
{
    unsigned seg = x->seg >= 0 ? (unsigned)x->seg : X86_DS;
    bool write = x->op & 2;
    IrAddr at =
        x86_seg_addr(x, seg, ir_const(x->b, x->imm), x->asize, x->width, write);

    if (write) {
        x86_st(x, at, x->width, 0, x86_reg(x, X86_RAX, x->width));
    } else {
        x86_set_reg(x, X86_RAX, x->width, x86_ld(x, at, x->width, 0));
    }
    return true;
}

bool x86_trans_movnti(X86Insn *x)
{
    if (!x->is_mem || x->pp || !x86_offers(x, X86_FEAT_1_EDX, 1u << 26)) {
        return false;
    }
    x86_store_rm(x, x->width, x86_reg(x, x->reg, x->width));
    return true;
}

bool x86_trans_movzx(X86Insn *x)
{
    unsigned from = x->op & 1 ? 2 : 1;

    x86_set_reg(x, x->reg, x->width, x86_load_rm_u(x, from));
    return true;
}

bool x86_trans_movsx(X86Insn *x)
{
    unsigned from = x->op & 1 ? 2 : 1;

    x86_set_reg(x, x->reg, x->width, x86_load_rm_s(x, from));
    return true;
}

bool x86_trans_arpl_movsxd(X86Insn *x)
{
    if (!x->code64) {
        return x86_trans_arpl(x);
    }
    if (x->width == 8) {
        x86_set_reg(x, x->reg, 8, x86_load_rm_s(x, 4));
    } else {
        x86_set_reg(x, x->reg, x->width, x86_load_rm(x, x->width));
    }
    return true;
}

bool x86_trans_lea(X86Insn *x)
{
    if (!x->is_mem) {
        return false;
    }
    x86_set_reg(x, x->reg, x->width, x86_ea_offset(x));
    return true;
}

static void x86_xchg_regs(X86Insn *x, unsigned p, unsigned q)
{
    IrRef old = ir_mov(x->b, IR_NONE, x86_reg(x, p, x->width));

    x86_set_reg(x, p, x->width, x86_reg(x, q, x->width));
    x86_set_reg(x, q, x->width, old);
}

bool x86_trans_xchg(X86Insn *x)
{
    if (!x->is_mem) {
        x86_xchg_regs(x, x->reg, x->rm);
        return true;
    }
    IrRef old = x86_rmw_load(x, x->width);
    x86_rmw_store(x, x->width, x86_reg(x, x->reg, x->width));
    x86_set_reg(x, x->reg, x->width, old);
    return true;
}

/* 90 without REX.B is nop; with F3 it is pause, which ends a turn if there is
 * anybody to take the next. */
bool x86_trans_xchg_acc(X86Insn *x)
{
    unsigned n = (x->op & 7) + x->rex_b;

    if (n != X86_RAX) {
        x86_xchg_regs(x, X86_RAX, n);
    } else if (x->rep == 0xf3 && x->cpu->cpu_count > 1) {
        ir_call_void(x->b, X86_H_pause, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        x86_end_io(x);
    }
    return true;
}

bool x86_trans_cbw(X86Insn *x)
{
    x86_set_reg(x, X86_RAX, x->width, x86_reg_s(x, X86_RAX, x->width / 2));
    return true;
}

bool x86_trans_cwd(X86Insn *x)
{
    IrRef wide = x86_reg_s(x, X86_RAX, x->width);

    x86_set_reg(x, X86_RDX, x->width,
                ir_op2i(x->b, IR_sar, 8, IR_NONE, wide, 63));
    return true;
}

bool x86_trans_bswap(X86Insn *x)
{
    unsigned n = (x->op & 7) + x->rex_b;

    if (x->osize == 2) {
        /* undefined in the manual; processors give 0 */
        x86_set_reg(x, n, 2, ir_const(x->b, 0));
        return true;
    }
    x86_set_reg(x, n, x->width,
                ir_op1(x->b, IR_bswap, x->width, IR_NONE, IR_G(n)));
    return true;
}

bool x86_trans_cmov(X86Insn *x)
{
    if (!x86_offers(x, X86_FEAT_1_EDX, 1u << 15)) {
        return false;
    }
    IrRef src = x86_load_rm(x, x->width);
    IrRef old = x86_reg(x, x->reg, x->width);
    X86Cond c = x86_cond(x, x->op & 15);
    IrRef r = ir_select(x->b, c.w, IR_NONE, c.cond, c.x, c.y, src, old);

    x86_set_reg(x, x->reg, x->width, r);
    return true;
}

bool x86_trans_setcc(X86Insn *x)
{
    X86Cond c = x86_cond(x, x->op & 15);

    x86_store_rm(x, 1, ir_setc(x->b, c.w, IR_NONE, c.cond, c.x, c.y));
    return true;
}

bool x86_trans_xlat(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned seg = x->seg >= 0 ? (unsigned)x->seg : X86_DS;
    unsigned w = x->asize == 8 ? 8 : 4;
    IrRef off =
        ir_op2(b, IR_add, w, IR_NONE, IR_G(X86_RBX), x86_reg_u(x, X86_RAX, 1));
    IrAddr at = x86_seg_addr(x, seg, off, x->asize, 1, false);

    x86_set_reg(x, X86_RAX, 1, x86_ld(x, at, 1, 0));
    return true;
}

/* --- stack ----------------------------------------------------------------- */

bool x86_trans_push_reg(X86Insn *x)
{
    x86_push(x, x->width, IR_G((x->op & 7) + x->rex_b));
    return true;
}

bool x86_trans_push_imm(X86Insn *x)
{
    x86_push(x, x->width, ir_const(x->b, x->imm));
    return true;
}

static IrRef x86_pop_value(X86Insn *x, unsigned size)
{
    return x86_ld(x, x86_stack_addr(x, 0, size, false), size, 0);
}

bool x86_trans_pop_reg(X86Insn *x)
{
    IrRef v = x86_pop_value(x, x->width);

    x86_stack_adjust(x, x->width);
    x86_set_reg(x, (x->op & 7) + x->rex_b, x->width, v);
    return true;
}

/* The address of a memory operand is computed with rSP already raised
 * (SDM 2B POP). The destination is checked before the store. */
bool x86_trans_pop_rm(X86Insn *x)
{
    unsigned size = x->width;

    if (x->reg & 7) {
        return false;
    }
    IrRef v = x86_pop_value(x, size);
    if (!x->is_mem) {
        x86_stack_adjust(x, size);
        x86_set_reg(x, x->rm, size, v);
        return true;
    }
    IrAddr at = x86_ea_at(x, x->ea_base == X86_RSP ? size : 0, size, true);
    x86_st(x, at, size, 0, v);
    x86_stack_adjust(x, size);
    return true;
}

bool x86_trans_pusha(X86Insn *x)
{
    x86_call_gw(x, X86_H_pusha, false, ir_const(x->b, x->width),
                ir_const(x->b, x86_stack_size(x)), IR_NONE, IR_NONE);
    return true;
}

bool x86_trans_popa(X86Insn *x)
{
    x86_call_gw(x, X86_H_popa, false, ir_const(x->b, x->width),
                ir_const(x->b, x86_stack_size(x)), IR_NONE, IR_NONE);
    return true;
}

bool x86_trans_enter(X86Insn *x)
{
    IrBuilder *b = x->b;

    x86_call_gw(x, X86_H_enter, false, ir_const(b, x->width),
                ir_const(b, x86_stack_size(x)), ir_const(b, x->imm),
                ir_const(b, x->imm2 & 31));
    return true;
}

bool x86_trans_leave(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned ptr = x86_stack_size(x);
    IrAddr at;

    if (ptr == 8) {
        at = (IrAddr){.base = IR_G(X86_RBP), .mmu = x->mmu};
    } else {
        at = x86_seg_addr(x, X86_SS, IR_G(X86_RBP), ptr, x->width, false);
    }
    IrRef v = x86_ld(x, at, x->width, 0);
    IrRef sp =
        ir_op2i(b, IR_add, ptr == 8 ? 8 : 4, IR_NONE, IR_G(X86_RBP), x->width);
    x86_set_reg(x, X86_RSP, ptr, sp);
    x86_set_reg(x, X86_RBP, x->width, v);
    return true;
}

bool x86_trans_pushf(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef v;

    if (x->mode & X86_MODE_VM86) {
        v = ir_call(b, X86_H_pushf_check, IR_NONE, ir_const(b, x->width),
                    IR_NONE, IR_NONE, IR_NONE);
    } else {
        v = ir_ldenv(b, IR_NONE, offsetof(X86Cpu, eflags), 8, false);
    }
    v = ir_op2i(b, IR_and, 8, IR_NONE, v, ~(uint64_t)(X86_VM | X86_RF));
    v = ir_op2(b, IR_or, 8, IR_NONE, v, x86_get_flags(x));
    x86_push(x, x->width, ir_op2i(b, IR_or, 8, IR_NONE, v, 2));
    return true;
}

bool x86_trans_popf(X86Insn *x)
{
    IrBuilder *b = x->b;

    if (x->mode & X86_MODE_VM86) {
        ir_call_void(b, X86_H_pushf_check, ir_const(b, x->width), IR_NONE,
                     IR_NONE, IR_NONE);
    }
    IrRef v = x86_pop_value(x, x->width);
    x86_call_gw(x, X86_H_popf, false, v, ir_const(b, x->width), IR_NONE,
                IR_NONE);
    x86_stack_adjust(x, x->width);
    x86_end_next(x, true);
    return true;
}
