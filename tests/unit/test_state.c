/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State rows: registers, reset, save, load, digest. */
#include "core/state.h"

#include <string.h>

#include "tests/unit/bench.h"

typedef struct Channel {
    uint16_t count;
    bool gate;
    Timer out;
} Channel;

typedef struct Chip {
    Device dev;
    uint32_t load;
    uint32_t ctrl;
    bool barked;
    uint8_t bank[4];
    uint64_t wide;
    int32_t temperature;
    int64_t drift;
    V128 vector;
    VirtTime since;
    Timer expiry;
    IrqLine input;
    Channel channels[2];
    GByteArray *fifo; /* owned */
    uint32_t lazy;    /* the flags are lazy + 1 */
    uint32_t flags;
    uint32_t cache;
    IrqLine *irq; /* borrowed */
    unsigned writes, reads;
    uint64_t old;
} Chip;

static void chip_wrote(Device *dev, uint64_t old)
{
    Chip *c = (Chip *)dev;

    c->writes++;
    c->old = old;
}

static void chip_ack(Device *dev)
{
    Chip *c = (Chip *)dev;

    c->barked = false;
    c->reads++;
    irq_set(c->irq, false);
}

static uint64_t chip_left(const Device *dev)
{
    return ((const Chip *)dev)->load + 1;
}

static uint64_t chip_flags(const void *obj)
{
    return ((const Chip *)obj)->lazy + 1;
}

static bool chip_fifo_codec(void *obj, Codec *c)
{
    return codec_blob(c, ((Chip *)obj)->fifo, 16);
}

static void chip_expired(Device *dev)
{
    ((Chip *)dev)->barked = true;
    irq_set(((Chip *)dev)->irq, true);
}

static bool chip_realize(Device *dev, GError **error)
{
    Chip *c = (Chip *)dev;

    timer_init(&c->expiry, dev, chip_expired);
    timer_init(&c->channels[0].out, dev, chip_expired);
    timer_init(&c->channels[1].out, dev, chip_expired);
    irq_init(&c->input, dev, NULL, 0);
    c->fifo = g_byte_array_new();
    return true;
}

static void chip_unrealize(Device *dev)
{
    g_byte_array_unref(((Chip *)dev)->fifo);
}

static void chip_rebuild(Device *dev)
{
    Chip *c = (Chip *)dev;

    c->cache = c->load * 2;
    c->lazy = c->flags - 1;
}

/* clang-format off */
static const StateField channel_state[] = {
    STATE(Channel, count, .reset = 0x1234),
    STATE(Channel, gate),
    STATE(Channel, out),
    STATE_END,
};

static const StateField chip_state[] = {
    REG(Chip, load,   0x00, .writable = UINT32_MAX, .after_write = chip_wrote, .reset = 0xffff),
    REG(Chip, ctrl,   0x04, .writable = 0x00ff00f0),
    REG_FN("left",    0x08, chip_left),
    REG(Chip, barked, 0x0c, .after_read = chip_ack),
    REG(Chip, bank,   0x10, .writable = 0xff, .reset = 0x11),
    REG(Chip, wide,   0x18, .writable = UINT64_MAX),
    STATE(Chip, temperature, .reset = (uint64_t)-3),
    STATE(Chip, drift),
    STATE(Chip, vector),
    STATE(Chip, since, .keep = true),
    STATE(Chip, expiry),
    STATE(Chip, input),
    STATE_GROUP(Chip, channels, channel_state, Channel),
    STATE_CODEC(Chip, fifo, chip_fifo_codec),
    DERIVED(Chip, lazy),
    STATE(Chip, flags, .canonical = chip_flags),
    DERIVED(Chip, cache),
    WIRE(Chip, irq),
    WIRE(Chip, writes),
    WIRE(Chip, reads),
    WIRE(Chip, old),
    STATE_END,
};

static const DeviceType chip_type = {
    .name = "chip", .size = sizeof(Chip), .state = chip_state,
    .mmio_size = 0x40, .realize = chip_realize, .unrealize = chip_unrealize,
    .rebuild = chip_rebuild,
};
/* clang-format on */

static Chip *chip_fill(Bench *b)
{
    Chip *c = (Chip *)b->dev;

    c->load = 0x01020304;
    c->barked = true;
    memcpy(c->bank, "wxyz", 4);
    c->wide = 0x1122334455667788;
    c->temperature = -40;
    c->drift = INT64_MIN;
    c->vector = (V128){.u64 = {1, 2}};
    c->since.ns = 77;
    c->lazy = 9;
    timer_arm(&c->expiry, (VirtTime){500});
    timer_arm(&c->channels[1].out, (VirtTime){400});
    c->channels[0].count = 3;
    c->channels[1].gate = true;
    irq_set(&c->input, true);
    g_byte_array_append(c->fifo, (const uint8_t *)"fifo", 4);
    return c;
}

