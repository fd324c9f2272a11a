/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TLB: level 2 is the model and state, level 1 and jumps hang on it. */
#include "accel/tlb.h"

#include <string.h>

#include "accel/accel_priv.h"
#include "core/error.h"
#include "core/trace.h"

#define TLB_L1_BITS_DEFAULT 11
#define TLB_L1_BITS_MIN 6 /* one entry a bit of TlbL1.touched */
#define TLB_L1_BITS_MAX 15

static unsigned tlb_need(MemAccess access)
{
    return access == ACCESS_READ    ? TLB_R
           : access == ACCESS_WRITE ? TLB_W
                                    : TLB_X;
}

static unsigned tlb_set(uint64_t va, unsigned mmu)
{
    uint64_t vpn = va >> 12;

    return (unsigned)(vpn ^ vpn >> 10 ^ (uint64_t)mmu << 6) % TLB_SETS;
}

static uint64_t tlb_key(uint64_t va, unsigned mmu)
{
    return (va & TLB_PAGE_MASK) | mmu << 1 | 1;
}

/* --- what hangs on level 2 ------------------------------------------------- */

static void tlb_l1_clear(TlbL1Entry *e)
{
    e->read_tag = e->write_tag = TLB_NO_TAG;
}

void tlb_l1_flush(Tlb *tlb)
{
    size_t group = ((size_t)1 << tlb->l1_bits) / 64;

    for (unsigned mmu = 0; mmu < TLB_MMU_MAX; mmu++) {
        TlbL1 *l1 = &tlb->l1[mmu];

        for (uint64_t bits = l1->touched; bits; bits &= bits - 1) {
            TlbL1Entry *e = l1->table + __builtin_ctzll(bits) * group;

            for (size_t i = 0; i < group; i++) {
                tlb_l1_clear(&e[i]);
            }
        }
        l1->touched = 0;
    }
    tlb->local_count = 0;
}

/* All but global pages: for a context that has no entries in level 2, so that
 * nothing there can stand before a global page. */
static void tlb_l1_flush_locals(Tlb *tlb)
{
    if (tlb->local_count > TLB_LOCALS) {
        tlb_l1_flush(tlb);
        return;
    }
    for (unsigned i = 0; i < tlb->local_count; i++) {
        if (!(tlb->locals[i]->aux & TLB_AUX_GLOBAL)) {
            tlb_l1_clear(tlb->locals[i]);
        }
    }
    tlb->local_count = 0;
}

void tlb_l1_protect(Tlb *tlb, RamPage page)
{
    size_t group = ((size_t)1 << tlb->l1_bits) / 64;

    for (unsigned mmu = 0; mmu < TLB_MMU_MAX; mmu++) {
        TlbL1 *l1 = &tlb->l1[mmu];

        for (uint64_t bits = l1->touched; bits; bits &= bits - 1) {
            TlbL1Entry *e = l1->table + __builtin_ctzll(bits) * group;

            for (size_t i = 0; i < group; i++) {
                if (page == RAM_PAGE_NONE || (RamPage)e[i].aux == page) {
                    e[i].write_tag = TLB_NO_TAG;
                }
            }
        }
    }
}

static void tlb_jump_clear(Tlb *tlb, unsigned group)
{
    if (tlb->jump_touched[group / 64] >> (group % 64) & 1) {
        memset(&tlb->jump[group * JUMP_GROUP], 0xff,
               JUMP_GROUP * sizeof(JumpEntry));
        tlb->jump_touched[group / 64] &= ~((uint64_t)1 << (group % 64));
    }
}

void tlb_jump_flush(Tlb *tlb)
{
    for (unsigned group = 0; group < JUMP_GROUPS; group++) {
        tlb_jump_clear(tlb, group);
    }
    tlb->jump_local_count = 0;
}

/* The context changed. */
static void tlb_jump_flush_locals(Tlb *tlb)
{
    if (tlb->jump_local_count > TLB_LOCALS) {
        tlb_jump_flush(tlb);
        return;
    }
    for (unsigned i = 0; i < tlb->jump_local_count; i++) {
        memset(tlb->jump_locals[i], 0xff, sizeof(JumpEntry));
    }
    tlb->jump_local_count = 0;
}

/* A global page is for every context, unless one has an entry of its own, made
 * before: it might find that first. Made later, it replaces the global one. */
static bool tlb_everywhere(const Tlb *tlb, const TlbL2Entry *e)
{
    const TlbL2Entry *set = e - (e - tlb->l2) % TLB_WAYS;

    if (TLB_PA_CTX(e->pa) != TLB_GLOBAL) {
        return false;
    }
    for (unsigned way = 0; way < TLB_WAYS; way++) {
        if (set[way].key == e->key && &set[way] != e) {
            return false;
        }
    }
    return true;
}

