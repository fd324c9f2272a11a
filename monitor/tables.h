/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arrays that monitor/tables.c lists; each ends with {NULL}. */
#ifndef MONITOR_TABLES_H
#define MONITOR_TABLES_H

#include "monitor/command.h"

extern const CmdRow cmd_rows[];
extern const CmdRow cmd_rows_input[];
extern const QmpType qmp_types[];

#endif
