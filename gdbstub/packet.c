/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing: $data#checksum with } escapes and * runs (gdb manual, "Overview" of
 * the remote protocol), and scanning what is inside. */
#include <string.h>

#include "gdbstub/gdb_priv.h"

enum {
    READ_IDLE,
    READ_BODY,
    READ_SUM_1,
    READ_SUM_2
};

#define RUN_BASE 29 /* a run's character is its length + 29 */

void packet_init(PacketReader *r)
{
    *r = (PacketReader){.data = g_byte_array_new()};
}

void packet_fini(PacketReader *r)
{
    g_clear_pointer(&r->data, g_byte_array_unref);
}

static void packet_begin(PacketReader *r)
{
    g_byte_array_set_size(r->data, 0);
    r->state = READ_BODY;
    r->sum = 0;
    r->escaped = r->repeat = r->bad = r->over = false;
}

static void packet_add(PacketReader *r, uint8_t byte, unsigned times)
{
    for (; times; times--) {
        if (r->data->len >= GDB_PACKET_MAX) {
            r->over = true;
            return;
        }
        g_byte_array_append(r->data, &byte, 1);
    }
}

static void packet_body(PacketReader *r, uint8_t byte)
{
    if (byte == '$' && !r->escaped) { /* never inside: a new one begins */
        packet_begin(r);
        return;
    }
    if (byte == '#') {
        r->bad = r->bad || r->escaped || r->repeat;
        r->state = READ_SUM_1;
        return;
    }
    r->sum += byte;
    if (r->escaped) {
        r->escaped = false;
        packet_add(r, byte ^ 0x20, 1);
    } else if (r->repeat) {
        r->repeat = false;
        if (byte < RUN_BASE + 3 || byte > 126 || r->data->len == 0) {
            r->bad = true;
        } else {
            packet_add(r, r->data->data[r->data->len - 1], byte - RUN_BASE);
        }
    } else if (byte == '}') {
        r->escaped = true;
    } else if (byte == '*') {
        r->repeat = true;
    } else {
        packet_add(r, byte, 1);
    }
}

static PacketEvent packet_end(PacketReader *r)
{
    static const uint8_t nul;

    r->state = READ_IDLE;
    if (r->bad || r->want != r->sum) {
        return PACKET_BAD;
    }
    if (r->over) {
        return PACKET_LONG;
    }
    g_byte_array_append(r->data, &nul, 1);
    g_byte_array_set_size(r->data, r->data->len - 1);
    return PACKET_DONE;
}

PacketEvent packet_feed(PacketReader *r, uint8_t byte)
{
    int digit;

    switch (r->state) {
    case READ_BODY:
        packet_body(r, byte);
        return PACKET_MORE;
    case READ_SUM_1:
    case READ_SUM_2:
        digit = g_ascii_xdigit_value((char)byte);
        r->bad = r->bad || digit < 0;
        r->want = (uint8_t)(r->want << 4 | (digit & 15));
        if (r->state == READ_SUM_2) {
            return packet_end(r);
        }
        r->state = READ_SUM_2;
        return PACKET_MORE;
    default:
        break;
    }
    switch (byte) {
    case '$':
        packet_begin(r);
        return PACKET_MORE;
    case '+':
        return PACKET_ACK;
    case '-':
        return PACKET_NAK;
    case 3:
        return PACKET_BREAK;
    default:
        return PACKET_MORE;
    }
}

void packet_wrap(GString *out, const char *body, size_t size)
{
    uint8_t sum = 0;
    size_t from = out->len + 1;

    g_string_append_c(out, '$');
    for (size_t i = 0; i < size; i++) {
        if (strchr("$#}*", body[i]) && body[i]) {
            g_string_append_c(out, '}');
            g_string_append_c(out, (char)(body[i] ^ 0x20));
        } else {
            g_string_append_c(out, body[i]);
        }
    }
    for (size_t i = from; i < out->len; i++) {
        sum += (uint8_t)out->str[i];
    }
    g_string_append_printf(out, "#%02x", sum);
}

/* --- scanning ---------------------------------------------------------------------- */

size_t scan_left(const Scan *s)
{
    return (size_t)(s->end - s->at);
}

bool scan_char(Scan *s, char c)
{
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

bool scan_word(Scan *s, const char *word)
{
    size_t n = strlen(word);

    if (scan_left(s) < n || memcmp(s->at, word, n) != 0) {
        return false;
    }
    s->at += n;
    return true;
}

bool scan_hex(Scan *s, uint64_t *out)
{
    uint64_t value = 0;
    unsigned digits = 0;

    for (; s->at < s->end && g_ascii_isxdigit(*s->at); s->at++) {
        if (value >> 60) {
            return false;
        }
        value = value << 4 | (unsigned)g_ascii_xdigit_value(*s->at);
        digits++;
    }
    *out = value;
    return digits > 0;
}

bool scan_bytes(Scan *s, uint8_t *out, size_t size)
{
    if (scan_left(s) / 2 < size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = g_ascii_xdigit_value(s->at[0]);
        int low = g_ascii_xdigit_value(s->at[1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
        s->at += 2;
    }
    return true;
}

void hex_append(GString *out, const void *buf, size_t size)
{
    static const char digit[] = "0123456789abcdef";
    const uint8_t *p = buf;

    for (size_t i = 0; i < size; i++) {
        g_string_append_c(out, digit[p[i] >> 4]);
        g_string_append_c(out, digit[p[i] & 15]);
    }
}
