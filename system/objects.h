/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of -object. */
#ifndef SYSTEM_OBJECTS_H
#define SYSTEM_OBJECTS_H

#include "core/object.h"

extern const ObjectType object_registry[]; /* ends with a NULL name */

/** secret_bytes() - what a secret holds; NULL: @o is none. Borrowed */
GBytes *secret_bytes(const Object *o);

#endif
