/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a log: entries gather in a frame, frames go to the file with write(2)
 * so that nothing is lost with the process. What cannot be written stays.
 */
#include "replay/log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_AGE_NS (100 * 1000 * 1000)

struct LogWriter {
    int fd;
    char *path;          /* owned */
    GByteArray *payload; /* owned: entries of the frame being filled */
    LogFrame frame;
    HostTime oldest; /* when its first entry came */
    GByteArray *out; /* owned: packed, not yet in the file */
    guint written;   /* bytes of out that are */
    uint64_t offset; /* in the file, of the end of out */
    uint64_t seed;
    Moment last;
    LogIndex *index; /* owned */
};

static bool writer_claim(LogWriter *w, GError **error)
{
    struct stat st;

    if (fstat(w->fd, &st) < 0) {
        return fail_errno(error, errno, "log '%s'", w->path);
    }
    if (!S_ISREG(st.st_mode)) {
        return fail(error, "log '%s': not a regular file", w->path);
    }
    if (flock(w->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        return fail(error, "log '%s': in use by another program", w->path);
    }
    return true;
}

LogWriter *log_writer_open(const char *path, GError **error)
{
    LogWriter *w = g_new0(LogWriter, 1);

    w->path = g_strdup(path);
    w->payload = g_byte_array_new();
    w->out = g_byte_array_new();
    w->index = log_index_new();
    /* Non-blocking: a pipe without a reader must not stop us here. */
    w->fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (w->fd < 0) {
        fail_errno(error, errno, "log '%s': cannot be opened for writing",
                   path);
    }
    if (w->fd < 0 || !writer_claim(w, error)) {
        log_writer_free(w);
        return NULL;
    }
    return w;
}

void log_writer_free(LogWriter *w)
{
    if (!w) {
        return;
    }
    if (w->fd >= 0) {
        close(w->fd);
    }
    g_free(w->path);
    g_byte_array_unref(w->payload);
    g_byte_array_unref(w->out);
    log_index_free(w->index);
    g_free(w);
}

Moment log_writer_last(const LogWriter *w)
{
    return w->last;
}

/* As much of out as the file takes. */
static bool writer_drain(LogWriter *w, GError **error)
{
    while (w->written < w->out->len) {
        ssize_t n =
            write(w->fd, w->out->data + w->written, w->out->len - w->written);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail_errno(error, errno, "log '%s': cannot be written",
                              w->path);
        }
        w->written += (guint)n;
    }
    g_byte_array_set_size(w->out, 0);
    w->written = 0;
    return true;
}

bool log_writer_begin(LogWriter *w, LogHeader *h, const GPtrArray *packed,
                      GError **error)
{
    g_assert(w->offset == 0 && packed->len == h->blobs->len);
    if (!log_header_pack(h, w->out, error)) {
        return false;
    }
    for (guint i = 0; i < packed->len; i++) {
        gsize n = 0;
        const void *p = NULL;

        if (g_ptr_array_index(packed, i)) {
            p = g_bytes_get_data(g_ptr_array_index(packed, i), &n);
            g_byte_array_append(w->out, p, (guint)n);
        }
    }
    w->offset = w->out->len;
    w->seed = log_seed(h);
    g_assert(w->offset == h->body);
    if (ftruncate(w->fd, 0) < 0 || lseek(w->fd, 0, SEEK_SET) < 0) {
        return fail_errno(error, errno, "log '%s': cannot be emptied", w->path);
    }
    if (!writer_drain(w, error)) {
        return false;
    }
    return fsync(w->fd) == 0
           || fail_errno(error, errno, "log '%s': cannot be written", w->path);
}

static void writer_pack(LogWriter *w)
{
    guint before = w->out->len;

    if (w->payload->len == 0) {
        return;
    }
    w->frame.info.offset = w->offset;
    log_frame_pack(&w->frame, w->payload, w->seed, w->out);
    g_array_append_val(w->index->frames, w->frame.info);
    w->offset += w->out->len - before;
    w->frame = (LogFrame){.number = w->frame.number + 1};
    g_byte_array_set_size(w->payload, 0);
}

void log_writer_append(LogWriter *w, const LogEntry *e, HostTime now)
{
    LogEntry copy = *e;
    Codec c;

    g_assert(e->size <= LOG_ENTRY_MAX && moment_compare(e->at, w->last) >= 0);
    if (w->payload->len == 0) {
        w->frame.info.first = e->at;
        w->last = e->at;
        w->oldest = now;
    }
    codec_init_write(&c, w->payload);
    g_assert(log_entry_codec(&c, &w->last, &copy));
    w->frame.info.entries++;
    g_assert(log_index_entry(w->index, e));
    if (w->payload->len >= LOG_FRAME_FULL) {
        writer_pack(w);
    }
}

bool log_writer_poll(LogWriter *w, HostTime now, bool force, GError **error)
{
    if (w->payload->len > 0
        && (force || now.ns - w->oldest.ns >= FRAME_AGE_NS)) {
        writer_pack(w);
    }
    return w->out->len == 0 || writer_drain(w, error);
}

bool log_writer_finish(LogWriter *w, GError **error)
{
    writer_pack(w);
    if (!writer_drain(w, error)) {
        return false;
    }
    log_footer_pack(w->index, w->offset, w->seed, w->out);
    if (!writer_drain(w, error)) {
        return false;
    }
    if (fsync(w->fd) < 0) {
        return fail_errno(error, errno, "log '%s': cannot be written", w->path);
    }
    close(w->fd);
    w->fd = -1;
    return true;
}
