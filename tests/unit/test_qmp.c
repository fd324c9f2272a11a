/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor for programs, seen from the other end of its socket. */
#include <glib/gstdio.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/monitor_priv.h"
#include "tests/unit/chr_bench.h"
#include "tests/unit/mon_bench.h"

typedef struct Fix {
    MonBench *b;
    int peer;
} Fix;

static int client_new(MonBench *b, const char *id)
{
    Chardev *c;
    int peer = chr_pair(b->vm, id, "", &c);

    g_assert_true(monitor_new(b->vm, c, MONITOR_QMP, NULL));
    return peer;
}

static void fix_set_up(Fix *f, gconstpointer arg)
{
    f->b = mon_bench_new();
    f->peer = client_new(f->b, "q");
    if (arg) { /* negotiated */
        g_autofree char *text = NULL;

        chr_say(f->peer, "{\"execute\": \"qmp_capabilities\"}\n");
        text = chr_hear(f->peer);
        g_assert_true(g_str_has_suffix(text, "{\"return\": {}}\r\n"));
    }
}

static void fix_tear_down(Fix *f, gconstpointer arg)
{
    close(f->peer);
    mon_bench_free(f->b);
}

static void expect(int fd, const char *request, const char *answer)
{
    g_autofree char *got = NULL, *line = g_strconcat(answer, "\r\n", NULL);

    chr_say(fd, request);
    got = chr_hear(fd);
    g_assert_cmpstr(got, ==, line);
}

static void expect_part(int fd, const char *request, const char *part)
{
    g_autofree char *got = NULL;

    chr_say(fd, request);
    got = chr_hear(fd);
    if (!strstr(got, part)) {
        g_test_message("%.200s answered: %.300s", request, got);
    }
    g_assert_nonnull(strstr(got, part));
}

static void test_negotiation(Fix *f, gconstpointer arg)
{
    g_autofree char *hello = chr_hear(f->peer);
    g_autoptr(JsonNode) node = json_from_string(hello, NULL);
    JsonObject *q;

    g_assert_true(JSON_NODE_HOLDS_OBJECT(node));
    q = json_object_get_object_member(json_node_get_object(node), "QMP");
    g_assert_true(json_object_has_member(q, "version"));
    g_assert_true(json_object_has_member(q, "capabilities"));
    expect_part(f->peer, "{\"execute\": \"query-status\"}\n",
                "\"class\": \"CommandNotFound\"");
    expect_part(f->peer, "{\"execute\": \"nosuch\"}", "CommandNotFound");
    expect_part(f->peer,
                "{\"execute\": \"qmp_capabilities\","
                " \"arguments\": {\"enable\": [\"nosuch\"]}}",
                "does not accept value 'nosuch'");
    expect_part(f->peer,
                "{\"execute\": \"qmp_capabilities\","
                " \"arguments\": {\"enable\": [1]}}",
                "Invalid parameter type for 'enable[0]', expected: string");
    g_assert_true(monitor_attended(f->b->vm));
    expect(f->peer,
           "{\"execute\": \"qmp_capabilities\","
           " \"arguments\": {\"enable\": []}, \"id\": 1}",
           "{\"return\": {}, \"id\": 1}");
    expect_part(f->peer, "{\"execute\": \"qmp_capabilities\"}",
                "CommandNotFound");
    expect(f->peer, "{\"execute\": \"query-status\"}",
           "{\"return\": {\"status\": \"running\", \"singlestep\": false,"
           " \"running\": true}}");
}

static void test_queries(Fix *f, gconstpointer arg)
{
    int fd = f->peer;

    expect_part(fd, "{\"execute\": \"query-version\"}",
                "\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}");
    expect(fd, "{\"execute\": \"query-name\"}",
           "{\"return\": {\"name\": \"tester\"}}");
    expect(fd, "{\"execute\": \"query-uuid\"}",
           "{\"return\": {\"UUID\":"
           " \"00000000-0000-0000-0000-000000000000\"}}");
    expect(fd, "{\"execute\": \"query-kvm\"}",
           "{\"return\": {\"enabled\": false, \"present\": false}}");
    expect(fd, "{\"execute\": \"query-cpus-fast\"}", "{\"return\": []}");
    expect(fd, "{\"execute\": \"query-replay\"}",
           "{\"return\": {\"mode\": \"none\", \"icount\": 0}}");
    expect_part(fd, "{\"execute\": \"query-chardev\"}",
                "\"frontend-open\": true, \"label\": \"q\"");
    expect_part(fd, "{\"execute\": \"query-commands\"}",
                "{\"name\": \"human-monitor-command\"}");
    mon_bench_ram(f->b);
    expect(fd, "{\"execute\": \"query-memory-size-summary\"}",
           "{\"return\": {\"base-memory\": 4096, \"plugged-memory\": 0}}");
}

