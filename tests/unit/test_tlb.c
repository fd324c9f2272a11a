/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exact TLB: what is remembered, what a flush drops, accessed and dirty
 * bits, and that the model is state. */
#include "tests/unit/toy_cpu.h"

#include <string.h>

#include "accel/tlb_priv.h"
#include "core/bytes.h"

#define TABLE 0x200000
#define RW (TOY_PTE_P | TOY_PTE_W)
#define RX (TOY_PTE_P | TOY_PTE_X)

static Toy *paged(const char *options)
{
    Toy *t = toy_new(options);

    toy_paging(t, TABLE);
    return t;
}

static uint64_t load(Toy *t, uint64_t va)
{
    uint64_t x = 0;

    g_assert_true(vcpu_load(&t->c->v, va, 8, 0, &x));
    return x;
}

/* In level 2? Level 1 has nothing that level 2 has not. */
static bool cached(Toy *t, uint64_t va)
{
    Tlb *tlb = t->c->v.tlb;
    bool found = tlb_find(tlb, va, ACCESS_READ, 0) != NULL;

    if (!found) {
        g_assert_cmphex(tlb_l1_entry(tlb, va, 0)->read_tag, !=, va);
        g_assert_cmphex(tlb_l1_entry(tlb, va, 0)->write_tag, !=, va);
    }
    return found;
}

static void test_stale_until_flushed(void)
{
    g_autoptr(Toy) t = paged(NULL);

    st_le64(t->ram + 0x10000, 1);
    st_le64(t->ram + 0x11000, 2);
    toy_map(t, 0x5000, 0x10000, RW);
    g_assert_cmpuint(load(t, 0x5000), ==, 1);
    toy_map(t, 0x5000, 0x11000, RW);
    g_assert_cmpuint(load(t, 0x5000), ==, 1);
    tlb_flush_page(&t->c->v, 0x5abc);
    g_assert_cmpuint(load(t, 0x5000), ==, 2);
}

static void test_accessed_and_dirty(void)
{
    g_autoptr(Toy) t = paged(NULL);

    toy_map(t, 0x5000, 0x10000, RW);
    g_assert_false(vcpu_translate_peek(&t->c->v, 0x6000, &(GuestPhys){0}));
    load(t, 0x5000);
    g_assert_cmphex(toy_pte(t, 0x5000), ==, 0x10000 | RW | TOY_PTE_A);
    g_assert_true(vcpu_store(&t->c->v, 0x5008, 4, 0, 7));
    g_assert_cmphex(toy_pte(t, 0x5000), ==,
                    0x10000 | RW | TOY_PTE_A | TOY_PTE_D);
    /* cleared behind the TLB's back: it stays clear while the entry lives */
    toy_map(t, 0x5000, 0x10000, RW);
    load(t, 0x5000);
    g_assert_true(vcpu_store(&t->c->v, 0x5008, 4, 0, 8));
    g_assert_cmphex(toy_pte(t, 0x5000), ==, 0x10000 | RW);
}

static void test_both_pages_before_the_first_byte(void)
{
    g_autoptr(Toy) t = paged(NULL);

    toy_map(t, 0x5000, 0x10000, RW);
    toy_map(t, 0x6000, 0x11000, TOY_PTE_P);
    g_assert_false(vcpu_store(&t->c->v, 0x5ffc, 8, 0, UINT64_MAX));
    g_assert_true(t->c->v.fault);
    g_assert_cmphex(t->c->fault_va, ==, 0x6000);
    g_assert_cmphex(ld_le32(t->ram + 0x10ffc), ==, 0);
    t->c->v.fault = false;
}

