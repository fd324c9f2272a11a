/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual interrupt flag: vm86 with CR4.VME, ring 3 with CR4.PVI. SDM 3B 21.3
 * and 21.4. */
#include "cpu/x86/sys_priv.h"

static bool gp0(X86Cpu *c)
{
    x86_raise_error(c, X86_GP, 0);
    return false;
}

/* IF is not the program's, VIF is. */
static bool vif_mode(const X86Cpu *c)
{
    if (x86_iopl(c) == 3) {
        return false;
    }
    if (c->v.mode & X86_MODE_VM86) {
        return c->cr4 & X86_CR4_VME;
    }
    return (c->cr4 & X86_CR4_PVI) && x86_protected(c) && x86_cpl(c) == 3;
}

static bool vif_set(X86Cpu *c)
{
    if (c->eflags & X86_VIP) {
        return gp0(c);
    }
    c->eflags |= X86_VIF;
    return true;
}

static bool iopl_ok(X86Cpu *c)
{
    return x86_cpl(c) <= x86_iopl(c) || gp0(c);
}

uint64_t x86_h_cli(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3, uint64_t u4)
{
    X86Cpu *c = x86_of(v);

    if (vif_mode(c)) {
        c->eflags &= ~(uint64_t)X86_VIF;
    } else if (iopl_ok(c)) {
        c->eflags &= ~(uint64_t)X86_IF;
    }
    return 0;
}

uint64_t x86_h_sti(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3, uint64_t u4)
{
    X86Cpu *c = x86_of(v);

    if (vif_mode(c)) {
        vif_set(c);
    } else if (iopl_ok(c) && !(c->eflags & X86_IF)) {
        c->eflags |= X86_IF;
        c->inhibit = true;
        v->leave = true;
    }
    return 0;
}

/* What PUSHF of vm86 code shows, but for the arithmetic flags. */
static uint64_t vm86_image(const X86Cpu *c)
{
    uint64_t flags = c->eflags & ~(uint64_t)(X86_VM | X86_RF);

    if (vif_mode(c)) {
        flags = (flags & ~(uint64_t)X86_IF) | X86_IOPL;
        flags |= c->eflags & X86_VIF ? X86_IF : 0;
    }
    return flags;
}

/* pushf and popf of @size bytes in vm86. */
uint64_t x86_h_pushf_check(Vcpu *v, uint64_t size, uint64_t u1, uint64_t u2,
                           uint64_t u3)
{
    X86Cpu *c = x86_of(v);

    if (x86_iopl(c) < 3 && !(size == 2 && vif_mode(c))) {
        gp0(c);
        return 0;
    }
    return vm86_image(c);
}

bool x86_vme_flags(X86Cpu *c, uint64_t value, bool *done)
{
    uint64_t mask = X86_ARITH | X86_DF | X86_NT | X86_TF | X86_VIF;

    *done = (c->v.mode & X86_MODE_VM86) && vif_mode(c);
    if (!*done) {
        return true;
    }
    if ((value & X86_TF) || ((value & X86_IF) && (c->eflags & X86_VIP))) {
        return gp0(c);
    }
    value = (value & ~(uint64_t)X86_VIF) | (value & X86_IF ? X86_VIF : 0);
    x86_merge_eflags(c, value, mask);
    return true;
}

bool x86_vme_iret(const X86Cpu *c, unsigned size)
{
    return size == 2 && vif_mode(c);
}

/* 32 bytes below the port bitmap, a bit a vector; set: through the IDT. */
bool x86_vme_redirects(X86Cpu *c, unsigned vector, bool *out)
{
    uint64_t map, bits;

    *out = false;
    if (!(c->cr4 & X86_CR4_VME)) {
        return true;
    }
    if (!(c->tr.attr & 8) || !(c->tr.attr & X86_ATTR_P) || c->tr.limit < 0x67) {
        return gp0(c);
    }
    if (!vcpu_load(&c->v, (uint32_t)(c->tr.base + 0x66), 2, X86_MMU_KERNEL,
                   &map)) {
        return false;
    }
    if (map < 32 || map - 32 + vector / 8 > c->tr.limit) {
        return gp0(c);
    }
    if (!vcpu_load(&c->v, (uint32_t)(c->tr.base + map - 32 + vector / 8), 1,
                   X86_MMU_KERNEL, &bits)) {
        return false;
    }
    *out = !(bits >> (vector & 7) & 1);
    return true;
}

/* SDM 3B 21.3.3, methods 5 and 6: to the program's own vector table. */
bool x86_vme_enter(X86Cpu *c, unsigned vector, uint64_t ip)
{
    uint64_t clear = X86_TF | (vif_mode(c) ? X86_VIF : X86_IF);
    uint64_t entry, frame[3];
    X86Stack st;

    x86_stack_now(c, &st);
    frame[0] =
        (vm86_image(c) | x86_flags(c->fl_kind, c->fl_a, c->fl_b) | 2) & 0xffff;
    frame[1] = c->seg[X86_CS].sel;
    frame[2] = ip & 0xffff;
    if (!vcpu_load(&c->v, vector * 4, 4, X86_MMU_USER, &entry)
        || !x86_stack_push(c, &st, frame, 3, 2)) {
        return false;
    }
    x86_stack_commit(c, &st);
    c->eflags &= ~(clear | X86_NT | X86_RF);
    x86_seg_real(c, X86_CS, entry >> 16, true);
    x86_update_mode(c);
    x86_jump(c, entry & 0xffff);
    return true;
}
