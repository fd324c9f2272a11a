/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables by hand in guest RAM. */
#include "tests/unit/x86_box.h"

#define RAM_BYTES (8u << 20)

Box *box_new_with(const char *cpu, bool long_mode, const char *accel)
{
    Box *b = g_new0(Box, 1);
    AccelOptions o = {.interp = true};
    GError *error = NULL;
    MemRegion *ram;

    accel_options_parse(&o, accel, &error);
    g_assert_no_error(error);
    o.interp = g_getenv("REPRISE_TEST_JIT") == NULL;
    b->vm = vm_new();
    accel_init(b->vm, &o, &error);
    g_assert_no_error(error);
    ram = mem_ram(b->vm, "ram", RAM_BYTES, &error);
    g_assert_no_error(error);
    mem_add(b->vm->mem_root, 0, ram, 0);
    b->ram = mem_host(ram);
    b->c = x86_cpu_new(b->vm, NULL, 0, 1, cpu, long_mode, &error);
    g_assert_no_error(error);
    devices_seal(b->vm);
    devices_reset(b->vm);
    return b;
}

Box *box_new_as(const char *cpu, bool long_mode)
{
    return box_new_with(cpu, long_mode, "");
}

Box *box_new(void)
{
    return box_new_as("max", true);
}

void box_free(Box *b)
{
    accel_fini(b->vm);
    vm_free(b->vm);
    g_free(b);
}

void box_put(Box *b, uint32_t at, unsigned size, uint64_t v)
{
    for (unsigned i = 0; i < size; i++) {
        b->ram[at + i] = v >> (8 * i);
    }
}

uint64_t box_get(Box *b, uint32_t at, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = size; i-- > 0;) {
        v = (v << 8) | b->ram[at + i];
    }
    return v;
}

