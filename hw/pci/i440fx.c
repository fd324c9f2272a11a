/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 440FX PCIset, 82441FX PMC: host bridge, shadow RAM, SMRAM.
 * Source: Intel 290549-001 (PMC data sheet), section 3; PCI 3.2.2.3.2.
 * Not modelled: DRAM timing registers do nothing; a PAM segment that reads PCI
 * and writes DRAM behaves as PCI only; D_CLS in SMM (data would go to PCI).
 */
#include "hw/i440fx.h"

#include "core/bytes.h"

#define MIB 0x100000ull
#define GIB (1024 * MIB)
#define PAM_SEGMENTS 13
#define PAM_FIRST 0x59
#define PAM_READ 1u
#define PAM_WRITE 2u
#define SMRAM_REG 0x72
#define SMRAM_OPEN 0x40u /* D_OPEN */
#define SMRAM_CLOSED 0x20u
#define SMRAM_LOCKED 0x10u
#define SMRAM_ENABLE 0x08u
#define SMRAM_WRITABLE 0x78u
#define SMRAM_AT 0xa0000u
#define SMRAM_BYTES 0x20000u
#define CONF_ADDRESS 0xcf8
#define CONF_DATA 0xcfc
#define CONF_ENABLE 0x80000000u

typedef struct I440fx {
    PciDevice pci;   /* first */
    PciBus *own_bus; /* owned */
    uint32_t conf_address;
    bool in_smm; /* the processor that runs */
    uint64_t ram_bytes;
    MemRegion *ram; /* borrowed: of the Vm, as are the other regions */
    MemRegion *pci_mem;
    MemRegion *pam_ram[PAM_SEGMENTS];
    MemRegion *smram;
    Device *cf8_owner; /* borrowed: from the board */
    const MemOps *cf8_ops;
} I440fx;

typedef struct PamSegment {
    uint32_t at, size;
    uint8_t reg;
    uint8_t shift; /* 0 or 4: which half of the register */
} PamSegment;

/* clang-format off */
/* 3.2.15; rows give the registers, PAM0's low half is reserved */
static const PamSegment pam_segments[PAM_SEGMENTS] = {
    {0xf0000, 0x10000, 0x59, 4},
    {0xc0000, 0x4000,  0x5a, 0}, {0xc4000, 0x4000, 0x5a, 4},
    {0xc8000, 0x4000,  0x5b, 0}, {0xcc000, 0x4000, 0x5b, 4},
    {0xd0000, 0x4000,  0x5c, 0}, {0xd4000, 0x4000, 0x5c, 4},
    {0xd8000, 0x4000,  0x5d, 0}, {0xdc000, 0x4000, 0x5d, 4},
    {0xe0000, 0x4000,  0x5e, 0}, {0xe4000, 0x4000, 0x5e, 4},
    {0xe8000, 0x4000,  0x5f, 0}, {0xec000, 0x4000, 0x5f, 4},
};

static const PciConfigRow i440fx_config[] = {
    {0x04, 2, 0x0006, 0x0100, 0, "command: memory and master always on"},
    {0x06, 2, 0x0280, 0, 0x7000, "status: fast back-to-back, medium timing"},
    {0x0d, 1, 0x00, 0xf8, 0, "latency timer"},
    {0x50, 2, 0x0000, 0xffff, 0, "PMC configuration"},
    {0x52, 1, 0x00, 0x07, 0, "DRAM row type"},
    {0x53, 1, 0x80, 0xff, 0, "DRAM control"},
    {0x57, 1, 0x01, 0x3f, 0, "DRAM control"},
    {0x58, 1, 0x10, 0xff, 0, "DRAM timing"},
    {0x59, 1, 0x00, 0x30, 0, "PAM0"},
    {0x5a, 4, 0x00, 0x33333333, 0, "PAM1-PAM4"},
    {0x5e, 2, 0x00, 0x3333, 0, "PAM5, PAM6"},
    {0x60, 4, 0x01010101, 0xffffffff, 0, "DRAM row boundaries"},
    {0x64, 4, 0x01010101, 0xffffffff, 0, "DRAM row boundaries"},
    {0x68, 1, 0x00, 0xc0, 0, "fixed DRAM hole"},
    {0x72, 1, 0x02, 0x78, 0, "SMRAM control"},
    {0x90, 1, 0x00, 0x13, 0, "error command"},
    {0x91, 1, 0x00, 0, 0x13, "error status"},
    {0x93, 1, 0x00, 0x00, 0, "turbo reset control: see 0xcf9"},
    PCI_CONFIG_END,
};

