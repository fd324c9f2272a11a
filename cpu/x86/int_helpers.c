/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bodies of helpers_int.def but for flags and strings. */
#include "cpu/x86/trans_priv.h"

#include "core/entropy.h"

/* --- rotates through carry ------------------------------------------------- */

typedef struct X86Rotc {
    uint64_t v;
    bool cf;
} X86Rotc;

static X86Rotc x86_rotc(uint64_t v, unsigned count, bool cf, unsigned how)
{
    unsigned bits = 8 * (how & 0xff);
    uint64_t mask = ~0ull >> (64 - bits);

    v &= mask;
    for (unsigned i = count % (bits + 1); i > 0; i--) {
        bool out;

        if (how & 0x100) {
            out = v & 1;
            v = v >> 1 | (uint64_t)cf << (bits - 1);
        } else {
            out = v >> (bits - 1) & 1;
            v = (v << 1 | cf) & mask;
        }
        cf = out;
    }
    return (X86Rotc){v, cf};
}

uint64_t x86_h_rotc(Vcpu *v, uint64_t value, uint64_t count, uint64_t flags,
                    uint64_t how)
{
    return x86_rotc(value, count, flags & X86_CF, how).v;
}

/* OF, defined for a count of 1, follows its formula for all others. */
uint64_t x86_h_rotc_flags(Vcpu *v, uint64_t value, uint64_t count,
                          uint64_t flags, uint64_t how)
{
    X86Rotc r = x86_rotc(value, count, flags & X86_CF, how);
    unsigned top = 8 * (how & 0xff) - 1;
    bool sign = r.v >> top & 1;
    bool of = how & 0x100 ? sign != (r.v >> (top - 1) & 1) : sign != r.cf;

    if (count == 0) {
        return flags;
    }
    flags &= ~(uint64_t)(X86_CF | X86_OF);
    return flags | (r.cf ? X86_CF : 0) | (of ? X86_OF : 0);
}

/* --- decimal, SDM 2A AAA AAD AAM AAS DAA DAS ------------------------------- */

static uint64_t x86_bcd_pack(uint16_t ax, uint32_t cf_af)
{
    uint32_t f = x86_flags(X86_FL_LOGIC, ax & 0xff, 0) | cf_af;

    return ax | (uint64_t)f << 16;
}

static uint64_t x86_aaa(uint16_t ax, uint32_t flags, bool sub)
{
    bool adjust = (ax & 15) > 9 || (flags & X86_AF);

    if (adjust) {
        ax = sub ? ax - 0x106 : ax + 0x106;
    }
    return x86_bcd_pack(ax & 0xff0f, adjust ? X86_CF | X86_AF : 0);
}

static uint64_t x86_daa(uint16_t ax, uint32_t flags, bool sub)
{
    uint8_t al = ax, old = ax;
    uint32_t f = 0;
    int sign = sub ? -1 : 1;

    if ((al & 15) > 9 || (flags & X86_AF)) {
        f |= X86_AF;
        if ((flags & X86_CF) || (sub && al < 6)) {
            f |= X86_CF;
        }
        al += 6 * sign;
    }
    if (old > 0x99 || (flags & X86_CF)) {
        al += 0x60 * sign;
        f |= X86_CF;
    }
    return x86_bcd_pack((ax & 0xff00) | al, f);
}

uint64_t x86_h_bcd(Vcpu *v, uint64_t op, uint64_t ax, uint64_t c, uint64_t e)
{
    uint8_t al = ax, ah = ax >> 8;

    switch (op) {
    case 0x27:
    case 0x2f:
        return x86_daa(ax, c, op == 0x2f);
    case 0x37:
    case 0x3f:
        return x86_aaa(ax, c, op == 0x3f);
    case 0xd4: /* aam: the base is not 0 */
        return x86_bcd_pack((al / c) << 8 | al % c, 0);
    default:
        return x86_bcd_pack((uint8_t)(al + ah * c), 0);
    }
}

/* --- bits ------------------------------------------------------------------ */

/* CRC-32C, reflected polynomial */
uint64_t x86_h_crc32(Vcpu *v, uint64_t crc, uint64_t data, uint64_t size,
                     uint64_t e)
{
    for (unsigned i = 0; i < 8 * size; i++) {
        bool out = (crc ^ data) & 1;

        crc = crc >> 1 ^ (out ? 0x82f63b78u : 0);
        data >>= 1;
    }
    return crc;
}

