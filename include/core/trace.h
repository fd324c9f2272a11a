/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace points: rows of core/trace.def, switched by name. One that is off
 * costs a load and a branch. Looking only: never changes the guest.
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include "core/types.h"

typedef enum TraceId {
#define TRACE_EVENT(name, values, doc) TRACE_##name,
#include "core/trace.def"
#undef TRACE_EVENT
    TRACE_COUNT
} TraceId;

typedef struct TraceRow {
    const char *name, *values, *doc;
} TraceRow;

extern const TraceRow trace_rows[TRACE_COUNT];

/** trace() - @who: path of a device or other text, NULL: none; then the values
 *  of the row, all of them integers. Thread: any */
#define trace(vm, id, who, ...)                                                \
    do {                                                                       \
        if (G_UNLIKELY(__atomic_load_n(&(vm)->tracing, __ATOMIC_RELAXED))) {   \
            trace_emit((vm), TRACE_##id, (who),                                \
                       (const uint64_t[]){0, ##__VA_ARGS__});                  \
        }                                                                      \
    } while (0)

/** trace_emit() - @values[0] is not used */
void trace_emit(Vm *vm, TraceId id, const char *who, const uint64_t *values);

/* Gets a whole line without its end. Thread: any, one at a time */
typedef void TraceSink(Vm *vm, void *opaque, const char *line);
/** trace_init() - before any other; @sink writes lines */
void trace_init(Vm *vm, TraceSink *sink, void *opaque);
void trace_fini(Vm *vm);
/** trace_set() - all whose names fit @pattern (with * and ?); how many */
unsigned trace_set(Vm *vm, const char *pattern, bool on);
bool trace_enabled(const Vm *vm, TraceId id);
/** trace_fits() - does any name fit @pattern? */
bool trace_fits(const char *pattern);

#endif
