/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device tree: making, properties, order, reset, end. */
#include "core/device.h"

#include <string.h>

#include "core/state_priv.h"
#include "core/trace.h"
#include "core/vm_priv.h"

/* --- properties ----------------------------------------------------------- */

static const PropField *prop_find(const DeviceType *type, const char *name)
{
    for (const PropField *p = type->props; p && p->type != PROP_END; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

static bool prop_unknown(const DeviceType *type, const char *name,
                         GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (const PropField *p = type->props; p && p->type != PROP_END; p++) {
        g_ptr_array_add(names, (gpointer)(uintptr_t)p->name);
    }
    g_ptr_array_add(names, NULL);
    near = nearest_match(name, (const char *const *)names->pdata);
    if (near) {
        return fail(error,
                    "property '%s.%s': no such property, did you mean '%s'?",
                    type->name, name, near);
    }
    return fail(error, "property '%s.%s': no such property", type->name, name);
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const words[] = {"off", "on",    "no",
                                        "yes", "false", "true"};

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i & 1;
            return true;
        }
    }
    return false;
}

/* Decimal or 0x and hexadecimal; the whole text. */
static bool parse_unsigned(const char *text, uint64_t max, uint64_t *out)
{
    bool hex = g_ascii_strncasecmp(text, "0x", 2) == 0;

    return g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0,
                                      max, out, NULL);
}

static bool parse_signed(const char *text, int64_t min, int64_t max,
                         int64_t *out)
{
    return g_ascii_string_to_signed(text, 10, min, max, out, NULL);
}

/* A number of bytes with an optional K, M, G or T. */
static bool parse_size(const char *text, uint64_t *out)
{
    static const char suffixes[] = "kmgt";
    size_t len = strlen(text);
    const char *at;
    g_autofree char *digits = NULL;
    unsigned shift = 0;
    uint64_t v;

    if (len == 0) {
        return false;
    }
    at = strchr(suffixes, g_ascii_tolower(text[len - 1]));
    if (at) {
        shift = 10 * (unsigned)(at - suffixes + 1);
        len--;
    }
    digits = g_strndup(text, len);
    if (!parse_unsigned(digits, UINT64_MAX >> shift, &v)) {
        return false;
    }
    *out = v << shift;
    return true;
}

static bool prop_parse(const PropField *p, void *at, const char *text)
{
    uint64_t u = 0;
    int64_t i = 0;

    switch (p->type) {
    case PROP_BOOL:
        return parse_bool(text, at);
    case PROP_U8:
        return parse_unsigned(text, UINT8_MAX, &u)
               && (*(uint8_t *)at = (uint8_t)u, true);
    case PROP_U16:
        return parse_unsigned(text, UINT16_MAX, &u)
               && (*(uint16_t *)at = (uint16_t)u, true);
    case PROP_U32:
        return parse_unsigned(text, UINT32_MAX, &u)
               && (*(uint32_t *)at = (uint32_t)u, true);
    case PROP_U64:
        return parse_unsigned(text, UINT64_MAX, at);
    case PROP_I32:
        return parse_signed(text, INT32_MIN, INT32_MAX, &i)
               && (*(int32_t *)at = (int32_t)i, true);
    case PROP_SIZE:
        return parse_size(text, at);
    case PROP_STR:
        g_free(*(char **)at);
        *(char **)at = g_strdup(text);
        return true;
    default:
        return false;
    }
}

static const char *prop_expects(PropType type)
{
    switch (type) {
    case PROP_BOOL:
        return "on or off";
    case PROP_U8:
        return "a number from 0 to 255";
    case PROP_U16:
        return "a number from 0 to 65535";
    case PROP_U32:
        return "a number from 0 to 4294967295";
    case PROP_I32:
        return "a number from -2147483648 to 2147483647";
    case PROP_SIZE:
        return "a size, like 512, 64K or 1G";
    default:
        return "a number";
    }
}

static void *prop_at(const PropField *p, const Device *dev)
{
    return (char *)(uintptr_t)dev + p->offset;
}

bool device_set_prop(Device *dev, const char *prop, const char *value,
                     GError **error)
{
    const PropField *p = prop_find(dev->type, prop);

    if (!p) {
        return prop_unknown(dev->type, prop, error);
    }
    if (dev->realized) {
        return fail(error, "property '%s.%s': device is already in use",
                    dev->type->name, prop);
    }
    if (!prop_parse(p, prop_at(p, dev), value)) {
        return fail(error, "property '%s.%s': '%s' is not %s", dev->type->name,
                    prop, value, prop_expects(p->type));
    }
    return true;
}

char *device_get_prop(const Device *dev, const char *prop)
{
    const PropField *p = prop_find(dev->type, prop);
    const void *at;

    if (!p) {
        return NULL;
    }
    at = prop_at(p, dev);
    switch (p->type) {
    case PROP_BOOL:
        return g_strdup(*(const bool *)at ? "on" : "off");
    case PROP_U8:
        return g_strdup_printf("%u", *(const uint8_t *)at);
    case PROP_U16:
        return g_strdup_printf("%u", *(const uint16_t *)at);
    case PROP_U32:
        return g_strdup_printf("%" PRIu32, *(const uint32_t *)at);
    case PROP_I32:
        return g_strdup_printf("%" PRId32, *(const int32_t *)at);
    case PROP_STR:
        return g_strdup(*(char *const *)at ? *(char *const *)at : "");
    default:
        return g_strdup_printf("%" PRIu64, *(const uint64_t *)at);
    }
}

