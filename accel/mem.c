/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slow path of guest memory. Order, the same for every executor: all pages
 * of the access are translated, lowest first; then the bytes move, in address
 * order. RAM takes the dirty and code checks, devices get an exact clock.
 */
#include <string.h>

#include "accel/accel_priv.h"
#include "core/bytes.h"

#define MEM_PIECES_MAX 5 /* pages of one vcpu_load_bytes() */

typedef struct MemPiece {
    GuestPhys at;
    unsigned size;
} MemPiece;

/* --- physical -------------------------------------------------------------- */

static void mem_ram_prepare(Vcpu *v, RamPage page, uint32_t off, unsigned size)
{
    uint8_t flags = ram_flags(v->dev.vm->ram)[page];

    if (!(flags & RAM_FAST)) {
        ram_dirty(v->dev.vm, page);
    }
    if (flags & RAM_CODE) {
        blocks_write(&v->accel->cache, page, off, size);
        if (v->accel->cache.running_killed) {
            accel_hold(v);
        }
    }
    if (flags & RAM_WATCH) {
        ram_watched(v->dev.vm, page, off, size, RAM_BY_CPU);
    }
}

/* Sizes of one device access: the whole when it is aligned, else bytes. */
static unsigned mem_io_step(const Vcpu *v, GuestPhys at, unsigned size)
{
    MemHit hit;

    mem_lookup(v->dev.vm->mem, at, &hit);
    if (hit.room < size || (size & (size - 1)) || (at & (size - 1))) {
        return 1;
    }
    return MIN(size, 8);
}

static void mem_phys_read(Vcpu *v, GuestPhys at, uint8_t *buf, unsigned size)
{
    uint8_t *host;
    RamPage page;
    bool rom;

    if (tlb_ram(v->tlb, at, size, &host, &page, &rom)) {
        memcpy(buf, host, size);
        return;
    }
    vcpu_sync_clock(v);
    for (unsigned i = 0, step; i < size; i += step) {
        uint8_t value[8];

        step = i == 0 || size > 8 ? mem_io_step(v, at + i, size - i) : 1;
        st_le64(value, mem_io_read(v->dev.vm->mem, at + i, step));
        memcpy(buf + i, value, step);
    }
}

static void mem_phys_write(Vcpu *v, GuestPhys at, const uint8_t *buf,
                           unsigned size)
{
    uint8_t *host;
    RamPage page;
    bool rom;

    if (tlb_ram(v->tlb, at, size, &host, &page, &rom) && !rom) {
        mem_ram_prepare(v, page, at & 0xfff, size);
        memcpy(host, buf, size);
        return;
    }
    vcpu_sync_clock(v);
    for (unsigned i = 0, step; i < size; i += step) {
        uint8_t value[8] = {0};

        step = i == 0 || size > 8 ? mem_io_step(v, at + i, size - i) : 1;
        memcpy(value, buf + i, step);
        mem_io_write(v->dev.vm->mem, at + i, ld_le64(value), step);
    }
}

uint64_t vcpu_phys_load(Vcpu *v, GuestPhys at, unsigned size)
{
    uint8_t buf[8] = {0}, *host;
    RamPage page;
    bool rom;

    if (size == 8 && tlb_ram(v->tlb, at, size, &host, &page, &rom)) {
        return ld_le64(host);
    }
    mem_phys_read(v, at, buf, size);
    return ld_le64(buf);
}

void vcpu_phys_store(Vcpu *v, GuestPhys at, unsigned size, uint64_t value)
{
    uint8_t buf[8];

    st_le64(buf, value);
    mem_phys_write(v, at, buf, size);
}

/* --- virtual --------------------------------------------------------------- */

/* Guest addresses wrap here. */
static uint64_t mem_wrap(const Vcpu *v, unsigned mem)
{
    return mem & IR_MEM_ADDR32 ? UINT32_MAX : v->ops->pc_mask(v->mode);
}

