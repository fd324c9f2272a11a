/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -d out_asm: generated code as instructions, or as bytes without capstone. */
#include "accel/t1_priv.h"

#if defined(__x86_64__)

#include <inttypes.h>

#include "config.h"

#if CONFIG_CAPSTONE
#include <capstone/capstone.h>

static const uint8_t *print_insns(GString *out, const uint8_t *p, size_t size)
{
    uint64_t pc = (uintptr_t)p;
    cs_insn *insn;
    csh handle;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) {
        return p;
    }
    insn = cs_malloc(handle);
    while (cs_disasm_iter(handle, &p, &size, &pc, insn)) {
        g_string_append_printf(out, "0x%08" PRIx64 ":  %-8s %s\n",
                               insn->address, insn->mnemonic, insn->op_str);
    }
    cs_free(insn, 1);
    cs_close(&handle);
    return p;
}
#else
static const uint8_t *print_insns(GString *out, const uint8_t *p, size_t size)
{
    return p;
}
#endif

void t1_print_code(GString *out, const uint8_t *p, const uint8_t *end)
{
    p = print_insns(out, p, (size_t)(end - p));
    if (p < end) {
        g_string_append_printf(out, "0x%08" PRIxPTR ":", (uintptr_t)p);
        for (; p < end; p++) {
            g_string_append_printf(out, " %02x", *p);
        }
        g_string_append_c(out, '\n');
    }
}

#endif
