/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions, interrupts, far transfers, control registers, CPUID, MSRs, state.
 * Expected values are argued from SDM 3A. */
#include <string.h>

#include "tests/unit/x86_box.h"

/* --- exceptions ------------------------------------------------------------------- */

static void raise_at(Box *b, uint64_t pc, unsigned vector, int64_t error)
{
    b->c->v.pc = pc;
    if (error < 0) {
        x86_raise(b->c, vector);
    } else {
        x86_raise_error(b->c, vector, error);
    }
    x86_deliver(&b->c->v);
    g_assert_false(b->c->v.fault);
}

static void test_deliver_real(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    c->idt = (X86Table){.base = 0, .limit = 0x3ff};
    CALL(b, far_jmp, 0x1000, 0x20, 2, 0);
    g_assert_cmphex(c->v.pc, ==, 0x10020);
    CALL(b, load_seg, X86_SS, 0x2000, 0, 0);
    c->gpr[X86_RSP] = 0xdead0002; /* SP wraps inside the frame */
    x86_cpu_set_eflags(c, X86_IF | X86_CF | 2);
    box_put(b, 0x21 * 4, 4, 0x30000456);
    CALL(b, int_soft, 0x21, 0x22, 1, 0);
    c->v.pc = 0x10020;
    x86_deliver(&c->v);
    g_assert_cmphex(c->v.pc, ==, 0x30456);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xdeadfffc);
    g_assert_cmphex(box_get(b, 0x20000, 2), ==, 0x203);
    g_assert_cmphex(box_get(b, 0x2fffe, 2), ==, 0x1000);
    g_assert_cmphex(box_get(b, 0x2fffc, 2), ==, 0x22);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 3);
    CALL(b, iret, 2, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0x10022);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xdead0002);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x203);
}

static void test_deliver_same(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    x86_cpu_set_eflags(c, X86_IF | X86_ZF | 2);
    box_put(b, IDT_AT + 13 * 8, 8, box_gate(CODE0, 0x123456, 0x8e, 0));
    raise_at(b, 0x4000, X86_GP, 0x1234);
    g_assert_cmphex(c->v.pc, ==, 0x123456);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x8ff0);
    g_assert_cmphex(box_get(b, 0x8ff0, 4), ==, 0x1234);
    g_assert_cmphex(box_get(b, 0x8ff4, 4), ==, 0x4000);
    g_assert_cmphex(box_get(b, 0x8ff8, 4), ==, CODE0);
    g_assert_cmphex(box_get(b, 0x8ffc, 4), ==, 0x10242); /* RF: it is a fault */
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x42);
    c->gpr[X86_RSP] += 4;
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0x4000);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x9000);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x242);

    /* 16-bit trap gate: IF stays */
    box_put(b, IDT_AT + 3 * 8, 8, box_gate(CODE0, 0x5678, 0x87, 0));
    CALL(b, int_soft, 3, 0x4001, 0, 0);
    c->v.pc = 0x4000;
    x86_deliver(&c->v);
    g_assert_cmphex(c->v.pc, ==, 0x5678);
    g_assert_cmphex(box_get(b, 0x8ffa, 2), ==, 0x4001);
    g_assert_cmphex(box_get(b, 0x8ffe, 2), ==, 0x242);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x242);
}

static void test_deliver_inner(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    box_ring3(b);
    box_put(b, IDT_AT + 14 * 8, 8, box_gate(CODE0, 0x6000, 0x8e, 0));
    c->v.pc = 0x4400;
    x86_raise_page_fault(c, 0xabcd, X86_PF_U);
    x86_deliver(&c->v);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    g_assert_cmphex(c->cr2, ==, 0xabcd);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xa000 - 24);
    g_assert_cmphex(box_get(b, 0x9ffc, 4), ==, DATA3);
    g_assert_cmphex(box_get(b, 0x9ff8, 4), ==, 0xb000);
    g_assert_cmphex(box_get(b, 0x9ff4, 4), ==, 0x10202);
    g_assert_cmphex(box_get(b, 0x9ff0, 4), ==, CODE3);
    g_assert_cmphex(box_get(b, 0x9fec, 4), ==, 0x4400);
    g_assert_cmphex(box_get(b, 0x9fe8, 4), ==, X86_PF_U);
    c->gpr[X86_RSP] += 4;
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xb000);

    /* int n through a gate of DPL 0: #GP with IDT bit, EXT clear; delivered
     * with the int's own address */
    box_put(b, IDT_AT + 0x80 * 8, 8, box_gate(CODE0, 0x6000, 0x8e, 0));
    box_put(b, IDT_AT + 13 * 8, 8, box_gate(CODE0, 0x7000, 0x8e, 0));
    c->v.pc = 0x4400;
    CALL(b, int_soft, 0x80, 0x4402, 1, 0);
    x86_deliver(&c->v);
    g_assert_cmphex(c->v.pc, ==, 0x7000);
    g_assert_cmphex(box_get(b, 0x9fe8, 4), ==, 0x80 * 8 + 2);
    g_assert_cmphex(box_get(b, 0x9fec, 4), ==, 0x4400);
}

