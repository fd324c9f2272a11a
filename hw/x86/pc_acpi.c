/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables of the pc board. Source: ACPI 2.0c chapters 5 and 17; IA-PC HPET
 * Specification 1.0a, 3.2.4. Not modelled: S1 to S4, CPU and PCI hotplug.
 */
#include <string.h>

#include "config.h"
#include "core/bytes.h"
#include "hw/acpi_build.h"
#include "hw/apic.h"
#include "hw/fw_cfg.h"
#include "hw/hpet.h"
#include "hw/piix4_pm.h"
#include "hw/x86/pc_priv.h"

#if CONFIG_IASL
#include "firmware/acpi_pc.h"

#define GIB 0x40000000ull
#define AML_NAME_OP 0x08
#define AML_DWORD 0x0c
#define AML_SCOPE_OP 0x10
#define FACS_BYTES 64
#define DSDT_HEADER 36
#define HAVE_HPET 0x100u

/* FADT offsets that hold pointers, 5.2.9 */
#define FADT_FACS 36
#define FADT_DSDT 40
#define FADT_X_DSDT 140

/* MADT flags of an interrupt override, 5.2.12.5: active high, level */
#define OVERRIDE_LEVEL_HIGH 0x0dul

/* --- DSDT ----------------------------------------------------------------- */

/* The value of Name (NAME, constant), whose AML is the name operator, the name,
 * and a 32-bit constant. */
static void patch_name(uint8_t *aml, size_t len, const char *name, uint32_t v)
{
    uint8_t want[6] = {AML_NAME_OP};

    memcpy(want + 1, name, 4);
    want[5] = AML_DWORD;
    for (size_t i = 0; i + sizeof(want) + 4 <= len; i++) {
        if (memcmp(aml + i, want, sizeof(want)) == 0) {
            st_le32(aml + i + sizeof(want), v);
            return;
        }
    }
    g_assert_not_reached();
}

static uint64_t pci64_first(const Pc *pc)
{
    return (4 * GIB + pc->ram.above_4g + GIB - 1) & ~(GIB - 1);
}

static uint32_t put_dsdt(AcpiBuild *b, const Pc *pc, bool window64)
{
    uint32_t table = acpi_begin(b, "DSDT", 2);
    size_t len = acpi_pc_dsdt_size - DSDT_HEADER;
    uint64_t first = pci64_first(pc);
    uint64_t last = window64 ? first + PC_PCI64_BYTES - 1 : 0;
    uint8_t *aml;

    acpi_put_bytes(b, acpi_pc_dsdt + DSDT_HEADER, len);
    aml = b->tables->data + table + DSDT_HEADER;
    patch_name(aml, len, "P32L", (uint32_t)MAX(pc->ram.below_4g, 0x80000000u));
    patch_name(aml, len, "P6LL", (uint32_t)first);
    patch_name(aml, len, "P6LH", (uint32_t)(first >> 32));
    patch_name(aml, len, "P6HL", (uint32_t)last);
    patch_name(aml, len, "P6HH", (uint32_t)(last >> 32));
    patch_name(aml, len, "HAVE",
               pc->serial_mask | (pc->hpet_dev ? HAVE_HPET : 0));
    acpi_end(b, table);
    return table;
}

/* --- SSDT: one Processor object each --------------------------------------- */

static void put_pkg_length(GByteArray *out, uint32_t body)
{
    uint8_t lead[3];

    /* the length counts its own bytes, ACPI 17.2.4 */
    if (body + 1 < 0x40) {
        lead[0] = (uint8_t)(body + 1);
        g_byte_array_append(out, lead, 1);
    } else if (body + 2 < 0x1000) {
        lead[0] = (uint8_t)(0x40 | ((body + 2) & 15));
        lead[1] = (uint8_t)((body + 2) >> 4);
        g_byte_array_append(out, lead, 2);
    } else {
        lead[0] = (uint8_t)(0x80 | ((body + 3) & 15));
        lead[1] = (uint8_t)((body + 3) >> 4);
        lead[2] = (uint8_t)((body + 3) >> 12);
        g_byte_array_append(out, lead, 3);
    }
}

