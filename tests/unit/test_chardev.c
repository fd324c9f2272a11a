/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and back ends: nothing is lost, nobody is flooded, nothing hangs. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/chr_bench.h"

#define MIB (1024 * 1024)

typedef struct Fix {
    Vm *vm;
    Chardev *chr;
    ChrPort *port;
    ChrSink *sink;
    int peer;
} Fix;

static void fix_set_up(Fix *f, gconstpointer more)
{
    f->vm = vm_new();
    f->peer = chr_pair(f->vm, "c", more ? more : "", &f->chr);
    f->port = chr_port_new(f->vm, "serial0", f->chr);
    f->sink = chr_sink_new();
    chr_sink_connect(f->sink, f->port);
    chr_pump();
    chr_deliver(f->vm);
    g_string_truncate(f->sink->events, 0);
}

static void fix_tear_down(Fix *f, gconstpointer more)
{
    chardevs_close(f->vm);
    close(f->peer);
    chr_sink_free(f->sink);
    vm_free(f->vm);
}

/* --- input ------------------------------------------------------------------ */

static void test_credits(Fix *f, gconstpointer arg)
{
    static const size_t rooms[] = {4, 3, 1, 0, 200};
    const char *text = "abcdefghijklmnopqrstuvwxyz";
    size_t sum = 0;

    chr_say(f->peer, text);
    chr_pump();
    g_assert_cmpuint(chr_deliver(f->vm), ==, 0); /* no room published yet */
    for (unsigned i = 0; i < G_N_ELEMENTS(rooms); i++) {
        chr_port_set_room(f->port, rooms[i]);
        chr_pump();
        chr_pump(); /* asking twice gives no second helping */
        chr_deliver(f->vm);
        sum = MIN(sum + rooms[i], strlen(text));
        g_assert_cmpuint(f->sink->got->len, ==, sum);
    }
    g_assert_cmpstr(f->sink->got->str, ==, text);
}

/* Bytes that were sent and not yet delivered are counted against the room. */
static void test_credits_in_flight(Fix *f, gconstpointer arg)
{
    chr_say(f->peer, "0123456789");
    chr_port_set_room(f->port, 4);
    chr_pump();
    chr_port_set_room(f->port, 6); /* four of these are on their way */
    chr_pump();
    chr_deliver(f->vm);
    g_assert_cmpstr(f->sink->got->str, ==, "012345");
    chr_port_set_room(f->port, 16);
    chr_pump();
    chr_deliver(f->vm);
    g_assert_cmpstr(f->sink->got->str, ==, "0123456789");
}

/* Replay closes the door: what is typed is read and dropped. */
static void test_closed_door(Fix *f, gconstpointer arg)
{
    g_autofree char *much = g_strnfill(MIB, 'x');

    input_set_closed(f->vm->input, true);
    chr_port_set_room(f->port, 16);
    chr_say(f->peer, much); /* comes back: all of it was read */
    chr_port_set_room(f->port, 0);
    chr_say(f->peer, much);
    g_assert_false(input_pending(f->vm->input));
    input_set_closed(f->vm->input, false);
    chr_pump();
    chr_port_set_room(f->port, 16);
    chr_say(f->peer, "now");
    chr_pump();
    chr_deliver(f->vm);
    g_assert_cmpstr(f->sink->got->str, ==, "now");
}

static void test_events(Fix *f, gconstpointer arg)
{
    close(f->peer);
    f->peer = -1;
    chr_port_set_room(f->port, 1);
    chr_pump();
    chr_deliver(f->vm);
    g_assert_cmpstr(f->sink->events->str, ==, "c");
}

/* --- the log ------------------------------------------------------------------ */

