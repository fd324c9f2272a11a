/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints: the machine as it was at earlier moments, in memory, made
 * without being asked (in replay always). RAM is kept as page versions that
 * checkpoints share, so one costs what was written since the one before.
 * Only between steps, where the loop serves requests. Thread: machine.
 */
#ifndef REPLAY_CHECKPOINT_H
#define REPLAY_CHECKPOINT_H

#include "replay/log_file.h" /* Moment */

typedef struct Checkpoints Checkpoints; /* owned by the Replay */
typedef struct Checkpoint Checkpoint;   /* valid until the next call that takes,
                                           restores or polls */

/** replay_checkpoints() - NULL: this run makes none (plain mode, recording
 *  without rrcheckpoints=on) */
Checkpoints *replay_checkpoints(const Replay *r);
/** replay_moment() - now; at a stop this is what a seek to it takes */
Moment replay_moment(const Replay *r);
/** replay_furthest() - the furthest moment this run has been at */
Moment replay_furthest(const Replay *r);
/** replay_behind() - the machine runs again through what it has been through:
 *  bytes, packets, sound, events of monitors have been sent then, and are not
 *  sent again. Also true in the slice that catches up, until the very step. */
bool replay_behind(const Replay *r);

/* --- the loop ---------------------------------------------------------------- */

/** checkpoints_poll() - once a pass, where requests are served and none of
 *  Vm.requests is pending: takes a checkpoint when one is due. Cheap when none
 *  is. True: the machine is elsewhere now (a test option): go round again. NULL
 *  @c: nothing to do. */
bool checkpoints_poll(Checkpoints *c);
/** checkpoints_limit() - steps that may run before the next poll matters
 *  (replay_limit() has it in already); UINT64_MAX: any number */
uint64_t checkpoints_limit(const Checkpoints *c);

/* --- taking and going back --------------------------------------------------- */

/** checkpoint_take() - the machine as it is now; the one that is here already
 *  where there is one. @pinned: thinning never drops it. NULL: not at this
 *  moment (the guest has asked for a reset, say, or the recording is over). */
Checkpoint *checkpoint_take(Checkpoints *c, bool pinned);
/** checkpoint_restore() - the machine is as it was at @cp, ready to go on: RAM,
 *  devices, vCPUs, clock, entropy, TLB, log position, digests; the end of the
 *  recording or a divergence is forgotten (and replay_report() NULL). Costs what
 *  differs between now and then. Later checkpoints stay.
 *  False: a spilled page could not be read; nothing has changed. */
bool checkpoint_restore(Checkpoints *c, Checkpoint *cp, GError **error);
/** checkpoints_aim() - the machine is about to run forward to @icount and is
 *  likely to be sent back from there: takes some on the way, ever closer. Ends
 *  when @icount is reached, or with a restore; UINT64_MAX: nowhere. */
void checkpoints_aim(Checkpoints *c, uint64_t icount);

/** checkpoints_hold() - no automatic ones for now, but those aimed at: a search
 *  runs through stretches that it leaves at once */
void checkpoints_hold(Checkpoints *c, bool on);

/* --- looking ----------------------------------------------------------------- */

/** checkpoint_find() - the last one at or before @at; NULL: none */
Checkpoint *checkpoint_find(Checkpoints *c, Moment at);
/** checkpoint_first()...next() - in the order of moments; NULL: none */
Checkpoint *checkpoint_first(Checkpoints *c);
Checkpoint *checkpoint_last(Checkpoints *c);
Checkpoint *checkpoint_prev(Checkpoints *c, const Checkpoint *cp);
Checkpoint *checkpoint_next(Checkpoints *c, const Checkpoint *cp);
Moment checkpoint_moment(const Checkpoint *cp);
bool checkpoint_pinned(const Checkpoint *cp);
/** checkpoint_cost() - ns that a run from @cp to the next one took when it
 *  was first made (estimate of running it again) */
int64_t checkpoint_cost(Checkpoints *c, const Checkpoint *cp);

/** checkpoint_wrote() - may @page have been written after @cp and before the
 *  next checkpoint (or, after the last one, so far)? False is certain. */
bool checkpoint_wrote(Checkpoints *c, const Checkpoint *cp, RamPage page);

/* What `info checkpoints` tells. */
typedef struct CheckpointStats {
    unsigned count, pinned;
    uint64_t bytes;        /* host memory in use */
    uint64_t budget;       /* rrmem= */
    uint64_t pages;        /* stored page contents... */
    uint64_t packed_pages; /* ...of these compressed in memory... */
    uint64_t spilled_pages, spilled_bytes; /* ...and in the temporary file */
    int64_t spacing_ns; /* of re-execution between two, far from the cursor */
    uint64_t taken, restored, dropped;  /* so far */
    int64_t pause_max_ns, pause_sum_ns; /* of taking, host_worked() */
    int64_t pause_p99_ns;               /* of the last 1024 */
    int64_t back_max_ns, back_sum_ns;   /* of restoring */
} CheckpointStats;
void checkpoints_stats(const Checkpoints *c, CheckpointStats *out);

/** replay_beside() - from now on the machine has a history beside its rows (what
 *  was written to disks): checkpoints of later moments are of no use to another
 *  run */
void replay_beside(Replay *r);

/* --- what is not state rows -------------------------------------------------- */

/* Parts that keep their own history (disk overlays). They take part in each
 * checkpoint; the order is that of adding. */
typedef struct Rewindable {
    const char *name;
    /* a position to come back to; NULL is a position too */
    void *(*mark)(void *opaque);
    /* be as at @mark; must not fail */
    void (*restore)(void *opaque, void *mark);
    /* nobody comes back to @mark any more; NULL: nothing to free */
    void (*drop)(void *opaque, void *mark);
} Rewindable;
/** replay_add_rewindable() - before the machine runs; @ops and @opaque stay
 *  valid until replay_free() */
void replay_add_rewindable(Replay *r, const Rewindable *ops, void *opaque);

#endif
