/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pc board, see hw/machine.h. */
#ifndef HW_PC_H
#define HW_PC_H

#include "hw/machine.h"

extern const MachineType pc_machine;

#endif
