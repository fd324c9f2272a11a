/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8254 against its data sheet (231164-005), modes and read-back. */
#include "hw/i8254.h"
#include "tests/unit/bench.h"

static Bench *pit_new(void)
{
    Bench *b = bench_new_unrealized(&i8254_type);

    i8254_connect(b->dev, bench_line(b, 0));
    bench_realize(b);
    return b;
}

/* Go to the moment of clock @n: the first ns that counts it. */
static void go_clock(Bench *b, uint64_t n)
{
    unsigned __int128 at = (unsigned __int128)n * NS_PER_SEC;
    int64_t ns = (int64_t)((at + I8254_HZ - 1) / I8254_HZ);

    bench_advance(b, ns - bench_now(b));
}

static uint16_t latched(Bench *b, unsigned chan)
{
    uint8_t low;

    bench_outb(b, 0x43, (uint8_t)(chan << 6));
    low = bench_inb(b, (uint16_t)(0x40 + chan));
    return (uint16_t)(low | bench_inb(b, (uint16_t)(0x40 + chan)) << 8);
}

static bool out2(Bench *b)
{
    return bench_inb(b, 0x61) & 0x20;
}

static void write_count(Bench *b, unsigned chan, uint16_t v)
{
    bench_outb(b, (uint16_t)(0x40 + chan), (uint8_t)v);
    bench_outb(b, (uint16_t)(0x40 + chan), (uint8_t)(v >> 8));
}

static void test_mode0(void)
{
    g_autoptr(Bench) b = pit_new();

    bench_outb(b, 0x43, 0x30);
    write_count(b, 0, 4);
    go_clock(b, 4);
    g_assert_false(bench_irq(b, 0));
    g_assert_cmpuint(latched(b, 0), ==, 1);
    go_clock(b, 5); /* N + 1 clocks after the write */
    g_assert_true(bench_irq(b, 0));
    go_clock(b, 6);
    g_assert_cmpuint(latched(b, 0), ==, 0xffff); /* goes on */
    bench_outb(b, 0x40, 10);
    g_assert_false(bench_irq(b, 0)); /* the first byte stops it */
    bench_outb(b, 0x40, 0);
    g_assert_false(bench_irq(b, 0));
    bench_check_state(b);
}

static void test_mode2(void)
{
    g_autoptr(Bench) b = pit_new();
    unsigned edges;

    bench_outb(b, 0x43, 0x34);
    write_count(b, 0, 1000);
    edges = bench_edges(b, 0);
    go_clock(b, 1);
    g_assert_cmpuint(latched(b, 0), ==, 1000);
    go_clock(b, 1000);
    g_assert_cmpuint(latched(b, 0), ==, 1);
    g_assert_cmpuint(bench_edges(b, 0), ==, edges);
    go_clock(b, 1001);
    g_assert_cmpuint(latched(b, 0), ==, 1000);
    g_assert_cmpuint(bench_edges(b, 0), ==, edges + 1);
    go_clock(b, 10001);
    g_assert_cmpuint(bench_edges(b, 0), ==, edges + 10);
    go_clock(b, 10301);
    write_count(b, 0, 50); /* after the present period */
    g_assert_cmpuint(latched(b, 0), ==, 700);
    go_clock(b, 11000);
    g_assert_cmpuint(bench_edges(b, 0), ==, edges + 10);
    go_clock(b, 11001);
    g_assert_cmpuint(latched(b, 0), ==, 50);
    go_clock(b, 11051);
    g_assert_cmpuint(bench_edges(b, 0), ==, edges + 12);
}

static void test_mode3(void)
{
    g_autoptr(Bench) b = pit_new();

    bench_outb(b, 0x61, 1);
    bench_outb(b, 0x43, 0xb6);
    write_count(b, 2, 7); /* odd: high for 4, low for 3 */
    go_clock(b, 1);
    g_assert_cmpuint(latched(b, 2), ==, 6);
    g_assert_true(out2(b));
    go_clock(b, 4);
    g_assert_cmpuint(latched(b, 2), ==, 0);
    g_assert_true(out2(b));
    go_clock(b, 5);
    g_assert_false(out2(b));
    g_assert_cmpuint(latched(b, 2), ==, 6);
    go_clock(b, 7);
    g_assert_cmpuint(latched(b, 2), ==, 2);
    g_assert_false(out2(b));
    go_clock(b, 8);
    g_assert_true(out2(b));
    write_count(b, 2, 8); /* takes over at the end of this half */
    go_clock(b, 12);
    g_assert_false(out2(b));
    go_clock(b, 15);
    g_assert_false(out2(b));
    go_clock(b, 16);
    g_assert_true(out2(b));
    bench_outb(b, 0x61, 0); /* gate low: OUT goes high at once */
    go_clock(b, 21);
    g_assert_true(out2(b));
}

