/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI buses and the common part of PCI devices: configuration space, BARs,
 * interrupt pins. Source: PCI Local Bus Specification 3.0.
 * Not modelled: parity, SERR#, target aborts, retries, lock, BIST.
 */
#include "hw/pci.h"

#include "core/bytes.h"
#include "hw/pci/pci_priv.h"

#define BUS_DEVFNS 256
#define CAP_FIRST 0x40
#define IO_SPACE_LAST 0xffffu

struct PciBus {
    Vm *vm;                         /* borrowed */
    char *name;                     /* owned */
    MemRegion *mem;                 /* borrowed: of the Vm */
    MemRegion *io;                  /* borrowed: of the Vm */
    PciDevice *devices[BUS_DEVFNS]; /* borrowed: of the Vm */
    const PciBusOps *ops;
    Device *owner; /* borrowed: routes interrupts */
};

/* clang-format off */
const StateField pci_device_rows[] = {
    WIRE(PciDevice, bus), WIRE(PciDevice, ops), WIRE(PciDevice, devfn),
    STATE(PciDevice, config, .keep = true, .doc = "set by the reset hook"),
    WIRE(PciDevice, initial), WIRE(PciDevice, writable), WIRE(PciDevice, w1c),
    WIRE(PciDevice, bar),
    STATE(PciDevice, intx, .keep = true, .doc = "level of the interrupt pin"),
    WIRE(PciDevice, msi_at), WIRE(PciDevice, msix_at), WIRE(PciDevice, cap_end),
    WIRE(PciDevice, msix_count), WIRE(PciDevice, msix_region),
    STATE(PciDevice, msix_table), STATE(PciDevice, msix_pending),
    WIRE(PciDevice, addr), WIRE(PciDevice, bus_name), WIRE(PciDevice, romfile),
    WIRE(PciDevice, multifunction), WIRE(PciDevice, rombar),
    WIRE(PciDevice, bootindex),
    STATE_END,
};

/* The header that both types share, PCI 6.2. */
static const PciConfigRow common_header[] = {
    {PCI_COMMAND,    2, 0, 0x0547, 0, "command: io mem master, parity SERR# INTx off"},
    {PCI_STATUS,     2, 0, 0, 0xf900, "status: errors"},
    {PCI_CACHE_LINE, 1, 0, 0xff, 0, NULL},
    {PCI_LATENCY,    1, 0, 0xff, 0, NULL},
    {PCI_IRQ_LINE,   1, 0, 0xff, 0, NULL},
    PCI_CONFIG_END,
};

/* PCI-to-PCI Bridge Architecture 1.2, 3.2.5 */
static const PciConfigRow bridge_header[] = {
    {PCI_PRIMARY_BUS, 4, 0, 0xffffffff, 0, "bus numbers, latency"},
    {0x1c, 2, 0, 0xf0f0, 0, "I/O base and limit"},
    {0x1e, 2, 0, 0, 0xf900, "secondary status"},
    {0x20, 4, 0, 0xfff0fff0, 0, "memory base and limit"},
    {0x24, 4, 0, 0xfff0fff0, 0, "prefetchable base and limit"},
    {0x3e, 2, 0, 0x0fff, 0, "bridge control"},
    PCI_CONFIG_END,
};
/* clang-format on */

static unsigned bar_at(const PciDevice *pd, unsigned n)
{
    if (n != PCI_BAR_ROM) {
        return PCI_BAR0 + 4 * n;
    }
    return pd->ops->bridge ? 0x38 : PCI_ROM_BASE;
}

/* --- bus ------------------------------------------------------------------ */

PciBus *pci_bus_new(Vm *vm, const char *name, MemRegion *mem, MemRegion *io)
{
    PciBus *bus = g_new0(PciBus, 1);

    bus->vm = vm;
    bus->name = g_strdup(name);
    bus->mem = mem;
    bus->io = io;
    return bus;
}

void pci_bus_free(PciBus *bus)
{
    if (bus) {
        g_free(bus->name);
        g_free(bus);
    }
}

const char *pci_bus_name(const PciBus *bus)
{
    return bus->name;
}

void pci_bus_set_irq_ops(PciBus *bus, const PciBusOps *ops, Device *owner)
{
    bus->ops = ops;
    bus->owner = owner;
}

