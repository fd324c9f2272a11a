/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The door: what the loop calls in every mode. */
#include "replay/replay_priv.h"

#include <xxhash.h>

#define SHIFT_AUTO_START 3
#define RATE_OF_SHIFT(shift) ((uint64_t)1 << (32 + (shift)))
#define PLAY_QUANTA 4 /* fewer looks at the host side while playing */
#define PLAY_STEPS_MAX 10000000
#define ALIGN_NS 1000000 /* align=on: how far the guest may be ahead */

static void replay_copy_options(Replay *r, const ReplayOptions *o)
{
    r->o = *o;
    r->o.file = g_strdup(o->file);
    r->o.snapshot = g_strdup(o->snapshot);
    if (!o->icount) {
        r->o.shift_auto = true;
        r->o.sleep = o->sleep_set ? o->sleep : true;
        r->o.align = false;
    }
    if (r->o.shift_auto) {
        r->o.shift = SHIFT_AUTO_START;
    }
}

Replay *replay_new(Vm *vm, const ReplayOptions *o, GError **error)
{
    Replay *r = g_new0(Replay, 1);
    bool ok = true;

    r->vm = vm;
    r->mode = o->mode;
    r->sources = g_ptr_array_new();
    r->scratch = g_byte_array_new();
    r->blobs = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    r->part_map = g_array_new(FALSE, TRUE, sizeof(guint));
    r->digest = digest_new(vm);
    r->rewindables = g_array_new(FALSE, FALSE, sizeof(ReplayRewindable));
    replay_copy_options(r, o);
    pace_init(&r->pace);
    vm->replay = r;
    if (r->mode == REPLAY_RECORD) {
        r->writer = log_writer_open(r->o.file, error);
        ok = r->writer;
    } else if (r->mode == REPLAY_PLAY) {
        ok = play_open(r, error);
    }
    if (!ok) {
        replay_free(r);
        return NULL;
    }
    return r;
}

void replay_free(Replay *r)
{
    if (!r) {
        return;
    }
    if (r->vm->replay == r) {
        r->vm->replay = NULL;
    }
    checkpoints_free(r->checkpoints);
    g_array_free(r->rewindables, TRUE);
    if (r->mode == REPLAY_RECORD) {
        log_header_free(r->h);
    }
    log_writer_free(r->writer);
    log_reader_free(r->reader);
    digest_free(r->digest);
    g_ptr_array_free(r->sources, TRUE);
    g_byte_array_unref(r->scratch);
    g_ptr_array_free(r->blobs, TRUE);
    g_array_free(r->part_map, TRUE);
    g_free(r->report);
    replay_options_clear(&r->o);
    g_free(r);
}

ReplayMode replay_mode(const Replay *r)
{
    return r->mode;
}

const Seal *replay_header_seal(const Replay *r)
{
    return r->mode == REPLAY_PLAY ? r->h->seal : NULL;
}

uint64_t blob_hash(const ReplayBlob *b, uint64_t *size)
{
    gsize n;
    const void *p;

    if (!b->data) {
        *size = b->size;
        return b->hash;
    }
    p = g_bytes_get_data(b->data, &n);
    *size = n;
    return XXH3_64bits(p, n);
}

static bool replay_wants_checkpoints(const Replay *r)
{
    return r->mode != REPLAY_NONE
           && (r->o.checkpoints_set ? r->o.checkpoints
                                    : r->mode == REPLAY_PLAY);
}

