/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt and signal lines. */
#include "core/irq.h"

#include "core/trace.h"
#include "core/vm.h"

void irq_init(IrqLine *line, Device *sink, IrqHandler *handler, unsigned n)
{
    *line = (IrqLine){.handler = handler, .sink = sink, .n = n};
}

void irq_set(IrqLine *line, bool level)
{
    if (!line || line->level == level) {
        return;
    }
    line->level = level;
    if (line->sink) {
        trace(line->sink->vm, irq_set, line->sink->path, line->n, level);
    }
    if (line->handler) {
        line->handler(line->sink, line->n, level);
    }
}

void irq_pulse(IrqLine *line)
{
    irq_set(line, true);
    irq_set(line, false);
}

bool irq_level(const IrqLine *line)
{
    return line && line->level;
}
