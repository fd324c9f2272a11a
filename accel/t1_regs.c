/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where values are: registers, homes, constants; who must go when. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include <string.h>

#define GPRS 0x0000ffffu
#define XMMS 0xffff0000u
/* lost in a call: rax rcx rdx rsi rdi r8-r11 and all vector registers */
#define CLOBBERED (XMMS | 0x0fc7u)
#define BIT(r) (1u << (r))

static bool ent_is_global(int e)
{
    return e >= IR_MAX_TEMPS;
}

static bool ent_is_vec(const T1Comp *c, int e)
{
    return ent_is_global(e) ? c->ops->globals[e - IR_MAX_TEMPS].type == IR_VEC
                            : c->ir->temp_types[e] == IR_VEC;
}

bool t1_is_pinned(const T1Comp *c, int reg)
{
    return reg < X64_XMM0 && c->t1->pinned[reg] != T1_NONE;
}

static int ent_pin(const T1Comp *c, int e)
{
    return ent_is_global(e) ? c->t1->pin_of[e - IR_MAX_TEMPS] : T1_NONE;
}

void t1_regs_begin(T1Comp *c)
{
    unsigned globals = c->ops->global_count;

    memset(c->owners, 0, sizeof(c->owners));
    for (unsigned t = 0; t < c->ir->temp_count; t++) {
        c->reg[t] = c->slot[t] = c->sink[t] = T1_NONE;
        c->home_ok[t] = c->konst[t] = false;
        c->next[t] = 0;
    }
    for (unsigned g = 0; g < globals; g++) {
        c->reg[IR_MAX_TEMPS + g] = (int8_t)c->t1->pin_of[g];
        c->home_ok[IR_MAX_TEMPS + g] = true;
        c->written[g] = false;
        c->konst[IR_MAX_TEMPS + g] = false;
        c->next[IR_MAX_TEMPS + g] = 0;
    }
    for (unsigned i = 0; i < VCPU_SCRATCH; i++) {
        c->free_slot[0][i] = (uint16_t)(VCPU_SCRATCH - 1 - i);
    }
    for (unsigned i = 0; i < VCPU_VSCRATCH; i++) {
        c->free_slot[1][i] = (uint16_t)(VCPU_VSCRATCH - 1 - i);
    }
    c->free_slots[0] = VCPU_SCRATCH;
    c->free_slots[1] = VCPU_VSCRATCH;
    c->locked = 0;
    c->write_count = 0;
    c->temps = XMMS | BIT(X64_R8) | BIT(X64_R9) | BIT(X64_R10) | BIT(X64_R11)
               | BIT(X64_R14);
    for (int r = 0; r < X64_XMM0; r++) {
        static const uint16_t pins = 0x30cf; /* the eight that may be pinned */

        if ((pins >> r & 1) && !t1_is_pinned(c, r)) {
            c->temps |= BIT(r);
        }
    }
}

/* --- homes ----------------------------------------------------------------- */

X64Mem t1_home(T1Comp *c, int e)
{
    bool vec = ent_is_vec(c, e);
    int32_t off;

    if (ent_is_global(e)) {
        off = (int32_t)c->ops->globals[e - IR_MAX_TEMPS].offset;
        return x64_at(X64_RBP, off - c->t1->bias);
    }
    if (c->slot[e] == T1_NONE) {
        if (c->free_slots[vec] == 0) {
            c->failed = true;
            c->slot[e] = 0;
        } else {
            c->slot[e] = (int16_t)c->free_slot[vec][--c->free_slots[vec]];
        }
    }
    off = vec ? (int32_t)offsetof(Vcpu, vscratch) + 16 * c->slot[e]
              : (int32_t)offsetof(Vcpu, scratch) + 8 * c->slot[e];
    return x64_at(X64_RBP, off - c->t1->bias);
}

static void ent_store(T1Comp *c, X64 *x, int e)
{
    X64Mem m = t1_home(c, e);
    uint64_t v = c->value[e];

    if (c->konst[e] && (int64_t)v == (int32_t)v) {
        x64_mov_mem_imm(x, 8, m, (int32_t)v);
    } else if (c->konst[e] && c->reg[e] == T1_NONE) {
        /* rare: no register to be had here in the cold stream */
        x64_mov_mem_imm(x, 4, m, (int32_t)v);
        m.disp += 4;
        x64_mov_mem_imm(x, 4, m, (int32_t)(v >> 32));
    } else if (c->reg[e] >= X64_XMM0) {
        x64_rm(x, X64_MOVUPS_STORE, 0, c->reg[e], m);
    } else {
        x64_rm(x, X64_MOV_STORE, 8, c->reg[e], m);
    }
}

