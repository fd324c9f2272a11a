/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APIC and I/O APIC (Intel SDM volume 3 chapter 10, 82093AA). The vCPUs
 * are stand-ins: lines, and what INIT and SIPI ask of them. */
#include "hw/apic.h"
#include "hw/i8259.h"
#include "tests/unit/bench.h"

#define LAPIC 0xfee00000u
#define IOAPIC 0xfec00000u
#define CPUS 2

static struct {
    unsigned inits, sipis;
    uint8_t vector;
} seen[CPUS];

void x86_cpu_init(X86Cpu *cpu, bool bsp)
{
    g_assert_true(bsp == (cpu->v.index == 0));
    seen[cpu->v.index].inits++;
}

void x86_cpu_sipi(X86Cpu *cpu, uint8_t vector)
{
    seen[cpu->v.index].sipis++;
    seen[cpu->v.index].vector = vector;
}

typedef struct Rig {
    Bench *b;
    X86Cpu *cpu[CPUS];
    Device *lapic[CPUS], *ioapic, *pic;
} Rig;

static unsigned nmis;

static void count_nmi(Device *dev, unsigned n, bool level)
{
    nmis += level;
}

static Rig rig_new(void)
{
    Rig r = {.b = bench_new_unrealized(&apic_bus_type)};
    Vm *vm = r.b->vm;

    for (unsigned i = 0; i < CPUS; i++) {
        seen[i].inits = 0;
        seen[i].sipis = 0;
        r.cpu[i] = g_new0(X86Cpu, 1);
        r.cpu[i]->v.index = i;
        r.cpu[i]->apic_id = i;
        r.cpu[i]->tsc_hz = 2000000000;
        r.cpu[i]->features[X86_FEAT_1_ECX] = 1u << 21 | 1u << 24;
        irq_init(&r.cpu[i]->nmi, NULL, count_nmi, i);
        r.lapic[i] = device_new(vm, &lapic_type, NULL, "lapic");
        lapic_connect(r.lapic[i], r.b->dev, r.cpu[i]);
        g_assert_true(device_realize(r.lapic[i], NULL));
    }
    r.ioapic = device_new(vm, &ioapic_type, NULL, "ioapic");
    ioapic_connect(r.ioapic, r.b->dev);
    g_assert_true(device_realize(r.ioapic, NULL));
    r.pic = device_new(vm, &i8259_type, NULL, "pic");
    i8259_connect(r.pic, lapic_lint(r.lapic[0], 0));
    apic_bus_set_pic(r.b->dev, r.pic);
    g_assert_true(device_realize(r.pic, NULL));
    bench_realize(r.b);
    return r;
}

static void rig_free(Rig *r)
{
    Vm *vm = r->b->vm;

    vm->vcpu_now = NULL;
    bench_free(r->b);
    for (unsigned i = 0; i < CPUS; i++) {
        g_free(r->cpu[i]);
    }
}

static uint32_t get(Rig *r, unsigned cpu, unsigned reg)
{
    r->b->vm->vcpu_now = (Device *)r->cpu[cpu];
    return bench_read32(r->b, LAPIC + reg);
}

static void set(Rig *r, unsigned cpu, unsigned reg, uint32_t v)
{
    r->b->vm->vcpu_now = (Device *)r->cpu[cpu];
    bench_write32(r->b, LAPIC + reg, v);
}

static void enable(Rig *r)
{
    for (unsigned i = 0; i < CPUS; i++) {
        set(r, i, 0xf0, 0x1ff);
        set(r, i, 0xe0, 0xffffffff);
        set(r, i, 0xd0, (1u << i) << 24);
    }
}

static int ack(Rig *r, unsigned cpu)
{
    return lapic_intr_ops.ack(r->lapic[cpu]);
}

static bool intr(Rig *r, unsigned cpu)
{
    return r->cpu[cpu]->intr.level;
}

