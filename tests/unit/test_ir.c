/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The builder's folding and the verifier's rules. */
#include "accel/ir_priv.h"

#include <string.h>

#include "accel/vcpu.h"

typedef struct Cpu {
    Vcpu v;
    uint64_t r[4];
    V128 x;
} Cpu;

static const IrGlobal globals[] = {
    {"r0", offsetof(Cpu, r[0]), IR_INT, 0},
    {"r1", offsetof(Cpu, r[1]), IR_INT, 0},
    {"r2", offsetof(Cpu, r[2]), IR_INT, 0},
    {"r3", offsetof(Cpu, r[3]), IR_INT, 0},
    {"x", offsetof(Cpu, x), IR_VEC, 0},
};

static const IrHelper helpers[] = {
    {"faults", {NULL}, IR_H_FAULTS},
    {"writes", {NULL}, IR_H_FAULTS | IR_H_GLOBALS_W},
};

static const CpuOps ops = {
    .name = "none",
    .globals = globals,
    .global_count = G_N_ELEMENTS(globals),
    .helpers = helpers,
    .helper_count = G_N_ELEMENTS(helpers),
    .mmu_count = 1,
};

static IrBuilder *builder(void)
{
    IrBuilder *b = ir_builder_new();

    ir_builder_reset(b, &ops, 0, 0);
    ir_insn(b, 0);
    return b;
}

static bool is_const(IrBuilder *b, IrRef r, uint64_t want)
{
    uint64_t k;

    return ir_is_const(b, r, &k) && k == want;
}

static void test_folding(void)
{
    IrBuilder *b = builder();
    IrRef g = IR_G(1), t, u;
    unsigned before;

    g_assert_true(
        is_const(b, ir_op2i(b, IR_add, 4, 0, ir_const(b, 0xffffffff), 1), 0));
    g_assert_true(is_const(
        b, ir_op2i(b, IR_add, 8, 0, ir_const(b, 0xffffffff), 1), 1ull << 32));
    g_assert_cmpuint(ir_const(b, 77), ==, ir_const(b, 77));
    g_assert_true(is_const(b, ir_op2i(b, IR_and, 8, 0, g, 0), 0));
    g_assert_true(is_const(b, ir_op2(b, IR_xor, 8, 0, g, g), 0));
    g_assert_true(is_const(
        b, ir_setc(b, 4, 0, IR_LTS, ir_const(b, 0xffffffff), ir_const(b, 0)),
        1));
    /* a global's value may change: it is copied, a temp's is not */
    t = ir_op2i(b, IR_add, 8, 0, g, 0);
    g_assert_true(IR_IS_TEMP(t));
    before = b->block.op_count;
    g_assert_cmpuint(ir_op2i(b, IR_shl, 8, 0, t, 64), ==, t);
    g_assert_cmpuint(b->block.op_count, ==, before);
    /* width 4 cuts, unless the value is known to be short */
    u = ir_op2i(b, IR_or, 4, 0, t, 0);
    g_assert_cmpuint(u, !=, t);
    g_assert_cmpuint(ir_op2i(b, IR_or, 4, 0, u, 0), ==, u);
    g_assert_cmpuint(ir_op1(b, IR_ext32u, 8, 0, u), ==, u);
    u = ir_op1(b, IR_ext8u, 8, 0, t);
    g_assert_cmpuint(ir_op2i(b, IR_and, 8, 0, u, 0xfff), ==, u);
    g_assert_cmpuint(ir_op2i(b, IR_and, 8, 0, u, 0x7f), !=, u);
    /* a sum of two 32-bit values may have 33 bits */
    u = ir_op2(b, IR_add, 8, 0, ir_op1(b, IR_ext32u, 8, 0, g),
               ir_op1(b, IR_ext32u, 8, 0, g));
    g_assert_cmpuint(ir_op1(b, IR_ext32u, 8, 0, u), !=, u);
    /* a branch never taken is none */
    before = b->block.op_count;
    ir_brc(b, 8, IR_EQ, ir_const(b, 1), ir_const(b, 2), 0);
    g_assert_cmpuint(b->block.op_count, ==, before);
    ir_builder_free(b);
}

