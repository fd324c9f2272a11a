/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The intermediate representation: a straight list of ops over temps (single
 * assignment), guest globals (mutable, each with a home in the vCPU struct)
 * and constants. docs/architecture.md, "The translator", has the tour; the ops
 * are rows of accel/ir_ops.def.
 */
#ifndef ACCEL_IR_H
#define ACCEL_IR_H

#include "core/types.h"

typedef struct CpuOps CpuOps;
typedef struct Vcpu Vcpu;

/* What an op reads or writes. 0 is "none". */
typedef uint16_t IrRef;
#define IR_NONE 0
#define IR_GLOBAL_BASE 0x0001 /* + index in CpuOps.globals, at most 255 */
#define IR_TEMP_BASE 0x0100   /* + temp number */
#define IR_CONST_BASE 0x8000  /* + index in IrBlock.consts */
#define IR_MAX_TEMPS 1536
#define IR_MAX_CONSTS 1024
#define IR_MAX_OPS 4096
#define IR_MAX_INSNS 64
#define IR_IS_GLOBAL(r) ((r) >= IR_GLOBAL_BASE && (r) < IR_TEMP_BASE)
#define IR_IS_TEMP(r) ((r) >= IR_TEMP_BASE && (r) < IR_CONST_BASE)
#define IR_IS_CONST(r) ((r) >= IR_CONST_BASE)
#define IR_G(index) ((IrRef)(IR_GLOBAL_BASE + (index)))

typedef enum IrType {
    IR_INT, /* 64-bit home; results of width-4 ops are zero-extended into it */
    IR_VEC, /* V128 */
} IrType;

/* Integer globals are uint64_t members, vector globals V128 members. */
typedef struct IrGlobal {
    const char *name;
    uint32_t offset; /* from the start of the vCPU struct */
    IrType type;
    uint8_t hot; /* pinning order: 1 = hottest, 0 = never pinned */
} IrGlobal;

typedef enum IrCond {
    IR_EQ,
    IR_NE,
    IR_LTU,
    IR_GEU,
    IR_LEU,
    IR_GTU,
    IR_LTS,
    IR_GES,
    IR_LES,
    IR_GTS,
    IR_TSTZ,  /* (a & b) == 0 */
    IR_TSTNZ, /* (a & b) != 0 */
} IrCond;

/* Memory attributes, IrOp.mem. Size is IrOp.w: 1, 2, 4, 8 or 16 bytes. */
typedef enum IrMem {
    IR_MEM_SIGNED = 1 << 0, /* ld: sign-extend to 64 bits (else zero-extend) */
    IR_MEM_SIGNED32 = 1 << 1, /* ld: sign-extend to 32 bits, then zero-extend */
    IR_MEM_BE = 1 << 2,
    IR_MEM_ADDR32 = 1 << 3, /* the sum is truncated to 32 bits */
    IR_MEM_INTENT = 1 << 4, /* ld: needs write permission too; fault as write */
    IR_MEM_NOFAULT =
        1 << 5, /* st: an IR_MEM_INTENT load or probe went before */
    IR_MEM_ALIGNED = 1 << 6, /* unaligned raises CpuOps.unaligned */
} IrMem;

typedef enum IrOpcode {
#define IR_OP(name, results, operands, flags, doc) IR_##name,
#include "accel/ir_ops.def"
#undef IR_OP
    IR_OPCODE_COUNT
} IrOpcode;

typedef enum IrFlag {
    IR_F_PURE = 1 << 0,   /* no effect but its result */
    IR_F_FAULTS = 1 << 1, /* may leave the block with an exception */
    IR_F_MEM = 1 << 2,    /* guest memory */
    IR_F_ENDS = 1 << 3,   /* last op of a block */
    IR_F_SIDE = 1 << 4,   /* may leave the block */
    IR_F_VEC_D = 1 << 5,  /* result is a vector */
    IR_F_VEC_A = 1 << 6,
    IR_F_VEC_B = 1 << 7,
    IR_F_COMMUTES = 1 << 8,
} IrFlag;

typedef struct IrOp {
    uint8_t op;  /* IrOpcode */
    uint8_t w;   /* 4 or 8: width of the operation; memory ops: bytes */
    uint8_t x;   /* cond, scale shift, or exit slot: see the op's row */
    uint8_t mem; /* IrMem */
    uint8_t mmu;
    uint8_t slot; /* brc, exit_direct: link slot in the block, 0... */
    IrRef d, a, b, c, e;
    int64_t imm;
} IrOp;

typedef struct IrOpInfo {
    const char *name;
    uint8_t results, operands;
    uint16_t flags;
    const char *doc;
} IrOpInfo;
extern const IrOpInfo ir_op_info[IR_OPCODE_COUNT];

/* Uniform C signatures of helpers. Unused arguments are 0. */
typedef uint64_t IrHelperFn(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t e);
typedef void IrVecFn(Vcpu *v, V128 *d, const V128 *a, const V128 *b,
                     uint64_t imm); /* vcall: *d holds its old value */
typedef uint64_t IrVecIntFn(Vcpu *v, const V128 *a, const V128 *b,
                            uint64_t imm); /* vcall_i */
typedef void IrIntVecFn(Vcpu *v, V128 *d, const V128 *a, uint64_t b,
                        uint64_t imm); /* ivcall: *d holds its old value */

typedef enum IrHelperFlag {
    IR_H_PURE = 1 << 0,   /* result depends on arguments only, no vCPU access */
    IR_H_FAULTS = 1 << 1, /* may raise: sets v->fault and returns */
    IR_H_IO = 1 << 2,     /* touches devices or time: needs exact icount; the
                              block ends after it with an event check */
    IR_H_MODE = 1 << 3,   /* may change pc, mode or mappings: block ends */
    IR_H_BUDGET = 1 << 4, /* reads and lowers v->budget (bulk strings) */
    IR_H_GLOBALS_R = 1 << 5, /* reads globals other than its arguments */
    IR_H_GLOBALS_W = 1 << 6, /* writes globals */
    IR_H_FPFLAGS = 1 << 7,   /* reads FP control, ORs sticky FP flags */
} IrHelperFlag;

typedef struct IrHelper {
    const char *name;
    union {
        IrHelperFn *fn;
        IrVecFn *vec;
        IrVecIntFn *vec_int;
        IrIntVecFn *int_vec;
    };
    uint16_t flags;
    uint16_t
        vop; /* VecOp of accel/vec_ops.def that has the same meaning: a host
                     may use its own instruction; 0: always call */
} IrHelper;

typedef struct IrBlock {
    IrOp *ops; /* in the builder's arena */
    unsigned op_count;
    const uint64_t *consts;
    unsigned const_count;
    uint8_t temp_types[IR_MAX_TEMPS]; /* IrType */
    unsigned temp_count;
    unsigned insn_count;
    unsigned slot_count; /* links used by brc and exit_direct */
    uint64_t mode;
    uint32_t start, end; /* byte offsets in the page; end may pass it */
    bool crosses;        /* its one instruction straddles into a second page */
} IrBlock;

/** ir_verify() - check a block; false with a message naming the op */
bool ir_verify(const IrBlock *block, const CpuOps *ops, GError **error);
void ir_print(const IrBlock *block, const CpuOps *ops, GString *out);

#endif
