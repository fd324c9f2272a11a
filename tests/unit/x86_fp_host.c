/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs bytes natively with a given FXSAVE image and catches exceptions. */
#include "tests/unit/x86_fp_host.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "core/bytes.h"
#include "cpu/x86/fpu_priv.h"

#define ARITH 0x8d5u /* CF PF AF ZF SF OF */

#if defined(__x86_64__)

static uint8_t *fp_page;
static sigjmp_buf fp_back;
static FpState *fp_now;

static void fp_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;

    memcpy(fp_now->fx, u->uc_mcontext.fpregs, 416);
    fp_now->vector = (int)u->uc_mcontext.gregs[REG_TRAPNO];
    siglongjmp(fp_back, 1);
}

bool fp_host_ready(void)
{
    struct sigaction act = {.sa_sigaction = fp_signal, .sa_flags = SA_SIGINFO};

    if (!fp_page) {
        fp_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        g_assert_true(fp_page != MAP_FAILED);
        sigaction(SIGFPE, &act, NULL);
        sigaction(SIGILL, &act, NULL);
        sigaction(SIGSEGV, &act, NULL);
    }
    return true;
}

/* A function of its own in assembly: rdi = state, rsi = code. */
void fp_enter(FpState *s, const uint8_t *code);
__asm__(".text\n"
        ".globl fp_enter\n"
        ".type fp_enter, @function\n"
        "fp_enter:\n\t"
        "push %rbx\n\tpush %r12\n\tpush %rbp\n\t"
        "mov %rdi, %rbx\n\tmov %rsi, %r12\n\t"
        "fxrstor64 (%rbx)\n\t"
        "mov 512(%rbx), %rax\n\t"
        "mov 520(%rbx), %rcx\n\t"
        "mov 528(%rbx), %rdx\n\t"
        "mov 536(%rbx), %rdi\n\t"
        "pushq 544(%rbx)\n\tpopfq\n\t"
        "call *%r12\n\t"
        "pushfq\n\tpopq 544(%rbx)\n\t"
        "cld\n\t"
        "mov %rax, 512(%rbx)\n\t"
        "mov %rcx, 520(%rbx)\n\t"
        "mov %rdx, 528(%rbx)\n\t"
        "fxsave64 (%rbx)\n\t"
        "pop %rbp\n\tpop %r12\n\tpop %rbx\n\t"
        "ret\n"
        ".size fp_enter, . - fp_enter\n");

void fp_host_run(FpState *s, const FpCode *code)
{
    const uint32_t mxcsr = 0x1f80;

    memcpy(fp_page, code->bytes, code->len);
    fp_page[code->len] = 0xc3;
    fp_now = s;
    s->vector = -1;
    s->rdi = (uint64_t)(uintptr_t)s->mem;
    if (sigsetjmp(fp_back, 1) == 0) {
        fp_enter(s, fp_page);
    }
    __asm__ volatile("fnclex\n\tfninit\n\tldmxcsr %0" : : "m"(mxcsr));
}

static const void *fp_code(void)
{
    return fp_page;
}
#else
static const void *fp_code(void)
{
    return NULL;
}

bool fp_host_ready(void)
{
    return false;
}

void fp_host_run(FpState *s, const FpCode *code)
{
}
#endif

/* --- the same in a Box ---------------------------------------------------------- */

Box *fp_box_new(void)
{
    Box *b = box_new();
    uint64_t cr4;

    box_long(b);
    cr4 = b->c->cr4 | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
    CALL(b, write_cr, 4, cr4, 0, 0);
    CALL(b, write_cr, 0, b->c->cr0 | X86_CR0_NE | X86_CR0_MP, 0, 0);
    for (unsigned n = 0; n < 32; n++) {
        box_put(b, IDT_AT + 16 * n, 8,
                box_gate(CODE64, FP_HANDLERS_AT + 16 * n, 0x8e, 0));
        box_put(b, IDT_AT + 16 * n + 8, 8, 0);
        box_put(b, FP_HANDLERS_AT + 16 * n, 1, 0xf4);
    }
    g_assert_false(b->c->v.fault);
    return b;
}

