/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing x86-64 machine code. Encodings: SDM volume 2. */
#ifndef ACCEL_X64_EMIT_H
#define ACCEL_X64_EMIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    X64_RAX,
    X64_RCX,
    X64_RDX,
    X64_RBX,
    X64_RSP,
    X64_RBP,
    X64_RSI,
    X64_RDI,
    X64_R8,
    X64_R9,
    X64_R10,
    X64_R11,
    X64_R12,
    X64_R13,
    X64_R14,
    X64_R15,
    X64_XMM0, /* vector registers follow, so that one number names both */
    X64_REGS = 32,
};

/* Condition codes of jcc, setcc, cmovcc */
enum {
    X64_CC_B = 2,
    X64_CC_AE = 3,
    X64_CC_E = 4,
    X64_CC_NE = 5,
    X64_CC_BE = 6,
    X64_CC_A = 7,
    X64_CC_S = 8,
    X64_CC_NS = 9,
    X64_CC_P = 10,
    X64_CC_NP = 11,
    X64_CC_L = 12,
    X64_CC_GE = 13,
    X64_CC_LE = 14,
    X64_CC_G = 15,
};

/* /n of the immediate groups */
enum {
    X64_ADD,
    X64_OR,
    X64_ADC,
    X64_SBB,
    X64_AND,
    X64_SUB,
    X64_XOR,
    X64_CMP,
};
enum {
    X64_ROL = 0,
    X64_ROR = 1,
    X64_SHL = 4,
    X64_SHR = 5,
    X64_SAR = 7,
};

/* An opcode: bytes as written (0x8b, 0x0fb6, 0x0f3800), mandatory prefix in
 * bits 24-31, and which operands are byte registers. */
#define X64_P66 0x66000000u
#define X64_PF2 0xf2000000u
#define X64_PF3 0xf3000000u
#define X64_BREG 0x00100000u
#define X64_BRM 0x00200000u

enum {
    X64_MOV_LOAD = 0x8b,
    X64_MOV_STORE = 0x89,
    X64_MOV_STORE8 = 0x88 | X64_BREG,
    X64_LEA = 0x8d,
    X64_MOVZX8 = 0x0fb6 | X64_BRM,
    X64_MOVZX16 = 0x0fb7,
    X64_MOVSX8 = 0x0fbe | X64_BRM,
    X64_MOVSX16 = 0x0fbf,
    X64_MOVSXD = 0x63,
    X64_TEST = 0x85,
    X64_IMUL = 0x0faf,
    X64_MOVUPS_LOAD = 0x0f10,
    X64_MOVUPS_STORE = 0x0f11,
    X64_MOVAPS = 0x0f28,
};

typedef struct X64 {
    uint8_t *p, *end;
} X64;

typedef struct X64Mem {
    int8_t base, index; /* -1: none */
    uint8_t shift;
    int32_t disp;
} X64Mem;

static inline X64Mem x64_at(int base, int32_t disp)
{
    return (X64Mem){(int8_t)base, -1, 0, disp};
}

/* @w: 8 sets REX.W; 2 the operand size prefix; else neither. */
void x64_rr(X64 *x, uint32_t op, unsigned w, int reg, int rm);
void x64_rm(X64 *x, uint32_t op, unsigned w, int reg, X64Mem m);
static inline void x64_u8(X64 *x, unsigned v)
{
    *x->p++ = (uint8_t)v;
}
void x64_u32(X64 *x, uint32_t v);
void x64_u64(X64 *x, uint64_t v);

void x64_mov(X64 *x, unsigned w, int d, int s);
/** x64_imm() - d = @v; leaves the flags alone */
void x64_imm(X64 *x, int d, uint64_t v);
/** x64_alu() - /n of 81, register and 32-bit immediate (sign-extended) */
void x64_alu_imm(X64 *x, unsigned n, unsigned w, int d, int32_t imm);
void x64_alu_rr(X64 *x, unsigned n, unsigned w, int d, int s);
void x64_alu_rm(X64 *x, unsigned n, unsigned w, int d, X64Mem m);
void x64_alu_mem_imm8(X64 *x, unsigned n, X64Mem m, int imm); /* byte */
void x64_shift_imm(X64 *x, unsigned n, unsigned w, int d, unsigned count);
void x64_shift_cl(X64 *x, unsigned n, unsigned w, int d);
/** x64_mov_mem_imm() - w bytes (1 2 4 8) = imm, which fits 32 bits signed */
void x64_mov_mem_imm(X64 *x, unsigned w, X64Mem m, int32_t imm);
/** x64_vex() - map 1 0F, 2 0F38, 3 0F3A; pp 0 none 1 66 2 F3 3 F2 */
void x64_vex(X64 *x, unsigned pp, unsigned map, unsigned op, unsigned w,
             int reg, int v, int rm);
/** x64_jcc(), x64_jmp(), x64_call() - to a place in reach; return the address
 *  of the 32-bit offset */
uint8_t *x64_jcc(X64 *x, unsigned cc, const uint8_t *to);
uint8_t *x64_jmp(X64 *x, const uint8_t *to);
uint8_t *x64_call(X64 *x, const uint8_t *to);
void x64_call_far(X64 *x, const void *fn); /* through rax */
void x64_patch(uint8_t *at, const uint8_t *to);

/* What the host has: CPUID bits that matter here. */
typedef struct X64Host {
    bool sse3, ssse3, sse41, sse42, popcnt, lzcnt, bmi1, bmi2, aes, pclmul;
    bool avx2, fma; /* and the system saves YMM */
} X64Host;
void x64_host(X64Host *h);

#endif