static void test_vm86(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    static const uint32_t frame[] = {0x100, 0x2000, 0x23202, 0xfffe, 0x3000,
                                     0x10,  0x20,   0x30,    0x40};

    box_protected(b);
    for (unsigned i = 0; i < G_N_ELEMENTS(frame); i++) {
        box_put(b, 0x8f00 + 4 * i, 4, frame[i]);
    }
    c->gpr[X86_RSP] = 0x8f00;
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.mode & X86_MODE_VM86, !=, 0);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->v.pc, ==, 0x20100);
    g_assert_cmphex(c->seg_base[X86_SS], ==, 0x30000);
    g_assert_cmphex(c->seg[X86_GS].sel, ==, 0x40);
    g_assert_cmphex(c->seg_base[X86_ES], ==, 0x100);

    box_put(b, IDT_AT + 13 * 8, 8, box_gate(CODE0, 0x6000, 0x8e, 0));
    raise_at(b, 0x20100, X86_GP, 0);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    g_assert_cmphex(c->v.mode & X86_MODE_VM86, ==, 0);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xa000 - 40);
    g_assert_cmphex(box_get(b, 0x9ffc, 4), ==, 0x40); /* gs fs ds es */
    g_assert_cmphex(box_get(b, 0x9ff0, 4), ==, 0x10);
    g_assert_cmphex(box_get(b, 0x9fec, 4), ==, 0x3000);
    g_assert_cmphex(box_get(b, 0x9fe4, 4), ==, 0x33202);
    g_assert_cmphex(box_get(b, 0x9fdc, 4), ==, 0x100);
    g_assert_cmphex(c->seg[X86_DS].sel, ==, 0);
    /* and back */
    c->gpr[X86_RSP] += 4;
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0x20100);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xfffe);
}

/* vm86 code at 2000:0100 with SP 3000:fffe; the redirection bitmap is clear. */
static Box *vme_box(uint32_t iopl, bool vme)
{
    Box *b = box_new();
    uint32_t frame[] = {
        0x100, 0x2000, 0x20002 | iopl << 12, 0xfffe, 0x3000, 0, 0, 0, 0};

    box_protected(b);
    box_put(b, TSS_AT + 0x66, 2, 0x88);
    box_put(b, IDT_AT + 13 * 8, 8, box_gate(CODE0, 0x6000, 0x8e, 0));
    box_put(b, IDT_AT + 0x21 * 8, 8, box_gate(CODE0, 0x6100, 0xee, 0));
    box_put(b, 0x21 * 4, 4, 0x40000200);
    CALL(b, write_cr, 4, vme ? X86_CR4_VME : 0, 0, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(frame); i++) {
        box_put(b, 0x8f00 + 4 * i, 4, frame[i]);
    }
    b->c->gpr[X86_RSP] = 0x8f00;
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_false(b->c->v.fault);
    return b;
}

static void vme_int(Box *b, unsigned vector)
{
    CALL(b, int_soft, vector, 0x102, 1, 0);
    x86_deliver(&b->c->v);
    g_assert_false(b->c->v.fault);
}

/* SDM 3B table 21-2, methods 1 to 6 */
static void test_vme_int(void)
{
    static const struct {
        bool vme, bit;
        unsigned iopl;
        uint32_t pc, image; /* image: of the redirected frame */
    } row[] = {
        {false, false, 3, 0x6100, 0},      {false, false, 0, 0x6000, 0},
        {true, true, 0, 0x6000, 0},        {true, true, 3, 0x6100, 0},
        {true, false, 3, 0x40200, 0x3002}, {true, false, 0, 0x40200, 0x3202},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        g_autoptr(Box) b = vme_box(row[i].iopl, row[i].vme);
        X86Cpu *c = b->c;

        c->eflags |= X86_VIF;
        box_put(b, TSS_AT + 0x68 + 4, 1, row[i].bit ? 2 : 0xfd);
        vme_int(b, 0x21);
        g_assert_cmphex(c->v.pc, ==, row[i].pc);
        if (row[i].image) {
            g_assert_cmphex(box_get(b, 0x3fffc, 2), ==, row[i].image);
            g_assert_cmphex(box_get(b, 0x3fffa, 2), ==, 0x2000);
            g_assert_cmphex(box_get(b, 0x3fff8, 2), ==, 0x102);
            g_assert_cmphex(c->eflags & X86_VIF, ==,
                            row[i].iopl == 3 ? X86_VIF : 0);
            CALL(b, iret, 2, 0, 0, 0);
            g_assert_false(c->v.fault);
            g_assert_cmphex(c->v.pc, ==, 0x20102);
            g_assert_cmphex(c->eflags & X86_VIF, ==, X86_VIF);
        }
    }
}

