/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Indirect jumps: threaded code of random operations, one jump each, and a
 * call through a table of functions now and then. */
#include "tests/bench/guests/bench.h"

#define LENGTH 512

static uint8_t code[LENGTH + 1];

static __attribute__((noinline)) uint64_t call_add(uint64_t a, uint64_t b)
{
    return a + b;
}

static __attribute__((noinline)) uint64_t call_xor(uint64_t a, uint64_t b)
{
    return a ^ b;
}

static __attribute__((noinline)) uint64_t call_rotate(uint64_t a, uint64_t b)
{
    return (a << 7 | a >> 57) + b;
}

static __attribute__((noinline)) uint64_t call_sub(uint64_t a, uint64_t b)
{
    return a - b;
}

typedef uint64_t Call(uint64_t, uint64_t);
static Call *const calls[4] = {call_add, call_xor, call_rotate, call_sub};

static __attribute__((noinline, optimize("no-crossjumping", "no-gcse")))
uint64_t
run(uint64_t a, uint64_t b)
{
    static const void *const label[] = {&&add,  &&sub,   &&xor,  &&shift,
                                        &&swap, &&times, &&call, &&end};
    const uint8_t *pc = code;

#define NEXT goto *label[*pc++]
    NEXT;
add:
    a += b;
    NEXT;
sub:
    a -= b ^ 0x55;
    NEXT;
    xor : a ^= b;
    NEXT;
shift:
    b = b << 1 | b >> 63;
    NEXT;
swap : {
    uint64_t t = a;

    a = b + 1;
    b = t;
    NEXT;
}
times:
    a = a * 5 + 1;
    NEXT;
call:
    a = calls[a & 3](a, b);
    NEXT;
end:
    return a + b;
#undef NEXT
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED, sum = 0;

    for (unsigned i = 0; i < LENGTH; i++) {
        code[i] = (uint8_t)((next_random(&state) >> 32) % 7);
    }
    code[LENGTH] = 7;
    for (uint64_t r = 0; r < rounds; r++) {
        sum = mix(sum, run(r, sum));
    }
    return sum;
}
