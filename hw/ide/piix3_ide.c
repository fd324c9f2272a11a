/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 82371SB (PIIX3), function 1: IDE with bus master DMA.
 * Source: Intel 290550-002, sections 2.3 and 2.7; SFF-8038i for the engine.
 * Not modelled: timing. The channels decode the addresses of an AT; a channel
 * whose IDE decode enable is off (IDETIM bit 15) is not there. Firmware exists
 * that never sets it, so it is on after a reset, other than in the manual.
 */
#include "core/bytes.h"
#include "core/vm.h"
#include "hw/ide/ide_priv.h"

#define IDETIM 0x40
#define IDETIM_DECODE 0x80u /* of the high byte */
#define BM_BAR 4
#define BM_BYTES 16
#define BM_CHANNEL 8 /* bytes of a channel */
#define BM_CMD 0
#define BM_CMD_START 0x01u
#define BM_CMD_TO_MEMORY 0x08u
#define BM_STATUS 2
#define BM_STATUS_ACTIVE 0x01u
#define BM_STATUS_ERROR 0x02u
#define BM_STATUS_IRQ 0x04u
#define BM_STATUS_SOFT 0x60u /* drive capable bits: the BIOS's notes */
#define BM_TABLE 4
#define PRD_BYTES 8
#define PRD_LAST 0x80000000u

typedef struct Engine {
    uint8_t command, status;
    uint32_t table; /* address of the descriptors */
    uint32_t next;  /* of the one to fetch */
    uint32_t at, left;
    bool last; /* the one at work ends the table */
} Engine;

typedef struct Piix3Ide {
    PciDevice pci; /* first */
    IdeBus bus[IDE_CHANNELS];
    Engine engine[IDE_CHANNELS];
    IrqLine *out[IDE_CHANNELS];          /* borrowed: from the board */
    MemRegion *cmd_region[IDE_CHANNELS]; /* borrowed: of the Vm */
    MemRegion *ctl_region[IDE_CHANNELS];
} Piix3Ide;

/* clang-format off */
static const PciConfigRow ide_config[] = {
    {0x04, 2, 0x0000, 0x0005, 0, "command: I/O, bus master"},
    {0x06, 2, 0x0280, 0, 0x3800, "status: medium timing, fast back to back"},
    {0x40, 2, 0x8000, 0xf3ff, 0, "IDETIM primary: decodes at reset"},
    {0x42, 2, 0x8000, 0xf3ff, 0, "IDETIM secondary"},
    {0x44, 1, 0x00, 0xff, 0, "SIDETIM"},
    PCI_CONFIG_END,
};

static const StateField engine_rows[] = {
    STATE(Engine, command), STATE(Engine, status),
    STATE(Engine, table, .doc = "BMIDTP"), STATE(Engine, next),
    STATE(Engine, at), STATE(Engine, left, .max = 0x10000),
    STATE(Engine, last),
    STATE_END,
};

static const StateField ide_state[] = {
    STATE_GROUP(Piix3Ide, pci, pci_device_rows, PciDevice),
    STATE_GROUP(Piix3Ide, bus, ide_bus_rows, IdeBus),
    STATE_GROUP(Piix3Ide, engine, engine_rows, Engine),
    WIRE(Piix3Ide, out), WIRE(Piix3Ide, cmd_region),
    WIRE(Piix3Ide, ctl_region),
    STATE_END,
};
/* clang-format on */

static const struct {
    uint16_t command, control;
} ide_ports[IDE_CHANNELS] = {{0x1f0, 0x3f6}, {0x170, 0x376}};

static Piix3Ide *ide_of(IdeBus *bus)
{
    return (Piix3Ide *)bus->owner;
}

/* --- bus master engine ---------------------------------------------------- */

