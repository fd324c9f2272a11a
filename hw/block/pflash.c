/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NOR flash, 8 bits wide, Intel command set. Sources: Intel 28F640J3 data sheet
 * (290667), JEDEC JESD68 and JEP137 (CFI).
 *
 * In read array mode the chip is ROM and costs nothing; any other mode switches
 * reads to the device. Programming only clears bits; everything is done at
 * once. What changed goes to the drive a little later, by virtual time.
 *
 * Not modelled: lock bits, suspend, protection registers. The status register
 * is all zeroes after it was cleared (firmware tells flash from RAM by it) and
 * shows ready after the next command.
 */
#include "hw/pflash.h"

#include <string.h>

#include "core/bytes.h"

#define BLOCK_BYTES 4096u
#define BUFFER_BYTES 2048u
#define CFI_BYTES 0x34u
#define WRITE_BACK_NS 1000000
#define CHIP_MAX (64u << 20)

#define STATUS_READY 0x80u
#define STATUS_ERASE_ERROR 0x20u
#define STATUS_PROGRAM_ERROR 0x10u
#define STATUS_PROTECTED 0x02u

typedef enum FlashMode {
    FLASH_ARRAY,
    FLASH_STATUS,
    FLASH_ID,
    FLASH_CFI,
    FLASH_MODE_COUNT
} FlashMode;

typedef struct Pflash {
    Device dev;      /* first */
    uint8_t mode;    /* FlashMode: what reads give */
    uint8_t command; /* waits for more cycles; 0: none */
    uint8_t status;
    uint32_t expected;  /* bytes still to come into the buffer */
    uint64_t low, high; /* bytes that the drive does not have yet */
    bool writing;       /* a request is at work */
    Timer write_back;
    uint64_t size;
    uint8_t cfi[CFI_BYTES];
    Drive *drive;        /* borrowed: of the Vm */
    GBytes *content;     /* owned: until realized */
    MemRegion *rom, *io; /* borrowed: of the Vm */
} Pflash;

/* --- modes ----------------------------------------------------------------------- */

static void flash_set_mode(Pflash *f, FlashMode mode)
{
    f->mode = (uint8_t)mode;
    mem_set_enabled(f->io, mode != FLASH_ARRAY);
    vm_horizon_changed(f->dev.vm);
}

static uint64_t flash_read(Device *dev, uint64_t off, unsigned size)
{
    const Pflash *f = (const Pflash *)dev;
    uint64_t block = off % BLOCK_BYTES;

    switch (f->mode) {
    case FLASH_STATUS:
        return f->status;
    case FLASH_ID:
        return block == 0 ? 0x89 : block == 1 ? 0x18 : 0; /* maker, device */
    case FLASH_CFI:
        return off < CFI_BYTES ? f->cfi[off] : 0;
    default:
        return off < f->size ? mem_host(f->rom)[off] : 0xff;
    }
}

/* --- changes ---------------------------------------------------------------------- */

static void flash_changed(Pflash *f, uint64_t at, uint64_t size)
{
    f->low = f->high ? MIN(f->low, at) : at;
    f->high = MAX(f->high, at + size);
    if (!timer_armed(&f->write_back)) {
        timer_arm(&f->write_back, virt_add(dev_now(&f->dev), WRITE_BACK_NS));
    }
}

static void flash_fill(Pflash *f, uint64_t at, const uint8_t *data,
                       uint64_t size)
{
    ram_dirty_range(f->dev.vm, mem_first_page(f->rom), at, size);
    if (data) {
        memcpy(mem_host(f->rom) + at, data, size);
    } else {
        memset(mem_host(f->rom) + at, 0xff, size);
    }
    flash_changed(f, at, size);
}

static bool flash_protected(Pflash *f, uint8_t why)
{
    if (drive_read_only(f->drive)) {
        f->status |= (uint8_t)(why | STATUS_PROTECTED);
        return true;
    }
    return false;
}

static void flash_program(Pflash *f, uint64_t at, uint64_t v, unsigned size)
{
    uint8_t data[8];

    f->status |= STATUS_READY;
    if (at + size > f->size || flash_protected(f, STATUS_PROGRAM_ERROR)) {
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        data[i] = mem_host(f->rom)[at + i] & (uint8_t)(v >> (8 * i));
    }
    flash_fill(f, at, data, size);
}

