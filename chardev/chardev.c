/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back ends: making, finding, front ends, and their watches on the I/O thread. */
#include "chardev/chardev.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

static const ChrDriver chr_vc_driver = {
    .name = "vc",
    .doc = "a text console; without a display the same as null",
};
/* clang-format off */
/* Known names without a back end so far. */
static const ChrDriver chr_later[] = {
    {.name = "pty",      .doc = "a new pseudo terminal"},
    {.name = "pipe",     .doc = "a named pipe"},
    {.name = "udp",      .doc = "datagrams"},
    {.name = "telnet",   .doc = "a socket with the telnet protocol"},
    {.name = "websocket", .doc = "a socket with the websocket protocol"},
    {.name = "ringbuf",  .doc = "a buffer in memory"},
    {.name = "memory",   .doc = "a buffer in memory"},
    {.name = "serial",   .doc = "a serial port of the host"},
    {.name = "parallel", .doc = "a parallel port of the host"},
    {.name = NULL},
};
/* clang-format on */

static const ChrDriver *const chr_drivers[] = {
    &chr_null_driver,   &chr_stdio_driver, &chr_file_driver,
    &chr_socket_driver, &chr_vc_driver,    NULL,
};

static const char *const chr_common[] = {"id", "mux", "logfile", "logappend",
                                         NULL};

/* --- the I/O thread --------------------------------------------------------- */

static void chr_service(Chardev *c);

static bool chr_wants_input(Chardev *c)
{
    if (!c->connected || c->in_ended || c->in_fd < 0 || !c->fes->len) {
        return false;
    }
    return (c->mux ? mux_room(c) : chr_fe_room(g_ptr_array_index(c->fes, 0)))
           > 0;
}

static gboolean chr_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    Chardev *c = opaque;
    uint8_t buf[CHR_READ_MAX];
    size_t room;
    ssize_t n;

    if (!chr_wants_input(c)) {
        chr_service(c);
        return G_SOURCE_CONTINUE;
    }
    room = c->mux ? mux_room(c) : chr_fe_room(g_ptr_array_index(c->fes, 0));
    if (room) {
        n = c->driver->read(c, buf, MIN(room, sizeof(buf)));
        if (n > 0 && c->mux) {
            mux_input(c, buf, (size_t)n);
        } else if (n > 0) {
            chr_fe_receive(g_ptr_array_index(c->fes, 0), buf, (size_t)n);
        } else if (n == 0) {
            c->in_ended = true;
        }
    }
    chr_service(c);
    return G_SOURCE_CONTINUE;
}

static gboolean chr_writable(gint fd, GIOCondition condition, gpointer opaque)
{
    chr_service(opaque);
    return G_SOURCE_CONTINUE;
}

static void chr_watch(Chardev *c, GSource **at, int fd, GIOCondition what,
                      GUnixFDSourceFunc fn, bool wanted)
{
    if (wanted == (*at != NULL)) {
        return;
    }
    if (!wanted) {
        g_source_destroy(*at);
        g_clear_pointer(at, g_source_unref);
        return;
    }
    *at = g_unix_fd_source_new(fd, what);
    g_source_set_callback(*at, G_SOURCE_FUNC(fn), c, NULL);
    g_source_attach(*at, NULL);
}

static void chr_greet(Chardev *c)
{
    for (guint i = 0; c->connected && i < c->fes->len; i++) {
        ChrFe *fe = g_ptr_array_index(c->fes, i);

        if (!fe->greeted) {
            fe->greeted = true;
            chr_fe_event(fe, CHR_EVENT_OPENED);
            if (c->mux && i == c->focus) {
                chr_fe_event(fe, CHR_EVENT_FOCUS);
            }
        }
    }
}

/* Bring everything about one back end up to date. */
static void chr_service(Chardev *c)
{
    chr_greet(c);
    mux_flush(c);
    chr_drain(c);
    chr_watch(c, &c->out, c->out_fd, G_IO_OUT | G_IO_ERR, chr_writable,
              c->connected && c->out_fd >= 0 && chr_queue_length(c) > 0);
    chr_watch(c, &c->in, c->in_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, chr_readable,
              chr_wants_input(c));
}

