/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 82371AB, function 3: ACPI power management and SMBus. */
#ifndef HW_PIIX4_PM_H
#define HW_PIIX4_PM_H

#include "hw/pci.h"

#define PIIX4_PM_BASE 0x0600 /* where firmware puts the blocks */
#define PIIX4_PM_APM_CTRL 0xb2
#define PIIX4_PM_ACPI_ENABLE 0xf1 /* written to APM_CTRL */
#define PIIX4_PM_ACPI_DISABLE 0xf0
#define PIIX4_PM_TIMER_HZ 3579545

extern const DeviceType piix4_pm_type;

/** piix4_pm_connect() - the SCI; before realize */
void piix4_pm_connect(Device *pm, IrqLine *sci);
/** piix4_pm_set_smi() - where writes of APM_CTRL lead when APMC_EN is set;
 *  before the first reset */
void piix4_pm_set_smi(Device *pm, IrqLine *smi);
/** piix4_pm_power_button() - as if a person pressed it */
void piix4_pm_power_button(Device *pm);

#endif
