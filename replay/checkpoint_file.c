/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints of a recording, kept beside the log (rrcheckpoints=on), so that a
 * replay can go anywhere at once. The file: a head of HEAD_BYTES, contents of
 * pages one after the other, an index. All integers are little-endian. A file
 * that is not of this recording and of this very machine is left alone; bytes
 * are believed when their hashes are right.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <xxhash.h>

#include "core/bytes.h"
#include "core/error.h"
#include "replay/replay_priv.h"

#define FILE_MAGIC "RepriseC"
#define FILE_VERSION 1
#define HEAD_BYTES 64
#define INDEX_MAX (1u << 30)
#define STATE_MAX (1u << 30)
#define READ_BYTES ((uint64_t)1 << 20)
#define PIECES(size) (((size) + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE)

typedef struct Head {
    uint8_t id[16];  /* of the recording */
    uint64_t layout; /* of the machine and its tables */
    uint64_t index, index_bytes, index_hash;
} Head;

static char *file_name(const Replay *r)
{
    return g_strconcat(r->o.file, ".checkpoints", NULL);
}

/* What a state by position depends on. */
static uint64_t machine_layout(Vm *vm)
{
    uint64_t pages = ram_page_count(vm->ram);
    Codec c;

    codec_init_hash(&c);
    codec_u64(&c, &pages);
    for (Device *dev = vm->devices; dev; dev = dev->next) {
        uint64_t rows = state_layout(dev);
        uint32_t version = MAX(dev->type->version, 1);

        codec_str(&c, &dev->path, UINT32_MAX);
        codec_u64(&c, &rows);
        codec_u32(&c, &version);
    }
    return codec_finish_hash(&c);
}

static void head_pack(const Head *h, uint8_t out[HEAD_BYTES])
{
    memset(out, 0, HEAD_BYTES);
    memcpy(out, FILE_MAGIC, 8);
    st_le32(out + 8, FILE_VERSION);
    memcpy(out + 16, h->id, sizeof(h->id));
    st_le64(out + 32, h->layout);
    st_le64(out + 40, h->index);
    st_le64(out + 48, h->index_bytes);
    st_le64(out + 56, h->index_hash);
}

/* --- keeping --------------------------------------------------------------------- */

typedef struct Keeper {
    Checkpoints *c;
    FILE *out;
    uint64_t at;        /* bytes written */
    GHashTable *known;  /* PageBlob or PageVersion -> number of the content */
    GByteArray *blobs;  /* of the index: size and hash of each content */
    uint32_t count;     /* contents; 0 is the page of zeroes */
    GByteArray *change; /* of the present checkpoint: page, content */
    uint32_t changes;
    XXH3_state_t *hash; /* of all contents */
    bool failed;
} Keeper;

static uint32_t keep_bytes(Keeper *k, gpointer key, PageBlob *b)
{
    uint8_t room[PAGE_BLOB_ROOM];
    uint64_t hash = page_blob_hash(b);
    uint32_t size = page_blob_bytes(k->c->store, b, room);
    Codec c;

    codec_init_write(&c, k->blobs);
    codec_size(&c, &size, UINT32_MAX);
    codec_u64(&c, &hash);
    k->failed |= size == 0 || fwrite(room, size, 1, k->out) != 1;
    XXH3_64bits_update(k->hash, room, size);
    k->at += size;
    k->count++;
    g_hash_table_insert(k->known, key, GUINT_TO_POINTER(k->count));
    return k->count;
}

/* The number of a content, which is written when it is new. */
static uint32_t keep_blob(Keeper *k, PageBlob *b)
{
    gpointer number;

    if (page_blob_is_zero(k->c->store, b)) {
        return 0;
    }
    number = g_hash_table_lookup(k->known, b);
    return number ? GPOINTER_TO_UINT(number) : keep_bytes(k, b, b);
}

static uint32_t keep_version(Keeper *k, RamPage page, PageVersion *v)
{
    if (!v->blob) { /* RAM has it, and does not change any more */
        v->blob =
            page_store_put(k->c->store, ram_page_host(k->c->vm->ram, page));
    }
    return keep_blob(k, v->blob);
}

