/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86 front end: one decoded instruction, and what translation functions
 * use to write its IR. Shared by all trans_*.c.
 *
 * A translation function returns false for an encoding that is #UD; it must
 * not have written IR then. Rule I6: loads, stores and raising helpers come
 * before the first write of a register or flag.
 */
#ifndef CPU_X86_TRANS_PRIV_H
#define CPU_X86_TRANS_PRIV_H

#include "cpu/x86/x86_priv.h"

/* How the bytes behind the opcode look: Intel's operand letters (SDM 2D A.2).
 * E: ModRM register or memory, G: ModRM.reg, Z: register in the opcode,
 * I: immediate (4 bytes at most), I8: signed byte, A: the accumulator. */
typedef enum X86Form {
    X86_F_ILLEGAL,
    X86_F_NONE,
    X86_F_E,
    X86_F_EG,
    X86_F_GE,
    X86_F_EI,
    X86_F_EI8,
    X86_F_EGI8,
    X86_F_GEI,
    X86_F_GEI8,
    X86_F_GRP3, /* F6, F7: an immediate for /0 and /1 only */
    X86_F_AI,
    X86_F_AI8,
    X86_F_Z,
    X86_F_ZI, /* immediate of full operand size, 8 bytes too */
    X86_F_I,
    X86_F_I8,
    X86_F_I16,
    X86_F_ENTER, /* 16-bit, then 8-bit immediate (imm2) */
    X86_F_MOFFS, /* offset of address size in imm */
    X86_F_FAR,   /* offset of operand size in imm, selector in imm2 */
    X86_F_J8,
    X86_F_JZ, /* 2 or 4 bytes; 4 in 64-bit mode */
    X86_F_CR, /* ModRM that always means a register (mov cr, dr) */
} X86Form;

/* X86Insn.width, the operand width in bytes */
typedef enum X86Width {
    X86_W_NONE,
    X86_W_B,
    X86_W_W,
    X86_W_D,
    X86_W_V,   /* operand size */
    X86_W_BV,  /* bit 0 of the opcode: 0 byte, 1 operand size */
    X86_W_Y,   /* 4, or 8 with REX.W / VEX.W */
    X86_W_D64, /* as V, but 8 replaces 4 in 64-bit mode (stack) */
    X86_W_F64, /* as D64, and 0x66 is ignored there (near branches) */
    X86_W_R,   /* 8 in 64-bit mode, else 4 (control registers) */
} X86Width;

/* Attributes of a row */
enum {
    X86_A_LOCK = 1 << 0,   /* lock is legal when the operand is memory */
    X86_A_NO64 = 1 << 1,   /* #UD in 64-bit mode */
    X86_A_ONLY64 = 1 << 2, /* #UD outside of 64-bit mode */
    X86_A_PE = 1 << 3,     /* #UD in real and vm86 mode */
    X86_A_CPL0 = 1 << 4,   /* #GP(0) when CPL is not 0 */
    X86_A_SIMD = 1 << 5,   /* 66 F2 F3 choose the instruction (pp) */
    X86_A_VEX = 1 << 6,    /* may come with a VEX prefix */
    X86_A_VEXONLY = 1 << 7,
};

/* Modes in which a block holds one instruction, and work follows it. */
#define X86_MODE_STEP (X86_MODE_TF | X86_MODE_RF)

typedef struct X86Insn X86Insn;
typedef bool X86TransFn(X86Insn *x);

typedef struct X86OpRow {
    uint8_t form, width; /* X86Form, X86Width */
    uint16_t attr;
    X86TransFn *fn;
} X86OpRow;

/* Trans.arch: what is known about the flags at this point of the block. Refs
 * are valid until the registers they name are written (x86_set_reg and
 * x86_writes_globals take care). CpuOps.trans_size is its size. */
typedef struct X86Trans {
    bool known;        /* kind, a, b, res hold */
    uint8_t kind;      /* as fl_kind, width included */
    bool stored_known; /* fl_kind in the vCPU is `stored` */
    uint8_t stored;
    IrRef a, b;         /* as in fl_a, fl_b */
    IrRef res;          /* result, low bits valid; IR_NONE: not at hand */
    IrRef cf;           /* 0 or 1 if at hand, also with !known */
    uint16_t ymmh_zero; /* bit n: the upper half of YMMn is 0 here */
} X86Trans;

