/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System management mode: SDM 3C chapter 31, APM 2 chapter 10. A model with long
 * mode saves its state as APM 2 table 10-1 says, one without as SDM 3C table
 * 31-1; what that one reserves is our own.
 *
 * Not modelled: I/O instruction restart. While a vCPU is in SMM the others wait:
 * there is one view of the memory map.
 */
#include <inttypes.h>

#include "core/log.h"
#include "cpu/x86/sys_priv.h"

#define SMM_ENTRY 0x8000
#define REVISION_32 0x00020000u /* SMBASE can be moved */
#define REVISION_64 0x00020064u
#define MOVES 0x00020000u

typedef struct SaveRow {
    uint16_t at; /* from SMBASE + 0x8000 */
    uint8_t size;
    uint16_t member;
    uint8_t member_size;
} SaveRow;

/* clang-format off */
#define ROW(at, size, m) {(at), (size), offsetof(X86Cpu, m), sizeof(((X86Cpu *)0)->m)}
#define SEG64(at, n) \
    ROW(at, 2, seg[n].sel), ROW((at) + 2, 2, seg[n].attr), \
    ROW((at) + 4, 4, seg[n].limit), ROW((at) + 8, 8, seg_base[n])
#define TABLE64(at, t) \
    ROW(at, 2, t.sel), ROW((at) + 2, 2, t.attr), ROW((at) + 4, 4, t.limit), \
    ROW((at) + 8, 8, t.base)
/* selector where the table has it, the rest in the reserved part */
#define SEG32(sel_at, at, n) \
    ROW(sel_at, 4, seg[n].sel), ROW(at, 4, seg_base[n]), \
    ROW((at) + 4, 4, seg[n].limit), ROW((at) + 8, 4, seg[n].attr)
#define TABLE32(sel_at, at, t) \
    ROW(sel_at, 4, t.sel), ROW(at, 4, t.base), ROW((at) + 4, 4, t.limit), \
    ROW((at) + 8, 4, t.attr)

static const SaveRow rows_64[] = {
    SEG64(0x7e00, X86_ES), SEG64(0x7e10, X86_CS), SEG64(0x7e20, X86_SS),
    SEG64(0x7e30, X86_DS), SEG64(0x7e40, X86_FS), SEG64(0x7e50, X86_GS),
    TABLE64(0x7e60, gdt), TABLE64(0x7e70, ldt), TABLE64(0x7e80, idt),
    TABLE64(0x7e90, tr),
    ROW(0x7ed0, 8, efer), ROW(0x7f00, 4, smbase),
    ROW(0x7f48, 8, cr4), ROW(0x7f50, 8, cr3), ROW(0x7f58, 8, cr0),
    ROW(0x7f60, 8, dr[7]), ROW(0x7f68, 8, dr[6]),
    ROW(0x7f80, 8, gpr[15]), ROW(0x7f88, 8, gpr[14]), ROW(0x7f90, 8, gpr[13]),
    ROW(0x7f98, 8, gpr[12]), ROW(0x7fa0, 8, gpr[11]), ROW(0x7fa8, 8, gpr[10]),
    ROW(0x7fb0, 8, gpr[9]), ROW(0x7fb8, 8, gpr[8]),
    ROW(0x7fc0, 8, gpr[X86_RDI]), ROW(0x7fc8, 8, gpr[X86_RSI]),
    ROW(0x7fd0, 8, gpr[X86_RBP]), ROW(0x7fd8, 8, gpr[X86_RSP]),
    ROW(0x7fe0, 8, gpr[X86_RBX]), ROW(0x7fe8, 8, gpr[X86_RDX]),
    ROW(0x7ff0, 8, gpr[X86_RCX]), ROW(0x7ff8, 8, gpr[X86_RAX]),
};

