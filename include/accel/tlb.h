/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translation of guest virtual addresses. Level 2 is an exact model of one
 * fixed TLB per vCPU (state); level 1 is a cache of it for speed (not state).
 */
#ifndef ACCEL_TLB_H
#define ACCEL_TLB_H

#include "core/types.h"

typedef struct Vcpu Vcpu;

typedef enum MemAccess {
    ACCESS_READ,
    ACCESS_WRITE,
    ACCESS_EXEC
} MemAccess;

typedef enum TlbProt {
    TLB_R = 1 << 0,
    TLB_W = 1 << 1, /* only when the dirty bit is already set */
    TLB_X = 1 << 2,
} TlbProt;

/* What a walk found. */
typedef struct TlbFill {
    GuestPhys phys; /* of the 4 KiB page that holds the address */
    uint8_t prot;   /* TlbProt */
    bool global;    /* survives a context switch */
    uint64_t range; /* bytes of the mapping: 4096, 2 MiB, ...: a flush of any
                         address in it drops all of it */
} TlbFill;

#define TLB_CONTEXTS 8

/** tlb_flush() - everything, or everything that is not global */
void tlb_flush(Vcpu *v, bool globals_too);
/** tlb_flush_page() - one address in the current context, globals too */
void tlb_flush_page(Vcpu *v, uint64_t va);
/** tlb_flush_context() - non-global entries of one address-space key */
void tlb_flush_context(Vcpu *v, uint64_t key);
/** tlb_flush_context_page() - one address of one key */
void tlb_flush_context_page(Vcpu *v, uint64_t key, uint64_t va);
/** tlb_switch() - the address space changes (CR3, ASID); entries of the new
 *  key are kept only when @keep; contexts are recycled least recently switched
 *  to first */
void tlb_switch(Vcpu *v, uint64_t key, bool keep);

/** tlb_print() - `info tlb`: level 2, valid entries */
void tlb_print(const Vcpu *v, GString *out);

#endif
