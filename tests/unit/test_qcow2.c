/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random writes, zeroes, discards, snapshots and reopening of qcow2 images of
 * many shapes against a plain array; what we write is checked by ourselves and,
 * where it is installed, by qemu-img; what it writes is read by us.
 */
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "block/image.h"

#define DISK (6u << 20)
#define NAME "disk.qcow2"

typedef struct Shape {
    const char *name;
    Qcow2CreateOptions o;
    const char *qemu; /* the same for qemu-img create -o */
} Shape;

/* clang-format off */
static const Shape shapes[] = {
    {"default",  {DISK}, "cluster_size=64k"},
    {"v2",       {DISK, .version = 2}, "compat=0.10"},
    {"512",      {DISK, .cluster_bytes = 512}, "cluster_size=512"},
    {"512-1bit", {DISK, .cluster_bytes = 512, .refcount_bits = 1}, "cluster_size=512,refcount_bits=1"},
    {"4k-64bit", {DISK, .cluster_bytes = 4096, .refcount_bits = 64}, "cluster_size=4k,refcount_bits=64"},
    {"8k-2bit",  {DISK, .cluster_bytes = 8192, .refcount_bits = 2}, "cluster_size=8k,refcount_bits=2"},
    {"2M",       {DISK, .cluster_bytes = 2u << 20}, "cluster_size=2M"},
    {"lazy",     {DISK, .lazy_refcounts = true}, "lazy_refcounts=on"},
    {"zstd",     {DISK, .zstd = true}, "compression_type=zstd"},
    {"extended", {DISK, .extended_l2 = true}, "extended_l2=on"},
    {"ext-16k",  {DISK, .cluster_bytes = 16384, .extended_l2 = true}, "extended_l2=on,cluster_size=16k"},
};
/* clang-format on */

typedef struct Disk {
    BlockGraph *g;
    BlockNode *n;
    uint8_t *want; /* DISK bytes */
    GRand *rand;
} Disk;

static char *old_dir;

/* Runs in the test's directory; -1: the program is not installed */
static int run(const char *line, char **out)
{
    g_auto(GStrv) argv = NULL;
    g_autofree char *errors = NULL;
    g_autofree char *program = NULL;
    int status = 0;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    program = g_find_program_in_path(argv[0]);
    if (!program) {
        return -1;
    }
    g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                               NULL, out, &errors, &status, NULL));
    if (status && (!g_str_has_suffix(line, "#may-fail"))) {
        g_test_message("%s: %s%s", line, out && *out ? *out : "", errors);
    }
    return WEXITSTATUS(status);
}

static bool have_qemu_img(void)
{
    g_autofree char *out = NULL;

    return run("qemu-img --version", &out) == 0;
}

static void fill(Disk *d, uint8_t *buf, size_t size)
{
    uint32_t v = g_rand_int(d->rand);

    for (size_t i = 0; i < size; i++) {
        buf[i] = (uint8_t)(v = v * 1664525 + 1013904223) >> 3;
        buf[i] = (uint8_t)(v >> 24);
    }
}

static void disk_open(Disk *d, bool read_only)
{
    BlockMode mode = {.read_only = read_only,
                      .no_flush = true,
                      .discard = BLOCK_DISCARD_UNMAP};
    g_autoptr(GError) error = NULL;

    d->g = block_graph_new();
    d->n = block_open_image(d->g, NAME, "qcow2", &mode, &error);
    g_assert_no_error(error);
}

static void disk_close(Disk *d)
{
    block_unref(d->n);
    block_graph_free(d->g);
}

static void disk_compare(Disk *d)
{
    g_autofree uint8_t *got = g_malloc(DISK);

    g_assert_cmpint(block_read(d->n, 0, got, DISK), ==, 0);
    for (size_t i = 0; i < DISK; i += 512) {
        if (memcmp(got + i, d->want + i, 512) != 0) {
            g_error("sector %zu differs: %02x, expected %02x", i / 512, got[i],
                    d->want[i]);
        }
    }
}

