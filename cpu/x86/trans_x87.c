/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 instructions. */
#include "cpu/x86/trans_priv.h"

bool x86_trans_x87(X86Insn *x)
{
    return false;
}
