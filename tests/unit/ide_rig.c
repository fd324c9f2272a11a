/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ide_rig.h"

#include <string.h>

#include "hw/i440fx.h"

#define TABLE 0x8000u
#define IDE_DEVFN PCI_DEVFN(1, 1)

/* --- a block layer of memory -------------------------------------------------- */

static Drive *rig_drives[2];

Drive *drive_find(Vm *vm, const char *id)
{
    return g_str_equal(id, "disk") ? rig_drives[0]
           : g_str_equal(id, "cd") ? rig_drives[1]
                                   : NULL;
}

Drive *drive_attach(Vm *vm, Drive *d, Device *dev, const DriveOps *ops,
                    bool removable, GError **error)
{
    d->dev = dev;
    d->ops = ops;
    return d;
}

bool drive_read_only(const Drive *d)
{
    return d->read_only;
}

uint64_t drive_bytes(const Drive *d)
{
    return d->empty ? 0 : d->size;
}

void drive_geometry(const Drive *d, unsigned *cyls, unsigned *heads,
                    unsigned *secs)
{
    *heads = 16;
    *secs = 63;
    *cyls = (unsigned)(d->size / BLK_SECTOR / 1008);
}

const char *drive_serial(const Drive *d)
{
    return NULL;
}

bool drive_can_discard(const Drive *d)
{
    return true;
}

bool drive_has_medium(const Drive *d)
{
    return !d->empty;
}

bool drive_tray_open(const Drive *d)
{
    return d->tray;
}

bool drive_locked(const Drive *d)
{
    return d->locked;
}

void drive_set_tray(Drive *d, bool open)
{
    d->tray = open;
}

void drive_set_locked(Drive *d, bool locked)
{
    d->locked = locked;
}

void drive_forget(Drive *d)
{
    d->waiting = false;
}

BlkResult drive_submit(Drive *d, const BlkRequest *r)
{
    g_assert_false(d->waiting);
    if (d->empty || d->tray) {
        return BLK_ENOMEDIUM;
    }
    g_assert_cmpuint(r->offset % BLK_SECTOR, ==, 0);
    g_assert_cmpuint(r->offset + r->bytes, <=, d->size);
    d->waiting = true;
    d->request = *r;
    d->requests++;
    g_clear_pointer(&d->data, g_free);
    if (r->op == BLK_WRITE) {
        d->data = g_memdup2(r->data, r->bytes);
    }
    return BLK_OK;
}

bool rig_complete(Drive *d)
{
    BlkRequest r = d->request;
    BlkResult result = d->fail ? BLK_EIO : BLK_OK;
    bool read = r.op == BLK_READ && !d->fail;

    if (!d->waiting) {
        return false;
    }
    d->waiting = false;
    d->flushes += r.op == BLK_FLUSH;
    d->discards += r.op == BLK_DISCARD;
    if (r.op == BLK_WRITE && !d->fail) {
        memcpy(d->bytes + r.offset, d->data, r.bytes);
    } else if (r.op == BLK_DISCARD) {
        memset(d->bytes + r.offset, 0, r.bytes);
    }
    d->ops->complete(d->dev, r.tag, result, read ? d->bytes + r.offset : NULL,
                     read ? (uint32_t)r.bytes : 0);
    return true;
}

void rig_finish(Drive *d)
{
    while (rig_complete(d)) {
    }
}

Drive *rig_drive(unsigned n, uint64_t size)
{
    Drive *d = g_new0(Drive, 1);

    d->size = size;
    d->bytes = g_malloc(size);
    for (uint64_t i = 0; i < size; i++) {
        d->bytes[i] = (uint8_t)(i * 7 + i / 512 * 31 + n);
    }
    rig_drives[n] = d;
    return d;
}

/* --- the machine ---------------------------------------------------------------- */

typedef struct Sink {
    Device dev; /* first */
    IrqLine irq[IDE_CHANNELS];
} Sink;

/* clang-format off */
static const StateField sink_state[] = {STATE(Sink, irq), STATE_END};
/* clang-format on */

static const DeviceType sink_type = {
    .name = "sink",
    .size = sizeof(Sink),
    .state = sink_state,
};

static void sink_line(Device *sink, unsigned n, bool level)
{
}

static void conf_write(Rig *r, unsigned at, uint32_t v, unsigned size)
{
    mem_io_write(r->vm->io, 0xcf8,
                 0x80000000u | (uint32_t)IDE_DEVFN << 8 | (at & 0xfc), 4);
    mem_io_write(r->vm->io, 0xcfc + (at & 3), v, size);
}

static Device *rig_add(Rig *r, const DeviceType *type, const char *drive,
                       int channel)
{
    Device *dev = device_new(r->vm, type, r->ide, type->name);

    g_assert_true(device_set_prop(dev, "drive", drive, NULL));
    g_assert_true(piix3_ide_attach(r->ide, dev, channel, 0, NULL));
    g_assert_true(device_realize(dev, NULL));
    return dev;
}

