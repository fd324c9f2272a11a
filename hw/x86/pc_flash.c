/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Firmware in flash: -drive if=pflash. Unit 0 ends at 4 GiB, unit 1 lies below
 * it. Recordings embed what the chips held at the start.
 */
#include "block/drives.h"
#include "hw/i440fx.h"
#include "hw/pflash.h"
#include "hw/x86/pc_priv.h"

#define TOP 0x100000000ull
#define MIB 0x100000ull
#define ISA_BIOS_MAX 0x20000ull
#define FLASH_UNITS 2
#define FLASH_ALL_MAX (8 * MIB) /* down to the local APICs there is room */

static GBytes *flash_content(Pc *pc, const MachineConfig *cfg, unsigned unit,
                             Drive *drive, GError **error)
{
    BlockNode *node = drive_node(drive);
    uint64_t size = drive_bytes(drive);
    g_autofree char *name = g_strdup_printf("pflash%u", unit);
    g_autofree uint8_t *data = NULL;
    int rc;

    if (!node || size == 0 || size > FLASH_ALL_MAX) {
        fail(error,
             "-drive if=pflash,unit=%u: an image of up to 8 MiB is "
             "needed",
             unit);
        return NULL;
    }
    data = g_malloc(size);
    rc = block_read(node, 0, data, size);
    if (rc) {
        fail(error, "-drive if=pflash,unit=%u: %s", unit, g_strerror(rc));
        return NULL;
    }
    return machine_blob_made(pc->m.dev.vm, cfg, name, data, size);
}

static bool add_flash(Pc *pc, const MachineConfig *cfg, unsigned unit,
                      Drive *drive, uint64_t *end, GError **error)
{
    g_autoptr(GBytes) content = flash_content(pc, cfg, unit, drive, error);
    MemRegion *pci = i440fx_pci_mem(pc->i440fx);
    uint64_t size, isa;
    Device *dev;

    if (!content) {
        return false;
    }
    size = g_bytes_get_size(content);
    if (TOP - *end + size > FLASH_ALL_MAX) {
        return fail(error, "-drive if=pflash: more than 8 MiB in all");
    }
    dev = machine_device_new(pc->m.dev.vm, cfg, &pflash_type, &pc->m.dev,
                             unit ? "pflash1" : "pflash0", error);
    if (!dev) {
        return false;
    }
    pflash_connect(dev, drive, content);
    if (!device_realize(dev, error)) {
        return fail_prefix(error, "-drive if=pflash,unit=%u", unit);
    }
    *end -= size;
    pflash_map(dev, pci, *end);
    if (unit == 0) {
        isa = MIN(size, ISA_BIOS_MAX);
        mem_add(pci, MIB - isa,
                mem_alias(pc->m.dev.vm, "isa-bios", pflash_memory(dev),
                          size - isa, isa),
                1);
    }
    return true;
}

bool pc_flash_build(Pc *pc, const MachineConfig *cfg, bool *found,
                    GError **error)
{
    uint64_t end = TOP;

    *found = drive_of_if(pc->m.dev.vm, DRIVE_IF_PFLASH, 0, 0) != NULL;
    if (*found && cfg->bios) {
        return fail(error,
                    "-bios %s: the firmware is in -drive if=pflash "
                    "already",
                    cfg->bios);
    }
    for (unsigned unit = 0; unit < FLASH_UNITS; unit++) {
        Drive *drive = drive_of_if(pc->m.dev.vm, DRIVE_IF_PFLASH, 0, unit);

        if (drive && !*found) {
            return fail(error, "-drive if=pflash,unit=1: there is no unit 0");
        }
        if (drive && !add_flash(pc, cfg, unit, drive, &end, error)) {
            return false;
        }
    }
    return true;
}
