/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Level 2 as state: equal TLBs give equal bytes. */
#include "accel/accel_priv.h"

#include <string.h>

#include "core/codec.h"

static bool tlb_entries_codec(Tlb *t, Codec *c)
{
    uint32_t count = 0, next = 0;

    for (uint32_t i = 0; i < TLB_SETS * TLB_WAYS; i++) {
        count += t->l2[i].key != 0;
    }
    if (!codec_size(c, &count, TLB_SETS * TLB_WAYS)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++, next++) {
        while (c->mode != CODEC_READ && !t->l2[next].key) {
            next++;
        }
        if (!codec_size(c, &next, TLB_SETS * TLB_WAYS - 1)
            || !codec_u64(c, &t->l2[next].key) || !codec_u64(c, &t->l2[next].pa)
            || !(t->l2[next].key & 1)
            || TLB_KEY_MMU(t->l2[next].key) >= t->v->ops->mmu_count
            || TLB_PA_CTX(t->l2[next].pa) > TLB_GLOBAL) {
            return false;
        }
    }
    return true;
}

/* Where pc_page leads: its entry may have left level 2 by now. */
static bool tlb_fetch_codec(Tlb *t, Codec *c)
{
    Vcpu *v = t->v;
    bool ok = v->pc_page_ok;
    uint32_t page = ok ? v->pc_ram : RAM_PAGE_NONE;
    uint64_t phys = ok && page == RAM_PAGE_NONE ? t->fetch_phys : 0;

    if (!codec_u32(c, &page) || !codec_u64(c, &phys)) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        if (page != RAM_PAGE_NONE && page >= ram_page_count(v->dev.vm->ram)) {
            return false;
        }
        v->pc_ram = page;
        t->fetch_phys = phys;
    }
    return true;
}

static bool tlb_fields_codec(Tlb *t, Codec *c)
{
    uint32_t cur = t->cur;

    if (!tlb_fetch_codec(t, c) || !codec_size(c, &cur, TLB_CONTEXTS - 1)) {
        return false;
    }
    t->cur = cur;
    for (unsigned i = 0; i < TLB_CONTEXTS; i++) {
        if (!codec_u64(c, &t->ctx[i].key)
            || !codec_varint(c, &t->ctx[i].used)) {
            return false;
        }
        t->switches = MAX(t->switches, t->ctx[i].used);
    }
    if (!codec_bytes(c, t->fifo, sizeof(t->fifo))) {
        return false;
    }
    for (unsigned i = 0; i < TLB_SETS; i++) {
        if (t->fifo[i] >= TLB_WAYS) {
            return false;
        }
    }
    return true;
}

bool tlb_state_codec(void *obj, Codec *c)
{
    Vcpu *v = obj;
    Tlb *t = v->tlb;

    if (c->mode == CODEC_READ) {
        tlb_reset(t);
        t->switches = 0;
    }
    if (!tlb_fields_codec(t, c) || !tlb_entries_codec(t, c)) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        tlb_rebuild(t);
    }
    return true;
}
