/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -icount shift=...,sleep=...,align=...,rr=...,rrfile=... */
#include "replay/options_priv.h"

#include <string.h>

#include "core/keyval.h"

#define MIB ((uint64_t)1 << 20)
#define SHIFT_MAX 10
#define SHIFT_AUTO_START 3

/* Those of tests are not told. */
static const char *const option_names[] = {
    "shift",  "sleep",         "align",    "rr",
    "rrfile", "rrsnapshot",    "rrdigest", "rrembed",
    "rrmem",  "rrcheckpoints", NULL,
};

static bool set_switch(bool *out, const char *name, const char *value,
                       GError **error)
{
    if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
        return fail(error, "icount: %s=%s: on or off", name, value);
    }
    *out = strcmp(value, "on") == 0;
    return true;
}

static bool set_shift(ReplayOptions *o, const char *value, GError **error)
{
    guint64 n = SHIFT_AUTO_START;

    o->shift_auto = strcmp(value, "auto") == 0;
    if (!o->shift_auto
        && !g_ascii_string_to_unsigned(value, 10, 0, SHIFT_MAX, &n, NULL)) {
        return fail(error, "icount: shift=%s: 0 to %d, or auto", value,
                    SHIFT_MAX);
    }
    o->shift = (int)n;
    o->shift_set = true;
    return true;
}

static bool set_mode(ReplayOptions *o, const char *value, GError **error)
{
    if (strcmp(value, "record") == 0) {
        o->mode = REPLAY_RECORD;
    } else if (strcmp(value, "replay") == 0) {
        o->mode = REPLAY_PLAY;
    } else {
        return fail(error, "icount: rr=%s: record or replay", value);
    }
    return true;
}

static bool set_digest(ReplayOptions *o, const char *value, GError **error)
{
    guint64 n = o->digest_every ? o->digest_every : REPLAY_DIGEST_EVERY;

    if (strcmp(value, "off") == 0) {
        n = 0;
        o->digest_full = false;
    } else if (strcmp(value, "full") == 0) {
        o->digest_full = true; /* rrdigest=N may come before or after */
    } else if (strcmp(value, "on") != 0
               && !g_ascii_string_to_unsigned(value, 10, 1, INT64_MAX, &n,
                                              NULL)) {
        return fail(error,
                    "icount: rrdigest=%s: off, full, or a number of steps",
                    value);
    }
    o->digest_every = n;
    return true;
}

static bool set_memory(ReplayOptions *o, const char *value, GError **error)
{
    if (!parse_size(value, MIB, &o->memory) || o->memory < MIB) {
        return fail(error, "icount: rrmem=%s: a size of at least 1M", value);
    }
    return true;
}

static bool set_count(uint64_t *out, const char *name, const char *value,
                      GError **error)
{
    return g_ascii_string_to_unsigned(value, 10, 1, INT64_MAX, out, NULL)
           || fail(error, "icount: %s=%s: a number from 1", name, value);
}

static bool set_option(ReplayOptions *o, const char *name, const char *value,
                       GError **error)
{
    const char *near;

    if (strcmp(name, "shift") == 0) {
        return set_shift(o, value, error);
    }
    if (strcmp(name, "sleep") == 0) {
        o->sleep_set = true;
        return set_switch(&o->sleep, name, value, error);
    }
    if (strcmp(name, "align") == 0) {
        o->align_set = true;
        return set_switch(&o->align, name, value, error);
    }
    if (strcmp(name, "rr") == 0) {
        return set_mode(o, value, error);
    }
    if (strcmp(name, "rrfile") == 0) {
        g_free(o->file);
        o->file = g_strdup(value);
        return true;
    }
    if (strcmp(name, "rrsnapshot") == 0) {
        g_free(o->snapshot);
        o->snapshot = g_strdup(value);
        return true;
    }
    if (strcmp(name, "rrdigest") == 0) {
        return set_digest(o, value, error);
    }
    if (strcmp(name, "rrembed") == 0) {
        return set_switch(&o->embed, name, value, error);
    }
    if (strcmp(name, "rrmem") == 0) {
        return set_memory(o, value, error);
    }
    if (strcmp(name, "rrcheckpoints") == 0) {
        o->checkpoints_set = true;
        return set_switch(&o->checkpoints, name, value, error);
    }
    if (strcmp(name, "rrtest-every") == 0) {
        return set_count(&o->test_every, name, value, error);
    }
    if (strcmp(name, "rrtest-rewinds") == 0) {
        return set_count(&o->test_rewinds, name, value, error);
    }
    near = nearest_match(name, option_names);
    return fail(error,
                near ? "icount: unknown option '%s', did you mean '%s'?"
                     : "icount: unknown option '%s'",
                name, near);
}

static bool options_agree(const ReplayOptions *o, GError **error)
{
    if (!o->shift_set && o->mode != REPLAY_NONE) {
        return fail(error, "icount: rr= needs shift=");
    }
    if (!o->shift_set && o->align_set) {
        return fail(error, "icount: align= needs shift=");
    }
    if (o->align && !o->sleep) {
        return fail(error, "icount: align=on and sleep=off do not go together");
    }
    if (o->align && o->shift_auto) {
        return fail(error,
                    "icount: align=on and shift=auto do not go together");
    }
    if (o->mode != REPLAY_NONE && (!o->file || !*o->file)) {
        return fail(error, "icount: rr= needs rrfile=");
    }
    if (o->snapshot && o->mode == REPLAY_NONE) {
        return fail(error, "icount: rrsnapshot= needs rr=");
    }
    return true;
}

static bool parse_pieces(ReplayOptions *o, const char *text, GError **error)
{
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, text, "shift");
    for (guint i = 0; i < kv.items->len; i++) {
        const KeyVal *item = &g_array_index(kv.items, KeyVal, i);

        if (!set_option(o, item->key, item->value, error)) {
            return false;
        }
    }
    return true;
}

bool replay_options_parse(ReplayOptions *o, const char *text, GError **error)
{
    ReplayOptions parsed = {
        .sleep = true,
        .shift = SHIFT_AUTO_START,
        .digest_every = REPLAY_DIGEST_EVERY,
    };

    if (!parse_pieces(&parsed, text, error) || !options_agree(&parsed, error)) {
        replay_options_clear(&parsed);
        return false;
    }
    parsed.icount = parsed.shift_set;
    replay_options_clear(o);
    *o = parsed;
    return true;
}

void replay_options_clear(ReplayOptions *o)
{
    g_clear_pointer(&o->file, g_free);
    g_clear_pointer(&o->snapshot, g_free);
}
