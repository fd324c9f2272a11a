/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who wrote this, and where did that happen: searches for people. */
#include <string.h>

#include "core/error.h"
#include "system/run_priv.h"

/* --- the last write ---------------------------------------------------------------- */

/* The RAM behind @size bytes at @at, as it is mapped now on @v; NULL: physical */
static bool find_ram(Vm *vm, Vcpu *v, uint64_t at, uint64_t size, GArray *out,
                     GError **error)
{
    while (size > 0) {
        uint32_t n = (uint32_t)MIN(size, GUEST_PAGE_SIZE - (at & 0xfff));
        TravelRange range = {.off = at & 0xfff, .size = n, .va = at};
        GuestPhys phys = at;
        MemHit hit;

        if (v && !vcpu_translate_peek(v, at, &phys)) {
            return fail(error, "0x%" PRIx64 " is not mapped", at);
        }
        mem_lookup(vm->mem, phys, &hit);
        if (hit.kind != MEM_RAM) {
            return fail(error, "there is no RAM at physical 0x%" PRIx64, phys);
        }
        range.page = hit.page;
        range.off = hit.offset & 0xfff;
        g_array_append_val(out, range);
        at += n;
        size -= n;
    }
    return true;
}

static void find_read(const Run *r, uint8_t *out)
{
    const GArray *ranges = r->travel.ranges;

    for (guint i = 0; i < ranges->len; i++) {
        const TravelRange *w = &g_array_index(ranges, TravelRange, i);

        memcpy(out, ram_page_host(r->vm->ram, w->page) + w->off, w->size);
        out += w->size;
    }
}

static void find_wrote(void *opaque, RamPage page, uint32_t off, uint32_t size,
                       RamWriter who)
{
    Run *r = opaque;
    RunTravel *t = &r->travel;

    for (guint i = 0; i < t->ranges->len; i++) {
        const TravelRange *w = &g_array_index(t->ranges, TravelRange, i);

        if (w->page == page && off < w->off + w->size && w->off < off + size) {
            t->event = true;
            t->event_vcpu = ((const Vcpu *)r->vm->vcpu_now)->index;
            t->event_detail = who;
            t->event_va = w->va;
            vm_horizon_changed(r->vm); /* what is there now is looked at next */
        }
    }
}

static void find_arm_write(void *opaque, bool on)
{
    Run *r = opaque;

    r->travel.event = false;
    ram_set_watch(r->vm->ram, on ? find_wrote : NULL, r);
    for (guint i = 0; i < r->travel.ranges->len; i++) {
        RamPage page = g_array_index(r->travel.ranges, TravelRange, i).page;

        ram_set_flag(r->vm, page, RAM_WATCH, on);
    }
}

static bool find_write_possible(void *opaque, Checkpoints *c,
                                const Checkpoint *cp)
{
    Run *r = opaque;
    bool wrote = false;

    for (guint i = 0; i < r->travel.ranges->len; i++) {
        wrote =
            wrote
            || checkpoint_wrote(
                c, cp, g_array_index(r->travel.ranges, TravelRange, i).page);
    }
    return wrote;
}

TravelProbe run_find_probe(Run *r)
{
    return (TravelProbe){
        .arm = find_arm_write, .possible = find_write_possible, .opaque = r};
}

/* --- watchpoints ------------------------------------------------------------------ */

bool run_find_watches(Run *r)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(TravelRange));
    AccelWatchHit w;
    uint64_t size;

    for (unsigned i = 0; accel_watch_at(r->vm, i, &w, &size); i++) {
        if (w.kind != ACCEL_WATCH_WRITE
            || !find_ram(r->vm, (Vcpu *)r->vm->vcpu_now, w.va, size, ranges,
                         NULL)) {
            return false;
        }
    }
    r->travel.ranges = g_steal_pointer(&ranges);
    return r->travel.ranges->len > 0;
}

void run_find_forget(Run *r)
{
    g_clear_pointer(&r->travel.ranges, g_array_unref);
}

/* --- handlers entered ---------------------------------------------------------------- */

/* The one before has been passed, at the step that it ended. */
static void find_passed(Run *r)
{
    RunTravel *t = &r->travel;

    if (t->event) {
        travel_hit(t->t, &(TravelHit){.at = {t->event_icount, 0},
                                      .vcpu = t->event_vcpu,
                                      .kind = t->event_detail});
        t->event = false;
    }
}