#define X86_EA_NONE (-1)
#define X86_EA_RIP (-2)

struct X86Insn {
    Trans *t;
    IrBuilder *b;
    X86Trans *ft;
    const X86Cpu *cpu; /* static things only: features */
    uint64_t mode;
    const X86OpRow *row;
    /* prefixes */
    bool code64;
    bool opsize66, addr67, lock;
    uint8_t rep; /* 0, 0xf2 or 0xf3: the last one */
    int8_t seg;  /* override, X86SegIndex or -1 */
    uint8_t rex; /* 0: none (with VEX: as if from its R X B W, 0x40 clear) */
    bool rex_w;
    uint8_t rex_r, rex_x, rex_b; /* 0 or 8 */
    bool vex;
    uint8_t vex_l;    /* 0: 128 bits, 1: 256 */
    uint8_t vex_v;    /* vvvv, uninverted: a register number */
    uint8_t vex_vraw; /* the same, all four bits in every mode */
    bool vex_w;       /* W as encoded; rex_w is cut to the mode */
    uint8_t pp;       /* mandatory prefix: 0 none, 1 66, 2 F3, 3 F2 */
    /* opcode */
    uint8_t map; /* 0 one byte, 1 0F, 2 0F38, 3 0F3A */
    uint8_t op;
    /* ModRM; reg and rm with REX bits added */
    bool has_modrm, is_mem, has_sib;
    uint8_t modrm, mod, reg, rm;
    uint8_t sib_index;        /* with the REX bit: vector index of gathers */
    int8_t ea_base, ea_index; /* register, X86_EA_NONE or X86_EA_RIP */
    uint8_t ea_shift;
    uint8_t ea_seg; /* X86SegIndex, override included */
    int64_t ea_disp;
    /* sizes in bytes */
    uint8_t osize, asize; /* operand 2 4 8, address 2 4 8 */
    uint8_t width;
    uint8_t mmu; /* of data accesses */
    int64_t imm; /* sign-extended; imm8 of SIMD rows: use (uint8_t) */
    uint32_t imm2;
    uint8_t len, pos;
    bool more, too_long;
    IrAddr rmw; /* between x86_rmw_load and x86_rmw_store */
};

/* --- decode.c ---------------------------------------------------------------- */
/** x86_decode() - all bytes of an instruction into @x; TRANS_MORE: x->more.
 *  x->row is NULL for what is not in the tables, x->too_long: > 15 bytes. */
TransResult x86_decode(X86Insn *x, Trans *t);
/** x86_offers() - the CPU model has all of @bits in features[word] */
bool x86_offers(const X86Insn *x, unsigned word, uint32_t bits);
static inline bool x86_is_flat(const X86Insn *x, unsigned seg)
{
    return X86_MODE_SEG(x->mode, seg) == X86_SEGK_FLAT;
}

/* --- trans_ea.c: registers and memory ------------------------------------------ */
/** x86_reg() - general register @n; bits above @size are garbage. Byte
 *  registers: ah ch dh bh are seen to (4-7 without REX). */
IrRef x86_reg(X86Insn *x, unsigned n, unsigned size);
IrRef x86_reg_u(X86Insn *x, unsigned n, unsigned size); /* zero-extended */
IrRef x86_reg_s(X86Insn *x, unsigned n, unsigned size); /* sign-extended, 64 */
/** x86_set_reg() - sizes 1, 2 keep the other bits, 4 clears the upper half */
void x86_set_reg(X86Insn *x, unsigned n, unsigned size, IrRef v);
/** x86_dest() - IR_G(@n), about to be written whole by the caller's next op */
IrRef x86_dest(X86Insn *x, unsigned n);
IrRef x86_ext_u(X86Insn *x, IrRef v, unsigned size);
IrRef x86_ext_s(X86Insn *x, IrRef v, unsigned size); /* to 64 bits */

/** x86_ea() - the ModRM memory operand as an address for ir_ld/ir_st: segment
 *  base added, segment checks written (they may fault). @size for the limit. */
