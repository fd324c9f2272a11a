/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MC146818 real-time clock with 128 bytes of NVRAM, ports 0x70 and 0x71. */
#ifndef HW_MC146818_H
#define HW_MC146818_H

#include "core/device.h"

extern const DeviceType mc146818_type;

/** mc146818_connect() - ISA IRQ 8, through the HPET if there is one */
void mc146818_connect(Device *dev, IrqLine *irq8);
/** mc146818_set_nvram() - battery-backed byte 0x0e to 0x7f, for the board.
 *  0x32 (century) follows the calendar and is ignored here. */
void mc146818_set_nvram(Device *dev, unsigned index, uint8_t value);
uint8_t mc146818_nvram(const Device *dev, unsigned index);
/** mc146818_nmi_masked() - bit 7 of the last index written */
bool mc146818_nmi_masked(const Device *dev);

#endif
