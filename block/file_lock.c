/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block/file_lock_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"

#define LOCK_USE 100   /* + what is done */
#define LOCK_BEAR 200  /* + what others must not do */
#define LOCK_BYTES 300 /* all of them lie below */

enum {
    DO_READ = 0,
    DO_WRITE = 1,
    DO_RESIZE = 3
};

static int lock_byte(int fd, int type, off_t at, off_t count)
{
    struct flock l = {
        .l_type = (short)type,
        .l_whence = SEEK_SET,
        .l_start = at,
        .l_len = count,
    };

    return fcntl(fd, F_OFD_SETLK, &l) == 0 ? 0 : errno;
}

/* Has somebody else locked this byte? */
static bool lock_held(int fd, off_t at)
{
    struct flock l = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = at,
        .l_len = 1,
    };

    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

void file_unlock(int fd)
{
    lock_byte(fd, F_UNLCK, 0, LOCK_BYTES);
}

bool file_lock(int fd, const char *filename, bool write, GError **error)
{
    static const int alone[] = {DO_WRITE, DO_RESIZE};
    int err = lock_byte(fd, F_RDLCK, LOCK_USE + DO_READ, 1);
    bool conflict = false;

    if (err && err != EAGAIN && err != EACCES) {
        return true; /* this file system has no locks */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(alone); i++) {
        if (write) {
            conflict |= lock_byte(fd, F_RDLCK, LOCK_USE + alone[i], 1) != 0;
            conflict |= lock_held(fd, LOCK_BEAR + alone[i]);
        }
        conflict |= lock_byte(fd, F_RDLCK, LOCK_BEAR + alone[i], 1) != 0;
        conflict |= lock_held(fd, LOCK_USE + alone[i]);
    }
    if (conflict || err) {
        file_unlock(fd);
        return fail(error,
                    "%s: is in use by another program%s (file.locking=off "
                    "does not ask)",
                    filename, write ? "" : " that writes to it");
    }
    return true;
}
