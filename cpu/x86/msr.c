/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers: SDM 4 chapter 2, APM 2 appendix A. A register that
 * is in no row gives #GP. */
#include "cpu/x86/sys_priv.h"

typedef bool MsrRead(X86Cpu *c, uint32_t n, uint64_t *out);
typedef bool MsrWrite(X86Cpu *c, uint32_t n, uint64_t value);

typedef enum MsrCheck {
    MSR_ANY,
    MSR_CANONICAL,
    MSR_ZERO_ABOVE32,
    MSR_IGNORED,   /* writes have no effect */
    MSR_READ_ONLY, /* writes give #GP */
} MsrCheck;

typedef struct MsrRow {
    uint32_t first, count;
    uint32_t offset; /* of the first member; 0: value */
    uint8_t word;    /* feature that brings it; bit 0: always */
    uint32_t feature;
    MsrCheck check;
    uint64_t value; /* read when there is no member */
    MsrRead *read;
    MsrWrite *write;
} MsrRow;

#define APIC_BASE_RESET 0xfee00900ull
#define MTRR_COUNT 8
#define MTRR_CAP (MTRR_COUNT | 1u << 8 | 1u << 10) /* fixed ranges, WC */
#define MCG_CAP 10u                                /* banks */

static bool memory_type_ok(unsigned type)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

/* --- registers with a behaviour --------------------------------------------- */

static bool tsc_read(X86Cpu *c, uint32_t n, uint64_t *out)
{
    *out = x86_cpu_tsc(c);
    return true;
}

/* The deadline is a value of the TSC, which jumped. */
static void tsc_jumped(X86Cpu *c)
{
    uint64_t at = c->intr_ops ? c->intr_ops->get_deadline(c->intr_owner) : 0;

    if (at) {
        c->intr_ops->set_deadline(c->intr_owner, at);
    }
}

static bool tsc_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    c->tsc_adjust += (int64_t)(value - x86_cpu_tsc(c));
    tsc_jumped(c);
    return true;
}

static bool apic_base_read(X86Cpu *c, uint32_t n, uint64_t *out)
{
    *out = c->intr_ops ? c->intr_ops->get_base(c->intr_owner) : APIC_BASE_RESET;
    return true;
}

static bool apic_base_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    return !c->intr_ops || c->intr_ops->set_base(c->intr_owner, value);
}

static bool deadline_read(X86Cpu *c, uint32_t n, uint64_t *out)
{
    *out = c->intr_ops ? c->intr_ops->get_deadline(c->intr_owner) : 0;
    return true;
}

static bool deadline_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    if (c->intr_ops) {
        c->intr_ops->set_deadline(c->intr_owner, value);
    }
    return true;
}

static bool x2apic_read(X86Cpu *c, uint32_t n, uint64_t *out)
{
    return c->intr_ops
           && c->intr_ops->x2apic_read(c->intr_owner, n - 0x800, out);
}

static bool x2apic_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    return c->intr_ops
           && c->intr_ops->x2apic_write(c->intr_owner, n - 0x800, value);
}

static bool efer_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    return x86_set_efer(c, value);
}

bool x86_set_efer(X86Cpu *c, uint64_t value)
{
    uint64_t known = X86_EFER_LMA, changed;

    if (x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_SYSCALL)) {
        known |= X86_EFER_SCE;
    }
    if (x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_LM)) {
        known |= X86_EFER_LME;
    }
    if (x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_NX)) {
        known |= X86_EFER_NXE;
    }
    value = (value & ~X86_EFER_LMA) | (c->efer & X86_EFER_LMA);
    changed = value ^ c->efer;
    if ((value & ~known)
        || ((changed & X86_EFER_LME) && (c->cr0 & X86_CR0_PG))) {
        return false;
    }
    c->efer = value;
    if (changed & X86_EFER_NXE) {
        tlb_flush(&c->v, true);
        vcpu_fetch_again(&c->v);
    }
    x86_update_mode(c);
    return true;
}

/* No supervisor state components. */
static bool xss_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    return value == 0;
}

static bool star_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    c->star = value;
    return true;
}

static bool pat_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned type = (value >> (8 * i)) & 0xff;

        if (!memory_type_ok(type) && type != 7) {
            return false;
        }
    }
    c->pat = value;
    return true;
}

static bool mtrr_pair_read(X86Cpu *c, uint32_t n, uint64_t *out)
{
    unsigned i = (n - 0x200) / 2;

    *out = n & 1 ? c->mtrr_mask[i] : c->mtrr_base[i];
    return true;
}

static bool mtrr_pair_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    unsigned i = (n - 0x200) / 2;

    if (n & 1) {
        if (value & ~(X86_PHYS_MASK & ~0x7ffull)) {
            return false;
        }
        c->mtrr_mask[i] = value;
        return true;
    }
    if ((value & ~(X86_PHYS_MASK & ~0xf00ull))
        || !memory_type_ok(value & 0xff)) {
        return false;
    }
    c->mtrr_base[i] = value;
    return true;
}

