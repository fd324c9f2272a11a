/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Playing: inputs come from the log at exactly their moments. Every way in
 * which log and machine can disagree ends in a report, never in a wait.
 */
#include "replay/replay_priv.h"

#include <string.h>

#include "core/trace.h"
#include "replay/seal_priv.h"

/* --- opening ----------------------------------------------------------------- */

static char *shift_text(bool is_auto, int shift)
{
    return is_auto ? g_strdup("auto") : g_strdup_printf("%d", shift);
}

static bool play_options_agree(const Replay *r, GError **error)
{
    const ReplayOptions *o = &r->o;
    const LogHeader *h = r->h;
    g_autofree char *recorded = shift_text(h->shift_auto, h->shift);
    g_autofree char *here = shift_text(o->shift_auto, o->shift);

    if (o->shift_set && strcmp(recorded, here) != 0) {
        return fail(error,
                    "icount shift: recorded %s, the command line says "
                    "%s",
                    recorded, here);
    }
    if (o->sleep_set && o->sleep != h->sleep) {
        return fail(error,
                    "icount sleep: recorded %s, the command line says "
                    "%s",
                    h->sleep ? "on" : "off", o->sleep ? "on" : "off");
    }
    if (o->align_set && o->align != h->align) {
        return fail(error,
                    "icount align: recorded %s, the command line says "
                    "%s",
                    h->align ? "on" : "off", o->align ? "on" : "off");
    }
    return true;
}

/* All embedded blobs, so that a damaged one is told before the guest runs. */
static bool play_blobs(Replay *r, GError **error)
{
    g_ptr_array_set_size(r->blobs, (gint)r->h->blobs->len);
    for (guint i = 0; i < r->h->blobs->len; i++) {
        const LogBlob *b = &g_array_index(r->h->blobs, LogBlob, i);

        if (!b->embed) {
            continue;
        }
        r->blobs->pdata[i] = log_reader_blob(r->reader, b, error);
        if (!r->blobs->pdata[i]) {
            return fail_prefix(error, "log '%s'", r->o.file);
        }
    }
    return true;
}

bool play_open(Replay *r, GError **error)
{
    const LogIndex *footer;

    r->reader = log_reader_open(r->o.file, error);
    if (!r->reader) {
        return false;
    }
    /* Nothing here changes the header. */
    r->h = (LogHeader *)(uintptr_t)log_reader_header(r->reader);
    if (!play_options_agree(r, error)) {
        return fail_prefix(error, "log '%s'", r->o.file);
    }
    if (!play_blobs(r, error)) {
        return false;
    }
    r->o.shift_auto = r->h->shift_auto;
    r->o.shift = r->h->shift;
    r->o.sleep = r->h->sleep;
    r->o.align = r->h->align;
    r->o.digest_every = r->h->digest_every;
    r->o.digest_full = r->h->digest_full;
    r->end_at = log_reader_last(r->reader);
    footer = log_reader_footer(r->reader);
    r->end_guest_off = footer && footer->ended && footer->end.guest_off;
    return true;
}

GBytes *replay_blob(Replay *r, const char *name)
{
    for (guint i = 0; r->mode == REPLAY_PLAY && i < r->h->blobs->len; i++) {
        if (strcmp(g_array_index(r->h->blobs, LogBlob, i).name, name) == 0) {
            return g_ptr_array_index(r->blobs, i);
        }
    }
    return NULL;
}

/* --- is it the same machine? --------------------------------------------------- */

static bool play_sources(Replay *r, GError **error)
{
    for (guint i = 0; i < r->h->sources->len; i++) {
        const LogSource *s = &g_array_index(r->h->sources, LogSource, i);
        const InputSource *here = input_source_find(r->vm, s->name);

        if (here && here->version != s->version) {
            return fail(error,
                        "its events of source '%s' have version %u, "
                        "this program has %u",
                        s->name, s->version, here->version);
        }
        /* Unknown ones matter only if the log uses them. */
        g_ptr_array_add(r->sources, (gpointer)(uintptr_t)here);
    }
    return true;
}