/* SDM 3B 21.3.4, 21.4 */
static void test_vme_flags(void)
{
    g_autoptr(Box) b = vme_box(0, true);
    X86Cpu *c = b->c;

    g_assert_cmphex(CALL(b, pushf_check, 2, 0, 0, 0), ==, 0x3002);
    CALL(b, sti, 0, 0, 0, 0);
    g_assert_cmphex(c->eflags, ==, 0x20002 | X86_VIF);
    g_assert_false(c->inhibit);
    g_assert_cmphex(CALL(b, pushf_check, 2, 0, 0, 0) & 0xffff, ==, 0x3202);
    CALL(b, pushf_check, 4, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, cli, 0, 0, 0, 0);
    g_assert_cmphex(c->eflags, ==, 0x20002);
    CALL(b, popf, 0x3602, 2, 0, 0); /* IF to VIF, IOPL stays */
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x20402 | X86_VIF);
    CALL(b, popf, X86_TF, 2, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    c->eflags |= X86_VIP;
    CALL(b, sti, 0, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, popf, X86_IF, 2, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, popf, 0, 2, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->eflags & X86_VIF, ==, 0);
}

static void test_pvi(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    CALL(b, write_cr, 4, X86_CR4_PVI, 0, 0);
    box_ring3(b);
    CALL(b, sti, 0, 0, 0, 0);
    g_assert_cmphex(c->eflags & (X86_VIF | X86_IF), ==, X86_VIF | X86_IF);
    CALL(b, cli, 0, 0, 0, 0);
    g_assert_cmphex(c->eflags & (X86_VIF | X86_IF), ==, X86_IF);
    c->eflags |= X86_VIP;
    CALL(b, sti, 0, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
}

static void test_deliver_long(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_long(b);
    box_put(b, IDT_AT + 14 * 16, 8, box_gate(CODE64, 0x45678, 0x8e, 0));
    box_put(b, IDT_AT + 14 * 16 + 8, 8, 0x12);
    box_put(b, IDT_AT + 8 * 16, 8,
            box_gate(CODE64, 0x5000, 0x8e, 1)); /* IST1 */
    box_put(b, IDT_AT + 8 * 16 + 8, 8, 0);
    c->gpr[X86_RSP] = 0x9009;
    raise_at(b, 0x4000, X86_PFX, 2);
    g_assert_cmphex(c->v.pc, ==, 0x1200045678);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x9000 - 48);
    g_assert_cmphex(box_get(b, 0x8ff8, 8), ==, DATA0);
    g_assert_cmphex(box_get(b, 0x8ff0, 8), ==, 0x9009);
    g_assert_cmphex(box_get(b, 0x8fe8, 8), ==, 0x10002);
    g_assert_cmphex(box_get(b, 0x8fe0, 8), ==, CODE64);
    g_assert_cmphex(box_get(b, 0x8fd8, 8), ==, 0x4000);
    g_assert_cmphex(box_get(b, 0x8fd0, 8), ==, 2);
    /* to ring 3, 64-bit */
    c->gpr[X86_RSP] += 8;
    box_put(b, 0x8fd8, 8, 0x400010);
    box_put(b, 0x8fe0, 8, CODE64_3);
    box_put(b, 0x8ff0, 8, 0x7fff0);
    box_put(b, 0x8ff8, 8, DATA64_3);
    CALL(b, iret, 8, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->v.pc, ==, 0x400010);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x7fff0);
    /* inwards: RSP0 is aligned down, SS becomes null */
    raise_at(b, 0x400010, X86_PFX, 4);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    g_assert_cmphex(c->seg[X86_SS].sel, ==, 0);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xa000 - 48);
    g_assert_cmphex(box_get(b, 0x9ff8, 8), ==, DATA64_3);
    /* IST */
    raise_at(b, 0x4000, X86_DFX, 0);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xc000 - 48);
    /* iret with a null SS at ring 0 */
    c->gpr[X86_RSP] += 8;
    CALL(b, iret, 8, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x4000);
}

static void test_syscall(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_long(b);
    g_assert_true(
        x86_msr_write(c, 0xc0000081, (uint64_t)CODE64 << 32 | 0x33ull << 48));
    g_assert_true(x86_msr_write(c, 0xc0000082, 0xffffffff81000000));
    g_assert_true(x86_msr_write(c, 0xc0000084, X86_IF | X86_DF));
    g_assert_false(x86_msr_write(c, 0xc0000082, 1ull << 47));
    x86_cpu_set_eflags(c, X86_IF | X86_CF | 2);
    CALL(b, syscall, 0x4002, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0xffffffff81000000);
    g_assert_cmphex(c->gpr[X86_RCX], ==, 0x4002);
    g_assert_cmphex(c->gpr[11], ==, 0x203);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 3);
    g_assert_cmphex(c->seg[X86_SS].sel, ==, CODE64 + 8);
    CALL(b, sysret, 8, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0x4002);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, 0x43);
    g_assert_cmphex(c->seg[X86_SS].sel, ==, 0x3b);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x203);
    CALL(b, sysret, 8, 0, 0, 0); /* not at ring 3 */
    box_expect_fault(b, X86_GP, 0);
    CALL(b, swapgs, 0, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
}

