/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cut, damaged and hostile logs. Whatever the bytes are, replay ends in the
 * recorded states, at a cut, or in a diagnosis.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay/log_priv.h"
#include "tests/unit/replay_machine.h"

static const MachineSetup small = {
    .input_every = 150, .stop_at = 3000, .tick_ns = 1000, .frame_every = 10};

typedef struct Sample {
    char *file, *name; /* owned: path, and with commas doubled */
    char *bytes;       /* owned */
    gsize size;
    MachineRun run;
    uint64_t body, footer; /* offsets */
} Sample;

static void sample_play(const Sample *s, MachineRun *out)
{
    MachineSetup setup = small;

    setup.options = "3,rr=replay,rrfile=%s";
    setup.file = s->name;
    machine_run(&setup, out);
}

/* Not g_file_set_contents(): thousands of fsync() take minutes. */
static void sample_write(const Sample *s, const void *bytes, gsize size)
{
    FILE *f = g_fopen(s->file, "wb");

    g_assert_nonnull(f);
    g_assert_cmpuint(fwrite(bytes, 1, size, f), ==, size);
    g_assert_cmpint(fclose(f), ==, 0);
}

static void sample_init(Sample *s, const MachineSetup *setup)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(LogReader) reader = NULL;
    g_autofree char *dir = NULL;
    MachineSetup with = *setup;
    const LogIndex *x;
    const LogFrameInfo *f;

    s->file = machine_file();
    dir = g_path_get_dirname(s->file);
    s->name = g_strdup_printf("%s/log,,1.bin", dir);
    with.options = "3,sleep=off,rr=record,rrfile=%s,rrdigest=500";
    with.file = s->name;
    machine_run(&with, &s->run);
    g_assert_cmpint(s->run.result, ==, MACHINE_ENDED);
    g_file_get_contents(s->file, &s->bytes, &s->size, &error);
    g_assert_no_error(error);
    reader = log_reader_open(s->file, &error);
    g_assert_no_error(error);
    s->body = log_reader_header(reader)->body;
    x = log_reader_footer(reader);
    f = &g_array_index(x->frames, LogFrameInfo, x->frames->len - 1);
    s->footer = f->offset + LOG_FRAME_HEAD_BYTES + f->stored;
    g_assert_cmpuint(x->frames->len, >, 3);
}

static void sample_clear(Sample *s)
{
    machine_run_clear(&s->run);
    machine_file_free(s->file);
    g_free(s->name);
    g_free(s->bytes);
}

static bool same_states(const Sample *s, const MachineRun *r)
{
    return r->result == MACHINE_ENDED && r->icount == s->run.icount
           && r->digest == s->run.digest && r->inputs == s->run.inputs
           && r->virt_ns == s->run.virt_ns;
}

/* --- cut ---------------------------------------------------------------------- */

static void test_cut_anywhere(void)
{
    Sample s = {0};

    sample_init(&s, &small);
    for (gsize n = 0; n < s.size; n++) {
        MachineRun r;

        sample_write(&s, s.bytes, n);
        sample_play(&s, &r);
        if (n < s.body) {
            g_assert_cmpint(r.result, ==, MACHINE_REFUSED);
            g_assert_nonnull(r.text);
        } else if (n < s.footer) {
            g_assert_cmpint(r.result, ==, MACHINE_ENDED);
            g_assert_nonnull(strstr(r.text, "recording was cut: "));
            g_assert_cmpuint(r.icount, <=, s.run.icount);
        } else {
            g_assert_true(same_states(&s, &r));
        }
        machine_run_clear(&r);
    }
    sample_clear(&s);
}

/* --- flipped bits --------------------------------------------------------------- */

static void check_flip(const Sample *s, char *copy, gsize byte, unsigned bit)
{
    MachineRun r;

    copy[byte] ^= (char)(1 << bit);
    sample_write(s, copy, s->size);
    sample_play(s, &r);
    copy[byte] ^= (char)(1 << bit);
    if (!same_states(s, &r)) {
        g_assert_true(r.result == MACHINE_REFUSED
                      || r.result == MACHINE_DIVERGED);
        g_assert_nonnull(r.text);
    }
    if (byte >= s->body && byte < s->footer) {
        g_assert_cmpint(r.result, ==, MACHINE_DIVERGED);
        g_assert_nonnull(strstr(r.text, "the log is damaged: "));
        g_assert_nonnull(strstr(r.text, "offset "));
    }
    machine_run_clear(&r);
}

static void test_flip_each_byte(void)
{
    Sample s = {0};
    g_autofree char *copy = NULL;

    sample_init(&s, &small);
    copy = g_memdup2(s.bytes, s.size);
    for (gsize i = 0; i < s.size; i++) {
        check_flip(&s, copy, i, (unsigned)g_test_rand_int_range(0, 8));
    }
    sample_clear(&s);
}

