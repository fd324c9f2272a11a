/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86 vCPU (i386 and x86_64). Source: Intel SDM volumes 1 to 4 and AMD APM
 * volumes 1 to 3, cited as SDM and APM with volume and section.
 */
#ifndef CPU_X86_H
#define CPU_X86_H

#include "accel/softfloat.h"
#include "accel/vcpu.h"
#include "core/irq.h"
#include "cpu/x86_topology.h"

enum {
    X86_RAX,
    X86_RCX,
    X86_RDX,
    X86_RBX,
    X86_RSP,
    X86_RBP,
    X86_RSI,
    X86_RDI
};
typedef enum X86SegIndex {
    X86_ES,
    X86_CS,
    X86_SS,
    X86_DS,
    X86_FS,
    X86_GS,
    X86_SEG_COUNT
} X86SegIndex;

/* Hidden part of a segment register but for its base. attr = bits 8-23 of the
 * descriptor's second dword, shifted down by 8 (P DPL S type, G D L AVL). */
typedef struct X86Seg {
    uint16_t sel;
    uint16_t attr;
    uint32_t limit; /* in bytes, scaled */
} X86Seg;
#define X86_ATTR_TYPE 0x000f
#define X86_ATTR_S 0x0010
#define X86_ATTR_DPL(attr) (((attr) >> 5) & 3)
#define X86_ATTR_P 0x0080
#define X86_ATTR_AVL 0x1000
#define X86_ATTR_L 0x2000
#define X86_ATTR_D 0x4000 /* B for stacks */
#define X86_ATTR_G 0x8000

typedef struct X86Table {
    uint64_t base;
    uint32_t limit;
    uint16_t sel;  /* LDTR, TR */
    uint16_t attr; /* LDTR, TR */
} X86Table;

/* Vcpu.mode: what translated code depends on. */
#define X86_MODE_CPL 0x3ull
#define X86_MODE_CODE32 (1ull << 2) /* CS.D */
#define X86_MODE_CODE64 (1ull << 3) /* EFER.LMA and CS.L */
#define X86_MODE_PE (1ull << 4)     /* CR0.PE, also in vm86 */
#define X86_MODE_VM86 (1ull << 5)
#define X86_MODE_SS32 (1ull << 6) /* SS.B: ESP, else SP; 64-bit: ignored */
#define X86_MODE_LMA (1ull << 7)
#define X86_MODE_TF (1ull << 8) /* EFLAGS.TF: one instruction a block */
#define X86_MODE_TS (1ull << 9) /* CR0.TS */
#define X86_MODE_EM (1ull << 10)
#define X86_MODE_MP (1ull << 11)
#define X86_MODE_OSFXSR (1ull << 12)
#define X86_MODE_OSXSAVE (1ull << 13)
#define X86_MODE_FP_UNMASKED (1ull << 14) /* MXCSR unmasks an exception */
#define X86_MODE_SMAP                                                          \
    (1ull << 15) /* supervisor data accesses use mmu 0 (else 2) */
#define X86_MODE_IOPL_OK                                                       \
    (1ull << 16)                  /* CPL <= IOPL: cli, sti, in, out run free */
#define X86_MODE_AC (1ull << 17)  /* alignment checks */
#define X86_MODE_DB (1ull << 18)  /* DR7 enables an instruction breakpoint */
#define X86_MODE_AVX (1ull << 19) /* CR4.OSXSAVE, XCR0 has SSE and AVX */
#define X86_MODE_RF                                                            \
    (1ull << 31) /* EFLAGS.RF, with DB: one instruction a block */
/* Two bits a segment, of X86SegIndex n: */
#define X86_MODE_SEG_SHIFT(n) (32 + 2 * (n))
#define X86_MODE_SEG(mode, n) (((mode) >> X86_MODE_SEG_SHIFT(n)) & 3)
#define X86_SEGK_CHECK 0u /* type and limit must be checked, base added */
#define X86_SEGK_BASE                                                          \
    1u                   /* usable, readable and writable (CS: readable), limit
                             4 GiB - 1: add the base only */
#define X86_SEGK_FLAT 2u /* as BASE, and base 0 */

/* mmu indices */
enum {
    X86_MMU_KERNEL,
    X86_MMU_USER,
    X86_MMU_KERNEL_NOSMAP,
    X86_MMU_COUNT
};

/* Lazy flags: fl_kind says how CF PF AF ZF SF OF follow from fl_a and fl_b.
 * fl_kind = X86_FL_x | log2(bytes); all three are 64-bit globals. Operands and
 * results need not be cut to the width: the formulas do it. */
