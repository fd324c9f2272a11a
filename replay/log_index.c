/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of a log, its footer, and the payloads that replay itself owns. */
#include "replay/log_priv.h"

#include <string.h>

#include <xxhash.h>

#include "core/bytes.h"

#define PAGES_MAX (32 * 1024)
#define ROWS_MAX 65536
#define INDEX_MAX (64u * 1024 * 1024) /* frames or points in a footer */

/* --- payloads -------------------------------------------------------------- */

static void row_clear(gpointer p)
{
    LogRow *row = p;

    g_free(row->name);
    g_free(row->value);
}

LogDigest *log_digest_new(void)
{
    LogDigest *d = g_new0(LogDigest, 1);

    d->parts = g_array_new(FALSE, TRUE, sizeof(uint64_t));
    d->pages = g_array_new(FALSE, TRUE, sizeof(LogPage));
    d->rows = g_array_new(FALSE, TRUE, sizeof(LogRow));
    g_array_set_clear_func(d->rows, row_clear);
    return d;
}

void log_digest_free(LogDigest *d)
{
    if (d) {
        g_array_free(d->parts, TRUE);
        g_array_free(d->pages, TRUE);
        g_array_free(d->rows, TRUE);
        g_free(d);
    }
}

/* Elements are made only as long as the payload has bytes for them. */
static bool count_codec(Codec *c, GArray *a, uint32_t *n, uint32_t max,
                        size_t least)
{
    *n = a->len;
    if (!codec_size(c, n, max)) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        if (*n > codec_left(c) / least) {
            c->failed = true;
            return false;
        }
        g_array_set_size(a, *n);
    }
    return true;
}

bool log_digest_codec(Codec *c, LogDigest *d)
{
    uint32_t n;

    if (!count_codec(c, d->parts, &n, LOG_PARTS_MAX, 8)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        codec_u64(c, &g_array_index(d->parts, uint64_t, i));
    }
    if (!count_codec(c, d->pages, &n, PAGES_MAX, 12)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        LogPage *p = &g_array_index(d->pages, LogPage, i);

        codec_u32(c, &p->page);
        codec_u64(c, &p->hash);
    }
    if (!count_codec(c, d->rows, &n, ROWS_MAX, 2)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        LogRow *r = &g_array_index(d->rows, LogRow, i);

        codec_str(c, &r->name, LOG_NAME_MAX * 2);
        codec_str(c, &r->value, LOG_NAME_MAX * 2);
    }
    return !c->failed;
}

uint64_t log_digest_hash(const LogDigest *d)
{
    Codec c;

    codec_init_hash(&c);
    for (guint i = 0; i < d->parts->len; i++) {
        codec_u64(&c, &g_array_index(d->parts, uint64_t, i));
    }
    return codec_finish_hash(&c);
}

bool log_end_codec(Codec *c, LogEnd *end)
{
    uint8_t cause = (uint8_t)end->cause;

    if (!codec_u8(c, &cause) || !codec_bool(c, &end->guest_off)
        || !codec_i64(c, &end->virt_ns)) {
        return false;
    }
    if (cause > VM_CAUSE_SUBSYSTEM_RESET) {
        c->failed = true;
        return false;
    }
    end->cause = cause;
    return true;
}

/* --- index ----------------------------------------------------------------- */

LogIndex *log_index_new(void)
{
    LogIndex *x = g_new0(LogIndex, 1);

    x->frames = g_array_new(FALSE, TRUE, sizeof(LogFrameInfo));
    x->points = g_array_new(FALSE, TRUE, sizeof(LogPoint));
    x->counts = g_array_new(FALSE, TRUE, sizeof(uint64_t));
    return x;
}

void log_index_free(LogIndex *x)
{
    if (x) {
        g_array_free(x->frames, TRUE);
        g_array_free(x->points, TRUE);
        g_array_free(x->counts, TRUE);
        g_free(x);
    }
}

static bool index_digest(LogIndex *x, const LogEntry *e)
{
    g_autoptr(LogDigest) d = log_digest_new();
    LogPoint p = {.at = e->at};
    Codec c;

    codec_init_read(&c, e->data, e->size);
    if (!log_digest_codec(&c, d) || codec_left(&c) != 0) {
        return false;
    }
    p.hash = log_digest_hash(d);
    g_array_append_val(x->points, p);
    return true;
}

static bool index_end(LogIndex *x, const LogEntry *e)
{
    LogEnd end = {.at = e->at};
    Codec c;

    codec_init_read(&c, e->data, e->size);
    if (x->ended || !log_end_codec(&c, &end) || codec_left(&c) != 0) {
        return false;
    }
    x->end = end;
    x->ended = true;
    return true;
}

bool log_index_entry(LogIndex *x, const LogEntry *e)
{
    if (e->kind >= x->counts->len) {
        g_array_set_size(x->counts, e->kind + 1);
    }
    g_array_index(x->counts, uint64_t, e->kind)++;
    switch (e->kind) {
    case LOG_KIND_MARK:
        return e->size == 0;
    case LOG_KIND_DIGEST:
        return index_digest(x, e);
    case LOG_KIND_END:
        return index_end(x, e);
    default:
        x->events++;
        return true;
    }
}

/* --- footer ---------------------------------------------------------------- */

static bool moment_full_codec(Codec *c, Moment *m)
{
    return codec_varint(c, &m->icount) && codec_varint(c, &m->sequence);
}

