/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nothing: what starting and ending a machine costs. */
#include "tests/bench/guests/bench.h"

uint64_t kernel(uint64_t rounds)
{
    return rounds;
}
