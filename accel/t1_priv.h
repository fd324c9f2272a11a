/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * T1, the code generator for x86-64 hosts: a block's IR becomes native code in
 * one forward pass.
 *
 * rbp is the vCPU (biased), r15d what is left of the budget when the whole
 * block was taken from it; the hottest eight integer globals live in fixed
 * registers. Other globals and temps are cached in the rest within a block; a
 * global's new value may wait in a register until a slow path, a call or an
 * exit needs it in its home. Slow paths and exits are written to a second,
 * cold region at the same time as the hot code, so that they know what is
 * where.
 */
#ifndef ACCEL_T1_PRIV_H
#define ACCEL_T1_PRIV_H

#include "accel/accel_priv.h"
#include "accel/t0_priv.h"
#include "accel/x64_emit.h"

/* Why native code came back; the value is in rdx. */
enum {
    T1_X_BUDGET,         /* at page offset value: less than the block is left */
    T1_X_LINK,           /* through a BlockLink */
    T1_X_LOOKUP,         /* to address value */
    T1_X_EVENTS,         /* to address value, events asked for */
    T1_X_EVENTS_AT,      /* to page offset value, events asked for */
    T1_X_ENV,            /* v->pc is set */
    T1_X_FAULT,          /* v->pc is set */
    T1_X_FAULT_AT,       /* by the instruction at page offset value */
    T1_X_RESTART,        /* v->pc is set: this instruction in T0 */
    T1_X_BOUNDARY,       /* at page offset value: a helper ended the slice */
    T1_X_STALE,          /* v->pc is set; the step was given back */
    T1_X_MASK32 = 0x100, /* addresses of this block have 32 bits */
};

typedef struct T1Result {
    uint64_t code, value;
} T1Result;

/* Frame of generated code, from rsp. */
enum {
    T1_F_TABLE = 0, /* TlbL1.table, one a mmu index */
    T1_F_JUMP = 64, /* Tlb.jump */
    T1_F_ARENA = 80,
    T1_F_VALUE = 88, /* of a slow load or store */
    T1_F_VEC = 96,   /* the same, 16 bytes */
    T1_F_GPR = 112,  /* save area by register number */
    T1_F_XMM = 240,
    T1_F_INFO = 496,
    T1_F_MXCSR = 504,
    T1_F_FP = 508, /* byte: the guest's control word is loaded */
    T1_F_DEFAULT = 512,
    T1_F_BLOCK = 516, /* entered last by the jump cache, 0: none */
    T1_F_SIZE = 520,  /* 8 modulo 16 */
};

#define T1_GLOBALS_MAX 255
#define T1_ENTITIES (IR_MAX_TEMPS + T1_GLOBALS_MAX)
#define T1_OWNERS 6
#define T1_NONE (-1)
#define T1_PINS 8

#define T1_GROUPS 96
#define T1_GROUPS_HELD 2

typedef struct T1Comp T1Comp;

/* Accesses that share a check, see t1_group.c. */
typedef struct T1Group {
    int16_t lo, hi; /* bytes of all, from the first one's address */
    uint16_t last;  /* op */
    int8_t reg;     /* addend or 0, or T1_NONE */
} T1Group;

typedef struct T1 {
    uint8_t *code; /* owned: mmap'd */
    size_t size;
    uint8_t *hot_start, *cold_start;
    X64 hot, cold;
    const CpuOps *ops; /* what the stubs were made for */
    X64Host host;
    int32_t bias;                   /* rbp = vCPU + bias */
    int16_t pin_of[T1_GLOBALS_MAX]; /* host register of a global or T1_NONE */
    int16_t pinned[16];             /* global of a host register or T1_NONE */
    uint32_t l1_mask;
    T1Result (*enter)(Vcpu *v, const void *code);
    uint8_t *exit_spill, *exit_plain, *slow_load, *slow_store, *jump_miss;
    uint8_t *look, *look_far, *jump_other;
    uint8_t *fp_load, *fp_store;
    uint8_t *slow_load_vec, *slow_store_vec, *slow_probe;
    T1Comp *comp; /* owned */
    GString *map; /* owned: lines for perf, or NULL */
    uint64_t exits[16];
    uint64_t compiled, refused, finds, hot_bytes, cold_bytes;
} T1;

/* What the compiler knows at one point of a block. An entity is a temp
 * (its number) or a global (IR_MAX_TEMPS + its number). */
