/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two cascaded 8237A DMA controllers with the page registers of a PC. Source:
 * Intel 8237A data sheet (231466-005), cited as 8237A; pages and ports: Intel
 * 82371SB (PIIX3) 2.5.1.
 *
 * Transfers happen when the device asks, at once, in one piece; the bus is
 * never busy. So priorities, timing bits and the transfer modes (demand,
 * single, block) make no difference.
 *
 * Not modelled: memory to memory, EOP as an input, extended page registers.
 */
#include "hw/i8237.h"

#include "core/vm.h"

#define MODE_KIND(mode) ((mode) >> 2 & 3)
#define MODE_AUTO 0x10
#define MODE_DOWN 0x20
#define COMMAND_OFF 0x04
enum {
    KIND_VERIFY,
    KIND_WRITE, /* device to memory */
    KIND_READ,  /* memory to device */
};

typedef struct DmaChan {
    uint16_t base_addr, base_count;
    uint16_t addr, count; /* present */
    uint8_t mode;
    uint8_t page;
    bool masked, request, dreq, tc;
    Device *owner; /* borrowed: the device on the channel */
    void (*ready)(Device *owner);
} DmaChan;

typedef struct I8237 {
    Device dev;
    DmaChan chan[8];
    uint8_t command[2];
    bool high[2]; /* first/last flip-flop: the high byte comes next */
    uint8_t temp[2];
    uint8_t pages[16]; /* ports 0x80 to 0x8f that are no channel's page */
} I8237;

/* --- transfers ------------------------------------------------------------ */

bool i8237_ready(const Device *dev, unsigned chan)
{
    const I8237 *d = (const I8237 *)dev;

    g_assert(chan < 8);
    /* channel 4 carries the first controller; 8237A, "Cascade Mode" */
    return chan != 4 && !d->chan[chan].masked
           && !(d->command[chan >> 2] & COMMAND_OFF)
           && (chan > 3
               || (!d->chan[4].masked && !(d->command[1] & COMMAND_OFF)));
}

static void i8237_notify(I8237 *d)
{
    for (unsigned i = 0; i < 8; i++) {
        DmaChan *c = &d->chan[i];

        if (c->dreq && c->ready && i8237_ready(&d->dev, i)) {
            c->ready(c->owner);
        }
    }
}

static GuestPhys chan_addr(const DmaChan *c, bool wide)
{
    if (wide) {
        return (GuestPhys)(c->page & 0xfe) << 16 | (GuestPhys)c->addr << 1;
    }
    return (GuestPhys)c->page << 16 | c->addr;
}

/* Move one unit's registers on; true at terminal count. */
static bool chan_step(DmaChan *c)
{
    c->addr = (uint16_t)(c->addr + (c->mode & MODE_DOWN ? -1 : 1));
    if (c->count--) {
        return false;
    }
    c->tc = true;
    c->request = false;
    if (c->mode & MODE_AUTO) {
        c->addr = c->base_addr;
        c->count = c->base_count;
    } else {
        c->masked = true; /* 8237A, "Mask Register" */
    }
    return true;
}

/* How many units lie in one run of rising addresses, at least 1. */
static size_t chan_run(const DmaChan *c, size_t units)
{
    size_t run = MIN(units, (size_t)c->count + 1);

    if (c->mode & MODE_DOWN) {
        return 1;
    }
    return MIN(run, 0x10000u - c->addr);
}

typedef void DmaMove(I8237 *d, GuestPhys at, uint8_t *buf, size_t size);

static void move_read(I8237 *d, GuestPhys at, uint8_t *buf, size_t size)
{
    dma_read(d->dev.vm->mem, at, buf, size);
}

static void move_write(I8237 *d, GuestPhys at, uint8_t *buf, size_t size)
{
    dma_write(d->dev.vm->mem, at, buf, size);
}

static void move_zero(I8237 *d, GuestPhys at, uint8_t *buf, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        buf[i] = 0;
    }
}

static void move_none(I8237 *d, GuestPhys at, uint8_t *buf, size_t size)
{
}

/* Stops at terminal count, as the device would. */
static size_t i8237_move(I8237 *d, unsigned chan, uint8_t *buf, size_t size,
                         DmaMove *move, bool *tc)
{
    DmaChan *c = &d->chan[chan];
    unsigned shift = chan > 3 ? 1 : 0;
    size_t units = size >> shift, done = 0;
    bool ended = false;

    while (done < units && !ended) {
        size_t run = chan_run(c, units - done);

        move(d, chan_addr(c, shift), buf + (done << shift), run << shift);
        done += run;
        while (run--) {
            ended = chan_step(c);
        }
    }
    if (tc) {
        *tc = ended;
    }
    return done << shift;
}

