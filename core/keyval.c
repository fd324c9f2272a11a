/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option lists as people type them. */
#include "core/keyval.h"

#include <stdlib.h>

#include "core/error.h"

static void keyval_clear(gpointer p)
{
    KeyVal *kv = p;

    g_free(kv->key);
    g_free(kv->value);
}

/* The next piece up to a single comma; *at moves behind it. */
static char *keyval_piece(const char **at)
{
    GString *s = g_string_new(NULL);
    const char *p = *at;

    while (*p) {
        if (*p == ',') {
            if (p[1] != ',') {
                break;
            }
            p++;
        }
        g_string_append_c(s, *p++);
    }
    *at = *p ? p + 1 : p;
    return g_string_free(s, FALSE);
}

void keyvals_parse(KeyVals *kv, const char *text, const char *implied)
{
    const char *at = text;
    bool first = true;

    kv->items = g_array_new(FALSE, TRUE, sizeof(KeyVal));
    g_array_set_clear_func(kv->items, keyval_clear);
    while (*at) {
        g_autofree char *piece = keyval_piece(&at);
        char *eq = strchr(piece, '=');
        KeyVal item = {0};

        if (eq) {
            item.key = g_strndup(piece, (gsize)(eq - piece));
            item.value = g_strdup(eq + 1);
        } else if (first && implied) {
            item.key = g_strdup(implied);
            item.value = g_strdup(piece);
        } else {
            item.key = g_strdup(piece);
            item.value = g_strdup("on");
        }
        g_array_append_val(kv->items, item);
        first = false;
    }
}

void keyvals_clear(KeyVals *kv)
{
    if (kv->items) {
        g_array_free(kv->items, TRUE);
        kv->items = NULL;
    }
}

const char *keyvals_take(KeyVals *kv, const char *key)
{
    const char *value = NULL;

    for (guint i = 0; i < kv->items->len; i++) {
        KeyVal *item = &g_array_index(kv->items, KeyVal, i);

        if (strcmp(item->key, key) == 0) {
            item->taken = true;
            value = item->value;
        }
    }
    return value;
}

bool parse_bool(const char *text, bool *v)
{
    static const char *const on[] = {"on", "yes", "true", "y", NULL};
    static const char *const off[] = {"off", "no", "false", "n", NULL};

    if (g_strv_contains(on, text)) {
        *v = true;
        return true;
    }
    if (g_strv_contains(off, text)) {
        *v = false;
        return true;
    }
    return false;
}

bool parse_u64(const char *text, uint64_t max, uint64_t *v)
{
    guint64 n;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

    if (!g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0,
                                    max, &n, NULL)) {
        return false;
    }
    *v = n;
    return true;
}

bool parse_size(const char *text, uint64_t unit, uint64_t *v)
{
    static const char suffixes[] = "bkmgtpe";
    size_t len = strlen(text);
    g_autofree char *digits = g_strdup(text);
    uint64_t n;

    if (len && !g_ascii_isdigit(text[len - 1])) {
        const char *s = strchr(suffixes, g_ascii_tolower(text[len - 1]));
        bool hex = g_str_has_prefix(text, "0x");

        if (!s || (hex && *s == 'b')) {
            s = hex ? suffixes : NULL;
            unit = hex ? 1 : 0;
        } else {
            unit = 1ULL << (10 * (s - suffixes));
            digits[len - 1] = 0;
        }
        if (!s) {
            return false;
        }
    }
    return parse_u64(digits, UINT64_MAX, &n)
           && !__builtin_mul_overflow(n, unit, v);
}

bool keyvals_take_bool(KeyVals *kv, const char *key, bool *v, GError **error)
{
    const char *text = keyvals_take(kv, key);

    if (text && !parse_bool(text, v)) {
        return fail(error, "%s=%s: expected on or off", key, text);
    }
    return true;
}

bool keyvals_take_u64(KeyVals *kv, const char *key, uint64_t max, uint64_t *v,
                      GError **error)
{
    const char *text = keyvals_take(kv, key);

    if (text && !parse_u64(text, max, v)) {
        return fail(error, "%s=%s: expected a number up to %" G_GUINT64_FORMAT,
                    key, text, max);
    }
    return true;
}

bool keyvals_done(const KeyVals *kv, const char *const *known, GError **error)
{
    for (guint i = 0; i < kv->items->len; i++) {
        const KeyVal *item = &g_array_index(kv->items, KeyVal, i);
        const char *near;
        g_autofree char *list = NULL;

        if (item->taken) {
            continue;
        }
        near = nearest_match(item->key, known);
        list = g_strjoinv(", ", (char **)(uintptr_t)known);
        return near ? fail(error,
                           "unknown option '%s': did you mean '%s'?"
                           " (there are: %s)",
                           item->key, near, list)
                    : fail(error, "unknown option '%s' (there are: %s)",
                           item->key, list);
    }
    return true;
}
