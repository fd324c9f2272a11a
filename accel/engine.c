/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vcpu_run(): find or make the block at pc, run it, do what it asks. Every
 * decision here depends on guest state and the step count only.
 */
#include "accel/accel_priv.h"

#include "accel/ir_priv.h"
#include "accel/t0_priv.h"
#include "accel/t1_priv.h"
#include "core/log.h"
#include "core/trace.h"

/* --- counts ---------------------------------------------------------------- */

void accel_hold(Vcpu *v)
{
    Accel *a = v->accel;

    if (a->running == v && a->in_step) {
        a->held += v->budget;
        v->slice_end -= v->budget;
        v->budget = 0;
    }
}

void accel_unhold(Vcpu *v)
{
    Accel *a = v->accel;

    v->slice_end += a->held;
    v->budget += a->held;
    a->held = 0;
}

/* --- fetch ----------------------------------------------------------------- */

static bool engine_same_page(const Vcpu *v)
{
    return v->pc_page_ok && !((v->pc ^ v->pc_page) & TLB_PAGE_MASK);
}

static void engine_enter_page(Vcpu *v, const TlbL2Entry *e)
{
    uint8_t *host;
    bool rom;

    v->pc_page = v->pc & TLB_PAGE_MASK;
    v->pc_page_ok = true;
    v->tlb->fetch_phys = e->pa & TLB_PAGE_MASK;
    if (tlb_ram(v->tlb, v->tlb->fetch_phys, GUEST_PAGE_SIZE, &host, &v->pc_ram,
                &rom)) {
        v->pc_host = host;
    } else {
        v->pc_ram = RAM_PAGE_NONE;
        v->pc_host = NULL;
    }
}

/* pc_page, pc_ram and pc_host for v->pc. False: a fault is raised; the step
 * was taken. */
static bool engine_fetch(Vcpu *v)
{
    Accel *a = v->accel;
    TlbL2Entry *e;

    if (engine_same_page(v)) {
        return true;
    }
    v->budget--; /* in case it faults: the step's number is seen by the walk */
    a->in_step = true;
    e = tlb_lookup(v, v->pc, ACCESS_EXEC, v->ops->fetch_mmu(v));
    a->in_step = false;
    if (!e) {
        return false;
    }
    v->budget++;
    engine_enter_page(v, e);
    return true;
}

/* At a stop, pc_page does not tell how we came here: a jump whose page level 2
 * knows has arrived, whether the jump cache knew it or not. */
static void engine_settle(Vcpu *v)
{
    if (!engine_same_page(v)) {
        TlbL2Entry *e =
            tlb_find(v->tlb, v->pc, ACCESS_EXEC, v->ops->fetch_mmu(v));

        if (e) {
            engine_enter_page(v, e);
        }
    }
}

static void engine_flush(Accel *a)
{
    blocks_flush(&a->cache);
    t1_flush_code(a);
    for (guint i = 0; i < a->vcpus->len; i++) {
        Vcpu *v = g_ptr_array_index(a->vcpus, i);
        tlb_jump_flush(v->tlb);
    }
    a->flush_wanted = false;
    if (a->opt.flush_every) {
        a->flush_count = 1 + accel_random(a) % (2 * a->opt.flush_every);
    }
}

static Block *engine_try(Vcpu *v)
{
    Block *b = translate_block(v);

    return b && v->accel->t1 && !t1_compile(v, b) ? NULL : b;
}

static Block *engine_translate(Vcpu *v)
{
    uint64_t start = accel_ticks();
    Block *b = engine_try(v);

    if (!b) {
        engine_flush(v->accel);
        b = engine_try(v);
        g_assert(b);
    }
    trace(v->dev.vm, translate_block, v->dev.path, v->pc);
    v->accel->translate_ticks += accel_ticks() - start;
    return b;
}

Block *accel_jump(Vcpu *v, uint64_t pc)
{
    const JumpEntry *j = tlb_jump_entry(v->tlb, pc);
    Block *b;

    if (j->pc != pc || j->mode != v->mode) {
        j = &v->tlb->jump[(j - v->tlb->jump) ^ JUMP_PAIR];
        if (j->pc != pc || j->mode != v->mode) {
            return NULL;
        }
    }
    b = blocks_at(&v->accel->cache, j->block);
    if (b->dead) {
        return NULL;
    }
    v->pc_page = pc & TLB_PAGE_MASK;
    v->pc_page_ok = true;
    v->pc_ram = b->page;
    v->pc_host = b->host;
    return b;
}

void accel_remember(Vcpu *v, uint64_t pc, const TlbL2Entry *e, Block *b)
{
    *tlb_jump_add(v->tlb, pc, e) = (JumpEntry){
        .pc = pc,
        .mode = b->mode,
        .native = t1_entry(v->accel, b),
        .block = blocks_index(&v->accel->cache, b),
    };
}

/* Later jumps to @b need no engine while its page is in level 2 and leads to
 * where it leads now. */
