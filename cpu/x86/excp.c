/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raising and delivering exceptions and interrupts: SDM 3A chapter 6. */
#include <inttypes.h>

#include "core/trace.h"
#include "cpu/x86/sys_priv.h"

typedef enum EventKind {
    EVENT_EXTERNAL, /* INTR, NMI */
    EVENT_FAULT,
    EVENT_TRAP,     /* #DB after an instruction, int1 */
    EVENT_REDIRECT, /* int n of vm86, to vm86 */
    EVENT_SOFT,     /* int n, int3, into: the gate's DPL is checked */
} EventKind;

typedef struct Event {
    EventKind kind;
    unsigned vector;
    bool has_error;
    uint32_t error;
    uint64_t rip;
} Event;

/* x86_h_int_soft() leaves this in exc_error for int1. */
#define SOFT_INT1 1u
#define SOFT_REDIRECT 2u

/* --- raising ------------------------------------------------------------------ */

static void raise_any(X86Cpu *c, unsigned vector, bool has_error,
                      uint32_t error)
{
    trace(c->v.dev.vm, cpu_exception, c->v.dev.path, vector, error);
    c->exc_vector = vector;
    c->exc_has_error = has_error;
    c->exc_error = error;
    c->exc_soft = false;
    c->exc_where = 0;
    c->v.fault = true;
}

void x86_raise(X86Cpu *c, unsigned vector)
{
    raise_any(c, vector, false, 0);
}

void x86_raise_error(X86Cpu *c, unsigned vector, uint32_t error)
{
    raise_any(c, vector, true, error);
}

void x86_raise_page_fault(X86Cpu *c, uint64_t va, uint32_t error)
{
    c->cr2 = va;
    raise_any(c, X86_PFX, true, error);
}

uint64_t x86_h_raise(Vcpu *v, uint64_t vector, uint64_t error,
                     uint64_t has_error, uint64_t unused)
{
    raise_any(x86_of(v), vector, has_error, error);
    return 0;
}

uint64_t x86_h_int_soft(Vcpu *v, uint64_t vector, uint64_t next, uint64_t int_n,
                        uint64_t unused)
{
    uint32_t how = !int_n && vector == X86_DB ? SOFT_INT1 : 0;
    X86Cpu *c = x86_of(v);
    bool redirect = false;

    if (int_n && (v->mode & X86_MODE_VM86)) {
        if (!x86_vme_redirects(c, vector, &redirect)) {
            return 0;
        }
        if (!redirect && x86_iopl(c) < 3) { /* SDM 3B 21.3.3, methods 2, 3 */
            x86_raise_error(c, X86_GP, 0);
            return 0;
        }
    }
    raise_any(c, vector, false, redirect ? SOFT_REDIRECT : how);
    c->exc_soft = true;
    c->exc_next = next;
    return 0;
}

/* --- double faults ------------------------------------------------------------ */

/* SDM 3A table 6-5 */
static bool contributory(unsigned vector)
{
    return vector == X86_DE || (vector >= X86_TS && vector <= X86_GP);
}

/* Vectors whose saved EFLAGS image has RF set: SDM 3B 17.3.1.1. */
static bool fault_class(unsigned vector)
{
    switch (vector) {
    case X86_DE:
    case X86_BR:
    case X86_UD:
    case X86_NM:
    case X86_TS:
    case X86_NP:
    case X86_SSX:
    case X86_GP:
    case X86_PFX:
    case X86_MF:
    case X86_ACX:
    case X86_XM:
        return true;
    default:
        return false;
    }
}

/* The exception now in exc_* came up while @ev was delivered: what follows.
 * False: shutdown. */
static bool next_event(X86Cpu *c, Event *ev)
{
    unsigned first = ev->vector, second = c->exc_vector;
    bool exception = ev->kind == EVENT_FAULT;
    bool hard = contributory(second) || second == X86_PFX;

    *ev = (Event){
        .kind = EVENT_FAULT,
        .vector = second,
        .has_error = c->exc_has_error,
        .error = c->exc_error,
        .rip = x86_ip(c, c->v.pc),
    };
    if (!exception || !hard) {
        return true;
    }
    if (first == X86_DFX) {
        return false;
    }
    if (first == X86_PFX || (contributory(first) && contributory(second))) {
        ev->vector = X86_DFX;
        ev->has_error = true;
        ev->error = 0;
    }
    return true;
}