/* Frames before the damaged one replay; the report says where it is. */
static void test_damage_is_placed(void)
{
    Sample s = {0};
    g_autofree char *copy = NULL;
    MachineRun r;

    sample_init(&s, &small);
    copy = g_memdup2(s.bytes, s.size);
    copy[s.footer - 1] ^= 1; /* the last frame */
    sample_write(&s, copy, s.size);
    sample_play(&s, &r);
    g_assert_cmpint(r.result, ==, MACHINE_DIVERGED);
    g_assert_cmpuint(r.icount, >, s.run.icount / 2);
    g_assert_nonnull(strstr(r.text, "a frame fails its checksum: offset"));
    machine_run_clear(&r);
    sample_clear(&s);
}

/* --- made by somebody who knows the checksums ------------------------------------- */

static void append_frame(GByteArray *out, uint32_t number, uint64_t seed,
                         GByteArray *payload, uint32_t entries, Moment first)
{
    LogFrame f = {.number = number};

    f.info.entries = entries;
    f.info.first = first;
    log_frame_pack(&f, payload, seed, out);
}

static GByteArray *random_payload(uint32_t *entries)
{
    GByteArray *p = g_byte_array_new();
    Moment last = {0, 0};
    Codec c;

    *entries = (uint32_t)g_test_rand_int_range(1, 8);
    codec_init_write(&c, p);
    for (uint32_t i = 0; i < *entries; i++) {
        uint8_t data[40];
        LogEntry e = {.kind = (uint32_t)g_test_rand_int_range(0, 6),
                      .at = last,
                      .data = data,
                      .size = (uint32_t)g_test_rand_int_range(0, 40)};

        for (unsigned k = 0; k < sizeof(data); k++) {
            data[k] = (uint8_t)g_test_rand_int_range(0, 256);
        }
        if (i > 0 && g_test_rand_bit()) {
            e.at.icount += (uint64_t)g_test_rand_int_range(0, 200);
            e.at.sequence = e.at.icount == last.icount ? last.sequence : 0;
        }
        log_entry_codec(&c, &last, &e);
    }
    for (int n = g_test_rand_int_range(0, 3); n > 0; n--) {
        p->data[g_test_rand_int_range(0, (gint32)p->len)] ^=
            (uint8_t)(1 << g_test_rand_int_range(0, 8));
    }
    return p;
}

static void test_valid_checksums(void)
{
    Sample s = {0};
    uint64_t seed;

    sample_init(&s, &small);
    memcpy(&seed, s.bytes + 28, sizeof(seed)); /* first half of the id */
    for (int i = 0; i < 1500; i++) {
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autoptr(GByteArray) payload = NULL;
        uint32_t entries;
        MachineRun r;

        payload = random_payload(&entries);
        g_byte_array_append(out, (guint8 *)s.bytes, (guint)s.body);
        append_frame(out, 0, seed, payload, entries, (Moment){0, 0});
        sample_write(&s, out->data, out->len);
        sample_play(&s, &r);
        g_assert_true(r.result == MACHINE_DIVERGED
                      || r.result == MACHINE_ENDED);
        machine_run_clear(&r);
    }
    sample_clear(&s);
}

static void check_frames(const Sample *s, const GByteArray *out,
                         const char *text)
{
    MachineRun r;

    sample_write(s, out->data, out->len);
    sample_play(s, &r);
    g_assert_cmpint(r.result, ==, MACHINE_DIVERGED);
    g_test_message("%s", r.text);
    g_assert_nonnull(strstr(r.text, text));
    machine_run_clear(&r);
}

static void test_frame_order(void)
{
    Sample s = {0};
    g_autoptr(GByteArray) mark = g_byte_array_new();
    g_autoptr(GByteArray) out = g_byte_array_new();
    Moment at = {501, 0}; /* no timer is due then */
    LogEntry e = {.kind = LOG_KIND_MARK, .at = at};
    uint64_t seed;
    Codec c;

    sample_init(&s, &small);
    memcpy(&seed, s.bytes + 28, sizeof(seed));
    codec_init_write(&c, mark);
    log_entry_codec(&c, &at, &e);
    g_byte_array_append(out, (guint8 *)s.bytes, (guint)s.body);
    append_frame(out, 0, seed, mark, 1, at);
    append_frame(out, 2, seed, mark, 1, at);
    check_frames(&s, out, "a frame is missing or repeated");
    g_byte_array_set_size(out, (guint)s.body);
    append_frame(out, 0, seed, mark, 1, at);
    append_frame(out, 1, seed, mark, 1, (Moment){401, 0});
    check_frames(&s, out, "a frame goes back in time");
    g_byte_array_set_size(out, (guint)s.body);
    append_frame(out, 0, seed, mark, 2, at);
    check_frames(&s, out, "a frame holds malformed entries");
    g_byte_array_set_size(out, (guint)s.body);
    append_frame(out, 0, seed + 1, mark, 1, at); /* another recording's */
    check_frames(&s, out, "the head of a frame fails its check");
    sample_clear(&s);
}