static void find_entered(void *opaque, Vcpu *v, VcpuEntry kind, unsigned vector)
{
    Run *r = opaque;
    RunTravel *t = &r->travel;
    bool wanted =
        (kind == VCPU_ENTRY_INTERRUPT) == (t->query.what == TRAVEL_INTERRUPT);

    if (!wanted || (t->query.vector >= 0 && t->query.vector != (int)vector)) {
        return;
    }
    find_passed(r);
    t->event = true;
    t->event_vcpu = v->index;
    t->event_detail = vector;
    t->event_icount = kind == VCPU_ENTRY_INTERRUPT ? clock_icount(r->vm->clock)
                                                   : vcpu_icount(v) + 1;
    if (t->query.forward) {
        vm_horizon_changed(r->vm);
    }
}

static void find_arm_entered(void *opaque, bool on)
{
    Run *r = opaque;

    r->travel.event = false;
    r->travel.first = on && r->travel.query.forward;
    accel_set_entered(r->vm, on ? find_entered : NULL, r);
}

/* --- where requests are served --------------------------------------------------------- */

void run_find_served(Run *r, Moment before, Moment now)
{
    RunTravel *t = &r->travel;
    TravelHit hit = {.vcpu = t->event_vcpu, .kind = t->event_detail};

    if (!t->event) {
        return;
    }
    if (t->goal == TRAVEL_GOAL_CONT_BACK) {
        hit.kind = GDB_STOP_WATCH;
        hit.address = t->event_va;
        hit.size = ACCEL_WATCH_WRITE;
    }
    if (t->query.what != TRAVEL_WRITE && t->event_icount != now.icount) {
        find_passed(r);
        return;
    }
    t->event = false;
    hit.at =
        t->query.what == TRAVEL_WRITE ? run_travel_before(r, before, now) : now;
    if (t->goal == TRAVEL_GOAL_FIND && t->query.what == TRAVEL_WRITE
        && moment_compare(hit.at, t->origin) < 0) {
        find_read(r, t->answer.after);
    }
    t->there |= travel_hit(t->t, &hit) && t->ranges;
}

/* --- the whole way ----------------------------------------------------------------------- */

TravelEnd run_find(Run *r, TravelHit *hit)
{
    RunTravel *t = &r->travel;
    const TravelQuery *q = &t->query;
    TravelProbe write = run_find_probe(r);
    TravelProbe entered = {.arm = find_arm_entered, .opaque = r, .stay = true};

    write.stay = true;
    switch (q->what) {
    case TRAVEL_WRITE:
        return travel_back(t->t, &write, hit);
    case TRAVEL_SOURCE:
        hit->vcpu = ((const Vcpu *)r->vm->vcpu_now)->index;
        return travel_event(t->t, q->source, q->forward);
    default:
        return q->forward ? travel_forward(t->t, &entered, hit)
                          : travel_back(t->t, &entered, hit);
    }
}

void run_find_over(Run *r, TravelEnd end, const TravelHit *hit)
{
    RunTravel *t = &r->travel;
    TravelAnswer *a = &t->answer;
    const Vcpu *v = (const Vcpu *)r->vm->vcpu_now;
    TravelWhat what = t->query.what;

    if (end == TRAVEL_THERE && what != TRAVEL_SOURCE) {
        v = g_ptr_array_index(r->vm->vcpus, hit->vcpu);
    }
    a->end = end;
    a->at = replay_moment(r->vm->replay);
    a->vcpu = v->index;
    a->pc = v->ops->get_pc(v);
    a->device = what == TRAVEL_WRITE && hit->kind == RAM_BY_DEVICE;
    a->vector = what == TRAVEL_INTERRUPT || what == TRAVEL_EXCEPTION
                    ? (int)hit->kind
                    : -1;
    if (what == TRAVEL_WRITE && end == TRAVEL_THERE) {
        find_read(r, a->before);
    }
    run_find_forget(r);
}

static bool find_known(Vm *vm, const TravelQuery *q, GError **error)
{
    if (q->what == TRAVEL_SOURCE && !input_source_find(vm, q->source)) {
        return fail(error,
                    "'%s' is neither interrupt, exception nor a source of "
                    "recorded events",
                    q->source);
    }
    return q->vcpu < vm->vcpus->len || fail(error, "there is no such vCPU");
}

bool run_find_begin(Vm *vm, const TravelQuery *q, GError **error)
{
    Run *r = run_of(vm);
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(TravelRange));

    if (!run_can_travel(r, error) || !find_known(vm, q, error)
        || (q->what == TRAVEL_WRITE
            && !find_ram(
                vm, q->physical ? NULL : g_ptr_array_index(vm->vcpus, q->vcpu),
                q->address, q->size, ranges, error))) {
        return false;
    }
    r->travel.query = *q;
    r->travel.answer = (TravelAnswer){.vector = -1};
    r->travel.event = false;
    r->travel.ranges = g_steal_pointer(&ranges);
    return run_travel_begin(r, TRAVEL_GOAL_FIND);
}

void run_find_answer(Vm *vm, TravelAnswer *out)
{
    *out = run_of(vm)->travel.answer;
}