struct T1Comp {
    Accel *a;
    T1 *t1;
    const CpuOps *ops;
    const IrBlock *ir;
    Block *b;
    X64 *x;             /* the hot stream */
    X64 *y;             /* the cold one */
    unsigned at;        /* op */
    unsigned insn;      /* number of the present instruction */
    unsigned count;     /* instructions of the block */
    uint32_t off;       /* page offset of the present one */
    unsigned tail;      /* X_MASK32 or 0 */
    bool failed;        /* this block cannot be compiled */
    const IrOp *probed; /* the check of stores in this instruction */
    bool check;         /* a helper may have ended the slice */
    bool fp;            /* the guest's FP control word is loaded */
    uint8_t *skip;      /* jump that waits for its label */
    uint32_t locked;    /* host registers in use by the present op */
    uint32_t temps;     /* host registers that are not fixed */
    uint8_t owners[X64_REGS];
    int16_t owner[X64_REGS][T1_OWNERS];
    int8_t reg[T1_ENTITIES];      /* or T1_NONE */
    bool home_ok[T1_ENTITIES];    /* the home holds the value */
    bool konst[T1_ENTITIES];      /* the value is known */
    bool written[T1_GLOBALS_MAX]; /* listed in writes: not pinned */
    uint8_t writes[T1_GLOBALS_MAX];
    unsigned write_count;
    uint64_t value[T1_ENTITIES];
    uint16_t next[T1_ENTITIES]; /* op that reads it next; 0: none */
    int16_t slot[IR_MAX_TEMPS]; /* scratch slot, or T1_NONE */
    int16_t sink[IR_MAX_TEMPS]; /* pinned register it will be moved to */
    uint16_t use[IR_MAX_OPS][5];
    bool dead[IR_MAX_OPS];
    T1Group group[T1_GROUPS];
    unsigned groups;
    uint32_t held;                 /* host registers of groups */
    uint8_t group_of[IR_MAX_OPS];  /* number + 1, 0: none */
    int16_t group_at[IR_MAX_OPS];  /* from the group's first address */
    uint32_t root[T1_ENTITIES];    /* a value is another one */
    int64_t root_off[T1_ENTITIES]; /* plus this */
    uint16_t free_slot[2][VCPU_SCRATCH];
    unsigned free_slots[2];
};

/* --- t1_regs.c: where values are --------------------------------------------- */
static inline int t1_entity(IrRef r)
{
    return IR_IS_GLOBAL(r) ? IR_MAX_TEMPS + (r - IR_GLOBAL_BASE)
                           : r - IR_TEMP_BASE;
}
void t1_regs_begin(T1Comp *c);
/** t1_const() - is @r a value known now? IR_NONE is 0 */
bool t1_const(const T1Comp *c, IrRef r, uint64_t *value);
bool t1_imm32(const T1Comp *c, IrRef r, unsigned w, int32_t *imm);
/** t1_use() - a host register that holds @r, locked until the op's end */
int t1_use(T1Comp *c, IrRef r);
/** t1_scratch() - a free host register, locked; @vec: of the vector class */
int t1_scratch(T1Comp *c, bool vec);
void t1_unlock(T1Comp *c, int reg);
/** t1_used() - the operands have been read: values not read again go */
void t1_used(T1Comp *c);
/** t1_def() - a host register for the result @d; @hint is taken when free.
 *  Emits moves only (flags stay). */
int t1_def(T1Comp *c, IrRef d, int hint);
/** t1_defined() - the result is in @reg */
void t1_defined(T1Comp *c, IrRef d, int reg);
/** t1_set_const() - the result is a constant: no code for temps */
void t1_set_const(T1Comp *c, IrRef d, uint64_t v);
/** t1_alias() - the result is what @reg holds already */
void t1_alias(T1Comp *c, IrRef d, int reg);
/** t1_free_now() - nothing is in @reg that will be read */
bool t1_free_now(const T1Comp *c, int reg);
X64Mem t1_home(T1Comp *c, int entity);
/** t1_flush() - homes of globals brought up to date, by code to @x; when that
 *  is the hot stream they count as clean from now on */
void t1_flush(T1Comp *c, X64 *x);
/** t1_spill_call() - save what a call clobbers; @aliases: pinned registers
 *  change too */
void t1_spill_call(T1Comp *c, bool aliases);
/** t1_forget_globals() - a helper wrote them */
void t1_forget_globals(T1Comp *c);
/** t1_forget_all() - at a label */
void t1_forget_all(T1Comp *c);
/** t1_in_memory() - @r is in its home */
void t1_in_memory(T1Comp *c, IrRef r);
/** t1_changed_in_memory() - the result @d was written to its home */
void t1_changed_in_memory(T1Comp *c, IrRef d);
void t1_save_live(T1Comp *c, X64 *x, int except);
void t1_restore_live(T1Comp *c, X64 *x, int except);
bool t1_is_pinned(const T1Comp *c, int reg);
/** t1_target() - the pinned register that the result @d is made in, or
 *  T1_NONE */
int t1_target(const T1Comp *c, IrRef d);
/** t1_pins_move() - pinned registers to or from their homes; @all or those
 *  that a call clobbers */
