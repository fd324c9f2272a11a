/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System control port A (0x92): A20 and fast reset. */
#ifndef HW_PORT92_H
#define HW_PORT92_H

#include "core/device.h"

extern const DeviceType port92_type;

/** port92_connect() - the A20 output; the board ORs it with the i8042's */
void port92_connect(Device *dev, IrqLine *a20);

#endif
