/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repeated string instructions. A call does as many iterations as the count,
 * the budget and plain memory in one page allow, at least one; each is a step.
 * What is left to do after any number of them is the architecture's own state.
 */
#include "cpu/x86/trans_priv.h"

#include <string.h>

#include "cpu/x86/sys_priv.h"

typedef struct X86String {
    X86Cpu *c;
    unsigned op, size, asize, mmu;
    unsigned src_seg;
    bool down, repne;
    uint64_t mask; /* of addresses in a segment */
} X86String;

/* One end of the operation: an offset, and elements at hand. */
typedef struct X86End {
    unsigned seg, reg;
    bool write;
    uint64_t off, linear;
    uint8_t *host; /* lowest byte of the run; NULL: no window */
} X86End;

static uint64_t x86_string_get(const X86String *s, unsigned reg)
{
    return s->c->gpr[reg] & s->mask;
}

static void x86_string_put(X86String *s, unsigned reg, uint64_t v)
{
    uint64_t keep = s->asize == 2 ? ~0xffffull : 0;

    s->c->gpr[reg] = (s->c->gpr[reg] & keep) | (v & s->mask);
}

static void x86_string_move(X86String *s, unsigned reg, uint64_t n)
{
    uint64_t bytes = n * s->size;
    uint64_t v = s->c->gpr[reg];

    x86_string_put(s, reg, s->down ? v - bytes : v + bytes);
}

static bool x86_uses_source(const X86String *s)
{
    return s->op == 0xa4 || s->op == 0xa6 || s->op == 0xac || s->op == 0x6e;
}

static bool x86_uses_dest(const X86String *s)
{
    return s->op != 0xac && s->op != 0x6e;
}

static bool x86_writes_dest(const X86String *s)
{
    return s->op == 0xa4 || s->op == 0xaa || s->op == 0x6c;
}

static X86String x86_string_of(Vcpu *v, uint64_t op, uint64_t size,
                               uint64_t asize, uint64_t seg)
{
    X86Cpu *c = x86_of(v);

    return (X86String){
        .c = c,
        .op = op,
        .size = size,
        .asize = asize,
        .mmu = x86_data_mmu(c),
        .src_seg = seg & 7,
        .down = c->eflags & X86_DF,
        .repne = seg & 0x100,
        .mask = asize == 8 ? ~0ull : (1ull << (8 * asize)) - 1,
    };
}

/* Segment check of the next element; false: raised. */
static bool x86_end_linear(X86String *s, X86End *e)
{
    X86Cpu *c = s->c;

    e->off = x86_string_get(s, e->reg);
    if (c->v.mode & X86_MODE_CODE64) {
        e->linear = e->off + (e->seg >= X86_FS ? c->seg_base[e->seg] : 0);
        return true;
    }
    return x86_seg_linear(c, e->seg, e->off, s->size, e->write, &e->linear);
}

/* Elements from the present one on inside segment, page and address size. */
static uint64_t x86_end_room(const X86String *s, const X86End *e, uint64_t max)
{
    X86Cpu *c = s->c;
    unsigned size = s->size;
    unsigned in_page = e->linear & (GUEST_PAGE_SIZE - 1);
    bool data_down = (c->seg[e->seg].attr & 0xc) == 4; /* expands down */
    uint64_t room, in_seg;

    if (in_page + size > GUEST_PAGE_SIZE || e->off > s->mask - (size - 1)) {
        return 0;
    }
    if (s->down) {
        room = in_page / size + 1;
        in_seg = e->off / size + 1;
    } else {
        room = (GUEST_PAGE_SIZE - in_page) / size;
        in_seg = (s->mask - e->off - (size - 1)) / size + 1;
    }
    room = MIN(room, in_seg);
    if (!(c->v.mode & X86_MODE_CODE64)
        && X86_MODE_SEG(c->v.mode, e->seg) == X86_SEGK_CHECK) {
        uint64_t limit = c->seg[e->seg].limit;

        if (data_down || e->off + size - 1 > limit) {
            return 0;
        }
        if (!s->down) {
            room = MIN(room, (limit - e->off - (size - 1)) / size + 1);
        }
    }
    return MIN(room, max);
}

/* The run of @n elements; all of it or nothing. */
static bool x86_end_window(X86String *s, X86End *e, uint64_t n)
{
    uint64_t bytes = n * s->size;
    uint64_t low = s->down ? e->linear - (n - 1) * s->size : e->linear;
    uint64_t got = 0;

    e->host = vcpu_window(&s->c->v, low, bytes, s->mmu,
                          e->write ? ACCESS_WRITE : ACCESS_READ, &got);
    return e->host && got == bytes;
}

