/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State rows: every member of a device (and of a vCPU) is one row of one
 * table. Reset, save and load by name, digests, `info`, the divergence report
 * and masked MMIO read the rows.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "core/codec.h"
#include "core/irq.h"
#include "core/timer.h"

typedef enum StateKind {
    STATE_KIND_END,
    STATE_KIND_REG,     /* guest-visible at a fixed offset */
    STATE_KIND_HIDDEN,  /* state without an address of its own */
    STATE_KIND_WIRE,    /* connection, property or back end: not state */
    STATE_KIND_DERIVED, /* cache: rebuilt by DeviceType.rebuild after a load */
    STATE_KIND_REG_FN,  /* read-only register computed by a pure function */
} StateKind;

typedef enum StateType {
    STATE_TYPE_NONE, /* WIRE, DERIVED and the end */
    STATE_TYPE_BOOL,
    STATE_TYPE_U8,
    STATE_TYPE_U16,
    STATE_TYPE_U32,
    STATE_TYPE_U64,
    STATE_TYPE_I32,
    STATE_TYPE_I64,
    STATE_TYPE_V128,
    STATE_TYPE_VIRT_TIME,
    STATE_TYPE_TIMER,
    STATE_TYPE_IRQ,   /* the level of an embedded IrqLine */
    STATE_TYPE_GROUP, /* struct or array of structs with rows of its own */
    STATE_TYPE_CODEC, /* through .codec */
} StateType;

struct StateField {
    const char *name;
    StateKind kind;
    StateType type;
    uint32_t offset; /* in the struct */
    uint32_t size;   /* of one element, bytes */
    uint32_t count;  /* elements; 1 for scalars */
    const StateField *group;
    /* obj of both: the struct that holds the row (device or group element).
     * A codec gives the same bytes for equal states; a reset leaves its member
     * to .reset_done. Scalars may have a canonical value to save and digest. */
    bool (*codec)(void *obj, Codec *c);
    uint64_t (*canonical)(const void *obj);
    uint64_t min, max; /* unsigned: a load takes no others; max 0: any */
    /* REG and REG_FN rows */
    uint32_t reg;      /* offset in the device's own register block */
    uint64_t writable; /* bits a guest write changes */
    uint64_t reset;
    bool keep; /* a reset leaves it alone (RTC, battery, latches) */
    void (*after_write)(Device *dev, uint64_t old);
    void (*after_read)(Device *dev);
    uint64_t (*read)(const Device *dev);
    const char *doc;
};

/* clang-format off */
#define STATE_TYPE_OF(lvalue) _Generic((lvalue), \
    bool: STATE_TYPE_BOOL, bool *: STATE_TYPE_BOOL, \
    uint8_t: STATE_TYPE_U8, uint8_t *: STATE_TYPE_U8, \
    uint16_t: STATE_TYPE_U16, uint16_t *: STATE_TYPE_U16, \
    uint32_t: STATE_TYPE_U32, uint32_t *: STATE_TYPE_U32, \
    uint64_t: STATE_TYPE_U64, uint64_t *: STATE_TYPE_U64, \
    int32_t: STATE_TYPE_I32, int32_t *: STATE_TYPE_I32, \
    int64_t: STATE_TYPE_I64, int64_t *: STATE_TYPE_I64, \
    V128: STATE_TYPE_V128, V128 *: STATE_TYPE_V128, \
    VirtTime: STATE_TYPE_VIRT_TIME, VirtTime *: STATE_TYPE_VIRT_TIME, \
    Timer: STATE_TYPE_TIMER, Timer *: STATE_TYPE_TIMER, \
    IrqLine: STATE_TYPE_IRQ, IrqLine *: STATE_TYPE_IRQ)
#define STATE_ELEM_SIZE(lvalue) _Generic((lvalue), \
    bool *: sizeof(bool), uint8_t *: 1, uint16_t *: 2, uint32_t *: 4, \
    uint64_t *: 8, int32_t *: 4, int64_t *: 8, V128 *: 16, \
    VirtTime *: sizeof(VirtTime), Timer *: sizeof(Timer), \
    IrqLine *: sizeof(IrqLine), default: sizeof(lvalue))
