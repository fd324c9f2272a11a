/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recording, and the same without a log: what was posted is delivered now. */
#include "replay/replay_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>
#include <zstd.h>

#include "core/trace.h"
#include "replay/options_priv.h"
#include "replay/seal_priv.h"

#define ZSTD_LEVEL 3
#define MARK_NS 400000000 /* a mark at least every 500 ms while steps retire */
#define DIGEST_COST 100   /* points take at most 1/100 of the time */
#define DRAIN_MAX 1024    /* inputs in one pass */
#define IDLE_WAIT_NS NS_PER_SEC
#define IDLE_FLUSH_NS 50000000 /* wait no longer while entries are pending */

/* --- start ------------------------------------------------------------------- */

static GBytes *blob_pack(const ReplayBlob *b, LogBlob *out)
{
    gsize n;
    const void *p = g_bytes_get_data(b->data, &n);
    size_t bound = ZSTD_compressBound(n);
    uint8_t *packed = g_malloc(bound);
    size_t size = ZSTD_compress(packed, bound, p, n, ZSTD_LEVEL);

    g_assert(!ZSTD_isError(size));
    out->stored = size;
    out->stored_hash = XXH3_64bits(packed, size);
    return g_bytes_new_take(packed, size);
}

static bool record_blobs(Replay *r, const GPtrArray *blobs, GPtrArray *packed,
                         GError **error)
{
    for (guint i = 0; blobs && i < blobs->len; i++) {
        const ReplayBlob *b = g_ptr_array_index(blobs, i);
        LogBlob out = {.name = g_strdup(b->name)};
        GBytes *bytes = NULL;

        out.hash = blob_hash(b, &out.size);
        out.embed = b->data && (b->embed || r->o.embed);
        if (out.embed && out.size > LOG_BLOB_MAX) {
            g_free(out.name);
            return fail(error, "recording: '%s' is too big for a log", b->name);
        }
        if (out.embed) {
            bytes = blob_pack(b, &out);
        }
        g_array_append_val(r->h->blobs, out);
        g_ptr_array_add(packed, bytes);
    }
    return true;
}

static bool record_describe(Replay *r, const Seal *seal, GError **error)
{
    const GPtrArray *all = input_sources(r->vm);
    LogHeader *h = r->h;

    if (getrandom(h->id, sizeof(h->id), 0) != sizeof(h->id)) {
        return fail_errno(error, errno, "recording: no random numbers");
    }
    h->icount = r->o.icount;
    h->shift_auto = r->o.shift_auto;
    h->shift = (uint8_t)r->o.shift;
    h->sleep = r->o.sleep;
    h->align = r->o.align;
    h->rate = clock_rate(r->vm->clock);
    h->digest_every = r->o.digest_every;
    h->digest_full = r->o.digest_full;
    seal_free(h->seal);
    h->seal = seal_copy(seal);
    g_assert(all->len <= LOG_SOURCES_MAX);
    for (guint i = 0; i < all->len; i++) {
        const InputSource *s = g_ptr_array_index(all, i);
        LogSource out = {.name = g_strdup(s->name), .version = s->version};

        g_array_append_val(h->sources, out);
        g_ptr_array_add(r->sources, (gpointer)(uintptr_t)s);
    }
    g_ptr_array_free(h->parts, TRUE);
    h->parts = digest_parts(r->digest);
    return true;
}

bool record_start(Replay *r, const Seal *seal, const GPtrArray *blobs,
                  GError **error)
{
    g_autoptr(GPtrArray) packed =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    /* g_bytes_unref(NULL) does nothing */
    r->h = log_header_new();
    if (!record_describe(r, seal, error)
        || !record_blobs(r, blobs, packed, error)
        || !log_writer_begin(r->writer, r->h, packed, error)) {
        return false;
    }
    r->digests = r->o.digest_every > 0;
    if (r->digests) {
        digest_begin(r->digest);
    }
    r->last_entry = host_now();
    return true;
}

/* --- entries ----------------------------------------------------------------- */

static void record_append(Replay *r, uint32_t kind, const GByteArray *data,
                          HostTime now)
{
    LogEntry e = {.kind = kind, .at = r->now};

    if (data) {
        e.data = data->data;
        e.size = data->len;
    }
    log_writer_append(r->writer, &e, now);
    r->last_entry = now;
}

