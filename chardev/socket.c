/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stream sockets: unix (path=), TCP (host=, port=), inherited (fd=); plain,
 * telnet or websocket. A server has one client at a time; the next one waits
 * its turn, unless the first one is leaving or has not finished its handshake.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chardev/address_priv.h"
#include "chardev/chardev_priv.h"
#include "core/error.h"
#include "core/fds.h"

#define HOT_LIMIT_MS 2000 /* a monitor does not wait longer */

#define PASSED_MAX 16

typedef struct Attempt Attempt;

typedef struct Socket {
    Address at;
    char *where;    /* owned: for people, as it was asked for */
    char *bound;    /* owned: server: where it listens; NULL: as .where */
    char *ends;     /* owned: both ends of the connection; NULL: as .where */
    bool path_ours; /* the file at .at.path is to be removed at the end */
    int listen_fd;
    GSource *listen; /* owned */
    bool server, nodelay;
    unsigned reconnect; /* seconds; 0: not */
    GSource *retry;     /* owned */
    Attempt *attempt;   /* borrowed: from its thread */
    bool complained;
    int passed[PASSED_MAX]; /* file descriptors that came with bytes, oldest
                               first, until somebody takes them */
    unsigned passed_count;
} Socket;

static void socket_passed(Socket *s, const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (s->passed_count < PASSED_MAX) {
            s->passed[s->passed_count++] = fds[i];
        } else {
            close(fds[i]);
        }
    }
}

static int socket_take_fd(Chardev *c)
{
    Socket *s = c->data;
    int fd = s->passed_count ? s->passed[0] : -1;

    if (s->passed_count) {
        s->passed_count--;
        memmove(s->passed, s->passed + 1, s->passed_count * sizeof(int));
    }
    return fd;
}

