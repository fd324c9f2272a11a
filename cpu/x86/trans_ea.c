/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers, memory operands and the stack. Source: SDM 1 3.7, 2A 2.1. */
#include "cpu/x86/trans_priv.h"

/* ah ch dh bh */
static bool x86_is_high(const X86Insn *x, unsigned n, unsigned size)
{
    return size == 1 && n >= 4 && n < 8 && !x->rex && !x->vex;
}

IrRef x86_reg(X86Insn *x, unsigned n, unsigned size)
{
    if (x86_is_high(x, n, size)) {
        return ir_extract(x->b, 4, IR_NONE, IR_G(n - 4), 8, 8);
    }
    return IR_G(n);
}

IrRef x86_ext_u(X86Insn *x, IrRef v, unsigned size)
{
    switch (size) {
    case 1:
        return ir_op1(x->b, IR_ext8u, 4, IR_NONE, v);
    case 2:
        return ir_op1(x->b, IR_ext16u, 4, IR_NONE, v);
    case 4:
        return ir_op1(x->b, IR_ext32u, 8, IR_NONE, v);
    default:
        return v;
    }
}

IrRef x86_ext_s(X86Insn *x, IrRef v, unsigned size)
{
    switch (size) {
    case 1:
        return ir_op1(x->b, IR_ext8s, 8, IR_NONE, v);
    case 2:
        return ir_op1(x->b, IR_ext16s, 8, IR_NONE, v);
    case 4:
        return ir_op1(x->b, IR_ext32s, 8, IR_NONE, v);
    default:
        return v;
    }
}

IrRef x86_reg_u(X86Insn *x, unsigned n, unsigned size)
{
    if (x86_is_high(x, n, size)) {
        return x86_reg(x, n, size);
    }
    return x86_ext_u(x, IR_G(n), size);
}

IrRef x86_reg_s(X86Insn *x, unsigned n, unsigned size)
{
    return x86_ext_s(x, x86_reg(x, n, size), size);
}

/* What is known about the flags must not name a register that changes; the
 * globals fl_a and fl_b hold copies. */
static void x86_forget_reg(X86Insn *x, IrRef g)
{
    X86Trans *ft = x->ft;

    if (ft->res == g) {
        ft->res = IR_NONE;
    }
    if (ft->a == g) {
        ft->a = IR_G(X86_G_FL_A);
    }
    if (ft->b == g) {
        ft->b = IR_G(X86_G_FL_B);
    }
}

IrRef x86_dest(X86Insn *x, unsigned n)
{
    x86_forget_reg(x, IR_G(n));
    return IR_G(n);
}

void x86_set_reg(X86Insn *x, unsigned n, unsigned size, IrRef v)
{
    IrBuilder *b = x->b;

    if (x86_is_high(x, n, size)) {
        IrRef g = x86_dest(x, n - 4);

        ir_deposit(b, 8, g, g, v, 8, 8);
        return;
    }
    IrRef g = x86_dest(x, n);
    switch (size) {
    case 8:
        ir_mov(b, g, v);
        break;
    case 4:
        ir_op1(b, IR_ext32u, 8, g, v);
        break;
    default:
        ir_deposit(b, 8, g, g, v, 0, 8 * size);
        break;
    }
}

/* --- effective addresses --------------------------------------------------- */

static IrRef x86_ea_sum16(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef sum = ir_const(b, (uint16_t)x->ea_disp);

    if (x->ea_base >= 0) {
        sum = ir_op2i(b, IR_add, 4, IR_NONE, IR_G(x->ea_base),
                      (uint32_t)x->ea_disp);
    }
    if (x->ea_index >= 0) {
        sum = ir_op2(b, IR_add, 4, IR_NONE, sum, IR_G(x->ea_index));
    }
    return ir_op1(b, IR_ext16u, 4, IR_NONE, sum);
}