static void check_clean(Disk *d, bool leaks_too)
{
    ImageCheck c;
    g_autoptr(GString) say = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    image_check(d->n, 0, &c, say, &error);
    g_assert_no_error(error);
    if (c.corruptions || (leaks_too && c.leaks)) {
        g_error("%s", say->str);
    }
}

static void random_range(Disk *d, uint64_t *at, uint64_t *size)
{
    static const uint32_t sizes[] = {512, 512, 4096, 65536, 1u << 20};
    uint32_t max = sizes[g_rand_int_range(d->rand, 0, G_N_ELEMENTS(sizes))];

    *at = (uint64_t)g_rand_int_range(d->rand, 0, DISK / 512) * 512;
    *size = 512 * (uint64_t)g_rand_int_range(d->rand, 1, (int)(max / 512) + 1);
    *size = MIN(*size, DISK - *at);
}

static void random_step(Disk *d)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t at, size;
    int what = g_rand_int_range(d->rand, 0, 20);

    random_range(d, &at, &size);
    buf = g_malloc(size);
    if (what < 12) {
        fill(d, buf, size);
        g_assert_cmpint(block_write(d->n, at, buf, size), ==, 0);
        memcpy(d->want + at, buf, size);
    } else if (what < 15) {
        g_assert_cmpint(block_write_zeroes(d->n, at, size), ==, 0);
        memset(d->want + at, 0, size);
    } else if (what < 16) { /* leaves the data or zeroes, whatever it is */
        g_assert_cmpint(block_discard(d->n, at, size), ==, 0);
        g_assert_cmpint(block_read(d->n, at, d->want + at, size), ==, 0);
    } else if (what < 19) {
        g_assert_cmpint(block_read(d->n, at, buf, size), ==, 0);
        g_assert_cmpint(memcmp(buf, d->want + at, size), ==, 0);
    } else {
        g_assert_cmpint(block_flush(d->n), ==, 0);
    }
}

static void qemu_agrees(const Disk *d)
{
    g_autofree char *out = NULL;

    if (!have_qemu_img()) {
        return;
    }
    g_assert_cmpint(run("qemu-img check " NAME, &out), ==, 0);
    g_assert_true(
        g_file_set_contents("want.raw", (const char *)d->want, DISK, NULL));
    g_clear_pointer(&out, g_free);
    g_assert_cmpint(
        run("qemu-img compare -f qcow2 -F raw " NAME " want.raw", &out), ==, 0);
}

static void disk_create(Disk *d, const Shape *s, const char *backing)
{
    Qcow2CreateOptions o = s->o;
    g_autoptr(GError) error = NULL;

    d->g = block_graph_new();
    o.backing = backing;
    o.backing_format = backing ? "raw" : NULL;
    qcow2_create(d->g, NAME, &o, &error);
    g_assert_no_error(error);
    block_graph_free(d->g);
    d->want = g_malloc0(DISK);
    d->rand = g_rand_new_with_seed(42);
}

static void disk_free(Disk *d)
{
    g_free(d->want);
    g_rand_free(d->rand);
}

static void test_random(gconstpointer shape)
{
    const Shape *s = shape;
    Disk d = {0};

    disk_create(&d, s, NULL);
    for (int round = 0; round < 3; round++) {
        disk_open(&d, false);
        for (int i = 0; i < 60; i++) {
            random_step(&d);
        }
        disk_compare(&d);
        check_clean(&d, false);
        disk_close(&d);
        disk_open(&d, true);
        disk_compare(&d);
        check_clean(&d, true);
        disk_close(&d);
        qemu_agrees(&d);
    }
    disk_free(&d);
}

/* The same over a base that is shorter than the disk. */
static void test_backing(gconstpointer shape)
{
    const size_t base = DISK / 2 + 1536;
    Disk d = {0};

    disk_create(&d, shape, "base.raw");
    fill(&d, d.want, base);
    g_assert_true(
        g_file_set_contents("base.raw", (const char *)d.want, base, NULL));
    disk_open(&d, false);
    disk_compare(&d);
    for (int i = 0; i < 100; i++) {
        random_step(&d);
    }
    disk_compare(&d);
    disk_close(&d);
    disk_open(&d, true);
    disk_compare(&d);
    check_clean(&d, true);
    disk_close(&d);
    qemu_agrees(&d);
    disk_free(&d);
}

