/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints numbered lines without end, as fast as the port takes them, and adds
 * up what it is sent; 'q' ends it with the sum. */
#include "tests/guest/guest.h"

#define FIFO_BYTES 16
#define LINE_BYTES 10

static volatile uint32_t line, count, sum;
static uint8_t text[LINE_BYTES];
static unsigned at = LINE_BYTES;

static uint8_t next_byte(void)
{
    if (at == LINE_BYTES) {
        for (int i = 0; i < 8; i++) {
            text[i] = (uint8_t) "0123456789abcdef"[line >> (28 - 4 * i) & 15];
        }
        text[8] = '\r';
        text[9] = '\n';
        line++;
        at = 0;
    }
    return text[at++];
}

static void end(void)
{
    outb(COM1 + 1, 0);
    while (at < LINE_BYTES) {
        char rest[2] = {(char)next_byte(), 0};

        print(rest);
    }
    print("got ");
    print_hex(count);
    print(" sum ");
    print_hex(sum);
    print("\r\n");
    guest_exit(0);
}

static void on_serial(Frame *frame)
{
    uint8_t status;

    inb(COM1 + 2);
    while ((status = inb(COM1 + 5)) & 1) {
        uint8_t c = inb(COM1);

        if (c == 'q') {
            end();
        }
        count++;
        sum = (sum << 5 | sum >> 27) ^ c;
    }
    if (status & 0x20) {
        for (unsigned i = 0; i < FIFO_BYTES; i++) {
            outb(COM1, next_byte());
        }
    }
    guest_eoi(4);
}

int guest_main(void)
{
    guest_idt();
    guest_on(36, on_serial);
    guest_pic(0xef, 0xff);
    outb(COM1 + 2, 7); /* FIFOs on and empty, a byte is enough */
    outb(COM1 + 4, 8);
    outb(COM1 + 1, 3);
    for (;;) {
        __asm__ volatile("sti; hlt");
    }
    return 0;
}
