/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instruction: decode, general legality, translation function. */
#include "cpu/x86/trans_priv.h"

/* Conditions that the row of the opcode table states. */
static bool x86_row_legal(const X86Insn *x)
{
    unsigned attr = x->row->attr;

    if (x->lock && !((attr & X86_A_LOCK) && x->is_mem)) {
        return false;
    }
    if ((attr & X86_A_NO64) && x->code64) {
        return false;
    }
    if ((attr & X86_A_ONLY64) && !x->code64) {
        return false;
    }
    if ((attr & X86_A_PE)
        && (x->mode & (X86_MODE_PE | X86_MODE_VM86)) != X86_MODE_PE) {
        return false;
    }
    return x->vex ? attr & X86_A_VEX : !(attr & X86_A_VEXONLY);
}

TransResult x86_translate(Trans *t)
{
    X86Insn insn;
    X86Insn *x = &insn;
    bool shadow = ir_looks_next(t->b);

    if (x86_decode(x, t) == TRANS_MORE) {
        return TRANS_MORE;
    }
    t->len = x->len;
    if ((x->mode & (X86_MODE_DB | X86_MODE_RF)) == X86_MODE_DB) {
        ir_call_void(x->b, X86_H_insn_break,
                     ir_pcrel(x->b, IR_NONE, (int64_t)t->pc_off), IR_NONE,
                     IR_NONE, IR_NONE);
    }
    if (x->too_long) {
        x86_gp0(x);
    } else if (!x->row || !x86_row_legal(x)) {
        x86_ud(x);
    } else if ((x->row->attr & X86_A_CPL0) && (x->mode & X86_MODE_CPL)) {
        x86_gp0(x);
    } else if (!x->row->fn(x)) {
        x86_ud(x);
    }
    if (shadow && !t->ends) {
        x86_end_shadow(x);
    }
    if (!t->ends && (x->mode & X86_MODE_STEP)) {
        x86_end_next(x, false);
    }
    return TRANS_OK;
}
