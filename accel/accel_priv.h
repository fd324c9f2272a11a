/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the accelerator share. */
#ifndef ACCEL_ACCEL_PRIV_H
#define ACCEL_ACCEL_PRIV_H

#include "accel/blocks_priv.h"
#include "accel/tlb_priv.h"
#include "accel/vcpu.h"

#define ACCEL_LIKELY(x) __builtin_expect(!!(x), 1)
#define ACCEL_UNLIKELY(x) __builtin_expect(!!(x), 0)

typedef struct IrBuilder IrBuilder;

struct Accel {
    Vm *vm; /* borrowed */
    AccelOptions opt;
    GPtrArray *vcpus; /* Vcpu *, borrowed */
    BlockCache cache;
    IrBuilder *builder; /* owned */
    void *trans;        /* owned: CpuOps.trans_size bytes */
    size_t trans_size;
    GArray *breaks; /* uint64_t virtual addresses */
    GArray *splits; /* uint64_t: those of now and some of before */
    GArray *cuts;   /* uint64_t, sorted: RAM page and offset where blocks end */
    bool breaks_off; /* they stop nobody */
    GArray *watches; /* Watch of watch.c */
    AccelWatchHit watch_hit;
    bool watch_hit_set; /* nobody has taken it yet */
    VcpuEntered *entered;
    void *entered_opaque; /* borrowed: from who set it */
    Vcpu *running;        /* in vcpu_run(), or NULL */
    bool in_step;  /* a step has been taken from the budget and goes on */
    bool ended;    /* vcpu_end_slice() was called */
    bool nochain;  /* -d says so */
    struct T1 *t1; /* owned: code generator, NULL: interpreter only */
    bool flush_wanted;
    /* Steps set aside so that the running block leaves at the next boundary;
     * the engine gives them back. See accel_hold(). */
    uint32_t held;
    uint64_t rng;         /* of the test options */
    unsigned flush_count; /* blocks until the next flush, test option */
    /* `info jit` */
    uint64_t engine_turns;
    uint64_t run_ticks, translate_ticks;
};

/** accel_ticks() - of the host, for `info jit` alone; 0: it has none */
static inline uint64_t accel_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

/** accel_hold() - the running block leaves after the present instruction and
 *  the engine looks again; counts stay exact */
void accel_hold(Vcpu *v);
/** accel_random() - for test options only: nothing the guest can see */
uint32_t accel_random(Accel *a);
/** accel_cut_at() - do blocks of @page end at @off? */
bool accel_cut_at(const Accel *a, RamPage page, uint32_t off);
/** accel_is_cut() - has accel_cut() been called for the page of @pc? */
bool accel_is_cut(const Accel *a, uint64_t pc, RamPage page);
/** accel_cut() - blocks of @page, which the page of @pc leads to, end at its
 *  breakpoints; between blocks only */
void accel_cut(Accel *a, uint64_t pc, RamPage page);
bool accel_break_at(const Accel *a, uint64_t pc);

GArray *accel_watches_new(void);
/** accel_forget_level1() - pages that are watched now leave it */
void accel_forget_level1(Accel *a);
/** accel_watched() - does a watchpoint touch [va, va + size)? */
bool accel_watched(const Accel *a, uint64_t va, uint64_t size);
/** vcpu_watched() - is an access to be reported, to a debugger or to CpuOps? */
bool vcpu_watched(const Vcpu *v, uint64_t va, uint64_t size);
/** accel_watch_check() - an access was made: note a hit */
void accel_watch_check(Vcpu *v, uint64_t va, unsigned size, AccelWatch kind);

/** accel_jump() - go to @pc by the jump cache: its block, and pc_page is that
 *  page now; NULL: not known there, nothing changed */
Block *accel_jump(Vcpu *v, uint64_t pc);
/** accel_remember() - level 2 has the page of @pc as @e: from now on the jump
 *  cache leads there to @b */
void accel_remember(Vcpu *v, uint64_t pc, const TlbL2Entry *e, Block *b);
/** accel_quiet() - between two steps in generated code: would the engine go on
 *  at once? */
bool accel_quiet(Vcpu *v);
/** accel_unhold() - what accel_hold() set aside */
void accel_unhold(Vcpu *v);

/** translate_block() - the block at v->pc, in the page v->pc_page. NULL: the
 *  cache is full */
Block *translate_block(Vcpu *v);
/** translate_t0() - the T0 ops of @b, at v->pc; false: the cache is full */
bool translate_t0(Vcpu *v, Block *b);

#endif
