/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real-time clock with NVRAM. Source: Motorola MC146818A data sheet (1984),
 * cited as MC146818; the PC's use of it: IBM PC AT Technical Reference.
 *
 * Time is the machine's calendar plus an offset; flags of register C are found
 * when somebody looks, so an idle clock arms no timer.
 *
 * Not modelled: square wave output, daylight saving, other time bases than
 * 32768 Hz (they stop the clock like a divider reset), a day of the week that
 * contradicts the date, register B's DM and 24/12 changed while running (the
 * time is then shown in the new format).
 */
#include "hw/mc146818.h"

#include "core/vm.h"
#include "hw/timer/rtc_calendar_priv.h"

#define TICK_HZ 32768
#define HALF_SECOND (NS_PER_SEC / 2)
/* MC146818, "Update Cycle": UIP rises 244 us before an update of 1984 us */
#define UPDATE_NS (244000 + 1984000)

enum {
    R_SECONDS = 0,
    R_YEAR = 9,
    R_A,
    R_B,
    R_C,
    R_D,
    R_CENTURY = 0x32,
};

#define A_UIP 0x80
#define A_DV 0x70
#define A_DV_RUN 0x20
#define A_RS 0x0f
#define B_SET 0x80
#define B_SQWE 0x08
#define B_ENABLES 0x70 /* PIE AIE UIE, at the places of their flags in C */
#define C_IRQF 0x80
#define C_PF 0x40
#define C_AF 0x20
#define C_UF 0x10
#define D_VRT 0x80

typedef struct Mc146818 {
    Device dev;
    uint8_t cmos[128]; /* time bytes count while the clock stands still */
    uint8_t index;
    bool nmi_masked;
    int64_t offset_sec; /* of the guest's calendar from the machine's */
    int32_t offset_ns;
    VirtTime seen; /* flags of C are right up to here */
    Timer timer;
    IrqLine *irq8; /* borrowed: from the board */
} Mc146818;

/* --- time ----------------------------------------------------------------- */

static RtcTime rtc_split(__int128 ns)
{
    RtcTime t = {(int64_t)(ns / NS_PER_SEC), (int32_t)(ns % NS_PER_SEC)};

    if (t.ns < 0) {
        t.ns += (int32_t)NS_PER_SEC;
        t.sec--;
    }
    return t;
}

static __int128 rtc_join(RtcTime t)
{
    return (__int128)t.sec * NS_PER_SEC + t.ns;
}

/* The guest's calendar at virtual time @at. */
static __int128 rtc_local(const Mc146818 *r, VirtTime at)
{
    RtcTime cal;

    calendar_now(r->dev.vm, &cal.sec, &cal.ns);
    return rtc_join(cal) + rtc_join((RtcTime){r->offset_sec, r->offset_ns})
           + (at.ns - dev_now(&r->dev).ns);
}

static __int128 rtc_now(const Mc146818 *r)
{
    return rtc_local(r, dev_now(&r->dev));
}

static void rtc_set_local(Mc146818 *r, __int128 ns)
{
    RtcTime cal, offset;

    calendar_now(r->dev.vm, &cal.sec, &cal.ns);
    offset = rtc_split(ns - rtc_join(cal));
    r->offset_sec = offset.sec;
    r->offset_ns = offset.ns;
}

/* Does the divider chain run? */
static bool rtc_divides(const Mc146818 *r)
{
    return (r->cmos[R_A] & A_DV) == A_DV_RUN;
}

static bool rtc_runs(const Mc146818 *r)
{
    return rtc_divides(r) && !(r->cmos[R_B] & B_SET);
}

/* Clocks of 32768 Hz between periodic interrupts, 0: none. MC146818 table 5. */
static uint32_t rtc_period(const Mc146818 *r)
{
    unsigned rs = r->cmos[R_A] & A_RS;

    if (!rs || !rtc_divides(r)) {
        return 0;
    }
    return rs <= 2 ? 1u << (rs + 6) : 1u << (rs - 1);
}

/* How many periods have passed since 1970, rounded down. */
static __int128 rtc_periods(__int128 local, uint32_t period)
{
    RtcTime t = rtc_split(local);
    __int128 ticks =
        (__int128)t.sec * TICK_HZ + (int64_t)t.ns * TICK_HZ / NS_PER_SEC;

    return ticks >= 0 ? ticks / period : (ticks + 1) / period - 1;
}

/* The first ns of period @n. */
static __int128 rtc_period_start(__int128 n, uint32_t period)
{
    __int128 ticks = n * period;
    __int128 sec = ticks >= 0 ? ticks / TICK_HZ : (ticks + 1) / TICK_HZ - 1;
    int64_t rest = (int64_t)(ticks - sec * TICK_HZ);

    return sec * NS_PER_SEC + (rest * NS_PER_SEC + TICK_HZ - 1) / TICK_HZ;
}