/* --- double and triple faults -------------------------------------------------------- */

static void test_double_fault(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    box_put(b, IDT_AT + 8 * 8, 8, box_gate(CODE0, 0x8888, 0x8e, 0));
    box_put(b, IDT_AT + 11 * 8, 8, box_gate(CODE0, 0xb000, 0x8e, 0));
    /* #UD (benign) whose gate is absent: #NP with EXT and IDT */
    box_put(b, IDT_AT + 6 * 8, 8, box_gate(CODE0, 0x6666, 0x0e, 0));
    raise_at(b, 0x4000, X86_UD, -1);
    g_assert_cmphex(c->v.pc, ==, 0xb000);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, 6 * 8 + 3);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP] + 4, 4), ==, 0x4000);
    /* #GP (contributory) whose gate is no gate: #GP again, so #DF(0) */
    box_put(b, IDT_AT + 13 * 8, 8, 0);
    raise_at(b, 0x4000, X86_GP, 0);
    g_assert_cmphex(c->v.pc, ==, 0x8888);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, 0);
    g_assert_cmphex(b->vm->requests, ==, 0);
    /* without a #DF handler: shutdown, the board resets */
    box_put(b, IDT_AT + 8 * 8, 8, 0);
    raise_at(b, 0x4000, X86_GP, 0);
    g_assert_cmphex(b->vm->requests, ==, VM_REQ_RESET);
    g_assert_cmpint(b->vm->cause, ==, VM_CAUSE_GUEST_RESET);
    g_assert_false(x86_runnable(&c->v));
}

static void test_bad_inner_stack(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    box_ring3(b);
    box_put(b, TSS_AT + 8, 2, CODE0); /* SS0 is a code segment */
    box_put(b, IDT_AT + 6 * 8, 8, box_gate(CODE0, 0x6666, 0x8e, 0));
    box_put(b, IDT_AT + 10 * 8, 8, box_gate(CODE0, 0xaaaa, 0x8e, 0));
    box_put(b, IDT_AT + 8 * 8, 8, box_gate(CODE0, 0x8888, 0x8e, 0));
    raise_at(b, 0x4400, X86_UD, -1);
    /* #TS needs the same stack: #DF, which needs it too: shutdown */
    g_assert_cmphex(b->vm->requests, ==, VM_REQ_RESET);
    g_assert_cmpuint(x86_cpl(c), ==, 3); /* nothing was committed */
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xb000);
}

static void test_frame_is_whole_or_nothing(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    /* the frame crosses into a page that is not there */
    box_protected(b);
    for (unsigned i = 0; i < 0x20; i++) {
        box_put(b, 0x11000 + 4 * i, 4, i << 12 | 3);
    }
    box_put(b, 0x11000 + 4 * 8, 4, 0);
    box_put(b, 0x10000, 4, 0x11003);
    CALL(b, write_cr, 3, 0x10000, 0, 0);
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_PG, 0, 0);
    c->gpr[X86_RSP] = 0x9008;
    box_put(b, 0x9000, 8, 0x1122334455667788);
    CALL(b, far_call, CODE0, 0x100, 4, 0x4007);
    g_assert_false(c->v.fault);
    g_assert_cmphex(box_get(b, 0x9000, 8), ==, (uint64_t)CODE0 << 32 | 0x4007);
    box_put(b, 0x9000, 8, 0x1122334455667788);
    c->gpr[X86_RSP] = 0x9004;
    CALL(b, far_call, CODE0, 0x100, 4, 0x4007);
    box_expect_fault(b, X86_PFX, X86_PF_W);
    g_assert_cmphex(c->cr2, ==, 0x8ffc);
    g_assert_cmphex(box_get(b, 0x9000, 8), ==, 0x1122334455667788);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x9004);
}

/* --- far transfers ---------------------------------------------------------------------- */

