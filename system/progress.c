/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The progress line of a replay on a terminal (ECMA-48 and DEC controls). */
#include "system/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define ROWS_MIN 4

static unsigned progress_rows(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) {
        return 0;
    }
    return size.ws_row;
}

gboolean progress_possible(void)
{
    const char *term = g_getenv("TERM");

    return isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp()
           && g_strcmp0(term, "dumb") != 0;
}

void progress_draw(gboolean shared, guint64 at, guint64 end)
{
    unsigned rows = progress_rows();
    unsigned percent = (unsigned)MIN(100, at / MAX(end / 100, 1));
    g_autofree char *text =
        g_strdup_printf("replay %3u %%, instruction %" G_GUINT64_FORMAT
                        " of %" G_GUINT64_FORMAT,
                        percent, at, end);

    if (!shared) {
        g_printerr("\r%s\033[K", text);
    } else if (rows >= ROWS_MIN) {
        /* keep the cursor; scroll only what is above; write the last line */
        g_printerr("\0337\033[1;%ur\033[%u;1H\033[2K%s\0338", rows - 1, rows,
                   text);
    }
}

void progress_clear(gboolean shared)
{
    unsigned rows = progress_rows();

    if (!shared) {
        g_printerr("\r\033[K");
    } else if (rows >= ROWS_MIN) {
        g_printerr("\0337\033[r\033[%u;1H\033[2K\0338", rows);
    }
}
