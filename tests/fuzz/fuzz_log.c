/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording with edits, for the reader and for replay. The first byte: edits
 * of the file, or frames with correct checksums and edited payloads. Whatever
 * comes, it ends in the recorded states, at a cut, or in a diagnosis.
 */
#include <glib/gstdio.h>
#include <unistd.h>

#include "replay/log_priv.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/replay_machine.h"

#define EDITS_MAX 64
#define FRAMES_MAX 6

static const MachineSetup setup = {
    .input_every = 150, .stop_at = 3000, .tick_ns = 1000, .frame_every = 10};

typedef struct Sample {
    char *file, *name; /* owned: path; with its comma doubled */
    uint8_t *bytes;    /* owned */
    gsize size;
    uint64_t body, footer;
} Sample;

static char *sample_path; /* owned: removed at exit */

static void sample_remove(void)
{
    machine_file_free(sample_path);
}

static const Sample *sample(void)
{
    static Sample s;
    g_autoptr(LogReader) reader = NULL;
    g_autofree char *dir = NULL;
    MachineSetup with = setup;
    MachineRun run;
    const LogIndex *x;
    const LogFrameInfo *f;

    if (s.file) {
        return &s;
    }
    s.file = sample_path = machine_file();
    atexit(sample_remove);
    dir = g_path_get_dirname(s.file);
    s.name = g_strdup_printf("%s/log,,1.bin", dir);
    with.options = "3,sleep=off,rr=record,rrfile=%s,rrdigest=500";
    with.file = s.name;
    machine_run(&with, &run);
    g_assert_cmpint(run.result, ==, MACHINE_ENDED);
    machine_run_clear(&run);
    g_assert_true(
        g_file_get_contents(s.file, (char **)&s.bytes, &s.size, NULL));
    reader = log_reader_open(s.file, NULL);
    g_assert_nonnull(reader);
    s.body = log_reader_header(reader)->body;
    x = log_reader_footer(reader);
    f = &g_array_index(x->frames, LogFrameInfo, x->frames->len - 1);
    s.footer = f->offset + LOG_FRAME_HEAD_BYTES + f->stored;
    return &s;
}

/* --- making files ------------------------------------------------------------------ */

static void edit(GByteArray *a, FuzzIn *in)
{
    for (unsigned n = 0; n < EDITS_MAX && in->left > 0; n++) {
        unsigned how = (unsigned)fuzz_take(in, 1) % 8;
        guint at = (guint)fuzz_take(in, 2) % MAX(a->len, 1);

        if (a->len == 0) {
            return;
        }
        if (how == 7) {
            g_byte_array_set_size(a, at);
        } else if (how == 6) {
            g_byte_array_remove_range(a, at, 1);
        } else if (how == 5) {
            guint size = MIN(a->len - at, 100);
            g_autofree uint8_t *again = g_memdup2(a->data + at, size);

            g_byte_array_append(a, again, size);
        } else {
            a->data[at] = (uint8_t)fuzz_take(in, 1);
        }
    }
}

/* Entries made by hand: the moments go on, the rest is the input's. */
static guint entries(GByteArray *payload, FuzzIn *in, Moment *last)
{
    guint count = 1 + (guint)fuzz_take(in, 1) % 8;
    Codec c;

    codec_init_write(&c, payload);
    for (guint i = 0; i < count; i++) {
        uint8_t data[64] = {0};
        LogEntry e = {.at = *last, .data = data};

        e.kind = (uint32_t)fuzz_take(in, 1) % 8;
        e.at.icount += fuzz_take(in, 1);
        e.at.sequence = e.at.icount == last->icount
                            ? last->sequence + fuzz_take(in, 1) % 4
                            : fuzz_take(in, 1) % 4;
        e.size = (uint32_t)fuzz_take(in, 1) % sizeof(data);
        e.size = (uint32_t)MIN(e.size, in->left);
        memcpy(data, in->at, e.size);
        in->at += e.size;
        in->left -= e.size;
        log_entry_codec(&c, last, &e);
    }
    return count;
}

static void frames(GByteArray *out, const Sample *s, FuzzIn *in)
{
    Moment last = {0, 0};
    uint64_t seed;

    memcpy(&seed, s->bytes + 28, sizeof(seed)); /* first half of the id */
    g_byte_array_set_size(out, (guint)s->body);
    for (uint32_t i = 0; i < FRAMES_MAX && in->left > 0; i++) {
        g_autoptr(GByteArray) payload = g_byte_array_new();
        LogFrame f = {.number = i, .info.first = last};

        f.info.entries = entries(payload, in, &last);
        if (fuzz_take(in, 1) & 1) {
            FuzzIn one = {in->at, MIN(in->left, 4)};

            edit(payload, &one);
            in->at += MIN(in->left, 4);
            in->left -= MIN(in->left, 4);
        }
        if (payload->len > 0) {
            log_frame_pack(&f, payload, seed, out);
        }
    }
}

static void write_file(const char *path, const GByteArray *a)
{
    FILE *f = g_fopen(path, "wb");

    g_assert_nonnull(f);
    g_assert_cmpuint(fwrite(a->data, 1, a->len, f), ==, a->len);
    g_assert_cmpint(fclose(f), ==, 0);
}

/* --- reading them ------------------------------------------------------------------- */

static void read_all(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(LogReader) r = log_reader_open(path, &error);
    g_autoptr(LogIndex) x = log_index_new();
    Moment before = {0, 0};
    LogEntry e;

    if (!r) {
        g_assert_nonnull(error);
        return;
    }
    while (log_reader_next(r, &e)) {
        g_assert_cmpint(moment_compare(before, e.at), <=, 0);
        before = e.at;
        if (!log_index_entry(x, &e)) {
            break;
        }
    }
    if (log_reader_state(r) >= LOG_READ_CUT) {
        g_assert_nonnull(log_reader_why(r));
    }
    log_reader_last(r);
    log_reader_check_end(r, NULL);
}

static void replay(const Sample *s)
{
    MachineSetup with = setup;
    MachineRun run;

    with.options = "3,rr=replay,rrfile=%s";
    with.file = s->name;
    machine_run(&with, &run);
    g_assert_cmpint(run.result, !=, MACHINE_STUCK);
    g_assert_true(run.result == MACHINE_ENDED || run.text);
    machine_run_clear(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Sample *s = sample();
    FuzzIn in = {data, size};
    g_autoptr(GByteArray) a = g_byte_array_new();
    unsigned how = (unsigned)fuzz_take(&in, 1);

    g_byte_array_append(a, s->bytes, (guint)s->size);
    if (how & 1) {
        frames(a, s, &in);
    } else {
        edit(a, &in);
    }
    write_file(s->file, a);
    read_all(s->file);
    replay(s);
    return 0;
}
