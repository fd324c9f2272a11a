/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every x87 opcode against the host: stack, tags, status word, memory, flags,
 * with all control words, unmasked exceptions and full or empty registers.
 */
#include "tests/unit/x86_fp_host.h"

#include <string.h>

#include "core/bytes.h"
#include "cpu/x86/fpu_priv.h"

enum {
    SETS = 40,
    SEQUENCES = 6000
};

typedef struct Run {
    Box *b;
    uint64_t seed;
    unsigned bad, runs;
} Run;

/* FCW, FSW without exceptions, tags; mostly full stacks. */
static void random_x87(FpState *s, uint64_t *seed)
{
    uint64_t x = fp_random(seed);
    uint16_t fcw = 0x37f;

    fp_random_state(s, seed);
    if (x % 3) {
        fcw = (uint16_t)((x >> 16 & 0xc00) | (x >> 30 & 0x300) | 0x7f);
    }
    if (x % 4 == 1) {
        fcw &= (uint16_t) ~(x >> 40 & 0x3f);
    }
    st_le16(s->fx, fcw);
    st_le16(s->fx + 2, x >> 7 & 0x7f00 & ~0x80u);
    s->fx[4] = x % 5 == 0 ? (uint8_t)(x >> 50) : x % 5 == 1 ? 0 : 0x7f;
    if (x % 5 > 1) { /* top - 1 is free: rotate */
        unsigned top = s->fx[3] >> 3 & 7, free = (top + 7) & 7;
        s->fx[4] = (uint8_t) ~(1u << free);
    }
}

/* The approximated ones: their values have a test of their own. */
static bool approximate(uint8_t op, uint8_t modrm)
{
    static const uint8_t list[] = {0xf0, 0xf1, 0xf2, 0xf3,
                                   0xf9, 0xfb, 0xfe, 0xff};

    return op == 0xd9 && memchr(list, modrm, sizeof(list));
}

/* FCMOVcc, FCOMI: makers differ about C1 when all goes well. */
static bool keeps_c1(uint8_t op, uint8_t modrm)
{
    unsigned n = modrm >> 3 & 7;

    if (modrm < 0xc0) {
        return false;
    }
    return ((op == 0xda || op == 0xdb) && n < 4)
           || ((op == 0xdb || op == 0xdf) && (n == 5 || n == 6));
}

/* Host quirks: FNSTENV and FNSAVE store instruction pointers. */
static void forget_pointers(FpState *s, uint8_t op, uint8_t modrm)
{
    if ((op == 0xd9 || op == 0xdd) && modrm < 0xc0 && (modrm >> 3 & 7) == 6) {
        memset(s->mem + 12, 0, 16);
    }
}

static void one(Run *r, const FpCode *c, unsigned steps)
{
    uint8_t op = c->bytes[0], modrm = c->bytes[1];
    FpState in, host, box;

    random_x87(&in, &r->seed);
    if (op == 0xd9 && modrm >= 0xd8 && modrm <= 0xdf
        && !(in.fx[4] >> (in.fx[3] >> 3 & 7) & 1)) {
        return; /* undocumented, and not defined without an operand */
    }
    host = box = in;
    fp_host_run(&host, c);
    fp_box_run(r->b, &box, c, steps);
    r->runs++;
    if (host.vector == X86_UD && box.vector == X86_UD) {
        return;
    }
    if (c->len == 2 && keeps_c1(op, modrm)) {
        host.fx[3] = (uint8_t)((host.fx[3] & ~2) | (box.fx[3] & 2));
    }
    forget_pointers(&host, op, modrm);
    forget_pointers(&box, op, modrm);
    if (!fp_same(&in, &host, &box, c)) {
        r->bad++;
        g_test_message("  fcw %04x fsw %04x tags %02x", ld_le16(in.fx),
                       ld_le16(in.fx + 2), in.fx[4]);
    }
}

static bool run_begin(Run *r)
{
    if (!fp_host_ready()) {
        g_test_skip("the host is not an x86-64");
        return false;
    }
    *r = (Run){.b = fp_box_new(), .seed = 0x8087};
    return true;
}

