/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the benchmark guests share. A guest is one kernel(); the loop counts
 * come from the command line, `rounds=N`. With BENCH_NATIVE a kernel that needs
 * no privileges is an ordinary program, for the expected checksums. */
#ifndef TESTS_BENCH_GUESTS_BENCH_H
#define TESTS_BENCH_GUESTS_BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Work in proportion to @rounds; the result is a checksum. */
uint64_t kernel(uint64_t rounds);

/* A mixer for checksums. */
static inline uint64_t mix(uint64_t sum, uint64_t value)
{
    sum ^= value;
    sum *= 0x9e3779b97f4a7c15;
    return sum ^ sum >> 29;
}

/* Numbers that do not repeat soon: a 64-bit xorshift. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x;
}

#define SEED 0x243f6a8885a308d3

#ifndef BENCH_NATIVE
/* A gate to @entry, which ends with iretq; @level 3 to allow `int`. */
void gate(unsigned vector, void (*entry)(void), unsigned level);

/* 4 KiB pages from virtual WINDOW to physical WINDOW_RAM, also for ring 3. */
#define WINDOW 0x40000000ull
#define WINDOW_RAM 0x2000000ull
void window_map(unsigned pages);
extern uint64_t window_table[]; /* its page table entries */

/* Run @code in ring 3 on @stack_end until it calls user_leave(). */
void user_run(void (*code)(void), void *stack_end);

static inline void user_leave(void)
{
    __asm__ volatile("int $0x81" : : : "memory");
    __builtin_unreachable();
}

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void wrmsr(uint32_t index, uint64_t v)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}
#endif

#endif
