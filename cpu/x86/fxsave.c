/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images of the floating point state in memory: FXSAVE (SDM volume 1, 10.5.1),
 * the x87 environment (8.1.10), MXCSR; and the byte-masked store.
 */
#include "cpu/x86/fpu_priv.h"

enum {
    FX_ST = 32,
    FX_XMM = 160,
    FX_SIZE = 512,
    X87_REGS = 80,
};

/* --- MXCSR ---------------------------------------------------------------------- */

uint64_t x86_h_ldmxcsr(Vcpu *v, uint64_t value, uint64_t b, uint64_t c,
                       uint64_t e)
{
    if (value & ~(uint64_t)X86_MXCSR_MASK) {
        x86_raise_error(x86_of(v), X86_GP, 0);
        return 0;
    }
    x86_of(v)->mxcsr = (uint32_t)value;
    x86_update_mode(x86_of(v));
    return 0;
}

uint64_t x86_h_stmxcsr(Vcpu *v, uint64_t a, uint64_t b, uint64_t c, uint64_t e)
{
    return x86_of(v)->mxcsr;
}

uint64_t x86_h_mask_store(Vcpu *v, uint64_t linear, uint64_t low, uint64_t high,
                          uint64_t how)
{
    unsigned mmu = (unsigned)(how >> 16), mask = how & 0xffff;
    uint8_t bytes[16];
    unsigned i, end;

    st_le64(bytes, low);
    st_le64(bytes + 8, high);
    if (mask == 0) {
        return 0; /* no access, no fault */
    }
    i = (unsigned)__builtin_ctz(mask);
    end = 32 - (unsigned)__builtin_clz(mask);
    if (!vcpu_probe(v, linear + i, end - i, mmu, ACCESS_WRITE)) {
        return 0;
    }
    for (; i < end; i++) {
        if (mask >> i & 1) {
            vcpu_store(v, linear + i, 1, mmu, bytes[i]);
        }
    }
    return 0;
}

/* --- FXSAVE, FXRSTOR --------------------------------------------------------------- */

static bool fx_aligned(X86Cpu *c, uint64_t linear)
{
    if (linear & 15) {
        x86_raise_error(c, X86_GP, 0);
        return false;
    }
    return true;
}

void x86_fx_put_x87(const X86Cpu *c, uint8_t *p, unsigned code)
{
    st_le16(p, c->fcw);
    st_le16(p + 2, x87_get_fsw(c));
    p[4] = c->ftag;
    st_le16(p + 6, c->fop);
    if (code & X86_FX_REXW) {
        st_le64(p + 8, c->fip);
        st_le64(p + 16, c->fdp);
    } else {
        st_le32(p + 8, (uint32_t)c->fip);
        st_le16(p + 12, c->fcs);
        st_le32(p + 16, (uint32_t)c->fdp);
        st_le16(p + 20, c->fds);
    }
    for (unsigned i = 0; i < 8; i++) {
        F80 st = x87_get(c, (unsigned)c->ftop + i);
        st_le64(p + FX_ST + 16 * i, st.mant);
        st_le16(p + FX_ST + 16 * i + 8, st.se);
    }
}

void x86_fx_get_x87(X86Cpu *c, const uint8_t *p, unsigned code)
{
    x87_set_fcw(c, ld_le16(p));
    x87_set_fsw(c, ld_le16(p + 2));
    c->ftag = p[4];
    c->fop = ld_le16(p + 6) & 0x7ff;
    if (code & X86_FX_REXW) {
        c->fip = ld_le64(p + 8);
        c->fdp = ld_le64(p + 16);
        c->fcs = c->fds = 0;
    } else {
        c->fip = ld_le32(p + 8);
        c->fcs = ld_le16(p + 12);
        c->fdp = ld_le32(p + 16);
        c->fds = ld_le16(p + 20);
    }
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *q = p + FX_ST + 16 * i;
        x87_put(c, (unsigned)c->ftop + i, (F80){ld_le64(q), ld_le16(q + 8)});
    }
}

/* Bytes that the instruction touches; the rest of the 512 stays as it is. */
static unsigned fx_used(unsigned code)
{
    return FX_XMM + 16 * (code & X86_FX_CODE64 ? 16 : 8);
}

uint64_t x86_h_fxsave(Vcpu *v, uint64_t linear, uint64_t code, uint64_t mmu,
                      uint64_t e)
{
    uint8_t p[FX_SIZE] = {0};
    X86Cpu *c = x86_of(v);
    unsigned used = fx_used((unsigned)code);

    if (!fx_aligned(c, linear)) {
        return 0;
    }
    x86_fx_put_x87(c, p, (unsigned)code);
    st_le32(p + 24, c->mxcsr);
    st_le32(p + 28, X86_MXCSR_MASK);
    for (unsigned i = 0; FX_XMM + 16 * i < used; i++) {
        st_le64(p + FX_XMM + 16 * i, c->xmm[i].u64[0]);
        st_le64(p + FX_XMM + 16 * i + 8, c->xmm[i].u64[1]);
    }
    vcpu_store_bytes(v, linear, p, used, (unsigned)mmu);
    return 0;
}

uint64_t x86_h_fxrstor(Vcpu *v, uint64_t linear, uint64_t code, uint64_t mmu,
                       uint64_t e)
{
    uint8_t p[FX_SIZE];
    X86Cpu *c = x86_of(v);
    unsigned used = fx_used((unsigned)code);

    if (!fx_aligned(c, linear)
        || !vcpu_load_bytes(v, linear, p, used, (unsigned)mmu)) {
        return 0;
    }
    if (ld_le32(p + 24) & ~X86_MXCSR_MASK) {
        x86_raise_error(c, X86_GP, 0);
        return 0;
    }
    x86_fx_get_x87(c, p, (unsigned)code);
    c->mxcsr = ld_le32(p + 24);
    for (unsigned i = 0; FX_XMM + 16 * i < used; i++) {
        c->xmm[i].u64[0] = ld_le64(p + FX_XMM + 16 * i);
        c->xmm[i].u64[1] = ld_le64(p + FX_XMM + 16 * i + 8);
    }
    x86_update_mode(c);
    return 0;
}

