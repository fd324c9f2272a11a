/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two cascaded 8259A interrupt controllers. Source: Intel 8259A data sheet
 * (231468-003), cited as 8259A; ELCR: Intel 82371SB (PIIX3) 2.5.5.
 *
 * Not modelled: 8080/8085 vectoring (ICW4.uPM = 0 acts like 1), LTIM of ICW1
 * (the ELCR replaces it), buffered mode. An edge that goes away before it is
 * acknowledged stays latched.
 */
#include "hw/i8259.h"

#include "core/vm.h"

#define CASCADE 2 /* input of the master */
#define ICW1_INIT 0x10
#define ICW1_SNGL 0x02
#define ICW1_IC4 0x01
#define ICW4_AEOI 0x02
#define ICW4_SFNM 0x10
#define OCW3 0x08

typedef struct I8259Chip {
    uint8_t level;  /* inputs now high */
    uint8_t edge;   /* latched rising edges */
    uint8_t imr;    /* mask */
    uint8_t isr;    /* in service */
    uint8_t elcr;   /* 1: level triggered */
    uint8_t vector; /* ICW2, upper five bits */
    uint8_t icw1, icw4;
    uint8_t expect; /* the next ICW on the odd port: 2 to 4; 0: none */
    uint8_t lowest; /* input of lowest priority */
    bool read_isr;  /* OCW3: even port reads ISR, else IRR */
    bool poll;      /* the next read polls */
    bool special_mask;
    bool rotate_aeoi;
} I8259Chip;

typedef struct I8259 {
    Device dev;
    I8259Chip chip[2];
    IrqLine in[16];
    IrqLine *intr; /* borrowed: from the board */
} I8259;

/* --- priorities ----------------------------------------------------------- */

/* Inputs that request now; the cascade follows the slave's INT. */
static uint8_t i8259_irr(const I8259 *p, unsigned c)
{
    const I8259Chip *chip = &p->chip[c];
    uint8_t level = chip->elcr | (c == 0 ? 1u << CASCADE : 0);

    return (chip->edge & ~level) | (chip->level & level);
}

/* Rank 0 is the highest priority; 8: no bit of @bits is set. */
static unsigned chip_rank(const I8259Chip *chip, uint8_t bits)
{
    unsigned rank = 0;

    while (rank < 8 && !(bits >> ((chip->lowest + 1 + rank) & 7) & 1)) {
        rank++;
    }
    return rank;
}

static unsigned chip_input(const I8259Chip *chip, unsigned rank)
{
    return (chip->lowest + 1 + rank) & 7;
}

/* The input that would be served now, -1: none. 8259A, "Fully Nested Mode",
 * "Special Mask Mode", "Special Fully Nested Mode". */
static int i8259_best(const I8259 *p, unsigned c)
{
    const I8259Chip *chip = &p->chip[c];
    unsigned rank = chip_rank(chip, i8259_irr(p, c) & ~chip->imr);
    uint8_t isr = chip->isr;

    if (rank == 8) {
        return -1;
    }
    if (chip->special_mask) {
        isr &= ~chip->imr;
    }
    if (c == 0 && (chip->icw4 & ICW4_SFNM)
        && chip_input(chip, rank) == CASCADE) {
        isr &= ~(1u << CASCADE);
    }
    return rank < chip_rank(chip, isr) ? (int)chip_input(chip, rank) : -1;
}

static void i8259_update(I8259 *p)
{
    if (i8259_best(p, 1) >= 0) {
        p->chip[0].level |= 1u << CASCADE;
    } else {
        p->chip[0].level &= ~(1u << CASCADE);
    }
    irq_set(p->intr, i8259_best(p, 0) >= 0);
}

/* One chip's INTA: its input, or 7 when the request has gone away (8259A,
 * "Default IR7"). */
static unsigned i8259_inta(I8259 *p, unsigned c)
{
    I8259Chip *chip = &p->chip[c];
    int n = i8259_best(p, c);

    if (n < 0) {
        return 7;
    }
    chip->edge &= ~(1u << n);
    if (!(chip->icw4 & ICW4_AEOI)) {
        chip->isr |= 1u << n;
    } else if (chip->rotate_aeoi) {
        chip->lowest = (uint8_t)n;
    }
    return (unsigned)n;
}