/* SFF-8038i 1.2: base, then a count of which 0 stands for 64 KiB. */
static bool engine_fetch(Piix3Ide *s, Engine *e)
{
    uint8_t prd[PRD_BYTES];
    uint32_t count;

    if (e->last) {
        e->status &= (uint8_t)~BM_STATUS_ACTIVE;
        return false;
    }
    if (!pci_dma_read(&s->pci, e->next, prd, sizeof(prd))) {
        e->status |= BM_STATUS_ERROR;
        e->status &= (uint8_t)~BM_STATUS_ACTIVE;
        return false;
    }
    count = ld_le32(prd + 4);
    e->next += PRD_BYTES;
    e->at = ld_le32(prd) & ~1u;
    e->left = count & 0xfffe ? count & 0xfffe : 0x10000;
    e->last = count & PRD_LAST;
    return true;
}

static uint32_t engine_move(IdeBus *bus, uint8_t *buf, uint32_t size,
                            bool to_guest)
{
    Piix3Ide *s = ide_of(bus);
    Engine *e = &s->engine[bus->index];
    uint32_t moved = 0;

    while (moved < size && e->status & BM_STATUS_ACTIVE) {
        uint32_t n;

        if (e->left == 0 && !engine_fetch(s, e)) {
            break;
        }
        n = MIN(e->left, size - moved);
        if (to_guest) {
            pci_dma_write(&s->pci, e->at, buf + moved, n);
        } else {
            pci_dma_read(&s->pci, e->at, buf + moved, n);
        }
        e->at += n;
        e->left -= n;
        moved += n;
    }
    if (e->left == 0 && e->last) { /* the table has been used up */
        e->status &= (uint8_t)~BM_STATUS_ACTIVE;
    }
    return moved;
}

static void engine_command(Piix3Ide *s, unsigned n, uint8_t v)
{
    Engine *e = &s->engine[n];
    uint8_t was = e->command;

    e->command = v & (BM_CMD_START | BM_CMD_TO_MEMORY);
    if (!(v & BM_CMD_START)) {
        e->status &= (uint8_t)~BM_STATUS_ACTIVE;
    } else if (!(was & BM_CMD_START)) {
        e->status |= BM_STATUS_ACTIVE;
        e->next = e->table;
        e->left = 0;
        e->last = false;
        ide_bus_dma_ready(&s->bus[n]);
    }
}

static uint64_t bm_read(Device *dev, uint64_t off, unsigned size)
{
    const Engine *e = &((Piix3Ide *)dev)->engine[off / BM_CHANNEL];

    switch (off % BM_CHANNEL) {
    case BM_CMD:
        return e->command;
    case BM_STATUS:
        return e->status;
    case BM_TABLE:
    case BM_TABLE + 1:
    case BM_TABLE + 2:
    case BM_TABLE + 3:
        return e->table >> (8 * (off % 4)) & 0xff;
    default:
        return 0;
    }
}

static void bm_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Piix3Ide *s = (Piix3Ide *)dev;
    unsigned n = (unsigned)off / BM_CHANNEL, shift = 8 * (off % 4);
    Engine *e = &s->engine[n];

    switch (off % BM_CHANNEL) {
    case BM_CMD:
        engine_command(s, n, (uint8_t)v);
        break;
    case BM_STATUS: /* error and interrupt: a written 1 clears */
        e->status &= (uint8_t) ~(v & (BM_STATUS_ERROR | BM_STATUS_IRQ));
        e->status =
            (uint8_t)((e->status & ~BM_STATUS_SOFT) | (v & BM_STATUS_SOFT));
        break;
    case BM_TABLE:
    case BM_TABLE + 1:
    case BM_TABLE + 2:
    case BM_TABLE + 3:
        e->table &= ~(0xffu << shift);
        e->table |= (uint32_t)(v & 0xff) << shift;
        e->table &= ~3u;
        break;
    default:
        break;
    }
}

static const MemOps bm_ops = {
    .read = bm_read,
    .write = bm_write,
    .peek = bm_read,
    .max_size = 1,
};

/* --- task file ports -------------------------------------------------------- */

static IdeBus *ide_bus_at(Device *dev, unsigned channel)
{
    return &((Piix3Ide *)dev)->bus[channel];
}

