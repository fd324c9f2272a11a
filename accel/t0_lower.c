/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IR to T0 ops: dead temps go, scratch slots are handed out, constants become
 * immediate operands where an op takes one. */
#include <string.h>

#include "accel/ir_priv.h"
#include "accel/t0_priv.h"

enum {
    T0_OK,
    T0_FULL,
    T0_TOO_MANY
};

typedef struct T0Lower {
    const IrBlock *ir;
    const CpuOps *ops;
    Block *block;
    const void *const *labels;
    T0Op *out;
    unsigned count;
    bool too_many;
    T0Op *skip; /* waits for its label */
    unsigned at;
    uint16_t last_use[IR_MAX_TEMPS]; /* op index; 0: never */
    bool dead[IR_MAX_OPS];
    int32_t home[IR_MAX_TEMPS];
    uint16_t free_int[VCPU_SCRATCH], free_vec[VCPU_VSCRATCH];
    unsigned free_ints, free_vecs;
    int32_t loaned[8]; /* slots of constants, back after the op */
    unsigned loans;
} T0Lower;

/* --- dead temps ------------------------------------------------------------ */

static bool t0_removable(const T0Lower *l, const IrOp *op)
{
    const IrHelper *h = ir_helper(op, l->ops);

    if (h) {
        return (h->flags & IR_H_PURE) && !(h->flags & IR_H_FPFLAGS);
    }
    return (ir_op_info[op->op].flags & IR_F_PURE) || op->op == IR_ldenv;
}

static void t0_use(T0Lower *l, IrRef r, unsigned at)
{
    if (IR_IS_TEMP(r) && !l->last_use[r - IR_TEMP_BASE]) {
        l->last_use[r - IR_TEMP_BASE] = at;
    }
}

static void t0_liveness(T0Lower *l)
{
    for (unsigned i = l->ir->op_count; i-- > 0;) {
        const IrOp *op = &l->ir->ops[i];
        bool unused = IR_IS_TEMP(op->d) && !l->last_use[op->d - IR_TEMP_BASE];

        l->dead[i] = unused && t0_removable(l, op);
        if (!l->dead[i]) {
            t0_use(l, op->a, i);
            t0_use(l, op->b, i);
            t0_use(l, op->c, i);
            t0_use(l, op->e, i);
        }
    }
}

/* --- homes ----------------------------------------------------------------- */

static int32_t t0_int_home(T0Lower *l)
{
    if (l->free_ints == 0) {
        l->too_many = true;
        return offsetof(Vcpu, scratch);
    }
    return (int32_t)(offsetof(Vcpu, scratch) + 8 * l->free_int[--l->free_ints]);
}

static void t0_free_int(T0Lower *l, int32_t home)
{
    l->free_int[l->free_ints++] =
        (uint16_t)((home - (int32_t)offsetof(Vcpu, scratch)) / 8);
}

static int32_t t0_vec_home(T0Lower *l)
{
    if (l->free_vecs == 0) {
        l->too_many = true;
        return offsetof(Vcpu, vscratch);
    }
    return (int32_t)(offsetof(Vcpu, vscratch)
                     + 16 * l->free_vec[--l->free_vecs]);
}

static void t0_free_temp(T0Lower *l, IrRef r)
{
    int32_t *home = &l->home[r - IR_TEMP_BASE];

    if (*home < 0) {
        return;
    }
    if (l->ir->temp_types[r - IR_TEMP_BASE] == IR_VEC) {
        l->free_vec[l->free_vecs++] =
            (uint16_t)((*home - (int32_t)offsetof(Vcpu, vscratch)) / 16);
    } else {
        t0_free_int(l, *home);
    }
    *home = -1;
}

static T0Op *t0_emit(T0Lower *l, unsigned code)
{
    T0Op *op = &l->out[l->count++];

    memset(op, 0, sizeof(*op));
    op->go = l->labels[code];
    return op;
}

static bool t0_const(const T0Lower *l, IrRef r, uint64_t *value)
{
    if (r == IR_NONE) {
        *value = 0;
        return true;
    }
    if (IR_IS_CONST(r)) {
        *value = l->ir->consts[r - IR_CONST_BASE];
        return true;
    }
    return false;
}

