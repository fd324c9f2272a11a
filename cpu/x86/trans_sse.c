/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SSE instructions. Rows: sse_rows.def; source: SDM volume 2. */
#include "cpu/x86/trans_sse_priv.h"

#define SSE_FN(name) static bool sse_fn_##name(X86Insn *x, const SseRow *row)

unsigned sse_fp_helper(const X86Insn *x, unsigned helper)
{
    return helper + !!(x->mode & X86_MODE_FP_UNMASKED);
}

unsigned sse_helper(const X86Insn *x, const SseRow *row)
{
    return row->flags & SSE_FP ? sse_fp_helper(x, row->helper) : row->helper;
}

IrRef sse_vec(X86Insn *x, IrRef low)
{
    return ir_vset(x->b, IR_NONE, low, ir_const(x->b, 0));
}

IrRef sse_src(X86Insn *x, unsigned size, bool aligned)
{
    if (!x->is_mem) {
        return SSE_XMM(x->rm);
    }
    IrAddr at = x86_ea(x, size, false);
    if (size == 16) {
        return ir_ld(x->b, IR_NONE, at, 16, aligned ? IR_MEM_ALIGNED : 0);
    }
    return sse_vec(x, x86_ld(x, at, size, 0));
}

static IrRef sse_row_src(X86Insn *x, const SseRow *row)
{
    return sse_src(x, row->mem, true);
}

/* --- the common shape: xmm = helper(xmm, xmm/mem, imm) --------------------- */

SSE_FN(op)
{
    IrRef src = sse_row_src(x, row);
    IrRef d = SSE_XMM(x->reg);

    ir_vcall(x->b, sse_helper(x, row), d, row->flags & SSE_UN ? src : d, src,
             row->flags & SSE_IMM ? sse_imm(x) : 0);
    return true;
}

/* --- moves ------------------------------------------------------------------- */

SSE_FN(mov_load)
{
    if (x->is_mem) {
        ir_ld(x->b, SSE_XMM(x->reg), x86_ea(x, 16, false), 16,
              row->flags & SSE_ALIGNED ? IR_MEM_ALIGNED : 0);
    } else {
        ir_vmov(x->b, SSE_XMM(x->reg), SSE_XMM(x->rm));
    }
    return true;
}

SSE_FN(mov_store)
{
    if (x->is_mem) {
        ir_st(x->b, x86_ea(x, 16, true), 16,
              row->flags & SSE_ALIGNED ? IR_MEM_ALIGNED : 0, SSE_XMM(x->reg));
    } else {
        ir_vmov(x->b, SSE_XMM(x->rm), SSE_XMM(x->reg));
    }
    return true;
}

/* Store lane @lane of the register operand. */
static void sse_store_lane(X86Insn *x, unsigned size, unsigned lane)
{
    IrRef v = ir_vext(x->b, IR_NONE, SSE_XMM(x->reg), size, lane);

    x86_st(x, x86_ea(x, size, true), size, 0, v);
}

static void sse_set_lane(X86Insn *x, unsigned n, unsigned size, unsigned lane,
                         IrRef v)
{
    ir_vins(x->b, SSE_XMM(n), SSE_XMM(n), size, lane, v);
}

/* MOVSS, MOVSD: a load from memory clears the rest, others keep it. */
SSE_FN(movs_load)
{
    IrBuilder *b = x->b;

    if (x->is_mem) {
        IrRef v = x86_ld(x, x86_ea(x, row->mem, false), row->mem, 0);
        ir_vset(b, SSE_XMM(x->reg), v, ir_const(b, 0));
    } else {
        sse_set_lane(x, x->reg, row->mem, 0,
                     ir_vext(b, IR_NONE, SSE_XMM(x->rm), row->mem, 0));
    }
    return true;
}

SSE_FN(movs_store)
{
    if (x->is_mem) {
        sse_store_lane(x, row->mem, 0);
    } else {
        sse_set_lane(x, x->rm, row->mem, 0,
                     ir_vext(x->b, IR_NONE, SSE_XMM(x->reg), row->mem, 0));
    }
    return true;
}

/* 12: MOVLPS, MOVLPD, MOVHLPS; 16: MOVHPS, MOVHPD, MOVLHPS */
SSE_FN(half_load)
{
    unsigned lane = x->op == 0x16;
    IrRef v;

    if (x->is_mem) {
        v = x86_ld(x, x86_ea(x, 8, false), 8, 0);
    } else {
        v = ir_vext(x->b, IR_NONE, SSE_XMM(x->rm), 8, !lane);
    }
    sse_set_lane(x, x->reg, 8, lane, v);
    return true;
}

