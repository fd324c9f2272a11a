/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jumps, calls, software interrupts. Source: SDM volume 2. */
#include "cpu/x86/trans_priv.h"

bool x86_trans_jcc(X86Insn *x)
{
    x86_branch_if(x, x86_cond(x, x->op & 15), IR_NONE);
    return true;
}

bool x86_trans_jmp_rel(X86Insn *x)
{
    x86_end_rel(x);
    return true;
}

bool x86_trans_call_rel(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef next = x86_next_ip(x);

    if (x->code64) {
        x86_push(x, x->width, next);
        x86_end_rel(x);
        return true;
    }
    IrRef ip = ir_op2i(b, IR_add, 4, IR_NONE, next, (uint32_t)x->imm);
    x86_check_ip(x, ip);
    x86_push(x, x->width, next);
    if (x86_is_flat(x, X86_CS)) {
        x86_end_rel_unchecked(x);
    } else {
        x86_end_ip(x, ip);
    }
    return true;
}

bool x86_trans_ret(X86Insn *x)
{
    IrAddr at = x86_stack_addr(x, 0, x->width, false);
    IrRef ip = x86_ld(x, at, x->width, 0);

    x86_check_ip(x, ip);
    x86_stack_adjust(x, x->width + x->imm);
    x86_end_ip(x, ip);
    return true;
}

/* loopne loope loop jcxz */
bool x86_trans_loop(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef zero = ir_const(b, 0);
    unsigned kind = x->op & 3;
    X86Cond c = {IR_NE, 8, IR_NONE, zero};

    if (kind == 3) {
        c.cond = IR_EQ;
        c.x = x86_reg_u(x, X86_RCX, x->asize);
        x86_branch_if(x, c, IR_NONE);
        return true;
    }
    IrRef count = ir_op2i(b, IR_sub, 8, IR_NONE, IR_G(X86_RCX), 1);
    count = x86_ext_u(x, count, x->asize);
    c.x = count;
    if (kind < 2) {
        X86Cond z = x86_cond(x, kind ? 4 : 5);
        IrRef zf = ir_setc(b, z.w, IR_NONE, z.cond, z.x, z.y);

        c.x = ir_select(b, 8, IR_NONE, IR_NE, count, zero, zf, zero);
    }
    x86_branch_if(x, c, count);
    return true;
}

static void x86_near_target(X86Insn *x, bool call)
{
    x->width = x->code64 ? 8 : x->osize;
    IrRef ip = x86_load_rm_u(x, x->width);

    x86_check_ip(x, ip);
    if (call) {
        if (IR_IS_GLOBAL(ip)) {
            ip = ir_mov(x->b, IR_NONE, ip);
        }
        x86_push(x, x->width, x86_next_ip(x));
    }
    x86_end_ip(x, ip);
}

static void x86_far(X86Insn *x, bool call, IrRef selector, IrRef off)
{
    x86_call_gw(x, call ? X86_H_far_call : X86_H_far_jmp, false, selector, off,
                ir_const(x->b, x->osize), x86_next_ip(x));
    x86_end_env(x);
}

static bool x86_far_rm(X86Insn *x, bool call)
{
    unsigned size = x->osize;

    if (!x->is_mem) {
        return false;
    }
    IrRef off = x86_ld(x, x86_ea(x, size, false), size, 0);
    IrRef selector = x86_ld(x, x86_ea_at(x, size, 2, false), 2, 0);
    x86_far(x, call, selector, off);
    return true;
}

bool x86_trans_grp5(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (x->lock && n > 1) {
        return false;
    }
    switch (n) {
    case 0:
    case 1:
        return x86_trans_grp4(x);
    case 2:
    case 4:
        x86_near_target(x, n == 2);
        return true;
    case 3:
    case 5:
        return x86_far_rm(x, n == 3);
    case 6: {
        unsigned size = x->code64 && x->osize == 4 ? 8 : x->osize;

        x86_push(x, size, x86_load_rm(x, size));
        return true;
    }
    default:
        return false;
    }
}

bool x86_trans_far_imm(X86Insn *x)
{
    IrBuilder *b = x->b;

    x86_far(x, x->op == 0x9a, ir_const(b, x->imm2), ir_const(b, x->imm));
    return true;
}

bool x86_trans_far_ret(X86Insn *x)
{
    IrBuilder *b = x->b;

    x86_call_gw(x, X86_H_far_ret, false, ir_const(b, x->osize),
                ir_const(b, x->imm), IR_NONE, IR_NONE);
    x86_end_env(x);
    return true;
}

bool x86_trans_iret(X86Insn *x)
{
    x86_call_gw(x, X86_H_iret, false, ir_const(x->b, x->osize), x86_next_ip(x),
                IR_NONE, IR_NONE);
    x86_end_iret(x);
    return true;
}

static void x86_soft_int(X86Insn *x, unsigned vector, bool int_n)
{
    IrBuilder *b = x->b;

    ir_call_void(b, X86_H_int_soft, ir_const(b, vector), x86_next_ip(x),
                 ir_const(b, int_n), IR_NONE);
}

/* int3, int n, into, int1 */
bool x86_trans_int(X86Insn *x)
{
    if (x->op == 0xce) {
        X86Cond c = x86_cond(x, 1); /* skipped without OF */

        ir_skip(x->b, c.w, c.cond, c.x, c.y);
        x86_soft_int(x, X86_OFX, false);
        ir_label(x->b);
        x86_writes_globals(x); /* temps are dead */
        return true;
    }
    if (x->op == 0xcd) {
        x86_soft_int(x, (uint8_t)x->imm, true);
    } else {
        x86_soft_int(x, x->op == 0xcc ? X86_BP : X86_DB, false);
    }
    ir_exit_env(x->b); /* never reached */
    x->t->ends = true;
    return true;
}

bool x86_trans_bound(X86Insn *x)
{
    if (!x->is_mem) {
        return false;
    }
    unsigned size = x->width;
    IrRef lo = x86_ld(x, x86_ea(x, size, false), size, IR_MEM_SIGNED);
    IrRef hi = x86_ld(x, x86_ea_at(x, size, size, false), size, IR_MEM_SIGNED);
    ir_call_void(x->b, X86_H_bound, x86_reg_s(x, x->reg, size), lo, hi,
                 IR_NONE);
    return true;
}
