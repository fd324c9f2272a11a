/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers as gdb numbers them: general, x87 and SSE in the order of its
 * i386 and amd64 descriptions, then what belongs to the system.
 */
#include "cpu/x86/fpu_priv.h"

enum {
    KIND_GPR,
    KIND_PC,
    KIND_FLAGS,
    KIND_SEG,
    KIND_ST,
    KIND_FCTRL, /* index: enum below */
    KIND_XMM,
    KIND_YMMH, /* the upper half: gdb puts both together as $ymmN */
    KIND_MXCSR,
    KIND_BASE,
    KIND_KERNEL_GS,
    KIND_CR,
    KIND_EFER,
};

enum {
    FCTRL,
    FSTAT,
    FTAG,
    FISEG,
    FIOFF,
    FOSEG,
    FOOFF,
    FOP
};

/* clang-format off */
#define ROW(nm, ty, gr, by, kd, ix) \
    {.name = (nm), .type = (ty), .group = (gr), .bytes = (by), .kind = (kd), .index = (ix)}
#define GPR64(nm, i) ROW(nm, "int64", NULL, 8, KIND_GPR, i)
#define GPR32(nm, i) ROW(nm, "int32", NULL, 4, KIND_GPR, i)
#define SEG(nm, i) ROW(nm, "int32", NULL, 4, KIND_SEG, i)
#define SEGS \
    SEG("cs", X86_CS), SEG("ss", X86_SS), SEG("ds", X86_DS), \
    SEG("es", X86_ES), SEG("fs", X86_FS), SEG("gs", X86_GS)
#define ST(n) ROW("st" #n, "i387_ext", "float", 10, KIND_ST, n)
#define FPU(nm, i) ROW(nm, "int", "float", 4, KIND_FCTRL, i)
#define X87 \
    ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7), \
    FPU("fctrl", FCTRL), FPU("fstat", FSTAT), FPU("ftag", FTAG), \
    FPU("fiseg", FISEG), FPU("fioff", FIOFF), FPU("foseg", FOSEG), \
    FPU("fooff", FOOFF), FPU("fop", FOP)
#define XMM(n) ROW("xmm" #n, "vec128", "vector", 16, KIND_XMM, n)
#define YMMH(n) ROW("ymm" #n "h", "uint128", "vector", 16, KIND_YMMH, n)
#define MXCSR ROW("mxcsr", "i386_mxcsr", "vector", 4, KIND_MXCSR, 0)
#define SYS64(nm, kd, i) ROW(nm, "int64", "system", 8, kd, i)
#define SYS32(nm, kd, i) ROW(nm, "int32", "system", 4, kd, i)

static const CpuRegRow core64[] = {
    GPR64("rax", X86_RAX), GPR64("rbx", X86_RBX), GPR64("rcx", X86_RCX),
    GPR64("rdx", X86_RDX), GPR64("rsi", X86_RSI), GPR64("rdi", X86_RDI),
    ROW("rbp", "data_ptr", NULL, 8, KIND_GPR, X86_RBP),
    ROW("rsp", "data_ptr", NULL, 8, KIND_GPR, X86_RSP),
    GPR64("r8", 8), GPR64("r9", 9), GPR64("r10", 10), GPR64("r11", 11),
    GPR64("r12", 12), GPR64("r13", 13), GPR64("r14", 14), GPR64("r15", 15),
    ROW("rip", "code_ptr", NULL, 8, KIND_PC, 0),
    ROW("eflags", "i386_eflags", NULL, 4, KIND_FLAGS, 0),
    SEGS, X87,
};

static const CpuRegRow core32[] = {
    GPR32("eax", X86_RAX), GPR32("ecx", X86_RCX), GPR32("edx", X86_RDX),
    GPR32("ebx", X86_RBX),
    ROW("esp", "data_ptr", NULL, 4, KIND_GPR, X86_RSP),
    ROW("ebp", "data_ptr", NULL, 4, KIND_GPR, X86_RBP),
    GPR32("esi", X86_RSI), GPR32("edi", X86_RDI),
    ROW("eip", "code_ptr", NULL, 4, KIND_PC, 0),
    ROW("eflags", "i386_eflags", NULL, 4, KIND_FLAGS, 0),
    SEGS, X87,
};

