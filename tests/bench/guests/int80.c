/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Software interrupts from ring 3 to ring 0 and back with iretq. */
#include "tests/bench/guests/bench.h"

void int80_gate(void);
__asm__("int80_gate:\n"
        "    lea 1(%rax, %rdi, 2), %rax\n"
        "    iretq\n");

static char stack[8192] __attribute__((aligned(16)));
static uint64_t count, result;

static void user(void)
{
    uint64_t n = count, value = 0;

    for (uint64_t i = 0; i < n; i++) {
        __asm__ volatile("int $0x80" : "+a"(value) : "D"(i) : "memory");
    }
    result = value;
    user_leave();
}

/* rounds * 1000 calls, each adding twice its index and 1: the square. */
uint64_t kernel(uint64_t rounds)
{
    count = rounds * 1000;
    gate(0x80, int80_gate, 3);
    user_run(user, stack + sizeof(stack));
    return result;
}
