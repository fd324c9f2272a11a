/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mode word, instruction pointers, segment caches, EFLAGS. */
#include "cpu/x86/sys_priv.h"

uint64_t x86_ip(const X86Cpu *c, uint64_t pc)
{
    if (c->v.mode & X86_MODE_CODE64) {
        return pc;
    }
    pc -= c->seg_base[X86_CS];
    return pc & (c->v.mode & X86_MODE_CODE32 ? UINT32_MAX : UINT16_MAX);
}

void x86_jump(X86Cpu *c, uint64_t ip)
{
    if (c->v.mode & X86_MODE_CODE64) {
        c->v.pc = ip;
        return;
    }
    ip &= c->v.mode & X86_MODE_CODE32 ? UINT32_MAX : UINT16_MAX;
    c->v.pc = (uint32_t)(c->seg_base[X86_CS] + ip);
}

#define SEG_BITS(n, kind) ((uint64_t)(kind) << X86_MODE_SEG_SHIFT(n))

/* In 64-bit mode, whatever the descriptors say. */
#define SEG_BITS_CODE64                                                        \
    (SEG_BITS(X86_ES, X86_SEGK_FLAT) | SEG_BITS(X86_CS, X86_SEGK_FLAT)         \
     | SEG_BITS(X86_SS, X86_SEGK_FLAT) | SEG_BITS(X86_DS, X86_SEGK_FLAT)       \
     | SEG_BITS(X86_FS, X86_SEGK_BASE) | SEG_BITS(X86_GS, X86_SEGK_BASE))

/* Which checks accesses through @n need, outside 64-bit mode. */
static unsigned mode_seg_kind(const X86Cpu *c, unsigned n, uint64_t mode)
{
    const X86Seg *s = &c->seg[n];
    unsigned type = s->attr & X86_ATTR_TYPE;

    if (s->limit != UINT32_MAX) {
        return X86_SEGK_CHECK;
    }
    if ((mode & (X86_MODE_PE | X86_MODE_VM86)) == X86_MODE_PE) {
        bool present = (s->attr & X86_ATTR_P) && (s->attr & X86_ATTR_S);
        /* data: writable and not expand-down; CS: readable */
        bool good = n == X86_CS ? !(type & 8) || (type & 2) : (type & 0xe) == 2;

        if (!present || !good) {
            return X86_SEGK_CHECK;
        }
    }
    return c->seg_base[n] ? X86_SEGK_BASE : X86_SEGK_FLAT;
}

/* Bits that come from EFLAGS; @mode holds CPL, PE, VM86 already. */
static uint64_t mode_from_eflags(const X86Cpu *c, uint64_t mode)
{
    unsigned cpl = mode & X86_MODE_CPL;
    uint64_t bits = 0;

    if (c->eflags & X86_TF) {
        bits |= X86_MODE_TF;
    }
    /* In vm86 the helpers check IOPL and the port bitmap themselves. */
    if (!(mode & X86_MODE_VM86) && cpl <= x86_iopl(c)) {
        bits |= X86_MODE_IOPL_OK;
    }
    if (cpl == 3 && (c->eflags & X86_AC) && (c->cr0 & X86_CR0_AM)) {
        bits |= X86_MODE_AC;
    }
    if (cpl == 3 || !(c->cr4 & X86_CR4_SMAP) || !(c->eflags & X86_AC)) {
        bits |= X86_MODE_SMAP;
    }
    return bits;
}

static uint64_t mode_from_registers(const X86Cpu *c)
{
    uint64_t bits = 0;

    bits |= c->cr0 & X86_CR0_TS ? X86_MODE_TS : 0;
    bits |= c->cr0 & X86_CR0_EM ? X86_MODE_EM : 0;
    bits |= c->cr0 & X86_CR0_MP ? X86_MODE_MP : 0;
    bits |= c->cr4 & X86_CR4_OSFXSR ? X86_MODE_OSFXSR : 0;
    bits |= c->cr4 & X86_CR4_OSXSAVE ? X86_MODE_OSXSAVE : 0;
    if ((c->cr4 & X86_CR4_OSXSAVE) && (c->xcr0 & 6) == 6) {
        bits |= X86_MODE_AVX;
    }
    bits |= (c->mxcsr & 0x1f80) != 0x1f80 ? X86_MODE_FP_UNMASKED : 0;
    if (x86_debug_insn(c)) {
        bits |= X86_MODE_DB | (c->eflags & X86_RF ? X86_MODE_RF : 0);
    }
    return bits;
}

