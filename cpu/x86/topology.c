/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where vCPUs are: sockets, dies, cores, threads, and the CPUID leaves that tell
 * (SDM 2A CPUID, APM 3 E.4). */
#include "cpu/x86/topology_priv.h"

enum {
    LEVEL_THREAD = 1 << 8,
    LEVEL_CORE = 2 << 8,
    LEVEL_DIE = 5 << 8
};

static unsigned id_bits(unsigned count)
{
    unsigned bits = 0;

    while ((1u << bits) < count) {
        bits++;
    }
    return bits;
}

static unsigned thread_bits(const X86Topology *t)
{
    return id_bits(t->threads);
}

unsigned topology_die_shift(const X86Topology *t)
{
    return thread_bits(t) + id_bits(t->cores);
}

unsigned topology_socket_shift(const X86Topology *t)
{
    return topology_die_shift(t) + id_bits(t->dies);
}

X86Place x86_cpu_place(const X86Cpu *c)
{
    const X86Topology *t = &c->topology;
    uint32_t n = c->v.index;

    return (X86Place){
        .thread = n % t->threads,
        .core = n / t->threads % t->cores,
        .die = n / t->threads / t->cores % t->dies,
        .socket = n / t->threads / t->cores / t->dies,
    };
}

void x86_cpu_set_topology(X86Cpu *c, const X86Topology *t)
{
    X86Place p;

    c->topology = *t;
    p = x86_cpu_place(c);
    c->apic_id = p.thread | p.core << thread_bits(t)
                 | p.die << topology_die_shift(t)
                 | p.socket << topology_socket_shift(t);
}

/* Leaf 0xb knows no dies: its second level ends where the socket does. */
CpuidRegs topology_leaf_b(const X86Cpu *c, uint32_t sub)
{
    const X86Topology *t = &c->topology;
    CpuidRegs r = {.c = sub & 0xff, .d = c->apic_id};

    if (sub == 0) {
        r.a = thread_bits(t);
        r.b = t->threads;
        r.c |= LEVEL_THREAD;
    } else if (sub == 1) {
        r.a = topology_socket_shift(t);
        r.b = t->cores * t->threads;
        r.c |= LEVEL_CORE;
    }
    return r;
}

CpuidRegs topology_leaf_1f(const X86Cpu *c, uint32_t sub)
{
    const X86Topology *t = &c->topology;
    CpuidRegs r = topology_leaf_b(c, sub);

    if (sub == 1) {
        r.a = topology_die_shift(t);
    } else if (sub == 2) {
        r.a = topology_socket_shift(t);
        r.b = t->dies * t->cores * t->threads;
        r.c |= LEVEL_DIE;
    }
    return r;
}

/* A node is a die. */
CpuidRegs topology_leaf_8000001e(const X86Cpu *c)
{
    const X86Topology *t = &c->topology;
    X86Place p = x86_cpu_place(c);

    return (CpuidRegs){.a = c->apic_id,
                       .b = (t->threads - 1) << 8 | p.core,
                       .c = (t->dies - 1) << 8 | p.die};
}
