/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pc board: 440FX, PIIX3, PIIX4 power management and the ISA devices of
 * an AT. Everything is made in one fixed order.
 * Not modelled: floppy, VGA, parallel ports, the PC speaker's sound.
 */
#include "core/error.h"
#include "hw/apic.h"
#include "hw/fw_cfg.h"
#include "hw/hpet.h"
#include "hw/i8042.h"
#include "hw/i8237.h"
#include "hw/i8254.h"
#include "hw/i8259.h"
#include "hw/isa.h"
#include "hw/mc146818.h"
#include "hw/piix3.h"
#include "hw/piix4_pm.h"
#include "hw/port92.h"
#include "hw/ps2.h"
#include "hw/parallel.h"
#include "hw/serial16550.h"
#include "hw/debugcon.h"
#include "hw/smbios.h"
#include "hw/x86/pc_priv.h"

#define MIB 0x100000ull
#define GIB (1024 * MIB)
#define RAM_MIN (2 * MIB)
#define BIOS_UNIT 0x10000u
#define BIOS_MAX (16 * MIB)
#define ISA_BIOS_MAX 0x20000u
#define COM_PORTS 4

/* clang-format off */
static const StateField pc_state[] = {
    WIRE(Pc, m),
    STATE(Pc, isa), STATE(Pc, slot), WIRE(Pc, slots), STATE(Pc, pci), STATE(Pc, hpet), STATE(Pc, sci),
    STATE(Pc, a20),
    WIRE(Pc, cpus), WIRE(Pc, max_cpus), WIRE(Pc, ram), WIRE(Pc, cpu),
    WIRE(Pc, apic_bus), WIRE(Pc, pic), WIRE(Pc, ioapic), WIRE(Pc, i440fx),
    WIRE(Pc, piix3), WIRE(Pc, pm), WIRE(Pc, fw_cfg), WIRE(Pc, rtc),
    WIRE(Pc, ide), WIRE(Pc, hpet_dev), WIRE(Pc, pit), WIRE(Pc, dma), WIRE(Pc, i8042),
    WIRE(Pc, serial_mask), WIRE(Pc, parallel_mask), WIRE(Pc, has_vga), WIRE(Pc, boot_order),
    STATE_END,
};
/* clang-format on */

/* --- interrupt wiring ----------------------------------------------------- */

static bool isa_level(const Pc *pc, unsigned n)
{
    bool level = irq_level(&pc->isa[n]) || irq_level(&pc->pci[n]);

    for (unsigned i = 0; i < pc->slots; i++) {
        level = level || irq_level(&pc->slot[i * PC_ISA_IRQS + n]);
    }
    return level;
}

/* ISA IRQ 0 arrives at I/O APIC pin 2; nothing but that and the HPET does. */
static void update_gsi(Pc *pc, unsigned n)
{
    bool hpet = irq_level(&pc->hpet[n]), isa = false;

    if (n < PC_ISA_IRQS && n != 2) {
        isa = isa_level(pc, n) || (n == PC_SCI_IRQ && irq_level(&pc->sci));
        irq_set(i8259_in(pc->pic, n), isa || hpet);
    }
    if (n == 0 || n == 2) {
        irq_set(ioapic_in(pc->ioapic, 2),
                isa_level(pc, 0) || irq_level(&pc->hpet[2]));
    } else {
        irq_set(ioapic_in(pc->ioapic, n), isa || hpet);
    }
}

static void gsi_changed(Device *dev, unsigned n, bool level)
{
    update_gsi((Pc *)dev, n);
}

/* The A20 gate is open when either of its drivers says so. */
static void a20_changed(Device *dev, unsigned n, bool level)
{
    Pc *pc = (Pc *)dev;
    bool on = irq_level(&pc->a20[0]) || irq_level(&pc->a20[1]);

    for (unsigned i = 0; i < pc->cpus; i++) {
        x86_cpu_set_a20(pc->cpu[i], on);
    }
}