static void props_init(Device *dev)
{
    for (const PropField *p = dev->type->props; p && p->type != PROP_END; p++) {
        if (p->initial) {
            bool good = prop_parse(p, prop_at(p, dev), p->initial);

            g_assert(good);
        }
    }
}

static void props_free(Device *dev)
{
    for (const PropField *p = dev->type->props; p && p->type != PROP_END; p++) {
        if (p->type == PROP_STR) {
            g_free(*(char **)prop_at(p, dev));
        }
    }
}

/* --- making --------------------------------------------------------------- */

static Device *find_path(Vm *vm, const char *path)
{
    for (Device *d = vm->devices; d; d = d->next) {
        if (strcmp(d->path, path) == 0) {
            return d;
        }
    }
    return NULL;
}

static char *unique_path(Vm *vm, const Device *parent, const char *name)
{
    g_autofree char *base =
        g_strdup_printf("%s/%s", parent ? parent->path : "", name);
    char *path = g_strdup(base);

    for (unsigned n = 1; find_path(vm, path); n++) {
        g_free(path);
        path = g_strdup_printf("%s[%u]", base, n);
    }
    return path;
}

Device *device_new(Vm *vm, const DeviceType *type, Device *parent,
                   const char *name)
{
    Device *dev, **last = &vm->devices;

    g_assert(!vm->priv->sealed && type->size >= sizeof(Device));
    state_check_rows(type->state);
    dev = g_malloc0(type->size);
    dev->type = type;
    dev->vm = vm;
    dev->parent = parent;
    dev->path = unique_path(vm, parent, name);
    while (*last) {
        dev->rank++;
        last = &(*last)->next;
    }
    *last = dev;
    state_init_rows(dev);
    props_init(dev);
    return dev;
}

void device_move(Device *dev, Device *parent, const char *name)
{
    char *path;

    g_assert(!dev->realized);
    dev->path[0] = '\0'; /* its own is not taken */
    path = unique_path(dev->vm, parent, name);
    g_free(dev->path);
    dev->path = path;
    dev->parent = parent;
}

bool device_realize(Device *dev, GError **error)
{
    g_assert(!dev->realized);
    if (dev->vm->priv->sealed) {
        return fail(error, "device '%s': the machine is already complete",
                    dev->type->name);
    }
    if (dev->type->realize && !dev->type->realize(dev, error)) {
        return false;
    }
    dev->realized = true;
    return true;
}

Device *device_find(Vm *vm, const char *path_or_id)
{
    for (Device *d = vm->devices; d; d = d->next) {
        if (strcmp(d->path, path_or_id) == 0
            || (d->id && strcmp(d->id, path_or_id) == 0)) {
            return d;
        }
    }
    return NULL;
}

/* --- all of them ---------------------------------------------------------- */

static gint compare_paths(gconstpointer a, gconstpointer b)
{
    const Device *const *p = a, *const *q = b;

    return strcmp((*p)->path, (*q)->path);
}

void devices_seal(Vm *vm)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    Device **link = &vm->devices;

    for (Device *d = vm->devices; d; d = d->next) {
        g_ptr_array_add(all, d);
    }
    g_ptr_array_sort(all, compare_paths);
    for (guint i = 0; i < all->len; i++) {
        Device *d = g_ptr_array_index(all, i);

        d->rank = i;
        *link = d;
        link = &d->next;
    }
    *link = NULL;
    clock_rebuild(vm->clock); /* timers are ordered by rank */
    vm->priv->sealed = true;
}

void devices_reset(Vm *vm)
{
    for (Device *d = vm->devices; d; d = d->next) {
        trace(vm, device_reset, d->path);
        state_reset(d);
    }
    for (Device *d = vm->devices; d; d = d->next) {
        if (d->type->reset_done) {
            d->type->reset_done(d);
        }
    }
}

static void device_free(Device *dev)
{
    if (dev->realized && dev->type->unrealize) {
        dev->type->unrealize(dev);
    }
    props_free(dev);
    g_free(dev->path);
    g_free(dev->id);
    g_free(dev);
}

void devices_free(Vm *vm)
{
    Device *reversed = NULL, *dev, *next;

    for (dev = vm->devices; dev; dev = next) {
        next = dev->next;
        dev->next = reversed;
        reversed = dev;
    }
    vm->devices = NULL;
    for (dev = reversed; dev; dev = next) {
        next = dev->next;
        device_free(dev);
    }
}

void devices_foreach(Vm *vm, DeviceVisit *visit, void *opaque)
{
    for (Device *d = vm->devices; d; d = d->next) {
        visit(opaque, d);
    }
}
