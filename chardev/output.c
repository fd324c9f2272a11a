/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output queues of back ends: filled by any thread, drained by the I/O thread. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "chardev/chardev_priv.h"

#define DRAIN_BYTES 16384
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

/* Lock held. */
static void chr_append(Chardev *c, const uint8_t *buf, size_t size)
{
    if (c->log) {
        fwrite(buf, 1, size, c->log);
    }
    if (!c->connected || chr_queued(c) + size > CHR_QUEUE_MAX) {
        c->dropped += size;
        return;
    }
    g_byte_array_append(c->queue, buf, (guint)size);
}

void chr_queue(Chardev *c, const void *buf, size_t size, bool from_machine)
{
    bool idle, full;

    g_mutex_lock(&c->st->lock);
    idle = chr_queued(c) == 0;
    if (c->stamps) {
        g_autoptr(GByteArray) text = g_byte_array_new();

        mux_stamp(c, buf, size, text);
        chr_append(c, text->data, text->len);
    } else {
        chr_append(c, buf, size);
    }
    full = chr_queued(c) >= CHR_QUEUE_HIGH && !c->full;
    if (full) {
        chr_set_full(c, true);
    }
    idle = idle && (chr_queued(c) || c->log);
    g_mutex_unlock(&c->st->lock);
    if (idle) {
        chr_kick(c->st);
    }
    if (full && from_machine) {
        vm_horizon_changed(c->st->vm); /* the loop waits: chr_output_full() */
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

/* Write what can be written now. */
void chr_drain(Chardev *c)
{
    uint8_t buf[DRAIN_BYTES];
    size_t n;

    if (c->log) {
        fflush(c->log);
    }
    while (c->connected && (n = chr_first(c, buf, sizeof(buf)))) {
        ssize_t done = c->driver->write(c, buf, n);

        if (done < 0) {
            chr_lost(c);
            return;
        }
        if (done == 0) {
            return;
        }
        chr_written(c, (size_t)done);
    }
}

void chr_flush(Chardev *c)
{
    while (c->connected) {
        struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};
        size_t before = chr_queue_length(c);

        chr_drain(c);
        if (chr_queue_length(c) == 0) {
            return;
        }
        if (chr_queue_length(c) == before
            && (p.fd < 0 || poll(&p, 1, FLUSH_STALL_MS) <= 0)) {
            return;
        }
    }
}
