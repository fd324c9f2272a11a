/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each IR op computes. Every op runs three ways: folded by the builder,
 * interpreted with operands in registers, and with a constant second operand;
 * all must equal the value that a plain formula here gives.
 */
#include "tests/unit/toy_cpu.h"

#include <string.h>

#include "accel/ir_priv.h"
#include "core/bytes.h"

typedef struct Expect {
    IrOpcode op;
    uint64_t a, b;
    uint64_t w4, w8; /* results */
} Expect;

#define M1 UINT64_MAX
#define MIN32 0x80000000ull
#define MIN64 0x8000000000000000ull

/* clang-format off */
static const Expect expect2[] = {
    {IR_add, 0xffffffff, 1, 0, 0x100000000},
    {IR_add, M1, 2, 1, 1},
    {IR_sub, 0, 1, 0xffffffff, M1},
    {IR_and, 0xf0f0f0f0f0f0f0f0, 0xff00ff00ff00ff00, 0xf000f000, 0xf000f000f000f000},
    {IR_or, 0x100000001, 2, 3, 0x100000003},
    {IR_xor, 0x300000003, 0x100000001, 2, 0x200000002},
    {IR_andn, 0xffffffff0000ffff, 0xff, 0xff00, 0xffffffff0000ff00},
    {IR_mul, 0x100000003, 5, 15, 0x50000000f},
    {IR_mul, M1, M1, 1, 1},
    {IR_mulhu, M1, M1, 0xfffffffe, 0xfffffffffffffffe},
    {IR_mulhs, M1, M1, 0, 0},
    {IR_mulhs, MIN64, 2, 0, M1},
    {IR_mulhs, MIN32, 2, 0xffffffff, 0},
    {IR_divu, 100, 7, 14, 14},
    {IR_divu, 100, 0, 0xffffffff, M1},
    {IR_divs, (uint64_t)-100, 7, (uint32_t)-14, (uint64_t)-14},
    {IR_divs, 5, 0, 0xffffffff, M1},
    {IR_divs, MIN64, M1, 0, MIN64},
    {IR_divs, MIN32, 0xffffffff, MIN32, 0},
    {IR_remu, 100, 7, 2, 2},
    {IR_remu, 100, 0, 100, 100},
    {IR_rems, (uint64_t)-100, 7, (uint32_t)-2, (uint64_t)-2},
    {IR_rems, 9, 0, 9, 9},
    {IR_rems, MIN64, M1, 0, 0},
    {IR_rems, MIN32, 0xffffffff, 0, MIN32},
    {IR_shl, 1, 33, 2, 0x200000000},
    {IR_shl, 1, 64, 1, 1},
    {IR_shr, 0x8000000080000000, 31, 1, 0x100000001},
    {IR_sar, 0x8000000080000000, 31, 0xffffffff, 0xffffffff00000001},
    {IR_rotl, 0x8000000080000001, 1, 3, 0x0000000100000003},
    {IR_rotl, 0x123456789abcdef0, 0, 0x9abcdef0, 0x123456789abcdef0},
    {IR_rotr, 3, 1, 0x80000001, 0x8000000000000001},
    {IR_rotr, 3, 32, 3, 0x300000000},
};
static const Expect expect1[] = {
    {IR_not, 0, 0, 0xffffffff, M1},
    {IR_neg, 1, 0, 0xffffffff, M1},
    {IR_bswap, 0x0102030405060708, 0, 0x08070605, 0x0807060504030201},
    {IR_clz, 0, 0, 32, 64},
    {IR_clz, 0x10000, 0, 15, 47},
    {IR_ctz, 0, 0, 32, 64},
    {IR_ctz, 0x100000000, 0, 32, 32},
    {IR_popcnt, 0xf0000000f, 0, 4, 8},
    {IR_ext8u, 0x1ff, 0, 0xff, 0xff},
    {IR_ext8s, 0x180, 0, 0xffffff80, 0xffffffffffffff80},
    {IR_ext16u, 0x1ffff, 0, 0xffff, 0xffff},
    {IR_ext16s, 0x18000, 0, 0xffff8000, 0xffffffffffff8000},
    {IR_ext32u, 0x1ffffffff, 0, 0xffffffff, 0xffffffff},
    {IR_ext32s, 0x80000000, 0, 0xffffffff80000000, 0xffffffff80000000},
    {IR_mov, 0x123456789, 0, 0x23456789, 0x123456789},
};
/* clang-format on */

