/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target without libFuzzer:
 *   fuzz-X [--rounds N] [--seed S] [--from N] CORPUS   mutations of a corpus
 *   fuzz-X --hex TEXT                                   one input
 *   fuzz-X --export DIR CORPUS                          a corpus for libFuzzer
 * A corpus is text: a row an input, as `x` and hex digits or `t` and text with
 * C escapes. Each mutation depends on its number and the seed alone; a crash
 * prints the input.
 */
#include "tests/fuzz/fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INPUT_MAX 4096
#define HANG_SECONDS 60

static struct {
    const uint8_t *data;
    size_t size;
    uint64_t round;
} now; /* for the report of a crash */

/* --- a crash tells what caused it ------------------------------------------- */

static void say(const char *text, size_t size)
{
    if (write(STDERR_FILENO, text, size) < 0) {
        return; /* nobody to tell */
    }
}

static void report(void)
{
    char line[128];
    int n = snprintf(line, sizeof(line), "\nround %" G_GUINT64_FORMAT ": ",
                     now.round);

    say(line, (size_t)n);
    say("--hex ", 6);
    for (size_t i = 0; i < now.size; i++) {
        n = snprintf(line, sizeof(line), "%02x", now.data[i]);
        say(line, (size_t)n);
    }
    say("\n", 1);
}

static void on_signal(int n)
{
    report();
    signal(n, SIG_DFL);
    raise(n);
}

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_DEATH_CALLBACK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_DEATH_CALLBACK 1
#endif
#endif
#if defined(HAVE_DEATH_CALLBACK)
void __sanitizer_set_death_callback(void (*fn)(void));
#endif

static void catch_crashes(void)
{
    static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS,  SIGFPE,
                                SIGILL,  SIGALRM, SIGTERM, SIGTRAP};

#if defined(HAVE_DEATH_CALLBACK)
    __sanitizer_set_death_callback(report);
#endif
    for (unsigned i = 0; i < G_N_ELEMENTS(fatal); i++) {
        signal(fatal[i], on_signal);
    }
}

static void run(const uint8_t *data, size_t size)
{
    g_autofree uint8_t *exact = g_malloc(MAX(size, 1)); /* finds overruns */

    if (size > 0) {
        memcpy(exact, data, size);
    }
    now.data = exact;
    now.size = size;
    alarm(HANG_SECONDS); /* an input takes milliseconds */
    LLVMFuzzerTestOneInput(exact, size);
    alarm(0);
    now.data = NULL;
    now.size = 0;
}

/* --- corpus -------------------------------------------------------------------- */

static GBytes *parse_hex(const char *text)
{
    g_autoptr(GByteArray) out = g_byte_array_new();

    for (;;) {
        uint8_t byte;

        while (g_ascii_isspace(*text)) {
            text++;
        }
        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1])) {
            break;
        }
        byte = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4
                         | g_ascii_xdigit_value(text[1]));
        g_byte_array_append(out, &byte, 1);
        text += 2;
    }
    return *text ? NULL : g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

static GBytes *parse_row(const char *row)
{
    char *text;

    if (g_str_has_prefix(row, "x ")) {
        return parse_hex(row + 2);
    }
    if (!g_str_has_prefix(row, "t ")) {
        return NULL;
    }
    text = g_strcompress(row + 2);
    return g_bytes_new_take(text, strlen(text));
}

static GPtrArray *load_corpus(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    GPtrArray *rows =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    if (!g_file_get_contents(path, &text, NULL, &error)) {
        g_error("%s", error->message);
    }
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        GBytes *row;

        if (lines[i][0] == '#' || lines[i][0] == '\0') {
            continue;
        }
        row = parse_row(lines[i]);
        if (!row) {
            g_error("%s:%u: neither 'x HEX' nor 't TEXT'", path, i + 1);
        }
        g_ptr_array_add(rows, row);
    }
    g_assert(rows->len > 0);
    return rows;
}

static void export_corpus(const GPtrArray *rows, const char *dir)
{
    for (guint i = 0; i < rows->len; i++) {
        g_autofree char *name = g_strdup_printf("%s/row-%03u", dir, i);
        g_autoptr(GError) error = NULL;
        gsize size;
        const char *data = g_bytes_get_data(g_ptr_array_index(rows, i), &size);

        if (!g_file_set_contents(name, data, (gssize)size, &error)) {
            g_error("%s", error->message);
        }
    }
}

/* --- mutations ------------------------------------------------------------------- */

static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static guint below(uint64_t *r, guint n)
{
    return n ? (guint)(random_next(r) % n) : 0;
}

static void insert(GByteArray *a, guint at, const void *data, guint size)
{
    guint old = a->len;

    size = MIN(size, INPUT_MAX - MIN(INPUT_MAX, old));
    if (size > 0) {
        g_byte_array_set_size(a, old + size);
        memmove(a->data + at + size, a->data + at, old - at);
        memcpy(a->data + at, data, size);
    }
}

