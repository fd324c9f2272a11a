/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives as a controller uses them: completions come as inputs, all of them. */
#include "block/drive_priv.h"

#include "core/vm.h"

#define BYTES 4096u

typedef struct Ctl {
    Device dev; /* first */
    unsigned completed, failed;
    uint32_t tags[BLK_INFLIGHT_MAX];
} Ctl;

/* clang-format off */
static const StateField ctl_state[] = {STATE_END};
/* clang-format on */

static const DeviceType ctl_type = {
    .name = "ctl", .size = sizeof(Ctl), .state = ctl_state};

static void ctl_complete(Device *dev, uint32_t tag, BlkResult result,
                         const uint8_t *data, uint32_t size)
{
    Ctl *c = (Ctl *)dev;

    g_assert_cmpuint(c->completed, <, BLK_INFLIGHT_MAX);
    c->tags[c->completed++] = tag;
    c->failed += result != BLK_OK;
    g_assert_cmpuint(size, ==, data ? BYTES : 0);
}

static const DriveOps ctl_ops = {.complete = ctl_complete};
static const InputSource other = {.name = "other", .event_size = 1};

static Ctl *ctl_new(Vm *vm, const char *text, Drive **d)
{
    Device *dev = device_new(vm, &ctl_type, NULL, "ctl");
    g_autoptr(GError) error = NULL;

    input_source_register(vm, &block_source);
    g_assert_true(drives_add(vm, text, &error));
    g_assert_true(device_realize(dev, &error));
    *d = drive_attach(vm, drive_find(vm, "d"), dev, &ctl_ops, false, &error);
    g_assert_no_error(error);
    devices_seal(vm);
    devices_reset(vm);
    return (Ctl *)dev;
}

static void submit_all(Drive *d)
{
    for (uint32_t i = 0; i < BLK_INFLIGHT_MAX; i++) {
        BlkRequest r = {
            .op = BLK_READ, .tag = i, .offset = i * BYTES, .bytes = BYTES};

        g_assert_cmpint(drive_submit(d, &r), ==, BLK_OK);
    }
}

/* Whoever fills the queue, no request stays in flight for ever. */
static void test_drive_full_queue(void)
{
    Vm *vm = vm_new();
    unsigned sum = 0;
    uint8_t event = 0;
    Drive *d;
    Ctl *c = ctl_new(vm, "driver=null-co,size=16M,if=none,id=d", &d);
    BlkRequest r = {.op = BLK_FLUSH};
    InputItem *item;

    while (input_post(vm, &other, &event)) {
    }
    submit_all(d);
    g_assert_cmpint(drive_submit(d, &r), ==, BLK_EBUSY);
    blk_drain(blk_state(vm));
    g_assert_false(input_post(vm, &other, &event));
    while ((item = input_take(vm->input))) {
        if (item->source == &block_source) {
            g_assert_true(block_source.wanted(vm, item->event));
            block_source.deliver(vm, item->event);
        }
        input_item_free(item);
    }
    g_assert_cmpuint(c->completed, ==, BLK_INFLIGHT_MAX);
    g_assert_cmpuint(c->failed, ==, 0);
    g_assert_cmpuint(drive_in_flight(d), ==, 0);
    for (unsigned i = 0; i < c->completed; i++) {
        sum += c->tags[i];
    }
    g_assert_cmpuint(sum, ==, BLK_INFLIGHT_MAX * (BLK_INFLIGHT_MAX - 1) / 2);
    drives_close(vm);
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/drive/full-queue", test_drive_full_queue);
    return g_test_run();
}
