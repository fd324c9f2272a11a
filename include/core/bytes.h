/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads and stores of fixed byte order at any alignment. */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#define BYTES_LE(width, v) __builtin_bswap##width(v)
#define BYTES_BE(width, v) (v)
#else
#define BYTES_LE(width, v) (v)
#define BYTES_BE(width, v) __builtin_bswap##width(v)
#endif

#define BYTES_DEFINE(width)                                                    \
    static inline uint##width##_t ld_le##width(const void *p)                  \
    {                                                                          \
        uint##width##_t v;                                                     \
        memcpy(&v, p, sizeof(v));                                              \
        return BYTES_LE(width, v);                                             \
    }                                                                          \
    static inline void st_le##width(void *p, uint##width##_t v)                \
    {                                                                          \
        v = BYTES_LE(width, v);                                                \
        memcpy(p, &v, sizeof(v));                                              \
    }                                                                          \
    static inline uint##width##_t ld_be##width(const void *p)                  \
    {                                                                          \
        uint##width##_t v;                                                     \
        memcpy(&v, p, sizeof(v));                                              \
        return BYTES_BE(width, v);                                             \
    }                                                                          \
    static inline void st_be##width(void *p, uint##width##_t v)                \
    {                                                                          \
        v = BYTES_BE(width, v);                                                \
        memcpy(p, &v, sizeof(v));                                              \
    }

BYTES_DEFINE(16)
BYTES_DEFINE(32)
BYTES_DEFINE(64)
#undef BYTES_DEFINE

#endif
