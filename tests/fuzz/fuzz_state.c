/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile saved state: what is refused changes nothing; with what is taken the
 * machine goes on without harm to us.
 */
#include "tests/fuzz/pc_box.h"

#define EDITS_MAX 16

static Device *take_device(PcBox *b, FuzzIn *in, guint *index)
{
    guint count = b->start->len - 2;
    Device *dev = b->vm->devices;

    *index = (guint)fuzz_take(in, 1) % count;
    for (guint i = 0; i < *index; i++) {
        dev = dev->next;
    }
    return dev;
}

typedef struct Spot {
    guint at, size; /* of a row's value in the blob */
} Spot;

/* Where values are (core/state.h): a row is name, type, count, size, value; the
 * value of a group is the rows of its elements. */
static void find_values(Codec *c, GArray *spots, uint32_t elements)
{
    uint32_t rows;

    while (elements-- > 0 && codec_size(c, &rows, UINT32_MAX)) {
        while (rows-- > 0) {
            g_autofree char *name = NULL;
            uint8_t type = 0;
            uint32_t count = 0, length = 0;

            g_assert_true(codec_str(c, &name, UINT32_MAX) && codec_u8(c, &type)
                          && codec_size(c, &count, UINT32_MAX)
                          && codec_u32(c, &length));
            if (type == STATE_TYPE_GROUP) {
                find_values(c, spots, count);
            } else {
                Spot spot = {(guint)c->pos, length};

                g_array_append_val(spots, spot);
                c->pos += length;
            }
        }
    }
}

static GArray *spots_of(const GByteArray *blob)
{
    GArray *spots = g_array_new(FALSE, FALSE, sizeof(Spot));
    Codec c;

    codec_init_read(&c, blob->data, blob->len);
    find_values(&c, spots, 1);
    g_assert_cmpuint(codec_left(&c), ==, 0);
    return spots;
}

static void edit(GByteArray *a, const GArray *spots, FuzzIn *in)
{
    unsigned how = (unsigned)fuzz_take(in, 1) % 8;
    guint at = (guint)fuzz_take(in, 2);
    const Spot *spot;

    if (how == 7) {
        g_byte_array_set_size(a, at % a->len);
    } else if (how == 6 || spots->len == 0) {
        a->data[at % a->len] = (uint8_t)fuzz_take(in, 1);
    } else {
        spot = &g_array_index(spots, Spot, (at >> 4) % spots->len);
        if (spot->size > 0 && spot->at + spot->size <= a->len) {
            at = spot->at + (at & 15) % spot->size;
            a->data[at] = (uint8_t)fuzz_take(in, 1);
        }
    }
}

static GByteArray *take_blob(FuzzIn *in, const GByteArray *good)
{
    GByteArray *a = g_byte_array_new();
    unsigned edits = (unsigned)fuzz_take(in, 1) % EDITS_MAX;
    g_autoptr(GArray) spots = NULL;

    g_byte_array_append(a, good->data, good->len);
    spots = spots_of(good);
    while (edits-- > 0 && a->len > 0) {
        edit(a, spots, in);
    }
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzIn in = {data, size};
    PcBox *b = pc_box();
    g_autoptr(GArray) before = pc_box_digests(b);
    g_autoptr(GByteArray) blob = NULL, again = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    guint index;
    Device *dev = take_device(b, &in, &index);

    blob = take_blob(&in, g_ptr_array_index(b->start, index + 2));
    if (!state_load(dev, blob->data, blob->len, &error)) {
        g_assert_nonnull(error);
        pc_box_assert_same(b, before, "refused state");
    } else {
        uint64_t taken = state_digest(dev);

        g_assert_null(error);
        state_save(dev, again);
        g_assert_true(state_load(dev, again->data, again->len, NULL));
        g_assert_cmphex(state_digest(dev), ==, taken);
    }
    pc_box_ops(b, &in);
    return 0;
}