bool sse_fn_half_store(X86Insn *x, const SseRow *row)
{
    sse_store_lane(x, 8, x->op == 0x17);
    return true;
}

bool sse_fn_movd_load(X86Insn *x, const SseRow *row)
{
    IrRef v = x86_load_rm_u(x, x->rex_w ? 8 : 4);

    ir_vset(x->b, SSE_XMM(x->reg), v, ir_const(x->b, 0));
    return true;
}

bool sse_fn_movd_store(X86Insn *x, const SseRow *row)
{
    unsigned size = x->rex_w ? 8 : 4;

    x86_store_rm(x, size, ir_vext(x->b, IR_NONE, SSE_XMM(x->reg), size, 0));
    return true;
}

bool sse_fn_movq_load(X86Insn *x, const SseRow *row)
{
    IrRef v;

    if (x->is_mem) {
        v = x86_ld(x, x86_ea(x, 8, false), 8, 0);
    } else {
        v = ir_vext(x->b, IR_NONE, SSE_XMM(x->rm), 8, 0);
    }
    ir_vset(x->b, SSE_XMM(x->reg), v, ir_const(x->b, 0));
    return true;
}

SSE_FN(movq_store)
{
    if (x->is_mem) {
        sse_store_lane(x, 8, 0);
    } else {
        IrRef v = ir_vext(x->b, IR_NONE, SSE_XMM(x->reg), 8, 0);
        ir_vset(x->b, SSE_XMM(x->rm), v, ir_const(x->b, 0));
    }
    return true;
}

/* MASKMOVDQU: the bytes chosen by sign bits go to DS:rDI. */
bool sse_fn_maskmov(X86Insn *x, const SseRow *row)
{
    IrBuilder *b = x->b;
    IrRef mask =
        ir_vcall_i(b, row->helper, IR_NONE, SSE_XMM(x->rm), SSE_XMM(x->rm), 0);
    unsigned seg = x->seg >= 0 ? (unsigned)x->seg : X86_DS;
    IrAddr at = x86_seg_addr(x, seg, IR_G(X86_RDI), x->asize, 16, true);

    ir_call_void(b, X86_H_mask_store, x86_linear(x, at),
                 ir_vext(b, IR_NONE, SSE_XMM(x->reg), 8, 0),
                 ir_vext(b, IR_NONE, SSE_XMM(x->reg), 8, 1),
                 ir_op2i(b, IR_or, 8, IR_NONE, mask, (uint64_t)x->mmu << 16));
    return true;
}

/* --- to and from general registers ------------------------------------------ */

SSE_FN(movmsk)
{
    IrRef v = ir_vcall_i(x->b, row->helper, IR_NONE, SSE_XMM(x->rm),
                         SSE_XMM(x->rm), 0);

    x86_set_reg(x, x->reg, 4, v);
    return true;
}

bool sse_fn_pextrw(X86Insn *x, const SseRow *row)
{
    IrRef v = ir_vext(x->b, IR_NONE, SSE_XMM(x->rm), 2, sse_imm(x) & 7);

    x86_set_reg(x, x->reg, 4, v);
    return true;
}

/* PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS to register or memory. */
bool sse_fn_pextr(X86Insn *x, const SseRow *row)
{
    unsigned size = row->mem;

    if (size == 4 && x->rex_w && !(row->flags & SSE_NOREXW)) {
        size = 8;
    }
    IrRef v = ir_vext(x->b, IR_NONE, SSE_XMM(x->reg), size,
                      sse_imm(x) & (16 / size - 1));
    x86_store_rm(x, x->is_mem ? size : MAX(size, 4), v);
    return true;
}

/* PINSRB, PINSRW, PINSRD, PINSRQ */
SSE_FN(pinsr)
{
    unsigned size = row->mem;

    if (size == 4 && x->rex_w) {
        size = 8;
    }
    IrRef v = x86_load_rm(x, x->is_mem ? size : MAX(size, 4));
    sse_set_lane(x, x->reg, size, sse_imm(x) & (16 / size - 1), v);
    return true;
}

