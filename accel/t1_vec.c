/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Vector ops, and helpers that the host has as one instruction. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include "accel/vec_ops.h"

typedef enum VecKind {
    VK_NONE,
    VK_BIN,     /* d = a op b */
    VK_UNI,     /* d = op b */
    VK_BIN_IMM, /* with an immediate byte */
    VK_UNI_IMM,
    VK_SHIFT, /* d = b, shifted by an immediate; /n in the row */
    VK_MASK,  /* integer d = op b */
} VecKind;

typedef struct VecRow {
    uint32_t code;
    uint8_t kind, n;
} VecRow;

#define P66 X64_P66
#define ROW(nm, c, k) [VOP_##nm] = {(c), VK_##k, 0}
#define SHIFT(nm, c, n) [VOP_##nm] = {P66 | (c), VK_SHIFT, (n)}
/* clang-format off */
static const VecRow vec_rows[VOP_COUNT] = {
    ROW(pand, P66 | 0x0fdb, BIN), ROW(por, P66 | 0x0feb, BIN),
    ROW(pxor, P66 | 0x0fef, BIN), ROW(pandn, P66 | 0x0fdf, BIN),
    ROW(padd_b, P66 | 0x0ffc, BIN), ROW(psub_b, P66 | 0x0ff8, BIN),
    ROW(padd_w, P66 | 0x0ffd, BIN), ROW(psub_w, P66 | 0x0ff9, BIN),
    ROW(padd_d, P66 | 0x0ffe, BIN), ROW(psub_d, P66 | 0x0ffa, BIN),
    ROW(padd_q, P66 | 0x0fd4, BIN), ROW(psub_q, P66 | 0x0ffb, BIN),
    ROW(padds_b, P66 | 0x0fec, BIN), ROW(psubs_b, P66 | 0x0fe8, BIN),
    ROW(paddus_b, P66 | 0x0fdc, BIN), ROW(psubus_b, P66 | 0x0fd8, BIN),
    ROW(padds_w, P66 | 0x0fed, BIN), ROW(psubs_w, P66 | 0x0fe9, BIN),
    ROW(paddus_w, P66 | 0x0fdd, BIN), ROW(psubus_w, P66 | 0x0fd9, BIN),
    ROW(pmul_lo_w, P66 | 0x0fd5, BIN), ROW(pmul_hi_w, P66 | 0x0fe5, BIN),
    ROW(pmul_hi_uw, P66 | 0x0fe4, BIN), ROW(pmul_udq, P66 | 0x0ff4, BIN),
    ROW(pmadd_wd, P66 | 0x0ff5, BIN), ROW(pmul_dq, P66 | 0x0f3828, BIN),
    ROW(pmul_lo_d, P66 | 0x0f3840, BIN), ROW(pmulhrs_w, P66 | 0x0f380b, BIN),
    ROW(pmadd_ubsw, P66 | 0x0f3804, BIN),
    ROW(pavg_b, P66 | 0x0fe0, BIN), ROW(pavg_w, P66 | 0x0fe3, BIN),
    ROW(psad_bw, P66 | 0x0ff6, BIN), ROW(pmin_ub, P66 | 0x0fda, BIN),
    ROW(pmin_sw, P66 | 0x0fea, BIN), ROW(pmin_sb, P66 | 0x0f3838, BIN),
    ROW(pmin_uw, P66 | 0x0f383a, BIN), ROW(pmin_sd, P66 | 0x0f3839, BIN),
    ROW(pmin_ud, P66 | 0x0f383b, BIN), ROW(pmax_ub, P66 | 0x0fde, BIN),
    ROW(pmax_sw, P66 | 0x0fee, BIN), ROW(pmax_sb, P66 | 0x0f383c, BIN),
    ROW(pmax_uw, P66 | 0x0f383e, BIN), ROW(pmax_sd, P66 | 0x0f383d, BIN),
    ROW(pmax_ud, P66 | 0x0f383f, BIN),
    ROW(pcmpeq_b, P66 | 0x0f74, BIN), ROW(pcmpgt_b, P66 | 0x0f64, BIN),
    ROW(pcmpeq_w, P66 | 0x0f75, BIN), ROW(pcmpgt_w, P66 | 0x0f65, BIN),
    ROW(pcmpeq_d, P66 | 0x0f76, BIN), ROW(pcmpgt_d, P66 | 0x0f66, BIN),
    ROW(pcmpeq_q, P66 | 0x0f3829, BIN), ROW(pcmpgt_q, P66 | 0x0f3837, BIN),
    ROW(psll_w, P66 | 0x0ff1, BIN), ROW(psll_d, P66 | 0x0ff2, BIN),
    ROW(psll_q, P66 | 0x0ff3, BIN), ROW(psrl_w, P66 | 0x0fd1, BIN),
    ROW(psrl_d, P66 | 0x0fd2, BIN), ROW(psrl_q, P66 | 0x0fd3, BIN),
    ROW(psra_w, P66 | 0x0fe1, BIN), ROW(psra_d, P66 | 0x0fe2, BIN),
    SHIFT(pslli_w, 0x0f71, 6), SHIFT(pslli_d, 0x0f72, 6),
    SHIFT(pslli_q, 0x0f73, 6), SHIFT(psrli_w, 0x0f71, 2),
    SHIFT(psrli_d, 0x0f72, 2), SHIFT(psrli_q, 0x0f73, 2),
    SHIFT(psrai_w, 0x0f71, 4), SHIFT(psrai_d, 0x0f72, 4),
    SHIFT(pslli_dq, 0x0f73, 7), SHIFT(psrli_dq, 0x0f73, 3),
    ROW(packss_wb, P66 | 0x0f63, BIN), ROW(packss_dw, P66 | 0x0f6b, BIN),
    ROW(packus_wb, P66 | 0x0f67, BIN), ROW(packus_dw, P66 | 0x0f382b, BIN),
    ROW(punpckl_bw, P66 | 0x0f60, BIN), ROW(punpckl_wd, P66 | 0x0f61, BIN),
    ROW(punpckl_dq, P66 | 0x0f62, BIN), ROW(punpckl_qdq, P66 | 0x0f6c, BIN),
    ROW(punpckh_bw, P66 | 0x0f68, BIN), ROW(punpckh_wd, P66 | 0x0f69, BIN),
    ROW(punpckh_dq, P66 | 0x0f6a, BIN), ROW(punpckh_qdq, P66 | 0x0f6d, BIN),
    ROW(pshuf_d, P66 | 0x0f70, UNI_IMM), ROW(pshuf_lw, X64_PF2 | 0x0f70, UNI_IMM),
    ROW(pshuf_hw, X64_PF3 | 0x0f70, UNI_IMM), ROW(pshuf_b, P66 | 0x0f3800, BIN),
    ROW(palignr, P66 | 0x0f3a0f, BIN_IMM), ROW(shuf_s, 0x0fc6, BIN_IMM),
    ROW(shuf_d, P66 | 0x0fc6, BIN_IMM),
    ROW(phadd_w, P66 | 0x0f3801, BIN), ROW(phsub_w, P66 | 0x0f3805, BIN),
    ROW(phadd_d, P66 | 0x0f3802, BIN), ROW(phsub_d, P66 | 0x0f3806, BIN),
    ROW(phadd_sw, P66 | 0x0f3803, BIN), ROW(phsub_sw, P66 | 0x0f3807, BIN),
    ROW(pabs_b, P66 | 0x0f381c, UNI), ROW(pabs_w, P66 | 0x0f381d, UNI),
    ROW(pabs_d, P66 | 0x0f381e, UNI), ROW(psign_b, P66 | 0x0f3808, BIN),
    ROW(psign_w, P66 | 0x0f3809, BIN), ROW(psign_d, P66 | 0x0f380a, BIN),
    ROW(movsldup, X64_PF3 | 0x0f12, UNI), ROW(movshdup, X64_PF3 | 0x0f16, UNI),
    ROW(movddup, X64_PF2 | 0x0f12, UNI),
    ROW(pmovsx_bw, P66 | 0x0f3820, UNI), ROW(pmovsx_bd, P66 | 0x0f3821, UNI),
    ROW(pmovsx_bq, P66 | 0x0f3822, UNI), ROW(pmovsx_wd, P66 | 0x0f3823, UNI),
    ROW(pmovsx_wq, P66 | 0x0f3824, UNI), ROW(pmovsx_dq, P66 | 0x0f3825, UNI),
    ROW(pmovzx_bw, P66 | 0x0f3830, UNI), ROW(pmovzx_bd, P66 | 0x0f3831, UNI),
    ROW(pmovzx_bq, P66 | 0x0f3832, UNI), ROW(pmovzx_wd, P66 | 0x0f3833, UNI),
    ROW(pmovzx_wq, P66 | 0x0f3834, UNI), ROW(pmovzx_dq, P66 | 0x0f3835, UNI),
    ROW(pblend_w, P66 | 0x0f3a0e, BIN_IMM), ROW(blend_s, P66 | 0x0f3a0c, BIN_IMM),
    ROW(blend_d, P66 | 0x0f3a0d, BIN_IMM), ROW(mpsad_bw, P66 | 0x0f3a42, BIN_IMM),
    ROW(phminpos_uw, P66 | 0x0f3841, UNI),
    ROW(movmsk_s, 0x0f50, MASK), ROW(movmsk_d, P66 | 0x0f50, MASK),
    ROW(pmovmsk_b, P66 | 0x0fd7, MASK),
};
/* clang-format on */

