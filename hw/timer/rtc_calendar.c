/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calendar bytes of the MC146818. Source: MC146818A data sheet, table 3;
 * Gregorian calendar with years of March to February. */
#include "hw/timer/rtc_calendar_priv.h"

#define DAY_SECONDS 86400
#define ERA_DAYS 146097   /* 400 years */
#define EPOCH_DAYS 719468 /* 1 March 0000 to 1 January 1970 */
#define MIN_SECONDS (-EPOCH_DAYS * (int64_t)DAY_SECONDS)
#define MAX_SECONDS 253402300799 /* end of 9999 */

static int64_t days_of(int year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y >= 0 ? y / 400 : -1;
    int64_t in_era = y - era * 400;
    int64_t in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

    return era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year
           - EPOCH_DAYS;
}

static void date_of(int64_t days, int *year, unsigned *month, unsigned *day)
{
    int64_t n = days + EPOCH_DAYS;
    int64_t era = n / ERA_DAYS;
    int64_t d = n % ERA_DAYS;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t in_year = d - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * in_year + 2) / 153;

    *day = (unsigned)(in_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static uint8_t put(unsigned v, uint8_t b)
{
    return (uint8_t)(b & RTC_B_BINARY ? v : v / 10 << 4 | v % 10);
}

static unsigned get(uint8_t v, uint8_t b)
{
    return b & RTC_B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static uint8_t put_hour(unsigned hour, uint8_t b)
{
    uint8_t pm = hour >= 12 ? 0x80 : 0;

    if (b & RTC_B_24H) {
        return put(hour, b);
    }
    return put(hour % 12 ? hour % 12 : 12, b) | pm;
}

/* 24 and more: no such hour. */
static unsigned get_hour(uint8_t v, uint8_t b)
{
    unsigned hour;

    if (b & RTC_B_24H) {
        return get(v, b);
    }
    hour = get(v & 0x7f, b);
    if (hour < 1 || hour > 12) {
        return 24;
    }
    return hour % 12 + (v & 0x80 ? 12 : 0);
}

void rtc_encode(int64_t sec, uint8_t b, uint8_t bytes[128])
{
    int64_t s = CLAMP(sec, MIN_SECONDS, MAX_SECONDS) - MIN_SECONDS;
    int64_t days = s / DAY_SECONDS - EPOCH_DAYS;
    unsigned in_day = (unsigned)(s % DAY_SECONDS);
    unsigned month, day;
    int year;

    date_of(days, &year, &month, &day);
    bytes[0] = put(in_day % 60, b);
    bytes[2] = put(in_day / 60 % 60, b);
    bytes[4] = put_hour(in_day / 3600, b);
    bytes[6] =
        put((unsigned)((days + EPOCH_DAYS + 3) % 7 + 1), b); /* 1: Sunday */
    bytes[7] = put(day, b);
    bytes[8] = put(month, b);
    bytes[9] = put((unsigned)year % 100, b);
    bytes[0x32] = put((unsigned)year / 100, b);
}

int64_t rtc_decode(const uint8_t bytes[128], uint8_t b)
{
    unsigned century = MIN(get(bytes[0x32], b), 99);
    unsigned year = century * 100 + MIN(get(bytes[9], b), 99);
    unsigned month = CLAMP(get(bytes[8], b), 1, 12);
    unsigned day = CLAMP(get(bytes[7], b), 1, 31);
    int64_t in_day = MIN(get_hour(bytes[4], b), 23) * 3600
                     + MIN(get(bytes[2], b), 59) * 60
                     + MIN(get(bytes[0], b), 59);

    return days_of((int)year, month, day) * DAY_SECONDS + in_day;
}

static bool any(uint8_t v)
{
    return v >= 0xc0; /* "don't care" */
}

bool rtc_next_alarm(const uint8_t bytes[128], uint8_t b, int64_t sec,
                    int64_t *out)
{
    int64_t at = sec + 1;
    /* Whole hours and minutes that do not match are skipped, so this ends
     * after at most 24 + 60 + 60 steps and one more day. */
    int64_t end = at + DAY_SECONDS;

    while (at <= end) {
        int64_t in_day = (at % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;

        if (!any(bytes[5]) && in_day / 3600 != get_hour(bytes[5], b)) {
            at += 3600 - in_day % 3600;
        } else if (!any(bytes[3]) && in_day / 60 % 60 != get(bytes[3], b)) {
            at += 60 - in_day % 60;
        } else if (!any(bytes[1]) && in_day % 60 != get(bytes[1], b)) {
            at++;
        } else {
            *out = at;
            return true;
        }
    }
    return false;
}
