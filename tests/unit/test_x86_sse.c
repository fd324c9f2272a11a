/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every MMX and SSE opcode, with registers and with memory, against the host:
 * results, MXCSR, flags, legality and unmasked exceptions.
 */
#include "tests/unit/x86_fp_host.h"

#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "core/bytes.h"

enum {
    SETS = 24,
    SETS_UNMASKED = 12
};

static const uint8_t prefixes[4] = {0, 0x66, 0xf3, 0xf2};

/* Not ours to compare: SSE4a and what AVX or 3DNow! machines add. */
static bool foreign(unsigned map, unsigned pp, unsigned op)
{
    if (map == 1) {
        /* SSE4a; RCP and RSQRT have a test of their own; UD0 */
        return (op == 0x2b && pp >= 2) || (op == 0x52 || op == 0x53)
               || op == 0xff;
    }
    return false;
}

static bool has_imm(unsigned map, unsigned op)
{
    return map == 3
           || (map == 1
               && ((op >= 0x70 && op <= 0x73) || op == 0xc2
                   || (op >= 0xc4 && op <= 0xc6)));
}

static FpCode encode(unsigned map, unsigned pp, unsigned op, bool rexw,
                     unsigned modrm, unsigned imm)
{
    FpCode c = {.len = 0};

    if (pp) {
        fp_emit(&c, prefixes[pp]);
    }
    if (rexw) {
        fp_emit(&c, 0x48);
    }
    fp_emit(&c, 0x0f);
    if (map > 1) {
        fp_emit(&c, map == 2 ? 0x38 : 0x3a);
    }
    fp_emit(&c, (uint8_t)op);
    if (!(map == 1 && op == 0x77)) {
        fp_emit(&c, (uint8_t)modrm);
    }
    if (has_imm(map, op)) {
        fp_emit(&c, (uint8_t)imm);
    }
    return c;
}

typedef struct Run {
    Box *b;
    uint64_t seed;
    unsigned bad, runs, illegal;
    bool unmasked;
} Run;

static void one(Run *r, const FpCode *c)
{
    FpState in, host, box;
    uint64_t x = fp_random(&r->seed);
    /* rounding, FTZ, DAZ at random; masks as asked; no flags yet */
    uint32_t mxcsr = (uint32_t)(x & 0x6000) | 0x1f80;

    if (x % 5 == 0) {
        mxcsr |= x >> 20 & 0x8040;
    }
    if (r->unmasked) {
        mxcsr &= ~(uint32_t)(x >> 32 & 0x1f80);
    }
    fp_random_state(&in, &r->seed);
    st_le32(in.fx + 24, mxcsr);
    st_le16(in.fx + 2, (x >> 40 & 7) << 11);
    in.fx[4] = (uint8_t)(x >> 48);
    host = box = in;
    fp_host_run(&host, c);
    fp_box_run(r->b, &box, c, 1);
    r->runs++;
    if (host.vector == X86_UD && box.vector == X86_UD) {
        r->illegal++;
        return;
    }
    if (!fp_same(&in, &host, &box, c)) {
        r->bad++;
    }
}

static void all_forms(Run *r, unsigned map, unsigned pp, unsigned op)
{
    unsigned sets = r->unmasked ? SETS_UNMASKED : SETS;
    bool group = map == 1 && op >= 0x71 && op <= 0x73;

    for (unsigned form = 0; form < 4; form++) {
        unsigned modrm = form & 1 ? 0xca : 0x0f; /* 1, 2; 1, [rdi] */
        unsigned before = r->illegal;

        /* CVTPI2PS of memory: makers differ on the switch to MMX */
        if (map == 1 && pp == 0 && op == 0x2a && !(form & 1)) {
            continue;
        }

        for (unsigned n = 0; n < sets; n++) {
            unsigned imm = (unsigned)(fp_random(&r->seed) >> 20);
            if (group) {
                modrm = (form & 1 ? 0xc2 : 0x07) | (n & 7) << 3;
                imm %= 70;
            }
            FpCode c = encode(map, pp, op, form & 2, modrm, imm);
            one(r, &c);
            if (!group && r->illegal > before) {
                break;
            }
        }
    }
}

