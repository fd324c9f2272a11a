/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "isa-debug-exit": a write of v ends the machine with status (v << 1) | 1.
 * Properties iobase (0x501), iosize (2). */
#ifndef HW_ISA_DEBUG_EXIT_H
#define HW_ISA_DEBUG_EXIT_H

#include "hw/isa.h"

extern const DeviceType isa_debug_exit_type;

#endif
