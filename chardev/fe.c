/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Front ends: ports of the guest, monitors, gdb. */
#include "chardev/chardev_priv.h"
#include "core/error.h"

void chr_fe_release(gpointer p)
{
    ChrFe *fe = p;

    g_byte_array_unref(fe->pending);
    g_free(fe);
}

size_t chr_fe_room(ChrFe *fe)
{
    if (fe->port) {
        return chr_port_room(fe->port);
    }
    /* Who does not read answers is not asked for more questions. */
    return fe->ops && !fe->hold
                   && chr_queue_length(fe->backend) < CHR_QUEUE_HIGH
               ? CHR_READ_MAX
               : 0;
}

void chr_fe_receive(ChrFe *fe, const uint8_t *buf, size_t size)
{
    if (fe->port) {
        chr_port_input(fe->port, buf, size);
    } else if (fe->ops && fe->ops->receive) {
        fe->ops->receive(fe->opaque, buf, size);
    }
}

bool chr_fe_event(ChrFe *fe, ChrEvent event)
{
    if (fe->port) {
        return chr_port_event(fe->port, event);
    }
    if (fe->ops && fe->ops->event) {
        fe->ops->event(fe->opaque, event);
    }
    return true;
}

ChrFe *chr_fe_attach(Chardev *c, const ChrFeOps *ops, void *opaque,
                     ChrPort *port, GError **error)
{
    ChrFe *fe;

    if (c->fes->len && !c->mux) {
        fail(error,
             "chardev '%s' is already in use (mux=on lets several "
             "share it)",
             c->id);
        return NULL;
    }
    fe = g_new0(ChrFe, 1);
    fe->backend = c;
    fe->ops = ops;
    fe->opaque = opaque;
    fe->port = port;
    fe->pending = g_byte_array_new();
    g_ptr_array_add(c->fes, fe);
    mux_attached(c, fe);
    chr_kick(c->st);
    return fe;
}

ChrFe *chr_fe_new(Chardev *backend, const ChrFeOps *ops, void *opaque,
                  GError **error)
{
    return chr_fe_attach(backend, ops, opaque, NULL, error);
}

void chr_fe_free(ChrFe *fe)
{
    Chardev *c;

    if (!fe) {
        return;
    }
    c = fe->backend;
    g_ptr_array_remove(c->fes, fe);
    if (c->focus >= c->fes->len) {
        c->focus = 0;
    }
    c->claimed = false;
    chr_kick(c->st);
}

int chr_fe_take_fd(ChrFe *fe)
{
    Chardev *c = fe->backend;

    return c && c->driver->take_fd ? c->driver->take_fd(c) : -1;
}

void chr_fe_hold(ChrFe *fe, bool hold)
{
    if (fe && fe->hold != hold) {
        fe->hold = hold;
        chr_kick(fe->backend->st);
    }
}

void chr_fe_write(ChrFe *fe, const void *buf, size_t size)
{
    if (fe && size) {
        chr_fe_queue(fe, buf, size, false);
    }
}