/* --- registers ------------------------------------------------------------ */

static void test_state_registers(void)
{
    g_autoptr(Bench) b = bench_new(&chip_type);
    Chip *c = (Chip *)b->dev;

    g_assert_cmphex(bench_read32(b, 0x00), ==, 0xffff);
    bench_write32(b, 0x00, 0x12345678);
    g_assert_cmphex(c->load, ==, 0x12345678);
    g_assert_cmphex(c->old, ==, 0xffff);
    bench_write32(b, 0x04, UINT32_MAX);
    g_assert_cmphex(bench_read32(b, 0x04), ==, 0x00ff00f0);
    g_assert_cmphex(bench_read32(b, 0x08), ==, 0x12345679);
    bench_write32(b, 0x08, 1); /* read-only */
    g_assert_cmphex(bench_read32(b, 0x08), ==, 0x12345679);
    g_assert_cmphex(bench_read64(b, 0x00), ==, 0x00ff00f012345678);
    bench_write64(b, 0x18, 0x8877665544332211);
    g_assert_cmphex(bench_read64(b, 0x18), ==, 0x8877665544332211);
    g_assert_cmphex(bench_read32(b, 0x20), ==, 0); /* no register */
    bench_write32(b, 0x20, 1);
}

static void test_state_partial(void)
{
    g_autoptr(Bench) b = bench_new(&chip_type);
    Chip *c = (Chip *)b->dev;

    c->load = 0x44332211;
    c->ctrl = 0x000000f0;
    g_assert_cmphex(bench_read8(b, 0x02), ==, 0x33);
    g_assert_cmphex(bench_read16(b, 0x01), ==, 0x3322);
    g_assert_cmphex(bench_read32(b, 0x02), ==, 0x00f04433);
    bench_write8(b, 0x01, 0xaa);
    g_assert_cmphex(c->load, ==, 0x4433aa11);
    g_assert_cmphex(c->old, ==, 0x44332211);
    bench_write32(b, 0x02, 0xffffbeef); /* end of load, start of ctrl */
    g_assert_cmphex(c->load, ==, 0xbeefaa11);
    g_assert_cmphex(c->ctrl, ==, 0x000000f0);
    bench_write16(b, 0x05, 0xffff);
    g_assert_cmphex(c->ctrl, ==, 0x00ff00f0);
    /* an array is a register per element */
    bench_write32(b, 0x10, 0x40302010);
    g_assert_cmphex(c->bank[3], ==, 0x40);
    bench_write8(b, 0x12, 0x99);
    g_assert_cmphex(bench_read32(b, 0x10), ==, 0x40992010);
    g_assert_cmphex(bench_read16(b, 0x13), ==, 0x0040);
}

static void test_state_effects(void)
{
    g_autoptr(Bench) b = bench_new_unrealized(&chip_type);
    Chip *c = (Chip *)b->dev;

    c->irq = bench_line(b, 0);
    bench_realize(b);
    timer_arm(&c->expiry, (VirtTime){100});
    bench_advance(b, 99);
    g_assert_false(bench_irq(b, 0));
    bench_advance(b, 1);
    g_assert_true(bench_irq(b, 0));
    g_assert_cmphex(bench_peek32(b, 0x0c), ==, 1);
    g_assert_true(bench_irq(b, 0)); /* looking did not clear it */
    g_assert_cmphex(bench_read32(b, 0x0c), ==, 1);
    g_assert_false(bench_irq(b, 0));
    g_assert_cmphex(bench_read32(b, 0x0c), ==, 0);
    g_assert_cmpuint(c->reads, ==, 2);
    g_assert_cmpuint(bench_edges(b, 0), ==, 1);
}

/* --- reset ---------------------------------------------------------------- */

static void test_state_reset(void)
{
    g_autoptr(Bench) b = bench_new(&chip_type);
    Chip *c = chip_fill(b);

    bench_reset(b);
    g_assert_cmphex(c->load, ==, 0xffff);
    g_assert_false(c->barked);
    g_assert_cmpmem(c->bank, 4, "\x11\x11\x11\x11", 4);
    g_assert_cmpint(c->temperature, ==, -3);
    g_assert_cmphex(c->vector.u64[1], ==, 0);
    g_assert_cmpint(c->since.ns, ==, 77); /* kept */
    g_assert_false(timer_armed(&c->expiry));
    g_assert_false(timer_armed(&c->channels[1].out));
    g_assert_cmphex(c->channels[0].count, ==, 0x1234);
    g_assert_false(c->channels[1].gate);
    g_assert_true(irq_level(&c->input)); /* belongs to the driver */
    bench_advance(b, 1000);
    g_assert_false(c->barked);
}