static const SaveRow rows_32[] = {
    SEG32(0x7fa8, 0x7e10, X86_ES), SEG32(0x7fac, 0x7e1c, X86_CS),
    SEG32(0x7fb0, 0x7e28, X86_SS), SEG32(0x7fb4, 0x7e34, X86_DS),
    SEG32(0x7fb8, 0x7e40, X86_FS), SEG32(0x7fbc, 0x7e4c, X86_GS),
    TABLE32(0x7fc0, 0x7e58, ldt), TABLE32(0x7fc4, 0x7e64, tr),
    TABLE32(0x7e70, 0x7e74, gdt), TABLE32(0x7e80, 0x7e84, idt),
    ROW(0x7e90, 4, cr4), ROW(0x7e94, 8, efer), ROW(0x7ef8, 4, smbase),
    ROW(0x7fc8, 4, dr[7]), ROW(0x7fcc, 4, dr[6]),
    ROW(0x7fd0, 4, gpr[X86_RAX]), ROW(0x7fd4, 4, gpr[X86_RCX]),
    ROW(0x7fd8, 4, gpr[X86_RDX]), ROW(0x7fdc, 4, gpr[X86_RBX]),
    ROW(0x7fe0, 4, gpr[X86_RSP]), ROW(0x7fe4, 4, gpr[X86_RBP]),
    ROW(0x7fe8, 4, gpr[X86_RSI]), ROW(0x7fec, 4, gpr[X86_RDI]),
    ROW(0x7ff8, 4, cr3), ROW(0x7ffc, 4, cr0),
};
/* clang-format on */

/* The layout of a model, and the places of what is no plain member. */
typedef struct Layout {
    const SaveRow *rows;
    unsigned count;
    uint16_t flags, ip, halt, revision;
    uint8_t flags_size;
    uint32_t revision_value;
} Layout;

static const Layout layout_64 = {
    rows_64, G_N_ELEMENTS(rows_64), 0x7f70, 0x7f78, 0x7ec9, 0x7efc,
    8,       REVISION_64,
};
static const Layout layout_32 = {
    rows_32, G_N_ELEMENTS(rows_32), 0x7ff4, 0x7ff0, 0x7f02, 0x7efc,
    4,       REVISION_32,
};

static const Layout *smm_layout(const X86Cpu *c)
{
    return x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_LM) ? &layout_64
                                                         : &layout_32;
}

static GuestPhys smm_at(const X86Cpu *c, unsigned at)
{
    return (uint32_t)(c->smbase + 0x8000 + at);
}

static void smm_put(X86Cpu *c, unsigned at, unsigned size, uint64_t value)
{
    vcpu_phys_store(&c->v, smm_at(c, at), size, value);
}

static uint64_t smm_get(X86Cpu *c, unsigned at, unsigned size)
{
    return vcpu_phys_load(&c->v, smm_at(c, at), size);
}

/* Members are little-endian integers of 1 to 8 bytes, as the host's are. */
static void smm_save(X86Cpu *c, const Layout *l)
{
    for (unsigned i = 0; i < l->count; i++) {
        const SaveRow *r = &l->rows[i];
        uint64_t value = 0;

        memcpy(&value, (char *)c + r->member, r->member_size);
        smm_put(c, r->at, r->size, value);
    }
    smm_put(c, l->flags, l->flags_size, x86_cpu_eflags(c));
    smm_put(c, l->ip, l->flags_size, x86_ip(c, c->v.pc));
    smm_put(c, l->halt, 1, c->v.halted);
    smm_put(c, l->revision, 4, l->revision_value);
}

static void smm_load(X86Cpu *c, const Layout *l)
{
    uint64_t value[64];

    g_assert(l->count <= G_N_ELEMENTS(value));
    for (unsigned i = 0; i < l->count; i++) { /* before smbase changes */
        value[i] = smm_get(c, l->rows[i].at, l->rows[i].size);
    }
    for (unsigned i = 0; i < l->count; i++) {
        memcpy((char *)c + l->rows[i].member, &value[i],
               l->rows[i].member_size);
    }
}

/* One memory view: who is in SMM runs alone. */
static void smm_switch(X86Cpu *c, bool on)
{
    GPtrArray *all = c->v.dev.vm->vcpus;

    c->smm = on;
    for (guint i = 0; i < all->len; i++) {
        X86Cpu *other = g_ptr_array_index(all, i);

        if (other != c) {
            other->smm_wait = on;
        }
    }
    c->smm_view(c->smm_owner, on);
    tlb_flush(&c->v, true);
    tlb_switch(&c->v, 0, false);
    vcpu_fetch_again(&c->v);
    vm_horizon_changed(c->v.dev.vm);
}

