/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit tests, bit scans, BMI, ADX, movbe, crc32, flag instructions.
 * Source: SDM volume 2. */
#include "cpu/x86/trans_priv.h"

#define X86_7B_BMI1 (1u << 3)
#define X86_7B_BMI2 (1u << 8)
#define X86_7B_ADX (1u << 19)

enum {
    X86_BIT_TEST = 4,
    X86_BIT_SET,
    X86_BIT_RESET,
    X86_BIT_FLIP
};

/* Bit @at of @v; gives the new value. ZF stays; the others, undefined, too. */
static IrRef x86_bit_op(X86Insn *x, unsigned op, IrRef v, IrRef at)
{
    IrBuilder *b = x->b;
    unsigned w = x->width == 8 ? 8 : 4;
    IrRef one = ir_op2(b, IR_shl, w, IR_NONE, ir_const(b, 1), at);

    switch (op) {
    case X86_BIT_SET:
        return ir_op2(b, IR_or, w, IR_NONE, v, one);
    case X86_BIT_RESET:
        return ir_op2(b, IR_andn, w, IR_NONE, v, one);
    default:
        return ir_op2(b, IR_xor, w, IR_NONE, v, one);
    }
}

static void x86_bit_finish(X86Insn *x, unsigned op, IrRef v, IrRef at)
{
    IrBuilder *b = x->b;
    unsigned w = x->width == 8 ? 8 : 4;
    IrRef cf =
        ir_op2i(b, IR_and, 4, IR_NONE, ir_op2(b, IR_shr, w, IR_NONE, v, at), 1);

    if (op != X86_BIT_TEST) {
        x86_rmw_store(x, x->width, x86_bit_op(x, op, v, at));
    }
    x86_set_cf(x, cf);
}

/* A register offset reaches beyond a memory operand, both ways. */
static IrAddr x86_bit_string(X86Insn *x, IrRef at, bool write)
{
    IrBuilder *b = x->b;
    unsigned w = x->asize == 8 ? 8 : 4;
    unsigned log2 = x86_log2_size(x->width);
    IrRef unit =
        ir_op2i(b, IR_sar, 8, IR_NONE, x86_ext_s(x, at, x->width), log2 + 3);
    IrRef bytes = ir_op2i(b, IR_shl, 8, IR_NONE, unit, log2);
    IrRef off = ir_op2(b, IR_add, w, IR_NONE, x86_ea_offset(x), bytes);

    return x86_seg_addr(x, x->ea_seg, off, x->asize, x->width, write);
}

bool x86_trans_bt(X86Insn *x)
{
    unsigned op = (x->op >> 3) & 7;
    IrRef at = x86_reg(x, x->reg, x->width);
    bool write = op != X86_BIT_TEST;
    IrRef v;

    if (x->is_mem) {
        x->rmw = x86_bit_string(x, at, write);
        v = x86_ld(x, x->rmw, x->width, write ? IR_MEM_INTENT : 0);
    } else {
        v = x86_reg(x, x->rm, x->width);
    }
    at = ir_op2i(x->b, IR_and, 4, IR_NONE, at, 8 * x->width - 1);
    x86_bit_finish(x, op, v, at);
    return true;
}

bool x86_trans_bt_imm(X86Insn *x)
{
    unsigned op = x->reg & 7;
    bool write = op != X86_BIT_TEST;

    if (op < X86_BIT_TEST || (x->lock && !write)) {
        return false;
    }
    IrRef v = write ? x86_rmw_load(x, x->width) : x86_load_rm(x, x->width);
    x86_bit_finish(x, op, v, ir_const(x->b, x->imm & (8 * x->width - 1)));
    return true;
}

/* --- scans and counts ------------------------------------------------------ */

static IrRef x86_is_zero(X86Insn *x, IrRef v)
{
    return ir_setc(x->b, 8, IR_NONE, IR_EQ, v, ir_const(x->b, 0));
}

/* CF and ZF set, the others clear. */
static void x86_flags_cz(X86Insn *x, IrRef cf, IrRef zf)
{
    IrRef f = ir_op2i(x->b, IR_shl, 4, IR_NONE, zf, 6);

    if (cf != IR_NONE) {
        f = ir_op2(x->b, IR_or, 4, IR_NONE, f, cf);
    }
    x86_set_flags_raw(x, f);
}

