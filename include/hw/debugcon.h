/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug console "isa-debugcon": properties iobase (0x402), readback (0xe9),
 * chardev. bus_ops is an IsaDeviceOps with set_port. */
#ifndef HW_DEBUGCON_H
#define HW_DEBUGCON_H

#include "hw/isa.h"

extern const DeviceType isa_debugcon_type;

#endif
