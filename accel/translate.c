/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From guest bytes to a block. Looking only: nothing here fills the TLB, sets
 * an accessed bit or reads state that is not part of the key. A block's bytes
 * lie in one page; an instruction that straddles two is a block of its own.
 */
#include "accel/accel_priv.h"

#include <string.h>

#include "accel/ir_priv.h"
#include "accel/t0_priv.h"
#include "core/log.h"

#define CODE_STRADDLE 64 /* bytes: longer than any instruction */

/* Where the bytes come from. */
typedef struct CodeReader {
    const uint8_t *page; /* RAM: the page's bytes; NULL: a device */
    GuestPhys phys;      /* of the page, if not RAM */
    uint8_t buf[CODE_STRADDLE];
} CodeReader;

static void code_peek(Vcpu *v, GuestPhys at, uint8_t *buf, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        if (!mem_peek(v->dev.vm->mem, at + i, &buf[i], 1)) {
            buf[i] = 0xff;
        }
    }
}

/* Bytes from @off to the page's end, as many as matter. */
static const uint8_t *code_bytes(Vcpu *v, CodeReader *r, uint32_t off,
                                 unsigned *avail)
{
    *avail = GUEST_PAGE_SIZE - off;
    if (r->page) {
        return r->page + off;
    }
    *avail = MIN(*avail, v->ops->max_insn);
    code_peek(v, r->phys + off, r->buf, *avail);
    return r->buf;
}

/* All bytes of an instruction at @off that goes on in the next page; sets the
 * block's second page. */
static unsigned code_straddle(Vcpu *v, CodeReader *r, uint32_t off, Block *b)
{
    uint64_t next = (v->pc_page + GUEST_PAGE_SIZE) & v->ops->pc_mask(v->mode);
    unsigned first = GUEST_PAGE_SIZE - off, rest = v->ops->max_insn;
    uint8_t *host;
    bool rom;

    g_assert(first + rest <= sizeof(r->buf));
    if (r->page) {
        memcpy(r->buf, r->page + off, first);
    } else {
        code_peek(v, r->phys + off, r->buf, first);
    }
    b->crosses = true;
    b->has_page2 = tlb_peek_exec(v, next, &b->phys2);
    b->page2 = RAM_PAGE_NONE;
    if (!b->has_page2) {
        return first;
    }
    b->phys2 &= TLB_PAGE_MASK;
    if (tlb_ram(v->tlb, b->phys2, GUEST_PAGE_SIZE, &host, &b->page2, &rom)) {
        memcpy(r->buf + first, host, rest);
    } else {
        b->page2 = RAM_PAGE_NONE;
        b->page = RAM_PAGE_NONE; /* device bytes: never kept */
        code_peek(v, b->phys2, r->buf + first, rest);
    }
    return first + rest;
}

static void trans_begin(Vcpu *v, Trans *t, uint32_t start)
{
    Accel *a = v->accel;

    if (a->trans_size < v->ops->trans_size) {
        a->trans_size = v->ops->trans_size;
        a->trans = g_realloc(a->trans, a->trans_size);
    }
    if (a->trans_size) {
        memset(a->trans, 0, a->trans_size);
    }
    ir_builder_reset(a->builder, v->ops, v->mode, start);
    *t = (Trans){
        .b = a->builder,
        .v = v,
        .mode = v->mode,
        .arch = a->trans,
    };
}

/* One instruction; its length goes into the insn op. */
static TransResult trans_one(Trans *t, uint32_t off, const uint8_t *bytes,
                             unsigned avail, bool straddles)
{
    IrMark mark = ir_builder_mark(t->b);
    IrOp *insn = ir_insn(t->b, off);
    TransResult r;

    if (straddles) {
        ir_fetch2(t->b);
    }
    t->bytes = bytes;
    t->avail = avail;
    t->pc_off = off;
    t->len = 0;
    t->ends = false;
    r = t->v->ops->translate(t);
    if (r == TRANS_MORE) {
        ir_builder_rewind(t->b, mark);
        return r;
    }
    g_assert(t->len > 0 && t->len <= avail && (!t->ends || ir_ended(t->b)));
    insn->x = (uint8_t)t->len;
    t->insns++;
    t->b->block.insn_count++;
    t->b->block.end = off + t->len;
    return r;
}

