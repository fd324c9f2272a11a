/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8254 programmable interval timer and port B of the PC. Source: Intel 8254
 * data sheet (231164-005), cited as 8254; port 0x61: Intel 82371SB 2.5.6.
 *
 * Counts and OUT pins are functions of virtual time. The interrupt line rises
 * at every rising edge of OUT 0; in modes 2 and 3 its low time is not shown.
 *
 * Not modelled: NMI sources of port 0x61 (they read as zero and their enables
 * only hold values).
 */
#include "hw/i8254.h"

#include "core/vm.h"

#define REFRESH_NS 15085 /* of one state of port 0x61 bit 4 */

typedef struct I8254Chan {
    uint8_t mode; /* 0 to 5 */
    uint8_t rw;   /* 1: low byte, 2: high byte, 3: both */
    bool bcd;
    bool gate;
    bool write_high, read_high; /* the other byte comes next */
    uint8_t write_low;
    bool latched, status_latched;
    uint16_t latch; /* as read: BCD if bcd */
    uint8_t status;
    bool loaded;     /* a count was written since the control word */
    bool running;    /* counts; else frozen at .held */
    uint32_t count;  /* 1 to 65536 */
    uint32_t next;   /* count that takes over; 0: none */
    uint64_t start;  /* clock at which .count was loaded */
    uint64_t change; /* clock at which .next takes over, modes 2 and 3 */
    uint64_t held;   /* clocks since .start, if not running */
} I8254Chan;

typedef struct I8254 {
    Device dev;
    I8254Chan chan[3];
    uint8_t port_b; /* bits 0 to 3 of port 0x61 */
    Timer timer;
    IrqLine *irq0; /* borrowed: from the board */
} I8254;

/* --- time ----------------------------------------------------------------- */

static uint64_t i8254_clock(const I8254 *p)
{
    unsigned __int128 ns = (unsigned __int128)dev_now(&p->dev).ns;

    return (uint64_t)(ns * I8254_HZ / NS_PER_SEC);
}

static VirtTime i8254_time(uint64_t clock)
{
    unsigned __int128 n = (unsigned __int128)clock * NS_PER_SEC;

    return (VirtTime){(int64_t)((n + I8254_HZ - 1) / I8254_HZ)};
}

static uint64_t chan_elapsed(const I8254Chan *c, uint64_t now)
{
    if (!c->running) {
        return c->held;
    }
    return now > c->start ? now - c->start : 0;
}

/* Clocks for which OUT is high in mode 3. */
static uint32_t chan_high(const I8254Chan *c)
{
    return (c->count + 1) / 2;
}

/* Let a count written during a period take over (8254, modes 2 and 3). */
static void chan_sync(I8254Chan *c, uint64_t now)
{
    if (!c->next || !c->running || (c->mode != 2 && c->mode != 3)
        || now < c->change) {
        return;
    }
    if (c->mode == 3 && (c->change - c->start) % c->count == chan_high(c)) {
        c->count = c->next;
        c->start = c->change - chan_high(c); /* goes on with the low half */
    } else {
        c->count = c->next;
        c->start = c->change;
    }
    c->next = 0;
}

static bool chan_out(const I8254Chan *c, uint64_t now)
{
    uint64_t gone = chan_elapsed(c, now);

    switch (c->mode) {
    case 0:
        return c->loaded && gone >= c->count;
    case 1:
        return !c->running || gone >= c->count;
    case 2:
        return !c->loaded || !c->running || gone % c->count != c->count - 1;
    case 3:
        return !c->loaded || !c->running || gone % c->count < chan_high(c);
    default:
        return !c->loaded || !c->running || gone != c->count;
    }
}

/* The counting element, binary. */
static uint32_t chan_value(const I8254Chan *c, uint64_t now)
{
    uint32_t modulus = c->bcd ? 10000 : 65536;
    uint64_t gone = chan_elapsed(c, now);
    uint32_t phase;

    if (!c->count) {
        return 0;
    }
    phase = (uint32_t)(gone % c->count);
    switch (c->mode) {
    case 2:
        return (c->count - phase) % modulus;
    case 3:
        if (phase >= chan_high(c)) {
            phase -= chan_high(c);
        }
        return ((c->count & ~1u) - 2 * phase) % modulus;
    default:
        return (c->count + modulus - (uint32_t)(gone % modulus)) % modulus;
    }
}

