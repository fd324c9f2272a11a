/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -chardev: kinds of back ends, their options, adding and exchanging them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"
#include "core/fds.h"

/* clang-format off */
/* Known names that nobody serves. */
static const ChrDriver chr_refused[] = {
    {.name = "parallel", .alias = "parport", .refused = "parallel ports of the host are not in this version"},
    {.name = "spicevmc", .refused = "SPICE is not in this version"},
    {.name = "spiceport", .refused = "SPICE is not in this version"},
    {.name = "braille", .refused = "Braille displays are not in this version"},
    {.name = "msmouse", .refused = "serial mice are not in this version"},
    {.name = "wctablet", .refused = "serial tablets are not in this version"},
    {.name = "testdev", .refused = "it is not in this version"},
    {.name = NULL},
};

static const ChrOption chr_common[] = {
    {"id", "ID", "name of the back end"},
    {"mux", "on|off", "several front ends share it (Ctrl-A c)"},
    {"logfile", "FILE", "a copy of all output"},
    {"logappend", "on|off", "keep what the log file has"},
    {NULL},
};

static const ChrOption mux_options[] = {
    {"chardev", "ID", "back end that several front ends are to share"},
    {NULL},
};

static const ChrDriver chr_mux_driver = {
    .name = "mux", .doc = "several front ends on another back end", .options = mux_options,
};
/* clang-format on */

const ChrDriver *const chr_drivers[] = {
    &chr_null_driver, &chr_stdio_driver,  &chr_file_driver, &chr_pipe_driver,
    &chr_pty_driver,  &chr_socket_driver, &chr_udp_driver,  &chr_ringbuf_driver,
    &chr_vc_driver,   &chr_serial_driver, &chr_mux_driver,  NULL,
};

/* --- names and help --------------------------------------------------------- */

void chardev_help(GString *out)
{
    g_string_append(out, "Available chardev backend types:\n");
    for (unsigned i = 0; chr_drivers[i]; i++) {
        const ChrDriver *d = chr_drivers[i];

        g_string_append_printf(out, "  %-10s %s\n", d->name, d->doc);
        if (d->alias) {
            g_string_append_printf(out, "  %-10s the same as %s\n", d->alias,
                                   d->name);
        }
    }
}

void chardev_backends_foreach(void (*visit)(void *opaque, const char *name),
                              void *opaque)
{
    for (unsigned i = 0; chr_drivers[i]; i++) {
        visit(opaque, chr_drivers[i]->name);
        if (chr_drivers[i]->alias) {
            visit(opaque, chr_drivers[i]->alias);
        }
    }
}

static bool chr_is(const ChrDriver *d, const char *name)
{
    return strcmp(d->name, name) == 0 || g_strcmp0(d->alias, name) == 0;
}

static void chr_name_visit(void *opaque, const char *name)
{
    g_ptr_array_add(opaque, (gpointer)(uintptr_t)name);
}

static const ChrDriver *chr_driver_find(const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *list = NULL;
    const char *near;

    for (unsigned i = 0; chr_drivers[i]; i++) {
        if (chr_is(chr_drivers[i], name)) {
            return chr_drivers[i];
        }
    }
    for (const ChrDriver *d = chr_refused; d->name; d++) {
        if (chr_is(d, name)) {
            fail(error, "'%s': %s (see -chardev help)", name, d->refused);
            return NULL;
        }
    }
    chardev_backends_foreach(chr_name_visit, names);
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

static void chr_options_print(GString *out, const ChrOption *o)
{
    for (; o && o->name; o++) {
        g_autofree char *form = g_strdup_printf("%s=%s", o->name, o->arg);

        g_string_append_printf(out, "  %-20s %s\n", form, o->doc);
    }
}

bool chardev_help_about(const char *name, GString *out, GError **error)
{
    const ChrDriver *d = chr_driver_find(name, error);

    if (d) {
        g_string_append_printf(out, "%s: %s\n", d->name, d->doc);
        chr_options_print(out, d->options);
        chr_options_print(out, chr_common);
    }
    return d != NULL;
}

static bool chr_known(const ChrDriver *d, const KeyVals *kv, GError **error)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new();

    for (const ChrOption *o = d->options; o && o->name; o++) {
        chr_name_visit(known, o->name);
    }
    for (const ChrOption *o = chr_common; o->name; o++) {
        chr_name_visit(known, o->name);
    }
    g_ptr_array_add(known, NULL);
    /* Drivers take their options before anything is opened. */
    for (guint i = 0; i < kv->items->len; i++) {
        KeyVal *item = &g_array_index(kv->items, KeyVal, i);

        item->taken =
            item->taken
            || g_strv_contains((const char *const *)known->pdata, item->key);
    }
    return keyvals_done(kv, (const char *const *)known->pdata, error)
           || fail_prefix(error, "%s", d->name);
}

