/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page-table walks: SDM 3A chapter 4. */
#include "cpu/x86/sys_priv.h"

#define PTE_P (1ull << 0)
#define PTE_W (1ull << 1)
#define PTE_U (1ull << 2)
#define PTE_A (1ull << 5)
#define PTE_D (1ull << 6)
#define PTE_PS (1ull << 7)
#define PTE_G (1ull << 8)
#define PTE_NX (1ull << 63)
#define PTE_FRAME 0x000ffffffffff000ull
#define PDPTE_RESERVED 0x1e6ull /* bits 1-2 and 5-8, SDM 3A table 4-8 */

#define WALK_LEVELS 4

/* One walk: entries seen from the top. */
typedef struct Walk {
    X86Cpu *c;
    uint64_t va;
    unsigned size; /* of an entry: 4 or 8 */
    bool nxe;
    uint64_t entry[WALK_LEVELS];
    GuestPhys at[WALK_LEVELS];
    unsigned count;
    /* found */
    GuestPhys phys;
    uint64_t range;
    bool user, write, nx;
} Walk;

typedef enum WalkResult {
    WALK_OK,
    WALK_ABSENT,
    WALK_RESERVED,
} WalkResult;

unsigned x86_data_mmu(const X86Cpu *c)
{
    if ((c->v.mode & X86_MODE_CPL) == 3) {
        return X86_MMU_USER;
    }
    return c->v.mode & X86_MODE_SMAP ? X86_MMU_KERNEL : X86_MMU_KERNEL_NOSMAP;
}

bool x86_load_pdptes(X86Cpu *c, uint64_t cr3)
{
    uint64_t e[4];

    for (unsigned i = 0; i < 4; i++) {
        GuestPhys at = ((cr3 & 0xffffffe0) + 8 * i) & c->a20_mask;

        e[i] = vcpu_phys_load(&c->v, at, 8);
        if ((e[i] & PTE_P)
            && (e[i] & (PDPTE_RESERVED | ~(X86_PHYS_MASK | 0xfff)))) {
            x86_raise_error(c, X86_GP, 0);
            return false;
        }
    }
    memcpy(c->pdpte, e, sizeof(e));
    return true;
}

/* Bits that must be zero in an 8-byte entry mapping 1 << @shift bytes. */
static uint64_t walk_reserved(const Walk *w, unsigned shift, bool leaf)
{
    uint64_t bits = PTE_FRAME & ~X86_PHYS_MASK;

    if (!w->nxe) {
        bits |= PTE_NX;
    }
    if (!x86_long(w->c)) {
        bits |= 0x7ff0000000000000ull; /* 52-62, SDM 3A 4.4.2 */
    }
    if (leaf && shift > 12) {
        bits |= ((1ull << shift) - 1) & PTE_FRAME & ~(1ull << 12); /* PAT */
    }
    return bits;
}

/* Is the entry for 1 << @shift bytes a page? *bad: PS where it is reserved. */
static bool walk_leaf(const Walk *w, uint64_t e, unsigned shift, bool *bad)
{
    *bad = false;
    if (shift == 12) {
        return true;
    }
    if (!(e & PTE_PS)) {
        return false;
    }
    switch (shift) {
    case 21:
        return true;
    case 22:
        return w->c->cr4 & X86_CR4_PSE;
    case 30:
        *bad = !x86_has(w->c, X86_FEAT_80000001_EDX, X86_FXD_PDPE1GB);
        return true;
    default:
        *bad = true;
        return true;
    }
}

static void walk_page(Walk *w, uint64_t e, unsigned shift)
{
    uint64_t frame = e & PTE_FRAME & ~((1ull << shift) - 1);

    if (shift == 22) {
        /* PSE-36: bits 13-20 are address bits 32-39 */
        frame = (e & 0xffc00000) | ((e & 0x1fe000) << 19);
    } else if (w->size == 4) {
        frame = e & 0xfffff000;
    }
    w->range = 1ull << shift;
    w->phys = frame | (w->va & (w->range - 1) & ~0xfffull);
}

/* From @table down; entries at level of @shift first. */
static WalkResult walk_down(Walk *w, GuestPhys table, unsigned shift)
{
    unsigned bits = w->size == 8 ? 9 : 10;

    for (;;) {
        unsigned index = (w->va >> shift) & ((1u << bits) - 1);
        GuestPhys at = (table + index * w->size) & w->c->a20_mask;
        uint64_t e = vcpu_phys_load(&w->c->v, at, w->size);
        bool bad, leaf;

        if (!(e & PTE_P)) {
            return WALK_ABSENT;
        }
        leaf = walk_leaf(w, e, shift, &bad);
        if (w->size == 8) {
            bad |= (e & walk_reserved(w, shift, leaf)) != 0;
        } else if (leaf && shift == 22) {
            bad |= (e & (1u << 21)) != 0;
        }
        if (bad) {
            return WALK_RESERVED;
        }
        w->entry[w->count] = e;
        w->at[w->count++] = at;
        w->user &= (e & PTE_U) != 0;
        w->write &= (e & PTE_W) != 0;
        w->nx |= w->nxe && w->size == 8 && (e & PTE_NX);
        if (leaf) {
            walk_page(w, e, shift);
            return WALK_OK;
        }
        table = e & (w->size == 8 ? PTE_FRAME : 0xfffff000);
        shift -= bits;
    }
}