IrRef x86_ea_offset(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned w = x->asize == 8 ? 8 : 4;
    uint64_t disp = w == 8 ? (uint64_t)x->ea_disp : (uint32_t)x->ea_disp;
    IrRef sum = IR_NONE;

    if (x->asize == 2) {
        return x86_ea_sum16(x);
    }
    if (x->ea_base == X86_EA_RIP) {
        sum = ir_pcrel(b, IR_NONE, (int64_t)x->t->pc_off + x->len + x->ea_disp);
        return x86_ext_u(x, sum, x->asize);
    }
    if (x->ea_index >= 0) {
        sum = IR_G(x->ea_index);
        if (x->ea_shift) {
            sum = ir_op2i(b, IR_shl, w, IR_NONE, sum, x->ea_shift);
        }
    }
    if (x->ea_base >= 0) {
        IrRef base = IR_G(x->ea_base);

        sum = sum == IR_NONE ? base : ir_op2(b, IR_add, w, IR_NONE, base, sum);
    }
    if (sum == IR_NONE) {
        return ir_const(b, disp);
    }
    if (disp) {
        sum = ir_op2i(b, IR_add, w, IR_NONE, sum, disp);
    }
    return IR_IS_GLOBAL(sum) ? x86_ext_u(x, sum, x->asize) : sum;
}

/* Does @seg add a base? In 64-bit mode only fs and gs do. */
static bool x86_seg_adds(const X86Insn *x, unsigned seg)
{
    if (x->code64 && seg < X86_FS) {
        return false;
    }
    return !x86_is_flat(x, seg);
}

static bool x86_seg_checked(const X86Insn *x, unsigned seg)
{
    return !x->code64 && X86_MODE_SEG(x->mode, seg) == X86_SEGK_CHECK;
}

static IrAddr x86_plain_addr(const X86Insn *x, IrRef base)
{
    return (IrAddr){
        .base = base,
        .mmu = x->mmu,
        .mem = x->code64 ? 0 : IR_MEM_ADDR32,
    };
}

IrAddr x86_seg_addr(X86Insn *x, unsigned seg, IrRef off, unsigned asize,
                    unsigned size, bool write)
{
    IrBuilder *b = x->b;

    if (asize == 2 || x->code64 || x86_seg_checked(x, seg)) {
        off = x86_ext_u(x, off, asize);
    }
    if (x86_seg_checked(x, seg)) {
        off = ir_call(b, X86_H_seg_linear, IR_NONE, ir_const(b, seg), off,
                      ir_const(b, size), ir_const(b, write));
        return x86_plain_addr(x, off);
    }
    IrAddr at = x86_plain_addr(x, off);
    if (x86_seg_adds(x, seg)) {
        at.index = IR_G(X86_G_SEG_BASE0 + seg);
    }
    return at;
}

IrAddr x86_ea(X86Insn *x, unsigned size, bool write)
{
    unsigned seg = x->ea_seg;

    if (x->asize == 2 || x->ea_base == X86_EA_RIP || x86_seg_checked(x, seg)
        || (x86_seg_adds(x, seg)
            && (x->ea_index >= 0 || (x->code64 && x->asize == 4)))) {
        return x86_seg_addr(x, seg, x86_ea_offset(x), x->asize, size, write);
    }
    IrAddr at = x86_plain_addr(x, IR_NONE);
    if (x->ea_base >= 0) {
        at.base = IR_G(x->ea_base);
    }
    if (x->ea_index >= 0) {
        at.index = IR_G(x->ea_index);
        at.shift = x->ea_shift;
    }
    at.disp = x->ea_disp;
    if (x->asize == 4) {
        at.mem = IR_MEM_ADDR32;
    }
    if (x86_seg_adds(x, seg)) {
        at.index = IR_G(X86_G_SEG_BASE0 + seg);
    }
    return at;
}

IrAddr x86_ea_at(X86Insn *x, int64_t disp, unsigned size, bool write)
{
    int64_t old = x->ea_disp;

    x->ea_disp += disp;
    IrAddr at = x86_ea(x, size, write);
    x->ea_disp = old;
    return at;
}

IrRef x86_linear(X86Insn *x, IrAddr at)
{
    IrBuilder *b = x->b;
    unsigned w = at.mem & IR_MEM_ADDR32 ? 4 : 8;
    uint64_t disp = w == 8 ? (uint64_t)at.disp : (uint32_t)at.disp;
    IrRef sum = at.index;

    if (sum != IR_NONE && at.shift) {
        sum = ir_op2i(b, IR_shl, w, IR_NONE, sum, at.shift);
    }
    if (sum == IR_NONE) {
        sum = at.base;
    } else if (at.base != IR_NONE) {
        sum = ir_op2(b, IR_add, w, IR_NONE, at.base, sum);
    }
    if (sum == IR_NONE) {
        return ir_const(b, disp);
    }
    return ir_op2i(b, IR_add, w, IR_NONE, sum, disp);
}

