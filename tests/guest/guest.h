/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bare-metal guests share. */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H

#include <stdint.h>

#define COM1 0x3f8
#define EXIT_PORT 0x501

typedef struct Frame {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint32_t vector, error, eip, cs, eflags;
} Frame;

int guest_main(void); /* each program's own; its result is the exit code */
void guest_exit(int code);
void guest_interrupt(Frame *frame);
typedef void GuestHandler(Frame *frame);

void guest_on(unsigned vector, GuestHandler *handler);
void guest_idt(void); /* load the IDT: all vectors to guest_interrupt */
void guest_pic(uint8_t mask_master, uint8_t mask_slave); /* vectors 32-47 */
void guest_eoi(unsigned irq);
void guest_pit(uint16_t divisor); /* channel 0, rate generator */

void print(const char *text);
void print_hex(uint32_t value);
int serial_get(void); /* waits */

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

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

#endif
