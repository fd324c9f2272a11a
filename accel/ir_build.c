/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The builder: appends ops, folds constants, drops what changes nothing. */
#include "accel/ir_build.h"

#include <string.h>

#include "accel/ir_priv.h"

/* What one instruction may add at most; the driver ends a block before. */
#define IR_ROOM_OPS 1024
#define IR_ROOM_TEMPS 512
#define IR_ROOM_CONSTS 256
#define IR_ROOM_SLOTS 16

IrBuilder *ir_builder_new(void)
{
    return g_new0(IrBuilder, 1);
}

void ir_builder_free(IrBuilder *b)
{
    g_free(b);
}

void ir_builder_reset(IrBuilder *b, const CpuOps *ops, uint64_t mode,
                      uint32_t start)
{
    b->ops = ops;
    b->block.ops = b->op_store;
    b->block.consts = b->const_store;
    b->block.op_count = 0;
    b->block.const_count = 0;
    b->block.temp_count = 0;
    b->block.insn_count = 0;
    b->block.slot_count = 0;
    b->block.mode = mode;
    b->block.start = b->block.end = start;
    b->block.crosses = false;
    b->ended = false;
    b->must_end = false;
    b->look = false;
    memset(b->const_hash, 0, sizeof(b->const_hash));
}

IrMark ir_builder_mark(const IrBuilder *b)
{
    return (IrMark){b->block.op_count, b->block.temp_count,
                    b->block.slot_count};
}

void ir_builder_rewind(IrBuilder *b, IrMark m)
{
    b->block.op_count = m.op_count;
    b->block.temp_count = m.temp_count;
    b->block.slot_count = m.slot_count;
    b->ended = false;
    b->must_end = false;
}

bool ir_builder_room(const IrBuilder *b)
{
    return b->block.op_count + IR_ROOM_OPS <= IR_MAX_OPS
           && b->block.temp_count + IR_ROOM_TEMPS <= IR_MAX_TEMPS
           && b->block.const_count + IR_ROOM_CONSTS <= IR_MAX_CONSTS
           && b->block.slot_count + IR_ROOM_SLOTS <= UINT8_MAX;
}

static IrOp *ir_emit(IrBuilder *b, IrOpcode opcode, unsigned w)
{
    IrOp *op;

    g_assert(!b->ended && b->block.op_count < IR_MAX_OPS);
    op = &b->op_store[b->block.op_count++];
    memset(op, 0, sizeof(*op));
    op->op = opcode;
    op->w = w;
    return op;
}

IrOp *ir_insn(IrBuilder *b, uint32_t off)
{
    IrOp *op = ir_emit(b, IR_insn, 0);

    op->imm = off;
    return op;
}

void ir_fetch2(IrBuilder *b)
{
    ir_emit(b, IR_fetch2, 0)->imm = GUEST_PAGE_SIZE;
}

/* --- refs ------------------------------------------------------------------ */

static IrRef ir_new_temp(IrBuilder *b, IrType type, unsigned bits)
{
    unsigned n = b->block.temp_count++;

    g_assert(n < IR_MAX_TEMPS);
    b->block.temp_types[n] = type;
    b->temp_bits[n] = bits;
    return IR_TEMP_BASE + n;
}

IrRef ir_temp(IrBuilder *b)
{
    return ir_new_temp(b, IR_INT, 64);
}

IrRef ir_vtemp(IrBuilder *b)
{
    return ir_new_temp(b, IR_VEC, 0);
}

IrRef ir_const(IrBuilder *b, uint64_t value)
{
    unsigned h = (value * 0x9e3779b97f4a7c15ull) >> 53;

    while (b->const_hash[h]) {
        unsigned n = b->const_hash[h] - 1;
        if (b->const_store[n] == value) {
            return IR_CONST_BASE + n;
        }
        h = (h + 1) % IR_CONST_HASH;
    }
    g_assert(b->block.const_count < IR_MAX_CONSTS);
    b->const_store[b->block.const_count] = value;
    b->const_hash[h] = ++b->block.const_count;
    return IR_CONST_BASE + b->block.const_count - 1;
}