static void test_addresses_fold(void)
{
    IrBuilder *b = builder();
    const IrOp *op;

    ir_ld(b, 0,
          (IrAddr){
              .base = IR_G(0), .index = ir_const(b, 5), .shift = 3, .disp = 2},
          4, 0);
    op = &b->block.ops[b->block.op_count - 1];
    g_assert_cmpuint(op->a, ==, IR_G(0));
    g_assert_cmpuint(op->b, ==, IR_NONE);
    g_assert_cmpint(op->imm, ==, 42);
    ir_builder_free(b);
}

/* --- the verifier ---------------------------------------------------------- */

static void check(IrBuilder *b, const char *message)
{
    g_autoptr(GError) error = NULL;
    bool good;

    if (!ir_ended(b)) {
        ir_exit_direct(b, 4, false);
    }
    good = ir_verify(&b->block, &ops, &error);
    if (!message) {
        g_assert_no_error(error);
        g_assert_true(good);
    } else {
        g_assert_false(good);
        if (!strstr(error->message, message)) {
            g_error("'%s' has no '%s'", error->message, message);
        }
    }
    ir_builder_free(b);
}

static void test_rule_i6(void)
{
    const IrAddr at = {.base = IR_G(0)};
    IrBuilder *b = builder();

    ir_mov(b, IR_G(1), ir_ld(b, 0, at, 8, 0));
    check(b, NULL);

    b = builder();
    ir_op2i(b, IR_add, 8, IR_G(0), IR_G(0), 8);
    ir_ld(b, IR_G(1), at, 8, 0);
    check(b, "rule I6");

    b = builder(); /* the next instruction may fault again */
    ir_op2i(b, IR_add, 8, IR_G(0), IR_G(0), 8);
    ir_insn(b, 4);
    ir_ld(b, IR_G(1), at, 8, 0);
    check(b, NULL);

    b = builder();
    ir_st(b, at, 8, 0, IR_G(1));
    ir_st(b, at, 8, 0, IR_G(2));
    check(b, "rule I6");

    b = builder();
    ir_probe(b, at, 16);
    ir_st(b, at, 8, 0, IR_G(1));
    ir_st(b, at, 8, 0, IR_G(2));
    check(b, NULL);

    b = builder();
    ir_call_void(b, 1, 0, 0, 0, 0);
    ir_mov(b, IR_G(1), ir_const(b, 1));
    check(b, NULL);

    b = builder();
    ir_call_void(b, 1, 0, 0, 0, 0);
    ir_call_void(b, 0, 0, 0, 0, 0);
    check(b, "rule I6");
}

static void test_temps(void)
{
    IrBuilder *b = builder();
    IrRef t = ir_temp(b);

    ir_mov(b, IR_G(1), t);
    check(b, "before it is defined");

    b = builder();
    t = ir_op2i(b, IR_add, 8, 0, IR_G(0), 1);
    ir_op2i(b, IR_add, 8, t, IR_G(0), 2);
    check(b, "defined twice");

    b = builder();
    t = ir_op2i(b, IR_add, 8, 0, IR_G(0), 1);
    ir_skip(b, 8, IR_EQ, IR_G(0), IR_G(1));
    ir_mov(b, IR_G(1), t);
    ir_label(b);
    ir_mov(b, IR_G(2), t);
    check(b, "across a label");

    b = builder();
    ir_vmov(b, IR_G(4), IR_G(1));
    check(b, "wrong type");
}

static void test_control(void)
{
    IrBuilder *b = builder();

    ir_skip(b, 8, IR_EQ, IR_G(0), IR_G(1));
    check(b, "without its label");

    b = builder();
    ir_brc(b, 8, IR_EQ, IR_G(0), IR_G(1), 0);
    b->op_store[1].slot = 7;
    check(b, "slot out of range");

    b = builder();
    ir_call_void(b, 0, 0, 0, 0, 0);
    b->op_store[1].imm = 99;
    check(b, "no such helper");

    b = builder();
    ir_exit_direct(b, 4, false);
    b->ended = false;
    ir_exit_direct(b, 8, false);
    check(b, "exit in the middle");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ir/folding", test_folding);
    g_test_add_func("/ir/addresses", test_addresses_fold);
    g_test_add_func("/ir/i6", test_rule_i6);
    g_test_add_func("/ir/temps", test_temps);
    g_test_add_func("/ir/control", test_control);
    return g_test_run();
}
