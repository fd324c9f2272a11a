/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debuggers: the gdb server, and stops at an exact moment. */
#ifndef SYSTEM_DEBUG_H
#define SYSTEM_DEBUG_H

#include "core/vm.h"

/** debug_serve() - `-gdb DEVICE`, `gdbserver DEVICE`. Thread: I/O. */
bool debug_serve(Vm *vm, const char *device, GError **error);

#endif
