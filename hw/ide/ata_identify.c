/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What drives say of themselves, and the settings that go with it: IDENTIFY
 * (ATA7 6.16), IDENTIFY PACKET (6.17), SET FEATURES (6.46), SMART (6.50).
 */
#include <string.h>

#include "core/bytes.h"
#include "core/vm.h"
#include "hw/ide/ide_priv.h"

#define WORDS 256
#define MWDMA_MODES 0x07
#define UDMA_MODES 0x3f
#define PIO_MODES 0x03
#define CYCLE_NS 120
#define SMART_ATTRIBUTES 5
#define SMART_ENTRY 12

static void put(IdeDrive *d, unsigned word, unsigned v)
{
    st_le16(d->buf + 2 * word, (uint16_t)v);
}

static void put32(IdeDrive *d, unsigned word, uint32_t v)
{
    st_le32(d->buf + 2 * word, v);
}

/* Two characters a word, the first in the high byte, padded with spaces. */
static void put_text(IdeDrive *d, unsigned word, unsigned words,
                     const char *text)
{
    size_t n = text ? strlen(text) : 0;

    for (unsigned i = 0; i < 2 * words; i++) {
        char c = i < n && g_ascii_isprint(text[i]) ? text[i] : ' ';

        d->buf[2 * word + (i ^ 1)] = (uint8_t)c;
    }
}

static void put_names(IdeDrive *d)
{
    put_text(d, 10, 10, d->serial);
    put_text(d, 23, 4, d->version);
    put_text(d, 27, 20, d->model);
}

static void put_modes(IdeDrive *d)
{
    put(d, 53, 7); /* words 54-58, 64-70 and 88 say something */
    put(d, 63, MWDMA_MODES | d->mwdma);
    put(d, 64, PIO_MODES);
    for (unsigned i = 65; i <= 68; i++) {
        put(d, i, CYCLE_NS);
    }
    put(d, 80, 0x00f0); /* ATA-4 to ATA-7 */
    put(d, 88, UDMA_MODES | d->udma);
}

/* 8.16.54 of ATA-5: nothing beyond what the translation reaches. */
static uint32_t chs_capacity(const IdeDrive *d, uint32_t *cylinders)
{
    uint32_t track = MAX((uint32_t)d->heads * d->sectors, 1);
    uint64_t total = drive_bytes(d->drive) / IDE_SECTOR;

    *cylinders = (uint32_t)MIN(total / track, 65535);
    return *cylinders * track;
}

void ata_identify(IdeDrive *d)
{
    uint64_t total = drive_bytes(d->drive) / IDE_SECTOR;
    uint32_t cylinders, chs = chs_capacity(d, &cylinders);
    unsigned sum = 0xa5, set1 = 0x4021, set2 = 0x7400, set3 = 0x4003;

    memset(d->buf, 0, IDE_SECTOR);
    put(d, 0, 0x0040);
    put(d, 1, d->cyls_prop);
    put(d, 3, d->heads_prop);
    put(d, 6, d->secs_prop);
    put_names(d);
    put(d, 47, 0x8000 | IDE_MULTIPLE_MAX);
    put(d, 48, 1);
    put(d, 49, 0x0b00); /* IORDY, LBA, DMA */
    put(d, 50, 0x4000);
    put(d, 51, 0x0200);
    put_modes(d);
    put(d, 54, cylinders);
    put(d, 55, d->heads);
    put(d, 56, d->sectors);
    put32(d, 57, chs);
    put(d, 59, d->multiple ? 0x100u | d->multiple : 0);
    put32(d, 60, (uint32_t)MIN(total, 0x0fffffff));
    put(d, 81, 0x0016);
    set3 |= d->wwn ? 0x100 : 0;
    put(d, 82, set1);
    put(d, 83, set2);
    put(d, 84, set3);
    put(d, 85,
        (set1 & ~0x21u) | (d->write_cache ? 0x20 : 0) | (d->smart ? 1 : 0)
            | (d->look_ahead ? 0x40 : 0));
    put(d, 86, set2 & 0x3fff);
    put(d, 87, set3);
    put(d, 93, 0x6001 | (d->unit ? 0x0c00 : 0)); /* 80 wires */
    st_le64(d->buf + 200, total);
    if (d->wwn) {
        for (unsigned i = 0; i < 4; i++) {
            put(d, 108 + i, (unsigned)(d->wwn >> (48 - 16 * i) & 0xffff));
        }
    }
    if (drive_can_discard(d->drive)) {
        put(d, 105, 8); /* blocks of ranges at most */
        put(d, 169, 1);
    }
    put(d, 217, d->rotation);
    for (unsigned i = 0; i < IDE_SECTOR - 2; i++) {
        sum += d->buf[i];
    }
    put(d, 255, (0x100 - (sum & 0xff)) << 8 | 0xa5);
}

void atapi_identify(IdeDrive *d)
{
    memset(d->buf, 0, IDE_SECTOR);
    put(d, 0, 0x85c0); /* CD-ROM, removable, DRQ within 50 us, 12 bytes */
    put_names(d);
    put(d, 48, 1);
    put(d, 49, 0x0b00);
    put_modes(d);
    put(d, 71, 30);
    put(d, 72, 30);
    put(d, 82, 0x4214); /* NOP, DEVICE RESET, PACKET, removable */
    put(d, 83, 0x4000);
    put(d, 84, 0x4000);
    put(d, 85, 0x4214);
    put(d, 87, 0x4000);
    put(d, 93, 0x6001 | (d->unit ? 0x0c00 : 0));
}

