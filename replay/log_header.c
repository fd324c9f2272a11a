/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of a log: fixed head, checked; then a packed payload. */
#include "replay/log_priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "core/bytes.h"
#include "replay/seal_priv.h"

#define ZSTD_LEVEL 3
#define HEAD_HASHED 44 /* bytes of the head before its checksum */

static void source_clear(gpointer p)
{
    g_free(((LogSource *)p)->name);
}

static void blob_clear(gpointer p)
{
    g_free(((LogBlob *)p)->name);
}

LogHeader *log_header_new(void)
{
    LogHeader *h = g_new0(LogHeader, 1);

    h->seal = seal_new();
    h->sources = g_array_new(FALSE, TRUE, sizeof(LogSource));
    g_array_set_clear_func(h->sources, source_clear);
    h->parts = g_ptr_array_new_with_free_func(g_free);
    h->blobs = g_array_new(FALSE, TRUE, sizeof(LogBlob));
    g_array_set_clear_func(h->blobs, blob_clear);
    return h;
}

void log_header_free(LogHeader *h)
{
    if (!h) {
        return;
    }
    seal_free(h->seal);
    g_array_free(h->sources, TRUE);
    g_ptr_array_free(h->parts, TRUE);
    g_array_free(h->blobs, TRUE);
    g_free(h);
}

uint64_t log_seed(const LogHeader *h)
{
    return ld_le64(h->id);
}

