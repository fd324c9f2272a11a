/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ATAPI: packets, reading by PIO and DMA, tray and medium. */
#include <string.h>

#include "tests/unit/ide_rig.h"

void add_cd_tests(void);

static void packet(Rig *r, unsigned code, uint32_t lba, unsigned count)
{
    uint8_t cdb[12] = {(uint8_t)code};

    st_be32(cdb + 2, lba);
    st_be16(cdb + 7, (uint16_t)count);
    rig_packet(r, cdb, 0xfffe, false);
}

static unsigned status(Rig *r)
{
    return rig_in(r, RIG_CD_CMD + R_CMD);
}

/* Bytes of the block that the drive offers. */
static unsigned take(Rig *r, uint8_t *out)
{
    unsigned n =
        rig_in(r, RIG_CD_CMD + R_MID) | rig_in(r, RIG_CD_CMD + R_HIGH) << 8;

    g_assert_cmphex(rig_in(r, RIG_CD_CMD + R_COUNT) & 3, ==, 2);
    for (unsigned i = 0; i < n; i += 2) {
        st_le16(out + i, (uint16_t)rig_in16(r, RIG_CD_CMD));
    }
    return n;
}

static void expect_check(Rig *r, unsigned sense, unsigned asc)
{
    uint8_t cdb[12] = {0x03, 0, 0, 0, 18}, reply[64];

    g_assert_cmphex(status(r) & 0x89, ==, 0x01);
    g_assert_cmphex(rig_in(r, RIG_CD_CMD + R_FEATURE) >> 4, ==, sense);
    rig_packet(r, cdb, 64, false);
    g_assert_cmpuint(take(r, reply), ==, 18);
    g_assert_cmphex(reply[2], ==, sense);
    g_assert_cmphex(reply[12], ==, asc);
}

/* The first command after a reset hears of it. */
static void clear_attention(Rig *r)
{
    packet(r, 0x00, 0, 0);
    expect_check(r, 6, 0x29);
}

static void test_read(Rig *r, gconstpointer data)
{
    uint8_t buf[0x10000];

    clear_attention(r);
    packet(r, 0x28, 10, 3);
    g_assert_cmphex(status(r), ==, 0x80);
    rig_finish(r->cd_drive);
    g_assert_true(rig_irq(r, 1));
    g_assert_cmphex(status(r), ==, 0x58);
    g_assert_cmpuint(take(r, buf), ==, 3 * 2048);
    g_assert_cmpmem(buf, 6144, r->cd_drive->bytes + 10 * 2048, 6144);
    g_assert_true(rig_irq(r, 1));
    g_assert_cmphex(rig_in(r, RIG_CD_CMD + R_COUNT), ==, 3);
    g_assert_cmphex(status(r), ==, 0x50);
    packet(r, 0x28, RIG_CD_SECTORS - 1, 2);
    expect_check(r, 5, 0x21);
    r->cd_drive->fail = true;
    packet(r, 0x28, 0, 1);
    rig_finish(r->cd_drive);
    expect_check(r, 3, 0x11);
}

static void test_limit(Rig *r, gconstpointer data)
{
    uint8_t cdb[12] = {0xa8, 0, 0, 0, 0, 1, 0, 0, 0, 2}, buf[4096];
    unsigned n = 0;

    clear_attention(r);
    rig_packet(r, cdb, 1000, false);
    rig_finish(r->cd_drive);
    while (status(r) & 8) {
        unsigned part = take(r, buf + n);

        g_assert_cmpuint(part, <=, 1000);
        n += part;
    }
    g_assert_cmpuint(n, ==, 4096);
    g_assert_cmpmem(buf, n, r->cd_drive->bytes + 2048, n);
}

static void test_dma(Rig *r, gconstpointer data)
{
    static const uint32_t piece[2][2] = {{0x200000, 0x8000},
                                         {0x300000, 0x9c00 * 2 - 0x8000}};
    uint8_t cdb[12] = {0x28, 0, 0, 0, 0, 2, 0, 0, 39}, got[0x8000];

    clear_attention(r);
    rig_table(r, 1, piece, 2);
    rig_out(r, RIG_BM + 8, 0x09);
    rig_packet(r, cdb, 0, true);
    rig_finish(r->cd_drive);
    g_assert_true(rig_irq(r, 1));
    g_assert_cmphex(status(r), ==, 0x50);
    g_assert_true(mem_peek(r->vm->mem, 0x200000, got, sizeof(got)));
    g_assert_cmpmem(got, sizeof(got), r->cd_drive->bytes + 4096, sizeof(got));
}

