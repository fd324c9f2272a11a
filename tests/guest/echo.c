/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers what is typed, with the time at which it came; 'q' ends. */
#include "tests/guest/guest.h"

static volatile uint32_t ticks;

static void on_tick(Frame *frame)
{
    ticks++;
    guest_eoi(0);
}

static void on_serial(Frame *frame)
{
    while (inb(COM1 + 5) & 1) {
        uint8_t c = inb(COM1);
        char text[2] = {(char)c, 0};

        print(text);
        print("@");
        print_hex((uint32_t)(rdtsc() >> 4));
        print(" ");
        print_hex(ticks);
        print("\r\n");
        if (c == 'q') {
            guest_exit(0);
        }
    }
    guest_eoi(4);
}

int guest_main(void)
{
    guest_idt();
    guest_on(32, on_tick);
    guest_on(36, on_serial);
    guest_pic(0xee, 0xff);
    guest_pit(11932);
    outb(COM1 + 1, 1);
    outb(COM1 + 4, 8);
    print("type:\r\n");
    for (;;) {
        __asm__ volatile("sti; hlt");
    }
    return 0;
}
