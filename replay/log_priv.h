/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and pieces of the log file; docs/replay-log.md is the description. */
#ifndef REPLAY_LOG_PRIV_H
#define REPLAY_LOG_PRIV_H

#include "replay/log_file.h"

#define LOG_MAGIC "RepriseL"
#define LOG_MAGIC_BYTES 8
#define LOG_HEAD_BYTES 52
#define LOG_HEADER_MAX (16u * 1024 * 1024) /* payload, unpacked */
#define LOG_BLOB_MAX (1024ull * 1024 * 1024)
#define LOG_BLOBS_MAX 64
#define LOG_ID_BYTES 16

#define LOG_FRAME_MAGIC 0x4d524652u /* "RFRM" */
#define LOG_FRAME_HEAD_BYTES 48
#define LOG_FRAME_MAX (2u * 1024 * 1024) /* payload, unpacked */
#define LOG_FRAME_FULL (64 * 1024)
#define LOG_FLAG_ZSTD 1u

#define LOG_FOOTER_MAGIC 0x52544652u /* "RFTR" */
#define LOG_FOOTER_HEAD_BYTES 24
#define LOG_FOOTER_MAX (256u * 1024 * 1024)
#define LOG_TRAILER_MAGIC "RepriseE"
#define LOG_TRAILER_BYTES 32

#define LOG_NAME_MAX 256
#define LOG_VALUE_MAX (64 * 1024)
#define LOG_FIELDS_MAX 8192
#define LOG_SOURCES_MAX 250
#define LOG_PARTS_MAX 8192
#define LOG_KINDS_MAX (LOG_KIND_SOURCE + LOG_SOURCES_MAX)

/* --- header ---------------------------------------------------------------- */

LogHeader *log_header_new(void);
void log_header_free(LogHeader *h);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogHeader, log_header_free)
/** log_header_pack() - append the whole header (without blob bytes) to @out;
 *  sets h->body and each blob's offset */
bool log_header_pack(LogHeader *h, GByteArray *out, GError **error);
/** log_header_read() - from the start of a file of @size bytes */
LogHeader *log_header_read(int fd, uint64_t size, GError **error);
/** log_seed() - frames of another recording do not pass the checksum */
uint64_t log_seed(const LogHeader *h);

/* --- frames ---------------------------------------------------------------- */

typedef struct LogFrame {
    uint32_t number; /* 0, 1, 2... */
    bool zstd;
    LogFrameInfo info;
} LogFrame;

/** log_frame_pack() - append head and payload to @out */
void log_frame_pack(LogFrame *f, const GByteArray *payload, uint64_t seed,
                    GByteArray *out);
/** log_frame_head() - false with a static reason when malformed */
bool log_frame_head(LogFrame *f, const uint8_t head[LOG_FRAME_HEAD_BYTES],
                    uint64_t seed, const char **why);
/** log_frame_unpack() - checksum, unpack and check every entry */
bool log_frame_unpack(const LogFrame *f, const uint8_t *bytes, uint64_t seed,
                      uint32_t kinds, GByteArray *payload, const char **why);
/** log_entry_codec() - @last: moment of the entry before; updated */
bool log_entry_codec(Codec *c, Moment *last, LogEntry *e);

/* --- footer ---------------------------------------------------------------- */

void log_footer_pack(LogIndex *x, uint64_t at, uint64_t seed, GByteArray *out);
/** log_footer_read() - NULL with an error when there is none or it is bad;
 *  @start: where it begins */
LogIndex *log_footer_read(int fd, uint64_t size, const LogHeader *h,
                          uint64_t *start, GError **error);

/* --- writing --------------------------------------------------------------- */

typedef struct LogWriter LogWriter;
/** log_writer_open() - open and lock; the old content stays until the header */
LogWriter *log_writer_open(const char *path, GError **error);
void log_writer_free(LogWriter *w);
/** log_writer_begin() - truncate, header, blobs (GBytes or NULL, one for each
 *  of h->blobs, packed), fsync */
bool log_writer_begin(LogWriter *w, LogHeader *h, const GPtrArray *packed,
                      GError **error);
void log_writer_append(LogWriter *w, const LogEntry *e, HostTime now);
/** log_writer_poll() - write what is old or big enough; @force: everything.
 *  False: the file cannot be written; nothing is lost, call again. */
bool log_writer_poll(LogWriter *w, HostTime now, bool force, GError **error);
/** log_writer_finish() - footer, fsync, close */
bool log_writer_finish(LogWriter *w, GError **error);
Moment log_writer_last(const LogWriter *w);

/** log_read_at() - exactly @size bytes; false on a short file or an error */
bool log_read_at(int fd, void *buf, size_t size, uint64_t offset);

#endif
