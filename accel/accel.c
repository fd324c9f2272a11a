/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerator as a whole: options, life, what memory tells it. */
#include <string.h>

#include "accel/accel_priv.h"
#include "accel/ir_priv.h"
#include "accel/t1_priv.h"
#include "core/error.h"

#define ACCEL_TB_SIZE_DEFAULT (64u << 20)
#define ACCEL_TB_SIZE_MIN (1u << 20)
#define ACCEL_TB_SIZE_MAX (4096ull << 20)

/* --- options --------------------------------------------------------------- */

static const char *const accel_keys[] = {
    "engine",        "thread",       "tb-size", "max-insns",
    "random-length", "flush-every",  "l1-bits", "test-seed",
    "verify",        "random-slice", NULL,
};

static bool accel_number(const char *key, const char *text, uint64_t min,
                         uint64_t max, uint64_t *out, GError **error)
{
    if (!text || !g_ascii_string_to_unsigned(text, 10, min, max, out, NULL)) {
        return fail(error,
                    "accel: %s: '%s' is not a number from %" G_GINT64_MODIFIER
                    "u to %" G_GINT64_MODIFIER "u",
                    key, text ? text : "", min, max);
    }
    return true;
}

static bool accel_switch(const char *key, const char *text, bool *out,
                         GError **error)
{
    if (!text || !strcmp(text, "on")) {
        *out = true;
    } else if (!strcmp(text, "off")) {
        *out = false;
    } else {
        return fail(error, "accel: %s: '%s' is neither on nor off", key, text);
    }
    return true;
}

static bool accel_engine(AccelOptions *o, const char *text, GError **error)
{
    if (text && (!strcmp(text, "interp") || !strcmp(text, "jit"))) {
        o->interp = !strcmp(text, "interp");
        return true;
    }
    return fail(error, "accel: engine: '%s' is neither interp nor jit",
                text ? text : "");
}

static bool accel_thread(const char *text, GError **error)
{
    if (text && !strcmp(text, "single")) {
        return true;
    }
    if (text && !strcmp(text, "multi")) {
        return fail(error, "accel: thread=multi: all vCPUs run on one thread, "
                           "so that every run can be replayed");
    }
    return fail(error, "accel: thread: '%s' is not single", text ? text : "");
}

static bool accel_option(AccelOptions *o, const char *key, const char *text,
                         GError **error)
{
    uint64_t n = 0;
    bool ok;

    if (!strcmp(key, "engine")) {
        return accel_engine(o, text, error);
    }
    if (!strcmp(key, "thread")) {
        return accel_thread(text, error);
    }
    if (!strcmp(key, "random-length")) {
        return accel_switch(key, text, &o->random_length, error);
    }
    if (!strcmp(key, "verify")) {
        return accel_switch(key, text, &o->verify, error);
    }
    if (!strcmp(key, "tb-size")) {
        ok = accel_number(key, text, 1, ACCEL_TB_SIZE_MAX >> 20, &n, error);
        o->tb_size = ok ? n << 20 : o->tb_size;
    } else if (!strcmp(key, "max-insns")) {
        ok = accel_number(key, text, 1, IR_MAX_INSNS, &n, error);
        o->max_insns = ok ? (unsigned)n : o->max_insns;
    } else if (!strcmp(key, "flush-every")) {
        ok = accel_number(key, text, 1, 1000000, &n, error);
        o->flush_every = ok ? (unsigned)n : o->flush_every;
    } else if (!strcmp(key, "random-slice")) {
        ok = accel_number(key, text, 1, INT32_MAX, &n, error);
        o->random_slice = ok ? (unsigned)n : o->random_slice;
    } else if (!strcmp(key, "l1-bits")) {
        ok = accel_number(key, text, 6, 15, &n, error);
        o->l1_bits = ok ? (unsigned)n : o->l1_bits;
    } else if (!strcmp(key, "test-seed")) {
        ok = accel_number(key, text, 0, UINT64_MAX, &n, error);
        o->test_seed = ok ? n : o->test_seed;
    } else {
        const char *near = nearest_match(key, accel_keys);
        return fail(error, "accel: unknown option '%s'%s%s%s", key,
                    near ? ", did you mean '" : "", near ? near : "",
                    near ? "'?" : "");
    }
    return ok;
}