/* --- save and load -------------------------------------------------------- */

static void test_state_round(void)
{
    g_autoptr(Bench) a = bench_new(&chip_type), b = bench_new(&chip_type);
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    Chip *c = chip_fill(a), *d = (Chip *)b->dev;

    bench_check_state(a);
    state_save(&c->dev, saved);
    g_assert_cmphex(state_digest(&c->dev), !=, state_digest(&d->dev));
    g_assert_true(state_load(&d->dev, saved->data, saved->len, &error));
    g_assert_no_error(error);
    g_assert_cmphex(state_digest(&c->dev), ==, state_digest(&d->dev));
    g_assert_cmphex(d->wide, ==, 0x1122334455667788);
    g_assert_cmpint(d->temperature, ==, -40);
    g_assert_cmpint(d->drift, ==, INT64_MIN);
    g_assert_true(d->channels[1].gate);
    g_assert_true(irq_level(&d->input));
    g_assert_cmpmem(d->fifo->data, d->fifo->len, "fifo", 4);
    g_assert_cmphex(d->cache, ==, 2 * 0x01020304); /* rebuilt */
    g_assert_cmpuint(d->lazy, ==, 9); /* through the canonical value */
    g_assert_cmpuint(d->flags, ==, 10);
    /* the loaded timers run */
    bench_advance(b, 399);
    d->barked = false;
    bench_advance(b, 1);
    g_assert_true(d->barked);
}

/* By position: what one table writes, it reads; a cut is noticed anywhere. */
static void test_state_pack(void)
{
    g_autoptr(Bench) a = bench_new(&chip_type), b = bench_new(&chip_type);
    g_autoptr(GByteArray) packed = g_byte_array_new();
    const Device *c = &chip_fill(a)->dev;
    Codec in;

    state_pack(c, packed);
    codec_init_read(&in, packed->data, packed->len);
    g_assert_true(state_unpack(b->dev, &in));
    g_assert_cmpuint(codec_left(&in), ==, 0);
    chip_rebuild(b->dev);
    g_assert_cmphex(state_digest(c), ==, state_digest(b->dev));
    for (guint size = 0; size < packed->len; size++) {
        codec_init_read(&in, packed->data, size);
        g_assert_false(state_unpack(b->dev, &in));
    }
}

/* Rows are found by name; the order in the file is free. */
typedef struct Pair {
    Device dev;
    uint32_t a, b;
} Pair;

static const StateField pair_state[] = {STATE(Pair, a), STATE(Pair, b),
                                        STATE_END};
static const StateField swapped_state[] = {STATE(Pair, b), STATE(Pair, a),
                                           STATE_END};
static const StateField short_state[] = {STATE(Pair, a), WIRE(Pair, b),
                                         STATE_END};
static const StateField typed_state[] = {
    STATE(Pair, a),
    {.name = "b",
     .kind = STATE_KIND_HIDDEN,
     .type = STATE_TYPE_I32,
     .offset = offsetof(Pair, b),
     .size = 4,
     .count = 1},
    STATE_END,
};

static bool pair_load(const StateField *from, const StateField *to,
                      GError **error)
{
    DeviceType first = {.name = "pair", .size = sizeof(Pair), .state = from};
    DeviceType second = {.name = "pair", .size = sizeof(Pair), .state = to};
    g_autoptr(GByteArray) saved = g_byte_array_new();
    Vm *vm = vm_new();
    Pair *p = (Pair *)device_new(vm, &first, NULL, "p");
    Pair *q = (Pair *)device_new(vm, &second, NULL, "q");
    bool good;

    p->a = 1;
    p->b = 2;
    q->a = 10;
    q->b = 20;
    state_save(&p->dev, saved);
    good = state_load(&q->dev, saved->data, saved->len, error);
    g_assert_cmpuint(q->a, ==, good ? 1 : 10);
    g_assert_cmpuint(q->b, ==, good ? 2 : 20);
    vm_free(vm);
    return good;
}

static void test_state_names(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(pair_load(pair_state, swapped_state, &error));
    g_assert_false(pair_load(short_state, pair_state, &error));
    g_assert_cmpstr(error->message, ==, "/q: row 'b' is missing");
    g_clear_error(&error);
    g_assert_false(pair_load(pair_state, short_state, &error));
    g_assert_cmpstr(error->message, ==, "/q: unknown row 'b'");
    g_clear_error(&error);
    g_assert_false(pair_load(pair_state, typed_state, &error));
    g_assert_nonnull(strstr(error->message, "'b': saved as type"));
}

