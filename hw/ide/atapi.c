/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CD and DVD drives: packet commands. Sources: ATA/ATAPI-7 volume 1 (PACKET),
 * MMC-4, SPC-3, SFF-8020i.
 * Not modelled: audio, several tracks or sessions, EDC and ECC bytes of raw
 * sectors (zeroes), writing.
 */
#include <string.h>

#include "core/bytes.h"
#include "core/vm.h"
#include "hw/ide/ide_priv.h"

#define CD_SECTORS_MAX 360000u /* 80 minutes; a longer medium is a DVD */
#define CD_LEAD_IN 150u
#define CD_RATE 75u
#define PROFILE_CD 0x0008u
#define PROFILE_DVD 0x0010u
#define SECTORS_PER_BLOCK (IDE_CD_SECTOR / IDE_SECTOR)

enum {
    SENSE_NONE = 0,
    SENSE_NOT_READY = 2,
    SENSE_MEDIUM_ERROR = 3,
    SENSE_ILLEGAL_REQUEST = 5,
    SENSE_UNIT_ATTENTION = 6,
};
enum {
    ASC_BAD_OPCODE = 0x20,
    ASC_BAD_LBA = 0x21,
    ASC_BAD_FIELD = 0x24,
    ASC_MEDIUM_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_NO_MEDIUM = 0x3a,
    ASC_LOCKED = 0x53,
    ASC_READ_ERROR = 0x11,
};
enum {
    EVENT_NONE,
    EVENT_EJECT,
    EVENT_NEW,
    EVENT_REMOVED
};

#define MEDIUM 1u /* the command needs one */
#define ALWAYS 2u /* does not report unit attention */

typedef struct PacketRow {
    uint8_t code, flags;
    void (*fn)(IdeDrive *d, const uint8_t *cdb);
} PacketRow;

/* --- ends of a command ---------------------------------------------------------- */

static void cd_end(IdeDrive *d, uint8_t status, uint8_t error)
{
    d->task[0].count = REASON_IO | REASON_CD;
    ide_done(d, status, error);
}

static void cd_good(IdeDrive *d)
{
    d->sense = d->asc = d->ascq = 0;
    cd_end(d, STAT_READY, 0);
}

static void cd_check(IdeDrive *d, uint8_t sense, uint8_t asc, uint8_t ascq)
{
    d->sense = sense;
    d->asc = asc;
    d->ascq = ascq;
    cd_end(d, STAT_READY | STAT_ERR, (uint8_t)(sense << 4 | ERR_ABRT));
}

static void cd_bad_field(IdeDrive *d)
{
    cd_check(d, SENSE_ILLEGAL_REQUEST, ASC_BAD_FIELD, 0);
}

static void cd_not_ready(IdeDrive *d)
{
    cd_check(d, SENSE_NOT_READY, ASC_NO_MEDIUM,
             drive_tray_open(d->drive) ? 0x02 : 0x01);
}

/* Byte count limit as the host gave it: even, unless all fits in one block. */
static uint32_t cd_limit(const IdeDrive *d, uint32_t size)
{
    uint32_t n = d->task[0].lba[1] | (uint32_t)d->task[0].lba[2] << 8;

    n = n == 0 || n == 0xffff ? 0xfffe : n;
    return (n & 1) && n < size ? n - 1 : n;
}

/* @size bytes of .buf, of which the host has room for @room. */
static void cd_reply(IdeDrive *d, uint32_t size, uint32_t room)
{
    uint32_t n = MIN(size, room);

    d->left = 0;
    if (n == 0) {
        cd_good(d);
        return;
    }
    ide_send(d, n, cd_limit(d, n));
}

/* --- the medium ------------------------------------------------------------------- */

static bool cd_ready(const IdeDrive *d)
{
    return drive_has_medium(d->drive) && !drive_tray_open(d->drive);
}

static uint32_t cd_sectors(const IdeDrive *d)
{
    return (uint32_t)MIN(drive_bytes(d->drive) / IDE_CD_SECTOR, INT32_MAX);
}

static bool cd_is_dvd(const IdeDrive *d)
{
    return cd_sectors(d) > CD_SECTORS_MAX;
}

