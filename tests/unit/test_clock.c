/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual time, its inverse, and timers. */
#include "core/timer.h"

#include "core/codec.h"
#include "tests/unit/bench.h"

#define ONE (1ULL << 32)

/* --- time ----------------------------------------------------------------- */

static void test_clock_rate(void)
{
    Clock *c = clock_new();

    g_assert_cmphex(clock_rate(c), ==, ONE);
    clock_set_rate(c, 8 * ONE); /* shift=3 */
    g_assert_cmpint(clock_at(c, 0).ns, ==, 0);
    g_assert_cmpint(clock_at(c, 5).ns, ==, 40);
    clock_set_rate(c, ONE / 3); /* slightly less than a third */
    g_assert_cmpint(clock_at(c, 3).ns, ==, 0);
    g_assert_cmpint(clock_at(c, 4).ns, ==, 1);
    /* saturates instead of wrapping */
    clock_set_rate(c, UINT64_MAX);
    g_assert_cmpint(clock_at(c, UINT64_MAX).ns, ==, INT64_MAX);
    clock_free(c);
}

static void test_clock_continuous(void)
{
    static const uint64_t rates[] = {ONE, ONE / 7, 12345678901, 1, 3 * ONE};
    Clock *c = clock_new();
    int64_t last = 0;
    uint64_t icount = 0;

    for (unsigned i = 0; i < 1000; i++) {
        int64_t before, after;

        icount += i * 7919 + 1;
        clock_set_icount(c, icount);
        before = clock_at(c, icount).ns;
        g_assert_cmpint(before, >=, last);
        clock_set_rate(c, rates[i % G_N_ELEMENTS(rates)]);
        after = clock_at(c, icount).ns;
        g_assert_cmpint(after, ==, before); /* no drift: exact fractions */
        last = after;
    }
    clock_free(c);
}

static void test_clock_jump(void)
{
    Clock *c = clock_new();

    clock_set_rate(c, ONE / 3);
    clock_set_icount(c, 1000);
    clock_jump(c, (VirtTime){5000});
    g_assert_cmpint(clock_at(c, 1000).ns, ==, 5000);
    clock_jump(c, (VirtTime){4000}); /* never back */
    g_assert_cmpint(clock_at(c, 1000).ns, ==, 5000);
    g_assert_cmpint(clock_at(c, 1004).ns, ==, 5001);
    clock_free(c);
}

static void test_clock_codec(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    Clock *a = clock_new(), *b = clock_new();
    Codec c;

    clock_set_icount(a, 1000000);
    clock_set_rate(a, ONE * 5 / 3); /* bias becomes negative */
    codec_init_write(&c, out);
    g_assert_true(clock_codec(a, &c));
    codec_init_read(&c, out->data, out->len - 1);
    g_assert_false(clock_codec(b, &c));
    g_assert_cmpuint(clock_icount(b), ==, 0);
    codec_init_read(&c, out->data, out->len);
    g_assert_true(clock_codec(b, &c));
    g_assert_cmpuint(clock_icount(b), ==, 1000000);
    for (uint64_t n = 999990; n < 1000020; n++) {
        g_assert_cmpint(clock_at(a, n).ns, ==, clock_at(b, n).ns);
    }
    clock_free(a);
    clock_free(b);
}

static void test_clock_codec_refuses(void)
{
    /* rate 0; a bias out of bounds */
    uint8_t zero[32] = {0}, far[32] = {1};
    Clock *a = clock_new();
    Codec c;

    far[8 + 8 + 7] = 0x7f;
    codec_init_read(&c, zero, sizeof(zero));
    g_assert_false(clock_codec(a, &c));
    codec_init_read(&c, far, sizeof(far));
    g_assert_false(clock_codec(a, &c));
    g_assert_cmphex(clock_rate(a), ==, ONE);
    clock_free(a);
}

static void test_clock_calendar(void)
{
    Vm *vm = vm_new();
    int64_t sec;
    int32_t nsec;

    clock_set_calendar(vm->clock, 1000, 999999999);
    calendar_now(vm, &sec, &nsec);
    g_assert_cmpint(sec, ==, 1000);
    g_assert_cmpint(nsec, ==, 999999999);
    clock_jump(vm->clock, (VirtTime){2 * NS_PER_SEC + 1});
    calendar_now(vm, &sec, &nsec);
    g_assert_cmpint(sec, ==, 1003);
    g_assert_cmpint(nsec, ==, 0);
    vm_free(vm);
}