static IrRef x86_leading(X86Insn *x, IrRef v)
{
    IrBuilder *b = x->b;

    if (x->width == 8) {
        return ir_op1(b, IR_clz, 8, IR_NONE, v);
    }
    return ir_op2i(b, IR_sub, 4, IR_NONE, ir_op1(b, IR_clz, 4, IR_NONE, v),
                   32 - 8 * x->width);
}

static IrRef x86_trailing(X86Insn *x, IrRef v)
{
    IrBuilder *b = x->b;

    if (x->width == 2) {
        v = ir_op2i(b, IR_or, 4, IR_NONE, v, 0x10000);
    }
    return ir_op1(b, IR_ctz, x->width == 8 ? 8 : 4, IR_NONE, v);
}

/* tzcnt, lzcnt: CF = source is 0, ZF = result is 0. */
static void x86_count(X86Insn *x, bool leading)
{
    IrRef v = x86_load_rm_u(x, x->width);
    IrRef n = leading ? x86_leading(x, v) : x86_trailing(x, v);

    if (IR_IS_GLOBAL(v)) {
        v = ir_mov(x->b, IR_NONE, v);
    }
    x86_set_reg(x, x->reg, x->width, n);
    x86_flags_cz(x, x86_is_zero(x, v), x86_is_zero(x, n));
}

/* bsf, bsr: a source of 0 leaves the whole register alone; the undefined flags
 * are those of a test of the source. */
static void x86_scan(X86Insn *x, bool reverse)
{
    IrBuilder *b = x->b;
    IrRef v = x86_load_rm_u(x, x->width);
    IrRef n = x86_trailing(x, v);

    if (reverse) {
        n = ir_op2i(b, IR_xor, 4, IR_NONE, x86_leading(x, v), 8 * x->width - 1);
    }
    if (x->width == 2) {
        n = ir_deposit(b, 8, IR_NONE, IR_G(x->reg), n, 0, 16);
    }
    n = ir_select(b, 8, IR_NONE, IR_EQ, v, ir_const(b, 0), IR_G(x->reg), n);
    x86_set_flags(x, X86_FL_LOGIC, x->width, v, IR_NONE);
    x86_set_reg(x, x->reg, 8, n);
}

bool x86_trans_bitscan(X86Insn *x)
{
    bool reverse = x->op & 1;
    bool counts = reverse
                      ? x86_offers(x, X86_FEAT_80000001_ECX, 1u << 5) /* ABM */
                      : x86_offers(x, X86_FEAT_7_EBX, X86_7B_BMI1);

    if (x->rep == 0xf3 && counts) {
        x86_count(x, reverse);
    } else {
        x86_scan(x, reverse);
    }
    return true;
}

bool x86_trans_popcnt(X86Insn *x)
{
    if (x->rep != 0xf3 || !x86_offers(x, X86_FEAT_1_ECX, 1u << 23)) {
        return false;
    }
    IrRef v = x86_load_rm_u(x, x->width);
    IrRef n = ir_op1(x->b, IR_popcnt, 8, IR_NONE, v);
    x86_set_reg(x, x->reg, x->width, n);
    x86_flags_cz(x, IR_NONE, x86_is_zero(x, n));
    return true;
}

/* --- movbe, crc32 ---------------------------------------------------------- */

static IrRef x86_reverse(X86Insn *x, IrRef v)
{
    IrBuilder *b = x->b;

    if (x->width == 2) {
        v = ir_op1(b, IR_bswap, 4, IR_NONE, v);
        return ir_op2i(b, IR_shr, 4, IR_NONE, v, 16);
    }
    return ir_op1(b, IR_bswap, x->width, IR_NONE, v);
}

static bool x86_crc32(X86Insn *x)
{
    unsigned size = x->op & 1 ? x->osize : 1;

    if (!x86_offers(x, X86_FEAT_1_ECX, 1u << 20)) {
        return false;
    }
    IrRef v = x86_load_rm_u(x, size);
    IrRef crc = x86_reg_u(x, x->reg, 4);
    x86_set_reg(x, x->reg, 4,
                ir_call(x->b, X86_H_crc32, IR_NONE, crc, v,
                        ir_const(x->b, size), IR_NONE));
    return true;
}

bool x86_trans_movbe_crc32(X86Insn *x)
{
    if (x->rep == 0xf2) {
        return x86_crc32(x);
    }
    if (x->rep || !x->is_mem || !x86_offers(x, X86_FEAT_1_ECX, 1u << 22)) {
        return false;
    }
    if (x->op & 1) {
        IrRef v = x86_reverse(x, x86_reg(x, x->reg, x->width));

        x86_store_rm(x, x->width, v);
    } else {
        x86_set_reg(x, x->reg, x->width,
                    x86_reverse(x, x86_load_rm(x, x->width)));
    }
    return true;
}

