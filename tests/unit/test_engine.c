/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps, stops, faults, MMIO and interrupts of vcpu_run(), on the toy CPU. */
#include "tests/unit/toy_cpu.h"

#include "core/bytes.h"

/* r1 counts down from 1000, r2 sums: 2 + 1000 * 3 + 1 steps. */
static void put_loop(Toy *t)
{
    uint32_t at = 0x1000, loop;

    at = toy_put(t, at, TOY_LI, 1, 0, 1000);
    loop = at = toy_put(t, at, TOY_LI, 2, 0, 0);
    at = toy_put(t, at, TOY_ADD, 2, 1, 0);
    at = toy_put(t, at, TOY_ADDI, 1, 0, -1);
    at = toy_put(t, at, TOY_BNE, 1, 0, (int)loop - (int)at);
    toy_put(t, at, TOY_WAIT, 0, 0, 0);
    t->c->v.pc = 0x1000;
}

static void test_loop_counts_every_step(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    put_loop(t);
    g_assert_cmpint(vcpu_run(&t->c->v, 100000), ==, VCPU_STOP_HALT);
    g_assert_cmpuint(toy_icount(t), ==, 2 + 3000 + 1);
    g_assert_cmpuint(t->c->r[2], ==, 500500);
    g_assert_cmphex(t->c->v.pc, ==, 0x1018);
}

static void test_budget_is_exact(void)
{
    static const char *const options[] = {
        NULL,
        "max-insns=1",
        "max-insns=3",
        "random-length=on,test-seed=7",
        "flush-every=5,test-seed=3",
    };

    for (unsigned o = 0; o < G_N_ELEMENTS(options); o++) {
        g_autoptr(Toy) t = toy_new(options[o]);
        uint64_t steps = 0;

        put_loop(t);
        for (unsigned n = 1; n < 60; n++) {
            g_assert_cmpint(vcpu_run(&t->c->v, n), ==, VCPU_STOP_BUDGET);
            steps += n;
            g_assert_cmpuint(toy_icount(t), ==, steps);
            /* step 0 and 1 set up, then add, addi, bne */
            if (steps > 2) {
                g_assert_cmphex(t->c->v.pc, ==, 0x1008 + (steps - 2) % 3 * 4);
                g_assert_cmpuint(t->c->r[1], ==, 1000 - (steps - 1) / 3);
            }
        }
        g_assert_cmpint(vcpu_run(&t->c->v, 0), ==, VCPU_STOP_BUDGET);
        g_assert_cmpuint(toy_icount(t), ==, steps);
    }
}

static void test_fault_is_a_step(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    toy_put(t, 0x1000, TOY_LI, 3, 0, 9);
    toy_put(t, 0x1004, 0, 0, 0, 0);
    toy_put(t, 0x2000, TOY_COUNT, 4, 0, 0);
    toy_put(t, 0x2004, TOY_WAIT, 0, 0, 0);
    t->c->v.pc = 0x1000;
    t->c->vector = 0x2000;
    g_assert_cmpint(vcpu_run(&t->c->v, 2), ==, VCPU_STOP_BUDGET);
    g_assert_cmphex(t->c->v.pc, ==, 0x2000);
    g_assert_cmphex(t->c->fault_pc, ==, 0x1004);
    g_assert_cmpuint(toy_icount(t), ==, 2);
    g_assert_cmpint(vcpu_run(&t->c->v, 50), ==, VCPU_STOP_HALT);
    g_assert_cmpuint(t->c->r[4], ==, 2);
    g_assert_cmpuint(toy_icount(t), ==, 4);
}

static void test_fetch_fault(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    toy_paging(t, 0x100000);
    toy_map(t, 0x1000, 0x1000, TOY_PTE_P | TOY_PTE_X);
    toy_map(t, 0x2000, 0x2000, TOY_PTE_P | TOY_PTE_X);
    toy_put(t, 0x1000, TOY_JMP, 0, 0, 0x4008);
    toy_put(t, 0x2000, TOY_WAIT, 0, 0, 0);
    t->c->v.pc = 0x1000;
    t->c->vector = 0x2000;
    g_assert_cmpint(vcpu_run(&t->c->v, 1), ==, VCPU_STOP_BUDGET);
    g_assert_cmphex(t->c->v.pc, ==, 0x5008); /* not yet looked at */
    g_assert_cmpuint(t->c->faults, ==, 0);
    g_assert_cmpint(vcpu_run(&t->c->v, 10), ==, VCPU_STOP_HALT);
    g_assert_cmphex(t->c->fault_pc, ==, 0x5008);
    g_assert_cmphex(t->c->fault_va, ==, 0x5008);
    g_assert_cmpuint(t->c->fault_access, ==, ACCESS_EXEC);
    g_assert_cmpuint(toy_icount(t), ==, 3);
}

static void test_mmio_sees_the_count(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint32_t at = toy_put48(t, 0x1000, 1, TOY_MMIO);

    at = toy_put(t, at, TOY_LI, 2, 0, 0x55);
    at = toy_put(t, at, TOY_ST, 2, 1, 8);
    at = toy_put(t, at, TOY_LD, 3, 1, 16);
    at = toy_put(t, at, TOY_LDB, 4, 1, 3);
    at = toy_put(t, at, TOY_LD, 5, 1, 1); /* unaligned: eight bytes */
    t->c->v.pc = 0x1000;
    g_assert_cmpint(vcpu_run(&t->c->v, 3), ==, VCPU_STOP_BUDGET);
    g_assert_cmpuint(toy_io(t)->writes, ==, 1);
    g_assert_cmphex(toy_io(t)->value, ==, 0x55);
    g_assert_cmpuint(toy_io(t)->size, ==, 8);
    g_assert_cmpuint(toy_io(t)->icount, ==, 2); /* steps done before it */
    g_assert_cmpint(vcpu_run(&t->c->v, 2), ==, VCPU_STOP_BUDGET);
    g_assert_cmpuint(toy_io(t)->reads, ==, 2);
    g_assert_cmpuint(toy_io(t)->icount, ==, 4);
    g_assert_cmphex(t->c->r[3], ==, 0x55);
    g_assert_cmpint(vcpu_run(&t->c->v, 1), ==, VCPU_STOP_BUDGET);
    g_assert_cmpuint(toy_io(t)->reads, ==, 10);
    g_assert_cmphex(t->c->r[5], ==, 0x5555555555555555);
}

