/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole VEX opcode space against the host: each map, prefix, opcode, L, W,
 * used and unused vvvv, registers and memory at good and bad alignment.
 * Results, MXCSR, flags, legality and exceptions.
 */
#include "tests/unit/x86_avx_host.h"

#include <string.h>

#include "core/bytes.h"

typedef struct Form {
    unsigned map, pp, op;
    bool l, w, mem;
    unsigned v; /* vvvv, a register number; 0 is 1111b */
    unsigned reg, rm, disp;
    unsigned imm;
} Form;

/* Registers that the harness compares, general and vector alike. */
static const uint8_t regs[] = {0, 1, 2, 8, 9, 10, 11};

/* What hosts with later extensions have and we do not. */
static bool foreign(const Form *f)
{
    if (f->map == 1) { /* approximations; mask registers of AVX-512 */
        return f->op == 0x52 || f->op == 0x53
               || (f->op >= 0x41 && f->op <= 0x4b)
               || (f->op >= 0x90 && f->op <= 0x99);
    }
    if (f->map == 2) { /* AVX-VNNI, AMX, GFNI, AVX-NE-CONVERT, SM4 */
        return (f->op >= 0x49 && f->op <= 0x5e && f->op != 0x58 && f->op != 0x59
                && f->op != 0x5a)
               || f->op == 0xcf || f->op == 0x72 || f->op == 0xb0
               || f->op == 0xb1 || f->op == 0xb4 || f->op == 0xb5
               || f->op >= 0xe0 || (f->op >= 0xd2 && f->op <= 0xda)
               || (f->op >= 0x90 && f->op <= 0x93); /* gathers: below */
    }
    if (f->op <= 0x01 && !f->w) {
        return true; /* VPERMQ: #UD, but AMD does not look at W */
    }
    /* mask shifts, GFNI; is4 forms of FMA4 and XOP kin */
    return (f->op >= 0x30 && f->op <= 0x33) || f->op == 0xce || f->op == 0xcf
           || (f->op >= 0x48 && f->op <= 0x49)
           || (f->op >= 0x5c && f->op <= 0x5f)
           || (f->op >= 0x68 && f->op <= 0x7f) || f->op == 0xde
           || f->op >= 0xf0;
}

static bool has_imm(unsigned map, unsigned op)
{
    return map == 3
           || (map == 1
               && ((op >= 0x70 && op <= 0x73) || op == 0xc2
                   || (op >= 0xc4 && op <= 0xc6)));
}

static AvxCode encode(const Form *f, bool is_short)
{
    AvxCode c = {.len = 0};
    unsigned r = f->reg & 8 ? 0 : 0x80, b = f->rm & 8 && !f->mem ? 0 : 0x20;
    unsigned tail = (~f->v & 15) << 3 | (unsigned)f->l << 2 | f->pp;

    if (is_short) {
        avx_emit(&c, 0xc5);
        avx_emit(&c, r | tail);
    } else {
        avx_emit(&c, 0xc4);
        avx_emit(&c, r | 0x40 | b | f->map);
        avx_emit(&c, (unsigned)f->w << 7 | tail);
    }
    avx_emit(&c, f->op);
    if (f->map == 1 && f->op == 0x77) {
        return c;
    }
    if (f->mem) {
        avx_emit(&c, 0x47 | (f->reg & 7) << 3);
        avx_emit(&c, f->disp);
    } else {
        avx_emit(&c, 0xc0 | (f->reg & 7) << 3 | (f->rm & 7));
    }
    if (has_imm(f->map, f->op)) {
        avx_emit(&c, f->imm);
    }
    return c;
}

typedef struct Run {
    Box *b;
    uint64_t seed;
    unsigned bad, runs, illegal;
    bool unmasked;
} Run;

static uint32_t random_mxcsr(Run *r)
{
    uint64_t x = avx_random(&r->seed);
    uint32_t mxcsr = (uint32_t)(x & 0x6000) | 0x1f80;

    if (x % 5 == 0) {
        mxcsr |= x >> 20 & 0x8040;
    }
    if (r->unmasked) {
        mxcsr &= ~(uint32_t)(x >> 32 & 0x1f80);
    }
    return mxcsr;
}

