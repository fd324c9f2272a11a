/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Internal snapshots: the table of them, making, taking up and deleting. */
#include "block/qcow2_snapshot_priv.h"

#include <errno.h>
#include <string.h>

#include "core/bytes.h"

#define ENTRY_BYTES 40u
#define EXTRA_MAX 1024u
#define EXTRA_OURS 24u /* VM state size, disk size, icount */
#define TABLE_MAX (64u << 20)

/* --- the table ----------------------------------------------------------------- */

static void snapshot_free(Q2Snapshot *s)
{
    g_free(s->info.id);
    g_free(s->info.name);
    if (s->extra) {
        g_byte_array_free(s->extra, TRUE);
    }
}

void q2_snapshots_free(Qcow2 *q)
{
    for (guint i = 0; i < q->snapshots->len; i++) {
        snapshot_free(&g_array_index(q->snapshots, Q2Snapshot, i));
    }
    g_array_free(q->snapshots, TRUE);
}

static void extra_read(const Qcow2 *q, Q2Snapshot *s, uint32_t old_vm_bytes)
{
    const uint8_t *p = s->extra->data;

    s->info.vm_state_bytes = s->extra->len >= 8 ? ld_be64(p) : old_vm_bytes;
    s->info.disk_bytes = s->extra->len >= 16 ? ld_be64(p + 8) : q->active.bytes;
    s->info.icount = s->extra->len >= 24 ? ld_be64(p + 16) : UINT64_MAX;
}

static bool snapshot_read(Qcow2 *q, uint64_t *at, uint64_t end, Q2Snapshot *s)
{
    uint8_t b[ENTRY_BYTES];
    uint32_t id, name, extra;

    if (*at + sizeof(b) > end || block_read(q->file, *at, b, sizeof(b))) {
        return false;
    }
    s->l1_offset = ld_be64(b);
    s->l1_count = ld_be32(b + 8);
    id = ld_be16(b + 12);
    name = ld_be16(b + 14);
    s->info.date_sec = ld_be32(b + 16);
    s->info.date_nsec = ld_be32(b + 20);
    s->info.vm_clock_ns = ld_be64(b + 24);
    extra = ld_be32(b + 36);
    *at += sizeof(b);
    if (extra > EXTRA_MAX || *at + extra + id + name > end) {
        return false;
    }
    s->extra = g_byte_array_new();
    g_byte_array_set_size(s->extra, extra);
    s->info.id = g_malloc0(id + 1u);
    s->info.name = g_malloc0(name + 1u);
    if (block_read(q->file, *at, s->extra->data, extra)
        || block_read(q->file, *at + extra, s->info.id, id)
        || block_read(q->file, *at + extra + id, s->info.name, name)) {
        return false;
    }
    extra_read(q, s, ld_be32(b + 32));
    *at += (extra + id + name + 7) & ~7u;
    return s->l1_offset % q->cluster == 0 && s->l1_count <= (32u << 20) / 8;
}

bool q2_snapshots_read(Qcow2 *q, GError **error)
{
    uint8_t b[12];
    uint64_t at, start;
    uint32_t count;

    if (block_read(q->file, Q2_H_SNAPSHOTS, b, sizeof(b))) {
        return fail(error, "%s: cannot be read", block_filename(q->node));
    }
    count = ld_be32(b);
    start = at = ld_be64(b + 4);
    for (uint32_t i = 0; i < count; i++) {
        Q2Snapshot s = {0};
        bool ok = start % q->cluster == 0 && start < INT64_MAX - TABLE_MAX
                  && snapshot_read(q, &at, start + TABLE_MAX, &s);

        if (!ok) {
            snapshot_free(&s);
            return fail(error, "%s: its table of snapshots is damaged",
                        block_filename(q->node));
        }
        g_array_append_val(q->snapshots, s);
    }
    return true;
}

