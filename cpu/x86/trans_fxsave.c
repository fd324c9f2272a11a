/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 0F AE and 0F C7 with memory: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, XSAVE and
 * its kin. */
#include "cpu/x86/fpu_priv.h"
#include "cpu/x86/trans_sse_priv.h"

#define FEAT_FXSR (1u << 24)
#define FEAT_SSE (1u << 25)
#define FEAT_XSAVE (1u << 26) /* leaf 1 ECX */

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

bool sse_trans_mxcsr(X86Insn *x)
{
    IrBuilder *b = x->b;

    if ((x->reg & 7) == 2) {
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

static bool sse_trans_mxcsr_checked(X86Insn *x)
{
    if (!x86_offers(x, X86_FEAT_1_EDX, FEAT_SSE) || (x->mode & X86_MODE_EM)
        || !(x->mode & X86_MODE_OSFXSR)) {
        return false;
    }
    if (x->mode & X86_MODE_TS) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
        return true;
    }
    return sse_trans_mxcsr(x);
}

/* --- XSAVE and its kin --------------------------------------------------------- */

static bool sse_xsave(X86Insn *x, unsigned kind)
{
    unsigned code = (x->code64 ? X86_FX_CODE64 : 0)
                    | (x->rex_w ? X86_FX_REXW : 0) | kind << 2;
    bool restore = kind >= X86_XS_RSTOR;
    IrRef at;

    if (x->pp || !x86_offers(x, X86_FEAT_1_ECX, FEAT_XSAVE)
        || !(x->mode & X86_MODE_OSXSAVE)) {
        return false;
    }
    if (x->mode & X86_MODE_TS) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
        return true;
    }
    at = x86_ea_linear(x, 576, !restore);
    x86_call_gw(x, restore ? X86_H_xrstor : X86_H_xsave, false, at,
                ir_const(x->b, code), ir_const(x->b, x->mmu), IR_NONE);
    if (restore) {
        x86_end_next(x, true);
    }
    return true;
}

/* 0F C7 /3 /4 /5: XRSTORS, XSAVEC, XSAVES */
bool sse_trans_xsavec(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (n == 4) {
        return x86_offers(x, X86_FEAT_D1_EAX, 1u << 1)
               && sse_xsave(x, X86_XS_SAVEC);
    }
    if (!x86_offers(x, X86_FEAT_D1_EAX, 1u << 3)) {
        return false;
    }
    if (x->mode & X86_MODE_CPL) {
        x86_gp0(x);
        return true;
    }
    return sse_xsave(x, n == 3 ? X86_XS_RSTORS : X86_XS_SAVES);
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
        return sse_trans_mxcsr_checked(x);
    case 4:
        return sse_xsave(x, X86_XS_SAVE);
    case 5:
        return sse_xsave(x, X86_XS_RSTOR);
    case 6:
        return x86_offers(x, X86_FEAT_D1_EAX, 1u << 0)
               && sse_xsave(x, X86_XS_SAVEOPT);
    default:
        return false;
    }
}
