/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telnet and websocket: bytes in, bytes out. */
#include <string.h>

#include "chardev/proto_priv.h"
#include "tests/unit/chr_bench.h"

typedef struct Peer {
    const ChrProto *proto;
    void *state;
    GByteArray *wire, *out;
    GString *signs; /* a letter each: b o c */
} Peer;

static Peer *peer_new(const ChrProto *proto)
{
    Peer *p = g_new0(Peer, 1);

    p->proto = proto;
    p->wire = g_byte_array_new();
    p->out = g_byte_array_new();
    p->signs = g_string_new(NULL);
    p->state = proto->start(p->wire);
    return p;
}

static void peer_free(Peer *p)
{
    p->proto->free(p->state);
    g_byte_array_unref(p->wire);
    g_byte_array_unref(p->out);
    g_string_free(p->signs, TRUE);
    g_free(p);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

/* In pieces of @piece bytes, until it closes. */
static void peer_say(Peer *p, const void *text, size_t size, size_t piece)
{
    const uint8_t *at = text;

    while (size) {
        ChrSign sign = CHR_SIGN_NONE;
        size_t n = MIN(piece, size);
        size_t taken =
            p->proto->decode(p->state, at, n, p->out, p->wire, false, &sign);

        g_assert_cmpuint(taken, <=, n);
        g_assert_true(taken == n || sign != CHR_SIGN_NONE);
        if (sign != CHR_SIGN_NONE) {
            g_string_append_c(p->signs, "-boc"[sign]);
        }
        if (sign == CHR_SIGN_CLOSE) {
            return;
        }
        at += taken;
        size -= taken;
    }
}

static void assert_bytes(GByteArray *got, const void *want, size_t size)
{
    g_assert_cmpmem(got->data, got->len, want, size);
    g_byte_array_set_size(got, 0);
}

#define BYTES(text) text, sizeof(text) - 1

/* --- telnet ------------------------------------------------------------------ */

static void test_telnet(void)
{
    static const struct {
        const char *in;
        size_t in_size;
        const char *out;
        size_t out_size;
        const char *wire;
        size_t wire_size;
        const char *signs;
    } rows[] = {
        {BYTES("hello"), BYTES("hello"), BYTES(""), ""},
        {BYTES("a\xff\xff"
               "b"),
         BYTES("a\xff"
               "b"),
         BYTES(""), ""},
        /* CR NUL is CR; CR LF is both, unless the client sends text */
        {BYTES("a\r\0b\r\nc\0"), BYTES("a\rb\r\nc\0"), BYTES(""), ""},
        {BYTES("\xff\xfc\0a\r\nb\r"), BYTES("a\rb\r"), BYTES(""), ""},
        /* what we offered is taken: no answer */
        {BYTES("\xff\xfd\1\xff\xfd\3\xff\xfd\0\xff\xfb\0x"), BYTES("x"),
         BYTES(""), ""},
        /* terminal type, window size, speed: no, once each */
        {BYTES("\xff\xfb\x18\xff\xfb\x1f\xff\xfd\x20\xff\xfb\x18"), BYTES(""),
         BYTES("\xff\xfe\x18\xff\xfe\x1f\xff\xfc\x20"), ""},
        /* the client wants no echo */
        {BYTES("\xff\xfe\1\xff\xfe\1"), BYTES(""), BYTES("\xff\xfc\1"), ""},
        /* a subnegotiation with an IAC inside */
        {BYTES("a\xff\xfa\x1f\0\x50\xff\xff\0\xff\xf0"
               "b"),
         BYTES("ab"), BYTES(""), ""},
        {BYTES("a\xff\xf3"
               "b"),
         BYTES("ab"), BYTES(""), "b"},
        {BYTES("a\xff\xf4"
               "b"),
         BYTES("a\3b"), BYTES(""), ""},
        {BYTES("\xff\xf6"), BYTES(""), BYTES("\r\n[yes]\r\n"), ""},
        {BYTES("\xff\xf1\xff\xf9\xff\x05z"), BYTES("z"), BYTES(""), ""},
        /* a command between CR and NUL */
        {BYTES("a\r\xff\xf1\0b"), BYTES("a\rb"), BYTES(""), ""},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t piece = 1; piece <= rows[i].in_size; piece++) {
            g_autoptr(Peer) p = peer_new(&chr_telnet);

            assert_bytes(p->wire, BYTES("\xff\xfb\1\xff\xfb\3\xff\xfb\0"
                                        "\xff\xfd\0"));
            peer_say(p, rows[i].in, rows[i].in_size, piece);
            assert_bytes(p->out, rows[i].out, rows[i].out_size);
            assert_bytes(p->wire, rows[i].wire, rows[i].wire_size);
            g_assert_cmpstr(p->signs->str, ==, rows[i].signs);
        }
    }
}