static void ent_detach(T1Comp *c, int e)
{
    int r = c->reg[e];

    if (r == T1_NONE || ent_pin(c, e) != T1_NONE) {
        return;
    }
    for (unsigned i = 0; i < c->owners[r]; i++) {
        if (c->owner[r][i] == e) {
            c->owner[r][i] = c->owner[r][--c->owners[r]];
            break;
        }
    }
    c->reg[e] = T1_NONE;
}

static void ent_attach(T1Comp *c, int e, int r)
{
    c->owner[r][c->owners[r]++] = (int16_t)e;
    c->reg[e] = (int8_t)r;
}

/* A temp that nobody reads any more. */
static void ent_end(T1Comp *c, int e)
{
    ent_detach(c, e);
    c->konst[e] = c->home_ok[e] = false;
    if (c->slot[e] != T1_NONE) {
        bool vec = ent_is_vec(c, e);

        c->free_slot[vec][c->free_slots[vec]++] = (uint16_t)c->slot[e];
        c->slot[e] = T1_NONE;
    }
}

static bool ent_must_keep(const T1Comp *c, int e)
{
    return !c->home_ok[e] && !c->konst[e]
           && (ent_is_global(e) || c->next[e] != 0);
}

/* --- registers ------------------------------------------------------------- */

static void reg_evict(T1Comp *c, int r)
{
    while (c->owners[r] > 0) {
        int e = c->owner[r][0];

        if (ent_must_keep(c, e)) {
            ent_store(c, c->x, e);
            c->home_ok[e] = true;
        }
        ent_detach(c, e);
    }
}

static int reg_free(const T1Comp *c, bool vec)
{
    uint32_t mask = c->temps & ~c->locked & ~c->held & (vec ? XMMS : GPRS);
    static const uint8_t first[] = {X64_R8, X64_R9, X64_R10, X64_R11, X64_R14};

    if (!vec) {
        for (unsigned i = 0; i < sizeof(first); i++) {
            if ((mask & BIT(first[i])) && c->owners[first[i]] == 0) {
                return first[i];
            }
        }
    }
    for (; mask; mask &= mask - 1) {
        int r = __builtin_ctz(mask);

        if (c->owners[r] == 0) {
            return r;
        }
    }
    return T1_NONE;
}

/* When is what @r holds wanted again; late is good. */
static unsigned reg_wanted(const T1Comp *c, int r)
{
    unsigned when = 0x20000;

    for (unsigned i = 0; i < c->owners[r]; i++) {
        int e = c->owner[r][i];
        unsigned n = c->next[e] ? c->next[e] : 0x10001;

        if (n == 0x10001 && !ent_must_keep(c, e)) {
            n = 0x10002;
        }
        when = MIN(when, n);
    }
    return when;
}

static int reg_alloc(T1Comp *c, bool vec)
{
    int r = reg_free(c, vec);
    uint32_t mask = c->temps & ~c->locked & ~c->held & (vec ? XMMS : GPRS);
    unsigned best = 0;

    while (r == T1_NONE && !vec && c->held && (mask & (mask - 1)) == 0) {
        t1_groups_yield(c); /* one register is too few to turn things in */
        r = reg_free(c, false);
        mask = c->temps & ~c->locked & ~c->held & GPRS;
    }

    if (r == T1_NONE) {
        for (; mask; mask &= mask - 1) {
            int n = __builtin_ctz(mask);
            unsigned when = reg_wanted(c, n);

            if (when > best) {
                best = when;
                r = n;
            }
        }
        if (r == T1_NONE) {
            c->failed = true;
            return vec ? X64_XMM0 : X64_R8;
        }
        reg_evict(c, r);
    }
    c->locked |= BIT(r);
    return r;
}

int t1_scratch(T1Comp *c, bool vec)
{
    return reg_alloc(c, vec);
}

void t1_unlock(T1Comp *c, int reg)
{
    if (reg >= 0) {
        c->locked &= ~BIT(reg);
    }
}

bool t1_free_now(const T1Comp *c, int reg)
{
    return reg >= 0 && (c->temps & ~c->held & BIT(reg)) && c->owners[reg] == 0;
}

/* Others than its global leave a pinned register before it changes. */
static void reg_vacate(T1Comp *c, int r)
{
    bool keep = false;
    int to;

    for (unsigned i = c->owners[r]; i-- > 0;) {
        int e = c->owner[r][i];

        if (ent_must_keep(c, e) || (!ent_is_global(e) && c->next[e])) {
            keep = true;
        } else if (c->next[e] == 0) {
            ent_detach(c, e);
        } else {
            keep = true;
        }
    }
    if (!keep) {
        return;
    }
    to = reg_free(c, false);
    if (to == T1_NONE) {
        reg_evict(c, r);
        return;
    }
    x64_mov(c->x, 8, to, r);
    while (c->owners[r] > 0) {
        int e = c->owner[r][0];

        ent_detach(c, e);
        ent_attach(c, e, to);
    }
}