#define STATE_AT(T, m) (((T *)NULL)->m)
#define STATE_BASE(T, m) \
    .name = #m, .type = STATE_TYPE_OF(STATE_AT(T, m)), \
    .offset = offsetof(T, m), .size = STATE_ELEM_SIZE(STATE_AT(T, m)), \
    .count = sizeof(STATE_AT(T, m)) / (uint32_t)(STATE_ELEM_SIZE(STATE_AT(T, m)))

/* One row each; more members may follow as designated initialisers. Arrays are
 * one-dimensional; T * members need WIRE or DERIVED. */
#define REG(T, m, at, ...) {STATE_BASE(T, m), .kind = STATE_KIND_REG, .reg = (at), ##__VA_ARGS__}
#define REG_FN(nm, at, fn, ...) {.name = (nm), .kind = STATE_KIND_REG_FN, .reg = (at), .read = (fn), ##__VA_ARGS__}
#define STATE(T, m, ...) {STATE_BASE(T, m), .kind = STATE_KIND_HIDDEN, ##__VA_ARGS__}
#define STATE_GROUP(T, m, rows, elem, ...) {.name = #m, .kind = STATE_KIND_HIDDEN, .type = STATE_TYPE_GROUP, \
    .offset = offsetof(T, m), .size = sizeof(elem), .count = sizeof(STATE_AT(T, m)) / (uint32_t)sizeof(elem), .group = (rows), ##__VA_ARGS__}
#define STATE_CODEC(T, m, fn, ...) {.name = #m, .kind = STATE_KIND_HIDDEN, .type = STATE_TYPE_CODEC, \
    .offset = offsetof(T, m), .size = sizeof(STATE_AT(T, m)), .count = 1, .codec = (fn), ##__VA_ARGS__}
#define WIRE(T, m) {.name = #m, .kind = STATE_KIND_WIRE, .offset = offsetof(T, m), .size = sizeof(STATE_AT(T, m)), .count = 1}
#define DERIVED(T, m) {.name = #m, .kind = STATE_KIND_DERIVED, .offset = offsetof(T, m), .size = sizeof(STATE_AT(T, m)), .count = 1}
#define STATE_END {.kind = STATE_KIND_END}
/* clang-format on */

/** state_reset() - set every row that is not kept to its reset value;
 *  timers are cancelled, line levels stay with their drivers */
void state_reset(Device *dev);
/** state_save() - one device, rows by name; Thread: machine, between steps */
void state_save(const Device *dev, GByteArray *out);
/** state_load() - fields only, then .rebuild; refuses unknown or missing names
 *  naming them; the device is untouched on failure */
bool state_load(Device *dev, const void *data, size_t size, GError **error);
/**
 * state_pack()/state_unpack() - one device, values by position: what the same
 * table wrote (state_layout() equal), appended to @out and taken from @c. No
 * .rebuild and no clock_rebuild(): the caller does that when all are there.
 * False: damaged; the device is partly loaded.
 */
void state_pack(const Device *dev, GByteArray *out);
bool state_unpack(Device *dev, Codec *c);
uint64_t state_layout(const Device *dev);
/** state_digest() - XXH3-64 over all rows in table order */
uint64_t state_digest(const Device *dev);
/** state_foreach() - one text per row (canonical), for info and reports */
typedef void StateVisit(void *opaque, const char *row, const char *value);
void state_foreach(const Device *dev, StateVisit *visit, void *opaque);
/** state_read_reg()/state_write_reg() - masked MMIO from REG rows */
uint64_t state_read_reg(Device *dev, uint64_t off, unsigned size);
uint64_t state_peek_reg(Device *dev, uint64_t off, unsigned size);
void state_write_reg(Device *dev, uint64_t off, uint64_t v, unsigned size);

#endif
