/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 keyboard. Source: IBM PS/2 Hardware Interface Technical Reference,
 * "Keyboards (101- and 102-key)", cited as IBM.
 *
 * Not modelled: repeating by itself (the one who presses repeats; rate and
 * delay only hold values), key types of scan code set 3 (every key makes and
 * breaks), codes that depend on shift or alt being held.
 */
#include "hw/input/ps2_priv.h"

#define TYPEMATIC_DEFAULT 0x2b /* 10.9 a second after 500 ms */

typedef struct Ps2Kbd {
    Device dev;
    Ps2Queue q;
    uint8_t leds;
    uint8_t typematic;
    uint8_t set; /* 1 to 3 */
    bool scanning;
} Ps2Kbd;

/* --- keys ----------------------------------------------------------------- */

static size_t put_plain(uint8_t *out, unsigned set, uint16_t code, bool down)
{
    size_t n = 0;

    if (!code) {
        return 0;
    }
    if (code >> 8) {
        out[n++] = (uint8_t)(code >> 8);
    }
    if (set == 1) {
        out[n++] = (uint8_t)(code | (down ? 0 : 0x80));
    } else {
        if (!down) {
            out[n++] = 0xf0;
        }
        out[n++] = (uint8_t)code;
    }
    return n;
}

/* IBM, "Pause": a make that contains its break. */
static size_t put_pause(uint8_t *out, unsigned set, bool down)
{
    static const uint8_t set1[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5};
    static const uint8_t set2[] = {0xe1, 0x14, 0x77, 0xe1,
                                   0xf0, 0x14, 0xf0, 0x77};
    const uint8_t *from = set == 1 ? set1 : set2;
    size_t n = set == 1 ? sizeof(set1) : sizeof(set2);

    if (set == 3) {
        return put_plain(out, 3, key_codes(KEY_pause)->set3, down);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = from[i];
    }
    return down ? n : 0;
}

/* IBM, "Print Screen": comes with a left shift of its own. */
static size_t put_print(uint8_t *out, unsigned set, bool down)
{
    const KeyCodes *k = key_codes(KEY_print);
    uint16_t code = set == 1 ? k->set1 : k->set2;
    uint16_t shift = set == 1 ? 0xe02a : 0xe012;
    size_t n;

    if (set == 3) {
        return put_plain(out, 3, k->set3, down);
    }
    n = put_plain(out, set, down ? shift : code, down);
    return n + put_plain(out + n, set, down ? code : shift, down);
}

void ps2_kbd_event(Device *dev, KeyCode key, bool down)
{
    Ps2Kbd *k = (Ps2Kbd *)dev;
    const KeyCodes *c = key_codes(key);
    uint8_t bytes[8];
    size_t n;

    if (!k->scanning) {
        return;
    }
    if (key == KEY_pause) {
        n = put_pause(bytes, k->set, down);
    } else if (key == KEY_print) {
        n = put_print(bytes, k->set, down);
    } else {
        n = put_plain(bytes, k->set,
                      k->set == 1   ? c->set1
                      : k->set == 2 ? c->set2
                                    : c->set3,
                      down);
    }
    ps2_put(dev, bytes, n);
}

unsigned ps2_kbd_leds(const Device *dev)
{
    return ((const Ps2Kbd *)dev)->leds;
}

/* --- commands ------------------------------------------------------------- */

static void kbd_defaults(Ps2Kbd *k)
{
    k->typematic = TYPEMATIC_DEFAULT;
    k->set = 2;
    ps2_flush(&k->dev);
}

static void kbd_parameter(Ps2Kbd *k, uint8_t command, uint8_t v)
{
    Device *dev = &k->dev;

    switch (command) {
    case 0xed:
        k->leds = v & 7;
        break;
    case 0xf0:
        if (v > 3) {
            k->q.command = command;
            ps2_put1(dev, PS2_RESEND);
            return;
        }
        if (!v) {
            ps2_put(dev, (const uint8_t[]){PS2_ACK, k->set}, 2);
            return;
        }
        k->set = v;
        break;
    case 0xf3:
        k->typematic = v & 0x7f;
        break;
    default: /* fb to fd: key types */
        break;
    }
    ps2_put1(dev, PS2_ACK);
}

/* IBM, "Commands from the System". */
void ps2_kbd_command(Device *dev, uint8_t v)
{
    Ps2Kbd *k = (Ps2Kbd *)dev;
    uint8_t command = k->q.command;

    k->q.command = 0;
    if (command && v < 0xed) {
        kbd_parameter(k, command, v);
        return;
    }
    switch (v) {
    case 0xee: /* echo */
        ps2_put1(dev, 0xee);
        break;
    case 0xed:
    case 0xf0:
    case 0xf3:
    case 0xfb ... 0xfd:
        k->q.command = v;
        ps2_put1(dev, PS2_ACK);
        break;
    case 0xf2:
        ps2_put(dev, (const uint8_t[]){PS2_ACK, 0xab, 0x83}, 3);
        break;
    case 0xf4:
        ps2_flush(dev);
        k->scanning = true;
        ps2_put1(dev, PS2_ACK);
        break;
    case 0xf5:
    case 0xf6:
        kbd_defaults(k);
        k->scanning = v == 0xf6;
        ps2_put1(dev, PS2_ACK);
        break;
    case 0xf7 ... 0xfa: /* types of all keys */
        ps2_put1(dev, PS2_ACK);
        break;
    case 0xfe:
        ps2_put1(dev, k->q.last);
        break;
    case 0xff:
        kbd_defaults(k);
        k->leds = 0;
        k->scanning = true;
        ps2_put(dev, (const uint8_t[]){PS2_ACK, PS2_TEST_OK}, 2);
        break;
    default:
        ps2_put1(dev, PS2_RESEND);
        break;
    }
}

/* clang-format off */
static const StateField ps2_kbd_state[] = {
    STATE_GROUP(Ps2Kbd, q, ps2_queue_rows, Ps2Queue),
    STATE(Ps2Kbd, leds),
    STATE(Ps2Kbd, typematic, .reset = TYPEMATIC_DEFAULT),
    STATE(Ps2Kbd, set, .reset = 2),
    STATE(Ps2Kbd, scanning, .reset = true),
    STATE_END,
};
/* clang-format on */

const DeviceType ps2_kbd_type = {
    .name = "ps2-kbd",
    .size = sizeof(Ps2Kbd),
    .state = ps2_kbd_state,
    .doc = "PS/2 keyboard",
};
