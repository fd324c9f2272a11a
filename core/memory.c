/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree of regions and its flattening. A view is rendered from the top:
 * regions of higher priority first, each filling only what is still free.
 * Positions are 128 bits wide while rendering, so nothing wraps.
 */
#include "core/memory.h"

#include "core/memory_priv.h"
#include "core/vm_priv.h"

#define MAX_DEPTH 32 /* an alias loop is a mistake of ours */

typedef __int128 MemPos;

/* --- regions -------------------------------------------------------------- */

static MemRegion *region_new(Vm *vm, RegionKind kind, const char *name,
                             uint64_t size)
{
    MemRegion *r = g_new0(MemRegion, 1);

    g_assert(size > 0);
    r->vm = vm;
    r->kind = kind;
    r->name = g_strdup(name);
    r->last = size == UINT64_MAX ? UINT64_MAX : size - 1;
    r->enabled = true;
    r->page = RAM_PAGE_NONE;
    g_ptr_array_add(vm->priv->regions, r);
    return r;
}

static void region_free(gpointer p)
{
    MemRegion *r = p;

    if (r->children) {
        g_ptr_array_free(r->children, TRUE);
    }
    g_free(r->name);
    g_free(r);
}

MemRegion *mem_container(Vm *vm, const char *name, uint64_t size)
{
    MemRegion *r = region_new(vm, REGION_CONTAINER, name, size);

    r->children = g_ptr_array_new();
    return r;
}

static MemRegion *region_new_ram(Vm *vm, RegionKind kind, const char *name,
                                 uint64_t size, GError **error)
{
    MemRegion *r;
    uint8_t *host;
    RamPage page;

    if (!ram_block_add(vm->ram, name, size, &host, &page, error)) {
        return NULL;
    }
    r = region_new(vm, kind, name, size);
    r->host = host;
    r->page = page;
    return r;
}

MemRegion *mem_ram(Vm *vm, const char *name, uint64_t size, GError **error)
{
    return region_new_ram(vm, REGION_RAM, name, size, error);
}

MemRegion *mem_rom(Vm *vm, const char *name, uint64_t size, GError **error)
{
    MemRegion *r = region_new_ram(vm, REGION_ROM, name, size, error);

    if (!r) {
        return NULL;
    }
    for (uint64_t i = 0; i <= r->last / GUEST_PAGE_SIZE; i++) {
        ram_set_flag(vm, (RamPage)(r->page + i), RAM_NO_WRITE, true);
    }
    return r;
}

void mem_rom_set_writes(MemRegion *rom, Device *owner, const MemOps *ops)
{
    g_assert(rom->kind == REGION_ROM);
    rom->owner = owner;
    rom->ops = ops;
}

MemRegion *mem_io(Vm *vm, const char *name, Device *owner, const MemOps *ops,
                  uint64_t size)
{
    MemRegion *r = region_new(vm, REGION_IO, name, size);

    g_assert(ops);
    r->owner = owner;
    r->ops = ops;
    return r;
}

MemRegion *mem_alias(Vm *vm, const char *name, MemRegion *target,
                     uint64_t offset, uint64_t size)
{
    MemRegion *r = region_new(vm, REGION_ALIAS, name, size);

    r->target = target;
    r->target_offset = offset;
    return r;
}

uint64_t mem_size(const MemRegion *r)
{
    return r->last == UINT64_MAX ? UINT64_MAX : r->last + 1;
}

const char *mem_name(const MemRegion *r)
{
    return r->name;
}

uint8_t *mem_host(MemRegion *r)
{
    g_assert(r->host);
    return r->host;
}

RamPage mem_first_page(const MemRegion *r)
{
    return r->page;
}

/* --- flattening ----------------------------------------------------------- */

typedef struct Render {
    GArray *flat;
    unsigned depth;
} Render;

static FlatRange *flat_at(GArray *flat, guint i)
{
    return &g_array_index(flat, FlatRange, i);
}

/* Put leaf @r, whose byte 0 is at @base, into the free parts of [lo, hi]. */
static void render_leaf(Render *v, MemRegion *r, MemPos base, MemPos lo,
                        MemPos hi, bool readonly)
{
    guint i = 0;

    while (i < v->flat->len && (MemPos)flat_at(v->flat, i)->last < lo) {
        i++;
    }
    while (lo <= hi) {
        bool more = i < v->flat->len;
        MemPos next = more ? (MemPos)flat_at(v->flat, i)->first : hi + 1;

        if (next > lo) {
            FlatRange piece = {
                .first = (uint64_t)lo,
                .last = (uint64_t)MIN(hi, next - 1),
                .region = r,
                .offset = (uint64_t)(lo - base),
                .readonly = readonly,
            };

            g_array_insert_val(v->flat, i, piece);
            i++;
        }
        if (!more) {
            break;
        }
        lo = (MemPos)flat_at(v->flat, i)->last + 1;
        i++;
    }
}

