/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor for people: what a line does and says, and line editing. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "monitor/monitor_priv.h"
#include "tests/unit/chr_bench.h"
#include "tests/unit/mon_bench.h"

static void fix_set_up(MonBench **b, gconstpointer arg)
{
    *b = mon_bench_new();
}

static void fix_tear_down(MonBench **b, gconstpointer arg)
{
    mon_bench_free(*b);
}

static void says(MonBench *b, const char *line, const char *expected)
{
    g_autofree char *said = hmp_execute(b->vm, line);

    g_assert_cmpstr(said, ==, expected);
}

static void mentions(MonBench *b, const char *line, const char *part)
{
    g_autofree char *said = hmp_execute(b->vm, line);

    if (!strstr(said, part)) {
        g_test_message("'%s' says: %s", line, said);
    }
    g_assert_nonnull(strstr(said, part));
}

static void test_control(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;

    says(b, "info status", "VM status: running\n");
    says(b, "stop", "");
    says(b, "info status", "VM status: paused\n");
    says(b, "  c  ", "");
    b->state = RUN_PRELAUNCH;
    says(b, "info status", "VM status: paused (prelaunch)\n");
    says(b, "s", "");
    says(b, "system_reset", "");
    says(b, "system_powerdown", "");
    says(b, "nmi", "");
    says(b, "q", "");
    says(b, "", "");
    says(b, "# a remark", "");
    g_assert_cmpstr(b->calls->str, ==,
                    "stop,cont,stop,reset,powerdown,nmi,quit");
}

static void test_refused(MonBench **f, gconstpointer arg)
{
    (*f)->refuse = true;
    says(*f, "system_reset", "Error: reset: not while replaying\n");
    mentions(*f, "sendkey a", "not while replaying");
}

static void test_gdbserver(MonBench **f, gconstpointer arg)
{
    says(*f, "gdbserver", "Waiting for gdb connection on device 'tcp::1234'\n");
    says(*f, "gdbserver none", "Disabled gdbserver\n");
    (*f)->refuse = true;
    mentions(*f, "gdbserver unix:x", "Error: gdb:unix:x: not");
    g_assert_cmpstr((*f)->calls->str, ==, "gdb:tcp::1234,gdb:none,gdb:unix:x");
}

static void test_keys(MonBench **f, gconstpointer arg)
{
    says(*f, "sendkey ctrl-alt-f1", "");
    says(*f, "sendkey a 2*250", "");
    g_assert_cmpstr((*f)->calls->str, ==, "keys:ctrl+alt+f1:100,keys:a:500");
    mentions(*f, "sendkey", "keys is missing");
    mentions(*f, "sendkey ctrl--a", "not a list of keys");
    mentions(*f, "sendkey a b", "expected a number");
    mentions(*f, "sendkey a -1", "not 0 to 60000");
}

static void test_info(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;

    says(b, "info replay", "Record/replay is not active\n");
    says(b, "info name", "tester\n");
    says(b, "info uuid", "00000000-0000-0000-0000-000000000000\n");
    says(b, "info registers", "Error: there is no vCPU\n");
    says(b, "info jit", "figures\n");
    mentions(b, "info version", "Reprise ");
    mentions(b, "info mtree", "memory");
    mentions(b, "info", "info registers [-a]");
    mentions(b, "info network", "not there yet");
    mentions(b, "info registers -b", "unexpected '-b'");
}

static void test_travel(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;

    says(b, "replay_seek 0x10", "");
    says(b, "replay_break 7.3", "");
    says(b, "replay_delete_break", "");
    says(b, "replay_find exception:0xe backward",
         "at 100.2, CPU #0, pc 0x1234, vector 0x20\n");
    says(b, "replay_find chr", "at 100.2, CPU #0, pc 0x1234, vector 0x20\n");
    says(b, "replay_last_write -p 0x1000",
         "written by a vCPU at 100.2, CPU #0, pc 0x1234: bytes ab became "
         "cd\n");
    g_assert_cmpstr(b->calls->str, ==,
                    "seek:16.0,arrive,break:7.3,no-break,"
                    "find3:14:exception:0xe:back,arrive,"
                    "find1:-1:chr:on,arrive,write:1000+1:physical,arrive");
}

static void test_wrong(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;

    mentions(b, "sotp", "did you mean 'stop'?");
    mentions(b, "info stauts", "did you mean 'info status'?");
    mentions(b, "xyzzy", "unknown command: 'xyzzy'\n");
    mentions(b, "stop now", "unexpected 'now'");
    mentions(b, "replay_break 100 x", "no instruction count");
    mentions(b, "replay_break -1", "not negative");
    mentions(b, "replay_last_write 0 65", "1 to 64");
    mentions(b, "replay_find exception:256", "no vector");
    mentions(b, "replay_find chr sideways", "neither forward nor backward");
    mentions(b, "pmemsave 0 16 \"open", "a quote is not closed");
    mentions(b, "log nosuch", "nosuch");
    g_assert_cmpstr(b->calls->str, ==, "");
}

