/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map: flattening, accesses, DMA, debugger copies. */
#include "core/memory.h"

#include <string.h>

#include "tests/unit/bench.h"

/* A device that notes its accesses. */
typedef struct Probe {
    Device dev;
    GString *trace; /* owned */
    uint8_t bytes[64];
} Probe;

static uint64_t probe_peek(Device *dev, uint64_t off, unsigned size)
{
    Probe *p = (Probe *)dev;
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)p->bytes[(off + i) % 64] << (8 * i);
    }
    return v;
}

static uint64_t probe_read(Device *dev, uint64_t off, unsigned size)
{
    g_string_append_printf(((Probe *)dev)->trace, "r%x.%u ", (unsigned)off,
                           size);
    return probe_peek(dev, off, size);
}

static void probe_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    g_string_append_printf(((Probe *)dev)->trace, "w%x.%u=%" PRIx64 " ",
                           (unsigned)off, size, v);
}

static bool probe_realize(Device *dev, GError **error)
{
    Probe *p = (Probe *)dev;

    p->trace = g_string_new(NULL);
    for (unsigned i = 0; i < sizeof(p->bytes); i++) {
        p->bytes[i] = (uint8_t)(i + 1);
    }
    return true;
}

static void probe_unrealize(Device *dev)
{
    g_string_free(((Probe *)dev)->trace, TRUE);
}

static const StateField probe_state[] = {
    WIRE(Probe, trace),
    WIRE(Probe, bytes),
    STATE_END,
};

static const DeviceType probe_type = {
    .name = "probe",
    .size = sizeof(Probe),
    .state = probe_state,
    .realize = probe_realize,
    .unrealize = probe_unrealize,
};

#define PROBE_OPS .read = probe_read, .write = probe_write, .peek = probe_peek

static const MemOps any_ops = {PROBE_OPS};
static const MemOps ops_1 = {PROBE_OPS, .max_size = 1};
static const MemOps ops_4 = {PROBE_OPS, .min_size = 4, .max_size = 4};
static const MemOps ops_be = {PROBE_OPS, .max_size = 4, .big_endian = true};
static const MemOps ops_blind = {.read = probe_read};
static const MemOps ops_none = {.min_size = 0};

static void check_trace(Bench *b, const char *expected)
{
    Probe *p = (Probe *)b->dev;

    g_assert_cmpstr(p->trace->str, ==, expected);
    g_string_truncate(p->trace, 0);
}

static MemRegion *io_at(Bench *b, uint64_t at, const MemOps *ops, uint64_t size)
{
    MemRegion *r = mem_io(b->vm, "probe", b->dev, ops, size);

    mem_add(b->vm->mem_root, at, r, 0);
    return r;
}

static MemRegion *ram_new(Vm *vm, const char *name, uint64_t size)
{
    MemRegion *r = mem_ram(vm, name, size, NULL);

    g_assert_nonnull(r);
    return r;
}

static MemHit look(Vm *vm, uint64_t at)
{
    MemHit hit;

    mem_lookup(vm->mem, at, &hit);
    return hit;
}

/* --- flattening ----------------------------------------------------------- */

static void test_memory_priority(void)
{
    Vm *vm = vm_new();
    MemRegion *low = ram_new(vm, "low", 0x10000);
    MemRegion *mid = ram_new(vm, "mid", 0x2000);
    MemRegion *top = ram_new(vm, "top", 0x1000);
    MemHit hit;

    mem_add(vm->mem_root, 0x3000, top, 2);
    mem_add(vm->mem_root, 0, low, -1);
    mem_add(vm->mem_root, 0x2000, mid, 1);
    hit = look(vm, 0x1ff0);
    g_assert_true(hit.region == low && hit.kind == MEM_RAM);
    g_assert_cmphex(hit.room, ==, 0x10);
    hit = look(vm, 0x2fff);
    g_assert_true(hit.region == mid);
    g_assert_cmphex(hit.room, ==, 1);
    g_assert_true(look(vm, 0x3000).region == top);
    hit = look(vm, 0x4001);
    g_assert_true(hit.region == low);
    g_assert_cmphex(hit.offset, ==, 0x4001);
    g_assert_true(hit.host == mem_host(low) + 0x4001);
    g_assert_cmpuint(hit.page, ==, mem_first_page(low) + 4);

    mem_set_enabled(top, false);
    g_assert_true(look(vm, 0x3000).region == mid);
    mem_set_offset(mid, 0x8000);
    g_assert_true(look(vm, 0x3000).region == low);
    g_assert_true(look(vm, 0x9fff).region == mid);
    mem_remove(vm->mem_root, mid);
    g_assert_true(look(vm, 0x9fff).region == low);
    vm_free(vm);
}