static void flash_erase(Pflash *f, uint64_t at)
{
    f->status |= STATUS_READY;
    at -= at % BLOCK_BYTES;
    if (at + BLOCK_BYTES <= f->size
        && !flash_protected(f, STATUS_ERASE_ERROR)) {
        flash_fill(f, at, NULL, BLOCK_BYTES);
    }
}

/* One request at a time, of whole sectors. */
static void flash_write_back(Device *dev)
{
    Pflash *f = (Pflash *)dev;
    uint64_t at = f->low - f->low % BLK_SECTOR;
    uint64_t end =
        MIN(f->size, (f->high + BLK_SECTOR - 1) / BLK_SECTOR * BLK_SECTOR);
    BlkRequest r = {.op = BLK_WRITE, .offset = at, .bytes = end - at};

    if (f->writing || f->high == 0 || at >= end) {
        return;
    }
    r.bytes = MIN(r.bytes, BLK_REQUEST_MAX);
    r.data = mem_host(f->rom) + at;
    f->low = at + r.bytes;
    if (f->low >= f->high) {
        f->low = f->high = 0;
    }
    f->writing = drive_submit(f->drive, &r) == BLK_OK;
    if (!f->writing) {
        guest_error(dev, "flash: the drive takes no writes");
    }
}

static void flash_complete(Device *dev, uint32_t tag, BlkResult result,
                           const uint8_t *data, uint32_t size)
{
    ((Pflash *)dev)->writing = false;
    flash_write_back(dev);
}

static const DriveOps flash_drive_ops = {.complete = flash_complete};

/* --- commands ---------------------------------------------------------------------- */

/* A further cycle of .command. */
static void flash_cycle(Pflash *f, uint64_t at, uint64_t v, unsigned size)
{
    switch (f->command) {
    case 0x10:
        flash_program(f, at, v, size);
        f->command = 0;
        break;
    case 0x20:
        if ((v & 0xff) == 0xd0) {
            flash_erase(f, at);
        } else {
            f->status |=
                STATUS_READY | STATUS_ERASE_ERROR | STATUS_PROGRAM_ERROR;
        }
        f->command = 0;
        break;
    case 0x60: /* lock bits: taken, without effect */
        f->status |= STATUS_READY;
        f->command = 0;
        break;
    case 0xe8: /* count, less one */
        f->expected = (uint32_t)(v & 0xffff) + 1;
        f->command = f->expected <= BUFFER_BYTES ? 0xe9 : 0;
        break;
    case 0xe9: /* data, then the confirmation */
        if (f->expected > 0) {
            flash_program(f, at, v, size);
            f->expected -= MIN(size, f->expected);
        } else {
            f->command = 0;
            f->status |= (v & 0xff) == 0xd0
                             ? STATUS_READY
                             : STATUS_READY | STATUS_PROGRAM_ERROR;
        }
        break;
    default:
        f->command = 0;
        break;
    }
}

static void flash_command(Pflash *f, uint8_t v)
{
    switch (v) {
    case 0x40:
        v = 0x10;
        /* fall through */
    case 0x10:
    case 0x20:
    case 0x60:
    case 0xe8:
        f->command = v;
        f->status |= v == 0xe8 ? STATUS_READY : 0;
        flash_set_mode(f, FLASH_STATUS);
        break;
    case 0x50:
        f->status = 0;
        flash_set_mode(f, FLASH_ARRAY);
        break;
    case 0x70:
        flash_set_mode(f, FLASH_STATUS);
        break;
    case 0x90:
        flash_set_mode(f, FLASH_ID);
        break;
    case 0x98:
        flash_set_mode(f, FLASH_CFI);
        break;
    default: /* 0xff, 0xf0 and what is no command */
        flash_set_mode(f, FLASH_ARRAY);
        break;
    }
}

static void flash_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Pflash *f = (Pflash *)dev;

    if (f->command) {
        flash_cycle(f, off, v, size);
    } else {
        flash_command(f, (uint8_t)v);
    }
}

static const MemOps flash_ops = {
    .read = flash_read,
    .write = flash_write,
    .peek = flash_read,
    .max_size = 8,
};

/* --- device --------------------------------------------------------------------------- */

static unsigned log2_of(uint64_t v)
{
    return 63u - (unsigned)__builtin_clzll(v | 1);
}

