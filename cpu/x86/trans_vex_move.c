/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VEX-coded moves, inserts, permutations, broadcasts, masked memory, gathers.
 * Source: SDM volume 2. */
#include "cpu/x86/fpu_priv.h"
#include "cpu/x86/trans_vex_priv.h"

#define VEX_FN(name) bool vex_fn_##name(X86Insn *x, const VexRow *row)

/* --- whole registers ------------------------------------------------------------- */

VEX_FN(mov_load)
{
    unsigned halves = vex_halves(x, row);
    bool aligned = row->flags & VX_ALIGNED;
    IrRef src[2];

    if (x->is_mem && halves == 1) {
        ir_ld(x->b, VEX_HALF(x->reg, 0), x86_ea(x, 16, false), 16,
              aligned ? IR_MEM_ALIGNED : 0);
        vex_zero(x, x->reg);
        return true;
    }
    vex_src(x, 16 * halves, aligned, src);
    vex_set(x, x->reg, src[0], halves == 2 ? src[1] : IR_NONE);
    return true;
}

VEX_FN(mov_store)
{
    unsigned halves = vex_halves(x, row);

    if (x->is_mem) {
        vex_store(x, x->reg, halves, row->flags & VX_ALIGNED);
    } else {
        vex_set(x, x->rm, VEX_HALF(x->reg, 0),
                halves == 2 ? VEX_HALF(x->reg, 1) : IR_NONE);
    }
    return true;
}

/* --- parts ------------------------------------------------------------------------- */

/* Register @n = vvvv with one lane replaced; the upper half is cleared. */
static void vex_set_lane(X86Insn *x, unsigned n, unsigned size, unsigned lane,
                         IrRef v)
{
    ir_vins(x->b, VEX_HALF(n, 0), VEX_HALF(x->vex_v, 0), size, lane, v);
    vex_zero(x, n);
}

/* VMOVSS, VMOVSD: three registers, or memory. */
VEX_FN(movs_load)
{
    IrBuilder *b = x->b;

    if (!x->is_mem) {
        vex_set_lane(x, x->reg, row->mem, 0,
                     ir_vext(b, IR_NONE, VEX_HALF(x->rm, 0), row->mem, 0));
        return true;
    }
    if (x->vex_vraw) {
        return false;
    }
    IrRef v = x86_ld(x, x86_ea(x, row->mem, false), row->mem, 0);
    ir_vset(b, VEX_HALF(x->reg, 0), v, ir_const(b, 0));
    vex_zero(x, x->reg);
    return true;
}

VEX_FN(movs_store)
{
    IrRef v;

    if (x->is_mem && x->vex_vraw) {
        return false;
    }
    v = ir_vext(x->b, IR_NONE, VEX_HALF(x->reg, 0), row->mem, 0);
    if (x->is_mem) {
        x86_st(x, x86_ea(x, row->mem, true), row->mem, 0, v);
    } else {
        vex_set_lane(x, x->rm, row->mem, 0, v);
    }
    return true;
}

VEX_FN(movq_store)
{
    IrBuilder *b = x->b;
    IrRef v = ir_vext(b, IR_NONE, VEX_HALF(x->reg, 0), 8, 0);

    if (x->is_mem) {
        x86_st(x, x86_ea(x, 8, true), 8, 0, v);
    } else {
        ir_vset(b, VEX_HALF(x->rm, 0), v, ir_const(b, 0));
        vex_zero(x, x->rm);
    }
    return true;
}

/* 12: VMOVLPS, VMOVLPD, VMOVHLPS; 16: VMOVHPS, VMOVHPD, VMOVLHPS */
VEX_FN(half_load)
{
    unsigned lane = x->op == 0x16;
    IrRef v;

    if (x->is_mem) {
        v = x86_ld(x, x86_ea(x, 8, false), 8, 0);
    } else {
        v = ir_vext(x->b, IR_NONE, VEX_HALF(x->rm, 0), 8, !lane);
    }
    vex_set_lane(x, x->reg, 8, lane, v);
    return true;
}

