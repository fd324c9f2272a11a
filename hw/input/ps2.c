/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PS/2 devices: their queues, and the inputs that reach them. */
#include "hw/input/ps2_priv.h"

/* --- queue ---------------------------------------------------------------- */

unsigned ps2_room(const Device *dev)
{
    return PS2_QUEUE - ((const Ps2 *)dev)->q.count;
}

bool ps2_put(Device *dev, const uint8_t *bytes, size_t count)
{
    Ps2Queue *q = &((Ps2 *)dev)->q;
    bool had = q->count;

    if (count > ps2_room(dev)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        q->bytes[(q->head + q->count) % PS2_QUEUE] = bytes[i];
        q->count++;
    }
    if (!had && q->count && q->ready) {
        q->ready(q->owner);
    }
    return true;
}

void ps2_put1(Device *dev, uint8_t byte)
{
    ps2_put(dev, &byte, 1);
}

void ps2_flush(Device *dev)
{
    Ps2Queue *q = &((Ps2 *)dev)->q;

    q->head = 0;
    q->count = 0;
}

bool ps2_has_byte(const Device *dev)
{
    return ((const Ps2 *)dev)->q.count;
}

uint8_t ps2_take_byte(Device *dev)
{
    Ps2Queue *q = &((Ps2 *)dev)->q;

    if (q->count) {
        q->last = q->bytes[q->head];
        q->head = (q->head + 1) % PS2_QUEUE;
        q->count--;
    }
    return q->last;
}

void ps2_set_ready(Device *dev, Device *owner, void (*ready)(Device *owner))
{
    ((Ps2 *)dev)->q.owner = owner;
    ((Ps2 *)dev)->q.ready = ready;
}

void ps2_send(Device *dev, uint8_t byte)
{
    if (dev->type == &ps2_kbd_type) {
        ps2_kbd_command(dev, byte);
    } else {
        ps2_mouse_command(dev, byte);
    }
}

/* clang-format off */
const StateField ps2_queue_rows[] = {
    STATE(Ps2Queue, bytes),
    STATE(Ps2Queue, head, .max = PS2_QUEUE - 1),
    STATE(Ps2Queue, count, .max = PS2_QUEUE),
    STATE(Ps2Queue, last),
    STATE(Ps2Queue, command),
    WIRE(Ps2Queue, owner),
    WIRE(Ps2Queue, ready),
    STATE_END,
};
/* clang-format on */

/* --- inputs --------------------------------------------------------------- */

typedef struct Ps2Search {
    const DeviceType *type;
    Device *found;
} Ps2Search;

static void ps2_visit(void *opaque, Device *dev)
{
    Ps2Search *s = opaque;

    if (dev->type == s->type && !s->found) {
        s->found = dev;
    }
}

static Device *ps2_find(Vm *vm, const DeviceType *type)
{
    Ps2Search s = {.type = type};

    devices_foreach(vm, ps2_visit, &s);
    return s.found;
}

static bool key_event_codec(Codec *c, void *event)
{
    KeyEvent *e = event;

    return codec_u32(c, &e->key) && codec_bool(c, &e->down);
}

static void key_event_deliver(Vm *vm, const void *event)
{
    const KeyEvent *e = event;
    Device *kbd = ps2_find(vm, &ps2_kbd_type);

    if (kbd && e->key < KEY_COUNT) {
        ps2_kbd_event(kbd, (KeyCode)e->key, e->down);
    }
}

const InputSource key_source = {
    .name = "key",
    .version = 1,
    .event_size = sizeof(KeyEvent),
    .codec = key_event_codec,
    .deliver = key_event_deliver,
};

static bool codec_i32(Codec *c, int32_t *v)
{
    uint32_t u = (uint32_t)*v;
    bool good = codec_u32(c, &u);

    if (good) {
        *v = (int32_t)u;
    }
    return good;
}

static bool pointer_event_codec(Codec *c, void *event)
{
    PointerEvent *e = event;

    return codec_i32(c, &e->dx) && codec_i32(c, &e->dy) && codec_i32(c, &e->dz)
           && codec_u32(c, &e->buttons);
}

static void pointer_event_deliver(Vm *vm, const void *event)
{
    const PointerEvent *e = event;
    Device *mouse = ps2_find(vm, &ps2_mouse_type);

    if (mouse) {
        ps2_mouse_event(mouse, e->dx, e->dy, e->dz, e->buttons);
    }
}

const InputSource pointer_source = {
    .name = "pointer",
    .version = 1,
    .event_size = sizeof(PointerEvent),
    .codec = pointer_event_codec,
    .deliver = pointer_event_deliver,
};