static uint32_t record_kind(const Replay *r, const InputSource *source)
{
    for (guint i = 0; i < r->sources->len; i++) {
        if (g_ptr_array_index(r->sources, i) == source) {
            return LOG_KIND_SOURCE + i;
        }
    }
    return 0;
}

static bool record_event(Replay *r, const InputSource *source,
                         const void *event)
{
    uint32_t kind = record_kind(r, source);
    Codec c;

    g_byte_array_set_size(r->scratch, 0);
    codec_init_write(&c, r->scratch);
    /* Writing does not change the event. */
    if (kind == 0 || !source->codec(&c, (void *)(uintptr_t)event)
        || r->scratch->len > LOG_ENTRY_MAX) {
        g_autofree char *text = g_strdup_printf(
            "an input of source '%s' cannot be recorded and was dropped",
            source->name);

        replay_set_report(r, text);
        r->log_failed = true;
        return false;
    }
    record_append(r, kind, r->scratch, host_now());
    return true;
}

/* The event happens now; recorded first. */
static bool record_happen(Replay *r, const InputSource *source,
                          const void *event)
{
    if (r->mode == REPLAY_RECORD && !record_event(r, source, event)) {
        return false;
    }
    trace(r->vm, replay_input, source->name);
    source->deliver(r->vm, event);
    replay_changed(r);
    return true;
}

bool record_poll(Replay *r, HostTime now, bool force)
{
    g_autoptr(GError) error = NULL;

    if (!log_writer_poll(r->writer, now, force || r->write_failed, &error)) {
        r->write_failed = true;
        replay_set_report(r, error->message);
        return false;
    }
    r->write_failed = false;
    return true;
}

static void record_digest(Replay *r)
{
    g_autoptr(LogDigest) d = log_digest_new();
    HostTime begin = host_now(), end;
    Codec c;

    digest_take(r->digest, r->o.digest_full, d);
    g_byte_array_set_size(r->scratch, 0);
    codec_init_write(&c, r->scratch);
    g_assert(log_digest_codec(&c, d) && r->scratch->len <= LOG_ENTRY_MAX);
    end = host_now();
    record_append(r, LOG_KIND_DIGEST, r->scratch, end);
    r->digest_at = r->now;
    r->digest_any = true;
    r->digest_due.ns = end.ns + (end.ns - begin.ns) * DIGEST_COST;
}

static bool record_digest_due(const Replay *r)
{
    if (!r->digests) {
        return false;
    }
    if (!r->digest_any) {
        return true;
    }
    return r->now.icount - r->digest_at.icount >= r->o.digest_every
           && (r->o.digest_every != REPLAY_DIGEST_EVERY
               || host_now().ns >= r->digest_due.ns);
}

/* Marks say how far the run got where no input does. */
static bool record_mark_due(const Replay *r)
{
    Moment last = log_writer_last(r->writer);
    uint64_t quiet =
        r->now.sequence - (last.icount == r->now.icount ? last.sequence : 0);

    return (r->looked && r->look.ns - r->last_entry.ns >= MARK_NS
            && last.icount != r->now.icount)
           || quiet >= REPLAY_QUIET_MAX;
}

static bool record_tune(Replay *r)
{
    ClockEvent e = {.kind = CLOCK_EVENT_RATE};

    return r->looked && r->o.shift_auto
           && pace_tune(&r->pace, r->vm, r->look, &e.value)
           && record_happen(r, &replay_clock_source, &e);
}

static bool record_inputs(Replay *r)
{
    bool changed = false;
    InputItem *item;

    for (unsigned n = 0; n < DRAIN_MAX && !r->vm->requests && !r->log_failed;
         n++) {
        item = input_take(r->vm->input);
        if (!item) {
            break;
        }
        if (!item->source->wanted || item->source->wanted(r->vm, item->event)) {
            changed |= record_happen(r, item->source, item->event);
        }
        input_item_free(item);
    }
    return changed;
}

/* False: the log cannot take anything now. */
static bool record_usable(Replay *r)
{
    if (r->over) {
        replay_set_report(r, "the recording has been closed");
        return false;
    }
    return !r->write_failed || record_poll(r, host_now(), true);
}

ReplayVerdict record_deliver(Replay *r)
{
    bool log = r->mode == REPLAY_RECORD;
    bool changed;

    if (log && !record_usable(r)) {
        return REPLAY_DIVERGED;
    }
    changed = record_inputs(r);
    if (!r->vm->requests && !r->log_failed) {
        changed |= record_tune(r);
        if (log && record_digest_due(r)) {
            record_digest(r);
        }
        if (log && record_mark_due(r)) {
            record_append(r, LOG_KIND_MARK, NULL, r->look);
        }
    }
    r->looked = false;
    if (r->log_failed) {
        r->log_failed = false;
        return REPLAY_DIVERGED;
    }
    return changed ? REPLAY_CHANGED : REPLAY_GO;
}

