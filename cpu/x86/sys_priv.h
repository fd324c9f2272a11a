/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the system side of cpu/x86: descriptors, stacks, CPU models. */
#ifndef CPU_X86_SYS_PRIV_H
#define CPU_X86_SYS_PRIV_H

#include "cpu/x86/x86_priv.h"

#define X86_CR0_PE (1ull << 0)
#define X86_CR0_MP (1ull << 1)
#define X86_CR0_EM (1ull << 2)
#define X86_CR0_TS (1ull << 3)
#define X86_CR0_ET (1ull << 4)
#define X86_CR0_NE (1ull << 5)
#define X86_CR0_WP (1ull << 16)
#define X86_CR0_AM (1ull << 18)
#define X86_CR0_NW (1ull << 29)
#define X86_CR0_CD (1ull << 30)
#define X86_CR0_PG (1ull << 31)

#define X86_CR4_VME (1ull << 0)
#define X86_CR4_PVI (1ull << 1)
#define X86_CR4_TSD (1ull << 2)
#define X86_CR4_DE (1ull << 3)
#define X86_CR4_PSE (1ull << 4)
#define X86_CR4_PAE (1ull << 5)
#define X86_CR4_MCE (1ull << 6)
#define X86_CR4_PGE (1ull << 7)
#define X86_CR4_PCE (1ull << 8)
#define X86_CR4_OSFXSR (1ull << 9)
#define X86_CR4_OSXMMEXCPT (1ull << 10)
#define X86_CR4_UMIP (1ull << 11)
#define X86_CR4_FSGSBASE (1ull << 16)
#define X86_CR4_PCIDE (1ull << 17)
#define X86_CR4_OSXSAVE (1ull << 18)
#define X86_CR4_SMEP (1ull << 20)
#define X86_CR4_SMAP (1ull << 21)

#define X86_EFER_SCE (1ull << 0)
#define X86_EFER_LME (1ull << 8)
#define X86_EFER_LMA (1ull << 10)
#define X86_EFER_NXE (1ull << 11)

#define X86_PHYS_BITS 40
#define X86_PHYS_MASK ((1ull << X86_PHYS_BITS) - 1)
#define X86_VIRT_BITS 48

/* Page-fault error code, SDM 3A 4.7 */
#define X86_PF_P 0x01u
#define X86_PF_W 0x02u
#define X86_PF_U 0x04u
#define X86_PF_RSVD 0x08u
#define X86_PF_I 0x10u

static inline bool x86_protected(const X86Cpu *c)
{
    return (c->v.mode & (X86_MODE_PE | X86_MODE_VM86)) == X86_MODE_PE;
}

static inline bool x86_long(const X86Cpu *c)
{
    return c->v.mode & X86_MODE_LMA;
}

static inline bool x86_code64(const X86Cpu *c)
{
    return c->v.mode & X86_MODE_CODE64;
}

static inline unsigned x86_iopl(const X86Cpu *c)
{
    return (c->eflags >> 12) & 3;
}

/* --- seg.c ------------------------------------------------------------------ */
/* A descriptor as read from a table. */
typedef struct X86Desc {
    uint16_t sel;
    uint16_t attr;
    uint32_t limit; /* scaled, in bytes */
    uint64_t base;
    uint64_t at;     /* linear address of the descriptor */
    uint32_t lo, hi; /* its first eight bytes */
    uint64_t high;   /* of a 16-byte descriptor: the second half */
} X86Desc;

/* System descriptor types, SDM 3A table 3-2 */
enum {
    X86_SYS_TSS16 = 1,
    X86_SYS_LDT = 2,
    X86_SYS_TSS16_BUSY = 3,
    X86_SYS_CALL16 = 4,
    X86_SYS_TASK = 5,
    X86_SYS_INT16 = 6,
    X86_SYS_TRAP16 = 7,
    X86_SYS_TSS32 = 9,
    X86_SYS_TSS32_BUSY = 11,
    X86_SYS_CALL32 = 12,
    X86_SYS_INT32 = 14,
    X86_SYS_TRAP32 = 15,
};
#define X86_DPL(d) X86_ATTR_DPL((d)->attr)
#define X86_TYPE(d) ((d)->attr & X86_ATTR_TYPE)
#define X86_IS_SYS(d) (!((d)->attr & X86_ATTR_S))
#define X86_IS_CODE(d) (((d)->attr & (X86_ATTR_S | 8)) == (X86_ATTR_S | 8))
#define X86_IS_CONFORMING(d) ((d)->attr & 4)
#define X86_IS_WDATA(d) (((d)->attr & (X86_ATTR_S | 0xa)) == (X86_ATTR_S | 2))
#define X86_PRESENT(d) ((d)->attr & X86_ATTR_P)

