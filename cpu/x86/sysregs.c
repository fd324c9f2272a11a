/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control, debug and table registers, flags and waiting: SDM 2A-2B, 3A ch. 2. */
#include "cpu/x86/sys_priv.h"

#define CR0_KNOWN                                                              \
    (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET            \
     | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD          \
     | X86_CR0_PG)
#define DR6_ONES 0xffff0ff0ull
#define DR6_WRITABLE 0xe00full
#define DR7_ONES 0x400ull
#define DR7_GD (1ull << 13)

static bool gp0(X86Cpu *c)
{
    x86_raise_error(c, X86_GP, 0);
    return false;
}

static bool cpl0(X86Cpu *c)
{
    return x86_cpl(c) == 0 || gp0(c);
}

/* --- control registers --------------------------------------------------------- */

uint64_t x86_h_read_cr(Vcpu *v, uint64_t n, uint64_t u1, uint64_t u2,
                       uint64_t u3)
{
    X86Cpu *c = x86_of(v);

    if (!cpl0(c)) {
        return 0;
    }
    switch (n) {
    case 0:
        return c->cr0;
    case 2:
        return c->cr2;
    case 3:
        return c->cr3;
    case 4:
        return c->cr4;
    case 8:
        return c->intr_ops ? c->intr_ops->get_tpr(c->intr_owner) >> 4 : 0;
    default:
        x86_raise(c, X86_UD);
        return 0;
    }
}

static void mapping_changed(X86Cpu *c)
{
    tlb_flush(&c->v, true);
    vcpu_fetch_again(&c->v);
}

/* PG goes on: SDM 3A 9.8.5; no 16-bit TSS (9.8.5.3). */
static bool paging_on(X86Cpu *c)
{
    if (c->efer & X86_EFER_LME) {
        if (!(c->cr4 & X86_CR4_PAE) || (c->seg[X86_CS].attr & X86_ATTR_L)
            || !(c->tr.attr & 8)) {
            return gp0(c);
        }
        c->efer |= X86_EFER_LMA;
        return true;
    }
    return !(c->cr4 & X86_CR4_PAE) || x86_load_pdptes(c, c->cr3);
}

static bool paging_off(X86Cpu *c)
{
    if (x86_code64(c) || (c->cr4 & X86_CR4_PCIDE)) {
        return gp0(c);
    }
    c->efer &= ~X86_EFER_LMA;
    return true;
}

static void write_cr0(X86Cpu *c, uint64_t value)
{
    uint64_t changed;

    if (value >> 32 || ((value & X86_CR0_PG) && !(value & X86_CR0_PE))
        || ((value & X86_CR0_NW) && !(value & X86_CR0_CD))) {
        gp0(c);
        return;
    }
    value = (value & CR0_KNOWN) | X86_CR0_ET;
    changed = value ^ c->cr0;
    if (changed & X86_CR0_PG) {
        if (value & X86_CR0_PG ? !paging_on(c) : !paging_off(c)) {
            return;
        }
    } else if ((changed & (X86_CR0_CD | X86_CR0_NW)) && (value & X86_CR0_PG)
               && (c->cr4 & X86_CR4_PAE) && !x86_long(c)
               && !x86_load_pdptes(c, c->cr3)) {
        return; /* SDM 3A 4.4.1 */
    }
    c->cr0 = value;
    if (changed & (X86_CR0_PG | X86_CR0_WP | X86_CR0_PE)) {
        mapping_changed(c);
    }
    x86_update_mode(c);
}

static void write_cr3(X86Cpu *c, uint64_t value)
{
    bool pcide = c->cr4 & X86_CR4_PCIDE;
    bool keep = pcide && (value >> 63);

    if (pcide) {
        value &= ~(1ull << 63);
    }
    if (x86_long(c) ? (value & ~X86_PHYS_MASK) != 0 : value >> 32) {
        gp0(c);
        return;
    }
    if ((c->cr0 & X86_CR0_PG) && (c->cr4 & X86_CR4_PAE) && !x86_long(c)
        && !x86_load_pdptes(c, value)) {
        return;
    }
    c->cr3 = value;
    /* Entries are tagged by PCID alone, SDM 3A 4.10.1. */
    tlb_switch(&c->v, pcide ? value & 0xfff : 0, keep);
    vcpu_fetch_again(&c->v);
}

