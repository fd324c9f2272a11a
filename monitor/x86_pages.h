/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that a vCPU's page tables map, without side effects (SDM 3A 4.2-4.5). */
#ifndef MONITOR_X86_PAGES_H
#define MONITOR_X86_PAGES_H

#include "cpu/x86.h"

#define PAGE_WRITE (1ull << 1)
#define PAGE_USER (1ull << 2)
#define PAGE_LARGE (1ull << 7)
#define PAGE_NX (1ull << 63)

/* One mapping in the order of addresses. @flags: as in the last entry; W, U and
 * NX as all levels together allow. False: enough. */
typedef bool X86PageVisit(void *opaque, uint64_t va, uint64_t pa, uint64_t size,
                          uint64_t flags);
typedef enum X86Pages {
    X86_PAGES_OFF,  /* paging is off */
    X86_PAGES_ALL,  /* everything was visited */
    X86_PAGES_MORE, /* there were too many tables, or the visitor had enough */
} X86Pages;
/** x86_pages_walk() - @once: a set of page tables (of 4 KiB pages) to be left
 *  out; those that are visited are added. NULL: all, however often mapped */
X86Pages x86_pages_walk(const X86Cpu *c, GHashTable *once, X86PageVisit *visit,
                        void *opaque);

#endif