/* A descriptor of 16 bytes whose second half has a type: SDM 3A 3.5.2 */
static inline bool x86_desc_bad(const X86Desc *d)
{
    return d->high >> 40 & 0x1f;
}

typedef enum X86DescRead {
    X86_DESC_OK,
    X86_DESC_OUTSIDE, /* beyond the table's limit, or no table: not raised */
    X86_DESC_FAULT,   /* the read faulted; raised */
} X86DescRead;

/** x86_desc_read() - the descriptor that @sel names; @sel is not null */
X86DescRead x86_desc_read(X86Cpu *c, uint16_t sel, X86Desc *d);
/** x86_desc_get() - as read, outside the table raises @vector(sel | ext) */
bool x86_desc_get(X86Cpu *c, uint16_t sel, unsigned vector, unsigned ext,
                  X86Desc *d);
/** x86_desc_touch() - set the accessed bit in memory and in @d */
bool x86_desc_touch(X86Cpu *c, X86Desc *d);
/** x86_desc_set_busy() - of a TSS */
bool x86_desc_set_busy(X86Cpu *c, const X86Desc *d, bool busy);
void x86_desc_decode(X86Desc *d, uint16_t sel, uint64_t raw);
/** x86_seg_from() - x86_set_seg() from @d with selector @sel */
void x86_seg_from(X86Cpu *c, unsigned seg, uint16_t sel, const X86Desc *d);
/** x86_seg_null() - a null selector in @seg */
void x86_seg_null(X86Cpu *c, unsigned seg, uint16_t sel, unsigned cpl);
/** x86_seg_real() - real mode or vm86 load */
void x86_seg_real(X86Cpu *c, unsigned seg, uint16_t sel, bool vm86);
/** x86_load_seg() - mov to a data or stack segment register with all checks;
 *  @vector: raised for bad selectors (#GP; #TS in a task switch) */
bool x86_load_seg(X86Cpu *c, unsigned seg, uint16_t sel, unsigned cpl,
                  unsigned vector);
/** x86_segs_outward() - null the data segments the new CPL may not see */
void x86_segs_outward(X86Cpu *c, unsigned cpl);

/* --- stack.c: frames that are checked as a whole before they are written --- */
typedef struct X86Stack {
    uint64_t base, sp;
    uint64_t mask; /* width of sp */
    uint32_t limit;
    uint16_t attr;
    bool flat;       /* 64-bit: no limit, canonical check */
    unsigned mmu;    /* of the accesses */
    uint32_t error;  /* of the #SS a violation raises */
    unsigned vector; /* X86_SSX */
} X86Stack;

void x86_stack_now(const X86Cpu *c, X86Stack *st);
/** x86_stack_new() - of a stack segment to be loaded, at privilege @cpl */
void x86_stack_new(const X86Cpu *c, X86Stack *st, const X86Desc *ss,
                   uint64_t sp, unsigned cpl, unsigned ext);
/** x86_stack_push() - @values in the order pushed, @size bytes each; moves sp;
 *  nothing is written when it fails */
bool x86_stack_push(X86Cpu *c, X86Stack *st, const uint64_t *values,
                    unsigned count, unsigned size);
/** x86_stack_probe() - could @count values be pushed? */
bool x86_stack_probe(X86Cpu *c, const X86Stack *st, unsigned count,
                     unsigned size);
/** x86_stack_pop() - in the order popped; moves sp */
bool x86_stack_pop(X86Cpu *c, X86Stack *st, uint64_t *values, unsigned count,
                   unsigned size);
/** x86_stack_commit() - RSP from st->sp */
void x86_stack_commit(X86Cpu *c, const X86Stack *st);

/* --- task.c ----------------------------------------------------------------- */
typedef enum X86TaskWhy {
    X86_TASK_JMP,
    X86_TASK_CALL,
    X86_TASK_INT, /* through a task gate of the IDT */
    X86_TASK_IRET,
} X86TaskWhy;

/* The event behind a switch through the IDT. */
typedef struct X86TaskEvent {
    unsigned ext; /* EXT bit for error codes */
    bool rf;      /* in the saved EFLAGS: it is a fault */
    bool has_error;
    uint32_t error; /* pushed on the new stack */
} X86TaskEvent;

