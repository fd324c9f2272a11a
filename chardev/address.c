/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a socket is. */
#include "chardev/address_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/error.h"

#define BACKLOG 8
#define PORT_MAX 65535

void address_clear(Address *a)
{
    g_free(a->path);
    g_free(a->host);
    g_free(a->port);
    *a = (Address){0};
}

void address_copy(Address *to, const Address *from)
{
    *to = *from;
    to->path = g_strdup(from->path);
    to->host = g_strdup(from->host);
    to->port = g_strdup(from->port);
}

char *address_text(const Address *a)
{
    if (a->path) {
        return g_strdup_printf("unix:%s%s", a->path,
                               !a->abstract ? ""
                               : a->loose   ? ",abstract=on"
                                            : ",abstract=on,tight=on");
    }
    return g_strdup_printf("tcp:%s:%s", a->host ? a->host : "", a->port);
}

/* --- options ---------------------------------------------------------------- */

static bool address_take_family(Address *a, KeyVals *kv, GError **error)
{
    bool v4 = true, v6 = true;
    const char *said4, *said6;

    if (!keyvals_take_bool(kv, "ipv4", &v4, error)
        || !keyvals_take_bool(kv, "ipv6", &v6, error)) {
        return false;
    }
    if (!v4 && !v6) {
        return fail(error, "ipv4=off,ipv6=off: one of them is needed");
    }
    said4 = keyvals_take(kv, "ipv4");
    said6 = keyvals_take(kv, "ipv6");
    if (said4 && v4 && !(said6 && v6)) {
        a->family = AF_INET;
    } else if (said6 && v6 && !(said4 && v4)) {
        a->family = AF_INET6;
    } else {
        a->family = !v4 ? AF_INET6 : !v6 ? AF_INET : AF_UNSPEC;
    }
    return true;
}

bool address_take(Address *a, KeyVals *kv, GError **error)
{
    bool tight = true;
    uint64_t last = 0;

    if (!keyvals_take_bool(kv, "abstract", &a->abstract, error)
        || !keyvals_take_bool(kv, "tight", &tight, error)
        || !keyvals_take_u64(kv, "to", PORT_MAX, &last, error)
        || !address_take_family(a, kv, error)) {
        return false;
    }
    a->path = g_strdup(keyvals_take(kv, "path"));
    a->host = g_strdup(keyvals_take(kv, "host"));
    a->port = g_strdup(keyvals_take(kv, "port"));
    a->loose = !tight;
    a->last = (unsigned)last;
    return true;
}

/* --- resolving -------------------------------------------------------------- */

typedef struct Place {
    struct sockaddr_storage address;
    socklen_t size;
} Place;

static bool place_unix(const Address *a, Place *out, GError **error)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->address;
    size_t length = strlen(a->path), skip = a->abstract ? 1 : 0;

    if (length + 1 > sizeof(un->sun_path)) {
        return fail(error, "path '%s': longer than %zu bytes", a->path,
                    sizeof(un->sun_path) - 1);
    }
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + skip, a->path, length);
    /* the zero at the end of a path, or before an abstract name */
    out->size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    if (a->abstract && a->loose) {
        out->size = sizeof(*un);
    }
    return true;
}

static bool places_inet(const Address *a, const char *port, int type,
                        bool server, GArray *out, GError **error)
{
    struct addrinfo hints = {.ai_socktype = type,
                             .ai_family = a->family,
                             .ai_flags = server ? AI_PASSIVE : 0};
    struct addrinfo *found = NULL;
    int rc =
        getaddrinfo(a->host && *a->host ? a->host : NULL, port, &hints, &found);

    if (rc != 0) {
        return fail(error, "host '%s' port '%s': %s", a->host ? a->host : "",
                    port, gai_strerror(rc));
    }
    for (const struct addrinfo *i = found; i; i = i->ai_next) {
        Place p = {.size = i->ai_addrlen};

        memcpy(&p.address, i->ai_addr, i->ai_addrlen);
        g_array_append_val(out, p);
    }
    freeaddrinfo(found);
    return true;
}

static GArray *places(const Address *a, const char *port, int type, bool server,
                      GError **error)
{
    g_autoptr(GArray) out = g_array_new(FALSE, TRUE, sizeof(Place));
    Place p;

    if (!a->path) {
        return places_inet(a, port, type, server, out, error)
                   ? g_steal_pointer(&out)
                   : NULL;
    }
    if (!place_unix(a, &p, error)) {
        return NULL;
    }
    g_array_append_val(out, p);
    return g_steal_pointer(&out);
}

/* --- server ----------------------------------------------------------------- */

void address_remove_stale(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(path);
    }
}

