/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stream sockets: unix (path=, abstract=on), TCP (host=, port=), inherited
 * (fd=). A server has one client at a time; the next one waits its turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "chardev/chardev_priv.h"
#include "core/error.h"

typedef struct Socket {
    char *where; /* owned: for people */
    char *path;  /* owned: to be removed at the end; NULL: none */
    int listen_fd;
    GSource *listen; /* owned */
    bool server;
    bool nodelay;
} Socket;

static void socket_set_flags(int fd, bool nodelay)
{
    int one = 1;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
}

/* --- server ------------------------------------------------------------------ */

static void socket_watch(Chardev *c);

static gboolean socket_incoming(gint fd, GIOCondition condition, gpointer p)
{
    Chardev *c = p;
    Socket *s = c->data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (client < 0) {
        return G_SOURCE_CONTINUE;
    }
    socket_set_flags(client, s->nodelay);
    chr_opened(c, client, client);
    socket_watch(c);
    return G_SOURCE_CONTINUE; /* destroyed by socket_watch() */
}

/* Listen while nobody is connected. */
static void socket_watch(Chardev *c)
{
    Socket *s = c->data;
    bool wanted = s->listen_fd >= 0 && !c->connected;

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

static bool socket_wait(Chardev *c, GError **error)
{
    Socket *s = c->data;
    struct pollfd p = {.fd = s->listen_fd, .events = POLLIN};

    g_printerr("reprise: chardev '%s': waiting for a client of %s\n", c->id,
               s->where);
    while (!c->connected) {
        if (poll(&p, 1, -1) < 0 && errno != EINTR) {
            return fail_errno(error, errno, "%s: cannot wait", s->where);
        }
        if (p.revents) {
            socket_incoming(s->listen_fd, G_IO_IN, c);
        }
    }
    return true;
}

/* --- addresses ---------------------------------------------------------------- */

typedef struct SocketAddress {
    struct sockaddr_storage address;
    socklen_t size;
} SocketAddress;

static bool socket_unix_address(const char *path, bool abstract,
                                SocketAddress *out, GError **error)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->address;
    size_t length = strlen(path), skip = abstract ? 1 : 0;

    if (length + 1 > sizeof(un->sun_path)) {
        return fail(error, "path '%s': longer than %zu bytes", path,
                    sizeof(un->sun_path) - 1);
    }
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + skip, path, length);
    out->size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    if (abstract) {
        out->size =
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + skip + length);
    }
    return true;
}

static bool socket_tcp_address(const char *host, const char *port, bool server,
                               SocketAddress *out, GError **error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = server ? AI_PASSIVE : 0};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host && *host ? host : NULL, port, &hints, &found);

    if (rc != 0) {
        return fail(error, "host '%s' port '%s': %s", host ? host : "", port,
                    gai_strerror(rc));
    }
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* An old socket file goes; anything else stays. */
static void socket_remove_stale(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(path);
    }
}

static bool socket_listen(Socket *s, const SocketAddress *a, GError **error)
{
    int one = 1;
    int fd = socket(a->address.ss_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return fail_errno(error, errno, "%s: no socket", s->where);
    }
    if (s->path) {
        socket_remove_stale(s->path);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (bind(fd, (const struct sockaddr *)&a->address, a->size) < 0
        || listen(fd, 8) < 0) {
        int e = errno;

        close(fd);
        g_clear_pointer(&s->path, g_free);
        return fail_errno(error, e, "%s: cannot listen", s->where);
    }
    s->listen_fd = fd;
    return true;
}

static bool socket_connect(Chardev *c, const SocketAddress *a, GError **error)
{
    Socket *s = c->data;
    int fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return fail_errno(error, errno, "%s: no socket", s->where);
    }
    if (connect(fd, (const struct sockaddr *)&a->address, a->size) < 0) {
        int e = errno;

        close(fd);
        return fail_errno(error, e, "%s: cannot connect", s->where);
    }
    socket_set_flags(fd, s->nodelay);
    chr_opened(c, fd, fd);
    return true;
}

/* --- options ------------------------------------------------------------------- */

typedef struct SocketOptions {
    const char *path, *host, *port, *fd;
    bool server, wait, abstract, later;
} SocketOptions;

