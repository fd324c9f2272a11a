/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that every folder uses: time, addresses, forward declarations. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Guest time and host time are two structs, so mixing does not compile. */
typedef struct VirtTime {
    int64_t ns; /* since the machine began */
} VirtTime;

typedef struct HostTime {
    int64_t ns; /* monotonic */
} HostTime;

typedef uint64_t GuestPhys; /* guest physical address */
typedef uint32_t RamPage;   /* number of a 4 KiB page in the RamStore */

#define GUEST_PAGE_BITS 12
#define GUEST_PAGE_SIZE 4096u
#define RAM_PAGE_NONE UINT32_MAX
#define NS_PER_SEC 1000000000LL

typedef union V128 {
    uint8_t u8[16];
    uint16_t u16[8];
    uint32_t u32[4];
    uint64_t u64[2];
} __attribute__((aligned(16))) V128;

typedef struct AddressSpace AddressSpace;
typedef struct Clock Clock;
typedef struct Codec Codec;
typedef struct Device Device;
typedef struct DeviceType DeviceType;
typedef struct Entropy Entropy;
typedef struct InputQueue InputQueue;
typedef struct InputSource InputSource;
typedef struct IrqLine IrqLine;
typedef struct MemRegion MemRegion;
typedef struct RamStore RamStore;
typedef struct Replay Replay;
typedef struct StateField StateField;
typedef struct Timer Timer;
typedef struct Vm Vm;

static inline VirtTime virt_add(VirtTime t, int64_t ns)
{
    return (VirtTime){t.ns + ns};
}

#endif
