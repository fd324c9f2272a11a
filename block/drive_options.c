/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -drive and -blockdev. */
#include "block/drive_priv.h"

#include <string.h>

#include "block/node_priv.h"

/* clang-format off */
static const struct {
    const char *name;
    unsigned units; /* on one bus */
} interfaces[DRIVE_IF_COUNT] = {
    [DRIVE_IF_NONE]   = {"none", 1},
    [DRIVE_IF_IDE]    = {"ide", 2},
    [DRIVE_IF_PFLASH] = {"pflash", 1},
    [DRIVE_IF_FLOPPY] = {"floppy", 1},
    [DRIVE_IF_VIRTIO] = {"virtio", 1},
    [DRIVE_IF_SCSI]   = {"scsi", 7},
};

static const struct {
    const char *name;
    bool direct, no_flush, writethrough;
} caches[] = {
    {"writeback",    false, false, false},
    {"none",         true,  false, false},
    {"off",          true,  false, false},
    {"unsafe",       false, true,  false},
    {"writethrough", false, false, true},
    {"directsync",   true,  false, true},
};
/* clang-format on */

static const char *const known[] = {"file",
                                    "format",
                                    "if",
                                    "index",
                                    "bus",
                                    "unit",
                                    "media",
                                    "id",
                                    "snapshot",
                                    "cache",
                                    "aio",
                                    "werror",
                                    "rerror",
                                    "readonly",
                                    "read-only",
                                    "driver",
                                    "image",
                                    "discard",
                                    "detect-zeroes",
                                    "serial",
                                    "cyls",
                                    "heads",
                                    "secs",
                                    "node-name",
                                    "cache.direct",
                                    "cache.no-flush",
                                    "cache.writeback",
                                    "filename",
                                    "size",
                                    "offset",
                                    "backing",
                                    "file.filename",
                                    "file.driver",
                                    "file.locking",
                                    NULL};

static const char *const *word_index(const char *const *words, const char *w)
{
    while (*words && strcmp(*words, w) != 0) {
        words++;
    }
    return *words ? words : NULL;
}

static void kv_rename(KeyVals *kv, const char *from, const char *to)
{
    for (guint i = 0; i < kv->items->len; i++) {
        KeyVal *item = &g_array_index(kv->items, KeyVal, i);

        if (strcmp(item->key, from) == 0) {
            g_free(item->key);
            item->key = g_strdup(to);
        }
    }
}

/* --- where it is plugged in ------------------------------------------------------ */

static bool place_parse(Drive *d, KeyVals *kv, uint64_t *index, GError **error)
{
    const char *interface = keyvals_take(kv, "if");
    uint64_t bus = UINT64_MAX, unit = UINT64_MAX;
    unsigned i = 0, units;

    d->interface = DRIVE_IF_IDE;
    *index = UINT64_MAX;
    if (interface) {
        while (i < DRIVE_IF_COUNT
               && strcmp(interfaces[i].name, interface) != 0) {
            i++;
        }
        if (i == DRIVE_IF_COUNT) {
            return fail(error,
                        "if=%s: unknown interface (there are ide, none, "
                        "pflash, floppy, virtio and scsi)",
                        interface);
        }
        d->interface = (DriveIf)i;
    }
    units = interfaces[d->interface].units;
    if (!keyvals_take_u64(kv, "index", UINT16_MAX, index, error)
        || !keyvals_take_u64(kv, "bus", UINT16_MAX, &bus, error)
        || !keyvals_take_u64(kv, "unit", UINT16_MAX, &unit, error)) {
        return false;
    }
    if (*index != UINT64_MAX && (bus != UINT64_MAX || unit != UINT64_MAX)) {
        return fail(error, "index= cannot be used with bus= and unit=");
    }
    if (unit != UINT64_MAX && units > 1 && unit >= units) {
        return fail(error, "unit=%" PRIu64 ": there are %u a bus", unit, units);
    }
    if (bus != UINT64_MAX || unit != UINT64_MAX) {
        *index = (bus == UINT64_MAX ? 0 : bus) * units
                 + (unit == UINT64_MAX ? 0 : unit);
    }
    return true;
}

static bool place_choose(BlkState *st, Drive *d, uint64_t index, GError **error)
{
    unsigned units = interfaces[d->interface].units;
    bool chosen = index != UINT64_MAX;

    if (d->interface == DRIVE_IF_NONE) {
        return true;
    }
    for (index = chosen ? index : 0;; index++) {
        const Drive *there;
        unsigned bus = (unsigned)(units > 1 ? index / units : 0);
        unsigned unit = (unsigned)(units > 1 ? index % units : index);

        d->hidden = true; /* not found yet itself */
        there = drive_of_if(st->vm, d->interface, bus, unit);
        d->hidden = false;
        if (!there) {
            d->bus = bus;
            d->unit = unit;
            return true;
        }
        if (chosen) {
            return fail(error, "bus=%u,unit=%u of if=%s is taken by '%s'", bus,
                        unit, interfaces[d->interface].name,
                        there->id ? there->id : "");
        }
    }
}

