/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named pipes: FILE.in is read, FILE.out is written; where these do not exist,
 * FILE is both. Without a reader output is dropped, so that nobody waits for
 * one; readers may come and go.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"
#include "core/fds.h"

static int pipe_open_one(Vm *vm, const char *path, const char *suffix,
                         int flags)
{
    g_autofree char *name = g_strconcat(path, suffix, NULL);

    return fds_open(vm, name, flags | O_NONBLOCK | O_NOCTTY, 0);
}

/* A write end needs a reader to be opened: for a moment that is us. */
static int pipe_open_out(Vm *vm, const char *path, const char *suffix)
{
    int both = pipe_open_one(vm, path, suffix, O_RDWR);
    int out = both < 0 ? -1 : pipe_open_one(vm, path, suffix, O_WRONLY);

    if (both >= 0) {
        close(both);
    }
    return out;
}

static bool pipe_open(Chardev *c, KeyVals *kv, GError **error)
{
    const char *path = keyvals_take(kv, "path");
    Vm *vm = c->st->vm;
    int in, out;

    if (!path) {
        return fail(error, "pipe: path=FILE is missing");
    }
    /* Open for writing too: it does not end when a writer leaves. */
    in = pipe_open_one(vm, path, ".in", O_RDWR);
    out = pipe_open_out(vm, path, ".out");
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = pipe_open_one(vm, path, "", O_RDWR);
    }
    if (in < 0) {
        return fail_errno(error, errno,
                          "pipe: neither '%s.in' and '%s.out' nor '%s' can be "
                          "opened",
                          path, path, path);
    }
    chr_opened(c, in, out);
    return true;
}

static void pipe_close(Chardev *c)
{
    if (c->out_fd >= 0 && c->out_fd != c->in_fd) {
        close(c->out_fd);
    }
    if (c->in_fd >= 0) {
        close(c->in_fd);
    }
}

static ssize_t pipe_write(Chardev *c, const void *buf, size_t size)
{
    ssize_t n = chr_write_fd(c, buf, size);

    return n < 0 ? (ssize_t)size : n; /* no reader: gone */
}

static const ChrOption pipe_options[] = {
    {"path", "FILE", "the pipes FILE.in and FILE.out, or FILE"},
    {NULL},
};

const ChrDriver chr_pipe_driver = {
    .name = "pipe",
    .doc = "named pipes",
    .options = pipe_options,
    .open = pipe_open,
    .close = pipe_close,
    .write = pipe_write,
    .read = chr_read_fd,
};
