/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A counted tree with shared branches: page number -> version. */
#include "replay/page_map_priv.h"

#define FAN_BITS 5
#define FAN (1u << FAN_BITS)
#define MALLOC_BYTES 16 /* of overhead */

struct PageNode {
    uint32_t refs;
    /* PageVersion * at the lowest level, else PageNode *; owned references */
    void *slot[FAN];
};

void page_maps_init(PageMaps *m, PageStore *store, size_t pages)
{
    *m = (PageMaps){.store = store, .pages = pages, .levels = 1};
    while ((size_t)1 << FAN_BITS * m->levels < pages) {
        m->levels++;
    }
}

PageNode *page_map_ref(PageNode *root)
{
    root->refs++;
    return root;
}

static void version_unref(const PageMaps *m, PageVersion *v)
{
    if (v && --v->refs == 0) {
        page_blob_unref(m->store, v->blob);
        g_free(v);
        page_store_charge(m->store,
                          -(int64_t)(sizeof(PageVersion) + MALLOC_BYTES));
    }
}

static void node_unref(const PageMaps *m, PageNode *n, unsigned level)
{
    if (!n || --n->refs > 0) {
        return;
    }
    for (unsigned i = 0; i < FAN; i++) {
        if (level == 0) {
            version_unref(m, n->slot[i]);
        } else {
            node_unref(m, n->slot[i], level - 1);
        }
    }
    g_free(n);
    page_store_charge(m->store, -(int64_t)(sizeof(PageNode) + MALLOC_BYTES));
}

void page_map_unref(const PageMaps *m, PageNode *root)
{
    node_unref(m, root, m->levels - 1);
}

static unsigned slot_of(RamPage page, unsigned level)
{
    return page >> level * FAN_BITS & (FAN - 1);
}

PageVersion *page_map_get(const PageMaps *m, const PageNode *root, RamPage page)
{
    const PageNode *n = root;

    g_assert(page < m->pages);
    for (unsigned level = m->levels - 1; level > 0; level--) {
        n = n->slot[slot_of(page, level)];
    }
    return n->slot[slot_of(page, 0)];
}

/* The node at @at, which nobody else has: a copy when it was shared. */
static PageNode *node_own(const PageMaps *m, void **at, unsigned level)
{
    PageNode *old = *at, *n;

    if (old && old->refs == 1) {
        return old;
    }
    n = g_new0(PageNode, 1);
    n->refs = 1;
    page_store_charge(m->store, sizeof(PageNode) + MALLOC_BYTES);
    for (unsigned i = 0; old && i < FAN; i++) {
        n->slot[i] = old->slot[i];
        if (!n->slot[i]) {
            continue;
        }
        if (level == 0) {
            ((PageVersion *)n->slot[i])->refs++;
        } else {
            ((PageNode *)n->slot[i])->refs++;
        }
    }
    if (old) {
        old->refs--; /* it was shared */
    }
    *at = n;
    return n;
}

void page_map_put(const PageMaps *m, PageNode **root, RamPage page,
                  PageBlob *blob)
{
    PageVersion *v = g_new(PageVersion, 1);
    void *top = *root, **slot;
    PageNode *n = node_own(m, &top, m->levels - 1);

    g_assert(page < m->pages);
    *root = top;
    for (unsigned level = m->levels - 1; level > 0; level--) {
        n = node_own(m, &n->slot[slot_of(page, level)], level - 1);
    }
    slot = &n->slot[slot_of(page, 0)];
    version_unref(m, *slot);
    *v = (PageVersion){.refs = 1, .blob = blob};
    *slot = v;
    page_store_charge(m->store, sizeof(PageVersion) + MALLOC_BYTES);
}

void page_map_renew(const PageMaps *m, PageNode **root, RamPage page)
{
    page_map_put(m, root, page, NULL);
}

static void node_diff(const PageNode *a, const PageNode *b, unsigned level,
                      RamPage first, PageMapDiff *fn, void *opaque)
{
    if (a == b) {
        return;
    }
    for (unsigned i = 0; i < FAN; i++) {
        RamPage page = first + ((RamPage)i << level * FAN_BITS);

        if (a->slot[i] == b->slot[i]) {
            continue;
        }
        if (level == 0) {
            fn(opaque, page, a->slot[i], b->slot[i]);
        } else {
            node_diff(a->slot[i], b->slot[i], level - 1, page, fn, opaque);
        }
    }
}

void page_map_diff(const PageMaps *m, const PageNode *a, const PageNode *b,
                   PageMapDiff *fn, void *opaque)
{
    node_diff(a, b, m->levels - 1, 0, fn, opaque);
}
