/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File descriptors from outside: sets of them (-add-fd, add-fd), which stand
 * behind names of the form /dev/fdset/N, and single ones with a name (getfd).
 * The store owns them and closes what nobody took. Thread: any
 */
#ifndef CORE_FDS_H
#define CORE_FDS_H

#include <sys/types.h>

#include "core/types.h"

typedef struct Vm Vm;
typedef void FdVisit(void *opaque, int64_t set, int fd, const char *text);

#define FDS_ANY_SET (-1)

/** fds_add() - @fd is the store's now, also after an error. @set: FDS_ANY_SET
 *  becomes the lowest that nobody has. @text: for people, NULL: none */
bool fds_add(Vm *vm, int fd, int64_t *set, const char *text, GError **error);
/** fds_remove() - @fd of @set, -1: all of it; false: there is none */
bool fds_remove(Vm *vm, int64_t set, int fd);
/** fds_foreach() - those of sets, in the order they came. Under the lock */
void fds_foreach(Vm *vm, FdVisit *visit, void *opaque);

/** fds_name() - @fd is the store's now, also after an error; who had the name
 *  before is closed */
bool fds_name(Vm *vm, int fd, const char *name, GError **error);
/** fds_take() - the one with this name; -1: none. The caller closes it */
int fds_take(Vm *vm, const char *name);

/** fds_open() - open(), where /dev/fdset/N is a copy of a descriptor of that
 *  set with the same kind of access: EACCES when it has none, ENOENT when there
 *  is no such set */
int fds_open(Vm *vm, const char *path, int flags, mode_t mode);

/* Of vm_new() and vm_free(). */
void fds_init(Vm *vm);
void fds_fini(Vm *vm);

#endif
