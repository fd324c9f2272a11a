/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -icount as people type it, and the controller of shift=auto. */
#include <string.h>

#include "replay/options_priv.h"
#include "replay/pace_priv.h"

typedef struct Accepted {
    const char *text;
    ReplayOptions o;
} Accepted;

/* clang-format off */
static const Accepted accepted[] = {
    {"3", {.icount = true, .shift = 3, .shift_set = true, .sleep = true}},
    {"0", {.icount = true, .shift = 0, .shift_set = true, .sleep = true}},
    {"shift=10", {.icount = true, .shift = 10, .shift_set = true, .sleep = true}},
    {"auto", {.icount = true, .shift_auto = true, .shift = 3, .shift_set = true, .sleep = true}},
    {"shift=auto,sleep=off", {.icount = true, .shift_auto = true, .shift = 3, .shift_set = true, .sleep_set = true}},
    {"sleep=off,shift=7", {.icount = true, .shift = 7, .shift_set = true, .sleep_set = true}},
    {"7,align=on", {.icount = true, .shift = 7, .shift_set = true, .sleep = true, .align_set = true, .align = true}},
    {"7,align=off,sleep=off", {.icount = true, .shift = 7, .shift_set = true, .sleep_set = true, .align_set = true}},
    {"sleep=off", {.sleep_set = true, .shift = 3}},
    {"7,rr=record,rrfile=a", {.icount = true, .shift = 7, .shift_set = true, .sleep = true, .mode = REPLAY_RECORD, .file = (char *)"a"}},
    {"shift=auto,rr=replay,rrfile=/x/a,,b=c.bin", {.icount = true, .shift_auto = true, .shift = 3, .shift_set = true, .sleep = true, .mode = REPLAY_PLAY, .file = (char *)"/x/a,b=c.bin"}},
    {"7,rr=record,rrfile=a,rrdigest=12345,rrembed=on", {.icount = true, .shift = 7, .shift_set = true, .sleep = true, .mode = REPLAY_RECORD, .file = (char *)"a", .digest_every = 12345, .embed = true}},
    {"7,rr=record,rrfile=a,rrdigest=full", {.icount = true, .shift = 7, .shift_set = true, .sleep = true, .mode = REPLAY_RECORD, .file = (char *)"a", .digest_full = true}},
    {"7,rr=record,rrfile=a,rrdigest=9,rrdigest=full", {.icount = true, .shift = 7, .shift_set = true, .sleep = true, .mode = REPLAY_RECORD, .file = (char *)"a", .digest_every = 9, .digest_full = true}},
};

static const struct {
    const char *text, *message;
} refused[] = {
    {"11", "shift=11: 0 to 10, or auto"},
    {"-1", "shift=-1: 0 to 10"},
    {"3x", "shift=3x"},
    {"shift=", "shift=: 0 to 10"},
    {"sleep", "shift=sleep"},
    {"3,sleep=maybe", "sleep=maybe: on or off"},
    {"3,slep=on", "unknown option 'slep', did you mean 'sleep'?"},
    {"3,rrfil=x", "did you mean 'rrfile'?"},
    {"3,xyzzy=1", "unknown option 'xyzzy'"},
    {"rr=record,rrfile=x", "rr= needs shift="},
    {"align=on", "align= needs shift="},
    {"3,rr=record", "rr= needs rrfile="},
    {"3,rr=record,rrfile=", "rr= needs rrfile="},
    {"3,rr=rewind,rrfile=x", "rr=rewind: record or replay"},
    {"3,align=on,sleep=off", "align=on and sleep=off"},
    {"auto,align=on", "align=on and shift=auto"},
    {"3,rrdigest=0", "rrdigest=0"},
    {"3,rrdigest=often", "rrdigest=often"},
    {"3,rrsnapshot=init", "rrsnapshot= needs rr="},
};
/* clang-format on */