/* --- BMI, ADX -------------------------------------------------------------- */

bool x86_bmi_legal(const X86Insn *x, uint32_t bit)
{
    return x->vex && x->vex_l == 0 && x86_offers(x, X86_FEAT_7_EBX, bit);
}

static void x86_zero_out(X86Insn *x, unsigned n, IrRef r, IrRef cf)
{
    /* SF and ZF from the result, CF as told, OF = AF = 0 (AF, PF undefined) */
    x86_set_reg(x, n, x->width, r);
    x86_set_flags(x, X86_FL_SHIFT, x->width, r, cf);
}

/* blsr, blsmsk, blsi: group 17 */
static bool x86_bls(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned w = x->width, n = x->reg & 7;

    if (!x86_bmi_legal(x, X86_7B_BMI1) || x->pp || n < 1 || n > 3) {
        return false;
    }
    IrRef v = x86_load_rm_u(x, w);
    IrRef cf = x86_is_zero(x, v);
    IrRef r;
    if (n == 3) {
        r = ir_op2(b, IR_and, w, IR_NONE, v, ir_op1(b, IR_neg, w, IR_NONE, v));
        cf = ir_op2i(b, IR_xor, 4, IR_NONE, cf, 1);
    } else {
        IrRef less = ir_op2i(b, IR_sub, w, IR_NONE, v, 1);

        r = ir_op2(b, n == 1 ? IR_and : IR_xor, w, IR_NONE, v, less);
    }
    x86_zero_out(x, x->vex_v, r, cf);
    return true;
}

static bool x86_andn(X86Insn *x)
{
    if (!x86_bmi_legal(x, X86_7B_BMI1) || x->pp) {
        return false;
    }
    IrRef v = x86_load_rm(x, x->width);
    IrRef r = ir_op2(x->b, IR_andn, x->width, IR_NONE, v, IR_G(x->vex_v));
    x86_set_reg(x, x->reg, x->width, r);
    x86_set_flags(x, X86_FL_LOGIC, x->width, r, IR_NONE);
    return true;
}

/* bzhi, pext, pdep: F5 */
static bool x86_bmi_f5(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned w = x->width;

    if (!x86_bmi_legal(x, X86_7B_BMI2) || x->pp == 1) {
        return false;
    }
    IrRef v = x86_load_rm_u(x, w);
    IrRef other = x86_reg_u(x, x->vex_v, w);
    if (x->pp) {
        unsigned h = x->pp == 2 ? X86_H_pext : X86_H_pdep;

        x86_set_reg(x, x->reg, w,
                    ir_call(b, h, IR_NONE, other, v, IR_NONE, IR_NONE));
        return true;
    }
    IrRef n = ir_op1(b, IR_ext8u, 4, IR_NONE, other);
    IrRef size = ir_const(b, 8 * w);
    IrRef mask = ir_op2(b, IR_shl, w, IR_NONE, ir_const(b, ~0ull), n);
    IrRef cut = ir_op2(b, IR_andn, w, IR_NONE, v, mask);
    IrRef r = ir_select(b, 4, IR_NONE, IR_LTU, n, size, cut, v);
    x86_zero_out(x, x->reg, r, ir_setc(b, 4, IR_NONE, IR_GEU, n, size));
    return true;
}

/* bextr and the shifts without flags: F7 */
static bool x86_bmi_f7(X86Insn *x)
{
    static const IrOpcode op[4] = {IR_nop, IR_shl, IR_sar, IR_shr};
    IrBuilder *b = x->b;
    unsigned w = x->width;

    if (!x86_bmi_legal(x, x->pp ? X86_7B_BMI2 : X86_7B_BMI1)) {
        return false;
    }
    IrRef v = x86_load_rm_u(x, w);
    if (x->pp) {
        x86_set_reg(x, x->reg, w,
                    ir_op2(b, op[x->pp], w, IR_NONE, v, IR_G(x->vex_v)));
        return true;
    }
    IrRef r =
        ir_call(b, X86_H_bextr, IR_NONE, v, IR_G(x->vex_v), IR_NONE, IR_NONE);
    x86_set_reg(x, x->reg, w, r);
    x86_flags_cz(x, IR_NONE, x86_is_zero(x, r));
    return true;
}

