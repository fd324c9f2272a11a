/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host threads that do the work of requests, and what happens when it fails. */
#include "block/drive_priv.h"

#include <errno.h>
#include <string.h>

#include "block/hash_priv.h"

#define POOL_THREADS 4

BlkJob *blk_job_new(Drive *d, uint32_t slot, BlkOp op)
{
    BlkJob *j = g_new0(BlkJob, 1);

    j->refs = 1;
    j->drive = d;
    j->slot = slot;
    j->op = op;
    j->serial = ++blk_state(d->vm)->serial;
    j->node = block_ref(d->node);
    j->overlay = overlay_ref(d->overlay);
    j->under = overlay_ref(d->under);
    j->begin_ns = host_now().ns;
    return j;
}

void blk_job_unref(BlkJob *j)
{
    if (!j || !g_atomic_int_dec_and_test(&j->refs)) {
        return;
    }
    g_free(j->data);
    block_unref(j->node);
    overlay_unref(j->overlay);
    overlay_unref(j->under);
    if (j->pieces) {
        g_array_free(j->pieces, TRUE);
    }
    g_free(j);
}

BlkResult blk_result_of(int err)
{
    switch (err) {
    case 0:
        return BLK_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return BLK_ENOSPC;
    case ENOMEDIUM:
        return BLK_ENOMEDIUM;
    default:
        return BLK_EIO;
    }
}

/* --- the work ---------------------------------------------------------------- */

/* The base may end before the disk does. */
static int base_read(BlockNode *node, uint64_t at, uint8_t *buf, size_t bytes)
{
    uint64_t size = node ? block_bytes(node) : 0;
    size_t there = at < size ? (size_t)MIN(bytes, size - at) : 0;

    memset(buf + there, 0, bytes - there);
    return there ? block_read(node, at, buf, there) : 0;
}

static int job_read(BlkJob *j)
{
    uint64_t done = 0;
    int err = 0;

    if (!j->pieces) {
        return base_read(j->node, j->offset, j->data, j->bytes);
    }
    for (guint i = 0; i < j->pieces->len && !err; i++) {
        const OverlayPiece *p = &g_array_index(j->pieces, OverlayPiece, i);

        switch (p->from) {
        case OVERLAY_LOG:
            err = overlay_fetch(j->overlay, p->at, j->data + done, p->bytes);
            break;
        case OVERLAY_UNDER:
            err = overlay_fetch(j->under, p->at, j->data + done, p->bytes);
            break;
        case OVERLAY_ZERO:
            memset(j->data + done, 0, p->bytes);
            break;
        case OVERLAY_BASE:
            err = base_read(j->node, p->at, j->data + done, p->bytes);
            break;
        }
        done += p->bytes;
    }
    return err;
}

static int job_work(BlkJob *j)
{
    int err = 0;

    if (j->nothing) {
        return 0;
    }
    switch (j->op) {
    case BLK_READ:
        return job_read(j);
    case BLK_WRITE:
        err = block_write(j->node, j->offset, j->data, j->bytes);
        break;
    case BLK_FLUSH:
        return block_flush(j->node);
    case BLK_DISCARD:
        err = block_discard(j->node, j->offset, j->bytes);
        break;
    case BLK_WRITE_ZEROES:
        err = block_write_zeroes(j->node, j->offset, j->bytes);
        break;
    case BLK_OP_COUNT:
        return EINVAL;
    }
    if (!err && j->drive->writethrough) {
        err = block_flush(j->node);
    }
    return err;
}

/* --- errors -------------------------------------------------------------------- */

static DriveOnError job_policy(const BlkJob *j, int err)
{
    DriveOnError on =
        j->op == BLK_READ ? j->drive->on_read : j->drive->on_write;

    if (on == DRIVE_ENOSPC) {
        on = blk_result_of(err) == BLK_ENOSPC ? DRIVE_STOP : DRIVE_REPORT;
    }
    return on;
}

static void job_tell(const BlkJob *j, DriveOnError on, int err)
{
    static const char *const actions[] = {"report", "ignore", "stop"};
    const Drive *d = j->drive;
    BlkState *st = blk_state(d->vm);
    g_autofree char *data = g_strdup_printf(
        "{\"device\": \"%s\", \"node-name\": \"%s\", \"operation\": \"%s\", "
        "\"action\": \"%s\", \"nospace\": %s, \"reason\": \"%s\"}",
        d->id ? d->id : "", j->node ? block_node_name(j->node) : "",
        j->op == BLK_READ ? "read" : "write", actions[on],
        err == ENOSPC ? "true" : "false", g_strerror(err));

    if (st->hooks.event) {
        st->hooks.event(st->vm, "BLOCK_IO_ERROR", data);
    }
}