/* JEP137: the query table, one byte a place. */
static void flash_make_cfi(Pflash *f)
{
    uint32_t blocks = (uint32_t)(f->size / BLOCK_BYTES);

    memcpy(f->cfi + 0x10, "QRY", 3);
    f->cfi[0x13] = 0x01; /* Intel */
    f->cfi[0x15] = 0x31;
    f->cfi[0x1b] = 0x45; /* 4.5 to 5.5 V */
    f->cfi[0x1c] = 0x55;
    f->cfi[0x1f] = 0x07; /* typical times, powers of two */
    f->cfi[0x20] = 0x07;
    f->cfi[0x21] = 0x0a;
    f->cfi[0x23] = f->cfi[0x24] = f->cfi[0x25] = 0x04;
    f->cfi[0x27] = (uint8_t)log2_of(f->size);
    f->cfi[0x2a] = (uint8_t)log2_of(BUFFER_BYTES);
    f->cfi[0x2c] = 1; /* one region of equal blocks */
    st_le16(f->cfi + 0x2d, (uint16_t)(blocks - 1));
    st_le16(f->cfi + 0x2f, BLOCK_BYTES / 256);
    memcpy(f->cfi + 0x31, "PRI", 3);
}

void pflash_connect(Device *dev, Drive *drive, GBytes *content)
{
    Pflash *f = (Pflash *)dev;

    f->drive = drive;
    f->content = g_bytes_ref(content);
    f->size = g_bytes_get_size(content);
}

void pflash_map(Device *dev, MemRegion *parent, uint64_t at)
{
    Pflash *f = (Pflash *)dev;

    mem_add(parent, at, f->rom, 0);
    mem_add(parent, at, f->io, 1);
}

MemRegion *pflash_memory(const Device *dev)
{
    return ((const Pflash *)dev)->rom;
}

static bool flash_realize(Device *dev, GError **error)
{
    Pflash *f = (Pflash *)dev;

    if (f->size == 0 || f->size % BLOCK_BYTES || f->size > CHIP_MAX) {
        return fail(error,
                    "flash of %" PRIu64 " bytes: a multiple of 4 KiB up to "
                    "64 MiB is needed",
                    f->size);
    }
    if (!drive_attach(dev->vm, f->drive, dev, &flash_drive_ops, false, error)) {
        return false;
    }
    f->rom = mem_rom(dev->vm, "pflash", f->size, error);
    if (!f->rom) {
        return false;
    }
    mem_rom_set_writes(f->rom, dev, &flash_ops);
    memcpy(mem_host(f->rom), g_bytes_get_data(f->content, NULL), f->size);
    g_clear_pointer(&f->content, g_bytes_unref);
    f->io = mem_io(dev->vm, "pflash-command", dev, &flash_ops, f->size);
    mem_set_enabled(f->io, false);
    timer_init(&f->write_back, dev, flash_write_back);
    flash_make_cfi(f);
    return true;
}

static void flash_unrealize(Device *dev)
{
    g_clear_pointer(&((Pflash *)dev)->content, g_bytes_unref);
}

static void flash_rebuild(Device *dev)
{
    Pflash *f = (Pflash *)dev;

    mem_set_enabled(f->io, f->mode != FLASH_ARRAY);
}

/* clang-format off */
static const StateField flash_state[] = {
    STATE(Pflash, mode, .max = FLASH_MODE_COUNT - 1, .doc = "what reads give"),
    STATE(Pflash, command, .doc = "waits for more cycles"),
    STATE(Pflash, status),
    STATE(Pflash, expected, .max = 0x10000),
    STATE(Pflash, low, .keep = true, .max = CHIP_MAX, .doc = "not yet in the drive"),
    STATE(Pflash, high, .keep = true, .max = CHIP_MAX),
    STATE(Pflash, writing),
    STATE(Pflash, write_back, .keep = true),
    WIRE(Pflash, size), WIRE(Pflash, cfi), WIRE(Pflash, drive),
    WIRE(Pflash, content), WIRE(Pflash, rom), WIRE(Pflash, io),
    STATE_END,
};
/* clang-format on */

const DeviceType pflash_type = {
    .name = "cfi.pflash01",
    .size = sizeof(Pflash),
    .state = flash_state,
    .doc = "NOR flash, Intel command set",
    .realize = flash_realize,
    .unrealize = flash_unrealize,
    .reset_done = flash_rebuild,
    .rebuild = flash_rebuild,
};