int i8259_ack(Device *dev)
{
    I8259 *p = (I8259 *)dev;
    int best = i8259_best(p, 0);
    int vector;

    if (best == CASCADE) {
        /* the slave sees the same INTA: its choice is made before either
         * register changes */
        unsigned slave = i8259_inta(p, 1);

        vector = p->chip[1].vector | (int)slave;
        i8259_inta(p, 0);
    } else {
        vector = p->chip[0].vector | (int)i8259_inta(p, 0);
    }
    i8259_update(p);
    return vector;
}

/* --- commands ------------------------------------------------------------- */

static void chip_icw1(I8259Chip *chip, uint8_t v)
{
    chip->icw1 = v;
    chip->expect = 2;
    chip->edge = 0;
    chip->imr = 0;
    chip->isr = 0;
    chip->lowest = 7;
    chip->special_mask = false;
    chip->rotate_aeoi = false;
    chip->read_isr = false;
    chip->poll = false;
    chip->icw4 = 0;
}

static void chip_icw(I8259Chip *chip, uint8_t v)
{
    switch (chip->expect) {
    case 2:
        chip->vector = v & 0xf8;
        chip->expect = chip->icw1 & ICW1_SNGL ? 4 : 3;
        break;
    case 3: /* the wiring is fixed */
        chip->expect = 4;
        break;
    default:
        chip->icw4 = v;
        chip->expect = 0;
        return;
    }
    if (chip->expect == 4 && !(chip->icw1 & ICW1_IC4)) {
        chip->expect = 0;
    }
}

static void chip_ocw2(I8259Chip *chip, uint8_t v)
{
    unsigned n = v & 7;
    uint8_t isr = chip->special_mask ? chip->isr & ~chip->imr : chip->isr;
    unsigned rank;

    switch (v >> 5) {
    case 0:
    case 4:
        chip->rotate_aeoi = v >> 7;
        break;
    case 1:
    case 5:
        rank = chip_rank(chip, isr);
        if (rank < 8) {
            n = chip_input(chip, rank);
            chip->isr &= ~(1u << n);
            if (v & 0x80) {
                chip->lowest = (uint8_t)n;
            }
        }
        break;
    case 3:
    case 7:
        chip->isr &= ~(1u << n);
        if (v & 0x80) {
            chip->lowest = (uint8_t)n;
        }
        break;
    case 6:
        chip->lowest = (uint8_t)n;
        break;
    default:
        break;
    }
}

static void chip_ocw3(I8259Chip *chip, uint8_t v)
{
    if (v & 0x40) {
        chip->special_mask = v & 0x20;
    }
    if (v & 0x04) {
        chip->poll = true;
    }
    if (v & 0x02) {
        chip->read_isr = v & 0x01;
    }
}

static void i8259_write(I8259 *p, unsigned c, uint64_t off, uint8_t v)
{
    I8259Chip *chip = &p->chip[c];

    if (off == 0) {
        if (v & ICW1_INIT) {
            chip_icw1(chip, v);
        } else if (v & OCW3) {
            chip_ocw3(chip, v);
        } else {
            chip_ocw2(chip, v);
        }
    } else if (chip->expect) {
        chip_icw(chip, v);
    } else {
        chip->imr = v;
    }
    i8259_update(p);
}

/* --- ports ---------------------------------------------------------------- */

static uint64_t i8259_look(const I8259 *p, unsigned c, uint64_t off)
{
    const I8259Chip *chip = &p->chip[c];

    if (chip->poll) {
        int n = i8259_best(p, c);

        return n < 0 ? 0 : 0x80u | (unsigned)n;
    }
    if (off == 1) {
        return chip->imr;
    }
    return chip->read_isr ? chip->isr : i8259_irr(p, c);
}

static uint64_t i8259_read(I8259 *p, unsigned c, uint64_t off)
{
    uint64_t v = i8259_look(p, c, off);

    if (p->chip[c].poll) {
        p->chip[c].poll = false;
        if (v) {
            i8259_inta(p, c);
            i8259_update(p);
        }
    }
    return v;
}