/* The next clock after @now at which OUT rises or the count changes. */
static bool chan_next(const I8254Chan *c, uint64_t now, uint64_t *out)
{
    uint64_t gone = chan_elapsed(c, now);

    if (!c->loaded || !c->running) {
        return false;
    }
    switch (c->mode) {
    case 0:
        *out = c->start + c->count;
        return gone < c->count;
    case 4:
    case 5:
        *out = c->start + c->count + (gone < c->count ? 0 : 1);
        return gone <= c->count;
    case 1:
        *out = c->start + c->count;
        return gone < c->count;
    default:
        *out = c->start + (gone / c->count + 1) * c->count;
        if (c->next) {
            *out = MIN(*out, c->change);
        }
        return c->count > 1 || c->next;
    }
}

/* --- interrupt ------------------------------------------------------------ */

static void i8254_rearm(I8254 *p)
{
    uint64_t at;

    if (chan_next(&p->chan[0], i8254_clock(p), &at)) {
        timer_arm(&p->timer, i8254_time(at));
    } else {
        timer_cancel(&p->timer);
    }
}

static void i8254_changed(I8254 *p)
{
    irq_set(p->irq0, chan_out(&p->chan[0], i8254_clock(p)));
    i8254_rearm(p);
}

static void i8254_expired(Device *dev)
{
    I8254 *p = (I8254 *)dev;
    I8254Chan *c = &p->chan[0];
    uint64_t now = i8254_clock(p);

    chan_sync(c, now);
    if (c->mode == 2 || c->mode == 3) {
        if (chan_out(c, now)) {
            irq_set(p->irq0, false);
            irq_set(p->irq0, true);
        }
        i8254_rearm(p);
    } else {
        i8254_changed(p);
    }
}

/* --- counting ------------------------------------------------------------- */

static uint32_t from_bcd(uint32_t v)
{
    return (v & 15) + 10 * (v >> 4 & 15) + 100 * (v >> 8 & 15)
           + 1000 * (v >> 12);
}

static uint16_t chan_encode(const I8254Chan *c, uint32_t v)
{
    if (!c->bcd) {
        return (uint16_t)v;
    }
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8
                      | v / 1000 % 10 << 12);
}

static void chan_begin(I8254Chan *c, uint64_t now)
{
    c->start = now + 1; /* loaded by the next clock pulse */
    c->held = 0;
    c->running = true;
}

/* A whole count has been written. */
static void chan_load(I8254Chan *c, uint32_t v, uint64_t now)
{
    uint32_t n = c->bcd ? from_bcd(v) : v;
    bool first = !c->loaded;

    if (!n) {
        n = c->bcd ? 10000 : 65536;
    }
    c->loaded = true;
    if (c->mode == 1 || c->mode == 5) {
        c->next = n; /* waits for the trigger */
        if (first) {
            c->count = n;
        }
        return;
    }
    if ((c->mode == 2 || c->mode == 3) && !first && c->running) {
        uint64_t gone = chan_elapsed(c, now);
        uint64_t phase = gone % c->count;
        uint64_t left = c->count - phase;

        if (c->mode == 3 && phase < chan_high(c)) {
            left = chan_high(c) - phase;
        }
        c->change = MAX(now, c->start) + left;
        c->next = n;
        return;
    }
    c->count = n;
    c->next = 0;
    c->held = 0;
    if (c->gate) {
        chan_begin(c, now);
    }
}

