/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output queues of back ends: filled by any thread, drained by the I/O thread. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "chardev/chardev_priv.h"

#define DRAIN_BYTES 16384
#define DRAIN_ROUNDS 64     /* then others have their turn */
#define FLUSH_STALL_MS 2000 /* at exit: a reader that stands still is left */

/* Lock held. */
static void chr_set_full(Chardev *c, bool full)
{
    if (c->full != full) {
        c->full = full;
        g_atomic_int_add(&c->st->full, full ? 1 : -1);
    }
}

/* Lock held. */
static size_t chr_queued(const Chardev *c)
{
    return c->queue->len - c->head;
}

size_t chr_queue_length(Chardev *c)
{
    size_t n;

    g_mutex_lock(&c->st->lock);
    n = chr_queued(c);
    g_mutex_unlock(&c->st->lock);
    return n;
}

size_t chr_unsent(Chardev *c)
{
    return c->wire->len + chr_queue_length(c);
}

/* Lock held. */
static void chr_append(Chardev *c, const uint8_t *buf, size_t size)
{
    if (c->log) {
        fwrite(buf, 1, size, c->log);
    }
    if (!c->connected || c->out_gone || chr_queued(c) + size > CHR_QUEUE_MAX) {
        c->dropped += size;
        return;
    }
    g_byte_array_append(c->queue, buf, (guint)size);
}

/* Lock held. True: the I/O thread has something to do now. */
static bool chr_queue_locked(Chardev *c, const void *buf, size_t size)
{
    bool idle = chr_queued(c) == 0;

    if (c->stamps) {
        g_autoptr(GByteArray) text = g_byte_array_new();

        mux_stamp(c, buf, size, text);
        chr_append(c, text->data, text->len);
    } else {
        chr_append(c, buf, size);
    }
    return idle && (chr_queued(c) || c->log);
}

void chr_queue(Chardev *c, const void *buf, size_t size)
{
    bool idle;

    g_mutex_lock(&c->st->lock);
    idle = chr_queue_locked(c, buf, size);
    g_mutex_unlock(&c->st->lock);
    if (idle) {
        chr_kick(c->st);
    }
}

void chr_fe_queue(ChrFe *fe, const void *buf, size_t size, bool from_machine)
{
    ChrState *st = fe->backend->st;
    bool idle, full;

    g_mutex_lock(&st->lock); /* the back end may be exchanged meanwhile */
    idle = chr_queue_locked(fe->backend, buf, size);
    if (from_machine && chr_queued(fe->backend) >= CHR_QUEUE_HIGH) {
        chr_set_full(fe->backend, true); /* no monitor holds the guest up */
    }
    full = fe->backend->full;
    g_mutex_unlock(&st->lock);
    if (idle) {
        chr_kick(st);
    }
    if (full && from_machine) {
        vm_horizon_changed(st->vm); /* the loop waits: chr_output_full() */
    }
}

void chr_queue_clear(Chardev *c)
{
    g_mutex_lock(&c->st->lock);
    c->dropped += chr_queued(c);
    g_byte_array_set_size(c->queue, 0);
    c->head = 0;
    chr_set_full(c, false);
    g_mutex_unlock(&c->st->lock);
}

static size_t chr_first(Chardev *c, uint8_t *buf, size_t size)
{
    size_t n;

    g_mutex_lock(&c->st->lock);
    n = MIN(size, chr_queued(c));
    if (n) {
        memcpy(buf, c->queue->data + c->head, n);
    }
    g_mutex_unlock(&c->st->lock);
    return n;
}

static void chr_written(Chardev *c, size_t n)
{
    g_mutex_lock(&c->st->lock);
    c->head += n;
    if (c->head == c->queue->len) {
        g_byte_array_set_size(c->queue, 0);
        c->head = 0;
    } else if (c->head >= c->queue->len / 2 && c->head >= DRAIN_BYTES) {
        g_byte_array_remove_range(c->queue, 0, (guint)c->head);
        c->head = 0;
    }
    if (chr_queued(c) <= CHR_QUEUE_LOW) {
        chr_set_full(c, false);
    }
    g_mutex_unlock(&c->st->lock);
}

/* Nobody takes output any more; what the peer sent before is still read. */
static void chr_output_failed(Chardev *c)
{
    if (!c->driver->ends || c->in_fd < 0) {
        chr_lost(c);
        return;
    }
    g_mutex_lock(&c->st->lock);
    c->out_gone = true;
    g_mutex_unlock(&c->st->lock);
    chr_queue_clear(c);
    g_byte_array_set_size(c->wire, 0);
    chr_set_leaving(c);
}

/* Bytes written; 0: not now or never again. */
static size_t chr_send(Chardev *c, const uint8_t *buf, size_t size)
{
    ssize_t n = c->driver->write(c, buf, size);

    if (n < 0) {
        chr_output_failed(c);
        return 0;
    }
    return (size_t)n;
}

/* What is encoded goes first. True: all of it has gone. */
static bool chr_drain_wire(Chardev *c)
{
    while (c->linked && !c->out_gone && c->wire->len) {
        size_t n = chr_send(c, c->wire->data, c->wire->len);

        if (n == 0) {
            return false;
        }
        g_byte_array_remove_range(c->wire, 0, (guint)n);
    }
    return c->linked && !c->out_gone;
}

static bool chr_drain_some(Chardev *c)
{
    uint8_t buf[DRAIN_BYTES];
    size_t n, done;

    if (!chr_drain_wire(c) || !c->connected) {
        return false;
    }
    n = chr_first(c, buf, sizeof(buf));
    if (n == 0) {
        return false;
    }
    if (c->proto) {
        c->proto->encode(c->proto_state, buf, n, c->wire);
        done = n;
    } else {
        done = chr_send(c, buf, n);
    }
    if (done) {
        chr_written(c, done);
    }
    return done > 0;
}

/* Write what can be written now. */
void chr_drain(Chardev *c)
{
    if (c->log) {
        fflush(c->log);
    }
    for (unsigned i = 0; i < DRAIN_ROUNDS; i++) {
        if (!chr_drain_some(c)) {
            return;
        }
    }
    chr_kick(c->st); /* others first */
}

void chr_flush(Chardev *c)
{
    while (c->linked && !c->out_gone) {
        struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};
        size_t before = chr_unsent(c);

        chr_drain(c);
        if (chr_unsent(c) == 0) {
            return;
        }
        if (chr_unsent(c) == before
            && (p.fd < 0 || poll(&p, 1, FLUSH_STALL_MS) <= 0)) {
            return;
        }
    }
}
