/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integer instructions outside of 64-bit mode: 32-bit code against the host
 * CPU, 16-bit code and exceptions against values argued from the SDM.
 */
#include "tests/unit/x86_rig.h"

#include <string.h>

#include "core/bytes.h"

#define ALL X86_ARITH

static uint64_t rng = 0x2545f4914f6cdd1dull;

static uint32_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 29);
}

/* --- 32-bit code, host beside ---------------------------------------------- */

typedef struct Case32 {
    const char *name;
    uint8_t bytes[16];
    uint8_t size, steps;
    uint8_t imm_at; /* a random byte there; 0: none */
    uint32_t defined;
} Case32;

/* clang-format off */
static const Case32 cases32[] = {
    {"daa", {0x27}, 1, 2, 0, ALL & ~X86_OF},
    {"das", {0x2f}, 1, 2, 0, ALL & ~X86_OF},
    {"aaa", {0x37}, 1, 2, 0, X86_CF | X86_AF},
    {"aas", {0x3f}, 1, 2, 0, X86_CF | X86_AF},
    {"aam", {0xd4, 10}, 2, 2, 0, X86_SF | X86_ZF | X86_PF},
    {"aam 7", {0xd4, 7}, 2, 2, 0, X86_SF | X86_ZF | X86_PF},
    {"aad", {0xd5, 10}, 2, 2, 1, X86_SF | X86_ZF | X86_PF},
    {"inc eax", {0x40}, 1, 2, 0, ALL},
    {"dec edi", {0x4f}, 1, 2, 0, ALL},
    {"inc cx", {0x66, 0x41}, 2, 2, 0, ALL},
    {"pusha", {0x60}, 1, 2, 0, ALL},
    {"popa", {0x83, 0xec, 0x20, 0x61}, 4, 3, 0, 0},
    {"pushaw", {0x66, 0x60}, 2, 2, 0, ALL},
    {"popaw", {0x83, 0xec, 0x20, 0x66, 0x61}, 5, 3, 0, 0},
    {"enter 8,0", {0xc8, 8, 0, 0}, 4, 2, 0, ALL},
    {"enter 8,1", {0xc8, 8, 0, 1}, 4, 2, 0, ALL},
    {"enter 4,4", {0xc8, 4, 0, 4}, 4, 2, 0, ALL},
    {"enterw 4,2", {0x66, 0xc8, 4, 0, 2}, 5, 2, 0, ALL},
    {"leave", {0xc9}, 1, 2, 0, ALL},
    {"salc", {0xd6}, 1, 2, 0, ALL},
    {"lea bx+si", {0x67, 0x8d, 0x00}, 3, 2, 0, ALL},
    {"lea bp+di+d8", {0x67, 0x8d, 0x4b, 0}, 4, 2, 3, ALL},
    {"lea d16", {0x67, 0x8d, 0x06, 0x34, 0xf2}, 5, 2, 0, ALL},
    {"lea bx+d16", {0x67, 0x8d, 0x87, 0x34, 0xf2}, 5, 2, 3, ALL},
    {"lea bp", {0x67, 0x66, 0x8d, 0x46, 0}, 5, 2, 4, ALL},
    {"lea sib", {0x8d, 0x84, 0x99, 1, 2, 3, 4}, 7, 2, 3, ALL},
    {"lea disp", {0x8d, 0x04, 0x8d, 1, 2, 3, 4}, 7, 2, 4, ALL},
    {"loopw", {0x66, 0xb9, 3, 0, 0x40, 0x67, 0xe2, 0xfc}, 8, 12, 0, ALL},
    {"jcxz", {0x67, 0xe3, 1, 0x40}, 4, 4, 0, ALL},
    {"jecxz", {0xe3, 1, 0x40}, 3, 4, 0, ALL},
    {"call, ret", {0xe8, 2, 0, 0, 0, 0xeb, 2, 0x40, 0xc3}, 9, 8, 0, ALL},
    {"pushw, popw", {0x66, 0x50, 0x66, 0x5a}, 4, 4, 0, ALL},
    {"push i8, popw", {0x66, 0x6a, 0, 0x66, 0x5a}, 5, 4, 2, ALL},
    {"pop [esp]", {0x8f, 0x44, 0x24, 4}, 4, 2, 0, ALL},
    {"rcl ah,cl", {0xd2, 0xd4}, 2, 2, 0, ALL & ~X86_OF},
    {"rcr dh,i", {0xc0, 0xde, 0}, 3, 2, 2, ALL & ~X86_OF},
    {"xchg ah,bl", {0x86, 0xe3}, 2, 2, 0, ALL},
    {"add ch,dh", {0x00, 0xf5}, 2, 2, 0, ALL},
    {"adc eax,i", {0x83, 0xd0, 0}, 3, 2, 2, ALL},
    {"sbb bh,al", {0x18, 0xc7}, 2, 2, 0, ALL},
    {"op 82", {0x82, 0xd9, 0}, 3, 2, 2, ALL},
    {"arpl", {0x63, 0xc8}, 2, 2, 0, ALL},
    {"xadd ecx,edx", {0x0f, 0xc1, 0xd1}, 3, 2, 0, ALL},
    {"bswap", {0x0f, 0xc9}, 2, 2, 0, ALL},
    {"imul 3", {0x6b, 0xc2, 0}, 3, 2, 2, X86_CF | X86_OF},
    {"cwde, cdq", {0x98, 0x99}, 2, 3, 0, ALL},
    {"setg, cmovl", {0x38, 0xe1, 0x0f, 0x9f, 0xc0, 0x0f, 0x4c, 0xda}, 8, 4, 0,
     ALL},
};
/* clang-format on */

