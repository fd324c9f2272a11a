/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest memory: level 1 inline, the rest in C. What C cannot do at once, since
 * it might end the slice or hits code, is left to T0, before anything
 * happened (rule I6). */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include <string.h>

/* --- generated ---------------------------------------------------------------- */

typedef struct Access {
    const IrOp *op;
    X64Mem at;      /* the guest address as an operand */
    int page, end;  /* scratch: level-1 entry, then addend; last byte's page */
    T1Group *group; /* of which it is a member or the leader, or NULL */
    bool member;    /* s->page holds what the leader found */
    unsigned how;
    bool write, vec;
    bool never; /* always by the slow path */
} Access;

/* The address as base + displacement, by a scratch register if need be. */
static void access_address(T1Comp *c, Access *s)
{
    const IrOp *op = s->op;
    int a = op->a != IR_NONE ? t1_use(c, op->a) : T1_NONE;
    int b = op->b != IR_NONE ? t1_use(c, op->b) : T1_NONE;
    bool near = op->imm >= -(1 << 30) && op->imm < 1 << 30;
    X64Mem m = {(int8_t)a, (int8_t)b, op->x & 3, near ? (int32_t)op->imm : 0};
    int va;

    if (a != T1_NONE && b == T1_NONE && near && !(op->mem & IR_MEM_ADDR32)) {
        s->at = m;
        return;
    }
    va = t1_scratch(c, false);
    if (!near || a == T1_NONE) {
        x64_imm(c->x, va, (uint64_t)op->imm);
        if (b != T1_NONE) {
            int t = t1_scratch(c, false);

            x64_rm(c->x, X64_LEA, 8, t, (X64Mem){-1, (int8_t)b, op->x & 3, 0});
            x64_alu_rr(c->x, X64_ADD, 8, va, t);
            t1_unlock(c, t);
        }
        if (a != T1_NONE) {
            x64_alu_rr(c->x, X64_ADD, 8, va, a);
        }
        if (op->mem & IR_MEM_ADDR32) {
            x64_mov(c->x, 4, va, va);
        }
    } else {
        x64_rm(c->x, X64_LEA, op->mem & IR_MEM_ADDR32 ? 4 : 8, va, m);
    }
    t1_unlock(c, a);
    t1_unlock(c, b);
    s->at = x64_at(va, 0);
}

static X64Mem access_further(const Access *s, int32_t by)
{
    X64Mem m = s->at;

    m.disp += by;
    return m;
}

/* Look into level 1, at the page of the bytes [lo, hi) from the address;
 * s->page becomes the addend. Gives the jump taken when that fails. */
static uint8_t *access_check(T1Comp *c, X64 *x, const Access *s, int lo, int hi)
{
    X64Mem first = access_further(s, lo);
    uint8_t *miss;

    if (!first.disp && c->t1->host.bmi2) { /* rorx */
        x64_vex(x, 3, 3, 0xf0, 8, s->page, 0, first.base);
        x64_u8(x, 7);
    } else {
        x64_rm(x, X64_LEA, 8, s->page, first);
        x64_shift_imm(x, X64_SHR, 8, s->page, 7);
    }
    x64_rm(x, X64_LEA, 8, s->end, access_further(s, hi - 1));
    x64_alu_imm(x, X64_AND, 8, s->end, -4096);
    x64_alu_imm(x, X64_AND, 4, s->page, (int32_t)c->t1->l1_mask);
    x64_alu_rm(x, X64_ADD, 8, s->page,
               x64_at(X64_RSP, T1_F_TABLE + 8 * s->op->mmu));
    x64_alu_rm(x, X64_CMP, 8, s->end,
               x64_at(s->page, s->write ? offsetof(TlbL1Entry, write_tag)
                                        : offsetof(TlbL1Entry, read_tag)));
    miss = x64_jcc(x, X64_CC_NE, c->y->p);
    x64_rm(x, X64_MOV_LOAD, 8, s->page,
           x64_at(s->page, offsetof(TlbL1Entry, addend)));
    return miss;
}

