/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What core keeps in a Vm for itself. */
#ifndef CORE_VM_PRIV_H
#define CORE_VM_PRIV_H

#include "core/vm.h"

struct VmPriv {
    GPtrArray *regions; /* owned: every MemRegion */
    GPtrArray *spaces;  /* owned: every AddressSpace */
    GPtrArray
        *sources; /* borrowed: const InputSource *, order of registering */
    MemListener listener;
    unsigned mem_depth; /* of mem_begin() */
    bool mem_changed;   /* since the outermost mem_begin() */
    bool sealed;        /* no more devices */
};

void memory_init(Vm *vm);
void memory_fini(Vm *vm);
/** listener_protect()/listener_code_write() - tell the accelerator, if any */
void listener_protect(Vm *vm, const RamPage *pages, size_t count);
void listener_code_write(Vm *vm, RamPage page, uint32_t off, uint32_t len);

#endif