static void snapshot(Disk *d, const char *name)
{
    g_autoptr(GError) error = NULL;

    image_snapshot_create(d->n, name, &error);
    g_assert_no_error(error);
}

static void snapshot_apply(Disk *d, const char *name)
{
    g_autoptr(GError) error = NULL;

    image_snapshot_apply(d->n, name, &error);
    g_assert_no_error(error);
}

static void snapshot_delete(Disk *d, const char *name)
{
    g_autoptr(GError) error = NULL;

    image_snapshot_delete(d->n, name, &error);
    g_assert_no_error(error);
}

static void test_snapshots(gconstpointer shape)
{
    const Shape *s = shape;
    Disk d = {0};
    uint8_t *at[3];
    static const char *const names[] = {"one", "two", "three"};

    if (s->o.refcount_bits == 1 || s->o.refcount_bits == 2) {
        g_test_skip("its counts cannot hold them");
        return;
    }
    disk_create(&d, s, NULL);
    disk_open(&d, false);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 25; i++) {
            random_step(&d);
        }
        at[k] = g_memdup2(d.want, DISK);
        snapshot(&d, names[k]);
        check_clean(&d, false);
    }
    random_step(&d);
    disk_close(&d);
    qemu_agrees(&d);
    if (have_qemu_img()) {
        g_autofree char *out = NULL;

        g_assert_cmpint(run("qemu-img snapshot -l " NAME, &out), ==, 0);
        g_assert_nonnull(strstr(out, "three"));
    }
    disk_open(&d, false);
    for (int k = 2; k >= 0; k -= 2) { /* three, one */
        snapshot_apply(&d, names[k]);
        memcpy(d.want, at[k], DISK);
        disk_compare(&d);
        check_clean(&d, false);
        random_step(&d);
    }
    snapshot_delete(&d, "two");
    check_clean(&d, false);
    disk_close(&d);
    qemu_agrees(&d);
    disk_open(&d, false);
    snapshot_delete(&d, "one");
    snapshot_delete(&d, "three");
    disk_compare(&d);
    disk_close(&d);
    disk_open(&d, true);
    check_clean(&d, true);
    disk_close(&d);
    qemu_agrees(&d);
    for (int k = 0; k < 3; k++) {
        g_free(at[k]);
    }
    disk_free(&d);
}

static void test_resize(void)
{
    Disk d = {0};
    g_autoptr(GError) error = NULL;
    uint8_t b[512] = {1}, got[512];

    disk_create(&d, &shapes[2], NULL);
    disk_open(&d, false);
    g_assert_cmpint(block_write(d.n, DISK - 512, b, 512), ==, 0);
    g_assert_true(block_truncate(d.n, 64u << 20, &error));
    g_assert_cmpint(block_write(d.n, (64u << 20) - 512, b, 512), ==, 0);
    g_assert_true(block_truncate(d.n, DISK - 512, &error));
    g_assert_true(block_truncate(d.n, DISK, &error));
    g_assert_cmpint(block_read(d.n, DISK - 512, got, 512), ==, 0);
    g_assert_true(got[0] == 0);
    disk_close(&d);
    qemu_agrees(&d);
    disk_free(&d);
}

/* Images that the reference made: random content, compressed as well. */
static void test_foreign(gconstpointer shape)
{
    const Shape *s = shape;
    Disk d = {.want = g_malloc0(DISK), .rand = g_rand_new_with_seed(7)};
    g_autofree char *out = NULL;

    if (!have_qemu_img()) {
        g_test_skip("no qemu-img");
        disk_free(&d);
        return;
    }
    for (size_t i = 0; i < DISK; i += 8192) {
        if (i / 8192 % 3 == 0) {
            fill(&d, d.want + i, 3000);
        } else if (i / 8192 % 3 == 1) {
            memset(d.want + i, (int)(i >> 13), 8192);
        }
    }
    g_assert_true(
        g_file_set_contents("want.raw", (const char *)d.want, DISK, NULL));
    for (int packed = 0; packed < 2; packed++) {
        g_autofree char *line = g_strdup_printf(
            "qemu-img convert -f raw -O qcow2 %s -o %s want.raw " NAME,
            packed ? "-c" : "", s->qemu);

        g_clear_pointer(&out, g_free);
        g_assert_cmpint(run(line, &out), ==, 0);
        disk_open(&d, true);
        disk_compare(&d);
        check_clean(&d, true);
        disk_close(&d);
        disk_open(&d, false);
        for (int i = 0; i < 40; i++) {
            random_step(&d);
        }
        disk_compare(&d);
        disk_close(&d);
        qemu_agrees(&d);
        g_assert_true(
            g_file_set_contents("want.raw", (const char *)d.want, DISK, NULL));
    }
    disk_free(&d);
}

