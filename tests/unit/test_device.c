/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: paths, properties, order, reset, complaints. */
#include "core/device.h"

#include <glib/gstdio.h>
#include <string.h>

#include "tests/unit/bench.h"

typedef struct Part {
    Device dev;
    bool flag;
    uint8_t small;
    uint32_t number;
    int32_t offset;
    uint64_t size;
    char *label;
    uint32_t value;
    uint32_t latch;
    bool broken;
    GString *trace; /* borrowed */
} Part;

static bool part_realize(Device *dev, GError **error)
{
    if (((Part *)dev)->broken) {
        return fail(error, "part '%s': broken", dev->path);
    }
    return true;
}

static void part_reset_done(Device *dev)
{
    Part *p = (Part *)dev;

    if (p->trace) {
        g_string_append_printf(p->trace, "%s ", dev->path);
    }
    /* all values of all devices are reset by now */
    for (Device *d = dev->vm->devices; d; d = d->next) {
        g_assert_cmphex(((Part *)d)->value, ==, 0x55);
    }
}

/* clang-format off */
static const StateField part_state[] = {
    REG(Part, value, 0x00, .writable = UINT32_MAX, .reset = 0x55),
    REG(Part, latch, 0x04, .writable = UINT32_MAX, .reset = 7, .keep = true),
    WIRE(Part, flag),
    WIRE(Part, small),
    WIRE(Part, number),
    WIRE(Part, offset),
    WIRE(Part, size),
    WIRE(Part, label),
    WIRE(Part, broken),
    WIRE(Part, trace),
    STATE_END,
};

static const PropField part_props[] = {
    PROP(Part, flag,   "flag",   PROP_BOOL, "on"),
    PROP(Part, small,  "small",  PROP_U8,   "0x10"),
    PROP(Part, number, "number", PROP_U32,  NULL),
    PROP(Part, offset, "offset", PROP_I32,  "-1"),
    PROP(Part, size,   "size",   PROP_SIZE, "4K"),
    PROP(Part, label,  "label",  PROP_STR,  "none"),
    PROP_LIST_END,
};
/* clang-format on */

static const DeviceType part_type = {
    .name = "part",
    .size = sizeof(Part),
    .state = part_state,
    .props = part_props,
    .mmio_size = 8,
    .realize = part_realize,
    .reset_done = part_reset_done,
};

static void test_device_paths(void)
{
    Vm *vm = vm_new();
    Device *pc = device_new(vm, &part_type, NULL, "pc");
    Device *z = device_new(vm, &part_type, pc, "uart");
    Device *b = device_new(vm, &part_type, pc, "uart");
    Device *a = device_new(vm, &part_type, pc, "apic");

    g_assert_cmpstr(pc->path, ==, "/pc");
    g_assert_cmpstr(z->path, ==, "/pc/uart");
    g_assert_cmpstr(b->path, ==, "/pc/uart[1]");
    a->id = g_strdup("my");
    g_assert_true(device_find(vm, "my") == a);
    g_assert_true(device_find(vm, "/pc/uart[1]") == b);
    g_assert_null(device_find(vm, "uart"));
    device_move(a, z, "apic");
    g_assert_cmpstr(a->path, ==, "/pc/uart/apic");
    device_move(a, pc, "uart");
    g_assert_cmpstr(a->path, ==, "/pc/uart[2]");
    device_move(a, pc, "apic");
    device_move(a, pc, "apic");
    g_assert_true(a->parent == pc);
    g_assert_cmpstr(a->path, ==, "/pc/apic");

    devices_seal(vm);
    g_assert_true(vm->devices == pc && pc->next == a && a->next == z
                  && z->next == b && !b->next);
    g_assert_cmpuint(b->rank, ==, 3);
    vm_free(vm);
}

static void check_prop(Device *d, const char *name, const char *value,
                       const char *expected)
{
    GError *error = NULL;
    g_autofree char *got = NULL;

    g_assert_true(device_set_prop(d, name, value, &error));
    g_assert_no_error(error);
    got = device_get_prop(d, name);
    g_assert_cmpstr(got, ==, expected);
}

static void check_bad_prop(Device *d, const char *name, const char *value,
                           const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = device_get_prop(d, name), *after = NULL;

    g_assert_false(device_set_prop(d, name, value, &error));
    g_assert_cmpstr(error->message, ==, message);
    after = device_get_prop(d, name);
    g_assert_cmpstr(before, ==, after);
}

