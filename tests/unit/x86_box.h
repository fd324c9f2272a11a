/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine of one x86 vCPU and RAM, with tables for the system tests. */
#ifndef TESTS_UNIT_X86_BOX_H
#define TESTS_UNIT_X86_BOX_H

#include "cpu/x86/sys_priv.h"

#define GDT_AT 0x5000u
#define IDT_AT 0x6000u
#define TSS_AT 0x7000u
#define TSS2_AT 0x7800u
#define PML4_AT 0x10000u

typedef struct Box {
    Vm *vm;
    X86Cpu *c;
    uint8_t *ram;
} Box;

/* Selectors of the test GDT */
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x1b,
    DATA3 = 0x23,
    TSS = 0x28,
    CODE64 = 0x38,
    CODE64_3 = 0x43,
    DATA64_3 = 0x4b,
    SMALL = 0x50,  /* data, base 0x1000, limit 0xff */
    DOWN = 0x58,   /* expand-down, limit 0xff */
    ABSENT = 0x60, /* data, not present */
    XONLY = 0x68,  /* execute-only code */
    CALLGATE = 0x73,
    TSS2 = 0x78,
    CONFORM = 0x80,
    LDT = 0x90,
};

#define CALL(b, fn, ...) x86_h_##fn(&(b)->c->v, __VA_ARGS__)

/** box_new_with() - @accel as behind -accel tcg, */
Box *box_new_with(const char *cpu, bool long_mode, const char *accel);
Box *box_new_as(const char *cpu, bool long_mode);
Box *box_new(void);
void box_free(Box *b);
void box_put(Box *b, uint32_t at, unsigned size, uint64_t v);
uint64_t box_get(Box *b, uint32_t at, unsigned size);
/* @access: P DPL S type; @flags: G D L AVL */
uint64_t box_desc(uint32_t base, uint32_t limit, unsigned access,
                  unsigned flags);
uint64_t box_gate(uint16_t sel, uint32_t off, unsigned access, unsigned low);
void box_expect_fault(Box *b, unsigned vector, int64_t error);
/** box_protected() - flat 32-bit ring 0, stack at 0x9000, ring 0 stack of the
 *  TSS at 0xa000 */
void box_protected(Box *b);
/** box_ring3() - from there by an iret */
void box_ring3(Box *b);
/** box_long() - 64-bit ring 0; 2 MiB pages 1:1, 4 KiB ones at 4 MiB */
void box_long(Box *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Box, box_free)

#endif
