/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID: SDM 2A, APM 3 appendix E. All from the model, never from the host. */
#include "cpu/x86/sys_priv.h"
#include "cpu/x86/topology_priv.h"

#define HYPERVISOR_LEAF 0x40000000u
#define HYPERVISOR_NAME "RepriseTCG  "

typedef CpuidRegs Regs;

static uint32_t word(const char *s, unsigned i)
{
    uint32_t v = 0;

    for (unsigned k = 0; k < 4; k++) {
        v |= (uint32_t)(uint8_t)s[4 * i + k] << (8 * k);
    }
    return v;
}

static uint32_t signature(const X86Model *m)
{
    unsigned family = m->family > 15 ? 15 : m->family;
    unsigned extended = m->family - family;

    return (extended << 20) | ((m->model >> 4u) << 16) | (family << 8)
           | ((m->model & 15u) << 4) | m->stepping;
}

/* Logical processors of one die: what leaves older than dies take for the
 * package. */
static unsigned die_threads(const X86Cpu *c)
{
    return c->topology.cores * c->topology.threads;
}

static void leaf_1(const X86Cpu *c, Regs *r)
{
    r->a = signature(c->model);
    r->b = (c->apic_id << 24) | (8u << 8);
    r->c = c->features[X86_FEAT_1_ECX];
    if (c->cr4 & X86_CR4_OSXSAVE) {
        r->c |= X86_F1C_OSXSAVE;
    }
    r->d = c->features[X86_FEAT_1_EDX];
    if (die_threads(c) > 1) {
        r->b |= die_threads(c) << 16;
        r->d |= 1u << 28; /* HTT: more than one logical processor */
    }
}

static bool is_amd(const X86Cpu *c)
{
    return !strcmp(c->model->vendor, "AuthenticAMD")
           || !strcmp(c->model->vendor, "HygonGenuine");
}

typedef struct Cache {
    uint8_t type, level, ways;
    uint16_t sets;
    uint32_t flags; /* EDX: inclusive and so on */
    bool own;       /* EAX bit 8: self-initializing */
} Cache;

/* Deterministic cache parameters: SDM 2A table 3-8, APM 3 E.4.15. */
static void cache_leaf(const Cache *k, unsigned sharing, Regs *r)
{
    r->a = k->type | (uint32_t)k->level << 5 | (k->own ? 1u << 8 : 0);
    r->a |= (sharing - 1) << 14;
    r->b = (64 - 1) | ((k->ways - 1u) << 22);
    r->c = k->sets - 1u;
    r->d = k->flags;
}

/* AMD has its caches in leaf 0x8000001d. */
static void leaf_4(const X86Cpu *c, uint32_t sub, Regs *r)
{
    static const Cache row[] = {
        {1, 1, 8, 64, 1, true},     /* 32 KiB data */
        {2, 1, 8, 64, 1, true},     /* 32 KiB code */
        {3, 2, 16, 4096, 1, true},  /* 4 MiB unified */
        {3, 3, 16, 16384, 6, true}, /* 16 MiB unified, inclusive */
    };

    const X86Topology *t = &c->topology;
    /* level 2 belongs to a core, level 3 to a die (all ids it may have) */
    const unsigned sharing[] = {1, 1, t->threads, 1u << topology_die_shift(t)};

    *r = (Regs){0};
    if (!is_amd(c) && sub < G_N_ELEMENTS(row)) {
        cache_leaf(&row[sub], sharing[sub], r);
        r->a |= (t->cores - 1) << 26;
    }
}

/* EPYC: the first generation's code cache is larger. */
static void leaf_amd_cache(const X86Cpu *c, uint32_t sub, Regs *r)
{
    static const Cache row[2][4] = {
        {{1, 1, 8, 64, 1, true},
         {2, 1, 4, 256, 1, true},
         {3, 2, 8, 1024, 0, false},
         {3, 3, 16, 8192, 6, true}},
        {{1, 1, 8, 64, 1, true},
         {2, 1, 8, 64, 1, true},
         {3, 2, 8, 1024, 0, false},
         {3, 3, 16, 16384, 6, true}},
    };

    *r = (Regs){0};
    if (sub < 4) {
        cache_leaf(&row[c->model->model >= 0x30][sub],
                   sub < 3 ? c->topology.threads : die_threads(c), r);
    }
}

static void leaf_7(const X86Cpu *c, uint32_t sub, Regs *r)
{
    *r = (Regs){0};
    if (sub == 0) {
        r->b = c->features[X86_FEAT_7_EBX];
        r->c = c->features[X86_FEAT_7_ECX];
        r->d = c->features[X86_FEAT_7_EDX];
    }
}

/* The XSAVE area, standard format; compacted it is as long. */
static void leaf_d(const X86Cpu *c, uint32_t sub, Regs *r)
{
    uint64_t known = x86_xcr0_known(c);

    *r = (Regs){0};
    if (!x86_has(c, X86_FEAT_1_ECX, X86_F1C_XSAVE)) {
        return;
    }
    if (sub == 0) {
        *r = (Regs){.a = (uint32_t)known,
                    .b = x86_xsave_size(c->xcr0),
                    .c = x86_xsave_size(known)};
    } else if (sub == 1) {
        r->a = c->features[X86_FEAT_D1_EAX];
        r->b = r->a & (X86_FD1_XSAVEC | X86_FD1_XSAVES)
                   ? x86_xsave_size(c->xcr0)
                   : 0;
    } else if (sub == 2 && (known & 4)) { /* upper halves of YMM */
        *r = (Regs){.a = 256, .b = 576};
    }
}

