/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All drives of a machine, as the command line, the monitor and the loop see
 * them. Devices use block/drive.h.
 */
#ifndef BLOCK_DRIVES_H
#define BLOCK_DRIVES_H

#include "block/drive.h"
#include "replay/replay.h"

/* What drives ask of those above; filled by system. Thread: any. */
typedef struct DriveHooks {
    /* werror=stop and rerror=stop: the machine is to stop with io-error */
    void (*stop)(Vm *vm);
    /* an event for monitors; @data is a JSON object */
    void (*event)(Vm *vm, const char *name, const char *data);
} DriveHooks;

/** drives_init() - @protect: what guests write stays in overlays and no image
 *  is changed (record and replay), @snapshot: the same because a person wants
 *  it (-snapshot). Before any drive is added. */
void drives_init(Vm *vm, const DriveHooks *hooks, bool protect, bool snapshot);
/** drives_add() - -drive TEXT */
bool drives_add(Vm *vm, const char *text, GError **error);
/** drives_add_node() - -blockdev, blockdev-add: dotted keys. The node stays
 *  until drives_del_node(). */
bool drives_add_node(Vm *vm, KeyVals *kv, GError **error);
bool drives_del_node(Vm *vm, const char *node, GError **error);
/** drives_seal() - what of the images the guest depends on; after the devices
 *  have been realized. One notice about drives without driver=blkreplay. */
void drives_seal(Vm *vm, Seal *seal);
/** drives_resumed() - the machine runs again: requests that stopped it are
 *  tried again */
void drives_resumed(Vm *vm);
/** drives_flush() - all images to the disk. Thread: any */
void drives_flush(Vm *vm);
bool drives_have_overlay(Vm *vm);
/** drives_close() - waits for host threads, flushes, closes; the machine thread
 *  has ended. Devices that still exist have no drives after it. */
void drives_close(Vm *vm);

BlockGraph *drives_graph(Vm *vm);
typedef void DriveVisit(void *opaque, Drive *d);
/** drives_foreach() - in order of creation */
void drives_foreach(Vm *vm, DriveVisit *visit, void *opaque);
BlockNode *drive_node(const Drive *d); /* NULL: empty */
Device *drive_device(const Drive *d);  /* whose it is; NULL: nobody's */
bool drive_removable(const Drive *d);
bool drive_has_overlay(const Drive *d);
bool drive_writethrough(const Drive *d);
/** drive_io_failed() - a request waits until the machine goes on */
bool drive_io_failed(const Drive *d);

typedef struct DriveStats {
    uint64_t ops[BLK_OP_COUNT];
    uint64_t bytes[BLK_OP_COUNT];
    uint64_t failed[BLK_OP_COUNT];
    uint64_t refused;
    uint64_t host_ns[BLK_OP_COUNT]; /* from submission to the end of the work */
} DriveStats;
void drive_stats(const Drive *d, DriveStats *out);

/* Actions of people: inputs; refused while playing. Thread: machine. */
bool drive_eject(Drive *d, bool force, GError **error);
/** drive_change() - @filename NULL: take the medium out */
bool drive_change(Drive *d, const char *filename, const char *format,
                  GError **error);
bool drive_resize(Drive *d, uint64_t bytes, GError **error);
bool drive_move_tray(Drive *d, bool open, bool force, GError **error);

extern const InputSource block_source, media_source;

#endif
