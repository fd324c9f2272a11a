/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8237A pair against its data sheet (231466-005), through a device's eyes. */
#include "hw/i8237.h"
#include "tests/unit/bench.h"

#define RAM_BYTES 0x100000

static uint8_t *ram;
static unsigned wakes;

static void woken(Device *dev)
{
    wakes++;
}

static Bench *dma_new(void)
{
    Bench *b = bench_new_unrealized(&i8237_type);
    MemRegion *r = mem_ram(b->vm, "ram", RAM_BYTES, NULL);

    ram = mem_host(r);
    mem_add(b->vm->mem_root, 0, r, 0);
    bench_realize(b);
    bench_outb(b, 0xd6, 0xc0); /* channel 4: cascade */
    bench_outb(b, 0xd4, 0x00);
    return b;
}

/* Channel 2 as a PC's floppy uses it. */
static void program2(Bench *b, uint8_t mode, uint8_t page, uint16_t addr,
                     uint16_t count)
{
    bench_outb(b, 0x0a, 0x06);
    bench_outb(b, 0x0c, 0);
    bench_outb(b, 0x0b, mode);
    bench_outb(b, 0x04, (uint8_t)addr);
    bench_outb(b, 0x04, (uint8_t)(addr >> 8));
    bench_outb(b, 0x05, (uint8_t)count);
    bench_outb(b, 0x05, (uint8_t)(count >> 8));
    bench_outb(b, 0x81, page);
    bench_outb(b, 0x0a, 0x02);
}

static uint16_t word(Bench *b, uint16_t port)
{
    uint8_t low = bench_inb(b, port);

    return (uint16_t)(low | bench_inb(b, port) << 8);
}

static void test_write(void)
{
    g_autoptr(Bench) b = dma_new();
    bool tc;

    program2(b, 0x46, 0x03, 0x1000, 7);
    g_assert_cmpuint(i8237_write(b->dev, 2, "abcdef", 6, &tc), ==, 6);
    g_assert_false(tc);
    g_assert_cmpmem(ram + 0x31000, 7, "abcdef", 7);
    g_assert_cmphex(word(b, 0x04), ==, 0x1006);
    g_assert_cmphex(word(b, 0x05), ==, 1);
    g_assert_cmphex(bench_inb(b, 0x08), ==, 0);
    g_assert_cmpuint(i8237_write(b->dev, 2, "ghij", 4, &tc), ==, 2);
    g_assert_true(tc);
    g_assert_cmpmem(ram + 0x31000, 9, "abcdefgh", 9);
    g_assert_cmphex(bench_inb(b, 0x08), ==, 0x04);
    g_assert_cmphex(bench_inb(b, 0x08), ==, 0x00); /* reading cleared it */
    g_assert_cmpuint(i8237_write(b->dev, 2, "x", 1, &tc), ==, 0); /* masked */
    bench_check_state(b);
}

static void test_read_and_direction(void)
{
    g_autoptr(Bench) b = dma_new();
    uint8_t buf[4] = {0};
    bool tc;

    memcpy(ram + 0x2fffe, "1234", 4);
    ram[0x20000] = 'w';
    program2(b, 0x4a, 0x02, 0xfffe, 0xffff);
    g_assert_cmpuint(i8237_write(b->dev, 2, "no", 2, &tc), ==, 0);
    g_assert_cmpuint(i8237_read(b->dev, 2, buf, 3, &tc), ==, 3);
    g_assert_cmpmem(buf, 3, "12w", 3);  /* the page does not carry */
    program2(b, 0x6a, 0x02, 0xffff, 1); /* downwards */
    g_assert_cmpuint(i8237_read(b->dev, 2, buf, 2, &tc), ==, 2);
    g_assert_cmpmem(buf, 2, "21", 2);
    g_assert_true(tc);
}

static void test_auto_and_verify(void)
{
    g_autoptr(Bench) b = dma_new();
    bool tc;

    program2(b, 0x56, 0x01, 0x0000, 3);
    g_assert_cmpuint(i8237_write(b->dev, 2, "abcdef", 6, &tc), ==, 4);
    g_assert_true(tc);
    g_assert_true(i8237_ready(b->dev, 2)); /* starts again by itself */
    g_assert_cmphex(word(b, 0x05), ==, 3);
    g_assert_cmpuint(i8237_write(b->dev, 2, "ef", 2, &tc), ==, 2);
    g_assert_cmpmem(ram + 0x10000, 4, "efcd", 4);
    program2(b, 0x42, 0x01, 0x0000, 1); /* verify */
    g_assert_cmpuint(i8237_write(b->dev, 2, "zz", 2, &tc), ==, 2);
    g_assert_true(tc);
    g_assert_cmpmem(ram + 0x10000, 4, "efcd", 4);
}

static void test_words(void)
{
    g_autoptr(Bench) b = dma_new();
    bool tc;

    bench_outb(b, 0xd8, 0);
    bench_outb(b, 0xd6, 0x45); /* channel 5, device to memory */
    bench_outb(b, 0xc4, 0x00);
    bench_outb(b, 0xc4, 0x40); /* word address 0x4000 */
    bench_outb(b, 0xc6, 0x01);
    bench_outb(b, 0xc6, 0x00);
    bench_outb(b, 0x8b, 0x05); /* bit 0 is not used */
    bench_outb(b, 0xd4, 0x01);
    g_assert_cmpuint(i8237_write(b->dev, 5, "wordy", 5, &tc), ==, 4);
    g_assert_true(tc);
    g_assert_cmpmem(ram + 0x48000, 5, "word", 5);
}

static void test_ready(void)
{
    g_autoptr(Bench) b = dma_new();

    wakes = 0;
    i8237_attach(b->dev, 2, b->sink, woken);
    i8237_set_dreq(b->dev, 2, true);
    g_assert_false(i8237_ready(b->dev, 2));
    g_assert_cmphex(bench_inb(b, 0x08), ==, 0x40);
    bench_outb(b, 0x0a, 0x02);
    g_assert_cmpuint(wakes, ==, 1);
    bench_outb(b, 0x08, 0x04); /* controller off */
    g_assert_false(i8237_ready(b->dev, 2));
    bench_outb(b, 0x0d, 0); /* master clear masks all */
    g_assert_cmphex(bench_inb(b, 0x0f) & 0x0f, ==, 0x0f);
    bench_outb(b, 0x0e, 0);
    g_assert_true(i8237_ready(b->dev, 2));
    bench_outb(b, 0xd4, 0x04); /* the cascade */
    g_assert_false(i8237_ready(b->dev, 2));
    bench_outb(b, 0x80, 0xc3);
    g_assert_cmphex(bench_inb(b, 0x80), ==, 0xc3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8237/write", test_write);
    g_test_add_func("/i8237/read-and-direction", test_read_and_direction);
    g_test_add_func("/i8237/auto-and-verify", test_auto_and_verify);
    g_test_add_func("/i8237/words", test_words);
    g_test_add_func("/i8237/ready", test_ready);
    return g_test_run();
}