/* An event as chr_source keeps it, written and read back. */
static void test_codec(Fix *f, gconstpointer arg)
{
    g_autoptr(GByteArray) log = g_byte_array_new();
    g_autofree uint8_t *back = g_malloc0(chr_source.event_size);
    InputItem *item;
    Codec c;

    chr_port_set_room(f->port, 100);
    chr_say(f->peer, "hello");
    chr_pump();
    item = input_take(f->vm->input);
    g_assert_nonnull(item);
    codec_init_write(&c, log);
    g_assert_true(chr_source.codec(&c, item->event));
    input_item_free(item);
    g_assert_cmpuint(log->len, ==, 3 + 5); /* port, kind, size, bytes */

    codec_init_read(&c, log->data, log->len);
    g_assert_true(chr_source.codec(&c, back));
    g_assert_cmpuint(codec_left(&c), ==, 0);
    chr_source.deliver(f->vm, back);
    g_assert_cmpstr(f->sink->got->str, ==, "hello");

    for (guint cut = 0; cut < log->len; cut++) {
        codec_init_read(&c, log->data, cut);
        g_assert_false(chr_source.codec(&c, back));
    }
}

static void test_codec_hostile(Fix *f, gconstpointer arg)
{
    static const uint8_t bad[][8] = {
        {0x00, 0x04},                         /* no such kind */
        {0x00, 0xff},                         /* nor this */
        {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00}, /* port 2^32 - 1 */
        {0x00, 0x00, 0xff, 0xff, 0x7f},       /* 2 MiB of data */
        {0x00, 0x00, 0x81, 0x02},             /* 257 bytes */
    };
    g_autofree uint8_t *event = g_malloc0(chr_source.event_size);
    static const uint8_t far_port[] = {0x37, 0x00, 0x01, 'x'};
    Codec c;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        codec_init_read(&c, bad[i], sizeof(bad[i]));
        g_assert_false(chr_source.codec(&c, event));
        g_assert_true(c.failed);
    }
    /* Well formed, but there is no port 0x37. */
    memset(event, 0, chr_source.event_size);
    codec_init_read(&c, far_port, sizeof(far_port));
    g_assert_true(chr_source.codec(&c, event));
    chr_source.deliver(f->vm, event);
    g_assert_cmpuint(f->sink->got->len, ==, 0);
}

/* --- output -------------------------------------------------------------------- */

static void fill_pattern(uint8_t *buf, size_t size, uint32_t *state)
{
    for (size_t i = 0; i < size; i++) {
        *state = *state * 1664525u + 1013904223u;
        buf[i] = (uint8_t)(*state >> 24);
    }
}

static void test_slow_reader(Fix *f, gconstpointer arg)
{
    uint8_t chunk[1000], got[4096], expected[4096];
    uint32_t out = 1, in = 1;
    size_t sent = 0, seen = 0;

    /* As the loop does: no further step while a queue is full. */
    while (!chr_output_full(f->vm)) {
        g_assert_cmpuint(sent, <, 8 * MIB);
        fill_pattern(chunk, sizeof(chunk), &out);
        chr_port_write(f->port, chunk, sizeof(chunk));
        sent += sizeof(chunk);
        chr_pump();
    }
    g_assert_true(f->vm->horizon); /* the slice was ended */
    while (seen < sent) {
        ssize_t n;

        chr_pump();
        n = recv(f->peer, got, sizeof(got), MSG_DONTWAIT);
        g_assert_cmpint(n, >, 0);
        fill_pattern(expected, (size_t)n, &in);
        g_assert_cmpmem(got, (size_t)n, expected, (size_t)n);
        seen += (size_t)n;
    }
    g_assert_false(chr_output_full(f->vm));
}

static void test_reader_leaves(Fix *f, gconstpointer arg)
{
    g_autofree char *much = g_strnfill(2 * MIB, 'x');

    chr_port_write(f->port, much, strlen(much));
    chr_pump();
    g_assert_true(chr_output_full(f->vm));
    close(f->peer);
    f->peer = -1;
    chr_pump();
    g_assert_false(chr_output_full(f->vm));
    chr_port_write(f->port, much, strlen(much)); /* nobody: dropped */
    g_assert_false(chr_output_full(f->vm));
}

