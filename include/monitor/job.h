/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long tasks that a client can watch: query-jobs, JOB_STATUS_CHANGE. A job that
 * is over stays until job-dismiss. Thread: machine.
 */
#ifndef MONITOR_JOB_H
#define MONITOR_JOB_H

#include "core/vm.h"

typedef struct Job Job;

/** job_new() - created, running; @type: of JobType, as "snapshot-save"; NULL and
 *  an error when the id is taken */
Job *job_new(Vm *vm, const char *id, const char *type, GError **error);
void job_progress(Job *job, int64_t done, int64_t total);
/** job_end() - @why NULL: it worked (waiting, pending, concluded), else the text
 *  of its error (aborting, concluded) */
void job_end(Job *job, const char *why);

#endif
