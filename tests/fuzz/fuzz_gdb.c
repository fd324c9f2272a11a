/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gdb stub with whatever a client might send. The first byte: the bytes as
 * they come, or each line as the body of a well-formed packet. The machine runs
 * a little wherever a client makes it run.
 */
#include <unistd.h>

#include "gdbstub/gdb_priv.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/chr_bench.h"
#include "tests/unit/gdb_bench.h"

#define RUN_STEPS 20

static void hear(GdbBench *b)
{
    g_free(chr_hear(b->fd));

    if (b->running) {
        gdb_bench_run(b, RUN_STEPS);
    }
}

static void say(GdbBench *b, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(b->fd, text, MIN(size, 512));

        hear(b);
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
}

static void say_lines(GdbBench *b, const char *text, size_t size)
{
    const char *end = text + size;

    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((nl ? nl : end) - text);
        g_autoptr(GString) framed = g_string_new(NULL);

        packet_wrap(framed, text, n);
        say(b, framed->str, framed->len);
        text += n + 1;
    }
}

/* Whatever came before, a client that comes now is answered. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GdbBench) b = gdb_bench_new();
    g_autofree char *heard = NULL;

    b->box->c->gpr[X86_RSP] = 0x9000;
    if (size > 1 && data[0] & 1) {
        say_lines(b, (const char *)data + 1, size - 1);
    } else if (size > 1) {
        say(b, (const char *)data + 1, size - 1);
    }
    say(b, "+#00#00$qC#b4", 13);
    chr_say(b->fd, "+$vMustReplyEmpty#3a");
    heard = chr_hear(b->fd);
    g_assert_nonnull(strstr(heard, "$#00"));
    return 0;
}
