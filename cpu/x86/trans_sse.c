/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SSE and MMX instructions. */
#include "cpu/x86/trans_priv.h"

bool x86_trans_sse(X86Insn *x)
{
    return false;
}

bool x86_trans_mmx(X86Insn *x)
{
    return false;
}
