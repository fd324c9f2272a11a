/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer ops. Results may lie in an operand's register, never in a register
 * that is still read. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include "accel/ir_arith.h"
#include "accel/ir_priv.h"

static const uint8_t cond_cc[] = {
    [IR_EQ] = X64_CC_E,   [IR_NE] = X64_CC_NE,  [IR_LTU] = X64_CC_B,
    [IR_GEU] = X64_CC_AE, [IR_LEU] = X64_CC_BE, [IR_GTU] = X64_CC_A,
    [IR_LTS] = X64_CC_L,  [IR_GES] = X64_CC_GE, [IR_LES] = X64_CC_LE,
    [IR_GTS] = X64_CC_G,  [IR_TSTZ] = X64_CC_E, [IR_TSTNZ] = X64_CC_NE,
};

/* --- moves ------------------------------------------------------------------ */

/* d = a by one instruction that reads a and writes all of d. */
static void op_unary(T1Comp *c, const IrOp *op, uint32_t code, unsigned w)
{
    int a = t1_use(c, op->a), d;

    t1_used(c);
    d = t1_def(c, op->d, a);
    x64_rr(c->x, code, w, d, a);
    t1_defined(c, op->d, d);
}

static void op_mov(T1Comp *c, const IrOp *op)
{
    uint64_t k;
    int a;

    if (t1_const(c, op->a, &k)) {
        t1_used(c);
        t1_set_const(c, op->d, op->w == 4 ? (uint32_t)k : k);
        return;
    }
    if (op->w == 4) {
        op_unary(c, op, X64_MOV_LOAD, 4);
        return;
    }
    a = t1_use(c, op->a);
    t1_used(c);
    t1_alias(c, op->d, a);
}

/* d = a in a register that may be changed. */
static int op_copy(T1Comp *c, IrRef d, int a, unsigned w)
{
    int r = t1_def(c, d, a);

    if (r != a || w == 4) {
        x64_mov(c->x, w, r, a);
    }
    return r;
}

static void op_not_neg(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a), d;

    t1_used(c);
    d = op_copy(c, op->d, a, 8);
    x64_rr(c->x, 0xf7, op->w, op->op == IR_not ? 2 : 3, d);
    t1_defined(c, op->d, d);
}

static void op_bswap(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a), d;

    t1_used(c);
    d = op_copy(c, op->d, a, 8);
    x64_u8(c->x, 0x40 | (op->w == 8) << 3 | d >> 3);
    x64_u8(c->x, 0x0f);
    x64_u8(c->x, 0xc8 | (d & 7));
    t1_defined(c, op->d, d);
}

/* --- calls of C for the rest --------------------------------------------------- */

static uint64_t op_eval(uint64_t w, uint64_t op, uint64_t a, uint64_t b)
{
    uint64_t out = 0;

    if (!ir_eval2((unsigned)op, (unsigned)w, a, b, &out)) {
        ir_eval1((unsigned)op, (unsigned)w, a, &out);
    }
    return out;
}

static void op_in_c(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a), b = op->b ? t1_use(c, op->b) : T1_NONE, d;
    X64Mem va = x64_at(X64_RSP, T1_F_VALUE), vb = x64_at(X64_RSP, T1_F_VEC);

    t1_groups_drop(c);
    x64_rm(c->x, X64_MOV_STORE, 8, a, va);
    if (b != T1_NONE) {
        x64_rm(c->x, X64_MOV_STORE, 8, b, vb);
    }
    t1_used(c);
    c->locked = 0;
    t1_spill_call(c, false);
    t1_pins_move(c, c->x, true, false);
    x64_imm(c->x, X64_RDI, op->w);
    x64_imm(c->x, X64_RSI, op->op);
    x64_rm(c->x, X64_MOV_LOAD, 8, X64_RDX, va);
    x64_rm(c->x, X64_MOV_LOAD, 8, X64_RCX, vb);
    x64_call_far(c->x, (const void *)(uintptr_t)op_eval);
    x64_mov(c->x, 8, X64_R8, X64_RAX);
    t1_pins_move(c, c->x, false, false);
    c->locked = 1u << X64_R8;
    d = t1_def(c, op->d, X64_R8);
    if (d != X64_R8) {
        x64_mov(c->x, 8, d, X64_R8);
    }
    t1_defined(c, op->d, d);
}

