/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor for people: a line becomes a row of the table and its arguments. */
#include <string.h>

#include "config.h"
#include "core/keyval.h"
#include "core/trace.h"
#include "monitor/monitor_priv.h"

/* --- names ---------------------------------------------------------------------- */

static bool hmp_has_name(const CmdRow *row, const char *name)
{
    g_auto(GStrv) names = NULL;

    if (!row->hmp) {
        return false;
    }
    names = g_strsplit(row->hmp, "|", -1);
    return g_strv_contains((const char *const *)names, name);
}

static const CmdRow *hmp_find(const char *name)
{
    CmdIter it = {0};
    const CmdRow *r;

    while ((r = cmd_next(&it))) {
        if (hmp_has_name(r, name)) {
            return r;
        }
    }
    return NULL;
}

static gint hmp_compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *hmp_names(const char *prefix)
{
    GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
    CmdIter it = {0};
    const CmdRow *r;

    while ((r = cmd_next(&it))) {
        g_auto(GStrv) names = r->hmp ? g_strsplit(r->hmp, "|", -1) : NULL;

        for (unsigned i = 0; names && names[i] && !(r->flags & CMD_LATER);
             i++) {
            if (g_str_has_prefix(names[i], prefix)) {
                g_ptr_array_add(out, g_strdup(names[i]));
            }
        }
    }
    g_ptr_array_sort(out, hmp_compare);
    return out;
}

/* --- arguments ------------------------------------------------------------------- */

static void hmp_space(const char **at)
{
    while (g_ascii_isspace(**at)) {
        (*at)++;
    }
}

/* A word, or "text in quotes" with \" and \\; NULL: the quote is open. */
static char *hmp_word(const char **at)
{
    GString *s = g_string_new(NULL);
    const char *p = *at;
    bool quoted = *p == '"';

    if (quoted) {
        p++;
    }
    while (*p && (quoted ? *p != '"' : !g_ascii_isspace(*p))) {
        if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\')) {
            p++;
        }
        g_string_append_c(s, *p++);
    }
    if (quoted && *p != '"') {
        g_string_free(s, TRUE);
        return NULL;
    }
    *at = quoted ? p + 1 : p;
    return g_string_free(s, FALSE);
}

static bool hmp_unknown_key(const char *name, GError **error)
{
    g_auto(GStrv) known = type_values("QKeyCode");
    const char *near = nearest_match(name, (const char *const *)known);

    return near ? fail(error, "invalid parameter: %s, did you mean '%s'?", name,
                       near)
                : fail(error, "invalid parameter: %s", name);
}

static bool hmp_keys(const char *word, JsonObject *args, const char *name,
                     GError **error)
{
    g_auto(GStrv) keys = g_strsplit(word, "-", -1);
    JsonArray *a = json_array_new();

    for (unsigned i = 0; keys[i]; i++) {
        JsonObject *key;

        if (!*keys[i]) {
            json_array_unref(a);
            return fail(error, "'%s' is not a list of keys like ctrl-alt-f1",
                        word);
        }
        if (!type_has("QKeyCode", keys[i])) {
            json_array_unref(a);
            return hmp_unknown_key(keys[i], error);
        }
        key = json_object_new();
        json_object_set_string_member(key, "type", "qcode");
        json_object_set_string_member(key, "data", keys[i]);
        json_array_add_object_element(a, key);
    }
    json_object_set_array_member(args, name, a);
    return true;
}

static bool hmp_arg_word(const CmdArg *arg, const char *word, JsonObject *args,
                         GError **error)
{
    bool v;

    switch (arg->type) {
    case ARG_KEYS:
        return hmp_keys(word, args, arg->name, error);
    case ARG_BOOL:
        v = strcmp(word, "on") == 0;
        if (!v && strcmp(word, "off") != 0) {
            return fail(error, "%s: '%s' is neither on nor off", arg->name,
                        word);
        }
        json_object_set_boolean_member(args, arg->name, v);
        return true;
    default:
        json_object_set_string_member(args, arg->name, word);
        return true;
    }
}

/* -x in any order before other arguments; true: one was taken. */
static bool hmp_flag(const CmdRow *row, const char **at, JsonObject *args)
{
    const char *p = *at;

    if (p[0] != '-' || !p[1] || (p[2] && !g_ascii_isspace(p[2]))) {
        return false;
    }
    for (const CmdArg *a = row->args; a && a->name; a++) {
        if (a->type == ARG_FLAG && p[1] == a->name[0]) {
            json_object_set_boolean_member(args, a->name, TRUE);
            *at = p + 2;
            hmp_space(at);
            return true;
        }
    }
    return false;
}

