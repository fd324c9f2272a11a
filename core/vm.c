/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making and unmaking of a machine, and its requests to the loop. */
#include "core/vm.h"

#include "core/fds.h"
#include "core/object.h"
#include "core/trace.h"
#include "core/vm_priv.h"

#define IO_SPACE_BYTES 0x10000

Vm *vm_new(void)
{
    static const uint8_t no_seed[32];
    Vm *vm = g_new0(Vm, 1);

    vm->exit_status = -1;
    vm->priv = g_new0(struct VmPriv, 1);
    vm->priv->sources = g_ptr_array_new();
    vm->vcpus = g_ptr_array_new();
    vm->clock = clock_new();
    vm->ram = ram_store_new();
    vm->input = input_queue_new();
    vm->entropy = entropy_new(no_seed);
    memory_init(vm);
    fds_init(vm);
    vm->mem_root = mem_container(vm, "memory", UINT64_MAX);
    vm->io_root = mem_container(vm, "io", IO_SPACE_BYTES);
    vm->mem = address_space_new(vm, "memory", vm->mem_root);
    vm->io = address_space_new(vm, "io", vm->io_root);
    return vm;
}

void vm_free(Vm *vm)
{
    if (!vm) {
        return;
    }
    devices_free(vm);
    memory_fini(vm);
    ram_store_free(vm->ram);
    clock_free(vm->clock);
    input_queue_free(vm->input);
    entropy_free(vm->entropy);
    objects_fini(vm);
    fds_fini(vm);
    trace_fini(vm);
    log_close(vm);
    g_ptr_array_free(vm->vcpus, TRUE);
    g_ptr_array_free(vm->priv->sources, TRUE);
    g_free(vm->priv);
    g_free(vm);
}

void vm_horizon_changed(Vm *vm)
{
    vm->horizon = true;
    if (vm->end_slice) {
        vm->end_slice(vm->end_slice_opaque);
    }
}

void vm_end_turn(Vm *vm)
{
    vm->turn_over = true;
    vm_horizon_changed(vm);
}

void vm_request(Vm *vm, VmRequest what, VmCause cause)
{
    vm_assert_thread(vm);
    trace(vm, vm_request, vm_cause_name(cause), what);
    vm->requests |= what;
    vm->cause = cause;
    vm_horizon_changed(vm);
}

const char *vm_cause_name(VmCause cause)
{
    static const char *const names[] = {
        [VM_CAUSE_NONE] = "none",
        [VM_CAUSE_HOST_ERROR] = "host-error",
        [VM_CAUSE_HOST_QMP_QUIT] = "host-qmp-quit",
        [VM_CAUSE_HOST_QMP_RESET] = "host-qmp-system-reset",
        [VM_CAUSE_HOST_SIGNAL] = "host-signal",
        [VM_CAUSE_HOST_UI] = "host-ui",
        [VM_CAUSE_GUEST_SHUTDOWN] = "guest-shutdown",
        [VM_CAUSE_GUEST_RESET] = "guest-reset",
        [VM_CAUSE_GUEST_PANIC] = "guest-panic",
        [VM_CAUSE_SUBSYSTEM_RESET] = "subsystem-reset",
    };

    return cause < G_N_ELEMENTS(names) ? names[cause] : "unknown";
}

void vm_assert_thread(const Vm *vm)
{
    g_assert(!vm->thread || vm->thread == g_thread_self());
}

void vm_set_seed(Vm *vm, const uint8_t seed[32])
{
    entropy_free(vm->entropy);
    vm->entropy = entropy_new(seed);
}
