/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware configuration device: named blobs that firmware reads through
 * ports 0x510 to 0x51b. Its contents are constants of the machine, made before
 * it runs; only the reading position is state.
 */
#ifndef HW_FW_CFG_H
#define HW_FW_CFG_H

#include "core/device.h"

/* Keys of items that are no files. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
};
#define FW_CFG_NAME_BYTES 56 /* with the final zero */
#define FW_CFG_FILES_MAX 256

extern const DeviceType fw_cfg_type;

/* Each before fw_cfg_finish(). Data is copied or referenced. */
void fw_cfg_add_bytes(Device *fw, uint16_t key, const void *data, size_t size);
void fw_cfg_add_blob(Device *fw, uint16_t key, GBytes *data);
void fw_cfg_add_u16(Device *fw, uint16_t key, uint16_t v); /* little-endian */
void fw_cfg_add_u32(Device *fw, uint16_t key, uint32_t v);
void fw_cfg_add_u64(Device *fw, uint16_t key, uint64_t v);
/** fw_cfg_add_file() - false: name too long, taken, or too many files */
bool fw_cfg_add_file(Device *fw, const char *name, GBytes *data,
                     GError **error);
/** fw_cfg_finish() - give files their keys, in order of names */
void fw_cfg_finish(Device *fw);
/** fw_cfg_find() - contents of a file, NULL: none; borrowed */
GBytes *fw_cfg_find(Device *fw, const char *name);

/* All items: @name is NULL for those without one. Order of keys. */
typedef void FwCfgVisit(void *opaque, uint16_t key, const char *name,
                        GBytes *data);
void fw_cfg_foreach(Device *fw, FwCfgVisit *visit, void *opaque);

#endif
