/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NOR flash: how firmware finds it, programming, erasing, what is written. */
#include "hw/pflash.h"

#include <string.h>

#include "tests/unit/ide_rig.h"

#define AT 0x1000000u
#define CHIP 0x10000u
#define MS 1000000

typedef struct Chip {
    Rig r; /* of the rig only .vm and a drive are used */
    Device *dev;
    Drive *drive;
} Chip;

static void setup(Chip *c, gconstpointer data)
{
    g_autoptr(GBytes) content = NULL;

    c->r.vm = vm_new();
    c->drive = rig_drive(0, CHIP);
    content = g_bytes_new(c->drive->bytes, CHIP);
    c->dev = device_new(c->r.vm, &pflash_type, NULL, "flash");
    pflash_connect(c->dev, c->drive, content);
    g_assert_true(device_realize(c->dev, NULL));
    pflash_map(c->dev, c->r.vm->mem_root, AT);
    devices_seal(c->r.vm);
    devices_reset(c->r.vm);
}

static void teardown(Chip *c, gconstpointer data)
{
    rig_teardown(&c->r, NULL);
}

static unsigned get(Chip *c, uint32_t off)
{
    return (unsigned)mem_io_read(c->r.vm->mem, AT + off, 1);
}

static void put(Chip *c, uint32_t off, unsigned v)
{
    mem_io_write(c->r.vm->mem, AT + off, v, 1);
}

/* Let virtual time pass and the drive answer. */
static void settle(Chip *c)
{
    Clock *clock = c->r.vm->clock;

    clock_jump(clock, virt_add(vm_now(c->r.vm), 2 * MS));
    clock_run_due(clock);
    rig_finish(c->drive);
}

static void test_modes(Chip *c, gconstpointer data)
{
    unsigned first = c->drive->bytes[5];

    g_assert_cmphex(get(c, 5), ==, first);
    put(c, 5, 0x50); /* clear status: an array again */
    g_assert_cmphex(get(c, 5), ==, first);
    put(c, 5, 0x70);
    g_assert_cmphex(get(c, 5), ==, 0); /* neither RAM nor ROM */
    put(c, 5, 0x98);
    g_assert_cmphex(get(c, 0x10), ==, 'Q');
    g_assert_cmphex(get(c, 0x27), ==, 16);
    put(c, 5, 0x90);
    g_assert_cmphex(get(c, 0), ==, 0x89);
    put(c, 5, 0xff);
    g_assert_cmphex(get(c, 5), ==, first);
}

static void test_program(Chip *c, gconstpointer data)
{
    put(c, 0x2345, 0x20);
    put(c, 0x2345, 0xd0);
    g_assert_cmphex(get(c, 0) & 0xb0, ==, 0x80);
    put(c, 0, 0xff);
    g_assert_cmphex(get(c, 0x2000), ==, 0xff);
    g_assert_cmphex(get(c, 0x2fff), ==, 0xff);
    g_assert_cmphex(get(c, 0x1fff), ==, c->drive->bytes[0x1fff]);
    put(c, 0x2100, 0x40);
    put(c, 0x2100, 0x5a);
    put(c, 0x2100, 0x10);
    put(c, 0x2100, 0xf0); /* only clears bits */
    put(c, 0, 0xff);
    g_assert_cmphex(get(c, 0x2100), ==, 0x50);
    g_assert_cmphex(c->drive->bytes[0x2100], !=, 0x50);
    settle(c);
    g_assert_cmphex(c->drive->bytes[0x2100], ==, 0x50);
    g_assert_cmphex(c->drive->bytes[0x2101], ==, 0xff);
    g_assert_cmpuint(c->drive->requests, ==, 1);
}

static void test_buffer(Chip *c, gconstpointer data)
{
    put(c, 0x3000, 0x20);
    put(c, 0x3000, 0xd0);
    put(c, 0x3000, 0xe8);
    g_assert_cmphex(get(c, 0x3000) & 0x80, ==, 0x80);
    put(c, 0x3000, 3);
    for (unsigned i = 0; i < 4; i++) {
        put(c, 0x3010 + i, 0xa0 + i);
    }
    put(c, 0x3000, 0xd0);
    g_assert_cmphex(get(c, 0x3000) & 0xb0, ==, 0x80);
    put(c, 0, 0xff);
    g_assert_cmphex(get(c, 0x3013), ==, 0xa3);
    settle(c);
    g_assert_cmphex(c->drive->bytes[0x3013], ==, 0xa3);
}

static void test_read_only(Chip *c, gconstpointer data)
{
    unsigned before = c->drive->bytes[7];

    c->drive->read_only = true;
    put(c, 7, 0x40);
    put(c, 7, 0);
    g_assert_cmphex(get(c, 7) & 0x12, ==, 0x12);
    put(c, 7, 0xff);
    g_assert_cmphex(get(c, 7), ==, before);
    settle(c);
    g_assert_cmpuint(c->drive->requests, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/pflash/modes", Chip, NULL, setup, test_modes, teardown);
    g_test_add("/pflash/program", Chip, NULL, setup, test_program, teardown);
    g_test_add("/pflash/buffer", Chip, NULL, setup, test_buffer, teardown);
    g_test_add("/pflash/read-only", Chip, NULL, setup, test_read_only,
               teardown);
    return g_test_run();
}
