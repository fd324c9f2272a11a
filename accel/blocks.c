/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block cache: finding, linking, watching pages, killing. */
#include "accel/blocks_priv.h"

#include <string.h>

#include "core/vm.h"

#define BLOCKS_HASH_BITS 17
#define BLOCKS_GRANULE_BITS 6

static unsigned blocks_hash(const BlockCache *c, RamPage page, uint32_t off,
                            uint64_t mode)
{
    uint64_t x = ((uint64_t)page << 12 | off) * 0x9e3779b97f4a7c15ull;

    x ^= (mode ^ mode >> 29) * 0xd6e8feb86659fd93ull;
    return (unsigned)((x ^ x >> 32) >> 16) & ((1u << c->hash_bits) - 1);
}

void blocks_init(BlockCache *c, Vm *vm, size_t size)
{
    c->vm = vm;
    c->size = size;
    c->arena = g_malloc(size);
    c->used = 16; /* index 0 is no block */
    c->hash_bits = BLOCKS_HASH_BITS;
    c->hash = g_new0(Block *, (size_t)1 << c->hash_bits);
}

void blocks_fini(BlockCache *c)
{
    for (size_t i = 0; i < c->page_count; i++) {
        g_free(c->pages[i]);
    }
    g_free(c->pages);
    g_free(c->hash);
    g_free(c->arena);
    memset(c, 0, sizeof(*c));
}

void *blocks_alloc(BlockCache *c, size_t size)
{
    void *p = c->arena + c->used;

    size = (size + 15) & ~(size_t)15;
    if (size > c->size - c->used) {
        return NULL;
    }
    c->used += size;
    return p;
}

Block *blocks_find(BlockCache *c, RamPage page, uint32_t off, uint64_t mode)
{
    Block *b = c->hash[blocks_hash(c, page, off, mode)];

    while (b && (b->page != page || b->start != off || b->mode != mode)) {
        b = b->hash_next;
    }
    return b;
}

/* --- pages ----------------------------------------------------------------- */

static CodePage *blocks_page(BlockCache *c, RamPage page)
{
    if (page >= c->page_count) {
        size_t count = MAX((size_t)page + 1, ram_page_count(c->vm->ram));

        c->pages = g_renew(CodePage *, c->pages, count);
        memset(c->pages + c->page_count, 0,
               (count - c->page_count) * sizeof(*c->pages));
        c->page_count = count;
    }
    if (!c->pages[page]) {
        c->pages[page] = g_new0(CodePage, 1);
    }
    return c->pages[page];
}

/* Which of a block's two pages @page is. */
static unsigned block_page_slot(const Block *b, RamPage page)
{
    return b->page == page ? 0 : 1;
}

/* Bytes of @page that @b was made from, [from, to). */
static void block_span(const Block *b, RamPage page, uint32_t *from,
                       uint32_t *to)
{
    if (b->page != page) {
        *from = 0;
        *to = b->end - GUEST_PAGE_SIZE;
    } else {
        *from = b->start;
        *to = MIN(b->end, GUEST_PAGE_SIZE);
        if (b->has_page2 && b->page2 == page) {
            *from = 0; /* both ends of one page: rare enough to be rough */
        }
    }
}

static uint64_t blocks_granules(uint32_t from, uint32_t to)
{
    unsigned first = from >> BLOCKS_GRANULE_BITS;
    unsigned last = (to - 1) >> BLOCKS_GRANULE_BITS;

    return (~(uint64_t)0 >> (63 - last)) & (~(uint64_t)0 << first);
}

static void blocks_watch(BlockCache *c, Block *b, RamPage page, unsigned slot)
{
    CodePage *p = blocks_page(c, page);
    uint32_t from, to;

    block_span(b, page, &from, &to);
    if (!p->blocks) {
        ram_set_flag(c->vm, page, RAM_CODE, true);
    }
    b->page_next[slot] = p->blocks;
    p->blocks = b;
    p->granules |= blocks_granules(from, to);
}

static void blocks_unwatch(BlockCache *c, Block *b, RamPage page, unsigned slot)
{
    CodePage *p = c->pages[page];
    Block **at = &p->blocks;

    while (*at != b) {
        at = &(*at)->page_next[block_page_slot(*at, page)];
    }
    *at = b->page_next[slot];
    if (!p->blocks) {
        p->granules = 0;
        ram_set_flag(c->vm, page, RAM_CODE, false);
    }
}

