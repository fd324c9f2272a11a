/* SPDX-License-Identifier: GPL-2.0-or-later */
/* String operations: rep movs and stos in bytes and quadwords, from a few
 * bytes to 64 KiB, in both alignments; and scasb, cmpsb. */
#include "tests/bench/guests/bench.h"

#define SIZE 65536

static uint8_t from[SIZE + 64], to[SIZE + 64];

static void move_bytes(void *d, const void *s, uint64_t n)
{
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
}

static void move_words(void *d, const void *s, uint64_t n)
{
    __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
}

static void fill_bytes(void *d, uint8_t v, uint64_t n)
{
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(v) : "memory");
}

static void fill_words(void *d, uint64_t v, uint64_t n)
{
    __asm__ volatile("rep stosq" : "+D"(d), "+c"(n) : "a"(v) : "memory");
}

static uint64_t length(const void *s)
{
    uint64_t n = ~0ull;

    __asm__ volatile("repne scasb" : "+D"(s), "+c"(n) : "a"(0) : "memory");
    return ~n;
}

static uint64_t same(const void *a, const void *b, uint64_t n)
{
    __asm__ volatile("cmp %0, %0\n\trepe cmpsb"
                     : "+c"(n), "+D"(a), "+S"(b)
                     :
                     : "memory", "cc");
    return n;
}

static uint64_t one_size(uint64_t size, uint64_t r)
{
    unsigned skew = (unsigned)(r & 7);

    from[size / 2 + skew] = (uint8_t)r;
    move_bytes(to + skew, from, size);
    move_words(to, from + skew, size / 8);
    fill_bytes(to + size / 4 + skew, (uint8_t)(r | 1), size / 4 + 1);
    fill_words(to + size / 2, r, size / 16 + 1);
    return same(from, to + skew, size) + to[size / 3];
}

uint64_t kernel(uint64_t rounds)
{
    static const uint32_t sizes[] = {8, 24, 64, 200, 1000, 4096, 20000, SIZE};
    uint64_t state = SEED, sum = 0;

    for (unsigned i = 0; i < SIZE; i++) {
        from[i] = (uint8_t)(next_random(&state) >> 40 | 1);
    }
    from[SIZE] = 0;
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            /* as many bytes of each size as of 4096 */
            unsigned times = sizes[i] > 4096 ? 1 : 4096 / sizes[i];

            for (unsigned k = 0; k < times; k++) {
                sum = mix(sum, one_size(sizes[i], r + k));
            }
        }
        sum = mix(sum, length(from));
    }
    return sum;
}
