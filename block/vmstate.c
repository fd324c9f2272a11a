/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/vmstate.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "block/drive_priv.h"
#include "block/qcow2_snapshot_priv.h"
#include "block/view_priv.h"
#include "core/bytes.h"

#define STREAM_CHUNK (256u << 10)
#define ZSTD_LEVEL 1
#define PIECE_MAX (1u << 20)

/* One image that takes part. */
typedef struct Part {
    BlockNode *node; /* owned reference */
    Drive *drive;    /* NULL: nobody's */
    Q2View view;
    bool begun;
    bool was_read_only;
    int index; /* of the snapshot, loading */
} Part;

/* --- who takes part ---------------------------------------------------------------- */

/* The qcow2 node of a drive, below filters. */
static BlockNode *snapshot_node(BlockNode *n)
{
    while (n && !block_can_snapshot(n)) {
        n = block_file(n);
    }
    return n && block_can_snapshot(n) ? n : NULL;
}

/* Writes of its guest are not to reach its image. */
static bool drive_is_temporary(const Drive *d)
{
    return d->snapshot || blk_state(d->vm)->snapshot;
}

static const char *drive_name(const Drive *d)
{
    return d->id ? d->id : d->node ? block_node_name(d->node) : "";
}

static bool listed(const char *const *names, BlockNode *n)
{
    return !names || g_strv_contains(names, block_node_name(n));
}

static void part_clear(gpointer part)
{
    Part *p = part;

    q2_view_clear(&p->view);
    block_unref(p->node);
}

static bool add_part(GArray *parts, Drive *d, const VmStatePlace *place,
                     GError **error)
{
    BlockNode *n = snapshot_node(d->node);
    Part p = {.node = n, .drive = d};

    if (d->hidden || !d->node || d->read_only) {
        return true;
    }
    if (!n || drive_is_temporary(d)) {
        return d->overlay || !d->user || d->read_only
               || fail(error,
                       "Device '%s' is writable but does not support "
                       "snapshots",
                       drive_name(d));
    }
    if (listed(place->devices, n)) {
        block_ref(n);
        g_array_append_val(parts, p);
    }
    return true;
}

static bool parts_find(Vm *vm, const VmStatePlace *place, GArray *parts,
                       GError **error)
{
    BlkState *st = blk_state(vm);

    for (guint i = 0; i < st->drives->len; i++) {
        if (!add_part(parts, g_ptr_array_index(st->drives, i), place, error)) {
            return false;
        }
    }
    for (guint i = 0; i < st->named->len; i++) {
        BlockNode *n = g_ptr_array_index(st->named, i);
        Part p = {.node = n};
        bool known = !block_can_snapshot(n) || n->guest_read_only
                     || !listed(place->devices, n);

        for (guint k = 0; k < parts->len && !known; k++) {
            known = g_array_index(parts, Part, k).node == n;
        }
        if (!known) {
            block_ref(n);
            g_array_append_val(parts, p);
        }
    }
    return true;
}

static GArray *parts_new(void)
{
    GArray *parts = g_array_new(FALSE, TRUE, sizeof(Part));

    g_array_set_clear_func(parts, part_clear);
    return parts;
}

/* Which of them holds the state. */
static Part *parts_state(GArray *parts, const VmStatePlace *place,
                         GError **error)
{
    for (guint i = 0; i < parts->len; i++) {
        Part *p = &g_array_index(parts, Part, i);

        if (!place->vmstate
            || strcmp(place->vmstate, block_node_name(p->node)) == 0) {
            return p;
        }
    }
    if (place->vmstate) {
        fail(error, "vmstate block device '%s' does not exist", place->vmstate);
    } else {
        fail(error, "No block device can accept snapshots");
    }
    return NULL;
}

BlockNode *vmstate_node(Vm *vm, GError **error)
{
    const VmStatePlace place = {0};
    g_autoptr(GArray) parts = parts_new();
    Part *p = NULL;

    if (parts_find(vm, &place, parts, error)) {
        p = parts_state(parts, &place, error);
    }
    return p ? p->node : NULL;
}

