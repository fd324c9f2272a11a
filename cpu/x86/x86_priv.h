/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared inside cpu/x86: globals, helper numbers, raising, mode. */
#ifndef CPU_X86_X86_PRIV_H
#define CPU_X86_X86_PRIV_H

#include "accel/ir_build.h"
#include "cpu/x86.h"

/* Numbers of IR globals: rows of x86_globals in x86_ops.c, this order. */
enum {
    X86_G_GPR0 = 0, /* 16 */
    X86_G_FL_KIND = 16,
    X86_G_FL_A,
    X86_G_FL_B,
    X86_G_SEG_BASE0, /* 6, X86SegIndex order */
    X86_G_FTOP = X86_G_SEG_BASE0 + 6,
    X86_G_XMM0,
    X86_G_YMMH0 = X86_G_XMM0 + 16, /* upper halves */
    X86_G_COUNT = X86_G_YMMH0 + 16,
};

/* Helper numbers: each area lists its own rows. Row: name, C function, flags,
 * VecOp or 0. kind says which member of IrHelper's union takes the function. */
typedef enum X86HelperId {
#define X86_HELPER(name, kind, fn, flags, vop) X86_H_##name,
#include "cpu/x86/helpers_int.def"
#include "cpu/x86/helpers_sys.def"
#include "cpu/x86/helpers_fpu.def"
#include "cpu/x86/helpers_sse.def"
#undef X86_HELPER
    X86_H_COUNT
} X86HelperId;

static inline X86Cpu *x86_of(Vcpu *v)
{
    return (X86Cpu *)v;
}

/* What x86_h_step_trap() does with RF. */
enum {
    X86_STEP_RF_CLEAR,
    X86_STEP_RF_KEEP, /* iret has just loaded it */
    X86_STEP_RF_REP,  /* set while the instruction goes on */
};

/* --- excp.c: raising sets v->fault; the caller returns at once ------------ */
void x86_raise(X86Cpu *c, unsigned vector);
void x86_raise_error(X86Cpu *c, unsigned vector, uint32_t error);
void x86_raise_page_fault(X86Cpu *c, uint64_t va, uint32_t error);
/** x86_deliver() - CpuOps.deliver */
void x86_deliver(Vcpu *v);
/** x86_enter_handler() - interrupt or exception through the IDT; used by
 *  delivery and acceptance; nested faults become #DF or a triple fault */
void x86_enter_handler(X86Cpu *c, unsigned vector, bool soft, bool has_error,
                       uint32_t error, uint64_t return_rip);

/* --- mode.c ----------------------------------------------------------------- */
/** x86_update_mode() - recompute v.mode after any change of what it depends on */
void x86_update_mode(X86Cpu *c);
/** x86_set_seg() - load the hidden part of a data, stack or code segment */
void x86_set_seg(X86Cpu *c, unsigned seg, uint16_t sel, uint64_t base,
                 uint32_t limit, uint16_t attr);
static inline unsigned x86_cpl(const X86Cpu *c)
{
    return c->v.mode & X86_MODE_CPL;
}
/** x86_ip() - rip, eip or ip of linear address @pc */
uint64_t x86_ip(const X86Cpu *c, uint64_t pc);
/** x86_jump() - v.pc = CS base + @ip, cut to the mode */
void x86_jump(X86Cpu *c, uint64_t ip);
static inline bool x86_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* --- flags.c --------------------------------------------------------------- */
/** x86_flags() - the six bits from a lazy triple; pure */
uint32_t x86_flags(uint64_t kind, uint64_t a, uint64_t b);

/* --- mmu.c ----------------------------------------------------------------- */
bool x86_walk(Vcpu *v, uint64_t va, MemAccess access, unsigned mmu, bool peek,
              TlbFill *out);
/** x86_data_mmu() - index for explicit data accesses at the present CPL */
unsigned x86_data_mmu(const X86Cpu *c);

/* --- seg.c ------------------------------------------------------------------ */
/** x86_seg_linear() - check [off, off+size) against @seg and give its linear
 *  address; false: #GP or #SS raised */
bool x86_seg_linear(X86Cpu *c, unsigned seg, uint64_t off, unsigned size,
                    bool write, uint64_t *linear);

/* --- decode.c -------------------------------------------------------------- */
/** x86_is_stack_access() - 64-bit code: does the instruction at pc reach @va
 *  through SS (an operand with rsp or rbp as base, or the stack itself)? */
bool x86_is_stack_access(X86Cpu *c, uint64_t va);

/* --- translate.c ----------------------------------------------------------- */
TransResult x86_translate(Trans *t);

#endif
