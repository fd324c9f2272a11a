/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The made-up architecture: translation, page walk, and a machine for it. */
#include "tests/unit/toy_cpu.h"

#include <string.h>

#include "core/bytes.h"

/* --- helpers --------------------------------------------------------------- */

static uint64_t toy_h_raise(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t e)
{
    ((ToyCpu *)v)->fault_kind = a;
    v->fault = true;
    return 0;
}

static uint64_t toy_h_wait(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t e)
{
    v->halted = true;
    return 0;
}

static uint64_t toy_h_sti(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t e)
{
    ToyCpu *t = (ToyCpu *)v;

    t->inhibit = !t->irq_on;
    t->irq_on = true;
    v->leave = a;
    return 0;
}

static uint64_t toy_h_invl(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t e)
{
    tlb_flush_page(v, a);
    return 0;
}

static uint64_t toy_h_switch(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                             uint64_t e)
{
    tlb_switch(v, a, b);
    return 0;
}

static uint64_t toy_h_count(Vcpu *v, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t e)
{
    g_assert_cmpuint(clock_icount(v->dev.vm->clock), ==, vcpu_icount(v));
    return vcpu_icount(v);
}

/* Bulk work: as many further steps as the budget has. */
static uint64_t toy_h_run(Vcpu *v, uint64_t left, uint64_t b, uint64_t c,
                          uint64_t e)
{
    uint64_t more;

    if (left == 0) {
        return 0;
    }
    more = MIN(left - 1, v->budget);
    v->budget -= (uint32_t)more;
    return left - 1 - more;
}

enum {
    TOY_H_RAISE,
    TOY_H_WAIT,
    TOY_H_STI,
    TOY_H_STI_LEAVE,
    TOY_H_INVL,
    TOY_H_SWITCH,
    TOY_H_COUNT,
    TOY_H_RUN,
};

static const IrHelper toy_helpers[] = {
    [TOY_H_RAISE] = {"raise", {.fn = toy_h_raise}, IR_H_FAULTS},
    [TOY_H_WAIT] = {"wait", {.fn = toy_h_wait}, IR_H_IO},
    [TOY_H_STI] = {"sti", {.fn = toy_h_sti}, IR_H_IO},
    [TOY_H_STI_LEAVE] = {"sti_leave", {.fn = toy_h_sti}, IR_H_FAULTS},
    [TOY_H_INVL] = {"invl", {.fn = toy_h_invl}, IR_H_MODE},
    [TOY_H_SWITCH] = {"switch", {.fn = toy_h_switch}, IR_H_MODE},
    [TOY_H_COUNT] = {"count", {.fn = toy_h_count}, IR_H_IO},
    [TOY_H_RUN] = {"run", {.fn = toy_h_run}, IR_H_BUDGET},
};

#define TOY_G(n)                                                               \
    {                                                                          \
        "r" #n, offsetof(ToyCpu, r[n]), IR_INT, (n) < 8 ? (n) + 1 : 0          \
    }
static const IrGlobal toy_globals[] = {
    TOY_G(0),
    TOY_G(1),
    TOY_G(2),
    TOY_G(3),
    TOY_G(4),
    TOY_G(5),
    TOY_G(6),
    TOY_G(7),
    TOY_G(8),
    TOY_G(9),
    TOY_G(10),
    TOY_G(11),
    TOY_G(12),
    TOY_G(13),
    TOY_G(14),
    TOY_G(15),
    {"x0", offsetof(ToyCpu, x[0]), IR_VEC, 0},
    {"x1", offsetof(ToyCpu, x[1]), IR_VEC, 0},
};

/* --- translation ----------------------------------------------------------- */

static Toy *toy_of(Vcpu *v);

static void toy_system(Trans *t, unsigned op, IrRef d, int imm)
{
    IrBuilder *b = t->b;

    switch (op) {
    case TOY_WAIT:
        ir_call_void(b, TOY_H_WAIT, 0, 0, 0, 0);
        break;
    case TOY_STI:
        ir_call_void(b, imm ? TOY_H_STI_LEAVE : TOY_H_STI, ir_const(b, imm), 0,
                     0, 0);
        break;
    case TOY_INVL:
        ir_call_void(b, TOY_H_INVL, d, 0, 0, 0);
        break;
    case TOY_SWITCH:
        ir_call_void(b, TOY_H_SWITCH, d, ir_const(b, imm), 0, 0);
        break;
    case TOY_COUNT:
        ir_mov(b, d, ir_call(b, TOY_H_COUNT, IR_NONE, 0, 0, 0, 0));
        break;
    case TOY_RUN: {
        IrRef left = ir_call(b, TOY_H_RUN, IR_NONE, d, 0, 0, 0);
        ir_mov(b, d, left);
        ir_brc(b, 8, IR_NE, d, ir_const(b, 0), t->pc_off);
        break;
    }
    case TOY_EMIT:
        if (toy_of(t->v)->emit) {
            toy_of(t->v)->emit(b);
        }
        break;
    default:
        ir_call_void(b, TOY_H_RAISE, ir_const(b, TOY_FAULT_ILLEGAL), 0, 0, 0);
        ir_exit_env(b);
        break;
    }
}