static void render(Render *v, MemRegion *r, MemPos base, MemPos lo, MemPos hi,
                   bool readonly)
{
    lo = MAX(lo, base);
    hi = MIN(hi, base + r->last);
    if (!r->enabled || lo > hi) {
        return;
    }
    readonly = readonly || r->readonly || r->kind == REGION_ROM;
    g_assert(++v->depth < MAX_DEPTH);
    if (r->kind == REGION_ALIAS) {
        render(v, r->target, base - r->target_offset, lo, hi, readonly);
    } else if (r->kind == REGION_CONTAINER) {
        for (guint i = 0; i < r->children->len; i++) {
            MemRegion *sub = g_ptr_array_index(r->children, i);

            render(v, sub, base + sub->offset, lo, hi, readonly);
        }
    } else {
        render_leaf(v, r, base, lo, hi, readonly);
    }
    v->depth--;
}

/* Neighbours that continue each other become one. */
static void flat_merge(GArray *flat)
{
    guint n = 0;

    for (guint i = 0; i < flat->len; i++) {
        FlatRange *r = flat_at(flat, i);
        FlatRange *p = n ? flat_at(flat, n - 1) : NULL;

        if (p && p->last + 1 == r->first && p->region == r->region
            && p->readonly == r->readonly
            && p->offset + (r->first - p->first) == r->offset) {
            p->last = r->last;
        } else {
            *flat_at(flat, n++) = *r;
        }
    }
    g_array_set_size(flat, n);
}

static bool flat_equal(GArray *a, GArray *b)
{
    if (a->len != b->len) {
        return false;
    }
    for (guint i = 0; i < a->len; i++) {
        const FlatRange *p = flat_at(a, i), *q = flat_at(b, i);

        if (p->first != q->first || p->last != q->last || p->region != q->region
            || p->offset != q->offset || p->readonly != q->readonly) {
            return false;
        }
    }
    return true;
}

/* True when the view differs from the one before. */
static bool space_rebuild(AddressSpace *as)
{
    GArray *flat = g_array_new(FALSE, FALSE, sizeof(FlatRange));
    Render v = {.flat = flat};
    bool changed;

    render(&v, as->root, 0, 0, UINT64_MAX, false);
    flat_merge(flat);
    changed = !flat_equal(flat, as->flat);
    g_array_free(as->flat, TRUE);
    as->flat = flat;
    as->last_hit = 0;
    return changed;
}

static void memory_rebuild(Vm *vm)
{
    struct VmPriv *priv = vm->priv;
    bool changed = false;

    priv->mem_changed = false;
    for (guint i = 0; i < priv->spaces->len; i++) {
        AddressSpace *as = g_ptr_array_index(priv->spaces, i);

        if (space_rebuild(as) && as == vm->mem) {
            changed = true;
        }
    }
    if (changed && priv->listener.map_changed) {
        priv->listener.map_changed(priv->listener.opaque);
    }
}

/* --- changes -------------------------------------------------------------- */

void mem_begin(Vm *vm)
{
    vm_assert_thread(vm);
    vm->priv->mem_depth++;
}

void mem_commit(Vm *vm)
{
    g_assert(vm->priv->mem_depth > 0);
    if (--vm->priv->mem_depth == 0 && vm->priv->mem_changed) {
        memory_rebuild(vm);
    }
}

static void memory_touch(MemRegion *r)
{
    mem_begin(r->vm);
    r->vm->priv->mem_changed = true;
    mem_commit(r->vm);
}

void mem_add(MemRegion *container, uint64_t offset, MemRegion *sub,
             int priority)
{
    guint i = 0;

    g_assert(container->kind == REGION_CONTAINER && !sub->parent);
    sub->parent = container;
    sub->offset = offset;
    sub->priority = priority;
    while (i < container->children->len) {
        const MemRegion *other = g_ptr_array_index(container->children, i);

        if (other->priority <= priority) {
            break;
        }
        i++;
    }
    g_ptr_array_insert(container->children, (gint)i, sub);
    memory_touch(container);
}

void mem_remove(MemRegion *container, MemRegion *sub)
{
    g_assert(sub->parent == container);
    g_ptr_array_remove(container->children, sub);
    sub->parent = NULL;
    memory_touch(container);
}

void mem_set_enabled(MemRegion *r, bool enabled)
{
    if (r->enabled != enabled) {
        r->enabled = enabled;
        memory_touch(r);
    }
}

void mem_set_offset(MemRegion *r, uint64_t offset)
{
    if (r->offset != offset) {
        r->offset = offset;
        memory_touch(r);
    }
}