bool replay_start(Replay *r, const Seal *seal, GPtrArray *blobs, GError **error)
{
    bool ok = true;

    g_assert(!r->started);
    if (!input_source_find(r->vm, replay_clock_source.name)) {
        input_source_register(r->vm, &replay_clock_source);
    }
    clock_set_rate(r->vm->clock, RATE_OF_SHIFT(r->o.shift));
    replay_sync(r);
    if (r->mode == REPLAY_RECORD) {
        ok = record_start(r, seal, blobs, error);
    } else if (r->mode == REPLAY_PLAY) {
        ok = play_start(r, seal, blobs, error);
    }
    if (ok && replay_wants_checkpoints(r)) {
        r->checkpoints = checkpoints_new(r, &r->o);
        if (r->mode == REPLAY_PLAY) {
            checkpoints_find_kept(r->checkpoints);
        }
    }
    r->started = ok;
    return ok;
}

/* --- the loop ---------------------------------------------------------------- */

void replay_sync(Replay *r)
{
    uint64_t icount = clock_icount(r->vm->clock);

    if (icount != r->now.icount) {
        r->now = (Moment){icount, 0};
    }
}

void replay_changed(Replay *r)
{
    replay_sync(r);
    r->now.sequence++;
}

ReplayVerdict replay_deliver(Replay *r)
{
    ReplayVerdict v;

    g_assert(r->started);
    replay_sync(r);
    if (r->pace.stopped) {
        replay_resumed(r);
    }
    if (r->vm->requests) {
        return REPLAY_GO; /* they come first, at the next pass */
    }
    v = r->mode == REPLAY_PLAY ? play_deliver(r) : record_deliver(r);
    r->settled = v == REPLAY_GO;
    return v;
}

uint32_t replay_limit(Replay *r)
{
    uint64_t most = pace_slice(&r->pace, r->vm);

    replay_sync(r);
    if (r->mode == REPLAY_PLAY) {
        uint64_t limit = play_limit(r);

        if (r->checkpoints) {
            limit = MIN(limit, checkpoints_limit(r->checkpoints));
        }
        return (uint32_t)MIN(limit, MIN(most * PLAY_QUANTA, PLAY_STEPS_MAX));
    }
    return r->write_failed ? 0 : (uint32_t)MIN(most, REPLAY_MOST_STEPS);
}

/* align=on: the host sleeps while the guest is ahead of it. */
static void replay_align(Replay *r)
{
    int64_t ahead = pace_ahead(&r->pace, r->vm, r->look);

    if (ahead > ALIGN_NS) {
        g_usleep((gulong)(MIN(ahead, 10 * ALIGN_NS) / 1000));
        r->pace.measuring = false;
    }
}

void replay_ran(Replay *r)
{
    replay_sync(r);
    r->settled = false;
    if (!pace_ran(&r->pace, r->vm, &r->look)) {
        return;
    }
    r->looked = true;
    if (r->checkpoints) {
        checkpoints_ran(r->checkpoints);
    }
    if (r->o.align && r->mode != REPLAY_PLAY) {
        replay_align(r);
    }
    if (r->mode == REPLAY_RECORD) {
        record_poll(r, r->look, false);
    }
}

ReplayVerdict replay_idle(Replay *r, ReplayWait *wait, void *opaque)
{
    replay_sync(r);
    return r->mode == REPLAY_PLAY ? play_idle(r) : record_idle(r, wait, opaque);
}

void replay_stopped(Replay *r)
{
    pace_stop(&r->pace, host_now());
    if (r->checkpoints) {
        checkpoints_stopped(r->checkpoints);
    }
}

void replay_resumed(Replay *r)
{
    pace_resume(&r->pace, r->vm, host_now());
}

void replay_flush(Replay *r)
{
    if (r->mode == REPLAY_RECORD && r->started && !r->over) {
        record_poll(r, host_now(), false);
    }
}

bool replay_end(Replay *r, VmCause cause, bool guest_off, GError **error)
{
    bool ok = true;

    if (r->over || !r->started) {
        return true;
    }
    replay_sync(r);
    if (r->mode == REPLAY_RECORD) {
        ok = record_end(r, cause, guest_off, error);
    } else if (r->mode == REPLAY_PLAY && guest_off) {
        ok = play_end(r, cause, guest_off, error);
    }
    r->over = true;
    return ok;
}

