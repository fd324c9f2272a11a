/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new pseudo terminal. While nobody has opened it, output is dropped. The
 * kernel tells who closes it, but not who opens it: inotify does; where that
 * does not work, we look every now and then.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

#define PTY_LOOK_MS 250

typedef struct Pty {
    int master;
    char *path;     /* owned */
    int notify;     /* inotify, -1: none */
    GSource *opens; /* owned: of .notify */
    GSource *look;  /* owned: while nobody is there */
} Pty;

static bool pty_used(const Pty *p)
{
    struct pollfd f = {.fd = p->master, .events = POLLOUT};

    return poll(&f, 1, 0) >= 0 && !(f.revents & POLLHUP);
}

static void pty_unwatch(GSource **at)
{
    if (*at) {
        g_source_destroy(*at);
        g_clear_pointer(at, g_source_unref);
    }
}

static void pty_look(Chardev *c)
{
    Pty *p = c->data;

    if (!c->linked && pty_used(p)) {
        pty_unwatch(&p->look);
        chr_opened(c, p->master, p->master);
    }
}

static gboolean pty_looks(gpointer opaque)
{
    pty_look(opaque);
    return G_SOURCE_CONTINUE;
}

static gboolean pty_opens(gint fd, GIOCondition condition, gpointer opaque)
{
    char events[1024];

    while (read(fd, events, sizeof(events)) > 0) {
    }
    pty_look(opaque);
    return G_SOURCE_CONTINUE;
}

static void pty_wait(Chardev *c)
{
    Pty *p = c->data;

    pty_unwatch(&p->look);
    p->look = g_timeout_source_new(PTY_LOOK_MS);
    g_source_set_callback(p->look, pty_looks, c, NULL);
    g_source_attach(p->look, NULL);
    pty_look(c); /* it may have been opened meanwhile */
}

static void pty_notify(Chardev *c)
{
    Pty *p = c->data;

    p->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (p->notify >= 0 && inotify_add_watch(p->notify, p->path, IN_OPEN) >= 0) {
        p->opens = g_unix_fd_source_new(p->notify, G_IO_IN);
        g_source_set_callback(p->opens, G_SOURCE_FUNC(pty_opens), c, NULL);
        g_source_attach(p->opens, NULL);
    }
}

static bool pty_open(Chardev *c, KeyVals *kv, GError **error)
{
    struct termios t;
    int master, slave;
    Pty *p;

    if (openpty(&master, &slave, NULL, NULL, NULL) < 0) {
        return fail_errno(error, errno, "pty: no pseudo terminal");
    }
    if (tcgetattr(slave, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSANOW, &t);
    }
    fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    p = g_new0(Pty, 1);
    c->data = p;
    p->master = master;
    p->path = g_strdup(ttyname(slave));
    p->notify = -1;
    close(slave); /* from now on the kernel says that nobody is there */
    if (!p->path) {
        return fail(error, "pty: the new terminal has no name here");
    }
    pty_notify(c);
    pty_wait(c);
    printf("char device redirected to %s (label %s)\n", p->path,
           c->mux ? c->base : c->id);
    fflush(stdout);
    return true;
}

static void pty_close(Chardev *c)
{
    Pty *p = c->data;

    if (!p) {
        return;
    }
    pty_unwatch(&p->opens);
    pty_unwatch(&p->look);
    if (p->notify >= 0) {
        close(p->notify);
    }
    close(p->master);
    g_free(p->path);
}

static char *pty_describe(const Chardev *c)
{
    return g_strdup_printf("pty:%s", ((const Pty *)c->data)->path);
}

const char *chardev_pty_path(Vm *vm, const char *id)
{
    const Chardev *c = chardev_find(vm, id);

    return c && c->driver == &chr_pty_driver ? ((const Pty *)c->data)->path
                                             : NULL;
}

const ChrDriver chr_pty_driver = {
    .name = "pty",
    .doc = "a new pseudo terminal",
    .open = pty_open,
    .close = pty_close,
    .lost = pty_wait,
    .write = chr_write_fd,
    .read = chr_read_fd, /* EIO: nobody has it open */
    .describe = pty_describe,
    .ends = true,
};