/* Every flipped byte either loads or leaves no trace. */
/* What a device indexes or divides by is checked as it comes in. */
static void test_state_ranges(void)
{
    static const struct {
        uint64_t min, max;
        bool taken;
    } row[] = {{0, 0, true},  {0, 2, true},  {0, 1, false}, {2, 2, true},
               {3, 0, false}, {3, 9, false}, {1, 0, true}};

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        const StateField ranged[] = {
            STATE(Pair, a),
            STATE(Pair, b, .min = row[i].min, .max = row[i].max), STATE_END};
        g_autoptr(GError) error = NULL;

        g_assert_true(pair_load(pair_state, ranged, &error) == row[i].taken);
        if (!row[i].taken) {
            g_assert_cmpstr(error->message, ==, "/q: row 'b': damaged value");
        }
    }
}

static void test_state_damage(void)
{
    g_autoptr(Bench) a = bench_new(&chip_type), b = bench_new(&chip_type);
    g_autoptr(GByteArray) saved = g_byte_array_new();
    uint64_t digest = state_digest(b->dev);
    unsigned refused = 0;

    chip_fill(a);
    state_save(a->dev, saved);
    for (guint i = 0; i < saved->len; i++) {
        g_autoptr(GByteArray) before = g_byte_array_new();
        GError *error = NULL;

        saved->data[i] ^= 0xff;
        state_save(b->dev, before);
        if (!state_load(b->dev, saved->data, saved->len, &error)) {
            g_assert_cmphex(state_digest(b->dev), ==, digest);
            g_clear_error(&error);
            refused++;
        } else {
            g_assert_true(state_load(b->dev, before->data, before->len, NULL));
        }
        saved->data[i] ^= 0xff;
    }
    g_assert_cmpuint(refused, >, 100);
}

/* --- digest and text ------------------------------------------------------ */

/* Each row counts; caches, wires and padding do not. */
static void test_state_digest(void)
{
    g_autoptr(Bench) b = bench_new(&chip_type);
    Chip *c = chip_fill(b);
    uint64_t base = state_digest(b->dev);
    uint8_t *bytes[] = {
        (uint8_t *)&c->load,
        &c->bank[3],
        (uint8_t *)&c->wide + 7,
        (uint8_t *)&c->drift,
        &c->vector.u8[15],
        (uint8_t *)&c->since.ns,
        (uint8_t *)&c->expiry.when.ns,
        (uint8_t *)&c->channels[1].count,
        c->fifo->data,
        (uint8_t *)&c->lazy /* seen through flags */,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bytes); i++) {
        *bytes[i] ^= 1;
        g_assert_cmphex(state_digest(b->dev), !=, base);
        *bytes[i] ^= 1;
        g_assert_cmphex(state_digest(b->dev), ==, base);
    }
    c->cache ^= 1;
    c->flags ^= 1; /* stale: the canonical value counts */
    c->writes++;
    /* padding */
    memset((uint8_t *)&c->channels[0].gate + 1, 0xee,
           offsetof(Channel, out) - offsetof(Channel, gate) - 1);
    g_assert_cmphex(state_digest(b->dev), ==, base);
}

static void append_row(void *opaque, const char *row, const char *value)
{
    g_string_append_printf(opaque, "%s=%s\n", row, value);
}

static void test_state_text(void)
{
    g_autoptr(Bench) b = bench_new(&chip_type);
    g_autoptr(GString) text = g_string_new(NULL);

    chip_fill(b);
    state_foreach(b->dev, append_row, text);
    g_assert_nonnull(strstr(text->str, "load=0x1020304\n"));
    g_assert_nonnull(strstr(text->str, "bank=0x77 0x78 0x79 0x7a\n"));
    g_assert_nonnull(strstr(text->str, "temperature=-40\n"));
    g_assert_nonnull(strstr(text->str, "expiry=at 500 ns\n"));
    g_assert_nonnull(strstr(text->str, "channels[0].out=off\n"));
    g_assert_nonnull(strstr(text->str, "channels[1].gate=0x1\n"));
    g_assert_nonnull(strstr(text->str, "flags=0xa\n"));
    g_assert_null(strstr(text->str, "cache"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/registers", test_state_registers);
    g_test_add_func("/state/partial", test_state_partial);
    g_test_add_func("/state/effects", test_state_effects);
    g_test_add_func("/state/reset", test_state_reset);
    g_test_add_func("/state/round", test_state_round);
    g_test_add_func("/state/pack", test_state_pack);
    g_test_add_func("/state/names", test_state_names);
    g_test_add_func("/state/ranges", test_state_ranges);
    g_test_add_func("/state/damage", test_state_damage);
    g_test_add_func("/state/digest", test_state_digest);
    g_test_add_func("/state/text", test_state_text);
    return g_test_run();
}
