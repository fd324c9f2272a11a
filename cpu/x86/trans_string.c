/* SPDX-License-Identifier: GPL-2.0-or-later */
/* String instructions: one iteration here, repeated ones by helper.
 * Source: SDM 1 7.3.9, 2B REP. */
#include "cpu/x86/trans_priv.h"

static unsigned x86_source_seg(const X86Insn *x)
{
    return x->seg >= 0 ? (unsigned)x->seg : X86_DS;
}

static IrAddr x86_string_src(X86Insn *x)
{
    return x86_seg_addr(x, x86_source_seg(x), IR_G(X86_RSI), x->asize, x->width,
                        false);
}

/* ES:rDI; no override */
static IrAddr x86_string_dst(X86Insn *x, bool write)
{
    return x86_seg_addr(x, X86_ES, IR_G(X86_RDI), x->asize, x->width, write);
}

static void x86_string_step(X86Insn *x, bool src, bool dst)
{
    IrBuilder *b = x->b;
    IrRef f = ir_ldenv(b, IR_NONE, offsetof(X86Cpu, eflags), 8, false);
    IrRef down =
        ir_op2i(b, IR_shl, 8, IR_NONE, ir_extract(b, 8, IR_NONE, f, 10, 1),
                x86_log2_size(x->width) + 1);
    IrRef step = ir_op2(b, IR_sub, 8, IR_NONE, ir_const(b, x->width), down);

    if (src) {
        x86_set_reg(x, X86_RSI, x->asize,
                    ir_op2(b, IR_add, 8, IR_NONE, IR_G(X86_RSI), step));
    }
    if (dst) {
        x86_set_reg(x, X86_RDI, x->asize,
                    ir_op2(b, IR_add, 8, IR_NONE, IR_G(X86_RDI), step));
    }
}

/* The store is checked before the load: a device is read once. */
static void x86_movs(X86Insn *x)
{
    IrAddr src = x86_string_src(x);
    IrAddr dst = x86_string_dst(x, true);

    ir_probe(x->b, dst, x->width);
    IrRef v = x86_ld(x, src, x->width, 0);
    x86_st(x, dst, x->width, 0, v);
    x86_string_step(x, true, true);
}

static void x86_cmps(X86Insn *x)
{
    IrAddr dst = x86_string_dst(x, false);
    IrRef a = x86_ld(x, x86_string_src(x), x->width, 0);
    IrRef c = x86_ld(x, dst, x->width, 0);

    x86_set_flags(x, X86_FL_SUB, x->width, a, c);
    x86_string_step(x, true, true);
}

static void x86_scas(X86Insn *x)
{
    IrRef c = x86_ld(x, x86_string_dst(x, false), x->width, 0);

    x86_set_flags(x, X86_FL_SUB, x->width, x86_reg(x, X86_RAX, x->width), c);
    x86_string_step(x, false, true);
}

static void x86_lods(X86Insn *x)
{
    IrRef v = x86_ld(x, x86_string_src(x), x->width, 0);

    x86_set_reg(x, X86_RAX, x->width, v);
    x86_string_step(x, true, false);
}

static void x86_stos(X86Insn *x)
{
    x86_st(x, x86_string_dst(x, true), x->width, 0, IR_G(X86_RAX));
    x86_string_step(x, false, true);
}

static IrRef x86_string_call(X86Insn *x, unsigned helper, unsigned size,
                             bool flag)
{
    IrBuilder *b = x->b;

    return x86_call_gw(x, helper, true, ir_const(b, x->op & 0xfe),
                       ir_const(b, size), ir_const(b, x->asize),
                       ir_const(b, x86_source_seg(x) | (flag ? 0x100 : 0)));
}

bool x86_trans_string(X86Insn *x)
{
    if (x->rep) {
        IrRef done = x86_string_call(x, X86_H_rep, x->width, x->rep == 0xf2);

        x86_rep_end(x, 4, IR_NE, done, ir_const(x->b, 0));
        return true;
    }
    switch (x->op & 0xfe) {
    case 0xa4:
        x86_movs(x);
        break;
    case 0xa6:
        x86_cmps(x);
        break;
    case 0xaa:
        x86_stos(x);
        break;
    case 0xac:
        x86_lods(x);
        break;
    default:
        x86_scas(x);
        break;
    }
    return true;
}

/* ins, outs: a port access and an event check each time */
bool x86_trans_insouts(X86Insn *x)
{
    IrRef done =
        x86_string_call(x, X86_H_port_string, MIN(x->width, 4u), x->rep != 0);

    x86_rep_end_events(x, IR_NE, done, ir_const(x->b, 0));
    return true;
}
