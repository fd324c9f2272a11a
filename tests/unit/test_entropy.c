/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's entropy: RFC 8439 A.1, test vectors 1 and 2. */
#include "core/entropy.h"

#include <string.h>

#include "core/codec.h"
#include "core/vm.h"

static const uint8_t seed_zero[32];

/* Vector 1: key 0, block 0; vector 2: key 0, block 1. */
static const uint8_t stream_zero[128] = {
    0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5,
    0x53, 0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a,
    0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7, 0xda, 0x41, 0x59, 0x7c,
    0x51, 0x57, 0x48, 0x8d, 0x77, 0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37,
    0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1, 0x1c, 0xc3, 0x87, 0xb6, 0x69,
    0xb2, 0xee, 0x65, 0x86, 0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a,
    0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d, 0xcb, 0x0f, 0x29, 0xa0,
    0x48, 0xe3, 0x65, 0x69, 0x12, 0xc6, 0x53, 0x3e, 0x32, 0xee, 0x7a, 0xed,
    0x29, 0xb7, 0x21, 0x76, 0x9c, 0xe6, 0x4e, 0x43, 0xd5, 0x71, 0x33, 0xb0,
    0x74, 0xd8, 0x39, 0xd5, 0x31, 0xed, 0x1f, 0x28, 0x51, 0x0a, 0xfb, 0x45,
    0xac, 0xe1, 0x0a, 0x1f, 0x4b, 0x79, 0x4d, 0x6f,
};

static void test_entropy_vectors(void)
{
    uint8_t got[128];
    Vm *vm = vm_new();

    vm_set_seed(vm, seed_zero);
    entropy_read(vm, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), stream_zero, sizeof(stream_zero));
    vm_free(vm);
}

static void test_entropy_pieces(void)
{
    uint8_t got[128];
    Vm *vm = vm_new();
    size_t n = 0;

    vm_set_seed(vm, seed_zero);
    for (size_t piece = 1; n < sizeof(got); piece = piece * 3 % 17) {
        size_t take = MIN(piece, sizeof(got) - n);

        entropy_read(vm, got + n, take);
        n += take;
    }
    g_assert_cmpmem(got, sizeof(got), stream_zero, sizeof(stream_zero));
    vm_free(vm);
}

static void test_entropy_state(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint8_t seed[32] = {9}, got[100], again[100];
    Vm *vm = vm_new(), *other = vm_new();
    Codec c;

    vm_set_seed(vm, seed);
    entropy_read(vm, got, 77);
    codec_init_write(&c, out);
    g_assert_true(entropy_codec(vm->entropy, &c));
    entropy_read(vm, got, sizeof(got));

    codec_init_read(&c, out->data, out->len - 1);
    g_assert_false(entropy_codec(other->entropy, &c));
    entropy_read(other, again, sizeof(again));
    g_assert_cmpmem(again, 100, stream_zero, 100); /* was left alone */

    codec_init_read(&c, out->data, out->len);
    g_assert_true(entropy_codec(other->entropy, &c));
    entropy_read(other, again, sizeof(again));
    g_assert_cmpmem(got, sizeof(got), again, sizeof(again));
    vm_free(vm);
    vm_free(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/entropy/vectors", test_entropy_vectors);
    g_test_add_func("/entropy/pieces", test_entropy_pieces);
    g_test_add_func("/entropy/state", test_entropy_state);
    return g_test_run();
}
