/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI devices and buses. Source: PCI Local Bus Specification 3.0 (cited as
 * PCI), PCI-to-PCI Bridge Architecture 1.2.
 */
#ifndef HW_PCI_H
#define HW_PCI_H

#include "core/vm.h"

typedef struct PciBus PciBus;
typedef struct PciDevice PciDevice;

#define PCI_DEVFN(slot, fn) ((unsigned)((slot) << 3 | (fn)))
#define PCI_SLOT(devfn) ((devfn) >> 3)
#define PCI_FUNC(devfn) ((devfn)&7)
#define PCI_CONFIG_SIZE 256
#define PCI_BAR_COUNT 7 /* six and the ROM */
#define PCI_BAR_ROM 6
#define PCI_SUBVENDOR_DEFAULT 0x1af4
#define PCI_SUBDEVICE_DEFAULT 0x1100

/* Configuration header, PCI 6.1. */
enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS = 0x09, /* three bytes */
    PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_PRIMARY_BUS = 0x18, /* type 1 */
    PCI_SECONDARY_BUS = 0x19,
    PCI_SUBORDINATE_BUS = 0x1a,
    PCI_SUBVENDOR_ID = 0x2c,
    PCI_SUBDEVICE_ID = 0x2e,
    PCI_ROM_BASE = 0x30,
    PCI_CAP_PTR = 0x34,
    PCI_IRQ_LINE = 0x3c,
    PCI_IRQ_PIN = 0x3d,
};
#define PCI_COMMAND_IO 0x0001u
#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_INTX_OFF 0x0400u
#define PCI_STATUS_INTX 0x0008u
#define PCI_STATUS_CAPS 0x0010u
#define PCI_CAP_MSI 0x05
#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX 0x11

/* A field of configuration space that differs from the plain header. */
typedef struct PciConfigRow {
    uint8_t at;
    uint8_t size;      /* 1, 2 or 4; 0 ends the table */
    uint32_t initial;  /* after reset */
    uint32_t writable; /* bits a guest write changes */
    uint32_t w1c;      /* bits that a written 1 clears */
    const char *doc;
} PciConfigRow;
#define PCI_CONFIG_END                                                         \
    {                                                                          \
        .size = 0                                                              \
    }

/* DeviceType.bus_ops of a PCI device; DeviceType.realize is pci_realize. */
typedef struct PciDeviceOps {
    uint16_t vendor, device;
    uint8_t revision;
    uint32_t class_code;           /* base, sub, interface: 24 bits */
    uint16_t subvendor, subdevice; /* 0: the default pair */
    bool bridge;                   /* type 1 header */
    bool no_subsystem;             /* leave 0x2c-0x2f zero */
    uint8_t irq_pin;               /* 1 to 4: INTA to INTD; 0: none */
    const PciConfigRow *config;    /* NULL: nothing but the header */
    bool (*realize)(PciDevice *pd, GError **error);
    void (*unrealize)(PciDevice *pd);
    void (*reset)(PciDevice *pd); /* after configuration space was reset */
    /* The guest wrote bytes [at, at + size). */
    void (*config_written)(PciDevice *pd, unsigned at, unsigned size);
    /* Set up memory regions from the registers: after a reset or load. Drives
     * no line and changes no row. */
    void (*remap)(PciDevice *pd);
} PciDeviceOps;

typedef struct PciBar {
    MemRegion *region; /* borrowed: of the Vm */
    uint64_t size;
    bool io, wide, prefetch; /* wide: 64 bits, uses the next one too */
} PciBar;

#define PCI_MSIX_MAX 64 /* messages of one device */

/* First member of a device on a PCI bus; its row is
 * STATE_GROUP(T, pci, pci_device_rows, PciDevice). */
struct PciDevice {
    Device dev;
    PciBus *bus; /* borrowed: from the host bridge */
    const PciDeviceOps *ops;
    int devfn; /* -1: the first free slot */
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t initial[PCI_CONFIG_SIZE];
    uint8_t writable[PCI_CONFIG_SIZE];
    uint8_t w1c[PCI_CONFIG_SIZE];
    PciBar bar[PCI_BAR_COUNT];
    bool intx;               /* the device asserts its pin */
    uint8_t msi_at, msix_at; /* capability offsets, 0: none */
    uint8_t cap_end;         /* first free byte for capabilities */
    uint8_t msix_count;
    MemRegion *msix_region; /* borrowed: of the Vm */
    uint32_t msix_table[4 * PCI_MSIX_MAX];
    uint64_t msix_pending; /* bit per message */
    /* properties */
    char *addr;
    char *bus_name;
    char *romfile;
    bool multifunction;
    uint32_t rombar;
    int32_t bootindex;
};
extern const StateField pci_device_rows[];

