/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translated code: sharing, invalidation, straddling, and that no test option
 * changes what the guest sees. */
#include "tests/unit/toy_cpu.h"

#include <string.h>

#include "accel/accel_priv.h"
#include "core/bytes.h"

#define TABLE 0x200000
#define RX (TOY_PTE_P | TOY_PTE_X)
#define RWX (RX | TOY_PTE_W)

static BlockCache *cache(Toy *t)
{
    return &accel_of(t->vm)->cache;
}

static void run_to_halt(Toy *t, uint64_t pc)
{
    t->c->v.pc = pc;
    t->c->v.halted = false;
    g_assert_cmpint(vcpu_run(&t->c->v, 100000), ==, VCPU_STOP_HALT);
}

static void test_shared_between_mappings(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint64_t made;

    toy_paging(t, TABLE);
    toy_map(t, 0x5000, 0x1000, RX);
    toy_map(t, 0x9000, 0x1000, RX);
    toy_put(t, 0x1000, TOY_ADDI, 1, 0, 1);
    toy_put(t, 0x1004, TOY_WAIT, 0, 0, 0);
    run_to_halt(t, 0x5000);
    made = cache(t)->translated;
    run_to_halt(t, 0x9000);
    g_assert_cmphex(t->c->v.pc, ==, 0x9008);
    g_assert_cmpuint(t->c->r[1], ==, 2);
    g_assert_cmpuint(cache(t)->translated, ==, made);
}

/* An instruction stores over the one behind it, in its own block. */
static void test_store_ahead_in_own_block(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint32_t at = 0x1000;

    at = toy_put48(t, at, 1, (0x1234ull << 16) | 3 << 12 | TOY_LI);
    at = toy_put(t, at, TOY_LI, 2, 0, 0x1010);
    at = toy_put(t, at, TOY_ST, 1, 2, 0);
    g_assert_cmphex(at, ==, 0x1010);
    at = toy_put(t, at, TOY_LI, 3, 0, 1);
    toy_put(t, at, 0, 0, 0, 0);
    toy_put(t, 0x1018, TOY_WAIT, 0, 0, 0);
    /* the eight bytes stored end in zeroes: an illegal instruction, which we
     * turn into a wait at the vector */
    toy_put(t, 0x3000, TOY_WAIT, 0, 0, 0);
    t->c->vector = 0x3000;
    run_to_halt(t, 0x1000);
    g_assert_cmphex(t->c->r[3], ==, 0x1234);
    g_assert_cmpuint(toy_icount(t), ==, 6);
    g_assert_cmpuint(cache(t)->killed, >=, 1);
}

static void test_data_beside_code(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint32_t at = 0x1000;

    at = toy_put(t, at, TOY_LI, 2, 0, 0x1800);
    at = toy_put(t, at, TOY_ST, 2, 2, 0);
    toy_put(t, at, TOY_WAIT, 0, 0, 0);
    run_to_halt(t, 0x1000);
    run_to_halt(t, 0x1000);
    g_assert_cmpuint(cache(t)->killed, ==, 0);
    g_assert_cmphex(ld_le64(t->ram + 0x1800), ==, 0x1800);
    g_assert_true(ram_flags(t->vm->ram)[1] & RAM_CODE);
}

static void test_dma_invalidates(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    const uint8_t li[4] = {TOY_LI, 0x10, 42, 0};

    toy_put(t, 0x1000, TOY_LI, 1, 0, 1);
    toy_put(t, 0x1004, TOY_WAIT, 0, 0, 0);
    run_to_halt(t, 0x1000);
    dma_write(t->vm->mem, 0x1000, li, 4);
    run_to_halt(t, 0x1000);
    g_assert_cmpuint(t->c->r[1], ==, 42);
}

/* A linked loop: the target is replaced while the source stays. */
static void test_links_are_cut(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    toy_put(t, 0x1000, TOY_LI, 1, 0, 5);
    toy_put(t, 0x1004, TOY_JMP, 0, 0, 0x100 - 4);
    toy_put(t, 0x1100, TOY_ADDI, 1, 0, -1);
    toy_put(t, 0x1104, TOY_BNE, 1, 2, -4);
    toy_put(t, 0x1108, TOY_WAIT, 0, 0, 0);
    run_to_halt(t, 0x1000);
    run_to_halt(t, 0x1000);
    g_assert_cmpuint(toy_icount(t), ==, 2 * (2 + 10 + 1));
    toy_put(t, 0x1100, TOY_LI, 1, 0, 0);
    run_to_halt(t, 0x1000);
    g_assert_cmpuint(toy_icount(t), ==, 2 * (2 + 10 + 1) + 2 + 2 + 1);
    g_assert_cmpuint(cache(t)->killed, ==, 1); /* the source is still there */
}

