/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far jumps, calls and returns, and IRET: SDM 3A 5.8, SDM 2A CALL, IRET, JMP,
 * RET. All checks come first; state changes last. */
#include "cpu/x86/sys_priv.h"

#define MAX_PARAMS 31

static uint64_t cut(uint64_t v, unsigned bytes)
{
    return bytes == 2 ? (uint16_t)v : bytes == 4 ? (uint32_t)v : v;
}

static bool raise_sel(X86Cpu *c, unsigned vector, uint16_t sel)
{
    x86_raise_error(c, vector, sel & ~3u);
    return false;
}

static bool ip_ok(X86Cpu *c, const X86Desc *cs, uint64_t ip)
{
    bool to64 = x86_long(c) && (cs->attr & X86_ATTR_L);

    if (to64 ? x86_canonical(ip) : (uint32_t)ip <= cs->limit) {
        return true;
    }
    x86_raise_error(c, X86_GP, 0);
    return false;
}

static void go(X86Cpu *c, const X86Desc *cs, unsigned cpl, uint64_t ip)
{
    x86_seg_from(c, X86_CS, (cs->sel & ~3u) | cpl, cs);
    x86_update_mode(c);
    x86_jump(c, ip);
}

static void go_real(X86Cpu *c, uint16_t sel, uint64_t ip)
{
    x86_seg_real(c, X86_CS, sel, c->v.mode & X86_MODE_VM86);
    x86_update_mode(c);
    x86_jump(c, ip);
}

static bool real_ip_ok(X86Cpu *c, uint64_t ip)
{
    uint32_t limit = c->v.mode & X86_MODE_VM86 ? 0xffff : c->seg[X86_CS].limit;

    if (ip <= limit) {
        return true;
    }
    x86_raise_error(c, X86_GP, 0);
    return false;
}

/* A code segment named directly by a jump or a call. */
static bool code_direct(X86Cpu *c, const X86Desc *d)
{
    unsigned cpl = x86_cpl(c);
    bool ok;

    if (X86_IS_CONFORMING(d)) {
        ok = X86_DPL(d) <= cpl;
    } else {
        ok = (d->sel & 3u) <= cpl && X86_DPL(d) == cpl;
    }
    if (x86_long(c)
        && (d->attr & (X86_ATTR_L | X86_ATTR_D)) == (X86_ATTR_L | X86_ATTR_D)) {
        ok = false;
    }
    if (!ok) {
        return raise_sel(c, X86_GP, d->sel);
    }
    return X86_PRESENT(d) || raise_sel(c, X86_NP, d->sel);
}

/* --- call gates ---------------------------------------------------------------- */

typedef struct CallGate {
    X86Desc cs;
    uint64_t ip;
    unsigned size, params;
    unsigned cpl; /* afterwards */
} CallGate;

static bool gate_follow(X86Cpu *c, const X86Desc *d, bool call, CallGate *g)
{
    bool lm = x86_long(c);
    uint16_t sel = d->lo >> 16;
    unsigned cpl = x86_cpl(c);
    bool ok;

    if (X86_DPL(d) < cpl || X86_DPL(d) < (d->sel & 3u) || x86_desc_bad(d)) {
        return raise_sel(c, X86_GP, d->sel);
    }
    if (!X86_PRESENT(d)) {
        return raise_sel(c, X86_NP, d->sel);
    }
    g->size = lm ? 8 : X86_TYPE(d) & 8 ? 4 : 2;
    g->params = lm ? 0 : d->hi & 31;
    g->ip = (d->lo & 0xffff) | (g->size > 2 ? d->hi & 0xffff0000 : 0);
    g->ip |= lm ? d->high << 32 : 0;
    if (!(sel & ~3u)) {
        return raise_sel(c, X86_GP, 0);
    }
    if (!x86_desc_get(c, sel, X86_GP, 0, &g->cs)) {
        return false;
    }
    ok = X86_IS_CODE(&g->cs) && X86_DPL(&g->cs) <= cpl;
    if (!call && !X86_IS_CONFORMING(&g->cs)) {
        ok = ok && X86_DPL(&g->cs) == cpl;
    }
    if (lm && (g->cs.attr & (X86_ATTR_L | X86_ATTR_D)) != X86_ATTR_L) {
        ok = false;
    }
    if (!ok) {
        return raise_sel(c, X86_GP, sel);
    }
    if (!X86_PRESENT(&g->cs)) {
        return raise_sel(c, X86_NP, sel);
    }
    g->cpl = X86_IS_CONFORMING(&g->cs) ? cpl : X86_DPL(&g->cs);
    return ip_ok(c, &g->cs, g->ip) && x86_desc_touch(c, &g->cs);
}