void atapi_media(IdeDrive *d, DriveMedia what)
{
    if (what == DRIVE_MEDIA_EJECT_ASKED) {
        d->media_event = EVENT_EJECT;
    } else if (what != DRIVE_MEDIA_RESIZED) {
        d->media_event = cd_ready(d) ? EVENT_NEW : EVENT_REMOVED;
        d->attention_medium = cd_ready(d);
    }
}

/* Minutes, seconds, frames. */
static void put_msf(uint8_t *p, uint32_t lba)
{
    lba += CD_LEAD_IN;
    p[0] = (uint8_t)(lba / CD_RATE / 60);
    p[1] = (uint8_t)(lba / CD_RATE % 60);
    p[2] = (uint8_t)(lba % CD_RATE);
}

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
    if (msf) {
        p[0] = 0;
        put_msf(p + 1, lba);
    } else {
        st_be32(p, lba);
    }
}

/* --- reading ------------------------------------------------------------------------ */

static void cd_read_next(IdeDrive *d)
{
    uint32_t n = MIN(d->left, IDE_BUF_BYTES / MAX(d->sector_bytes, 1));

    ide_ask_read(d, d->lba * SECTORS_PER_BLOCK, n * SECTORS_PER_BLOCK);
}

static void cd_read(IdeDrive *d, uint32_t lba, uint32_t count,
                    uint32_t sector_bytes)
{
    uint32_t total = cd_sectors(d);

    if (lba > total || count > total - lba) {
        cd_check(d, SENSE_ILLEGAL_REQUEST, ASC_BAD_LBA, 0);
        return;
    }
    if (count == 0) {
        cd_good(d);
        return;
    }
    d->lba = lba;
    d->left = count;
    d->sector_bytes = sector_bytes;
    cd_read_next(d);
}

/* Sync pattern, address and mode around the data (ECMA-130, clause 14). */
static void cd_make_raw(IdeDrive *d, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;) {
        uint8_t *p = d->buf + i * CD_RAW_SECTOR;
        uint8_t msf[3];

        memmove(p + 16, d->buf + i * IDE_CD_SECTOR, IDE_CD_SECTOR);
        memset(p, 0xff, 12);
        p[0] = p[11] = 0;
        put_msf(msf, (uint32_t)d->lba + i);
        for (unsigned k = 0; k < 3; k++) {
            p[12 + k] = (uint8_t)(msf[k] / 10 << 4 | msf[k] % 10);
        }
        p[15] = 1;
        memset(p + 16 + IDE_CD_SECTOR, 0, CD_RAW_SECTOR - 16 - IDE_CD_SECTOR);
    }
}

void atapi_answered(IdeDrive *d, BlkResult result)
{
    uint32_t n = d->asked / SECTORS_PER_BLOCK, size, limit;

    if (result == BLK_ENOMEDIUM) {
        cd_not_ready(d);
        return;
    }
    if (result != BLK_OK || d->phase != IDE_PHASE_READ) {
        cd_check(d, SENSE_MEDIUM_ERROR, ASC_READ_ERROR, 0);
        return;
    }
    if (d->sector_bytes == CD_RAW_SECTOR) {
        cd_make_raw(d, MIN(n, IDE_BUF_BYTES / CD_RAW_SECTOR));
    }
    d->lba += n;
    d->left -= MIN(n, d->left);
    size = MIN(n * d->sector_bytes, IDE_BUF_BYTES);
    limit = cd_limit(d, size);
    if (limit > d->sector_bytes) { /* whole sectors */
        limit -= limit % d->sector_bytes;
    }
    ide_send(d, size, limit);
}

void atapi_buffer_done(IdeDrive *d)
{
    bool in = d->phase == IDE_PHASE_PIO_IN || d->phase == IDE_PHASE_DMA_IN;

    if (d->command != 0xa0) { /* IDENTIFY PACKET DEVICE */
        d->phase = IDE_PHASE_IDLE;
        d->status = STAT_READY;
    } else if (in && d->left) {
        cd_read_next(d);
    } else {
        cd_good(d);
    }
}

static void cd_read_10(IdeDrive *d, const uint8_t *cdb)
{
    cd_read(d, ld_be32(cdb + 2), ld_be16(cdb + 7), IDE_CD_SECTOR);
}

static void cd_read_12(IdeDrive *d, const uint8_t *cdb)
{
    cd_read(d, ld_be32(cdb + 2), ld_be32(cdb + 6), IDE_CD_SECTOR);
}