static void op_count_bits(T1Comp *c, const IrOp *op)
{
    const X64Host *h = &c->t1->host;
    uint32_t code = op->op == IR_clz   ? X64_PF3 | 0x0fbd
                    : op->op == IR_ctz ? X64_PF3 | 0x0fbc
                                       : X64_PF3 | 0x0fb8;

    if (op->op == IR_clz   ? !h->lzcnt
        : op->op == IR_ctz ? !h->bmi1
                           : !h->popcnt) {
        op_in_c(c, op);
    } else {
        op_unary(c, op, code, op->w);
    }
}

/* --- two operands ---------------------------------------------------------------- */

static unsigned alu_number(unsigned op)
{
    return op == IR_add   ? X64_ADD
           : op == IR_sub ? X64_SUB
           : op == IR_and ? X64_AND
           : op == IR_or  ? X64_OR
                          : X64_XOR;
}

static void op_alu_imm(T1Comp *c, const IrOp *op, int32_t k)
{
    int a = t1_use(c, op->a), d;
    unsigned n = alu_number(op->op);

    t1_used(c);
    d = t1_def(c, op->d, a);
    if (d != a && (op->op == IR_add || (op->op == IR_sub && k != INT32_MIN))) {
        x64_rm(c->x, X64_LEA, op->w, d, x64_at(a, op->op == IR_add ? k : -k));
    } else {
        if (d != a) {
            x64_mov(c->x, op->w, d, a);
        }
        x64_alu_imm(c->x, n, op->w, d, k);
    }
    t1_defined(c, op->d, d);
}

static void op_alu(T1Comp *c, const IrOp *op)
{
    unsigned n = alu_number(op->op);
    int a, b, d, to;
    int32_t k;

    if (t1_imm32(c, op->b, op->w, &k)) {
        op_alu_imm(c, op, k);
        return;
    }
    a = t1_use(c, op->a);
    b = t1_use(c, op->b);
    t1_used(c);
    d = t1_def(c, op->d, a);
    to = d;
    if (d == b && d != a) {
        if (ir_op_info[op->op].flags & IR_F_COMMUTES) {
            b = a;
            a = d;
        } else {
            to = t1_scratch(c, false);
        }
    }
    if (to != a && op->op == IR_add) {
        x64_rm(c->x, X64_LEA, op->w, to, (X64Mem){(int8_t)a, (int8_t)b, 0, 0});
    } else {
        if (to != a) {
            x64_mov(c->x, op->w, to, a);
        }
        x64_alu_rr(c->x, n, op->w, to, b);
    }
    if (to != d) {
        x64_mov(c->x, 8, d, to);
    }
    t1_defined(c, op->d, d);
}

static void op_andn(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d, t;

    t = t1_scratch(c, false);
    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    x64_mov(c->x, op->w, t, b);
    x64_rr(c->x, 0xf7, op->w, 2, t);
    x64_alu_rr(c->x, X64_AND, op->w, t, a);
    x64_mov(c->x, 8, d, t);
    t1_defined(c, op->d, d);
}

static void op_mul(T1Comp *c, const IrOp *op)
{
    int a, b, d;
    int32_t k;

    if (t1_imm32(c, op->b, op->w, &k)) {
        a = t1_use(c, op->a);
        t1_used(c);
        d = t1_def(c, op->d, a);
        x64_rr(c->x, 0x69, op->w, d, a);
        x64_u32(c->x, (uint32_t)k);
        t1_defined(c, op->d, d);
        return;
    }
    a = t1_use(c, op->a);
    b = t1_use(c, op->b);
    t1_used(c);
    d = t1_def(c, op->d, a);
    if (d == b) {
        b = a;
    } else if (d != a) {
        x64_mov(c->x, op->w, d, a);
    }
    x64_rr(c->x, X64_IMUL, op->w, d, b);
    t1_defined(c, op->d, d);
}

