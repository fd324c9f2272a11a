/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed floating point: four singles and two doubles at a time; sums of
 * products, minima, comparisons, conversions. */
#include "tests/bench/guests/bench.h"

#include <emmintrin.h>

#define WORDS 1024

static float a[WORDS] __attribute__((aligned(16)));
static float b[WORDS] __attribute__((aligned(16)));
static double d[WORDS] __attribute__((aligned(16)));

static uint64_t fold(__m128i v)
{
    uint64_t part[2] __attribute__((aligned(16)));

    _mm_store_si128((__m128i *)(void *)part, v);
    return part[0] ^ (part[1] << 1 | part[1] >> 63);
}

static __m128 singles(__m128 acc)
{
    __m128 limit = _mm_set1_ps(1000.0f), scale = _mm_set1_ps(0.75f);

    for (int i = 0; i < WORDS; i += 4) {
        __m128 x = _mm_load_ps(a + i), y = _mm_load_ps(b + i);
        __m128 p = _mm_add_ps(_mm_mul_ps(x, y), _mm_mul_ps(acc, scale));
        __m128 over = _mm_cmpgt_ps(p, limit);

        p = _mm_sub_ps(p, _mm_and_ps(over, limit));
        acc = _mm_max_ps(_mm_min_ps(p, limit), x);
    }
    return acc;
}

static __m128d doubles(__m128d acc)
{
    __m128d scale = _mm_set1_pd(0.5);

    for (int i = 0; i < WORDS; i += 2) {
        __m128d x = _mm_load_pd(d + i);

        acc = _mm_add_pd(_mm_mul_pd(acc, scale), x);
        acc = _mm_sub_pd(acc, _mm_mul_pd(x, x));
    }
    return acc;
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED, sum = 0;
    __m128 s = _mm_setzero_ps();
    __m128d t = _mm_setzero_pd();

    for (int i = 0; i < WORDS; i++) {
        a[i] = (float)(next_random(&state) >> 56);
        b[i] = (float)(next_random(&state) >> 60) * 0.25f;
        d[i] = (double)(int64_t)(next_random(&state) >> 54) * 0.125;
    }
    for (uint64_t r = 0; r < rounds; r++) {
        s = singles(s);
        t = doubles(t);
        sum = mix(sum, fold(_mm_castps_si128(s)));
        sum = mix(sum, fold(_mm_castpd_si128(t)));
        sum = mix(sum, fold(_mm_cvttps_epi32(s)));
    }
    return sum;
}
