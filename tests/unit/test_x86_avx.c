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

/* A VEX prefix behind another one: only segments and 67 may stand there. In
 * front of VADDPS and of ANDN. SDM 2A 2.3.2. */
static void test_prefixes(void)
{
    static const uint8_t codes[2][5] = {{0xc4, 0xe1, 0x6c, 0x58, 0xca},
                                        {0xc4, 0xe2, 0x70, 0xf2, 0xc2}};
    unsigned legal = 0;
    Run r;

    if (!run_begin(&r, false)) {
        return;
    }
    for (unsigned prefix = 0x26; prefix < 0xf4; prefix++) {
        bool is = prefix == 0x26 || prefix == 0x2e || prefix == 0x36
                  || prefix == 0x3e || (prefix >= 0x40 && prefix <= 0x4f)
                  || (prefix >= 0x64 && prefix <= 0x67) || prefix == 0xf0
                  || prefix >= 0xf2;

        for (unsigned k = 0; is && k < 2; k++) {
            AvxCode c = {{(uint8_t)prefix}, 1};

            for (unsigned i = 0; i < 5; i++) {
                avx_emit(&c, codes[k][i]);
            }
            legal += one(&r, &c, 0);
        }
    }
    g_assert_cmpuint(legal, ==, 2 * 7);
    g_assert_cmpuint(r.bad, ==, 0);
    box_free(r.b);
}

/* --- gathers ---------------------------------------------------------------- */

/* [rdi + ymm2 * scale]: indices that stay inside, masks at random. */
static void gather_operands(Run *r, AvxState *s, bool wide_index,
                            unsigned shift)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t at = (avx_random(&r->seed) >> 30) % 200 >> shift;

        if (!wide_index) {
            ((uint32_t *)s->ymm[2])[i] = (uint32_t)at;
        } else if (i < 4) {
            s->ymm[2][i] = at;
        }
    }
}

static void test_gather(void)
{
    Run r;

    if (!run_begin(&r, false)) {
        return;
    }
    for (unsigned n = 0; n < 2000; n++) {
        unsigned op = 0x90 + (n & 3), l = n >> 2 & 1, w = n >> 3 & 1;
        unsigned shift = n >> 4 & 3;
        AvxCode c = {{0xc4, 0xe2, w << 7 | 12 << 3 | l << 2 | 1, op, 0x0c,
                      shift << 6 | 2 << 3 | 7},
                     6}; /* vgather ymm1, [rdi + ymm2 << shift], ymm3 */
        AvxState in, host, box;

        avx_random_state(&in, &r.seed);
        gather_operands(&r, &in, op & 1, shift);
        host = box = in;
        avx_host_run(&host, &c);
        avx_box_run(r.b, &box, &c);
        r.runs++;
        r.bad += !avx_same(&in, &host, &box, &c, 0);
    }
    run_end(&r);
}

/* A page that is not there under lane 2: what came before stays, and when the
 * page has come the instruction goes on with the rest. SDM VPGATHERDD. */
static void test_gather_restart(void)
{
    static const AvxCode c = {{0xc4, 0xe2, 12 << 3 | 1, 0x90, 0x0c, 0x97}, 6};

    g_autoptr(Box) b = avx_box_new();
    const unsigned at = PML4_AT + 0x3008; /* of 4 MiB + 4 KiB */
    const uint64_t pte = 0x2f007;
    uint64_t seed = 3;
    uint32_t *index, *mask, *data;
    AvxState s;

    avx_random_state(&s, &seed);
    index = (uint32_t *)s.ymm[2];
    mask = (uint32_t *)s.ymm[3];
    data = (uint32_t *)s.ymm[1];
    for (unsigned i = 0; i < 4; i++) {
        index[i] = i;
        mask[i] = i == 1 ? 0 : 0x80000000;
        data[i] = 0x1000 + i;
    }
    index[2] = (0x401000 - AVX_MEM_AT) / 4;
    box_put(b, at, 8, pte & ~1ull);
    CALL(b, write_cr, 3, b->c->cr3, 0, 0);
    avx_box_run(b, &s, &c);
    g_assert_cmpint(s.vector, ==, X86_PFX);
    g_assert_cmphex(b->c->cr2, ==, 0x401000);
    g_assert_cmphex(data[0], ==, ld_le32(s.mem));
    g_assert_cmphex(data[1], ==, 0x1001);
    g_assert_cmphex(data[2], ==, 0x1002);
    g_assert_cmphex(mask[0], ==, 0);
    g_assert_cmphex(mask[2], ==, UINT32_MAX);
    g_assert_cmphex(mask[3], ==, UINT32_MAX);
    box_put(b, at, 8, pte);
    box_put(b, 0x2f000, 4, 0xabcd);
    CALL(b, write_cr, 3, b->c->cr3, 0, 0);
    avx_box_run(b, &s, &c);
    g_assert_cmpint(s.vector, ==, -1);
    g_assert_cmphex(data[2], ==, 0xabcd);
    g_assert_cmphex(data[3], ==, ld_le32(s.mem + 12));
    g_assert_cmphex(s.ymm[3][0] | s.ymm[3][1], ==, 0);
}

