/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of Replay. */
#ifndef REPLAY_REPLAY_PRIV_H
#define REPLAY_REPLAY_PRIV_H

#include "replay/checkpoint_priv.h"
#include "replay/digest_priv.h"
#include "replay/log_priv.h"
#include "replay/pace_priv.h"

#define REPLAY_MOST_STEPS INT32_MAX
/* A log has an entry at least after so many changes without a step, so that
 * replay can tell a long idle phase from one that never ends. */
#define REPLAY_QUIET_MAX (1u << 20)

typedef struct ReplayRewindable {
    const Rewindable *ops; /* borrowed */
    void *opaque;          /* borrowed */
} ReplayRewindable;

struct Replay {
    Vm *vm; /* borrowed */
    ReplayMode mode;
    ReplayOptions o; /* owned strings; in play as the log says */
    bool started;
    Moment now;         /* icount when last looked at, changes since */
    LogHeader *h;       /* record: owned; play: borrowed from the reader */
    GPtrArray *sources; /* owned array: const InputSource *, log order */
    Digest *digest;     /* owned */
    bool digests;       /* points are taken */
    Pace pace;
    bool over;           /* nothing more is recorded or played */
    ReplayVerdict final; /* play: ENDED or DIVERGED once reached; else GO */
    char *report;        /* owned */
    Checkpoints *checkpoints; /* owned; NULL: none are made */
    GArray *rewindables;      /* owned: ReplayRewindable */
    bool beside;              /* see replay_beside() ... */
    Moment beside_at;         /* ... since then */
    Moment furthest;          /* where the machine was when it went back */
    bool settled;             /* timers and inputs of this moment are done */
    bool looked;   /* the host clock was read after the last slice: ... */
    HostTime look; /* ... then */
    /* record */
    LogWriter *writer; /* owned */
    bool write_failed;
    bool log_failed;     /* an event could not be described */
    HostTime last_entry; /* when the last one was appended */
    Moment digest_at;    /* of the last point */
    bool digest_any;
    HostTime digest_due; /* not before: keeps the cost at 1 % */
    GByteArray *scratch; /* owned */
    /* play */
    LogReader *reader; /* owned */
    LogEntry next;
    bool have_next;
    LogPos next_pos;    /* where next was read */
    Moment last_played; /* moment of the last entry that was used */
    bool round;         /* replay_limit() gave 0 ... */
    Moment round_at;    /* ... at this moment */
    Moment end_at;      /* where the log ends */
    bool end_guest_off;
    GPtrArray *blobs; /* owned: GBytes unpacked so far, or NULL */
    GArray *part_map; /* owned: guint, part of the log -> part here */
    Moment good;      /* the last digest that matched */
    bool good_any;
};

/** replay_sync() - a new icount begins a new sequence */
void replay_sync(Replay *r);
void replay_set_report(Replay *r, const char *text);
/** replay_mark()/replay_rewind() - the log position and what belongs to it */
void replay_mark(const Replay *r, ReplayMark *out);
void replay_rewind(Replay *r, const ReplayMark *mark);

/* record.c */
bool record_start(Replay *r, const Seal *seal, const GPtrArray *blobs,
                  GError **error);
ReplayVerdict record_deliver(Replay *r);
ReplayVerdict record_idle(Replay *r, ReplayWait *wait, void *opaque);
/** record_poll() - write frames that are old enough; false: cannot be written */
bool record_poll(Replay *r, HostTime now, bool force);
bool record_end(Replay *r, VmCause cause, bool guest_off, GError **error);

/* play.c */
bool play_open(Replay *r, GError **error);
bool play_start(Replay *r, const Seal *seal, const GPtrArray *blobs,
                GError **error);
ReplayVerdict play_deliver(Replay *r);
uint32_t play_limit(Replay *r);
ReplayVerdict play_idle(Replay *r);
/** play_rewind() - the next entry is that of @mark */
void play_rewind(Replay *r, const ReplayMark *mark);
bool play_end(Replay *r, VmCause cause, bool guest_off, GError **error);

/* report.c */
/** report_digest() - diverged: part @part of the log's digest differs */
void report_digest(Replay *r, const LogDigest *expected, const LogDigest *seen,
                   guint part);
/** report_entry() - a log entry in words, newly allocated */
char *report_entry(const Replay *r, const LogEntry *e);

/* blobs of both sides */
uint64_t blob_hash(const ReplayBlob *b, uint64_t *size);

#endif