/** x86_task_switch() - to the TSS described by @d; @next_ip is saved in the old
 *  task; @ev: NULL for far transfers */
bool x86_task_switch(X86Cpu *c, X86Desc *d, X86TaskWhy why, uint64_t next_ip,
                     const X86TaskEvent *ev);
/** x86_task_gate() - follow a task gate */
bool x86_task_gate(X86Cpu *c, const X86Desc *gate, X86TaskWhy why,
                   uint64_t next_ip, const X86TaskEvent *ev);
/** x86_tss_stack() - inner stack pointer of @cpl from the current TSS */
bool x86_tss_stack(X86Cpu *c, unsigned cpl, unsigned ext, uint16_t *ss,
                   uint64_t *sp);
/** x86_tss_rsp() - 64-bit TSS: RSP0-2 (0-2) or IST1-7 (3-9) */
bool x86_tss_rsp(X86Cpu *c, unsigned slot, unsigned ext, uint64_t *rsp);
/** x86_stack_segment() - checks of a new stack segment for @cpl */
bool x86_stack_segment(X86Cpu *c, uint16_t ss, unsigned cpl, unsigned vector,
                       unsigned ext, X86Desc *d);

/* --- mmu.c ------------------------------------------------------------------ */
/** x86_load_pdptes() - PAE paging outside long mode; false: #GP raised */
bool x86_load_pdptes(X86Cpu *c, uint64_t cr3);

/* --- mode.c ----------------------------------------------------------------- */
/** x86_merge_eflags() - write the bits of @mask of all of EFLAGS */
void x86_merge_eflags(X86Cpu *c, uint64_t value, uint64_t mask);
/** x86_put_eflags() - the same; x86_update_mode() and x86_irq_poll() are still
 *  to be called */
void x86_put_eflags(X86Cpu *c, uint64_t value, uint64_t mask);
void x86_reset(X86Cpu *c);                    /* RESET#: everything */
void x86_do_init(X86Cpu *c);                  /* INIT */
bool x86_set_efer(X86Cpu *c, uint64_t value); /* false: #GP */
/** x86_irq_poll() - after unmasking: end the slice if one is acceptable */
void x86_irq_poll(X86Cpu *c);

/* --- xsave.c ----------------------------------------------------------------- */
/** x86_xcr0_known() - bits that XSETBV accepts */
uint64_t x86_xcr0_known(const X86Cpu *c);
/** x86_xsave_size() - bytes of the area for @components */
unsigned x86_xsave_size(uint64_t components);
/** x86_xinuse() - components that differ from their initial state */
uint64_t x86_xinuse(const X86Cpu *c);

/* --- debug.c ----------------------------------------------------------------- */
#define X86_DR6_BD (1u << 13)
#define X86_DR6_BS (1u << 14)
#define X86_DR6_BT (1u << 15)
/** x86_debug_insn() - does DR7 enable an instruction breakpoint? */
bool x86_debug_insn(const X86Cpu *c);
/** x86_debug_update() - after any change of DR0-3, DR7 */
void x86_debug_update(X86Cpu *c);
/** x86_debug_port() - a port is accessed */
void x86_debug_port(X86Cpu *c, uint16_t port, unsigned size);
/** x86_debug_pend() - #DB with these bits of DR6 after this step */
void x86_debug_pend(X86Cpu *c, uint64_t bits);
/** x86_debug_forget() - the instruction faults: its traps do not happen */
void x86_debug_forget(X86Cpu *c);
void x86_trap(Vcpu *v);
void x86_accessed(Vcpu *v, uint64_t va, unsigned size, bool write);

/* --- vme.c ------------------------------------------------------------------- */
/** x86_vme_flags() - popf, iret of vm86 code whose IF is VIF: *done; false: #GP */
bool x86_vme_flags(X86Cpu *c, uint64_t value, bool *done);
/** x86_vme_iret() - vm86 with IOPL < 3: may this iret go on? */
bool x86_vme_iret(const X86Cpu *c, unsigned size);
/** x86_vme_redirects() - does int @vector stay in vm86? false: raised */
bool x86_vme_redirects(X86Cpu *c, unsigned vector, bool *out);
/** x86_vme_enter() - to there; @ip is pushed */
bool x86_vme_enter(X86Cpu *c, unsigned vector, uint64_t ip);

uint64_t x86_cr4_known(const X86Cpu *c); /* sysregs.c: bits that exist */

/* --- smm.c ------------------------------------------------------------------- */
/** x86_smm_enter() - take the pending SMI, between two steps */
void x86_smm_enter(X86Cpu *c);
void x86_shutdown(X86Cpu *c); /* excp.c */

