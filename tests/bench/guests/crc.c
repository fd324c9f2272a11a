/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Branchy integer: CRC-32 of 64 KiB by table, then bit by bit with a branch
 * (IEEE 802.3, reflected polynomial 0xedb88320). */
#include "tests/bench/guests/bench.h"

#define SIZE 65536

static uint8_t data[SIZE];
static uint32_t table[256];

static uint32_t crc_bits(uint32_t crc, const uint8_t *p, unsigned n)
{
    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++) {
            if (crc & 1) {
                crc = crc >> 1 ^ 0xedb88320;
                __asm__ volatile(""); /* keep the branch */
            } else {
                crc >>= 1;
            }
        }
    }
    return crc;
}

static uint32_t crc_table(uint32_t crc, const uint8_t *p, unsigned n)
{
    while (n--) {
        crc = table[(crc ^ *p++) & 255] ^ crc >> 8;
    }
    return crc;
}

uint64_t kernel(uint64_t rounds)
{
    uint64_t state = SEED, sum = 0;

    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;

        table[i] = crc_bits(0, &byte, 1);
    }
    for (unsigned i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)(next_random(&state) >> 32);
    }
    for (uint64_t r = 0; r < rounds; r++) {
        data[r % SIZE]++;
        sum = mix(sum, ~crc_table(~0u, data, SIZE));
        sum = mix(sum, ~crc_bits(~0u, data, SIZE / 8));
    }
    return sum;
}
