/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The region tree and the flat views made of it. */
#ifndef CORE_MEMORY_PRIV_H
#define CORE_MEMORY_PRIV_H

#include "core/memory.h"

typedef enum RegionKind {
    REGION_CONTAINER,
    REGION_RAM,
    REGION_ROM,
    REGION_IO,
    REGION_ALIAS,
} RegionKind;

struct MemRegion {
    Vm *vm;     /* borrowed */
    char *name; /* owned */
    RegionKind kind;
    uint64_t last; /* offset of the last byte: size - 1 */
    bool enabled;
    bool readonly;
    /* place in the tree */
    MemRegion *parent; /* borrowed: the container */
    uint64_t offset;   /* in the container */
    int priority;
    GPtrArray *children; /* owned; regions borrowed, first one wins */
    /* REGION_ALIAS */
    MemRegion *target; /* borrowed */
    uint64_t target_offset;
    /* REGION_RAM, REGION_ROM */
    uint8_t *host; /* borrowed: from the RAM store */
    RamPage page;
    /* REGION_IO, writes of REGION_ROM */
    const MemOps *ops;
    Device *owner; /* borrowed */
};

/* One stretch of addresses that belongs to one region. */
typedef struct FlatRange {
    uint64_t first, last;
    MemRegion *region; /* borrowed: RAM, ROM or IO */
    uint64_t offset;   /* of first in the region */
    bool readonly;
} FlatRange;

struct AddressSpace {
    Vm *vm;     /* borrowed */
    char *name; /* owned */
    MemRegion *root;
    GArray *flat;   /* owned: FlatRange, ascending, without overlaps */
    guint last_hit; /* index that the last lookup found; speed only */
};

#endif
