/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The code generator as a whole: its memory, one block, entry and return. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include <string.h>
#include <sys/mman.h>

#include "accel/ir_priv.h"
#include "core/log.h"

#define T1_SIZE_DEFAULT ((size_t)128 << 20)
#define T1_SIZE_MIN ((size_t)2 << 20)
#define T1_OP_BYTES 1024 /* more than one op takes in either stream */

/* --- one block -------------------------------------------------------------------- */

static void comp_op(T1Comp *c, const IrOp *op) /* flat */
{
    switch (op->op) {
    case IR_nop:
        break;
    case IR_insn:
        t1_op_insn(c, op);
        break;
    case IR_fetch2:
        t1_op_fetch2(c, op);
        break;
    case IR_ld:
    case IR_st:
    case IR_probe:
        t1_op_mem(c, op);
        break;
    case IR_ldenv:
    case IR_stenv:
        t1_op_env(c, op);
        break;
    case IR_vmov:
    case IR_vset:
    case IR_vins:
    case IR_vext:
        t1_op_vec(c, op);
        break;
    case IR_call:
    case IR_vcall:
    case IR_vcall_i:
    case IR_ivcall:
        t1_op_call(c, op);
        break;
    case IR_setc:
    case IR_select:
    case IR_skip:
    case IR_label:
        t1_op_cond(c, op);
        break;
    case IR_brc:
    case IR_exit_direct:
    case IR_exit_indirect:
    case IR_exit_env:
        t1_op_exit(c, op);
        break;
    default:
        t1_op_int(c, op);
        break;
    }
}

static void comp_begin(T1Comp *c, Vcpu *v, Block *b, X64 *hot, X64 *cold)
{
    Accel *a = v->accel;

    c->a = a;
    c->t1 = a->t1;
    c->ops = v->ops;
    c->ir = &a->builder->block;
    c->b = b;
    c->x = hot;
    c->y = cold;
    c->count = c->ir->insn_count;
    c->insn = UINT32_MAX; /* the first insn makes it 0 */
    c->off = c->ir->start;
    c->tail = v->ops->pc_mask(c->ir->mode) == UINT64_MAX ? 0 : T1_X_MASK32;
    c->failed = c->check = c->fp = false;
    c->probed = NULL;
    c->skip = NULL;
    t1_regs_begin(c);
    t1_analyse(c);
    t1_groups(c);
}

static bool comp_room(const X64 *x)
{
    return x->end - x->p >= T1_OP_BYTES;
}

static void comp_log(Vcpu *v, const Block *b, const X64 *hot, const X64 *cold)
{
    const T1 *t1 = v->accel->t1;
    g_autoptr(GString) out = g_string_new(NULL);
    const X64 *now[] = {hot, cold};
    const X64 *old[] = {&t1->hot, &t1->cold};

    g_string_printf(out, "native of 0x%" G_GINT64_MODIFIER "x, %u:\n", v->pc,
                    b->insns);
    for (unsigned i = 0; i < 2; i++) {
        g_string_append_printf(out, "%s, %zu bytes:\n", i ? "cold" : "hot",
                               (size_t)(now[i]->p - old[i]->p));
        t1_print_code(out, old[i]->p, now[i]->p);
    }
    log_write(v->dev.vm, "%s", out->str);
}

/* Stale links of a compilation that was given up. */
static void comp_forget(Block *b)
{
    for (unsigned i = 0; i < b->slots; i++) {
        b->links[i].patch = NULL;
        b->links[i].stub = NULL;
    }
}

bool t1_compile(Vcpu *v, Block *b)
{
    T1 *t1 = v->accel->t1;
    T1Comp *c = t1->comp;
    X64 hot = t1->hot, cold = t1->cold;

    uint64_t mask = v->ops->pc_mask(b->mode);

    if (v->ops != t1->ops || (mask != UINT64_MAX && mask != UINT32_MAX)) {
        t1->refused++;
        return true;
    }
    comp_begin(c, v, b, &hot, &cold);
    if (!comp_room(&hot) || !comp_room(&cold)) {
        return false;
    }
    t1_head(c);
    for (c->at = 0; c->at < c->ir->op_count && !c->failed; c->at++) {
        if (c->dead[c->at]) {
            continue;
        }
        if (!comp_room(&hot) || !comp_room(&cold)) {
            comp_forget(b);
            return false;
        }
        c->locked = 0;
        comp_op(c, &c->ir->ops[c->at]);
    }
    if (c->failed) {
        comp_forget(b);
        t1->refused++;
        return true;
    }
    if (log_on(v->dev.vm, LOG_OUT_ASM)) {
        comp_log(v, b, &hot, &cold);
    }
    b->native = t1->hot.p;
    b->native_size = (uint32_t)(hot.p - t1->hot.p);
    if (t1->map) {
        g_string_append_printf(t1->map, "%" PRIxPTR " %x guest-%" PRIx64 "\n",
                               (uintptr_t)b->native, b->native_size, v->pc);
        g_string_append_printf(t1->map, "%" PRIxPTR " %x cold-%" PRIx64 "\n",
                               (uintptr_t)t1->cold.p,
                               (unsigned)(cold.p - t1->cold.p), v->pc);
    }
    t1->hot_bytes += b->native_size;
    t1->cold_bytes += (uint64_t)(cold.p - t1->cold.p);
    t1->hot.p = hot.p + (-(uintptr_t)hot.p & 15);
    t1->cold.p = cold.p;
    t1->compiled++;
    return true;
}