/* --- alignment, addresses --------------------------------------------------- */

/* Not canonical: #SS through rsp and rbp, else #GP. SDM 3A 6.15. */
static void test_canonical(void)
{
    static const struct {
        AvxCode code;
        int vector;
    } row[] = {
        {{{0x48, 0x8b, 0x08}, 3}, X86_GP}, /* mov (%rax),%rcx */
        {{{0x48, 0x89, 0xc5, 0x8b, 0x4d, 0}, 6, 1}, X86_SSX},    /* (%rbp) */
        {{{0x48, 0x89, 0xc4, 0x50}, 4, 1}, X86_SSX},             /* push %rax */
        {{{0x48, 0x89, 0xc4, 0x58}, 4, 1}, X86_SSX},             /* pop %rax */
        {{{0x48, 0x89, 0xc4, 0xe8, 0, 0, 0, 0}, 8, 1}, X86_SSX}, /* call */
        {{{0x48, 0x89, 0xc5, 0xc9}, 4, 1}, X86_SSX},             /* leave */
        {{{0xff, 0x30}, 2}, X86_GP}, /* push (%rax) */
        {{{0x48, 0x89, 0xc5, 0x65, 0x8b, 0x4d, 0}, 7, 1}, X86_GP}, /* %gs: */
        {{{0xc5, 0xfc, 0x10, 0x08}, 4}, X86_GP}, /* vmovups (%rax),%ymm1 */
    };
    g_autoptr(Box) b = avx_box_new();
    uint64_t seed = 1;

    /* the handler has a stack of its own, IST 1 */
    box_put(b, IDT_AT + 16 * X86_SSX, 8,
            box_gate(CODE64, AVX_HANDLERS_AT + 16 * X86_SSX, 0x8e, 1));
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        AvxState s;

        avx_random_state(&s, &seed);
        s.gpr[0] = 0x800000000100;
        avx_box_run(b, &s, &row[i].code);
        g_assert_cmpint(s.vector, ==, row[i].vector);
    }
}

/* 0F AE /7 looks at its page. */
static void test_flush(void)
{
    static const AvxCode clflush = {{0x0f, 0xae, 0x38}, 3};
    static const AvxCode clwb = {{0x66, 0x0f, 0xae, 0x30}, 4};
    g_autoptr(Box) b = avx_box_new();
    uint64_t seed = 1;

    for (unsigned i = 0; i < 4; i++) {
        AvxState s;

        avx_random_state(&s, &seed);
        s.gpr[0] = i & 1 ? AVX_MEM_AT : 0x401000;
        avx_box_run(b, &s, i & 2 ? &clwb : &clflush);
        g_assert_cmpint(s.vector, ==, i & 1 ? -1 : X86_PFX);
    }
}

/* --- streams ---------------------------------------------------------------- */

static void random_insn(Run *r, AvxCode *c)
{
    Form f = {.map = 1};
    uint64_t x;

    do {
        x = avx_random(&r->seed) >> 8;
        f = (Form){.map = 1 + x % 3,
                   .op = x >> 8 & 0xff,
                   .l = x >> 16 & 1,
                   .w = x >> 17 & 1,
                   .mem = x >> 18 & 1,
                   .v = x >> 19 & 1 ? pick(r) : 0,
                   .reg = pick(r),
                   .rm = pick(r),
                   .disp = (x >> 20 & 3) * 32,
                   .imm = x >> 24 & 0xff};
        f.pp = f.map > 1 ? 1 : x >> 32 & 3;
    } while (foreign(&f) || (f.map == 2 && f.op >= 0xf0));
    *c = encode(&f, false);
}

/* One that is legal, found out by the interpreter. */
static AvxCode legal_insn(Run *r)
{
    AvxState s;
    AvxCode c;

    do {
        random_insn(r, &c);
        avx_random_state(&s, &r->seed);
        avx_box_run(r->b, &s, &c);
    } while (s.vector >= 0);
    return c;
}

