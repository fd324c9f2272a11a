/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What x86 gives to the accelerator: globals, helpers, operations. */
#include "accel/vec_ops.h"
#include "cpu/x86/sys_priv.h"
#include "cpu/x86/trans_priv.h"

/* --- globals: rows in the order of X86_G_x ---------------------------------- */

#define INT(nm, m, rank)                                                       \
    {                                                                          \
        .name = (nm), .offset = offsetof(X86Cpu, m), .type = IR_INT,           \
        .hot = (rank)                                                          \
    }
#define VEC(nm, m, rank)                                                       \
    {                                                                          \
        .name = (nm), .offset = offsetof(X86Cpu, m), .type = IR_VEC,           \
        .hot = (rank)                                                          \
    }

/* clang-format off */
static const IrGlobal x86_globals[X86_G_COUNT] = {
    INT("rax", gpr[0], 1), INT("rcx", gpr[1], 2), INT("rdx", gpr[2], 3),
    INT("rbx", gpr[3], 7), INT("rsp", gpr[4], 4), INT("rbp", gpr[5], 8),
    INT("rsi", gpr[6], 5), INT("rdi", gpr[7], 6),
    INT("r8", gpr[8], 12), INT("r9", gpr[9], 13), INT("r10", gpr[10], 14),
    INT("r11", gpr[11], 15), INT("r12", gpr[12], 16), INT("r13", gpr[13], 17),
    INT("r14", gpr[14], 18), INT("r15", gpr[15], 19),
    INT("fl_kind", fl_kind, 11), INT("fl_a", fl_a, 9), INT("fl_b", fl_b, 10),
    INT("es_base", seg_base[0], 0), INT("cs_base", seg_base[1], 0),
    INT("ss_base", seg_base[2], 0), INT("ds_base", seg_base[3], 0),
    INT("fs_base", seg_base[4], 0), INT("gs_base", seg_base[5], 0),
    INT("ftop", ftop, 0),
    VEC("xmm0", xmm[0], 1), VEC("xmm1", xmm[1], 2), VEC("xmm2", xmm[2], 3),
    VEC("xmm3", xmm[3], 4), VEC("xmm4", xmm[4], 5), VEC("xmm5", xmm[5], 6),
    VEC("xmm6", xmm[6], 7), VEC("xmm7", xmm[7], 8), VEC("xmm8", xmm[8], 9),
    VEC("xmm9", xmm[9], 10), VEC("xmm10", xmm[10], 11),
    VEC("xmm11", xmm[11], 12), VEC("xmm12", xmm[12], 0),
    VEC("xmm13", xmm[13], 0), VEC("xmm14", xmm[14], 0),
    VEC("xmm15", xmm[15], 0),
    VEC("ymmh0", ymmh[0], 0), VEC("ymmh1", ymmh[1], 0),
    VEC("ymmh2", ymmh[2], 0), VEC("ymmh3", ymmh[3], 0),
    VEC("ymmh4", ymmh[4], 0), VEC("ymmh5", ymmh[5], 0),
    VEC("ymmh6", ymmh[6], 0), VEC("ymmh7", ymmh[7], 0),
    VEC("ymmh8", ymmh[8], 0), VEC("ymmh9", ymmh[9], 0),
    VEC("ymmh10", ymmh[10], 0), VEC("ymmh11", ymmh[11], 0),
    VEC("ymmh12", ymmh[12], 0), VEC("ymmh13", ymmh[13], 0),
    VEC("ymmh14", ymmh[14], 0), VEC("ymmh15", ymmh[15], 0),
};
#undef INT
#undef VEC
_Static_assert(X86_G_FL_KIND == 16 && X86_G_SEG_BASE0 == 19
               && X86_G_FTOP == 25 && X86_G_XMM0 == 26 && X86_G_COUNT == 58,
               "x86_globals has the order of X86_G_x");

/* --- helpers ------------------------------------------------------------------ */

#define PROTO_fn IrHelperFn
#define PROTO_vec IrVecFn
#define PROTO_vec_int IrVecIntFn
#define PROTO_int_vec IrIntVecFn
#define X86_HELPER(name, kind, fn, flags, vop) PROTO_##kind fn;
#include "cpu/x86/helpers_int.def"
#include "cpu/x86/helpers_sys.def"
#include "cpu/x86/helpers_fpu.def"
#include "cpu/x86/helpers_sse.def"
#undef X86_HELPER

static const IrHelper x86_helpers[X86_H_COUNT] = {
#define X86_HELPER(nm, kind_, func, flags_, vop_) \
    [X86_H_##nm] = {.name = #nm, .kind_ = func, .flags = (flags_), .vop = (vop_)},
#include "cpu/x86/helpers_int.def"
#include "cpu/x86/helpers_sys.def"
#include "cpu/x86/helpers_fpu.def"
#include "cpu/x86/helpers_sse.def"
#undef X86_HELPER
};
/* clang-format on */

/* --- operations --------------------------------------------------------------- */

static uint64_t x86_pc_mask(uint64_t mode)
{
    return mode & X86_MODE_CODE64 ? UINT64_MAX : UINT32_MAX;
}

static unsigned x86_fetch_mmu(const Vcpu *v)
{
    return (v->mode & X86_MODE_CPL) == 3 ? X86_MMU_USER : X86_MMU_KERNEL;
}

/* #AC while it is enabled, else a 16-byte operand (SDM vol 1 10.4.1.1) */
static void x86_unaligned(Vcpu *v, uint64_t va, MemAccess access)
{
    x86_raise_error(x86_of(v), v->mode & X86_MODE_AC ? X86_ACX : X86_GP, 0);
}

static uint64_t x86_get_pc(const Vcpu *v)
{
    return x86_ip((const X86Cpu *)v, v->pc);
}

static void x86_set_pc(Vcpu *v, uint64_t pc)
{
    x86_jump(x86_of(v), pc);
}

const CpuOps x86_cpu_ops = {
    .name = "x86",
    .globals = x86_globals,
    .global_count = X86_G_COUNT,
    .helpers = x86_helpers,
    .helper_count = X86_H_COUNT,
    .mmu_count = X86_MMU_COUNT,
    .trans_size = sizeof(X86Trans),
    .max_insn = 15,
    .fp_control = offsetof(X86Cpu, mxcsr),
    .translate = x86_translate,
    .pc_mask = x86_pc_mask,
    .walk = x86_walk,
    .fetch_mmu = x86_fetch_mmu,
    .unaligned = x86_unaligned,
    .deliver = x86_deliver,
    .trap = x86_trap,
    .accessed = x86_accessed,
    .runnable = x86_runnable,
    .irq_acceptable = x86_irq_acceptable,
    .irq_accept = x86_irq_accept,
    .irq_inhibited = x86_irq_inhibited,
    .irq_uninhibit = x86_irq_uninhibit,
    .sync = x86_sync,
    .get_pc = x86_get_pc,
    .set_pc = x86_set_pc,
    .gdb = x86_gdb,
    .print = x86_print,
    .disas = x86_disas,
};
