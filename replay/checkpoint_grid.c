/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When checkpoints are made, and which are kept. Distances are the time that
 * running takes, so that going anywhere takes equally long: HEAD_NS near the
 * cursor and near the furthest moment, GRID_NS elsewhere, and ever closer before
 * a place that the machine is likely to be sent back from. Where none of them
 * are has no effect on the guest.
 */
#include <string.h>

#include "replay/checkpoint_priv.h"
#include "replay/replay_priv.h"

#define HEAD_NS 30000000
#define GRID_NS 200000000
#define NEAR_STEPS 100000000 /* of the cursor */
#define AIM_STEPS 200000     /* before a place aimed at; then twice, ... */
#define DOUBLINGS_MAX 40
#define RANDOM_FIRST 0x9e3779b97f4a7c15u /* any but 0 */

/* --- when to make one ------------------------------------------------------------ */

void checkpoints_plan(Checkpoints *c, const ReplayOptions *o)
{
    c->head_ns = HEAD_NS;
    c->grid_ns = GRID_NS;
    c->aim = c->aim_next = UINT64_MAX;
    c->test_every = o->test_every;
    c->test_rewinds = c->test_every ? o->test_rewinds : 0;
    c->test_at = 3 * c->test_every;
    c->test = c->test_every > 0;
    c->rng = RANDOM_FIRST;
}

void checkpoints_ran(Checkpoints *c)
{
    int64_t now = host_worked();

    if (c->looked) {
        c->work += now - c->look;
    }
    c->look = now;
    c->looked = true;
}

void checkpoints_stopped(Checkpoints *c)
{
    c->looked = false;
}

/* The first place before the aim that is still ahead. */
static void aim_next(Checkpoints *c, uint64_t now)
{
    uint64_t left = c->aim > now ? c->aim - now : 0;
    uint64_t before = AIM_STEPS;

    c->aim_next = UINT64_MAX;
    if (c->aim == UINT64_MAX || left <= AIM_STEPS) {
        return;
    }
    while (before * 2 < left) {
        before *= 2;
    }
    c->aim_next = c->aim - before;
}

void checkpoints_aim(Checkpoints *c, uint64_t icount)
{
    c->aim = icount;
    aim_next(c, clock_icount(c->vm->clock));
}

void checkpoints_hold(Checkpoints *c, bool on)
{
    c->held = on;
}

uint64_t checkpoints_limit(const Checkpoints *c)
{
    uint64_t now = clock_icount(c->vm->clock);
    uint64_t limit = c->aim_next > now ? c->aim_next - now : 0;

    if (c->next && c->next->at.icount > now) {
        limit = MIN(limit, c->next->at.icount - now);
    }
    if (c->test_every) {
        limit = MIN(limit, c->test_every - now % c->test_every);
    }
    if (c->test_rewinds && c->test_at > now) {
        limit = MIN(limit, c->test_at - now);
    }
    return MAX(limit, 1);
}

static bool checkpoint_due(Checkpoints *c, uint64_t now)
{
    if (!c->here) {
        return true;
    }
    if (now >= c->aim_next) {
        aim_next(c, now);
        return true;
    }
    if (c->test_every) {
        return now / c->test_every != c->here->at.icount / c->test_every;
    }
    return !c->held && c->work - c->here->work >= c->head_ns
           && now != c->here->at.icount;
}

/* --- tests --------------------------------------------------------------------------- */

static uint64_t test_random(Checkpoints *c)
{
    c->rng ^= c->rng << 13;
    c->rng ^= c->rng >> 7;
    c->rng ^= c->rng << 17;
    return c->rng;
}

/* Back to any of them, and later on again. */
static bool test_rewind(Checkpoints *c, uint64_t now)
{
    uint64_t furthest, at;
    Checkpoint *to;

    if (!c->test_rewinds || now < c->test_at) {
        return false;
    }
    to = g_ptr_array_index(c->list, test_random(c) % c->list->len);
    at = to->at.icount;
    c->test_rewinds--;
    if (!checkpoint_restore(c, to, NULL)) {
        replay_diverged(c->r, "a checkpoint cannot be read");
    }
    furthest = replay_furthest(c->r).icount;
    c->test_at =
        at + 1 + test_random(c) % (furthest - at + 2 * c->test_every + 1);
    if (test_random(c) % 2) {
        checkpoints_aim(c, c->test_at);
    }
    return true;
}