/* Of equals the later added wins. */
static void test_memory_equal(void)
{
    Vm *vm = vm_new();
    MemRegion *a = ram_new(vm, "a", 0x1000), *b = ram_new(vm, "b", 0x1000);

    mem_add(vm->mem_root, 0, a, 0);
    mem_add(vm->mem_root, 0, b, 0);
    g_assert_true(look(vm, 0).region == b);
    vm_free(vm);
}

static void test_memory_nested(void)
{
    Vm *vm = vm_new();
    MemRegion *box = mem_container(vm, "box", 0x3000);
    MemRegion *inner = mem_container(vm, "inner", 0x8000);
    MemRegion *ram = ram_new(vm, "ram", 0x8000);
    MemHit hit;

    mem_add(inner, 0, ram, 0);
    mem_add(box, 0x1000, inner, 0);
    mem_add(vm->mem_root, 0x10000, box, 0);
    g_assert_true(look(vm, 0x10fff).kind == MEM_UNMAPPED);
    g_assert_cmphex(look(vm, 0x10fff).room, ==, 1);
    hit = look(vm, 0x11000);
    g_assert_cmphex(hit.offset, ==, 0);
    g_assert_cmphex(hit.room, ==, 0x2000); /* clipped to the box */
    g_assert_true(look(vm, 0x13000).kind == MEM_UNMAPPED);
    vm_free(vm);
}

static void test_memory_alias(void)
{
    Vm *vm = vm_new();
    MemRegion *ram = ram_new(vm, "ram", 0x10000);
    MemRegion *a = mem_alias(vm, "a", ram, 0x4000, 0x4000);
    MemRegion *aa = mem_alias(vm, "aa", a, 0x1000, 0x10000);
    MemHit hit;

    mem_add(vm->mem_root, 0x100000, ram, 0);
    mem_add(vm->mem_root, 0xfffff000, aa, 0);
    hit = look(vm, 0xfffff010);
    g_assert_true(hit.region == ram);
    g_assert_cmphex(hit.offset, ==, 0x5010);
    g_assert_cmphex(hit.room, ==, 0x2ff0); /* clipped to a */
    g_assert_true(look(vm, 0x100002000).kind == MEM_UNMAPPED);
    mem_set_alias_offset(aa, 0);
    g_assert_cmphex(look(vm, 0xfffff010).offset, ==, 0x4010);

    /* as a PAM register does it */
    mem_set_readonly(aa, true);
    g_assert_true(look(vm, 0xfffff010).kind == MEM_ROM);
    g_assert_true(look(vm, 0x104010).kind == MEM_RAM);
    mem_io_write(vm->mem, 0xfffff010, 1, 1);
    g_assert_cmpuint(mem_io_read(vm->mem, 0x104010, 1), ==, 0);
    mem_set_readonly(aa, false);
    mem_io_write(vm->mem, 0xfffff010, 1, 1);
    g_assert_cmpuint(mem_io_read(vm->mem, 0x104010, 1), ==, 1);
    vm_free(vm);
}

static void test_memory_whole(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);
    MemRegion *all = io_at(b, 0, &any_ops, UINT64_MAX);
    MemHit hit = look(b->vm, 0);

    g_assert_cmphex(mem_size(all), ==, UINT64_MAX);
    g_assert_cmphex(hit.room, ==, UINT64_MAX);
    hit = look(b->vm, UINT64_MAX);
    g_assert_true(hit.region == all);
    g_assert_cmphex(hit.room, ==, 1);
    mem_set_enabled(all, false);
    g_assert_cmphex(look(b->vm, 0).room, ==, UINT64_MAX);
    g_assert_cmphex(look(b->vm, 5).room, ==, UINT64_MAX - 4);
    /* a region at the very end; one that would reach beyond is clipped */
    io_at(b, UINT64_MAX - 3, &any_ops, 0x1000);
    g_assert_cmphex(look(b->vm, UINT64_MAX - 3).room, ==, 4);
    g_assert_true(look(b->vm, 0).kind == MEM_UNMAPPED);
}