static gpointer writer_thread(gpointer data)
{
    Fix *f = data;
    uint32_t out = 7;
    uint8_t byte;

    for (unsigned i = 0; i < 3 * MIB; i++) {
        while (chr_output_full(f->vm)) {
            g_thread_yield();
        }
        fill_pattern(&byte, 1, &out);
        chr_port_write(f->port, &byte, 1);
    }
    return NULL;
}

/* Two threads: the machine writes while the I/O thread drains. */
static void test_two_threads(Fix *f, gconstpointer arg)
{
    GThread *thread = g_thread_new("machine", writer_thread, f);
    uint8_t got[4096], expected[4096];
    uint32_t in = 7;
    size_t seen = 0;

    while (seen < 3 * MIB) {
        ssize_t n;

        g_main_context_iteration(NULL, FALSE);
        n = recv(f->peer, got, sizeof(got), MSG_DONTWAIT);
        if (n > 0) {
            fill_pattern(expected, (size_t)n, &in);
            g_assert_cmpmem(got, (size_t)n, expected, (size_t)n);
            seen += (size_t)n;
        }
    }
    g_thread_join(thread);
}

static void test_nobody(void)
{
    Vm *vm = vm_new();
    Chardev *null = chardev_add(vm, "null,id=n", NULL);
    ChrPort *p = chr_port_new(vm, "a", null), *q = chr_port_new(vm, "b", NULL);
    g_autofree char *much = g_strnfill(2 * MIB, 'x');

    chr_port_write(p, much, strlen(much));
    chr_port_write(q, much, strlen(much));
    chr_port_write(NULL, much, strlen(much));
    chr_port_set_room(NULL, 4);
    chr_pump();
    g_assert_false(chr_output_full(vm));
    g_assert_cmpuint(chr_port_count(vm), ==, 2);
    chardevs_close(vm);
    vm_free(vm);
}

/* --- unix sockets ---------------------------------------------------------------- */

static int connect_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int rc;

    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    rc = connect(fd, (struct sockaddr *)&un, sizeof(un));
    g_assert_cmpint(rc, ==, 0);
    return fd;
}