void t1_pins_move(T1Comp *c, X64 *x, bool store, bool all);

/** t1_helper_pure() - sees its arguments and floating point control only */
static inline bool t1_helper_pure(const IrHelper *h)
{
    return h->flags && !(h->flags & ~(IR_H_PURE | IR_H_FPFLAGS));
}
/** t1_covered() - are the bytes of store @st those that @probe checked? */
static inline bool t1_covered(const IrOp *probe, const IrOp *st)
{
    return probe->a == st->a && probe->b == st->b && probe->x == st->x
           && probe->mmu == st->mmu && st->imm >= probe->imm
           && st->imm + st->w <= probe->imm + probe->w;
}

/* --- t1_analyse.c ------------------------------------------------------------- */
void t1_analyse(T1Comp *c);

/* --- t1_group.c ----------------------------------------------------------------- */
void t1_groups(T1Comp *c);
/** t1_group() - of the present op, or NULL */
T1Group *t1_group(T1Comp *c);
void t1_group_hold(T1Comp *c, T1Group *g, int reg);
void t1_group_drop(T1Comp *c, T1Group *g);
void t1_groups_drop(T1Comp *c);
void t1_groups_yield(T1Comp *c);
/** t1_groups_clear() - behind a slow path: no addend is known */
void t1_groups_clear(T1Comp *c, X64 *x);

/* --- t1_ops.c, t1_mem.c, t1_call.c, t1_vec.c, t1_exit.c: one op ----------------- */
void t1_op_int(T1Comp *c, const IrOp *op);
void t1_op_cond(T1Comp *c, const IrOp *op);
void t1_op_mem(T1Comp *c, const IrOp *op);
void t1_op_env(T1Comp *c, const IrOp *op);
void t1_op_call(T1Comp *c, const IrOp *op);
void t1_op_vec(T1Comp *c, const IrOp *op);
/** t1_fp_store() - the guest's FP control word back to the vCPU, if loaded */
void t1_fp_store(T1Comp *c);
bool t1_op_vop(T1Comp *c, const IrOp *op, const IrHelper *h);
void t1_op_exit(T1Comp *c, const IrOp *op);
void t1_op_insn(T1Comp *c, const IrOp *op);
void t1_op_fetch2(T1Comp *c, const IrOp *op);
void t1_head(T1Comp *c);
/** t1_compare() - set host flags for a condition; its cc */
unsigned t1_compare(T1Comp *c, const IrOp *op);
void t1_exit_to(T1Comp *c, X64 *x, unsigned code, uint64_t value);
static inline X64Mem t1_vcpu(const T1Comp *c, size_t off)
{
    return x64_at(X64_RBP, (int32_t)off - c->t1->bias);
}

/** t1_look() - an exit asks for events: is there anything that the engine must
 *  see? t1_look_far(): the same before a jump by the jump cache, for which
 *  blocks need not be left */
uint64_t t1_look(Vcpu *v), t1_look_far(Vcpu *v);
/** t1_find() - the block at @pc, unknown to the jump cache but in a page that
 *  level 2 has; code 0: the engine must look */
T1Result t1_find(Vcpu *v, uint64_t pc);
/** t1_fetch2() - 0, or why a straddling block cannot go on */
uint64_t t1_fetch2(Vcpu *v, const Block *b);

/* --- t1_mem.c: called by generated code ------------------------------------------ */
typedef T1Result T1SlowFn(Vcpu *v, uint64_t va, uint32_t info, uint64_t value,
                          V128 *vec);
T1SlowFn t1_slow_load, t1_slow_store, t1_slow_load_vec, t1_slow_store_vec,
    t1_slow_probe;
/* info: MEM_HOW in bits 0-15, page offset in bits 16-28, 29: a store that was
 * checked, 30: one behind a check of another address; above (bits 32...) instructions of the block still to come. */
#define T1_INFO_CHECKED (1u << 29)
#define T1_INFO_NOW (1u << 30)

/* --- t1_print.c ------------------------------------------------------------------ */
void t1_print_code(GString *out, const uint8_t *p, const uint8_t *end);

/* --- t1.c ------------------------------------------------------------------------ */
bool t1_init(Accel *a);
void t1_fini(Accel *a);
/** t1_compile() - native code for @b, whose IR is in the builder. False: the
 *  code cache is full */
bool t1_compile(Vcpu *v, Block *b);
T0Exit t1_run(Vcpu *v, Block *b, BlockLink **link, bool *restart);
void t1_flush_code(Accel *a);
/** t1_entry() - where native code enters @b, or code that leaves */
const void *t1_entry(const Accel *a, const Block *b);
/** t1_jump() - code that goes to the address in r8 by the jump cache */
void t1_jump(const T1 *t1, X64 *x);
void t1_stubs(T1 *t1, Vcpu *v);

#endif
