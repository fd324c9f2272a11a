/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs bytes natively with given YMM registers and catches exceptions. */
#include "tests/unit/x86_avx_host.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "core/bytes.h"

#define ARITH 0x8d5u /* CF PF AF ZF SF OF */

#if defined(__x86_64__)

static uint8_t *avx_page;
static sigjmp_buf avx_back;
static AvxState *avx_now;

/* The kernel's frame is an XSAVE image. */
static void avx_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    const uint8_t *p = (const uint8_t *)u->uc_mcontext.fpregs;
    uint64_t have = ld_le64(p + 512);

    for (unsigned i = 0; i < 16; i++) {
        memcpy(avx_now->ymm[i], p + 160 + 16 * i, 16);
        memset(&avx_now->ymm[i][2], 0, 16);
        if (have & 4) {
            memcpy(&avx_now->ymm[i][2], p + 576 + 16 * i, 16);
        }
    }
    avx_now->mxcsr = ld_le32(p + 24);
    avx_now->vector = (int)u->uc_mcontext.gregs[REG_TRAPNO];
    siglongjmp(avx_back, 1);
}

bool avx_host_ready(void)
{
    struct sigaction act = {.sa_sigaction = avx_signal, .sa_flags = SA_SIGINFO};

    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2")) {
        return false;
    }
    if (!avx_page) {
        avx_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        g_assert_true(avx_page != MAP_FAILED);
        sigaction(SIGFPE, &act, NULL);
        sigaction(SIGILL, &act, NULL);
        sigaction(SIGSEGV, &act, NULL);
        sigaction(SIGBUS, &act, NULL);
    }
    return true;
}

/* clang-format off */
#define LOAD(n) "vmovups 32*" #n "(%rbx), %ymm" #n "\n\t"
#define STORE(n) "vmovups %ymm" #n ", 32*" #n "(%rbx)\n\t"
#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) \
    f(11) f(12) f(13) f(14) f(15)
void avx_enter(AvxState *s, const uint8_t *code);
__asm__(".text\n"
        ".globl avx_enter\n"
        ".type avx_enter, @function\n"
        "avx_enter:\n\t"
        "push %rbx\n\tpush %r12\n\tpush %rbp\n\t"
        "mov %rdi, %rbx\n\tmov %rsi, %r12\n\t"
        EACH(LOAD)
        "vldmxcsr 584(%rbx)\n\t"
        "mov 512(%rbx), %rax\n\tmov 520(%rbx), %rcx\n\t"
        "mov 528(%rbx), %rdx\n\tmov 536(%rbx), %r8\n\t"
        "mov 544(%rbx), %r9\n\tmov 552(%rbx), %r10\n\t"
        "mov 560(%rbx), %r11\n\tmov 568(%rbx), %rdi\n\t"
        "pushq 576(%rbx)\n\tpopfq\n\t"
        "call *%r12\n\t"
        "pushfq\n\tpopq 576(%rbx)\n\t"
        "cld\n\t"
        "mov %rax, 512(%rbx)\n\tmov %rcx, 520(%rbx)\n\t"
        "mov %rdx, 528(%rbx)\n\tmov %r8, 536(%rbx)\n\t"
        "mov %r9, 544(%rbx)\n\tmov %r10, 552(%rbx)\n\t"
        "mov %r11, 560(%rbx)\n\t"
        "vstmxcsr 584(%rbx)\n\t"
        EACH(STORE)
        "vzeroupper\n\t"
        "pop %rbp\n\tpop %r12\n\tpop %rbx\n\t"
        "ret\n"
        ".size avx_enter, . - avx_enter\n");
/* clang-format on */

void avx_host_run(AvxState *s, const AvxCode *code)
{
    const uint32_t mxcsr = 0x1f80;

    memcpy(avx_page, code->bytes, code->len);
    avx_page[code->len] = 0xc3;
    avx_now = s;
    s->vector = -1;
    s->rdi = (uint64_t)(uintptr_t)s->mem;
    if (sigsetjmp(avx_back, 1) == 0) {
        avx_enter(s, avx_page);
    }
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}
#else
bool avx_host_ready(void)
{
    return false;
}

void avx_host_run(AvxState *s, const AvxCode *code)
{
}
#endif

/* --- the same in a Box ---------------------------------------------------------- */

static const uint8_t avx_gprs[7] = {X86_RAX, X86_RCX, X86_RDX, 8, 9, 10, 11};

Box *avx_box_new(void)
{
    Box *b = box_new();

    memset(b->c->features, 0xff, sizeof(b->c->features));
    box_long(b);
    CALL(b, write_cr, 4,
         b->c->cr4 | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE, 0,
         0);
    CALL(b, write_cr, 0, b->c->cr0 | X86_CR0_NE | X86_CR0_MP, 0, 0);
    b->c->xcr0 = 7;
    for (unsigned n = 0; n < 32; n++) {
        box_put(b, IDT_AT + 16 * n, 8,
                box_gate(CODE64, AVX_HANDLERS_AT + 16 * n, 0x8e, 0));
        box_put(b, IDT_AT + 16 * n + 8, 8, 0);
        box_put(b, AVX_HANDLERS_AT + 16 * n, 1, 0xf4);
    }
    g_assert_false(b->c->v.fault);
    x86_update_mode(b->c);
    return b;
}

