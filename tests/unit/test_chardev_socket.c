/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket servers and clients against slow, silent, flooding, half-closing and
 * vanishing peers. */
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/chr_bench.h"

typedef struct Fix {
    Vm *vm;
    ChrSink *sink;
    ChrPort *port;
    unsigned tcp_port;
} Fix;

static void fix_set_up(Fix *f, gconstpointer arg)
{
    f->vm = vm_new();
    f->sink = chr_sink_new();
}

static void fix_tear_down(Fix *f, gconstpointer arg)
{
    chardevs_close(f->vm);
    chr_sink_free(f->sink);
    vm_free(f->vm);
}

static void visit_port(void *opaque, const char *id, const char *filename,
                       bool open)
{
    const char *colon = strrchr(filename, ':');

    *(unsigned *)opaque = colon ? (unsigned)atoi(colon + 1) : 0;
}

static void fix_serve(Fix *f, const char *more)
{
    g_autofree char *text =
        g_strdup_printf("tcp:127.0.0.1:0,server=on,wait=off%s", more);
    g_autoptr(GError) error = NULL;
    Chardev *c = NULL;

    chardev_from_text(f->vm, text, "serial0", &c, &error);
    g_assert_no_error(error);
    f->port = chr_port_new(f->vm, "serial0", c);
    chr_sink_connect(f->sink, f->port);
    chardevs_foreach(f->vm, visit_port, &f->tcp_port);
}

static int fix_connect(Fix *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)f->tcp_port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    return fd;
}

/* Wait for what is on its way in any case. */
static void fix_until(Fix *f, char event)
{
    chr_deliver(f->vm);
    while (!strchr(f->sink->events->str, event)) {
        g_main_context_iteration(NULL, TRUE);
        chr_deliver(f->vm);
    }
    g_string_truncate(f->sink->events, 0);
}

static void fix_got(Fix *f, const char *text)
{
    chr_deliver(f->vm);
    while (f->sink->got->len < strlen(text)) {
        g_main_context_iteration(NULL, TRUE);
        chr_deliver(f->vm);
    }
    g_assert_cmpstr(f->sink->got->str, ==, text);
    g_string_truncate(f->sink->got, 0);
}

static char *hear(int fd, size_t size)
{
    g_autoptr(GString) s = g_string_new(NULL);
    char buf[4096];

    while (s->len < size) {
        ssize_t n =
            recv(fd, buf, MIN(sizeof(buf), size - s->len), MSG_DONTWAIT);

        g_assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        if (n > 0) {
            g_string_append_len(s, buf, n);
        }
        chr_pump();
    }
    return g_strndup(s->str, s->len);
}

static void assert_hears(int fd, const char *text)
{
    g_autofree char *heard = hear(fd, strlen(text));

    g_assert_cmpstr(heard, ==, text);
}

static void assert_ended(int fd)
{
    char buf[512];
    ssize_t n;

    do {
        chr_pump();
        n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
    } while (n > 0 || (n < 0 && errno == EAGAIN));
    close(fd);
}

static void say(int fd, const char *text)
{
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);

    g_assert_cmpint(n, ==, (ssize_t)strlen(text));
}

/* One at a time; the second is served when the first has gone. */
static void test_turns(Fix *f, gconstpointer arg)
{
    int first, second;

    fix_serve(f, "");
    chr_port_set_room(f->port, 100);
    first = fix_connect(f);
    fix_until(f, 'o');
    second = fix_connect(f);
    say(second, "2");
    chr_pump();
    say(first, "1");
    fix_got(f, "1");
    chr_port_set_room(f->port, 100);
    close(first);
    fix_got(f, "2");
    chr_port_write(f->port, "hello", 5);
    assert_hears(second, "hello");
    close(second);
}

/* The guest takes nothing: what a peer left is read later, and the next client
 * is let in all the same. */
