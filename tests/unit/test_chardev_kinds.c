/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pty, pipe, udp, ringbuf, input files; what monitors do with back ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/chr_bench.h"

typedef struct Fix {
    Vm *vm;
    ChrSink *sink;
    ChrPort *port;
    char *dir;
} Fix;

static void fix_set_up(Fix *f, gconstpointer arg)
{
    f->vm = vm_new();
    f->sink = chr_sink_new();
    f->dir = g_dir_make_tmp("reprise-XXXXXX", NULL);
}

static void fix_tear_down(Fix *f, gconstpointer arg)
{
    chardevs_close(f->vm);
    chr_sink_free(f->sink);
    vm_free(f->vm);
    g_rmdir(f->dir);
    g_free(f->dir);
}

static Chardev *fix_open(Fix *f, const char *options)
{
    g_autoptr(GError) error = NULL;
    Chardev *c = chardev_add(f->vm, options, &error);

    g_assert_no_error(error);
    f->port = chr_port_new(f->vm, "serial0", c);
    chr_sink_connect(f->sink, f->port);
    chr_port_set_room(f->port, 1000);
    chr_pump();
    return c;
}

/* Until the port has got @text: what comes is on its way for sure. */
static void fix_got(Fix *f, const char *text)
{
    chr_deliver(f->vm);
    while (f->sink->got->len < strlen(text)) {
        g_main_context_iteration(NULL, TRUE);
        chr_deliver(f->vm);
    }
    g_assert_cmpstr(f->sink->got->str, ==, text);
    g_string_truncate(f->sink->got, 0);
    chr_port_set_room(f->port, 1000);
}

static void read_all(int fd, const char *text)
{
    char buf[64];
    size_t have = 0;

    while (have < strlen(text)) {
        ssize_t n = read(fd, buf + have, 1);

        g_assert_true(n > 0 || errno == EAGAIN);
        if (n > 0 && buf[have] != 'x') { /* left in a pipe from before */
            have++;
        }
        chr_pump();
    }
    g_assert_cmpmem(buf, have, text, strlen(text));
}

/* --- pty ----------------------------------------------------------------------- */

static bool pty_there(Fix *f)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY);

    if (fd < 0) {
        g_test_skip("this host gives no pseudo-terminals");
        return false;
    }
    close(fd);
    return true;
}

static void test_pty(Fix *f, gconstpointer arg)
{
    g_autofree char *much = g_strnfill(300000, 'x');
    const char *path;
    int fd;

    if (!pty_there(f)) {
        return;
    }
    fix_open(f, "pty,id=p");
    path = chardev_pty_path(f->vm, "p");
    g_assert_nonnull(path);
    chr_port_write(f->port, much, strlen(much)); /* nobody is there */
    chr_pump();
    g_assert_false(chr_output_full(f->vm));
    for (unsigned round = 0; round < 3; round++) {
        fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
        g_assert_cmpint(fd, >=, 0);
        g_string_truncate(f->sink->events, 0);
        while (!strchr(f->sink->events->str, 'o')) {
            g_main_context_iteration(NULL, TRUE);
            chr_deliver(f->vm);
        }
        chr_port_write(f->port, "hello", 5);
        chr_pump();
        read_all(fd, "hello");
        g_assert_cmpint(write(fd, "typed\r", 6), ==, 6);
        fix_got(f, "typed\r"); /* raw: no translation, no echo */
        close(fd);
        while (!strchr(f->sink->events->str, 'c')) {
            g_main_context_iteration(NULL, TRUE);
            chr_deliver(f->vm);
        }
    }
}

/* --- pipe ---------------------------------------------------------------------- */

static void test_pipe(Fix *f, gconstpointer arg)
{
    g_autofree char *base = g_build_filename(f->dir, "p", NULL);
    g_autofree char *in = g_strconcat(base, ".in", NULL);
    g_autofree char *out = g_strconcat(base, ".out", NULL);
    g_autofree char *text = g_strdup_printf("pipe,id=p,path=%s", base);
    g_autofree char *much = g_strnfill(3000000, 'x');
    int to, from;

    mkfifo(in, 0600);
    mkfifo(out, 0600);
    fix_open(f, text);
    chr_port_write(f->port, much, strlen(much)); /* no reader: gone */
    chr_pump();
    g_assert_false(chr_output_full(f->vm));
    for (unsigned round = 0; round < 2; round++) {
        from = open(out, O_RDONLY | O_NONBLOCK);
        to = open(in, O_WRONLY | O_NONBLOCK);
        g_assert_cmpint(from, >=, 0);
        g_assert_cmpint(to, >=, 0);
        chr_port_write(f->port, "hello", 5);
        chr_pump();
        read_all(from, "hello");
        g_assert_cmpint(write(to, "typed", 5), ==, 5);
        close(to); /* its end is not ours */
        fix_got(f, "typed");
        if (round == 0) { /* a reader that does not read, then goes */
            while (!chr_output_full(f->vm)) {
                chr_port_write(f->port, much, 10000);
                chr_pump();
            }
        }
        close(from);
        while (chr_output_full(f->vm)) {
            g_main_context_iteration(NULL, TRUE);
        }
    }
    g_unlink(in);
    g_unlink(out);
}

