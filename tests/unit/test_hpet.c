/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HPET against the IA-PC HPET specification 1.0a. */
#include "hw/hpet.h"
#include "tests/unit/bench.h"

#define AT HPET_DEFAULT_BASE
#define IRQ0 0
#define IRQ8 8

static Bench *hpet_new(void)
{
    Bench *b = bench_new_unrealized(&hpet_type);

    for (unsigned i = 16; i < HPET_GSIS; i++) {
        hpet_connect(b->dev, i, bench_line(b, i));
    }
    hpet_connect_legacy(b->dev, bench_line(b, IRQ0), bench_line(b, IRQ8));
    bench_realize(b);
    return b;
}

static void test_identity_and_counter(void)
{
    g_autoptr(Bench) b = hpet_new();

    g_assert_cmphex(bench_read64(b, AT), ==, 0x009896808086a201);
    g_assert_cmphex(bench_read32(b, AT + 4), ==, 10000000);
    bench_advance(b, 1000);
    g_assert_cmpuint(bench_read64(b, AT + 0xf0), ==, 0);
    bench_write64(b, AT + 0xf0, 0xfffffff0);
    bench_write32(b, AT + 0x10, 1);
    bench_advance(b, 325);
    g_assert_cmphex(bench_read64(b, AT + 0xf0), ==, 0x100000010);
    g_assert_cmphex(bench_read32(b, AT + 0xf4), ==, 1);
    bench_write32(b, AT + 0x10, 0);
    bench_advance(b, 325);
    g_assert_cmphex(bench_read64(b, AT + 0xf0), ==, 0x100000010);
    bench_check_state(b);
}

static void test_one_shot_edge(void)
{
    g_autoptr(Bench) b = hpet_new();

    bench_write32(b, AT + 0x140, 0x4 | 20 << 9); /* timer 2, interrupt 20 */
    bench_write64(b, AT + 0x148, 100);
    bench_write32(b, AT + 0x10, 1);
    bench_advance(b, 999);
    g_assert_cmpuint(bench_edges(b, 20), ==, 0);
    bench_advance(b, 1);
    g_assert_cmpuint(bench_edges(b, 20), ==, 1);
    bench_advance(b, 100000);
    g_assert_cmpuint(bench_edges(b, 20), ==, 1);
    g_assert_cmphex(bench_read32(b, AT + 0x20), ==, 0); /* edges: no status */
    bench_write32(b, AT + 0x140, 0x104 | 20 << 9);      /* 32 bits: wraps */
    bench_write32(b, AT + 0x148, 50);
    bench_advance(b, 0x100000000 * 10 - 101000 + 499);
    g_assert_cmpuint(bench_edges(b, 20), ==, 1);
    bench_advance(b, 1);
    g_assert_cmpuint(bench_edges(b, 20), ==, 2);
}

static void test_level(void)
{
    g_autoptr(Bench) b = hpet_new();

    bench_write32(b, AT + 0x100, 0x6 | 21 << 9);
    bench_write64(b, AT + 0x108, 10);
    bench_write32(b, AT + 0x10, 1);
    bench_advance(b, 100);
    g_assert_true(bench_irq(b, 21));
    g_assert_cmphex(bench_read32(b, AT + 0x20), ==, 1);
    bench_write32(b, AT + 0x20, 2); /* another timer's bit */
    g_assert_true(bench_irq(b, 21));
    bench_write32(b, AT + 0x20, 1);
    g_assert_false(bench_irq(b, 21));
}

static void test_periodic(void)
{
    g_autoptr(Bench) b = hpet_new();

    bench_write32(b, AT + 0x100, 0x4c | 22 << 9); /* periodic, set value */
    bench_write32(b, AT + 0x108, 300);
    bench_write32(b, AT + 0x10c, 0);
    bench_write32(b, AT + 0x108, 100); /* and then the period */
    g_assert_cmphex(bench_read32(b, AT + 0x100) & 0x40, ==, 0);
    bench_write32(b, AT + 0x10, 1);
    bench_advance(b, 2999);
    g_assert_cmpuint(bench_edges(b, 22), ==, 0);
    bench_advance(b, 1);
    g_assert_cmpuint(bench_edges(b, 22), ==, 1);
    g_assert_cmpuint(bench_read64(b, AT + 0x108), ==, 400);
    bench_advance(b, 10000);
    g_assert_cmpuint(bench_edges(b, 22), ==, 11);
    clock_jump(b->vm->clock, virt_add(vm_now(b->vm), 5500));
    bench_advance(b, 0); /* five were missed: one edge */
    g_assert_cmpuint(bench_edges(b, 22), ==, 12);
    g_assert_cmpuint(bench_read64(b, AT + 0x108), ==, 1900);
}

static void test_legacy(void)
{
    g_autoptr(Bench) b = hpet_new();

    irq_set(hpet_legacy_in(b->dev, 0), true);
    irq_set(hpet_legacy_in(b->dev, 1), true);
    g_assert_true(bench_irq(b, IRQ0));
    g_assert_true(bench_irq(b, IRQ8));
    bench_write32(b, AT + 0x100, 0x4 | 20 << 9);
    bench_write64(b, AT + 0x108, 10);
    bench_write32(b, AT + 0x10, 3);
    g_assert_false(bench_irq(b, IRQ0));
    irq_pulse(hpet_legacy_in(b->dev, 0));
    g_assert_cmpuint(bench_edges(b, IRQ0), ==, 1);
    bench_advance(b, 100);
    g_assert_cmpuint(bench_edges(b, IRQ0), ==, 2); /* not interrupt 20 */
    g_assert_cmpuint(bench_edges(b, 20), ==, 0);
    bench_write32(b, AT + 0x10, 1);
    g_assert_true(bench_irq(b, IRQ8)); /* the RTC is through again */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hpet/identity-and-counter", test_identity_and_counter);
    g_test_add_func("/hpet/one-shot-edge", test_one_shot_edge);
    g_test_add_func("/hpet/level", test_level);
    g_test_add_func("/hpet/periodic", test_periodic);
    g_test_add_func("/hpet/legacy", test_legacy);
    return g_test_run();
}
