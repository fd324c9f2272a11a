/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seeking and searching backwards. A search runs each interval between two
 * checkpoints once, the newest first, and remembers the last hit; then it goes
 * there. Nothing that was sent is sent again on the way (replay_behind()).
 */
#include "replay/travel.h"

#include <string.h>

#include "core/error.h"
#include "replay/replay_priv.h"

/* A way of so many steps is worth a checkpoint to come back to when somebody
 * wants it to stop. */
#define LONG_WAY 5000000
/* So many hits in one interval: where they are dense the newest part of the rest
 * is looked at first. */
#define HITS_MAX 1000
#define PARTS 8
#define SMALL_REST 50000 /* steps */

struct Travel {
    Vm *vm;                      /* borrowed */
    const MachineDriver *driver; /* borrowed */
    Moment limit;                /* hits at or after it do not count */
    bool have;
    TravelHit hit; /* the last one before .limit */
    unsigned hits; /* in this interval */
    bool all;      /* however many there are */
};

Travel *travel_new(Vm *vm, const MachineDriver *driver)
{
    Travel *t = g_new0(Travel, 1);

    t->vm = vm;
    t->driver = driver;
    return t;
}

void travel_free(Travel *t)
{
    g_free(t);
}

static Moment moment_before(Moment m)
{
    if (m.sequence > 0) {
        return (Moment){m.icount, m.sequence - 1};
    }
    return (Moment){m.icount ? m.icount - 1 : 0, m.icount ? UINT64_MAX : 0};
}

static Moment travel_now(const Travel *t)
{
    return replay_moment(t->vm->replay);
}

static Checkpoints *travel_checkpoints(const Travel *t)
{
    return replay_checkpoints(t->vm->replay);
}

/* Be at @cp, or at one before it when that one cannot be read back. */
static bool travel_restore(Travel *t, Checkpoint *cp)
{
    Checkpoints *c = travel_checkpoints(t);

    while (cp) {
        g_autoptr(GError) error = NULL;
        Moment at = checkpoint_moment(cp);

        if (checkpoint_restore(c, cp, &error)) {
            t->driver->restored(t->vm);
            return true;
        }
        g_printerr("reprise: %s\n", error->message);
        cp = checkpoint_find(c, moment_before(at));
    }
    return false;
}

/* --- seeking ----------------------------------------------------------------- */

/* The checkpoint to start from for @to; the first one when all are later. */
static Checkpoint *travel_start(const Travel *t, Moment to)
{
    Checkpoints *c = travel_checkpoints(t);
    Checkpoint *cp = checkpoint_find(c, to);

    return cp ? cp : checkpoint_first(c);
}

/* A machine that is off cannot be taken: its last request has been served. */
static void travel_mark(const Travel *t)
{
    if (t->vm->replay->final == REPLAY_GO) {
        checkpoint_take(travel_checkpoints(t), false);
    }
}

/* Restore what shortens the way to @to. False: there is no way. */
static bool travel_jump(Travel *t, Moment to)
{
    Checkpoint *cp = travel_start(t, to);
    Moment now = travel_now(t);

    if (moment_compare(to, now) < 0) {
        return cp && travel_restore(t, cp);
    }
    if (cp && moment_compare(checkpoint_moment(cp), now) > 0) {
        travel_restore(t, cp); /* else the long way */
    }
    return true;
}

static TravelEnd travel_run_to(Travel *t, Moment to, bool stoppable)
{
    Checkpoints *c = travel_checkpoints(t);
    TravelEnd end;

    if (!travel_jump(t, to)) {
        return TRAVEL_FAILED;
    }
    checkpoints_aim(c, to.icount);
    end = t->driver->run_until(t->vm, to, stoppable);
    checkpoints_aim(c, UINT64_MAX);
    return end;
}

/* Steps from the nearest checkpoint. */
static uint64_t travel_way(const Travel *t, Moment to)
{
    Checkpoint *cp = travel_start(t, to);
    uint64_t from = cp ? checkpoint_moment(cp).icount : 0;

    return to.icount - MIN(from, to.icount);
}

/* Somebody wanted it to stop: back to where it began. */
static TravelEnd travel_home(Travel *t, Moment home)
{
    TravelEnd end = travel_run_to(t, home, false);

    return end == TRAVEL_THERE || end == TRAVEL_LOG_END ? TRAVEL_STOPPED : end;
}

TravelEnd travel_to(Travel *t, Moment to)
{
    Moment home = travel_now(t);
    bool back = moment_compare(to, home) < 0;
    TravelEnd end;

    if (back && travel_way(t, to) > LONG_WAY) {
        travel_mark(t);
    }
    end = travel_run_to(t, to, true);
    return end == TRAVEL_STOPPED && back ? travel_home(t, home) : end;
}

/* --- searching --------------------------------------------------------------- */

bool travel_hit(Travel *t, const TravelHit *hit)
{
    if (moment_compare(hit->at, t->limit) < 0) {
        t->have = true;
        t->hit = *hit;
    }
    return ++t->hits >= HITS_MAX && !t->all;
}

bool travel_found(const Travel *t)
{
    return t->have;
}

static void travel_arm(const TravelProbe *p, bool on)
{
    if (p->arm) {
        p->arm(p->opaque, on);
    }
}

