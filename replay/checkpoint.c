/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making and restoring checkpoints. Nothing is copied when one is made but the
 * states of devices: a page's content is kept when it is first written after
 * that (checkpoint_before_write), or when going back changes it.
 */
#include "replay/checkpoint_priv.h"

#include <string.h>
#include <unistd.h>

#include "replay/replay_priv.h"

#define MEMORY_LEAST (16u << 20)
#define MEMORY_MOST (1u << 30)
#define PIECES(size) (((size) + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE)

/* --- life ---------------------------------------------------------------------- */

static void checkpoint_before_write(void *opaque, RamPage page,
                                    const uint8_t *old)
{
    Checkpoints *c = opaque;
    PageVersion *v = page_map_get(&c->maps, c->base, page);

    if (!v->blob) {
        v->blob = page_store_put(c->store, old);
    }
}

void checkpoint_free(Checkpoints *c, Checkpoint *cp)
{
    for (guint i = 0; cp->marks && i < c->r->rewindables->len; i++) {
        const ReplayRewindable *w =
            &g_array_index(c->r->rewindables, ReplayRewindable, i);

        if (w->ops->drop) {
            w->ops->drop(w->opaque, cp->marks[i]);
        }
    }
    for (uint32_t i = 0; cp->state && i < PIECES(cp->state_size); i++) {
        page_blob_unref(c->store, cp->state[i]);
    }
    page_map_unref(&c->maps, cp->map);
    g_free(cp->state);
    g_free(cp->marks);
    g_free(cp);
}

/* A quarter of what the host has, at most 1 GiB. */
static uint64_t memory_default(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t quarter = (uint64_t)MAX(pages, 0) / 4 * (uint64_t)MAX(size, 0);

    return CLAMP(quarter, MEMORY_LEAST, MEMORY_MOST);
}

Checkpoints *checkpoints_new(Replay *r, const ReplayOptions *o)
{
    Checkpoints *c = g_new0(Checkpoints, 1);

    c->vm = r->vm;
    c->r = r;
    c->budget = o->memory ? o->memory : memory_default();
    c->store = page_store_new(c->budget);
    page_maps_init(&c->maps, c->store, ram_page_count(c->vm->ram));
    checkpoints_plan(c, o);
    c->list = g_ptr_array_new();
    c->scratch = g_byte_array_new();
    return c;
}

void checkpoints_free(Checkpoints *c)
{
    if (!c) {
        return;
    }
    if (c->begun) {
        ram_set_before_write(c->vm->ram, NULL, NULL);
    }
    page_store_settle(c->store);
    for (guint i = 0; i < c->list->len; i++) {
        checkpoint_free(c, g_ptr_array_index(c->list, i));
    }
    if (c->base) {
        page_map_unref(&c->maps, c->base);
    }
    page_store_free(c->store);
    g_ptr_array_free(c->list, TRUE);
    g_byte_array_unref(c->scratch);
    g_free(c);
}

/* --- the list ---------------------------------------------------------------------- */