void x86_update_mode(X86Cpu *c)
{
    uint64_t mode = 0;

    if (c->cr0 & X86_CR0_PE) {
        mode |= X86_MODE_PE;
        if (c->eflags & X86_VM) {
            mode |= X86_MODE_VM86 | 3;
        } else {
            /* SDM 3A 5.5: CPL is always the DPL of SS */
            mode |= X86_ATTR_DPL(c->seg[X86_SS].attr);
        }
    }
    if (c->efer & X86_EFER_LMA) {
        mode |= X86_MODE_LMA;
    }
    if ((mode & X86_MODE_LMA) && (c->seg[X86_CS].attr & X86_ATTR_L)) {
        mode |= X86_MODE_CODE64;
    } else {
        mode |= c->seg[X86_CS].attr & X86_ATTR_D ? X86_MODE_CODE32 : 0;
        mode |= c->seg[X86_SS].attr & X86_ATTR_D ? X86_MODE_SS32 : 0;
    }
    mode |= mode_from_eflags(c, mode) | mode_from_registers(c);
    if (mode & X86_MODE_CODE64) {
        mode |= SEG_BITS_CODE64;
    } else {
        for (unsigned n = 0; n < X86_SEG_COUNT; n++) {
            mode |= SEG_BITS(n, mode_seg_kind(c, n, mode));
        }
    }
    if (((mode & X86_MODE_CPL) == 3) != ((c->v.mode & X86_MODE_CPL) == 3)) {
        vcpu_fetch_again(&c->v);
    }
    c->v.mode = mode;
}

/* The caller ends with x86_update_mode(). */
void x86_set_seg(X86Cpu *c, unsigned seg, uint16_t sel, uint64_t base,
                 uint32_t limit, uint16_t attr)
{
    c->seg[seg] = (X86Seg){.sel = sel, .attr = attr, .limit = limit};
    c->seg_base[seg] = base;
}

/* --- EFLAGS ---------------------------------------------------------------- */

uint64_t x86_cpu_eflags(const X86Cpu *c)
{
    return c->eflags | x86_flags(c->fl_kind, c->fl_a, c->fl_b) | 2;
}

void x86_cpu_set_eflags(X86Cpu *c, uint64_t eflags)
{
    x86_merge_eflags(c, eflags, UINT32_MAX);
}

#define EFLAGS_KNOWN                                                           \
    (X86_ARITH | X86_TF | X86_IF | X86_DF | X86_IOPL | X86_NT | X86_RF         \
     | X86_VM | X86_AC | X86_VIF | X86_VIP | X86_ID)

void x86_put_eflags(X86Cpu *c, uint64_t value, uint64_t mask)
{
    uint64_t all = c->eflags;

    mask &= EFLAGS_KNOWN;
    if (~mask & X86_ARITH) { /* else nobody wants the old ones */
        all = x86_cpu_eflags(c);
    }
    all = (all & ~mask) | (value & mask);
    c->fl_kind = X86_FL_FLAGS;
    c->fl_a = all & X86_ARITH;
    c->fl_b = 0;
    c->eflags = (all & ~(uint64_t)X86_ARITH) | 2;
}

void x86_merge_eflags(X86Cpu *c, uint64_t value, uint64_t mask)
{
    x86_put_eflags(c, value, mask);
    x86_update_mode(c);
    x86_irq_poll(c);
}

void x86_irq_poll(X86Cpu *c)
{
    if (x86_irq_acceptable(&c->v)) {
        vm_horizon_changed(c->v.dev.vm);
    }
}

void x86_sync(Vcpu *v)
{
    X86Cpu *c = x86_of(v);

    c->fl_a = x86_flags(c->fl_kind, c->fl_a, c->fl_b);
    c->fl_kind = X86_FL_FLAGS;
    c->fl_b = 0;
}