static const CpuRegRow sse64[] = {
    XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
    XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
    MXCSR,
};

static const CpuRegRow sse32[] = {
    XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7), MXCSR,
};

static const CpuRegRow avx64[] = {
    YMMH(0), YMMH(1), YMMH(2), YMMH(3), YMMH(4), YMMH(5), YMMH(6), YMMH(7),
    YMMH(8), YMMH(9), YMMH(10), YMMH(11), YMMH(12), YMMH(13), YMMH(14),
    YMMH(15),
};

static const CpuRegRow avx32[] = {
    YMMH(0), YMMH(1), YMMH(2), YMMH(3), YMMH(4), YMMH(5), YMMH(6), YMMH(7),
};

static const CpuRegRow segments64[] = {
    ROW("fs_base", "int", NULL, 8, KIND_BASE, X86_FS),
    ROW("gs_base", "int", NULL, 8, KIND_BASE, X86_GS),
};

static const CpuRegRow system64[] = {
    SYS64("k_gs_base", KIND_KERNEL_GS, 0), SYS64("cr0", KIND_CR, 0),
    SYS64("cr2", KIND_CR, 2), SYS64("cr3", KIND_CR, 3),
    SYS64("cr4", KIND_CR, 4), SYS64("cr8", KIND_CR, 8),
    SYS64("efer", KIND_EFER, 0),
};

static const CpuRegRow system32[] = {
    SYS32("fs_base", KIND_BASE, X86_FS), SYS32("gs_base", KIND_BASE, X86_GS),
    SYS32("k_gs_base", KIND_KERNEL_GS, 0), SYS32("cr0", KIND_CR, 0),
    SYS32("cr2", KIND_CR, 2), SYS32("cr3", KIND_CR, 3),
    SYS32("cr4", KIND_CR, 4), SYS32("cr8", KIND_CR, 8),
    SYS32("efer", KIND_EFER, 0),
};

/* EFLAGS, SDM vol 1 3.4.3; MXCSR, 10.2.3 */
#define FLAG(nm, bit) "<field name=\"" nm "\" start=\"" #bit "\" end=\"" #bit "\"/>"
static const char core_types[] =
    "<flags id=\"i386_eflags\" size=\"4\">"
    FLAG("CF", 0) FLAG("", 1) FLAG("PF", 2) FLAG("AF", 4) FLAG("ZF", 6)
    FLAG("SF", 7) FLAG("TF", 8) FLAG("IF", 9) FLAG("DF", 10) FLAG("OF", 11)
    FLAG("NT", 14) FLAG("RF", 16) FLAG("VM", 17) FLAG("AC", 18)
    FLAG("VIF", 19) FLAG("VIP", 20) FLAG("ID", 21)
    "</flags>";

#define LANES(id, type, n) \
    "<vector id=\"" id "\" type=\"" type "\" count=\"" #n "\"/>"
#define VIEW(nm, type) "<field name=\"" nm "\" type=\"" type "\"/>"
static const char sse_types[] =
    LANES("v4f", "ieee_single", 4) LANES("v2d", "ieee_double", 2)
    LANES("v16i8", "int8", 16) LANES("v8i16", "int16", 8)
    LANES("v4i32", "int32", 4) LANES("v2i64", "int64", 2)
    "<union id=\"vec128\">"
    VIEW("v4_float", "v4f") VIEW("v2_double", "v2d") VIEW("v16_int8", "v16i8")
    VIEW("v8_int16", "v8i16") VIEW("v4_int32", "v4i32")
    VIEW("v2_int64", "v2i64") VIEW("uint128", "uint128")
    "</union>"
    "<flags id=\"i386_mxcsr\" size=\"4\">"
    FLAG("IE", 0) FLAG("DE", 1) FLAG("ZE", 2) FLAG("OE", 3) FLAG("UE", 4)
    FLAG("PE", 5) FLAG("DAZ", 6) FLAG("IM", 7) FLAG("DM", 8) FLAG("ZM", 9)
    FLAG("OM", 10) FLAG("UM", 11) FLAG("PM", 12) FLAG("FZ", 15)
    "</flags>";