/* @access: P DPL S type; @flags: G D L AVL */
uint64_t box_desc(uint32_t base, uint32_t limit, unsigned access,
                  unsigned flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16
           | (uint64_t)access << 40 | (uint64_t)(limit >> 16 & 15) << 48
           | (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

uint64_t box_gate(uint16_t sel, uint32_t off, unsigned access, unsigned low)
{
    return (off & 0xffff) | (uint64_t)sel << 16 | (uint64_t)low << 32
           | (uint64_t)access << 40 | (uint64_t)(off >> 16) << 48;
}

void box_expect_fault(Box *b, unsigned vector, int64_t error)
{
    g_assert_true(b->c->v.fault);
    g_assert_cmpuint(b->c->exc_vector, ==, vector);
    g_assert_cmpint(b->c->exc_has_error, ==, error >= 0);
    if (error >= 0) {
        g_assert_cmphex(b->c->exc_error, ==, error);
    }
    b->c->v.fault = false;
}

static void set_gdt(Box *b)
{
    box_put(b, GDT_AT + 0, 8, 0);
    box_put(b, GDT_AT + 0x08, 8, box_desc(0, 0xfffff, 0x9a, 0xc));
    box_put(b, GDT_AT + 0x10, 8, box_desc(0, 0xfffff, 0x92, 0xc));
    box_put(b, GDT_AT + 0x18, 8, box_desc(0, 0xfffff, 0xfa, 0xc));
    box_put(b, GDT_AT + 0x20, 8, box_desc(0, 0xfffff, 0xf2, 0xc));
    box_put(b, GDT_AT + 0x28, 8, box_desc(TSS_AT, 0x2ff, 0x89, 0));
    box_put(b, GDT_AT + 0x30, 8, 0);
    box_put(b, GDT_AT + 0x38, 8, box_desc(0, 0xfffff, 0x9a, 0xa));
    box_put(b, GDT_AT + 0x40, 8, box_desc(0, 0xfffff, 0xfa, 0xa));
    box_put(b, GDT_AT + 0x48, 8, box_desc(0, 0xfffff, 0xf2, 0xc));
    box_put(b, GDT_AT + 0x50, 8, box_desc(0x1000, 0xff, 0x92, 0x4));
    box_put(b, GDT_AT + 0x58, 8, box_desc(0x1000, 0xff, 0x96, 0x4));
    box_put(b, GDT_AT + 0x60, 8, box_desc(0, 0xfffff, 0x12, 0xc));
    box_put(b, GDT_AT + 0x68, 8, box_desc(0, 0xfffff, 0x98, 0xc));
    box_put(b, GDT_AT + 0x70, 8, box_gate(CODE0, 0x3000, 0xec, 2));
    box_put(b, GDT_AT + 0x78, 8, box_desc(TSS2_AT, 0x67, 0x89, 0));
    box_put(b, GDT_AT + 0x80, 8, box_desc(0, 0xfffff, 0x9e, 0xc));
    box_put(b, GDT_AT + 0x90, 8, box_desc(0x8000, 0xf, 0x82, 0));
    box_put(b, GDT_AT + 0x98, 8, 0);
    b->c->gdt = (X86Table){.base = GDT_AT, .limit = 0x9f};
    b->c->idt = (X86Table){.base = IDT_AT, .limit = 0xfff};
}

/* Flat protected mode at ring 0 with a stack at 0x9000 and a TSS whose ring 0
 * stack is at 0xa000. */
void box_protected(Box *b)
{
    set_gdt(b);
    CALL(b, write_cr, 0, X86_CR0_PE | X86_CR0_ET, 0, 0);
    CALL(b, far_jmp, CODE0, 0x4000, 4, 0);
    CALL(b, load_seg, X86_SS, DATA0, 0, 0);
    CALL(b, load_seg, X86_DS, DATA0, 0, 0);
    CALL(b, load_seg, X86_ES, DATA0, 0, 0);
    CALL(b, ltr, TSS, 0, 0, 0);
    b->c->inhibit = false;
    b->c->gpr[X86_RSP] = 0x9000;
    box_put(b, TSS_AT + 4, 4, 0xa000);
    box_put(b, TSS_AT + 8, 4, DATA0);
    box_put(b, TSS_AT + 0x66, 2, 0x68);
    g_assert_false(b->c->v.fault);
    g_assert_cmpuint(x86_cpl(b->c), ==, 0);
}

/* To ring 3 by an iret that a real kernel would do. */
void box_ring3(Box *b)
{
    box_put(b, 0x8f00, 4, 0x4400);
    box_put(b, 0x8f04, 4, CODE3);
    box_put(b, 0x8f08, 4, 0x202);
    box_put(b, 0x8f0c, 4, 0xb000);
    box_put(b, 0x8f10, 4, DATA3);
    b->c->gpr[X86_RSP] = 0x8f00;
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_false(b->c->v.fault);
    g_assert_cmpuint(x86_cpl(b->c), ==, 3);
    g_assert_cmphex(b->c->v.pc, ==, 0x4400);
    g_assert_cmphex(b->c->gpr[X86_RSP], ==, 0xb000);
    g_assert_cmphex(b->c->seg[X86_DS].sel, ==, 0); /* DPL 0 was nulled */
}

/* Identity map of 2 MiB pages, user and writable; the 4 KiB tables at 0x13000
 * map virtual 0x400000... to physical 0x100000. */
void box_long(Box *b)
{
    box_put(b, PML4_AT, 8, (PML4_AT + 0x1000) | 7);
    box_put(b, PML4_AT + 0x1000, 8, (PML4_AT + 0x2000) | 7);
    box_put(b, PML4_AT + 0x2000, 8, 0x000087);
    box_put(b, PML4_AT + 0x2008, 8, 0x200087);
    box_put(b, PML4_AT + 0x2010, 8, (PML4_AT + 0x3000) | 7);
    set_gdt(b);
    CALL(b, write_cr, 4, X86_CR4_PAE, 0, 0);
    CALL(b, write_cr, 3, PML4_AT, 0, 0);
    g_assert_true(x86_msr_write(b->c, 0xc0000080,
                                X86_EFER_LME | X86_EFER_NXE | X86_EFER_SCE));
    CALL(b, write_cr, 0, X86_CR0_PE | X86_CR0_PG | X86_CR0_ET, 0, 0);
    g_assert_false(b->c->v.fault);
    g_assert_cmphex(b->c->efer & X86_EFER_LMA, !=, 0);
    g_assert_cmphex(b->c->v.mode & X86_MODE_CODE64, ==, 0);
    CALL(b, far_jmp, CODE64, 0x4000, 4, 0);
    CALL(b, load_seg, X86_SS, DATA0, 0, 0);
    b->c->inhibit = false;
    CALL(b, ltr, TSS, 0, 0, 0);
    b->c->gpr[X86_RSP] = 0x9000;
    box_put(b, TSS_AT + 4, 8, 0xa008);    /* RSP0, not aligned on purpose */
    box_put(b, TSS_AT + 0x24, 8, 0xc000); /* IST1 */
    g_assert_false(b->c->v.fault);
    g_assert_cmphex(b->c->v.mode & X86_MODE_CODE64, !=, 0);
}