/* --- saving --------------------------------------------------------------------------- */

struct VmSave {
    Vm *vm;
    GArray *parts;  /* owned: Part */
    guint state;    /* index of the part that holds the state */
    uint64_t at;    /* in its view */
    uint64_t bytes; /* compressed so far */
    ZSTD_CCtx *ctx; /* owned */
    uint8_t *out;   /* owned */
    int err;
    GArray *overlays; /* owned: SavedOverlay */
};

/* A piece of the disk that an overlay had. */
typedef struct SavedPiece {
    uint64_t at, bytes;
    Overlay *from;    /* borrowed: of the SavedOverlay; NULL: zeroes */
    uint64_t from_at; /* in its log */
} SavedPiece;

/* An overlay as it is when the snapshot is taken: the guest goes on writing,
 * and its index is the machine thread's. */
typedef struct SavedOverlay {
    Drive *drive;
    Overlay *overlay, *under; /* owned references */
    GArray *pieces;           /* owned: SavedPiece, later ones hide earlier */
    Part *into;               /* NULL: the stream */
} SavedOverlay;

static void saved_clear(gpointer saved)
{
    SavedOverlay *o = saved;

    g_array_unref(o->pieces);
    overlay_unref(o->overlay);
    overlay_unref(o->under);
}

static void save_free(VmSave *s)
{
    for (guint i = 0; i < s->parts->len; i++) {
        Part *p = &g_array_index(s->parts, Part, i);
        g_autoptr(GError) ignored = NULL;

        if (p->was_read_only) {
            block_flush(p->node);
            block_set_read_only(p->node, true, &ignored);
        }
    }
    ZSTD_freeCCtx(s->ctx);
    g_array_free(s->overlays, TRUE);
    g_array_free(s->parts, TRUE);
    g_free(s->out);
    g_free(s);
}

static void state_write(VmSave *s, size_t size)
{
    Part *p = &g_array_index(s->parts, Part, s->state);

    if (!s->err && size) {
        s->err = q2_write(qcow2_of(p->node), &p->view, s->at + s->bytes, s->out,
                          size);
        s->bytes += size;
    }
}

static void stream_pack(VmSave *s, const void *data, size_t size,
                        ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = {.src = data, .size = size};
    size_t left = 1;

    while (!s->err && (left || in.pos < in.size)) {
        ZSTD_outBuffer out = {.dst = s->out, .size = STREAM_CHUNK};

        left = ZSTD_compressStream2(s->ctx, &out, &in, how);
        if (ZSTD_isError(left)) {
            s->err = EIO;
            return;
        }
        state_write(s, out.pos);
        if (how == ZSTD_e_continue && in.pos == in.size) {
            return;
        }
    }
}

void vmstate_put(VmSave *s, const void *data, size_t size)
{
    stream_pack(s, data, size, ZSTD_e_continue);
}

typedef struct Remember {
    Overlay *from;
    uint64_t position;
    GArray *into; /* SavedPiece */
} Remember;

static void remember_stretch(void *opaque, uint64_t at, uint64_t bytes)
{
    const Remember *r = opaque;
    g_autoptr(GArray) pieces = g_array_new(FALSE, FALSE, sizeof(OverlayPiece));

    overlay_resolve(r->from, r->position, at, bytes, pieces);
    for (guint i = 0; i < pieces->len; i++) {
        const OverlayPiece *p = &g_array_index(pieces, OverlayPiece, i);
        SavedPiece piece = {
            .at = at,
            .bytes = p->bytes,
            .from = p->from == OVERLAY_LOG ? r->from : NULL,
            .from_at = p->at,
        };

        g_array_append_val(r->into, piece);
        at += p->bytes;
    }
}

