/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pair of 8259A interrupt controllers of a PC, with the edge/level control
 * registers: ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0 and 0x4d1. */
#ifndef HW_I8259_H
#define HW_I8259_H

#include "core/device.h"

extern const DeviceType i8259_type;

/** i8259_connect() - where INT of the master goes; before realize */
void i8259_connect(Device *dev, IrqLine *intr);
/** i8259_in() - input 0 to 15; 2 is the cascade and not to be driven */
IrqLine *i8259_in(Device *dev, unsigned irq);
/** i8259_ack() - the two INTA cycles; always a vector (spurious: 7 or 15) */
int i8259_ack(Device *dev);

#endif
