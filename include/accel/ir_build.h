/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How front ends write IR: one call an op, with folding of constants. */
#ifndef ACCEL_IR_BUILD_H
#define ACCEL_IR_BUILD_H

#include "accel/ir.h"

typedef struct IrBuilder IrBuilder;

/* d = IR_NONE makes a new temp; each returns the ref that holds the result.
 * Operands may be globals: they are read when the op runs, so a value that must
 * survive a later write to its global is copied with ir_mov first.
 * Rule I6: in one instruction no global is written before the last op that may
 * fault (ir_verify checks; IR_MEM_NOFAULT stores excepted). */
IrRef ir_temp(IrBuilder *b);
IrRef ir_vtemp(IrBuilder *b);
IrRef ir_const(IrBuilder *b, uint64_t value);
bool ir_is_const(const IrBuilder *b, IrRef r, uint64_t *value);

IrRef ir_op1(IrBuilder *b, IrOpcode op, unsigned w, IrRef d, IrRef a);
IrRef ir_op2(IrBuilder *b, IrOpcode op, unsigned w, IrRef d, IrRef a, IrRef c);
/** ir_op2i() - second operand constant */
IrRef ir_op2i(IrBuilder *b, IrOpcode op, unsigned w, IrRef d, IrRef a,
              uint64_t k);
IrRef ir_mov(IrBuilder *b, IrRef d, IrRef a); /* 64 bits */
IrRef ir_deposit(IrBuilder *b, unsigned w, IrRef d, IrRef a, IrRef v,
                 unsigned pos, unsigned len);
IrRef ir_extract(IrBuilder *b, unsigned w, IrRef d, IrRef a, unsigned pos,
                 unsigned len);
IrRef ir_sextract(IrBuilder *b, unsigned w, IrRef d, IrRef a, unsigned pos,
                  unsigned len);
IrRef ir_setc(IrBuilder *b, unsigned w, IrRef d, IrCond cond, IrRef x, IrRef y);
IrRef ir_select(IrBuilder *b, unsigned w, IrRef d, IrCond cond, IrRef x,
                IrRef y, IrRef if_true, IrRef if_false);
IrRef ir_pcrel(IrBuilder *b, IrRef d, int64_t page_off);

typedef struct IrAddr {
    IrRef base, index; /* IR_NONE allowed */
    uint8_t shift;
    uint8_t mmu;
    uint8_t mem; /* IR_MEM_ADDR32 or 0; or'ed into every access */
    int64_t disp;
} IrAddr;
/** ir_ld() - size 1 2 4 8; 16 gives a vector */
IrRef ir_ld(IrBuilder *b, IrRef d, IrAddr at, unsigned size, unsigned mem);
void ir_st(IrBuilder *b, IrAddr at, unsigned size, unsigned mem, IrRef v);
void ir_probe(IrBuilder *b, IrAddr at, unsigned size);
IrRef ir_ldenv(IrBuilder *b, IrRef d, uint32_t off, unsigned size,
               bool is_signed);
void ir_stenv(IrBuilder *b, uint32_t off, unsigned size, IrRef v);

IrRef ir_vmov(IrBuilder *b, IrRef d, IrRef a);
IrRef ir_vset(IrBuilder *b, IrRef d, IrRef lo, IrRef hi);
IrRef ir_vins(IrBuilder *b, IrRef d, IrRef a, unsigned size, unsigned lane,
              IrRef v);
IrRef ir_vext(IrBuilder *b, IrRef d, IrRef a, unsigned size, unsigned lane);

/* helper = index in CpuOps.helpers. */
IrRef ir_call(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c, IrRef e,
              IrRef f); /* d: IR_NONE makes a temp */
void ir_call_void(IrBuilder *b, unsigned helper, IrRef a, IrRef c, IrRef e,
                  IrRef f);
IrRef ir_vcall(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c,
               uint32_t imm);
/** ir_vcall_d() - with a helper that reads the old value of @d, a global, and
 *  has a VecOp */
void ir_vcall_d(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c,
                uint32_t imm);
IrRef ir_vcall_i(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c,
                 uint32_t imm);
IrRef ir_ivcall(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef v,
                uint32_t imm);

/** ir_skip()/ir_label() - forward only, not nested; temps made in between die */
void ir_skip(IrBuilder *b, unsigned w, IrCond cond, IrRef x, IrRef y);
void ir_label(IrBuilder *b);
void ir_brc(IrBuilder *b, unsigned w, IrCond cond, IrRef x, IrRef y,
            int64_t page_off);
void ir_exit_direct(IrBuilder *b, int64_t page_off, bool check_events);
void ir_exit_indirect(IrBuilder *b, IrRef pc, bool check_events);
void ir_exit_env(IrBuilder *b);
bool ir_ended(const IrBuilder *b); /* an exit op was written */
/** ir_look_next() - interrupts wait for the next instruction's end: should the
 *  block end before, events are asked for. ir_looks_next(): is it so? */
void ir_look_next(IrBuilder *b, bool on);
bool ir_looks_next(const IrBuilder *b);

#endif