static uint64_t x86_element(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    switch (size) {
    case 1:
        return *p;
    case 2:
        memcpy(&v, p, 2);
        break;
    case 4:
        memcpy(&v, p, 4);
        break;
    default:
        memcpy(&v, p, 8);
        break;
    }
    return v;
}

static void x86_set_element(uint8_t *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1:
        *p = v;
        break;
    case 2:
        memcpy(p, &v, 2);
        break;
    case 4:
        memcpy(p, &v, 4);
        break;
    default:
        memcpy(p, &v, 8);
        break;
    }
}

/* Place of element @i of a run in the order of the instruction. */
static uint8_t *x86_nth(const X86String *s, const X86End *e, uint64_t n,
                        uint64_t i)
{
    return e->host + (s->down ? n - 1 - i : i) * s->size;
}

static void x86_bulk_movs(X86String *s, X86End *src, X86End *dst, uint64_t n)
{
    uint64_t bytes = n * s->size;
    uintptr_t from = (uintptr_t)src->host, to = (uintptr_t)dst->host;
    /* a run that reads what it wrote must go element by element */
    bool feeds = s->down ? to < from && from - to < bytes
                         : to > from && to - from < bytes;

    if (!feeds) {
        memmove(dst->host, src->host, bytes);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        x86_set_element(x86_nth(s, dst, n, i), s->size,
                        x86_element(x86_nth(s, src, n, i), s->size));
    }
}

static void x86_bulk_stos(X86String *s, X86End *dst, uint64_t n)
{
    uint64_t v = s->c->gpr[X86_RAX];

    if (s->size == 1) {
        memset(dst->host, (uint8_t)v, n);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        x86_set_element(dst->host + i * s->size, s->size, v);
    }
}

static void x86_string_load(X86String *s, uint64_t v)
{
    uint64_t keep = s->size <= 2 ? ~0ull << (8 * s->size) : 0;

    s->c->gpr[X86_RAX] = (s->c->gpr[X86_RAX] & keep) | v;
}

/* The flags after a comparison; true: the repetition goes on. */
static bool x86_string_compare(X86String *s, uint64_t a, uint64_t b)
{
    s->c->fl_kind = X86_FL_SUB | x86_log2_size(s->size);
    s->c->fl_a = a;
    s->c->fl_b = b;
    return (a == b) != s->repne;
}

/* cmps, scas: iterations done, at least one; @stop: the comparison ended it */
static uint64_t x86_bulk_compare(X86String *s, X86End *src, X86End *dst,
                                 uint64_t n, bool *stop)
{
    uint64_t mask = ~0ull >> (64 - 8 * s->size);
    uint64_t a = s->c->gpr[X86_RAX] & mask;
    uint64_t b = 0, i = 0;

    do {
        if (s->op == 0xa6) {
            a = x86_element(x86_nth(s, src, n, i), s->size);
        }
        b = x86_element(x86_nth(s, dst, n, i), s->size);
        i++;
    } while (i < n && (a == b) != s->repne);
    *stop = !x86_string_compare(s, a, b);
    return i;
}

/* One iteration with full checks; false: raised. */
static bool x86_string_once(X86String *s, X86End *src, X86End *dst, bool *stop)
{
    Vcpu *v = &s->c->v;
    uint64_t mask = ~0ull >> (64 - 8 * s->size);
    uint64_t a = s->c->gpr[X86_RAX] & mask, b = 0;

    if (x86_uses_source(s) && x86_uses_dest(s)
        && (!vcpu_probe(v, src->linear, s->size, s->mmu, ACCESS_READ)
            || !vcpu_probe(v, dst->linear, s->size, s->mmu,
                           dst->write ? ACCESS_WRITE : ACCESS_READ))) {
        return false;
    }
    if (x86_uses_source(s) && !vcpu_load(v, src->linear, s->size, s->mmu, &a)) {
        return false;
    }
    if (dst->write) {
        return vcpu_store(v, dst->linear, s->size, s->mmu, a);
    }
    if (s->op == 0xac) {
        x86_string_load(s, a);
        return true;
    }
    if (!vcpu_load(v, dst->linear, s->size, s->mmu, &b)) {
        return false;
    }
    *stop = !x86_string_compare(s, a, b);
    return true;
}