enum {
    X86_FL_FLAGS = 0,  /* fl_a holds the six bits at their EFLAGS places */
    X86_FL_ADD = 4,    /* a + b */
    X86_FL_SUB = 8,    /* a - b: sub, cmp, neg (0 - b) */
    X86_FL_LOGIC = 12, /* result a; CF = OF = AF = 0 */
    X86_FL_CV = 16,    /* result a, carry vector b (adc, and borrows for sbb) */
    X86_FL_INC = 20,   /* result a, b = old CF */
    X86_FL_DEC = 24,   /* result a, b = old CF */
    X86_FL_SHIFT = 28, /* result a, b = CF in bit 0, OF in bit 11; AF = 0 */
    X86_FL_MUL = 32,   /* result a, b != 0: CF = OF = 1; AF = 0, ZF from a */
};

#define X86_CF 0x0001u
#define X86_PF 0x0004u
#define X86_AF 0x0010u
#define X86_ZF 0x0040u
#define X86_SF 0x0080u
#define X86_TF 0x0100u
#define X86_IF 0x0200u
#define X86_DF 0x0400u
#define X86_OF 0x0800u
#define X86_IOPL 0x3000u
#define X86_NT 0x4000u
#define X86_RF 0x10000u
#define X86_VM 0x20000u
#define X86_AC 0x40000u
#define X86_VIF 0x80000u
#define X86_VIP 0x100000u
#define X86_ID 0x200000u
#define X86_ARITH (X86_CF | X86_PF | X86_AF | X86_ZF | X86_SF | X86_OF)

/* Vectors */
enum {
    X86_DE,
    X86_DB,
    X86_NMI,
    X86_BP,
    X86_OFX,
    X86_BR,
    X86_UD,
    X86_NM,
    X86_DFX,
    X86_CSO,
    X86_TS,
    X86_NP,
    X86_SSX,
    X86_GP,
    X86_PFX,
    X86_MF = 16,
    X86_ACX,
    X86_MC,
    X86_XM
};

/* What the interrupt controller gives to its vCPU; filled by the board. */
typedef struct X86IntrOps {
    int (*ack)(
        Device *owner); /* vector of the INTR now acknowledged; -1: none */
    uint64_t (*get_base)(Device *owner);             /* IA32_APIC_BASE */
    bool (*set_base)(Device *owner, uint64_t value); /* false: #GP */
    uint8_t (*get_tpr)(Device *owner);               /* CR8 << 4 */
    void (*set_tpr)(Device *owner, uint8_t tpr);
    uint64_t (*get_deadline)(Device *owner); /* IA32_TSC_DEADLINE */
    void (*set_deadline)(Device *owner, uint64_t tsc);
    bool (*x2apic_read)(Device *owner, unsigned reg, uint64_t *out);
    bool (*x2apic_write)(Device *owner, unsigned reg, uint64_t value);
} X86IntrOps;

/* Feature words of CPUID; X86_FEAT_x index features[]. */
enum {
    X86_FEAT_1_EDX,
    X86_FEAT_1_ECX,
    X86_FEAT_7_EBX,
    X86_FEAT_7_ECX,
    X86_FEAT_7_EDX,
    X86_FEAT_80000001_EDX,
    X86_FEAT_80000001_ECX,
    X86_FEAT_80000008_EBX,
    X86_FEAT_D1_EAX,
    X86_FEAT_6_EAX,
    X86_FEAT_80000007_EDX,
    X86_FEAT_COUNT,
    /* words that have names only */
    X86_FEAT_7_1_EAX = X86_FEAT_COUNT,
    X86_FEAT_8000000A_EDX,
    X86_FEAT_C0000001_EDX,
    X86_FEAT_ARCH_CAP,
    X86_FEAT_CORE_CAP,
    X86_FEAT_NAMED
};

/* SMRAM is to be seen, or no longer. */
typedef void X86SmmView(Device *owner, bool in_smm);