static void count_change(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_memory_listener(void)
{
    Vm *vm = vm_new();
    MemRegion *ram = ram_new(vm, "ram", 0x1000);
    MemRegion *under = ram_new(vm, "under", 0x1000);
    unsigned changes = 0;

    mem_set_listener(
        vm, &(MemListener){.map_changed = count_change, .opaque = &changes});
    mem_add(vm->mem_root, 0, ram, 1);
    g_assert_cmpuint(changes, ==, 1);
    mem_add(vm->mem_root, 0, under, 0); /* hidden: nothing changed */
    g_assert_cmpuint(changes, ==, 1);
    mem_begin(vm);
    mem_begin(vm);
    mem_set_enabled(ram, false);
    mem_set_offset(under, 0x5000);
    mem_commit(vm);
    g_assert_true(look(vm, 0).region == ram); /* not yet */
    mem_commit(vm);
    g_assert_cmpuint(changes, ==, 2);
    g_assert_true(look(vm, 0).kind == MEM_UNMAPPED);
    mem_begin(vm); /* there and back */
    mem_set_offset(under, 0);
    mem_set_offset(under, 0x5000);
    mem_commit(vm);
    g_assert_cmpuint(changes, ==, 2);
    /* ports are not the memory space */
    mem_add(vm->io_root, 0, mem_container(vm, "c", 1), 0);
    g_assert_cmpuint(changes, ==, 2);
    vm_free(vm);
}

/* Random trees against a byte-by-byte look at the same regions. */
static void test_memory_random(void)
{
    enum {
        N = 12,
        SPAN = 64
    };

    g_autoptr(Bench) b = bench_new(&probe_type);
    MemRegion *box = mem_container(b->vm, "box", SPAN);
    MemRegion *r[N];
    unsigned at[N], size[N], prio[N];

    mem_add(b->vm->mem_root, 0x1000, box, 0);
    for (unsigned round = 0; round < 200; round++) {
        unsigned n = (unsigned)g_test_rand_int_range(1, N + 1);

        mem_begin(b->vm);
        for (unsigned i = 0; i < n; i++) {
            at[i] = (unsigned)g_test_rand_int_range(0, SPAN);
            size[i] = (unsigned)g_test_rand_int_range(1, 20);
            prio[i] = (unsigned)g_test_rand_int_range(0, 4);
            r[i] = mem_io(b->vm, "r", b->dev, &any_ops, size[i]);
            mem_add(box, at[i], r[i], (int)prio[i]);
        }
        mem_commit(b->vm);
        for (unsigned pos = 0; pos < SPAN + 20; pos++) {
            MemRegion *best = NULL;
            unsigned best_i = 0;

            for (unsigned i = 0; i < n && pos < SPAN; i++) {
                if (pos >= at[i] && pos < at[i] + size[i]
                    && (!best || prio[i] >= prio[best_i])) {
                    best = r[i];
                    best_i = i;
                }
            }
            MemHit hit = look(b->vm, 0x1000 + pos);

            g_assert_true(hit.region == best);
            g_assert_true(!best || hit.offset == pos - at[best_i]);
        }
        for (unsigned i = 0; i < n; i++) {
            mem_remove(box, r[i]);
        }
    }
}

/* --- accesses ------------------------------------------------------------- */

static void test_memory_sizes(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);

    io_at(b, 0x1000, &any_ops, 64);
    io_at(b, 0x2000, &ops_1, 64);
    io_at(b, 0x3000, &ops_4, 64);
    io_at(b, 0x4000, &ops_be, 64);

    g_assert_cmphex(bench_read64(b, 0x1008), ==, 0x100f0e0d0c0b0a09);
    check_trace(b, "r8.8 ");
    g_assert_cmphex(bench_read32(b, 0x2000), ==, 0x04030201);
    check_trace(b, "r0.1 r1.1 r2.1 r3.1 ");
    bench_write16(b, 0x2004, 0xabcd);
    check_trace(b, "w4.1=cd w5.1=ab ");

    g_assert_cmphex(bench_read64(b, 0x3000), ==, 0x0807060504030201);
    check_trace(b, "r0.4 r4.4 ");
    g_assert_cmphex(bench_read8(b, 0x3006), ==, 7);
    check_trace(b, "r4.4 ");
    g_assert_cmphex(bench_read16(b, 0x3003), ==, 0x0504); /* two words */
    check_trace(b, "r0.4 r4.4 ");
    bench_write16(b, 0x3002, 0xabcd);
    check_trace(b, "w0.4=abcd0000 ");

    g_assert_cmphex(bench_read32(b, 0x4000), ==, 0x01020304);
    check_trace(b, "r0.4 ");
    bench_write64(b, 0x4000, 0x1122334455667788);
    check_trace(b, "w0.4=88776655 w4.4=44332211 ");
}