static void tlb_jump_local(Tlb *tlb, JumpEntry *j)
{
    if (tlb->jump_local_count < TLB_LOCALS) {
        tlb->jump_locals[tlb->jump_local_count++] = j;
    } else {
        tlb->jump_local_count = TLB_LOCALS + 1;
    }
}

JumpEntry *tlb_jump_add(Tlb *tlb, uint64_t pc, const TlbL2Entry *e)
{
    JumpEntry *j = tlb_jump_entry(tlb, pc);
    JumpEntry *pair = &tlb->jump[(j - tlb->jump) ^ JUMP_PAIR];
    unsigned group = JUMP_GROUP_OF(pc);

    tlb->jump_touched[group / 64] |= (uint64_t)1 << (group % 64);
    if (j->pc != pc && j->pc != UINT64_MAX) {
        *pair = *j; /* it may be local: a cheap thing to forget */
        tlb_jump_local(tlb, pair);
    }
    if (!tlb_everywhere(tlb, e)) {
        tlb_jump_local(tlb, j);
    }
    return j;
}

/* Jumps into the page of @va are forgotten. */
static void tlb_jump_leave(Tlb *tlb, uint64_t va)
{
    unsigned group = JUMP_GROUP_OF(va);

    if (!(tlb->jump_touched[group / 64] >> (group % 64) & 1)) {
        return;
    }
    for (unsigned i = 0; i < JUMP_GROUP; i++) {
        JumpEntry *j = &tlb->jump[group * JUMP_GROUP + i];

        if (!((j->pc ^ va) & TLB_PAGE_MASK)) {
            memset(j, 0xff, sizeof(*j));
        }
    }
}

/* What @e says is about to change: its page leaves level 2, or is filled anew.
 * Only an entry with the right to execute has let jumps be remembered. */
static void tlb_left(Tlb *tlb, const TlbL2Entry *e)
{
    uint64_t va = e->key & TLB_PAGE_MASK;
    TlbL1Entry *l1 = tlb_l1_entry(tlb, va, TLB_KEY_MMU(e->key));

    if (l1->read_tag == va || l1->write_tag == va) {
        tlb_l1_clear(l1);
    }
    if (e->pa & TLB_X) {
        tlb_jump_leave(tlb, va);
    }
}

static void tlb_drop(Tlb *tlb, TlbL2Entry *e)
{
    tlb_left(tlb, e);
    e->key = e->pa = 0;
}

/* --- level 2 --------------------------------------------------------------- */

static TlbL2Entry *tlb_probe(Tlb *tlb, uint64_t va, unsigned mmu)
{
    TlbL2Entry *e = &tlb->l2[tlb_set(va, mmu) * TLB_WAYS];
    uint64_t key = tlb_key(va, mmu);

    for (unsigned way = 0; way < TLB_WAYS; way++) {
        unsigned ctx = TLB_PA_CTX(e[way].pa);

        if (e[way].key == key && (ctx == tlb->cur || ctx == TLB_GLOBAL)) {
            return &e[way];
        }
    }
    return NULL;
}

TlbL2Entry *tlb_find(Tlb *tlb, uint64_t va, MemAccess access, unsigned mmu)
{
    TlbL2Entry *e = tlb_probe(tlb, va, mmu);

    return e && (e->pa & tlb_need(access)) ? e : NULL;
}

/* The way that a fill of @va takes. */
static TlbL2Entry *tlb_victim(Tlb *tlb, uint64_t va, unsigned mmu)
{
    unsigned set = tlb_set(va, mmu);
    TlbL2Entry *e = tlb_probe(tlb, va, mmu);

    if (e) {
        return e;
    }
    e = &tlb->l2[set * TLB_WAYS];
    for (unsigned way = 0; way < TLB_WAYS; way++) {
        if (!e[way].key) {
            return &e[way];
        }
    }
    e += tlb->fifo[set];
    tlb->fifo[set] = (tlb->fifo[set] + 1) % TLB_WAYS;
    tlb_drop(tlb, e);
    return e;
}

static unsigned tlb_large_hash(uint64_t va)
{
    uint64_t n = va >> 21;

    return (unsigned)(n ^ n >> 12) & 4095;
}

static void tlb_note(Tlb *tlb, const TlbL2Entry *e)
{
    unsigned set = (unsigned)(e - tlb->l2) / TLB_WAYS;

    tlb->ctx[TLB_PA_CTX(e->pa)].sets[set / 64] |= (uint64_t)1 << (set % 64);
    if (TLB_PA_SHIFT(e->pa) > 12) {
        unsigned h = tlb_large_hash(e->key);
        tlb->large[h / 64] |= (uint64_t)1 << (h % 64);
    }
}