void fp_box_run(Box *b, FpState *s, const FpCode *code, unsigned steps)
{
    X86Cpu *c = b->c;

    if (memcmp(b->ram + FP_CODE_AT, code->bytes, code->len) != 0) {
        vcpu_poke(&c->v, FP_CODE_AT, code->bytes, code->len);
    }
    vcpu_poke(&c->v, FP_MEM_AT, s->mem, FP_MEM_BYTES);
    vcpu_poke(&c->v, FP_FX_AT, s->fx, 512);
    CALL(b, fxrstor, FP_FX_AT, X86_FX_CODE64 | X86_FX_REXW, X86_MMU_KERNEL, 0);
    g_assert_false(c->v.fault);
    c->gpr[X86_RAX] = s->rax;
    c->gpr[X86_RCX] = s->rcx;
    c->gpr[X86_RDX] = s->rdx;
    c->gpr[X86_RDI] = FP_MEM_AT;
    c->gpr[X86_RSP] = 0x9000;
    x86_cpu_set_eflags(c, s->flags);
    c->v.pc = FP_CODE_AT;
    c->v.halted = false;
    vcpu_fetch_again(&c->v);
    s->vector = -1;
    while (steps-- > 0 && s->vector < 0) {
        vcpu_run(&c->v, 1);
        if (c->v.pc >= FP_HANDLERS_AT) {
            s->vector = (int)(c->v.pc - FP_HANDLERS_AT) / 16;
        }
    }
    if (s->vector < 0) {
        g_assert_cmphex(c->v.pc, ==, FP_CODE_AT + code->len);
    }
    CALL(b, fxsave, FP_FX_AT, X86_FX_CODE64 | X86_FX_REXW, X86_MMU_KERNEL, 0);
    memcpy(s->fx, b->ram + FP_FX_AT, 416);
    memcpy(s->mem, b->ram + FP_MEM_AT, FP_MEM_BYTES);
    s->rax = c->gpr[X86_RAX];
    s->rcx = c->gpr[X86_RCX];
    s->rdx = c->gpr[X86_RDX];
    s->flags = x86_cpu_eflags(c);
}

/* --- operands -------------------------------------------------------------------- */

uint64_t fp_random(uint64_t *seed)
{
    uint64_t x = *seed;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *seed = x;
    return x * 0x9e3779b97f4a7c15u;
}

static const uint32_t special32[] = {
    0,          0x80000000, 1,          0x807fffff, 0x00800000, 0x7f7fffff,
    0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001, 0xffa00000,
    0x3f800000, 0xbf800000, 0x3f000000, 0x4effffff, 0x4f000000, 0xcf000000,
    0x5f000000, 0x00000fff, 0x33800000, 0x40490fdb,
};
static const uint64_t special64[] = {
    0,
    0x8000000000000000,
    1,
    0x800fffffffffffff,
    0x0010000000000000,
    0x7fefffffffffffff,
    0x7ff0000000000000,
    0xfff0000000000000,
    0x7ff8000000000000,
    0xfff8000000012345,
    0x7ff0000000000001,
    0xfff4000000000000,
    0x3ff0000000000000,
    0xbff0000000000000,
    0x3fe0000000000000,
    0x41dfffffffc00000,
    0x41e0000000000000,
    0xc1e0000000000000,
    0x43e0000000000000,
    0xc3e0000000000000,
    0x36a0000000000000,
    0x380fffffe0000000,
    0x47efffffe0000000,
    0x47effffff0000000,
    0x4000000000000003,
};

static uint64_t fp_number(uint64_t *seed)
{
    uint64_t r = fp_random(seed);

    switch (r % 6) {
    case 0:
        return special32[r / 8 % G_N_ELEMENTS(special32)]
               | (uint64_t)special32[r / 999 % G_N_ELEMENTS(special32)] << 32;
    case 1:
        return special64[r / 8 % G_N_ELEMENTS(special64)];
    case 2: /* near one */
        return (fp_random(seed) & 0x807fffff807fffff) | 0x3f0000003f000000;
    case 3:
        return (fp_random(seed) & 0x801fffffffffffff) | 0x3fe0000000000000;
    case 4: /* small integers */
        return fp_random(seed) >> (r / 8 % 64);
    default:
        return fp_random(seed);
    }
}

static void fp_random_f80(uint8_t *p, uint64_t *seed)
{
    static const uint16_t exponents[] = {0,      1,      0x3fff, 0x7ffe,
                                         0x7fff, 0x403e, 0x3ffe, 0x4001};
    uint64_t r = fp_random(seed), mant = fp_random(seed);
    unsigned exp = r % 3 == 0   ? exponents[r / 16 % 8]
                   : r % 3 == 1 ? 0x3fff - 40 + r / 16 % 80
                                : r / 16 & 0x7fff;

    switch (r / 0x100000 % 8) {
    case 0:
        mant = 0;
        break;
    case 1:
        mant = 1ull << 63;
        break;
    case 2:
        break; /* as it is: unsupported encodings too */
    case 3:
        mant &= UINT64_MAX << (r / 0x10000000 % 64);
        mant |= 1ull << 63;
        break;
    default:
        mant |= exp ? 1ull << 63 : 0;
        break;
    }
    st_le64(p, mant);
    st_le16(p + 8, (uint16_t)(exp | (r >> 63) << 15));
    memset(p + 10, 0, 6);
}