static bool sources_codec(Codec *c, GArray *a)
{
    uint32_t n = a->len;

    if (!codec_size(c, &n, LOG_SOURCES_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        LogSource *s;

        if (c->mode == CODEC_READ) {
            g_array_set_size(a, i + 1);
        }
        s = &g_array_index(a, LogSource, i);
        if (!codec_str(c, &s->name, LOG_NAME_MAX)
            || !codec_size(c, &s->version, UINT16_MAX)) {
            return false;
        }
    }
    return true;
}

static bool parts_codec(Codec *c, GPtrArray *a)
{
    uint32_t n = a->len;

    if (!codec_size(c, &n, LOG_PARTS_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        char *name = NULL;

        if (c->mode != CODEC_READ) {
            name = g_ptr_array_index(a, i);
            if (!codec_str(c, &name, LOG_NAME_MAX)) {
                return false;
            }
            continue;
        }
        if (!codec_str(c, &name, LOG_NAME_MAX)) {
            return false;
        }
        g_ptr_array_add(a, name);
    }
    return true;
}

static bool blob_codec(Codec *c, LogBlob *b)
{
    return codec_str(c, &b->name, LOG_NAME_MAX) && codec_bool(c, &b->embed)
           && codec_u64(c, &b->size) && codec_u64(c, &b->hash)
           && codec_u64(c, &b->stored) && codec_u64(c, &b->stored_hash);
}

static bool blobs_codec(Codec *c, GArray *a)
{
    uint32_t n = a->len;

    if (!codec_size(c, &n, LOG_BLOBS_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (c->mode == CODEC_READ) {
            g_array_set_size(a, i + 1);
        }
        if (!blob_codec(c, &g_array_index(a, LogBlob, i))) {
            return false;
        }
    }
    return true;
}

static bool header_codec(Codec *c, LogHeader *h)
{
    return codec_bool(c, &h->icount) && codec_bool(c, &h->shift_auto)
           && codec_u8(c, &h->shift) && codec_bool(c, &h->sleep)
           && codec_bool(c, &h->align) && codec_u64(c, &h->rate)
           && codec_varint(c, &h->digest_every)
           && codec_bool(c, &h->digest_full) && seal_codec(c, h->seal)
           && sources_codec(c, h->sources) && parts_codec(c, h->parts)
           && blobs_codec(c, h->blobs);
}

static uint64_t header_hash(const uint8_t *head, const uint8_t *payload,
                            size_t size)
{
    XXH3_state_t *s = XXH3_createState();
    uint64_t h;

    g_assert(s);
    XXH3_64bits_reset(s);
    XXH3_64bits_update(s, head, HEAD_HASHED);
    XXH3_64bits_update(s, payload, size);
    h = XXH3_64bits_digest(s);
    XXH3_freeState(s);
    return h;
}

static void header_place_blobs(LogHeader *h, uint64_t at)
{
    for (guint i = 0; i < h->blobs->len; i++) {
        LogBlob *b = &g_array_index(h->blobs, LogBlob, i);

        b->offset = at;
        at += b->stored;
    }
    h->body = at;
}

bool log_header_pack(LogHeader *h, GByteArray *out, GError **error)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    g_autofree uint8_t *packed = NULL;
    uint8_t head[LOG_HEAD_BYTES] = {0};
    size_t bound, n;
    Codec c;

    codec_init_write(&c, payload);
    if (!header_codec(&c, h) || payload->len > LOG_HEADER_MAX) {
        return fail(error, "recording: the description of the machine is too "
                           "long for a log");
    }
    bound = ZSTD_compressBound(payload->len);
    packed = g_malloc(bound);
    n = ZSTD_compress(packed, bound, payload->data, payload->len, ZSTD_LEVEL);
    g_assert(!ZSTD_isError(n));
    memcpy(head, LOG_MAGIC, LOG_MAGIC_BYTES);
    st_le32(head + 8, LOG_FILE_VERSION);
    st_le32(head + 12, LOG_HEAD_BYTES);
    st_le32(head + 16, (uint32_t)n);
    st_le32(head + 20, payload->len);
    memcpy(head + 28, h->id, LOG_ID_BYTES);
    st_le64(head + 44, header_hash(head, packed, n));
    g_byte_array_append(out, head, sizeof(head));
    g_byte_array_append(out, packed, (guint)n);
    header_place_blobs(h, LOG_HEAD_BYTES + n);
    return true;
}

bool log_read_at(int fd, void *buf, size_t size, uint64_t offset)
{
    uint8_t *p = buf;

    while (size > 0) {
        ssize_t n = pread(fd, p, size, (off_t)offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        p += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

static bool header_sane(const LogHeader *h, uint64_t at, uint64_t size,
                        GError **error)
{
    if (h->shift > 10 || h->rate == 0) {
        return fail(error, "not a valid clock rate in its header");
    }
    for (guint i = 0; i < h->blobs->len; i++) {
        const LogBlob *b = &g_array_index(h->blobs, LogBlob, i);

        if (b->size > LOG_BLOB_MAX || (b->embed != (b->stored != 0))) {
            return fail(error, "blob '%s' has an impossible size", b->name);
        }
        if (b->stored > size - at) {
            return fail(error, "the file ends within blob '%s'", b->name);
        }
        at += b->stored;
    }
    return true;
}

static bool header_head(const uint8_t *head, uint64_t size, GError **error)
{
    uint32_t version = ld_le32(head + 8);

    if (memcmp(head, LOG_MAGIC, LOG_MAGIC_BYTES) != 0) {
        return fail(error, "not a Reprise recording");
    }
    if (version != LOG_FILE_VERSION) {
        return fail(error, "its format is version %u, this program reads %u",
                    version, LOG_FILE_VERSION);
    }
    if (ld_le32(head + 12) != LOG_HEAD_BYTES
        || ld_le32(head + 20) > LOG_HEADER_MAX
        || ld_le32(head + 16) > ZSTD_COMPRESSBOUND(LOG_HEADER_MAX)) {
        return fail(error, "its header is damaged");
    }
    if (ld_le32(head + 16) > size - LOG_HEAD_BYTES) {
        return fail(error, "the file ends within its header");
    }
    return true;
}

/* @packed: the stored payload. */
static bool header_unpack(LogHeader *h, const uint8_t *head,
                          const uint8_t *packed, GError **error)
{
    uint32_t stored = ld_le32(head + 16), size = ld_le32(head + 20);
    g_autofree uint8_t *payload = NULL;
    Codec c;

    if (ld_le64(head + 44) != header_hash(head, packed, stored)) {
        return fail(error, "its header is damaged (checksum)");
    }
    payload = g_malloc(MAX(size, 1));
    if (ZSTD_decompress(payload, size, packed, stored) != size) {
        return fail(error, "its header cannot be unpacked");
    }
    codec_init_read(&c, payload, size);
    if (!header_codec(&c, h) || codec_left(&c) != 0) {
        return fail(error, "its header is malformed");
    }
    memcpy(h->id, head + 28, LOG_ID_BYTES);
    return true;
}

LogHeader *log_header_read(int fd, uint64_t size, GError **error)
{
    g_autoptr(LogHeader) h = log_header_new();
    g_autofree uint8_t *packed = NULL;
    uint8_t head[LOG_HEAD_BYTES];
    uint32_t stored;

    if (size < LOG_HEAD_BYTES || !log_read_at(fd, head, LOG_HEAD_BYTES, 0)) {
        fail(error,
             size ? "the file ends within its header" : "the file is empty");
        return NULL;
    }
    if (!header_head(head, size, error)) {
        return NULL;
    }
    stored = ld_le32(head + 16);
    packed = g_malloc(MAX(stored, 1));
    if (!log_read_at(fd, packed, stored, LOG_HEAD_BYTES)) {
        fail(error, "its header cannot be read");
        return NULL;
    }
    if (!header_unpack(h, head, packed, error)
        || !header_sane(h, LOG_HEAD_BYTES + stored, size, error)) {
        return NULL;
    }
    header_place_blobs(h, LOG_HEAD_BYTES + stored);
    return g_steal_pointer(&h);
}