static void test_server(void)
{
    g_autofree char *dir = g_dir_make_tmp("reprise-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *text = g_strdup_printf("unix:%s,server=on,wait=off", path);
    g_autofree char *first = NULL, *second = NULL;
    Vm *vm = vm_new();
    Chardev *c = NULL;
    ChrPort *p;
    bool good = chardev_from_text(vm, text, "serial0", &c, NULL);
    int fd;

    g_assert_true(good);
    p = chr_port_new(vm, "serial0", c);
    chr_port_write(p, "early", 5); /* nobody is there */
    chr_pump();
    fd = connect_unix(path);
    chr_pump();
    chr_port_write(p, "one", 3);
    first = chr_hear(fd);
    g_assert_cmpstr(first, ==, "one");
    chr_port_set_room(p, 100);
    chr_pump();
    close(fd);
    chr_pump();
    chr_port_write(p, "lost", 4);
    fd = connect_unix(path); /* another client after it */
    chr_pump();
    chr_port_write(p, "two", 3);
    second = chr_hear(fd);
    g_assert_cmpstr(second, ==, "two");
    close(fd);
    chardevs_close(vm);
    vm_free(vm);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_rmdir(dir);
}

/* --- files ------------------------------------------------------------------------ */

static void test_file(void)
{
    g_autofree char *dir = g_dir_make_tmp("reprise-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "out,put", NULL);
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    g_autofree char *text = g_strdup_printf("file:%s", path);
    g_autofree char *again = g_strdup_printf(
        "file,id=f,path=%s/out,,put,append=on,logfile=%s", dir, log);
    g_autofree char *all = NULL, *logged = NULL;

    for (unsigned round = 0; round < 2; round++) {
        Vm *vm = vm_new();
        Chardev *c = NULL;

        if (round == 0) {
            chardev_from_text(vm, text, "f", &c, NULL);
        } else {
            c = chardev_add(vm, again, NULL);
        }
        g_assert_nonnull(c);
        chr_port_write(chr_port_new(vm, "p", c), round ? "two\n" : "one\n", 4);
        chardevs_close(vm); /* flushes without the main loop */
        vm_free(vm);
    }
    g_assert_true(g_file_get_contents(path, &all, NULL, NULL));
    g_assert_cmpstr(all, ==, "one\ntwo\n");
    g_assert_true(g_file_get_contents(log, &logged, NULL, NULL));
    g_assert_cmpstr(logged, ==, "two\n");
    g_unlink(path);
    g_unlink(log);
    g_rmdir(dir);
}

/* --- stdio -------------------------------------------------------------------------- */

/* The end of standard input is no reason to look again and again. */
static void test_stdio_end(void)
{
    Vm *vm = vm_new();
    int in[2], out[2], old_in = dup(0), old_out = dup(1);
    ChrSink *sink = chr_sink_new();
    Chardev *c = NULL;
    ChrPort *p;
    char said[16] = "";
    ssize_t n;

    g_assert_cmpint(pipe(in), ==, 0);
    g_assert_cmpint(pipe(out), ==, 0);
    dup2(in[0], 0);
    dup2(out[1], 1);
    chardev_from_text(vm, "stdio", "serial0", &c, NULL);
    p = chr_port_new(vm, "serial0", c);
    chr_sink_connect(sink, p);
    chr_port_set_room(p, 100);
    n = write(in[1], "typed", 5);
    g_assert_cmpint(n, ==, 5);
    chr_pump();
    close(in[1]);
    chr_pump();
    g_assert_false(g_main_context_pending(NULL));
    chr_deliver(vm);
    chr_port_write(p, "shown", 5);
    chr_pump();
    chardevs_close(vm);
    dup2(old_in, 0);
    dup2(old_out, 1);
    n = read(out[0], said, sizeof(said) - 1);
    g_assert_cmpint(n, ==, 5);
    g_assert_cmpstr(said, ==, "shown");
    g_assert_cmpstr(sink->got->str, ==, "typed");
    close(in[0]);
    close(out[0]);
    close(out[1]);
    close(old_in);
    close(old_out);
    chr_sink_free(sink);
    vm_free(vm);
}

static int terminal_child(void)
{
    struct termios before, raw, after;
    Vm *vm = vm_new();
    Chardev *c = NULL;

    tcgetattr(0, &before);
    if (!chardev_from_text(vm, "mon:stdio", "serial0", &c, NULL)) {
        return 2;
    }
    tcgetattr(0, &raw);
    if ((raw.c_lflag & (ICANON | ECHO | ISIG)) || !chardev_is_mux(c)) {
        return 3;
    }
    chardevs_close(vm);
    tcgetattr(0, &after);
    vm_free(vm);
    return before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag
               ? 0
               : 4;
}

static void test_terminal(void)
{
    int fd, status = -1;
    pid_t pid = forkpty(&fd, NULL, NULL, NULL);

    if (pid < 0) {
        g_test_skip("this host gives no pseudo-terminals");
        return;
    }
    if (pid == 0) {
        _exit(terminal_child());
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    close(fd);
}

/* --- what people type --------------------------------------------------------------- */

static void test_texts(void)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"nul", "did you mean 'null'?"},
        {"telnet:1", "expected telnet:HOST:PORT"},
        {"udp:1", "expected udp:"},
        {"vc:80", "expected vc:"},
        {"vc:0x4", "expected at least 1"},
        {"/dev/null", "no terminal device"},
        {"pipe:/nonexistent/x", "nor '/nonexistent/x'"},
        {"braille", "Braille displays are not"},
        {"ringbuf,size=1000", "power of two"},
        {"ringbuf,size=0", "power of two"},
        {"tcp:localhost:1,wait=off", "does not go with server=off"},
        {"tcp:localhost:1,server=on,reconnect=1", "does not go with server=on"},
        {"tcp::1,server=on,ipv4=off,ipv6=off", "one of them is needed"},
        {"tcp::9,server=on,to=8", "to=8"},
        {"tcp:localhost:1,websocket=on", "needs server=on"},
        {"tcp::1,server=on,telnet=on,websocket=on", "not both"},
        {"socket,host=localhost", "port= is missing"},
        {"tn3270:localhost:1", "3270"},
        {"mux", "chardev=ID is missing"},
        {"mux,chardev=nobody", "not found"},
        {"chardev:nobody", "not found"},
        {"socket,server=on", "one of path="},
        {"unix:x,sever=on", "did you mean 'server'?"},
        {"unix:x,server=maybe", "expected on or off"},
        {"unix:/nonexistent/x", "cannot connect"},
        {"file:/nonexistent/x", "cannot open"},
        {"socket,fd=12345", "not an open socket"},
        {"", "a back end is missing"},
    };
    Vm *vm = vm_new();
    Chardev *c = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(chardev_from_text(vm, bad[i].text, "x", &c, &error));
        g_assert_nonnull(error);
        g_assert_nonnull(strstr(error->message, bad[i].error));
        g_assert_null(c);
    }
    g_assert_true(chardev_from_text(vm, "none", "x", &c, NULL));
    g_assert_null(c);
    g_assert_true(chardev_from_text(vm, "vc:80Cx24C", "x", &c, NULL));
    g_assert_nonnull(c);
    g_assert_true(chardev_find(vm, "x") == c);
    g_assert_true(chardev_from_text(vm, "chardev:x", "y", &c, NULL));
    g_assert_true(chardev_find(vm, "x") == c);
    g_assert_null(chardev_add(vm, "null,id=x", NULL)); /* taken */
    g_assert_null(chardev_add(vm, "null", NULL));      /* no id */
    chardevs_close(vm);
    vm_free(vm);
}