static void test_accepted(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(accepted); i++) {
        const ReplayOptions *e = &accepted[i].o;
        g_autoptr(GError) error = NULL;
        ReplayOptions o = {0};
        uint64_t every =
            e->digest_every ? e->digest_every : REPLAY_DIGEST_EVERY;

        g_test_message("%s", accepted[i].text);
        replay_options_parse(&o, accepted[i].text, &error);
        g_assert_no_error(error);
        g_assert_cmpint(o.mode, ==, e->mode);
        g_assert_cmpstr(o.file, ==, e->file);
        g_assert_cmpint(o.icount, ==, e->icount);
        g_assert_cmpint(o.shift_auto, ==, e->shift_auto);
        g_assert_cmpint(o.shift, ==, e->shift);
        g_assert_cmpint(o.shift_set, ==, e->shift_set);
        g_assert_cmpint(o.sleep_set, ==, e->sleep_set);
        g_assert_cmpint(o.align_set, ==, e->align_set);
        g_assert_cmpint(o.sleep, ==, e->sleep);
        g_assert_cmpint(o.align, ==, e->align);
        g_assert_cmpuint(o.digest_every, ==, every);
        g_assert_cmpint(o.digest_full, ==, e->digest_full);
        g_assert_cmpint(o.embed, ==, e->embed);
        replay_options_clear(&o);
    }
}

static void test_digest_off(void)
{
    g_autoptr(GError) error = NULL;
    ReplayOptions o = {0};

    replay_options_parse(&o, "3,rrdigest=off", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(o.digest_every, ==, 0);
    replay_options_clear(&o);
}

static void test_refused(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        ReplayOptions o = {.shift = 99};

        g_assert_false(replay_options_parse(&o, refused[i].text, &error));
        g_assert_nonnull(error);
        g_test_message("%s: %s", refused[i].text, error->message);
        g_assert_nonnull(strstr(error->message, refused[i].message));
        g_assert_cmpint(o.shift, ==, 99); /* outputs are untouched */
    }
}

/* --- the controller ----------------------------------------------------------------- */

/* The further the guest is ahead, the slower its clock; never negative, never
 * out of bounds; in step: exactly the measured speed. */
static void test_rate_law(void)
{
    uint64_t last = UINT64_MAX;

    for (int64_t ahead = -1000000000; ahead <= 1000000000; ahead += 1000000) {
        uint64_t rate = pace_rate(4.0, ahead);

        g_assert_cmpuint(rate, <=, last);
        g_assert_cmpuint(rate, >, 0);
        last = rate;
    }
    g_assert_cmphex(pace_rate(4.0, 0), ==, 4ull << 32);
    g_assert_cmphex(pace_rate(1e12, 0), ==, 1024ull << 32);
    g_assert_cmphex(pace_rate(1e-12, 0), ==, 1ull << 28);
}

/* A model host: each step takes host_ns; the guest must stay near the host
 * although its speed changes. Host time here is a number, not a clock. */
static void test_rate_keeps_up(void)
{
    static const double speed[] = {8.0, 2.0, 0.5, 30.0, 4.0};
    double virt = 0, host = 0, rate = 8.0;

    for (size_t phase = 0; phase < G_N_ELEMENTS(speed); phase++) {
        for (int tenth = 0; tenth < 30; tenth++) {
            double steps = 1e8 / speed[phase];

            host += 1e8;
            virt += steps * rate;
            rate = (double)pace_rate(speed[phase], (int64_t)(virt - host))
                   / 4294967296.0;
        }
        g_assert_cmpfloat(virt - host, <, 100e6);
        g_assert_cmpfloat(host - virt, <, 100e6);
    }
}

/* Time while stopped does not count. */
static void test_stopped_time(void)
{
    Vm *vm = vm_new();
    Pace p;

    pace_init(&p);
    pace_resume(&p, vm, (HostTime){p.stopped_at.ns + 5000});
    g_assert_cmpint(pace_ahead(&p, vm, (HostTime){p.base_active + 5000}), ==,
                    0);
    pace_stop(&p, (HostTime){p.base_active + p.stopped_ns + 700});
    g_assert_cmpint(pace_active(&p, (HostTime){INT64_MAX}), ==,
                    p.base_active + 700);
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replay-options/accepted", test_accepted);
    g_test_add_func("/replay-options/digest-off", test_digest_off);
    g_test_add_func("/replay-options/refused", test_refused);
    g_test_add_func("/replay-pace/law", test_rate_law);
    g_test_add_func("/replay-pace/keeps-up", test_rate_keeps_up);
    g_test_add_func("/replay-pace/stopped", test_stopped_time);
    return g_test_run();
}
