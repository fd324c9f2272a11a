/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program says: the beginnings of messages, the lines of -trace. */
#ifndef SYSTEM_MESSAGE_H
#define SYSTEM_MESSAGE_H

#include "system/options.h"

typedef struct TraceFile TraceFile;

/** message_prefix() - -msg: the time and the guest's name, as @o asks, or "" */
char *message_prefix(const Options *o);
/** message_trace() - -trace: to its file, or where -D goes; NULL: error */
TraceFile *message_trace(Vm *vm, const Options *o, GError **error);
void message_trace_end(Vm *vm, TraceFile *t);

#endif