/* MMC-4 6.19: byte 9 says which parts of a sector; data alone, or all. */
static void cd_read_cd(IdeDrive *d, const uint8_t *cdb)
{
    uint32_t count = ld_be16(cdb + 7) | (uint32_t)cdb[6] << 16;

    switch (cdb[9] & 0xf8) {
    case 0x00:
        cd_good(d);
        break;
    case 0x10:
        cd_read(d, ld_be32(cdb + 2), count, IDE_CD_SECTOR);
        break;
    case 0xf8:
        cd_read(d, ld_be32(cdb + 2), count, CD_RAW_SECTOR);
        break;
    default:
        cd_bad_field(d);
        break;
    }
}

static void cd_seek(IdeDrive *d, const uint8_t *cdb)
{
    if (ld_be32(cdb + 2) >= cd_sectors(d)) {
        cd_check(d, SENSE_ILLEGAL_REQUEST, ASC_BAD_LBA, 0);
    } else {
        cd_good(d);
    }
}

/* --- what the drive is --------------------------------------------------------------- */

static void cd_nothing(IdeDrive *d, const uint8_t *cdb)
{
    cd_good(d);
}

/* SPC-3 6.27, fixed format. */
static void cd_request_sense(IdeDrive *d, const uint8_t *cdb)
{
    memset(d->buf, 0, 18);
    d->buf[0] = 0x70;
    d->buf[2] = d->sense;
    d->buf[7] = 10;
    d->buf[12] = d->asc;
    d->buf[13] = d->ascq;
    cd_reply(d, 18, cdb[4]);
}

static void put_padded(uint8_t *p, size_t size, const char *text)
{
    size_t n = MIN(strlen(text), size);

    memset(p, ' ', size);
    memcpy(p, text, n);
}

static void cd_inquiry(IdeDrive *d, const uint8_t *cdb)
{
    if (cdb[1] & 1) { /* vital product data: there is none */
        cd_bad_field(d);
        return;
    }
    memset(d->buf, 0, 36);
    d->buf[0] = 0x05;
    d->buf[1] = 0x80;
    d->buf[3] = 0x21;
    d->buf[4] = 31;
    put_padded(d->buf + 8, 8, "REPRISE");
    put_padded(d->buf + 16, 16, "DVD-ROM");
    put_padded(d->buf + 32, 4, d->version);
    cd_reply(d, 36, ld_be16(cdb + 3));
}

static void cd_capacity(IdeDrive *d, const uint8_t *cdb)
{
    st_be32(d->buf, cd_sectors(d) - 1);
    st_be32(d->buf + 4, IDE_CD_SECTOR);
    cd_reply(d, 8, 8);
}

/* --- mode pages (MMC-4 7) ------------------------------------------------------------- */

static uint32_t mode_error_recovery(uint8_t *p)
{
    memset(p, 0, 8);
    p[0] = 0x01;
    p[1] = 6;
    p[3] = 5; /* retries */
    return 8;
}

static uint32_t mode_capabilities(const IdeDrive *d, uint8_t *p)
{
    memset(p, 0, 20);
    p[0] = 0x2a;
    p[1] = 18;
    p[2] = 0x3b; /* reads CD-R, CD-RW, DVD-ROM, DVD-R, DVD-RAM */
    p[4] = 0x70; /* mode 2 forms 1 and 2, several sessions */
    p[6] = 0x29 | (drive_locked(d->drive) ? 0x02 : 0); /* tray, eject, lock */
    st_be16(p + 8, 706);
    st_be16(p + 12, 512);
    st_be16(p + 14, 706);
    return 20;
}

static void cd_mode_sense(IdeDrive *d, const uint8_t *cdb)
{
    unsigned page = cdb[2] & 0x3f;
    bool changeable = cdb[2] >> 6 == 1;
    uint32_t n = 8;

    if (cdb[2] >> 6 == 3) { /* saved values: none are kept */
        cd_check(d, SENSE_ILLEGAL_REQUEST, 0x39, 0);
        return;
    }
    memset(d->buf, 0, n);
    if (page == 0x01 || page == 0x3f) {
        n += mode_error_recovery(d->buf + n);
    }
    if (page == 0x2a || page == 0x3f) {
        n += mode_capabilities(d, d->buf + n);
    }
    if (n == 8) {
        cd_bad_field(d);
        return;
    }
    if (changeable && page != 0x3f) {
        memset(d->buf + 10, 0, n - 10);
    }
    st_be16(d->buf, (uint16_t)(n - 2));
    d->buf[2] = drive_tray_open(d->drive) ? 0x71 : cd_ready(d) ? 0x01 : 0x70;
    cd_reply(d, n, ld_be16(cdb + 7));
}

