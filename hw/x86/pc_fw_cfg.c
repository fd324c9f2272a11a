/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What firmware learns about the pc board: CMOS bytes (as the IBM PC/AT
 * Technical Reference and the BIOS use them) and fw_cfg items.
 */
#include "core/bytes.h"
#include "hw/fw_cfg.h"
#include "hw/hpet.h"
#include "hw/mc146818.h"
#include "hw/x86/pc_priv.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define E820_RAM 1
#define E820_ENTRY_BYTES 20
#define SERCON_PORT 0x3f8

/* --- CMOS ----------------------------------------------------------------- */

/* The firmware counts APIC ids, which have holes. */
static unsigned id_limit(const Pc *pc)
{
    return MAX(pc->max_cpus, pc->cpu[pc->cpus - 1]->apic_id + 1);
}

static void cmos16(Device *rtc, unsigned low, uint64_t v)
{
    mc146818_set_nvram(rtc, low, (uint8_t)v);
    mc146818_set_nvram(rtc, low + 1, (uint8_t)(v >> 8));
}

static unsigned boot_code(char c)
{
    switch (c) {
    case 'a':
    case 'b':
        return 1;
    case 'c':
        return 2;
    case 'd':
        return 3;
    case 'n':
        return 4;
    default:
        return 0;
    }
}

static void cmos_boot_order(Device *rtc, const char *order)
{
    unsigned code[3] = {0};

    for (unsigned i = 0; i < 3 && order[i]; i++) {
        code[i] = boot_code(order[i]);
    }
    mc146818_set_nvram(rtc, 0x3d, (uint8_t)(code[1] << 4 | code[0]));
    /* bit 0: do not look for a signature on floppies */
    mc146818_set_nvram(rtc, 0x38, (uint8_t)(code[2] << 4));
}

void pc_cmos_build(Pc *pc, const MachineConfig *cfg)
{
    Device *rtc = pc->rtc;
    uint64_t low = pc->ram.below_4g, high = pc->ram.above_4g / (64 * KIB);
    uint64_t extended = low > MIB ? (low - MIB) / KIB : 0;
    uint64_t above_16m = low > 16 * MIB ? (low - 16 * MIB) / (64 * KIB) : 0;

    cmos16(rtc, 0x15, 640);
    cmos16(rtc, 0x17, MIN(extended, 65535u));
    cmos16(rtc, 0x30, MIN(extended, 65535u));
    cmos16(rtc, 0x34, MIN(above_16m, 65535u));
    cmos16(rtc, 0x5b, high);
    mc146818_set_nvram(rtc, 0x5d, (uint8_t)(high >> 16));
    mc146818_set_nvram(rtc, 0x5f, (uint8_t)(pc->cpus - 1));
    mc146818_set_nvram(rtc, 0x14, 0x06); /* FPU, PS/2 mouse; no floppy */
    mc146818_set_nvram(rtc, 0x10, 0);
    mc146818_set_nvram(rtc, 0x12, 0);
    pc_ide_cmos(pc);
    cmos_boot_order(rtc, cfg->boot_order ? cfg->boot_order : "cad");
}

/* --- fw_cfg --------------------------------------------------------------- */

static bool add_file(Pc *pc, const char *name, const void *data, size_t size,
                     GError **error)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);

    return fw_cfg_add_file(pc->fw_cfg, name, bytes, error);
}

static void put_e820(GByteArray *out, uint64_t at, uint64_t size, uint32_t type)
{
    uint8_t e[E820_ENTRY_BYTES];

    st_le64(e, at);
    st_le64(e + 8, size);
    st_le32(e + 16, type);
    g_byte_array_append(out, e, sizeof(e));
}

static bool add_e820(Pc *pc, GError **error)
{
    g_autoptr(GByteArray) map = g_byte_array_new();

    put_e820(map, 0, pc->ram.below_4g, E820_RAM);
    if (pc->ram.above_4g > 0) {
        put_e820(map, 4 * GIB, pc->ram.above_4g, E820_RAM);
    }
    return add_file(pc, "etc/e820", map->data, map->len, error);
}

static bool add_boot_files(Pc *pc, const MachineConfig *cfg, GError **error)
{
    g_autoptr(GString) order = g_string_new(NULL);
    uint8_t v[8];

    if (!pc_ide_boot_order(pc, error)) {
        return false;
    }
    if (cfg->boot_strict) {
        g_ptr_array_add(pc->boot_order, g_strdup("HALT"));
    }
    for (guint i = 0; i < pc->boot_order->len; i++) {
        g_string_append_printf(order, "%s%s", i ? "\n" : "",
                               (char *)g_ptr_array_index(pc->boot_order, i));
    }
    if (order->len > 0
        && !add_file(pc, "bootorder", order->str, order->len + 1, error)) {
        return false;
    }
    st_le16(v, (uint16_t)cfg->boot_menu_timeout_ms);
    if (cfg->boot_menu_timeout_ms > 0
        && !add_file(pc, "etc/boot-menu-wait", v, 2, error)) {
        return false;
    }
    st_le16(v, SERCON_PORT);
    if (!pc->has_vga && pc->serial_mask & 1
        && (cfg->nographic || cfg->graphics_off)
        && !add_file(pc, "etc/sercon-port", v, 2, error)) {
        return false;
    }
    st_le64(v, id_limit(pc));
    return add_file(pc, "etc/max-cpus", v, 8, error);
}