static void socket_set_flags(int fd, bool nodelay)
{
    int one = 1;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (nodelay) { /* no more than a wish */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
}

static void socket_linked(Chardev *c, int fd)
{
    Socket *s = c->data;
    g_autofree char *ours = NULL, *theirs = NULL;
    bool inet;

    socket_set_flags(fd, s->nodelay);
    ours = address_name(fd, false, &inet);
    g_clear_pointer(&s->ends, g_free);
    if (inet) {
        theirs = address_name(fd, true, &inet);
        s->ends = g_strdup_printf("%s%s <-> %s", ours,
                                  s->server ? ",server=on" : "", theirs);
    }
    chr_opened(c, fd, fd);
}

/* --- server ------------------------------------------------------------------ */

static void socket_watch(Chardev *c);

static gboolean socket_incoming(gint fd, GIOCondition condition, gpointer p)
{
    Chardev *c = p;
    bool taken = c->connected && !c->leaving; /* a handshake is done since */
    int client = taken ? -1 : accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (client < 0) {
        socket_watch(c);
        return G_SOURCE_CONTINUE;
    }
    chr_lost(c); /* who was leaving anyway */
    socket_linked(c, client);
    socket_watch(c);
    chr_service(c);
    return G_SOURCE_CONTINUE; /* destroyed by socket_watch() */
}

/* Listen while nobody is connected. */
static void socket_watch(Chardev *c)
{
    Socket *s = c->data;
    bool wanted = s->listen_fd >= 0 && (!c->connected || c->leaving);

    if (wanted && !s->listen) {
        s->listen = g_unix_fd_source_new(s->listen_fd, G_IO_IN);
        g_source_set_callback(s->listen, G_SOURCE_FUNC(socket_incoming), c,
                              NULL);
        g_source_attach(s->listen, NULL);
    } else if (!wanted && s->listen) {
        g_source_destroy(s->listen);
        g_clear_pointer(&s->listen, g_source_unref);
    }
}

static void socket_listening(Chardev *c, int fd)
{
    Socket *s = c->data;
    bool inet;
    g_autofree char *name = address_name(fd, false, &inet);

    s->listen_fd = fd;
    if (inet) {
        s->bound = g_strdup(name);
    }
    socket_watch(c);
}

static char *socket_describe(const Chardev *c);

static void socket_wait(Chardev *c)
{
    g_autofree char *what = socket_describe(c);

    g_printerr("reprise: chardev '%s': waiting for connection on: %s\n", c->id,
               what);
    while (!c->connected) {
        g_main_context_iteration(NULL, TRUE);
        if (c->linked) {
            chr_service(c); /* it is not in the list yet */
        }
    }
}

/* --- client ------------------------------------------------------------------ */

/* Names are looked up and peers waited for by a thread: neither may hold up the
 * I/O thread. */
struct Attempt {
    Chardev *c; /* borrowed; NULL: nobody wants to know any more */
    Address at;
    int fd;
    GError *why;
};

static void socket_retry_later(Chardev *c);

static gboolean socket_attempted(gpointer opaque)
{
    Attempt *a = opaque;
    Chardev *c = a->c;
    Socket *s = c ? c->data : NULL;

    if (s) {
        s->attempt = NULL;
    }
    if (s && a->fd >= 0) {
        s->complained = false;
        socket_linked(c, a->fd);
        a->fd = -1;
    } else if (s) {
        if (!s->complained) {
            g_printerr("reprise: chardev '%s': %s; trying again\n", c->id,
                       a->why->message);
            s->complained = true;
        }
        socket_retry_later(c);
    }
    return G_SOURCE_REMOVE;
}

static void attempt_free(gpointer opaque)
{
    Attempt *a = opaque;

    if (a->fd >= 0) {
        close(a->fd);
    }
    g_clear_error(&a->why);
    address_clear(&a->at);
    g_free(a);
}

static gpointer socket_attempt_thread(gpointer opaque)
{
    Attempt *a = opaque;
    GSource *done = g_idle_source_new();

    a->fd = address_connect(&a->at, -1, &a->why);
    g_source_set_priority(done, G_PRIORITY_DEFAULT);
    g_source_set_callback(done, socket_attempted, a, attempt_free);
    g_source_attach(done, NULL);
    g_source_unref(done);
    return NULL;
}

static gboolean socket_attempt(gpointer opaque)
{
    Chardev *c = opaque;
    Socket *s = c->data;
    Attempt *a = g_new0(Attempt, 1);

    g_clear_pointer(&s->retry, g_source_unref);
    a->c = c;
    a->fd = -1;
    address_copy(&a->at, &s->at);
    s->attempt = a;
    g_thread_unref(g_thread_new("connect", socket_attempt_thread, a));
    return G_SOURCE_REMOVE;
}

static void socket_retry_later(Chardev *c)
{
    Socket *s = c->data;

    s->retry = g_timeout_source_new_seconds(s->reconnect);
    g_source_set_callback(s->retry, socket_attempt, c, NULL);
    g_source_attach(s->retry, NULL);
}

static bool socket_connect(Chardev *c, GError **error)
{
    Socket *s = c->data;
    int fd;

    if (s->reconnect) {
        socket_attempt(c);
        return true;
    }
    fd = address_connect(&s->at, c->st->running ? HOT_LIMIT_MS : -1, error);
    if (fd >= 0) {
        socket_linked(c, fd);
    }
    return fd >= 0;
}

/* --- options ------------------------------------------------------------------- */

typedef struct SocketOptions {
    const char *fd;
    bool wait, wait_said, telnet, websocket, tn3270;
} SocketOptions;

static bool socket_flags(SocketOptions *o, Socket *s, KeyVals *kv,
                         GError **error)
{
    bool nowait = false, delay = true;

    o->wait = true;
    o->wait_said = keyvals_take(kv, "wait") || keyvals_take(kv, "nowait");
    if (!keyvals_take_bool(kv, "server", &s->server, error)
        || !keyvals_take_bool(kv, "wait", &o->wait, error)
        || !keyvals_take_bool(kv, "nowait", &nowait, error)
        || !keyvals_take_bool(kv, "telnet", &o->telnet, error)
        || !keyvals_take_bool(kv, "websocket", &o->websocket, error)
        || !keyvals_take_bool(kv, "tn3270", &o->tn3270, error)
        || !keyvals_take_bool(kv, "delay", &delay, error)
        || !keyvals_take_bool(kv, "nodelay", &s->nodelay, error)) {
        return false;
    }
    s->nodelay = s->nodelay || !delay;
    o->wait = o->wait && !nowait;
    return true;
}

static bool socket_refusals(const SocketOptions *o, const Socket *s,
                            KeyVals *kv, GError **error)
{
    const Address *at = &s->at;

    if (o->tn3270) {
        return fail(error, "socket: tn3270: 3270 terminals are not in this "
                           "version");
    }
    if (keyvals_take(kv, "tls-creds") || keyvals_take(kv, "tls-authz")) {
        return fail(error, "socket: TLS is not in this version");
    }
    if (!at->path + !(at->host || at->port) + !o->fd != 2) {
        return fail(error,
                    "socket: one of path=, host=...,port= and fd= is needed");
    }
    if (!o->fd && !at->path && !at->port) {
        return fail(error, "socket: port= is missing");
    }
    if (s->server ? s->reconnect > 0 : o->wait_said) {
        return fail(error, "socket: %s= does not go with server=%s",
                    s->server ? "reconnect" : "wait", s->server ? "on" : "off");
    }
    if (o->telnet && o->websocket) {
        return fail(error, "socket: telnet= or websocket=, not both");
    }
    if (o->websocket && !s->server) {
        return fail(error, "socket: websocket= needs server=on");
    }
    return true;
}

static bool socket_options(SocketOptions *o, Chardev *c, KeyVals *kv,
                           GError **error)
{
    Socket *s = c->data;
    uint64_t reconnect = 0;

    o->fd = keyvals_take(kv, "fd");
    if (!socket_flags(o, s, kv, error)
        || !keyvals_take_u64(kv, "reconnect", 86400, &reconnect, error)
        || !address_take(&s->at, kv, error)) {
        return false;
    }
    s->reconnect = (unsigned)reconnect;
    c->proto = o->telnet ? &chr_telnet : o->websocket ? &chr_websocket : NULL;
    return socket_refusals(o, s, kv, error);
}

/* A number, or the name that getfd gave. -1: neither. */
static int socket_fd(Vm *vm, const char *text)
{
    uint64_t n;

    if (!g_ascii_isdigit(text[0])) {
        return fds_take(vm, text);
    }
    return parse_u64(text, INT_MAX, &n) ? (int)n : -1;
}

static bool socket_fd_good(const Socket *s, int fd, const char *text,
                           int *listening, GError **error)
{
    socklen_t size = sizeof(*listening);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return fail(error, "fd=%s: not an open socket", text);
    }
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, listening, &size);
    return s->server == (*listening != 0)
           || fail(error, "fd=%s: %s, so server=%s is wrong", text,
                   *listening ? "it listens" : "it does not listen",
                   s->server ? "on" : "off");
}

