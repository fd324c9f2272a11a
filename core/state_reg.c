/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register blocks made of REG rows. An access touches every register that it
 * overlaps, in table order; bytes between registers read as zero.
 */
#include "core/device.h"
#include "core/state_priv.h"

#define REG_FN_BYTES 4 /* unless the row gives a size */

/* The part of an access that falls into one register. */
typedef struct RegPart {
    unsigned in_access; /* first byte of the part in the access */
    unsigned in_reg;    /* and in the register */
    uint64_t mask;      /* of the part, at in_reg */
} RegPart;

static uint64_t byte_mask(unsigned bytes)
{
    return bytes >= 8 ? UINT64_MAX : (1ULL << (8 * bytes)) - 1;
}

static bool reg_overlap(uint64_t reg, unsigned width, uint64_t off,
                        unsigned size, RegPart *part)
{
    uint64_t from = MAX(reg, off);
    uint64_t to = MIN(reg + width, off + size);

    if (from >= to) {
        return false;
    }
    part->in_access = (unsigned)(from - off);
    part->in_reg = (unsigned)(from - reg);
    part->mask = byte_mask((unsigned)(to - from)) << (8 * part->in_reg);
    return true;
}

static bool reg_is(const StateField *f)
{
    return f->kind == STATE_KIND_REG_FN
           || (f->kind == STATE_KIND_REG && state_is_scalar(f));
}

static unsigned reg_width(const StateField *f)
{
    return f->size ? f->size : REG_FN_BYTES;
}

/* Elements of @f that [off, off + size) may touch. */
static void reg_elements(const StateField *f, uint64_t off, unsigned size,
                         uint64_t *from, uint64_t *to)
{
    unsigned width = reg_width(f);
    uint64_t count = f->count ? f->count : 1;

    *from = off > f->reg ? (off - f->reg) / width : 0;
    *to = off + size > f->reg ? (off + size - f->reg + width - 1) / width : 0;
    *to = MIN(*to, count);
}

static uint64_t reg_value(const StateField *f, const Device *dev, uint32_t i)
{
    if (f->read) {
        return f->read(dev);
    }
    return f->canonical ? f->canonical(dev) : state_get(f, dev, i);
}

static uint64_t reg_read(Device *dev, uint64_t off, unsigned size, bool effects,
                         bool *found)
{
    uint64_t v = 0;

    *found = false;
    for (const StateField *f = dev->type->state; f->kind; f++) {
        uint64_t i, to;
        RegPart part;

        if (!reg_is(f)) {
            continue;
        }
        reg_elements(f, off, size, &i, &to);
        for (; i < to; i++) {
            if (!reg_overlap(f->reg + i * reg_width(f), reg_width(f), off, size,
                             &part)) {
                continue;
            }
            *found = true;
            v |= (reg_value(f, dev, (uint32_t)i) & part.mask)
                 >> (8 * part.in_reg) << (8 * part.in_access);
            if (effects && f->after_read) {
                f->after_read(dev);
            }
        }
    }
    return v;
}

uint64_t state_read_reg(Device *dev, uint64_t off, unsigned size)
{
    bool found;
    uint64_t v = reg_read(dev, off, size, true, &found);

    if (!found) {
        guest_error(dev, "read of %u bytes at 0x%" PRIx64 ": no register", size,
                    off);
    }
    return v;
}

uint64_t state_peek_reg(Device *dev, uint64_t off, unsigned size)
{
    bool found;

    return reg_read(dev, off, size, false, &found);
}

static void reg_write(const StateField *f, Device *dev, uint32_t i,
                      const RegPart *part, uint64_t v)
{
    uint64_t old, mask;

    if (f->kind != STATE_KIND_REG) {
        return;
    }
    old = f->canonical ? f->canonical(dev) : state_get(f, dev, i);
    mask = f->writable & part->mask;
    v = v >> (8 * part->in_access) << (8 * part->in_reg);
    state_set(f, dev, i, (old & ~mask) | (v & mask));
    if (f->after_write) {
        f->after_write(dev, old);
    }
}

void state_write_reg(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    bool found = false;

    for (const StateField *f = dev->type->state; f->kind; f++) {
        uint64_t i, to;
        RegPart part;

        if (!reg_is(f)) {
            continue;
        }
        reg_elements(f, off, size, &i, &to);
        for (; i < to; i++) {
            if (reg_overlap(f->reg + i * reg_width(f), reg_width(f), off, size,
                            &part)) {
                found = true;
                reg_write(f, dev, (uint32_t)i, &part, v);
            }
        }
    }
    if (!found) {
        guest_error(dev,
                    "write of 0x%" PRIx64 " (%u bytes) at 0x%" PRIx64
                    ": no register",
                    v, size, off);
    }
}
