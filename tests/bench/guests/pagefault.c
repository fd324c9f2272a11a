/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page faults: a page is taken away, touched, given back by the handler. */
#include "tests/bench/guests/bench.h"

#define PAGES 64

extern uint64_t faults;
uint64_t faults;

void pagefault_gate(void);
__asm__("pagefault_gate:\n"
        "    push %rax\n"
        "    push %rdx\n"
        "    mov %cr2, %rax\n"
        "    sub $0x40000000, %rax\n"
        "    shr $12, %rax\n"
        "    orq $1, window_table(, %rax, 8)\n"
        "    incq faults\n"
        "    pop %rdx\n"
        "    pop %rax\n"
        "    add $8, %rsp\n"
        "    iretq\n");

/* rounds * 1000 faults in the upper half; below, the sum of what was read. */
uint64_t kernel(uint64_t rounds)
{
    volatile uint64_t *page;
    uint64_t sum = 0;

    window_map(PAGES);
    for (unsigned i = 0; i < PAGES; i++) {
        *(volatile uint64_t *)(WINDOW + i * 4096ull) = i;
    }
    gate(14, pagefault_gate, 0);
    for (uint64_t r = 0; r < rounds * 1000; r++) {
        unsigned i = (unsigned)(r * 5 % PAGES);

        page = (volatile uint64_t *)(WINDOW + i * 4096ull);
        window_table[i] &= ~1ull;
        __asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
        sum += *page;
    }
    return faults << 32 | (sum & 0xffffffff);
}