/* --- udp ----------------------------------------------------------------------- */

static void test_udp(Fix *f, gconstpointer arg)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    g_autofree char *big = g_strnfill(3000, 'y');
    g_autofree char *text = NULL;
    struct sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    char buf[64];
    ssize_t n;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&a, size), ==, 0);
    getsockname(fd, (struct sockaddr *)&a, &size);
    text = g_strdup_printf("udp,id=u,host=127.0.0.1,port=%u,localport=0",
                           ntohs(a.sin_port));
    fix_open(f, text);
    chr_port_write(f->port, "hello", 5);
    chr_pump();
    n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_size);
    g_assert_cmpmem(buf, (size_t)n, "hello", 5);
    n = sendto(fd, big, 3000, 0, (struct sockaddr *)&from, from_size);
    g_assert_cmpint(n, ==, 3000);
    sendto(fd, "", 0, 0, (struct sockaddr *)&from, from_size);
    sendto(fd, "z", 1, 0, (struct sockaddr *)&from, from_size);
    for (size_t got = 0; got < 3001; got = f->sink->got->len) {
        g_main_context_iteration(NULL, TRUE); /* no more than the room */
        chr_deliver(f->vm);
        g_assert_cmpuint(f->sink->got->len - got, <=, 1000);
        chr_port_set_room(f->port, 1000);
    }
    g_assert_cmpint(f->sink->got->str[2999], ==, 'y');
    g_assert_cmpint(f->sink->got->str[3000], ==, 'z');
    close(fd); /* nobody listens: no harm */
    for (unsigned i = 0; i < 5; i++) {
        chr_port_write(f->port, "lost", 4);
        chr_pump();
    }
    g_assert_false(chr_output_full(f->vm));
}

/* --- ring ---------------------------------------------------------------------- */

static char *ring_read(Fix *f, const char *id, int64_t size)
{
    g_autoptr(GByteArray) out = g_byte_array_new();

    g_assert_true(chardev_ringbuf_read(f->vm, id, size, out, NULL));
    g_byte_array_append(out, (const uint8_t *)"", 1);
    return g_strdup((const char *)out->data);
}

static void test_ringbuf(Fix *f, gconstpointer arg)
{
    g_autofree char *one = NULL, *two = NULL, *three = NULL, *four = NULL;
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    fix_open(f, "ringbuf,id=r,size=16");
    g_assert_nonnull(chardev_add(f->vm, "memory,id=m", NULL));
    chr_port_write(f->port, "hello world", 11);
    one = ring_read(f, "r", 4); /* nobody has run the main loop */
    g_assert_cmpstr(one, ==, "hell");
    two = ring_read(f, "r", 100);
    g_assert_cmpstr(two, ==, "o world");
    three = ring_read(f, "r", 100);
    g_assert_cmpstr(three, ==, "");
    g_assert_true(chardev_ringbuf_write(
        f->vm, "r", "0123456789abcdefghijklmnopq", 27, NULL));
    four = ring_read(f, "r", 100);
    g_assert_cmpstr(four, ==, "bcdefghijklmnopq"); /* the oldest go */
    g_assert_false(chardev_ringbuf_read(f->vm, "x", 1, out, &error));
    g_assert_cmpstr(error->message, ==, "Device 'x' not found");
    g_clear_error(&error);
    g_assert_false(chardev_ringbuf_read(f->vm, "r", 0, out, &error));
    g_assert_cmpstr(error->message, ==, "size must be greater than zero");
    chardev_add(f->vm, "null,id=n", NULL);
    g_clear_error(&error);
    g_assert_false(chardev_ringbuf_write(f->vm, "n", "x", 1, &error));
    g_assert_cmpstr(error->message, ==, "n is not a ringbuf device");
}

/* --- files --------------------------------------------------------------------- */

static void test_input_file(Fix *f, gconstpointer arg)
{
    g_autofree char *in = g_build_filename(f->dir, "in", NULL);
    g_autofree char *text =
        g_strdup_printf("file,id=f,path=/dev/null,input-path=%s", in);
    g_autofree char *much = g_strnfill(5000, 'x');

    g_assert_true(g_file_set_contents(in, much, -1, NULL));
    fix_open(f, text);
    for (size_t got = 0; got < 5000; got = f->sink->got->len) {
        chr_pump();
        chr_deliver(f->vm);
        g_assert_cmpuint(f->sink->got->len - got, <=, 1000);
        chr_port_set_room(f->port, 1000);
    }
    chr_pump();
    g_assert_false(g_main_context_pending(NULL)); /* it has ended */
    g_unlink(in);
}

