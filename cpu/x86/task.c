/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task state segments: inner stacks and hardware task switches. SDM 3A ch. 7 */
#include "cpu/x86/sys_priv.h"

/* Offsets, SDM 3A figures 7-2, 7-10, 7-11 */
enum {
    TSS16_SP0 = 2,
    TSS16_IP = 0x0e,   /* ip flags ax cx dx bx sp bp si di: words */
    TSS16_SEGS = 0x22, /* es cs ss ds */
    TSS16_LDT = 0x2a,
    TSS16_LIMIT = 0x2b,
    TSS32_ESP0 = 4,
    TSS32_CR3 = 0x1c,
    TSS32_EIP = 0x20,  /* eip eflags eax ... edi: dwords */
    TSS32_SEGS = 0x48, /* es cs ss ds fs gs: dwords */
    TSS32_LDT = 0x60,
    TSS32_TRAP = 0x64,
    TSS32_LIMIT = 0x67,
    TSS64_RSP0 = 4,
    TSS64_IST1 = 0x24,
};
#define IP_FLAGS_REGS 10

static bool tss_load(X86Cpu *c, uint64_t base, unsigned off, unsigned size,
                     uint64_t *out)
{
    uint64_t at = base + off;

    return vcpu_load(&c->v, x86_long(c) ? at : (uint32_t)at, size,
                     X86_MMU_KERNEL, out);
}

static bool tss_store(X86Cpu *c, uint64_t base, unsigned off, unsigned size,
                      uint64_t value)
{
    return vcpu_store(&c->v, (uint32_t)(base + off), size, X86_MMU_KERNEL,
                      value);
}

static bool tss_error(X86Cpu *c, uint16_t sel, unsigned ext)
{
    x86_raise_error(c, X86_TS, (sel & ~3u) | ext);
    return false;
}

bool x86_tss_stack(X86Cpu *c, unsigned cpl, unsigned ext, uint16_t *ss,
                   uint64_t *sp)
{
    bool wide = c->tr.attr & 8;
    unsigned size = wide ? 4 : 2;
    unsigned off = wide ? TSS32_ESP0 + 8 * cpl : TSS16_SP0 + 4 * cpl;
    uint64_t sel;

    if (off + size + 1 > c->tr.limit) {
        return tss_error(c, c->tr.sel, ext);
    }
    if (!tss_load(c, c->tr.base, off, size, sp)
        || !tss_load(c, c->tr.base, off + size, 2, &sel)) {
        return false;
    }
    *ss = sel;
    return true;
}

bool x86_tss_rsp(X86Cpu *c, unsigned slot, unsigned ext, uint64_t *rsp)
{
    unsigned off =
        slot < 3 ? TSS64_RSP0 + 8 * slot : TSS64_IST1 + 8 * (slot - 3);

    if (off + 7 > c->tr.limit) {
        return tss_error(c, c->tr.sel, ext);
    }
    if (!tss_load(c, c->tr.base, off, 8, rsp)) {
        return false;
    }
    if (!x86_canonical(*rsp)) {
        x86_raise_error(c, X86_SSX, ext);
        return false;
    }
    return true;
}

/* --- the new task's image -------------------------------------------------- */

typedef struct TaskImage {
    bool wide;
    uint64_t word[IP_FLAGS_REGS]; /* ip flags and the eight registers */
    uint64_t seg[X86_SEG_COUNT];
    uint64_t cr3, ldt, trap;
} TaskImage;

static bool image_read(X86Cpu *c, const X86Desc *d, TaskImage *t)
{
    unsigned size, first, segs, count;
    bool ok = true;

    *t = (TaskImage){.wide = d->attr & 8};
    size = t->wide ? 4 : 2;
    first = t->wide ? TSS32_EIP : TSS16_IP;
    segs = t->wide ? TSS32_SEGS : TSS16_SEGS;
    count = t->wide ? X86_SEG_COUNT : 4;
    for (unsigned i = 0; ok && i < IP_FLAGS_REGS; i++) {
        ok = tss_load(c, d->base, first + i * size, size, &t->word[i]);
    }
    for (unsigned i = 0; ok && i < count; i++) {
        ok = tss_load(c, d->base, segs + i * size, 2, &t->seg[i]);
    }
    if (t->wide) {
        return ok && tss_load(c, d->base, TSS32_CR3, 4, &t->cr3)
               && tss_load(c, d->base, TSS32_LDT, 2, &t->ldt)
               && tss_load(c, d->base, TSS32_TRAP, 2, &t->trap);
    }
    return ok && tss_load(c, d->base, TSS16_LDT, 2, &t->ldt);
}

