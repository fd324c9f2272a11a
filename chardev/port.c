/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest-visible end: credits, the input source, output. */
#include "chardev/port.h"

#include <string.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"
#include "replay/checkpoint.h"

#define CHUNK_BYTES 256
#define PORTS_MAX 65535

struct ChrPort {
    ChrState *st; /* borrowed */
    char *label;  /* owned */
    uint32_t number;
    ChrFe *fe; /* borrowed: from the back end; NULL: not connected */
    Device *dev;
    const ChrPortOps *ops;
    /* under the lock */
    size_t room;   /* as the device published it */
    size_t flying; /* posted and not yet delivered */
    bool stalled;  /* the back end waits for room */
    bool refused;  /* the door was closed when last tried */
};

typedef enum ChrInputKind {
    CHR_INPUT_DATA,
    CHR_INPUT_BREAK,
    CHR_INPUT_OPENED,
    CHR_INPUT_CLOSED,
    CHR_INPUT_KINDS
} ChrInputKind;

typedef struct ChrInput {
    uint32_t port;
    uint8_t kind; /* ChrInputKind */
    uint32_t size;
    uint8_t data[CHUNK_BYTES];
} ChrInput;

static bool chr_input_codec(Codec *c, void *event)
{
    ChrInput *e = event;

    if (!codec_size(c, &e->port, PORTS_MAX) || !codec_u8(c, &e->kind)) {
        return false;
    }
    if (e->kind >= CHR_INPUT_KINDS) { /* only a log can say so */
        c->failed = true;
        return false;
    }
    if (e->kind != CHR_INPUT_DATA) {
        return true;
    }
    return codec_size(c, &e->size, sizeof(e->data))
           && codec_bytes(c, e->data, e->size);
}

static void chr_port_deliver(ChrPort *p, const ChrInput *e)
{
    if (e->kind == CHR_INPUT_DATA) {
        g_mutex_lock(&p->st->lock);
        p->flying -= MIN(p->flying, e->size);
        p->room -= MIN(p->room, e->size); /* until the device says more */
        g_mutex_unlock(&p->st->lock);
        if (p->ops && p->ops->receive && e->size) {
            p->ops->receive(p->dev, e->data, e->size);
        }
        return;
    }
    if (p->ops && p->ops->event) {
        static const ChrEvent events[] = {
            [CHR_INPUT_BREAK] = CHR_EVENT_BREAK,
            [CHR_INPUT_OPENED] = CHR_EVENT_OPENED,
            [CHR_INPUT_CLOSED] = CHR_EVENT_CLOSED,
        };

        p->ops->event(p->dev, events[e->kind]);
    }
}

static void chr_input_deliver(Vm *vm, const void *event)
{
    const ChrInput *e = event;
    ChrState *st = vm->chr;

    vm_assert_thread(vm);
    if (!st || e->port >= st->ports->len) {
        if (vm->replay) {
            replay_diverged(vm->replay,
                            "the log names character port %u,"
                            " the machine has %u",
                            e->port, chr_port_count(vm));
        }
        return;
    }
    chr_port_deliver(g_ptr_array_index(st->ports, e->port), e);
}

const InputSource chr_source = {
    .name = "chr",
    .version = 1,
    .event_size = sizeof(ChrInput),
    .codec = chr_input_codec,
    .deliver = chr_input_deliver,
};

ChrPort *chr_port_new(Vm *vm, const char *label, Chardev *backend)
{
    ChrState *st = chr_state(vm);
    ChrPort *p = g_new0(ChrPort, 1);
    g_autoptr(GError) error = NULL;

    g_assert(st->ports->len < PORTS_MAX);
    p->st = st;
    p->label = g_strdup(label);
    p->number = st->ports->len;
    g_ptr_array_add(st->ports, p);
    if (backend) {
        p->fe = chr_fe_attach(backend, NULL, p, p, &error);
        if (!p->fe) {
            g_printerr("reprise: %s: %s; nothing is connected\n", label,
                       error->message);
        }
    }
    return p;
}

void chr_port_free(ChrPort *p)
{
    g_free(p->label);
    g_free(p);
}

