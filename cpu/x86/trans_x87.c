/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 instructions: D8 to DF and WAIT. SDM volume 2, A.5. */
#include "cpu/x86/trans_priv.h"

#include "cpu/x86/fpu_priv.h"

#define TOP IR_G(X86_G_FTOP)

/* TOP = helper(TOP, code, a, c) */
static bool x87_call(X86Insn *x, unsigned helper, unsigned code, IrRef a,
                     IrRef c)
{
    ir_call(x->b, helper, TOP, TOP, ir_const(x->b, code), a, c);
    return true;
}

static bool x87_reg(X86Insn *x, unsigned code)
{
    return x87_call(x, X86_H_x87_reg, code | (x->rm & 7), IR_NONE, IR_NONE);
}

static bool x87_arith(X86Insn *x, unsigned code)
{
    return x87_call(x, X86_H_x87_arith, code | (x->rm & 7) << 3, IR_NONE,
                    IR_NONE);
}

/* --- memory operands --------------------------------------------------------- */

static IrRef x87_load_value(X86Insn *x, unsigned format)
{
    static const uint8_t sizes[] = {0, 4, 8, 2, 4, 8};
    unsigned size = sizes[format];
    bool integer = format >= X87_I16;

    return x86_ld(x, x86_ea(x, size, false), size,
                  integer && size < 8 ? IR_MEM_SIGNED : 0);
}

/* D8, DA, DC, DE: arithmetic with memory. FCOMP pops once. */
static bool x87_arith_mem(X86Insn *x)
{
    static const uint8_t formats[] = {X87_F32, X87_I32, X87_F64, X87_I16};
    unsigned format = formats[x->op >> 1 & 3], op = x->reg & 7;
    IrRef v = x87_load_value(x, format);

    return x87_call(x, X86_H_x87_arith,
                    op | (op == 3 ? X87_A_POP(1) : 0) | X87_A_FMT(format), v,
                    IR_NONE);
}

static bool x87_load(X86Insn *x, unsigned format)
{
    IrRef lo, hi = IR_NONE;

    if (format >= X87_F80) {
        lo = x86_ld(x, x86_ea(x, 10, false), 8, 0);
        hi = x86_ld(x, x86_ea_at(x, 8, 2, false), 2, 0);
    } else {
        lo = x87_load_value(x, format);
    }
    return x87_call(x, X86_H_x87_load, format, lo, hi);
}

static bool x87_store(X86Insn *x, unsigned code)
{
    static const uint8_t sizes[] = {0, 4, 8, 2, 4, 8, 10, 10};
    IrRef at = x86_ea_linear(x, sizes[code & 7], true);

    return x87_call(x, X86_H_x87_store, code, at, ir_const(x->b, x->mmu));
}

static bool x87_env(X86Insn *x, bool store, unsigned save)
{
    IrBuilder *b = x->b;
    bool wide = x->osize != 2;
    unsigned size = (wide ? 28 : 14) + (save ? 80 : 0);
    unsigned code = save | (wide ? X87_E_WIDE : 0);

    if ((x->mode & (X86_MODE_PE | X86_MODE_VM86)) == X86_MODE_PE) {
        code |= X87_E_PROT;
    }
    IrRef at = x86_ea_linear(x, size, store);
    x86_call_gw(x, store ? X86_H_x87_stenv : X86_H_x87_ldenv, false, at,
                ir_const(b, code), ir_const(b, x->mmu), IR_NONE);
    return true;
}

static IrRef x87_status(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef fsw = ir_ldenv(b, IR_NONE, offsetof(X86Cpu, fsw), 2, false);
    IrRef top = ir_op2i(b, IR_shl, 4, IR_NONE, TOP, 11);

    return ir_op2(b, IR_or, 4, IR_NONE, fsw, top);
}

/* D9 with memory */
static bool x87_d9_mem(X86Insn *x)
{
    IrBuilder *b = x->b;

    switch (x->reg & 7) {
    case 0:
        return x87_load(x, X87_F32);
    case 2:
        return x87_store(x, X87_F32);
    case 3:
        return x87_store(x, X87_F32 | X87_S_POP);
    case 4:
        return x87_env(x, false, 0);
    case 5: {
        IrRef v = x86_load_rm_u(x, 2);
        ir_call_void(b, X86_H_x87_fldcw, v, IR_NONE, IR_NONE, IR_NONE);
        return true;
    }
    case 6:
        return x87_env(x, true, 0);
    case 7:
        x86_store_rm(x, 2,
                     ir_ldenv(b, IR_NONE, offsetof(X86Cpu, fcw), 2, false));
        return true;
    default:
        return false;
    }
}

/* DB, DD, DF with memory: format and operation by ModRM.reg; 0 is illegal or
 * seen to elsewhere. */
