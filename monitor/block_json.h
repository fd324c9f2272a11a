/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QMP tells about drives and nodes, as JSON. */
#ifndef MONITOR_BLOCK_JSON_H
#define MONITOR_BLOCK_JSON_H

#include <json-glib/json-glib.h>

#include "block/drives.h"

JsonObject *block_json_node(BlockNode *n, bool writeback);
JsonObject *block_json_drive(Drive *d);
JsonObject *block_json_stats(Drive *d);
/** block_json_date() - "2026-01-31 12:00:00", local time */
char *block_json_date(int64_t sec);

#endif
