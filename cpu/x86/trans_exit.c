/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How an instruction leaves its block: jumps, exceptions, single-step traps. */
#include "cpu/x86/trans_priv.h"

static int64_t x86_next_off(const X86Insn *x)
{
    return (int64_t)x->t->pc_off + x->len;
}

/* What X86_MODE_STEP asks for behind the instruction. */
static void x86_end_step_rf(X86Insn *x, IrRef pc, unsigned rf)
{
    IrBuilder *b = x->b;
    IrRef self =
        rf == X86_STEP_RF_REP ? ir_pcrel(b, IR_NONE, x->t->pc_off) : IR_NONE;

    if (pc != IR_NONE) {
        ir_stenv(b, offsetof(Vcpu, pc), 8, pc);
    }
    ir_call_void(b, X86_H_step_trap, ir_const(b, (x->mode & X86_MODE_TF) != 0),
                 ir_const(b, rf), self, IR_NONE);
    ir_exit_env(b);
    x->t->ends = true;
}

static void x86_end_step(X86Insn *x, IrRef pc)
{
    x86_end_step_rf(x, pc, X86_STEP_RF_CLEAR);
}

void x86_end_iret(X86Insn *x)
{
    if (x->mode & X86_MODE_TF) {
        x86_end_step_rf(x, IR_NONE, X86_STEP_RF_KEEP);
    } else {
        x86_end_helper(x);
    }
}

void x86_end_helper(X86Insn *x)
{
    ir_exit_env(x->b);
    x->t->ends = true;
}

void x86_end_shadowed(X86Insn *x)
{
    ir_exit_indirect(x->b, ir_pcrel(x->b, IR_NONE, x86_next_off(x)), true);
    x->t->ends = true;
}

static void x86_end_pc(X86Insn *x, IrRef pc, bool events)
{
    if (x->mode & X86_MODE_STEP) {
        x86_end_step(x, pc);
        return;
    }
    ir_exit_indirect(x->b, pc, events);
    x->t->ends = true;
}

static void x86_end_off(X86Insn *x, int64_t off, bool events)
{
    if (x->mode & X86_MODE_STEP) {
        x86_end_step(x, ir_pcrel(x->b, IR_NONE, off));
        return;
    }
    ir_exit_direct(x->b, off, events);
    x->t->ends = true;
}

void x86_raise_insn(X86Insn *x, unsigned vector, IrRef error, bool has_error)
{
    IrBuilder *b = x->b;

    ir_call_void(b, X86_H_raise, ir_const(b, vector), error,
                 ir_const(b, has_error), IR_NONE);
    ir_exit_env(b);
    x->t->ends = true;
}

void x86_ud(X86Insn *x)
{
    x86_raise_insn(x, X86_UD, IR_NONE, false);
}

void x86_gp0(X86Insn *x)
{
    x86_raise_insn(x, X86_GP, ir_const(x->b, 0), true);
}

static IrRef x86_ip_at(X86Insn *x, int64_t page_off)
{
    IrBuilder *b = x->b;
    IrRef pc = ir_pcrel(b, IR_NONE, page_off);

    if (x->code64) {
        return pc;
    }
    if (!x86_is_flat(x, X86_CS)) {
        pc = ir_op2(b, IR_sub, 4, IR_NONE, pc, IR_G(X86_G_SEG_BASE0 + X86_CS));
    }
    return x->mode & X86_MODE_CODE32 ? pc
                                     : ir_op1(b, IR_ext16u, 4, IR_NONE, pc);
}

IrRef x86_next_ip(X86Insn *x)
{
    return x86_ip_at(x, x86_next_off(x));
}

IrRef x86_this_ip(X86Insn *x)
{
    return x86_ip_at(x, x->t->pc_off);
}

void x86_end_next(X86Insn *x, bool events)
{
    if (events) {
        x86_end_pc(x, ir_pcrel(x->b, IR_NONE, x86_next_off(x)), true);
    } else {
        x86_end_off(x, x86_next_off(x), false);
    }
}

void x86_end_io(X86Insn *x)
{
    x86_end_off(x, x86_next_off(x), true);
}

void x86_end_self(X86Insn *x)
{
    x86_end_off(x, x->t->pc_off, false);
}

void x86_end_env(X86Insn *x)
{
    if (x->mode & X86_MODE_STEP) {
        x86_end_step(x, IR_NONE);
        return;
    }
    ir_exit_env(x->b);
    x->t->ends = true;
}

