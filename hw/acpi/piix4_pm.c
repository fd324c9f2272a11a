/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 82371AB (PIIX4), function 3: power management and SMBus host.
 * Source: Intel 290562-001, chapter 7; ACPI 2.0, 4.7.3 (fixed hardware).
 * Not modelled: SMI but for writes of the APM port (events are SCIs), sleep states but S5, device
 * monitors and timers, an SMBus with anything on it, SMBus slave functions.
 */
#include "hw/piix4_pm.h"

#include "core/bytes.h"
#include "core/vm.h"

#define PM_BYTES 64
#define SMB_BYTES 16
#define REG_PMBASE 0x40
#define REG_DEVACTB 0x58
#define REG_PMREGMISC 0x80
#define REG_SMBBASE 0x90
#define REG_SMBHSTCFG 0xd2
#define DEVACTB_APMC_EN 0x02000000u

/* I/O space at PMBASE, 7.2 */
#define PM_STS 0x00
#define PM_EN 0x02
#define PM_CNTRL 0x04
#define PM_TMR 0x08
#define PM_GPSTS 0x0c
#define PM_GPEN 0x0e
#define STS_TMROF 0x0001u
#define STS_PWRBTN 0x0100u
#define STS_W1C 0x8531u
#define EN_WRITABLE 0x0521u
#define CNTRL_SCI_EN 0x0001u
#define CNTRL_WRITABLE 0x1c03u
#define CNTRL_SUS_TYP(v) ((v) >> 10 & 7)
#define CNTRL_SUS_EN 0x2000u
#define TMR_MASK 0xffffffu /* 24 bits */
#define TMR_HALF 0x800000u /* the overflow bit toggles */

/* I/O space at SMBBASE, 7.3 */
#define SMB_STS 0
#define SMB_STS_W1C 0x1eu
#define SMB_STS_DEV_ERR 0x04u
#define SMB_STS_INTR 0x02u
#define SMB_CNT 2
#define SMB_CNT_START 0x40u
#define SMB_REGS 8

typedef struct Piix4Pm {
    PciDevice pci; /* first */
    uint16_t sts, en, cntrl;
    uint16_t gpsts, gpen;
    uint64_t next_overflow; /* ticks of the PM timer since the machine began */
    Timer overflow;
    uint8_t apm_ctrl, apm_sts;
    uint8_t smb[SMB_REGS];
    IrqLine *sci;         /* borrowed: from the board */
    IrqLine *smi;         /* borrowed: from the board; NULL: no SMM */
    MemRegion *pm_region; /* borrowed: of the Vm */
    MemRegion *smb_region;
} Piix4Pm;

/* clang-format off */
static const PciConfigRow pm_config[] = {
    {0x04, 2, 0x0000, 0x0001, 0, "command: SMBus I/O"},
    {0x06, 2, 0x0280, 0, 0x7800, "status: fast back-to-back, medium timing"},
    {REG_PMBASE, 4, 0x00000001, 0x0000ffc0, 0, "PMBASE"},
    {0x44, 4, 0, 0xffffffff, 0, "CNTA"},
    {0x48, 4, 0, 0xffffffff, 0, "CNTB"},
    {0x4c, 4, 0, 0xffffffff, 0, "GPICTL"},
    {0x50, 4, 0, 0x00ffffff, 0, "DEVRESD"},
    {0x54, 4, 0, 0xffffffff, 0, "DEVACTA"},
    {REG_DEVACTB, 4, DEVACTB_APMC_EN, 0x03ffffff, 0, "DEVACTB: APMC_EN is set when there is no SMM to set up"},
    {0x5c, 4, 0, 0xffffffff, 0, "DEVRESA"}, {0x60, 4, 0x90000000, 0xffffffff, 0, "DEVRESB"},
    {0x64, 4, 0, 0xffffffff, 0, "DEVRESC"}, {0x68, 4, 0, 0xffffffff, 0, "DEVRESE"},
    {0x6c, 4, 0, 0xffffffff, 0, "DEVRESF"}, {0x70, 4, 0, 0xffffffff, 0, "DEVRESG"},
    {0x74, 4, 0, 0xffffffff, 0, "DEVRESH"}, {0x78, 4, 0, 0xffffffff, 0, "DEVRESI"},
    {0x7c, 4, 0, 0xffffffff, 0, "DEVRESJ"},
    {REG_PMREGMISC, 1, 0, 0x01, 0, "PMREGMISC: I/O decode"},
    {REG_SMBBASE, 4, 0x00000001, 0x0000fff0, 0, "SMBBA"},
    {REG_SMBHSTCFG, 1, 0, 0x0f, 0, "SMBHSTCFG: host enable"},
    {0xd3, 1, 0, 0xff, 0, "SMBSLVC"}, {0xd4, 1, 0, 0xff, 0, "SMBSHDW1"},
    {0xd5, 1, 0, 0xff, 0, "SMBSHDW2"},
    PCI_CONFIG_END,
};

