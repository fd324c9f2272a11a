/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys by their QKeyCode names (as in `sendkey ctrl-alt-f1`). */
#ifndef HW_KEYS_H
#define HW_KEYS_H

#include "core/types.h"

typedef enum KeyCode {
    KEY_NONE,
#define KEY(name, set1, set2, set3) KEY_##name,
#include "hw/keys.def"
#undef KEY
    KEY_COUNT
} KeyCode;

/* Make codes; 0: the key has none in this set. 0xe0xx: preceded by 0xe0. The
 * keys pause and print have sequences of their own. */
typedef struct KeyCodes {
    const char *name;
    uint16_t set1, set2, set3;
} KeyCodes;

/** key_from_name() - KEY_NONE when there is no such key */
KeyCode key_from_name(const char *name);
/** key_name() - NULL for KEY_NONE and what is no key */
const char *key_name(KeyCode key);
const KeyCodes *key_codes(KeyCode key);

#endif