static void test_refused(void)
{
    BlockGraph *g = block_graph_new();
    BlockMode mode = {.read_only = true};
    g_autofree char *out = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_set_contents(NAME, "no image at all", -1, NULL));
    g_assert_null(block_open_image(g, NAME, "qcow2", &mode, &error));
    g_assert_nonnull(strstr(error->message, "not in qcow2 format"));
    g_clear_error(&error);
    g_assert_null(block_open_image(g, "nowhere", NULL, &mode, &error));
    g_assert_nonnull(strstr(error->message, "No such file"));
    g_clear_error(&error);
    if (have_qemu_img()) {
        g_assert_cmpint(run("qemu-img create -f qcow2 -o data_file=d.raw " NAME
                            " 1M",
                            &out),
                        ==, 0);
        g_assert_null(block_open_image(g, NAME, NULL, &mode, &error));
        g_assert_nonnull(strstr(error->message, "data_file"));
        g_clear_error(&error);
        g_clear_pointer(&out, g_free);
        g_assert_cmpint(run("qemu-img create -f qcow2 --object "
                            "secret,id=s,data=x -o encrypt.format=luks,encrypt."
                            "key-secret=s,encrypt.iter-time=10 " NAME " 1M",
                            &out),
                        ==, 0);
        g_assert_null(block_open_image(g, NAME, NULL, &mode, &error));
        g_assert_nonnull(strstr(error->message, "encrypted"));
    }
    block_graph_free(g);
}

static void test_locked(void)
{
    Disk d = {0};
    BlockMode mode = {0};
    BlockGraph *g = block_graph_new();
    g_autofree char *out = NULL;
    g_autoptr(GError) error = NULL;

    disk_create(&d, &shapes[0], NULL);
    disk_open(&d, false);
    g_assert_null(block_open_image(g, NAME, "qcow2", &mode, &error));
    g_assert_nonnull(strstr(error->message, "in use"));
    g_clear_error(&error);
    mode.read_only = true;
    g_assert_null(block_open_image(g, NAME, "qcow2", &mode, &error));
    if (have_qemu_img()) {
        g_assert_cmpint(run("qemu-img info " NAME " #may-fail", &out), !=, 0);
    }
    disk_close(&d);
    disk_open(&d, true);
    g_clear_error(&error);
    block_unref(block_open_image(g, NAME, "qcow2", &mode, &error));
    g_assert_no_error(error);
    disk_close(&d);
    block_graph_free(g);
    disk_free(&d);
}

static void add_shapes(const char *what, GTestDataFunc fn)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path =
            g_strdup_printf("/qcow2/%s/%s", what, shapes[i].name);

        g_test_add_data_func(path, &shapes[i], fn);
    }
}

int main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("qcow2-XXXXXX", NULL);
    g_autofree char *remove = g_strdup_printf("rm -r %s", dir);
    int status;

    old_dir = g_get_current_dir();
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(chdir(dir), ==, 0);
    add_shapes("random", test_random);
    add_shapes("backing", test_backing);
    add_shapes("snapshots", test_snapshots);
    add_shapes("foreign", test_foreign);
    g_test_add_func("/qcow2/resize", test_resize);
    g_test_add_func("/qcow2/refused", test_refused);
    g_test_add_func("/qcow2/locked", test_locked);
    status = g_test_run();
    g_assert_cmpint(chdir(old_dir), ==, 0);
    run(remove, NULL);
    g_free(old_dir);
    return status;
}
