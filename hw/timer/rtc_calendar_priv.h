/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calendar bytes of the MC146818: seconds since 1970 and back, alarms. */
#ifndef HW_TIMER_RTC_CALENDAR_PRIV_H
#define HW_TIMER_RTC_CALENDAR_PRIV_H

#include "core/types.h"

#define RTC_B_24H 0x02
#define RTC_B_BINARY 0x04

typedef struct RtcTime {
    int64_t sec; /* since 1970 */
    int32_t ns;
} RtcTime;

/** rtc_encode() - fill the time bytes (0, 2, 4, 6 to 9, 0x32) of @bytes in the
 *  format of register B */
void rtc_encode(int64_t sec, uint8_t b, uint8_t bytes[128]);
/** rtc_decode() - what the time bytes say; out of range: clamped */
int64_t rtc_decode(const uint8_t bytes[128], uint8_t b);
/** rtc_next_alarm() - first second after @sec that the alarm bytes (1, 3, 5)
 *  match; false: none ever */
bool rtc_next_alarm(const uint8_t bytes[128], uint8_t b, int64_t sec,
                    int64_t *out);

#endif
