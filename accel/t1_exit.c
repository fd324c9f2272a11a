/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block heads, instruction marks and ways out. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

void t1_exit_to(T1Comp *c, X64 *x, unsigned code, uint64_t value)
{
    x64_imm(x, X64_R8, value);
    x64_imm(x, X64_R9, code | c->tail);
    x64_jmp(x, c->t1->exit_spill);
}

/* r15d += n, leaving the flags alone. */
static void exit_give_back(X64 *x, unsigned n)
{
    if (n) {
        x64_rm(x, X64_LEA, 4, X64_R15, x64_at(X64_R15, (int32_t)n));
    }
}

/* Take the whole block from the budget, or leave. */
void t1_head(T1Comp *c)
{
    x64_alu_imm(c->x, X64_SUB, 4, X64_R15, (int32_t)c->count);
    x64_jcc(c->x, X64_CC_B, c->y->p);
    exit_give_back(c->y, c->count);
    c->b->unwind = c->y->p; /* a dead block leaves here */
    t1_exit_to(c, c->y, T1_X_BUDGET, c->ir->start);
}

/* A helper of the instruction before may have ended the slice: then the budget
 * is less than what was taken for the rest of the block. */
void t1_op_insn(T1Comp *c, const IrOp *op)
{
    c->insn++;
    c->off = (uint32_t)op->imm;
    c->probed = NULL;
    if (c->check) {
        c->check = false;
        x64_rr(c->x, X64_TEST, 4, X64_R15, X64_R15);
        x64_jcc(c->x, X64_CC_S, c->y->p);
        t1_flush(c, c->y);
        exit_give_back(c->y, c->count - c->insn);
        t1_exit_to(c, c->y, T1_X_BOUNDARY, c->off);
    }
}

/* The second page of a straddling instruction: same fills as any fetch. */
uint64_t t1_fetch2(Vcpu *v, const Block *b)
{
    uint64_t mask = v->ops->pc_mask(v->mode);
    uint64_t va = (v->pc_page + GUEST_PAGE_SIZE) & mask;
    TlbL2Entry *e = tlb_lookup(v, va, ACCESS_EXEC, v->ops->fetch_mmu(v));

    if (e && b->has_page2 && (e->pa & TLB_PAGE_MASK) == b->phys2) {
        return 0;
    }
    v->pc = (v->pc_page + b->start) & mask;
    if (v->fault) {
        return T1_X_FAULT;
    }
    v->budget++;
    return T1_X_STALE;
}

void t1_op_fetch2(T1Comp *c, const IrOp *op)
{
    unsigned rest = c->count - c->insn - 1;

    t1_pins_move(c, c->x, true, true);
    x64_rm(c->x, X64_LEA, 4, X64_RAX, x64_at(X64_R15, (int32_t)rest));
    x64_rm(c->x, X64_MOV_STORE, 4, X64_RAX, t1_vcpu(c, offsetof(Vcpu, budget)));
    x64_rm(c->x, X64_LEA, 8, X64_RDI, t1_vcpu(c, 0));
    x64_imm(c->x, X64_RSI, (uint64_t)(uintptr_t)c->b);
    x64_call_far(c->x, (const void *)(uintptr_t)t1_fetch2);
    x64_rr(c->x, X64_TEST, 4, X64_RAX, X64_RAX);
    x64_jcc(c->x, X64_CC_NE, c->t1->exit_plain);
    x64_rm(c->x, X64_MOV_LOAD, 4, X64_R15, t1_vcpu(c, offsetof(Vcpu, budget)));
    if (rest) {
        x64_alu_imm(c->x, X64_SUB, 4, X64_R15, (int32_t)rest);
    }
    c->check = true;
    t1_pins_move(c, c->x, false, false);
}

uint64_t t1_look(Vcpu *v)
{
    return v->accel->held || !accel_quiet(v);
}

uint64_t t1_look_far(Vcpu *v)
{
    if (!accel_quiet(v)) {
        return 1;
    }
    accel_unhold(v);
    v->accel->cache.running_killed = false;
    return 0;
}

