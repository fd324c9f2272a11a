/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Actions of people that change the guest: recorded as inputs. */
#ifndef SYSTEM_CONTROL_H
#define SYSTEM_CONTROL_H

#include "core/input.h"

extern const InputSource action_source;

#endif