static void toy_memory(IrBuilder *b, unsigned op, IrRef d, IrAddr at)
{
    IrRef x;

    switch (op) {
    case TOY_LD:
        ir_ld(b, d, at, 8, 0);
        break;
    case TOY_ST:
        ir_st(b, at, 8, 0, d);
        break;
    case TOY_LDB:
        ir_ld(b, d, at, 1, 0);
        break;
    case TOY_STB:
        ir_st(b, at, 1, 0, d);
        break;
    case TOY_INC:
        x = ir_ld(b, IR_NONE, at, 8, IR_MEM_INTENT);
        ir_st(b, at, 8, IR_MEM_NOFAULT, ir_op2(b, IR_add, 8, IR_NONE, x, d));
        break;
    default:
        x = ir_ld(b, IR_NONE, at, 16, 0);
        ir_st(b, (IrAddr){.base = d}, 16, 0, x);
        break;
    }
}

static TransResult toy_translate(Trans *t)
{
    unsigned op = t->bytes[0], size = op == TOY_LI48 ? 8 : 4;
    IrBuilder *b = t->b;
    IrRef d, s;
    int imm;

    if (t->avail < size) {
        return TRANS_MORE;
    }
    d = IR_G(t->bytes[1] >> 4);
    s = IR_G(t->bytes[1] & 15);
    imm = (int16_t)ld_le16(t->bytes + 2);
    t->len = size;
    switch (op) {
    case TOY_LI:
        ir_mov(b, d, ir_const(b, (uint64_t)(int64_t)imm));
        break;
    case TOY_ADD:
        ir_op2(b, IR_add, 8, d, d, s);
        break;
    case TOY_ADDI:
        ir_op2i(b, IR_add, 8, d, d, (uint64_t)(int64_t)imm);
        break;
    case TOY_LD:
    case TOY_ST:
    case TOY_LDB:
    case TOY_STB:
    case TOY_INC:
    case TOY_VCOPY:
        toy_memory(b, op, d, (IrAddr){.base = s, .disp = imm});
        break;
    case TOY_BNE:
        ir_brc(b, 8, IR_NE, d, s, (int64_t)t->pc_off + imm);
        break;
    case TOY_JMP:
        ir_exit_direct(b, (int64_t)t->pc_off + imm, false);
        break;
    case TOY_JMPR:
        ir_exit_indirect(b, d, false);
        break;
    case TOY_LUI:
        ir_deposit(b, 8, d, ir_op2i(b, IR_shl, 8, IR_NONE, d, 16),
                   ir_const(b, (uint16_t)imm), 0, 16);
        break;
    case TOY_LI48:
        ir_mov(b, d, ir_const(b, ld_le64(t->bytes) >> 16));
        break;
    case TOY_MOVZ:
        ir_skip(b, 8, IR_NE, s, ir_const(b, 0));
        ir_mov(b, d, ir_const(b, (uint64_t)(int64_t)imm));
        ir_label(b);
        break;
    default:
        toy_system(t, op, d, imm);
        break;
    }
    t->ends = ir_ended(b);
    return TRANS_OK;
}

/* --- the rest of CpuOps ---------------------------------------------------- */

static uint64_t toy_pc_mask(uint64_t mode)
{
    return UINT32_MAX;
}

static bool toy_page_fault(ToyCpu *c, uint64_t va, MemAccess access, bool peek)
{
    if (!peek) {
        c->fault_kind = TOY_FAULT_PAGE;
        c->fault_va = va;
        c->fault_access = access;
        c->v.fault = true;
    }
    return false;
}