static void smm_log(const X86Cpu *c, const char *what)
{
    Vm *vm = c->v.dev.vm;

    if (log_on(vm, LOG_INT)) {
        log_write(vm, "%s vcpu %u smbase %#" PRIx64 " pc %#" PRIx64 "\n", what,
                  c->v.index, c->smbase, c->v.pc);
    }
}

void x86_smm_enter(X86Cpu *c)
{
    const Layout *l = smm_layout(c);

    smm_log(c, "smi");
    c->smi_pending = false;
    x86_sync(&c->v);
    smm_switch(c, true);
    smm_save(c, l);
    c->smm_nmi_blocked = c->nmi_blocked;
    c->nmi_blocked = true;
    c->v.halted = false;
    c->eflags = 2;
    c->fl_a = 0;
    c->cr0 &= ~(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS | X86_CR0_PG);
    c->cr4 = c->efer = 0;
    c->dr[7] = 0x400;
    x86_debug_update(c);
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        x86_set_seg(c, i, 0, 0, UINT32_MAX, 0x8093);
    }
    x86_set_seg(c, X86_CS, c->smbase >> 4, c->smbase, UINT32_MAX, 0x8093);
    x86_update_mode(c);
    x86_jump(c, SMM_ENTRY);
}

/* SDM 3C 31.3.4: shutdown, not a fault. */
static bool smm_state_ok(X86Cpu *c)
{
    bool paged = c->cr0 & X86_CR0_PG;

    if ((paged && !(c->cr0 & X86_CR0_PE))
        || ((c->cr0 & X86_CR0_NW) && !(c->cr0 & X86_CR0_CD)) || c->cr0 >> 32
        || (c->cr4 & ~x86_cr4_known(c))) {
        return false;
    }
    return !paged || !(c->efer & X86_EFER_LME) || (c->cr4 & X86_CR4_PAE);
}

static void smm_resume(X86Cpu *c, const Layout *l)
{
    bool moves = smm_get(c, l->revision, 4) & MOVES;
    uint64_t flags = smm_get(c, l->flags, l->flags_size);
    uint64_t ip = smm_get(c, l->ip, l->flags_size), base = c->smbase;
    bool halt = smm_get(c, l->halt, 1) & 1;
    uint64_t lma = X86_EFER_LMA;

    smm_load(c, l);
    c->smbase = moves ? (uint32_t)c->smbase : base;
    if (!smm_state_ok(c)) {
        x86_shutdown(c);
        return;
    }
    lma &= (c->cr0 & X86_CR0_PG) && (c->efer & X86_EFER_LME) ? lma : 0;
    c->efer = (c->efer & ~X86_EFER_LMA) | lma;
    c->cr0 |= X86_CR0_ET;
    c->dr[6] = (c->dr[6] & 0xe00f) | 0xffff0ff0;
    c->dr[7] = (c->dr[7] & 0xffff2fff) | 0x400;
    x86_debug_update(c);
    x86_put_eflags(c, flags, UINT32_MAX);
    if ((c->cr0 & X86_CR0_PG) && (c->cr4 & X86_CR4_PAE) && !lma
        && !x86_load_pdptes(c, c->cr3)) {
        c->v.fault = false;
        x86_shutdown(c);
        return;
    }
    c->nmi_blocked = c->smm_nmi_blocked;
    x86_update_mode(c);
    x86_jump(c, ip);
    smm_switch(c, false);
    if (c->cr4 & X86_CR4_PCIDE) {
        tlb_switch(&c->v, c->cr3 & 0xfff, false);
    }
    smm_log(c, "rsm");
    c->v.halted = halt;
    c->v.leave = true;
}

uint64_t x86_h_rsm(Vcpu *v, uint64_t u1, uint64_t u2, uint64_t u3, uint64_t u4)
{
    X86Cpu *c = x86_of(v);

    if (c->smm) {
        smm_resume(c, smm_layout(c));
    } else {
        x86_raise(c, X86_UD);
    }
    return 0;
}

void x86_cpu_set_smm(X86Cpu *c, X86SmmView *view, Device *owner)
{
    c->smm_view = view;
    c->smm_owner = owner;
}
