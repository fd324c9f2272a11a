/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions people type: numbers, $registers, ( ), ~ - + * / % & | ^. */
#include <string.h>

#include "accel/vcpu.h"
#include "core/bytes.h"
#include "monitor/monitor_priv.h"

#define DEPTH_MAX 32

typedef struct Expr {
    Vm *vm;
    Vcpu *v; /* NULL: there is none */
    const char *p;
    unsigned depth;
    GError **error;
} Expr;

static bool expr_sum(Expr *e, uint64_t *out);

static void expr_space(Expr *e)
{
    while (g_ascii_isspace(*e->p)) {
        e->p++;
    }
}

typedef struct ExprReg {
    Vcpu *v; /* NULL: there is none */
    const char *name;
    bool found;
    uint64_t value;
} ExprReg;

/* The debugger's rows name the registers. */
static void expr_read_row(ExprReg *r, const char *name)
{
    const CpuGdb *gdb = r->v->ops->gdb ? r->v->ops->gdb(r->v) : NULL;

    for (unsigned i = 0; gdb && i < gdb->feature_count; i++) {
        for (unsigned k = 0; k < gdb->features[i].count; k++) {
            const CpuRegRow *row = &gdb->features[i].rows[k];
            uint8_t raw[CPU_REG_BYTES] = {0};

            if (strcmp(row->name, name) == 0 && row->bytes <= 8) {
                gdb->read(r->v, row, raw);
                r->value = ld_le64(raw);
                r->found = true;
                return;
            }
        }
    }
}

static void expr_read_register(Vm *vm, void *opaque)
{
    ExprReg *r = opaque;

    if (!r->v) {
        return;
    }
    if (strcmp(r->name, "pc") == 0) {
        r->value = r->v->ops->get_pc(r->v);
        r->found = true;
        return;
    }
    expr_read_row(r, r->name);
    if (!r->found && r->name[0] == 'e') { /* the low half of a wide one */
        g_autofree char *wide = g_strdup_printf("r%s", r->name + 1);

        expr_read_row(r, wide);
        r->value &= UINT32_MAX;
    }
}

static bool expr_register(Expr *e, uint64_t *out)
{
    const char *from = ++e->p;
    g_autofree char *name = NULL;
    ExprReg r = {.v = e->v};

    while (g_ascii_isalnum(*e->p) || *e->p == '_') {
        e->p++;
    }
    name = g_strndup(from, (gsize)(e->p - from));
    r.name = name;
    control_ops(e->vm)->call(e->vm, expr_read_register, &r);
    if (!r.v) {
        return fail(e->error, "there is no vCPU yet");
    }
    if (!r.found) {
        return fail(e->error, "unknown register '$%s'", name);
    }
    *out = r.value;
    return true;
}

static bool expr_number(Expr *e, uint64_t *out)
{
    char *end = NULL;

    if (*e->p == '\'' && e->p[1] && e->p[2] == '\'') {
        *out = (uint8_t)e->p[1];
        e->p += 3;
        return true;
    }
    if (!g_ascii_isdigit(*e->p)) {
        return *e->p ? fail(e->error, "expected a number at '%s'", e->p)
                     : fail(e->error, "expected a number at the end");
    }
    errno = 0;
    *out = g_ascii_strtoull(e->p, &end, 0);
    if (errno || g_ascii_isalnum(*end)) {
        return fail(e->error, "'%s' is not a number of 64 bits", e->p);
    }
    e->p = end;
    return true;
}

static bool expr_unary(Expr *e, uint64_t *out)
{
    char op;
    bool good;

    expr_space(e);
    op = *e->p;
    if (op != '-' && op != '+' && op != '~' && op != '(') {
        return op == '$' ? expr_register(e, out) : expr_number(e, out);
    }
    if (++e->depth > DEPTH_MAX) {
        return fail(e->error, "nested too deeply");
    }
    e->p++;
    good = op == '(' ? expr_sum(e, out) : expr_unary(e, out);
    e->depth--;
    if (!good) {
        return false;
    }
    if (op == '(') {
        expr_space(e);
        if (*e->p != ')') {
            return fail(e->error, "a ')' is missing");
        }
        e->p++;
    } else if (op != '+') {
        *out = op == '-' ? -*out : ~*out;
    }
    return true;
}

static bool expr_apply(Expr *e, char op, uint64_t *a, uint64_t b)
{
    switch (op) {
    case '*':
        *a *= b;
        return true;
    case '/':
    case '%':
        if (b == 0) {
            return fail(e->error, "division by zero");
        }
        if (b == UINT64_MAX) { /* -1: INT64_MIN has no counterpart */
            *a = op == '/' ? -*a : 0;
        } else {
            *a = (uint64_t)(op == '/' ? (int64_t)*a / (int64_t)b
                                      : (int64_t)*a % (int64_t)b);
        }
        return true;
    case '&':
        *a &= b;
        return true;
    case '|':
        *a |= b;
        return true;
    case '^':
        *a ^= b;
        return true;
    case '+':
        *a += b;
        return true;
    default:
        *a -= b;
        return true;
    }
}

static bool expr_chain(Expr *e, const char *ops,
                       bool (*next)(Expr *e, uint64_t *out), uint64_t *out)
{
    uint64_t right;

    if (!next(e, out)) {
        return false;
    }
    for (;;) {
        const char *at = e->p;
        char op;

        expr_space(e);
        op = *e->p;
        /* "16 /tmp/x" and "0 -1" are two arguments, "16 / 2" is one. */
        if (!op || !strchr(ops, op)
            || (e->p != at && !g_ascii_isspace(e->p[1]))) {
            e->p = at;
            return true;
        }
        e->p++;
        if (!next(e, &right) || !expr_apply(e, op, out, right)) {
            return false;
        }
    }
}

static bool expr_product(Expr *e, uint64_t *out)
{
    return expr_chain(e, "*/%", expr_unary, out);
}

static bool expr_plus(Expr *e, uint64_t *out)
{
    return expr_chain(e, "+-", expr_product, out);
}

static bool expr_sum(Expr *e, uint64_t *out)
{
    return expr_chain(e, "&|^", expr_plus, out);
}

bool expr_eval(Vm *vm, Vcpu *v, const char **at, int64_t *out, GError **error)
{
    Expr e = {.vm = vm, .v = v, .p = *at, .error = error};
    uint64_t value;

    if (!expr_sum(&e, &value)) {
        return false;
    }
    *at = e.p;
    *out = (int64_t)value;
    return true;
}
