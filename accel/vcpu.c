/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The neutral part of a vCPU: life, counts. */
#include "accel/vcpu.h"

#include "accel/accel_priv.h"
#include "accel/t1_priv.h"
#include "core/error.h"

bool vcpu_init(Vcpu *v, const CpuOps *ops, GError **error)
{
    Accel *a = accel_of(v->dev.vm);

    if (!a) {
        return fail(error, "%s: the accelerator is not there yet",
                    v->dev.path ? v->dev.path : ops->name);
    }
    g_assert(ops->mmu_count >= 1 && ops->mmu_count <= TLB_MMU_MAX);
    v->ops = ops;
    v->accel = a;
    v->tlb = tlb_new(v, a->opt.l1_bits);
    v->pc_ram = RAM_PAGE_NONE;
    if (a->t1 && !a->t1->ops) {
        t1_stubs(a->t1, v);
    }
    g_ptr_array_add(a->vcpus, v);
    return true;
}

void vcpu_fini(Vcpu *v)
{
    if (v->accel) {
        g_ptr_array_remove(v->accel->vcpus, v);
    }
    tlb_free(v->tlb);
    v->tlb = NULL;
    v->accel = NULL;
}

void vcpu_reset(Vcpu *v)
{
    tlb_reset(v->tlb);
    v->fault = false;
    v->halted = false;
    v->trap = false;
    v->pc = 0;
    v->mode = 0;
    v->pc_page = 0;
    v->pc_ram = RAM_PAGE_NONE;
    v->pc_host = NULL;
    vcpu_fetch_again(v);
}

void vcpu_rebuild(Vcpu *v)
{
    v->fault = false;
    v->leave = false;
    tlb_l1_flush(v->tlb);
    tlb_jump_flush(v->tlb);
    tlb_rebuild(v->tlb);
    v->tlb->ram_size = 0;
    if (!v->dev.vm->ram_told) { /* nobody says which RAM was loaded */
        v->accel->flush_wanted = true;
    }
    v->pc_host = v->pc_ram == RAM_PAGE_NONE
                     ? NULL
                     : ram_page_host(v->dev.vm->ram, v->pc_ram);
}

uint64_t vcpu_icount(const Vcpu *v)
{
    const Accel *a = v->accel;

    if (a->running != v) {
        return clock_icount(v->dev.vm->clock);
    }
    return v->slice_end - v->budget - (a->in_step ? 1 : 0);
}

void vcpu_sync_clock(Vcpu *v)
{
    clock_set_icount(v->dev.vm->clock, vcpu_icount(v));
}

void vcpu_end_slice(Vcpu *v)
{
    Accel *a = v->accel;

    if (a->running == v) {
        a->ended = true;
        a->held = 0;
        v->slice_end -= v->budget;
        v->budget = 0;
    }
}

void vcpu_set_trap(Vcpu *v)
{
    v->trap = true;
    accel_hold(v);
}

void vcpu_fetch_again(Vcpu *v)
{
    v->pc_page_ok = false;
    accel_hold(v);
}
