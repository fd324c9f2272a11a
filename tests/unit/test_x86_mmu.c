/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reset, mode word, page walks, segments. Expected values are argued from
 * SDM 3A. */
#include <string.h>

#include "tests/unit/x86_box.h"

/* --- reset, mode ---------------------------------------------------------------- */

static void test_reset(void)
{
    g_autoptr(Box) b = box_new_as("pentium3", true);
    X86Cpu *c = b->c;

    g_assert_cmphex(c->v.pc, ==, 0xfffffff0);
    g_assert_cmphex(x86_cpu_ops.get_pc(&c->v), ==, 0xfff0);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, 0xf000);
    g_assert_cmphex(c->gpr[X86_RDX], ==, 0x673); /* family 6 model 7 step 3 */
    g_assert_cmphex(x86_cpu_eflags(c), ==, 2);
    g_assert_cmphex(c->cr0, ==, 0x60000010);
    g_assert_cmphex(c->idt.limit, ==, 0xffff);
    g_assert_true(x86_runnable(&c->v));
    g_assert_cmphex(c->v.mode & (X86_MODE_PE | X86_MODE_CPL), ==, 0);
    g_assert_cmphex(c->v.mode & X86_MODE_IOPL_OK, !=, 0);
    /* 64 KiB segments of real mode are checked */
    g_assert_cmpuint(X86_MODE_SEG(c->v.mode, X86_DS), ==, X86_SEGK_CHECK);
}

static void test_init_sipi(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    c->mxcsr = 0x1f00;
    x86_cpu_init(c, false);
    g_assert_true(x86_irq_acceptable(&c->v));
    x86_irq_accept(&c->v);
    g_assert_true(c->wait_sipi);
    g_assert_false(x86_runnable(&c->v));
    g_assert_cmphex(c->cr0 & X86_CR0_PE, ==, 0);
    g_assert_cmphex(c->mxcsr, ==, 0x1f00); /* INIT leaves SSE alone */
    x86_cpu_sipi(c, 0x9a);
    g_assert_true(x86_runnable(&c->v));
    g_assert_cmphex(c->v.pc, ==, 0x9a000);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, 0x9a00);
}

static void test_mode_word(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    g_assert_cmphex(c->v.mode & X86_MODE_CODE32, !=, 0);
    g_assert_cmphex(c->v.mode & X86_MODE_SS32, !=, 0);
    g_assert_cmpuint(X86_MODE_SEG(c->v.mode, X86_DS), ==, X86_SEGK_FLAT);
    g_assert_cmpuint(X86_MODE_SEG(c->v.mode, X86_CS), ==, X86_SEGK_FLAT);
    CALL(b, load_seg, X86_ES, SMALL, 0, 0);
    g_assert_cmpuint(X86_MODE_SEG(c->v.mode, X86_ES), ==, X86_SEGK_CHECK);
    CALL(b, load_seg, X86_FS, 0, 0, 0);
    g_assert_cmpuint(X86_MODE_SEG(c->v.mode, X86_FS), ==, X86_SEGK_CHECK);
    CALL(b, popf, X86_TF | X86_IF, 4, 0, 0);
    g_assert_cmphex(c->v.mode & X86_MODE_TF, !=, 0);
    CALL(b, popf, 0, 4, 0, 0);
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_TS, 0, 0);
    g_assert_cmphex(c->v.mode & X86_MODE_TS, !=, 0);
    CALL(b, clts, 0, 0, 0, 0);
    g_assert_cmphex(c->v.mode & X86_MODE_TS, ==, 0);
    box_ring3(b);
    g_assert_cmphex(c->v.mode & X86_MODE_IOPL_OK, ==, 0);
    g_assert_cmphex(c->v.mode & X86_MODE_SMAP, !=, 0);
    g_assert_cmpuint(x86_data_mmu(c), ==, X86_MMU_USER);
}

/* --- paging --------------------------------------------------------------------- */

static void expect_walk(Box *b, uint64_t va, MemAccess access, unsigned mmu,
                        GuestPhys phys, unsigned prot)
{
    TlbFill fill;

    g_assert_true(x86_walk(&b->c->v, va, access, mmu, false, &fill));
    g_assert_cmphex(fill.phys, ==, phys);
    g_assert_cmphex(fill.prot, ==, prot);
}