static bool x87_other_mem(X86Insn *x)
{
    enum {
        LD = 0x80,
        ST = 0x40,
        STP = 0x50,
        TT = 0x70,
        FORMAT = 15
    };
    /* clang-format off */
    static const uint8_t table[3][8] = {
        {LD | X87_I32, TT | X87_I32, ST | X87_I32, STP | X87_I32,
         0, LD | X87_F80, 0, STP | X87_F80},
        {LD | X87_F64, TT | X87_I64, ST | X87_F64, STP | X87_F64, 0, 0, 0, 0},
        {LD | X87_I16, TT | X87_I16, ST | X87_I16, STP | X87_I16,
         LD | X87_BCD, LD | X87_I64, STP | X87_BCD, STP | X87_I64},
    };
    /* clang-format on */
    unsigned n = x->reg & 7;
    unsigned code = table[(x->op - 0xdb) / 2][n];

    if (code & LD) {
        return x87_load(x, code & FORMAT);
    }
    if ((code & TT) == TT && !x86_offers(x, X86_FEAT_1_ECX, 1u << 0)) {
        return false; /* FISTTP is SSE3 */
    }
    if (code) {
        return x87_store(x, code & (FORMAT | X87_S_POP | X87_S_TRUNC));
    }
    if (x->op != 0xdd || n == 5) {
        return false;
    }
    if (n == 7) {
        x86_store_rm(x, 2, x87_status(x));
        return true;
    }
    return x87_env(x, n == 6, X87_E_SAVE);
}

/* --- registers ------------------------------------------------------------------- */

static bool x87_d9_reg(X86Insn *x)
{
    unsigned n = x->reg & 7, i = x->rm & 7;

    switch (n) {
    case 0:
        return x87_reg(x, X87_R_FLD);
    case 1:
        return x87_reg(x, X87_R_FXCH);
    case 3: /* an undocumented one */
        return x87_reg(x, X87_R_FSTPNCE);
    case 2:
        if (i != 0) {
            return false;
        }
        break;
    case 4: /* FCHS FABS - - FTST FXAM */
        if (!(0x33 >> i & 1)) {
            return false;
        }
        break;
    case 5: /* seven constants */
        if (i == 7) {
            return false;
        }
        break;
    default:
        break;
    }
    ir_call(x->b, X86_H_x87_misc, TOP, TOP, ir_const(x->b, x->modrm), IR_NONE,
            IR_NONE);
    return true;
}

/* DA: B E BE U by ModRM.reg; DB: their negations. */
static bool x87_fcmov(X86Insn *x)
{
    static const uint8_t cc[4] = {0x2, 0x4, 0x6, 0xa};
    IrBuilder *b = x->b;

    if (!x86_offers(x, X86_FEAT_1_EDX, 1u << 15)) {
        return false;
    }
    X86Cond c = x86_cond(x, cc[x->reg & 3] | (x->op == 0xdb));
    IrRef yes = ir_setc(b, c.w, IR_NONE, c.cond, c.x, c.y);

    ir_call(b, X86_H_x87_fcmov, TOP, TOP, ir_const(b, x->rm & 7), yes, IR_NONE);
    return true;
}

static bool x87_fcomi(X86Insn *x, bool quiet, bool pop)
{
    IrBuilder *b = x->b;
    unsigned code =
        (x->rm & 7) << 3 | (quiet ? X87_A_QUIET : 0) | (pop ? X87_A_POP(1) : 0);

    if (!x86_offers(x, X86_FEAT_1_EDX, 1u << 15)) {
        return false;
    }
    IrRef r = ir_call(b, X86_H_x87_fcomi, IR_NONE, TOP, ir_const(b, code),
                      x86_get_flags(x), IR_NONE);
    ir_extract(b, 8, TOP, r, 32, 3);
    x86_set_flags_raw(x, ir_op1(b, IR_ext32u, 8, IR_NONE, r));
    return true;
}

/* DB E0-E7: FNCLEX, FNINIT; the others are nops of the 8087 and 80287. */
static bool x87_control(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned i = x->rm & 7;

    if (i == 2 || i == 3) {
        ir_call_void(b, X86_H_x87_clear, ir_const(b, i == 3), IR_NONE, IR_NONE,
                     IR_NONE);
    }
    if (i == 3) {
        ir_mov(b, TOP, ir_const(b, 0));
    }
    return i < 5;
}

static bool x87_da_db_reg(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (n < 4) {
        return x87_fcmov(x);
    }
    if (x->op == 0xda) { /* DA E9: FUCOMPP */
        return x->modrm == 0xe9 && x87_arith(x, 2 | X87_A_QUIET | X87_A_POP(2));
    }
    switch (n) {
    case 4:
        return x87_control(x);
    case 5:
    case 6:
        return x87_fcomi(x, n == 5, false);
    default:
        return false;
    }
}

