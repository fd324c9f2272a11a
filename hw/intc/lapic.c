/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APIC (xAPIC, integrated, version 0x14). Source: Intel SDM volume 3
 * chapter 10, cited as SDM 3.
 *
 * After a reset LINT0 of the bootstrap processor is an unmasked ExtINT: the
 * virtual wire that firmware sets up first thing (Intel MultiProcessor
 * Specification 3.6.2.2), so that boards without firmware can take interrupts.
 *
 * Not modelled: arbitration priority (reads zero), thermal and
 * performance interrupts (their LVT entries only hold values), CMCI, moving
 * the register window.
 */
#include "hw/intc/apic_priv.h"

#define VERSION (0x14 | (LVT_COUNT - 1) << 16)
#define BASE_BSP 0x100u
#define BASE_ENABLE 0x800u
#define BASE_X2 0x400u
#define BASE_ADDRESS 0xfffffff000ull
#define CPUID_X2APIC (1u << 21)
#define CPUID_TSC_DEADLINE (1u << 24)
#define SVR_ENABLE 0x100u
#define ESR_SEND_ILLEGAL 0x20u
#define ESR_RECV_ILLEGAL 0x40u
#define ESR_REGISTER 0x80u

/* --- vectors and priorities ----------------------------------------------- */

static int highest_bit(const uint32_t bits[8])
{
    for (int i = 7; i >= 0; i--) {
        if (bits[i]) {
            return 32 * i + 31 - __builtin_clz(bits[i]);
        }
    }
    return -1;
}

static void set_bit(uint32_t bits[8], unsigned n, bool on)
{
    if (on) {
        bits[n >> 5] |= 1u << (n & 31);
    } else {
        bits[n >> 5] &= ~(1u << (n & 31));
    }
}

static bool get_bit(const uint32_t bits[8], unsigned n)
{
    return bits[n >> 5] >> (n & 31) & 1;
}

/* SDM 3 10.8.3.1 */
uint8_t lapic_ppr(const Lapic *l)
{
    int isr = highest_bit(l->isr);
    uint8_t served = isr < 0 ? 0 : (uint8_t)isr & 0xf0;

    return (l->tpr & 0xf0) >= served ? (uint8_t)l->tpr : served;
}

static bool lapic_on(const Lapic *l)
{
    return l->base & BASE_ENABLE;
}

bool lapic_is_x2(const Lapic *l)
{
    return l->base & BASE_X2;
}

bool lapic_enabled(const Lapic *l)
{
    return lapic_on(l) && (l->svr & SVR_ENABLE);
}

/* Vector that may interrupt the vCPU now, -1: none. */
static int lapic_best(const Lapic *l)
{
    int irr = highest_bit(l->irr);

    if (irr < 0 || !lapic_enabled(l) || (irr & 0xf0) <= (lapic_ppr(l) & 0xf0)) {
        return -1;
    }
    return irr;
}

static bool lapic_lint_is(const Lapic *l, unsigned n, ApicMode mode)
{
    uint32_t lvt = l->lvt[LVT_LINT0 + n];

    return !(lvt & LVT_MASKED) && (lvt >> 8 & 7) == mode;
}

/* Does the 8259 ask for this vCPU? SDM 3 10.5.1: ExtINT is a level. */
static bool lapic_wants_pic(const Lapic *l)
{
    if (!lapic_on(l)) {
        return l->lint[0].level;
    }
    for (unsigned n = 0; n < 2; n++) {
        if (l->lint[n].level && lapic_lint_is(l, n, APIC_EXTINT)) {
            return true;
        }
    }
    return l->extint;
}

void lapic_update(Lapic *l)
{
    irq_set(&l->cpu->intr, lapic_best(l) >= 0 || lapic_wants_pic(l));
}

static void lapic_error(Lapic *l, uint32_t bit)
{
    uint32_t lvt = l->lvt[LVT_ERROR];
    bool again = l->esr_new & bit;

    l->esr_new |= bit;
    if (!again && !(lvt & LVT_MASKED) && (lvt & 0xff) >= 16) {
        lapic_accept(l, APIC_FIXED, (uint8_t)lvt, false);
    }
}

/* --- taking messages ------------------------------------------------------ */