static void test_identity(void)
{
    Rig r = rig_new();

    g_assert_cmphex(get(&r, 0, 0x20), ==, 0);
    g_assert_cmphex(get(&r, 1, 0x20), ==, 0x01000000);
    g_assert_cmphex(get(&r, 1, 0x30), ==, 0x00050014);
    g_assert_cmphex(get(&r, 1, 0xf0), ==, 0xff);
    g_assert_cmphex(get(&r, 1, 0x350), ==, 0x10000);
    g_assert_cmphex(lapic_intr_ops.get_base(r.lapic[0]), ==, 0xfee00900);
    g_assert_cmphex(lapic_intr_ops.get_base(r.lapic[1]), ==, 0xfee00800);
    g_assert_false(lapic_intr_ops.set_base(r.lapic[0], 0xfee00f00));
    set(&r, 1, 0x340, 0x400); /* LVT stays masked until SVR enables */
    g_assert_cmphex(get(&r, 1, 0x340), ==, 0x10400);
    rig_free(&r);
}

static void test_priority(void)
{
    Rig r = rig_new();

    enable(&r);
    set(&r, 0, 0x310, 0);
    set(&r, 0, 0x300, 0x4051); /* to itself, fixed, vector 0x51 */
    set(&r, 0, 0x300, 0x4062);
    set(&r, 0, 0x300, 0x4055);
    g_assert_cmphex(get(&r, 0, 0x220), ==, 0x22u << 16); /* IRR 0x40-0x5f */
    g_assert_cmphex(get(&r, 0, 0x230), ==, 1u << 2);     /* IRR 0x60-0x7f */
    g_assert_cmpint(ack(&r, 0), ==, 0x62);
    g_assert_cmphex(get(&r, 0, 0xa0), ==, 0x60); /* PPR */
    g_assert_false(intr(&r, 0));
    set(&r, 0, 0x300, 0x4063); /* same class: waits */
    g_assert_false(intr(&r, 0));
    set(&r, 0, 0x300, 0x4070);
    g_assert_true(intr(&r, 0));
    g_assert_cmpint(ack(&r, 0), ==, 0x70);
    set(&r, 0, 0xb0, 0);
    g_assert_false(intr(&r, 0));
    set(&r, 0, 0xb0, 0);
    g_assert_cmpint(ack(&r, 0), ==, 0x63);
    set(&r, 0, 0xb0, 0);
    set(&r, 0, 0x80, 0x50); /* TPR holds class 5 back */
    g_assert_false(intr(&r, 0));
    g_assert_cmpint(ack(&r, 0), ==, -1);
    lapic_intr_ops.set_tpr(r.lapic[0], 0x40);
    g_assert_true(intr(&r, 0));
    g_assert_cmpint(ack(&r, 0), ==, 0x55);
    set(&r, 0, 0xb0, 0);
    g_assert_cmpint(ack(&r, 0), ==, 0x51);
    rig_free(&r);
}

static void test_ipi(void)
{
    Rig r = rig_new();

    enable(&r);
    set(&r, 0, 0x310, 0x01000000);
    set(&r, 0, 0x300, 0x4041); /* physical */
    g_assert_false(intr(&r, 0));
    g_assert_cmpint(ack(&r, 1), ==, 0x41);
    set(&r, 1, 0xb0, 0);
    set(&r, 0, 0x310, 0x03000000);
    set(&r, 0, 0x300, 0x4842); /* logical, flat: both */
    g_assert_cmpint(ack(&r, 0), ==, 0x42);
    g_assert_cmpint(ack(&r, 1), ==, 0x42);
    set(&r, 0, 0xb0, 0);
    set(&r, 1, 0xb0, 0);
    set(&r, 1, 0x300, 0xc4043); /* all but self */
    g_assert_cmpint(ack(&r, 0), ==, 0x43);
    g_assert_false(intr(&r, 1));
    set(&r, 0, 0xb0, 0);
    set(&r, 1, 0x300, 0x84044); /* all */
    g_assert_cmpint(ack(&r, 0), ==, 0x44);
    g_assert_cmpint(ack(&r, 1), ==, 0x44);
    set(&r, 0, 0xb0, 0);
    set(&r, 1, 0xb0, 0);
    set(&r, 1, 0x300, 0x44045); /* self */
    g_assert_cmpint(ack(&r, 1), ==, 0x45);
    set(&r, 1, 0xb0, 0);
    set(&r, 0, 0xe0, 0x0fffffff); /* clusters: 0x11 and 0x12 */
    set(&r, 1, 0xe0, 0x0fffffff);
    set(&r, 0, 0xd0, 0x11000000);
    set(&r, 1, 0xd0, 0x12000000);
    set(&r, 0, 0x310, 0x12000000);
    set(&r, 0, 0x300, 0x4846);
    g_assert_false(intr(&r, 0));
    g_assert_cmpint(ack(&r, 1), ==, 0x46);
    rig_free(&r);
}

