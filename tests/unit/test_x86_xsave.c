/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XSAVE and its kin. What can run at user level is compared with the host
 * (SSE and AVX components: the x87 registers of the host are not ours); the
 * rest is argued from SDM volume 1, chapter 13.
 */
#include <string.h>

#include "core/bytes.h"
#include "cpu/x86/fpu_priv.h"
#include "tests/unit/x86_avx_host.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const AvxCode xsave = {{0x48, 0x0f, 0xae, 0x27}, 4};
static const AvxCode xsaveopt = {{0x48, 0x0f, 0xae, 0x37}, 4};
static const AvxCode xsavec = {{0x48, 0x0f, 0xc7, 0x27}, 4};
static const AvxCode xrstor = {{0x48, 0x0f, 0xae, 0x2f}, 4};
static const AvxCode crooked = {{0x48, 0x0f, 0xae, 0x67, 0x20}, 5};

static bool host_has(const AvxCode *code)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    return avx_host_ready() && __get_cpuid_count(0xd, 1, &a, &b, &c, &d)
           && (code == &xsavec     ? a >> 1 & 1
               : code == &xsaveopt ? a & 1
                                   : 1);
#else
    return false;
#endif
}

/* Requested: SSE, AVX or both; also components that XCR0 has not. */
static void request(AvxState *s, uint64_t *seed)
{
    uint64_t r = avx_random(seed) >> 20;

    s->gpr[0] = (r & 6) | (r & 0x700 ? 0 : 0x18) | 0x400;
    s->gpr[2] = r >> 32 & 0x3fffffff;
}

static void compare_saves(const AvxCode *code)
{
    g_autoptr(Box) b = avx_box_new();
    uint64_t seed = 0x5a7e;
    unsigned bad = 0;

    if (!host_has(code)) {
        g_test_skip("the host has not got it");
        return;
    }
    for (unsigned n = 0; n < 400; n++) {
        AvxState in, host, box;

        avx_random_state(&in, &seed);
        request(&in, &seed);
        for (unsigned i = 256; i < AVX_MEM_BYTES; i += 8) {
            st_le64(in.mem + i, avx_random(&seed));
        }
        st_le64(in.mem + 512, avx_random(&seed) >> 30 & 7);
        in.mxcsr = n % 4 ? 0x1f80 : 0x3fa1;
        host = box = in;
        avx_host_run(&host, code);
        avx_box_run(b, &box, code);
        g_assert_cmpint(box.vector, ==, -1);
        if (ld_le32(host.mem + 28) == 0x2ffff) {
            host.mem[30] = 0; /* MXCSR_MASK of AMD: misaligned SSE */
        }
        if (memcmp(host.mem, box.mem, AVX_MEM_BYTES) != 0) {
            avx_same(&in, &host, &box, code, 0);
            bad++;
        }
    }
    g_assert_cmpuint(bad, ==, 0);
}

static void test_saves(gconstpointer code)
{
    compare_saves(code);
}

static void random_header(AvxState *s, uint64_t *seed)
{
    uint64_t r = avx_random(seed) >> 16;

    st_le64(s->mem + 512, r & 7);
    if (r & 8) { /* compacted */
        st_le64(s->mem + 520, 1ull << 63 | (r >> 4 & 7) | (r & 7));
    }
    switch (r >> 20 & 15) {
    case 0:
        st_le64(s->mem + 512, 1ull << (3 + (r >> 30 & 1))); /* not in XCR0 */
        break;
    case 1:
        st_le64(s->mem + 520, 1ull << 63); /* XSTATE_BV has more */
        break;
    case 2:
        s->mem[528 + (r >> 30) % 48] = 1; /* reserved */
        break;
    case 3:
        st_le64(s->mem + 520, 7); /* not zero, not compacted */
        break;
    case 4:
        s->mem[26] = 1; /* MXCSR */
        break;
    default:
        break;
    }
}