/* The hot check. */
static void access_probe(T1Comp *c, Access *s)
{
    T1Group *g = s->group;

    s->never = (s->op->mem & IR_MEM_BE)
               || ((s->op->mem & IR_MEM_ALIGNED) && s->op->w != 16);
    if (s->never) {
        x64_jmp(c->x, c->y->p);
        return;
    }
    if (s->op->mem & IR_MEM_ALIGNED) {
        x64_rm(c->x, X64_LEA, 4, s->end, s->at);
        x64_rr(c->x, 0xf6 | X64_BRM, 0, 0, s->end);
        x64_u8(c->x, 15);
        x64_jcc(c->x, X64_CC_NE, c->y->p);
    }
    if (s->member) {
        x64_rr(c->x, X64_TEST, 8, s->page, s->page);
        x64_jcc(c->x, X64_CC_E, c->y->p);
    } else if (g) {
        int at = c->group_at[c->at];

        access_check(c, c->x, s, g->lo - at, g->hi - at);
    } else {
        access_check(c, c->x, s, 0, s->op->w);
    }
}

/* The host address, once s->page is the addend. */
static X64Mem access_host(const Access *s)
{
    X64Mem m = s->at;

    m.index = (int8_t)s->page;
    return m;
}

/* Is the store one that the instruction checked before? */
static bool access_covered(T1Comp *c, const IrOp *op)
{
    if (t1_covered(c->probed, op)) {
        return true;
    }
    c->check = true; /* it may end the slice */
    return false;
}

/* Cold: call @stub, come back behind the hot access. The value to store is in
 * the frame already. */
static void access_slow(T1Comp *c, const Access *s, const uint8_t *stub)
{
    uint64_t info =
        s->how | c->off << 16 | (uint64_t)(c->count - c->insn - 1) << 32;

    if (s->op->op == IR_st && c->probed) {
        info |= access_covered(c, s->op) ? T1_INFO_CHECKED : T1_INFO_NOW;
    }
    t1_save_live(c, c->y, T1_NONE);
    t1_flush(c, c->y);
    if (s->at.base != X64_R8 || s->at.disp) {
        x64_rm(c->y, X64_LEA, 8, X64_R8, s->at);
    }
    x64_imm(c->y, X64_R9, info);
    x64_call(c->y, stub);
    t1_restore_live(c, c->y, T1_NONE);
    t1_groups_clear(c, c->y);
}

/* A member of a group whose leader has gone before, or a new leader? */
static void access_group(T1Comp *c, Access *s)
{
    T1Group *g = t1_group(c);

    if (!g) {
        return;
    }
    if (g->reg != T1_NONE) {
        s->group = g;
        s->member = true;
        s->page = g->reg;
        c->locked |= 1u << s->page;
        if (c->at == g->last) {
            t1_group_drop(c, g);
        }
    } else if (c->at < g->last
               && __builtin_popcount(c->held) < T1_GROUPS_HELD) {
        s->group = g;
    }
}

static void access_begin(T1Comp *c, Access *s, const IrOp *op)
{
    *s = (Access){
        .op = op,
        .how =
            MEM_HOW(op->op == IR_probe ? 0 : op->w, op->mmu, (unsigned)op->mem),
        .write = op->op != IR_ld || (op->mem & IR_MEM_INTENT),
        .vec = op->w == 16 && op->op != IR_probe,
    };
    access_address(c, s);
    access_group(c, s);
    if (s->member) {
        return;
    }
    s->page = t1_scratch(c, false);
    s->end = t1_scratch(c, false);
    if (s->group) {
        t1_group_hold(c, s->group, s->page);
    }
}

/* Two registers for cold code, saved if need be. */
static bool cold_pair(T1Comp *c, Access *s, uint32_t *saved)
{
    uint32_t mask = c->temps & 0xffff & ~c->locked & ~c->held;
    uint32_t first = mask, both;

    if ((mask & (mask - 1)) == 0) {
        return false;
    }
    s->page = __builtin_ctz(first);
    first &= first - 1;
    s->end = __builtin_ctz(first);
    both = 1u << s->page | 1u << s->end;
    *saved = 0;
    for (uint32_t m = both; m; m &= m - 1) {
        int r = __builtin_ctz(m);

        if (c->owners[r]) {
            *saved |= 1u << r;
        }
    }
    return true;
}

static void cold_move(X64 *x, uint32_t regs, bool save)
{
    for (; regs; regs &= regs - 1) {
        int r = __builtin_ctz(regs);

        x64_rm(x, save ? X64_MOV_STORE : X64_MOV_LOAD, 8, r,
               x64_at(X64_RSP, T1_F_GPR + 8 * r));
    }
}

