/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From descriptors to front ends. Plain streams are read only as far as there
 * is room. Datagrams and protocols are read ahead by one buffer: what is meant
 * for us (pings, negotiation) must not wait behind what the guest leaves lying.
 */
#include <string.h>

#include "chardev/chardev_priv.h"

static size_t chr_room(Chardev *c)
{
    if (c->mux) {
        return mux_room(c);
    }
    return c->fes->len ? chr_fe_room(g_ptr_array_index(c->fes, 0)) : 0;
}

static void chr_hand_over(Chardev *c, const uint8_t *buf, size_t size)
{
    if (c->mux) {
        mux_input(c, buf, size);
    } else if (c->fes->len) {
        chr_fe_receive(g_ptr_array_index(c->fes, 0), buf, size);
    }
}

static bool chr_reads_ahead(const Chardev *c)
{
    return c->proto || c->driver->datagram;
}

bool chr_all_read(const Chardev *c)
{
    return c->early->len == 0 && c->raw->len == 0;
}

bool chr_wants_input(Chardev *c)
{
    if (!c->linked || c->in_ended || c->in_fd < 0) {
        return false;
    }
    if (chr_reads_ahead(c)) {
        return c->raw->len == 0 && c->early->len < CHR_READ_MAX;
    }
    return chr_room(c) > 0;
}

static void chr_break(Chardev *c)
{
    if (c->mux) {
        mux_break(c);
    } else if (c->fes->len) {
        chr_fe_event(g_ptr_array_index(c->fes, 0), CHR_EVENT_BREAK);
    }
}

/* What a sign means, once all before it has been handed over. */
static void chr_heed(Chardev *c)
{
    ChrSign sign = c->sign;

    c->sign = CHR_SIGN_NONE;
    switch (sign) {
    case CHR_SIGN_BREAK:
        chr_break(c);
        break;
    case CHR_SIGN_OPEN:
        g_mutex_lock(&c->st->lock);
        c->connected = true;
        g_mutex_unlock(&c->st->lock);
        chr_kick(c->st);
        break;
    case CHR_SIGN_CLOSE:
        g_byte_array_set_size(c->raw, 0);
        c->in_ended = true;
        chr_set_leaving(c);
        break;
    case CHR_SIGN_NONE:
        break;
    }
}

static void chr_decode(Chardev *c)
{
    bool busy = c->wire->len > CHR_READ_MAX;
    size_t n = c->proto->decode(c->proto_state, c->raw->data, c->raw->len,
                                c->early, c->wire, busy, &c->sign);

    g_byte_array_remove_range(c->raw, 0, (guint)n);
}

static bool chr_hand_over_early(Chardev *c)
{
    size_t n = MIN(chr_room(c), c->early->len);
    g_autofree uint8_t *piece = NULL;

    if (n == 0) {
        return false;
    }
    n = MIN(n, CHR_READ_MAX);
    piece = g_memdup2(c->early->data, n);
    g_byte_array_remove_range(c->early, 0, (guint)n);
    chr_hand_over(c, piece, n);
    return true;
}

void chr_pass_on(Chardev *c)
{
    for (;;) {
        if (c->early->len) {
            if (!chr_hand_over_early(c)) {
                return;
            }
        } else if (c->sign != CHR_SIGN_NONE) {
            chr_heed(c);
        } else if (c->raw->len && c->proto_state) {
            chr_decode(c);
        } else {
            return;
        }
    }
}

static void chr_read_plain(Chardev *c)
{
    uint8_t buf[CHR_READ_MAX];
    ssize_t n = c->driver->read(c, buf, MIN(chr_room(c), sizeof(buf)));

    if (n > 0) {
        chr_hand_over(c, buf, (size_t)n);
    } else if (n == 0) {
        c->in_ended = true;
    }
}

static void chr_read_ahead(Chardev *c)
{
    size_t size = c->driver->datagram ? c->driver->datagram : CHR_READ_MAX;
    g_autofree uint8_t *buf = g_malloc(size);
    ssize_t n = c->driver->read(c, buf, size);

    if (n > 0) {
        g_byte_array_append(c->proto ? c->raw : c->early, buf, (guint)n);
    } else if (n == 0 && !c->driver->datagram) {
        c->in_ended = true;
    }
    chr_pass_on(c);
}

void chr_read(Chardev *c)
{
    if (chr_reads_ahead(c)) {
        chr_read_ahead(c);
    } else {
        chr_read_plain(c);
    }
    if (c->in_ended && c->driver->ends) {
        chr_set_leaving(c);
    }
}
