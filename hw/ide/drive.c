/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What disks and CD drives have in common: phases of a command, data blocks,
 * DMA, requests to the block layer, resets, properties.
 */
#include <string.h>

#include "core/vm.h"
#include "hw/ide/ide_priv.h"

#define CYLINDERS_MAX 65535u
#define HEADS_MAX 16u
#define SECTORS_MAX 255u

bool ide_is_cd(const IdeDrive *d)
{
    return d->dev.type == &ide_cd_type;
}

void ide_raise(IdeDrive *d)
{
    d->intrq = true;
    ide_update_irq(d->bus);
    vm_horizon_changed(d->dev.vm);
}

void ide_done(IdeDrive *d, uint8_t status, uint8_t error)
{
    d->phase = IDE_PHASE_IDLE;
    d->status = status;
    d->error = error;
    ide_raise(d);
}

void ide_abort(IdeDrive *d)
{
    ide_done(d, STAT_READY | STAT_ERR, ERR_ABRT);
}

/* --- data --------------------------------------------------------------------- */

/* The next DRQ block of .buf is ready to be moved (ATA7 volume 2, 9.5, 9.6). */
static void ide_next_block(IdeDrive *d, bool irq)
{
    uint32_t n = MIN(d->block, d->end - d->at);

    d->drq_end = d->at + n;
    d->status = STAT_READY | STAT_DRQ;
    if (ide_is_cd(d) && d->command == 0xa0) {
        d->task[0].count = d->phase == IDE_PHASE_PIO_IN ? REASON_IO : 0;
        d->task[0].lba[1] = (uint8_t)n;
        d->task[0].lba[2] = (uint8_t)(n >> 8);
    }
    if (irq) {
        ide_raise(d);
    }
}

static void ide_begin(IdeDrive *d, uint32_t size, uint32_t block)
{
    d->at = 0;
    d->end = size;
    d->block = MAX(block, 1);
}

void ide_send(IdeDrive *d, uint32_t size, uint32_t block)
{
    ide_begin(d, size, block);
    if (d->dma) {
        d->phase = IDE_PHASE_DMA_IN;
        d->status = STAT_READY | STAT_DRQ;
        ide_dma_go(d);
    } else {
        d->phase = IDE_PHASE_PIO_IN;
        ide_next_block(d, true);
    }
}

void ide_receive(IdeDrive *d, uint32_t size, uint32_t block, bool irq)
{
    ide_begin(d, size, block);
    if (d->dma) {
        d->phase = IDE_PHASE_DMA_OUT;
        d->status = STAT_READY | STAT_DRQ;
        ide_dma_go(d);
    } else {
        d->phase = IDE_PHASE_PIO_OUT;
        ide_next_block(d, irq);
    }
}

static void ide_buffer_done(IdeDrive *d)
{
    if (ide_is_cd(d)) {
        atapi_buffer_done(d);
    } else {
        ata_buffer_done(d);
    }
}

void ide_pio_moved(IdeDrive *d)
{
    if (d->phase == IDE_PHASE_PACKET) {
        memcpy(d->packet, d->buf, sizeof(d->packet));
        atapi_packet(d);
    } else if (d->at < d->end) {
        ide_next_block(d, true);
    } else {
        ide_buffer_done(d);
    }
}

void ide_dma_go(IdeDrive *d)
{
    bool in = d->phase == IDE_PHASE_DMA_IN;

    d->at += d->bus->ops->dma(d->bus, d->buf + d->at, d->end - d->at, in);
    if (d->at == d->end) {
        ide_buffer_done(d);
    }
}

/* --- requests ----------------------------------------------------------------- */

static void ide_answer(IdeDrive *d, BlkResult result)
{
    d->status = STAT_READY;
    if (ide_is_cd(d)) {
        atapi_answered(d, result);
    } else {
        ata_answered(d, result);
    }
}

