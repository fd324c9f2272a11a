/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person does to the machine from a monitor, as an input. */
#ifndef MONITOR_INPUT_H
#define MONITOR_INPUT_H

#include "core/input.h"

extern const InputSource port_write_source; /* the command `o` */

#endif
