/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arithmetic flags, computed when somebody asks. Source: SDM 1 3.4.3.1. */
#include "cpu/x86/trans_priv.h"

/* --- at run time ----------------------------------------------------------- */

typedef struct X86Lazy {
    uint64_t r, a, b; /* cut to the width */
    unsigned top;     /* number of the sign bit */
} X86Lazy;

static uint32_t x86_szp(const X86Lazy *l)
{
    uint32_t f = 0;

    f |= l->r == 0 ? X86_ZF : 0;
    f |= (l->r >> l->top) & 1 ? X86_SF : 0;
    f |= __builtin_popcount((uint8_t)l->r) & 1 ? 0 : X86_PF;
    return f;
}

static uint32_t x86_coa(bool cf, bool of, bool af)
{
    return (cf ? X86_CF : 0) | (of ? X86_OF : 0) | (af ? X86_AF : 0);
}

static uint32_t x86_flags_sum(X86Lazy *l, uint64_t mask, bool sub)
{
    uint64_t a = l->a;
    uint64_t b = l->b;
    bool cf, of;

    if (sub) {
        l->r = (a - b) & mask;
        cf = a < b;
        of = ((a ^ b) & (a ^ l->r)) >> l->top & 1;
    } else {
        l->r = (a + b) & mask;
        cf = l->r < a;
        of = ((a ^ l->r) & (b ^ l->r)) >> l->top & 1;
    }
    return x86_szp(l) | x86_coa(cf, of, ((a ^ b ^ l->r) >> 4) & 1);
}

uint32_t x86_flags(uint64_t kind, uint64_t a, uint64_t b)
{
    unsigned bits = 8u << (kind & 3);
    uint64_t mask = ~0ull >> (64 - bits);
    X86Lazy l = {a & mask, a & mask, b & mask, bits - 1};
    uint64_t smallest = 1ull << l.top;
    uint64_t r = l.r;

    switch (kind & ~3ull) {
    case X86_FL_ADD:
        return x86_flags_sum(&l, mask, false);
    case X86_FL_SUB:
        return x86_flags_sum(&l, mask, true);
    case X86_FL_LOGIC:
        return x86_szp(&l);
    case X86_FL_CV:
        return x86_szp(&l)
               | x86_coa(b >> l.top & 1, (b >> l.top ^ b >> (l.top - 1)) & 1,
                         b >> 3 & 1);
    case X86_FL_INC:
        return x86_szp(&l) | x86_coa(b & 1, r == smallest, (r & 15) == 0);
    case X86_FL_DEC:
        return x86_szp(&l) | x86_coa(b & 1, r == smallest - 1, (r & 15) == 15);
    case X86_FL_SHIFT:
        return x86_szp(&l) | (b & (X86_CF | X86_OF));
    case X86_FL_MUL:
        return x86_szp(&l) | x86_coa(b != 0, b != 0, false);
    default:
        return a & X86_ARITH;
    }
}

static bool x86_flags_cond(uint32_t f, unsigned cc)
{
    bool less = !(f & X86_SF) != !(f & X86_OF);
    bool holds;

    switch (cc >> 1) {
    case 0:
        holds = f & X86_OF;
        break;
    case 1:
        holds = f & X86_CF;
        break;
    case 2:
        holds = f & X86_ZF;
        break;
    case 3:
        holds = f & (X86_CF | X86_ZF);
        break;
    case 4:
        holds = f & X86_SF;
        break;
    case 5:
        holds = f & X86_PF;
        break;
    case 6:
        holds = less;
        break;
    default:
        holds = less || (f & X86_ZF);
        break;
    }
    return holds != (cc & 1);
}

uint64_t x86_h_flags(Vcpu *v, uint64_t kind, uint64_t a, uint64_t b, uint64_t e)
{
    return x86_flags(kind, a, b);
}

uint64_t x86_h_cond(Vcpu *v, uint64_t kind, uint64_t a, uint64_t b, uint64_t cc)
{
    return x86_flags_cond(x86_flags(kind, a, b), cc);
}

/* --- at translation time --------------------------------------------------- */

unsigned x86_log2_size(unsigned size)
{
    return __builtin_ctz(size);
}