/* --- msr.c ------------------------------------------------------------------ */
/** x86_msr_read(), x86_msr_write() - false: no such register or bad value */
bool x86_msr_read(X86Cpu *c, uint32_t n, uint64_t *out);
bool x86_msr_write(X86Cpu *c, uint32_t n, uint64_t value);

/* --- models.c --------------------------------------------------------------- */
typedef struct X86Model {
    const char *name;
    const char *vendor; /* 12 characters */
    const char *brand;  /* CPUID 0x80000002-4 */
    uint32_t level, xlevel;
    uint16_t family, model, stepping;
    uint32_t features[X86_FEAT_COUNT];
    bool all; /* every implemented feature */
    const char *doc;
} X86Model;

bool x86_model_apply(X86Cpu *c, const char *text, bool long_mode,
                     GError **error);
void x86_model_free(X86Cpu *c);

/* Feature bits the code asks about. */
#define X86_F1D_VME (1u << 1)
#define X86_F1D_PSE (1u << 3)
#define X86_F1D_TSC (1u << 4)
#define X86_F1D_MSR (1u << 5)
#define X86_F1D_PAE (1u << 6)
#define X86_F1D_MCE (1u << 7)
#define X86_F1D_CX8 (1u << 8)
#define X86_F1D_APIC (1u << 9)
#define X86_F1D_SEP (1u << 11)
#define X86_F1D_MTRR (1u << 12)
#define X86_F1D_PGE (1u << 13)
#define X86_F1D_MCA (1u << 14)
#define X86_F1D_CMOV (1u << 15)
#define X86_F1D_PAT (1u << 16)
#define X86_F1D_PSE36 (1u << 17)
#define X86_F1D_CLFSH (1u << 19)
#define X86_F1D_MMX (1u << 23)
#define X86_F1D_FXSR (1u << 24)
#define X86_F1D_SSE (1u << 25)
#define X86_F1D_SSE2 (1u << 26)
#define X86_F1C_SSE3 (1u << 0)
#define X86_F1C_CX16 (1u << 13)
#define X86_F1C_PCID (1u << 17)
#define X86_F1C_X2APIC (1u << 21)
#define X86_F1C_TSC_DEADLINE (1u << 24)
#define X86_F1C_XSAVE (1u << 26)
#define X86_F1C_OSXSAVE (1u << 27)
#define X86_F1C_AVX (1u << 28)
#define X86_F1C_HYPERVISOR (1u << 31)
#define X86_F7B_FSGSBASE (1u << 0)
#define X86_F7B_TSC_ADJUST (1u << 1)
#define X86_F7B_SMEP (1u << 7)
#define X86_F7B_INVPCID (1u << 10)
#define X86_F7B_SMAP (1u << 20)
#define X86_F7C_UMIP (1u << 2)
#define X86_FXD_SYSCALL (1u << 11)
#define X86_FXD_NX (1u << 20)
#define X86_FXD_PDPE1GB (1u << 26)
#define X86_FXD_RDTSCP (1u << 27)
#define X86_FXD_LM (1u << 29)
#define X86_FXC_LAHF_LM (1u << 0)
#define X86_FD1_XSAVEOPT (1u << 0)
#define X86_FD1_XSAVEC (1u << 1)
#define X86_FD1_XGETBV1 (1u << 2)
#define X86_FD1_XSAVES (1u << 3)

static inline bool x86_has(const X86Cpu *c, unsigned word, uint32_t bit)
{
    return c->features[word] & bit;
}

/* --- helpers of helpers_sys.def --------------------------------------------- */
/* clang-format off */
#define X86_HELPER(name, kind, fn, flags, vop) IrHelperFn fn;
#include "cpu/x86/helpers_sys.def"
#undef X86_HELPER
/* clang-format on */

/* --- CpuOps members --------------------------------------------------------- */
void x86_print(const Vcpu *v, GString *out);
unsigned x86_disas(uint64_t mode, uint64_t pc, const uint8_t *bytes,
                   unsigned avail, GString *out);
bool x86_runnable(const Vcpu *v);
bool x86_irq_acceptable(const Vcpu *v);
void x86_irq_accept(Vcpu *v);
bool x86_irq_inhibited(const Vcpu *v);
void x86_irq_uninhibit(Vcpu *v);
void x86_sync(Vcpu *v);
const CpuGdb *x86_gdb(const Vcpu *v);
extern const CpuOps x86_cpu_ops;

#endif
