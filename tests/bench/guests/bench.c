/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Around a kernel: command line, descriptor tables, output, the end. */
#include "tests/bench/guests/bench.h"

#define COM1 0x3f8
#define EXIT_PORT 0x501 /* isa-debug-exit: status is twice the value plus 1 */

#define CODE_SEGMENT 0x08
#define TASK_SEGMENT 0x30

#define WINDOW_PAGES_MAX 8192

void bench_main(const uint32_t *info);

extern uint64_t gdt[];
extern uint64_t window_dir[];
extern char stack_top[];
extern void user_leave_gate(void);

uint64_t window_table[WINDOW_PAGES_MAX] __attribute__((aligned(4096)));

static struct {
    uint16_t low, selector, type, middle;
    uint32_t high, zero;
} idt[256];

static struct {
    uint32_t reserved;
    uint64_t rsp[3];
    uint64_t ist[8];
    uint64_t reserved_end;
    uint16_t reserved_last, io_map;
} __attribute__((packed)) task;

static char gate_stack[16384] __attribute__((aligned(16)));

static void put(char c)
{
    while (!(inb(COM1 + 5) & 0x20)) {
    }
    outb(COM1, (uint8_t)c);
}

static void put_text(const char *text)
{
    for (; *text; text++) {
        put(*text);
    }
}

static void put_hex(uint64_t v)
{
    for (int i = 60; i >= 0; i -= 4) {
        put("0123456789abcdef"[v >> i & 15]);
    }
}

static void finish(uint8_t value)
{
    outb(EXIT_PORT, value);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

static void unexpected(void)
{
    uint64_t address;

    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    put_text("unexpected exception, cr2 ");
    put_hex(address);
    put_text("\r\n");
    finish(3);
}

void gate(unsigned vector, void (*entry)(void), unsigned level)
{
    uint64_t at = (uint64_t)entry;

    idt[vector].low = (uint16_t)at;
    idt[vector].selector = CODE_SEGMENT;
    idt[vector].type = (uint16_t)(0x8e00 | level << 13);
    idt[vector].middle = (uint16_t)(at >> 16);
    idt[vector].high = (uint32_t)(at >> 32);
}

static void load_tables(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)idt};
    uint64_t at = (uint64_t)&task;

    for (unsigned i = 0; i < 32; i++) {
        gate(i, unexpected, 0);
    }
    gate(0x81, user_leave_gate, 3);
    __asm__ volatile("lidt %0" : : "m"(pointer));

    task.rsp[0] = (uint64_t)(gate_stack + sizeof(gate_stack));
    task.io_map = sizeof(task);
    gdt[6] = (sizeof(task) - 1) | (at & 0xffffff) << 16 | 0x89ull << 40
             | (at >> 24 & 0xff) << 56;
    gdt[7] = at >> 32;
    __asm__ volatile("ltr %w0" : : "r"(TASK_SEGMENT));
}

void window_map(unsigned pages)
{
    for (unsigned i = 0; i < pages; i++) {
        window_table[i] = (WINDOW_RAM + i * 4096ull) | 7;
    }
    for (unsigned i = 0; i * 512 < pages; i++) {
        window_dir[i] = (uint64_t)(window_table + i * 512) | 7;
    }
    __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3"
                     :
                     :
                     : "rax", "memory");
}

/* The number behind `rounds=`, 1 without. */
static uint64_t rounds_of(const char *line)
{
    static const char name[] = "rounds=";
    uint64_t n = 0;

    for (; *line; line++) {
        unsigned i = 0;

        while (name[i] && line[i] == name[i]) {
            i++;
        }
        if (!name[i]) {
            for (line += i; *line >= '0' && *line <= '9'; line++) {
                n = n * 10 + (uint64_t)(*line - '0');
            }
            return n;
        }
    }
    return 1;
}

void bench_main(const uint32_t *info)
{
    const char *line = "";

    if (info[0] & 4) { /* Multiboot 0.6.96, 3.3: cmdline is valid */
        line = (const char *)(uint64_t)info[4];
    }
    load_tables();
    put_text("checksum ");
    put_hex(kernel(rounds_of(line)));
    put_text("\r\n");
    finish(0);
}

/* gcc may call these for its own copies. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
    void *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return start;
}

void *memset(void *to, int value, size_t n)
{
    void *start = to;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
    return start;
}