/* The high half: rax and rdx are needed for a moment. */
static void op_mul_high(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d;
    X64Mem m = x64_at(X64_RSP, T1_F_VEC), out = x64_at(X64_RSP, T1_F_VALUE);
    X64Mem rax = x64_at(X64_RSP, T1_F_GPR + 8 * X64_RAX);
    X64Mem rdx = x64_at(X64_RSP, T1_F_GPR + 8 * X64_RDX);

    t1_used(c);
    x64_rm(c->x, X64_MOV_STORE, 8, X64_RAX, rax);
    x64_rm(c->x, X64_MOV_STORE, 8, X64_RDX, rdx);
    x64_rm(c->x, X64_MOV_STORE, 8, b, m);
    x64_mov(c->x, 8, X64_RAX, a);
    x64_rm(c->x, 0xf7, op->w, op->op == IR_mulhu ? 4 : 5, m);
    x64_rm(c->x, X64_MOV_STORE, 8, X64_RDX, out);
    x64_rm(c->x, X64_MOV_LOAD, 8, X64_RAX, rax);
    x64_rm(c->x, X64_MOV_LOAD, 8, X64_RDX, rdx);
    d = t1_def(c, op->d, a);
    x64_rm(c->x, X64_MOV_LOAD, op->w, d, out);
    t1_defined(c, op->d, d);
}

static unsigned shift_number(unsigned op)
{
    return op == IR_shl    ? X64_SHL
           : op == IR_shr  ? X64_SHR
           : op == IR_sar  ? X64_SAR
           : op == IR_rotl ? X64_ROL
                           : X64_ROR;
}

/* By cl, when the count or the result are where they please. */
static void op_shift_cl(T1Comp *c, const IrOp *op, int a, int b)
{
    int t = t1_scratch(c, false), d;

    x64_mov(c->x, op->w, t, a);
    if (b != X64_RCX) {
        x64_rr(c->x, 0x87, 8, X64_RCX, b); /* xchg */
    }
    x64_shift_cl(c->x, shift_number(op->op), op->w, t);
    if (b != X64_RCX) {
        x64_rr(c->x, 0x87, 8, X64_RCX, b);
    }
    t1_used(c);
    d = t1_def(c, op->d, t);
    if (d != t) {
        x64_mov(c->x, 8, d, t);
    }
    t1_defined(c, op->d, d);
}

static void op_shift(T1Comp *c, const IrOp *op)
{
    int a, b, d;
    uint64_t k;

    if (t1_const(c, op->b, &k)) {
        a = t1_use(c, op->a);
        t1_used(c);
        d = t1_def(c, op->d, a);
        k &= op->w * 8 - 1;
        if (op->op == IR_shl && op->w == 8 && k == 1 && d != a) {
            x64_rm(c->x, X64_LEA, 8, d, (X64Mem){(int8_t)a, (int8_t)a, 0, 0});
        } else {
            if (d != a || (k == 0 && op->w == 4)) {
                x64_mov(c->x, op->w, d, a);
            }
            if (k) {
                x64_shift_imm(c->x, shift_number(op->op), op->w, d,
                              (unsigned)k);
            }
        }
        t1_defined(c, op->d, d);
        return;
    }
    a = t1_use(c, op->a);
    b = t1_use(c, op->b);
    if (!c->t1->host.bmi2 || op->op == IR_rotl || op->op == IR_rotr) {
        op_shift_cl(c, op, a, b);
        return;
    }
    t1_used(c);
    d = t1_def(c, op->d, a);
    x64_vex(c->x,
            op->op == IR_shl   ? 1
            : op->op == IR_sar ? 2
                               : 3,
            2, 0xf7, op->w, d, b, a);
    t1_defined(c, op->d, d);
}

/* --- bit fields ------------------------------------------------------------------ */

static void op_extract(T1Comp *c, const IrOp *op)
{
    unsigned pos = op->imm & 255, len = op->imm >> 8;
    int a = t1_use(c, op->a), d;

    t1_used(c);
    d = t1_def(c, op->d, a);
    if (pos == 8 && len == 8 && a < 4) {
        if (d < 8) {
            x64_rr(c->x, 0x0fb6, 0, d, a + 4); /* ah ch dh bh */
        } else {
            x64_mov(c->x, 4, d, a);
            x64_shift_imm(c->x, X64_SHR, 4, d, 8);
            x64_rr(c->x, X64_MOVZX8, 4, d, d);
        }
        t1_defined(c, op->d, d);
        return;
    }
    if (d != a) {
        x64_mov(c->x, 8, d, a);
    }
    if (pos) {
        x64_shift_imm(c->x, X64_SHR, 8, d, pos);
    }
    if (len == 8) {
        x64_rr(c->x, X64_MOVZX8, 4, d, d);
    } else if (len == 16) {
        x64_rr(c->x, X64_MOVZX16, 4, d, d);
    } else if (len == 32) {
        x64_mov(c->x, 4, d, d);
    } else if (len < 32) {
        x64_alu_imm(c->x, X64_AND, 4, d, (int32_t)((1u << len) - 1));
    } else if (pos + len < 64) {
        x64_shift_imm(c->x, X64_SHL, 8, d, 64 - len);
        x64_shift_imm(c->x, X64_SHR, 8, d, 64 - len);
    }
    t1_defined(c, op->d, d);
}