static bool call_inner_long(X86Cpu *c, const CallGate *g, uint64_t next)
{
    uint64_t frame[4] = {c->seg[X86_SS].sel, c->gpr[X86_RSP],
                         c->seg[X86_CS].sel, next};
    X86Stack st = {
        .mask = UINT64_MAX,
        .flat = true,
        .mmu = X86_MMU_KERNEL,
        .vector = X86_SSX,
    };

    if (!x86_tss_rsp(c, g->cpl, 0, &st.sp)
        || !x86_stack_push(c, &st, frame, 4, 8)) {
        return false;
    }
    x86_seg_null(c, X86_SS, g->cpl, g->cpl);
    c->gpr[X86_RSP] = st.sp;
    return true;
}

static bool call_inner(X86Cpu *c, const CallGate *g, uint64_t next)
{
    uint64_t params[MAX_PARAMS], frame[MAX_PARAMS + 4], sp;
    unsigned n = 0;
    X86Stack old, st;
    uint16_t ss_sel;
    X86Desc ss;

    if (!x86_tss_stack(c, g->cpl, 0, &ss_sel, &sp)
        || !x86_stack_segment(c, ss_sel, g->cpl, X86_TS, 0, &ss)) {
        return false;
    }
    x86_stack_now(c, &old);
    if (!x86_stack_pop(c, &old, params, g->params, g->size)) {
        return false;
    }
    frame[n++] = c->seg[X86_SS].sel;
    frame[n++] = c->gpr[X86_RSP];
    for (unsigned i = g->params; i-- > 0;) {
        frame[n++] = params[i];
    }
    frame[n++] = c->seg[X86_CS].sel;
    frame[n++] = next;
    x86_stack_new(c, &st, &ss, sp, g->cpl, 0);
    if (!x86_stack_push(c, &st, frame, n, g->size)) {
        return false;
    }
    x86_seg_from(c, X86_SS, ss_sel, &ss);
    x86_stack_commit(c, &st);
    return true;
}

static bool call_same(X86Cpu *c, unsigned size, uint64_t next)
{
    uint64_t frame[2] = {c->seg[X86_CS].sel, next};
    X86Stack st;

    x86_stack_now(c, &st);
    if (!x86_stack_push(c, &st, frame, 2, size)) {
        return false;
    }
    x86_stack_commit(c, &st);
    return true;
}

static void through_gate(X86Cpu *c, const X86Desc *d, bool call, uint64_t next)
{
    CallGate g;

    if (!gate_follow(c, d, call, &g)) {
        return;
    }
    if (call) {
        bool ok;

        if (g.cpl == x86_cpl(c)) {
            ok = call_same(c, g.size, next);
        } else if (x86_long(c)) {
            ok = call_inner_long(c, &g, next);
        } else {
            ok = call_inner(c, &g, next);
        }
        if (!ok) {
            return;
        }
    }
    go(c, &g.cs, g.cpl, g.ip);
}

