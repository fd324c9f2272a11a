/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug registers: SDM 3B chapter 17.
 * An instruction breakpoint is a fault: while DR7 enables one, X86_MODE_DB makes
 * every instruction ask. Data and port accesses note what they met in
 * debug_pending; the trap comes when their step is done. RF is kept only while
 * there is an instruction breakpoint that it could hold back, in
 * X86_MODE_RF, a block of one instruction.
 */
#include "cpu/x86/sys_priv.h"

#define DR6_BREAKS 0xfull

typedef enum BreakType {
    BREAK_INSN,
    BREAK_WRITE,
    BREAK_IO,
    BREAK_ACCESS,
} BreakType;

static bool break_on(const X86Cpu *c, unsigned i)
{
    return c->dr[7] >> (2 * i) & 3;
}

static BreakType break_type(const X86Cpu *c, unsigned i)
{
    return c->dr[7] >> (16 + 4 * i) & 3;
}

static unsigned break_size(const X86Cpu *c, unsigned i)
{
    static const uint8_t size[4] = {1, 2, 8, 4}; /* SDM 3B 17.2.4 */

    return size[c->dr[7] >> (18 + 4 * i) & 3];
}

static bool break_touches(const X86Cpu *c, unsigned i, uint64_t at,
                          unsigned size)
{
    uint64_t first = c->dr[i] & ~(uint64_t)(break_size(c, i) - 1);

    return at - first < break_size(c, i) || first - at < size;
}

bool x86_debug_insn(const X86Cpu *c)
{
    for (unsigned i = 0; (c->dr[7] & 0xff) && i < 4; i++) {
        if (break_on(c, i) && break_type(c, i) == BREAK_INSN) {
            return true;
        }
    }
    return false;
}

void x86_debug_update(X86Cpu *c)
{
    for (unsigned i = 0; i < 4; i++) {
        bool data = break_on(c, i) && (break_type(c, i) & 1);
        unsigned size = break_size(c, i);

        vcpu_watch(&c->v, i, c->dr[i] & ~(uint64_t)(size - 1), data ? size : 0);
    }
}

static void debug_met(X86Cpu *c, uint64_t bits)
{
    if (bits) {
        c->debug_pending |= bits;
        vcpu_set_trap(&c->v);
    }
}

void x86_accessed(Vcpu *v, uint64_t va, unsigned size, bool write)
{
    X86Cpu *c = x86_of(v);
    uint64_t met = 0;

    for (unsigned i = 0; i < 4; i++) {
        BreakType type = break_type(c, i);

        if (break_on(c, i)
            && (type == BREAK_ACCESS || (type == BREAK_WRITE && write))
            && break_touches(c, i, va, size)) {
            met |= 1u << i;
        }
    }
    debug_met(c, met);
}

void x86_debug_port(X86Cpu *c, uint16_t port, unsigned size)
{
    uint64_t met = 0;

    if (!(c->dr[7] & 0xff) || !(c->cr4 & X86_CR4_DE)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (break_on(c, i) && break_type(c, i) == BREAK_IO
            && break_touches(c, i, port, size)) {
            met |= 1u << i;
        }
    }
    debug_met(c, met);
}

/* Before an instruction at linear address @pc, while RF is clear. */
uint64_t x86_h_insn_break(Vcpu *v, uint64_t pc, uint64_t u1, uint64_t u2,
                          uint64_t u3)
{
    X86Cpu *c = x86_of(v);
    uint64_t met = 0;

    if (c->inhibit_debug) { /* behind mov ss, SDM 3A 6.8.3 */
        return 0;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (break_on(c, i) && break_type(c, i) == BREAK_INSN
            && c->dr[i] == pc) {
            met |= 1u << i;
        }
    }
    if (met) {
        c->dr[6] = (c->dr[6] & ~DR6_BREAKS) | met;
        x86_raise(c, X86_DB);
    }
    return 0;
}

static void debug_enter(X86Cpu *c)
{
    uint64_t met = c->debug_pending;

    c->debug_pending = 0;
    c->v.trap = false;
    c->dr[6] = (c->dr[6] & ~DR6_BREAKS) | met;
    x86_enter_handler(c, X86_DB, false, false, 0, x86_ip(c, c->v.pc));
}

void x86_trap(Vcpu *v)
{
    X86Cpu *c = x86_of(v);

    if (!c->inhibit_debug) {
        debug_enter(c);
    }
}

void x86_debug_pend(X86Cpu *c, uint64_t bits)
{
    debug_met(c, bits);
}

void x86_debug_forget(X86Cpu *c)
{
    if (!c->inhibit_debug) {
        c->debug_pending = 0;
        c->v.trap = false;
    }
}

/* End of an instruction in a block of its own. @trap: TF was set when it began.
 * RF of EFLAGS lasts one instruction, and until the last iteration of a
 * repetition: while v->pc is still @self (SDM 3B 17.3.1.1). */
uint64_t x86_h_step_trap(Vcpu *v, uint64_t trap, uint64_t rf, uint64_t self,
                         uint64_t u1)
{
    X86Cpu *c = x86_of(v);
    bool again = rf == X86_STEP_RF_REP && v->pc == self;

    if (rf != X86_STEP_RF_KEEP) { /* a trap shows it in its frame */
        c->eflags &= ~(uint64_t)X86_RF;
        c->eflags |= again && (trap || x86_debug_insn(c)) ? X86_RF : 0;
        x86_update_mode(c);
    }
    if (trap) {
        c->debug_pending |= X86_DR6_BS;
        debug_enter(c);
    }
    return 0;
}
