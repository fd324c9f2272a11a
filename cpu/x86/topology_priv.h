/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID's leaves about sockets, dies, cores and threads. */
#ifndef CPU_X86_TOPOLOGY_PRIV_H
#define CPU_X86_TOPOLOGY_PRIV_H

#include "cpu/x86.h"

typedef struct CpuidRegs {
    uint32_t a, b, c, d;
} CpuidRegs;

/* Bits of an APIC id below the die, below the socket. */
unsigned topology_die_shift(const X86Topology *t);
unsigned topology_socket_shift(const X86Topology *t);
CpuidRegs topology_leaf_b(const X86Cpu *c, uint32_t sub);
CpuidRegs topology_leaf_1f(const X86Cpu *c, uint32_t sub);
CpuidRegs topology_leaf_8000001e(const X86Cpu *c);

#endif
