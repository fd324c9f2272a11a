/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MMX instructions: the SSE helpers on the low 64 bits. MMn is the significand
 * of physical x87 register n (SDM volume 1, 9.2); every MMX instruction but
 * EMMS makes TOP 0 and all registers valid, a write makes the exponent all
 * ones (9.5.1).
 */
#include "cpu/x86/trans_sse_priv.h"

#define MMX_FN(name) bool sse_fn_##name(X86Insn *x, const SseRow *row)

static uint32_t mmx_mant(unsigned n)
{
    return offsetof(X86Cpu, fpr_mant) + 8 * (n & 7);
}

bool mmx_begin(X86Insn *x)
{
    if (x->mode & X86_MODE_TS) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
        return true;
    }
    ir_call_void(x->b, X86_H_x87_wait, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    return false;
}

/* The instruction can no longer fault: the register file turns to MMX. */
static void mmx_commit(X86Insn *x)
{
    IrBuilder *b = x->b;

    ir_mov(b, IR_G(X86_G_FTOP), ir_const(b, 0));
    ir_stenv(b, offsetof(X86Cpu, ftag), 1, ir_const(b, 0xff));
}

static IrRef mmx_get(X86Insn *x, unsigned n)
{
    return ir_ldenv(x->b, IR_NONE, mmx_mant(n), 8, false);
}

static void mmx_set(X86Insn *x, unsigned n, IrRef v)
{
    IrBuilder *b = x->b;

    mmx_commit(x);
    ir_stenv(b, mmx_mant(n), 8, v);
    ir_stenv(b, offsetof(X86Cpu, fpr_se) + 2 * (n & 7), 2, ir_const(b, 0xffff));
}

static IrRef mmx_src(X86Insn *x, unsigned size)
{
    if (x->is_mem) {
        return x86_ld(x, x86_ea(x, size, false), size, 0);
    }
    return mmx_get(x, x->rm);
}

static void mmx_set_vec(X86Insn *x, unsigned n, IrRef v, unsigned lane)
{
    mmx_set(x, n, ir_vext(x->b, IR_NONE, v, 8, lane));
}

/* --- operations ---------------------------------------------------------------- */

static void mmx_call(X86Insn *x, const SseRow *row, IrRef a, IrRef s,
                     unsigned imm, unsigned lane)
{
    mmx_set_vec(x, x->reg, ir_vcall(x->b, row->helper, IR_NONE, a, s, imm),
                lane);
}

static void mmx_binary(X86Insn *x, const SseRow *row, unsigned lane)
{
    IrRef s = sse_vec(x, mmx_src(x, row->mem));
    IrRef a = row->flags & SSE_UN ? s : sse_vec(x, mmx_get(x, x->reg));

    mmx_call(x, row, a, s, row->flags & SSE_IMM ? sse_imm(x) : 0, lane);
}

MMX_FN(mmx_op)
{
    mmx_binary(x, row, 0);
    return true;
}

MMX_FN(mmx_high)
{
    mmx_binary(x, row, 1);
    return true;
}

/* Packs and horizontal sums: both operands are the 128 bits of a. */
MMX_FN(mmx_both)
{
    IrRef s = mmx_src(x, row->mem);
    IrRef a = ir_vset(x->b, IR_NONE, mmx_get(x, x->reg), s);

    mmx_call(x, row, a, a, 0, 0);
    return true;
}

/* Byte numbers have three bits here. */
MMX_FN(mmx_pshufb)
{
    IrRef s = mmx_src(x, row->mem);

    s = ir_op2i(x->b, IR_and, 8, IR_NONE, s, 0x8787878787878787);
    mmx_call(x, row, sse_vec(x, mmx_get(x, x->reg)), sse_vec(x, s), 0, 0);
    return true;
}

MMX_FN(mmx_palignr)
{
    IrRef s = mmx_src(x, row->mem);
    IrRef both = ir_vset(x->b, IR_NONE, s, mmx_get(x, x->reg));

    mmx_call(x, row, both, both, sse_imm(x), 0);
    return true;
}

MMX_FN(mmx_shift_imm)
{
    static const uint16_t helpers[3][8] = {
        {[2] = X86_H_psrli_w, [4] = X86_H_psrai_w, [6] = X86_H_pslli_w},
        {[2] = X86_H_psrli_d, [4] = X86_H_psrai_d, [6] = X86_H_pslli_d},
        {[2] = X86_H_psrli_q, [6] = X86_H_pslli_q},
    };
    unsigned helper = helpers[x->op - 0x71][x->reg & 7];

    if (!helper) {
        return false;
    }
    IrRef s = sse_vec(x, mmx_get(x, x->rm));
    s = ir_vcall(x->b, helper, IR_NONE, s, s, sse_imm(x));
    mmx_set_vec(x, x->rm, s, 0);
    return true;
}

