/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seal: what the guest can see of its machine, and the comparison. */
#include "replay/seal_priv.h"

#include <stdarg.h>
#include <string.h>

#include "replay/log_priv.h"

static void seal_field_clear(gpointer p)
{
    SealField *f = p;

    g_free(f->key);
    g_free(f->value);
}

static GArray *seal_fields_new(void)
{
    GArray *a = g_array_new(FALSE, TRUE, sizeof(SealField));

    g_array_set_clear_func(a, seal_field_clear);
    return a;
}

Seal *seal_new(void)
{
    Seal *s = g_new0(Seal, 1);

    s->fields = seal_fields_new();
    s->notes = seal_fields_new();
    return s;
}

void seal_free(Seal *s)
{
    if (!s) {
        return;
    }
    g_array_free(s->fields, TRUE);
    g_array_free(s->notes, TRUE);
    g_free(s);
}

static void seal_put(GArray *a, const char *key, const char *fmt, va_list ap)
    G_GNUC_PRINTF(3, 0);

static void seal_put(GArray *a, const char *key, const char *fmt, va_list ap)
{
    SealField f = {.key = g_strdup(key), .value = g_strdup_vprintf(fmt, ap)};

    g_array_append_val(a, f);
}

void seal_add(Seal *s, const char *key, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    seal_put(s->fields, key, fmt, ap);
    va_end(ap);
}

void seal_note(Seal *s, const char *key, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    seal_put(s->notes, key, fmt, ap);
    va_end(ap);
}

Seal *seal_copy(const Seal *s)
{
    Seal *t = seal_new();

    for (guint i = 0; i < s->fields->len; i++) {
        const SealField *f = &g_array_index(s->fields, SealField, i);

        seal_add(t, f->key, "%s", f->value);
    }
    for (guint i = 0; i < s->notes->len; i++) {
        const SealField *f = &g_array_index(s->notes, SealField, i);

        seal_note(t, f->key, "%s", f->value);
    }
    t->calendar_sec = s->calendar_sec;
    memcpy(t->seed, s->seed, sizeof(t->seed));
    return t;
}

static bool seal_fields_codec(Codec *c, GArray *a)
{
    uint32_t n = a->len;

    if (!codec_size(c, &n, LOG_FIELDS_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        SealField *f;

        if (c->mode == CODEC_READ) {
            g_array_set_size(a, i + 1);
        }
        f = &g_array_index(a, SealField, i);
        if (!codec_str(c, &f->key, LOG_NAME_MAX)
            || !codec_str(c, &f->value, LOG_VALUE_MAX)) {
            return false;
        }
    }
    return true;
}

bool seal_codec(Codec *c, Seal *s)
{
    return codec_i64(c, &s->calendar_sec)
           && codec_bytes(c, s->seed, sizeof(s->seed))
           && seal_fields_codec(c, s->fields) && seal_fields_codec(c, s->notes);
}

/* The value of the @nth field called @key; NULL when there are fewer. */
static const char *seal_find(const Seal *s, const char *key, unsigned nth)
{
    for (guint i = 0; i < s->fields->len; i++) {
        const SealField *f = &g_array_index(s->fields, SealField, i);

        if (strcmp(f->key, key) == 0 && nth-- == 0) {
            return f->value;
        }
    }
    return NULL;
}

/* How many fields before number @i have its key. */
static unsigned seal_rank(const Seal *s, guint i)
{
    const char *key = g_array_index(s->fields, SealField, i).key;
    unsigned n = 0;

    for (guint k = 0; k < i; k++) {
        n += strcmp(g_array_index(s->fields, SealField, k).key, key) == 0;
    }
    return n;
}

static void seal_difference(GString *out, const char *key, const char *recorded,
                            const char *here)
{
    g_string_append_printf(out, "\n  %s: recorded %s, this machine %s", key,
                           recorded ? recorded : "without",
                           here ? here : "without");
}

bool seal_compare(const Seal *recorded, const Seal *here, GString *out)
{
    gsize before = out->len;

    for (guint i = 0; i < recorded->fields->len; i++) {
        const SealField *f = &g_array_index(recorded->fields, SealField, i);
        const char *v = seal_find(here, f->key, seal_rank(recorded, i));

        if (!v || strcmp(v, f->value) != 0) {
            seal_difference(out, f->key, f->value, v);
        }
    }
    for (guint i = 0; i < here->fields->len; i++) {
        const SealField *f = &g_array_index(here->fields, SealField, i);

        if (!seal_find(recorded, f->key, seal_rank(here, i))) {
            seal_difference(out, f->key, NULL, f->value);
        }
    }
    return out->len == before;
}
