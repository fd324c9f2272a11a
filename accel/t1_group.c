/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses that share one look into level 1. Those of a block that have the
 * same base and offsets close to each other form a group: the first, its
 * leader, checks the bytes of all of them and keeps the host's addend in a
 * register, 0 when the check fails; the others test only that. Nothing can
 * change level 1 in between but slow paths, behind which the register is 0.
 */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include "accel/ir_priv.h"

#define GROUP_SPAN 256 /* bytes: few groups meet the end of a page */
#define GROUP_FAR 48   /* ops from one member to the next at most */
#define GROUP_OPEN 4

/* A group while members are looked for. */
typedef struct Open {
    uint32_t root;
    uint16_t first, last;
    uint8_t mmu;
    bool write;
    int64_t at, lo, hi; /* offsets from the root */
    unsigned id;        /* 0: one member so far */
} Open;

typedef struct Find {
    T1Comp *c;
    uint32_t roots;
    Open open[GROUP_OPEN];
    unsigned next; /* place of the next new one */
} Find;

static void find_fresh(Find *f, int e)
{
    f->c->root[e] = ++f->roots;
    f->c->root_off[e] = 0;
}

static void find_globals(Find *f)
{
    for (unsigned g = 0; g < f->c->ops->global_count; g++) {
        find_fresh(f, IR_MAX_TEMPS + (int)g);
    }
}

static void find_close(Find *f)
{
    for (unsigned i = 0; i < GROUP_OPEN; i++) {
        f->open[i].root = 0;
    }
}

/* What is known of the result: another value plus a constant, or nothing. */
static void find_result(Find *f, const IrOp *op)
{
    T1Comp *c = f->c;
    bool moved =
        op->w == 8
        && (op->op == IR_mov
            || ((op->op == IR_add || op->op == IR_sub) && IR_IS_CONST(op->b)));
    int64_t by = 0;
    int d, a;

    if (op->d == IR_NONE || !ir_op_info[op->op].results) {
        return;
    }
    d = t1_entity(op->d);
    if (!moved || op->a == IR_NONE || IR_IS_CONST(op->a)) {
        find_fresh(f, d);
        return;
    }
    if (op->op != IR_mov) {
        by = (int64_t)c->ir->consts[op->b - IR_CONST_BASE];
    }
    if (by < INT32_MIN || by > INT32_MAX) {
        find_fresh(f, d);
        return;
    }
    a = t1_entity(op->a);
    c->root[d] = c->root[a];
    c->root_off[d] = c->root_off[a] + (op->op == IR_sub ? -by : by);
}

static bool find_fits(const Open *o, int64_t at, unsigned w)
{
    return MAX(o->hi, at + w) - MIN(o->lo, at) <= GROUP_SPAN;
}

static void find_join(Find *f, Open *o, unsigned i, int64_t at, unsigned w)
{
    T1Comp *c = f->c;
    T1Group *g;

    if (!o->id) {
        if (c->groups == T1_GROUPS) {
            return;
        }
        o->id = ++c->groups;
        c->group[o->id - 1] = (T1Group){.reg = T1_NONE};
        c->group_of[o->first] = (uint8_t)o->id;
        c->group_at[o->first] = 0;
    }
    o->lo = MIN(o->lo, at);
    o->hi = MAX(o->hi, at + w);
    o->last = (uint16_t)i;
    g = &c->group[o->id - 1];
    g->lo = (int16_t)(o->lo - o->at);
    g->hi = (int16_t)(o->hi - o->at);
    g->last = (uint16_t)i;
    c->group_of[i] = (uint8_t)o->id;
    c->group_at[i] = (int16_t)(at - o->at);
}

static void find_access(Find *f, const IrOp *op, unsigned i)
{
    T1Comp *c = f->c;
    bool write = op->op != IR_ld || (op->mem & IR_MEM_INTENT);
    int64_t at;
    uint32_t root;

    if (op->a == IR_NONE || IR_IS_CONST(op->a) || op->b != IR_NONE
        || (op->mem & (IR_MEM_ADDR32 | IR_MEM_BE | IR_MEM_ALIGNED))
        || op->imm < -(1 << 30) || op->imm >= 1 << 30) {
        return;
    }
    root = c->root[t1_entity(op->a)];
    at = c->root_off[t1_entity(op->a)] + op->imm;
    for (unsigned k = 0; k < GROUP_OPEN; k++) {
        Open *o = &f->open[k];

        if (o->root == root && o->mmu == op->mmu && o->write == write
            && i - o->last <= GROUP_FAR && find_fits(o, at, op->w)) {
            find_join(f, o, i, at, op->w);
            return;
        }
    }
    f->open[f->next] = (Open){
        .root = root,
        .first = (uint16_t)i,
        .last = (uint16_t)i,
        .mmu = op->mmu,
        .write = write,
        .at = at,
        .lo = at,
        .hi = at + op->w,
    };
    f->next = (f->next + 1) % GROUP_OPEN;
}

void t1_groups(T1Comp *c)
{
    const IrBlock *ir = c->ir;
    Find f = {.c = c};

    c->groups = 0;
    c->held = 0;
    find_globals(&f);
    for (unsigned i = 0; i < ir->op_count; i++) {
        const IrOp *op = &ir->ops[i];
        const IrHelper *h = ir_helper(op, c->ops);

        c->group_of[i] = 0;
        if (c->dead[i]) {
            continue;
        }
        if (op->op == IR_ld || op->op == IR_st) {
            find_access(&f, op, i);
        } else if (h && !h->vop) {
            find_close(&f);
            if (h->flags & IR_H_GLOBALS_W) {
                find_globals(&f);
            }
        } else if (op->op == IR_label || op->op == IR_skip) {
            find_close(&f);
            find_globals(&f);
        }
        find_result(&f, op);
    }
}

T1Group *t1_group(T1Comp *c)
{
    unsigned id = c->group_of[c->at];

    return id ? &c->group[id - 1] : NULL;
}

void t1_group_hold(T1Comp *c, T1Group *g, int reg)
{
    g->reg = (int8_t)reg;
    c->held |= 1u << reg;
}

void t1_group_drop(T1Comp *c, T1Group *g)
{
    if (g->reg != T1_NONE) {
        c->held &= ~(1u << g->reg);
        g->reg = T1_NONE;
    }
}

void t1_groups_drop(T1Comp *c)
{
    for (unsigned i = 0; c->held && i < c->groups; i++) {
        t1_group_drop(c, &c->group[i]);
    }
}

/* The group that lasts longest gives its register back. */
void t1_groups_yield(T1Comp *c)
{
    T1Group *most = NULL;

    for (unsigned i = 0; i < c->groups; i++) {
        T1Group *g = &c->group[i];

        if (g->reg != T1_NONE && (!most || g->last > most->last)) {
            most = g;
        }
    }
    if (most) {
        t1_group_drop(c, most);
    }
}

void t1_groups_clear(T1Comp *c, X64 *x)
{
    for (uint32_t m = c->held; m; m &= m - 1) {
        int r = __builtin_ctz(m);

        x64_alu_rr(x, X64_XOR, 4, r, r);
    }
}

#endif