static IrRef x86_rep_next(X86Insn *x, unsigned w, IrCond cond, IrRef p, IrRef q)
{
    IrRef next = ir_pcrel(x->b, IR_NONE, x86_next_off(x));
    IrRef self = ir_pcrel(x->b, IR_NONE, x->t->pc_off);

    return ir_select(x->b, w, IR_NONE, cond, p, q, next, self);
}

void x86_rep_end(X86Insn *x, unsigned w, IrCond cond, IrRef p, IrRef q)
{
    IrBuilder *b = x->b;

    if (x->mode & (X86_MODE_STEP | X86_MODE_DB)) {
        x86_end_step_rf(x, x86_rep_next(x, w, cond, p, q), X86_STEP_RF_REP);
        return;
    }
    ir_brc(b, w, cond, p, q, x86_next_off(x));
    x86_end_self(x);
}

/* Near jumps cut the offset to the operand size. */
static IrRef x86_cut_ip(X86Insn *x, IrRef ip)
{
    return x86_ext_u(x, ip, x->width);
}

void x86_check_ip(X86Insn *x, IrRef ip)
{
    bool real = !(x->mode & X86_MODE_PE) && x->width == 2;

    if (x->code64 || real || X86_MODE_SEG(x->mode, X86_CS) != X86_SEGK_CHECK) {
        return;
    }
    ir_call_void(x->b, X86_H_check_ip, x86_cut_ip(x, ip), IR_NONE, IR_NONE,
                 IR_NONE);
}

void x86_end_ip(X86Insn *x, IrRef ip)
{
    ip = x86_cut_ip(x, ip);
    if (!x->code64 && !x86_is_flat(x, X86_CS)) {
        ip = ir_op2(x->b, IR_add, 4, IR_NONE, ip,
                    IR_G(X86_G_SEG_BASE0 + X86_CS));
    }
    x86_end_pc(x, ip, false);
}

/* Relative jumps without a cut at 16 bits are a matter of linear addresses. */
static bool x86_rel_direct(const X86Insn *x)
{
    return x->code64
           || ((x->mode & X86_MODE_CODE32) && x86_is_flat(x, X86_CS)
               && x->width == 4);
}

void x86_end_rel(X86Insn *x)
{
    IrRef ip = x86_next_ip(x);

    if (!x86_rel_direct(x)) {
        x86_check_ip(x,
                     ir_op2i(x->b, IR_add, 4, IR_NONE, ip, (uint32_t)x->imm));
    }
    x86_end_rel_unchecked(x);
}

void x86_end_rel_unchecked(X86Insn *x)
{
    if (x86_rel_direct(x)) {
        x86_end_off(x, x86_next_off(x) + x->imm, false);
    } else {
        x86_end_ip(x, ir_op2i(x->b, IR_add, 4, IR_NONE, x86_next_ip(x),
                              (uint32_t)x->imm));
    }
}

void x86_rep_end_events(X86Insn *x, IrCond cond, IrRef p, IrRef q)
{
    IrRef pc = x86_rep_next(x, 4, cond, p, q);

    if (x->mode & (X86_MODE_STEP | X86_MODE_DB)) {
        x86_end_step_rf(x, pc, X86_STEP_RF_REP);
    } else {
        x86_end_pc(x, pc, true);
    }
}

static void x86_commit_count(X86Insn *x, IrRef count)
{
    if (count != IR_NONE) {
        x86_set_reg(x, X86_RCX, x->asize, count);
    }
}

void x86_branch_if(X86Insn *x, X86Cond c, IrRef count)
{
    IrBuilder *b = x->b;

    if (x86_rel_direct(x) && !(x->mode & X86_MODE_STEP)) {
        x86_commit_count(x, count);
        ir_brc(b, c.w, c.cond, c.x, c.y, x86_next_off(x) + x->imm);
        return;
    }
    IrRef next = x86_next_ip(x);
    IrRef taken = x86_cut_ip(x, ir_op2i(b, IR_add, 8, IR_NONE, next, x->imm));
    IrRef ip = ir_select(b, c.w, IR_NONE, c.cond, c.x, c.y, taken, next);

    x86_check_ip(x, ip);
    if (!x->code64) {
        x->width = 4; /* cut already; the way straight on is not cut */
    }
    x86_commit_count(x, count);
    x86_end_ip(x, ip);
}

IrRef x86_call_gw(X86Insn *x, unsigned helper, bool result, IrRef a, IrRef c,
                  IrRef e, IrRef f)
{
    IrRef r = IR_NONE;

    if (result) {
        r = ir_call(x->b, helper, IR_NONE, a, c, e, f);
    } else {
        ir_call_void(x->b, helper, a, c, e, f);
    }
    x86_writes_globals(x);
    return r;
}
