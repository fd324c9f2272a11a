/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives: who has them, what the guest can see of them. */
#include "block/drive_priv.h"

#include <string.h>

#include "block/node_priv.h"

#define CHS_HEADS 16
#define CHS_SECS 63
#define CHS_CYLS_MAX 16383

/* --- the state of one attached drive --------------------------------------------- */

static void drive_dev_reset_done(Device *dev)
{
    DriveDev *v = (DriveDev *)dev;

    drive_forget(v->drive);
    v->tray_open = false;
    v->locked = false;
}

static void drive_dev_rebuild(Device *dev)
{
    DriveDev *v = (DriveDev *)dev;

    if (v->drive) {
        blk_slots_issue(v->drive);
    }
}

static bool drive_dev_realize(Device *dev, GError **error)
{
    ((DriveDev *)dev)->slots = g_ptr_array_new_with_free_func(blk_slot_free);
    return true;
}

static void drive_dev_unrealize(Device *dev)
{
    DriveDev *v = (DriveDev *)dev;

    if (v->slots) {
        g_ptr_array_free(v->slots, TRUE);
    }
}

/* clang-format off */
static const StateField drive_dev_state[] = {
    WIRE(DriveDev, drive),
    STATE(DriveDev, bytes,     .keep = true, .max = INT64_MAX, .doc = "size of the medium"),
    STATE(DriveDev, position,  .keep = true, .max = INT64_MAX / BLK_SECTOR, .doc = "sectors written so far, of the overlay"),
    STATE(DriveDev, flying,    .keep = true, .doc = "bytes in flight"),
    STATE(DriveDev, medium,    .keep = true, .doc = "a medium is in it"),
    STATE(DriveDev, tray_open, .keep = true),
    STATE(DriveDev, locked,    .keep = true, .doc = "the guest wants to keep the medium"),
    STATE_CODEC(DriveDev, slots, blk_slots_codec, .doc = "requests in flight"),
    STATE_END,
};

const DeviceType drive_device_type = {
    .name = "drive", .size = sizeof(DriveDev), .state = drive_dev_state,
    .realize = drive_dev_realize, .unrealize = drive_dev_unrealize,
    .reset_done = drive_dev_reset_done, .rebuild = drive_dev_rebuild,
    .doc = "what a guest's controller sees of a drive",
};
/* clang-format on */

/* --- all of them -------------------------------------------------------------------- */

BlkState *blk_state(Vm *vm)
{
    BlkState *st = vm->blk;

    if (!st) {
        st = vm->blk = g_new0(BlkState, 1);
        st->vm = vm;
        st->graph = block_graph_new();
        block_graph_set_vm(st->graph, vm);
        st->drives = g_ptr_array_new();
        st->attached = g_ptr_array_new();
        st->named = g_ptr_array_new();
        blk_pool_start(st);
    }
    return st;
}

void drives_init(Vm *vm, const DriveHooks *hooks, bool protect, bool snapshot)
{
    BlkState *st = blk_state(vm);

    st->hooks = *hooks;
    st->protect = protect;
    st->snapshot = snapshot;
}

static void drive_free(Drive *d)
{
    BlkJob *j;

    while ((j = g_queue_pop_head(&d->stopped))) {
        blk_job_unref(j);
    }
    if (d->dev) {
        g_ptr_array_set_size(d->dev->slots, 0);
        d->dev->drive = NULL;
    }
    block_unref(d->node);
    overlay_unref(d->overlay);
    overlay_unref(d->under);
    g_free(d->id);
    g_free(d->serial);
    g_free(d);
}

void drives_close(Vm *vm)
{
    BlkState *st = vm->blk;

    if (!st) {
        return;
    }
    blk_pool_stop(st);
    for (guint i = 0; i < st->drives->len; i++) {
        drive_free(g_ptr_array_index(st->drives, i));
    }
    for (guint i = 0; i < st->named->len; i++) {
        block_unref(g_ptr_array_index(st->named, i));
    }
    g_ptr_array_free(st->drives, TRUE);
    g_ptr_array_free(st->attached, TRUE);
    g_ptr_array_free(st->named, TRUE);
    block_graph_free(st->graph);
    g_clear_pointer(&vm->blk, g_free);
}

