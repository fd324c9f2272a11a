/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults of -icount. */
#ifndef REPLAY_OPTIONS_PRIV_H
#define REPLAY_OPTIONS_PRIV_H

#include "replay/replay.h"

/* Steps between digest points. Only this default yields to their cost; a number
 * that somebody typed is kept exactly. */
#define REPLAY_DIGEST_EVERY 50000000

#endif
