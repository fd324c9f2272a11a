/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How vector helpers are written. Sources may be the destination's home, so a
 * result is made in r and stored last. */
#ifndef CPU_X86_VEC_PRIV_H
#define CPU_X86_VEC_PRIV_H

#include "cpu/x86/fpu_priv.h"

#define VEC_FN(name)                                                           \
    void x86_v_##name(Vcpu *v, V128 *d, const V128 *a, const V128 *b,          \
                      uint64_t imm)

/* Lane by lane: x of a, y of b, both unsigned, make lane r. */
#define LANES(name, bits, expr)                                                \
    VEC_FN(name)                                                               \
    {                                                                          \
        V128 r;                                                                \
        for (unsigned i = 0; i < 128 / (bits); i++) {                          \
            uint##bits##_t x = a->u##bits[i], y = b->u##bits[i];               \
            (void)x, (void)y;                                                  \
            r.u##bits[i] = (uint##bits##_t)(expr);                             \
        }                                                                      \
        *d = r;                                                                \
    }

#endif