static const StateField i440fx_state[] = {
    STATE_GROUP(I440fx, pci, pci_device_rows, PciDevice),
    WIRE(I440fx, own_bus),
    STATE(I440fx, conf_address, .doc = "0xcf8"),
    STATE(I440fx, in_smm), WIRE(I440fx, ram_bytes), WIRE(I440fx, ram), WIRE(I440fx, pci_mem),
    WIRE(I440fx, pam_ram),  WIRE(I440fx, smram),
    WIRE(I440fx, cf8_owner), WIRE(I440fx, cf8_ops),
    STATE_END,
};
/* clang-format on */

/* --- RAM ------------------------------------------------------------------ */

I440fxRam i440fx_split_ram(uint64_t bytes)
{
    /* Rounded down to a whole GiB when not all fits, so that both parts can
     * be mapped by large pages. */
    uint64_t low = bytes >= 0xe0000000 ? 3 * GIB : bytes;

    return (I440fxRam){low, bytes - low};
}

static void update_pam(I440fx *f)
{
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        const PamSegment *s = &pam_segments[i];
        unsigned mode = f->pci.config[s->reg] >> s->shift & 3;

        mem_set_readonly(f->pam_ram[i], !(mode & PAM_WRITE));
        mem_set_enabled(f->pam_ram[i], mode & PAM_READ);
    }
}

static void update_smram(I440fx *f)
{
    unsigned v = f->pci.config[SMRAM_REG];

    bool open = v & SMRAM_OPEN && !(v & SMRAM_CLOSED);

    mem_set_enabled(f->smram, v & SMRAM_ENABLE && (open || f->in_smm));
}

/* 3.2.19: D_LCK turns D_OPEN off and stays, with C_BASE_SEG, until reset. */
static void lock_smram(I440fx *f)
{
    uint8_t *reg = &f->pci.config[SMRAM_REG];
    bool locked = *reg & SMRAM_LOCKED;

    if (locked) {
        *reg &= (uint8_t)~SMRAM_OPEN;
    }
    f->pci.writable[SMRAM_REG] = locked ? SMRAM_CLOSED : SMRAM_WRITABLE;
}

static void i440fx_remap(PciDevice *pd)
{
    I440fx *f = (I440fx *)pd;
    Vm *vm = pd->dev.vm;

    lock_smram(f);
    mem_begin(vm);
    update_pam(f);
    update_smram(f);
    mem_commit(vm);
    vm_horizon_changed(vm);
}

void i440fx_set_smm(Device *dev, bool in_smm)
{
    ((I440fx *)dev)->in_smm = in_smm;
    i440fx_remap((PciDevice *)dev);
}

static void i440fx_config_written(PciDevice *pd, unsigned at, unsigned size)
{
    if (at <= SMRAM_REG && at + size > PAM_FIRST) {
        i440fx_remap(pd);
    }
}

/* From 640 KiB to 1 MiB the PCI bus shows, but for what PAM and SMRAM open. */
static bool map_ram(I440fx *f, GError **error)
{
    Vm *vm = f->pci.dev.vm;
    I440fxRam split = i440fx_split_ram(f->ram_bytes);

    f->ram = mem_ram(vm, "pc.ram", f->ram_bytes, error);
    if (!f->ram) {
        return false;
    }
    f->pci_mem = mem_container(vm, "pci", UINT64_MAX);
    mem_add(vm->mem_root, 0, f->pci_mem, -1);
    mem_add(vm->mem_root, 0, mem_alias(vm, "ram-640k", f->ram, 0, SMRAM_AT), 0);
    mem_add(vm->mem_root, MIB,
            mem_alias(vm, "ram-below-4g", f->ram, MIB, split.below_4g - MIB),
            0);
    if (split.above_4g > 0) {
        mem_add(vm->mem_root, 4 * GIB,
                mem_alias(vm, "ram-above-4g", f->ram, split.below_4g,
                          split.above_4g),
                0);
    }
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        const PamSegment *s = &pam_segments[i];

        f->pam_ram[i] = mem_alias(vm, "pam-ram", f->ram, s->at, s->size);
        mem_add(vm->mem_root, s->at, f->pam_ram[i], 0);
    }
    f->smram = mem_alias(vm, "smram", f->ram, SMRAM_AT, SMRAM_BYTES);
    mem_add(vm->mem_root, SMRAM_AT, f->smram, 0);
    return true;
}

/* --- configuration mechanism #1 ------------------------------------------- */

