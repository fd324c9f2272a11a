/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules that every block keeps; each message names the op's number. */
#include "accel/ir.h"

#include <string.h>

#include "accel/ir_priv.h"
#include "core/error.h"

typedef struct IrCheck {
    const IrBlock *block;
    const CpuOps *ops;
    GError **error;
    unsigned at;                    /* the op being checked */
    uint16_t defined[IR_MAX_TEMPS]; /* label count at definition + 1 */
    unsigned labels;                /* labels so far */
    bool in_skip;
    bool insn;         /* an insn op came */
    bool committed;    /* this instruction changed guest state */
    bool probed;       /* this instruction checked a store beforehand */
    uint64_t slots[4]; /* used; 256 bits */
} IrCheck;

static bool ir_bad(IrCheck *c, const char *what)
{
    return fail(c->error, "op %u (%s): %s", c->at,
                ir_op_info[c->block->ops[c->at].op].name, what);
}

static bool ir_check_type(IrCheck *c, IrRef r, bool vec)
{
    if (IR_IS_CONST(r)) {
        if (vec) {
            return ir_bad(c, "a constant where a vector belongs");
        }
        return r - IR_CONST_BASE < (int)c->block->const_count
               || ir_bad(c, "constant out of range");
    }
    if (IR_IS_GLOBAL(r)) {
        unsigned n = r - IR_GLOBAL_BASE;
        if (n >= c->ops->global_count) {
            return ir_bad(c, "global out of range");
        }
        return (c->ops->globals[n].type == IR_VEC) == vec
               || ir_bad(c, "global of the wrong type");
    }
    if (r - IR_TEMP_BASE >= (int)c->block->temp_count) {
        return ir_bad(c, "temp out of range");
    }
    return (c->block->temp_types[r - IR_TEMP_BASE] == IR_VEC) == vec
           || ir_bad(c, "temp of the wrong type");
}

static bool ir_check_use(IrCheck *c, IrRef r, bool vec)
{
    if (r == IR_NONE) {
        return true;
    }
    if (!ir_check_type(c, r, vec)) {
        return false;
    }
    if (IR_IS_TEMP(r)) {
        unsigned def = c->defined[r - IR_TEMP_BASE];
        if (def == 0) {
            return ir_bad(c, "temp used before it is defined");
        }
        if (def != c->labels + 1) {
            return ir_bad(c, "temp used across a label");
        }
    }
    return true;
}

static bool ir_check_def(IrCheck *c, IrRef d, bool vec)
{
    if (d == IR_NONE) {
        return true;
    }
    if (IR_IS_CONST(d)) {
        return ir_bad(c, "a constant as result");
    }
    if (!ir_check_type(c, d, vec)) {
        return false;
    }
    if (IR_IS_TEMP(d)) {
        if (c->defined[d - IR_TEMP_BASE]) {
            return ir_bad(c, "temp defined twice");
        }
        c->defined[d - IR_TEMP_BASE] = c->labels + 1;
    }
    return true;
}

/* Rule I6: nothing the guest can see changes before the last op that may
 * fault. Stores that were checked beforehand do not fault. */
static bool ir_check_commit(IrCheck *c, const IrOp *op)
{
    const IrHelper *h = ir_helper(op, c->ops);
    bool faults = ir_op_info[op->op].flags & IR_F_FAULTS;
    bool checked = c->probed || (op->mem & IR_MEM_NOFAULT);

    if (op->op == IR_insn) {
        c->insn = true;
        c->committed = c->probed = false;
        return true;
    }
    if (!c->insn) {
        return ir_bad(c, "before the first insn");
    }
    if (ir_is_call(op)) {
        faults = h->flags & IR_H_FAULTS;
    }
    if (op->op == IR_st && checked) {
        faults = false;
    }
    if (faults && c->committed) {
        return ir_bad(c, "may fault after a change of state (rule I6)");
    }
    c->probed |=
        op->op == IR_probe || (op->op == IR_ld && (op->mem & IR_MEM_INTENT));
    c->committed |= (ir_op_info[op->op].results && IR_IS_GLOBAL(op->d))
                    || op->op == IR_stenv || (op->op == IR_st && !c->probed)
                    || (h && (h->flags & IR_H_GLOBALS_W));
    return true;
}