PciDevice *pci_bus_device(const PciBus *bus, unsigned devfn)
{
    return bus->devices[devfn & (BUS_DEVFNS - 1)];
}

void pci_place(PciDevice *pd, PciBus *bus, int devfn)
{
    pd->bus = bus;
    pd->devfn = devfn;
}

/* "slot" or "slot.function", hexadecimal as people write addr=1f.2 */
static bool parse_addr(const char *text, int *devfn, GError **error)
{
    char *end;
    guint64 slot = g_ascii_strtoull(text, &end, 16);
    guint64 fn = 0;

    if (end != text && *end == '.') {
        const char *p = end + 1;

        fn = g_ascii_strtoull(p, &end, 16);
        end = end == p ? (char *)(uintptr_t)text : end;
    }
    if (end == text || *end || slot > 31 || fn > 7) {
        return fail(error,
                    "addr=%s: not a slot (0 to 1f) with an optional "
                    ".function (0 to 7)",
                    text);
    }
    *devfn = (int)PCI_DEVFN(slot, fn);
    return true;
}

static bool take_slot(PciDevice *pd, GError **error)
{
    PciBus *bus = pd->bus;

    if (!bus) {
        return fail(error, "%s: no PCI bus", pd->dev.path);
    }
    if (pd->bus_name && !g_str_equal(pd->bus_name, bus->name)) {
        return fail(error, "bus=%s: no such PCI bus (there is %s)",
                    pd->bus_name, bus->name);
    }
    if (pd->devfn < 0 && pd->addr && !parse_addr(pd->addr, &pd->devfn, error)) {
        return false;
    }
    for (int fn = 0; pd->devfn < 0 && fn < BUS_DEVFNS; fn += 8) {
        pd->devfn = bus->devices[fn] ? -1 : fn;
    }
    if (pd->devfn < 0) {
        return fail(error, "%s: all slots of %s are taken", pd->dev.path,
                    bus->name);
    }
    if (bus->devices[pd->devfn]) {
        return fail(error, "%s: slot %x.%x of %s is taken by %s", pd->dev.path,
                    PCI_SLOT((unsigned)pd->devfn),
                    PCI_FUNC((unsigned)pd->devfn), bus->name,
                    bus->devices[pd->devfn]->dev.path);
    }
    bus->devices[pd->devfn] = pd;
    return true;
}

/* --- configuration space -------------------------------------------------- */

static void put_bytes(uint8_t *at, uint32_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(v >> (8 * i));
    }
}

static void apply_rows(PciDevice *pd, const PciConfigRow *row)
{
    for (; row && row->size; row++) {
        g_assert(row->at + row->size <= PCI_CONFIG_SIZE);
        put_bytes(pd->initial + row->at, row->initial, row->size);
        put_bytes(pd->writable + row->at, row->writable, row->size);
        put_bytes(pd->w1c + row->at, row->w1c, row->size);
    }
}

static void fill_header(PciDevice *pd)
{
    const PciDeviceOps *ops = pd->ops;

    apply_rows(pd, common_header);
    if (ops->bridge) {
        apply_rows(pd, bridge_header);
    } else if (!ops->no_subsystem) {
        st_le16(pd->initial + PCI_SUBVENDOR_ID,
                ops->subvendor ? ops->subvendor : PCI_SUBVENDOR_DEFAULT);
        st_le16(pd->initial + PCI_SUBDEVICE_ID,
                ops->subvendor ? ops->subdevice : PCI_SUBDEVICE_DEFAULT);
    }
    st_le16(pd->initial + PCI_VENDOR_ID, ops->vendor);
    st_le16(pd->initial + PCI_DEVICE_ID, ops->device);
    pd->initial[PCI_REVISION] = ops->revision;
    put_bytes(pd->initial + PCI_CLASS, ops->class_code, 3);
    pd->initial[PCI_HEADER_TYPE] =
        (uint8_t)((ops->bridge ? 1 : 0) | (pd->multifunction ? 0x80 : 0));
    pd->initial[PCI_IRQ_PIN] = ops->irq_pin;
    apply_rows(pd, ops->config);
}

