/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the x87, MMX and SSE side of cpu/x86. */
#ifndef CPU_X86_FPU_PRIV_H
#define CPU_X86_FPU_PRIV_H

#include "accel/vec_ops.h"
#include "core/bytes.h"
#include "cpu/x86/sys_priv.h"

/* MXCSR, SDM vol 1 10.2.3 */
#define X86_MXCSR_DAZ 0x0040u
#define X86_MXCSR_FTZ 0x8000u
#define X86_MXCSR_MASK 0xffffu /* bits that may be set */

/* x87 status word, SDM vol 1 8.1.3; bits 0-5 are FP_INVALID ... FP_INEXACT */
#define X87_SF 0x0040u
#define X87_ES 0x0080u
#define X87_C0 0x0100u
#define X87_C1 0x0200u
#define X87_C2 0x0400u
#define X87_C3 0x4000u
#define X87_B 0x8000u
#define X87_CC (X87_C0 | X87_C1 | X87_C2 | X87_C3)
#define X87_TOP 0x3800u
#define X87_EXC 0x003fu
#define X87_FCW_INIT 0x037fu

/* --- sse_fp.c --------------------------------------------------------------- */
/** x86_sse_env() - as MXCSR says, no flags yet */
FpEnv x86_sse_env(const Vcpu *v);
/** x86_sse_done() - flags to MXCSR; false: raised, the result is dropped */
bool x86_sse_done(Vcpu *v, const FpEnv *env);

/* --- x87.c ------------------------------------------------------------------ */
/** x87_pending() - an unmasked exception waits: raise it as CR0.NE says */
bool x87_pending(X86Cpu *c);
void x87_init(X86Cpu *c);
void x87_set_fcw(X86Cpu *c, uint16_t fcw);
/** x87_set_fsw() - all of the status word: TOP, and ES from the flags */
void x87_set_fsw(X86Cpu *c, uint16_t fsw);
uint16_t x87_get_fsw(const X86Cpu *c);
F80 x87_get(const X86Cpu *c, unsigned phys);
void x87_put(X86Cpu *c, unsigned phys, F80 value);

/** x87_tag_word() - two bits a register, as FSTENV stores them */
uint16_t x87_tag_word(const X86Cpu *c);
void x87_set_tag_word(X86Cpu *c, uint16_t tags);

/** x86_fx_put_x87(), x86_fx_get_x87() - bytes 0-23 and 32-159 of the FXSAVE
 *  image; @code: X86_FX_ */
void x86_fx_put_x87(const X86Cpu *c, uint8_t *p, unsigned code);
void x86_fx_get_x87(X86Cpu *c, const uint8_t *p, unsigned code);

/* Code of x87_arith: bits 0-2 operation as in ModRM.reg of D8, 3-5 i of ST(i).
 * op 4 and 6 are ST(0) - x, ST(0) / x, op 5 and 7 the reverse, wherever the
 * result goes. */
#define X87_A_TO_STI 0x40u
#define X87_A_POP(n) ((n) << 7) /* 0-2 */
#define X87_A_QUIET 0x200u      /* compares: FUCOM */
#define X87_A_FMT(f) ((f) << 10)
/* Operand formats; X87_REG is ST(i). */
enum {
    X87_REG,
    X87_F32,
    X87_F64,
    X87_I16, /* loads of 16, 32 and 64 bits come sign-extended as I64 */
    X87_I32,
    X87_I64,
    X87_F80,
    X87_BCD,
};
/* Code of x87_store: format, and */
#define X87_S_POP 0x10u
#define X87_S_TRUNC 0x20u /* FISTTP */
/* Code of x87_reg: i of ST(i) in bits 0-2, operation above */
enum {
    X87_R_FLD = 0x00,
    X87_R_FXCH = 0x08,
    X87_R_FST = 0x10,
    X87_R_FSTP = 0x18,
    X87_R_FFREE = 0x20,
    X87_R_FFREEP = 0x28,
    X87_R_FSTPNCE = 0x30,
};
/* Code of x87_stenv, x87_ldenv */
#define X87_E_WIDE 1u /* 32-bit image */
#define X87_E_PROT 2u /* protected mode image */
#define X87_E_SAVE 4u /* with the registers */
/* Immediate of ffma: order 132, 213, 231 in bits 0-1, FP_FMA_ in 2-3, and */
#define X86_FMA_ALTERNATE 0x10u /* the addend's sign flips in odd lanes */
/* Code of vmask_load, vmask_store, vgather */
#define VEX_D_REG(n) ((n) << 0)   /* data: 4 bits */
#define VEX_D_MASK(n) ((n) << 4)  /* mask: 4 bits */
#define VEX_D_INDEX(n) ((n) << 8) /* gathers: index, 4 bits */
#define VEX_D_SHIFT(n) ((n) << 12)
#define VEX_D_SEG(n) ((n) << 14) /* 3 bits */
#define VEX_D_WIDE 0x20000u      /* data lanes of 8 bytes, else 4 */
#define VEX_D_256 0x40000u
#define VEX_D_QINDEX 0x80000u      /* index lanes of 8 bytes, else 4 */
#define VEX_D_ASIZE(n) ((n) << 20) /* address bytes */
/* Code of fxsave, fxrstor */
#define X86_FX_CODE64 1u /* 16 XMM registers */
#define X86_FX_REXW 2u   /* 64-bit instruction and data pointers */
/* Code of xsave, xrstor: the same, and */
enum {
    X86_XS_SAVE,
    X86_XS_SAVEOPT,
    X86_XS_SAVEC,
    X86_XS_SAVES,
    X86_XS_RSTOR,
    X86_XS_RSTORS,
};
#define X86_XS_KIND(code) ((code) >> 2 & 7)

/* clang-format off */
#define X86_PROTO_fn(f) IrHelperFn f;
#define X86_PROTO_vec(f) IrVecFn f;
#define X86_PROTO_vec_int(f) IrVecIntFn f;
#define X86_PROTO_int_vec(f) IrIntVecFn f;
#define X86_HELPER(name, kind, f, flags, vop) X86_PROTO_##kind(f)
#include "cpu/x86/helpers_fpu.def"
#include "cpu/x86/helpers_sse.def"
#undef X86_HELPER
/* clang-format on */

#endif