/* --- idle -------------------------------------------------------------------- */

/* Time jumps to a deadline: the same in replay, so nothing is logged. */
static ReplayVerdict record_arrive(Replay *r, VirtTime deadline)
{
    int64_t jump = deadline.ns - vm_now(r->vm).ns;

    if (jump <= 0) {
        return REPLAY_CHANGED; /* due already: the next pass runs it */
    }
    if (!r->o.sleep) {
        r->pace.base_virt += jump;
    }
    clock_jump(r->vm->clock, deadline);
    replay_changed(r);
    r->settled = false;
    return REPLAY_CHANGED;
}

/* An input ends the idle phase: time has moved on by then, but not to the
 * deadline. */
static void record_interrupted(Replay *r, int64_t target, const VirtTime *limit)
{
    ClockEvent e = {.kind = CLOCK_EVENT_IDLE};
    int64_t now = vm_now(r->vm).ns;

    if (limit) {
        target = MIN(target, limit->ns - 1);
    }
    if (target > now) {
        e.value = (uint64_t)(target - now);
        record_happen(r, &replay_clock_source, &e);
    }
}

static ReplayVerdict record_sleep(Replay *r, const VirtTime *deadline,
                                  ReplayWait *wait, void *opaque)
{
    HostTime now = host_now();
    int64_t slept = pace_idle(&r->pace, r->vm, r->now, now);
    int64_t left = INT64_MAX, most = IDLE_WAIT_NS;

    if (deadline) {
        left = deadline->ns - r->pace.idle_virt - slept;
    }
    if (r->mode == REPLAY_RECORD) {
        if (!record_poll(r, now, false)) {
            return REPLAY_DIVERGED;
        }
        most = IDLE_FLUSH_NS;
    }
    if (left <= 0) {
        pace_idle_over(&r->pace, now, -left);
        return record_arrive(r, *deadline);
    }
    if (input_pending(r->vm->input)) {
        pace_idle_over(&r->pace, now, 0);
        record_interrupted(r, r->pace.idle_virt + slept, deadline);
        return r->log_failed ? REPLAY_DIVERGED : REPLAY_CHANGED;
    }
    wait(opaque, MIN(left, most));
    return REPLAY_CHANGED;
}

ReplayVerdict record_idle(Replay *r, ReplayWait *wait, void *opaque)
{
    VirtTime deadline;
    bool any = clock_deadline(r->vm->clock, &deadline);

    if (r->mode == REPLAY_RECORD && !record_usable(r)) {
        return REPLAY_DIVERGED;
    }
    if (any && deadline.ns <= vm_now(r->vm).ns) {
        return REPLAY_CHANGED;
    }
    if (r->o.sleep) {
        return record_sleep(r, any ? &deadline : NULL, wait, opaque);
    }
    if (any) {
        return record_arrive(r, deadline);
    }
    if (r->mode == REPLAY_RECORD && !record_poll(r, host_now(), false)) {
        return REPLAY_DIVERGED;
    }
    r->pace.measuring = false;
    if (!input_pending(r->vm->input)) {
        wait(opaque, IDLE_FLUSH_NS);
    }
    return REPLAY_CHANGED;
}

/* --- end --------------------------------------------------------------------- */

bool record_end(Replay *r, VmCause cause, bool guest_off, GError **error)
{
    LogEnd end = {.cause = cause, .guest_off = guest_off};
    Codec c;

    /* In replay timers come before the end of the log at the same icount. A
     * guest that switched off was stopped before them in both. */
    if (!guest_off && !r->settled && clock_run_due(r->vm->clock)) {
        replay_changed(r);
    }
    end.virt_ns = vm_now(r->vm).ns;
    if (r->digests) {
        record_digest(r);
    }
    g_byte_array_set_size(r->scratch, 0);
    codec_init_write(&c, r->scratch);
    log_end_codec(&c, &end);
    record_append(r, LOG_KIND_END, r->scratch, host_now());
    if (!log_writer_finish(r->writer, error)) {
        return false;
    }
    if (r->checkpoints) {
        checkpoints_keep(r->checkpoints);
    }
    return true;
}