static void put_number(GByteArray *a, guint at, uint64_t *r)
{
    static const uint64_t hard[] = {
        0,          1,          2,          0x7f,           0x80,
        0xff,       0x100,      0x7fff,     0x8000,         0xffff,
        0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX / 2, 1ull << 63,
        UINT64_MAX, 0xfff,      0x1000,     0xfee00000,     0xfffffff0};
    uint64_t v = GUINT64_TO_LE(hard[below(r, G_N_ELEMENTS(hard))]);

    guint n = 1u << below(r, 4);

    memcpy(a->data + at, &v, MIN(n, a->len - at));
}

static void mutate_once(GByteArray *a, const GPtrArray *rows, uint64_t *r)
{
    guint at = below(r, a->len + 1);
    guint most = 1 + below(r, 1u << below(r, 7));
    guint n = MIN(most, a->len - at);
    uint8_t noise[16];
    gsize size;
    const uint8_t *other =
        g_bytes_get_data(g_ptr_array_index(rows, below(r, rows->len)), &size);

    for (unsigned i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)random_next(r);
    }
    switch (below(r, 8)) {
    case 0:
    case 1:
        if (at < a->len) {
            a->data[at] ^= (uint8_t)(1u << below(r, 8));
        }
        break;
    case 2:
        if (at < a->len) {
            a->data[at] = noise[0];
        }
        break;
    case 3:
        insert(a, at, noise, 1 + below(r, sizeof(noise)));
        break;
    case 4:
        if (n > 0) {
            g_byte_array_remove_range(a, at, n);
        }
        break;
    case 5:
        if (n > 0) {
            g_autofree uint8_t *again = g_memdup2(a->data + at, n);

            insert(a, at, again, n);
        }
        break;
    case 6: {
        guint from = below(r, (guint)size);

        insert(a, at, other + from, (guint)size - from);
        break;
    }
    default:
        if (at < a->len) {
            put_number(a, at, r);
        }
    }
}

static void mutate(GByteArray *a, const GPtrArray *rows, uint64_t *r)
{
    gsize size;
    const uint8_t *data =
        g_bytes_get_data(g_ptr_array_index(rows, below(r, rows->len)), &size);

    g_byte_array_set_size(a, 0);
    if (below(r, 6) == 0) { /* nothing but noise */
        for (guint n = below(r, 256); n > 0; n--) {
            uint8_t byte = (uint8_t)random_next(r);

            g_byte_array_append(a, &byte, 1);
        }
        return;
    }
    g_byte_array_append(a, data, (guint)MIN(size, INPUT_MAX));
    for (guint n = 1 + below(r, 8); n > 0; n--) {
        mutate_once(a, rows, r);
    }
}

/* --- program ------------------------------------------------------------------------ */

static gint64 rounds = 1000, seed = 1, first = 0;
static gchar *hex, *export_dir;
static const GOptionEntry entries[] = {
    {"rounds", 0, 0, G_OPTION_ARG_INT64, &rounds, "mutations", "N"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "of the mutations", "S"},
    {"from", 0, 0, G_OPTION_ARG_INT64, &first, "first mutation", "N"},
    {"hex", 0, 0, G_OPTION_ARG_STRING, &hex, "run one input", "TEXT"},
    {"export", 0, 0, G_OPTION_ARG_FILENAME, &export_dir, "write files", "DIR"},
    {NULL}};

static void run_all(const GPtrArray *rows)
{
    g_autoptr(GByteArray) a = g_byte_array_new();

    for (guint i = 0; first == 0 && i < rows->len; i++) {
        gsize size;
        const uint8_t *data =
            g_bytes_get_data(g_ptr_array_index(rows, i), &size);

        run(data, size);
    }
    for (now.round = (uint64_t)first + 1; now.round <= (uint64_t)rounds;
         now.round++) {
        uint64_t r = (uint64_t)seed << 32 ^ now.round;

        mutate(a, rows, &r);
        run(a->data, a->len);
    }
    fprintf(stderr, "%u rows, %" G_GINT64_FORMAT " mutations\n", rows->len,
            rounds);
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("CORPUS");
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)
        || argc != (hex ? 1 : 2)) {
        fprintf(stderr, "%s\n", error ? error->message : "one CORPUS, please");
        return 2;
    }
    catch_crashes();
    if (hex) {
        g_autoptr(GBytes) row = parse_hex(hex);
        gsize size;
        const uint8_t *data = row ? g_bytes_get_data(row, &size) : NULL;

        g_assert(row);
        run(data, size);
        return 0;
    }
    rows = load_corpus(argv[1]);
    if (export_dir) {
        export_corpus(rows, export_dir);
    } else {
        run_all(rows);
    }
    return 0;
}
