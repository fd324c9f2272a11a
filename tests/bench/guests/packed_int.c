/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed integers, SSE2: adds, saturation, multiplications, comparisons,
 * shifts, shuffles and packing of bytes, words and doublewords. */
#include "tests/bench/guests/bench.h"

#include <emmintrin.h>

#define VECTORS 512

static __m128i data[VECTORS];

static __m128i pass(__m128i acc)
{
    __m128i seven = _mm_set1_epi16(7);

    for (int i = 0; i < VECTORS; i++) {
        __m128i x = _mm_load_si128(&data[i]);
        __m128i y = _mm_shuffle_epi32(acc, 0x39);
        __m128i wide = _mm_unpacklo_epi8(x, y);
        __m128i mask = _mm_cmpgt_epi16(x, y);

        acc = _mm_add_epi32(acc, x);
        acc = _mm_xor_si128(acc, _mm_madd_epi16(wide, seven));
        acc = _mm_adds_epu8(acc, _mm_and_si128(mask, y));
        acc = _mm_sub_epi16(acc, _mm_mullo_epi16(x, wide));
        acc = _mm_or_si128(_mm_srli_epi64(acc, 3), _mm_slli_epi64(acc, 61));
        acc = _mm_add_epi64(acc, _mm_sad_epu8(x, y));
        acc = _mm_xor_si128(acc, _mm_packus_epi16(wide, mask));
    }
    return acc;
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED, sum = 0;
    uint64_t part[2] __attribute__((aligned(16)));
    __m128i acc = _mm_setzero_si128();

    for (int i = 0; i < VECTORS; i++) {
        uint64_t low = next_random(&state);

        data[i] = _mm_set_epi64x((int64_t)next_random(&state), (int64_t)low);
    }
    for (uint64_t r = 0; r < rounds; r++) {
        acc = pass(acc);
        _mm_store_si128((__m128i *)(void *)part, acc);
        sum = mix(sum, part[0] + part[1]);
    }
    return sum;
}
