/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPU as a device: rows, reset, INIT and SIPI. SDM 3A 9.1, 8.4. */
#include "cpu/x86/sys_priv.h"

#define TSC_HZ_DEFAULT "1000000000" /* one tick a virtual ns */
#define PAT_RESET 0x0007040600070406ull
#define CR0_RESET (X86_CR0_CD | X86_CR0_NW | X86_CR0_ET)
#define MXCSR_RESET 0x1f80u
#define FCW_RESET 0x0040u

/* --- values that have several representations -------------------------------- */

static uint64_t canonical_fl_kind(const void *obj)
{
    return X86_FL_FLAGS;
}

static uint64_t canonical_fl_a(const void *obj)
{
    const X86Cpu *c = obj;

    return x86_flags(c->fl_kind, c->fl_a, c->fl_b);
}

static uint64_t canonical_fl_b(const void *obj)
{
    return 0;
}

/* clang-format off */
static const StateField x86_seg_rows[] = {
    STATE(X86Seg, sel), STATE(X86Seg, attr), STATE(X86Seg, limit),
    STATE_END,
};

static const StateField x86_table_rows[] = {
    STATE(X86Table, base), STATE(X86Table, limit), STATE(X86Table, sel),
    STATE(X86Table, attr),
    STATE_END,
};

static const StateField x86_cpu_state[] = {
    VCPU_STATE_ROWS(X86Cpu),
    STATE(X86Cpu, gpr), STATE(X86Cpu, fl_kind, .canonical = canonical_fl_kind),
    STATE(X86Cpu, fl_a, .canonical = canonical_fl_a),
    STATE(X86Cpu, fl_b, .canonical = canonical_fl_b),
    STATE(X86Cpu, seg_base), STATE(X86Cpu, xmm), STATE(X86Cpu, ymmh),
    STATE(X86Cpu, eflags, .doc = "all but the arithmetic bits"),
    STATE_GROUP(X86Cpu, seg, x86_seg_rows, X86Seg),
    STATE_GROUP(X86Cpu, gdt, x86_table_rows, X86Table),
    STATE_GROUP(X86Cpu, idt, x86_table_rows, X86Table),
    STATE_GROUP(X86Cpu, ldt, x86_table_rows, X86Table),
    STATE_GROUP(X86Cpu, tr, x86_table_rows, X86Table),
    STATE(X86Cpu, cr0), STATE(X86Cpu, cr2), STATE(X86Cpu, cr3),
    STATE(X86Cpu, cr4), STATE(X86Cpu, xcr0), STATE(X86Cpu, pdpte),
    STATE(X86Cpu, dr),
    STATE(X86Cpu, efer), STATE(X86Cpu, star), STATE(X86Cpu, lstar),
    STATE(X86Cpu, cstar), STATE(X86Cpu, sfmask),
    STATE(X86Cpu, kernel_gs_base), STATE(X86Cpu, tsc_aux),
    STATE(X86Cpu, sysenter_cs), STATE(X86Cpu, sysenter_esp),
    STATE(X86Cpu, sysenter_eip),
    STATE(X86Cpu, pat), STATE(X86Cpu, misc_enable), STATE(X86Cpu, mtrr_def),
    STATE(X86Cpu, smbase), STATE(X86Cpu, mcg_status),
    STATE(X86Cpu, mtrr_base), STATE(X86Cpu, mtrr_mask),
    STATE(X86Cpu, mtrr_fixed), STATE(X86Cpu, mc_bank),
    STATE(X86Cpu, tsc_adjust, .doc = "TSC = virtual time x frequency + this"),
    WIRE(X86Cpu, tsc_hz),
    STATE(X86Cpu, a20_mask, .reset = UINT64_MAX),
    STATE(X86Cpu, mxcsr), STATE(X86Cpu, pkru),
    STATE(X86Cpu, fpr_mant), STATE(X86Cpu, fpr_se), STATE(X86Cpu, ftop),
    STATE(X86Cpu, fcw), STATE(X86Cpu, fsw), STATE(X86Cpu, ftag),
    STATE(X86Cpu, fop), STATE(X86Cpu, fcs), STATE(X86Cpu, fds),
    STATE(X86Cpu, fip), STATE(X86Cpu, fdp),
    /* meaningful inside one step only */
    DERIVED(X86Cpu, exc_vector), DERIVED(X86Cpu, exc_has_error),
    DERIVED(X86Cpu, exc_soft), DERIVED(X86Cpu, exc_error),
    DERIVED(X86Cpu, exc_next), DERIVED(X86Cpu, exc_where),
    DERIVED(X86Cpu, fp_pair), DERIVED(X86Cpu, fp_flags),
    STATE(X86Cpu, intr), STATE(X86Cpu, nmi), STATE(X86Cpu, smi),
    STATE(X86Cpu, init),
    STATE(X86Cpu, nmi_pending), STATE(X86Cpu, nmi_blocked),
    STATE(X86Cpu, init_pending), STATE(X86Cpu, init_bsp), STATE(X86Cpu, smm),
    STATE(X86Cpu, smi_pending), STATE(X86Cpu, smm_wait),
    STATE(X86Cpu, smm_nmi_blocked), WIRE(X86Cpu, smm_view),
    WIRE(X86Cpu, smm_owner),
    STATE(X86Cpu, inhibit), STATE(X86Cpu, inhibit_debug),
    STATE(X86Cpu, debug_pending), STATE(X86Cpu, wait_sipi),
    STATE(X86Cpu, intr_cooked), STATE(X86Cpu, sipi_vector),
    WIRE(X86Cpu, intr_ops), WIRE(X86Cpu, intr_owner), WIRE(X86Cpu, features),
    WIRE(X86Cpu, model), WIRE(X86Cpu, features_text), WIRE(X86Cpu, apic_id),
    WIRE(X86Cpu, cpu_count), WIRE(X86Cpu, topology), WIRE(X86Cpu, target64),
    STATE_END,
};

