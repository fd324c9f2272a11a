/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a vCPU is in the machine. */
#ifndef CPU_X86_TOPOLOGY_H
#define CPU_X86_TOPOLOGY_H

#include <stdint.h>

typedef struct X86Cpu X86Cpu;

/* How many dies a socket has, cores a die, threads a core. APIC ids have a field
 * of whole bits for each: SDM 3A 9.9.1. */
typedef struct X86Topology {
    uint32_t dies, cores, threads;
} X86Topology;

typedef struct X86Place {
    uint32_t socket, die, core, thread;
} X86Place;

/** x86_cpu_set_topology() - with it the APIC id: places are filled threads
 *  first. x86_cpu_new() makes all vCPUs cores of one socket */
void x86_cpu_set_topology(X86Cpu *c, const X86Topology *t);
X86Place x86_cpu_place(const X86Cpu *c);

#endif
