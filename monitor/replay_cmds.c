/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a recording is, and going to other moments of it. */
#include <string.h>

#include "monitor/monitor_priv.h"
#include "monitor/tables.h"
#include "replay/replay.h"

static const ControlOps *ops(Vm *vm)
{
    return control_ops(vm);
}

/* --- where it is ------------------------------------------------------------------- */

static bool cmd_query_replay(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    static const char *const modes[] = {
        [REPLAY_NONE] = "none",
        [REPLAY_RECORD] = "record",
        [REPLAY_PLAY] = "play",
    };
    JsonObject *o = cmd_object(out);
    ReplayMode mode = vm->replay ? replay_mode(vm->replay) : REPLAY_NONE;
    bool searching = false;
    Moment at = {clock_icount(vm->clock), 0};

    if (ops(vm)->position) {
        at = ops(vm)->position(vm, &searching);
    }
    json_object_set_string_member(o, "mode", modes[mode]);
    if (mode != REPLAY_NONE) {
        json_object_set_string_member(o, "filename", replay_file(vm->replay));
    }
    json_object_set_int_member(o, "icount", (int64_t)at.icount);
    if (vm->replay) {
        json_object_set_int_member(o, "sequence", (int64_t)at.sequence);
    }
    if (mode == REPLAY_PLAY) {
        json_object_set_boolean_member(o, "searching", searching);
    }
    return true;
}

static void print_replay(JsonNode *value, GString *out)
{
    const char *mode = node_str(value, "mode");

    if (strcmp(mode, "none") == 0) {
        g_string_append(out, "Record/replay is not active\n");
        return;
    }
    g_string_append_printf(
        out, "%s execution '%s': instruction count = %" PRId64 "%s\n",
        strcmp(mode, "record") == 0 ? "Recording" : "Replaying",
        node_str(value, "filename"), node_int(value, "icount"),
        node_bool(value, "searching") ? " (searching)" : "");
}

/* --- going there -------------------------------------------------------------------- */

/* Numbers of QMP; of people N or N.S, and N may be an expression. */
static bool moment_of(Vm *vm, const CmdIn *in, Moment *out, GError **error)
{
    const char *text = cmd_str(in, "moment");
    int64_t icount = cmd_int(in, "icount", 0);
    int64_t sequence = cmd_int(in, "sequence", 0);

    if (text) {
        const char *at = text, *dot;
        char *end;

        if (!expr_eval(vm, NULL, &at, &icount, error)) {
            return false;
        }
        dot = *at == '.' ? at + 1 : NULL;
        if (dot) {
            sequence = g_ascii_strtoll(dot, &end, 10);
            at = end == dot ? at : end;
        }
        at += strspn(at, " \t");
        if (*at) {
            return fail(error, "'%s' is no instruction count: N, or N.SEQUENCE",
                        text);
        }
    }
    if (icount < 0 || sequence < 0) {
        return fail(error, "an instruction count is not negative");
    }
    *out = (Moment){(uint64_t)icount, (uint64_t)sequence};
    return true;
}

static bool cmd_seek(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Moment to;

    return moment_of(vm, in, &to, error) && ops(vm)->seek(vm, to, error);
}

static bool cmd_break(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Moment at;

    return moment_of(vm, in, &at, error) && ops(vm)->break_at(vm, &at, error);
}

static bool cmd_delete_break(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    return ops(vm)->break_at(vm, NULL, error);
}

/* For a person the prompt comes back when the machine is there. */
typedef struct SeekCall {
    const CmdIn *in;
    GError **error;
    bool good;
} SeekCall;

static void seek_call(Vm *vm, void *opaque)
{
    SeekCall *c = opaque;

    c->good = cmd_seek(vm, c->in, NULL, c->error);
}

static bool cmd_seek_wait(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    SeekCall c = {.in = in, .error = error};

    ops(vm)->call(vm, seek_call, &c);
    if (c.good) {
        ops(vm)->arrive(vm);
    }
    return c.good;
}

/* --- what happened there ---------------------------------------------------------- */

static bool cmd_query_digest(Vm *vm, const CmdIn *in, CmdOut *out,
                             GError **error)
{
    JsonObject *o = cmd_object(out);
    g_autofree char *text =
        g_strdup_printf("%016" PRIx64, replay_digest(vm->replay));

    json_object_set_int_member(o, "icount", (int64_t)clock_icount(vm->clock));
    json_object_set_int_member(o, "sequence",
                               (int64_t)replay_sequence(vm->replay));
    json_object_set_string_member(o, "digest", text);
    return true;
}