static void snapshot_write(GByteArray *out, const Q2Snapshot *s)
{
    uint8_t b[ENTRY_BYTES] = {0};
    size_t id = strlen(s->info.id), name = strlen(s->info.name);

    st_be64(b, s->l1_offset);
    st_be32(b + 8, s->l1_count);
    st_be16(b + 12, (uint16_t)id);
    st_be16(b + 14, (uint16_t)name);
    st_be32(b + 16, (uint32_t)s->info.date_sec);
    st_be32(b + 20, s->info.date_nsec);
    st_be64(b + 24, s->info.vm_clock_ns);
    st_be32(b + 32, (uint32_t)MIN(s->info.vm_state_bytes, UINT32_MAX));
    st_be32(b + 36, s->extra->len);
    g_byte_array_append(out, b, sizeof(b));
    g_byte_array_append(out, s->extra->data, s->extra->len);
    g_byte_array_append(out, (const uint8_t *)s->info.id, (guint)id);
    g_byte_array_append(out, (const uint8_t *)s->info.name, (guint)name);
    while (out->len % 8) {
        g_byte_array_append(out, (const uint8_t *)"", 1);
    }
}

static uint64_t table_bytes(const GArray *snapshots)
{
    uint64_t bytes = 0;

    for (guint i = 0; i < snapshots->len; i++) {
        const Q2Snapshot *s = &g_array_index(snapshots, Q2Snapshot, i);

        bytes += (ENTRY_BYTES + s->extra->len + strlen(s->info.id)
                  + strlen(s->info.name) + 7)
                 & ~7ull;
    }
    return bytes;
}

/* The whole table goes to a new place; then the header points there. */
static int table_write(Qcow2 *q, uint64_t old_bytes)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint8_t b[12];
    uint64_t offset = 0;
    int err = block_read(q->file, Q2_H_SNAPSHOTS, b, sizeof(b));

    for (guint i = 0; i < q->snapshots->len; i++) {
        snapshot_write(out, &g_array_index(q->snapshots, Q2Snapshot, i));
    }
    if (!err && out->len > TABLE_MAX) {
        err = EFBIG;
    }
    if (!err && out->len) {
        err = q2_alloc(q, out->len, &offset);
        err = err ? err : block_write(q->file, offset, out->data, out->len);
        q->unsynced = true;
    }
    err = err ? err : q2_flush_meta(q, true);
    err = err ? err : q2_put32_64(q, Q2_H_SNAPSHOTS, q->snapshots->len, offset);
    err = err ? err : q2_sync(q);
    if (!err && old_bytes) {
        q2_free_later(q, ld_be64(b + 4), old_bytes);
        err = q2_flush_meta(q, true);
    }
    return err;
}

/* --- everything that a view uses --------------------------------------------------- */

static int table_load(Qcow2 *q, uint64_t entry, Q2Table *t)
{
    uint64_t offset = entry & Q2_OFFSET_MASK;

    t->offset = offset;
    return offset % q->cluster
               ? q2_corrupt(q, "L2 table", offset)
               : block_read(q->file, offset, t->bytes, q->cluster);
}

static int entry_ref(Qcow2 *q, uint64_t entry, int delta)
{
    uint64_t offset;
    uint32_t bytes;

    if (entry & Q2_COMPRESSED) {
        q2_packed_place(q, entry, &offset, &bytes);
        return q2_ref_add(q, offset, bytes, delta);
    }
    return entry & Q2_OFFSET_MASK
               ? q2_ref_add(q, entry & Q2_OFFSET_MASK, q->cluster, delta)
               : 0;
}

/* All counts of what @l1 leads to; the caches hold nothing unwritten. */
static int view_ref(Qcow2 *q, const uint64_t *l1, uint32_t count, int delta)
{
    Q2Table t = {.bytes = g_malloc(q->cluster)};
    int err = 0;

    for (uint32_t i = 0; i < count && !err; i++) {
        if (!(l1[i] & Q2_OFFSET_MASK)) {
            continue;
        }
        err = table_load(q, l1[i], &t);
        for (unsigned k = 0; k < 1u << q->l2_bits && !err; k++) {
            err = entry_ref(q, q2_entry(q, &t, k), delta);
        }
        err = err ? err
                  : q2_ref_add(q, l1[i] & Q2_OFFSET_MASK, q->cluster, delta);
    }
    g_free(t.bytes);
    return err;
}