static void run_range(Run *r, unsigned map, unsigned first, unsigned last)
{
    for (unsigned op = first; op <= last; op++) {
        for (unsigned pp = 0; pp < 4; pp++) {
            if (!foreign(map, pp, op)) {
                all_forms(r, map, pp, op);
            }
        }
    }
}

static bool run_begin(Run *r, bool unmasked)
{
    if (!fp_host_ready()) {
        g_test_skip("the host is not an x86-64");
        return false;
    }
    *r = (Run){.b = fp_box_new(), .seed = 0x5eed, .unmasked = unmasked};
    return true;
}

static void run_end(Run *r)
{
    g_test_message("%u runs, %u differ", r->runs, r->bad);
    g_assert_cmpuint(r->runs - r->illegal, >, 100);
    g_assert_cmpuint(r->bad, ==, 0);
    box_free(r->b);
}

static void test_sse2(void)
{
    Run r;

    if (!run_begin(&r, false)) {
        return;
    }
    run_range(&r, 1, 0x10, 0x17);
    run_range(&r, 1, 0x28, 0x2f);
    run_range(&r, 1, 0x50, 0x77);
    run_range(&r, 1, 0x7c, 0x7f);
    run_range(&r, 1, 0xc2, 0xc2);
    run_range(&r, 1, 0xc4, 0xc6);
    run_range(&r, 1, 0xd0, 0xfe);
    run_end(&r);
}

static void test_sse42(void)
{
    Run r;

    if (!run_begin(&r, false)) {
        return;
    }
    run_range(&r, 2, 0x00, 0x0b);
    run_range(&r, 2, 0x10, 0x10);
    run_range(&r, 2, 0x14, 0x15);
    run_range(&r, 2, 0x17, 0x17);
    run_range(&r, 2, 0x1c, 0x25);
    run_range(&r, 2, 0x28, 0x2b);
    run_range(&r, 2, 0x30, 0x41);
    run_range(&r, 3, 0x08, 0x0f);
    run_range(&r, 3, 0x14, 0x17);
    run_range(&r, 3, 0x20, 0x22);
    run_range(&r, 3, 0x40, 0x42);
    run_range(&r, 2, 0xdb, 0xdf);
    run_range(&r, 3, 0x44, 0x44);
    run_range(&r, 3, 0xdf, 0xdf);
    for (unsigned n = 0; n < 40; n++) {
        run_range(&r, 3, 0x60, 0x63);
    }
    run_end(&r);
}

static bool host_has_sha(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
#else
    return false;
#endif
}

static void test_sha(void)
{
    Run r;

    if (!host_has_sha()) {
        g_test_skip("the host has no SHA instructions");
        return;
    }
    if (!run_begin(&r, false)) {
        return;
    }
    run_range(&r, 2, 0xc8, 0xcd);
    for (unsigned n = 0; n < 10; n++) {
        run_range(&r, 3, 0xcc, 0xcc);
    }
    run_end(&r);
}

static void test_unmasked(void)
{
    Run r;

    if (!run_begin(&r, true)) {
        return;
    }
    /* without those of MMX: hosts switch to MMX before #XM, we do not */
    for (unsigned op = 0x2a; op <= 0x2d; op++) {
        if (op != 0x2b) {
            all_forms(&r, 1, 2, op);
            all_forms(&r, 1, 3, op);
        }
    }
    run_range(&r, 1, 0x2e, 0x2f);
    run_range(&r, 1, 0x51, 0x5f);
    run_range(&r, 1, 0x7c, 0x7d);
    run_range(&r, 1, 0xc2, 0xc2);
    run_range(&r, 1, 0xd0, 0xd0);
    run_range(&r, 1, 0xe6, 0xe6);
    run_end(&r);
}