/* There are many hits between here and @hi: make that several intervals. */
static TravelEnd travel_divide(Travel *t, Moment hi)
{
    Checkpoints *c = travel_checkpoints(t);
    uint64_t from = travel_now(t).icount, rest = hi.icount - from;
    TravelEnd end = TRAVEL_THERE;

    t->have = false;
    checkpoint_take(c, false);
    for (unsigned i = 1; i < PARTS && end == TRAVEL_THERE; i++) {
        end = t->driver->run_until(t->vm, (Moment){from + rest / PARTS * i, 0},
                                   true);
        if (end == TRAVEL_THERE) {
            checkpoint_take(c, false);
        }
    }
    return end;
}

/* Run from @lo to @hi and remember the last hit. @again: not to the end: there
 * are checkpoints nearer to @hi now. */
static TravelEnd travel_interval(Travel *t, const TravelProbe *p,
                                 Checkpoint *lo, Moment hi, bool *again)
{
    TravelEnd end;

    if (!travel_restore(t, lo)) {
        return TRAVEL_FAILED;
    }
    checkpoints_hold(travel_checkpoints(t), true);
    t->hits = 0;
    t->all = hi.icount - travel_now(t).icount <= SMALL_REST;
    travel_arm(p, true);
    end = t->driver->run_until(t->vm, hi, true);
    *again = end == TRAVEL_THERE && moment_compare(travel_now(t), hi) < 0;
    if (*again && hi.icount - travel_now(t).icount <= SMALL_REST) {
        t->all = true;
        *again = false;
        end = t->driver->run_until(t->vm, hi, true);
    }
    travel_arm(p, false);
    if (*again) {
        end = travel_divide(t, hi);
    }
    checkpoints_hold(travel_checkpoints(t), false);
    return end;
}

static TravelEnd travel_search(Travel *t, const TravelProbe *p)
{
    Checkpoints *c = travel_checkpoints(t);
    Moment hi = t->limit;
    Checkpoint *lo;

    while ((lo = checkpoint_find(c, moment_before(hi)))) {
        Moment at = checkpoint_moment(lo);
        bool again = false;
        TravelEnd end;

        if (moment_compare(at, hi) >= 0) {
            break; /* the moment 0.0 itself */
        }
        if (p->possible && !p->possible(p->opaque, c, lo)) {
            hi = at;
            continue;
        }
        end = travel_interval(t, p, lo, hi, &again);
        if (end != TRAVEL_THERE && end != TRAVEL_LOG_END) {
            return end;
        }
        if (again) {
            continue;
        }
        if (t->have) {
            return TRAVEL_THERE;
        }
        hi = at;
    }
    return TRAVEL_BEGIN;
}

TravelEnd travel_back(Travel *t, const TravelProbe *probe, TravelHit *out)
{
    Moment home = travel_now(t);
    TravelEnd end, way;

    travel_mark(t);
    t->have = false;
    t->limit = home;
    end = travel_search(t, probe);
    if (end == TRAVEL_STOPPED) {
        return travel_home(t, home);
    }
    if (end == TRAVEL_FAILED) {
        return end;
    }
    if (!t->have && probe->stay) {
        way = travel_home(t, home);
        return way == TRAVEL_STOPPED ? end : way;
    }
    *out = t->hit;
    way = travel_run_to(t, t->have ? t->hit.at : (Moment){0, 0}, true);
    if (way == TRAVEL_STOPPED) {
        return travel_home(t, home);
    }
    return way == TRAVEL_THERE ? end : way;
}

TravelEnd travel_forward(Travel *t, const TravelProbe *probe, TravelHit *out)
{
    const Moment never = {UINT64_MAX, UINT64_MAX};
    Moment home = travel_now(t);
    TravelEnd end, way;

    travel_mark(t);
    t->have = false;
    t->limit = never;
    t->all = true;
    travel_arm(probe, true);
    end = t->driver->run_until(t->vm, never, true);
    travel_arm(probe, false);
    if (end == TRAVEL_THERE || end == TRAVEL_FAILED) {
        *out = t->hit;
        return end;
    }
    way = travel_home(t, home);
    return way == TRAVEL_STOPPED ? end : way;
}

/* --- recorded events ------------------------------------------------------------ */

/* The last event of source @name whose moment is before @at, or the first one
 * from @at on. */
static bool event_find(const Replay *r, const char *name, bool forward,
                       Moment at, Moment *out)
{
    g_autoptr(LogReader) log = log_reader_open(r->o.file, NULL);
    bool found = false;
    LogEntry e;

    while (log && !(found && forward) && log_reader_next(log, &e)) {
        bool before = moment_compare(e.at, at) < 0;

        if (!forward && !before) {
            break;
        }
        if (e.kind >= LOG_KIND_SOURCE && before != forward
            && strcmp(g_array_index(log_reader_header(log)->sources, LogSource,
                                    e.kind - LOG_KIND_SOURCE)
                          .name,
                      name)
                   == 0) {
            *out = e.at;
            found = true;
        }
    }
    return found;
}

/* Several events may lead to one stop: until it is another one than here. */
TravelEnd travel_event(Travel *t, const char *name, bool forward)
{
    Moment home = travel_now(t);
    Moment at = home;
    TravelEnd end;

    while (event_find(t->vm->replay, name, forward, at, &at)) {
        Moment to = {at.icount, at.sequence + 1};
        int order;

        end = travel_to(t, to);
        order = moment_compare(travel_now(t), home);
        if (end != TRAVEL_THERE || (forward ? order > 0 : order < 0)) {
            return end;
        }
        at.sequence += forward;
    }
    end = travel_run_to(t, home, false);
    if (end != TRAVEL_THERE && end != TRAVEL_LOG_END) {
        return end;
    }
    return forward ? TRAVEL_LOG_END : TRAVEL_BEGIN;
}