static const StateField pm_state[] = {
    STATE_GROUP(Piix4Pm, pci, pci_device_rows, PciDevice),
    STATE(Piix4Pm, sts, .doc = "PMSTS, without what next_overflow adds"),
    STATE(Piix4Pm, en, .doc = "PMEN"), STATE(Piix4Pm, cntrl, .doc = "PMCNTRL"),
    STATE(Piix4Pm, gpsts), STATE(Piix4Pm, gpen),
    STATE(Piix4Pm, next_overflow, .keep = true),
    STATE(Piix4Pm, overflow),
    STATE(Piix4Pm, apm_ctrl), STATE(Piix4Pm, apm_sts),
    STATE(Piix4Pm, smb),
    WIRE(Piix4Pm, sci), WIRE(Piix4Pm, smi), WIRE(Piix4Pm, pm_region), WIRE(Piix4Pm, smb_region),
    STATE_END,
};
/* clang-format on */

/* --- PM timer ------------------------------------------------------------- */

static uint64_t pm_ticks(const Piix4Pm *p)
{
    unsigned __int128 ns = (uint64_t)dev_now(&p->pci.dev).ns;

    return (uint64_t)(ns * PIIX4_PM_TIMER_HZ / NS_PER_SEC);
}

/* The first moment at which the timer shows @ticks. */
static VirtTime pm_time_of(uint64_t ticks)
{
    unsigned __int128 v = (unsigned __int128)ticks * NS_PER_SEC;

    return (VirtTime){
        (int64_t)((v + PIIX4_PM_TIMER_HZ - 1) / PIIX4_PM_TIMER_HZ)};
}

static uint64_t pm_overflow_after(uint64_t ticks)
{
    return (ticks | (TMR_HALF - 1)) + 1;
}

static uint16_t pm_sts(const Piix4Pm *p)
{
    bool over = pm_ticks(p) >= p->next_overflow;

    return (uint16_t)(p->sts | (over ? STS_TMROF : 0));
}

static void pm_update(Piix4Pm *p)
{
    uint16_t sts = pm_sts(p);
    bool event = (sts & p->en & EN_WRITABLE) || (p->gpsts & p->gpen);

    irq_set(p->sci, event && p->cntrl & CNTRL_SCI_EN);
    if (p->en & STS_TMROF && !(sts & STS_TMROF)) {
        timer_arm(&p->overflow, pm_time_of(p->next_overflow));
    } else {
        timer_cancel(&p->overflow);
    }
}

static void pm_overflow_due(Device *dev)
{
    pm_update((Piix4Pm *)dev);
}

/* --- PM registers --------------------------------------------------------- */

static void pm_write_cntrl(Piix4Pm *p, uint16_t v)
{
    Vm *vm = p->pci.dev.vm;

    p->cntrl = v & CNTRL_WRITABLE;
    if (!(v & CNTRL_SUS_EN)) {
        return;
    }
    if (CNTRL_SUS_TYP(v) == 0) {
        vm_request(vm, VM_REQ_SHUTDOWN, VM_CAUSE_GUEST_SHUTDOWN);
    } else {
        guest_unimp(&p->pci.dev, "sleep type %u", CNTRL_SUS_TYP(v));
    }
}

