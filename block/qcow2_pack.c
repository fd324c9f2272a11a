/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed clusters: raw deflate with a window of 4 KiB, or zstd. */
#include "block/qcow2_priv.h"

#include <errno.h>
#include <zlib.h>
#include <zstd.h>

#define WINDOW_BITS (-12)

static int unpack_zlib(const Qcow2 *q, uint8_t *in, uint32_t bytes,
                       uint8_t *out)
{
    z_stream s = {
        .next_in = in,
        .avail_in = bytes,
        .next_out = out,
        .avail_out = q->cluster,
    };
    int r;

    if (inflateInit2(&s, WINDOW_BITS) != Z_OK) {
        return ENOMEM;
    }
    r = inflate(&s, Z_FINISH);
    inflateEnd(&s);
    return s.avail_out == 0 && (r == Z_STREAM_END || r == Z_BUF_ERROR) ? 0
                                                                       : EIO;
}

/* The length in the table counts whole sectors: what follows is not ours. */
static int unpack_zstd(const Qcow2 *q, const uint8_t *in, uint32_t bytes,
                       uint8_t *out)
{
    ZSTD_inBuffer from = {.src = in, .size = bytes};
    ZSTD_outBuffer to = {.dst = out, .size = q->cluster};
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    size_t left = 1;

    while (ctx && left && to.pos < to.size) {
        size_t before = from.pos + to.pos;

        left = ZSTD_decompressStream(ctx, &to, &from);
        if (ZSTD_isError(left) || from.pos + to.pos == before) {
            break;
        }
    }
    ZSTD_freeDCtx(ctx);
    return to.pos == to.size ? 0 : EIO;
}

int q2_unpack(Qcow2 *q, uint64_t entry, uint8_t *out)
{
    uint64_t offset;
    uint32_t bytes;
    g_autofree uint8_t *in = NULL;
    int err;

    q2_packed_place(q, entry, &offset, &bytes);
    in = g_malloc(bytes);
    err = block_read(q->file, offset, in, bytes);
    if (!err) {
        err = q->compression ? unpack_zstd(q, in, bytes, out)
                             : unpack_zlib(q, in, bytes, out);
    }
    return err;
}