SSE_FN(cvt_from)
{
    static const uint16_t helpers[2][2] = {
        {X86_H_cvt_i32_ss, X86_H_cvt_i64_ss},
        {X86_H_cvt_i32_sd, X86_H_cvt_i64_sd},
    };
    unsigned helper = helpers[row->mem == 8][x->rex_w];
    IrRef v = x86_load_rm(x, x->rex_w ? 8 : 4);

    ir_ivcall(x->b, sse_fp_helper(x, helper), SSE_XMM(x->reg), SSE_XMM(x->reg),
              v, 0);
    return true;
}

/* 2C truncates, 2D rounds. */
bool sse_fn_cvt_to(X86Insn *x, const SseRow *row)
{
    static const uint16_t helpers[2][2][2] = {
        {{X86_H_cvt_ss_i32_t, X86_H_cvt_ss_i64_t},
         {X86_H_cvt_ss_i32, X86_H_cvt_ss_i64}},
        {{X86_H_cvt_sd_i32_t, X86_H_cvt_sd_i64_t},
         {X86_H_cvt_sd_i32, X86_H_cvt_sd_i64}},
    };
    unsigned helper = helpers[row->mem == 8][x->op & 1][x->rex_w];
    IrRef src = sse_row_src(x, row);
    IrRef v = ir_vcall_i(x->b, sse_fp_helper(x, helper), IR_NONE, src, src, 0);

    x86_set_reg(x, x->reg, x->rex_w ? 8 : 4, v);
    return true;
}

/* --- flags ------------------------------------------------------------------- */

/* UCOMISS, COMISS and the double forms; PTEST */
bool sse_fn_compare(X86Insn *x, const SseRow *row)
{
    IrRef src = sse_row_src(x, row);

    x86_set_flags_raw(x, ir_vcall_i(x->b, sse_helper(x, row), IR_NONE,
                                    SSE_XMM(x->reg), src, 0));
    return true;
}
#define sse_fn_ptest sse_fn_compare

/* --- the rest ------------------------------------------------------------------ */

unsigned sse_shift_helper(const X86Insn *x)
{
    static const uint16_t helpers[3][8] = {
        {[2] = X86_H_psrli_w, [4] = X86_H_psrai_w, [6] = X86_H_pslli_w},
        {[2] = X86_H_psrli_d, [4] = X86_H_psrai_d, [6] = X86_H_pslli_d},
        {[2] = X86_H_psrli_q,
         [3] = X86_H_psrli_dq,
         [6] = X86_H_pslli_q,
         [7] = X86_H_pslli_dq},
    };

    return helpers[x->op - 0x71][x->reg & 7];
}

/* 71, 72, 73 with an immediate; the operation is in ModRM.reg. */
SSE_FN(shift_imm)
{
    unsigned helper = sse_shift_helper(x);
    IrRef d = SSE_XMM(x->rm);

    if (helper) {
        ir_vcall(x->b, helper, d, d, d, sse_imm(x));
    }
    return helper;
}

SSE_FN(insertps)
{
    IrRef src = sse_row_src(x, row);
    unsigned imm = sse_imm(x);
    IrRef d = SSE_XMM(x->reg);

    /* a memory operand is one single: its lane is 0 */
    ir_vcall(x->b, row->helper, d, d, src, x->is_mem ? imm & 0x3f : imm);
    return true;
}

IrRef sse_lane_mask(X86Insn *x, IrRef m, unsigned lane)
{
    IrBuilder *b = x->b;

    if (lane == 1) {
        IrRef zero = ir_vset(b, IR_NONE, ir_const(b, 0), ir_const(b, 0));
        m = ir_vcall(b, X86_H_pcmpgt_b, IR_NONE, zero, m, 0);
    } else {
        m = ir_vcall(b, X86_H_psrai_d, IR_NONE, m, m, 31);
    }
    if (lane == 8) {
        m = ir_vcall(b, X86_H_pshuf_d, IR_NONE, m, m, 0xf5);
    }
    return m;
}

/* PBLENDVB, BLENDVPS, BLENDVPD: by the sign bits of XMM0 lanes. */
SSE_FN(blendv)
{
    IrBuilder *b = x->b;
    IrRef src = sse_src(x, 16, true);
    IrRef d = SSE_XMM(x->reg), m = sse_lane_mask(x, SSE_XMM(0), row->mem);

    IrRef yes = ir_vcall(b, X86_H_pand, IR_NONE, m, src, 0);
    IrRef no = ir_vcall(b, X86_H_pandn, IR_NONE, m, d, 0);
    ir_vcall(b, X86_H_por, d, yes, no, 0);
    return true;
}