static bool socket_open_fd(Chardev *c, const char *text, GError **error)
{
    int listening = 0, fd = socket_fd(c->st->vm, text);

    if (!socket_fd_good(c->data, fd, text, &listening, error)) {
        if (fd >= 0 && !g_ascii_isdigit(text[0])) {
            close(fd); /* it was given to us */
        }
        return false;
    }
    if (listening) {
        socket_set_flags(fd, false);
        socket_listening(c, fd);
    } else {
        socket_linked(c, fd);
    }
    return true;
}

static bool socket_listen(Chardev *c, GError **error)
{
    Socket *s = c->data;
    int fd = address_listen(&s->at, error);

    if (fd < 0) {
        return false;
    }
    s->path_ours = s->at.path && !s->at.abstract;
    socket_listening(c, fd);
    return true;
}

static bool socket_open(Chardev *c, KeyVals *kv, GError **error)
{
    SocketOptions o = {0};
    Socket *s = g_new0(Socket, 1);

    c->data = s;
    s->listen_fd = -1;
    if (!socket_options(&o, c, kv, error)) {
        return false;
    }
    s->nodelay = s->nodelay && !s->at.path;
    s->where = o.fd ? g_strdup_printf("fd:%s", o.fd) : address_text(&s->at);
    if (!(o.fd        ? socket_open_fd(c, o.fd, error)
          : s->server ? socket_listen(c, error)
                      : socket_connect(c, error))) {
        return false;
    }
    if (s->server && o.wait && !c->st->running) {
        socket_wait(c);
    }
    return true;
}

