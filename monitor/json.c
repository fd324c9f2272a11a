/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON on a stream: the framer cuts it into values of bounded size and depth
 * before the parser sees them, and finds its way back after garbage (at a line
 * end, or at a byte that no JSON text contains). The printer writes what
 * clients know: a space after ':' and ','.
 */
#include <errno.h>
#include <string.h>

#include "monitor/monitor_priv.h"

#define VALUE_MAX_BYTES (1u << 20)
#define VALUE_MAX_DEPTH 64

struct Framer {
    GString *text;              /* owned: the value so far */
    char open[VALUE_MAX_DEPTH]; /* brackets that wait to be closed */
    unsigned depth;
    char in_string; /* the quote that opened it; clients use both kinds */
    bool backslash;
    bool bare; /* a value without brackets: up to white space */
    bool skip; /* after garbage: up to the end of the line */
};

Framer *framer_new(void)
{
    Framer *f = g_new0(Framer, 1);

    f->text = g_string_new(NULL);
    return f;
}

void framer_free(Framer *f)
{
    if (f) {
        g_string_free(f->text, TRUE);
        g_free(f);
    }
}

void framer_reset(Framer *f)
{
    g_string_truncate(f->text, 0);
    f->depth = 0;
    f->in_string = 0;
    f->backslash = f->bare = f->skip = false;
}

const char *framer_text(const Framer *f)
{
    return f->text->str;
}

static Frame framer_bad(Framer *f, const char *why, bool skip)
{
    framer_reset(f);
    g_string_assign(f->text, why);
    f->skip = skip;
    f->bare = false;
    return FRAME_BAD;
}

static bool json_space(uint8_t b)
{
    return b == ' ' || b == '\t' || b == '\r' || b == '\n';
}

static Frame framer_in_string(Framer *f, uint8_t b)
{
    if (b < 0x20) {
        return framer_bad(f, "a string is not closed", b != '\n');
    }
    g_string_append_c(f->text, (char)b);
    if (f->backslash) {
        f->backslash = false;
    } else if (b == '\\') {
        f->backslash = true;
    } else if (b == (uint8_t)f->in_string) {
        f->in_string = 0;
        if (f->depth == 0) {
            return FRAME_VALUE;
        }
    }
    return FRAME_MORE;
}

static Frame framer_bracket(Framer *f, uint8_t b)
{
    if (b == '{' || b == '[') {
        if (f->depth == VALUE_MAX_DEPTH) {
            return framer_bad(f, "nested too deeply", true);
        }
        f->open[f->depth++] = (char)b;
        g_string_append_c(f->text, (char)b);
        return FRAME_MORE;
    }
    if (f->depth == 0 || f->open[f->depth - 1] != (b == '}' ? '{' : '[')) {
        return framer_bad(f, "brackets do not match", true);
    }
    g_string_append_c(f->text, (char)b);
    return --f->depth == 0 ? FRAME_VALUE : FRAME_MORE;
}

Frame framer_feed(Framer *f, uint8_t b)
{
    bool empty = !f->depth && !f->in_string && !f->bare;

    if (f->skip) {
        f->skip = b != '\n';
        return FRAME_MORE;
    }
    if (empty) {
        g_string_truncate(f->text, 0);
    }
    if ((b < 0x20 && !json_space(b)) || b == 0x7f || b >= 0xf8) {
        return framer_bad(f, "a byte that JSON does not know", false);
    }
    if (f->text->len >= VALUE_MAX_BYTES) {
        return framer_bad(f, "longer than 1 MiB", b != '\n');
    }
    if (f->in_string) {
        return framer_in_string(f, b);
    }
    if (json_space(b)) {
        if (f->bare) {
            f->bare = false;
            return FRAME_VALUE;
        }
        if (!empty) {
            g_string_append_c(f->text, (char)b);
        }
        return FRAME_MORE;
    }
    if (strchr("{}[]", b)) {
        return f->bare ? framer_bad(f, "a word before a bracket", true)
                       : framer_bracket(f, b);
    }
    if (b == '"' || b == '\'') {
        f->in_string = (char)b;
    } else if (empty) {
        f->bare = true;
    }
    g_string_append_c(f->text, (char)b);
    return FRAME_MORE;
}

/* --- numbers -------------------------------------------------------------------- */

static bool json_fits(const char *digits, size_t size)
{
    g_autofree char *text = g_strndup(digits, size);

    errno = 0;
    g_ascii_strtoll(text, NULL, 10);
    return errno == 0;
}

