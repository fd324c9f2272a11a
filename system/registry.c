/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every device type and input source, by hand. */
#include "system/registry.h"

#include "block/drives.h"
#include "chardev/port.h"
#include "core/error.h"
#include "gdbstub/gdbstub.h"
#include "hw/debugcon.h"
#include "hw/ide.h"
#include "hw/isa_debug_exit.h"
#include "hw/parallel.h"
#include "hw/ps2.h"
#include "hw/serial16550.h"
#include "monitor/input.h"
#include "replay/replay.h"
#include "system/control.h"

const DeviceType *const registry_devices[] = {
    &ide_cd_type,
    &ide_hd_type,
    &isa_debug_exit_type,
    &isa_debugcon_type,
    &isa_parallel_type,
    &isa_serial_type,
    NULL,
};

void registry_sources(Vm *vm)
{
    input_source_register(vm, &replay_clock_source);
    input_source_register(vm, &chr_source);
    input_source_register(vm, &block_source);
    input_source_register(vm, &media_source);
    input_source_register(vm, &key_source);
    input_source_register(vm, &pointer_source);
    input_source_register(vm, &action_source);
    input_source_register(vm, &gdb_source);
    input_source_register(vm, &port_write_source);
}

const DeviceType *registry_find(const char *driver, GError **error)
{
    const char *names[G_N_ELEMENTS(registry_devices)] = {0};
    const char *near;

    for (unsigned i = 0; registry_devices[i]; i++) {
        names[i] = registry_devices[i]->name;
        if (strcmp(driver, names[i]) == 0) {
            return registry_devices[i];
        }
    }
    near = nearest_match(driver, names);
    if (near) {
        fail(error, "-device %s: unknown device: did you mean '%s'?", driver,
             near);
    } else {
        fail(error, "-device %s: unknown device (-device help lists them)",
             driver);
    }
    return NULL;
}

bool registry_device_help(const char *driver, GString *out, GError **error)
{
    const DeviceType *type;

    if (!driver) {
        for (unsigned i = 0; registry_devices[i]; i++) {
            type = registry_devices[i];
            g_string_append_printf(out, "name \"%s\", bus %s, desc \"%s\"\n",
                                   type->name, type->bus ? type->bus : "none",
                                   type->doc ? type->doc : "");
        }
        return true;
    }
    type = registry_find(driver, error);
    if (!type) {
        return false;
    }
    g_string_append_printf(out, "%s options:\n", type->name);
    for (const PropField *p = type->props; p && p->type != PROP_END; p++) {
        g_string_append_printf(out, "  %s=<%s> - %s (default: %s)\n", p->name,
                               p->type == PROP_BOOL  ? "bool"
                               : p->type == PROP_STR ? "str"
                                                     : "number",
                               p->doc ? p->doc : "",
                               p->initial ? p->initial : "none");
    }
    return true;
}