static void engine_remember(Vcpu *v, Block *b)
{
    Tlb *tlb = v->tlb;
    TlbL2Entry *e = tlb_find(tlb, v->pc, ACCESS_EXEC, v->ops->fetch_mmu(v));
    uint8_t *host;
    RamPage page;
    bool rom;

    if (b->page != RAM_PAGE_NONE && !b->stop_head && !v->accel->nochain && e
        && tlb_ram(tlb, e->pa & TLB_PAGE_MASK, GUEST_PAGE_SIZE, &host, &page,
                   &rom)
        && page == b->page) {
        accel_remember(v, v->pc, e, b);
    }
}

static Block *engine_find(Vcpu *v)
{
    Block *b = NULL;

    if (v->pc_ram != RAM_PAGE_NONE) {
        if (!accel_is_cut(v->accel, v->pc, v->pc_ram)) {
            accel_cut(v->accel, v->pc, v->pc_ram);
        }
        b = blocks_find(&v->accel->cache, v->pc_ram, v->pc & 0xfff, v->mode);
    }
    if (!b) {
        b = engine_translate(v);
    }
    engine_remember(v, b);
    return b;
}

/* Join the exit that led here to @b, when it is one page and one mode. */
static void engine_link(Vcpu *v, BlockLink *link, uint64_t generation, Block *b)
{
    const Accel *a = v->accel;

    if (link && generation == a->cache.generation && !a->nochain
        && !link->from->dead && !b->stop_head && !b->dead
        && b->page != RAM_PAGE_NONE && b->page == link->from->page
        && b->mode == link->from->mode
        && (uint64_t)link->pc_off < GUEST_PAGE_SIZE
        && (uint64_t)link->pc_off == b->start && (!a->t1 || b->native)) {
        blocks_link(link, b);
    }
}

/* --- running --------------------------------------------------------------- */

static void engine_log(Vcpu *v, const Block *b)
{
    Vm *vm = v->dev.vm;

    if (log_on(vm, LOG_EXEC)) {
        log_write(vm,
                  "%" G_GINT64_MODIFIER "u: vcpu %u pc 0x%" G_GINT64_MODIFIER
                  "x mode 0x%" G_GINT64_MODIFIER "x %u\n",
                  vcpu_icount(v), v->index, v->pc, v->mode, b->insns);
    }
    if (log_on(vm, LOG_CPU) && v->ops->print) {
        g_autoptr(GString) out = g_string_new(NULL);

        v->ops->print(v, out);
        log_write(vm, "%s\n", out->str);
    }
}

static void engine_deliver(Vcpu *v)
{
    Accel *a = v->accel;

    if (log_on(v->dev.vm, LOG_INT)) {
        log_write(v->dev.vm,
                  "%" G_GINT64_MODIFIER
                  "u: vcpu %u: exception at 0x%" G_GINT64_MODIFIER "x\n",
                  v->slice_end - v->budget - 1, v->index, v->pc);
    }
    a->in_step = true;
    v->ops->deliver(v);
    a->in_step = false;
    g_assert(!v->fault);
}

typedef struct EngineRun {
    BlockLink *link; /* exit taken last, to be joined */
    uint64_t generation;
    bool events; /* the last exit asked for a look */
    bool first;  /* no step yet: breakpoints do not stop */
    bool shadow; /* the present step is the last one without interrupts */
} EngineRun;

static T0Exit engine_t0(Vcpu *v, Block *b, BlockLink **link)
{
    if (!b->t0 && !translate_t0(v, b)) {
        engine_flush(v->accel);
        b = engine_find(v);
        if (!b->t0 && !translate_t0(v, b)) {
            g_assert_not_reached();
        }
    }
    return t0_run(v, b, link);
}

/* One instruction in T0, which may do what generated code may not. */
static T0Exit engine_restart(Vcpu *v, EngineRun *r)
{
    Accel *a = v->accel;
    uint32_t rest = v->budget - 1;
    Block *b;

    r->shadow = r->shadow || v->ops->irq_inhibited(v);
    a->held += rest;
    v->slice_end -= rest;
    v->budget = 1;
    b = accel_jump(v, v->pc);
    return engine_t0(v, b ? b : engine_find(v), &r->link);
}

static T0Exit engine_exec(Vcpu *v, Block *b, EngineRun *r)
{
    bool restart = false;
    T0Exit why;

    if (!b->native || v->budget < b->insns) {
        return engine_t0(v, b, &r->link);
    }
    why = t1_run(v, b, &r->link, &restart);
    return restart ? engine_restart(v, r) : why;
}

