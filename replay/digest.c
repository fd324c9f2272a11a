/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hashes of the machine's parts: clock, entropy, output, each device (vCPUs are
 * devices), and RAM in ranges. A range is the sum of the hashes of its pages,
 * each seeded with the page's number, so that only pages written since the last
 * time are hashed again.
 */
#include "replay/digest_priv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "core/bytes.h"

#define PAGES_MAX (32 * 1024)
#define ROWS_MAX 65536
#define VALUE_MAX 200
#define PAGE_MAP_ENTRIES 512
#define FULL_ROWS_BYTES (512 * 1024)

struct Digest {
    Vm *vm;
    uint64_t *hash;   /* owned: per page */
    uint8_t *changed; /* owned: per page, since the last full digest */
    size_t pages;
    uint64_t range[DIGEST_RANGES];
    uint64_t output; /* hash of each piece, seeded with the one before */
    bool begun;
};

Digest *digest_new(Vm *vm)
{
    Digest *d = g_new0(Digest, 1);

    d->vm = vm;
    return d;
}

void digest_free(Digest *d)
{
    if (d) {
        g_free(d->hash);
        g_free(d->changed);
        g_free(d);
    }
}

void digest_begin(Digest *d)
{
    if (d->begun) {
        return;
    }
    d->begun = true;
    d->pages = ram_page_count(d->vm->ram);
    d->hash = g_new0(uint64_t, d->pages);
    d->changed = g_new0(uint8_t, d->pages);
    ram_client_enable(d->vm, RAM_CLIENT_DIGEST);
}

void digest_output(Digest *d, const void *buf, size_t size)
{
    d->output = XXH3_64bits_withSeed(buf, size, d->output);
}

uint64_t digest_output_hash(const Digest *d)
{
    return d->output;
}

void digest_rewind(Digest *d, uint64_t output_hash)
{
    d->output = output_hash;
}

uint64_t digest_page(const Digest *d, RamPage page)
{
    return page < d->pages ? d->hash[page] : 0;
}

static size_t digest_range(const Digest *d, RamPage page)
{
    return (size_t)page * DIGEST_RANGES / d->pages;
}

static bool digest_is_vcpu(const Vm *vm, const Device *dev)
{
    for (guint i = 0; i < vm->vcpus->len; i++) {
        if (g_ptr_array_index(vm->vcpus, i) == dev) {
            return true;
        }
    }
    return false;
}

/* vCPUs first, the clock last: a report names the first part that differs, and
 * a vCPU that went wrong soon makes all else differ. */
GPtrArray *digest_parts(const Digest *d)
{
    GPtrArray *a = g_ptr_array_new_with_free_func(g_free);

    for (int other = 0; other < 2; other++) {
        for (Device *dev = d->vm->devices; dev; dev = dev->next) {
            if (digest_is_vcpu(d->vm, dev) != other) {
                g_ptr_array_add(a, g_strdup(dev->path));
            }
        }
    }
    for (unsigned i = 0; i < DIGEST_RANGES; i++) {
        g_ptr_array_add(a, g_strdup_printf("ram %u", i));
    }
    g_ptr_array_add(a, g_strdup("output"));
    g_ptr_array_add(a, g_strdup("entropy"));
    g_ptr_array_add(a, g_strdup("clock"));
    return a;
}

/* The host's map of its pages, read in pieces. */
typedef struct PageMap {
    int fd;
    uint64_t first; /* host page of the first entry */
    size_t count;
    uint8_t entries[PAGE_MAP_ENTRIES][8];
} PageMap;

/* Nothing was ever at this page: it reads as zeroes, and need not be brought in
 * to know that (proc(5), pagemap: bit 63 present, 62 swapped). */
static bool page_untouched(PageMap *m, const uint8_t *host)
{
    uint64_t page = (uintptr_t)host / GUEST_PAGE_SIZE;

    if (m->fd < 0) {
        return false;
    }
    if (page - m->first >= m->count) {
        ssize_t n = pread(m->fd, m->entries, sizeof(m->entries),
                          (off_t)(page * sizeof(m->entries[0])));

        m->first = page;
        m->count = n > 0 ? (size_t)n / sizeof(m->entries[0]) : 0;
    }
    return page - m->first < m->count
           && ld_le64(m->entries[page - m->first]) >> 62 == 0;
}