bool ir_is_const(const IrBuilder *b, IrRef r, uint64_t *value)
{
    if (!IR_IS_CONST(r)) {
        return false;
    }
    if (value) {
        *value = b->const_store[r - IR_CONST_BASE];
    }
    return true;
}

/* Bits of @r that may be other than zero. */
static unsigned ir_bits(const IrBuilder *b, IrRef r)
{
    if (IR_IS_TEMP(r)) {
        return b->temp_bits[r - IR_TEMP_BASE];
    }
    if (IR_IS_CONST(r)) {
        uint64_t k = b->const_store[r - IR_CONST_BASE];
        return k ? 64 - (unsigned)__builtin_clzll(k) : 0;
    }
    return r == IR_NONE ? 0 : 64;
}

/* Result place of an integer op whose value has at most @bits bits. */
static IrRef ir_dest(IrBuilder *b, IrRef d, unsigned bits)
{
    if (d == IR_NONE) {
        return ir_new_temp(b, IR_INT, bits);
    }
    if (IR_IS_TEMP(d)) {
        b->temp_bits[d - IR_TEMP_BASE] = bits;
    }
    return d;
}

static IrRef ir_vdest(IrBuilder *b, IrRef d)
{
    return d == IR_NONE ? ir_vtemp(b) : d;
}

/* --- integer ops ----------------------------------------------------------- */

/* The value of @a, all 64 bits, in @d. A temp stands for itself; a global
 * does not, since it may be written before the result is used. */
static IrRef ir_same(IrBuilder *b, IrRef d, IrRef a)
{
    IrOp *op;
    unsigned bits;

    if (d == IR_NONE && (IR_IS_TEMP(a) || IR_IS_CONST(a))) {
        return a;
    }
    if (d == a) {
        return d;
    }
    bits = ir_bits(b, a);
    d = ir_dest(b, d, bits);
    op = ir_emit(b, IR_mov, 8);
    op->d = d;
    op->a = a;
    return d;
}

static IrRef ir_emit1(IrBuilder *b, IrOpcode opcode, unsigned w, IrRef d,
                      IrRef a, unsigned bits, int64_t imm)
{
    IrOp *op;

    d = ir_dest(b, d, bits);
    op = ir_emit(b, opcode, w);
    op->d = d;
    op->a = a;
    op->imm = imm;
    return d;
}

IrRef ir_mov(IrBuilder *b, IrRef d, IrRef a)
{
    return ir_same(b, d, a);
}

static unsigned ir_bits1(IrOpcode opcode, unsigned w)
{
    switch (opcode) {
    case IR_ext8u:
        return 8;
    case IR_ext16u:
        return 16;
    case IR_ext32u:
        return 32;
    case IR_ext32s:
        return 64;
    case IR_clz:
    case IR_ctz:
    case IR_popcnt:
        return w == 4 ? 6 : 7;
    default:
        return w * 8;
    }
}

IrRef ir_op1(IrBuilder *b, IrOpcode opcode, unsigned w, IrRef d, IrRef a)
{
    uint64_t k;
    unsigned bits;

    if (opcode == IR_mov) {
        opcode = w == 4 ? IR_ext32u : IR_mov;
    }
    if (opcode == IR_mov) {
        return ir_same(b, d, a);
    }
    if (ir_is_const(b, a, &k) && ir_eval1(opcode, w, k, &k)) {
        return ir_same(b, d, ir_const(b, k));
    }
    bits = ir_bits1(opcode, w);
    switch (opcode) {
    case IR_ext8u:
    case IR_ext16u:
    case IR_ext32u:
        if (ir_bits(b, a) <= bits) {
            return ir_same(b, d, a);
        }
        break;
    case IR_ext8s:
        if (ir_bits(b, a) < 8) {
            return ir_same(b, d, a);
        }
        break;
    case IR_ext16s:
        if (ir_bits(b, a) < 16) {
            return ir_same(b, d, a);
        }
        break;
    case IR_ext32s:
        if (ir_bits(b, a) < 32) {
            return ir_same(b, d, a);
        }
        break;
    default:
        break;
    }
    return ir_emit1(b, opcode, w, d, a, bits, 0);
}

/* @a cut to width @w. */
static IrRef ir_cut(IrBuilder *b, unsigned w, IrRef d, IrRef a)
{
    return w == 4 ? ir_op1(b, IR_ext32u, 8, d, a) : ir_same(b, d, a);
}