/* The leaf of dies is there when there are some. */
static uint32_t basic_level(const X86Cpu *c)
{
    return c->topology.dies > 1 && !is_amd(c) ? MAX(c->model->level, 0x1fu)
                                              : c->model->level;
}

static void leaf_basic(const X86Cpu *c, uint32_t leaf, uint32_t sub, Regs *r)
{
    switch (leaf) {
    case 0:
        *r = (Regs){basic_level(c), word(c->model->vendor, 0),
                    word(c->model->vendor, 2), word(c->model->vendor, 1)};
        break;
    case 1:
        leaf_1(c, r);
        break;
    case 2: /* descriptors of the caches in leaf 4: SDM 2A table 3-12 */
        if (!is_amd(c)) {
            *r = (Regs){.a = 0x01, .c = 0x4d, .d = 0x002c307d};
        }
        break;
    case 4:
        leaf_4(c, sub, r);
        break;
    case 5: /* MWAIT: extensions, interrupts break even when masked */
        *r = (Regs){.c = 3};
        break;
    case 6:
        r->a = c->features[X86_FEAT_6_EAX];
        break;
    case 7:
        leaf_7(c, sub, r);
        break;
    case 0xb:
        *r = topology_leaf_b(c, sub);
        break;
    case 0xd:
        leaf_d(c, sub, r);
        break;
    case 0x1f:
        *r = topology_leaf_1f(c, sub);
        break;
    default:
        break;
    }
}

static void leaf_brand(const X86Cpu *c, uint32_t leaf, Regs *r)
{
    char text[48] = {0};
    unsigned at = (leaf - 0x80000002u) * 4;

    g_strlcpy(text, c->model->brand, sizeof(text));
    *r = (Regs){word(text, at), word(text, at + 1), word(text, at + 2),
                word(text, at + 3)};
}

static void leaf_extended(const X86Cpu *c, uint32_t leaf, uint32_t sub, Regs *r)
{
    switch (leaf) {
    case 0x80000000:
        *r = (Regs){c->model->xlevel, word(c->model->vendor, 0),
                    word(c->model->vendor, 2), word(c->model->vendor, 1)};
        break;
    case 0x80000001:
        *r = (Regs){.a = signature(c->model),
                    .c = c->features[X86_FEAT_80000001_ECX],
                    .d = c->features[X86_FEAT_80000001_EDX]};
        if (is_amd(c) && die_threads(c) > 1) {
            r->c |= 1u << 1; /* HTT stands for cores */
        }
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
        leaf_brand(c, leaf, r);
        break;
    case 0x80000005: /* L1: TLBs, data, code; EPYC has its own */
        *r = (Regs){0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140};
        if (c->model->xlevel >= 0x8000001d) {
            r->c = 0x20080140;
            r->d = c->model->model >= 0x30 ? 0x20080140 : 0x40040140;
        }
        break;
    case 0x80000006: /* L2 512 KiB, L3 16 MiB */
        *r = (Regs){0, 0x42004200, 0x02008140, 0x00808140};
        if (c->model->xlevel >= 0x8000001d) {
            r->c = 0x02006140;
            r->d = c->model->model >= 0x30 ? 0x00808140 : 0x00408140;
        }
        break;
    case 0x80000007:
        r->d = c->features[X86_FEAT_80000007_EDX];
        break;
    case 0x80000008:
        r->a = X86_PHYS_BITS;
        if (x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_LM)) {
            r->a |= X86_VIRT_BITS << 8;
        } else {
            r->a |= 32u << 8;
        }
        r->b = c->features[X86_FEAT_80000008_EBX];
        r->c = die_threads(c) - 1;
        if (die_threads(c) > 1) {
            r->c |= topology_socket_shift(&c->topology) << 12;
        }
        break;
    case 0x8000001d:
        leaf_amd_cache(c, sub, r);
        break;
    case 0x8000001e:
        *r = topology_leaf_8000001e(c);
        break;
    default:
        break;
    }
}

static void leaf_hypervisor(const X86Cpu *c, uint32_t leaf, Regs *r)
{
    if (leaf == HYPERVISOR_LEAF) {
        *r = (Regs){HYPERVISOR_LEAF, word(HYPERVISOR_NAME, 0),
                    word(HYPERVISOR_NAME, 1), word(HYPERVISOR_NAME, 2)};
    }
}

uint64_t x86_h_cpuid(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                     uint64_t u4)
{
    X86Cpu *c = x86_of(v);
    uint32_t leaf = c->gpr[X86_RAX], sub = c->gpr[X86_RCX];
    Regs r = {0};

    if (leaf >> 16 == 0x4000
        && x86_has(c, X86_FEAT_1_ECX, X86_F1C_HYPERVISOR)) {
        leaf_hypervisor(c, leaf, &r);
    } else if (leaf >= 0x80000000 && leaf <= c->model->xlevel) {
        leaf_extended(c, leaf, sub, &r);
    } else {
        /* Beyond the last leaf: the last basic one, SDM 2A CPUID. */
        leaf_basic(c, MIN(leaf, basic_level(c)), sub, &r);
    }
    c->gpr[X86_RAX] = r.a;
    c->gpr[X86_RBX] = r.b;
    c->gpr[X86_RCX] = r.c;
    c->gpr[X86_RDX] = r.d;
    return 0;
}
