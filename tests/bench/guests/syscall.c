/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syscall and sysretq between rings 3 and 0, with a change of stacks. */
#include "tests/bench/guests/bench.h"

#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084

void syscall_entry(void);
__asm__("syscall_entry:\n"
        "    mov %rsp, syscall_user_rsp\n"
        "    mov $syscall_stack + 8192, %rsp\n"
        "    push %rcx\n"
        "    push %r11\n"
        "    lea 1(%rax, %rdi, 2), %rax\n"
        "    pop %r11\n"
        "    pop %rcx\n"
        "    mov syscall_user_rsp, %rsp\n"
        "    sysretq\n");

extern uint64_t syscall_user_rsp;
extern char syscall_stack[8192];
uint64_t syscall_user_rsp;
char syscall_stack[8192] __attribute__((aligned(16)));

static char stack[8192] __attribute__((aligned(16)));
static uint64_t count, result;

static void user(void)
{
    uint64_t n = count, value = 0;

    for (uint64_t i = 0; i < n; i++) {
        __asm__ volatile("syscall"
                         : "+a"(value)
                         : "D"(i)
                         : "rcx", "r11", "memory");
    }
    result = value;
    user_leave();
}

/* rounds * 1000 calls, each adding twice its index and 1: the square. */
uint64_t kernel(uint64_t rounds)
{
    count = rounds * 1000;
    wrmsr(MSR_STAR, 0x18ull << 48 | 0x08ull << 32);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
    wrmsr(MSR_FMASK, 0x700); /* TF, IF, DF */
    user_run(user, stack + sizeof(stack));
    return result;
}