/* 60 PCMPESTRM, 61 PCMPESTRI, 62 PCMPISTRM, 63 PCMPISTRI */
bool sse_fn_pcmpstr(X86Insn *x, const SseRow *row)
{
    IrBuilder *b = x->b;
    unsigned imm = sse_imm(x);
    unsigned how = x->op & 2 ? 0 : 0x100 | (x->rex_w ? 0x200 : 0);
    IrRef r = ir_vcall_i(b, row->helper, IR_NONE, SSE_XMM(x->reg),
                         sse_src(x, 16, false), imm | how);

    if (x->op & 1) {
        x86_set_reg(x, X86_RCX, 4, ir_extract(b, 8, IR_NONE, r, 16, 8));
    } else {
        ir_ivcall(b, X86_H_pstr_mask, SSE_XMM(0), SSE_XMM(0), r, imm);
    }
    x86_set_flags_raw(x, ir_op2i(b, IR_shr, 8, IR_NONE, r, 32));
    return true;
}

/* --- the table ------------------------------------------------------------------ */

/* clang-format off */
enum { N, P, F3, F2 };
#define X86_H_NONE 0
static const SseRow sse_rows[4][4][256] = {
#define ROW(map, pp, op, f, h, m, fl, feat) \
    [map][pp][op] = {sse_fn_##f, X86_H_##h, m, fl, SSE_F_##feat},
#include "cpu/x86/sse_rows.def"
#undef ROW
};

static const struct {
    uint8_t word;
    uint32_t bits;
} sse_features[SSE_F_COUNT] = {
    [SSE_F_MMX]    = {X86_FEAT_1_EDX, 1u << 23},
    [SSE_F_MMXEXT] = {X86_FEAT_1_EDX, 1u << 25},
    [SSE_F_SSE]    = {X86_FEAT_1_EDX, 1u << 25},
    [SSE_F_SSE2]   = {X86_FEAT_1_EDX, 1u << 26},
    [SSE_F_SSE3]   = {X86_FEAT_1_ECX, 1u << 0},
    [SSE_F_SSSE3]  = {X86_FEAT_1_ECX, 1u << 9},
    [SSE_F_SSE41]  = {X86_FEAT_1_ECX, 1u << 19},
    [SSE_F_SSE42]  = {X86_FEAT_1_ECX, 1u << 20},
    [SSE_F_AES]    = {X86_FEAT_1_ECX, 1u << 25},
    [SSE_F_PCLMUL] = {X86_FEAT_1_ECX, 1u << 1},
    [SSE_F_SHA]    = {X86_FEAT_7_EBX, 1u << 29},
    [SSE_F_AVX]    = {X86_FEAT_1_ECX, 1u << 28},
    [SSE_F_AVX2]   = {X86_FEAT_7_EBX, 1u << 5},
    [SSE_F_FMA]    = {X86_FEAT_1_ECX, 1u << 12},
    [SSE_F_F16C]   = {X86_FEAT_1_ECX, 1u << 29},
    [SSE_F_VAES]   = {X86_FEAT_7_ECX, 1u << 9},
    [SSE_F_VPCLMUL] = {X86_FEAT_7_ECX, 1u << 10},
};
/* clang-format on */

bool sse_offers(const X86Insn *x, SseFeature feature)
{
    return x86_offers(x, sse_features[feature].word,
                      sse_features[feature].bits);
}

const SseRow *sse_row(X86Insn *x)
{
    const SseRow *row = &sse_rows[x->map & 3][x->pp & 3][x->op];

    if (!row->fn || !sse_offers(x, row->feature)) {
        return NULL;
    }
    if (row->flags & (x->is_mem ? SSE_REG : SSE_MEM)) {
        return NULL;
    }
    return row;
}

bool x86_trans_sse(X86Insn *x)
{
    if (x->vex) {
        return x86_trans_vex(x);
    }
    if (x->map == 1 && x->op == 0xae) {
        return sse_trans_state(x);
    }
    if (x->map == 1 && x->op == 0xc7) {
        return sse_trans_xsavec(x);
    }
    const SseRow *row = sse_row(x);
    /* SDM 3A 14.1: CR0.EM and CR4.OSFXSR, then CR0.TS */
    if (!row || (x->mode & X86_MODE_EM) || !(x->mode & X86_MODE_OSFXSR)) {
        return false;
    }
    if (x->mode & X86_MODE_TS) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
        return true;
    }
    return row->fn(x, row);
}
