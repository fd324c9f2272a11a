/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/overlay_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "block/drive.h"

/* The index has a list of versions for each block of eight sectors. A version
 * is one number: which sectors of the block it has (bits 0-7), the sector of
 * the log where the first of them lies, and whether they are zeroes instead. */
#define BLOCK_SECTORS 8u
#define BLOCK_BYTES (BLOCK_SECTORS * BLK_SECTOR)
#define VERSION_ZERO (1ull << 63)
#define VERSION(log, mask) ((uint64_t)(log) << 8 | (mask))
#define VERSION_LOG(v) (((v) & ~VERSION_ZERO) >> 8)
#define VISIT_MAX (1u << 20)

typedef struct Versions {
    uint32_t count, room;
    uint64_t v[];
} Versions;

typedef struct OverlayRecord {
    uint64_t position; /* before it */
    uint64_t sector, sectors;
    bool zero;
} OverlayRecord;

struct Overlay {
    gint refs;
    int fd;
    GHashTable *index; /* block number + 1 -> Versions, owned */
    GArray *records;   /* OverlayRecord, ascending */
    uint64_t end;      /* position after the last record */
    GMutex lock;
    GHashTable *kept; /* under lock: log sector + 1 -> GBytes, when the file
                         could not take them */
};

Overlay *overlay_new(GError **error)
{
    const char *dir = g_getenv("TMPDIR");
    g_autofree char *path =
        g_build_filename(dir ? dir : "/var/tmp", "reprise-XXXXXX", NULL);
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    Overlay *o;

    if (fd < 0) {
        fail_errno(error, errno, "temporary overlay %s", path);
        return NULL;
    }
    unlink(path);
    o = g_new0(Overlay, 1);
    o->refs = 1;
    o->fd = fd;
    o->index = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    o->records = g_array_new(FALSE, FALSE, sizeof(OverlayRecord));
    o->kept =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_bytes_unref);
    g_mutex_init(&o->lock);
    return o;
}

Overlay *overlay_ref(Overlay *o)
{
    if (o) {
        g_atomic_int_inc(&o->refs);
    }
    return o;
}

void overlay_unref(Overlay *o)
{
    if (!o || !g_atomic_int_dec_and_test(&o->refs)) {
        return;
    }
    close(o->fd);
    g_hash_table_unref(o->index);
    g_array_free(o->records, TRUE);
    g_hash_table_unref(o->kept);
    g_mutex_clear(&o->lock);
    g_free(o);
}

/* --- the index ------------------------------------------------------------------ */

static gpointer index_key(uint64_t number)
{
    return GSIZE_TO_POINTER((gsize)number + 1);
}

static Versions *index_get(const Overlay *o, uint64_t block)
{
    return g_hash_table_lookup(o->index, index_key(block));
}

static void index_add(Overlay *o, uint64_t block, uint64_t version)
{
    Versions *list = index_get(o, block);

    if (!list || list->count == list->room) {
        uint32_t room = list ? list->room * 2 : 2;
        Versions *more = g_malloc(sizeof(*more) + room * sizeof(more->v[0]));

        more->count = list ? list->count : 0;
        more->room = room;
        if (list) {
            memcpy(more->v, list->v, list->count * sizeof(more->v[0]));
        }
        g_hash_table_insert(o->index, index_key(block), more);
        list = more;
    }
    list->v[list->count++] = version;
}

/* The sectors of one block that a record covers. */
static uint8_t record_mask(const OverlayRecord *r, uint64_t block,
                           uint64_t *first)
{
    uint64_t start = block * BLOCK_SECTORS;
    uint64_t from = MAX(r->sector, start);
    uint64_t to = MIN(r->sector + r->sectors, start + BLOCK_SECTORS);

    *first = from;
    return (uint8_t)(((1u << (to - from)) - 1) << (from - start));
}

static void record_add(Overlay *o, const OverlayRecord *r)
{
    uint64_t last = (r->sector + r->sectors - 1) / BLOCK_SECTORS;

    for (uint64_t b = r->sector / BLOCK_SECTORS; b <= last; b++) {
        uint64_t first;
        uint8_t mask = record_mask(r, b, &first);
        uint64_t log = r->zero ? r->position : r->position + first - r->sector;

        index_add(o, b, VERSION(log, mask) | (r->zero ? VERSION_ZERO : 0));
    }
    g_array_append_val(o->records, *r);
    o->end = r->position + (r->zero ? 1 : r->sectors);
}