/* --- the x87 environment ---------------------------------------------------------- */

/* Two bits a register: 0 valid, 1 zero, 2 special, 3 empty. */
uint16_t x87_tag_word(const X86Cpu *c)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned class = f80_class(x87_get(c, i));
        unsigned tag = class == F80_IS_NORMAL ? 0
                       : class == F80_IS_ZERO ? 1
                                              : 2;
        tags |= (uint16_t)((c->ftag >> i & 1 ? tag : 3) << 2 * i);
    }
    return tags;
}

void x87_set_tag_word(X86Cpu *c, uint16_t tags)
{
    c->ftag = 0;
    for (unsigned i = 0; i < 8; i++) {
        if ((tags >> 2 * i & 3) != 3) {
            c->ftag |= (uint8_t)(1u << i);
        }
    }
}

static unsigned x87_env_size(unsigned code)
{
    return code & X87_E_WIDE ? 28 : 14;
}

/* SDM vol 1 figures 8-9 to 8-12, as seven fields */
static void x87_put_env(const X86Cpu *c, uint8_t *p, unsigned code)
{
    bool wide = code & X87_E_WIDE, prot = code & X87_E_PROT;
    uint32_t ip = (uint32_t)c->fip, dp = (uint32_t)c->fdp;
    uint32_t field[7] = {0xffff0000u | c->fcw, 0xffff0000u | x87_get_fsw(c),
                         0xffff0000u | x87_tag_word(c)};

    if (prot) {
        field[3] = ip;
        field[4] = c->fcs | (uint32_t)c->fop << 16;
        field[5] = dp;
        field[6] = 0xffff0000u | c->fds;
    } else {
        ip += (uint32_t)c->fcs << 4;
        dp += (uint32_t)c->fds << 4;
        field[3] = 0xffff0000u | (ip & 0xffff);
        field[4] = (ip >> 16) << 12 | c->fop;
        field[5] = 0xffff0000u | (dp & 0xffff);
        field[6] = (dp >> 16) << 12;
    }
    for (unsigned i = 0; i < 7; i++) {
        if (wide) {
            st_le32(p + 4 * i, field[i]);
        } else {
            st_le16(p + 2 * i, (uint16_t)field[i]);
        }
    }
}

static void x87_get_env(X86Cpu *c, const uint8_t *p, unsigned code)
{
    bool wide = code & X87_E_WIDE, prot = code & X87_E_PROT;
    uint32_t field[7];

    for (unsigned i = 0; i < 7; i++) {
        field[i] = wide ? ld_le32(p + 4 * i) : ld_le16(p + 2 * i);
    }
    x87_set_fcw(c, (uint16_t)field[0]);
    x87_set_fsw(c, (uint16_t)field[1]);
    x87_set_tag_word(c, (uint16_t)field[2]);
    if (prot) {
        c->fip = field[3];
        c->fcs = (uint16_t)field[4];
        c->fop = wide ? field[4] >> 16 & 0x7ff : 0;
        c->fdp = field[5];
        c->fds = (uint16_t)field[6];
    } else {
        c->fip = (field[3] & 0xffff) | field[4] >> 12 << 16;
        c->fop = field[4] & 0x7ff;
        c->fdp = (field[5] & 0xffff) | field[6] >> 12 << 16;
        c->fcs = c->fds = 0;
    }
}

/* FNSTENV masks all exceptions afterwards, FNSAVE initialises. */
uint64_t x86_h_x87_stenv(Vcpu *v, uint64_t linear, uint64_t code, uint64_t mmu,
                         uint64_t e)
{
    unsigned env = x87_env_size((unsigned)code), size = env;
    X86Cpu *c = x86_of(v);
    uint8_t p[28 + X87_REGS];

    x87_put_env(c, p, (unsigned)code);
    if (code & X87_E_SAVE) {
        for (unsigned i = 0; i < 8; i++) {
            F80 st = x87_get(c, (unsigned)c->ftop + i);
            st_le64(p + env + 10 * i, st.mant);
            st_le16(p + env + 10 * i + 8, st.se);
        }
        size += X87_REGS;
    }
    if (!vcpu_store_bytes(v, linear, p, size, (unsigned)mmu)) {
        return 0;
    }
    if (code & X87_E_SAVE) {
        x87_init(c);
    } else {
        x87_set_fcw(c, c->fcw | X87_EXC);
    }
    return 0;
}

uint64_t x86_h_x87_ldenv(Vcpu *v, uint64_t linear, uint64_t code, uint64_t mmu,
                         uint64_t e)
{
    unsigned env = x87_env_size((unsigned)code), size = env;
    X86Cpu *c = x86_of(v);
    uint8_t p[28 + X87_REGS];

    if (code & X87_E_SAVE) {
        size += X87_REGS;
    }
    if (x87_pending(c) || !vcpu_load_bytes(v, linear, p, size, (unsigned)mmu)) {
        return 0;
    }
    x87_get_env(c, p, (unsigned)code);
    if (code & X87_E_SAVE) {
        for (unsigned i = 0; i < 8; i++) {
            const uint8_t *q = p + env + 10 * i;
            x87_put(c, (unsigned)c->ftop + i,
                    (F80){ld_le64(q), ld_le16(q + 8)});
        }
    }
    return 0;
}
