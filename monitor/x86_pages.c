/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/x86_pages.h"

#include "core/bytes.h"

#define CR0_PG (1ull << 31)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define EFER_LMA (1ull << 10)
#define PTE_P 1ull
#define FRAME 0x000ffffffffff000ull
#define TABLES_MAX 65536 /* a guest may map one table many times */

typedef struct Pages {
    Vm *vm;
    GHashTable *once; /* borrowed, NULL: no matter */
    X86PageVisit *visit;
    void *opaque;
    unsigned bytes; /* of an entry: 4 or 8 */
    bool large4;    /* 4 MiB pages of 32-bit paging */
    unsigned left;  /* tables that may still be read */
    bool wide;      /* four levels: addresses are sign-extended */
} Pages;

/* 4 MiB pages: bits 13-20 are bits 32-39 of the address, SDM 3A 4.3. */
static uint64_t page_frame(const Pages *p, uint64_t e, unsigned shift)
{
    uint64_t frame = e & FRAME & ~((1ull << shift) - 1);

    if (p->bytes == 4) {
        frame = shift == 22 ? (e & 0xffc00000) | ((e >> 13 & 0xff) << 32)
                            : e & 0xfffff000;
    }
    return frame;
}

static bool pages_entry(Pages *p, uint64_t e, uint64_t va, unsigned level,
                        uint64_t rights);

/* @level: 1 for a page table, up to 4; @rights: what the levels above allow. */
static bool pages_table(Pages *p, uint64_t at, uint64_t va, unsigned level,
                        unsigned entries, uint64_t rights)
{
    unsigned bits = p->bytes == 4 ? 10 : 9;
    unsigned shift = 12 + bits * (level - 1);
    uint8_t raw[GUEST_PAGE_SIZE];

    if (level == 1 && p->once
        && !g_hash_table_add(p->once, GSIZE_TO_POINTER(at + 1))) {
        return true; /* mapped elsewhere, too */
    }
    if (p->left == 0) {
        return false;
    }
    p->left--;
    if (!mem_peek(p->vm->mem, at, raw, entries * p->bytes)) {
        return true; /* the tables are nowhere */
    }
    for (unsigned i = 0; i < entries; i++) {
        uint64_t e =
            p->bytes == 4 ? ld_le32(raw + 4 * i) : ld_le64(raw + 8 * i);
        uint64_t here = va | (uint64_t)i << shift;

        if (p->wide && level == 4 && i >= 256) {
            here |= 0xffff000000000000ull;
        }
        if ((e & PTE_P) && !pages_entry(p, e, here, level, rights)) {
            return false;
        }
    }
    return true;
}

static bool pages_entry(Pages *p, uint64_t e, uint64_t va, unsigned level,
                        uint64_t rights)
{
    unsigned bits = p->bytes == 4 ? 10 : 9;
    unsigned shift = 12 + bits * (level - 1);
    bool top3 = p->bytes == 8 && !p->wide && level == 3; /* PDPTE: no rights */
    bool large = level > 1 && level < 4 && (e & PAGE_LARGE) && !top3
                 && (p->bytes == 8 || p->large4);

    if (!top3) {
        rights &= (e & (PAGE_WRITE | PAGE_USER)) | (~e & PAGE_NX);
    }
    if (level == 1 || large) {
        uint64_t allowed =
            (rights & (PAGE_WRITE | PAGE_USER)) | (~rights & PAGE_NX);

        return p->visit(p->opaque, va, page_frame(p, e, shift), 1ull << shift,
                        (e & ~(PAGE_WRITE | PAGE_USER | PAGE_NX)) | allowed);
    }
    return pages_table(p, page_frame(p, e, 12), va, level - 1,
                       p->bytes == 4 ? 1024 : 512, rights);
}

X86Pages x86_pages_walk(const X86Cpu *c, GHashTable *once, X86PageVisit *visit,
                        void *opaque)
{
    const uint64_t all = PAGE_WRITE | PAGE_USER | PAGE_NX;
    Pages p = {.vm = c->v.dev.vm,
               .once = once,
               .visit = visit,
               .opaque = opaque,
               .bytes = c->cr4 & CR4_PAE ? 8 : 4,
               .large4 = c->cr4 & CR4_PSE,
               .left = TABLES_MAX,
               .wide = c->efer & EFER_LMA};
    bool done = true;

    if (!(c->cr0 & CR0_PG)) {
        return X86_PAGES_OFF;
    }
    if (p.wide) {
        done = pages_table(&p, c->cr3 & FRAME, 0, 4, 512, all);
    } else if (p.bytes == 4) {
        done = pages_table(&p, c->cr3 & 0xfffff000, 0, 2, 1024, all);
    } else {
        for (unsigned i = 0; i < 4 && done; i++) {
            done = !(c->pdpte[i] & PTE_P)
                   || pages_entry(&p, c->pdpte[i], (uint64_t)i << 30, 3, all);
        }
    }
    return done ? X86_PAGES_ALL : X86_PAGES_MORE;
}