static void test_start_up(void)
{
    Rig r = rig_new();

    enable(&r);
    set(&r, 0, 0x310, 0x01000000);
    set(&r, 0, 0x300, 0xc500); /* INIT, asserted */
    set(&r, 0, 0x300, 0x8500); /* de-asserted: nothing */
    g_assert_cmpuint(seen[1].inits, ==, 1);
    g_assert_cmpuint(seen[0].inits, ==, 0);
    g_assert_cmphex(get(&r, 1, 0xf0), ==, 0xff); /* the APIC is reset too */
    set(&r, 0, 0x300, 0x4608);
    g_assert_cmpuint(seen[1].sipis, ==, 1);
    g_assert_cmphex(seen[1].vector, ==, 8);
    nmis = 0;
    set(&r, 0, 0x300, 0x4400);
    g_assert_cmpuint(nmis, ==, 1);
    rig_free(&r);
}

static void test_errors(void)
{
    Rig r = rig_new();

    enable(&r);
    set(&r, 0, 0x370, 0x40fe);
    set(&r, 0, 0x370, 0x00fe);
    set(&r, 0, 0x300, 0x44005); /* vector below 16 */
    g_assert_cmphex(get(&r, 0, 0x280), ==, 0);
    g_assert_cmpint(ack(&r, 0), ==, 0xfe);
    set(&r, 0, 0x280, 0);
    g_assert_cmphex(get(&r, 0, 0x280), ==, 0x20);
    set(&r, 0, 0x280, 0);
    g_assert_cmphex(get(&r, 0, 0x280), ==, 0);
    rig_free(&r);
}

static void test_timer(void)
{
    Rig r = rig_new();
    Bench *b = r.b;

    enable(&r);
    set(&r, 0, 0x3e0, 0xb);  /* by 1 */
    set(&r, 0, 0x320, 0xd0); /* one-shot */
    set(&r, 0, 0x380, 1000);
    bench_advance(b, 400);
    g_assert_cmpuint(get(&r, 0, 0x390), ==, 600);
    bench_advance(b, 599);
    g_assert_false(intr(&r, 0));
    bench_advance(b, 1);
    g_assert_cmpint(ack(&r, 0), ==, 0xd0);
    g_assert_cmpuint(get(&r, 0, 0x390), ==, 0);
    set(&r, 0, 0xb0, 0);
    bench_advance(b, 5000);
    g_assert_false(intr(&r, 0));
    set(&r, 0, 0x3e0, 0x3);     /* by 16 */
    set(&r, 0, 0x320, 0x200d1); /* periodic */
    set(&r, 0, 0x380, 100);     /* 1600 ns */
    bench_advance(b, 1600 + 160);
    g_assert_cmpuint(get(&r, 0, 0x390), ==, 90);
    g_assert_cmpint(ack(&r, 0), ==, 0xd1);
    set(&r, 0, 0xb0, 0);
    bench_advance(b, 1600);
    g_assert_cmpint(ack(&r, 0), ==, 0xd1);
    set(&r, 0, 0xb0, 0);
    set(&r, 0, 0x320, 0x300d1); /* masked: counts on, no interrupt */
    bench_advance(b, 16000);
    g_assert_false(intr(&r, 0));
    g_assert_cmpuint(get(&r, 0, 0x390), ==, 90);
    set(&r, 0, 0x380, 0);
    g_assert_cmpuint(get(&r, 0, 0x390), ==, 0);
    rig_free(&r);
}