static Vcpu *hmp_vcpu(Vm *vm, const Monitor *m)
{
    guint n = m ? m->cpu : 0;

    return n < vm->vcpus->len ? g_ptr_array_index(vm->vcpus, n) : NULL;
}

static bool hmp_arg(Vm *vm, Monitor *m, const CmdArg *arg, const char **at,
                    JsonObject *args, GError **error)
{
    g_autofree char *word = NULL;
    int64_t n;

    if (arg->type == ARG_FLAG) {
        return true; /* taken before */
    }
    if (arg->type == ARG_FMT) {
        if (**at == '/') {
            word = hmp_word(at);
            json_object_set_string_member(args, arg->name, word);
        }
        return true;
    }
    if (!**at) {
        return arg->optional || fail(error, "%s is missing", arg->name);
    }
    if (arg->type == ARG_INT) {
        if (!expr_eval(vm, hmp_vcpu(vm, m), at, &n, error)) {
            return fail_prefix(error, "%s", arg->name);
        }
        if (**at && !g_ascii_isspace(**at)) {
            return fail(error, "%s: unexpected '%s'", arg->name, *at);
        }
        json_object_set_int_member(args, arg->name, n);
        return true;
    }
    if (arg->type == ARG_SIZE) {
        uint64_t bytes;

        word = hmp_word(at);
        if (!word || !parse_size(word, 1 << 20, &bytes) || bytes > INT64_MAX) {
            return fail(error, "%s: expected a size such as 512M", arg->name);
        }
        json_object_set_int_member(args, arg->name, (int64_t)bytes);
        return true;
    }
    if (arg->type == ARG_REST) {
        json_object_set_string_member(args, arg->name, *at);
        *at += strlen(*at);
        return true;
    }
    word = hmp_word(at);
    return word ? hmp_arg_word(arg, word, args, error)
                : fail(error, "%s: a quote is not closed", arg->name);
}

static bool hmp_args(Vm *vm, Monitor *m, const CmdRow *row, const char *at,
                     JsonObject *args, GError **error)
{
    for (const CmdArg *a = row->args; a && a->name; a++) {
        JsonNode *value;

        hmp_space(&at);
        while (hmp_flag(row, &at, args)) {
        }
        if (!hmp_arg(vm, m, a, &at, args, error)) {
            return false;
        }
        value = a->of ? json_object_get_member(args, a->name) : NULL;
        if (value && !type_check(a->of, a->name, value, error)) {
            return false;
        }
    }
    hmp_space(&at);
    return !*at || fail(error, "unexpected '%s' at the end", at);
}

/* --- help ------------------------------------------------------------------------ */

static void help_line(const CmdRow *row, GString *out)
{
    g_string_append(out, row->hmp);
    for (const CmdArg *a = row->args; a && a->name; a++) {
        if (a->type == ARG_FLAG) {
            g_string_append_printf(out, " [-%c]", a->name[0]);
        } else if (a->type == ARG_FMT) {
            g_string_append(out, " [/fmt]");
        } else {
            g_string_append_printf(out, a->optional ? " [%s]" : " %s", a->name);
        }
    }
    g_string_append_printf(out, " -- %s%s\n", row->help,
                           row->flags & CMD_LATER ? " (not there yet)" : "");
}

static bool help_wanted(const CmdRow *row, const char *name)
{
    bool info = row->hmp && g_str_has_prefix(row->hmp, "info ");

    if (!row->hmp) {
        return false;
    }
    if (!name) {
        return !info && !(row->flags & CMD_LATER);
    }
    if (strcmp(name, "info") == 0) {
        return info && !(row->flags & CMD_LATER);
    }
    return hmp_has_name(row, name);
}

bool cmd_help(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    const char *name = cmd_str(in, "name");
    CmdIter it = {0};
    const CmdRow *r;

    while ((r = cmd_next(&it))) {
        if (help_wanted(r, name)) {
            help_line(r, out->text);
        }
    }
    if (!name) {
        g_string_append(out->text,
                        "info TOPIC -- show something; 'help info' lists it\n");
    } else if (!out->text->len) {
        return fail(error, "there is no command '%s'", name);
    }
    return true;
}