static const PropField x86_cpu_props[] = {
    PROP(X86Cpu, tsc_hz, "tsc-frequency", PROP_U64, TSC_HZ_DEFAULT,
         .doc = "ticks of the TSC a virtual second"),
    PROP_LIST_END,
};
/* clang-format on */

/* --- reset ------------------------------------------------------------------- */

/* What RESET# and INIT have in common. */
static void reset_common(X86Cpu *c)
{
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        x86_set_seg(c, i, 0, 0, 0xffff, 0x93);
    }
    x86_set_seg(c, X86_CS, 0xf000, 0xffff0000, 0xffff, 0x9b);
    memset(c->gpr, 0, sizeof(c->gpr));
    if (c->model) {
        unsigned family = MIN(c->model->family, 15);

        c->gpr[X86_RDX] =
            (family << 8) | ((c->model->model & 15u) << 4) | c->model->stepping;
    }
    c->gdt = c->idt = (X86Table){.limit = 0xffff};
    c->ldt = (X86Table){.limit = 0xffff, .attr = 0x82};
    c->tr = (X86Table){.limit = 0xffff, .attr = 0x8b};
    c->fl_kind = X86_FL_FLAGS;
    c->fl_a = c->fl_b = 0;
    c->eflags = 2;
    c->cr2 = c->cr3 = c->cr4 = 0;
    memset(c->pdpte, 0, sizeof(c->pdpte));
    c->efer = 0;
    memset(c->dr, 0, sizeof(c->dr));
    c->dr[6] = 0xffff0ff0;
    c->dr[7] = 0x400;
    c->v.fault = false;
    c->v.halted = false;
    c->inhibit = c->nmi_pending = c->nmi_blocked = c->init_pending = false;
    c->intr_cooked = false;
    c->inhibit_debug = c->v.trap = false;
    c->debug_pending = 0;
    x86_debug_update(c);
}

static void reset_start(X86Cpu *c, bool bsp)
{
    c->wait_sipi = !bsp;
    tlb_flush(&c->v, true);
    tlb_switch(&c->v, 0, false);
    vcpu_fetch_again(&c->v);
    x86_update_mode(c);
    x86_jump(c, 0xfff0);
}

/* SDM 3A table 9-1, column INIT: FPU, SSE, MTRRs and most MSRs stay, and of
 * CR0 the two cache bits. */
void x86_do_init(X86Cpu *c)
{
    uint64_t cache = c->cr0 & (X86_CR0_CD | X86_CR0_NW);
    bool bsp = c->init_bsp;

    reset_common(c);
    c->cr0 = cache | X86_CR0_ET;
    reset_start(c, bsp);
}

static void reset_fpu(X86Cpu *c)
{
    c->fcw = FCW_RESET;
    c->fsw = c->fop = c->fcs = c->fds = 0;
    c->fip = c->fdp = c->ftop = 0;
    c->ftag = 0xff; /* all +0: not empty until FNINIT, SDM 3A table 9-1 */
    memset(c->fpr_mant, 0, sizeof(c->fpr_mant));
    memset(c->fpr_se, 0, sizeof(c->fpr_se));
    memset(c->xmm, 0, sizeof(c->xmm));
    memset(c->ymmh, 0, sizeof(c->ymmh));
    c->mxcsr = MXCSR_RESET;
    c->xcr0 = 1;
    c->pkru = 0;
}

void x86_reset(X86Cpu *c)
{
    vcpu_reset(&c->v);
    reset_common(c);
    reset_fpu(c);
    c->cr0 = CR0_RESET;
    c->star = c->lstar = c->cstar = c->sfmask = 0;
    c->kernel_gs_base = c->tsc_aux = 0;
    c->sysenter_cs = c->sysenter_esp = c->sysenter_eip = 0;
    c->pat = PAT_RESET;
    c->misc_enable = 1; /* fast strings */
    c->mtrr_def = 0;
    c->smbase = 0x30000;
    c->smm = c->smi_pending = c->smm_wait = c->smm_nmi_blocked = false;
    c->mcg_status = 0;
    memset(c->mtrr_base, 0, sizeof(c->mtrr_base));
    memset(c->mtrr_mask, 0, sizeof(c->mtrr_mask));
    memset(c->mtrr_fixed, 0, sizeof(c->mtrr_fixed));
    memset(c->mc_bank, 0, sizeof(c->mc_bank));
    c->tsc_adjust = 0;
    c->tsc_adjust = -(int64_t)x86_cpu_tsc(c);
    reset_start(c, c->v.index == 0);
}