static void test_help(MonBench **f, gconstpointer arg)
{
    CmdIter it = {0};
    const CmdRow *r;

    mentions(*f, "help", "stop|s -- ");
    mentions(*f, "? quit", "quit|q -- ");
    mentions(*f, "help info status", "info status -- ");
    mentions(*f, "help nothing", "there is no command 'nothing'");
    while ((r = cmd_next(&it))) {
        g_assert_nonnull(r->help);
        g_assert_true(r->fn || (r->flags & (CMD_LATER | CMD_BEFORE)));
    }
}

/* --- memory and expressions --------------------------------------------------- */

static void test_print(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;

    says(b, "print 1 + 2 * 3", "0x7\n");
    says(b, "p (1+2)*3", "0x9\n");
    says(b, "p 0x10 - 020", "0x0\n");
    says(b, "p/d -6/2", "-3\n");
    says(b, "p 0x8000000000000000/-1", "0x8000000000000000\n");
    says(b, "p/d -5", "-5\n");
    says(b, "p/u ~0", "18446744073709551615\n");
    says(b, "p 7 & 3 | 8", "0xb\n");
    says(b, "p/c 65", "'A'\n");
    mentions(b, "p 1/0", "division by zero");
    mentions(b, "p 1%0", "division by zero");
    mentions(b, "p (1", "')' is missing");
    mentions(b, "p 1 2", "unexpected");
    mentions(b, "p 1 /2", "unexpected");
    mentions(b, "p $nosuch", "no vCPU");
    mentions(b, "p $pc", "no vCPU");
    mentions(b, "p 99999999999999999999", "64 bits");
    mentions(b, "p ((((((((((((((((((((((((((((((((((((((((1", "too deeply");
}