bool pci_realize(Device *dev, GError **error)
{
    PciDevice *pd = (PciDevice *)dev;

    pd->ops = dev->type->bus_ops;
    pd->cap_end = CAP_FIRST;
    if (!take_slot(pd, error)) {
        return false;
    }
    fill_header(pd);
    if (pd->ops->realize && !pd->ops->realize(pd, error)) {
        pd->bus->devices[pd->devfn] = NULL;
        return false;
    }
    memcpy(pd->config, pd->initial, sizeof(pd->config));
    return true;
}

void pci_unrealize(Device *dev)
{
    PciDevice *pd = (PciDevice *)dev;

    if (pd->ops && pd->ops->unrealize) {
        pd->ops->unrealize(pd);
    }
}

uint16_t pci_config16(const PciDevice *pd, unsigned at)
{
    return ld_le16(pd->config + at);
}

uint32_t pci_config32(const PciDevice *pd, unsigned at)
{
    return ld_le32(pd->config + at);
}

uint8_t pci_cap_add(PciDevice *pd, uint8_t id, unsigned size)
{
    uint8_t at = pd->cap_end;

    g_assert(at + size <= PCI_CONFIG_SIZE);
    pd->initial[at] = id;
    pd->initial[at + 1] = pd->initial[PCI_CAP_PTR];
    pd->initial[PCI_CAP_PTR] = at;
    pd->initial[PCI_STATUS] |= PCI_STATUS_CAPS;
    pd->cap_end = (uint8_t)MIN(at + (size + 3) / 4 * 4, 0xfcu);
    return at;
}

/* --- BARs ----------------------------------------------------------------- */

static void bar_set(PciDevice *pd, unsigned n, PciBar bar, uint32_t flags)
{
    unsigned at = bar_at(pd, n);
    uint64_t mask = ~(bar.size - 1);

    g_assert(!pd->bar[n].region && (bar.size & (bar.size - 1)) == 0);
    pd->bar[n] = bar;
    st_le32(pd->initial + at, flags);
    st_le32(pd->writable + at, (uint32_t)mask);
    if (bar.wide) {
        g_assert(n + 1 < PCI_BAR_ROM);
        st_le32(pd->writable + at + 4, (uint32_t)(mask >> 32));
    }
    /* All BARs are added once and in this order, so that which of two that
     * overlap wins does not depend on what the guest did before. */
    mem_set_enabled(bar.region, false);
    mem_add(bar.io ? pd->bus->io : pd->bus->mem, 0, bar.region, 1);
}

void pci_bar_io(PciDevice *pd, unsigned n, MemRegion *region)
{
    PciBar bar = {.region = region, .size = mem_size(region), .io = true};

    bar_set(pd, n, bar, 1);
}

void pci_bar_mem(PciDevice *pd, unsigned n, MemRegion *region, bool wide,
                 bool prefetch)
{
    PciBar bar = {
        .region = region,
        .size = mem_size(region),
        .wide = wide,
        .prefetch = prefetch,
    };

    bar_set(pd, n, bar, (wide ? 4u : 0) | (prefetch ? 8u : 0));
}

void pci_bar_rom(PciDevice *pd, MemRegion *region)
{
    PciBar bar = {.region = region, .size = mem_size(region)};

    bar_set(pd, PCI_BAR_ROM, bar, 0);
    pd->writable[bar_at(pd, PCI_BAR_ROM)] |= 1; /* enable */
}

uint64_t pci_bar_addr(const PciDevice *pd, unsigned n)
{
    const PciBar *bar = &pd->bar[n];
    uint16_t command = pci_config16(pd, PCI_COMMAND);
    uint32_t low = pci_config32(pd, bar_at(pd, n));
    uint64_t addr = low & ~(bar->size - 1);
    uint64_t last;

    if (!bar->region
        || !(command & (bar->io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY))
        || (n == PCI_BAR_ROM && !(low & 1))) {
        return UINT64_MAX;
    }
    if (bar->wide) {
        addr |= (uint64_t)pci_config32(pd, bar_at(pd, n) + 4) << 32;
    }
    last = addr + bar->size - 1;
    /* Zero and the all-ones of a size probe are no places: a driver that
     * probes without turning decoding off must not hide RAM or the BIOS. */
    if (addr == 0 || last < addr || last == UINT64_MAX
        || (!bar->wide && last >= UINT32_MAX)
        || (bar->io && last > IO_SPACE_LAST)) {
        return UINT64_MAX;
    }
    return addr;
}