static void test_gate(void)
{
    g_autoptr(Bench) b = pit_new();

    /* mode 1: the rising gate triggers */
    bench_outb(b, 0x43, 0xb2);
    write_count(b, 2, 5);
    go_clock(b, 20);
    g_assert_true(out2(b));
    bench_outb(b, 0x61, 1);
    go_clock(b, 21);
    g_assert_false(out2(b));
    go_clock(b, 25);
    g_assert_false(out2(b));
    go_clock(b, 26);
    g_assert_true(out2(b));
    /* mode 0: the low gate holds */
    bench_outb(b, 0x43, 0xb0);
    write_count(b, 2, 10);
    go_clock(b, 30);
    g_assert_cmpuint(latched(b, 2), ==, 7);
    bench_outb(b, 0x61, 0);
    go_clock(b, 50);
    g_assert_cmpuint(latched(b, 2), ==, 7);
    bench_outb(b, 0x61, 1);
    go_clock(b, 56);
    g_assert_false(out2(b));
    go_clock(b, 57);
    g_assert_true(out2(b));
}

static void test_mode4_and_5(void)
{
    g_autoptr(Bench) b = pit_new();

    bench_outb(b, 0x61, 1);
    bench_outb(b, 0x43, 0xb8);
    write_count(b, 2, 3);
    go_clock(b, 3);
    g_assert_true(out2(b));
    go_clock(b, 4); /* strobe: N + 1 clocks after the write, one clock long */
    g_assert_false(out2(b));
    go_clock(b, 5);
    g_assert_true(out2(b));
    bench_outb(b, 0x61, 0);
    bench_outb(b, 0x43, 0xba);
    write_count(b, 2, 3);
    go_clock(b, 30);
    g_assert_true(out2(b));
    bench_outb(b, 0x61, 1);
    go_clock(b, 34);
    g_assert_false(out2(b));
    go_clock(b, 35);
    g_assert_true(out2(b));
}

static void test_read_back(void)
{
    g_autoptr(Bench) b = pit_new();

    bench_outb(b, 0x43, 0x34);
    bench_outb(b, 0x43, 0xe2);                     /* status of channel 0 */
    g_assert_cmphex(bench_inb(b, 0x40), ==, 0xf4); /* OUT, null, both, mode 2 */
    write_count(b, 0, 100);
    go_clock(b, 11);
    bench_outb(b, 0x43, 0xc2); /* status and count */
    go_clock(b, 50);
    bench_outb(b, 0x43, 0xd2); /* a second latch is ignored */
    g_assert_cmphex(bench_peek_port(b, 0x40), ==, 0xb4);
    g_assert_cmphex(bench_inb(b, 0x40), ==, 0xb4);
    g_assert_cmpuint(bench_inb(b, 0x40), ==, 90);
    g_assert_cmpuint(bench_inb(b, 0x40), ==, 0);
    g_assert_cmpuint(bench_inb(b, 0x40), ==, 51); /* running */
    bench_check_state(b);
}

static void test_bcd_and_bytes(void)
{
    g_autoptr(Bench) b = pit_new();

    bench_outb(b, 0x43, 0x35);
    write_count(b, 0, 0x1000); /* BCD 1000 */
    go_clock(b, 2);
    g_assert_cmphex(latched(b, 0), ==, 0x0999);
    bench_outb(b, 0x43, 0x54); /* channel 1, low byte only, mode 2 */
    bench_outb(b, 0x41, 0x12);
    go_clock(b, 3);
    g_assert_cmphex(bench_inb(b, 0x41), ==, 0x12);
    go_clock(b, 4);
    g_assert_cmphex(bench_inb(b, 0x41), ==, 0x11);
    bench_outb(b, 0x43, 0xa4); /* channel 2, high byte only */
    bench_outb(b, 0x61, 1);
    bench_outb(b, 0x42, 0x02);
    go_clock(b, 6);
    g_assert_cmphex(bench_inb(b, 0x42), ==, 0x01); /* 0x1ff */
}

static void test_refresh_bit(void)
{
    g_autoptr(Bench) b = pit_new();
    uint8_t before = bench_inb(b, 0x61) & 0x10;

    bench_advance(b, 15085);
    g_assert_cmphex(bench_inb(b, 0x61) & 0x10, ==, before ^ 0x10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8254/mode0", test_mode0);
    g_test_add_func("/i8254/mode2", test_mode2);
    g_test_add_func("/i8254/mode3", test_mode3);
    g_test_add_func("/i8254/gate", test_gate);
    g_test_add_func("/i8254/mode4-and-5", test_mode4_and_5);
    g_test_add_func("/i8254/read-back", test_read_back);
    g_test_add_func("/i8254/bcd-and-bytes", test_bcd_and_bytes);
    g_test_add_func("/i8254/refresh-bit", test_refresh_bit);
    return g_test_run();
}
