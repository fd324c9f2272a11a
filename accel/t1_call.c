/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helper calls. Before one that is not pure, all state is in the vCPU and
 * v->budget is exact; behind it the budget is read again. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include "accel/ir_priv.h"

typedef struct Call {
    const IrHelper *h;
    bool pure;   /* sees its arguments only */
    bool faults; /* v->fault is looked at */
} Call;

static void call_begin(T1Comp *c, const Call *k)
{
    unsigned rest = c->count - c->insn - 1;

    if (!k->pure) {
        t1_flush(c, c->x);
    }
    t1_spill_call(c, !k->pure && (k->h->flags & IR_H_GLOBALS_W));
    t1_pins_move(c, c->x, true, !k->pure);
    if (!k->pure || (k->h->flags & IR_H_FPFLAGS)) {
        t1_fp_store(c);
    }
    if (!k->pure) {
        x64_rm(c->x, X64_LEA, 4, X64_RAX, x64_at(X64_R15, (int32_t)rest));
        x64_rm(c->x, X64_MOV_STORE, 4, X64_RAX,
               t1_vcpu(c, offsetof(Vcpu, budget)));
    }
    if (k->h->flags & IR_H_IO) {
        x64_rm(c->x, X64_LEA, 8, X64_RDI, t1_vcpu(c, 0));
        x64_call_far(c->x, (const void *)(uintptr_t)vcpu_sync_clock);
    }
    x64_rm(c->x, X64_LEA, 8, X64_RDI, t1_vcpu(c, 0));
}

/* A fault leaves the block; v->leave lets it end with this instruction. */
static void call_look(T1Comp *c)
{
    uint8_t *leave;

    _Static_assert(offsetof(Vcpu, leave) == offsetof(Vcpu, fault) + 2,
                   "both in one word");
    x64_rm(c->x, 0xf7, 4, 0, t1_vcpu(c, offsetof(Vcpu, fault)));
    x64_u32(c->x, 0x00ff00ff);
    x64_jcc(c->x, X64_CC_NE, c->y->p);
    x64_alu_mem_imm8(c->y, X64_CMP, t1_vcpu(c, offsetof(Vcpu, fault)), 0);
    leave = x64_jcc(c->y, X64_CC_E, c->y->p);
    x64_imm(c->y, X64_RDX, c->off);
    x64_imm(c->y, X64_RAX, T1_X_FAULT_AT | c->tail);
    x64_jmp(c->y, c->t1->exit_plain);
    x64_patch(leave, c->y->p);
    x64_rm(c->y, X64_MOV_STORE, 8, X64_RAX, x64_at(X64_RSP, T1_F_VALUE));
    x64_rm(c->y, X64_LEA, 8, X64_RDI, t1_vcpu(c, 0));
    x64_call_far(c->y, (const void *)(uintptr_t)accel_hold);
    x64_rm(c->y, X64_MOV_LOAD, 8, X64_RAX, x64_at(X64_RSP, T1_F_VALUE));
    x64_jmp(c->y, c->x->p);
}

/* The helper's address in rax is called; the result goes to r8. */
static void call_end(T1Comp *c, const Call *k, const void *fn)
{
    unsigned rest = c->count - c->insn - 1;
    bool writes = !k->pure && (k->h->flags & IR_H_GLOBALS_W);

    x64_call_far(c->x, fn);
    if (k->faults) {
        call_look(c);
    }
    x64_mov(c->x, 8, X64_R8, X64_RAX);
    t1_pins_move(c, c->x, false, writes);
    if (writes) {
        t1_forget_globals(c);
    }
    if (!k->pure) {
        x64_rm(c->x, X64_MOV_LOAD, 4, X64_R15,
               t1_vcpu(c, offsetof(Vcpu, budget)));
        if (rest) {
            x64_alu_imm(c->x, X64_SUB, 4, X64_R15, (int32_t)rest);
        }
        c->check = true;
    }
}

static void call_result(T1Comp *c, IrRef r)
{
    int d;

    c->locked = 1u << X64_R8;
    d = t1_def(c, r, X64_R8);
    if (d != X64_R8) {
        x64_mov(c->x, 8, d, X64_R8);
    }
    t1_defined(c, r, d);
}

/* An integer argument, to be read once the caller-saved registers are gone:
 * from a register that stays, or from memory. */
static void call_arg_ready(T1Comp *c, IrRef r)
{
    uint64_t k;

    if (r != IR_NONE && !t1_const(c, r, &k)
        && !(IR_IS_GLOBAL(r) && c->t1->pin_of[r - IR_GLOBAL_BASE] != T1_NONE)) {
        t1_in_memory(c, r);
    }
}

