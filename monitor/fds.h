/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors that clients hand over with SCM_RIGHTS. Thread: any */
#ifndef MONITOR_FDS_H
#define MONITOR_FDS_H

#include "core/types.h"

typedef struct Vm Vm;

/** fds_take() - the one that getfd named so; -1: none. The caller closes it */
int fds_take(Vm *vm, const char *name);
/** fds_free() - close all that nobody took */
void fds_free(void *fds);

/* Small things of commands that live as long as the monitors; freed by g_free.
 * Thread: machine */
void *mon_data(Vm *vm, const char *key);
void mon_set_data(Vm *vm, const char *key, void *data);

#endif
