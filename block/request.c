/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests in flight: they are state, and can be issued again. */
#include "block/drive_priv.h"

#include <string.h>

#include "replay/checkpoint.h"

#define FLYING_MAX (256u << 20) /* bytes in flight of one drive */

void blk_slot_free(gpointer slot)
{
    BlkSlot *s = slot;

    if (s) {
        blk_job_unref(s->job);
        g_free(s->loaded);
        g_free(s);
    }
}

static uint32_t slot_free_number(const DriveDev *v)
{
    uint32_t n = 0;

    while (n < v->slots->len && v->slots->pdata[n]) {
        n++;
    }
    return n;
}

static void slot_put(DriveDev *v, uint32_t n, BlkSlot *s)
{
    if (n >= v->slots->len) {
        g_ptr_array_set_size(v->slots, (gint)n + 1);
    }
    v->slots->pdata[n] = s;
}

/* --- to the pool -------------------------------------------------------------- */

static void overlay_append(Drive *d, BlkSlot *s, const void *data)
{
    bool full;

    if (d->vm->replay) {
        replay_beside(d->vm->replay);
    }
    d->dev->position = overlay_write(d->overlay, d->dev->position, s->offset,
                                     data, s->bytes, &full);
    if (full && !blk_state(d->vm)->overlay_full) {
        blk_state(d->vm)->overlay_full = true;
        g_printerr("reprise: drive '%s': the file of the temporary overlay "
                   "cannot grow: what the guest writes stays in memory\n",
                   d->id ? d->id : "");
    }
}

/* Where the bytes of a read are: in the overlay, in the one below it that came
 * with a snapshot, or in the image. */
static GArray *read_pieces(const Drive *d, const BlkSlot *s)
{
    GArray *top = g_array_new(FALSE, FALSE, sizeof(OverlayPiece));
    GArray *out;

    overlay_resolve(d->overlay, s->position, s->offset, s->bytes, top);
    if (!d->under) {
        return top;
    }
    out = g_array_new(FALSE, FALSE, sizeof(OverlayPiece));
    for (guint i = 0; i < top->len; i++) {
        OverlayPiece p = g_array_index(top, OverlayPiece, i);
        guint first = out->len;

        if (p.from != OVERLAY_BASE) {
            g_array_append_val(out, p);
            continue;
        }
        overlay_resolve(d->under, UINT64_MAX, p.at, p.bytes, out);
        for (guint k = first; k < out->len; k++) {
            OverlayPiece *low = &g_array_index(out, OverlayPiece, k);

            if (low->from == OVERLAY_LOG) {
                low->from = OVERLAY_UNDER;
            }
        }
    }
    g_array_free(top, TRUE);
    return out;
}

/* @data: of a write, not yet in the overlay; NULL: there is none. */
static void slot_issue(Drive *d, uint32_t n, BlkSlot *s, const void *data)
{
    BlkJob *j = blk_job_new(d, n, s->op);

    j->offset = s->offset;
    j->bytes = s->bytes;
    if (s->op == BLK_READ) {
        j->data = g_malloc(MAX(s->bytes, 1));
        if (d->overlay) {
            j->pieces = read_pieces(d, s);
        }
    } else if (d->overlay) {
        /* A discard keeps the data: what it leaves must be the same again. */
        j->nothing = true;
    } else if (s->op == BLK_WRITE) {
        j->data = data ? g_memdup2(data, s->bytes) : NULL;
        j->nothing = !data; /* saved where an overlay had it */
    }
    s->job = j;
    blk_job_start(j);
}

/* After a load: everything that is in flight, again. */
void blk_slots_issue(Drive *d)
{
    DriveDev *v = d->dev;

    for (uint32_t n = 0; n < v->slots->len; n++) {
        BlkSlot *s = g_ptr_array_index(v->slots, n);

        if (!s || s->job) {
            continue;
        }
        if (d->overlay && s->op == BLK_WRITE && s->has_data) {
            overlay_append(d, s, s->loaded);
            s->has_data = false;
        }
        slot_issue(d, n, s, s->loaded);
        g_clear_pointer(&s->loaded, g_free);
    }
}

/* --- submission ------------------------------------------------------------------ */

static BlkResult request_check(const Drive *d, const BlkRequest *r)
{
    const DriveDev *v = d->dev;

    if (!v->medium || v->tray_open) {
        return BLK_ENOMEDIUM;
    }
    if (r->op == BLK_FLUSH) {
        return BLK_OK;
    }
    if (r->offset % BLK_SECTOR || r->bytes % BLK_SECTOR || r->bytes == 0
        || r->offset > v->bytes || r->bytes > v->bytes - r->offset) {
        return BLK_ERANGE;
    }
    if ((r->op == BLK_READ || r->op == BLK_WRITE)
        && r->bytes > BLK_REQUEST_MAX) {
        return BLK_ERANGE;
    }
    return r->op != BLK_READ && d->read_only ? BLK_EROFS : BLK_OK;
}

