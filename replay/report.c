/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said when machine and log disagree. */
#include "replay/replay_priv.h"

#include <stdarg.h>
#include <string.h>

#define PAGES_NAMED 8
#define ROWS_NAMED 8

static void report_place(const Replay *r, GString *out)
{
    g_string_append_printf(out, "\n  log: %s", r->o.file);
    if (r->end_at.icount > 0) {
        g_string_append_printf(out, ", %.1f %% of %" PRIu64 " instructions",
                               (double)r->now.icount * 100.0
                                   / (double)r->end_at.icount,
                               r->end_at.icount);
    }
    if (r->good_any) {
        g_string_append_printf(
            out, "\n  last good digest point: %" PRIu64 ".%" PRIu64,
            r->good.icount, r->good.sequence);
    } else {
        g_string_append(out, "\n  last good digest point: none");
    }
}

static void report_begin(const Replay *r, GString *out, const char *what)
{
    g_string_append_printf(out,
                           "replay diverged at instruction %" PRIu64
                           ", change %" PRIu64 ": %s",
                           r->now.icount, r->now.sequence, what);
}

static void report_finish(Replay *r, const GString *out)
{
    replay_set_report(r, out->str);
    r->final = REPLAY_DIVERGED;
}

void replay_diverged(Replay *r, const char *fmt, ...)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *what = NULL;
    va_list ap;

    if (r->mode != REPLAY_PLAY || r->final == REPLAY_DIVERGED) {
        return; /* the first disagreement is the one to tell */
    }
    va_start(ap, fmt);
    what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    replay_sync(r);
    report_begin(r, out, what);
    report_place(r, out);
    report_finish(r, out);
}

char *report_entry(const Replay *r, const LogEntry *e)
{
    const char *what = "input";

    if (e->kind >= LOG_KIND_SOURCE) {
        guint i = e->kind - LOG_KIND_SOURCE;

        if (i < r->h->sources->len) {
            what = g_array_index(r->h->sources, LogSource, i).name;
        }
        return g_strdup_printf("an event of source '%s' at %" PRIu64
                               ".%" PRIu64,
                               what, e->at.icount, e->at.sequence);
    }
    what = e->kind == LOG_KIND_MARK     ? "a mark"
           : e->kind == LOG_KIND_DIGEST ? "a digest point"
                                        : "its end";
    return g_strdup_printf("%s at %" PRIu64 ".%" PRIu64, what, e->at.icount,
                           e->at.sequence);
}

/* rrdigest=full: the rows of a device that differ. */
static void report_rows(const LogDigest *expected, const LogDigest *seen,
                        const char *part, GString *out)
{
    g_autofree char *prefix = g_strconcat(part, " ", NULL);
    guint n = MIN(expected->rows->len, seen->rows->len);
    unsigned named = 0;

    for (guint i = 0; i < n && named < ROWS_NAMED; i++) {
        const LogRow *a = &g_array_index(expected->rows, LogRow, i);
        const LogRow *b = &g_array_index(seen->rows, LogRow, i);

        if (!g_str_has_prefix(a->name, prefix) || strcmp(a->name, b->name) != 0
            || strcmp(a->value, b->value) == 0) {
            continue;
        }
        g_string_append_printf(out, "\n    %s: expected %s, seen %s",
                               a->name + strlen(prefix), a->value, b->value);
        named++;
    }
}

static void report_page(const Replay *r, RamPage page, GString *out)
{
    uint64_t off;
    const char *block = ram_page_block(r->vm->ram, page, &off);

    g_string_append_printf(out, "\n    '%s' page 0x%" PRIx64, block,
                           off >> GUEST_PAGE_BITS);
}

/* rrdigest=full: the pages of a range whose content differs. */
static void report_pages(const Replay *r, const LogDigest *expected,
                         const char *part, GString *out)
{
    RamPage first, end;
    unsigned named = 0;

    if (!digest_range_of(r->digest, part, &first, &end)) {
        return;
    }
    for (guint i = 0; i < expected->pages->len && named < PAGES_NAMED; i++) {
        const LogPage *p = &g_array_index(expected->pages, LogPage, i);

        if (p->page >= first && p->page < end
            && digest_page(r->digest, p->page) != p->hash) {
            report_page(r, p->page, out);
            named++;
        }
    }
}

/* ... and those that only this machine has written. */
static void report_extra_pages(const Replay *r, const LogDigest *expected,
                               const LogDigest *seen, const char *part,
                               GString *out)
{
    RamPage first, end;
    unsigned named = 0;
    guint k = 0;

    if (expected->rows->len == 0
        || !digest_range_of(r->digest, part, &first, &end)) {
        return;
    }
    for (guint i = 0; i < seen->pages->len && named < PAGES_NAMED; i++) {
        RamPage page = g_array_index(seen->pages, LogPage, i).page;

        while (k < expected->pages->len
               && g_array_index(expected->pages, LogPage, k).page < page) {
            k++;
        }
        if (page >= first && page < end
            && (k == expected->pages->len
                || g_array_index(expected->pages, LogPage, k).page != page)) {
            report_page(r, page, out);
            g_string_append(out, " (written only here)");
            named++;
        }
    }
}

/* Names of all other parts that differ; ranges of RAM are only counted. */
static void report_other_parts(const Replay *r, const LogDigest *expected,
                               const LogDigest *seen, guint part, GString *out)
{
    g_autoptr(GString) names = g_string_new(NULL);
    unsigned ranges = 0;

    for (guint i = part + 1; i < expected->parts->len; i++) {
        const char *name = g_ptr_array_index(r->h->parts, i);
        guint k = g_array_index(r->part_map, guint, i);
        RamPage first, end;

        if (g_array_index(expected->parts, uint64_t, i)
            == g_array_index(seen->parts, uint64_t, k)) {
            continue;
        }
        if (digest_range_of(r->digest, name, &first, &end)) {
            ranges++;
        } else {
            g_string_append_printf(names, ", %s", name);
        }
    }
    if (ranges) {
        g_string_append_printf(names, ", %u of %d ranges of RAM", ranges,
                               DIGEST_RANGES);
    }
    if (names->len) {
        g_string_append_printf(out, "\n  also different: %s", names->str + 2);
    }
}

void report_digest(Replay *r, const LogDigest *expected, const LogDigest *seen,
                   guint part)
{
    const char *name = g_ptr_array_index(r->h->parts, part);
    guint here = g_array_index(r->part_map, guint, part);
    g_autofree char *what = digest_describe(r->digest, name);
    g_autoptr(GString) out = g_string_new(NULL);

    report_begin(r, out, "the machine is not as recorded");
    report_place(r, out);
    g_string_append_printf(out,
                           "\n  first difference: %s: expected %016" PRIx64
                           ", seen %016" PRIx64,
                           what, g_array_index(expected->parts, uint64_t, part),
                           g_array_index(seen->parts, uint64_t, here));
    report_rows(expected, seen, name, out);
    report_pages(r, expected, name, out);
    report_extra_pages(r, expected, seen, name, out);
    report_other_parts(r, expected, seen, part, out);
    report_finish(r, out);
}
