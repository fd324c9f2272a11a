/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording replays to the same states, or says why it cannot. */
#include <glib/gstdio.h>
#include <string.h>

#include "tests/unit/replay_machine.h"

static char *escaped(const char *file)
{
    char **parts = g_strsplit(file, ",", -1);
    char *out = g_strjoinv(",,", parts);

    g_strfreev(parts);
    return out;
}

static MachineRun run(MachineSetup s, const char *file, const char *options)
{
    g_autofree char *name = escaped(file);
    MachineRun out;

    s.options = options;
    s.file = name;
    machine_run(&s, &out);
    return out;
}

#define RECORD(icount) icount ",rr=record,rrfile=%s"
#define PLAY(icount) icount ",rr=replay,rrfile=%s"

static void check_same(const MachineRun *a, const MachineRun *b)
{
    if (b->result != MACHINE_ENDED) {
        g_test_message("%s", b->text);
    }
    g_assert_cmpint(b->result, ==, MACHINE_ENDED);
    g_assert_cmpuint(a->icount, ==, b->icount);
    g_assert_cmpint(a->virt_ns, ==, b->virt_ns);
    g_assert_cmpuint(a->inputs, ==, b->inputs);
    g_assert_cmphex(a->digest, ==, b->digest);
}

static void check_pair(MachineSetup s, const char *record, const char *play)
{
    char *file = machine_file();
    MachineRun a = run(s, file, record), b;

    g_assert_cmpint(a.result, ==, MACHINE_ENDED);
    b = run(s, file, play);
    check_same(&a, &b);
    machine_run_clear(&b);
    s.extra_slice = 97; /* block shapes and polls may differ */
    b = run(s, file, play);
    check_same(&a, &b);
    machine_run_clear(&a);
    machine_run_clear(&b);
    machine_file_free(file);
}

static void test_inputs(void)
{
    MachineSetup s = {.input_every = 300, .stop_at = 200000, .tick_ns = 5000};

    for (int i = 0; i < 5; i++) {
        check_pair(s, RECORD("shift=3,sleep=off,rrdigest=5000"),
                   PLAY("shift=3"));
    }
}

static void test_no_timer(void)
{
    MachineSetup s = {.input_every = 300, .stop_at = 50000};

    check_pair(s, RECORD("shift=0,sleep=off,rrdigest=777"), PLAY("shift=0"));
}

static void test_no_inputs(void)
{
    MachineSetup s = {.stop_at = 100000, .tick_ns = 12345};

    check_pair(s, RECORD("shift=2,sleep=off,rrdigest=full"),
               PLAY("shift=2,sleep=off"));
}

static void test_nothing_but_steps(void)
{
    MachineSetup s = {.stop_at = 100000};

    check_pair(s, RECORD("shift=10,rrdigest=off"), PLAY("shift=10"));
}

static void test_rate_changes(void)
{
    MachineSetup s = {
        .input_every = 5000, .stop_at = 6000000, .tick_ns = 200000};
    char *file = machine_file();
    MachineRun a = run(s, file, RECORD("auto,sleep=off")), b;

    g_assert_cmpint(a.result, ==, MACHINE_ENDED);
    b = run(s, file, PLAY("auto"));
    check_same(&a, &b);
    machine_run_clear(&a);
    machine_run_clear(&b);
    machine_file_free(file);
}

/* Real waiting: idle phases that inputs cut short. */
static void test_sleeping(void)
{
    MachineSetup s = {.input_every = 400, .stop_at = 60000, .tick_ns = 100000};

    check_pair(s, RECORD("shift=3,sleep=on,rrdigest=5000"),
               PLAY("shift=3,sleep=on"));
}

static void test_guest_switches_off(void)
{
    MachineSetup s = {.input_every = 300, .off_at = 70001, .tick_ns = 5000};

    check_pair(s, RECORD("shift=3,sleep=off"), PLAY("shift=3"));
}

