/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * High precision event timers. Source: IA-PC HPET Specification 1.0a, cited as
 * HPET.
 *
 * Not modelled: FSB (message) delivery, which is not offered. In edge mode a
 * line goes up and down at once.
 */
#include "hw/hpet.h"

#include "core/vm.h"

#define TIMERS 3
#define TICK_NS 10
#define GCAP ((uint64_t)HPET_PERIOD_FS << 32 | HPET_BLOCK_ID)
#define CONF_ENABLE 1u
#define CONF_LEGACY 2u
#define TN_LEVEL 0x0002u
#define TN_ENABLE 0x0004u
#define TN_PERIODIC 0x0008u
#define TN_SETVAL 0x0040u
#define TN_32BIT 0x0100u
#define TN_ROUTE(config) ((unsigned)((config) >> 9 & 31))
#define TN_WRITABLE 0x3f4eu
/* Interrupts 20 to 23, 64 bits, can be periodic. */
#define TN_FIXED (0x00f00000ull << 32 | 0x0030)

typedef struct HpetTimer {
    uint64_t config; /* without the fixed bits */
    uint64_t compare;
    uint64_t period;
    Timer timer;
} HpetTimer;

typedef struct Hpet {
    Device dev;
    uint64_t config;
    uint64_t status;
    uint64_t counter; /* at .since, or while it stands still */
    VirtTime since;
    HpetTimer tn[TIMERS];
    IrqLine legacy_in[2];
    IrqLine *line[HPET_GSIS]; /* borrowed: from the board */
    IrqLine *legacy[2];       /* borrowed: from the board */
} Hpet;

static uint64_t hpet_counter(const Hpet *h)
{
    if (!(h->config & CONF_ENABLE)) {
        return h->counter;
    }
    return h->counter
           + (uint64_t)((dev_now(&h->dev).ns - h->since.ns) / TICK_NS);
}

static uint64_t tn_mask(const HpetTimer *t)
{
    return t->config & TN_32BIT ? UINT32_MAX : UINT64_MAX;
}

static bool hpet_is_legacy(const Hpet *h, unsigned n)
{
    return n < 2 && (h->config & CONF_LEGACY);
}

static IrqLine *hpet_line_of(const Hpet *h, unsigned n)
{
    unsigned gsi = TN_ROUTE(h->tn[n].config);

    if (hpet_is_legacy(h, n)) {
        return h->legacy[n];
    }
    return gsi < HPET_GSIS && (TN_FIXED >> 32 >> gsi & 1) ? h->line[gsi] : NULL;
}

/* --- matches -------------------------------------------------------------- */

static void hpet_rearm(Hpet *h, unsigned n, bool at_once)
{
    HpetTimer *t = &h->tn[n];
    uint64_t now = hpet_counter(h);
    uint64_t left = (t->compare - now) & tn_mask(t);
    int64_t next_tick;

    if (!(h->config & CONF_ENABLE) || left > INT64_MAX / 4 / TICK_NS
        || (!left && !at_once && !(t->config & TN_32BIT))) {
        timer_cancel(&t->timer);
        return;
    }
    if (!left && !at_once) {
        left = 1ull << 32;
    }
    next_tick = h->since.ns + (int64_t)(now - h->counter) * TICK_NS;
    timer_arm(&t->timer, (VirtTime){next_tick + (int64_t)left * TICK_NS});
}

static void hpet_rearm_all(Hpet *h)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        hpet_rearm(h, i, true);
    }
}

static void hpet_raise(Hpet *h, unsigned n)
{
    bool enabled = h->tn[n].config & TN_ENABLE;

    if (h->tn[n].config & TN_LEVEL) {
        h->status |= 1u << n;
        if (enabled) {
            irq_set(hpet_line_of(h, n), true);
        }
    } else if (enabled) {
        irq_pulse(hpet_line_of(h, n));
    }
}

/* HPET 2.3.9.2.2: the comparator moves on by the period; periods that were
 * missed are counted, not run. */
static void hpet_match(Hpet *h, unsigned n)
{
    HpetTimer *t = &h->tn[n];
    uint64_t mask = tn_mask(t);

    if ((t->config & TN_PERIODIC) && (t->period & mask)) {
        uint64_t period = t->period & mask;
        uint64_t late = (hpet_counter(h) - t->compare) & mask;

        t->compare = (t->compare + (late / period + 1) * period) & mask;
    }
    hpet_rearm(h, n, false);
    hpet_raise(h, n);
}

