/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -kernel with a multiboot kernel. Source: Multiboot Specification 0.6.96;
 * System V ABI (ELF). Not modelled: video modes, drives, APM and symbol tables.
 */
#include "core/bytes.h"
#include "firmware/boot_roms.h"
#include "hw/fw_cfg.h"
#include "hw/x86/elf_image.h"
#include "hw/x86/pc_priv.h"

#define SEARCH_BYTES 8192u
#define MAGIC 0x1badb002u
#define HEADER_BYTES 12u
#define HEADER_ADDR_BYTES 32u
#define WANTS_ADDRESSES 0x10000u
#define WANTS_VIDEO 0x4u

/* Information block, section 3.3; the ROM puts the memory map behind it. */
#define INFO_ADDR 0x9000u
#define INFO_BYTES 88u
#define INFO_FLAGS 0
#define INFO_MEM_LOWER 4
#define INFO_MEM_UPPER 8
#define INFO_CMDLINE 16
#define INFO_MODS_COUNT 20
#define INFO_MODS_ADDR 24
#define INFO_LOADER_NAME 64
#define FLAG_MEM 0x001u
#define FLAG_CMDLINE 0x004u
#define FLAG_MODS 0x008u
#define FLAG_LOADER_NAME 0x200u
#define MOD_BYTES 16u

typedef struct MbImage {
    const char *path;
    const uint8_t *file; /* borrowed: the kernel */
    size_t size;
    uint32_t header_at, flags;
    uint64_t load, entry;
    GByteArray *image; /* owned */
} MbImage;

static bool find_header(MbImage *k)
{
    size_t end = MIN(k->size, SEARCH_BYTES);

    for (size_t at = 0; at + HEADER_BYTES <= end; at += 4) {
        uint32_t magic = ld_le32(k->file + at);
        uint32_t flags = ld_le32(k->file + at + 4);
        uint32_t sum = ld_le32(k->file + at + 8);

        if (magic == MAGIC && magic + flags + sum == 0) {
            k->header_at = (uint32_t)at;
            k->flags = flags;
            return true;
        }
    }
    return false;
}

static bool damaged(const MbImage *k, const char *what, GError **error)
{
    return fail(error, "-kernel %s: damaged multiboot kernel: %s", k->path,
                what);
}

/* Section 3.1.3: addresses in the header instead of ELF. */
static bool load_by_addresses(MbImage *k, GError **error)
{
    const uint8_t *h = k->file + k->header_at;
    uint64_t header, load, load_end, bss_end, from, size;

    if (k->header_at + HEADER_ADDR_BYTES > k->size) {
        return damaged(k, "header cut off", error);
    }
    header = ld_le32(h + 12);
    load = ld_le32(h + 16);
    load_end = ld_le32(h + 20);
    bss_end = ld_le32(h + 24);
    if (load > header || header - load > k->header_at) {
        return damaged(k, "load address", error);
    }
    from = k->header_at - (header - load);
    size = load_end ? load_end - load : k->size - from;
    if ((load_end && load_end < load) || size > k->size - from) {
        return damaged(k, "load end address", error);
    }
    bss_end = MAX(bss_end, load + size);
    if (bss_end - load > ELF_IMAGE_MAX) {
        return damaged(k, "larger than 1 GiB", error);
    }
    k->load = load;
    k->entry = ld_le32(h + 28);
    g_byte_array_append(k->image, k->file + from, (guint)size);
    g_byte_array_set_size(k->image, (guint)(bss_end - load));
    memset(k->image->data + size, 0, bss_end - load - size);
    return true;
}

static bool load_elf(MbImage *k, GError **error)
{
    ElfImage e;

    if (!elf_parse(&e, k->file, k->size, error)) {
        return fail_prefix(error, "-kernel %s: damaged multiboot kernel",
                           k->path);
    }
    if (e.wide) {
        return fail(error,
                    "-kernel %s: a 64-bit multiboot kernel, a 32-bit "
                    "one is needed",
                    k->path);
    }
    if (!elf_load(&e, k->image, &k->load, error)) {
        return fail_prefix(error, "-kernel %s: damaged multiboot kernel",
                           k->path);
    }
    k->entry = e.entry;
    return true;
}

/* --- modules and strings -------------------------------------------------- */

static uint32_t page_up(uint64_t v)
{
    return (uint32_t)((v + GUEST_PAGE_SIZE - 1) & ~(GUEST_PAGE_SIZE - 1ull));
}

static uint32_t put_string(GByteArray *out, uint32_t base, const char *text)
{
    uint32_t at = base + out->len;

    g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text) + 1);
    return at;
}

static void pad_page(GByteArray *out)
{
    guint old = out->len;

    g_byte_array_set_size(out, page_up(old));
    memset(out->data + old, 0, out->len - old);
}

