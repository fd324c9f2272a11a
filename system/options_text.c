/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options in other clothes: JSON objects, configuration files, -set. */
#include <json-glib/json-glib.h>
#include <sys/stat.h>

#include "system/options_priv.h"

#define FILE_MAX (1 << 20)
#define DEPTH_MAX 16

/* --- JSON ------------------------------------------------------------------------ */

static void add_pair(GString *out, const char *key, const char *value)
{
    if (out->len) {
        g_string_append_c(out, ',');
    }
    g_string_append_printf(out, "%s=", key);
    for (const char *p = value; *p; p++) {
        g_string_append(out, *p == ',' ? ",," : (char[]){*p, 0});
    }
}

static bool json_value(GString *out, const char *key, JsonNode *node,
                       unsigned depth, GError **error);

static bool json_members(GString *out, const char *prefix, JsonObject *object,
                         unsigned depth, GError **error)
{
    g_autoptr(GList) names = json_object_get_members(object);

    for (GList *l = names; l; l = l->next) {
        g_autofree char *key =
            g_strconcat(prefix, *prefix ? "." : "", l->data, NULL);

        if (strpbrk(l->data, ",=")
            || !json_value(out, key, json_object_get_member(object, l->data),
                           depth, error)) {
            return error && *error ? false
                                   : fail(error, "'%s' is no name", key);
        }
    }
    return true;
}

static bool json_elements(GString *out, const char *prefix, JsonArray *array,
                          unsigned depth, GError **error)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *key = g_strdup_printf("%s.%u", prefix, i);

        if (!json_value(out, key, json_array_get_element(array, i), depth,
                        error)) {
            return false;
        }
    }
    return true;
}

static bool json_scalar(GString *out, const char *key, JsonNode *node,
                        GError **error)
{
    g_autofree char *number = NULL;

    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING:
        add_pair(out, key, json_node_get_string(node));
        return true;
    case G_TYPE_BOOLEAN:
        add_pair(out, key, json_node_get_boolean(node) ? "on" : "off");
        return true;
    case G_TYPE_INT64:
        number = g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
        add_pair(out, key, number);
        return true;
    default:
        return fail(error, "'%s' is neither text, whole number nor boolean",
                    key);
    }
}

static bool json_value(GString *out, const char *key, JsonNode *node,
                       unsigned depth, GError **error)
{
    if (depth > DEPTH_MAX) {
        return fail(error, "'%s' is nested too deeply", key);
    }
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        return json_members(out, key, json_node_get_object(node), depth + 1,
                            error);
    case JSON_NODE_ARRAY:
        return json_elements(out, key, json_node_get_array(node), depth + 1,
                             error);
    case JSON_NODE_VALUE:
        return json_scalar(out, key, node, error);
    default:
        return true; /* null: as if it was not there */
    }
}

/* The keys that may come first without their name. */
static void put_first(char **text, const char *key)
{
    g_auto(KeyVals) kv = {0};
    g_autoptr(GString) out = NULL;
    const char *first;

    keyvals_parse(&kv, *text, NULL);
    first = keyvals_take(&kv, key);
    if (!first) {
        return;
    }
    out = g_string_new(first);
    for (guint i = 0; i < kv.items->len; i++) {
        const KeyVal *item = &g_array_index(kv.items, KeyVal, i);

        if (strcmp(item->key, key) != 0) {
            add_pair(out, item->key, item->value);
        }
    }
    g_free(*text);
    *text = g_string_free(g_steal_pointer(&out), FALSE);
}

bool option_text(const char *arg, char **out, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    g_autoptr(GString) text = NULL;
    g_autoptr(GError) why = NULL;
    JsonNode *root;

    if (arg[0] != '{') {
        *out = g_strdup(arg);
        return true;
    }
    parser = json_parser_new();
    text = g_string_new(NULL);
    if (!json_parser_load_from_data(parser, arg, -1, &why)) {
        return fail(error, "%s: not JSON: %s", arg, why->message);
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)
        || !json_members(text, "", json_node_get_object(root), 0, error)) {
        return error && *error ? fail_prefix(error, "%s", arg)
                               : fail(error, "%s: not a JSON object", arg);
    }
    *out = g_string_free(g_steal_pointer(&text), FALSE);
    put_first(out, "qom-type");
    put_first(out, "driver");
    return true;
}

/* --- files ------------------------------------------------------------------------ */