static void hpet_expired0(Device *dev)
{
    hpet_match((Hpet *)dev, 0);
}

static void hpet_expired1(Device *dev)
{
    hpet_match((Hpet *)dev, 1);
}

static void hpet_expired2(Device *dev)
{
    hpet_match((Hpet *)dev, 2);
}

/* --- registers ------------------------------------------------------------ */

/* Levels that this block drives, after a change of enables or routes. */
static void hpet_drive(Hpet *h, unsigned n)
{
    const HpetTimer *t = &h->tn[n];
    bool level = (t->config & TN_ENABLE) && (t->config & TN_LEVEL)
                 && (h->status >> n & 1);

    irq_set(hpet_line_of(h, n), level);
}

static void hpet_write_config(Hpet *h, uint64_t v)
{
    uint64_t changed = (h->config ^ v) & (CONF_ENABLE | CONF_LEGACY);

    if (changed & CONF_LEGACY) {
        for (unsigned i = 0; i < 2; i++) {
            irq_set(hpet_line_of(h, i), false);
        }
    }
    if (changed & CONF_ENABLE) {
        h->counter = hpet_counter(h);
        h->since = dev_now(&h->dev);
    }
    h->config = v & (CONF_ENABLE | CONF_LEGACY);
    if (changed & CONF_LEGACY) {
        for (unsigned i = 0; i < 2; i++) {
            if (!(h->config & CONF_LEGACY)) {
                irq_set(h->legacy[i], h->legacy_in[i].level);
            }
            hpet_drive(h, i);
        }
    }
    if (changed & CONF_ENABLE) {
        hpet_rearm_all(h);
    }
}

static void hpet_write_status(Hpet *h, uint64_t v)
{
    for (unsigned i = 0; i < TIMERS; i++) {
        if (h->status & v & (1u << i)) {
            h->status &= ~(1ull << i);
            hpet_drive(h, i);
        }
    }
}

static void hpet_write_tn_config(Hpet *h, unsigned n, uint64_t v)
{
    HpetTimer *t = &h->tn[n];

    if (h->status >> n & 1) {
        irq_set(hpet_line_of(h, n), false);
    }
    t->config = v & TN_WRITABLE;
    if (!(t->config & TN_LEVEL)) {
        h->status &= ~(1ull << n);
    }
    if (t->config & TN_32BIT) {
        t->compare = (uint32_t)t->compare;
        t->period = (uint32_t)t->period;
    }
    if (h->status >> n & 1) {
        hpet_drive(h, n);
    }
    hpet_rearm(h, n, false);
}

/* HPET 2.3.9.2.2: in periodic mode a write sets the period, and with SETVAL
 * also the comparator. */
static void hpet_write_compare(Hpet *h, unsigned n, uint64_t v, bool last)
{
    HpetTimer *t = &h->tn[n];

    v &= tn_mask(t);
    if (t->config & TN_PERIODIC) {
        t->period = v;
    }
    if (!(t->config & TN_PERIODIC) || (t->config & TN_SETVAL)) {
        t->compare = v;
    }
    if (last || (t->config & TN_32BIT)) {
        t->config &= ~(uint64_t)TN_SETVAL;
    }
    hpet_rearm(h, n, true);
}

static uint64_t hpet_value(const Hpet *h, uint64_t reg)
{
    const HpetTimer *t;

    switch (reg) {
    case 0x00:
        return GCAP;
    case 0x10:
        return h->config;
    case 0x20:
        return h->status;
    case 0xf0:
        return hpet_counter(h);
    default:
        break;
    }
    if (reg < 0x100 || reg >= 0x100 + 0x20 * TIMERS) {
        return 0;
    }
    t = &h->tn[(reg - 0x100) / 0x20];
    switch (reg & 0x18) {
    case 0x00:
        return t->config | TN_FIXED;
    case 0x08:
        return t->compare;
    default:
        return 0;
    }
}

/* What a write of one half builds on. */
static uint64_t hpet_base(const Hpet *h, uint64_t reg)
{
    if (reg >= 0x100 && (reg & 0x18) == 8) {
        const HpetTimer *t = &h->tn[(reg - 0x100) / 0x20];

        return t->config & TN_PERIODIC ? t->period : t->compare;
    }
    return reg == 0x20 ? 0 : hpet_value(h, reg);
}

