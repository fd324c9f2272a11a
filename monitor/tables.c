/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All tables of commands and of types, by hand; looking rows up. */
#include "monitor/tables.h"

#include <string.h>

/* clang-format off */
const CmdRow *const cmd_tables[] = {
    cmd_rows,
    cmd_rows_block,
    cmd_rows_chardev,
    cmd_rows_checkpoint,
    cmd_rows_dump,
    cmd_rows_fds,
    cmd_rows_input,
    cmd_rows_jobs,
    cmd_rows_look,
    cmd_rows_machine,
    cmd_rows_misc,
    cmd_rows_qom,
    cmd_rows_replay,
    cmd_rows_snapshot,
    NULL,
};

const QmpType *const qmp_type_tables[] = {
    qmp_types,
    qmp_types_block,
    qmp_types_chardev,
    qmp_types_dump,
    qmp_types_fds,
    qmp_types_input,
    qmp_types_machine,
    qmp_types_misc,
    qmp_types_qom,
    NULL,
};
/* clang-format on */

const CmdRow *cmd_next(CmdIter *it)
{
    for (; cmd_tables[it->table]; it->table++, it->row = 0) {
        const CmdRow *row = &cmd_tables[it->table][it->row];

        if (row->qmp || row->hmp) {
            it->row++;
            return row;
        }
    }
    return NULL;
}

const CmdRow *cmd_find_qmp(const char *name)
{
    CmdIter it = {0};
    const CmdRow *r;

    while ((r = cmd_next(&it))) {
        if (r->qmp && strcmp(r->qmp, name) == 0) {
            return r;
        }
    }
    return NULL;
}

const char *cmd_arg_type(const CmdArg *arg)
{
    static const char *const types[] = {
        [ARG_STR] = "str",   [ARG_REST] = "str",        [ARG_INT] = "int",
        [ARG_BOOL] = "bool", [ARG_KEYS] = "[KeyValue]", [ARG_LIST] = "[str]",
        [ARG_JSON] = "any",  [ARG_SIZE] = "int",
    };

    return arg->of ? arg->of : types[arg->type];
}

static const CmdArg *cmd_arg(const CmdRow *row, const char *name)
{
    for (const CmdArg *a = row->args; a && a->name; a++) {
        if (strcmp(a->name, name) == 0 && cmd_arg_type(a)) {
            return a;
        }
    }
    return NULL;
}

static bool cmd_unexpected(const CmdRow *row, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (const CmdArg *a = row->args; a && a->name; a++) {
        if (cmd_arg_type(a)) {
            g_ptr_array_add(names, (gpointer)(uintptr_t)a->name);
        }
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    return near
               ? fail(error, "Parameter '%s' is unexpected, did you mean '%s'?",
                      name, near)
               : fail(error, "Parameter '%s' is unexpected", name);
}

bool cmd_check(const CmdRow *row, JsonObject *args, GError **error)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *value;

    for (const CmdArg *a = row->args; a && a->name; a++) {
        const char *type = cmd_arg_type(a);

        value = type ? json_object_get_member(args, a->name) : NULL;
        if (value && !type_check(type, a->name, value, error)) {
            return false;
        }
        if (!value && type && !a->optional) {
            return fail(error, "Parameter '%s' is missing", a->name);
        }
    }
    json_object_iter_init_ordered(&iter, args);
    while (json_object_iter_next_ordered(&iter, &name, &value)) {
        if (!(row->flags & CMD_OPEN) && !cmd_arg(row, name)) {
            return cmd_unexpected(row, name, error);
        }
    }
    return true;
}