static uint64_t flag_as(uint64_t entry, bool owned)
{
    return owned ? entry | Q2_COPIED : entry & ~Q2_COPIED;
}

/* Flags of one table; *changed. @clear: none is set. */
static int table_flags(Qcow2 *q, Q2Table *t, bool clear, bool *changed)
{
    for (unsigned k = 0; k < 1u << q->l2_bits; k++) {
        uint64_t entry = q2_entry(q, t, k), count = 0, now;
        int err;

        if ((entry & Q2_COMPRESSED) || !(entry & Q2_OFFSET_MASK)) {
            continue;
        }
        err = clear ? 0
                    : q2_ref_get(q, (entry & Q2_OFFSET_MASK) >> q->cluster_bits,
                                 &count);
        if (err) {
            return err;
        }
        now = flag_as(entry, count == 1);
        if (now != entry) {
            st_be64(t->bytes + (size_t)k * q->entry_bytes, now);
            *changed = true;
        }
    }
    return 0;
}

/* The flags of the active view say what the counts say, or nothing. */
int q2_fix_flags(Qcow2 *q, bool clear)
{
    Q2View *v = &q->active;
    Q2Table t = {.bytes = g_malloc(q->cluster)};
    bool l1_changed = false;
    int err = 0;

    for (uint32_t i = 0; i < v->count && !err; i++) {
        uint64_t offset = v->l1[i] & Q2_OFFSET_MASK, count = 0, now;
        bool changed = false;

        if (!offset) {
            continue;
        }
        err = table_load(q, v->l1[i], &t);
        err = err ? err : table_flags(q, &t, clear, &changed);
        if (!err && changed) {
            q->unsynced = true;
            err = block_write(q->file, offset, t.bytes, q->cluster);
        }
        err = err || clear ? err
                           : q2_ref_get(q, offset >> q->cluster_bits, &count);
        now = flag_as(v->l1[i], count == 1);
        l1_changed |= now != v->l1[i];
        v->l1[i] = now;
    }
    g_free(t.bytes);
    q2_cache_drop(&q->l2);
    if (!err && l1_changed) {
        err = q2_write_u64s(q, v->offset, v->l1, v->count);
    }
    return err;
}

/* --- finding ------------------------------------------------------------------------ */