static TlbL2Entry *tlb_fill(Tlb *tlb, uint64_t va, unsigned mmu,
                            const TlbFill *f)
{
    TlbL2Entry *e = tlb_victim(tlb, va, mmu);
    unsigned shift = 12;

    while (shift < 12 + 31 && (uint64_t)1 << shift < f->range) {
        shift++;
    }
    if (e->key) {
        tlb_left(tlb, e);
    }
    e->key = tlb_key(va, mmu);
    e->pa = (f->phys & TLB_PAGE_MASK) | (shift - 12) << 7
            | (f->global ? TLB_GLOBAL : tlb->cur) << 3 | (f->prot & 7);
    tlb_note(tlb, e);
    tlb->fills++;
    return e;
}

TlbL2Entry *tlb_lookup(Vcpu *v, uint64_t va, MemAccess access, unsigned mmu)
{
    TlbL2Entry *e = tlb_find(v->tlb, va, access, mmu);
    TlbFill f = {0};

    if (ACCEL_LIKELY(e != NULL)) {
        return e;
    }
    if (!v->ops->walk(v, va, access, mmu, false, &f)) {
        return NULL;
    }
    return tlb_fill(v->tlb, va, mmu, &f);
}

bool tlb_peek_exec(Vcpu *v, uint64_t va, GuestPhys *out)
{
    unsigned mmu = v->ops->fetch_mmu(v);
    TlbL2Entry *e = tlb_find(v->tlb, va, ACCESS_EXEC, mmu);
    TlbFill f = {0};

    if (e) {
        *out = (e->pa & TLB_PAGE_MASK) | (va & 0xfff);
        return true;
    }
    if (!v->ops->walk(v, va, ACCESS_EXEC, mmu, true, &f)) {
        return false;
    }
    *out = (f.phys & TLB_PAGE_MASK) | (va & 0xfff);
    return true;
}

/* --- level 1 --------------------------------------------------------------- */

bool tlb_ram(Tlb *tlb, GuestPhys at, unsigned size, uint8_t **host,
             RamPage *page, bool *rom)
{
    uint64_t off = at - tlb->ram_start;
    MemHit hit;

    if (off >= tlb->ram_size || tlb->ram_size - off < size) {
        GuestPhys start = at & TLB_PAGE_MASK;

        /* from the start of its page, so that neighbours hit too */
        mem_lookup(tlb->v->dev.vm->mem, start, &hit);
        if ((hit.kind != MEM_RAM && hit.kind != MEM_ROM)
            || hit.room < (at & 0xfff) + size || (hit.offset & 0xfff)) {
            return false;
        }
        tlb->ram_start = start;
        tlb->ram_size = hit.room;
        tlb->ram_host = hit.host;
        tlb->ram_page = hit.page;
        tlb->ram_rom = hit.kind == MEM_ROM;
        off = at - tlb->ram_start;
    }
    *host = tlb->ram_host + off;
    *page = tlb->ram_page + (RamPage)(off >> GUEST_PAGE_BITS);
    *rom = tlb->ram_rom;
    return true;
}

void tlb_l1_fill(Vcpu *v, uint64_t va, unsigned mmu, const TlbL2Entry *e)
{
    Tlb *tlb = v->tlb;
    TlbL1Entry *l1 = tlb_l1_entry(tlb, va, mmu);
    uint8_t *host, flags;
    RamPage page;
    bool rom;

    va &= TLB_PAGE_MASK;
    if (!tlb_ram(tlb, e->pa & TLB_PAGE_MASK, GUEST_PAGE_SIZE, &host, &page,
                 &rom)) {
        return;
    }
    flags = ram_flags(v->dev.vm->ram)[page];
    if (flags & RAM_WATCH || vcpu_watched(v, va, GUEST_PAGE_SIZE)) {
        return;
    }
    l1->read_tag = e->pa & TLB_R ? va : TLB_NO_TAG;
    l1->write_tag = (e->pa & TLB_W) && !rom && (flags & RAM_FAST)
                            && !(flags & (RAM_CODE | RAM_NO_WRITE))
                        ? va
                        : TLB_NO_TAG;
    l1->addend = (uint64_t)(uintptr_t)host - va;
    l1->aux = page;
    if (TLB_PA_CTX(e->pa) == TLB_GLOBAL) {
        l1->aux |= TLB_AUX_GLOBAL;
    } else if (tlb->local_count < TLB_LOCALS) {
        tlb->locals[tlb->local_count++] = l1;
    } else {
        tlb->local_count = TLB_LOCALS + 1;
    }
    tlb->l1[mmu].touched |= (uint64_t)1
                            << ((va >> 12 & ((1u << tlb->l1_bits) - 1))
                                >> (tlb->l1_bits - 6));
    tlb->l1_fills++;
}