/* The selector of a far jump or call names a system descriptor. */
static void far_system(X86Cpu *c, X86Desc *d, bool call, uint64_t next)
{
    X86TaskWhy why = call ? X86_TASK_CALL : X86_TASK_JMP;

    switch (X86_TYPE(d)) {
    case X86_SYS_CALL32:
        through_gate(c, d, call, next);
        return;
    case X86_SYS_CALL16:
        if (!x86_long(c)) {
            through_gate(c, d, call, next);
            return;
        }
        break;
    case X86_SYS_TSS16:
    case X86_SYS_TSS32:
    case X86_SYS_TASK:
        if (x86_long(c) || X86_DPL(d) < x86_cpl(c)
            || X86_DPL(d) < (d->sel & 3u)) {
            break;
        }
        if (X86_TYPE(d) == X86_SYS_TASK) {
            x86_task_gate(c, d, why, next, NULL);
        } else {
            x86_task_switch(c, d, why, next, NULL);
        }
        return;
    default:
        break;
    }
    raise_sel(c, X86_GP, d->sel);
}

static void far_go(X86Cpu *c, uint16_t sel, uint64_t ip, unsigned size,
                   bool call, uint64_t next)
{
    X86Desc d;

    ip = cut(ip, size);
    if (!x86_protected(c)) {
        if (real_ip_ok(c, ip) && (!call || call_same(c, size, next))) {
            go_real(c, sel, ip);
        }
        return;
    }
    if (!(sel & ~3u)) {
        x86_raise_error(c, X86_GP, 0);
        return;
    }
    if (!x86_desc_get(c, sel, X86_GP, 0, &d)) {
        return;
    }
    if (X86_IS_SYS(&d)) {
        far_system(c, &d, call, next);
        return;
    }
    if (!X86_IS_CODE(&d)) {
        raise_sel(c, X86_GP, sel);
        return;
    }
    if (code_direct(c, &d) && ip_ok(c, &d, ip) && x86_desc_touch(c, &d)
        && (!call || call_same(c, size, next))) {
        go(c, &d, x86_cpl(c), ip);
    }
}

uint64_t x86_h_far_jmp(Vcpu *v, uint64_t sel, uint64_t ip, uint64_t size,
                       uint64_t next)
{
    far_go(x86_of(v), sel, ip, size, false, next);
    return 0;
}

uint64_t x86_h_far_call(Vcpu *v, uint64_t sel, uint64_t ip, uint64_t size,
                        uint64_t next)
{
    far_go(x86_of(v), sel, ip, size, true, next);
    return 0;
}

/* --- returns ------------------------------------------------------------------- */

/* Where a RET or IRET goes. */
typedef struct Return {
    X86Desc cs, ss;
    uint64_t ip, sp;
    uint16_t ss_sel;
    bool ss_null;
    bool outer;
    unsigned cpl;
} Return;

static bool return_code(X86Cpu *c, uint16_t sel, Return *r)
{
    unsigned rpl = sel & 3u;
    bool ok;

    if (!(sel & ~3u)) {
        x86_raise_error(c, X86_GP, 0);
        return false;
    }
    if (rpl < x86_cpl(c)) {
        return raise_sel(c, X86_GP, sel);
    }
    if (!x86_desc_get(c, sel, X86_GP, 0, &r->cs)) {
        return false;
    }
    ok = X86_IS_CODE(&r->cs)
         && (X86_IS_CONFORMING(&r->cs) ? X86_DPL(&r->cs) <= rpl
                                       : X86_DPL(&r->cs) == rpl);
    if (x86_long(c)
        && (r->cs.attr & (X86_ATTR_L | X86_ATTR_D))
               == (X86_ATTR_L | X86_ATTR_D)) {
        ok = false;
    }
    if (!ok) {
        return raise_sel(c, X86_GP, sel);
    }
    if (!X86_PRESENT(&r->cs)) {
        return raise_sel(c, X86_NP, sel);
    }
    r->cpl = rpl;
    r->outer = rpl > x86_cpl(c);
    return ip_ok(c, &r->cs, r->ip) && x86_desc_touch(c, &r->cs);
}