static void test_memory_absent(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);

    io_at(b, 0x1000, &ops_none, 16);
    g_assert_cmphex(bench_read32(b, 0x1000), ==, 0xffffffff);
    bench_write32(b, 0x1000, 1);
    g_assert_cmphex(bench_read64(b, 0x5000), ==, UINT64_MAX);
    g_assert_cmphex(bench_inb(b, 0x80), ==, 0xff);
    bench_outl(b, 0xffff, 1); /* leaves the space */
    g_assert_cmphex(bench_inl(b, 0xffff), ==, 0xffffffff);
}

static void test_memory_crossing(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);
    MemRegion *ram = ram_new(b->vm, "ram", 0x1000);

    mem_add(b->vm->mem_root, 0, ram, 0);
    io_at(b, 0x1000, &any_ops, 2);
    memcpy(mem_host(ram) + 0xffe, "\xaa\xbb", 2);
    g_assert_cmphex(bench_read64(b, 0xffe), ==, 0xffffffff0201bbaa);
    check_trace(b, "r0.1 r1.1 ");
    bench_write32(b, 0xfff, 0x44332211);
    check_trace(b, "w0.1=22 w1.1=33 ");
    g_assert_cmphex(mem_host(ram)[0xfff], ==, 0x11);
    /* the end of the address space */
    g_assert_cmphex(mem_io_read(b->vm->mem, UINT64_MAX, 2), ==, 0x00ff);
}

static void test_memory_rom(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);
    MemRegion *rom = mem_rom(b->vm, "rom", 0x1000, NULL);

    mem_add(b->vm->mem_root, 0xf0000, rom, 0);
    g_assert_true(look(b->vm, 0xf0000).kind == MEM_ROM);
    bench_write32(b, 0xf0000, 5);
    dma_write(b->vm->mem, 0xf0000, "abcd", 4);
    g_assert_cmphex(bench_read32(b, 0xf0000), ==, 0);
    g_assert_true(mem_poke(b->vm->mem, 0xf0000, "abcd", 4));
    g_assert_cmpmem(mem_host(rom), 4, "abcd", 4);
    mem_rom_set_writes(rom, b->dev, &ops_1);
    bench_write16(b, 0xf0010, 0x9070);
    check_trace(b, "w10.1=70 w11.1=90 ");
    dma_write(b->vm->mem, 0xf0000, "ab", 2);
    check_trace(b, "w0.1=61 w1.1=62 ");
}

/* --- blocks --------------------------------------------------------------- */

typedef struct CodeWrites {
    GString *trace;
} CodeWrites;

static void note_code(void *opaque, RamPage page, uint32_t off, uint32_t len)
{
    g_string_append_printf(((CodeWrites *)opaque)->trace, "%u:%x+%x ", page,
                           off, len);
}

static void test_memory_dma(void)
{
    g_autoptr(GString) trace = g_string_new(NULL);
    CodeWrites code = {trace};
    Vm *vm = vm_new();
    MemRegion *ram = ram_new(vm, "ram", 0x4000);
    g_autofree uint8_t *buf = g_malloc(0x3000), *back = g_malloc(0x3000);
    GArray *pages;

    mem_add(vm->mem_root, 0x8000, ram, 0);
    mem_set_listener(vm,
                     &(MemListener){.code_write = note_code, .opaque = &code});
    ram_client_enable(vm, RAM_CLIENT_DIGEST);
    g_array_unref(ram_client_collect(vm, RAM_CLIENT_DIGEST));
    ram_set_flag(vm, 1, RAM_CODE, true);
    ram_set_flag(vm, 3, RAM_CODE, true);

    for (unsigned i = 0; i < 0x3000; i++) {
        buf[i] = (uint8_t)(i * 7 + i / 256);
    }
    dma_write(vm->mem, 0x8ffe, buf, 0x2004);
    dma_read(vm->mem, 0x8ffe, back, 0x2004);
    g_assert_cmpmem(buf, 0x2004, back, 0x2004);
    g_assert_cmpstr(trace->str, ==, "1:0+1000 3:0+2 ");
    pages = ram_client_collect(vm, RAM_CLIENT_DIGEST);
    g_assert_cmpuint(pages->len, ==, 4);
    g_array_unref(pages);
    mem_io_write(vm->mem, 0x9008, 1, 8);
    g_assert_cmpstr(trace->str, ==, "1:0+1000 3:0+2 1:8+8 ");

    /* beyond the end: ones, ignored */
    dma_write(vm->mem, 0xbfff, buf, 0x100);
    dma_read(vm->mem, 0xbfff, back, 3);
    g_assert_cmphex(back[0], ==, buf[0]);
    g_assert_cmphex(back[1], ==, 0xff);
    vm_free(vm);
}

