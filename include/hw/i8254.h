/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8254 interval timer, ports 0x40 to 0x43, and port 0x61. */
#ifndef HW_I8254_H
#define HW_I8254_H

#include "core/device.h"

#define I8254_HZ 1193182

extern const DeviceType i8254_type;

/** i8254_connect() - OUT of channel 0: ISA IRQ 0, through the HPET if there
 *  is one; before realize */
void i8254_connect(Device *dev, IrqLine *irq0);
/** i8254_speaker() - is the speaker driven by channel 2, and with which count
 *  of I8254_HZ clocks a period? */
bool i8254_speaker(const Device *dev, uint32_t *period);

#endif