static void update_bars(PciDevice *pd)
{
    Vm *vm = pd->dev.vm;

    mem_begin(vm);
    for (unsigned n = 0; n < PCI_BAR_COUNT; n++) {
        uint64_t addr = pci_bar_addr(pd, n);

        if (!pd->bar[n].region) {
            continue;
        }
        if (addr != UINT64_MAX) {
            mem_set_offset(pd->bar[n].region, addr);
        }
        mem_set_enabled(pd->bar[n].region, addr != UINT64_MAX);
    }
    mem_commit(vm);
    vm_horizon_changed(vm);
}

static bool overlaps(unsigned at, unsigned size, unsigned first, unsigned len)
{
    return at < first + len && first < at + size;
}

/* --- interrupt pins ------------------------------------------------------- */

static bool intx_drives(const PciDevice *pd, const PciBusOps *ops,
                        unsigned line)
{
    unsigned pin = pd->config[PCI_IRQ_PIN];

    return pd->intx && pin >= 1 && pin <= 4
           && !(pci_config16(pd, PCI_COMMAND) & PCI_COMMAND_INTX_OFF)
           && ops->map_irq((unsigned)pd->devfn, pin - 1) == line;
}

/* A line is the OR of all pins wired to it. */
static void route_pin(PciDevice *pd)
{
    PciBus *bus = pd->bus;
    unsigned pin = pd->config[PCI_IRQ_PIN], line;
    bool level = false;

    pd->config[PCI_STATUS] =
        (uint8_t)((pd->config[PCI_STATUS] & ~PCI_STATUS_INTX)
                  | (pd->intx ? PCI_STATUS_INTX : 0));
    if (!bus->ops || !bus->ops->map_irq || pin < 1 || pin > 4) {
        return;
    }
    line = bus->ops->map_irq((unsigned)pd->devfn, pin - 1);
    for (unsigned i = 0; i < BUS_DEVFNS && !level; i++) {
        level = bus->devices[i] && intx_drives(bus->devices[i], bus->ops, line);
    }
    bus->ops->set_irq(bus->owner, line, level);
}

void pci_set_irq(PciDevice *pd, bool level)
{
    if (pd->intx != level) {
        pd->intx = level;
        route_pin(pd);
    }
}

bool pci_send_msi(PciDevice *pd, uint64_t addr, uint32_t data)
{
    const PciBusOps *ops = pd->bus->ops;

    if (!(pci_config16(pd, PCI_COMMAND) & PCI_COMMAND_MASTER) || !ops
        || !ops->msi) {
        return false;
    }
    ops->msi(pd->bus->owner, addr, data);
    return true;
}

/* --- configuration cycles ------------------------------------------------- */

static void config_write_bytes(PciDevice *pd, unsigned at, uint32_t v,
                               unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(v >> (8 * i));
        uint8_t mask = pd->writable[at + i];
        uint8_t *c = &pd->config[at + i];

        *c = (uint8_t)((*c & ~mask) | (byte & mask));
        *c &= (uint8_t) ~(byte & pd->w1c[at + i]);
    }
}

static void config_written(PciDevice *pd, unsigned at, unsigned size)
{
    if (overlaps(at, size, PCI_COMMAND, 2)
        || overlaps(at, size, PCI_BAR0, pd->ops->bridge ? 8 : 24)
        || overlaps(at, size, bar_at(pd, PCI_BAR_ROM), 4)) {
        update_bars(pd);
    }
    if (overlaps(at, size, PCI_COMMAND, 2)) {
        route_pin(pd);
    }
    if (pd->msi_at || pd->msix_at) {
        pci_msi_config_written(pd, at, size);
    }
    if (pd->ops->config_written) {
        pd->ops->config_written(pd, at, size);
    }
}

uint32_t pci_config_read(PciBus *bus, unsigned busno, unsigned devfn,
                         unsigned at, unsigned size)
{
    PciDevice *pd = busno == 0 ? pci_bus_device(bus, devfn) : NULL;
    uint32_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = 0xff;

        if (pd && at + i < PCI_CONFIG_SIZE) {
            byte = pd->config[at + i];
        }
        v |= (uint32_t)byte << (8 * i);
    }
    return v;
}

