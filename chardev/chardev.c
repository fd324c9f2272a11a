/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back ends on the I/O thread: their watches, peers that come and go, the list
 * of all of them. */
#include "chardev/chardev.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0x2000 /* Linux: the peer writes no more */
#endif

/* --- watches ---------------------------------------------------------------- */

/* Has the peer left bytes that we have not read? */
static bool chr_left_behind(const Chardev *c)
{
    int n = 0;

    return ioctl(c->in_fd, FIONREAD, &n) == 0 && n > 0;
}

static gboolean chr_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    Chardev *c = opaque;

    if (chr_wants_input(c)) {
        chr_read(c);
    } else if (c->in_for != G_IO_IN) {
        c->in_ended = !chr_left_behind(c);
        chr_set_leaving(c);
    }
    chr_service(c);
    return G_SOURCE_CONTINUE;
}

static gboolean chr_writable(gint fd, GIOCondition condition, gpointer opaque)
{
    chr_service(opaque);
    return G_SOURCE_CONTINUE;
}

static void chr_unwatch(GSource **at)
{
    if (*at) {
        g_source_destroy(*at);
        g_clear_pointer(at, g_source_unref);
    }
}

static GSource *chr_watch(Chardev *c, int fd, int what, GUnixFDSourceFunc fn)
{
    GSource *source =
        g_unix_fd_source_new(fd, (GIOCondition)(what | G_IO_HUP | G_IO_ERR));

    g_source_set_callback(source, G_SOURCE_FUNC(fn), c, NULL);
    g_source_attach(source, NULL);
    return source;
}

static void chr_watch_out(Chardev *c)
{
    bool wanted =
        c->linked && !c->out_gone && c->out_fd >= 0 && chr_unsent(c) > 0;

    if (wanted && !c->out) {
        c->out = chr_watch(c, c->out_fd, G_IO_OUT, chr_writable);
    } else if (!wanted) {
        chr_unwatch(&c->out);
    }
}

/* For bytes; while there is no room for them, for the peer's good-bye. */
static void chr_watch_in(Chardev *c)
{
    int what = 0;

    if (chr_wants_input(c)) {
        what = G_IO_IN;
    } else if (c->linked && c->driver->ends && !c->in_ended && !c->leaving
               && c->in_fd >= 0) {
        what = POLLRDHUP;
    }
    if (c->in && c->in_for == what) {
        return;
    }
    chr_unwatch(&c->in);
    c->in_for = what;
    if (what) {
        c->in = chr_watch(c, c->in_fd, what, chr_readable);
    }
}

static void chr_greet(Chardev *c)
{
    for (guint i = 0; c->connected && i < c->fes->len; i++) {
        ChrFe *fe = g_ptr_array_index(c->fes, i);

        if (!fe->greeted) {
            fe->greeted = true;
            chr_fe_event(fe, CHR_EVENT_OPENED);
            if (c->mux && i == c->focus) {
                chr_fe_event(fe, CHR_EVENT_FOCUS);
            }
        }
    }
}

void chr_service(Chardev *c)
{
    chr_greet(c);
    mux_flush(c);
    chr_pass_on(c);
    chr_drain(c);
    if (c->linked && c->driver->ends && c->in_ended && chr_all_read(c)
        && (c->out_gone || chr_unsent(c) == 0)) {
        chr_lost(c);
    }
    chr_watch_out(c);
    chr_watch_in(c);
}

static gboolean chr_kicked(GSource *source, GSourceFunc fn, gpointer opaque)
{
    return fn(opaque);
}

static gboolean chr_serve_all(gpointer opaque)
{
    ChrState *st = opaque;

    g_source_set_ready_time(st->kick, -1);
    g_atomic_int_set(&st->kicked, 0);
    for (guint i = 0; i < st->all->len; i++) {
        chr_service(g_ptr_array_index(st->all, i));
    }
    return G_SOURCE_CONTINUE;
}

void chr_kick(ChrState *st)
{
    if (g_atomic_int_compare_and_exchange(&st->kicked, 0, 1)) {
        g_source_set_ready_time(st->kick, 0);
    }
}

/* --- peers ------------------------------------------------------------------ */

void chr_opened(Chardev *c, int in_fd, int out_fd)
{
    g_mutex_lock(&c->st->lock);
    c->in_fd = in_fd;
    c->out_fd = out_fd;
    c->in_ended = false;
    c->leaving = false;
    c->out_gone = false;
    c->linked = true;
    c->connected = !c->proto || !c->proto->handshake;
    g_mutex_unlock(&c->st->lock);
    g_byte_array_set_size(c->wire, 0);
    if (c->proto) {
        c->proto_state = c->proto->start(c->wire);
    }
    chr_kick(c->st);
}

static void chr_forget_peer(Chardev *c)
{
    if (c->proto_state) {
        c->proto->free(c->proto_state);
        c->proto_state = NULL;
    }
    g_byte_array_set_size(c->raw, 0);
    g_byte_array_set_size(c->early, 0);
    g_byte_array_set_size(c->wire, 0);
    c->sign = CHR_SIGN_NONE;
    c->escape = false;
}

void chr_lost(Chardev *c)
{
    if (!c->linked) {
        return;
    }
    g_mutex_lock(&c->st->lock);
    c->linked = false;
    c->connected = false;
    g_mutex_unlock(&c->st->lock);
    chr_unwatch(&c->in);
    chr_unwatch(&c->out);
    chr_queue_clear(c);
    chr_forget_peer(c);
    if (c->driver->lost) {
        c->driver->lost(c);
    }
    for (guint i = 0; i < c->fes->len; i++) {
        ChrFe *fe = g_ptr_array_index(c->fes, i);

        if (fe->greeted) {
            fe->greeted = false;
            chr_fe_event(fe, CHR_EVENT_CLOSED);
        }
    }
}