/* --- running ---------------------------------------------------------------------- */

T0Exit t1_run(Vcpu *v, Block *b, BlockLink **link, bool *restart)
{
    Accel *a = v->accel;
    uint64_t mask;
    T1Result r;

    a->cache.native = true;
    r = a->t1->enter(v, b->native);
    a->cache.native = false;
    a->t1->exits[r.code & 15]++;
    if (r.code >> 32) {
        const Block *last = blocks_at(&a->cache, (uint32_t)(r.code >> 32));

        v->pc_ram = last->page;
        v->pc_host = last->host;
    }
    mask = r.code & T1_X_MASK32 ? UINT32_MAX : UINT64_MAX;
    switch (r.code & 0xff) {
    case T1_X_BUDGET:
    case T1_X_BOUNDARY:
        v->pc = (v->pc_page + r.value) & mask;
        return T0_EXIT_BUDGET;
    case T1_X_LINK:
        *link = (BlockLink *)(uintptr_t)r.value;
        v->pc = (v->pc_page + (uint64_t)(*link)->pc_off)
                & v->ops->pc_mask((*link)->from->mode);
        return T0_EXIT_LINK;
    case T1_X_LOOKUP:
        v->pc = r.value;
        return T0_EXIT_LOOKUP;
    case T1_X_EVENTS:
        v->pc = r.value;
        return T0_EXIT_EVENTS;
    case T1_X_EVENTS_AT:
        v->pc = (v->pc_page + r.value) & mask;
        return T0_EXIT_EVENTS;
    case T1_X_ENV:
        return T0_EXIT_EVENTS;
    case T1_X_FAULT_AT:
        v->pc = (v->pc_page + r.value) & mask;
        return T0_EXIT_FAULT;
    case T1_X_FAULT:
        return T0_EXIT_FAULT;
    case T1_X_STALE:
        return T0_EXIT_STALE;
    default:
        *restart = true;
        return T0_EXIT_BUDGET;
    }
}

/* --- life ------------------------------------------------------------------------- */

void t1_flush_code(Accel *a)
{
    T1 *t1 = a->t1;

    if (t1) {
        t1->hot.p = t1->hot_start;
        t1->cold.p = t1->cold_start;
    }
}

const void *t1_entry(const Accel *a, const Block *b)
{
    return b->native ? b->native : a->t1 ? a->t1->jump_miss : NULL;
}

bool t1_init(Accel *a)
{
    T1 *t1 = g_new0(T1, 1);
    size_t size = a->opt.tb_size ? (size_t)a->opt.tb_size : T1_SIZE_DEFAULT;

    x64_host(&t1->host);
    size = MIN(MAX(size, T1_SIZE_MIN), (size_t)1 << 30);
    t1->code = t1->host.sse41 && t1->host.ssse3
                   ? mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                   : MAP_FAILED;
    if (t1->code == MAP_FAILED) {
        g_free(t1);
        return false;
    }
    t1->size = size;
    t1->comp = g_new0(T1Comp, 1);
    t1->map = a->opt.perf_map ? g_string_new(NULL) : NULL;
    a->t1 = t1;
    return true;
}

void t1_fini(Accel *a)
{
    T1 *t1 = a->t1;

    if (t1) {
        munmap(t1->code, t1->size);
        if (t1->map) {
            g_string_free(t1->map, TRUE);
        }
        g_free(t1->comp);
        g_free(t1);
        a->t1 = NULL;
    }
}

#else

bool t1_init(Accel *a)
{
    return false;
}

void t1_fini(Accel *a)
{
}

void t1_flush_code(Accel *a)
{
}

const void *t1_entry(const Accel *a, const Block *b)
{
    return NULL;
}

bool t1_compile(Vcpu *v, Block *b)
{
    return true;
}

T0Exit t1_run(Vcpu *v, Block *b, BlockLink **link, bool *restart)
{
    g_assert_not_reached();
}

void t1_stubs(T1 *t1, Vcpu *v)
{
}

#endif