static void job_post(const BlkJob *j);

static void job_over(BlkJob *j, int err)
{
    BlkState *st = blk_state(j->drive->vm);
    DriveOnError on = err ? job_policy(j, err) : DRIVE_IGNORE;
    bool stop = err && on == DRIVE_STOP;
    uint32_t hash = 0;

    if (err) {
        job_tell(j, on, err);
    }
    if (err && on == DRIVE_IGNORE) {
        err = 0;
        if (j->op == BLK_READ) {
            memset(j->data, 0, j->bytes);
        }
    }
    if (!err && j->op == BLK_READ) {
        hash = blk_hash(j->data, j->bytes);
    }
    g_mutex_lock(&st->lock);
    j->err = err;
    j->hash = hash;
    j->done = !stop;
    if (stop) {
        g_atomic_int_inc(&j->refs);
        g_queue_push_tail(&j->drive->stopped, j);
    } else {
        job_post(j);
    }
    st->running--;
    g_cond_broadcast(&st->finished);
    g_mutex_unlock(&st->lock);
    if (stop && st->hooks.stop) {
        st->hooks.stop(st->vm);
    }
}

static void job_run(gpointer job, gpointer state)
{
    BlkJob *j = job;

    job_over(j, job_work(j));
    blk_job_unref(j);
}

void blk_job_start(BlkJob *j)
{
    BlkState *st = blk_state(j->drive->vm);

    g_atomic_int_inc(&j->refs);
    g_mutex_lock(&st->lock);
    st->running++;
    j->done = false;
    g_mutex_unlock(&st->lock);
    g_thread_pool_push(st->pool, j, NULL);
}

bool blk_job_wait(BlkJob *j)
{
    BlkState *st = blk_state(j->drive->vm);
    bool done;

    g_mutex_lock(&st->lock);
    while (!j->done && !g_queue_find(&j->drive->stopped, j)) {
        g_cond_wait(&st->finished, &st->lock);
    }
    done = j->done;
    g_mutex_unlock(&st->lock);
    return done;
}

void blk_drain(BlkState *st)
{
    g_mutex_lock(&st->lock);
    while (st->running) {
        g_cond_wait(&st->finished, &st->lock);
    }
    g_mutex_unlock(&st->lock);
}

void drives_resumed(Vm *vm)
{
    BlkState *st = vm->blk;

    for (guint i = 0; st && i < st->attached->len; i++) {
        Drive *d = g_ptr_array_index(st->attached, i);
        BlkJob *j;

        for (;;) {
            g_mutex_lock(&st->lock);
            j = g_queue_pop_head(&d->stopped);
            g_mutex_unlock(&st->lock);
            if (!j) {
                break;
            }
            blk_job_start(j);
            blk_job_unref(j);
        }
    }
}

bool drive_io_failed(const Drive *d)
{
    BlkState *st = blk_state(d->vm);
    bool failed;

    g_mutex_lock(&st->lock);
    failed = d->stopped.length > 0;
    g_mutex_unlock(&st->lock);
    return failed;
}

void blk_pool_start(BlkState *st)
{
    g_mutex_init(&st->lock);
    g_cond_init(&st->finished);
    st->pool = g_thread_pool_new(job_run, st, POOL_THREADS, FALSE, NULL);
}

void blk_pool_stop(BlkState *st)
{
    blk_drain(st);
    g_thread_pool_free(st->pool, FALSE, TRUE);
    g_mutex_clear(&st->lock);
    g_cond_clear(&st->finished);
}

/* --- the completion as an input ------------------------------------------------- */

/* "where" in the log is small for small numbers of drives and slots. */
typedef struct BlkEvent {
    uint32_t drive, slot;
    uint8_t result;
    bool hashed;
    uint32_t hash;
    uint64_t serial; /* not in the log: 0 there */
} BlkEvent;

/* Lock held. */
static void job_post(const BlkJob *j)
{
    BlkEvent e = {
        .drive = j->drive->number,
        .slot = j->slot,
        .result = (uint8_t)blk_result_of(j->err),
        .hashed = j->op == BLK_READ && !j->err,
        .hash = j->hash,
        .serial = j->serial,
    };

    /* Dropped in replay only: there the log says when. */
    input_post(j->drive->vm, &block_source, &e);
}