static bool toy_walk(Vcpu *v, uint64_t va, MemAccess access, unsigned mmu,
                     bool peek, TlbFill *out)
{
    ToyCpu *c = (ToyCpu *)v;
    uint64_t at = c->table + (va >> 12) * 8, pte, used = TOY_PTE_A;
    unsigned need = access == ACCESS_WRITE  ? TOY_PTE_W
                    : access == ACCESS_EXEC ? TOY_PTE_X
                                            : TOY_PTE_P;

    if (!(v->mode & TOY_MODE_PAGED)) {
        *out = (TlbFill){va & ~0xfffull, TLB_R | TLB_W | TLB_X, false, 4096};
        return true;
    }
    pte = vcpu_phys_load(v, at, 8);
    if (!(pte & TOY_PTE_P) || !(pte & need)) {
        return toy_page_fault(c, va, access, peek);
    }
    used |= access == ACCESS_WRITE ? TOY_PTE_D : 0;
    if (!peek && (pte & used) != used) {
        pte |= used;
        vcpu_phys_store(v, at, 8, pte);
    }
    *out = (TlbFill){
        .phys = pte & ~0xfffull,
        .prot = TLB_R | (pte & TOY_PTE_X ? TLB_X : 0)
                | ((pte & TOY_PTE_W) && (pte & TOY_PTE_D) ? TLB_W : 0),
        .global = pte & TOY_PTE_G,
        .range = pte & TOY_PTE_LARGE ? 65536 : 4096,
    };
    return true;
}

static unsigned toy_fetch_mmu(const Vcpu *v)
{
    return 0;
}

static void toy_deliver(Vcpu *v)
{
    ToyCpu *c = (ToyCpu *)v;

    c->fault_pc = v->pc;
    c->faults++;
    v->pc = c->vector;
    v->fault = false;
}

static bool toy_runnable(const Vcpu *v)
{
    return !v->halted;
}

static bool toy_irq_acceptable(const Vcpu *v)
{
    const ToyCpu *c = (const ToyCpu *)v;

    return c->line && c->irq_on && !c->inhibit;
}

static void toy_irq_accept(Vcpu *v)
{
}

static bool toy_irq_inhibited(const Vcpu *v)
{
    return ((const ToyCpu *)v)->inhibit;
}

static void toy_irq_uninhibit(Vcpu *v)
{
    ((ToyCpu *)v)->inhibit = false;
}

static const CpuOps toy_ops = {
    .name = "toy",
    .globals = toy_globals,
    .global_count = G_N_ELEMENTS(toy_globals),
    .helpers = toy_helpers,
    .helper_count = G_N_ELEMENTS(toy_helpers),
    .mmu_count = 2,
    .max_insn = 8,
    .translate = toy_translate,
    .pc_mask = toy_pc_mask,
    .walk = toy_walk,
    .fetch_mmu = toy_fetch_mmu,
    .deliver = toy_deliver,
    .runnable = toy_runnable,
    .irq_acceptable = toy_irq_acceptable,
    .irq_accept = toy_irq_accept,
    .irq_inhibited = toy_irq_inhibited,
    .irq_uninhibit = toy_irq_uninhibit,
};

/* --- the machine ----------------------------------------------------------- */

/* clang-format off */
static const StateField toy_state[] = {
    VCPU_STATE_ROWS(ToyCpu),
    STATE(ToyCpu, r), STATE(ToyCpu, x), STATE(ToyCpu, table),
    STATE(ToyCpu, vector), STATE(ToyCpu, fault_pc), STATE(ToyCpu, fault_va),
    STATE(ToyCpu, fault_kind), STATE(ToyCpu, fault_access),
    STATE(ToyCpu, faults), STATE(ToyCpu, irq_on), STATE(ToyCpu, inhibit),
    STATE(ToyCpu, line),
    STATE_END,
};
/* clang-format on */

static bool toy_realize(Device *dev, GError **error)
{
    ToyCpu *c = (ToyCpu *)dev;

    if (!vcpu_init(&c->v, &toy_ops, error)) {
        return false;
    }
    vcpu_reset(&c->v);
    return true;
}

static void toy_unrealize(Device *dev)
{
    vcpu_fini(&((ToyCpu *)dev)->v);
}

static void toy_rebuild(Device *dev)
{
    vcpu_rebuild(&((ToyCpu *)dev)->v);
}

static const DeviceType toy_type = {
    .name = "toy-cpu",
    .size = sizeof(ToyCpu),
    .state = toy_state,
    .realize = toy_realize,
    .unrealize = toy_unrealize,
    .rebuild = toy_rebuild,
};

typedef struct ToyDevice {
    Device dev;
    ToyIo io;
} ToyDevice;

