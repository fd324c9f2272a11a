/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI configuration space, BARs, interrupts; 440FX shadow RAM; PIIX3, PIIX4. */
#include "hw/pci.h"

#include "core/bytes.h"
#include "hw/i440fx.h"
#include "hw/piix3.h"
#include "hw/piix4_pm.h"

#define RAM_BYTES 0x1000000u

/* --- a card with one BAR of each kind ------------------------------------- */

typedef struct Card {
    PciDevice pci; /* first */
    uint32_t last;
} Card;

static uint64_t card_read(Device *dev, uint64_t off, unsigned size)
{
    return 0xc0 + off;
}

static void card_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    ((Card *)dev)->last = (uint32_t)v;
}

static const MemOps card_ops = {
    .read = card_read,
    .write = card_write,
    .peek = card_read,
    .max_size = 4,
};

static bool card_realize(PciDevice *pd, GError **error)
{
    Vm *vm = pd->dev.vm;

    pci_bar_io(pd, 0, mem_io(vm, "card-io", &pd->dev, &card_ops, 0x20));
    pci_bar_mem(pd, 1, mem_io(vm, "card-mem", &pd->dev, &card_ops, 0x1000),
                false, false);
    pci_bar_mem(pd, 2, mem_io(vm, "card-wide", &pd->dev, &card_ops, 0x10000),
                true, true);
    pci_msi_add(pd, 4);
    return pci_msix_add(pd, 3, 4, error);
}

/* clang-format off */
static const StateField card_state[] = {
    STATE_GROUP(Card, pci, pci_device_rows, PciDevice),
    STATE(Card, last),
    STATE_END,
};

static const PropField card_props[] = {PCI_PROPS(Card), PROP_LIST_END};
/* clang-format on */

static const PciDeviceOps card_pci_ops = {
    .vendor = 0x1234,
    .device = 0x5678,
    .revision = 9,
    .class_code = 0xff0000,
    .irq_pin = 1,
    .realize = card_realize,
};

static const DeviceType card_type = {
    .name = "card",
    .size = sizeof(Card),
    .state = card_state,
    .props = card_props,
    .bus = "pci",
    .bus_ops = &card_pci_ops,
    .realize = pci_realize,
    .unrealize = pci_unrealize,
    .reset_done = pci_reset_done,
    .rebuild = pci_rebuild,
};

/* --- a bridge with a card, and lines to look at --------------------------- */

typedef struct Sink {
    Device dev; /* first */
    IrqLine irq[16];
    IrqLine sci;
    uint64_t msi_addr;
    uint32_t msi_data, msi_count;
    Device *piix3;
} Sink;

/* clang-format off */
static const StateField sink_state[] = {
    STATE(Sink, irq), STATE(Sink, sci), STATE(Sink, msi_addr),
    STATE(Sink, msi_data), STATE(Sink, msi_count), WIRE(Sink, piix3),
    STATE_END,
};
/* clang-format on */

static const DeviceType sink_type = {
    .name = "sink",
    .size = sizeof(Sink),
    .state = sink_state,
};

static void sink_pirq(Device *owner, unsigned line, bool level)
{
    piix3_set_pirq(((Sink *)owner)->piix3, line, level);
}

static void sink_msi(Device *owner, uint64_t addr, uint32_t data)
{
    Sink *s = (Sink *)owner;

    s->msi_addr = addr;
    s->msi_data = data;
    s->msi_count++;
}

static const PciBusOps sink_ops = {
    .map_irq = piix3_map_irq,
    .set_irq = sink_pirq,
    .msi = sink_msi,
};

