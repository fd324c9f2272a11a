/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8259A pair against its data sheet (231468-003). */
#include "hw/i8259.h"
#include "tests/unit/bench.h"

static Bench *pic_new(uint8_t icw4_master, uint8_t icw4_slave)
{
    Bench *b = bench_new_unrealized(&i8259_type);

    i8259_connect(b->dev, bench_line(b, 0));
    bench_realize(b);
    bench_outb(b, 0x20, 0x11);
    bench_outb(b, 0x21, 0x30);
    bench_outb(b, 0x21, 0x04);
    bench_outb(b, 0x21, icw4_master);
    bench_outb(b, 0xa0, 0x11);
    bench_outb(b, 0xa1, 0x38);
    bench_outb(b, 0xa1, 0x02);
    bench_outb(b, 0xa1, icw4_slave);
    return b;
}

static void raise_irq(Bench *b, unsigned n)
{
    irq_set(i8259_in(b->dev, n), false);
    irq_set(i8259_in(b->dev, n), true);
}

static uint8_t isr(Bench *b, uint16_t port)
{
    bench_outb(b, port, 0x0b);
    return bench_inb(b, port);
}

static uint8_t irr(Bench *b, uint16_t port)
{
    bench_outb(b, port, 0x0a);
    return bench_inb(b, port);
}

static void test_priorities(void)
{
    g_autoptr(Bench) b = pic_new(1, 1);

    raise_irq(b, 5);
    raise_irq(b, 3);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(irr(b, 0x20), ==, 0x28);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x33);
    g_assert_cmphex(isr(b, 0x20), ==, 0x08);
    g_assert_false(bench_irq(b, 0)); /* 5 is below 3 */
    raise_irq(b, 1);
    g_assert_true(bench_irq(b, 0)); /* 1 is above 3 */
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x31);
    bench_outb(b, 0x20, 0x20); /* ends 1, the highest in service */
    g_assert_cmphex(isr(b, 0x20), ==, 0x08);
    bench_outb(b, 0x20, 0x63); /* specific: 3 */
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x35);
    bench_check_state(b);
}

static void test_mask_and_cascade(void)
{
    g_autoptr(Bench) b = pic_new(1, 1);

    bench_outb(b, 0x21, 0x04); /* the cascade is masked */
    raise_irq(b, 12);
    g_assert_false(bench_irq(b, 0));
    bench_outb(b, 0x21, 0x00);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x3c);
    g_assert_cmphex(isr(b, 0x20), ==, 0x04);
    g_assert_cmphex(isr(b, 0xa0), ==, 0x10);
    raise_irq(b, 9); /* higher, but fully nested blocks input 2 */
    g_assert_false(bench_irq(b, 0));
    bench_outb(b, 0xa0, 0x20);
    bench_outb(b, 0x20, 0x20);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x39);
}

static void test_special_fully_nested(void)
{
    g_autoptr(Bench) b = pic_new(0x11, 1);

    raise_irq(b, 12);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x3c);
    raise_irq(b, 9);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x39);
}

static void test_rotation(void)
{
    g_autoptr(Bench) b = pic_new(1, 1);

    bench_outb(b, 0x20, 0xc3); /* 3 is the lowest: 4 is the highest */
    raise_irq(b, 0);
    raise_irq(b, 4);
    raise_irq(b, 3);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x34);
    bench_outb(b, 0x20, 0xa0); /* rotate on non-specific EOI: 4 lowest */
    raise_irq(b, 4);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x30);
    bench_outb(b, 0x20, 0x20);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x33);
    bench_outb(b, 0x20, 0xe3); /* rotate on specific EOI: 3 lowest */
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x34);
}

static void test_auto_eoi(void)
{
    g_autoptr(Bench) b = pic_new(3, 1);

    raise_irq(b, 6);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x36);
    g_assert_cmphex(isr(b, 0x20), ==, 0);
    bench_outb(b, 0x20, 0x80); /* rotate in automatic EOI mode */
    raise_irq(b, 0);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x30);
    raise_irq(b, 0);
    raise_irq(b, 7);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x37); /* 0 is the lowest now */
}

static void test_special_mask(void)
{
    g_autoptr(Bench) b = pic_new(1, 1);

    raise_irq(b, 2 + 1);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x33);
    bench_outb(b, 0x21, 0x08);
    raise_irq(b, 6);
    g_assert_false(bench_irq(b, 0));
    bench_outb(b, 0x20, 0x68); /* lower ones may come through */
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x36);
    bench_outb(b, 0x20, 0x20);
    g_assert_cmphex(isr(b, 0x20), ==, 0x08); /* masked: not by non-specific */
}

static void test_level(void)
{
    g_autoptr(Bench) b = pic_new(1, 1);

    bench_outb(b, 0x4d0, 0xff);
    bench_outb(b, 0x4d1, 0xff);
    g_assert_cmphex(bench_inb(b, 0x4d0), ==, 0xf8);
    g_assert_cmphex(bench_inb(b, 0x4d1), ==, 0xde);
    irq_set(i8259_in(b->dev, 11), true);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x3b);
    bench_outb(b, 0xa0, 0x20);
    bench_outb(b, 0x20, 0x20);
    g_assert_true(bench_irq(b, 0)); /* still up: again */
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x3b);
    irq_set(i8259_in(b->dev, 11), false);
    bench_outb(b, 0xa0, 0x20);
    bench_outb(b, 0x20, 0x20);
    g_assert_false(bench_irq(b, 0));
}

static void test_spurious(void)
{
    g_autoptr(Bench) b = pic_new(1, 1);

    bench_outb(b, 0x4d0, 0x20);
    irq_set(i8259_in(b->dev, 5), true);
    irq_set(i8259_in(b->dev, 5), false);
    g_assert_cmphex(i8259_ack(b->dev), ==, 0x37);
    g_assert_cmphex(isr(b, 0x20), ==, 0); /* not in service */
}

static void test_poll(void)
{
    g_autoptr(Bench) b = pic_new(1, 1);

    bench_outb(b, 0x20, 0x0c);
    g_assert_cmphex(bench_inb(b, 0x20), ==, 0);
    raise_irq(b, 4);
    bench_outb(b, 0x20, 0x0c);
    g_assert_cmphex(bench_peek_port(b, 0x20), ==, 0x84);
    g_assert_cmphex(bench_inb(b, 0x20), ==, 0x84);
    g_assert_false(bench_irq(b, 0));
    g_assert_cmphex(isr(b, 0x20), ==, 0x10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8259/priorities", test_priorities);
    g_test_add_func("/i8259/mask-and-cascade", test_mask_and_cascade);
    g_test_add_func("/i8259/special-fully-nested", test_special_fully_nested);
    g_test_add_func("/i8259/rotation", test_rotation);
    g_test_add_func("/i8259/auto-eoi", test_auto_eoi);
    g_test_add_func("/i8259/special-mask", test_special_mask);
    g_test_add_func("/i8259/level", test_level);
    g_test_add_func("/i8259/spurious", test_spurious);
    g_test_add_func("/i8259/poll", test_poll);
    return g_test_run();
}
