/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is spoken between a stream and its bytes: telnet, websocket. Nothing
 * here waits or knows of descriptors. Input never grows when it is decoded.
 */
#ifndef CHARDEV_PROTO_PRIV_H
#define CHARDEV_PROTO_PRIV_H

#include "core/types.h"

typedef enum ChrSign {
    CHR_SIGN_NONE,  /* all was taken */
    CHR_SIGN_BREAK, /* behind the bytes decoded so far comes a break */
    CHR_SIGN_OPEN,  /* the handshake is done */
    CHR_SIGN_CLOSE, /* nothing of what follows counts */
} ChrSign;

typedef struct ChrProto {
    const char *name; /* as in query-chardev */
    bool handshake;   /* closed to front ends until CHR_SIGN_OPEN */
    void *(*start)(GByteArray *wire); /* a peer came; @wire: what we say */
    void (*free)(void *state);
    /* Data go to @out, answers to @wire (not while @busy: the peer reads none).
     * Returns how much was taken: all, or up to a sign. */
    size_t (*decode)(void *state, const uint8_t *in, size_t size,
                     GByteArray *out, GByteArray *wire, bool busy,
                     ChrSign *sign);
    void (*encode)(void *state, const uint8_t *in, size_t size,
                   GByteArray *wire);
    void (*finish)(void *state, GByteArray *wire); /* we go; may be NULL */
} ChrProto;

extern const ChrProto chr_telnet, chr_websocket;

#endif
