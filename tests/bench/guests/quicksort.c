/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Branchy integer: quicksort of 4096 random words. */
#include "tests/bench/guests/bench.h"

#define WORDS 4096

static uint32_t values[WORDS];

static void sort(uint32_t *v, long low, long high)
{
    while (low < high) {
        uint32_t pivot = v[low + (high - low) / 2];
        long i = low, k = high;

        while (i <= k) {
            while (v[i] < pivot) {
                i++;
            }
            while (v[k] > pivot) {
                k--;
            }
            if (i <= k) {
                uint32_t t = v[i];

                v[i++] = v[k];
                v[k--] = t;
            }
        }
        sort(v, low, k);
        low = i;
    }
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED, sum = 0;

    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < WORDS; i++) {
            values[i] = (uint32_t)next_random(&state);
        }
        sort(values, 0, WORDS - 1);
        for (unsigned i = 1; i < WORDS; i++) {
            sum += values[i - 1] > values[i];
        }
        sum = mix(sum, values[r % WORDS]);
    }
    return sum;
}
