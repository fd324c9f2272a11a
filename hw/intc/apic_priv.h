/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the APICs: messages on the bus and the local APIC's struct. */
#ifndef HW_INTC_APIC_PRIV_H
#define HW_INTC_APIC_PRIV_H

#include "hw/apic.h"

typedef struct ApicBus ApicBus;

/* Delivery modes, SDM 3 10.6.1. */
typedef enum ApicMode {
    APIC_FIXED,
    APIC_LOWEST,
    APIC_SMI,
    APIC_NMI = 4,
    APIC_INIT,
    APIC_SIPI,
    APIC_EXTINT,
} ApicMode;

/* Registers: offset in the window / 16, MSR number - 0x800 */
enum {
    LAPIC_R_ID = 0x02,
    LAPIC_R_VERSION,
    LAPIC_R_TPR = 0x08,
    LAPIC_R_APR,
    LAPIC_R_PPR,
    LAPIC_R_EOI,
    LAPIC_R_RRD,
    LAPIC_R_LDR,
    LAPIC_R_DFR,
    LAPIC_R_SVR,
    LAPIC_R_ISR,
    LAPIC_R_TMR = 0x18,
    LAPIC_R_IRR = 0x20,
    LAPIC_R_ESR = 0x28,
    LAPIC_R_ICR_LOW = 0x30,
    LAPIC_R_ICR_HIGH,
    LAPIC_R_LVT,
    LAPIC_R_INITIAL = 0x38,
    LAPIC_R_CURRENT,
    LAPIC_R_DIVIDE = 0x3e,
    LAPIC_R_SELF_IPI,
};

typedef struct ApicMsg {
    uint32_t dest;
    bool wide; /* from an x2APIC: all bits of dest count */
    bool logical;
    ApicMode mode;
    uint8_t vector;
    bool level; /* level triggered: EOI is told to the I/O APIC */
} ApicMsg;

enum {
    LVT_TIMER,
    LVT_THERMAL,
    LVT_PERF,
    LVT_LINT0,
    LVT_LINT1,
    LVT_ERROR,
    LVT_COUNT
};

typedef struct Lapic {
    Device dev;
    uint32_t id; /* in bits 31-24, as read */
    uint32_t tpr, ldr, dfr, svr;
    uint32_t esr, esr_new; /* as read; gathered since the last write */
    uint32_t icr_low, icr_high;
    uint32_t lvt[LVT_COUNT];
    uint32_t initial; /* timer */
    uint32_t divide;
    uint32_t irr[8], isr[8], tmr[8];
    uint64_t base;     /* IA32_APIC_BASE */
    uint64_t deadline; /* IA32_TSC_DEADLINE, 0: off */
    VirtTime start;    /* when the timer had its initial count */
    Timer timer;
    bool extint; /* an ExtINT message waits */
    IrqLine lint[2];
    ApicBus *bus; /* borrowed: from the board */
    X86Cpu *cpu;  /* borrowed: from the board */
} Lapic;

/* On the bus. */
void apic_bus_add(Device *bus, Lapic *l, unsigned index);
void apic_bus_set_ioapic(Device *bus, Device *ioapic);
void apic_bus_send(ApicBus *bus, const ApicMsg *msg);
/** apic_bus_broadcast() - all, or all but @except */
void apic_bus_broadcast(ApicBus *bus, const ApicMsg *msg, const Lapic *except);
void apic_bus_eoi(ApicBus *bus, uint8_t vector);
int apic_bus_ack_pic(ApicBus *bus);
void ioapic_eoi(Device *ioapic, uint8_t vector);

/* Of one local APIC. */
bool lapic_matches(const Lapic *l, const ApicMsg *msg);
void lapic_accept(Lapic *l, ApicMode mode, uint8_t vector, bool level);
uint8_t lapic_ppr(const Lapic *l);
bool lapic_enabled(const Lapic *l); /* globally and by software */
uint32_t lapic_read(Lapic *l, unsigned off);
void lapic_write(Lapic *l, unsigned off, uint32_t v);
void lapic_update(Lapic *l);
uint32_t lapic_read_reg(Lapic *l, unsigned reg);
void lapic_write_reg(Lapic *l, unsigned reg, uint32_t v);
void lapic_self_ipi(Lapic *l, uint8_t vector);

/* lapic_x2apic.c */
bool lapic_is_x2(const Lapic *l);
uint32_t lapic_x2_ldr(const Lapic *l);
bool lapic_x2apic_read(Device *dev, unsigned reg, uint64_t *out);
bool lapic_x2apic_write(Device *dev, unsigned reg, uint64_t v);

/* lapic_timer.c */
void lapic_timer_expired(Device *dev);
void lapic_timer_rearm(Lapic *l);
uint32_t lapic_timer_count(const Lapic *l);
void lapic_timer_set_initial(Lapic *l, uint32_t v);
void lapic_timer_set_divide(Lapic *l, uint32_t v);
void lapic_timer_set_lvt(Lapic *l, uint32_t v);
uint64_t lapic_get_deadline(Device *dev);
void lapic_set_deadline(Device *dev, uint64_t tsc);

#define LVT_MASKED 0x10000u
#define LVT_LEVEL 0x8000u
#define LVT_TIMER_MODE(lvt) (((lvt) >> 17) & 3)
enum {
    LVT_TIMER_ONE_SHOT,
    LVT_TIMER_PERIODIC,
    LVT_TIMER_DEADLINE
};

#endif