#define PART(nm, ty, table) \
    {.name = "org.gnu.gdb.i386." nm, .types = (ty), .rows = (table), .count = G_N_ELEMENTS(table)}
/* AVX comes last: without it the list ends before. */
static const CpuRegFeature features64[] = {
    PART("core", core_types, core64), PART("sse", sse_types, sse64),
    PART("segments", NULL, segments64), PART("system", NULL, system64),
    PART("avx", NULL, avx64),
};
static const CpuRegFeature features32[] = {
    PART("core", core_types, core32), PART("sse", sse_types, sse32),
    PART("system", NULL, system32), PART("avx", NULL, avx32),
};
/* clang-format on */

/* --- reading --------------------------------------------------------------------- */

static uint32_t gdb_fctrl(const X86Cpu *c, unsigned index)
{
    switch (index) {
    case FCTRL:
        return c->fcw;
    case FSTAT:
        return x87_get_fsw(c);
    case FTAG:
        return x87_tag_word(c);
    case FISEG:
        return c->fcs;
    case FIOFF:
        return (uint32_t)c->fip;
    case FOSEG:
        return c->fds;
    case FOOFF:
        return (uint32_t)c->fdp;
    default:
        return c->fop;
    }
}

static uint64_t gdb_cr(const X86Cpu *c, unsigned n)
{
    switch (n) {
    case 0:
        return c->cr0;
    case 2:
        return c->cr2;
    case 3:
        return c->cr3;
    case 4:
        return c->cr4;
    default:
        return c->intr_ops ? c->intr_ops->get_tpr(c->intr_owner) >> 4 : 0;
    }
}

static uint64_t gdb_value(const X86Cpu *c, const CpuRegRow *row)
{
    switch (row->kind) {
    case KIND_GPR:
        return c->gpr[row->index];
    case KIND_PC:
        return x86_ip(c, c->v.pc);
    case KIND_FLAGS:
        return x86_cpu_eflags(c);
    case KIND_SEG:
        return c->seg[row->index].sel;
    case KIND_FCTRL:
        return gdb_fctrl(c, row->index);
    case KIND_MXCSR:
        return c->mxcsr;
    case KIND_BASE:
        return c->seg_base[row->index];
    case KIND_KERNEL_GS:
        return c->kernel_gs_base;
    case KIND_CR:
        return gdb_cr(c, row->index);
    default:
        return c->efer;
    }
}

static void gdb_read(const Vcpu *v, const CpuRegRow *row, uint8_t *out)
{
    const X86Cpu *c = (const X86Cpu *)v;
    uint64_t value;

    if (row->kind == KIND_ST) {
        F80 st = x87_get(c, (unsigned)c->ftop + row->index);

        st_le64(out, st.mant);
        st_le16(out + 8, st.se);
    } else if (row->kind == KIND_XMM || row->kind == KIND_YMMH) {
        const V128 *h = &(row->kind == KIND_XMM ? c->xmm : c->ymmh)[row->index];

        st_le64(out, h->u64[0]);
        st_le64(out + 8, h->u64[1]);
    } else {
        value = gdb_value(c, row);
        for (unsigned i = 0; i < row->bytes; i++) {
            out[i] = (uint8_t)(value >> 8 * i);
        }
    }
}

/* --- writing --------------------------------------------------------------------- */

static bool gdb_set_fctrl(X86Cpu *c, unsigned index, uint32_t value)
{
    switch (index) {
    case FCTRL:
        x87_set_fcw(c, (uint16_t)value);
        break;
    case FSTAT:
        x87_set_fsw(c, (uint16_t)value);
        break;
    case FTAG:
        x87_set_tag_word(c, (uint16_t)value);
        break;
    case FISEG:
        c->fcs = (uint16_t)value;
        break;
    case FIOFF:
        c->fip = value;
        break;
    case FOSEG:
        c->fds = (uint16_t)value;
        break;
    case FOOFF:
        c->fdp = value;
        break;
    default:
        c->fop = value & 0x7ff;
        break;
    }
    return true;
}

