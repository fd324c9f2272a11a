/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of the rows in ir_arith.def, for uint32_t and uint64_t alike. */
#ifndef ACCEL_IR_ARITH_H
#define ACCEL_IR_ARITH_H

#include <stdint.h>

#define ARITH_PICK(name, x)                                                    \
    _Generic((x), uint32_t : name##32, uint64_t : name##64)

#define ARITH_DEFINE(U, S, W, U2, S2)                                          \
    static inline U arith_mulhu##W(U x, U y)                                   \
    {                                                                          \
        return (U)((U2)x * y >> W);                                            \
    }                                                                          \
    static inline U arith_mulhs##W(U x, U y)                                   \
    {                                                                          \
        return (U)((S2)(S)x * (S)y >> W);                                      \
    }                                                                          \
    static inline U arith_divs##W(U x, U y)                                    \
    {                                                                          \
        return y == 0 ? ~(U)0 : y == ~(U)0 ? (U)0 - x : (U)((S)x / (S)y);      \
    }                                                                          \
    static inline U arith_rems##W(U x, U y)                                    \
    {                                                                          \
        return y == 0 ? x : y == ~(U)0 ? 0 : (U)((S)x % (S)y);                 \
    }                                                                          \
    static inline U arith_sar##W(U x, U n)                                     \
    {                                                                          \
        return (U)((S)x >> (n & (W - 1)));                                     \
    }                                                                          \
    static inline U arith_rotl##W(U x, U n)                                    \
    {                                                                          \
        return x << (n & (W - 1)) | x >> (-n & (W - 1));                       \
    }                                                                          \
    static inline int arith_lts##W(U x, U y)                                   \
    {                                                                          \
        return (S)x < (S)y;                                                    \
    }

ARITH_DEFINE(uint32_t, int32_t, 32, uint64_t, int64_t)
ARITH_DEFINE(uint64_t, int64_t, 64, unsigned __int128, __int128)
#undef ARITH_DEFINE

static inline uint32_t arith_bswap32(uint32_t x)
{
    return __builtin_bswap32(x);
}

static inline uint64_t arith_bswap64(uint64_t x)
{
    return __builtin_bswap64(x);
}

static inline uint32_t arith_clz32(uint32_t x)
{
    return x ? (uint32_t)__builtin_clz(x) : 32;
}

static inline uint64_t arith_clz64(uint64_t x)
{
    return x ? (uint64_t)__builtin_clzll(x) : 64;
}

static inline uint32_t arith_ctz32(uint32_t x)
{
    return x ? (uint32_t)__builtin_ctz(x) : 32;
}

static inline uint64_t arith_ctz64(uint64_t x)
{
    return x ? (uint64_t)__builtin_ctzll(x) : 64;
}

#endif