Chardev *chr_find(Vm *vm, const char *id, GError **error)
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
        fail(error, "Chardev '%s' not found: did you mean '%s'?", id, near);
    } else {
        fail(error, "Chardev '%s' not found", id);
    }
    return NULL;
}

/* --- making ----------------------------------------------------------------- */

static bool chr_open_log(Chardev *c, KeyVals *kv, GError **error)
{
    const char *path = keyvals_take(kv, "logfile");
    bool append = false;

    if (!keyvals_take_bool(kv, "logappend", &append, error)) {
        return false;
    }
    if (path) {
        int fd = fds_open(c->st->vm, path,
                          O_WRONLY | O_CREAT | O_NOCTTY
                              | (append ? O_APPEND : O_TRUNC),
                          0666);

        c->log = fd < 0 ? NULL : fdopen(fd, append ? "a" : "w");
        if (!c->log) {
            return fail_errno(error, errno, "logfile=%s: cannot open", path);
        }
    }
    return true;
}

void chr_set_mux(Chardev *c)
{
    if (!c->mux) {
        c->mux = true;
        c->base = g_strdup_printf("%s-base", c->id);
    }
}

/* "mux,id=M,chardev=B": B itself becomes the mux, B is what it stands on. */
static Chardev *chr_stack_mux(Vm *vm, KeyVals *kv, const char *id,
                              GError **error)
{
    const char *below = keyvals_take(kv, "chardev");
    Chardev *c = below ? chr_find(vm, below, error) : NULL;

    if (!below) {
        fail(error, "mux: chardev=ID is missing");
    }
    if (!c) {
        return NULL;
    }
    if (c->mux || c->fes->len || c->claimed) {
        fail(error, "mux: chardev=%s is already in use", below);
        return NULL;
    }
    c->mux = true;
    c->base = g_strdup(c->id);
    g_free(c->id);
    c->id = g_strdup(id);
    return c;
}

static bool chr_id_good(Vm *vm, const char *name, const char *id,
                        GError **error)
{
    if (!id || !*id) {
        return fail(error, "%s: id=NAME is missing", name);
    }
    return !chardev_find(vm, id)
           || fail(error, "Chardev with id '%s' already exists", id);
}

Chardev *chr_make(Vm *vm, KeyVals *kv, const char *label, GError **error)
{
    const char *name = keyvals_take(kv, "backend");
    const char *id = keyvals_take(kv, "id");
    const ChrDriver *driver = name ? chr_driver_find(name, error) : NULL;
    bool mux = false;
    Chardev *c;

    id = id ? id : label;
    if (!name) {
        fail(error, "a back end is missing (see -chardev help)");
    }
    if (!driver || !chr_id_good(vm, name, id, error)
        || !chr_known(driver, kv, error)
        || !keyvals_take_bool(kv, "mux", &mux, error)) {
        return NULL;
    }
    if (driver == &chr_mux_driver) {
        return chr_stack_mux(vm, kv, id, error);
    }
    c = chr_new(chr_state(vm), driver, id);
    if (mux) {
        chr_set_mux(c);
    }
    if (!chr_open_log(c, kv, error) || !driver->open(c, kv, error)) {
        chr_free(c);
        return NULL;
    }
    return c;
}