/* --- flags, interrupt ----------------------------------------------------- */

/* Gather what has happened since the last look. */
static void rtc_look(Mc146818 *r)
{
    VirtTime now = dev_now(&r->dev);
    __int128 from = rtc_local(r, r->seen), to = rtc_local(r, now);
    int64_t sec = rtc_split(from).sec, to_sec = rtc_split(to).sec;
    uint32_t period = rtc_period(r);
    int64_t alarm;

    if (period && rtc_periods(to, period) != rtc_periods(from, period)) {
        r->cmos[R_C] |= C_PF;
    }
    if (rtc_runs(r) && to_sec > sec) {
        r->cmos[R_C] |= C_UF;
        if (rtc_next_alarm(r->cmos, r->cmos[R_B], sec, &alarm)
            && alarm <= to_sec) {
            r->cmos[R_C] |= C_AF;
        }
    }
    r->seen = now;
}

/* The next moment at which an enabled flag that is clear gets set. */
static bool rtc_next_event(const Mc146818 *r, __int128 *out)
{
    uint8_t want = r->cmos[R_B] & B_ENABLES & ~r->cmos[R_C];
    __int128 now = rtc_now(r), best = 0;
    int64_t sec = rtc_split(now).sec, alarm;
    uint32_t period = rtc_period(r);
    bool have = false;

    if ((want & C_PF) && period) {
        best = rtc_period_start(rtc_periods(now, period) + 1, period);
        have = true;
    }
    if ((want & C_AF) && rtc_runs(r)
        && rtc_next_alarm(r->cmos, r->cmos[R_B], sec, &alarm)) {
        __int128 at = (__int128)alarm * NS_PER_SEC;

        best = have && best < at ? best : at;
        have = true;
    }
    if ((want & C_UF) && rtc_runs(r)) {
        __int128 at = (__int128)(sec + 1) * NS_PER_SEC;

        best = have && best < at ? best : at;
        have = true;
    }
    *out = best;
    return have;
}

static void rtc_update(Mc146818 *r)
{
    bool on = r->cmos[R_B] & r->cmos[R_C] & B_ENABLES;
    __int128 at;

    if (on) {
        r->cmos[R_C] |= C_IRQF;
    } else {
        r->cmos[R_C] &= ~C_IRQF;
    }
    irq_set(r->irq8, on);
    if (!on && rtc_next_event(r, &at)) {
        timer_arm(&r->timer,
                  virt_add(dev_now(&r->dev), (int64_t)(at - rtc_now(r))));
    } else {
        timer_cancel(&r->timer);
    }
}

static void rtc_expired(Device *dev)
{
    rtc_look((Mc146818 *)dev);
    rtc_update((Mc146818 *)dev);
}

/* --- registers ------------------------------------------------------------ */

static bool is_time(unsigned index)
{
    return index == R_CENTURY
           || (index <= R_YEAR && (index > 5 || !(index & 1)));
}

/* Put the running time into the bytes. */
static void rtc_show(const Mc146818 *r, uint8_t bytes[128])
{
    rtc_encode(rtc_split(rtc_now(r)).sec, r->cmos[R_B], bytes);
}

/* Go on from the bytes, @ns into their second. */
static void rtc_take(Mc146818 *r, int32_t ns)
{
    RtcTime t = {rtc_decode(r->cmos, r->cmos[R_B]), ns};

    rtc_set_local(r, rtc_join(t));
}

static void rtc_write_time(Mc146818 *r, unsigned index, uint8_t v)
{
    if (!rtc_runs(r)) {
        r->cmos[index] = v;
        return;
    }
    rtc_show(r, r->cmos);
    r->cmos[index] = v;
    rtc_take(r, rtc_split(rtc_now(r)).ns);
}

static void rtc_write_a(Mc146818 *r, uint8_t v)
{
    bool divided = rtc_divides(r);

    if (rtc_runs(r)) {
        rtc_show(r, r->cmos);
    }
    r->cmos[R_A] = v & ~A_UIP;
    if (!divided && rtc_divides(r)) {
        /* MC146818, "Divider Control": first update half a second later */
        rtc_take(r, HALF_SECOND);
    }
}

static void rtc_write_b(Mc146818 *r, uint8_t v)
{
    bool ran = rtc_runs(r);

    if (ran) {
        rtc_show(r, r->cmos);
    }
    if (v & B_SET) {
        v &= ~C_UF; /* MC146818, "SET": clears UIE */
    }
    r->cmos[R_B] = v;
    if (!ran && rtc_runs(r)) {
        rtc_take(r, rtc_split(rtc_now(r)).ns);
    }
}