/* --- operands -------------------------------------------------------------- */

bool t1_const(const T1Comp *c, IrRef r, uint64_t *value)
{
    if (r == IR_NONE) {
        *value = 0;
        return true;
    }
    if (IR_IS_CONST(r)) {
        *value = c->ir->consts[r - IR_CONST_BASE];
        return true;
    }
    if (c->konst[t1_entity(r)]) {
        *value = c->value[t1_entity(r)];
        return true;
    }
    return false;
}

bool t1_imm32(const T1Comp *c, IrRef r, unsigned w, int32_t *imm)
{
    uint64_t v;

    if (!t1_const(c, r, &v)) {
        return false;
    }
    *imm = (int32_t)v;
    return w == 4 || (int64_t)v == (int32_t)v;
}

int t1_use(T1Comp *c, IrRef ref)
{
    uint64_t k;
    int e, r;

    if (IR_IS_CONST(ref) || ref == IR_NONE) {
        t1_const(c, ref, &k);
        r = reg_alloc(c, false);
        x64_imm(c->x, r, k);
        return r;
    }
    e = t1_entity(ref);
    r = c->reg[e];
    if (r == T1_NONE) {
        bool vec = ent_is_vec(c, e);

        r = reg_alloc(c, vec);
        if (c->konst[e]) {
            x64_imm(c->x, r, c->value[e]);
        } else {
            x64_rm(c->x, vec ? X64_MOVUPS_LOAD : X64_MOV_LOAD, vec ? 0 : 8, r,
                   t1_home(c, e));
        }
        ent_attach(c, e, r);
    }
    c->locked |= BIT(r);
    return r;
}

void t1_used(T1Comp *c)
{
    const IrOp *op = &c->ir->ops[c->at];
    const IrRef refs[] = {op->a, op->b, op->c, op->e};

    for (unsigned k = 0; k < 4; k++) {
        int e;

        if (refs[k] == IR_NONE || IR_IS_CONST(refs[k])) {
            continue;
        }
        e = t1_entity(refs[k]);
        c->next[e] = c->use[c->at][k + 1];
        if (!ent_is_global(e) && c->next[e] == 0) {
            ent_end(c, e);
        }
    }
}

/* --- results --------------------------------------------------------------- */

int t1_target(const T1Comp *c, IrRef d)
{
    return IR_IS_GLOBAL(d) ? c->t1->pin_of[d - IR_GLOBAL_BASE]
           : IR_IS_TEMP(d) ? c->sink[d - IR_TEMP_BASE]
                           : T1_NONE;
}

/* Globals that may have to be stored. */
static void ent_note(T1Comp *c, int e)
{
    int g = e - IR_MAX_TEMPS;

    if (ent_is_global(e) && !c->written[g] && c->t1->pin_of[g] == T1_NONE) {
        c->written[g] = true;
        c->writes[c->write_count++] = (uint8_t)g;
    }
}

/* The old value of a result is void. */
static void def_begin(T1Comp *c, IrRef d)
{
    if (d != IR_NONE) {
        int e = t1_entity(d);

        ent_detach(c, e);
        c->konst[e] = false;
        c->home_ok[e] = false;
        ent_note(c, e);
    }
}

int t1_def(T1Comp *c, IrRef d, int hint)
{
    int r = t1_target(c, d);
    bool vec = d != IR_NONE && ent_is_vec(c, t1_entity(d));

    def_begin(c, d);
    if (r != T1_NONE) {
        reg_vacate(c, r);
    } else if (t1_free_now(c, hint) && (hint >= X64_XMM0) == vec) {
        r = hint;
    } else {
        r = reg_alloc(c, vec);
    }
    c->locked |= BIT(r);
    return r;
}

void t1_defined(T1Comp *c, IrRef d, int reg)
{
    int e;

    if (d == IR_NONE) {
        return;
    }
    e = t1_entity(d);
    c->next[e] = c->use[c->at][0];
    if (ent_pin(c, e) != T1_NONE || (IR_IS_TEMP(d) && c->next[e] == 0)) {
        return;
    }
    ent_attach(c, e, reg);
}

void t1_set_const(T1Comp *c, IrRef d, uint64_t v)
{
    int e = t1_entity(d), r = ent_pin(c, e);

    def_begin(c, d);
    c->next[e] = c->use[c->at][0];
    if (r != T1_NONE) {
        reg_vacate(c, r);
        x64_imm(c->x, r, v);
        return;
    }
    c->konst[e] = true;
    c->value[e] = v;
}