static void test_restore(void)
{
    g_autoptr(Box) b = avx_box_new();
    uint64_t seed = 0x4e57;
    unsigned bad = 0, faults = 0;

    if (!host_has(&xsavec)) {
        g_test_skip("the host has not got it");
        return;
    }
    for (unsigned n = 0; n < 1000; n++) {
        AvxState in, host, box;

        avx_random_state(&in, &seed);
        request(&in, &seed);
        for (unsigned i = 160; i < 832; i += 8) {
            st_le64(in.mem + i, i >= 512 && i < 576 ? 0 : avx_random(&seed));
        }
        st_le32(in.mem + 24, 0x1f80 | (avx_random(&seed) >> 20 & 0xe07f));
        random_header(&in, &seed);
        host = box = in;
        avx_host_run(&host, &xrstor);
        avx_box_run(b, &box, &xrstor);
        bad += !avx_same(&in, &host, &box, &xrstor, 0);
        faults += box.vector == X86_GP;
    }
    g_assert_cmpuint(bad, ==, 0);
    g_assert_cmpuint(faults, >, 100);
    g_assert_cmpuint(faults, <, 700);
}

/* --- all components, from the manual ---------------------------------------------- */

static void set_x87(X86Cpu *c)
{
    for (unsigned i = 0; i < 8; i++) {
        c->fpr_mant[i] = 0x8000000000000000 | i;
        c->fpr_se[i] = (uint16_t)(0x3fff + i);
    }
    c->fcw = 0x27f;
    c->fsw = 0x4100;
    c->ftop = 3;
    c->ftag = 0x18;
    c->fop = 0x123;
    c->fip = 0x123456789abc;
    c->fdp = 0xfedcba987654;
}

static void test_round_trip(gconstpointer p)
{
    const AvxCode *save = p;
    g_autoptr(Box) b = avx_box_new();
    X86Cpu *c = b->c;
    uint64_t seed = 0x11;
    AvxState s, t;

    avx_random_state(&s, &seed);
    s.gpr[0] = s.gpr[2] = UINT64_MAX;
    s.mxcsr = 0x3f80;
    set_x87(c);
    avx_box_run(b, &s, save);
    g_assert_cmphex(ld_le64(s.mem + 512), ==, 7);
    g_assert_cmphex(ld_le64(s.mem + 520), ==,
                    save == &xsavec ? 1ull << 63 | 7 : 0);
    g_assert_cmphex(ld_le16(s.mem), ==, 0x27f);
    g_assert_cmphex(ld_le16(s.mem + 2), ==, 0x4100 | 3 << 11);
    g_assert_cmphex(s.mem[4], ==, 0x18);
    g_assert_cmphex(ld_le64(s.mem + 8), ==, 0x123456789abc);
    memset(c->fpr_mant, 0, sizeof(c->fpr_mant));
    CALL(b, x87_clear, 1, 0, 0, 0);
    t = s;
    memset(t.ymm, 0, sizeof(t.ymm));
    t.mxcsr = 0x1f80;
    avx_box_run(b, &t, &xrstor);
    g_assert_cmpint(t.vector, ==, -1);
    g_assert_cmpmem(t.ymm, sizeof(t.ymm), s.ymm, sizeof(s.ymm));
    g_assert_cmphex(t.mxcsr, ==, 0x3f80);
    g_assert_cmphex(c->fpr_mant[7], ==, 0x8000000000000007);
    g_assert_cmphex(c->ftop, ==, 3);
    g_assert_cmphex(c->fdp, ==, 0xfedcba987654);
    /* XSTATE_BV 0: everything to its initial state, 13.6 */
    st_le64(t.mem + 512, 0);
    avx_box_run(b, &t, &xrstor);
    g_assert_cmphex(c->fcw, ==, 0x37f);
    g_assert_cmphex(c->ftag, ==, 0);
    g_assert_cmphex(c->fpr_mant[7], ==, 0);
    g_assert_cmphex(t.ymm[3][0] | t.ymm[3][3], ==, 0);
    g_assert_cmphex(t.mxcsr, ==, save == &xsavec ? 0x1f80 : 0x3f80);
    g_assert_cmphex(x86_xinuse(c), ==, 0);
}