static uint64_t x86_string_bulk(X86String *s, X86End *src, X86End *dst,
                                uint64_t n, bool *stop)
{
    switch (s->op) {
    case 0xa4:
        x86_bulk_movs(s, src, dst, n);
        return n;
    case 0xaa:
        x86_bulk_stos(s, dst, n);
        return n;
    case 0xac:
        x86_string_load(s, x86_element(x86_nth(s, src, n, n - 1), s->size));
        return n;
    default:
        return x86_bulk_compare(s, src, dst, n, stop);
    }
}

/* Iterations done, 0: raised. */
static uint64_t x86_string_run(X86String *s, uint64_t max, bool *stop)
{
    X86End src = {.seg = s->src_seg, .reg = X86_RSI};
    X86End dst = {.seg = X86_ES, .reg = X86_RDI, .write = x86_writes_dest(s)};
    bool uses_src = x86_uses_source(s), uses_dst = x86_uses_dest(s);
    uint64_t n = max;

    if ((uses_src && !x86_end_linear(s, &src))
        || (uses_dst && !x86_end_linear(s, &dst))) {
        return 0;
    }
    n = uses_src ? x86_end_room(s, &src, n) : n;
    n = uses_dst && n ? x86_end_room(s, &dst, n) : n;
    if (n > 1 && (!uses_src || x86_end_window(s, &src, n))
        && (!uses_dst || x86_end_window(s, &dst, n))) {
        return x86_string_bulk(s, &src, &dst, n, stop);
    }
    return x86_string_once(s, &src, &dst, stop);
}

/* 1: the repetition is over; 0: this instruction again, or raised */
uint64_t x86_h_rep(Vcpu *v, uint64_t op, uint64_t size, uint64_t asize,
                   uint64_t seg)
{
    X86String s = x86_string_of(v, op, size, asize, seg);
    uint64_t count = x86_string_get(&s, X86_RCX);
    bool stop = false;
    uint64_t max = MIN(count, (uint64_t)v->budget + 1);

    if (count == 0) {
        return 1;
    }
    if (v->mode & X86_MODE_TF) {
        max = 1;
    }
    uint64_t n = x86_string_run(&s, max, &stop);
    if (n == 0) {
        return 0;
    }
    if (x86_uses_source(&s)) {
        x86_string_move(&s, X86_RSI, n);
    }
    if (x86_uses_dest(&s)) {
        x86_string_move(&s, X86_RDI, n);
    }
    x86_string_put(&s, X86_RCX, count - n);
    v->budget -= n - 1;
    if (v->trap && !stop && count != n) {
        s.c->eflags |= X86_RF; /* in the trap's frame, SDM 3B 17.3.1.1 */
    }
    return stop || count == n;
}

/* --- ins, outs: one iteration ---------------------------------------------- */

/* All checks come before the port is touched. */
static bool x86_port_once(X86String *s, X86End *e)
{
    Vcpu *v = &s->c->v;
    uint64_t port = s->c->gpr[X86_RDX] & 0xffff;
    uint64_t value;

    x86_h_io_check(v, port, s->size, 0, 0);
    if (v->fault || !x86_end_linear(s, e)) {
        return false;
    }
    if (e->write) {
        if (!vcpu_probe(v, e->linear, s->size, s->mmu, ACCESS_WRITE)) {
            return false;
        }
        value = x86_h_in(v, port, s->size, 0, 0);
        return !v->fault && vcpu_store(v, e->linear, s->size, s->mmu, value);
    }
    if (!vcpu_load(v, e->linear, s->size, s->mmu, &value)) {
        return false;
    }
    x86_h_out(v, port, s->size, value, 0);
    return !v->fault;
}

uint64_t x86_h_port_string(Vcpu *v, uint64_t op, uint64_t size, uint64_t asize,
                           uint64_t seg)
{
    X86String s = x86_string_of(v, op, size, asize, seg);
    bool in = op == 0x6c;
    bool rep = seg & 0x100;
    X86End e = {
        .seg = in ? X86_ES : s.src_seg,
        .reg = in ? X86_RDI : X86_RSI,
        .write = in,
    };
    uint64_t count = rep ? x86_string_get(&s, X86_RCX) : 1;

    if (count == 0) {
        return 1;
    }
    if (!x86_port_once(&s, &e)) {
        return 0;
    }
    x86_string_move(&s, e.reg, 1);
    if (rep) {
        x86_string_put(&s, X86_RCX, count - 1);
    }
    return count == 1;
}