/* --- flushes --------------------------------------------------------------- */

/* All entries of one context, or of the globals, leave. */
static void tlb_drop_context(Tlb *tlb, unsigned ctx)
{
    TlbContext *c = &tlb->ctx[ctx];

    for (unsigned w = 0; w < G_N_ELEMENTS(c->sets); w++) {
        for (uint64_t bits = c->sets[w]; bits; bits &= bits - 1) {
            unsigned set = w * 64 + (unsigned)__builtin_ctzll(bits);
            TlbL2Entry *e = &tlb->l2[set * TLB_WAYS];

            for (unsigned way = 0; way < TLB_WAYS; way++) {
                if (e[way].key && TLB_PA_CTX(e[way].pa) == ctx) {
                    e[way].key = e[way].pa = 0;
                }
            }
        }
        c->sets[w] = 0;
    }
    if (ctx == TLB_GLOBAL) {
        tlb_jump_flush(tlb);
        tlb_l1_flush(tlb);
    } else if (ctx == tlb->cur) {
        tlb_l1_flush_locals(tlb);
        tlb_jump_flush_locals(tlb);
    }
}

void tlb_flush(Vcpu *v, bool globals_too)
{
    Tlb *tlb = v->tlb;

    trace(v->dev.vm, tlb_flush, v->dev.path, globals_too);
    for (unsigned ctx = 0; ctx < TLB_CONTEXTS; ctx++) {
        tlb_drop_context(tlb, ctx);
    }
    if (globals_too) {
        tlb_drop_context(tlb, TLB_GLOBAL);
        memset(tlb->large, 0, sizeof(tlb->large));
    }
    vcpu_fetch_again(v);
}

/* Pieces of large mappings that hold @va; the filter is rebuilt on the way. */
static void tlb_flush_large(Tlb *tlb, unsigned ctx, uint64_t va)
{
    unsigned h = tlb_large_hash(va);

    if (!(tlb->large[h / 64] >> (h % 64) & 1)) {
        return;
    }
    memset(tlb->large, 0, sizeof(tlb->large));
    for (unsigned i = 0; i < TLB_SETS * TLB_WAYS; i++) {
        TlbL2Entry *e = &tlb->l2[i];
        unsigned shift = TLB_PA_SHIFT(e->pa), of = TLB_PA_CTX(e->pa);

        if (!e->key || shift == 12) {
            continue;
        }
        if ((of == ctx || of == TLB_GLOBAL) && (e->key ^ va) >> shift == 0) {
            tlb_drop(tlb, e);
        } else {
            tlb_note(tlb, e);
        }
    }
}

static void tlb_flush_one(Vcpu *v, unsigned ctx, uint64_t va)
{
    Tlb *tlb = v->tlb;

    for (unsigned mmu = 0; mmu < v->ops->mmu_count; mmu++) {
        TlbL2Entry *e = &tlb->l2[tlb_set(va, mmu) * TLB_WAYS];
        uint64_t key = tlb_key(va, mmu);

        for (unsigned way = 0; way < TLB_WAYS; way++) {
            unsigned of = TLB_PA_CTX(e[way].pa);

            if (e[way].key == key && (of == ctx || of == TLB_GLOBAL)) {
                tlb_drop(tlb, &e[way]);
            }
        }
    }
    tlb_flush_large(tlb, ctx, va);
    vcpu_fetch_again(v);
}

void tlb_flush_page(Vcpu *v, uint64_t va)
{
    tlb_flush_one(v, v->tlb->cur, va);
}

static int tlb_context_of(const Tlb *tlb, uint64_t key)
{
    for (unsigned ctx = 0; ctx < TLB_CONTEXTS; ctx++) {
        if (tlb->ctx[ctx].used && tlb->ctx[ctx].key == key) {
            return (int)ctx;
        }
    }
    return -1;
}

void tlb_flush_context(Vcpu *v, uint64_t key)
{
    int ctx = tlb_context_of(v->tlb, key);

    if (ctx >= 0) {
        tlb_drop_context(v->tlb, (unsigned)ctx);
        vcpu_fetch_again(v);
    }
}

void tlb_flush_context_page(Vcpu *v, uint64_t key, uint64_t va)
{
    int ctx = tlb_context_of(v->tlb, key);

    if (ctx >= 0) {
        tlb_flush_one(v, (unsigned)ctx, va);
    }
}

