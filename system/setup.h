/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the command line to a machine that is ready to run. */
#ifndef SYSTEM_SETUP_H
#define SYSTEM_SETUP_H

#include "system/options.h"
#include "system/run.h"

typedef struct Setup Setup;

/**
 * setup_new() - back ends, log, board, reset, monitors
 * On failure nothing is left behind. @o outlives the result.
 */
Setup *setup_new(const Options *o, int argc, char **argv, GError **error);
Run *setup_run(Setup *s);
/** setup_free() - after the run: closes back ends, frees the machine */
void setup_free(Setup *s);

#endif
