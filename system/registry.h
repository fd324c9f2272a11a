/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every device type and input source, by hand. */
#ifndef SYSTEM_REGISTRY_H
#define SYSTEM_REGISTRY_H

#include "core/vm.h"

extern const DeviceType *const registry_devices[]; /* ends with NULL */

/** registry_sources() - make the input sources known to @vm */
void registry_sources(Vm *vm);
/** registry_device_help() - all types, or the properties of one */
bool registry_device_help(const char *driver, GString *out, GError **error);
const DeviceType *registry_find(const char *driver, GError **error);

#endif
