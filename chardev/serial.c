/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal device of the host, raw. Its speed and frame stay as the host has
 * set them (stty): what the guest programs into its port changes nothing there.
 */
#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

static bool serial_open(Chardev *c, KeyVals *kv, GError **error)
{
    const char *path = keyvals_take(kv, "path");
    struct termios *saved;
    struct termios t;
    int fd;

    if (!path) {
        return fail(error, "serial: path=DEVICE is missing");
    }
    fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(error, errno, "serial: cannot open '%s'", path);
    }
    if (tcgetattr(fd, &t) != 0) {
        close(fd);
        return fail(error, "serial: '%s' is no terminal device", path);
    }
    saved = g_new(struct termios, 1);
    *saved = t;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    tcsetattr(fd, TCSANOW, &t);
    c->data = saved;
    chr_opened(c, fd, fd);
    return true;
}

static void serial_close(Chardev *c)
{
    if (c->in_fd >= 0) {
        tcsetattr(c->in_fd, TCSANOW, c->data);
        close(c->in_fd);
    }
}

static const ChrOption serial_options[] = {
    {"path", "DEVICE", "such as /dev/ttyS0"},
    {NULL},
};

const ChrDriver chr_serial_driver = {
    .name = "serial",
    .alias = "tty",
    .doc = "a serial port of the host",
    .options = serial_options,
    .open = serial_open,
    .close = serial_close,
    .write = chr_write_fd,
    .read = chr_read_fd,
};
