/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors and segment registers: SDM 3A chapters 3 and 5. */
#include "cpu/x86/sys_priv.h"

#define DESC_ACCESSED 0x01
#define DESC_BUSY 0x02

void x86_desc_decode(X86Desc *d, uint16_t sel, uint64_t raw)
{
    uint32_t limit = (raw & 0xffff) | ((raw >> 32) & 0xf0000);

    d->sel = sel;
    d->lo = (uint32_t)raw;
    d->hi = raw >> 32;
    d->attr = (d->hi >> 8) & 0xf0ff;
    d->limit = d->attr & X86_ATTR_G ? (limit << 12) | 0xfff : limit;
    d->base = (d->lo >> 16) | ((d->hi & 0xff) << 16) | (d->hi & 0xff000000);
}

X86DescRead x86_desc_read(X86Cpu *c, uint16_t sel, X86Desc *d)
{
    const X86Table *t = sel & 4 ? &c->ldt : &c->gdt;
    uint32_t off = sel & ~7u;
    uint64_t raw, high = 0;

    *d = (X86Desc){.sel = sel};
    if ((sel & 4) && !(c->ldt.attr & X86_ATTR_P)) {
        return X86_DESC_OUTSIDE;
    }
    if (off + 7 > t->limit) {
        return X86_DESC_OUTSIDE;
    }
    d->at = t->base + off;
    if (!x86_long(c)) {
        d->at = (uint32_t)d->at;
    }
    if (!vcpu_load(&c->v, d->at, 8, X86_MMU_KERNEL, &raw)) {
        return X86_DESC_FAULT;
    }
    x86_desc_decode(d, sel, raw);
    /* In long mode system descriptors have 16 bytes, SDM 3A 3.5.2. */
    if (x86_long(c) && X86_IS_SYS(d)) {
        if (off + 15 > t->limit) {
            return X86_DESC_OUTSIDE;
        }
        if (!vcpu_load(&c->v, d->at + 8, 8, X86_MMU_KERNEL, &high)) {
            return X86_DESC_FAULT;
        }
        d->high = high;
        d->base |= high << 32;
    }
    return X86_DESC_OK;
}

bool x86_desc_get(X86Cpu *c, uint16_t sel, unsigned vector, unsigned ext,
                  X86Desc *d)
{
    switch (x86_desc_read(c, sel, d)) {
    case X86_DESC_OK:
        return true;
    case X86_DESC_OUTSIDE:
        x86_raise_error(c, vector, (sel & ~3u) | ext);
        return false;
    case X86_DESC_FAULT:
        break;
    }
    return false;
}

bool x86_desc_touch(X86Cpu *c, X86Desc *d)
{
    if (d->attr & DESC_ACCESSED) {
        return true;
    }
    d->attr |= DESC_ACCESSED;
    d->hi |= DESC_ACCESSED << 8;
    return vcpu_store(&c->v, d->at + 5, 1, X86_MMU_KERNEL, d->attr & 0xff);
}

bool x86_desc_set_busy(X86Cpu *c, const X86Desc *d, bool busy)
{
    uint8_t access = (d->attr & 0xff & ~DESC_BUSY) | (busy ? DESC_BUSY : 0);

    return vcpu_store(&c->v, d->at + 5, 1, X86_MMU_KERNEL, access);
}

void x86_seg_from(X86Cpu *c, unsigned seg, uint16_t sel, const X86Desc *d)
{
    x86_set_seg(c, seg, sel, d->base, d->limit, d->attr);
}

/* SS of 64-bit code may be null; its DPL still tells CPL. */
void x86_seg_null(X86Cpu *c, unsigned seg, uint16_t sel, unsigned cpl)
{
    x86_set_seg(c, seg, sel, 0, 0, seg == X86_SS ? cpl << 5 : 0);
}

/* SDM 3B 21.1.1: real mode changes the base and leaves the limit. */
void x86_seg_real(X86Cpu *c, unsigned seg, uint16_t sel, bool vm86)
{
    if (vm86) {
        x86_set_seg(c, seg, sel, (uint32_t)sel << 4, 0xffff, 0xf3);
    } else {
        X86Seg *s = &c->seg[seg];

        x86_set_seg(c, seg, sel, (uint32_t)sel << 4, s->limit,
                    0x93 | (s->attr & (X86_ATTR_D | X86_ATTR_G)));
    }
}