static void state32(RigState *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 8; i++) {
        s->gpr[i] = rnd() & 3 ? rnd() : rnd() & 0xff;
    }
    s->gpr[X86_RSP] = RIG_STACK;
    s->gpr[X86_RBP] = RIG_STACK + 0x40;
    s->flags = (rnd() & ALL) | 0x202;
    for (unsigned i = 0; i < sizeof(s->stack); i++) {
        s->stack[i] = (uint8_t)rnd();
    }
}

static void check32(Rig *r, const Case32 *k)
{
    static RigState in, host, mine;
    uint8_t code[16];

    memcpy(code, k->bytes, sizeof(code));
    for (unsigned n = 0; n < 300; n++) {
        if (k->imm_at) {
            code[k->imm_at] = (uint8_t)rnd();
        }
        state32(&in);
        if (strcmp(k->name, "jcxz") == 0 && (n & 1)) {
            in.gpr[X86_RCX] &= ~0xffffull;
        }
        host = mine = in;
        if (!rig_host32(code, k->size, &host)) {
            return;
        }
        if (n == 0 || k->imm_at) {
            rig_code(r, code, k->size);
        }
        rig_guest(r, &mine, k->steps);
        bool good = memcmp(host.gpr, mine.gpr, sizeof(host.gpr)) == 0
                    && ((host.flags ^ mine.flags) & k->defined) == 0
                    && memcmp(host.stack, mine.stack, sizeof(host.stack)) == 0;
        if (!good) {
            for (unsigned i = 0; i < 8; i++) {
                g_test_message("r%u in %08x host %08x mine %08x", i,
                               (uint32_t)in.gpr[i], (uint32_t)host.gpr[i],
                               (uint32_t)mine.gpr[i]);
            }
            g_test_message("%s: flags in %x host %x mine %x", k->name,
                           (unsigned)in.flags, (unsigned)host.flags,
                           (unsigned)mine.flags);
            g_test_fail();
            return;
        }
    }
}

static void test_code32(void)
{
    g_autoptr(Rig) r = rig_new(RIG_PROT32, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases32); i++) {
        check32(r, &cases32[i]);
    }
}

