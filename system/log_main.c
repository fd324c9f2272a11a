/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reprise-log: look at, check and repair recordings. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "core/error.h"
#include "replay/log_file.h"

#define STATUS_USAGE 1
#define STATUS_DAMAGED 4
#define HEX_MAX 32 /* bytes of a payload shown by dump */

typedef struct LogTool {
    const char *file, *out; /* borrowed: from argv */
    bool json;
    LogReader *reader; /* owned */
} LogTool;

typedef struct LogCommand {
    const char *name;
    int (*run)(LogTool *t);
    const char *doc;
} LogCommand;

/* --- output ------------------------------------------------------------------ */

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
static char *json_string(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *s = g_string_new("\"");

    for (const char *p = valid; *p; p++) {
        if (*p == '"' || *p == '\\') {
            g_string_append_printf(s, "\\%c", *p);
        } else if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            g_string_append_printf(s, "\\u%04x", (unsigned char)*p);
        } else {
            g_string_append_c(s, *p);
        }
    }
    g_string_append_c(s, '"');
    return g_string_free(s, FALSE);
}

/* A terminal gets no control characters from a log. */
static char *plain_text(const char *text)
{
    char *s = g_utf8_make_valid(text, -1);

    for (char *p = s; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }
    return s;
}

static void print_json_pair(const char *key, const char *value,
                            const char *before)
{
    g_autofree char *k = json_string(key);
    g_autofree char *v = json_string(value);

    printf("%s%s: %s", before, k, v);
}

static const char *kind_name(const LogHeader *h, uint32_t kind)
{
    static const char *const own[] = {"mark", "digest", "end"};

    if (kind < LOG_KIND_SOURCE) {
        return own[kind];
    }
    return g_array_index(h->sources, LogSource, kind - LOG_KIND_SOURCE).name;
}

static char *id_text(const LogHeader *h)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < sizeof(h->id); i++) {
        g_string_append_printf(s, "%02x", h->id[i]);
    }
    return g_string_free(s, FALSE);
}

static int complain(const LogTool *t, const char *what)
{
    g_autofree char *text = plain_text(what);

    fflush(stdout);
    fprintf(stderr, "reprise-log: %s\n", text);
    return STATUS_DAMAGED;
}

/* --- reading everything -------------------------------------------------------- */

/* Index all entries that can be read; @error: the first thing that is wrong
 * inside them. */
static LogIndex *read_all(LogTool *t, GError **error)
{
    LogIndex *x = log_index_new();
    LogFrameInfo last = {0};
    LogEntry e;

    while (log_reader_next(t->reader, &e)) {
        const LogFrameInfo *f = log_reader_frame(t->reader);

        if (x->frames->len == 0 || f->offset != last.offset) {
            last = *f;
            g_array_append_val(x->frames, last);
        }
        if (!log_index_entry(x, &e) && error && !*error) {
            fail(error,
                 "malformed %s entry at %" PRIu64 ".%" PRIu64
                 ", frame at offset %" PRIu64,
                 e.kind <= LOG_KIND_END ? "own" : "source", e.at.icount,
                 e.at.sequence, f->offset);
        }
    }
    return x;
}

static bool same_points(const LogIndex *a, const LogIndex *b)
{
    if (a->points->len != b->points->len || a->counts->len != b->counts->len
        || a->events != b->events || a->ended != b->ended) {
        return false;
    }
    for (guint i = 0; i < a->points->len; i++) {
        const LogPoint *p = &g_array_index(a->points, LogPoint, i);
        const LogPoint *q = &g_array_index(b->points, LogPoint, i);

        if (moment_compare(p->at, q->at) != 0 || p->hash != q->hash) {
            return false;
        }
    }
    return !a->ended
           || (moment_compare(a->end.at, b->end.at) == 0
               && a->end.virt_ns == b->end.virt_ns
               && a->end.cause == b->end.cause
               && a->end.guest_off == b->end.guest_off);
}

/* --- info ---------------------------------------------------------------------- */

static void info_fields(const GArray *a, const char *title)
{
    printf("%s\n", title);
    for (guint i = 0; i < a->len; i++) {
        const SealField *f = &g_array_index(a, SealField, i);
        g_autofree char *k = plain_text(f->key);
        g_autofree char *v = plain_text(f->value);

        printf("  %s: %s\n", k, v);
    }
}

