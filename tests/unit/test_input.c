/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input queue: order, bounds, the closed door, threads. */
#include "core/input.h"

#include "core/vm.h"

typedef struct Event {
    uint32_t sender;
    uint32_t n;
    char *text; /* owned */
} Event;

static void event_clear(void *p)
{
    g_free(((Event *)p)->text);
}

static const InputSource source = {.name = "test",
                                   .version = 1,
                                   .event_size = sizeof(Event),
                                   .clear = event_clear};

static const InputSource big = {.name = "big", .event_size = 1024 * 1024};

static void count_wakeup(void *opaque)
{
    g_atomic_int_inc((gint *)opaque);
}

static bool post(Vm *vm, uint32_t sender, uint32_t n)
{
    Event e = {.sender = sender, .n = n, .text = g_strdup("owned")};

    return input_post(vm, &source, &e);
}

static void test_input_order(void)
{
    Vm *vm = vm_new();
    gint woken = 0;

    input_set_wakeup(vm->input, count_wakeup, &woken);
    g_assert_false(input_pending(vm->input));
    g_assert_null(input_take(vm->input));
    for (uint32_t i = 0; i < 3; i++) {
        g_assert_true(post(vm, 0, i));
    }
    g_assert_cmpint(woken, ==, 3);
    g_assert_true(input_pending(vm->input));
    for (uint32_t i = 0; i < 3; i++) {
        InputItem *item = input_take(vm->input);

        g_assert_true(item->source == &source);
        g_assert_cmpuint(((Event *)item->event)->n, ==, i);
        input_item_free(item);
    }
    g_assert_false(input_pending(vm->input));
    g_assert_true(post(vm, 0, 9)); /* freed with the machine */
    vm_free(vm);
}

static void test_input_bounds(void)
{
    Vm *vm = vm_new();
    g_autofree void *event = g_malloc0(big.event_size);
    uint32_t n = 0;

    while (post(vm, 0, n)) {
        n++;
    }
    g_assert_cmpuint(n, ==, 64 * 1024);
    input_item_free(input_take(vm->input));
    g_assert_true(post(vm, 0, n));
    vm_free(vm);

    vm = vm_new();
    for (n = 0; input_post(vm, &big, event); n++) {
    }
    g_assert_cmpuint(n, ==, 64);
    vm_free(vm);
}

/* A full queue takes what its sender limits, in order, and nothing else. */
static void test_input_bounded(void)
{
    static const InputSource bounded = {
        .name = "bounded", .event_size = sizeof(Event), .bounded = true};
    static const InputSource bounded_big = {
        .name = "big", .event_size = 1024 * 1024, .bounded = true};
    g_autofree void *event = g_malloc0(big.event_size);
    Vm *vm = vm_new();
    InputItem *item;
    uint32_t n = 0;

    while (post(vm, 0, n)) {
        n++;
    }
    for (uint32_t i = 0; i < 3; i++) {
        Event e = {.n = i};

        g_assert_true(input_post(vm, &bounded, &e));
    }
    g_assert_false(post(vm, 0, n));
    for (uint32_t i = 0; i < n; i++) {
        input_item_free(input_take(vm->input));
    }
    for (uint32_t i = 0; i < 3; i++) {
        item = input_take(vm->input);
        g_assert_true(item->source == &bounded);
        g_assert_cmpuint(((Event *)item->event)->n, ==, i);
        input_item_free(item);
    }
    g_assert_false(input_pending(vm->input));
    vm_free(vm);

    vm = vm_new(); /* bytes may pass the limit; then there is no room */
    while (input_post(vm, &big, event)) {
    }
    g_assert_true(input_post(vm, &bounded_big, event));
    g_assert_false(input_post(vm, &big, event));
    g_assert_false(post(vm, 0, 0));
    input_set_closed(vm->input, true);
    g_assert_false(input_post(vm, &bounded_big, event));
    vm_free(vm);
}

static void test_input_closed(void)
{
    Vm *vm = vm_new();
    gint woken = 0;

    input_set_wakeup(vm->input, count_wakeup, &woken);
    input_set_closed(vm->input, true);
    g_assert_false(post(vm, 0, 0));
    g_assert_cmpint(woken, ==, 0);
    g_assert_false(input_pending(vm->input));
    input_set_closed(vm->input, false);
    g_assert_true(post(vm, 0, 0));
    vm_free(vm);
}

static void test_input_sources(void)
{
    Vm *vm = vm_new();

    input_source_register(vm, &source);
    input_source_register(vm, &big);
    g_assert_true(input_source_find(vm, "big") == &big);
    g_assert_null(input_source_find(vm, "bigger"));
    g_assert_cmpuint(input_sources(vm)->len, ==, 2);
    vm_free(vm);
}

#define SENDERS 3
#define POSTS 5000

typedef struct Sender {
    Vm *vm;
    uint32_t id;
} Sender;

static gpointer sender_main(gpointer opaque)
{
    Sender *s = opaque;

    for (uint32_t i = 0; i < POSTS; i++) {
        g_assert_true(post(s->vm, s->id, i));
    }
    return NULL;
}

static void test_input_threads(void)
{
    Vm *vm = vm_new();
    Sender senders[SENDERS];
    GThread *threads[SENDERS];
    uint32_t next[SENDERS] = {0};
    unsigned got = 0;

    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (Sender){vm, i};
        threads[i] = g_thread_new("sender", sender_main, &senders[i]);
    }
    while (got < SENDERS * POSTS) {
        InputItem *item = input_take(vm->input);

        if (!item) {
            g_thread_yield();
            continue;
        }
        /* each sender's events keep their order */
        const Event *e = item->event;

        g_assert_cmpuint(e->n, ==, next[e->sender]);
        next[e->sender]++;
        got++;
        input_item_free(item);
    }
    for (uint32_t i = 0; i < SENDERS; i++) {
        g_thread_join(threads[i]);
    }
    g_assert_false(input_pending(vm->input));
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/input/order", test_input_order);
    g_test_add_func("/input/bounds", test_input_bounds);
    g_test_add_func("/input/bounded", test_input_bounded);
    g_test_add_func("/input/closed", test_input_closed);
    g_test_add_func("/input/sources", test_input_sources);
    g_test_add_func("/input/threads", test_input_threads);
    return g_test_run();
}