static void test_leaves_bytes(Fix *f, gconstpointer arg)
{
    int fd;

    fix_serve(f, "");
    fd = fix_connect(f);
    fix_until(f, 'o');
    say(fd, "left behind");
    close(fd);
    chr_pump();
    chr_port_set_room(f->port, 5);
    fix_got(f, "left ");
    chr_port_write(f->port, "echo", 4); /* nobody reads that */
    chr_pump();
    chr_port_set_room(f->port, 50);
    fix_got(f, "behind");
    fix_until(f, 'c');
    /* once more, but the guest never takes it */
    chr_port_set_room(f->port, 0);
    fd = fix_connect(f);
    fix_until(f, 'o');
    say(fd, "not taken");
    close(fd);
    fd = fix_connect(f);
    fix_until(f, 'c');
    say(fd, "new");
    chr_port_set_room(f->port, 50);
    fix_got(f, "new");
    close(fd);
}

/* It asks, says that this was all, and still gets its answer. */
static void receive_question(void *opaque, const uint8_t *buf, size_t size)
{
    chr_fe_write(*(ChrFe **)opaque, "answer", 6);
}

static void test_half_closed(Fix *f, gconstpointer arg)
{
    static const ChrFeOps ops = {receive_question, NULL};
    g_autoptr(GError) error = NULL;
    Chardev *c = NULL;
    ChrFe *fe = NULL;
    int fd;

    chardev_from_text(f->vm, "tcp:127.0.0.1:0,server=on,wait=off", "m", &c,
                      NULL);
    fe = chr_fe_new(c, &ops, &fe, &error);
    g_assert_no_error(error);
    chardevs_foreach(f->vm, visit_port, &f->tcp_port);
    fd = fix_connect(f);
    say(fd, "question");
    shutdown(fd, SHUT_WR);
    assert_hears(fd, "answer");
    assert_ended(fd); /* then we close, too */
    chr_fe_free(fe);
}

static void test_reset(Fix *f, gconstpointer arg)
{
    struct linger hard = {.l_onoff = 1};
    g_autofree char *much = g_strnfill(100000, 'x');
    int fd;

    fix_serve(f, "");
    for (unsigned round = 0; round < 3; round++) {
        fd = fix_connect(f);
        fix_until(f, 'o');
        chr_port_set_room(f->port, round == 0 ? 0 : 100);
        if (round == 2) {
            while (!chr_output_full(f->vm)) {
                chr_port_write(f->port, much, strlen(much));
                chr_pump();
            }
        }
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        close(fd);
        fix_until(f, 'c');
        g_assert_false(chr_output_full(f->vm));
    }
}

/* Nothing of a flood is lost, and no more is held than there is room for. */
static void test_flood(Fix *f, gconstpointer more)
{
    g_autofree char *line = g_strnfill(1000, 'z');
    size_t sent = 0, seen = 0, room = 1;
    int fd;

    fix_serve(f, more);
    fd = fix_connect(f);
    fix_until(f, 'o');
    while (seen < 1000000) {
        ssize_t n = sent < 1000000
                        ? send(fd, line, 1000, MSG_DONTWAIT | MSG_NOSIGNAL)
                        : 0;

        sent += n > 0 ? (size_t)n : 0;
        chr_port_set_room(f->port, room);
        chr_pump();
        chr_deliver(f->vm);
        g_assert_cmpuint(f->sink->got->len, <=, room);
        seen += f->sink->got->len;
        g_string_truncate(f->sink->got, 0);
        room = room * 5 % 997 + 1;
    }
    g_assert_cmpuint(seen, ==, sent);
    close(fd);
}

/* --- telnet ---------------------------------------------------------------------- */

static void test_telnet(Fix *f, gconstpointer arg)
{
    g_autofree char *hello = NULL;
    int fd;

    fix_serve(f, ",telnet=on");
    fd = fix_connect(f);
    hello = hear(fd, 12);
    g_assert_cmpmem(hello, 3, "\xff\xfb\x01", 3);
    fix_until(f, 'o');
    /* the guest takes nothing: we are there all the same */
    say(fd, "ab\xff\xf6");
    assert_hears(fd, "\r\n[yes]\r\n");
    say(fd, "c\xff\xf3"
            "d");
    chr_port_set_room(f->port, 2);
    fix_got(f, "ab");
    g_assert_cmpstr(f->sink->events->str, ==, ""); /* the break comes later */
    chr_port_set_room(f->port, 9);
    fix_got(f, "cd");
    fix_until(f, 'b');
    close(fd);
}