static bool blk_event_codec(Codec *c, void *event)
{
    BlkEvent *e = event;
    uint32_t where = (e->slot * DRIVES_MAX + e->drive) * 4 + (e->result ? 2 : 0)
                     + (e->hashed ? 1 : 0);

    if (!codec_size(c, &where, BLK_INFLIGHT_MAX * DRIVES_MAX * 4 - 1)) {
        return false;
    }
    e->hashed = where & 1;
    e->drive = where / 4 % DRIVES_MAX;
    e->slot = where / 4 / DRIVES_MAX;
    if (where & 2) {
        if (!codec_u8(c, &e->result) || e->result >= BLK_RESULT_COUNT) {
            c->failed = true;
            return false;
        }
    } else {
        e->result = 0;
    }
    return !e->hashed || codec_u32(c, &e->hash);
}

static BlkSlot *event_slot(Vm *vm, const BlkEvent *e, Drive **drive)
{
    BlkState *st = vm->blk;
    Drive *d;

    if (!st || e->drive >= st->attached->len) {
        return NULL;
    }
    d = *drive = g_ptr_array_index(st->attached, e->drive);
    return e->slot < d->dev->slots->len
               ? g_ptr_array_index(d->dev->slots, e->slot)
               : NULL;
}

/* A completion from before a load, or of another life of the slot. */
static bool blk_event_wanted(Vm *vm, const void *event)
{
    const BlkEvent *e = event;
    Drive *d;
    const BlkSlot *s = event_slot(vm, e, &d);

    return s && s->job && s->job->serial == e->serial;
}

/* The recording and this machine must have read the same. */
static bool event_agrees(Drive *d, const BlkSlot *s, const BlkEvent *e)
{
    const BlkJob *j = s->job;
    const char *name = d->id ? d->id : "";

    if (e->hashed && s->op == BLK_READ && j->err) {
        replay_diverged(d->vm->replay,
                        "drive '%s': %" PRIu64 " bytes at %" PRIu64
                        " of '%s' cannot be read now (%s); when recorded they "
                        "could",
                        name, s->bytes, s->offset,
                        j->node ? block_filename(j->node) : "",
                        g_strerror(j->err));
        return false;
    }
    if (e->hashed && (s->op != BLK_READ || j->hash != e->hash)) {
        replay_diverged(d->vm->replay,
                        "drive '%s': %" PRIu64 " bytes at %" PRIu64
                        " of '%s' are others than when recorded: the image has "
                        "changed (hash %08x, recorded %08x)",
                        name, s->bytes, s->offset,
                        j->node ? block_filename(j->node) : "", j->hash,
                        e->hash);
        return false;
    }
    return true;
}

static void blk_event_deliver(Vm *vm, const void *event)
{
    const BlkEvent *e = event;
    Drive *d = NULL;
    BlkSlot *s = event_slot(vm, e, &d);
    const uint8_t *data;

    vm_assert_thread(vm);
    if (!s) {
        replay_diverged(vm->replay,
                        "the log completes request %u of drive %u, which is "
                        "not in flight",
                        e->slot, e->drive);
        return;
    }
    if (!s->job) {
        blk_slots_issue(d);
    }
    if (!blk_job_wait(s->job)) {
        replay_diverged(vm->replay, "drive '%s': a request failed on the host",
                        d->id ? d->id : "");
        return;
    }
    if (!event_agrees(d, s, e)) {
        return;
    }
    d->dev->slots->pdata[e->slot] = NULL;
    d->dev->flying -= MIN(d->dev->flying, s->bytes);
    d->stats.ops[s->op]++;
    d->stats.bytes[s->op] += s->bytes;
    d->stats.failed[s->op] += e->result != BLK_OK;
    d->stats.host_ns[s->op] += (uint64_t)(host_now().ns - s->job->begin_ns);
    data = s->op == BLK_READ && e->result == BLK_OK ? s->job->data : NULL;
    if (s->told) {
        d->ops->complete(d->user, s->tag, (BlkResult)e->result, data,
                         data ? (uint32_t)s->bytes : 0);
    }
    blk_slot_free(s);
}

const InputSource block_source = {
    .name = "block",
    .version = 1,
    .event_size = sizeof(BlkEvent),
    .codec = blk_event_codec,
    .deliver = blk_event_deliver,
    .wanted = blk_event_wanted,
    .bounded = true, /* one a request: BLK_INFLIGHT_MAX */
};
