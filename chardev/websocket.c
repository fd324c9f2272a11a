/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WebSocket, our side a server. Source: RFC 6455, cited by section. Payloads
 * are passed on as they come: the length of a frame costs no memory. Text is
 * taken like binary; what we send is binary.
 *
 * Not spoken: extensions, subprotocols other than "binary".
 */
#include <string.h>

#include "chardev/proto_priv.h"

#define WS_HEADER_MAX 8192
#define WS_CONTROL_MAX 125                             /* 5.5 */
#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* 1.3 */
#define WS_KEY_CHARS 24 /* 16 bytes in base64, 4.1 */
#define WS_FIN 0x80
#define WS_RESERVED 0x70
#define WS_MASKED 0x80
#define WS_FRAME_HEADER_MAX 14
/* close codes, 7.4.1 */
#define WS_NORMAL 1000
#define WS_GOING 1001
#define WS_BROKEN 1002

typedef enum WsOpcode {
    WS_MORE = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
} WsOpcode;

typedef struct Websocket {
    bool open;
    bool over;        /* a close was sent */
    bool fragmented;  /* a message has begun and not ended */
    GString *request; /* owned: until .open */
    /* the frame */
    uint8_t header[WS_FRAME_HEADER_MAX];
    unsigned have; /* of header */
    uint64_t left; /* payload */
    bool in_payload;
    uint8_t opcode;
    uint8_t mask[4];
    unsigned mask_at;
    uint8_t control[WS_CONTROL_MAX];
    unsigned control_size;
} Websocket;

static void *websocket_start(GByteArray *wire)
{
    Websocket *w = g_new0(Websocket, 1);

    w->request = g_string_new(NULL);
    return w;
}

static void websocket_free(void *state)
{
    Websocket *w = state;

    g_string_free(w->request, TRUE);
    g_free(w);
}

static void websocket_frame(GByteArray *wire, uint8_t opcode,
                            const uint8_t *buf, size_t size)
{
    uint8_t header[4] = {WS_FIN | opcode, (uint8_t)size};
    guint n = 2;

    g_assert(size <= UINT16_MAX);
    if (size > WS_CONTROL_MAX) {
        header[1] = 126; /* two more bytes of length: 5.2 */
        header[2] = (uint8_t)(size >> 8);
        header[3] = (uint8_t)size;
        n = 4;
    }
    g_byte_array_append(wire, header, n);
    if (size) {
        g_byte_array_append(wire, buf, (guint)size);
    }
}

