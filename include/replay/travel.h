/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going to another moment of a recording: restore the checkpoint before it and
 * run there; and searching backwards, interval by interval. Between steps only.
 * Thread: machine.
 */
#ifndef REPLAY_TRAVEL_H
#define REPLAY_TRAVEL_H

#include "replay/checkpoint.h"

typedef struct Travel Travel;

typedef enum TravelEnd {
    TRAVEL_THERE,   /* at the moment asked for, or at a hit */
    TRAVEL_BEGIN,   /* nothing found: at the beginning of the recording */
    TRAVEL_LOG_END, /* the recording ends before: at its end */
    TRAVEL_STOPPED, /* somebody wanted it to stop */
    TRAVEL_FAILED,  /* log and machine disagree, or the program ends */
} TravelEnd;

/* How a part of the way is run. Filled by system. */
typedef struct MachineDriver {
    /** run to the stop at @until: where requests are served at this moment, or
     *  the first time after it. @stoppable: TRAVEL_STOPPED may come */
    TravelEnd (*run_until)(Vm *vm, Moment until, bool stoppable);
    /** the machine is elsewhere: forget what belonged to where it was */
    void (*restored)(Vm *vm);
} MachineDriver;

/* What a search found: stand at .at to see it come. */
typedef struct TravelHit {
    Moment at;
    unsigned vcpu;
    unsigned kind; /* the searcher's own */
    uint64_t address, size;
    uint64_t pc;
} TravelHit;

typedef struct TravelProbe {
    /** hits are told by travel_hit() between on and off; NULL: always */
    void (*arm)(void *opaque, bool on);
    /** can there be a hit after @cp and before the next one? NULL: always */
    bool (*possible)(void *opaque, Checkpoints *c, const Checkpoint *cp);
    void *opaque;
    bool stay; /* nothing found: be where it began, not at the beginning */
} TravelProbe;

Travel *travel_new(Vm *vm, const MachineDriver *driver);
void travel_free(Travel *t);
/** travel_to() - the stop at @to, from wherever the machine is */
TravelEnd travel_to(Travel *t, Moment to);
/** travel_back() - to the last hit before now. TRAVEL_STOPPED: the machine is
 *  where it was */
TravelEnd travel_back(Travel *t, const TravelProbe *probe, TravelHit *out);
/** travel_forward() - to the first hit after now: the driver stops there.
 *  TRAVEL_LOG_END: there is none, and the machine is where it was */
TravelEnd travel_forward(Travel *t, const TravelProbe *probe, TravelHit *out);
/** travel_event() - to the stop that follows a recorded event of source @name;
 *  TRAVEL_BEGIN, TRAVEL_LOG_END: there is none, and the machine is where it was */
TravelEnd travel_event(Travel *t, const char *name, bool forward);
/** travel_found() - has travel_hit() been told one that counts? */
bool travel_found(const Travel *t);
/** travel_hit() - by the driver while it runs with a probe. True: so many that
 *  the part of the way may end here. */
bool travel_hit(Travel *t, const TravelHit *hit);

/* What `replay_find` and `replay_last_write` look for. */
typedef enum TravelWhat {
    TRAVEL_WRITE,     /* the last one before now */
    TRAVEL_SOURCE,    /* a recorded event */
    TRAVEL_INTERRUPT, /* accepted by a vCPU */
    TRAVEL_EXCEPTION,
} TravelWhat;

#define TRAVEL_BYTES 64 /* most of a WRITE */

typedef struct TravelQuery {
    TravelWhat what;
    bool forward; /* not WRITE */
    /* WRITE */
    uint64_t address;
    uint32_t size; /* 1 to TRAVEL_BYTES */
    bool physical;
    unsigned vcpu;   /* whose virtual address */
    char source[64]; /* SOURCE */
    int vector;      /* INTERRUPT, EXCEPTION; -1: any */
} TravelQuery;

/* The machine stands at .at, unless nothing was found. */
typedef struct TravelAnswer {
    TravelEnd end; /* THERE: found */
    Moment at;
    unsigned vcpu;
    uint64_t pc; /* of it, there */
    bool device; /* WRITE: it was not a vCPU */
    uint8_t before[TRAVEL_BYTES], after[TRAVEL_BYTES]; /* WRITE */
    int vector;                                        /* -1: none */
} TravelAnswer;

#endif
