/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an architecture gives to the accelerator. */
#ifndef ACCEL_CPU_OPS_H
#define ACCEL_CPU_OPS_H

#include "accel/ir.h"
#include "accel/tlb.h"

typedef struct IrBuilder IrBuilder;

/* One instruction to translate. */
typedef struct Trans {
    IrBuilder *b;
    Vcpu *v; /* for looking at static things only (CPU model); never at state
                that is not in mode */
    uint64_t mode;        /* the block's key */
    const uint8_t *bytes; /* of this instruction */
    unsigned avail;       /* readable bytes there, at least 1 */
    uint32_t pc_off;      /* of this instruction, in the page */
    unsigned insns;       /* already in this block */
    void *arch;           /* the front end's own, zeroed at block start:
                             CpuOps.trans_size bytes (known flag kind...) */
    /* results */
    unsigned len; /* bytes consumed */
    bool ends; /* the block ends with this instruction (an exit was written) */
} Trans;

typedef enum TransResult {
    TRANS_OK,
    TRANS_MORE, /* needs more bytes than avail: nothing was written */
} TransResult;

/* A register of the debugger's view; its number is its place in all rows. */
typedef struct CpuRegRow {
    const char *name;
    const char *type;    /* of the target description */
    const char *group;   /* "float", "vector", "system"; NULL: general */
    uint8_t bytes;       /* in guest byte order, at most 16 */
    uint8_t kind, index; /* the architecture's own */
} CpuRegRow;
#define CPU_REG_BYTES 16

/* A part of the target description (gdb manual, "Target Descriptions"). */
typedef struct CpuRegFeature {
    const char *name;  /* "org.gnu.gdb.ARCH.PART" */
    const char *types; /* XML of the types its rows use, or NULL */
    const CpuRegRow *rows;
    unsigned count;
} CpuRegFeature;

typedef struct CpuGdb {
    const char *arch; /* as gdb names it */
    const CpuRegFeature *features;
    unsigned feature_count;
    void (*read)(const Vcpu *v, const CpuRegRow *row, uint8_t *out);
    /** false: the value is refused, nothing has changed */
    bool (*write)(Vcpu *v, const CpuRegRow *row, const uint8_t *in);
} CpuGdb;

struct CpuOps {
    const char *name;
    const IrGlobal *globals;
    unsigned global_count;
    const IrHelper *helpers;
    unsigned helper_count;
    unsigned mmu_count; /* at most 8 */
    size_t trans_size;
    unsigned max_insn; /* bytes of the longest instruction */
    /* Offset of a uint32_t laid out as the x86 MXCSR (SDM vol 1 10.2.3), under
     * which helpers with IR_H_FPFLAGS alone and a vop compute; all exceptions
     * are masked while they are in use. 0: none, such helpers are called. */
    uint32_t fp_control;

    /** Write the IR of one instruction. Illegal encodings write a helper call
     *  that raises. Deterministic in (bytes, mode). */
    TransResult (*translate)(Trans *t);
    /** pc wraps to this mask in this mode */
    uint64_t (*pc_mask)(uint64_t mode);
    /** Page-table walk. False: a fault; it is raised (v->fault set, details in
     *  the arch struct) unless @peek, which changes nothing. Otherwise sets A/D
     *  bits through vcpu_phys_*. */
    bool (*walk)(Vcpu *v, uint64_t va, MemAccess access, unsigned mmu,
                 bool peek, TlbFill *out);
    unsigned (*fetch_mmu)(const Vcpu *v); /* mmu index of instruction fetch */
    /** An access that IR_MEM_ALIGNED forbids; raises. NULL: none. */
    void (*unaligned)(Vcpu *v, uint64_t va, MemAccess access);
    /** v->fault is set and v->pc is the instruction's own address: enter the
     *  handler (counts as the instruction's step); clears v->fault. */
    void (*deliver)(Vcpu *v);
    /** v->trap is set: enter the handler of what waits between two steps, as
     *  part of the step just done, or leave it waiting. NULL: never set */
    void (*trap)(Vcpu *v);
    /** an access to one of vcpu_watch()'s ranges was made */
    void (*accessed)(Vcpu *v, uint64_t va, unsigned size, bool write);
    bool (*runnable)(const Vcpu *v); /* not halted, or a wake-up is pending */
    /** an interrupt (or wake-up work) would be accepted now */
    bool (*irq_acceptable)(const Vcpu *v);
    void (*irq_accept)(Vcpu *v); /* one; v->pc and state change; not a step */
    /** shadow after sti, mov ss: interrupts wait for one more step */
    bool (*irq_inhibited)(const Vcpu *v);
    void (*irq_uninhibit)(Vcpu *v); /* called after that step */
    void (*sync)(Vcpu *v); /* make state canonical (lazy flags); may be NULL */
    uint64_t (*get_pc)(const Vcpu *v); /* as a debugger sees it */
    void (*set_pc)(Vcpu *v, uint64_t pc);
    /** registers for debuggers; NULL: none */
    const CpuGdb *(*gdb)(const Vcpu *v);
    /** one line a register group, for `info registers` and -d cpu */
    void (*print)(const Vcpu *v, GString *out);
    /** disassemble one instruction for -d in_asm; bytes consumed, 0: unknown */
    unsigned (*disas)(uint64_t mode, uint64_t pc, const uint8_t *bytes,
                      unsigned avail, GString *out);
};

#endif