static void keep_change(void *opaque, RamPage page, PageVersion *before,
                        PageVersion *now)
{
    Keeper *k = opaque;
    uint32_t number = keep_version(k, page, now), at = page;
    Codec c;

    codec_init_write(&c, k->change);
    codec_size(&c, &at, UINT32_MAX);
    codec_size(&c, &number, UINT32_MAX);
    k->changes++;
}

/* What a checkpoint is, but for its pages; both directions. */
static bool place_codec(Codec *c, Checkpoint *cp)
{
    return codec_varint(c, &cp->at.icount) && codec_varint(c, &cp->at.sequence)
           && codec_svarint(c, &cp->work) && codec_u64(c, &cp->mark.output)
           && codec_size(c, &cp->state_size, STATE_MAX);
}

static void keep_checkpoint(Keeper *k, Checkpoint *cp, const Checkpoint *prev,
                            GByteArray *out)
{
    Codec c;

    codec_init_write(&c, out);
    place_codec(&c, cp);
    for (uint32_t i = 0; i < PIECES(cp->state_size); i++) {
        uint32_t number = keep_blob(k, cp->state[i]);

        codec_size(&c, &number, UINT32_MAX);
    }
    g_byte_array_set_size(k->change, 0);
    k->changes = 0;
    if (prev) {
        page_map_diff(&k->c->maps, prev->map, cp->map, keep_change, k);
    } else {
        for (RamPage page = 0; page < k->c->maps.pages; page++) {
            keep_change(k, page, NULL,
                        page_map_get(&k->c->maps, cp->map, page));
        }
    }
    codec_size(&c, &k->changes, UINT32_MAX);
    g_byte_array_append(out, k->change->data, k->change->len);
}

static bool is_kept(const Replay *r, const Checkpoint *cp)
{
    return !r->beside || moment_compare(cp->at, r->beside_at) <= 0;
}

static bool keep_all(Keeper *k, Head *h)
{
    g_autoptr(GByteArray) list = g_byte_array_new();
    g_autoptr(GByteArray) index = g_byte_array_new();
    uint8_t head[HEAD_BYTES] = {0};
    const Checkpoint *prev = NULL;
    uint32_t count = 0;
    uint64_t hash;
    Codec c;

    k->failed |= fwrite(head, sizeof(head), 1, k->out) != 1;
    k->at = sizeof(head);
    for (guint i = 0; i < k->c->list->len && !k->failed; i++) {
        Checkpoint *cp = g_ptr_array_index(k->c->list, i);

        if (is_kept(k->c->r, cp)) {
            keep_checkpoint(k, cp, prev, list);
            prev = cp;
            count++;
        }
    }
    hash = XXH3_64bits_digest(k->hash);
    codec_init_write(&c, index);
    codec_u64(&c, &hash);
    codec_size(&c, &k->count, UINT32_MAX);
    g_byte_array_append(index, k->blobs->data, k->blobs->len);
    codec_size(&c, &count, UINT32_MAX);
    g_byte_array_append(index, list->data, list->len);
    h->index = k->at;
    h->index_bytes = index->len;
    h->index_hash = XXH3_64bits(index->data, index->len);
    head_pack(h, head);
    return !k->failed && fwrite(index->data, index->len, 1, k->out) == 1
           && fseek(k->out, 0, SEEK_SET) == 0
           && fwrite(head, sizeof(head), 1, k->out) == 1 && fflush(k->out) == 0;
}

void checkpoints_keep(Checkpoints *c)
{
    g_autofree char *name = file_name(c->r);
    g_autofree char *part = g_strconcat(name, ".part", NULL);
    Head h = {.layout = machine_layout(c->vm)};
    Keeper k = {.c = c};
    bool ok;

    if (!c->begun || c->r->rewindables->len > 0) {
        return;
    }
    memcpy(h.id, c->r->h->id, sizeof(h.id));
    k.out = fopen(part, "wbe");
    if (k.out) {
        k.known = g_hash_table_new(NULL, NULL);
        k.hash = XXH3_createState();
        g_assert(k.hash);
        XXH3_64bits_reset(k.hash);
        k.blobs = g_byte_array_new();
        k.change = g_byte_array_new();
        ok = keep_all(&k, &h);
        ok = fclose(k.out) == 0 && ok && g_rename(part, name) == 0;
        g_hash_table_unref(k.known);
        XXH3_freeState(k.hash);
        g_byte_array_unref(k.blobs);
        g_byte_array_unref(k.change);
    }
    if (!k.out || !ok) {
        g_printerr("reprise: '%s': checkpoints cannot be kept: %s\n", name,
                   g_strerror(errno));
        g_unlink(part);
    }
}

