/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NS16550A serial port on ISA ("isa-serial"). Properties: index 0 to 3 gives
 * iobase and irq (3f8/4 2f8/3 3e8/4 2e8/3) where these are 0; chardev. bus_ops
 * is an IsaDeviceOps with both hooks, called before realize.
 */
#ifndef HW_SERIAL16550_H
#define HW_SERIAL16550_H

#include "hw/isa.h"

extern const DeviceType isa_serial_type;

#endif