static void remember_pieces(SavedOverlay *o)
{
    Remember r = {.into = o->pieces};

    if (o->under) {
        r.from = o->under;
        r.position = UINT64_MAX;
        overlay_foreach(r.from, r.position, remember_stretch, &r);
    }
    r.from = o->overlay;
    r.position = o->drive->dev->position;
    overlay_foreach(r.from, r.position, remember_stretch, &r);
}

static void remember_overlays(VmSave *s)
{
    BlkState *st = blk_state(s->vm);

    for (guint i = 0; i < st->attached->len; i++) {
        Drive *d = g_ptr_array_index(st->attached, i);
        SavedOverlay o = {.drive = d};

        if (!d->overlay) {
            continue;
        }
        o.overlay = overlay_ref(d->overlay);
        o.under = overlay_ref(d->under);
        o.pieces = g_array_new(FALSE, FALSE, sizeof(SavedPiece));
        for (guint k = 0; k < s->parts->len; k++) {
            Part *p = &g_array_index(s->parts, Part, k);

            if (p->drive == d) {
                o.into = p;
            }
        }
        remember_pieces(&o);
        g_array_append_val(s->overlays, o);
    }
}

/* The disk is that of the base, which may itself be one of the snapshots. */
static int part_begin(Part *p, uint64_t state_bytes, GError **error)
{
    if (p->node->mode.read_only) {
        if (!block_set_read_only(p->node, false, error)) {
            return -1;
        }
        p->was_read_only = true;
    }
    p->begun = true;
    return q2_snapshot_begin(qcow2_of(p->node),
                             p->drive ? p->drive->view : NULL, state_bytes,
                             &p->view);
}