/* --- finding them again -------------------------------------------------------------- */

typedef struct Finder {
    Checkpoints *c;
    int fd;
    Codec index;
    GPtrArray *blobs; /* PageBlob references, by number */
} Finder;

/* All of them are right, before any is believed. */
static bool find_contents(const Finder *f, const Head *h, uint64_t expected)
{
    XXH3_state_t *hash = XXH3_createState();
    g_autofree uint8_t *room = g_malloc(READ_BYTES);
    bool ok = true;
    uint64_t seen;

    g_assert(hash);
    XXH3_64bits_reset(hash);
    for (uint64_t at = HEAD_BYTES; ok && at < h->index; at += READ_BYTES) {
        size_t n = (size_t)MIN(READ_BYTES, h->index - at);

        ok = log_read_at(f->fd, room, n, at);
        XXH3_64bits_update(hash, room, n);
    }
    seen = XXH3_64bits_digest(hash);
    XXH3_freeState(hash);
    return ok && seen == expected;
}

static bool find_blobs(Finder *f, const Head *h)
{
    uint64_t at = HEAD_BYTES, contents;
    uint32_t count;

    g_ptr_array_add(f->blobs, page_store_zero(f->c->store));
    if (!codec_u64(&f->index, &contents)
        || !codec_size(&f->index, &count, UINT32_MAX)
        || !find_contents(f, h, contents)) {
        return false;
    }
    while (count-- > 0) {
        uint32_t size;
        uint64_t hash;

        if (!codec_size(&f->index, &size, GUEST_PAGE_SIZE)
            || !codec_u64(&f->index, &hash) || size == 0
            || size > h->index - at) {
            return false;
        }
        g_ptr_array_add(f->blobs,
                        page_store_kept(f->c->store, at, (uint16_t)size, hash));
        at += size;
    }
    return at == h->index;
}

static PageBlob *find_blob(Finder *f)
{
    uint32_t number;

    return codec_size(&f->index, &number, f->blobs->len - 1)
               ? page_blob_ref(g_ptr_array_index(f->blobs, number))
               : NULL;
}

static bool find_map(Finder *f, Checkpoint *cp, const Checkpoint *prev)
{
    size_t pages = f->c->maps.pages;
    uint32_t changes;

    if (!codec_size(&f->index, &changes, (uint32_t)pages)
        || (!prev && changes != pages)) {
        return false;
    }
    cp->map = prev ? page_map_ref(prev->map) : NULL;
    for (uint32_t i = 0; i < changes; i++) {
        uint32_t page;
        PageBlob *b;

        if (!codec_size(&f->index, &page, (uint32_t)pages - 1)
            || (!prev && page != i) || !(b = find_blob(f))) {
            return false;
        }
        page_map_put(&f->c->maps, &cp->map, page, b);
    }
    return true;
}

static bool find_state(Finder *f, Checkpoint *cp)
{
    cp->state = g_new0(PageBlob *, PIECES(cp->state_size));
    for (uint32_t i = 0; i < PIECES(cp->state_size); i++) {
        cp->state[i] = find_blob(f);
        if (!cp->state[i]) {
            return false;
        }
    }
    return true;
}

static bool find_checkpoint(Finder *f)
{
    Checkpoint *cp = g_new0(Checkpoint, 1), *prev = checkpoint_last(f->c);
    bool ok = place_codec(&f->index, cp)
              && cp->state_size / GUEST_PAGE_SIZE <= codec_left(&f->index)
              && find_state(f, cp) && find_map(f, cp, prev)
              && (!prev
                  || (moment_compare(prev->at, cp->at) < 0
                      && prev->work <= cp->work));

    cp->mark.now = cp->at;
    if (!ok) {
        checkpoint_free(f->c, cp);
        return false;
    }
    g_ptr_array_add(f->c->list, cp);
    return true;
}