/* --- moves ----------------------------------------------------------------------- */

MMX_FN(mmx_movd_load)
{
    mmx_set(x, x->reg, x86_load_rm_u(x, x->rex_w ? 8 : 4));
    return true;
}

MMX_FN(mmx_movd_store)
{
    x86_store_rm(x, x->rex_w ? 8 : 4, mmx_get(x, x->reg));
    mmx_commit(x);
    return true;
}

MMX_FN(mmx_movq_load)
{
    mmx_set(x, x->reg, mmx_src(x, 8));
    return true;
}

/* MOVQ and MOVNTQ */
MMX_FN(mmx_movq_store)
{
    IrRef v = mmx_get(x, x->reg);

    if (x->is_mem) {
        x86_st(x, x86_ea(x, 8, true), 8, 0, v);
        mmx_commit(x);
    } else {
        mmx_set(x, x->rm, v);
    }
    return true;
}

MMX_FN(mmx_emms)
{
    ir_stenv(x->b, offsetof(X86Cpu, ftag), 1, ir_const(x->b, 0));
    ir_mov(x->b, IR_G(X86_G_FTOP), ir_const(x->b, 0));
    return true;
}

MMX_FN(mmx_pinsrw)
{
    IrRef v = x86_load_rm(x, x->is_mem ? 2 : 4);

    v = ir_deposit(x->b, 8, IR_NONE, mmx_get(x, x->reg), v,
                   16 * (sse_imm(x) & 3), 16);
    mmx_set(x, x->reg, v);
    return true;
}

MMX_FN(mmx_pextrw)
{
    IrRef v = ir_extract(x->b, 8, IR_NONE, mmx_get(x, x->rm),
                         16 * (sse_imm(x) & 3), 16);

    x86_set_reg(x, x->reg, 4, v);
    mmx_commit(x);
    return true;
}

MMX_FN(mmx_pmovmskb)
{
    IrRef s = sse_vec(x, mmx_get(x, x->rm));

    x86_set_reg(x, x->reg, 4, ir_vcall_i(x->b, row->helper, IR_NONE, s, s, 0));
    mmx_commit(x);
    return true;
}

MMX_FN(mmx_maskmov)
{
    IrBuilder *b = x->b;
    IrRef m = sse_vec(x, mmx_get(x, x->rm));
    IrRef mask = ir_vcall_i(b, row->helper, IR_NONE, m, m, 0);
    unsigned seg = x->seg >= 0 ? (unsigned)x->seg : X86_DS;
    IrAddr at = x86_seg_addr(x, seg, IR_G(X86_RDI), x->asize, 8, true);

    ir_call_void(b, X86_H_mask_store, x86_linear(x, at), mmx_get(x, x->reg),
                 ir_const(b, 0),
                 ir_op2i(b, IR_or, 8, IR_NONE, mask, (uint64_t)x->mmu << 16));
    mmx_commit(x);
    return true;
}

/* --- between MMX and SSE: rows of x86_trans_sse ---------------------------------- */

/* CVTPI2PS, CVTPI2PD: with a memory operand AMD's leave the x87 registers alone,
 * Intel's do so for CVTPI2PD only; we take the former. */
MMX_FN(mmx_cvt_from)
{
    bool mmx = !x->is_mem;

    if (mmx && mmx_begin(x)) {
        return true;
    }
    IrRef v = mmx_src(x, 8);
    ir_ivcall(x->b, sse_helper(x, row), SSE_XMM(x->reg), SSE_XMM(x->reg), v, 0);
    if (mmx) {
        mmx_commit(x);
    }
    return true;
}

MMX_FN(mmx_cvt_to)
{
    if (mmx_begin(x)) {
        return true;
    }
    IrRef src = sse_src(x, row->mem, true);
    mmx_set(x, x->reg,
            ir_vcall_i(x->b, sse_helper(x, row), IR_NONE, src, src, 0));
    return true;
}

MMX_FN(movq2dq)
{
    if (mmx_begin(x)) {
        return true;
    }
    ir_vset(x->b, SSE_XMM(x->reg), mmx_get(x, x->rm), ir_const(x->b, 0));
    mmx_commit(x);
    return true;
}

MMX_FN(movdq2q)
{
    if (mmx_begin(x)) {
        return true;
    }
    mmx_set_vec(x, x->reg, SSE_XMM(x->rm), 0);
    return true;
}

bool x86_trans_mmx(X86Insn *x)
{
    const SseRow *row = sse_row(x);

    if (!row || (x->mode & X86_MODE_EM)) {
        return false;
    }
    return mmx_begin(x) || row->fn(x, row);
}
