/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VEX-coded vector instructions: AVX, AVX2, FMA, F16C. Rows: vex_rows.def;
 * source: SDM volume 2 and 2A 2.3. Every one writes all 256 bits of its
 * destination. A 256-bit operation is two of 128 bits, the upper half first:
 * it is the lower half that a source may share with the destination.
 */
#include "cpu/x86/fpu_priv.h"
#include "cpu/x86/trans_vex_priv.h"

#define VEX_FN(name) bool vex_fn_##name(X86Insn *x, const VexRow *row)

unsigned vex_halves(const X86Insn *x, const VexRow *row)
{
    return x->vex_l && !(row->flags & VX_LIG) ? 2 : 1;
}

void vex_zero(X86Insn *x, unsigned n)
{
    IrBuilder *b = x->b;

    if (!(x->ft->ymmh_zero >> n & 1)) {
        ir_vset(b, VEX_HALF(n, 1), ir_const(b, 0), ir_const(b, 0));
        x->ft->ymmh_zero |= (uint16_t)(1u << n);
    }
}

static void vex_dirty(X86Insn *x, unsigned n)
{
    x->ft->ymmh_zero &= (uint16_t) ~(1u << n);
}

void vex_set(X86Insn *x, unsigned n, IrRef lo, IrRef hi)
{
    ir_vmov(x->b, VEX_HALF(n, 0), lo);
    if (hi == IR_NONE) {
        vex_zero(x, n);
    } else {
        vex_dirty(x, n);
        ir_vmov(x->b, VEX_HALF(n, 1), hi);
    }
}

/* --- memory ---------------------------------------------------------------------- */

/* The upper half of an operand that must be aligned to 32 bytes: an address
 * whose bit 4 is set is made odd, which IR_MEM_ALIGNED refuses. Both halves
 * are in one page. */
static IrAddr vex_upper_aligned(X86Insn *x, IrRef linear)
{
    return (IrAddr){
        .base = linear,
        .index = ir_extract(x->b, 8, IR_NONE, linear, 4, 1),
        .mmu = x->mmu,
        .mem = x->code64 ? 0 : IR_MEM_ADDR32,
        .disp = 16,
    };
}

static void vex_load32(X86Insn *x, bool aligned, IrRef src[2])
{
    IrBuilder *b = x->b;
    IrAddr at;

    if (aligned) {
        IrRef linear = x86_ea_linear(x, 32, false);

        at = vex_upper_aligned(x, linear);
        src[1] = ir_ld(b, IR_NONE, at, 16, IR_MEM_ALIGNED);
        at.index = IR_NONE;
        at.disp = 0;
        src[0] = ir_ld(b, IR_NONE, at, 16, 0);
        return;
    }
    at = x86_ea(x, 32, false);
    src[0] = ir_ld(b, IR_NONE, at, 16, 0);
    at.disp += 16;
    src[1] = ir_ld(b, IR_NONE, at, 16, 0);
}

void vex_src(X86Insn *x, unsigned size, bool aligned, IrRef src[2])
{
    if (!x->is_mem) {
        src[0] = VEX_HALF(x->rm, 0);
        src[1] = VEX_HALF(x->rm, 1);
    } else if (size == 32) {
        vex_load32(x, aligned, src);
    } else {
        src[0] = sse_src(x, size, aligned);
        src[1] = IR_NONE;
    }
}

/* A store that cannot fault comes second. */
void vex_store(X86Insn *x, unsigned n, unsigned halves, bool aligned)
{
    IrBuilder *b = x->b;
    IrRef lo = VEX_HALF(n, 0), hi = VEX_HALF(n, 1);
    IrAddr at;

    if (halves == 1) {
        ir_st(b, x86_ea(x, 16, true), 16, aligned ? IR_MEM_ALIGNED : 0, lo);
        return;
    }
    if (aligned) {
        at = vex_upper_aligned(x, x86_ea_linear(x, 32, true));
        ir_st(b, at, 16, IR_MEM_ALIGNED, hi);
        at.index = IR_NONE;
        at.disp = 0;
        ir_st(b, at, 16, IR_MEM_NOFAULT, lo);
        return;
    }
    at = x86_ea(x, 32, true);
    ir_probe(b, at, 32);
    ir_st(b, at, 16, IR_MEM_NOFAULT, lo);
    at.disp += 16;
    ir_st(b, at, 16, IR_MEM_NOFAULT, hi);
}

