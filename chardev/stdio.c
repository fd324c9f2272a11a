/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard input and output. A terminal is set raw and restored. Our standard
 * output may be shared with a shell, so its open file is never made
 * non-blocking: a terminal or pipe is opened once more for us alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

#define SMALL_WRITE 256 /* what a ready terminal takes without blocking */

typedef struct Stdio {
    bool raw;      /* saved is to be restored */
    bool reopened; /* out_fd is ours */
    struct termios saved;
} Stdio;

/* A job in the background must not touch its terminal: it would be stopped. A
 * terminal that does not control us has no jobs. */
static bool stdio_foreground(void)
{
    pid_t front = tcgetpgrp(STDIN_FILENO);

    return isatty(STDIN_FILENO) && (front < 0 || front == getpgrp());
}

static void stdio_set_raw(Stdio *s, bool signals)
{
    struct termios t;

    if (!stdio_foreground() || tcgetattr(STDIN_FILENO, &t) != 0) {
        return;
    }
    s->saved = t;
    t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR
                             | ICRNL | IXON);
    t.c_oflag |= OPOST;
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals) {
        t.c_lflag &= ~(tcflag_t)ISIG;
    }
    t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    t.c_cflag |= CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    s->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static int stdio_reopen(void)
{
    struct stat st;

    if (fstat(STDOUT_FILENO, &st) == 0
        && (S_ISFIFO(st.st_mode) || isatty(STDOUT_FILENO))) {
        return open("/proc/self/fd/1",
                    O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    return -1;
}

static bool stdio_open(Chardev *c, KeyVals *kv, GError **error)
{
    bool signals = true;
    Stdio *s;
    int out;

    if (!keyvals_take_bool(kv, "signal", &signals, error)) {
        return false;
    }
    for (guint i = 0; i < c->st->all->len; i++) {
        const Chardev *other = g_ptr_array_index(c->st->all, i);

        if (other->driver == &chr_stdio_driver) {
            return fail(error,
                        "stdio is already in use by '%s' (mux=on lets "
                        "several share it)",
                        other->id);
        }
    }
    s = g_new0(Stdio, 1);
    c->data = s;
    stdio_set_raw(s, signals);
    out = stdio_reopen();
    s->reopened = out >= 0;
    chr_opened(c, STDIN_FILENO, s->reopened ? out : STDOUT_FILENO);
    return true;
}

static void stdio_close(Chardev *c)
{
    Stdio *s = c->data;

    if (!s) {
        return;
    }
    if (s->raw) {
        tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
    }
    if (s->reopened) {
        close(c->out_fd);
    }
}

static ssize_t stdio_write(Chardev *c, const void *buf, size_t size)
{
    const Stdio *s = c->data;
    ssize_t n;

    if (!s->reopened) {
        struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};

        if (poll(&p, 1, 0) <= 0) {
            return 0;
        }
        size = isatty(c->out_fd) ? MIN(size, SMALL_WRITE) : size;
    }
    n = write(c->out_fd, buf, size);
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static const ChrOption stdio_options[] = {
    {"signal", "on|off", "Ctrl-C ends the program (on)"},
    {NULL},
};

const ChrDriver chr_stdio_driver = {
    .name = "stdio",
    .doc = "standard input and output",
    .options = stdio_options,
    .open = stdio_open,
    .close = stdio_close,
    .write = stdio_write,
    .read = chr_read_fd,
};