static bool x87_dd_reg(X86Insn *x)
{
    switch (x->reg & 7) {
    case 0:
        return x87_reg(x, X87_R_FFREE);
    case 1:
        return x87_reg(x, X87_R_FXCH);
    case 2:
        return x87_reg(x, X87_R_FST);
    case 3:
        return x87_reg(x, X87_R_FSTP);
    case 4:
    case 5:
        return x87_arith(x,
                         2 | X87_A_QUIET | X87_A_POP((unsigned)(x->reg & 1)));
    default:
        return false;
    }
}

static bool x87_df_reg(X86Insn *x)
{
    switch (x->reg & 7) {
    case 0:
        return x87_reg(x, X87_R_FFREEP);
    case 1:
        return x87_reg(x, X87_R_FXCH);
    case 2:
    case 3:
        return x87_reg(x, X87_R_FSTP);
    case 4: /* FNSTSW AX */
        if (x->modrm != 0xe0) {
            return false;
        }
        x86_set_reg(x, X86_RAX, 2, x87_status(x));
        return true;
    case 5:
    case 6:
        return x87_fcomi(x, (x->reg & 7) == 5, true);
    default:
        return false;
    }
}

/* D8, DC, DE with registers */
static bool x87_arith_reg(X86Insn *x)
{
    unsigned op = x->reg & 7;
    unsigned pop = x->op == 0xde;

    if (op == 2 || op == 3) { /* DE D9: FCOMPP; others are aliases */
        if (x->op == 0xde && op == 3 && x->modrm != 0xd9) {
            return false;
        }
        pop += op == 3;
        return x87_arith(x, op | X87_A_POP(pop));
    }
    return x87_arith(x,
                     op | X87_A_POP(pop) | (x->op == 0xd8 ? 0 : X87_A_TO_STI));
}

static bool x87_any(X86Insn *x)
{
    switch (x->op) {
    case 0xd9:
        return x->is_mem ? x87_d9_mem(x) : x87_d9_reg(x);
    case 0xda:
        return x->is_mem ? x87_arith_mem(x) : x87_da_db_reg(x);
    case 0xdb:
        return x->is_mem ? x87_other_mem(x) : x87_da_db_reg(x);
    case 0xdd:
        return x->is_mem ? x87_other_mem(x) : x87_dd_reg(x);
    case 0xdf:
        return x->is_mem ? x87_other_mem(x) : x87_df_reg(x);
    default:
        return x->is_mem ? x87_arith_mem(x) : x87_arith_reg(x);
    }
}

/* Control instructions leave the last-instruction pointers alone (SDM vol 1
 * 8.1.8): FLDENV FLDCW FNSTENV FNSTCW, FRSTOR FNSAVE FNSTSW, FNCLEX FNINIT. */
static bool x87_is_control(const X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (!x->is_mem) {
        return (x->op == 0xdb || x->op == 0xdf) && n == 4;
    }
    return (x->op == 0xd9 && n >= 4)
           || (x->op == 0xdd && (n == 4 || n == 6 || n == 7));
}

static IrRef x87_selector(X86Insn *x, unsigned seg)
{
    return ir_ldenv(x->b, IR_NONE,
                    offsetof(X86Cpu, seg[0].sel) + seg * sizeof(X86Seg), 2,
                    false);
}

_Static_assert(offsetof(X86Cpu, fcs) == offsetof(X86Cpu, fop) + 2,
               "stored as one");

/* FIP, FCS, FOP; and FDP, FDS behind a memory operand. */
static void x87_set_pointers(X86Insn *x)
{
    unsigned fop = (x->op & 7u) << 8 | x->modrm;
    IrBuilder *b = x->b;
    IrRef fcs = ir_op2i(b, IR_shl, 4, IR_NONE, x87_selector(x, X86_CS), 16);

    ir_stenv(b, offsetof(X86Cpu, fip), 8, x86_this_ip(x));
    ir_stenv(b, offsetof(X86Cpu, fop), 4,
             ir_op2i(b, IR_or, 4, IR_NONE, fcs, fop));
    if (x->is_mem) {
        ir_stenv(b, offsetof(X86Cpu, fdp), 8, x86_ea_offset(x));
        ir_stenv(b, offsetof(X86Cpu, fds), 2, x87_selector(x, x->ea_seg));
    }
}

bool x86_trans_x87(X86Insn *x)
{
    if (x->op == 0x9b) {
        if ((x->mode & (X86_MODE_MP | X86_MODE_TS))
            == (X86_MODE_MP | X86_MODE_TS)) {
            x86_raise_insn(x, X86_NM, IR_NONE, false);
        } else {
            ir_call_void(x->b, X86_H_x87_wait, IR_NONE, IR_NONE, IR_NONE,
                         IR_NONE);
        }
        return true;
    }
    if (x->mode & (X86_MODE_EM | X86_MODE_TS)) {
        x86_raise_insn(x, X86_NM, IR_NONE, false);
        return true;
    }
    if (!x87_any(x)) {
        return false;
    }
    if (!x87_is_control(x)) {
        x87_set_pointers(x);
    }
    return true;
}
