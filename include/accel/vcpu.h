/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The neutral part of a vCPU: first member of every architecture's CPU struct. */
#ifndef ACCEL_VCPU_H
#define ACCEL_VCPU_H

#include "accel/cpu_ops.h"
#include "core/vm.h"

typedef struct Tlb Tlb;
typedef struct Accel Accel;

#define VCPU_SCRATCH 256
#define VCPU_VSCRATCH 48
#define VCPU_WATCHES 4

/* Linear addresses whose accesses the architecture wants to hear of. */
typedef struct VcpuWatch {
    uint64_t va, size; /* size 0: unused */
} VcpuWatch;

/*
 * Steps: v->budget counts instructions that may still start in this slice.
 * While an instruction runs it has been taken from the budget already, so the
 * count of completed steps is slice_end - budget - 1; between instructions it
 * is slice_end - budget.
 */
struct Vcpu {
    Device dev; /* first: a vCPU is a device with rows */
    const CpuOps *ops;
    Accel *accel;   /* borrowed: of the Vm */
    Tlb *tlb;       /* owned: accel */
    unsigned index; /* vCPU number */
    uint32_t budget;
    bool fault;         /* an exception was raised: leave the block */
    bool halted;        /* state of the architecture's wait instruction */
    bool leave;         /* go back to the engine at the next boundary */
    uint64_t slice_end; /* icount when the budget is used up */
    uint64_t pc;        /* next instruction (linear), valid outside blocks; for
                           a fault: the faulting instruction */
    uint64_t mode;      /* block key, kept current by the architecture */
    uint64_t pc_page;   /* page of the running block; state, see pc_page_ok */
    bool pc_page_ok;    /* false: the next fetch looks into level 2 */
    RamPage pc_ram;     /* DERIVED: RAM page that pc_page maps to */
    const uint8_t *pc_host; /* DERIVED */
    bool trap;              /* CpuOps.trap has work after the present step */
    bool watching;          /* any of own_watch is in use */
    VcpuWatch own_watch[VCPU_WATCHES];
    /* Temps of the interpreter; within reach of an offset from the struct. */
    uint64_t scratch[VCPU_SCRATCH];
    V128 vscratch[VCPU_VSCRATCH];
};

/* Rows of the neutral part, to be put into the architecture's table. */
/* clang-format off */
#define VCPU_STATE_ROWS(T) \
    WIRE(T, v.dev), WIRE(T, v.ops), WIRE(T, v.accel), \
    STATE_CODEC(T, v.tlb, tlb_state_codec), WIRE(T, v.index), \
    DERIVED(T, v.budget), DERIVED(T, v.fault), STATE(T, v.halted), \
    DERIVED(T, v.leave), DERIVED(T, v.slice_end), STATE(T, v.pc), \
    STATE(T, v.mode), STATE(T, v.pc_page), STATE(T, v.pc_page_ok), \
    DERIVED(T, v.pc_ram), DERIVED(T, v.pc_host), STATE(T, v.trap), \
    DERIVED(T, v.watching), DERIVED(T, v.own_watch), \
    DERIVED(T, v.scratch), DERIVED(T, v.vscratch)
/* clang-format on */
bool tlb_state_codec(void *obj, Codec *c);

/** vcpu_init() - by the architecture's realize: TLB, engine's own data */
bool vcpu_init(Vcpu *v, const CpuOps *ops, GError **error);
void vcpu_fini(Vcpu *v);
/** vcpu_reset() - neutral part; the architecture then sets pc and mode */
void vcpu_reset(Vcpu *v);
/** vcpu_rebuild() - level 1, pc_host after a load */
void vcpu_rebuild(Vcpu *v);
/** vcpu_icount() - completed steps, exact at any time in helpers and devices */
uint64_t vcpu_icount(const Vcpu *v);
/** vcpu_sync_clock() - set the clock to vcpu_icount(); helpers with IR_H_IO have
 *  it done before they are called */
void vcpu_sync_clock(Vcpu *v);
/** vcpu_end_slice() - stop after the present instruction */
void vcpu_end_slice(Vcpu *v);
/** vcpu_mapping_changed() - helpers that change the mode or the current page's
 *  mapping: the next fetch looks again */
void vcpu_fetch_again(Vcpu *v);
/** vcpu_set_trap() - v->trap: CpuOps.trap is called when the step is done */
void vcpu_set_trap(Vcpu *v);
/** vcpu_watch() - set range @slot of own_watch; the architecture does it again
 *  after a load */
void vcpu_watch(Vcpu *v, unsigned slot, uint64_t va, uint64_t size);

/* Guest virtual memory for helpers. False: the exception is raised, nothing was
 * written. Values are little-endian unless the function says be. All pages are
 * checked before the first byte is written. MMIO is done at once: helpers that
 * may meet it check everything else first (rule I6). */
bool vcpu_load(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
               uint64_t *out);
bool vcpu_store(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                uint64_t value);
bool vcpu_load_bytes(Vcpu *v, uint64_t va, void *buf, unsigned size,
                     unsigned mmu);
bool vcpu_store_bytes(Vcpu *v, uint64_t va, const void *buf, unsigned size,
                      unsigned mmu);
/** vcpu_probe() - would an access of @size bytes fault? If so raise it. */
bool vcpu_probe(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                MemAccess access);
/** vcpu_direct() - host memory of an access inside one page that needs no
 *  further checks; @access is not ACCESS_EXEC. NULL without raising: use the
 *  functions above */