uint64_t x86_cr4_known(const X86Cpu *c)
{
    static const struct {
        uint64_t cr4;
        uint8_t word;
        uint32_t feature;
    } row[] = {
        {X86_CR4_VME | X86_CR4_PVI, X86_FEAT_1_EDX, X86_F1D_VME},
        {X86_CR4_TSD, X86_FEAT_1_EDX, X86_F1D_TSC},
        {X86_CR4_PSE, X86_FEAT_1_EDX, X86_F1D_PSE},
        {X86_CR4_PAE, X86_FEAT_1_EDX, X86_F1D_PAE},
        {X86_CR4_MCE, X86_FEAT_1_EDX, X86_F1D_MCE},
        {X86_CR4_PGE, X86_FEAT_1_EDX, X86_F1D_PGE},
        {X86_CR4_OSFXSR, X86_FEAT_1_EDX, X86_F1D_FXSR},
        {X86_CR4_OSXMMEXCPT, X86_FEAT_1_EDX, X86_F1D_SSE},
        {X86_CR4_UMIP, X86_FEAT_7_ECX, X86_F7C_UMIP},
        {X86_CR4_FSGSBASE, X86_FEAT_7_EBX, X86_F7B_FSGSBASE},
        {X86_CR4_PCIDE, X86_FEAT_1_ECX, X86_F1C_PCID},
        {X86_CR4_OSXSAVE, X86_FEAT_1_ECX, X86_F1C_XSAVE},
        {X86_CR4_SMEP, X86_FEAT_7_EBX, X86_F7B_SMEP},
        {X86_CR4_SMAP, X86_FEAT_7_EBX, X86_F7B_SMAP},
    };
    uint64_t known = X86_CR4_DE | X86_CR4_PCE;

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        if (x86_has(c, row[i].word, row[i].feature)) {
            known |= row[i].cr4;
        }
    }
    return known;
}

#define CR4_MAPPING                                                            \
    (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_SMEP    \
     | X86_CR4_SMAP)

static void write_cr4(X86Cpu *c, uint64_t value)
{
    uint64_t changed = value ^ c->cr4;

    if ((value & ~x86_cr4_known(c)) || (x86_long(c) && !(value & X86_CR4_PAE))
        || ((changed & value & X86_CR4_PCIDE)
            && (!x86_long(c) || (c->cr3 & 0xfff)))) {
        gp0(c);
        return;
    }
    if ((changed & (X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP))
        && (value & X86_CR4_PAE) && (c->cr0 & X86_CR0_PG) && !x86_long(c)
        && !x86_load_pdptes(c, c->cr3)) {
        return; /* SDM 3A 4.4.1 */
    }
    c->cr4 = value;
    if (changed & CR4_MAPPING) {
        mapping_changed(c);
    }
    if (changed & X86_CR4_PCIDE) {
        tlb_switch(&c->v, 0, false);
    }
    x86_update_mode(c);
}

uint64_t x86_h_write_cr(Vcpu *v, uint64_t n, uint64_t value, uint64_t u1,
                        uint64_t u2)
{
    X86Cpu *c = x86_of(v);

    if (!cpl0(c)) {
        return 0;
    }
    switch (n) {
    case 0:
        write_cr0(c, value);
        break;
    case 2:
        c->cr2 = value;
        break;
    case 3:
        write_cr3(c, value);
        break;
    case 4:
        write_cr4(c, value);
        break;
    case 8:
        if (value > 15) {
            gp0(c);
        } else if (c->intr_ops) {
            c->intr_ops->set_tpr(c->intr_owner, value << 4);
        }
        break;
    default:
        x86_raise(c, X86_UD);
        break;
    }
    return 0;
}

/* LMSW sets PE and never clears it. */
uint64_t x86_h_lmsw(Vcpu *v, uint64_t value, uint64_t u1, uint64_t u2,
                    uint64_t u3)
{
    X86Cpu *c = x86_of(v);

    if (cpl0(c)) {
        write_cr0(c, (c->cr0 & ~0xeull) | (value & 0xf));
    }
    return 0;
}

uint64_t x86_h_clts(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3, uint64_t u4)
{
    X86Cpu *c = x86_of(v);

    if (cpl0(c)) {
        c->cr0 &= ~X86_CR0_TS;
        x86_update_mode(c);
    }
    return 0;
}

