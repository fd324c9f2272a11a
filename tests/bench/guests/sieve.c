/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tight integer loop: a sieve of odd numbers, one byte each, in L1 and L2. */
#include "tests/bench/guests/bench.h"

#define SIZE 65536

static uint8_t crossed[SIZE];

static unsigned sieve_once(unsigned first)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SIZE; i++) {
        crossed[i] = 0;
    }
    for (unsigned i = first; i < SIZE; i++) {
        if (!crossed[i]) {
            unsigned prime = 2 * i + 3;

            count++;
            for (unsigned k = i + prime; k < SIZE; k += prime) {
                crossed[k] = 1;
            }
        }
    }
    return count;
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t sum = 0;

    for (uint64_t r = 0; r < rounds; r++) {
        sum = mix(sum, sieve_once(r & 3));
    }
    return sum;
}