void *vcpu_direct(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                  MemAccess access);
/** vcpu_window() - host memory for a run of @want bytes at @va for bulk string
 *  helpers: pointer and *got (1...want, inside one page); NULL without raising
 *  when it is not plain RAM or not mapped: take the single-step path. For
 *  ACCESS_WRITE the page was passed to ram_dirty and holds no code. */
uint8_t *vcpu_window(Vcpu *v, uint64_t va, uint64_t want, unsigned mmu,
                     MemAccess access, uint64_t *got);
/** vcpu_peek()/vcpu_poke() - debugger's view through the page tables: no A/D,
 *  no TLB fill, no fault */
bool vcpu_peek(Vcpu *v, uint64_t va, void *buf, size_t size);
bool vcpu_poke(Vcpu *v, uint64_t va, const void *buf, size_t size);
bool vcpu_translate_peek(Vcpu *v, uint64_t va, GuestPhys *out);
/* Physical accesses of the page walker. Stores pass ram_dirty and code checks. */
uint64_t vcpu_phys_load(Vcpu *v, GuestPhys at, unsigned size);
void vcpu_phys_store(Vcpu *v, GuestPhys at, unsigned size, uint64_t value);

/* The engine. */
typedef enum VcpuStop {
    VCPU_STOP_BUDGET, /* all steps done */
    VCPU_STOP_EVENT,  /* horizon changed, request, or interrupt acceptable */
    VCPU_STOP_HALT,   /* not runnable */
    VCPU_STOP_DEBUG,  /* breakpoint at pc, before its step */
} VcpuStop;

typedef struct AccelOptions {
    bool interp;        /* engine=interp */
    uint64_t tb_size;   /* bytes of code cache; 0: default */
    unsigned max_insns; /* test: block length limit, 0: IR_MAX_INSNS */
    bool random_length; /* test: random block length limits */
    unsigned
        flush_every; /* test: flush caches about every N blocks run, 0: no */
    unsigned random_slice; /* test: cut slices at random to at most N steps */
    unsigned l1_bits;      /* test: level-1 TLB entries, log2; 0: default */
    bool singlestep;       /* -singlestep: one instruction a block */
    bool perf_map;         /* keep lines for accel_perf_map() */
    uint64_t test_seed;    /* of the random test options */
    bool verify;           /* test: check every block's IR */
} AccelOptions;

bool accel_options_parse(AccelOptions *o, const char *text, GError **error);
bool accel_init(Vm *vm, const AccelOptions *o, GError **error);
void accel_fini(Vm *vm);
Accel *accel_of(Vm *vm);
/**
 * vcpu_run() - run exactly @budget steps, or fewer when the reason says so
 * The clock's icount is exact on return. Thread: machine.
 */
VcpuStop vcpu_run(Vcpu *v, uint32_t budget);
void accel_print_jit(Vm *vm, GString *out); /* `info jit` */
/** accel_perf_map() - append and forget the lines for /tmp/perf-PID.map of the
 *  code made since the last call; needs AccelOptions.perf_map */
void accel_perf_map(Vm *vm, GString *out);
void accel_flush_code(Vm *vm);
/** accel_breakpoint() - stop before the instruction at @pc (virtual) */
bool accel_breakpoint(Vm *vm, uint64_t pc, bool insert);
/** accel_break_here() - is there a breakpoint at @pc? */
bool accel_break_here(const Vm *vm, uint64_t pc);
/** accel_breaks_enable() - off: breakpoints and watchpoints stay and stop nobody */
void accel_breaks_enable(Vm *vm, bool on);

/* Watchpoints on virtual addresses. A hit ends the slice after the instruction
 * (or interrupt acceptance) that made it; only watched pages are slower. */
typedef enum AccelWatch {
    ACCEL_WATCH_READ = 1,
    ACCEL_WATCH_WRITE = 2,
} AccelWatch;
typedef struct AccelWatchHit {
    uint64_t va;    /* first byte that is both watched and accessed */
    unsigned kind;  /* AccelWatch bits of the watchpoint */
    unsigned index; /* vCPU number */
} AccelWatchHit;
/** accel_watch() - @kind: AccelWatch bits; false: it is not there */
bool accel_watch(Vm *vm, uint64_t va, uint64_t size, unsigned kind,
                 bool insert);
/** accel_watch_at() - the watchpoint number @i from 0; false: there are fewer */
bool accel_watch_at(Vm *vm, unsigned i, AccelWatchHit *out, uint64_t *size);
/** accel_break_count() - breakpoints that are set */
unsigned accel_break_count(Vm *vm);
/** accel_watch_take() - the first hit since the last call, if any */
bool accel_watch_take(Vm *vm, AccelWatchHit *out);

/* Handlers that a vCPU entered, for who looks for them. */
typedef enum VcpuEntry {
    VCPU_ENTRY_INTERRUPT, /* between steps */
    VCPU_ENTRY_EXCEPTION, /* the end of a step, which vcpu_icount() has not yet */
} VcpuEntry;
typedef void VcpuEntered(void *opaque, Vcpu *v, VcpuEntry kind,
                         unsigned vector);
/** accel_set_entered() - call @fn after each; NULL: none */
void accel_set_entered(Vm *vm, VcpuEntered *fn, void *opaque);
/** vcpu_entered() - by the architecture */
void vcpu_entered(Vcpu *v, VcpuEntry kind, unsigned vector);

#endif