static void test_ids(Fix *f, gconstpointer arg)
{
    expect(f->peer,
           "{\"id\": \"a\\\"\\u00e9\\ud83d\\ude00\","
           " \"execute\": \"query-name\"}",
           "{\"return\": {\"name\": \"tester\"},"
           " \"id\": \"a\\\"\\u00e9\\ud83d\\ude00\"}");
    expect(f->peer,
           "{\"execute\": \"query-name\","
           " \"id\": [1.0, 18446744073709551615, \"18446744073709551615\"]}",
           "{\"return\": {\"name\": \"tester\"},"
           " \"id\": [1.0, 1.8446744073709552e+19,"
           " \"18446744073709551615\"]}");
    expect(f->peer, "{\"execute\": \"query-name\", \"id\": -9007199254740993}",
           "{\"return\": {\"name\": \"tester\"},"
           " \"id\": -9007199254740993}");
}

static void test_control(Fix *f, gconstpointer arg)
{
    int fd = f->peer;

    expect_part(fd, "{\"execute\": \"stop\"}", "\"event\": \"STOP\"}");
    expect_part(fd, "{\"execute\": \"cont\", \"id\": null}",
                "{\"return\": {}, \"id\": null}");
    expect(fd, "{\"execute\": \"system_reset\", \"id\": [1, {\"a\": 1.5}]}",
           "{\"return\": {}, \"id\": [1, {\"a\": 1.5}]}");
    expect(fd, "{\"execute\": \"system_powerdown\"}", "{\"return\": {}}");
    expect(fd, "{\"execute\": \"inject-nmi\"}", "{\"return\": {}}");
    expect_part(fd, "{\"execute\": \"quit\"}", "{\"return\": {}}\r\n");
    g_assert_cmpstr(f->b->calls->str, ==, "stop,cont,reset,powerdown,nmi,quit");
    f->b->refuse = true;
    expect(fd, "{\"execute\": \"system_reset\", \"id\": 7}",
           "{\"error\": {\"class\": \"GenericError\", \"desc\":"
           " \"reset: not while replaying\"}, \"id\": 7}");
}

static void test_keys(Fix *f, gconstpointer arg)
{
    int fd = f->peer;

    expect(fd,
           "{\"execute\": \"send-key\", \"arguments\": {\"hold-time\": 20,"
           " \"keys\": [{\"type\": \"qcode\", \"data\": \"ctrl\"},"
           " {\"type\": \"number\", \"data\": 30}]}}",
           "{\"return\": {}}");
    /* scan code set 1: 0x1e is the key "a" */
    g_assert_cmpstr(f->b->calls->str, ==, "keys:ctrl+a:20");
    expect_part(fd,
                "{\"execute\": \"send-key\", \"arguments\": {\"keys\": {}}}",
                "Invalid parameter type for 'keys', expected: array");
    expect_part(fd,
                "{\"execute\": \"send-key\", \"arguments\": {\"keys\": [1]}}",
                "GenericError");
    expect_part(fd,
                "{\"execute\": \"send-key\", \"arguments\": {\"keys\":"
                " [{\"type\": \"number\", \"data\": 100000}]}}",
                "no key of number 100000");
    expect_part(fd,
                "{\"execute\": \"send-key\", \"arguments\": {\"keys\":"
                " [{\"type\": 3, \"data\": \"a\"}]}}",
                "GenericError");
}

