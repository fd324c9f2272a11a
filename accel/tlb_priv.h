/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TLB inside. Level 2 is state and an exact model:
 *   4096 entries, 1024 sets of 4 ways, unified for code and data;
 *   set = (vpn ^ vpn >> 10 ^ mmu << 6) mod 1024;
 *   tag = vpn, mmu index, context (or global: matches every context);
 *   a fill goes to the way that matches, else to the first invalid way, else
 *   to the set's FIFO pointer, which then moves on; a hit changes nothing;
 *   an access that the entry's rights do not cover walks again and refills.
 * Large mappings are entered in 4 KiB pieces that remember the size: flushing
 * one address drops every piece of the mapping that holds it.
 * Level 1 and the jump cache hold only what level 2 holds.
 */
#ifndef ACCEL_TLB_PRIV_H
#define ACCEL_TLB_PRIV_H

#include "accel/vcpu.h"

#define TLB_WAYS 4
#define TLB_SETS 1024
#define TLB_MMU_MAX 8
#define TLB_GLOBAL 8 /* in place of a context number */
#define TLB_PAGE_MASK (~(uint64_t)0xfff)
#define TLB_NO_TAG (~(uint64_t)0) /* equals no page address */

/* Level 1: host address = guest address + addend. A tag is the page's guest
 * address; aux is the RamPage and TLB_AUX_GLOBAL. The layout is known to
 * generated code. */
typedef struct TlbL1Entry {
    uint64_t read_tag;
    uint64_t write_tag;
    uint64_t addend;
    uint64_t aux;
} TlbL1Entry;
_Static_assert(sizeof(TlbL1Entry) == 32, "(va >> 7) & mask is an offset");

#define TLB_AUX_GLOBAL ((uint64_t)1 << 32)
#define TLB_LOCALS 512

typedef struct TlbL1 {
    void *memory;      /* owned */
    TlbL1Entry *table; /* in it */
    uint64_t mask;     /* (entries - 1) * 32: of va >> 7 */
    uint64_t touched;  /* bit n: entries of the n-th 64th may be valid */
} TlbL1;

/* key: page address, mmu index << 1, valid. pa: page address, then
 * log2(range) - 12 in bits 7-11, context in bits 3-6, TlbProt in bits 0-2. */
typedef struct TlbL2Entry {
    uint64_t key;
    uint64_t pa;
} TlbL2Entry;

#define TLB_PA_PROT(pa) ((unsigned)(pa)&7)
#define TLB_PA_CTX(pa) ((unsigned)((pa) >> 3) & 15)
#define TLB_PA_SHIFT(pa) (((unsigned)((pa) >> 7) & 31) + 12)
#define TLB_KEY_MMU(key) ((unsigned)((key) >> 1) & 7)

typedef struct TlbContext {
    uint64_t key;
    uint64_t used;     /* number of the last switch to it; 0: free */
    uint64_t sets[16]; /* not state: sets that may hold entries of it */
} TlbContext;

/* pc -> block while the page is in level 2: entries of pages that are not
 * global go when the context changes. Pages share groups of slots; an address
 * may be in its slot or in the other one of that pair. An empty entry is all
 * ones. The layout is known to generated code. */
typedef struct JumpEntry {
    uint64_t pc;
    uint64_t mode;      /* of the block */
    const void *native; /* code generator: where to go on */
    uint32_t block;     /* offset in the cache / 16 */
} JumpEntry;
_Static_assert(sizeof(JumpEntry) == 32, "known to generated code");
#define JUMP_PAIR 1 /* ^: number of the other slot */
#define JUMP_GROUPS 256
#define JUMP_GROUP 128 /* slots of a group are 4096 bytes */
/* Byte offset: bits 12-19 of pc choose the group, the lower ones the slot. */
#define JUMP_OFFSET(pc) (((pc) ^ ((pc) << 7 & 0xf80)) & 0xfffe0)
#define JUMP_GROUP_OF(pc) ((unsigned)((pc) >> 12) & (JUMP_GROUPS - 1))

