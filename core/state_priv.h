/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking state rows. */
#ifndef CORE_STATE_PRIV_H
#define CORE_STATE_PRIV_H

#include "core/state.h"

/** state_is_row() - does the row hold state (not wire, cache or computed)? */
bool state_is_row(const StateField *f);
/** state_is_scalar() - a value that fits 64 bits */
bool state_is_scalar(const StateField *f);
/** state_get()/state_set() - element @i of a scalar row of @obj */
uint64_t state_get(const StateField *f, const void *obj, uint32_t i);
void state_set(const StateField *f, void *obj, uint32_t i, uint64_t v);
void *state_elem(const StateField *f, const void *obj, uint32_t i);
/** state_init_rows() - as a reset, kept rows included; for new devices */
void state_init_rows(Device *dev);
/** state_check_rows() - asserts that a table is sound */
void state_check_rows(const StateField *rows);
/** state_encode_row() - the bytes of one row: write or hash */
bool state_encode_row(const StateField *f, const void *obj, Codec *c);
/** state_decode_row() - the values of a row that is neither group nor codec;
 *  CODEC_READ */
bool state_decode_row(const StateField *f, void *obj, Codec *c);

#endif