void x86_writes_globals(X86Insn *x)
{
    *x->ft = (X86Trans){0};
}

static void x86_store_kind(X86Insn *x, unsigned kind)
{
    X86Trans *ft = x->ft;

    if (!ft->stored_known || ft->stored != kind) {
        ir_mov(x->b, IR_G(X86_G_FL_KIND), ir_const(x->b, kind));
    }
    ft->stored_known = true;
    ft->stored = kind;
}

void x86_set_flags(X86Insn *x, unsigned fl, unsigned size, IrRef a, IrRef b)
{
    X86Trans *ft = x->ft;
    unsigned kind = fl | x86_log2_size(size);

    if (b == IR_G(X86_G_FL_A)) {
        b = ir_mov(x->b, IR_NONE, b);
    }
    if (a != IR_G(X86_G_FL_A)) {
        ir_mov(x->b, IR_G(X86_G_FL_A), a);
    }
    if (b != IR_NONE && b != IR_G(X86_G_FL_B)) {
        ir_mov(x->b, IR_G(X86_G_FL_B), b);
    }
    x86_store_kind(x, kind);
    ft->known = true;
    ft->kind = kind;
    ft->a = a;
    ft->b = b == IR_NONE ? IR_G(X86_G_FL_B) : b;
    ft->res = fl == X86_FL_ADD || fl == X86_FL_SUB || fl == X86_FL_FLAGS
                  ? IR_NONE
                  : a;
    ft->cf = IR_NONE;
}

void x86_set_flags_raw(X86Insn *x, IrRef bits)
{
    x86_set_flags(x, X86_FL_FLAGS, 1, bits, IR_NONE);
}

void x86_flags_res(X86Insn *x, IrRef res)
{
    x->ft->res = res;
}

void x86_set_cf(X86Insn *x, IrRef cf)
{
    IrBuilder *b = x->b;
    IrRef rest =
        ir_op2i(b, IR_and, 4, IR_NONE, x86_get_flags(x), X86_ARITH & ~X86_CF);

    x86_set_flags_raw(x, ir_op2(b, IR_or, 4, IR_NONE, rest, cf));
    x->ft->cf = cf;
}

void x86_set_flags_if(X86Insn *x, X86Cond when, unsigned fl, unsigned size,
                      IrRef a, IrRef b)
{
    IrBuilder *ib = x->b;
    unsigned kind = fl | x86_log2_size(size);
    IrRef kg = IR_G(X86_G_FL_KIND);
    IrRef ag = IR_G(X86_G_FL_A);
    IrRef bg = IR_G(X86_G_FL_B);

    ir_select(ib, when.w, kg, when.cond, when.x, when.y, ir_const(ib, kind),
              kg);
    ir_select(ib, when.w, ag, when.cond, when.x, when.y, a, ag);
    if (b != IR_NONE) {
        ir_select(ib, when.w, bg, when.cond, when.x, when.y, b, bg);
    }
    x86_writes_globals(x);
}

IrRef x86_get_flags(X86Insn *x)
{
    X86Trans *ft = x->ft;

    if (!ft->known) {
        return ir_call(x->b, X86_H_flags, IR_NONE, IR_G(X86_G_FL_KIND),
                       IR_G(X86_G_FL_A), IR_G(X86_G_FL_B), IR_NONE);
    }
    if ((ft->kind & ~3) == X86_FL_FLAGS) {
        return ft->a;
    }
    return ir_call(x->b, X86_H_flags, IR_NONE, ir_const(x->b, ft->kind), ft->a,
                   ft->b, IR_NONE);
}

IrRef x86_get_cf(X86Insn *x)
{
    if (x->ft->cf == IR_NONE) {
        X86Cond c = x86_cond(x, 2);

        /* A temp only: registers it came from may change. */
        x->ft->cf = ir_setc(x->b, c.w, IR_NONE, c.cond, c.x, c.y);
    }
    return x->ft->cf;
}

/* Conditions on values, one function for each kind; false: ask the helper.
 * cc: o b z be s p l le, the even half. */
typedef struct X86Known {
    X86Insn *x;
    unsigned size, w;
    unsigned cc; /* even */
    X86Cond out;
} X86Known;

