/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550A against the PC16550D data sheet: FIFOs, interrupts, time. The character
 * port is a stand-in that this test fills and watches. */
#include "hw/debugcon.h"
#include "hw/isa_debug_exit.h"
#include "hw/serial16550.h"
#include "tests/unit/bench.h"

/* 10 bits at divisor 1: 10 * 16 clocks of 1.8432 MHz */
#define FRAME_NS 86805

struct ChrPort {
    Device *dev;
    const ChrPortOps *ops;
    size_t room;
    uint8_t sent[64];
    size_t count;
};

void chr_port_connect(ChrPort *p, Device *dev, const ChrPortOps *ops)
{
    p->dev = dev;
    p->ops = ops;
}

void chr_port_set_room(ChrPort *p, size_t bytes)
{
    p->room = bytes;
}

void chr_port_write(ChrPort *p, const void *buf, size_t size)
{
    for (size_t i = 0; p && i < size; i++) {
        g_assert_cmpuint(p->count, <, sizeof(p->sent));
        p->sent[p->count++] = ((const uint8_t *)buf)[i];
    }
}

static Bench *serial_new(ChrPort *port)
{
    Bench *b = bench_new_unrealized(&isa_serial_type);
    const IsaDeviceOps *ops = isa_serial_type.bus_ops;
    IrqLine *irqs[ISA_IRQS];

    for (unsigned i = 0; i < ISA_IRQS; i++) {
        irqs[i] = bench_line(b, i);
    }
    g_assert_true(device_set_prop(b->dev, "speedup", "1", NULL));
    ops->connect(b->dev, irqs);
    ops->set_port(b->dev, port);
    bench_realize(b);
    bench_outb(b, 0x3fb, 0x83);
    bench_outb(b, 0x3f8, 1); /* 115200 baud */
    bench_outb(b, 0x3f9, 0);
    bench_outb(b, 0x3fb, 0x03);
    bench_outb(b, 0x3fc, 0x0b); /* DTR RTS OUT2 */
    return b;
}

static void feed(ChrPort *p, const char *text)
{
    p->ops->receive(p->dev, (const uint8_t *)text, strlen(text));
}

static void test_transmit_time(void)
{
    ChrPort port = {0};
    g_autoptr(Bench) b = serial_new(&port);

    bench_outb(b, 0x3fa, 0x01);
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x60);
    bench_outb(b, 0x3f8, 'a');
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x20); /* in the shift register */
    bench_outb(b, 0x3f8, 'b');
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x00);
    bench_advance(b, FRAME_NS);
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x20);
    bench_advance(b, FRAME_NS - 1);
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x20);
    bench_advance(b, 1);
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x60);
    g_assert_cmpmem(port.sent, port.count, "ab", 2);
    bench_check_state(b);
}

static void test_transmit_interrupt(void)
{
    ChrPort port = {0};
    g_autoptr(Bench) b = serial_new(&port);

    bench_outb(b, 0x3f9, 0x02); /* enabled while empty: at once */
    g_assert_true(bench_irq(b, 4));
    g_assert_cmphex(bench_peek_port(b, 0x3fa), ==, 0x02);
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0x02); /* reading clears it */
    g_assert_false(bench_irq(b, 4));
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0x01);
    bench_outb(b, 0x3f8, 'x');
    bench_outb(b, 0x3f8, 'y');
    bench_advance(b, FRAME_NS - 1);
    g_assert_false(bench_irq(b, 4));
    bench_advance(b, 1);
    g_assert_true(bench_irq(b, 4));
    bench_outb(b, 0x3f8, 'z'); /* writing clears it too */
    g_assert_false(bench_irq(b, 4));
    bench_outb(b, 0x3f9, 0x00);
    bench_outb(b, 0x3f9, 0x02); /* enabled before it is empty */
    g_assert_false(bench_irq(b, 4));
    bench_advance(b, FRAME_NS);
    g_assert_true(bench_irq(b, 4));
    bench_outb(b, 0x3f8, 'w');
    bench_outb(b, 0x3fc, 0x03); /* OUT2 off: no interrupt on a PC */
    bench_advance(b, 10 * FRAME_NS);
    g_assert_false(bench_irq(b, 4));
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0x02);
}

static void test_receive_plain(void)
{
    ChrPort port = {0};
    g_autoptr(Bench) b = serial_new(&port);

    g_assert_cmpuint(port.room, ==, 1);
    bench_outb(b, 0x3f9, 0x05);
    feed(&port, "Q");
    g_assert_cmpuint(port.room, ==, 0);
    g_assert_true(bench_irq(b, 4));
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0x04);
    g_assert_cmphex(bench_peek_port(b, 0x3f8), ==, 'Q');
    feed(&port, "R"); /* overrun: the new one replaces it */
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0x06);
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x63);
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x61);
    g_assert_cmphex(bench_inb(b, 0x3f8), ==, 'R');
    g_assert_false(bench_irq(b, 4));
    g_assert_cmpuint(port.room, ==, 1);
}