/* The parameters are taken and change nothing. */
static void cd_mode_select(IdeDrive *d, const uint8_t *cdb)
{
    uint32_t n = ld_be16(cdb + 7);

    d->left = 0;
    if (n == 0) {
        cd_good(d);
    } else {
        ide_receive(d, n, cd_limit(d, n), true);
    }
}

/* --- table of contents, disc information ------------------------------------------------ */

/* Track 1, then the lead-out (MMC-4 6.30, format 0). */
static uint32_t toc_tracks(IdeDrive *d, bool msf, uint8_t first)
{
    uint32_t n = 4;

    d->buf[2] = d->buf[3] = 1;
    for (unsigned i = 0; i < 2; i++) {
        if (i == 0 && first > 1) {
            continue;
        }
        memset(d->buf + n, 0, 8);
        d->buf[n + 1] = 0x14; /* data track */
        d->buf[n + 2] = i ? 0xaa : 1;
        put_address(d->buf + n + 4, i ? cd_sectors(d) : 0, msf);
        n += 8;
    }
    return n;
}

static uint32_t toc_session(IdeDrive *d, bool msf)
{
    memset(d->buf, 0, 12);
    d->buf[2] = d->buf[3] = 1;
    d->buf[5] = 0x14;
    d->buf[6] = 1;
    put_address(d->buf + 8, 0, msf);
    return 12;
}

/* Raw: points A0, A1, A2 and the track; addresses are always MSF. */
static uint32_t toc_raw(IdeDrive *d)
{
    static const uint8_t points[4] = {0xa0, 0xa1, 0xa2, 1};
    uint32_t n = 4;

    d->buf[2] = d->buf[3] = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(points); i++) {
        uint8_t *p = d->buf + n;

        memset(p, 0, 11);
        p[0] = 1;
        p[1] = 0x14;
        p[3] = points[i];
        if (i < 2) {
            p[8] = 1;
        } else {
            put_msf(p + 8, i == 2 ? cd_sectors(d) : 0);
        }
        n += 11;
    }
    return n;
}

static void cd_read_toc(IdeDrive *d, const uint8_t *cdb)
{
    unsigned format = cdb[2] & 0x0f ? cdb[2] & 0x0f : cdb[9] >> 6;
    bool msf = cdb[1] & 2;
    uint32_t n;

    if (format == 0 && cdb[6] > 1 && cdb[6] != 0xaa) {
        cd_bad_field(d);
        return;
    }
    memset(d->buf, 0, 4);
    switch (format) {
    case 0:
        n = toc_tracks(d, msf, cdb[6]);
        break;
    case 1:
        n = toc_session(d, msf);
        break;
    case 2:
        n = toc_raw(d);
        break;
    default:
        cd_bad_field(d);
        return;
    }
    st_be16(d->buf, (uint16_t)(n - 2));
    cd_reply(d, n, ld_be16(cdb + 7));
}

static void cd_disc_information(IdeDrive *d, const uint8_t *cdb)
{
    memset(d->buf, 0, 34);
    st_be16(d->buf, 32);
    d->buf[2] = 0x0e; /* complete */
    d->buf[3] = d->buf[4] = d->buf[5] = d->buf[6] = 1;
    d->buf[7] = 0x20;
    cd_reply(d, 34, ld_be16(cdb + 7));
}

static void cd_subchannel(IdeDrive *d, const uint8_t *cdb)
{
    memset(d->buf, 0, 4);
    if (cdb[2] & 0x40) { /* position, catalogue number: no audio */
        cd_bad_field(d);
        return;
    }
    cd_reply(d, 4, ld_be16(cdb + 7));
}

