/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random x86 code in T1 and in T0: registers, flags, vector registers, MXCSR
 * and memory are equal after every number of steps.
 */
#include "tests/unit/x86_rig.h"

#include <string.h>

#include "cpu/x86/sys_priv.h"

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 33) % n;
}

static uint64_t rnd64(void)
{
    uint64_t high = rnd(0x7fffffff);

    return high << 33 ^ high << 7 ^ rnd(0x7fffffff);
}

/* --- code ------------------------------------------------------------------------ */

typedef struct Code {
    uint8_t bytes[512];
    unsigned size;
} Code;

static void put(Code *c, unsigned byte)
{
    c->bytes[c->size++] = (uint8_t)byte;
}

/* rsp and rdi (the data) are never written. */
static unsigned reg_to_write(void)
{
    unsigned r = rnd(16);

    return r == X86_RSP || r == X86_RDI ? X86_RAX : r;
}

/* ModRM for @reg and a register or [rdi + disp8]; the REX before it. */
static void put_modrm(Code *c, unsigned prefix, bool wide, unsigned reg,
                      const uint8_t *op, unsigned op_size, bool may_mem,
                      unsigned rm)
{
    bool mem = may_mem && rnd(2);

    if (mem) {
        rm = X86_RDI;
    }
    if (prefix) {
        put(c, prefix);
    }
    put(c, 0x40 | wide << 3 | (reg >> 3) << 2 | rm >> 3);
    for (unsigned i = 0; i < op_size; i++) {
        put(c, op[i]);
    }
    if (mem) {
        put(c, 0x40 | (reg & 7) << 3 | X86_RDI);
        put(c, rnd(8) * 16);
    } else {
        put(c, 0xc0 | (reg & 7) << 3 | (rm & 7));
    }
}

static void put_sse(Code *c)
{
    static const uint8_t arith[] = {0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f};
    static const uint8_t ints[] = {
        0xdb, 0xeb, 0xef, 0xdf, 0xfc, 0xfd, 0xfe, 0xd4, 0xf8, 0xf9, 0xfa, 0xfb,
        0x60, 0x61, 0x62, 0x6c, 0x68, 0x69, 0x6a, 0x6d, 0x63, 0x67, 0x6b, 0x74,
        0x75, 0x76, 0x64, 0x65, 0x66, 0xd5, 0xe4, 0xe5, 0xf4, 0xf5, 0xf6, 0xe0,
        0xe3, 0xda, 0xde, 0xea, 0xee, 0xd1, 0xd2, 0xd3, 0xe1, 0xe2, 0xf1, 0xf2,
        0xf3, 0xec, 0xed, 0xe8, 0xe9, 0xdc, 0xdd, 0xd8, 0xd9,
    };
    static const uint8_t prefixes[] = {0, 0x66, 0xf2, 0xf3};
    uint8_t op[3] = {0x0f, 0, 0};
    unsigned p = prefixes[rnd(4)], x = rnd(16), y = rnd(16);

    switch (rnd(9)) {
    case 0:
    case 1:
        op[1] = arith[rnd(G_N_ELEMENTS(arith))];
        put_modrm(c, p, false, x, op, 2, true, y);
        break;
    case 2:
        op[1] = ints[rnd(G_N_ELEMENTS(ints))];
        put_modrm(c, 0x66, false, x, op, 2, true, y);
        break;
    case 3: /* compares */
        op[1] = 0xc2;
        put_modrm(c, p, false, x, op, 2, true, y);
        put(c, rnd(8));
        break;
    case 4: /* conversions */
        op[1] = rnd(2) ? 0x5a : 0x5b;
        put_modrm(c, op[1] == 0x5b && p == 0xf2 ? 0 : p, false, x, op, 2, true,
                  y);
        break;
    case 5: /* from integers */
        op[1] = 0x2a;
        put_modrm(c, rnd(2) ? 0xf2 : 0xf3, rnd(2), x, op, 2, true, y);
        break;
    case 6: /* to integers */
        op[1] = 0x2c + rnd(2);
        put_modrm(c, rnd(2) ? 0xf2 : 0xf3, rnd(2), reg_to_write(), op, 2, true,
                  y);
        break;
    case 7: /* ucomis, comis */
        op[1] = 0x2e + rnd(2);
        put_modrm(c, rnd(2) ? 0x66 : 0, false, x, op, 2, true, y);
        break;
    default: /* moves */
        op[1] = 0x28 + rnd(2);
        put_modrm(c, rnd(2) ? 0x66 : 0, false, x, op, 2, true, y);
        break;
    }
}

