/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bare-metal guests share. */
#include "tests/guest/guest.h"

#define VECTORS 48

extern const uint32_t guest_stubs[VECTORS];

static GuestHandler *handlers[VECTORS];
static struct {
    uint16_t low, selector, type, high;
} idt[VECTORS];

void print(const char *text)
{
    for (; *text; text++) {
        while (!(inb(COM1 + 5) & 0x20)) {
        }
        outb(COM1, (uint8_t)*text);
    }
}

void print_hex(uint32_t value)
{
    char text[9];

    for (int i = 0; i < 8; i++) {
        text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    }
    text[8] = 0;
    print(text);
}

int serial_get(void)
{
    while (!(inb(COM1 + 5) & 1)) {
    }
    return inb(COM1);
}

void guest_exit(int code)
{
    outb(EXIT_PORT, (uint8_t)code);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

void guest_on(unsigned vector, GuestHandler *handler)
{
    handlers[vector] = handler;
}

void guest_interrupt(Frame *frame)
{
    if (frame->vector < VECTORS && handlers[frame->vector]) {
        handlers[frame->vector](frame);
        return;
    }
    print("unexpected vector ");
    print_hex(frame->vector);
    print(" at ");
    print_hex(frame->eip);
    print("\r\n");
    guest_exit(99);
}

void guest_idt(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint32_t)idt};

    for (unsigned i = 0; i < VECTORS; i++) {
        idt[i].low = (uint16_t)guest_stubs[i];
        idt[i].selector = 0x08;
        idt[i].type = 0x8e00;
        idt[i].high = (uint16_t)(guest_stubs[i] >> 16);
    }
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void guest_pic(uint8_t mask_master, uint8_t mask_slave)
{
    outb(0x20, 0x11);
    outb(0x21, 32);
    outb(0x21, 4);
    outb(0x21, 1);
    outb(0xa0, 0x11);
    outb(0xa1, 40);
    outb(0xa1, 2);
    outb(0xa1, 1);
    outb(0x21, mask_master);
    outb(0xa1, mask_slave);
}

void guest_eoi(unsigned irq)
{
    if (irq >= 8) {
        outb(0xa0, 0x20);
    }
    outb(0x20, 0x20);
}

void guest_pit(uint16_t divisor)
{
    outb(0x43, 0x34);
    outb(0x40, (uint8_t)divisor);
    outb(0x40, (uint8_t)(divisor >> 8));
}