/* Our approximations: exact up to 1.5 * 2^-12, SDM RCPPS, RSQRTPS. */
static void test_approximations(void)
{
    g_autoptr(Box) b = fp_box_new();
    const FpCode rcp = {{0x0f, 0x53, 0xca}, 3}, rsqrt = {{0x0f, 0x52, 0xca}, 3};
    uint64_t seed = 77;
    FpState s;

    for (unsigned n = 0; n < 2000; n++) {
        uint32_t in = (uint32_t)(fp_random(&seed) >> 30) & 0x3fffffff;
        float x, y, z;

        in |= 0x20000000;
        memcpy(&x, &in, 4);
        fp_random_state(&s, &seed);
        st_le32(s.fx + 160 + 32, in);
        fp_box_run(b, &s, &rcp, 1);
        memcpy(&y, s.fx + 160 + 16, 4);
        double e = (double)x * (double)y - 1;
        g_assert_true(e > -1.5 / 4096 && e < 1.5 / 4096);
        fp_random_state(&s, &seed);
        st_le32(s.fx + 160 + 32, in);
        fp_box_run(b, &s, &rsqrt, 1);
        memcpy(&z, s.fx + 160 + 16, 4);
        e = (double)x * (double)z * (double)z - 1; /* twice the error */
        g_assert_true(e > -3.0 / 4096 && e < 3.0 / 4096);
        g_assert_cmphex(ld_le32(s.fx + 24), ==, 0x1f80);
    }
}

static void expect_approx(Box *b, uint8_t op, uint32_t in, uint32_t out)
{
    const FpCode c = {{0x0f, op, 0xca}, 3};
    uint64_t seed = 5;
    FpState s;

    fp_random_state(&s, &seed);
    st_le32(s.fx + 160 + 32, in);
    fp_box_run(b, &s, &c, 1);
    g_assert_cmphex(ld_le32(s.fx + 160 + 16), ==, out);
}

static void test_approximation_limits(void)
{
    g_autoptr(Box) b = fp_box_new();

    expect_approx(b, 0x53, 0, 0x7f800000);
    expect_approx(b, 0x53, 0x80000001, 0xff800000);
    expect_approx(b, 0x53, 0xff800000, 0x80000000);
    expect_approx(b, 0x53, 0x7f800001, 0x7fc00001);
    expect_approx(b, 0x53, 0x7f7fffff, 0);
    expect_approx(b, 0x53, 0x3f800000, 0x3f800000);
    expect_approx(b, 0x53, 0xc0000000, 0xbf000000);
    expect_approx(b, 0x52, 0x80000000, 0xff800000);
    expect_approx(b, 0x52, 0x7f800000, 0);
    expect_approx(b, 0x52, 0xbf800000, 0xffc00000);
    expect_approx(b, 0x52, 0x40800000, 0x3f000000);
    expect_approx(b, 0x52, 0x3e800000, 0x40000000);
}

/* --- protection ---------------------------------------------------------------- */

static int vector_of(Box *b, const FpCode *c)
{
    uint64_t seed = 9;
    FpState s;

    fp_random_state(&s, &seed);
    fp_box_run(b, &s, c, 1);
    return s.vector;
}

static void test_availability(void)
{
    g_autoptr(Box) b = fp_box_new();
    const FpCode movaps = {{0x0f, 0x28, 0xca}, 3};
    const FpCode paddb = {{0x0f, 0xfc, 0xca}, 3};
    const FpCode crooked = {{0x0f, 0x28, 0x4f, 0x08}, 4}; /* 8(%rdi) */
    const FpCode movups = {{0x0f, 0x10, 0x4f, 0x08}, 4};
    const FpCode fxsave = {{0x0f, 0xae, 0x07}, 3};
    const FpCode fld1 = {{0xd9, 0xe8}, 2};
    const FpCode wait = {{0x9b}, 1};
    uint64_t cr0 = b->c->cr0, cr4 = b->c->cr4;

    g_assert_cmpint(vector_of(b, &movaps), ==, -1);
    g_assert_cmpint(vector_of(b, &movups), ==, -1);
    g_assert_cmpint(vector_of(b, &crooked), ==, X86_GP);
    CALL(b, write_cr, 0, cr0 | X86_CR0_TS, 0, 0);
    g_assert_cmpint(vector_of(b, &movaps), ==, X86_NM);
    g_assert_cmpint(vector_of(b, &paddb), ==, X86_NM);
    g_assert_cmpint(vector_of(b, &fxsave), ==, X86_NM);
    g_assert_cmpint(vector_of(b, &fld1), ==, X86_NM);
    g_assert_cmpint(vector_of(b, &wait), ==, X86_NM);
    CALL(b, write_cr, 0, (cr0 | X86_CR0_TS) & ~X86_CR0_MP, 0, 0);
    g_assert_cmpint(vector_of(b, &wait), ==, -1);
    CALL(b, write_cr, 0, cr0 | X86_CR0_EM, 0, 0);
    g_assert_cmpint(vector_of(b, &movaps), ==, X86_UD);
    g_assert_cmpint(vector_of(b, &paddb), ==, X86_UD);
    g_assert_cmpint(vector_of(b, &fld1), ==, X86_NM);
    CALL(b, write_cr, 0, cr0, 0, 0);
    CALL(b, write_cr, 4, cr4 & ~X86_CR4_OSFXSR, 0, 0);
    g_assert_cmpint(vector_of(b, &movaps), ==, X86_UD);
    g_assert_cmpint(vector_of(b, &paddb), ==, -1);
}