static bool block_has_second(const Block *b)
{
    return b->crosses && b->has_page2 && b->page2 != RAM_PAGE_NONE
           && b->page2 != b->page;
}

void blocks_insert(BlockCache *c, Block *b)
{
    Block **head = &c->hash[blocks_hash(c, b->page, b->start, b->mode)];

    b->hash_next = *head;
    *head = b;
    blocks_watch(c, b, b->page, 0);
    if (block_has_second(b)) {
        blocks_watch(c, b, b->page2, 1);
    }
    c->count++;
}

/* --- links ----------------------------------------------------------------- */

static void link_patch(BlockLink *l, const uint8_t *to)
{
    uint32_t rel = (uint32_t)(to - (l->patch + 4));

    memcpy(l->patch, &rel, sizeof(rel));
}

void blocks_link(BlockLink *l, Block *to)
{
    blocks_unlink(l);
    l->to = to;
    l->next = to->incoming;
    l->prev = &to->incoming;
    if (l->next) {
        l->next->prev = &l->next;
    }
    to->incoming = l;
    if (l->patch && to->native) {
        link_patch(l, to->native);
    }
}

void blocks_unlink(BlockLink *l)
{
    if (l->to) {
        *l->prev = l->next;
        if (l->next) {
            l->next->prev = l->prev;
        }
        if (l->patch) {
            link_patch(l, l->stub);
        }
        l->to = NULL;
        l->next = NULL;
        l->prev = NULL;
    }
}

/* --- killing --------------------------------------------------------------- */

void blocks_kill(BlockCache *c, Block *b)
{
    if (b->dead) {
        return;
    }
    b->dead = true;
    if (b->native) { /* the jump cache may lead there: jmp */
        uint8_t *head = b->native;
        uint32_t rel = (uint32_t)((uint8_t *)b->unwind - (head + 5));

        head[0] = 0xe9;
        memcpy(head + 1, &rel, sizeof(rel));
        b->native = NULL;
    }
    while (b->incoming) {
        blocks_unlink(b->incoming);
    }
    for (unsigned i = 0; i < b->slots; i++) {
        blocks_unlink(&b->links[i]);
    }
    if (c->running == b || c->native) {
        c->running_killed = true;
    }
    c->killed++;
    if (b->page == RAM_PAGE_NONE) {
        return;
    }
    for (Block **at = &c->hash[blocks_hash(c, b->page, b->start, b->mode)];;
         at = &(*at)->hash_next) {
        if (*at == b) {
            *at = b->hash_next;
            break;
        }
    }
    if (block_has_second(b)) {
        blocks_unwatch(c, b, b->page2, 1);
    }
    blocks_unwatch(c, b, b->page, 0);
    c->count--;
}

void blocks_write(BlockCache *c, RamPage page, uint32_t off, uint32_t len)
{
    CodePage *p = page < c->page_count ? c->pages[page] : NULL;
    uint64_t left = 0;
    Block *next;

    if (!p || len == 0 || !(p->granules & blocks_granules(off, off + len))) {
        return;
    }
    for (Block *b = p->blocks; b; b = next) {
        uint32_t from, to;

        next = b->page_next[block_page_slot(b, page)];
        block_span(b, page, &from, &to);
        if (from < off + len && off < to) {
            blocks_kill(c, b);
        } else {
            left |= blocks_granules(from, to);
        }
    }
    p->granules = left;
}

bool blocks_overlap(const BlockCache *c, RamPage page, uint32_t off,
                    uint32_t len)
{
    const CodePage *p = page < c->page_count ? c->pages[page] : NULL;

    if (!p || !(p->granules & blocks_granules(off, off + len))) {
        return false;
    }
    for (const Block *b = p->blocks; b;
         b = b->page_next[block_page_slot(b, page)]) {
        uint32_t from, to;

        block_span(b, page, &from, &to);
        if (from < off + len && off < to) {
            return true;
        }
    }
    return false;
}

void blocks_flush(BlockCache *c)
{
    g_assert(!c->running);
    for (size_t i = 0; i < c->page_count; i++) {
        if (c->pages[i]) {
            if (c->pages[i]->blocks) {
                ram_set_flag(c->vm, (RamPage)i, RAM_CODE, false);
            }
            g_free(c->pages[i]);
            c->pages[i] = NULL;
        }
    }
    memset(c->hash, 0, sizeof(*c->hash) << c->hash_bits);
    c->used = 16;
    c->count = 0;
    c->generation++;
}
