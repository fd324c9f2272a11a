/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables in memory, least recently used first out. */
#include "block/qcow2_priv.h"

#include <string.h>

#define CACHE_BYTES (16u << 20)
#define TABLES_MIN 8u

void q2_cache_init(Q2Cache *c, Qcow2 *q)
{
    c->q = q;
    c->tables = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_queue_init(&c->lru);
    c->max = MAX(CACHE_BYTES / q->cluster, TABLES_MIN);
}

static void table_remove(Q2Cache *c, Q2Table *t)
{
    c->dirty -= t->dirty;
    g_hash_table_remove(c->tables, &t->offset);
    g_queue_unlink(&c->lru, &t->link);
    g_free(t->bytes);
    g_free(t);
}

void q2_cache_drop(Q2Cache *c)
{
    while (c->tables && c->lru.head) {
        table_remove(c, c->lru.head->data);
    }
}

void q2_cache_fini(Q2Cache *c)
{
    q2_cache_drop(c);
    g_clear_pointer(&c->tables, g_hash_table_unref);
}

void q2_cache_forget(Q2Cache *c, uint64_t offset)
{
    Q2Table *t = g_hash_table_lookup(c->tables, &offset);

    if (t) {
        table_remove(c, t);
    }
}

void q2_cache_dirty(Q2Cache *c, Q2Table *t)
{
    c->dirty += !t->dirty;
    t->dirty = true;
}

static int table_write(Q2Cache *c, Q2Table *t)
{
    int err = block_write(c->q->file, t->offset, t->bytes, c->q->cluster);

    c->q->unsynced = true;
    if (!err) {
        c->dirty -= t->dirty;
        t->dirty = false;
    }
    return err;
}

int q2_cache_flush(Q2Cache *c)
{
    for (GList *l = c->lru.head; l && c->dirty; l = l->next) {
        Q2Table *t = l->data;
        int err = t->dirty ? table_write(c, t) : 0;

        if (err) {
            return err;
        }
    }
    return 0;
}

/* Counts may go to the file at any time, other tables only after them. */
static int make_room(Q2Cache *c)
{
    Q2Table *t = c->lru.head->data;
    int err = 0;

    if (t->dirty) {
        err = c == &c->q->refs ? table_write(c, t) : q2_flush_meta(c->q, false);
    }
    if (!err) {
        table_remove(c, t);
    }
    return err;
}

int q2_cache_get(Q2Cache *c, uint64_t offset, bool fresh, Q2Table **out)
{
    Q2Table *t = g_hash_table_lookup(c->tables, &offset);
    int err = 0;

    if (t) {
        g_queue_unlink(&c->lru, &t->link);
        g_queue_push_tail_link(&c->lru, &t->link);
        if (fresh) {
            memset(t->bytes, 0, c->q->cluster);
        }
        *out = t;
        return 0;
    }
    if (g_hash_table_size(c->tables) >= c->max) {
        err = make_room(c);
        if (err) {
            return err;
        }
    }
    t = g_new0(Q2Table, 1);
    t->offset = offset;
    t->link.data = t;
    t->bytes = g_malloc0(c->q->cluster);
    if (!fresh) {
        err = block_read(c->q->file, offset, t->bytes, c->q->cluster);
    }
    if (err) {
        g_free(t->bytes);
        g_free(t);
        return err;
    }
    g_hash_table_insert(c->tables, &t->offset, t);
    g_queue_push_tail_link(&c->lru, &t->link);
    *out = t;
    return 0;
}