/* The last record goes. */
static void record_remove(Overlay *o)
{
    OverlayRecord r =
        g_array_index(o->records, OverlayRecord, o->records->len - 1);
    uint64_t last = (r.sector + r.sectors - 1) / BLOCK_SECTORS;

    for (uint64_t b = r.sector / BLOCK_SECTORS; b <= last; b++) {
        index_get(o, b)->count--;
    }
    g_array_set_size(o->records, o->records->len - 1);
    o->end = r.position;
}

static const OverlayRecord *record_find(const Overlay *o, uint64_t position)
{
    guint lo = 0, hi = o->records->len;

    while (lo < hi) {
        guint mid = lo + (hi - lo) / 2;
        const OverlayRecord *r = &g_array_index(o->records, OverlayRecord, mid);

        if (r->position == position) {
            return r;
        }
        if (r->position < position) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return NULL;
}

/* --- writing --------------------------------------------------------------------- */

static bool log_append(Overlay *o, uint64_t position, const uint8_t *data,
                       uint64_t bytes)
{
    uint64_t done = 0;

    while (done < bytes) {
        ssize_t n = pwrite(o->fd, data + done, bytes - done,
                           (off_t)(position * BLK_SECTOR + done));

        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return false;
        }
        done += n > 0 ? (uint64_t)n : 0;
    }
    return true;
}

static void log_keep(Overlay *o, uint64_t position, const uint8_t *data,
                     uint64_t bytes)
{
    g_mutex_lock(&o->lock);
    for (uint64_t i = 0; i < bytes / BLK_SECTOR; i++) {
        g_hash_table_insert(o->kept, index_key(position + i),
                            g_bytes_new(data + i * BLK_SECTOR, BLK_SECTOR));
    }
    g_mutex_unlock(&o->lock);
}

uint64_t overlay_write(Overlay *o, uint64_t position, uint64_t at,
                       const void *data, uint64_t bytes, bool *full)
{
    OverlayRecord r = {
        .position = position,
        .sector = at / BLK_SECTOR,
        .sectors = bytes / BLK_SECTOR,
        .zero = !data,
    };
    const OverlayRecord *there;

    *full = false;
    if (bytes == 0) {
        return position;
    }
    there = record_find(o, position);
    if (there && there->sector == r.sector && there->sectors == r.sectors
        && there->zero == r.zero) {
        return position + (r.zero ? 1 : r.sectors);
    }
    while (o->end > position) {
        record_remove(o);
    }
    g_assert(o->records->len == 0 || o->end == position);
    if (data && !log_append(o, position, data, bytes)) {
        log_keep(o, position, data, bytes);
        *full = true;
    } else if (data && g_hash_table_size(o->kept)) {
        g_mutex_lock(&o->lock);
        for (uint64_t i = 0; i < r.sectors; i++) {
            g_hash_table_remove(o->kept, index_key(position + i));
        }
        g_mutex_unlock(&o->lock);
    }
    record_add(o, &r);
    return o->end;
}

/* --- reading ---------------------------------------------------------------------- */

static void piece_add(GArray *pieces, OverlayFrom from, uint64_t at,
                      uint64_t bytes)
{
    OverlayPiece p = {.from = from, .at = at, .bytes = bytes};

    if (pieces->len) {
        OverlayPiece *last =
            &g_array_index(pieces, OverlayPiece, pieces->len - 1);

        if (last->from == from
            && (from == OVERLAY_ZERO || last->at + last->bytes == at)) {
            last->bytes += bytes;
            return;
        }
    }
    g_array_append_val(pieces, p);
}