char *json_wide_numbers(const char *text)
{
    GString *out = g_string_new(NULL);
    char quote = 0;

    for (const char *p = text; *p;) {
        size_t n = strspn(p, "-0123456789");

        if (quote || n == 0) {
            if (quote && *p == '\\' && p[1]) {
                g_string_append_c(out, *p++);
            } else if (quote ? *p == quote : *p == '"' || *p == '\'') {
                quote = quote ? 0 : *p;
            }
            g_string_append_c(out, *p++);
            continue;
        }
        g_string_append_len(out, p, (gssize)n);
        if (!strchr(".eE", p[n]) && !json_fits(p, n)) {
            g_string_append(out, ".0");
        }
        p += n;
    }
    return g_string_free(out, FALSE);
}

/* --- printing ----------------------------------------------------------------- */

static void json_print_string(const char *s, GString *out)
{
    g_autofree char *valid = g_utf8_make_valid(s ? s : "", -1);

    g_string_append_c(out, '"');
    for (char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c == '"' || c == '\\') {
            g_string_append_printf(out, "\\%c", (char)c);
        } else if (c == '\n') {
            g_string_append(out, "\\n");
        } else if (c == '\r') {
            g_string_append(out, "\\r");
        } else if (c == '\t') {
            g_string_append(out, "\\t");
        } else if (c < 0x20 || (c >= 0x7f && c <= 0xffff)) {
            g_string_append_printf(out, "\\u%04x", c);
        } else if (c > 0xffff) {
            g_string_append_printf(out, "\\u%04x\\u%04x",
                                   0xd800 + ((c - 0x10000) >> 10),
                                   0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            g_string_append_c(out, (char)c);
        }
    }
    g_string_append_c(out, '"');
}

static void json_print_value(JsonNode *node, GString *out)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    switch (json_node_get_value_type(node)) {
    case G_TYPE_BOOLEAN:
        g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
        break;
    case G_TYPE_INT64:
        g_string_append_printf(out, "%" G_GINT64_FORMAT,
                               json_node_get_int(node));
        break;
    case G_TYPE_DOUBLE:
        g_ascii_dtostr(number, sizeof(number), json_node_get_double(node));
        g_string_append(out, number);
        if (!strpbrk(number, ".ein")) {
            g_string_append(out, ".0");
        }
        break;
    default:
        json_print_string(json_node_get_string(node), out);
        break;
    }
}

static void json_line(GString *out, bool pretty, unsigned depth)
{
    if (pretty) {
        g_string_append_printf(out, "\n%*s", (int)depth * 4, "");
    }
}

static void json_print_at(JsonNode *node, GString *out, bool pretty,
                          unsigned depth);

static void json_print_object(JsonObject *o, GString *out, bool pretty,
                              unsigned depth)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;
    bool first = true;

    g_string_append_c(out, '{');
    json_object_iter_init_ordered(&iter, o);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (!first) {
            g_string_append(out, pretty ? "," : ", ");
        }
        first = false;
        json_line(out, pretty, depth + 1);
        json_print_string(name, out);
        g_string_append(out, ": ");
        json_print_at(value, out, pretty, depth + 1);
    }
    if (!first) {
        json_line(out, pretty, depth);
    }
    g_string_append_c(out, '}');
}

static void json_print_array(JsonArray *a, GString *out, bool pretty,
                             unsigned depth)
{
    guint n = json_array_get_length(a);

    g_string_append_c(out, '[');
    for (guint i = 0; i < n; i++) {
        if (i) {
            g_string_append(out, pretty ? "," : ", ");
        }
        json_line(out, pretty, depth + 1);
        json_print_at(json_array_get_element(a, i), out, pretty, depth + 1);
    }
    if (n) {
        json_line(out, pretty, depth);
    }
    g_string_append_c(out, ']');
}

static void json_print_at(JsonNode *node, GString *out, bool pretty,
                          unsigned depth)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        json_print_object(json_node_get_object(node), out, pretty, depth);
        break;
    case JSON_NODE_ARRAY:
        json_print_array(json_node_get_array(node), out, pretty, depth);
        break;
    case JSON_NODE_VALUE:
        json_print_value(node, out);
        break;
    case JSON_NODE_NULL:
        g_string_append(out, "null");
        break;
    }
}

void json_print(JsonNode *node, GString *out, bool pretty)
{
    json_print_at(node, out, pretty, 0);
}