static void socket_close(Chardev *c)
{
    Socket *s = c->data;

    if (!s) {
        return;
    }
    if (s->attempt) {
        s->attempt->c = NULL;
    }
    while (s->passed_count) {
        close(socket_take_fd(c));
    }
    for (GSource **at = &s->listen; at;
         at = at == &s->listen ? &s->retry : NULL) {
        if (*at) {
            g_source_destroy(*at);
            g_clear_pointer(at, g_source_unref);
        }
    }
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (c->in_fd >= 0) {
        close(c->in_fd);
    }
    if (s->path_ours) {
        address_remove_stale(s->at.path);
    }
    address_clear(&s->at);
    g_free(s->where);
    g_free(s->bound);
    g_free(s->ends);
}

/* --- bytes --------------------------------------------------------------------- */

/* Told by chr_lost(): the descriptor goes, a server listens again. */
static void socket_hung_up(Chardev *c)
{
    Socket *s = c->data;

    while (s->passed_count) {
        close(socket_take_fd(c)); /* nobody wanted it */
    }
    close(c->in_fd);
    c->in_fd = c->out_fd = -1;
    socket_watch(c);
    if (s->reconnect && !s->retry) {
        socket_retry_later(c);
    }
}

static ssize_t socket_write(Chardev *c, const void *buf, size_t size)
{
    ssize_t n = send(c->out_fd, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static ssize_t socket_receive(Chardev *c, void *buf, size_t size)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * PASSED_MAX)];
    } control;
    struct iovec bytes = {buf, size};
    struct msghdr m = {.msg_iov = &bytes,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof(control.space)};
    ssize_t n = recvmsg(c->in_fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0) {
        return n;
    }
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
            int fds[PASSED_MAX];
            size_t got = MIN(h->cmsg_len - CMSG_LEN(0), sizeof(fds));

            memcpy(fds, CMSG_DATA(h), got);
            socket_passed(c->data, fds, got / sizeof(int));
        }
    }
    return n;
}

/* A reset is an end, too: what came before it has been read. */
static ssize_t socket_read(Chardev *c, void *buf, size_t size)
{
    ssize_t n = socket_receive(c, buf, size);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) {
        return n;
    }
    return 0;
}

static char *socket_describe(const Chardev *c)
{
    const Socket *s = c->data;
    const char *kind = c->proto ? c->proto->name : "tcp";

    if (c->connected && s->ends) {
        return g_strdup_printf("%s:%s", kind, s->ends);
    }
    if (s->bound) {
        return g_strdup_printf("disconnected:%s:%s,server=on", kind, s->bound);
    }
    return g_strdup_printf("%s%s%s", c->connected ? "" : "disconnected:",
                           g_str_has_prefix(s->where, "fd:") ? "unix:"
                                                             : s->where,
                           s->server ? ",server=on" : "");
}

/* clang-format off */
static const ChrOption socket_option_rows[] = {
    {"path", "FILE", "unix socket"},
    {"abstract", "on|off", "path= is a name in Linux' abstract namespace"},
    {"tight", "on|off", "the abstract name is not padded with zeroes"},
    {"host", "HOST", "TCP: name or address"},
    {"port", "PORT", "TCP: number or name of a service; 0: any, server only"},
    {"to", "PORT", "server: the first free port up to this one"},
    {"ipv4", "on|off", "TCP: take IPv4"},
    {"ipv6", "on|off", "TCP: take IPv6"},
    {"fd", "N|NAME", "a socket that this program has inherited, or by getfd"},
    {"server", "on|off", "listen instead of connecting"},
    {"wait", "on|off", "server: start when a client is there (on)"},
    {"nowait", "on|off", "the opposite of wait="},
    {"reconnect", "SECONDS", "client: try again after so long (0: never)"},
    {"nodelay", "on|off", "TCP: small segments at once"},
    {"delay", "on|off", "the opposite of nodelay="},
    {"telnet", "on|off", "speak telnet"},
    {"tn3270", "on|off", "not in this version"},
    {"websocket", "on|off", "speak websocket; server only"},
    {"tls-creds", "ID", "not in this version"},
    {"tls-authz", "ID", "not in this version"},
    {NULL},
};
/* clang-format on */

const ChrDriver chr_socket_driver = {
    .name = "socket",
    .doc = "stream socket: unix, TCP, telnet, websocket",
    .options = socket_option_rows,
    .open = socket_open,
    .close = socket_close,
    .lost = socket_hung_up,
    .leaving = socket_watch,
    .write = socket_write,
    .read = socket_read,
    .take_fd = socket_take_fd,
    .describe = socket_describe,
    .ends = true,
};
