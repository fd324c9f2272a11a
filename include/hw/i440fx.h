/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 82441FX host bridge with its RAM, and configuration mechanism #1. */
#ifndef HW_I440FX_H
#define HW_I440FX_H

#include "hw/pci.h"

extern const DeviceType i440fx_type;

typedef struct I440fxRam {
    uint64_t below_4g, above_4g; /* bytes */
} I440fxRam;

/** i440fx_split_ram() - how much of @bytes lies below 4 GiB */
I440fxRam i440fx_split_ram(uint64_t bytes);
/** i440fx_new() - makes PCI bus "pci.0", RAM and the bridge as 00:00.0 */
Device *i440fx_new(Vm *vm, Device *parent, uint64_t ram_bytes, GError **error);
PciBus *i440fx_bus(Device *i440fx);
/** i440fx_pci_mem() - memory that is not RAM: ROMs and MMIO go here */
MemRegion *i440fx_pci_mem(Device *i440fx);
MemRegion *i440fx_ram(Device *i440fx);
/** i440fx_set_smm() - SMIACT#: the processor sees SMRAM, if that is enabled */
void i440fx_set_smm(Device *i440fx, bool in_smm);
/** i440fx_set_cf8_bytes() - who gets byte accesses to 0xcf8-0xcfb (0xcf9) */
void i440fx_set_cf8_bytes(Device *i440fx, Device *owner, const MemOps *ops);

#endif