static uint64_t cmd_read(IdeBus *bus, uint64_t off, unsigned size)
{
    if (off == 0 && size == 4) {
        uint32_t low = ide_bus_data_read(bus, 2);

        return low | (uint32_t)ide_bus_data_read(bus, 2) << 16;
    }
    return off == 0 ? ide_bus_data_read(bus, size)
                    : ide_bus_read(bus, (unsigned)off);
}

static void cmd_write(IdeBus *bus, uint64_t off, uint64_t v, unsigned size)
{
    if (off == 0 && size == 4) {
        ide_bus_data_write(bus, (uint16_t)v, 2);
        ide_bus_data_write(bus, (uint16_t)(v >> 16), 2);
    } else if (off == 0) {
        ide_bus_data_write(bus, (uint16_t)v, size);
    } else {
        ide_bus_write(bus, (unsigned)off, (uint8_t)v);
    }
}

/* Wide accesses below the data register reach the registers that they cover
 * one by one. */
static uint64_t cmd_read_any(IdeBus *bus, uint64_t off, unsigned size)
{
    uint64_t v = 0;

    if (off == 0 || size == 1) {
        return cmd_read(bus, off, size);
    }
    for (unsigned i = 0; i < size && off + i < 8; i++) {
        v |= cmd_read(bus, off + i, 1) << (8 * i);
    }
    return v;
}

static void cmd_write_any(IdeBus *bus, uint64_t off, uint64_t v, unsigned size)
{
    if (off == 0 || size == 1) {
        cmd_write(bus, off, v, size);
        return;
    }
    for (unsigned i = 0; i < size && off + i < 8; i++) {
        cmd_write(bus, off + i, v >> (8 * i) & 0xff, 1);
    }
}

#define CHANNEL_OPS(n)                                                         \
    static uint64_t cmd##n##_read(Device *dev, uint64_t off, unsigned size)    \
    {                                                                          \
        return cmd_read_any(ide_bus_at(dev, n), off, size);                    \
    }                                                                          \
    static uint64_t cmd##n##_peek(Device *dev, uint64_t off, unsigned size)    \
    {                                                                          \
        return off ? ide_bus_peek(ide_bus_at(dev, n), (unsigned)off) : 0;      \
    }                                                                          \
    static void cmd##n##_write(Device *dev, uint64_t off, uint64_t v,          \
                               unsigned size)                                  \
    {                                                                          \
        cmd_write_any(ide_bus_at(dev, n), off, v, size);                       \
    }                                                                          \
    static uint64_t ctl##n##_read(Device *dev, uint64_t off, unsigned size)    \
    {                                                                          \
        return ide_bus_alt_status(ide_bus_at(dev, n));                         \
    }                                                                          \
    static void ctl##n##_write(Device *dev, uint64_t off, uint64_t v,          \
                               unsigned size)                                  \
    {                                                                          \
        ide_bus_control(ide_bus_at(dev, n), (uint8_t)v);                       \
    }
CHANNEL_OPS(0)
CHANNEL_OPS(1)

static const MemOps cmd_ops[IDE_CHANNELS] = {
    {.read = cmd0_read, .write = cmd0_write, .peek = cmd0_peek, .max_size = 4},
    {.read = cmd1_read, .write = cmd1_write, .peek = cmd1_peek, .max_size = 4},
};
static const MemOps ctl_ops[IDE_CHANNELS] = {
    {.read = ctl0_read, .write = ctl0_write, .peek = ctl0_read, .max_size = 1},
    {.read = ctl1_read, .write = ctl1_write, .peek = ctl1_read, .max_size = 1},
};

/* --- lines and wiring --------------------------------------------------------- */

static void ide_set_irq(IdeBus *bus, bool level)
{
    Piix3Ide *s = ide_of(bus);

    if (level) {
        s->engine[bus->index].status |= BM_STATUS_IRQ;
    }
    irq_set(s->out[bus->index], level);
}

static const IdeBusOps ide_ops = {
    .set_irq = ide_set_irq,
    .dma = engine_move,
};