static bool return_stack(X86Cpu *c, Return *r)
{
    bool to64 = x86_long(c) && (r->cs.attr & X86_ATTR_L);

    r->ss_null =
        !(r->ss_sel & ~3u) && to64 && r->cpl != 3 && (r->ss_sel & 3u) == r->cpl;
    return r->ss_null
           || x86_stack_segment(c, r->ss_sel, r->cpl, X86_GP, 0, &r->ss);
}

/* SS:RSP of @r; then the code segment. */
static void return_commit_stack(X86Cpu *c, const Return *r)
{
    bool to64 = x86_long(c) && (r->cs.attr & X86_ATTR_L);

    if (r->ss_null) {
        x86_seg_null(c, X86_SS, r->ss_sel, r->cpl);
    } else {
        x86_seg_from(c, X86_SS, r->ss_sel, &r->ss);
    }
    if (to64) {
        c->gpr[X86_RSP] = r->sp;
    } else if (c->seg[X86_SS].attr & X86_ATTR_D) {
        c->gpr[X86_RSP] = (uint32_t)r->sp;
    } else {
        c->gpr[X86_RSP] = (c->gpr[X86_RSP] & ~0xffffull) | (r->sp & 0xffff);
    }
}

static void return_go(X86Cpu *c, const Return *r)
{
    if (r->outer) {
        x86_segs_outward(c, r->cpl);
    }
    go(c, &r->cs, r->cpl, r->ip);
}

static void far_ret_protected(X86Cpu *c, X86Stack *st, unsigned size,
                              uint64_t pop)
{
    uint64_t word[2];
    Return r = {0};

    if (!x86_stack_pop(c, st, word, 2, size)) {
        return;
    }
    r.ip = word[0];
    if (!return_code(c, word[1], &r)) {
        return;
    }
    st->sp += pop;
    if (!r.outer) {
        x86_stack_commit(c, st);
        return_go(c, &r);
        return;
    }
    if (!x86_stack_pop(c, st, word, 2, size)) {
        return;
    }
    r.sp = word[0] + pop;
    r.ss_sel = word[1];
    if (return_stack(c, &r)) {
        return_commit_stack(c, &r);
        return_go(c, &r);
    }
}

uint64_t x86_h_far_ret(Vcpu *v, uint64_t size, uint64_t pop, uint64_t u1,
                       uint64_t u2)
{
    X86Cpu *c = x86_of(v);
    uint64_t word[2];
    X86Stack st;

    x86_stack_now(c, &st);
    if (x86_protected(c)) {
        far_ret_protected(c, &st, size, pop);
        return 0;
    }
    if (x86_stack_pop(c, &st, word, 2, size) && real_ip_ok(c, word[0])) {
        st.sp += pop;
        x86_stack_commit(c, &st);
        go_real(c, word[1], word[0]);
    }
    return 0;
}

/* --- iret ---------------------------------------------------------------------- */

/* RF matters to instruction breakpoints alone. */
static uint64_t iret_mask(const X86Cpu *c, unsigned size)
{
    uint64_t mask = X86_ARITH | X86_TF | X86_DF | X86_NT;
    unsigned cpl = x86_cpl(c);

    if (size > 2) {
        mask |= X86_AC | X86_ID;
    }
    if (x86_debug_insn(c)) {
        mask |= X86_RF;
    }
    if (cpl <= x86_iopl(c)) {
        mask |= X86_IF;
    }
    if (cpl == 0) {
        mask |= X86_IOPL | (size > 2 ? X86_VIF | X86_VIP : 0);
    }
    return mask;
}

static void iret_real(X86Cpu *c, X86Stack *st, unsigned size)
{
    /* SDM 2A IRET: bits 17, 19 and 20 stay, in real mode too */
    uint64_t mask = iret_mask(c, size) & ~(uint64_t)(X86_VIF | X86_VIP);
    uint64_t word[3];
    bool done;

    if (c->v.mode & X86_MODE_VM86) {
        if (x86_iopl(c) < 3 && !x86_vme_iret(c, size)) {
            x86_raise_error(c, X86_GP, 0);
            return;
        }
        mask &= ~(uint64_t)X86_IOPL;
    }
    if (!x86_stack_pop(c, st, word, 3, size) || !real_ip_ok(c, word[0])
        || !x86_vme_flags(c, word[2], &done)) {
        return;
    }
    x86_stack_commit(c, st);
    go_real(c, word[1], word[0]);
    if (!done) {
        x86_merge_eflags(c, word[2], mask);
    }
}

