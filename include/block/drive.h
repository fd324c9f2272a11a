/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives: what a guest's disk controller sees of the block layer. Requests are
 * asynchronous: the device submits on the machine thread, host threads do the
 * work, the completion comes later as an input at an exact moment. Guest RAM is
 * touched by the device only, on the machine thread.
 *
 * In a recording the data of a read is not logged, only its hash: data is a
 * function of the order of submissions, so a replay reads it again. Requests in
 * flight are state: they are saved, and issued again after a load; a device
 * saves only what it needs to know when the completion comes.
 */
#ifndef BLOCK_DRIVE_H
#define BLOCK_DRIVE_H

#include "block/node.h"
#include "core/input.h"

typedef struct Drive Drive;

typedef enum BlkOp {
    BLK_READ,
    BLK_WRITE,
    BLK_FLUSH,
    BLK_DISCARD,
    BLK_WRITE_ZEROES,
    BLK_OP_COUNT
} BlkOp;

/* Stable numbers: they are in recordings. */
typedef enum BlkResult {
    BLK_OK = 0,
    BLK_EIO = 1,
    BLK_ENOSPC = 2,
    BLK_ENOMEDIUM = 3, /* no medium, or the tray is open */
    BLK_EROFS = 4,
    BLK_ERANGE = 5, /* beyond the end, not whole sectors, or too long */
    BLK_EBUSY = 6,  /* BLK_INFLIGHT_MAX requests are in flight */
    BLK_RESULT_COUNT
} BlkResult;

#define BLK_SECTOR 512u
#define BLK_REQUEST_MAX (32u << 20) /* bytes of one read or write */
#define BLK_INFLIGHT_MAX 256u       /* of one drive */

typedef struct BlkRequest {
    BlkOp op;
    uint32_t tag;     /* the device's own; comes back with the completion */
    uint64_t offset;  /* bytes, whole sectors */
    uint64_t bytes;   /* whole sectors; 0 for a flush */
    const void *data; /* BLK_WRITE: copied during the call */
} BlkRequest;

typedef enum DriveMedia {
    DRIVE_MEDIA_EJECT_ASKED, /* a person wants the medium: the guest may agree
                                by drive_set_tray(d, true) */
    DRIVE_MEDIA_TRAY,        /* the tray was opened or closed from outside */
    DRIVE_MEDIA_CHANGED,     /* another medium, or none, is in it now */
    DRIVE_MEDIA_RESIZED,     /* drive_bytes() changed */
} DriveMedia;

/* All on the machine thread, as part of an input. */
typedef struct DriveOps {
    /* A request that was submitted is over; @data: what was read, @size bytes,
     * valid during the call, NULL unless a read succeeded. A new request may be
     * submitted from here. */
    void (*complete)(Device *dev, uint32_t tag, BlkResult result,
                     const uint8_t *data, uint32_t size);
    void (*media)(Device *dev, DriveMedia what); /* NULL: fixed media only */
} DriveOps;

typedef enum DriveIf { /* if= */
    DRIVE_IF_NONE,
    DRIVE_IF_IDE,
    DRIVE_IF_PFLASH,
    DRIVE_IF_FLOPPY,
    DRIVE_IF_VIRTIO,
    DRIVE_IF_SCSI,
    DRIVE_IF_COUNT
} DriveIf;

/** drive_find() - by id= of -drive, or the node name of -blockdev */
Drive *drive_find(Vm *vm, const char *id);
/** drive_of_if() - what -drive if=I,bus=B,unit=U (or index=, -hda...) put there;
 *  two units a bus for IDE and floppy; NULL: nothing. For boards. */
Drive *drive_of_if(Vm *vm, DriveIf i, unsigned bus, unsigned unit);

/**
 * drive_attach() - the device's realize connects
 * False: another device has it. Makes the child device "drive" below @dev that
 * holds the state: requests in flight, tray, lock, medium. A removable drive
 * may be empty. @d NULL: an empty removable drive is made (name NULL: no id).
 */
Drive *drive_attach(Vm *vm, Drive *d, Device *dev, const DriveOps *ops,
                    bool removable, GError **error);

const char *drive_id(const Drive *d);
bool drive_is_cdrom(const Drive *d); /* media=cdrom */
bool drive_read_only(const Drive *d);
uint64_t drive_bytes(const Drive *d); /* 0 without a medium; state */
/** drive_geometry() - CHS for disks that have one: 16 heads, 63 sectors and at
 *  most 16383 cylinders, or what cyls=, heads=, secs= said */
void drive_geometry(const Drive *d, unsigned *cyls, unsigned *heads,
                    unsigned *secs);
const char *drive_serial(const Drive *d); /* serial=; NULL: none */
bool drive_can_discard(const Drive *d);   /* sealed: discard=unmap */

/**
 * drive_submit() - start a request
 * BLK_OK: it is in flight, DriveOps.complete follows at a later moment, never
 * from within. Else it was refused now, with no completion: the answer depends
 * on state only. Checks: medium, tray, range, read-only. A flush covers what
 * was completed before it was submitted.
 */
BlkResult drive_submit(Drive *d, const BlkRequest *r);
/** drive_in_flight() - requests whose completion the device waits for */
unsigned drive_in_flight(const Drive *d);
/** drive_forget() - no completion of requests now in flight is told any more
 *  (the device was reset or aborted). A reset of the machine does it itself. */
void drive_forget(Drive *d);

/* Removable media: state of the drive. */
bool drive_has_medium(const Drive *d); /* in the tray, open or not */
bool drive_tray_open(const Drive *d);
bool drive_locked(const Drive *d);
void drive_set_tray(Drive *d, bool open); /* the guest's own eject and load */
void drive_set_locked(Drive *d, bool locked);

#endif
