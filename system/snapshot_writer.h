/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the pages of a snapshot while the machine runs on: a page that is
 * about to be written first is kept as it was. Plain mode only: in a recording
 * checkpoints own the hook, and the overlay belongs to the machine thread.
 */
#ifndef SYSTEM_SNAPSHOT_WRITER_H
#define SYSTEM_SNAPSHOT_WRITER_H

#include "block/vmstate.h"

typedef struct SnapshotWriter SnapshotWriter;
/* @why NULL: it worked. Thread: machine */
typedef void SnapshotDone(Vm *vm, void *opaque, const char *why);

/** snapshot_writer_possible() - can the machine run on meanwhile? */
bool snapshot_writer_possible(Vm *vm);
/** snapshot_writer_start() - takes over @save and the texts of @info; @done is
 *  told once, later. Thread: machine */
SnapshotWriter *snapshot_writer_start(Vm *vm, VmSave *save,
                                      const BlockSnapshot *info,
                                      SnapshotDone *done, void *opaque);
/** snapshot_writer_busy() - is one at work? */
bool snapshot_writer_busy(const Vm *vm);
/** snapshot_writer_settle() - wait for it; the machine thread has ended */
void snapshot_writer_settle(Vm *vm);

#endif