static void websocket_say_close(Websocket *w, GByteArray *wire, unsigned code,
                                const char *why)
{
    uint8_t text[WS_CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t n = MIN(strlen(why), sizeof(text) - 2);

    if (!w->over) {
        w->over = true;
        memcpy(text + 2, why, n);
        websocket_frame(wire, WS_CLOSE, text, n + 2);
    }
}

/* --- the handshake: 4.2 ------------------------------------------------------ */

/* The value of header @name among @lines, NULL: not there. */
static const char *websocket_header(char **lines, const char *name)
{
    size_t n = strlen(name);

    for (unsigned i = 1; lines[0] && lines[i]; i++) {
        if (g_ascii_strncasecmp(lines[i], name, n) == 0 && lines[i][n] == ':') {
            return g_strstrip(lines[i] + n + 1);
        }
    }
    return NULL;
}

/* @word among the comma-separated of @list, whatever the case */
static bool websocket_lists(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit(list ? list : "", ",", -1);

    for (unsigned i = 0; words[i]; i++) {
        if (g_ascii_strcasecmp(g_strstrip(words[i]), word) == 0) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a request, NULL: nothing. */
static const char *websocket_fault(char **lines, const char *key)
{
    const char *version;

    if (!lines[0] || !g_str_has_prefix(lines[0], "GET ")
        || !g_str_has_suffix(lines[0], " HTTP/1.1")) {
        return "400 Bad Request";
    }
    if (!websocket_lists(websocket_header(lines, "Upgrade"), "websocket")
        || !websocket_lists(websocket_header(lines, "Connection"), "Upgrade")
        || !websocket_header(lines, "Host") || !key
        || strlen(key) != WS_KEY_CHARS) {
        return "400 Bad Request";
    }
    version = websocket_header(lines, "Sec-WebSocket-Version");
    if (g_strcmp0(version, "13") != 0) {
        return "426 Upgrade Required";
    }
    return NULL;
}

static void websocket_add(GByteArray *wire, const char *text)
{
    g_byte_array_append(wire, (const uint8_t *)text, (guint)strlen(text));
}

static char *websocket_accept(const char *key)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    uint8_t digest[20];
    gsize size = sizeof(digest);

    g_checksum_update(sum, (const guchar *)key, -1);
    g_checksum_update(sum, (const guchar *)WS_GUID, -1);
    g_checksum_get_digest(sum, digest, &size);
    return g_base64_encode(digest, size);
}

static ChrSign websocket_answer(Websocket *w, GByteArray *wire)
{
    g_auto(GStrv) lines = g_strsplit(w->request->str, "\r\n", -1);
    const char *key = websocket_header(lines, "Sec-WebSocket-Key");
    const char *fault = websocket_fault(lines, key);
    g_autofree char *accept = NULL;

    if (fault) {
        websocket_add(wire, "HTTP/1.1 ");
        websocket_add(wire, fault);
        websocket_add(wire, "\r\nConnection: close\r\n"
                            "Sec-WebSocket-Version: 13\r\n"
                            "Content-Length: 0\r\n\r\n");
        return CHR_SIGN_CLOSE;
    }
    accept = websocket_accept(key);
    websocket_add(wire, "HTTP/1.1 101 Switching Protocols\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: ");
    websocket_add(wire, accept);
    if (websocket_lists(websocket_header(lines, "Sec-WebSocket-Protocol"),
                        "binary")) {
        websocket_add(wire, "\r\nSec-WebSocket-Protocol: binary");
    }
    websocket_add(wire, "\r\n\r\n");
    w->open = true;
    return CHR_SIGN_OPEN;
}

static ChrSign websocket_request_byte(Websocket *w, uint8_t byte,
                                      GByteArray *wire)
{
    g_string_append_c(w->request, (char)byte);
    if (byte == 0 || w->request->len > WS_HEADER_MAX) {
        g_string_assign(w->request, "no request");
        return websocket_answer(w, wire);
    }
    if (g_str_has_suffix(w->request->str, "\r\n\r\n")) {
        return websocket_answer(w, wire);
    }
    return CHR_SIGN_NONE;
}

/* --- frames: 5.2 -------------------------------------------------------------- */

static unsigned websocket_header_size(const Websocket *w)
{
    unsigned n = 2 + 4; /* a client's frames are masked: 5.1 */

    if (w->have < 2) {
        return 2;
    }
    switch (w->header[1] & 0x7f) {
    case 126:
        return n + 2;
    case 127:
        return n + 8;
    default:
        return n;
    }
}

/* What is wrong with the frame's first two bytes, NULL: nothing. */
static const char *websocket_frame_fault(const Websocket *w)
{
    uint8_t opcode = w->header[0] & 0x0f;
    bool control = opcode >= WS_CLOSE;

    if (w->header[0] & WS_RESERVED) {
        return "reserved bits are set";
    }
    if (!(w->header[1] & WS_MASKED)) {
        return "a client's frames are to be masked";
    }
    if (opcode > WS_PONG || (opcode > WS_BINARY && !control)) {
        return "unknown opcode";
    }
    if (control
        && (!(w->header[0] & WS_FIN)
            || (w->header[1] & 0x7f) > WS_CONTROL_MAX)) {
        return "a control frame is whole and short";
    }
    if (!control && (opcode == WS_MORE) != w->fragmented) {
        return w->fragmented ? "a message has not ended" : "nothing to go on";
    }
    return NULL;
}

/* The header is complete. False: the length is none. */
static bool websocket_begin(Websocket *w)
{
    unsigned n = w->have - 4, length = w->header[1] & 0x7f;

    w->left = length;
    if (length >= 126) {
        w->left = 0;
        for (unsigned i = 2; i < n; i++) {
            w->left = w->left << 8 | w->header[i];
        }
    }
    memcpy(w->mask, w->header + n, 4);
    w->mask_at = 0;
    w->opcode = w->header[0] & 0x0f;
    w->control_size = 0;
    if (w->opcode < WS_CLOSE) {
        w->fragmented = !(w->header[0] & WS_FIN);
    }
    w->in_payload = true;
    w->have = 0;
    return !(w->left >> 63);
}

/* The payload is complete. */
static ChrSign websocket_end(Websocket *w, GByteArray *wire, bool busy)
{
    w->in_payload = false;
    if (w->opcode == WS_PING && !busy) {
        websocket_frame(wire, WS_PONG, w->control, w->control_size);
    }
    if (w->opcode == WS_CLOSE) {
        websocket_say_close(w, wire, WS_NORMAL, "");
        return CHR_SIGN_CLOSE;
    }
    return CHR_SIGN_NONE;
}

static ChrSign websocket_header_byte(Websocket *w, uint8_t byte,
                                     GByteArray *wire, bool busy)
{
    const char *fault = NULL;

    w->header[w->have++] = byte;
    if (w->have == 2) {
        fault = websocket_frame_fault(w);
    }
    if (!fault && w->have == websocket_header_size(w)) {
        fault = websocket_begin(w) ? NULL : "no such length";
        if (!fault && w->left == 0) {
            return websocket_end(w, wire, busy);
        }
    }
    if (fault) {
        websocket_say_close(w, wire, WS_BROKEN, fault);
        return CHR_SIGN_CLOSE;
    }
    return CHR_SIGN_NONE;
}

static ChrSign websocket_payload_byte(Websocket *w, uint8_t byte,
                                      GByteArray *out, GByteArray *wire,
                                      bool busy)
{
    byte ^= w->mask[w->mask_at++ % 4];
    if (w->opcode < WS_CLOSE) {
        g_byte_array_append(out, &byte, 1);
    } else {
        w->control[w->control_size++] = byte;
    }
    return --w->left == 0 ? websocket_end(w, wire, busy) : CHR_SIGN_NONE;
}

static size_t websocket_decode(void *state, const uint8_t *in, size_t size,
                               GByteArray *out, GByteArray *wire, bool busy,
                               ChrSign *sign)
{
    Websocket *w = state;

    for (size_t i = 0; i < size; i++) {
        if (!w->open) {
            *sign = websocket_request_byte(w, in[i], wire);
        } else if (w->in_payload) {
            *sign = websocket_payload_byte(w, in[i], out, wire, busy);
        } else {
            *sign = websocket_header_byte(w, in[i], wire, busy);
        }
        if (*sign != CHR_SIGN_NONE) {
            return i + 1;
        }
    }
    return size;
}

static void websocket_encode(void *state, const uint8_t *in, size_t size,
                             GByteArray *wire)
{
    const Websocket *w = state;

    if (!w->over) {
        websocket_frame(wire, WS_BINARY, in, size);
    }
}

static void websocket_finish(void *state, GByteArray *wire)
{
    websocket_say_close(state, wire, WS_GOING, "");
}

const ChrProto chr_websocket = {
    .name = "websocket",
    .handshake = true,
    .start = websocket_start,
    .free = websocket_free,
    .decode = websocket_decode,
    .encode = websocket_encode,
    .finish = websocket_finish,
};
