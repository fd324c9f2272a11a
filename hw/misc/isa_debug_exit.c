/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port that ends the machine: a write of v gives the exit status
 * (v << 1) | 1, always odd.
 *
 * Not modelled: nothing.
 */
#include "hw/isa_debug_exit.h"

#include "core/vm.h"

typedef struct DebugExit {
    Device dev;
    uint32_t iobase, iosize;
} DebugExit;

static uint64_t debug_exit_read(Device *dev, uint64_t off, unsigned size)
{
    return 0;
}

static void debug_exit_write(Device *dev, uint64_t off, uint64_t v,
                             unsigned size)
{
    if (dev->vm->requests & VM_REQ_SHUTDOWN) {
        return; /* the rest of a wider write */
    }
    dev->vm->exit_status = (int)((uint32_t)v << 1 | 1);
    vm_request(dev->vm, VM_REQ_SHUTDOWN, VM_CAUSE_GUEST_SHUTDOWN);
}

static const MemOps debug_exit_ops = {
    .read = debug_exit_read,
    .write = debug_exit_write,
    .peek = debug_exit_read,
    .max_size = 4,
};

static bool debug_exit_realize(Device *dev, GError **error)
{
    DebugExit *d = (DebugExit *)dev;

    if (d->iosize < 1 || d->iosize > 4 || d->iobase > 0x10000 - d->iosize) {
        return fail(error, "isa-debug-exit: iosize is 1 to 4 ports below "
                           "0x10000");
    }
    mem_add(dev->vm->io_root, d->iobase,
            mem_io(dev->vm, "debug-exit", dev, &debug_exit_ops, d->iosize), 0);
    return true;
}

/* clang-format off */
static const StateField debug_exit_state[] = {
    WIRE(DebugExit, iobase),
    WIRE(DebugExit, iosize),
    STATE_END,
};

static const PropField debug_exit_props[] = {
    PROP(DebugExit, iobase, "iobase", PROP_U32, "0x501", .doc = "first port"),
    PROP(DebugExit, iosize, "iosize", PROP_U32, "2", .doc = "number of ports"),
    PROP_LIST_END,
};
/* clang-format on */

static const IsaDeviceOps debug_exit_isa_ops = {0};

const DeviceType isa_debug_exit_type = {
    .name = "isa-debug-exit",
    .size = sizeof(DebugExit),
    .state = debug_exit_state,
    .props = debug_exit_props,
    .user_creatable = true,
    .bus = "isa",
    .doc = "ends the machine with a status",
    .realize = debug_exit_realize,
    .bus_ops = &debug_exit_isa_ops,
};
