/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info registers` and disassembly. Looking only. */
#include <inttypes.h>

#include "config.h"
#include "cpu/x86/sys_priv.h"

#if CONFIG_CAPSTONE
#include <capstone/capstone.h>
#endif

static void print_flags(const X86Cpu *c, GString *out)
{
    static const struct {
        uint32_t bit;
        char letter;
    } row[] = {
        {X86_DF, 'D'}, {X86_OF, 'O'}, {X86_SF, 'S'}, {X86_ZF, 'Z'},
        {X86_AF, 'A'}, {X86_PF, 'P'}, {X86_CF, 'C'},
    };
    uint64_t flags = x86_cpu_eflags(c);

    g_string_append_printf(out, "RFL=%08" PRIx64 " [", flags);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        g_string_append_c(out, flags & row[i].bit ? row[i].letter : '-');
    }
    g_string_append_printf(out, "] CPL=%u II=%d A20=%d HLT=%d\n", x86_cpl(c),
                           c->inhibit, (c->a20_mask >> 20 & 1) != 0,
                           c->v.halted);
}

static void print_gprs(const X86Cpu *c, GString *out)
{
    static const char *const name[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP",
                                       "RSI", "RDI", "R8 ", "R9 ", "R10", "R11",
                                       "R12", "R13", "R14", "R15"};
    bool wide = x86_has(c, X86_FEAT_80000001_EDX, X86_FXD_LM);

    for (unsigned i = 0; i < (wide ? 16u : 8u); i++) {
        if (wide) {
            g_string_append_printf(out, "%s=%016" PRIx64, name[i], c->gpr[i]);
        } else {
            g_string_append_printf(out, "E%s=%08" PRIx64, name[i] + 1,
                                   c->gpr[i]);
        }
        g_string_append_c(out, i % 4 == 3 ? '\n' : ' ');
    }
    g_string_append_printf(out,
                           wide ? "RIP=%016" PRIx64 " " : "EIP=%08" PRIx64 " ",
                           x86_ip(c, c->v.pc));
}

static void print_segs(const X86Cpu *c, GString *out)
{
    static const char *const name[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    const struct {
        const char *name;
        const X86Table *t;
    } sys[] = {{"LDT", &c->ldt}, {"TR", &c->tr}};

    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        g_string_append_printf(out, "%s =%04x %016" PRIx64 " %08x %04x\n",
                               name[i], c->seg[i].sel, c->seg_base[i],
                               c->seg[i].limit, c->seg[i].attr);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(sys); i++) {
        g_string_append_printf(out, "%-3s=%04x %016" PRIx64 " %08x %04x\n",
                               sys[i].name, sys[i].t->sel, sys[i].t->base,
                               sys[i].t->limit, sys[i].t->attr);
    }
    g_string_append_printf(out, "GDT=     %016" PRIx64 " %08x\n", c->gdt.base,
                           c->gdt.limit);
    g_string_append_printf(out, "IDT=     %016" PRIx64 " %08x\n", c->idt.base,
                           c->idt.limit);
}

static void print_ymm(const X86Cpu *c, GString *out)
{
    for (unsigned i = 0; i < 16; i++) {
        g_string_append_printf(out,
                               "YMM%02u=%016" PRIx64 " %016" PRIx64
                               " %016" PRIx64 " %016" PRIx64 "\n",
                               i, c->ymmh[i].u64[1], c->ymmh[i].u64[0],
                               c->xmm[i].u64[1], c->xmm[i].u64[0]);
    }
}

void x86_print(const Vcpu *v, GString *out)
{
    const X86Cpu *c = (const X86Cpu *)v;

    print_gprs(c, out);
    print_flags(c, out);
    print_segs(c, out);
    g_string_append_printf(out,
                           "CR0=%08" PRIx64 " CR2=%016" PRIx64
                           " CR3=%016" PRIx64 " CR4=%08" PRIx64 "\n",
                           c->cr0, c->cr2, c->cr3, c->cr4);
    g_string_append_printf(out,
                           "DR0=%016" PRIx64 " DR1=%016" PRIx64
                           " DR2=%016" PRIx64 " DR3=%016" PRIx64 "\n",
                           c->dr[0], c->dr[1], c->dr[2], c->dr[3]);
    g_string_append_printf(
        out, "DR6=%016" PRIx64 " DR7=%016" PRIx64 " EFER=%016" PRIx64 "\n",
        c->dr[6], c->dr[7], c->efer);
    g_string_append_printf(out,
                           "FCW=%04x FSW=%04x [ST=%u] FTW=%02x "
                           "MXCSR=%08x\n",
                           c->fcw, c->fsw, (unsigned)c->ftop, c->ftag,
                           c->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        g_string_append_printf(out, "FPR%u=%016" PRIx64 " %04x%c", i,
                               c->fpr_mant[i], c->fpr_se[i],
                               i % 2 ? '\n' : ' ');
    }
    if (x86_has(c, X86_FEAT_1_ECX, X86_F1C_AVX)) {
        print_ymm(c, out);
        return;
    }
    for (unsigned i = 0; i < 16; i++) {
        g_string_append_printf(out, "XMM%02u=%016" PRIx64 "%016" PRIx64 "%c", i,
                               c->xmm[i].u64[1], c->xmm[i].u64[0],
                               i % 2 ? '\n' : ' ');
    }
}

static unsigned disas_hex(const uint8_t *bytes, unsigned avail, GString *out)
{
    for (unsigned i = 0; i < MIN(avail, 8u); i++) {
        g_string_append_printf(out, "%02x ", bytes[i]);
    }
    return 0;
}

#if CONFIG_CAPSTONE
unsigned x86_disas(uint64_t mode, uint64_t pc, const uint8_t *bytes,
                   unsigned avail, GString *out)
{
    cs_mode bits = mode & X86_MODE_CODE64   ? CS_MODE_64
                   : mode & X86_MODE_CODE32 ? CS_MODE_32
                                            : CS_MODE_16;
    unsigned size = 0;
    cs_insn *insn;
    csh handle;

    if (cs_open(CS_ARCH_X86, bits, &handle) != CS_ERR_OK) {
        return disas_hex(bytes, avail, out);
    }
    if (cs_disasm(handle, bytes, avail, pc, 1, &insn) == 1) {
        size = insn->size;
        g_string_append_printf(out, "%-8s %s", insn->mnemonic, insn->op_str);
        cs_free(insn, 1);
    } else {
        disas_hex(bytes, avail, out);
    }
    cs_close(&handle);
    return size;
}
#else
unsigned x86_disas(uint64_t mode, uint64_t pc, const uint8_t *bytes,
                   unsigned avail, GString *out)
{
    return disas_hex(bytes, avail, out);
}
#endif
