/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host time: for pacing and timeouts, never shown to the guest. */
#include <time.h>

#include "replay/replay.h"

int64_t host_worked(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

HostTime host_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (HostTime){(int64_t)t.tv_sec * NS_PER_SEC + t.tv_nsec};
}