/* li48 at 0x5ffc: four bytes in each page. */
static void straddle(Toy *t)
{
    toy_paging(t, TABLE);
    toy_map(t, 0x5000, 0x10000, RX);
    toy_map(t, 0x6000, 0x20000, RX);
    toy_map(t, 0x7000, 0x30000, RX);
    toy_put(t, 0x10ffc, TOY_LI48, 1, 0, 0x1111);
    toy_put(t, 0x20000, 0x22, 0x22, 0x22, 0x2222);
    toy_put(t, 0x20004, TOY_WAIT, 0, 0, 0);
    toy_put(t, 0x40000, 0x33, 0x33, 0x33, 0x3333);
    toy_put(t, 0x40004, TOY_WAIT, 0, 0, 0);
    toy_put(t, 0x30000, TOY_WAIT, 0, 0, 0);
    st_le32(t->ram + 0x20000, 0x22222222);
    st_le32(t->ram + 0x40000, 0x33333333);
    t->c->vector = 0x7000;
}

static void test_straddling(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    Vcpu *v = &t->c->v;

    straddle(t);
    run_to_halt(t, 0x5ffc);
    g_assert_cmphex(t->c->r[1], ==, 0x222222221111);
    g_assert_cmpuint(toy_icount(t), ==, 2);
    /* a write to the second page */
    mem_poke(t->vm->mem, 0x20000, "\x44", 1);
    run_to_halt(t, 0x5ffc);
    g_assert_cmphex(t->c->r[1], ==, 0x222222441111);
    /* the second page is another one */
    toy_map(t, 0x6000, 0x40000, RX);
    run_to_halt(t, 0x5ffc);
    g_assert_cmphex(t->c->r[1], ==, 0x222222441111); /* not flushed */
    tlb_flush_page(v, 0x6000);
    run_to_halt(t, 0x5ffc);
    g_assert_cmphex(t->c->r[1], ==, 0x333333331111);
    g_assert_cmpuint(toy_icount(t), ==, 8);
    /* it is gone: the address of the first byte there faults, one step */
    toy_map(t, 0x6000, 0x40000, 0);
    tlb_flush_page(v, 0x6000);
    run_to_halt(t, 0x5ffc);
    g_assert_cmphex(t->c->fault_va, ==, 0x6000);
    g_assert_cmphex(t->c->fault_pc, ==, 0x5ffc);
    g_assert_cmpuint(toy_icount(t), ==, 10);
    /* and back */
    toy_map(t, 0x6000, 0x20000, RX);
    run_to_halt(t, 0x5ffc);
    g_assert_cmphex(t->c->r[1], ==, 0x222222441111);
    g_assert_cmpuint(toy_icount(t), ==, 12);
}

static void test_code_in_a_device(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    toy_put(t, 0x3000, TOY_WAIT, 0, 0, 0);
    t->c->vector = 0x3000;
    run_to_halt(t, TOY_MMIO); /* peeks as zeroes: illegal */
    g_assert_cmphex(t->c->fault_pc, ==, TOY_MMIO);
    run_to_halt(t, 0x20000000); /* nothing there: 0xff, illegal too */
    g_assert_cmphex(t->c->fault_pc, ==, 0x20000000);
    g_assert_cmpuint(toy_icount(t), ==, 4);
    g_assert_cmpuint(toy_io(t)->reads, ==, 0);
}

