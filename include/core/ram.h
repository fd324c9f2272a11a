/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RAM store: all RAM and ROM of the machine as numbered 4 KiB pages with
 * flags. Every writer passes ram_dirty() before it changes a page.
 */
#ifndef CORE_RAM_H
#define CORE_RAM_H

#include "core/types.h"

typedef enum RamFlag {
    RAM_FAST = 1 << 0,  /* every client knows that this page is dirty: generated
                             code may store without asking */
    RAM_CODE = 1 << 1,  /* holds translated code: stores take the slow path */
    RAM_WATCH = 1 << 2, /* a debugger watches part of it */
    RAM_NO_WRITE = 1 << 3 /* ROM */
} RamFlag;

/* Who wants to know which pages were written since it last asked. */
typedef enum RamClient {
    RAM_CLIENT_DIGEST,
    RAM_CLIENT_DISPLAY,
    RAM_CLIENT_CHECKPOINT,
    RAM_CLIENT_SUMMARY,
    RAM_CLIENT_SNAPSHOT,
    RAM_CLIENT_COUNT
} RamClient;

/* Called before the first write to a page since its client last collected it:
 * RAM_CLIENT_CHECKPOINT (the page-version store) and RAM_CLIENT_SNAPSHOT. */
typedef void RamBeforeWrite(void *opaque, RamPage page, const uint8_t *old);

/* Told before bytes of a page with RAM_WATCH are written, by whomever. */
typedef enum RamWriter {
    RAM_BY_CPU, /* the page walker's bits included */
    RAM_BY_DEVICE,
} RamWriter;
typedef void RamWatch(void *opaque, RamPage page, uint32_t off, uint32_t size,
                      RamWriter who);

RamStore *ram_store_new(void);
void ram_store_free(RamStore *s);
/** ram_block_add() - @size bytes (rounded up to pages), zeroed, mmap'd */
bool ram_block_add(RamStore *s, const char *name, uint64_t size, uint8_t **host,
                   RamPage *first, GError **error);
size_t ram_page_count(const RamStore *s);
uint8_t *ram_page_host(const RamStore *s, RamPage page);
const char *ram_page_block(const RamStore *s, RamPage page, uint64_t *off);
/** ram_flags() - the flag bytes of all pages, indexed by RamPage; stable once
 *  the machine is sealed */
uint8_t *ram_flags(RamStore *s);
/** ram_dirty() - call before writing @page. Thread: machine. */
void ram_dirty(Vm *vm, RamPage page);
void ram_dirty_range(Vm *vm, RamPage first, uint64_t off, uint64_t size);
void ram_set_watch(RamStore *s, RamWatch *fn, void *opaque);
/** ram_watched() - by writers, when the page has RAM_WATCH */
void ram_watched(Vm *vm, RamPage page, uint32_t off, uint32_t size,
                 RamWriter who);
void ram_set_before_write(RamStore *s, RamBeforeWrite *fn, void *opaque);
/** ram_set_before_snapshot() - the same for RAM_CLIENT_SNAPSHOT */
void ram_set_before_snapshot(RamStore *s, RamBeforeWrite *fn, void *opaque);
/** ram_client_enable() - start to track for @client; all pages count as dirty */
void ram_client_enable(Vm *vm, RamClient client);
/** ram_client_collect() - pages dirtied since the last call, ascending; they
 *  are protected again. The array is owned by the caller. */
GArray *ram_client_collect(Vm *vm, RamClient client);
/** ram_rewind() - @page gets the content of another moment: 4096 bytes. Code
 *  made from bytes that differ goes, and all clients but RAM_CLIENT_CHECKPOINT
 *  are told when any does. Between slices; the caller sees to it that no inline
 *  store to the page is left (it was collected, or the TLB is loaded next). */
void ram_rewind(Vm *vm, RamPage page, const uint8_t *content);
bool ram_client_is_dirty(const RamStore *s, RamClient client, RamPage page);
void ram_set_flag(Vm *vm, RamPage page, RamFlag flag, bool on);

#endif
