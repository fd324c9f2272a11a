/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the board gives to a device with bus "isa" before it is realized. The
 * device maps its own ports into vm->io_root. DeviceType.bus_ops of such a
 * device is an IsaDeviceOps.
 */
#ifndef HW_ISA_H
#define HW_ISA_H

#include "chardev/port.h"
#include "core/device.h"

#define ISA_IRQS 16

typedef struct IsaDeviceOps {
    /* NULL: the device has no interrupt */
    void (*connect)(Device *dev, IrqLine *const irq[ISA_IRQS]);
    /* NULL: the device has no "chardev" property */
    void (*set_port)(Device *dev, ChrPort *port);
} IsaDeviceOps;

#endif