static void test_deadline(void)
{
    Rig r = rig_new();

    enable(&r);
    set(&r, 0, 0x320, 0x400d2);
    lapic_intr_ops.set_deadline(r.lapic[0], 2001); /* 2 GHz: 1000.5 ns */
    bench_advance(r.b, 1000);
    g_assert_false(intr(&r, 0));
    g_assert_cmpuint(lapic_intr_ops.get_deadline(r.lapic[0]), ==, 2001);
    bench_advance(r.b, 1);
    g_assert_cmpint(ack(&r, 0), ==, 0xd2);
    g_assert_cmpuint(lapic_intr_ops.get_deadline(r.lapic[0]), ==, 0);
    rig_free(&r);
}

static void pic_init(Rig *r)
{
    bench_outb(r->b, 0x20, 0x11);
    bench_outb(r->b, 0x21, 0x20);
    bench_outb(r->b, 0x21, 4);
    bench_outb(r->b, 0x21, 1);
}

static void test_virtual_wire(void)
{
    Rig r = rig_new();

    pic_init(&r);
    irq_set(i8259_in(r.pic, 1), true);
    g_assert_true(intr(&r, 0)); /* LINT0 is open after a reset */
    g_assert_false(intr(&r, 1));
    g_assert_cmpint(ack(&r, 0), ==, 0x21);
    bench_outb(r.b, 0x20, 0x20);
    irq_set(i8259_in(r.pic, 4), true);
    g_assert_true(intr(&r, 0));
    enable(&r);
    set(&r, 0, 0x350, 0x10700); /* masked */
    set(&r, 0, 0x80, 0);
    g_assert_false(intr(&r, 0));
    lapic_intr_ops.set_base(r.lapic[0], 0xfee00100); /* APIC off: direct */
    g_assert_true(intr(&r, 0));
    g_assert_cmphex(get(&r, 0, 0x30), ==, 0xffffffff);
    g_assert_cmpint(ack(&r, 0), ==, 0x24);
    rig_free(&r);
}

static void ioapic_set(Rig *r, unsigned reg, uint32_t v)
{
    bench_write32(r->b, IOAPIC, reg);
    bench_write32(r->b, IOAPIC + 0x10, v);
}

static uint32_t ioapic_get(Rig *r, unsigned reg)
{
    bench_write32(r->b, IOAPIC, reg);
    return bench_read32(r->b, IOAPIC + 0x10);
}

static void test_ioapic_edge(void)
{
    Rig r = rig_new();
    IrqLine *pin = ioapic_in(r.ioapic, 4);

    enable(&r);
    g_assert_cmphex(ioapic_get(&r, 1), ==, 0x00170020);
    g_assert_cmphex(ioapic_get(&r, 0x10 + 8), ==, 0x00010000);
    ioapic_set(&r, 0x10 + 9, 0x01000000); /* to id 1 */
    irq_set(pin, true);
    ioapic_set(&r, 0x10 + 8, 0x61);
    g_assert_false(intr(&r, 1)); /* a masked edge is lost */
    irq_set(pin, false);
    irq_set(pin, true);
    g_assert_cmpint(ack(&r, 1), ==, 0x61);
    set(&r, 1, 0xb0, 0);
    g_assert_false(intr(&r, 1)); /* the level alone says nothing */
    ioapic_set(&r, 0x10 + 8, 0x0461);
    nmis = 0;
    irq_set(pin, false);
    irq_set(pin, true);
    g_assert_cmpuint(nmis, ==, 1);
    rig_free(&r);
}

static void test_ioapic_level(void)
{
    Rig r = rig_new();
    IrqLine *pin = ioapic_in(r.ioapic, 10);

    enable(&r);
    ioapic_set(&r, 0x10 + 21, 0x02000000);
    irq_set(pin, true);
    ioapic_set(&r, 0x10 + 20, 0xa871); /* logical, level, low active */
    g_assert_cmpint(ack(&r, 1), ==, 0x71);
    g_assert_cmphex(get(&r, 1, 0x180 + 0x30), ==, 1u << 0x11); /* TMR */
    g_assert_cmphex(ioapic_get(&r, 0x10 + 20), ==, 0xe871);    /* remote IRR */
    set(&r, 1, 0xb0, 0); /* still up: again */
    g_assert_cmpint(ack(&r, 1), ==, 0x71);
    irq_set(pin, false);
    set(&r, 1, 0xb0, 0);
    g_assert_false(intr(&r, 1));
    g_assert_cmphex(ioapic_get(&r, 0x10 + 20), ==, 0xa871);
    rig_free(&r);
}