static void vop_mask(T1Comp *c, const IrOp *op, const VecRow *row)
{
    int b = t1_use(c, op->b), d;

    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    x64_rr(c->x, row->code, 4, d, b);
    t1_defined(c, op->d, d);
}

static void vop_unary(T1Comp *c, const IrOp *op, const VecRow *row)
{
    int b = t1_use(c, op->b), d;

    t1_used(c);
    d = t1_def(c, op->d, b);
    if (row->kind == VK_SHIFT) {
        if (d != b) {
            x64_mov(c->x, 0, d, b);
        }
        x64_rr(c->x, row->code, 0, row->n, d);
    } else {
        x64_rr(c->x, row->code, 0, d, b);
    }
    if (row->kind != VK_UNI) {
        x64_u8(c->x, (unsigned)(op->imm >> 16));
    }
    t1_defined(c, op->d, d);
}

static void vop_binary(T1Comp *c, const IrOp *op, const VecRow *row)
{
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d;

    t1_used(c);
    d = t1_def(c, op->d, a);
    if (d != a) {
        x64_mov(c->x, 0, d, a);
    }
    x64_rr(c->x, row->code, 0, d, b);
    if (row->kind == VK_BIN_IMM) {
        x64_u8(c->x, (unsigned)(op->imm >> 16));
    }
    t1_defined(c, op->d, d);
}

