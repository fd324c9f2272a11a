/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI tables and their loader script. */
#include "hw/acpi_build.h"

#include <string.h>

#include "core/bytes.h"

#define HEADER_BYTES 36
#define HEADER_LENGTH 4
#define HEADER_CHECKSUM 9
#define TABLES_ALIGN 64 /* FACS */
#define RSDP_ALIGN 16
#define RSDP_BYTES 36
#define RSDP_V1_BYTES 20

/* One command of the loader script: fixed size, zero filled. */
#define COMMAND_BYTES 128
#define FILE_BYTES 56
#define COMMAND_ALLOCATE 1
#define COMMAND_ADD_POINTER 2
#define COMMAND_ADD_CHECKSUM 3
#define ZONE_HIGH 1
#define ZONE_FSEG 2

static uint8_t *command(AcpiBuild *b, uint32_t what)
{
    guint at = b->loader->len;

    g_byte_array_set_size(b->loader, at + COMMAND_BYTES);
    memset(b->loader->data + at, 0, COMMAND_BYTES);
    st_le32(b->loader->data + at, what);
    return b->loader->data + at + 4;
}

static void put_name(uint8_t *at, const char *file)
{
    g_strlcpy((char *)at, file, FILE_BYTES);
}

static void add_allocate(AcpiBuild *b, const char *file, uint32_t align,
                         uint8_t zone)
{
    uint8_t *c = command(b, COMMAND_ALLOCATE);

    put_name(c, file);
    st_le32(c + FILE_BYTES, align);
    c[FILE_BYTES + 4] = zone;
}

static void add_pointer(AcpiBuild *b, const char *file, uint32_t at,
                        unsigned size)
{
    uint8_t *c = command(b, COMMAND_ADD_POINTER);

    put_name(c, file);
    put_name(c + FILE_BYTES, ACPI_TABLES_FILE);
    st_le32(c + 2 * FILE_BYTES, at);
    c[2 * FILE_BYTES + 4] = (uint8_t)size;
}

static void add_checksum(AcpiBuild *b, const char *file, uint32_t at,
                         uint32_t start, uint32_t size)
{
    uint8_t *c = command(b, COMMAND_ADD_CHECKSUM);

    put_name(c, file);
    st_le32(c + FILE_BYTES, at);
    st_le32(c + FILE_BYTES + 4, start);
    st_le32(c + FILE_BYTES + 8, size);
}

void acpi_build_init(AcpiBuild *b)
{
    b->rsdp = g_byte_array_new();
    b->tables = g_byte_array_new();
    b->loader = g_byte_array_new();
    b->roots = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    add_allocate(b, ACPI_RSDP_FILE, RSDP_ALIGN, ZONE_FSEG);
    add_allocate(b, ACPI_TABLES_FILE, TABLES_ALIGN, ZONE_HIGH);
}

void acpi_build_fini(AcpiBuild *b)
{
    g_byte_array_free(b->rsdp, TRUE);
    g_byte_array_free(b->tables, TRUE);
    g_byte_array_free(b->loader, TRUE);
    g_array_free(b->roots, TRUE);
}

void acpi_put(AcpiBuild *b, uint64_t v, unsigned size)
{
    uint8_t le[8];

    st_le64(le, v);
    g_byte_array_append(b->tables, le, size);
}

void acpi_put_bytes(AcpiBuild *b, const void *data, size_t size)
{
    g_byte_array_append(b->tables, data, (guint)size);
}

void acpi_put_gas(AcpiBuild *b, unsigned space, unsigned bits, uint64_t addr)
{
    acpi_put(b, space, 1);
    acpi_put(b, bits, 1);
    acpi_put(b, 0, 2); /* bit offset, access size */
    acpi_put(b, addr, 8);
}

void acpi_align(AcpiBuild *b, unsigned bytes)
{
    while (b->tables->len % bytes) {
        acpi_put(b, 0, 1);
    }
}

uint32_t acpi_begin(AcpiBuild *b, const char signature[4], unsigned revision)
{
    uint32_t at;

    acpi_align(b, 8);
    at = b->tables->len;
    acpi_put_bytes(b, signature, 4);
    acpi_put(b, 0, 4); /* length */
    acpi_put(b, revision, 1);
    acpi_put(b, 0, 1); /* checksum */
    acpi_put_bytes(b, "REPRIS", 6);
    acpi_put_bytes(b, "REPRPC  ", 8);
    acpi_put(b, 1, 4);
    acpi_put_bytes(b, "RPRS", 4);
    acpi_put(b, 1, 4);
    g_assert(b->tables->len == at + HEADER_BYTES);
    return at;
}

void acpi_end(AcpiBuild *b, uint32_t table)
{
    uint32_t size = b->tables->len - table;

    st_le32(b->tables->data + table + HEADER_LENGTH, size);
    add_checksum(b, ACPI_TABLES_FILE, table + HEADER_CHECKSUM, table, size);
}

void acpi_list(AcpiBuild *b, uint32_t table)
{
    g_array_append_val(b->roots, table);
}

void acpi_point(AcpiBuild *b, uint32_t at, uint32_t to, unsigned size)
{
    uint8_t le[8];

    st_le64(le, to);
    memcpy(b->tables->data + at, le, size);
    add_pointer(b, ACPI_TABLES_FILE, at, size);
}

static uint32_t put_root(AcpiBuild *b, const char signature[4], unsigned size)
{
    uint32_t table = acpi_begin(b, signature, 1);

    for (guint i = 0; i < b->roots->len; i++) {
        uint32_t at = b->tables->len;

        acpi_put(b, 0, size);
        acpi_point(b, at, g_array_index(b->roots, uint32_t, i), size);
    }
    acpi_end(b, table);
    return table;
}

/* ACPI 5.2.5.3; the first checksum covers the part that ACPI 1.0 knew. */
void acpi_finish(AcpiBuild *b)
{
    uint32_t rsdt = put_root(b, "RSDT", 4);
    uint32_t xsdt = put_root(b, "XSDT", 8);
    uint8_t r[RSDP_BYTES] = {0};

    memcpy(r, "RSD PTR ", 8);
    memcpy(r + 9, "REPRIS", 6);
    r[15] = 2;
    st_le32(r + 16, rsdt);
    st_le32(r + 20, RSDP_BYTES);
    st_le64(r + 24, xsdt);
    g_byte_array_append(b->rsdp, r, sizeof(r));
    add_pointer(b, ACPI_RSDP_FILE, 16, 4);
    add_pointer(b, ACPI_RSDP_FILE, 24, 8);
    add_checksum(b, ACPI_RSDP_FILE, 8, 0, RSDP_V1_BYTES);
    add_checksum(b, ACPI_RSDP_FILE, 32, 0, RSDP_BYTES);
}