/* LDMXCSR, STMXCSR, FXSAVE, FXRSTOR as guest instructions. */
static void test_state_images(void)
{
    static const FpCode codes[] = {
        {{0x0f, 0xae, 0x17}, 3}, /* ldmxcsr */
        {{0x0f, 0xae, 0x1f}, 3}, /* stmxcsr */
    };
    Run r;

    if (!run_begin(&r, false)) {
        return;
    }
    for (unsigned n = 0; n < 200; n++) {
        FpState in, host, box;
        fp_random_state(&in, &r.seed);
        st_le32(in.mem, (uint32_t)(fp_random(&r.seed) >> 40)
                            & (n % 8 ? 0xffff : 0x1ffff));
        st_le32(in.fx + 24, (uint32_t)(fp_random(&r.seed) & 0xffc0));
        host = box = in;
        fp_host_run(&host, &codes[n & 1]);
        fp_box_run(r.b, &box, &codes[n & 1], 1);
        r.runs++;
        r.bad += !fp_same(&in, &host, &box, &codes[n & 1]);
    }
    run_end(&r);
}

static void test_fxsave(void)
{
    g_autoptr(Box) b = fp_box_new();
    const FpCode save[2] = {{{0x0f, 0xae, 0x07}, 3},
                            {{0x48, 0x0f, 0xae, 0x07}, 4}};
    const FpCode restore = {{0x0f, 0xae, 0x0f}, 3};
    const FpCode crooked = {{0x0f, 0xae, 0x47, 0x08}, 4}; /* 8(%rdi) */
    uint8_t *image = b->ram + FP_MEM_AT;
    uint64_t seed = 0xf5;
    FpState s, t;

    for (unsigned n = 0; n < 2; n++) {
        fp_random_state(&s, &seed);
        s.fx[3] = 3 << 3;
        s.fx[4] = 0x5a;
        memset(image, 0xcc, 512);
        fp_box_run(b, &s, &save[n], 1);
        g_assert_cmpmem(image, 416, s.fx, 416);
        g_assert_cmpuint(image[416], ==, 0xcc); /* not its business */
        g_assert_cmpuint(image[511], ==, 0xcc);
        g_assert_cmphex(ld_le32(image + 28), ==, 0xffff);
    }
    /* another state, then the saved one comes back */
    fp_random_state(&t, &seed);
    memcpy(t.mem, image, FP_MEM_BYTES);
    fp_box_run(b, &t, &restore, 1);
    g_assert_cmpint(t.vector, ==, -1);
    g_assert_cmpmem(t.fx + 32, 384, s.fx + 32, 384);
    g_assert_cmpmem(t.fx, 5, s.fx, 5);
    /* reserved bits of MXCSR, alignment */
    st_le32(t.mem + 24, 0x10000);
    fp_box_run(b, &t, &restore, 1);
    g_assert_cmpint(t.vector, ==, X86_GP);
    fp_box_run(b, &t, &crooked, 1);
    g_assert_cmpint(t.vector, ==, X86_GP);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/sse/forms", test_sse2);
    g_test_add_func("/x86/sse/ssse3-to-sse42", test_sse42);
    g_test_add_func("/x86/sse/sha", test_sha);
    g_test_add_func("/x86/sse/unmasked", test_unmasked);
    g_test_add_func("/x86/sse/approximations", test_approximations);
    g_test_add_func("/x86/sse/approximation-limits", test_approximation_limits);
    g_test_add_func("/x86/sse/availability", test_availability);
    g_test_add_func("/x86/sse/fxsave", test_fxsave);
    g_test_add_func("/x86/sse/mxcsr", test_state_images);
    return g_test_run();
}