BlockGraph *drives_graph(Vm *vm)
{
    return blk_state(vm)->graph;
}

void drives_foreach(Vm *vm, DriveVisit *visit, void *opaque)
{
    BlkState *st = blk_state(vm);

    for (guint i = 0; i < st->drives->len; i++) {
        Drive *d = g_ptr_array_index(st->drives, i);

        if (!d->hidden) {
            visit(opaque, d);
        }
    }
}

void drives_flush(Vm *vm)
{
    BlkState *st = blk_state(vm);

    for (guint i = 0; i < st->drives->len; i++) {
        const Drive *d = g_ptr_array_index(st->drives, i);

        if (d->node) {
            block_flush(d->node);
        }
    }
}

bool drives_have_overlay(Vm *vm)
{
    BlkState *st = blk_state(vm);

    for (guint i = 0; i < st->attached->len; i++) {
        if (((const Drive *)g_ptr_array_index(st->attached, i))->overlay) {
            return true;
        }
    }
    return false;
}

Drive *drive_new(BlkState *st, const char *id)
{
    Drive *d = g_new0(Drive, 1);

    d->vm = st->vm;
    d->id = g_strdup(id);
    d->on_write = DRIVE_ENOSPC;
    g_queue_init(&d->stopped);
    g_ptr_array_add(st->drives, d);
    return d;
}

static Drive *drive_by_id(BlkState *st, const char *id)
{
    for (guint i = 0; i < st->drives->len; i++) {
        Drive *d = g_ptr_array_index(st->drives, i);

        if (d->id && strcmp(d->id, id) == 0) {
            return d;
        }
    }
    return NULL;
}

Drive *drive_find(Vm *vm, const char *id)
{
    BlkState *st = blk_state(vm);
    Drive *d = drive_by_id(st, id);
    BlockNode *n;

    if (d) {
        return d;
    }
    n = block_find(st->graph, id);
    if (!n) {
        return NULL;
    }
    for (guint i = 0; i < st->drives->len; i++) {
        d = g_ptr_array_index(st->drives, i);
        if (!d->id && d->node == n) {
            return d;
        }
    }
    d = drive_new(st, NULL);
    d->node = block_ref(n);
    d->mode = *block_mode(n);
    d->read_only = n->guest_read_only;
    d->discard = d->mode.discard == BLOCK_DISCARD_UNMAP;
    d->blkreplay = strcmp(block_format(n), "blkreplay") == 0;
    return d;
}

Drive *drive_of_if(Vm *vm, DriveIf i, unsigned bus, unsigned unit)
{
    BlkState *st = blk_state(vm);

    for (guint k = 0; k < st->drives->len; k++) {
        Drive *d = g_ptr_array_index(st->drives, k);

        if (d->interface == i && d->bus == bus && d->unit == unit
            && i != DRIVE_IF_NONE && !d->hidden) {
            return d;
        }
    }
    return NULL;
}

/* --- a device takes one ------------------------------------------------------------- */

bool drive_use_overlay(Drive *d, GError **error)
{
    if (!d->overlay && !d->read_only) {
        d->overlay = overlay_new(error);
        return d->overlay != NULL;
    }
    return true;
}

static bool drive_check_attach(const Drive *d, bool removable, GError **error)
{
    const char *name = d->id ? d->id : d->node ? block_node_name(d->node) : "";

    if (d->user) {
        return fail(error, "drive '%s' is in use by %s", name, d->user->path);
    }
    if (d->hidden) {
        return fail(error, "drive '%s' is the image= of another", name);
    }
    if (!d->node && !removable) {
        return fail(error, "drive '%s' is empty: the device needs a medium",
                    name);
    }
    return true;
}