static void test_memory_dma_io(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);
    uint8_t buf[16];

    io_at(b, 0x1000, &any_ops, 64);
    dma_read(b->vm->mem, 0x1001, buf, 10);
    check_trace(b, "r1.1 r2.2 r4.4 r8.2 ra.1 ");
    for (unsigned i = 0; i < 10; i++) {
        g_assert_cmpuint(buf[i], ==, i + 2);
    }
    dma_write(b->vm->mem, 0x103c, "abcdefgh", 8); /* only 4 fit */
    check_trace(b, "w3c.4=64636261 ");
}

static void test_memory_peek(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);
    MemRegion *ram = ram_new(b->vm, "ram", 0x1000);
    uint8_t buf[8] = {9, 9, 9, 9, 9, 9, 9, 9};

    mem_add(b->vm->mem_root, 0, ram, 0);
    io_at(b, 0x1000, &any_ops, 4);
    io_at(b, 0x1004, &ops_blind, 4);
    memcpy(mem_host(ram) + 0xffe, "\xaa\xbb", 2);
    g_assert_true(mem_peek(b->vm->mem, 0xffe, buf, 8));
    g_assert_cmpmem(buf, 8, "\xaa\xbb\1\2\3\4\0\0", 8);
    check_trace(b, ""); /* no effects */
    g_assert_false(mem_peek(b->vm->mem, 0x1002, buf, 8));
    g_assert_cmpmem(buf, 8, "\xaa\xbb\1\2\3\4\0\0", 8); /* untouched */
    g_assert_false(mem_poke(b->vm->mem, 0x1002, buf, 8));
    g_assert_true(mem_poke(b->vm->mem, 0xffe, "xyz", 3));
    check_trace(b, "w0.1=7a ");
    g_assert_cmpmem(mem_host(ram) + 0xffe, 2, "xy", 2);
}

typedef struct RamList {
    GString *text;
} RamList;

static void list_ram(void *opaque, GuestPhys at, uint64_t size,
                     const uint8_t *host)
{
    g_assert_nonnull(host);
    g_string_append_printf(((RamList *)opaque)->text,
                           "%" PRIx64 "+%" PRIx64 " ", at, size);
}

static void test_memory_lists(void)
{
    g_autoptr(Bench) b = bench_new(&probe_type);
    g_autoptr(GString) out = g_string_new(NULL), tree = g_string_new(NULL);
    RamList list = {out};

    mem_add(b->vm->mem_root, 0, ram_new(b->vm, "ram", 0x10000), -1);
    io_at(b, 0x4000, &any_ops, 0x1000);
    mem_foreach_ram(b->vm->mem, list_ram, &list);
    g_assert_cmpstr(out->str, ==, "0+4000 5000+b000 ");
    mem_print_tree(b->vm, tree);
    g_assert_nonnull(strstr(tree->str, "0000000000005000-000000000000ffff "
                                       "(ram): ram+0x5000"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/priority", test_memory_priority);
    g_test_add_func("/memory/equal", test_memory_equal);
    g_test_add_func("/memory/nested", test_memory_nested);
    g_test_add_func("/memory/alias", test_memory_alias);
    g_test_add_func("/memory/whole", test_memory_whole);
    g_test_add_func("/memory/listener", test_memory_listener);
    g_test_add_func("/memory/random", test_memory_random);
    g_test_add_func("/memory/sizes", test_memory_sizes);
    g_test_add_func("/memory/absent", test_memory_absent);
    g_test_add_func("/memory/crossing", test_memory_crossing);
    g_test_add_func("/memory/rom", test_memory_rom);
    g_test_add_func("/memory/dma", test_memory_dma);
    g_test_add_func("/memory/dma-io", test_memory_dma_io);
    g_test_add_func("/memory/peek", test_memory_peek);
    g_test_add_func("/memory/lists", test_memory_lists);
    return g_test_run();
}