/* --- timers --------------------------------------------------------------- */

typedef struct Ticker {
    Device dev;
    Timer a, b;
    int64_t period; /* of a; 0: once */
    GString *trace; /* borrowed */
} Ticker;

static void ticker_a(Device *dev)
{
    Ticker *t = (Ticker *)dev;

    g_string_append_printf(t->trace, "%sa ", dev->path);
    if (t->period) {
        timer_arm(&t->a, virt_add(dev_now(dev), t->period));
    }
}

static void ticker_b(Device *dev)
{
    Ticker *t = (Ticker *)dev;

    g_string_append_printf(t->trace, "%sb ", dev->path);
    timer_cancel(&t->a);
}

static bool ticker_realize(Device *dev, GError **error)
{
    Ticker *t = (Ticker *)dev;

    timer_init(&t->a, dev, ticker_a);
    timer_init(&t->b, dev, ticker_b);
    return true;
}

static const StateField ticker_state[] = {
    STATE(Ticker, a),    STATE(Ticker, b), WIRE(Ticker, period),
    WIRE(Ticker, trace), STATE_END,
};

static const DeviceType ticker_type = {
    .name = "ticker",
    .size = sizeof(Ticker),
    .state = ticker_state,
    .realize = ticker_realize,
};

static Ticker *ticker_new(Vm *vm, const char *name, GString *trace)
{
    Ticker *t = (Ticker *)device_new(vm, &ticker_type, NULL, name);

    g_assert_true(device_realize(&t->dev, NULL));
    t->trace = trace;
    return t;
}

static void arm(Timer *t, int64_t ns)
{
    timer_arm(t, (VirtTime){ns});
}

/* The inverse is exact: due at n, not due at n - 1. */
static void test_clock_deadline(void)
{
    static const uint64_t rates[] = {ONE,         ONE / 3,    ONE / 3 + 1, 1,
                                     7 * ONE + 5, 1024 * ONE, ONE - 1};
    static const int64_t deadlines[] = {1, 2, 999, 1000, 123456789, 1LL << 40};
    g_autoptr(GString) trace = g_string_new(NULL);
    Vm *vm = vm_new();
    Clock *c = vm->clock;
    Ticker *t = ticker_new(vm, "t", trace);
    VirtTime out;

    g_assert_false(clock_deadline(c, &out));
    g_assert_cmpuint(clock_deadline_icount(c, 0), ==, UINT64_MAX);
    for (unsigned i = 0; i < G_N_ELEMENTS(rates); i++) {
        for (unsigned k = 0; k < G_N_ELEMENTS(deadlines); k++) {
            uint64_t n;

            clock_set_rate(c, rates[i]);
            arm(&t->a, deadlines[k]);
            n = clock_deadline_icount(c, 0);
            if (rates[i] == 1 && deadlines[k] >= 1LL << 32) {
                g_assert_cmpuint(n, ==, UINT64_MAX); /* out of reach */
                continue;
            }
            g_assert_cmpint(clock_at(c, n).ns, >=, deadlines[k]);
            g_assert_cmpint(clock_at(c, n - 1).ns, <, deadlines[k]);
        }
    }
    clock_set_icount(c, 1000);
    clock_set_rate(c, ONE);
    arm(&t->a, -5); /* long ago */
    g_assert_cmpuint(clock_deadline_icount(c, 0), ==, 1001);
    g_assert_cmpuint(clock_deadline_icount(c, 5), ==, 1005);
    clock_set_rate(c, 1);
    arm(&t->a, INT64_MAX); /* beyond 2^64 steps */
    g_assert_cmpuint(clock_deadline_icount(c, 0), ==, UINT64_MAX);
    vm_free(vm);
}