/* SDM 3 10.12.10.1: 32-bit ids; the I/O APIC and devices know eight bits. */
static bool lapic_matches_x2(const Lapic *l, const ApicMsg *msg)
{
    uint32_t ldr = lapic_x2_ldr(l);

    if (!msg->logical) {
        return msg->dest == l->cpu->apic_id;
    }
    return msg->dest >> 16 == ldr >> 16 && (msg->dest & ldr & 0xffff);
}

/* SDM 3 10.6.2 */
bool lapic_matches(const Lapic *l, const ApicMsg *msg)
{
    uint8_t ldr = (uint8_t)(l->ldr >> 24);

    if (!lapic_on(l)) {
        return false;
    }
    if (msg->dest == (msg->wide ? UINT32_MAX : 0xff)) {
        return true;
    }
    if (lapic_is_x2(l)) {
        return lapic_matches_x2(l, msg);
    }
    if (msg->dest > 0xff) {
        return false;
    }
    if (!msg->logical) {
        return msg->dest == l->id >> 24;
    }
    if (l->dfr >> 28 == 0xf) {
        return ldr & msg->dest;
    }
    return (msg->dest >> 4 == ldr >> 4 || msg->dest >> 4 == 0xf)
           && (ldr & msg->dest & 0xf);
}

static void lapic_clear(Lapic *l)
{
    l->tpr = 0;
    l->ldr = 0;
    l->dfr = UINT32_MAX;
    l->svr = 0xff;
    l->esr = 0;
    l->esr_new = 0;
    l->icr_low = 0;
    l->icr_high = 0;
    for (unsigned i = 0; i < LVT_COUNT; i++) {
        l->lvt[i] = LVT_MASKED;
    }
    for (unsigned i = 0; i < 8; i++) {
        l->irr[i] = 0;
        l->isr[i] = 0;
        l->tmr[i] = 0;
    }
    l->initial = 0;
    l->divide = 0;
    l->deadline = 0;
    l->extint = false;
    timer_cancel(&l->timer);
}

static bool lapic_is_bsp(const Lapic *l)
{
    return l->cpu->v.index == 0;
}

/* SDM 3 10.4.7.3: INIT keeps the ids and IA32_APIC_BASE. */
static void lapic_take_init(Lapic *l)
{
    lapic_clear(l);
    lapic_update(l);
    x86_cpu_init(l->cpu, lapic_is_bsp(l));
}

static void lapic_take_vector(Lapic *l, uint8_t vector, bool level)
{
    if (!lapic_enabled(l)) {
        return;
    }
    if (vector < 16) {
        lapic_error(l, ESR_RECV_ILLEGAL);
        return;
    }
    set_bit(l->irr, vector, true);
    set_bit(l->tmr, vector, level);
    lapic_update(l);
}

void lapic_accept(Lapic *l, ApicMode mode, uint8_t vector, bool level)
{
    if (!lapic_on(l)) {
        return;
    }
    switch (mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        lapic_take_vector(l, vector, level);
        break;
    case APIC_SMI:
        irq_pulse(&l->cpu->smi);
        break;
    case APIC_NMI:
        irq_pulse(&l->cpu->nmi);
        break;
    case APIC_INIT:
        lapic_take_init(l);
        break;
    case APIC_SIPI:
        x86_cpu_sipi(l->cpu, vector);
        break;
    case APIC_EXTINT:
        l->extint = true;
        lapic_update(l);
        break;
    default:
        break; /* reserved */
    }
}

/* --- the vCPU's side ------------------------------------------------------ */

static int lapic_ack(Device *dev)
{
    Lapic *l = (Lapic *)dev;
    int vector = lapic_best(l);

    if (vector >= 0) {
        set_bit(l->irr, (unsigned)vector, false);
        set_bit(l->isr, (unsigned)vector, true);
    } else if (lapic_wants_pic(l)) {
        l->extint = false;
        vector = apic_bus_ack_pic(l->bus);
    }
    lapic_update(l);
    return vector;
}

static uint64_t lapic_get_base(Device *dev)
{
    return ((Lapic *)dev)->base;
}

