/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a log from its beginning. Each frame is checked as a whole before
 * any entry of it is handed out; where the file stops or is damaged, reading
 * ends with a reason.
 */
#include "replay/log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "core/bytes.h"

struct LogReader {
    int fd;
    uint64_t size;
    LogHeader *h;     /* owned */
    LogIndex *footer; /* owned, NULL: none */
    GError *footer_error;
    uint64_t end;    /* where frames end: the footer or the file's end */
    uint64_t at;     /* offset of the next frame */
    uint32_t number; /* of the next frame */
    LogFrameInfo frame;
    GByteArray *bytes, *payload; /* owned: the present frame */
    Codec codec;                 /* on payload */
    uint32_t left;               /* entries not yet handed out */
    uint64_t loaded;             /* offset of the frame in payload; 0: none */
    Moment last;
    LogReadState state;
    char *why; /* owned */
};

static bool reader_stop(LogReader *r, LogReadState state, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* Always false, so that callers can return it. */
static bool reader_stop(LogReader *r, LogReadState state, const char *fmt, ...)
{
    va_list ap;

    r->state = state;
    g_free(r->why);
    va_start(ap, fmt);
    r->why = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return false;
}

static bool reader_lock(int fd, const char *path, GError **error)
{
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        return fail(error, "log '%s': it is still being recorded", path);
    }
    return true;
}

