/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timer interrupts: PIT channel 0 every 64 of its clocks (53.6 us; 419
 * instructions at -icount shift=7) while a loop computes. The amount of work
 * follows the guest's clock: only for modes with a fixed shift. */
#include "tests/bench/guests/bench.h"

#define DIVISOR 64

extern volatile uint64_t ticks;
volatile uint64_t ticks;

void timer_gate(void);
__asm__("timer_gate:\n"
        "    push %rax\n"
        "    incq ticks\n"
        "    mov $0x20, %al\n"
        "    out %al, $0x20\n"
        "    pop %rax\n"
        "    iretq\n");

static void start(void)
{
    outb(0x20, 0x11); /* 8259A: ICW1 to 4, vectors from 32 */
    outb(0x21, 32);
    outb(0x21, 4);
    outb(0x21, 1);
    outb(0xa1, 0xff);
    outb(0x21, 0xfe);
    outb(0x43, 0x34); /* 8254: channel 0, both bytes, mode 2 */
    outb(0x40, DIVISOR);
    outb(0x40, 0);
}

/* rounds * 1000 interrupts; the number that were seen. */
uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED;

    gate(32, timer_gate, 0);
    start();
    __asm__ volatile("sti");
    while (ticks < rounds * 1000) {
        next_random(&state);
        __asm__ volatile("" : : "r"(state));
    }
    __asm__ volatile("cli");
    return ticks;
}
