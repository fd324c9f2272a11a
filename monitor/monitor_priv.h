/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors: what HMP and QMP share. */
#ifndef MONITOR_MONITOR_PRIV_H
#define MONITOR_MONITOR_PRIV_H

#include "chardev/chardev.h"
#include "monitor/command.h"
#include "monitor/event.h"

/* --- monitors ---------------------------------------------------------------- */

typedef struct Line Line;
typedef struct Framer Framer;
typedef struct QmpRequest QmpRequest;

struct Monitor {
    Vm *vm;    /* borrowed */
    ChrFe *fe; /* owned */
    MonitorMode mode;
    bool mux;
    Line *line;       /* owned: HMP */
    Framer *framer;   /* owned: QMP */
    bool greeted;     /* HMP: the banner was shown */
    unsigned cpu;     /* HMP: the vCPU that is looked at */
    bool oob;         /* QMP: out-of-band execution was asked for */
    GQueue requests;  /* owned: QmpRequest * that wait */
    QmpRequest *busy; /* owned: the one at work */
    GByteArray *held; /* owned: bytes behind a full queue, NULL: none */
    /* under the lock of MonState */
    bool connected;
    bool negotiated;  /* QMP: events may be sent */
    unsigned session; /* counts connections */
    GSource *done;    /* owned: the one at work is done */
};

typedef struct MonState {
    GMutex lock;
    const ControlOps *ops;
    GPtrArray *all;      /* owned: Monitor * */
    EventLimits *limits; /* owned */
    uint32_t buttons;    /* of the pointer, that monitors hold down */
    GHashTable *data;    /* owned: mon_data(); NULL: none yet */
    GPtrArray *jobs;     /* owned: Job *, machine thread; NULL: none yet */
} MonState;

MonState *mon_state(Vm *vm);
/* Small things of commands that live as long as the monitors; freed by g_free.
 * Thread: machine */
void *mon_data(Vm *vm, const char *key);
void mon_set_data(Vm *vm, const char *key, void *data);
void mon_write(Monitor *m, const char *text);

/* hmp.c */
void hmp_greet(Monitor *m);
void hmp_bytes(Monitor *m, const uint8_t *buf, size_t size);
/* commands in other files; all CmdFn */
CmdFn cmd_examine, cmd_examine_phys, cmd_memsave, cmd_pmemsave, cmd_print,
    cmd_help, cmd_human;

/** hmp_line() - one line typed at @m (NULL: nowhere); what it says */
char *hmp_line(Vm *vm, Monitor *m, const char *line);
/** hmp_names() - all command names that begin with @prefix; "info " is one
 *  word. Sorted; owned by the caller. */
GPtrArray *hmp_names(const char *prefix);

/** hmp_complete_line() - what @line may become; sorted, owned by the caller */
GPtrArray *hmp_complete_line(Vm *vm, const char *line);

/* expr.c */
/** expr_eval() - an HMP expression from *@at on; moves *@at behind it; @v: whose
 *  $registers, NULL: nobody's */
bool expr_eval(Vm *vm, Vcpu *v, const char **at, int64_t *out, GError **error);

/* qmp.c */
void qmp_greet(Monitor *m);
void qmp_bytes(Monitor *m, const uint8_t *buf, size_t size);
void qmp_closed(Monitor *m); /* forget what waits */
void qmp_request_free(QmpRequest *r);
CmdFn cmd_query_version;

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
/** json_wide_numbers() - integers that no int64_t holds get a fraction, so that
 *  the parser does not bend them; owned by the caller */
char *json_wide_numbers(const char *text);
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
const GPtrArray *line_history_of(const Line *l); /* char *, oldest first */

#endif