IrAddr x86_ea(X86Insn *x, unsigned size, bool write);
/** x86_ea_at() - as x86_ea, @disp bytes further on */
IrAddr x86_ea_at(X86Insn *x, int64_t disp, unsigned size, bool write);
/** x86_ea_linear() - as a linear address in a temp, for helpers */
IrRef x86_ea_linear(X86Insn *x, unsigned size, bool write);
/** x86_ea_offset() - offset in the segment, cut to the address size (lea) */
IrRef x86_ea_offset(X86Insn *x);
/** x86_seg_addr() - offset @off (not cut yet to @asize) in segment @seg */
IrAddr x86_seg_addr(X86Insn *x, unsigned seg, IrRef off, unsigned asize,
                    unsigned size, bool write);
/** x86_linear() - an address as one temp */
IrRef x86_linear(X86Insn *x, IrAddr at);
/** x86_ld()/x86_st() - ir_ld/ir_st with the #AC attribute added as the mode
 *  says (SSE operands with alignment #GP use helpers or probe themselves) */
IrRef x86_ld(X86Insn *x, IrAddr at, unsigned size, unsigned mem);
void x86_st(X86Insn *x, IrAddr at, unsigned size, unsigned mem, IrRef v);

/** x86_load_rm() - ModRM operand, register or memory; upper bits garbage */
IrRef x86_load_rm(X86Insn *x, unsigned size);
IrRef x86_load_rm_u(X86Insn *x, unsigned size);
IrRef x86_load_rm_s(X86Insn *x, unsigned size); /* to 64 bits */
void x86_store_rm(X86Insn *x, unsigned size, IrRef v);
/** x86_rmw_load()/x86_rmw_store() - read, then write back; the store cannot
 *  fault, so registers other than of the address may be written before it */
IrRef x86_rmw_load(X86Insn *x, unsigned size);
void x86_rmw_store(X86Insn *x, unsigned size, IrRef v);

/* --- stack (trans_ea.c) ----------------------------------------------------------- */
unsigned x86_stack_size(const X86Insn *x); /* of the pointer: 2 4 8 */
/** x86_stack_addr() - SS:(rSP + disp) */
IrAddr x86_stack_addr(X86Insn *x, int64_t disp, unsigned size, bool write);
void x86_stack_adjust(X86Insn *x, int64_t by);
void x86_push(X86Insn *x, unsigned size, IrRef v);

/* --- control (trans_exit.c). All see to EFLAGS.TF and set t->ends ---------------- */
/** x86_ud() and kin - raise; the block ends */
void x86_ud(X86Insn *x);
void x86_gp0(X86Insn *x);
void x86_raise_insn(X86Insn *x, unsigned vector, IrRef error, bool has_error);
/** x86_next_ip() - offset in CS behind the instruction, cut to the mode */
IrRef x86_next_ip(X86Insn *x);
/** x86_this_ip() - of the instruction itself, its prefixes included */
IrRef x86_this_ip(X86Insn *x);
/** x86_end_next() - end the block; go on with the next instruction, after an
 *  event check when @events (helpers with IR_H_IO or IR_H_MODE want it) */
void x86_end_next(X86Insn *x, bool events);
/** x86_end_io() - as x86_end_next with events, for helpers without IR_H_MODE */
void x86_end_io(X86Insn *x);
/** x86_end_env() - end the block; a helper has set v->pc */
void x86_end_env(X86Insn *x);
/** x86_end_helper() - the same, and the helper has seen to TF */
void x86_end_helper(X86Insn *x);
/** x86_end_iret() - as x86_end_env, RF is new */
void x86_end_iret(X86Insn *x);
/** x86_end_shadowed() - go on with the next instruction, no trap between */
void x86_end_shadowed(X86Insn *x);
/** x86_end_self() - end the block; this instruction again (rep) */
void x86_end_self(X86Insn *x);
/** x86_check_ip() - #GP when CS offset @ip is beyond the limit: before the
 *  registers of a branch are written */
void x86_check_ip(X86Insn *x, IrRef ip);
/** x86_end_ip() - end the block with a near jump to CS offset @ip, not cut */
void x86_end_ip(X86Insn *x, IrRef ip);
/** x86_end_rel() - near jump by x->imm from the next instruction */
void x86_end_rel(X86Insn *x);
typedef struct X86Cond {
    IrCond cond;
    uint8_t w;
    IrRef x, y;
} X86Cond;
/** x86_branch_if() - to next + imm when @c holds; else go on. May end the
 *  block. The count register takes @count (size asize) unless IR_NONE. */
