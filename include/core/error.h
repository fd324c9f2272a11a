/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four kinds of failure (docs/architecture.md, "Failures"). */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include "core/types.h"

/**
 * fail() - set @error to a formatted message and return false
 * Messages read "option or object: what: why", without a final full stop.
 */
bool fail(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/** fail_errno() - as fail(), with ": strerror(errnum)" appended */
bool fail_errno(GError **error, int errnum, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/** fail_prefix() - put "prefix: " before a message already set; false */
bool fail_prefix(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/**
 * nearest_match() - the entry of @names closest to @word, for "did you mean"
 * @names: NULL-terminated      Return: borrowed from @names, NULL if none near
 */
const char *nearest_match(const char *word, const char *const *names);

#endif
