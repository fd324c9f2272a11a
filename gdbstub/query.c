/* SPDX-License-Identifier: GPL-2.0-or-later */
/* q and Q packets. qRcmd is in server.c: it belongs to the I/O thread. */
#include <string.h>

#include "gdbstub/gdb_priv.h"

static void query_supported(GdbState *g, Scan *s)
{
    g_autofree char *text = g_strndup(s->at, scan_left(s));
    g_auto(GStrv) offered = g_strsplit(text, ";", -1);
    const char *const *names = (const char *const *)offered;

    g->multiprocess = g_strv_contains(names, "multiprocess+");
    g->swbreak = g_strv_contains(names, "swbreak+");
    g->hwbreak = g_strv_contains(names, "hwbreak+");
    g_string_append_printf(g->reply,
                           "PacketSize=%x;qXfer:features:read+;"
                           "qXfer:threads:read+;vContSupported+;"
                           "QStartNoAckMode+;ConditionalBreakpoints+;"
                           "multiprocess+",
                           GDB_PACKET_MAX);
    if (g->ops->can_back(g->vm)) {
        g_string_append(g->reply, ";ReverseStep+;ReverseContinue+");
    }
    if (g->swbreak) {
        g_string_append(g->reply, ";swbreak+");
    }
    if (g->hwbreak) {
        g_string_append(g->reply, ";hwbreak+");
    }
}

/* --- qXfer ------------------------------------------------------------------------------- */

/* :OFFSET,LENGTH of @text: m more follows, l the last */
static void xfer(GdbState *g, Scan *s, const GString *text)
{
    uint64_t at, size;

    if (!scan_char(s, ':') || !scan_hex(s, &at) || !scan_char(s, ',')
        || !scan_hex(s, &size) || scan_left(s) || at > text->len) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    /* escapes may double it */
    size = MIN(size, GDB_PACKET_MAX / 2 - 1);
    g_string_append_c(g->reply, text->len - at > size ? 'm' : 'l');
    g_string_append_len(g->reply, text->str + at,
                        (gssize)MIN(size, text->len - at));
}

static void query_features(GdbState *g, Scan *s)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!scan_word(s, "target.xml")) {
        g_string_append(g->reply, "E00"); /* no such annex */
        return;
    }
    gdb_description(g, text);
    xfer(g, s, text);
}

static void query_threads(GdbState *g, Scan *s)
{
    g_autoptr(GString) text = g_string_new("<?xml version=\"1.0\"?><threads>");

    for (unsigned i = 0; i < g->vm->vcpus->len; i++) {
        g_string_append(text, "<thread id=\"");
        gdb_thread_id(g, i, text);
        g_string_append_printf(
            text, "\" core=\"%u\" name=\"CPU#%u\">%s</thread>", i, i,
            gdb_vcpu(g, i)->halted ? "halted" : "running");
    }
    g_string_append(text, "</threads>");
    xfer(g, s, text);
}

/* --- threads --------------------------------------------------------------------------------- */

static void query_current(GdbState *g, Scan *s)
{
    g_string_append(g->reply, "QC");
    gdb_thread_id(g, g->g_vcpu, g->reply);
}

static void query_first_threads(GdbState *g, Scan *s)
{
    for (unsigned i = 0; i < g->vm->vcpus->len; i++) {
        g_string_append_c(g->reply, i ? ',' : 'm');
        gdb_thread_id(g, i, g->reply);
    }
}

static void query_more_threads(GdbState *g, Scan *s)
{
    g_string_append_c(g->reply, 'l');
}

static void query_thread_info(GdbState *g, Scan *s)
{
    g_autofree char *text = NULL;
    int n;

    if (!gdb_thread(g, s, &n) || n < 0 || scan_left(s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    text = g_strdup_printf("CPU#%d [%s]", n,
                           gdb_vcpu(g, (unsigned)n)->halted ? "halted "
                                                            : "running");
    hex_append(g->reply, text, strlen(text));
}

/* --- modes ------------------------------------------------------------------------------------ */

static void query_attached(GdbState *g, Scan *s)
{
    g_string_append_c(g->reply, '1');
}

/* The reader's side is quiet: it waits for this packet. */
static void set_no_ack(GdbState *g, Scan *s)
{
    gdb_ok(g);
    g_mutex_lock(&g->lock);
    g->noack = true;
    g_mutex_unlock(&g->lock);
}

static void query_extensions(GdbState *g, Scan *s)
{
    g_string_append(g->reply, "sstepbits;sstep;PhyMemMode");
}

/* A step masks neither interrupts nor timers: it is a step like any other. */
static void query_step_bits(GdbState *g, Scan *s)
{
    g_string_append(g->reply, "ENABLE=1");
}

static void query_step(GdbState *g, Scan *s)
{
    g_string_append(g->reply, "0x1");
}

static void set_step(GdbState *g, Scan *s)
{
    uint64_t bits;

    if (!scan_char(s, '=')) {
        return;
    }
    if (!scan_hex(s, &bits) || scan_left(s) || bits & ~(uint64_t)1) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    gdb_ok(g);
}

static void query_physical(GdbState *g, Scan *s)
{
    g_string_append_c(g->reply, g->physical ? '1' : '0');
}

static void set_physical(GdbState *g, Scan *s)
{
    uint64_t on;

    if (!scan_hex(s, &on) || scan_left(s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    g->physical = on != 0;
    gdb_ok(g);
}

const GdbRow gdb_query_rows[] = {
    {"qSupported:", query_supported},
    {"qSupported", query_supported, true},
    {"qXfer:features:read:", query_features},
    {"qXfer:threads:read:", query_threads},
    {"qC", query_current, true},
    {"qfThreadInfo", query_first_threads, true},
    {"qsThreadInfo", query_more_threads, true},
    {"qThreadExtraInfo,", query_thread_info},
    {"qAttached", query_attached, true},
    {"qAttached:", query_attached},
    {"QStartNoAckMode", set_no_ack, true},
    {"qqemu.Supported", query_extensions, true},
    {"qqemu.sstepbits", query_step_bits, true},
    {"qqemu.sstep", query_step, true},
    {"Qqemu.sstep", set_step},
    {"qqemu.PhyMemMode", query_physical, true},
    {"Qqemu.PhyMemMode:", set_physical},
    {NULL, NULL},
};
