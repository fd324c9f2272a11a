/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of the command table. A file with commands has an array of CmdRow that
 * ends with {NULL} (and one of QmpType when it brings types of its own), named
 * in monitor/tables.c. The row gives parsing, type errors, help and schema.
 */
#ifndef MONITOR_COMMAND_H
#define MONITOR_COMMAND_H

#include <json-glib/json-glib.h>

#include "core/error.h"
#include "core/vm.h"
#include "monitor/control.h"
#include "monitor/types.h"

typedef struct Monitor Monitor;
typedef struct Vcpu Vcpu;

typedef enum ArgType {
    ARG_END,
    ARG_STR,  /* a word, or "a quoted one" */
    ARG_REST, /* HMP: the rest of the line */
    ARG_INT,  /* HMP: an expression */
    ARG_BOOL, /* HMP: on or off */
    ARG_FLAG, /* HMP only: -x, named by its letter */
    ARG_FMT,  /* HMP only: /4xw */
    ARG_KEYS, /* HMP: ctrl-alt-f1; QMP: array of KeyValue */
    ARG_LIST, /* QMP only: array of strings */
    ARG_JSON, /* QMP only: what .of says */
    ARG_SIZE, /* QMP: an integer; HMP: a number with K, M, G; plain: MiB */
} ArgType;

typedef struct CmdArg {
    const char *name; /* as in QMP */
    ArgType type;
    bool optional;
    const char *doc;
    const char *of; /* QMP type, where .type does not say it all */
    /* HMP completion: names that begin with @prefix are added to @out */
    void (*complete)(Vm *vm, const char *prefix, GPtrArray *out);
} CmdArg;

/* Arguments, checked: an object with what the row says, in its types. */
typedef struct CmdIn {
    JsonObject *args; /* borrowed */
    Monitor *mon;     /* borrowed: who asks; NULL: nobody (gdb, tests) */
} CmdIn;

typedef struct CmdOut {
    JsonNode *value; /* owned: QMP's return; NULL: an empty object */
    GString *text;   /* owned: HMP's */
} CmdOut;

typedef enum CmdFlag {
    CMD_IO = 1 << 0, /* runs on the I/O thread: asks nothing of the machine */
    CMD_BEFORE = 1 << 1, /* QMP: allowed before negotiation */
    CMD_LATER = 1 << 2,  /* known, not there yet */
    CMD_OOB = 1 << 3,    /* QMP: also out of band; with CMD_IO */
    CMD_OPEN = 1 << 4,   /* QMP: takes arguments that the row does not name */
    CMD_GUEST = 1 << 5,  /* changes the guest: refused while replaying */
} CmdFlag;

typedef bool CmdFn(Vm *vm, const CmdIn *in, CmdOut *out, GError **error);

typedef struct CmdRow {
    const char *qmp;    /* NULL: HMP only */
    const char *hmp;    /* "stop|s", "info status"; NULL: QMP only */
    const CmdArg *args; /* NULL: none */
    CmdFn *fn;
    void (*print)(JsonNode *value, GString *out); /* QMP's value for HMP */
    const char *help;
    unsigned flags; /* CmdFlag */
    const char *of; /* QMP type of the value; NULL: an empty object */
} CmdRow;

/* --- the tables (monitor/tables.c) -------------------------------------------- */

extern const CmdRow *const cmd_tables[];       /* ends with NULL */
extern const QmpType *const qmp_type_tables[]; /* ends with NULL */

/** cmd_next() - one row after the other, of all tables; NULL: no more. It begins
 *  with an iterator of zeroes. */
typedef struct CmdIter {
    unsigned table, row;
} CmdIter;
const CmdRow *cmd_next(CmdIter *it);
const CmdRow *cmd_find_qmp(const char *name);
/** cmd_arg_type() - the QMP type of an argument; NULL: HMP only */
const char *cmd_arg_type(const CmdArg *arg);
/** cmd_check() - do these arguments fit the row? */
bool cmd_check(const CmdRow *row, JsonObject *args, GError **error);

/* --- for commands ------------------------------------------------------------- */

bool cmd_has(const CmdIn *in, const char *name);
int64_t cmd_int(const CmdIn *in, const char *name, int64_t otherwise);
const char *cmd_str(const CmdIn *in, const char *name); /* NULL: absent */
bool cmd_bool(const CmdIn *in, const char *name);
JsonNode *cmd_node(const CmdIn *in, const char *name); /* NULL: absent */
/** cmd_object()/cmd_array() - make QMP's return; borrowed: of @out */
JsonObject *cmd_object(CmdOut *out);
JsonArray *cmd_array(CmdOut *out);
void cmd_value(CmdOut *out, JsonNode *value); /* takes it */
/** cmd_vcpu() - the vCPU a person looks at (`cpu N`), or cpu-index says; NULL
 *  and an error when there is none. Thread: machine */
Vcpu *cmd_vcpu(Vm *vm, const CmdIn *in, GError **error);

/* Members of returned objects, for .print functions. */
const char *node_str(JsonNode *node, const char *name); /* "": absent */
int64_t node_int(JsonNode *node, const char *name);
bool node_bool(JsonNode *node, const char *name);

/* Errors of QMP's classes; fail() gives GenericError. */
typedef enum CmdError {
    CMD_ERROR_GENERIC,
    CMD_ERROR_COMMAND_NOT_FOUND,
    CMD_ERROR_DEVICE_NOT_FOUND,
    CMD_ERROR_DEVICE_NOT_ACTIVE,
} CmdError;
bool cmd_fail(GError **error, CmdError class, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
const char *cmd_error_class(const GError *error);

/** cmd_run() - on the thread the row asks for, and wait */
bool cmd_run(Vm *vm, const CmdRow *row, const CmdIn *in, CmdOut *out,
             GError **error);
void cmd_out_clear(CmdOut *out);

#endif
