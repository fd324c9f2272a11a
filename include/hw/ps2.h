/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PS/2 keyboard and mouse, and the inputs that reach them. */
#ifndef HW_PS2_H
#define HW_PS2_H

#include "core/device.h"
#include "core/input.h"
#include "hw/keys.h"

extern const DeviceType ps2_kbd_type;
extern const DeviceType ps2_mouse_type;

/* Bytes to and from the controller. Thread: machine. */
void ps2_send(Device *ps2, uint8_t byte); /* controller to device */
bool ps2_has_byte(const Device *ps2);
uint8_t ps2_take_byte(Device *ps2); /* device to controller */
/** ps2_set_ready() - called when the device has a byte and had none before */
void ps2_set_ready(Device *ps2, Device *owner, void (*ready)(Device *owner));

#define PS2_BUTTON_LEFT 0x01u
#define PS2_BUTTON_RIGHT 0x02u
#define PS2_BUTTON_MIDDLE 0x04u
#define PS2_BUTTON_SIDE 0x08u
#define PS2_BUTTON_EXTRA 0x10u

/** ps2_kbd_event() - a key went down (also: repeats) or up */
void ps2_kbd_event(Device *kbd, KeyCode key, bool down);
/** ps2_kbd_leds() - bit 0 scroll lock, 1 num lock, 2 caps lock */
unsigned ps2_kbd_leds(const Device *kbd);
/** ps2_mouse_event() - motion right and down positive, wheel towards the person
 *  positive, all buttons now down */
void ps2_mouse_event(Device *mouse, int dx, int dy, int dz, unsigned buttons);

/* The events to post; deliver finds the machine's keyboard or mouse. */
typedef struct KeyEvent {
    uint32_t key; /* KeyCode */
    bool down;
} KeyEvent;
extern const InputSource key_source; /* "key" */

typedef struct PointerEvent {
    int32_t dx, dy, dz;
    uint32_t buttons;
} PointerEvent;
extern const InputSource pointer_source; /* "pointer" */

#endif
