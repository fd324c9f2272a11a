/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timer interrupts at 1 kHz land in a busy loop; where they land and what the
 * clocks say goes into a checksum, so the smallest difference is seen. */
#include "tests/guest/guest.h"

#define TICKS 200

static volatile uint32_t ticks;
static volatile uint32_t sum = 1;

static void mix(uint32_t value)
{
    sum = (sum << 5 | sum >> 27) ^ value;
}

static void on_tick(Frame *frame)
{
    ticks++;
    mix(frame->eip);
    mix(frame->ecx);
    mix((uint32_t)rdtsc());
    guest_eoi(0);
}

int guest_main(void)
{
    uint32_t seen = 0, x = 1;

    guest_idt();
    guest_on(32, on_tick);
    guest_pic(0xfe, 0xff);
    guest_pit(1193);
    __asm__ volatile("sti");
    while (ticks < TICKS) {
        for (unsigned i = 0; i < 1000; i++) {
            x = x * 1664525 + 1013904223;
        }
        mix(x);
        if (ticks / 50 != seen / 50) {
            seen = ticks;
            __asm__ volatile("hlt");
        }
    }
    __asm__ volatile("cli");
    print("ticks checksum ");
    print_hex(sum);
    print("\r\n");
    return 0;
}
