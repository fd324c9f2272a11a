/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One terminal, several front ends: Ctrl-A and a letter. */
#include <string.h>

#include "chardev/chardev_priv.h"
#include "replay/replay.h"

#define ESCAPE 1 /* Ctrl-A */

typedef struct MuxKey {
    char key;
    const char *doc;
} MuxKey;

/* clang-format off */
static const MuxKey mux_keys[] = {
    {'h', "show this help"},
    {'x', "end the program"},
    {'s', "write changed disk data back"},
    {'t', "time stamps on or off"},
    {'b', "send a break"},
    {'c', "switch between console and monitor"},
    {0, NULL},
};
/* clang-format on */

static void mux_say(Chardev *c, const char *text)
{
    chr_queue(c, text, strlen(text));
}

static void mux_help(Chardev *c)
{
    g_autoptr(GString) s = g_string_new("\r\n");

    for (const MuxKey *k = mux_keys; k->key; k++) {
        g_string_append_printf(s, "Ctrl-A %c    %s\r\n", k->key, k->doc);
    }
    g_string_append(s, "Ctrl-A Ctrl-A  send Ctrl-A\r\n");
    mux_say(c, s->str);
}

static ChrFe *mux_focus(Chardev *c)
{
    return c->focus < c->fes->len ? g_ptr_array_index(c->fes, c->focus) : NULL;
}

void mux_set_focus(Chardev *c, unsigned n)
{
    if (n >= c->fes->len) {
        return;
    }
    c->focus = n;
    chr_fe_event(mux_focus(c), CHR_EVENT_FOCUS);
}

/* A port is what a person wants to see first. */
void mux_attached(Chardev *c, ChrFe *fe)
{
    ChrFe *now = mux_focus(c);

    if (!c->focus_set && fe->port && now && !now->port) {
        c->focus = c->fes->len - 1;
    }
}

static void mux_escape(Chardev *c, ChrEscape what)
{
    ChrState *st = c->st;

    if (st->escape) {
        st->escape(st->vm, what);
    } else {
        mux_say(c, "\r\nnothing to do\r\n");
    }
}

static void mux_toggle_stamps(Chardev *c)
{
    g_mutex_lock(&c->st->lock);
    c->stamps = !c->stamps;
    c->line_start = true;
    c->stamp_base_ns = host_now().ns;
    g_mutex_unlock(&c->st->lock);
}

bool mux_break(Chardev *c)
{
    ChrFe *fe = mux_focus(c);

    return fe && chr_fe_event(fe, CHR_EVENT_BREAK);
}

/* The byte after Ctrl-A. */
static void mux_command(Chardev *c, uint8_t key)
{
    switch (key) {
    case 'h':
    case '?':
        mux_help(c);
        break;
    case 'x':
        mux_say(c, "\r\nreprise: ended by Ctrl-A x\r\n");
        mux_escape(c, CHR_ESCAPE_QUIT);
        break;
    case 's':
        mux_escape(c, CHR_ESCAPE_SAVE);
        break;
    case 't':
        mux_toggle_stamps(c);
        break;
    case 'b':
        mux_break(c);
        break;
    case 'c':
        if (c->fes->len) {
            c->focus_set = true;
            mux_set_focus(c, (c->focus + 1) % c->fes->len);
        }
        break;
    default:
        break;
    }
}

static void mux_flush_fe(ChrFe *fe)
{
    while (fe->pending->len) {
        size_t n = MIN(chr_fe_room(fe), fe->pending->len);
        g_autofree uint8_t *piece = NULL;

        if (n == 0) {
            return;
        }
        piece = g_memdup2(fe->pending->data, n);
        g_byte_array_remove_range(fe->pending, 0, (guint)n);
        chr_fe_receive(fe, piece, n);
    }
}

void mux_flush(Chardev *c)
{
    for (guint i = 0; i < c->fes->len; i++) {
        mux_flush_fe(g_ptr_array_index(c->fes, i));
    }
}

static void mux_pass(Chardev *c, const uint8_t *buf, size_t size)
{
    ChrFe *fe = mux_focus(c);

    if (fe && size) {
        g_byte_array_append(fe->pending, buf, (guint)size);
        mux_flush_fe(fe);
    }
}

size_t mux_room(Chardev *c)
{
    const ChrFe *fe = mux_focus(c);

    return fe ? CHR_MUX_INPUT_MAX - MIN(fe->pending->len, CHR_MUX_INPUT_MAX)
              : 0;
}

void mux_input(Chardev *c, const uint8_t *buf, size_t size)
{
    size_t from = 0;

    for (size_t i = 0; i < size; i++) {
        if (c->escape) {
            c->escape = false;
            from = i + 1;
            if (buf[i] == ESCAPE) {
                from = i; /* sent as it is */
            } else {
                mux_command(c, buf[i]);
            }
        } else if (buf[i] == ESCAPE) {
            mux_pass(c, buf + from, i - from);
            from = i + 1;
            c->escape = true;
        }
    }
    if (!c->escape) {
        mux_pass(c, buf + from, size - from);
    }
}

void mux_stamp(Chardev *c, const uint8_t *buf, size_t size, GByteArray *out)
{
    for (size_t i = 0; i < size; i++) {
        if (c->line_start) {
            int64_t ms = (host_now().ns - c->stamp_base_ns) / 1000000;
            g_autofree char *text =
                g_strdup_printf("[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
                                (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
                                (int)(ms % 1000));

            g_byte_array_append(out, (const uint8_t *)text,
                                (guint)strlen(text));
            c->line_start = false;
        }
        g_byte_array_append(out, buf + i, 1);
        c->line_start = buf[i] == '\n';
    }
}
