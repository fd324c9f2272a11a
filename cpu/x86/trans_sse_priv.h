/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the MMX and SSE opcode table and what their functions share. */
#ifndef CPU_X86_TRANS_SSE_PRIV_H
#define CPU_X86_TRANS_SSE_PRIV_H

#include "cpu/x86/trans_priv.h"

enum {
    SSE_UN = 1 << 0,  /* the destination's old value is not read */
    SSE_IMM = 1 << 1, /* the immediate goes to the helper */
    SSE_ALIGNED = 1 << 2,
    SSE_MEM = 1 << 3, /* memory operand only, else #UD */
    SSE_REG = 1 << 4, /* register operand only */
    SSE_FP = 1 << 5,  /* two helpers: name, and name_x with exceptions */
    SSE_NOREXW = 1 << 6,
};

typedef enum SseFeature {
    SSE_F_MMX,
    SSE_F_MMXEXT, /* what SSE added to MMX */
    SSE_F_SSE,
    SSE_F_SSE2,
    SSE_F_SSE3,
    SSE_F_SSSE3,
    SSE_F_SSE41,
    SSE_F_SSE42,
    SSE_F_AES,
    SSE_F_PCLMUL,
    SSE_F_SHA,
    SSE_F_AVX,
    SSE_F_AVX2,
    SSE_F_FMA,
    SSE_F_F16C,
    SSE_F_VAES,
    SSE_F_VPCLMUL,
    SSE_F_COUNT
} SseFeature;

typedef struct SseRow SseRow;
typedef bool SseFn(X86Insn *x, const SseRow *row);

struct SseRow {
    SseFn *fn;
    uint16_t helper;
    uint8_t mem; /* bytes of the memory operand */
    uint8_t flags;
    uint8_t feature; /* SseFeature */
};

#define SSE_XMM(n) IR_G(X86_G_XMM0 + (n))

/** sse_helper() - the row's helper for this block's exception masks. A helper
 *  name is followed by its _x in helpers_sse.def. */
unsigned sse_helper(const X86Insn *x, const SseRow *row);
unsigned sse_fp_helper(const X86Insn *x, unsigned helper);
/** sse_vec() - low @size bytes of an integer as a vector */
IrRef sse_vec(X86Insn *x, IrRef low);
/** sse_lane_mask() - all ones in the lanes of @lane bytes whose sign is set */
IrRef sse_lane_mask(X86Insn *x, IrRef m, unsigned lane);
/** sse_src() - the ModRM operand; @size below 16: in the low lanes */
IrRef sse_src(X86Insn *x, unsigned size, bool aligned);
static inline uint8_t sse_imm(const X86Insn *x)
{
    return (uint8_t)x->imm;
}
/** sse_row() - NULL: no such opcode, or not offered, or not in this form */
const SseRow *sse_row(X86Insn *x);
/** sse_offers() - the CPU model has it */
bool sse_offers(const X86Insn *x, SseFeature feature);
/** sse_shift_helper() - of 71, 72, 73 by ModRM.reg; 0: none */
unsigned sse_shift_helper(const X86Insn *x);
/** sse_trans_state() - FXSAVE, FXRSTOR, LDMXCSR, STMXCSR: trans_fxsave.c */
bool sse_trans_state(X86Insn *x);
bool sse_trans_xsavec(X86Insn *x);
bool sse_trans_mxcsr(X86Insn *x); /* the latter two, checked already */
/** mmx_begin() - #NM, pending x87 exceptions; after it the instruction's
 *  registers are MMX. True: the instruction has raised already. */
bool mmx_begin(X86Insn *x);

/* Functions that rows name; those of MMX are in trans_mmx.c. VEX rows use the
 * first group too: they write no vector register or all of xmm[reg]. */
SseFn sse_fn_half_store, sse_fn_movd_load, sse_fn_movd_store, sse_fn_movq_load,
    sse_fn_maskmov, sse_fn_pextrw, sse_fn_pextr, sse_fn_cvt_to, sse_fn_compare,
    sse_fn_pcmpstr;
SseFn sse_fn_mmx_op, sse_fn_mmx_both, sse_fn_mmx_high, sse_fn_mmx_movd_load,
    sse_fn_mmx_movd_store, sse_fn_mmx_movq_load, sse_fn_mmx_movq_store,
    sse_fn_mmx_shift_imm, sse_fn_mmx_emms, sse_fn_mmx_pinsrw, sse_fn_mmx_pextrw,
    sse_fn_mmx_pmovmskb, sse_fn_mmx_maskmov, sse_fn_mmx_pshufb,
    sse_fn_mmx_palignr, sse_fn_mmx_cvt_from, sse_fn_mmx_cvt_to, sse_fn_movq2dq,
    sse_fn_movdq2q;

#endif
