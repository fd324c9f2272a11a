/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a socket is: unix paths, hosts and ports. */
#ifndef CHARDEV_ADDRESS_PRIV_H
#define CHARDEV_ADDRESS_PRIV_H

#include "core/keyval.h"

typedef struct Address {
    char *path;           /* owned: unix; NULL: host and port */
    bool abstract, loose; /* loose: the name is padded with zeroes */
    char *host, *port;    /* owned */
    unsigned last; /* server: tries ports up to this one; 0: only .port */
    int family;    /* AF_UNSPEC: any */
} Address;

void address_clear(Address *a);
void address_copy(Address *to, const Address *from);
/** address_take() - path= abstract= tight=, or host= port= to= ipv4= ipv6= */
bool address_take(Address *a, KeyVals *kv, GError **error);
/** address_listen() - a listening socket, non-blocking; -1: @error. An old
 *  socket file goes; anything else stays. */
int address_listen(const Address *a, GError **error);
/** address_connect() - @limit_ms: -1: as long as it takes. Thread: any */
int address_connect(const Address *a, int limit_ms, GError **error);
/** address_datagram() - a UDP socket that sends to @to; @from: NULL or local */
int address_datagram(const Address *to, const Address *from, GError **error);
/** address_text() - "unix:PATH", "tcp:HOST:PORT" as it was asked for */
char *address_text(const Address *a);
/** address_name() - "HOST:PORT" of our or the peer's end of an Internet socket,
 *  the path of a unix one */
char *address_name(int fd, bool peer, bool *inet);
void address_remove_stale(const char *path);

#endif