static void info_blobs(const LogHeader *h)
{
    printf("blobs\n");
    for (guint i = 0; i < h->blobs->len; i++) {
        const LogBlob *b = &g_array_index(h->blobs, LogBlob, i);
        g_autofree char *name = plain_text(b->name);

        printf("  %s: %" PRIu64 " bytes, hash %016" PRIx64, name, b->size,
               b->hash);
        if (b->embed) {
            printf(", embedded (%" PRIu64 " bytes)\n", b->stored);
        } else {
            printf(", not embedded\n");
        }
    }
}

static void info_icount(const LogHeader *h)
{
    printf("icount: shift=");
    if (h->shift_auto) {
        printf("auto");
    } else {
        printf("%u", h->shift);
    }
    printf(",sleep=%s,align=%s%s\n", h->sleep ? "on" : "off",
           h->align ? "on" : "off", h->icount ? "" : " (not asked for)");
    printf("rtc base: %" PRId64 " s since 1970\n", h->seal->calendar_sec);
    if (h->digest_every) {
        printf("digest points: every %" PRIu64 " steps or more%s\n",
               h->digest_every, h->digest_full ? ", full" : "");
    } else {
        printf("digest points: off\n");
    }
}

static uint64_t steps_of(const LogIndex *x, Moment last)
{
    return x->ended ? x->end.at.icount : last.icount;
}

static double bytes_per_1000(const LogTool *t, uint64_t steps)
{
    uint64_t beyond =
        log_reader_size(t->reader) - log_reader_header(t->reader)->body;

    return steps ? (double)beyond * 1000.0 / (double)steps : 0.0;
}

static void info_run(const LogTool *t, const LogIndex *x, Moment last)
{
    const LogHeader *h = log_reader_header(t->reader);
    uint64_t steps = steps_of(x, last);

    printf("entries\n");
    for (guint i = 0; i < x->counts->len; i++) {
        g_autofree char *name = plain_text(kind_name(h, i));

        printf("  %s: %" PRIu64 "\n", name,
               g_array_index(x->counts, uint64_t, i));
    }
    printf("frames: %u\n", x->frames->len);
    if (x->points->len) {
        const LogPoint *p =
            &g_array_index(x->points, LogPoint, x->points->len - 1);

        printf("final digest: %016" PRIx64 " at %" PRIu64 ".%" PRIu64 "\n",
               p->hash, p->at.icount, p->at.sequence);
    }
    printf("instructions: %" PRIu64 "\n", steps);
    if (x->ended) {
        printf("end: %" PRIu64 ".%" PRIu64 ", virtual time %" PRId64
               " ns, %s%s\n",
               x->end.at.icount, x->end.at.sequence, x->end.virt_ns,
               vm_cause_name(x->end.cause),
               x->end.guest_off ? ", guest switched off" : "");
    } else {
        printf("end: none: %s\n", log_reader_why(t->reader));
    }
    printf("size: %" PRIu64 " bytes, header %" PRIu64
           ", %.6f bytes per 1000 steps beyond it\n",
           log_reader_size(t->reader), h->body, bytes_per_1000(t, steps));
}

static void json_fields(const GArray *a, const char *title)
{
    printf(" \"%s\": [", title);
    for (guint i = 0; i < a->len; i++) {
        const SealField *f = &g_array_index(a, SealField, i);

        print_json_pair("key", f->key, i ? ",\n  {" : "\n  {");
        print_json_pair("value", f->value, ", ");
        printf("}");
    }
    printf("],\n");
}