void x86_branch_if(X86Insn *x, X86Cond c, IrRef count);
/** x86_rep_end() - behind one iteration: next instruction when cond, else this
 *  one again */
void x86_rep_end(X86Insn *x, unsigned w, IrCond cond, IrRef p, IrRef q);
/** x86_rep_end_events() - the same with an event check (ins, outs) */
void x86_rep_end_events(X86Insn *x, IrCond cond, IrRef p, IrRef q);
/** x86_end_rel_unchecked() - x86_end_rel after x86_check_ip */
void x86_end_rel_unchecked(X86Insn *x);
/** x86_end_shadow() - this was the instruction behind sti: interrupts again */
void x86_end_shadow(X86Insn *x);
/** x86_call_gw() - call a helper that has IR_H_GLOBALS_W: what was known about
 *  the flags and register copies is forgotten */
IrRef x86_call_gw(X86Insn *x, unsigned helper, bool result, IrRef a, IrRef b,
                  IrRef c, IrRef e);
/** x86_writes_globals() - the same for calls that are made directly; also
 *  needed after ir_label (temps are dead behind it) */
void x86_writes_globals(X86Insn *x);

/* --- flags.c: lazy flags ------------------------------------------------------------ */
/** x86_cond() - condition code @cc (low 4 bits of jcc) as a comparison */
X86Cond x86_cond(X86Insn *x, unsigned cc);
/** x86_set_flags() - the flags now follow from (X86_FL_x, @size, a, b). Call
 *  it before the registers among a, b are overwritten. */
void x86_set_flags(X86Insn *x, unsigned fl, unsigned size, IrRef a, IrRef b);
/** x86_set_flags_raw() - the six bits at their places in @bits (ucomiss...) */
void x86_set_flags_raw(X86Insn *x, IrRef bits);
/** x86_set_cf() - CF = @cf (0 or 1), the others stay */
void x86_set_cf(X86Insn *x, IrRef cf);
/** x86_set_flags_if() - as x86_set_flags when cond (at width w), else kept */
void x86_set_flags_if(X86Insn *x, X86Cond when, unsigned fl, unsigned size,
                      IrRef a, IrRef b);
/** x86_get_flags() - the six bits as a value */
IrRef x86_get_flags(X86Insn *x);
IrRef x86_get_cf(X86Insn *x); /* 0 or 1 */
/** x86_flags_res() - tell the result of the last flag writer */
void x86_flags_res(X86Insn *x, IrRef res);
unsigned x86_log2_size(unsigned size);

/* --- the rest of the front end: false = #UD -------------------------------------------
 * x86_trans_sse: all rows with X86_A_SIMD but those for x86_trans_mmx, also the
 * memory forms of 0F AE (fxsave, ldmxcsr, xsave...), 0F C7 /3-/5 (xsave kin).
 * x86_trans_mmx: pp == 0, no VEX, and an opcode that works on MMX registers;
 * also 0F 77 (emms).
 * x86_trans_x87: D8-DF (ModRM decoded) and 9B.
 * They use x->pp, x->op, x->map, x->reg, x->rm, x->imm, IR_G(X86_G_XMM0 + n),
 * IR_G(X86_G_FTOP), x86_ea and the functions above; feature and CR0/CR4 checks
 * (#UD, #NM) are theirs: x86_offers, x->mode, x86_raise_insn. */
X86TransFn x86_trans_sse, x86_trans_x87, x86_trans_mmx, x86_trans_vex;

/* Called by other integer translation functions */
X86TransFn x86_trans_muldiv, x86_trans_arpl;
/** x86_bmi_legal() - a VEX-coded general-register instruction is legal here;
 *  @bit of CPUID 7 EBX offers it */
bool x86_bmi_legal(const X86Insn *x, uint32_t bit);

/* helpers of helpers_int.def */
#define X86_HELPER(name, kind, fn, flags, vop) IrHelperFn fn;
#include "cpu/x86/helpers_int.def"
#undef X86_HELPER

/* trans_*.c: the functions named in opcodes.def */
#define X86_OP(map, first, last, form, width, attr, fn) X86TransFn fn;
#include "cpu/x86/opcodes.def"
#undef X86_OP

#endif