bool option_read_file(const char *path, char **text, GError **error)
{
    g_autoptr(GError) why = NULL;
    struct stat st;

    if (stat(path, &st) == 0
        && (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)) {
        return fail(error, "%s: not an ordinary file of at most 1 MiB", path);
    }
    return g_file_get_contents(path, text, NULL, &why)
           || fail(error, "%s", why->message);
}

typedef struct Section {
    const OptionRow *row; /* NULL: before the first one */
    GString *text;        /* owned */
} Section;

static bool section_end(Options *o, Section *s, GError **error)
{
    bool good = true;

    if (s->row) {
        good = s->row->fn(o, s->text->str, error)
               || fail_prefix(error, "[%s]", s->row->group);
    }
    g_string_truncate(s->text, 0);
    s->row = NULL;
    return good;
}

/* [group] or [group "id"] */
static bool section_begin(Section *s, char *line, GError **error)
{
    char *end = strchr(line, ']');
    char *quote = strchr(line, '"');
    char *id = NULL;

    if (!end || end[1]) {
        return fail(error, "'%s': expected [group] or [group \"id\"]", line);
    }
    *end = 0;
    if (quote) {
        id = quote + 1;
        *quote = 0;
        if (!strchr(id, '"') || strchr(id, '"')[1]) {
            return fail(error, "[%s: the id has no end", line + 1);
        }
        *strchr(id, '"') = 0;
    }
    s->row = option_by_group(g_strstrip(line + 1), error);
    if (s->row && id) {
        add_pair(s->text, "id", id);
    }
    return s->row != NULL;
}

/* name = "value" */
static bool section_line(Section *s, char *line, GError **error)
{
    char *eq = strchr(line, '=');
    char *value;
    size_t size;

    if (!s->row || !eq) {
        return fail(error, "'%s': expected a [group] or name = \"value\"",
                    line);
    }
    *eq = 0;
    value = g_strstrip(eq + 1);
    size = strlen(value);
    if (size < 2 || value[0] != '"' || value[size - 1] != '"') {
        return fail(error, "%s: the value is not between quotes",
                    g_strstrip(line));
    }
    value[size - 1] = 0;
    add_pair(s->text, g_strstrip(line), value + 1);
    return true;
}

bool opt_readconfig(Options *o, const char *arg, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    Section s = {0};
    bool good = true;
    unsigned i;

    if (!option_read_file(arg, &text, error)) {
        return false;
    }
    s.text = g_string_new(NULL);
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; good && lines[i]; i++) {
        char *line = g_strstrip(lines[i]);

        if (*line == '[') {
            good = section_end(o, &s, error) && section_begin(&s, line, error);
        } else if (*line && *line != '#') {
            good = section_line(&s, line, error);
        }
    }
    good = good && section_end(o, &s, error);
    g_string_free(s.text, TRUE);
    return good || fail_prefix(error, "%s:%u", arg, i);
}

/* --- -set ---------------------------------------------------------------------------- */

static char **set_find(GPtrArray *list, const char *id)
{
    for (guint i = 0; i < list->len; i++) {
        char **text = (char **)&list->pdata[i];
        g_auto(KeyVals) kv = {0};
        const char *has;

        keyvals_parse(&kv, *text, "");
        has = keyvals_take(&kv, "id");
        if (has && strcmp(has, id) == 0) {
            return text;
        }
    }
    return NULL;
}

bool opt_set(Options *o, const char *arg, GError **error)
{
    const struct {
        const char *group;
        GPtrArray *list;
    } lists[] = {
        {"device", o->devices},
        {"chardev", o->chardevs},
        {"object", o->objects},
        {"mon", o->mons},
    };
    const char *eq = strchr(arg, '=');
    g_auto(GStrv) words = g_strsplit_set(eq ? arg : "", eq ? ".=" : ".", 4);
    g_autoptr(GString) pair = g_string_new(NULL);

    if (g_strv_length(words) < 4 || !eq[1]) {
        return fail(error, "%s: expected GROUP.ID.NAME=VALUE", arg);
    }
    add_pair(pair, words[2], eq + 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        char **text;
        char *more;

        if (strcmp(words[0], lists[i].group) != 0) {
            continue;
        }
        text = set_find(lists[i].list, words[1]);
        if (!text) {
            return fail(error, "%s: there is no %s '%s' before it", arg,
                        words[0], words[1]);
        }
        more = g_strconcat(*text, ",", pair->str, NULL);
        g_free(*text);
        *text = more;
        return true;
    }
    return fail(error,
                "%s: there is no group '%s' (device, chardev, object, "
                "mon)",
                arg, words[0]);
}
