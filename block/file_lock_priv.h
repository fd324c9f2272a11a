/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks on image files, on single bytes, so that other programs of the same
 * convention notice: who reads locks byte 100, who writes 101, who resizes 103;
 * who bears no other writer locks 201, no other resizer 203.
 */
#ifndef BLOCK_FILE_LOCK_PRIV_H
#define BLOCK_FILE_LOCK_PRIV_H

#include "core/types.h"

/** file_lock() - until @fd is closed; nobody else may write meanwhile */
bool file_lock(int fd, const char *filename, bool write, GError **error);
void file_unlock(int fd);

#endif
