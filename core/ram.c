/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RAM store: blocks of numbered pages, their flags and dirty bits. */
#include "core/ram.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/vm_priv.h"

#define WORD_BITS 64
#define REWIND_PIECE 64 /* bytes: what translated code is kept or dropped by */
#define WORDS(pages) (((pages) + WORD_BITS - 1) / WORD_BITS)

typedef struct RamBlock {
    char *name;    /* owned */
    uint8_t *host; /* owned: mmap'd */
    RamPage first;
    RamPage pages;
} RamBlock;

struct RamStore {
    GArray *blocks; /* owned: RamBlock, ascending pages */
    size_t pages;
    uint8_t *flags;                    /* owned: one RamFlag byte per page */
    uint64_t *dirty[RAM_CLIENT_COUNT]; /* owned: one bit per page */
    unsigned enabled;                  /* bit per RamClient */
    struct {
        RamBeforeWrite *fn;
        void *opaque; /* borrowed: from who set it */
    } before[RAM_CLIENT_COUNT];
    RamWatch *watch;
    void *watch_opaque; /* borrowed: from who set it */
};

RamStore *ram_store_new(void)
{
    RamStore *s = g_new0(RamStore, 1);

    s->blocks = g_array_new(FALSE, FALSE, sizeof(RamBlock));
    return s;
}

void ram_store_free(RamStore *s)
{
    if (!s) {
        return;
    }
    for (guint i = 0; i < s->blocks->len; i++) {
        RamBlock *b = &g_array_index(s->blocks, RamBlock, i);

        munmap(b->host, (size_t)b->pages * GUEST_PAGE_SIZE);
        g_free(b->name);
    }
    for (int c = 0; c < RAM_CLIENT_COUNT; c++) {
        g_free(s->dirty[c]);
    }
    g_array_free(s->blocks, TRUE);
    g_free(s->flags);
    g_free(s);
}

static void bits_set(uint64_t *bits, size_t from, size_t to)
{
    for (; from < to; from++) {
        bits[from / WORD_BITS] |= 1ULL << (from % WORD_BITS);
    }
}

/* Room for @pages pages in all tables; new ones count as written. */
static void ram_grow(RamStore *s, size_t pages)
{
    size_t old = s->pages;

    s->flags = g_realloc(s->flags, pages);
    memset(s->flags + old, RAM_FAST, pages - old);
    for (int c = 0; c < RAM_CLIENT_COUNT; c++) {
        s->dirty[c] = g_renew(uint64_t, s->dirty[c], WORDS(pages));
        memset(s->dirty[c] + WORDS(old), 0,
               (WORDS(pages) - WORDS(old)) * sizeof(uint64_t));
        bits_set(s->dirty[c], old, pages);
    }
    s->pages = pages;
}

bool ram_block_add(RamStore *s, const char *name, uint64_t size, uint8_t **host,
                   RamPage *first, GError **error)
{
    uint64_t pages = size / GUEST_PAGE_SIZE + (size % GUEST_PAGE_SIZE != 0);
    RamBlock b = {.first = (RamPage)s->pages, .pages = (RamPage)pages};
    void *p;

    if (size == 0) {
        return fail(error, "memory '%s': size is 0", name);
    }
    if (pages >= RAM_PAGE_NONE - s->pages) {
        return fail(error, "memory '%s': %" PRIu64 " bytes are too many", name,
                    size);
    }
    p = mmap(NULL, pages * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return fail_errno(error, errno,
                          "memory '%s': cannot get %" PRIu64 " bytes", name,
                          size);
    }
    b.name = g_strdup(name);
    b.host = p;
    g_array_append_val(s->blocks, b);
    ram_grow(s, s->pages + pages);
    *host = p;
    *first = b.first;
    return true;
}

size_t ram_page_count(const RamStore *s)
{
    return s->pages;
}