/* SDM 3 10.12.5: x2APIC comes from xAPIC only, and goes to off only. */
static bool lapic_base_ok(const Lapic *l, uint64_t v)
{
    bool x2 = l->cpu->features[X86_FEAT_1_ECX] & CPUID_X2APIC;
    uint32_t known = BASE_ENABLE | BASE_BSP | (x2 ? BASE_X2 : 0);
    bool on = v & BASE_ENABLE, wide = v & BASE_X2;

    if ((v & ~(BASE_ADDRESS | known)) || (wide && !on)) {
        return false;
    }
    if (lapic_is_x2(l)) {
        return wide || !on;
    }
    return lapic_on(l) || !wide;
}

static bool lapic_set_base(Device *dev, uint64_t v)
{
    Lapic *l = (Lapic *)dev;

    if (!lapic_base_ok(l, v)) {
        return false;
    }
    if ((v & BASE_ADDRESS) != APIC_DEFAULT_BASE) {
        guest_unimp(dev, "local APIC moved to %#" PRIx64,
                    (uint64_t)(v & BASE_ADDRESS));
    }
    if (lapic_on(l) && !(v & BASE_ENABLE)) {
        lapic_clear(l);
    }
    l->base = v;
    lapic_update(l);
    return true;
}

static uint8_t lapic_get_tpr(Device *dev)
{
    return (uint8_t)((Lapic *)dev)->tpr;
}

static void lapic_set_tpr(Device *dev, uint8_t tpr)
{
    Lapic *l = (Lapic *)dev;

    l->tpr = tpr;
    lapic_update(l);
}

const X86IntrOps lapic_intr_ops = {
    .ack = lapic_ack,
    .get_base = lapic_get_base,
    .set_base = lapic_set_base,
    .get_tpr = lapic_get_tpr,
    .set_tpr = lapic_set_tpr,
    .get_deadline = lapic_get_deadline,
    .set_deadline = lapic_set_deadline,
    .x2apic_read = lapic_x2apic_read,
    .x2apic_write = lapic_x2apic_write,
};

/* --- registers ------------------------------------------------------------ */

static void lapic_eoi(Lapic *l)
{
    int vector = highest_bit(l->isr);

    if (vector < 0) {
        return;
    }
    set_bit(l->isr, (unsigned)vector, false);
    if (get_bit(l->tmr, (unsigned)vector)) {
        apic_bus_eoi(l->bus, (uint8_t)vector);
    }
    lapic_update(l);
}

/* SDM 3 10.6.1 */
static void lapic_send(Lapic *l)
{
    uint32_t icr = l->icr_low;
    ApicMsg msg = {
        .dest = lapic_is_x2(l) ? l->icr_high : l->icr_high >> 24,
        .wide = lapic_is_x2(l),
        .logical = icr >> 11 & 1,
        .mode = icr >> 8 & 7,
        .vector = (uint8_t)icr,
    };
    bool assert_level = icr >> 14 & 1;

    if (msg.mode == APIC_INIT && (icr & 0x8000) && !assert_level) {
        return; /* INIT level de-assert: only synchronizes arbitration */
    }
    if (msg.mode <= APIC_LOWEST && msg.vector < 16) {
        lapic_error(l, ESR_SEND_ILLEGAL);
        return;
    }
    vm_end_turn(l->dev.vm); /* the receiver is to run soon */
    switch (icr >> 18 & 3) {
    case 0:
        apic_bus_send(l->bus, &msg);
        break;
    case 1:
        if (msg.mode == APIC_FIXED) {
            lapic_accept(l, msg.mode, msg.vector, false);
        }
        break;
    case 2:
        apic_bus_broadcast(l->bus, &msg, NULL);
        break;
    default:
        apic_bus_broadcast(l->bus, &msg, l);
        break;
    }
}

void lapic_self_ipi(Lapic *l, uint8_t vector)
{
    if (vector < 16) {
        lapic_error(l, ESR_SEND_ILLEGAL);
        return;
    }
    lapic_accept(l, APIC_FIXED, vector, false);
}