static void test_call_gate(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    box_ring3(b);
    box_put(b, 0xaff8, 4, 0x11111111); /* two parameters */
    box_put(b, 0xaffc, 4, 0x22222222);
    c->gpr[X86_RSP] = 0xaff8;
    CALL(b, far_call, CALLGATE, 0xdeadbeef, 4, 0x4407);
    g_assert_false(c->v.fault);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    g_assert_cmphex(c->v.pc, ==, 0x3000);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xa000 - 24);
    g_assert_cmphex(box_get(b, 0x9ffc, 4), ==, DATA3);
    g_assert_cmphex(box_get(b, 0x9ff8, 4), ==, 0xaff8);
    g_assert_cmphex(box_get(b, 0x9ff4, 4), ==, 0x22222222);
    g_assert_cmphex(box_get(b, 0x9ff0, 4), ==, 0x11111111);
    g_assert_cmphex(box_get(b, 0x9fec, 4), ==, CODE3);
    g_assert_cmphex(box_get(b, 0x9fe8, 4), ==, 0x4407);
    CALL(b, far_ret, 4, 8, 0, 0); /* drops the parameters on both stacks */
    g_assert_false(c->v.fault);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->v.pc, ==, 0x4407);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xb000);
    /* a jump may not go inwards */
    CALL(b, far_jmp, CALLGATE, 0, 4, 0);
    box_expect_fault(b, X86_GP, CODE0);
    CALL(b, far_jmp, CODE0, 0, 4, 0);
    box_expect_fault(b, X86_GP, CODE0);
    CALL(b, far_jmp, CONFORM, 0x4444, 4, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, CONFORM | 3);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    CALL(b, far_jmp, DATA3, 0, 4, 0);
    box_expect_fault(b, X86_GP, DATA3 & ~3);
    CALL(b, far_jmp, 0, 0, 4, 0);
    box_expect_fault(b, X86_GP, 0);
}

static void test_task_switch(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    box_put(b, TSS2_AT + 0x20, 4, 0x5000);     /* eip */
    box_put(b, TSS2_AT + 0x24, 4, 0x202);      /* eflags */
    box_put(b, TSS2_AT + 0x28, 4, 0xaaaa5555); /* eax */
    box_put(b, TSS2_AT + 0x38, 4, 0xd000);     /* esp */
    box_put(b, TSS2_AT + 0x4c, 4, CODE0);      /* cs */
    box_put(b, TSS2_AT + 0x50, 4, DATA0);      /* ss */
    box_put(b, TSS2_AT + 0x54, 4, DATA3);      /* ds */
    c->gpr[X86_RBX] = 0x12345678;
    CALL(b, far_call, TSS2, 0, 4, 0x4007);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x5000);
    g_assert_cmphex(c->gpr[X86_RAX], ==, 0xaaaa5555);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xd000);
    g_assert_cmphex(c->tr.sel, ==, TSS2);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x202 | X86_NT);
    g_assert_cmphex(c->cr0 & X86_CR0_TS, !=, 0);
    g_assert_cmphex(box_get(b, TSS2_AT, 2), ==, TSS); /* link */
    g_assert_cmphex(box_get(b, TSS_AT + 0x20, 4), ==, 0x4007);
    g_assert_cmphex(box_get(b, TSS_AT + 0x34, 4), ==, 0x12345678);
    g_assert_cmphex(box_get(b, GDT_AT + TSS2 + 5, 1), ==, 0x8b);
    g_assert_cmphex(box_get(b, GDT_AT + TSS + 5, 1), ==, 0x8b);
    CALL(b, iret, 4, 0x5001, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x4007);
    g_assert_cmphex(c->gpr[X86_RBX], ==, 0x12345678);
    g_assert_cmphex(c->tr.sel, ==, TSS);
    g_assert_cmphex(x86_cpu_eflags(c) & X86_NT, ==, 0);
    g_assert_cmphex(box_get(b, GDT_AT + TSS2 + 5, 1), ==, 0x89);
    g_assert_cmphex(box_get(b, TSS2_AT + 0x20, 4), ==, 0x5001);
    /* as an exception handler: the error code is on its stack */
    box_put(b, IDT_AT + 13 * 8, 8, box_gate(TSS2, 0, 0x85, 0));
    raise_at(b, 0x4007, X86_GP, 0x77);
    g_assert_cmphex(c->v.pc, ==, 0x5001);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, 0x77);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xd000 - 4);
}

/* --- control registers, ports ------------------------------------------------------------ */