BlkResult drive_submit(Drive *d, const BlkRequest *r)
{
    DriveDev *v = d->dev;
    BlkResult bad;
    BlkSlot *s;
    uint32_t n;

    vm_assert_thread(d->vm);
    bad = request_check(d, r);
    n = slot_free_number(v);
    if (bad == BLK_OK
        && (n >= BLK_INFLIGHT_MAX
            || (v->flying && v->flying + r->bytes > FLYING_MAX))) {
        bad = BLK_EBUSY;
    }
    if (bad != BLK_OK) {
        d->stats.refused++;
        return bad;
    }
    s = g_new0(BlkSlot, 1);
    s->op = r->op;
    s->tag = r->tag;
    s->told = true;
    s->offset = r->offset;
    s->bytes = r->bytes;
    s->has_data = r->op == BLK_WRITE && !d->overlay;
    if (d->overlay && (r->op == BLK_WRITE || r->op == BLK_WRITE_ZEROES)) {
        overlay_append(d, s, r->op == BLK_WRITE ? r->data : NULL);
    }
    s->position = v->position;
    v->flying += s->bytes;
    slot_put(v, n, s);
    slot_issue(d, n, s, r->data);
    return BLK_OK;
}

unsigned drive_in_flight(const Drive *d)
{
    unsigned count = 0;

    for (guint n = 0; n < d->dev->slots->len; n++) {
        const BlkSlot *s = g_ptr_array_index(d->dev->slots, n);

        count += s && s->told;
    }
    return count;
}

/* Their completions still come, as inputs; nobody is told. */
void drive_forget(Drive *d)
{
    for (guint n = 0; n < d->dev->slots->len; n++) {
        BlkSlot *s = g_ptr_array_index(d->dev->slots, n);

        if (s) {
            s->told = false;
        }
    }
}

/* --- as state ---------------------------------------------------------------------- */

static bool slot_codec(Codec *c, const DriveDev *v, BlkSlot *s)
{
    uint8_t op = (uint8_t)s->op;
    uint8_t *data;

    if (!codec_u8(c, &op) || op >= BLK_OP_COUNT || !codec_u32(c, &s->tag)
        || !codec_bool(c, &s->told) || !codec_u64(c, &s->offset)
        || !codec_u64(c, &s->bytes) || !codec_u64(c, &s->position)
        || !codec_bool(c, &s->has_data)) {
        return false;
    }
    s->op = (BlkOp)op;
    if ((op == BLK_READ || op == BLK_WRITE) && s->bytes > BLK_REQUEST_MAX) {
        return false;
    }
    if (!s->has_data) {
        return true;
    }
    if (op != BLK_WRITE) {
        return false;
    }
    if (c->mode == CODEC_READ) {
        if (codec_left(c) < s->bytes) {
            return false;
        }
        s->loaded = g_malloc(MAX(s->bytes, 1));
    }
    data = s->loaded ? s->loaded : s->job->data;
    return codec_bytes(c, data, s->bytes);
}

static bool slots_read(DriveDev *v, Codec *c)
{
    uint32_t count = 0, number = 0;

    g_ptr_array_set_size(v->slots, 0);
    if (!codec_size(c, &count, BLK_INFLIGHT_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        BlkSlot *s = g_new0(BlkSlot, 1);

        if (!codec_size(c, &number, BLK_INFLIGHT_MAX - 1)
            || (number < v->slots->len && v->slots->pdata[number])
            || !slot_codec(c, v, s)) {
            blk_slot_free(s);
            return false;
        }
        slot_put(v, number, s);
    }
    return true;
}

bool blk_slots_codec(void *obj, Codec *c)
{
    DriveDev *v = obj;
    uint32_t count = 0;

    if (c->mode == CODEC_READ) {
        bool ok = slots_read(v, c);

        c->failed |= !ok;
        return ok;
    }
    for (guint n = 0; n < v->slots->len; n++) {
        count += v->slots->pdata[n] != NULL;
    }
    if (!codec_size(c, &count, BLK_INFLIGHT_MAX)) {
        return false;
    }
    for (uint32_t n = 0; n < v->slots->len; n++) {
        BlkSlot *s = g_ptr_array_index(v->slots, n);

        if (s
            && (!codec_size(c, &n, BLK_INFLIGHT_MAX - 1)
                || !slot_codec(c, v, s))) {
            return false;
        }
    }
    return true;
}
