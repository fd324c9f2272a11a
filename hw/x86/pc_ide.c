/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pc board's disks: the IDE function, drives, what the BIOS learns. */
#include <stdlib.h>

#include "block/drive.h"
#include "hw/ide.h"
#include "hw/mc146818.h"
#include "hw/x86/pc_priv.h"

#define IDE_DEVFN PCI_DEVFN(1, 1)
#define IDE_IRQ 14 /* and 15 */
#define CMOS_TRANSLATION 0x39
#define TRANSLATE_LBA 1u
#define BIOS_CYLINDERS_MAX 1024u

bool pc_ide_build(Pc *pc, const MachineConfig *cfg, GError **error)
{
    IrqLine *const out[IDE_CHANNELS] = {&pc->isa[IDE_IRQ],
                                        &pc->isa[IDE_IRQ + 1]};

    pc->ide = machine_device_new(pc->m.dev.vm, cfg, &piix3_ide_type, &pc->m.dev,
                                 "piix3-ide", error);
    if (!pc->ide) {
        return false;
    }
    piix3_ide_connect(pc->ide, out);
    pci_place((PciDevice *)pc->ide, i440fx_bus(pc->i440fx), IDE_DEVFN);
    return device_realize(pc->ide, error);
}

/* --- drives ------------------------------------------------------------------- */

static char *drive_name(int channel, bool cd, int unit)
{
    return g_strdup_printf("ide%d-%s%d", channel, cd ? "cd" : "hd", unit);
}

static bool add_drive(Pc *pc, const MachineConfig *cfg, int channel, int unit,
                      Drive *drive, GError **error)
{
    bool cd = !drive || drive_is_cdrom(drive);
    g_autofree char *name = drive_name(channel, cd, unit);
    Device *dev =
        machine_device_new(pc->m.dev.vm, cfg, cd ? &ide_cd_type : &ide_hd_type,
                           pc->ide, name, error);

    return dev
           && (!drive || device_set_prop(dev, "drive", drive_id(drive), error))
           && piix3_ide_attach(pc->ide, dev, channel, unit, error)
           && device_realize(dev, error);
}

/* A person who adds drives by -device does not get the empty CD drive. */
static bool wants_default_cd(const MachineConfig *cfg)
{
    for (unsigned i = 0; i < cfg->device_count; i++) {
        const char *driver = cfg->devices[i].driver;

        if (g_str_equal(driver, ide_cd_type.name)
            || g_str_equal(driver, ide_hd_type.name)) {
            return false;
        }
    }
    return !cfg->nodefaults;
}

bool pc_ide_drives(Pc *pc, const MachineConfig *cfg, GError **error)
{
    for (unsigned i = 0; i < IDE_CHANNELS * IDE_UNITS; i++) {
        unsigned channel = i / IDE_UNITS, unit = i % IDE_UNITS;
        Drive *drive = drive_of_if(pc->m.dev.vm, DRIVE_IF_IDE, channel, unit);

        if (drive
            && !add_drive(pc, cfg, (int)channel, (int)unit, drive, error)) {
            return fail_prefix(error, "-drive if=ide,bus=%u,unit=%u", channel,
                               unit);
        }
    }
    return !wants_default_cd(cfg) || piix3_ide_drive(pc->ide, 1, 0)
           || add_drive(pc, cfg, 1, 0, NULL, error);
}

/* As a board's drive there: what a person calls it is not the guest's. */
static void name_by_place(Pc *pc, Device *dev)
{
    for (unsigned i = 0; i < IDE_CHANNELS * IDE_UNITS; i++) {
        unsigned channel = i / IDE_UNITS, unit = i % IDE_UNITS;

        if (piix3_ide_drive(pc->ide, channel, unit) == dev) {
            g_autofree char *name =
                drive_name((int)channel, dev->type == &ide_cd_type, (int)unit);

            device_move(dev, pc->ide, name);
        }
    }
}

bool pc_ide_device(Pc *pc, Device *dev, GError **error)
{
    int channel, unit;

    if (!ide_drive_place(dev, &channel, &unit, error)
        || !piix3_ide_attach(pc->ide, dev, channel, unit, error)) {
        return false;
    }
    name_by_place(pc, dev);
    return device_realize(dev, error);
}

/* --- what the BIOS learns ------------------------------------------------------- */

/* Two bits a drive: how INT 13h turns cylinders into its own. */
void pc_ide_cmos(Pc *pc)
{
    uint8_t bits = 0;

    for (unsigned i = 0; i < IDE_CHANNELS * IDE_UNITS; i++) {
        Device *dev = piix3_ide_drive(pc->ide, i / IDE_UNITS, i % IDE_UNITS);
        g_autofree char *text = dev ? device_get_prop(dev, "cyls") : NULL;

        if (text && g_ascii_strtoull(text, NULL, 10) > BIOS_CYLINDERS_MAX) {
            bits |= (uint8_t)(TRANSLATE_LBA << (2 * i));
        }
    }
    mc146818_set_nvram(pc->rtc, CMOS_TRANSLATION, bits);
}

typedef struct BootEntry {
    int index;
    unsigned place;
} BootEntry;

static gint boot_compare(gconstpointer a, gconstpointer b)
{
    return ((const BootEntry *)a)->index - ((const BootEntry *)b)->index;
}

bool pc_ide_boot_order(Pc *pc, GError **error)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(BootEntry));

    for (unsigned i = 0; i < IDE_CHANNELS * IDE_UNITS; i++) {
        Device *dev = piix3_ide_drive(pc->ide, i / IDE_UNITS, i % IDE_UNITS);
        g_autofree char *text = dev ? device_get_prop(dev, "bootindex") : NULL;
        BootEntry e = {.place = i};

        e.index = text ? atoi(text) : -1;
        if (e.index >= 0) {
            g_array_append_val(list, e);
        }
    }
    g_array_sort(list, boot_compare);
    for (guint i = 0; i < list->len; i++) {
        const BootEntry *e = &g_array_index(list, BootEntry, i);

        if (i > 0 && e[-1].index == e->index) {
            return fail(error, "The bootindex %d has already been used",
                        e->index);
        }
        g_ptr_array_add(pc->boot_order,
                        g_strdup_printf("/pci@i0cf8/ide@1,1/drive@%u/disk@%u",
                                        e->place / IDE_UNITS,
                                        e->place % IDE_UNITS));
    }
    return true;
}