void chr_port_connect(ChrPort *p, Device *dev, const ChrPortOps *ops)
{
    if (p) {
        p->dev = dev;
        p->ops = ops;
    }
}

unsigned chr_port_count(Vm *vm)
{
    return vm->chr ? vm->chr->ports->len : 0;
}

void chr_port_set_room(ChrPort *p, size_t bytes)
{
    bool wake;

    if (!p) {
        return;
    }
    g_mutex_lock(&p->st->lock);
    p->room = bytes;
    wake = p->stalled && p->room > p->flying;
    if (wake) {
        p->stalled = false;
    }
    g_mutex_unlock(&p->st->lock);
    if (wake) {
        chr_kick(p->st);
    }
}

/* How many bytes the back end may hand over now. */
size_t chr_port_room(ChrPort *p)
{
    size_t room;

    g_mutex_lock(&p->st->lock);
    room = p->room > p->flying ? p->room - p->flying : 0;
    if (p->refused) {
        room = MAX(room, CHR_READ_MAX); /* whatever comes is dropped */
    }
    p->stalled = room == 0;
    g_mutex_unlock(&p->st->lock);
    return room;
}

static bool chr_port_post(ChrPort *p, const ChrInput *e)
{
    bool taken;

    /* Counted first: the machine thread may deliver at once. */
    g_mutex_lock(&p->st->lock);
    p->flying += e->size;
    g_mutex_unlock(&p->st->lock);
    taken = input_post(p->st->vm, &chr_source, e);
    g_mutex_lock(&p->st->lock);
    if (!taken) {
        p->flying -= MIN(p->flying, e->size);
    }
    p->refused = !taken;
    g_mutex_unlock(&p->st->lock);
    return taken;
}

/* At most chr_port_room() bytes; what a closed door (replay) refuses is gone. */
void chr_port_input(ChrPort *p, const uint8_t *buf, size_t size)
{
    ChrInput e = {.port = p->number, .kind = CHR_INPUT_DATA};
    size_t room;

    g_mutex_lock(&p->st->lock);
    room = p->room > p->flying ? p->room - p->flying : 0;
    g_mutex_unlock(&p->st->lock);
    size = MIN(size, room);
    while (size) {
        e.size = (uint32_t)MIN(size, sizeof(e.data));
        memcpy(e.data, buf, e.size);
        if (!chr_port_post(p, &e)) {
            return;
        }
        buf += e.size;
        size -= e.size;
    }
}

bool chr_port_event(ChrPort *p, ChrEvent event)
{
    ChrInput e = {.port = p->number};

    if (!p->ops || !p->ops->event) {
        return true;
    }
    switch (event) {
    case CHR_EVENT_BREAK:
        e.kind = CHR_INPUT_BREAK;
        break;
    case CHR_EVENT_OPENED:
        e.kind = CHR_INPUT_OPENED;
        break;
    case CHR_EVENT_CLOSED:
        e.kind = CHR_INPUT_CLOSED;
        break;
    case CHR_EVENT_FOCUS:
        return true;
    }
    return chr_port_post(p, &e);
}

/* The digest of outputs tells ports apart. */
static void chr_port_digest(const ChrPort *p, const uint8_t *buf, size_t size)
{
    uint8_t piece[2 + CHUNK_BYTES] = {(uint8_t)p->number,
                                      (uint8_t)(p->number >> 8)};

    while (size) {
        size_t n = MIN(size, CHUNK_BYTES);

        memcpy(piece + 2, buf, n);
        replay_output(p->st->vm->replay, piece, n + 2);
        buf += n;
        size -= n;
    }
}

void chr_port_write(ChrPort *p, const void *buf, size_t size)
{
    if (!p || !size) {
        return;
    }
    vm_assert_thread(p->st->vm);
    if (p->st->vm->replay) {
        chr_port_digest(p, buf, size);
    }
    if (p->fe && !(p->st->vm->replay && replay_behind(p->st->vm->replay))) {
        chr_fe_queue(p->fe, buf, size, true);
    }
}

bool chr_output_full(const Vm *vm)
{
    return vm->chr && g_atomic_int_get(&vm->chr->full) > 0;
}