/* A new SS for privilege @cpl: SDM 2B MOV. */
bool x86_stack_segment(X86Cpu *c, uint16_t ss, unsigned cpl, unsigned vector,
                       unsigned ext, X86Desc *d)
{
    if (!(ss & ~3u)) {
        x86_raise_error(c, vector, ext);
        return false;
    }
    if (!x86_desc_get(c, ss, vector, ext, d)) {
        return false;
    }
    if ((ss & 3u) != cpl || !X86_IS_WDATA(d) || X86_DPL(d) != cpl) {
        x86_raise_error(c, vector, (ss & ~3u) | ext);
        return false;
    }
    if (!X86_PRESENT(d)) {
        x86_raise_error(c, X86_SSX, (ss & ~3u) | ext);
        return false;
    }
    return x86_desc_touch(c, d);
}

static bool load_stack_seg(X86Cpu *c, uint16_t sel, unsigned cpl,
                           unsigned vector)
{
    X86Desc d;

    if (!(sel & ~3u) && x86_code64(c) && cpl != 3 && (sel & 3u) == cpl) {
        x86_seg_null(c, X86_SS, sel, cpl);
        return true;
    }
    if (!x86_stack_segment(c, sel, cpl, vector, 0, &d)) {
        return false;
    }
    x86_seg_from(c, X86_SS, sel, &d);
    return true;
}

static bool load_data_seg(X86Cpu *c, unsigned seg, uint16_t sel, unsigned cpl,
                          unsigned vector)
{
    unsigned rpl = sel & 3u;
    X86Desc d;
    bool readable;

    if (!(sel & ~3u)) {
        x86_seg_null(c, seg, sel, cpl);
        return true;
    }
    if (!x86_desc_get(c, sel, vector, 0, &d)) {
        return false;
    }
    readable = !X86_IS_SYS(&d) && (!X86_IS_CODE(&d) || (d.attr & 2));
    if (!readable
        || (!(X86_IS_CODE(&d) && X86_IS_CONFORMING(&d))
            && (rpl > X86_DPL(&d) || cpl > X86_DPL(&d)))) {
        x86_raise_error(c, vector, sel & ~3u);
        return false;
    }
    if (!X86_PRESENT(&d)) {
        x86_raise_error(c, X86_NP, sel & ~3u);
        return false;
    }
    if (!x86_desc_touch(c, &d)) {
        return false;
    }
    x86_seg_from(c, seg, sel, &d);
    return true;
}

bool x86_load_seg(X86Cpu *c, unsigned seg, uint16_t sel, unsigned cpl,
                  unsigned vector)
{
    bool ok = true;

    if (!x86_protected(c)) {
        x86_seg_real(c, seg, sel, c->v.mode & X86_MODE_VM86);
    } else if (seg == X86_SS) {
        ok = load_stack_seg(c, sel, cpl, vector);
    } else {
        ok = load_data_seg(c, seg, sel, cpl, vector);
    }
    if (ok) {
        x86_update_mode(c);
    }
    return ok;
}

uint64_t x86_h_load_seg(Vcpu *v, uint64_t seg, uint64_t sel, uint64_t shadow,
                        uint64_t unused)
{
    X86Cpu *c = x86_of(v);

    if (seg == X86_CS || seg >= X86_SEG_COUNT) {
        x86_raise(c, X86_UD);
        return 0;
    }
    if (x86_load_seg(c, seg, sel, x86_cpl(c), X86_GP) && shadow) {
        c->inhibit = c->inhibit_debug = true; /* SDM 3A 6.8.3 */
        v->leave = true;
    }
    return 0;
}

/* On a return outwards, SDM 2A IRET, RET. */
void x86_segs_outward(X86Cpu *c, unsigned cpl)
{
    static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};

    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        unsigned n = data[i];
        const X86Seg *s = &c->seg[n];
        bool conforming = (s->attr & (X86_ATTR_S | 0xc)) == (X86_ATTR_S | 0xc);

        /* A null selector has attr 0 already; its base (FS, GS in 64-bit
         * mode) stays. */
        if ((s->attr & X86_ATTR_P) && !conforming
            && X86_ATTR_DPL(s->attr) < cpl) {
            x86_seg_null(c, n, 0, cpl);
        }
    }
}

/* --- checks of data accesses ------------------------------------------------ */

static bool seg_limit_ok(const X86Seg *s, uint64_t off, unsigned size,
                         bool protected)
{
    uint64_t last = off + size - 1;

    if (protected && (s->attr & (X86_ATTR_S | 0xc)) == (X86_ATTR_S | 4)) {
        uint32_t top = s->attr & X86_ATTR_D ? UINT32_MAX : UINT16_MAX;

        return off > s->limit && last <= top;
    }
    return last <= s->limit;
}

