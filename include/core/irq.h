/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt and signal lines. The sink embeds IrqLine members and rows them as
 * STATE (the level is the sink's state); drivers hold WIRE pointers to them.
 */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include "core/types.h"

typedef void IrqHandler(Device *sink, unsigned n, bool level);

struct IrqLine {
    IrqHandler *handler;
    Device *sink; /* borrowed: owns this line */
    unsigned n;   /* passed to the handler */
    bool level;
};

void irq_init(IrqLine *line, Device *sink, IrqHandler *handler, unsigned n);
/** irq_set() - drive a level; NULL is allowed; the handler runs on a change.
 *  Thread: machine. */
void irq_set(IrqLine *line, bool level);
/** irq_pulse() - up and down again */
void irq_pulse(IrqLine *line);
bool irq_level(const IrqLine *line);

#endif