static void test_without_log(void)
{
    MachineSetup s = {.input_every = 300, .stop_at = 50000, .tick_ns = 5000};
    MachineRun a = run(s, "", NULL);

    g_assert_cmpint(a.result, ==, MACHINE_ENDED);
    g_assert_cmpuint(a.inputs, >, 10);
    machine_run_clear(&a);
}

/* --- diagnosis ---------------------------------------------------------------- */

static void check_text(MachineRun *r, MachineResult result, const char *text)
{
    g_test_message("%s", r->text ? r->text : "(nothing)");
    g_assert_cmpint(r->result, ==, result);
    g_assert_nonnull(r->text);
    g_assert_nonnull(strstr(r->text, text));
    machine_run_clear(r);
}

static const MachineSetup basic = {
    .input_every = 300, .stop_at = 50000, .tick_ns = 5000, .kernel = true};

static void check_wrong(MachineSetup s, const char *digest, const char *text)
{
    char *file = machine_file();
    g_autofree char *options =
        g_strdup_printf("3,sleep=off,rr=record,rrfile=%%s,%s", digest);
    MachineRun r = run(basic, file, options);

    g_assert_cmpint(r.result, ==, MACHINE_ENDED);
    machine_run_clear(&r);
    r = run(s, file, PLAY("3"));
    check_text(&r, MACHINE_DIVERGED, text);
    machine_file_free(file);
}

static void test_wrong_step(void)
{
    MachineSetup s = basic;

    s.wrong_at = 20000;
    check_wrong(s, "rrdigest=1000", "vCPU /cpu (test-cpu): expected");
    check_wrong(s, "rrdigest=full,rrdigest=1000", "    acc: expected 0x");
}

static void test_wrong_page(void)
{
    MachineSetup s = basic;

    s.wrong_write = 20000;
    check_wrong(s, "rrdigest=1000", "RAM from 'ram' page 0x");
    check_wrong(s, "rrdigest=full,rrdigest=1000", "\n    'ram' page 0x");
}

static void test_other_end(void)
{
    MachineSetup s = basic;

    s.off_at = 20000;
    check_wrong(s, "rrdigest=1000",
                "switches off here (guest-shutdown), but "
                "the log goes on");
}

/* Without its timer the guest stays halted: a report, not a wait. */
static void test_halted_for_ever(void)
{
    MachineSetup s = basic, silent = basic;
    char *file = machine_file();
    MachineRun r;

    s.input_every = 0;
    r = run(s, file, RECORD("3,sleep=off,rrdigest=off"));
    g_assert_cmpint(r.result, ==, MACHINE_ENDED);
    machine_run_clear(&r);
    silent.tick_ns = 0;
    r = run(silent, file, PLAY("3"));
    check_text(&r, MACHINE_DIVERGED, "no timer is armed, but the log goes on");
    machine_file_free(file);
}

static void test_other_machine(void)
{
    MachineSetup s = basic;
    char *file = machine_file();
    MachineRun r = run(s, file, RECORD("3,sleep=off"));

    machine_run_clear(&r);
    s.ram = "512K";
    r = run(s, file, PLAY("3"));
    check_text(&r, MACHINE_REFUSED, "ram: recorded 256K, this machine 512K");
    s = basic;
    s.other_kernel = true;
    r = run(s, file, PLAY("3"));
    check_text(&r, MACHINE_REFUSED, "kernel: another content: recorded 3");
    s.kernel = false;
    r = run(s, file, PLAY("3"));
    check_text(&r, MACHINE_REFUSED,
               "kernel: recorded with, this machine without");
    r = run(basic, file, PLAY("4"));
    check_text(&r, MACHINE_REFUSED,
               "icount shift: recorded 3, the command line says 4");
    r = run(basic, file, PLAY("auto"));
    check_text(&r, MACHINE_REFUSED, "recorded 3, the command line says auto");
    r = run(basic, file, PLAY("3,sleep=on"));
    check_text(&r, MACHINE_REFUSED, "icount sleep: recorded off");
    machine_file_free(file);
}