/* The op of the running case: r1 op r2 to r3, r4 (immediate), r5 (folded). */
typedef struct Case {
    Expect e;
    unsigned w;
} Case;
static Case now;

static void emit_binary(IrBuilder *b)
{
    IrRef t = ir_op2(b, now.e.op, now.w, IR_NONE, IR_G(1), IR_G(2));

    ir_mov(b, IR_G(3), t);
    ir_op2i(b, now.e.op, now.w, IR_G(4), IR_G(1), now.e.b);
    ir_op2(b, now.e.op, now.w, IR_G(5), ir_const(b, now.e.a),
           ir_const(b, now.e.b));
    ir_op2(b, now.e.op, now.w, IR_G(6), ir_const(b, now.e.a), IR_G(2));
}

static void emit_unary(IrBuilder *b)
{
    ir_op1(b, now.e.op, now.w, IR_G(3), IR_G(1));
    ir_mov(b, IR_G(4), ir_op1(b, now.e.op, now.w, IR_NONE, IR_G(1)));
    ir_op1(b, now.e.op, now.w, IR_G(5), ir_const(b, now.e.a));
    ir_op1(b, now.e.op, now.w, IR_G(6),
           ir_op2i(b, IR_or, 8, IR_NONE, IR_G(1), 0));
}

/* Run what @emit writes, once. */
static Toy *run_emit(void (*emit)(IrBuilder *b), uint64_t r1, uint64_t r2)
{
    Toy *t = toy_new(NULL);

    t->emit = emit;
    toy_put(t, 0x1000, TOY_EMIT, 0, 0, 0);
    toy_put(t, 0x1004, TOY_WAIT, 0, 0, 0);
    t->c->v.pc = 0x1000;
    t->c->r[1] = r1;
    t->c->r[2] = r2;
    for (unsigned i = 3; i < 16; i++) {
        t->c->r[i] = 0xdeadbeefdeadbeef;
    }
    g_assert_cmpint(vcpu_run(&t->c->v, 10), ==, VCPU_STOP_HALT);
    return t;
}

static void check_case(const Expect *e, unsigned w, bool binary)
{
    uint64_t want = w == 4 ? e->w4 : e->w8;
    Toy *t;

    now = (Case){*e, w};
    t = run_emit(binary ? emit_binary : emit_unary, e->a, e->b);
    for (unsigned i = 3; i <= 6; i++) {
        if (t->c->r[i] != want) {
            g_error("%s.%u of %" G_GINT64_MODIFIER "x, %" G_GINT64_MODIFIER
                    "x: way %u gives %" G_GINT64_MODIFIER
                    "x, not %" G_GINT64_MODIFIER "x",
                    ir_op_info[e->op].name, w, e->a, e->b, i, t->c->r[i], want);
        }
    }
    toy_free(t);
}

static void test_arithmetic(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(expect2); i++) {
        check_case(&expect2[i], 4, true);
        check_case(&expect2[i], 8, true);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(expect1); i++) {
        check_case(&expect1[i], 4, false);
        check_case(&expect1[i], 8, false);
    }
}

/* --- conditions ------------------------------------------------------------ */

static IrCond cond_now;
static unsigned cond_w;
static uint64_t cond_b;

static void emit_cond(IrBuilder *b)
{
    ir_setc(b, cond_w, IR_G(3), cond_now, IR_G(1), IR_G(2));
    ir_setc(b, cond_w, IR_G(4), cond_now, IR_G(1), ir_const(b, cond_b));
    ir_select(b, cond_w, IR_G(5), cond_now, IR_G(1), IR_G(2), ir_const(b, 1),
              ir_const(b, 0));
    ir_select(b, cond_w, IR_G(6), cond_now, IR_G(1), ir_const(b, cond_b),
              ir_const(b, 1), ir_const(b, 0));
    ir_mov(b, IR_G(7), ir_const(b, 0));
    ir_skip(b, cond_w, cond_now, IR_G(1), IR_G(2));
    ir_mov(b, IR_G(7), ir_const(b, 1));
    ir_label(b);
    ir_mov(b, IR_G(8), ir_const(b, 1));
    ir_brc(b, cond_w, cond_now, IR_G(1), IR_G(2), 4);
    ir_mov(b, IR_G(8), ir_const(b, 0));
}

