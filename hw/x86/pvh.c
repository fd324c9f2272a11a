/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -kernel with an ELF kernel that has a PVH entry (a Linux vmlinux, Xen).
 * Source: the PVH boot ABI ("x86/HVM direct boot ABI", pvh.7 of Xen's
 * documents). Not modelled: the address of the RSDP (kernels look for it).
 */
#include "core/bytes.h"
#include "firmware/boot_roms.h"
#include "hw/fw_cfg.h"
#include "hw/x86/elf_image.h"
#include "hw/x86/pc_priv.h"

#define NOTE_OWNER "Xen"
#define NOTE_ENTRY 18 /* 32-bit physical entry point */

/* The start information; the ROM puts the memory map behind it. */
#define INFO_ADDR 0x9000u
#define INFO_BYTES 56u
#define INFO_MAGIC 0x336ec578u
#define INFO_MODULES 12
#define INFO_MODULE_LIST 16
#define INFO_CMDLINE 24
#define MODULE_BYTES 32u

static uint32_t page_up(uint64_t v)
{
    return (uint32_t)((v + GUEST_PAGE_SIZE - 1) & ~(GUEST_PAGE_SIZE - 1ull));
}

/* Behind the image: list of modules (one at most), command line, initrd. */
static bool build_high(Pc *pc, const MachineConfig *cfg, GByteArray *high,
                       uint32_t base, uint8_t *info, GError **error)
{
    const char *line = cfg->append ? cfg->append : "";
    g_autoptr(GBytes) initrd = NULL;
    size_t size;

    g_byte_array_set_size(high, MODULE_BYTES);
    memset(high->data, 0, MODULE_BYTES);
    st_le64(info + INFO_CMDLINE, base + high->len);
    g_byte_array_append(high, (const uint8_t *)line, (guint)strlen(line) + 1);
    if (!cfg->initrd) {
        return true;
    }
    initrd = machine_blob_load(pc->m.dev.vm, cfg, "initrd", BLOB_PAYLOAD,
                               cfg->initrd, error);
    if (!initrd) {
        return false;
    }
    size = g_bytes_get_size(initrd);
    if (size > ELF_IMAGE_MAX) {
        return fail(error, "-initrd %s: larger than 1 GiB", cfg->initrd);
    }
    while (high->len % GUEST_PAGE_SIZE) {
        g_byte_array_append(high, (const uint8_t *)"", 1);
    }
    st_le32(info + INFO_MODULES, 1);
    st_le64(info + INFO_MODULE_LIST, base);
    st_le64(high->data, base + high->len);
    st_le64(high->data + 8, size);
    g_byte_array_append(high, g_bytes_get_data(initrd, NULL), (guint)size);
    return true;
}

static void add_items(Pc *pc, uint64_t load, uint64_t entry,
                      const GByteArray *image, uint32_t base,
                      const GByteArray *high, const uint8_t *info)
{
    Device *fw = pc->fw_cfg;

    fw_cfg_add_u32(fw, FW_CFG_KERNEL_ADDR, (uint32_t)load);
    fw_cfg_add_u32(fw, FW_CFG_KERNEL_SIZE, image->len);
    fw_cfg_add_u32(fw, FW_CFG_KERNEL_ENTRY, (uint32_t)entry);
    fw_cfg_add_bytes(fw, FW_CFG_KERNEL_DATA, image->data, image->len);
    fw_cfg_add_u32(fw, FW_CFG_INITRD_ADDR, base);
    fw_cfg_add_u32(fw, FW_CFG_INITRD_SIZE, high->len);
    fw_cfg_add_bytes(fw, FW_CFG_INITRD_DATA, high->data, high->len);
    fw_cfg_add_u32(fw, FW_CFG_SETUP_ADDR, INFO_ADDR);
    fw_cfg_add_u32(fw, FW_CFG_SETUP_SIZE, INFO_BYTES);
    fw_cfg_add_bytes(fw, FW_CFG_SETUP_DATA, info, INFO_BYTES);
}

bool pvh_setup(Pc *pc, const MachineConfig *cfg, GBytes *kernel, bool *found,
               GError **error)
{
    g_autoptr(GByteArray) image = g_byte_array_new();
    g_autoptr(GByteArray) high = g_byte_array_new();
    uint8_t info[INFO_BYTES] = {0};
    uint64_t load, entry;
    const uint8_t *file;
    uint32_t base;
    size_t size;
    ElfImage e;

    file = g_bytes_get_data(kernel, &size);
    *found = elf_is(file, size);
    if (!*found) {
        return true;
    }
    if (!elf_parse(&e, file, size, error)) {
        return fail_prefix(error, "-kernel %s", cfg->kernel);
    }
    if (!elf_note(&e, NOTE_OWNER, NOTE_ENTRY, &entry)) {
        return fail(error,
                    "-kernel %s: an ELF kernel with neither a multiboot header "
                    "nor a PVH entry note",
                    cfg->kernel);
    }
    if (!elf_load(&e, image, &load, error)) {
        return fail_prefix(error, "-kernel %s", cfg->kernel);
    }
    base = page_up(load + image->len);
    st_le32(info, INFO_MAGIC);
    st_le32(info + 4, 1); /* version */
    if (!build_high(pc, cfg, high, base, info, error)) {
        return false;
    }
    if ((uint64_t)base + high->len > pc->ram.below_4g) {
        return fail(error,
                    "-kernel %s: kernel and initrd do not fit into %" PRIu64
                    " MiB of memory",
                    cfg->kernel, pc->ram.below_4g >> 20);
    }
    add_items(pc, load, entry, image, base, high, info);
    return pc_add_boot_rom(pc, cfg, "pvh.bin", optionrom_pvh,
                           optionrom_pvh_size, error);
}