static void test_lowest_and_msi(void)
{
    Rig r = rig_new();

    enable(&r);
    set(&r, 0, 0x80, 0x30);
    set(&r, 1, 0x80, 0x20);
    ioapic_set(&r, 0x10 + 5, 0x03000000);
    ioapic_set(&r, 0x10 + 4, 0x0981); /* lowest priority of both */
    irq_set(ioapic_in(r.ioapic, 2), true);
    g_assert_false(intr(&r, 0));
    g_assert_cmpint(ack(&r, 1), ==, 0x81);
    apic_msi(r.b->dev, 0xfee00000, 0x0091);
    g_assert_cmpint(ack(&r, 0), ==, 0x91);
    apic_msi(r.b->dev, 0xfee01000, 0x00a1);
    g_assert_cmpint(ack(&r, 1), ==, 0xa1);
    rig_free(&r);
}

static void test_state(void)
{
    Rig r = rig_new();

    enable(&r);
    set(&r, 0, 0x320, 0x200d1);
    set(&r, 0, 0x380, 100);
    for (unsigned i = 0; i < 2; i++) {
        Bench view = {.vm = r.b->vm, .dev = i ? r.ioapic : r.lapic[0]};

        bench_check_state(&view);
    }
    rig_free(&r);
}

/* --- x2APIC --------------------------------------------------------------- */

static bool base(Rig *r, unsigned cpu, uint64_t v)
{
    return lapic_intr_ops.set_base(r->lapic[cpu], v);
}

static bool x2set(Rig *r, unsigned cpu, unsigned reg, uint64_t v)
{
    r->b->vm->vcpu_now = (Device *)r->cpu[cpu];
    return lapic_intr_ops.x2apic_write(r->lapic[cpu], reg, v);
}

static uint64_t x2get(Rig *r, unsigned cpu, unsigned reg)
{
    uint64_t v = 0;

    g_assert_true(lapic_intr_ops.x2apic_read(r->lapic[cpu], reg, &v));
    return v;
}

/* SDM 3 10.12.5, figure 10-27: all transitions. */
static void test_x2apic_modes(void)
{
    Rig r = rig_new();
    uint64_t v;

    g_assert_false(lapic_intr_ops.x2apic_read(r.lapic[1], 2, &v));
    g_assert_false(base(&r, 1, 0xfee00400)); /* EXTD alone: invalid */
    g_assert_true(base(&r, 1, 0xfee00c00));
    g_assert_cmphex(lapic_intr_ops.get_base(r.lapic[1]), ==, 0xfee00c00);
    g_assert_false(base(&r, 1, 0xfee00800)); /* back to xAPIC */
    g_assert_true(base(&r, 1, 0xfee00000));
    g_assert_false(base(&r, 1, 0xfee00c00)); /* from off */
    g_assert_true(base(&r, 1, 0xfee00800));
    g_assert_false(base(&r, 1, 0xfee00a00)); /* bit 9 is reserved */
    r.cpu[1]->features[X86_FEAT_1_ECX] = 0;
    g_assert_false(base(&r, 1, 0xfee00c00)); /* a model without it */
    rig_free(&r);
}

