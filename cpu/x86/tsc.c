/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time-stamp counter: virtual time x frequency + adjustment. */
#include "cpu/x86/sys_priv.h"

uint64_t x86_cpu_tsc(const X86Cpu *c)
{
    __int128 ticks = (__int128)vm_now(c->v.dev.vm).ns * (__int128)c->tsc_hz;

    return (uint64_t)(ticks / NS_PER_SEC) + (uint64_t)c->tsc_adjust;
}

uint64_t x86_h_rdtsc(Vcpu *v, uint64_t rdtscp, uint64_t u1, uint64_t u2,
                     uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    uint64_t tsc;

    if (rdtscp ? !x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_RDTSCP)
               : !x86_has(c, X86_FEAT_1_EDX, X86_F1D_TSC)) {
        x86_raise(c, X86_UD);
        return 0;
    }
    if ((c->cr4 & X86_CR4_TSD) && x86_cpl(c)) {
        x86_raise_error(c, X86_GP, 0);
        return 0;
    }
    tsc = x86_cpu_tsc(c);
    c->gpr[X86_RAX] = (uint32_t)tsc;
    c->gpr[X86_RDX] = tsc >> 32;
    if (rdtscp) {
        c->gpr[X86_RCX] = (uint32_t)c->tsc_aux;
    }
    return 0;
}

/* No performance counters: every index is beyond them. */
uint64_t x86_h_rdpmc(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                     uint64_t u4)
{
    x86_raise_error(x86_of(v), X86_GP, 0);
    return 0;
}
