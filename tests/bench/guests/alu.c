/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pure ALU: a long chain of shifts, xors, adds and multiplications in
 * registers, each on the result of the one before. */
#include "tests/bench/guests/bench.h"

uint64_t kernel(uint64_t rounds)
{
    uint64_t x = SEED, sum = 0;

    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < 1000; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            sum = sum * 6364136223846793005 + x;
            sum ^= sum >> 31;
            sum -= x & 0xffff;
        }
    }
    return sum ^ x;
}
