/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ATA disks behind the PIIX3: registers, PIO, DMA, resets, errors. */
#include <string.h>

#include "tests/unit/ide_rig.h"

void add_cd_tests(void);

static void identify(Rig *r, uint16_t word[256])
{
    rig_command(r, 0xec, 0, 0);
    g_assert_true(rig_irq(r, 0));
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x58);
    g_assert_false(rig_irq(r, 0));
    for (unsigned i = 0; i < 256; i++) {
        word[i] = (uint16_t)rig_in16(r, RIG_CMD);
    }
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
}

static void test_signature(Rig *r, gconstpointer data)
{
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_FEATURE), ==, 1);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_COUNT), ==, 1);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_MID), ==, 0);
    g_assert_cmphex(rig_in(r, RIG_CD_CMD + R_MID), ==, 0x14);
    g_assert_cmphex(rig_in(r, RIG_CD_CMD + R_HIGH), ==, 0xeb);
    rig_out(r, RIG_CMD + R_DEV, 0x10); /* nobody */
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0);
    rig_out(r, RIG_CTL, 0x04);
    g_assert_cmphex(rig_in(r, RIG_CTL), ==, 0);
    rig_out(r, RIG_CMD + R_DEV, 0x00);
    g_assert_cmphex(rig_in(r, RIG_CTL), ==, 0x80);
    rig_out(r, RIG_CTL, 0x00);
    g_assert_cmphex(rig_in(r, RIG_CTL), ==, 0x50);
}

static void test_identify(Rig *r, gconstpointer data)
{
    uint16_t w[256];
    unsigned sum = 0;

    identify(r, w);
    g_assert_cmpuint(w[60] | w[61] << 16, ==, RIG_DISK_SECTORS);
    g_assert_cmpuint(w[100] | w[101] << 16, ==, RIG_DISK_SECTORS);
    g_assert_cmphex(w[83] & 0xc400, ==, 0x4400); /* valid, 48-bit */
    g_assert_cmphex(w[27], ==, 'R' << 8 | 'E');
    for (unsigned i = 0; i < 256; i++) {
        sum += (w[i] & 0xff) + (w[i] >> 8);
    }
    g_assert_cmphex(w[255] & 0xff, ==, 0xa5);
    g_assert_cmphex(sum & 0xff, ==, 0);
    rig_out(r, RIG_CMD + R_FEATURE, 0x03);
    rig_command(r, 0xef, 0, 0x22); /* multiword DMA 2 */
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    identify(r, w);
    g_assert_cmphex(w[63], ==, 0x0407);
    g_assert_cmphex(w[88] >> 8, ==, 0);
}

static void read_sector(Rig *r, uint64_t lba)
{
    const uint8_t *want = r->disk_drive->bytes + lba * 512;

    for (unsigned i = 0; i < 512; i += 2) {
        g_assert_cmphex(rig_in16(r, RIG_CMD), ==, ld_le16(want + i));
    }
}

static void test_pio_read(Rig *r, gconstpointer data)
{
    rig_command(r, 0x20, 1000, 3);
    g_assert_cmphex(rig_in(r, RIG_CTL), ==, 0x80);
    g_assert_false(rig_irq(r, 0));
    rig_finish(r->disk_drive);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(rig_irq(r, 0));
        g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x58);
        read_sector(r, 1000 + i);
    }
    g_assert_false(rig_irq(r, 0));
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_LOW), ==, 1002 & 0xff);
    rig_command(r, 0xc6, 0, 8);
    rig_in(r, RIG_CMD + R_CMD);
    rig_command(r, 0xc4, 5, 10); /* one block of 8, one of 2 */
    rig_finish(r->disk_drive);
    for (unsigned i = 0; i < 10; i++) {
        g_assert_cmpint(rig_irq(r, 0), ==, i == 0 || i == 8);
        g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x58);
        read_sector(r, 5 + i);
    }
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
}

static void test_chs(Rig *r, gconstpointer data)
{
    rig_out(r, RIG_CMD + R_DEV, 0xa0 | 3); /* head 3 */
    rig_out(r, RIG_CMD + R_COUNT, 1);
    rig_out(r, RIG_CMD + R_LOW, 7);
    rig_out(r, RIG_CMD + R_MID, 1);
    rig_out(r, RIG_CMD + R_HIGH, 0);
    rig_out(r, RIG_CMD + R_CMD, 0x20);
    rig_finish(r->disk_drive);
    read_sector(r, (1 * 16 + 3) * 63 + 6);
    rig_out(r, RIG_CMD + R_LOW, 0); /* there is no sector 0 */
    rig_out(r, RIG_CMD + R_CMD, 0x20);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x51);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_FEATURE), ==, 0x10);
}