/* Properties of every PCI device, for DeviceType.props. */
/* clang-format off */
#define PCI_PROPS(T) \
    PROP(T, pci.addr, "addr", PROP_STR, NULL, .doc = "slot[.function]"), \
    PROP(T, pci.bus_name, "bus", PROP_STR, NULL, .doc = "PCI bus"), \
    PROP(T, pci.multifunction, "multifunction", PROP_BOOL, "off", .doc = "function 0 of several"), \
    PROP(T, pci.romfile, "romfile", PROP_STR, NULL, .doc = "option ROM; empty: none"), \
    PROP(T, pci.rombar, "rombar", PROP_U32, "1", .doc = "0: no ROM BAR"), \
    PROP(T, pci.bootindex, "bootindex", PROP_I32, "-1", .doc = "place in the boot order")
/* clang-format on */

/* Hooks of a DeviceType of a PCI device. */
bool pci_realize(Device *dev, GError **error);
void pci_unrealize(Device *dev);
void pci_reset_done(Device *dev);
void pci_rebuild(Device *dev);

/* --- for devices ---------------------------------------------------------- */

/** pci_bar() - in ops->realize: BAR @n decodes @region, whose size is a power
 *  of two (I/O: 4 to 256; memory: at least 16) */
void pci_bar_io(PciDevice *pd, unsigned n, MemRegion *region);
void pci_bar_mem(PciDevice *pd, unsigned n, MemRegion *region, bool wide,
                 bool prefetch);
void pci_bar_rom(PciDevice *pd, MemRegion *region);
/** pci_bar_addr() - where the guest put it; UINT64_MAX: not decoded now */
uint64_t pci_bar_addr(const PciDevice *pd, unsigned n);
/** pci_cap_add() - @size bytes with id and link; returns its offset. All bytes
 *  but id and link are zero and read-only until the caller sets .initial and
 *  .writable. */
uint8_t pci_cap_add(PciDevice *pd, uint8_t id, unsigned size);
/** pci_set_irq() - the device's pin, through INTx disable */
void pci_set_irq(PciDevice *pd, bool level);
uint16_t pci_config16(const PciDevice *pd, unsigned at);
uint32_t pci_config32(const PciDevice *pd, unsigned at);
/* DMA: false and no effect while bus mastering is off (reads give ones). */
bool pci_dma_read(PciDevice *pd, GuestPhys at, void *buf, size_t size);
bool pci_dma_write(PciDevice *pd, GuestPhys at, const void *buf, size_t size);

/** pci_msi_add() - capability for 1, 2, 4 ... 32 messages, 64-bit address */
void pci_msi_add(PciDevice *pd, unsigned vectors);
bool pci_msi_enabled(const PciDevice *pd);
/** pci_msi_notify() - send message @vector */
void pci_msi_notify(PciDevice *pd, unsigned vector);
/** pci_msix_add() - capability; table at 0 and pending bits at 0x800 of a
 *  4 KiB region of its own in memory BAR @bar */
bool pci_msix_add(PciDevice *pd, unsigned vectors, unsigned bar,
                  GError **error);
bool pci_msix_enabled(const PciDevice *pd);
void pci_msix_notify(PciDevice *pd, unsigned vector);

/* --- for bridges and boards ----------------------------------------------- */

typedef struct PciBusOps {
    /* line (0 to 3: PIRQA to PIRQD) of pin 0 to 3 of a device */
    unsigned (*map_irq)(unsigned devfn, unsigned pin);
    void (*set_irq)(Device *owner, unsigned line, bool level);
    void (*msi)(Device *owner, uint64_t addr, uint32_t data);
} PciBusOps;

PciBus *pci_bus_new(Vm *vm, const char *name, MemRegion *mem, MemRegion *io);
void pci_bus_free(PciBus *bus);
void pci_bus_set_irq_ops(PciBus *bus, const PciBusOps *ops, Device *owner);
/** pci_place() - before device_realize(); @devfn -1: from its addr property,
 *  else the first free slot */
void pci_place(PciDevice *pd, PciBus *bus, int devfn);
PciDevice *pci_bus_device(const PciBus *bus, unsigned devfn);
const char *pci_bus_name(const PciBus *bus);
/** pci_bus_reset() - hot reset of everything on the bus */
void pci_bus_reset(PciBus *bus);
/** pci_config_read()/write() - as a configuration cycle; no device: ones */
uint32_t pci_config_read(PciBus *bus, unsigned busno, unsigned devfn,
                         unsigned at, unsigned size);
void pci_config_write(PciBus *bus, unsigned busno, unsigned devfn, unsigned at,
                      uint32_t v, unsigned size);
/** pci_print() - `info pci` */
void pci_print(const PciBus *bus, GString *out);

#endif