static uint16_t pm_reg(const Piix4Pm *p, unsigned at)
{
    uint32_t tmr = pm_ticks(p) & TMR_MASK;

    switch (at) {
    case PM_STS:
        return pm_sts(p);
    case PM_EN:
        return p->en;
    case PM_CNTRL:
        return p->cntrl;
    case PM_TMR:
        return (uint16_t)tmr;
    case PM_TMR + 2:
        return (uint16_t)(tmr >> 16);
    case PM_GPSTS:
        return p->gpsts;
    case PM_GPEN:
        return p->gpen;
    default:
        return 0;
    }
}

/* @mask: the bits of the register that the access covers */
static void pm_write_reg(Piix4Pm *p, unsigned at, uint16_t v, uint16_t mask)
{
    uint16_t merged = (uint16_t)((pm_reg(p, at) & ~mask) | (v & mask));

    switch (at) {
    case PM_STS:
        p->sts = pm_sts(p);
        if (v & mask & STS_TMROF) {
            p->next_overflow = pm_overflow_after(pm_ticks(p));
        }
        p->sts &= (uint16_t) ~(v & mask & STS_W1C);
        break;
    case PM_EN:
        p->en = merged & EN_WRITABLE;
        break;
    case PM_CNTRL:
        pm_write_cntrl(p, merged);
        break;
    case PM_GPSTS:
        p->gpsts &= (uint16_t) ~(v & mask);
        break;
    case PM_GPEN:
        p->gpen = merged;
        break;
    default:
        break;
    }
}

static uint64_t pm_read(Device *dev, uint64_t off, unsigned size)
{
    const Piix4Pm *p = (const Piix4Pm *)dev;
    unsigned word = (unsigned)off & ~3u;
    uint32_t v = pm_reg(p, word) | (uint32_t)pm_reg(p, word + 2) << 16;

    return v >> (8 * (off & 3));
}

static void pm_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Piix4Pm *p = (Piix4Pm *)dev;
    unsigned word = (unsigned)off & ~3u, shift = 8 * (off & 3);
    uint32_t mask = (uint32_t)(((1ull << (8 * size)) - 1) << shift);
    uint32_t value = (uint32_t)(v << shift);

    if (mask & 0xffff) {
        pm_write_reg(p, word, (uint16_t)value, (uint16_t)mask);
    }
    if (mask >> 16) {
        pm_write_reg(p, word + 2, (uint16_t)(value >> 16),
                     (uint16_t)(mask >> 16));
    }
    pm_update(p);
}

static const MemOps pm_ops = {
    .read = pm_read,
    .write = pm_write,
    .peek = pm_read,
    .max_size = 4,
};

void piix4_pm_power_button(Device *pm)
{
    Piix4Pm *p = (Piix4Pm *)pm;

    p->sts |= STS_PWRBTN;
    pm_update(p);
    vm_horizon_changed(pm->vm);
}

/* --- APM port: what an SMI handler would do for ACPI_ENABLE --------------- */

static uint64_t apm_read(Device *dev, uint64_t off, unsigned size)
{
    Piix4Pm *p = (Piix4Pm *)dev;

    return off == 0 ? p->apm_ctrl : p->apm_sts;
}

static void apm_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Piix4Pm *p = (Piix4Pm *)dev;

    if (off == 1) {
        p->apm_sts = (uint8_t)v;
        return;
    }
    p->apm_ctrl = (uint8_t)v;
    if (v == PIIX4_PM_ACPI_ENABLE) {
        p->cntrl |= CNTRL_SCI_EN;
    } else if (v == PIIX4_PM_ACPI_DISABLE) {
        p->cntrl &= (uint16_t)~CNTRL_SCI_EN;
    }
    pm_update(p);
    if (p->smi && ld_le32(p->pci.config + REG_DEVACTB) & DEVACTB_APMC_EN) {
        irq_pulse(p->smi);
    }
}

static const MemOps apm_ops = {
    .read = apm_read,
    .write = apm_write,
    .peek = apm_read,
    .max_size = 1,
};

/* --- SMBus: nobody answers ------------------------------------------------ */