static void expect_walk_fault(Box *b, uint64_t va, MemAccess access,
                              unsigned mmu, uint32_t error)
{
    TlbFill fill;

    g_assert_false(x86_walk(&b->c->v, va, access, mmu, false, &fill));
    box_expect_fault(b, X86_PFX, error);
    g_assert_cmphex(b->c->cr2, ==, va);
}

static void test_walk_32(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    TlbFill fill;

    box_protected(b);
    box_put(b, 0x10000, 4, 0x11000 | 7); /* 0...: table, user, writable */
    box_put(b, 0x10004, 4, 0x00c02083); /* 4 MiB page, supervisor; bits 32-39 */
    box_put(b, 0x10008, 4, 0x12000 | 5); /* table, read-only */
    box_put(b, 0x1000c, 4, 0x00200083);  /* 4 MiB page with bit 21 set */
    box_put(b, 0x11010, 4, 0x00034007);  /* 0x4000: user */
    box_put(b, 0x11014, 4, 0x00035003);  /* 0x5000: supervisor */
    box_put(b, 0x11018, 4, 0x00036005);  /* 0x6000: user, read-only */
    box_put(b, 0x11024, 4, 0x00009003);  /* 0x9000 */
    box_put(b, 0x12000, 4, 0x00037107);  /* 0x800000: global */
    CALL(b, write_cr, 3, 0x10000, 0, 0);
    CALL(b, write_cr, 4, X86_CR4_PSE, 0, 0);
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_PG, 0, 0);
    g_assert_false(c->v.fault);

    /* a peek changes nothing */
    g_assert_true(
        x86_walk(&c->v, 0x4000, ACCESS_READ, X86_MMU_USER, true, &fill));
    g_assert_cmphex(box_get(b, 0x11010, 4), ==, 0x34007);
    expect_walk(b, 0x4123, ACCESS_READ, X86_MMU_USER, 0x34000, TLB_R | TLB_X);
    g_assert_cmphex(box_get(b, 0x10000, 4), ==, 0x11027);
    g_assert_cmphex(box_get(b, 0x11010, 4), ==, 0x34027);
    expect_walk(b, 0x4123, ACCESS_WRITE, X86_MMU_USER, 0x34000,
                TLB_R | TLB_W | TLB_X);
    g_assert_cmphex(box_get(b, 0x11010, 4), ==, 0x34067);

    expect_walk_fault(b, 0x7000, ACCESS_READ, X86_MMU_KERNEL, 0);
    expect_walk_fault(b, 0x7000, ACCESS_WRITE, X86_MMU_USER,
                      X86_PF_U | X86_PF_W);
    expect_walk_fault(b, 0x5000, ACCESS_READ, X86_MMU_USER,
                      X86_PF_U | X86_PF_P);
    /* no NX, no SMEP: I/D stays 0 */
    expect_walk_fault(b, 0x5000, ACCESS_EXEC, X86_MMU_USER,
                      X86_PF_U | X86_PF_P);
    expect_walk_fault(b, 0x6000, ACCESS_WRITE, X86_MMU_USER,
                      X86_PF_U | X86_PF_P | X86_PF_W);
    g_assert_cmphex(box_get(b, 0x11018, 4), ==, 0x36005); /* no A on a fault */

    /* WP decides for the supervisor */
    expect_walk(b, 0x6000, ACCESS_WRITE, X86_MMU_KERNEL, 0x36000,
                TLB_R | TLB_W | TLB_X);
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_WP, 0, 0);
    expect_walk_fault(b, 0x6000, ACCESS_WRITE, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_W);

    /* PSE-36: bit 13 of the entry is address bit 32 */
    expect_walk(b, 0x412345, ACCESS_READ, X86_MMU_KERNEL, 0x100c12000,
                TLB_R | TLB_X);
    expect_walk_fault(b, 0x412345, ACCESS_READ, X86_MMU_USER,
                      X86_PF_U | X86_PF_P);
    expect_walk_fault(b, 0xc00000, ACCESS_READ, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_RSVD);
    g_assert_true(
        x86_walk(&c->v, 0x400000, ACCESS_READ, X86_MMU_KERNEL, false, &fill));
    g_assert_cmphex(fill.range, ==, 4u << 20);

    /* G counts with CR4.PGE only */
    g_assert_true(
        x86_walk(&c->v, 0x800000, ACCESS_READ, X86_MMU_USER, false, &fill));
    g_assert_false(fill.global);
    CALL(b, write_cr, 4, c->cr4 | X86_CR4_PGE, 0, 0);
    g_assert_true(
        x86_walk(&c->v, 0x800000, ACCESS_READ, X86_MMU_USER, false, &fill));
    g_assert_true(fill.global);
}