static void print_digest(JsonNode *value, GString *out)
{
    g_string_append_printf(out, "%s at %" PRId64 ".%" PRId64 "\n",
                           node_str(value, "digest"), node_int(value, "icount"),
                           node_int(value, "sequence"));
}

/* The search of both directions: begin, wait, fetch. */
typedef struct FindCall {
    TravelQuery q;
    TravelAnswer answer;
    GError **error;
    bool good;
} FindCall;

static void find_begin(Vm *vm, void *opaque)
{
    FindCall *c = opaque;

    c->good = ops(vm)->find(vm, &c->q, c->error);
}

static void find_answer(Vm *vm, void *opaque)
{
    FindCall *c = opaque;

    ops(vm)->answer(vm, &c->answer);
}

static bool find_run(Vm *vm, FindCall *c, GError **error)
{
    c->error = error;
    ops(vm)->call(vm, find_begin, c);
    if (!c->good) {
        return false;
    }
    ops(vm)->arrive(vm);
    ops(vm)->call(vm, find_answer, c);
    switch (c->answer.end) {
    case TRAVEL_THERE:
        return true;
    case TRAVEL_STOPPED:
        return fail(error, "somebody stopped the search");
    case TRAVEL_FAILED:
        return fail(error, "log and machine disagree");
    default:
        return fail(error, "there is none %s here in this recording",
                    c->q.forward ? "after" : "before");
    }
}

static char *bytes_text(const uint8_t *p, uint32_t size)
{
    GString *s = g_string_new(NULL);

    for (uint32_t i = 0; i < size; i++) {
        g_string_append_printf(s, "%02x", p[i]);
    }
    return g_string_free(s, FALSE);
}

static void find_place(JsonObject *o, const TravelAnswer *a)
{
    json_object_set_int_member(o, "icount", (int64_t)a->at.icount);
    json_object_set_int_member(o, "sequence", (int64_t)a->at.sequence);
    json_object_set_int_member(o, "cpu-index", a->vcpu);
    json_object_set_int_member(o, "pc", (int64_t)a->pc);
}

static void print_place(JsonNode *value, GString *out)
{
    g_string_append_printf(
        out, "at %" PRId64 ".%" PRId64 ", CPU #%" PRId64 ", pc 0x%" PRIx64,
        node_int(value, "icount"), node_int(value, "sequence"),
        node_int(value, "cpu-index"), (uint64_t)node_int(value, "pc"));
}

static bool cmd_last_write(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    int64_t size = cmd_int(in, "size", 1);
    FindCall c = {
        .q = {.what = TRAVEL_WRITE,
              .address = (uint64_t)cmd_int(in, "address", 0),
              .size = (uint32_t)size,
              .physical = cmd_bool(in, "physical") || cmd_bool(in, "p"),
              .vcpu = (unsigned)cmd_int(in, "cpu-index", 0)}};
    JsonObject *o;

    if (size < 1 || size > TRAVEL_BYTES) {
        return fail(error, "size: 1 to %d bytes", TRAVEL_BYTES);
    }
    if (!find_run(vm, &c, error)) {
        return false;
    }
    {
        g_autofree char *old = bytes_text(c.answer.before, (uint32_t)size);
        g_autofree char *new = bytes_text(c.answer.after, (uint32_t)size);

        o = cmd_object(out);
        find_place(o, &c.answer);
        json_object_set_string_member(o, "writer",
                                      c.answer.device ? "device" : "cpu");
        json_object_set_string_member(o, "old", old);
        json_object_set_string_member(o, "new", new);
    }
    return true;
}

static void print_last_write(JsonNode *value, GString *out)
{
    g_string_append_printf(
        out, "written by a %s ",
        strcmp(node_str(value, "writer"), "cpu") == 0 ? "vCPU" : "device");
    print_place(value, out);
    g_string_append_printf(out, ": bytes %s became %s\n",
                           node_str(value, "old"), node_str(value, "new"));
}

