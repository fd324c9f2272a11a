/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instruction with floating point state, on the host and in a Box. */
#ifndef TESTS_UNIT_X86_FP_HOST_H
#define TESTS_UNIT_X86_FP_HOST_H

#include "tests/unit/x86_box.h"

enum {
    FP_CODE_AT = 0x20000,
    FP_MEM_AT = 0x21000, /* what rdi points to */
    FP_FX_AT = 0x22000,
    FP_HANDLERS_AT = 0x23000,
    FP_MEM_BYTES = 128,
};

/* FXSAVE image and general registers; offsets are known to the host's stub. */
typedef struct FpState {
    uint8_t fx[512];
    uint64_t rax, rcx, rdx, rdi, flags;
    uint8_t mem[FP_MEM_BYTES] __attribute__((aligned(16)));
    int vector; /* -1: no exception */
} __attribute__((aligned(64))) FpState;

typedef struct FpCode {
    uint8_t bytes[32];
    unsigned len;
} FpCode;

static inline void fp_emit(FpCode *c, uint8_t byte)
{
    c->bytes[c->len++] = byte;
}

/** fp_host_ready() - false: the host is no x86-64, skip */
bool fp_host_ready(void);
/** fp_host_run() - @s in place; the host's own exceptions become s->vector */
void fp_host_run(FpState *s, const FpCode *code);
Box *fp_box_new(void);
/** fp_box_run() - one step per instruction of @steps */
void fp_box_run(Box *b, FpState *s, const FpCode *code, unsigned steps);
/** fp_random() - xorshift; fp_random_state() fills all of @s but MXCSR, FCW,
 *  FSW and tags with values that are often special */
uint64_t fp_random(uint64_t *seed);
void fp_random_state(FpState *s, uint64_t *seed);
/** fp_same() - compare the images but for FOP, FIP, FDP; prints differences */
bool fp_same(const FpState *in, const FpState *host, const FpState *box,
             const FpCode *code);

#endif
