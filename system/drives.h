/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives of the command line, and what the loop has to do with them. */
#ifndef SYSTEM_DRIVES_H
#define SYSTEM_DRIVES_H

#include "system/options.h"
#include "system/run.h"

/** drives_setup() - -blockdev, then -drive, -hda...; before the machine is
 *  built, after the log is open */
bool drives_setup(Vm *vm, const Options *o, GError **error);
/** drives_join_run() - the loop tells drives when the machine goes on */
void drives_join_run(Run *r);

#endif