/* a op k where that is a or a constant; false: emit it. */
static bool ir_simplify(IrBuilder *b, IrOpcode opcode, unsigned w, IrRef *d,
                        IrRef a, uint64_t k)
{
    uint64_t ones = w == 4 ? UINT32_MAX : UINT64_MAX;
    unsigned have = ir_bits(b, a);

    k &= ones;
    switch (opcode) {
    case IR_add:
    case IR_sub:
    case IR_or:
    case IR_xor:
    case IR_andn:
        if (k != 0) {
            return false;
        }
        break;
    case IR_shl:
    case IR_shr:
    case IR_sar:
    case IR_rotl:
    case IR_rotr:
        if ((k & (w * 8 - 1)) != 0) {
            return false;
        }
        break;
    case IR_mul:
    case IR_and:
        if (k == 0) {
            *d = ir_same(b, *d, ir_const(b, 0));
            return true;
        }
        if (opcode == IR_mul) {
            if (k != 1) {
                return false;
            }
            break;
        }
        if (k == ones) {
            break;
        }
        /* a mask of low ones that covers all that a has */
        if ((k & (k + 1)) == 0 && have <= 64u - __builtin_clzll(k)) {
            break;
        }
        if (k == 0xff || k == 0xffff || k == UINT32_MAX) {
            IrOpcode ext = k == 0xff     ? IR_ext8u
                           : k == 0xffff ? IR_ext16u
                                         : IR_ext32u;
            *d = ir_op1(b, ext, 8, *d, a);
            return true;
        }
        return false;
    default:
        return false;
    }
    *d = ir_cut(b, w, *d, a);
    return true;
}

static unsigned ir_bits2(const IrBuilder *b, IrOpcode opcode, unsigned w,
                         IrRef a, IrRef c)
{
    unsigned full = w * 8, x = ir_bits(b, a), y = ir_bits(b, c);
    uint64_t k;

    switch (opcode) {
    case IR_and:
        return MIN(full, MIN(x, y));
    case IR_or:
    case IR_xor:
        return MIN(full, MAX(x, y));
    case IR_andn:
        return MIN(full, x);
    case IR_add:
        return MIN(full, MAX(x, y) + 1);
    case IR_shr:
        if (ir_is_const(b, c, &k)) {
            k &= full - 1;
            x = MIN(x, full);
            return x > k ? x - (unsigned)k : 0;
        }
        return MIN(full, x);
    case IR_shl:
        if (ir_is_const(b, c, &k)) {
            return MIN(full, x + (unsigned)(k & (full - 1)));
        }
        return full;
    default:
        return full;
    }
}

IrRef ir_op2(IrBuilder *b, IrOpcode opcode, unsigned w, IrRef d, IrRef a,
             IrRef c)
{
    uint64_t x, y;
    unsigned bits;
    IrOp *op;

    if ((ir_op_info[opcode].flags & IR_F_COMMUTES) && IR_IS_CONST(a)
        && !IR_IS_CONST(c)) {
        IrRef t = a;
        a = c;
        c = t;
    }
    if (ir_is_const(b, c, &y)) {
        if (ir_is_const(b, a, &x) && ir_eval2(opcode, w, x, y, &x)) {
            return ir_same(b, d, ir_const(b, x));
        }
        if (ir_simplify(b, opcode, w, &d, a, y)) {
            return d;
        }
    } else if (a == c && (opcode == IR_xor || opcode == IR_sub)) {
        return ir_same(b, d, ir_const(b, 0));
    } else if (a == c && (opcode == IR_and || opcode == IR_or)) {
        return ir_cut(b, w, d, a);
    }
    bits = ir_bits2(b, opcode, w, a, c);
    d = ir_dest(b, d, bits);
    op = ir_emit(b, opcode, w);
    op->d = d;
    op->a = a;
    op->b = c;
    return d;
}

IrRef ir_op2i(IrBuilder *b, IrOpcode opcode, unsigned w, IrRef d, IrRef a,
              uint64_t k)
{
    return ir_op2(b, opcode, w, d, a, ir_const(b, k));
}