bool x86_trans_bmi(X86Insn *x)
{
    switch (x->op) {
    case 0xf2:
        return x86_andn(x);
    case 0xf3:
        return x86_bls(x);
    case 0xf5:
        return x86_bmi_f5(x);
    default:
        return x86_bmi_f7(x);
    }
}

static bool x86_mulx(X86Insn *x)
{
    IrBuilder *b = x->b;

    if (x->pp != 3 || !x86_bmi_legal(x, X86_7B_BMI2)) {
        return false;
    }
    IrRef v = x86_load_rm_u(x, x->width);
    IrRef d = x86_reg_u(x, X86_RDX, x->width);
    IrRef lo = ir_op2(b, IR_mul, 8, IR_NONE, v, d);
    IrRef hi = x->width == 8 ? ir_op2(b, IR_mulhu, 8, IR_NONE, v, d)
                             : ir_op2i(b, IR_shr, 8, IR_NONE, lo, 32);
    x86_set_reg(x, x->vex_v, x->width, lo);
    x86_set_reg(x, x->reg, x->width, hi);
    return true;
}

/* adcx works on CF alone, adox on OF. */
static bool x86_adx(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned w = x->width;
    unsigned bit = x->pp == 1 ? 0 : 11;

    if ((x->pp != 1 && x->pp != 2)
        || !x86_offers(x, X86_FEAT_7_EBX, X86_7B_ADX)) {
        return false;
    }
    IrRef v = x86_load_rm_u(x, w);
    IrRef a = x86_reg_u(x, x->reg, w);
    IrRef f = x86_get_flags(x);
    IrRef s = ir_op2(b, IR_add, w, IR_NONE, a, v);
    IrRef r =
        ir_op2(b, IR_add, w, IR_NONE, s, ir_extract(b, 4, IR_NONE, f, bit, 1));
    IrRef c = ir_op2(b, IR_or, 4, IR_NONE, ir_setc(b, w, IR_NONE, IR_LTU, s, v),
                     ir_setc(b, w, IR_NONE, IR_LTU, r, s));
    x86_set_flags_raw(x, ir_deposit(b, 4, IR_NONE, f, c, bit, 1));
    x86_set_reg(x, x->reg, w, r);
    return true;
}

bool x86_trans_adx_mulx(X86Insn *x)
{
    return x->vex ? x86_mulx(x) : x86_adx(x);
}

/* --- flag instructions ----------------------------------------------------- */

bool x86_trans_carry(X86Insn *x)
{
    IrBuilder *b = x->b;

    if (x->op == 0xf5) {
        x86_set_cf(x, ir_op2i(b, IR_xor, 4, IR_NONE, x86_get_cf(x), 1));
    } else {
        x86_set_cf(x, ir_const(b, x->op & 1));
    }
    return true;
}

bool x86_trans_cld_std(X86Insn *x)
{
    IrBuilder *b = x->b;
    uint32_t off = offsetof(X86Cpu, eflags);
    IrRef f = ir_ldenv(b, IR_NONE, off, 8, false);

    if (x->op & 1) {
        f = ir_op2i(b, IR_or, 8, IR_NONE, f, X86_DF);
    } else {
        f = ir_op2i(b, IR_and, 8, IR_NONE, f, ~(uint64_t)X86_DF);
    }
    ir_stenv(b, off, 8, f);
    return true;
}

bool x86_trans_sahf_lahf(X86Insn *x)
{
    IrBuilder *b = x->b;
    uint32_t low = X86_SF | X86_ZF | X86_AF | X86_PF | X86_CF;

    if (x->code64 && !x86_offers(x, X86_FEAT_80000001_ECX, 1u << 0)) {
        return false;
    }
    IrRef f = x86_get_flags(x);
    IrRef rax = IR_G(X86_RAX);
    if (x->op & 1) {
        IrRef ah = ir_op2i(b, IR_or, 4, IR_NONE, f, 2);

        x86_dest(x, X86_RAX);
        ir_deposit(b, 8, rax, rax, ah, 8, 8);
        return true;
    }
    IrRef ah = ir_extract(b, 4, IR_NONE, rax, 8, 8);
    x86_set_flags_raw(x, ir_op2(b, IR_or, 4, IR_NONE,
                                ir_op2i(b, IR_and, 4, IR_NONE, f, X86_OF),
                                ir_op2i(b, IR_and, 4, IR_NONE, ah, low)));
    return true;
}