/* As people find them in `info block`. */
static void place_name(BlkState *st, Drive *d)
{
    const char *name = interfaces[d->interface].name;
    unsigned n = 0;

    if (d->id) {
        return;
    }
    if (d->interface == DRIVE_IF_IDE || d->interface == DRIVE_IF_SCSI) {
        d->id = g_strdup_printf("%s%u-%s%u", name, d->bus,
                                d->cdrom ? "cd" : "hd", d->unit);
        return;
    }
    if (d->interface != DRIVE_IF_NONE) {
        d->id = g_strdup_printf("%s%u", name, d->unit);
        return;
    }
    for (;; n++) {
        g_autofree char *id = g_strdup_printf("none%u", n);

        if (!drive_find(st->vm, id)) {
            d->id = g_steal_pointer(&id);
            return;
        }
    }
}

/* --- how it behaves ------------------------------------------------------------------ */

static bool parse_on_error(KeyVals *kv, const char *key, DriveOnError *out,
                           GError **error)
{
    static const char *const words[] = {"report", "ignore", "stop", "enospc",
                                        NULL};
    const char *text = keyvals_take(kv, key);
    const char *const *w = text ? word_index(words, text) : NULL;

    if (!text) {
        return true;
    }
    if (!w || (*key == 'r' && w - words == DRIVE_ENOSPC)) {
        return fail(error, "%s=%s: expected report, ignore%s", key, text,
                    *key == 'r' ? " or stop" : ", stop or enospc");
    }
    *out = (DriveOnError)(w - words);
    return true;
}

static bool parse_cache(Drive *d, KeyVals *kv, GError **error)
{
    const char *cache = keyvals_take(kv, "cache");
    const char *aio = keyvals_take(kv, "aio");
    bool writeback = true;

    if (cache) {
        unsigned i = 0;

        while (i < G_N_ELEMENTS(caches) && strcmp(caches[i].name, cache)) {
            i++;
        }
        if (i == G_N_ELEMENTS(caches)) {
            return fail(error,
                        "cache=%s: expected none, writeback, unsafe, "
                        "directsync or writethrough",
                        cache);
        }
        d->mode.direct = caches[i].direct;
        d->mode.no_flush = caches[i].no_flush;
        d->writethrough = caches[i].writethrough;
    }
    if (!keyvals_take_bool(kv, "cache.writeback", &writeback, error)) {
        return false;
    }
    d->writethrough |= !writeback;
    if (aio && strcmp(aio, "threads") && strcmp(aio, "native")
        && strcmp(aio, "io_uring")) {
        return fail(error, "aio=%s: expected threads, native or io_uring", aio);
    }
    return true;
}

static bool parse_media(Drive *d, KeyVals *kv, GError **error)
{
    const char *media = keyvals_take(kv, "media");
    const char *serial = keyvals_take(kv, "serial");
    uint64_t cyls = 0, heads = 0, secs = 0;

    if (media && strcmp(media, "cdrom") && strcmp(media, "disk")) {
        return fail(error, "media=%s: expected disk or cdrom", media);
    }
    d->cdrom = media && strcmp(media, "cdrom") == 0;
    d->read_only = d->cdrom;
    d->serial = g_strdup(serial);
    if (!keyvals_take_bool(kv, "readonly", &d->read_only, error)
        || !keyvals_take_bool(kv, "read-only", &d->read_only, error)
        || !keyvals_take_bool(kv, "snapshot", &d->snapshot, error)
        || !keyvals_take_u64(kv, "cyls", 65535, &cyls, error)
        || !keyvals_take_u64(kv, "heads", 16, &heads, error)
        || !keyvals_take_u64(kv, "secs", 63, &secs, error)) {
        return false;
    }
    if (!cyls != !heads || !heads != !secs) {
        return fail(error, "cyls=, heads= and secs= go together");
    }
    d->cyls = (unsigned)cyls;
    d->heads = (unsigned)heads;
    d->secs = (unsigned)secs;
    return true;
}

/* --- what is in it ---------------------------------------------------------------------- */

