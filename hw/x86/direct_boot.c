/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -kernel, -initrd and -append: the kernel's parts become fw_cfg items, an
 * option ROM of ours copies them. Source: the kernel's x86 boot protocol
 * (version 2.02 and later, which all kernels since 2.4 speak).
 */
#include "core/bytes.h"
#include "firmware/boot_roms.h"
#include "hw/fw_cfg.h"
#include "hw/x86/pc_priv.h"

#define ROM_UNIT 512
#define ROM_PNP_PTR 0x1a
#define PNP_BYTES 32
#define PNP_SUM 9
#define MIB 0x100000ull

/* Where the parts go. */
#define SETUP_ADDR 0x10000u
#define CMDLINE_ADDR 0x20000u
#define CMDLINE_MAX 0x10000u
#define KERNEL_ADDR 0x100000u
#define INITRD_TOP_DEFAULT 0x37ffffffu
#define FIRMWARE_RESERVE MIB /* at the top of low RAM: the BIOS's own tables */
#define SECTOR 512u

/* The setup header. */
#define HDR_SETUP_SECTS 0x1f1
#define HDR_BOOT_FLAG 0x1fe
#define HDR_MAGIC 0x202
#define HDR_VERSION 0x206
#define HDR_TYPE_OF_LOADER 0x210
#define HDR_LOADFLAGS 0x211
#define HDR_RAMDISK_IMAGE 0x218
#define HDR_RAMDISK_SIZE 0x21c
#define HDR_HEAP_END 0x224
#define HDR_CMD_LINE_PTR 0x228
#define HDR_INITRD_ADDR_MAX 0x22c
#define HDR_CMDLINE_SIZE 0x238
#define HDR_END 0x268
#define LOADFLAGS_HIGH 0x01u
#define LOADFLAGS_HEAP 0x80u
#define LOADER_UNDEFINED 0xff
#define MAGIC_HDRS 0x53726448u

/* --- option ROMs ---------------------------------------------------------- */

static void balance(uint8_t *data, size_t size, size_t at)
{
    uint8_t sum = 0;

    data[at] = 0;
    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    data[at] = (uint8_t)(0 - sum);
}

bool pc_add_boot_rom(Pc *pc, const MachineConfig *cfg, const char *file,
                     const unsigned char *rom, size_t size, GError **error)
{
    size_t padded = (size / ROM_UNIT + 1) * ROM_UNIT; /* room for a sum */
    g_autofree uint8_t *image = g_malloc0(padded);
    g_autofree char *name = g_strconcat("genroms/", file, NULL);
    g_autoptr(GBytes) data = NULL;
    uint16_t pnp;

    memcpy(image, rom, size);
    g_assert(image[2] == padded / ROM_UNIT);
    pnp = ld_le16(image + ROM_PNP_PTR);
    balance(image + pnp, PNP_BYTES, PNP_SUM);
    balance(image, padded, padded - 1);
    data = machine_blob_made(pc->m.dev.vm, cfg, name, image, padded);
    g_ptr_array_insert(pc->boot_order, 0, g_strconcat("/rom@", name, NULL));
    return fw_cfg_add_file(pc->fw_cfg, name, data, error);
}

/* --- Linux ---------------------------------------------------------------- */

typedef struct LinuxImage {
    const uint8_t *data; /* borrowed: the file */
    size_t size;
    uint32_t setup_size;
    uint16_t version;
    uint32_t initrd_top; /* last byte it may use */
    uint32_t cmdline_max;
} LinuxImage;

static bool linux_parse(LinuxImage *k, GBytes *file, const char *path,
                        GError **error)
{
    k->data = g_bytes_get_data(file, &k->size);
    if (k->size < HDR_END || ld_le16(k->data + HDR_BOOT_FLAG) != 0xaa55
        || ld_le32(k->data + HDR_MAGIC) != MAGIC_HDRS) {
        return fail(error,
                    "-kernel %s: neither a Linux (bzImage) nor a "
                    "multiboot or PVH kernel",
                    path);
    }
    k->version = ld_le16(k->data + HDR_VERSION);
    if (k->version < 0x202 || !(k->data[HDR_LOADFLAGS] & LOADFLAGS_HIGH)) {
        return fail(error,
                    "-kernel %s: boot protocol %u.%u is too old "
                    "(2.02 with a bzImage is needed)",
                    path, k->version >> 8, k->version & 0xff);
    }
    k->setup_size = k->data[HDR_SETUP_SECTS] ? k->data[HDR_SETUP_SECTS] : 4;
    k->setup_size = (k->setup_size + 1) * SECTOR;
    if (k->setup_size >= k->size
        || k->setup_size > CMDLINE_ADDR - SETUP_ADDR - SECTOR) {
        return fail(error, "-kernel %s: damaged setup header", path);
    }
    k->initrd_top = INITRD_TOP_DEFAULT;
    if (k->version >= 0x203) {
        k->initrd_top = ld_le32(k->data + HDR_INITRD_ADDR_MAX);
    }
    k->cmdline_max = 255;
    if (k->version >= 0x206) {
        k->cmdline_max = MIN(ld_le32(k->data + HDR_CMDLINE_SIZE), CMDLINE_MAX);
    }
    return true;
}