/* --- going back --------------------------------------------------------------- */

void replay_add_rewindable(Replay *r, const Rewindable *ops, void *opaque)
{
    ReplayRewindable w = {ops, opaque};

    g_assert(!r->checkpoints || !checkpoint_first(r->checkpoints));
    g_array_append_val(r->rewindables, w);
}

void replay_beside(Replay *r)
{
    if (!r->beside) {
        r->beside = true;
        r->beside_at = replay_moment(r);
    }
}

void replay_mark(const Replay *r, ReplayMark *out)
{
    *out = (ReplayMark){
        .now = replay_moment(r),
        .last_played = r->last_played,
        .good = r->good,
        .good_any = r->good_any,
        .output = digest_output_hash(r->digest),
    };
    if (r->mode == REPLAY_PLAY) {
        if (r->have_next) {
            out->next = r->next_pos;
        } else {
            log_reader_tell(r->reader, &out->next);
        }
    }
}

void replay_rewind(Replay *r, const ReplayMark *mark)
{
    /* the clock is there already: what is the furthest moment was noted */
    r->now = mark->now;
    r->final = REPLAY_GO;
    r->over = false;
    r->settled = false;
    r->looked = false;
    r->pace.measuring = false;
    g_clear_pointer(&r->report, g_free);
    digest_rewind(r->digest, mark->output);
    r->vm->requests = 0;
    r->vm->cause = VM_CAUSE_NONE;
    r->vm->exit_status = -1;
    r->vm->horizon = false;
    r->vm->turn_over = false;
    play_rewind(r, mark);
}

/* --- looking ----------------------------------------------------------------- */

uint64_t replay_sequence(const Replay *r)
{
    return clock_icount(r->vm->clock) == r->now.icount ? r->now.sequence : 0;
}

Moment replay_moment(const Replay *r)
{
    return (Moment){clock_icount(r->vm->clock), replay_sequence(r)};
}

Moment replay_furthest(const Replay *r)
{
    Moment now = replay_moment(r);

    return moment_compare(now, r->furthest) > 0 ? now : r->furthest;
}

bool replay_behind(const Replay *r)
{
    return moment_compare(replay_moment(r), r->furthest) < 0;
}

Checkpoints *replay_checkpoints(const Replay *r)
{
    return r->checkpoints;
}

void replay_recording_id(const Replay *r, uint8_t out[REPLAY_ID_BYTES])
{
    G_STATIC_ASSERT(REPLAY_ID_BYTES == LOG_ID_BYTES);
    memset(out, 0, REPLAY_ID_BYTES);
    if (r->h && r->mode != REPLAY_NONE) {
        memcpy(out, r->h->id, REPLAY_ID_BYTES);
    }
}

bool replay_counts(const Replay *r)
{
    return r->mode == REPLAY_PLAY ? r->h->icount : r->o.icount;
}

const char *replay_file(const Replay *r)
{
    return r->o.file;
}

uint64_t replay_end_icount(const Replay *r)
{
    return r->end_at.icount;
}

bool replay_ended_guest_off(const Replay *r)
{
    return r->end_guest_off;
}

const char *replay_report(const Replay *r)
{
    return r->report;
}

void replay_set_report(Replay *r, const char *text)
{
    g_free(r->report);
    r->report = g_strdup(text);
}

uint64_t replay_digest(Replay *r)
{
    g_autoptr(LogDigest) d = log_digest_new();

    digest_take(r->digest, false, d);
    return log_digest_hash(d);
}

void replay_output(Replay *r, const void *buf, size_t size)
{
    digest_output(r->digest, buf, size);
}

bool replay_refuse_action(const Replay *r, const char *what, GError **error)
{
    if (r->mode != REPLAY_PLAY) {
        return false;
    }
    fail(error, "%s changes the machine; in replay it comes from the recording",
         what);
    return true;
}
