/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One command table, and what HMP and QMP share. */
#ifndef MONITOR_MONITOR_PRIV_H
#define MONITOR_MONITOR_PRIV_H

#include <json-glib/json-glib.h>

#include "chardev/chardev.h"
#include "core/error.h"
#include "core/vm.h"
#include "monitor/control.h"

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
} ArgType;

typedef struct CmdArg {
    const char *name; /* as in QMP */
    ArgType type;
    bool optional;
    const char *doc;
} CmdArg;

/* Arguments, checked: an object with what the row says, in its types. */
typedef struct CmdIn {
    JsonObject *args; /* borrowed */
} CmdIn;

typedef struct CmdOut {
    JsonNode *value; /* owned: QMP's return; NULL: an empty object */
    GString *text;   /* owned: HMP's */
} CmdOut;

typedef enum CmdFlag {
    CMD_IO = 1 << 0, /* runs on the I/O thread: asks nothing of the machine */
    CMD_BEFORE = 1 << 1, /* QMP: allowed before negotiation */
    CMD_LATER = 1 << 2,  /* known, not there yet */
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
} CmdRow;

extern const CmdRow cmd_rows[]; /* ends with neither name */

bool cmd_has(const CmdIn *in, const char *name);
int64_t cmd_int(const CmdIn *in, const char *name, int64_t otherwise);
const char *cmd_str(const CmdIn *in, const char *name); /* NULL: absent */
bool cmd_bool(const CmdIn *in, const char *name);
/** cmd_run() - on the thread the row asks for */
bool cmd_run(Vm *vm, const CmdRow *row, JsonObject *args, CmdOut *out,
             GError **error);
void cmd_out_clear(CmdOut *out);

/* commands in other files; all CmdFn */
CmdFn cmd_examine, cmd_examine_phys, cmd_memsave, cmd_pmemsave, cmd_print,
    cmd_help, cmd_human;

/* --- monitors ---------------------------------------------------------------- */

typedef struct Monitor Monitor;
typedef struct Line Line;
typedef struct Framer Framer;

struct Monitor {
    Vm *vm;    /* borrowed */
    ChrFe *fe; /* owned */
    MonitorMode mode;
    bool mux;
    Line *line;     /* owned: HMP */
    Framer *framer; /* owned: QMP */
    bool greeted;   /* HMP: the banner was shown */
    /* under the lock of MonState */
    bool connected;
    bool negotiated; /* QMP: events may be sent */
};

typedef struct MonState {
    GMutex lock;
    const ControlOps *ops;
    GPtrArray *all; /* owned: Monitor * */
} MonState;

MonState *mon_state(Vm *vm);
void mon_write(Monitor *m, const char *text);

/* hmp.c */
void hmp_greet(Monitor *m);
void hmp_bytes(Monitor *m, const uint8_t *buf, size_t size);
/** hmp_execute() - one line; what it says, lines ended by \n */
char *hmp_execute(Vm *vm, const char *line);
/** hmp_names() - all command names that begin with @prefix; "info " is one
 *  word. Sorted; owned by the caller. */
GPtrArray *hmp_names(const char *prefix);

/* expr.c */
/** expr_eval() - an HMP expression from *@at on; moves *@at behind it */
bool expr_eval(Vm *vm, const char **at, int64_t *out, GError **error);

/* qmp.c */
void qmp_greet(Monitor *m);
void qmp_bytes(Monitor *m, const uint8_t *buf, size_t size);
void qmp_event_text(GString *out, const char *name, const char *data,
                    int64_t real_us, bool pretty);

/* json.c: cutting a stream into values; printing */
Framer *framer_new(void);
void framer_free(Framer *f);
void framer_reset(Framer *f);
typedef enum Frame {
    FRAME_MORE,  /* the byte was taken, nothing is complete */
    FRAME_VALUE, /* framer_text() is one value */
    FRAME_BAD    /* what came is no JSON: framer_text() says why */
} Frame;
Frame framer_feed(Framer *f, uint8_t byte);
const char *framer_text(const Framer *f);
void json_print(JsonNode *node, GString *out, bool pretty);

/* line.c: line editing */
typedef struct LineOps {
    void (*write)(void *opaque, const char *text);
    void (*done)(void *opaque, const char *line);
    GPtrArray *(*complete)(void *opaque, const char *prefix);
} LineOps;
Line *line_new(const char *prompt, const LineOps *ops, void *opaque);
void line_free(Line *l);
void line_show(Line *l); /* prompt and what is typed so far */
void line_feed(Line *l, uint8_t byte);
void line_reset(Line *l);

#endif