static void ide_ask(IdeDrive *d, BlkOp op, uint64_t lba, uint32_t sectors)
{
    BlkRequest r = {
        .op = op,
        .offset = lba * IDE_SECTOR,
        .bytes = (uint64_t)sectors * IDE_SECTOR,
        .data = op == BLK_WRITE ? d->buf : NULL,
    };
    BlkResult refused;

    d->status = STAT_BSY;
    r.tag = ++d->tag;
    refused = d->drive ? drive_submit(d->drive, &r) : BLK_ENOMEDIUM;
    if (refused != BLK_OK) {
        ide_answer(d, refused);
    }
}

void ide_ask_read(IdeDrive *d, uint64_t lba, uint32_t sectors)
{
    d->phase = IDE_PHASE_READ;
    d->asked = sectors;
    ide_ask(d, BLK_READ, lba, sectors);
}

void ide_ask_write(IdeDrive *d, uint64_t lba, uint32_t sectors)
{
    d->phase = IDE_PHASE_WRITE;
    ide_ask(d, BLK_WRITE, lba, sectors);
}

void ide_ask_flush(IdeDrive *d)
{
    d->phase = IDE_PHASE_CONTROL;
    ide_ask(d, BLK_FLUSH, 0, 0);
}

void ide_ask_discard(IdeDrive *d, uint64_t lba, uint32_t sectors)
{
    d->phase = IDE_PHASE_CONTROL;
    ide_ask(d, BLK_DISCARD, lba, sectors);
}

static void ide_complete(Device *dev, uint32_t tag, BlkResult result,
                         const uint8_t *data, uint32_t size)
{
    IdeDrive *d = (IdeDrive *)dev;

    if (tag != d->tag
        || (d->phase != IDE_PHASE_READ && d->phase != IDE_PHASE_WRITE
            && d->phase != IDE_PHASE_CONTROL)) {
        return;
    }
    if (data) {
        memcpy(d->buf, data, MIN(size, IDE_BUF_BYTES));
    }
    ide_answer(d, result);
}

static void ide_media(Device *dev, DriveMedia what)
{
    IdeDrive *d = (IdeDrive *)dev;

    if (ide_is_cd(d)) {
        atapi_media(d, what);
    }
}

static const DriveOps ide_drive_ops = {
    .complete = ide_complete,
    .media = ide_media,
};

/* --- resets --------------------------------------------------------------------- */

/* What the registers say after a reset or DIAGNOSTIC (ATA7 9.12). */
void ide_signature(IdeDrive *d)
{
    bool cd = ide_is_cd(d);

    memset(d->task, 0, sizeof(d->task));
    d->task[0].count = 1;
    d->task[0].lba[0] = 1;
    d->task[0].lba[1] = cd ? 0x14 : 0;
    d->task[0].lba[2] = cd ? 0xeb : 0;
    d->device = d->unit ? DEV_UNIT : 0;
    d->error = 0x01;
    d->status = cd ? 0 : STAT_READY;
    d->phase = IDE_PHASE_IDLE;
}

void ide_drive_reset(IdeDrive *d)
{
    if (d->drive) {
        drive_forget(d->drive);
    }
    d->tag++;
    d->dma = false;
    d->left = 0;
    d->intrq = false;
    ide_signature(d);
    ide_update_irq(d->bus);
}

/* Power-on and the machine's reset. */
static void ide_hard_reset(Device *dev)
{
    IdeDrive *d = (IdeDrive *)dev;

    d->heads = (uint8_t)d->heads_prop;
    d->sectors = (uint8_t)d->secs_prop;
    d->multiple = IDE_MULTIPLE_MAX;
    d->udma = 0x2000; /* mode 5, as the BIOS would choose */
    d->write_cache = d->look_ahead = d->smart = d->smart_autosave = true;
    d->attention_reset = ide_is_cd(d);
    ide_drive_reset(d);
}

/* --- device ----------------------------------------------------------------------- */

static bool ide_buf_codec(void *obj, Codec *c)
{
    IdeDrive *d = obj;
    uint32_t used = d->end;

    return codec_size(c, &used, IDE_BUF_BYTES) && codec_bytes(c, d->buf, used);
}

/* clang-format off */
static const StateField task_rows[] = {
    STATE(IdeTask, feature), STATE(IdeTask, count), STATE(IdeTask, lba),
    STATE_END,
};