static void test_fifo(void)
{
    g_autoptr(Toy) t = paged(NULL);
    /* same set: vpn ^ vpn >> 10 equal modulo 1024, mmu 0 */
    uint64_t va[6];
    unsigned n = 0;

    for (uint64_t vpn = 0; n < 6; vpn++) {
        if (((vpn ^ vpn >> 10) & 1023) == 5) {
            toy_map(t, vpn << 12, 0x10000, RW);
            va[n++] = vpn << 12;
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        load(t, va[i]);
    }
    load(t, va[0]); /* a hit does not make it younger */
    load(t, va[4]);
    g_assert_false(cached(t, va[0]));
    g_assert_true(cached(t, va[1]));
    load(t, va[5]);
    g_assert_false(cached(t, va[1]));
}

static void test_contexts(void)
{
    g_autoptr(Toy) t = paged(NULL);
    Vcpu *v = &t->c->v;

    toy_map(t, 0x5000, 0x10000, RW);
    toy_map(t, 0x6000, 0x10000, RW | TOY_PTE_G);
    tlb_switch(v, 100, false);
    load(t, 0x5000);
    load(t, 0x6000);
    tlb_switch(v, 200, false);
    g_assert_false(cached(t, 0x5000));
    g_assert_true(cached(t, 0x6000));
    tlb_switch(v, 100, true);
    g_assert_true(cached(t, 0x5000));
    /* seven others push the least recently used ones out */
    for (uint64_t key = 300; key < 307; key++) {
        tlb_switch(v, key, true);
    }
    tlb_switch(v, 100, true);
    g_assert_true(cached(t, 0x5000));
    for (uint64_t key = 400; key < 408; key++) {
        tlb_switch(v, key, true);
    }
    tlb_switch(v, 100, true);
    g_assert_false(cached(t, 0x5000));
    load(t, 0x5000);
    tlb_switch(v, 100, false);
    g_assert_false(cached(t, 0x5000));
    load(t, 0x5000);
    tlb_flush(v, false);
    g_assert_false(cached(t, 0x5000));
    g_assert_true(cached(t, 0x6000));
    tlb_flush(v, true);
    g_assert_false(cached(t, 0x6000));
}

static void test_other_context(void)
{
    g_autoptr(Toy) t = paged(NULL);
    Vcpu *v = &t->c->v;

    toy_map(t, 0x5000, 0x10000, RW);
    toy_map(t, 0x6000, 0x10000, RW);
    tlb_switch(v, 100, false);
    load(t, 0x5000);
    load(t, 0x6000);
    tlb_switch(v, 200, false);
    tlb_flush_context_page(v, 100, 0x5000);
    tlb_switch(v, 100, true);
    g_assert_false(cached(t, 0x5000));
    g_assert_true(cached(t, 0x6000));
    tlb_switch(v, 200, true);
    tlb_flush_context(v, 100);
    tlb_switch(v, 100, true);
    g_assert_false(cached(t, 0x6000));
}

static void test_large(void)
{
    g_autoptr(Toy) t = paged(NULL);

    for (unsigned i = 0; i < 16; i++) {
        toy_map(t, 0x40000 + i * 4096, 0x20000 + i * 4096, RW | TOY_PTE_LARGE);
    }
    toy_map(t, 0x50000, 0x20000, RW);
    load(t, 0x41000);
    load(t, 0x4f000);
    load(t, 0x50000);
    tlb_flush_page(&t->c->v, 0x47000);
    g_assert_false(cached(t, 0x41000));
    g_assert_false(cached(t, 0x4f000));
    g_assert_true(cached(t, 0x50000));
}

static void test_window(void)
{
    g_autoptr(Toy) t = paged(NULL);
    Vcpu *v = &t->c->v;
    uint64_t got = 0;

    toy_map(t, 0x5000, 0x10000, RW);
    g_assert_null(vcpu_window(v, 0x5100, 8192, 0, ACCESS_READ, &got));
    load(t, 0x5000);
    g_assert_true(vcpu_window(v, 0x5100, 8192, 0, ACCESS_READ, &got)
                  == t->ram + 0x10100);
    g_assert_cmpuint(got, ==, 4096 - 0x100);
    g_assert_null(vcpu_window(v, 0x5100, 8, 0, ACCESS_WRITE, &got));
    g_assert_true(vcpu_store(v, 0x5000, 1, 0, 1));
    g_assert_nonnull(vcpu_window(v, 0x5100, 8, 0, ACCESS_WRITE, &got));
}

/* Random accesses, then save, load into a second machine, and go on: both stay
 * equal, in data and in accessed bits. */
static uint64_t churn(Toy *t, GRand *rand, unsigned count)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < count; i++) {
        uint64_t va = (uint64_t)g_rand_int_range(rand, 0, 400) << 12;
        unsigned what = (unsigned)g_rand_int_range(rand, 0, 100);

        if (what < 60) {
            sum = sum * 31 + load(t, va);
        } else if (what < 80) {
            g_assert_true(vcpu_store(&t->c->v, va + 16, 8, 0, i));
        } else if (what < 90) {
            tlb_switch(&t->c->v, (uint64_t)g_rand_int_range(rand, 0, 12),
                       what & 1);
        } else if (what < 95) {
            tlb_flush_page(&t->c->v, va);
        } else { /* clears A and D without a flush */
            toy_map(t, va, 0x80000 + (va & 0x3f000),
                    RW | (va & 0x3000 ? 0 : TOY_PTE_G));
        }
    }
    return sum;
}

static void test_state(void)
{
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GByteArray) again = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *ram = NULL;
    uint64_t sum, digest;
    GRand *rand = g_rand_new_with_seed(5);
    Toy *t = paged(NULL);

    for (uint64_t va = 0; va < 400 << 12; va += 4096) {
        toy_map(t, va, 0x80000 + (va & 0x3f000), RW);
    }
    churn(t, rand, 5000);
    ram = g_memdup2(t->ram, TOY_RAM);
    state_save(&t->c->v.dev, saved);
    sum = churn(t, rand, 3000);
    digest = state_digest(&t->c->v.dev);
    g_rand_free(rand);
    toy_free(t);

    rand = g_rand_new_with_seed(5);
    t = paged("l1-bits=6");
    for (unsigned skip = 0; skip < 2; skip++) {
        if (skip == 0) { /* only to bring the generator to the same place */
            for (uint64_t va = 0; va < 400 << 12; va += 4096) {
                toy_map(t, va, 0x80000 + (va & 0x3f000), RW);
            }
            churn(t, rand, 5000);
        }
    }
    tlb_flush(&t->c->v, true);
    memcpy(t->ram, ram, TOY_RAM);
    g_assert_true(state_load(&t->c->v.dev, saved->data, saved->len, &error));
    g_assert_no_error(error);
    state_save(&t->c->v.dev, again);
    g_assert_cmpmem(saved->data, saved->len, again->data, again->len);
    g_assert_cmpuint(churn(t, rand, 3000), ==, sum);
    g_assert_cmphex(state_digest(&t->c->v.dev), ==, digest);
    g_rand_free(rand);
    toy_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tlb/stale", test_stale_until_flushed);
    g_test_add_func("/tlb/accessed-dirty", test_accessed_and_dirty);
    g_test_add_func("/tlb/two-pages", test_both_pages_before_the_first_byte);
    g_test_add_func("/tlb/fifo", test_fifo);
    g_test_add_func("/tlb/contexts", test_contexts);
    g_test_add_func("/tlb/other-context", test_other_context);
    g_test_add_func("/tlb/large", test_large);
    g_test_add_func("/tlb/window", test_window);
    g_test_add_func("/tlb/state", test_state);
    return g_test_run();
}