static bool relation(IrCond cond, unsigned w, uint64_t a, uint64_t b)
{
    int64_t sa = w == 4 ? (int32_t)a : (int64_t)a;
    int64_t sb = w == 4 ? (int32_t)b : (int64_t)b;

    if (w == 4) {
        a = (uint32_t)a;
        b = (uint32_t)b;
    }
    return cond == IR_EQ     ? a == b
           : cond == IR_NE   ? a != b
           : cond == IR_LTU  ? a < b
           : cond == IR_GEU  ? a >= b
           : cond == IR_LEU  ? a <= b
           : cond == IR_GTU  ? a > b
           : cond == IR_LTS  ? sa < sb
           : cond == IR_GES  ? sa >= sb
           : cond == IR_LES  ? sa <= sb
           : cond == IR_GTS  ? sa > sb
           : cond == IR_TSTZ ? (a & b) == 0
                             : (a & b) != 0;
}

static void test_conditions(void)
{
    static const uint64_t v[] = {0, 1, MIN32, 0x17fffffff, MIN64, M1};

    for (unsigned i = 0; i < 6 * 6 * 12 * 2; i++) {
        uint64_t a = v[i % 6], b = v[i / 6 % 6];
        bool want;
        Toy *t;

        cond_b = b;
        cond_now = i / 36 % 12;
        cond_w = i / 432 ? 8 : 4;
        want = relation(cond_now, cond_w, a, b);
        t = run_emit(emit_cond, a, b);
        for (unsigned r = 3; r <= 8; r++) {
            g_assert_cmpuint(t->c->r[r], ==, r == 7 ? !want : want);
        }
        g_assert_cmpint(ir_cond_holds(cond_now, cond_w, a, b), ==, want);
        toy_free(t);
    }
}

/* --- bits, memory, vectors ------------------------------------------------- */

static void emit_bits(IrBuilder *b)
{
    ir_deposit(b, 8, IR_G(3), IR_G(1), IR_G(2), 8, 8);
    ir_deposit(b, 4, IR_G(4), IR_G(1), IR_G(2), 0, 8);
    ir_extract(b, 8, IR_G(5), IR_G(1), 60, 4);
    ir_sextract(b, 8, IR_G(6), IR_G(1), 60, 4);
    ir_sextract(b, 4, IR_G(7), IR_G(1), 28, 4);
    ir_pcrel(b, IR_G(8), 0x234);
    ir_deposit(b, 8, IR_G(9), ir_const(b, M1), ir_const(b, 0), 4, 8);
    ir_mov(b, IR_G(10), ir_extract(b, 4, IR_NONE, IR_G(1), 4, 12));
}

static void test_bits(void)
{
    Toy *t = run_emit(emit_bits, 0xf1f2f3f4f5f6f7f8, 0xabcd);

    g_assert_cmphex(t->c->r[3], ==, 0xf1f2f3f4f5f6cdf8);
    g_assert_cmphex(t->c->r[4], ==, 0xf5f6f7cd);
    g_assert_cmphex(t->c->r[5], ==, 0xf);
    g_assert_cmphex(t->c->r[6], ==, M1);
    g_assert_cmphex(t->c->r[7], ==, 0xffffffff);
    g_assert_cmphex(t->c->r[8], ==, 0x1234);
    g_assert_cmphex(t->c->r[9], ==, 0xfffffffffffff00f);
    g_assert_cmphex(t->c->r[10], ==, 0xf7f);
    toy_free(t);
}

