/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Branchy integer: a small stack machine with a switch as its loop, running
 * the Collatz lengths of the numbers below the limit. */
#include "tests/bench/guests/bench.h"

enum {
    PUSH, /* a number */
    LOAD, /* variable */
    STORE,
    ADD,
    MUL,
    HALF,
    ODD,
    LESS,
    JZ, /* where */
    JMP,
    END,
};

enum {
    N,
    LIMIT,
    X,
    LENGTH,
    TOTAL,
    VARIABLES
};

/* clang-format off */
static const uint16_t program[] = {
    /* 0*/ PUSH, 1, STORE, N,
    /* 4*/ LOAD, N, LOAD, LIMIT, LESS, JZ, 61,
    /*11*/ LOAD, N, STORE, X, PUSH, 0, STORE, LENGTH,
    /*19*/ PUSH, 1, LOAD, X, LESS, JZ, 48,
    /*26*/ LOAD, LENGTH, PUSH, 1, ADD, STORE, LENGTH,
    /*33*/ LOAD, X, ODD, JZ, 62,
    /*38*/ LOAD, X, PUSH, 3, MUL, PUSH, 1, ADD, JMP, 65,
    /*48*/ LOAD, TOTAL, LOAD, LENGTH, ADD, STORE, TOTAL,
    /*55*/ LOAD, N, PUSH, 1, JMP, 69,
    /*61*/ END,
    /*62*/ LOAD, X, HALF,
    /*65*/ STORE, X, JMP, 19,
    /*69*/ ADD, STORE, N, JMP, 4,
};
/* clang-format on */

static uint64_t run(uint64_t limit)
{
    uint64_t variable[VARIABLES] = {0}, stack[16];
    const uint16_t *pc = program;
    unsigned top = 0;

    variable[LIMIT] = limit;
    for (;;) {
        switch (*pc++) {
        case PUSH:
            stack[top++] = *pc++;
            break;
        case LOAD:
            stack[top++] = variable[*pc++];
            break;
        case STORE:
            variable[*pc++] = stack[--top];
            break;
        case ADD:
            top--;
            stack[top - 1] += stack[top];
            break;
        case MUL:
            top--;
            stack[top - 1] *= stack[top];
            break;
        case HALF:
            stack[top - 1] >>= 1;
            break;
        case ODD:
            stack[top - 1] &= 1;
            break;
        case LESS:
            top--;
            stack[top - 1] = stack[top - 1] < stack[top];
            break;
        case JZ:
            pc = stack[--top] ? pc + 1 : program + *pc;
            break;
        case JMP:
            pc = program + *pc;
            break;
        default:
            return variable[TOTAL];
        }
    }
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t sum = 0;

    for (uint64_t r = 0; r < rounds; r++) {
        sum = mix(sum, run(1000 + (r & 15)));
    }
    return sum;
}