static bool seg_type_ok(const X86Seg *s, bool write)
{
    bool code = s->attr & 8;

    if (!(s->attr & X86_ATTR_P) || !(s->attr & X86_ATTR_S)) {
        return false;
    }
    if (write) {
        return !code && (s->attr & 2);
    }
    return !code || (s->attr & 2);
}

bool x86_seg_linear(X86Cpu *c, unsigned seg, uint64_t off, unsigned size,
                    bool write, uint64_t *linear)
{
    const X86Seg *s = &c->seg[seg];
    bool protected = x86_protected(c), good;

    if (x86_code64(c)) {
        bool based = seg == X86_FS || seg == X86_GS;

        *linear = off + (based ? c->seg_base[seg] : 0);
        good = x86_canonical(*linear) && x86_canonical(*linear + size - 1);
    } else {
        off = (uint32_t)off;
        *linear = (uint32_t)(c->seg_base[seg] + off);
        good = (!protected || seg_type_ok(s, write))
               && seg_limit_ok(s, off, size, protected);
    }
    if (!good) {
        x86_raise_error(c, seg == X86_SS ? X86_SSX : X86_GP, 0);
    }
    return good;
}

/* SDM 3A 5.3: the bytes of an instruction are inside of CS too. */
uint64_t x86_h_fetch_limit(Vcpu *v, uint64_t pc, uint64_t len, uint64_t u1,
                           uint64_t u2)
{
    X86Cpu *c = x86_of(v);
    uint32_t first = (uint32_t)(pc - c->seg_base[X86_CS]);

    if ((uint64_t)first + len - 1 > c->seg[X86_CS].limit) {
        x86_raise_error(c, X86_GP, 0);
    }
    return 0;
}

uint64_t x86_h_seg_linear(Vcpu *v, uint64_t seg, uint64_t off, uint64_t size,
                          uint64_t write)
{
    uint64_t linear = 0;

    x86_seg_linear(x86_of(v), seg, off, size, write, &linear);
    return linear;
}

/* --- lar, lsl, verr, verw ---------------------------------------------------- */

#define SEEN (1ull << 32)

/* Which system descriptors LAR and LSL show: SDM 2A tables 3-51 and 3-56. */
static bool seen_system(const X86Cpu *c, unsigned type, bool lsl)
{
    switch (type) {
    case X86_SYS_LDT:
    case X86_SYS_TSS32:
    case X86_SYS_TSS32_BUSY:
        return true;
    case X86_SYS_TSS16:
    case X86_SYS_TSS16_BUSY:
        return !x86_long(c);
    case X86_SYS_CALL32:
        return !lsl;
    case X86_SYS_CALL16:
    case X86_SYS_TASK:
        return !lsl && !x86_long(c);
    default:
        return false;
    }
}

/* False: not to be seen, or a fault was raised. */
static bool seen_read(X86Cpu *c, uint16_t sel, X86Desc *d)
{
    if (!x86_protected(c)) {
        x86_raise(c, X86_UD);
        return false;
    }
    return (sel & ~3u) && x86_desc_read(c, sel, d) == X86_DESC_OK;
}

static bool seen_privilege(const X86Cpu *c, const X86Desc *d)
{
    if (X86_IS_CODE(d) && X86_IS_CONFORMING(d)) {
        return true;
    }
    return x86_cpl(c) <= X86_DPL(d) && (d->sel & 3u) <= X86_DPL(d);
}

static bool seen(X86Cpu *c, uint16_t sel, bool lsl, X86Desc *d)
{
    return seen_read(c, sel, d) && seen_privilege(c, d)
           && (!X86_IS_SYS(d) || seen_system(c, X86_TYPE(d), lsl));
}

uint64_t x86_h_lar(Vcpu *v, uint64_t sel, uint64_t u1, uint64_t u2, uint64_t u3)
{
    X86Desc d;

    return seen(x86_of(v), sel, false, &d) ? (d.hi & 0x00ffff00) | SEEN : 0;
}

uint64_t x86_h_lsl(Vcpu *v, uint64_t sel, uint64_t u1, uint64_t u2, uint64_t u3)
{
    X86Desc d;

    return seen(x86_of(v), sel, true, &d) ? d.limit | SEEN : 0;
}

uint64_t x86_h_verr(Vcpu *v, uint64_t sel, uint64_t write, uint64_t u1,
                    uint64_t u2)
{
    X86Cpu *c = x86_of(v);
    X86Desc d;

    if (!seen_read(c, sel, &d) || X86_IS_SYS(&d) || !seen_privilege(c, &d)) {
        return 0;
    }
    return write ? X86_IS_WDATA(&d) : !X86_IS_CODE(&d) || (d.attr & 2) != 0;
}