static void json_header(const LogHeader *h)
{
    g_autofree char *id = id_text(h);

    printf(" \"version\": %d, \"id\": \"%s\",\n", LOG_FILE_VERSION, id);
    printf(" \"shift\": ");
    if (h->shift_auto) {
        printf("\"auto\"");
    } else {
        printf("%u", h->shift);
    }
    printf(", \"sleep\": %s, \"align\": %s,\n", h->sleep ? "true" : "false",
           h->align ? "true" : "false");
    printf(" \"rtc-base\": %" PRId64 ",\n", h->seal->calendar_sec);
    printf(" \"digest-every\": %" PRIu64 ", \"digest-full\": %s,\n",
           h->digest_every, h->digest_full ? "true" : "false");
    json_fields(h->seal->fields, "seal");
    json_fields(h->seal->notes, "notes");
    printf(" \"blobs\": [");
    for (guint i = 0; i < h->blobs->len; i++) {
        const LogBlob *b = &g_array_index(h->blobs, LogBlob, i);

        print_json_pair("name", b->name, i ? ",\n  {" : "\n  {");
        printf(", \"size\": %" PRIu64 ", \"hash\": \"%016" PRIx64
               "\", \"embedded\": %s}",
               b->size, b->hash, b->embed ? "true" : "false");
    }
    printf("],\n");
}

static void json_run(const LogTool *t, const LogIndex *x, Moment last)
{
    const LogHeader *h = log_reader_header(t->reader);
    uint64_t steps = steps_of(x, last);

    printf(" \"entries\": {");
    for (guint i = 0; i < x->counts->len; i++) {
        g_autofree char *name = json_string(kind_name(h, i));

        printf("%s%s: %" PRIu64, i ? ", " : "", name,
               g_array_index(x->counts, uint64_t, i));
    }
    printf("},\n \"frames\": %u,\n", x->frames->len);
    printf(" \"digest-points\": %u,\n", x->points->len);
    if (x->points->len) {
        const LogPoint *p =
            &g_array_index(x->points, LogPoint, x->points->len - 1);

        printf(" \"final-digest\": \"%016" PRIx64 "\",\n", p->hash);
    }
    printf(" \"instructions\": %" PRIu64 ",\n", steps);
    if (x->ended) {
        printf(" \"end\": {\"icount\": %" PRIu64 ", \"sequence\": %" PRIu64
               ", \"virtual-ns\": %" PRId64
               ", \"cause\": \"%s\", \"guest-off\": %s},\n",
               x->end.at.icount, x->end.at.sequence, x->end.virt_ns,
               vm_cause_name(x->end.cause),
               x->end.guest_off ? "true" : "false");
    } else {
        print_json_pair("cut", log_reader_why(t->reader), " ");
        printf(",\n");
    }
    printf(" \"bytes\": %" PRIu64 ", \"header-bytes\": %" PRIu64
           ", \"bytes-per-1000-steps\": %.6f\n}\n",
           log_reader_size(t->reader), h->body, bytes_per_1000(t, steps));
}

static int log_info(LogTool *t)
{
    const LogHeader *h = log_reader_header(t->reader);
    Moment last = log_reader_last(t->reader);
    g_autoptr(GError) error = NULL;
    g_autoptr(LogIndex) x = read_all(t, &error);

    if (t->json) {
        printf("{\n");
        json_header(h);
        json_run(t, x, last);
    } else {
        g_autofree char *id = id_text(h);

        printf("recording %s, format %d\n", id, LOG_FILE_VERSION);
        info_icount(h);
        info_fields(h->seal->fields, "seal");
        info_fields(h->seal->notes, "notes");
        info_blobs(h);
        info_run(t, x, last);
    }
    if (error) {
        return complain(t, error->message);
    }
    if (log_reader_state(t->reader) == LOG_READ_DAMAGED) {
        return complain(t, log_reader_why(t->reader));
    }
    return 0;
}

/* --- dump ---------------------------------------------------------------------- */

static char *hex_text(const uint8_t *data, uint32_t size)
{
    GString *s = g_string_new(NULL);

    for (uint32_t i = 0; i < MIN(size, HEX_MAX); i++) {
        g_string_append_printf(s, "%02x", data[i]);
    }
    if (size > HEX_MAX) {
        g_string_append_printf(s, "... (%u bytes)", size);
    }
    return g_string_free(s, FALSE);
}