#define I8259_PORTS(name, c)                                                   \
    static uint64_t name##_read(Device *dev, uint64_t off, unsigned size)      \
    {                                                                          \
        return i8259_read((I8259 *)dev, c, off);                               \
    }                                                                          \
    static void name##_write(Device *dev, uint64_t off, uint64_t v,            \
                             unsigned size)                                    \
    {                                                                          \
        i8259_write((I8259 *)dev, c, off, (uint8_t)v);                         \
    }                                                                          \
    static uint64_t name##_peek(Device *dev, uint64_t off, unsigned size)      \
    {                                                                          \
        return i8259_look((I8259 *)dev, c, off);                               \
    }                                                                          \
    static const MemOps name##_ops = {                                         \
        .read = name##_read,                                                   \
        .write = name##_write,                                                 \
        .peek = name##_peek,                                                   \
        .max_size = 1,                                                         \
    };

I8259_PORTS(master, 0)
I8259_PORTS(slave, 1)

static uint64_t elcr_read(Device *dev, uint64_t off, unsigned size)
{
    return ((I8259 *)dev)->chip[off].elcr;
}

static void elcr_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    I8259 *p = (I8259 *)dev;

    /* IRQ 0, 1, 2, 8 and 13 are always edges (PIIX3 2.5.5) */
    p->chip[off].elcr = (uint8_t)v & (off ? 0xde : 0xf8);
    i8259_update(p);
}

static const MemOps elcr_ops = {
    .read = elcr_read,
    .write = elcr_write,
    .peek = elcr_read,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

static void i8259_line(Device *dev, unsigned n, bool level)
{
    I8259 *p = (I8259 *)dev;
    I8259Chip *chip = &p->chip[n >> 3];
    uint8_t bit = (uint8_t)(1u << (n & 7));

    if (level) {
        chip->edge |= bit;
        chip->level |= bit;
    } else {
        chip->level &= ~bit;
    }
    i8259_update(p);
}

static bool i8259_realize(Device *dev, GError **error)
{
    I8259 *p = (I8259 *)dev;
    Vm *vm = dev->vm;

    for (unsigned i = 0; i < 16; i++) {
        irq_init(&p->in[i], dev, i8259_line, i);
    }
    mem_add(vm->io_root, 0x20, mem_io(vm, "pic-master", dev, &master_ops, 2),
            0);
    mem_add(vm->io_root, 0xa0, mem_io(vm, "pic-slave", dev, &slave_ops, 2), 0);
    mem_add(vm->io_root, 0x4d0, mem_io(vm, "pic-elcr", dev, &elcr_ops, 2), 0);
    return true;
}

static void i8259_reset_done(Device *dev)
{
    i8259_update((I8259 *)dev);
}

void i8259_connect(Device *dev, IrqLine *intr)
{
    ((I8259 *)dev)->intr = intr;
}

IrqLine *i8259_in(Device *dev, unsigned irq)
{
    g_assert(irq < 16 && irq != CASCADE);
    return &((I8259 *)dev)->in[irq];
}

/* clang-format off */
static const StateField i8259_chip_rows[] = {
    STATE(I8259Chip, level, .keep = true, .doc = "inputs now high"),
    STATE(I8259Chip, edge, .doc = "latched edges"),
    STATE(I8259Chip, imr, .doc = "OCW1"),
    STATE(I8259Chip, isr),
    STATE(I8259Chip, elcr),
    STATE(I8259Chip, vector, .doc = "ICW2"),
    STATE(I8259Chip, icw1),
    STATE(I8259Chip, icw4),
    STATE(I8259Chip, expect, .max = 4),
    STATE(I8259Chip, lowest, .reset = 7, .max = 7),
    STATE(I8259Chip, read_isr),
    STATE(I8259Chip, poll),
    STATE(I8259Chip, special_mask),
    STATE(I8259Chip, rotate_aeoi),
    STATE_END,
};

static const StateField i8259_state[] = {
    STATE_GROUP(I8259, chip, i8259_chip_rows, I8259Chip),
    STATE(I8259, in),
    WIRE(I8259, intr),
    STATE_END,
};
/* clang-format on */

const DeviceType i8259_type = {
    .name = "i8259",
    .size = sizeof(I8259),
    .state = i8259_state,
    .doc = "pair of 8259A interrupt controllers",
    .realize = i8259_realize,
    .reset_done = i8259_reset_done,
};
