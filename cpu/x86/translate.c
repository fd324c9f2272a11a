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

/* Must the bytes be compared with the limit of CS? With a real mode base and a
 * limit of 64 KiB the first instruction that leaves the segment holds an address
 * that is a multiple of 16; in protected mode any may. */
static bool x86_near_limit(const X86Insn *x)
{
    uint32_t first = x->t->pc_off & 15;

    if (x->code64 || X86_MODE_SEG(x->mode, X86_CS) != X86_SEGK_CHECK) {
        return false;
    }
    return (x->mode & (X86_MODE_PE | X86_MODE_VM86)) == X86_MODE_PE
           || first == 0 || first + x->len > 16;
}

static void x86_before(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef pc;

    if ((x->mode & (X86_MODE_DB | X86_MODE_RF)) == X86_MODE_DB) {
        pc = ir_pcrel(b, IR_NONE, (int64_t)x->t->pc_off);
        ir_call_void(b, X86_H_insn_break, pc, IR_NONE, IR_NONE, IR_NONE);
    }
    if (x86_near_limit(x)) {
        pc = ir_pcrel(b, IR_NONE, (int64_t)x->t->pc_off);
        ir_call_void(b, X86_H_fetch_limit, pc, ir_const(b, x->len), IR_NONE,
                     IR_NONE);
    }
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
    x86_before(x);
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