uint64_t x86_h_xgetbv(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                      uint64_t u4)
{
    X86Cpu *c = x86_of(v);
    uint32_t n = (uint32_t)c->gpr[X86_RCX];
    uint64_t value;

    if (!(c->cr4 & X86_CR4_OSXSAVE)) {
        x86_raise(c, X86_UD);
    } else if (n > 1 || (n && !x86_has(c, X86_FEAT_D1_EAX, X86_FD1_XGETBV1))) {
        gp0(c);
    } else {
        value = n ? c->xcr0 & x86_xinuse(c) : c->xcr0;
        c->gpr[X86_RAX] = (uint32_t)value;
        c->gpr[X86_RDX] = value >> 32;
    }
    return 0;
}

uint64_t x86_h_xsetbv(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                      uint64_t u4)
{
    X86Cpu *c = x86_of(v);
    uint64_t value = (c->gpr[X86_RDX] << 32) | (uint32_t)c->gpr[X86_RAX];

    if (!(c->cr4 & X86_CR4_OSXSAVE)) {
        x86_raise(c, X86_UD);
    } else if (x86_cpl(c) || (uint32_t)c->gpr[X86_RCX]
               || (value & ~x86_xcr0_known(c)) || !(value & 1)
               || (value & 6) == 4) {
        gp0(c);
    } else {
        c->xcr0 = value;
        x86_update_mode(c);
    }
    return 0;
}

/* --- debug registers ------------------------------------------------------------- */

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE; -1: an exception was raised. */
static int debug_register(X86Cpu *c, uint64_t n)
{
    if ((n == 4 || n == 5) && (c->cr4 & X86_CR4_DE)) {
        x86_raise(c, X86_UD);
        return -1;
    }
    if (!cpl0(c)) {
        return -1;
    }
    if (c->dr[7] & DR7_GD) {
        c->dr[6] |= X86_DR6_BD;
        x86_raise(c, X86_DB);
        c->exc_error = 1; /* RF is set in the frame, SDM 3B 17.3.1.1 */
        return -1;
    }
    return n == 4 || n == 5 ? n + 2 : n & 7;
}

uint64_t x86_h_read_dr(Vcpu *v, uint64_t n, uint64_t u1, uint64_t u2,
                       uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    int dr = debug_register(c, n);

    return dr < 0 ? 0 : c->dr[dr];
}

uint64_t x86_h_write_dr(Vcpu *v, uint64_t n, uint64_t value, uint64_t u1,
                        uint64_t u2)
{
    X86Cpu *c = x86_of(v);
    int dr = debug_register(c, n);

    if (dr < 0) {
        return 0;
    }
    if (dr >= 6 && value >> 32) {
        gp0(c);
        return 0;
    }
    if (dr == 6) {
        value = (value & DR6_WRITABLE) | DR6_ONES;
    } else if (dr == 7) {
        value = (value & ~0xd000ull) | DR7_ONES;
    }
    c->dr[dr] = value;
    x86_debug_update(c);
    x86_update_mode(c);
    return 0;
}

/* --- table registers --------------------------------------------------------------- */

static void load_table(X86Cpu *c, X86Table *t, uint64_t base, uint64_t limit)
{
    if (!cpl0(c)) {
        return;
    }
    if (x86_code64(c) && !x86_canonical(base)) {
        gp0(c);
        return;
    }
    t->base = base;
    t->limit = limit & 0xffff;
}

uint64_t x86_h_lgdt(Vcpu *v, uint64_t base, uint64_t limit, uint64_t u1,
                    uint64_t u2)
{
    load_table(x86_of(v), &x86_of(v)->gdt, base, limit);
    return 0;
}

uint64_t x86_h_lidt(Vcpu *v, uint64_t base, uint64_t limit, uint64_t u1,
                    uint64_t u2)
{
    load_table(x86_of(v), &x86_of(v)->idt, base, limit);
    return 0;
}

/* The system descriptor that LLDT or LTR loads. */
static bool system_desc(X86Cpu *c, uint16_t sel, bool tss, X86Desc *d)
{
    unsigned type;
    bool ok;

    if (sel & 4) {
        x86_raise_error(c, X86_GP, sel & ~3u);
        return false;
    }
    if (!x86_desc_get(c, sel, X86_GP, 0, d)) {
        return false;
    }
    type = X86_TYPE(d);
    if (tss) {
        ok = type == X86_SYS_TSS32 || (type == X86_SYS_TSS16 && !x86_long(c));
    } else {
        ok = type == X86_SYS_LDT;
    }
    if (!ok || !X86_IS_SYS(d) || x86_desc_bad(d)) {
        x86_raise_error(c, X86_GP, sel & ~3u);
        return false;
    }
    if (!X86_PRESENT(d)) {
        x86_raise_error(c, X86_NP, sel & ~3u);
        return false;
    }
    return true;
}