static void load_value(X64 *x, const IrOp *op, int d, X64Mem m)
{
    unsigned w = op->mem & IR_MEM_SIGNED ? 8 : 4;
    bool sign = op->mem & (IR_MEM_SIGNED | IR_MEM_SIGNED32);

    switch (op->w) {
    case 1:
        x64_rm(x, sign ? X64_MOVSX8 : X64_MOVZX8, w, d, m);
        break;
    case 2:
        x64_rm(x, sign ? X64_MOVSX16 : X64_MOVZX16, w, d, m);
        break;
    case 4:
        if (op->mem & IR_MEM_SIGNED) {
            x64_rm(x, X64_MOVSXD, 8, d, m);
        } else {
            x64_rm(x, X64_MOV_LOAD, 4, d, m);
        }
        break;
    case 8:
        x64_rm(x, X64_MOV_LOAD, 8, d, m);
        break;
    default:
        x64_rm(x, X64_MOVUPS_LOAD, 0, d, m);
        break;
    }
}

static void store_value(X64 *x, unsigned w, int r, X64Mem m)
{
    if (w == 16) {
        x64_rm(x, X64_MOVUPS_STORE, 0, r, m);
    } else {
        x64_rm(x, w == 1 ? X64_MOV_STORE8 : X64_MOV_STORE, w, r, m);
    }
}

/* Cold: the check for a whole group failed; this access alone may do. */
static void access_again(T1Comp *c, const Access *s, int value, bool imm,
                         int32_t k)
{
    Access one = *s;
    uint32_t saved = 0;
    uint8_t *miss;
    X64Mem host;

    if (!s->group || (s->member && !cold_pair(c, &one, &saved))) {
        return;
    }
    cold_move(c->y, saved, true);
    miss = access_check(c, c->y, &one, 0, s->op->w);
    host = access_host(&one);
    if (s->op->op == IR_ld) {
        load_value(c->y, s->op, value, host);
    } else if (imm) {
        x64_mov_mem_imm(c->y, s->op->w, host, k);
    } else {
        store_value(c->y, s->op->w, value, host);
    }
    if (s->member) {
        cold_move(c->y, saved, false);
    } else {
        x64_alu_rr(c->y, X64_XOR, 4, s->page, s->page);
    }
    x64_jmp(c->y, c->x->p);
    x64_patch(miss, c->y->p);
    cold_move(c->y, saved, false);
}

static void op_load(T1Comp *c, const IrOp *op)
{
    int d, target = op->w == 16 ? T1_NONE : t1_target(c, op->d);
    Access s;

    access_begin(c, &s, op);
    t1_used(c);
    d = target != T1_NONE ? t1_def(c, op->d, T1_NONE)
        : s.vec           ? t1_scratch(c, true)
        : s.member        ? t1_scratch(c, false)
                          : s.end;
    access_probe(c, &s);
    if (!s.never) {
        load_value(c->x, op, d, access_host(&s));
    }
    access_again(c, &s, d, false, 0);
    access_slow(c, &s, s.vec ? c->t1->slow_load_vec : c->t1->slow_load);
    if (s.vec) {
        x64_rm(c->y, X64_MOVUPS_LOAD, 0, d, x64_at(X64_RSP, T1_F_VEC));
    } else {
        x64_rm(c->y, X64_MOV_LOAD, 8, d, x64_at(X64_RSP, T1_F_VALUE));
    }
    x64_jmp(c->y, c->x->p);
    if (op->mem & IR_MEM_INTENT) {
        c->probed = op;
    }
    if (target != T1_NONE) {
        t1_defined(c, op->d, d);
    } else {
        t1_alias(c, op->d, d);
    }
}

static void op_store(T1Comp *c, const IrOp *op)
{
    int value = T1_NONE;
    bool imm = false;
    int32_t k = 0;
    Access s;

    if (op->w <= 8) {
        imm = t1_imm32(c, op->c, op->w == 8 ? 8 : 4, &k);
    }
    if (!imm) {
        value = t1_use(c, op->c);
    }
    access_begin(c, &s, op);
    t1_used(c);
    access_probe(c, &s);
    if (!s.never) {
        if (imm) {
            x64_mov_mem_imm(c->x, op->w, access_host(&s), k);
        } else {
            store_value(c->x, op->w, value, access_host(&s));
        }
    }
    access_again(c, &s, value, imm, k);
    if (imm) {
        x64_mov_mem_imm(c->y, 8, x64_at(X64_RSP, T1_F_VALUE), k);
    } else {
        store_value(c->y, op->w == 16 ? 16 : 8, value,
                    x64_at(X64_RSP, s.vec ? T1_F_VEC : T1_F_VALUE));
    }
    access_slow(c, &s, s.vec ? c->t1->slow_store_vec : c->t1->slow_store);
    x64_jmp(c->y, c->x->p);
}

