/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames: a head with its own check, a payload of entries, one checksum. */
#include "replay/log_priv.h"

#include <string.h>

#include <xxhash.h>
#include <zstd.h>

#include "core/bytes.h"

#define ZSTD_LEVEL 1
#define HEAD_CHECKED 36 /* bytes before the check of the head itself */
#define HEAD_HASHED 40  /* bytes before the checksum of the whole frame */

int moment_compare(Moment a, Moment b)
{
    if (a.icount != b.icount) {
        return a.icount < b.icount ? -1 : 1;
    }
    return a.sequence < b.sequence ? -1 : a.sequence > b.sequence;
}

/* codec_varint(), quick where the value has one byte, as most have: every entry
 * is read twice, and a log may have a hundred million. */
static bool entry_number(Codec *c, uint64_t *v, uint64_t max)
{
    if (c->mode == CODEC_READ && !c->failed && c->pos < c->in_size
        && c->in[c->pos] < 0x80) {
        *v = c->in[c->pos++];
    } else if (!codec_varint(c, v)) {
        return false;
    }
    c->failed = *v > max;
    return !c->failed;
}

/* The sequence is counted from 0 at each new icount. */
static bool moment_codec(Codec *c, Moment *last, Moment *at)
{
    uint64_t steps = at->icount - last->icount;
    uint64_t seq = steps ? at->sequence : at->sequence - last->sequence;

    if (!entry_number(c, &steps, UINT64_MAX)
        || !entry_number(c, &seq, UINT64_MAX)) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        uint64_t base = steps ? 0 : last->sequence;

        if (steps > UINT64_MAX - last->icount || seq > UINT64_MAX - base) {
            c->failed = true;
            return false;
        }
        *at = (Moment){last->icount + steps, base + seq};
    }
    *last = *at;
    return true;
}

bool log_entry_codec(Codec *c, Moment *last, LogEntry *e)
{
    uint64_t kind = e->kind, size = e->size;

    if (!entry_number(c, &kind, LOG_KINDS_MAX) || !moment_codec(c, last, &e->at)
        || !entry_number(c, &size, LOG_ENTRY_MAX)) {
        return false;
    }
    e->kind = (uint32_t)kind;
    e->size = (uint32_t)size;
    if (c->mode != CODEC_READ) {
        return codec_bytes(c, (void *)(uintptr_t)e->data, e->size);
    }
    if (size > c->in_size - c->pos) {
        c->failed = true;
        return false;
    }
    e->data = c->in + c->pos;
    c->pos += e->size;
    return true;
}

static uint64_t frame_hash(const uint8_t *head, const uint8_t *payload,
                           size_t size, uint64_t seed)
{
    XXH3_state_t *s = XXH3_createState();
    uint64_t h;

    g_assert(s);
    XXH3_64bits_reset_withSeed(s, seed);
    XXH3_64bits_update(s, head, HEAD_HASHED);
    XXH3_64bits_update(s, payload, size);
    h = XXH3_64bits_digest(s);
    XXH3_freeState(s);
    return h;
}

static uint32_t head_check(const uint8_t *head, uint64_t seed)
{
    return (uint32_t)XXH3_64bits_withSeed(head, HEAD_CHECKED, seed);
}

void log_frame_pack(LogFrame *f, const GByteArray *payload, uint64_t seed,
                    GByteArray *out)
{
    uint8_t head[LOG_FRAME_HEAD_BYTES] = {0};
    g_autofree uint8_t *packed = g_malloc(payload->len);
    /* No room to grow: what does not shrink is stored as it is. */
    size_t n = ZSTD_compress(packed, payload->len - 1, payload->data,
                             payload->len, ZSTD_LEVEL);
    const uint8_t *bytes = payload->data;

    f->zstd = !ZSTD_isError(n);
    f->info.size = payload->len;
    f->info.stored = payload->len;
    if (f->zstd) {
        f->info.stored = (uint32_t)n;
        bytes = packed;
    }
    st_le32(head, LOG_FRAME_MAGIC);
    st_le32(head + 4, f->info.stored);
    st_le32(head + 8, f->info.size | (f->zstd ? 1u << 31 : 0));
    st_le32(head + 12, f->info.entries);
    st_le64(head + 16, f->info.first.icount);
    st_le64(head + 24, f->info.first.sequence);
    st_le32(head + 32, f->number);
    st_le32(head + 36, head_check(head, seed));
    st_le64(head + 40, frame_hash(head, bytes, f->info.stored, seed));
    g_byte_array_append(out, head, sizeof(head));
    g_byte_array_append(out, bytes, f->info.stored);
}

bool log_frame_head(LogFrame *f, const uint8_t head[LOG_FRAME_HEAD_BYTES],
                    uint64_t seed, const char **why)
{
    uint32_t size = ld_le32(head + 8);

    f->info.stored = ld_le32(head + 4);
    f->info.size = size & INT32_MAX;
    f->zstd = size >> 31;
    f->info.entries = ld_le32(head + 12);
    f->info.first = (Moment){ld_le64(head + 16), ld_le64(head + 24)};
    f->number = ld_le32(head + 32);
    if (ld_le32(head) != LOG_FRAME_MAGIC) {
        *why = "no frame begins here";
    } else if (ld_le32(head + 36) != head_check(head, seed)) {
        *why = "the head of a frame fails its check";
    } else if (f->info.size > LOG_FRAME_MAX || f->info.size == 0
               || f->info.entries == 0 || f->info.entries > f->info.size
               || (f->zstd ? f->info.stored >= f->info.size
                           : f->info.stored != f->info.size)) {
        *why = "the head of a frame has impossible sizes";
    } else {
        return true;
    }
    return false;
}

/* Every entry must parse, fill the payload and begin as the head says. */
static bool frame_entries_valid(const LogFrame *f, const GByteArray *payload,
                                uint32_t kinds)
{
    Moment last = f->info.first;
    Codec c;

    codec_init_read(&c, payload->data, payload->len);
    for (uint32_t i = 0; i < f->info.entries; i++) {
        LogEntry e = {0};

        if (!log_entry_codec(&c, &last, &e) || e.kind >= kinds
            || (i == 0 && moment_compare(e.at, f->info.first) != 0)) {
            return false;
        }
    }
    return codec_left(&c) == 0;
}

bool log_frame_unpack(const LogFrame *f, const uint8_t *bytes, uint64_t seed,
                      uint32_t kinds, GByteArray *payload, const char **why)
{
    const uint8_t *stored = bytes + LOG_FRAME_HEAD_BYTES;

    if (ld_le64(bytes + 40)
        != frame_hash(bytes, stored, f->info.stored, seed)) {
        *why = "a frame fails its checksum";
        return false;
    }
    g_byte_array_set_size(payload, f->info.size);
    if (!f->zstd) {
        memcpy(payload->data, stored, f->info.size);
    } else if (ZSTD_decompress(payload->data, f->info.size, stored,
                               f->info.stored)
               != f->info.size) {
        *why = "a frame cannot be unpacked";
        return false;
    }
    if (!frame_entries_valid(f, payload, kinds)) {
        *why = "a frame holds malformed entries";
        return false;
    }
    return true;
}