/* False: it was #UD in both. */
static bool one(Run *r, const AvxCode *c, uint64_t undefined)
{
    AvxState in, host, box;

    avx_random_state(&in, &r->seed);
    in.mxcsr = random_mxcsr(r);
    host = box = in;
    avx_host_run(&host, c);
    avx_box_run(r->b, &box, c);
    r->runs++;
    if (host.vector == X86_UD && box.vector == X86_UD) {
        r->illegal++;
        return false;
    }
    r->bad += !avx_same(&in, &host, &box, c, undefined);
    return true;
}

static unsigned pick(Run *r)
{
    return regs[avx_random(&r->seed) / 64 % G_N_ELEMENTS(regs)];
}

static void one_form(Run *r, Form f, unsigned sets)
{
    static const uint8_t disps[] = {0, 32, 64, 8, 16, 33, 96};
    bool group = f.map == 1 && f.op >= 0x71 && f.op <= 0x73;
    bool with_v = f.v;

    for (unsigned n = 0; n < sets; n++) {
        f.imm = (unsigned)(avx_random(&r->seed) >> 20) & 0xff;
        f.disp = disps[n % G_N_ELEMENTS(disps)];
        f.reg = pick(r);
        f.rm = pick(r);
        if (with_v) {
            f.v = pick(r);
        }
        if (group) {
            f.reg = n & 7;
            f.imm %= 70;
        }
        if (f.map == 3 && f.op >= 0x4a && f.op <= 0x4c) {
            f.imm &= 0xf0; /* the rest is reserved */
        }
        AvxCode c = encode(&f, f.map == 1 && !f.w && f.rm < 8 && n & 1);
        if (!one(r, &c, 0) && !group) {
            break;
        }
    }
}

static void run_range(Run *r, unsigned map, unsigned first, unsigned last,
                      unsigned sets)
{
    for (unsigned op = first; op <= last; op++) {
        for (unsigned n = 0; n < 64; n++) {
            Form f = {.map = map,
                      .op = op,
                      .pp = n & 3,
                      .l = n & 4,
                      .w = n & 8,
                      .mem = n & 16,
                      .v = n & 32};

            if (!foreign(&f)) {
                one_form(r, f, sets);
            }
        }
    }
}

static bool run_begin(Run *r, bool unmasked)
{
    if (!avx_host_ready()) {
        g_test_skip("the host is not an x86-64 with AVX2");
        return false;
    }
    *r = (Run){.b = avx_box_new(), .seed = 0x5eed, .unmasked = unmasked};
    return true;
}

static void run_end(Run *r)
{
    g_test_message("%u runs, %u illegal, %u differ", r->runs, r->illegal,
                   r->bad);
    g_assert_cmpuint(r->runs - r->illegal, >, 100);
    g_assert_cmpuint(r->bad, ==, 0);
    box_free(r->b);
}

static void test_map(gconstpointer map)
{
    Run r;

    if (run_begin(&r, false)) {
        run_range(&r, GPOINTER_TO_UINT(map), 0, 255, 8);
        run_end(&r);
    }
}

static void test_unmasked(void)
{
    Run r;

    if (!run_begin(&r, true)) {
        return;
    }
    run_range(&r, 1, 0x2a, 0x2f, 6);
    run_range(&r, 1, 0x51, 0x5f, 6);
    run_range(&r, 1, 0x7c, 0x7d, 6);
    run_range(&r, 1, 0xc2, 0xc2, 30);
    run_range(&r, 1, 0xd0, 0xd0, 6);
    run_range(&r, 1, 0xe6, 0xe6, 6);
    run_range(&r, 2, 0x13, 0x13, 12);
    run_range(&r, 2, 0x96, 0xbf, 6);
    run_range(&r, 3, 0x08, 0x0b, 12);
    run_range(&r, 3, 0x1d, 0x1d, 12);
    run_range(&r, 3, 0x40, 0x41, 12);
    run_end(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/x86/avx/0f", GUINT_TO_POINTER(1), test_map);
    g_test_add_data_func("/x86/avx/0f38", GUINT_TO_POINTER(2), test_map);
    g_test_add_data_func("/x86/avx/0f3a", GUINT_TO_POINTER(3), test_map);
    g_test_add_func("/x86/avx/unmasked", test_unmasked);
    return g_test_run();
}
