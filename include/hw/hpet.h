/* SPDX-License-Identifier: GPL-2.0-or-later */
/* High precision event timers at 0xfed00000: three comparators, 100 MHz. */
#ifndef HW_HPET_H
#define HW_HPET_H

#include "core/device.h"

#define HPET_DEFAULT_BASE 0xfed00000u
#define HPET_PERIOD_FS 10000000u
#define HPET_BLOCK_ID 0x8086a201u /* low half of GCAP_ID, for the ACPI table */
#define HPET_GSIS 24

extern const DeviceType hpet_type;

/** hpet_connect() - line of an interrupt number 0 to 23 (the board's GSI
 *  lines); before realize */
void hpet_connect(Device *dev, unsigned gsi, IrqLine *line);
/** hpet_connect_legacy() - ISA IRQ 0 and 8 behind the legacy replacement */
void hpet_connect_legacy(Device *dev, IrqLine *irq0, IrqLine *irq8);
/** hpet_legacy_in() - 0: for the i8254, 1: for the mc146818; passed on to the
 *  legacy lines unless the replacement is on */
IrqLine *hpet_legacy_in(Device *dev, unsigned n);

#endif
