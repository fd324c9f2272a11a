/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of Checkpoints: making and restoring, and when. */
#ifndef REPLAY_CHECKPOINT_PRIV_H
#define REPLAY_CHECKPOINT_PRIV_H

#include "replay/checkpoint.h"
#include "replay/page_map_priv.h"

#define CHECKPOINT_PAUSES 1024 /* the last ones, for percentiles */

/* Where replay was in its log. */
typedef struct ReplayMark {
    Moment now, last_played, good;
    bool good_any;
    LogPos next; /* play: the next entry is read here */
    uint64_t output;
} ReplayMark;

struct Checkpoint {
    Moment at;
    bool pinned;
    int64_t work;  /* ns of running from the beginning to here */
    PageNode *map; /* owned reference */
    /* clock, entropy, devices, vCPUs; in pieces of a page */
    PageBlob **state; /* owned references */
    uint32_t state_size;
    ReplayMark mark;
    void **marks; /* owned: of the rewindables, in their order */
};

struct Checkpoints {
    Vm *vm;           /* borrowed */
    Replay *r;        /* borrowed: the owner */
    PageStore *store; /* owned */
    PageMaps maps;
    GPtrArray *list; /* owned: Checkpoint, by moment */
    /* The versions that RAM has, but for pages written since (those are dirty
     * for RAM_CLIENT_CHECKPOINT). A version without a content of its own is in
     * this map. */
    PageNode *base;      /* owned reference */
    Checkpoint *here;    /* in list: the last one at or before now */
    Checkpoint *next;    /* in list: the first one after now; NULL: none */
    GByteArray *scratch; /* owned */
    uint64_t budget;
    bool begun;
    /* when */
    int64_t work; /* ns of running from the beginning to now */
    int64_t look; /* host_worked() that work is up to ... */
    bool looked;  /* ... unless the machine stood still since */
    int64_t head_ns, grid_ns;
    uint64_t aim, aim_next; /* icounts; UINT64_MAX: none */
    bool held;
    /* tests */
    bool test;             /* compare the machine with each one it comes to */
    uint64_t test_every;   /* one each so many steps; 0: by time */
    uint64_t test_rewinds; /* go back so many times */
    uint64_t test_at;      /* icount of the next one */
    uint64_t rng;
    /* counts */
    uint64_t taken, restored, dropped;
    int64_t pause_max, pause_sum, back_max, back_sum;
    int64_t pauses[CHECKPOINT_PAUSES];
};

Checkpoints *checkpoints_new(Replay *r, const ReplayOptions *o);
void checkpoints_free(Checkpoints *c);
/** checkpoints_plan() - by which rules they are made */
void checkpoints_plan(Checkpoints *c, const ReplayOptions *o);
/** checkpoints_ran()/checkpoints_stopped() - the machine has been running; it
 *  stands still */
void checkpoints_ran(Checkpoints *c);
void checkpoints_stopped(Checkpoints *c);

/** checkpoint_free() - one that is not in the list, or half made */
void checkpoint_free(Checkpoints *c, Checkpoint *cp);
/** checkpoint_drop() - not the first one */
void checkpoint_drop(Checkpoints *c, guint index);
/** checkpoints_arrive() - the machine has come to one that is there already:
 *  from here on changes are counted from it */
void checkpoints_arrive(Checkpoints *c, Moment now);
/** checkpoint_check() - tests: is the machine what @cp says? Else a divergence
 *  is reported. */
bool checkpoint_check(Checkpoints *c, const Checkpoint *cp);
/** checkpoints_look_again() - here and next, after the list or now changed */
void checkpoints_look_again(Checkpoints *c);
/** checkpoints_thin() - drop what the spacing does not ask for; more when memory
 *  is short */
void checkpoints_thin(Checkpoints *c);

/** checkpoints_keep()/checkpoints_find_kept() - the file beside the log: made at
 *  the end of a recording, looked for when a replay starts */
void checkpoints_keep(Checkpoints *c);
void checkpoints_find_kept(Checkpoints *c);

#endif