static void call_arg(T1Comp *c, IrRef r, int to)
{
    uint64_t k;

    if (t1_const(c, r, &k)) {
        x64_imm(c->x, to, k);
    } else {
        x64_rm(c->x, X64_MOV_LOAD, 8, to, t1_home(c, t1_entity(r)));
    }
}

static void call_int(T1Comp *c, const IrOp *op, const Call *k)
{
    static const uint8_t regs[] = {X64_RSI, X64_RDX, X64_RCX, X64_R8};
    const IrRef refs[] = {op->a, op->b, op->c, op->e};

    for (unsigned i = 0; i < 4; i++) {
        call_arg_ready(c, refs[i]);
        if (IR_IS_GLOBAL(refs[i])
            && c->t1->pin_of[refs[i] - IR_GLOBAL_BASE] != T1_NONE) {
            /* all pinned ones, for a helper that wants rbx, r12, r13 */
            X64Mem m = t1_home(c, t1_entity(refs[i]));

            x64_rm(c->x, X64_MOV_STORE, 8,
                   c->t1->pin_of[refs[i] - IR_GLOBAL_BASE], m);
        }
    }
    call_begin(c, k);
    for (unsigned i = 0; i < 4; i++) {
        call_arg(c, refs[i], regs[i]);
    }
    t1_used(c);
    call_end(c, k, (const void *)(uintptr_t)k->h->fn);
    if (op->d != IR_NONE) {
        call_result(c, op->d);
    }
}

/* A pointer to a vector operand; IR_NONE: NULL. */
static void call_vec_arg(T1Comp *c, IrRef r, int to)
{
    if (r == IR_NONE) {
        x64_imm(c->x, to, 0);
    } else {
        x64_rm(c->x, X64_LEA, 8, to, t1_home(c, t1_entity(r)));
    }
}

static void call_vec_ready(T1Comp *c, IrRef r)
{
    if (r != IR_NONE) {
        t1_in_memory(c, r);
    }
}

/* A new temp begins as zero: "its old value". */
static void call_vec_dest(T1Comp *c, const IrOp *op)
{
    X64Mem m;

    if (IR_IS_GLOBAL(op->d)) {
        t1_in_memory(c, op->d);
        return;
    }
    m = t1_home(c, t1_entity(op->d));
    x64_mov_mem_imm(c->x, 8, m, 0);
    m.disp += 8;
    x64_mov_mem_imm(c->x, 8, m, 0);
}

static void call_vec(T1Comp *c, const IrOp *op, const Call *k)
{
    bool to_int = op->op == IR_vcall_i, from_int = op->op == IR_ivcall;
    uint64_t imm = (uint32_t)(op->imm >> 16);

    call_vec_ready(c, op->a);
    if (from_int) {
        call_arg_ready(c, op->b);
        if (IR_IS_GLOBAL(op->b)) {
            int pin = c->t1->pin_of[op->b - IR_GLOBAL_BASE];

            if (pin != T1_NONE) {
                x64_rm(c->x, X64_MOV_STORE, 8, pin,
                       t1_home(c, t1_entity(op->b)));
            }
        }
    } else {
        call_vec_ready(c, op->b);
    }
    if (!to_int) {
        call_vec_dest(c, op);
    }
    call_begin(c, k);
    if (to_int) {
        call_vec_arg(c, op->a, X64_RSI);
        call_vec_arg(c, op->b, X64_RDX);
        x64_imm(c->x, X64_RCX, imm);
    } else {
        call_vec_arg(c, op->d, X64_RSI);
        call_vec_arg(c, op->a, X64_RDX);
        if (from_int) {
            call_arg(c, op->b, X64_RCX);
        } else {
            call_vec_arg(c, op->b, X64_RCX);
        }
        x64_imm(c->x, X64_R8, imm);
    }
    t1_used(c);
    call_end(c, k, (const void *)(uintptr_t)k->h->fn);
    if (to_int) {
        call_result(c, op->d);
    } else {
        t1_changed_in_memory(c, op->d);
    }
}

void t1_op_call(T1Comp *c, const IrOp *op)
{
    const IrHelper *h = ir_helper(op, c->ops);
    Call k = {
        .h = h,
        .pure = t1_helper_pure(h),
        .faults = h->flags & (IR_H_FAULTS | IR_H_IO | IR_H_MODE),
    };

    if (h->vop && t1_op_vop(c, op, h)) {
        return;
    }
    t1_groups_drop(c);
    if (op->op == IR_call) {
        call_int(c, op, &k);
    } else {
        call_vec(c, op, &k);
    }
}

#endif