static void put_int(Code *c)
{
    static const uint8_t alu[] = {0x01, 0x03, 0x09, 0x0b, 0x11, 0x13,
                                  0x19, 0x1b, 0x21, 0x23, 0x29, 0x2b,
                                  0x31, 0x33, 0x39, 0x3b};
    uint8_t op[2];
    unsigned x = reg_to_write(), y = reg_to_write();

    switch (rnd(10)) {
    case 0: /* shifts by cl or a number */
        op[0] = rnd(2) ? 0xd3 : 0xd1;
        put_modrm(c, 0, rnd(2), (unsigned[]){0, 1, 4, 5, 7}[rnd(5)], op, 1,
                  true, y);
        break;
    case 1: /* inc, dec, not, neg, mul, imul */
        op[0] = rnd(2) ? 0xff : 0xf7;
        put_modrm(c, 0, rnd(2), op[0] == 0xff ? rnd(2) : 2 + rnd(4), op, 1,
                  true, y);
        break;
    case 2: /* setcc */
        op[0] = 0x0f;
        op[1] = 0x90 + rnd(16);
        put_modrm(c, 0, false, 0, op, 2, true, y);
        break;
    case 3: /* cmovcc */
        op[0] = 0x0f;
        op[1] = 0x40 + rnd(16);
        put_modrm(c, 0, rnd(2), x, op, 2, true, y);
        break;
    case 4: /* byte and word forms, high bytes too */
        op[0] = alu[rnd(16)] & 0xfe;
        if (rnd(2)) {
            put_modrm(c, 0, false, x, op, 1, true, y);
        } else {
            put(c, op[0]);
            put(c, 0xc0 | rnd(2) << 5 | rnd(4) << 3 | rnd(4));
        }
        break;
    case 5:
        op[0] = 0x0f;
        op[1] = (uint8_t[]){0xb6, 0xb7, 0xbe, 0xbf, 0xaf, 0xbc, 0xbd}[rnd(7)];
        put_modrm(c, 0, rnd(2), x, op, 2, true, y);
        break;
    case 6: /* a short branch over the next bytes: a nop that is skipped */
        put(c, 0x70 + rnd(16));
        put(c, 1);
        put(c, 0x90);
        break;
    case 7: /* push, pop */
        if (rnd(2)) {
            put(c, 0x50 | rnd(8));
            put(c, 0x58 | (unsigned[]){0, 1, 2, 3, 5, 6}[rnd(6)]);
        } else {
            put(c, 0x90);
        }
        break;
    default:
        op[0] = alu[rnd(16)];
        put_modrm(c, rnd(4) ? 0 : 0x66, rnd(2), x, op, 1, true, y);
        break;
    }
}

/* --- machines --------------------------------------------------------------------- */

static void fp_values(X86Cpu *c)
{
    static const uint64_t edges[] = {
        0,
        1ull << 63,
        0x3ff0000000000000ull,
        0x7ff0000000000000ull,
        0x7ff8000000000001ull,
        0x7ff0000000000001ull,
        0x000fffffffffffffull,
        0x0010000000000000ull,
        0x7fefffffffffffffull,
        0x3f8000007f800001ull,
        0x0000000180000001ull,
        0x7fc000007f800000ull,
    };

    for (unsigned i = 0; i < 32; i++) {
        c->xmm[i / 2].u64[i % 2] =
            rnd(2) ? edges[rnd(G_N_ELEMENTS(edges))] : rnd64();
        c->ymmh[i / 2].u64[i % 2] =
            rnd(2) ? edges[rnd(G_N_ELEMENTS(edges))] : rnd64();
    }
    c->mxcsr = 0x1f80 | rnd(4) << 13 | (rnd(4) == 0) << 15 | (rnd(4) == 0) << 6;
}