/* --- running ---------------------------------------------------------------------- */

static void hmp_unknown(const char *name, GString *out)
{
    g_autoptr(GPtrArray) names = hmp_names("");
    const char *near;

    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    g_string_append_printf(out, "unknown command: '%s'", name);
    if (near) {
        g_string_append_printf(out, ", did you mean '%s'?", near);
    }
    g_string_append_c(out, '\n');
}

static void hmp_run(Vm *vm, Monitor *m, const CmdRow *row, const char *rest,
                    GString *said)
{
    g_autoptr(GError) error = NULL;
    JsonObject *args = json_object_new();
    CmdOut out = {.text = g_string_new(NULL)};
    CmdIn in = {args, m};

    if (row->flags & CMD_LATER) {
        g_string_append_printf(said, "%s: not there yet (%s)\n", row->hmp,
                               row->help);
    } else if (!hmp_args(vm, m, row, rest, args, &error)) {
        size_t name = strcspn(row->hmp, "|");

        g_string_append_printf(said,
                               "%s: %s\nTry \"help %.*s\" for more "
                               "information\n",
                               row->hmp, error->message, (int)name, row->hmp);
    } else {
        bool good = cmd_run(vm, row, &in, &out, &error);

        if (good && row->print && out.value) {
            row->print(out.value, out.text);
        }
        g_string_append(said, out.text->str);
        if (!good) {
            g_string_append_printf(said, "Error: %s\n", error->message);
        }
    }
    cmd_out_clear(&out);
    json_object_unref(args);
}

/* "info" alone, or the name that "info" and the next word make. */
static char *hmp_name(const char **at)
{
    char *name;
    const char *p = *at;
    g_autofree char *more = NULL;

    while (*p && !g_ascii_isspace(*p) && *p != '/') {
        p++;
    }
    name = g_strndup(*at, (gsize)(p - *at));
    *at = p;
    if (strcmp(name, "info") != 0) {
        return name;
    }
    hmp_space(at);
    if (!**at) {
        return name;
    }
    more = hmp_word(at);
    g_free(name);
    return g_strdup_printf("info %s", more ? more : "\"");
}

char *hmp_line(Vm *vm, Monitor *m, const char *line)
{
    GString *said = g_string_new(NULL);
    const char *at = line;
    g_autofree char *name = NULL;
    const CmdRow *row;

    trace(vm, monitor_hmp, line);
    hmp_space(&at);
    if (!*at || *at == '#') {
        return g_string_free(said, FALSE);
    }
    name = hmp_name(&at);
    if (strcmp(name, "info") == 0) {
        g_free(name);
        name = g_strdup("help");
        at = " info";
    }
    row = hmp_find(name);
    if (row) {
        hmp_run(vm, m, row, at, said);
    } else {
        hmp_unknown(name, said);
    }
    return g_string_free(said, FALSE);
}

char *hmp_execute(Vm *vm, const char *line)
{
    return hmp_line(vm, NULL, line);
}

/* --- on a terminal ------------------------------------------------------------------ */

static void hmp_write(void *opaque, const char *text)
{
    mon_write(opaque, text);
}

static char *hmp_crlf(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    return g_strjoinv("\r\n", lines);
}

static void hmp_done(void *opaque, const char *line)
{
    Monitor *m = opaque;
    g_autofree char *said = hmp_line(m->vm, m, line);
    g_autofree char *text = hmp_crlf(said);

    mon_write(m, text);
}

/* The row whose name @line begins with; *rest: behind the name. */
static const CmdRow *hmp_row_of(const char *line, const char **rest)
{
    const char *at = line;
    g_autofree char *name = NULL;

    hmp_space(&at);
    name = hmp_name(&at);
    *rest = at;
    return g_ascii_isspace(*at) ? hmp_find(name) : NULL;
}

/* The argument that the last word of @rest is; *word: where it begins. */
static const CmdArg *hmp_arg_at(const CmdRow *row, const char *rest,
                                const char **word)
{
    const CmdArg *arg = row->args;
    const char *at = rest;

    for (;;) {
        hmp_space(&at);
        while (arg && arg->name
               && (arg->type == ARG_FLAG
                   || (arg->type == ARG_FMT && *at != '/'))) {
            arg++;
        }
        *word = at;
        if (arg && arg->name && arg->type == ARG_REST) {
            return arg;
        }
        at += strcspn(at, " \t");
        if (!*at || !arg || !arg->name) {
            return arg && arg->name ? arg : NULL;
        }
        if (**word != '-') {
            arg++;
        }
    }
}