/* Dynamic fields of the old task. It was probed for writing. */
static bool image_write(X86Cpu *c, uint64_t ip, uint64_t flags)
{
    bool wide = c->tr.attr & 8;
    unsigned size = wide ? 4 : 2;
    unsigned first = wide ? TSS32_EIP : TSS16_IP;
    unsigned segs = wide ? TSS32_SEGS : TSS16_SEGS;
    unsigned count = wide ? X86_SEG_COUNT : 4;
    bool ok = tss_store(c, c->tr.base, first, size, ip)
              && tss_store(c, c->tr.base, first + size, size, flags);

    for (unsigned i = 0; ok && i < 8; i++) {
        ok = tss_store(c, c->tr.base, first + (2 + i) * size, size, c->gpr[i]);
    }
    for (unsigned i = 0; ok && i < count; i++) {
        ok = tss_store(c, c->tr.base, segs + i * size, 2, c->seg[i].sel);
    }
    return ok;
}

/* --- loading it; faults from here on belong to the new task ------------------ */

static bool load_ldt(X86Cpu *c, uint16_t sel)
{
    X86Desc d;

    c->ldt = (X86Table){.sel = sel};
    if (!(sel & ~3u)) {
        return true;
    }
    if (sel & 4) {
        return tss_error(c, sel, 0);
    }
    if (!x86_desc_get(c, sel, X86_TS, 0, &d)) {
        return false;
    }
    if (!X86_IS_SYS(&d) || X86_TYPE(&d) != X86_SYS_LDT || !X86_PRESENT(&d)) {
        return tss_error(c, sel, 0);
    }
    c->ldt = (X86Table){d.base, d.limit, sel, d.attr};
    return true;
}

static bool load_code(X86Cpu *c, uint16_t sel)
{
    unsigned rpl = sel & 3u;
    X86Desc d;
    bool ok;

    if (!(sel & ~3u)) {
        return tss_error(c, sel, 0);
    }
    if (!x86_desc_get(c, sel, X86_TS, 0, &d)) {
        return false;
    }
    ok = X86_IS_CODE(&d)
         && (X86_IS_CONFORMING(&d) ? X86_DPL(&d) <= rpl : X86_DPL(&d) == rpl);
    if (!ok) {
        return tss_error(c, sel, 0);
    }
    if (!X86_PRESENT(&d)) {
        x86_raise_error(c, X86_NP, sel & ~3u);
        return false;
    }
    if (!x86_desc_touch(c, &d)) {
        return false;
    }
    x86_seg_from(c, X86_CS, sel, &d);
    return true;
}

/* While CS is not there the width of its task keeps EIP whole in frames. */
static uint16_t attr_without(const TaskImage *t, unsigned seg, unsigned cpl)
{
    if (seg == X86_CS) {
        return t->wide ? X86_ATTR_D : 0;
    }
    return seg == X86_SS ? cpl << 5 : 0;
}

static bool load_segs(X86Cpu *c, const TaskImage *t)
{
    static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};
    unsigned cpl = t->seg[X86_CS] & 3u;
    X86Desc ss;

    if (t->word[1] & X86_VM && t->wide) {
        for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
            x86_seg_real(c, i, t->seg[i], true);
        }
        return load_ldt(c, t->ldt);
    }
    /* Selectors first; the hidden parts follow with their checks. */
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        x86_set_seg(c, i, t->seg[i], 0, 0, attr_without(t, i, cpl));
    }
    if (!load_ldt(c, t->ldt)) {
        return false;
    }
    x86_update_mode(c);
    if (!load_code(c, t->seg[X86_CS])
        || !x86_stack_segment(c, t->seg[X86_SS], cpl, X86_TS, 0, &ss)) {
        return false;
    }
    x86_seg_from(c, X86_SS, t->seg[X86_SS], &ss);
    x86_update_mode(c);
    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        if (!x86_load_seg(c, data[i], t->seg[data[i]], cpl, X86_TS)) {
            return false;
        }
    }
    return true;
}

static bool load_cr3(X86Cpu *c, uint64_t cr3)
{
    if ((c->cr4 & X86_CR4_PAE) && !x86_load_pdptes(c, cr3)) {
        return false;
    }
    c->cr3 = cr3;
    tlb_switch(&c->v, 0, false);
    vcpu_fetch_again(&c->v);
    return true;
}

static bool push_error(X86Cpu *c, bool wide, uint32_t error)
{
    uint64_t value = error;
    X86Stack st;

    x86_stack_now(c, &st);
    if (!x86_stack_push(c, &st, &value, 1, wide ? 4 : 2)) {
        return false;
    }
    x86_stack_commit(c, &st);
    return true;
}

