/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DSDT of the pc board, compiled by iasl. */
#ifndef FIRMWARE_ACPI_PC_H
#define FIRMWARE_ACPI_PC_H

#include <stddef.h>

extern const unsigned char acpi_pc_dsdt[];
extern const size_t acpi_pc_dsdt_size;

#endif