/* Where operand @r is; a constant is put into a slot first. */
static int32_t t0_in(T0Lower *l, IrRef r)
{
    uint64_t k;
    T0Op *op;

    if (IR_IS_GLOBAL(r)) {
        return (int32_t)l->ops->globals[r - IR_GLOBAL_BASE].offset;
    }
    if (!t0_const(l, r, &k)) {
        return l->home[r - IR_TEMP_BASE];
    }
    op = t0_emit(l, T0_movi);
    op->d = t0_int_home(l);
    op->u = k;
    if (!l->too_many) {
        l->loaned[l->loans++] = op->d;
    }
    return op->d;
}

/* Where a result goes; temps get their home here. IR_NONE: nowhere. */
static int32_t t0_out(T0Lower *l, IrRef d)
{
    int32_t home;

    if (IR_IS_GLOBAL(d)) {
        return (int32_t)l->ops->globals[d - IR_GLOBAL_BASE].offset;
    }
    if (d == IR_NONE) {
        home = t0_int_home(l);
        l->loaned[l->loans++] = home;
        return home;
    }
    home = l->ir->temp_types[d - IR_TEMP_BASE] == IR_VEC ? t0_vec_home(l)
                                                         : t0_int_home(l);
    return l->home[d - IR_TEMP_BASE] = l->too_many ? -1 : home;
}

/* After op @i: slots that nobody reads again are free. */
static void t0_release(T0Lower *l, const IrOp *op)
{
    const IrRef refs[] = {op->a, op->b, op->c, op->e};

    for (unsigned k = 0; k < 4; k++) {
        if (IR_IS_TEMP(refs[k])
            && l->last_use[refs[k] - IR_TEMP_BASE] == l->at) {
            t0_free_temp(l, refs[k]);
        }
    }
    if (IR_IS_TEMP(op->d) && !l->last_use[op->d - IR_TEMP_BASE]) {
        t0_free_temp(l, op->d);
    }
    while (l->loans > 0) {
        t0_free_int(l, l->loaned[--l->loans]);
    }
}

/* --- ops ------------------------------------------------------------------- */

static int t0_cond_code(const IrOp *op)
{
    /* distance from setc_eq4 of the row */
    unsigned group = op->op == IR_setc     ? 0
                     : op->op == IR_select ? 1
                     : op->op == IR_brc    ? 2
                                           : 3;

    return T0_setc_eq4 + op->x * (T0_setc_ne4 - T0_setc_eq4) + group * 4
           + (op->w == 8);
}

/* setc, select, brc, skip: code, a, and b or an immediate. */
static void t0_lower_cond(T0Lower *l, const IrOp *op)
{
    unsigned code = t0_cond_code(op);
    int32_t a = t0_in(l, op->a), b = 0, c = 0, e = 0;
    uint64_t k = 0;
    bool imm = t0_const(l, op->b, &k);
    T0Op *o;

    if (!imm) {
        b = t0_in(l, op->b);
    }
    if (op->op == IR_select) {
        c = t0_in(l, op->c);
        e = t0_in(l, op->e);
    }
    code += imm ? 2 : 0;
    if (op->op == IR_setc || op->op == IR_select) {
        int32_t d = t0_out(l, op->d);
        o = t0_emit(l, code);
        o->d = d;
    } else {
        o = t0_emit(l, code);
        o->d = op->slot;
    }
    o->a = a;
    if (imm) {
        o->u = op->w == 4 ? (uint32_t)k : k;
        o->b = c;
        o->c = e;
    } else {
        o->b = b;
        o->c = c;
        o->e = e;
    }
    if (op->op == IR_skip) {
        l->skip = o;
    } else if (op->op == IR_brc) {
        l->block->links[op->slot].pc_off = op->imm;
    }
}

static void t0_lower_arith(T0Lower *l, const IrOp *op, unsigned code, bool two)
{
    int32_t a = t0_in(l, op->a), b = 0;
    uint64_t k = 0;
    bool imm = two && t0_const(l, op->b, &k);
    bool wide = op->w == 8 || op->op == IR_ext32s;
    T0Op *o;
    int32_t d;

    if (two && !imm) {
        b = t0_in(l, op->b);
    }
    d = t0_out(l, op->d);
    o = t0_emit(l, code + wide + (imm ? 2 : 0));
    o->d = d;
    o->a = a;
    o->b = b;
    o->u = op->w == 4 ? (uint32_t)k : k;
}

