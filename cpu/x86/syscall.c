/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syscall, sysret, sysenter, sysexit, swapgs: SDM 2B, APM 3. */
#include "cpu/x86/sys_priv.h"

/* Hidden parts these instructions load without looking at a table. */
#define FLAT_CODE 0x809b /* G P S, execute-read, accessed */
#define FLAT_DATA 0xc093 /* G B P S, read-write, accessed */
#define SYSRET_FLAGS 0x3c7fd7u

static bool intel(const X86Cpu *c)
{
    return c->model && strcmp(c->model->vendor, "GenuineIntel") == 0;
}

static void flat_segs(X86Cpu *c, uint16_t cs, uint16_t ss, unsigned cpl,
                      bool code64)
{
    uint16_t dpl = cpl << 5;

    x86_set_seg(c, X86_CS, (cs & ~3u) | cpl, 0, UINT32_MAX,
                FLAT_CODE | dpl | (code64 ? X86_ATTR_L : X86_ATTR_D));
    x86_set_seg(c, X86_SS, (ss & ~3u) | cpl, 0, UINT32_MAX, FLAT_DATA | dpl);
}

static bool gp0(X86Cpu *c)
{
    x86_raise_error(c, X86_GP, 0);
    return false;
}

/* TF as these two leave it traps behind them, not TF as they found it: the
 * kernel masks it away, and gives it back to the program. */
static void step_after(X86Cpu *c)
{
    if (c->eflags & X86_TF) {
        x86_debug_pend(c, X86_DR6_BS);
    }
}

uint64_t x86_h_syscall(Vcpu *v, uint64_t next, uint64_t u1, uint64_t u2,
                       uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    bool lm = x86_long(c), from64 = x86_code64(c);
    uint16_t cs = c->star >> 32;

    if (!(c->efer & X86_EFER_SCE) || !x86_protected(c)
        || (!from64 && intel(c))) {
        x86_raise(c, X86_UD);
        return 0;
    }
    if (lm) {
        uint64_t flags = x86_cpu_eflags(c);

        c->gpr[X86_RCX] = next;
        c->gpr[11] = flags & ~(uint64_t)X86_RF;
        flat_segs(c, cs, cs + 8, 0, true);
        x86_merge_eflags(c, flags & ~c->sfmask, UINT32_MAX & ~X86_VM);
        x86_jump(c, from64 ? c->lstar : c->cstar);
    } else {
        c->gpr[X86_RCX] = (uint32_t)next;
        flat_segs(c, cs, cs + 8, 0, false);
        c->eflags &= ~(uint64_t)(X86_IF | X86_VM | X86_RF);
        x86_update_mode(c);
        x86_jump(c, (uint32_t)c->star);
    }
    step_after(c);
    return 0;
}

uint64_t x86_h_sysret(Vcpu *v, uint64_t size, uint64_t u1, uint64_t u2,
                      uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    uint16_t base = c->star >> 48;
    bool to64 = size == 8;
    uint64_t rip = c->gpr[X86_RCX];

    if (!(c->efer & X86_EFER_SCE) || (!x86_code64(c) && intel(c))) {
        x86_raise(c, X86_UD);
        return 0;
    }
    if (!x86_protected(c) || x86_cpl(c) || (to64 && !x86_canonical(rip))) {
        gp0(c);
        return 0;
    }
    flat_segs(c, to64 ? base + 16 : base, base + 8, 3, to64);
    if (x86_long(c)) {
        x86_merge_eflags(c, c->gpr[11] & SYSRET_FLAGS, UINT32_MAX);
    } else {
        c->eflags |= X86_IF;
        x86_update_mode(c);
        x86_irq_poll(c);
    }
    x86_jump(c, to64 ? rip : (uint32_t)rip);
    step_after(c);
    return 0;
}

uint64_t x86_h_sysenter(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                        uint64_t u4)
{
    X86Cpu *c = x86_of(v);
    uint16_t cs = c->sysenter_cs;
    bool lm = x86_long(c);

    if (!x86_has(c, X86_FEAT_1_EDX, X86_F1D_SEP) || (lm && !intel(c))) {
        x86_raise(c, X86_UD);
        return 0;
    }
    if (!(v->mode & X86_MODE_PE) || !(cs & ~3u)) {
        gp0(c);
        return 0;
    }
    c->eflags &= ~(uint64_t)(X86_VM | X86_IF | X86_RF);
    flat_segs(c, cs, cs + 8, 0, lm);
    c->gpr[X86_RSP] = lm ? c->sysenter_esp : (uint32_t)c->sysenter_esp;
    x86_update_mode(c);
    x86_jump(c, lm ? c->sysenter_eip : (uint32_t)c->sysenter_eip);
    return 0;
}

uint64_t x86_h_sysexit(Vcpu *v, uint64_t size, uint64_t u1, uint64_t u2,
                       uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    uint16_t cs = c->sysenter_cs;
    uint64_t rip = c->gpr[X86_RDX], rsp = c->gpr[X86_RCX];
    bool to64 = size == 8;

    if (!x86_has(c, X86_FEAT_1_EDX, X86_F1D_SEP)
        || (x86_long(c) && !intel(c))) {
        x86_raise(c, X86_UD);
        return 0;
    }
    if (!x86_protected(c) || !(cs & ~3u) || x86_cpl(c)
        || (to64 && !(x86_canonical(rip) && x86_canonical(rsp)))) {
        gp0(c);
        return 0;
    }
    if (to64) {
        flat_segs(c, cs + 32, cs + 40, 3, true);
    } else {
        flat_segs(c, cs + 16, cs + 24, 3, false);
        rip = (uint32_t)rip;
        rsp = (uint32_t)rsp;
    }
    c->gpr[X86_RSP] = rsp;
    x86_update_mode(c);
    x86_jump(c, rip);
    return 0;
}

uint64_t x86_h_swapgs(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                      uint64_t u4)
{
    X86Cpu *c = x86_of(v);
    uint64_t base = c->seg_base[X86_GS];

    if (!x86_code64(c)) {
        x86_raise(c, X86_UD);
    } else if (x86_cpl(c)) {
        gp0(c);
    } else {
        c->seg_base[X86_GS] = c->kernel_gs_base;
        c->kernel_gs_base = base;
    }
    return 0;
}