/* The lowest page-aligned address from which @size bytes end at the top. */
static bool place_initrd(Pc *pc, const LinuxImage *k, size_t size,
                         uint32_t *addr, GError **error)
{
    uint64_t top = (uint64_t)k->initrd_top + 1;
    uint64_t kernel_end = KERNEL_ADDR + (uint64_t)(k->size - k->setup_size);

    if (pc->ram.below_4g > FIRMWARE_RESERVE) {
        top = MIN(top, pc->ram.below_4g - FIRMWARE_RESERVE);
    }
    if (size > top || top - size < kernel_end) {
        return fail(error,
                    "-initrd: %zu bytes and the kernel do not fit into "
                    "%" PRIu64 " MiB of memory",
                    size, pc->ram.below_4g >> 20);
    }
    *addr = (uint32_t)((top - size) & ~(uint64_t)(GUEST_PAGE_SIZE - 1));
    return true;
}

static bool add_initrd(Pc *pc, const MachineConfig *cfg, const LinuxImage *k,
                       uint8_t *setup, GError **error)
{
    g_autoptr(GBytes) data = machine_blob_load(
        pc->m.dev.vm, cfg, "initrd", BLOB_PAYLOAD, cfg->initrd, error);
    Device *fw = pc->fw_cfg;
    uint32_t addr = 0, size;

    if (!data || !place_initrd(pc, k, g_bytes_get_size(data), &addr, error)) {
        return false;
    }
    size = (uint32_t)g_bytes_get_size(data);
    st_le32(setup + HDR_RAMDISK_IMAGE, addr);
    st_le32(setup + HDR_RAMDISK_SIZE, size);
    fw_cfg_add_u32(fw, FW_CFG_INITRD_ADDR, addr);
    fw_cfg_add_u32(fw, FW_CFG_INITRD_SIZE, size);
    fw_cfg_add_blob(fw, FW_CFG_INITRD_DATA, data);
    return true;
}

static bool add_cmdline(Pc *pc, const MachineConfig *cfg, const LinuxImage *k,
                        GError **error)
{
    const char *text = cfg->append ? cfg->append : "";
    size_t size = strlen(text) + 1;
    Device *fw = pc->fw_cfg;

    if (size - 1 > k->cmdline_max) {
        return fail(error, "-append: %zu bytes, this kernel takes %u", size - 1,
                    k->cmdline_max);
    }
    fw_cfg_add_u32(fw, FW_CFG_CMDLINE_ADDR, CMDLINE_ADDR);
    fw_cfg_add_u32(fw, FW_CFG_CMDLINE_SIZE, (uint32_t)size);
    fw_cfg_add_bytes(fw, FW_CFG_CMDLINE_DATA, text, size);
    return true;
}

static void fill_header(const LinuxImage *k, uint8_t *setup)
{
    setup[HDR_TYPE_OF_LOADER] = LOADER_UNDEFINED;
    setup[HDR_LOADFLAGS] |= LOADFLAGS_HEAP;
    st_le16(setup + HDR_HEAP_END, CMDLINE_ADDR - SETUP_ADDR - SECTOR);
    st_le32(setup + HDR_CMD_LINE_PTR, CMDLINE_ADDR);
}

static bool linux_setup(Pc *pc, const MachineConfig *cfg, GBytes *file,
                        GError **error)
{
    Device *fw = pc->fw_cfg;
    g_autofree uint8_t *setup = NULL;
    g_autoptr(GBytes) kernel = NULL;
    LinuxImage k;

    if (!linux_parse(&k, file, cfg->kernel, error)) {
        return false;
    }
    setup = g_memdup2(k.data, k.setup_size);
    fill_header(&k, setup);
    if (!add_cmdline(pc, cfg, &k, error)
        || (cfg->initrd && !add_initrd(pc, cfg, &k, setup, error))) {
        return false;
    }
    if (!cfg->initrd) {
        fw_cfg_add_u32(fw, FW_CFG_INITRD_ADDR, 0);
        fw_cfg_add_u32(fw, FW_CFG_INITRD_SIZE, 0);
    }
    kernel = g_bytes_new_from_bytes(file, k.setup_size, k.size - k.setup_size);
    fw_cfg_add_u32(fw, FW_CFG_SETUP_ADDR, SETUP_ADDR);
    fw_cfg_add_u32(fw, FW_CFG_SETUP_SIZE, k.setup_size);
    fw_cfg_add_bytes(fw, FW_CFG_SETUP_DATA, setup, k.setup_size);
    fw_cfg_add_u32(fw, FW_CFG_KERNEL_ADDR, KERNEL_ADDR);
    fw_cfg_add_u32(fw, FW_CFG_KERNEL_SIZE, (uint32_t)g_bytes_get_size(kernel));
    fw_cfg_add_blob(fw, FW_CFG_KERNEL_DATA, kernel);
    return pc_add_boot_rom(pc, cfg, "linuxboot.bin", optionrom_linuxboot,
                           optionrom_linuxboot_size, error);
}

bool direct_boot_setup(Pc *pc, const MachineConfig *cfg, GError **error)
{
    g_autoptr(GBytes) file = NULL;
    bool found = false;

    if (!cfg->kernel) {
        if (cfg->initrd) {
            return fail(error, "-initrd: needs -kernel");
        }
        return !(cfg->append && *cfg->append)
               || fail(error, "-append: needs -kernel");
    }
    file = machine_blob_load(pc->m.dev.vm, cfg, "kernel", BLOB_PAYLOAD,
                             cfg->kernel, error);
    if (!file || !multiboot_setup(pc, cfg, file, &found, error)
        || (!found && !pvh_setup(pc, cfg, file, &found, error))) {
        return false;
    }
    return found || linux_setup(pc, cfg, file, error);
}