bool t1_op_vop(T1Comp *c, const IrOp *op, const IrHelper *h)
{
    const VecRow *row = &vec_rows[h->vop];

    if (row->kind == VK_NONE || op->b == IR_NONE
        || (uint32_t)(op->imm >> 16) > 255
        || (row->code == (P66 | 0x0f3837) && !c->t1->host.sse42)) {
        return false;
    }
    switch (row->kind) {
    case VK_MASK:
        vop_mask(c, op, row);
        return true;
    case VK_BIN:
    case VK_BIN_IMM:
        if (op->a == IR_NONE) {
            return false;
        }
        vop_binary(c, op, row);
        return true;
    default:
        vop_unary(c, op, row);
        return true;
    }
}

/* --- moves --------------------------------------------------------------------- */

static void op_vset(T1Comp *c, const IrOp *op)
{
    uint64_t lo = 1, hi = 1;
    bool zero_hi = t1_const(c, op->b, &hi) && hi == 0;
    int a, b, d;

    if (zero_hi && t1_const(c, op->a, &lo) && lo == 0) {
        t1_used(c);
        d = t1_def(c, op->d, T1_NONE);
        x64_rr(c->x, P66 | 0x0fef, 0, d, d);
        t1_defined(c, op->d, d);
        return;
    }
    a = t1_use(c, op->a);
    b = zero_hi ? T1_NONE : t1_use(c, op->b);
    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    x64_rr(c->x, P66 | 0x0f6e, 8, d, a);
    if (b != T1_NONE) {
        x64_rr(c->x, P66 | 0x0f3a22, 8, d, b);
        x64_u8(c->x, 1);
    }
    t1_defined(c, op->d, d);
}

static void op_vins(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d;

    t1_used(c);
    d = t1_def(c, op->d, a);
    if (d != a) {
        x64_mov(c->x, 0, d, a);
    }
    x64_rr(c->x,
           P66
               | (op->w == 1   ? 0x0f3a20
                  : op->w == 2 ? 0x0fc4
                               : 0x0f3a22),
           op->w == 8 ? 8 : 4, d, b);
    x64_u8(c->x, (unsigned)op->imm & (16u / op->w - 1));
    t1_defined(c, op->d, d);
}

static void op_vext(T1Comp *c, const IrOp *op)
{
    int a = t1_use(c, op->a), d;
    unsigned lane = (unsigned)op->imm & (16u / op->w - 1);

    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    if (op->w >= 4 && lane == 0) {
        x64_rr(c->x, P66 | 0x0f7e, op->w, a, d);
    } else {
        x64_rr(c->x,
               P66
                   | (op->w == 1   ? 0x0f3a14
                      : op->w == 2 ? 0x0f3a15
                                   : 0x0f3a16),
               op->w == 8 ? 8 : 4, a, d);
        x64_u8(c->x, lane);
    }
    t1_defined(c, op->d, d);
}

void t1_op_vec(T1Comp *c, const IrOp *op)
{
    int a;

    switch (op->op) {
    case IR_vmov:
        a = t1_use(c, op->a);
        t1_used(c);
        t1_alias(c, op->d, a);
        break;
    case IR_vset:
        op_vset(c, op);
        break;
    case IR_vins:
        op_vins(c, op);
        break;
    default:
        op_vext(c, op);
        break;
    }
}

#endif