static void op_sextract(T1Comp *c, const IrOp *op)
{
    unsigned pos = op->imm & 255, len = op->imm >> 8;
    int a = t1_use(c, op->a), d;

    t1_used(c);
    d = t1_def(c, op->d, a);
    if (d != a) {
        x64_mov(c->x, 8, d, a);
    }
    if (pos + len < 64) {
        x64_shift_imm(c->x, X64_SHL, 8, d, 64 - pos - len);
    }
    if (len < 64) {
        x64_shift_imm(c->x, X64_SAR, 8, d, 64 - len);
    }
    if (op->w == 4) {
        x64_mov(c->x, 4, d, d);
    }
    t1_defined(c, op->d, d);
}

/* A field of 8 or 16 bits: a partial write, turned into place when needed. */
static void deposit_part(T1Comp *c, const IrOp *op, unsigned pos, unsigned len,
                         int d, int b)
{
    if (pos) {
        x64_shift_imm(c->x, X64_ROR, 8, d, pos);
    }
    if (len == 8) {
        x64_rr(c->x, 0x8a | X64_BREG | X64_BRM, 0, d, b);
    } else {
        x64_rr(c->x, X64_MOV_LOAD, 2, d, b);
    }
    if (pos) {
        x64_shift_imm(c->x, X64_ROL, 8, d, pos);
    }
    if (op->w == 4) {
        x64_mov(c->x, 4, d, d);
    }
}

static void deposit_any(T1Comp *c, const IrOp *op, unsigned pos, unsigned len,
                        int d, int b)
{
    uint64_t ones = len >= 64 ? UINT64_MAX : ((uint64_t)1 << len) - 1;
    int t = t1_scratch(c, false), m = t1_scratch(c, false);

    x64_mov(c->x, 8, t, b);
    x64_imm(c->x, m, ones);
    x64_alu_rr(c->x, X64_AND, 8, t, m);
    if (pos) {
        x64_shift_imm(c->x, X64_SHL, 8, t, pos);
    }
    x64_imm(c->x, m, ~(ones << pos));
    x64_alu_rr(c->x, X64_AND, 8, d, m);
    x64_alu_rr(c->x, X64_OR, op->w, d, t);
}

static void op_deposit(T1Comp *c, const IrOp *op)
{
    unsigned pos = op->imm & 255, len = op->imm >> 8;
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d, to;

    t1_used(c);
    d = t1_def(c, op->d, a);
    to = d;
    if (d == b) {
        to = t1_scratch(c, false);
    }
    if (to != a) {
        x64_mov(c->x, op->w, to, a);
    }
    if (len == 8 || len == 16) {
        deposit_part(c, op, pos, len, to, b);
    } else {
        deposit_any(c, op, pos, len, to, b);
    }
    if (to != d) {
        x64_mov(c->x, 8, d, to);
    }
    t1_defined(c, op->d, d);
}

static void op_pcrel(T1Comp *c, const IrOp *op)
{
    uint64_t mask = c->ops->pc_mask(c->ir->mode);
    X64Mem page =
        x64_at(X64_RBP, (int32_t)offsetof(Vcpu, pc_page) - c->t1->bias);
    int d;

    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    if (op->imm == (int32_t)op->imm) {
        x64_rm(c->x, X64_MOV_LOAD, 8, d, page);
        x64_alu_imm(c->x, X64_ADD, mask == UINT32_MAX ? 4 : 8, d,
                    (int32_t)op->imm);
    } else {
        x64_imm(c->x, d, (uint64_t)op->imm);
        x64_alu_rm(c->x, X64_ADD, mask == UINT32_MAX ? 4 : 8, d, page);
    }
    t1_defined(c, op->d, d);
}

/* --- conditions -------------------------------------------------------------------- */

