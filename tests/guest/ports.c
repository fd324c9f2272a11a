/* SPDX-License-Identifier: GPL-2.0-or-later */
/* COM1 and COM3 share IRQ 4: each answers what it is sent with its number, the
 * byte and how many bytes the other one has had; 'q' on either ends. */
#include "tests/guest/guest.h"

#define COM3 0x3e8

static const uint16_t ports[2] = {COM1, COM3};
static volatile uint32_t had[2];

static void put(uint16_t port, char c)
{
    while (!(inb(port + 5) & 0x20)) {
    }
    outb(port, (uint8_t)c);
}

/* The line is an edge to the 8259: look until neither asks. */
static void on_serial(Frame *frame)
{
    unsigned quiet = 0;

    for (unsigned i = 0; quiet < 2; i ^= 1) {
        if (inb(ports[i] + 2) & 1) {
            quiet++;
            continue;
        }
        quiet = 0;
        while (inb(ports[i] + 5) & 1) {
            char c = (char)inb(ports[i]);

            had[i]++;
            put(ports[i], i ? '3' : '1');
            put(ports[i], c);
            put(ports[i], (char)('0' + had[!i] % 10));
            put(ports[i], '\n');
            if (c == 'q') {
                guest_exit(0);
            }
        }
    }
    guest_eoi(4);
}

int guest_main(void)
{
    guest_idt();
    guest_on(36, on_serial);
    guest_pic(0xef, 0xff);
    for (unsigned i = 0; i < 2; i++) {
        outb(ports[i] + 4, 8);
        outb(ports[i] + 1, 1);
        put(ports[i], '\n');
    }
    for (;;) {
        __asm__ volatile("sti; hlt");
    }
    return 0;
}