Drive *drive_attach(Vm *vm, Drive *d, Device *dev, const DriveOps *ops,
                    bool removable, GError **error)
{
    BlkState *st = blk_state(vm);

    if (!d) {
        g_autofree char *name =
            dev->id ? g_strdup(dev->id) : g_path_get_basename(dev->path);

        d = drive_new(st, drive_by_id(st, name) ? NULL : name);
        d->cdrom = true;
        d->read_only = true;
        d->mode.read_only = true;
    }
    if (!drive_check_attach(d, removable, error)) {
        return NULL;
    }
    if (st->attached->len == DRIVES_MAX) {
        fail(error, "more than %d drives", DRIVES_MAX);
        return NULL;
    }
    d->removable = removable;
    if ((st->protect || st->snapshot || d->snapshot)
        && !drive_use_overlay(d, error)) {
        return NULL;
    }
    d->user = dev;
    d->ops = ops;
    d->number = st->attached->len;
    g_ptr_array_add(st->attached, d);
    d->dev = (DriveDev *)device_new(vm, &drive_device_type, dev, "drive");
    d->dev->drive = d;
    if (!device_realize(&d->dev->dev, error)) {
        return NULL;
    }
    drive_insert(d, d->node);
    return d;
}

/* --- looking -------------------------------------------------------------------------- */

const char *drive_id(const Drive *d)
{
    return d->id;
}

bool drive_is_cdrom(const Drive *d)
{
    return d->cdrom;
}

bool drive_read_only(const Drive *d)
{
    return d->read_only;
}

uint64_t drive_bytes(const Drive *d)
{
    if (d->dev) {
        return d->dev->medium ? d->dev->bytes : 0;
    }
    return d->node ? block_bytes(d->node) : 0;
}

void drive_geometry(const Drive *d, unsigned *cyls, unsigned *heads,
                    unsigned *secs)
{
    uint64_t sectors = drive_bytes(d) / BLK_SECTOR;

    *heads = d->heads ? d->heads : CHS_HEADS;
    *secs = d->secs ? d->secs : CHS_SECS;
    *cyls = d->cyls
                ? d->cyls
                : (unsigned)CLAMP(sectors / (*heads * *secs), 2, CHS_CYLS_MAX);
}

const char *drive_serial(const Drive *d)
{
    return d->serial;
}

bool drive_can_discard(const Drive *d)
{
    return d->discard;
}

bool drive_has_medium(const Drive *d)
{
    return d->dev ? d->dev->medium : d->node != NULL;
}

bool drive_tray_open(const Drive *d)
{
    return d->dev && d->dev->tray_open;
}

bool drive_locked(const Drive *d)
{
    return d->dev && d->dev->locked;
}

BlockNode *drive_node(const Drive *d)
{
    return d->node;
}

Device *drive_device(const Drive *d)
{
    return d->user;
}

bool drive_removable(const Drive *d)
{
    return d->removable || d->cdrom;
}

bool drive_has_overlay(const Drive *d)
{
    return d->overlay != NULL;
}

bool drive_writethrough(const Drive *d)
{
    return d->writethrough;
}

void drive_stats(const Drive *d, DriveStats *out)
{
    *out = d->stats;
}

/* --- what a recording depends on -------------------------------------------------------- */

static void drives_notice(BlkState *st)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < st->attached->len; i++) {
        const Drive *d = g_ptr_array_index(st->attached, i);

        if (!d->blkreplay && !d->read_only) {
            g_string_append_printf(names, "%s%s", names->len ? ", " : "",
                                   d->id ? d->id : d->user->path);
        }
    }
    if (st->protect && names->len && !st->noticed) {
        st->noticed = true;
        g_printerr("reprise: drives are recorded as with driver=blkreplay, and "
                   "their images are not changed: %s\n",
                   names->str);
    }
}

void drives_seal(Vm *vm, Seal *seal)
{
    BlkState *st = blk_state(vm);

    for (guint i = 0; i < st->attached->len; i++) {
        const Drive *d = g_ptr_array_index(st->attached, i);
        g_autofree char *key = g_strdup_printf("drive %s", d->user->path);
        g_autofree char *image = d->node ? block_seal(d->node) : NULL;

        seal_add(seal, key, "%s%s%s%s", image ? image : "empty",
                 d->read_only ? ", read-only" : "",
                 d->removable ? ", removable" : "",
                 d->discard ? ", discard" : "");
        seal_note(seal, key, "%s", d->node ? block_filename(d->node) : "none");
    }
    drives_notice(st);
}
