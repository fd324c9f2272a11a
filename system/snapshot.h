/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named snapshots of the whole machine: savevm, loadvm, rrsnapshot=. */
#ifndef SYSTEM_SNAPSHOT_H
#define SYSTEM_SNAPSHOT_H

#include "block/vmstate.h"
#include "system/options.h"
#include "system/snapshot_writer.h"

/* Thread: machine, between steps. */
/** snapshot_save() - the machine stands still for a moment only, where that is
 *  possible; @done is told once, at the latest from within */
bool snapshot_save(Vm *vm, const VmStatePlace *place, const char *name,
                   SnapshotDone *done, void *opaque, GError **error);
/* Of the stream: one page that may be all zeroes; the end of pages. */
void snapshot_put_page(VmSave *s, RamPage page, const uint8_t *content);
void snapshot_put_end(VmSave *s);
/** snapshot_load() - in replay: go to the moment it was made at */
bool snapshot_load(Vm *vm, const VmStatePlace *place, const char *name,
                   GError **error);
bool snapshot_delete(Vm *vm, const VmStatePlace *place, const char *name,
                     GError **error);

/** snapshot_before_start() - -loadvm, and in replay rrsnapshot=: before the
 *  seal is made */
bool snapshot_before_start(Vm *vm, const Options *o, GError **error);
/** snapshot_at_start() - recording with rrsnapshot=: after replay_start() */
bool snapshot_at_start(Vm *vm, const Options *o, GError **error);

#endif