static void cd_dvd_structure(IdeDrive *d, const uint8_t *cdb)
{
    uint32_t n = 4;

    if (!cd_is_dvd(d) || cdb[6] != 0 || cdb[7] > 1) {
        cd_check(d, SENSE_ILLEGAL_REQUEST, cd_is_dvd(d) ? ASC_BAD_FIELD : 0x30,
                 cd_is_dvd(d) ? 0 : 0x02);
        return;
    }
    memset(d->buf, 0, 4 + 2048);
    if (cdb[7] == 0) { /* physical format, MMC-4 6.21.3.2.1 */
        d->buf[4] = 0x01;
        d->buf[5] = 0x0f;
        d->buf[6] = 0x01;
        st_be32(d->buf + 8, 0x30000);
        st_be32(d->buf + 12, 0x30000 + cd_sectors(d) - 1);
        n += 2048;
    } else { /* copyright: none */
        n += 4;
    }
    st_be16(d->buf, (uint16_t)(n - 2));
    cd_reply(d, n, ld_be16(cdb + 8));
}

/* MMC-4 6.6: features the drive has, from a number on. */
static void cd_configuration(IdeDrive *d, const uint8_t *cdb)
{
    static const uint8_t features[] = {
        0x00, 0x00, 0x03, 8, 0x00, 0x10, 0, 0, 0x00, 0x08, 0, 0, /* profiles */
        0x00, 0x01, 0x0b, 8, 0,    0,    0, 2, 1,    0,    0, 0, /* core */
        0x00, 0x03, 0x03, 4, 0x29, 0,    0, 0, /* removable, tray */
        0x00, 0x10, 0x00, 8, 0,    0,    8, 0, 0,    1,    0, 0, /* reads */
        0x00, 0x1e, 0x00, 4, 0,    0,    0, 0,                   /* CD */
        0x00, 0x1f, 0x00, 4, 0,    0,    0, 0,                   /* DVD */
    };
    unsigned from = ld_be16(cdb + 2), type = cdb[1] & 3;
    uint32_t n = 8;

    if (type == 3) {
        cd_bad_field(d);
        return;
    }
    memset(d->buf, 0, n);
    for (unsigned i = 0; i < sizeof(features); i += 4u + features[i + 3]) {
        unsigned code = ld_be16(features + i);

        if (type == 2 ? code == from : code >= from) {
            memcpy(d->buf + n, features + i, 4u + features[i + 3]);
            n += 4u + features[i + 3];
        }
    }
    st_be32(d->buf, n - 4);
    st_be16(d->buf + 6, !cd_ready(d)   ? 0
                        : cd_is_dvd(d) ? PROFILE_DVD
                                       : PROFILE_CD);
    cd_reply(d, n, ld_be16(cdb + 7));
}

/* --- tray ------------------------------------------------------------------------------ */

static void cd_start_stop(IdeDrive *d, const uint8_t *cdb)
{
    bool start = cdb[4] & 1, eject = cdb[4] & 2;

    if (cdb[4] & 0xf0 || !eject) { /* power conditions: nothing to do */
        cd_good(d);
    } else if (!start && drive_locked(d->drive)) {
        cd_check(d, SENSE_ILLEGAL_REQUEST, ASC_LOCKED, 0x02);
    } else {
        drive_set_tray(d->drive, !start);
        d->media_event = cd_ready(d) ? EVENT_NEW : EVENT_REMOVED;
        d->attention_medium = false;
        cd_good(d);
    }
}

static void cd_prevent(IdeDrive *d, const uint8_t *cdb)
{
    drive_set_locked(d->drive, cdb[4] & 1);
    cd_good(d);
}

/* MMC-4 6.7: only the media class, and only when polled. */
static void cd_event_status(IdeDrive *d, const uint8_t *cdb)
{
    uint32_t n = 4;

    if (!(cdb[1] & 1)) {
        cd_bad_field(d);
        return;
    }
    memset(d->buf, 0, 8);
    d->buf[3] = 0x10;
    if (cdb[4] & 0x10) {
        d->buf[2] = 4;
        d->buf[4] = d->media_event;
        d->buf[5] = (uint8_t)((drive_tray_open(d->drive) ? 1 : 0)
                              | (drive_has_medium(d->drive) ? 2 : 0));
        d->media_event = EVENT_NONE;
        n = 8;
    } else {
        d->buf[2] = 0x80; /* no such class */
    }
    st_be16(d->buf, (uint16_t)(n - 2));
    cd_reply(d, n, ld_be16(cdb + 7));
}