static void test_mistakes(Fix *f, gconstpointer arg)
{
    static const char *const rows[][2] = {
        {"{}", "lacks member 'execute'"},
        {"{\"execute\": 1}", "'execute' must be a string"},
        {"{\"execute\": null, \"id\": 5}", "\"id\": 5"},
        {"{\"execute\": \"stop\", \"x\": 1}", "member 'x' is unexpected"},
        {"{\"execute\": \"stop\", \"arguments\": 1}", "must be an object"},
        {"{\"exec-oob\": \"stop\"}", "member 'exec-oob' is unexpected"},
        {"{\"execute\": \"sotp\"}", "did you mean 'stop'?"},
        {"{\"execute\": \"stop\", \"arguments\": {\"a\": 1}}",
         "Parameter 'a' is unexpected"},
        {"{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 0, \"size\":"
         " 1, \"filename\": \"x\", \"filenam\": \"x\"}}",
         "did you mean 'filename'?"},
        {"{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 0}}",
         "Parameter 'size' is missing"},
        {"{\"execute\": \"pmemsave\", \"arguments\": {\"val\": \"0\"}}",
         "Invalid parameter type for 'val', expected: integer"},
        {"{\"execute\": \"pmemsave\", \"arguments\":"
         " {\"val\": 18446744073709551615}}",
         "Invalid parameter type for 'val', expected: integer"},
        {"{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 0.5}}",
         "Invalid parameter type for 'val', expected: integer"},
        {"{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 0, \"size\":"
         " -1, \"filename\": \"x\"}}",
         "size: -1"},
        {"{\"execute\": \"human-monitor-command\", \"arguments\":"
         " {\"command-line\": []}}",
         "Invalid parameter type for 'command-line', expected: string"},
        {"{\"execute\": \"replay-seek\", \"arguments\": {\"icount\": -1}}",
         "not negative"},
        {"{\"execute\": \"replay-break\"}", "Parameter 'icount' is missing"},
        {"[]", "must be a JSON object"},
        {"\"stop\"", "must be a JSON object"},
        {"1 ", "must be a JSON object"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        expect_part(f->peer, rows[i][0], rows[i][1]);
    }
    g_assert_cmpstr(f->b->calls->str, ==, "");
}

static void test_human(Fix *f, gconstpointer arg)
{
    expect(f->peer,
           "{\"execute\": \"human-monitor-command\", \"arguments\":"
           " {\"command-line\": \"info status\"}}",
           "{\"return\": \"VM status: running\\r\\n\"}");
    expect_part(f->peer,
                "{\"execute\": \"human-monitor-command\", \"arguments\":"
                " {\"command-line\": \"xyzzy\"}}",
                "{\"return\": \"unknown command");
}

static void test_pmemsave(Fix *f, gconstpointer arg)
{
    g_autofree char *dir = g_dir_make_tmp("reprise-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "ram", NULL);
    g_autofree char *request = g_strdup_printf(
        "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 4097,"
        " \"size\": 3, \"filename\": \"%s\"}}",
        path);
    g_autofree char *got = NULL;
    gsize size;

    mon_bench_ram(f->b);
    expect(f->peer, request, "{\"return\": {}}");
    g_assert_true(g_file_get_contents(path, &got, &size, NULL));
    g_assert_cmpmem(got, size, "\1\2\3", 3);
    g_unlink(path);
    g_rmdir(dir);
}

/* --- events ---------------------------------------------------------------------- */

static void test_events(Fix *f, gconstpointer arg)
{
    int late = client_new(f->b, "late"); /* never negotiates */
    g_autofree char *hello = chr_hear(late), *nothing = NULL, *got = NULL;
    int64_t before = g_get_real_time() / 1000000;
    g_autoptr(JsonNode) node = NULL;
    JsonObject *o, *t;

    g_assert_nonnull(strstr(hello, "QMP"));
    monitor_event(f->b->vm, "RESET", "{\"guest\": true}");
    nothing = chr_hear(late);
    g_assert_cmpstr(nothing, ==, "");
    got = chr_hear(f->peer);
    node = json_from_string(got, NULL);
    o = json_node_get_object(node);
    t = json_object_get_object_member(o, "timestamp");
    g_assert_cmpstr(json_object_get_string_member(o, "event"), ==, "RESET");
    g_assert_true(json_object_get_boolean_member(
        json_object_get_object_member(o, "data"), "guest"));
    g_assert_cmpint(json_object_get_int_member(t, "seconds"), >=, before);
    g_assert_cmpint(json_object_get_int_member(t, "microseconds"), <, 1000000);
    close(late);
}

static void test_two_clients(Fix *f, gconstpointer arg)
{
    int other = client_new(f->b, "other");
    g_autofree char *hello = chr_hear(other), *seen = NULL;

    g_assert_nonnull(strstr(hello, "QMP"));
    expect(other, "{\"execute\": \"qmp_capabilities\"}", "{\"return\": {}}");
    expect_part(f->peer, "{\"execute\": \"stop\"}", "STOP");
    seen = chr_hear(other);
    g_assert_nonnull(strstr(seen, "\"event\": \"STOP\""));
    g_assert_null(strstr(seen, "return"));
    close(other);
    chr_pump();
    expect_part(f->peer, "{\"execute\": \"cont\"}", "{\"return\": {}}");
}

/* Limited events: the first at once, then the last of each period. */
static void test_limits(Fix *f, gconstpointer arg)
{
    g_autofree char *first = NULL, *key = NULL, *last = NULL;
    g_autoptr(GString) heard = g_string_new(NULL);

    monitor_event(f->b->vm, "VSERPORT_CHANGE",
                  "{\"id\": \"a\", \"open\": true}");
    first = chr_hear(f->peer);
    g_assert_nonnull(strstr(first, "\"open\": true"));
    for (unsigned i = 0; i < 100; i++) {
        monitor_event(f->b->vm, "VSERPORT_CHANGE",
                      i == 99 ? "{\"id\": \"a\", \"open\": false}"
                              : "{\"id\": \"a\", \"open\": true}");
    }
    last = chr_hear(f->peer);
    g_assert_cmpstr(last, ==, "");
    monitor_event(f->b->vm, "VSERPORT_CHANGE",
                  "{\"id\": \"b\", \"open\": true}");
    key = chr_hear(f->peer); /* another key: not limited by the first */
    g_assert_nonnull(strstr(key, "\"id\": \"b\""));
    while (!strstr(heard->str, "\"open\": false")) {
        g_autofree char *more = NULL;

        g_main_context_iteration(NULL, TRUE);
        more = chr_hear(f->peer);
        g_string_append(heard, more);
    }
    g_assert_null(strstr(heard->str, "\"open\": true"));
}

/* --- order ----------------------------------------------------------------------- */

static void defer(MonBench *b)
{
    b->defer = true;
    b->vm->thread = g_thread_self();
}

/* While the machine is busy, the I/O thread goes on: in order, and out of it. */
static void test_out_of_band(Fix *f, gconstpointer arg)
{
    g_autofree char *hello = chr_hear(f->peer), *early = NULL, *late = NULL;

    g_assert_nonnull(strstr(hello, "\"capabilities\": [\"oob\"]"));
    expect(f->peer,
           "{\"execute\": \"qmp_capabilities\","
           " \"arguments\": {\"enable\": [\"oob\"]}}",
           "{\"return\": {}}");
    defer(f->b);
    chr_say(f->peer, "{\"execute\": \"stop\", \"id\": 1}"
                     "{\"execute\": \"query-version\", \"id\": 2}"
                     "{\"exec-oob\": \"query-yank\", \"id\": 3}"
                     "{\"exec-oob\": \"stop\", \"id\": 4}");
    early = chr_hear(f->peer);
    g_assert_cmpstr(early, ==,
                    "{\"return\": [], \"id\": 3}\r\n"
                    "{\"error\": {\"class\": \"GenericError\", \"desc\":"
                    " \"The command stop does not support OOB\"},"
                    " \"id\": 4}\r\n");
    mon_bench_serve(f->b);
    late = chr_hear(f->peer);
    g_assert_nonnull(
        strstr(late, "{\"return\": {}, \"id\": 1}\r\n{\"return\""));
    g_assert_true(g_str_has_suffix(late, "\"id\": 2}\r\n"));
}

/* More requests than the queue takes: none is lost, none overtakes. */
static void test_queue(Fix *f, gconstpointer arg)
{
    g_autoptr(GString) all = g_string_new(NULL), heard = g_string_new(NULL);
    const char *at;

    defer(f->b);
    for (unsigned i = 0; i < 100; i++) {
        g_string_append_printf(
            all, "{\"execute\": \"system_reset\", \"id\": %u}\n", i);
    }
    chr_say(f->peer, all->str);
    for (unsigned i = 0; i < 1000 && !strstr(heard->str, "\"id\": 99}"); i++) {
        g_autofree char *more = NULL;

        g_assert_cmpuint(g_queue_get_length(&f->b->posted), <=, 1);
        mon_bench_serve(f->b);
        more = chr_hear(f->peer);
        g_string_append(heard, more);
    }
    at = heard->str;
    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *line =
            g_strdup_printf("{\"return\": {}, \"id\": %u}\r\n", i);

        g_assert_true(g_str_has_prefix(at, line));
        at += strlen(line);
    }
    g_assert_cmpstr(at, ==, "");
}

/* A client that goes while its command runs: the next one hears nothing of it. */
static void test_gone(Fix *f, gconstpointer arg)
{
    defer(f->b);
    chr_say(f->peer, "{\"execute\": \"stop\"}{\"execute\": \"cont\"}");
    close(f->peer);
    f->peer = -1;
    chr_pump();
    mon_bench_serve(f->b);
    chr_pump();
    g_assert_cmpstr(f->b->calls->str, ==, "stop");
}

static void send_fd(int peer, const char *text, int fd)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr m = {.msg_iov = &bytes,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof(control.space)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    ssize_t n;

    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &fd, sizeof(fd));
    n = sendmsg(peer, &m, 0);
    g_assert_cmpint(n, ==, (ssize_t)strlen(text));
}