static gboolean chr_kicked(GSource *source, GSourceFunc fn, gpointer opaque)
{
    return fn(opaque);
}

static gboolean chr_serve_all(gpointer opaque)
{
    ChrState *st = opaque;

    g_source_set_ready_time(st->kick, -1);
    g_atomic_int_set(&st->kicked, 0);
    for (guint i = 0; i < st->all->len; i++) {
        chr_service(g_ptr_array_index(st->all, i));
    }
    return G_SOURCE_CONTINUE;
}

void chr_kick(ChrState *st)
{
    if (g_atomic_int_compare_and_exchange(&st->kicked, 0, 1)) {
        g_source_set_ready_time(st->kick, 0);
    }
}

void chr_opened(Chardev *c, int in_fd, int out_fd)
{
    g_mutex_lock(&c->st->lock);
    c->in_fd = in_fd;
    c->out_fd = out_fd;
    c->in_ended = false;
    c->connected = true;
    g_mutex_unlock(&c->st->lock);
    chr_kick(c->st);
}

void chr_lost(Chardev *c)
{
    if (!c->connected) {
        return;
    }
    g_mutex_lock(&c->st->lock);
    c->connected = false;
    g_mutex_unlock(&c->st->lock);
    chr_watch(c, &c->in, -1, 0, NULL, false);
    chr_watch(c, &c->out, -1, 0, NULL, false);
    chr_queue_clear(c);
    if (c->driver->lost) {
        c->driver->lost(c);
    }
    for (guint i = 0; i < c->fes->len; i++) {
        ChrFe *fe = g_ptr_array_index(c->fes, i);

        if (fe->greeted) {
            fe->greeted = false;
            chr_fe_event(fe, CHR_EVENT_CLOSED);
        }
    }
    c->escape = false;
}

/* --- all of them ------------------------------------------------------------ */

static void chr_fe_release(gpointer p)
{
    ChrFe *fe = p;

    g_byte_array_unref(fe->pending);
    g_free(fe);
}

static void chardev_free(gpointer p)
{
    Chardev *c = p;

    chr_watch(c, &c->in, -1, 0, NULL, false);
    chr_watch(c, &c->out, -1, 0, NULL, false);
    if (c->driver->close) {
        c->driver->close(c);
    }
    if (c->log) {
        fclose(c->log);
    }
    g_ptr_array_unref(c->fes);
    g_byte_array_unref(c->queue);
    g_free(c->data);
    g_free(c->id);
    g_free(c);
}

ChrState *chr_state(Vm *vm)
{
    static const GSourceFuncs funcs = {.dispatch = chr_kicked};
    ChrState *st = vm->chr;

    if (st) {
        return st;
    }
    st = g_new0(ChrState, 1);
    st->vm = vm;
    g_mutex_init(&st->lock);
    st->all = g_ptr_array_new_with_free_func(chardev_free);
    st->ports = g_ptr_array_new_with_free_func((GDestroyNotify)chr_port_free);
    st->kick = g_source_new((GSourceFuncs *)(uintptr_t)&funcs, sizeof(GSource));
    g_source_set_callback(st->kick, chr_serve_all, st, NULL);
    g_source_set_ready_time(st->kick, -1);
    g_source_attach(st->kick, NULL);
    vm->chr = st;
    return st;
}

void chardevs_close(Vm *vm)
{
    ChrState *st = vm->chr;

    if (!st) {
        return;
    }
    for (guint i = 0; i < st->all->len; i++) {
        chr_flush(g_ptr_array_index(st->all, i));
    }
    g_ptr_array_unref(st->all);
    g_ptr_array_unref(st->ports);
    g_source_destroy(st->kick);
    g_source_unref(st->kick);
    g_mutex_clear(&st->lock);
    g_free(st);
    vm->chr = NULL;
}