static void chan_write(I8254Chan *c, uint8_t v, uint64_t now)
{
    chan_sync(c, now);
    if (c->rw == 1) {
        chan_load(c, v, now);
    } else if (c->rw == 2) {
        chan_load(c, (uint32_t)v << 8, now);
    } else if (!c->write_high) {
        c->write_low = v;
        c->write_high = true;
        if (c->mode == 0) {
            /* 8254, mode 0: the first byte stops counting, OUT goes low */
            c->held = 0;
            c->running = false;
            c->loaded = false;
        }
    } else {
        c->write_high = false;
        chan_load(c, c->write_low | (uint32_t)v << 8, now);
    }
}

static void chan_set_gate(I8254Chan *c, bool gate, uint64_t now)
{
    bool rises = gate && !c->gate;

    chan_sync(c, now);
    c->gate = gate;
    if (c->mode == 1 || c->mode == 5) {
        if (rises && c->loaded) {
            c->count = c->next ? c->next : c->count;
            c->next = 0;
            chan_begin(c, now);
        }
    } else if (!gate) {
        if (c->running) {
            c->held = chan_elapsed(c, now);
            c->running = false;
        }
    } else if (rises && c->loaded) {
        if (c->mode == 2 || c->mode == 3) {
            c->count = c->next ? c->next : c->count;
            c->next = 0;
            chan_begin(c, now);
        } else {
            c->start = now - MIN(c->held, now);
            c->running = true;
        }
    }
}

/* --- reading -------------------------------------------------------------- */

static uint8_t chan_status(const I8254Chan *c, uint64_t now)
{
    bool null = !c->loaded || c->next || (c->running && now < c->start);

    return (uint8_t)(chan_out(c, now) << 7 | null << 6 | c->rw << 4
                     | c->mode << 1 | c->bcd);
}

static void chan_latch(I8254Chan *c, uint64_t now)
{
    chan_sync(c, now);
    if (!c->latched) {
        c->latched = true;
        c->latch = chan_encode(c, chan_value(c, now));
    }
}

static uint8_t chan_read(I8254Chan *c, uint64_t now)
{
    uint16_t v;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    chan_sync(c, now);
    v = c->latched ? c->latch : chan_encode(c, chan_value(c, now));
    if (c->rw == 1) {
        c->latched = false;
        return (uint8_t)v;
    }
    if (c->rw == 2) {
        c->latched = false;
        return (uint8_t)(v >> 8);
    }
    c->read_high = !c->read_high;
    if (c->read_high) {
        return (uint8_t)v;
    }
    c->latched = false;
    return (uint8_t)(v >> 8);
}

/* --- ports ---------------------------------------------------------------- */

static void chan_control(I8254Chan *c, uint8_t v, uint64_t now)
{
    unsigned mode = v >> 1 & 7;

    if (!(v >> 4 & 3)) {
        chan_latch(c, now);
        return;
    }
    c->rw = v >> 4 & 3;
    c->mode = (uint8_t)(mode > 5 ? mode - 4 : mode);
    c->bcd = v & 1;
    c->write_high = false;
    c->read_high = false;
    c->latched = false;
    c->status_latched = false;
    c->loaded = false;
    c->running = false;
    c->held = 0;
    c->next = 0;
}

static void i8254_read_back(I8254 *p, uint8_t v)
{
    uint64_t now = i8254_clock(p);

    for (unsigned i = 0; i < 3; i++) {
        I8254Chan *c = &p->chan[i];

        if (!(v >> (i + 1) & 1)) {
            continue;
        }
        if (!(v & 0x20)) {
            chan_latch(c, now);
        }
        if (!(v & 0x10) && !c->status_latched) {
            chan_sync(c, now);
            c->status_latched = true;
            c->status = chan_status(c, now);
        }
    }
}

static void i8254_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    I8254 *p = (I8254 *)dev;
    uint64_t now = i8254_clock(p);
    unsigned n = off == 3 ? v >> 6 & 3 : (unsigned)off;

    if (n == 3) {
        i8254_read_back(p, (uint8_t)v);
        return;
    }
    if (off == 3) {
        chan_control(&p->chan[n], (uint8_t)v, now);
        if (!(v >> 4 & 3)) {
            return;
        }
    } else {
        chan_write(&p->chan[n], (uint8_t)v, now);
    }
    if (n == 0) {
        i8254_changed(p);
    }
}