void piix3_ide_connect(Device *ide, IrqLine *const out[IDE_CHANNELS])
{
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        ((Piix3Ide *)ide)->out[i] = out[i];
    }
}

bool piix3_ide_attach(Device *ide, Device *drive, int channel, int unit,
                      GError **error)
{
    Piix3Ide *s = (Piix3Ide *)ide;
    IdeDrive *d = (IdeDrive *)drive;

    for (int c = 0; c < IDE_CHANNELS; c++) {
        for (int u = 0; u < IDE_UNITS; u++) {
            if ((channel >= 0 && c != channel) || (unit >= 0 && u != unit)
                || s->bus[c].drive[u]) {
                continue;
            }
            s->bus[c].drive[u] = d;
            d->bus = &s->bus[c];
            d->unit = (unsigned)u;
            return true;
        }
    }
    if (channel >= 0 && unit >= 0) {
        return fail(error, "IDE unit %d of ide.%d is in use", unit, channel);
    }
    return fail(error, "no place is left on %s",
                channel < 0 ? "the IDE channels" : "this IDE channel");
}

Device *piix3_ide_drive(const Device *ide, unsigned channel, unsigned unit)
{
    IdeDrive *d = ((const Piix3Ide *)ide)->bus[channel].drive[unit];

    return d ? &d->dev : NULL;
}

/* --- device ------------------------------------------------------------------- */

static void ide_remap(PciDevice *pd)
{
    Piix3Ide *s = (Piix3Ide *)pd;
    bool io = pci_config16(pd, PCI_COMMAND) & PCI_COMMAND_IO;

    mem_begin(pd->dev.vm);
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        bool on = io && pd->config[IDETIM + 2 * i + 1] & IDETIM_DECODE;

        mem_set_enabled(s->cmd_region[i], on);
        mem_set_enabled(s->ctl_region[i], on);
    }
    mem_commit(pd->dev.vm);
}

static void ide_config_written(PciDevice *pd, unsigned at, unsigned size)
{
    ide_remap(pd);
    vm_horizon_changed(pd->dev.vm);
}

static void ide_reset(PciDevice *pd)
{
    Piix3Ide *s = (Piix3Ide *)pd;

    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        irq_set(s->out[i], false); /* the drives' own reset takes theirs back */
    }
}

static bool ide_realize(PciDevice *pd, GError **error)
{
    Piix3Ide *s = (Piix3Ide *)pd;
    Vm *vm = pd->dev.vm;

    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        s->bus[i].ops = &ide_ops;
        s->bus[i].owner = &pd->dev;
        s->bus[i].index = i;
        s->cmd_region[i] = mem_io(vm, "ide-command", &pd->dev, &cmd_ops[i], 8);
        s->ctl_region[i] = mem_io(vm, "ide-control", &pd->dev, &ctl_ops[i], 1);
        mem_set_enabled(s->cmd_region[i], false);
        mem_set_enabled(s->ctl_region[i], false);
        mem_add(vm->io_root, ide_ports[i].command, s->cmd_region[i], 0);
        mem_add(vm->io_root, ide_ports[i].control, s->ctl_region[i], 0);
    }
    pci_bar_io(pd, BM_BAR,
               mem_io(vm, "ide-bus-master", &pd->dev, &bm_ops, BM_BYTES));
    return true;
}

static const PciDeviceOps ide_pci_ops = {
    .vendor = 0x8086,
    .device = 0x7010,
    .class_code = 0x010180, /* compatibility mode only, bus master */
    .config = ide_config,
    .realize = ide_realize,
    .reset = ide_reset,
    .config_written = ide_config_written,
    .remap = ide_remap,
};

const DeviceType piix3_ide_type = {
    .name = "piix3-ide",
    .size = sizeof(Piix3Ide),
    .state = ide_state,
    .doc = "Intel 82371SB IDE",
    .bus = "pci",
    .bus_ops = &ide_pci_ops,
    .realize = pci_realize,
    .unrealize = pci_unrealize,
    .reset_done = pci_reset_done,
    .rebuild = pci_rebuild,
};