static uint64_t conf_address_read(Device *dev, uint64_t off, unsigned size)
{
    I440fx *f = (I440fx *)dev;

    if (off == 0 && size == 4) {
        return f->conf_address;
    }
    return f->cf8_ops ? f->cf8_ops->read(f->cf8_owner, off, size) : UINT64_MAX;
}

static uint64_t conf_address_peek(Device *dev, uint64_t off, unsigned size)
{
    return ((I440fx *)dev)->conf_address >> (8 * off);
}

static void conf_address_write(Device *dev, uint64_t off, uint64_t v,
                               unsigned size)
{
    I440fx *f = (I440fx *)dev;

    if (off == 0 && size == 4) {
        f->conf_address = (uint32_t)v & 0x80fffffc;
    } else if (f->cf8_ops) {
        f->cf8_ops->write(f->cf8_owner, off, v, size);
    }
}

static uint64_t conf_data_read(Device *dev, uint64_t off, unsigned size)
{
    I440fx *f = (I440fx *)dev;
    uint32_t a = f->conf_address;

    if (!(a & CONF_ENABLE)) {
        return UINT64_MAX;
    }
    return pci_config_read(f->own_bus, a >> 16 & 0xff, a >> 8 & 0xff,
                           (a & 0xfc) + (unsigned)off, size);
}

static void conf_data_write(Device *dev, uint64_t off, uint64_t v,
                            unsigned size)
{
    I440fx *f = (I440fx *)dev;
    uint32_t a = f->conf_address;

    if (a & CONF_ENABLE) {
        pci_config_write(f->own_bus, a >> 16 & 0xff, a >> 8 & 0xff,
                         (a & 0xfc) + (unsigned)off, (uint32_t)v, size);
    }
}

static const MemOps conf_address_ops = {
    .read = conf_address_read,
    .write = conf_address_write,
    .peek = conf_address_peek,
    .max_size = 4,
};

static const MemOps conf_data_ops = {
    .read = conf_data_read,
    .write = conf_data_write,
    .peek = conf_data_read,
    .max_size = 4,
};

/* --- device --------------------------------------------------------------- */

static bool i440fx_realize(PciDevice *pd, GError **error)
{
    Vm *vm = pd->dev.vm;

    mem_add(vm->io_root, CONF_ADDRESS,
            mem_io(vm, "pci-conf-address", &pd->dev, &conf_address_ops, 4), 0);
    mem_add(vm->io_root, CONF_DATA,
            mem_io(vm, "pci-conf-data", &pd->dev, &conf_data_ops, 4), 0);
    return true;
}

static void i440fx_unrealize(Device *dev)
{
    pci_bus_free(((I440fx *)dev)->own_bus);
}

static const PciDeviceOps i440fx_ops = {
    .vendor = 0x8086,
    .device = 0x1237,
    .revision = 2,
    .class_code = 0x060000,
    .config = i440fx_config,
    .realize = i440fx_realize,
    .config_written = i440fx_config_written,
    .remap = i440fx_remap,
};

const DeviceType i440fx_type = {
    .name = "i440FX",
    .size = sizeof(I440fx),
    .state = i440fx_state,
    .doc = "Intel 82441FX host bridge",
    .bus = "pci",
    .bus_ops = &i440fx_ops,
    .realize = pci_realize,
    .unrealize = i440fx_unrealize,
    .reset_done = pci_reset_done,
    .rebuild = pci_rebuild,
};

Device *i440fx_new(Vm *vm, Device *parent, uint64_t ram_bytes, GError **error)
{
    Device *dev = device_new(vm, &i440fx_type, parent, "i440fx");
    I440fx *f = (I440fx *)dev;

    f->ram_bytes = ram_bytes;
    if (!map_ram(f, error)) {
        return NULL;
    }
    f->own_bus = pci_bus_new(vm, "pci.0", f->pci_mem, vm->io_root);
    pci_place(&f->pci, f->own_bus, PCI_DEVFN(0, 0));
    return device_realize(dev, error) ? dev : NULL;
}

PciBus *i440fx_bus(Device *i440fx)
{
    return ((I440fx *)i440fx)->own_bus;
}

MemRegion *i440fx_pci_mem(Device *i440fx)
{
    return ((I440fx *)i440fx)->pci_mem;
}

MemRegion *i440fx_ram(Device *i440fx)
{
    return ((I440fx *)i440fx)->ram;
}

void i440fx_set_cf8_bytes(Device *i440fx, Device *owner, const MemOps *ops)
{
    I440fx *f = (I440fx *)i440fx;

    f->cf8_owner = owner;
    f->cf8_ops = ops;
}
