/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getfd, add-fd and their like: descriptors that came with a command. */
#include "monitor/fds.h"

#include <string.h>
#include <unistd.h>

#include "monitor/monitor_priv.h"
#include "monitor/tables.h"

#define NAMED_MAX 1024

typedef struct NamedFd {
    char *name; /* owned: of getfd; NULL: of a set */
    int fd;
    int64_t set;
    char *opaque; /* owned, NULL: none */
} NamedFd;

static void named_free(gpointer p)
{
    NamedFd *n = p;

    close(n->fd);
    g_free(n->name);
    g_free(n->opaque);
    g_free(n);
}

void fds_free(void *fds)
{
    if (fds) {
        g_ptr_array_unref(fds);
    }
}

/* With the lock of MonState. */
static GPtrArray *fds(MonState *st)
{
    if (!st->fds) {
        st->fds = g_ptr_array_new_with_free_func(named_free);
    }
    return st->fds;
}

static NamedFd *fds_find(MonState *st, const char *name)
{
    for (guint i = 0; i < fds(st)->len; i++) {
        NamedFd *n = g_ptr_array_index(fds(st), i);

        if (n->name && strcmp(n->name, name) == 0) {
            return n;
        }
    }
    return NULL;
}

int fds_take(Vm *vm, const char *name)
{
    MonState *st = mon_state(vm);
    NamedFd *n;
    int fd = -1;

    g_mutex_lock(&st->lock);
    n = fds_find(st, name);
    if (n) {
        fd = dup(n->fd);
        g_ptr_array_remove(fds(st), n);
    }
    g_mutex_unlock(&st->lock);
    return fd;
}

static NamedFd *fds_add(Vm *vm, const CmdIn *in, GError **error)
{
    MonState *st = mon_state(vm);
    int fd = in->mon && in->mon->fe ? chr_fe_take_fd(in->mon->fe) : -1;
    NamedFd *n;

    if (fd < 0) {
        fail(error, "No file descriptor supplied via SCM_RIGHTS");
        return NULL;
    }
    if (fds(st)->len >= NAMED_MAX) {
        close(fd);
        fail(error, "at most %d file descriptors are kept", NAMED_MAX);
        return NULL;
    }
    n = g_new0(NamedFd, 1);
    n->fd = fd;
    g_ptr_array_add(fds(st), n);
    return n;
}

/* --- by name ---------------------------------------------------------------------- */

static bool cmd_getfd(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    MonState *st = mon_state(vm);
    const char *name = cmd_str(in, "fdname");
    NamedFd *n = fds_add(vm, in, error), *old;

    if (!n) {
        return false;
    }
    if (g_ascii_isdigit(name[0])) {
        g_ptr_array_remove(fds(st), n);
        return fail(error, "Parameter 'fdname' expects a name not starting "
                           "with a digit");
    }
    g_mutex_lock(&st->lock);
    old = fds_find(st, name);
    if (old) {
        g_ptr_array_remove(fds(st), old);
    }
    n->name = g_strdup(name);
    g_mutex_unlock(&st->lock);
    return true;
}

static bool cmd_closefd(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    int fd = fds_take(vm, cmd_str(in, "fdname"));

    if (fd < 0) {
        return fail(error, "File descriptor named '%s' not found",
                    cmd_str(in, "fdname"));
    }
    close(fd);
    return true;
}

/* --- in sets ------------------------------------------------------------------------ */

static bool cmd_add_fd(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    MonState *st = mon_state(vm);
    int64_t set = cmd_int(in, "fdset-id", -1);
    NamedFd *n;
    JsonObject *o;

    if (cmd_has(in, "fdset-id") && set < 0) {
        return fail(error, "Parameter 'fdset-id' expects a non-negative value");
    }
    n = fds_add(vm, in, error);
    if (!n) {
        return false;
    }
    for (guint i = 0; !cmd_has(in, "fdset-id") && i < fds(st)->len; i++) {
        const NamedFd *other = g_ptr_array_index(fds(st), i);

        set = other != n && !other->name ? MAX(set, other->set) : set;
    }
    n->set = cmd_has(in, "fdset-id") ? set : set + 1;
    n->opaque = g_strdup(cmd_str(in, "opaque"));
    o = cmd_object(out);
    json_object_set_int_member(o, "fd", n->fd);
    json_object_set_int_member(o, "fdset-id", n->set);
    return true;
}