static bool table_allowed(X86Cpu *c)
{
    if (!x86_protected(c)) {
        x86_raise(c, X86_UD);
        return false;
    }
    return cpl0(c);
}

uint64_t x86_h_lldt(Vcpu *v, uint64_t sel, uint64_t u1, uint64_t u2,
                    uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    X86Desc d;

    if (!table_allowed(c)) {
        return 0;
    }
    sel &= 0xffff;
    if (!(sel & ~3u)) {
        c->ldt = (X86Table){.sel = sel};
    } else if (system_desc(c, sel, false, &d)) {
        c->ldt = (X86Table){d.base, d.limit, sel, d.attr};
    }
    return 0;
}

uint64_t x86_h_ltr(Vcpu *v, uint64_t sel, uint64_t u1, uint64_t u2, uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    X86Desc d;

    if (!table_allowed(c)) {
        return 0;
    }
    sel &= 0xffff;
    if (!(sel & ~3u)) {
        gp0(c);
    } else if (system_desc(c, sel, true, &d)
               && x86_desc_set_busy(c, &d, true)) {
        c->tr = (X86Table){d.base, d.limit, sel, d.attr | 2};
    }
    return 0;
}

uint64_t x86_h_umip(Vcpu *v, uint64_t protected_only, uint64_t u1, uint64_t u2,
                    uint64_t u3)
{
    X86Cpu *c = x86_of(v);

    if (protected_only && !x86_protected(c)) {
        x86_raise(c, X86_UD);
    } else if ((c->cr4 & X86_CR4_UMIP) && x86_cpl(c)) {
        gp0(c);
    }
    return 0;
}

/* --- TLB and caches ------------------------------------------------------------------ */

uint64_t x86_h_invlpg(Vcpu *v, uint64_t va, uint64_t u1, uint64_t u2,
                      uint64_t u3)
{
    X86Cpu *c = x86_of(v);

    if (cpl0(c)) {
        tlb_flush_page(v, va);
        vcpu_fetch_again(v);
    }
    return 0;
}

uint64_t x86_h_invpcid(Vcpu *v, uint64_t type, uint64_t at, uint64_t u1,
                       uint64_t u2)
{
    X86Cpu *c = x86_of(v);
    uint64_t pcid, va;

    if (!x86_has(c, X86_FEAT_7_EBX, X86_F7B_INVPCID)) {
        x86_raise(c, X86_UD);
        return 0;
    }
    if (!cpl0(c) || !vcpu_load(v, at, 8, x86_data_mmu(c), &pcid)
        || !vcpu_load(v, at + 8, 8, x86_data_mmu(c), &va)) {
        return 0;
    }
    if (type > 3 || pcid >> 12
        || (type < 2 && pcid && !(c->cr4 & X86_CR4_PCIDE))
        || (type == 0 && !x86_canonical(va))) {
        gp0(c);
        return 0;
    }
    switch (type) {
    case 0:
        tlb_flush_context_page(v, pcid, va);
        break;
    case 1:
        tlb_flush_context(v, pcid);
        break;
    case 2:
        tlb_flush(v, true);
        break;
    default:
        tlb_flush(v, false);
        break;
    }
    vcpu_fetch_again(v);
    return 0;
}

uint64_t x86_h_touch(Vcpu *v, uint64_t va, uint64_t mmu, uint64_t u1,
                     uint64_t u2)
{
    vcpu_probe(v, va, 1, (unsigned)mmu, ACCESS_READ);
    return 0;
}

uint64_t x86_h_wbinvd(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                      uint64_t u4)
{
    cpl0(x86_of(v));
    return 0;
}

/* --- waiting ------------------------------------------------------------------------- */

uint64_t x86_h_hlt(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3, uint64_t u4)
{
    X86Cpu *c = x86_of(v);

    if (cpl0(c)) {
        v->halted = true; /* the engine looks before the next step */
        v->leave = true;
    }
    return 0;
}

/* CPUID does not offer MONITOR. */
uint64_t x86_h_monitor(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                       uint64_t u4)
{
    x86_raise(x86_of(v), X86_UD);
    return 0;
}

