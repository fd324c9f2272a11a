/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option lists as people type them: "first,key=value,flag,path=a,,b". */
#ifndef CORE_KEYVAL_H
#define CORE_KEYVAL_H

#include "core/types.h"

typedef struct KeyVal {
    char *key;   /* owned */
    char *value; /* owned; "on" for a bare word */
    bool taken;
} KeyVal;

typedef struct KeyVals {
    GArray *items; /* KeyVal */
} KeyVals;

/**
 * keyvals_parse() - split @text at commas (",," stands for a comma)
 * @implied: the key of a first word without "=", NULL: it is a flag itself
 */
void keyvals_parse(KeyVals *kv, const char *text, const char *implied);
void keyvals_clear(KeyVals *kv);
/** keyvals_take() - the last value of @key, NULL when absent; marks it taken */
const char *keyvals_take(KeyVals *kv, const char *key);
/** keyvals_take_bool() - on|off|yes|no|true|false; @v untouched when absent */
bool keyvals_take_bool(KeyVals *kv, const char *key, bool *v, GError **error);
bool keyvals_take_u64(KeyVals *kv, const char *key, uint64_t max, uint64_t *v,
                      GError **error);
/** keyvals_done() - false naming the first key that nobody took, and the
 *  nearest of @known (NULL-terminated) */
bool keyvals_done(const KeyVals *kv, const char *const *known, GError **error);

bool parse_bool(const char *text, bool *v);
/** parse_u64() - decimal, 0x or 0 prefixed; whole text; at most @max */
bool parse_u64(const char *text, uint64_t max, uint64_t *v);
/** parse_size() - with an optional suffix B K M G T; @unit: of a bare number */
bool parse_size(const char *text, uint64_t unit, uint64_t *v);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeyVals, keyvals_clear)

#endif