/* --- SET FEATURES ------------------------------------------------------------- */

static bool set_mode(IdeDrive *d, uint8_t mode)
{
    unsigned n = mode & 7;

    switch (mode >> 3) {
    case 0x00: /* PIO default */
    case 0x01: /* PIO flow control */
        return n <= 4;
    case 0x04:
        if (!(MWDMA_MODES & 1u << n)) {
            return false;
        }
        d->mwdma = (uint16_t)(0x100u << n);
        d->udma = 0;
        return true;
    case 0x08:
        if (!(UDMA_MODES & 1u << n)) {
            return false;
        }
        d->udma = (uint16_t)(0x100u << n);
        d->mwdma = 0;
        return true;
    default:
        return false;
    }
}

bool ata_set_features(IdeDrive *d)
{
    switch (d->task[0].feature) {
    case 0x02:
    case 0x82:
        d->write_cache = d->task[0].feature == 0x02;
        return !ide_is_cd(d);
    case 0x03:
        return set_mode(d, d->task[0].count);
    case 0x55:
    case 0xaa:
        d->look_ahead = d->task[0].feature == 0xaa;
        return !ide_is_cd(d);
    case 0x05: /* power management level */
    case 0x85:
    case 0x42: /* acoustic management */
    case 0xc2:
    case 0x66: /* keep settings over a software reset: they are kept */
    case 0xcc:
        return !ide_is_cd(d);
    default:
        return false;
    }
}

/* --- SMART ---------------------------------------------------------------------- */

enum {
    SMART_READ_DATA = 0xd0,
    SMART_READ_THRESHOLDS = 0xd1,
    SMART_AUTOSAVE = 0xd2,
    SMART_TEST = 0xd4,
    SMART_READ_LOG = 0xd5,
    SMART_ENABLE = 0xd8,
    SMART_DISABLE = 0xd9,
    SMART_STATUS = 0xda,
};

/* id, flags, threshold; the drive never ages: 100 of 100, raw value 0. */
static const uint8_t smart_rows[SMART_ATTRIBUTES][3] = {
    {1, 0x03, 6},  /* read error rate */
    {3, 0x03, 16}, /* spin-up time */
    {5, 0x03, 36}, /* reallocated sectors */
    {9, 0x03, 0},  /* power-on hours */
    {12, 0x03, 0}, /* power cycles */
};

static void smart_sum(IdeDrive *d)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < IDE_SECTOR - 1; i++) {
        sum += d->buf[i];
    }
    d->buf[IDE_SECTOR - 1] = (uint8_t)(0x100 - (sum & 0xff));
}

static void smart_table(IdeDrive *d, bool thresholds)
{
    memset(d->buf, 0, IDE_SECTOR);
    d->buf[0] = 1;
    for (unsigned i = 0; i < SMART_ATTRIBUTES; i++) {
        uint8_t *p = d->buf + 2 + SMART_ENTRY * i;

        p[0] = smart_rows[i][0];
        if (thresholds) {
            p[1] = smart_rows[i][2];
        } else {
            p[1] = smart_rows[i][1];
            p[3] = p[4] = 100;
        }
    }
    if (!thresholds) {
        d->buf[362] = 0x02; /* off-line collection done */
        d->buf[367] = 0x19; /* can test itself, off-line at once */
        st_le16(d->buf + 368, 3);
        d->buf[370] = 1;
        d->buf[372] = 1;
        d->buf[373] = 1;
    }
    smart_sum(d);
}

static bool smart_log(IdeDrive *d)
{
    memset(d->buf, 0, IDE_SECTOR);
    switch (d->task[0].lba[0]) {
    case 0x00: /* directory */
        d->buf[0] = 1;
        d->buf[2 * 1] = 1;
        d->buf[2 * 6] = 1;
        return true;
    case 0x01: /* errors: none */
        d->buf[0] = 1;
        break;
    case 0x06: /* self tests: none */
        d->buf[0] = 1;
        break;
    default:
        return false;
    }
    smart_sum(d);
    return true;
}

static bool smart_run(IdeDrive *d, bool *data)
{
    uint8_t sub = d->task[0].feature;

    if (!d->smart && sub != SMART_ENABLE) {
        return false;
    }
    switch (sub) {
    case SMART_READ_DATA:
    case SMART_READ_THRESHOLDS:
        smart_table(d, sub == SMART_READ_THRESHOLDS);
        *data = true;
        return true;
    case SMART_READ_LOG:
        *data = true;
        return d->task[0].count == 1 && smart_log(d);
    case SMART_AUTOSAVE:
        d->smart_autosave = d->task[0].count == 0xf1;
        return d->task[0].count == 0 || d->smart_autosave;
    case SMART_TEST: /* over at once, without an error */
        return true;
    case SMART_ENABLE:
    case SMART_DISABLE:
        d->smart = sub == SMART_ENABLE;
        return true;
    case SMART_STATUS: /* thresholds not exceeded: registers as they are */
        return true;
    default:
        return false;
    }
}

/* The key in LBA mid and high guards all of it. */
void ata_smart(IdeDrive *d)
{
    bool data = false;

    if (d->task[0].lba[1] != 0x4f || d->task[0].lba[2] != 0xc2
        || !smart_run(d, &data)) {
        ide_abort(d);
    } else if (data) {
        d->left = 0;
        ide_send(d, IDE_SECTOR, IDE_SECTOR);
    } else {
        ide_done(d, STAT_READY, 0);
    }
}
