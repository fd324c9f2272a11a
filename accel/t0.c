/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interpreter's inner loop. Each op ends in a jump to the next one's code
 * address, so that the host predicts every op on its own. */
#include "accel/t0_priv.h"

#include <string.h>

#include "accel/ir_arith.h"
#include "core/bytes.h"

#define T0_AT(off) ((void *)((char *)v + (off)))
#define R(off) (*(uint64_t *)T0_AT(off))
#define V(off) (*(V128 *)T0_AT(off))

/* Address of a memory op that is not decoded further. */
static uint64_t t0_addr(Vcpu *v, const T0Op *op)
{
    uint64_t va = R(op->a) + (uint64_t)op->imm;

    if (op->c & 1 << 30) {
        va += R(op->b) << (op->c >> 16 & 15);
    }
    return MEM_HOW_MEM((unsigned)op->c) & IR_MEM_ADDR32 ? (uint32_t)va : va;
}

/* Inside the page and the page in level 1? */
static bool t0_hit(uint64_t tag, uint64_t va, unsigned size)
{
    return ACCEL_LIKELY(tag == ((va + size - 1) & TLB_PAGE_MASK));
}

static void t0_ldvec(Vcpu *v, const T0Op *op)
{
    uint64_t va = t0_addr(v, op);
    unsigned how = (unsigned)op->c & 0xffff;
    TlbL1Entry *e = tlb_l1_entry(v->tlb, va, MEM_HOW_MMU(how));
    unsigned slow = IR_MEM_BE | IR_MEM_INTENT | (va & 15 ? IR_MEM_ALIGNED : 0);

    if (t0_hit(e->read_tag, va, 16) && !(MEM_HOW_MEM(how) & slow)) {
        memcpy(T0_AT(op->d), (void *)(uintptr_t)(va + e->addend), 16);
        return;
    }
    mem_slow_load_vec(v, va, how, &V(op->d));
}

static void t0_stvec(Vcpu *v, const T0Op *op)
{
    uint64_t va = t0_addr(v, op);
    unsigned how = (unsigned)op->c & 0xffff;
    TlbL1Entry *e = tlb_l1_entry(v->tlb, va, MEM_HOW_MMU(how));
    unsigned slow = IR_MEM_BE | (va & 15 ? IR_MEM_ALIGNED : 0);

    if (t0_hit(e->write_tag, va, 16) && !(MEM_HOW_MEM(how) & slow)) {
        memcpy((void *)(uintptr_t)(va + e->addend), T0_AT(op->d), 16);
        return;
    }
    mem_slow_store_vec(v, va, how, &V(op->d));
}

static void t0_probe(Vcpu *v, const T0Op *op)
{
    uint64_t va = t0_addr(v, op);
    unsigned how = (unsigned)op->c & 0xffff;
    TlbL1Entry *e = tlb_l1_entry(v->tlb, va, MEM_HOW_MMU(how));

    if (!t0_hit(e->write_tag, va, (unsigned)op->d)) {
        mem_slow_probe(v, va, (unsigned)op->d, MEM_HOW_MMU(how),
                       MEM_HOW_MEM(how) & IR_MEM_ADDR32);
    }
}

static void t0_vins(Vcpu *v, const T0Op *op)
{
    uint64_t lane = R(op->b);
    V128 value = V(op->a);

    switch (op->c) {
    case 1:
        value.u8[op->imm & 15] = (uint8_t)lane;
        break;
    case 2:
        value.u16[op->imm & 7] = (uint16_t)lane;
        break;
    case 4:
        value.u32[op->imm & 3] = (uint32_t)lane;
        break;
    default:
        value.u64[op->imm & 1] = lane;
        break;
    }
    V(op->d) = value;
}

static uint64_t t0_vext(const V128 *a, const T0Op *op)
{
    switch (op->c) {
    case 1:
        return a->u8[op->imm & 15];
    case 2:
        return a->u16[op->imm & 7];
    case 4:
        return a->u32[op->imm & 3];
    default:
        return a->u64[op->imm & 1];
    }
}