void tlb_switch(Vcpu *v, uint64_t key, bool keep)
{
    Tlb *tlb = v->tlb;
    int found = tlb_context_of(tlb, key);
    unsigned ctx = 0;

    if (found >= 0) {
        ctx = (unsigned)found;
    } else {
        for (unsigned i = 1; i < TLB_CONTEXTS; i++) {
            if (tlb->ctx[i].used < tlb->ctx[ctx].used) {
                ctx = i;
            }
        }
        keep = false;
    }
    tlb->ctx[ctx].key = key;
    tlb->ctx[ctx].used = ++tlb->switches;
    if (ctx != tlb->cur && keep) {
        tlb_l1_flush(tlb);
        tlb_jump_flush_locals(tlb);
    }
    tlb->cur = ctx;
    if (!keep) {
        tlb_drop_context(tlb, ctx);
    }
    vcpu_fetch_again(v);
}

void tlb_map_changed(Tlb *tlb)
{
    tlb->ram_size = 0;
    tlb_flush(tlb->v, true);
}

/* --- life ------------------------------------------------------------------ */

void tlb_reset(Tlb *tlb)
{
    tlb_l1_flush(tlb);
    tlb_jump_flush(tlb);
    memset(tlb->l2, 0, sizeof(tlb->l2));
    memset(tlb->fifo, 0, sizeof(tlb->fifo));
    memset(tlb->large, 0, sizeof(tlb->large));
    memset(tlb->ctx, 0, sizeof(tlb->ctx));
    tlb->cur = 0;
    tlb->switches = 1;
    tlb->ctx[0].used = 1;
    tlb->fetch_phys = 0;
    tlb->ram_size = 0;
}

void tlb_rebuild(Tlb *tlb)
{
    for (unsigned i = 0; i < TLB_SETS * TLB_WAYS; i++) {
        if (tlb->l2[i].key) {
            tlb_note(tlb, &tlb->l2[i]);
        }
    }
}

/* On a cache line's start: no entry lies in two. */
static void *tlb_aligned(void *memory)
{
    return (void *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
}

Tlb *tlb_new(Vcpu *v, unsigned l1_bits)
{
    void *memory = g_malloc0(sizeof(Tlb) + 63);
    Tlb *tlb = tlb_aligned(memory);

    l1_bits = l1_bits ? CLAMP(l1_bits, TLB_L1_BITS_MIN, TLB_L1_BITS_MAX)
                      : TLB_L1_BITS_DEFAULT;
    tlb->memory = memory;
    tlb->v = v;
    tlb->l1_bits = l1_bits;
    for (unsigned mmu = 0; mmu < TLB_MMU_MAX; mmu++) {
        size_t count = (size_t)1 << l1_bits;

        if (mmu < v->ops->mmu_count) {
            tlb->l1[mmu].memory = g_malloc0(count * sizeof(TlbL1Entry) + 63);
            tlb->l1[mmu].table = tlb_aligned(tlb->l1[mmu].memory);
            tlb->l1[mmu].mask = (count - 1) * sizeof(TlbL1Entry);
            tlb->l1[mmu].touched = UINT64_MAX;
        }
    }
    memset(tlb->jump_touched, 0xff, sizeof(tlb->jump_touched));
    tlb_reset(tlb);
    return tlb;
}

void tlb_free(Tlb *tlb)
{
    if (tlb) {
        for (unsigned mmu = 0; mmu < TLB_MMU_MAX; mmu++) {
            g_free(tlb->l1[mmu].memory);
        }
        g_free(tlb->memory);
    }
}

void tlb_print(const Vcpu *v, GString *out)
{
    const Tlb *tlb = v->tlb;

    for (unsigned i = 0; i < TLB_SETS * TLB_WAYS; i++) {
        const TlbL2Entry *e = &tlb->l2[i];
        unsigned ctx = TLB_PA_CTX(e->pa);

        if (!e->key || (ctx != tlb->cur && ctx != TLB_GLOBAL)) {
            continue;
        }
        g_string_append_printf(
            out,
            "%016" G_GINT64_MODIFIER "x: %016" G_GINT64_MODIFIER
            "x mmu %u %c%c%c%c\n",
            e->key & TLB_PAGE_MASK, e->pa & TLB_PAGE_MASK, TLB_KEY_MMU(e->key),
            e->pa & TLB_R ? 'r' : '-', e->pa & TLB_W ? 'w' : '-',
            e->pa & TLB_X ? 'x' : '-', ctx == TLB_GLOBAL ? 'g' : '-');
    }
}
