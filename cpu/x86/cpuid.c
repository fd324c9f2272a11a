/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID: SDM 2A, APM 3 appendix E. All from the model, never from the host. */
#include "cpu/x86/sys_priv.h"

#define HYPERVISOR_LEAF 0x40000000u
#define HYPERVISOR_NAME "RepriseTCG  "

typedef struct Regs {
    uint32_t a, b, c, d;
} Regs;

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

static unsigned id_bits(unsigned count)
{
    unsigned bits = 0;

    while ((1u << bits) < count) {
        bits++;
    }
    return bits;
}

/* Cores of one package without threads. */
static void leaf_1(const X86Cpu *c, Regs *r)
{
    r->a = signature(c->model);
    r->b = (c->apic_id << 24) | (c->cpu_count << 16) | (8u << 8);
    r->c = c->features[X86_FEAT_1_ECX];
    if (c->cr4 & X86_CR4_OSXSAVE) {
        r->c |= X86_F1C_OSXSAVE;
    }
    r->d = c->features[X86_FEAT_1_EDX];
    if (c->cpu_count > 1) {
        r->d |= 1u << 28; /* HTT: more than one logical processor */
    }
}

/* Deterministic cache parameters: SDM 2A table 3-8. */
static void leaf_4(const X86Cpu *c, uint32_t sub, Regs *r)
{
    static const struct {
        uint8_t type, level, ways;
        uint16_t sets;
    } row[] = {
        {1, 1, 8, 64},    /* 32 KiB data */
        {2, 1, 8, 64},    /* 32 KiB code */
        {3, 2, 16, 4096}, /* 4 MiB unified */
    };
    unsigned cores = (1u << id_bits(c->cpu_count)) - 1;

    *r = (Regs){0};
    if (sub >= G_N_ELEMENTS(row)) {
        return;
    }
    r->a = row[sub].type | (row[sub].level << 5) | (1u << 8) | (cores << 26);
    r->b = (64 - 1) | ((row[sub].ways - 1u) << 22);
    r->c = row[sub].sets - 1u;
    r->d = row[sub].level == 2 ? 1 : 0;
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

static void leaf_b(const X86Cpu *c, uint32_t sub, Regs *r)
{
    *r = (Regs){.c = sub & 0xff, .d = c->apic_id};
    if (sub == 0) { /* threads: one a core */
        r->b = 1;
        r->c |= 1u << 8;
    } else if (sub == 1) { /* cores */
        r->a = id_bits(c->cpu_count);
        r->b = c->cpu_count;
        r->c |= 2u << 8;
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

static void leaf_basic(const X86Cpu *c, uint32_t leaf, uint32_t sub, Regs *r)
{
    switch (leaf) {
    case 0:
        *r = (Regs){c->model->level, word(c->model->vendor, 0),
                    word(c->model->vendor, 2), word(c->model->vendor, 1)};
        break;
    case 1:
        leaf_1(c, r);
        break;
    case 2: /* one descriptor: "see leaf 4" */
        *r = (Regs){.a = 0x01, .d = 0xff};
        break;
    case 4:
        leaf_4(c, sub, r);
        break;
    case 6: /* the APIC timer never stops */
        *r = (Regs){.a = 1u << 2};
        break;
    case 7:
        leaf_7(c, sub, r);
        break;
    case 0xb:
        if (x86_has(c, X86_FEAT_1_ECX, X86_F1C_X2APIC)) {
            leaf_b(c, sub, r);
        }
        break;
    case 0xd:
        leaf_d(c, sub, r);
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

static void leaf_extended(const X86Cpu *c, uint32_t leaf, Regs *r)
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
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
        leaf_brand(c, leaf, r);
        break;
    case 0x80000005: /* L1: 64 KiB, 2 ways, 64-byte lines; TLBs */
        *r = (Regs){0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140};
        break;
    case 0x80000006: /* L2: 512 KiB, 16 ways, 64-byte lines */
        *r = (Regs){0, 0x42004200, 0x02008140, 0};
        break;
    case 0x80000007: /* the TSC runs at one rate */
        *r = (Regs){.d = 1u << 8};
        break;
    case 0x80000008:
        r->a = X86_PHYS_BITS;
        if (x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_LM)) {
            r->a |= X86_VIRT_BITS << 8;
        } else {
            r->a |= 32u << 8;
        }
        r->b = c->features[X86_FEAT_80000008_EBX];
        r->c = c->cpu_count - 1;
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
    } else if (leaf >= 0x80000000) {
        if (leaf <= c->model->xlevel) {
            leaf_extended(c, leaf, &r);
        }
    } else {
        /* Beyond the last basic leaf: the last one, SDM 2A CPUID. */
        leaf_basic(c, MIN(leaf, c->model->level), sub, &r);
    }
    c->gpr[X86_RAX] = r.a;
    c->gpr[X86_RBX] = r.b;
    c->gpr[X86_RCX] = r.c;
    c->gpr[X86_RDX] = r.d;
    return 0;
}
