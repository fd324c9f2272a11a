/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing for people: cursor keys, history, completion. */
#include <string.h>

#include "monitor/monitor_priv.h"

#define LINE_MAX_BYTES 4095
#define HISTORY_MAX 100

#define CTRL(c) ((c)&0x1f)

typedef enum LineState {
    LINE_PLAIN,
    LINE_ESC,    /* after ESC */
    LINE_CSI,    /* after ESC [ */
    LINE_CSI_NUM /* after ESC [ digit */
} LineState;

struct Line {
    char *prompt; /* owned */
    const LineOps *ops;
    void *opaque;
    GString *text;      /* owned */
    size_t cursor;      /* in text */
    GPtrArray *history; /* owned: char * */
    guint at;           /* place in history; its length: the new line */
    char *kept;         /* owned: the new line while history is shown */
    LineState state;
    char number; /* of ESC [ digit ~ */
    bool was_cr;
};

Line *line_new(const char *prompt, const LineOps *ops, void *opaque)
{
    Line *l = g_new0(Line, 1);

    l->prompt = g_strdup(prompt);
    l->ops = ops;
    l->opaque = opaque;
    l->text = g_string_new(NULL);
    l->history = g_ptr_array_new_with_free_func(g_free);
    return l;
}

void line_free(Line *l)
{
    if (!l) {
        return;
    }
    g_free(l->prompt);
    g_free(l->kept);
    g_string_free(l->text, TRUE);
    g_ptr_array_unref(l->history);
    g_free(l);
}

void line_reset(Line *l)
{
    g_string_truncate(l->text, 0);
    l->cursor = 0;
    l->at = l->history->len;
    l->state = LINE_PLAIN;
    l->was_cr = false;
}

const GPtrArray *line_history_of(const Line *l)
{
    return l->history;
}

void line_show(Line *l)
{
    g_autoptr(GString) s = g_string_new("\r");

    g_string_append_printf(s, "%s%s\033[K", l->prompt, l->text->str);
    if (l->cursor < l->text->len) {
        g_string_append_printf(s, "\033[%zuD", l->text->len - l->cursor);
    }
    l->ops->write(l->opaque, s->str);
}

static void line_set(Line *l, const char *text)
{
    g_string_assign(l->text, text);
    l->cursor = l->text->len;
    line_show(l);
}

static void line_insert(Line *l, char c)
{
    char one[2] = {c, 0};

    if (l->text->len >= LINE_MAX_BYTES) {
        l->ops->write(l->opaque, "\a");
        return;
    }
    g_string_insert_c(l->text, (gssize)l->cursor++, c);
    if (l->cursor == l->text->len) {
        l->ops->write(l->opaque, one);
    } else {
        line_show(l);
    }
}

static void line_erase(Line *l, size_t from, size_t to)
{
    if (from < to) {
        g_string_erase(l->text, (gssize)from, (gssize)(to - from));
        l->cursor = from;
        line_show(l);
    }
}

static size_t line_word_start(const Line *l)
{
    size_t i = l->cursor;

    while (i > 0 && l->text->str[i - 1] == ' ') {
        i--;
    }
    while (i > 0 && l->text->str[i - 1] != ' ') {
        i--;
    }
    return i;
}

static void line_move(Line *l, size_t to)
{
    l->cursor = MIN(to, l->text->len);
    line_show(l);
}

static void line_history(Line *l, int step)
{
    guint to = l->at + (guint)step;

    if ((step < 0 && l->at == 0) || to > l->history->len) {
        return;
    }
    if (l->at == l->history->len) {
        g_free(l->kept);
        l->kept = g_strdup(l->text->str);
    }
    l->at = to;
    line_set(l, to == l->history->len ? l->kept
                                      : g_ptr_array_index(l->history, to));
}

static void line_remember(Line *l)
{
    const char *last = l->history->len
                           ? g_ptr_array_index(l->history, l->history->len - 1)
                           : "";

    if (l->text->len && strcmp(last, l->text->str) != 0) {
        g_ptr_array_add(l->history, g_strdup(l->text->str));
        if (l->history->len > HISTORY_MAX) {
            g_ptr_array_remove_index(l->history, 0);
        }
    }
    l->at = l->history->len;
}

static void line_enter(Line *l)
{
    g_autofree char *text = g_strdup(l->text->str);

    l->ops->write(l->opaque, "\r\n");
    line_remember(l);
    g_string_truncate(l->text, 0);
    l->cursor = 0;
    l->ops->done(l->opaque, text);
    line_show(l);
}

/* How many bytes all names have in common. */
static size_t line_common(const GPtrArray *names)
{
    const char *first = g_ptr_array_index(names, 0);
    size_t n = strlen(first);

    for (guint i = 1; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        size_t k = 0;

        while (k < n && name[k] == first[k]) {
            k++;
        }
        n = k;
    }
    return n;
}