typedef struct Fixture {
    Vm *vm;
    Sink *sink;
    Device *bridge, *pm;
    Card *card; /* 00:03.0 */
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    IrqLine *out[16];
    PciBus *bus;

    f->vm = vm_new();
    f->sink = (Sink *)device_new(f->vm, &sink_type, NULL, "sink");
    f->bridge = i440fx_new(f->vm, NULL, RAM_BYTES, NULL);
    g_assert_nonnull(f->bridge);
    bus = i440fx_bus(f->bridge);
    pci_bus_set_irq_ops(bus, &sink_ops, &f->sink->dev);
    for (unsigned i = 0; i < 16; i++) {
        irq_init(&f->sink->irq[i], &f->sink->dev, NULL, i);
        out[i] = &f->sink->irq[i];
    }
    irq_init(&f->sink->sci, &f->sink->dev, NULL, 0);
    f->sink->piix3 = device_new(f->vm, &piix3_type, NULL, "piix3");
    piix3_connect(f->sink->piix3, out);
    pci_place((PciDevice *)f->sink->piix3, bus, PCI_DEVFN(1, 0));
    g_assert_true(device_realize(f->sink->piix3, NULL));
    i440fx_set_cf8_bytes(f->bridge, f->sink->piix3, &piix3_cf8_ops);
    f->pm = device_new(f->vm, &piix4_pm_type, NULL, "pm");
    piix4_pm_connect(f->pm, &f->sink->sci);
    pci_place((PciDevice *)f->pm, bus, PCI_DEVFN(1, 3));
    g_assert_true(device_realize(f->pm, NULL));
    f->card = (Card *)device_new(f->vm, &card_type, NULL, "card");
    pci_place(&f->card->pci, bus, -1);
    g_assert_true(device_set_prop(&f->card->pci.dev, "addr", "3", NULL));
    g_assert_true(device_realize(&f->card->pci.dev, NULL));
    devices_seal(f->vm);
    devices_reset(f->vm);
}

static void teardown(Fixture *f, gconstpointer data)
{
    vm_free(f->vm);
}

static uint32_t conf_at(unsigned devfn, unsigned at)
{
    return 0x80000000u | devfn << 8 | (at & 0xfc);
}

static uint32_t conf_read(Fixture *f, unsigned devfn, unsigned at,
                          unsigned size)
{
    mem_io_write(f->vm->io, 0xcf8, conf_at(devfn, at), 4);
    return (uint32_t)mem_io_read(f->vm->io, 0xcfc + (at & 3), size);
}

static void conf_write(Fixture *f, unsigned devfn, unsigned at, uint32_t v,
                       unsigned size)
{
    mem_io_write(f->vm->io, 0xcf8, conf_at(devfn, at), 4);
    mem_io_write(f->vm->io, 0xcfc + (at & 3), v, size);
}

#define CARD PCI_DEVFN(3, 0)
#define ISA PCI_DEVFN(1, 0)
#define PM PCI_DEVFN(1, 3)

static void test_config(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(conf_read(f, 0, 0, 4), ==, 0x12378086);
    g_assert_cmphex(conf_read(f, ISA, 0, 4), ==, 0x70008086);
    g_assert_cmphex(conf_read(f, PM, 2, 2), ==, 0x7113);
    g_assert_cmphex(conf_read(f, CARD, 0, 4), ==, 0x56781234);
    g_assert_cmphex(conf_read(f, CARD, 0x08, 4), ==, 0xff000009);
    g_assert_cmphex(conf_read(f, CARD, 0x2c, 4), ==, 0x11001af4);
    g_assert_cmphex(conf_read(f, PCI_DEVFN(9, 0), 0, 4), ==, 0xffffffff);
    conf_write(f, CARD, 0, 0xdeadbeef, 4);
    g_assert_cmphex(conf_read(f, CARD, 0, 4), ==, 0x56781234);
    conf_write(f, CARD, 0x3c, 0xab, 1);
    g_assert_cmphex(conf_read(f, CARD, 0x3c, 2), ==, 0x01ab);
    /* mechanism off */
    mem_io_write(f->vm->io, 0xcf8, 0, 4);
    g_assert_cmphex(mem_io_read(f->vm->io, 0xcfc, 4), ==, 0xffffffff);
    g_assert_cmphex(mem_io_read(f->vm->io, 0xcf8, 4), ==, 0);
}

