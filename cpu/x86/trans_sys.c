/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System instructions, segment registers, ports, cache and identification.
 * Source: SDM volume 2; what they do is in the helpers of helpers_sys.def. */
#include "cpu/x86/trans_priv.h"

static bool x86_user(const X86Insn *x)
{
    return (x->mode & X86_MODE_CPL) != 0;
}

static void x86_call0(X86Insn *x, unsigned helper)
{
    ir_call_void(x->b, helper, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

static void x86_call1(X86Insn *x, unsigned helper, IrRef a)
{
    ir_call_void(x->b, helper, a, IR_NONE, IR_NONE, IR_NONE);
}

/* ZF = bit 0 of @zf, the others stay. */
static void x86_set_zf(X86Insn *x, IrRef zf)
{
    x86_set_flags_raw(x,
                      ir_deposit(x->b, 4, IR_NONE, x86_get_flags(x), zf, 6, 1));
}

/* A 16-bit value: 2 bytes of memory, or a register of operand size. */
static void x86_store_word(X86Insn *x, IrRef v)
{
    x86_store_rm(x, x->is_mem ? 2 : x->width, v);
}

/* --- segment registers ----------------------------------------------------- */

static IrRef x86_selector(X86Insn *x, unsigned seg)
{
    return ir_ldenv(x->b, IR_NONE,
                    offsetof(X86Cpu, seg[0].sel) + seg * sizeof(X86Seg), 2,
                    false);
}

/* @shadow: mov ss and pop ss hold back what comes between two instructions */
static void x86_load_segment(X86Insn *x, unsigned seg, IrRef selector,
                             bool shadow)
{
    x86_call_gw(x, X86_H_load_seg, false, ir_const(x->b, seg), selector,
                ir_const(x->b, shadow), IR_NONE);
}

static void x86_end_segment(X86Insn *x, unsigned seg)
{
    if (seg == X86_SS) {
        x86_end_shadowed(x);
    } else {
        x86_end_next(x, true);
    }
}

bool x86_trans_mov_from_seg(X86Insn *x)
{
    if ((x->reg & 7) >= X86_SEG_COUNT) {
        return false;
    }
    x86_store_word(x, x86_selector(x, x->reg & 7));
    return true;
}

bool x86_trans_mov_to_seg(X86Insn *x)
{
    unsigned seg = x->reg & 7;

    if (seg >= X86_SEG_COUNT || seg == X86_CS) {
        return false;
    }
    x86_load_segment(x, seg, x86_load_rm_u(x, 2), seg == X86_SS);
    x86_end_segment(x, seg);
    return true;
}

bool x86_trans_pushpop_seg(X86Insn *x)
{
    unsigned seg = (x->op >> 3) & 7;
    unsigned size = x->width;

    if (x->map == 1) {
        seg = x->op & 8 ? X86_GS : X86_FS;
    }
    if (!(x->op & 1)) {
        x86_push(x, size, x86_selector(x, seg));
        return true;
    }
    IrRef v = x86_ld(x, x86_stack_addr(x, 0, size, false), size, 0);
    x86_load_segment(x, seg, x86_ext_u(x, v, 2), seg == X86_SS);
    x86_stack_adjust(x, size);
    x86_end_segment(x, seg);
    return true;
}

/* les lds lss lfs lgs */
bool x86_trans_load_far(X86Insn *x)
{
    unsigned size = x->width;
    unsigned seg = x->map == 1 ? x->op & 7 : x->op & 1 ? X86_DS : X86_ES;

    if (!x->is_mem) {
        return false;
    }
    IrRef off = x86_ld(x, x86_ea(x, size, false), size, 0);
    IrRef selector = x86_ld(x, x86_ea_at(x, size, 2, false), 2, 0);
    x86_load_segment(x, seg, selector, false);
    x86_set_reg(x, x->reg, size, off);
    x86_end_next(x, true);
    return true;
}

bool x86_trans_arpl(X86Insn *x)
{
    IrBuilder *b = x->b;

    if ((x->mode & (X86_MODE_PE | X86_MODE_VM86)) != X86_MODE_PE) {
        return false;
    }
    IrRef old = x86_rmw_load(x, 2);
    IrRef rpl = ir_op2i(b, IR_and, 4, IR_NONE, x86_reg(x, x->reg, 2), 3);
    IrRef mine = ir_op2i(b, IR_and, 4, IR_NONE, old, 3);
    IrRef zf = ir_setc(b, 4, IR_NONE, IR_LTU, mine, rpl);
    IrRef v = ir_deposit(b, 4, IR_NONE, old, rpl, 0, 2);
    v = ir_select(b, 4, IR_NONE, IR_NE, zf, ir_const(b, 0), v, old);
    x86_rmw_store(x, 2, v);
    x86_set_zf(x, zf);
    return true;
}

bool x86_trans_lar_lsl(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef selector = x86_load_rm_u(x, 2);
    IrRef r = ir_call(b, x->op & 1 ? X86_H_lsl : X86_H_lar, IR_NONE, selector,
                      IR_NONE, IR_NONE, IR_NONE);
    IrRef zf = ir_extract(b, 8, IR_NONE, r, 32, 1);
    IrRef g = IR_G(x->reg);
    IrRef v = x->width == 2 ? ir_deposit(b, 8, IR_NONE, g, r, 0, 16)
                            : x86_ext_u(x, r, 4);

    v = ir_select(b, 4, IR_NONE, IR_NE, zf, ir_const(b, 0), v, g);
    x86_set_zf(x, zf);
    x86_set_reg(x, x->reg, 8, v);
    return true;
}

/* --- group 6: 0F 00 -------------------------------------------------------- */

static void x86_store_system_selector(X86Insn *x, uint32_t off)
{
    x86_call1(x, X86_H_umip, ir_const(x->b, 1));
    x86_store_word(x, ir_ldenv(x->b, IR_NONE, off, 2, false));
}

bool x86_trans_grp6(X86Insn *x)
{
    unsigned n = x->reg & 7;

    switch (n) {
    case 0:
        x86_store_system_selector(x, offsetof(X86Cpu, ldt.sel));
        return true;
    case 1:
        x86_store_system_selector(x, offsetof(X86Cpu, tr.sel));
        return true;
    case 2:
    case 3:
        if (x86_user(x)) {
            x86_gp0(x);
            return true;
        }
        x86_call1(x, n == 2 ? X86_H_lldt : X86_H_ltr, x86_load_rm_u(x, 2));
        return true;
    case 4:
    case 5:
        x86_set_zf(x, ir_call(x->b, X86_H_verr, IR_NONE, x86_load_rm_u(x, 2),
                              ir_const(x->b, n == 5), IR_NONE, IR_NONE));
        return true;
    default:
        return false;
    }
}

/* --- group 7: 0F 01 -------------------------------------------------------- */

static void x86_store_table(X86Insn *x, uint32_t base, uint32_t limit)
{
    IrBuilder *b = x->b;
    unsigned size = x->code64 ? 8 : 4;

    x86_call0(x, X86_H_umip);
    IrAddr at = x86_ea(x, size + 2, true);
    ir_probe(b, at, size + 2);
    ir_st(b, at, 2, IR_MEM_NOFAULT, ir_ldenv(b, IR_NONE, limit, 2, false));
    at.disp += 2;
    ir_st(b, at, size, IR_MEM_NOFAULT, ir_ldenv(b, IR_NONE, base, size, false));
}

static void x86_load_table(X86Insn *x, unsigned helper)
{
    unsigned size = x->code64 ? 8 : 4;
    IrRef limit = x86_ld(x, x86_ea(x, 2, false), 2, 0);
    IrRef base = x86_ld(x, x86_ea_at(x, 2, size, false), size, 0);

    if (!x->code64 && x->osize == 2) { /* 24 bits */
        base = ir_op2i(x->b, IR_and, 4, IR_NONE, base, 0xffffff);
    }
    ir_call_void(x->b, helper, base, limit, IR_NONE, IR_NONE);
}

static bool x86_smsw(X86Insn *x)
{
    x86_call0(x, X86_H_umip);
    x86_store_word(x, ir_ldenv(x->b, IR_NONE, offsetof(X86Cpu, cr0), 8, false));
    return true;
}

static bool x86_lmsw(X86Insn *x)
{
    if (x86_user(x)) {
        x86_gp0(x);
        return true;
    }
    x86_call1(x, X86_H_lmsw, x86_load_rm_u(x, 2));
    x86_end_next(x, true);
    return true;
}

static bool x86_grp7_mem(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (x86_user(x) && (n == 2 || n == 3 || n == 7)) {
        x86_gp0(x);
        return true;
    }
    switch (n) {
    case 0:
        x86_store_table(x, offsetof(X86Cpu, gdt.base),
                        offsetof(X86Cpu, gdt.limit));
        return true;
    case 1:
        x86_store_table(x, offsetof(X86Cpu, idt.base),
                        offsetof(X86Cpu, idt.limit));
        return true;
    case 2:
    case 3:
        x86_load_table(x, n == 2 ? X86_H_lgdt : X86_H_lidt);
        return true;
    case 4:
        return x86_smsw(x);
    case 6:
        return x86_lmsw(x);
    case 7:
        x86_call1(x, X86_H_invlpg, x86_ea_linear(x, 1, false));
        x86_end_next(x, true);
        return true;
    default:
        return false;
    }
}

bool x86_trans_invpcid(X86Insn *x)
{
    IrRef type;

    if (x->pp != 1 || !x->is_mem || !x86_offers(x, X86_FEAT_7_EBX, 1u << 10)) {
        return false;
    }
    if (x86_user(x)) {
        x86_gp0(x);
        return true;
    }
    type = x86_reg_u(x, x->reg, x->width);
    ir_call_void(x->b, X86_H_invpcid, type, x86_ea_linear(x, 16, false),
                 IR_NONE, IR_NONE);
    x86_end_next(x, true);
    return true;
}

static bool x86_monitor(X86Insn *x)
{
    if (!x86_offers(x, X86_FEAT_1_ECX, 1u << 3) || x86_user(x)) {
        return false;
    }
    if (x->modrm == 0xc9) {
        x86_call0(x, X86_H_mwait);
        x86_end_io(x);
        return true;
    }
    unsigned seg = x->seg >= 0 ? (unsigned)x->seg : X86_DS;
    IrAddr at = x86_seg_addr(x, seg, IR_G(X86_RAX), x->asize, 1, false);
    x86_call1(x, X86_H_monitor, x86_linear(x, at));
    return true;
}

static bool x86_clac_stac(X86Insn *x)
{
    if (!x86_offers(x, X86_FEAT_7_EBX, 1u << 20) || x86_user(x) || x->pp) {
        return false;
    }
    x86_call1(x, X86_H_clac_stac, ir_const(x->b, x->modrm & 1));
    x86_end_next(x, true);
    return true;
}

static bool x86_xcr(X86Insn *x)
{
    if (!(x->mode & X86_MODE_OSXSAVE) || x->pp) {
        return false;
    }
    if (x->modrm == 0xd0) {
        x86_call_gw(x, X86_H_xgetbv, false, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    } else if (x86_user(x)) {
        x86_gp0(x);
    } else {
        x86_call_gw(x, X86_H_xsetbv, false, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        x86_end_next(x, true);
    }
    return true;
}

static bool x86_swapgs(X86Insn *x)
{
    if (!x->code64) {
        return false;
    }
    if (x86_user(x)) {
        x86_gp0(x);
        return true;
    }
    x86_call_gw(x, X86_H_swapgs, false, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    return true;
}

static bool x86_rdtsc(X86Insn *x, bool with_aux)
{
    x86_call_gw(x, X86_H_rdtsc, false, ir_const(x->b, with_aux), IR_NONE,
                IR_NONE, IR_NONE);
    x86_end_io(x);
    return true;
}

static bool x86_grp7_reg(X86Insn *x)
{
    switch (x->modrm) {
    case 0xc8:
    case 0xc9:
        return x86_monitor(x);
    case 0xca:
    case 0xcb:
        return x86_clac_stac(x);
    case 0xd0:
    case 0xd1:
        return x86_xcr(x);
    case 0xf8:
        return x86_swapgs(x);
    case 0xf9:
        return x86_offers(x, X86_FEAT_80000001_EDX, 1u << 27)
               && x86_rdtsc(x, true);
    default:
        break;
    }
    switch (x->reg & 7) {
    case 4:
        return x86_smsw(x);
    case 6:
        return x86_lmsw(x);
    default:
        return false;
    }
}

bool x86_trans_grp7(X86Insn *x)
{
    return x->is_mem ? x86_grp7_mem(x) : x86_grp7_reg(x);
}

/* --- fast system calls ----------------------------------------------------- */

bool x86_trans_syscall(X86Insn *x)
{
    if (!x86_offers(x, X86_FEAT_80000001_EDX, 1u << 11)) {
        return false;
    }
    x86_call_gw(x, X86_H_syscall, false, x86_next_ip(x), IR_NONE, IR_NONE,
                IR_NONE);
    x86_end_helper(x);
    return true;
}

static bool x86_system_return(X86Insn *x, unsigned helper)
{
    x86_call_gw(x, helper, false, ir_const(x->b, x->osize), IR_NONE, IR_NONE,
                IR_NONE);
    x86_end_env(x);
    return true;
}

bool x86_trans_sysret(X86Insn *x)
{
    if (!x86_offers(x, X86_FEAT_80000001_EDX, 1u << 11)) {
        return false;
    }
    x86_call_gw(x, X86_H_sysret, false, ir_const(x->b, x->osize), IR_NONE,
                IR_NONE, IR_NONE);
    x86_end_helper(x);
    return true;
}

bool x86_trans_sysenter(X86Insn *x)
{
    return x86_offers(x, X86_FEAT_1_EDX, 1u << 11)
           && x86_system_return(x, X86_H_sysenter);
}

bool x86_trans_sysexit(X86Insn *x)
{
    return x86_offers(x, X86_FEAT_1_EDX, 1u << 11)
           && x86_system_return(x, X86_H_sysexit);
}

bool x86_trans_rsm(X86Insn *x)
{
    x86_call_gw(x, X86_H_rsm, false, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    x86_end_env(x);
    return true;
}

/* --- control, debug and model-specific registers --------------------------- */

static bool x86_read_cr(X86Insn *x, unsigned n)
{
    static const uint32_t off[5] = {
        offsetof(X86Cpu, cr0), 0, offsetof(X86Cpu, cr2), offsetof(X86Cpu, cr3),
        offsetof(X86Cpu, cr4),
    };
    IrBuilder *b = x->b;

    if (n < 5) {
        x86_set_reg(x, x->rm, x->width, ir_ldenv(b, IR_NONE, off[n], 8, false));
        return true;
    }
    x86_set_reg(x, x->rm, x->width,
                ir_call(b, X86_H_read_cr, IR_NONE, ir_const(b, n), IR_NONE,
                        IR_NONE, IR_NONE));
    x86_end_io(x);
    return true;
}

static bool x86_mov_dr(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef n = ir_const(b, x->reg);

    if (x->reg > 7) {
        return false;
    }
    if (x->op & 2) {
        ir_call_void(b, X86_H_write_dr, n, x86_reg_u(x, x->rm, x->width),
                     IR_NONE, IR_NONE);
        x86_end_next(x, true);
    } else {
        x86_set_reg(
            x, x->rm, x->width,
            ir_call(b, X86_H_read_dr, IR_NONE, n, IR_NONE, IR_NONE, IR_NONE));
    }
    return true;
}

bool x86_trans_mov_crdr(X86Insn *x)
{
    unsigned n = x->reg;
    bool exists = n == 0 || (n >= 2 && n <= 4) || (n == 8 && x->code64);

    if (!(x->op & 1) && !exists) {
        return false;
    }
    if (x86_user(x)) {
        x86_gp0(x);
        return true;
    }
    if (x->op & 1) {
        return x86_mov_dr(x);
    }
    if (!(x->op & 2)) {
        return x86_read_cr(x, n);
    }
    ir_call_void(x->b, X86_H_write_cr, ir_const(x->b, n),
                 x86_reg_u(x, x->rm, x->width), IR_NONE, IR_NONE);
    x86_end_next(x, true);
    return true;
}

bool x86_trans_clts(X86Insn *x)
{
    if (x86_user(x)) {
        x86_gp0(x);
        return true;
    }
    x86_call0(x, X86_H_clts);
    x86_end_next(x, true);
    return true;
}

bool x86_trans_wbinvd(X86Insn *x)
{
    x86_call0(x, X86_H_wbinvd);
    return true;
}

bool x86_trans_msr(X86Insn *x)
{
    bool write = x->op == 0x30;

    if (!x86_offers(x, X86_FEAT_1_EDX, 1u << 5)) {
        return false;
    }
    if (x86_user(x)) {
        x86_gp0(x);
        return true;
    }
    x86_call_gw(x, write ? X86_H_wrmsr : X86_H_rdmsr, false, IR_NONE, IR_NONE,
                IR_NONE, IR_NONE);
    if (write) {
        x86_end_next(x, true);
    } else {
        x86_end_io(x);
    }
    return true;
}

bool x86_trans_rdtsc(X86Insn *x)
{
    return x86_offers(x, X86_FEAT_1_EDX, 1u << 4) && x86_rdtsc(x, false);
}

bool x86_trans_rdpmc(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef v = ir_call(b, X86_H_rdpmc, IR_NONE, x86_reg_u(x, X86_RCX, 4),
                      IR_NONE, IR_NONE, IR_NONE);

    x86_set_reg(x, X86_RAX, 4, v);
    x86_set_reg(x, X86_RDX, 4, ir_op2i(b, IR_shr, 8, IR_NONE, v, 32));
    return true;
}

bool x86_trans_cpuid(X86Insn *x)
{
    x86_call_gw(x, X86_H_cpuid, false, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    x86_end_io(x);
    return true;
}

/* --- interrupt flag, halt, ports ------------------------------------------- */

/* Is the next instruction, the one in the shadow of sti, one that cannot end a
 * block but by a fault? Moves, sums, nops: good enough for kernels. */
static bool x86_shadow_plain(const X86Insn *x)
{
    const uint8_t *p = x->t->bytes + x->len;
    unsigned op;

    if (x->t->avail < x->len + 4u || (x->mode & X86_MODE_STEP)) {
        return false;
    }
    if (*p == 0x66) {
        p++;
    }
    if (x->code64 && (*p & 0xf0) == 0x40) {
        p++;
    }
    op = *p;
    return op == 0x90 || (op >= 0x88 && op <= 0x8b) || op == 0x8d
           || (op >= 0xb8 && op <= 0xbf) || (op >= 0x50 && op <= 0x5f)
           || (op < 0x40 && (op & 7) < 6 && op != 0x0f) || op == 0x83
           || op == 0x85 || (op == 0x0f && p[1] == 0x1f);
}

void x86_end_shadow(X86Insn *x)
{
    ir_look_next(x->b, false);
    ir_stenv(x->b, offsetof(X86Cpu, inhibit), 1, ir_const(x->b, 0));
    x86_end_io(x);
}

static void x86_sti(X86Insn *x, IrRef flags)
{
    IrBuilder *b = x->b;
    size_t at = offsetof(X86Cpu, inhibit);
    IrRef was = ir_extract(b, 8, IR_NONE, flags, 9, 1);
    IrRef shadow =
        ir_op2(b, IR_or, 4, IR_NONE, ir_ldenv(b, IR_NONE, at, 1, false),
               ir_op2i(b, IR_xor, 4, IR_NONE, was, 1));

    ir_stenv(b, at, 1, shadow);
    ir_stenv(b, offsetof(X86Cpu, eflags), 8,
             ir_op2i(b, IR_or, 8, IR_NONE, flags, X86_IF));
    if (x86_shadow_plain(x)) {
        ir_look_next(b, true);
    } else {
        x86_end_io(x);
    }
}

bool x86_trans_cli_sti(X86Insn *x)
{
    bool set = x->op & 1;
    IrRef flags;

    if (!(x->mode & X86_MODE_IOPL_OK) || (x->mode & X86_MODE_STEP)) {
        x86_call0(x, set ? X86_H_sti : X86_H_cli);
        x86_end_next(x, true);
        return true;
    }
    flags = ir_ldenv(x->b, IR_NONE, offsetof(X86Cpu, eflags), 8, false);
    if (set) {
        x86_sti(x, flags);
    } else {
        ir_stenv(x->b, offsetof(X86Cpu, eflags), 8,
                 ir_op2i(x->b, IR_and, 8, IR_NONE, flags, ~(uint64_t)X86_IF));
    }
    return true;
}

bool x86_trans_hlt(X86Insn *x)
{
    x86_call0(x, X86_H_hlt);
    x86_end_io(x);
    return true;
}

bool x86_trans_inout(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned size = MIN(x->width, 4u);
    IrRef port =
        x->op & 8 ? x86_reg_u(x, X86_RDX, 2) : ir_const(b, (uint8_t)x->imm);

    if (x->op & 2) {
        ir_call_void(b, X86_H_out, port, ir_const(b, size),
                     x86_reg_u(x, X86_RAX, size), IR_NONE);
        x86_end_next(x, true);
    } else {
        x86_set_reg(x, X86_RAX, size,
                    ir_call(b, X86_H_in, IR_NONE, port, ir_const(b, size),
                            IR_NONE, IR_NONE));
        x86_end_io(x);
    }
    return true;
}

/* --- groups 9 and 15, nops ------------------------------------------------- */

static bool x86_random(X86Insn *x)
{
    IrBuilder *b = x->b;

    x86_set_reg(
        x, x->rm, x->osize,
        ir_call(b, X86_H_random, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE));
    x86_set_flags_raw(x, ir_const(b, X86_CF)); /* a number was there */
    x86_end_io(x);
    return true;
}

static bool x86_grp9_reg(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (n == 6 && x->pp < 2) {
        return x86_offers(x, X86_FEAT_1_ECX, 1u << 30) && x86_random(x);
    }
    if (n == 7 && x->pp < 2) {
        return x86_offers(x, X86_FEAT_7_EBX, 1u << 18) && x86_random(x);
    }
    if (n == 7 && x->pp == 2 && x86_offers(x, X86_FEAT_7_ECX, 1u << 22)) {
        IrRef v = ir_ldenv(x->b, IR_NONE, offsetof(X86Cpu, tsc_aux), 4, false);

        x86_set_reg(x, x->rm, 8, v); /* rdpid */
        return true;
    }
    return false;
}

static IrRef x86_pair(X86Insn *x, unsigned lo, unsigned hi)
{
    return ir_deposit(x->b, 8, IR_NONE, IR_G(lo), IR_G(hi), 32, 32);
}

static void x86_cmpxchg8b(X86Insn *x)
{
    IrBuilder *b = x->b;
    IrRef old = x86_rmw_load(x, 8);
    IrRef expect = x86_pair(x, X86_RAX, X86_RDX);
    IrRef zf = ir_setc(b, 8, IR_NONE, IR_EQ, old, expect);
    IrRef set = ir_select(b, 8, IR_NONE, IR_EQ, old, expect,
                          x86_pair(x, X86_RBX, X86_RCX), old);
    IrRef lo = ir_select(b, 8, IR_NONE, IR_EQ, old, expect, IR_G(X86_RAX),
                         x86_ext_u(x, old, 4));
    IrRef hi = ir_select(b, 8, IR_NONE, IR_EQ, old, expect, IR_G(X86_RDX),
                         ir_op2i(b, IR_shr, 8, IR_NONE, old, 32));

    x86_rmw_store(x, 8, set);
    x86_set_zf(x, zf);
    x86_set_reg(x, X86_RAX, 8, lo);
    x86_set_reg(x, X86_RDX, 8, hi);
}

bool x86_trans_grp9(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (x->lock && n != 1) {
        return false;
    }
    if (!x->is_mem) {
        return x86_grp9_reg(x);
    }
    if (n >= 3 && n <= 5) {
        return x86_trans_sse(x);
    }
    if (n != 1) {
        return false;
    }
    if (x->rex_w) {
        if (!x86_offers(x, X86_FEAT_1_ECX, 1u << 13)) {
            return false;
        }
        x86_call_gw(x, X86_H_cmpxchg16b, false, x86_ea_linear(x, 16, true),
                    IR_NONE, IR_NONE, IR_NONE);
        return true;
    }
    if (!x86_offers(x, X86_FEAT_1_EDX, 1u << 8)) {
        return false;
    }
    x86_cmpxchg8b(x);
    return true;
}

static bool x86_fsgsbase(X86Insn *x)
{
    IrBuilder *b = x->b;
    unsigned n = x->reg & 7;
    IrRef base = IR_G(X86_G_SEG_BASE0 + X86_FS + (n & 1));

    if (!x->code64 || n > 3 || !x86_offers(x, X86_FEAT_7_EBX, 1u << 0)) {
        return false;
    }
    IrRef v = x86_reg_u(x, x->rm, x->width);
    ir_call_void(b, X86_H_fsgsbase, ir_const(b, n >= 2), v, IR_NONE, IR_NONE);
    if (n < 2) {
        x86_set_reg(x, x->rm, x->width, base);
    } else {
        ir_mov(b, base, v);
    }
    return true;
}

/* clflush and its kin find no cache to write back; they fault as loads do. */
static bool x86_flush_line(X86Insn *x)
{
    bool there = false;

    if (x->pp == 0 && (x->reg & 7) == 7) {
        there = x86_offers(x, X86_FEAT_1_EDX, 1u << 19);
    } else if (x->pp == 1) {
        there = x86_offers(x, X86_FEAT_7_EBX,
                           (x->reg & 7) == 7 ? 1u << 23 : 1u << 24);
    }
    if (there) {
        ir_call_void(x->b, X86_H_touch, x86_ea_linear(x, 1, false),
                     ir_const(x->b, x->mmu), IR_NONE, IR_NONE);
    }
    return there;
}

bool x86_trans_grp15(X86Insn *x)
{
    unsigned n = x->reg & 7;

    if (x->vex) {
        return x86_trans_sse(x);
    }
    if (x->is_mem) {
        return n == 7 || (n == 6 && x->pp == 1) ? x86_flush_line(x)
                                                : x86_trans_sse(x);
    }
    if (x->pp == 2) {
        return x86_fsgsbase(x);
    }
    /* lfence mfence sfence: one thread runs all vCPUs */
    return x->pp == 0 && n >= 5
           && x86_offers(x, X86_FEAT_1_EDX, n == 7 ? 1u << 25 : 1u << 26);
}

bool x86_trans_nop_rm(X86Insn *x)
{
    return true;
}

bool x86_trans_prefetchw(X86Insn *x)
{
    return x->is_mem;
}

bool x86_trans_ud1(X86Insn *x)
{
    return false;
}

/* --- MMX or SSE ------------------------------------------------------------ */

static bool x86_is_mmx(const X86Insn *x)
{
    if (x->pp || x->vex) {
        return false;
    }
    switch (x->map) {
    case 1:
        return x->op != 0x6c && x->op != 0x6d && x->op != 0x7c && x->op != 0x7d
               && x->op != 0xd0 && x->op != 0xd6 && x->op != 0xe6
               && x->op != 0xf0;
    case 2:
        return x->op <= 0x0b || (x->op >= 0x1c && x->op <= 0x1e);
    default:
        return x->op == 0x0f;
    }
}

bool x86_trans_simd(X86Insn *x)
{
    return x86_is_mmx(x) ? x86_trans_mmx(x) : x86_trans_sse(x);
}