static uint64_t ir_ones(unsigned len)
{
    return len >= 64 ? UINT64_MAX : ((uint64_t)1 << len) - 1;
}

IrRef ir_deposit(IrBuilder *b, unsigned w, IrRef d, IrRef a, IrRef v,
                 unsigned pos, unsigned len)
{
    uint64_t x, y, mask = ir_ones(len) << pos;
    IrOp *op;

    g_assert(len > 0 && pos + len <= w * 8);
    if (pos == 0 && len == w * 8) {
        return ir_cut(b, w, d, v);
    }
    if (ir_is_const(b, a, &x) && ir_is_const(b, v, &y)) {
        x = (x & ~mask) | ((y << pos) & mask);
        return ir_same(b, d, ir_const(b, w == 4 ? (uint32_t)x : x));
    }
    x = MAX(ir_bits(b, a), pos + len);
    d = ir_dest(b, d, MIN((unsigned)x, w * 8));
    op = ir_emit(b, IR_deposit, w);
    op->d = d;
    op->a = a;
    op->b = v;
    op->imm = len << 8 | pos;
    return d;
}

IrRef ir_extract(IrBuilder *b, unsigned w, IrRef d, IrRef a, unsigned pos,
                 unsigned len)
{
    uint64_t x;

    g_assert(len > 0 && pos + len <= w * 8);
    if (ir_is_const(b, a, &x)) {
        return ir_same(b, d, ir_const(b, x >> pos & ir_ones(len)));
    }
    if (pos == 0 && (len == 8 || len == 16 || len == 32)) {
        return ir_op1(b,
                      len == 8    ? IR_ext8u
                      : len == 16 ? IR_ext16u
                                  : IR_ext32u,
                      8, d, a);
    }
    if (pos == 0 && ir_bits(b, a) <= len) {
        return ir_same(b, d, a);
    }
    return ir_emit1(b, IR_extract, w, d, a, len, len << 8 | pos);
}

IrRef ir_sextract(IrBuilder *b, unsigned w, IrRef d, IrRef a, unsigned pos,
                  unsigned len)
{
    uint64_t x;

    g_assert(len > 0 && pos + len <= w * 8);
    if (ir_is_const(b, a, &x)) {
        int64_t s = (int64_t)(x << (64 - pos - len)) >> (64 - len);
        return ir_same(b, d, ir_const(b, w == 4 ? (uint32_t)s : (uint64_t)s));
    }
    return ir_emit1(b, IR_sextract, w, d, a, w * 8, len << 8 | pos);
}

IrRef ir_setc(IrBuilder *b, unsigned w, IrRef d, IrCond cond, IrRef x, IrRef y)
{
    uint64_t p, q;
    IrOp *op;

    if (ir_is_const(b, x, &p) && ir_is_const(b, y, &q)) {
        return ir_same(b, d, ir_const(b, ir_cond_holds(cond, w, p, q)));
    }
    d = ir_dest(b, d, 1);
    op = ir_emit(b, IR_setc, w);
    op->x = cond;
    op->d = d;
    op->a = x;
    op->b = y;
    return d;
}

IrRef ir_select(IrBuilder *b, unsigned w, IrRef d, IrCond cond, IrRef x,
                IrRef y, IrRef if_true, IrRef if_false)
{
    uint64_t p, q;
    IrOp *op;

    if (ir_is_const(b, x, &p) && ir_is_const(b, y, &q)) {
        return ir_same(b, d, ir_cond_holds(cond, w, p, q) ? if_true : if_false);
    }
    if (if_true == if_false) {
        return ir_same(b, d, if_true);
    }
    d = ir_dest(b, d, MAX(ir_bits(b, if_true), ir_bits(b, if_false)));
    op = ir_emit(b, IR_select, w);
    op->x = cond;
    op->d = d;
    op->a = x;
    op->b = y;
    op->c = if_true;
    op->e = if_false;
    return d;
}

IrRef ir_pcrel(IrBuilder *b, IrRef d, int64_t page_off)
{
    IrOp *op;

    d = ir_dest(b, d, 64);
    op = ir_emit(b, IR_pcrel, 8);
    op->d = d;
    op->imm = page_off;
    return d;
}

/* --- memory ---------------------------------------------------------------- */