/* -boot splash=, reboot-timeout= */
static bool add_start_files(Pc *pc, const MachineConfig *cfg, GError **error)
{
    uint8_t v[4];

    if (cfg->boot_splash) {
        bool bmp = g_str_has_suffix(cfg->boot_splash, ".bmp");
        g_autoptr(GBytes) picture =
            machine_blob_load(pc->m.dev.vm, cfg, "boot-splash", BLOB_PAYLOAD,
                              cfg->boot_splash, error);

        if (!picture
            || !fw_cfg_add_file(pc->fw_cfg,
                                bmp ? "bootsplash.bmp" : "bootsplash.jpg",
                                picture, error)) {
            return fail_prefix(error, "-boot splash=%s", cfg->boot_splash);
        }
    }
    st_le32(v, (uint32_t)cfg->reboot_timeout_ms);
    return !cfg->has_reboot_timeout
           || add_file(pc, "etc/boot-fail-wait", v, sizeof(v), error);
}

/* -option-rom */
static bool add_option_roms(Pc *pc, const MachineConfig *cfg, GError **error)
{
    for (unsigned i = 0; i < cfg->option_rom_count; i++) {
        const char *file = cfg->option_roms[i];
        g_autofree char *base = g_path_get_basename(file);
        g_autofree char *name = g_strconcat("genroms/", base, NULL);
        g_autoptr(GBytes) rom = machine_blob_load(pc->m.dev.vm, cfg, name,
                                                  BLOB_FIRMWARE, file, error);

        if (!rom || !fw_cfg_add_file(pc->fw_cfg, name, rom, error)) {
            return fail_prefix(error, "-option-rom %s", file);
        }
    }
    return true;
}

static void add_numbers(Pc *pc, const MachineConfig *cfg)
{
    Device *fw = pc->fw_cfg;
    unsigned limit = id_limit(pc);
    g_autofree uint8_t *numa = g_malloc0(8 * (1 + limit));

    fw_cfg_add_bytes(fw, FW_CFG_UUID, cfg->uuid, sizeof(cfg->uuid));
    fw_cfg_add_u64(fw, FW_CFG_RAM_SIZE, cfg->ram_bytes);
    fw_cfg_add_u16(fw, FW_CFG_NOGRAPHIC, cfg->nographic);
    fw_cfg_add_u16(fw, FW_CFG_NB_CPUS, (uint16_t)pc->cpus);
    fw_cfg_add_u16(fw, FW_CFG_MAX_CPUS, (uint16_t)limit);
    fw_cfg_add_u16(fw, FW_CFG_BOOT_DEVICE,
                   (uint16_t)(cfg->boot_order && *cfg->boot_order
                                  ? cfg->boot_order[0]
                                  : 'c'));
    fw_cfg_add_u16(fw, FW_CFG_BOOT_MENU, cfg->boot_menu);
    fw_cfg_add_u32(fw, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_bytes(fw, FW_CFG_NUMA, numa, 8 * (1 + limit));
}

/* -fw_cfg name=...,file=...|string=... */
static bool add_user_files(Pc *pc, const MachineConfig *cfg, GError **error)
{
    for (unsigned i = 0; i < cfg->fw_cfg_count; i++) {
        const FwCfgSpec *s = &cfg->fw_cfg[i];
        g_autoptr(GBytes) data = NULL;

        if (s->file) {
            data = machine_blob_load(pc->m.dev.vm, cfg, s->name, BLOB_PAYLOAD,
                                     s->file, error);
        } else {
            data = g_bytes_new(s->string, strlen(s->string));
        }
        if (!data || !fw_cfg_add_file(pc->fw_cfg, s->name, data, error)) {
            return fail_prefix(error, "-fw_cfg name=%s", s->name);
        }
    }
    return true;
}

bool pc_fw_cfg_build(Pc *pc, const MachineConfig *cfg, GError **error)
{
    add_numbers(pc, cfg);
    return add_e820(pc, error) && add_boot_files(pc, cfg, error)
           && add_start_files(pc, cfg, error) && add_option_roms(pc, cfg, error)
           && add_user_files(pc, cfg, error);
}
