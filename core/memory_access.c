/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ups in a flat view, and accesses by vCPUs, devices and debuggers. */
#include "core/memory.h"

#include <string.h>

#include "core/bytes.h"
#include "core/memory_priv.h"
#include "core/trace.h"
#include "core/vm_priv.h"

#define DMA_IO_BYTES 4

typedef uint64_t ReadFn(Device *dev, uint64_t off, unsigned size);

/* --- look-up -------------------------------------------------------------- */

/* Index of the first range whose last byte is at or after @at. */
static guint flat_search(const GArray *flat, uint64_t at)
{
    guint low = 0, high = flat->len;

    while (low < high) {
        guint mid = (low + high) / 2;

        if (g_array_index(flat, FlatRange, mid).last < at) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static const FlatRange *flat_find(AddressSpace *as, uint64_t at, guint *index)
{
    const FlatRange *r;

    if (as->last_hit < as->flat->len) {
        r = &g_array_index(as->flat, FlatRange, as->last_hit);
        if (at >= r->first && at <= r->last) {
            return r;
        }
    }
    *index = flat_search(as->flat, at);
    if (*index == as->flat->len) {
        return NULL;
    }
    r = &g_array_index(as->flat, FlatRange, *index);
    if (at < r->first) {
        return NULL;
    }
    as->last_hit = *index;
    return r;
}

static uint64_t room_to(uint64_t at, uint64_t last)
{
    return last - at == UINT64_MAX ? UINT64_MAX : last - at + 1;
}

static void hit_unmapped(const AddressSpace *as, uint64_t at, guint next,
                         MemHit *out)
{
    uint64_t last = UINT64_MAX;

    if (next < as->flat->len) {
        last = g_array_index(as->flat, FlatRange, next).first - 1;
    }
    *out = (MemHit){
        .kind = MEM_UNMAPPED,
        .room = room_to(at, last),
        .page = RAM_PAGE_NONE,
    };
}

void mem_lookup(AddressSpace *as, GuestPhys at, MemHit *out)
{
    guint next = 0;
    const FlatRange *r = flat_find(as, at, &next);

    if (!r) {
        hit_unmapped(as, at, next, out);
        return;
    }
    *out = (MemHit){
        .kind = MEM_MMIO,
        .region = r->region,
        .offset = r->offset + (at - r->first),
        .room = room_to(at, r->last),
        .page = RAM_PAGE_NONE,
    };
    if (r->region->host) {
        out->kind = r->readonly ? MEM_ROM : MEM_RAM;
        out->host = r->region->host + out->offset;
        out->page =
            (RamPage)(r->region->page + (out->offset >> GUEST_PAGE_BITS));
    }
}

/* --- device registers ----------------------------------------------------- */

static uint64_t ones(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ULL << (8 * size)) - 1;
}

static uint64_t swap_bytes(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

/* Into how large pieces to cut an access: its own size, if the device takes it
 * or it lies within one word of the least size. */
static unsigned io_step(const MemOps *ops, uint64_t off, unsigned size)
{
    unsigned min = ops->min_size ? ops->min_size : 1;
    unsigned max = ops->max_size ? ops->max_size : 8;

    if (size & (size - 1)) {
        return 1;
    }
    if (size > max) {
        return max;
    }
    return size < min && (off & (min - 1)) + size > min ? 1 : size;
}

static uint64_t io_read_one(const MemRegion *r, ReadFn *fn, uint64_t off,
                            unsigned size)
{
    unsigned n = MAX(size, r->ops->min_size);
    uint64_t base = n == size ? off : off & ~(uint64_t)(n - 1);
    uint64_t v = fn(r->owner, base, n) & ones(n);

    if (r->ops->big_endian) {
        v = swap_bytes(v, n);
    }
    return v >> (8 * (off - base)) & ones(size);
}

static uint64_t io_read(const MemRegion *r, ReadFn *fn, uint64_t off,
                        unsigned size)
{
    unsigned step = io_step(r->ops, off, size);
    uint64_t v = 0;

    if (!fn) {
        return ones(size);
    }
    for (unsigned i = 0; i < size; i += step) {
        v |= io_read_one(r, fn, off + i, step) << (8 * i);
    }
    return v;
}

static void io_write_one(const MemRegion *r, uint64_t off, uint64_t v,
                         unsigned size)
{
    unsigned n = MAX(size, r->ops->min_size);
    uint64_t base = n == size ? off : off & ~(uint64_t)(n - 1);

    v = (v & ones(size)) << (8 * (off - base));
    r->ops->write(r->owner, base, r->ops->big_endian ? swap_bytes(v, n) : v, n);
}

static void io_write(const MemRegion *r, uint64_t off, uint64_t v,
                     unsigned size)
{
    unsigned step;

    if (!r->ops || !r->ops->write) {
        return;
    }
    step = io_step(r->ops, off, size);
    for (unsigned i = 0; i < size; i += step) {
        io_write_one(r, off + i, v >> (8 * i), step);
    }
}

/* --- single accesses ------------------------------------------------------ */

static uint64_t host_load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    switch (size) {
    case 1:
        return *p;
    case 2:
        return ld_le16(p);
    case 4:
        return ld_le32(p);
    case 8:
        return ld_le64(p);
    default:
        for (unsigned i = 0; i < size; i++) {
            v |= (uint64_t)p[i] << (8 * i);
        }
        return v;
    }
}

static void host_store(uint8_t *p, uint64_t v, unsigned size)
{
    switch (size) {
    case 1:
        *p = (uint8_t)v;
        break;
    case 2:
        st_le16(p, (uint16_t)v);
        break;
    case 4:
        st_le32(p, (uint32_t)v);
        break;
    case 8:
        st_le64(p, v);
        break;
    default:
        for (unsigned i = 0; i < size; i++) {
            p[i] = (uint8_t)(v >> (8 * i));
        }
        break;
    }
}

/* Every writer of RAM: versions, dirty bits and translated code come first. */
static void ram_prepare(Vm *vm, const MemHit *hit, uint64_t size)
{
    uint64_t off = hit->offset & (GUEST_PAGE_SIZE - 1);
    RamPage page = hit->page;

    while (size > 0) {
        uint64_t n = MIN(size, GUEST_PAGE_SIZE - off);

        ram_dirty(vm, page);
        if (ram_flags(vm->ram)[page] & RAM_CODE) {
            listener_code_write(vm, page, (uint32_t)off, (uint32_t)n);
        }
        if (ram_flags(vm->ram)[page] & RAM_WATCH) {
            ram_watched(vm, page, (uint32_t)off, (uint32_t)n, RAM_BY_DEVICE);
        }
        size -= n;
        off = 0;
        page++;
    }
}

uint64_t mem_io_read(AddressSpace *as, GuestPhys at, unsigned size)
{
    uint64_t v = 0;
    MemHit hit;

    mem_lookup(as, at, &hit);
    if (hit.room >= size) {
        switch (hit.kind) {
        case MEM_RAM:
        case MEM_ROM:
            return host_load(hit.host, size);
        case MEM_MMIO:
            v = io_read(hit.region, hit.region->ops->read, hit.offset, size);
            trace(as->vm, io_read, hit.region->name, hit.offset, size, v);
            return v;
        default:
            return ones(size);
        }
    }
    for (unsigned i = 0; i < size; i++) {
        v |= mem_io_read(as, at + i, 1) << (8 * i);
    }
    return v;
}

void mem_io_write(AddressSpace *as, GuestPhys at, uint64_t v, unsigned size)
{
    MemHit hit;

    mem_lookup(as, at, &hit);
    if (hit.room < size) {
        for (unsigned i = 0; i < size; i++) {
            mem_io_write(as, at + i, v >> (8 * i), 1);
        }
        return;
    }
    if (hit.kind == MEM_RAM) {
        ram_prepare(as->vm, &hit, size);
        host_store(hit.host, v, size);
    } else if (hit.kind != MEM_UNMAPPED) {
        trace(as->vm, io_write, hit.region->name, hit.offset, size, v);
        io_write(hit.region, hit.offset, v, size);
    }
}

/* --- blocks --------------------------------------------------------------- */

/* The widest naturally aligned access at @at of at most @limit bytes. */
static unsigned io_chunk(GuestPhys at, uint64_t limit)
{
    unsigned n = DMA_IO_BYTES;

    while (n > 1 && (n > limit || (at & (n - 1)))) {
        n /= 2;
    }
    return n;
}

/* Looks @at up; returns how many of @size bytes one step can do. */
static size_t block_step(AddressSpace *as, GuestPhys at, size_t size,
                         MemHit *hit)
{
    uint64_t n;

    mem_lookup(as, at, hit);
    n = MIN(size, hit->room);
    return hit->kind == MEM_MMIO ? io_chunk(at, n) : (size_t)n;
}

void dma_read(AddressSpace *as, GuestPhys at, void *buf, size_t size)
{
    uint8_t *p = buf;
    MemHit hit;

    while (size > 0) {
        size_t n = block_step(as, at, size, &hit);

        if (hit.host) {
            memcpy(p, hit.host, n);
        } else if (hit.kind == MEM_MMIO) {
            host_store(p, mem_io_read(as, at, (unsigned)n), (unsigned)n);
        } else {
            memset(p, 0xff, n);
        }
        p += n;
        at += n;
        size -= n;
    }
}

void dma_write(AddressSpace *as, GuestPhys at, const void *buf, size_t size)
{
    const uint8_t *p = buf;
    MemHit hit;

    while (size > 0) {
        size_t n = block_step(as, at, size, &hit);

        if (hit.kind == MEM_RAM) {
            ram_prepare(as->vm, &hit, n);
            memcpy(hit.host, p, n);
        } else if (hit.kind != MEM_UNMAPPED) {
            /* a ROM may have a write port: small pieces as to a device */
            n = io_chunk(at, n);
            mem_io_write(as, at, host_load(p, (unsigned)n), (unsigned)n);
        }
        p += n;
        at += n;
        size -= n;
    }
}

static bool all_mapped(AddressSpace *as, GuestPhys at, size_t size)
{
    MemHit hit;

    while (size > 0) {
        uint64_t n;

        mem_lookup(as, at, &hit);
        if (hit.kind == MEM_UNMAPPED) {
            return false;
        }
        n = MIN(size, hit.room);
        at += n;
        size -= n;
    }
    return true;
}

bool mem_peek(AddressSpace *as, GuestPhys at, void *buf, size_t size)
{
    uint8_t *p = buf;
    MemHit hit;

    if (!all_mapped(as, at, size)) {
        return false;
    }
    while (size > 0) {
        size_t n = block_step(as, at, size, &hit);

        if (hit.host) {
            memcpy(p, hit.host, n);
        } else if (hit.region->ops->peek) {
            host_store(p,
                       io_read(hit.region, hit.region->ops->peek, hit.offset,
                               (unsigned)n),
                       (unsigned)n);
        } else {
            memset(p, 0, n);
        }
        p += n;
        at += n;
        size -= n;
    }
    return true;
}

bool mem_poke(AddressSpace *as, GuestPhys at, const void *buf, size_t size)
{
    const uint8_t *p = buf;
    MemHit hit;

    if (!all_mapped(as, at, size)) {
        return false;
    }
    while (size > 0) {
        size_t n = block_step(as, at, size, &hit);

        if (hit.host) {
            ram_prepare(as->vm, &hit, n);
            memcpy(hit.host, p, n);
        } else if (hit.kind == MEM_MMIO) {
            /* may change the map below us: the next step looks it up anew */
            mem_io_write(as, at, host_load(p, (unsigned)n), (unsigned)n);
        }
        p += n;
        at += n;
        size -= n;
    }
    return true;
}