static void emit_memory(IrBuilder *b)
{
    IrAddr at = {.base = IR_G(1)};
    IrAddr far = {.base = IR_G(1), .index = IR_G(2), .shift = 2, .disp = -8};
    IrAddr wrap = {.base = IR_G(1), .disp = 0x100000000, .mem = IR_MEM_ADDR32};
    IrAddr cross = {.base = IR_G(1), .disp = 0xffe};
    IrRef x[12];

    ir_probe(b, at, 200);
    ir_st(b, at, 8, IR_MEM_NOFAULT, ir_const(b, 0x8182838485868788));
    ir_st(b, cross, 8, IR_MEM_NOFAULT, ir_const(b, 0x1122334455667788));
    x[0] = ir_ld(b, IR_NONE, at, 1, 0);
    x[1] = ir_ld(b, IR_NONE, at, 1, IR_MEM_SIGNED);
    x[2] = ir_ld(b, IR_NONE, at, 2, IR_MEM_SIGNED32);
    x[3] = ir_ld(b, IR_NONE, at, 4, IR_MEM_SIGNED);
    x[4] = ir_ld(b, IR_NONE, at, 4, IR_MEM_BE);
    x[5] = ir_ld(b, IR_NONE, far, 4, 0);
    x[6] = ir_ld(b, IR_NONE, wrap, 8, 0);
    x[7] = ir_ld(b, IR_NONE, cross, 8, 0);
    x[8] = ir_ld(b, IR_NONE, at, 2, IR_MEM_SIGNED | IR_MEM_BE);
    for (unsigned i = 0; i < 9; i++) {
        ir_mov(b, IR_G(3 + i), x[i]);
    }
}

static void test_memory(void)
{
    Toy *t = run_emit(emit_memory, 0x8000, 3);

    g_assert_cmphex(t->c->r[3], ==, 0x88);
    g_assert_cmphex(t->c->r[4], ==, 0xffffffffffffff88);
    g_assert_cmphex(t->c->r[5], ==, 0xffff8788);
    g_assert_cmphex(t->c->r[6], ==, 0xffffffff85868788);
    g_assert_cmphex(t->c->r[7], ==, 0x88878685);
    g_assert_cmphex(t->c->r[8], ==, 0x81828384);
    g_assert_cmphex(t->c->r[9], ==, 0x8182838485868788);
    g_assert_cmphex(t->c->r[10], ==, 0x1122334455667788);
    g_assert_cmphex(t->c->r[11], ==, 0xffffffffffff8887);
    g_assert_cmphex(ld_le64(t->ram + 0x8ffe), ==, 0x1122334455667788);
    toy_free(t);
}

static void emit_vectors(IrBuilder *b)
{
    IrRef x = ir_vset(b, IR_NONE, IR_G(1), IR_G(2));

    ir_vmov(b, IR_G(16), x);
    ir_vins(b, IR_G(17), x, 2, 5, ir_const(b, 0xbeef));
    ir_vext(b, IR_G(3), IR_G(17), 4, 2);
    ir_vext(b, IR_G(4), IR_G(17), 1, 15);
}

static void test_vectors(void)
{
    Toy *t = run_emit(emit_vectors, 0x0706050403020100, 0x0f0e0d0c0b0a0908);

    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(t->c->x[0].u8[i], ==, i);
    }
    g_assert_cmphex(t->c->r[3], ==, 0xbeef0908);
    g_assert_cmphex(t->c->r[4], ==, 0x0f);
    toy_free(t);
}

/* More temps alive at once than the interpreter has slots for: with one
 * instruction there is no way, with two the block is cut. */
static void emit_many(IrBuilder *b)
{
    IrRef x[150], sum = ir_const(b, 0);

    for (unsigned i = 0; i < 150; i++) {
        x[i] = ir_op2i(b, IR_add, 8, IR_NONE, IR_G(1), i);
    }
    for (unsigned i = 0; i < 150; i++) {
        sum = ir_op2(b, IR_add, 8, IR_NONE, sum, x[i]);
    }
    ir_mov(b, IR_G(3), sum);
}

static void test_many_temps(void)
{
    Toy *t = run_emit(emit_many, 1000, 0);

    g_assert_cmpuint(t->c->r[3], ==, 150 * 1000 + 149 * 150 / 2);
    toy_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/t0/arithmetic", test_arithmetic);
    g_test_add_func("/t0/conditions", test_conditions);
    g_test_add_func("/t0/bits", test_bits);
    g_test_add_func("/t0/memory", test_memory);
    g_test_add_func("/t0/vectors", test_vectors);
    g_test_add_func("/t0/many-temps", test_many_temps);
    return g_test_run();
}
