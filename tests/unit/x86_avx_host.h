/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instruction with YMM and general registers, on the host and in a Box. */
#ifndef TESTS_UNIT_X86_AVX_HOST_H
#define TESTS_UNIT_X86_AVX_HOST_H

#include "tests/unit/x86_box.h"

enum {
    AVX_CODE_AT = 0x20000,
    AVX_MEM_AT = 0x21000, /* what rdi points to */
    AVX_HANDLERS_AT = 0x23000,
    AVX_MEM_BYTES = 1024,
    AVX_RANDOM_BYTES = 256, /* of these; the rest is 0 */
};

/* Offsets are known to the host's stub. General registers: rax rcx rdx r8 r9
 * r10 r11; rdi is the address of mem. */
typedef struct AvxState {
    uint64_t ymm[16][4];
    uint64_t gpr[7];
    uint64_t rdi; /* 568 */
    uint64_t flags;
    uint32_t mxcsr; /* 584 */
    int vector;     /* -1: no exception */
    uint8_t mem[AVX_MEM_BYTES] __attribute__((aligned(64)));
} __attribute__((aligned(64))) AvxState;

typedef struct AvxCode {
    uint8_t bytes[256];
    unsigned len;
    unsigned more; /* instructions behind the first */
} AvxCode;

static inline void avx_emit(AvxCode *c, unsigned byte)
{
    c->bytes[c->len++] = (uint8_t)byte;
}

/** avx_host_ready() - false: the host has no AVX2, skip */
bool avx_host_ready(void);
/** avx_host_run() - @s in place; the host's exceptions become s->vector */
void avx_host_run(AvxState *s, const AvxCode *code);
/** avx_box_new() - with XCR0 = 7 and all features */
Box *avx_box_new(void);
/** avx_box_run() - the instruction and a jump behind it, so that generated
 *  code can run both */
void avx_box_run(Box *b, AvxState *s, const AvxCode *code);
uint64_t avx_random(uint64_t *seed);
void avx_random_state(AvxState *s, uint64_t *seed);
/** avx_same() - prints what differs; EFLAGS bits of @undefined do not count */
bool avx_same(const AvxState *in, const AvxState *host, const AvxState *box,
              const AvxCode *code, uint64_t undefined);

#endif