static void op_probe(T1Comp *c, const IrOp *op)
{
    Access s;

    access_begin(c, &s, op);
    t1_used(c);
    access_probe(c, &s);
    x64_mov_mem_imm(c->y, 8, x64_at(X64_RSP, T1_F_VALUE), op->w);
    access_slow(c, &s, c->t1->slow_probe);
    x64_jmp(c->y, c->x->p);
    c->probed = op;
}

void t1_op_mem(T1Comp *c, const IrOp *op)
{
    if (op->op == IR_ld) {
        op_load(c, op);
    } else if (op->op == IR_st) {
        op_store(c, op);
    } else {
        op_probe(c, op);
    }
}

/* The vCPU's own memory. */
void t1_op_env(T1Comp *c, const IrOp *op)
{
    X64Mem m = t1_vcpu(c, (size_t)op->imm);
    int32_t k;
    int r;

    if (op->op == IR_ldenv) {
        for (unsigned g = 0; g < c->ops->global_count; g++) {
            const IrGlobal *i = &c->ops->globals[g];

            if (op->imm >= i->offset && op->imm < i->offset + 16) {
                t1_flush(c, c->x); /* a global's home */
                t1_pins_move(c, c->x, true, true);
                break;
            }
        }
        t1_used(c);
        r = t1_def(c, op->d, T1_NONE);
        load_value(c->x, op, r, m);
        t1_defined(c, op->d, r);
        return;
    }
    if (t1_imm32(c, op->a, op->w, &k)) {
        t1_used(c);
        x64_mov_mem_imm(c->x, op->w, m, k);
        return;
    }
    r = t1_use(c, op->a);
    t1_used(c);
    store_value(c->x, op->w, r, m);
}

/* --- called ------------------------------------------------------------------- */

typedef struct Piece {
    uint8_t *host;
    RamPage page;
    uint32_t off, size;
} Piece;

static T1Result slow_leave(Vcpu *v, uint32_t info, unsigned code)
{
    v->pc = (v->pc_page + (info >> 16 & 0x1fff)) & v->ops->pc_mask(v->mode);
    if (code == T1_X_RESTART) {
        v->budget++; /* the step was not made */
    }
    return (T1Result){code, 0};
}

/* May the bytes be written without ado? */
static bool slow_writable(Vcpu *v, const Piece *p, bool rom, uint8_t flags)
{
    return !rom && !(flags & RAM_NO_WRITE)
           && !((flags & RAM_CODE)
                && blocks_overlap(&v->accel->cache, p->page, p->off, p->size));
}

/* Translate and check all of an access. 0: go on; else why not. */
static unsigned slow_pieces(Vcpu *v, uint64_t va, unsigned size, unsigned mem,
                            unsigned mmu, bool write, Piece *out)
{
    uint64_t wrap = mem & IR_MEM_ADDR32 ? UINT32_MAX : v->ops->pc_mask(v->mode);
    uint32_t budget = v->budget;
    unsigned count = 0;
    bool plain = true;

    while (size > 0) {
        unsigned room = GUEST_PAGE_SIZE - (va & 0xfff);
        TlbL2Entry *e =
            tlb_lookup(v, va, write ? ACCESS_WRITE : ACCESS_READ, mmu);
        Piece *p = &out[count++];
        uint8_t flags;
        bool rom;

        if (!e) {
            return T1_X_FAULT;
        }
        p->off = va & 0xfff;
        p->size = MIN(room, size);
        tlb_l1_fill(v, va, mmu, e);
        if (!tlb_ram(v->tlb, (e->pa & TLB_PAGE_MASK) | p->off, p->size,
                     &p->host, &p->page, &rom)) {
            plain = false;
        } else {
            flags = ram_flags(v->dev.vm->ram)[p->page];
            plain = plain && !(flags & RAM_WATCH)
                    && !vcpu_watched(v, va, p->size)
                    && (!write || slow_writable(v, p, rom, flags));
        }
        size -= p->size;
        va = (va + p->size) & wrap;
    }
    if (count == 1) {
        out[1].size = 0;
    }
    return plain && v->budget == budget ? 0 : T1_X_RESTART;
}

static unsigned slow_read(Vcpu *v, uint64_t va, uint32_t info, uint8_t *buf)
{
    unsigned size = MEM_HOW_SIZE(info), mem = MEM_HOW_MEM(info);
    Piece p[2];
    unsigned why;

    if (mem & IR_MEM_ALIGNED && va & (size - 1)) {
        return T1_X_RESTART; /* raises there */
    }
    why = slow_pieces(v, va, size, mem, MEM_HOW_MMU(info), mem & IR_MEM_INTENT,
                      p);
    if (why) {
        return why;
    }
    for (unsigned i = 0; i < p[0].size; i++) {
        buf[i] = p[0].host[i];
    }
    for (unsigned i = 0; i < p[1].size; i++) {
        buf[p[0].size + i] = p[1].host[i];
    }
    return 0;
}

