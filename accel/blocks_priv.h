/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translated blocks: found by (RAM page, offset, mode), linked to each other,
 * listed by the pages whose bytes they were made from. All memory of blocks is
 * bump allocated and given back by a flush of everything, between blocks; a
 * killed block stays readable until then.
 */
#ifndef ACCEL_BLOCKS_PRIV_H
#define ACCEL_BLOCKS_PRIV_H

#include "accel/ir.h"

typedef struct Block Block;
typedef struct T0Op T0Op;

/* One way out of a block to a fixed place. */
typedef struct BlockLink {
    Block *to; /* NULL: not linked */
    Block *from;
    struct BlockLink *next; /* in to->incoming */
    struct BlockLink **prev;
    int64_t pc_off; /* target, from the page of from */
    uint8_t *patch; /* code generator: offset of the jump to patch */
    uint8_t *stub;  /* where that leads while not linked */
} BlockLink;

struct Block {
    uint64_t mode;
    RamPage page;        /* RAM_PAGE_NONE: not in RAM, never found again */
    RamPage page2;       /* of a straddling instruction */
    GuestPhys phys2;     /* guest physical address of the second page */
    const uint8_t *host; /* of page; NULL without one */
    uint16_t start, end; /* bytes in page; end > 4096: straddles */
    uint16_t insns;
    uint16_t slots;
    bool crosses;   /* looks at its second page itself (fetch2) */
    bool has_page2; /* phys2 and page2 are what was translated */
    bool dead;
    bool stop_head; /* a breakpoint may be at its start: never linked to */
    Block *hash_next;
    Block *page_next[2]; /* [0]: list of page, [1]: list of page2 */
    BlockLink *incoming;
    BlockLink *links; /* slots of them */
    const T0Op *t0;   /* NULL: see translate_t0() */
    /* code generator */
    void *native;
    void *unwind; /* where its head leads once it is dead */
    uint32_t native_size;
    uint32_t runs;
};

typedef struct CodePage {
    Block *blocks;     /* through page_next, see block_page_slot() */
    uint64_t granules; /* bit n: bytes 64n...64n+63 hold code */
} CodePage;

typedef struct BlockCache {
    Vm *vm;         /* borrowed */
    uint8_t *arena; /* owned */
    size_t size, used;
    Block **hash; /* owned */
    unsigned hash_bits;
    CodePage **pages; /* owned, by RamPage */
    size_t page_count;
    Block *running;      /* the block the interpreter is in, or NULL */
    bool running_killed; /* set when that one was killed */
    bool native;         /* generated code runs: it may be in any block */
    uint64_t generation; /* flushes */
    uint64_t translated, killed;
    unsigned count; /* live blocks */
} BlockCache;

void blocks_init(BlockCache *c, Vm *vm, size_t size);
void blocks_fini(BlockCache *c);
/** blocks_alloc() - 16-aligned, uninitialised; NULL: full */
void *blocks_alloc(BlockCache *c, size_t size);
Block *blocks_find(BlockCache *c, RamPage page, uint32_t off, uint64_t mode);
/** blocks_insert() - make findable and watch its pages for writes; true when a
 *  page became a code page, whose inline stores must end */
void blocks_insert(BlockCache *c, Block *b);
void blocks_kill(BlockCache *c, Block *b);
/** blocks_write() - bytes are about to change */
void blocks_write(BlockCache *c, RamPage page, uint32_t off, uint32_t len);
/** blocks_overlap() - was any block made from one of these bytes? */
bool blocks_overlap(const BlockCache *c, RamPage page, uint32_t off,
                    uint32_t len);
/** blocks_flush() - all of them; never while one runs */
void blocks_flush(BlockCache *c);
void blocks_link(BlockLink *l, Block *to);
void blocks_unlink(BlockLink *l);

static inline Block *blocks_at(const BlockCache *c, uint32_t index)
{
    return (Block *)(c->arena + (size_t)index * 16);
}

static inline uint32_t blocks_index(const BlockCache *c, const Block *b)
{
    return (uint32_t)(((const uint8_t *)b - c->arena) / 16);
}

#endif