static void test_bars(Fixture *f, gconstpointer data)
{
    conf_write(f, CARD, 0x10, 0xffffffff, 4);
    g_assert_cmphex(conf_read(f, CARD, 0x10, 4), ==, 0xffffffe1);
    conf_write(f, CARD, 0x14, 0xffffffff, 4);
    g_assert_cmphex(conf_read(f, CARD, 0x14, 4), ==, 0xfffff000);
    conf_write(f, CARD, 0x18, 0xffffffff, 4);
    conf_write(f, CARD, 0x1c, 0xffffffff, 4);
    g_assert_cmphex(conf_read(f, CARD, 0x18, 4), ==, 0xffff000c);
    g_assert_cmphex(conf_read(f, CARD, 0x1c, 4), ==, 0xffffffff);

    conf_write(f, CARD, 0x10, 0xc000, 4);
    conf_write(f, CARD, 0x14, 0xf0000000, 4);
    conf_write(f, CARD, 0x18, 0, 4);
    conf_write(f, CARD, 0x1c, 0x80, 4);
    g_assert_cmphex(mem_io_read(f->vm->io, 0xc004, 1), ==, 0xff);
    conf_write(f, CARD, 0x04, 1, 2);
    g_assert_cmphex(mem_io_read(f->vm->io, 0xc004, 1), ==, 0xc4);
    g_assert_cmphex(mem_io_read(f->vm->mem, 0xf0000004, 1), ==, 0xff);
    conf_write(f, CARD, 0x04, 3, 2);
    g_assert_cmphex(mem_io_read(f->vm->mem, 0xf0000004, 1), ==, 0xc4);
    g_assert_cmphex(mem_io_read(f->vm->mem, 0x8000000008, 1), ==, 0xc8);
    /* a size probe while decoding is on does not move it over anything */
    conf_write(f, CARD, 0x14, 0xffffffff, 4);
    g_assert_true(pci_bar_addr(&f->card->pci, 1) == UINT64_MAX);
    devices_reset(f->vm);
    g_assert_cmphex(mem_io_read(f->vm->io, 0xc004, 1), ==, 0xff);
    g_assert_cmphex(mem_io_read(f->vm->mem, 0x8000000008, 1), ==, 0xff);
}

/* Slot 3, INTA: PIRQC (piix3_map_irq), off until routed. */
static void test_intx(Fixture *f, gconstpointer data)
{
    IrqLine *irq = f->sink->irq;

    pci_set_irq(&f->card->pci, true);
    g_assert_cmphex(conf_read(f, CARD, 0x06, 2) & 8, ==, 8);
    g_assert_false(irq_level(&irq[11]));
    conf_write(f, ISA, 0x62, 11, 1);
    g_assert_true(irq_level(&irq[11]));
    conf_write(f, ISA, 0x62, 10, 1);
    g_assert_false(irq_level(&irq[11]));
    g_assert_true(irq_level(&irq[10]));
    conf_write(f, CARD, 0x04, 0x400, 2); /* INTx disable */
    g_assert_false(irq_level(&irq[10]));
    conf_write(f, CARD, 0x04, 0, 2);
    g_assert_true(irq_level(&irq[10]));
    devices_reset(f->vm);
    g_assert_false(irq_level(&irq[10]));
}

static unsigned find_cap(Fixture *f, unsigned id)
{
    unsigned at = conf_read(f, CARD, 0x34, 1);

    while (at && conf_read(f, CARD, at, 1) != id) {
        at = conf_read(f, CARD, at + 1, 1);
    }
    return at;
}

