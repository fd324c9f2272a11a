/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our option ROMs for -kernel, without padding and checksum. */
#ifndef FIRMWARE_BOOT_ROMS_H
#define FIRMWARE_BOOT_ROMS_H

#include <stddef.h>

extern const unsigned char optionrom_linuxboot[];
extern const size_t optionrom_linuxboot_size;
extern const unsigned char optionrom_multiboot[];
extern const size_t optionrom_multiboot_size;
extern const unsigned char optionrom_pvh[];
extern const size_t optionrom_pvh_size;

#endif
