/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug console: a port whose bytes go to a back end, and that reads as a
 * known value so that firmware can find it. Source: Bochs user manual, port
 * 0xe9.
 *
 * Not modelled: input.
 */
#include "hw/debugcon.h"

#include "core/vm.h"

typedef struct Debugcon {
    Device dev;
    uint32_t iobase, readback;
    char *chardev;
    ChrPort *port; /* borrowed: of the Vm */
} Debugcon;

static uint64_t debugcon_read(Device *dev, uint64_t off, unsigned size)
{
    return ((Debugcon *)dev)->readback;
}

static void debugcon_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    uint8_t byte = (uint8_t)v;

    chr_port_write(((Debugcon *)dev)->port, &byte, 1);
}

static const MemOps debugcon_ops = {
    .read = debugcon_read,
    .write = debugcon_write,
    .peek = debugcon_read,
    .max_size = 1,
};

static void debugcon_set_port(Device *dev, ChrPort *port)
{
    ((Debugcon *)dev)->port = port;
}

static bool debugcon_realize(Device *dev, GError **error)
{
    Debugcon *d = (Debugcon *)dev;

    if (d->iobase > 0xffff) {
        return fail(error, "isa-debugcon: iobase is at most 0xffff");
    }
    mem_add(dev->vm->io_root, d->iobase,
            mem_io(dev->vm, "debugcon", dev, &debugcon_ops, 1), 0);
    return true;
}

/* clang-format off */
static const StateField debugcon_state[] = {
    WIRE(Debugcon, iobase),
    WIRE(Debugcon, readback),
    WIRE(Debugcon, chardev),
    WIRE(Debugcon, port),
    STATE_END,
};

static const PropField debugcon_props[] = {
    PROP(Debugcon, iobase, "iobase", PROP_U32, "0x402", .doc = "port"),
    PROP(Debugcon, readback, "readback", PROP_U32, "0xe9", .doc = "what a read gives"),
    PROP(Debugcon, chardev, "chardev", PROP_STR, NULL, .host_only = true, .doc = "back end"),
    PROP_LIST_END,
};
/* clang-format on */

static const IsaDeviceOps debugcon_isa_ops = {
    .set_port = debugcon_set_port,
};

const DeviceType isa_debugcon_type = {
    .name = "isa-debugcon",
    .size = sizeof(Debugcon),
    .state = debugcon_state,
    .props = debugcon_props,
    .user_creatable = true,
    .bus = "isa",
    .doc = "debug console",
    .realize = debugcon_realize,
    .bus_ops = &debugcon_isa_ops,
};