static void test_telnet_output(void)
{
    g_autoptr(Peer) p = peer_new(&chr_telnet);

    g_byte_array_set_size(p->wire, 0);
    p->proto->encode(p->state, (const uint8_t *)"a\xff\r\nb\rc", 7, p->wire);
    assert_bytes(p->wire, BYTES("a\xff\xff\r\nb\rc"));
    peer_say(p, BYTES("\xff\xfe\0"), 99); /* no binary for this client */
    assert_bytes(p->wire, BYTES("\xff\xfc\0"));
    p->proto->encode(p->state, (const uint8_t *)"a\r\nb\rc", 6, p->wire);
    assert_bytes(p->wire, BYTES("a\r\nb\r\0c"));
}

/* A client that asks for ever gets few answers and none while it reads none. */
static void test_telnet_flood(void)
{
    g_autoptr(Peer) p = peer_new(&chr_telnet);
    ChrSign sign = CHR_SIGN_NONE;

    g_byte_array_set_size(p->wire, 0);
    for (unsigned i = 0; i < 10000; i++) {
        peer_say(p, BYTES("\xff\xfd\x05\xff\xfe\x05\xff\xfb\x06"), 99);
    }
    g_assert_cmpuint(p->wire->len, ==, 6);
    p->proto->decode(p->state, (const uint8_t *)"\xff\xf6", 2, p->out, p->wire,
                     true, &sign);
    g_assert_cmpuint(p->wire->len, ==, 6);
}

/* --- websocket ---------------------------------------------------------------- */

#define WS_LINE "GET /serial HTTP/1.1\r\n"
#define WS_HEADERS                                                             \
    "Host: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"     \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_VERSION "Sec-WebSocket-Version: 13\r\n"

static void test_websocket_handshake(void)
{
    static const char whole[] =
        WS_LINE WS_HEADERS WS_VERSION "sec-websocket-protocol: chat, binary\r\n"
                                      "\r\n";
    /* the example of RFC 6455, 1.3 */
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Protocol: binary\r\n\r\n";

    for (size_t piece = 1; piece <= sizeof(whole); piece += 7) {
        g_autoptr(Peer) p = peer_new(&chr_websocket);

        peer_say(p, BYTES(whole), piece);
        g_assert_cmpstr(p->signs->str, ==, "o");
        assert_bytes(p->wire, BYTES(answer));
    }
}

static void test_websocket_refusals(void)
{
    g_autofree char *endless = g_strnfill(100000, 'x');
    const struct {
        const char *text, *answer;
    } rows[] = {
        {"GET / HTTP/1.0\r\n" WS_HEADERS WS_VERSION "\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\n" WS_HEADERS WS_VERSION "\r\n", "HTTP/1.1 400 "},
        {WS_LINE WS_HEADERS "\r\n", "HTTP/1.1 426 "},
        {WS_LINE "Host: a\r\n\r\n", "HTTP/1.1 400 "},
        {"\r\n\r\n", "HTTP/1.1 400 "},
        {endless, "HTTP/1.1 400 "},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Peer) p = peer_new(&chr_websocket);

        peer_say(p, rows[i].text, strlen(rows[i].text), 100);
        g_assert_cmpstr(p->signs->str, ==, "c");
        g_byte_array_append(p->wire, (const uint8_t *)"", 1);
        g_assert_true(
            g_str_has_prefix((const char *)p->wire->data, rows[i].answer));
    }
}

static Peer *ws_open(void)
{
    Peer *p = peer_new(&chr_websocket);

    peer_say(p, BYTES(WS_LINE WS_HEADERS WS_VERSION "\r\n"), 9999);
    g_assert_cmpstr(p->signs->str, ==, "o");
    g_byte_array_set_size(p->wire, 0);
    return p;
}

/* Masked with zeroes: readable. */
#define MASK "\0\0\0\0"