/* Memory of 8 bytes in the 128-bit form, of 32 in the other. */
VEX_FN(movddup)
{
    unsigned halves = vex_halves(x, row);
    IrRef src[2];

    vex_src(x, halves == 2 ? 32 : 8, false, src);
    vex_apply(x, row, halves, src, src);
    return true;
}

VEX_FN(pinsr)
{
    unsigned size = row->mem == 4 && x->rex_w ? 8 : row->mem;
    IrRef v = x86_load_rm(x, x->is_mem ? size : MAX(size, 4));

    vex_set_lane(x, x->reg, size, sse_imm(x) & (16 / size - 1), v);
    return true;
}

VEX_FN(insertps)
{
    unsigned imm = sse_imm(x);
    IrRef src[2];

    vex_src(x, row->mem, false, src);
    ir_vcall(x->b, row->helper, VEX_HALF(x->reg, 0), VEX_HALF(x->vex_v, 0),
             src[0], x->is_mem ? imm & 0x3f : imm);
    vex_zero(x, x->reg);
    return true;
}

/* --- broadcasts ---------------------------------------------------------------------- */

VEX_FN(broadcast)
{
    IrBuilder *b = x->b;
    IrRef src[2], r;

    /* the register forms of 18 and 19 came with AVX2 */
    if (!x->is_mem && !sse_offers(x, SSE_F_AVX2)) {
        return false;
    }
    vex_src(x, row->mem, false, src);
    switch (row->mem) {
    case 1:
        r = sse_vec(x, ir_const(b, 0));
        r = ir_vcall(b, X86_H_pshuf_b, IR_NONE, src[0], r, 0);
        break;
    case 2:
        r = ir_vcall(b, X86_H_pshuf_lw, IR_NONE, src[0], src[0], 0);
        r = ir_vcall(b, X86_H_punpckl_qdq, IR_NONE, r, r, 0);
        break;
    case 4:
        r = ir_vcall(b, X86_H_pshuf_d, IR_NONE, src[0], src[0], 0);
        break;
    default:
        r = ir_vcall(b, X86_H_punpckl_qdq, IR_NONE, src[0], src[0], 0);
        break;
    }
    vex_set(x, x->reg, r, x->vex_l ? r : IR_NONE);
    return true;
}

VEX_FN(broadcast128)
{
    IrRef src[2];

    vex_src(x, 16, false, src);
    vex_set(x, x->reg, src[0], src[0]);
    return true;
}

/* --- across the halves ----------------------------------------------------------------- */

/* A copy: halves may be of the register that is about to be written. */
static IrRef vex_copy(X86Insn *x, IrRef v)
{
    return ir_vmov(x->b, IR_NONE, v);
}

/* VPERM2F128: four bits of the immediate a half */
VEX_FN(perm128)
{
    IrBuilder *b = x->b;
    IrRef src[2], d[2];

    vex_src(x, 32, false, src);
    for (unsigned h = 0; h < 2; h++) {
        unsigned how = sse_imm(x) >> 4 * h;

        if (how & 8) {
            d[h] = ir_vset(b, IR_NONE, ir_const(b, 0), ir_const(b, 0));
        } else {
            d[h] = vex_copy(x, how & 2 ? src[how & 1]
                                       : VEX_HALF(x->vex_v, how & 1));
        }
    }
    vex_set(x, x->reg, d[0], d[1]);
    return true;
}

VEX_FN(insert128)
{
    bool high = sse_imm(x) & 1;
    IrRef src[2], keep;

    vex_src(x, 16, false, src);
    src[0] = vex_copy(x, src[0]);
    keep = vex_copy(x, VEX_HALF(x->vex_v, !high));
    vex_set(x, x->reg, high ? keep : src[0], high ? src[0] : keep);
    return true;
}

VEX_FN(extract128)
{
    IrRef v = VEX_HALF(x->reg, sse_imm(x) & 1);

    if (x->is_mem) {
        ir_st(x->b, x86_ea(x, 16, true), 16, 0, v);
    } else {
        vex_set(x, x->rm, v, IR_NONE);
    }
    return true;
}