static uint64_t toy_io_read(Device *dev, uint64_t off, unsigned size)
{
    ToyIo *io = &((ToyDevice *)dev)->io;

    io->reads++;
    io->offset = off;
    io->size = size;
    io->icount = clock_icount(dev->vm->clock);
    return io->value;
}

static void toy_io_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    ToyIo *io = &((ToyDevice *)dev)->io;

    io->writes++;
    io->offset = off;
    io->size = size;
    io->value = v;
    io->icount = clock_icount(dev->vm->clock);
    if (io->enable) {
        mem_set_enabled(io->enable, true);
    }
    if (io->kick) {
        vm_horizon_changed(dev->vm);
    }
}

static const MemOps toy_io_ops = {.read = toy_io_read, .write = toy_io_write};
static const StateField toy_io_state[] = {WIRE(ToyDevice, dev),
                                          WIRE(ToyDevice, io), STATE_END};

static bool toy_io_realize(Device *dev, GError **error)
{
    mem_add(dev->vm->mem_root, TOY_MMIO,
            mem_io(dev->vm, "toy-io", dev, &toy_io_ops, 4096), 0);
    return true;
}

static const DeviceType toy_io_type = {
    .name = "toy-io",
    .size = sizeof(ToyDevice),
    .state = toy_io_state,
    .realize = toy_io_realize,
};

/* The unit tests have one toy at a time. */
static Toy *toy_current;

static Toy *toy_of(Vcpu *v)
{
    g_assert(toy_current && &toy_current->c->v == v);
    return toy_current;
}

ToyIo *toy_io(Toy *t)
{
    return &((ToyDevice *)device_find(t->vm, "/io"))->io;
}

Toy *toy_new(const char *options)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text =
        g_strconcat("tcg,verify=on", options ? "," : "", options, NULL);
    Toy *t = g_new0(Toy, 1);
    AccelOptions o = {0};
    MemRegion *ram;

    accel_options_parse(&o, text, &error);
    g_assert_no_error(error);
    if (!options || !strstr(options, "engine=")) {
        o.interp = g_getenv("REPRISE_TEST_JIT") == NULL;
    }
    t->vm = vm_new();
    accel_init(t->vm, &o, &error);
    g_assert_no_error(error);
    ram = mem_ram(t->vm, "ram", TOY_RAM, &error);
    g_assert_no_error(error);
    mem_add(t->vm->mem_root, 0, ram, 0);
    t->ram = mem_host(ram);
    t->c = (ToyCpu *)device_new(t->vm, &toy_type, NULL, "cpu");
    device_realize(&t->c->v.dev, &error);
    g_assert_no_error(error);
    device_realize(device_new(t->vm, &toy_io_type, NULL, "io"), &error);
    g_assert_no_error(error);
    devices_seal(t->vm);
    toy_current = t;
    return t;
}

void toy_free(Toy *t)
{
    if (t) {
        devices_free(t->vm);
        t->vm->devices = NULL;
        accel_fini(t->vm);
        vm_free(t->vm);
        toy_current = NULL;
        g_free(t);
    }
}

uint32_t toy_put(Toy *t, uint32_t at, unsigned op, unsigned rd, unsigned rs,
                 int imm)
{
    uint8_t bytes[4] = {(uint8_t)op, (uint8_t)(rd << 4 | rs)};

    st_le16(bytes + 2, (uint16_t)imm);
    mem_poke(t->vm->mem, at, bytes, 4);
    return at + 4;
}

uint32_t toy_put48(Toy *t, uint32_t at, unsigned rd, uint64_t imm)
{
    uint8_t bytes[8];

    st_le64(bytes, imm << 16 | rd << 12 | TOY_LI48);
    mem_poke(t->vm->mem, at, bytes, 8);
    return at + 8;
}

void toy_paging(Toy *t, uint64_t table)
{
    t->c->table = table;
    t->c->v.mode = TOY_MODE_PAGED;
    vcpu_fetch_again(&t->c->v);
    tlb_flush(&t->c->v, true);
}

void toy_map(Toy *t, uint64_t va, uint64_t phys, unsigned bits)
{
    uint8_t pte[8];

    st_le64(pte, phys | bits);
    mem_poke(t->vm->mem, t->c->table + (va >> 12) * 8, pte, 8);
}

uint64_t toy_pte(Toy *t, uint64_t va)
{
    return ld_le64(t->ram + t->c->table + (va >> 12) * 8);
}

uint64_t toy_icount(const Toy *t)
{
    return clock_icount(t->vm->clock);
}