static const RamBlock *ram_block_of(const RamStore *s, RamPage page)
{
    guint low = 0, high = s->blocks->len;

    g_assert(page < s->pages);
    while (high - low > 1) {
        guint mid = (low + high) / 2;

        if (g_array_index(s->blocks, RamBlock, mid).first <= page) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return &g_array_index(s->blocks, RamBlock, low);
}

uint8_t *ram_page_host(const RamStore *s, RamPage page)
{
    const RamBlock *b = ram_block_of(s, page);

    return b->host + (size_t)(page - b->first) * GUEST_PAGE_SIZE;
}

const char *ram_page_block(const RamStore *s, RamPage page, uint64_t *off)
{
    const RamBlock *b = ram_block_of(s, page);

    *off = (uint64_t)(page - b->first) * GUEST_PAGE_SIZE;
    return b->name;
}

uint8_t *ram_flags(RamStore *s)
{
    return s->flags;
}

static bool ram_bit(const RamStore *s, RamClient client, RamPage page)
{
    return s->dirty[client][page / WORD_BITS] >> (page % WORD_BITS) & 1;
}

/* First write since some client asked. */
static G_GNUC_NO_INLINE void ram_dirty_slow(Vm *vm, RamPage page)
{
    RamStore *s = vm->ram;
    uint64_t bit = 1ULL << (page % WORD_BITS);
    size_t word = page / WORD_BITS;

    vm_assert_thread(vm);
    g_assert(page < s->pages);
    for (unsigned c = 0; c < RAM_CLIENT_COUNT; c++) {
        bool first = (s->enabled & 1u << c) && !(s->dirty[c][word] & bit);

        if (first) {
            s->dirty[c][word] |= bit;
        }
        if (first && s->before[c].fn) {
            s->before[c].fn(s->before[c].opaque, page, ram_page_host(s, page));
        }
    }
    if (!(s->flags[page] & RAM_NO_WRITE)) {
        s->flags[page] |= RAM_FAST;
    }
}

void ram_dirty(Vm *vm, RamPage page)
{
    if (!(vm->ram->flags[page] & RAM_FAST)) {
        ram_dirty_slow(vm, page);
    }
}

void ram_dirty_range(Vm *vm, RamPage first, uint64_t off, uint64_t size)
{
    uint64_t page, last;

    if (size == 0) {
        return;
    }
    last = (off + size - 1) / GUEST_PAGE_SIZE;
    for (page = off / GUEST_PAGE_SIZE; page <= last; page++) {
        ram_dirty(vm, (RamPage)(first + page));
    }
}

void ram_set_watch(RamStore *s, RamWatch *fn, void *opaque)
{
    s->watch = fn;
    s->watch_opaque = opaque;
}

void ram_watched(Vm *vm, RamPage page, uint32_t off, uint32_t size,
                 RamWriter who)
{
    if (vm->ram->watch) {
        vm->ram->watch(vm->ram->watch_opaque, page, off, size, who);
    }
}

void ram_set_before_write(RamStore *s, RamBeforeWrite *fn, void *opaque)
{
    s->before[RAM_CLIENT_CHECKPOINT].fn = fn;
    s->before[RAM_CLIENT_CHECKPOINT].opaque = opaque;
}

void ram_set_before_snapshot(RamStore *s, RamBeforeWrite *fn, void *opaque)
{
    s->before[RAM_CLIENT_SNAPSHOT].fn = fn;
    s->before[RAM_CLIENT_SNAPSHOT].opaque = opaque;
}

void ram_client_enable(Vm *vm, RamClient client)
{
    RamStore *s = vm->ram;

    s->enabled |= 1u << client;
    bits_set(s->dirty[client], 0, s->pages);
}

GArray *ram_client_collect(Vm *vm, RamClient client)
{
    RamStore *s = vm->ram;
    GArray *pages = g_array_new(FALSE, FALSE, sizeof(RamPage));
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(RamPage));

    vm_assert_thread(vm);
    g_assert(s->enabled & 1u << client);
    for (size_t w = 0; w < WORDS(s->pages); w++) {
        uint64_t bits = s->dirty[client][w];

        s->dirty[client][w] = 0;
        for (; bits; bits &= bits - 1) {
            RamPage page = (RamPage)(w * WORD_BITS + __builtin_ctzll(bits));

            g_array_append_val(pages, page);
            if (s->flags[page] & RAM_FAST) {
                s->flags[page] &= (uint8_t)~RAM_FAST;
                g_array_append_val(lost, page);
            }
        }
    }
    listener_protect(vm, (const RamPage *)(void *)lost->data, lost->len);
    return pages;
}

/* Translated code is told which stretches differ. */
static void rewind_code(Vm *vm, RamPage page, const uint8_t *old,
                        const uint8_t *content)
{
    for (uint32_t off = 0; off < GUEST_PAGE_SIZE; off += REWIND_PIECE) {
        if (memcmp(old + off, content + off, REWIND_PIECE) != 0) {
            listener_code_write(vm, page, off, REWIND_PIECE);
        }
    }
}

void ram_rewind(Vm *vm, RamPage page, const uint8_t *content)
{
    RamStore *s = vm->ram;
    uint8_t *host = ram_page_host(s, page);

    vm_assert_thread(vm);
    if (memcmp(host, content, GUEST_PAGE_SIZE) == 0) {
        return;
    }
    if (s->flags[page] & RAM_CODE) {
        rewind_code(vm, page, host, content);
    }
    for (unsigned c = 0; c < RAM_CLIENT_COUNT; c++) {
        if (c != RAM_CLIENT_CHECKPOINT && (s->enabled & 1u << c)) {
            s->dirty[c][page / WORD_BITS] |= 1ULL << (page % WORD_BITS);
        }
    }
    memcpy(host, content, GUEST_PAGE_SIZE);
}

bool ram_client_is_dirty(const RamStore *s, RamClient client, RamPage page)
{
    g_assert(page < s->pages);
    return ram_bit(s, client, page);
}

void ram_set_flag(Vm *vm, RamPage page, RamFlag flag, bool on)
{
    uint8_t *f = &vm->ram->flags[page];
    uint8_t old = *f;

    g_assert(page < vm->ram->pages && flag != RAM_FAST);
    if (!on) {
        *f &= (uint8_t)~flag;
        return;
    }
    *f |= (uint8_t)flag;
    if (flag == RAM_NO_WRITE) {
        *f &= (uint8_t)~RAM_FAST;
    }
    if (*f != old) {
        listener_protect(vm, &page, 1);
    }
}