static void test_pio_write(Rig *r, gconstpointer data)
{
    rig_command(r, 0x30, 20, 2);
    for (unsigned s = 0; s < 2; s++) {
        g_assert_cmpint(rig_irq(r, 0), ==, s > 0);
        g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x58);
        for (unsigned i = 0; i < 256; i++) {
            rig_out16(r, RIG_CMD, 0x4000 + 256 * s + i);
        }
    }
    g_assert_cmphex(rig_in(r, RIG_CTL), ==, 0x80);
    g_assert_false(rig_irq(r, 0));
    rig_finish(r->disk_drive);
    g_assert_true(rig_irq(r, 0));
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    for (unsigned i = 0; i < 512; i++) {
        g_assert_cmphex(ld_le16(r->disk_drive->bytes + 20 * 512 + 2 * i), ==,
                        0x4000 + i);
    }
    g_assert_cmpuint(r->disk_drive->flushes, ==, 0);
    rig_command(r, 0xe7, 0, 0);
    g_assert_cmphex(rig_in(r, RIG_CTL), ==, 0x80);
    rig_finish(r->disk_drive);
    g_assert_cmpuint(r->disk_drive->flushes, ==, 1);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
}

static void check_ram(Rig *r, uint32_t at, const uint8_t *want, uint32_t size)
{
    g_autofree uint8_t *got = g_malloc(size);

    g_assert_true(mem_peek(r->vm->mem, at, got, size));
    g_assert_cmpmem(got, size, want, size);
}

static void test_dma_read(Rig *r, gconstpointer data)
{
    /* 600 sectors: more than one request; pieces of odd places */
    static const uint32_t pieces[7][2] = {
        {0x100000, 0x8000},
        {0x108000, 0x8000},
        {0x200002, 0x1fe},
        {0x300000, 0xfffe},
        {0x400000, 0xfffe},
        {0x500000, 0xfffe},
        {0x600000, 600 * 512 - 0x10000 - 0x1fe - 3 * 0xfffe}};
    const uint8_t *want = r->disk_drive->bytes + 100 * 512;
    uint32_t at = 0;

    rig_table(r, 0, pieces, 7);
    rig_out(r, RIG_BM + 2, 0x66);
    rig_out(r, RIG_BM, 0x08);
    rig_command_ext(r, 0x25, 100, 600);
    rig_out(r, RIG_BM, 0x09);
    g_assert_cmphex(rig_in(r, RIG_BM + 2), ==, 0x61);
    rig_finish(r->disk_drive);
    g_assert_true(rig_irq(r, 0));
    g_assert_cmphex(rig_in(r, RIG_BM + 2), ==, 0x64);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    for (unsigned i = 0; i < 7; i++) {
        check_ram(r, pieces[i][0], want + at, pieces[i][1]);
        at += pieces[i][1];
    }
    rig_out(r, RIG_BM + 2, 0x04);
    g_assert_cmphex(rig_in(r, RIG_BM + 2), ==, 0);
}

static void test_dma_write(Rig *r, gconstpointer data)
{
    static const uint32_t piece[1][2] = {{0x200000, 0x2000}};
    uint8_t bytes[0x2000];

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i ^ i >> 8);
    }
    g_assert_true(mem_poke(r->vm->mem, 0x200000, bytes, sizeof(bytes)));
    rig_table(r, 0, piece, 1);
    rig_out(r, RIG_BM, 0x01); /* the engine first, then the command */
    rig_command(r, 0xca, 2000, 16);
    rig_finish(r->disk_drive);
    g_assert_true(rig_irq(r, 0));
    g_assert_cmpmem(r->disk_drive->bytes + 2000 * 512, sizeof(bytes), bytes,
                    sizeof(bytes));
    rig_in(r, RIG_CMD + R_CMD);
    rig_out(r, RIG_BM, 0);
    rig_out(r, RIG_BM, 0x01);
    rig_command_ext(r, 0x3d, 2016, 16); /* FUA: written through */
    rig_finish(r->disk_drive);
    g_assert_cmpuint(r->disk_drive->flushes, ==, 1);
}

/* A table shorter than the transfer: the engine stops, the drive waits. */
static void test_dma_short(Rig *r, gconstpointer data)
{
    static const uint32_t piece[1][2] = {{0x200000, 0x200}};

    rig_table(r, 0, piece, 1);
    rig_out(r, RIG_BM, 0x09);
    rig_command(r, 0xc8, 7, 2);
    rig_finish(r->disk_drive);
    g_assert_false(rig_irq(r, 0));
    g_assert_cmphex(rig_in(r, RIG_BM + 2) & 5, ==, 0);
    rig_out(r, RIG_CTL, 0x04);
    rig_out(r, RIG_CTL, 0x00);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    rig_command(r, 0x20, 7, 1);
    rig_finish(r->disk_drive);
    read_sector(r, 7);
}

static void test_errors(Rig *r, gconstpointer data)
{
    rig_command(r, 0x20, RIG_DISK_SECTORS - 1, 2);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x51);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_FEATURE), ==, 0x10);
    rig_command_ext(r, 0x24, UINT64_C(0xffffffffffff), 0);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x51);
    rig_command(r, 0xfe, 0, 0); /* no such command */
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x51);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_FEATURE), ==, 0x04);
    r->disk_drive->fail = true;
    rig_command(r, 0x20, 0x123, 1);
    rig_finish(r->disk_drive);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x51);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_FEATURE), ==, 0x40);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_LOW), ==, 0x23);
    r->disk_drive->fail = false;
    r->disk_drive->read_only = true;
    rig_command(r, 0x30, 0, 1);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x51);
}