static void hpet_write_reg(Hpet *h, uint64_t reg, uint64_t v, bool last)
{
    unsigned n = (unsigned)(reg - 0x100) / 0x20;

    switch (reg) {
    case 0x10:
        hpet_write_config(h, v);
        return;
    case 0x20:
        hpet_write_status(h, v);
        return;
    case 0xf0:
        if (h->config & CONF_ENABLE) {
            guest_error(&h->dev, "main counter written while it runs");
        }
        h->counter = v;
        h->since = dev_now(&h->dev);
        hpet_rearm_all(h);
        return;
    default:
        break;
    }
    if (reg >= 0x100 && n < TIMERS && (reg & 0x18) == 0) {
        hpet_write_tn_config(h, n, v);
    } else if (reg >= 0x100 && n < TIMERS && (reg & 0x18) == 8) {
        hpet_write_compare(h, n, v, last);
    }
}

static uint64_t hpet_read(Device *dev, uint64_t off, unsigned size)
{
    return hpet_value((Hpet *)dev, off & ~7ull) >> (8 * (off & 4));
}

static void hpet_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Hpet *h = (Hpet *)dev;
    uint64_t reg = off & ~7ull;

    if (size == 8) {
        hpet_write_reg(h, reg, v, true);
    } else if (reg < 0x100 + 0x20 * TIMERS) {
        unsigned shift = 8 * (off & 4);
        uint64_t old = hpet_base(h, reg);

        v = (old & ~(0xffffffffull << shift)) | v << shift;
        hpet_write_reg(h, reg, v, off & 4);
    }
}

static const MemOps hpet_ops = {
    .read = hpet_read,
    .write = hpet_write,
    .peek = hpet_read, /* no read has an effect */
    .min_size = 4,
    .max_size = 8,
};

/* --- device --------------------------------------------------------------- */

static void hpet_legacy_line(Device *dev, unsigned n, bool level)
{
    Hpet *h = (Hpet *)dev;

    if (!(h->config & CONF_LEGACY)) {
        irq_set(h->legacy[n], level);
    }
}

void hpet_connect(Device *dev, unsigned gsi, IrqLine *line)
{
    g_assert(gsi < HPET_GSIS);
    ((Hpet *)dev)->line[gsi] = line;
}

void hpet_connect_legacy(Device *dev, IrqLine *irq0, IrqLine *irq8)
{
    ((Hpet *)dev)->legacy[0] = irq0;
    ((Hpet *)dev)->legacy[1] = irq8;
}

IrqLine *hpet_legacy_in(Device *dev, unsigned n)
{
    g_assert(n < 2);
    return &((Hpet *)dev)->legacy_in[n];
}

static bool hpet_realize(Device *dev, GError **error)
{
    static TimerFn *const fn[TIMERS] = {
        hpet_expired0,
        hpet_expired1,
        hpet_expired2,
    };
    Hpet *h = (Hpet *)dev;

    for (unsigned i = 0; i < TIMERS; i++) {
        timer_init(&h->tn[i].timer, dev, fn[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        irq_init(&h->legacy_in[i], dev, hpet_legacy_line, i);
    }
    mem_add(dev->vm->mem_root, HPET_DEFAULT_BASE,
            mem_io(dev->vm, "hpet", dev, &hpet_ops, 0x400), 10);
    return true;
}

static void hpet_reset_done(Device *dev)
{
    Hpet *h = (Hpet *)dev;

    for (unsigned i = 0; i < HPET_GSIS; i++) {
        irq_set(h->line[i], false);
    }
    for (unsigned i = 0; i < 2; i++) {
        irq_set(h->legacy[i], h->legacy_in[i].level);
    }
}

/* clang-format off */
static const StateField hpet_timer_rows[] = {
    STATE(HpetTimer, config),
    STATE(HpetTimer, compare, .reset = UINT64_MAX),
    STATE(HpetTimer, period),
    STATE(HpetTimer, timer),
    STATE_END,
};

static const StateField hpet_state[] = {
    STATE(Hpet, config),
    STATE(Hpet, status),
    STATE(Hpet, counter),
    STATE(Hpet, since, .doc = "counter was set"),
    STATE_GROUP(Hpet, tn, hpet_timer_rows, HpetTimer),
    STATE(Hpet, legacy_in),
    WIRE(Hpet, line),
    WIRE(Hpet, legacy),
    STATE_END,
};
/* clang-format on */

const DeviceType hpet_type = {
    .name = "hpet",
    .size = sizeof(Hpet),
    .state = hpet_state,
    .doc = "high precision event timers",
    .realize = hpet_realize,
    .reset_done = hpet_reset_done,
};
