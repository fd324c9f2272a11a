/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that writes code: ahead of itself in the same block, in a loop, beside
 * data, across two pages, and on a page that only holds data otherwise. */
#include "tests/guest/guest.h"

static uint8_t area[3 * 4096] __attribute__((aligned(4096)));
typedef uint32_t Fn(uint32_t);

static int failures;

static void check(const char *what, uint32_t got, uint32_t want)
{
    if (got != want) {
        print(what);
        print(": got ");
        print_hex(got);
        print(" want ");
        print_hex(want);
        print("\r\n");
        failures++;
    }
}

/* mov $imm, %eax; ret */
static void put_mov(uint8_t *at, uint32_t imm)
{
    at[0] = 0xb8;
    at[1] = (uint8_t)imm;
    at[2] = (uint8_t)(imm >> 8);
    at[3] = (uint8_t)(imm >> 16);
    at[4] = (uint8_t)(imm >> 24);
    at[5] = 0xc3;
}

static uint32_t call(uint8_t *at)
{
    return ((Fn *)(void *)at)(0);
}

static void test_rewrite(void)
{
    for (uint32_t i = 0; i < 1000; i++) {
        put_mov(area + 64, i);
        check("rewrite", call(area + 64), i);
    }
}

static void test_data_beside(void)
{
    volatile uint32_t *data = (volatile uint32_t *)(void *)(area + 2048);

    put_mov(area + 64, 7);
    for (uint32_t i = 0; i < 1000; i++) {
        *data = i;
        check("beside", call(area + 64) + *data, 7 + i);
    }
}

static void test_straddle(void)
{
    for (uint32_t i = 0; i < 300; i++) {
        put_mov(area + 4096 - 3, i * 0x01010101);
        check("straddle", call(area + 4096 - 3), i * 0x01010101);
    }
}

/* A store into the instruction right behind it. */
static void test_ahead(void)
{
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t got;

        __asm__ volatile("movl %1, 1f+1\n"
                         "1: movl $0, %%eax\n"
                         "movl %%eax, %0"
                         : "=r"(got)
                         : "r"(i * 3)
                         : "eax", "memory");
        check("ahead", got, i * 3);
    }
}

/* A loop that changes its own immediate at each turn. */
static void test_loop(void)
{
    uint32_t sum = 0;

    __asm__ volatile("movl $100, %%ecx\n"
                     "2: addl $1, 3f+2\n"
                     "3: addl $0x12345678, %0\n"
                     "loop 2b\n"
                     : "+r"(sum)
                     :
                     : "ecx", "memory");
    check("loop", sum, 100u * 0x12345678u + 5050u);
}

/* rep movs over code that ran before. */
static void test_string(void)
{
    uint8_t *from = area + 256, *to = area + 8192;
    uint32_t count = 6;

    put_mov(area + 8192, 1);
    check("string before", call(area + 8192), 1);
    put_mov(area + 256, 2);
    __asm__ volatile("rep movsb"
                     : "+S"(from), "+D"(to), "+c"(count)
                     :
                     : "memory");
    check("string after", call(area + 8192), 2);
}

int guest_main(void)
{
    guest_idt();
    test_rewrite();
    test_data_beside();
    test_straddle();
    test_ahead();
    test_loop();
    test_string();
    print(failures ? "smc: FAILED\r\n" : "smc: all right\r\n");
    return failures ? 1 : 0;
}