/* VPERMQ, VPERMPD */
VEX_FN(permq)
{
    IrBuilder *b = x->b;
    IrRef src[2], q[4];

    vex_src(x, 32, false, src);
    for (unsigned i = 0; i < 4; i++) {
        unsigned n = sse_imm(x) >> 2 * i & 3;

        q[i] = ir_vext(b, IR_NONE, src[n >> 1], 8, n & 1);
    }
    vex_set(x, x->reg, ir_vset(b, IR_NONE, q[0], q[1]),
            ir_vset(b, IR_NONE, q[2], q[3]));
    return true;
}

/* VPERMD, VPERMPS: indices in vvvv; bit 2 says which half */
VEX_FN(permd)
{
    IrBuilder *b = x->b;
    IrRef src[2], d[2];

    vex_src(x, 32, false, src);
    for (unsigned h = 0; h < 2; h++) {
        IrRef at = VEX_HALF(x->vex_v, h);
        IrRef lo = ir_vcall(b, X86_H_permil_s, IR_NONE, src[0], at, 0);
        IrRef hi = ir_vcall(b, X86_H_permil_s, IR_NONE, src[1], at, 0);
        IrRef m = ir_vcall(b, X86_H_pslli_d, IR_NONE, at, at, 29);

        m = ir_vcall(b, X86_H_psrai_d, IR_NONE, m, m, 31);
        hi = ir_vcall(b, X86_H_pand, IR_NONE, m, hi, 0);
        lo = ir_vcall(b, X86_H_pandn, IR_NONE, m, lo, 0);
        d[h] = ir_vcall(b, X86_H_por, IR_NONE, lo, hi, 0);
    }
    vex_set(x, x->reg, d[0], d[1]);
    return true;
}

/* 45 VPSRLV, 46 VPSRAVD, 47 VPSLLV: W is the lane size */
VEX_FN(shiftv)
{
    static const uint16_t helpers[3][2] = {
        {X86_H_psrlv_d, X86_H_psrlv_q},
        {X86_H_psrav_d, 0},
        {X86_H_psllv_d, X86_H_psllv_q},
    };
    VexRow r = *row;

    r.helper = helpers[x->op - 0x45][x->vex_w];
    return vex_fn_op(x, &r);
}

/* --- masked memory, gathers -------------------------------------------------------------- */

static unsigned vex_code(const X86Insn *x, bool wide)
{
    return VEX_D_REG(x->reg) | VEX_D_MASK(x->vex_v) | VEX_D_SEG(x->ea_seg)
           | (wide ? VEX_D_WIDE : 0) | (x->vex_l ? VEX_D_256 : 0)
           | VEX_D_ASIZE(x->asize);
}

VEX_FN(maskmov)
{
    bool wide = row->mem ? row->mem == 8 : x->vex_w;
    IrRef off = x86_ext_u(x, x86_ea_offset(x), x->asize);

    x86_call_gw(x, row->helper, false, off, ir_const(x->b, vex_code(x, wide)),
                ir_const(x->b, x->mmu), IR_NONE);
    if (!x->vex_l && row->helper == X86_H_vmask_load) {
        x->ft->ymmh_zero |= (uint16_t)(1u << x->reg);
    }
    return true;
}

/* The three registers must differ. */
VEX_FN(gather)
{
    unsigned code = vex_code(x, x->vex_w) | VEX_D_INDEX(x->sib_index)
                    | VEX_D_SHIFT(x->ea_shift) | (x->op & 1 ? VEX_D_QINDEX : 0);
    IrRef off;

    if (!x->has_sib || x->asize == 2 || x->reg == x->vex_v
        || x->reg == x->sib_index || x->vex_v == x->sib_index) {
        return false;
    }
    x->ea_index = X86_EA_NONE;
    off = x86_ext_u(x, x86_ea_offset(x), x->asize);
    x86_call_gw(x, X86_H_vgather, false, off, ir_const(x->b, code),
                ir_const(x->b, x->mmu), IR_NONE);
    return true;
}