uint64_t x86_h_mwait(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                     uint64_t u4)
{
    x86_raise(x86_of(v), X86_UD);
    return 0;
}

/* With several vCPUs the turn ends (the loop sees the slice end). */
uint64_t x86_h_pause(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3,
                     uint64_t u4)
{
    if (x86_of(v)->cpu_count > 1) {
        vm_end_turn(v->dev.vm);
    }
    return 0;
}

/* --- flags ----------------------------------------------------------------------------- */

/* SDM 2B POPF, table 4-15; the vm86 check went before. */
uint64_t x86_h_popf(Vcpu *v, uint64_t value, uint64_t size, uint64_t u1,
                    uint64_t u2)
{
    X86Cpu *c = x86_of(v);
    uint64_t mask = X86_ARITH | X86_TF | X86_DF | X86_NT;
    bool done;

    if (!x86_vme_flags(c, value, &done) || done) {
        return 0;
    }
    if (size > 2) {
        mask |= X86_AC | X86_ID;
    }
    if (x86_cpl(c) <= x86_iopl(c)) {
        mask |= X86_IF;
    }
    if (x86_cpl(c) == 0) {
        mask |= X86_IOPL;
    }
    x86_merge_eflags(c, value, mask);
    return 0;
}

uint64_t x86_h_clac_stac(Vcpu *v, uint64_t set, uint64_t u1, uint64_t u2,
                         uint64_t u3)
{
    X86Cpu *c = x86_of(v);

    if (!x86_has(c, X86_FEAT_7_EBX, X86_F7B_SMAP) || x86_cpl(c)) {
        x86_raise(c, X86_UD);
        return 0;
    }
    c->eflags = (c->eflags & ~(uint64_t)X86_AC) | (set ? X86_AC : 0);
    x86_update_mode(c);
    return 0;
}

uint64_t x86_h_fsgsbase(Vcpu *v, uint64_t write, uint64_t value, uint64_t u1,
                        uint64_t u2)
{
    X86Cpu *c = x86_of(v);

    if (!x86_code64(c) || !(c->cr4 & X86_CR4_FSGSBASE)) {
        x86_raise(c, X86_UD);
    } else if (write && !x86_canonical(value)) {
        gp0(c);
    }
    return 0;
}

/* --- ports ------------------------------------------------------------------------------- */

/* SDM 1 19.5.2 */
static bool port_allowed(X86Cpu *c, uint16_t port, unsigned size)
{
    uint64_t map, bits;
    unsigned at;

    if (!(c->v.mode & X86_MODE_PE)
        || (!(c->v.mode & X86_MODE_VM86) && x86_cpl(c) <= x86_iopl(c))) {
        return true;
    }
    if (!(c->tr.attr & 8) || !(c->tr.attr & X86_ATTR_P) || c->tr.limit < 0x67) {
        return gp0(c);
    }
    if (!vcpu_load(&c->v, c->tr.base + 0x66, 2, X86_MMU_KERNEL, &map)) {
        return false;
    }
    at = map + port / 8;
    if (at + 1 > c->tr.limit) {
        return gp0(c);
    }
    if (!vcpu_load(&c->v, c->tr.base + at, 2, X86_MMU_KERNEL, &bits)) {
        return false;
    }
    if ((bits >> (port & 7)) & ((1u << size) - 1)) {
        return gp0(c);
    }
    return true;
}

uint64_t x86_h_io_check(Vcpu *v, uint64_t port, uint64_t size, uint64_t u1,
                        uint64_t u2)
{
    port_allowed(x86_of(v), port, size);
    return 0;
}

uint64_t x86_h_in(Vcpu *v, uint64_t port, uint64_t size, uint64_t u1,
                  uint64_t u2)
{
    if (!port_allowed(x86_of(v), port, size)) {
        return 0;
    }
    x86_debug_port(x86_of(v), port, size);
    return mem_io_read(v->dev.vm->io, port & 0xffff, size);
}

uint64_t x86_h_out(Vcpu *v, uint64_t port, uint64_t size, uint64_t value,
                   uint64_t u1)
{
    if (port_allowed(x86_of(v), port, size)) {
        x86_debug_port(x86_of(v), port, size);
        mem_io_write(v->dev.vm->io, port & 0xffff, value, size);
    }
    return 0;
}