static void test_msi(Fixture *f, gconstpointer data)
{
    unsigned at = find_cap(f, PCI_CAP_MSI);

    g_assert_cmpuint(at, !=, 0);
    conf_write(f, CARD, at + 4, 0xfee01000, 4);
    conf_write(f, CARD, at + 12, 0x41, 2);
    pci_msi_notify(&f->card->pci, 0);
    g_assert_cmpuint(f->sink->msi_count, ==, 0);
    conf_write(f, CARD, at + 2, 0x21, 2); /* on, 4 messages */
    conf_write(f, CARD, 0x04, 4, 2);
    pci_msi_notify(&f->card->pci, 3);
    g_assert_cmpuint(f->sink->msi_count, ==, 1);
    g_assert_cmphex(f->sink->msi_addr, ==, 0xfee01000);
    g_assert_cmphex(f->sink->msi_data, ==, 0x43);
    conf_write(f, CARD, at + 0x10, 0x2, 4); /* mask message 1 */
    pci_msi_notify(&f->card->pci, 1);
    g_assert_cmpuint(f->sink->msi_count, ==, 1);
    g_assert_cmphex(conf_read(f, CARD, at + 0x14, 4), ==, 2);
    conf_write(f, CARD, at + 0x10, 0, 4);
    g_assert_cmpuint(f->sink->msi_count, ==, 2);
    g_assert_cmphex(conf_read(f, CARD, at + 0x14, 4), ==, 0);
}

static void test_msix(Fixture *f, gconstpointer data)
{
    unsigned at = find_cap(f, PCI_CAP_MSIX);
    const uint64_t table = 0xf1000000;

    g_assert_cmphex(conf_read(f, CARD, at + 2, 2), ==, 2);
    conf_write(f, CARD, 0x20, (uint32_t)table, 4);
    conf_write(f, CARD, 0x04, 6, 2);
    g_assert_cmphex(mem_io_read(f->vm->mem, table + 0x1c, 4), ==, 1);
    mem_io_write(f->vm->mem, table + 0x10, 0xfee00000, 4);
    mem_io_write(f->vm->mem, table + 0x18, 0x55, 4);
    conf_write(f, CARD, at + 2, 0x8000, 2);
    pci_msix_notify(&f->card->pci, 1); /* still masked */
    g_assert_cmpuint(f->sink->msi_count, ==, 0);
    g_assert_cmphex(mem_io_read(f->vm->mem, table + 0x800, 4), ==, 2);
    mem_io_write(f->vm->mem, table + 0x1c, 0, 4);
    g_assert_cmpuint(f->sink->msi_count, ==, 1);
    g_assert_cmphex(f->sink->msi_data, ==, 0x55);
}

static void test_pam(Fixture *f, gconstpointer data)
{
    AddressSpace *mem = f->vm->mem;
    uint8_t *ram = mem_host(i440fx_ram(f->bridge));

    ram[0xf0010] = 0x11;
    ram[0xc8010] = 0x22;
    ram[0xa0010] = 0x33;
    g_assert_cmphex(mem_io_read(mem, 0xf0010, 1), ==, 0xff);
    conf_write(f, 0, 0x59, 0x10, 1); /* read DRAM, writes go to PCI */
    g_assert_cmphex(mem_io_read(mem, 0xf0010, 1), ==, 0x11);
    mem_io_write(mem, 0xf0010, 0x77, 1);
    g_assert_cmphex(ram[0xf0010], ==, 0x11);
    conf_write(f, 0, 0x59, 0x30, 1);
    mem_io_write(mem, 0xf0010, 0x77, 1);
    g_assert_cmphex(mem_io_read(mem, 0xf0010, 1), ==, 0x77);
    g_assert_cmphex(mem_io_read(mem, 0xc8010, 1), ==, 0xff);
    conf_write(f, 0, 0x5b, 0x03, 1);
    g_assert_cmphex(mem_io_read(mem, 0xc8010, 1), ==, 0x22);
    g_assert_cmphex(mem_io_read(mem, 0xcc010, 1), ==, 0xff);
    /* SMRAM opens and locks */
    g_assert_cmphex(mem_io_read(mem, 0xa0010, 1), ==, 0xff);
    conf_write(f, 0, 0x72, 0x4a, 1);
    g_assert_cmphex(mem_io_read(mem, 0xa0010, 1), ==, 0x33);
    conf_write(f, 0, 0x72, 0x1a, 1);
    g_assert_cmphex(mem_io_read(mem, 0xa0010, 1), ==, 0xff);
    conf_write(f, 0, 0x72, 0x4a, 1);
    g_assert_cmphex(mem_io_read(mem, 0xa0010, 1), ==, 0xff);
    devices_reset(f->vm);
    g_assert_cmphex(mem_io_read(mem, 0xf0010, 1), ==, 0xff);
    g_assert_cmphex(mem_io_read(mem, 0x1000, 1), ==, 0);
}

