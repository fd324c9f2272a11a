/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register packets and the target description, from the architecture's rows. */
#include <string.h>

#include "gdbstub/gdb_priv.h"

const GPtrArray *gdb_registers(GdbState *g)
{
    Vcpu *v = gdb_vcpu(g, 0);
    const CpuGdb *gdb = v->ops->gdb ? v->ops->gdb(v) : NULL;

    if (!g->regs) {
        g->regs = g_ptr_array_new();
    }
    if (gdb == g->regs_of) {
        return g->regs;
    }
    g_ptr_array_set_size(g->regs, 0);
    for (unsigned i = 0; gdb && i < gdb->feature_count; i++) {
        for (unsigned k = 0; k < gdb->features[i].count; k++) {
            const CpuRegRow *row = &gdb->features[i].rows[k];

            g_ptr_array_add(g->regs, (gpointer)(uintptr_t)row);
        }
    }
    g->regs_of = gdb;
    return g->regs;
}

static void reg_read(GdbState *g, Vcpu *v, const CpuRegRow *row, uint8_t *buf)
{
    memset(buf, 0, CPU_REG_BYTES);
    g->regs_of->read(v, row, buf);
}

void gdb_cmd_read_all(GdbState *g, Scan *s)
{
    const GPtrArray *regs = gdb_registers(g);
    Vcpu *v = gdb_vcpu(g, g->g_vcpu);
    uint8_t buf[CPU_REG_BYTES];

    for (guint i = 0; i < regs->len; i++) {
        const CpuRegRow *row = g_ptr_array_index(regs, i);

        reg_read(g, v, row, buf);
        hex_append(g->reply, buf, row->bytes);
    }
}

/* False: refused; the value that is there already is never refused. */
static bool reg_write(GdbState *g, Vcpu *v, unsigned n, const uint8_t *value)
{
    const CpuRegRow *row = g_ptr_array_index(gdb_registers(g), n);
    g_autoptr(GError) error = NULL;
    uint8_t old[CPU_REG_BYTES], now[CPU_REG_BYTES];

    reg_read(g, v, row, old);
    if (memcmp(old, value, row->bytes) == 0) {
        return true;
    }
    if (!gdb_write_reg(g, v, n, value, &error)) {
        return false;
    }
    reg_read(g, v, row, now);
    return memcmp(old, now, row->bytes) != 0; /* else the vCPU refused it */
}

/* All that a client sends; registers behind the end stay. */
void gdb_cmd_write_all(GdbState *g, Scan *s)
{
    const GPtrArray *regs = gdb_registers(g);
    Vcpu *v = gdb_vcpu(g, g->g_vcpu);
    uint8_t buf[CPU_REG_BYTES];

    for (guint i = 0; i < regs->len && scan_left(s); i++) {
        const CpuRegRow *row = g_ptr_array_index(regs, i);

        if (!scan_bytes(s, buf, row->bytes) || !reg_write(g, v, i, buf)) {
            gdb_error(g, GDB_EINVAL);
            return;
        }
    }
    if (scan_left(s)) {
        gdb_error(g, GDB_EINVAL);
    } else {
        gdb_ok(g);
    }
}

void gdb_cmd_read_reg(GdbState *g, Scan *s)
{
    const GPtrArray *regs = gdb_registers(g);
    uint8_t buf[CPU_REG_BYTES];
    const CpuRegRow *row;
    uint64_t n;

    if (!scan_hex(s, &n) || scan_left(s) || n >= regs->len) {
        gdb_error(g, GDB_EFAULT);
        return;
    }
    row = g_ptr_array_index(regs, n);
    reg_read(g, gdb_vcpu(g, g->g_vcpu), row, buf);
    hex_append(g->reply, buf, row->bytes);
}

void gdb_cmd_write_reg(GdbState *g, Scan *s)
{
    const GPtrArray *regs = gdb_registers(g);
    uint8_t buf[CPU_REG_BYTES] = {0};
    const CpuRegRow *row;
    uint64_t n;

    if (!scan_hex(s, &n) || !scan_char(s, '=') || n >= regs->len) {
        gdb_error(g, GDB_EFAULT);
        return;
    }
    row = g_ptr_array_index(regs, n);
    if (scan_left(s) != 2u * row->bytes || !scan_bytes(s, buf, row->bytes)
        || !reg_write(g, gdb_vcpu(g, g->g_vcpu), (unsigned)n, buf)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    gdb_ok(g);
}

/* --- target.xml ---------------------------------------------------------------------- */

static void describe_feature(const CpuRegFeature *f, unsigned first,
                             GString *out)
{
    g_string_append_printf(out, "<feature name=\"%s\">%s", f->name,
                           f->types ? f->types : "");
    for (unsigned i = 0; i < f->count; i++) {
        const CpuRegRow *row = &f->rows[i];

        g_string_append_printf(
            out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"",
            row->name, row->bytes * 8, row->type, first + i);
        if (row->group) {
            g_string_append_printf(out, " group=\"%s\"", row->group);
        }
        g_string_append(out, "/>");
    }
    g_string_append(out, "</feature>");
}

void gdb_description(GdbState *g, GString *out)
{
    unsigned first = 0;

    gdb_registers(g);
    if (!g->regs_of) {
        return;
    }
    g_string_append_printf(out,
                           "<?xml version=\"1.0\"?>"
                           "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
                           "<target><architecture>%s</architecture>",
                           g->regs_of->arch);
    for (unsigned i = 0; i < g->regs_of->feature_count; i++) {
        describe_feature(&g->regs_of->features[i], first, out);
        first += g->regs_of->features[i].count;
    }
    g_string_append(out, "</target>");
}
