/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System management mode: SDM 3C chapter 31, APM 2 chapter 10. */
#include <string.h>

#include "tests/unit/x86_box.h"

static unsigned views;
static bool viewed;

static void view(Device *owner, bool in_smm)
{
    views++;
    viewed = in_smm;
}

static Box *smm_box(bool long_mode)
{
    Box *b = box_new_as(long_mode ? "max" : "max,-lm", true);

    views = 0;
    x86_cpu_set_smm(b->c, view, NULL);
    return b;
}

static void smi(Box *b)
{
    irq_pulse(&b->c->smi);
    g_assert_true(x86_irq_acceptable(&b->c->v));
    x86_irq_accept(&b->c->v);
}

static void test_long(void)
{
    static const uint8_t rsm[] = {0x0f, 0xaa};
    g_autoptr(Box) b = smm_box(true);
    X86Cpu *c = b->c;

    box_long(b);
    x86_cpu_set_eflags(c, X86_IF | X86_ZF | 2);
    c->gpr[X86_RAX] = 0x1122334455667788;
    c->gpr[15] = 0xf00f;
    c->v.pc = 0x4123;
    c->dr[7] = 0x402;
    smi(b);
    g_assert_true(viewed);
    g_assert_cmpuint(views, ==, 1);
    /* APM 2 10.3.2 */
    g_assert_cmphex(c->v.pc, ==, 0x38000);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, 0x3000);
    g_assert_cmphex(c->seg_base[X86_CS], ==, 0x30000);
    g_assert_cmphex(c->seg[X86_DS].limit, ==, UINT32_MAX);
    g_assert_cmphex(c->cr0 & (X86_CR0_PE | X86_CR0_PG), ==, 0);
    g_assert_cmphex(c->cr4 | c->efer, ==, 0);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 2);
    g_assert_cmphex(c->dr[7], ==, 0x400);
    /* table 10-1 */
    g_assert_cmphex(box_get(b, 0x3fff8, 8), ==, 0x1122334455667788);
    g_assert_cmphex(box_get(b, 0x3ff80, 8), ==, 0xf00f);
    g_assert_cmphex(box_get(b, 0x3ff78, 8), ==, 0x4123);
    g_assert_cmphex(box_get(b, 0x3ff70, 8), ==, 0x242);
    g_assert_cmphex(box_get(b, 0x3fe10, 2), ==, CODE64);
    g_assert_cmphex(box_get(b, 0x3fefc, 4), ==, 0x20064);
    g_assert_cmphex(box_get(b, 0x3ff00, 4), ==, 0x30000);
    g_assert_cmphex(box_get(b, 0x3fec9, 1), ==, 0);
    /* NMI and SMI wait */
    irq_pulse(&c->nmi);
    irq_pulse(&c->smi);
    g_assert_false(x86_irq_acceptable(&c->v));
    /* the handler moves SMBASE, changes rax, and leaves */
    box_put(b, 0x3ff00, 4, 0x60000);
    box_put(b, 0x3fff8, 8, 99);
    memcpy(b->ram + 0x38000, rsm, 2);
    b->vm->horizon = false; /* the loop has looked */
    vcpu_run(&c->v, 1);
    g_assert_false(viewed);
    g_assert_cmphex(c->v.pc, ==, 0x4123);
    g_assert_cmphex(c->v.mode & X86_MODE_CODE64, !=, 0);
    g_assert_cmphex(c->gpr[X86_RAX], ==, 99);
    g_assert_cmphex(c->efer & X86_EFER_LMA, !=, 0);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x242);
    g_assert_cmphex(c->dr[7], ==, 0x402);
    g_assert_cmphex(c->smbase, ==, 0x60000);
    g_assert_true(x86_irq_acceptable(&c->v)); /* the second SMI goes first */
    x86_irq_accept(&c->v);
    g_assert_cmphex(c->v.pc, ==, 0x68000);
    g_assert_true(c->nmi_pending);
}

/* SDM 3C table 31-1, auto halt restart 31.10 */
static void test_32(void)
{
    g_autoptr(Box) b = smm_box(false);
    X86Cpu *c = b->c;

    box_protected(b);
    c->gpr[X86_RBX] = 0x12345678;
    c->v.halted = true;
    smi(b);
    g_assert_false(c->v.halted);
    g_assert_cmphex(box_get(b, 0x3ffdc, 4), ==, 0x12345678);
    g_assert_cmphex(box_get(b, 0x3fff0, 4), ==, 0x4000);
    g_assert_cmphex(box_get(b, 0x3ffac, 4), ==, CODE0);
    g_assert_cmphex(box_get(b, 0x3fefc, 4), ==, 0x20000);
    g_assert_cmphex(box_get(b, 0x3fef8, 4), ==, 0x30000);
    g_assert_cmphex(box_get(b, 0x3ff02, 2), ==, 1);
    CALL(b, rsm, 0, 0, 0, 0);
    g_assert_true(c->v.halted);
    g_assert_cmphex(c->gpr[X86_RBX], ==, 0x12345678);
    g_assert_cmphex(c->v.pc, ==, 0x4000);
    g_assert_cmphex(c->seg[X86_CS].limit, ==, UINT32_MAX);
    g_assert_cmphex(c->gdt.base, ==, GDT_AT);
    g_assert_cmphex(c->tr.base, ==, TSS_AT);
    /* with the bit cleared it goes on behind the hlt */
    smi(b);
    box_put(b, 0x3ff02, 2, 0);
    CALL(b, rsm, 0, 0, 0, 0);
    g_assert_false(c->v.halted);
}

static void test_bad(void)
{
    g_autoptr(Box) b = smm_box(true);
    X86Cpu *c = b->c;

    CALL(b, rsm, 0, 0, 0, 0);
    box_expect_fault(b, X86_UD, -1);
    box_protected(b);
    smi(b);
    box_put(b, 0x3ff58, 8, X86_CR0_PG | X86_CR0_ET); /* PG without PE */
    CALL(b, rsm, 0, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(b->vm->requests, ==, VM_REQ_RESET);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/smm/long", test_long);
    g_test_add_func("/x86/smm/32", test_32);
    g_test_add_func("/x86/smm/bad", test_bad);
    return g_test_run();
}