static void digest_ram(Digest *d)
{
    static const uint8_t zeroes[GUEST_PAGE_SIZE];
    g_autoptr(GArray) dirty = ram_client_collect(d->vm, RAM_CLIENT_DIGEST);
    PageMap map = {.fd = -1};

    if (dirty->len == d->pages && sysconf(_SC_PAGESIZE) == GUEST_PAGE_SIZE) {
        map.fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    }
    for (guint i = 0; i < dirty->len; i++) {
        RamPage page = g_array_index(dirty, RamPage, i);
        const uint8_t *host = ram_page_host(d->vm->ram, page);
        bool empty = page_untouched(&map, host);
        uint64_t h =
            XXH3_64bits_withSeed(empty ? zeroes : host, GUEST_PAGE_SIZE, page);

        if (h != d->hash[page]) {
            d->range[digest_range(d, page)] += h - d->hash[page];
            d->hash[page] = h;
            d->changed[page] = 1;
        }
    }
    if (map.fd >= 0) {
        close(map.fd);
    }
}

static void digest_put(LogDigest *out, uint64_t hash)
{
    g_array_append_val(out->parts, hash);
}

typedef struct RowVisit {
    LogDigest *out;
    const Device *dev;
    size_t bytes;
} RowVisit;

static void digest_row(void *opaque, const char *row, const char *value)
{
    RowVisit *v = opaque;
    LogRow r = {0};

    if (v->bytes > FULL_ROWS_BYTES || v->out->rows->len >= ROWS_MAX) {
        return;
    }
    r.name = g_strdup_printf("%s %s", v->dev->path, row);
    r.value = g_strdup(value);
    if (strlen(value) > VALUE_MAX) {
        g_free(r.value);
        r.value = g_strdup_printf("%.80s... (hash %016" PRIx64 ")", value,
                                  (uint64_t)XXH3_64bits(value, strlen(value)));
    }
    v->bytes += strlen(r.name) + strlen(r.value) + 4;
    g_array_append_val(v->out->rows, r);
}

static void digest_details(Digest *d, LogDigest *out)
{
    RowVisit v = {.out = out};

    for (Device *dev = d->vm->devices; dev; dev = dev->next) {
        v.dev = dev;
        state_foreach(dev, digest_row, &v);
    }
    for (size_t i = 0; i < d->pages && out->pages->len < PAGES_MAX; i++) {
        LogPage p = {.page = (RamPage)i, .hash = d->hash[i]};

        if (d->changed[i]) {
            g_array_append_val(out->pages, p);
            d->changed[i] = 0;
        }
    }
}

void digest_take(Digest *d, bool full, LogDigest *out)
{
    Vm *vm = d->vm;
    Codec c;

    digest_begin(d);
    digest_ram(d);
    for (int other = 0; other < 2; other++) {
        for (Device *dev = vm->devices; dev; dev = dev->next) {
            if (digest_is_vcpu(vm, dev) != other) {
                digest_put(out, state_digest(dev));
            }
        }
    }
    for (unsigned i = 0; i < DIGEST_RANGES; i++) {
        digest_put(out, d->range[i]);
    }
    digest_put(out, d->output);
    codec_init_hash(&c);
    entropy_codec(vm->entropy, &c);
    digest_put(out, codec_finish_hash(&c));
    codec_init_hash(&c);
    clock_codec(vm->clock, &c);
    digest_put(out, codec_finish_hash(&c));
    if (full) {
        digest_details(d, out);
    }
}

bool digest_range_of(const Digest *d, const char *part, RamPage *first,
                     RamPage *end)
{
    uint64_t n;

    if (!g_str_has_prefix(part, "ram ")
        || !g_ascii_string_to_unsigned(part + 4, 10, 0, DIGEST_RANGES - 1, &n,
                                       NULL)) {
        return false;
    }
    *first = (RamPage)((n * d->pages + DIGEST_RANGES - 1) / DIGEST_RANGES);
    *end = (RamPage)(((n + 1) * d->pages + DIGEST_RANGES - 1) / DIGEST_RANGES);
    return true;
}

char *digest_describe(const Digest *d, const char *part)
{
    RamPage first, end;
    const Device *dev;

    if (digest_range_of(d, part, &first, &end)) {
        uint64_t from = 0, to = 0;
        const char *a, *b;

        if (first >= end) {
            return g_strdup("RAM");
        }
        a = ram_page_block(d->vm->ram, first, &from);
        b = ram_page_block(d->vm->ram, end - 1, &to);
        return g_strdup_printf(
            "RAM from '%s' page 0x%" PRIx64 " to '%s' page 0x%" PRIx64, a,
            from >> GUEST_PAGE_BITS, b, to >> GUEST_PAGE_BITS);
    }
    dev = part[0] == '/' ? device_find(d->vm, part) : NULL;
    if (!dev) {
        return g_strdup(part);
    }
    return g_strdup_printf("%s %s (%s)",
                           digest_is_vcpu(d->vm, dev) ? "vCPU" : "device", part,
                           dev->type->name);
}