T1Result t1_find(Vcpu *v, uint64_t pc)
{
    BlockCache *cache = &v->accel->cache;
    TlbL2Entry *e = tlb_find(v->tlb, pc, ACCESS_EXEC, v->ops->fetch_mmu(v));
    uint8_t *host;
    RamPage page;
    Block *b;
    bool rom;

    v->accel->t1->finds++;
    if (!e || v->accel->nochain
        || !tlb_ram(v->tlb, e->pa & TLB_PAGE_MASK, GUEST_PAGE_SIZE, &host,
                    &page, &rom)) {
        return (T1Result){0, 0};
    }
    b = blocks_find(cache, page, pc & 0xfff, v->mode);
    if (!b || !b->native || b->stop_head || !accel_is_cut(v->accel, pc, page)) {
        return (T1Result){0, 0};
    }
    accel_remember(v, pc, e, b);
    v->pc_page = pc & TLB_PAGE_MASK;
    v->pc_page_ok = true;
    return (T1Result){(uintptr_t)b->native, blocks_index(cache, b)};
}

/* To page offset @off through link @slot, from code in @x; stubs go to the cold
 * stream. */
static void exit_link(T1Comp *c, X64 *x, unsigned slot, int64_t off)
{
    BlockLink *l = &c->b->links[slot];

    l->pc_off = off;
    if (off >= 0 && off < GUEST_PAGE_SIZE) {
        l->patch = x64_jmp(x, x->p + 5);
        if (x != c->y) {
            x64_patch(l->patch, c->y->p);
        }
        l->stub = x == c->y ? x->p : c->y->p;
        x64_imm(c->y, X64_R8, (uint64_t)(uintptr_t)l);
        x64_imm(c->y, X64_R9, T1_X_LINK);
        x64_jmp(c->y, c->t1->exit_spill);
        return;
    }
    x64_imm(x, X64_R8, (uint64_t)off);
    x64_alu_rm(x, X64_ADD, c->tail ? 4 : 8, X64_R8,
               t1_vcpu(c, offsetof(Vcpu, pc_page)));
    t1_jump(c->t1, x);
}

static void exit_side(T1Comp *c, const IrOp *op)
{
    unsigned cc = t1_compare(c, op);
    unsigned rest = c->count - c->insn - 1;
    X64 tmp;

    t1_used(c);
    if (op->imm >= 0 && op->imm <= c->off) { /* a loop: likely taken */
        uint8_t *over = x64_jcc(c->x, cc ^ 1, c->x->p);

        tmp = *c->x; /* another stream: what is clean stays dirty here */
        t1_flush(c, &tmp);
        exit_give_back(&tmp, rest);
        exit_link(c, &tmp, op->slot, op->imm);
        *c->x = tmp;
        x64_patch(over, c->x->p);
        return;
    }
    x64_jcc(c->x, cc, c->y->p);
    t1_flush(c, c->y);
    exit_give_back(c->y, rest);
    exit_link(c, c->y, op->slot, op->imm);
}

/* To v->pc, if nothing else is to be seen. */
static void exit_far(T1Comp *c)
{
    x64_call(c->x, c->t1->look_far);
    x64_jcc(c->x, X64_CC_NE, c->y->p);
    t1_exit_to(c, c->y, T1_X_ENV, 0);
    x64_rm(c->x, X64_MOV_LOAD, 8, X64_R8, t1_vcpu(c, offsetof(Vcpu, pc)));
    t1_jump(c->t1, c->x);
}

static void exit_indirect(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a);

    t1_flush(c, c->x);
    x64_mov(c->x, 8, X64_R8, a);
    if (op->x) {
        x64_rm(c->x, X64_MOV_STORE, 8, X64_R8, t1_vcpu(c, offsetof(Vcpu, pc)));
        exit_far(c);
    } else {
        t1_jump(c->t1, c->x);
    }
}

void t1_op_exit(T1Comp *c, const IrOp *op)
{
    switch (op->op) {
    case IR_brc:
        exit_side(c, op);
        break;
    case IR_exit_direct:
        t1_flush(c, c->x);
        if (op->x) {
            x64_call(c->x, c->t1->look);
            x64_jcc(c->x, X64_CC_NE, c->y->p);
            t1_exit_to(c, c->y, T1_X_EVENTS_AT, (uint64_t)op->imm);
        }
        exit_link(c, c->x, op->slot, op->imm);
        break;
    case IR_exit_indirect:
        exit_indirect(c, op);
        break;
    default:
        t1_flush(c, c->x);
        exit_far(c);
        break;
    }
}

#endif