static void test_fds(Fix *f, gconstpointer arg)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    g_autofree char *got = NULL, *set = NULL;

    expect_part(f->peer,
                "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"x\"}}",
                "No file descriptor supplied via SCM_RIGHTS");
    send_fd(f->peer,
            "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"x\"}}", fd);
    got = chr_hear(f->peer);
    g_assert_cmpstr(got, ==, "{\"return\": {}}\r\n");
    expect(f->peer,
           "{\"execute\": \"closefd\", \"arguments\": {\"fdname\": \"x\"}}",
           "{\"return\": {}}");
    expect_part(
        f->peer,
        "{\"execute\": \"closefd\", \"arguments\": {\"fdname\": \"x\"}}",
        "File descriptor named 'x' not found");
    send_fd(f->peer,
            "{\"execute\": \"add-fd\", \"arguments\": {\"opaque\": \"null\"}}",
            fd);
    set = chr_hear(f->peer);
    g_assert_nonnull(strstr(set, "\"fdset-id\": 0"));
    expect_part(f->peer, "{\"execute\": \"query-fdsets\"}",
                "\"opaque\": \"null\"");
    expect(f->peer,
           "{\"execute\": \"remove-fd\", \"arguments\": {\"fdset-id\": 0}}",
           "{\"return\": {}}");
    expect(f->peer, "{\"execute\": \"query-fdsets\"}", "{\"return\": []}");
    close(fd);
}