static void check_equal(const X86Cpu *a, const X86Cpu *b, const Code *code,
                        unsigned steps, uint64_t seed)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!memcmp(a->gpr, b->gpr, sizeof(a->gpr))
        && !memcmp(a->xmm, b->xmm, sizeof(a->xmm))
        && !memcmp(a->ymmh, b->ymmh, sizeof(a->ymmh)) && a->mxcsr == b->mxcsr
        && a->v.pc == b->v.pc && x86_cpu_eflags(a) == x86_cpu_eflags(b)) {
        return;
    }
    for (unsigned i = 0; i < code->size; i++) {
        g_string_append_printf(text, "%02x ", code->bytes[i]);
    }
    for (unsigned i = 0; i < 16; i++) {
        if (a->gpr[i] != b->gpr[i]) {
            g_string_append_printf(text, "\nr%u %" PRIx64 " %" PRIx64, i,
                                   a->gpr[i], b->gpr[i]);
        }
        if (memcmp(&a->xmm[i], &b->xmm[i], 16)) {
            g_string_append_printf(
                text, "\nxmm%u %" PRIx64 " %" PRIx64 ", %" PRIx64 " %" PRIx64,
                i, a->xmm[i].u64[1], a->xmm[i].u64[0], b->xmm[i].u64[1],
                b->xmm[i].u64[0]);
        }
        if (memcmp(&a->ymmh[i], &b->ymmh[i], 16)) {
            g_string_append_printf(
                text, "\nymmh%u %" PRIx64 " %" PRIx64 ", %" PRIx64 " %" PRIx64,
                i, a->ymmh[i].u64[1], a->ymmh[i].u64[0], b->ymmh[i].u64[1],
                b->ymmh[i].u64[0]);
        }
    }
    g_error("seed %" PRIu64 ", %u steps, pc %" PRIx64 " %" PRIx64
            ", mxcsr %x %x: %s",
            seed, steps, a->v.pc, b->v.pc, a->mxcsr, b->mxcsr, text->str);
}

/* The data lie at a page's start; every third time around it. */
static uint64_t data_address(uint64_t seed)
{
    return RIG_DATA - (seed % 3 ? 0 : rnd(10) * 16);
}

static void run_one(Rig *r, const Code *code, uint64_t seed, unsigned steps)
{
    static RigState s;

    rng = seed * 0x9e3779b97f4a7c15ull + 1;
    rnd(2);
    for (unsigned i = 0; i < 16; i++) {
        s.gpr[i] = rnd64();
    }
    s.gpr[X86_RSP] = RIG_STACK;
    s.gpr[X86_RDI] = data_address(seed);
    s.flags = 2 | (rnd64() & X86_ARITH);
    for (unsigned i = 0; i < sizeof(s.data); i++) {
        s.data[i] = (uint8_t)rnd(256);
    }
    memset(s.stack, 0, sizeof(s.stack));
    fp_values(r->c);
    x86_update_mode(r->c);
    rig_code(r, code->bytes, code->size);
    rig_guest(r, &s, steps);
}

static void test_streams(gconstpointer kind)
{
    bool fp = GPOINTER_TO_INT(kind);
    Rig *rigs[] = {rig_new(RIG_LONG, "engine=interp"),
                   rig_new(RIG_LONG, "engine=jit")};

    for (unsigned i = 0; i < 2; i++) {
        rigs[i]->c->cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
    }
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        Code code = {.size = 0};
        unsigned insns = 3 + (unsigned)(seed % 12);

        rng = seed * 0xd6e8feb86659fd93ull + 5;
        for (unsigned i = 0; i < insns; i++) {
            if (fp && rnd(4)) {
                put_sse(&code);
            } else {
                put_int(&code);
            }
        }
        for (unsigned k = 0; k < (seed % 5 ? 3 : insns + 1); k++) {
            unsigned steps = k == 0     ? insns + 16
                             : seed % 5 ? 1 + rnd(insns)
                                        : k; /* each one once the last */
            uint64_t before = rng;

            run_one(rigs[0], &code, seed, steps);
            run_one(rigs[1], &code, seed, steps);
            rng = before;
            check_equal(rigs[0]->c, rigs[1]->c, &code, steps, seed);
            g_assert_cmpint(memcmp(rigs[0]->ram + RIG_BASE,
                                   rigs[1]->ram + RIG_BASE, RIG_SIZE),
                            ==, 0);
        }
    }
    rig_free(rigs[0]);
    rig_free(rigs[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/t1-x86/integer", GINT_TO_POINTER(0), test_streams);
    g_test_add_data_func("/t1-x86/sse", GINT_TO_POINTER(1), test_streams);
    return g_test_run();
}
