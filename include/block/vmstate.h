/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named snapshots on disk: the disks of all drives at one moment, and a stream
 * of bytes that is the state of the machine, kept in one of the images. What an
 * image cannot hold (the overlay of a raw image, or of one with snapshot=on) is
 * a part of the stream.
 */
#ifndef BLOCK_VMSTATE_H
#define BLOCK_VMSTATE_H

#include "block/drives.h"

typedef struct VmSave VmSave;
typedef struct VmLoad VmLoad;

/* Which images take part; NULL members: the first that can hold the state, and
 * all drives (as savevm does). */
typedef struct VmStatePlace {
    const char *vmstate;        /* node name */
    const char *const *devices; /* node names, NULL-terminated */
} VmStatePlace;

/** vmstate_begin() - freeze the disks as they are now; @state_bytes: most that
 *  will be put. False when a drive cannot be snapshotted. Thread: machine */
bool vmstate_begin(Vm *vm, const VmStatePlace *place, uint64_t state_bytes,
                   VmSave **out, GError **error);
/** vmstate_put() - more of the state. Errors are told by vmstate_finish().
 *  Thread: one at a time */
void vmstate_put(VmSave *s, const void *data, size_t size);
/** vmstate_finish() - enter the snapshot in all images; older ones of this name
 *  go; @info: name, dates, clock, icount. Uses up @s. */
bool vmstate_finish(VmSave *s, const BlockSnapshot *info, GError **error);

bool vmstate_open(Vm *vm, const VmStatePlace *place, const char *name,
                  VmLoad **out, GError **error);
const BlockSnapshot *vmstate_info(const VmLoad *l);
/** vmstate_get() - the next bytes of the state; false: damaged or at the end */
bool vmstate_get(VmLoad *l, void *buf, size_t size);
/** vmstate_disks() - drives have the disks of the snapshot from now on; after
 *  all of the state was got. Thread: machine */
bool vmstate_disks(VmLoad *l, GError **error);
void vmstate_close(VmLoad *l);

bool vmstate_delete(Vm *vm, const VmStatePlace *place, const char *name,
                    GError **error);
/** vmstate_node() - where states go: NULL with @error when nothing can */
BlockNode *vmstate_node(Vm *vm, GError **error);
/** drives_start_from() - the base of each drive that has this snapshot is the
 *  disk of it; before the seal (rrsnapshot= in replay) */
bool drives_start_from(Vm *vm, const char *name, GError **error);

#endif