static void slow_swap(uint8_t *buf, unsigned size)
{
    for (unsigned i = 0; i < size / 2; i++) {
        uint8_t t = buf[i];

        buf[i] = buf[size - 1 - i];
        buf[size - 1 - i] = t;
    }
}

T1Result t1_slow_load(Vcpu *v, uint64_t va, uint32_t info, uint64_t unused,
                      V128 *vec)
{
    unsigned size = MEM_HOW_SIZE(info), mem = MEM_HOW_MEM(info), why;
    uint64_t value = 0;
    int64_t s;

    why = slow_read(v, va, info, (uint8_t *)&value);
    if (why) {
        return slow_leave(v, info, why);
    }
    if (mem & IR_MEM_BE) {
        slow_swap((uint8_t *)&value, size);
    }
    if (mem & (IR_MEM_SIGNED | IR_MEM_SIGNED32)) {
        s = (int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size);
        value = mem & IR_MEM_SIGNED ? (uint64_t)s : (uint32_t)s;
    }
    return (T1Result){0, value};
}

T1Result t1_slow_load_vec(Vcpu *v, uint64_t va, uint32_t info, uint64_t unused,
                          V128 *vec)
{
    unsigned why = slow_read(v, va, info, vec->u8);

    if (why) {
        return slow_leave(v, info, why);
    }
    if (MEM_HOW_MEM(info) & IR_MEM_BE) {
        slow_swap(vec->u8, 16);
    }
    return (T1Result){0, 0};
}

static T1Result slow_write(Vcpu *v, uint64_t va, uint32_t info, uint8_t *buf)
{
    unsigned size = MEM_HOW_SIZE(info), mem = MEM_HOW_MEM(info);
    unsigned mmu = MEM_HOW_MMU(info), why, done = 0;
    TlbL2Entry *e;
    Piece p[2];

    if (mem & IR_MEM_ALIGNED && va & (size - 1)) {
        return slow_leave(v, info, T1_X_RESTART);
    }
    why = slow_pieces(v, va, size, mem, mmu, true, p);
    if (why) {
        /* a store that was checked is plain: see t1_slow_probe() */
        g_assert(!(info & T1_INFO_CHECKED));
        return slow_leave(v, info, why);
    }
    if (mem & IR_MEM_BE) {
        slow_swap(buf, size);
    }
    for (unsigned k = 0; k < 2 && p[k].size; k++) {
        if (!(ram_flags(v->dev.vm->ram)[p[k].page] & RAM_FAST)) {
            ram_dirty(v->dev.vm, p[k].page);
        }
        for (unsigned i = 0; i < p[k].size; i++) {
            p[k].host[i] = buf[done++];
        }
    }
    e = tlb_find(v->tlb, va, ACCESS_WRITE, mmu);
    if (e) {
        tlb_l1_fill(v, va, mmu, e);
    }
    return (T1Result){0, 0};
}

/* Behind a check of something else: as T0 does it, whatever it is. */
static T1Result slow_now(Vcpu *v, uint32_t info)
{
    return v->fault ? slow_leave(v, info, T1_X_FAULT) : (T1Result){0, 0};
}

T1Result t1_slow_store(Vcpu *v, uint64_t va, uint32_t info, uint64_t value,
                       V128 *vec)
{
    if (info & T1_INFO_NOW) {
        mem_slow_store(v, va, info & 0xffff, value);
        return slow_now(v, info);
    }
    return slow_write(v, va, info, (uint8_t *)&value);
}

T1Result t1_slow_store_vec(Vcpu *v, uint64_t va, uint32_t info, uint64_t value,
                           V128 *vec)
{
    if (info & T1_INFO_NOW) {
        mem_slow_store_vec(v, va, info & 0xffff, vec);
        return slow_now(v, info);
    }
    return slow_write(v, va, info, vec->u8);
}

/* Behind it stores happen without a way back: they must be plain. */
T1Result t1_slow_probe(Vcpu *v, uint64_t va, uint32_t info, uint64_t value,
                       V128 *vec)
{
    Piece p[2];
    unsigned why = slow_pieces(v, va, (unsigned)value, MEM_HOW_MEM(info),
                               MEM_HOW_MMU(info), true, p);

    return why ? slow_leave(v, info, why) : (T1Result){0, 0};
}

#endif
