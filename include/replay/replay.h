/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The door between the host and the guest: record, replay or pass through.
 * The machine loop calls the same functions in every mode; only replay/ and the
 * monitor commands that steer it know which mode it is.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "core/vm.h"

typedef enum ReplayMode {
    REPLAY_NONE,
    REPLAY_RECORD,
    REPLAY_PLAY
} ReplayMode;

/* -icount, and what comes with it. */
typedef struct ReplayOptions {
    ReplayMode mode;
    char *file;     /* owned: rrfile= */
    char *snapshot; /* owned: rrsnapshot= */
    bool icount;    /* -icount was given */
    bool shift_auto;
    int shift;                            /* 0-10; with auto: the start, 3 */
    bool shift_set, sleep_set, align_set; /* typed by the person */
    bool sleep, align;
    uint64_t digest_every; /* rrdigest: steps, 0 = off */
    bool digest_full;
    bool embed;      /* rrembed=on: kernel and initrd too */
    uint64_t memory; /* rrmem=: bytes for checkpoints; 0: a share of the host */
    bool checkpoints; /* rrcheckpoints=; unless typed: in replay */
    bool checkpoints_set;
    /* tests: a checkpoint each so many steps; so many jumps back */
    uint64_t test_every, test_rewinds;
} ReplayOptions;

/** replay_options_parse() - "shift=auto,rr=record,rrfile=F,..." (a bare first
 *  value is the shift); all checks that need no file. */
bool replay_options_parse(ReplayOptions *o, const char *text, GError **error);
void replay_options_clear(ReplayOptions *o);

/* Everything the guest can see, as "key" = "value" in a fixed order. */
typedef struct SealField {
    char *key, *value; /* owned */
} SealField;
typedef struct Seal {
    GArray *fields;       /* SealField: compared one by one */
    GArray *notes;        /* SealField: command line, paths: information only */
    int64_t calendar_sec; /* RTC base */
    uint8_t seed[32];
} Seal;
Seal *seal_new(void);
void seal_free(Seal *s);
void seal_add(Seal *s, const char *key, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
void seal_note(Seal *s, const char *key, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* A blob that the guest may read: firmware (embedded), payload (by digest). */
typedef struct ReplayBlob {
    char *name; /* owned */
    GBytes
        *data; /* owned; payloads in replay: NULL, only size and hash known */
    bool embed;
    uint64_t size, hash; /* XXH3-64 */
} ReplayBlob;

/**
 * replay_new() - open the log (play) or take note of it (record)
 * In play mode the header is read and verified here; blobs and the start values
 * (RTC base, seed, icount options) are available to the machine builder.
 */
Replay *replay_new(Vm *vm, const ReplayOptions *o, GError **error);
void replay_free(Replay *r);
ReplayMode replay_mode(const Replay *r);
/** replay_header_seal() - play: the recorded seal; else NULL */
const Seal *replay_header_seal(const Replay *r);
/** replay_blob() - play: the embedded blob of this name, NULL when none;
 *  borrowed: until replay_free() */
GBytes *replay_blob(Replay *r, const char *name);
/**
 * replay_start() - the machine is built, sealed and reset: record writes and
 * flushes the header; play compares @seal and @blobs (field-by-field difference
 * in the error). Enables digests. Sets the clock's rate.
 */
bool replay_start(Replay *r, const Seal *seal, GPtrArray *blobs,
                  GError **error);

/* --- the loop, machine thread, in this order at each pass ------------------ */
typedef enum ReplayVerdict {
    REPLAY_GO,       /* carry on */
    REPLAY_CHANGED,  /* something was delivered: go round again */
    REPLAY_ENDED,    /* play: the recording is over */
    REPLAY_DIVERGED, /* play: see replay_report(); record: log write failed */
} ReplayVerdict;

/** replay_changed() - guest state changed at this icount without a step: timer,
 *  interrupt, turn. Counts the sequence. */
void replay_changed(Replay *r);
/** replay_deliver() - inputs due now (record and none: what was posted); digest
 *  points and marks; rate changes. @ran_since: nothing changed since the last
 *  call when false and the icount is the same (divergence check). */
ReplayVerdict replay_deliver(Replay *r);
/** replay_limit() - most steps that may run now: next logged event, digest,
 *  poll quantum, seek target; 0: go round */
uint32_t replay_limit(Replay *r);
/** replay_ran() - after each slice; @host_ns it took (adapts the quantum) */
void replay_ran(Replay *r);
/**
 * replay_idle() - no vCPU is runnable: let time pass until the next deadline or
 * input (waits on the host unless playing or sleep=off). @wait sleeps at most
 * that long or until woken, and returns.
 */
typedef void ReplayWait(void *opaque, int64_t ns);
ReplayVerdict replay_idle(Replay *r, ReplayWait *wait, void *opaque);
/** replay_stopped()/replay_resumed() - host time does not count in between */
void replay_stopped(Replay *r);
void replay_resumed(Replay *r);
/** replay_end() - record: the run is over, write end moment and footer.
 *  Idempotent. @cause as VmCause, @guest_off: the guest had powered off */
bool replay_end(Replay *r, VmCause cause, bool guest_off, GError **error);
/** replay_flush() - from a host timer on the machine thread: frames older than
 *  100 ms go to the file */
void replay_flush(Replay *r);

/* --- looking --------------------------------------------------------------- */
uint64_t replay_sequence(const Replay *r);
const char *replay_file(const Replay *r);
#define REPLAY_ID_BYTES 16
/** replay_recording_id() - of the log; zeroes in plain mode or before it began */
void replay_recording_id(const Replay *r, uint8_t out[REPLAY_ID_BYTES]);
/** replay_counts() - -icount was given: people know the instruction count */
bool replay_counts(const Replay *r);
/** replay_progress() - play: icount of the end of the log, 0 when unknown */
uint64_t replay_end_icount(const Replay *r);
bool replay_ended_guest_off(const Replay *r); /* play: how it ended */
/** replay_report() - after REPLAY_DIVERGED: text of several lines */
const char *replay_report(const Replay *r);
/** replay_diverged() - a part of the machine found a disagreement itself */
void replay_diverged(Replay *r, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/** replay_digest() - of the whole machine now: one hash over all parts */
uint64_t replay_digest(Replay *r);
/** replay_output() - bytes that left the machine, for the output digest */
void replay_output(Replay *r, const void *buf, size_t size);
/** replay_refuse_action() - error text for actions that change the guest while
 *  playing; true when refused */
bool replay_refuse_action(const Replay *r, const char *what, GError **error);

/** host_worked() - ns that this thread has computed, whatever else the host did */
int64_t host_worked(void);
/** host_now() - monotonic host time, never shown to the guest */
HostTime host_now(void);

/* Sources that replay itself owns: "clock" (rate, idle). */
extern const InputSource replay_clock_source;

#endif