static void test_control_registers(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    CALL(b, write_cr, 0, X86_CR0_PG | X86_CR0_ET, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, write_cr, 0, X86_CR0_NW | X86_CR0_ET, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, write_cr, 4, 1ull << 15, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, write_cr, 4, X86_CR4_PCIDE, 0, 0); /* not in long mode */
    box_expect_fault(b, X86_GP, 0);
    CALL(b, write_cr, 1, 0, 0, 0);
    box_expect_fault(b, X86_UD, -1);
    CALL(b, lmsw, 1, 0, 0, 0);
    g_assert_cmphex(c->cr0 & X86_CR0_PE, !=, 0);
    CALL(b, lmsw, 0, 0, 0, 0);
    g_assert_cmphex(c->cr0 & X86_CR0_PE, !=, 0); /* LMSW cannot clear PE */
    CALL(b, write_cr, 0, X86_CR0_ET, 0, 0);
    box_long(b);
    CALL(b, write_cr, 4, 0, 0, 0); /* PAE must stay */
    box_expect_fault(b, X86_GP, 0);
    CALL(b, write_cr, 0, X86_CR0_PE, 0, 0); /* PG must stay in 64-bit code */
    box_expect_fault(b, X86_GP, 0);
    CALL(b, write_cr, 3, 1ull << 45, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, write_cr, 4, c->cr4 | X86_CR4_PCIDE, 0, 0);
    g_assert_false(c->v.fault);
    CALL(b, write_cr, 3, PML4_AT | 5 | 1ull << 63, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->cr3, ==, PML4_AT | 5);
    g_assert_false(x86_msr_write(c, 0xc0000080, X86_EFER_NXE)); /* LME, PG */
    CALL(b, write_dr, 7, 0, 0, 0);
    g_assert_cmphex(CALL(b, read_dr, 7, 0, 0, 0), ==, 0x400);
    CALL(b, write_dr, 6, 0, 0, 0);
    g_assert_cmphex(CALL(b, read_dr, 6, 0, 0, 0), ==, 0xffff0ff0);
    CALL(b, write_dr, 7, 1ull << 32, 0, 0);
    box_expect_fault(b, X86_GP, 0);
}

static void test_io_permission(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    memset(b->ram + TSS_AT + 0x68, 0xff, 0x80);
    box_put(b, TSS_AT + 0x68 + 0x60 / 8, 1, 0xfe); /* port 0x60 only */
    box_ring3(b);
    CALL(b, io_check, 0x60, 1, 0, 0);
    g_assert_false(c->v.fault);
    CALL(b, io_check, 0x60, 2, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, io_check, 0x61, 1, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, io_check, 0xf000, 1, 0, 0); /* behind the limit */
    box_expect_fault(b, X86_GP, 0);
    CALL(b, cli, 0, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, hlt, 0, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, popf, X86_IOPL | X86_CF, 4, 0, 0); /* IF, IOPL stay */
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x203);
    c->eflags |= X86_IOPL;
    CALL(b, io_check, 0x61, 1, 0, 0);
    g_assert_false(c->v.fault);
}

/* --- interrupts ---------------------------------------------------------------------------- */

static int ack_vector;

static int fake_ack(Device *owner)
{
    return ack_vector;
}

static void test_interrupts(void)
{
    g_autoptr(Box) b = box_new();
    static const X86IntrOps ops = {.ack = fake_ack};
    X86Cpu *c = b->c;

    ack_vector = 0x33;
    box_protected(b);
    x86_cpu_set_intr(c, &ops, NULL);
    box_put(b, IDT_AT + 0x33 * 8, 8, box_gate(CODE0, 0x3333, 0x8e, 0));
    box_put(b, IDT_AT + 2 * 8, 8, box_gate(CODE0, 0x2222, 0x8e, 0));
    irq_set(&c->intr, true);
    g_assert_false(x86_irq_acceptable(&c->v));
    CALL(b, sti, 0, 0, 0, 0);
    g_assert_false(x86_irq_acceptable(&c->v)); /* the shadow */
    g_assert_true(x86_irq_inhibited(&c->v));
    c->v.halted = true; /* sti; hlt */
    x86_irq_uninhibit(&c->v);
    g_assert_true(x86_runnable(&c->v));
    irq_pulse(&c->nmi);
    c->v.pc = 0x4001;
    x86_irq_accept(&c->v); /* NMI first */
    g_assert_false(c->v.halted);
    g_assert_cmphex(c->v.pc, ==, 0x2222);
    g_assert_true(c->nmi_blocked);
    irq_pulse(&c->nmi);
    g_assert_false(x86_irq_acceptable(&c->v)); /* IF clear, NMI blocked */
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0x4001);
    x86_irq_accept(&c->v); /* the second NMI */
    g_assert_cmphex(c->v.pc, ==, 0x2222);
    CALL(b, iret, 4, 0, 0, 0);
    x86_irq_accept(&c->v);
    g_assert_cmphex(c->v.pc, ==, 0x3333);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, 0x4001);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP] + 8, 4), ==, 0x202); /* no RF */
    /* hlt with IF clear: only an NMI wakes */
    c->v.halted = true;
    g_assert_false(x86_runnable(&c->v));
    irq_pulse(&c->nmi);
    g_assert_true(x86_runnable(&c->v));
}

/* --- CPUID, MSRs ------------------------------------------------------------------------------ */

static void cpuid(Box *b, uint32_t leaf, uint32_t sub)
{
    b->c->gpr[X86_RAX] = leaf;
    b->c->gpr[X86_RCX] = sub;
    CALL(b, cpuid, 0, 0, 0, 0);
}

