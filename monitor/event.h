/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events for QMP clients: their rows, and the limit of their rate. */
#ifndef MONITOR_EVENT_H
#define MONITOR_EVENT_H

#include "core/types.h"

typedef struct EventRow {
    const char *name;
    const char *members; /* of its data, as in QmpType; NULL: none */
    int limit_ms;        /* at most one in so long; the last one counts */
    const char *key;     /* limited for each value of this member */
} EventRow;

extern const EventRow event_rows[]; /* ends with {NULL} */
const EventRow *event_find(const char *name);

typedef struct EventLimits EventLimits;
typedef struct Vm Vm;
/** events_free() - what still waits is dropped */
void events_free(EventLimits *limits);

#endif
