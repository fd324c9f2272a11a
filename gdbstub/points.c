/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints and watchpoints: Z and z packets. */
#include "gdbstub/gdb_priv.h"

enum {
    POINT_SOFTWARE,
    POINT_HARDWARE,
    POINT_WRITE,
    POINT_READ,
    POINT_ACCESS,
    POINT_TYPES
};

static unsigned point_watch(unsigned type)
{
    return (type == POINT_READ ? 0 : ACCEL_WATCH_WRITE)
           | (type == POINT_WRITE ? 0 : ACCEL_WATCH_READ);
}

static bool point_is_break(const GdbPoint *p)
{
    return p->type <= POINT_HARDWARE;
}

/* Several points may share one breakpoint or watchpoint of the machine. */
static bool point_shared(const GdbState *g, const GdbPoint *like)
{
    for (guint i = 0; i < g->points->len; i++) {
        const GdbPoint *p = &g_array_index(g->points, GdbPoint, i);

        if (p->at == like->at && point_is_break(p) && point_is_break(like)) {
            return true;
        }
    }
    return false;
}

static GdbPoint *point_find(GdbState *g, unsigned type, uint64_t at,
                            uint64_t size)
{
    for (guint i = 0; i < g->points->len; i++) {
        GdbPoint *p = &g_array_index(g->points, GdbPoint, i);

        if (p->type == type && p->at == at && p->size == size) {
            return p;
        }
    }
    return NULL;
}

static void point_remove(GdbState *g, guint i)
{
    GdbPoint p = g_array_index(g->points, GdbPoint, i);

    g_ptr_array_unref(p.conditions);
    g_array_remove_index_fast(g->points, i);
    if (!point_is_break(&p)) {
        accel_watch(g->vm, p.at, p.size, point_watch(p.type), false);
    } else if (!point_shared(g, &p)) {
        accel_breakpoint(g->vm, p.at, false);
    }
}

void gdb_points_clear(GdbState *g)
{
    while (g->points->len) {
        point_remove(g, g->points->len - 1);
    }
}

/* --- packets ------------------------------------------------------------------------ */

/* type,addr,kind; false: answered */
static bool point_parse(GdbState *g, Scan *s, GdbPoint *out)
{
    uint64_t type;

    if (!scan_hex(s, &type) || !scan_char(s, ',') || !scan_hex(s, &out->at)
        || !scan_char(s, ',') || !scan_hex(s, &out->size)) {
        gdb_error(g, GDB_EINVAL);
        return false;
    }
    if (type >= POINT_TYPES) {
        return false; /* empty: not known */
    }
    out->type = (unsigned)type;
    if (!point_is_break(out) && (!out->size || out->size > GDB_WATCH_MAX)) {
        gdb_error(g, GDB_EINVAL);
        return false;
    }
    return true;
}

/* ;XLEN,CODE... and ;cmds:... (which nobody promised) */
static bool point_conditions(Scan *s, GPtrArray *out)
{
    while (scan_left(s)) {
        uint8_t code[GDB_CONDITION_BYTES];
        uint64_t size;

        scan_char(s, ';');
        if (!scan_char(s, 'X') || !scan_hex(s, &size) || !scan_char(s, ',')
            || size > sizeof(code) || !scan_bytes(s, code, size)
            || out->len == GDB_CONDITIONS_MAX) {
            return false;
        }
        g_ptr_array_add(out, g_bytes_new(code, size));
    }
    return true;
}

void gdb_cmd_insert(GdbState *g, Scan *s)
{
    g_autoptr(GPtrArray) conditions =
        g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    GdbPoint p = {0};
    GdbPoint *old;

    if (!point_parse(g, s, &p)) {
        return;
    }
    if (!point_conditions(s, conditions) || g->points->len >= GDB_POINTS_MAX) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    old = point_find(g, p.type, p.at, p.size);
    if (old) {
        g_ptr_array_unref(old->conditions);
        old->conditions = g_steal_pointer(&conditions);
        gdb_ok(g);
        return;
    }
    if (point_is_break(&p)) {
        accel_breakpoint(g->vm, p.at, true);
    } else {
        accel_watch(g->vm, p.at, p.size, point_watch(p.type), true);
    }
    p.conditions = g_steal_pointer(&conditions);
    g_array_append_val(g->points, p);
    gdb_ok(g);
}

void gdb_cmd_remove(GdbState *g, Scan *s)
{
    GdbPoint p = {0};
    GdbPoint *old;

    if (!point_parse(g, s, &p)) {
        return;
    }
    old = point_find(g, p.type, p.at, p.size);
    if (!old) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    point_remove(g, (guint)(old - (GdbPoint *)(void *)g->points->data));
    gdb_ok(g);
}

/* --- hits ---------------------------------------------------------------------------- */

static bool point_true(GdbState *g, Vcpu *v, const GdbPoint *p)
{
    for (guint i = 0; i < p->conditions->len; i++) {
        gsize size;
        const uint8_t *code =
            g_bytes_get_data(g_ptr_array_index(p->conditions, i), &size);

        if (condition_true(g, v, code, size)) {
            return true;
        }
    }
    return p->conditions->len == 0;
}

bool gdb_break_hit(Vm *vm, unsigned vcpu, uint64_t pc)
{
    GdbState *g = vm->gdb;
    bool known = false;

    for (guint i = 0; g && i < g->points->len; i++) {
        const GdbPoint *p = &g_array_index(g->points, GdbPoint, i);

        if (point_is_break(p) && p->at == pc) {
            known = true;
            if (point_true(g, gdb_vcpu(g, vcpu), p)) {
                return true;
            }
        }
    }
    return !known; /* somebody else's */
}
