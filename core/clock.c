/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual time = bias + icount x rate, exactly, with 32 fraction bits. */
#include "core/clock_priv.h"

#include "core/codec.h"
#include "core/vm.h"

#define FRACTION_BITS 32
#define RATE_ONE (1ULL << FRACTION_BITS)
/* Far beyond 63 bits of ns, and small enough that no sum overflows. */
#define PRODUCT_MAX ((ClockFixed)1 << 124)
#define BIAS_MAX ((ClockFixed)1 << 104)

Clock *clock_new(void)
{
    Clock *c = g_new0(Clock, 1);

    c->rate = RATE_ONE;
    c->timers = g_ptr_array_new();
    return c;
}

void clock_free(Clock *c)
{
    if (!c) {
        return;
    }
    g_ptr_array_free(c->timers, TRUE);
    g_free(c);
}

uint64_t clock_icount(const Clock *c)
{
    return c->icount;
}

void clock_set_icount(Clock *c, uint64_t icount)
{
    c->icount = icount;
}

uint64_t clock_rate(const Clock *c)
{
    return c->rate;
}

static ClockFixed clock_product(uint64_t icount, uint64_t rate)
{
    unsigned __int128 p = (unsigned __int128)icount * rate;

    return p > (unsigned __int128)PRODUCT_MAX ? PRODUCT_MAX : (ClockFixed)p;
}

static ClockFixed clock_fixed(const Clock *c, uint64_t icount)
{
    return c->bias + clock_product(icount, c->rate);
}

static ClockFixed ns_to_fixed(int64_t ns)
{
    return (ClockFixed)ns * (ClockFixed)RATE_ONE;
}

static void clock_set_bias(Clock *c, ClockFixed bias)
{
    c->bias = CLAMP(bias, -BIAS_MAX, BIAS_MAX);
}

void clock_set_rate(Clock *c, uint64_t rate_32_32)
{
    g_assert(rate_32_32 > 0);
    clock_set_bias(c, clock_fixed(c, c->icount)
                          - clock_product(c->icount, rate_32_32));
    c->rate = rate_32_32;
}

VirtTime clock_at(const Clock *c, uint64_t icount)
{
    ClockFixed ns = clock_fixed(c, icount) >> FRACTION_BITS; /* floor */

    return (VirtTime){(int64_t)CLAMP(ns, INT64_MIN, INT64_MAX)};
}

void clock_jump(Clock *c, VirtTime t)
{
    if (t.ns > clock_at(c, c->icount).ns) {
        clock_set_bias(c,
                       ns_to_fixed(t.ns) - clock_product(c->icount, c->rate));
    }
}

bool clock_deadline(const Clock *c, VirtTime *out)
{
    if (!c->head) {
        return false;
    }
    *out = c->head->when;
    return true;
}

/* The smallest icount whose virtual time is at least @t. */
static uint64_t clock_icount_of(const Clock *c, VirtTime t)
{
    ClockFixed need = ns_to_fixed(t.ns) - c->bias;
    unsigned __int128 n;

    if (need <= 0) {
        return 0;
    }
    n = ((unsigned __int128)need + c->rate - 1) / c->rate;
    return n > UINT64_MAX ? UINT64_MAX : (uint64_t)n;
}

uint64_t clock_deadline_icount(const Clock *c, unsigned min)
{
    uint64_t least =
        min > UINT64_MAX - c->icount ? UINT64_MAX : c->icount + min;

    return c->head ? MAX(clock_icount_of(c, c->head->when), least) : UINT64_MAX;
}

VirtTime vm_now(const Vm *vm)
{
    return clock_at(vm->clock, vm->clock->icount);
}

VirtTime dev_now(const Device *dev)
{
    return vm_now(dev->vm);
}

void clock_set_calendar(Clock *c, int64_t base_sec, int32_t base_nsec)
{
    g_assert(base_nsec >= 0 && base_nsec < NS_PER_SEC);
    c->base_sec = base_sec;
    c->base_nsec = base_nsec;
}

void calendar_now(const Vm *vm, int64_t *sec, int32_t *nsec)
{
    const Clock *c = vm->clock;
    int64_t now = vm_now(vm).ns;
    int64_t s = now / NS_PER_SEC;
    int64_t ns = now % NS_PER_SEC + c->base_nsec;

    if (ns < 0) {
        ns += NS_PER_SEC;
        s--;
    } else if (ns >= NS_PER_SEC) {
        ns -= NS_PER_SEC;
        s++;
    }
    *sec = (int64_t)((uint64_t)c->base_sec + (uint64_t)s);
    *nsec = (int32_t)ns;
}

bool clock_codec(Clock *c, Codec *codec)
{
    uint64_t rate = c->rate;
    uint64_t low = (uint64_t)c->bias;
    int64_t high = (int64_t)(c->bias >> 64);
    uint64_t icount = c->icount;
    ClockFixed bias;

    if (!codec_u64(codec, &rate) || !codec_u64(codec, &low)
        || !codec_i64(codec, &high) || !codec_u64(codec, &icount)) {
        return false;
    }
    bias = (ClockFixed)((unsigned __int128)(uint64_t)high << 64 | low);
    if (rate == 0 || bias > BIAS_MAX || bias < -BIAS_MAX) {
        codec->failed = true;
        return false;
    }
    c->rate = rate;
    c->bias = bias;
    c->icount = icount;
    return true;
}