static void lapic_write_lvt(Lapic *l, unsigned n, uint32_t v)
{
    /* SDM 3 figure 10-8: what each entry can hold */
    static const uint32_t writable[LVT_COUNT] = {
        0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff,
    };

    v &= writable[n];
    if (n == LVT_TIMER
        && !(l->cpu->features[X86_FEAT_1_ECX] & CPUID_TSC_DEADLINE)) {
        v &= ~0x40000u;
    }
    if (!(l->svr & SVR_ENABLE)) {
        v |= LVT_MASKED; /* SDM 3 10.4.7.2 */
    }
    if (n == LVT_TIMER) {
        lapic_timer_set_lvt(l, v);
    } else {
        l->lvt[n] = v;
    }
    lapic_update(l);
}

static void lapic_write_svr(Lapic *l, uint32_t v)
{
    bool was = l->svr & SVR_ENABLE;

    l->svr = v & 0x3ff;
    if (was && !(v & SVR_ENABLE)) {
        for (unsigned i = 0; i < LVT_COUNT; i++) {
            lapic_write_lvt(l, i, l->lvt[i]);
        }
    }
    lapic_update(l);
}

/* The window: not there in x2APIC mode, SDM 3 10.12.2. */
static bool lapic_window(const Lapic *l)
{
    return lapic_on(l) && !lapic_is_x2(l);
}

uint32_t lapic_read(Lapic *l, unsigned off)
{
    if (!lapic_window(l)) {
        return UINT32_MAX;
    }
    return off & 0xf ? 0 : lapic_read_reg(l, off >> 4);
}

uint32_t lapic_read_reg(Lapic *l, unsigned reg)
{
    switch (reg) {
    case LAPIC_R_ID:
        return lapic_is_x2(l) ? l->cpu->apic_id : l->id;
    case LAPIC_R_VERSION:
        return VERSION;
    case LAPIC_R_TPR:
        return l->tpr;
    case LAPIC_R_PPR:
        return lapic_ppr(l);
    case LAPIC_R_LDR:
        return lapic_is_x2(l) ? lapic_x2_ldr(l) : l->ldr;
    case LAPIC_R_DFR:
        return l->dfr;
    case LAPIC_R_SVR:
        return l->svr;
    case LAPIC_R_ISR ... LAPIC_R_ISR + 7:
        return l->isr[reg - LAPIC_R_ISR];
    case LAPIC_R_TMR ... LAPIC_R_TMR + 7:
        return l->tmr[reg - LAPIC_R_TMR];
    case LAPIC_R_IRR ... LAPIC_R_IRR + 7:
        return l->irr[reg - LAPIC_R_IRR];
    case LAPIC_R_ESR:
        return l->esr;
    case LAPIC_R_ICR_LOW:
        return l->icr_low;
    case LAPIC_R_ICR_HIGH:
        return l->icr_high;
    case LAPIC_R_LVT ... LAPIC_R_LVT + LVT_COUNT - 1:
        return l->lvt[reg - LAPIC_R_LVT];
    case LAPIC_R_INITIAL:
        return l->initial;
    case LAPIC_R_CURRENT:
        return lapic_timer_count(l);
    case LAPIC_R_DIVIDE:
        return l->divide;
    default:
        return 0;
    }
}

void lapic_write_reg(Lapic *l, unsigned reg, uint32_t v)
{
    switch (reg) {
    case LAPIC_R_ID:
        l->id = v & 0xff000000;
        break;
    case LAPIC_R_TPR:
        lapic_set_tpr(&l->dev, (uint8_t)v);
        break;
    case LAPIC_R_EOI:
        lapic_eoi(l);
        break;
    case LAPIC_R_LDR:
        l->ldr = v & 0xff000000;
        break;
    case LAPIC_R_DFR:
        l->dfr = v | 0x0fffffff;
        break;
    case LAPIC_R_SVR:
        lapic_write_svr(l, v);
        break;
    case LAPIC_R_ESR:
        l->esr = l->esr_new;
        l->esr_new = 0;
        break;
    case LAPIC_R_ICR_LOW:
        l->icr_low = v & 0xccfff;
        lapic_send(l);
        break;
    case LAPIC_R_ICR_HIGH:
        l->icr_high = v & 0xff000000;
        break;
    case LAPIC_R_LVT ... LAPIC_R_LVT + LVT_COUNT - 1:
        lapic_write_lvt(l, reg - LAPIC_R_LVT, v);
        break;
    case LAPIC_R_INITIAL:
        lapic_timer_set_initial(l, v);
        break;
    case LAPIC_R_DIVIDE:
        lapic_timer_set_divide(l, v);
        break;
    case LAPIC_R_VERSION:
    case LAPIC_R_CURRENT:
    case LAPIC_R_APR ... LAPIC_R_PPR:
    case LAPIC_R_RRD:
    case LAPIC_R_ISR ... LAPIC_R_ISR + 7:
    case LAPIC_R_TMR ... LAPIC_R_TMR + 7:
    case LAPIC_R_IRR ... LAPIC_R_IRR + 7:
        break; /* read-only */
    default:
        lapic_error(l, ESR_REGISTER);
        break;
    }
}

