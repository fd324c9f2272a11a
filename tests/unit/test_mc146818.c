/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MC146818A: calendar, update cycle, alarms, periodic interrupt, NVRAM. */
#include "hw/mc146818.h"
#include "tests/unit/bench.h"

#define SEC NS_PER_SEC

/* 2024-02-28 23:59:58.0 UTC, a Wednesday */
#define START 1709164798

static Bench *rtc_new(void)
{
    Bench *b = bench_new_unrealized(&mc146818_type);

    clock_set_calendar(b->vm->clock, START, 0);
    mc146818_connect(b->dev, bench_line(b, 0));
    bench_realize(b);
    return b;
}

static uint8_t get(Bench *b, uint8_t index)
{
    bench_outb(b, 0x70, index);
    return bench_inb(b, 0x71);
}

static void set(Bench *b, uint8_t index, uint8_t v)
{
    bench_outb(b, 0x70, index);
    bench_outb(b, 0x71, v);
}

static void check_time(Bench *b, const uint8_t want[8])
{
    static const uint8_t index[8] = {0x32, 9, 8, 7, 6, 4, 2, 0};

    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(get(b, index[i]), ==, want[i]);
    }
}

static void test_calendar(void)
{
    g_autoptr(Bench) b = rtc_new();

    check_time(
        b, (const uint8_t[]){0x20, 0x24, 0x02, 0x28, 0x04, 0x23, 0x59, 0x58});
    bench_advance(b, 3 * SEC); /* a leap day */
    check_time(
        b, (const uint8_t[]){0x20, 0x24, 0x02, 0x29, 0x05, 0x00, 0x00, 0x01});
    bench_advance(b, 86400 * SEC);
    check_time(
        b, (const uint8_t[]){0x20, 0x24, 0x03, 0x01, 0x06, 0x00, 0x00, 0x01});
    bench_check_state(b);
}

static void test_formats(void)
{
    g_autoptr(Bench) b = rtc_new();

    set(b, 0x0b, 0x04); /* binary, 12 hours */
    g_assert_cmphex(get(b, 4), ==, 0x80 | 11);
    g_assert_cmphex(get(b, 0), ==, 58);
    bench_advance(b, 3 * SEC);
    g_assert_cmphex(get(b, 4), ==, 12); /* midnight is 12 AM */
    set(b, 4, 0x80 | 12);
    set(b, 0x0b, 0x02);
    g_assert_cmphex(get(b, 4), ==, 0x12); /* noon */
}

static void test_set(void)
{
    g_autoptr(Bench) b = rtc_new();

    bench_advance(b, SEC / 4);
    set(b, 0x0b, 0x82);
    set(b, 0x32, 0x19);
    set(b, 9, 0x99);
    set(b, 8, 0x12);
    set(b, 7, 0x31);
    set(b, 4, 0x23);
    set(b, 2, 0x59);
    set(b, 0, 0x59);
    bench_advance(b, 10 * SEC); /* SET: the time waits */
    g_assert_cmphex(get(b, 0), ==, 0x59);
    set(b, 0x0b, 0x02);
    bench_advance(b, SEC / 2);
    g_assert_cmphex(get(b, 0), ==, 0x59);
    bench_advance(b, SEC / 4); /* the divider never stopped */
    check_time(b, (const uint8_t[]){0x20, 0x00, 0x01, 0x01, 0x07, 0, 0, 0});
    bench_reset(b); /* the battery holds it */
    bench_advance(b, 5 * SEC);
    g_assert_cmphex(get(b, 0), ==, 0x05);
}

static void test_divider(void)
{
    g_autoptr(Bench) b = rtc_new();

    set(b, 0x0a, 0x76);
    bench_advance(b, 7 * SEC);
    g_assert_cmphex(get(b, 0), ==, 0x58);
    set(b, 0x0a, 0x26); /* the first update is half a second away */
    bench_advance(b, SEC / 2 - 1);
    g_assert_cmphex(get(b, 0), ==, 0x58);
    bench_advance(b, 1);
    g_assert_cmphex(get(b, 0), ==, 0x59);
}

static void test_uip(void)
{
    g_autoptr(Bench) b = rtc_new();

    g_assert_cmphex(get(b, 0x0a), ==, 0x26);
    bench_advance(b, SEC - 2228000 - 1);
    g_assert_cmphex(get(b, 0x0a), ==, 0x26);
    bench_advance(b, 1);
    g_assert_cmphex(get(b, 0x0a), ==, 0xa6);
    g_assert_cmphex(get(b, 0), ==, 0x58);
    bench_advance(b, 2228000);
    g_assert_cmphex(get(b, 0x0a), ==, 0x26);
    g_assert_cmphex(get(b, 0), ==, 0x59);
    set(b, 0x0b, 0x82); /* no update cycles while SET */
    bench_advance(b, SEC - 1000);
    g_assert_cmphex(get(b, 0x0a), ==, 0x26);
}