/* One turn: fetch, find, run. */
static void engine_turn(Vcpu *v, EngineRun *r)
{
    Accel *a = v->accel;
    BlockLink *link = r->link;
    uint64_t generation;
    T0Exit why;
    Block *b;

    r->link = NULL;
    r->events = false;
    a->engine_turns++;
    b = accel_jump(v, v->pc);
    if (!b) {
        if (!engine_fetch(v)) {
            engine_deliver(v);
            return;
        }
        b = engine_find(v);
    }
    engine_link(v, link, r->generation, b);
    if (a->nochain) {
        engine_log(v, b);
    }
    a->in_step = true;
    generation = a->cache.generation;
    why = engine_exec(v, b, r);
    a->in_step = false;
    r->generation = a->cache.generation;
    a->cache.running_killed = false;
    switch (why) {
    case T0_EXIT_FAULT:
        engine_deliver(v);
        break;
    case T0_EXIT_EVENTS:
        r->events = true;
        break;
    case T0_EXIT_STALE:
        /* any block that straddles from this page: only they look */
        if (generation == a->cache.generation) {
            blocks_kill(&a->cache, b);
        }
        break;
    default:
        break;
    }
}

/* What engine_stop() and vcpu_run() look at between two blocks. */
bool accel_quiet(Vcpu *v)
{
    const Accel *a = v->accel;
    const Vm *vm = v->dev.vm;

    return !v->leave && !v->trap && !a->ended && !vm->horizon && !vm->requests
           && !a->watch_hit_set && !a->flush_wanted && !a->nochain
           && !v->ops->irq_inhibited(v) && v->ops->runnable(v)
           && !v->ops->irq_acceptable(v);
}

/* What the step just done left to be entered: before anything else that may
 * happen at this icount. */
static void engine_trap(Vcpu *v)
{
    Accel *a = v->accel;

    a->in_step = true;
    v->ops->trap(v);
    a->in_step = false;
}

/* Before the next step: a reason to go back to the loop? */
static bool engine_stop(Vcpu *v, EngineRun *r, VcpuStop *why)
{
    Accel *a = v->accel;
    Vm *vm = v->dev.vm;

    if (a->held) {
        accel_unhold(v);
    }
    if (v->leave) { /* an instruction asked for a look */
        v->leave = false;
        r->events = true;
    }
    if (a->ended || vm->horizon || vm->requests || a->watch_hit_set) {
        *why = VCPU_STOP_EVENT;
        return true;
    }
    if (r->events && v->ops->irq_acceptable(v)) {
        *why = VCPU_STOP_EVENT;
        return true;
    }
    if (!v->ops->runnable(v)) {
        *why = VCPU_STOP_HALT;
        return true;
    }
    if (v->budget == 0) {
        *why = VCPU_STOP_BUDGET;
        return true;
    }
    if (!r->first && a->breaks->len && accel_break_at(a, v->pc)) {
        *why = VCPU_STOP_DEBUG;
        return true;
    }
    return false;
}

/* The step after sti or mov ss: alone, then interrupts are looked at. */
static void engine_shadow_begin(Vcpu *v, EngineRun *r)
{
    Accel *a = v->accel;
    uint32_t rest = v->budget - 1;

    r->shadow = true;
    a->held += rest;
    v->slice_end -= rest;
    v->budget = 1;
}

static void engine_shadow_end(Vcpu *v, EngineRun *r)
{
    r->shadow = false;
    if (v->budget == 0) { /* not when the block was stale */
        v->ops->irq_uninhibit(v);
        r->events = true;
    }
}

static void engine_begin(Vcpu *v)
{
    Accel *a = v->accel;
    bool nochain = log_on(v->dev.vm, LOG_EXEC | LOG_CPU | LOG_NOCHAIN)
                   || a->opt.flush_every;

    if (nochain != a->nochain) {
        a->nochain = nochain;
        a->flush_wanted = true;
    }
    a->running = v;
    a->ended = false;
    a->held = 0;
    a->in_step = false;
}

VcpuStop vcpu_run(Vcpu *v, uint32_t budget)
{
    Accel *a = v->accel;
    Vm *vm = v->dev.vm;
    EngineRun r = {.first = true};
    uint64_t start = accel_ticks();
    VcpuStop why;

    vm_assert_thread(vm);
    engine_begin(v);
    if (a->opt.random_slice) { /* as a random poll quantum would */
        uint32_t most = 1 + accel_random(a) % a->opt.random_slice;

        budget = MIN(budget, most);
    }
    v->budget = budget;
    v->slice_end = clock_icount(vm->clock) + budget;
    while (!engine_stop(v, &r, &why)) {
        if (a->flush_wanted || (a->opt.flush_every && --a->flush_count == 0)) {
            engine_flush(a);
        }
        if (v->ops->irq_inhibited(v)) {
            engine_shadow_begin(v, &r);
        }
        engine_turn(v, &r);
        r.first = false;
        if (r.shadow) {
            engine_shadow_end(v, &r);
        }
        if (v->trap) {
            engine_trap(v);
        }
    }
    engine_settle(v);
    vcpu_sync_clock(v);
    a->running = NULL;
    v->slice_end -= v->budget;
    v->budget = 0;
    a->run_ticks += accel_ticks() - start;
    return why;
}