static void put_ssdt(AcpiBuild *b, const Pc *pc)
{
    uint32_t table = acpi_begin(b, "SSDT", 1);
    g_autoptr(GByteArray) body = g_byte_array_new();
    g_autoptr(GByteArray) scope = g_byte_array_new();

    g_byte_array_append(body, (const uint8_t *)"\\_SB_", 5);
    for (unsigned i = 0; i < pc->cpus; i++) {
        g_autofree char *name = g_strdup_printf("C%03X", i);
        uint8_t rest[6] = {(uint8_t)i}; /* id, P_BLK address and length */

        g_byte_array_append(body, (const uint8_t *)"\x5b\x83", 2);
        put_pkg_length(body, 4 + sizeof(rest));
        g_byte_array_append(body, (const uint8_t *)name, 4);
        g_byte_array_append(body, rest, sizeof(rest));
    }
    put_pkg_length(scope, body->len);
    acpi_put(b, AML_SCOPE_OP, 1);
    acpi_put_bytes(b, scope->data, scope->len);
    acpi_put_bytes(b, body->data, body->len);
    acpi_end(b, table);
    acpi_list(b, table);
}

/* --- fixed tables ---------------------------------------------------------- */

static uint32_t put_facs(AcpiBuild *b)
{
    uint32_t at;

    acpi_align(b, FACS_BYTES);
    at = b->tables->len;
    acpi_put_bytes(b, "FACS", 4);
    acpi_put(b, FACS_BYTES, 4);
    while (b->tables->len < at + FACS_BYTES) {
        acpi_put(b, 0, 8);
    }
    return at;
}

typedef struct FixedField {
    uint32_t value;
    uint8_t size;
} FixedField;

/* clang-format off */
/* FADT from offset 44 to 115, 5.2.9 */
static const FixedField fadt_fields[] = {
    {0, 1}, {0, 1},                    /* interrupt model, profile */
    {PC_SCI_IRQ, 2},
    {PIIX4_PM_APM_CTRL, 4}, {PIIX4_PM_ACPI_ENABLE, 1}, {PIIX4_PM_ACPI_DISABLE, 1},
    {0, 1}, {0, 1},                    /* S4BIOS, P-states */
    {PIIX4_PM_BASE, 4}, {0, 4},        /* PM1a, PM1b events */
    {PIIX4_PM_BASE + 4, 4}, {0, 4},    /* PM1a, PM1b control */
    {0, 4}, {PIIX4_PM_BASE + 8, 4},    /* PM2 control, PM timer */
    {PIIX4_PM_BASE + 12, 4}, {0, 4},   /* GPE0, GPE1 */
    {4, 1}, {2, 1}, {0, 1}, {4, 1}, {4, 1}, {0, 1}, /* their lengths */
    {0, 1}, {0, 1},                    /* GPE1 base, C-states */
    {0xfff, 2}, {0xfff, 2},            /* no C2, no C3 */
    {0, 2}, {0, 2}, {0, 1}, {0, 1},    /* flush, duty cycle */
    {0, 1}, {0, 1}, {0x32, 1},         /* alarms; century byte */
    {0x0003, 2}, {0, 1},               /* legacy devices, 8042 */
    {0x8465, 4},                       /* WBINVD, C1, no sleep button, no RTC
                                          status bit, reset register, use the
                                          platform clock */
};
/* clang-format on */

static void put_fadt(AcpiBuild *b, uint32_t facs, uint32_t dsdt)
{
    uint32_t table = acpi_begin(b, "FACP", 3);

    acpi_put(b, 0, 8); /* FACS, DSDT */
    for (unsigned i = 0; i < G_N_ELEMENTS(fadt_fields); i++) {
        acpi_put(b, fadt_fields[i].value, fadt_fields[i].size);
    }
    acpi_put_gas(b, 1, 8, 0xcf9);
    acpi_put(b, 0x06, 1); /* what to write there */
    acpi_put(b, 0, 3);
    acpi_put(b, 0, 8); /* X_FACS */
    acpi_put(b, 0, 8); /* X_DSDT */
    acpi_put_gas(b, 1, 32, PIIX4_PM_BASE);
    acpi_put_gas(b, 0, 0, 0);
    acpi_put_gas(b, 1, 16, PIIX4_PM_BASE + 4);
    acpi_put_gas(b, 0, 0, 0);
    acpi_put_gas(b, 0, 0, 0);
    acpi_put_gas(b, 1, 32, PIIX4_PM_BASE + 8);
    acpi_put_gas(b, 1, 32, PIIX4_PM_BASE + 12);
    acpi_put_gas(b, 0, 0, 0);
    acpi_point(b, table + FADT_FACS, facs, 4);
    acpi_point(b, table + FADT_DSDT, dsdt, 4);
    acpi_point(b, table + FADT_X_DSDT, dsdt, 8);
    acpi_end(b, table);
    acpi_list(b, table);
}