/* How many are at or before @at. */
static guint list_upto(const Checkpoints *c, Moment at)
{
    guint low = 0, high = c->list->len;

    while (low < high) {
        guint mid = (low + high) / 2;
        const Checkpoint *cp = g_ptr_array_index(c->list, mid);

        if (moment_compare(cp->at, at) <= 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static Checkpoint *list_at(const Checkpoints *c, guint i)
{
    return i < c->list->len ? g_ptr_array_index(c->list, i) : NULL;
}

Checkpoint *checkpoint_find(Checkpoints *c, Moment at)
{
    return list_at(c, list_upto(c, at) - 1); /* none: UINT_MAX */
}

Checkpoint *checkpoint_first(Checkpoints *c)
{
    return list_at(c, 0);
}

Checkpoint *checkpoint_last(Checkpoints *c)
{
    return list_at(c, c->list->len - 1);
}

Checkpoint *checkpoint_prev(Checkpoints *c, const Checkpoint *cp)
{
    return list_at(c, list_upto(c, cp->at) - 2);
}

Checkpoint *checkpoint_next(Checkpoints *c, const Checkpoint *cp)
{
    return list_at(c, list_upto(c, cp->at));
}

Moment checkpoint_moment(const Checkpoint *cp)
{
    return cp->at;
}

bool checkpoint_pinned(const Checkpoint *cp)
{
    return cp->pinned;
}

int64_t checkpoint_cost(Checkpoints *c, const Checkpoint *cp)
{
    const Checkpoint *next = checkpoint_next(c, cp);

    return (next ? next->work : MAX(c->work, cp->work)) - cp->work;
}

void checkpoints_look_again(Checkpoints *c)
{
    guint n = list_upto(c, replay_moment(c->r));

    c->here = list_at(c, n - 1);
    c->next = list_at(c, n);
}

void checkpoint_drop(Checkpoints *c, guint index)
{
    checkpoint_free(c, g_ptr_array_remove_index(c->list, index));
    c->dropped++;
}

bool checkpoint_wrote(Checkpoints *c, const Checkpoint *cp, RamPage page)
{
    const Checkpoint *next = checkpoint_next(c, cp);

    if (next) {
        return page_map_get(&c->maps, cp->map, page)
               != page_map_get(&c->maps, next->map, page);
    }
    return page_map_get(&c->maps, cp->map, page)
               != page_map_get(&c->maps, c->base, page)
           || ram_client_is_dirty(c->vm->ram, RAM_CLIENT_CHECKPOINT, page);
}

/* --- what is not RAM ---------------------------------------------------------------- */

static bool is_vcpu(const Vm *vm, const Device *dev)
{
    return g_ptr_array_find(vm->vcpus, dev, NULL);
}

/* vCPUs come last: what the others do to the memory map empties TLBs. */
static void machine_pack(Vm *vm, GByteArray *out)
{
    Codec c;

    g_byte_array_set_size(out, 0);
    codec_init_write(&c, out);
    clock_codec(vm->clock, &c);
    entropy_codec(vm->entropy, &c);
    for (int vcpus = 0; vcpus < 2; vcpus++) {
        for (Device *dev = vm->devices; dev; dev = dev->next) {
            if (is_vcpu(vm, dev) == vcpus) {
                state_pack(dev, out);
            }
        }
    }
}

static bool devices_unpack(Vm *vm, Codec *c, bool vcpus)
{
    for (Device *dev = vm->devices; dev; dev = dev->next) {
        if (is_vcpu(vm, dev) == vcpus && !state_unpack(dev, c)) {
            return false;
        }
    }
    for (Device *dev = vm->devices; dev; dev = dev->next) {
        if (is_vcpu(vm, dev) == vcpus && dev->type->rebuild) {
            dev->type->rebuild(dev);
        }
    }
    return true;
}

static bool machine_unpack(Vm *vm, const GByteArray *in)
{
    bool ok;
    Codec c;

    codec_init_read(&c, in->data, in->len);
    vm->ram_told = true;
    mem_begin(vm);
    ok = clock_codec(vm->clock, &c) && entropy_codec(vm->entropy, &c)
         && devices_unpack(vm, &c, false);
    mem_commit(vm);
    ok = ok && devices_unpack(vm, &c, true) && codec_left(&c) == 0;
    vm->ram_told = false;
    clock_rebuild(vm->clock);
    return ok;
}

static void state_store(Checkpoints *c, Checkpoint *cp)
{
    GByteArray *s = c->scratch;
    uint32_t pieces;

    machine_pack(c->vm, s);
    cp->state_size = s->len;
    pieces = PIECES(s->len);
    cp->state = g_new(PageBlob *, pieces);
    g_byte_array_set_size(s, pieces * GUEST_PAGE_SIZE);
    memset(s->data + cp->state_size, 0, s->len - cp->state_size);
    for (uint32_t i = 0; i < pieces; i++) {
        cp->state[i] =
            page_store_put(c->store, s->data + (size_t)i * GUEST_PAGE_SIZE);
    }
}

/* Into scratch; all pieces are warm. */
static void state_fetch(Checkpoints *c, const Checkpoint *cp)
{
    uint8_t room[GUEST_PAGE_SIZE];

    g_byte_array_set_size(c->scratch, 0);
    for (uint32_t i = 0; i < PIECES(cp->state_size); i++) {
        const uint8_t *p = page_blob_read(c->store, cp->state[i], room);

        g_byte_array_append(c->scratch, p, GUEST_PAGE_SIZE);
    }
    g_byte_array_set_size(c->scratch, cp->state_size);
}

/* --- making one ---------------------------------------------------------------------- */

static void checkpoints_begin(Checkpoints *c, Moment now)
{
    bool all = c->r->rewindables->len > 0; /* an earlier run has no marks */

    while (c->list->len > 0
           && (all || moment_compare(checkpoint_first(c)->at, now) <= 0)) {
        checkpoint_drop(c, 0);
    }
    c->begun = true;
    ram_client_enable(c->vm, RAM_CLIENT_CHECKPOINT); /* all pages: written */
    ram_set_before_write(c->vm->ram, checkpoint_before_write, c);
}

/* What was written since the base has new versions, which are in RAM. */
static void base_renew(Checkpoints *c)
{
    g_autoptr(GArray) dirty = ram_client_collect(c->vm, RAM_CLIENT_CHECKPOINT);

    for (guint i = 0; i < dirty->len; i++) {
        page_map_renew(&c->maps, &c->base, g_array_index(dirty, RamPage, i));
    }
}

static void marks_take(const Checkpoints *c, Checkpoint *cp)
{
    const GArray *all = c->r->rewindables;

    cp->marks = g_new0(void *, MAX(all->len, 1));
    for (guint i = 0; i < all->len; i++) {
        const ReplayRewindable *w = &g_array_index(all, ReplayRewindable, i);

        cp->marks[i] = w->ops->mark(w->opaque);
    }
}

static void checkpoint_paused(Checkpoints *c, int64_t begin)
{
    int64_t end = host_worked();
    int64_t ns = end - begin;

    c->pauses[c->taken++ % CHECKPOINT_PAUSES] = ns;
    c->pause_sum += ns;
    c->pause_max = MAX(c->pause_max, ns);
    c->look = end; /* not the guest's work */
}

Checkpoint *checkpoint_take(Checkpoints *c, bool pinned)
{
    int64_t begin = host_worked();
    Moment now = replay_moment(c->r);
    guint n;
    Checkpoint *cp;

    if (!c->begun && !c->vm->requests) {
        checkpoints_begin(c, now);
    }
    n = list_upto(c, now);
    cp = list_at(c, n - 1);
    if (cp && moment_compare(cp->at, now) == 0) {
        cp->pinned |= pinned;
        return cp;
    }
    if (c->vm->requests || c->r->final != REPLAY_GO) {
        return NULL;
    }
    cp = g_new0(Checkpoint, 1);
    cp->at = now;
    cp->pinned = pinned;
    cp->work = c->work;
    base_renew(c);
    cp->map = page_map_ref(c->base);
    state_store(c, cp);
    replay_mark(c->r, &cp->mark);
    marks_take(c, cp);
    g_ptr_array_insert(c->list, (gint)n, cp);
    checkpoints_look_again(c);
    checkpoint_paused(c, begin);
    checkpoints_thin(c); /* it stays, being here */
    return cp;
}

/* --- going to one ----------------------------------------------------------------------- */

typedef struct Rewind {
    Checkpoints *c;
    const Checkpoint *to;
    GArray *pages; /* RamPage: those whose content may differ */
} Rewind;

/* A version that is only in RAM, and RAM is about to change. */
static void rewind_keep(void *opaque, RamPage page, PageVersion *from,
                        PageVersion *to)
{
    Rewind *w = opaque;

    if (!from->blob) {
        from->blob =
            page_store_put(w->c->store, ram_page_host(w->c->vm->ram, page));
    }
    g_array_append_val(w->pages, page);
}

static bool rewind_warm(const Rewind *w, GError **error)
{
    for (guint i = 0; i < w->pages->len; i++) {
        RamPage page = g_array_index(w->pages, RamPage, i);
        PageVersion *v = page_map_get(&w->c->maps, w->to->map, page);

        if (!page_blob_warm(w->c->store, v->blob, error)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < PIECES(w->to->state_size); i++) {
        if (!page_blob_warm(w->c->store, w->to->state[i], error)) {
            return false;
        }
    }
    return true;
}

/* The pages that differ: written since the base, or another version there. */
static bool rewind_ram(Checkpoints *c, Checkpoint *cp, GError **error)
{
    g_autoptr(GArray) pages = ram_client_collect(c->vm, RAM_CLIENT_CHECKPOINT);
    Rewind w = {.c = c, .to = cp, .pages = pages};
    guint written = pages->len;
    uint8_t room[GUEST_PAGE_SIZE];

    page_map_diff(&c->maps, c->base, cp->map, rewind_keep, &w);
    if (!rewind_warm(&w, error)) {
        for (guint i = 0; i < written; i++) {
            ram_dirty(c->vm, g_array_index(pages, RamPage, i));
        }
        return false;
    }
    for (guint i = 0; i < pages->len; i++) {
        RamPage page = g_array_index(pages, RamPage, i);
        PageVersion *v = page_map_get(&c->maps, cp->map, page);

        ram_rewind(c->vm, page, page_blob_read(c->store, v->blob, room));
    }
    page_map_unref(&c->maps, c->base);
    c->base = page_map_ref(cp->map);
    return true;
}

static void marks_restore(const Checkpoints *c, const Checkpoint *cp)
{
    const GArray *all = c->r->rewindables;

    for (guint i = 0; i < all->len; i++) {
        const ReplayRewindable *w = &g_array_index(all, ReplayRewindable, i);

        w->ops->restore(w->opaque, cp->marks[i]);
    }
}

static void checkpoint_went_back(Checkpoints *c, int64_t begin)
{
    int64_t ns = host_worked() - begin;

    c->restored++;
    c->back_sum += ns;
    c->back_max = MAX(c->back_max, ns);
}

bool checkpoint_restore(Checkpoints *c, Checkpoint *cp, GError **error)
{
    int64_t begin = host_worked();
    Moment at = cp->at;
    bool ok;

    vm_assert_thread(c->vm);
    g_assert(c->r->mode == REPLAY_PLAY);
    if (!c->begun) { /* @cp is of an earlier run */
        checkpoint_take(c, true);
        cp = checkpoint_find(c, at);
        if (!c->begun || !cp || moment_compare(cp->at, at) != 0) {
            return fail(error, "checkpoint: the machine has not begun");
        }
    }
    if (!rewind_ram(c, cp, error)) {
        return false;
    }
    c->r->furthest = replay_furthest(c->r);
    state_fetch(c, cp);
    ok = machine_unpack(c->vm, c->scratch);
    g_assert(ok);
    replay_rewind(c->r, &cp->mark);
    marks_restore(c, cp);
    c->work = cp->work;
    c->aim = c->aim_next = UINT64_MAX;
    checkpoints_stopped(c);
    checkpoints_look_again(c);
    page_store_tend(c->store);
    checkpoint_went_back(c, begin);
    return true;
}

/* --- coming to one ------------------------------------------------------------------------ */

/* The present content is that of @to, too. */
static void arrive_share(void *opaque, RamPage page, PageVersion *from,
                         PageVersion *to)
{
    if (!from->blob) {
        from->blob = page_blob_ref(to->blob);
    }
}

static void checkpoint_arrive(Checkpoints *c, Checkpoint *cp)
{
    g_array_unref(ram_client_collect(c->vm, RAM_CLIENT_CHECKPOINT));
    page_map_diff(&c->maps, c->base, cp->map, arrive_share, NULL);
    page_map_unref(&c->maps, c->base);
    c->base = page_map_ref(cp->map);
    c->work = cp->work;
}

void checkpoints_arrive(Checkpoints *c, Moment now)
{
    while (c->next && moment_compare(c->next->at, now) <= 0) {
        if (moment_compare(c->next->at, now) == 0
            && (!c->test || checkpoint_check(c, c->next))) {
            checkpoint_arrive(c, c->next);
        }
        c->here = c->next;
        c->next = checkpoint_next(c, c->here);
    }
}

bool checkpoint_check(Checkpoints *c, const Checkpoint *cp)
{
    g_autoptr(GByteArray) state = g_byte_array_new();
    uint8_t room[GUEST_PAGE_SIZE];
    PageStore *s = c->store;

    machine_pack(c->vm, state);
    for (uint32_t i = 0; i < PIECES(cp->state_size); i++) {
        page_blob_warm(s, cp->state[i], NULL);
    }
    state_fetch(c, cp);
    if (state->len != c->scratch->len
        || memcmp(state->data, c->scratch->data, state->len) != 0) {
        replay_diverged(c->r, "the state is not that of the checkpoint here");
        return false;
    }
    for (RamPage page = 0; page < c->maps.pages; page++) {
        PageBlob *b = page_map_get(&c->maps, cp->map, page)->blob;

        if (b && page_blob_warm(s, b, NULL)
            && memcmp(page_blob_read(s, b, room),
                      ram_page_host(c->vm->ram, page), GUEST_PAGE_SIZE)
                   != 0) {
            replay_diverged(c->r, "page %u is not that of the checkpoint here",
                            page);
            return false;
        }
    }
    return true;
}
