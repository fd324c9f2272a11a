/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arrays that monitor/tables.c lists; each ends with {NULL}. */
#ifndef MONITOR_TABLES_H
#define MONITOR_TABLES_H

#include "monitor/command.h"

extern const CmdRow cmd_rows[];
extern const CmdRow cmd_rows_checkpoint[];
extern const CmdRow cmd_rows_input[], cmd_rows_jobs[], cmd_rows_machine[],
    cmd_rows_misc[], cmd_rows_qom[], cmd_rows_replay[];
extern const QmpType qmp_types[], qmp_types_machine[], qmp_types_misc[],
    qmp_types_qom[];

#endif