void x86_shutdown(X86Cpu *c)
{
    guest_error(&c->v.dev, "triple fault at %#" G_GINT64_MODIFIER "x", c->v.pc);
    c->v.halted = true;
    vm_request(c->v.dev.vm, VM_REQ_RESET, VM_CAUSE_GUEST_RESET);
}

/* --- entering a handler --------------------------------------------------------- */

static bool enter_real(X86Cpu *c, const Event *ev)
{
    X86Stack st;
    uint64_t entry, frame[3];

    if (ev->vector * 4 + 3 > c->idt.limit) {
        x86_raise(c, X86_GP);
        return false;
    }
    x86_stack_now(c, &st);
    frame[0] = x86_cpu_eflags(c) & 0xffff;
    frame[1] = c->seg[X86_CS].sel;
    frame[2] = ev->rip & 0xffff;
    if (!vcpu_load(&c->v, (uint32_t)(c->idt.base + ev->vector * 4), 4,
                   X86_MMU_KERNEL, &entry)
        || !x86_stack_push(c, &st, frame, 3, 2)) {
        return false;
    }
    x86_stack_commit(c, &st);
    c->eflags &= ~(uint64_t)(X86_IF | X86_TF | X86_AC | X86_RF);
    x86_seg_real(c, X86_CS, entry >> 16, false);
    x86_update_mode(c);
    x86_jump(c, entry & 0xffff);
    return true;
}

/* An IDT gate. */
typedef struct Gate {
    X86Desc d;
    uint16_t sel;
    uint64_t offset;
    unsigned type;
    unsigned size; /* of a stack slot: 2, 4, 8 */
    unsigned ist;
    bool interrupt; /* clears IF */
    unsigned ext;   /* EXT bit for error codes */
} Gate;

static bool gate_bad(X86Cpu *c, unsigned vector, const Event *ev, unsigned ext)
{
    x86_raise_error(c, vector, ev->vector * 8 + 2 + ext);
    return false;
}

static bool gate_read(X86Cpu *c, const Event *ev, Gate *g)
{
    bool lm = x86_long(c);
    unsigned bytes = lm ? 16 : 8;
    uint64_t at = c->idt.base + ev->vector * bytes;
    uint64_t raw, high = 0;

    g->ext = ev->kind != EVENT_SOFT;
    if (ev->vector * bytes + bytes - 1 > c->idt.limit) {
        return gate_bad(c, X86_GP, ev, g->ext);
    }
    if (!vcpu_load(&c->v, lm ? at : (uint32_t)at, 8, X86_MMU_KERNEL, &raw)
        || (lm && !vcpu_load(&c->v, at + 8, 8, X86_MMU_KERNEL, &high))) {
        return false;
    }
    x86_desc_decode(&g->d, 0, raw);
    g->type = X86_TYPE(&g->d);
    g->sel = raw >> 16;
    g->offset = (raw & 0xffff) | ((raw >> 32) & 0xffff0000) | (high << 32);
    g->ist = lm ? (raw >> 32) & 7 : 0;
    g->interrupt = g->type == X86_SYS_INT16 || g->type == X86_SYS_INT32;
    g->size = lm ? 8 : g->type & 8 ? 4 : 2;
    switch (g->type) {
    case X86_SYS_INT32:
    case X86_SYS_TRAP32:
        break;
    case X86_SYS_INT16:
    case X86_SYS_TRAP16:
    case X86_SYS_TASK:
        if (!lm) {
            break;
        }
        /* fall through */
    default:
        return gate_bad(c, X86_GP, ev, g->ext);
    }
    if (!X86_IS_SYS(&g->d)
        || (ev->kind == EVENT_SOFT && X86_DPL(&g->d) < x86_cpl(c))) {
        return gate_bad(c, X86_GP, ev, g->ext);
    }
    if (!X86_PRESENT(&g->d)) {
        return gate_bad(c, X86_NP, ev, g->ext);
    }
    return true;
}