static const ReplayBlob *blob_find(const GPtrArray *blobs, const char *name)
{
    for (guint i = 0; blobs && i < blobs->len; i++) {
        const ReplayBlob *b = g_ptr_array_index(blobs, i);

        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }
    return NULL;
}

static void play_compare_blobs(const Replay *r, const GPtrArray *blobs,
                               GString *out)
{
    for (guint i = 0; i < r->h->blobs->len; i++) {
        const LogBlob *b = &g_array_index(r->h->blobs, LogBlob, i);
        const ReplayBlob *here = blob_find(blobs, b->name);
        uint64_t size = 0, hash = here ? blob_hash(here, &size) : 0;

        if (!here) {
            g_string_append_printf(
                out, "\n  %s: recorded with, this machine without", b->name);
        } else if (size != b->size || hash != b->hash) {
            g_string_append_printf(out,
                                   "\n  %s: another content: recorded %" PRIu64
                                   " bytes (hash %016" PRIx64 "), here %" PRIu64
                                   " bytes (hash %016" PRIx64 ")",
                                   b->name, b->size, b->hash, size, hash);
        }
    }
    for (guint i = 0; blobs && i < blobs->len; i++) {
        const ReplayBlob *b = g_ptr_array_index(blobs, i);
        bool known = false;

        for (guint k = 0; k < r->h->blobs->len; k++) {
            known |=
                strcmp(g_array_index(r->h->blobs, LogBlob, k).name, b->name)
                == 0;
        }
        if (!known) {
            g_string_append_printf(
                out, "\n  %s: recorded without, this machine with", b->name);
        }
    }
}

static void play_compare_start(const Replay *r, const Seal *seal, GString *out)
{
    const Seal *s = r->h->seal;

    if (s->calendar_sec != seal->calendar_sec) {
        g_string_append_printf(out,
                               "\n  rtc base: recorded %" PRId64
                               " s, this machine %" PRId64 " s",
                               s->calendar_sec, seal->calendar_sec);
    }
    if (memcmp(s->seed, seal->seed, sizeof(s->seed)) != 0) {
        g_string_append(out, "\n  seed: another one than recorded");
    }
}

/* Which of our parts each recorded part is; differences go to @out. */
static void play_map_parts(Replay *r, GString *out)
{
    g_autoptr(GPtrArray) here = digest_parts(r->digest);
    g_autofree bool *used = g_new0(bool, MAX(here->len, 1));

    for (guint i = 0; i < r->h->parts->len; i++) {
        const char *name = g_ptr_array_index(r->h->parts, i);
        guint k = 0;

        while (k < here->len
               && (used[k] || strcmp(g_ptr_array_index(here, k), name) != 0)) {
            k++;
        }
        if (k == here->len) {
            g_string_append_printf(
                out, "\n  %s: recorded with, this machine without", name);
            continue;
        }
        used[k] = true;
        g_array_append_val(r->part_map, k);
    }
    for (guint k = 0; k < here->len; k++) {
        if (!used[k]) {
            g_string_append_printf(
                out, "\n  %s: recorded without, this machine with",
                (const char *)g_ptr_array_index(here, k));
        }
    }
}

bool play_start(Replay *r, const Seal *seal, const GPtrArray *blobs,
                GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!play_sources(r, error)) {
        return fail_prefix(error, "log '%s'", r->o.file);
    }
    seal_compare(r->h->seal, seal, out);
    play_compare_start(r, seal, out);
    play_compare_blobs(r, blobs, out);
    if (out->len == 0) {
        play_map_parts(r, out);
    }
    if (out->len > 0) {
        return fail(error, "log '%s' was recorded on another machine:%s",
                    r->o.file, out->str);
    }
    clock_set_rate(r->vm->clock, r->h->rate);
    input_set_closed(r->vm->input, true);
    r->digests = r->h->digest_every > 0;
    if (r->digests) {
        digest_begin(r->digest);
    }
    return true;
}

/* --- entries ----------------------------------------------------------------- */

