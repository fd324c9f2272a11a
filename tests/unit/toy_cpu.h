/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up architecture for tests of the accelerator. Sixteen 64-bit
 * registers, no alignment. Instructions are four bytes (li48: eight): opcode,
 * rd << 4 | rs, imm as 16 little-endian bits, signed. Branches are relative to
 * their own start.
 */
#ifndef TESTS_UNIT_TOY_CPU_H
#define TESTS_UNIT_TOY_CPU_H

#include "accel/ir_build.h"
#include "accel/vcpu.h"

enum {
    TOY_LI = 1, /* rd = imm */
    TOY_ADD,    /* rd += rs */
    TOY_ADDI,   /* rd += imm */
    TOY_LD,     /* rd = 8 bytes at rs + imm */
    TOY_ST,     /* 8 bytes at rs + imm = rd */
    TOY_LDB,
    TOY_STB,
    TOY_BNE, /* if rd != rs: go to pc + imm */
    TOY_JMP,
    TOY_JMPR,   /* to rd */
    TOY_WAIT,   /* halt */
    TOY_STI,    /* interrupts on, after one more step; imm: the block goes on */
    TOY_INVL,   /* flush the page of rd */
    TOY_SWITCH, /* address space key rd, keep entries when imm */
    TOY_LUI,    /* rd = rd << 16 | imm (unsigned) */
    TOY_COUNT,  /* rd = steps completed before this one */
    TOY_INC,    /* 8 bytes at rs + imm += rd, checked for writing first */
    TOY_VCOPY,  /* 16 bytes at rd = 16 bytes at rs + imm */
    TOY_LI48,   /* eight bytes: rd = six bytes of immediate, unsigned */
    TOY_MOVZ,   /* if rs == 0: rd = imm */
    TOY_RUN,    /* up to rd steps of doing nothing: each lowers rd */
    TOY_EMIT,   /* what toy_emit says */
};

enum {
    TOY_MODE_PAGED = 1
};

/* Page table: 8 bytes a page at ToyCpu.table. */
enum {
    TOY_PTE_P = 1,
    TOY_PTE_W = 2,
    TOY_PTE_X = 4,
    TOY_PTE_A = 8,
    TOY_PTE_D = 16,
    TOY_PTE_G = 32,
    TOY_PTE_LARGE = 64, /* 64 KiB: sixteen equal entries */
};

enum {
    TOY_FAULT_ILLEGAL = 1,
    TOY_FAULT_PAGE
};

typedef struct ToyCpu {
    Vcpu v;
    uint64_t r[16];
    V128 x[2];
    uint64_t table; /* guest physical */
    uint64_t vector;
    uint64_t fault_pc, fault_va, fault_kind, fault_access;
    uint64_t faults; /* delivered */
    bool irq_on, inhibit, line;
} ToyCpu;

typedef struct Toy {
    Vm *vm;
    ToyCpu *c;
    uint8_t *ram;
    void (*emit)(IrBuilder *b); /* TOY_EMIT */
} Toy;

#define TOY_RAM (4u << 20)
#define TOY_MMIO 0x10000000u /* counts accesses, keeps the last value */

Toy *toy_new(const char *options);
void toy_free(Toy *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Toy, toy_free)

/* Write one instruction; returns the address behind it. */
uint32_t toy_put(Toy *t, uint32_t at, unsigned op, unsigned rd, unsigned rs,
                 int imm);
uint32_t toy_put48(Toy *t, uint32_t at, unsigned rd, uint64_t imm);
void toy_map(Toy *t, uint64_t va, uint64_t phys, unsigned bits);
uint64_t toy_pte(Toy *t, uint64_t va);
/** toy_paging() - page tables at @table, empty */
void toy_paging(Toy *t, uint64_t table);
uint64_t toy_icount(const Toy *t);

/* The device's log. */
typedef struct ToyIo {
    unsigned reads, writes;
    uint64_t value, offset;
    unsigned size;
    uint64_t icount;   /* of the last access */
    bool kick;         /* a write ends the slice */
    MemRegion *enable; /* a write enables it */
} ToyIo;
ToyIo *toy_io(Toy *t);

#endif
