/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process around the machine: background, user, lock on the pid file. */
#ifndef SYSTEM_PROCESS_H
#define SYSTEM_PROCESS_H

#include "system/options.h"

typedef struct Process {
    bool is_parent; /* of one in the background: leave with .status */
    int status;
    int ready_fd;  /* to the parent that waits; -1: no -daemonize */
    int pid_fd;    /* locked; -1: no -pidfile */
    char *pidfile; /* owned: absolute */
} Process;

/** process_begin() - names; -daemonize: return in the child, and in the
 *  parent when the child is ready or gone. Before any thread and file. */
bool process_begin(Process *p, const Options *o, GError **error);
/** process_settle() - all files are open: pid file, root, user, memory,
 *  sandbox */
bool process_settle(Process *p, const Options *o, GError **error);
/** process_ready() - let the parent leave; the terminal is left to it */
void process_ready(Process *p);
/** process_end() - remove the pid file */
void process_end(Process *p);

#endif
