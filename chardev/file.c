/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output to a file; input from another one. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"
#include "core/fds.h"

typedef struct File {
    char *path; /* owned */
} File;

static int file_open_input(Vm *vm, const char *path, GError **error)
{
    int fd = fds_open(vm, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);

    if (fd < 0) {
        fail_errno(error, errno, "file: input-path=%s: cannot open", path);
    }
    return fd;
}

static bool file_open(Chardev *c, KeyVals *kv, GError **error)
{
    const char *path = keyvals_take(kv, "path");
    const char *input = keyvals_take(kv, "input-path");
    bool append = false;
    File *f;
    int in = -1, out;

    if (!path) {
        return fail(error, "file: path=FILE is missing");
    }
    if (!keyvals_take_bool(kv, "append", &append, error)) {
        return false;
    }
    if (input && (in = file_open_input(c->st->vm, input, error)) < 0) {
        return false;
    }
    out = fds_open(c->st->vm, path,
                   O_WRONLY | O_CREAT | O_NOCTTY | O_NONBLOCK
                       | (append ? O_APPEND : O_TRUNC),
                   0666);
    c->in_fd = in; /* closed in any case */
    if (out < 0) {
        return fail_errno(error, errno, "cannot open '%s'", path);
    }
    f = g_new0(File, 1);
    f->path = g_strdup(path);
    c->data = f;
    chr_opened(c, in, out);
    return true;
}

static void file_close(Chardev *c)
{
    if (c->out_fd >= 0) {
        close(c->out_fd);
        c->out_fd = -1;
    }
    if (c->in_fd >= 0) {
        close(c->in_fd);
        c->in_fd = -1;
    }
    if (c->data) {
        g_free(((File *)c->data)->path);
    }
}

static ssize_t file_write(Chardev *c, const void *buf, size_t size)
{
    const File *f = c->data;
    ssize_t n = chr_write_fd(c, buf, size);

    if (n < 0) {
        g_printerr("reprise: chardev '%s': %s: %s; output is dropped from "
                   "here on\n",
                   c->id, f->path, g_strerror(errno));
    }
    return n;
}

static const ChrOption file_options[] = {
    {"path", "FILE", "where output goes"},
    {"append", "on|off", "behind what the file has"},
    {"input-path", "FILE", "what comes in"},
    {NULL},
};

const ChrDriver chr_file_driver = {
    .name = "file",
    .doc = "output to a file",
    .options = file_options,
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .read = chr_read_fd,
};
