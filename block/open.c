/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From options with dotted keys to nodes. */
#include "block/node_priv.h"

#include <errno.h>
#include <string.h>

#include "block/qcow2_priv.h"

#define DEPTH_MAX 200 /* of a backing chain */

static const char *const drivers[] = {"file",  "host_device", "null-co", "raw",
                                      "qcow2", "blkreplay",   NULL};

/* Named when an option of a child is unknown. */
static const char *const sub_known[] = {
    "driver",        "filename", "file",    "node-name",    "read-only",
    "locking",       "discard",  "backing", "cache.direct", "cache.no-flush",
    "detect-zeroes", "aio",      NULL};

const char *block_probe(const void *head, size_t size)
{
    /* clang-format off */
    static const struct {
        const char *name;
        const char *magic;
        size_t bytes;
    } known[] = {
        {"qcow2", "QFI\xfb\0\0\0\2", 8},
        {"qcow2", "QFI\xfb\0\0\0\3", 8},
        {"qcow",  "QFI\xfb\0\0\0\1", 8},
        {"qed",   "QED\0", 4},
        {"vmdk",  "KDMV", 4},
        {"vmdk",  "COWD", 4},
        {"vhdx",  "vhdxfile", 8},
        {"vpc",   "conectix", 8},
        {"luks",  "LUKS\xba\xbe", 6},
    };
    /* clang-format on */

    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        if (size >= known[i].bytes
            && memcmp(head, known[i].magic, known[i].bytes) == 0) {
            return known[i].name;
        }
    }
    if (size >= 0x44
        && memcmp((const uint8_t *)head + 0x40, "\x7f\x10\xda\xbe", 4) == 0) {
        return "vdi";
    }
    return "raw";
}

static bool probe_node(BlockNode *file, const char **format, GError **error)
{
    uint8_t head[BLOCK_PROBE_BYTES];
    int err = block_read(file, 0, head, sizeof(head));

    if (err) {
        return fail_errno(error, err, "%s: cannot be read",
                          block_filename(file));
    }
    *format = block_probe(head, sizeof(head));
    return true;
}

/* --- options ----------------------------------------------------------------- */

/* The pairs whose keys begin with "@prefix.", without it. */
static void kv_sub(KeyVals *kv, const char *prefix, KeyVals *out)
{
    size_t n = strlen(prefix);

    keyvals_parse(out, "", NULL);
    for (guint i = 0; i < kv->items->len; i++) {
        KeyVal *item = &g_array_index(kv->items, KeyVal, i);

        if (strncmp(item->key, prefix, n) == 0 && item->key[n] == '.') {
            KeyVal copy = {.key = g_strdup(item->key + n + 1),
                           .value = g_strdup(item->value)};

            g_array_append_val(out->items, copy);
            item->taken = true;
        }
    }
}

static bool kv_mode(KeyVals *kv, BlockMode *m, GError **error)
{
    static const char *const no_yes[] = {"ignore", "off", "unmap", "on"};
    const char *discard = keyvals_take(kv, "discard");
    const char *detect = keyvals_take(kv, "detect-zeroes");
    const char *locking = keyvals_take(kv, "locking");
    unsigned i = 0;

    if (!keyvals_take_bool(kv, "read-only", &m->read_only, error)
        || !keyvals_take_bool(kv, "cache.direct", &m->direct, error)
        || !keyvals_take_bool(kv, "cache.no-flush", &m->no_flush, error)
        || !keyvals_take_bool(kv, "force-share", &m->lock_off, error)) {
        return false;
    }
    while (discard && i < G_N_ELEMENTS(no_yes) && strcmp(discard, no_yes[i])) {
        i++;
    }
    if (i == G_N_ELEMENTS(no_yes)) {
        return fail(error, "discard=%s: expected ignore or unmap", discard);
    }
    if (discard) {
        m->discard = i < 2 ? BLOCK_DISCARD_IGNORE : BLOCK_DISCARD_UNMAP;
    }
    if (detect && strcmp(detect, "off") && strcmp(detect, "on")
        && strcmp(detect, "unmap")) {
        return fail(error, "detect-zeroes=%s: expected off, on or unmap",
                    detect);
    }
    if (detect) {
        m->detect = strcmp(detect, "off") == 0  ? BLOCK_DETECT_OFF
                    : strcmp(detect, "on") == 0 ? BLOCK_DETECT_ON
                                                : BLOCK_DETECT_UNMAP;
    }
    if (locking && strcmp(locking, "off") == 0) {
        m->lock_off = true;
    } else if (locking && strcmp(locking, "on") && strcmp(locking, "auto")) {
        return fail(error, "locking=%s: expected on, off or auto", locking);
    }
    keyvals_take(kv, "auto-read-only"); /* drives fall back by themselves */
    keyvals_take(kv, "aio");            /* always threads */
    return true;
}

