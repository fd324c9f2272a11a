/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8042 keyboard controller with auxiliary (mouse) port: ports 0x60, 0x64. */
#ifndef HW_I8042_H
#define HW_I8042_H

#include "core/device.h"

extern const DeviceType i8042_type;

/** i8042_connect() - interrupts and the A20 output (P21); before realize. The
 *  reset output (P20) asks the Vm for a reset itself. */
void i8042_connect(Device *dev, IrqLine *irq1, IrqLine *irq12, IrqLine *a20);
/** i8042_attach() - ps2_kbd and ps2_mouse devices; NULL: not plugged in */
void i8042_attach(Device *dev, Device *kbd, Device *mouse);

#endif