Chardev *chardev_find(Vm *vm, const char *id)
{
    ChrState *st = vm->chr;

    for (guint i = 0; st && i < st->all->len; i++) {
        Chardev *c = g_ptr_array_index(st->all, i);

        if (strcmp(c->id, id) == 0) {
            return c;
        }
    }
    return NULL;
}

void chardev_remove(Chardev *c)
{
    g_assert(c->fes->len == 0);
    chr_queue_clear(c);
    g_ptr_array_remove(c->st->all, c);
}

Chardev *chardev_make_mux(Chardev *c)
{
    c->mux = true;
    return c;
}

bool chardev_is_mux(const Chardev *c)
{
    return c->mux;
}

bool chardev_uses_stdio(const Chardev *c)
{
    return c->driver == &chr_stdio_driver;
}

void chardev_on_escape(Vm *vm, void (*fn)(Vm *vm, ChrEscape what))
{
    chr_state(vm)->escape = fn;
}

void chardevs_foreach(Vm *vm, ChardevVisit *visit, void *opaque)
{
    ChrState *st = vm->chr;

    for (guint i = 0; st && i < st->all->len; i++) {
        Chardev *c = g_ptr_array_index(st->all, i);
        g_autofree char *text = c->driver->describe ? c->driver->describe(c)
                                                    : g_strdup(c->driver->name);

        visit(opaque, c->id, text, c->fes->len > 0);
    }
}

static void chardev_print(void *opaque, const char *id, const char *filename,
                          bool open)
{
    g_string_append_printf(opaque, "%s: filename=%s%s\n", id, filename,
                           open ? "" : " (not in use)");
}

void chardevs_print(Vm *vm, GString *out)
{
    chardevs_foreach(vm, chardev_print, out);
}

/* --- -chardev --------------------------------------------------------------- */

void chardev_help(GString *out)
{
    g_string_append(out, "Character back ends:\n");
    for (unsigned i = 0; chr_drivers[i]; i++) {
        g_string_append_printf(out, "  %-10s %s\n", chr_drivers[i]->name,
                               chr_drivers[i]->doc);
    }
}

static const ChrDriver *chr_driver_find(const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *list = NULL;
    const char *near;

    for (const ChrDriver *d = chr_later; d->name; d++) {
        if (strcmp(d->name, name) == 0) {
            fail(error, "'%s' (%s) is not there yet (see -chardev help)", name,
                 d->doc);
            return NULL;
        }
    }
    for (unsigned i = 0; chr_drivers[i]; i++) {
        if (strcmp(chr_drivers[i]->name, name) == 0) {
            return chr_drivers[i] == &chr_vc_driver ? &chr_null_driver
                                                    : chr_drivers[i];
        }
        g_ptr_array_add(names, (gpointer)(uintptr_t)chr_drivers[i]->name);
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    list = g_strjoinv(", ", (char **)names->pdata);
    if (near) {
        fail(error, "no back end '%s': did you mean '%s'? (there are: %s)",
             name, near, list);
    } else {
        fail(error, "no back end '%s' (there are: %s)", name, list);
    }
    return NULL;
}

static bool chr_open_log(Chardev *c, KeyVals *kv, GError **error)
{
    const char *path = keyvals_take(kv, "logfile");
    bool append = false;

    if (!keyvals_take_bool(kv, "logappend", &append, error)) {
        return false;
    }
    if (path) {
        c->log = fopen(path, append ? "ae" : "we");
        if (!c->log) {
            return fail_errno(error, errno, "logfile=%s: cannot open", path);
        }
    }
    return true;
}

static bool chr_known(const ChrDriver *d, const KeyVals *kv, GError **error)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new();

    for (unsigned i = 0; d->options && d->options[i]; i++) {
        g_ptr_array_add(known, (gpointer)(uintptr_t)d->options[i]);
    }
    for (unsigned i = 0; chr_common[i]; i++) {
        g_ptr_array_add(known, (gpointer)(uintptr_t)chr_common[i]);
    }
    g_ptr_array_add(known, NULL);
    /* Drivers take their options before anything is opened. */
    for (guint i = 0; i < kv->items->len; i++) {
        KeyVal *item = &g_array_index(kv->items, KeyVal, i);

        item->taken =
            item->taken
            || g_strv_contains((const char *const *)known->pdata, item->key);
    }
    return keyvals_done(kv, (const char *const *)known->pdata, error);
}