int q2_snapshot_find(const Qcow2 *q, const char *name)
{
    for (guint i = 0; i < q->snapshots->len; i++) {
        const Q2Snapshot *s = &g_array_index(q->snapshots, Q2Snapshot, i);

        if (strcmp(s->info.name, name) == 0) {
            return (int)i;
        }
    }
    for (guint i = 0; i < q->snapshots->len; i++) {
        const Q2Snapshot *s = &g_array_index(q->snapshots, Q2Snapshot, i);

        if (strcmp(s->info.id, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static char *new_id(const Qcow2 *q)
{
    uint64_t max = 0;

    for (guint i = 0; i < q->snapshots->len; i++) {
        const Q2Snapshot *s = &g_array_index(q->snapshots, Q2Snapshot, i);

        max = MAX(max, g_ascii_strtoull(s->info.id, NULL, 10));
    }
    return g_strdup_printf("%" PRIu64, max + 1);
}

/* --- making ---------------------------------------------------------------------------- */

/* Where the state of the machine begins: after the last table of the disk. */
uint64_t q2_vm_state_at(const Qcow2 *q, uint64_t disk_bytes)
{
    uint64_t per_l1 = (uint64_t)q->cluster << q->l2_bits;

    return (disk_bytes + per_l1 - 1) / per_l1 * per_l1;
}

/* Nothing waits for the disk here, the machine stands still: until the snapshot
 * is in the table, all that can be lost are counts too high and flags not set. */
static int begin_held(Qcow2 *q, const Q2View *from, uint64_t vm_state_max,
                      Q2View *out)
{
    uint64_t per_l1 = (uint64_t)q->cluster << q->l2_bits;
    uint64_t end = q2_vm_state_at(q, from->bytes) + vm_state_max;
    uint64_t disk = MIN(from->count, (from->bytes + per_l1 - 1) / per_l1);
    uint64_t count = MAX(disk, (end + per_l1 - 1) / per_l1);
    int err;

    if (count > (32u << 20) / 8) {
        return EFBIG;
    }
    err = q2_touch(q);
    err = err ? err : q2_flush_meta(q, false);
    err = err ? err : q2_mark_dirty(q);
    if (!err && from->active) {
        err = q2_fix_flags(q, true);
    }
    err = err ? err : view_ref(q, from->l1, (uint32_t)disk, 1);
    if (err) {
        q2_fix_flags(q, false);
        return err;
    }
    *out = (Q2View){.bytes = from->bytes, .count = (uint32_t)count};
    out->l1 = g_new0(uint64_t, MAX(count, 1));
    memcpy(out->l1, from->l1, disk * 8ull);
    return q2_flush_meta(q, false);
}

int q2_snapshot_begin(Qcow2 *q, const Q2View *from, uint64_t vm_state_max,
                      Q2View *out)
{
    int err;

    g_rw_lock_writer_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = begin_held(q, from ? from : &q->active, vm_state_max, out);
    g_mutex_unlock(&q->meta);
    g_rw_lock_writer_unlock(&q->io);
    return err;
}

static void snapshot_extra(Q2Snapshot *s)
{
    uint8_t extra[EXTRA_OURS];

    st_be64(extra, s->info.vm_state_bytes);
    st_be64(extra + 8, s->info.disk_bytes);
    st_be64(extra + 16, s->info.icount);
    s->extra = g_byte_array_new();
    g_byte_array_append(s->extra, extra, sizeof(extra));
}

static int finish_held(Qcow2 *q, Q2View *v, const BlockSnapshot *info)
{
    uint64_t old = table_bytes(q->snapshots);
    Q2Snapshot s = {.info = *info, .l1_count = v->count};
    int err = q2_touch(q);

    err = err ? err : q2_alloc(q, MAX(v->count, 1) * 8ull, &s.l1_offset);
    for (uint32_t i = 0; i < v->count; i++) {
        v->l1[i] &= ~Q2_COPIED;
    }
    err = err ? err : q2_write_u64s(q, s.l1_offset, v->l1, v->count);
    err = err ? err : q2_flush_meta(q, true);
    if (err) {
        return err;
    }
    s.info.id = info->id ? g_strdup(info->id) : new_id(q);
    s.info.name = g_strdup(info->name);
    s.info.disk_bytes = v->bytes;
    snapshot_extra(&s);
    g_array_append_val(q->snapshots, s);
    err = table_write(q, old);
    if (err) {
        snapshot_free(
            &g_array_index(q->snapshots, Q2Snapshot, q->snapshots->len - 1));
        g_array_set_size(q->snapshots, q->snapshots->len - 1);
        return err;
    }
    /* What the view has of its own now is the active one's alone again. */
    err = q2_fix_flags(q, false);
    err = err ? err : q2_sync(q);
    return err ? err : q2_set_dirty(q, false);
}

int q2_snapshot_finish(Qcow2 *q, Q2View *v, const BlockSnapshot *info)
{
    int err;

    g_rw_lock_writer_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = finish_held(q, v, info);
    g_mutex_unlock(&q->meta);
    g_rw_lock_writer_unlock(&q->io);
    q2_view_clear(v);
    return err;
}

/* --- taking up, deleting ------------------------------------------------------------------ */

int q2_snapshot_view(Qcow2 *q, int index, Q2View *out)
{
    const Q2Snapshot *s = &g_array_index(q->snapshots, Q2Snapshot, index);

    *out = (Q2View){
        .bytes = s->info.disk_bytes,
        .count = s->l1_count,
        .offset = s->l1_offset,
        .l1 = g_new0(uint64_t, s->l1_count + 1),
    };
    return q2_read_u64s(q->file, s->l1_offset, out->l1, s->l1_count);
}

static int delete_held(Qcow2 *q, int index)
{
    Q2Snapshot s = g_array_index(q->snapshots, Q2Snapshot, index);
    uint64_t old = table_bytes(q->snapshots);
    Q2View v = {0};
    int err = q2_touch(q);

    err = err ? err : q2_snapshot_view(q, index, &v);
    if (err) {
        q2_view_clear(&v);
        return err;
    }
    g_array_remove_index(q->snapshots, (guint)index);
    err = table_write(q, old);
    if (err) {
        g_array_insert_val(q->snapshots, (guint)index, s);
        q2_view_clear(&v);
        return err;
    }
    snapshot_free(&s);
    err = q2_set_dirty(q, true);
    err = err ? err : view_ref(q, v.l1, v.count, -1);
    if (!err && s.l1_count) {
        err = q2_ref_add(q, s.l1_offset, s.l1_count * 8ull, -1);
    }
    err = err ? err : q2_flush_meta(q, true);
    err = err ? err : q2_fix_flags(q, false);
    err = err ? err : q2_sync(q);
    q2_view_clear(&v);
    return err ? err : q2_set_dirty(q, false);
}

int q2_snapshot_delete(Qcow2 *q, int index)
{
    int err;

    g_rw_lock_writer_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = delete_held(q, index);
    g_mutex_unlock(&q->meta);
    g_rw_lock_writer_unlock(&q->io);
    return err;
}

/* Only the tables of the disk are taken over, not the state of a machine. */
static int goto_held(Qcow2 *q, int index)
{
    uint64_t per_l1 = (uint64_t)q->cluster << q->l2_bits;
    g_autofree uint64_t *old = NULL;
    uint32_t old_count = q->active.count;
    uint64_t old_offset = q->active.offset, offset = 0;
    uint32_t count;
    Q2View v = {0};
    int err = q2_touch(q);

    err = err ? err : q2_snapshot_view(q, index, &v);
    err = err ? err : q2_flush_meta(q, true);
    err = err ? err : q2_set_dirty(q, true);
    count = (uint32_t)((v.bytes + per_l1 - 1) / per_l1);
    if (!err && count > v.count) {
        err = q2_corrupt(q, "snapshot without tables", v.offset);
    }
    err = err ? err : view_ref(q, v.l1, count, 1);
    err = err ? err : q2_alloc(q, MAX(count, 1) * 8ull, &offset);
    for (uint32_t i = 0; i < count && !err; i++) {
        v.l1[i] &= ~Q2_COPIED;
    }
    err = err ? err : q2_write_u64s(q, offset, v.l1, count);
    err = err ? err : q2_flush_meta(q, true);
    err = err ? err : q2_put32_64(q, Q2_H_L1, count, offset);
    err = err ? err : q2_put64(q, Q2_H_SIZE, v.bytes);
    err = err ? err : q2_sync(q);
    if (err) {
        q2_view_clear(&v);
        return err;
    }
    old = q->active.l1;
    q->active = v;
    q->active.count = count;
    q->active.offset = offset;
    q->active.active = true;
    q->packed_at = 0;
    q2_cache_drop(&q->l2);
    err = view_ref(q, old, old_count, -1);
    if (!err && old_count) {
        err = q2_ref_add(q, old_offset, old_count * 8ull, -1);
    }
    err = err ? err : q2_flush_meta(q, true);
    err = err ? err : q2_fix_flags(q, false);
    err = err ? err : q2_sync(q);
    return err ? err : q2_set_dirty(q, false);
}

int q2_snapshot_goto(Qcow2 *q, int index)
{
    int err;

    g_rw_lock_writer_lock(&q->io);
    g_mutex_lock(&q->meta);
    err = goto_held(q, index);
    g_mutex_unlock(&q->meta);
    g_rw_lock_writer_unlock(&q->io);
    return err;
}