/* As the guest's own mov would, and refused where that would fault. */
static bool gdb_set_cr(X86Cpu *c, unsigned n, uint64_t value)
{
    bool good;

    if (x86_cpl(c) != 0) {
        return false;
    }
    x86_h_write_cr(&c->v, n, value, 0, 0);
    good = !c->v.fault;
    c->v.fault = false;
    return good;
}

/* A selector needs a descriptor in protected mode: only the guest loads it. */
static bool gdb_set_seg(X86Cpu *c, unsigned n, uint16_t sel)
{
    bool vm86 = c->v.mode & X86_MODE_VM86;
    uint64_t ip = x86_ip(c, c->v.pc);

    if (!vm86 && c->v.mode & X86_MODE_PE) {
        return sel == c->seg[n].sel;
    }
    x86_seg_real(c, n, sel, vm86);
    x86_update_mode(c);
    if (n == X86_CS) {
        x86_jump(c, ip);
    }
    return true;
}

static bool gdb_set(X86Cpu *c, const CpuRegRow *row, uint64_t value)
{
    switch (row->kind) {
    case KIND_GPR:
        c->gpr[row->index] = value;
        return true;
    case KIND_PC:
        x86_jump(c, value);
        return true;
    case KIND_FLAGS:
        x86_cpu_set_eflags(c, value);
        return true;
    case KIND_SEG:
        return gdb_set_seg(c, row->index, (uint16_t)value);
    case KIND_FCTRL:
        return gdb_set_fctrl(c, row->index, (uint32_t)value);
    case KIND_MXCSR:
        if (value & ~(uint64_t)X86_MXCSR_MASK) {
            return false;
        }
        c->mxcsr = (uint32_t)value;
        x86_update_mode(c);
        return true;
    case KIND_BASE:
        c->seg_base[row->index] = value;
        x86_update_mode(c);
        return true;
    case KIND_KERNEL_GS:
        c->kernel_gs_base = value;
        return true;
    case KIND_CR:
        return gdb_set_cr(c, row->index, value);
    default:
        return x86_set_efer(c, value);
    }
}

static bool gdb_write(Vcpu *v, const CpuRegRow *row, const uint8_t *in)
{
    X86Cpu *c = x86_of(v);
    uint64_t value = 0;

    if (row->kind == KIND_ST) {
        x87_put(c, (unsigned)c->ftop + row->index,
                (F80){ld_le64(in), ld_le16(in + 8)});
        return true;
    }
    if (row->kind == KIND_XMM || row->kind == KIND_YMMH) {
        V128 *h = &(row->kind == KIND_XMM ? c->xmm : c->ymmh)[row->index];

        h->u64[0] = ld_le64(in);
        h->u64[1] = ld_le64(in + 8);
        return true;
    }
    for (unsigned i = 0; i < row->bytes; i++) {
        value |= (uint64_t)in[i] << 8 * i;
    }
    return gdb_set(c, row, value);
}

/* --- the description --------------------------------------------------------------- */

#define GDB(nm, table, less)                                                   \
    {                                                                          \
        .arch = (nm), .features = (table),                                     \
        .feature_count = G_N_ELEMENTS(table) - (less), .read = gdb_read,       \
        .write = gdb_write,                                                    \
    }
static const CpuGdb gdb64[2] = {GDB("i386:x86-64", features64, 1),
                                GDB("i386:x86-64", features64, 0)};
static const CpuGdb gdb32[2] = {GDB("i386", features32, 1),
                                GDB("i386", features32, 0)};

const CpuGdb *x86_gdb(const Vcpu *v)
{
    const X86Cpu *c = (const X86Cpu *)v;

    return &(c->target64 ? gdb64
                         : gdb32)[x86_has(c, X86_FEAT_1_ECX, X86_F1C_AVX)];
}