/* interrupt, exception, either with :VECTOR, or a source */
static bool find_kind(const char *kind, TravelQuery *q, GError **error)
{
    const char *colon = strchr(kind, ':');
    g_autofree char *name =
        colon ? g_strndup(kind, (gsize)(colon - kind)) : g_strdup(kind);
    uint64_t vector;

    q->vector = -1;
    q->what = strcmp(name, "interrupt") == 0   ? TRAVEL_INTERRUPT
              : strcmp(name, "exception") == 0 ? TRAVEL_EXCEPTION
                                               : TRAVEL_SOURCE;
    g_strlcpy(q->source, kind, sizeof(q->source));
    if (!colon || q->what == TRAVEL_SOURCE) {
        return true;
    }
    if (!g_ascii_string_to_unsigned(colon + 1,
                                    g_str_has_prefix(colon + 1, "0x") ? 16 : 10,
                                    0, 255, &vector, NULL)
        && !(g_str_has_prefix(colon + 1, "0x")
             && g_ascii_string_to_unsigned(colon + 3, 16, 0, 255, &vector,
                                           NULL))) {
        return fail(error, "'%s' is no vector: 0 to 255", colon + 1);
    }
    q->vector = (int)vector;
    return true;
}

static bool cmd_find(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *direction = cmd_str(in, "direction");
    FindCall c = {.q = {.forward = true}};
    JsonObject *o;

    if (direction && strcmp(direction, "backward") == 0) {
        c.q.forward = false;
    } else if (direction && strcmp(direction, "forward") != 0) {
        return fail(error, "'%s' is neither forward nor backward", direction);
    }
    if (!find_kind(cmd_str(in, "kind"), &c.q, error)
        || !find_run(vm, &c, error)) {
        return false;
    }
    o = cmd_object(out);
    find_place(o, &c.answer);
    if (c.answer.vector >= 0) {
        json_object_set_int_member(o, "vector", c.answer.vector);
    }
    return true;
}

static void print_find(JsonNode *value, GString *out)
{
    JsonObject *o = json_node_get_object(value);

    print_place(value, out);
    if (json_object_has_member(o, "vector")) {
        g_string_append_printf(out, ", vector 0x%02" PRIx64,
                               (uint64_t)node_int(value, "vector"));
    }
    g_string_append_c(out, '\n');
}

/* --- rows --------------------------------------------------------------------------- */

/* clang-format off */
static const CmdArg args_moment[] = {
    {"icount",   ARG_INT, .doc = "instruction count"},
    {"sequence", ARG_INT, .optional = true, .doc = "change at that count, from 0"}, {NULL},
};
static const CmdArg args_moment_text[] = {{"moment", ARG_REST, .doc = "instruction count N, or N.SEQUENCE"}, {NULL}};

static const CmdArg args_write[] = {
    {"p",         ARG_FLAG, .optional = true, .doc = "the address is physical"},
    {"address",   ARG_INT, .doc = "first byte"},
    {"size",      ARG_INT, .optional = true, .doc = "bytes, default 1, at most 64"},
    {"physical",  ARG_BOOL, .optional = true, .doc = "the address is physical"},
    {"cpu-index", ARG_INT, .optional = true, .doc = "vCPU whose virtual address it is"}, {NULL},
};
static const CmdArg args_find[] = {
    {"kind",      ARG_STR, .doc = "interrupt[:VECTOR], exception[:VECTOR] or a source of recorded events"},
    {"direction", ARG_STR, .optional = true, .doc = "forward (default) or backward"}, {NULL},
};

const CmdRow cmd_rows_replay[] = {
    {"query-replay", "info replay", NULL, cmd_query_replay, print_replay, "record/replay: mode, file and instruction count", 0, "ReplayInfo"},
    {"replay-break", NULL, args_moment, cmd_break, NULL, "stop replay once at an instruction count", 0},
    {NULL, "replay_break", args_moment_text, cmd_break, NULL, "stop replay once at an instruction count", 0},
    {"replay-delete-break", "replay_delete_break", NULL, cmd_delete_break, NULL, "remove that stop", 0},
    {"replay-seek", NULL, args_moment, cmd_seek, NULL, "go to an instruction count, forwards or backwards", 0},
    {NULL, "replay_seek", args_moment_text, cmd_seek_wait, NULL, "go to an instruction count, forwards or backwards", CMD_IO},
    {"x-replay-last-write", "replay_last_write", args_write, cmd_last_write, print_last_write, "go to just before the last write to memory", CMD_IO, "ReplayWrite"},
    {"x-replay-find", "replay_find", args_find, cmd_find, print_find, "go to just after the next or last such event", CMD_IO, "ReplayPlace"},
    {"x-query-digest", "info digest", NULL, cmd_query_digest, print_digest, "hash of the whole machine", 0, "ReplayDigest"},
    {NULL},
};
/* clang-format on */
