/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small qcow2 image with edits, then reads, writes, snapshots and checks on
 * it. Whatever the image says: an answer or an error, nothing is written into
 * its header by writes of data, and it does not grow without bound.
 */
#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "block/image.h"
#include "tests/fuzz/fuzz.h"

#define DISK (256u << 10)
#define EDITS_MAX 48
#define STEPS_MAX 24
#define FILE_MAX (64u << 20)

typedef struct Sample {
    char *file; /* owned */
    uint8_t *bytes;
    gsize size;
} Sample;

static char *sample_path; /* owned: removed at exit */

static void sample_remove(void)
{
    g_unlink(sample_path);
}

/* One of four shapes. */
static const Sample *sample(unsigned shape)
{
    static Sample all[4];
    Sample *s = &all[shape];
    Qcow2CreateOptions o = {
        .bytes = DISK,
        .cluster_bytes = shape == 1 ? 16384 : 512u << (shape == 2 ? 3 : 0),
        .extended_l2 = shape == 1,
        .version = shape == 2 ? 2 : 3,
        .refcount_bits = shape == 3 ? 64 : 16,
    };
    BlockMode mode = {.no_flush = true};
    BlockGraph *g;
    BlockNode *n;
    uint8_t data[4096];

    if (s->file) {
        return s;
    }
    if (!sample_path) {
        int fd = g_file_open_tmp("fuzz-XXXXXX.qcow2", &sample_path, NULL);

        g_assert_cmpint(fd, >=, 0);
        close(fd);
        atexit(sample_remove);
    }
    s->file = sample_path;
    g = block_graph_new();
    g_assert_true(qcow2_create(g, s->file, &o, NULL));
    n = block_open_image(g, s->file, "qcow2", &mode, NULL);
    g_assert_nonnull(n);
    memset(data, 0x5a, sizeof(data));
    for (unsigned i = 0; i < 20; i++) {
        g_assert_cmpint(block_write(n, i * 12288, data, sizeof(data)), ==, 0);
        if (i == 10) {
            g_assert_true(image_snapshot_create(n, "one", NULL));
        }
    }
    g_assert_cmpint(block_write_zeroes(n, 8192, 8192), ==, 0);
    block_unref(n);
    block_graph_free(g);
    g_assert_true(
        g_file_get_contents(s->file, (char **)&s->bytes, &s->size, NULL));
    return s;
}

static void edit(uint8_t *bytes, gsize size, FuzzIn *in)
{
    unsigned count = (unsigned)fuzz_take(in, 1) % EDITS_MAX;

    for (unsigned i = 0; i < count; i++) {
        unsigned how = (unsigned)fuzz_take(in, 1) % 4;
        gsize at = fuzz_take(in, 3) % size;

        if (how == 0) { /* the header is small, and matters most */
            at %= 128;
        } else if (how == 1) { /* what tables begin with */
            at &= ~(gsize)7;
        }
        bytes[at] = (uint8_t)fuzz_take(in, 1);
    }
}

static void use(BlockNode *n, FuzzIn *in)
{
    static uint8_t data[65536];
    uint64_t disk = block_bytes(n);
    unsigned steps = (unsigned)fuzz_take(in, 1) % STEPS_MAX;

    for (unsigned i = 0; i < steps && disk >= 512; i++) {
        unsigned what = (unsigned)fuzz_take(in, 1) % 12;
        uint64_t at = fuzz_take(in, 3) * 512 % disk / 512 * 512;
        size_t size = (size_t)(1 + fuzz_take(in, 1) % 128) * 512;
        ImageCheck check;

        size = (size_t)MIN(size, (disk - at) / 512 * 512);
        if (what < 3) {
            block_read(n, at, data, size);
        } else if (what < 6) {
            block_write(n, at, data, size);
        } else if (what == 6) {
            block_write_zeroes(n, at, size);
        } else if (what == 7) {
            block_discard(n, at, size);
        } else if (what == 8) {
            image_snapshot_apply(n, "one", NULL);
            disk = block_bytes(n);
        } else if (what == 9) {
            image_snapshot_delete(n, "one", NULL);
        } else if (what == 10) {
            image_snapshot_create(n, "two", NULL);
        } else {
            image_check(n, at & 1 ? 2 : 0, &check, NULL, NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzIn in = {data, size};
    const Sample *s = sample((unsigned)fuzz_take(&in, 1) % 4);
    g_autofree uint8_t *bytes = g_memdup2(s->bytes, s->size);
    BlockMode mode = {.no_flush = true, .discard = BLOCK_DISCARD_UNMAP};
    BlockGraph *g = block_graph_new();
    g_autoptr(GError) error = NULL;
    BlockNode *n;
    GStatBuf st;
    int fd = g_open(s->file, O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

    edit(bytes, s->size, &in);
    g_assert_cmpint(write(fd, bytes, s->size), ==, s->size);
    close(fd);
    mode.read_only = fuzz_take(&in, 1) % 4 == 0;
    mode.no_backing = true;
    n = block_open_image(g, s->file, "qcow2", &mode, &error);
    g_assert_true(n || error);
    if (n) {
        use(n, &in);
        block_unref(n);
    }
    block_graph_free(g);
    g_assert_cmpint(g_stat(s->file, &st), ==, 0);
    g_assert_cmpint(st.st_blocks, <, FILE_MAX / 512);
    return 0;
}