static bool cmd_remove_fd(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    MonState *st = mon_state(vm);
    int64_t set = cmd_int(in, "fdset-id", -1), fd = cmd_int(in, "fd", -1);
    bool found = false;

    for (guint i = fds(st)->len; i > 0; i--) {
        const NamedFd *n = g_ptr_array_index(fds(st), i - 1);

        if (!n->name && n->set == set && (!cmd_has(in, "fd") || n->fd == fd)) {
            g_ptr_array_remove_index(fds(st), i - 1);
            found = true;
        }
    }
    if (found) {
        return true;
    }
    return cmd_has(in, "fd")
               ? fail(error,
                      "File descriptor named 'fdset-id:%" PRId64 ", fd:%" PRId64
                      "' not found",
                      set, fd)
               : fail(error,
                      "File descriptor named 'fdset-id:%" PRId64 "' not found",
                      set);
}

static JsonArray *fdset(JsonArray *sets, int64_t id)
{
    JsonObject *o;

    for (guint i = 0; i < json_array_get_length(sets); i++) {
        o = json_array_get_object_element(sets, i);
        if (json_object_get_int_member(o, "fdset-id") == id) {
            return json_object_get_array_member(o, "fds");
        }
    }
    o = json_object_new();
    json_object_set_array_member(o, "fds", json_array_new());
    json_object_set_int_member(o, "fdset-id", id);
    json_array_add_object_element(sets, o);
    return json_object_get_array_member(o, "fds");
}

static bool cmd_query_fdsets(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    MonState *st = mon_state(vm);
    JsonArray *sets = cmd_array(out);

    for (guint i = 0; i < fds(st)->len; i++) {
        const NamedFd *n = g_ptr_array_index(fds(st), i);
        JsonObject *o;

        if (n->name) {
            continue;
        }
        o = json_object_new();
        json_object_set_int_member(o, "fd", n->fd);
        if (n->opaque) {
            json_object_set_string_member(o, "opaque", n->opaque);
        }
        json_array_add_object_element(fdset(sets, n->set), o);
    }
    return true;
}

/* clang-format off */
static const CmdArg args_fdname[] = {{"fdname", ARG_STR, .doc = "its name"}, {NULL}};
static const CmdArg args_add_fd[] = {
    {"fdset-id", ARG_INT, .optional = true, .doc = "set; default: a new one"},
    {"opaque",   ARG_STR, .optional = true, .doc = "what it is, for people"}, {NULL},
};
static const CmdArg args_remove_fd[] = {
    {"fdset-id", ARG_INT, .doc = "its set"},
    {"fd",       ARG_INT, .optional = true, .doc = "default: all of the set"}, {NULL},
};

const CmdRow cmd_rows_fds[] = {
    {"getfd",        NULL, args_fdname, cmd_getfd, NULL, "name a file descriptor that comes along", CMD_IO},
    {"closefd",      NULL, args_fdname, cmd_closefd, NULL, "close it", CMD_IO},
    {"add-fd",       NULL, args_add_fd, cmd_add_fd, NULL, "put a file descriptor into a set", CMD_IO, "AddfdInfo"},
    {"remove-fd",    NULL, args_remove_fd, cmd_remove_fd, NULL, "take one out of a set", CMD_IO},
    {"query-fdsets", NULL, NULL, cmd_query_fdsets, NULL, "sets of file descriptors", CMD_IO, "[FdsetInfo]"},
    {NULL},
};

const QmpType qmp_types_fds[] = {
    {"AddfdInfo", QMP_OBJECT, "fdset-id:int fd:int"},
    {"FdsetFdInfo", QMP_OBJECT, "fd:int opaque?:str"},
    {"FdsetInfo", QMP_OBJECT, "fdset-id:int fds:[FdsetFdInfo]"},
    {NULL},
};
/* clang-format on */
