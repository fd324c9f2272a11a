/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into programs under the thread sanitizer (scripts/test-slow): tells
 * it what GLib's locks order, which it cannot see as they are futexes inside a
 * library that was built without it. Wraps exactly the calls that Reprise uses.
 */
#include <dlfcn.h>

#include <glib.h>

void __tsan_acquire(void *addr);
void __tsan_release(void *addr);

#define REAL(fn) ((__typeof__(&(fn)))dlsym(RTLD_NEXT, #fn))

void g_mutex_lock(GMutex *m)
{
    REAL(g_mutex_lock)(m);
    __tsan_acquire(m);
}

gboolean g_mutex_trylock(GMutex *m)
{
    gboolean taken = REAL(g_mutex_trylock)(m);

    if (taken) {
        __tsan_acquire(m);
    }
    return taken;
}

void g_mutex_unlock(GMutex *m)
{
    __tsan_release(m);
    REAL(g_mutex_unlock)(m);
}

void g_cond_wait(GCond *c, GMutex *m)
{
    __tsan_release(m);
    REAL(g_cond_wait)(c, m);
    __tsan_acquire(m);
}

gboolean g_cond_wait_until(GCond *c, GMutex *m, gint64 end)
{
    gboolean woken;

    __tsan_release(m);
    woken = REAL(g_cond_wait_until)(c, m, end);
    __tsan_acquire(m);
    return woken;
}

gpointer g_thread_join(GThread *t)
{
    gpointer result = REAL(g_thread_join)(t);

    __tsan_acquire(t);
    return result;
}
