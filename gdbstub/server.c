/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The session: a debugger on a character back end, its packets, its stops. */
#include "gdbstub/gdbstub.h"

#include <string.h>

#include "core/error.h"
#include "gdbstub/gdb_priv.h"

#define CONSOLE_BYTES 2048 /* of monitor output in one O packet */

/* --- sending ------------------------------------------------------------------------- */

void gdb_send(GdbState *g, const char *body, size_t size)
{
    g_mutex_lock(&g->lock);
    g_string_truncate(g->last, 0);
    packet_wrap(g->last, body, size);
    chr_fe_write(g->fe, g->last->str, g->last->len);
    if (g->noack) {
        g_string_truncate(g->last, 0);
    }
    g_mutex_unlock(&g->lock);
}

/* + or -: only while packets are acknowledged. */
static void gdb_ack(GdbState *g, char c)
{
    g_mutex_lock(&g->lock);
    if (!g->noack) {
        chr_fe_write(g->fe, &c, 1);
    }
    g_mutex_unlock(&g->lock);
}

static void gdb_acknowledged(GdbState *g, bool well)
{
    g_mutex_lock(&g->lock);
    if (well) {
        g_string_truncate(g->last, 0);
    } else if (g->last->len) {
        chr_fe_write(g->fe, g->last->str, g->last->len);
    }
    g_mutex_unlock(&g->lock);
}

void gdb_ok(GdbState *g)
{
    g_string_assign(g->reply, "OK");
}

void gdb_error(GdbState *g, unsigned code)
{
    g_string_printf(g->reply, "E%02x", code);
}

/* --- threads: a vCPU each, numbered from 1 ----------------------------------------------- */

Vcpu *gdb_vcpu(const GdbState *g, unsigned n)
{
    return (Vcpu *)g_ptr_array_index(g->vm->vcpus, n);
}

void gdb_thread_id(const GdbState *g, unsigned vcpu, GString *out)
{
    g_string_append_printf(out, g->multiprocess ? "p01.%02x" : "%02x",
                           vcpu + 1);
}

/* One id: -1 and 0 give -1. */
static bool thread_number(Scan *s, uint64_t most, int *out)
{
    uint64_t n;

    if (scan_word(s, "-1")) {
        *out = -1;
        return true;
    }
    if (!scan_hex(s, &n) || n > most) {
        return false;
    }
    *out = (int)n - 1;
    return true;
}

bool gdb_thread(GdbState *g, Scan *s, int *out)
{
    int process;

    if (scan_char(s, 'p')) {
        if (!thread_number(s, 1, &process)) {
            return false;
        }
        if (!scan_char(s, '.')) {
            *out = -1;
            return true;
        }
    }
    return thread_number(s, g->vm->vcpus->len, out);
}

/* --- stops ----------------------------------------------------------------------------------- */

static void stop_watch(const GdbStop *why, GString *out)
{
    const char *name = why->watch == ACCEL_WATCH_WRITE  ? "watch"
                       : why->watch == ACCEL_WATCH_READ ? "rwatch"
                                                        : "awatch";

    g_string_append_printf(out, "%s:%" G_GINT64_MODIFIER "x;", name, why->va);
}

/* Does a hardware breakpoint, not a software one, stand at the pc? */
static bool stop_is_hardware(const GdbState *g, unsigned vcpu)
{
    uint64_t pc = gdb_vcpu(g, vcpu)->pc;
    bool hardware = false;

    for (guint i = 0; i < g->points->len; i++) {
        const GdbPoint *p = &g_array_index(g->points, GdbPoint, i);

        if (p->at == pc && p->type == 0) {
            return false;
        }
        hardware = hardware || (p->at == pc && p->type == 1);
    }
    return hardware;
}