/* Make the next entry known; false: there is none, and r->final says why. */
static bool play_fetch(Replay *r)
{
    if (r->have_next || r->final != REPLAY_GO) {
        return r->have_next;
    }
    log_reader_tell(r->reader, &r->next_pos);
    if (log_reader_next(r->reader, &r->next)) {
        r->have_next = true;
        return true;
    }
    if (log_reader_state(r->reader) == LOG_READ_DAMAGED) {
        replay_diverged(r, "the log is damaged: %s", log_reader_why(r->reader));
        return false;
    }
    r->final = REPLAY_ENDED;
    if (log_reader_state(r->reader) == LOG_READ_CUT) {
        g_autofree char *text =
            g_strdup_printf("recording was cut: %s", log_reader_why(r->reader));

        replay_set_report(r, text);
    }
    return false;
}

static void play_used(Replay *r)
{
    r->last_played = r->next.at;
    r->have_next = false;
}

static void play_digest(Replay *r)
{
    g_autoptr(LogDigest) expected = log_digest_new();
    g_autoptr(LogDigest) seen = log_digest_new();
    Codec c;

    codec_init_read(&c, r->next.data, r->next.size);
    if (!log_digest_codec(&c, expected) || codec_left(&c) != 0
        || expected->parts->len != r->h->parts->len || !r->digests) {
        replay_diverged(r, "the log holds a malformed digest point");
        return;
    }
    digest_take(r->digest, expected->rows->len > 0, seen);
    for (guint i = 0; i < expected->parts->len; i++) {
        guint k = g_array_index(r->part_map, guint, i);

        if (g_array_index(expected->parts, uint64_t, i)
            != g_array_index(seen->parts, uint64_t, k)) {
            report_digest(r, expected, seen, i);
            return;
        }
    }
    r->good = r->now;
    r->good_any = true;
    play_used(r);
}

static void play_input(Replay *r)
{
    const InputSource *s =
        g_ptr_array_index(r->sources, r->next.kind - LOG_KIND_SOURCE);
    g_autofree void *event = NULL;
    bool ok;
    Codec c;

    if (!s) {
        const LogSource *l = &g_array_index(r->h->sources, LogSource,
                                            r->next.kind - LOG_KIND_SOURCE);

        replay_diverged(r,
                        "the log has an event of source '%s', which this "
                        "machine does not have",
                        l->name);
        return;
    }
    event = g_malloc0(MAX(s->event_size, 1));
    codec_init_read(&c, r->next.data, r->next.size);
    ok = s->codec(&c, event) && codec_left(&c) == 0;
    if (ok) {
        play_used(r);
        trace(r->vm, replay_input, s->name);
        s->deliver(r->vm, event);
        replay_changed(r);
    } else {
        replay_diverged(r, "an event of source '%s' is malformed", s->name);
    }
    if (s->clear) {
        s->clear(event);
    }
}

static bool play_decode_end(Replay *r, LogEnd *end)
{
    Codec c;

    codec_init_read(&c, r->next.data, r->next.size);
    if (log_end_codec(&c, end) && codec_left(&c) == 0) {
        return true;
    }
    replay_diverged(r, "the end of the log is malformed");
    return false;
}

/* The end is due, and the machine has not asked to be switched off. */
static void play_log_end(Replay *r)
{
    LogEnd end = {0};

    if (!play_decode_end(r, &end)) {
        return;
    }
    if (end.guest_off) {
        replay_diverged(r,
                        "the recording ends here with the machine switched "
                        "off (%s); this one goes on",
                        vm_cause_name(end.cause));
        return;
    }
    play_used(r);
    r->end_guest_off = false;
    r->final = REPLAY_ENDED;
}

/* One entry whose moment is now; true when the guest changed. */
static bool play_entry(Replay *r)
{
    switch (r->next.kind) {
    case LOG_KIND_MARK:
        play_used(r);
        return false;
    case LOG_KIND_DIGEST:
        play_digest(r);
        return false;
    case LOG_KIND_END:
        play_log_end(r);
        return false;
    default:
        play_input(r);
        return true;
    }
}

