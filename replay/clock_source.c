/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source "clock": changes of rate, and idle time that an input cut short. */
#include "replay/pace_priv.h"

static bool clock_event_codec(Codec *c, void *event)
{
    ClockEvent *e = event;

    if (!codec_u8(c, &e->kind) || !codec_varint(c, &e->value)) {
        return false;
    }
    if (e->kind > CLOCK_EVENT_IDLE || e->value == 0
        || (e->kind == CLOCK_EVENT_IDLE && e->value > INT64_MAX / 2)) {
        c->failed = true;
    }
    return !c->failed;
}

static void clock_event_deliver(Vm *vm, const void *event)
{
    const ClockEvent *e = event;

    if (e->kind == CLOCK_EVENT_RATE) {
        clock_set_rate(vm->clock, e->value);
    } else {
        clock_jump(vm->clock, virt_add(vm_now(vm), (int64_t)e->value));
    }
}

const InputSource replay_clock_source = {
    .name = "clock",
    .version = 1,
    .event_size = sizeof(ClockEvent),
    .codec = clock_event_codec,
    .deliver = clock_event_deliver,
};

char *log_clock_text(const uint8_t *data, size_t size)
{
    ClockEvent e = {0};
    Codec c;

    codec_init_read(&c, data, size);
    if (!clock_event_codec(&c, &e) || codec_left(&c) != 0) {
        return NULL;
    }
    if (e.kind == CLOCK_EVENT_IDLE) {
        return g_strdup_printf("idle for %" PRIu64 " ns", e.value);
    }
    return g_strdup_printf("rate %.6f ns per step",
                           (double)e.value / 4294967296.0);
}
