/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going back and running on again ends as the straight run did. */
#include <glib/gstdio.h>
#include <string.h>

#include "replay/page_map_priv.h"
#include "tests/unit/replay_machine.h"

#define MIB (1u << 20)

/* --- contents -------------------------------------------------------------------- */

static void page_fill(uint8_t *page, uint32_t n)
{
    for (uint32_t i = 0; i < GUEST_PAGE_SIZE; i += 4) {
        uint32_t v = i % 64 == 0 ? n * 2654435761u + i : n; /* packs 8:1 */

        memcpy(page + i, &v, sizeof(v));
    }
}

static void check_blob(PageStore *s, PageBlob *b, uint32_t n)
{
    uint8_t expected[GUEST_PAGE_SIZE], room[GUEST_PAGE_SIZE];
    g_autoptr(GError) error = NULL;

    page_fill(expected, n);
    g_assert_true(page_blob_warm(s, b, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(page_blob_read(s, b, room), GUEST_PAGE_SIZE, expected,
                    GUEST_PAGE_SIZE);
}

static void test_same_is_one(void)
{
    PageStore *s = page_store_new(MIB);
    uint8_t page[GUEST_PAGE_SIZE] = {0};
    PageBlob *zero = page_store_put(s, page), *a, *b;
    PageStoreStats stats;

    g_assert_true(page_store_put(s, page) == zero);
    page_fill(page, 7);
    a = page_store_put(s, page);
    b = page_store_put(s, page);
    g_assert_true(a == b && a != zero);
    page_store_stats(s, &stats);
    g_assert_cmpuint(stats.plain, ==, 1);
    page_blob_unref(s, a);
    check_blob(s, b, 7);
    page_blob_unref(s, b);
    page_blob_unref(s, zero);
    page_blob_unref(s, zero);
    page_store_stats(s, &stats);
    g_assert_cmpuint(stats.plain, ==, 0);
    g_assert_cmpuint(stats.bytes, ==, 0);
    page_store_free(s);
}

/* Far more than the budget: compressed, then in the file, and still right. */
static void test_cold_ones(void)
{
    enum {
        COUNT = 4000
    };
    PageStore *s = page_store_new(MIB);
    g_autofree PageBlob **blob = g_new(PageBlob *, COUNT);
    uint8_t page[GUEST_PAGE_SIZE];
    PageStoreStats stats;

    for (uint32_t i = 0; i < COUNT; i++) {
        page_fill(page, i + 1);
        blob[i] = page_store_put(s, page);
        if (i % 16 == 0) {
            page_store_tend(s);
        }
    }
    for (int i = 0; i < 200; i++) {
        page_store_tend(s);
        page_store_settle(s);
    }
    page_store_stats(s, &stats);
    g_test_message("%" PRIu64 " plain, %" PRIu64 " packed, %" PRIu64 " spilled",
                   stats.plain, stats.packed, stats.spilled);
    g_assert_cmpuint(stats.spilled, >, COUNT / 4);
    g_assert_cmpuint(stats.bytes, <=, MIB);
    for (uint32_t i = 0; i < COUNT; i += 2) {
        check_blob(s, blob[i], i + 1);
        page_blob_unref(s, blob[i]);
    }
    for (uint32_t i = 1; i < COUNT; i += 2) {
        page_store_tend(s);
        check_blob(s, blob[i], i + 1);
        page_blob_unref(s, blob[i]);
    }
    page_store_settle(s);
    page_store_stats(s, &stats);
    g_assert_cmpuint(stats.bytes, ==, 0);
    g_assert_cmpuint(stats.spilled_bytes, ==, 0);
    page_store_free(s);
}

/* --- maps --------------------------------------------------------------------------- */

typedef struct Differ {
    GArray *pages;
} Differ;

static void differ(void *opaque, RamPage page, PageVersion *a, PageVersion *b)
{
    g_assert_true(a != b);
    g_array_append_val(((Differ *)opaque)->pages, page);
}

static void test_maps(void)
{
    enum {
        PAGES = 5000
    };
    PageStore *s = page_store_new(MIB);
    PageMaps m;
    PageNode *a = NULL, *b;
    Differ d = {g_array_new(FALSE, FALSE, sizeof(RamPage))};
    static const RamPage some[] = {0, 31, 32, 1024, 4999};
    PageStoreStats stats;

    page_maps_init(&m, s, PAGES);
    for (RamPage i = 0; i < PAGES; i++) {
        page_map_renew(&m, &a, i);
    }
    b = page_map_ref(a);
    for (unsigned i = 0; i < G_N_ELEMENTS(some); i++) {
        PageVersion *old = page_map_get(&m, a, some[i]);

        page_map_renew(&m, &b, some[i]);
        g_assert_true(page_map_get(&m, a, some[i]) == old);
        g_assert_true(page_map_get(&m, b, some[i]) != old);
    }
    page_map_diff(&m, a, b, differ, &d);
    g_assert_cmpmem(d.pages->data, d.pages->len * sizeof(RamPage), some,
                    sizeof(some));
    page_map_unref(&m, a);
    page_map_unref(&m, b);
    page_store_stats(s, &stats);
    g_assert_cmpuint(stats.bytes, ==, 0);
    page_store_free(s);
    g_array_free(d.pages, TRUE);
}

/* --- a machine ------------------------------------------------------------------------ */

static MachineRun run(MachineSetup s, const char *file, const char *options)
{
    g_auto(GStrv) parts = g_strsplit(file, ",", -1);
    g_autofree char *name = g_strjoinv(",,", parts);
    MachineRun out;

    s.options = options;
    s.file = name;
    machine_run(&s, &out);
    return out;
}

static void check_play(MachineSetup s, const char *file, const MachineRun *a,
                       const char *options, uint64_t rewinds)
{
    MachineRun b = run(s, file, options);

    g_test_message("%s: %s", options, b.text ? b.text : "no report");
    g_assert_cmpint(b.result, ==, MACHINE_ENDED);
    g_assert_cmpuint(a->icount, ==, b.icount);
    g_assert_cmpint(a->virt_ns, ==, b.virt_ns);
    g_assert_cmpuint(a->inputs, ==, b.inputs);
    g_assert_cmphex(a->digest, ==, b.digest);
    g_assert_cmpuint(b.restored, >=, rewinds);
    machine_run_clear(&b);
}

#define PLAY "shift=3,rr=replay,rrfile=%s"

static void check_rewinds(MachineSetup s, const char *record)
{
    char *file = machine_file();
    MachineRun a = run(s, file, record);

    g_assert_cmpint(a.result, ==, MACHINE_ENDED);
    check_play(s, file, &a, PLAY, 0);
    check_play(s, file, &a, PLAY ",rrtest-every=1000,rrtest-rewinds=200", 100);
    s.extra_slice = 97;
    check_play(s, file, &a, PLAY ",rrtest-every=3700,rrtest-rewinds=50", 20);
    check_play(s, file, &a,
               PLAY ",rrmem=1M,rrtest-every=500,rrtest-rewinds=100", 50);
    machine_run_clear(&a);
    machine_file_free(file);
}

static void test_inputs(void)
{
    MachineSetup s = {.input_every = 300, .stop_at = 60000, .tick_ns = 5000};

    check_rewinds(s, "shift=3,sleep=off,rrdigest=5000,rr=record,rrfile=%s");
}

static void test_frames(void)
{
    MachineSetup s = {.input_every = 100,
                      .stop_at = 60000,
                      .tick_ns = 5000,
                      .frame_every = 300};

    check_rewinds(s, "shift=3,sleep=off,rrdigest=full,rr=record,rrfile=%s");
}

static void test_switched_off(void)
{
    MachineSetup s = {.input_every = 300, .off_at = 40001, .tick_ns = 5000};

    check_rewinds(s, "shift=3,sleep=off,rrdigest=333,rr=record,rrfile=%s");
}

static void test_no_digests(void)
{
    MachineSetup s = {.input_every = 3000, .stop_at = 90000, .tick_ns = 700};

    check_rewinds(s, "shift=3,sleep=off,rrdigest=off,rr=record,rrfile=%s");
}

/* Those of the recorder serve a replay, which may go forward to them. */
static void test_kept(void)
{
    MachineSetup s = {.input_every = 300, .stop_at = 60000, .tick_ns = 5000};
    char *file = machine_file();
    g_autofree char *beside = g_strconcat(file, ".checkpoints", NULL);
    MachineRun a = run(s, file,
                       "shift=3,sleep=off,rrdigest=5000,rrcheckpoints=on,"
                       "rrtest-every=900,rr=record,rrfile=%s");
    g_autofree char *bytes = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(beside, &bytes, &size, NULL));
    for (int i = 0; i < 4; i++) {
        check_play(s, file, &a, PLAY ",rrtest-every=1000,rrtest-rewinds=100",
                   5);
        s.extra_slice = 100;
    }
    check_play(s, file, &a, PLAY, 0);
    for (gsize at = 0; at < size; at += size / 40) { /* damage: no matter */
        bytes[at] ^= 4;
        g_assert_true(g_file_set_contents(beside, bytes, (gssize)size, NULL));
        check_play(s, file, &a, PLAY ",rrtest-every=2000,rrtest-rewinds=20", 1);
        bytes[at] ^= 4;
    }
    g_assert_true(g_file_set_contents(beside, bytes, (gssize)size / 2, NULL));
    check_play(s, file, &a, PLAY, 0);
    g_unlink(beside);
    machine_run_clear(&a);
    machine_file_free(file);
}

/* Going back does not hide a difference. */
static void test_difference(void)
{
    MachineSetup s = {.stop_at = 50000, .tick_ns = 5000};
    char *file = machine_file();
    MachineRun a =
        run(s, file, "shift=3,sleep=off,rrdigest=1000,rr=record,rrfile=%s");
    MachineRun b;

    s.wrong_write = 30000;
    b = run(s, file, PLAY ",rrtest-every=1500,rrtest-rewinds=30");
    g_test_message("%s", b.text);
    g_assert_cmpint(b.result, ==, MACHINE_DIVERGED);
    g_assert_nonnull(strstr(b.text, "last good digest point: 29"));
    machine_run_clear(&a);
    machine_run_clear(&b);
    machine_file_free(file);
}

static void test_options(void)
{
    ReplayOptions o = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(replay_options_parse(
        &o, "3,rr=record,rrfile=f,rrmem=64M,rrcheckpoints=on", &error));
    g_assert_no_error(error);
    g_assert_cmpuint(o.memory, ==, 64 * MIB);
    g_assert_true(o.checkpoints);
    g_assert_false(
        replay_options_parse(&o, "3,rr=replay,rrfile=f,rrmem=lots", &error));
    g_assert_nonnull(strstr(error->message, "rrmem=lots"));
    replay_options_clear(&o);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/checkpoint/contents/same", test_same_is_one);
    g_test_add_func("/checkpoint/contents/cold", test_cold_ones);
    g_test_add_func("/checkpoint/maps", test_maps);
    g_test_add_func("/checkpoint/options", test_options);
    g_test_add_func("/checkpoint/inputs", test_inputs);
    g_test_add_func("/checkpoint/frames", test_frames);
    g_test_add_func("/checkpoint/off", test_switched_off);
    g_test_add_func("/checkpoint/no-digests", test_no_digests);
    g_test_add_func("/checkpoint/kept", test_kept);
    g_test_add_func("/checkpoint/difference", test_difference);
    return g_test_run();
}