void t1_alias(T1Comp *c, IrRef d, int reg)
{
    int target = t1_target(c, d);
    bool vec = reg >= X64_XMM0;

    if (IR_IS_TEMP(d)) {
        target = T1_NONE; /* as good as any place */
    }
    if (target == reg) {
        c->next[t1_entity(d)] = c->use[c->at][0];
        return;
    }
    if (target != T1_NONE || c->owners[reg] == T1_OWNERS) {
        int r = t1_def(c, d, T1_NONE);

        x64_mov(c->x, vec ? 0 : 8, r, reg);
        t1_defined(c, d, r);
        return;
    }
    def_begin(c, d);
    t1_defined(c, d, reg);
}

void t1_in_memory(T1Comp *c, IrRef ref)
{
    int e = t1_entity(ref);

    if (!c->home_ok[e]) {
        ent_store(c, c->x, e);
        c->home_ok[e] = true;
    }
}

void t1_changed_in_memory(T1Comp *c, IrRef d)
{
    int e = t1_entity(d);

    ent_detach(c, e);
    c->konst[e] = false;
    c->home_ok[e] = true;
    c->next[e] = c->use[c->at][0];
    if (IR_IS_TEMP(d) && c->next[e] == 0) {
        ent_end(c, e);
    }
}

/* --- all of them ----------------------------------------------------------- */

void t1_flush(T1Comp *c, X64 *x)
{
    for (unsigned i = 0; i < c->write_count; i++) {
        int e = IR_MAX_TEMPS + c->writes[i];

        if (!c->home_ok[e]) {
            ent_store(c, x, e);
            c->home_ok[e] = x == c->x ? true : c->home_ok[e];
        }
    }
}

void t1_spill_call(T1Comp *c, bool aliases)
{
    for (int r = 0; r < X64_REGS; r++) {
        bool pinned = t1_is_pinned(c, r);

        if (c->owners[r] == 0 || (pinned && !aliases)) {
            continue;
        }
        if (pinned || (CLOBBERED >> r & 1)) {
            reg_evict(c, r);
        }
    }
}

void t1_forget_globals(T1Comp *c)
{
    for (unsigned g = 0; g < c->ops->global_count; g++) {
        int e = IR_MAX_TEMPS + (int)g;

        ent_detach(c, e);
        c->konst[e] = false;
        c->home_ok[e] = c->t1->pin_of[g] == T1_NONE;
    }
}

void t1_forget_all(T1Comp *c)
{
    for (int r = 0; r < X64_REGS; r++) {
        while (c->owners[r] > 0) {
            int e = c->owner[r][0];

            if (ent_is_global(e)) {
                ent_detach(c, e);
            } else {
                ent_end(c, e);
            }
        }
    }
    for (unsigned g = 0; g < c->ops->global_count; g++) {
        c->konst[IR_MAX_TEMPS + g] = false;
    }
}

/* clang-format off */
static const uint8_t pins_clobbered[] = {X64_RAX, X64_RCX, X64_RDX, X64_RSI, X64_RDI};
static const uint8_t pins_kept[] = {X64_RBX, X64_R12, X64_R13};
/* clang-format on */

static void pin_move(T1Comp *c, X64 *x, int r, bool store)
{
    if (t1_is_pinned(c, r)) {
        x64_rm(x, store ? X64_MOV_STORE : X64_MOV_LOAD, 8, r,
               t1_home(c, IR_MAX_TEMPS + c->t1->pinned[r]));
    }
}

void t1_pins_move(T1Comp *c, X64 *x, bool store, bool all)
{
    for (unsigned i = 0; i < sizeof(pins_clobbered); i++) {
        pin_move(c, x, pins_clobbered[i], store);
    }
    for (unsigned i = 0; all && i < sizeof(pins_kept); i++) {
        pin_move(c, x, pins_kept[i], store);
    }
}

/* Caller-saved registers that hold values, around a slow path. */
static uint32_t live_clobbered(const T1Comp *c, int except)
{
    uint32_t mask = 0;

    for (int r = 0; r < X64_REGS; r++) {
        if (c->owners[r] && (CLOBBERED >> r & 1) && r != except
            && !t1_is_pinned(c, r)) {
            mask |= BIT(r);
        }
    }
    return mask;
}

static void live_move(T1Comp *c, X64 *x, int except, bool save)
{
    for (uint32_t m = live_clobbered(c, except); m; m &= m - 1) {
        int r = __builtin_ctz(m);

        if (r < X64_XMM0) {
            x64_rm(x, save ? X64_MOV_STORE : X64_MOV_LOAD, 8, r,
                   x64_at(X64_RSP, T1_F_GPR + 8 * r));
        } else {
            x64_rm(x, save ? X64_MOVUPS_STORE : X64_MOVUPS_LOAD, 0, r,
                   x64_at(X64_RSP, T1_F_XMM + 16 * (r - X64_XMM0)));
        }
    }
}

void t1_save_live(T1Comp *c, X64 *x, int except)
{
    live_move(c, x, except, true);
}

void t1_restore_live(T1Comp *c, X64 *x, int except)
{
    live_move(c, x, except, false);
}

#endif
