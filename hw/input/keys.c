/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and scan codes of keys. */
#include "hw/keys.h"

#include <string.h>

static const KeyCodes codes[KEY_COUNT] = {
#define KEY(nm, s1, s2, s3)                                                    \
    [KEY_##nm] = {.name = #nm, .set1 = (s1), .set2 = (s2), .set3 = (s3)},
#include "hw/keys.def"
#undef KEY
};

/* Other names of the same keys. */
static const struct {
    const char *name;
    KeyCode key;
} aliases[] = {
    {"asterisk", KEY_kp_multiply},
    {"menu", KEY_compose},
    {"katakanahiragana", KEY_hiragana},
};

KeyCode key_from_name(const char *name)
{
    for (unsigned i = 1; i < KEY_COUNT; i++) {
        if (strcmp(codes[i].name, name) == 0) {
            return (KeyCode)i;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (strcmp(aliases[i].name, name) == 0) {
            return aliases[i].key;
        }
    }
    return KEY_NONE;
}

const char *key_name(KeyCode key)
{
    return (unsigned)key < KEY_COUNT ? codes[key].name : NULL;
}

const KeyCodes *key_codes(KeyCode key)
{
    return &codes[(unsigned)key < KEY_COUNT ? key : KEY_NONE];
}