void gdb_stop_reply(GdbState *g, const GdbStop *why, GString *out)
{
    static const uint8_t signals[] = {
        [GDB_STOP_PAUSED] = 0x02,   [GDB_STOP_STEP] = 0x05,
        [GDB_STOP_BREAK] = 0x05,    [GDB_STOP_WATCH] = 0x05,
        [GDB_STOP_LOG_END] = 0x05,  [GDB_STOP_LOG_BEGIN] = 0x05,
        [GDB_STOP_SHUTDOWN] = 0x03, [GDB_STOP_IO_ERROR] = 0x11,
        [GDB_STOP_INTERNAL] = 0x06, [GDB_STOP_OTHER] = 0x8f,
    };
    bool hardware;

    g_string_append_printf(out, "T%02xthread:", signals[why->kind]);
    gdb_thread_id(g, why->vcpu, out);
    g_string_append_c(out, ';');
    switch (why->kind) {
    case GDB_STOP_WATCH:
        stop_watch(why, out);
        break;
    case GDB_STOP_BREAK:
        hardware = stop_is_hardware(g, why->vcpu);
        if (hardware ? g->hwbreak : g->swbreak) {
            g_string_append(out, hardware ? "hwbreak:;" : "swbreak:;");
        }
        break;
    case GDB_STOP_LOG_END:
        g_string_append(out, "replaylog:end;");
        break;
    case GDB_STOP_LOG_BEGIN:
        g_string_append(out, "replaylog:begin;");
        break;
    default:
        break;
    }
}

void gdb_stopped(Vm *vm, const GdbStop *why)
{
    g_autoptr(GString) text = g_string_new(NULL);
    GdbState *g = vm->gdb;

    if (!g) {
        return;
    }
    if (why->kind != GDB_STOP_PAUSED) {
        g->owns_stop = g->attached;
    }
    if (!g->waiting) {
        return;
    }
    g->waiting = false;
    g->g_vcpu = why->vcpu;
    g->c_vcpu = (int)why->vcpu;
    gdb_stop_reply(g, why, text);
    gdb_send(g, text->str, text->len);
}

void gdb_halt(GdbState *g)
{
    if (g->ops->running(g->vm)) {
        g->owns_stop = true;
        g->ops->stop(g->vm);
    }
}

/* --- commands that are here --------------------------------------------------------------------- */

static void cmd_extended(GdbState *g, Scan *s)
{
    gdb_ok(g);
}

static void cmd_why(GdbState *g, Scan *s)
{
    GdbStop why = {.kind = GDB_STOP_STEP, .vcpu = g->g_vcpu};

    gdb_stop_reply(g, &why, g->reply);
    /* a client that asks this has just come: what stands is of another one */
    gdb_points_clear(g);
}

