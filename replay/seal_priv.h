/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What replay does with a seal. */
#ifndef REPLAY_SEAL_PRIV_H
#define REPLAY_SEAL_PRIV_H

#include "replay/replay.h"

Seal *seal_copy(const Seal *s);
bool seal_codec(Codec *c, Seal *s);
/** seal_compare() - one line per differing field to @out; true when equal */
bool seal_compare(const Seal *recorded, const Seal *here, GString *out);

#endif