static void init_lines(Pc *pc)
{
    Device *dev = &pc->m.dev;

    for (unsigned i = 0; i < PC_ISA_IRQS; i++) {
        irq_init(&pc->isa[i], dev, gsi_changed, i);
        irq_init(&pc->pci[i], dev, gsi_changed, i);
    }
    for (unsigned i = 0; i < PC_GSIS; i++) {
        irq_init(&pc->hpet[i], dev, gsi_changed, i);
    }
    irq_init(&pc->sci, dev, gsi_changed, PC_SCI_IRQ);
    irq_init(&pc->a20[0], dev, a20_changed, 0);
    irq_init(&pc->a20[1], dev, a20_changed, 1);
}

/* A set of lines for one more ISA card: cards may share an interrupt. */
static bool isa_lines(Pc *pc, IrqLine *out[PC_ISA_IRQS], GError **error)
{
    if (pc->slots == PC_ISA_SLOTS) {
        return fail(error, "this machine takes %d ISA cards", PC_ISA_SLOTS);
    }
    for (unsigned i = 0; i < PC_ISA_IRQS; i++) {
        out[i] = &pc->slot[pc->slots * PC_ISA_IRQS + i];
        irq_init(out[i], &pc->m.dev, gsi_changed, i);
    }
    pc->slots++;
    return true;
}

/* --- processors ----------------------------------------------------------- */

static bool add_cpu(Pc *pc, const MachineConfig *cfg, unsigned i,
                    GError **error)
{
    Vm *vm = pc->m.dev.vm;
    const char *text = cfg->cpu         ? cfg->cpu
                       : cfg->long_mode ? pc_machine.default_cpu64
                                        : pc_machine.default_cpu32;
    X86Cpu *cpu =
        x86_cpu_new(vm, &pc->m.dev, i, pc->cpus, text, cfg->long_mode, error);
    Device *lapic;

    if (!cpu) {
        return false;
    }
    if (cfg->cores) {
        const X86Topology t = {MAX(cfg->dies, 1), cfg->cores, cfg->threads};

        x86_cpu_set_topology(cpu, &t);
    }
    if (vm->vcpus->len == i) {
        g_ptr_array_add(vm->vcpus, cpu);
    }
    pc->cpu[i] = cpu;
    lapic =
        machine_device_new(vm, cfg, &lapic_type, &cpu->v.dev, "lapic", error);
    if (!lapic) {
        return false;
    }
    lapic_connect(lapic, pc->apic_bus, cpu);
    if (!device_realize(lapic, error)) {
        return false;
    }
    x86_cpu_set_intr(cpu, &lapic_intr_ops, lapic);
    if (i == 0) {
        i8259_connect(pc->pic, lapic_lint(lapic, 0));
        vm->vcpu_now = &cpu->v.dev;
    }
    return true;
}

static Device *add(Pc *pc, const MachineConfig *cfg, const DeviceType *type,
                   const char *name, GError **error)
{
    return machine_device_new(pc->m.dev.vm, cfg, type, &pc->m.dev, name, error);
}

/* The i8259 is realized after the first local APIC, which takes its output. */
static bool build_processors(Pc *pc, const MachineConfig *cfg, GError **error)
{
    pc->apic_bus = add(pc, cfg, &apic_bus_type, "apic-bus", error);
    if (!pc->apic_bus || !device_realize(pc->apic_bus, error)) {
        return false;
    }
    pc->pic = add(pc, cfg, &i8259_type, "i8259", error);
    if (!pc->pic) {
        return false;
    }
    pc->cpu = g_new0(X86Cpu *, pc->cpus);
    for (unsigned i = 0; i < pc->cpus; i++) {
        if (!add_cpu(pc, cfg, i, error)) {
            return false;
        }
    }
    if (!device_realize(pc->pic, error)) {
        return false;
    }
    apic_bus_set_pic(pc->apic_bus, pc->pic);
    pc->ioapic = add(pc, cfg, &ioapic_type, "ioapic", error);
    if (!pc->ioapic) {
        return false;
    }
    ioapic_connect(pc->ioapic, pc->apic_bus);
    return device_realize(pc->ioapic, error);
}

/* --- chipset -------------------------------------------------------------- */

static void pc_set_pirq(Device *owner, unsigned line, bool level)
{
    piix3_set_pirq(((Pc *)owner)->piix3, line, level);
}

static void pc_msi(Device *owner, uint64_t addr, uint32_t data)
{
    apic_msi(((Pc *)owner)->apic_bus, addr, data);
}

