/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parallel NOR flash with Intel's command set: firmware and its variables. */
#ifndef HW_PFLASH_H
#define HW_PFLASH_H

#include "block/drive.h"
#include "core/vm.h"

extern const DeviceType pflash_type;

/**
 * pflash_connect() - before it is realized
 * @drive: takes what the guest writes; @content: of the chip at the start
 */
void pflash_connect(Device *dev, Drive *drive, GBytes *content);
/** pflash_map() - after: put it at @at of @parent */
void pflash_map(Device *dev, MemRegion *parent, uint64_t at);
/** pflash_memory() - the array, for aliases; they show no command results */
MemRegion *pflash_memory(const Device *dev);

#endif