/* An entry in words; NULL: only bytes. */
static char *entry_text(const LogHeader *h, const LogEntry *e)
{
    Codec c;

    codec_init_read(&c, e->data, e->size);
    if (e->kind == LOG_KIND_MARK) {
        return g_strdup("");
    }
    if (e->kind == LOG_KIND_DIGEST) {
        g_autoptr(LogDigest) d = log_digest_new();

        if (!log_digest_codec(&c, d)) {
            return NULL;
        }
        return g_strdup_printf("%016" PRIx64 " over %u parts, %u pages, "
                               "%u rows",
                               log_digest_hash(d), d->parts->len, d->pages->len,
                               d->rows->len);
    }
    if (e->kind == LOG_KIND_END) {
        LogEnd end = {0};

        if (!log_end_codec(&c, &end)) {
            return NULL;
        }
        return g_strdup_printf(
            "%s%s, virtual time %" PRId64 " ns", vm_cause_name(end.cause),
            end.guest_off ? ", guest switched off" : "", end.virt_ns);
    }
    if (strcmp(kind_name(h, e->kind), replay_clock_source.name) == 0) {
        return log_clock_text(e->data, e->size);
    }
    return NULL;
}

static void dump_parts(const LogHeader *h, const LogEntry *e)
{
    g_autoptr(LogDigest) d = log_digest_new();
    Codec c;

    codec_init_read(&c, e->data, e->size);
    if (!log_digest_codec(&c, d) || d->parts->len != h->parts->len) {
        return;
    }
    for (guint i = 0; i < d->parts->len; i++) {
        g_autofree char *name = plain_text(g_ptr_array_index(h->parts, i));

        printf("    %016" PRIx64 " %s\n", g_array_index(d->parts, uint64_t, i),
               name);
    }
    for (guint i = 0; i < d->rows->len; i++) {
        const LogRow *row = &g_array_index(d->rows, LogRow, i);
        g_autofree char *name = plain_text(row->name);
        g_autofree char *value = plain_text(row->value);

        printf("    %s = %s\n", name, value);
    }
}

static void dump_plain(const LogHeader *h, const LogEntry *e)
{
    g_autofree char *name = plain_text(kind_name(h, e->kind));
    g_autofree char *text = entry_text(h, e);
    g_autofree char *hex = text ? NULL : hex_text(e->data, e->size);

    printf("%" PRIu64 ".%" PRIu64 " %s %s\n", e->at.icount, e->at.sequence,
           name, text ? text : hex);
    if (e->kind == LOG_KIND_DIGEST) {
        dump_parts(h, e);
    }
}

static void dump_json(const LogHeader *h, const LogEntry *e, bool first)
{
    g_autofree char *name = json_string(kind_name(h, e->kind));
    g_autofree char *text = entry_text(h, e);

    printf("%s{\"icount\": %" PRIu64 ", \"sequence\": %" PRIu64
           ", \"source\": %s",
           first ? "" : ",\n", e->at.icount, e->at.sequence, name);
    if (text) {
        print_json_pair("text", text, ", ");
    }
    printf(", \"data\": \"");
    for (uint32_t i = 0; i < e->size; i++) {
        printf("%02x", e->data[i]);
    }
    printf("\"}");
}

static int log_dump(LogTool *t)
{
    const LogHeader *h = log_reader_header(t->reader);
    bool first = true;
    LogEntry e;

    if (t->json) {
        printf("[");
    }
    while (log_reader_next(t->reader, &e)) {
        if (t->json) {
            dump_json(h, &e, first);
        } else {
            dump_plain(h, &e);
        }
        first = false;
    }
    if (t->json) {
        printf("]\n");
    }
    if (log_reader_state(t->reader) != LOG_READ_ENDED) {
        return complain(t, log_reader_why(t->reader));
    }
    return 0;
}

/* --- verify -------------------------------------------------------------------- */

static bool verify_all(LogTool *t, LogIndex **x, GError **error)
{
    const LogHeader *h = log_reader_header(t->reader);
    GError *inside = NULL;

    *x = read_all(t, &inside);
    if (inside) {
        g_propagate_error(error, inside);
        return false;
    }
    for (guint i = 0; i < h->blobs->len; i++) {
        const LogBlob *b = &g_array_index(h->blobs, LogBlob, i);
        g_autoptr(GBytes) bytes = NULL;

        if (b->embed) {
            bytes = log_reader_blob(t->reader, b, error);
            if (!bytes) {
                return false;
            }
        }
    }
    if (!log_reader_check_end(t->reader, error)) {
        return false;
    }
    return same_points(*x, log_reader_footer(t->reader))
           || fail(error, "the footer does not describe this log");
}

