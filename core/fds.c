/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors from outside. */
#include "core/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/keyval.h"
#include "core/vm.h"

#define FDS_MAX 1024
#define FDS_PREFIX "/dev/fdset/"

typedef struct Fd {
    char *name; /* owned, NULL: one of a set */
    char *text; /* owned, NULL: none */
    int fd;
    int64_t set;
} Fd;

struct FdStore {
    GMutex lock;
    GPtrArray *all; /* owned: Fd * */
};

static void fd_free(gpointer p)
{
    Fd *f = p;

    close(f->fd);
    g_free(f->name);
    g_free(f->text);
    g_free(f);
}

static struct FdStore *fds_lock(Vm *vm)
{
    g_mutex_lock(&vm->fds->lock);
    return vm->fds;
}

static void fds_unlock(struct FdStore *s)
{
    g_mutex_unlock(&s->lock);
}

void fds_init(Vm *vm)
{
    vm->fds = g_new0(struct FdStore, 1);
    g_mutex_init(&vm->fds->lock);
    vm->fds->all = g_ptr_array_new_with_free_func(fd_free);
}

void fds_fini(Vm *vm)
{
    g_ptr_array_unref(vm->fds->all);
    g_mutex_clear(&vm->fds->lock);
    g_clear_pointer(&vm->fds, g_free);
}

/* With the lock. NULL: there are too many. */
static Fd *fds_new(struct FdStore *s, int fd, GError **error)
{
    Fd *f;

    if (s->all->len >= FDS_MAX) {
        close(fd);
        fail(error, "at most %d file descriptors are kept", FDS_MAX);
        return NULL;
    }
    f = g_new0(Fd, 1);
    f->fd = fd;
    g_ptr_array_add(s->all, f);
    return f;
}

/* --- sets ------------------------------------------------------------------- */

static bool fds_has_set(const struct FdStore *s, int64_t set)
{
    for (guint i = 0; i < s->all->len; i++) {
        const Fd *f = g_ptr_array_index(s->all, i);

        if (!f->name && f->set == set) {
            return true;
        }
    }
    return false;
}

bool fds_add(Vm *vm, int fd, int64_t *set, const char *text, GError **error)
{
    struct FdStore *s = fds_lock(vm);
    Fd *f = fds_new(s, fd, error);

    if (f) {
        f->text = g_strdup(text);
        f->set = *set;
        if (*set == FDS_ANY_SET) {
            for (*set = 0; fds_has_set(s, *set); (*set)++) {
            }
            f->set = *set;
        }
    }
    fds_unlock(s);
    return f != NULL;
}

bool fds_remove(Vm *vm, int64_t set, int fd)
{
    struct FdStore *s = fds_lock(vm);
    guint before = s->all->len;

    for (guint i = before; i > 0; i--) {
        const Fd *f = g_ptr_array_index(s->all, i - 1);

        if (!f->name && f->set == set && (fd < 0 || f->fd == fd)) {
            g_ptr_array_remove_index(s->all, i - 1);
        }
    }
    before -= s->all->len;
    fds_unlock(s);
    return before > 0;
}

void fds_foreach(Vm *vm, FdVisit *visit, void *opaque)
{
    struct FdStore *s = fds_lock(vm);

    for (guint i = 0; i < s->all->len; i++) {
        const Fd *f = g_ptr_array_index(s->all, i);

        if (!f->name) {
            visit(opaque, f->set, f->fd, f->text);
        }
    }
    fds_unlock(s);
}

/* --- names ------------------------------------------------------------------- */

/* With the lock. NULL: there is none. */
static Fd *fds_find(const struct FdStore *s, const char *name)
{
    for (guint i = 0; i < s->all->len; i++) {
        Fd *f = g_ptr_array_index(s->all, i);

        if (g_strcmp0(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

bool fds_name(Vm *vm, int fd, const char *name, GError **error)
{
    struct FdStore *s = fds_lock(vm);
    Fd *old = fds_find(s, name), *f;

    if (old) {
        g_ptr_array_remove(s->all, old);
    }
    f = fds_new(s, fd, error);
    if (f) {
        f->name = g_strdup(name);
    }
    fds_unlock(s);
    return f != NULL;
}

int fds_take(Vm *vm, const char *name)
{
    struct FdStore *s = fds_lock(vm);
    Fd *f = fds_find(s, name);
    int fd = -1;

    if (f) {
        fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
        g_ptr_array_remove(s->all, f);
    }
    fds_unlock(s);
    return fd;
}

/* --- as files ------------------------------------------------------------------ */

/* May a descriptor that is open with the flags @has stand in for open(@want)? */
static bool fds_fits(int has, int want)
{
    return has >= 0 && (has & O_ACCMODE) == (want & O_ACCMODE);
}

static int fds_copy_of(struct FdStore *s, int64_t set, int flags)
{
    const int changed = O_APPEND | O_NONBLOCK;

    for (guint i = 0; i < s->all->len; i++) {
        const Fd *f = g_ptr_array_index(s->all, i);
        int has = f->name || f->set != set ? -1 : fcntl(f->fd, F_GETFL);
        int fd = fds_fits(has, flags) ? fcntl(f->fd, F_DUPFD_CLOEXEC, 0) : -1;

        if (fd >= 0) {
            fcntl(fd, F_SETFL, (has & ~changed) | (flags & changed));
            return fd;
        }
    }
    errno = fds_has_set(s, set) ? EACCES : ENOENT;
    return -1;
}

int fds_open(Vm *vm, const char *path, int flags, mode_t mode)
{
    struct FdStore *s;
    uint64_t set;
    int fd;

    if (!g_str_has_prefix(path, FDS_PREFIX)
        || !parse_u64(path + strlen(FDS_PREFIX), INT64_MAX, &set)) {
        return open(path, flags | O_CLOEXEC, mode);
    }
    s = fds_lock(vm);
    fd = fds_copy_of(s, (int64_t)set, flags);
    fds_unlock(s);
    return fd;
}
