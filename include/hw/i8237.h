/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two 8237A DMA controllers of a PC with their page registers. */
#ifndef HW_I8237_H
#define HW_I8237_H

#include "core/device.h"

extern const DeviceType i8237_type;

/** i8237_attach() - @owner's request line is channel 0 to 7; @ready (or NULL)
 *  is called when the guest has made the channel ready while DREQ is up */
void i8237_attach(Device *dev, unsigned chan, Device *owner,
                  void (*ready)(Device *owner));
void i8237_set_dreq(Device *dev, unsigned chan, bool level);
/** i8237_ready() - would a transfer move bytes now? */
bool i8237_ready(const Device *dev, unsigned chan);
/**
 * i8237_read()/i8237_write() - memory to device, device to memory
 * @size: bytes; channels 5 to 7 move whole words
 * @tc: out, terminal count was reached (NULL allowed)
 * Verify transfers count without touching memory (a read gives zeroes).
 * Return: bytes moved, 0 when masked, disabled or of the other direction.
 */
size_t i8237_read(Device *dev, unsigned chan, void *buf, size_t size, bool *tc);
size_t i8237_write(Device *dev, unsigned chan, const void *buf, size_t size,
                   bool *tc);

#endif