static bool x86_is_cond(X86Known *k, IrCond cond, unsigned w, IrRef a, IrRef b)
{
    k->out = (X86Cond){cond, w, a, b};
    return true;
}

static bool x86_cond_bits(X86Known *k, IrRef v, uint64_t mask)
{
    return x86_is_cond(k, IR_TSTNZ, 8, v, ir_const(k->x->b, mask));
}

static bool x86_cond_never(X86Known *k)
{
    IrRef zero = ir_const(k->x->b, 0);

    return x86_is_cond(k, IR_NE, 4, zero, zero);
}

static IrRef x86_cond_res(X86Known *k)
{
    X86Trans *ft = k->x->ft;

    if (ft->res == IR_NONE) {
        unsigned fl = ft->kind & ~3;
        bool sub = fl == X86_FL_SUB;

        if (!sub && fl != X86_FL_ADD) {
            return ft->a;
        }
        ft->res =
            ir_op2(k->x->b, sub ? IR_sub : IR_add, k->w, IR_NONE, ft->a, ft->b);
    }
    return ft->res;
}

/* z and s of any kind with a result */
static bool x86_cond_zs(X86Known *k)
{
    X86Insn *x = k->x;
    IrRef r = x86_cond_res(k);
    IrRef zero = ir_const(x->b, 0);

    if (k->cc == 4) {
        IrRef cut = k->size < 4 ? x86_ext_u(x, r, k->size) : r;

        return x86_is_cond(k, IR_EQ, k->w, cut, zero);
    }
    if (k->size < 4) {
        return x86_cond_bits(k, r, 1ull << (8 * k->size - 1));
    }
    return x86_is_cond(k, IR_LTS, k->w, r, zero);
}

static bool x86_cond_order(X86Known *k, IrCond cond, bool is_signed)
{
    X86Insn *x = k->x;
    IrRef a = x->ft->a;
    IrRef b = x->ft->b;

    if (k->size < 4) {
        a = is_signed ? x86_ext_s(x, a, k->size) : x86_ext_u(x, a, k->size);
        b = is_signed ? x86_ext_s(x, b, k->size) : x86_ext_u(x, b, k->size);
    }
    return x86_is_cond(k, cond, k->w, a, b);
}

static bool x86_cond_sub(X86Known *k)
{
    switch (k->cc) {
    case 2:
        return x86_cond_order(k, IR_LTU, false);
    case 4:
        return x86_cond_order(k, IR_EQ, false);
    case 6:
        return x86_cond_order(k, IR_LEU, false);
    case 8:
        return x86_cond_zs(k);
    case 12:
        return x86_cond_order(k, IR_LTS, true);
    case 14:
        return x86_cond_order(k, IR_LES, true);
    default:
        return false;
    }
}

static bool x86_cond_add(X86Known *k)
{
    X86Insn *x = k->x;
    IrRef r;

    switch (k->cc) {
    case 2:
        r = x86_cond_res(k);
        if (k->size < 4) {
            return x86_is_cond(k, IR_LTU, k->w, x86_ext_u(x, r, k->size),
                               x86_ext_u(x, x->ft->a, k->size));
        }
        return x86_is_cond(k, IR_LTU, k->w, r, x->ft->a);
    case 4:
    case 8:
        return x86_cond_zs(k);
    default:
        return false;
    }
}

static bool x86_cond_logic(X86Known *k)
{
    switch (k->cc) {
    case 0:
    case 2:
        return x86_cond_never(k);
    case 4:
    case 8:
        return x86_cond_zs(k);
    case 6:
        k->cc = 4;
        return x86_cond_zs(k);
    case 12:
        k->cc = 8;
        return x86_cond_zs(k);
    case 14: {
        IrRef r = x86_cond_res(k);

        r = k->size < 4 ? x86_ext_s(k->x, r, k->size) : r;
        return x86_is_cond(k, IR_LES, k->w, r, ir_const(k->x->b, 0));
    }
    default:
        return false;
    }
}

/* Signed order of the number before the step of one, which cannot overflow:
 * after dec, "less" means the old number was below 1; after inc, below -1. */