static const PciBusOps pc_pci_ops = {
    .map_irq = piix3_map_irq,
    .set_irq = pc_set_pirq,
    .msi = pc_msi,
};

static void wire_smm(Pc *pc)
{
    for (unsigned i = 0; i < pc->cpus; i++) {
        x86_cpu_set_smm(pc->cpu[i], i440fx_set_smm, pc->i440fx);
    }
    piix4_pm_set_smi(pc->pm, &pc->cpu[0]->smi);
}

static bool build_chipset(Pc *pc, const MachineConfig *cfg, GError **error)
{
    Vm *vm = pc->m.dev.vm;
    IrqLine *out[PC_ISA_IRQS];
    PciBus *bus;

    pc->i440fx = i440fx_new(vm, &pc->m.dev, cfg->ram_bytes, error);
    if (!pc->i440fx) {
        return false;
    }
    bus = i440fx_bus(pc->i440fx);
    pc->piix3 = add(pc, cfg, &piix3_type, "piix3", error);
    pc->pm = add(pc, cfg, &piix4_pm_type, "piix4-pm", error);
    if (!pc->piix3 || !pc->pm) {
        return false;
    }
    pci_bus_set_irq_ops(bus, &pc_pci_ops, &pc->m.dev);
    for (unsigned i = 0; i < PC_ISA_IRQS; i++) {
        out[i] = &pc->pci[i];
    }
    piix3_connect(pc->piix3, out);
    ((PciDevice *)pc->piix3)->multifunction = true;
    pci_place((PciDevice *)pc->piix3, bus, PCI_DEVFN(1, 0));
    pci_place((PciDevice *)pc->pm, bus, PCI_DEVFN(1, 3));
    piix4_pm_connect(pc->pm, &pc->sci);
    if (!cfg->smm_off) {
        wire_smm(pc);
    }
    i440fx_set_cf8_bytes(pc->i440fx, pc->piix3, &piix3_cf8_ops);
    return device_realize(pc->piix3, error) && pc_ide_build(pc, cfg, error)
           && device_realize(pc->pm, error);
}

/* --- ISA devices ---------------------------------------------------------- */

static bool build_timers(Pc *pc, const MachineConfig *cfg, GError **error)
{
    IrqLine *irq0 = &pc->isa[0], *irq8 = &pc->isa[8];

    if (!cfg->no_hpet) {
        pc->hpet_dev = add(pc, cfg, &hpet_type, "hpet", error);
        if (!pc->hpet_dev) {
            return false;
        }
        for (unsigned i = 0; i < PC_GSIS; i++) {
            hpet_connect(pc->hpet_dev, i, &pc->hpet[i]);
        }
        hpet_connect_legacy(pc->hpet_dev, irq0, irq8);
        if (!device_realize(pc->hpet_dev, error)) {
            return false;
        }
        irq0 = hpet_legacy_in(pc->hpet_dev, 0);
        irq8 = hpet_legacy_in(pc->hpet_dev, 1);
    }
    pc->pit = add(pc, cfg, &i8254_type, "i8254", error);
    pc->rtc = pc->pit ? add(pc, cfg, &mc146818_type, "rtc", error) : NULL;
    if (!pc->rtc) {
        return false;
    }
    i8254_connect(pc->pit, irq0);
    mc146818_connect(pc->rtc, irq8);
    return device_realize(pc->pit, error) && device_realize(pc->rtc, error);
}

static bool build_keyboard(Pc *pc, const MachineConfig *cfg, GError **error)
{
    Device *kbd = add(pc, cfg, &ps2_kbd_type, "ps2-kbd", error);
    Device *mouse =
        kbd ? add(pc, cfg, &ps2_mouse_type, "ps2-mouse", error) : NULL;
    Device *port92 = mouse ? add(pc, cfg, &port92_type, "port92", error) : NULL;

    pc->i8042 = port92 ? add(pc, cfg, &i8042_type, "i8042", error) : NULL;
    if (!pc->i8042) {
        return false;
    }
    i8042_connect(pc->i8042, &pc->isa[1], &pc->isa[12], &pc->a20[0]);
    i8042_attach(pc->i8042, kbd, mouse);
    port92_connect(port92, &pc->a20[1]);
    return device_realize(kbd, error) && device_realize(mouse, error)
           && device_realize(pc->i8042, error) && device_realize(port92, error);
}