void avx_box_run(Box *b, AvxState *s, const AvxCode *code)
{
    static const uint8_t stop[] = {0xeb, 0xfe};
    X86Cpu *c = b->c;

    vcpu_poke(&c->v, AVX_CODE_AT, code->bytes, code->len);
    vcpu_poke(&c->v, AVX_CODE_AT + code->len, stop, sizeof(stop));
    vcpu_poke(&c->v, AVX_MEM_AT, s->mem, AVX_MEM_BYTES);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(c->xmm[i].u8, &s->ymm[i][0], 16);
        memcpy(c->ymmh[i].u8, &s->ymm[i][2], 16);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(avx_gprs); i++) {
        c->gpr[avx_gprs[i]] = s->gpr[i];
    }
    c->gpr[X86_RDI] = AVX_MEM_AT;
    c->gpr[X86_RSP] = 0x9000;
    c->mxcsr = s->mxcsr;
    x86_cpu_set_eflags(c, s->flags);
    x86_update_mode(c);
    c->v.pc = AVX_CODE_AT;
    c->v.halted = false;
    vcpu_fetch_again(&c->v);
    s->vector = -1;
    vcpu_run(&c->v, 2 + code->more);
    if (c->v.pc >= AVX_HANDLERS_AT) {
        s->vector = (int)(c->v.pc - AVX_HANDLERS_AT) / 16;
    } else {
        g_assert_cmphex(c->v.pc, ==, AVX_CODE_AT + code->len);
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&s->ymm[i][0], c->xmm[i].u8, 16);
        memcpy(&s->ymm[i][2], c->ymmh[i].u8, 16);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(avx_gprs); i++) {
        s->gpr[i] = c->gpr[avx_gprs[i]];
    }
    memcpy(s->mem, b->ram + AVX_MEM_AT, AVX_MEM_BYTES);
    s->mxcsr = c->mxcsr;
    s->flags = x86_cpu_eflags(c);
}

/* --- operands -------------------------------------------------------------------- */

uint64_t avx_random(uint64_t *seed)
{
    uint64_t x = *seed;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *seed = x;
    return x * 0x9e3779b97f4a7c15u;
}

static uint64_t avx_number(uint64_t *seed)
{
    static const uint32_t singles[] = {
        0,          0x80000000, 1,          0x807fffff, 0x00800000, 0x7f7fffff,
        0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001, 0xffa00000,
        0x3f800000, 0xbf800000, 0x4f000000, 0x33800000, 0x477fefff, 0x33000001,
        0x387fc000, 0x7c017e00, 0xfc00fe12, 0x000103ff,
    };
    static const uint64_t doubles[] = {
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
        0x41e0000000000000,
        0x36a0000000000000,
        0x380fffffe0000000,
    };
    uint64_t r = avx_random(seed);

    switch (r % 6) {
    case 0:
        return singles[r / 8 % G_N_ELEMENTS(singles)]
               | (uint64_t)singles[r / 999 % G_N_ELEMENTS(singles)] << 32;
    case 1:
        return doubles[r / 8 % G_N_ELEMENTS(doubles)];
    case 2: /* near one */
        return (avx_random(seed) & 0x807fffff807fffff) | 0x3f0000003f000000;
    case 3:
        return (avx_random(seed) & 0x801fffffffffffff) | 0x3fe0000000000000;
    case 4: /* small integers */
        return avx_random(seed) >> (r / 8 % 64);
    default:
        return avx_random(seed);
    }
}

void avx_random_state(AvxState *s, uint64_t *seed)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < 64; i++) {
        s->ymm[i / 4][i % 4] = avx_number(seed);
    }
    for (unsigned i = 0; i < AVX_RANDOM_BYTES; i += 8) {
        st_le64(s->mem + i, avx_number(seed));
    }
    for (unsigned i = 0; i < 7; i++) {
        s->gpr[i] = avx_number(seed);
    }
    s->mxcsr = 0x1f80;
    s->flags = 2 | (avx_random(seed) & ARITH);
}

bool avx_same(const AvxState *in, const AvxState *host, const AvxState *box,
              const AvxCode *code, uint64_t undefined)
{
    g_autoptr(GString) t = g_string_new("");

    for (unsigned i = 0; i < 64; i++) {
        if (host->ymm[i / 4][i % 4] != box->ymm[i / 4][i % 4]) {
            g_string_append_printf(t,
                                   " ymm%u[%u]: %016" PRIx64 ", is %016" PRIx64
                                   ", was %016" PRIx64 ";",
                                   i / 4, i % 4, host->ymm[i / 4][i % 4],
                                   box->ymm[i / 4][i % 4],
                                   in->ymm[i / 4][i % 4]);
        }
    }
    for (unsigned i = 0; i < AVX_MEM_BYTES; i++) {
        if (host->mem[i] != box->mem[i]) {
            g_string_append_printf(t, " mem[%u]: %02x, is %02x;", i,
                                   host->mem[i], box->mem[i]);
        }
    }
    if (host->vector != box->vector) {
        g_string_append_printf(t, " vector %d, is %d;", host->vector,
                               box->vector);
    }
    if (host->mxcsr != box->mxcsr) {
        g_string_append_printf(t, " mxcsr %x, is %x, was %x;", host->mxcsr,
                               box->mxcsr, in->mxcsr);
    }
    for (unsigned i = 0; i < 7 && host->vector < 0; i++) {
        if (host->gpr[i] != box->gpr[i]) {
            g_string_append_printf(t, " r%u %" PRIx64 ", is %" PRIx64 ";",
                                   avx_gprs[i], host->gpr[i], box->gpr[i]);
        }
    }
    if (host->vector < 0 && ((host->flags ^ box->flags) & ARITH & ~undefined)) {
        g_string_append_printf(t, " flags %" PRIx64 ", is %" PRIx64 ";",
                               host->flags, box->flags);
    }
    if (t->len) {
        g_autoptr(GString) hex = g_string_new("");

        for (unsigned i = 0; i < code->len; i++) {
            g_string_append_printf(hex, "%02x ", code->bytes[i]);
        }
        g_test_message("%s: host%s", hex->str, t->str);
    }
    return t->len == 0;
}