/* The second page of a straddling instruction: same fills as any fetch. */
static bool t0_fetch2(Vcpu *v, const Block *b)
{
    uint64_t va = (v->pc_page + GUEST_PAGE_SIZE) & v->ops->pc_mask(v->mode);
    TlbL2Entry *e = tlb_lookup(v, va, ACCESS_EXEC, v->ops->fetch_mmu(v));

    return e && b->has_page2 && (e->pa & TLB_PAGE_MASK) == b->phys2;
}

/* Generated code can run it, or its T0 ops are still to be made. */
static bool t0_native(const Vcpu *v, const Block *b)
{
    return !b->t0 || (b->native && v->budget >= b->insns);
}

static Block *t0_jump(Vcpu *v, uint64_t pc)
{
    Block *b = accel_jump(v, pc);

    return b && !t0_native(v, b) ? b : NULL;
}

/* clang-format off */
#define NEXT do { op++; goto *op->go; } while (0)
#define ENTER(block) do { \
    b = (block); v->accel->cache.running = b; op = b->t0; goto *op->go; \
} while (0)
#define LEAVE(why) do { exit = (why); goto leave; } while (0)

#define DO_ARITH2(nm, value) \
    L_##nm##4: { enum { BITS = 32 }; uint32_t x = (uint32_t)R(op->a), y = (uint32_t)R(op->b); R(op->d) = (uint32_t)(value); NEXT; } \
    L_##nm##8: { enum { BITS = 64 }; uint64_t x = R(op->a), y = R(op->b); R(op->d) = (value); NEXT; } \
    L_##nm##4i: { enum { BITS = 32 }; uint32_t x = (uint32_t)R(op->a), y = (uint32_t)op->u; R(op->d) = (uint32_t)(value); NEXT; } \
    L_##nm##8i: { enum { BITS = 64 }; uint64_t x = R(op->a), y = op->u; R(op->d) = (value); NEXT; }
#define DO_ARITH1(nm, value) \
    L_##nm##4: { uint32_t x = (uint32_t)R(op->a); R(op->d) = (uint32_t)(value); NEXT; } \
    L_##nm##8: { uint64_t x = R(op->a); R(op->d) = (value); NEXT; }
#define DO_COND1(nm, T, suffix, second, iftrue, iffalse, value) \
    L_setc_##nm##suffix: { T x = (T)R(op->a), y = (T)(second); R(op->d) = (value); NEXT; } \
    L_select_##nm##suffix: { T x = (T)R(op->a), y = (T)(second); R(op->d) = (value) ? R(iftrue) : R(iffalse); NEXT; } \
    L_brc_##nm##suffix: { T x = (T)R(op->a), y = (T)(second); if (value) { goto take_link; } NEXT; } \
    L_skip_##nm##suffix: { T x = (T)R(op->a), y = (T)(second); if (value) { op += op->d; goto *op->go; } NEXT; }
#define DO_COND(up, nm, value) \
    DO_COND1(nm, uint32_t, 4, R(op->b), op->c, op->e, value) \
    DO_COND1(nm, uint64_t, 8, R(op->b), op->c, op->e, value) \
    DO_COND1(nm, uint32_t, 4i, op->u, op->b, op->c, value) \
    DO_COND1(nm, uint64_t, 8i, op->u, op->b, op->c, value)

