/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which version of each page a checkpoint has: a tree that is never changed
 * once it is shared, so that maps share what is equal. A version is one writing
 * of a page: two checkpoints have the same one only if the page was not written
 * in between. Thread: machine.
 */
#ifndef REPLAY_PAGE_MAP_PRIV_H
#define REPLAY_PAGE_MAP_PRIV_H

#include "replay/page_store_priv.h"

typedef struct PageVersion {
    uint32_t refs;
    PageBlob *blob; /* owned reference; NULL: the page's content in RAM is it */
} PageVersion;

typedef struct PageNode PageNode; /* the root of a map; NULL: no page yet */

/* What maps have in common. */
typedef struct PageMaps {
    PageStore *store; /* borrowed: it bears the memory */
    size_t pages;
    unsigned levels;
} PageMaps;

void page_maps_init(PageMaps *m, PageStore *store, size_t pages);
PageNode *page_map_ref(PageNode *root);
void page_map_unref(const PageMaps *m, PageNode *root);
/** page_map_get() - of a map that has all pages; borrowed */
PageVersion *page_map_get(const PageMaps *m, const PageNode *root,
                          RamPage page);
/** page_map_renew() - @page has a new version now, which is in RAM */
void page_map_renew(const PageMaps *m, PageNode **root, RamPage page);
/** page_map_put() - as page_map_renew(), with a content; takes the reference */
void page_map_put(const PageMaps *m, PageNode **root, RamPage page,
                  PageBlob *blob);
/** page_map_diff() - pages whose versions differ, ascending */
typedef void PageMapDiff(void *opaque, RamPage page, PageVersion *a,
                         PageVersion *b);
void page_map_diff(const PageMaps *m, const PageNode *a, const PageNode *b,
                   PageMapDiff *fn, void *opaque);

#endif