static void run_end(Run *r)
{
    g_test_message("%u runs, %u differ", r->runs, r->bad);
    g_assert_cmpuint(r->runs, >, 1000);
    g_assert_cmpuint(r->bad, ==, 0);
    box_free(r->b);
}

static void test_registers(void)
{
    Run r;

    if (!run_begin(&r)) {
        return;
    }
    for (unsigned op = 0xd8; op <= 0xdf; op++) {
        for (unsigned modrm = 0xc0; modrm <= 0xff; modrm++) {
            FpCode c = {{(uint8_t)op, (uint8_t)modrm}, 2};
            if (approximate((uint8_t)op, (uint8_t)modrm)) {
                continue;
            }
            for (unsigned n = 0; n < SETS; n++) {
                one(&r, &c, 1);
            }
        }
    }
    run_end(&r);
}

static void test_memory(void)
{
    Run r;

    if (!run_begin(&r)) {
        return;
    }
    for (unsigned op = 0xd8; op <= 0xdf; op++) {
        for (unsigned reg = 0; reg < 8; reg++) {
            FpCode c = {{(uint8_t)op, (uint8_t)(reg << 3 | 7)}, 2};
            for (unsigned n = 0; n < 6 * SETS; n++) {
                one(&r, &c, 1);
            }
        }
    }
    run_end(&r);
}

/* Pending exceptions: what raises #MF, and what goes on. */
static void test_sequences(void)
{
    static const uint8_t ops[][2] = {
        {0xd8, 0xc1}, {0xd8, 0xf2}, {0xd9, 0xe8}, {0xd9, 0xee}, {0xd9, 0xfa},
        {0xde, 0xc9}, {0xde, 0xe9}, {0xdc, 0xfa}, {0xd9, 0xc1}, {0xdd, 0xd9},
        {0xdf, 0xe0}, {0xdb, 0xe2}, {0xdb, 0xe3}, {0xd9, 0x3f}, {0xdd, 0x17},
        {0xdb, 0x3f}, {0xdf, 0x2f}, {0xd8, 0xd1}, {0xda, 0xe9}, {0xd9, 0xf7},
        {0xd9, 0xf6}, {0xdd, 0xc1}, {0x9b, 0x90}, {0xd9, 0xe5}, {0xd9, 0xe4},
        {0xd9, 0xf8}, {0xd9, 0xfc}, {0xd9, 0xd0}, {0xd9, 0xc9}, {0x0f, 0x77},
        {0xda, 0xc9}, {0xdb, 0xd2}, {0xdf, 0x3f}, {0xd9, 0x1f}, {0xd9, 0x2f},
    };
    Run r;

    if (!run_begin(&r)) {
        return;
    }
    for (unsigned n = 0; n < SEQUENCES; n++) {
        unsigned steps = 4;
        FpCode c = {.len = 0};

        for (unsigned i = 0; i < 4; i++) {
            const uint8_t *op = ops[fp_random(&r.seed) % G_N_ELEMENTS(ops)];
            fp_emit(&c, op[0]);
            fp_emit(&c, op[1]);
            steps += op[0] == 0x9b;
        }
        one(&r, &c, steps);
    }
    run_end(&r);
}

