/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pointer chase over 4096 pages of 4 KiB in random order: one load for a page,
 * so beyond every TLB of a few thousand entries. */
#include "tests/bench/guests/bench.h"

#define PAGES 4096
#define STEPS 4096 /* loads in a round */

#ifdef BENCH_NATIVE
#include <stdlib.h>
#else
#define aligned_alloc(align, size) ((void *)WINDOW)
#endif

static uint16_t order[PAGES];

/* Each page holds the way to the next at a place of its own. */
typedef struct Node {
    struct Node *next;
    uint64_t value;
} Node;

static Node *node_of(uint8_t *area, unsigned page)
{
    return (Node *)(void *)(area + page * 4096ul
                            + page * 1040ul % 4096 / 16 * 16);
}

static Node *build(uint8_t *area)
{
    uint64_t state = SEED;

    for (unsigned i = 0; i < PAGES; i++) {
        order[i] = (uint16_t)i;
    }
    for (unsigned i = PAGES - 1; i > 0; i--) {
        unsigned k = (unsigned)((next_random(&state) >> 16) % (i + 1));
        uint16_t t = order[i];

        order[i] = order[k];
        order[k] = t;
    }
    for (unsigned i = 0; i < PAGES; i++) {
        Node *n = node_of(area, order[i]);

        n->next = node_of(area, order[(i + 1) % PAGES]);
        n->value = next_random(&state);
    }
    return node_of(area, order[0]);
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t sum = 0;
    Node *n;

#ifndef BENCH_NATIVE
    window_map(PAGES);
#endif
    n = build(aligned_alloc(4096, PAGES * 4096ul));
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < STEPS; i++) {
            sum += n->value;
            n = n->next;
        }
        n = n->next; /* so that no round repeats the one before */
    }
    return sum;
}
