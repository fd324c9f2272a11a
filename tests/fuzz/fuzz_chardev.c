/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telnet and websocket with whatever a peer might send. The first byte: which
 * protocol, whether the handshake is done already, and how the bytes are cut.
 * However they are cut, the same comes out; no answer grows without end.
 */
#include "chardev/proto_priv.h"
#include "tests/fuzz/fuzz.h"

#define WS_REQUEST                                                             \
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"                      \
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                     \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

typedef struct Heard {
    GByteArray *out, *wire;
    GString *signs; /* each with how much had come out before it */
} Heard;

static void heard_clear(Heard *h)
{
    g_byte_array_unref(h->out);
    g_byte_array_unref(h->wire);
    g_string_free(h->signs, TRUE);
}

static bool hear_piece(const ChrProto *proto, void *state, const uint8_t *at,
                       size_t n, Heard *h)
{
    while (n) {
        ChrSign sign = CHR_SIGN_NONE;
        size_t out = h->out->len, taken;

        taken = proto->decode(state, at, n, h->out, h->wire, false, &sign);
        g_assert_cmpuint(taken, <=, n);
        g_assert_true(taken == n || sign != CHR_SIGN_NONE);
        g_assert_cmpuint(h->out->len - out, <=, taken);
        if (sign != CHR_SIGN_NONE) {
            g_string_append_printf(h->signs, "%d@%u ", sign, h->out->len);
        }
        if (sign == CHR_SIGN_CLOSE) {
            return false;
        }
        at += taken;
        n -= taken;
    }
    return true;
}

static Heard hear(const ChrProto *proto, bool greeted, const uint8_t *data,
                  size_t size, size_t piece)
{
    Heard h = {g_byte_array_new(), g_byte_array_new(), g_string_new(NULL)};
    void *state = proto->start(h.wire);

    if (greeted && proto->handshake) {
        hear_piece(proto, state, (const uint8_t *)WS_REQUEST,
                   sizeof(WS_REQUEST) - 1, &h);
    }
    while (size) {
        size_t n = MIN(piece, size);

        if (!hear_piece(proto, state, data, n, &h)) {
            break;
        }
        data += n;
        size -= n;
    }
    proto->encode(state, (const uint8_t *)"a\r\xff", 3, h.wire);
    if (proto->finish) {
        proto->finish(state, h.wire);
    }
    proto->free(state);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzIn in = {data, size};
    uint8_t how = (uint8_t)fuzz_take(&in, 1);
    const ChrProto *proto = how & 1 ? &chr_websocket : &chr_telnet;
    Heard whole = hear(proto, how & 2, in.at, in.left, SIZE_MAX);
    Heard cut = hear(proto, how & 2, in.at, in.left, 1u + (how >> 2));

    g_assert_cmpmem(whole.out->data, whole.out->len, cut.out->data,
                    cut.out->len);
    g_assert_cmpmem(whole.wire->data, whole.wire->len, cut.wire->data,
                    cut.wire->len);
    g_assert_cmpstr(whole.signs->str, ==, cut.signs->str);
    g_assert_cmpuint(whole.wire->len, <=, 1024 + 8 * size);
    heard_clear(&whole);
    heard_clear(&cut);
    return 0;
}