static void test_x2apic_registers(void)
{
    static const uint8_t no_read[] = {0x09, 0x0b, 0x0c, 0x0e,
                                      0x2f, 0x31, 0x3a, 0x3f};
    static const uint8_t no_write[] = {0x02, 0x03, 0x0a, 0x0d, 0x0e,
                                       0x10, 0x20, 0x2f, 0x31, 0x39};
    Rig r = rig_new();
    uint64_t v;

    g_assert_true(base(&r, 1, 0xfee00c00));
    g_assert_cmphex(get(&r, 1, 0x30), ==, UINT32_MAX); /* no window */
    g_assert_cmphex(x2get(&r, 1, 0x02), ==, 1);
    g_assert_cmphex(x2get(&r, 1, 0x0d), ==, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(no_read); i++) {
        g_assert_false(lapic_intr_ops.x2apic_read(r.lapic[1], no_read[i], &v));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(no_write); i++) {
        g_assert_false(x2set(&r, 1, no_write[i], 0));
    }
    /* reserved bits, 10.12.1.3 */
    g_assert_false(x2set(&r, 1, 0x08, 0x100));
    g_assert_true(x2set(&r, 1, 0x08, 0x30));
    g_assert_cmphex(x2get(&r, 1, 0x08), ==, 0x30);
    g_assert_false(x2set(&r, 1, 0x0b, 1));
    g_assert_true(x2set(&r, 1, 0x0b, 0));
    g_assert_false(x2set(&r, 1, 0x28, 1));
    g_assert_false(x2set(&r, 1, 0x0f, 1ull << 32));
    g_assert_false(x2set(&r, 1, 0x32, 1u << 20));
    g_assert_false(x2set(&r, 1, 0x30, 1u << 12)); /* no delivery status */
    g_assert_false(x2set(&r, 1, 0x3f, 0x1ff));
    rig_free(&r);
}

static void test_x2apic_ipi(void)
{
    Rig r = rig_new();

    enable(&r);
    g_assert_true(base(&r, 0, 0xfee00d00));
    g_assert_true(base(&r, 1, 0xfee00c00));
    g_assert_true(x2set(&r, 0, 0x30, 1ull << 32 | 0x41)); /* physical 1 */
    g_assert_cmphex(x2get(&r, 0, 0x30), ==, 1ull << 32 | 0x41);
    g_assert_cmpint(ack(&r, 1), ==, 0x41);
    g_assert_true(x2set(&r, 1, 0x0b, 0));
    g_assert_true(x2set(&r, 0, 0x30, 2ull << 32 | 0x842)); /* logical 0:1 */
    g_assert_false(intr(&r, 0));
    g_assert_cmpint(ack(&r, 1), ==, 0x42);
    g_assert_true(x2set(&r, 1, 0x0b, 0));
    g_assert_true(x2set(&r, 0, 0x30, 0x10002ull << 32 | 0x843)); /* cluster 1 */
    g_assert_false(intr(&r, 1));
    g_assert_true(x2set(&r, 0, 0x30, 0xffull << 32 | 0x43)); /* nobody's id */
    g_assert_false(intr(&r, 1));
    g_assert_true(x2set(&r, 0, 0x30, 0xffffffffull << 32 | 0x44));
    g_assert_cmpint(ack(&r, 1), ==, 0x44);
    g_assert_cmpint(ack(&r, 0), ==, 0x44);
    g_assert_true(x2set(&r, 0, 0x0b, 0));
    g_assert_true(x2set(&r, 0, 0x3f, 0x55)); /* self, 10.12.11 */
    g_assert_cmpint(ack(&r, 0), ==, 0x55);
    /* a device's eight bits reach everybody */
    g_assert_true(x2set(&r, 1, 0x0b, 0));
    apic_msi(r.b->dev, 0xfee00000 | 0xff << 12, 0x61);
    g_assert_cmpint(ack(&r, 1), ==, 0x61);
    rig_free(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apic/identity", test_identity);
    g_test_add_func("/apic/priority", test_priority);
    g_test_add_func("/apic/ipi", test_ipi);
    g_test_add_func("/apic/start-up", test_start_up);
    g_test_add_func("/apic/errors", test_errors);
    g_test_add_func("/apic/timer", test_timer);
    g_test_add_func("/apic/deadline", test_deadline);
    g_test_add_func("/apic/virtual-wire", test_virtual_wire);
    g_test_add_func("/apic/ioapic-edge", test_ioapic_edge);
    g_test_add_func("/apic/ioapic-level", test_ioapic_level);
    g_test_add_func("/apic/lowest-and-msi", test_lowest_and_msi);
    g_test_add_func("/apic/x2apic-modes", test_x2apic_modes);
    g_test_add_func("/apic/x2apic-registers", test_x2apic_registers);
    g_test_add_func("/apic/x2apic-ipi", test_x2apic_ipi);
    g_test_add_func("/apic/state", test_state);
    return g_test_run();
}