static void test_ram_split(void)
{
    I440fxRam r = i440fx_split_ram(0xdffff000);

    g_assert_true(r.below_4g == 0xdffff000 && r.above_4g == 0);
    r = i440fx_split_ram(0x100000000);
    g_assert_true(r.below_4g == 0xc0000000 && r.above_4g == 0x40000000);
}

static void test_reset_control(Fixture *f, gconstpointer data)
{
    mem_io_write(f->vm->io, 0xcf9, 0x02, 1);
    g_assert_false(f->vm->requests & VM_REQ_RESET);
    g_assert_cmphex(mem_io_read(f->vm->io, 0xcf9, 1), ==, 0x02);
    mem_io_write(f->vm->io, 0xcf9, 0x06, 1);
    g_assert_true(f->vm->requests & VM_REQ_RESET);
}

/* What a load of all rows does to the memory map. */
static void test_load(Fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) card = g_byte_array_new();
    g_autoptr(GByteArray) bridge = g_byte_array_new();
    uint64_t digest;

    conf_write(f, CARD, 0x10, 0xc000, 4);
    conf_write(f, CARD, 0x04, 1, 2);
    conf_write(f, 0, 0x59, 0x30, 1);
    mem_io_write(f->vm->mem, 0xf0010, 0x5a, 1);
    state_save(&f->card->pci.dev, card);
    state_save(f->bridge, bridge);
    digest = state_digest(&f->card->pci.dev);
    devices_reset(f->vm);
    g_assert_cmphex(mem_io_read(f->vm->io, 0xc004, 1), ==, 0xff);
    g_assert_true(state_load(&f->card->pci.dev, card->data, card->len, NULL));
    g_assert_true(state_load(f->bridge, bridge->data, bridge->len, NULL));
    g_assert_cmphex(mem_io_read(f->vm->io, 0xc004, 1), ==, 0xc4);
    g_assert_cmphex(mem_io_read(f->vm->mem, 0xf0010, 1), ==, 0x5a);
    g_assert_cmphex(state_digest(&f->card->pci.dev), ==, digest);
}

/* --- power management ----------------------------------------------------- */

static void advance(Fixture *f, int64_t ns)
{
    VirtTime end = virt_add(vm_now(f->vm), ns), next;

    while (clock_deadline(f->vm->clock, &next) && next.ns <= end.ns) {
        if (next.ns > vm_now(f->vm).ns) {
            clock_jump(f->vm->clock, next);
        }
        clock_run_due(f->vm->clock);
    }
    if (end.ns > vm_now(f->vm).ns) {
        clock_jump(f->vm->clock, end);
    }
}

static void open_pm(Fixture *f)
{
    conf_write(f, PM, 0x40, 0x601, 4);
    conf_write(f, PM, 0x80, 1, 1);
}