/* What was asked for before a reset is not heard of after it. */
static void test_reset_in_flight(Rig *r, gconstpointer data)
{
    Drive *d = r->disk_drive;
    uint32_t tag;

    rig_command(r, 0x20, 1, 1);
    tag = d->request.tag;
    rig_out(r, RIG_CTL, 0x04);
    rig_out(r, RIG_CTL, 0x00);
    g_assert_false(d->waiting);
    rig_command(r, 0x20, 2, 1);
    d->ops->complete(r->disk, tag, BLK_OK, d->bytes, 512);
    g_assert_cmphex(rig_in(r, RIG_CTL), ==, 0x80);
    rig_finish(d);
    read_sector(r, 2);
}

static void test_busy_registers(Rig *r, gconstpointer data)
{
    rig_command(r, 0x20, 0x55, 1);
    rig_out(r, RIG_CMD + R_LOW, 0xaa);
    rig_out(r, RIG_CMD + R_CMD, 0x30);
    rig_finish(r->disk_drive);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_LOW), ==, 0x55);
    read_sector(r, 0x55);
    rig_out(r, RIG_CTL, 0x02); /* no interrupts */
    rig_command(r, 0x40, 0, 1);
    g_assert_false(rig_irq(r, 0));
    rig_out(r, RIG_CTL, 0x00);
    g_assert_true(rig_irq(r, 0));
    rig_command_ext(r, 0x42, 0x123456789, 1); /* error, but registers stay */
    rig_out(r, RIG_CTL, 0x80);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_LOW), ==, 0x23);
    rig_out(r, RIG_CTL, 0x00);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_LOW), ==, 0x89);
}

static void test_trim_and_smart(Rig *r, gconstpointer data)
{
    static const uint32_t piece[1][2] = {{0x200000, 0x200}};
    uint8_t ranges[512] = {0};

    st_le64(ranges, 5ull << 48 | 40);
    st_le64(ranges + 16, 2ull << 48 | 90);
    g_assert_true(mem_poke(r->vm->mem, 0x200000, ranges, sizeof(ranges)));
    rig_table(r, 0, piece, 1);
    rig_out(r, RIG_CMD + R_FEATURE, 0);
    rig_out(r, RIG_CMD + R_FEATURE, 1);
    rig_command_ext(r, 0x06, 0, 1);
    rig_out(r, RIG_BM, 0x01);
    rig_finish(r->disk_drive);
    g_assert_cmpuint(r->disk_drive->discards, ==, 2);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    g_assert_cmpuint(r->disk_drive->bytes[40 * 512 + 5], ==, 0);
    g_assert_cmpuint(r->disk_drive->bytes[91 * 512 + 5], ==, 0);
    rig_out(r, RIG_CMD + R_FEATURE, 0xda);
    rig_command(r, 0xb0, 0xc24f00, 0);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_MID), ==, 0x4f);
    rig_command(r, 0xb0, 0, 0); /* without the key */
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x51);
}

/* All state goes through its rows: a command at work goes on after a load. */
static void test_save(Rig *r, gconstpointer data)
{
    g_autoptr(GByteArray) ide = g_byte_array_new();
    g_autoptr(GByteArray) disk = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    uint64_t before;

    rig_command(r, 0x20, 30, 2);
    rig_finish(r->disk_drive);
    read_sector(r, 30);
    before = state_digest(r->disk);
    state_save(r->ide, ide);
    state_save(r->disk, disk);
    devices_reset(r->vm);
    g_assert_cmphex(state_digest(r->disk), !=, before);
    g_assert_true(state_load(r->ide, ide->data, ide->len, &error));
    g_assert_true(state_load(r->disk, disk->data, disk->len, &error));
    g_assert_cmphex(state_digest(r->disk), ==, before);
    read_sector(r, 31);
    g_assert_cmphex(rig_in(r, RIG_CMD + R_CMD), ==, 0x50);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(Rig *r, gconstpointer data);
    } tests[] = {
        {"/ide/signature", test_signature},
        {"/ide/identify", test_identify},
        {"/ide/pio-read", test_pio_read},
        {"/ide/chs", test_chs},
        {"/ide/pio-write", test_pio_write},
        {"/ide/dma-read", test_dma_read},
        {"/ide/dma-write", test_dma_write},
        {"/ide/dma-short", test_dma_short},
        {"/ide/errors", test_errors},
        {"/ide/reset-in-flight", test_reset_in_flight},
        {"/ide/busy-registers", test_busy_registers},
        {"/ide/trim-smart", test_trim_and_smart},
        {"/ide/save", test_save},
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].name, Rig, NULL, rig_setup, tests[i].fn,
                   rig_teardown);
    }
    add_cd_tests();
    return g_test_run();
}