static bool drive_replays(Drive *d, KeyVals *kv, GError **error)
{
    const char *image = keyvals_take(kv, "image");
    Drive *under = image ? drive_find(d->vm, image) : NULL;

    if (!image) {
        return fail(error, "driver=blkreplay: needs image=ID");
    }
    if (!under || under == d) {
        return fail(error, "image=%s: there is no such drive or node", image);
    }
    if (under->hidden || under->user) {
        return fail(error, "image=%s: is in use already", image);
    }
    if (!under->node) {
        return fail(error, "image=%s: is empty", image);
    }
    d->blkreplay = true;
    d->node = block_ref(under->node);
    d->snapshot |= under->snapshot;
    d->read_only = under->read_only;
    d->cdrom |= under->cdrom;
    d->writethrough = under->writethrough;
    d->discard = under->discard;
    d->mode = under->mode;
    d->on_read = under->on_read;
    d->on_write = under->on_write;
    under->hidden = true;
    return true;
}

static bool drive_open(BlkState *st, Drive *d, KeyVals *kv, GError **error)
{
    const char *format = keyvals_take(kv, "format");
    const char *driver = keyvals_take(kv, "driver");

    if (driver && strcmp(driver, "blkreplay") == 0) {
        return drive_replays(d, kv, error);
    }
    if (format && driver) {
        return fail(error, "format= and driver= say the same thing");
    }
    kv_rename(kv, "file", "filename");
    if (format) {
        kv_rename(kv, "format", "driver");
    }
    d->mode.read_only =
        d->read_only || d->snapshot || st->protect || st->snapshot;
    d->node = block_open(st->graph, kv, &d->mode, error);
    if (!d->node) {
        return false;
    }
    d->mode = *block_mode(d->node);
    d->discard = d->mode.discard == BLOCK_DISCARD_UNMAP;
    return true;
}

static bool drive_is_empty(const KeyVals *kv)
{
    for (guint i = 0; i < kv->items->len; i++) {
        const char *key = g_array_index(kv->items, KeyVal, i).key;

        if (g_str_has_prefix(key, "file") || strcmp(key, "driver") == 0
            || strcmp(key, "image") == 0) {
            return false;
        }
    }
    return true;
}

static bool drive_parse(BlkState *st, Drive *d, KeyVals *kv, GError **error)
{
    uint64_t index;

    if (!place_parse(d, kv, &index, error) || !parse_media(d, kv, error)
        || !parse_cache(d, kv, error)
        || !parse_on_error(kv, "werror", &d->on_write, error)
        || !parse_on_error(kv, "rerror", &d->on_read, error)
        || !place_choose(st, d, index, error)) {
        return false;
    }
    place_name(st, d);
    if (!drive_is_empty(kv)) {
        return drive_open(st, d, kv, error);
    }
    if (!d->cdrom && d->interface != DRIVE_IF_FLOPPY) {
        return fail(error, "needs a file=");
    }
    keyvals_take(kv, "format");
    d->mode.read_only = d->read_only;
    return true;
}

bool drives_add(Vm *vm, const char *text, GError **error)
{
    BlkState *st = blk_state(vm);
    g_auto(KeyVals) kv = {0};
    const char *id;
    Drive *d;

    keyvals_parse(&kv, text, NULL);
    id = keyvals_take(&kv, "id");
    if (id && drive_find(vm, id)) {
        return fail(error, "id=%s is used twice", id);
    }
    d = drive_new(st, id);
    return drive_parse(st, d, &kv, error) && keyvals_done(&kv, known, error);
}

bool drives_add_node(Vm *vm, KeyVals *kv, GError **error)
{
    BlkState *st = blk_state(vm);
    BlockMode mode = {0};
    bool read_only = false;
    BlockNode *n;

    if (!keyvals_take_bool(kv, "read-only", &read_only, error)) {
        return false;
    }
    mode.read_only = read_only || st->protect || st->snapshot;
    n = block_open(st->graph, kv, &mode, error);
    if (!n) {
        return false;
    }
    if (!keyvals_done(kv, known, error)) {
        block_unref(n);
        return false;
    }
    if (block_node_name(n)[0] == '#') {
        block_unref(n);
        return fail(error, "'node-name' must be specified for the root node");
    }
    block_node_set_guest_read_only(n, read_only);
    g_ptr_array_add(st->named, n);
    return true;
}

bool drives_del_node(Vm *vm, const char *node, GError **error)
{
    BlkState *st = blk_state(vm);
    BlockNode *n = block_find(st->graph, node);

    if (!n) {
        return fail(error, "Failed to find node with node-name='%s'", node);
    }
    for (guint i = 0; i < st->drives->len; i++) {
        Drive *d = g_ptr_array_index(st->drives, i);

        if (d->node != n) {
            continue;
        }
        if (d->user || d->id) {
            return fail(error, "Node %s is in use", node);
        }
        g_clear_pointer(&d->node, block_unref);
    }
    if (!g_ptr_array_find(st->named, n, NULL)) {
        return fail(error, "Node %s is not owned by the monitor", node);
    }
    if (n->refs > 1) {
        return fail(error, "Node %s is in use", node);
    }
    g_ptr_array_remove(st->named, n);
    block_unref(n);
    return true;
}