static void line_complete(Line *l)
{
    g_autofree char *prefix = g_strndup(l->text->str, l->cursor);
    g_autoptr(GPtrArray) names = l->ops->complete(l->opaque, prefix);
    size_t common;

    if (!names || names->len == 0) {
        l->ops->write(l->opaque, "\a");
        return;
    }
    common = line_common(names);
    if (common > l->cursor) {
        const char *first = g_ptr_array_index(names, 0);

        g_string_insert_len(l->text, (gssize)l->cursor, first + l->cursor,
                            (gssize)(common - l->cursor));
        l->cursor = common;
    } else if (names->len > 1) {
        l->ops->write(l->opaque, "\r\n");
        for (guint i = 0; i < names->len; i++) {
            l->ops->write(l->opaque, g_ptr_array_index(names, i));
            l->ops->write(l->opaque, "\r\n");
        }
    }
    if (names->len == 1 && l->text->len == l->cursor) {
        g_string_append_c(l->text, ' ');
        l->cursor++;
    }
    line_show(l);
}

static void line_csi(Line *l, char final)
{
    switch (final) {
    case 'A':
        line_history(l, -1);
        break;
    case 'B':
        line_history(l, 1);
        break;
    case 'C':
        line_move(l, l->cursor + 1);
        break;
    case 'D':
        line_move(l, l->cursor ? l->cursor - 1 : 0);
        break;
    case 'H':
        line_move(l, 0);
        break;
    case 'F':
        line_move(l, l->text->len);
        break;
    default:
        break;
    }
}

static void line_tilde(Line *l)
{
    if (l->number == '3' && l->cursor < l->text->len) {
        line_erase(l, l->cursor, l->cursor + 1);
    } else if (l->number == '1' || l->number == '7') {
        line_move(l, 0);
    } else if (l->number == '4' || l->number == '8') {
        line_move(l, l->text->len);
    }
}

/* True: the byte was part of an escape sequence. */
static bool line_escape(Line *l, uint8_t byte)
{
    switch (l->state) {
    case LINE_ESC:
        l->state = byte == '[' || byte == 'O' ? LINE_CSI : LINE_PLAIN;
        return true;
    case LINE_CSI:
        if (g_ascii_isdigit(byte)) {
            l->number = (char)byte;
            l->state = LINE_CSI_NUM;
            return true;
        }
        l->state = LINE_PLAIN;
        line_csi(l, (char)byte);
        return true;
    case LINE_CSI_NUM:
        if (byte >= 0x40) { /* the final byte of a control sequence */
            l->state = LINE_PLAIN;
            if (byte == '~') {
                line_tilde(l);
            }
        }
        return true;
    case LINE_PLAIN:
        break;
    }
    return false;
}

static void line_control(Line *l, uint8_t byte)
{
    switch (byte) {
    case CTRL('A'):
        line_move(l, 0);
        break;
    case CTRL('B'):
        line_csi(l, 'D');
        break;
    case CTRL('C'):
        l->ops->write(l->opaque, "^C\r\n");
        line_reset(l);
        line_show(l);
        break;
    case CTRL('D'):
        l->number = '3';
        line_tilde(l);
        break;
    case CTRL('E'):
        line_move(l, l->text->len);
        break;
    case CTRL('F'):
        line_csi(l, 'C');
        break;
    case CTRL('H'):
    case 0x7f:
        if (l->cursor) {
            line_erase(l, l->cursor - 1, l->cursor);
        }
        break;
    case CTRL('I'):
        line_complete(l);
        break;
    case CTRL('K'):
        line_erase(l, l->cursor, l->text->len);
        break;
    case CTRL('L'):
        l->ops->write(l->opaque, "\033[2J\033[H");
        line_show(l);
        break;
    case CTRL('N'):
        line_history(l, 1);
        break;
    case CTRL('P'):
        line_history(l, -1);
        break;
    case CTRL('U'):
        line_erase(l, 0, l->cursor);
        break;
    case CTRL('W'):
        line_erase(l, line_word_start(l), l->cursor);
        break;
    case CTRL('['):
        l->state = LINE_ESC;
        break;
    default:
        break;
    }
}

void line_feed(Line *l, uint8_t byte)
{
    bool after_cr = l->was_cr;

    l->was_cr = false;
    if (line_escape(l, byte)) {
        return;
    }
    if (byte == '\n' && after_cr) {
        return; /* the second half of CR LF */
    }
    if (byte == '\r' || byte == '\n') {
        l->was_cr = byte == '\r';
        line_enter(l);
    } else if (byte >= 0x20 && byte != 0x7f) {
        line_insert(l, (char)byte);
    } else {
        line_control(l, byte);
    }
}
