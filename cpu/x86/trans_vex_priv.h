/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the VEX opcode table and what their functions share. A 256-bit
 * register is two globals: XMMn and the upper half, written in pairs. */
#ifndef CPU_X86_TRANS_VEX_PRIV_H
#define CPU_X86_TRANS_VEX_PRIV_H

#include "cpu/x86/trans_sse_priv.h"

enum {
    VX_V = 1 << 0,   /* vvvv is an operand, else it must be 1111b */
    VX_UN = 1 << 1,  /* the helper's first operand is the source again */
    VX_IMM = 1 << 2, /* the immediate goes to the helper */
    VX_FP = 1 << 3,  /* two helpers: name, and name_x with exceptions */
    VX_MEM = 1 << 4, /* memory operand only, else #UD */
    VX_REG = 1 << 5,
    VX_ALIGNED = 1 << 6, /* a memory operand must be */
    VX_COUNT = 1 << 7,   /* the last operand has 128 bits in both forms */
    VX_INT = 1 << 8,     /* 256 bits need AVX2 */
    VX_W0 = 1 << 9,      /* W must be 0 */
    VX_W1 = 1 << 10,
    VX_L0 = 1 << 11, /* 128 bits only */
    VX_L1 = 1 << 12,
    VX_LIG = 1 << 13,  /* scalar: L is ignored */
    VX_HIGH = 1 << 14, /* 256 bits need VAES or VPCLMULQDQ */
};

typedef struct VexRow VexRow;
typedef bool VexFn(X86Insn *x, const VexRow *row);

struct VexRow {
    VexFn *fn;
    SseFn *sse; /* of vex_fn_sse: does it all but the upper half */
    uint16_t helper;
    uint16_t flags;
    uint8_t mem;     /* bytes of a memory operand, 128-bit form */
    uint8_t feature; /* SseFeature; AVX is needed as well */
    uint8_t shift;   /* of the immediate for the upper half */
};

/* Half 0 or 1 of register @n */
#define VEX_HALF(n, half) IR_G(((half) ? X86_G_YMMH0 : X86_G_XMM0) + (n))

/** vex_halves() - 1 or 2, from L */
unsigned vex_halves(const X86Insn *x, const VexRow *row);
/** vex_src() - the ModRM operand of @size bytes in both forms together: 32 in
 *  two halves, 16 in one, less in the low lanes of one */
void vex_src(X86Insn *x, unsigned size, bool aligned, IrRef src[2]);
/** vex_zero() - clear the upper half of register @n */
void vex_zero(X86Insn *x, unsigned n);
/** vex_set() - register @n = halves; hi IR_NONE: 0. Both are temps or the
 *  register's own halves, or lo is read before hi is written */
void vex_set(X86Insn *x, unsigned n, IrRef lo, IrRef hi);
/** vex_apply() - the row's helper on each half: reg = helper(a, b) */
void vex_apply(X86Insn *x, const VexRow *row, unsigned halves, const IrRef a[2],
               const IrRef b[2]);
/** vex_store() - @halves of register @n to memory */
void vex_store(X86Insn *x, unsigned n, unsigned halves, bool aligned);
static inline uint8_t vex_imm(const X86Insn *x, const VexRow *row,
                              unsigned half)
{
    return (uint8_t)(sse_imm(x) >> (half ? row->shift : 0));
}

/* Functions that rows name. */
VexFn vex_fn_op, vex_fn_sse, vex_fn_widen, vex_fn_narrow, vex_fn_cvt_from,
    vex_fn_movmsk, vex_fn_test, vex_fn_shift_imm, vex_fn_cmp, vex_fn_fma,
    vex_fn_blendv, vex_fn_pcmpstr, vex_fn_zero, vex_fn_cvtps2ph;
VexFn vex_fn_mov_load, vex_fn_mov_store, vex_fn_movs_load, vex_fn_movs_store,
    vex_fn_movq_store, vex_fn_half_load, vex_fn_movddup, vex_fn_pinsr,
    vex_fn_insertps, vex_fn_broadcast, vex_fn_broadcast128, vex_fn_perm128,
    vex_fn_insert128, vex_fn_extract128, vex_fn_permq, vex_fn_permd,
    vex_fn_shiftv, vex_fn_maskmov, vex_fn_gather;

#endif
