/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The door for everything from outside that changes the guest. The host side
 * posts; the machine thread stamps and delivers at a safe point; replay takes
 * the events from its log instead and ignores what is posted.
 */
#ifndef CORE_INPUT_H
#define CORE_INPUT_H

#include "core/codec.h"

/* A kind of event. Named in the log, so ids may change. */
struct InputSource {
    const char *name;
    unsigned version;
    size_t event_size; /* bytes of the plain event struct */
    /* Fixed-size event structs hold their data inline or point to owned memory
     * that .clear frees. */
    bool (*codec)(Codec *c, void *event);
    void (*deliver)(Vm *vm, const void *event); /* Thread: machine */
    void (*clear)(void *event);                 /* NULL: nothing to free */
    /* Asked before an event that was posted is recorded and delivered; false:
     * it is dropped without a trace. NULL: always. Thread: machine */
    bool (*wanted)(Vm *vm, const void *event);
    /* Its sender limits how many of its events are under way: they are never
     * refused for want of room. */
    bool bounded;
};

typedef struct InputItem {
    const InputSource *source;
    void *event; /* owned, source->event_size bytes */
    struct InputItem *next;
} InputItem;

InputQueue *input_queue_new(void);
void input_queue_free(InputQueue *q);
/**
 * input_post() - hand an event to the machine
 * Copies @event (ownership of memory it points to passes on). False when the
 * queue is full or the door is closed (replay): the event was cleared and
 * dropped; InputSource.bounded ones never see full. Thread: any.
 */
bool input_post(Vm *vm, const InputSource *source, const void *event);
/** input_take() - oldest item, NULL if none; free with input_item_free().
 *  Thread: machine. */
InputItem *input_take(InputQueue *q);
void input_item_free(InputItem *item);
/** input_pending() - cheap look without a lock */
bool input_pending(const InputQueue *q);
/** input_set_closed() - replay closes the door: posts are dropped */
void input_set_closed(InputQueue *q, bool closed);
/** input_set_wakeup() - called (any thread) after a post, to wake an idle loop */
void input_set_wakeup(InputQueue *q, void (*fn)(void *), void *opaque);

/* Filled by replay: every delivered item passes here first. */
typedef struct InputSink {
    /* An input is delivered now: record it. False: it must not be delivered
     * (log cannot be written); the item stays with the caller. */
    bool (*delivering)(void *opaque, const InputSource *source,
                       const void *event);
    void *opaque;
} InputSink;

/** input_source_register() - all sources, by hand from system/registry.c */
void input_source_register(Vm *vm, const InputSource *source);
const InputSource *input_source_find(Vm *vm, const char *name);
const GPtrArray *input_sources(Vm *vm);

#endif