typedef struct X86Cpu {
    Vcpu v; /* first */
    uint64_t gpr[16];
    uint64_t fl_kind, fl_a, fl_b;
    uint64_t seg_base[X86_SEG_COUNT];
    V128 xmm[16];
    V128 ymmh[16];   /* upper halves */
    uint64_t eflags; /* all but the six arithmetic bits; bit 1 set */
    X86Seg seg[X86_SEG_COUNT];
    X86Table gdt, idt, ldt, tr;
    uint64_t cr0, cr2, cr3, cr4, xcr0;
    uint64_t pdpte[4]; /* PAE without long mode: loaded with CR3 */
    uint64_t dr[8];
    uint64_t efer, star, lstar, cstar, sfmask, kernel_gs_base, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, misc_enable, mtrr_def, smbase, mcg_status;
    uint64_t mtrr_base[8], mtrr_mask[8], mtrr_fixed[11];
    uint64_t mc_bank[40]; /* CTL STATUS ADDR MISC of ten banks */
    int64_t tsc_adjust;   /* TSC = virtual time x frequency + this */
    uint64_t tsc_hz;      /* WIRE: property */
    uint64_t a20_mask;    /* and-mask of physical addresses */
    uint32_t mxcsr;
    uint32_t pkru;
    /* x87; fpr[i] is physical register i, ST(0) = fpr[ftop] */
    uint64_t fpr_mant[8];
    uint16_t fpr_se[8];
    uint64_t ftop;     /* 0-7: an IR global */
    uint16_t fcw, fsw; /* fsw without TOP */
    uint8_t ftag;      /* bit i: fpr[i] is not empty */
    uint16_t fop, fcs, fds;
    uint64_t fip, fdp;
    /* exception raised (v.fault) and not yet delivered */
    uint8_t exc_vector;
    bool exc_has_error, exc_soft; /* soft: int n, int3, into: uses exc_next */
    uint32_t exc_error;
    uint64_t exc_where;  /* address that is not canonical; else 0 */
    uint64_t exc_next;   /* rip behind a software interrupt */
    bool fp_pair;        /* inside a 256-bit operation: exceptions collect... */
    uint8_t fp_flags[3]; /* ...here, by stage (dot products have three) */
    /* interrupt side */
    IrqLine intr, nmi, smi, init;
    bool nmi_pending, nmi_blocked, init_pending, smm;
    bool init_bsp; /* the INIT that is pending ends at the reset vector */
    bool inhibit;  /* sti, mov ss: interrupts wait one step */
    bool smi_pending, smm_wait; /* another vCPU is in SMM */
    bool smm_nmi_blocked;       /* nmi_blocked before the SMI */
    X86SmmView *smm_view;       /* WIRE; NULL: SMIs do nothing */
    Device *smm_owner;          /* WIRE, borrowed */
    bool inhibit_debug;         /* mov ss: and so do debug exceptions */
    uint64_t debug_pending;     /* DR6 bits of the #DB that v.trap announces */
    bool wait_sipi;             /* application processor before its SIPI */
    bool intr_cooked;           /* see irq acceptance: vector already fetched */
    uint8_t sipi_vector;
    const X86IntrOps *intr_ops;        /* WIRE */
    Device *intr_owner;                /* WIRE, borrowed */
    uint32_t features[X86_FEAT_COUNT]; /* WIRE: sealed with the model */
    const struct X86Model *model;      /* WIRE */
    char *features_text;               /* WIRE: owned, "+x,-y" of -cpu */
    uint32_t apic_id;                  /* WIRE */
    uint32_t cpu_count;                /* WIRE: of the machine */
    X86Topology topology;              /* WIRE: what CPUID says of it */
    bool target64;                     /* WIRE: the x86_64 target */
} X86Cpu;

extern const DeviceType x86_cpu_type;

/**
 * x86_cpu_new() - a vCPU from a -cpu text such as "qemu64,+sse4.1,-nx"
 * @long_mode: the x86_64 target (default model qemu64) or i386 (qemu32)
 */
X86Cpu *x86_cpu_new(Vm *vm, Device *parent, unsigned index, unsigned count,
                    const char *cpu, bool long_mode, GError **error);
void x86_cpu_set_intr(X86Cpu *cpu, const X86IntrOps *ops, Device *owner);
/** x86_cpu_set_smm() - who shows SMRAM; without it there is no SMM */
void x86_cpu_set_smm(X86Cpu *cpu, X86SmmView *view, Device *owner);
/** x86_cpu_set_a20() - takes effect after the present instruction */
void x86_cpu_set_a20(X86Cpu *cpu, bool on);
/** x86_cpu_init() - INIT; @bsp false: then waits for SIPI */
void x86_cpu_init(X86Cpu *cpu, bool bsp);
void x86_cpu_sipi(X86Cpu *cpu, uint8_t vector);
/** x86_cpu_tsc() - at the present icount */
uint64_t x86_cpu_tsc(const X86Cpu *cpu);
/** x86_cpu_help() - `-cpu help`: models and features */
void x86_cpu_help(GString *out, bool long_mode);
/** x86_models_foreach() - @missing: features of the real part that are not there,
 *  ended by NULL */
typedef void X86ModelVisit(void *opaque, const char *name,
                           const char *const *missing);
void x86_models_foreach(bool long_mode, X86ModelVisit *visit, void *opaque);
/** x86_features_foreach() - all features that have a name */
typedef void X86FeatureVisit(void *opaque, const char *name, bool on);
void x86_features_foreach(const uint32_t features[X86_FEAT_COUNT],
                          X86FeatureVisit *visit, void *opaque);
/** x86_model_expand() - what a -cpu text means */
bool x86_model_expand(const char *text, bool long_mode,
                      uint32_t features[X86_FEAT_COUNT], GError **error);
/** x86_cpu_eflags() - all bits, canonical */
uint64_t x86_cpu_eflags(const X86Cpu *cpu);
void x86_cpu_set_eflags(X86Cpu *cpu, uint64_t eflags);

#endif