static void test_pm_timer(Fixture *f, gconstpointer data)
{
    AddressSpace *io = f->vm->io;

    g_assert_cmphex(mem_io_read(io, 0x608, 4), ==, 0xffffffff);
    open_pm(f);
    g_assert_cmphex(mem_io_read(io, 0x608, 4), ==, 0);
    advance(f, NS_PER_SEC);
    g_assert_cmpuint(mem_io_read(io, 0x608, 4), ==, 3579545);
    g_assert_cmpuint(mem_io_read(io, 0x609, 1), ==, 3579545 >> 8 & 0xff);
    g_assert_cmphex(mem_io_read(io, 0x600, 2) & 1, ==, 0);
    mem_io_write(io, 0xb2, 0xf1, 1); /* ACPI on */
    mem_io_write(io, 0x602, 1, 2);   /* TMROF_EN */
    /* bit 23 first toggles at 2^23 ticks, 2.3434844 s */
    advance(f, 2343484000 - NS_PER_SEC);
    g_assert_false(irq_level(&f->sink->sci));
    advance(f, 1000000);
    g_assert_true(irq_level(&f->sink->sci));
    g_assert_cmphex(mem_io_read(io, 0x600, 2) & 1, ==, 1);
    mem_io_write(io, 0x600, 1, 2);
    g_assert_false(irq_level(&f->sink->sci));
    advance(f, 3 * NS_PER_SEC); /* the next toggle back to 0 */
    g_assert_true(irq_level(&f->sink->sci));
}

static void test_pm_events(Fixture *f, gconstpointer data)
{
    AddressSpace *io = f->vm->io;

    /* APMC_EN tells firmware that SMM needs no setting up */
    g_assert_cmphex(conf_read(f, PM, 0x58, 4) >> 25 & 1, ==, 1);
    open_pm(f);
    mem_io_write(io, 0xb2, 0xf1, 1);
    g_assert_cmphex(mem_io_read(io, 0x604, 2), ==, 1);
    piix4_pm_power_button(f->pm);
    g_assert_false(irq_level(&f->sink->sci));
    mem_io_write(io, 0x603, 1, 1); /* PWRBTN_EN, as a byte */
    g_assert_true(irq_level(&f->sink->sci));
    mem_io_write(io, 0x600, 0x100, 2);
    g_assert_false(irq_level(&f->sink->sci));
    mem_io_write(io, 0x604, 0x2001, 2);
    g_assert_true(f->vm->requests & VM_REQ_SHUTDOWN);
    g_assert_cmpint(f->vm->cause, ==, VM_CAUSE_GUEST_SHUTDOWN);
}

static void test_smbus_is_empty(Fixture *f, gconstpointer data)
{
    AddressSpace *io = f->vm->io;

    conf_write(f, PM, 0x90, 0x701, 4);
    conf_write(f, PM, 0xd2, 9, 1);
    g_assert_cmphex(mem_io_read(io, 0x700, 1), ==, 0);
    mem_io_write(io, 0x704, 0xa1, 1);
    mem_io_write(io, 0x702, 0x48, 1);
    g_assert_cmphex(mem_io_read(io, 0x700, 1), ==, 0x06);
    mem_io_write(io, 0x700, 0x06, 1);
    g_assert_cmphex(mem_io_read(io, 0x700, 1), ==, 0);
}

static void test_slots(Fixture *f, gconstpointer data)
{
    PciBus *bus = i440fx_bus(f->bridge);

    g_assert_true(pci_bus_device(bus, CARD) == &f->card->pci);
    g_assert_null(pci_bus_device(bus, PCI_DEVFN(2, 0)));
    g_assert_cmpuint(piix3_map_irq(PCI_DEVFN(1, 0), 0), ==, 0);
    g_assert_cmpuint(piix3_map_irq(PCI_DEVFN(0, 0), 0), ==, 3);
    g_assert_cmpuint(piix3_map_irq(PCI_DEVFN(3, 0), 3), ==, 1);
}

#define ADD(path, fn) g_test_add(path, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/pci/config", test_config);
    ADD("/pci/bars", test_bars);
    ADD("/pci/intx", test_intx);
    ADD("/pci/msi", test_msi);
    ADD("/pci/msix", test_msix);
    ADD("/pci/slots", test_slots);
    ADD("/pci/load", test_load);
    ADD("/i440fx/pam", test_pam);
    g_test_add_func("/i440fx/split", test_ram_split);
    ADD("/piix3/reset", test_reset_control);
    ADD("/piix4/timer", test_pm_timer);
    ADD("/piix4/events", test_pm_events);
    ADD("/piix4/smbus", test_smbus_is_empty);
    return g_test_run();
}