static int log_verify(LogTool *t)
{
    g_autoptr(LogIndex) x = NULL;
    g_autoptr(GError) error = NULL;
    bool ok = verify_all(t, &x, &error);

    if (t->json) {
        printf("{\"ok\": %s, \"frames\": %u, \"digest-points\": %u",
               ok ? "true" : "false", x->frames->len, x->points->len);
        if (!ok) {
            print_json_pair("error", error->message, ", ");
        }
        printf("}\n");
        return ok ? 0 : STATUS_DAMAGED;
    }
    if (!ok) {
        return complain(t, error->message);
    }
    printf("%s: good: %u frames, %u digest points, %" PRIu64 " inputs%s\n",
           t->file, x->frames->len, x->points->len, x->events,
           x->ended ? "" : "; no end: it was cut and repaired");
    return 0;
}

/* --- repair -------------------------------------------------------------------- */

static int log_repair(LogTool *t)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(LogIndex) x = read_all(t, NULL);
    Moment last = {0, 0};

    if (!t->out) {
        fprintf(stderr, "reprise-log: repair needs -o NEWFILE\n");
        return STATUS_USAGE;
    }
    if (!log_reader_copy(t->reader, x, t->out, &error)) {
        fprintf(stderr, "reprise-log: %s\n", error->message);
        return STATUS_USAGE;
    }
    if (x->frames->len) {
        last = g_array_index(x->frames, LogFrameInfo, x->frames->len - 1).first;
    }
    printf("%s: %u frames, the last begins at %" PRIu64 ".%" PRIu64 "\n",
           t->out, x->frames->len, last.icount, last.sequence);
    if (log_reader_state(t->reader) != LOG_READ_ENDED) {
        printf("left out: what follows: %s\n", log_reader_why(t->reader));
    }
    return 0;
}

/* --- main ---------------------------------------------------------------------- */

/* clang-format off */
static const LogCommand commands[] = {
    {"info",   log_info,   "header, seal, counts, end and final digest"},
    {"dump",   log_dump,   "every entry with its moment"},
    {"verify", log_verify, "all checksums and structure; status 4 when damaged"},
    {"repair", log_repair, "what is good to a new file (-o), with a footer"},
    {NULL, NULL, NULL},
};
/* clang-format on */

static void usage(FILE *f)
{
    fprintf(f, "usage: reprise-log COMMAND FILE [--json] [-o NEWFILE]\n");
    for (const LogCommand *c = commands; c->name; c++) {
        fprintf(f, "  %-8s%s\n", c->name, c->doc);
    }
    fprintf(f, "exit status: 0, 1 (usage or file), 4 (damaged or cut)\n");
}

static const LogCommand *command_find(const char *name)
{
    for (const LogCommand *c = commands; c->name; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

/* Options may stand anywhere after the command. */
static bool parse(LogTool *t, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            t->json = true;
        } else if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
            t->out = argv[++i];
        } else if (argv[i][0] == '-' && argv[i][1]) {
            fprintf(stderr, "reprise-log: unknown option '%s'\n", argv[i]);
            return false;
        } else if (t->file) {
            fprintf(stderr, "reprise-log: one file, please\n");
            return false;
        } else {
            t->file = argv[i];
        }
    }
    return t->file;
}

int main(int argc, char **argv)
{
    const LogCommand *c = argc > 1 ? command_find(argv[1]) : NULL;
    g_autoptr(GError) error = NULL;
    LogTool t = {0};
    int status;

    if (argc > 1
        && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        usage(stdout);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("reprise-log %s\n", REPRISE_VERSION);
        return 0;
    }
    if (!c || !parse(&t, argc, argv)) {
        usage(stderr);
        return STATUS_USAGE;
    }
    t.reader = log_reader_open(t.file, &error);
    if (!t.reader) {
        g_autofree char *text = plain_text(error->message);

        fprintf(stderr, "reprise-log: %s\n", text);
        return g_file_test(t.file, G_FILE_TEST_IS_REGULAR) ? STATUS_DAMAGED
                                                           : STATUS_USAGE;
    }
    status = c->run(&t);
    log_reader_free(t.reader);
    return status;
}