/* -1: errno */
static int place_listen(const Place *p)
{
    int one = 1;
    int fd = socket(p->address.ss_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    if (p->address.ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (bind(fd, (const struct sockaddr *)&p->address, p->size) < 0
        || listen(fd, BACKLOG) < 0) {
        int e = errno;

        close(fd);
        errno = e;
        return -1;
    }
    return fd;
}

static int port_listen(const Address *a, const char *port, GError **error)
{
    g_autoptr(GArray) list = places(a, port, SOCK_STREAM, true, error);
    int fd = -1;

    for (guint i = 0; list && fd < 0 && i < list->len; i++) {
        fd = place_listen(&g_array_index(list, Place, i));
    }
    if (list && fd < 0) {
        fail_errno(error, errno, "cannot listen");
    }
    return fd;
}

int address_listen(const Address *a, GError **error)
{
    g_autofree char *where = address_text(a);
    uint64_t first = 0;
    int fd = -1;

    if (a->path && !a->abstract) {
        address_remove_stale(a->path);
    }
    if (!a->path && a->last) {
        if (!parse_u64(a->port, PORT_MAX, &first) || first > a->last) {
            fail(error, "to=%u: port= is to be a number, at most as large",
                 a->last);
            return -1;
        }
        for (uint64_t port = first; fd < 0 && port < a->last; port++) {
            g_autofree char *text = g_strdup_printf("%u", (unsigned)port);

            fd = port_listen(a, text, NULL);
        }
    }
    if (fd < 0) {
        g_autofree char *text =
            a->last ? g_strdup_printf("%u", a->last) : g_strdup(a->port);

        fd = port_listen(a, text, error);
    }
    if (fd < 0) {
        fail_prefix(error, "%s", where);
    }
    return fd;
}

/* --- client ----------------------------------------------------------------- */

static bool connect_wait(int fd, int limit_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int why = 0, rc;
    socklen_t size = sizeof(why);

    do {
        rc = poll(&p, 1, limit_ms);
    } while (rc < 0 && errno == EINTR);
    if (rc == 0) {
        errno = ETIMEDOUT;
        return false;
    }
    if (rc < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) < 0) {
        return false;
    }
    errno = why;
    return why == 0;
}

/* -1: errno */
static int place_connect(const Place *p, int limit_ms)
{
    int fd = socket(p->address.ss_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int e;

    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&p->address, p->size) == 0
        || (errno == EINPROGRESS && connect_wait(fd, limit_ms))) {
        return fd;
    }
    e = errno;
    close(fd);
    errno = e;
    return -1;
}

int address_connect(const Address *a, int limit_ms, GError **error)
{
    g_autoptr(GArray) list = places(a, a->port, SOCK_STREAM, false, error);
    g_autofree char *where = address_text(a);
    int fd = -1;

    for (guint i = 0; list && fd < 0 && i < list->len; i++) {
        fd = place_connect(&g_array_index(list, Place, i), limit_ms);
    }
    if (list && fd < 0) {
        fail_errno(error, errno, "%s: cannot connect", where);
    }
    return fd;
}

/* --- datagrams -------------------------------------------------------------- */

/* The first local place of the same family as @p. */
static bool datagram_bind(int fd, const Place *p, const Address *from,
                          GError **error)
{
    g_autoptr(GArray) list = places(from, from->port, SOCK_DGRAM, true, error);

    for (guint i = 0; list && i < list->len; i++) {
        const Place *l = &g_array_index(list, Place, i);

        if (l->address.ss_family == p->address.ss_family) {
            return bind(fd, (const struct sockaddr *)&l->address, l->size) == 0
                   || fail_errno(error, errno, "localaddr=%s,localport=%s",
                                 from->host ? from->host : "", from->port);
        }
    }
    return list ? fail(error,
                       "localaddr=%s: of another kind than host=", from->host)
                : false;
}

int address_datagram(const Address *to, const Address *from, GError **error)
{
    g_autoptr(GArray) list = places(to, to->port, SOCK_DGRAM, false, error);
    const Place *p;
    int fd, one = 1;

    if (!list || !list->len) {
        return -1;
    }
    p = &g_array_index(list, Place, 0);
    fd = socket(p->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                0);
    if (fd < 0) {
        fail_errno(error, errno, "no socket");
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (from && !datagram_bind(fd, p, from, error)) {
        close(fd);
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&p->address, p->size) < 0) {
        fail_errno(error, errno, "host=%s,port=%s", to->host, to->port);
        close(fd);
        return -1;
    }
    return fd;
}

/* --- names ------------------------------------------------------------------ */

char *address_name(int fd, bool peer, bool *inet)
{
    struct sockaddr_storage s = {0};
    socklen_t size = sizeof(s);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    int rc = peer ? getpeername(fd, (struct sockaddr *)&s, &size)
                  : getsockname(fd, (struct sockaddr *)&s, &size);

    *inet = rc == 0 && (s.ss_family == AF_INET || s.ss_family == AF_INET6);
    if (!*inet) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)&s;

        return g_strndup(rc == 0 ? un->sun_path : "", sizeof(un->sun_path));
    }
    if (getnameinfo((const struct sockaddr *)&s, size, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
        return g_strdup("?");
    }
    return g_strdup_printf(s.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                           port);
}
