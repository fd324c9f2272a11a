/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATA disk commands. Source: ATA/ATAPI-7 volume 1 (T13 1532D), clause 6.
 * Not modelled: security, host protected area, queued and streaming commands,
 * power states (a drive in standby answers at once).
 */
#include <string.h>

#include "core/bytes.h"
#include "core/vm.h"
#include "hw/ide/ide_priv.h"

#define CHUNK (IDE_BUF_BYTES / IDE_SECTOR)
#define LBA28_MAX 0x0fffffffull
#define LBA48_MAX 0xffffffffffffull
#define TRIM_ENTRY 8u
#define CMD_DATA_SET 0x06u
#define CMD_WRITE_DMA_FUA 0x3du
#define CMD_WRITE_MULTIPLE_FUA 0xceu

/* What a row does with the medium. */
typedef enum AtaKind {
    ATA_READ,
    ATA_WRITE,
    ATA_VERIFY,
    ATA_OTHER
} AtaKind;
#define EXT 1u   /* 48-bit */
#define DMA 2u   /* else PIO */
#define MULTI 4u /* DRQ blocks of .multiple sectors */

typedef struct AtaRow {
    uint8_t first, last; /* command codes */
    uint8_t kind;
    uint8_t flags;
    void (*fn)(IdeDrive *d); /* ATA_OTHER */
} AtaRow;

static bool ata_is(const IdeDrive *d, unsigned flag);
static void ata_trim_next(IdeDrive *d);

/* --- addresses ------------------------------------------------------------------ */

static uint64_t ata_sectors(const IdeDrive *d)
{
    return drive_bytes(d->drive) / IDE_SECTOR;
}

static uint32_t ata_count(const IdeDrive *d, bool ext)
{
    uint32_t n = d->task[0].count;

    if (ext) {
        n |= (uint32_t)d->task[1].count << 8;
        return n ? n : 0x10000;
    }
    return n ? n : 256;
}

/* UINT64_MAX: a cylinder, head or sector that is not there. */
static uint64_t ata_lba(const IdeDrive *d, bool ext)
{
    const uint8_t *now = d->task[0].lba, *before = d->task[1].lba;
    uint64_t v = now[0] | (uint64_t)now[1] << 8 | (uint64_t)now[2] << 16;
    unsigned head = d->device & 0xf;

    if (ext) {
        return v | (uint64_t)before[0] << 24 | (uint64_t)before[1] << 32
               | (uint64_t)before[2] << 40;
    }
    if (d->device & DEV_LBA) {
        return v | (uint64_t)head << 24;
    }
    if (now[0] == 0 || now[0] > d->sectors || head >= d->heads) {
        return UINT64_MAX;
    }
    return ((v >> 8) * d->heads + head) * d->sectors + now[0] - 1;
}

static void ata_set_lba(IdeDrive *d, uint64_t lba)
{
    for (unsigned i = 0; i < 3; i++) {
        d->task[0].lba[i] = (uint8_t)(lba >> (8 * i));
        d->task[1].lba[i] = (uint8_t)(lba >> (24 + 8 * i));
    }
}

/* Where a transfer came to, in the form it was asked in. */
static void ata_show_lba(IdeDrive *d, uint64_t lba)
{
    if (ata_is(d, EXT)) {
        ata_set_lba(d, lba);
        return;
    }
    if (!(d->device & DEV_LBA)) {
        unsigned spt = MAX(d->sectors, 1), heads = MAX(d->heads, 1);
        uint64_t track = lba / spt, cylinder = track / heads;

        d->device = (uint8_t)((d->device & 0xf0) | (track % heads & 0xf));
        lba = cylinder << 8 | (lba % spt + 1);
    } else {
        d->device = (uint8_t)((d->device & 0xf0) | (lba >> 24 & 0xf));
    }
    for (unsigned i = 0; i < 3; i++) {
        d->task[0].lba[i] = (uint8_t)(lba >> (8 * i));
    }
}

/* --- reading and writing -------------------------------------------------------- */

static uint32_t ata_block(const IdeDrive *d)
{
    return IDE_SECTOR * (ata_is(d, MULTI) ? d->multiple : 1);
}

static void ata_read_next(IdeDrive *d)
{
    ide_ask_read(d, d->lba, MIN(d->left, CHUNK));
}

static void ata_write_next(IdeDrive *d, bool irq)
{
    d->asked = MIN(d->left, CHUNK);
    ide_receive(d, d->asked * IDE_SECTOR, ata_block(d), irq);
}

static void ata_transfer(IdeDrive *d, const AtaRow *row)
{
    uint64_t total = ata_sectors(d);

    d->dma = row->flags & DMA;
    d->lba = ata_lba(d, row->flags & EXT);
    d->left = ata_count(d, row->flags & EXT);
    if ((row->flags & MULTI) && d->multiple == 0) {
        ide_abort(d);
        return;
    }
    if (d->lba >= total || d->left > total - d->lba) {
        ide_done(d, STAT_READY | STAT_ERR, ERR_IDNF);
        return;
    }
    if (row->kind == ATA_READ) {
        ata_read_next(d);
    } else if (row->kind == ATA_VERIFY) {
        ata_show_lba(d, d->lba + d->left - 1);
        ide_done(d, STAT_READY, 0);
    } else if (drive_read_only(d->drive)) {
        ide_abort(d);
    } else {
        ata_write_next(d, false);
    }
}