static bool socket_options(SocketOptions *o, KeyVals *kv, bool *nodelay,
                           GError **error)
{
    bool nowait = false, telnet = false, websocket = false, delay = true;

    o->wait = true;
    o->path = keyvals_take(kv, "path");
    o->host = keyvals_take(kv, "host");
    o->port = keyvals_take(kv, "port");
    o->fd = keyvals_take(kv, "fd");
    if (!keyvals_take_bool(kv, "server", &o->server, error)
        || !keyvals_take_bool(kv, "wait", &o->wait, error)
        || !keyvals_take_bool(kv, "nowait", &nowait, error)
        || !keyvals_take_bool(kv, "abstract", &o->abstract, error)
        || !keyvals_take_bool(kv, "telnet", &telnet, error)
        || !keyvals_take_bool(kv, "websocket", &websocket, error)
        || !keyvals_take_bool(kv, "delay", &delay, error)
        || !keyvals_take_bool(kv, "nodelay", nodelay, error)) {
        return false;
    }
    *nodelay = *nodelay || !delay;
    o->wait = o->wait && !nowait;
    if (telnet || websocket || keyvals_take(kv, "reconnect")) {
        return fail(
            error, "socket: telnet, websocket and reconnect are not there yet");
    }
    if (!o->path + !o->port + !o->fd != 2) {
        return fail(error, "socket: one of path=, host=...,port= and fd= is "
                           "needed");
    }
    return true;
}

static bool socket_open_fd(Chardev *c, const char *text, GError **error)
{
    struct stat st;
    uint64_t fd;

    if (!parse_u64(text, INT_MAX, &fd) || fstat((int)fd, &st) != 0
        || !S_ISSOCK(st.st_mode)) {
        return fail(error, "fd=%s: not an open socket", text);
    }
    socket_set_flags((int)fd, false);
    chr_opened(c, (int)fd, (int)fd);
    return true;
}

static bool socket_open(Chardev *c, KeyVals *kv, GError **error)
{
    SocketOptions o = {0};
    SocketAddress a = {0};
    Socket *s = g_new0(Socket, 1);

    c->data = s;
    s->listen_fd = -1;
    if (!socket_options(&o, kv, &s->nodelay, error)) {
        return false;
    }
    s->server = o.server;
    s->where = o.fd ? g_strdup_printf("fd:%s", o.fd)
               : o.path
                   ? g_strdup_printf("unix:%s", o.path)
                   : g_strdup_printf("tcp:%s:%s", o.host ? o.host : "", o.port);
    if (o.fd) {
        return socket_open_fd(c, o.fd, error);
    }
    if (!(o.path ? socket_unix_address(o.path, o.abstract, &a, error)
                 : socket_tcp_address(o.host, o.port, o.server, &a, error))) {
        return false;
    }
    s->nodelay = s->nodelay && !o.path;
    if (!o.server) {
        return socket_connect(c, &a, error);
    }
    s->path = o.path && !o.abstract ? g_strdup(o.path) : NULL;
    if (!socket_listen(s, &a, error) || (o.wait && !socket_wait(c, error))) {
        return false;
    }
    socket_watch(c);
    return true;
}

static void socket_close(Chardev *c)
{
    Socket *s = c->data;

    if (!s) {
        return;
    }
    if (s->listen) {
        g_source_destroy(s->listen);
        g_clear_pointer(&s->listen, g_source_unref);
    }
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
    }
    if (c->in_fd >= 0) {
        close(c->in_fd);
    }
    if (s->path) {
        socket_remove_stale(s->path);
    }
    g_free(s->path);
    g_free(s->where);
}

/* --- bytes --------------------------------------------------------------------- */

/* Told by chr_lost(): the descriptor goes, a server listens again. */
static void socket_hung_up(Chardev *c)
{
    close(c->in_fd);
    c->in_fd = c->out_fd = -1;
    socket_watch(c);
}

static ssize_t socket_write(Chardev *c, const void *buf, size_t size)
{
    ssize_t n = send(c->out_fd, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static ssize_t socket_read(Chardev *c, void *buf, size_t size)
{
    ssize_t n = recv(c->in_fd, buf, size, MSG_DONTWAIT);

    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) {
        return n;
    }
    chr_lost(c);
    return -1;
}

static char *socket_describe(const Chardev *c)
{
    const Socket *s = c->data;

    return g_strdup_printf("%s%s%s",
                           c->connected ? "" : "disconnected:", s->where,
                           s->server ? ",server=on" : "");
}

static const char *const socket_option_names[] = {
    "path",      "host",    "port",     "fd",     "server",
    "wait",      "nowait",  "abstract", "telnet", "websocket",
    "reconnect", "nodelay", "delay",    NULL,
};

const ChrDriver chr_socket_driver = {
    .name = "socket",
    .doc = "a stream socket (path= or host=,port= or fd=; server=, wait=)",
    .options = socket_option_names,
    .open = socket_open,
    .close = socket_close,
    .lost = socket_hung_up,
    .write = socket_write,
    .read = socket_read,
    .describe = socket_describe,
};