static void put_override(AcpiBuild *b, unsigned irq, unsigned gsi,
                         unsigned flags)
{
    acpi_put(b, 2, 1);
    acpi_put(b, 10, 1);
    acpi_put(b, 0, 1); /* ISA */
    acpi_put(b, irq, 1);
    acpi_put(b, gsi, 4);
    acpi_put(b, flags, 2);
}

static void put_madt(AcpiBuild *b, const Pc *pc)
{
    uint32_t table = acpi_begin(b, "APIC", 1);
    static const uint8_t level[] = {5, PC_SCI_IRQ, 10, 11};

    acpi_put(b, APIC_DEFAULT_BASE, 4);
    acpi_put(b, 1, 4); /* there are 8259s */
    for (unsigned i = 0; i < pc->cpus; i++) {
        acpi_put(b, 0, 1);
        acpi_put(b, 8, 1);
        acpi_put(b, i, 1);
        acpi_put(b, pc->cpu[i]->apic_id, 1);
        acpi_put(b, 1, 4);
    }
    acpi_put(b, 1, 1);
    acpi_put(b, 12, 1);
    acpi_put(b, PC_IOAPIC_ID, 1);
    acpi_put(b, 0, 1);
    acpi_put(b, IOAPIC_DEFAULT_BASE, 4);
    acpi_put(b, 0, 4);
    put_override(b, 0, 2, 0);
    for (unsigned i = 0; i < sizeof(level); i++) {
        put_override(b, level[i], level[i], OVERRIDE_LEVEL_HIGH);
    }
    acpi_put(b, 4, 1); /* NMI: LINT1 of all */
    acpi_put(b, 6, 1);
    acpi_put(b, 0xff, 1);
    acpi_put(b, 0, 2);
    acpi_put(b, 1, 1);
    acpi_end(b, table);
    acpi_list(b, table);
}

static void put_hpet(AcpiBuild *b)
{
    uint32_t table = acpi_begin(b, "HPET", 1);

    acpi_put(b, HPET_BLOCK_ID, 4);
    acpi_put_gas(b, 0, 0, HPET_DEFAULT_BASE);
    acpi_put(b, 0, 1); /* number */
    acpi_put(b, 0, 2); /* least tick of periodic mode */
    acpi_put(b, 0, 1);
    acpi_end(b, table);
    acpi_list(b, table);
}

static void put_waet(AcpiBuild *b)
{
    uint32_t table = acpi_begin(b, "WAET", 1);

    acpi_put(b, 2, 4); /* one read of the PM timer is enough */
    acpi_end(b, table);
    acpi_list(b, table);
}

static bool add_file(Pc *pc, const MachineConfig *cfg, const char *name,
                     const GByteArray *data, GError **error)
{
    g_autoptr(GBytes) bytes =
        machine_blob_made(pc->m.dev.vm, cfg, name, data->data, data->len);

    return fw_cfg_add_file(pc->fw_cfg, name, bytes, error);
}

bool pc_acpi_build(Pc *pc, const MachineConfig *cfg, GError **error)
{
    AcpiBuild b;
    uint32_t facs, dsdt;
    bool good;

    acpi_build_init(&b);
    facs = put_facs(&b);
    dsdt = put_dsdt(&b, pc, cfg->long_mode || pc->ram.above_4g > 0);
    put_fadt(&b, facs, dsdt);
    put_ssdt(&b, pc);
    put_madt(&b, pc);
    if (pc->hpet_dev) {
        put_hpet(&b);
    }
    put_waet(&b);
    acpi_finish(&b);
    good = add_file(pc, cfg, ACPI_RSDP_FILE, b.rsdp, error)
           && add_file(pc, cfg, ACPI_TABLES_FILE, b.tables, error)
           && add_file(pc, cfg, ACPI_LOADER_FILE, b.loader, error);
    acpi_build_fini(&b);
    return good;
}

#else

bool pc_acpi_build(Pc *pc, const MachineConfig *cfg, GError **error)
{
    return true; /* built without iasl */
}

#endif
