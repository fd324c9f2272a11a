/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The builder inside, for the block driver. */
#ifndef ACCEL_IR_PRIV_H
#define ACCEL_IR_PRIV_H

#include "accel/cpu_ops.h"
#include "accel/ir_build.h"

#define IR_CONST_HASH 2048

struct IrBuilder {
    const CpuOps *ops; /* borrowed */
    IrBlock block;
    bool ended;
    bool must_end; /* a helper was called after which a block ends */
    bool look;     /* ir_look_next() */
    /* low bits of a temp that may be other than zero */
    uint8_t temp_bits[IR_MAX_TEMPS];
    uint16_t const_hash[IR_CONST_HASH]; /* index + 1 */
    IrOp op_store[IR_MAX_OPS];
    uint64_t const_store[IR_MAX_CONSTS];
};

/* Where a builder was, to take ops back. */
typedef struct IrMark {
    unsigned op_count, temp_count, slot_count;
} IrMark;

IrBuilder *ir_builder_new(void);
void ir_builder_free(IrBuilder *b);
void ir_builder_reset(IrBuilder *b, const CpuOps *ops, uint64_t mode,
                      uint32_t start);
IrMark ir_builder_mark(const IrBuilder *b);
void ir_builder_rewind(IrBuilder *b, IrMark m);
/** ir_builder_room() - enough left for any instruction? */
bool ir_builder_room(const IrBuilder *b);
IrOp *ir_insn(IrBuilder *b, uint32_t off);
void ir_fetch2(IrBuilder *b);

/** ir_eval1()/ir_eval2() - the value of a unary, binary op */
bool ir_eval1(unsigned op, unsigned w, uint64_t a, uint64_t *out);
bool ir_eval2(unsigned op, unsigned w, uint64_t a, uint64_t b, uint64_t *out);
bool ir_cond_holds(IrCond cond, unsigned w, uint64_t a, uint64_t b);
/** ir_helper() - of a call op, NULL for other ops or a bad number */
const IrHelper *ir_helper(const IrOp *op, const CpuOps *ops);
bool ir_is_call(const IrOp *op);
/** ir_op_is_vec() - is operand 0 (d) to 4 (e) a vector? */
bool ir_operand_is_vec(const IrOp *op, unsigned operand);

#endif