void fp_random_state(FpState *s, uint64_t *seed)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 8; i++) {
        fp_random_f80(s->fx + 32 + 16 * i, seed);
    }
    for (unsigned i = 0; i < 32; i++) {
        st_le64(s->fx + 160 + 8 * i, fp_number(seed));
    }
    for (unsigned i = 0; i < FP_MEM_BYTES; i += 8) {
        st_le64(s->mem + i, fp_number(seed));
    }
    if (fp_random(seed) % 2) {
        fp_random_f80(s->mem, seed);
    }
    st_le16(s->fx, 0x37f);
    st_le32(s->fx + 24, 0x1f80);
    s->rax = fp_number(seed);
    s->rcx = fp_number(seed);
    s->rdx = fp_number(seed);
    s->flags = 2 | (fp_random(seed) & ARITH);
}

/* FOP, FIP, FDP. Some hosts keep them only while an exception is pending. */
static void fp_same_pointers(const FpState *host, const FpState *box,
                             GString *t)
{
    uint64_t fip = ld_le64(host->fx + 8), fdp = ld_le64(host->fx + 16);
    uint64_t at = (uintptr_t)fp_code();

    /* others come from FLDENV and FRSTOR */
    if (fip - at < 4096) {
        fip = fip - at + FP_CODE_AT;
    }
    if (fdp - host->rdi < FP_MEM_BYTES) {
        fdp = fdp - host->rdi + FP_MEM_AT;
    }
    if (ld_le16(host->fx + 6) != ld_le16(box->fx + 6)
        || fip != ld_le64(box->fx + 8) || fdp != ld_le64(box->fx + 16)) {
        g_string_append_printf(t,
                               " fop %x fip %" PRIx64 " fdp %" PRIx64
                               ", is %x %" PRIx64 " %" PRIx64 ";",
                               ld_le16(host->fx + 6), fip, fdp,
                               ld_le16(box->fx + 6), ld_le64(box->fx + 8),
                               ld_le64(box->fx + 16));
    }
}

bool fp_same(const FpState *in, const FpState *host, const FpState *box,
             const FpCode *code)
{
    GString *t = g_string_new("");

    for (unsigned i = 0; i < 416; i++) {
        bool looked = i < 6 || i == 24 || i == 25 || i >= 32;
        if (looked && host->fx[i] != box->fx[i]) {
            g_string_append_printf(t, " fx[%u]: %02x, is %02x, was %02x;", i,
                                   host->fx[i], box->fx[i], in->fx[i]);
        }
    }
    for (unsigned i = 0; i < FP_MEM_BYTES; i++) {
        if (host->mem[i] != box->mem[i]) {
            g_string_append_printf(t, " mem[%u]: %02x, is %02x, was %02x;", i,
                                   host->mem[i], box->mem[i], in->mem[i]);
        }
    }
    if (host->vector != box->vector) {
        g_string_append_printf(t, " vector %d, is %d;", host->vector,
                               box->vector);
    }
    if (host->vector < 0
        && (host->rax != box->rax || host->rcx != box->rcx
            || host->rdx != box->rdx)) {
        g_string_append_printf(t, " rcx %" PRIx64 ", is %" PRIx64 ";",
                               host->rcx, box->rcx);
    }
    if (host->vector < 0 && ((host->flags ^ box->flags) & ARITH)) {
        g_string_append_printf(t, " flags %" PRIx64 ", is %" PRIx64 ";",
                               host->flags, box->flags);
    }
    if ((host->fx[2] & 0x80) && ld_le64(host->fx + 8)) {
        fp_same_pointers(host, box, t);
    }
    bool same = t->len == 0;
    if (!same) {
        GString *hex = g_string_new("");
        for (unsigned i = 0; i < code->len; i++) {
            g_string_append_printf(hex, "%02x ", code->bytes[i]);
        }
        g_test_message("%s: host%s", hex->str, t->str);
        g_string_free(hex, true);
    }
    g_string_free(t, true);
    return same;
}
