/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pointer chase in L1: 512 nodes of 16 bytes in random order. */
#include "tests/bench/guests/bench.h"

#define NODES 512

static struct Node {
    struct Node *next;
    uint64_t value;
} nodes[NODES];

uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED, sum = 0;
    uint16_t order[NODES];
    struct Node *n = nodes;

    for (unsigned i = 0; i < NODES; i++) {
        order[i] = (uint16_t)i;
    }
    for (unsigned i = NODES - 1; i > 0; i--) {
        unsigned k = (unsigned)((next_random(&state) >> 16) % (i + 1));
        uint16_t t = order[i];

        order[i] = order[k];
        order[k] = t;
    }
    for (unsigned i = 0; i < NODES; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
        nodes[order[i]].value = order[i];
    }
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < 1023; i++) {
            n = n->next;
        }
        sum = mix(sum, n->value);
    }
    return sum;
}
