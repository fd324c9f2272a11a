/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tight integer loop: 16 KiB copied in words of 8 bytes. */
#include "tests/bench/guests/bench.h"

#define WORDS 2048

static uint64_t from[WORDS], to[WORDS];

uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED, sum = 0;

    for (unsigned i = 0; i < WORDS; i++) {
        from[i] = next_random(&state);
    }
    for (uint64_t r = 0; r < rounds; r++) {
        from[r % WORDS] = r;
        for (unsigned i = 0; i < WORDS; i++) {
            to[i] = from[i];
        }
        __asm__ volatile("" : : : "memory");
        sum = mix(sum, to[r * 7 % WORDS]);
    }
    return sum;
}
