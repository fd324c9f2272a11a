/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One program from real mode to 64-bit ring 3 and back, through every way in:
 * int, #UD, #DE, #PF, INTR out of HLT, syscall. Blocks of any length must give
 * the same run. */
#include <string.h>

#include "tests/unit/x86_box.h"

#define ORG 0x7c00u
enum {
    AT_USER = ORG + 0xb0,
    AT_FAULT = ORG + 0xb9,
    AT_PAGE_FAULT = ORG + 0xc4,
    AT_INT = ORG + 0xd6,
    AT_SYSCALL = ORG + 0xdc,
    AT_REAL_INT = ORG + 0xe7,
};

/* clang-format off */
static const uint8_t program[] = {
    /* cli; xor ax, ax; mov ds, ss = ax; mov sp, 0x7000; int 0x40;
     * lgdt; mov cr0 with PE; jmp far 0x08:pm */
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xcd, 0x40,
    0x66, 0x0f, 0x01, 0x16, 0xec, 0x7c, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f,
    0x22, 0xc0, 0x66, 0xea, 0x22, 0x7c, 0x00, 0x00, 0x08, 0x00,
    /* pm: ds es ss = 0x10; esp = 0x9000; CR4.PAE; cr3 = 0x10000;
     * rdmsr, wrmsr EFER with SCE LME NXE; CR0 with PG WP; jmp far 0x38:lm */
    0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00,
    0x90, 0x00, 0x00, 0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x20, 0x0f, 0x22, 0xe0,
    0xb8, 0x00, 0x00, 0x01, 0x00, 0x0f, 0x22, 0xd8, 0xb9, 0x80, 0x00, 0x00,
    0xc0, 0x0f, 0x32, 0x0d, 0x01, 0x09, 0x00, 0x00, 0x0f, 0x30, 0x0f, 0x20,
    0xc0, 0x0d, 0x00, 0x00, 0x01, 0x80, 0x0f, 0x22, 0xc0, 0xea, 0x62, 0x7c,
    0x00, 0x00, 0x38, 0x00,
    /* lm: lidt; ltr 0x28; r12 = r13 = 0; ud2; div by 0; mov rbx, [0x500000];
     * int 0x21 */
    0x0f, 0x01, 0x1c, 0x25, 0xf2, 0x7c, 0x00, 0x00, 0x66, 0xb8, 0x28, 0x00,
    0x0f, 0x00, 0xd8, 0x4d, 0x31, 0xe4, 0x4d, 0x31, 0xed, 0x0f, 0x0b, 0xb8,
    0x05, 0x00, 0x00, 0x00, 0x31, 0xd2, 0x31, 0xc9, 0xf7, 0xf1, 0x48, 0xb8,
    0x00, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00, 0x00, 0x48, 0x8b, 0x18, 0xcd,
    0x21, 0xfb, 0xf4,
    /* sti; hlt; pushf; pop r15; iretq to user at ring 3 */
    0x9c, 0x41, 0x5f, 0x6a, 0x4b, 0x68, 0x00, 0xb0, 0x00, 0x00, 0x68, 0x02,
    0x32, 0x00, 0x00, 0x6a, 0x43, 0x48, 0x8d, 0x05, 0x03, 0x00, 0x00, 0x00,
    0x50, 0x48, 0xcf,
    /* user: mov r14d, 77; syscall; hlt */
    0x41, 0xbe, 0x4d, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xf4,
    /* #UD, #DE: count in r12, skip two bytes */
    0x49, 0x83, 0xc4, 0x01, 0x48, 0x83, 0x04, 0x24, 0x02, 0x48, 0xcf,
    /* #PF: rsi = cr2, rdi = error; skip three bytes */
    0x0f, 0x20, 0xd6, 0x48, 0x8b, 0x3c, 0x24, 0x48, 0x83, 0xc4, 0x08, 0x48,
    0x83, 0x04, 0x24, 0x03, 0x48, 0xcf,
    /* int 0x21: count in r13 */
    0x49, 0x83, 0xc5, 0x01, 0x48, 0xcf,
    /* syscall: r8 = rcx, r9 = cs, r10 = ss; cli; hlt */
    0x49, 0x89, 0xc8, 0x41, 0x8c, 0xc9, 0x41, 0x8c, 0xd2, 0xfa, 0xf4,
    /* int 0x40 of real mode: incw [0x500]; iret */
    0xff, 0x06, 0x00, 0x05, 0xcf,
    /* GDTR and IDTR images */
    0x9f, 0x00, 0x00, 0x50, 0x00, 0x00, 0xff, 0x0f, 0x00, 0x60, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00,
};
/* clang-format on */