void mem_set_readonly(MemRegion *r, bool readonly)
{
    if (r->readonly != readonly) {
        r->readonly = readonly;
        memory_touch(r);
    }
}

void mem_set_alias_offset(MemRegion *alias, uint64_t offset)
{
    g_assert(alias->kind == REGION_ALIAS);
    if (alias->target_offset != offset) {
        alias->target_offset = offset;
        memory_touch(alias);
    }
}

/* --- address spaces ------------------------------------------------------- */

AddressSpace *address_space_new(Vm *vm, const char *name, MemRegion *root)
{
    AddressSpace *as = g_new0(AddressSpace, 1);

    as->vm = vm;
    as->name = g_strdup(name);
    as->root = root;
    as->flat = g_array_new(FALSE, FALSE, sizeof(FlatRange));
    g_ptr_array_add(vm->priv->spaces, as);
    space_rebuild(as);
    return as;
}

static void space_free(gpointer p)
{
    AddressSpace *as = p;

    g_array_free(as->flat, TRUE);
    g_free(as->name);
    g_free(as);
}

MemRegion *address_space_root(AddressSpace *as)
{
    return as->root;
}

void memory_init(Vm *vm)
{
    vm->priv->regions = g_ptr_array_new_with_free_func(region_free);
    vm->priv->spaces = g_ptr_array_new_with_free_func(space_free);
}

void memory_fini(Vm *vm)
{
    g_ptr_array_free(vm->priv->spaces, TRUE);
    g_ptr_array_free(vm->priv->regions, TRUE);
}

/* --- the accelerator ------------------------------------------------------ */

void mem_set_listener(Vm *vm, const MemListener *listener)
{
    vm->priv->listener = listener ? *listener : (MemListener){NULL};
}

void listener_protect(Vm *vm, const RamPage *pages, size_t count)
{
    const MemListener *l = &vm->priv->listener;

    if (l->protect && count > 0) {
        l->protect(l->opaque, pages, count);
    }
}

void listener_code_write(Vm *vm, RamPage page, uint32_t off, uint32_t len)
{
    const MemListener *l = &vm->priv->listener;

    if (l->code_write) {
        l->code_write(l->opaque, page, off, len);
    }
}

/* --- looking -------------------------------------------------------------- */

static const char *region_kind_name(const MemRegion *r, bool readonly)
{
    switch (r->kind) {
    case REGION_CONTAINER:
        return "container";
    case REGION_RAM:
        return readonly ? "ram, read-only" : "ram";
    case REGION_ROM:
        return "rom";
    case REGION_IO:
        return "i/o";
    default:
        return readonly ? "alias, read-only" : "alias";
    }
}

static void print_region(const MemRegion *r, uint64_t base, unsigned level,
                         GString *out)
{
    g_string_append_printf(out, "%*s%016" PRIx64 "-%016" PRIx64 " (%s): %s",
                           (int)(2 * level), "", base, base + r->last,
                           region_kind_name(r, r->readonly), r->name);
    if (r->kind == REGION_ALIAS) {
        g_string_append_printf(out, " @%s+0x%" PRIx64, r->target->name,
                               r->target_offset);
    }
    g_string_append_printf(out, "%s\n", r->enabled ? "" : " [disabled]");
    for (guint i = 0; r->children && i < r->children->len; i++) {
        const MemRegion *sub = g_ptr_array_index(r->children, i);

        print_region(sub, base + sub->offset, level + 1, out);
    }
}

static void print_space(AddressSpace *as, GString *out)
{
    g_string_append_printf(out, "address space: %s\n", as->name);
    print_region(as->root, 0, 1, out);
    g_string_append(out, "  as seen by accesses:\n");
    for (guint i = 0; i < as->flat->len; i++) {
        const FlatRange *r = flat_at(as->flat, i);

        g_string_append_printf(
            out, "    %016" PRIx64 "-%016" PRIx64 " (%s): %s+0x%" PRIx64 "\n",
            r->first, r->last, region_kind_name(r->region, r->readonly),
            r->region->name, r->offset);
    }
}

void mem_print_tree(Vm *vm, GString *out)
{
    for (guint i = 0; i < vm->priv->spaces->len; i++) {
        print_space(g_ptr_array_index(vm->priv->spaces, i), out);
    }
}

void mem_foreach_ram(AddressSpace *as, MemRamVisit *visit, void *opaque)
{
    for (guint i = 0; i < as->flat->len; i++) {
        const FlatRange *r = flat_at(as->flat, i);

        if (r->region->kind == REGION_RAM) {
            visit(opaque, r->first, r->last - r->first + 1,
                  r->region->host + r->offset);
        }
    }
}