/* One "file arguments"; its row of the module table is @row. */
static bool add_module(Pc *pc, const MachineConfig *cfg, const char *text,
                       GByteArray *high, uint32_t base, uint32_t row,
                       GError **error)
{
    g_autofree char *path = g_strndup(text, strcspn(text, " "));
    g_autofree char *name = g_strconcat("module:", path, NULL);
    g_autoptr(GBytes) data =
        machine_blob_load(pc->m.dev.vm, cfg, name, BLOB_PAYLOAD, path, error);
    uint32_t start, string, size;

    if (!data) {
        return false;
    }
    string = put_string(high, base, text);
    pad_page(high);
    start = base + high->len;
    size = (uint32_t)g_bytes_get_size(data);
    g_byte_array_append(high, g_bytes_get_data(data, NULL), size);
    st_le32(high->data + row, start);
    st_le32(high->data + row + 4, start + size);
    st_le32(high->data + row + 8, string);
    st_le32(high->data + row + 12, 0);
    return true;
}

/* What lies behind the image: module table, strings, modules. */
static bool build_high(Pc *pc, const MachineConfig *cfg, GByteArray *high,
                       uint32_t base, uint8_t *info, GError **error)
{
    g_auto(GStrv) mods = g_strsplit(cfg->initrd ? cfg->initrd : "", ",", -1);
    unsigned count = g_strv_length(mods);
    g_autofree char *line =
        cfg->append ? g_strconcat(cfg->kernel, " ", cfg->append, NULL)
                    : g_strdup(cfg->kernel);

    g_byte_array_set_size(high, count * MOD_BYTES);
    if (high->len > 0) { /* without modules there is no data yet */
        memset(high->data, 0, high->len);
    }
    st_le32(info + INFO_CMDLINE, put_string(high, base, line));
    st_le32(info + INFO_LOADER_NAME, put_string(high, base, "reprise"));
    st_le32(info + INFO_MODS_COUNT, count);
    st_le32(info + INFO_MODS_ADDR, base);
    for (unsigned i = 0; i < count; i++) {
        if (!add_module(pc, cfg, mods[i], high, base, i * MOD_BYTES, error)) {
            return false;
        }
    }
    return true;
}

static void add_items(Pc *pc, MbImage *k, GByteArray *high, uint32_t base,
                      const uint8_t *info)
{
    Device *fw = pc->fw_cfg;

    fw_cfg_add_u32(fw, FW_CFG_KERNEL_ADDR, (uint32_t)k->load);
    fw_cfg_add_u32(fw, FW_CFG_KERNEL_SIZE, k->image->len);
    fw_cfg_add_u32(fw, FW_CFG_KERNEL_ENTRY, (uint32_t)k->entry);
    fw_cfg_add_bytes(fw, FW_CFG_KERNEL_DATA, k->image->data, k->image->len);
    fw_cfg_add_u32(fw, FW_CFG_INITRD_ADDR, base);
    fw_cfg_add_u32(fw, FW_CFG_INITRD_SIZE, high->len);
    fw_cfg_add_bytes(fw, FW_CFG_INITRD_DATA, high->data, high->len);
    fw_cfg_add_u32(fw, FW_CFG_SETUP_ADDR, INFO_ADDR);
    fw_cfg_add_u32(fw, FW_CFG_SETUP_SIZE, INFO_BYTES);
    fw_cfg_add_bytes(fw, FW_CFG_SETUP_DATA, info, INFO_BYTES);
}

static bool multiboot_load(Pc *pc, const MachineConfig *cfg, MbImage *k,
                           GError **error)
{
    g_autoptr(GByteArray) high = g_byte_array_new();
    uint8_t info[INFO_BYTES] = {0};
    uint32_t base;

    if (k->flags & WANTS_VIDEO) {
        return fail(error,
                    "-kernel %s: wants a video mode, which the "
                    "multiboot loader cannot set",
                    k->path);
    }
    if (!(k->flags & WANTS_ADDRESSES ? load_by_addresses(k, error)
                                     : load_elf(k, error))) {
        return false;
    }
    base = page_up(k->load + k->image->len);
    st_le32(info + INFO_FLAGS,
            FLAG_MEM | FLAG_CMDLINE | FLAG_MODS | FLAG_LOADER_NAME);
    st_le32(info + INFO_MEM_LOWER, 639);
    st_le32(info + INFO_MEM_UPPER, (uint32_t)(pc->ram.below_4g / 1024 - 1024));
    if (!build_high(pc, cfg, high, base, info, error)) {
        return false;
    }
    if ((uint64_t)base + high->len > pc->ram.below_4g) {
        return fail(error,
                    "-kernel %s: kernel and modules do not fit into "
                    "%" PRIu64 " MiB of memory",
                    k->path, pc->ram.below_4g >> 20);
    }
    add_items(pc, k, high, base, info);
    return pc_add_boot_rom(pc, cfg, "multiboot.bin", optionrom_multiboot,
                           optionrom_multiboot_size, error);
}

bool multiboot_setup(Pc *pc, const MachineConfig *cfg, GBytes *kernel,
                     bool *found, GError **error)
{
    MbImage k = {.path = cfg->kernel};
    bool good;

    k.file = g_bytes_get_data(kernel, &k.size);
    *found = find_header(&k);
    if (!*found) {
        return true;
    }
    k.image = g_byte_array_new();
    good = multiboot_load(pc, cfg, &k, error);
    g_byte_array_free(k.image, TRUE);
    return good;
}