/* Put an address into @op; constant parts go into the displacement. */
static void ir_set_addr(const IrBuilder *b, IrOp *op, IrAddr at)
{
    uint64_t k, disp = (uint64_t)at.disp;

    if (ir_is_const(b, at.index, &k)) {
        disp += k << at.shift;
        at.index = IR_NONE;
    }
    if (ir_is_const(b, at.base, &k)) {
        disp += k;
        at.base = IR_NONE;
    }
    if (at.base == IR_NONE && at.shift == 0) {
        at.base = at.index;
        at.index = IR_NONE;
    }
    op->a = at.base;
    op->b = at.index;
    op->x = at.index == IR_NONE ? 0 : at.shift;
    op->mmu = at.mmu;
    op->imm = (int64_t)disp;
}

IrRef ir_ld(IrBuilder *b, IrRef d, IrAddr at, unsigned size, unsigned mem)
{
    IrOp *op;
    unsigned bits = mem & IR_MEM_SIGNED     ? 64
                    : mem & IR_MEM_SIGNED32 ? 32
                                            : size * 8;

    d = size == 16 ? ir_vdest(b, d) : ir_dest(b, d, bits);
    op = ir_emit(b, IR_ld, size);
    ir_set_addr(b, op, at);
    op->d = d;
    op->mem = mem | at.mem;
    return d;
}

void ir_st(IrBuilder *b, IrAddr at, unsigned size, unsigned mem, IrRef v)
{
    IrOp *op = ir_emit(b, IR_st, size);

    ir_set_addr(b, op, at);
    op->c = v;
    op->mem = mem | at.mem;
}

void ir_probe(IrBuilder *b, IrAddr at, unsigned size)
{
    IrOp *op;

    g_assert(size > 0 && size < 256);
    op = ir_emit(b, IR_probe, size);
    ir_set_addr(b, op, at);
    op->mem = at.mem;
}

IrRef ir_ldenv(IrBuilder *b, IrRef d, uint32_t off, unsigned size,
               bool is_signed)
{
    IrOp *op;

    d = ir_dest(b, d, is_signed ? 64 : size * 8);
    op = ir_emit(b, IR_ldenv, size);
    op->d = d;
    op->imm = off;
    op->mem = is_signed ? IR_MEM_SIGNED : 0;
    return d;
}

void ir_stenv(IrBuilder *b, uint32_t off, unsigned size, IrRef v)
{
    IrOp *op = ir_emit(b, IR_stenv, size);

    op->imm = off;
    op->a = v;
}

/* --- vectors --------------------------------------------------------------- */

static IrRef ir_vec(IrBuilder *b, IrOpcode opcode, unsigned w, IrRef d, IrRef a,
                    IrRef c, int64_t imm)
{
    IrOp *op = ir_emit(b, opcode, w);

    op->d = d;
    op->a = a;
    op->b = c;
    op->imm = imm;
    return d;
}

IrRef ir_vmov(IrBuilder *b, IrRef d, IrRef a)
{
    if (d == a || (d == IR_NONE && IR_IS_TEMP(a))) {
        return a;
    }
    return ir_vec(b, IR_vmov, 16, ir_vdest(b, d), a, IR_NONE, 0);
}

IrRef ir_vset(IrBuilder *b, IrRef d, IrRef lo, IrRef hi)
{
    return ir_vec(b, IR_vset, 16, ir_vdest(b, d), lo, hi, 0);
}

IrRef ir_vins(IrBuilder *b, IrRef d, IrRef a, unsigned size, unsigned lane,
              IrRef v)
{
    return ir_vec(b, IR_vins, size, ir_vdest(b, d), a, v, lane);
}

IrRef ir_vext(IrBuilder *b, IrRef d, IrRef a, unsigned size, unsigned lane)
{
    return ir_vec(b, IR_vext, size, ir_dest(b, d, size * 8), a, IR_NONE, lane);
}

/* --- calls ----------------------------------------------------------------- */

static void ir_note_call(IrBuilder *b, unsigned helper)
{
    g_assert(helper < b->ops->helper_count);
    if (b->ops->helpers[helper].flags & (IR_H_IO | IR_H_MODE)) {
        b->must_end = true;
    }
}

