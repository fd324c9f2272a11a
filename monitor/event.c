/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events for QMP clients. */
#include "monitor/event.h"

#include <string.h>

#include "core/trace.h"
#include "monitor/monitor_priv.h"

#define LIMIT_MS 1000

/* clang-format off */
const EventRow event_rows[] = {
    {"SHUTDOWN",  "guest:bool reason:ShutdownCause"},
    {"POWERDOWN"},
    {"RESET",     "guest:bool reason:ShutdownCause"},
    {"STOP"},
    {"RESUME"},
    {"SUSPEND"},
    {"SUSPEND_DISK"},
    {"WAKEUP"},
    {"WATCHDOG",  "action:WatchdogAction", LIMIT_MS},
    {"GUEST_PANICKED", "action:GuestPanicAction"},
    {"RTC_CHANGE", "offset:int qom-path:str", LIMIT_MS},
    {"DEVICE_DELETED", "device?:str path:str"},
    {"DEVICE_UNPLUG_GUEST_ERROR", "device?:str path:str"},
    {"DEVICE_TRAY_MOVED", "device:str id:str tray-open:bool"},
    {"BLOCK_IO_ERROR", "device:str node-name?:str operation:IoOperationType action:BlockErrorAction nospace?:bool reason:str"},
    {"BLOCK_JOB_COMPLETED", "type:JobType device:str len:int offset:int speed:int error?:str"},
    {"BLOCK_JOB_CANCELLED", "type:JobType device:str len:int offset:int speed:int"},
    {"BLOCK_JOB_ERROR", "device:str operation:IoOperationType action:BlockErrorAction"},
    {"BLOCK_JOB_READY", "type:JobType device:str len:int offset:int speed:int"},
    {"BLOCK_JOB_PENDING", "type:JobType id:str"},
    {"BLOCK_WRITE_THRESHOLD", "node-name:str amount-exceeded:int write-threshold:int"},
    {"BLOCK_IMAGE_CORRUPTED", "device:str node-name?:str msg:str offset?:int size?:int fatal:bool"},
    {"JOB_STATUS_CHANGE", "id:str status:JobStatus"},
    {"DUMP_COMPLETED", "result:DumpQueryResult error?:str"},
    {"NIC_RX_FILTER_CHANGED", "name?:str path:str"},
    {"VSERPORT_CHANGE", "id:str open:bool", LIMIT_MS, "id"},
    {"BALLOON_CHANGE", "actual:int", LIMIT_MS},
    {"MIGRATION", "status:MigrationStatus"},
    {NULL},
};
/* clang-format on */

/* One kind of event (or one value of its key) within its period. */
typedef struct EventLimit {
    Vm *vm;       /* borrowed */
    char *id;     /* owned: name and key */
    char *data;   /* owned: waits for the end of the period */
    bool waiting; /* .data does */
    const EventRow *row;
    GSource *timer; /* owned */
} EventLimit;

struct EventLimits {
    GHashTable *all; /* owned: id to EventLimit */
};

const EventRow *event_find(const char *name)
{
    for (const EventRow *e = event_rows; e->name; e++) {
        if (strcmp(e->name, name) == 0) {
            return e;
        }
    }
    return NULL;
}

static void event_text(GString *out, const char *name, const char *data,
                       bool pretty)
{
    g_autoptr(JsonNode) node = NULL;
    JsonObject *o = json_object_new(), *t = json_object_new();
    JsonNode *value = data ? json_from_string(data, NULL) : NULL;
    int64_t real_us = g_get_real_time();

    json_object_set_int_member(t, "seconds", real_us / 1000000);
    json_object_set_int_member(t, "microseconds", real_us % 1000000);
    json_object_set_object_member(o, "timestamp", t);
    json_object_set_string_member(o, "event", name);
    if (value) {
        json_object_set_member(o, "data", value);
    }
    node = json_node_init_object(json_node_alloc(), o);
    json_object_unref(o);
    json_print(node, out, pretty);
    g_string_append(out, "\r\n");
}

/* With the lock of @st. */
static void event_send(MonState *st, const char *name, const char *data)
{
    for (guint i = 0; i < st->all->len; i++) {
        Monitor *m = g_ptr_array_index(st->all, i);

        if (m->mode != MONITOR_HMP && m->connected && m->negotiated) {
            g_autoptr(GString) text = g_string_new(NULL);

            event_text(text, name, data, m->mode == MONITOR_QMP_PRETTY);
            chr_fe_write(m->fe, text->str, text->len);
        }
    }
}

/* --- limits -------------------------------------------------------------------- */

static void event_limit_free(gpointer p)
{
    EventLimit *l = p;

    if (l->timer) {
        g_source_destroy(l->timer);
        g_source_unref(l->timer);
    }
    g_free(l->id);
    g_free(l->data);
    g_free(l);
}

void events_free(EventLimits *limits)
{
    if (limits) {
        g_hash_table_unref(limits->all);
        g_free(limits);
    }
}

/* The end of a period: what came in it goes out and begins the next one. */
static gboolean event_period_over(gpointer p)
{
    EventLimit *l = p;
    MonState *st = mon_state(l->vm);
    gboolean again = l->waiting;

    g_mutex_lock(&st->lock);
    if (l->waiting) {
        l->waiting = false;
        event_send(st, l->row->name, l->data);
    } else {
        g_hash_table_remove(st->limits->all, l->id);
    }
    g_mutex_unlock(&st->lock);
    return again;
}

static char *event_id(const EventRow *row, const char *data)
{
    g_autoptr(JsonNode) node = row->key ? json_from_string(data, NULL) : NULL;

    return g_strdup_printf("%s %s", row->name,
                           node ? node_str(node, row->key) : "");
}

/* False: it has to wait. With the lock. */
static bool event_now(Vm *vm, MonState *st, const EventRow *row,
                      const char *data)
{
    g_autofree char *id = event_id(row, data);
    EventLimit *l;

    if (!st->limits) {
        st->limits = g_new0(EventLimits, 1);
        st->limits->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                event_limit_free);
    }
    l = g_hash_table_lookup(st->limits->all, id);
    if (l) {
        g_free(l->data);
        l->data = g_strdup(data);
        l->waiting = true;
        return false;
    }
    l = g_new0(EventLimit, 1);
    l->vm = vm;
    l->row = row;
    l->id = g_steal_pointer(&id);
    l->timer = g_timeout_source_new((guint)row->limit_ms);
    g_source_set_callback(l->timer, event_period_over, l, NULL);
    g_source_attach(l->timer, NULL);
    g_hash_table_insert(st->limits->all, l->id, l);
    return true;
}

void monitor_event(Vm *vm, const char *name, const char *data)
{
    const EventRow *row = event_find(name);
    MonState *st = vm->mon;

    trace(vm, monitor_event, name);
    g_assert(row); /* every event has a row above */
    if (!st) {
        return;
    }
    g_mutex_lock(&st->lock);
    if (!row->limit_ms || event_now(vm, st, row, data)) {
        event_send(st, name, data);
    }
    g_mutex_unlock(&st->lock);
}