static void test_walk_pae(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    box_put(b, 0x10000, 8, 0x11000 | 1); /* PDPTEs */
    box_put(b, 0x10008, 8, 0);
    box_put(b, 0x10010, 8, 0);
    box_put(b, 0x10018, 8, 0);
    box_put(b, 0x11000, 8, 0x12000 | 7);
    box_put(b, 0x11008, 8, 0x4000e7 | 1ull << 36);
    box_put(b, 0x11010, 8, 0x402087); /* bit 13 of a 2 MiB page is reserved */
    box_put(b, 0x12020, 8, 0x9000 | 3);
    box_put(b, 0x12028, 8, 0x9000 | 3 | 1ull << 63);
    box_put(b, 0x12030, 8, 0x9000 | 3 | 1ull << 40);
    CALL(b, write_cr, 4, X86_CR4_PAE, 0, 0);
    box_put(b, 0x10000, 8, 0x11000 | 3); /* bit 1 of a PDPTE is reserved */
    CALL(b, write_cr, 3, 0x10000, 0, 0);
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_PG, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    box_put(b, 0x10000, 8, 0x11000 | 1);
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_PG, 0, 0);
    g_assert_false(c->v.fault);

    expect_walk(b, 0x4000, ACCESS_READ, X86_MMU_KERNEL, 0x9000, TLB_R | TLB_X);
    /* the PDPTE registers are loaded with CR3 only */
    box_put(b, 0x10000, 8, 0);
    expect_walk(b, 0x4000, ACCESS_READ, X86_MMU_KERNEL, 0x9000, TLB_R | TLB_X);
    expect_walk_fault(b, 0x40000000, ACCESS_READ, X86_MMU_KERNEL, 0);
    box_put(b, 0x10000, 8, 0x11000 | 1);

    /* the 2 MiB page: A and D are set already */
    expect_walk(b, 0x234567, ACCESS_READ, X86_MMU_USER, 0x1000434000,
                TLB_R | TLB_W | TLB_X);
    expect_walk_fault(b, 0x400000, ACCESS_READ, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_RSVD);
    expect_walk_fault(b, 0x6000, ACCESS_READ, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_RSVD);
    /* NX is reserved until EFER.NXE */
    expect_walk_fault(b, 0x5000, ACCESS_READ, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_RSVD);
    g_assert_true(x86_msr_write(c, 0xc0000080, X86_EFER_NXE));
    expect_walk(b, 0x5000, ACCESS_READ, X86_MMU_KERNEL, 0x9000, TLB_R);
    expect_walk_fault(b, 0x5000, ACCESS_EXEC, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_I);
}