void rig_setup(Rig *r, gconstpointer data)
{
    IrqLine *out[IDE_CHANNELS];
    Sink *sink;

    r->vm = vm_new();
    r->disk_drive = rig_drive(0, RIG_DISK_SECTORS * BLK_SECTOR);
    r->cd_drive = rig_drive(1, RIG_CD_SECTORS * 2048);
    sink = (Sink *)device_new(r->vm, &sink_type, NULL, "sink");
    r->sink = &sink->dev;
    r->bridge = i440fx_new(r->vm, NULL, 16 * RIG_RAM, NULL);
    r->ide = device_new(r->vm, &piix3_ide_type, NULL, "ide");
    for (unsigned i = 0; i < IDE_CHANNELS; i++) {
        irq_init(&sink->irq[i], &sink->dev, sink_line, i);
        out[i] = &sink->irq[i];
    }
    piix3_ide_connect(r->ide, out);
    pci_place((PciDevice *)r->ide, i440fx_bus(r->bridge), IDE_DEVFN);
    g_assert_true(device_realize(r->ide, NULL));
    r->disk = rig_add(r, &ide_hd_type, "disk", 0);
    r->cd = rig_add(r, &ide_cd_type, "cd", 1);
    devices_seal(r->vm);
    devices_reset(r->vm);
    conf_write(r, 0x20, RIG_BM, 4);
    conf_write(r, 0x40, 0x80008000, 4);
    conf_write(r, 0x04, 5, 2);
}

void rig_teardown(Rig *r, gconstpointer data)
{
    vm_free(r->vm);
    for (unsigned i = 0; i < G_N_ELEMENTS(rig_drives); i++) {
        if (!rig_drives[i]) {
            continue;
        }
        g_free(rig_drives[i]->bytes);
        g_free(rig_drives[i]->data);
        g_clear_pointer(&rig_drives[i], g_free);
    }
}

void rig_out(Rig *r, uint16_t port, unsigned v)
{
    mem_io_write(r->vm->io, port, v, 1);
}

unsigned rig_in(Rig *r, uint16_t port)
{
    return (unsigned)mem_io_read(r->vm->io, port, 1);
}

unsigned rig_in16(Rig *r, uint16_t port)
{
    return (unsigned)mem_io_read(r->vm->io, port, 2);
}

void rig_out16(Rig *r, uint16_t port, unsigned v)
{
    mem_io_write(r->vm->io, port, v, 2);
}

bool rig_irq(const Rig *r, unsigned channel)
{
    return irq_level(&((const Sink *)r->sink)->irq[channel]);
}

void rig_command(Rig *r, unsigned command, uint32_t lba, unsigned count)
{
    rig_out(r, RIG_CMD + R_DEV, 0x40 | lba >> 24);
    rig_out(r, RIG_CMD + R_COUNT, count);
    rig_out(r, RIG_CMD + R_LOW, lba & 0xff);
    rig_out(r, RIG_CMD + R_MID, lba >> 8 & 0xff);
    rig_out(r, RIG_CMD + R_HIGH, lba >> 16 & 0xff);
    rig_out(r, RIG_CMD + R_CMD, command);
}

void rig_command_ext(Rig *r, unsigned command, uint64_t lba, unsigned count)
{
    rig_out(r, RIG_CMD + R_DEV, 0x40);
    rig_out(r, RIG_CMD + R_COUNT, count >> 8);
    rig_out(r, RIG_CMD + R_COUNT, count & 0xff);
    for (unsigned i = 0; i < 3; i++) {
        rig_out(r, (uint16_t)(RIG_CMD + R_LOW + i), lba >> (24 + 8 * i) & 0xff);
        rig_out(r, (uint16_t)(RIG_CMD + R_LOW + i), lba >> (8 * i) & 0xff);
    }
    rig_out(r, RIG_CMD + R_CMD, command);
}

void rig_packet(Rig *r, const uint8_t cdb[12], unsigned limit, bool dma)
{
    rig_out(r, RIG_CD_CMD + R_FEATURE, dma);
    rig_out(r, RIG_CD_CMD + R_MID, limit & 0xff);
    rig_out(r, RIG_CD_CMD + R_HIGH, limit >> 8);
    rig_out(r, RIG_CD_CMD + R_CMD, 0xa0);
    g_assert_cmphex(rig_in(r, RIG_CD_CMD + R_CMD) & 0x88, ==, 0x08);
    for (unsigned i = 0; i < 12; i += 2) {
        rig_out16(r, RIG_CD_CMD, ld_le16(cdb + i));
    }
}

void rig_table(Rig *r, unsigned channel, const uint32_t (*piece)[2], unsigned n)
{
    uint8_t prd[8];

    for (unsigned i = 0; i < n; i++) {
        st_le32(prd, piece[i][0]);
        st_le32(prd + 4,
                (piece[i][1] & 0xffff) | (i + 1 == n ? 0x80000000u : 0));
        g_assert_true(mem_poke(r->vm->mem, TABLE + 8 * i, prd, sizeof(prd)));
    }
    mem_io_write(r->vm->io, RIG_BM + 8 * channel + 4, TABLE, 4);
}