static void complete_files(const char *prefix, GPtrArray *out)
{
    const char *slash = strrchr(prefix, '/');
    g_autofree char *dir =
        slash ? g_strndup(prefix, (gsize)(slash - prefix) + 1) : g_strdup("");
    GDir *d = g_dir_open(*dir ? dir : ".", 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *path = g_strconcat(dir, name, NULL);

        g_ptr_array_add(
            out,
            g_strdup_printf("%s%s", path,
                            g_file_test(path, G_FILE_TEST_IS_DIR) ? "/" : ""));
    }
    if (d) {
        g_dir_close(d);
    }
}

static void complete_words(const CmdArg *arg, GPtrArray *out)
{
    static const char *const switches[] = {"on", "off"};
    const QmpType *t = arg->of ? type_find(arg->of) : NULL;
    g_auto(GStrv) values =
        t && t->meta == QMP_ENUM ? type_values(arg->of) : NULL;

    for (unsigned i = 0; values && values[i]; i++) {
        g_ptr_array_add(out, g_strdup(values[i]));
    }
    for (unsigned i = 0; arg->type == ARG_BOOL && i < 2; i++) {
        g_ptr_array_add(out, g_strdup(switches[i]));
    }
}

/* Those that begin with @word, each behind @head, once. */
static GPtrArray *complete_lines(GPtrArray *words, const char *head,
                                 const char *word)
{
    GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
    const char *last = NULL;

    g_ptr_array_sort(words, hmp_compare);
    for (guint i = 0; i < words->len; i++) {
        const char *one = g_ptr_array_index(words, i);

        if (g_str_has_prefix(one, word) && (!last || strcmp(last, one) != 0)) {
            g_ptr_array_add(out, g_strconcat(head, one, NULL));
        }
        last = one;
    }
    return out;
}

GPtrArray *hmp_complete_line(Vm *vm, const char *line)
{
    const char *rest, *word;
    const CmdRow *row = hmp_row_of(line, &rest);
    const CmdArg *arg = row ? hmp_arg_at(row, rest, &word) : NULL;
    g_autoptr(GPtrArray) words = NULL;
    g_autofree char *head = NULL;

    if (!row) {
        return hmp_names(line);
    }
    words = g_ptr_array_new_with_free_func(g_free);
    if (!arg) {
        return complete_lines(words, "", "");
    }
    head = g_strndup(line, (gsize)(word - line));
    if (row->fn == cmd_help) {
        g_ptr_array_unref(words);
        words = hmp_names(word);
    } else if (arg->complete) {
        arg->complete(vm, word, words);
    } else if (strcmp(arg->name, "filename") == 0) {
        complete_files(word, words);
    } else {
        complete_words(arg, words);
    }
    return complete_lines(words, head, word);
}

static GPtrArray *hmp_complete(void *opaque, const char *prefix)
{
    return hmp_complete_line(((Monitor *)opaque)->vm, prefix);
}

void hmp_greet(Monitor *m)
{
    static const LineOps line_ops = {hmp_write, hmp_done, hmp_complete};

    if (!m->line) {
        m->line = line_new("(reprise) ", &line_ops, m);
    }
    if (!m->greeted) {
        m->greeted = true;
        mon_write(m, "Reprise " REPRISE_VERSION
                     " monitor - type 'help' for more information\r\n");
    } else {
        mon_write(m, "\r\n");
    }
    line_show(m->line);
}

void hmp_bytes(Monitor *m, const uint8_t *buf, size_t size)
{
    for (size_t i = 0; i < size && m->line; i++) {
        line_feed(m->line, buf[i]);
    }
}

bool cmd_human(Vm *vm, const CmdIn *in, CmdOut *out, GError **error)
{
    Monitor m = {.vm = vm};
    int64_t cpu = cmd_int(in, "cpu-index", 0);
    g_autofree char *said = NULL, *text = NULL;

    if (cpu && (cpu < 0 || cpu >= vm->vcpus->len)) {
        return fail(error, "Parameter 'cpu-index' expects a CPU number");
    }
    m.cpu = (unsigned)cpu;
    said = hmp_line(vm, &m, cmd_str(in, "command-line"));
    text = hmp_crlf(said);
    cmd_value(out, json_node_init_string(json_node_alloc(), text));
    return true;
}