static void test_walk_long(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    TlbFill fill;

    box_long(b);
    box_put(b, PML4_AT + 0x3000, 8, 0x100007);
    box_put(b, PML4_AT + 0x3008, 8, 0x101003);
    box_put(b, PML4_AT + 0x3010, 8, 0x102007 | 1ull << 63);
    box_put(b, PML4_AT + 0x3018, 8, 0x103007 | 1ull << 45);
    box_put(b, PML4_AT + 0x1008, 8, 0x87 | 5ull << 30); /* 1 GiB page */
    box_put(b, PML4_AT + 0x1010, 8, 0x87 | 1u << 21);   /* reserved bit */
    box_put(b, PML4_AT + 8, 8, 0x87);                   /* PS in a PML4E */
    expect_walk(b, 0x400000, ACCESS_WRITE, X86_MMU_USER, 0x100000,
                TLB_R | TLB_W | TLB_X);
    expect_walk_fault(b, 0x401000, ACCESS_READ, X86_MMU_USER,
                      X86_PF_P | X86_PF_U);
    expect_walk_fault(b, 0x402000, ACCESS_EXEC, X86_MMU_USER,
                      X86_PF_P | X86_PF_U | X86_PF_I);
    expect_walk_fault(b, 0x403000, ACCESS_READ, X86_MMU_USER,
                      X86_PF_P | X86_PF_U | X86_PF_RSVD);
    expect_walk_fault(b, 0x404000, ACCESS_EXEC, X86_MMU_USER,
                      X86_PF_U | X86_PF_I);
    expect_walk(b, (1ull << 30) + 0x12345678, ACCESS_READ, X86_MMU_USER,
                (5ull << 30) + 0x12345000, TLB_R | TLB_X);
    g_assert_true(
        x86_walk(&c->v, 1ull << 30, ACCESS_READ, X86_MMU_USER, true, &fill));
    g_assert_cmphex(fill.range, ==, 1ull << 30);
    expect_walk_fault(b, 2ull << 30, ACCESS_READ, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_RSVD);
    expect_walk_fault(b, 1ull << 39, ACCESS_READ, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_RSVD);
    g_assert_false(
        x86_walk(&c->v, 1ull << 47, ACCESS_READ, X86_MMU_KERNEL, false, &fill));
    box_expect_fault(b, X86_GP, 0);

    /* SMEP: the supervisor may not fetch user pages; SMAP: nor touch them */
    CALL(b, write_cr, 4, c->cr4 | X86_CR4_SMEP | X86_CR4_SMAP, 0, 0);
    g_assert_false(c->v.fault);
    expect_walk_fault(b, 0x400000, ACCESS_EXEC, X86_MMU_KERNEL,
                      X86_PF_P | X86_PF_I);
    expect_walk_fault(b, 0x400000, ACCESS_READ, X86_MMU_KERNEL, X86_PF_P);
    expect_walk(b, 0x400000, ACCESS_READ, X86_MMU_KERNEL_NOSMAP, 0x100000,
                TLB_R | TLB_W);
    expect_walk(b, 0x401000, ACCESS_EXEC, X86_MMU_KERNEL, 0x101000,
                TLB_R | TLB_X);
    g_assert_cmpuint(x86_data_mmu(c), ==, X86_MMU_KERNEL);
    CALL(b, clac_stac, 1, 0, 0, 0);
    g_assert_cmpuint(x86_data_mmu(c), ==, X86_MMU_KERNEL_NOSMAP);
}

static void test_a20(void)
{
    g_autoptr(Box) b = box_new();

    x86_cpu_set_a20(b->c, false);
    expect_walk(b, 0x101000, ACCESS_READ, X86_MMU_KERNEL, 0x1000,
                TLB_R | TLB_W | TLB_X);
    x86_cpu_set_a20(b->c, true);
    expect_walk(b, 0x101000, ACCESS_READ, X86_MMU_KERNEL, 0x101000,
                TLB_R | TLB_W | TLB_X);
}

/* --- segments --------------------------------------------------------------------- */

static void test_segments(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    g_assert_cmphex(box_get(b, GDT_AT + 0x0d, 1), ==, 0x9b); /* accessed */
    g_assert_cmphex(box_get(b, GDT_AT + 0x2d, 1), ==, 0x8b); /* busy TSS */
    CALL(b, load_seg, X86_DS, ABSENT, 0, 0);
    box_expect_fault(b, X86_NP, ABSENT);
    CALL(b, load_seg, X86_DS, XONLY, 0, 0);
    box_expect_fault(b, X86_GP, XONLY);
    CALL(b, load_seg, X86_DS, 0xa8, 0, 0);
    box_expect_fault(b, X86_GP, 0xa8);
    CALL(b, load_seg, X86_DS, DATA0 | 3, 0, 0); /* RPL 3, DPL 0 */
    box_expect_fault(b, X86_GP, DATA0);
    CALL(b, load_seg, X86_SS, 0, 0, 0);
    box_expect_fault(b, X86_GP, 0);
    CALL(b, load_seg, X86_SS, DATA3, 0, 0);
    box_expect_fault(b, X86_GP, DATA3 & ~3);
    CALL(b, load_seg, X86_SS, CODE0, 0, 0);
    box_expect_fault(b, X86_GP, CODE0);
    CALL(b, load_seg, X86_DS, 0x94, 0, 0); /* LDT, none loaded */
    box_expect_fault(b, X86_GP, 0x94);
    CALL(b, load_seg, X86_CS, DATA0, 0, 0);
    box_expect_fault(b, X86_UD, -1);
    g_assert_cmphex(c->seg[X86_DS].sel, ==, DATA0); /* unchanged by all that */
    g_assert_false(c->inhibit);
    CALL(b, load_seg, X86_SS, DATA0, 1, 0);
    g_assert_true(c->inhibit);

    CALL(b, lldt, LDT, 0, 0, 0);
    box_put(b, 0x8008, 8, box_desc(0x2000, 0xffff, 0x92, 0x4));
    CALL(b, load_seg, X86_DS, 0x0c, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->seg_base[X86_DS], ==, 0x2000);
    g_assert_cmphex(box_get(b, 0x800d, 1), ==, 0x93);
    CALL(b, lldt, DATA0, 0, 0, 0);
    box_expect_fault(b, X86_GP, DATA0);
    CALL(b, ltr, TSS, 0, 0, 0); /* busy */
    box_expect_fault(b, X86_GP, TSS);
}