static void iret_to_vm86(X86Cpu *c, X86Stack *st, uint64_t ip, uint16_t cs,
                         uint64_t flags)
{
    static const uint8_t order[] = {X86_ES, X86_DS, X86_FS, X86_GS};
    uint64_t word[6]; /* esp ss es ds fs gs */

    if (!x86_stack_pop(c, st, word, 6, 4)) {
        return;
    }
    if (ip > 0xffff) {
        x86_raise_error(c, X86_GP, 0);
        return;
    }
    x86_merge_eflags(c, flags, UINT32_MAX & ~(x86_debug_insn(c) ? 0 : X86_RF));
    x86_seg_real(c, X86_CS, cs, true);
    x86_seg_real(c, X86_SS, word[1], true);
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        x86_seg_real(c, order[i], word[2 + i], true);
    }
    c->gpr[X86_RSP] = (uint32_t)word[0];
    x86_update_mode(c);
    x86_jump(c, ip);
}

/* SDM 3A 7.4: NT set, the previous task is named by the TSS's link. */
static void iret_task(X86Cpu *c, uint64_t next)
{
    uint64_t link;
    X86Desc d;

    if (!vcpu_load(&c->v, (uint32_t)c->tr.base, 2, X86_MMU_KERNEL, &link)) {
        return;
    }
    if ((link & 4) || !(link & ~3ull)) {
        raise_sel(c, X86_TS, link);
        return;
    }
    if (!x86_desc_get(c, link, X86_TS, 0, &d)) {
        return;
    }
    if (!X86_IS_SYS(&d)
        || (X86_TYPE(&d) != X86_SYS_TSS16_BUSY
            && X86_TYPE(&d) != X86_SYS_TSS32_BUSY)) {
        raise_sel(c, X86_TS, link);
        return;
    }
    x86_task_switch(c, &d, X86_TASK_IRET, next, NULL);
}

static void iret_protected(X86Cpu *c, X86Stack *st, unsigned size)
{
    bool with_stack = x86_code64(c);
    uint64_t word[5], mask = iret_mask(c, size);
    Return r = {0};

    if (!x86_stack_pop(c, st, word, 3, size)) {
        return;
    }
    if ((word[2] & X86_VM) && size == 4 && x86_cpl(c) == 0 && !x86_long(c)) {
        iret_to_vm86(c, st, word[0], word[1], word[2]);
        return;
    }
    r.ip = word[0];
    if (!return_code(c, word[1], &r)) {
        return;
    }
    if (with_stack || r.outer) {
        if (!x86_stack_pop(c, st, word + 3, 2, size)) {
            return;
        }
        r.sp = word[3];
        r.ss_sel = word[4];
        if (!return_stack(c, &r)) {
            return;
        }
        return_commit_stack(c, &r);
    } else {
        x86_stack_commit(c, st);
    }
    x86_put_eflags(c, word[2], mask);
    return_go(c, &r);
    x86_irq_poll(c);
}

uint64_t x86_h_iret(Vcpu *v, uint64_t size, uint64_t next, uint64_t u1,
                    uint64_t u2)
{
    X86Cpu *c = x86_of(v);
    X86Stack st;

    x86_stack_now(c, &st);
    if (!x86_protected(c)) {
        iret_real(c, &st, size);
    } else if (!(c->eflags & X86_NT)) {
        iret_protected(c, &st, size);
    } else if (x86_long(c)) {
        x86_raise_error(c, X86_GP, 0);
    } else {
        iret_task(c, next);
    }
    if (!v->fault && c->nmi_blocked) {
        c->nmi_blocked = false;
        x86_irq_poll(c);
    }
    return 0;
}