static void test_update_interrupt(void)
{
    g_autoptr(Bench) b = rtc_new();

    set(b, 0x0b, 0x12);
    bench_advance(b, SEC - 1);
    g_assert_false(bench_irq(b, 0));
    bench_advance(b, 1);
    g_assert_true(bench_irq(b, 0));
    bench_outb(b, 0x70, 0x0c);
    g_assert_cmphex(bench_peek_port(b, 0x71) & 0x90, ==, 0x90);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(get(b, 0x0c) & 0x90, ==, 0x90);
    g_assert_false(bench_irq(b, 0));
    g_assert_cmphex(get(b, 0x0c), ==, 0);
    bench_advance(b, SEC);
    g_assert_cmpuint(bench_edges(b, 0), ==, 2);
}

static void test_alarm(void)
{
    g_autoptr(Bench) b = rtc_new();

    set(b, 5, 0x00);
    set(b, 3, 0x01);
    set(b, 1, 0x00);
    set(b, 0x0b, 0x22);
    bench_advance(b, 62 * SEC - 1); /* 00:00:59.999... */
    g_assert_false(bench_irq(b, 0));
    bench_advance(b, 1);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(get(b, 0x0c) & 0xa0, ==, 0xa0);
    set(b, 5, 0xc0); /* every hour and minute, at second 5 */
    set(b, 3, 0xff);
    set(b, 1, 0x05);
    bench_advance(b, 5 * SEC);
    g_assert_cmphex(get(b, 0x0c) & 0x20, ==, 0x20);
    bench_advance(b, 59 * SEC);
    g_assert_cmphex(get(b, 0x0c) & 0x20, ==, 0);
    bench_advance(b, SEC);
    g_assert_cmphex(get(b, 0x0c) & 0x20, ==, 0x20);
    set(b, 1, 0x77); /* never */
    bench_advance(b, 90000 * SEC);
    g_assert_cmphex(get(b, 0x0c) & 0x20, ==, 0);
}

static void test_periodic(void)
{
    g_autoptr(Bench) b = rtc_new();

    g_assert_cmphex(get(b, 0x0c), ==, 0);
    set(b, 0x0a, 0x26); /* 1024 Hz */
    set(b, 0x0b, 0x42);
    bench_advance(b, 976562);
    g_assert_false(bench_irq(b, 0));
    bench_advance(b, 1); /* 1 / 1024 s, rounded up to ns */
    g_assert_true(bench_irq(b, 0));
    bench_advance(b, 100000000); /* not acknowledged: no more edges */
    g_assert_cmpuint(bench_edges(b, 0), ==, 1);
    g_assert_cmphex(get(b, 0x0c) & 0xc0, ==, 0xc0);
    for (unsigned i = 0; i < 1024; i++) {
        bench_advance(b, 976563);
        get(b, 0x0c);
    }
    g_assert_cmpuint(bench_edges(b, 0), ==, 1025);
    set(b, 0x0a, 0x20); /* rate 0: none */
    bench_advance(b, SEC);
    g_assert_cmphex(get(b, 0x0c) & 0x40, ==, 0);
}

static void test_nvram(void)
{
    g_autoptr(Bench) b = rtc_new();

    mc146818_set_nvram(b->dev, 0x34, 0xab);
    g_assert_cmphex(get(b, 0x34), ==, 0xab);
    set(b, 0x7f, 0x5a);
    bench_reset(b);
    g_assert_cmphex(get(b, 0x7f), ==, 0x5a);
    g_assert_cmphex(get(b, 0x0d), ==, 0x80);
    g_assert_false(mc146818_nmi_masked(b->dev));
    g_assert_cmphex(get(b, 0x80 | 0x34), ==, 0xab);
    g_assert_true(mc146818_nmi_masked(b->dev));
}

static void test_before_1970(void)
{
    g_autoptr(Bench) b = rtc_new();

    set(b, 0x32, 0x19);
    set(b, 9,
        0x00); /* 1900 was no leap year, and its 28 February a Wednesday */
    check_time(
        b, (const uint8_t[]){0x19, 0x00, 0x02, 0x28, 0x04, 0x23, 0x59, 0x58});
    set(b, 0x0a, 0x26);
    set(b, 0x0b, 0x42);
    get(b, 0x0c);
    bench_advance(b, 976563);
    g_assert_cmpuint(bench_edges(b, 0), ==, 1);
    bench_advance(b, 3 * SEC);
    check_time(
        b, (const uint8_t[]){0x19, 0x00, 0x03, 0x01, 0x05, 0x00, 0x00, 0x01});
    set(b, 0x0b, 0x82);
    set(b, 0x32, 0xff); /* nonsense is survived */
    set(b, 8, 0x99);
    set(b, 0x0b, 0x52);
    bench_advance(b, 3 * SEC);
    g_assert_cmphex(get(b, 8), ==, 0x12);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mc146818/calendar", test_calendar);
    g_test_add_func("/mc146818/formats", test_formats);
    g_test_add_func("/mc146818/set", test_set);
    g_test_add_func("/mc146818/divider", test_divider);
    g_test_add_func("/mc146818/uip", test_uip);
    g_test_add_func("/mc146818/update-interrupt", test_update_interrupt);
    g_test_add_func("/mc146818/alarm", test_alarm);
    g_test_add_func("/mc146818/periodic", test_periodic);
    g_test_add_func("/mc146818/nvram", test_nvram);
    g_test_add_func("/mc146818/before-1970", test_before_1970);
    return g_test_run();
}