static void cd_mechanism(IdeDrive *d, const uint8_t *cdb)
{
    memset(d->buf, 0, 8);
    d->buf[1] = drive_tray_open(d->drive) ? 0x10 : 0;
    d->buf[5] = 1;
    cd_reply(d, 8, ld_be16(cdb + 8));
}

/* clang-format off */
static const PacketRow packet_rows[] = {
    {0x00, MEDIUM, cd_nothing}, /* TEST UNIT READY */
    {0x03, ALWAYS, cd_request_sense},
    {0x12, ALWAYS, cd_inquiry},
    {0x1b, 0,      cd_start_stop},
    {0x1e, 0,      cd_prevent},
    {0x25, MEDIUM, cd_capacity},
    {0x28, MEDIUM, cd_read_10},
    {0x2b, MEDIUM, cd_seek},
    {0x2f, MEDIUM, cd_nothing}, /* VERIFY */
    {0x42, MEDIUM, cd_subchannel},
    {0x43, MEDIUM, cd_read_toc},
    {0x46, ALWAYS, cd_configuration},
    {0x4a, ALWAYS, cd_event_status},
    {0x51, MEDIUM, cd_disc_information},
    {0x55, 0,      cd_mode_select},
    {0x5a, 0,      cd_mode_sense},
    {0xa8, MEDIUM, cd_read_12},
    {0xad, MEDIUM, cd_dvd_structure},
    {0xbb, 0,      cd_nothing}, /* SET CD SPEED */
    {0xbd, 0,      cd_mechanism},
    {0xbe, MEDIUM, cd_read_cd},
};
/* clang-format on */

static const PacketRow *packet_row(uint8_t code)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(packet_rows); i++) {
        if (packet_rows[i].code == code) {
            return &packet_rows[i];
        }
    }
    return NULL;
}

static bool cd_attention(IdeDrive *d)
{
    uint8_t asc = d->attention_reset ? ASC_RESET : ASC_MEDIUM_CHANGED;

    if (!d->attention_reset && !d->attention_medium) {
        return false;
    }
    d->attention_reset = d->attention_medium = false;
    cd_check(d, SENSE_UNIT_ATTENTION, asc, 0);
    return true;
}

void atapi_packet(IdeDrive *d)
{
    const PacketRow *row = packet_row(d->packet[0]);

    if (!row) {
        cd_check(d, SENSE_ILLEGAL_REQUEST, ASC_BAD_OPCODE, 0);
    } else if (!(row->flags & ALWAYS) && cd_attention(d)) {
        return;
    } else if ((row->flags & MEDIUM) && !cd_ready(d)) {
        cd_not_ready(d);
    } else {
        row->fn(d, d->packet);
    }
}

/* --- commands of the task file ------------------------------------------------------------ */

static void cd_take_packet(IdeDrive *d)
{
    d->dma = d->task[0].feature & 1;
    d->left = 0;
    d->phase = IDE_PHASE_PACKET;
    d->at = 0;
    d->end = d->drq_end = IDE_PACKET_BYTES;
    d->task[0].count = REASON_CD;
    d->status = STAT_READY | STAT_DRQ;
}

/* A disk's command: aborted, and the registers say what this is (ATA7 6.16). */
static void cd_no_disk(IdeDrive *d)
{
    uint8_t device = d->device;

    ide_signature(d);
    d->device = device;
    ide_abort(d);
}

void atapi_command(IdeDrive *d, uint8_t command)
{
    d->dma = false;
    switch (command) {
    case 0x08: /* DEVICE RESET: no interrupt */
        ide_drive_reset(d);
        break;
    case 0x90:
        ata_diagnose(d);
        break;
    case 0xa0:
        cd_take_packet(d);
        break;
    case 0xa1:
        atapi_identify(d);
        ide_send(d, IDE_SECTOR, IDE_SECTOR);
        break;
    case 0xe0: /* power */
    case 0xe1:
    case 0xe6:
        ide_done(d, STAT_READY, 0);
        break;
    case 0xe5:
        d->task[0].count = 0xff;
        ide_done(d, STAT_READY, 0);
        break;
    case 0xef:
        if (ata_set_features(d)) {
            ide_done(d, STAT_READY, 0);
        } else {
            ide_abort(d);
        }
        break;
    case 0x20:
    case 0xec:
        cd_no_disk(d);
        break;
    default:
        ide_abort(d);
        break;
    }
}