static size_t i8237_transfer(Device *dev, unsigned chan, uint8_t *buf,
                             size_t size, unsigned kind, DmaMove *move,
                             DmaMove *verify, bool *tc)
{
    I8237 *d = (I8237 *)dev;
    unsigned have = MODE_KIND(d->chan[chan].mode);

    if (tc) {
        *tc = false;
    }
    if (!i8237_ready(dev, chan) || (have != kind && have != KIND_VERIFY)) {
        return 0;
    }
    return i8237_move(d, chan, buf, size, have == kind ? move : verify, tc);
}

size_t i8237_read(Device *dev, unsigned chan, void *buf, size_t size, bool *tc)
{
    return i8237_transfer(dev, chan, buf, size, KIND_READ, move_read, move_zero,
                          tc);
}

size_t i8237_write(Device *dev, unsigned chan, const void *buf, size_t size,
                   bool *tc)
{
    return i8237_transfer(dev, chan, (uint8_t *)(uintptr_t)buf, size,
                          KIND_WRITE, move_write, move_none, tc);
}

void i8237_attach(Device *dev, unsigned chan, Device *owner,
                  void (*ready)(Device *owner))
{
    DmaChan *c = &((I8237 *)dev)->chan[chan];

    g_assert(chan < 8);
    c->owner = owner;
    c->ready = ready;
}

void i8237_set_dreq(Device *dev, unsigned chan, bool level)
{
    g_assert(chan < 8);
    ((I8237 *)dev)->chan[chan].dreq = level;
}

/* --- registers ------------------------------------------------------------ */

static void i8237_clear(I8237 *d, unsigned n)
{
    d->command[n] = 0;
    d->high[n] = false;
    d->temp[n] = 0;
    for (unsigned i = 4 * n; i < 4 * n + 4; i++) {
        d->chan[i].masked = true;
        d->chan[i].request = false;
        d->chan[i].tc = false;
    }
}

static uint8_t i8237_status(const I8237 *d, unsigned n)
{
    uint8_t v = 0;

    for (unsigned i = 0; i < 4; i++) {
        const DmaChan *c = &d->chan[4 * n + i];

        v |= (uint8_t)(c->tc << i | (c->dreq || c->request) << (i + 4));
    }
    return v;
}

static void i8237_write_word(I8237 *d, unsigned n, unsigned reg, uint8_t v)
{
    DmaChan *c = &d->chan[4 * n + reg / 2];
    uint16_t *base = reg & 1 ? &c->base_count : &c->base_addr;
    uint16_t *now = reg & 1 ? &c->count : &c->addr;

    if (d->high[n]) {
        *base = (uint16_t)(v << 8 | (*base & 0xff));
    } else {
        *base = (*base & 0xff00) | v;
    }
    *now = *base;
    d->high[n] = !d->high[n];
}

static void i8237_write_reg(I8237 *d, unsigned n, unsigned reg, uint8_t v)
{
    DmaChan *c = &d->chan[4 * n + (v & 3)];

    switch (reg) {
    case 0x8:
        d->command[n] = v;
        break;
    case 0x9:
        c->request = v & 4;
        break;
    case 0xa:
        c->masked = v & 4;
        break;
    case 0xb:
        c->mode = v & 0xfc;
        break;
    case 0xc:
        d->high[n] = false;
        break;
    case 0xd:
        i8237_clear(d, n);
        break;
    case 0xe:
    case 0xf:
        for (unsigned i = 0; i < 4; i++) {
            d->chan[4 * n + i].masked = reg == 0xf && (v >> i & 1);
        }
        break;
    default:
        i8237_write_word(d, n, reg, v);
        return;
    }
    i8237_notify(d);
}

static uint8_t i8237_look(const I8237 *d, unsigned n, unsigned reg)
{
    const DmaChan *c = &d->chan[4 * n + (reg / 2 & 3)];
    uint16_t word = reg & 1 ? c->count : c->addr;
    uint8_t v = 0xf0;

    switch (reg) {
    case 0x8:
        return i8237_status(d, n);
    case 0xd:
        return d->temp[n];
    case 0xf: /* PIIX3: masks can be read */
        for (unsigned i = 0; i < 4; i++) {
            v |= (uint8_t)(d->chan[4 * n + i].masked << i);
        }
        return v;
    default:
        return reg < 8 ? (uint8_t)(word >> (d->high[n] ? 8 : 0)) : 0xff;
    }
}