bool vmstate_begin(Vm *vm, const VmStatePlace *place, uint64_t state_bytes,
                   VmSave **out, GError **error)
{
    VmSave *s = g_new0(VmSave, 1);
    Part *state;

    vm_assert_thread(vm);
    s->vm = vm;
    s->parts = parts_new();
    s->overlays = g_array_new(FALSE, TRUE, sizeof(SavedOverlay));
    g_array_set_clear_func(s->overlays, saved_clear);
    s->out = g_malloc(STREAM_CHUNK);
    s->ctx = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(s->ctx, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(s->ctx, ZSTD_c_checksumFlag, 1);
    if (!parts_find(vm, place, s->parts, error)
        || !(state = parts_state(s->parts, place, error))) {
        save_free(s);
        return false;
    }
    s->state = (guint)(state - (Part *)(void *)s->parts->data);
    remember_overlays(s);
    for (guint i = 0; i < s->overlays->len; i++) {
        const SavedOverlay *o = &g_array_index(s->overlays, SavedOverlay, i);

        state_bytes += o->into ? 0 : o->drive->dev->bytes;
    }
    for (guint i = 0; i < s->parts->len; i++) {
        Part *p = &g_array_index(s->parts, Part, i);
        int err = part_begin(p, p == state ? state_bytes : 0, error);

        if (err) {
            if (err > 0) {
                fail_errno(error, err, "%s: snapshot", block_filename(p->node));
            }
            save_free(s);
            return false;
        }
    }
    s->at = q2_vm_state_at(qcow2_of(state->node), state->view.bytes);
    *out = s;
    return true;
}

/* --- overlays ---------------------------------------------------------------------------- */

static void copy_piece(VmSave *s, const SavedOverlay *o, const SavedPiece *p,
                       uint8_t *buf)
{
    uint8_t head[16];

    if (p->from) {
        s->err = overlay_fetch(p->from, p->from_at, buf, p->bytes);
    } else {
        memset(buf, 0, p->bytes);
    }
    if (s->err) {
        return;
    }
    if (o->into) {
        s->err = q2_write(qcow2_of(o->into->node), &o->into->view, p->at, buf,
                          p->bytes);
        return;
    }
    st_le64(head, p->at);
    st_le64(head + 8, p->bytes);
    vmstate_put(s, head, sizeof(head));
    vmstate_put(s, buf, p->bytes);
}

/* Drives whose overlay is in the stream: name, pieces, an end; then an empty
 * name. */
static void copy_overlays(VmSave *s)
{
    static const uint8_t end[16] = {0};
    g_autofree uint8_t *buf = g_malloc(PIECE_MAX);
    uint8_t number[4];

    for (guint i = 0; i < s->overlays->len; i++) {
        const SavedOverlay *o = &g_array_index(s->overlays, SavedOverlay, i);

        st_le32(number, o->drive->number + 1);
        if (!o->into) {
            vmstate_put(s, number, sizeof(number));
        }
        for (guint k = 0; k < o->pieces->len && !s->err; k++) {
            copy_piece(s, o, &g_array_index(o->pieces, SavedPiece, k), buf);
        }
        if (!o->into) {
            vmstate_put(s, end, sizeof(end));
        }
    }
    memset(number, 0, sizeof(number));
    vmstate_put(s, number, sizeof(number));
}

static int delete_named(BlkState *st, BlockNode *n, const char *name,
                        bool keep_last)
{
    Qcow2 *q = qcow2_of(n);
    int err = 0;

    for (;;) {
        int index = q2_snapshot_find(q, name);

        if (err || index < 0
            || strcmp(g_array_index(q->snapshots, Q2Snapshot, index).info.name,
                      name)
                   != 0
            || (keep_last && index == (int)q->snapshots->len - 1)) {
            return err;
        }
        if (view_in_use(st, n, index)) {
            return 0; /* the older one stays until then */
        }
        err = q2_snapshot_delete(q, index);
    }
}

bool vmstate_finish(VmSave *s, const BlockSnapshot *info, GError **error)
{
    BlockSnapshot own = *info;
    Vm *vm = s->vm;
    int err;

    copy_overlays(s);
    stream_pack(s, NULL, 0, ZSTD_e_end);
    err = s->err;
    for (guint i = 0; i < s->parts->len && !err; i++) {
        Part *p = &g_array_index(s->parts, Part, i);

        own.vm_state_bytes = i == s->state ? s->bytes : 0;
        err = q2_snapshot_finish(qcow2_of(p->node), &p->view, &own);
        err =
            err ? err : delete_named(blk_state(vm), p->node, info->name, true);
    }
    save_free(s);
    return !err || fail_errno(error, err, "snapshot '%s'", info->name);
}

/* --- loading ------------------------------------------------------------------------------ */

struct VmLoad {
    Vm *vm;
    GArray *parts; /* owned: Part */
    guint state;
    char *name;  /* owned */
    Q2View view; /* of the part with the state */
    uint64_t at, end;
    ZSTD_DCtx *ctx; /* owned */
    uint8_t *in;    /* owned */
    ZSTD_inBuffer have;
    BlockSnapshot info; /* texts borrowed from the image */
    GPtrArray *under;   /* owned: Overlay or NULL, by number of the drive */
};

void vmstate_close(VmLoad *l)
{
    if (!l) {
        return;
    }
    q2_view_clear(&l->view);
    ZSTD_freeDCtx(l->ctx);
    g_array_free(l->parts, TRUE);
    g_ptr_array_free(l->under, TRUE);
    g_free(l->name);
    g_free(l->in);
    g_free(l);
}

const BlockSnapshot *vmstate_info(const VmLoad *l)
{
    return &l->info;
}

static bool parts_have(VmLoad *l, GError **error)
{
    for (guint i = 0; i < l->parts->len; i++) {
        Part *p = &g_array_index(l->parts, Part, i);

        p->index = q2_snapshot_find(qcow2_of(p->node), l->name);
        if (p->index < 0) {
            return fail(error,
                        "Device '%s' does not have the requested snapshot "
                        "'%s'",
                        p->drive ? drive_name(p->drive)
                                 : block_node_name(p->node),
                        l->name);
        }
    }
    return true;
}

static bool load_begin(VmLoad *l, const VmStatePlace *place, GError **error)
{
    Part *state;
    int err;

    if (!parts_find(l->vm, place, l->parts, error)
        || !(state = parts_state(l->parts, place, error))
        || !parts_have(l, error)) {
        return false;
    }
    l->state = (guint)(state - (Part *)(void *)l->parts->data);
    l->info = g_array_index(qcow2_of(state->node)->snapshots, Q2Snapshot,
                            state->index)
                  .info;
    err = q2_snapshot_view(qcow2_of(state->node), state->index, &l->view);
    if (err) {
        return fail_errno(error, err, "%s: snapshot '%s'",
                          block_filename(state->node), l->name);
    }
    if (l->info.vm_state_bytes == 0) {
        return fail(error,
                    "This is a disk-only snapshot. Revert to it offline using "
                    "qemu-img");
    }
    l->at = q2_vm_state_at(qcow2_of(state->node), l->view.bytes);
    l->end = l->at + l->info.vm_state_bytes;
    return (l->end > l->at && l->end < INT64_MAX)
           || fail(error, "snapshot '%s' is damaged", l->name);
}

bool vmstate_open(Vm *vm, const VmStatePlace *place, const char *name,
                  VmLoad **out, GError **error)
{
    VmLoad *l = g_new0(VmLoad, 1);

    l->vm = vm;
    l->name = g_strdup(name);
    l->parts = parts_new();
    l->under = g_ptr_array_new_with_free_func((GDestroyNotify)overlay_unref);
    l->ctx = ZSTD_createDCtx();
    l->in = g_malloc(STREAM_CHUNK);
    if (!load_begin(l, place, error)) {
        vmstate_close(l);
        return false;
    }
    *out = l;
    return true;
}

static bool load_more(VmLoad *l)
{
    Part *p = &g_array_index(l->parts, Part, l->state);
    size_t n = (size_t)MIN(l->end - l->at, STREAM_CHUNK);

    if (n == 0 || q2_read(qcow2_of(p->node), &l->view, l->at, l->in, n) != 0) {
        return false;
    }
    l->at += n;
    l->have = (ZSTD_inBuffer){.src = l->in, .size = n};
    return true;
}

bool vmstate_get(VmLoad *l, void *buf, size_t size)
{
    ZSTD_outBuffer out = {.dst = buf, .size = size};

    while (out.pos < out.size) {
        size_t before = out.pos;

        if (ZSTD_isError(ZSTD_decompressStream(l->ctx, &out, &l->have))) {
            return false;
        }
        if (out.pos == before && l->have.pos == l->have.size && !load_more(l)) {
            return false;
        }
    }
    return true;
}

static bool get_overlay(VmLoad *l, Overlay *o)
{
    g_autofree uint8_t *buf = g_malloc(PIECE_MAX);
    uint64_t position = 0;
    uint8_t head[16];
    bool full;

    for (;;) {
        uint64_t at, bytes;

        if (!vmstate_get(l, head, sizeof(head))) {
            return false;
        }
        at = ld_le64(head);
        bytes = ld_le64(head + 8);
        if (bytes == 0) {
            return true;
        }
        if (bytes > PIECE_MAX || at % BLK_SECTOR || bytes % BLK_SECTOR
            || at > INT64_MAX / 2 || !vmstate_get(l, buf, bytes)) {
            return false;
        }
        position =
            overlay_write(o, position, at,
                          block_is_zero(buf, bytes) ? NULL : buf, bytes, &full);
    }
}

static bool get_overlays(VmLoad *l, GError **error)
{
    BlkState *st = blk_state(l->vm);
    uint8_t number[4];

    g_ptr_array_set_size(l->under, (gint)st->attached->len);
    for (;;) {
        uint32_t n;
        Overlay *o;

        if (!vmstate_get(l, number, sizeof(number))) {
            return fail(error, "snapshot '%s' is damaged", l->name);
        }
        n = ld_le32(number);
        if (n == 0) {
            return true;
        }
        if (n > st->attached->len || l->under->pdata[n - 1]) {
            return fail(error, "snapshot '%s' has a drive that is not here",
                        l->name);
        }
        o = overlay_new(error);
        if (!o) {
            return false;
        }
        l->under->pdata[n - 1] = o;
        if (!get_overlay(l, o)) {
            return fail(error, "snapshot '%s' is damaged", l->name);
        }
    }
}

/* Writes of the guest start afresh over this base. */
static bool drive_rebase(VmLoad *l, Drive *d, GError **error)
{
    Overlay *fresh = overlay_new(error);

    if (!fresh) {
        return false;
    }
    overlay_unref(d->overlay);
    d->overlay = fresh;
    overlay_unref(d->under);
    d->under = overlay_ref(l->under->pdata[d->number]);
    for (guint i = 0; i < l->parts->len; i++) {
        Part *p = &g_array_index(l->parts, Part, i);

        if (p->drive == d) {
            return drive_use_view(d, p->node, l->name, error);
        }
    }
    return true;
}

bool vmstate_disks(VmLoad *l, GError **error)
{
    BlkState *st = blk_state(l->vm);

    vm_assert_thread(l->vm);
    if (!get_overlays(l, error)) {
        return false;
    }
    blk_drain(st);
    for (guint i = 0; i < l->parts->len; i++) {
        Part *p = &g_array_index(l->parts, Part, i);
        int err = 0;

        if (!p->drive || !p->drive->overlay) {
            err =
                st->protect ? 0 : q2_snapshot_goto(qcow2_of(p->node), p->index);
        }
        if (err) {
            return fail_errno(error, err, "%s: snapshot '%s'",
                              block_filename(p->node), l->name);
        }
    }
    for (guint i = 0; i < st->attached->len; i++) {
        Drive *d = g_ptr_array_index(st->attached, i);

        if (d->overlay && !drive_rebase(l, d, error)) {
            return false;
        }
    }
    return true;
}

/* --- others --------------------------------------------------------------------------------- */

bool vmstate_delete(Vm *vm, const VmStatePlace *place, const char *name,
                    GError **error)
{
    g_autoptr(GArray) parts = parts_new();
    bool found = false;

    if (!parts_find(vm, place, parts, error)
        || !parts_state(parts, place, error)) {
        return false;
    }
    for (guint i = 0; i < parts->len; i++) {
        Part *p = &g_array_index(parts, Part, i);
        bool read_only = p->node->mode.read_only;
        int index = q2_snapshot_find(qcow2_of(p->node), name);
        int err;

        if (index < 0) {
            continue;
        }
        if (view_in_use(blk_state(vm), p->node, index)) {
            return fail(error,
                        "snapshot '%s' is in use: the machine runs on "
                        "its disk",
                        name);
        }
        found = true;
        if (!block_set_read_only(p->node, false, error)) {
            return false;
        }
        err = q2_snapshot_delete(qcow2_of(p->node), index);
        if (read_only) {
            block_flush(p->node);
            block_set_read_only(p->node, true, NULL);
        }
        if (err) {
            return fail_errno(error, err, "%s: snapshot '%s'",
                              block_filename(p->node), name);
        }
    }
    return found || fail(error, "there is no snapshot '%s'", name);
}

bool drives_start_from(Vm *vm, const char *name, GError **error)
{
    const VmStatePlace place = {0};
    g_autoptr(GArray) parts = parts_new();

    if (!parts_find(vm, &place, parts, error)) {
        return false;
    }
    for (guint i = 0; i < parts->len; i++) {
        Part *p = &g_array_index(parts, Part, i);

        if (p->drive && p->drive->overlay
            && q2_snapshot_find(qcow2_of(p->node), name) >= 0
            && !drive_use_view(p->drive, p->node, name, error)) {
            return false;
        }
    }
    return true;
}