bool accel_options_parse(AccelOptions *o, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text ? text : "", ",", -1);
    AccelOptions out = *o;

    for (unsigned i = 0; parts[i]; i++) {
        char *value = strchr(parts[i], '=');

        if (i == 0 && (!strcmp(parts[0], "tcg") || !*parts[0])) {
            continue;
        }
        if (i == 0 && !value) {
            return fail(error, "accel: '%s' is not here: only tcg", parts[0]);
        }
        if (value) {
            *value++ = '\0';
        }
        if (!accel_option(&out, parts[i], value, error)) {
            return false;
        }
    }
    *o = out;
    return true;
}

/* --- what memory tells ----------------------------------------------------- */

static void accel_map_changed(void *opaque)
{
    Accel *a = opaque;

    for (guint i = 0; i < a->vcpus->len; i++) {
        Vcpu *v = g_ptr_array_index(a->vcpus, i);
        tlb_map_changed(v->tlb);
    }
}

static void accel_protect(void *opaque, const RamPage *pages, size_t count)
{
    Accel *a = opaque;

    for (guint i = 0; i < a->vcpus->len; i++) {
        Vcpu *v = g_ptr_array_index(a->vcpus, i);

        if (ram_flags(a->vm->ram)[pages[0]] & RAM_WATCH) {
            tlb_l1_flush(v->tlb);
        } else {
            tlb_l1_protect(v->tlb, count == 1 ? pages[0] : RAM_PAGE_NONE);
        }
    }
}

static void accel_code_write(void *opaque, RamPage page, uint32_t off,
                             uint32_t len)
{
    Accel *a = opaque;

    blocks_write(&a->cache, page, off, len);
    if (a->cache.running_killed && a->running) {
        accel_hold(a->running);
    }
}

static void accel_end_slice(void *opaque)
{
    Accel *a = opaque;

    if (a->running) {
        vcpu_end_slice(a->running);
    }
}

/* --- life ------------------------------------------------------------------ */

Accel *accel_of(Vm *vm)
{
    return vm->end_slice_opaque;
}

bool accel_init(Vm *vm, const AccelOptions *o, GError **error)
{
    MemListener listener = {
        .map_changed = accel_map_changed,
        .protect = accel_protect,
        .code_write = accel_code_write,
    };
    uint64_t size = o->tb_size ? o->tb_size : ACCEL_TB_SIZE_DEFAULT;
    Accel *a;

    if (vm->end_slice_opaque) {
        return fail(error, "accel: the machine has an accelerator already");
    }
    a = g_new0(Accel, 1);
    a->vm = vm;
    a->opt = *o;
    a->vcpus = g_ptr_array_new();
    a->breaks = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    a->splits = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    a->cuts = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    a->watches = accel_watches_new();
    a->builder = ir_builder_new();
    a->rng = o->test_seed * 2 + 0x9e3779b97f4a7c15ull;
    a->flush_count = 1;
    blocks_init(&a->cache, vm, MAX(size, ACCEL_TB_SIZE_MIN));
    if (!o->interp) {
        t1_init(a);
    }
    listener.opaque = a;
    mem_set_listener(vm, &listener);
    vm->end_slice = accel_end_slice;
    vm->end_slice_opaque = a;
    return true;
}

void accel_fini(Vm *vm)
{
    Accel *a = accel_of(vm);

    if (!a) {
        return;
    }
    mem_set_listener(vm, NULL);
    vm->end_slice = NULL;
    vm->end_slice_opaque = NULL;
    for (guint i = 0; i < a->vcpus->len; i++) {
        ((Vcpu *)g_ptr_array_index(a->vcpus, i))->accel = NULL;
    }
    t1_fini(a);
    blocks_fini(&a->cache);
    ir_builder_free(a->builder);
    g_free(a->trans);
    g_ptr_array_free(a->vcpus, TRUE);
    g_array_free(a->breaks, TRUE);
    g_array_free(a->splits, TRUE);
    g_array_free(a->cuts, TRUE);
    g_array_free(a->watches, TRUE);
    g_free(a);
}