static uint8_t i8237_read_reg(I8237 *d, unsigned n, unsigned reg)
{
    uint8_t v = i8237_look(d, n, reg);

    if (reg < 8) {
        d->high[n] = !d->high[n];
    } else if (reg == 8) {
        for (unsigned i = 0; i < 4; i++) {
            d->chan[4 * n + i].tc = false; /* 8237A, "Status Register" */
        }
    }
    return v;
}

/* The first has a register a port, the second one every other port. */
#define DMA_PORTS(name, n, shift)                                              \
    static uint64_t name##_read(Device *dev, uint64_t off, unsigned size)      \
    {                                                                          \
        return i8237_read_reg((I8237 *)dev, n, (unsigned)off >> (shift));      \
    }                                                                          \
    static uint64_t name##_peek(Device *dev, uint64_t off, unsigned size)      \
    {                                                                          \
        return i8237_look((I8237 *)dev, n, (unsigned)off >> (shift));          \
    }                                                                          \
    static void name##_write(Device *dev, uint64_t off, uint64_t v,            \
                             unsigned size)                                    \
    {                                                                          \
        i8237_write_reg((I8237 *)dev, n, (unsigned)off >> (shift),             \
                        (uint8_t)v);                                           \
    }                                                                          \
    static const MemOps name##_ops = {                                         \
        .read = name##_read,                                                   \
        .write = name##_write,                                                 \
        .peek = name##_peek,                                                   \
        .max_size = 1,                                                         \
    };

DMA_PORTS(dma8, 0, 0)
DMA_PORTS(dma16, 1, 1)

/* Channel of a page port 0x80 + n, -1: a spare register. */
static int page_chan(uint64_t n)
{
    static const int8_t chans[16] = {-1, 2, 3, 1, -1, -1, -1, 0,
                                     -1, 6, 7, 5, -1, -1, -1, -1};

    return chans[n & 15];
}

static uint64_t page_read(Device *dev, uint64_t off, unsigned size)
{
    I8237 *d = (I8237 *)dev;
    int chan = page_chan(off);

    return chan < 0 ? d->pages[off & 15] : d->chan[chan].page;
}

static void page_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    I8237 *d = (I8237 *)dev;
    int chan = page_chan(off);

    if (chan < 0) {
        d->pages[off & 15] = (uint8_t)v;
    } else {
        d->chan[chan].page = (uint8_t)v;
    }
}

static const MemOps page_ops = {
    .read = page_read,
    .write = page_write,
    .peek = page_read,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

static bool i8237_realize(Device *dev, GError **error)
{
    Vm *vm = dev->vm;

    mem_add(vm->io_root, 0x00, mem_io(vm, "dma8", dev, &dma8_ops, 16), 0);
    mem_add(vm->io_root, 0xc0, mem_io(vm, "dma16", dev, &dma16_ops, 32), 0);
    mem_add(vm->io_root, 0x80, mem_io(vm, "dma-page", dev, &page_ops, 16), 0);
    return true;
}

/* clang-format off */
static const StateField dma_chan_rows[] = {
    STATE(DmaChan, base_addr),
    STATE(DmaChan, base_count),
    STATE(DmaChan, addr),
    STATE(DmaChan, count),
    STATE(DmaChan, mode),
    STATE(DmaChan, page),
    STATE(DmaChan, masked, .reset = true),
    STATE(DmaChan, request),
    STATE(DmaChan, dreq, .keep = true, .doc = "the device's own"),
    STATE(DmaChan, tc),
    WIRE(DmaChan, owner),
    WIRE(DmaChan, ready),
    STATE_END,
};

static const StateField i8237_state[] = {
    STATE_GROUP(I8237, chan, dma_chan_rows, DmaChan),
    STATE(I8237, command),
    STATE(I8237, high),
    STATE(I8237, temp),
    STATE(I8237, pages),
    STATE_END,
};
/* clang-format on */

const DeviceType i8237_type = {
    .name = "i8237",
    .size = sizeof(I8237),
    .state = i8237_state,
    .doc = "two 8237A DMA controllers",
    .realize = i8237_realize,
};
