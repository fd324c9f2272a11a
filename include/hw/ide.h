/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ATA and ATAPI drives, their channels, and the PIIX3's IDE function. */
#ifndef HW_IDE_H
#define HW_IDE_H

#include "hw/pci.h"

#define IDE_CHANNELS 2
#define IDE_UNITS 2 /* drives on one channel */

extern const DeviceType piix3_ide_type;
extern const DeviceType ide_hd_type;
extern const DeviceType ide_cd_type;

/** piix3_ide_connect() - the interrupt lines of both channels (14 and 15) */
void piix3_ide_connect(Device *ide, IrqLine *const out[IDE_CHANNELS]);
/**
 * piix3_ide_attach() - put a drive on a channel, before it is realized
 * @channel, @unit: -1: the first free place
 */
bool piix3_ide_attach(Device *ide, Device *drive, int channel, int unit,
                      GError **error);
/** piix3_ide_drive() - NULL: nothing there */
Device *piix3_ide_drive(const Device *ide, unsigned channel, unsigned unit);
/** ide_drive_place() - "bus" and "unit" as a person gave them; -1: any */
bool ide_drive_place(const Device *drive, int *channel, int *unit,
                     GError **error);

#endif