static void test_one_front_end(void)
{
    static const ChrFeOps ops = {NULL, NULL};
    Vm *vm = vm_new();
    Chardev *c = chardev_add(vm, "null,id=n", NULL);
    ChrFe *fe = chr_fe_new(c, &ops, NULL, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(fe);
    g_assert_null(chr_fe_new(c, &ops, NULL, &error));
    g_assert_nonnull(strstr(error->message, "already in use"));
    chr_fe_free(fe);
    fe = chr_fe_new(c, &ops, NULL, NULL);
    g_assert_nonnull(fe);
    chr_fe_free(fe);
    chardevs_close(vm);
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define FIX(path, fn) g_test_add(path, Fix, NULL, fix_set_up, fn, fix_tear_down)
    FIX("/chardev/credits", test_credits);
    FIX("/chardev/credits-in-flight", test_credits_in_flight);
    FIX("/chardev/closed-door", test_closed_door);
    FIX("/chardev/events", test_events);
    FIX("/chardev/codec", test_codec);
    FIX("/chardev/codec-hostile", test_codec_hostile);
    FIX("/chardev/slow-reader", test_slow_reader);
    FIX("/chardev/reader-leaves", test_reader_leaves);
    FIX("/chardev/two-threads", test_two_threads);
    g_test_add_func("/chardev/nobody", test_nobody);
    g_test_add_func("/chardev/server", test_server);
    g_test_add_func("/chardev/file", test_file);
    g_test_add_func("/chardev/stdio-end", test_stdio_end);
    g_test_add_func("/chardev/terminal", test_terminal);
    g_test_add_func("/chardev/texts", test_texts);
    g_test_add_func("/chardev/one-front-end", test_one_front_end);
    return g_test_run();
}