/* --- real mode: what wraps, what faults ------------------------------------ */

#define IVT_HANDLER 0x10000u /* + 4 * vector, at 1000:0 */

/* All segments are at RIG_BASE, CS at RIG_CODE; every vector spins. */
static Rig *real_new(void)
{
    Rig *r = rig_new(RIG_REAL, NULL);

    for (unsigned i = 0; i < 256; i++) {
        uint8_t entry[4] = {(uint8_t)(4 * i), (uint8_t)(i >> 6), 0x00, 0x10};
        uint8_t spin[2] = {0xeb, 0xfe};

        mem_poke(r->vm->mem, 4 * i, entry, 4);
        mem_poke(r->vm->mem, IVT_HANDLER + 4 * i, spin, 2);
    }
    r->c->gpr[X86_RSP] = 0x8000;
    return r;
}

static void real_run(Rig *r, const uint8_t *code, unsigned size, unsigned steps)
{
    rig_code(r, code, size);
    r->c->v.pc = RIG_CODE;
    vcpu_fetch_again(&r->c->v);
    g_assert_cmpint(vcpu_run(&r->c->v, steps), ==, VCPU_STOP_BUDGET);
}

static uint8_t *real_at(Rig *r, unsigned off)
{
    return r->ram + RIG_BASE + off;
}

#define REAL_RUN(r, steps, ...)                                                \
    do {                                                                       \
        static const uint8_t code_[] = {__VA_ARGS__};                          \
        real_run(r, code_, sizeof(code_), steps);                              \
    } while (0)

static void test_wrap16(void)
{
    g_autoptr(Rig) r = real_new();
    X86Cpu *c = r->c;

    /* push ax with SP = 2, then 0 */
    c->gpr[X86_RAX] = 0x1234;
    c->gpr[X86_RSP] = 0xabcd0002;
    REAL_RUN(r, 2, 0x50, 0x50);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xabcdfffe);
    g_assert_cmphex(ld_le16(real_at(r, 0)), ==, 0x1234);
    g_assert_cmphex(ld_le16(real_at(r, 0xfffe)), ==, 0x1234);
    /* mov al, [bx + si + 0x7f]: the sum wraps */
    c->gpr[X86_RBX] = 0xfff0;
    c->gpr[X86_RSI] = 0x5120;
    *real_at(r, 0x518f) = 0x77;
    REAL_RUN(r, 1, 0x8a, 0x40, 0x7f);
    g_assert_cmphex(c->gpr[X86_RAX] & 0xff, ==, 0x77);
    /* jmp -16: IP wraps to 0xfff2 */
    REAL_RUN(r, 1, 0xeb, 0xf0);
    g_assert_cmphex(c->v.pc, ==, RIG_CODE + 0xfff2);
    /* call +2: pushes 3; jz not taken goes on */
    c->gpr[X86_RSP] = 0x8000;
    REAL_RUN(r, 1, 0xe8, 0x02, 0x00);
    g_assert_cmphex(c->v.pc, ==, RIG_CODE + 5);
    g_assert_cmphex(ld_le16(real_at(r, 0x7ffe)), ==, 3);
    /* stosb: DI wraps */
    c->gpr[X86_RDI] = 0xffff;
    c->gpr[X86_RCX] = 3;
    REAL_RUN(r, 3, 0xf3, 0xaa);
    g_assert_cmphex(c->gpr[X86_RDI], ==, 2);
    g_assert_cmphex(c->v.pc, ==, RIG_CODE + 2);
    g_assert_cmphex(*real_at(r, 1), ==, 0x77);
}