static void test_device_props(void)
{
    Vm *vm = vm_new();
    Device *d = device_new(vm, &part_type, NULL, "d");
    Part *p = (Part *)d;

    g_assert_true(p->flag);
    g_assert_cmpuint(p->small, ==, 16);
    g_assert_cmpint(p->offset, ==, -1);
    g_assert_cmpuint(p->size, ==, 4096);
    g_assert_cmpstr(p->label, ==, "none");
    check_prop(d, "flag", "no", "off");
    check_prop(d, "flag", "true", "on");
    check_prop(d, "small", "255", "255");
    check_prop(d, "number", "0xffffffff", "4294967295");
    check_prop(d, "offset", "-2147483648", "-2147483648");
    check_prop(d, "size", "3g", "3221225472");
    check_prop(d, "size", "15T", "16492674416640");
    check_prop(d, "size", "17", "17");
    check_prop(d, "label", "a,b", "a,b");
    g_assert_null(device_get_prop(d, "nothing"));

    check_bad_prop(d, "small", "256",
                   "property 'part.small': '256' is not a number from 0 to "
                   "255");
    check_bad_prop(d, "number", "-1",
                   "property 'part.number': '-1' is not a number from 0 to "
                   "4294967295");
    check_bad_prop(d, "flag", "maybe",
                   "property 'part.flag': 'maybe' is not on or off");
    check_bad_prop(d, "size", "16777216T",
                   "property 'part.size': '16777216T' is not a size, like "
                   "512, 64K or 1G");
    check_bad_prop(d, "size", "",
                   "property 'part.size': '' is not a size, like 512, 64K or "
                   "1G");
    check_bad_prop(d, "nunber", "1",
                   "property 'part.nunber': no such property, did you mean "
                   "'number'?");
    g_assert_true(device_realize(d, NULL));
    check_bad_prop(d, "number", "1",
                   "property 'part.number': device is already in use");
    vm_free(vm);
}

static void test_device_realize(void)
{
    g_autoptr(GError) error = NULL;
    Vm *vm = vm_new();
    Device *d = device_new(vm, &part_type, NULL, "d");

    ((Part *)d)->broken = true;
    g_assert_false(device_realize(d, &error));
    g_assert_cmpstr(error->message, ==, "part '/d': broken");
    g_assert_false(d->realized);
    g_clear_error(&error);
    ((Part *)d)->broken = false;
    devices_seal(vm);
    g_assert_false(device_realize(d, &error)); /* too late */
    g_assert_nonnull(error);
    vm_free(vm);
}

static void test_device_reset(void)
{
    g_autoptr(GString) trace = g_string_new(NULL);
    Vm *vm = vm_new();
    Part *z = (Part *)device_new(vm, &part_type, NULL, "z");
    Part *a = (Part *)device_new(vm, &part_type, NULL, "a");

    g_assert_cmphex(z->latch, ==, 7); /* the value to begin with */
    z->value = a->value = z->latch = 99;
    z->trace = a->trace = trace;
    devices_seal(vm);
    devices_reset(vm);
    g_assert_cmpstr(trace->str, ==, "/a /z ");
    g_assert_cmpuint(z->latch, ==, 99); /* kept */
    vm_free(vm);
}

/* 10 at once, then at 16, 32, 64: by count, so runs are alike. */
static void test_device_guest_error(void)
{
    g_autofree char *path = NULL, *text = NULL;
    g_auto(GStrv) lines = NULL;
    Vm *vm = vm_new();
    Device *d = device_new(vm, &part_type, NULL, "d");
    uint64_t digest = state_digest(d);
    int fd = g_file_open_tmp("test-device-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    guest_error(d, "nobody looks");
    g_assert_true(log_open(vm, LOG_GUEST_ERROR, path, NULL));
    g_assert_true(log_on(vm, LOG_GUEST_ERROR | LOG_CPU));
    g_assert_false(log_on(vm, LOG_UNIMP));
    for (int i = 1; i <= 100; i++) {
        guest_error(d, "wrong %d", i);
        guest_unimp(d, "not asked for");
    }
    g_assert_cmphex(state_digest(d), ==, digest);
    vm_free(vm);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 13 + 1);
    g_assert_cmpstr(lines[0], ==, "/d: wrong 1");
    g_assert_cmpstr(lines[9], ==, "/d: wrong 10");
    g_assert_cmpstr(lines[10], ==, "/d: wrong 16 (message 16)");
    g_close(fd, NULL);
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/paths", test_device_paths);
    g_test_add_func("/device/props", test_device_props);
    g_test_add_func("/device/realize", test_device_realize);
    g_test_add_func("/device/reset", test_device_reset);
    g_test_add_func("/device/guest-error", test_device_guest_error);
    return g_test_run();
}