uint32_t accel_random(Accel *a)
{
    a->rng ^= a->rng << 13;
    a->rng ^= a->rng >> 7;
    a->rng ^= a->rng << 17;
    return (uint32_t)(a->rng >> 32);
}

void accel_perf_map(Vm *vm, GString *out)
{
    T1 *t1 = accel_of(vm)->t1;

    if (t1 && t1->map) {
        g_string_append_len(out, t1->map->str, (gssize)t1->map->len);
        g_string_truncate(t1->map, 0);
    }
}

void accel_flush_code(Vm *vm)
{
    accel_of(vm)->flush_wanted = true;
}

/* --- breakpoints ----------------------------------------------------------- */

/*
 * Blocks end where a breakpoint is. They are found by RAM page, and breakpoints
 * are virtual addresses: a page is cut at the offsets of its breakpoints when
 * somebody enters it by their address, which goes through engine_find() or
 * t1_find() once the jump caches are empty. Debuggers take all breakpoints out at
 * each stop and put them back: what is cut stays cut, up to so many places.
 */
#define SPLITS_MAX 256
#define CUTS_MAX 4096

bool accel_break_at(const Accel *a, uint64_t pc)
{
    for (guint i = 0; !a->breaks_off && i < a->breaks->len; i++) {
        if (g_array_index(a->breaks, uint64_t, i) == pc) {
            return true;
        }
    }
    return false;
}

static void accel_forget_jumps(Accel *a)
{
    for (guint i = 0; i < a->vcpus->len; i++) {
        tlb_jump_flush(((Vcpu *)g_ptr_array_index(a->vcpus, i))->tlb);
    }
}

static uint64_t cut_key(RamPage page, uint64_t at)
{
    return (uint64_t)page << 12 | (at & 0xfff);
}