static const StateField ide_state[] = {
    WIRE(IdeDrive, bus), WIRE(IdeDrive, unit), WIRE(IdeDrive, drive),
    STATE_GROUP(IdeDrive, task, task_rows, IdeTask, .doc = "task file: last written, before"),
    STATE(IdeDrive, device), STATE(IdeDrive, error), STATE(IdeDrive, status),
    STATE(IdeDrive, command),
    STATE(IdeDrive, intrq, .doc = "asserts the channel's line"),
    STATE(IdeDrive, phase, .max = IDE_PHASE_COUNT - 1),
    STATE(IdeDrive, dma),
    STATE(IdeDrive, at, .max = IDE_BUF_BYTES),
    STATE(IdeDrive, drq_end, .max = IDE_BUF_BYTES),
    STATE(IdeDrive, end, .max = IDE_BUF_BYTES),
    STATE_CODEC(IdeDrive, buf, ide_buf_codec),
    STATE(IdeDrive, block, .min = 0, .max = IDE_BUF_BYTES),
    STATE(IdeDrive, lba, .max = UINT64_MAX >> 10),
    STATE(IdeDrive, left, .max = 1 << 24),
    STATE(IdeDrive, asked, .max = IDE_BUF_BYTES / IDE_SECTOR),
    STATE(IdeDrive, tag, .doc = "of the request at work"),
    STATE(IdeDrive, multiple, .max = IDE_MULTIPLE_MAX),
    STATE(IdeDrive, heads, .max = HEADS_MAX), STATE(IdeDrive, sectors),
    STATE(IdeDrive, mwdma), STATE(IdeDrive, udma),
    STATE(IdeDrive, write_cache), STATE(IdeDrive, look_ahead),
    STATE(IdeDrive, smart), STATE(IdeDrive, smart_autosave),
    STATE(IdeDrive, packet),
    STATE(IdeDrive, sense), STATE(IdeDrive, asc), STATE(IdeDrive, ascq),
    STATE(IdeDrive, attention_reset), STATE(IdeDrive, attention_medium),
    STATE(IdeDrive, media_event),
    STATE(IdeDrive, sector_bytes, .reset = IDE_CD_SECTOR, .min = 1, .max = CD_RAW_SECTOR, .doc = "of READ CD"),
    WIRE(IdeDrive, drive_id), WIRE(IdeDrive, bus_name), WIRE(IdeDrive, serial),
    WIRE(IdeDrive, version), WIRE(IdeDrive, model), WIRE(IdeDrive, wwn),
    WIRE(IdeDrive, unit_prop), WIRE(IdeDrive, cyls_prop),
    WIRE(IdeDrive, heads_prop), WIRE(IdeDrive, secs_prop),
    WIRE(IdeDrive, rotation), WIRE(IdeDrive, bootindex),
    STATE_END,
};

#define IDE_PROPS(kind) \
    PROP(IdeDrive, drive_id, "drive", PROP_STR, NULL, .host_only = true, .doc = "-drive or -blockdev by id"), \
    PROP(IdeDrive, bus_name, "bus", PROP_STR, NULL, .host_only = true, .doc = "ide.0 or ide.1"), \
    PROP(IdeDrive, unit_prop, "unit", PROP_U32, "4294967295", .host_only = true, .doc = "0 or 1"), \
    PROP(IdeDrive, serial, "serial", PROP_STR, NULL, .doc = "serial number, 20 characters"), \
    PROP(IdeDrive, version, "ver", PROP_STR, "1.0", .doc = "firmware version, 8 characters"), \
    PROP(IdeDrive, model, "model", PROP_STR, "REPRISE " kind, .doc = "model, 40 characters"), \
    PROP(IdeDrive, wwn, "wwn", PROP_U64, "0", .doc = "world wide name"), \
    PROP(IdeDrive, bootindex, "bootindex", PROP_I32, "-1", .doc = "place in the boot order")