static WalkResult walk_tables(Walk *w)
{
    X86Cpu *c = w->c;
    uint64_t pdpte;

    w->size = c->cr4 & X86_CR4_PAE ? 8 : 4;
    w->nxe = c->efer & X86_EFER_NXE;
    w->user = w->write = true;
    if (x86_long(c)) {
        return walk_down(w, c->cr3 & PTE_FRAME, 39);
    }
    if (!(c->cr4 & X86_CR4_PAE)) {
        return walk_down(w, c->cr3 & 0xfffff000, 22);
    }
    pdpte = c->pdpte[(w->va >> 30) & 3];
    if (!(pdpte & PTE_P)) {
        return WALK_ABSENT;
    }
    return walk_down(w, pdpte & PTE_FRAME, 21);
}

/* SDM 3A 4.6.1: what this mmu index may do to the page found. */
static unsigned walk_rights(const Walk *w, unsigned mmu)
{
    const X86Cpu *c = w->c;
    unsigned prot = 0;
    bool data = true;

    if (mmu == X86_MMU_USER) {
        if (!w->user) {
            return 0;
        }
        return TLB_R | (w->write ? TLB_W : 0) | (w->nx ? 0 : TLB_X);
    }
    if (w->user && (c->cr4 & X86_CR4_SMAP) && mmu == X86_MMU_KERNEL) {
        data = false;
    }
    if (data) {
        prot |= TLB_R;
        prot |= w->write || !(c->cr0 & X86_CR0_WP) ? TLB_W : 0;
    }
    if (!w->nx && !(w->user && (c->cr4 & X86_CR4_SMEP))) {
        prot |= TLB_X;
    }
    return prot;
}

static void walk_fault(const Walk *w, WalkResult result, MemAccess access,
                       unsigned mmu)
{
    X86Cpu *c = w->c;
    uint32_t error = 0;

    error |= result != WALK_ABSENT ? X86_PF_P : 0;
    error |= result == WALK_RESERVED ? X86_PF_RSVD : 0;
    error |= access == ACCESS_WRITE ? X86_PF_W : 0;
    error |= mmu == X86_MMU_USER ? X86_PF_U : 0;
    if (access == ACCESS_EXEC
        && ((c->cr4 & X86_CR4_SMEP)
            || ((c->cr4 & X86_CR4_PAE) && (c->efer & X86_EFER_NXE)))) {
        error |= X86_PF_I;
    }
    x86_raise_page_fault(c, w->va, error);
}

/* Set A on the way and D at the end; the entries are those just read. */
static void walk_mark(Walk *w, bool dirty)
{
    for (unsigned i = 0; i < w->count; i++) {
        bool last = i + 1 == w->count;
        uint64_t e = w->entry[i] | PTE_A | (last && dirty ? PTE_D : 0);

        if (e != w->entry[i]) {
            vcpu_phys_store(&w->c->v, w->at[i], w->size, e);
            w->entry[i] = e;
        }
    }
}

static bool walk_flat(const X86Cpu *c, uint64_t va, TlbFill *out)
{
    *out = (TlbFill){
        .phys = va & 0xfffff000 & c->a20_mask,
        .prot = TLB_R | TLB_W | TLB_X,
        .range = GUEST_PAGE_SIZE,
    };
    return true;
}

bool x86_walk(Vcpu *v, uint64_t va, MemAccess access, unsigned mmu, bool peek,
              TlbFill *out)
{
    static const uint8_t wanted[] = {
        [ACCESS_READ] = TLB_R, [ACCESS_WRITE] = TLB_W, [ACCESS_EXEC] = TLB_X};
    X86Cpu *c = x86_of(v);
    Walk w = {.c = c, .va = va};
    WalkResult result;
    unsigned prot;

    if (!x86_long(c)) {
        w.va = va = (uint32_t)va;
    } else if (!x86_canonical(va)) {
        if (!peek) {
            x86_raise_error(c, X86_GP, 0);
            c->exc_where = va;
        }
        return false;
    }
    if (!(c->cr0 & X86_CR0_PG)) {
        return walk_flat(c, va, out);
    }
    result = walk_tables(&w);
    prot = result == WALK_OK ? walk_rights(&w, mmu) : 0;
    if (peek) {
        if (result != WALK_OK) {
            return false;
        }
    } else {
        if (!(prot & wanted[access])) {
            walk_fault(&w, result, access, mmu);
            return false;
        }
        walk_mark(&w, access == ACCESS_WRITE);
    }
    if (!(w.entry[w.count - 1] & PTE_D)) {
        prot &= ~(unsigned)TLB_W;
    }
    *out = (TlbFill){
        .phys = w.phys & c->a20_mask,
        .prot = prot,
        .global = (w.entry[w.count - 1] & PTE_G) && (c->cr4 & X86_CR4_PGE),
        .range = w.range,
    };
    return true;
}