/* Translate all pages of an access; 0: the fault is raised. */
static unsigned mem_pieces(Vcpu *v, uint64_t va, unsigned size,
                           MemAccess access, unsigned mmu, uint64_t wrap,
                           MemPiece *out)
{
    unsigned count = 0;

    while (size > 0) {
        unsigned room = GUEST_PAGE_SIZE - (va & 0xfff);
        TlbL2Entry *e = tlb_lookup(v, va, access, mmu);

        if (!e) {
            return 0;
        }
        g_assert(count < MEM_PIECES_MAX);
        out[count].at = (e->pa & TLB_PAGE_MASK) | (va & 0xfff);
        out[count].size = MIN(room, size);
        tlb_l1_fill(v, va, mmu, e);
        size -= out[count].size;
        va = (va + out[count++].size) & wrap;
    }
    return count;
}

/* A store made its page dirty: later ones need not come here. */
static void mem_refill(Vcpu *v, uint64_t va, unsigned mmu)
{
    TlbL2Entry *e = tlb_find(v->tlb, va, ACCESS_WRITE, mmu);

    if (e) {
        tlb_l1_fill(v, va, mmu, e);
    }
}

static bool mem_read(Vcpu *v, uint64_t va, void *buf, unsigned size,
                     MemAccess access, unsigned mmu, uint64_t wrap)
{
    MemPiece piece[MEM_PIECES_MAX];
    unsigned count = mem_pieces(v, va, size, access, mmu, wrap, piece);
    uint8_t *p = buf;

    for (unsigned i = 0; i < count; i++) {
        mem_phys_read(v, piece[i].at, p, piece[i].size);
        p += piece[i].size;
    }
    if (count > 0 && (v->watching || v->accel->watches->len)) {
        accel_watch_check(v, va, size, ACCEL_WATCH_READ);
    }
    return count > 0;
}

static bool mem_write(Vcpu *v, uint64_t va, const void *buf, unsigned size,
                      unsigned mmu, uint64_t wrap)
{
    MemPiece piece[MEM_PIECES_MAX];
    unsigned count = mem_pieces(v, va, size, ACCESS_WRITE, mmu, wrap, piece);
    const uint8_t *p = buf;

    for (unsigned i = 0; i < count; i++) {
        mem_phys_write(v, piece[i].at, p, piece[i].size);
        p += piece[i].size;
    }
    if (count > 0) {
        mem_refill(v, va, mmu);
    }
    if (count > 0 && (v->watching || v->accel->watches->len)) {
        accel_watch_check(v, va, size, ACCEL_WATCH_WRITE);
    }
    return count > 0;
}

/* Raise what IR_MEM_ALIGNED forbids. */
static bool mem_misaligned(Vcpu *v, uint64_t va, unsigned how, MemAccess access)
{
    if (!(MEM_HOW_MEM(how) & IR_MEM_ALIGNED) || !(va & (MEM_HOW_SIZE(how) - 1))
        || !v->ops->unaligned) {
        return false;
    }
    v->ops->unaligned(v, va, access);
    return v->fault;
}

static void mem_swap(uint8_t *buf, unsigned size)
{
    for (unsigned i = 0; i < size / 2; i++) {
        uint8_t t = buf[i];
        buf[i] = buf[size - 1 - i];
        buf[size - 1 - i] = t;
    }
}

static MemAccess mem_load_access(unsigned mem)
{
    return mem & IR_MEM_INTENT ? ACCESS_WRITE : ACCESS_READ;
}

static bool mem_slow_read(Vcpu *v, uint64_t va, unsigned how, uint8_t *buf)
{
    unsigned size = MEM_HOW_SIZE(how), mem = MEM_HOW_MEM(how);
    MemAccess access = mem_load_access(mem);

    if (mem_misaligned(v, va, how, access)
        || !mem_read(v, va, buf, size, access, MEM_HOW_MMU(how),
                     mem_wrap(v, mem))) {
        return false;
    }
    if (mem & IR_MEM_BE) {
        mem_swap(buf, size);
    }
    return true;
}

