/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going on: c, C, s, S, vCont. All vCPUs run together, in their rotation. */
#include <string.h>

#include "gdbstub/gdb_priv.h"

/* --- backwards ---------------------------------------------------------------------------- */

/* The answer is the stop reply, later. */
static void resume_back(GdbState *g, bool ok)
{
    g->owns_stop = g->waiting = g->no_reply = ok;
    if (!ok) {
        gdb_error(g, GDB_EINVAL); /* only a replay goes back */
    }
}

static int resume_stepper(const GdbState *g)
{
    return g->c_vcpu < 0 ? (int)g->g_vcpu : g->c_vcpu;
}

void gdb_cmd_step_back(GdbState *g, Scan *s)
{
    unsigned vcpu = (unsigned)resume_stepper(g);

    resume_back(g, g->ops->step_back(g->vm, vcpu, NULL));
}

void gdb_cmd_cont_back(GdbState *g, Scan *s)
{
    resume_back(g, g->ops->cont_back(g->vm, NULL));
}

/* --- forwards ----------------------------------------------------------------------------- */

/* The answer is the stop reply, later; or now when nothing can run. */
static void resume_range(GdbState *g, int step_vcpu, uint64_t from, uint64_t to)
{
    g_autoptr(GError) error = NULL;
    GdbStop why = {0};
    bool ok;

    g->owns_stop = false;
    g->waiting = true;
    ok = step_vcpu >= 0
             ? g->ops->step(g->vm, (unsigned)step_vcpu, from, to, &error)
             : g->ops->cont(g->vm, &error);
    if (ok) {
        g->no_reply = true;
        return;
    }
    g->waiting = false;
    g->ops->why(g->vm, &why);
    gdb_stop_reply(g, &why, g->reply);
}

static void resume(GdbState *g, int step_vcpu)
{
    resume_range(g, step_vcpu, 0, 0);
}

/* An address to go on at: false when it is wrong or refused. */
static bool resume_at(GdbState *g, Scan *s)
{
    g_autoptr(GError) error = NULL;
    const GPtrArray *regs = gdb_registers(g);
    Vcpu *v = gdb_vcpu(g, g->c_vcpu < 0 ? g->g_vcpu : (unsigned)g->c_vcpu);
    uint64_t at;

    if (!scan_left(s)) {
        return true;
    }
    if (!scan_hex(s, &at) || scan_left(s)) {
        return false;
    }
    for (guint i = 0; i < regs->len; i++) {
        const CpuRegRow *row = g_ptr_array_index(regs, i);
        uint8_t value[CPU_REG_BYTES] = {0};

        if (g_strcmp0(row->type, "code_ptr") == 0) {
            for (unsigned k = 0; k < 8; k++) {
                value[k] = (uint8_t)(at >> 8 * k);
            }
            return at == v->ops->get_pc(v)
                   || gdb_write_reg(g, v, i, value, &error);
        }
    }
    return false;
}

void gdb_cmd_continue(GdbState *g, Scan *s)
{
    if (!resume_at(g, s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    resume(g, -1);
}

void gdb_cmd_step(GdbState *g, Scan *s)
{
    if (!resume_at(g, s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    resume(g, resume_stepper(g));
}

/* SIG[;ADDR]: a machine takes no signals. */
static bool resume_signal(Scan *s)
{
    uint64_t number;

    return scan_hex(s, &number) && (scan_char(s, ';') || !scan_left(s));
}

void gdb_cmd_continue_sig(GdbState *g, Scan *s)
{
    if (!resume_signal(s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    gdb_cmd_continue(g, s);
}

void gdb_cmd_step_sig(GdbState *g, Scan *s)
{
    if (!resume_signal(s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    gdb_cmd_step(g, s);
}

/* --- vCont ------------------------------------------------------------------------------ */

typedef struct Action {
    char what;         /* c, s, t, r; 0: end */
    int vcpu;          /* -1: all that no action before names */
    uint64_t from, to; /* r */
} Action;

#define ACTIONS_MAX 64

/* False: wrong. @unknown: an action that vCont? does not list. */
static bool vcont_action(GdbState *g, Scan *s, Action *out, bool *unknown)
{
    uint64_t number;

    if (!scan_char(s, ';') || !scan_left(s)) {
        return false;
    }
    *out = (Action){.what = g_ascii_tolower(*s->at), .vcpu = -1};
    *unknown = !strchr("cCsStr", *s->at);
    if (*unknown) {
        return false;
    }
    if (g_ascii_isupper(*s->at++) && !scan_hex(s, &number)) {
        return false;
    }
    if (out->what == 'r'
        && (!scan_hex(s, &out->from) || !scan_char(s, ',')
            || !scan_hex(s, &out->to))) {
        return false;
    }
    return !scan_char(s, ':') || gdb_thread(g, s, &out->vcpu);
}

void gdb_cmd_vcont(GdbState *g, Scan *s)
{
    Action actions[ACTIONS_MAX];
    const Action *stepper = &(Action){.what = 'c'};
    unsigned count = 0;
    int step = -1;
    bool unknown = false, go = false;

    while (scan_left(s)) {
        if (count == ACTIONS_MAX
            || !vcont_action(g, s, &actions[count++], &unknown)) {
            if (!unknown) {
                gdb_error(g, GDB_EINVAL);
            }
            return;
        }
    }
    for (unsigned n = 0; n < g->vm->vcpus->len; n++) {
        for (unsigned i = 0; i < count; i++) {
            if (actions[i].vcpu < 0 || (unsigned)actions[i].vcpu == n) {
                go = go || actions[i].what != 't';
                if (step < 0 && strchr("sr", actions[i].what)) {
                    step = (int)n;
                    stepper = &actions[i];
                }
                break;
            }
        }
    }
    if (count == 0) {
        gdb_error(g, GDB_EINVAL);
    } else if (go) {
        resume_range(g, step, stepper->from, stepper->to);
    } else {
        gdb_stop_reply(g, &(GdbStop){.vcpu = g->g_vcpu}, g->reply);
    }
}

void gdb_cmd_vcont_query(GdbState *g, Scan *s)
{
    g_string_append(g->reply, "vCont;c;C;s;S;t;r");
}
