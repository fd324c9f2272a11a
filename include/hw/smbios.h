/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMBIOS 2.8 tables as fw_cfg files. Source: DMTF DSP0134 2.8.0. */
#ifndef HW_SMBIOS_H
#define HW_SMBIOS_H

#include "hw/machine.h"

/** smbios_tables() - structures and entry point for a configuration */
void smbios_tables(const MachineConfig *cfg, uint64_t below_4g,
                   uint64_t above_4g, GByteArray *tables, uint8_t anchor[31]);
/** smbios_build() - etc/smbios/smbios-tables and -anchor */
bool smbios_build(Device *fw_cfg, const MachineConfig *cfg, uint64_t below_4g,
                  uint64_t above_4g, GError **error);

#endif