static bool x86_cond_step(X86Known *k, bool dec)
{
    X86Insn *x = k->x;
    IrBuilder *b = x->b;
    uint64_t edge;

    switch (k->cc) {
    case 2:
        return x86_cond_bits(k, x->ft->b, 1);
    case 4:
    case 8:
        return x86_cond_zs(k);
    case 12:
    case 14: {
        IrRef old =
            ir_op2i(b, IR_add, 8, IR_NONE, x86_cond_res(k), dec ? 1 : ~0ull);

        old = x86_ext_s(x, old, k->size);
        edge = dec ? 1 : ~0ull;
        return x86_is_cond(k, k->cc == 12 ? IR_LTS : IR_LES, 8, old,
                           ir_const(b, edge));
    }
    default:
        return false;
    }
}

static bool x86_cond_flags(X86Known *k)
{
    static const uint16_t bits[6] = {
        X86_OF, X86_CF, X86_ZF, X86_CF | X86_ZF, X86_SF, X86_PF,
    };
    IrBuilder *b = k->x->b;
    IrRef f = k->x->ft->a;

    if (k->cc < 12) {
        return x86_cond_bits(k, f, bits[k->cc / 2]);
    }
    /* OF (bit 11) brought to SF (bit 7) */
    IrRef of = ir_op2i(b, IR_shr, 4, IR_NONE, f, 4);
    IrRef less = ir_op2i(b, IR_and, 4, IR_NONE,
                         ir_op2(b, IR_xor, 4, IR_NONE, of, f), X86_SF);
    if (k->cc == 12) {
        return x86_cond_bits(k, less, X86_SF);
    }
    IrRef zero = ir_op2i(b, IR_and, 4, IR_NONE, f, X86_ZF);
    return x86_cond_bits(k, ir_op2(b, IR_or, 4, IR_NONE, less, zero),
                         X86_SF | X86_ZF);
}

static bool x86_cond_known(X86Known *k)
{
    X86Trans *ft = k->x->ft;
    unsigned top = 8 * k->size - 1;

    switch (ft->kind & ~3) {
    case X86_FL_FLAGS:
        return x86_cond_flags(k);
    case X86_FL_ADD:
        return x86_cond_add(k);
    case X86_FL_SUB:
        return x86_cond_sub(k);
    case X86_FL_LOGIC:
        return x86_cond_logic(k);
    case X86_FL_INC:
        return x86_cond_step(k, false);
    case X86_FL_DEC:
        return x86_cond_step(k, true);
    case X86_FL_CV:
        if (k->cc == 2) {
            return x86_cond_bits(k, ft->b, 1ull << top);
        }
        break;
    case X86_FL_SHIFT:
        if (k->cc == 0 || k->cc == 2) {
            return x86_cond_bits(k, ft->b, k->cc ? X86_CF : X86_OF);
        }
        break;
    case X86_FL_MUL:
        if (k->cc == 0 || k->cc == 2) {
            return x86_is_cond(k, IR_NE, 8, ft->b, ir_const(k->x->b, 0));
        }
        break;
    }
    return (k->cc == 4 || k->cc == 8) && x86_cond_zs(k);
}

X86Cond x86_cond(X86Insn *x, unsigned cc)
{
    X86Trans *ft = x->ft;
    IrBuilder *b = x->b;
    unsigned size = 1u << (ft->kind & 3);
    X86Known k = {x, size, size == 8 ? 8 : 4, cc & 14};
    IrRef zero = ir_const(b, 0);

    if (ft->cf != IR_NONE && k.cc == 2) {
        k.out = (X86Cond){IR_NE, 4, ft->cf, zero};
    } else if (!ft->known || !x86_cond_known(&k)) {
        IrRef kind = ft->known ? ir_const(b, ft->kind) : IR_G(X86_G_FL_KIND);
        IrRef fa = ft->known ? ft->a : IR_G(X86_G_FL_A);
        IrRef fb = ft->known ? ft->b : IR_G(X86_G_FL_B);
        IrRef r =
            ir_call(b, X86_H_cond, IR_NONE, kind, fa, fb, ir_const(b, k.cc));

        k.out = (X86Cond){IR_NE, 4, r, zero};
    }
    k.out.cond ^= cc & 1;
    return k.out;
}
