/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware configuration device: ports, directory, DMA. */
#include "hw/fw_cfg.h"

#include "core/bytes.h"
#include "tests/unit/bench.h"

static GBytes *text(const char *s)
{
    return g_bytes_new(s, strlen(s));
}

static Bench *new_device(void)
{
    Bench *b = bench_new(&fw_cfg_type);
    MemRegion *ram = mem_ram(b->vm, "ram", 0x10000, NULL);
    g_autoptr(GBytes) one = text("first"), two = text("second file");

    mem_add(b->vm->mem_root, 0, ram, 0);
    fw_cfg_add_u16(b->dev, FW_CFG_NB_CPUS, 0x1234);
    g_assert_true(fw_cfg_add_file(b->dev, "opt/b", two, NULL));
    g_assert_true(fw_cfg_add_file(b->dev, "etc/a", one, NULL));
    g_assert_false(fw_cfg_add_file(b->dev, "opt/b", one, NULL));
    fw_cfg_finish(b->dev);
    return b;
}

static void select_key(Bench *b, uint16_t key)
{
    bench_outw(b, 0x510, key);
}

static uint32_t read_be(Bench *b, unsigned n)
{
    uint32_t v = 0;

    while (n--) {
        v = v << 8 | bench_inb(b, 0x511);
    }
    return v;
}

static void test_ports(void)
{
    g_autoptr(Bench) b = new_device();

    select_key(b, FW_CFG_SIGNATURE);
    g_assert_cmphex(read_be(b, 4), ==, 0x51454d55);
    g_assert_cmphex(bench_inb(b, 0x511), ==, 0);
    select_key(b, FW_CFG_ID);
    g_assert_cmphex(bench_inb(b, 0x511), ==, 3);
    select_key(b, FW_CFG_NB_CPUS);
    g_assert_cmphex(bench_peek_port(b, 0x511), ==, 0x34);
    g_assert_cmphex(bench_inb(b, 0x511), ==, 0x34);
    g_assert_cmphex(bench_inb(b, 0x511), ==, 0x12);
    select_key(b, 0x7777);
    g_assert_cmphex(bench_inb(b, 0x511), ==, 0);
}

static void test_directory(void)
{
    g_autoptr(Bench) b = new_device();
    char name[FW_CFG_NAME_BYTES];

    select_key(b, FW_CFG_FILE_DIR);
    g_assert_cmphex(read_be(b, 4), ==, 2);
    g_assert_cmphex(read_be(b, 4), ==, 5);
    g_assert_cmphex(read_be(b, 2), ==, 0x20);
    read_be(b, 2);
    for (unsigned i = 0; i < sizeof(name); i++) {
        name[i] = (char)bench_inb(b, 0x511);
    }
    g_assert_cmpstr(name, ==, "etc/a");
    g_assert_cmphex(read_be(b, 4), ==, 11);
    g_assert_cmphex(read_be(b, 2), ==, 0x21);
    select_key(b, 0x21);
    g_assert_cmphex(read_be(b, 4), ==, 0x7365636f); /* "seco" */
}

static void start_dma(Bench *b, uint32_t control, uint32_t size, uint64_t to)
{
    uint8_t block[16];

    st_be32(block, control);
    st_be32(block + 4, size);
    st_be64(block + 8, to);
    g_assert_true(mem_poke(b->vm->mem, 0x100, block, sizeof(block)));
    bench_outl(b, 0x514, 0);
    bench_outl(b, 0x518, __builtin_bswap32(0x100));
}

static uint32_t dma_status(Bench *b)
{
    return __builtin_bswap32(bench_read32(b, 0x100));
}

static void test_dma(void)
{
    g_autoptr(Bench) b = new_device();
    char got[17] = {0};

    g_assert_cmphex(bench_inl(b, 0x514), ==, 0x554d4551); /* "QEMU" in memory */
    g_assert_cmphex(bench_inl(b, 0x518), ==, 0x47464320); /* " CFG" */
    bench_write32(b, 0x20c, 0xffffffff);
    start_dma(b, 0x21u << 16 | 0x0a, 16, 0x200);
    g_assert_cmphex(dma_status(b), ==, 0);
    g_assert_true(mem_peek(b->vm->mem, 0x200, got, 16));
    g_assert_cmpstr(got, ==, "second file");
    g_assert_cmphex(bench_read32(b, 0x20c), ==, 0); /* zeroes behind the end */
    /* select, skip, then read on */
    start_dma(b, 0x21u << 16 | 0x0c, 7, 0);
    start_dma(b, 0x02, 4, 0x300);
    g_assert_cmphex(bench_read32(b, 0x300), ==, 0x656c6966); /* "file" */
    start_dma(b, 0x21u << 16 | 0x18, 4, 0x300);
    g_assert_cmphex(dma_status(b), ==, 1); /* nothing is writable */
    start_dma(b, 0x21u << 16 | 0x0a, 0xffffffff, 0x300);
    g_assert_cmphex(dma_status(b), ==, 1); /* a length nobody means */
}

static void count(void *opaque, uint16_t key, const char *name, GBytes *data)
{
    unsigned *n = opaque;

    n[0]++;
    n[1] += name != NULL;
}

static void test_contents(void)
{
    g_autoptr(Bench) b = new_device();
    unsigned n[2] = {0};
    GBytes *file = fw_cfg_find(b->dev, "opt/b");

    g_assert_cmpuint(g_bytes_get_size(file), ==, 11);
    g_assert_null(fw_cfg_find(b->dev, "opt/c"));
    fw_cfg_foreach(b->dev, count, n);
    g_assert_cmpuint(n[0], ==, 6); /* with signature, id, CPUs, directory */
    g_assert_cmpuint(n[1], ==, 2);
}

static void test_state(void)
{
    g_autoptr(Bench) b = new_device();

    select_key(b, 0x21);
    read_be(b, 3);
    bench_outl(b, 0x514, 0x12345678);
    bench_check_state(b);
    bench_reset(b);
    g_assert_cmphex(bench_inb(b, 0x511), ==, 'Q'); /* item 0 */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/ports", test_ports);
    g_test_add_func("/fw_cfg/directory", test_directory);
    g_test_add_func("/fw_cfg/dma", test_dma);
    g_test_add_func("/fw_cfg/contents", test_contents);
    g_test_add_func("/fw_cfg/state", test_state);
    return g_test_run();
}
