/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A character port: the guest-visible end (serial port, debug console, ...) of
 * a character back end. What comes in is an input (recorded); what goes out is
 * a result that never feeds back. Ports are numbered in creation order, which
 * is sealed; the back ends are not.
 */
#ifndef CHARDEV_PORT_H
#define CHARDEV_PORT_H

#include "core/input.h"

typedef struct Chardev Chardev; /* a back end, see chardev/chardev.h */
typedef struct ChrPort ChrPort;

typedef enum ChrEvent {
    CHR_EVENT_BREAK,
    CHR_EVENT_OPENED,
    CHR_EVENT_CLOSED,
    CHR_EVENT_FOCUS, /* host front ends of a mux: what is typed comes here now;
                        a port never sees it */
} ChrEvent;

typedef struct ChrPortOps {
    /* bytes arrive; more than the room only when the room shrank after they
     * were sent (reset, FIFO turned off) or by a foreign log: the device does
     * what its chip does with too many. Thread: machine */
    void (*receive)(Device *dev, const uint8_t *buf, size_t size);
    void (*event)(Device *dev, ChrEvent event); /* NULL allowed */
} ChrPortOps;

extern const InputSource chr_source;

/** chr_port_new() - @backend NULL: nothing connected. Owned by the Vm. */
ChrPort *chr_port_new(Vm *vm, const char *label, Chardev *backend);
void chr_port_connect(ChrPort *p, Device *dev, const ChrPortOps *ops);
/** chr_port_set_room() - how many bytes the device can take now (credits).
 *  Cheap; call whenever it changes. Thread: machine. */
void chr_port_set_room(ChrPort *p, size_t bytes);
/** chr_port_write() - output: queued, dropped when nobody listens; ends the
 *  slice when the queue is full (chr_output_full()). NULL port: dropped.
 *  Thread: machine. */
void chr_port_write(ChrPort *p, const void *buf, size_t size);
/** chr_output_full() - a reader is slow: the loop runs no further step and
 *  serves requests until this is false. Cheap. Thread: any. */
bool chr_output_full(const Vm *vm);
unsigned chr_port_count(Vm *vm);

#endif