/* "file:PATH" is the old way to say that a colon is part of the name. */
static const char *plain_filename(const char *filename)
{
    return g_str_has_prefix(filename, "file:") ? filename + strlen("file:")
                                               : filename;
}

/* --- the child "file" ----------------------------------------------------------- */

static BlockNode *open_reference(BlockGraph *g, const char *name, bool write,
                                 GError **error)
{
    BlockNode *n = block_find(g, name);

    if (!n) {
        fail(error, "there is no block node '%s'", name);
        return NULL;
    }
    if (write && n->mode.read_only) {
        fail(error, "block node '%s' is read-only", name);
        return NULL;
    }
    return block_ref(n);
}

static BlockNode *open_child_file(BlockGraph *g, KeyVals *kv,
                                  const BlockMode *mode, GError **error)
{
    const char *ref = keyvals_take(kv, "file");
    const char *filename = keyvals_take(kv, "filename");
    g_auto(KeyVals) sub = {0};
    BlockNode *n;

    kv_sub(kv, "file", &sub);
    if (ref) {
        return open_reference(g, ref, !mode->read_only, error);
    }
    if (filename) {
        return block_file_open(g, NULL, plain_filename(filename), mode, error);
    }
    if (sub.items->len == 0) {
        fail(error, "needs a file= or filename=");
        return NULL;
    }
    n = block_open(g, &sub, mode, error);
    if (n && !keyvals_done(&sub, sub_known, error)) {
        block_unref(n);
        return NULL;
    }
    return n;
}

/* --- the backing chain ------------------------------------------------------------ */

static unsigned chain_depth(const BlockNode *n)
{
    unsigned depth = 0;

    for (; n; n = n->backing) {
        depth++;
    }
    return depth;
}

/* A name inside an image is relative to that image's own place. */
static char *backing_path(const BlockNode *n, const char *name)
{
    g_autofree char *dir = NULL;

    name = plain_filename(name);
    if (g_path_is_absolute(name)) {
        return g_strdup(name);
    }
    dir = g_path_get_dirname(block_filename(n));
    return strcmp(dir, ".") == 0 ? g_strdup(name)
                                 : g_build_filename(dir, name, NULL);
}

static bool open_backing_of_image(BlockNode *n, unsigned depth, GError **error);

static BlockNode *open_image(BlockGraph *g, const char *filename,
                             const char *format, const BlockMode *mode,
                             unsigned depth, GError **error)
{
    BlockNode *file = block_file_open(g, NULL, filename, mode, error);
    bool probed = !format;
    BlockNode *n;

    if (!file) {
        return NULL;
    }
    if (probed && !probe_node(file, &format, error)) {
        block_unref(file);
        return NULL;
    }
    if (strcmp(format, "raw") == 0 || strcmp(format, "file") == 0
        || strcmp(format, "host_device") == 0) {
        return block_raw_open(g, NULL, file, 0, UINT64_MAX, probed, mode,
                              error);
    }
    if (strcmp(format, "qcow2") != 0) {
        fail(error, "%s: format '%s' is not supported (raw and qcow2 are)",
             filename, format);
        block_unref(file);
        return NULL;
    }
    n = qcow2_open(g, NULL, file, mode, error);
    if (n && !mode->no_backing && !open_backing_of_image(n, depth, error)) {
        block_unref(n);
        return NULL;
    }
    return n;
}

static bool open_backing_of_image(BlockNode *n, unsigned depth, GError **error)
{
    const char *name = qcow2_backing_name(n);
    const char *format = qcow2_backing_format(n);
    BlockMode mode = n->mode;
    g_autofree char *path = NULL;

    if (!name || !name[0]) {
        return true;
    }
    if (depth >= DEPTH_MAX) {
        return fail(error, "%s: more than %d backing files", block_filename(n),
                    DEPTH_MAX);
    }
    mode.read_only = true;
    mode.detect = BLOCK_DETECT_OFF;
    path = backing_path(n, name);
    n->backing = open_image(n->graph, path, format, &mode, depth + 1, error);
    return n->backing
           || fail_prefix(error, "backing file of %s", block_filename(n));
}

static bool open_backing(BlockNode *n, KeyVals *kv, GError **error)
{
    const char *ref = keyvals_take(kv, "backing");
    g_auto(KeyVals) sub = {0};
    BlockMode mode = n->mode;

    kv_sub(kv, "backing", &sub);
    mode.read_only = true;
    if (ref && (ref[0] == '\0' || strcmp(ref, "null") == 0)) {
        return true;
    }
    if (ref) {
        n->backing = open_reference(n->graph, ref, false, error);
        return n->backing != NULL;
    }
    if (sub.items->len) {
        n->backing = block_open(n->graph, &sub, &mode, error);
        return n->backing && keyvals_done(&sub, sub_known, error);
    }
    return n->mode.no_backing
           || open_backing_of_image(n, chain_depth(n), error);
}