static IrOp *ir_emit_call(IrBuilder *b, unsigned helper, IrRef a, IrRef c,
                          IrRef e, IrRef f)
{
    IrOp *op = ir_emit(b, IR_call, 8);

    op->a = a;
    op->b = c;
    op->c = e;
    op->e = f;
    op->imm = helper;
    ir_note_call(b, helper);
    return op;
}

IrRef ir_call(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c, IrRef e,
              IrRef f)
{
    d = ir_dest(b, d, 64);
    ir_emit_call(b, helper, a, c, e, f)->d = d;
    return d;
}

void ir_call_void(IrBuilder *b, unsigned helper, IrRef a, IrRef c, IrRef e,
                  IrRef f)
{
    ir_emit_call(b, helper, a, c, e, f);
}

static int64_t ir_vcall_imm(unsigned helper, uint32_t imm)
{
    return (int64_t)((uint64_t)imm << 16 | helper);
}

IrRef ir_vcall(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c,
               uint32_t imm)
{
    ir_note_call(b, helper);
    return ir_vec(b, IR_vcall, 16, ir_vdest(b, d), a, c,
                  ir_vcall_imm(helper, imm));
}

/* The third operand tells who looks for readers; executors need it not. */
void ir_vcall_d(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c,
                uint32_t imm)
{
    IrOp *op;

    ir_note_call(b, helper);
    op = ir_emit(b, IR_vcall, 16);
    op->d = d;
    op->a = a;
    op->b = c;
    op->c = d;
    op->imm = ir_vcall_imm(helper, imm);
}

IrRef ir_vcall_i(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef c,
                 uint32_t imm)
{
    ir_note_call(b, helper);
    return ir_vec(b, IR_vcall_i, 16, ir_dest(b, d, 64), a, c,
                  ir_vcall_imm(helper, imm));
}

IrRef ir_ivcall(IrBuilder *b, unsigned helper, IrRef d, IrRef a, IrRef v,
                uint32_t imm)
{
    ir_note_call(b, helper);
    return ir_vec(b, IR_ivcall, 16, ir_vdest(b, d), a, v,
                  ir_vcall_imm(helper, imm));
}

/* --- control --------------------------------------------------------------- */

static IrOp *ir_emit_cond(IrBuilder *b, IrOpcode opcode, unsigned w,
                          IrCond cond, IrRef x, IrRef y)
{
    IrOp *op = ir_emit(b, opcode, w);

    op->x = cond;
    op->a = x;
    op->b = y;
    return op;
}

void ir_skip(IrBuilder *b, unsigned w, IrCond cond, IrRef x, IrRef y)
{
    ir_emit_cond(b, IR_skip, w, cond, x, y);
}

void ir_label(IrBuilder *b)
{
    ir_emit(b, IR_label, 0);
}

void ir_brc(IrBuilder *b, unsigned w, IrCond cond, IrRef x, IrRef y,
            int64_t page_off)
{
    uint64_t p, q;
    IrOp *op;

    if (ir_is_const(b, x, &p) && ir_is_const(b, y, &q)
        && !ir_cond_holds(cond, w, p, q)) {
        return;
    }
    op = ir_emit_cond(b, IR_brc, w, cond, x, y);
    op->imm = page_off;
    op->slot = b->block.slot_count++;
}

void ir_exit_direct(IrBuilder *b, int64_t page_off, bool check_events)
{
    IrOp *op = ir_emit(b, IR_exit_direct, 0);

    op->imm = page_off;
    op->x = check_events;
    op->slot = b->block.slot_count++;
    b->ended = true;
}

void ir_exit_indirect(IrBuilder *b, IrRef pc, bool check_events)
{
    IrOp *op = ir_emit(b, IR_exit_indirect, 0);

    op->a = pc;
    op->x = check_events;
    b->ended = true;
}

void ir_exit_env(IrBuilder *b)
{
    ir_emit(b, IR_exit_env, 0);
    b->ended = true;
}

bool ir_ended(const IrBuilder *b)
{
    return b->ended;
}

void ir_look_next(IrBuilder *b, bool on)
{
    b->look = on;
}

bool ir_looks_next(const IrBuilder *b)
{
    return b->look;
}
