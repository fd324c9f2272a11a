/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The codec: one description, three directions. */
#include "core/codec.h"

#include <string.h>

typedef struct Record {
    bool flag;
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    int64_t e;
    uint64_t f; /* varint */
    int64_t g;  /* zigzag */
    uint32_t size;
    uint8_t data[8];
    char *text;
    GByteArray *blob;
} Record;

static bool record_codec(Codec *c, Record *r)
{
    return codec_bool(c, &r->flag) && codec_u8(c, &r->a) && codec_u16(c, &r->b)
           && codec_u32(c, &r->c) && codec_u64(c, &r->d) && codec_i64(c, &r->e)
           && codec_varint(c, &r->f) && codec_svarint(c, &r->g)
           && codec_size(c, &r->size, sizeof(r->data))
           && codec_bytes(c, r->data, r->size) && codec_str(c, &r->text, 16)
           && codec_blob(c, r->blob, 16);
}

static void record_init(Record *r)
{
    *r = (Record){
        .flag = true,
        .a = 1,
        .b = 0x203,
        .c = 0x4050607,
        .d = 0x8090a0b0c0d0e0f,
        .e = -2,
        .f = 300,
        .g = -3,
        .size = 2,
        .data = {0xaa, 0xbb},
        .text = g_strdup("hi"),
        .blob = g_byte_array_new(),
    };
    g_byte_array_append(r->blob, (const uint8_t *)"xyz", 3);
}

static void record_fini(Record *r)
{
    g_free(r->text);
    g_byte_array_unref(r->blob);
}

/* Little-endian, LEB128: 300 = 0xac 0x02; zigzag of -3 is 5. */
static const uint8_t record_bytes[] = {
    1,    1,    0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e,
    0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0xfe, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xac, 0x02, 5,    2,    0xaa, 0xbb,
    2,    'h',  'i',  3,    'x',  'y',  'z',
};

static void test_codec_write(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    Record r;
    Codec c;

    record_init(&r);
    codec_init_write(&c, out);
    g_assert_true(record_codec(&c, &r));
    g_assert_cmpmem(out->data, out->len, record_bytes, sizeof(record_bytes));
    record_fini(&r);
}

static void test_codec_read(void)
{
    Record r = {.blob = g_byte_array_new()};
    Codec c;

    codec_init_read(&c, record_bytes, sizeof(record_bytes));
    g_assert_true(record_codec(&c, &r));
    g_assert_cmpuint(codec_left(&c), ==, 0);
    g_assert_true(r.flag);
    g_assert_cmphex(r.d, ==, 0x8090a0b0c0d0e0f);
    g_assert_cmpint(r.e, ==, -2);
    g_assert_cmpuint(r.f, ==, 300);
    g_assert_cmpint(r.g, ==, -3);
    g_assert_cmpstr(r.text, ==, "hi");
    g_assert_cmpmem(r.blob->data, r.blob->len, "xyz", 3);
    record_fini(&r);
}

static void test_codec_cut(void)
{
    for (size_t n = 0; n < sizeof(record_bytes); n++) {
        Record r = {.blob = g_byte_array_new()};
        uint8_t v = 7;
        Codec c;

        codec_init_read(&c, record_bytes, n);
        g_assert_false(record_codec(&c, &r));
        g_assert_true(c.failed);
        /* and stays failed, even if bytes are left */
        g_assert_false(codec_u8(&c, &v));
        g_assert_cmpuint(v, ==, 7);
        record_fini(&r);
    }
}

static void test_codec_hash(void)
{
    uint64_t h[3];

    for (int i = 0; i < 3; i++) {
        Record r;
        Codec c;

        record_init(&r);
        r.g += i == 2;
        codec_init_hash(&c);
        g_assert_true(record_codec(&c, &r));
        h[i] = codec_finish_hash(&c);
        record_fini(&r);
    }
    g_assert_cmphex(h[0], ==, h[1]);
    g_assert_cmphex(h[0], !=, h[2]);
}

static void check_bad(const uint8_t *p, size_t size,
                      bool (*fn)(Codec *c, uint64_t *v))
{
    uint64_t v = 7;
    Codec c;

    codec_init_read(&c, p, size);
    g_assert_false(fn(&c, &v));
    g_assert_true(c.failed);
    g_assert_cmpuint(v, ==, 7);
}

static bool read_bool(Codec *c, uint64_t *v)
{
    bool b = *v;
    bool good = codec_bool(c, &b);

    *v = good ? b : *v;
    return good;
}

static bool read_size5(Codec *c, uint64_t *v)
{
    uint32_t n = (uint32_t)*v;
    bool good = codec_size(c, &n, 5);

    *v = n;
    return good;
}

static bool read_str(Codec *c, uint64_t *v)
{
    char *s = NULL;
    bool good = codec_str(c, &s, 5);

    g_assert_true(good || !s);
    g_free(s);
    return good;
}

static void test_codec_refuses(void)
{
    static const uint8_t overlong[] = {0x80, 0x00};
    static const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0x01};
    static const uint8_t too_big[] = {0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t two[] = {2}, six[] = {6, 1, 1, 1, 1, 1, 1};
    static const uint8_t nul[] = {2, 'a', 0};

    check_bad(overlong, sizeof(overlong), codec_varint);
    check_bad(endless, sizeof(endless), codec_varint);
    check_bad(too_big, sizeof(too_big), codec_varint);
    check_bad(two, sizeof(two), read_bool);
    check_bad(six, sizeof(six), read_size5);
    check_bad(six, sizeof(six), read_str);
    check_bad(nul, sizeof(nul), read_str);
}

static void test_codec_varint_round(void)
{
    for (unsigned i = 0; i < 64; i++) {
        for (int d = -1; d <= 1; d++) {
            g_autoptr(GByteArray) out = g_byte_array_new();
            uint64_t v = (1ULL << i) + (uint64_t)d, got = 0;
            int64_t s = (int64_t)~v, got_s = 0;
            Codec c;

            codec_init_write(&c, out);
            g_assert_true(codec_varint(&c, &v) && codec_svarint(&c, &s));
            codec_init_read(&c, out->data, out->len);
            g_assert_true(codec_varint(&c, &got) && codec_svarint(&c, &got_s));
            g_assert_cmphex(got, ==, v);
            g_assert_cmpint(got_s, ==, s);
            g_assert_cmpuint(codec_left(&c), ==, 0);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codec/write", test_codec_write);
    g_test_add_func("/codec/read", test_codec_read);
    g_test_add_func("/codec/cut", test_codec_cut);
    g_test_add_func("/codec/hash", test_codec_hash);
    g_test_add_func("/codec/refuses", test_codec_refuses);
    g_test_add_func("/codec/varint-round", test_codec_varint_round);
    return g_test_run();
}
