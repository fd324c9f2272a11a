/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The op table, evaluation of single ops, and the printer. */
#include "accel/ir.h"

#include "accel/ir_arith.h"
#include "accel/ir_priv.h"

const IrOpInfo ir_op_info[IR_OPCODE_COUNT] = {
#define IR_OP(name, results, operands, flags, doc)                             \
    [IR_##name] = {#name, results, operands, flags, doc},
#include "accel/ir_ops.def"
#undef IR_OP
};

/* clang-format off */
static const char *const ir_cond_names[] = {
#define ARITH_COND(up, name, value) [IR_##up] = #name,
#include "accel/ir_arith.def"
};
/* clang-format on */

bool ir_eval1(unsigned op, unsigned w, uint64_t a, uint64_t *out)
{
    enum {
        BITS = 64
    };

    /* clang-format off */
    if (w == 4 && op != IR_ext32s) {
        uint32_t x = (uint32_t)a;
        switch (op) {
#define ARITH1(name, value) case IR_##name: *out = (uint32_t)(value); return true;
#include "accel/ir_arith.def"
        default: return false;
        }
    } else {
        uint64_t x = a;
        switch (op) {
#define ARITH1(name, value) case IR_##name: *out = (value); return true;
#include "accel/ir_arith.def"
        default: return false;
        }
    }
    /* clang-format on */
}

bool ir_eval2(unsigned op, unsigned w, uint64_t a, uint64_t b, uint64_t *out)
{
    /* clang-format off */
    if (w == 4) {
        enum { BITS = 32 };
        uint32_t x = (uint32_t)a, y = (uint32_t)b;
        switch (op) {
#define ARITH2(name, value) case IR_##name: *out = (uint32_t)(value); return true;
#include "accel/ir_arith.def"
        default: return false;
        }
    } else {
        enum { BITS = 64 };
        uint64_t x = a, y = b;
        switch (op) {
#define ARITH2(name, value) case IR_##name: *out = (value); return true;
#include "accel/ir_arith.def"
        default: return false;
        }
    }
    /* clang-format on */
}

bool ir_cond_holds(IrCond cond, unsigned w, uint64_t a, uint64_t b)
{
    /* clang-format off */
    if (w == 4) {
        uint32_t x = (uint32_t)a, y = (uint32_t)b;
        switch (cond) {
#define ARITH_COND(up, name, value) case IR_##up: return (value);
#include "accel/ir_arith.def"
        }
    } else {
        uint64_t x = a, y = b;
        switch (cond) {
#define ARITH_COND(up, name, value) case IR_##up: return (value);
#include "accel/ir_arith.def"
        }
    }
    /* clang-format on */
    return false;
}

bool ir_is_call(const IrOp *op)
{
    return op->op == IR_call || op->op == IR_vcall || op->op == IR_vcall_i
           || op->op == IR_ivcall;
}

const IrHelper *ir_helper(const IrOp *op, const CpuOps *ops)
{
    uint64_t n;

    if (!ir_is_call(op)) {
        return NULL;
    }
    n = op->op == IR_call ? (uint64_t)op->imm : (uint64_t)op->imm & 0xffff;
    return n < ops->helper_count ? &ops->helpers[n] : NULL;
}

bool ir_operand_is_vec(const IrOp *op, unsigned operand)
{
    unsigned flags = ir_op_info[op->op].flags;

    if (op->op == IR_ld && operand == 0) {
        return op->w == 16;
    }
    if (op->op == IR_st && operand == 3) {
        return op->w == 16;
    }
    switch (operand) {
    case 0:
        return flags & IR_F_VEC_D;
    case 1:
        return flags & IR_F_VEC_A;
    case 2:
        return flags & IR_F_VEC_B;
    default:
        return false;
    }
}

static void ir_print_ref(const IrBlock *b, const CpuOps *ops, IrRef r,
                         GString *out)
{
    if (r == IR_NONE) {
        g_string_append(out, "-");
    } else if (IR_IS_GLOBAL(r)) {
        unsigned n = r - IR_GLOBAL_BASE;
        g_string_append(out,
                        n < ops->global_count ? ops->globals[n].name : "?");
    } else if (IR_IS_TEMP(r)) {
        unsigned n = r - IR_TEMP_BASE;
        bool vec = n < IR_MAX_TEMPS && b->temp_types[n] == IR_VEC;
        g_string_append_printf(out, "%s%u", vec ? "v" : "t", n);
    } else {
        unsigned n = r - IR_CONST_BASE;
        uint64_t k = n < b->const_count ? b->consts[n] : 0;
        g_string_append_printf(out, "$0x%" G_GINT64_MODIFIER "x", k);
    }
}

static void ir_print_op(const IrBlock *block, const CpuOps *ops, unsigned i,
                        GString *out)
{
    const IrOp *op = &block->ops[i];
    const IrOpInfo *info = &ir_op_info[op->op];
    const IrHelper *helper = ir_helper(op, ops);
    const IrRef refs[] = {op->a, op->b, op->c, op->e};

    g_string_append_printf(out, op->op == IR_insn ? "%4u " : "%4u     ", i);
    g_string_append_printf(out, "%s", info->name);
    if (op->w) {
        g_string_append_printf(out, ".%u", op->w);
    }
    if (op->op == IR_setc || op->op == IR_select || op->op == IR_skip
        || op->op == IR_brc) {
        g_string_append_printf(out, ".%s",
                               op->x <= IR_TSTNZ ? ir_cond_names[op->x] : "?");
    }
    g_string_append_c(out, ' ');
    if (info->results) {
        ir_print_ref(block, ops, op->d, out);
        g_string_append(out, info->operands ? ", " : "");
    }
    for (unsigned k = 0; k < info->operands; k++) {
        g_string_append(out, k ? ", " : "");
        ir_print_ref(block, ops, refs[k], out);
    }
    if (helper) {
        g_string_append_printf(out, " %s", helper->name);
    }
    if (op->imm) {
        g_string_append_printf(out, " imm=0x%" G_GINT64_MODIFIER "x",
                               (uint64_t)op->imm);
    }
    if (info->flags & IR_F_MEM) {
        g_string_append_printf(out, " <<%u mem=%02x mmu=%u", op->x, op->mem,
                               op->mmu);
    }
    if (op->op == IR_brc || op->op == IR_exit_direct) {
        g_string_append_printf(out, " slot=%u", op->slot);
    }
    if ((info->flags & IR_F_ENDS) && op->x) {
        g_string_append(out, " events");
    }
    g_string_append_c(out, '\n');
}

void ir_print(const IrBlock *block, const CpuOps *ops, GString *out)
{
    g_string_append_printf(out,
                           "block: %u instructions, bytes %03x-%03x, "
                           "mode 0x%" G_GINT64_MODIFIER "x%s\n",
                           block->insn_count, block->start, block->end,
                           block->mode, block->crosses ? ", crosses" : "");
    for (unsigned i = 0; i < block->op_count; i++) {
        ir_print_op(block, ops, i, out);
    }
}