static void t0_lower_bits(T0Lower *l, const IrOp *op)
{
    unsigned pos = op->imm & 255, len = op->imm >> 8;
    uint64_t ones = len >= 64 ? UINT64_MAX : ((uint64_t)1 << len) - 1;
    int32_t a = t0_in(l, op->a), b = 0, d;
    T0Op *o;

    if (op->op == IR_deposit) {
        b = t0_in(l, op->b);
    }
    d = t0_out(l, op->d);
    o = t0_emit(l, op->op == IR_deposit   ? T0_deposit
                   : op->op == IR_extract ? T0_extract
                   : op->w == 4           ? T0_sextract4
                                          : T0_sextract8);
    o->d = d;
    o->a = a;
    o->b = b;
    if (op->op == IR_sextract) {
        o->b = (int32_t)(64 - pos - len);
        o->c = (int32_t)(64 - len);
    } else if (op->op == IR_extract) {
        o->c = (int32_t)pos;
        o->u = ones;
    } else { /* width 4: the caller's value is cut by a mask of its own */
        o->c = (int32_t)(pos | (op->w == 4 ? 256 : 0));
        o->u = ones << pos;
    }
}

static unsigned t0_load_code(const IrOp *op)
{
    unsigned size = op->w == 1 ? 0 : op->w == 2 ? 1 : op->w == 4 ? 2 : 3;
    const unsigned form = T0_ld16u_a - T0_ld8u_a;

    if (op->mem & (IR_MEM_BE | IR_MEM_ALIGNED)) {
        return T0_ldg;
    }
    if (op->mem & IR_MEM_INTENT) {
        return op->mem & (IR_MEM_SIGNED | IR_MEM_SIGNED32) && size < 3
                   ? T0_ldg
                   : T0_ldi8_a + size * form;
    }
    if ((op->mem & IR_MEM_SIGNED) && size < 3) {
        return T0_ld8s_a + size * form;
    }
    if ((op->mem & IR_MEM_SIGNED32) && size < 2) {
        return T0_ld8z_a + size * form;
    }
    return T0_ld8u_a + size * form;
}

static unsigned t0_store_code(const IrOp *op)
{
    unsigned size = op->w == 1 ? 0 : op->w == 2 ? 1 : op->w == 4 ? 2 : 3;

    return op->mem & (IR_MEM_BE | IR_MEM_ALIGNED)
               ? T0_stg
               : T0_st8_a + size * (T0_st16_a - T0_st8_a);
}

static void t0_lower_mem(T0Lower *l, const IrOp *op)
{
    unsigned code = op->op == IR_probe               ? T0_probe
                    : op->op == IR_ld && op->w == 16 ? T0_ldvec
                    : op->op == IR_ld                ? t0_load_code(op)
                    : op->w == 16                    ? T0_stvec
                                                     : t0_store_code(op);
    int32_t a = t0_in(l, op->a), b = 0, d = 0;
    bool indexed = op->b != IR_NONE;
    unsigned how =
        MEM_HOW(op->op == IR_probe ? 0 : op->w, op->mmu, (unsigned)op->mem);
    T0Op *o;

    if (indexed) {
        b = t0_in(l, op->b);
    }
    if (op->op == IR_st) {
        d = t0_in(l, op->c);
    } else if (op->op == IR_ld) {
        d = t0_out(l, op->d);
    }
    if (code >= T0_ld8u_a) {
        code += (indexed ? 2 : 0) + !!(op->mem & IR_MEM_ADDR32);
    }
    o = t0_emit(l, code);
    o->d = op->op == IR_probe ? op->w : d;
    o->a = a;
    o->b = b;
    o->c = (int32_t)(how | (indexed ? 1u << 30 : 0) | (unsigned)op->x << 16);
    o->imm = op->imm;
}

