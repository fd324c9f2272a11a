/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pc board as wild firmware and software see it: accesses of all sizes to
 * all ports and registers, DMA to anywhere, PCI configuration, time, inputs.
 */
#include "tests/fuzz/pc_box.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzIn in = {data, size};
    PcBox *b = pc_box();
    g_autoptr(GArray) start = pc_box_digests(b), end = NULL;

    pc_box_ops(b, &in);
    end = pc_box_digests(b);
    b = pc_box(); /* the way back is complete, or inputs would depend */
    pc_box_assert_same(b, start, "an input that was over");
    in = (FuzzIn){data, size};
    pc_box_ops(b, &in); /* and the way here depends on nothing else */
    pc_box_assert_same(b, end, "the second time");
    return 0;
}