static bool frames_codec(Codec *c, GArray *a)
{
    uint32_t n;

    if (!count_codec(c, a, &n, INDEX_MAX, 6)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        LogFrameInfo *f = &g_array_index(a, LogFrameInfo, i);

        if (!codec_varint(c, &f->offset) || !moment_full_codec(c, &f->first)
            || !codec_size(c, &f->stored, LOG_FRAME_MAX)
            || !codec_size(c, &f->size, LOG_FRAME_MAX)
            || !codec_size(c, &f->entries, LOG_FRAME_MAX)) {
            return false;
        }
    }
    return true;
}

static bool points_codec(Codec *c, GArray *a)
{
    uint32_t n;

    if (!count_codec(c, a, &n, INDEX_MAX, 10)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        LogPoint *p = &g_array_index(a, LogPoint, i);

        if (!moment_full_codec(c, &p->at) || !codec_u64(c, &p->hash)) {
            return false;
        }
    }
    return true;
}

static bool counts_codec(Codec *c, GArray *a)
{
    uint32_t n;

    if (!count_codec(c, a, &n, LOG_KINDS_MAX, 1)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!codec_varint(c, &g_array_index(a, uint64_t, i))) {
            return false;
        }
    }
    return true;
}

static bool index_codec(Codec *c, LogIndex *x)
{
    return frames_codec(c, x->frames) && points_codec(c, x->points)
           && counts_codec(c, x->counts) && codec_varint(c, &x->events)
           && codec_bool(c, &x->ended) && moment_full_codec(c, &x->end.at)
           && log_end_codec(c, &x->end);
}

static uint64_t footer_hash(const uint8_t *head, const uint8_t *payload,
                            size_t size, uint64_t seed)
{
    XXH3_state_t *s = XXH3_createState();
    uint64_t h;

    g_assert(s);
    XXH3_64bits_reset_withSeed(s, seed);
    XXH3_64bits_update(s, head, 16);
    XXH3_64bits_update(s, payload, size);
    h = XXH3_64bits_digest(s);
    XXH3_freeState(s);
    return h;
}

void log_footer_pack(LogIndex *x, uint64_t at, uint64_t seed, GByteArray *out)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    uint8_t head[LOG_FOOTER_HEAD_BYTES] = {0};
    uint8_t tail[LOG_TRAILER_BYTES];
    Codec c;

    codec_init_write(&c, payload);
    g_assert(index_codec(&c, x));
    st_le32(head, LOG_FOOTER_MAGIC);
    st_le64(head + 8, payload->len);
    st_le64(head + 16, footer_hash(head, payload->data, payload->len, seed));
    st_le64(tail, at);
    st_le64(tail + 8, at + sizeof(head) + payload->len + sizeof(tail));
    st_le64(tail + 16, XXH3_64bits_withSeed(tail, 16, seed));
    memcpy(tail + 24, LOG_TRAILER_MAGIC, 8);
    g_byte_array_append(out, head, sizeof(head));
    g_byte_array_append(out, payload->data, payload->len);
    g_byte_array_append(out, tail, sizeof(tail));
}

/* Where the footer begins, 0 when there is no valid trailer. */
static uint64_t trailer_read(int fd, uint64_t size, const LogHeader *h)
{
    uint8_t tail[LOG_TRAILER_BYTES];
    uint64_t at;

    if (size < h->body + LOG_FOOTER_HEAD_BYTES + sizeof(tail)
        || !log_read_at(fd, tail, sizeof(tail), size - sizeof(tail))) {
        return 0;
    }
    at = ld_le64(tail);
    if (memcmp(tail + 24, LOG_TRAILER_MAGIC, 8) != 0
        || ld_le64(tail + 16) != XXH3_64bits_withSeed(tail, 16, log_seed(h))
        || ld_le64(tail + 8) != size || at < h->body
        || at > size - sizeof(tail) - LOG_FOOTER_HEAD_BYTES) {
        return 0;
    }
    return at;
}

LogIndex *log_footer_read(int fd, uint64_t size, const LogHeader *h,
                          uint64_t *start, GError **error)
{
    uint64_t at = trailer_read(fd, size, h);
    uint8_t head[LOG_FOOTER_HEAD_BYTES];
    g_autofree uint8_t *payload = NULL;
    g_autoptr(LogIndex) x = log_index_new();
    uint64_t n;
    Codec c;

    if (!at) {
        fail(error, "the log has no footer");
        return NULL;
    }
    n = size - at - sizeof(head) - LOG_TRAILER_BYTES;
    if (!log_read_at(fd, head, sizeof(head), at)
        || ld_le32(head) != LOG_FOOTER_MAGIC || ld_le32(head + 4) != 0
        || ld_le64(head + 8) != n || n > LOG_FOOTER_MAX) {
        fail(error, "the footer at offset %" PRIu64 " is damaged", at);
        return NULL;
    }
    payload = g_try_malloc(n + 1);
    if (!payload || !log_read_at(fd, payload, n, at + sizeof(head))) {
        fail(error, "the footer at offset %" PRIu64 " cannot be read", at);
        return NULL;
    }
    codec_init_read(&c, payload, n);
    if (ld_le64(head + 16) != footer_hash(head, payload, n, log_seed(h))
        || !index_codec(&c, x) || codec_left(&c) != 0) {
        fail(error, "the footer at offset %" PRIu64 " is damaged", at);
        return NULL;
    }
    *start = at;
    return g_steal_pointer(&x);
}
