/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State rows: access to members, reset, and text for people. */
#include "core/state.h"

#include <string.h>

#include "core/device.h"
#include "core/state_priv.h"

#define TEXT_MAX_ELEMENTS 64 /* of an array row, for people */

bool state_is_row(const StateField *f)
{
    return f->kind == STATE_KIND_REG || f->kind == STATE_KIND_HIDDEN;
}

bool state_is_scalar(const StateField *f)
{
    switch (f->type) {
    case STATE_TYPE_BOOL:
    case STATE_TYPE_U8:
    case STATE_TYPE_U16:
    case STATE_TYPE_U32:
    case STATE_TYPE_U64:
    case STATE_TYPE_I32:
    case STATE_TYPE_I64:
    case STATE_TYPE_VIRT_TIME:
        return true;
    default:
        return false;
    }
}

void *state_elem(const StateField *f, const void *obj, uint32_t i)
{
    return (char *)(uintptr_t)obj + f->offset + (size_t)i * f->size;
}

uint64_t state_get(const StateField *f, const void *obj, uint32_t i)
{
    const void *p = state_elem(f, obj, i);

    switch (f->type) {
    case STATE_TYPE_BOOL:
        return *(const bool *)p;
    case STATE_TYPE_U8:
        return *(const uint8_t *)p;
    case STATE_TYPE_U16:
        return *(const uint16_t *)p;
    case STATE_TYPE_U32:
        return *(const uint32_t *)p;
    case STATE_TYPE_U64:
        return *(const uint64_t *)p;
    case STATE_TYPE_I32:
        return (uint64_t)(int64_t) * (const int32_t *)p;
    case STATE_TYPE_I64:
        return (uint64_t) * (const int64_t *)p;
    case STATE_TYPE_VIRT_TIME:
        return (uint64_t)((const VirtTime *)p)->ns;
    default:
        return 0;
    }
}

void state_set(const StateField *f, void *obj, uint32_t i, uint64_t v)
{
    void *p = state_elem(f, obj, i);

    switch (f->type) {
    case STATE_TYPE_BOOL:
        *(bool *)p = v & 1;
        break;
    case STATE_TYPE_U8:
        *(uint8_t *)p = (uint8_t)v;
        break;
    case STATE_TYPE_U16:
        *(uint16_t *)p = (uint16_t)v;
        break;
    case STATE_TYPE_U32:
        *(uint32_t *)p = (uint32_t)v;
        break;
    case STATE_TYPE_U64:
        *(uint64_t *)p = v;
        break;
    case STATE_TYPE_I32:
        *(int32_t *)p = (int32_t)(uint32_t)v;
        break;
    case STATE_TYPE_I64:
        *(int64_t *)p = (int64_t)v;
        break;
    case STATE_TYPE_VIRT_TIME:
        ((VirtTime *)p)->ns = (int64_t)v;
        break;
    default:
        break;
    }
}

/* --- checks --------------------------------------------------------------- */

static void state_check_row(const StateField *f)
{
    g_assert(f->name);
    if (!state_is_row(f)) {
        return;
    }
    g_assert(f->type != STATE_TYPE_NONE && f->size > 0 && f->count > 0);
    g_assert(f->type != STATE_TYPE_CODEC || f->codec);
    g_assert(!f->canonical || (state_is_scalar(f) && f->count == 1));
    if (f->type == STATE_TYPE_GROUP) {
        g_assert(f->group);
        state_check_rows(f->group);
    }
}

void state_check_rows(const StateField *rows)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        state_check_row(f);
        for (const StateField *g = rows; g < f; g++) {
            g_assert(strcmp(f->name, g->name) != 0);
        }
    }
}

/* --- reset ---------------------------------------------------------------- */

static void reset_rows(const StateField *rows, void *obj, bool kept_too);

