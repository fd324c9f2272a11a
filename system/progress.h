/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The progress line of a replay on a terminal. */
#ifndef SYSTEM_PROGRESS_H
#define SYSTEM_PROGRESS_H

#include <glib.h>

/** progress_possible() - standard error is a terminal that we may draw on */
gboolean progress_possible(void);
/** progress_draw() - @shared: a console prints on the same terminal, so the
 *  last line is kept out of its way */
void progress_draw(gboolean shared, guint64 at, guint64 end);
void progress_clear(gboolean shared);

#endif