static Box *box_with(bool jit)
{
    const char *old = g_getenv("REPRISE_TEST_JIT");
    g_autofree char *keep = g_strdup(old);
    Box *b;

    if (jit) {
        g_setenv("REPRISE_TEST_JIT", "1", TRUE);
    } else {
        g_unsetenv("REPRISE_TEST_JIT");
    }
    b = avx_box_new();
    if (keep) {
        g_setenv("REPRISE_TEST_JIT", keep, TRUE);
    } else {
        g_unsetenv("REPRISE_TEST_JIT");
    }
    return b;
}

/* Several in one block: interpreter and generated code come to the same, with
 * exceptions masked and not. */
static void test_streams(void)
{
    Run r = {.b = box_with(false), .seed = 0xabcd};
    g_autoptr(Box) jit = box_with(true);

    for (unsigned n = 0; n < 1500; n++) {
        unsigned insns = 2 + n % 11;
        AvxState in, one_way, other;
        AvxCode c = {.len = 0};

        for (unsigned i = 0; i < insns; i++) {
            AvxCode next = legal_insn(&r);

            memcpy(c.bytes + c.len, next.bytes, next.len);
            c.len += next.len;
        }
        c.more = insns - 1;
        for (unsigned k = 0; k < 3; k++) {
            r.unmasked = k == 2;
            avx_random_state(&in, &r.seed);
            in.mxcsr = random_mxcsr(&r);
            one_way = other = in;
            avx_box_run(r.b, &one_way, &c);
            avx_box_run(jit, &other, &c);
            g_assert_true(avx_same(&in, &one_way, &other, &c, 0));
        }
    }
    box_free(r.b);
}

/* --- who may use them ----------------------------------------------------------- */

static int vector_of(Box *b, const AvxCode *c)
{
    uint64_t seed = 9;
    AvxState s;

    avx_random_state(&s, &seed);
    avx_box_run(b, &s, c);
    return s.vector;
}

static void expect_vectors(Box *b, int wide, int bmi)
{
    static const AvxCode vaddps = {{0xc5, 0xec, 0x58, 0xca}, 4};
    static const AvxCode vldmxcsr = {{0xc5, 0xf8, 0xae, 0x57, 0x40}, 5};
    static const AvxCode andn = {{0xc4, 0xe2, 0x70, 0xf2, 0xc2}, 5};
    static const AvxCode vzeroupper = {{0xc5, 0xf8, 0x77}, 3};

    g_assert_cmpint(vector_of(b, &vaddps), ==, wide);
    g_assert_cmpint(vector_of(b, &vzeroupper), ==, wide);
    if (wide >= 0) { /* else what memory holds may be #GP */
        g_assert_cmpint(vector_of(b, &vldmxcsr), ==, wide);
    }
    g_assert_cmpint(vector_of(b, &andn), ==, bmi);
}

static void test_availability(void)
{
    g_autoptr(Box) b = avx_box_new();
    uint64_t cr0 = b->c->cr0, cr4 = b->c->cr4;

    expect_vectors(b, -1, -1);
    CALL(b, write_cr, 0, cr0 | X86_CR0_EM, 0, 0); /* of no account */
    expect_vectors(b, -1, -1);
    CALL(b, write_cr, 0, cr0 | X86_CR0_TS, 0, 0);
    expect_vectors(b, X86_NM, -1);
    CALL(b, write_cr, 4, cr4 & ~X86_CR4_OSXSAVE, 0, 0);
    expect_vectors(b, X86_UD, -1);
    CALL(b, write_cr, 0, cr0, 0, 0);
    expect_vectors(b, X86_UD, -1);
    CALL(b, write_cr, 4, cr4, 0, 0);
    b->c->xcr0 = 3;
    expect_vectors(b, X86_UD, -1);
    b->c->xcr0 = 7;
    expect_vectors(b, -1, -1);
    b->c->features[X86_FEAT_1_ECX] &= ~X86_F1C_AVX;
    accel_flush_code(b->vm);
    expect_vectors(b, X86_UD, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/x86/avx/0f", GUINT_TO_POINTER(1), test_map);
    g_test_add_data_func("/x86/avx/0f38", GUINT_TO_POINTER(2), test_map);
    g_test_add_data_func("/x86/avx/0f3a", GUINT_TO_POINTER(3), test_map);
    g_test_add_func("/x86/avx/unmasked", test_unmasked);
    g_test_add_func("/x86/avx/prefixes", test_prefixes);
    g_test_add_func("/x86/avx/gather", test_gather);
    g_test_add_func("/x86/avx/gather-restart", test_gather_restart);
    g_test_add_func("/x86/avx/canonical", test_canonical);
    g_test_add_func("/x86/avx/flush", test_flush);
    g_test_add_func("/x86/avx/streams", test_streams);
    g_test_add_func("/x86/avx/availability", test_availability);
    return g_test_run();
}