static bool mtrr_def_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    if ((value & ~0xcffull) || !memory_type_ok(value & 0xff)) {
        return false;
    }
    c->mtrr_def = value;
    return true;
}

static bool mtrr_fixed_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        if (!memory_type_ok(value >> (8 * i) & 0xff)) {
            return false;
        }
    }
    c->mtrr_fixed[n == 0x250   ? 0
                  : n < 0x268u ? 1 + n - 0x258
                               : 3 + n - 0x268] = value;
    return true;
}

/* RIPV, EIPV, MCIP: SDM 3B 15.3.1.2 */
static bool mcg_status_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    if (value & ~7ull) {
        return false;
    }
    c->mcg_status = value;
    return true;
}

/* An update is taken and changes nothing; the revisions are what kernels
 * compare with their lists of errata. */
static bool microcode_read(X86Cpu *c, uint32_t n, uint64_t *out)
{
    bool intel = c->model && !strcmp(c->model->vendor, "GenuineIntel");

    *out = intel ? 1ull << 32 : 0x01000065;
    return true;
}

static bool ignored_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    return true;
}

/* MCi_STATUS, ADDR and MISC take zero only (SDM 3B 15.3.2). */
static bool mc_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    unsigned i = n - 0x400;

    if (i % 4 && value) {
        return false;
    }
    c->mc_bank[i] = value;
    return true;
}

static bool sfmask_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    c->sfmask = (uint32_t)value;
    return true;
}

static bool tsc_adjust_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    c->tsc_adjust = (int64_t)value;
    tsc_jumped(c);
    return true;
}

/* --- the table ------------------------------------------------------------------ */

#define AT(m) .offset = offsetof(X86Cpu, m)
#define F(w, bit) .word = X86_FEAT_##w, .feature = (bit)

/* clang-format off */
static const MsrRow msr_rows[] = {
    {0x00000010, 1, F(1_EDX, X86_F1D_TSC), .read = tsc_read, .write = tsc_write},
    {0x00000017, 1, .check = MSR_READ_ONLY}, /* platform id */
    {0x0000001b, 1, F(1_EDX, X86_F1D_APIC), .read = apic_base_read, .write = apic_base_write},
    {0x0000002a, 1, .check = MSR_IGNORED},   /* power-on configuration */
    {0x0000003b, 1, F(7_EBX, X86_F7B_TSC_ADJUST), AT(tsc_adjust), .write = tsc_adjust_write},
    {0x00000079, 1, .check = MSR_IGNORED},   /* microcode update */
    {0x0000008b, 1, .read = microcode_read, .write = ignored_write},
    {0x000000fe, 1, F(1_EDX, X86_F1D_MTRR), .value = MTRR_CAP, .check = MSR_READ_ONLY},
    {0x00000174, 1, F(1_EDX, X86_F1D_SEP), AT(sysenter_cs)},
    {0x00000175, 1, F(1_EDX, X86_F1D_SEP), AT(sysenter_esp), .check = MSR_CANONICAL},
    {0x00000176, 1, F(1_EDX, X86_F1D_SEP), AT(sysenter_eip), .check = MSR_CANONICAL},
    {0x00000179, 1, F(1_EDX, X86_F1D_MCA), .value = MCG_CAP, .check = MSR_READ_ONLY},
    {0x0000017a, 1, F(1_EDX, X86_F1D_MCA), AT(mcg_status), .write = mcg_status_write},
    {0x00000198, 2, .check = MSR_IGNORED},   /* performance state */
    {0x0000019a, 2, .check = MSR_IGNORED},   /* clock modulation, thermal */
    {0x000001a0, 1, AT(misc_enable)},
    {0x000001d9, 1, .check = MSR_IGNORED},   /* debug control: no LBR */
    {0x00000200, 2 * MTRR_COUNT, F(1_EDX, X86_F1D_MTRR), .read = mtrr_pair_read, .write = mtrr_pair_write},
    {0x00000250, 1, F(1_EDX, X86_F1D_MTRR), AT(mtrr_fixed[0]), .write = mtrr_fixed_write},
    {0x00000258, 2, F(1_EDX, X86_F1D_MTRR), AT(mtrr_fixed[1]), .write = mtrr_fixed_write},
    {0x00000268, 8, F(1_EDX, X86_F1D_MTRR), AT(mtrr_fixed[3]), .write = mtrr_fixed_write},
    {0x00000277, 1, F(1_EDX, X86_F1D_PAT), AT(pat), .write = pat_write},
    {0x000002ff, 1, F(1_EDX, X86_F1D_MTRR), AT(mtrr_def), .write = mtrr_def_write},
    {0x00000400, 4 * MCG_CAP, F(1_EDX, X86_F1D_MCA), AT(mc_bank), .write = mc_write},
    {0x000006e0, 1, F(1_ECX, X86_F1C_TSC_DEADLINE), .read = deadline_read, .write = deadline_write},
    {0x00000800, 0x40, F(1_ECX, X86_F1C_X2APIC), .read = x2apic_read, .write = x2apic_write},
    {0x00000da0, 1, F(D1_EAX, X86_FD1_XSAVES), .write = xss_write},
    {0xc0000080, 1, AT(efer), .write = efer_write},
    {0xc0000081, 1, F(80000001_EDX, X86_FXD_SYSCALL), AT(star), .write = star_write},
    {0xc0000082, 1, F(80000001_EDX, X86_FXD_LM), AT(lstar), .check = MSR_CANONICAL},
    {0xc0000083, 1, F(80000001_EDX, X86_FXD_LM), AT(cstar), .check = MSR_CANONICAL},
    {0xc0000084, 1, F(80000001_EDX, X86_FXD_LM), AT(sfmask), .write = sfmask_write},
    {0xc0000100, 1, F(80000001_EDX, X86_FXD_LM), AT(seg_base[X86_FS]), .check = MSR_CANONICAL},
    {0xc0000101, 1, F(80000001_EDX, X86_FXD_LM), AT(seg_base[X86_GS]), .check = MSR_CANONICAL},
    {0xc0000102, 1, F(80000001_EDX, X86_FXD_LM), AT(kernel_gs_base), .check = MSR_CANONICAL},
    {0xc0000103, 1, F(80000001_EDX, X86_FXD_RDTSCP), AT(tsc_aux), .check = MSR_ZERO_ABOVE32},
    /* AMD K8: performance counters, SYSCFG, HWCR, IORR, TOP_MEM, NB_CFG,
     * C1E, VM_CR, OS workarounds, load-store configuration */
    {0xc0010000, 8, .check = MSR_IGNORED},
    {0xc0010010, 1, .check = MSR_IGNORED},
    {0xc0010015, 0x0b, .check = MSR_IGNORED},
    {0xc0010055, 1, .check = MSR_IGNORED},
    {0xc0010112, 6, .check = MSR_IGNORED},
    {0xc0010140, 2, .check = MSR_IGNORED},
    {0xc0011020, 0x11, .check = MSR_IGNORED},
};
/* clang-format on */

