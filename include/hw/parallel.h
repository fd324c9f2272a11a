/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parallel port with a printer on ISA ("isa-parallel"). Properties: index 0 to
 * 2 gives iobase (378 278 3bc) where that is 0; irq; chardev. bus_ops is an
 * IsaDeviceOps with both hooks, called before realize.
 */
#ifndef HW_PARALLEL_H
#define HW_PARALLEL_H

#include "hw/isa.h"

#define PARALLEL_PORTS 3

extern const DeviceType isa_parallel_type;

#endif