/* All of .buf went to the guest, or came from it. */
void ata_buffer_done(IdeDrive *d)
{
    bool in = d->phase == IDE_PHASE_PIO_IN || d->phase == IDE_PHASE_DMA_IN;

    if (!in) {
        if (d->command == CMD_DATA_SET) {
            d->at = 0;
            ata_trim_next(d);
        } else {
            ide_ask_write(d, d->lba, d->asked);
        }
    } else if (d->left) {
        ata_read_next(d);
    } else if (d->dma) {
        ide_done(d, STAT_READY, 0);
    } else {
        d->phase = IDE_PHASE_IDLE;
        d->status = STAT_READY;
    }
}

static void ata_failed(IdeDrive *d)
{
    bool read = d->phase == IDE_PHASE_READ;

    ata_show_lba(d, d->lba);
    ide_done(d, STAT_READY | STAT_ERR, read ? ERR_UNC : ERR_ABRT);
}

void ata_answered(IdeDrive *d, BlkResult result)
{
    if (result != BLK_OK) {
        ata_failed(d);
        return;
    }
    if (d->phase == IDE_PHASE_CONTROL) {
        if (d->command == CMD_DATA_SET) {
            ata_trim_next(d);
        } else {
            ide_done(d, STAT_READY, 0);
        }
        return;
    }
    d->lba += d->asked;
    d->left -= MIN(d->asked, d->left);
    ata_show_lba(d, d->lba - 1);
    if (d->phase == IDE_PHASE_READ) {
        ide_send(d, d->asked * IDE_SECTOR, ata_block(d));
    } else if (d->left) {
        ata_write_next(d, true);
    } else if (!d->write_cache || d->command == CMD_WRITE_DMA_FUA
               || d->command == CMD_WRITE_MULTIPLE_FUA) {
        ide_ask_flush(d);
    } else {
        ide_done(d, STAT_READY, 0);
    }
}

/* --- DATA SET MANAGEMENT: TRIM (ACS-2 7.9) -------------------------------------- */

static void ata_trim_next(IdeDrive *d)
{
    uint64_t total = ata_sectors(d);

    while (d->at + TRIM_ENTRY <= d->end) {
        uint64_t entry = ld_le64(d->buf + d->at);
        uint64_t lba = entry & LBA48_MAX;
        uint32_t count = (uint32_t)(entry >> 48);

        d->at += TRIM_ENTRY;
        if (count == 0) {
            continue;
        }
        if (lba >= total || count > total - lba) {
            ide_done(d, STAT_READY | STAT_ERR, ERR_IDNF);
            return;
        }
        ide_ask_discard(d, lba, count);
        return;
    }
    ide_done(d, STAT_READY, 0);
}

static void ata_data_set(IdeDrive *d)
{
    uint32_t blocks = ata_count(d, true);

    if (d->task[0].feature != 1 || drive_read_only(d->drive)
        || blocks > IDE_BUF_BYTES / IDE_SECTOR) {
        ide_abort(d);
        return;
    }
    d->dma = true;
    d->left = 0;
    ide_receive(d, blocks * IDE_SECTOR, IDE_SECTOR, false);
}

/* --- commands without data ------------------------------------------------------ */

static void ata_flush(IdeDrive *d)
{
    ide_ask_flush(d);
}

static void ata_nothing(IdeDrive *d)
{
    ide_done(d, STAT_READY, 0);
}

void ata_diagnose(IdeDrive *d)
{
    IdeBus *bus = d->bus;

    for (unsigned i = 0; i < IDE_UNITS; i++) { /* ATA7 6.13: both drives */
        if (bus->drive[i]) {
            ide_signature(bus->drive[i]);
            bus->drive[i]->error = 0x01;
        }
    }
    bus->selected = 0;
    if (bus->drive[0]) {
        ide_raise(bus->drive[0]);
    } else {
        ide_update_irq(bus);
    }
}

/* ATA-5 8.16: sectors of a track in the count, the last head in device. */
static void ata_geometry(IdeDrive *d)
{
    if (d->task[0].count == 0) {
        ide_abort(d);
        return;
    }
    d->sectors = d->task[0].count;
    d->heads = (uint8_t)((d->device & 0xf) + 1);
    ide_done(d, STAT_READY, 0);
}

static void ata_set_multiple(IdeDrive *d)
{
    uint8_t n = d->task[0].count;

    if (n > IDE_MULTIPLE_MAX || (n & (n - 1))) {
        d->multiple = 0;
        ide_abort(d);
        return;
    }
    d->multiple = n;
    ide_done(d, STAT_READY, 0);
}

static void ata_power_mode(IdeDrive *d)
{
    d->task[0].count = 0xff; /* active or idle */
    ide_done(d, STAT_READY, 0);
}

