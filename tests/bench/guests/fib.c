/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls and returns: Fibonacci numbers by recursion. */
#include "tests/bench/guests/bench.h"

static __attribute__((noinline, optimize("no-optimize-sibling-calls",
                                         "no-inline"))) uint64_t
fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t sum = 0;

    for (uint64_t r = 0; r < rounds; r++) {
        sum = mix(sum, fib(20 + (r & 3)));
    }
    return sum;
}