static void test_invalidated_mapping_of_running_page(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    toy_paging(t, TABLE);
    toy_map(t, 0x5000, 0x10000, RX);
    toy_map(t, 0x200000, TABLE, RX | TOY_PTE_W);
    /* remap the running page by a store, then flush it: the next fetch sees
     * the other page */
    toy_put48(t, 0x10000, 1, 0x20000 | RX);
    toy_put48(t, 0x10008, 2, 0x200000 + 5 * 8);
    toy_put(t, 0x10010, TOY_ST, 1, 2, 0);
    toy_put48(t, 0x10014, 3, 0x5000);
    toy_put(t, 0x1001c, TOY_ADDI, 4, 0, 1);
    toy_put(t, 0x10020, TOY_INVL, 3, 0, 0);
    toy_put(t, 0x10024, TOY_LI, 5, 0, 1);
    toy_put(t, 0x20024, TOY_LI, 5, 0, 2);
    toy_put(t, 0x20028, TOY_WAIT, 0, 0, 0);
    run_to_halt(t, 0x5000);
    g_assert_cmpuint(t->c->r[4], ==, 1);
    g_assert_cmpuint(t->c->r[5], ==, 2);
    g_assert_cmpuint(toy_icount(t), ==, 8);
}

/* --- the jump cache -------------------------------------------------------- */

/* 0x5000 (at 0x10000) and 0x6000 (at 0x20000) jump to each other; 0x40000 is
 * another 0x6000. r1, r2: the two; r3 counts; r4 tells which 0x6000 ran. */
static void ping_pong(Toy *t)
{
    toy_paging(t, TABLE);
    toy_map(t, 0x5000, 0x10000, RX);
    toy_map(t, 0x6000, 0x20000, RX);
    toy_put(t, 0x10000, TOY_ADDI, 3, 0, 1);
    toy_put(t, 0x10004, TOY_JMPR, 2, 0, 0);
    toy_put(t, 0x20000, TOY_LI, 4, 0, 1);
    toy_put(t, 0x20004, TOY_JMPR, 1, 0, 0);
    toy_put(t, 0x40000, TOY_LI, 4, 0, 2);
    toy_put(t, 0x40004, TOY_JMPR, 1, 0, 0);
    t->c->r[1] = 0x5000;
    t->c->r[2] = 0x6000;
    t->c->v.pc = 0x5000;
    g_assert_cmpint(vcpu_run(&t->c->v, 400), ==, VCPU_STOP_BUDGET);
    g_assert_cmpuint(t->c->r[3], ==, 100);
    g_assert_cmpuint(t->c->r[4], ==, 1);
    g_assert_cmphex(t->c->v.pc, ==, 0x5000);
}

static void test_jump_cache_and_flush(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint64_t turns;

    ping_pong(t);
    turns = accel_of(t->vm)->engine_turns;
    vcpu_run(&t->c->v, 400);
    g_assert_cmpuint(accel_of(t->vm)->engine_turns, <=, turns + 2);
    toy_map(t, 0x6000, 0x40000, RX);
    vcpu_run(&t->c->v, 400);
    g_assert_cmpuint(t->c->r[4], ==, 1);
    tlb_flush_page(&t->c->v, 0x6000);
    vcpu_run(&t->c->v, 400);
    g_assert_cmpuint(t->c->r[4], ==, 2);
    /* another context */
    toy_map(t, 0x6000, 0x20000, RX);
    tlb_switch(&t->c->v, 77, false);
    vcpu_run(&t->c->v, 400);
    g_assert_cmpuint(t->c->r[4], ==, 1);
    tlb_switch(&t->c->v, 0, true);
    vcpu_run(&t->c->v, 400);
    g_assert_cmpuint(t->c->r[4], ==, 2);
}

/* Reads that take the set of 0x6000 away. */
static void evict_6000(Toy *t)
{
    unsigned n = 0;
    uint64_t x;

    for (uint64_t vpn = 1024; n < 4; vpn++) {
        if (((vpn ^ vpn >> 10) & 1023) == 6) {
            toy_map(t, vpn << 12, 0x50000, TOY_PTE_P);
            g_assert_true(vcpu_load(&t->c->v, vpn << 12, 8, 0, &x));
            n++;
        }
    }
}

static void test_jump_cache_and_replacement(void)
{
    g_autoptr(Toy) t = toy_new(NULL);

    ping_pong(t);
    toy_map(t, 0x6000, 0x40000, RX);
    evict_6000(t);
    vcpu_run(&t->c->v, 400);
    g_assert_cmpuint(t->c->r[4], ==, 2);
}

/* While 0x6000 runs its entry goes, and a read brings another page in: the
 * running page stays, a jump from elsewhere sees the new one. */
