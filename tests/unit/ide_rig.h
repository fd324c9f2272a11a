/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host bridge, the IDE function, a disk and a CD drive. The drives' block
 * layer is a piece of memory: a request waits until rig_complete().
 */
#ifndef TESTS_UNIT_IDE_RIG_H
#define TESTS_UNIT_IDE_RIG_H

#include "block/drive.h"
#include "core/bytes.h"
#include "core/vm.h"
#include "hw/ide.h"

#define RIG_DISK_SECTORS 3000u
#define RIG_CD_SECTORS 100u /* of 2048 bytes */
#define RIG_CMD 0x1f0       /* disk: primary, unit 0 */
#define RIG_CTL 0x3f6
#define RIG_CD_CMD 0x170 /* CD: secondary, unit 0 */
#define RIG_CD_CTL 0x376
#define RIG_BM 0xc000 /* bus master registers */
#define RIG_RAM 0x100000u

/* Registers, offsets from the command block. */
enum {
    R_DATA,
    R_FEATURE,
    R_COUNT,
    R_LOW,
    R_MID,
    R_HIGH,
    R_DEV,
    R_CMD
};

typedef struct Rig {
    Vm *vm;
    Device *bridge, *ide, *disk, *cd, *sink;
    Drive *disk_drive, *cd_drive;
} Rig;

struct Drive {
    Device *dev;
    const DriveOps *ops;
    uint8_t *bytes;
    uint64_t size;
    bool waiting, read_only, empty, tray, locked, fail;
    BlkRequest request;
    uint8_t *data;
    unsigned flushes, discards, requests;
};

void rig_setup(Rig *r, gconstpointer data);
void rig_teardown(Rig *r, gconstpointer data);
/** rig_drive() - drive @n (0, 1) of @size bytes; freed by rig_teardown() */
Drive *rig_drive(unsigned n, uint64_t size);
/** rig_complete() - the request at work; false: there is none */
bool rig_complete(Drive *d);
void rig_finish(Drive *d); /* all of them */
void rig_out(Rig *r, uint16_t port, unsigned v);
unsigned rig_in(Rig *r, uint16_t port);
unsigned rig_in16(Rig *r, uint16_t port);
void rig_out16(Rig *r, uint16_t port, unsigned v);
bool rig_irq(const Rig *r, unsigned channel);
/** rig_command() - LBA28 address and count, then the command */
void rig_command(Rig *r, unsigned command, uint32_t lba, unsigned count);
/** rig_command_ext() - 48-bit */
void rig_command_ext(Rig *r, unsigned command, uint64_t lba, unsigned count);
/** rig_packet() - PACKET with a byte count limit, 12 bytes of command */
void rig_packet(Rig *r, const uint8_t cdb[12], unsigned limit, bool dma);
/** rig_table() - descriptors of @n pieces, as pairs of address and bytes */
void rig_table(Rig *r, unsigned channel, const uint32_t (*piece)[2],
               unsigned n);

#endif