/* The handler's code segment; *cpl: the privilege it runs at. */
static bool gate_code(X86Cpu *c, const Gate *g, X86Desc *cs, unsigned *cpl)
{
    unsigned bad = (g->sel & ~3u) | g->ext;
    bool vm86 = c->v.mode & X86_MODE_VM86;

    if (!(g->sel & ~3u)) {
        x86_raise_error(c, X86_GP, g->ext);
        return false;
    }
    if (!x86_desc_get(c, g->sel, X86_GP, g->ext, cs)) {
        return false;
    }
    if (!X86_IS_CODE(cs) || X86_DPL(cs) > x86_cpl(c)
        || (x86_long(c)
            && (cs->attr & (X86_ATTR_L | X86_ATTR_D)) != X86_ATTR_L)) {
        x86_raise_error(c, X86_GP, bad);
        return false;
    }
    *cpl = X86_IS_CONFORMING(cs) ? x86_cpl(c) : X86_DPL(cs);
    if (vm86 && *cpl != 0) {
        x86_raise_error(c, X86_GP, bad);
        return false;
    }
    if (!X86_PRESENT(cs)) {
        x86_raise_error(c, X86_NP, bad);
        return false;
    }
    if (!x86_long(c) && g->offset > cs->limit) {
        x86_raise_error(c, X86_GP, g->ext);
        return false;
    }
    if (x86_long(c) && !x86_canonical(g->offset)) {
        x86_raise_error(c, X86_GP, g->ext);
        return false;
    }
    return x86_desc_touch(c, cs);
}

static void enter_commit(X86Cpu *c, const Gate *g, const X86Desc *cs,
                         unsigned cpl)
{
    uint64_t clear = X86_TF | X86_NT | X86_RF | X86_VM;

    if (g->interrupt) {
        clear |= X86_IF;
    }
    c->eflags &= ~clear;
    x86_seg_from(c, X86_CS, (g->sel & ~3u) | cpl, cs);
    x86_update_mode(c);
    x86_jump(c, g->size == 2 ? g->offset & 0xffff : g->offset);
}

static uint64_t saved_flags(const X86Cpu *c, const Event *ev)
{
    uint64_t flags = x86_cpu_eflags(c);
    bool gd = ev->vector == X86_DB && ev->error; /* not an instruction break */

    if (ev->kind == EVENT_FAULT && (fault_class(ev->vector) || gd)) {
        flags |= X86_RF;
    }
    return flags;
}

static bool enter_long(X86Cpu *c, const Event *ev, const Gate *g)
{
    uint64_t rsp = c->gpr[X86_RSP], frame[6];
    unsigned cpl, n = 0;
    bool inner;
    X86Stack st;
    X86Desc cs;

    if (!gate_code(c, g, &cs, &cpl)) {
        return false;
    }
    inner = cpl < x86_cpl(c);
    if ((g->ist || inner)
        && !x86_tss_rsp(c, g->ist ? g->ist + 2 : cpl, g->ext, &rsp)) {
        return false;
    }
    st = (X86Stack){
        .sp = rsp & ~15ull, /* SDM 3A 6.14.2 */
        .mask = UINT64_MAX,
        .flat = true,
        .mmu = cpl == 3 ? X86_MMU_USER : X86_MMU_KERNEL,
        .error = g->ext,
        .vector = X86_SSX,
    };
    frame[n++] = c->seg[X86_SS].sel;
    frame[n++] = c->gpr[X86_RSP];
    frame[n++] = saved_flags(c, ev);
    frame[n++] = c->seg[X86_CS].sel;
    frame[n++] = ev->rip;
    if (ev->has_error) {
        frame[n++] = ev->error;
    }
    if (!x86_stack_push(c, &st, frame, n, 8)) {
        return false;
    }
    c->gpr[X86_RSP] = st.sp;
    if (inner) {
        x86_seg_null(c, X86_SS, cpl, cpl);
    }
    enter_commit(c, g, &cs, cpl);
    return true;
}

