/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables and the script by which firmware puts them into memory: files
 * etc/acpi/rsdp, etc/acpi/tables and etc/table-loader of fw_cfg.
 * Source: ACPI 2.0c and 6.0, chapter 5.
 */
#ifndef HW_ACPI_BUILD_H
#define HW_ACPI_BUILD_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_RSDP_FILE "etc/acpi/rsdp"
#define ACPI_TABLES_FILE "etc/acpi/tables"
#define ACPI_LOADER_FILE "etc/table-loader"

typedef struct AcpiBuild {
    GByteArray *rsdp;   /* owned */
    GByteArray *tables; /* owned */
    GByteArray *loader; /* owned */
    GArray *roots;      /* owned: uint32_t offsets listed by RSDT and XSDT */
} AcpiBuild;

void acpi_build_init(AcpiBuild *b);
void acpi_build_fini(AcpiBuild *b);

void acpi_put(AcpiBuild *b, uint64_t v, unsigned size); /* little-endian */
void acpi_put_bytes(AcpiBuild *b, const void *data, size_t size);
/** acpi_put_gas() - generic address structure; @space 0: memory, 1: I/O */
void acpi_put_gas(AcpiBuild *b, unsigned space, unsigned bits, uint64_t addr);
/** acpi_begin() - header of a table; returns its offset */
uint32_t acpi_begin(AcpiBuild *b, const char signature[4], unsigned revision);
/** acpi_end() - length, and the checksum when firmware has moved the tables */
void acpi_end(AcpiBuild *b, uint32_t table);
/** acpi_list() - a table that RSDT and XSDT point to */
void acpi_list(AcpiBuild *b, uint32_t table);
/** acpi_point() - the @size bytes at @at of the tables hold offset @to */
void acpi_point(AcpiBuild *b, uint32_t at, uint32_t to, unsigned size);
/** acpi_align() - zeroes up to a multiple of @bytes */
void acpi_align(AcpiBuild *b, unsigned bytes);
/** acpi_finish() - RSDT, XSDT and RSDP */
void acpi_finish(AcpiBuild *b);

#endif