/* The instruction at @off needs its second page. */
static void trans_straddle(Vcpu *v, Trans *t, CodeReader *r, uint32_t off,
                           Block *b)
{
    unsigned avail = code_straddle(v, r, off, b);
    IrBuilder *ib = t->b;

    trans_begin(v, t, off);
    ib->block.crosses = true;
    if (b->has_page2) {
        TransResult result = trans_one(t, off, r->buf, avail, true);

        g_assert(result == TRANS_OK);
        if (ib->block.end <= GUEST_PAGE_SIZE) {
            ib->block.end = GUEST_PAGE_SIZE + 1; /* it was looked at */
        }
        if (!ir_ended(ib)) {
            ir_exit_direct(ib, ib->block.end, ib->must_end);
        }
        return;
    }
    /* fetch2 faults, or finds the page there by now and has us come again */
    ir_insn(ib, off)->x = (uint8_t)avail;
    ir_fetch2(ib);
    ir_exit_env(ib);
    ib->block.insn_count = 1;
    ib->block.end = GUEST_PAGE_SIZE;
}

static unsigned trans_limit(Accel *a, const CodeReader *r)
{
    unsigned limit = a->opt.max_insns ? a->opt.max_insns : IR_MAX_INSNS;

    if (a->opt.singlestep || !r->page) {
        return 1;
    }
    if (a->opt.random_length) {
        limit = MIN(limit, 1 + accel_random(a) % 16);
    }
    return MIN(limit, IR_MAX_INSNS);
}

static void trans_block(Vcpu *v, CodeReader *r, uint32_t start, unsigned limit,
                        Block *b)
{
    IrBuilder *ib = v->accel->builder;
    uint32_t off = start;
    Trans t;

    trans_begin(v, &t, start);
    while (!ir_ended(ib)) {
        unsigned avail;
        const uint8_t *bytes = code_bytes(v, r, off, &avail);

        if (trans_one(&t, off, bytes, avail, false) == TRANS_MORE) {
            if (t.insns == 0) {
                trans_straddle(v, &t, r, off, b);
            } else {
                ir_exit_direct(ib, off, ib->look);
            }
            return;
        }
        off = ib->block.end;
        if (ir_ended(ib)) {
            return;
        }
        if (ib->must_end) {
            ir_exit_direct(ib, off, true);
        } else if (off >= GUEST_PAGE_SIZE || t.insns >= limit
                   || !ir_builder_room(ib)
                   || accel_cut_at(v->accel, b->page, off)) {
            ir_exit_direct(ib, off, ib->look);
        }
    }
}

static void trans_log(Vcpu *v, const CodeReader *r, const Block *b)
{
    const IrBlock *ir = &v->accel->builder->block;
    g_autoptr(GString) out = g_string_new(NULL);

    if (log_on(v->dev.vm, LOG_IN_ASM)) {
        for (unsigned i = 0; i < ir->op_count; i++) {
            const IrOp *op = &ir->ops[i];
            uint64_t pc = v->pc_page + (uint64_t)op->imm;
            const uint8_t *bytes =
                r->page && !b->crosses ? r->page + op->imm : r->buf;

            if (op->op != IR_insn) {
                continue;
            }
            g_string_append_printf(out, "0x%08" G_GINT64_MODIFIER "x:  ", pc);
            if (!v->ops->disas
                || !v->ops->disas(v->mode, pc, bytes, op->x, out)) {
                for (unsigned k = 0; k < op->x; k++) {
                    g_string_append_printf(out, "%02x ", bytes[k]);
                }
            }
            g_string_append_c(out, '\n');
        }
    }
    if (log_on(v->dev.vm, LOG_OP)) {
        ir_print(ir, v->ops, out);
    }
    log_write(v->dev.vm, "%s\n", out->str);
}