static void t0_lower_env(T0Lower *l, const IrOp *op)
{
    static const uint8_t load[] = {0, 0, 1, 0, 2};
    bool is_signed = op->mem & IR_MEM_SIGNED;
    int32_t a, d;
    T0Op *o;

    if (op->op == IR_ldenv) {
        d = t0_out(l, op->d);
        o = t0_emit(l, op->w == 8
                           ? T0_mov
                           : (is_signed ? T0_env8s : T0_env8u) + load[op->w]);
        o->d = d;
        o->a = (int32_t)op->imm;
    } else {
        a = t0_in(l, op->a);
        o = t0_emit(l, op->w == 8 ? T0_mov : T0_stenv8 + load[op->w]);
        o->d = (int32_t)op->imm;
        o->a = a;
    }
}

static void t0_lower_vec(T0Lower *l, const IrOp *op)
{
    int32_t a = t0_in(l, op->a), b = 0, d;
    T0Op *o;

    if (op->op == IR_vset || op->op == IR_vins) {
        b = t0_in(l, op->b);
    }
    d = t0_out(l, op->d);
    o = t0_emit(l, op->op == IR_vmov   ? T0_vmov
                   : op->op == IR_vset ? T0_vset
                   : op->op == IR_vins ? T0_vins
                                       : T0_vext);
    o->d = d;
    o->a = a;
    o->b = b;
    o->c = op->w;
    o->imm = op->imm;
}

/* Offset of a helper's vector operand; -1: none, a NULL pointer. */
static int32_t t0_vec_in(T0Lower *l, IrRef r)
{
    return r == IR_NONE ? -1 : t0_in(l, r);
}

static void t0_lower_vcall(T0Lower *l, const IrOp *op, const IrHelper *h)
{
    unsigned code = op->op == IR_vcall     ? T0_vcall
                    : op->op == IR_vcall_i ? T0_vcall_i
                                           : T0_ivcall;
    int32_t a = t0_vec_in(l, op->a);
    int32_t b = op->op == IR_ivcall ? t0_in(l, op->b) : t0_vec_in(l, op->b);
    int32_t d = t0_out(l, op->d);
    T0Op *o;

    if (IR_IS_TEMP(op->d) && op->op != IR_vcall_i) {
        t0_emit(l, T0_vzero)->d = d; /* "its old value" of a new temp */
    }
    o = t0_emit(l, code);
    o->d = d;
    o->a = a;
    o->b = b;
    o->c = (int32_t)(uint32_t)(op->imm >> 16);
    o->helper = h;
    if (h->flags & (IR_H_FAULTS | IR_H_IO | IR_H_MODE)) {
        t0_emit(l, T0_after_call);
    }
}

static void t0_lower_call(T0Lower *l, const IrOp *op)
{
    const IrHelper *h = ir_helper(op, l->ops);
    int32_t a, b, c, e, d;
    T0Op *o;

    if (op->op != IR_call) {
        t0_lower_vcall(l, op, h);
        return;
    }
    a = t0_in(l, op->a);
    b = t0_in(l, op->b);
    c = t0_in(l, op->c);
    e = t0_in(l, op->e);
    d = t0_out(l, op->d);
    o = t0_emit(l, h->flags & (IR_H_FAULTS | IR_H_IO | IR_H_MODE) ? T0_call_full
                                                                  : T0_call);
    o->d = d;
    o->a = a;
    o->b = b;
    o->c = c;
    o->helper = h;
    l->out[l->count++].d = e; /* its last argument */
}

static void t0_lower_exit(T0Lower *l, const IrOp *op)
{
    int32_t a;

    switch (op->op) {
    case IR_exit_direct:
        l->block->links[op->slot].pc_off = op->imm;
        t0_emit(l, op->x ? T0_exit_events : T0_exit_direct)->d = op->slot;
        break;
    case IR_exit_indirect:
        a = t0_in(l, op->a);
        t0_emit(l, op->x ? T0_exit_indirect_events : T0_exit_indirect)->a = a;
        break;
    default:
        t0_emit(l, T0_exit_env);
        break;
    }
}