/* --- the common shape: reg = helper(vvvv, rm) on each half ------------------------- */

static bool vex_unmasked(const X86Insn *x, const VexRow *row)
{
    return (row->flags & VX_FP) && (x->mode & X86_MODE_FP_UNMASKED);
}

static unsigned vex_op_imm(const X86Insn *x, const VexRow *row, unsigned half)
{
    return row->flags & VX_IMM ? vex_imm(x, row, half) : 0;
}

/* Exceptions of both halves are judged together. */
static void vex_apply_pair(X86Insn *x, const VexRow *row, const IrRef a[2],
                           const IrRef b[2])
{
    IrRef d[2];

    ir_call_void(x->b, X86_H_fp_pair, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    for (unsigned h = 0; h < 2; h++) {
        d[h] = ir_vcall(x->b, row->helper + 1u, IR_NONE, a[h], b[h],
                        vex_op_imm(x, row, h));
    }
    ir_call_void(x->b, X86_H_fp_pair_end, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    vex_set(x, x->reg, d[0], d[1]);
}

void vex_apply(X86Insn *x, const VexRow *row, unsigned halves, const IrRef a[2],
               const IrRef b[2])
{
    bool unmasked = vex_unmasked(x, row);
    unsigned helper = row->helper + unmasked;

    if (halves == 1) {
        ir_vcall(x->b, helper, VEX_HALF(x->reg, 0), a[0], b[0],
                 vex_op_imm(x, row, 0));
        vex_zero(x, x->reg);
    } else if (unmasked) {
        vex_apply_pair(x, row, a, b);
    } else {
        vex_dirty(x, x->reg);
        for (unsigned h = 2; h-- > 0;) {
            ir_vcall(x->b, helper, VEX_HALF(x->reg, h), a[h], b[h],
                     vex_op_imm(x, row, h));
        }
    }
}

static void vex_first(X86Insn *x, const VexRow *row, const IrRef src[2],
                      IrRef a[2])
{
    for (unsigned h = 0; h < 2; h++) {
        a[h] = row->flags & VX_V ? VEX_HALF(x->vex_v, h) : src[h];
    }
}

VEX_FN(op)
{
    unsigned halves = vex_halves(x, row);
    bool count = row->flags & VX_COUNT;
    IrRef src[2], a[2];

    vex_src(x, halves == 2 && !count ? 32 : row->mem, false, src);
    if (count) {
        src[1] = src[0];
    }
    vex_first(x, row, src, a);
    vex_apply(x, row, halves, a, src);
    return true;
}

/* What SSE does, with the upper half cleared by those that write reg. */
VEX_FN(sse)
{
    const SseRow sse = {
        .helper = row->helper,
        .mem = row->mem,
        .flags = (row->flags & VX_FP ? SSE_FP : 0)
                 | (x->op == 0x17 && x->map == 3 ? SSE_NOREXW : 0),
    };

    if (!row->sse(x, &sse)) {
        return false;
    }
    if (row->sse == sse_fn_movd_load || row->sse == sse_fn_movq_load) {
        vex_zero(x, x->reg);
    }
    return true;
}

/* --- conversions -------------------------------------------------------------------- */

/* row->mem bytes make 16: PMOVSX, CVTPS2PD, CVTDQ2PD, VCVTPH2PS */
VEX_FN(widen)
{
    unsigned halves = vex_halves(x, row);
    IrRef src[2];

    vex_src(x, row->mem * halves, false, src);
    if (halves == 2) {
        src[1] =
            ir_vcall(x->b, X86_H_psrli_dq, IR_NONE, src[0], src[0], row->mem);
    }
    vex_apply(x, row, halves, src, src);
    return true;
}

/* 16 bytes make 8: CVTPD2PS, CVTPD2DQ; the rest of the register is cleared */
static IrRef vex_narrow(X86Insn *x, const VexRow *row, const IrRef src[2],
                        unsigned halves, unsigned imm)
{
    bool pair = halves == 2 && vex_unmasked(x, row);
    unsigned helper = row->helper + vex_unmasked(x, row);
    IrRef r[2];

    if (pair) {
        ir_call_void(x->b, X86_H_fp_pair, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    }
    for (unsigned h = 0; h < halves; h++) {
        r[h] = ir_vcall(x->b, helper, IR_NONE, src[h], src[h], imm);
    }
    if (pair) {
        ir_call_void(x->b, X86_H_fp_pair_end, IR_NONE, IR_NONE, IR_NONE,
                     IR_NONE);
    }
    return halves == 1
               ? r[0]
               : ir_vcall(x->b, X86_H_punpckl_qdq, IR_NONE, r[0], r[1], 0);
}

VEX_FN(narrow)
{
    unsigned halves = vex_halves(x, row);
    IrRef src[2];

    vex_src(x, 16 * halves, false, src);
    vex_set(x, x->reg, vex_narrow(x, row, src, halves, 0), IR_NONE);
    return true;
}

/* The destination is the ModRM operand; memory gets 8 or 16 bytes. A page fault
 * comes before the flags, so the store is probed. */
VEX_FN(cvtps2ph)
{
    unsigned halves = vex_halves(x, row);
    const IrRef src[2] = {VEX_HALF(x->reg, 0), VEX_HALF(x->reg, 1)};
    IrAddr at = {0};
    IrRef r;

    if (x->is_mem) {
        at = x86_ea(x, 8 * halves, true);
        ir_probe(x->b, at, 8 * halves);
    }
    r = vex_narrow(x, row, src, halves, sse_imm(x));
    if (!x->is_mem) {
        vex_set(x, x->rm, r, IR_NONE);
    } else if (halves == 2) {
        ir_st(x->b, at, 16, IR_MEM_NOFAULT, r);
    } else {
        ir_st(x->b, at, 8, IR_MEM_NOFAULT, ir_vext(x->b, IR_NONE, r, 8, 0));
    }
    return true;
}

VEX_FN(cvt_from)
{
    static const uint16_t helpers[2][2] = {
        {X86_H_cvt_i32_ss, X86_H_cvt_i64_ss},
        {X86_H_cvt_i32_sd, X86_H_cvt_i64_sd},
    };
    unsigned helper = helpers[row->mem == 8][x->rex_w];
    IrRef v = x86_load_rm(x, x->rex_w ? 8 : 4);

    ir_ivcall(x->b, sse_fp_helper(x, helper), VEX_HALF(x->reg, 0),
              VEX_HALF(x->vex_v, 0), v, 0);
    vex_zero(x, x->reg);
    return true;
}

/* --- to general registers and flags --------------------------------------------------- */

/* row->mem is the number of bits of one half. */
VEX_FN(movmsk)
{
    IrBuilder *b = x->b;
    IrRef r[2] = {IR_NONE};
    unsigned halves = vex_halves(x, row);

    for (unsigned h = 0; h < halves; h++) {
        IrRef s = VEX_HALF(x->rm, h);

        r[h] = ir_vcall_i(b, row->helper, IR_NONE, s, s, 0);
    }
    if (halves == 2) {
        r[1] = ir_op2i(b, IR_shl, 4, IR_NONE, r[1], row->mem);
        r[0] = ir_op2(b, IR_or, 4, IR_NONE, r[0], r[1]);
    }
    x86_set_reg(x, x->reg, 4, r[0]);
    return true;
}

/* ZF and CF hold when they hold in both halves. */
VEX_FN(test)
{
    IrBuilder *b = x->b;
    IrRef r[2] = {IR_NONE}, src[2];
    unsigned halves = vex_halves(x, row);

    vex_src(x, 16 * halves, false, src);
    for (unsigned h = 0; h < halves; h++) {
        r[h] =
            ir_vcall_i(b, row->helper, IR_NONE, VEX_HALF(x->reg, h), src[h], 0);
    }
    if (halves == 2) {
        r[0] = ir_op2(b, IR_and, 4, IR_NONE, r[0], r[1]);
    }
    x86_set_flags_raw(x, r[0]);
    return true;
}

/* --- the rest --------------------------------------------------------------------------- */

/* 71, 72, 73: the operation is in ModRM.reg, the destination in vvvv. */
VEX_FN(shift_imm)
{
    VexRow r = {.helper = (uint16_t)sse_shift_helper(x), .flags = VX_IMM};
    IrRef src[2];

    if (!r.helper) {
        return false;
    }
    vex_src(x, 16, false, src);
    x->reg = x->vex_v;
    vex_apply(x, &r, vex_halves(x, row), src, src);
    return true;
}

/* Predicates beyond those of SSE have a helper of their own. */
VEX_FN(cmp)
{
    VexRow r = *row;

    if ((sse_imm(x) & 0x1f) > 7) {
        r.helper = row->helper == X86_H_fcmp_s    ? X86_H_vcmp_s
                   : row->helper == X86_H_fcmp_d  ? X86_H_vcmp_d
                   : row->helper == X86_H_fcmp_ss ? X86_H_vcmp_ss
                                                  : X86_H_vcmp_sd;
    }
    x->imm &= 0x1f;
    r.flags |= VX_IMM;
    return vex_fn_op(x, &r);
}

/* VBLENDVPS, VBLENDVPD, VPBLENDVB: the mask register is in imm 7:4. */
VEX_FN(blendv)
{
    unsigned halves = vex_halves(x, row), mask = sse_imm(x) >> 4;
    IrBuilder *b = x->b;
    IrRef src[2], d[2] = {IR_NONE, IR_NONE};

    if (!x->code64) {
        mask &= 7;
    }
    vex_src(x, 16 * halves, false, src);
    for (unsigned h = 0; h < halves; h++) {
        IrRef m = sse_lane_mask(x, VEX_HALF(mask, h), row->mem);
        IrRef yes = ir_vcall(b, X86_H_pand, IR_NONE, m, src[h], 0);
        IrRef no =
            ir_vcall(b, X86_H_pandn, IR_NONE, m, VEX_HALF(x->vex_v, h), 0);

        d[h] = ir_vcall(b, X86_H_por, IR_NONE, yes, no, 0);
    }
    vex_set(x, x->reg, d[0], d[1]);
    return true;
}

VEX_FN(pcmpstr)
{
    const SseRow sse = {.helper = row->helper, .mem = 16};

    sse_fn_pcmpstr(x, &sse);
    if (!(x->op & 1)) {
        vex_zero(x, 0); /* the mask is in xmm0 */
    }
    return true;
}

/* VZEROUPPER, VZEROALL */
VEX_FN(zero)
{
    IrBuilder *b = x->b;

    for (unsigned n = 0; n < (x->code64 ? 16u : 8u); n++) {
        if (x->vex_l) {
            ir_vset(b, VEX_HALF(n, 0), ir_const(b, 0), ir_const(b, 0));
        }
        vex_zero(x, n);
    }
    return true;
}

/* Low digit of the opcode: 6 FMADDSUB, 7 FMSUBADD, then in pairs packed and
 * scalar FMADD, FMSUB, FNMADD, FNMSUB. High digit: 132, 213, 231. */
static unsigned vex_fma_imm(const X86Insn *x)
{
    static const uint8_t negate[4] = {0, FP_FMA_NEG_ADDEND, FP_FMA_NEG_PRODUCT,
                                      FP_FMA_NEG_ADDEND | FP_FMA_NEG_PRODUCT};
    unsigned op = x->op & 15, order = (x->op >> 4) - 9u;

    if (op == 6) {
        return order | FP_FMA_NEG_ADDEND << 2 | X86_FMA_ALTERNATE;
    }
    if (op == 7) {
        return order | X86_FMA_ALTERNATE;
    }
    return order | (unsigned)negate[(op - 8) >> 1] << 2;
}

VEX_FN(fma)
{
    static const uint16_t helpers[2][2] = {
        {X86_H_ffma_s, X86_H_ffma_d},
        {X86_H_ffma_ss, X86_H_ffma_sd},
    };
    bool scalar = row->flags & VX_LIG, unmasked = vex_unmasked(x, row);
    unsigned halves = vex_halves(x, row), imm = vex_fma_imm(x);
    unsigned helper = helpers[scalar][x->vex_w] + unmasked;
    bool pair = unmasked && halves == 2;
    IrBuilder *b = x->b;
    IrRef src[2], d[2] = {IR_NONE, IR_NONE};

    vex_src(x, scalar ? (x->vex_w ? 8 : 4) : 16 * halves, false, src);
    if (!unmasked) {
        for (unsigned h = halves; h-- > 0;) {
            ir_vcall_d(b, helper, VEX_HALF(x->reg, h), VEX_HALF(x->vex_v, h),
                       src[h], imm);
        }
        if (halves == 1) {
            vex_zero(x, x->reg);
        } else {
            vex_dirty(x, x->reg);
        }
        return true;
    }
    if (pair) {
        ir_call_void(b, X86_H_fp_pair, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    }
    for (unsigned h = 0; h < halves; h++) {
        d[h] = ir_vcall(b, helper, IR_NONE, VEX_HALF(x->vex_v, h), src[h],
                        imm | (x->reg + 16 * h) << 8);
    }
    if (pair) {
        ir_call_void(b, X86_H_fp_pair_end, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    }
    vex_set(x, x->reg, d[0], d[1]);
    return true;
}

/* --- the table ------------------------------------------------------------------------ */

/* clang-format off */
enum { N, P, F3, F2 };
#define X86_H_NONE 0
static const VexRow vex_rows[4][4][256] = {
#define VEX_ROW(map, pp, op, f, s, h, m, fl, feat, sh) \
    [map][pp][op] = {.fn = vex_fn_##f, .sse = (s), .helper = X86_H_##h, \
                     .mem = (m), .flags = (fl), .feature = SSE_F_##feat, .shift = (sh)},
#define VEX(map, pp, op, f, h, m, fl, feat) \
    VEX_ROW(map, pp, op, f, NULL, h, m, fl, feat, 0)
#define VEX_I(map, pp, op, f, h, m, fl, feat, sh) \
    VEX_ROW(map, pp, op, f, NULL, h, m, fl, feat, sh)
#define VEX_S(map, pp, op, f, h, m, fl, feat) \
    VEX_ROW(map, pp, op, sse, sse_fn_##f, h, m, fl, feat, 0)
#include "cpu/x86/vex_rows.def"
};
/* clang-format on */

static bool vex_offered(const X86Insn *x, const VexRow *row)
{
    if (!sse_offers(x, SSE_F_AVX) || !sse_offers(x, row->feature)) {
        return false;
    }
    if (!x->vex_l) {
        return true;
    }
    if (row->flags & VX_HIGH) {
        return sse_offers(x, row->feature == SSE_F_AES ? SSE_F_VAES
                                                       : SSE_F_VPCLMUL);
    }
    return !(row->flags & VX_INT) || sse_offers(x, SSE_F_AVX2);
}

/* SDM 2A 2.3.6, 2.4: L, W, vvvv and the operand's kind */
static bool vex_legal(const X86Insn *x, const VexRow *row)
{
    unsigned f = row->flags;

    if (!row->fn || !vex_offered(x, row)) {
        return false;
    }
    if ((x->vex_l && (f & VX_L0)) || (!x->vex_l && (f & VX_L1))) {
        return false;
    }
    if ((x->vex_w && (f & VX_W0)) || (!x->vex_w && (f & VX_W1))) {
        return false;
    }
    if (!(f & VX_V) && x->vex_vraw) {
        return false;
    }
    return !(f & (x->is_mem ? VX_REG : VX_MEM));
}

/* VLDMXCSR, VSTMXCSR */
static bool vex_mxcsr(X86Insn *x)
{
    unsigned n = x->reg & 7;

    return sse_offers(x, SSE_F_AVX) && x->is_mem && !x->pp && !x->vex_l
           && !x->vex_vraw && (n == 2 || n == 3);
}

bool x86_trans_vex(X86Insn *x)
{
    bool mxcsr = x->map == 1 && x->op == 0xae;
    const VexRow *row = &vex_rows[x->map & 3][x->pp & 3][x->op];

    if (mxcsr ? !vex_mxcsr(x) : !vex_legal(x, row)) {
        return false;
    }
    if (!(x->mode & X86_MODE_AVX)) {
        return false;
    }
    if (x->mode & X86_MODE_TS) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
        return true;
    }
    return mxcsr ? sse_trans_mxcsr(x) : row->fn(x, row);
}