static void trans_verify(Vcpu *v)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) out = g_string_new(NULL);

    if (!ir_verify(&v->accel->builder->block, v->ops, &error)) {
        ir_print(&v->accel->builder->block, v->ops, out);
        g_critical("%s: IR is wrong: %s\n%s", v->ops->name, error->message,
                   out->str);
        g_assert_not_reached();
    }
}

/* Fill in what the driver knows and make the links. */
static bool trans_links(BlockCache *c, const IrBlock *ir, Block *b)
{
    b->mode = ir->mode;
    b->start = (uint16_t)ir->start;
    b->end = (uint16_t)ir->end;
    b->insns = (uint16_t)ir->insn_count;
    b->slots = (uint16_t)ir->slot_count;
    b->links = blocks_alloc(c, ir->slot_count * sizeof(BlockLink) + 1);
    if (!b->links) {
        return false;
    }
    memset(b->links, 0, ir->slot_count * sizeof(BlockLink));
    for (unsigned i = 0; i < ir->slot_count; i++) {
        b->links[i].from = b;
    }
    return true;
}

/* With a code generator, T0 ops are made when they are needed. Blocks that
 * might have too many temps for T0 must be known now. */
static bool trans_t0_later(const Accel *a, const Block *b)
{
    const IrBlock *ir = &a->builder->block;
    unsigned vecs = 0;

    if (!a->t1 || b->page == RAM_PAGE_NONE || b->crosses
        || ir->temp_count > VCPU_SCRATCH - 16) {
        return false;
    }
    for (unsigned i = 0; i < ir->temp_count; i++) {
        vecs += ir->temp_types[i] == IR_VEC;
    }
    return vecs < VCPU_VSCRATCH;
}

bool translate_t0(Vcpu *v, Block *b)
{
    Accel *a = v->accel;
    CodeReader r = {.page = b->host};
    Block unused = {.page = b->page};
    uint64_t start = accel_ticks();
    int lowered;

    trans_block(v, &r, b->start, b->insns, &unused);
    g_assert(a->builder->block.insn_count == b->insns);
    lowered = t0_lower(a, v->ops, &a->builder->block, b);
    g_assert(lowered != 2);
    a->translate_ticks += accel_ticks() - start;
    return lowered == 0;
}

Block *translate_block(Vcpu *v)
{
    Accel *a = v->accel;
    CodeReader r = {.page = v->pc_host, .phys = v->tlb->fetch_phys};
    uint32_t start = v->pc & (GUEST_PAGE_SIZE - 1);
    unsigned limit = trans_limit(a, &r);
    Block *b = blocks_alloc(&a->cache, sizeof(Block));
    int lowered;

    if (!b) {
        return NULL;
    }
    do {
        memset(b, 0, sizeof(*b));
        b->page = v->pc_ram;
        b->page2 = RAM_PAGE_NONE;
        b->host = v->pc_host;
        trans_block(v, &r, start, limit, b);
        if (log_on(v->dev.vm, LOG_IN_ASM | LOG_OP)) {
            trans_log(v, &r, b);
        }
        if (a->opt.verify) {
            trans_verify(v);
        }
        if (!trans_links(&a->cache, &a->builder->block, b)) {
            return NULL;
        }
        lowered = trans_t0_later(a, b)
                      ? 0
                      : t0_lower(a, v->ops, &a->builder->block, b);
        g_assert(lowered != 2 || b->insns > 1);
        limit = MAX(1u, b->insns / 2u);
    } while (lowered == 2);
    if (lowered == 1) {
        return NULL;
    }
    b->stop_head = accel_cut_at(a, b->page, start);
    a->cache.translated++;
    if (b->page != RAM_PAGE_NONE) {
        blocks_insert(&a->cache, b);
    }
    return b;
}