static void test_websocket_frames(void)
{
    static const struct {
        const char *in;
        size_t in_size;
        const char *out;
        const char *wire;
        size_t wire_size;
        const char *signs;
    } rows[] = {
        /* "Hello", masked: RFC 6455, 5.7 */
        {BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "Hello",
         BYTES(""), "o"},
        {BYTES("\x82\x82" MASK "ab\x82\x80" MASK "\x82\x81" MASK "c"), "abc",
         BYTES(""), "o"},
        /* fragments with a ping between */
        {BYTES("\x02\x81" MASK "a\x00\x81" MASK "b\x89\x82" MASK
               "hi\x80\x81" MASK "c"),
         "abc", BYTES("\x8a\x02hi"), "o"},
        {BYTES("\x89\x80" MASK), "", BYTES("\x8a\x00"), "o"},
        {BYTES("\x8a\x81" MASK "x"), "", BYTES(""), "o"},
        {BYTES("\x82\xfe\x00\x03" MASK "abc"), "abc", BYTES(""), "o"},
        {BYTES("\x82\xff\0\0\0\0\0\0\0\x03" MASK "abc"), "abc", BYTES(""), "o"},
        {BYTES("\x88\x82" MASK "\x03\xe8zzz"), "", BYTES("\x88\x02\x03\xe8"),
         "oc"},
        {BYTES("\x82\x01z"), "",
         BYTES("\x88\x24\x03\xea"
               "a client's frames are to be masked"),
         "oc"},
        {BYTES("\x92\x81"), "", BYTES("\x88\x17\x03\xeareserved bits are set"),
         "oc"},
        {BYTES("\x83\x81"), "", BYTES("\x88\x10\x03\xeaunknown opcode"), "oc"},
        {BYTES("\x8b\x81"), "", BYTES("\x88\x10\x03\xeaunknown opcode"), "oc"},
        {BYTES("\x80\x81"), "", BYTES("\x88\x12\x03\xeanothing to go on"),
         "oc"},
        {BYTES("\x02\x80" MASK "\x82\x80"), "",
         BYTES("\x88\x19\x03\xea"
               "a message has not ended"),
         "oc"},
        {BYTES("\x09\x80"), "",
         BYTES("\x88\x24\x03\xea"
               "a control frame is whole and short"),
         "oc"},
        {BYTES("\x89\xfe"), "",
         BYTES("\x88\x24\x03\xea"
               "a control frame is whole and short"),
         "oc"},
        {BYTES("\x82\xff\x80\0\0\0\0\0\0\x03" MASK), "",
         BYTES("\x88\x10\x03\xeano such length"), "oc"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t piece = 1; piece <= rows[i].in_size; piece++) {
            g_autoptr(Peer) p = ws_open();

            peer_say(p, rows[i].in, rows[i].in_size, piece);
            assert_bytes(p->out, rows[i].out, strlen(rows[i].out));
            g_assert_cmpstr(p->signs->str, ==, rows[i].signs);
            g_assert_cmpmem(p->wire->data, p->wire->len, rows[i].wire,
                            rows[i].wire_size);
        }
    }
}

static void test_websocket_output(void)
{
    g_autoptr(Peer) p = ws_open();
    g_autofree char *much = g_strnfill(300, 'x');

    p->proto->encode(p->state, (const uint8_t *)"abc", 3, p->wire);
    assert_bytes(p->wire, BYTES("\x82\x03"
                                "abc"));
    p->proto->encode(p->state, (const uint8_t *)much, 300, p->wire);
    g_assert_cmpuint(p->wire->len, ==, 304);
    g_assert_cmpmem(p->wire->data, 4, "\x82\x7e\x01\x2c", 4);
    g_byte_array_set_size(p->wire, 0);
    p->proto->finish(p->state, p->wire);
    assert_bytes(p->wire, BYTES("\x88\x02\x03\xe9"));
    p->proto->encode(p->state, (const uint8_t *)"abc", 3, p->wire);
    p->proto->finish(p->state, p->wire); /* once */
    g_assert_cmpuint(p->wire->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/proto/telnet/input", test_telnet);
    g_test_add_func("/proto/telnet/output", test_telnet_output);
    g_test_add_func("/proto/telnet/flood", test_telnet_flood);
    g_test_add_func("/proto/websocket/handshake", test_websocket_handshake);
    g_test_add_func("/proto/websocket/refusals", test_websocket_refusals);
    g_test_add_func("/proto/websocket/frames", test_websocket_frames);
    g_test_add_func("/proto/websocket/output", test_websocket_output);
    return g_test_run();
}
