/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forms of -serial, -parallel, -monitor, -qmp, -debugcon and -gdb. */
#include <string.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

static char *legacy_escape(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    return g_strjoinv(",,", parts);
}

/* HOST:PORT to its halves; an IPv6 address may stand in brackets. */
static bool legacy_host_port(const char *text, char **host, char **port)
{
    const char *colon = strrchr(text, ':');
    const char *end = colon;

    if (!colon) {
        return false;
    }
    if (text[0] == '[' && colon > text + 1 && colon[-1] == ']') {
        text++;
        end--;
    }
    *host = g_strndup(text, (gsize)(end - text));
    *port = g_strdup(colon + 1);
    return true;
}

/* "HOST:PORT,more" */
static char *legacy_tcp(const char *kind, const char *rest, const char *extra,
                        GError **error)
{
    const char *comma = strchrnul(rest, ',');
    g_autofree char *where = g_strndup(rest, (gsize)(comma - rest));
    g_autofree char *host = NULL, *port = NULL;

    if (!legacy_host_port(where, &host, &port)) {
        fail(error, "expected %s:HOST:PORT[,server=on][,wait=off]", kind);
        return NULL;
    }
    return g_strdup_printf("socket,host=%s,port=%s%s%s", host, port, extra,
                           comma);
}

/* "[HOST]:PORT[@[LOCALADDR]:LOCALPORT]" */
static char *legacy_udp(const char *rest, GError **error)
{
    g_auto(GStrv) sides = g_strsplit(rest, "@", 2);
    g_autofree char *host = NULL, *port = NULL, *local = NULL, *lport = NULL;

    if (!sides[0] || !legacy_host_port(sides[0], &host, &port)
        || (sides[1] && !legacy_host_port(sides[1], &local, &lport))) {
        fail(error, "expected udp:[HOST]:PORT[@[LOCALADDR]:LOCALPORT]");
        return NULL;
    }
    if (!sides[1]) {
        return g_strdup_printf("udp,host=%s,port=%s", host, port);
    }
    return g_strdup_printf("udp,host=%s,port=%s,localaddr=%s,localport=%s",
                           host, port, local, lport);
}

/* "80Cx24C" or "640x480" */
static char *legacy_vc(const char *size, GError **error)
{
    unsigned width, height;
    char tail;

    if (!*size) {
        return g_strdup("vc");
    }
    if (sscanf(size, "%4uCx%4uC%c", &width, &height, &tail) == 2
        && size[strlen(size) - 1] == 'C') {
        return g_strdup_printf("vc,cols=%u,rows=%u", width, height);
    }
    if (sscanf(size, "%4ux%4u%c", &width, &height, &tail) == 2) {
        return g_strdup_printf("vc,width=%u,height=%u", width, height);
    }
    fail(error, "expected vc:WIDTHxHEIGHT or vc:COLSCxROWSC");
    return NULL;
}

/* To the words of -chardev. */
static char *legacy_translate(const char *text, GError **error)
{
    static const char *const paths[][2] = {
        {"file:", "file"}, {"pipe:", "pipe"}, {"serial:", "serial"}};
    g_autofree char *path = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
        if (g_str_has_prefix(text, paths[i][0])) {
            path = legacy_escape(text + strlen(paths[i][0]));
            return g_strdup_printf("%s,path=%s", paths[i][1], path);
        }
    }
    if (g_str_has_prefix(text, "/dev/parport")
        || g_str_has_prefix(text, "/dev/ppi")) {
        return g_strdup("parallel");
    }
    if (g_str_has_prefix(text, "/dev/")) {
        path = legacy_escape(text);
        return g_strdup_printf("serial,path=%s", path);
    }
    if (g_str_has_prefix(text, "unix:")) {
        return g_strdup_printf("socket,path=%s", text + 5);
    }
    if (g_str_has_prefix(text, "tcp:")) {
        return legacy_tcp("tcp", text + 4, "", error);
    }
    if (g_str_has_prefix(text, "telnet:")) {
        return legacy_tcp("telnet", text + 7, ",telnet=on", error);
    }
    if (g_str_has_prefix(text, "websocket:")) {
        return legacy_tcp("websocket", text + 10, ",websocket=on", error);
    }
    if (g_str_has_prefix(text, "tn3270:")) {
        return legacy_tcp("tn3270", text + 7, ",tn3270=on", error);
    }
    if (g_str_has_prefix(text, "udp:")) {
        return legacy_udp(text + 4, error);
    }
    if (g_str_has_prefix(text, "vc:")) {
        return legacy_vc(text + 3, error);
    }
    /* "pty:X": let the name be judged */
    return g_strndup(text, strcspn(text, ":"));
}

static Chardev *legacy_find(Vm *vm, const char *id, bool mon, GError **error)
{
    Chardev *c = chr_find(vm, id, error);

    if (c && mon) {
        chardev_make_mux(c);
    }
    if (c && !c->mux && (c->claimed || c->fes->len)) {
        fail(error,
             "chardev '%s' is already in use (mux=on lets several "
             "share it)",
             id);
        return NULL;
    }
    if (c) {
        c->claimed = true;
    }
    return c;
}

static void legacy_set(KeyVals *kv, const char *key, const char *value)
{
    KeyVal item = {.key = g_strdup(key), .value = g_strdup(value)};

    g_array_append_val(kv->items, item);
}

static Chardev *legacy_add(Vm *vm, const char *text, const char *label,
                           bool mon, GError **error)
{
    g_autofree char *words = legacy_translate(text, error);
    g_auto(KeyVals) kv = {0};

    if (!words) {
        return NULL;
    }
    keyvals_parse(&kv, words, "backend");
    if (mon) {
        legacy_set(&kv, "mux", "on");
        if (strcmp(text, "stdio") == 0) {
            legacy_set(&kv, "signal", "off");
        }
    }
    return chr_add(vm, &kv, label, error);
}

bool chardev_from_text(Vm *vm, const char *text, const char *label,
                       Chardev **out, GError **error)
{
    bool mon = g_str_has_prefix(text, "mon:");
    const char *rest = mon ? text + 4 : text;
    Chardev *c;

    if (strcmp(rest, "none") == 0) {
        *out = NULL;
        return true;
    }
    if (g_str_has_prefix(rest, "chardev:")) {
        c = legacy_find(vm, rest + 8, mon, error);
    } else {
        c = legacy_add(vm, rest, label, mon, error);
    }
    if (c) {
        *out = c;
    }
    return c != NULL;
}