/* --- block_open ---------------------------------------------------------------------- */

static BlockNode *open_null(BlockGraph *g, KeyVals *kv, const char *name,
                            const BlockMode *mode, GError **error)
{
    const char *size = keyvals_take(kv, "size");
    const char *latency_text = keyvals_take(kv, "latency-ns");
    uint64_t bytes = 1u << 30, latency = 0;
    bool zeroes = true;

    if (size && (!parse_size(size, 1, &bytes) || bytes > INT64_MAX)) {
        fail(error, "size=%s: not a size", size);
        return NULL;
    }
    if (!keyvals_take_bool(kv, "read-zeroes", &zeroes, error)) {
        return NULL;
    }
    if (latency_text
        && (!parse_size(latency_text, 1, &latency) || latency > INT64_MAX)) {
        fail(error, "latency-ns=%s: not a number", latency_text);
        return NULL;
    }
    return block_null_open(g, name, bytes, latency, zeroes, mode, error);
}

static BlockNode *open_raw(BlockGraph *g, KeyVals *kv, const char *name,
                           BlockNode *file, bool probed, const BlockMode *mode,
                           GError **error)
{
    uint64_t offset = 0, size = UINT64_MAX;
    const char *offset_text = keyvals_take(kv, "offset");
    const char *size_text = keyvals_take(kv, "size");

    if ((offset_text && !parse_size(offset_text, 1, &offset))
        || (size_text && !parse_size(size_text, 1, &size))) {
        fail(error, "raw: offset= and size= are numbers of bytes");
        block_unref(file);
        return NULL;
    }
    if (probed && !mode->read_only) {
        g_printerr("reprise: %s: no format was given and it was taken as raw: "
                   "writes that would make it look like another format are "
                   "refused (format=raw says that it is)\n",
                   block_filename(file));
    }
    return block_raw_open(g, name, file, offset, size, probed, mode, error);
}

static BlockNode *open_format(BlockGraph *g, KeyVals *kv, const char *driver,
                              const char *name, const BlockMode *mode,
                              GError **error)
{
    BlockNode *file = open_child_file(g, kv, mode, error);
    bool probed = !driver;
    BlockNode *n;

    if (!file) {
        return NULL;
    }
    if (probed && !probe_node(file, &driver, error)) {
        block_unref(file);
        return NULL;
    }
    if (strcmp(driver, "raw") == 0) {
        return open_raw(g, kv, name, file, probed, mode, error);
    }
    if (strcmp(driver, "qcow2") != 0) {
        fail(error, "%s: format '%s' is not supported (raw and qcow2 are)",
             block_filename(file), driver);
        block_unref(file);
        return NULL;
    }
    keyvals_take(kv, "lazy-refcounts"); /* what the image says holds */
    n = qcow2_open(g, name, file, mode, error);
    if (n && !open_backing(n, kv, error)) {
        block_unref(n);
        return NULL;
    }
    return n;
}

static bool open_known_driver(const char *driver, GError **error)
{
    const char *near;

    if (!driver || g_strv_contains(drivers, driver)) {
        return true;
    }
    near = nearest_match(driver, drivers);
    return near ? fail(error, "unknown block driver '%s': did you mean '%s'?",
                       driver, near)
                : fail(error,
                       "unknown block driver '%s' (there are file, "
                       "host_device, null-co, raw and qcow2)",
                       driver);
}

BlockNode *block_open(BlockGraph *g, KeyVals *kv, const BlockMode *mode,
                      GError **error)
{
    const char *driver = keyvals_take(kv, "driver");
    const char *name = keyvals_take(kv, "node-name");
    const char *filename;
    BlockMode m = *mode;

    if (!open_known_driver(driver, error) || !kv_mode(kv, &m, error)) {
        return NULL;
    }
    if (driver && strcmp(driver, "null-co") == 0) {
        return open_null(g, kv, name, &m, error);
    }
    if (driver && strcmp(driver, "blkreplay") == 0) {
        const char *image = keyvals_take(kv, "image");
        BlockNode *under;

        if (!image) {
            fail(error, "driver=blkreplay: needs image=NODE");
            return NULL;
        }
        under = open_reference(g, image, false, error);
        return under ? block_filter_open(g, name, under, &m, error) : NULL;
    }
    if (driver
        && (strcmp(driver, "file") == 0
            || strcmp(driver, "host_device") == 0)) {
        filename = keyvals_take(kv, "filename");
        if (!filename) {
            fail(error, "driver=%s: needs a filename=", driver);
            return NULL;
        }
        return block_file_open(g, name, plain_filename(filename), &m, error);
    }
    return open_format(g, kv, driver, name, &m, error);
}

BlockNode *block_open_image(BlockGraph *g, const char *filename,
                            const char *format, const BlockMode *mode,
                            GError **error)
{
    return open_image(g, plain_filename(filename), format, mode, 0, error);
}