uint64_t mem_slow_load(Vcpu *v, uint64_t va, unsigned how)
{
    unsigned size = MEM_HOW_SIZE(how), mem = MEM_HOW_MEM(how);
    uint8_t buf[16] = {0};
    uint64_t value;
    int64_t extended;

    if (!mem_slow_read(v, va, how, buf)) {
        return 0;
    }
    value = ld_le64(buf);
    if (mem & (IR_MEM_SIGNED | IR_MEM_SIGNED32)) {
        extended = (int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size);
        value = mem & IR_MEM_SIGNED ? (uint64_t)extended : (uint32_t)extended;
    }
    return value;
}

void mem_slow_load_vec(Vcpu *v, uint64_t va, unsigned how, V128 *out)
{
    V128 value;

    if (mem_slow_read(v, va, how, value.u8)) {
        *out = value;
    }
}

static void mem_slow_write(Vcpu *v, uint64_t va, unsigned how, uint8_t *buf)
{
    unsigned size = MEM_HOW_SIZE(how), mem = MEM_HOW_MEM(how);

    if (mem_misaligned(v, va, how, ACCESS_WRITE)) {
        return;
    }
    if (mem & IR_MEM_BE) {
        mem_swap(buf, size);
    }
    mem_write(v, va, buf, size, MEM_HOW_MMU(how), mem_wrap(v, mem));
}

void mem_slow_store(Vcpu *v, uint64_t va, unsigned how, uint64_t value)
{
    uint8_t buf[8];

    st_le64(buf, value);
    mem_slow_write(v, va, how, buf);
}

void mem_slow_store_vec(Vcpu *v, uint64_t va, unsigned how, const V128 *in)
{
    V128 value = *in;

    mem_slow_write(v, va, how, value.u8);
}

void mem_slow_probe(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                    bool addr32)
{
    MemPiece piece[MEM_PIECES_MAX];

    mem_pieces(v, va, size, ACCESS_WRITE, mmu,
               mem_wrap(v, addr32 ? IR_MEM_ADDR32 : 0), piece);
}

/* --- for helpers ----------------------------------------------------------- */

/* Level 1 knows the pages only that level 2 knows, so a hit changes nothing. */
static inline uint8_t *mem_direct(Vcpu *v, uint64_t va, unsigned size,
                                  unsigned mmu, bool write)
{
    const TlbL1Entry *e = tlb_l1_entry(v->tlb, va, mmu);
    uint64_t tag = write ? e->write_tag : e->read_tag;

    if (tag != ((va + size - 1) & TLB_PAGE_MASK)) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)(va + e->addend);
}

void *vcpu_direct(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                  MemAccess access)
{
    return mem_direct(v, va, size, mmu, access == ACCESS_WRITE);
}

bool vcpu_load(Vcpu *v, uint64_t va, unsigned size, unsigned mmu, uint64_t *out)
{
    const uint8_t *p = mem_direct(v, va, size, mmu, false);
    uint8_t buf[8] = {0};

    if (ACCEL_LIKELY(p != NULL)) {
        if (size == 8) {
            *out = ld_le64(p);
            return true;
        }
        memcpy(buf, p, size);
    } else if (!mem_read(v, va, buf, size, ACCESS_READ, mmu, mem_wrap(v, 0))) {
        return false;
    }
    *out = ld_le64(buf);
    return true;
}

bool vcpu_store(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                uint64_t value)
{
    uint8_t *p = mem_direct(v, va, size, mmu, true);
    uint8_t buf[8];

    if (p && size == 8) {
        st_le64(p, value);
        return true;
    }
    st_le64(buf, value);
    if (p) {
        memcpy(p, buf, size);
        return true;
    }
    return mem_write(v, va, buf, size, mmu, mem_wrap(v, 0));
}

static bool mem_in_page(uint64_t va, unsigned size)
{
    return size - 1 < GUEST_PAGE_SIZE - (va & 0xfff);
}