static uint64_t i8254_read(Device *dev, uint64_t off, unsigned size)
{
    I8254 *p = (I8254 *)dev;

    return off < 3 ? chan_read(&p->chan[off], i8254_clock(p)) : 0xff;
}

static uint64_t i8254_peek(Device *dev, uint64_t off, unsigned size)
{
    I8254 *p = (I8254 *)dev;
    I8254Chan copy;

    if (off == 3) {
        return 0xff;
    }
    copy = p->chan[off];
    return chan_read(&copy, i8254_clock(p));
}

static const MemOps i8254_ops = {
    .read = i8254_read,
    .write = i8254_write,
    .peek = i8254_peek,
    .max_size = 1,
};

static uint64_t port_b_read(Device *dev, uint64_t off, unsigned size)
{
    I8254 *p = (I8254 *)dev;
    uint64_t now = i8254_clock(p);
    I8254Chan copy = p->chan[2];

    chan_sync(&copy, now);
    return p->port_b | (uint64_t)(dev_now(dev).ns / REFRESH_NS & 1) << 4
           | (uint64_t)chan_out(&copy, now) << 5;
}

static void port_b_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    I8254 *p = (I8254 *)dev;

    p->port_b = v & 0x0f;
    chan_set_gate(&p->chan[2], v & 1, i8254_clock(p));
}

static const MemOps port_b_ops = {
    .read = port_b_read,
    .write = port_b_write,
    .peek = port_b_read,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

bool i8254_speaker(const Device *dev, uint32_t *period)
{
    const I8254 *p = (const I8254 *)dev;
    const I8254Chan *c = &p->chan[2];

    *period = c->count;
    return (p->port_b & 3) == 3 && c->mode == 3 && c->running;
}

void i8254_connect(Device *dev, IrqLine *irq0)
{
    ((I8254 *)dev)->irq0 = irq0;
}

static bool i8254_realize(Device *dev, GError **error)
{
    I8254 *p = (I8254 *)dev;
    Vm *vm = dev->vm;

    timer_init(&p->timer, dev, i8254_expired);
    mem_add(vm->io_root, 0x40, mem_io(vm, "pit", dev, &i8254_ops, 4), 0);
    mem_add(vm->io_root, 0x61, mem_io(vm, "port-b", dev, &port_b_ops, 1), 0);
    return true;
}

static void i8254_reset_done(Device *dev)
{
    I8254 *p = (I8254 *)dev;

    p->chan[2].gate = false; /* port 0x61 bit 0 */
    i8254_changed(p);
}

/* clang-format off */
static const StateField i8254_chan_rows[] = {
    STATE(I8254Chan, mode, .max = 5),
    STATE(I8254Chan, rw, .reset = 3),
    STATE(I8254Chan, bcd),
    STATE(I8254Chan, gate, .reset = true),
    STATE(I8254Chan, write_high),
    STATE(I8254Chan, read_high),
    STATE(I8254Chan, write_low),
    STATE(I8254Chan, latched),
    STATE(I8254Chan, status_latched),
    STATE(I8254Chan, latch),
    STATE(I8254Chan, status),
    STATE(I8254Chan, loaded),
    STATE(I8254Chan, running),
    STATE(I8254Chan, count, .reset = 65536, .min = 1, .max = 65536),
    STATE(I8254Chan, next, .max = 65536),
    STATE(I8254Chan, start, .doc = "clocks of 1193182 Hz"),
    STATE(I8254Chan, change),
    STATE(I8254Chan, held),
    STATE_END,
};

static const StateField i8254_state[] = {
    STATE_GROUP(I8254, chan, i8254_chan_rows, I8254Chan),
    STATE(I8254, port_b),
    STATE(I8254, timer),
    WIRE(I8254, irq0),
    STATE_END,
};
/* clang-format on */

const DeviceType i8254_type = {
    .name = "i8254",
    .size = sizeof(I8254),
    .state = i8254_state,
    .doc = "8254 interval timer",
    .realize = i8254_realize,
    .reset_done = i8254_reset_done,
};
