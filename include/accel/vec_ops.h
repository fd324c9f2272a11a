/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neutral names of 128-bit operations that a host may have as instructions. */
#ifndef ACCEL_VEC_OPS_H
#define ACCEL_VEC_OPS_H

typedef enum VecOp {
    VOP_NONE,
#define VEC_OP(name, doc) VOP_##name,
#include "accel/vec_ops.def"
#undef VEC_OP
    VOP_COUNT
} VecOp;

#endif
