/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telnet, our side a server. Sources: RFC 854 (commands), RFC 855 (options),
 * RFC 856 (binary), RFC 857 (echo), RFC 858 (suppress go-ahead), RFC 1143 (no
 * loops of negotiation).
 *
 * We echo, suppress go-ahead and offer binary both ways; everything else is
 * refused. Subnegotiations are skipped. A client that refuses binary gets CR
 * NUL for a bare CR, and its CR NUL and CR LF mean CR.
 */
#include <string.h>

#include "chardev/proto_priv.h"

#define TN_SE 240
#define TN_BRK 243
#define TN_IP 244
#define TN_AYT 246
#define TN_SB 250
#define TN_WILL 251
#define TN_WONT 252
#define TN_DO 253
#define TN_DONT 254
#define TN_IAC 255
#define TN_BINARY 0
#define TN_ECHO 1
#define TN_SGA 3
#define CTRL_C 3

typedef enum TelnetState {
    TELNET_DATA,
    TELNET_CR, /* a CR was data: what follows it may belong to it */
    TELNET_IAC,
    TELNET_OPTION, /* which one follows .verb */
    TELNET_SB,
    TELNET_SB_IAC,
} TelnetState;

typedef struct Telnet {
    TelnetState state;
    uint8_t verb;
    bool after_cr;    /* an IAC came where TELNET_CR was */
    bool refused[4];  /* by option: the client does not want us to */
    bool text_in;     /* the client sends no binary */
    bool said_no[64]; /* by option * 2 + side: refusals sent */
} Telnet;

static void telnet_say(GByteArray *wire, uint8_t verb, uint8_t option)
{
    const uint8_t text[] = {TN_IAC, verb, option};

    g_byte_array_append(wire, text, sizeof(text));
}

static void *telnet_start(GByteArray *wire)
{
    telnet_say(wire, TN_WILL, TN_ECHO);
    telnet_say(wire, TN_WILL, TN_SGA);
    telnet_say(wire, TN_WILL, TN_BINARY);
    telnet_say(wire, TN_DO, TN_BINARY);
    return g_new0(Telnet, 1);
}

/* Refuse, but not the same again and again: RFC 1143. */
static void telnet_refuse(Telnet *t, GByteArray *wire, uint8_t verb,
                          uint8_t option)
{
    unsigned at = option * 2u + (verb == TN_DONT);

    if (at < G_N_ELEMENTS(t->said_no)) {
        if (t->said_no[at]) {
            return;
        }
        t->said_no[at] = true;
    }
    telnet_say(wire, verb, option);
}

static bool telnet_ours(uint8_t option)
{
    return option == TN_BINARY || option == TN_ECHO || option == TN_SGA;
}

static void telnet_option(Telnet *t, GByteArray *wire, uint8_t option)
{
    switch (t->verb) {
    case TN_DO: /* what we offered needs no answer */
        if (telnet_ours(option)) {
            t->refused[option] = false;
        } else {
            telnet_refuse(t, wire, TN_WONT, option);
        }
        break;
    case TN_DONT:
        if (telnet_ours(option) && !t->refused[option]) {
            t->refused[option] = true;
            telnet_say(wire, TN_WONT, option);
        }
        break;
    case TN_WILL:
        if (option == TN_BINARY) {
            t->text_in = false;
        } else if (option != TN_SGA) { /* which is what we want anyway */
            telnet_refuse(t, wire, TN_DONT, option);
        }
        break;
    default:
        t->text_in = t->text_in || option == TN_BINARY;
        break;
    }
}

static void telnet_data(Telnet *t, uint8_t byte, GByteArray *out)
{
    bool after_cr = t->state == TELNET_CR;

    t->state = byte == '\r' ? TELNET_CR : TELNET_DATA;
    if (after_cr && (byte == 0 || (byte == '\n' && t->text_in))) {
        return;
    }
    g_byte_array_append(out, &byte, 1);
}

/* The byte behind IAC. */
static ChrSign telnet_command(Telnet *t, uint8_t byte, GByteArray *out,
                              GByteArray *wire)
{
    static const char yes[] = "\r\n[yes]\r\n";
    static const uint8_t interrupt = CTRL_C;

    t->state = t->after_cr ? TELNET_CR : TELNET_DATA;
    switch (byte) {
    case TN_IAC:
        telnet_data(t, byte, out);
        break;
    case TN_WILL:
    case TN_WONT:
    case TN_DO:
    case TN_DONT:
        t->verb = byte;
        t->state = TELNET_OPTION;
        break;
    case TN_SB:
        t->state = TELNET_SB;
        break;
    case TN_IP:
        g_byte_array_append(out, &interrupt, 1);
        break;
    case TN_AYT:
        g_byte_array_append(wire, (const uint8_t *)yes, sizeof(yes) - 1);
        break;
    case TN_BRK:
        return CHR_SIGN_BREAK;
    default:
        break; /* nothing to do, or unknown */
    }
    return CHR_SIGN_NONE;
}

static ChrSign telnet_byte(Telnet *t, uint8_t byte, GByteArray *out,
                           GByteArray *wire)
{
    switch (t->state) {
    case TELNET_DATA:
    case TELNET_CR:
        if (byte == TN_IAC) {
            t->after_cr = t->state == TELNET_CR;
            t->state = TELNET_IAC;
        } else {
            telnet_data(t, byte, out);
        }
        break;
    case TELNET_IAC:
        return telnet_command(t, byte, out, wire);
    case TELNET_OPTION:
        telnet_option(t, wire, byte);
        t->state = t->after_cr ? TELNET_CR : TELNET_DATA;
        break;
    case TELNET_SB:
        t->state = byte == TN_IAC ? TELNET_SB_IAC : TELNET_SB;
        break;
    case TELNET_SB_IAC:
        t->state = byte == TN_SE ? TELNET_DATA : TELNET_SB;
        break;
    }
    return CHR_SIGN_NONE;
}

static size_t telnet_decode(void *state, const uint8_t *in, size_t size,
                            GByteArray *out, GByteArray *wire, bool busy,
                            ChrSign *sign)
{
    g_autoptr(GByteArray) unheard = busy ? g_byte_array_new() : NULL;

    for (size_t i = 0; i < size; i++) {
        *sign = telnet_byte(state, in[i], out, busy ? unheard : wire);
        if (*sign != CHR_SIGN_NONE) {
            return i + 1;
        }
    }
    return size;
}

static void telnet_encode(void *state, const uint8_t *in, size_t size,
                          GByteArray *wire)
{
    const Telnet *t = state;
    bool text = t->refused[TN_BINARY];

    for (size_t i = 0; i < size; i++) {
        g_byte_array_append(wire, in + i, 1);
        if (in[i] == TN_IAC) {
            g_byte_array_append(wire, in + i, 1);
        } else if (text && in[i] == '\r'
                   && (i + 1 == size || in[i + 1] != '\n')) {
            g_byte_array_append(wire, (const uint8_t *)"", 1);
        }
    }
}

const ChrProto chr_telnet = {
    .name = "telnet",
    .start = telnet_start,
    .free = g_free,
    .decode = telnet_decode,
    .encode = telnet_encode,
};