#define ADDR_a (R(op->a) + op->u)
#define ADDR_a32 ((uint32_t)(R(op->a) + op->u))
#define ADDR_ab (R(op->a) + (R(op->b) << (op->c >> 16 & 15)) + op->u)
#define ADDR_ab32 ((uint32_t)ADDR_ab)
#define DO_LD1(nm, tag, bytes, value, addr) \
    L_##nm: { \
        uint64_t va = addr; TlbL1Entry *e = tlb_l1_entry(tlb, va, op->c & 7); \
        if (t0_hit(e->tag, va, bytes)) { \
            const uint8_t *p = (const uint8_t *)(uintptr_t)(va + e->addend); R(op->d) = (value); \
        } else { \
            uint64_t loaded = mem_slow_load(v, va, (unsigned)op->c & 0xffff); \
            if (ACCEL_UNLIKELY(v->fault)) { goto faulted; } \
            R(op->d) = loaded; \
        } \
        NEXT; \
    }
#define DO_LD(nm, tag, bytes, value) \
    DO_LD1(nm##_a, tag, bytes, value, ADDR_a) DO_LD1(nm##_a32, tag, bytes, value, ADDR_a32) \
    DO_LD1(nm##_ab, tag, bytes, value, ADDR_ab) DO_LD1(nm##_ab32, tag, bytes, value, ADDR_ab32)
#define DO_ST1(nm, bytes, store, addr) \
    L_##nm: { \
        uint64_t va = addr; TlbL1Entry *e = tlb_l1_entry(tlb, va, op->c & 7); \
        if (t0_hit(e->write_tag, va, bytes)) { \
            uint8_t *p = (uint8_t *)(uintptr_t)(va + e->addend); uint64_t x = R(op->d); store; \
        } else { \
            mem_slow_store(v, va, (unsigned)op->c & 0xffff, R(op->d)); \
            if (ACCEL_UNLIKELY(v->fault)) { goto faulted; } \
        } \
        NEXT; \
    }
#define DO_ST(nm, bytes, store) \
    DO_ST1(nm##_a, bytes, store, ADDR_a) DO_ST1(nm##_a32, bytes, store, ADDR_a32) \
    DO_ST1(nm##_ab, bytes, store, ADDR_ab) DO_ST1(nm##_ab32, bytes, store, ADDR_ab32)
#define VPTR(off) ((off) < 0 ? NULL : &V(off))

/* With @v NULL: only hands out the code addresses. */
static T0Exit t0_loop(Vcpu *v, Block *b, BlockLink **link, const void *const **out)
{ /* flat */
#define T0_LABEL(nm) [T0_##nm] = &&L_##nm,
#define ARITH2(nm, value) T0_WIDTHS(T0_LABEL, nm)
#define ARITH1(nm, value) T0_LABEL(nm##4) T0_LABEL(nm##8)
#define ARITH_COND(up, nm, value) \
    T0_WIDTHS(T0_LABEL, setc_##nm) T0_WIDTHS(T0_LABEL, select_##nm) \
    T0_WIDTHS(T0_LABEL, brc_##nm) T0_WIDTHS(T0_LABEL, skip_##nm)
    static const void *const labels[T0_CODE_COUNT] = {
#include "accel/ir_arith.def"
        T0_PLAIN_OPS(T0_LABEL) T0_MEM_OPS(T0_LABEL)
    };
    const T0Op *op, *start;
    BlockLink *l;
    T0Exit exit;
    uint64_t mask, pc;
    Block *to;
    Tlb *tlb;

    if (!v) {
        *out = labels;
        return T0_EXIT_BUDGET;
    }
    tlb = v->tlb;
    mask = v->ops->pc_mask(v->mode);
    start = b->t0;
    ENTER(b);

L_insn:
    start = op;
    if (ACCEL_UNLIKELY(v->budget == 0)) {
        v->pc = (v->pc_page + op->u) & mask;
        LEAVE(T0_EXIT_BUDGET);
    }
    v->budget--;
    NEXT;
L_fetch2:
    if (ACCEL_UNLIKELY(!t0_fetch2(v, b))) {
        if (v->fault) {
            goto faulted;
        }
        v->budget++;
        v->pc = (v->pc_page + start->u) & mask;
        LEAVE(T0_EXIT_STALE);
    }
    NEXT;
L_mov: R(op->d) = R(op->a); NEXT;
L_movi: R(op->d) = op->u; NEXT;
#define ARITH2 DO_ARITH2
#define ARITH1 DO_ARITH1
#define ARITH_COND DO_COND
#include "accel/ir_arith.def"
L_deposit: {
        uint64_t x = (R(op->a) & ~op->u) | (R(op->b) << (op->c & 63) & op->u);
        R(op->d) = op->c & 256 ? (uint32_t)x : x;
        NEXT;
    }
L_extract: R(op->d) = R(op->a) >> op->c & op->u; NEXT;
L_sextract4: R(op->d) = (uint32_t)((int64_t)(R(op->a) << op->b) >> op->c); NEXT;
L_sextract8: R(op->d) = (uint64_t)((int64_t)(R(op->a) << op->b) >> op->c); NEXT;
L_pcrel:
    R(op->d) = (v->pc_page + op->u) & ((uint64_t)(uint32_t)op->b << 32 | (uint32_t)op->a);
    NEXT;
    DO_LD(ld8u, read_tag, 1, *p)
    DO_LD(ld16u, read_tag, 2, ld_le16(p))
    DO_LD(ld32u, read_tag, 4, ld_le32(p))
    DO_LD(ld64u, read_tag, 8, ld_le64(p))
    DO_LD(ld8s, read_tag, 1, (uint64_t)(int64_t)(int8_t)*p)
    DO_LD(ld16s, read_tag, 2, (uint64_t)(int64_t)(int16_t)ld_le16(p))
    DO_LD(ld32s, read_tag, 4, (uint64_t)(int64_t)(int32_t)ld_le32(p))
    DO_LD(ld8z, read_tag, 1, (uint32_t)(int8_t)*p)
    DO_LD(ld16z, read_tag, 2, (uint32_t)(int16_t)ld_le16(p))
    DO_LD(ldi8, write_tag, 1, *p)
    DO_LD(ldi16, write_tag, 2, ld_le16(p))
    DO_LD(ldi32, write_tag, 4, ld_le32(p))
    DO_LD(ldi64, write_tag, 8, ld_le64(p))
    DO_ST(st8, 1, *p = (uint8_t)x)
    DO_ST(st16, 2, st_le16(p, (uint16_t)x))
    DO_ST(st32, 4, st_le32(p, (uint32_t)x))
    DO_ST(st64, 8, st_le64(p, x))
L_ldg: {
        uint64_t loaded = mem_slow_load(v, t0_addr(v, op), (unsigned)op->c & 0xffff);
        if (v->fault) {
            goto faulted;
        }
        R(op->d) = loaded;
        NEXT;
    }
L_stg: mem_slow_store(v, t0_addr(v, op), (unsigned)op->c & 0xffff, R(op->d)); goto check_fault;
L_ldvec: t0_ldvec(v, op); goto check_fault;
L_stvec: t0_stvec(v, op); goto check_fault;
L_probe: t0_probe(v, op); goto check_fault;
L_after_call:
    if (ACCEL_UNLIKELY(v->leave)) {
        accel_hold(v);
    }
check_fault:
    if (ACCEL_UNLIKELY(v->fault)) {
        goto faulted;
    }
    NEXT;
L_env8u: R(op->d) = *(uint8_t *)T0_AT(op->a); NEXT;
L_env16u: R(op->d) = ld_le16(T0_AT(op->a)); NEXT;
L_env32u: R(op->d) = ld_le32(T0_AT(op->a)); NEXT;
L_env8s: R(op->d) = (uint64_t)(int64_t)*(int8_t *)T0_AT(op->a); NEXT;
L_env16s: R(op->d) = (uint64_t)(int64_t)(int16_t)ld_le16(T0_AT(op->a)); NEXT;
L_env32s: R(op->d) = (uint64_t)(int64_t)(int32_t)ld_le32(T0_AT(op->a)); NEXT;
L_stenv8: *(uint8_t *)T0_AT(op->d) = (uint8_t)R(op->a); NEXT;
L_stenv16: st_le16(T0_AT(op->d), (uint16_t)R(op->a)); NEXT;
L_stenv32: st_le32(T0_AT(op->d), (uint32_t)R(op->a)); NEXT;
L_vmov: V(op->d) = V(op->a); NEXT;
L_vzero: V(op->d) = (V128){.u64 = {0, 0}}; NEXT;
L_vset: {
        V128 x = {.u64 = {R(op->a), R(op->b)}};
        V(op->d) = x;
        NEXT;
    }
L_vins: t0_vins(v, op); NEXT;
L_vext: R(op->d) = t0_vext(&V(op->a), op); NEXT;
L_call:
    R(op->d) = op->helper->fn(v, R(op->a), R(op->b), R(op->c), R(op[1].d));
    op += 2;
    goto *op->go;
L_call_full: {
        uint64_t result;
        if (op->helper->flags & IR_H_IO) {
            vcpu_sync_clock(v);
        }
        result = op->helper->fn(v, R(op->a), R(op->b), R(op->c), R(op[1].d));
        if (ACCEL_UNLIKELY(v->fault)) {
            goto faulted;
        }
        if (ACCEL_UNLIKELY(v->leave)) {
            accel_hold(v);
        }
        R(op->d) = result;
        op += 2;
        goto *op->go;
    }
#define SYNC_IO() do { if (op->helper->flags & IR_H_IO) { vcpu_sync_clock(v); } } while (0)
L_vcall:
    SYNC_IO();
    op->helper->vec(v, &V(op->d), VPTR(op->a), VPTR(op->b), (uint32_t)op->c);
    NEXT;
L_vcall_i:
    SYNC_IO();
    R(op->d) = op->helper->vec_int(v, VPTR(op->a), VPTR(op->b), (uint32_t)op->c); NEXT;
L_ivcall:
    SYNC_IO();
    op->helper->int_vec(v, &V(op->d), VPTR(op->a), R(op->b), (uint32_t)op->c); NEXT;

L_exit_direct:
take_link:
    l = &b->links[op->d];
    if (ACCEL_LIKELY(l->to != NULL) && !t0_native(v, l->to)) {
        ENTER(l->to);
    }
    pc = (v->pc_page + (uint64_t)l->pc_off) & mask;
    to = (uint64_t)l->pc_off >= GUEST_PAGE_SIZE ? t0_jump(v, pc) : NULL;
    if (to) {
        ENTER(to);
    }
    v->pc = pc;
    *link = l;
    LEAVE(T0_EXIT_LINK);
L_exit_events:
    v->pc = (v->pc_page + (uint64_t)b->links[op->d].pc_off) & mask;
    LEAVE(T0_EXIT_EVENTS);
L_exit_indirect:
    pc = R(op->a);
    to = t0_jump(v, pc);
    if (ACCEL_LIKELY(to != NULL)) {
        if (ACCEL_UNLIKELY(to->mode != b->mode)) {
            mask = v->ops->pc_mask(to->mode);
        }
        ENTER(to);
    }
    v->pc = pc;
    LEAVE(T0_EXIT_LOOKUP);
L_exit_indirect_events:
    v->pc = R(op->a);
    LEAVE(T0_EXIT_EVENTS);
L_exit_env:
    LEAVE(T0_EXIT_EVENTS);

faulted:
    v->pc = (v->pc_page + start->u) & mask;
    exit = T0_EXIT_FAULT;
leave:
    v->accel->cache.running = NULL;
    return exit;
}
/* clang-format on */

T0Exit t0_run(Vcpu *v, Block *b, BlockLink **link)
{
    return t0_loop(v, b, link, NULL);
}

const void *const *t0_labels(void)
{
    const void *const *labels = NULL;

    t0_loop(NULL, NULL, NULL, &labels);
    return labels;
}