/* A client that never reads is left behind; the others go on. */
static void test_deaf_client(Fix *f, gconstpointer arg)
{
    int other = client_new(f->b, "other");
    g_autofree char *hello = chr_hear(other);

    g_assert_nonnull(strstr(hello, "QMP"));
    expect(other, "{\"execute\": \"qmp_capabilities\"}", "{\"return\": {}}");
    for (unsigned i = 0; i < 300000; i++) {
        monitor_event(f->b->vm, "STOP", NULL);
        if (i % 100 == 0) {
            g_free(chr_hear(other));
        }
    }
    expect_part(other, "{\"execute\": \"query-name\"}", "tester");
    close(other);
}

static void test_leaves(Fix *f, gconstpointer arg)
{
    g_assert_true(monitor_attended(f->b->vm));
    close(f->peer);
    f->peer = -1;
    chr_pump();
    g_assert_false(monitor_attended(f->b->vm));
    monitor_event(f->b->vm, "STOP", NULL);
    chr_pump();
}

/* --- the stream ------------------------------------------------------------------- */

static void test_pieces(Fix *f, gconstpointer arg)
{
    const char *text =
        " \r\n{ \"execute\":\n\"query-name\" ,\t\"id\":\"}{\\\"\"}";
    g_autofree char *got = NULL;

    for (const char *p = text; *p; p++) {
        char one[2] = {*p, 0};

        chr_say(f->peer, one);
    }
    got = chr_hear(f->peer);
    g_assert_cmpstr(got, ==,
                    "{\"return\": {\"name\": \"tester\"},"
                    " \"id\": \"}{\\\"\"}\r\n");
    expect(f->peer, "{\"execute\":\"query-name\"}{\"execute\":\"query-name\"}",
           "{\"return\": {\"name\": \"tester\"}}\r\n"
           "{\"return\": {\"name\": \"tester\"}}");
}

/* Whatever comes, there is an answer, and the next line is understood. */
static void survives(Fix *f, const char *garbage, size_t size)
{
    g_autofree char *got = NULL, *name = NULL;
    size_t sent = 0;

    while (sent < size) {
        ssize_t n = write(f->peer, garbage + sent, size - sent);

        if (n > 0) {
            sent += (size_t)n;
        }
        chr_pump();
    }
    chr_say(f->peer, "\n\xff\n"); /* no JSON text has this byte */
    got = chr_hear(f->peer);
    g_assert_nonnull(strstr(got, "GenericError"));
    chr_say(f->peer, "{\"execute\": \"query-name\"}\n");
    name = chr_hear(f->peer);
    g_assert_cmpstr(name, ==, "{\"return\": {\"name\": \"tester\"}}\r\n");
}