static void test_running_page_outlives_its_entry(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    uint64_t x;

    ping_pong(t);
    toy_put(t, 0x20004, TOY_JMPR, 5, 0, 0);
    toy_put(t, 0x20008, TOY_LI, 6, 0, 1);
    toy_put(t, 0x2000c, TOY_JMPR, 1, 0, 0);
    toy_put(t, 0x40008, TOY_LI, 6, 0, 2);
    toy_put(t, 0x4000c, TOY_JMPR, 1, 0, 0);
    t->c->r[5] = 0x6008;
    vcpu_run(&t->c->v, 3); /* stops before the jump to 0x6008 */
    g_assert_cmphex(t->c->v.pc, ==, 0x6004);
    toy_map(t, 0x6000, 0x40000, RX);
    evict_6000(t);
    g_assert_true(vcpu_load(&t->c->v, 0x6000, 8, 0, &x));
    vcpu_run(&t->c->v, 3);
    g_assert_cmpuint(t->c->r[6], ==, 1);
    g_assert_cmphex(t->c->v.pc, ==, 0x5000);
    t->c->v.pc = 0x5004;
    t->c->r[2] = 0x6008;
    vcpu_run(&t->c->v, 3);
    g_assert_cmpuint(t->c->r[6], ==, 2);
}

/* Step by step and by the way the engine goes, the state is the same. */
static void test_stops_on_a_page_change(void)
{
    uint64_t digest[2][12];

    for (unsigned k = 0; k < 2; k++) {
        g_autoptr(Toy) t = toy_new(k ? "flush-every=1" : NULL);

        ping_pong(t);
        for (unsigned i = 0; i < 12; i++) {
            vcpu_run(&t->c->v, 1);
            digest[k][i] = state_digest(&t->c->v.dev);
        }
    }
    g_assert_cmpmem(digest[0], sizeof(digest[0]), digest[1], sizeof(digest[1]));
}

/* A store to a device puts other memory under the running code. */
static void test_memory_map_changes_under_the_code(void)
{
    g_autoptr(Toy) t = toy_new(NULL);
    g_autoptr(GError) error = NULL;
    MemRegion *other = mem_ram(t->vm, "other", 4096, &error);
    uint32_t at;

    g_assert_no_error(error);
    mem_set_enabled(other, false);
    mem_add(t->vm->mem_root, 0x1000, other, 1);
    at = toy_put48(t, 0x1000, 1, TOY_MMIO);
    at = toy_put(t, at, TOY_ST, 1, 1, 0);
    memcpy(mem_host(other), t->ram + 0x1000, 12);
    toy_put(t, at, TOY_LI, 2, 0, 1);
    toy_put(t, at + 4, TOY_WAIT, 0, 0, 0);
    run_to_halt(t, 0x1000);
    g_assert_cmpuint(t->c->r[2], ==, 1);
    memcpy(mem_host(other) + 12, t->ram + 0x100c, 8);
    mem_host(other)[14] = 2;
    toy_io(t)->enable = other;
    run_to_halt(t, 0x1000);
    g_assert_cmpuint(t->c->r[2], ==, 2);
    g_assert_cmpuint(toy_icount(t), ==, 8);
}

/* --- a random program under all options ------------------------------------ */

#define PROGRAM 0x1000
#define PROGRAM_BYTES 0x3000

static void put_random(Toy *t, GRand *rand)
{
    static const uint8_t ops[] = {
        TOY_LI,  TOY_ADD,   TOY_ADDI, TOY_LD,    TOY_ST,   TOY_LDB,
        TOY_STB, TOY_BNE,   TOY_JMP,  TOY_JMPR,  TOY_INVL, TOY_SWITCH,
        TOY_LUI, TOY_COUNT, TOY_INC,  TOY_VCOPY, TOY_LI48, TOY_MOVZ,
        TOY_RUN, TOY_ADDI,  TOY_ST,   TOY_LD,    TOY_BNE,  0,
    };

    for (uint32_t at = PROGRAM; at < PROGRAM + PROGRAM_BYTES; at += 4) {
        unsigned op = ops[g_rand_int_range(rand, 0, G_N_ELEMENTS(ops))];
        int imm = g_rand_int_range(rand, -200, 200);

        if (op == TOY_JMP && g_rand_int_range(rand, 0, 2)) {
            imm = g_rand_int_range(rand, -0x2000, 0x2000);
        }
        toy_put(t, at, op, (unsigned)g_rand_int_range(rand, 0, 16),
                (unsigned)g_rand_int_range(rand, 0, 16), imm);
    }
}