/* Ports that have numbered places. */
typedef struct PortKind {
    const DeviceType *type;
    const char *name;
    unsigned places;
} PortKind;

static const PortKind port_kinds[] = {
    {&isa_serial_type, "serial", COM_PORTS},
    {&isa_parallel_type, "parallel", PARALLEL_PORTS},
};

static unsigned *kind_mask(Pc *pc, const PortKind *kind)
{
    return kind == port_kinds ? &pc->serial_mask : &pc->parallel_mask;
}

/* Connect an ISA device to lines and back end, then realize it. */
static bool finish_isa(Pc *pc, Device *dev, const char *label, Chardev *backend,
                       GError **error)
{
    const IsaDeviceOps *ops = dev->type->bus_ops;
    IrqLine *lines[PC_ISA_IRQS];

    if (ops && ops->connect) {
        if (!isa_lines(pc, lines, error)) {
            return false;
        }
        ops->connect(dev, lines);
    }
    if (ops && ops->set_port) {
        ops->set_port(dev, chr_port_new(dev->vm, label, backend));
    }
    return device_realize(dev, error);
}

/* What -serial or -parallel asks for. */
static bool build_kind(Pc *pc, const MachineConfig *cfg, const PortKind *kind,
                       Chardev *const *backends, unsigned count, GError **error)
{
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("%s%u", kind->name, i);
        g_autofree char *index = g_strdup_printf("%u", i);
        Device *dev;

        if (!backends[i]) {
            continue;
        }
        if (i >= kind->places) {
            return fail(error, "-%s: this machine has %u %s ports", kind->name,
                        kind->places, kind->name);
        }
        dev = add(pc, cfg, kind->type, name, error);
        if (!dev || !device_set_prop(dev, "index", index, error)
            || !finish_isa(pc, dev, name, backends[i], error)) {
            return false;
        }
        *kind_mask(pc, kind) |= 1u << i;
    }
    return true;
}

static bool build_ports(Pc *pc, const MachineConfig *cfg, GError **error)
{
    if (!build_kind(pc, cfg, &port_kinds[0], cfg->serial, cfg->serial_count,
                    error)
        || !build_kind(pc, cfg, &port_kinds[1], cfg->parallel,
                       cfg->parallel_count, error)) {
        return false;
    }
    if (cfg->debugcon) {
        Device *dev = add(pc, cfg, &isa_debugcon_type, "debugcon", error);

        return dev && finish_isa(pc, dev, "debugcon", cfg->debugcon, error);
    }
    return true;
}

static bool build_isa(Pc *pc, const MachineConfig *cfg, GError **error)
{
    if (!build_timers(pc, cfg, error) || !build_keyboard(pc, cfg, error)) {
        return false;
    }
    pc->dma = add(pc, cfg, &i8237_type, "i8237", error);
    return pc->dma && device_realize(pc->dma, error)
           && build_ports(pc, cfg, error);
}

/* --- -device -------------------------------------------------------------- */

static const DeviceType *find_type(const MachineConfig *cfg, const char *name,
                                   GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (unsigned i = 0; cfg->types && cfg->types[i]; i++) {
        const DeviceType *t = cfg->types[i];

        if (t->user_creatable && g_str_equal(t->name, name)) {
            return t;
        }
        if (t->user_creatable) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)t->name);
        }
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    fail(error, "-device %s: no such device%s%s%s (-device help lists them)",
         name, near ? ", did you mean '" : "", near ? near : "",
         near ? "'?" : "");
    return NULL;
}

static bool set_props(Device *dev, const DeviceSpec *spec, const char **chardev,
                      GError **error)
{
    const IsaDeviceOps *ops = dev->type->bus_ops;
    bool isa = dev->type->bus && g_str_equal(dev->type->bus, "isa");

    for (unsigned i = 0; i < spec->prop_count; i++) {
        const MachineProp *p = &spec->props[i];

        if (isa && ops && ops->set_port && g_str_equal(p->name, "chardev")) {
            *chardev = p->value;
        } else if (!device_set_prop(dev, p->name, p->value, error)) {
            return fail_prefix(error, "-device %s", spec->driver);
        }
    }
    return true;
}