static Chardev *chr_new(ChrState *st, const ChrDriver *driver, const char *id)
{
    Chardev *c = g_new0(Chardev, 1);

    c->st = st;
    c->id = g_strdup(id);
    c->driver = driver;
    c->fes = g_ptr_array_new_with_free_func(chr_fe_release);
    c->queue = g_byte_array_new();
    c->in_fd = -1;
    c->out_fd = -1;
    return c;
}

static Chardev *chr_add(Vm *vm, KeyVals *kv, const char *label, GError **error)
{
    const char *name = keyvals_take(kv, "backend");
    const char *id = keyvals_take(kv, "id");
    const ChrDriver *driver = name ? chr_driver_find(name, error) : NULL;
    ChrState *st = chr_state(vm);
    Chardev *c;

    id = id ? id : label;
    if (!name) {
        fail(error, "a back end is missing (see -chardev help)");
    }
    if (!driver) {
        return NULL;
    }
    if (!id) {
        fail(error, "%s: id=NAME is missing", name);
        return NULL;
    }
    if (chardev_find(vm, id)) {
        fail(error, "id=%s is already taken", id);
        return NULL;
    }
    if (!chr_known(driver, kv, error)) {
        return NULL;
    }
    c = chr_new(st, driver, id);
    if (!keyvals_take_bool(kv, "mux", &c->mux, error)
        || !chr_open_log(c, kv, error) || !driver->open(c, kv, error)) {
        chardev_free(c);
        return NULL;
    }
    g_ptr_array_add(st->all, c);
    return c;
}

Chardev *chardev_add(Vm *vm, const char *options, GError **error)
{
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, options, "backend");
    return chr_add(vm, &kv, NULL, error);
}

/* --- the forms of -serial and -monitor --------------------------------------- */

static char *chr_escape_commas(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    return g_strjoinv(",,", parts);
}

/* "HOST:PORT,more" to "host=HOST,port=PORT,more" */
static char *chr_translate_tcp(const char *rest)
{
    const char *comma = strchrnul(rest, ',');
    g_autofree char *where = g_strndup(rest, (gsize)(comma - rest));
    char *colon = strrchr(where, ':');

    if (!colon) {
        return NULL;
    }
    *colon = 0;
    return g_strdup_printf("socket,host=%s,port=%s%s", where, colon + 1, comma);
}

/* To the words of -chardev; NULL: they are the same. */
static char *chr_translate(const char *text)
{
    g_autofree char *path = NULL;

    if (g_str_has_prefix(text, "file:")) {
        path = chr_escape_commas(text + 5);
        return g_strdup_printf("file,path=%s", path);
    }
    if (g_str_has_prefix(text, "unix:")) {
        return g_strdup_printf("socket,path=%s", text + 5);
    }
    if (g_str_has_prefix(text, "tcp:")) {
        return chr_translate_tcp(text + 4);
    }
    if (g_str_has_prefix(text, "vc:")) {
        return g_strdup("null");
    }
    return NULL;
}

static Chardev *chr_find_text(Vm *vm, const char *id, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    Chardev *c = chardev_find(vm, id);
    ChrState *st = chr_state(vm);
    const char *near;

    if (c) {
        return c;
    }
    for (guint i = 0; i < st->all->len; i++) {
        g_ptr_array_add(ids, ((Chardev *)g_ptr_array_index(st->all, i))->id);
    }
    g_ptr_array_add(ids, NULL);
    near = nearest_match(id, (const char *const *)ids->pdata);
    if (near) {
        fail(error, "chardev:%s: no such, did you mean '%s'?", id, near);
    } else {
        fail(error, "chardev:%s: there is no -chardev with this id", id);
    }
    return NULL;
}

