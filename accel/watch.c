/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watchpoints. A watched page is kept out of level 1, so that its accesses, and
 * no others, come to the slow path and are compared.
 */
#include "accel/accel_priv.h"

typedef struct Watch {
    uint64_t va, size;
    unsigned kind; /* AccelWatch bits */
} Watch;

GArray *accel_watches_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(Watch));
}

static bool watch_touches(const Watch *w, uint64_t va, uint64_t size)
{
    return va - w->va < w->size || w->va - va < size;
}

bool accel_watched(const Accel *a, uint64_t va, uint64_t size)
{
    for (guint i = 0; !a->breaks_off && i < a->watches->len; i++) {
        if (watch_touches(&g_array_index(a->watches, Watch, i), va, size)) {
            return true;
        }
    }
    return false;
}

static bool watch_own(const Vcpu *v, uint64_t va, uint64_t size)
{
    for (unsigned i = 0; v->watching && i < VCPU_WATCHES; i++) {
        const VcpuWatch *w = &v->own_watch[i];

        if (w->size && (va - w->va < w->size || w->va - va < size)) {
            return true;
        }
    }
    return false;
}

bool vcpu_watched(const Vcpu *v, uint64_t va, uint64_t size)
{
    return (v->watching && watch_own(v, va, size))
           || (v->accel->watches->len && accel_watched(v->accel, va, size));
}

void vcpu_watch(Vcpu *v, unsigned slot, uint64_t va, uint64_t size)
{
    g_assert(slot < VCPU_WATCHES);
    v->own_watch[slot] = (VcpuWatch){va, size};
    v->watching = false;
    for (unsigned i = 0; i < VCPU_WATCHES; i++) {
        v->watching |= v->own_watch[i].size != 0;
    }
    if (size) {
        tlb_l1_flush(v->tlb);
    }
}

void accel_watch_check(Vcpu *v, uint64_t va, unsigned size, AccelWatch kind)
{
    Accel *a = v->accel;

    if (watch_own(v, va, size)) {
        v->ops->accessed(v, va, size, kind == ACCEL_WATCH_WRITE);
    }
    if (a->breaks_off) {
        return;
    }
    for (guint i = 0; i < a->watches->len && !a->watch_hit_set; i++) {
        const Watch *w = &g_array_index(a->watches, Watch, i);

        if (w->kind & kind && watch_touches(w, va, size)) {
            a->watch_hit_set = true;
            a->watch_hit = (AccelWatchHit){
                .va = va - w->va < w->size ? va : w->va,
                .kind = w->kind,
                .index = v->index,
            };
            accel_hold(v);
        }
    }
}

static bool watch_drop(Accel *a, const Watch *like)
{
    for (guint i = 0; i < a->watches->len; i++) {
        const Watch *w = &g_array_index(a->watches, Watch, i);

        if (w->va == like->va && w->size == like->size
            && w->kind == like->kind) {
            g_array_remove_index(a->watches, i);
            a->watch_hit_set = a->watch_hit_set && a->watches->len;
            return true;
        }
    }
    return false;
}

void accel_forget_level1(Accel *a)
{
    for (guint i = 0; i < a->vcpus->len; i++) {
        tlb_l1_flush(((Vcpu *)g_ptr_array_index(a->vcpus, i))->tlb);
    }
}

bool accel_watch(Vm *vm, uint64_t va, uint64_t size, unsigned kind, bool insert)
{
    Accel *a = accel_of(vm);
    Watch w = {.va = va, .size = size, .kind = kind};
    bool was = watch_drop(a, &w);

    if (!insert) {
        return was;
    }
    g_array_append_val(a->watches, w);
    accel_forget_level1(a);
    return true;
}

bool accel_watch_at(Vm *vm, unsigned i, AccelWatchHit *out, uint64_t *size)
{
    Accel *a = accel_of(vm);
    const Watch *w = &g_array_index(a->watches, Watch, i);

    if (i >= a->watches->len) {
        return false;
    }
    *out = (AccelWatchHit){.va = w->va, .kind = w->kind};
    *size = w->size;
    return true;
}

bool accel_watch_take(Vm *vm, AccelWatchHit *out)
{
    Accel *a = accel_of(vm);

    if (!a->watch_hit_set) {
        return false;
    }
    a->watch_hit_set = false;
    *out = a->watch_hit;
    return true;
}