/* How many cuts are below @key. */
static guint cut_index(const Accel *a, uint64_t key)
{
    guint low = 0, high = a->cuts->len;

    while (low < high) {
        guint mid = (low + high) / 2;

        if (g_array_index(a->cuts, uint64_t, mid) < key) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

bool accel_cut_at(const Accel *a, RamPage page, uint32_t off)
{
    uint64_t key = cut_key(page, off);
    guint i = cut_index(a, key);

    return i < a->cuts->len && g_array_index(a->cuts, uint64_t, i) == key;
}

bool accel_is_cut(const Accel *a, uint64_t pc, RamPage page)
{
    for (guint i = 0; i < a->splits->len; i++) {
        uint64_t at = g_array_index(a->splits, uint64_t, i);

        if (!((at ^ pc) & TLB_PAGE_MASK)
            && !accel_cut_at(a, page, at & 0xfff)) {
            return false;
        }
    }
    return true;
}

void accel_cut(Accel *a, uint64_t pc, RamPage page)
{
    if (a->cuts->len >= CUTS_MAX) {
        g_array_set_size(a->cuts, 0);
        accel_forget_jumps(a);
    }
    for (guint i = 0; i < a->splits->len; i++) {
        uint64_t at = g_array_index(a->splits, uint64_t, i);

        if (!((at ^ pc) & TLB_PAGE_MASK)
            && !accel_cut_at(a, page, at & 0xfff)) {
            uint64_t key = cut_key(page, at);

            g_array_insert_val(a->cuts, cut_index(a, key), key);
            blocks_write(&a->cache, page, at & 0xfff, 1);
        }
    }
}

static void accel_split(Accel *a, uint64_t pc)
{
    for (guint i = 0; i < a->splits->len; i++) {
        if (g_array_index(a->splits, uint64_t, i) == pc) {
            return;
        }
    }
    if (a->splits->len >= SPLITS_MAX) {
        g_array_set_size(a->splits, 0);
        g_array_append_vals(a->splits, a->breaks->data, a->breaks->len);
    }
    g_array_append_val(a->splits, pc);
    accel_forget_jumps(a);
}

bool accel_breakpoint(Vm *vm, uint64_t pc, bool insert)
{
    Accel *a = accel_of(vm);

    for (guint i = 0; i < a->breaks->len; i++) {
        if (g_array_index(a->breaks, uint64_t, i) == pc) {
            if (!insert) {
                g_array_remove_index(a->breaks, i);
            }
            return true;
        }
    }
    if (insert) {
        accel_split(a, pc);
        g_array_append_val(a->breaks, pc);
    }
    return insert;
}

bool accel_break_here(const Vm *vm, uint64_t pc)
{
    return accel_break_at(vm->end_slice_opaque, pc);
}

unsigned accel_break_count(Vm *vm)
{
    return accel_of(vm)->breaks->len;
}

void accel_breaks_enable(Vm *vm, bool on)
{
    Accel *a = accel_of(vm);

    if (a->breaks_off == !on) {
        return;
    }
    a->breaks_off = !on;
    if (on && a->watches->len) { /* their pages leave level 1 again */
        accel_forget_level1(a);
    }
}

/* --- handlers entered ------------------------------------------------------ */

void accel_set_entered(Vm *vm, VcpuEntered *fn, void *opaque)
{
    Accel *a = accel_of(vm);

    a->entered = fn;
    a->entered_opaque = opaque;
}

void vcpu_entered(Vcpu *v, VcpuEntry kind, unsigned vector)
{
    if (v->accel->entered) {
        v->accel->entered(v->accel->entered_opaque, v, kind, vector);
    }
}

/* --- info jit -------------------------------------------------------------- */

static void print_native(const T1 *t1, GString *out)
{
    /* clang-format off */
    static const struct {
        const char *name;
        unsigned code;
    } rows[] = {
        {"budget", T1_X_BUDGET}, {"boundary", T1_X_BOUNDARY},
        {"link", T1_X_LINK}, {"lookup", T1_X_LOOKUP},
        {"events", T1_X_EVENTS_AT}, {"far", T1_X_ENV},
        {"fault", T1_X_FAULT}, {"fault in C", T1_X_FAULT_AT},
        {"restart", T1_X_RESTART}, {"stale", T1_X_STALE},
    };
    /* clang-format on */

    g_string_append_printf(out,
                           "native blocks       %" G_GINT64_MODIFIER
                           "u compiled, %" G_GINT64_MODIFIER "u refused\n"
                           "native code         %" G_GINT64_MODIFIER
                           "u KiB hot, %" G_GINT64_MODIFIER "u KiB cold\n"
                           "jumps looked up     %" G_GINT64_MODIFIER "u\n"
                           "ways out           ",
                           t1->compiled, t1->refused, t1->hot_bytes >> 10,
                           t1->cold_bytes >> 10, t1->finds);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_string_append_printf(out, " %s %" G_GINT64_MODIFIER "u%s",
                               rows[i].name, t1->exits[rows[i].code],
                               i + 1 < G_N_ELEMENTS(rows) ? "," : "\n");
    }
}

void accel_print_jit(Vm *vm, GString *out)
{
    const Accel *a = accel_of(vm);
    const BlockCache *c = &a->cache;

    g_string_append_printf(out,
                           "engine              %s\n"
                           "code cache          %zu of %zu KiB\n"
                           "blocks              %u live, %" G_GINT64_MODIFIER
                           "u translated, %" G_GINT64_MODIFIER "u invalidated\n"
                           "cache flushes       %" G_GINT64_MODIFIER "u\n"
                           "engine turns        %" G_GINT64_MODIFIER "u\n",
                           a->t1 ? "jit" : "interpreter", c->used >> 10,
                           c->size >> 10, c->count, c->translated, c->killed,
                           c->generation, a->engine_turns);
    if (a->run_ticks) {
        uint64_t share = a->translate_ticks / (a->run_ticks / 1000 + 1);

        g_string_append_printf(out,
                               "translation         %u.%u %% of the time in "
                               "guest code\n",
                               (unsigned)(share / 10), (unsigned)(share % 10));
    }
    if (a->t1) {
        print_native(a->t1, out);
    }
    for (guint i = 0; i < a->vcpus->len; i++) {
        const Vcpu *v = g_ptr_array_index(a->vcpus, i);

        g_string_append_printf(out,
                               "vcpu %u TLB          %" G_GINT64_MODIFIER
                               "u walks filled, %" G_GINT64_MODIFIER
                               "u first-level fills\n",
                               v->index, v->tlb->fills, v->tlb->l1_fills);
    }
}