unsigned t1_compare(T1Comp *c, const IrOp *op)
{
    bool test = op->x == IR_TSTZ || op->x == IR_TSTNZ;
    int a = t1_use(c, op->a), b;
    int32_t k;

    if (t1_imm32(c, op->b, op->w, &k)) {
        if (test) {
            if (k >= 0 && k < 128) {
                x64_rr(c->x, 0xf6 | X64_BRM, 0, 0, a);
                x64_u8(c->x, (unsigned)k);
            } else {
                x64_rr(c->x, 0xf7, op->w, 0, a);
                x64_u32(c->x, (uint32_t)k);
            }
        } else if (k == 0) {
            x64_rr(c->x, X64_TEST, op->w, a, a);
        } else {
            x64_alu_imm(c->x, X64_CMP, op->w, a, k);
        }
        return cond_cc[op->x];
    }
    b = t1_use(c, op->b);
    if (test) {
        x64_rr(c->x, X64_TEST, op->w, a, b);
    } else {
        x64_alu_rr(c->x, X64_CMP, op->w, a, b);
    }
    return cond_cc[op->x];
}

static void op_setc(T1Comp *c, const IrOp *op)
{
    unsigned cc = t1_compare(c, op);
    int d;

    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    x64_rr(c->x, 0x0f90 | cc | X64_BRM, 0, 0, d);
    x64_rr(c->x, X64_MOVZX8, 4, d, d);
    t1_defined(c, op->d, d);
}

static void op_select(T1Comp *c, const IrOp *op)
{
    int p = t1_use(c, op->c), q = t1_use(c, op->e), d;
    unsigned cc = t1_compare(c, op);

    t1_used(c);
    d = t1_def(c, op->d, q);
    if (d == p) {
        x64_rr(c->x, 0x0f40 | (cc ^ 1), 8, d, q);
    } else {
        if (d != q) {
            x64_mov(c->x, 8, d, q);
        }
        x64_rr(c->x, 0x0f40 | cc, 8, d, p);
    }
    t1_defined(c, op->d, d);
}

static void op_skip(T1Comp *c, const IrOp *op)
{
    unsigned cc;

    t1_groups_drop(c);
    t1_flush(c, c->x);
    cc = t1_compare(c, op);
    t1_used(c);
    c->skip = x64_jcc(c->x, cc, c->x->p);
}

void t1_op_cond(T1Comp *c, const IrOp *op)
{
    switch (op->op) {
    case IR_setc:
        op_setc(c, op);
        break;
    case IR_select:
        op_select(c, op);
        break;
    case IR_skip:
        op_skip(c, op);
        break;
    default: /* label */
        t1_groups_drop(c);
        t1_flush(c, c->x);
        t1_forget_all(c);
        c->fp = false;
        if (c->skip) {
            x64_patch(c->skip, c->x->p);
            c->skip = NULL;
        }
        break;
    }
}

void t1_op_int(T1Comp *c, const IrOp *op) /* flat */
{
    switch (op->op) {
    case IR_mov:
        op_mov(c, op);
        break;
    case IR_ext8u:
        op_unary(c, op, X64_MOVZX8, 4);
        break;
    case IR_ext8s:
        op_unary(c, op, X64_MOVSX8, op->w);
        break;
    case IR_ext16u:
        op_unary(c, op, X64_MOVZX16, 4);
        break;
    case IR_ext16s:
        op_unary(c, op, X64_MOVSX16, op->w);
        break;
    case IR_ext32u:
        op_unary(c, op, X64_MOV_LOAD, 4);
        break;
    case IR_ext32s:
        op_unary(c, op, X64_MOVSXD, 8);
        break;
    case IR_not:
    case IR_neg:
        op_not_neg(c, op);
        break;
    case IR_bswap:
        op_bswap(c, op);
        break;
    case IR_clz:
    case IR_ctz:
    case IR_popcnt:
        op_count_bits(c, op);
        break;
    case IR_add:
    case IR_sub:
    case IR_and:
    case IR_or:
    case IR_xor:
        op_alu(c, op);
        break;
    case IR_andn:
        op_andn(c, op);
        break;
    case IR_mul:
        op_mul(c, op);
        break;
    case IR_mulhu:
    case IR_mulhs:
        op_mul_high(c, op);
        break;
    case IR_shl:
    case IR_shr:
    case IR_sar:
    case IR_rotl:
    case IR_rotr:
        op_shift(c, op);
        break;
    case IR_deposit:
        op_deposit(c, op);
        break;
    case IR_extract:
        op_extract(c, op);
        break;
    case IR_sextract:
        op_sextract(c, op);
        break;
    case IR_pcrel:
        op_pcrel(c, op);
        break;
    default: /* divu divs remu rems */
        op_in_c(c, op);
        break;
    }
}

#endif