struct Tlb {
    TlbL1 l1[TLB_MMU_MAX];
    unsigned cur; /* current context */
    JumpEntry jump[JUMP_GROUPS * JUMP_GROUP] __attribute__((aligned(64)));
    uint64_t jump_touched[JUMP_GROUPS / 64]; /* groups that are not empty */
    /* entries that are not global, for tlb_jump_flush_locals() */
    JumpEntry *jump_locals[TLB_LOCALS];
    unsigned jump_local_count; /* greater: not all are listed */
    TlbL2Entry l2[TLB_SETS * TLB_WAYS] __attribute__((aligned(64)));
    uint8_t fifo[TLB_SETS];
    TlbContext ctx[TLB_CONTEXTS + 1]; /* the last one: globals */
    uint64_t switches;
    uint64_t large[64];   /* filter: hash of va >> 21 of large pieces */
    GuestPhys fetch_phys; /* state: of pc_page when it is not RAM */
    unsigned l1_bits;
    void *memory; /* owned: this struct lies in it, on a cache line's start */
    /* level-1 entries that are not global, for tlb_l1_flush_locals() */
    TlbL1Entry *locals[TLB_LOCALS];
    unsigned local_count; /* greater: not all are listed */
    Vcpu *v;              /* borrowed */
    /* a range of RAM that was looked up last */
    GuestPhys ram_start, ram_size;
    uint8_t *ram_host;
    RamPage ram_page;
    bool ram_rom;
    uint64_t fills, l1_fills; /* `info jit` */
};

Tlb *tlb_new(Vcpu *v, unsigned l1_bits);
void tlb_free(Tlb *tlb);
/** tlb_reset() - as after power on */
void tlb_reset(Tlb *tlb);
/** tlb_rebuild() - what is not state, after a load */
void tlb_rebuild(Tlb *tlb);
/** tlb_lookup() - level 2, walking on a miss; NULL: the fault is raised */
TlbL2Entry *tlb_lookup(Vcpu *v, uint64_t va, MemAccess access, unsigned mmu);
/** tlb_find() - level 2 only; NULL: not there or not allowed */
TlbL2Entry *tlb_find(Tlb *tlb, uint64_t va, MemAccess access, unsigned mmu);
void tlb_l1_fill(Vcpu *v, uint64_t va, unsigned mmu, const TlbL2Entry *e);
void tlb_l1_flush(Tlb *tlb);
/** tlb_jump_add() - where an entry for @pc goes, in the page that level 2 has as
 *  @e; it stays until that changes */
JumpEntry *tlb_jump_add(Tlb *tlb, uint64_t pc, const TlbL2Entry *e);
/** tlb_l1_protect() - no inline stores to @page (RAM_PAGE_NONE: any page) */
void tlb_l1_protect(Tlb *tlb, RamPage page);
void tlb_jump_flush(Tlb *tlb);
/** tlb_ram() - is [at, at + size) RAM or ROM? Fills the range cache. */
bool tlb_ram(Tlb *tlb, GuestPhys at, unsigned size, uint8_t **host,
             RamPage *page, bool *rom);
/** tlb_map_changed() - level 2 and all that hangs on it is void */
void tlb_map_changed(Tlb *tlb);
/** tlb_peek_exec() - where an instruction byte is, changing nothing: level 2
 *  first, as the fetch does */
bool tlb_peek_exec(Vcpu *v, uint64_t va, GuestPhys *out);

static inline TlbL1Entry *tlb_l1_entry(Tlb *tlb, uint64_t va, unsigned mmu)
{
    TlbL1 *l1 = &tlb->l1[mmu];
    return (TlbL1Entry *)((char *)l1->table + ((va >> 7) & l1->mask));
}

static inline JumpEntry *tlb_jump_entry(Tlb *tlb, uint64_t pc)
{
    return (JumpEntry *)((char *)tlb->jump + JUMP_OFFSET(pc));
}

/* Slow paths of guest memory, mem.c. @how packs size, mmu index and IrMem. */
#define MEM_HOW(size, mmu, mem) ((mmu) | (size) << 4 | (mem) << 9)
#define MEM_HOW_MMU(how) ((how)&7)
#define MEM_HOW_SIZE(how) ((how) >> 4 & 31)
#define MEM_HOW_MEM(how) ((how) >> 9 & 127)
/* After each of them v->fault tells whether it failed. */
uint64_t mem_slow_load(Vcpu *v, uint64_t va, unsigned how);
void mem_slow_store(Vcpu *v, uint64_t va, unsigned how, uint64_t value);
void mem_slow_load_vec(Vcpu *v, uint64_t va, unsigned how, V128 *out);
void mem_slow_store_vec(Vcpu *v, uint64_t va, unsigned how, const V128 *in);
void mem_slow_probe(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                    bool addr32);

#endif