static void test_fifo_trigger_and_timeout(void)
{
    ChrPort port = {0};
    g_autoptr(Bench) b = serial_new(&port);

    bench_outb(b, 0x3fa, 0x81); /* trigger at 8 */
    g_assert_cmpuint(port.room, ==, 16);
    bench_outb(b, 0x3f9, 0x01);
    feed(&port, "1234567");
    g_assert_cmpuint(port.room, ==, 9);
    g_assert_false(bench_irq(b, 4));
    bench_advance(b, 4 * FRAME_NS - 1);
    g_assert_false(bench_irq(b, 4));
    bench_advance(b, 1);
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0xcc); /* character time-out */
    g_assert_cmphex(bench_inb(b, 0x3f8), ==, '1');
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0xc1); /* a read ends it */
    feed(&port, "89");
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0xc4);
    bench_check_state(b);
    g_assert_cmphex(bench_inb(b, 0x3f8), ==, '2');
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0xc1); /* below the trigger */
    feed(&port, "abcdefghi");
    g_assert_cmpuint(port.room, ==, 0);
    feed(&port, "!"); /* full: lost, the FIFO keeps what it has */
    g_assert_cmphex(bench_inb(b, 0x3fd) & 0x1f, ==, 0x03);
    for (const char *p = "3456789abcdefghi"; *p; p++) {
        g_assert_cmphex(bench_inb(b, 0x3f8), ==, *p);
    }
    g_assert_cmphex(bench_inb(b, 0x3fd) & 0x01, ==, 0);
    feed(&port, "zz");
    bench_outb(b, 0x3fa, 0x83); /* clears the receiver */
    g_assert_cmphex(bench_inb(b, 0x3fd) & 0x01, ==, 0);
    bench_advance(b, 10 * FRAME_NS);
    g_assert_false(bench_irq(b, 4));
}

static void test_loopback_and_modem(void)
{
    ChrPort port = {0};
    g_autoptr(Bench) b = serial_new(&port);

    g_assert_cmphex(bench_inb(b, 0x3fe), ==, 0xb0);
    bench_outb(b, 0x3fc, 0x1a); /* loop, OUT2, RTS */
    g_assert_cmpuint(port.room, ==, 0);
    g_assert_cmphex(bench_inb(b, 0x3fe), ==, 0x92); /* DSR fell */
    bench_outb(b, 0x3f8, 0x55);
    g_assert_cmphex(bench_inb(b, 0x3f8), ==, 0x55);
    g_assert_cmpuint(port.count, ==, 0);
    bench_outb(b, 0x3fc, 0x1e); /* RI up: no delta */
    g_assert_cmphex(bench_inb(b, 0x3fe), ==, 0xd0);
    bench_outb(b, 0x3f9, 0x08);
    bench_outb(b, 0x3fc, 0x1a); /* its trailing edge */
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0x00);
    g_assert_cmphex(bench_inb(b, 0x3fe), ==, 0x94);
    g_assert_cmphex(bench_inb(b, 0x3fa), ==, 0x01);
}

static void test_break_and_scratch(void)
{
    ChrPort port = {0};
    g_autoptr(Bench) b = serial_new(&port);

    bench_outb(b, 0x3ff, 0xa5);
    g_assert_cmphex(bench_inb(b, 0x3ff), ==, 0xa5);
    port.ops->event(port.dev, CHR_EVENT_BREAK);
    g_assert_cmphex(bench_inb(b, 0x3fd), ==, 0x71);
    g_assert_cmphex(bench_inb(b, 0x3f8), ==, 0);
    bench_reset(b);
    bench_outb(b, 0x3fb, 0x80);
    g_assert_cmphex(bench_inb(b, 0x3f8), ==, 12);
}

static void test_debugcon(void)
{
    ChrPort port = {0};
    g_autoptr(Bench) b = bench_new_unrealized(&isa_debugcon_type);

    ((const IsaDeviceOps *)isa_debugcon_type.bus_ops)->set_port(b->dev, &port);
    bench_realize(b);
    g_assert_cmphex(bench_inb(b, 0x402), ==, 0xe9);
    bench_outb(b, 0x402, 'k');
    g_assert_cmpmem(port.sent, port.count, "k", 1);
}

static void test_debug_exit(void)
{
    g_autoptr(Bench) b = bench_new(&isa_debug_exit_type);

    bench_outb(b, 0x501, 0x10);
    g_assert_cmpint(b->vm->exit_status, ==, 0x21);
    g_assert_cmpuint(b->vm->requests & VM_REQ_SHUTDOWN, !=, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/serial/transmit-time", test_transmit_time);
    g_test_add_func("/serial/transmit-interrupt", test_transmit_interrupt);
    g_test_add_func("/serial/receive-plain", test_receive_plain);
    g_test_add_func("/serial/fifo", test_fifo_trigger_and_timeout);
    g_test_add_func("/serial/loopback", test_loopback_and_modem);
    g_test_add_func("/serial/break-and-scratch", test_break_and_scratch);
    g_test_add_func("/serial/debugcon", test_debugcon);
    g_test_add_func("/serial/debug-exit", test_debug_exit);
    return g_test_run();
}