bool vcpu_load_bytes(Vcpu *v, uint64_t va, void *buf, unsigned size,
                     unsigned mmu)
{
    if (mem_in_page(va, size)) {
        const uint8_t *p = mem_direct(v, va, size, mmu, false);

        if (p) {
            memcpy(buf, p, size);
            return true;
        }
    }
    return mem_read(v, va, buf, size, ACCESS_READ, mmu, mem_wrap(v, 0));
}

bool vcpu_store_bytes(Vcpu *v, uint64_t va, const void *buf, unsigned size,
                      unsigned mmu)
{
    if (mem_in_page(va, size)) {
        uint8_t *p = mem_direct(v, va, size, mmu, true);

        if (p) {
            memcpy(p, buf, size);
            return true;
        }
    }
    return mem_write(v, va, buf, size, mmu, mem_wrap(v, 0));
}

bool vcpu_probe(Vcpu *v, uint64_t va, unsigned size, unsigned mmu,
                MemAccess access)
{
    MemPiece piece[MEM_PIECES_MAX];

    return mem_pieces(v, va, size, access, mmu, mem_wrap(v, 0), piece) > 0;
}

/* Level 2 only: the single-step path walks, so that both make the same
 * fills. */
uint8_t *vcpu_window(Vcpu *v, uint64_t va, uint64_t want, unsigned mmu,
                     MemAccess access, uint64_t *got)
{
    TlbL2Entry *e = tlb_find(v->tlb, va, access, mmu);
    uint8_t *host, flags;
    RamPage page;
    bool rom;

    if (!e
        || !tlb_ram(v->tlb, e->pa & TLB_PAGE_MASK, GUEST_PAGE_SIZE, &host,
                    &page, &rom)) {
        return NULL;
    }
    flags = ram_flags(v->dev.vm->ram)[page];
    if (flags & RAM_WATCH
        || vcpu_watched(v, va & TLB_PAGE_MASK, GUEST_PAGE_SIZE)) {
        return NULL;
    }
    if (access == ACCESS_WRITE) {
        if (rom || (flags & (RAM_CODE | RAM_NO_WRITE))) {
            return NULL;
        }
        ram_dirty(v->dev.vm, page);
    }
    *got = MIN(want, GUEST_PAGE_SIZE - (va & 0xfff));
    return host + (va & 0xfff);
}

/* --- for debuggers --------------------------------------------------------- */

bool vcpu_translate_peek(Vcpu *v, uint64_t va, GuestPhys *out)
{
    TlbFill f = {0};

    /* what any privilege may read: a debugger in user code sees the kernel */
    for (unsigned mmu = 0; mmu < v->ops->mmu_count; mmu++) {
        if (v->ops->walk(v, va, ACCESS_READ, mmu, true, &f)
            || v->ops->walk(v, va, ACCESS_EXEC, mmu, true, &f)) {
            *out = (f.phys & TLB_PAGE_MASK) | (va & 0xfff);
            return true;
        }
    }
    return false;
}

bool vcpu_peek(Vcpu *v, uint64_t va, void *buf, size_t size)
{
    uint8_t *p = buf;
    GuestPhys at;

    while (size > 0) {
        size_t n = MIN(size, GUEST_PAGE_SIZE - (va & 0xfff));

        if (!vcpu_translate_peek(v, va, &at)
            || !mem_peek(v->dev.vm->mem, at, p, n)) {
            return false;
        }
        p += n;
        va += n;
        size -= n;
    }
    return true;
}

bool vcpu_poke(Vcpu *v, uint64_t va, const void *buf, size_t size)
{
    const uint8_t *p = buf;
    GuestPhys at;

    while (size > 0) {
        size_t n = MIN(size, GUEST_PAGE_SIZE - (va & 0xfff));

        if (!vcpu_translate_peek(v, va, &at)
            || !mem_poke(v->dev.vm->mem, at, p, n)) {
            return false;
        }
        p += n;
        va += n;
        size -= n;
    }
    return true;
}