static bool reader_open_file(LogReader *r, const char *path, GError **error)
{
    struct stat st;

    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (r->fd < 0) {
        return fail_errno(error, errno, "log '%s': cannot be opened", path);
    }
    if (fstat(r->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return fail(error, "log '%s': not a regular file", path);
    }
    r->size = (uint64_t)st.st_size;
    return reader_lock(r->fd, path, error);
}

LogReader *log_reader_open(const char *path, GError **error)
{
    g_autoptr(LogReader) r = g_new0(LogReader, 1);

    r->fd = -1;
    r->bytes = g_byte_array_new();
    r->payload = g_byte_array_new();
    if (!reader_open_file(r, path, error)) {
        return NULL;
    }
    r->h = log_header_read(r->fd, r->size, error);
    if (!r->h) {
        fail_prefix(error, "log '%s'", path);
        return NULL;
    }
    r->end = r->size;
    r->footer =
        log_footer_read(r->fd, r->size, r->h, &r->end, &r->footer_error);
    r->at = r->h->body;
    return g_steal_pointer(&r);
}

void log_reader_free(LogReader *r)
{
    if (!r) {
        return;
    }
    if (r->fd >= 0) {
        close(r->fd);
    }
    log_header_free(r->h);
    log_index_free(r->footer);
    g_clear_error(&r->footer_error);
    g_byte_array_unref(r->bytes);
    g_byte_array_unref(r->payload);
    g_free(r->why);
    g_free(r);
}

const LogHeader *log_reader_header(const LogReader *r)
{
    return r->h;
}

LogReadState log_reader_state(const LogReader *r)
{
    return r->state;
}

const char *log_reader_why(const LogReader *r)
{
    return r->why ? r->why : "";
}

const LogIndex *log_reader_footer(const LogReader *r)
{
    return r->footer;
}

uint64_t log_reader_size(const LogReader *r)
{
    return r->size;
}

const LogFrameInfo *log_reader_frame(const LogReader *r)
{
    return &r->frame;
}

/* A valid footer says that the file is whole: what is missing is damage. */
static bool reader_short(LogReader *r, const char *what)
{
    return reader_stop(r, r->footer ? LOG_READ_DAMAGED : LOG_READ_CUT,
                       "the log stops within %s at offset %" PRIu64
                       ", after %" PRIu64 ".%" PRIu64,
                       what, r->at, r->last.icount, r->last.sequence);
}

static bool reader_damaged(LogReader *r, const char *why)
{
    return reader_stop(r, LOG_READ_DAMAGED,
                       "%s: offset %" PRIu64 ", after %" PRIu64 ".%" PRIu64,
                       why, r->at, r->last.icount, r->last.sequence);
}

/* The head of the frame at r->at; false: state is set. */
static bool reader_head(LogReader *r, LogFrame *f)
{
    uint8_t head[LOG_FRAME_HEAD_BYTES];
    uint64_t room = r->end - r->at;
    const char *why;

    if (room == 0) {
        return reader_stop(r, LOG_READ_CUT,
                           "the log stops at offset %" PRIu64 ", after %" PRIu64
                           ".%" PRIu64,
                           r->at, r->last.icount, r->last.sequence);
    }
    if (room < sizeof(head)) {
        return reader_short(r, "the head of a frame");
    }
    if (!log_read_at(r->fd, head, sizeof(head), r->at)) {
        return reader_damaged(r, "the file cannot be read");
    }
    if (!log_frame_head(f, head, log_seed(r->h), &why)) {
        return reader_damaged(r, why);
    }
    if (f->number != r->number) {
        return reader_damaged(r, "a frame is missing or repeated");
    }
    if (moment_compare(f->info.first, r->last) < 0) {
        return reader_damaged(r, "a frame goes back in time");
    }
    f->info.offset = r->at;
    if (f->info.stored > room - sizeof(head)) {
        return reader_short(r, "a frame");
    }
    return true;
}

static bool reader_load(LogReader *r)
{
    LogFrame f;
    const char *why;

    if (!reader_head(r, &f)) {
        return false;
    }
    r->loaded = 0;
    g_byte_array_set_size(r->bytes, LOG_FRAME_HEAD_BYTES + f.info.stored);
    if (!log_read_at(r->fd, r->bytes->data, r->bytes->len, r->at)) {
        return reader_damaged(r, "the file cannot be read");
    }
    if (!log_frame_unpack(&f, r->bytes->data, log_seed(r->h),
                          LOG_KIND_SOURCE + r->h->sources->len, r->payload,
                          &why)) {
        return reader_damaged(r, why);
    }
    r->frame = f.info;
    r->loaded = f.info.offset;
    r->left = f.info.entries;
    r->last = f.info.first;
    r->number++;
    r->at += r->bytes->len;
    codec_init_read(&r->codec, r->payload->data, r->payload->len);
    return true;
}

bool log_reader_next(LogReader *r, LogEntry *out)
{
    if (r->state != LOG_READ_READING || (r->left == 0 && !reader_load(r))) {
        return false;
    }
    *out = (LogEntry){0};
    g_assert(log_entry_codec(&r->codec, &r->last, out));
    r->left--;
    if (out->kind == LOG_KIND_END) {
        r->state = LOG_READ_ENDED;
    }
    return true;
}

void log_reader_tell(const LogReader *r, LogPos *out)
{
    *out = (LogPos){.frame = r->at, .number = r->number, .last = r->last};
    if (r->left > 0) {
        out->frame = r->frame.offset;
        out->number--;
        out->left = r->left;
        out->byte = (uint32_t)r->codec.pos;
    }
}

void log_reader_seek(LogReader *r, const LogPos *pos)
{
    g_clear_pointer(&r->why, g_free);
    r->state = LOG_READ_READING;
    if (pos->left > 0 && r->loaded != pos->frame) {
        r->at = pos->frame;
        r->number = pos->number;
        r->last = (Moment){0, 0};
        if (!reader_load(r)) {
            r->left = 0;
            return;
        }
    }
    r->at = pos->frame;
    r->number = pos->number;
    r->last = pos->last;
    r->left = pos->left;
    if (pos->left > 0) {
        r->at += LOG_FRAME_HEAD_BYTES + r->frame.stored;
        r->number++;
        codec_init_read(&r->codec, r->payload->data, r->payload->len);
        r->codec.pos = MIN(pos->byte, r->payload->len);
    }
}

Moment log_reader_last(LogReader *r)
{
    LogReader scan = *r;
    LogFrame f, last = {0};
    Moment found = {0, 0};
    LogEntry e;

    if (r->footer && r->footer->ended) {
        return r->footer->end.at;
    }
    scan.at = scan.h->body;
    scan.number = 0;
    scan.last = (Moment){0, 0};
    scan.left = 0;
    scan.state = LOG_READ_READING;
    scan.why = NULL;
    scan.bytes = g_byte_array_new();
    scan.payload = g_byte_array_new();
    while (reader_head(&scan, &f)) {
        last = f;
        scan.at += LOG_FRAME_HEAD_BYTES + f.info.stored;
        scan.number++;
        scan.last = f.info.first;
    }
    if (last.info.entries) {
        found = last.info.first;
        scan.state = LOG_READ_READING;
        scan.at = last.info.offset;
        scan.number = last.number;
        scan.end =
            MIN(scan.end, scan.at + LOG_FRAME_HEAD_BYTES + last.info.stored);
        while (log_reader_next(&scan, &e)) {
            found = e.at;
        }
    }
    g_free(scan.why);
    g_byte_array_unref(scan.bytes);
    g_byte_array_unref(scan.payload);
    return found;
}

static GBytes *blob_unpack(const LogBlob *b, const uint8_t *stored,
                           GError **error)
{
    g_autofree uint8_t *data = NULL;

    if (XXH3_64bits(stored, b->stored) != b->stored_hash
        || ZSTD_getFrameContentSize(stored, b->stored) != b->size) {
        fail(error, "blob '%s' is damaged", b->name);
        return NULL;
    }
    data = g_try_malloc(b->size + 1);
    if (!data || ZSTD_decompress(data, b->size, stored, b->stored) != b->size
        || XXH3_64bits(data, b->size) != b->hash) {
        fail(error, "blob '%s' cannot be unpacked", b->name);
        return NULL;
    }
    return g_bytes_new_take(g_steal_pointer(&data), b->size);
}

GBytes *log_reader_blob(LogReader *r, const LogBlob *b, GError **error)
{
    g_autofree uint8_t *stored = NULL;

    if (!b->embed) {
        fail(error, "blob '%s' is not in the log", b->name);
        return NULL;
    }
    stored = g_try_malloc(b->stored);
    if (!stored || !log_read_at(r->fd, stored, b->stored, b->offset)) {
        fail(error, "blob '%s' cannot be read", b->name);
        return NULL;
    }
    return blob_unpack(b, stored, error);
}

bool log_reader_check_end(LogReader *r, GError **error)
{
    if (r->state == LOG_READ_DAMAGED
        || (r->state == LOG_READ_CUT && !r->footer)) {
        return fail(error, "%s", log_reader_why(r));
    }
    if (!r->footer) {
        return fail(error, "%s", r->footer_error->message);
    }
    if (r->left != 0 || r->at != r->end) {
        return fail(error,
                    "something follows the end of the recording, at "
                    "offset %" PRIu64,
                    r->at);
    }
    if (r->footer->frames->len != r->number
        || r->footer->ended != (r->state == LOG_READ_ENDED)) {
        return fail(error, "the footer does not describe this log");
    }
    return true;
}

static bool copy_range(int from, int to, uint64_t start, uint64_t end,
                       GError **error)
{
    g_autofree uint8_t *buf = g_malloc(LOG_FRAME_MAX);

    while (start < end) {
        size_t n = (size_t)MIN(end - start, LOG_FRAME_MAX);

        if (!log_read_at(from, buf, n, start)) {
            return fail(error, "cannot read the log");
        }
        for (size_t done = 0; done < n;) {
            ssize_t w = write(to, buf + done, n - done);

            if (w < 0 && errno != EINTR) {
                return fail_errno(error, errno, "cannot write");
            }
            done += w > 0 ? (size_t)w : 0;
        }
        start += n;
    }
    return true;
}

bool log_reader_copy(LogReader *r, LogIndex *index, const char *path,
                     GError **error)
{
    g_autoptr(GByteArray) footer = g_byte_array_new();
    uint64_t end = r->h->body;
    bool ok;
    int fd;

    for (guint i = 0; i < index->frames->len; i++) {
        const LogFrameInfo *f = &g_array_index(index->frames, LogFrameInfo, i);

        end = MAX(end, f->offset + LOG_FRAME_HEAD_BYTES + f->stored);
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return fail_errno(error, errno, "'%s': cannot be made", path);
    }
    log_footer_pack(index, end, log_seed(r->h), footer);
    ok = copy_range(r->fd, fd, 0, end, error);
    if (ok && write(fd, footer->data, footer->len) != (ssize_t)footer->len) {
        ok = fail_errno(error, errno, "'%s': cannot write", path);
    }
    if (ok && fsync(fd) < 0) {
        ok = fail_errno(error, errno, "'%s': cannot write", path);
    }
    close(fd);
    return ok;
}
