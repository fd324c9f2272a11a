/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot is made in two steps, so that the machine need not stand still
 * while its state is written: begin freezes the disk as a view of its own;
 * sectors of an overlay and the state of the machine are written into that view;
 * finish enters it in the table. What is active stays as it is all the time.
 */
#ifndef BLOCK_QCOW2_SNAPSHOT_PRIV_H
#define BLOCK_QCOW2_SNAPSHOT_PRIV_H

#include "block/qcow2_priv.h"

/** q2_snapshot_find() - by name, else by id; -1: none */
int q2_snapshot_find(const Qcow2 *q, const char *name);
/** q2_snapshot_begin() - of the disk of @from, NULL: the active one */
int q2_snapshot_begin(Qcow2 *q, const Q2View *from, uint64_t vm_state_max,
                      Q2View *out);
/** q2_snapshot_finish() - @v is used up; id NULL: the next number */
int q2_snapshot_finish(Qcow2 *q, Q2View *v, const BlockSnapshot *info);
int q2_snapshot_delete(Qcow2 *q, int index);
/** q2_snapshot_goto() - the active disk becomes that of the snapshot */
int q2_snapshot_goto(Qcow2 *q, int index);
/** q2_snapshot_view() - to read from; clear it with q2_view_clear() */
int q2_snapshot_view(Qcow2 *q, int index, Q2View *out);
/** q2_vm_state_at() - offset in a view of the machine's state */
uint64_t q2_vm_state_at(const Qcow2 *q, uint64_t disk_bytes);
int q2_fix_flags(Qcow2 *q, bool clear);

#endif
