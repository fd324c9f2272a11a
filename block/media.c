/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removable media, trays, and sizes that change. What people do is an input:
 * the file's name is in the log, its content is verified as it is read.
 */
#include "block/drive_priv.h"

#include <string.h>

#define NAME_BYTES 4096

typedef enum MediaWhat {
    MEDIA_EJECT_ASK,
    MEDIA_OPEN,
    MEDIA_CLOSE,
    MEDIA_REMOVE,
    MEDIA_INSERT,
    MEDIA_RESIZE,
    MEDIA_COUNT
} MediaWhat;

typedef struct MediaEvent {
    uint32_t drive;
    uint8_t what; /* MediaWhat */
    uint64_t bytes;
    char *filename, *format; /* owned */
    BlockNode *node;         /* owned reference; not in the log */
} MediaEvent;

/* The medium as the guest sees it; @node NULL: none. */
void drive_insert(Drive *d, BlockNode *node)
{
    if (node != d->node) {
        block_unref(d->node);
        d->node = block_ref(node);
        d->view = NULL;
    }
    d->dev->medium = node != NULL;
    d->dev->bytes = node ? block_bytes(node) / BLK_SECTOR * BLK_SECTOR : 0;
}

static bool media_codec(Codec *c, void *event)
{
    MediaEvent *e = event;

    if (!codec_size(c, &e->drive, DRIVES_MAX - 1) || !codec_u8(c, &e->what)
        || e->what >= MEDIA_COUNT) {
        c->failed = true;
        return false;
    }
    if (e->what == MEDIA_RESIZE || e->what == MEDIA_INSERT) {
        if (!codec_varint(c, &e->bytes) || e->bytes > INT64_MAX) {
            c->failed = true;
            return false;
        }
    }
    return e->what != MEDIA_INSERT
           || (codec_str(c, &e->filename, NAME_BYTES)
               && codec_str(c, &e->format, NAME_BYTES));
}

static void media_clear(void *event)
{
    MediaEvent *e = event;

    g_clear_pointer(&e->filename, g_free);
    g_clear_pointer(&e->format, g_free);
    g_clear_pointer(&e->node, block_unref);
}

static void media_tell(Drive *d, DriveMedia what)
{
    if (d->ops->media) {
        d->ops->media(d->user, what);
    }
}

static void media_tray(Drive *d, bool open)
{
    BlkState *st = blk_state(d->vm);
    g_autofree char *data = NULL;

    if (d->dev->tray_open == open) {
        return;
    }
    d->dev->tray_open = open;
    data = g_strdup_printf(
        "{\"device\": \"%s\", \"id\": \"%s\", \"tray-open\": %s}",
        d->id ? d->id : "", d->user->id ? d->user->id : d->user->path,
        open ? "true" : "false");
    if (st->hooks.event) {
        st->hooks.event(st->vm, "DEVICE_TRAY_MOVED", data);
    }
}

/* Replaying: the node is opened here, by the name that was recorded. */
static void media_inserted(Drive *d, const MediaEvent *e)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = block_ref(e->node);

    if (!node) {
        node = block_open_image(drives_graph(d->vm), e->filename, e->format,
                                &d->mode, &error);
    }
    if (!node || block_bytes(node) / BLK_SECTOR * BLK_SECTOR != e->bytes) {
        replay_diverged(d->vm->replay,
                        "the medium '%s' that was put into drive '%s' when "
                        "recorded %s%s",
                        e->filename, d->id ? d->id : "",
                        node ? "has another size now" : "cannot be opened: ",
                        node ? "" : error->message);
        return;
    }
    drive_insert(d, node);
    media_tell(d, DRIVE_MEDIA_CHANGED);
}

static void media_resized(Drive *d, uint64_t bytes)
{
    d->dev->bytes = bytes;
    media_tell(d, DRIVE_MEDIA_RESIZED);
}

static void media_deliver(Vm *vm, const void *event)
{
    const MediaEvent *e = event;
    BlkState *st = vm->blk;
    Drive *d;

    if (!st || e->drive >= st->attached->len) {
        replay_diverged(vm->replay, "the log names drive %u of %u", e->drive,
                        st ? st->attached->len : 0);
        return;
    }
    d = g_ptr_array_index(st->attached, e->drive);
    switch ((MediaWhat)e->what) {
    case MEDIA_EJECT_ASK:
        media_tell(d, DRIVE_MEDIA_EJECT_ASKED);
        break;
    case MEDIA_OPEN:
    case MEDIA_CLOSE:
        media_tray(d, e->what == MEDIA_OPEN);
        media_tell(d, DRIVE_MEDIA_TRAY);
        break;
    case MEDIA_REMOVE:
        drive_insert(d, NULL);
        media_tell(d, DRIVE_MEDIA_CHANGED);
        break;
    case MEDIA_INSERT:
        media_inserted(d, e);
        break;
    case MEDIA_RESIZE:
        media_resized(d, e->bytes);
        break;
    case MEDIA_COUNT:
        break;
    }
}