static void t0_lower_simple(T0Lower *l, const IrOp *op)
{
    uint64_t mask, k;
    int32_t a, d;
    T0Op *o;

    switch (op->op) {
    case IR_insn:
    case IR_fetch2:
        t0_emit(l, op->op == IR_insn ? T0_insn : T0_fetch2)->imm = op->imm;
        break;
    case IR_mov:
        if (t0_const(l, op->a, &k)) {
            d = t0_out(l, op->d);
            o = t0_emit(l, T0_movi);
            o->u = op->w == 4 ? (uint32_t)k : k;
        } else {
            a = t0_in(l, op->a);
            d = t0_out(l, op->d);
            o = t0_emit(l, op->w == 4 ? T0_ext32u8 : T0_mov);
            o->a = a;
        }
        o->d = d;
        break;
    case IR_pcrel:
        mask = l->ops->pc_mask(l->ir->mode);
        d = t0_out(l, op->d);
        o = t0_emit(l, T0_pcrel);
        o->d = d;
        o->a = (int32_t)(uint32_t)mask;
        o->b = (int32_t)(uint32_t)(mask >> 32);
        o->imm = op->imm;
        break;
    case IR_label:
        if (l->skip) {
            l->skip->d = (int32_t)(&l->out[l->count] - l->skip);
            l->skip = NULL;
        }
        break;
    default:
        break;
    }
}

static void t0_lower_op(T0Lower *l, const IrOp *op) /* flat */
{
    switch (op->op) {
#define ARITH2(nm, value)                                                      \
    case IR_##nm:                                                              \
        t0_lower_arith(l, op, T0_##nm##4, true);                               \
        break;
#define ARITH1(nm, value)                                                      \
    case IR_##nm:                                                              \
        t0_lower_arith(l, op, T0_##nm##4, false);                              \
        break;
#include "accel/ir_arith.def"
    case IR_setc:
    case IR_select:
    case IR_brc:
    case IR_skip:
        t0_lower_cond(l, op);
        break;
    case IR_deposit:
    case IR_extract:
    case IR_sextract:
        t0_lower_bits(l, op);
        break;
    case IR_ld:
    case IR_st:
    case IR_probe:
        t0_lower_mem(l, op);
        break;
    case IR_ldenv:
    case IR_stenv:
        t0_lower_env(l, op);
        break;
    case IR_vmov:
    case IR_vset:
    case IR_vins:
    case IR_vext:
        t0_lower_vec(l, op);
        break;
    case IR_call:
    case IR_vcall:
    case IR_vcall_i:
    case IR_ivcall:
        t0_lower_call(l, op);
        break;
    case IR_exit_direct:
    case IR_exit_indirect:
    case IR_exit_env:
        t0_lower_exit(l, op);
        break;
    default:
        t0_lower_simple(l, op);
        break;
    }
}

int t0_lower(Accel *a, const CpuOps *ops, const IrBlock *ir, Block *b)
{
    g_autofree T0Lower *l = g_new0(T0Lower, 1);
    /* at most four constants, a vzero, two slots of a call, after_call */
    g_autofree T0Op *buf = g_new(T0Op, (size_t)ir->op_count * 8);
    T0Op *code;

    l->ir = ir;
    l->ops = ops;
    l->block = b;
    l->labels = t0_labels();
    l->out = buf;
    for (unsigned i = 0; i < VCPU_SCRATCH; i++) {
        l->free_int[l->free_ints++] = VCPU_SCRATCH - 1 - i;
    }
    for (unsigned i = 0; i < VCPU_VSCRATCH; i++) {
        l->free_vec[l->free_vecs++] = VCPU_VSCRATCH - 1 - i;
    }
    t0_liveness(l);
    for (l->at = 0; l->at < ir->op_count && !l->too_many; l->at++) {
        if (!l->dead[l->at]) {
            t0_lower_op(l, &ir->ops[l->at]);
            t0_release(l, &ir->ops[l->at]);
        }
    }
    if (l->too_many) {
        return T0_TOO_MANY;
    }
    code = blocks_alloc(&a->cache, l->count * sizeof(T0Op));
    if (!code) {
        return T0_FULL;
    }
    memcpy(code, buf, l->count * sizeof(T0Op));
    b->t0 = code;
    return T0_OK;
}
