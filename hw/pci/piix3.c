/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 82371SB (PIIX3), function 0: PCI to ISA bridge.
 * Source: Intel 290550-002, section 2.2 (configuration registers).
 * Not modelled: the IDE (function 1) and USB (function 2) functions, DMA
 * aliases, X-bus chip selects (all devices are always decoded), SMI timers.
 */
#include "hw/piix3.h"

#include "core/vm.h"

#define PIRQ_COUNT 4
#define PIRQ_REG 0x60
#define PIRQ_OFF 0x80u
#define ISA_IRQ_COUNT 16
#define RCR_OFFSET 1      /* 0xcf9 in 0xcf8-0xcfb */
#define RCR_WRITABLE 0x02 /* hard or soft reset */
#define RCR_RESET 0x04

typedef struct Piix3 {
    PciDevice pci; /* first */
    bool pirq[PIRQ_COUNT];
    uint8_t reset_control;
    IrqLine *out[ISA_IRQ_COUNT]; /* borrowed: from the board */
} Piix3;

/* clang-format off */
static const PciConfigRow piix3_config[] = {
    {0x04, 2, 0x0007, 0x0000, 0, "command: all on"},
    {0x06, 2, 0x0200, 0, 0x7800, "status: medium timing"},
    {0x4c, 1, 0x4d, 0xff, 0, "ISA I/O recovery"},
    {0x4e, 2, 0x0003, 0x07ff, 0, "X-bus chip select"},
    {0x60, 4, 0x80808080, 0x8f8f8f8f, 0, "PIRQ A-D route"},
    {0x69, 1, 0x02, 0xfe, 0, "top of memory"},
    {0x6a, 2, 0x0000, 0x0013, 0, "miscellaneous status"},
    {0x70, 1, 0x80, 0xef, 0, "motherboard IRQ 0"},
    {0x71, 1, 0x80, 0xef, 0, "motherboard IRQ 1"},
    {0x76, 2, 0x0c0c, 0x8f8f, 0, "motherboard DMA"},
    {0x78, 2, 0x0002, 0xffff, 0, "programmable chip select"},
    {0x82, 1, 0x00, 0x0f, 0, "deterministic latency"},
    {0xa0, 2, 0x0008, 0x001f, 0, "SMI control"},
    {0xa2, 2, 0x0000, 0x00ff, 0, "SMI enable"},
    {0xa4, 4, 0x00000000, 0xffffffff, 0, "system event enable"},
    {0xa8, 1, 0x0f, 0xff, 0, "fast off timer"},
    {0xaa, 2, 0x0000, 0, 0x00ff, "SMI request"},
    PCI_CONFIG_END,
};

static const StateField piix3_state[] = {
    STATE_GROUP(Piix3, pci, pci_device_rows, PciDevice),
    STATE(Piix3, pirq, .keep = true, .doc = "levels of PIRQA to PIRQD"),
    STATE(Piix3, reset_control, .doc = "0xcf9"),
    WIRE(Piix3, out),
    STATE_END,
};
/* clang-format on */

void piix3_connect(Device *piix3, IrqLine *const out[16])
{
    Piix3 *p = (Piix3 *)piix3;

    for (unsigned i = 0; i < ISA_IRQ_COUNT; i++) {
        p->out[i] = out[i];
    }
}

/* Slots are wired in turn, so that cards which all use INTA are spread;
 * slot 1 (this chip) has INTA on PIRQA. */
unsigned piix3_map_irq(unsigned devfn, unsigned pin)
{
    return (pin + PCI_SLOT(devfn) + PIRQ_COUNT - 1) % PIRQ_COUNT;
}

/* An ISA line is the OR of all PIRQs routed to it (2.2.7). */
static void route_all(Piix3 *p)
{
    uint32_t levels = 0;

    for (unsigned i = 0; i < PIRQ_COUNT; i++) {
        unsigned route = p->pci.config[PIRQ_REG + i];

        if (p->pirq[i] && !(route & PIRQ_OFF)) {
            levels |= 1u << (route & 15);
        }
    }
    for (unsigned i = 0; i < ISA_IRQ_COUNT; i++) {
        irq_set(p->out[i], levels >> i & 1);
    }
}

void piix3_set_pirq(Device *piix3, unsigned pirq, bool level)
{
    Piix3 *p = (Piix3 *)piix3;

    p->pirq[pirq % PIRQ_COUNT] = level;
    route_all(p);
}

static void piix3_config_written(PciDevice *pd, unsigned at, unsigned size)
{
    if (at < PIRQ_REG + PIRQ_COUNT && at + size > PIRQ_REG) {
        route_all((Piix3 *)pd);
    }
}

static uint64_t rcr_read(Device *dev, uint64_t off, unsigned size)
{
    return off == RCR_OFFSET ? ((Piix3 *)dev)->reset_control : UINT64_MAX;
}

/* 2.5.5.1: a change of bit 2 from 0 to 1 resets. */
static void rcr_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Piix3 *p = (Piix3 *)dev;

    if (off != RCR_OFFSET) {
        return;
    }
    if (v & RCR_RESET) {
        vm_request(dev->vm, VM_REQ_RESET, VM_CAUSE_GUEST_RESET);
    }
    p->reset_control = v & RCR_WRITABLE;
}

/* The routes are off again: what came in through them ends. */
static void piix3_reset(PciDevice *pd)
{
    route_all((Piix3 *)pd);
}

const MemOps piix3_cf8_ops = {
    .read = rcr_read,
    .write = rcr_write,
    .max_size = 1,
};

static const PciDeviceOps piix3_ops = {
    .vendor = 0x8086,
    .device = 0x7000,
    .class_code = 0x060100,
    .config = piix3_config,
    .reset = piix3_reset,
    .config_written = piix3_config_written,
};

const DeviceType piix3_type = {
    .name = "PIIX3",
    .size = sizeof(Piix3),
    .state = piix3_state,
    .doc = "Intel 82371SB ISA bridge",
    .bus = "pci",
    .bus_ops = &piix3_ops,
    .realize = pci_realize,
    .unrealize = pci_unrealize,
    .reset_done = pci_reset_done,
    .rebuild = pci_rebuild,
};
