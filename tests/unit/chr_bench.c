/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/chr_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

void chr_pump(void)
{
    while (g_main_context_iteration(NULL, FALSE)) {
    }
}

int chr_pair(Vm *vm, const char *id, const char *more, Chardev **out)
{
    g_autofree char *text = NULL;
    int fds[2];
    int rc = socketpair(AF_UNIX, SOCK_STREAM, 0, fds);

    g_assert_cmpint(rc, ==, 0);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    text = g_strdup_printf("socket,id=%s,fd=%d%s", id, fds[0], more);
    *out = chardev_add(vm, text, NULL);
    g_assert_nonnull(*out);
    return fds[1];
}

char *chr_hear(int fd)
{
    GString *s = g_string_new(NULL);
    char buf[4096];
    ssize_t n;

    for (;;) {
        chr_pump();
        n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n <= 0) {
            return g_string_free(s, FALSE);
        }
        g_string_append_len(s, buf, n);
    }
}

void chr_say(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left) {
        ssize_t n = send(fd, text, left, MSG_DONTWAIT | MSG_NOSIGNAL);

        g_assert_true(n > 0 || errno == EAGAIN);
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
        chr_pump();
    }
}

static void chr_sink_receive(Device *dev, const uint8_t *buf, size_t size)
{
    ChrSink *s = (ChrSink *)dev;

    g_string_append_len(s->got, (const char *)buf, (gssize)size);
}

static void chr_sink_event(Device *dev, ChrEvent event)
{
    ChrSink *s = (ChrSink *)dev;

    g_string_append_c(s->events, "boc?"[event]);
}

ChrSink *chr_sink_new(void)
{
    ChrSink *s = g_new0(ChrSink, 1);

    s->got = g_string_new(NULL);
    s->events = g_string_new(NULL);
    return s;
}

void chr_sink_free(ChrSink *s)
{
    g_string_free(s->got, TRUE);
    g_string_free(s->events, TRUE);
    g_free(s);
}

void chr_sink_connect(ChrSink *s, ChrPort *p)
{
    static const ChrPortOps sink_ops = {chr_sink_receive, chr_sink_event};

    chr_port_connect(p, (Device *)s, &sink_ops);
}

size_t chr_deliver(Vm *vm)
{
    InputItem *item;
    size_t n = 0;

    while ((item = input_take(vm->input))) {
        item->source->deliver(vm, item->event);
        input_item_free(item);
        n++;
    }
    return n;
}