/* To an inner ring, also out of vm86. */
static bool enter_inner(X86Cpu *c, const Event *ev, const Gate *g, X86Desc *cs,
                        unsigned cpl)
{
    bool vm86 = c->v.mode & X86_MODE_VM86;
    uint64_t frame[10], sp;
    unsigned n = 0;
    uint16_t ss_sel;
    X86Stack st;
    X86Desc ss;

    if (!x86_tss_stack(c, cpl, g->ext, &ss_sel, &sp)
        || !x86_stack_segment(c, ss_sel, cpl, X86_TS, g->ext, &ss)) {
        return false;
    }
    x86_stack_new(c, &st, &ss, sp, cpl, g->ext);
    if (vm86) {
        frame[n++] = c->seg[X86_GS].sel;
        frame[n++] = c->seg[X86_FS].sel;
        frame[n++] = c->seg[X86_DS].sel;
        frame[n++] = c->seg[X86_ES].sel;
    }
    frame[n++] = c->seg[X86_SS].sel;
    frame[n++] = c->gpr[X86_RSP];
    frame[n++] = saved_flags(c, ev);
    frame[n++] = c->seg[X86_CS].sel;
    frame[n++] = ev->rip;
    if (ev->has_error) {
        frame[n++] = ev->error;
    }
    if (!x86_stack_push(c, &st, frame, n, g->size)) {
        return false;
    }
    if (vm86) {
        static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};

        for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
            x86_seg_null(c, data[i], 0, cpl);
        }
    }
    x86_seg_from(c, X86_SS, ss_sel, &ss);
    x86_stack_commit(c, &st);
    enter_commit(c, g, cs, cpl);
    return true;
}

static bool enter_protected(X86Cpu *c, const Event *ev)
{
    unsigned cpl, n = 0;
    uint64_t frame[4];
    X86Stack st;
    X86Desc cs;
    Gate g;

    if (!gate_read(c, ev, &g)) {
        return false;
    }
    if (x86_long(c)) {
        return enter_long(c, ev, &g);
    }
    if (g.type == X86_SYS_TASK) {
        x86_desc_decode(&g.d, g.sel, g.d.lo | (uint64_t)g.d.hi << 32);
        X86TaskEvent task = {
            .ext = g.ext,
            .rf = saved_flags(c, ev) & X86_RF,
            .has_error = ev->has_error,
            .error = ev->error,
        };
        return x86_task_gate(c, &g.d, X86_TASK_INT, ev->rip, &task);
    }
    if (!gate_code(c, &g, &cs, &cpl)) {
        return false;
    }
    if (cpl < x86_cpl(c)) {
        return enter_inner(c, ev, &g, &cs, cpl);
    }
    x86_stack_now(c, &st);
    st.error = g.ext;
    frame[n++] = saved_flags(c, ev);
    frame[n++] = c->seg[X86_CS].sel;
    frame[n++] = ev->rip;
    if (ev->has_error) {
        frame[n++] = ev->error;
    }
    if (!x86_stack_push(c, &st, frame, n, g.size)) {
        return false;
    }
    x86_stack_commit(c, &st);
    enter_commit(c, &g, &cs, cpl);
    return true;
}

static void log_event(const X86Cpu *c, const Event *ev)
{
    Vm *vm = c->v.dev.vm;

    if (log_on(vm, LOG_INT)) {
        log_write(vm,
                  "int %02x kind %d error %x%s cpl %u ip %04x:%016" PRIx64
                  " sp %04x:%016" PRIx64 " cr2 %016" PRIx64 "\n",
                  ev->vector, ev->kind, ev->error, ev->has_error ? "" : "-",
                  x86_cpl(c), c->seg[X86_CS].sel, ev->rip, c->seg[X86_SS].sel,
                  c->gpr[X86_RSP], c->cr2);
    }
}

/* Every turn either ends or climbs towards the shutdown but for benign
 * exceptions while delivering (an #AC or #DB at most), so turns are few. */