static bool spec_has(const DeviceSpec *spec, const char *prop)
{
    for (unsigned i = 0; i < spec->prop_count; i++) {
        if (g_str_equal(spec->props[i].name, prop)) {
            return true;
        }
    }
    return false;
}

/* A port without a place of its own takes the first free one. */
static bool place_port(Pc *pc, Device *dev, const DeviceSpec *spec,
                       GError **error)
{
    const PortKind *kind = port_kinds, *end = kind + G_N_ELEMENTS(port_kinds);
    unsigned index = 0;
    g_autofree char *text = NULL;

    while (kind < end && kind->type != dev->type) {
        kind++;
    }
    if (kind == end || spec_has(spec, "index") || spec_has(spec, "iobase")) {
        return true;
    }
    while (index < kind->places && (*kind_mask(pc, kind) & 1u << index)) {
        index++;
    }
    if (index == kind->places) {
        return fail(error, "-device %s: all %u %s ports are taken",
                    spec->driver, kind->places, kind->name);
    }
    *kind_mask(pc, kind) |= 1u << index;
    text = g_strdup_printf("%u", index);
    return device_set_prop(dev, "index", text, error);
}

static bool add_device(Pc *pc, const MachineConfig *cfg, const DeviceSpec *spec,
                       GError **error)
{
    const DeviceType *type = find_type(cfg, spec->driver, error);
    const char *chardev = NULL;
    Chardev *backend = NULL;
    Device *dev;
    bool good;

    if (!type) {
        return false;
    }
    if (spec->id && device_find(pc->m.dev.vm, spec->id)) {
        return fail(error, "-device %s,id=%s: the id is taken", spec->driver,
                    spec->id);
    }
    dev = add(pc, cfg, type, spec->id ? spec->id : spec->driver, error);
    if (!dev || !set_props(dev, spec, &chardev, error)
        || !place_port(pc, dev, spec, error)) {
        return false;
    }
    dev->id = g_strdup(spec->id);
    if (chardev) {
        backend = cfg->find_chardev
                      ? cfg->find_chardev(cfg->find_chardev_opaque, chardev)
                      : NULL;
        if (!backend) {
            return fail(error, "-device %s: chardev '%s' not found",
                        spec->driver, chardev);
        }
    }
    if (type->bus && g_str_equal(type->bus, "pci")) {
        pci_place((PciDevice *)dev, i440fx_bus(pc->i440fx), -1);
        good = device_realize(dev, error);
    } else if (type->bus && g_str_equal(type->bus, "isa")) {
        good = finish_isa(pc, dev, spec->id ? spec->id : spec->driver, backend,
                          error);
    } else if (type->bus && g_str_equal(type->bus, "ide")) {
        good = pc_ide_device(pc, dev, error);
    } else {
        return fail(error, "-device %s: this machine has no %s bus",
                    spec->driver, type->bus ? type->bus : "system");
    }
    return good || fail_prefix(error, "-device %s", spec->driver);
}

static bool build_devices(Pc *pc, const MachineConfig *cfg, GError **error)
{
    for (unsigned i = 0; i < cfg->device_count; i++) {
        if (!add_device(pc, cfg, &cfg->devices[i], error)) {
            return false;
        }
    }
    return true;
}

/* --- firmware ------------------------------------------------------------- */

static bool load_bios(Pc *pc, const MachineConfig *cfg, GError **error)
{
    Vm *vm = pc->m.dev.vm;
    const char *path = cfg->bios ? cfg->bios : "bios-256k.bin";
    g_autoptr(GBytes) data =
        machine_blob_load(vm, cfg, "bios", BLOB_FIRMWARE, path, error);
    MemRegion *pci = i440fx_pci_mem(pc->i440fx), *rom;
    uint64_t size, isa;

    if (!data) {
        return false;
    }
    size = g_bytes_get_size(data);
    if (size == 0 || size % BIOS_UNIT || size > BIOS_MAX) {
        return fail(error,
                    "-bios %s: size %" PRIu64 " is not a multiple of 64 KiB "
                    "up to 16 MiB",
                    path, size);
    }
    rom = mem_rom(vm, "pc.bios", size, error);
    if (!rom) {
        return false;
    }
    memcpy(mem_host(rom), g_bytes_get_data(data, NULL), size);
    mem_add(pci, 4 * GIB - size, rom, 0);
    isa = MIN(size, ISA_BIOS_MAX);
    mem_add(pci, MIB - isa, mem_alias(vm, "isa-bios", rom, size - isa, isa), 1);
    return true;
}