/* 13.9: what is in its initial state is not written. */
static void test_init_optimization(void)
{
    g_autoptr(Box) b = avx_box_new();
    uint64_t seed = 0x12;
    AvxState s;

    avx_random_state(&s, &seed);
    memset(s.ymm, 0, sizeof(s.ymm));
    memset(s.mem, 0xee, sizeof(s.mem));
    s.ymm[5][2] = 1;
    s.gpr[0] = s.gpr[2] = UINT64_MAX;
    CALL(b, x87_clear, 1, 0, 0, 0);
    memset(b->c->fpr_mant, 0, sizeof(b->c->fpr_mant));
    memset(b->c->fpr_se, 0, sizeof(b->c->fpr_se));
    avx_box_run(b, &s, &xsaveopt);
    g_assert_cmphex(ld_le64(s.mem + 512) & 7, ==, 4);
    g_assert_cmphex(s.mem[0], ==, 0xee);
    g_assert_cmphex(s.mem[160], ==, 0xee);
    g_assert_cmphex(s.mem[576 + 16 * 5], ==, 1);
    s.gpr[1] = 1; /* XGETBV of XINUSE */
    AvxCode xgetbv = {{0x0f, 0x01, 0xd0}, 3};
    avx_box_run(b, &s, &xgetbv);
    g_assert_cmphex(s.gpr[0], ==, 4);
    g_assert_cmphex(s.gpr[2], ==, 0);
}

static int vector_of(Box *b, const AvxCode *c)
{
    uint64_t seed = 9;
    AvxState s;

    avx_random_state(&s, &seed);
    avx_box_run(b, &s, c);
    return s.vector;
}

static void test_faults(void)
{
    g_autoptr(Box) b = avx_box_new();
    static const AvxCode prefixed = {{0xf3, 0x0f, 0xae, 0x27}, 4};
    uint64_t cr0 = b->c->cr0;

    g_assert_cmpint(vector_of(b, &xsave), ==, -1);
    g_assert_cmpint(vector_of(b, &crooked), ==, X86_GP);
    g_assert_cmpint(vector_of(b, &prefixed), ==, X86_UD);
    CALL(b, write_cr, 0, cr0 | X86_CR0_TS, 0, 0);
    g_assert_cmpint(vector_of(b, &xsave), ==, X86_NM);
    g_assert_cmpint(vector_of(b, &xrstor), ==, X86_NM);
    CALL(b, write_cr, 4, b->c->cr4 & ~X86_CR4_OSXSAVE, 0, 0);
    g_assert_cmpint(vector_of(b, &xsave), ==, X86_UD);
}

static bool xsetbv_ok(Box *b, uint64_t n, uint64_t value)
{
    X86Cpu *c = b->c;

    c->gpr[X86_RCX] = n;
    c->gpr[X86_RAX] = (uint32_t)value;
    c->gpr[X86_RDX] = value >> 32;
    CALL(b, xsetbv, 0, 0, 0, 0);
    bool ok = !c->v.fault;
    c->v.fault = false;
    return ok;
}

static void test_xsetbv(void)
{
    g_autoptr(Box) b = avx_box_new();

    g_assert_true(xsetbv_ok(b, 0, 1));
    g_assert_cmphex(b->c->v.mode & X86_MODE_AVX, ==, 0);
    g_assert_true(xsetbv_ok(b, 0, 3));
    g_assert_true(xsetbv_ok(b, 0, 7));
    g_assert_cmphex(b->c->v.mode & X86_MODE_AVX, !=, 0);
    g_assert_false(xsetbv_ok(b, 0, 6)); /* x87 always */
    g_assert_false(xsetbv_ok(b, 0, 5)); /* AVX wants SSE */
    g_assert_false(xsetbv_ok(b, 0, 0xff));
    g_assert_false(xsetbv_ok(b, 1, 7));
    g_assert_cmphex(b->c->xcr0, ==, 7);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/x86/xsave/xsave", &xsave, test_saves);
    g_test_add_data_func("/x86/xsave/xsaveopt", &xsaveopt, test_saves);
    g_test_add_data_func("/x86/xsave/xsavec", &xsavec, test_saves);
    g_test_add_func("/x86/xsave/xrstor", test_restore);
    g_test_add_data_func("/x86/xsave/round-trip", &xsave, test_round_trip);
    g_test_add_data_func("/x86/xsave/round-trip-opt", &xsaveopt,
                         test_round_trip);
    g_test_add_data_func("/x86/xsave/round-trip-compacted", &xsavec,
                         test_round_trip);
    g_test_add_func("/x86/xsave/init-optimization", test_init_optimization);
    g_test_add_func("/x86/xsave/faults", test_faults);
    g_test_add_func("/x86/xsave/xsetbv", test_xsetbv);
    return g_test_run();
}