static bool task_enter(X86Cpu *c, const TaskImage *t, bool nest,
                       const X86TaskEvent *ev)
{
    uint64_t flags = t->word[1] | (nest ? X86_NT : 0);
    uint64_t mask = UINT32_MAX;
    bool ok;

    c->cr0 |= X86_CR0_TS;
    c->dr[7] &= ~0x55ull; /* local breakpoints, SDM 3A 7.3 */
    x86_debug_update(c);
    for (unsigned i = 0; i < 8; i++) {
        c->gpr[i] = t->wide ? t->word[2 + i]
                            : (c->gpr[i] & 0xffff0000) | t->word[2 + i];
    }
    if (!t->wide) {
        flags |= c->eflags & 0xffff0000 & ~(uint64_t)X86_VM;
    }
    if (t->wide && (c->cr0 & X86_CR0_PG) && !load_cr3(c, t->cr3)) {
        return false;
    }
    if (!x86_debug_insn(c)) { /* nothing else asks for it */
        mask &= ~(uint64_t)X86_RF;
    }
    x86_merge_eflags(c, flags, mask);
    ok = load_segs(c, t);
    x86_update_mode(c);
    /* Faults show the new task's EIP even when its CS is bad. */
    c->v.pc = (uint32_t)(c->seg_base[X86_CS] + t->word[0]);
    if (!ok) {
        return false;
    }
    if (t->word[0] > c->seg[X86_CS].limit) {
        x86_raise_error(c, X86_GP, 0);
        return false;
    }
    x86_jump(c, t->word[0]);
    if (ev && ev->has_error && !push_error(c, t->wide, ev->error)) {
        return false;
    }
    if (t->trap & 1) {
        x86_debug_pend(c, X86_DR6_BT);
    }
    return true;
}

static bool task_check(X86Cpu *c, const X86Desc *d, X86TaskWhy why)
{
    unsigned type = X86_TYPE(d);
    bool busy = type == X86_SYS_TSS16_BUSY || type == X86_SYS_TSS32_BUSY;
    unsigned need = d->attr & 8 ? TSS32_LIMIT : TSS16_LIMIT;

    if (!X86_PRESENT(d)) {
        x86_raise_error(c, X86_NP, d->sel & ~3u);
        return false;
    }
    if (d->limit < need || busy != (why == X86_TASK_IRET)) {
        return tss_error(c, d->sel, 0);
    }
    /* The old task is saved over its whole static and dynamic part. */
    need = c->tr.attr & 8 ? TSS32_LIMIT : TSS16_LIMIT;
    return vcpu_probe(&c->v, (uint32_t)c->tr.base, need + 1, X86_MMU_KERNEL,
                      ACCESS_WRITE);
}

static bool old_not_busy(X86Cpu *c)
{
    X86Desc old;

    return x86_desc_get(c, c->tr.sel, X86_TS, 0, &old)
           && x86_desc_set_busy(c, &old, false);
}

static bool task_switch(X86Cpu *c, X86Desc *d, X86TaskWhy why, uint64_t next_ip,
                        const X86TaskEvent *ev)
{
    bool nest = why == X86_TASK_CALL || why == X86_TASK_INT;
    uint64_t flags = x86_cpu_eflags(c);
    TaskImage t;

    if (!task_check(c, d, why) || !image_read(c, d, &t)) {
        return false;
    }
    if (why == X86_TASK_IRET) {
        flags &= ~(uint64_t)X86_NT;
    }
    if (ev && ev->rf) {
        flags |= X86_RF; /* SDM 3B 17.3.1.1 */
    }
    if (why != X86_TASK_IRET && !x86_desc_set_busy(c, d, true)) {
        return false;
    }
    if ((!nest && !old_not_busy(c)) || !image_write(c, next_ip, flags)) {
        return false;
    }
    if (nest && !tss_store(c, d->base, 0, 2, c->tr.sel)) {
        return false;
    }
    c->tr = (X86Table){d->base, d->limit, d->sel, d->attr | 2};
    return task_enter(c, &t, nest, ev);
}

/* SDM 3A 6.13: with EXT all selector error codes of an event's delivery. */
bool x86_task_switch(X86Cpu *c, X86Desc *d, X86TaskWhy why, uint64_t next_ip,
                     const X86TaskEvent *ev)
{
    bool ok = task_switch(c, d, why, next_ip, ev);

    if (!ok && ev && c->exc_vector >= X86_TS && c->exc_vector <= X86_GP) {
        c->exc_error |= ev->ext;
    }
    return ok;
}

bool x86_task_gate(X86Cpu *c, const X86Desc *gate, X86TaskWhy why,
                   uint64_t next_ip, const X86TaskEvent *ev)
{
    unsigned ext = ev ? ev->ext : 0;
    uint16_t sel = gate->lo >> 16;
    unsigned type;
    X86Desc d;

    if (!X86_PRESENT(gate)) {
        x86_raise_error(c, X86_NP, (gate->sel & ~3u) | ext);
        return false;
    }
    if ((sel & 4) || !(sel & ~3u)) {
        x86_raise_error(c, X86_GP, (sel & ~3u) | ext);
        return false;
    }
    if (!x86_desc_get(c, sel, X86_GP, ext, &d)) {
        return false;
    }
    type = X86_TYPE(&d);
    if (!X86_IS_SYS(&d) || (type != X86_SYS_TSS16 && type != X86_SYS_TSS32)) {
        x86_raise_error(c, X86_GP, (sel & ~3u) | ext);
        return false;
    }
    return x86_task_switch(c, &d, why, next_ip, ev);
}