static bool build_firmware(Pc *pc, const MachineConfig *cfg, GError **error)
{
    bool flash = false;

    pc->fw_cfg = add(pc, cfg, &fw_cfg_type, "fw-cfg", error);
    if (!pc->fw_cfg || !device_realize(pc->fw_cfg, error)
        || !pc_flash_build(pc, cfg, &flash, error)
        || (!flash && !load_bios(pc, cfg, error))) {
        return false;
    }
    pc_cmos_build(pc, cfg);
    if (!direct_boot_setup(pc, cfg, error)
        || (!cfg->no_acpi && !pc_acpi_build(pc, cfg, error))
        || !smbios_build(pc->fw_cfg, cfg, pc->ram.below_4g, pc->ram.above_4g,
                         error)
        || !pc_fw_cfg_build(pc, cfg, error)) {
        return false;
    }
    fw_cfg_finish(pc->fw_cfg);
    return true;
}

/* --- board ---------------------------------------------------------------- */

static bool check_config(const MachineConfig *cfg, GError **error)
{
    if (cfg->cpus < 1 || cfg->cpus > PC_CPUS_MAX) {
        return fail(error, "-smp %u: this machine has 1 to %d CPUs", cfg->cpus,
                    PC_CPUS_MAX);
    }
    if (cfg->ram_bytes < RAM_MIN || cfg->ram_bytes % GUEST_PAGE_SIZE) {
        return fail(error, "-m: memory size must be at least 2 MiB and a "
                           "multiple of 4 KiB");
    }
    if (cfg->vga && !g_str_equal(cfg->vga, "none") && !cfg->nographic) {
        return fail(error,
                    "-vga %s: no display adapter yet, use -vga none or "
                    "-nographic",
                    cfg->vga);
    }
    return true;
}

static void pc_unrealize(Device *dev)
{
    Pc *pc = (Pc *)dev;

    g_free(pc->cpu);
    g_ptr_array_free(pc->boot_order, TRUE);
    machine_fini(&pc->m);
}

static const DeviceType pc_type = {
    .name = "pc",
    .size = sizeof(Pc),
    .state = pc_state,
    .bus = MACHINE_BUS,
    .doc = "the board",
    .unrealize = pc_unrealize,
};

static bool pc_build(Vm *vm, const MachineConfig *cfg, GError **error)
{
    Pc *pc;

    if (!check_config(cfg, error)) {
        return false;
    }
    pc = (Pc *)device_new(vm, &pc_type, NULL, "pc");
    machine_init(&pc->m, &pc_machine);
    pc->boot_order = g_ptr_array_new_with_free_func(g_free);
    pc->cpus = cfg->cpus;
    pc->max_cpus = MAX(cfg->max_cpus, cfg->cpus);
    pc->ram = i440fx_split_ram(cfg->ram_bytes);
    init_lines(pc);
    return device_realize(&pc->m.dev, error) && build_processors(pc, cfg, error)
           && build_chipset(pc, cfg, error) && build_isa(pc, cfg, error)
           && pc_ide_drives(pc, cfg, error) && build_devices(pc, cfg, error)
           && build_firmware(pc, cfg, error);
}

static void pc_powerdown(Vm *vm)
{
    piix4_pm_power_button(((Pc *)machine_of(vm))->pm);
}

static void pc_nmi(Vm *vm)
{
    Pc *pc = (Pc *)machine_of(vm);

    for (unsigned i = 0; i < pc->cpus; i++) {
        irq_pulse(&pc->cpu[i]->nmi);
    }
    vm_horizon_changed(vm);
}

const MachineType pc_machine = {
    .name = "pc-i440fx-7.2",
    .alias = "pc",
    .doc = "Standard PC (i440FX + PIIX, 1996)",
    .default_cpu32 = "qemu32",
    .default_cpu64 = "qemu64",
    .default_ram = 128 * MIB,
    .max_cpus = PC_CPUS_MAX,
    .build = pc_build,
    .powerdown = pc_powerdown,
    .nmi = pc_nmi,
};