void pci_config_write(PciBus *bus, unsigned busno, unsigned devfn, unsigned at,
                      uint32_t v, unsigned size)
{
    PciDevice *pd = busno == 0 ? pci_bus_device(bus, devfn) : NULL;

    if (pd && at + size <= PCI_CONFIG_SIZE) {
        config_write_bytes(pd, at, v, size);
        config_written(pd, at, size);
    }
}

/* --- reset and load ------------------------------------------------------- */

void pci_reset_done(Device *dev)
{
    PciDevice *pd = (PciDevice *)dev;

    pci_set_irq(pd, false);
    memcpy(pd->config, pd->initial, sizeof(pd->config));
    pci_msix_reset(pd);
    update_bars(pd);
    if (pd->ops->reset) {
        pd->ops->reset(pd);
    }
    if (pd->ops->remap) {
        pd->ops->remap(pd);
    }
}

/* The map follows the registers; interrupt lines are state of their sinks. */
void pci_rebuild(Device *dev)
{
    PciDevice *pd = (PciDevice *)dev;

    update_bars(pd);
    if (pd->ops->remap) {
        pd->ops->remap(pd);
    }
}

void pci_bus_reset(PciBus *bus)
{
    for (unsigned i = 0; i < BUS_DEVFNS; i++) {
        if (bus->devices[i]) {
            state_reset(&bus->devices[i]->dev);
        }
    }
    for (unsigned i = 0; i < BUS_DEVFNS; i++) {
        Device *dev = bus->devices[i] ? &bus->devices[i]->dev : NULL;

        if (dev && dev->type->reset_done) {
            dev->type->reset_done(dev);
        }
    }
}

/* --- DMA ------------------------------------------------------------------ */

static bool is_master(const PciDevice *pd)
{
    return pci_config16(pd, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

bool pci_dma_read(PciDevice *pd, GuestPhys at, void *buf, size_t size)
{
    if (!is_master(pd)) {
        memset(buf, 0xff, size);
        return false;
    }
    dma_read(pd->dev.vm->mem, at, buf, size);
    return true;
}

bool pci_dma_write(PciDevice *pd, GuestPhys at, const void *buf, size_t size)
{
    if (!is_master(pd)) {
        return false;
    }
    dma_write(pd->dev.vm->mem, at, buf, size);
    return true;
}

/* --- looking -------------------------------------------------------------- */

static void print_bars(const PciDevice *pd, GString *out)
{
    for (unsigned n = 0; n < PCI_BAR_COUNT; n++) {
        const PciBar *bar = &pd->bar[n];
        uint64_t addr = pci_bar_addr(pd, n);

        if (!bar->region) {
            continue;
        }
        g_string_append_printf(out, "      BAR%u: %s", n,
                               bar->io     ? "I/O"
                               : bar->wide ? "64-bit memory"
                                           : "32-bit memory");
        if (addr == UINT64_MAX) {
            g_string_append_printf(out, ", size 0x%" PRIx64 ", not mapped\n",
                                   bar->size);
        } else {
            g_string_append_printf(out, " at 0x%" PRIx64 " [0x%" PRIx64 "]\n",
                                   addr, addr + bar->size - 1);
        }
    }
}

void pci_print(const PciBus *bus, GString *out)
{
    for (unsigned i = 0; i < BUS_DEVFNS; i++) {
        const PciDevice *pd = bus->devices[i];

        if (!pd) {
            continue;
        }
        g_string_append_printf(out,
                               "  Bus  0, device %3u, function %u: %s\n"
                               "      PCI device %04x:%04x, class %06x\n",
                               PCI_SLOT(i), PCI_FUNC(i), pd->dev.path,
                               pci_config16(pd, PCI_VENDOR_ID),
                               pci_config16(pd, PCI_DEVICE_ID),
                               pci_config32(pd, PCI_REVISION) >> 8);
        if (pd->config[PCI_IRQ_PIN]) {
            g_string_append_printf(out, "      IRQ %u, pin %c\n",
                                   pd->config[PCI_IRQ_LINE],
                                   'A' + pd->config[PCI_IRQ_PIN] - 1);
        }
        print_bars(pd, out);
    }
}