Chardev *chr_add(Vm *vm, KeyVals *kv, const char *label, GError **error)
{
    Chardev *c = chr_make(vm, kv, label, error);
    guint at;

    if (c && !g_ptr_array_find(c->st->all, c, &at)) {
        g_ptr_array_add(c->st->all, c);
    }
    return c;
}

Chardev *chardev_add(Vm *vm, const char *options, GError **error)
{
    g_auto(KeyVals) kv = {0};

    keyvals_parse(&kv, options, "backend");
    return chr_add(vm, &kv, NULL, error);
}

/* --- while the machine runs ------------------------------------------------- */

bool chardev_hot_remove(Vm *vm, const char *id, GError **error)
{
    Chardev *c = chr_find(vm, id, error);

    if (!c) {
        return false;
    }
    if (c->fes->len || c->claimed || strcmp(c->id, id)) {
        return fail(error, "Chardev '%s' is busy", id);
    }
    chardev_remove(c);
    return true;
}

bool chardev_send_break(Vm *vm, const char *id, GError **error)
{
    Chardev *c = chr_find(vm, id, error);
    bool told = true;

    if (!c) {
        return false;
    }
    if (c->mux) {
        told = mux_break(c);
    } else if (c->fes->len) {
        told = chr_fe_event(g_ptr_array_index(c->fes, 0), CHR_EVENT_BREAK);
    }
    return told
           || fail(error,
                   "Chardev '%s': a break changes the guest: not while a "
                   "recording is replayed",
                   id);
}

/* Everybody moves from @old to @now, which takes its place and name. */
static void chr_exchange(Chardev *old, Chardev *now)
{
    ChrState *st = old->st;
    guint at = 0;

    chr_lost(old);
    g_mutex_lock(&st->lock);
    g_free(now->id);
    now->id = g_strdup(old->id);
    for (guint i = 0; i < old->fes->len; i++) {
        ((ChrFe *)g_ptr_array_index(old->fes, i))->backend = now;
    }
    g_mutex_unlock(&st->lock);
    for (guint i = 0; i < old->fes->len; i++) {
        ChrFe *fe = g_ptr_array_index(old->fes, i);

        if (fe->greeted) {
            fe->greeted = false;
            chr_fe_event(fe, CHR_EVENT_CLOSED);
        }
    }
    now->claimed = old->claimed;
    g_ptr_array_unref(now->fes);
    now->fes = g_steal_pointer(&old->fes);
    old->fes = g_ptr_array_new();
    g_ptr_array_find(st->all, old, &at);
    chr_queue_clear(old);
    chr_free(old);
    st->all->pdata[at] = now;
    chr_kick(st);
}

bool chardev_change(Vm *vm, const char *id, const char *options, GError **error)
{
    g_auto(KeyVals) kv = {0};
    Chardev *c = chr_find(vm, id, error), *now;
    g_autofree char *meanwhile = g_strdup_printf("%s/new", id);

    if (!c) {
        return false;
    }
    keyvals_parse(&kv, options, "backend");
    if (keyvals_take(&kv, "id")) {
        return fail(error, "Unexpected 'id' parameter");
    }
    if (c->mux || g_strcmp0(keyvals_take(&kv, "backend"), "mux") == 0) {
        return fail(error, "Chardev '%s': a mux cannot be exchanged", id);
    }
    now = chr_make(vm, &kv, meanwhile, error);
    if (!now) {
        return false;
    }
    if (now->mux) {
        chr_free(now);
        return fail(error, "Chardev '%s': a mux cannot be exchanged", id);
    }
    chr_exchange(c, now);
    return true;
}