uint64_t x86_h_pdep(Vcpu *v, uint64_t from, uint64_t mask, uint64_t c,
                    uint64_t e)
{
    uint64_t out = 0;

    for (; mask; mask &= mask - 1, from >>= 1) {
        out |= from & 1 ? mask & -mask : 0;
    }
    return out;
}

uint64_t x86_h_pext(Vcpu *v, uint64_t from, uint64_t mask, uint64_t c,
                    uint64_t e)
{
    uint64_t out = 0;

    for (unsigned i = 0; mask; mask &= mask - 1, i++) {
        out |= from & mask & -mask ? 1ull << i : 0;
    }
    return out;
}

uint64_t x86_h_bextr(Vcpu *v, uint64_t value, uint64_t control, uint64_t c,
                     uint64_t e)
{
    unsigned start = control & 0xff, len = control >> 8 & 0xff;

    value = start < 64 ? value >> start : 0;
    return len < 64 ? value & ((1ull << len) - 1) : value;
}

/* --- division -------------------------------------------------------------- */

static uint64_t x86_de(Vcpu *v)
{
    x86_raise(x86_of(v), X86_DE);
    return 0;
}

/* Byte operands: the dividend is all in @lo (AX). */
uint64_t x86_h_div_u(Vcpu *v, uint64_t lo, uint64_t hi, uint64_t d,
                     uint64_t size)
{
    if (d == 0 || (size > 1 && hi >= d)) {
        return x86_de(v);
    }
    if (size == 8) {
        return ((unsigned __int128)hi << 64 | lo) / d;
    }
    uint64_t n = size == 1 ? lo : hi << (8 * size) | lo;
    uint64_t q = n / d;
    return size == 1 && q > 0xff ? x86_de(v) : q;
}

uint64_t x86_h_div_s(Vcpu *v, uint64_t lo, uint64_t hi, uint64_t d,
                     uint64_t size)
{
    unsigned bits = size == 1 ? 16 : 16 * size;
    unsigned __int128 raw = lo;
    __int128 q;

    if (size > 1) {
        raw |= (unsigned __int128)hi << (8 * size);
    }
    __int128 n = (__int128)(raw << (128 - bits)) >> (128 - bits);
    int64_t sd = d;
    if (sd == 0 || (sd == -1 && raw == (unsigned __int128)1 << 127)) {
        return x86_de(v);
    }
    if (size < 8 && !(sd == -1 && (int64_t)n == INT64_MIN)) {
        q = (int64_t)n / sd; /* all fits in 64 bits: quick */
    } else {
        q = n / sd;
    }
    __int128 edge = (__int128)1 << (8 * size - 1);
    return q < -edge || q >= edge ? x86_de(v) : (uint64_t)q;
}

uint64_t x86_h_bound(Vcpu *v, uint64_t index, uint64_t lo, uint64_t hi,
                     uint64_t e)
{
    if ((int64_t)index < (int64_t)lo || (int64_t)index > (int64_t)hi) {
        x86_raise(x86_of(v), X86_BR);
    }
    return 0;
}

uint64_t x86_h_check_ip(Vcpu *v, uint64_t ip, uint64_t b, uint64_t c,
                        uint64_t e)
{
    X86Cpu *cpu = x86_of(v);

    if (ip > cpu->seg[X86_CS].limit) {
        x86_raise_error(cpu, X86_GP, 0);
    }
    return 0;
}

/* --- stack frames ---------------------------------------------------------- */

static uint64_t x86_cut(uint64_t v, unsigned size)
{
    return size == 8 ? v : v & ((1ull << (8 * size)) - 1);
}

static void x86_gpr_write(X86Cpu *c, unsigned n, unsigned size, uint64_t v)
{
    uint64_t keep = size <= 2 ? ~0ull << (8 * size) : 0;

    c->gpr[n] = (c->gpr[n] & keep) | x86_cut(v, size);
}

/* Linear address of SS:@off for @size bytes; false: raised. */
static bool x86_stack_linear(X86Cpu *c, uint64_t off, unsigned size, bool write,
                             uint64_t *linear)
{
    if (c->v.mode & X86_MODE_CODE64) {
        *linear = off;
        return true;
    }
    return x86_seg_linear(c, X86_SS, off, size, write, linear);
}