/* --- monitors ------------------------------------------------------------------- */

static void visit_names(void *opaque, const char *id, const char *filename,
                        bool open)
{
    g_string_append_printf(opaque, "%s=%s%s ", id, filename, open ? "*" : "");
}

static void test_names(Fix *f, gconstpointer arg)
{
    g_autoptr(GString) all = g_string_new(NULL);
    Chardev *c = NULL;

    fix_open(f, "null,id=n");
    chardev_from_text(f->vm, "mon:vc", "serial1", &c, NULL);
    chardev_add(f->vm, "memory,id=m", NULL);
    chardev_add(f->vm, "file,id=f,path=/dev/null", NULL);
    chardev_add(f->vm, "mux,id=top,chardev=f", NULL);
    chardevs_foreach(f->vm, visit_names, all);
    g_assert_cmpstr(all->str, ==,
                    "n=null* serial1=mux serial1-base=vc m=ringbuf top=mux "
                    "f=file ");
    g_assert_nonnull(chardev_find(f->vm, "top"));
    g_assert_null(chardev_add(f->vm, "null,id=f", NULL)); /* taken below it */
}

static void test_remove(Fix *f, gconstpointer arg)
{
    g_autoptr(GError) error = NULL;

    fix_open(f, "null,id=n");
    chardev_add(f->vm, "null,id=free", NULL);
    g_assert_false(chardev_hot_remove(f->vm, "n", &error));
    g_assert_cmpstr(error->message, ==, "Chardev 'n' is busy");
    g_clear_error(&error);
    g_assert_false(chardev_hot_remove(f->vm, "nobody", &error));
    g_assert_cmpstr(error->message, ==, "Chardev 'nobody' not found");
    g_assert_true(chardev_hot_remove(f->vm, "free", NULL));
    g_assert_null(chardev_find(f->vm, "free"));
}

static void test_change(Fix *f, gconstpointer arg)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *first = NULL, *second = NULL;

    fix_open(f, "ringbuf,id=r");
    chr_port_write(f->port, "one", 3);
    g_assert_false(chardev_change(f->vm, "r", "ringbf", &error));
    g_assert_nonnull(strstr(error->message, "did you mean 'ringbuf'"));
    g_clear_error(&error);
    g_assert_false(chardev_change(f->vm, "r", "null,id=x", &error));
    g_assert_cmpstr(error->message, ==, "Unexpected 'id' parameter");
    g_clear_error(&error);
    g_assert_false(chardev_change(f->vm, "r", "null,mux=on", &error));
    g_assert_false(chardev_change(f->vm, "r", "unix:/nonexistent/x", NULL));
    first = ring_read(f, "r", 100); /* nothing has changed */
    g_assert_cmpstr(first, ==, "one");
    g_assert_true(chardev_change(f->vm, "r", "ringbuf,size=4", NULL));
    chr_port_write(f->port, "two and", 7);
    chr_pump();
    second = ring_read(f, "r", 100);
    g_assert_cmpstr(second, ==, " and");
    g_assert_true(chardev_change(f->vm, "r", "null", NULL));
    chr_port_write(f->port, "gone", 4);
    chr_pump();
    chr_deliver(f->vm);
    g_assert_nonnull(strstr(f->sink->events->str, "oco"));
}

static void test_break(Fix *f, gconstpointer arg)
{
    g_autoptr(GError) error = NULL;

    fix_open(f, "null,id=n");
    g_assert_true(chardev_send_break(f->vm, "n", NULL));
    chr_deliver(f->vm);
    g_assert_cmpstr(f->sink->events->str, ==, "b");
    g_assert_false(chardev_send_break(f->vm, "x", &error));
    g_assert_cmpstr(error->message, ==, "Chardev 'x' not found");
    g_clear_error(&error);
    input_set_closed(f->vm->input, true);
    g_assert_false(chardev_send_break(f->vm, "n", &error));
    g_assert_nonnull(strstr(error->message, "replayed"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN); /* as the program does */
#define FIX(path, fn) g_test_add(path, Fix, NULL, fix_set_up, fn, fix_tear_down)
    FIX("/kinds/pty", test_pty);
    FIX("/kinds/pipe", test_pipe);
    FIX("/kinds/udp", test_udp);
    FIX("/kinds/ringbuf", test_ringbuf);
    FIX("/kinds/input-file", test_input_file);
    FIX("/monitor/names", test_names);
    FIX("/monitor/remove", test_remove);
    FIX("/monitor/change", test_change);
    FIX("/monitor/break", test_break);
    return g_test_run();
}
