/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pc board with made-up firmware, and the operations that inputs do to it. */
#ifndef TESTS_FUZZ_PC_BOX_H
#define TESTS_FUZZ_PC_BOX_H

#include "hw/machine.h"
#include "tests/fuzz/fuzz.h"

#define PC_BOX_RAM (8u << 20)

typedef struct PcBox {
    Vm *vm;
    GPtrArray *start; /* owned: GByteArray *, see pc_box_save() */
    uint8_t *ram;     /* owned: copy of all pages at the start */
    GArray *ports;    /* owned: uint16_t, all with a device behind them */
} PcBox;

/** pc_box() - the machine of this process, as it was after its first reset */
PcBox *pc_box(void);
/** pc_box_save() - clock, entropy, then each device in path order */
GPtrArray *pc_box_save(const PcBox *b);
void pc_box_load(PcBox *b, const GPtrArray *saved);
/** pc_box_digests() - as pc_box_save() */
GArray *pc_box_digests(const PcBox *b);
/** pc_box_assert_same() - the machine still has these digests */
void pc_box_assert_same(const PcBox *b, const GArray *digests,
                        const char *after);
/** pc_box_ops() - until the input is used up */
void pc_box_ops(PcBox *b, FuzzIn *in);

#endif
