/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operands for the floating point tests: random, but mostly where it hurts.
 * The sequence is the same in every run.
 */
#ifndef TESTS_UNIT_SOFTFLOAT_GEN_H
#define TESTS_UNIT_SOFTFLOAT_GEN_H

#include <stdint.h>

#include "accel/softfloat.h"

typedef struct Gen {
    uint64_t state;
} Gen;

uint64_t gen_bits(Gen *g);
uint32_t gen_below(Gen *g, uint32_t limit);

/* A second operand may be close to the first: give it, or 0. */
uint64_t gen_float(Gen *g, unsigned frac_bits, unsigned exp_bits,
                   uint64_t near);
f32 gen_f32(Gen *g, f32 near);
f64 gen_f64(Gen *g, f64 near);
F80 gen_f80(Gen *g, const F80 *near);

#endif
