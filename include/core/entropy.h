/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's only entropy: a ChaCha20 stream (RFC 8439) over a sealed seed. */
#ifndef CORE_ENTROPY_H
#define CORE_ENTROPY_H

#include "core/types.h"

Entropy *entropy_new(const uint8_t seed[32]);
void entropy_free(Entropy *e);
/** entropy_read() - next @size bytes of the stream. Thread: machine. */
void entropy_read(Vm *vm, void *buf, size_t size);
bool entropy_codec(Entropy *e, Codec *c); /* key and position */

#endif