static void cmd_select(GdbState *g, Scan *s)
{
    bool go_on = scan_char(s, 'c');
    int n;

    if ((!go_on && !scan_char(s, 'g')) || !gdb_thread(g, s, &n)
        || scan_left(s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    if (go_on) {
        g->c_vcpu = n;
    } else if (n >= 0) {
        g->g_vcpu = (unsigned)n;
    }
    gdb_ok(g);
}

static void cmd_alive(GdbState *g, Scan *s)
{
    int n;

    if (!gdb_thread(g, s, &n) || n < 0 || scan_left(s)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    gdb_ok(g);
}

static void session_leave(GdbState *g, bool resume)
{
    gdb_points_clear(g);
    g->attached = g->waiting = g->physical = false;
    g->ops->left(g->vm, resume);
    g->owns_stop = false;
}

static void cmd_detach(GdbState *g, Scan *s)
{
    gdb_ok(g);
    session_leave(g, true);
}

static void cmd_kill(GdbState *g, Scan *s)
{
    g->no_reply = true;
    g->attached = false;
    g->ops->quit(g->vm);
}

static void cmd_vkill(GdbState *g, Scan *s)
{
    gdb_ok(g);
    g->attached = false;
    g->ops->quit(g->vm);
}

static void cmd_vattach(GdbState *g, Scan *s)
{
    g->attached = true;
    gdb_halt(g);
    cmd_why(g, s);
}

/* In this order: the first that fits. */
static const GdbRow rows[] = {
    {"vCont?", gdb_cmd_vcont_query, true},
    {"vCont", gdb_cmd_vcont},
    {"vKill;", cmd_vkill},
    {"vAttach;", cmd_vattach},
    {"!", cmd_extended, true},
    {"?", cmd_why, true},
    {"g", gdb_cmd_read_all, true},
    {"G", gdb_cmd_write_all},
    {"p", gdb_cmd_read_reg},
    {"P", gdb_cmd_write_reg},
    {"m", gdb_cmd_read_mem},
    {"M", gdb_cmd_write_mem},
    {"X", gdb_cmd_write_bin},
    {"c", gdb_cmd_continue},
    {"C", gdb_cmd_continue_sig},
    {"s", gdb_cmd_step},
    {"bs", gdb_cmd_step_back, true},
    {"bc", gdb_cmd_cont_back, true},
    {"S", gdb_cmd_step_sig},
    {"Z", gdb_cmd_insert},
    {"z", gdb_cmd_remove},
    {"H", cmd_select},
    {"T", cmd_alive},
    {"D;", cmd_detach},
    {"D", cmd_detach, true},
    {"k", cmd_kill},
    {NULL, NULL},
};

/* False: nobody knows this packet; the reply stays empty. */
static bool dispatch(GdbState *g, const GdbRow *table, const char *packet,
                     size_t size)
{
    for (const GdbRow *row = table; row->prefix; row++) {
        size_t n = strlen(row->prefix);
        Scan s = {packet + n, packet + size};

        if (size < n || memcmp(packet, row->prefix, n) != 0
            || (row->whole && size != n)) {
            continue;
        }
        row->fn(g, &s);
        return true;
    }
    return false;
}

/* --- on the machine thread ---------------------------------------------------------------------- */

/* A packet from one who should wait: it wants something else. Stop first. */
static void exec_ready(Vm *vm, void *opaque)
{
    GdbState *g = opaque;

    if (g->waiting || g->ops->travelling(vm)) {
        gdb_halt(g);
    }
}

static void exec_packet(Vm *vm, void *opaque)
{
    GdbState *g = opaque;
    const char *packet = (const char *)g->in.data->data;
    size_t size = g->in.data->len;

    g->attached = true;
    g_string_truncate(g->reply, 0);
    g->no_reply = false;
    if (size && !dispatch(g, gdb_query_rows, packet, size)) {
        dispatch(g, rows, packet, size);
    }
    if (!g->no_reply) {
        gdb_send(g, g->reply->str, g->reply->len);
    }
}

static void exec_long(Vm *vm, void *opaque)
{
    gdb_send(opaque, "E22", 3);
}

static void exec_break(Vm *vm, void *opaque)
{
    gdb_halt(opaque);
}

static void exec_attach(Vm *vm, void *opaque)
{
    GdbState *g = opaque;

    g->attached = true;
    g->multiprocess = g->swbreak = g->hwbreak = false;
    g->physical = g->waiting = false;
    g->g_vcpu = 0;
    g->c_vcpu = -1;
    gdb_halt(g);
    g->ops->attached(vm);
}

static void exec_vanish(Vm *vm, void *opaque)
{
    GdbState *g = opaque;

    session_leave(g, g->attached && (g->owns_stop || g->waiting));
}

/* --- on the I/O thread ----------------------------------------------------------------------------- */

/* qRcmd,HEX: a monitor command */
static void command_monitor(GdbState *g, Scan *s)
{
    size_t size = scan_left(s) / 2;
    g_autofree uint8_t *line = g_malloc0(size + 1);
    g_autofree char *said = NULL;
    g_autoptr(GString) part = g_string_new(NULL);

    if (scan_left(s) % 2 || !scan_bytes(s, line, size)) {
        gdb_send(g, "E22", 3);
        return;
    }
    g->ops->call(g->vm, exec_ready, g);
    g->ops->call_settled(g->vm, exec_ready, g);
    said = g->ops->execute(g->vm, (const char *)line);
    for (size_t at = 0, all = strlen(said); at < all; at += CONSOLE_BYTES) {
        g_string_assign(part, "O");
        hex_append(part, said + at, MIN(all - at, CONSOLE_BYTES));
        gdb_send(g, part->str, part->len);
    }
    gdb_send(g, "OK", 2);
}

static void server_packet(GdbState *g)
{
    Scan s = {(const char *)g->in.data->data,
              (const char *)g->in.data->data + g->in.data->len};

    gdb_ack(g, '+');
    if (scan_word(&s, "qRcmd,")) {
        command_monitor(g, &s);
    } else {
        g->ops->call(g->vm, exec_ready, g);
        g->ops->call_settled(g->vm, exec_packet, g);
    }
}

static void server_receive(void *opaque, const uint8_t *buf, size_t size)
{
    GdbState *g = opaque;

    g->serving = true;
    for (size_t i = 0; i < size; i++) {
        switch (packet_feed(&g->in, buf[i])) {
        case PACKET_MORE:
            break;
        case PACKET_DONE:
            server_packet(g);
            break;
        case PACKET_BAD:
            gdb_ack(g, '-');
            break;
        case PACKET_LONG:
            gdb_ack(g, '+');
            g->ops->call(g->vm, exec_long, g);
            break;
        case PACKET_ACK:
            gdb_acknowledged(g, true);
            break;
        case PACKET_NAK:
            gdb_acknowledged(g, false);
            break;
        case PACKET_BREAK:
            g->ops->call(g->vm, exec_break, g);
            break;
        }
    }
    g->serving = false;
}

static void server_connected(GdbState *g, bool connected)
{
    packet_fini(&g->in);
    packet_init(&g->in);
    g_mutex_lock(&g->lock);
    g_string_truncate(g->last, 0);
    g->noack = false;
    g_mutex_unlock(&g->lock);
    g_atomic_int_set(&g->connected, connected);
}

static void server_event(void *opaque, ChrEvent event)
{
    GdbState *g = opaque;

    if (event == CHR_EVENT_OPENED) {
        server_connected(g, true);
        g->ops->call(g->vm, exec_attach, g);
    } else if (event == CHR_EVENT_CLOSED) {
        server_connected(g, false);
        g->ops->call(g->vm, exec_vanish, g);
    }
}

/* --- opening and closing ------------------------------------------------------------------------------ */

static const ChrFeOps server_ops = {server_receive, server_event};

static GdbState *server_new(Vm *vm, const GdbOps *ops)
{
    GdbState *g = g_new0(GdbState, 1);

    g->vm = vm;
    g->ops = ops;
    packet_init(&g->in);
    g_mutex_init(&g->lock);
    g->last = g_string_new(NULL);
    g->reply = g_string_new(NULL);
    g->points = g_array_new(FALSE, FALSE, sizeof(GdbPoint));
    g->c_vcpu = -1;
    return g;
}

/* A server, and nobody is waited for. */
static char *server_device(const char *device)
{
    const char *wait = strstr(device, "wait") ? "" : ",wait=off";

    if (g_str_has_prefix(device, "tcp:")) {
        return g_strdup_printf("%s%s%s,nodelay=on", device,
                               strstr(device, "server") ? "" : ",server=on",
                               wait);
    }
    if (g_str_has_prefix(device, "unix:") && !strstr(device, "server")) {
        return g_strdup_printf("%s,server=on%s", device, wait);
    }
    return g_strdup(device);
}

/* Whoever is connected is let go. */
static void server_close(GdbState *g)
{
    if (!g->fe) {
        return;
    }
    g->ops->call(g->vm, exec_vanish, g);
    g_mutex_lock(&g->lock);
    g_clear_pointer(&g->fe, chr_fe_free);
    g_mutex_unlock(&g->lock);
    server_connected(g, false);
    g_clear_pointer(&g->backend, chardev_remove);
}

bool gdb_open(Vm *vm, const GdbOps *ops, const char *device, GError **error)
{
    g_autofree char *text = server_device(device);
    g_autofree char *label = NULL;
    GdbState *g = vm->gdb;
    Chardev *c = NULL;
    ChrFe *fe = NULL;

    if (!g) {
        g = vm->gdb = server_new(vm, ops);
    }
    if (g->serving) {
        return fail(error, "gdbserver: not from the debugger it would cut off");
    }
    server_close(g);
    label = g_strdup_printf("gdb%u", g->opened++);
    if (!chardev_from_text(vm, text, label, &c, error)) {
        return false;
    }
    if (c) {
        fe = chr_fe_new(c, &server_ops, g, error);
        if (!fe) {
            return false;
        }
        g->backend = g_str_has_prefix(device, "chardev:") ? NULL : c;
    }
    g_mutex_lock(&g->lock);
    g->fe = fe;
    g_mutex_unlock(&g->lock);
    return true;
}

void gdb_free(Vm *vm, int status)
{
    GdbState *g = vm->gdb;

    if (!g) {
        return;
    }
    if (g_atomic_int_get(&g->connected)) {
        g_autofree char *text = g_strdup_printf("W%02x", status & 0xff);

        gdb_send(g, text, strlen(text));
    }
    chr_fe_free(g->fe);
    packet_fini(&g->in);
    g_string_free(g->last, TRUE);
    g_string_free(g->reply, TRUE);
    for (guint i = 0; i < g->points->len; i++) {
        g_ptr_array_unref(g_array_index(g->points, GdbPoint, i).conditions);
    }
    g_array_free(g->points, TRUE);
    g_clear_pointer(&g->regs, g_ptr_array_unref);
    g_mutex_clear(&g->lock);
    g_free(g);
    vm->gdb = NULL;
}

bool gdb_attended(const Vm *vm)
{
    return vm->gdb && g_atomic_int_get(&vm->gdb->connected);
}
