/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failures of users, hosts and files: GError with one domain. */
#include "core/error.h"

#include <string.h>

#define NEAREST_MAX_LEN 64

static void set_message(GError **error, char *message)
{
    if (error) {
        g_set_error_literal(error, g_quark_from_static_string("reprise"), 0,
                            message);
    }
    g_free(message);
}

bool fail(GError **error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(error, g_strdup_vprintf(fmt, ap));
    va_end(ap);
    return false;
}

bool fail_errno(GError **error, int errnum, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    set_message(error, g_strdup_printf("%s: %s", text, g_strerror(errnum)));
    return false;
}

bool fail_prefix(GError **error, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (!error || !*error) {
        return false;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_prefix_error(error, "%s: ", text);
    return false;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    return MIN(MIN(a, b), c);
}

/* Edits (insert, delete, replace, swap of neighbours) from @a to @b, without
 * regard to case. */
static unsigned edit_distance(const char *a, const char *b)
{
    unsigned d[NEAREST_MAX_LEN + 1][NEAREST_MAX_LEN + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > NEAREST_MAX_LEN || nb > NEAREST_MAX_LEN) {
        return UINT_MAX;
    }
    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            char ca = i ? g_ascii_tolower(a[i - 1]) : 0;
            char cb = j ? g_ascii_tolower(b[j - 1]) : 0;

            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
                           d[i - 1][j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == g_ascii_tolower(b[j - 2])
                && cb == g_ascii_tolower(a[i - 2])) {
                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[na][nb];
}

const char *nearest_match(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t len = strlen(word);
    /* One mistake in three letters still looks like the same word. */
    unsigned limit = len <= 2 ? 1 : (unsigned)MIN(len / 3 + 1, 8);

    for (; *names; names++) {
        unsigned d = edit_distance(word, *names);

        if (d <= limit && d < MAX(len, strlen(*names))) {
            best = *names;
            limit = d ? d - 1 : 0;
            if (d == 0) {
                break;
            }
        }
    }
    return best;
}
