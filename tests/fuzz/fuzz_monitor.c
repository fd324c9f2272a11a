/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both monitors with what a client might send. The first byte: QMP as it comes,
 * QMP after negotiation, HMP commands by line, HMP as typed.
 */
#include <json-glib/json-glib.h>
#include <unistd.h>

#include "monitor/monitor_priv.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/chr_bench.h"
#include "tests/unit/mon_bench.h"

/* Commands that write files: their parsing is tested by hand. */
static bool harmful(const char *text)
{
    return strstr(text, "save") || strstr(text, "logfile")
           || strstr(text, "\\u00") || strstr(text, "dump");
}

static void say(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, MIN(size, 512));

        g_free(chr_hear(fd));
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
}

/* Whatever came before, the next whole command is answered. */
static void qmp(MonBench *b, const char *text, size_t size, bool negotiate)
{
    static const char last[] =
        "\xff\n{\"execute\": \"qmp_capabilities\"}\n"
        "{\"execute\": \"query-version\", \"id\": \"last\"}\n";
    g_autofree char *heard = NULL;
    Chardev *c;
    int fd = chr_pair(b->vm, "q", "", &c);

    g_assert_true(monitor_new(b->vm, c, MONITOR_QMP, NULL));
    if (negotiate) {
        say(fd, "{\"execute\": \"qmp_capabilities\"}", 31);
    }
    say(fd, text, size);
    chr_say(fd, last);
    heard = chr_hear(fd);
    g_assert_nonnull(strstr(heard, "\"id\": \"last\"}"));
    g_assert_nonnull(strstr(heard, "\"qemu\": {"));
    close(fd);
}

static void typed(MonBench *b, const char *text, size_t size)
{
    Chardev *c;
    int fd = chr_pair(b->vm, "h", "", &c);

    g_assert_true(monitor_new(b->vm, c, MONITOR_HMP, NULL));
    say(fd, text, size);
    close(fd);
}

static void lines(MonBench *b, const char *text)
{
    g_auto(GStrv) each = g_strsplit(text, "\n", -1);

    for (unsigned i = 0; each[i]; i++) {
        g_autofree char *said = hmp_execute(b->vm, each[i]);

        g_assert_true(!said[0] || g_str_has_suffix(said, "\n"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzIn in = {data, size};
    unsigned how = (unsigned)fuzz_take(&in, 1) % 4;
    g_autofree char *text = g_strndup((const char *)in.at, in.left);
    MonBench *b;

    if (harmful(text)) {
        return 0;
    }
    b = mon_bench_new();
    mon_bench_ram(b);
    if (how < 2) {
        qmp(b, (const char *)in.at, strlen(text), how == 1);
    } else if (how == 2) {
        lines(b, text);
    } else {
        typed(b, text, strlen(text));
    }
    mon_bench_free(b);
    return 0;
}