static Toy *random_machine(const char *options, unsigned seed)
{
    Toy *t = toy_new(options);
    GRand *rand = g_rand_new_with_seed(seed);

    put_random(t, rand);
    toy_paging(t, TABLE);
    for (uint64_t va = 0; va < 0x40000; va += 4096) {
        /* two virtual pages a physical one, some without rights */
        unsigned bits = (va >> 12) % 7 == 6 ? RX : RWX;

        toy_map(t, va, va & 0x1f000,
                va >= 0x38000 ? TOY_PTE_P : bits | TOY_PTE_G * (va < 0x4000));
    }
    for (unsigned i = 0; i < 16; i++) {
        t->c->r[i] = (uint64_t)g_rand_int_range(rand, 0x1000, 0x30000);
    }
    t->c->vector = PROGRAM + 0x800;
    t->c->v.pc = PROGRAM;
    g_rand_free(rand);
    return t;
}

/* Digest of the machine after @steps, run in slices of random length. Faults
 * give registers new values, or the program would soon be stuck. */
static uint64_t random_digest(const char *options, unsigned seed,
                              uint64_t steps, unsigned slices)
{
    Toy *t = random_machine(options, seed);
    GRand *rand = g_rand_new_with_seed(slices);
    uint64_t digest, next_stir = 500;

    while (toy_icount(t) < steps) {
        uint64_t most = MIN(steps, next_stir) - toy_icount(t);
        uint64_t n = (uint64_t)g_rand_int_range(rand, 1, (gint32)slices + 1);

        /* the program may overwrite itself with a wait */
        g_assert_cmpint(vcpu_run(&t->c->v, (uint32_t)MIN(n, most)), !=,
                        VCPU_STOP_DEBUG);
        t->c->v.halted = false;
        if (toy_icount(t) == next_stir) {
            for (unsigned i = 0; i < 16; i++) {
                t->c->r[i] =
                    0x1000 + (t->c->r[i] * 7919 + next_stir * i) % 0x37000;
            }
            t->c->v.pc = t->c->r[3] & 0x3ffc;
            next_stir += 500;
        }
    }
    digest = state_digest(&t->c->v.dev);
    for (unsigned i = 0; i < TOY_RAM; i += 8) {
        digest = digest * 0x9e3779b97f4a7c15ull + ld_le64(t->ram + i);
    }
    g_rand_free(rand);
    toy_free(t);
    return digest;
}

static void test_options_change_nothing(void)
{
    static const char *const options[] = {
        "max-insns=1",
        "max-insns=4",
        "random-length=on,test-seed=11",
        "flush-every=3,test-seed=5",
        "tb-size=1,l1-bits=6,random-length=on",
    };

    for (unsigned seed = 1; seed <= 6; seed++) {
        uint64_t want = random_digest(NULL, seed, 40000, 100000);

        g_assert_cmphex(random_digest(NULL, seed, 40000, 7), ==, want);
        g_assert_cmphex(random_digest(NULL, seed, 40000, 1), ==, want);
        g_assert_cmphex(random_digest(NULL, seed, 39999, 100000), !=, want);
        for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
            g_assert_cmphex(random_digest(options[i], seed, 40000, 900), ==,
                            want);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/blocks/shared", test_shared_between_mappings);
    g_test_add_func("/blocks/own-block", test_store_ahead_in_own_block);
    g_test_add_func("/blocks/data-beside", test_data_beside_code);
    g_test_add_func("/blocks/dma", test_dma_invalidates);
    g_test_add_func("/blocks/links", test_links_are_cut);
    g_test_add_func("/blocks/straddling", test_straddling);
    g_test_add_func("/blocks/device", test_code_in_a_device);
    g_test_add_func("/blocks/remap", test_invalidated_mapping_of_running_page);
    g_test_add_func("/blocks/jump-flush", test_jump_cache_and_flush);
    g_test_add_func("/blocks/jump-replaced", test_jump_cache_and_replacement);
    g_test_add_func("/blocks/running-page",
                    test_running_page_outlives_its_entry);
    g_test_add_func("/blocks/page-stops", test_stops_on_a_page_change);
    g_test_add_func("/blocks/map", test_memory_map_changes_under_the_code);
    g_test_add_func("/blocks/options", test_options_change_nothing);
    return g_test_run();
}