static const MsrRow *msr_find(const X86Cpu *c, uint32_t n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(msr_rows); i++) {
        const MsrRow *r = &msr_rows[i];

        if (n - r->first < r->count
            && (!r->feature || x86_has(c, r->word, r->feature))) {
            return r;
        }
    }
    return NULL;
}

static uint64_t *msr_member(X86Cpu *c, const MsrRow *r, uint32_t n)
{
    return (uint64_t *)((char *)c + r->offset) + (n - r->first);
}

bool x86_msr_read(X86Cpu *c, uint32_t n, uint64_t *out)
{
    const MsrRow *r = msr_find(c, n);

    if (!r) {
        return false;
    }
    if (r->read) {
        return r->read(c, n, out);
    }
    *out = r->offset ? *msr_member(c, r, n) : r->value;
    return true;
}

bool x86_msr_write(X86Cpu *c, uint32_t n, uint64_t value)
{
    const MsrRow *r = msr_find(c, n);

    if (!r) {
        return false;
    }
    if (r->write) {
        return r->write(c, n, value);
    }
    switch (r->check) {
    case MSR_CANONICAL:
        if (!x86_canonical(value)) {
            return false;
        }
        break;
    case MSR_ZERO_ABOVE32:
        if (value >> 32) {
            return false;
        }
        break;
    case MSR_IGNORED:
        return true;
    case MSR_READ_ONLY:
        return false;
    case MSR_ANY:
        break;
    }
    if (r->offset) {
        *msr_member(c, r, n) = value;
    }
    return true;
}

static bool msr_allowed(X86Cpu *c)
{
    if (!x86_has(c, X86_FEAT_1_EDX, X86_F1D_MSR)) {
        x86_raise(c, X86_UD);
        return false;
    }
    if (x86_cpl(c)) {
        x86_raise_error(c, X86_GP, 0);
        return false;
    }
    return true;
}

uint64_t x86_h_rdmsr(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                     uint64_t u4)
{
    X86Cpu *c = x86_of(v);
    uint32_t n = c->gpr[X86_RCX];
    uint64_t value;

    if (!msr_allowed(c)) {
        return 0;
    }
    if (!x86_msr_read(c, n, &value)) {
        guest_unimp(&v->dev, "rdmsr of unknown register %#x", n);
        x86_raise_error(c, X86_GP, 0);
        return 0;
    }
    c->gpr[X86_RAX] = (uint32_t)value;
    c->gpr[X86_RDX] = value >> 32;
    return 0;
}

uint64_t x86_h_wrmsr(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                     uint64_t u4)
{
    X86Cpu *c = x86_of(v);
    uint32_t n = c->gpr[X86_RCX];
    uint64_t value = (c->gpr[X86_RDX] << 32) | (uint32_t)c->gpr[X86_RAX];

    if (!msr_allowed(c)) {
        return 0;
    }
    if (!x86_msr_write(c, n, value)) {
        guest_unimp(&v->dev, "wrmsr of register %#x: unknown or bad value", n);
        x86_raise_error(c, X86_GP, 0);
        return 0;
    }
    x86_update_mode(c); /* FS and GS base outside of 64-bit code, EFER */
    return 0;
}
