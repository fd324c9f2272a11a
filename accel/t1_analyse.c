/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One pass backwards: what is dead, who reads a value next, which temps are
 * made for a pinned register. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include <string.h>

#include "accel/ir_priv.h"

typedef struct Look {
    T1Comp *c;
    uint16_t cur[T1_ENTITIES]; /* next reader below; 0: none */
    bool over[T1_GLOBALS_MAX]; /* written again before anybody looks */
    int16_t pend[16];          /* temp that is moved to a pinned register */
    uint32_t pends;            /* those that hold one */
    bool seen[IR_MAX_OPS];     /* insn ops where the block may be left */
} Look;

static bool look_removable(const T1Comp *c, const IrOp *op)
{
    const IrHelper *h = ir_helper(op, c->ops);

    if (h) {
        return (h->flags & IR_H_PURE) && !(h->flags & IR_H_FPFLAGS);
    }
    return (ir_op_info[op->op].flags & IR_F_PURE) || op->op == IR_ldenv;
}

/* May state be looked at while @op runs? */
static bool look_observes(const Look *l, const IrOp *op, unsigned i)
{
    const IrHelper *h = ir_helper(op, l->c->ops);

    switch (op->op) {
    case IR_insn:
        return l->seen[i];
    case IR_skip:
    case IR_label:
    case IR_fetch2:
    case IR_ldenv:
        return true;
    case IR_brc:
        return true;
    default:
        break;
    }
    if (h) {
        return !t1_helper_pure(h);
    }
    return ir_op_info[op->op].flags & (IR_F_FAULTS | IR_F_ENDS | IR_F_MEM);
}

static void look_clear(Look *l)
{
    memset(l->over, 0, l->c->ops->global_count * sizeof(l->over[0]));
    l->pends = 0;
}

static void look_insns(Look *l)
{
    const IrBlock *ir = l->c->ir;
    const IrOp *probe = NULL;
    bool may = false;

    for (unsigned i = 0; i < ir->op_count; i++) {
        const IrOp *op = &ir->ops[i];
        const IrHelper *h = ir_helper(op, l->c->ops);

        l->seen[i] = false;
        if (op->op == IR_insn) {
            l->seen[i] = may;
            may = false;
            probe = NULL;
        } else if (h) {
            may = may || !t1_helper_pure(h);
        } else if (op->op == IR_probe
                   || (op->op == IR_ld && (op->mem & IR_MEM_INTENT))) {
            probe = op;
        } else if (op->op == IR_st && probe && !t1_covered(probe, op)) {
            may = true;
        }
    }
}

static void look_result(Look *l, const IrOp *op, unsigned i)
{
    T1Comp *c = l->c;
    int e;

    c->use[i][0] = 0;
    if (op->d == IR_NONE || !ir_op_info[op->op].results) {
        return;
    }
    e = t1_entity(op->d);
    c->use[i][0] = l->cur[e];
    l->cur[e] = 0;
    if (IR_IS_TEMP(op->d)) {
        for (uint32_t m = l->pends; m; m &= m - 1) {
            int r = __builtin_ctz(m);

            if (l->pend[r] == e) {
                c->sink[e] = (int16_t)r;
                l->pends &= ~(1u << r);
            }
        }
    } else {
        unsigned g = op->d - IR_GLOBAL_BASE;
        int r = c->t1->pin_of[g];

        l->over[g] = true;
        if (r != T1_NONE) {
            l->pends &= ~(1u << r);
        }
    }
}

static uint16_t look_next(const Look *l, IrRef r)
{
    return r == IR_NONE || IR_IS_CONST(r) ? 0 : l->cur[t1_entity(r)];
}

static inline void look_read(Look *l, IrRef r, unsigned i)
{
    if (r == IR_NONE || IR_IS_CONST(r)) {
        return;
    }
    l->cur[t1_entity(r)] = (uint16_t)i;
    if (IR_IS_GLOBAL(r)) {
        unsigned g = r - IR_GLOBAL_BASE;

        l->over[g] = false;
        if (l->c->t1->pin_of[g] != T1_NONE) {
            l->pends &= ~(1u << l->c->t1->pin_of[g]);
        }
    }
}

static void look_op(Look *l, unsigned i)
{
    T1Comp *c = l->c;
    const IrOp *op = &c->ir->ops[i];
    const IrHelper *h = ir_helper(op, c->ops);
    bool unused = false;

    if (op->d != IR_NONE && ir_op_info[op->op].results) {
        unused = IR_IS_TEMP(op->d) ? !l->cur[t1_entity(op->d)]
                                   : l->over[op->d - IR_GLOBAL_BASE];
    }
    c->dead[i] = unused && look_removable(c, op);
    if (c->dead[i]) {
        return;
    }
    look_result(l, op, i);
    if (look_observes(l, op, i)) {
        look_clear(l);
    }
    c->use[i][1] = look_next(l, op->a);
    c->use[i][2] = look_next(l, op->b);
    c->use[i][3] = look_next(l, op->c);
    c->use[i][4] = look_next(l, op->e);
    look_read(l, op->a, i);
    look_read(l, op->b, i);
    look_read(l, op->c, i);
    look_read(l, op->e, i);
    if (h && !h->vop && op->d != IR_NONE && op->op != IR_call
        && op->op != IR_vcall_i && IR_IS_GLOBAL(op->d)) {
        look_read(l, op->d, i); /* *d holds its old value */
    }
    if (op->op == IR_mov && op->w == 8 && IR_IS_GLOBAL(op->d)
        && IR_IS_TEMP(op->a)) {
        int r = c->t1->pin_of[op->d - IR_GLOBAL_BASE];

        if (r != T1_NONE) {
            l->pend[r] = (int16_t)t1_entity(op->a);
            l->pends |= 1u << r;
        }
    }
}

void t1_analyse(T1Comp *c)
{
    g_autofree Look *l = g_new(Look, 1);

    l->c = c;
    memset(l->cur, 0, c->ir->temp_count * sizeof(l->cur[0]));
    memset(&l->cur[IR_MAX_TEMPS], 0, c->ops->global_count * sizeof(l->cur[0]));
    look_clear(l);
    look_insns(l);
    for (unsigned i = c->ir->op_count; i-- > 0;) {
        look_op(l, i);
    }
}

#endif