static void x86_reset_done(Device *dev)
{
    x86_reset((X86Cpu *)dev);
}

/* Between two of this vCPU's steps state may change at once; inside of one (it
 * runs now) the INIT waits for the step's end. */
static bool between_steps(const X86Cpu *c)
{
    const Device *now = c->v.dev.vm->vcpu_now;

    return now && now != &c->v.dev;
}

void x86_cpu_init(X86Cpu *c, bool bsp)
{
    c->init_bsp = bsp;
    if (between_steps(c) && !c->smm && !c->smm_wait) {
        x86_do_init(c);
    } else {
        c->init_pending = true;
    }
    vm_horizon_changed(c->v.dev.vm);
}

void x86_cpu_sipi(X86Cpu *c, uint8_t vector)
{
    if (!c->wait_sipi) {
        return;
    }
    c->sipi_vector = vector;
    c->wait_sipi = false;
    x86_set_seg(c, X86_CS, vector << 8, (uint32_t)vector << 12, 0xffff, 0x9b);
    x86_update_mode(c);
    x86_jump(c, 0);
    vm_horizon_changed(c->v.dev.vm);
}

/* --- wires --------------------------------------------------------------------- */

static void intr_changed(Device *dev, unsigned n, bool level)
{
    if (level) {
        vm_horizon_changed(dev->vm);
    }
}

static void nmi_changed(Device *dev, unsigned n, bool level)
{
    if (level) {
        ((X86Cpu *)dev)->nmi_pending = true;
        vm_horizon_changed(dev->vm);
    }
}

static void smi_changed(Device *dev, unsigned n, bool level)
{
    X86Cpu *c = (X86Cpu *)dev;

    if (level && c->smm_view) {
        c->smi_pending = true;
        vm_horizon_changed(dev->vm);
    }
}

static void init_changed(Device *dev, unsigned n, bool level)
{
    X86Cpu *c = (X86Cpu *)dev;

    if (level) {
        x86_cpu_init(c, c->v.index == 0);
    }
}

void x86_cpu_set_intr(X86Cpu *c, const X86IntrOps *ops, Device *owner)
{
    c->intr_ops = ops;
    c->intr_owner = owner;
}

void x86_cpu_set_a20(X86Cpu *c, bool on)
{
    uint64_t mask = on ? UINT64_MAX : ~(1ull << 20);

    if (mask != c->a20_mask) {
        c->a20_mask = mask;
        tlb_flush(&c->v, true);
        vcpu_fetch_again(&c->v);
        vm_horizon_changed(c->v.dev.vm);
    }
}

/* --- device ------------------------------------------------------------------------ */

static bool x86_realize(Device *dev, GError **error)
{
    X86Cpu *c = (X86Cpu *)dev;

    irq_init(&c->intr, dev, intr_changed, 0);
    irq_init(&c->nmi, dev, nmi_changed, 0);
    irq_init(&c->smi, dev, smi_changed, 0);
    irq_init(&c->init, dev, init_changed, 0);
    if (!c->model && !x86_model_apply(c, NULL, true, error)) {
        return false;
    }
    if (!vcpu_init(&c->v, &x86_cpu_ops, error)) {
        return false;
    }
    if (!g_ptr_array_find(dev->vm->vcpus, dev, NULL)) {
        g_ptr_array_add(dev->vm->vcpus, dev);
    }
    return true;
}

static void x86_unrealize(Device *dev)
{
    X86Cpu *c = (X86Cpu *)dev;

    vcpu_fini(&c->v);
    x86_model_free(c);
}

static void x86_rebuild(Device *dev)
{
    X86Cpu *c = (X86Cpu *)dev;

    x86_debug_update(c);
    vcpu_rebuild(&c->v);
}

const DeviceType x86_cpu_type = {
    .name = "x86-cpu",
    .size = sizeof(X86Cpu),
    .state = x86_cpu_state,
    .props = x86_cpu_props,
    .version = 1,
    .doc = "x86 vCPU (i386 and x86_64)",
    .realize = x86_realize,
    .unrealize = x86_unrealize,
    .reset_done = x86_reset_done,
    .rebuild = x86_rebuild,
};

X86Cpu *x86_cpu_new(Vm *vm, Device *parent, unsigned index, unsigned count,
                    const char *cpu, bool long_mode, GError **error)
{
    X86Cpu *c = (X86Cpu *)device_new(vm, &x86_cpu_type, parent, "cpu");
    const X86Topology one_socket = {1, count, 1};

    c->v.index = index;
    c->cpu_count = count;
    x86_cpu_set_topology(c, &one_socket);
    c->target64 = long_mode;
    if (!x86_model_apply(c, cpu, long_mode, error)
        || !device_realize(&c->v.dev, error)) {
        x86_model_free(c); /* what is not realized is not unrealized */
        return NULL;
    }
    return c;
}