/* Runs @code; expects @vector with the saved IP @ip after @steps. */
static void expect_vector(Rig *r, const uint8_t *code, unsigned size,
                          unsigned steps, unsigned vector, unsigned ip)
{
    r->c->gpr[X86_RSP] = 0x8000;
    x86_set_seg(r->c, X86_CS, RIG_CODE >> 4 & 0xffff, RIG_CODE, 0xffff, 0x9b);
    x86_update_mode(r->c);
    real_run(r, code, size, steps);
    g_assert_cmphex(r->c->v.pc, ==, IVT_HANDLER + 4 * vector);
    g_assert_cmphex(r->c->gpr[X86_RSP], ==, 0x7ffa);
    g_assert_cmphex(ld_le16(real_at(r, 0x7ffa)), ==, ip);
}

#define EXPECT(r, steps, vector, ip, ...)                                      \
    do {                                                                       \
        static const uint8_t code_[] = {__VA_ARGS__};                          \
        expect_vector(r, code_, sizeof(code_), steps, vector, ip);             \
    } while (0)

static void test_exceptions(void)
{
    g_autoptr(Rig) r = real_new();
    X86Cpu *c = r->c;

    c->gpr[X86_RAX] = 0x1000;
    c->gpr[X86_RBX] = 0;
    EXPECT(r, 2, X86_DE, 1, 0x90, 0xf6, 0xf3); /* div bl = 0 */
    c->gpr[X86_RBX] = 0x10;
    EXPECT(r, 1, X86_DE, 0, 0xf6, 0xf3); /* 0x1000 / 0x10 = 0x100 */
    c->gpr[X86_RAX] = 0x8000;
    c->gpr[X86_RDX] = 0xffff;
    c->gpr[X86_RBX] = 0xffff;
    EXPECT(r, 1, X86_DE, 0, 0xf7, 0xfb);       /* -32768 / -1 */
    EXPECT(r, 1, X86_DE, 0, 0xd4, 0x00);       /* aam 0 */
    EXPECT(r, 1, X86_UD, 0, 0xf0, 0x01, 0xd8); /* lock add ax, bx */
    EXPECT(r, 1, X86_UD, 0, 0xf0, 0x39, 0x07); /* lock cmp [bx], ax */
    EXPECT(r, 1, X86_UD, 0, 0x0f, 0x0b);       /* ud2 */
    EXPECT(r, 1, X86_UD, 0, 0x8e, 0xc8);       /* mov cs, ax */
    EXPECT(r, 1, X86_UD, 0, 0x0f, 0x00, 0xc0); /* sldt in real mode */
    EXPECT(r, 1, X86_UD, 0, 0x63, 0xc0);       /* arpl in real mode */
    EXPECT(r, 1, X86_UD, 0, 0xc7, 0xc8, 0, 0); /* c7 /1 */
    EXPECT(r, 1, X86_UD, 0, 0x8d, 0xc0);       /* lea ax, ax */
    EXPECT(r, 1, X86_GP, 0, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
           0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90); /* 16 bytes */
    EXPECT(r, 1, X86_BP, 1, 0xcc);
    EXPECT(r, 1, 0x21, 2, 0xcd, 0x21);
    EXPECT(r, 1, X86_DB, 1, 0xf1);
    x86_cpu_set_eflags(c, X86_OF | 2);
    EXPECT(r, 1, X86_OFX, 1, 0xce);
    x86_cpu_set_eflags(c, 2);
    REAL_RUN(r, 2, 0xce, 0x90); /* into without OF */
    g_assert_cmphex(c->v.pc, !=, IVT_HANDLER + 4 * X86_OFX);
    st_le16(real_at(r, 0x100), 5);
    st_le16(real_at(r, 0x102), 9);
    c->gpr[X86_RAX] = 10;
    EXPECT(r, 1, X86_BR, 0, 0x62, 0x06, 0x00, 0x01);
    c->gpr[X86_RBX] = 0xffff; /* mov ax, [0xffff]: over the limit */
    EXPECT(r, 1, X86_GP, 0, 0x8b, 0x07);
}

