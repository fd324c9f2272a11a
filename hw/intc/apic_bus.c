/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What connects local APICs, I/O APIC, MSI senders and the 8259: destinations,
 * lowest priority, the register window. Source: Intel SDM volume 3 chapter 10.
 *
 * Not modelled: a register window that differs between vCPUs (IA32_APIC_BASE
 * keeps the address but the window stays), focus processors. Of equal
 * priorities the lowest vCPU number wins.
 */
#include "hw/intc/apic_priv.h"

#include "hw/i8259.h"

struct ApicBus {
    Device dev;
    Lapic *lapic[APIC_BUS_CPUS]; /* borrowed, by vCPU number */
    unsigned count;
    Device *ioapic; /* borrowed */
    Device *pic;    /* borrowed */
};

void apic_bus_add(Device *dev, Lapic *l, unsigned index)
{
    ApicBus *bus = (ApicBus *)dev;

    g_assert(index < APIC_BUS_CPUS);
    bus->lapic[index] = l;
    bus->count = MAX(bus->count, index + 1);
    l->bus = bus;
}

void apic_bus_set_ioapic(Device *bus, Device *ioapic)
{
    ((ApicBus *)bus)->ioapic = ioapic;
}

void apic_bus_set_pic(Device *bus, Device *i8259)
{
    ((ApicBus *)bus)->pic = i8259;
}

int apic_bus_ack_pic(ApicBus *bus)
{
    return bus->pic ? i8259_ack(bus->pic) : -1;
}

void apic_bus_eoi(ApicBus *bus, uint8_t vector)
{
    if (bus->ioapic) {
        ioapic_eoi(bus->ioapic, vector);
    }
}

/* SDM 3 10.6.2.4: of the addressed ones that run at the lowest priority. */
static void apic_bus_send_lowest(ApicBus *bus, const ApicMsg *msg)
{
    Lapic *best = NULL;

    for (unsigned i = 0; i < bus->count; i++) {
        Lapic *l = bus->lapic[i];

        if (l && lapic_enabled(l) && lapic_matches(l, msg)
            && (!best || lapic_ppr(l) < lapic_ppr(best))) {
            best = l;
        }
    }
    if (best) {
        lapic_accept(best, APIC_FIXED, msg->vector, msg->level);
    }
}

void apic_bus_send(ApicBus *bus, const ApicMsg *msg)
{
    if (msg->mode == APIC_LOWEST) {
        apic_bus_send_lowest(bus, msg);
        return;
    }
    for (unsigned i = 0; i < bus->count; i++) {
        Lapic *l = bus->lapic[i];

        if (l && lapic_matches(l, msg)) {
            lapic_accept(l, msg->mode, msg->vector, msg->level);
        }
    }
}

void apic_bus_broadcast(ApicBus *bus, const ApicMsg *msg, const Lapic *except)
{
    for (unsigned i = 0; i < bus->count; i++) {
        Lapic *l = bus->lapic[i];

        if (l && l != except) {
            lapic_accept(l, msg->mode, msg->vector, msg->level);
        }
    }
}

/* SDM 3 10.11.1 and 10.11.2. */
void apic_msi(Device *dev, uint64_t addr, uint32_t data)
{
    ApicMsg msg = {
        .dest = (uint8_t)(addr >> 12),
        .logical = addr >> 2 & 1,
        .mode = data >> 8 & 7,
        .vector = (uint8_t)data,
        .level = data >> 15 & 1,
    };

    if ((addr & ~(uint64_t)(APIC_WINDOW_SIZE - 1)) != APIC_DEFAULT_BASE) {
        guest_error(dev, "message interrupt to %#" PRIx64, addr);
        return;
    }
    /* with the redirection hint one of the addressed ones takes it */
    if (msg.mode == APIC_FIXED && (addr >> 3 & 1) && msg.logical) {
        msg.mode = APIC_LOWEST;
    }
    if (msg.level && !(data >> 14 & 1)) {
        return; /* deassert */
    }
    apic_bus_send((ApicBus *)dev, &msg);
}

/* --- window --------------------------------------------------------------- */

static Lapic *apic_bus_current(ApicBus *bus)
{
    const Vcpu *v = (const Vcpu *)bus->dev.vm->vcpu_now;
    unsigned index = v ? v->index : 0;

    return index < bus->count ? bus->lapic[index] : NULL;
}

static uint64_t apic_bus_read(Device *dev, uint64_t off, unsigned size)
{
    Lapic *l = apic_bus_current((ApicBus *)dev);

    return l && off < 0x1000 ? lapic_read(l, (unsigned)off) : UINT32_MAX;
}

static void apic_bus_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Lapic *l = apic_bus_current((ApicBus *)dev);

    if (off >= 0x1000) {
        apic_msi(dev, APIC_DEFAULT_BASE + off, (uint32_t)v);
    } else if (l) {
        lapic_write(l, (unsigned)off, (uint32_t)v);
    }
}

static const MemOps apic_bus_ops = {
    .read = apic_bus_read,
    .write = apic_bus_write,
    .peek = apic_bus_read, /* no read has an effect */
    .min_size = 4,
    .max_size = 4,
};

static bool apic_bus_realize(Device *dev, GError **error)
{
    Vm *vm = dev->vm;

    mem_add(vm->mem_root, APIC_DEFAULT_BASE,
            mem_io(vm, "lapic", dev, &apic_bus_ops, APIC_WINDOW_SIZE), 10);
    return true;
}

/* clang-format off */
static const StateField apic_bus_state[] = {
    WIRE(ApicBus, lapic),
    WIRE(ApicBus, count),
    WIRE(ApicBus, ioapic),
    WIRE(ApicBus, pic),
    STATE_END,
};
/* clang-format on */

const DeviceType apic_bus_type = {
    .name = "apic-bus",
    .size = sizeof(ApicBus),
    .state = apic_bus_state,
    .doc = "what connects the APICs",
    .realize = apic_bus_realize,
};