static void reset_element(const StateField *f, void *obj, uint32_t i,
                          bool kept_too)
{
    void *p = state_elem(f, obj, i);

    switch (f->type) {
    case STATE_TYPE_GROUP:
        reset_rows(f->group, p, kept_too);
        break;
    case STATE_TYPE_TIMER:
        timer_cancel(p);
        break;
    case STATE_TYPE_V128:
        *(V128 *)p = (V128){.u64 = {f->reset, 0}};
        break;
    case STATE_TYPE_IRQ:   /* belongs to whoever drives it */
    case STATE_TYPE_CODEC: /* .reset_done knows its form */
        break;
    default:
        state_set(f, obj, i, f->reset);
        break;
    }
}

static void reset_rows(const StateField *rows, void *obj, bool kept_too)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        if (!state_is_row(f) || (f->keep && !kept_too)) {
            continue;
        }
        for (uint32_t i = 0; i < f->count; i++) {
            reset_element(f, obj, i, kept_too);
        }
    }
}

void state_reset(Device *dev)
{
    reset_rows(dev->type->state, dev, false);
}

void state_init_rows(Device *dev)
{
    reset_rows(dev->type->state, dev, true);
}

/* --- text ----------------------------------------------------------------- */

static void text_element(const StateField *f, const void *obj, uint32_t i,
                         GString *out)
{
    const void *p = state_elem(f, obj, i);
    const Timer *t = p;
    const V128 *v = p;

    switch (f->type) {
    case STATE_TYPE_TIMER:
        if (t->armed) {
            g_string_append_printf(out, "at %" PRId64 " ns", t->when.ns);
        } else {
            g_string_append(out, "off");
        }
        break;
    case STATE_TYPE_IRQ:
        g_string_append(out, ((const IrqLine *)p)->level ? "1" : "0");
        break;
    case STATE_TYPE_V128:
        g_string_append_printf(out, "0x%016" PRIx64 "%016" PRIx64, v->u64[1],
                               v->u64[0]);
        break;
    case STATE_TYPE_VIRT_TIME:
        g_string_append_printf(out, "%" PRId64 " ns",
                               ((const VirtTime *)p)->ns);
        break;
    case STATE_TYPE_I32:
    case STATE_TYPE_I64:
        g_string_append_printf(out, "%" PRId64, (int64_t)state_get(f, obj, i));
        break;
    default:
        g_string_append_printf(out, "0x%" PRIx64,
                               f->canonical ? f->canonical(obj)
                                            : state_get(f, obj, i));
        break;
    }
}

/* Long arrays and codec rows: their size and hash. */
static void text_hash(const StateField *f, const void *obj, GString *out)
{
    Codec c;

    codec_init_hash(&c);
    state_encode_row(f, obj, &c);
    g_string_append_printf(out, "%u x %u bytes, hash %016" PRIx64, f->count,
                           f->size, codec_finish_hash(&c));
}

static void foreach_rows(const StateField *rows, const void *obj,
                         const char *prefix, StateVisit *visit, void *opaque)
{
    for (const StateField *f = rows; f && f->kind != STATE_KIND_END; f++) {
        g_autofree char *name = g_strconcat(prefix, f->name, NULL);
        g_autoptr(GString) text = g_string_new(NULL);

        if (!state_is_row(f)) {
            continue;
        }
        if (f->type == STATE_TYPE_GROUP) {
            for (uint32_t i = 0; i < f->count; i++) {
                g_autofree char *sub =
                    f->count == 1 ? g_strdup_printf("%s.", name)
                                  : g_strdup_printf("%s[%u].", name, i);

                foreach_rows(f->group, state_elem(f, obj, i), sub, visit,
                             opaque);
            }
            continue;
        }
        if (f->type == STATE_TYPE_CODEC || f->count > TEXT_MAX_ELEMENTS) {
            text_hash(f, obj, text);
        } else {
            for (uint32_t i = 0; i < f->count; i++) {
                g_string_append(text, i ? " " : "");
                text_element(f, obj, i, text);
            }
        }
        visit(opaque, name, text->str);
    }
}

void state_foreach(const Device *dev, StateVisit *visit, void *opaque)
{
    foreach_rows(dev->type->state, dev, "", visit, opaque);
}