/* Deliver all that is due. */
static bool play_due(Replay *r)
{
    bool changed = false;

    while (r->final == REPLAY_GO && !r->vm->requests && play_fetch(r)) {
        int order = moment_compare(r->next.at, r->now);

        if (order > 0) {
            break;
        }
        if (order < 0) {
            g_autofree char *what = report_entry(r, &r->next);

            replay_diverged(r,
                            "the machine has passed the moment of an entry "
                            "of the log: %s",
                            what);
            break;
        }
        changed |= play_entry(r);
    }
    return changed;
}

ReplayVerdict play_deliver(Replay *r)
{
    bool again = r->round && moment_compare(r->round_at, r->now) == 0;
    bool changed = play_due(r);

    r->round = false;
    if (r->final != REPLAY_GO) {
        return r->final;
    }
    if (changed || r->vm->requests) {
        return changed ? REPLAY_CHANGED : REPLAY_GO;
    }
    if (again && r->next.at.icount == r->now.icount) {
        g_autofree char *what = report_entry(r, &r->next);

        replay_diverged(r,
                        "nothing more happens at this instruction, but the "
                        "log goes on here: %s",
                        what);
        return r->final;
    }
    return REPLAY_GO;
}

uint32_t play_limit(Replay *r)
{
    uint64_t steps = 0;

    if (r->have_next && r->next.at.icount > r->now.icount) {
        steps = r->next.at.icount - r->now.icount;
    }
    if (steps == 0) {
        r->round = true;
        r->round_at = r->now;
    }
    return (uint32_t)MIN(steps, REPLAY_MOST_STEPS);
}

ReplayVerdict play_idle(Replay *r)
{
    uint64_t from =
        r->last_played.icount == r->now.icount ? r->last_played.sequence : 0;
    VirtTime deadline;

    if (r->final != REPLAY_GO || !play_fetch(r)) {
        return r->final;
    }
    if (moment_compare(r->next.at, r->now) <= 0) {
        return REPLAY_CHANGED;
    }
    if (!clock_deadline(r->vm->clock, &deadline)) {
        g_autofree char *what = report_entry(r, &r->next);

        replay_diverged(r,
                        "all vCPUs are halted and no timer is armed, but "
                        "the log goes on: %s",
                        what);
        return r->final;
    }
    if (r->now.sequence - from > REPLAY_QUIET_MAX + 64) {
        replay_diverged(r, "all vCPUs stay halted, but the log goes on");
        return r->final;
    }
    if (deadline.ns > vm_now(r->vm).ns) {
        clock_jump(r->vm->clock, deadline);
        replay_changed(r);
    }
    return REPLAY_CHANGED;
}

/* --- back ------------------------------------------------------------------------- */

void play_rewind(Replay *r, const ReplayMark *mark)
{
    log_reader_seek(r->reader, &mark->next);
    r->have_next = false;
    r->last_played = mark->last_played;
    r->good = mark->good;
    r->good_any = mark->good_any;
    r->round = false;
}

/* --- the guest switched the machine off ------------------------------------------ */

bool play_end(Replay *r, VmCause cause, bool guest_off, GError **error)
{
    LogEnd end = {0};

    while (
        play_fetch(r) && moment_compare(r->next.at, r->now) == 0
        && (r->next.kind == LOG_KIND_MARK || r->next.kind == LOG_KIND_DIGEST)) {
        play_entry(r);
        if (r->final != REPLAY_GO) {
            break;
        }
    }
    if (r->final == REPLAY_ENDED) {
        return true; /* cut right here */
    }
    if (r->final == REPLAY_GO
        && (r->next.kind != LOG_KIND_END
            || moment_compare(r->next.at, r->now) != 0)) {
        g_autofree char *what = report_entry(r, &r->next);

        replay_diverged(r,
                        "the machine switches off here (%s), but the log "
                        "goes on: %s",
                        vm_cause_name(cause), what);
    } else if (r->final == REPLAY_GO && play_decode_end(r, &end)
               && (!end.guest_off || end.cause != cause)) {
        replay_diverged(r, "the machine switches off here (%s); recorded: %s",
                        vm_cause_name(cause), vm_cause_name(end.cause));
    }
    if (r->final == REPLAY_DIVERGED) {
        return fail(error, "%s", r->report);
    }
    r->end_guest_off = true;
    r->final = REPLAY_ENDED;
    return true;
}