static void test_cpuid(void)
{
    g_autoptr(Box) b = box_new_as("qemu64", true);
    g_autoptr(Box) n = box_new_as("Nehalem,-nx,model-id=Test One", true);
    g_autoptr(Box) s = box_new_as(NULL, false);
    X86Cpu *c = b->c;

    cpuid(b, 0, 0);
    g_assert_cmphex(c->gpr[X86_RBX], ==, 0x68747541); /* Auth enti cAMD */
    g_assert_cmphex(c->gpr[X86_RDX], ==, 0x69746e65);
    g_assert_cmphex(c->gpr[X86_RCX], ==, 0x444d4163);
    cpuid(b, 1, 0);
    g_assert_cmphex(c->gpr[X86_RAX], ==, 0x60fb1); /* 15, 107, 1 */
    g_assert_cmphex(c->gpr[X86_RDX], ==, 0x078bfbfd);
    g_assert_cmphex(c->gpr[X86_RCX], ==, 0x80002001);
    cpuid(b, 0x40000000, 0);
    g_assert_cmphex(c->gpr[X86_RBX], ==, 0x72706552); /* Repr */
    cpuid(b, 0x80000001, 0);
    g_assert_cmphex(c->gpr[X86_RDX], ==, 0x2183fbfd | 1u << 20 | 1u << 11);
    cpuid(b, 0x80000008, 0);
    g_assert_cmphex(c->gpr[X86_RAX], ==, 0x3028);
    cpuid(n, 0, 0);
    g_assert_cmphex(n->c->gpr[X86_RBX], ==, 0x756e6547);
    cpuid(n, 1, 0);
    g_assert_cmphex(n->c->gpr[X86_RAX], ==, 0x106a3);
    cpuid(n, 0x80000001, 0);
    g_assert_cmphex(n->c->gpr[X86_RDX], ==, 1u << 29 | 1u << 11);
    cpuid(n, 0x80000002, 0);
    g_assert_cmphex(n->c->gpr[X86_RAX], ==, 0x74736554);
    /* the i386 default: no long mode */
    cpuid(s, 1, 0);
    g_assert_cmphex(s->c->gpr[X86_RAX], ==, 0x663);
    cpuid(s, 0x80000001, 0);
    g_assert_cmphex(s->c->gpr[X86_RDX], ==, 0);
    g_assert_false(x86_msr_write(s->c, 0xc0000080, X86_EFER_LME));
}

static void expect_model_error(const char *text, const char *part)
{
    g_autoptr(Box) b = box_new();
    g_autoptr(GError) error = NULL;
    X86Cpu *c = g_new0(X86Cpu, 1);

    c->v.dev.vm = b->vm;
    g_assert_false(x86_model_apply(c, text, true, &error));
    g_assert_nonnull(strstr(error->message, part));
    x86_model_free(c);
    g_free(c);
}

static void test_model_errors(void)
{
    expect_model_error("nehalem", "Nehalem");
    expect_model_error("qemu64,+sse22", "sse2");
    expect_model_error("qemu64,stepping=16", "stepping");
    expect_model_error("qemu64,vendor=me", "12 characters");
    expect_model_error("qemu64,nx=maybe", "on or off");
    expect_model_error("qemu64,+avx512f,enforce", "requested features");
}

