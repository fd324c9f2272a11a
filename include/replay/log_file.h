/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording as a file: header, frames of entries, footer. Described byte by
 * byte in docs/replay-log.md. Everything read is untrusted: sizes are bounded,
 * checksums come first. For replay itself and for reprise-log.
 */
#ifndef REPLAY_LOG_FILE_H
#define REPLAY_LOG_FILE_H

#include "replay/replay.h"

#define LOG_FILE_VERSION 1
#define LOG_ENTRY_MAX (1024 * 1024) /* bytes of one entry's payload */

typedef struct Moment {
    uint64_t icount, sequence;
} Moment;

/** moment_compare() - below 0, 0 or above 0 */
int moment_compare(Moment a, Moment b);

typedef enum LogKind {
    LOG_KIND_MARK,   /* time passed: nothing to do */
    LOG_KIND_DIGEST, /* hashes of the machine's parts */
    LOG_KIND_END,    /* the recording was closed here */
    LOG_KIND_SOURCE, /* + index into LogHeader.sources */
} LogKind;

typedef struct LogEntry {
    uint32_t kind;
    Moment at;
    const uint8_t *data; /* borrowed: from the reader, until its next call */
    uint32_t size;
} LogEntry;

typedef struct LogSource {
    char *name; /* owned */
    uint32_t version;
} LogSource;

/* A blob as the header describes it; its bytes follow the header. */
typedef struct LogBlob {
    char *name; /* owned */
    bool embed;
    uint64_t size, hash;          /* of the content, XXH3-64 */
    uint64_t stored, stored_hash; /* of the compressed bytes in the file */
    uint64_t offset;              /* in the file; not itself in the header */
} LogBlob;

typedef struct LogHeader {
    uint8_t id[16]; /* random, one per recording */
    bool icount, shift_auto, sleep, align;
    uint8_t shift;
    uint64_t rate; /* at the start, 32.32 */
    uint64_t digest_every;
    bool digest_full;
    Seal *seal;       /* owned */
    GArray *sources;  /* owned: LogSource */
    GPtrArray *parts; /* owned: char *, the parts of a digest, in order */
    GArray *blobs;    /* owned: LogBlob */
    uint64_t body;    /* offset of the first frame */
} LogHeader;

typedef struct LogEnd {
    Moment at;
    int64_t virt_ns;
    VmCause cause;
    bool guest_off;
} LogEnd;

typedef struct LogFrameInfo {
    uint64_t offset; /* in the file */
    Moment first;
    uint32_t stored, size, entries; /* payload bytes in the file and unpacked */
} LogFrameInfo;

typedef struct LogPoint {
    Moment at;
    uint64_t hash; /* over all parts */
} LogPoint;

/* What a footer holds. */
typedef struct LogIndex {
    GArray *frames;  /* owned: LogFrameInfo */
    GArray *points;  /* owned: LogPoint */
    GArray *counts;  /* owned: uint64_t per kind */
    uint64_t events; /* of all sources */
    bool ended;      /* @end is known: the recording was closed in order */
    LogEnd end;
} LogIndex;

typedef enum LogReadState {
    LOG_READ_READING,
    LOG_READ_ENDED,   /* the end entry has been read */
    LOG_READ_CUT,     /* the file stops without one */
    LOG_READ_DAMAGED, /* what follows cannot be trusted */
} LogReadState;

typedef struct LogReader LogReader;
/** log_reader_open() - open, lock for reading, check the header */
LogReader *log_reader_open(const char *path, GError **error);
void log_reader_free(LogReader *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogReader, log_reader_free)
const LogHeader *log_reader_header(const LogReader *r);
/** log_reader_next() - the next entry; false: see the state */
bool log_reader_next(LogReader *r, LogEntry *out);
/* Between two entries. */
typedef struct LogPos {
    uint64_t frame;  /* offset of the frame that holds the next entry */
    uint32_t number; /* of that frame */
    uint32_t left;   /* entries of it to come; 0: it is not loaded yet */
    uint32_t byte;   /* of its payload */
    Moment last;     /* of the entry before */
} LogPos;
/** log_reader_tell()/log_reader_seek() - where the next entry is read; after a
 *  seek reading goes on from there, also behind an end or damage */
void log_reader_tell(const LogReader *r, LogPos *out);
void log_reader_seek(LogReader *r, const LogPos *pos);
LogReadState log_reader_state(const LogReader *r);
/** log_reader_why() - text for CUT and DAMAGED, with the offset */
const char *log_reader_why(const LogReader *r);
/** log_reader_footer() - the index, NULL when the file has no valid footer */
const LogIndex *log_reader_footer(const LogReader *r);
/** log_reader_size() - bytes in the file when it was opened */
uint64_t log_reader_size(const LogReader *r);
/** log_reader_frame() - the frame that holds the entry read last */
const LogFrameInfo *log_reader_frame(const LogReader *r);
/** log_reader_last() - moment of the last entry that can be read, found by a
 *  scan of frame headers where there is no footer */
Moment log_reader_last(LogReader *r);
/** log_reader_blob() - content of an embedded blob, checked */
GBytes *log_reader_blob(LogReader *r, const LogBlob *blob, GError **error);
/** log_reader_check_end() - what lies behind the last frame: footer and trailer
 *  as they must be; false with a reason otherwise. After a full read. */
bool log_reader_check_end(LogReader *r, GError **error);
/** log_reader_copy() - the header, blobs and the frames of @index to a new file,
 *  with a footer made from @index */
bool log_reader_copy(LogReader *r, LogIndex *index, const char *path,
                     GError **error);

LogIndex *log_index_new(void);
void log_index_free(LogIndex *x);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogIndex, log_index_free)
/** log_index_entry() - count an entry; false when the payload of a mark, digest
 *  or end is malformed */
bool log_index_entry(LogIndex *x, const LogEntry *e);

/* Payloads of the entries that replay itself owns. */
typedef struct LogRow {
    char *name, *value; /* owned */
} LogRow;
typedef struct LogDigest {
    GArray *parts; /* owned: uint64_t, in the order of LogHeader.parts */
    GArray *pages; /* owned: LogPage; rrdigest=full: written since the last */
    GArray *rows;  /* owned: LogRow as "path row"; rrdigest=full */
} LogDigest;
typedef struct LogPage {
    RamPage page;
    uint64_t hash;
} LogPage;
LogDigest *log_digest_new(void);
void log_digest_free(LogDigest *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogDigest, log_digest_free)
bool log_digest_codec(Codec *c, LogDigest *d);
/** log_digest_hash() - one hash over the parts */
uint64_t log_digest_hash(const LogDigest *d);
bool log_end_codec(Codec *c, LogEnd *end);
/** log_clock_text() - an event of source "clock" in words, NULL if malformed */
char *log_clock_text(const uint8_t *data, size_t size);

#endif