static bool ir_check_width(IrCheck *c, const IrOp *op)
{
    unsigned w = op->w;
    bool pow2 = w == 1 || w == 2 || w == 4 || w == 8;

    switch (op->op) {
    case IR_ld:
    case IR_st:
        if (!(pow2 || w == 16)) {
            return ir_bad(c, "size is not 1, 2, 4, 8 or 16");
        }
        break;
    case IR_ldenv:
    case IR_stenv:
    case IR_vins:
    case IR_vext:
        if (!pow2) {
            return ir_bad(c, "size is not 1, 2, 4 or 8");
        }
        break;
    case IR_deposit:
    case IR_extract:
    case IR_sextract: {
        unsigned pos = op->imm & 255, len = op->imm >> 8;
        if ((w != 4 && w != 8) || len == 0 || pos + len > w * 8) {
            return ir_bad(c, "bits outside of the width");
        }
        break;
    }
    case IR_probe:
        break;
    default:
        if (w != 0 && w != 4 && w != 8 && w != 16) {
            return ir_bad(c, "width is not 4 or 8");
        }
        if ((ir_op_info[op->op].flags & IR_F_PURE) && w == 0) {
            return ir_bad(c, "no width");
        }
        break;
    }
    if ((ir_op_info[op->op].flags & IR_F_MEM) && op->mmu >= c->ops->mmu_count) {
        return ir_bad(c, "mmu index out of range");
    }
    return true;
}

static bool ir_check_control(IrCheck *c, const IrOp *op)
{
    unsigned flags = ir_op_info[op->op].flags;
    bool last = c->at + 1 == c->block->op_count;

    if (ir_is_call(op) && !ir_helper(op, c->ops)) {
        return ir_bad(c, "no such helper");
    }
    if (last != !!(flags & IR_F_ENDS)) {
        return ir_bad(c, last ? "the block does not end in an exit"
                              : "an exit in the middle");
    }
    if (op->op == IR_brc || op->op == IR_exit_direct) {
        if (op->slot >= c->block->slot_count) {
            return ir_bad(c, "link slot out of range");
        }
        if (c->slots[op->slot / 64] >> (op->slot % 64) & 1) {
            return ir_bad(c, "link slot used twice");
        }
        c->slots[op->slot / 64] |= (uint64_t)1 << (op->slot % 64);
    }
    if ((op->op == IR_brc || op->op == IR_skip || op->op == IR_setc
         || op->op == IR_select)
        && (op->x > IR_TSTNZ || (op->w != 4 && op->w != 8))) {
        return ir_bad(c, "no such condition");
    }
    if (op->op == IR_skip) {
        if (c->in_skip) {
            return ir_bad(c, "skips are not nested");
        }
        c->in_skip = true;
    }
    if (op->op == IR_label) {
        c->labels++;
        c->in_skip = false;
    }
    if (c->in_skip && (last || op->op == IR_insn)) {
        return ir_bad(c, "a skip without its label");
    }
    return true;
}

static bool ir_check_op(IrCheck *c, const IrOp *op)
{
    const IrRef uses[] = {op->a, op->b, op->c, op->e};

    if (op->op >= IR_OPCODE_COUNT) {
        return fail(c->error, "op %u: no such opcode %u", c->at, op->op);
    }
    for (unsigned k = 0; k < ir_op_info[op->op].operands; k++) {
        if (!ir_check_use(c, uses[k], ir_operand_is_vec(op, k + 1))) {
            return false;
        }
    }
    if (ir_op_info[op->op].results) {
        if (op->d == IR_NONE && op->op != IR_call) {
            return ir_bad(c, "no result");
        }
        if (!ir_check_def(c, op->d, ir_operand_is_vec(op, 0))) {
            return false;
        }
    }
    return ir_check_control(c, op) && ir_check_width(c, op)
           && ir_check_commit(c, op);
}

bool ir_verify(const IrBlock *block, const CpuOps *ops, GError **error)
{
    g_autofree IrCheck *c = g_new0(IrCheck, 1);

    c->block = block;
    c->ops = ops;
    c->error = error;
    if (block->op_count == 0) {
        return fail(error, "a block without ops");
    }
    for (c->at = 0; c->at < block->op_count; c->at++) {
        if (!ir_check_op(c, &block->ops[c->at])) {
            return false;
        }
    }
    return true;
}