/* @values at SS:@off upwards, each checked before the first is written. */
static bool x86_frame_store(X86Cpu *c, uint64_t off, unsigned ptr,
                            const uint64_t *values, unsigned n, unsigned size)
{
    unsigned mmu = x86_data_mmu(c);
    uint64_t at[40];

    for (unsigned i = 0; i < n; i++) {
        uint64_t o = x86_cut(off + i * size, ptr);

        if (!x86_stack_linear(c, o, size, true, &at[i])
            || !vcpu_probe(&c->v, at[i], size, mmu, ACCESS_WRITE)) {
            return false;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (!vcpu_store(&c->v, at[i], size, mmu, values[i])) {
            return false;
        }
    }
    return true;
}

static bool x86_frame_load(X86Cpu *c, uint64_t off, unsigned ptr,
                           uint64_t *values, unsigned n, unsigned size)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t o = x86_cut(off + i * size, ptr);
        uint64_t at;

        if (!x86_stack_linear(c, o, size, false, &at)
            || !vcpu_load(&c->v, at, size, x86_data_mmu(c), &values[i])) {
            return false;
        }
    }
    return true;
}

uint64_t x86_h_pusha(Vcpu *v, uint64_t size, uint64_t ptr, uint64_t c,
                     uint64_t e)
{
    X86Cpu *cpu = x86_of(v);
    uint64_t sp = cpu->gpr[X86_RSP] - 8 * size;
    uint64_t values[8];

    for (unsigned i = 0; i < 8; i++) {
        values[i] = x86_cut(cpu->gpr[7 - i], size);
    }
    if (x86_frame_store(cpu, sp, ptr, values, 8, size)) {
        x86_gpr_write(cpu, X86_RSP, ptr, sp);
    }
    return 0;
}

uint64_t x86_h_popa(Vcpu *v, uint64_t size, uint64_t ptr, uint64_t c,
                    uint64_t e)
{
    X86Cpu *cpu = x86_of(v);
    uint64_t sp = cpu->gpr[X86_RSP];
    uint64_t values[8];

    if (!x86_frame_load(cpu, sp, ptr, values, 8, size)) {
        return 0;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (7 - i != X86_RSP) {
            x86_gpr_write(cpu, 7 - i, size, values[i]);
        }
    }
    x86_gpr_write(cpu, X86_RSP, ptr, sp + 8 * size);
    return 0;
}

/* SDM 2A ENTER: old rBP, then level - 1 frame pointers, then the new one. */
uint64_t x86_h_enter(Vcpu *v, uint64_t size, uint64_t ptr, uint64_t reserve,
                     uint64_t level)
{
    X86Cpu *cpu = x86_of(v);
    uint64_t bp = cpu->gpr[X86_RBP];
    uint64_t frame = cpu->gpr[X86_RSP] - size;
    uint64_t values[33]; /* lowest address first */
    unsigned n = level + 1, links = level > 1 ? level - 1 : 0;
    uint64_t sp = frame - level * size;

    values[n - 1] = x86_cut(bp, size);
    if (level) {
        values[0] = x86_cut(frame, size);
    }
    if (!x86_frame_load(cpu, bp - links * size, ptr, values + 1, links, size)
        || !x86_frame_store(cpu, sp, ptr, values, n, size)) {
        return 0;
    }
    x86_gpr_write(cpu, X86_RSP, ptr, sp - reserve);
    x86_gpr_write(cpu, X86_RBP, size, frame);
    return 0;
}

/* --- others ---------------------------------------------------------------- */

uint64_t x86_h_cmpxchg16b(Vcpu *v, uint64_t at, uint64_t b, uint64_t c,
                          uint64_t e)
{
    X86Cpu *cpu = x86_of(v);
    unsigned mmu = x86_data_mmu(cpu);
    uint64_t *g = cpu->gpr;
    uint64_t m[2], set[2];

    if (at & 15) {
        x86_raise_error(cpu, X86_GP, 0);
        return 0;
    }
    if (!vcpu_probe(v, at, 16, mmu, ACCESS_WRITE)
        || !vcpu_load_bytes(v, at, m, 16, mmu)) {
        return 0;
    }
    bool equal = m[0] == g[X86_RAX] && m[1] == g[X86_RDX];
    set[0] = equal ? g[X86_RBX] : m[0];
    set[1] = equal ? g[X86_RCX] : m[1];
    if (!vcpu_store_bytes(v, at, set, 16, mmu)) {
        return 0;
    }
    uint32_t f = x86_flags(cpu->fl_kind, cpu->fl_a, cpu->fl_b);
    cpu->fl_kind = X86_FL_FLAGS;
    cpu->fl_a = equal ? f | X86_ZF : f & ~X86_ZF;
    g[X86_RAX] = m[0];
    g[X86_RDX] = m[1];
    return 0;
}

uint64_t x86_h_random(Vcpu *v, uint64_t a, uint64_t b, uint64_t c, uint64_t e)
{
    uint64_t out;

    entropy_read(v->dev.vm, &out, sizeof(out));
    return out;
}