static void test_files(void)
{
    char *file = machine_file();
    g_autofree char *dir = g_path_get_dirname(file);
    MachineRun r = run(basic, dir, RECORD("3"));

    check_text(&r, MACHINE_REFUSED, "cannot be opened for writing");
    r = run(basic, "/dev/null", RECORD("3"));
    check_text(&r, MACHINE_REFUSED, "not a regular file");
    r = run(basic, dir, PLAY("3"));
    check_text(&r, MACHINE_REFUSED, "not a regular file");
    r = run(basic, file, PLAY("3"));
    check_text(&r, MACHINE_REFUSED, "cannot be opened");
    g_file_set_contents(file, "", 0, NULL);
    r = run(basic, file, PLAY("3"));
    check_text(&r, MACHINE_REFUSED, "the file is empty");
    g_file_set_contents(file,
                        "hello, this is no recording at all, is it? "
                        "No, and it never was one.",
                        -1, NULL);
    r = run(basic, file, PLAY("3"));
    check_text(&r, MACHINE_REFUSED, "not a Reprise recording");
    machine_file_free(file);
}

/* One log, one user who writes. */
static void test_lock(void)
{
    char *file = machine_file();
    g_autofree char *name = escaped(file);
    g_autofree char *text = g_strdup_printf("3,rr=record,rrfile=%s", name);
    ReplayOptions o = {0};
    g_autoptr(GError) error = NULL;
    Vm *vm = vm_new();
    Replay *r;
    MachineRun run2;

    g_assert_true(replay_options_parse(&o, text, &error));
    g_assert_cmpstr(o.file, ==, file); /* ",," is one comma */
    r = replay_new(vm, &o, &error);
    g_assert_no_error(error);
    run2 = run(basic, file, RECORD("3"));
    check_text(&run2, MACHINE_REFUSED, "in use by another program");
    run2 = run(basic, file, PLAY("3"));
    check_text(&run2, MACHINE_REFUSED, "still being recorded");
    replay_free(r);
    replay_options_clear(&o);
    vm_free(vm);
    machine_file_free(file);
}

static void test_refuse_action(void)
{
    char *file = machine_file();
    MachineRun r = run(basic, file, RECORD("3,sleep=off"));
    ReplayOptions o = {.mode = REPLAY_PLAY, .file = file};
    g_autoptr(GError) error = NULL;
    Vm *vm = vm_new();
    Replay *play = replay_new(vm, &o, &error);
    GBytes *firmware;

    g_assert_no_error(error);
    g_assert_true(replay_refuse_action(play, "sendkey", &error));
    g_assert_cmpstr(error->message, ==,
                    "sendkey changes the machine; in replay it comes from the "
                    "recording");
    g_assert_cmpuint(replay_end_icount(play), ==, r.icount);
    firmware = replay_blob(play, "firmware");
    g_assert_cmpmem(g_bytes_get_data(firmware, NULL),
                    g_bytes_get_size(firmware), "firmware bytes", 14);
    g_assert_null(replay_blob(play, "kernel"));
    replay_free(play);
    vm_free(vm);
    machine_run_clear(&r);
    machine_file_free(file);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replay/inputs", test_inputs);
    g_test_add_func("/replay/no-timer", test_no_timer);
    g_test_add_func("/replay/no-inputs", test_no_inputs);
    g_test_add_func("/replay/nothing-but-steps", test_nothing_but_steps);
    g_test_add_func("/replay/rate-changes", test_rate_changes);
    g_test_add_func("/replay/sleeping", test_sleeping);
    g_test_add_func("/replay/guest-off", test_guest_switches_off);
    g_test_add_func("/replay/without-log", test_without_log);
    g_test_add_func("/replay/wrong-step", test_wrong_step);
    g_test_add_func("/replay/wrong-page", test_wrong_page);
    g_test_add_func("/replay/other-end", test_other_end);
    g_test_add_func("/replay/halted", test_halted_for_ever);
    g_test_add_func("/replay/other-machine", test_other_machine);
    g_test_add_func("/replay/files", test_files);
    g_test_add_func("/replay/lock", test_lock);
    g_test_add_func("/replay/refuse", test_refuse_action);
    return g_test_run();
}
