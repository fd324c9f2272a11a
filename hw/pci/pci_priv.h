/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between pci.c and pci_msi.c. */
#ifndef HW_PCI_PCI_PRIV_H
#define HW_PCI_PCI_PRIV_H

#include "hw/pci.h"

/** pci_send_msi() - false when the device may not write to memory */
bool pci_send_msi(PciDevice *pd, uint64_t addr, uint32_t data);
/** pci_msi_config_written() - pending messages may go out now */
void pci_msi_config_written(PciDevice *pd, unsigned at, unsigned size);
/** pci_msix_reset() - all messages masked */
void pci_msix_reset(PciDevice *pd);

#endif