static int ack_once(Device *owner)
{
    irq_set(&((X86Cpu *)owner)->intr, false);
    return 0x21;
}

static void set_gate64(Box *b, unsigned vector, uint32_t at, unsigned access)
{
    box_put(b, IDT_AT + vector * 16, 8, box_gate(CODE64, at, access, 0));
    box_put(b, IDT_AT + vector * 16 + 8, 8, 0);
}

static void prepare(Box *b)
{
    X86Cpu *c = b->c;

    box_long(b); /* for its tables */
    box_put(b, GDT_AT + TSS + 5, 1, 0x89);
    devices_reset(b->vm);
    memcpy(b->ram + ORG, program, sizeof(program));
    box_put(b, 0x40 * 4, 4, AT_REAL_INT);
    set_gate64(b, X86_DE, AT_FAULT, 0x8e);
    set_gate64(b, X86_UD, AT_FAULT, 0x8e);
    set_gate64(b, X86_PFX, AT_PAGE_FAULT, 0x8e);
    set_gate64(b, 0x21, AT_INT, 0x8e);
    g_assert_true(
        x86_msr_write(c, 0xc0000081, (uint64_t)CODE64 << 32 | 0x33ull << 48));
    g_assert_true(x86_msr_write(c, 0xc0000082, AT_SYSCALL));
    g_assert_true(x86_msr_write(c, 0xc0000084, X86_IF));
    CALL(b, far_jmp, 0, ORG, 2, 0);
}

/* Return: digest at the end. */
static uint64_t run(const char *accel, uint64_t *steps)
{
    static const X86IntrOps ops = {.ack = ack_once};
    g_autoptr(Box) b = box_new_with("max", true, accel);
    X86Cpu *c = b->c;

    prepare(b);
    x86_cpu_set_intr(c, &ops, &c->v.dev);
    b->vm->horizon = false;
    g_assert_cmpint(vcpu_run(&c->v, 10000), ==, VCPU_STOP_HALT);
    g_assert_cmphex(c->v.mode & X86_MODE_CODE64, !=, 0);
    g_assert_cmphex(box_get(b, 0x500, 2), ==, 1);
    g_assert_cmpuint(c->gpr[12], ==, 2);
    g_assert_cmpuint(c->gpr[13], ==, 1);
    g_assert_cmphex(c->gpr[X86_RSI], ==, 0x500000);
    g_assert_cmphex(c->gpr[X86_RDI], ==, 0);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x9000);
    g_assert_cmphex(c->eflags & X86_IF, !=, 0);
    b->vm->horizon = false;
    irq_set(&c->intr, true);
    g_assert_true(b->vm->horizon);
    b->vm->horizon = false;
    g_assert_true(x86_runnable(&c->v));
    x86_irq_accept(&c->v);
    g_assert_cmphex(c->v.pc, ==, AT_INT);
    g_assert_cmpint(vcpu_run(&c->v, 10000), ==, VCPU_STOP_HALT);
    g_assert_false(x86_runnable(&c->v));
    g_assert_cmpuint(c->gpr[13], ==, 2);
    g_assert_cmpuint(c->gpr[14], ==, 77);
    g_assert_cmphex(c->gpr[8], ==, AT_USER + 8);
    g_assert_cmphex(c->gpr[9], ==, CODE64);
    g_assert_cmphex(c->gpr[10], ==, CODE64 + 8);
    g_assert_cmphex(c->gpr[15] & X86_IF, !=, 0);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    *steps = clock_icount(b->vm->clock);
    return state_digest(&c->v.dev);
}

static void test_boot(void)
{
    uint64_t steps, steps_one, digest = run("", &steps);

    g_assert_cmphex(run("max-insns=1", &steps_one), ==, digest);
    g_assert_cmpuint(steps_one, ==, steps);
    g_assert_cmphex(run("flush-every=3", &steps_one), ==, digest);
    g_assert_cmpuint(steps_one, ==, steps);
    g_assert_cmphex(run("l1-bits=6", &steps_one), ==, digest);
    g_assert_cmpuint(steps_one, ==, steps);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/boot", test_boot);
    return g_test_run();
}