static void test_horizon_ends_the_slice(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint32_t at = toy_put48(t, 0x1000, 1, TOY_MMIO);

    at = toy_put(t, at, TOY_STB, 2, 1, 0);
    at = toy_put(t, at, TOY_LI, 3, 0, 1);
    toy_put(t, at, TOY_WAIT, 0, 0, 0);
    toy_io(t)->kick = true;
    t->c->v.pc = 0x1000;
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_EVENT);
    g_assert_cmpuint(toy_icount(t), ==, 2);
    g_assert_cmphex(t->c->v.pc, ==, 0x100c);
    g_assert_cmpuint(t->c->r[3], ==, 0);
    t->vm->horizon = false;
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_HALT);
    g_assert_cmpuint(toy_icount(t), ==, 4);
}

static void test_shadow_is_one_step(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint32_t at = 0x1000;

    at = toy_put(t, at, TOY_STI, 0, 0, 0);
    at = toy_put(t, at, TOY_LI, 1, 0, 1);
    toy_put(t, at, TOY_LI, 2, 0, 2);
    t->c->v.pc = 0x1000;
    t->c->line = true;
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_EVENT);
    g_assert_cmpuint(toy_icount(t), ==, 2);
    g_assert_cmphex(t->c->v.pc, ==, 0x1008);
    g_assert_false(t->c->inhibit);

    /* the same when the slice ends between the two */
    t->c->irq_on = false;
    t->c->v.pc = 0x1000;
    g_assert_cmpint(vcpu_run(&t->c->v, 1), ==, VCPU_STOP_BUDGET);
    g_assert_true(t->c->inhibit);
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_EVENT);
    g_assert_cmpuint(toy_icount(t), ==, 4);

    /* and when the helper does not end its block but asks to leave */
    toy_put(t, 0x1000, TOY_STI, 0, 0, 1);
    t->c->irq_on = false;
    t->c->v.pc = 0x1000;
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_EVENT);
    g_assert_cmpuint(toy_icount(t), ==, 6);
}

static void test_bulk_helper_spends_the_budget(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    toy_put(t, 0x1000, TOY_LI, 1, 0, 100);
    toy_put(t, 0x1004, TOY_RUN, 1, 0, 0);
    toy_put(t, 0x1008, TOY_WAIT, 0, 0, 0);
    t->c->v.pc = 0x1000;
    g_assert_cmpint(vcpu_run(&t->c->v, 31), ==, VCPU_STOP_BUDGET);
    g_assert_cmpuint(toy_icount(t), ==, 31);
    g_assert_cmpuint(t->c->r[1], ==, 70);
    g_assert_cmphex(t->c->v.pc, ==, 0x1004);
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_HALT);
    g_assert_cmpuint(toy_icount(t), ==, 102);
}

static void test_breakpoint(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    put_loop(t);
    vcpu_run(&t->c->v, 10);
    accel_breakpoint(t->vm, 0x100c, true);
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_DEBUG);
    g_assert_cmphex(t->c->v.pc, ==, 0x100c);
    g_assert_cmpuint(toy_icount(t), ==, 12);
    g_assert_cmpint(vcpu_run(&t->c->v, 1000), ==, VCPU_STOP_DEBUG);
    g_assert_cmpuint(toy_icount(t), ==, 15);
    accel_breakpoint(t->vm, 0x100c, false);
    g_assert_cmpint(vcpu_run(&t->c->v, 100000), ==, VCPU_STOP_HALT);
    g_assert_cmpuint(toy_icount(t), ==, 3003);
}

static void test_options(void)
{
    g_autoptr(GError) error = NULL;
    AccelOptions o = {0};

    g_assert_true(accel_options_parse(
        &o, "tcg,engine=interp,tb-size=8,thread=single,max-insns=5", &error));
    g_assert_true(o.interp);
    g_assert_cmpuint(o.tb_size, ==, 8 << 20);
    g_assert_cmpuint(o.max_insns, ==, 5);
    g_assert_false(accel_options_parse(&o, "tcg,thread=multi", &error));
    g_assert_nonnull(strstr(error->message, "one thread"));
    g_clear_error(&error);
    g_assert_false(accel_options_parse(&o, "tcg,max-inns=5", &error));
    g_assert_nonnull(strstr(error->message, "max-insns"));
    g_clear_error(&error);
    g_assert_false(accel_options_parse(&o, "kvm", &error));
    g_assert_nonnull(error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/loop", test_loop_counts_every_step);
    g_test_add_func("/engine/budget", test_budget_is_exact);
    g_test_add_func("/engine/fault", test_fault_is_a_step);
    g_test_add_func("/engine/fetch-fault", test_fetch_fault);
    g_test_add_func("/engine/mmio", test_mmio_sees_the_count);
    g_test_add_func("/engine/horizon", test_horizon_ends_the_slice);
    g_test_add_func("/engine/shadow", test_shadow_is_one_step);
    g_test_add_func("/engine/bulk", test_bulk_helper_spends_the_budget);
    g_test_add_func("/engine/breakpoint", test_breakpoint);
    g_test_add_func("/engine/options", test_options);
    return g_test_run();
}
