/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What begins a message, and where trace lines go. */
#include "system/message.h"

#include <errno.h>
#include <stdio.h>

#include "core/error.h"
#include "core/log.h"
#include "core/trace.h"
#include "core/vm.h"

struct TraceFile {
    FILE *file; /* owned; NULL: where -D goes */
    bool timestamp;
};

char *message_prefix(const Options *o)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (o->msg_timestamp) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

        g_string_append_printf(text, "%s.%06dZ ", time,
                               g_date_time_get_microsecond(now));
    }
    if (o->msg_guest_name && o->name) {
        g_string_append_printf(text, "%s ", o->name);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* "[icount] line": the same in a replay, but for what other threads do. */
static void trace_line(Vm *vm, void *opaque, const char *line)
{
    TraceFile *t = opaque;
    const Options stamp = {.msg_timestamp = t->timestamp};
    g_autofree char *prefix = message_prefix(&stamp);
    char where[32] = "-";

    if (vm->thread == g_thread_self()) {
        g_snprintf(where, sizeof(where), "%" PRIu64, clock_icount(vm->clock));
    }
    if (t->file) {
        fprintf(t->file, "%s[%s] %s\n", prefix, where, line);
    } else {
        log_write(vm, "%s[%s] %s\n", prefix, where, line);
    }
}

TraceFile *message_trace(Vm *vm, const Options *o, GError **error)
{
    TraceFile *t = g_new0(TraceFile, 1);

    t->timestamp = o->msg_timestamp;
    if (o->trace_file) {
        t->file = fopen(o->trace_file, "we");
        if (!t->file) {
            fail_errno(error, errno, "-trace file=%s", o->trace_file);
            g_free(t);
            return NULL;
        }
        setvbuf(t->file, NULL, _IOLBF, 0);
    }
    trace_init(vm, trace_line, t);
    for (guint i = 0; i < o->traces->len; i++) {
        const char *pattern = g_ptr_array_index(o->traces, i);

        trace_set(vm, pattern + (*pattern == '-'), *pattern != '-');
    }
    return t;
}

void message_trace_end(Vm *vm, TraceFile *t)
{
    trace_fini(vm);
    if (t && t->file) {
        fclose(t->file);
    }
    g_free(t);
}