static void test_clock_order(void)
{
    g_autoptr(GString) trace = g_string_new(NULL);
    Vm *vm = vm_new();
    Ticker *z = ticker_new(vm, "z", trace), *y = ticker_new(vm, "y", trace);

    arm(&z->b, 10);
    arm(&y->b, 10);
    arm(&y->a, 9);
    arm(&z->a, 9);
    arm(&z->a, 10); /* moved */
    devices_seal(vm);
    clock_set_icount(vm->clock, 8);
    g_assert_false(clock_run_due(vm->clock));
    clock_set_icount(vm->clock, 10);
    g_assert_true(clock_run_due(vm->clock));
    g_assert_cmpstr(trace->str, ==, "/ya /yb /za /zb ");
    g_assert_false(timer_armed(&z->a));
    vm_free(vm);
}

static void test_clock_once(void)
{
    g_autoptr(GString) trace = g_string_new(NULL);
    Vm *vm = vm_new();
    Ticker *x = ticker_new(vm, "x", trace), *y = ticker_new(vm, "y", trace);

    /* armed for the past: waits for the next step, however many passes */
    x->period = -100;
    arm(&x->a, 0);
    arm(&y->a, 0);
    g_assert_false(clock_run_due(vm->clock));
    clock_set_icount(vm->clock, 1);
    g_assert_true(clock_run_due(vm->clock));
    g_assert_cmpstr(trace->str, ==, "/xa /ya ");
    g_assert_false(clock_run_due(vm->clock));
    clock_set_icount(vm->clock, 2);
    g_assert_true(clock_run_due(vm->clock));
    g_assert_cmpstr(trace->str, ==, "/xa /ya /xa ");
    timer_cancel(&x->a);

    /* one due timer cancels another */
    g_string_truncate(trace, 0);
    arm(&y->b, 3);
    arm(&y->a, 4);
    clock_set_icount(vm->clock, 5);
    clock_run_due(vm->clock);
    g_assert_cmpstr(trace->str, ==, "/yb ");
    vm_free(vm);
}

static void count_end_slice(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_clock_horizon(void)
{
    g_autoptr(GString) trace = g_string_new(NULL);
    Vm *vm = vm_new();
    Ticker *t = ticker_new(vm, "t", trace);
    unsigned ends = 0;

    vm->end_slice = count_end_slice;
    vm->end_slice_opaque = &ends;
    arm(&t->a, 100);
    g_assert_true(vm->horizon);
    g_assert_cmpuint(ends, ==, 1);
    arm(&t->b, 200); /* later: no need */
    arm(&t->a, 150);
    g_assert_cmpuint(ends, ==, 1);
    arm(&t->b, 149);
    g_assert_cmpuint(ends, ==, 2);
    vm_request(vm, VM_REQ_RESET, VM_CAUSE_GUEST_RESET);
    g_assert_cmpuint(ends, ==, 3);
    g_assert_cmphex(vm->requests, ==, VM_REQ_RESET);
    vm_free(vm);
}

static void test_clock_bench(void)
{
    g_autoptr(GString) trace = g_string_new(NULL);
    g_autoptr(Bench) b = bench_new(&ticker_type);
    Ticker *t = (Ticker *)b->dev;

    t->trace = trace;
    t->period = 10;
    arm(&t->a, 10);
    bench_advance(b, 35);
    g_assert_cmpint(bench_now(b), ==, 35);
    g_assert_cmpstr(trace->str, ==, "/duta /duta /duta ");
    bench_check_state(b);
    g_assert_true(timer_armed(&t->a));
    bench_advance(b, 5);
    g_assert_cmpstr(trace->str, ==, "/duta /duta /duta /duta ");
    bench_reset(b);
    g_assert_false(timer_armed(&t->a));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/rate", test_clock_rate);
    g_test_add_func("/clock/continuous", test_clock_continuous);
    g_test_add_func("/clock/jump", test_clock_jump);
    g_test_add_func("/clock/codec", test_clock_codec);
    g_test_add_func("/clock/codec-refuses", test_clock_codec_refuses);
    g_test_add_func("/clock/calendar", test_clock_calendar);
    g_test_add_func("/clock/deadline", test_clock_deadline);
    g_test_add_func("/clock/order", test_clock_order);
    g_test_add_func("/clock/once", test_clock_once);
    g_test_add_func("/clock/horizon", test_clock_horizon);
    g_test_add_func("/clock/bench", test_clock_bench);
    return g_test_run();
}