const InputSource media_source = {
    .name = "media",
    .version = 1,
    .event_size = sizeof(MediaEvent),
    .codec = media_codec,
    .deliver = media_deliver,
    .clear = media_clear,
};

/* --- the guest's own ---------------------------------------------------------------- */

void drive_set_tray(Drive *d, bool open)
{
    vm_assert_thread(d->vm);
    media_tray(d, open);
}

void drive_set_locked(Drive *d, bool locked)
{
    vm_assert_thread(d->vm);
    d->dev->locked = locked;
}

/* --- people ---------------------------------------------------------------------------- */

static const char *media_name(const Drive *d)
{
    return d->id ? d->id : d->node ? block_node_name(d->node) : "";
}

static bool media_post(Drive *d, MediaWhat what, GError **error)
{
    MediaEvent e = {.drive = d->number, .what = (uint8_t)what};

    return input_post(d->vm, &media_source, &e)
           || fail(error, "the input queue is full");
}

static bool media_may(const Drive *d, const char *what, GError **error)
{
    if (replay_refuse_action(d->vm->replay, what, error)) {
        return false;
    }
    if (!d->dev || !drive_removable(d)) {
        return fail(error, "Device '%s' is not removable", media_name(d));
    }
    return true;
}

bool drive_eject(Drive *d, bool force, GError **error)
{
    if (!media_may(d, "eject", error)) {
        return false;
    }
    if (d->dev->locked && !force) {
        g_autoptr(GError) ignored = NULL;

        media_post(d, MEDIA_EJECT_ASK, &ignored);
        return fail(error,
                    "Device '%s' is locked and force was not specified, wait "
                    "for tray to open and try again",
                    media_name(d));
    }
    return media_post(d, MEDIA_OPEN, error)
           && media_post(d, MEDIA_REMOVE, error);
}

bool drive_change(Drive *d, const char *filename, const char *format,
                  GError **error)
{
    MediaEvent e = {.what = MEDIA_INSERT};
    BlockMode mode = d->mode;

    if (!media_may(d, "change", error)) {
        return false;
    }
    if (!filename) {
        return drive_eject(d, false, error);
    }
    mode.read_only |= d->cdrom || d->overlay;
    e.drive = d->number;
    e.node =
        block_open_image(drives_graph(d->vm), filename, format, &mode, error);
    if (!e.node) {
        return false;
    }
    e.bytes = block_bytes(e.node) / BLK_SECTOR * BLK_SECTOR;
    e.filename = g_canonicalize_filename(filename, NULL);
    e.format = g_strdup(block_format(e.node));
    if ((d->dev->medium && !drive_eject(d, false, error))
        || (!d->dev->medium && !media_post(d, MEDIA_OPEN, error))) {
        media_clear(&e);
        return false;
    }
    return (input_post(d->vm, &media_source, &e)
            && media_post(d, MEDIA_CLOSE, error))
           || fail(error, "the input queue is full");
}

bool drive_move_tray(Drive *d, bool open, bool force, GError **error)
{
    if (!media_may(d, open ? "blockdev-open-tray" : "blockdev-close-tray",
                   error)) {
        return false;
    }
    if (open && d->dev->locked && !force) {
        return media_post(d, MEDIA_EJECT_ASK, error);
    }
    return media_post(d, open ? MEDIA_OPEN : MEDIA_CLOSE, error);
}

bool drive_resize(Drive *d, uint64_t bytes, GError **error)
{
    MediaEvent e = {.what = MEDIA_RESIZE, .bytes = bytes};

    if (replay_mode(d->vm->replay) != REPLAY_NONE) {
        return fail(error,
                    "block_resize changes an image that a recording depends "
                    "on: not in record and replay");
    }
    if (!d->node || !d->dev) {
        return fail(error, "Device '%s' has no medium", media_name(d));
    }
    if (bytes % BLK_SECTOR || bytes > INT64_MAX) {
        return fail(error, "a size is a whole number of sectors");
    }
    if (!d->overlay && !block_truncate(d->node, bytes, error)) {
        return false;
    }
    e.drive = d->number;
    return input_post(d->vm, &media_source, &e)
           || fail(error, "the input queue is full");
}