/* --- the loop --------------------------------------------------------------------------- */

bool checkpoints_poll(Checkpoints *c)
{
    Moment now;

    if (!c || c->r->final != REPLAY_GO) {
        return false;
    }
    g_assert(!c->vm->requests);
    now = replay_moment(c->r);
    checkpoints_arrive(c, now);
    if (checkpoint_due(c, now.icount)) {
        checkpoint_take(c, !c->here);
    }
    if (now.icount >= c->aim) {
        checkpoints_aim(c, UINT64_MAX);
    }
    return test_rewind(c, now.icount);
}

/* --- which to keep ------------------------------------------------------------------------ */

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* May @cp go, when @prev and @next stay? */
static bool thin_one(const Checkpoints *c, const Checkpoint *prev,
                     const Checkpoint *cp, const Checkpoint *next)
{
    uint64_t away = MIN(distance(cp->at.icount, replay_moment(c->r).icount),
                        distance(cp->at.icount, replay_furthest(c->r).icount));
    uint64_t steps = next->at.icount - prev->at.icount;
    int64_t most = away <= NEAR_STEPS ? c->head_ns : c->grid_ns;

    if (cp->pinned || cp == c->here) {
        return false;
    }
    if (c->test_every) {
        return false;
    }
    return next->work - prev->work <= most && steps <= MAX(away / 2, AIM_STEPS);
}

static guint thin_once(Checkpoints *c)
{
    guint before = c->list->len;

    for (guint i = 1; i + 1 < c->list->len;) {
        if (thin_one(c, g_ptr_array_index(c->list, i - 1),
                     g_ptr_array_index(c->list, i),
                     g_ptr_array_index(c->list, i + 1))) {
            checkpoint_drop(c, i);
        } else {
            i++;
        }
    }
    return before - c->list->len;
}

/* Every second goes, whatever its place. */
static guint thin_half(Checkpoints *c)
{
    guint before = c->list->len;

    for (guint i = 1; i + 1 < c->list->len; i++) {
        const Checkpoint *cp = g_ptr_array_index(c->list, i);

        if (!cp->pinned && cp != c->here) {
            checkpoint_drop(c, i);
        }
    }
    return before - c->list->len;
}

void checkpoints_thin(Checkpoints *c)
{
    guint dropped = thin_once(c);

    page_store_tend(c->store);
    for (int i = 0; i < DOUBLINGS_MAX && page_store_full(c->store); i++) {
        c->grid_ns = MIN(c->grid_ns, INT64_MAX / 4) * 2;
        if (thin_once(c) > 0) {
            dropped++;
            continue;
        }
        c->head_ns = MIN(c->head_ns * 2, c->grid_ns);
        if (thin_half(c) == 0) {
            break;
        }
        dropped++;
    }
    if (dropped > 0) {
        checkpoints_look_again(c);
    }
}

/* --- looking -------------------------------------------------------------------------------- */

static int compare_ns(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t pause_p99(const Checkpoints *c)
{
    size_t n = MIN(c->taken, CHECKPOINT_PAUSES);
    int64_t sorted[CHECKPOINT_PAUSES];

    if (n == 0) {
        return 0;
    }
    memcpy(sorted, c->pauses, n * sizeof(sorted[0]));
    qsort(sorted, n, sizeof(sorted[0]), compare_ns);
    return sorted[MIN(n * 99 / 100, n - 1)];
}

void checkpoints_stats(const Checkpoints *c, CheckpointStats *out)
{
    PageStoreStats s;

    page_store_stats(c->store, &s);
    *out = (CheckpointStats){
        .count = c->list->len,
        .bytes = s.bytes,
        .budget = c->budget,
        .pages = s.plain + s.packed + s.spilled,
        .packed_pages = s.packed,
        .spilled_pages = s.spilled,
        .spilled_bytes = s.spilled_bytes,
        .spacing_ns = c->grid_ns,
        .taken = c->taken,
        .restored = c->restored,
        .dropped = c->dropped,
        .pause_max_ns = c->pause_max,
        .pause_sum_ns = c->pause_sum,
        .back_max_ns = c->back_max,
        .back_sum_ns = c->back_sum,
        .pause_p99_ns = pause_p99(c),
    };
    for (guint i = 0; i < c->list->len; i++) {
        const Checkpoint *cp = g_ptr_array_index(c->list, i);

        out->pinned += cp->pinned;
    }
}