static uint64_t smb_read(Device *dev, uint64_t off, unsigned size)
{
    Piix4Pm *p = (Piix4Pm *)dev;

    return off < SMB_REGS ? p->smb[off] : 0;
}

static void smb_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Piix4Pm *p = (Piix4Pm *)dev;

    if (off == SMB_STS) {
        p->smb[SMB_STS] &= (uint8_t) ~(v & SMB_STS_W1C);
    } else if (off == SMB_CNT) {
        p->smb[SMB_CNT] = (uint8_t)(v & ~(uint64_t)SMB_CNT_START);
        if (v & SMB_CNT_START) {
            p->smb[SMB_STS] |= SMB_STS_DEV_ERR | SMB_STS_INTR;
        }
    } else if (off < SMB_REGS) {
        p->smb[off] = (uint8_t)v;
    }
}

static const MemOps smb_ops = {
    .read = smb_read,
    .write = smb_write,
    .peek = smb_read,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

static void pm_remap(PciDevice *pd)
{
    Piix4Pm *p = (Piix4Pm *)pd;
    Vm *vm = pd->dev.vm;
    uint32_t pm = pci_config32(pd, REG_PMBASE) & 0xffc0;
    uint32_t smb = pci_config32(pd, REG_SMBBASE) & 0xfff0;

    mem_begin(vm);
    mem_set_offset(p->pm_region, pm);
    mem_set_enabled(p->pm_region, pm && pd->config[REG_PMREGMISC] & 1);
    mem_set_offset(p->smb_region, smb);
    mem_set_enabled(p->smb_region, smb && pd->config[REG_SMBHSTCFG] & 1);
    mem_commit(vm);
    vm_horizon_changed(vm);
}

static void pm_config_written(PciDevice *pd, unsigned at, unsigned size)
{
    pm_remap(pd);
}

static void pm_reset(PciDevice *pd)
{
    Piix4Pm *p = (Piix4Pm *)pd;

    if (p->smi) { /* firmware finds out that SMM is to be set up */
        st_le32(pd->config + REG_DEVACTB, 0);
    }
    p->next_overflow = pm_overflow_after(pm_ticks(p));
    pm_update(p);
}

static bool pm_realize(PciDevice *pd, GError **error)
{
    Piix4Pm *p = (Piix4Pm *)pd;
    Vm *vm = pd->dev.vm;

    timer_init(&p->overflow, &pd->dev, pm_overflow_due);
    p->pm_region = mem_io(vm, "piix4-pm", &pd->dev, &pm_ops, PM_BYTES);
    p->smb_region = mem_io(vm, "piix4-smbus", &pd->dev, &smb_ops, SMB_BYTES);
    mem_set_enabled(p->pm_region, false);
    mem_set_enabled(p->smb_region, false);
    mem_add(vm->io_root, 0, p->pm_region, 1);
    mem_add(vm->io_root, 0, p->smb_region, 1);
    mem_add(vm->io_root, PIIX4_PM_APM_CTRL,
            mem_io(vm, "apm", &pd->dev, &apm_ops, 2), 0);
    return true;
}

void piix4_pm_set_smi(Device *pm, IrqLine *smi)
{
    ((Piix4Pm *)pm)->smi = smi;
}

void piix4_pm_connect(Device *pm, IrqLine *sci)
{
    ((Piix4Pm *)pm)->sci = sci;
}

static const PciDeviceOps pm_pci_ops = {
    .vendor = 0x8086,
    .device = 0x7113,
    .revision = 3,
    .class_code = 0x068000,
    .irq_pin = 1,
    .config = pm_config,
    .realize = pm_realize,
    .reset = pm_reset,
    .config_written = pm_config_written,
    .remap = pm_remap,
};

const DeviceType piix4_pm_type = {
    .name = "PIIX4_PM",
    .size = sizeof(Piix4Pm),
    .state = pm_state,
    .doc = "Intel 82371AB power management and SMBus",
    .bus = "pci",
    .bus_ops = &pm_pci_ops,
    .realize = pci_realize,
    .unrealize = pci_unrealize,
    .reset_done = pci_reset_done,
    .rebuild = pci_rebuild,
};
