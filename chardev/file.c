/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output to a file; nothing ever comes. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

static bool file_open(Chardev *c, KeyVals *kv, GError **error)
{
    const char *path = keyvals_take(kv, "path");
    bool append = false;
    int fd;

    if (!path) {
        return fail(error, "file: path=FILE is missing");
    }
    if (!keyvals_take_bool(kv, "append", &append, error)) {
        return false;
    }
    fd = open(path,
              O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
                  | (append ? O_APPEND : O_TRUNC),
              0666);
    if (fd < 0) {
        return fail_errno(error, errno, "cannot open '%s'", path);
    }
    c->data = g_strdup(path);
    chr_opened(c, -1, fd);
    return true;
}

static void file_close(Chardev *c)
{
    if (c->out_fd >= 0) {
        close(c->out_fd);
        c->out_fd = -1;
    }
}

static ssize_t file_write(Chardev *c, const void *buf, size_t size)
{
    ssize_t n = write(c->out_fd, buf, size);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n < 0) {
        g_printerr("reprise: chardev '%s': %s: %s; output is dropped from "
                   "here on\n",
                   c->id, (char *)c->data, g_strerror(errno));
    }
    return n;
}

static char *file_describe(const Chardev *c)
{
    return g_strdup_printf("file:%s", (const char *)c->data);
}

static const char *const file_options[] = {"path", "append", NULL};

const ChrDriver chr_file_driver = {
    .name = "file",
    .doc = "output to a file (path=, append=on|off)",
    .options = file_options,
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .describe = file_describe,
};