void lapic_write(Lapic *l, unsigned off, uint32_t v)
{
    if (lapic_window(l) && !(off & 0xf)) {
        lapic_write_reg(l, off >> 4, v);
    }
}

/* --- device --------------------------------------------------------------- */

/* SDM 3 10.5.1: what a local interrupt pin does. */
static void lapic_line(Device *dev, unsigned n, bool level)
{
    Lapic *l = (Lapic *)dev;
    uint32_t lvt = l->lvt[LVT_LINT0 + n];
    ApicMode mode = lvt >> 8 & 7;

    if (!lapic_on(l)) {
        if (n == 1 && level) {
            irq_pulse(&l->cpu->nmi); /* LINT1 is the NMI pin */
        }
    } else if (level && !(lvt & LVT_MASKED) && mode != APIC_EXTINT) {
        lapic_accept(l, mode, (uint8_t)lvt, false);
    }
    lapic_update(l);
}

static bool lapic_realize(Device *dev, GError **error)
{
    Lapic *l = (Lapic *)dev;

    g_assert(l->bus && l->cpu);
    for (unsigned i = 0; i < 2; i++) {
        irq_init(&l->lint[i], dev, lapic_line, i);
    }
    timer_init(&l->timer, dev, lapic_timer_expired);
    return true;
}

static void lapic_reset_done(Device *dev)
{
    Lapic *l = (Lapic *)dev;

    lapic_clear(l);
    l->id = l->cpu->apic_id << 24;
    l->base = APIC_DEFAULT_BASE | BASE_ENABLE;
    if (lapic_is_bsp(l)) {
        l->base |= BASE_BSP;
        l->lvt[LVT_LINT0] = APIC_EXTINT << 8;
    }
    lapic_update(l);
}

void lapic_connect(Device *dev, Device *bus, X86Cpu *cpu)
{
    Lapic *l = (Lapic *)dev;

    l->cpu = cpu;
    apic_bus_add(bus, l, cpu->v.index);
}

IrqLine *lapic_lint(Device *dev, unsigned n)
{
    g_assert(n < 2);
    return &((Lapic *)dev)->lint[n];
}

/* clang-format off */
static const StateField lapic_state[] = {
    STATE(Lapic, id),
    STATE(Lapic, tpr),
    STATE(Lapic, ldr),
    STATE(Lapic, dfr),
    STATE(Lapic, svr),
    STATE(Lapic, esr),
    STATE(Lapic, esr_new),
    STATE(Lapic, icr_low),
    STATE(Lapic, icr_high),
    STATE(Lapic, lvt),
    STATE(Lapic, initial),
    STATE(Lapic, divide),
    STATE(Lapic, irr),
    STATE(Lapic, isr),
    STATE(Lapic, tmr),
    STATE(Lapic, base, .doc = "IA32_APIC_BASE"),
    STATE(Lapic, deadline, .doc = "IA32_TSC_DEADLINE"),
    STATE(Lapic, start, .doc = "the timer's count began"),
    STATE(Lapic, timer),
    STATE(Lapic, extint),
    STATE(Lapic, lint),
    WIRE(Lapic, bus),
    WIRE(Lapic, cpu),
    STATE_END,
};
/* clang-format on */

const DeviceType lapic_type = {
    .name = "lapic",
    .size = sizeof(Lapic),
    .state = lapic_state,
    .doc = "local APIC",
    .realize = lapic_realize,
    .reset_done = lapic_reset_done,
};
