/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ctrl-A: two front ends on one terminal. */
#include <string.h>
#include <unistd.h>

#include "tests/unit/chr_bench.h"

typedef struct Fix {
    Vm *vm;
    Chardev *chr;
    ChrPort *port;
    ChrSink *sink;
    ChrFe *fe;
    GString *got; /* by the host front end */
    unsigned focused;
    int peer;
} Fix;

static void fe_receive(void *opaque, const uint8_t *buf, size_t size)
{
    Fix *f = opaque;

    g_string_append_len(f->got, (const char *)buf, (gssize)size);
}

static void fe_event(void *opaque, ChrEvent event)
{
    Fix *f = opaque;

    f->focused += event == CHR_EVENT_FOCUS;
}

static void fix_set_up(Fix *f, gconstpointer arg)
{
    static const ChrFeOps ops = {fe_receive, fe_event};

    f->vm = vm_new();
    f->peer = chr_pair(f->vm, "c", ",mux=on", &f->chr);
    f->got = g_string_new(NULL);
    f->fe = chr_fe_new(f->chr, &ops, f, NULL); /* first, yet without focus */
    f->port = chr_port_new(f->vm, "serial0", f->chr);
    f->sink = chr_sink_new();
    chr_sink_connect(f->sink, f->port);
    chr_port_set_room(f->port, 1000);
    chr_pump();
    chr_deliver(f->vm);
    g_string_truncate(f->sink->events, 0);
}

static void fix_tear_down(Fix *f, gconstpointer arg)
{
    chr_fe_free(f->fe);
    chardevs_close(f->vm);
    close(f->peer);
    chr_sink_free(f->sink);
    g_string_free(f->got, TRUE);
    vm_free(f->vm);
}

static void type(Fix *f, const char *text)
{
    chr_say(f->peer, text);
    chr_pump();
    chr_deliver(f->vm);
}

static void test_switch(Fix *f, gconstpointer arg)
{
    g_assert_cmpuint(f->focused, ==, 0);
    type(f, "to the guest");
    g_assert_cmpstr(f->sink->got->str, ==, "to the guest");
    type(f, "!\001chello");
    g_assert_cmpuint(f->focused, ==, 1);
    g_assert_cmpstr(f->sink->got->str, ==, "to the guest!");
    g_assert_cmpstr(f->got->str, ==, "hello");
    type(f, "\001c?");
    g_assert_cmpstr(f->sink->got->str, ==, "to the guest!?");
    g_assert_cmpstr(f->got->str, ==, "hello");
}

/* The letter may come much later than Ctrl-A. */
static void test_literal(Fix *f, gconstpointer arg)
{
    type(f, "a\001");
    type(f, "\001b");
    g_assert_cmpstr(f->sink->got->str, ==, "a\001b");
    type(f, "\001z!"); /* not a command: swallowed */
    g_assert_cmpstr(f->sink->got->str, ==, "a\001b!");
}

static void test_break(Fix *f, gconstpointer arg)
{
    type(f, "\001b");
    g_assert_cmpstr(f->sink->events->str, ==, "b");
}

static void test_help(Fix *f, gconstpointer arg)
{
    g_autofree char *text = NULL;

    chr_say(f->peer, "\001h");
    text = chr_hear(f->peer);
    g_assert_nonnull(strstr(text, "Ctrl-A x"));
    g_assert_nonnull(strstr(text, "Ctrl-A c"));
}

static void on_escape(Vm *vm, ChrEscape what)
{
    vm->exit_status = 100 + (int)what; /* any place that this test can see */
}

/* Works even while the guest takes nothing. */
static void test_quit(Fix *f, gconstpointer arg)
{
    chardev_on_escape(f->vm, on_escape);
    chr_port_set_room(f->port, 0);
    type(f, "nobody takes this");
    g_assert_cmpuint(f->sink->got->len, ==, 0);
    type(f, "\001s");
    g_assert_cmpint(f->vm->exit_status, ==, 100 + CHR_ESCAPE_SAVE);
    type(f, "\001x");
    g_assert_cmpint(f->vm->exit_status, ==, 100 + CHR_ESCAPE_QUIT);
    chr_port_set_room(f->port, 6);
    type(f, "");
    g_assert_cmpstr(f->sink->got->str, ==, "nobody");
    chr_port_set_room(f->port, 100);
    type(f, ".");
    g_assert_cmpstr(f->sink->got->str, ==, "nobody takes this.");
}

static void test_stamps(Fix *f, gconstpointer arg)
{
    g_autofree char *text = NULL;
    GRegex *form = g_regex_new("^\\[\\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\] one\\n"
                               "\\[\\d\\d:\\d\\d:\\d\\d\\.\\d{3}\\] two$",
                               0, 0, NULL);

    type(f, "\001t");
    chr_port_write(f->port, "on", 2);
    chr_port_write(f->port, "e\ntwo", 5);
    text = chr_hear(f->peer);
    g_assert_true(g_regex_match(form, text, 0, NULL));
    g_regex_unref(form);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define FIX(path, fn) g_test_add(path, Fix, NULL, fix_set_up, fn, fix_tear_down)
    FIX("/mux/switch", test_switch);
    FIX("/mux/literal", test_literal);
    FIX("/mux/break", test_break);
    FIX("/mux/help", test_help);
    FIX("/mux/quit", test_quit);
    FIX("/mux/stamps", test_stamps);
    return g_test_run();
}