static void ata_native_max(IdeDrive *d)
{
    uint64_t last = ata_sectors(d) - 1;

    if (ata_is(d, EXT)) {
        ata_set_lba(d, MIN(last, LBA48_MAX));
    } else {
        d->device |= DEV_LBA;
        ata_show_lba(d, MIN(last, LBA28_MAX));
    }
    ide_done(d, STAT_READY, 0);
}

static void ata_features(IdeDrive *d)
{
    if (!ata_set_features(d)) {
        ide_abort(d);
    } else if (d->task[0].feature == 0x82 && !d->write_cache) {
        ide_ask_flush(d); /* what the cache holds is written first */
    } else {
        ide_done(d, STAT_READY, 0);
    }
}

static void ata_identify_device(IdeDrive *d)
{
    d->dma = false;
    d->left = 0;
    ata_identify(d);
    ide_send(d, IDE_SECTOR, IDE_SECTOR);
}

/* clang-format off */
static const AtaRow ata_rows[] = {
    {0x06, 0x06, ATA_OTHER,  EXT | DMA,   ata_data_set},
    {0x10, 0x1f, ATA_OTHER,  0,           ata_nothing}, /* RECALIBRATE */
    {0x20, 0x21, ATA_READ,   0,           NULL},
    {0x24, 0x24, ATA_READ,   EXT,         NULL},
    {0x25, 0x25, ATA_READ,   EXT | DMA,   NULL},
    {0x27, 0x27, ATA_OTHER,  EXT,         ata_native_max},
    {0x29, 0x29, ATA_READ,   EXT | MULTI, NULL},
    {0x30, 0x31, ATA_WRITE,  0,           NULL},
    {0x34, 0x34, ATA_WRITE,  EXT,         NULL},
    {0x35, 0x35, ATA_WRITE,  EXT | DMA,   NULL},
    {0x39, 0x39, ATA_WRITE,  EXT | MULTI, NULL},
    {0x3c, 0x3c, ATA_WRITE,  0,           NULL}, /* WRITE VERIFY */
    {CMD_WRITE_DMA_FUA, CMD_WRITE_DMA_FUA, ATA_WRITE, EXT | DMA, NULL},
    {0x40, 0x41, ATA_VERIFY, 0,           NULL},
    {0x42, 0x42, ATA_VERIFY, EXT,         NULL},
    {0x70, 0x7f, ATA_OTHER,  0,           ata_nothing}, /* SEEK */
    {0x90, 0x90, ATA_OTHER,  0,           ata_diagnose},
    {0x91, 0x91, ATA_OTHER,  0,           ata_geometry},
    {0x94, 0x97, ATA_OTHER,  0,           ata_nothing}, /* power, ATA-3 */
    {0x98, 0x98, ATA_OTHER,  0,           ata_power_mode},
    {0x99, 0x99, ATA_OTHER,  0,           ata_nothing},
    {0xb0, 0xb0, ATA_OTHER,  0,           ata_smart},
    {0xc4, 0xc4, ATA_READ,   MULTI,       NULL},
    {0xc5, 0xc5, ATA_WRITE,  MULTI,       NULL},
    {0xc6, 0xc6, ATA_OTHER,  0,           ata_set_multiple},
    {0xc8, 0xc9, ATA_READ,   DMA,         NULL},
    {0xca, 0xcb, ATA_WRITE,  DMA,         NULL},
    {CMD_WRITE_MULTIPLE_FUA, CMD_WRITE_MULTIPLE_FUA, ATA_WRITE, EXT | MULTI, NULL},
    {0xe0, 0xe3, ATA_OTHER,  0,           ata_nothing}, /* STANDBY, IDLE */
    {0xe5, 0xe5, ATA_OTHER,  0,           ata_power_mode},
    {0xe6, 0xe6, ATA_OTHER,  0,           ata_nothing}, /* SLEEP */
    {0xe7, 0xe7, ATA_OTHER,  0,           ata_flush},
    {0xea, 0xea, ATA_OTHER,  EXT,         ata_flush},
    {0xec, 0xec, ATA_OTHER,  0,           ata_identify_device},
    {0xef, 0xef, ATA_OTHER,  0,           ata_features},
    {0xf8, 0xf8, ATA_OTHER,  0,           ata_native_max},
};
/* clang-format on */

static const AtaRow *ata_row(uint8_t command)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ata_rows); i++) {
        if (command >= ata_rows[i].first && command <= ata_rows[i].last) {
            return &ata_rows[i];
        }
    }
    return NULL;
}

static bool ata_is(const IdeDrive *d, unsigned flag)
{
    const AtaRow *row = ata_row(d->command);

    return row && row->flags & flag;
}

void ata_command(IdeDrive *d, uint8_t command)
{
    const AtaRow *row = ata_row(command);

    d->dma = false;
    d->left = 0;
    if (!row) {
        ide_abort(d);
    } else if (row->kind == ATA_OTHER) {
        row->fn(d);
    } else {
        ata_transfer(d, row);
    }
}
