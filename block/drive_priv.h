/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives from within. */
#ifndef BLOCK_DRIVE_PRIV_H
#define BLOCK_DRIVE_PRIV_H

#include "block/drives.h"
#include "block/overlay_priv.h"

#define DRIVES_MAX 64 /* attached ones */

typedef enum DriveOnError { /* werror=, rerror= */
    DRIVE_REPORT,
    DRIVE_IGNORE,
    DRIVE_STOP,
    DRIVE_ENOSPC, /* stop when the disk is full, else report */
} DriveOnError;

/* The work of one request, for the pool. It may outlive its request. */
typedef struct BlkJob {
    gint refs;
    Drive *drive; /* borrowed: outlives all jobs */
    uint32_t slot;
    uint64_t serial; /* which of all jobs */
    BlkOp op;
    uint64_t offset, bytes;
    uint8_t *data;    /* owned: what is written or was read */
    BlockNode *node;  /* owned reference */
    Overlay *overlay; /* owned reference; NULL: none */
    Overlay *under;   /* owned reference; NULL: none */
    GArray *pieces;   /* owned: OverlayPiece, of a read through the overlay */
    bool nothing;     /* the overlay has it already: only time has to pass */
    int64_t begin_ns; /* host time */
    /* under BlkState.lock */
    bool done;
    int err; /* errno */
    uint32_t hash;
} BlkJob;

/* A request in flight: state. */
typedef struct BlkSlot {
    BlkOp op;
    uint32_t tag;
    bool told; /* the device waits for it */
    uint64_t offset, bytes;
    uint64_t position; /* of the overlay, of a read: after earlier writes */
    bool has_data;     /* of a write whose data is not in the overlay */
    uint8_t *loaded;   /* owned: such data after a load, until it is issued */
    BlkJob *job;       /* owned reference; NULL: not issued yet */
} BlkSlot;

/* The guest-visible part of a drive. */
typedef struct DriveDev {
    Device dev;
    Drive *drive;     /* borrowed; NULL: closed */
    GPtrArray *slots; /* owned: BlkSlot or NULL, the index is the slot */
    uint64_t bytes;
    uint64_t position; /* of the overlay */
    uint64_t flying;   /* bytes in flight */
    bool medium;
    bool tray_open;
    bool locked;
} DriveDev;

struct Drive {
    Vm *vm;          /* borrowed */
    char *id;        /* owned; NULL: none */
    BlockNode *node; /* owned reference; NULL: empty */
    DriveIf interface;
    unsigned bus, unit;
    bool cdrom, removable;
    bool read_only;
    bool snapshot; /* an overlay was asked for */
    bool blkreplay;
    bool hidden; /* image= of another */
    bool writethrough;
    bool discard;
    DriveOnError on_write, on_read;
    unsigned cyls, heads, secs; /* 0: not said */
    char *serial;               /* owned */
    BlockMode mode;             /* for media to come */
    Overlay *overlay;           /* owned reference; NULL: writes go down */
    Overlay *under;             /* owned reference: of a snapshot, NULL: none */
    const struct Q2View
        *view;    /* borrowed: of .node, a view; NULL: it is none */
    Device *user; /* borrowed; NULL: nobody attached */
    const DriveOps *ops;
    DriveDev *dev;   /* borrowed: of the Vm */
    unsigned number; /* among the attached */
    DriveStats stats;
    /* under BlkState.lock */
    GQueue stopped; /* BlkJob, references: wait until the machine goes on */
};

typedef struct BlkState {
    Vm *vm;
    BlockGraph *graph;   /* owned */
    GPtrArray *drives;   /* owned: Drive */
    GPtrArray *attached; /* Drive, borrowed */
    GPtrArray *named;    /* BlockNode, owned references: -blockdev */
    DriveHooks hooks;
    bool protect, snapshot;
    bool noticed;
    bool overlay_full; /* told once */
    GThreadPool *pool; /* owned */
    GMutex lock;
    GCond finished;
    unsigned running; /* under lock: jobs in the pool */
    uint64_t serial;  /* machine thread */
} BlkState;

/** blk_state() - of @vm; made when first asked for */
BlkState *blk_state(Vm *vm);
Drive *drive_new(BlkState *st, const char *id);
/** drive_use_overlay() - guest writes stay in memory and a temporary file */
bool drive_use_overlay(Drive *d, GError **error);

/* pool.c */
void blk_pool_start(BlkState *st);
void blk_pool_stop(BlkState *st);
BlkJob *blk_job_new(Drive *d, uint32_t slot, BlkOp op);
void blk_job_unref(BlkJob *j);
void blk_job_start(BlkJob *j);
/** blk_job_wait() - until it is done, or false when it waits for the machine to
 *  go on */
bool blk_job_wait(BlkJob *j);
/** blk_drain() - no job runs any more; those that failed may wait */
void blk_drain(BlkState *st);
BlkResult blk_result_of(int err);

/* request.c */
void blk_slot_free(gpointer slot);
bool blk_slots_codec(void *obj, Codec *c);
void blk_slots_issue(Drive *d);
extern const DeviceType drive_device_type;

/* media.c */
void drive_insert(Drive *d, BlockNode *node);

#endif