static const PropField ide_hd_props[] = {
    IDE_PROPS("HARDDISK"),
    PROP(IdeDrive, cyls_prop, "cyls", PROP_U32, "0", .doc = "cylinders"),
    PROP(IdeDrive, heads_prop, "heads", PROP_U32, "0", .doc = "heads, up to 16"),
    PROP(IdeDrive, secs_prop, "secs", PROP_U32, "0", .doc = "sectors of a track, up to 255"),
    PROP(IdeDrive, rotation, "rotation_rate", PROP_U32, "0", .doc = "rpm; 1: no rotating medium"),
    PROP_LIST_END,
};

static const PropField ide_cd_props[] = {IDE_PROPS("DVD-ROM"), PROP_LIST_END};
/* clang-format on */

bool ide_drive_place(const Device *drive, int *channel, int *unit,
                     GError **error)
{
    const IdeDrive *d = (const IdeDrive *)drive;

    *channel = *unit = -1;
    if (d->bus_name) {
        if (!g_str_equal(d->bus_name, "ide.0")
            && !g_str_equal(d->bus_name, "ide.1")) {
            return fail(error, "Bus '%s' not found (ide.0 and ide.1 exist)",
                        d->bus_name);
        }
        *channel = d->bus_name[4] - '0';
    }
    if (d->unit_prop != UINT32_MAX) {
        if (d->unit_prop >= IDE_UNITS) {
            return fail(error,
                        "Can't create IDE unit %u, bus supports only 2 "
                        "units",
                        d->unit_prop);
        }
        *unit = (int)d->unit_prop;
    }
    return true;
}

static bool ide_geometry_props(IdeDrive *d, GError **error)
{
    unsigned c, h, s;

    drive_geometry(d->drive, &c, &h, &s);
    d->cyls_prop = d->cyls_prop ? d->cyls_prop : c;
    d->heads_prop = d->heads_prop ? d->heads_prop : h;
    d->secs_prop = d->secs_prop ? d->secs_prop : s;
    if (d->cyls_prop > CYLINDERS_MAX || d->heads_prop > HEADS_MAX
        || d->secs_prop > SECTORS_MAX) {
        return fail(error,
                    "cyls=%u,heads=%u,secs=%u: at most %u cylinders, %u heads "
                    "and %u sectors",
                    d->cyls_prop, d->heads_prop, d->secs_prop, CYLINDERS_MAX,
                    HEADS_MAX, SECTORS_MAX);
    }
    return true;
}

static bool ide_realize(Device *dev, GError **error)
{
    IdeDrive *d = (IdeDrive *)dev;
    bool cd = ide_is_cd(d);
    Drive *drive = d->drive_id ? drive_find(dev->vm, d->drive_id) : NULL;
    const char *serial;

    if (d->drive_id && !drive) {
        return fail(error,
                    "Property '%s.drive' can't find value '%s' (there is no "
                    "such -drive or -blockdev)",
                    dev->type->name, d->drive_id);
    }
    if (!drive && !cd) {
        return fail(error, "Device needs media, but drive is empty");
    }
    d->drive = drive_attach(dev->vm, drive, dev, &ide_drive_ops, cd, error);
    if (!d->drive) {
        return false;
    }
    serial = drive_serial(d->drive);
    if (!d->serial) {
        d->serial =
            serial ? g_strdup(serial)
                   : g_strdup_printf("RP%05u", 2 * d->bus->index + d->unit + 1);
    }
    return cd || ide_geometry_props(d, error);
}

const DeviceType ide_hd_type = {
    .name = "ide-hd",
    .size = sizeof(IdeDrive),
    .state = ide_state,
    .props = ide_hd_props,
    .user_creatable = true,
    .bus = "ide",
    .doc = "ATA disk",
    .realize = ide_realize,
    .reset_done = ide_hard_reset,
};

const DeviceType ide_cd_type = {
    .name = "ide-cd",
    .size = sizeof(IdeDrive),
    .state = ide_state,
    .props = ide_cd_props,
    .user_creatable = true,
    .bus = "ide",
    .doc = "ATAPI CD/DVD drive",
    .realize = ide_realize,
    .reset_done = ide_hard_reset,
};
