/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the x87: one instruction at work. */
#ifndef CPU_X86_X87_PRIV_H
#define CPU_X86_X87_PRIV_H

#include "cpu/x86/fpu_priv.h"

typedef struct X87 {
    X86Cpu *c;
    unsigned top;
    FpEnv env;
} X87;

/** x87_begin() - false: a pending exception was raised */
bool x87_begin(X87 *x, Vcpu *v, uint64_t top);
static inline unsigned x87_phys(const X87 *x, unsigned i)
{
    return (x->top + i) & 7;
}
static inline bool x87_empty(const X87 *x, unsigned i)
{
    return !(x->c->ftag >> x87_phys(x, i) & 1);
}
F80 x87_st(const X87 *x, unsigned i);
void x87_set_st(X87 *x, unsigned i, F80 value); /* and tag it valid */
void x87_pop(X87 *x);
void x87_push(X87 *x, F80 value);
/** x87_stack_fault() - false: invalid is unmasked, the instruction ends;
 *  true: go on with the masked response. C1 = @overflow */
bool x87_stack_fault(X87 *x, bool overflow);
/** x87_done() - flags and C1 to FSW; false: the result must be dropped */
bool x87_done(X87 *x);
void x87_set_cc(X87 *x, uint16_t mask, uint16_t cc);
extern const F80 x87_indefinite;

#endif