/* The newest version of one sector at @position, 0: none (mask 0). */
static uint64_t index_lookup(const Versions *list, uint64_t position,
                             unsigned sector)
{
    uint32_t lo = 0, hi = list ? list->count : 0;

    while (lo < hi) { /* how many were there at that position */
        uint32_t mid = lo + (hi - lo) / 2;

        if (VERSION_LOG(list->v[mid]) < position) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    while (lo > 0) {
        uint64_t v = list->v[--lo];

        if (v & 1u << sector) {
            return v;
        }
    }
    return 0;
}

/* Where in the log a sector of a version lies. */
static uint64_t version_sector(uint64_t v, unsigned sector)
{
    unsigned first = (unsigned)__builtin_ctz((unsigned)(v & 0xff));

    return VERSION_LOG(v) + sector - first;
}

void overlay_resolve(Overlay *o, uint64_t position, uint64_t at, uint64_t bytes,
                     GArray *pieces)
{
    uint64_t end = (at + bytes) / BLK_SECTOR;

    for (uint64_t s = at / BLK_SECTOR; s < end;) {
        const Versions *list = index_get(o, s / BLOCK_SECTORS);
        uint64_t stop = MIN(end, (s / BLOCK_SECTORS + 1) * BLOCK_SECTORS);

        if (!list) {
            piece_add(pieces, OVERLAY_BASE, s * BLK_SECTOR,
                      (stop - s) * BLK_SECTOR);
            s = stop;
            continue;
        }
        for (; s < stop; s++) {
            unsigned n = (unsigned)(s % BLOCK_SECTORS);
            uint64_t v = index_lookup(list, position, n);

            if (!v) {
                piece_add(pieces, OVERLAY_BASE, s * BLK_SECTOR, BLK_SECTOR);
            } else if (v & VERSION_ZERO) {
                piece_add(pieces, OVERLAY_ZERO, 0, BLK_SECTOR);
            } else {
                piece_add(pieces, OVERLAY_LOG,
                          version_sector(v, n) * BLK_SECTOR, BLK_SECTOR);
            }
        }
    }
}

static int log_fetch(Overlay *o, uint64_t at, uint8_t *buf, size_t bytes)
{
    while (bytes) {
        ssize_t n = pread(o->fd, buf, bytes, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno;
        }
        if (n == 0) { /* kept in memory, or nothing at all */
            memset(buf, 0, bytes);
            return 0;
        }
        buf += n;
        at += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return 0;
}

int overlay_fetch(Overlay *o, uint64_t at, void *buf, size_t bytes)
{
    int err = log_fetch(o, at, buf, bytes);

    g_mutex_lock(&o->lock);
    if (!err && g_hash_table_size(o->kept)) {
        for (size_t i = 0; i < bytes; i += BLK_SECTOR) {
            GBytes *kept =
                g_hash_table_lookup(o->kept, index_key((at + i) / BLK_SECTOR));

            if (kept) {
                memcpy((uint8_t *)buf + i, g_bytes_get_data(kept, NULL),
                       BLK_SECTOR);
            }
        }
    }
    g_mutex_unlock(&o->lock);
    return err;
}

static gint block_order(gconstpointer a, gconstpointer b)
{
    gsize x = GPOINTER_TO_SIZE(*(gpointer const *)a);
    gsize y = GPOINTER_TO_SIZE(*(gpointer const *)b);

    return x < y ? -1 : x > y;
}

void overlay_foreach(Overlay *o, uint64_t position, OverlayVisit *visit,
                     void *opaque)
{
    guint count;
    g_autofree gpointer *keys =
        g_hash_table_get_keys_as_array(o->index, &count);
    uint64_t from = 0, to = 0; /* the stretch so far, sectors */

    qsort(keys, count, sizeof(*keys),
          (int (*)(const void *, const void *))block_order);
    for (guint i = 0; i < count; i++) {
        uint64_t block = GPOINTER_TO_SIZE(keys[i]) - 1;
        const Versions *list = index_get(o, block);

        for (unsigned n = 0; n < BLOCK_SECTORS; n++) {
            uint64_t sector = block * BLOCK_SECTORS + n;

            if (!index_lookup(list, position, n)) {
                continue;
            }
            if (sector != to || (to - from) * BLK_SECTOR >= VISIT_MAX) {
                if (to > from) {
                    visit(opaque, from * BLK_SECTOR, (to - from) * BLK_SECTOR);
                }
                from = sector;
            }
            to = sector + 1;
        }
    }
    if (to > from) {
        visit(opaque, from * BLK_SECTOR, (to - from) * BLK_SECTOR);
    }
}