/* The second store of a repetition is over the limit: one was done. */
static void test_rep_fault(void)
{
    g_autoptr(Rig) r = real_new();
    X86Cpu *c = r->c;

    c->gpr[X86_RDI] = 0xfffd;
    c->gpr[X86_RCX] = 3;
    c->gpr[X86_RAX] = 0xbeef;
    EXPECT(r, 2, X86_GP, 0, 0xf3, 0xab);
    g_assert_cmphex(c->gpr[X86_RDI], ==, 0xffff);
    g_assert_cmphex(c->gpr[X86_RCX], ==, 2);
    g_assert_cmphex(ld_le16(real_at(r, 0xfffd)), ==, 0xbeef);
}

/* TF: a trap behind each instruction, a taken jump and an iteration too. */
static void test_single_step(void)
{
    g_autoptr(Rig) r = real_new();
    X86Cpu *c = r->c;

    x86_cpu_set_eflags(c, X86_TF | 2);
    EXPECT(r, 1, X86_DB, 1, 0x40, 0x40);
    g_assert_cmphex(ld_le16(real_at(r, 0x7ffe)) & X86_TF, ==, X86_TF);
    g_assert_cmphex(c->eflags & X86_TF, ==, 0);
    x86_cpu_set_eflags(c, X86_TF | 2);
    EXPECT(r, 1, X86_DB, 7, 0xeb, 0x05);
    x86_cpu_set_eflags(c, X86_TF | X86_ZF | 2);
    EXPECT(r, 1, X86_DB, 7, 0x74, 0x05);
    c->gpr[X86_RCX] = 2;
    c->gpr[X86_RDI] = 0x100;
    x86_cpu_set_eflags(c, X86_TF | 2);
    EXPECT(r, 1, X86_DB, 0, 0xf3, 0xaa);
    g_assert_cmphex(c->gpr[X86_RCX], ==, 1);
    x86_cpu_set_eflags(c, X86_TF | 2);
    EXPECT(r, 1, X86_DB, 2, 0xf3, 0xaa);
    g_assert_cmphex(c->gpr[X86_RCX], ==, 0);
}

static void test_segments16(void)
{
    g_autoptr(Rig) r = real_new();
    X86Cpu *c = r->c;

    /* les di, [0x200]; mov al, es:[di] */
    st_le16(real_at(r, 0x200), 0x0010);
    st_le16(real_at(r, 0x202), 0x2000);
    r->ram[0x20010] = 0x99;
    REAL_RUN(r, 2, 0xc4, 0x3e, 0x00, 0x02, 0x26, 0x8a, 0x05);
    g_assert_cmphex(c->gpr[X86_RDI], ==, 0x10);
    g_assert_cmphex(c->seg[X86_ES].sel, ==, 0x2000);
    g_assert_cmphex(c->gpr[X86_RAX] & 0xff, ==, 0x99);
    /* mov ax, es; push ax; pop ds; mov dx, ds */
    REAL_RUN(r, 4, 0x8c, 0xc0, 0x50, 0x1f, 0x8c, 0xda);
    g_assert_cmphex(c->gpr[X86_RDX] & 0xffff, ==, 0x2000);
    /* jmp 3000:0004, which holds mov bx, 7 */
    memcpy(r->ram + 0x30004, (const uint8_t[]){0xbb, 7, 0, 0xeb, 0xfe}, 5);
    REAL_RUN(r, 2, 0xea, 0x04, 0x00, 0x00, 0x30);
    g_assert_cmphex(c->gpr[X86_RBX] & 0xffff, ==, 7);
    g_assert_cmphex(c->v.pc, ==, 0x30007);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/modes/code32", test_code32);
    g_test_add_func("/x86/modes/wrap16", test_wrap16);
    g_test_add_func("/x86/modes/exceptions", test_exceptions);
    g_test_add_func("/x86/modes/rep-fault", test_rep_fault);
    g_test_add_func("/x86/modes/single-step", test_single_step);
    g_test_add_func("/x86/modes/segments16", test_segments16);
    return g_test_run();
}
