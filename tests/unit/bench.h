/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A test bench: one device, a Vm with a clock, and lines to watch. A register
 * block of REG rows (mmio_size) is at guest physical 0; everything else is
 * where the device's realize puts it (vm->mem_root, vm->io_root).
 */
#ifndef TESTS_UNIT_BENCH_H
#define TESTS_UNIT_BENCH_H

#include "core/vm.h"

#define BENCH_LINES 32

typedef struct Bench {
    Vm *vm;       /* owned */
    Device *dev;  /* borrowed: of vm */
    Device *sink; /* borrowed: of vm; takes the lines */
} Bench;

/** bench_new() - make, realize and reset one device */
Bench *bench_new(const DeviceType *type);
/* The same in two steps, to set properties and wires before realize. */
Bench *bench_new_unrealized(const DeviceType *type);
void bench_realize(Bench *b);
void bench_free(Bench *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

/** bench_line() - line @n of the bench, for a device's WIRE pointer */
IrqLine *bench_line(Bench *b, unsigned n);
/** bench_irq() - level of line @n, driven by the device */
bool bench_irq(const Bench *b, unsigned n);
/** bench_edges() - how often line @n has risen */
unsigned bench_edges(const Bench *b, unsigned n);

/* Guest physical accesses, with effects */
uint8_t bench_read8(Bench *b, uint64_t at);
uint16_t bench_read16(Bench *b, uint64_t at);
uint32_t bench_read32(Bench *b, uint64_t at);
uint64_t bench_read64(Bench *b, uint64_t at);
void bench_write8(Bench *b, uint64_t at, uint8_t v);
void bench_write16(Bench *b, uint64_t at, uint16_t v);
void bench_write32(Bench *b, uint64_t at, uint32_t v);
void bench_write64(Bench *b, uint64_t at, uint64_t v);
/** bench_peek32() - without effects; the address must be mapped */
uint32_t bench_peek32(Bench *b, uint64_t at);

/* Ports */
uint8_t bench_inb(Bench *b, uint16_t port);
uint16_t bench_inw(Bench *b, uint16_t port);
uint32_t bench_inl(Bench *b, uint16_t port);
void bench_outb(Bench *b, uint16_t port, uint8_t v);
void bench_outw(Bench *b, uint16_t port, uint16_t v);
void bench_outl(Bench *b, uint16_t port, uint32_t v);
uint8_t bench_peek_port(Bench *b, uint16_t port);

/** bench_advance() - let virtual time pass, running timers at their moments */
void bench_advance(Bench *b, int64_t ns);
int64_t bench_now(const Bench *b);
void bench_reset(Bench *b);

/** bench_check_state() - what must hold for the rows of every device: save and
 *  load give the same digest, a bad file is refused without a trace, looking
 *  changes nothing */
void bench_check_state(Bench *b);

#endif
