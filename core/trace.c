/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which trace points are on, and their lines as text. */
#include "core/trace.h"

#include <string.h>

#include "core/vm.h"

struct TraceState {
    bool on[TRACE_COUNT]; /* under lock */
    unsigned count;       /* of those that are on, under lock */
    GMutex lock;
    TraceSink *sink;
    void *opaque; /* borrowed: of the sink */
};

const TraceRow trace_rows[TRACE_COUNT] = {
#define TRACE_EVENT(name, values, doc) {#name, values, doc},
#include "core/trace.def"
#undef TRACE_EVENT
};

void trace_init(Vm *vm, TraceSink *sink, void *opaque)
{
    vm->trace = g_new0(struct TraceState, 1);
    g_mutex_init(&vm->trace->lock);
    vm->trace->sink = sink;
    vm->trace->opaque = opaque;
}

void trace_fini(Vm *vm)
{
    if (vm->trace) {
        vm->tracing = false;
        g_mutex_clear(&vm->trace->lock);
        g_clear_pointer(&vm->trace, g_free);
    }
}

/* "name who value 0x12 count 3" */
static void trace_text(GString *line, const TraceRow *row, const char *who,
                       const uint64_t *values)
{
    g_auto(GStrv) names = g_strsplit(row->values, " ", -1);

    g_string_append(line, row->name);
    if (who) {
        g_string_append_printf(line, " %s", who);
    }
    for (unsigned i = 0; names[i] && names[i][0]; i++) {
        size_t size = strcspn(names[i], ":");
        bool decimal = names[i][size] == ':';

        g_string_append_printf(line, " %.*s ", (int)size, names[i]);
        if (decimal) {
            g_string_append_printf(line, "%" PRIu64, values[1 + i]);
        } else {
            g_string_append_printf(line, "0x%" PRIx64, values[1 + i]);
        }
    }
}

void trace_emit(Vm *vm, TraceId id, const char *who, const uint64_t *values)
{
    g_autoptr(GString) line = NULL;
    struct TraceState *st = vm->trace;

    g_mutex_lock(&st->lock);
    if (st->on[id]) {
        line = g_string_new(NULL);
        trace_text(line, &trace_rows[id], who, values);
        st->sink(vm, st->opaque, line->str);
    }
    g_mutex_unlock(&st->lock);
}

unsigned trace_set(Vm *vm, const char *pattern, bool on)
{
    struct TraceState *st = vm->trace;
    unsigned fitting = 0;

    if (!st) {
        return 0;
    }
    g_mutex_lock(&st->lock);
    for (unsigned i = 0; i < TRACE_COUNT; i++) {
        if (g_pattern_match_simple(pattern, trace_rows[i].name)) {
            fitting++;
            st->count += (unsigned)on - (unsigned)st->on[i];
            st->on[i] = on;
        }
    }
    __atomic_store_n(&vm->tracing, st->count > 0, __ATOMIC_RELAXED);
    g_mutex_unlock(&st->lock);
    return fitting;
}

bool trace_enabled(const Vm *vm, TraceId id)
{
    bool on;

    if (!vm->trace) {
        return false;
    }
    g_mutex_lock(&vm->trace->lock);
    on = vm->trace->on[id];
    g_mutex_unlock(&vm->trace->lock);
    return on;
}

bool trace_fits(const char *pattern)
{
    for (unsigned i = 0; i < TRACE_COUNT; i++) {
        if (g_pattern_match_simple(pattern, trace_rows[i].name)) {
            return true;
        }
    }
    return false;
}
