/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parallel port: strobe, busy, acknowledge, interrupt. */
#include "hw/parallel.h"
#include "tests/unit/bench.h"

#define DATA 0x378
#define STATUS 0x379
#define CTRL 0x37a
#define IDLE 0xdf

struct ChrPort {
    GString *sent;
};

void chr_port_write(ChrPort *p, const void *buf, size_t size)
{
    g_string_append_len(p->sent, buf, (gssize)size);
}

static Bench *parallel_new(ChrPort *port)
{
    Bench *b = bench_new_unrealized(&isa_parallel_type);
    const IsaDeviceOps *ops = isa_parallel_type.bus_ops;
    IrqLine *irqs[ISA_IRQS];

    for (unsigned i = 0; i < ISA_IRQS; i++) {
        irqs[i] = bench_line(b, i);
    }
    ops->connect(b->dev, irqs);
    ops->set_port(b->dev, port);
    bench_realize(b);
    return b;
}

static void strobe(Bench *b, uint8_t byte, uint8_t ctrl)
{
    bench_outb(b, DATA, byte);
    bench_outb(b, CTRL, ctrl | 1);
    bench_outb(b, CTRL, ctrl);
}

static void test_print(void)
{
    ChrPort port = {g_string_new(NULL)};
    g_autoptr(Bench) b = parallel_new(&port);

    g_assert_cmphex(bench_inb(b, CTRL), ==, 0xcc);
    g_assert_cmphex(bench_inb(b, STATUS), ==, IDLE);
    strobe(b, 'a', 0x0c);
    g_assert_cmpstr(port.sent->str, ==, "a");
    g_assert_cmphex(bench_inb(b, STATUS), ==, IDLE & ~0x80);
    bench_advance(b, 4999);
    g_assert_cmphex(bench_inb(b, STATUS), ==, IDLE & ~0x80);
    bench_advance(b, 1);
    g_assert_cmphex(bench_peek_port(b, STATUS), ==, IDLE & ~0xc0);
    bench_advance(b, 1000);
    g_assert_cmphex(bench_inb(b, STATUS), ==, IDLE);
    g_assert_cmpuint(bench_edges(b, 7), ==, 0); /* nobody asked */
    bench_outb(b, CTRL, 0x0d);
    bench_outb(b, CTRL, 0x0d); /* still low: no second byte */
    g_assert_cmpstr(port.sent->str, ==, "aa");
    g_string_free(port.sent, TRUE);
}

static void test_interrupt(void)
{
    ChrPort port = {g_string_new(NULL)};
    g_autoptr(Bench) b = parallel_new(&port);

    strobe(b, 'a', 0x1c);
    bench_advance(b, 4999);
    g_assert_false(bench_irq(b, 7));
    bench_advance(b, 1);
    g_assert_true(bench_irq(b, 7));
    bench_advance(b, 1000);
    g_assert_false(bench_irq(b, 7));
    g_assert_cmpuint(bench_edges(b, 7), ==, 1);
    g_string_free(port.sent, TRUE);
}

static void test_init(void)
{
    ChrPort port = {g_string_new(NULL)};
    g_autoptr(Bench) b = parallel_new(&port);

    strobe(b, 'a', 0x1c);
    bench_outb(b, CTRL, 0x18); /* the printer is initialized: byte forgotten */
    g_assert_cmphex(bench_inb(b, STATUS), ==, IDLE & ~0x80);
    bench_advance(b, 100000);
    g_assert_cmpuint(bench_edges(b, 7), ==, 0);
    bench_outb(b, CTRL, 0x1c);
    g_assert_cmphex(bench_inb(b, STATUS), ==, IDLE);
    g_string_free(port.sent, TRUE);
}

static void test_registers(void)
{
    ChrPort port = {g_string_new(NULL)};
    g_autoptr(Bench) b = parallel_new(&port);

    bench_outb(b, DATA, 0x5a);
    g_assert_cmphex(bench_inb(b, DATA), ==, 0x5a);
    bench_outb(b, CTRL, 0xff & ~1);
    g_assert_cmphex(bench_inb(b, CTRL), ==, 0xfe);
    g_assert_cmphex(bench_inb(b, DATA), ==, 0xff); /* turned around */
    bench_outb(b, STATUS, 0);
    g_assert_cmphex(bench_inb(b, STATUS), ==, IDLE);
    g_assert_cmpuint(port.sent->len, ==, 0);
    g_string_free(port.sent, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parallel/print", test_print);
    g_test_add_func("/parallel/interrupt", test_interrupt);
    g_test_add_func("/parallel/init", test_init);
    g_test_add_func("/parallel/registers", test_registers);
    return g_test_run();
}