IrRef x86_ea_linear(X86Insn *x, unsigned size, bool write)
{
    return x86_linear(x, x86_ea(x, size, write));
}

/* --- loads and stores ------------------------------------------------------ */

static unsigned x86_align_attr(const X86Insn *x, unsigned size)
{
    return (x->mode & X86_MODE_AC) && size > 1 && size <= 8 ? IR_MEM_ALIGNED
                                                            : 0;
}

IrRef x86_ld(X86Insn *x, IrAddr at, unsigned size, unsigned mem)
{
    return ir_ld(x->b, IR_NONE, at, size, mem | x86_align_attr(x, size));
}

void x86_st(X86Insn *x, IrAddr at, unsigned size, unsigned mem, IrRef v)
{
    if (!(mem & IR_MEM_NOFAULT)) {
        mem |= x86_align_attr(x, size);
    }
    ir_st(x->b, at, size, mem, v);
}

IrRef x86_load_rm(X86Insn *x, unsigned size)
{
    if (x->is_mem) {
        return x86_ld(x, x86_ea(x, size, false), size, 0);
    }
    return x86_reg(x, x->rm, size);
}

IrRef x86_load_rm_u(X86Insn *x, unsigned size)
{
    if (x->is_mem) {
        return x86_ld(x, x86_ea(x, size, false), size, 0);
    }
    return x86_reg_u(x, x->rm, size);
}

IrRef x86_load_rm_s(X86Insn *x, unsigned size)
{
    if (x->is_mem) {
        return x86_ld(x, x86_ea(x, size, false), size,
                      size < 8 ? IR_MEM_SIGNED : 0);
    }
    return x86_reg_s(x, x->rm, size);
}

void x86_store_rm(X86Insn *x, unsigned size, IrRef v)
{
    if (x->is_mem) {
        x86_st(x, x86_ea(x, size, true), size, 0, v);
    } else {
        x86_set_reg(x, x->rm, size, v);
    }
}

IrRef x86_rmw_load(X86Insn *x, unsigned size)
{
    if (!x->is_mem) {
        return x86_reg(x, x->rm, size);
    }
    x->rmw = x86_ea(x, size, true);
    return x86_ld(x, x->rmw, size, IR_MEM_INTENT);
}

void x86_rmw_store(X86Insn *x, unsigned size, IrRef v)
{
    if (x->is_mem) {
        ir_st(x->b, x->rmw, size, IR_MEM_NOFAULT, v);
    } else {
        x86_set_reg(x, x->rm, size, v);
    }
}

/* --- stack ----------------------------------------------------------------- */

unsigned x86_stack_size(const X86Insn *x)
{
    if (x->code64) {
        return 8;
    }
    return x->mode & X86_MODE_SS32 ? 4 : 2;
}

IrAddr x86_stack_addr(X86Insn *x, int64_t disp, unsigned size, bool write)
{
    unsigned ptr = x86_stack_size(x);
    IrRef sp = IR_G(X86_RSP);

    if (ptr == 8 || (ptr == 4 && !x86_seg_checked(x, X86_SS))) {
        IrAddr at = x86_plain_addr(x, sp);

        at.disp = disp;
        if (x86_seg_adds(x, X86_SS)) {
            at.index = IR_G(X86_G_SEG_BASE0 + X86_SS);
        }
        return at;
    }
    if (disp) {
        sp = ir_op2i(x->b, IR_add, 4, IR_NONE, sp, (uint32_t)disp);
    }
    return x86_seg_addr(x, X86_SS, sp, ptr, size, write);
}

void x86_stack_adjust(X86Insn *x, int64_t by)
{
    IrBuilder *b = x->b;
    unsigned ptr = x86_stack_size(x);

    if (ptr == 2) {
        x86_set_reg(
            x, X86_RSP, 2,
            ir_op2i(b, IR_add, 4, IR_NONE, IR_G(X86_RSP), (uint32_t)by));
        return;
    }
    IrRef sp = x86_dest(x, X86_RSP);
    ir_op2i(b, IR_add, ptr, sp, sp, ptr == 8 ? (uint64_t)by : (uint32_t)by);
}

void x86_push(X86Insn *x, unsigned size, IrRef v)
{
    x86_st(x, x86_stack_addr(x, -(int64_t)size, size, true), size, 0, v);
    x86_stack_adjust(x, -(int64_t)size);
}