static void test_seg_linear(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    uint64_t at;

    box_protected(b);
    CALL(b, load_seg, X86_DS, SMALL, 0, 0);
    g_assert_true(x86_seg_linear(c, X86_DS, 0xfc, 4, true, &at));
    g_assert_cmphex(at, ==, 0x10fc);
    g_assert_false(x86_seg_linear(c, X86_DS, 0xfd, 4, false, &at));
    box_expect_fault(b, X86_GP, 0);
    CALL(b, load_seg, X86_DS, DOWN, 0, 0);
    g_assert_false(x86_seg_linear(c, X86_DS, 0xff, 1, false, &at));
    box_expect_fault(b, X86_GP, 0);
    g_assert_true(x86_seg_linear(c, X86_DS, 0x100, 1, false, &at));
    g_assert_true(x86_seg_linear(c, X86_DS, 0xffffffff, 1, false, &at));
    g_assert_false(x86_seg_linear(c, X86_DS, 0xffffffff, 2, false, &at));
    box_expect_fault(b, X86_GP, 0);
    CALL(b, load_seg, X86_DS, 0, 0, 0);
    g_assert_false(x86_seg_linear(c, X86_DS, 0, 1, false, &at));
    box_expect_fault(b, X86_GP, 0);
    g_assert_true(x86_seg_linear(c, X86_CS, 0, 4, false, &at));
    g_assert_false(x86_seg_linear(c, X86_CS, 0, 4, true, &at));
    box_expect_fault(b, X86_GP, 0);
    CALL(b, load_seg, X86_SS, SMALL, 0, 0);
    g_assert_false(x86_seg_linear(c, X86_SS, 0x100, 1, true, &at));
    box_expect_fault(b, X86_SSX, 0);
}

static void test_lar_lsl_verr(void)
{
    g_autoptr(Box) b = box_new();
    const uint64_t seen = 1ull << 32;

    CALL(b, lar, DATA0, 0, 0, 0);
    box_expect_fault(b, X86_UD, -1); /* real mode */
    box_protected(b);
    g_assert_cmphex(CALL(b, lar, DATA0, 0, 0, 0), ==, seen | 0xcf9300);
    g_assert_cmphex(CALL(b, lsl, DATA0, 0, 0, 0), ==, seen | 0xffffffff);
    g_assert_cmphex(CALL(b, lsl, SMALL, 0, 0, 0), ==, seen | 0xff);
    g_assert_cmphex(CALL(b, lar, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(CALL(b, lar, DATA0 | 3, 0, 0, 0), ==, 0);
    g_assert_cmphex(CALL(b, lar, CALLGATE & ~3, 0, 0, 0), ==, seen | 0x00ec00);
    g_assert_cmphex(CALL(b, lsl, CALLGATE & ~3, 0, 0, 0), ==, 0);
    g_assert_cmphex(CALL(b, verr, XONLY, 0, 0, 0), ==, 0);
    g_assert_cmphex(CALL(b, verr, CODE0, 0, 0, 0), ==, 1);
    g_assert_cmphex(CALL(b, verr, CODE0, 1, 0, 0), ==, 0);
    g_assert_cmphex(CALL(b, verr, DATA0, 1, 0, 0), ==, 1);
    g_assert_false(b->c->v.fault);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/mmu/reset", test_reset);
    g_test_add_func("/x86/mmu/init-sipi", test_init_sipi);
    g_test_add_func("/x86/mmu/mode-word", test_mode_word);
    g_test_add_func("/x86/mmu/walk-32", test_walk_32);
    g_test_add_func("/x86/mmu/walk-pae", test_walk_pae);
    g_test_add_func("/x86/mmu/walk-long", test_walk_long);
    g_test_add_func("/x86/mmu/a20", test_a20);
    g_test_add_func("/x86/mmu/segments", test_segments);
    g_test_add_func("/x86/mmu/seg-linear", test_seg_linear);
    g_test_add_func("/x86/mmu/lar-lsl-verr", test_lar_lsl_verr);
    return g_test_run();
}
