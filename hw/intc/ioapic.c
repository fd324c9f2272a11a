/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC. Source: Intel 82093AA data sheet (290566-001); the EOI register of
 * version 0x20: Intel I/O Controller Hub 2 data sheet 9.5.
 *
 * Not modelled: pin polarity (lines carry "asserted"), arbitration on a serial
 * bus, delivery status (messages arrive at once).
 */
#include "hw/intc/apic_priv.h"

#define VERSION (0x20 | (IOAPIC_PINS - 1) << 16)
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL (1ull << 15)
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_WRITABLE 0xff0000000001afffull

typedef struct Ioapic {
    Device dev;
    uint32_t id;
    uint8_t index; /* IOREGSEL */
    uint64_t entry[IOAPIC_PINS];
    IrqLine in[IOAPIC_PINS];
    uint64_t base;
    Device *bus; /* borrowed: from the board */
} Ioapic;

static void ioapic_send(Ioapic *io, unsigned pin)
{
    uint64_t e = io->entry[pin];
    ApicMsg msg = {
        .dest = (uint8_t)(e >> 56),
        .logical = e >> 11 & 1,
        .mode = e >> 8 & 7,
        .vector = (uint8_t)e,
    };

    if (msg.mode <= APIC_LOWEST && (e & ENTRY_LEVEL)) {
        msg.level = true;
        io->entry[pin] |= ENTRY_REMOTE_IRR;
    }
    apic_bus_send((ApicBus *)io->bus, &msg);
}

/* A level that is up and neither masked nor being served is sent (again). */
static void ioapic_check_level(Ioapic *io, unsigned pin)
{
    const uint64_t stop = ENTRY_MASKED | ENTRY_REMOTE_IRR;

    if (io->in[pin].level && (io->entry[pin] & ENTRY_LEVEL)
        && !(io->entry[pin] & stop)) {
        ioapic_send(io, pin);
    }
}

static void ioapic_line(Device *dev, unsigned pin, bool level)
{
    Ioapic *io = (Ioapic *)dev;

    if (!level) {
        return;
    }
    if (io->entry[pin] & ENTRY_LEVEL) {
        ioapic_check_level(io, pin);
    } else if (!(io->entry[pin] & ENTRY_MASKED)) {
        ioapic_send(io, pin); /* 82093AA 3.4.2: masked edges are lost */
    }
}

void ioapic_eoi(Device *dev, uint8_t vector)
{
    Ioapic *io = (Ioapic *)dev;

    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t e = io->entry[pin];

        if ((uint8_t)e == vector && (e & ENTRY_REMOTE_IRR)) {
            io->entry[pin] &= ~ENTRY_REMOTE_IRR;
            ioapic_check_level(io, pin);
        }
    }
}

static uint32_t ioapic_read_reg(const Ioapic *io)
{
    unsigned n = io->index - 0x10u;

    switch (io->index) {
    case 0: /* id */
    case 2: /* arbitration id */
        return io->id;
    case 1:
        return VERSION;
    default:
        return n < 2 * IOAPIC_PINS
                   ? (uint32_t)(io->entry[n / 2] >> (n & 1 ? 32 : 0))
                   : 0;
    }
}

static void ioapic_write_reg(Ioapic *io, uint32_t v)
{
    unsigned n = io->index - 0x10u;
    unsigned shift = n & 1 ? 32 : 0;
    uint64_t mask = ENTRY_WRITABLE & (0xffffffffull << shift);
    uint64_t *e;

    if (io->index == 0) {
        io->id = v & 0x0f000000;
        return;
    }
    if (n >= 2 * IOAPIC_PINS) {
        return;
    }
    e = &io->entry[n / 2];
    *e = (*e & ~mask) | ((uint64_t)v << shift & mask);
    if (!(*e & ENTRY_LEVEL)) {
        *e &= ~ENTRY_REMOTE_IRR;
    }
    ioapic_check_level(io, n / 2);
}

static uint64_t ioapic_read(Device *dev, uint64_t off, unsigned size)
{
    Ioapic *io = (Ioapic *)dev;

    switch (off) {
    case 0x00:
        return io->index;
    case 0x10:
        return ioapic_read_reg(io);
    default:
        return 0;
    }
}

static void ioapic_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Ioapic *io = (Ioapic *)dev;

    switch (off) {
    case 0x00:
        io->index = (uint8_t)v;
        break;
    case 0x10:
        ioapic_write_reg(io, (uint32_t)v);
        break;
    case 0x40:
        ioapic_eoi(dev, (uint8_t)v);
        break;
    default:
        break;
    }
}

static const MemOps ioapic_ops = {
    .read = ioapic_read,
    .write = ioapic_write,
    .peek = ioapic_read, /* no read has an effect */
    .min_size = 4,
    .max_size = 4,
};

static bool ioapic_realize(Device *dev, GError **error)
{
    Ioapic *io = (Ioapic *)dev;

    g_assert(io->bus);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        irq_init(&io->in[i], dev, ioapic_line, i);
    }
    mem_add(dev->vm->mem_root, io->base,
            mem_io(dev->vm, "ioapic", dev, &ioapic_ops, 0x1000), 10);
    return true;
}

void ioapic_connect(Device *dev, Device *bus)
{
    ((Ioapic *)dev)->bus = bus;
    apic_bus_set_ioapic(bus, dev);
}

IrqLine *ioapic_in(Device *dev, unsigned pin)
{
    g_assert(pin < IOAPIC_PINS);
    return &((Ioapic *)dev)->in[pin];
}

/* clang-format off */
static const StateField ioapic_state[] = {
    STATE(Ioapic, id),
    STATE(Ioapic, index, .doc = "IOREGSEL"),
    STATE(Ioapic, entry, .reset = ENTRY_MASKED, .doc = "IOREDTBL"),
    STATE(Ioapic, in),
    WIRE(Ioapic, base),
    WIRE(Ioapic, bus),
    STATE_END,
};

static const PropField ioapic_props[] = {
    PROP(Ioapic, base, "base", PROP_U64, "0xfec00000", .doc = "guest physical address"),
    PROP_LIST_END,
};
/* clang-format on */

const DeviceType ioapic_type = {
    .name = "ioapic",
    .size = sizeof(Ioapic),
    .state = ioapic_state,
    .props = ioapic_props,
    .doc = "82093AA I/O APIC",
    .realize = ioapic_realize,
};
