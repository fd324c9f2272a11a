/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams to one peer and from it. Nobody knows whether it listens: what it
 * does not take is gone.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/address_priv.h"
#include "chardev/chardev_priv.h"
#include "core/error.h"

#define UDP_IN_MAX 65536
#define UDP_OUT_MAX 1400 /* fits a frame of Ethernet */

static bool udp_open(Chardev *c, KeyVals *kv, GError **error)
{
    const char *laddr = keyvals_take(kv, "localaddr");
    const char *lport = keyvals_take(kv, "localport");
    Address to = {0}, from = {0};
    int fd = -1;

    if (!address_take(&to, kv, error)) {
        return false;
    }
    from.family = to.family;
    from.host = g_strdup(laddr);
    from.port = g_strdup(lport && *lport ? lport : "0");
    if (!to.host || !*to.host) {
        g_free(to.host);
        to.host = g_strdup("localhost");
    }
    if (!to.port || !*to.port) {
        fail(error, "port=PORT of the peer is missing");
    } else {
        fd = address_datagram(&to, laddr || lport ? &from : NULL, error);
    }
    address_clear(&to);
    address_clear(&from);
    if (fd < 0) {
        return fail_prefix(error, "udp");
    }
    chr_opened(c, fd, fd);
    return true;
}

static void udp_close(Chardev *c)
{
    if (c->in_fd >= 0) {
        close(c->in_fd);
    }
}

static ssize_t udp_write(Chardev *c, const void *buf, size_t size)
{
    ssize_t n = send(c->out_fd, buf, MIN(size, UDP_OUT_MAX),
                     MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    return n < 0 ? (ssize_t)MIN(size, UDP_OUT_MAX) : n; /* refused: gone */
}

static ssize_t udp_read(Chardev *c, void *buf, size_t size)
{
    return recv(c->in_fd, buf, size, MSG_DONTWAIT);
}

static const ChrOption udp_options[] = {
    {"host", "HOST", "the peer (localhost)"},
    {"port", "PORT", "the peer's port"},
    {"localaddr", "ADDR", "address to receive at"},
    {"localport", "PORT", "port to receive at"},
    {"ipv4", "on|off", "take IPv4"},
    {"ipv6", "on|off", "take IPv6"},
    {NULL},
};

const ChrDriver chr_udp_driver = {
    .name = "udp",
    .doc = "datagrams",
    .options = udp_options,
    .open = udp_open,
    .close = udp_close,
    .write = udp_write,
    .read = udp_read,
    .datagram = UDP_IN_MAX,
};