static Chardev *chr_from_words(Vm *vm, const char *text, const char *label,
                               bool mon, GError **error)
{
    g_autofree char *translated = chr_translate(text);
    g_autofree char *colon = NULL;
    g_auto(KeyVals) kv = {0};

    if (!translated && strchr(text, ':')) {
        /* "pty:X", "telnet:X": let the name be judged */
        colon = g_strndup(text, (gsize)(strchr(text, ':') - text));
    }
    keyvals_parse(&kv,
                  translated ? translated
                  : colon    ? colon
                             : text,
                  "backend");
    if (mon) {
        KeyVal mux = {.key = g_strdup("mux"), .value = g_strdup("on")};

        g_array_append_val(kv.items, mux);
        if (strcmp(text, "stdio") == 0) {
            KeyVal sig = {.key = g_strdup("signal"), .value = g_strdup("off")};

            g_array_append_val(kv.items, sig);
        }
    }
    return chr_add(vm, &kv, label, error);
}

bool chardev_from_text(Vm *vm, const char *text, const char *label,
                       Chardev **out, GError **error)
{
    bool mon = g_str_has_prefix(text, "mon:");
    const char *rest = mon ? text + 4 : text;
    Chardev *c;

    if (strcmp(rest, "none") == 0) {
        *out = NULL;
        return true;
    }
    if (g_str_has_prefix(rest, "chardev:")) {
        c = chr_find_text(vm, rest + 8, error);
        if (c && mon) {
            chardev_make_mux(c);
        }
    } else {
        c = chr_from_words(vm, rest, label, mon, error);
    }
    if (c) {
        *out = c;
    }
    return c != NULL;
}

/* --- front ends ------------------------------------------------------------- */

size_t chr_fe_room(ChrFe *fe)
{
    if (fe->port) {
        return chr_port_room(fe->port);
    }
    /* Who does not read answers is not asked for more questions. */
    return fe->ops && !fe->hold
                   && chr_queue_length(fe->backend) < CHR_QUEUE_HIGH
               ? CHR_READ_MAX
               : 0;
}

void chr_fe_receive(ChrFe *fe, const uint8_t *buf, size_t size)
{
    if (fe->port) {
        chr_port_input(fe->port, buf, size);
    } else if (fe->ops && fe->ops->receive) {
        fe->ops->receive(fe->opaque, buf, size);
    }
}

void chr_fe_event(ChrFe *fe, ChrEvent event)
{
    if (fe->port) {
        chr_port_event(fe->port, event);
    } else if (fe->ops && fe->ops->event) {
        fe->ops->event(fe->opaque, event);
    }
}

ChrFe *chr_fe_attach(Chardev *c, const ChrFeOps *ops, void *opaque,
                     ChrPort *port, GError **error)
{
    ChrFe *fe;

    if (c->fes->len && !c->mux) {
        fail(error,
             "chardev '%s' is already in use (mux=on lets several "
             "share it)",
             c->id);
        return NULL;
    }
    fe = g_new0(ChrFe, 1);
    fe->backend = c;
    fe->ops = ops;
    fe->opaque = opaque;
    fe->port = port;
    fe->pending = g_byte_array_new();
    g_ptr_array_add(c->fes, fe);
    mux_attached(c, fe);
    chr_kick(c->st);
    return fe;
}

ChrFe *chr_fe_new(Chardev *backend, const ChrFeOps *ops, void *opaque,
                  GError **error)
{
    return chr_fe_attach(backend, ops, opaque, NULL, error);
}

void chr_fe_free(ChrFe *fe)
{
    Chardev *c;

    if (!fe) {
        return;
    }
    c = fe->backend;
    g_ptr_array_remove(c->fes, fe);
    if (c->focus >= c->fes->len) {
        c->focus = 0;
    }
    chr_kick(c->st);
}

void chr_fe_hold(ChrFe *fe, bool hold)
{
    if (fe && fe->hold != hold) {
        fe->hold = hold;
        chr_kick(fe->backend->st);
    }
}

void chr_fe_write(ChrFe *fe, const void *buf, size_t size)
{
    if (fe && size) {
        chr_queue(fe->backend, buf, size, false);
    }
}
