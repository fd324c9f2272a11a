/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bounded queue between host threads and the machine thread. */
#include "core/input.h"

#include <string.h>

#include "core/trace.h"
#include "core/vm_priv.h"

#define INPUT_MAX_ITEMS (64 * 1024)
#define INPUT_MAX_BYTES (64 * 1024 * 1024)

struct InputQueue {
    GMutex lock;
    InputItem *head, *tail; /* owned */
    size_t items, bytes;
    gint pending; /* atomic copy of items */
    bool closed;
    void (*wakeup)(void *opaque);
    void *wakeup_opaque; /* borrowed: from who set it */
};

InputQueue *input_queue_new(void)
{
    InputQueue *q = g_new0(InputQueue, 1);

    g_mutex_init(&q->lock);
    return q;
}

static InputItem *input_item_new(const InputSource *source, const void *event)
{
    InputItem *item = g_new0(InputItem, 1);

    item->source = source;
    item->event = g_malloc0(MAX(source->event_size, 1));
    memcpy(item->event, event, source->event_size);
    return item;
}

void input_item_free(InputItem *item)
{
    if (!item) {
        return;
    }
    if (item->source->clear) {
        item->source->clear(item->event);
    }
    g_free(item->event);
    g_free(item);
}

void input_queue_free(InputQueue *q)
{
    InputItem *item;

    if (!q) {
        return;
    }
    while ((item = input_take(q))) {
        input_item_free(item);
    }
    g_mutex_clear(&q->lock);
    g_free(q);
}

static bool input_has_room(const InputQueue *q, const InputSource *source)
{
    return source->bounded
           || (q->items < INPUT_MAX_ITEMS
               && q->bytes + source->event_size <= INPUT_MAX_BYTES);
}

/* Lock held. */
static void input_append(InputQueue *q, InputItem *item)
{
    if (q->tail) {
        q->tail->next = item;
    } else {
        q->head = item;
    }
    q->tail = item;
    q->items++;
    q->bytes += item->source->event_size;
    g_atomic_int_set(&q->pending, (gint)q->items);
}

bool input_post(Vm *vm, const InputSource *source, const void *event)
{
    InputQueue *q = vm->input;
    InputItem *item = input_item_new(source, event);
    void (*wakeup)(void *) = NULL;
    void *opaque = NULL;
    bool taken;

    trace(vm, input_post, source->name);
    g_mutex_lock(&q->lock);
    taken = !q->closed && input_has_room(q, source);
    if (taken) {
        input_append(q, item);
        wakeup = q->wakeup;
        opaque = q->wakeup_opaque;
    }
    g_mutex_unlock(&q->lock);

    if (!taken) {
        input_item_free(item);
    } else if (wakeup) {
        wakeup(opaque);
    }
    return taken;
}

InputItem *input_take(InputQueue *q)
{
    InputItem *item;

    if (!input_pending(q)) {
        return NULL;
    }
    g_mutex_lock(&q->lock);
    item = q->head;
    if (item) {
        q->head = item->next;
        if (!q->head) {
            q->tail = NULL;
        }
        item->next = NULL;
        q->items--;
        q->bytes -= item->source->event_size;
        g_atomic_int_set(&q->pending, (gint)q->items);
    }
    g_mutex_unlock(&q->lock);
    return item;
}

bool input_pending(const InputQueue *q)
{
    return __atomic_load_n(&q->pending, __ATOMIC_SEQ_CST) != 0;
}

void input_set_closed(InputQueue *q, bool closed)
{
    g_mutex_lock(&q->lock);
    q->closed = closed;
    g_mutex_unlock(&q->lock);
}

void input_set_wakeup(InputQueue *q, void (*fn)(void *), void *opaque)
{
    g_mutex_lock(&q->lock);
    q->wakeup = fn;
    q->wakeup_opaque = opaque;
    g_mutex_unlock(&q->lock);
}

void input_source_register(Vm *vm, const InputSource *source)
{
    g_assert(!input_source_find(vm, source->name));
    g_ptr_array_add(vm->priv->sources, (gpointer)(uintptr_t)source);
}

const InputSource *input_source_find(Vm *vm, const char *name)
{
    const GPtrArray *all = vm->priv->sources;

    for (guint i = 0; i < all->len; i++) {
        const InputSource *source = g_ptr_array_index(all, i);

        if (strcmp(source->name, name) == 0) {
            return source;
        }
    }
    return NULL;
}

const GPtrArray *input_sources(Vm *vm)
{
    return vm->priv->sources;
}