static void test_garbage(Fix *f, gconstpointer arg)
{
    static const char *const rows[] = {
        "garbage",
        "}",
        "]]]]",
        "{]",
        "[}",
        "{\"execute\": \"query-name\"]",
        "{\"execute\"",
        "{\"a\": \"not closed",
        "{\"a\": \"bad \\q escape\"}",
        "{\"a\": \"\\u12\"}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\" 1}",
        "{\"a\":: 1}",
        "{,}",
        "{\"a\": 1,}",
        "{\"a\": 1e999999}",
        "{\"a\": 99999999999999999999999999}",
        "{\"execute\": \"query-name\", \"id\": \"\xc3\x28\"}",
        "{\"\xe0\x80\": 1}",
        "\x01\x02\x03",
        "\x7f",
        "tru",
        "nul{",
        "-",
        "{\"execute\": tru}",
        "'single'",
        "{'execute': 'stop",
        "/* a remark */",
        "{\"execute\": \"query-name\" // a remark",
        "\\",
        "\"",
        "\"\\",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        survives(f, rows[i], strlen(rows[i]));
    }
    survives(f, "{\"a\": \"\0\"}", 9);
    survives(f, "\0\0\0\0", 4);
    g_assert_cmpstr(f->b->calls->str, ==, "");
}

static void test_bounds(Fix *f, gconstpointer arg)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    g_autofree char *objects = g_strnfill(600000, ' ');
    g_autofree char *big = g_strnfill(3 << 20, 'a');

    survives(f, deep, strlen(deep));
    for (size_t i = 0; i + 6 <= 600000; i += 6) {
        memcpy(objects + i, "{\"a\": ", 6);
    }
    survives(f, objects, strlen(objects));
    survives(f, big, strlen(big)); /* one word of 3 MiB */
    big[0] = '"';
    survives(f, big, strlen(big)); /* a string without end */
    memcpy(big, "{\"a\": \"", 7);
    survives(f, big, strlen(big));
    expect_part(f->peer,
                "{\"execute\": \"query-name\", \"id\": "
                "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}",
                "tester");
}

/* Bytes of good requests, changed at random places (the same every time). */
static void test_mutations(Fix *f, gconstpointer arg)
{
    static const char seed[] =
        "{\"execute\": \"send-key\", \"id\": {\"a\": [1, 2.5, null, true]},"
        " \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"a\"}],"
        " \"hold-time\": 5}}";
    uint32_t random = 12345;

    for (unsigned round = 0; round < 3000; round++) {
        char text[sizeof(seed)];
        unsigned edits = 1 + round % 4;

        memcpy(text, seed, sizeof(seed));
        for (unsigned i = 0; i < edits; i++) {
            random = random * 1664525u + 1013904223u;
            text[(random >> 16) % (sizeof(seed) - 1)] = (char)(random >> 8);
        }
        survives(f, text, sizeof(seed) - 1);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define FIX(path, ready, fn)                                                   \
    g_test_add(path, Fix, (ready) ? "ready" : NULL, fix_set_up, fn,            \
               fix_tear_down)
    FIX("/qmp/negotiation", false, test_negotiation);
    FIX("/qmp/queries", true, test_queries);
    FIX("/qmp/ids", true, test_ids);
    FIX("/qmp/control", true, test_control);
    FIX("/qmp/keys", true, test_keys);
    FIX("/qmp/mistakes", true, test_mistakes);
    FIX("/qmp/human", true, test_human);
    FIX("/qmp/pmemsave", true, test_pmemsave);
    FIX("/qmp/events", true, test_events);
    FIX("/qmp/limits", true, test_limits);
    FIX("/qmp/out-of-band", false, test_out_of_band);
    FIX("/qmp/queue", true, test_queue);
    FIX("/qmp/gone", true, test_gone);
    FIX("/qmp/fds", true, test_fds);
    FIX("/qmp/two-clients", true, test_two_clients);
    FIX("/qmp/deaf-client", true, test_deaf_client);
    FIX("/qmp/leaves", true, test_leaves);
    FIX("/qmp/pieces", true, test_pieces);
    FIX("/qmp/garbage", true, test_garbage);
    FIX("/qmp/bounds", true, test_bounds);
    FIX("/qmp/mutations", true, test_mutations);
    return g_test_run();
}
