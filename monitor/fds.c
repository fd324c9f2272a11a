/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getfd, add-fd and their like: descriptors that came with a command. */
#include <unistd.h>

#include "core/fds.h"
#include "monitor/monitor_priv.h"
#include "monitor/tables.h"

/* The one that came with the command; -1: none */
static int sent_fd(const CmdIn *in, GError **error)
{
    int fd = in->mon && in->mon->fe ? chr_fe_take_fd(in->mon->fe) : -1;

    if (fd < 0) {
        fail(error, "No file descriptor supplied via SCM_RIGHTS");
    }
    return fd;
}

/* --- by name ---------------------------------------------------------------------- */

static bool cmd_getfd(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *name = cmd_str(in, "fdname");
    int fd = sent_fd(in, error);

    if (fd < 0) {
        return false;
    }
    if (g_ascii_isdigit(name[0])) {
        close(fd);
        return fail(error, "Parameter 'fdname' expects a name not starting "
                           "with a digit");
    }
    return fds_name(vm, fd, name, error);
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
    int64_t set = cmd_int(in, "fdset-id", FDS_ANY_SET);
    JsonObject *o;
    int fd;

    if (cmd_has(in, "fdset-id") && set < 0) {
        return fail(error, "Parameter 'fdset-id' expects a non-negative value");
    }
    fd = sent_fd(in, error);
    if (fd < 0 || !fds_add(vm, fd, &set, cmd_str(in, "opaque"), error)) {
        return false;
    }
    o = cmd_object(out);
    json_object_set_int_member(o, "fd", fd);
    json_object_set_int_member(o, "fdset-id", set);
    return true;
}

static bool cmd_remove_fd(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    int64_t set = cmd_int(in, "fdset-id", 0), fd = cmd_int(in, "fd", -1);
    g_autofree char *one = NULL;

    if (set >= 0 && (!cmd_has(in, "fd") || (fd >= 0 && fd <= INT_MAX))
        && fds_remove(vm, set, (int)fd)) {
        return true;
    }
    if (cmd_has(in, "fd")) {
        one = g_strdup_printf(", fd:%" PRId64, fd);
    }
    return fail(error,
                "File descriptor named 'fdset-id:%" PRId64 "%s' not found", set,
                one ? one : "");
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

static void add_fd_info(void *sets, int64_t set, int fd, const char *text)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "fd", fd);
    if (text) {
        json_object_set_string_member(o, "opaque", text);
    }
    json_array_add_object_element(fdset(sets, set), o);
}

static bool cmd_query_fdsets(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    fds_foreach(vm, add_fd_info, cmd_array(out));
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
    {"remove-fd",    NULL, args_remove_fd, cmd_remove_fd, NULL, "close one of a set, or the set", CMD_IO},
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