static void test_pmemsave(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;
    g_autofree char *dir = g_dir_make_tmp("reprise-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "a b", NULL);
    g_autofree char *line = g_strdup_printf("pmemsave 0xffe 8 \"%s\"", path);
    static const uint8_t expected[] = {0xff, 0xff, 0, 1, 2, 3, 4, 5};
    g_autofree char *got = NULL;
    gsize size;

    mon_bench_ram(b);
    says(b, line, "");
    g_assert_true(g_file_get_contents(path, &got, &size, NULL));
    g_assert_cmpmem(got, size, expected, sizeof(expected));
    mentions(b, "pmemsave 0 -1 /tmp/x", "size:");
    mentions(b, "pmemsave 0 1 /nonexistent/x", "Could not open");
    mentions(b, "memsave 0 1 /nonexistent/x", "no vCPU");
    mentions(b, "xp 0", "no vCPU");
    mentions(b, "xp /4k 0", "'k' is none of");
    mentions(b, "xp /99999999999999999999 0", "at most");
    g_unlink(path);
    g_rmdir(dir);
}

static void test_log(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;
    g_autofree char *dir = g_dir_make_tmp("reprise-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *line = g_strdup_printf("logfile %s", path);

    says(b, line, "");
    says(b, "log int,cpu", "");
    g_assert_cmpuint(log_mask(b->vm), ==, LOG_INT | LOG_CPU);
    says(b, "log none", "");
    g_assert_cmpuint(log_mask(b->vm), ==, 0);
    mentions(b, "log help", "guest_errors");
    g_unlink(path);
    g_rmdir(dir);
}

/* --- on a terminal ---------------------------------------------------------------- */

typedef struct Typed {
    GString *screen, *lines;
} Typed;

static void typed_write(void *opaque, const char *text)
{
    Typed *t = opaque;

    g_string_append(t->screen, text);
}

static void typed_done(void *opaque, const char *line)
{
    Typed *t = opaque;

    g_string_append_printf(t->lines, "[%s]", line);
}

static GPtrArray *typed_complete(void *opaque, const char *prefix)
{
    return hmp_names(prefix);
}

static void types(const char *text, const char *expected)
{
    static const LineOps ops = {typed_write, typed_done, typed_complete};
    Typed t = {g_string_new(NULL), g_string_new(NULL)};
    Line *l = line_new("> ", &ops, &t);

    for (const char *p = text; *p; p++) {
        line_feed(l, (uint8_t)*p);
    }
    g_assert_cmpstr(t.lines->str, ==, expected);
    line_free(l);
    g_string_free(t.screen, TRUE);
    g_string_free(t.lines, TRUE);
}

static void test_editing(void)
{
    types("abc\n", "[abc]");
    types("abc\r\ndef\r", "[abc][def]");
    types("\n\n", "[][]");
    types("abx\177c\n", "[abc]");
    types("x\b\b\babc\n", "[abc]");
    types("junk\025abc\n", "[abc]");          /* Ctrl-U */
    types("one two\027\027abc\n", "[abc]");   /* Ctrl-W */
    types("bc\001a\005d\n", "[abcd]");        /* Ctrl-A, Ctrl-E */
    types("ac\033[Db\n", "[abc]");            /* left */
    types("bc\033[Ha\033[F!\n", "[abc!]");    /* home, end */
    types("xabc\033[H\033[3~\n", "[abc]");    /* delete */
    types("abcd\033[D\013\n", "[abc]");       /* Ctrl-K */
    types("a\033[Bb\033[999;5Zc\n", "[abc]"); /* nothing below, unknown */
    types("one\ntwo\n\033[A\033[A\n", "[one][two][one]");
    types("one\nnew\033[A\033[B\n", "[one][new]");
    types("\033[A\033[A\n", "[]");
    types("one\none\n\033[A\033[A!\n", "[one][one][one!]");
    types("system_p\t\n", "[system_powerdown ]");
    types("system\tr\t\n", "[system_reset ]");
    types("zzz\t\n", "[zzz]");
    types("lost\003kept\n", "[kept]"); /* Ctrl-C */
}

static void completes(MonBench *b, const char *line, const char *expected)
{
    g_autoptr(GPtrArray) names = hmp_complete_line(b->vm, line);
    g_autofree char *all = NULL;

    g_ptr_array_add(names, NULL);
    all = g_strjoinv("|", (char **)names->pdata);
    g_assert_cmpstr(all, ==, expected);
}

static void test_completion(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;
    Chardev *c;
    int peer = chr_pair(b->vm, "console7", "", &c);

    completes(b, "system_r", "system_reset");
    completes(b, "info stat", "info status");
    completes(b, "help info stat", "help info status");
    completes(b, "help system_p", "help system_powerdown");
    completes(b, "watchdog_action po", "watchdog_action poweroff");
    completes(b, "trace-event monitor_h", "trace-event monitor_hmp");
    completes(b, "trace-event monitor_hmp o",
              "trace-event monitor_hmp off|trace-event monitor_hmp on");
    completes(b, "sendkey ctrl-alt-del", "sendkey ctrl-alt-delete");
    completes(b, "log int,gue", "log int,guest_errors");
    completes(b, "qom-list /mach", "qom-list /machine");
    completes(b, "qom-list /chardevs/con", "qom-list /chardevs/console7");
    completes(b, "dump-guest-memory -p /dev/nul",
              "dump-guest-memory -p /dev/null");
    completes(b, "stop ", "");
    completes(b, "nosuch x", "");
    close(peer);
}

static void test_long_line(void)
{
    g_autofree char *much = g_strnfill(10000, 'a');
    g_autofree char *text = g_strdup_printf("%s\n", much);
    g_autofree char *expected = g_strdup_printf("[%.4095s]", much);

    types(text, expected);
}

static void test_terminal(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;
    Chardev *c;
    int peer = chr_pair(b->vm, "m", "", &c);
    g_autofree char *first = NULL, *second = NULL;

    g_assert_true(monitor_new(b->vm, c, MONITOR_HMP, NULL));
    first = chr_hear(peer);
    g_assert_true(g_str_has_prefix(first, "Reprise "));
    g_assert_nonnull(strstr(first, "type 'help' for more information\r\n"));
    g_assert_nonnull(strstr(first, "(reprise) "));
    chr_say(peer, "info status\n");
    second = chr_hear(peer);
    g_assert_nonnull(strstr(second, "info status\r\nVM status: running\r\n"));
    g_assert_false(monitor_attended(b->vm)); /* people do not count */
    close(peer);
}

/* On a mux it waits until somebody looks at it. */
static void test_mux(MonBench **f, gconstpointer arg)
{
    MonBench *b = *f;
    Chardev *c;
    int peer = chr_pair(b->vm, "m", ",mux=on", &c);
    ChrPort *port = chr_port_new(b->vm, "serial0", c);
    g_autofree char *first = NULL, *second = NULL;

    chr_port_set_room(port, 100);
    g_assert_true(monitor_new(b->vm, c, MONITOR_HMP, NULL));
    chr_say(peer, "q\n");
    first = chr_hear(peer);
    g_assert_cmpstr(first, ==, "");
    chr_say(peer, "\001cstop\n\001cq\n");
    second = chr_hear(peer);
    g_assert_nonnull(strstr(second, "(reprise) "));
    g_assert_cmpstr(b->calls->str, ==, "stop");
    close(peer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define FIX(path, fn)                                                          \
    g_test_add(path, MonBench *, NULL, fix_set_up, fn, fix_tear_down)
    FIX("/hmp/control", test_control);
    FIX("/hmp/refused", test_refused);
    FIX("/hmp/keys", test_keys);
    FIX("/hmp/gdbserver", test_gdbserver);
    FIX("/hmp/info", test_info);
    FIX("/hmp/travel", test_travel);
    FIX("/hmp/wrong", test_wrong);
    FIX("/hmp/help", test_help);
    FIX("/hmp/print", test_print);
    FIX("/hmp/pmemsave", test_pmemsave);
    FIX("/hmp/log", test_log);
    FIX("/hmp/terminal", test_terminal);
    FIX("/hmp/mux", test_mux);
    FIX("/hmp/completion", test_completion);
    g_test_add_func("/hmp/editing", test_editing);
    g_test_add_func("/hmp/long-line", test_long_line);
    return g_test_run();
}
