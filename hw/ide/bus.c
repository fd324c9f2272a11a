/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ATA channel: command and control registers of two drives. Both take what
 * is written to the command block; the selected one answers (ATA7 volume 2,
 * clause 5 and 6). A drive that is not there reads as zeroes.
 * Not modelled: PDIAG-, bus timing, the settling time of a reset.
 */
#include "hw/ide/ide_priv.h"

enum {
    REG_FEATURE = 1, /* read: error */
    REG_COUNT = 2,
    REG_LBA_LOW = 3,
    REG_LBA_MID = 4,
    REG_LBA_HIGH = 5,
    REG_DEVICE = 6,
    REG_COMMAND = 7, /* read: status */
};
#define CMD_DEVICE_RESET 0x08u

/* clang-format off */
const StateField ide_bus_rows[] = {
    WIRE(IdeBus, ops), WIRE(IdeBus, owner), WIRE(IdeBus, index),
    WIRE(IdeBus, drive),
    STATE(IdeBus, selected, .max = IDE_UNITS - 1, .doc = "drive that answers"),
    STATE(IdeBus, control, .doc = "device control"),
    STATE(IdeBus, irq, .doc = "level of the line"),
    STATE_END,
};
/* clang-format on */

static IdeDrive *ide_selected(const IdeBus *bus)
{
    return bus->drive[bus->selected];
}

void ide_update_irq(IdeBus *bus)
{
    const IdeDrive *d = ide_selected(bus);
    bool level = d && d->intrq && !(bus->control & CTRL_NIEN);

    if (level != bus->irq) {
        bus->irq = level;
        bus->ops->set_irq(bus, level);
    }
}

static uint8_t ide_status(const IdeBus *bus)
{
    const IdeDrive *d = ide_selected(bus);

    if (!d) {
        return 0;
    }
    return bus->control & CTRL_SRST ? STAT_BSY : d->status;
}

uint8_t ide_bus_alt_status(const IdeBus *bus)
{
    return ide_status(bus);
}

uint64_t ide_bus_peek(IdeBus *bus, unsigned reg)
{
    const IdeDrive *d = ide_selected(bus);
    const IdeTask *t;

    if (!d) {
        return 0;
    }
    t = &d->task[bus->control & CTRL_HOB ? 1 : 0];
    switch (reg) {
    case REG_FEATURE:
        return d->error;
    case REG_COUNT:
        return t->count;
    case REG_LBA_LOW:
    case REG_LBA_MID:
    case REG_LBA_HIGH:
        return t->lba[reg - REG_LBA_LOW];
    case REG_DEVICE:
        return d->device | 0xa0; /* obsolete bits read as ones */
    case REG_COMMAND:
        return ide_status(bus);
    default:
        return 0xff;
    }
}

uint64_t ide_bus_read(IdeBus *bus, unsigned reg)
{
    IdeDrive *d = ide_selected(bus);
    uint64_t v = ide_bus_peek(bus, reg);

    if (d && reg == REG_COMMAND) { /* ATA7 6.1: acknowledges the interrupt */
        d->intrq = false;
        ide_update_irq(bus);
    }
    return v;
}

static void ide_task_write(IdeDrive *d, unsigned reg, uint8_t v)
{
    IdeTask *now = &d->task[0], *before = &d->task[1];

    switch (reg) {
    case REG_FEATURE:
        before->feature = now->feature;
        now->feature = v;
        break;
    case REG_COUNT:
        before->count = now->count;
        now->count = v;
        break;
    default:
        before->lba[reg - REG_LBA_LOW] = now->lba[reg - REG_LBA_LOW];
        now->lba[reg - REG_LBA_LOW] = v;
        break;
    }
}

static void ide_command(IdeBus *bus, uint8_t v)
{
    IdeDrive *d = ide_selected(bus);

    if (!d || bus->control & CTRL_SRST) {
        return;
    }
    if (d->status & (STAT_BSY | STAT_DRQ)
        && !(v == CMD_DEVICE_RESET && ide_is_cd(d))) {
        return; /* ATA7 6.1: indeterminate; a busy drive hears nothing */
    }
    d->intrq = false;
    ide_update_irq(bus);
    d->command = v;
    d->error = 0;
    if (ide_is_cd(d)) {
        atapi_command(d, v);
    } else {
        ata_command(d, v);
    }
}

void ide_bus_write(IdeBus *bus, unsigned reg, uint8_t v)
{
    bus->control &= (uint8_t)~CTRL_HOB; /* ATA7 6.2 */
    if (reg == REG_COMMAND) {
        ide_command(bus, v);
        return;
    }
    if (reg == REG_DEVICE) {
        bus->selected = v & DEV_UNIT ? 1 : 0;
    }
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        IdeDrive *d = bus->drive[i];

        if (!d || d->status & STAT_BSY) {
            continue;
        }
        if (reg == REG_DEVICE) {
            d->device = v;
        } else if (!(d->status & STAT_DRQ)) {
            ide_task_write(d, reg, v);
        }
    }
    if (reg == REG_DEVICE) {
        ide_update_irq(bus);
    }
}

/* A reset begins when SRST rises and ends when it falls (ATA7 9.3). */
void ide_bus_control(IdeBus *bus, uint8_t v)
{
    bool was = bus->control & CTRL_SRST;

    bus->control = v & (CTRL_NIEN | CTRL_SRST | CTRL_HOB);
    if (was && !(v & CTRL_SRST)) {
        bus->selected = 0;
        for (unsigned i = 0; i < IDE_UNITS; i++) {
            if (bus->drive[i]) {
                ide_drive_reset(bus->drive[i]);
            }
        }
    }
    ide_update_irq(bus);
}

/* --- the data port ------------------------------------------------------------ */

uint16_t ide_bus_data_read(IdeBus *bus, unsigned size)
{
    IdeDrive *d = ide_selected(bus);
    uint16_t v = 0;

    if (!d || d->phase != IDE_PHASE_PIO_IN) {
        return 0;
    }
    for (unsigned i = 0; i < size && d->at < d->drq_end; i++) {
        v |= (uint16_t)((uint16_t)d->buf[d->at++] << (8 * i));
    }
    if (d->at == d->drq_end) {
        ide_pio_moved(d);
    }
    return v;
}

void ide_bus_data_write(IdeBus *bus, uint16_t v, unsigned size)
{
    IdeDrive *d = ide_selected(bus);

    if (!d || (d->phase != IDE_PHASE_PIO_OUT && d->phase != IDE_PHASE_PACKET)) {
        return;
    }
    for (unsigned i = 0; i < size && d->at < d->drq_end; i++) {
        d->buf[d->at++] = (uint8_t)(v >> (8 * i));
    }
    if (d->at == d->drq_end) {
        ide_pio_moved(d);
    }
}

void ide_bus_dma_ready(IdeBus *bus)
{
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        IdeDrive *d = bus->drive[i];

        if (d
            && (d->phase == IDE_PHASE_DMA_IN
                || d->phase == IDE_PHASE_DMA_OUT)) {
            ide_dma_go(d);
        }
    }
}
