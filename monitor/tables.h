/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arrays that monitor/tables.c lists; each ends with {NULL}. */
#ifndef MONITOR_TABLES_H
#define MONITOR_TABLES_H

#include "monitor/command.h"

extern const CmdRow cmd_rows[];
extern const CmdRow cmd_rows_block[];
extern const CmdRow cmd_rows_chardev[];
extern const CmdRow cmd_rows_checkpoint[];
extern const CmdRow cmd_rows_dump[];
extern const CmdRow cmd_rows_fds[];
extern const CmdRow cmd_rows_input[];
extern const CmdRow cmd_rows_jobs[];
extern const CmdRow cmd_rows_look[];
extern const CmdRow cmd_rows_machine[];
extern const CmdRow cmd_rows_misc[];
extern const CmdRow cmd_rows_qom[];
extern const CmdRow cmd_rows_replay[];
extern const CmdRow cmd_rows_snapshot[];
extern const QmpType qmp_types[];
extern const QmpType qmp_types_block[];
extern const QmpType qmp_types_chardev[];
extern const QmpType qmp_types_dump[];
extern const QmpType qmp_types_fds[];
extern const QmpType qmp_types_input[];
extern const QmpType qmp_types_machine[];
extern const QmpType qmp_types_misc[];
extern const QmpType qmp_types_qom[];

#endif
