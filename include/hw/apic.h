/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local APICs, I/O APIC and the bus between them. Per machine one apic_bus (it
 * owns the register window at 0xfee00000), one lapic for each vCPU, one ioapic
 * at 0xfec00000.
 */
#ifndef HW_APIC_H
#define HW_APIC_H

#include "core/device.h"
#include "cpu/x86.h"

#define APIC_BUS_CPUS 255
#define APIC_DEFAULT_BASE 0xfee00000u
#define APIC_WINDOW_SIZE 0x100000u
#define IOAPIC_DEFAULT_BASE 0xfec00000u
#define IOAPIC_PINS 24

extern const DeviceType apic_bus_type;
extern const DeviceType lapic_type;
extern const DeviceType ioapic_type;
/* For x86_cpu_set_intr(); the owner is the vCPU's lapic. */
extern const X86IntrOps lapic_intr_ops;

/** apic_bus_set_pic() - the i8259 that answers ExtINT acknowledges, or NULL */
void apic_bus_set_pic(Device *bus, Device *i8259);
/** apic_msi() - a device's write of @data to @addr in 0xfeexxxxx */
void apic_msi(Device *bus, uint64_t addr, uint32_t data);

/** lapic_connect() - before realize; its slot on the bus is cpu->v.index, its
 *  id cpu->apic_id, vCPU 0 is the bootstrap processor */
void lapic_connect(Device *lapic, Device *bus, X86Cpu *cpu);
/** lapic_lint() - LINT0 (the i8259's INT, bootstrap processor only), LINT1 (NMI) */
IrqLine *lapic_lint(Device *lapic, unsigned n);

/** ioapic_connect() - before realize; property "base" moves it */
void ioapic_connect(Device *ioapic, Device *bus);
IrqLine *ioapic_in(Device *ioapic, unsigned pin);

#endif
