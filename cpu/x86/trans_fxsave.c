/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 0F AE with memory: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR. */
#include "cpu/x86/trans_sse_priv.h"

#define FEAT_FXSR (1u << 24)
#define FEAT_SSE (1u << 25)

static IrRef sse_fx_call(X86Insn *x, unsigned helper, bool write)
{
    unsigned code = (x->code64 ? 1 : 0) | (x->rex_w ? 2 : 0);
    IrRef at = x86_ea_linear(x, 512, write);

    return x86_call_gw(x, helper, false, at, ir_const(x->b, code),
                       ir_const(x->b, x->mmu), IR_NONE);
}

static bool sse_trans_fxsave(X86Insn *x)
{
    if (!x86_offers(x, X86_FEAT_1_EDX, FEAT_FXSR)) {
        return false;
    }
    if (x->mode & (X86_MODE_EM | X86_MODE_TS)) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
    } else if ((x->reg & 7) == 0) {
        sse_fx_call(x, X86_H_fxsave, true);
    } else {
        sse_fx_call(x, X86_H_fxrstor, false);
        x86_end_next(x, true);
    }
    return true;
}

static bool sse_trans_mxcsr(X86Insn *x)
{
    IrBuilder *b = x->b;

    if (!x86_offers(x, X86_FEAT_1_EDX, FEAT_SSE) || (x->mode & X86_MODE_EM)
        || !(x->mode & X86_MODE_OSFXSR)) {
        return false;
    }
    if (x->mode & X86_MODE_TS) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
    } else if ((x->reg & 7) == 2) {
        IrRef v = x86_load_rm_u(x, 4);
        ir_call_void(b, X86_H_ldmxcsr, v, IR_NONE, IR_NONE, IR_NONE);
        x86_end_next(x, true);
    } else {
        IrRef v = ir_call(b, X86_H_stmxcsr, IR_NONE, IR_NONE, IR_NONE, IR_NONE,
                          IR_NONE);
        x86_store_rm(x, 4, v);
    }
    return true;
}

bool sse_trans_state(X86Insn *x)
{
    if (!x->is_mem || x->pp) {
        return false;
    }
    switch (x->reg & 7) {
    case 0:
    case 1:
        return sse_trans_fxsave(x);
    case 2:
    case 3:
        return sse_trans_mxcsr(x);
    default:
        return false;
    }
}
