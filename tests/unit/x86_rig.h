/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One x86 vCPU with flat memory, and the host CPU beside it. */
#ifndef TESTS_UNIT_X86_RIG_H
#define TESTS_UNIT_X86_RIG_H

#include "cpu/x86/x86_priv.h"

/* The same addresses in the guest and, mapped, in this process. */
#define RIG_BASE 0x1000000u
#define RIG_DATA (RIG_BASE + 0x4000)  /* buffer operands point to its middle */
#define RIG_STACK (RIG_BASE + 0x8000) /* rsp */
#define RIG_CODE (RIG_BASE + 0x10000)
#define RIG_SIZE 0x20000u
#define RIG_RAM 0x2000000u

typedef struct RigState {
    uint64_t gpr[16];
    uint64_t flags;
    uint8_t data[0x1000]; /* at RIG_DATA - 0x800 */
    uint8_t stack[0x200]; /* at RIG_STACK - 0x100 */
} RigState;

typedef struct Rig {
    Vm *vm;
    X86Cpu *c;
    uint8_t *ram;
} Rig;

typedef enum RigMode {
    RIG_REAL,
    RIG_PROT16,
    RIG_PROT32,
    RIG_LONG
} RigMode;

/** rig_new() - @options of the accelerator, or NULL */
Rig *rig_new(RigMode mode, const char *options);
void rig_free(Rig *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rig, rig_free)
/** rig_code() - put code at RIG_CODE, followed by an endless jump */
void rig_code(Rig *r, const uint8_t *code, unsigned size);
/** rig_guest() - run at most @steps from RIG_CODE; @s in and out */
void rig_guest(Rig *r, RigState *s, unsigned steps);
/** rig_host() - the same on the host CPU; false: this host cannot */
bool rig_host(const uint8_t *code, unsigned size, RigState *s);
/** rig_host32() - as 32-bit code (compatibility mode) */
bool rig_host32(const uint8_t *code, unsigned size, RigState *s);

#endif
