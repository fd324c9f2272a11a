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
    VK_MASK8, /* the same, 64 bits */
    VK_INT,   /* d = a with lane 0 from integer b; /w in the row */
    VK_FLAGS, /* d = ZF PF CF of comparing a with b */
    VK_VEX,   /* d = a op b, VEX-coded; w in the row */
    VK_VEX_IMM,
    VK_FMA, /* d with a and b; w in the row, code: bit 0 scalar */
} VecKind;

typedef struct VecRow {
    uint32_t code;
    uint8_t kind, n;
} VecRow;

#define P66 X64_P66
#define ROW(nm, c, k) [VOP_##nm] = {(c), VK_##k, 0}
#define PF2 X64_PF2
#define PF3 X64_PF3
#define FP4(nm, c)                                                             \
    ROW(nm##_s, (c), BIN), ROW(nm##_ss, PF3 | (c), BIN),                       \
        ROW(nm##_d, P66 | (c), BIN), ROW(nm##_sd, PF2 | (c), BIN)
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
    ROW(pmovmsk_b, P66 | 0x0fd7, MASK), ROW(ptest, P66 | 0x0f3817, FLAGS),
    FP4(fadd, 0x0f58), FP4(fsub, 0x0f5c), FP4(fmul, 0x0f59),
    FP4(fdiv, 0x0f5e), FP4(fmin, 0x0f5d), FP4(fmax, 0x0f5f),
    ROW(fsqrt_s, 0x0f51, UNI), ROW(fsqrt_d, P66 | 0x0f51, UNI),
    ROW(fsqrt_ss, PF3 | 0x0f51, BIN), ROW(fsqrt_sd, PF2 | 0x0f51, BIN),
    ROW(fcmp_s, 0x0fc2, BIN_IMM), ROW(fcmp_d, P66 | 0x0fc2, BIN_IMM),
    ROW(fcmp_ss, PF3 | 0x0fc2, BIN_IMM), ROW(fcmp_sd, PF2 | 0x0fc2, BIN_IMM),
    ROW(faddsub_s, PF2 | 0x0fd0, BIN), ROW(faddsub_d, P66 | 0x0fd0, BIN),
    ROW(fhadd_s, PF2 | 0x0f7c, BIN), ROW(fhadd_d, P66 | 0x0f7c, BIN),
    ROW(fhsub_s, PF2 | 0x0f7d, BIN), ROW(fhsub_d, P66 | 0x0f7d, BIN),
    ROW(fround_s, P66 | 0x0f3a08, UNI_IMM), ROW(fround_d, P66 | 0x0f3a09, UNI_IMM),
    ROW(fround_ss, P66 | 0x0f3a0a, BIN_IMM), ROW(fround_sd, P66 | 0x0f3a0b, BIN_IMM),
    ROW(cvt_dq_s, 0x0f5b, UNI), ROW(cvt_s_dq, P66 | 0x0f5b, UNI),
    ROW(cvt_s_dq_t, PF3 | 0x0f5b, UNI), ROW(cvt_dq_d, PF3 | 0x0fe6, UNI),
    ROW(cvt_d_dq, PF2 | 0x0fe6, UNI), ROW(cvt_d_dq_t, P66 | 0x0fe6, UNI),
    ROW(cvt_s_d, 0x0f5a, UNI), ROW(cvt_d_s, P66 | 0x0f5a, UNI),
    ROW(cvt_ss_sd, PF3 | 0x0f5a, BIN), ROW(cvt_sd_ss, PF2 | 0x0f5a, BIN),
    [VOP_cvt_i32_ss] = {PF3 | 0x0f2a, VK_INT, 4}, [VOP_cvt_i64_ss] = {PF3 | 0x0f2a, VK_INT, 8},
    [VOP_cvt_i32_sd] = {PF2 | 0x0f2a, VK_INT, 4}, [VOP_cvt_i64_sd] = {PF2 | 0x0f2a, VK_INT, 8},
    ROW(cvt_ss_i32, PF3 | 0x0f2d, MASK), ROW(cvt_ss_i32_t, PF3 | 0x0f2c, MASK),
    ROW(cvt_ss_i64, PF3 | 0x0f2d, MASK8), ROW(cvt_ss_i64_t, PF3 | 0x0f2c, MASK8),
    ROW(cvt_sd_i32, PF2 | 0x0f2d, MASK), ROW(cvt_sd_i32_t, PF2 | 0x0f2c, MASK),
    ROW(cvt_sd_i64, PF2 | 0x0f2d, MASK8), ROW(cvt_sd_i64_t, PF2 | 0x0f2c, MASK8),
    ROW(permil_s, P66 | 0x0f380c, VEX), ROW(permil_d, P66 | 0x0f380d, VEX),
    ROW(psllv_d, P66 | 0x0f3847, VEX), [VOP_psllv_q] = {P66 | 0x0f3847, VK_VEX, 8},
    ROW(psrlv_d, P66 | 0x0f3845, VEX), [VOP_psrlv_q] = {P66 | 0x0f3845, VK_VEX, 8},
    ROW(psrav_d, P66 | 0x0f3846, VEX),
    ROW(vcmp_s, 0x0fc2, VEX_IMM), ROW(vcmp_d, P66 | 0x0fc2, VEX_IMM),
    ROW(vcmp_ss, PF3 | 0x0fc2, VEX_IMM), ROW(vcmp_sd, PF2 | 0x0fc2, VEX_IMM),
    ROW(ffma_s, 0, FMA), ROW(ffma_ss, 1, FMA),
    [VOP_ffma_d] = {0, VK_FMA, 8}, [VOP_ffma_sd] = {1, VK_FMA, 8},
    ROW(fucom_ss, 0x0f2e, FLAGS), ROW(fcom_ss, 0x0f2f, FLAGS),
    ROW(fucom_sd, P66 | 0x0f2e, FLAGS), ROW(fcom_sd, P66 | 0x0f2f, FLAGS),
};
/* clang-format on */

static void vop_mask(T1Comp *c, const IrOp *op, const VecRow *row)
{
    int b = t1_use(c, op->b), d;

    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    x64_rr(c->x, row->code, row->kind == VK_MASK8 ? 8 : 4, d, b);
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

/* Lane 0 from an integer, the rest from a. */
static void vop_int(T1Comp *c, const IrOp *op, const VecRow *row)
{
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d;

    t1_used(c);
    d = t1_def(c, op->d, a);
    if (d != a) {
        x64_mov(c->x, 0, d, a);
    }
    x64_rr(c->x, row->code, row->n, d, b);
    t1_defined(c, op->d, d);
}

static void vop_flags(T1Comp *c, const IrOp *op, const VecRow *row)
{
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d;
    int p = t1_scratch(c, false), z = t1_scratch(c, false);

    t1_used(c);
    d = t1_def(c, op->d, T1_NONE);
    x64_imm(c->x, d, 0);
    x64_imm(c->x, p, 0);
    x64_imm(c->x, z, 0);
    x64_rr(c->x, row->code, 0, a, b);
    x64_rr(c->x, 0x0f90 | X64_CC_B | X64_BRM, 0, 0, d);
    x64_rr(c->x, 0x0f90 | X64_CC_P | X64_BRM, 0, 0, p);
    x64_rr(c->x, 0x0f90 | X64_CC_E | X64_BRM, 0, 0, z);
    x64_rm(c->x, X64_LEA, 4, d, (X64Mem){(int8_t)d, (int8_t)p, 2, 0});
    x64_shift_imm(c->x, X64_SHL, 4, z, 6);
    x64_alu_rr(c->x, X64_OR, 4, d, z);
    t1_defined(c, op->d, d);
}

static unsigned vop_pp(uint32_t code)
{
    switch (code >> 24) {
    case 0x66:
        return 1;
    case 0xf3:
        return 2;
    case 0xf2:
        return 3;
    default:
        return 0;
    }
}

static void vop_vex(T1Comp *c, const IrOp *op, const VecRow *row)
{
    int a = t1_use(c, op->a), b = t1_use(c, op->b), d;

    t1_used(c);
    d = t1_def(c, op->d, a);
    x64_vex(c->x, vop_pp(row->code),
            (row->code >> 8 & 0xffff) == 0x0f38 ? 2 : 1, row->code & 0xff,
            row->n, d, a, b);
    if (row->kind == VK_VEX_IMM) {
        x64_u8(c->x, (unsigned)(op->imm >> 16));
    }
    t1_defined(c, op->d, d);
}

/* SDM 2C, VFMADD132PS and following. */
static void vop_fma(T1Comp *c, const IrOp *op, const VecRow *row)
{
    unsigned how = (unsigned)(op->imm >> 16);
    unsigned code = 0x98 + (how & 3) * 16 + (how >> 3 & 1) * 2
                    + (how >> 2 & 1) * 4 + (row->code & 1);
    int old = t1_use(c, op->c), a = t1_use(c, op->a), b = t1_use(c, op->b), d;

    if (how & 16) { /* even lanes subtract, or add */
        code = 0x96 + (how & 3) * 16 + !(how >> 3 & 1);
    }
    t1_used(c);
    d = t1_def(c, op->d, old);
    if (d != old) {
        x64_mov(c->x, 0, d, old);
    }
    x64_vex(c->x, 1, 2, code, row->n, d, a, b);
    t1_defined(c, op->d, d);
}

/* --- floating point control ------------------------------------------------- */

/* Load the guest's, unless some code before this did. */
static void fp_begin(T1Comp *c)
{
    if (c->fp) {
        return;
    }
    x64_alu_mem_imm8(c->x, X64_CMP, x64_at(X64_RSP, T1_F_FP), 0);
    x64_jcc(c->x, X64_CC_E, c->y->p);
    x64_call(c->y, c->t1->fp_load);
    x64_jmp(c->y, c->x->p);
    c->fp = true;
}

void t1_fp_store(T1Comp *c)
{
    if (!c->ops->fp_control) {
        return;
    }
    x64_alu_mem_imm8(c->x, X64_CMP, x64_at(X64_RSP, T1_F_FP), 0);
    x64_jcc(c->x, X64_CC_NE, c->y->p);
    x64_call(c->y, c->t1->fp_store);
    x64_jmp(c->y, c->x->p);
    c->fp = false;
}

bool t1_op_vop(T1Comp *c, const IrOp *op, const IrHelper *h)
{
    const VecRow *row = &vec_rows[h->vop];

    if (row->kind == VK_NONE || op->b == IR_NONE
        || (uint32_t)(op->imm >> 16) > 255
        || (row->code == (P66 | 0x0f3837) && !c->t1->host.sse42)
        || ((row->kind == VK_VEX || row->kind == VK_VEX_IMM)
            && !c->t1->host.avx2)
        || (row->kind == VK_FMA && (!c->t1->host.fma || op->c == IR_NONE))) {
        return false;
    }
    if (op->a == IR_NONE
        && (row->kind == VK_BIN || row->kind == VK_BIN_IMM
            || row->kind == VK_INT || row->kind >= VK_FLAGS)) {
        return false;
    }
    if (h->flags & IR_H_FPFLAGS) {
        if (!c->ops->fp_control) {
            return false;
        }
        fp_begin(c);
    }
    switch (row->kind) {
    case VK_MASK:
    case VK_MASK8:
        vop_mask(c, op, row);
        return true;
    case VK_BIN:
    case VK_BIN_IMM:
        vop_binary(c, op, row);
        return true;
    case VK_INT:
        vop_int(c, op, row);
        return true;
    case VK_FLAGS:
        vop_flags(c, op, row);
        return true;
    case VK_VEX:
    case VK_VEX_IMM:
        vop_vex(c, op, row);
        return true;
    case VK_FMA:
        vop_fma(c, op, row);
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
