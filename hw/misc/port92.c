/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System control port A. Source: IBM PS/2 Hardware Interface Technical
 * Reference, System Control Port A; Intel 82371SB (PIIX3).
 *
 * Not modelled: disk activity lights, watchdog, CMOS password lock (bits 3, 4,
 * 6 and 7 hold what was written).
 */
#include "hw/port92.h"

#include "core/vm.h"

#define FAST_RESET 0x01
#define A20 0x02

typedef struct Port92 {
    Device dev;
    uint8_t value;
    IrqLine *a20; /* borrowed: from the board */
} Port92;

static uint64_t port92_read(Device *dev, uint64_t off, unsigned size)
{
    return ((Port92 *)dev)->value;
}

static void port92_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Port92 *p = (Port92 *)dev;
    bool reset = v & ~p->value & FAST_RESET;

    p->value = (uint8_t)v;
    irq_set(p->a20, v & A20);
    if (reset) {
        vm_request(dev->vm, VM_REQ_RESET, VM_CAUSE_GUEST_RESET);
    }
}

static const MemOps port92_ops = {
    .read = port92_read,
    .write = port92_write,
    .peek = port92_read,
    .max_size = 1,
};

void port92_connect(Device *dev, IrqLine *a20)
{
    ((Port92 *)dev)->a20 = a20;
}

static bool port92_realize(Device *dev, GError **error)
{
    mem_add(dev->vm->io_root, 0x92,
            mem_io(dev->vm, "port92", dev, &port92_ops, 1), 0);
    return true;
}

static void port92_reset_done(Device *dev)
{
    Port92 *p = (Port92 *)dev;

    irq_set(p->a20, p->value & A20);
}

/* clang-format off */
static const StateField port92_state[] = {
    STATE(Port92, value),
    WIRE(Port92, a20),
    STATE_END,
};
/* clang-format on */

const DeviceType port92_type = {
    .name = "port92",
    .size = sizeof(Port92),
    .state = port92_state,
    .doc = "system control port A",
    .realize = port92_realize,
    .reset_done = port92_reset_done,
};
