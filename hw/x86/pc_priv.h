/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pc board between its files. */
#ifndef HW_X86_PC_PRIV_H
#define HW_X86_PC_PRIV_H

#include "cpu/x86.h"
#include "hw/i440fx.h"
#include "hw/pc.h"

#define PC_GSIS 24
#define PC_ISA_IRQS 16
#define PC_ISA_SLOTS 8
#define PC_IOAPIC_ID 0
#define PC_SCI_IRQ 9
#define PC_CPUS_MAX 255
/* PCI memory between RAM and the I/O APIC */
#define PC_PCI_HOLE_END 0xfec00000ull
#define PC_PCI64_BYTES 0x800000000ull

typedef struct Pc {
    Machine m; /* first */
    /* Sources of interrupts; a line to the controllers is their OR. */
    IrqLine isa[PC_ISA_IRQS]; /* timers, keyboard: one driver a line */
    IrqLine slot[PC_ISA_SLOTS * PC_ISA_IRQS]; /* a set for each ISA card */
    IrqLine pci[PC_ISA_IRQS]; /* PIRQs as the PIIX3 routes them */
    IrqLine hpet[PC_GSIS];
    IrqLine sci;
    IrqLine a20[2]; /* i8042, port 92 */
    unsigned cpus, max_cpus, slots;
    I440fxRam ram;
    X86Cpu **cpu; /* owned array; borrowed entries: of the Vm */
    Device *apic_bus, *pic, *ioapic, *i440fx, *piix3, *pm;     /* borrowed */
    Device *ide, *fw_cfg, *rtc, *hpet_dev, *pit, *dma, *i8042; /* borrowed */
    unsigned serial_mask;   /* COM ports there are, bit 0: COM1 */
    unsigned parallel_mask; /* LPT ports */
    bool has_vga;
    GPtrArray *boot_order; /* owned: char * of "bootorder" */
} Pc;

/** direct_boot_setup() - -kernel, -initrd, -append: items and option ROM */
bool direct_boot_setup(Pc *pc, const MachineConfig *cfg, GError **error);
/** multiboot_setup() - @found false: @kernel is no multiboot kernel */
bool multiboot_setup(Pc *pc, const MachineConfig *cfg, GBytes *kernel,
                     bool *found, GError **error);
/** pc_flash_build() - @found: the firmware is in -drive if=pflash */
bool pc_flash_build(Pc *pc, const MachineConfig *cfg, bool *found,
                    GError **error);
/* pc_ide.c */
bool pc_ide_build(Pc *pc, const MachineConfig *cfg, GError **error);
/** pc_ide_drives() - what -drive if=ide says, and the empty CD drive */
bool pc_ide_drives(Pc *pc, const MachineConfig *cfg, GError **error);
/** pc_ide_device() - place and realize a drive of -device */
bool pc_ide_device(Pc *pc, Device *dev, GError **error);
void pc_ide_cmos(Pc *pc);
/** pc_ide_boot_order() - drives with a bootindex to the boot order */
bool pc_ide_boot_order(Pc *pc, GError **error);
/** pvh_setup() - @found false: @kernel is no ELF file */
bool pvh_setup(Pc *pc, const MachineConfig *cfg, GBytes *kernel, bool *found,
               GError **error);
/** pc_add_boot_rom() - pad, sum and add one of our ROMs as first to boot */
bool pc_add_boot_rom(Pc *pc, const MachineConfig *cfg, const char *file,
                     const unsigned char *rom, size_t size, GError **error);
/** pc_acpi_build() - tables and loader script */
bool pc_acpi_build(Pc *pc, const MachineConfig *cfg, GError **error);
/** pc_fw_cfg_build() - all other items */
bool pc_fw_cfg_build(Pc *pc, const MachineConfig *cfg, GError **error);
void pc_cmos_build(Pc *pc, const MachineConfig *cfg);

#endif