static void rtc_write(Mc146818 *r, unsigned index, uint8_t v)
{
    rtc_look(r);
    if (is_time(index)) {
        rtc_write_time(r, index, v);
    } else if (index == R_A) {
        rtc_write_a(r, v);
    } else if (index == R_B) {
        rtc_write_b(r, v);
    } else if (index != R_C && index != R_D) {
        r->cmos[index] = v;
    }
    r->seen = dev_now(&r->dev);
    rtc_update(r);
}

static uint8_t rtc_value(const Mc146818 *r, unsigned index)
{
    uint8_t bytes[128];
    bool updating;

    if (is_time(index) && rtc_runs(r)) {
        rtc_show(r, bytes);
        return bytes[index];
    }
    if (index == R_A) {
        updating =
            rtc_runs(r) && rtc_split(rtc_now(r)).ns >= NS_PER_SEC - UPDATE_NS;
        return r->cmos[R_A] | (updating ? A_UIP : 0);
    }
    return r->cmos[index];
}

/* --- ports ---------------------------------------------------------------- */

static uint64_t mc146818_read(Device *dev, uint64_t off, unsigned size)
{
    Mc146818 *r = (Mc146818 *)dev;
    uint8_t v;

    if (off == 0) {
        return 0xff; /* write only */
    }
    if (r->index != R_C) {
        return rtc_value(r, r->index);
    }
    rtc_look(r);
    rtc_update(r);
    v = r->cmos[R_C];
    r->cmos[R_C] = 0;
    rtc_update(r);
    return v;
}

static uint64_t mc146818_peek(Device *dev, uint64_t off, unsigned size)
{
    Mc146818 *r = (Mc146818 *)dev;

    return off == 0 ? 0xff : rtc_value(r, r->index);
}

static void mc146818_write(Device *dev, uint64_t off, uint64_t v, unsigned size)
{
    Mc146818 *r = (Mc146818 *)dev;

    if (off == 0) {
        r->index = v & 0x7f;
        r->nmi_masked = v & 0x80;
    } else {
        rtc_write(r, r->index, (uint8_t)v);
    }
}

static const MemOps mc146818_ops = {
    .read = mc146818_read,
    .write = mc146818_write,
    .peek = mc146818_peek,
    .max_size = 1,
};

/* --- device --------------------------------------------------------------- */

void mc146818_connect(Device *dev, IrqLine *irq8)
{
    ((Mc146818 *)dev)->irq8 = irq8;
}

void mc146818_set_nvram(Device *dev, unsigned index, uint8_t value)
{
    g_assert(index > R_D && index < 128);
    ((Mc146818 *)dev)->cmos[index] = value;
}

uint8_t mc146818_nvram(const Device *dev, unsigned index)
{
    g_assert(index < 128);
    return rtc_value((const Mc146818 *)dev, index);
}

bool mc146818_nmi_masked(const Device *dev)
{
    return ((const Mc146818 *)dev)->nmi_masked;
}

static bool mc146818_realize(Device *dev, GError **error)
{
    Mc146818 *r = (Mc146818 *)dev;

    timer_init(&r->timer, dev, rtc_expired);
    r->cmos[R_A] = A_DV_RUN | 6;
    r->cmos[R_B] = RTC_B_24H;
    r->cmos[R_D] = D_VRT;
    r->seen = dev_now(dev);
    mem_add(dev->vm->io_root, 0x70,
            mem_io(dev->vm, "rtc", dev, &mc146818_ops, 2), 0);
    return true;
}

/* MC146818, "RESET": the clock and the NVRAM go on. */
static void mc146818_reset_done(Device *dev)
{
    Mc146818 *r = (Mc146818 *)dev;

    rtc_look(r);
    r->cmos[R_B] &= ~(B_ENABLES | B_SQWE);
    r->cmos[R_C] = 0;
    rtc_update(r);
}

/* clang-format off */
static const StateField mc146818_state[] = {
    STATE(Mc146818, cmos, .keep = true),
    STATE(Mc146818, index, .max = 0x7f),
    STATE(Mc146818, nmi_masked),
    STATE(Mc146818, offset_sec, .keep = true),
    STATE(Mc146818, offset_ns, .keep = true),
    STATE(Mc146818, seen, .keep = true),
    STATE(Mc146818, timer),
    WIRE(Mc146818, irq8),
    STATE_END,
};
/* clang-format on */

const DeviceType mc146818_type = {
    .name = "mc146818",
    .size = sizeof(Mc146818),
    .state = mc146818_state,
    .doc = "real-time clock and NVRAM",
    .realize = mc146818_realize,
    .reset_done = mc146818_reset_done,
};
