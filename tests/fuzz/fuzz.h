/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fuzz target is. main.c runs it over a corpus and seeded mutations of
 * it; built with -Dfuzzer=true (clang) libFuzzer does.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <string.h>

#include <glib.h>

/** LLVMFuzzerTestOneInput() - one input from a fresh start; faults abort.
 *  What an input does depends on nothing but its bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input, taken from its front; behind its end there are zeroes. */
typedef struct FuzzIn {
    const uint8_t *at;
    size_t left;
} FuzzIn;

/** fuzz_take() - @bytes (at most 8), little-endian */
static inline uint64_t fuzz_take(FuzzIn *in, unsigned bytes)
{
    uint8_t raw[8] = {0};
    size_t n = MIN(bytes, in->left);
    uint64_t v;

    memcpy(raw, in->at, n);
    memcpy(&v, raw, sizeof(v));
    in->at += n;
    in->left -= n;
    return GUINT64_FROM_LE(v);
}

#endif