void chr_set_leaving(Chardev *c)
{
    if (!c->leaving) {
        c->leaving = true;
        if (c->driver->leaving) {
            c->driver->leaving(c);
        }
    }
}

/* --- descriptors ------------------------------------------------------------ */

ssize_t chr_write_fd(Chardev *c, const void *buf, size_t size)
{
    ssize_t n = write(c->out_fd, buf, size);

    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

ssize_t chr_read_fd(Chardev *c, void *buf, size_t size)
{
    ssize_t n = read(c->in_fd, buf, size);

    return n < 0 && errno != EAGAIN && errno != EINTR ? 0 : n;
}

/* --- all of them ------------------------------------------------------------ */

Chardev *chr_new(ChrState *st, const ChrDriver *driver, const char *id)
{
    Chardev *c = g_new0(Chardev, 1);

    c->st = st;
    c->id = g_strdup(id);
    c->driver = driver;
    c->fes = g_ptr_array_new_with_free_func(chr_fe_release);
    c->queue = g_byte_array_new();
    c->raw = g_byte_array_new();
    c->early = g_byte_array_new();
    c->wire = g_byte_array_new();
    c->in_fd = -1;
    c->out_fd = -1;
    return c;
}

void chr_free(Chardev *c)
{
    chr_unwatch(&c->in);
    chr_unwatch(&c->out);
    chr_forget_peer(c);
    if (c->driver->close) {
        c->driver->close(c);
    }
    if (c->log) {
        fclose(c->log);
    }
    g_ptr_array_unref(c->fes);
    g_byte_array_unref(c->queue);
    g_byte_array_unref(c->raw);
    g_byte_array_unref(c->early);
    g_byte_array_unref(c->wire);
    g_free(c->data);
    g_free(c->base);
    g_free(c->id);
    g_free(c);
}

ChrState *chr_state(Vm *vm)
{
    static const GSourceFuncs funcs = {.dispatch = chr_kicked};
    ChrState *st = vm->chr;

    if (st) {
        return st;
    }
    st = g_new0(ChrState, 1);
    st->vm = vm;
    g_mutex_init(&st->lock);
    st->all = g_ptr_array_new_with_free_func((GDestroyNotify)chr_free);
    st->ports = g_ptr_array_new_with_free_func((GDestroyNotify)chr_port_free);
    st->kick = g_source_new((GSourceFuncs *)(uintptr_t)&funcs, sizeof(GSource));
    g_source_set_callback(st->kick, chr_serve_all, st, NULL);
    g_source_set_ready_time(st->kick, -1);
    g_source_attach(st->kick, NULL);
    vm->chr = st;
    return st;
}

void chardevs_close(Vm *vm)
{
    ChrState *st = vm->chr;

    if (!st) {
        return;
    }
    for (guint i = 0; i < st->all->len; i++) {
        Chardev *c = g_ptr_array_index(st->all, i);

        if (c->proto_state && c->proto->finish && c->connected) {
            c->proto->finish(c->proto_state, c->wire);
        }
        chr_flush(c);
    }
    g_ptr_array_unref(st->all);
    g_ptr_array_unref(st->ports);
    g_source_destroy(st->kick);
    g_source_unref(st->kick);
    g_mutex_clear(&st->lock);
    g_free(st);
    vm->chr = NULL;
}

Chardev *chardev_find(Vm *vm, const char *id)
{
    ChrState *st = vm->chr;

    for (guint i = 0; st && i < st->all->len; i++) {
        Chardev *c = g_ptr_array_index(st->all, i);

        if (strcmp(c->id, id) == 0 || g_strcmp0(c->base, id) == 0) {
            return c;
        }
    }
    return NULL;
}

void chardev_remove(Chardev *c)
{
    g_assert(c->fes->len == 0);
    chr_queue_clear(c);
    g_ptr_array_remove(c->st->all, c);
}

Chardev *chardev_make_mux(Chardev *c)
{
    chr_set_mux(c);
    return c;
}

bool chardev_is_mux(const Chardev *c)
{
    return c->mux;
}

bool chardev_uses_stdio(const Chardev *c)
{
    return c->driver == &chr_stdio_driver;
}

void chardev_on_escape(Vm *vm, void (*fn)(Vm *vm, ChrEscape what))
{
    chr_state(vm)->escape = fn;
}

void chardevs_set_running(Vm *vm)
{
    chr_state(vm)->running = true;
}

void chardevs_foreach(Vm *vm, ChardevVisit *visit, void *opaque)
{
    ChrState *st = vm->chr;

    for (guint i = 0; st && i < st->all->len; i++) {
        Chardev *c = g_ptr_array_index(st->all, i);
        g_autofree char *text = c->driver->describe ? c->driver->describe(c)
                                                    : g_strdup(c->driver->name);

        if (c->mux) {
            visit(opaque, c->id, "mux", c->fes->len > 0);
        }
        visit(opaque, c->mux ? c->base : c->id, text, c->fes->len > 0);
    }
}

static void chardev_print(void *opaque, const char *id, const char *filename,
                          bool open)
{
    g_string_append_printf(opaque, "%s: filename=%s\n", id, filename);
}

void chardevs_print(Vm *vm, GString *out)
{
    chardevs_foreach(vm, chardev_print, out);
}
