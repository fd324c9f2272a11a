/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/x64_emit.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <string.h>

void x64_u32(X64 *x, uint32_t v)
{
    memcpy(x->p, &v, 4);
    x->p += 4;
}

void x64_u64(X64 *x, uint64_t v)
{
    memcpy(x->p, &v, 8);
    x->p += 8;
}

/* Prefixes and opcode bytes. @force: byte registers 4-7 need a REX. */
static void x64_head(X64 *x, uint32_t op, unsigned w, int reg, int index,
                     int base, bool force)
{
    unsigned rex = (w == 8) << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1
                   | (base >> 3 & 1);
    uint8_t *p = x->p;

    if (w == 2) {
        *p++ = 0x66;
    }
    if (op >> 24) {
        *p++ = (uint8_t)(op >> 24);
    }
    if (rex || force) {
        *p++ = (uint8_t)(0x40 | rex);
    }
    if (op & 0xf0000) { /* 0f38xx, 0f3axx */
        *p++ = op >> 16 & 0x0f;
        *p++ = (uint8_t)(op >> 8);
    } else if (op & 0xff00) {
        *p++ = (uint8_t)(op >> 8);
    }
    *p++ = (uint8_t)op;
    x->p = p;
}

void x64_rr(X64 *x, uint32_t op, unsigned w, int reg, int rm)
{
    bool force = ((op & X64_BREG) && reg >= 4 && reg < 8)
                 || ((op & X64_BRM) && rm >= 4 && rm < 8);

    x64_head(x, op & ~(X64_BREG | X64_BRM), w, reg, 0, rm, force);
    x64_u8(x, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static void x64_modrm(X64 *x, int reg, X64Mem m)
{
    unsigned r = (reg & 7) << 3, mod;
    uint8_t *p = x->p;

    if (m.base < 0) { /* disp32 with a SIB byte: not rip-relative */
        *p++ = (uint8_t)(r | 4);
        *p++ =
            (uint8_t)(m.shift << 6 | (m.index < 0 ? 4 : m.index & 7) << 3 | 5);
        memcpy(p, &m.disp, 4);
        x->p = p + 4;
        return;
    }
    mod = m.disp == 0 && (m.base & 7) != 5  ? 0
          : m.disp >= -128 && m.disp <= 127 ? 1
                                            : 2;
    if (m.index >= 0 || (m.base & 7) == 4) {
        *p++ = (uint8_t)(mod << 6 | r | 4);
        *p++ = (uint8_t)(m.shift << 6 | (m.index < 0 ? 4 : m.index & 7) << 3
                         | (m.base & 7));
    } else {
        *p++ = (uint8_t)(mod << 6 | r | (m.base & 7));
    }
    if (mod == 1) {
        *p++ = (uint8_t)m.disp;
    } else if (mod == 2) {
        memcpy(p, &m.disp, 4);
        p += 4;
    }
    x->p = p;
}

void x64_rm(X64 *x, uint32_t op, unsigned w, int reg, X64Mem m)
{
    bool force = (op & X64_BREG) && reg >= 4 && reg < 8;

    x64_head(x, op & ~(X64_BREG | X64_BRM), w, reg, m.index < 0 ? 0 : m.index,
             m.base < 0 ? 0 : m.base, force);
    x64_modrm(x, reg, m);
}

void x64_mov(X64 *x, unsigned w, int d, int s)
{
    if (d >= X64_XMM0) {
        x64_rr(x, X64_MOVAPS, 0, d, s);
    } else {
        x64_rr(x, X64_MOV_LOAD, w, d, s);
    }
}

void x64_imm(X64 *x, int d, uint64_t v)
{
    if (v <= UINT32_MAX) {
        x64_head(x, 0xb8 | (d & 7), 0, 0, 0, d, false);
        x64_u32(x, (uint32_t)v);
    } else if ((int64_t)v == (int32_t)v) {
        x64_rr(x, 0xc7, 8, 0, d);
        x64_u32(x, (uint32_t)v);
    } else {
        x64_head(x, 0xb8 | (d & 7), 8, 0, 0, d, false);
        x64_u64(x, v);
    }
}

void x64_alu_imm(X64 *x, unsigned n, unsigned w, int d, int32_t imm)
{
    if (imm >= -128 && imm <= 127) {
        x64_rr(x, 0x83, w, (int)n, d);
        x64_u8(x, (unsigned)imm);
    } else {
        x64_rr(x, 0x81, w, (int)n, d);
        x64_u32(x, (uint32_t)imm);
    }
}

void x64_alu_rr(X64 *x, unsigned n, unsigned w, int d, int s)
{
    x64_rr(x, n << 3 | 3, w, d, s);
}

void x64_alu_rm(X64 *x, unsigned n, unsigned w, int d, X64Mem m)
{
    x64_rm(x, n << 3 | 3, w, d, m);
}

void x64_alu_mem_imm8(X64 *x, unsigned n, X64Mem m, int imm)
{
    x64_rm(x, 0x80, 0, (int)n, m);
    x64_u8(x, (unsigned)imm);
}

void x64_shift_imm(X64 *x, unsigned n, unsigned w, int d, unsigned count)
{
    if (count == 1) {
        x64_rr(x, 0xd1, w, (int)n, d);
    } else {
        x64_rr(x, 0xc1, w, (int)n, d);
        x64_u8(x, count);
    }
}

void x64_shift_cl(X64 *x, unsigned n, unsigned w, int d)
{
    x64_rr(x, 0xd3, w, (int)n, d);
}

void x64_mov_mem_imm(X64 *x, unsigned w, X64Mem m, int32_t imm)
{
    x64_rm(x, w == 1 ? 0xc6 : 0xc7, w, 0, m);
    if (w == 1) {
        x64_u8(x, (unsigned)imm);
    } else if (w == 2) {
        x64_u8(x, (unsigned)imm);
        x64_u8(x, (unsigned)imm >> 8);
    } else {
        x64_u32(x, (uint32_t)imm);
    }
}

void x64_vex(X64 *x, unsigned pp, unsigned map, unsigned op, unsigned w,
             int reg, int v, int rm)
{
    x64_u8(x, 0xc4);
    x64_u8(x, (~(unsigned)reg >> 3 & 1) << 7 | 1 << 6
                  | (~(unsigned)rm >> 3 & 1) << 5 | map);
    x64_u8(x, (w == 8) << 7 | (~(unsigned)v & 15) << 3 | pp);
    x64_u8(x, op);
    x64_u8(x, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x64_patch(uint8_t *at, const uint8_t *to)
{
    uint32_t rel = (uint32_t)(to - (at + 4));

    memcpy(at, &rel, 4);
}

static uint8_t *x64_rel(X64 *x, const uint8_t *to)
{
    uint8_t *at = x->p;

    x->p += 4;
    x64_patch(at, to);
    return at;
}

uint8_t *x64_jcc(X64 *x, unsigned cc, const uint8_t *to)
{
    x64_u8(x, 0x0f);
    x64_u8(x, 0x80 | cc);
    return x64_rel(x, to);
}

uint8_t *x64_jmp(X64 *x, const uint8_t *to)
{
    x64_u8(x, 0xe9);
    return x64_rel(x, to);
}

uint8_t *x64_call(X64 *x, const uint8_t *to)
{
    x64_u8(x, 0xe8);
    return x64_rel(x, to);
}

void x64_call_far(X64 *x, const void *fn)
{
    x64_imm(x, X64_RAX, (uint64_t)(uintptr_t)fn);
    x64_rr(x, 0xff, 0, 2, X64_RAX);
}

/* Does the system save the YMM registers? */
static bool x64_ymm(unsigned leaf1_ecx)
{
    unsigned lo, hi;

    if ((leaf1_ecx >> 27 & 3) != 3) { /* OSXSAVE, AVX */
        return false;
    }
    __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & 6) == 6;
}

void x64_host(X64Host *h)
{
    unsigned a, b, c, d;
    bool ymm = false;

    memset(h, 0, sizeof(*h));
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        h->sse3 = c & 1;
        h->pclmul = c >> 1 & 1;
        h->ssse3 = c >> 9 & 1;
        h->sse41 = c >> 19 & 1;
        h->sse42 = c >> 20 & 1;
        h->popcnt = c >> 23 & 1;
        h->aes = c >> 25 & 1;
        ymm = x64_ymm(c);
        h->fma = ymm && (c >> 12 & 1);
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        h->bmi1 = b >> 3 & 1;
        h->bmi2 = b >> 8 & 1;
        h->avx2 = ymm && (b >> 5 & 1);
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        h->lzcnt = c >> 5 & 1;
    }
}

#endif
