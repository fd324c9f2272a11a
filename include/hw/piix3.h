/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 82371SB: the PCI to ISA bridge (function 0). */
#ifndef HW_PIIX3_H
#define HW_PIIX3_H

#include "hw/pci.h"

extern const DeviceType piix3_type;
extern const MemOps piix3_cf8_ops; /* the reset control register at 0xcf9 */

/** piix3_connect() - the lines it drives for PIRQs, one for each ISA IRQ */
void piix3_connect(Device *piix3, IrqLine *const out[16]);
/** piix3_map_irq() - PIRQ of pin @pin (0 to 3) in slot @devfn / 8 */
unsigned piix3_map_irq(unsigned devfn, unsigned pin);
/** piix3_set_pirq() - PIRQA to PIRQD: 0 to 3 */
void piix3_set_pirq(Device *piix3, unsigned pirq, bool level);

#endif
