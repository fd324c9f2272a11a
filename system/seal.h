/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seal: all of this machine that its guest can see, as text fields. */
#ifndef SYSTEM_SEAL_H
#define SYSTEM_SEAL_H

#include "replay/replay.h"
#include "system/options.h"

Seal *seal_machine(Vm *vm, const Options *o, uint64_t ram_bytes, int argc,
                   char **argv);
/** seal_start() - hand seal and blobs to the replay layer */
bool seal_start(Vm *vm, const Seal *seal, GError **error);

#endif
