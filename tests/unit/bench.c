/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test bench for one device. */
#include "tests/unit/bench.h"

#define HALTED_NS 1000 /* a late timer runs so much later when all is halted */

typedef struct BenchSink {
    Device dev;
    IrqLine lines[BENCH_LINES];
    unsigned edges[BENCH_LINES];
} BenchSink;

static void bench_sink_line(Device *dev, unsigned n, bool level)
{
    ((BenchSink *)dev)->edges[n] += level;
}

static bool bench_sink_realize(Device *dev, GError **error)
{
    BenchSink *s = (BenchSink *)dev;

    for (unsigned i = 0; i < BENCH_LINES; i++) {
        irq_init(&s->lines[i], dev, bench_sink_line, i);
    }
    return true;
}

static const StateField bench_sink_state[] = {
    STATE(BenchSink, lines),
    WIRE(BenchSink, edges),
    STATE_END,
};

static const DeviceType bench_sink_type = {
    .name = "bench-sink",
    .size = sizeof(BenchSink),
    .state = bench_sink_state,
    .realize = bench_sink_realize,
};

static const MemOps bench_mmio_ops = {
    .read = state_read_reg,
    .write = state_write_reg,
    .peek = state_peek_reg,
};

Bench *bench_new_unrealized(const DeviceType *type)
{
    Bench *b = g_new0(Bench, 1);
    GError *error = NULL;

    b->vm = vm_new();
    b->sink = device_new(b->vm, &bench_sink_type, NULL, "sink");
    device_realize(b->sink, &error);
    g_assert_no_error(error);
    b->dev = device_new(b->vm, type, NULL, "dut");
    return b;
}

void bench_realize(Bench *b)
{
    GError *error = NULL;

    device_realize(b->dev, &error);
    g_assert_no_error(error);
    if (b->dev->type->mmio_size) {
        mem_add(b->vm->mem_root, 0,
                mem_io(b->vm, "dut", b->dev, &bench_mmio_ops,
                       b->dev->type->mmio_size),
                0);
    }
    bench_reset(b);
}

Bench *bench_new(const DeviceType *type)
{
    Bench *b = bench_new_unrealized(type);

    bench_realize(b);
    return b;
}

void bench_free(Bench *b)
{
    if (b) {
        vm_free(b->vm);
        g_free(b);
    }
}

IrqLine *bench_line(Bench *b, unsigned n)
{
    g_assert_cmpuint(n, <, BENCH_LINES);
    return &((BenchSink *)b->sink)->lines[n];
}

bool bench_irq(const Bench *b, unsigned n)
{
    g_assert_cmpuint(n, <, BENCH_LINES);
    return irq_level(&((const BenchSink *)b->sink)->lines[n]);
}

unsigned bench_edges(const Bench *b, unsigned n)
{
    g_assert_cmpuint(n, <, BENCH_LINES);
    return ((const BenchSink *)b->sink)->edges[n];
}

#define BENCH_ACCESS(width)                                                    \
    uint##width##_t bench_read##width(Bench *b, uint64_t at)                   \
    {                                                                          \
        return (uint##width##_t)mem_io_read(b->vm->mem, at, width / 8);        \
    }                                                                          \
    void bench_write##width(Bench *b, uint64_t at, uint##width##_t v)          \
    {                                                                          \
        mem_io_write(b->vm->mem, at, v, width / 8);                            \
    }

BENCH_ACCESS(8)
BENCH_ACCESS(16)
BENCH_ACCESS(32)
BENCH_ACCESS(64)

#define BENCH_PORT(letter, width)                                              \
    uint##width##_t bench_in##letter(Bench *b, uint16_t port)                  \
    {                                                                          \
        return (uint##width##_t)mem_io_read(b->vm->io, port, width / 8);       \
    }                                                                          \
    void bench_out##letter(Bench *b, uint16_t port, uint##width##_t v)         \
    {                                                                          \
        mem_io_write(b->vm->io, port, v, width / 8);                           \
    }

BENCH_PORT(b, 8)
BENCH_PORT(w, 16)
BENCH_PORT(l, 32)

uint32_t bench_peek32(Bench *b, uint64_t at)
{
    uint32_t v = 0;

    g_assert_true(mem_peek(b->vm->mem, at, &v, sizeof(v)));
    return GUINT32_FROM_LE(v);
}

uint8_t bench_peek_port(Bench *b, uint16_t port)
{
    uint8_t v = 0;

    g_assert_true(mem_peek(b->vm->io, port, &v, 1));
    return v;
}

void bench_advance(Bench *b, int64_t ns)
{
    Clock *c = b->vm->clock;
    VirtTime end = virt_add(vm_now(b->vm), ns);
    VirtTime when;

    while (clock_deadline(c, &when) && when.ns <= end.ns) {
        if (when.ns < vm_now(b->vm).ns) {
            when = vm_now(b->vm);
        }
        clock_jump(c, when);
        clock_run_due(c);
        if (clock_deadline(c, &when) && when.ns <= vm_now(b->vm).ns) {
            if (vm_now(b->vm).ns + HALTED_NS > end.ns) {
                break;
            }
            clock_jump(c, virt_add(vm_now(b->vm), HALTED_NS));
        }
    }
    clock_jump(c, end);
}

int64_t bench_now(const Bench *b)
{
    return vm_now(b->vm).ns;
}

void bench_reset(Bench *b)
{
    devices_reset(b->vm);
}

static void bench_look(void *opaque, const char *row, const char *value)
{
    g_assert_nonnull(row);
    g_assert_nonnull(value);
}

void bench_check_state(Bench *b)
{
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GByteArray) again = g_byte_array_new();
    uint64_t digest = state_digest(b->dev);
    GError *error = NULL;

    state_foreach(b->dev, bench_look, NULL);
    state_save(b->dev, saved);
    g_assert_cmphex(state_digest(b->dev), ==, digest);

    for (guint n = 0; n < saved->len; n += 1 + n / 16) {
        g_assert_false(state_load(b->dev, saved->data, n, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
        g_assert_cmphex(state_digest(b->dev), ==, digest);
    }

    g_assert_true(state_load(b->dev, saved->data, saved->len, &error));
    g_assert_no_error(error);
    g_assert_cmphex(state_digest(b->dev), ==, digest);
    state_save(b->dev, again);
    g_assert_cmpmem(saved->data, saved->len, again->data, again->len);
}
