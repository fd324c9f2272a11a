/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What PS/2 keyboard and mouse share: bytes on their way to the controller. */
#ifndef HW_INPUT_PS2_PRIV_H
#define HW_INPUT_PS2_PRIV_H

#include "core/vm.h"
#include "hw/ps2.h"

#define PS2_QUEUE 64
#define PS2_ACK 0xfa
#define PS2_RESEND 0xfe
#define PS2_TEST_OK 0xaa

typedef struct Ps2Queue {
    uint8_t bytes[PS2_QUEUE];
    uint32_t head, count;
    uint8_t last;    /* sent, for the resend command */
    uint8_t command; /* waits for its parameter; 0: none */
    Device *owner;   /* borrowed: the controller */
    void (*ready)(Device *owner);
} Ps2Queue;
extern const StateField ps2_queue_rows[];

/* First members of both devices. */
typedef struct Ps2 {
    Device dev;
    Ps2Queue q;
} Ps2;

/** ps2_put() - all of @bytes or, when they do not fit, none */
bool ps2_put(Device *dev, const uint8_t *bytes, size_t count);
void ps2_put1(Device *dev, uint8_t byte);
unsigned ps2_room(const Device *dev);
void ps2_flush(Device *dev);
void ps2_kbd_command(Device *dev, uint8_t v);
void ps2_mouse_command(Device *dev, uint8_t v);

#endif
