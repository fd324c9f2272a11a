/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest-physical and port space: a tree of regions (container, RAM, ROM, MMIO,
 * alias) flattened into ranges. Thread: machine (building: before it runs).
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include "core/types.h"

typedef struct MemOps {
    uint64_t (*read)(Device *dev, uint64_t off, unsigned size);
    void (*write)(Device *dev, uint64_t off, uint64_t v, unsigned size);
    /* As read, without side effects; NULL: a debugger sees zeroes. */
    uint64_t (*peek)(Device *dev, uint64_t off, unsigned size);
    /* Sizes the device implements, bytes: wider accesses are split in address
     * order; a narrower read is cut from a wider one, a narrower write becomes
     * an aligned one of min_size with zeroes around. 0: 1 and 8. */
    uint8_t min_size, max_size;
    bool big_endian;
} MemOps;

/* Regions belong to the Vm and live as long as it. A size of UINT64_MAX stands
 * for the whole 2^64 bytes. */
MemRegion *mem_container(Vm *vm, const char *name, uint64_t size);
MemRegion *mem_ram(Vm *vm, const char *name, uint64_t size, GError **error);
/** mem_rom() - RAM that guest writes cannot change */
MemRegion *mem_rom(Vm *vm, const char *name, uint64_t size, GError **error);
/** mem_rom_set_writes() - guest writes go to @ops->write of @owner (flash) */
void mem_rom_set_writes(MemRegion *rom, Device *owner, const MemOps *ops);
MemRegion *mem_io(Vm *vm, const char *name, Device *owner, const MemOps *ops,
                  uint64_t size);
MemRegion *mem_alias(Vm *vm, const char *name, MemRegion *target,
                     uint64_t offset, uint64_t size);

/** mem_add() - put @sub at @offset of a container; a higher @priority wins
 *  where regions overlap, of equals the later added */
void mem_add(MemRegion *container, uint64_t offset, MemRegion *sub,
             int priority);
void mem_remove(MemRegion *container, MemRegion *sub);
/* Each takes effect at once, or at the outermost mem_commit(). */
void mem_set_enabled(MemRegion *r, bool enabled);
void mem_set_offset(MemRegion *r, uint64_t offset);
void mem_set_readonly(MemRegion *r, bool readonly); /* of an alias or RAM */
void mem_set_alias_offset(MemRegion *alias, uint64_t offset);
void mem_begin(Vm *vm);
void mem_commit(Vm *vm);
uint64_t mem_size(const MemRegion *r);
const char *mem_name(const MemRegion *r);
/** mem_host() - bytes of a RAM or ROM region, for loaders and displays; writers
 *  call ram_dirty() themselves */
uint8_t *mem_host(MemRegion *r);
RamPage mem_first_page(const MemRegion *r);

AddressSpace *address_space_new(Vm *vm, const char *name, MemRegion *root);
MemRegion *address_space_root(AddressSpace *as);

typedef enum MemKind {
    MEM_UNMAPPED, /* reads all ones, writes ignored */
    MEM_RAM,
    MEM_ROM,
    MEM_MMIO,
} MemKind;

/* What one address is. */
typedef struct MemHit {
    MemKind kind;
    MemRegion *region;
    uint64_t offset; /* in the region */
    uint64_t room;   /* bytes from here to the end of the range, >= 1 */
    uint8_t *host;   /* RAM and ROM: this byte */
    RamPage page;    /* RAM and ROM: its page */
} MemHit;

void mem_lookup(AddressSpace *as, GuestPhys at, MemHit *out);
/** mem_io_read()/mem_io_write() - one access of 1 to 8 bytes with all effects;
 *  crossing ranges is split; unmapped: all ones / ignored */
uint64_t mem_io_read(AddressSpace *as, GuestPhys at, unsigned size);
void mem_io_write(AddressSpace *as, GuestPhys at, uint64_t v, unsigned size);

/* DMA by devices: like vCPU slow paths; RAM writes pass ram_dirty() and code
 * invalidation. MMIO targets get accesses of at most 4 bytes. */
void dma_read(AddressSpace *as, GuestPhys at, void *buf, size_t size);
void dma_write(AddressSpace *as, GuestPhys at, const void *buf, size_t size);

/** mem_peek() - copy without side effects; false when a byte is unmapped */
bool mem_peek(AddressSpace *as, GuestPhys at, void *buf, size_t size);
/** mem_poke() - debugger and loader writes, ROM included */
bool mem_poke(AddressSpace *as, GuestPhys at, const void *buf, size_t size);
/** mem_print_tree() - `info mtree` */
void mem_print_tree(Vm *vm, GString *out);
/** mem_foreach_ram() - ranges of RAM in guest order, for tables and dumps */
typedef void MemRamVisit(void *opaque, GuestPhys at, uint64_t size,
                         const uint8_t *host);
void mem_foreach_ram(AddressSpace *as, MemRamVisit *visit, void *opaque);

/* Filled by the accelerator. */
typedef struct MemListener {
    /* The flat map of the memory space changed: cached translations are stale. */
    void (*map_changed)(void *opaque);
    /* Pages lost RAM_FAST: stores must take the slow path again. */
    void (*protect)(void *opaque, const RamPage *pages, size_t count);
    /* Bytes of a page that holds translated code are about to change. */
    void (*code_write)(void *opaque, RamPage page, uint32_t off, uint32_t len);
    void *opaque;
} MemListener;
void mem_set_listener(Vm *vm, const MemListener *listener);

#endif