/* --- websocket -------------------------------------------------------------------- */

#define WS_REQUEST                                                             \
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"                      \
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                     \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define WS_ANSWER                                                              \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"               \
    "Connection: Upgrade\r\n"                                                  \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

static void test_websocket(Fix *f, gconstpointer arg)
{
    int silent, fd;

    fix_serve(f, ",websocket=on");
    silent = fix_connect(f); /* never says a word */
    chr_pump();
    fd = fix_connect(f);
    say(fd, WS_REQUEST);
    assert_hears(fd, WS_ANSWER);
    fix_until(f, 'o');
    assert_ended(silent);
    say(fd, "\x82\x83zzzz\x1b\x18\x19");
    chr_port_set_room(f->port, 9);
    fix_got(f, "abc");
    chr_port_write(f->port, "hi", 2);
    assert_hears(fd, "\x82\x02hi");
    say(fd, "\x88\x82zzzz\x79\x92");
    assert_hears(fd, "\x88\x02\x03\xe8");
    assert_ended(fd);
    fix_until(f, 'c');
    fd = fix_connect(f); /* no websocket: an answer and good-bye */
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_hears(fd, "HTTP/1.1 400 Bad Request\r\n");
    assert_ended(fd);
}

/* --- clients ------------------------------------------------------------------------ */

static int unix_listen(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

/* Nobody is there; somebody comes; goes; comes again. */
static void test_reconnect(Fix *f, gconstpointer arg)
{
    g_autofree char *dir = g_dir_make_tmp("reprise-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *text = g_strdup_printf("unix:%s,reconnect=1", path);
    Chardev *c = NULL;
    int server, fd;

    g_assert_true(chardev_from_text(f->vm, text, "serial0", &c, NULL));
    f->port = chr_port_new(f->vm, "serial0", c);
    chr_sink_connect(f->sink, f->port);
    chr_port_set_room(f->port, 10);
    chr_pump();
    server = unix_listen(path);
    for (unsigned round = 0; round < 2; round++) {
        fix_until(f, 'o');
        fd = accept(server, NULL, NULL);
        chr_port_write(f->port, "hello", 5);
        assert_hears(fd, "hello");
        close(fd);
        fix_until(f, 'c');
    }
    fix_until(f, 'o'); /* and its thread has ended */
    close(server);
    g_unlink(path);
    g_rmdir(dir);
}

static void test_abstract(Fix *f, gconstpointer arg)
{
    g_autofree char *name = g_strdup_printf("reprise-test-%d", (int)getpid());
    g_autofree char *serve = g_strdup_printf(
        "socket,id=s,path=%s,abstract=on,server=on,wait=off", name);
    g_autofree char *join =
        g_strdup_printf("socket,id=c,path=%s,abstract=on", name);
    Chardev *s = chardev_add(f->vm, serve, NULL), *c;

    g_assert_nonnull(s);
    c = chardev_add(f->vm, join, NULL);
    g_assert_nonnull(c);
    f->port = chr_port_new(f->vm, "serial0", s);
    chr_sink_connect(f->sink, f->port);
    chr_port_set_room(f->port, 10);
    chr_port_write(chr_port_new(f->vm, "serial1", c), "hello", 5);
    fix_got(f, "hello");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN); /* as the program does */
#define FIX_ARG(path, arg, fn)                                                 \
    g_test_add(path, Fix, arg, fix_set_up, fn, fix_tear_down)
#define FIX(path, fn) FIX_ARG(path, NULL, fn)
    FIX("/socket/turns", test_turns);
    FIX("/socket/leaves-bytes", test_leaves_bytes);
    FIX("/socket/half-closed", test_half_closed);
    FIX("/socket/reset", test_reset);
    FIX_ARG("/socket/flood", "", test_flood);
    FIX_ARG("/socket/flood-telnet", ",telnet=on", test_flood);
    FIX("/socket/telnet", test_telnet);
    FIX("/socket/websocket", test_websocket);
    FIX("/socket/reconnect", test_reconnect);
    FIX("/socket/abstract", test_abstract);
    return g_test_run();
}