static bool find_all(Finder *f, const Head *h)
{
    uint32_t count;

    if (!find_blobs(f, h) || !codec_size(&f->index, &count, UINT32_MAX)) {
        return false;
    }
    while (count-- > 0) {
        if (!find_checkpoint(f)) {
            return false;
        }
    }
    return codec_left(&f->index) == 0;
}

/* Where each of them is in the log: the first entry that is not before it. */
static bool find_places(Checkpoints *c)
{
    g_autoptr(LogReader) log = log_reader_open(c->r->o.file, NULL);
    ReplayMark m = {0};
    LogEntry e = {0};
    bool have = false;

    for (guint i = 0; log && i < c->list->len; i++) {
        Checkpoint *cp = g_ptr_array_index(c->list, i);

        while (!have || moment_compare(e.at, cp->at) < 0) {
            if (have) {
                m.last_played = e.at;
                if (e.kind == LOG_KIND_DIGEST) {
                    m.good = e.at;
                    m.good_any = true;
                }
            }
            log_reader_tell(log, &m.next);
            have = log_reader_next(log, &e);
            if (!have) {
                return false; /* the log stops before it */
            }
        }
        m.now = cp->mark.now;
        m.output = cp->mark.output;
        cp->mark = m;
    }
    return log != NULL;
}

static bool head_read(int fd, uint64_t size, Head *h, GError **error)
{
    uint8_t b[HEAD_BYTES];

    if (size < HEAD_BYTES || !log_read_at(fd, b, sizeof(b), 0)
        || memcmp(b, FILE_MAGIC, 8) != 0) {
        return fail(error, "not a file of checkpoints");
    }
    if (ld_le32(b + 8) != FILE_VERSION) {
        return fail(error, "made by another version of this program");
    }
    memcpy(h->id, b + 16, sizeof(h->id));
    h->layout = ld_le64(b + 32);
    h->index = ld_le64(b + 40);
    h->index_bytes = ld_le64(b + 48);
    h->index_hash = ld_le64(b + 56);
    if (h->index < HEAD_BYTES || h->index > size
        || h->index_bytes != size - h->index || h->index_bytes > INDEX_MAX) {
        return fail(error, "it is damaged");
    }
    return true;
}

static bool find_in(Checkpoints *c, int fd, uint64_t size, GError **error)
{
    g_autofree uint8_t *index = NULL;
    Finder f = {.c = c, .fd = fd};
    Head h;
    bool ok;

    if (!head_read(fd, size, &h, error)) {
        return false;
    }
    if (memcmp(h.id, c->r->h->id, sizeof(h.id)) != 0) {
        return fail(error, "it belongs to another recording");
    }
    if (h.layout != machine_layout(c->vm)) {
        return fail(error, "made by another version of this program");
    }
    index = g_try_malloc(h.index_bytes + 1);
    if (!index || !log_read_at(fd, index, h.index_bytes, h.index)
        || XXH3_64bits(index, h.index_bytes) != h.index_hash) {
        return fail(error, "it is damaged");
    }
    codec_init_read(&f.index, index, h.index_bytes);
    f.blobs = g_ptr_array_new();
    ok = find_all(&f, &h) && find_places(c);
    for (guint i = 0; i < f.blobs->len; i++) {
        page_blob_unref(c->store, g_ptr_array_index(f.blobs, i));
    }
    g_ptr_array_free(f.blobs, TRUE);
    return ok || fail(error, "it is damaged");
}

void checkpoints_find_kept(Checkpoints *c)
{
    g_autofree char *name = file_name(c->r);
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    g_autoptr(GError) error = NULL;
    struct stat st;

    if (fd < 0) {
        return;
    }
    page_store_keep(c->store, fd);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)
        || !find_in(c, fd, (uint64_t)st.st_size, &error)) {
        while (c->list->len > 0) {
            checkpoint_drop(c, c->list->len - 1);
        }
        c->dropped = 0;
        g_printerr("reprise: '%s' is left alone: %s\n", name,
                   error ? error->message : "not a regular file");
    }
}