static void test_raw(Rig *r, gconstpointer data)
{
    uint8_t cdb[12] = {0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0xf8}, buf[4096];

    clear_attention(r);
    rig_packet(r, cdb, 0xfffe, false);
    rig_finish(r->cd_drive);
    g_assert_cmpuint(take(r, buf), ==, 2352);
    g_assert_cmphex(buf[0], ==, 0);
    g_assert_cmphex(buf[1], ==, 0xff);
    /* 150 + 16 frames: 0 minutes, 2 seconds, 16 frames, in BCD */
    g_assert_cmphex(buf[13], ==, 0x02);
    g_assert_cmphex(buf[14], ==, 0x16);
    g_assert_cmpmem(buf + 16, 2048, r->cd_drive->bytes + 16 * 2048, 2048);
}

static void test_tables(Rig *r, gconstpointer data)
{
    uint8_t toc[12] = {0x43, 0, 0, 0, 0, 0, 0, 0, 100}, buf[256];
    uint8_t inquiry[12] = {0x12, 0, 0, 0, 36};

    rig_packet(r, inquiry, 256, false); /* before the attention is heard */
    g_assert_cmpuint(take(r, buf), ==, 36);
    g_assert_cmphex(buf[0], ==, 5);
    clear_attention(r);
    rig_packet(r, toc, 256, false);
    g_assert_cmpuint(take(r, buf), ==, 20);
    g_assert_cmphex(buf[14], ==, 0xaa);
    g_assert_cmpuint(ld_be32(buf + 16), ==, RIG_CD_SECTORS);
    packet(r, 0x25, 0, 0);
    g_assert_cmpuint(take(r, buf), ==, 8);
    g_assert_cmpuint(ld_be32(buf), ==, RIG_CD_SECTORS - 1);
    packet(r, 0xfd, 0, 0);
    expect_check(r, 5, 0x20);
}

static void test_tray(Rig *r, gconstpointer data)
{
    uint8_t lock[12] = {0x1e, 0, 0, 0, 1}, eject[12] = {0x1b, 0, 0, 0, 2};
    uint8_t event[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}, buf[64];
    Drive *d = r->cd_drive;

    clear_attention(r);
    rig_packet(r, lock, 0, false);
    rig_packet(r, eject, 0, false);
    expect_check(r, 5, 0x53);
    lock[4] = 0;
    rig_packet(r, lock, 0, false);
    rig_packet(r, eject, 0, false);
    g_assert_cmphex(status(r), ==, 0x50);
    g_assert_true(d->tray);
    packet(r, 0x00, 0, 0);
    expect_check(r, 2, 0x3a);
    d->tray = false;
    d->ops->media(r->cd, DRIVE_MEDIA_CHANGED);
    rig_packet(r, event, 64, false);
    g_assert_cmpuint(take(r, buf), ==, 8);
    g_assert_cmphex(buf[4], ==, 2);
    g_assert_cmphex(buf[5], ==, 2);
    packet(r, 0x00, 0, 0);
    expect_check(r, 6, 0x28);
    packet(r, 0x00, 0, 0);
    g_assert_cmphex(status(r), ==, 0x50);
}

static void test_not_a_disk(Rig *r, gconstpointer data)
{
    rig_out(r, RIG_CD_CMD + R_MID, 0);
    rig_out(r, RIG_CD_CMD + R_CMD, 0xec);
    g_assert_cmphex(status(r) & 1, ==, 1);
    g_assert_cmphex(rig_in(r, RIG_CD_CMD + R_MID), ==, 0x14);
    rig_out(r, RIG_CD_CMD + R_CMD, 0xa1);
    g_assert_cmphex(status(r), ==, 0x58);
    g_assert_cmphex(rig_in16(r, RIG_CD_CMD), ==, 0x85c0);
    rig_out(r, RIG_CD_CMD + R_CMD, 0x08); /* even now */
    g_assert_cmphex(status(r) & 8, ==, 0);
}

void add_cd_tests(void)
{
    static const struct {
        const char *name;
        void (*fn)(Rig *r, gconstpointer data);
    } tests[] = {
        {"/ide/cd/read", test_read},
        {"/ide/cd/limit", test_limit},
        {"/ide/cd/dma", test_dma},
        {"/ide/cd/raw", test_raw},
        {"/ide/cd/tables", test_tables},
        {"/ide/cd/tray", test_tray},
        {"/ide/cd/not-a-disk", test_not_a_disk},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].name, Rig, NULL, rig_setup, tests[i].fn,
                   rig_teardown);
    }
}
