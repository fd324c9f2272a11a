/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * T0, the interpreter: a block's IR lowered to an array of decoded ops, run by
 * computed goto. Operands are byte offsets from the vCPU struct; temps live in
 * Vcpu.scratch, reused when dead. T0 defines what the IR means.
 */
#ifndef ACCEL_T0_PRIV_H
#define ACCEL_T0_PRIV_H

#include "accel/accel_priv.h"

struct T0Op {
    const void *go; /* code address in t0_run() */
    int32_t d, a, b, c;
    union {
        int64_t imm;
        uint64_t u;
        struct {
            int32_t e, f;
        };
        const IrHelper *helper;
    };
};
_Static_assert(sizeof(T0Op) == 32, "two to a cache line");

/* Address forms of inline loads and stores: a + imm or a + (b << s) + imm,
 * 64 or 32 bits wide. Order is known to t0_lower.c. */
#define T0_FORMS(X, nm) X(nm##_a) X(nm##_a32) X(nm##_ab) X(nm##_ab32)
#define T0_WIDTHS(X, nm) X(nm##4) X(nm##8) X(nm##4i) X(nm##8i)
#define T0_MEM_OPS(X)                                                          \
    T0_FORMS(X, ld8u)                                                          \
    T0_FORMS(X, ld16u)                                                         \
    T0_FORMS(X, ld32u)                                                         \
    T0_FORMS(X, ld64u)                                                         \
    T0_FORMS(X, ld8s)                                                          \
    T0_FORMS(X, ld16s)                                                         \
    T0_FORMS(X, ld32s)                                                         \
    T0_FORMS(X, ld8z)                                                          \
    T0_FORMS(X, ld16z)                                                         \
    T0_FORMS(X, ldi8)                                                          \
    T0_FORMS(X, ldi16)                                                         \
    T0_FORMS(X, ldi32)                                                         \
    T0_FORMS(X, ldi64)                                                         \
    T0_FORMS(X, st8)                                                           \
    T0_FORMS(X, st16)                                                          \
    T0_FORMS(X, st32)                                                          \
    T0_FORMS(X, st64)
/* clang-format off */
#define T0_PLAIN_OPS(X) \
    X(insn) X(fetch2) X(mov) X(movi) X(deposit) X(extract) X(sextract4) \
    X(sextract8) X(pcrel) X(ldg) X(stg) X(ldvec) X(stvec) X(probe) \
    X(env8u) X(env16u) X(env32u) X(env8s) X(env16s) X(env32s) \
    X(stenv8) X(stenv16) X(stenv32) X(vmov) X(vzero) X(vset) X(vins) X(vext) \
    X(call) X(call_full) X(vcall) X(vcall_i) X(ivcall) X(after_call) \
    X(exit_direct) X(exit_events) X(exit_indirect) X(exit_indirect_events) \
    X(exit_env)
/* clang-format on */

typedef enum T0Code {
#define T0_ENUM(nm) T0_##nm,
#define ARITH2(nm, value) T0_WIDTHS(T0_ENUM, nm)
#define ARITH1(nm, value) T0_ENUM(nm##4) T0_ENUM(nm##8)
#define ARITH_COND(up, nm, value)                                              \
    T0_WIDTHS(T0_ENUM, setc_##nm)                                              \
    T0_WIDTHS(T0_ENUM, select_##nm)                                            \
    T0_WIDTHS(T0_ENUM, brc_##nm)                                               \
    T0_WIDTHS(T0_ENUM, skip_##nm)
#include "accel/ir_arith.def"
    T0_PLAIN_OPS(T0_ENUM) T0_MEM_OPS(T0_ENUM) T0_CODE_COUNT
#undef T0_ENUM
} T0Code;

/* Why t0_run() came back. v->pc is set in all cases. */
typedef enum T0Exit {
    T0_EXIT_BUDGET, /* between two instructions: nothing left to start */
    T0_EXIT_FAULT,  /* v->fault; v->pc is the instruction's own */
    T0_EXIT_LINK,   /* through *link, which leads nowhere yet */
    T0_EXIT_LOOKUP, /* to an address the jump cache does not know */
    T0_EXIT_EVENTS, /* the block asks for a look at events */
    T0_EXIT_STALE,  /* the second page is not what was translated; the step was
                       given back */
} T0Exit;

/** t0_run() - from the start of @b on; @link is out for T0_EXIT_LINK */
T0Exit t0_run(Vcpu *v, Block *b, BlockLink **link);
/** t0_labels() - T0Op.go by T0Code */
const void *const *t0_labels(void);
/** t0_lower() - make b->t0, b->links. 0: done, 1: the cache is full,
 *  2: too many temps live at once */
int t0_lower(Accel *a, const CpuOps *ops, const IrBlock *ir, Block *b);

#endif