static void test_msr(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    uint64_t v, t;

    g_assert_false(x86_msr_read(c, 0x12345, &v));
    c->gpr[X86_RCX] = 0x12345;
    CALL(b, rdmsr, 0, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    g_assert_true(x86_msr_write(c, 0x277, 0x0007010600070106));
    g_assert_false(x86_msr_write(c, 0x277, 2)); /* no such memory type */
    g_assert_true(x86_msr_read(c, 0x277, &v));
    g_assert_cmphex(v, ==, 0x0007010600070106);
    g_assert_true(x86_msr_write(c, 0x203, 0xfffffff800));
    g_assert_cmphex(c->mtrr_mask[1], ==, 0xfffffff800);
    g_assert_false(x86_msr_write(c, 0x203, 1ull << 40));
    g_assert_true(x86_msr_write(c, 0x26f, 0x0606060606060606));
    g_assert_cmphex(c->mtrr_fixed[10], ==, 0x0606060606060606);
    g_assert_false(x86_msr_write(c, 0x26f, 0x0606060606060206)); /* 11.11.2.2 */
    g_assert_false(x86_msr_write(c, 0x17a, 8));                  /* 15.3.1.2 */
    g_assert_true(x86_msr_write(c, 0x17a, 4));
    g_assert_true(x86_msr_read(c, 0x8b, &v));
    g_assert_cmphex(v, ==, 0x01000065);
    g_assert_false(x86_msr_write(c, 0x401, 5));
    g_assert_true(x86_msr_write(c, 0x400, UINT64_MAX));
    /* TSC: one tick a virtual ns, and writable */
    clock_set_rate(b->vm->clock, 1ull << 32);
    t = x86_cpu_tsc(c);
    clock_set_icount(b->vm->clock, 1000);
    g_assert_cmphex(x86_cpu_tsc(c), ==, t + 1000);
    g_assert_true(x86_msr_write(c, 0x10, 5));
    clock_set_icount(b->vm->clock, 1007);
    CALL(b, rdtsc, 0, 0, 0, 0);
    g_assert_cmphex(c->gpr[X86_RAX], ==, 12);
    g_assert_cmphex(c->gpr[X86_RDX], ==, 0);
    g_assert_true(x86_msr_read(c, 0x3b, &v));
    g_assert_cmphex(v, ==, (uint64_t)c->tsc_adjust);
}

/* --- state ---------------------------------------------------------------------------------- */

static void test_lazy_flags_digest(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    uint64_t lazy, plain;

    c->fl_kind = X86_FL_SUB | 2; /* 5 - 5 in 4 bytes: ZF, PF */
    c->fl_a = 5;
    c->fl_b = 5;
    g_assert_cmphex(x86_cpu_eflags(c), ==, X86_ZF | X86_PF | 2);
    lazy = state_digest(&c->v.dev);
    x86_sync(&c->v);
    g_assert_cmphex(c->fl_kind, ==, X86_FL_FLAGS);
    g_assert_cmphex(x86_cpu_eflags(c), ==, X86_ZF | X86_PF | 2);
    plain = state_digest(&c->v.dev);
    g_assert_cmphex(lazy, ==, plain);
    x86_cpu_set_eflags(c, X86_ZF | 2);
    g_assert_cmphex(state_digest(&c->v.dev), !=, plain);
}

static void test_save_load(void)
{
    g_autoptr(Box) b = box_new();
    g_autoptr(Box) to = box_new();
    g_autoptr(GByteArray) saved = g_byte_array_new();
    GError *error = NULL;

    box_long(b);
    b->c->gpr[9] = 0x1122334455667788;
    b->c->xmm[3].u64[1] = 42;
    b->c->fl_kind = X86_FL_ADD | 3;
    b->c->fl_a = UINT64_MAX;
    b->c->fl_b = 1;
    state_save(&b->c->v.dev, saved);
    g_assert_true(state_load(&to->c->v.dev, saved->data, saved->len, &error));
    g_assert_no_error(error);
    g_assert_cmphex(state_digest(&b->c->v.dev), ==,
                    state_digest(&to->c->v.dev));
    g_assert_cmphex(to->c->v.mode, ==, b->c->v.mode);
    g_assert_cmphex(to->c->gpr[9], ==, 0x1122334455667788);
    g_assert_cmphex(x86_cpu_eflags(to->c), ==, x86_cpu_eflags(b->c));
    g_assert_cmphex(to->c->fl_kind, ==, X86_FL_FLAGS);
}

static void test_print(void)
{
    g_autoptr(Box) b = box_new();
    g_autoptr(GString) out = g_string_new(NULL);
    uint64_t before;

    box_long(b);
    before = state_digest(&b->c->v.dev);
    x86_print(&b->c->v, out);
    g_assert_nonnull(strstr(out->str, "RIP=0000000000004000"));
    g_assert_nonnull(strstr(out->str, "CS =0038"));
    g_assert_cmphex(state_digest(&b->c->v.dev), ==, before);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/sys/deliver-real", test_deliver_real);
    g_test_add_func("/x86/sys/deliver-same", test_deliver_same);
    g_test_add_func("/x86/sys/deliver-inner", test_deliver_inner);
    g_test_add_func("/x86/sys/vm86", test_vm86);
    g_test_add_func("/x86/sys/vme-int", test_vme_int);
    g_test_add_func("/x86/sys/vme-flags", test_vme_flags);
    g_test_add_func("/x86/sys/pvi", test_pvi);
    g_test_add_func("/x86/sys/deliver-long", test_deliver_long);
    g_test_add_func("/x86/sys/syscall", test_syscall);
    g_test_add_func("/x86/sys/double-fault", test_double_fault);
    g_test_add_func("/x86/sys/bad-inner-stack", test_bad_inner_stack);
    g_test_add_func("/x86/sys/whole-frames", test_frame_is_whole_or_nothing);
    g_test_add_func("/x86/sys/call-gate", test_call_gate);
    g_test_add_func("/x86/sys/task-switch", test_task_switch);
    g_test_add_func("/x86/sys/control-registers", test_control_registers);
    g_test_add_func("/x86/sys/io-permission", test_io_permission);
    g_test_add_func("/x86/sys/interrupts", test_interrupts);
    g_test_add_func("/x86/sys/cpuid", test_cpuid);
    g_test_add_func("/x86/sys/model-errors", test_model_errors);
    g_test_add_func("/x86/sys/msr", test_msr);
    g_test_add_func("/x86/sys/lazy-flags-digest", test_lazy_flags_digest);
    g_test_add_func("/x86/sys/save-load", test_save_load);
    g_test_add_func("/x86/sys/print", test_print);
    return g_test_run();
}