/* The approximated ones: stack and condition codes at least. */
static void test_transcendental_stack(void)
{
    g_autoptr(Box) b = fp_box_new();
    uint64_t seed = 3;
    FpState s;

    fp_random_state(&s, &seed);
    s.fx[4] = 0;
    FpCode sincos = {{0xd9, 0xee, 0xd9, 0xfb}, 4}; /* fldz, fsincos */
    fp_box_run(b, &s, &sincos, 2);
    g_assert_cmphex(s.fx[4], ==, 0xc0);
    g_assert_cmphex(ld_le16(s.fx + 2) & 0x7f3f, ==, 6 << 11);
    g_assert_cmphex(ld_le64(s.fx + 32), ==, 1ull << 63); /* cosine 1 */
    g_assert_cmphex(ld_le16(s.fx + 40), ==, 0x3fff);
    g_assert_cmphex(ld_le64(s.fx + 48), ==, 0);

    fp_random_state(&s, &seed);
    s.fx[4] = 0;
    FpCode atan = {{0xd9, 0xe8, 0xd9, 0xe8, 0xd9, 0xf3}, 6};
    fp_box_run(b, &s, &atan, 3);
    g_assert_cmphex(s.fx[4], ==, 0x80);
    g_assert_cmphex(ld_le64(s.fx + 32), ==, 0xc90fdaa22168c235); /* pi / 4 */
    g_assert_cmphex(ld_le16(s.fx + 40), ==, 0x3ffe);

    fp_random_state(&s, &seed); /* out of range: C2, nothing pushed */
    st_le64(s.fx + 32, 1ull << 63);
    st_le16(s.fx + 40, 0x403f);
    s.fx[4] = 1;
    FpCode tan = {{0xd9, 0xf2}, 2};
    fp_box_run(b, &s, &tan, 1);
    g_assert_cmphex(ld_le16(s.fx + 2), ==, X87_C2);
    g_assert_cmphex(s.fx[4], ==, 1);
}

/* Images of the environment outside of 64-bit mode, by their helpers. */
static void test_environment_images(void)
{
    g_autoptr(Box) b = fp_box_new();
    X86Cpu *c = b->c;

    x87_init(c);
    x87_set_fcw(c, 0x27f);
    c->ftop = 5;
    c->ftag = 0xe0;
    x87_put(c, 5, (F80){0, 0});
    x87_put(c, 6, (F80){1ull << 63, 0x3fff});
    x87_put(c, 7, (F80){1ull << 63, 0x7fff});
    c->fip = 0x12345;
    c->fdp = 0xabcde;
    c->fop = 0x1c1;
    /* 16-bit real mode */
    CALL(b, x87_stenv, FP_MEM_AT, 0, X86_MMU_KERNEL, 0);
    g_assert_cmphex(box_get(b, FP_MEM_AT, 2), ==, 0x27f);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 2, 2), ==, 5 << 11);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 4, 2), ==, 0x87ff); /* 2 0 1 */
    g_assert_cmphex(box_get(b, FP_MEM_AT + 6, 2), ==, 0x2345);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 8, 2), ==, 0x11c1);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 10, 2), ==, 0xbcde);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 12, 2), ==, 0xa000);
    g_assert_cmphex(c->fcw, ==, 0x27f);
    /* 32-bit protected mode, with registers, and back */
    CALL(b, x87_stenv, FP_MEM_AT, X87_E_WIDE | X87_E_PROT | X87_E_SAVE,
         X86_MMU_KERNEL, 0);
    g_assert_cmphex(box_get(b, FP_MEM_AT, 4), ==, 0xffff027f);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 12, 4), ==, 0x12345);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 16, 4), ==, 0x01c10000);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 20, 4), ==, 0xabcde);
    g_assert_cmphex(box_get(b, FP_MEM_AT + 28 + 10, 8), ==, 1ull << 63);
    g_assert_cmphex(c->fcw, ==, 0x37f);
    g_assert_cmphex(c->ftag, ==, 0);
    CALL(b, x87_ldenv, FP_MEM_AT, X87_E_WIDE | X87_E_PROT | X87_E_SAVE,
         X86_MMU_KERNEL, 0);
    g_assert_cmphex(c->ftop, ==, 5);
    g_assert_cmphex(c->ftag, ==, 0xe0);
    g_assert_cmphex(c->fip, ==, 0x12345);
    g_assert_cmphex(c->fop, ==, 0x1c1);
    g_assert_cmphex(x87_get(c, 7).se, ==, 0x7fff);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/x87/registers", test_registers);
    g_test_add_func("/x86/x87/memory", test_memory);
    g_test_add_func("/x86/x87/sequences", test_sequences);
    g_test_add_func("/x86/x87/transcendental-stack", test_transcendental_stack);
    g_test_add_func("/x86/x87/environment", test_environment_images);
    return g_test_run();
}