static void test_noise(void)
{
    Sample s = {0};

    sample_init(&s, &small);
    for (int i = 0; i < 800; i++) {
        gsize n = (gsize)g_test_rand_int_range(0, 600);
        gsize keep = g_test_rand_bit() ? s.body : 0;
        g_autofree char *noise = g_malloc(keep + n + 1);
        MachineRun r;

        memcpy(noise, s.bytes, keep);
        for (gsize k = 0; k < n; k++) {
            noise[keep + k] = (char)g_test_rand_int_range(0, 256);
        }
        sample_write(&s, noise, keep + n);
        sample_play(&s, &r);
        if (keep && n == 0) {
            g_assert_cmpint(r.result, ==, MACHINE_ENDED);
        } else if (keep && n >= LOG_FRAME_HEAD_BYTES) {
            g_assert_cmpint(r.result, ==, MACHINE_DIVERGED);
        } else if (keep) { /* too short for the head of a frame: a cut */
            g_assert_cmpint(r.result, ==, MACHINE_ENDED);
        } else {
            g_assert_cmpint(r.result, ==, MACHINE_REFUSED);
        }
        machine_run_clear(&r);
    }
    sample_clear(&s);
}

/* --- what happens to a recorder ----------------------------------------------------- */

static void test_disk_full(void)
{
    MachineSetup s = small;
    Sample sample = {0};
    MachineRun r;

    s.stop_at = 30000;
    s.disk_bytes = 4000;
    sample_init(&sample, &s);
    g_assert_cmpuint(sample.run.full, ==, 1);
    g_assert_cmpuint(sample.size, >, 4000);
    sample_play(&sample, &r);
    g_assert_true(same_states(&sample, &r));
    machine_run_clear(&r);
    sample_clear(&sample);
}

static void test_killed(void)
{
    char *file = machine_file();
    g_autofree char *dir = g_path_get_dirname(file);
    Sample s = {.file = file, .name = g_strdup_printf("%s/log,,1.bin", dir)};
    MachineSetup setup = small;
    struct stat st = {0};
    MachineRun r;
    pid_t pid;

    setup.options = "3,sleep=off,rr=record,rrfile=%s,rrdigest=500";
    setup.file = s.name;
    setup.stop_at = UINT64_MAX;
    setup.frame_every = 0; /* frames by age, as in life */
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        machine_run(&setup, &r);
        _exit(0);
    }
    while (st.st_size < 20000) {
        g_usleep(1000);
        g_stat(file, &st);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    sample_play(&s, &r);
    g_assert_cmpint(r.result, ==, MACHINE_ENDED);
    g_assert_nonnull(strstr(r.text, "recording was cut: "));
    g_assert_cmpuint(r.inputs, >, 100);
    machine_run_clear(&r);
    machine_file_free(file);
    g_free(s.name);
}

/* A log that was cut gets a footer; what remains replays. */
static void test_copy(void)
{
    g_autoptr(LogReader) reader = NULL;
    g_autoptr(LogIndex) x = log_index_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *copy = NULL;
    Sample s = {0};
    MachineRun r;
    LogEntry e;

    sample_init(&s, &small);
    copy = g_strconcat(s.file, ".new", NULL);
    sample_write(&s, s.bytes, s.footer - 3);
    reader = log_reader_open(s.file, &error);
    g_assert_no_error(error);
    g_assert_null(log_reader_footer(reader));
    while (log_reader_next(reader, &e)) {
        LogFrameInfo f = *log_reader_frame(reader);

        if (x->frames->len == 0
            || g_array_index(x->frames, LogFrameInfo, x->frames->len - 1).offset
                   != f.offset) {
            g_array_append_val(x->frames, f);
        }
        g_assert_true(log_index_entry(x, &e));
    }
    g_assert_false(log_reader_check_end(reader, &error));
    g_clear_error(&error);
    g_assert_true(log_reader_copy(reader, x, copy, &error));
    g_clear_pointer(&reader, log_reader_free);
    g_rename(copy, s.file);
    reader = log_reader_open(s.file, &error);
    g_assert_no_error(error);
    g_assert_nonnull(log_reader_footer(reader));
    while (log_reader_next(reader, &e)) {
    }
    g_assert_true(log_reader_check_end(reader, &error));
    g_clear_pointer(&reader, log_reader_free);
    sample_play(&s, &r);
    g_assert_cmpint(r.result, ==, MACHINE_ENDED);
    g_assert_cmpuint(r.icount, >, 2000);
    machine_run_clear(&r);
    sample_clear(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/replay-damage/cut", test_cut_anywhere);
    g_test_add_func("/replay-damage/flip", test_flip_each_byte);
    g_test_add_func("/replay-damage/placed", test_damage_is_placed);
    g_test_add_func("/replay-damage/valid-checksums", test_valid_checksums);
    g_test_add_func("/replay-damage/frame-order", test_frame_order);
    g_test_add_func("/replay-damage/noise", test_noise);
    g_test_add_func("/replay-damage/disk-full", test_disk_full);
    g_test_add_func("/replay-damage/killed", test_killed);
    g_test_add_func("/replay-damage/copy", test_copy);
    return g_test_run();
}