static void enter(X86Cpu *c, Event ev)
{
    for (unsigned turn = 0; turn < 8; turn++) {
        bool done;

        log_event(c, &ev);
        c->v.fault = false;
        if (ev.kind == EVENT_REDIRECT) {
            done = x86_vme_enter(c, ev.vector, ev.rip);
        } else if (c->v.mode & X86_MODE_PE) {
            done = enter_protected(c, &ev);
        } else {
            done = enter_real(c, &ev);
        }
        if (done) {
            if (ev.vector == X86_DB && ev.kind != EVENT_SOFT) {
                c->dr[7] &= ~(1ull << 13); /* GD */
            }
            c->inhibit = c->inhibit_debug = false;
            c->v.halted = false; /* hlt with TF set */
            vcpu_entered(&c->v,
                         ev.kind == EVENT_EXTERNAL && ev.vector != X86_DB
                             ? VCPU_ENTRY_INTERRUPT
                             : VCPU_ENTRY_EXCEPTION,
                         ev.vector);
            return;
        }
        if (!next_event(c, &ev)) {
            break;
        }
    }
    c->v.fault = false;
    c->inhibit = c->inhibit_debug = false; /* as behind any other event */
    x86_shutdown(c);
}

void x86_enter_handler(X86Cpu *c, unsigned vector, bool soft, bool has_error,
                       uint32_t error, uint64_t return_rip)
{
    enter(c, (Event){
                 .kind = soft ? EVENT_SOFT : EVENT_EXTERNAL,
                 .vector = vector,
                 .has_error = has_error,
                 .error = error,
                 .rip = return_rip,
             });
}

void x86_deliver(Vcpu *v)
{
    X86Cpu *c = x86_of(v);
    Event ev = {
        .kind = EVENT_FAULT,
        .vector = c->exc_vector,
        .has_error = c->exc_has_error,
        .error = c->exc_error,
        .rip = x86_ip(c, v->pc),
    };

    if (c->exc_where && c->exc_vector == X86_GP
        && x86_is_stack_access(c, c->exc_where)) {
        ev.vector = X86_SSX;
    }
    if (c->exc_soft) {
        ev.kind = c->exc_error == SOFT_INT1       ? EVENT_TRAP
                  : c->exc_error == SOFT_REDIRECT ? EVENT_REDIRECT
                                                  : EVENT_SOFT;
        ev.error = 0;
        ev.rip = c->exc_next;
        c->exc_soft = false;
    } else if (c->v.trap) {
        x86_debug_forget(c);
    }
    enter(c, ev);
}

/* --- interrupts ------------------------------------------------------------- */

bool x86_irq_acceptable(const Vcpu *v)
{
    const X86Cpu *c = (const X86Cpu *)v;

    if (c->smm_wait) {
        return false;
    }
    if (c->init_pending && !c->smm) {
        return true;
    }
    if (c->wait_sipi || c->inhibit) {
        return false;
    }
    return (c->smi_pending && !c->smm) || (c->nmi_pending && !c->nmi_blocked)
           || (c->intr.level && (c->eflags & X86_IF));
}

bool x86_runnable(const Vcpu *v)
{
    const X86Cpu *c = (const X86Cpu *)v;

    return (!v->halted && !c->wait_sipi && !c->smm_wait)
           || x86_irq_acceptable(v);
}

bool x86_irq_inhibited(const Vcpu *v)
{
    return ((const X86Cpu *)v)->inhibit;
}

void x86_irq_uninhibit(Vcpu *v)
{
    X86Cpu *c = x86_of(v);

    c->inhibit = c->inhibit_debug = false;
    x86_irq_poll(c);
}

/* Entering the handler met a data breakpoint, or its task has the T flag. */
static void trap_now(X86Cpu *c)
{
    if (c->v.trap) {
        x86_trap(&c->v);
    }
}

void x86_irq_accept(Vcpu *v)
{
    X86Cpu *c = x86_of(v);
    int vector;

    if (!x86_irq_acceptable(v)) {
        return;
    }
    if (c->smi_pending && !c->smm && !c->wait_sipi && !c->inhibit) {
        x86_smm_enter(c);
        return;
    }
    if (c->init_pending && !c->smm) {
        x86_do_init(c);
        return;
    }
    if (c->nmi_pending && !c->nmi_blocked) {
        c->nmi_pending = false;
        c->nmi_blocked = true;
        v->halted = false;
        x86_enter_handler(c, X86_NMI, false, false, 0, x86_ip(c, v->pc));
        trap_now(c);
        return;
    }
    vector = c->intr_ops ? c->intr_ops->ack(c->intr_owner) : -1;
    if (vector >= 0) {
        v->halted = false;
        x86_enter_handler(c, vector, false, false, 0, x86_ip(c, v->pc));
        trap_now(c);
    }
}
