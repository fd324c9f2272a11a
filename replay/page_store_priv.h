/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contents of pages, each stored once, counted. While the memory budget is
 * tight the ones not used for longest are compressed by a worker thread, then
 * moved to a temporary file without a name. Thread: machine.
 */
#ifndef REPLAY_PAGE_STORE_PRIV_H
#define REPLAY_PAGE_STORE_PRIV_H

#include "core/types.h"

#define PAGE_BLOB_ROOM 4352 /* a page that could not be compressed, and more */

typedef struct PageStore PageStore;
typedef struct PageBlob PageBlob; /* 4096 bytes that never change */

typedef struct PageStoreStats {
    uint64_t bytes; /* host memory: contents and what was charged */
    uint64_t plain, packed, spilled; /* contents */
    uint64_t spilled_bytes;          /* of the file that are in use */
} PageStoreStats;

PageStore *page_store_new(uint64_t budget);
/** page_store_free() - all contents must have been given back */
void page_store_free(PageStore *s);
/** page_store_charge() - other memory that the budget has to bear; may be
 *  negative */
void page_store_charge(PageStore *s, int64_t bytes);
/** page_store_put() - a reference to this content */
PageBlob *page_store_put(PageStore *s, const uint8_t *page);
PageBlob *page_blob_ref(PageBlob *b);
void page_blob_unref(PageStore *s, PageBlob *b);
/** page_blob_warm() - it can be read; false: the file cannot be */
bool page_blob_warm(PageStore *s, PageBlob *b, GError **error);
/** page_blob_read() - of one that is warm: its bytes, maybe in @room */
const uint8_t *page_blob_read(PageStore *s, PageBlob *b,
                              uint8_t room[GUEST_PAGE_SIZE]);
/** page_blob_bytes() - as they are kept in a file: fills @room, returns how many;
 *  a page: not compressed; 0: the temporary file cannot be read */
uint16_t page_blob_bytes(PageStore *s, PageBlob *b,
                         uint8_t room[PAGE_BLOB_ROOM]);
bool page_blob_is_zero(const PageStore *s, const PageBlob *b);
uint64_t page_blob_hash(const PageBlob *b);
/** page_store_zero() - a reference to the page of zeroes */
PageBlob *page_store_zero(PageStore *s);
/** page_store_kept() - a content that lies in a file, which the store closes;
 *  one file at most */
void page_store_keep(PageStore *s, int fd);
PageBlob *page_store_kept(PageStore *s, uint64_t offset, uint16_t size,
                          uint64_t hash);
/** page_store_tend() - take what the worker has done, give it more */
void page_store_tend(PageStore *s);
/** page_store_settle() - wait for the worker */
void page_store_settle(PageStore *s);
/** page_store_full() - beyond the budget, and the worker cannot help */
bool page_store_full(const PageStore *s);
void page_store_stats(const PageStore *s, PageStoreStats *out);

#endif
