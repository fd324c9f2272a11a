/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Privileged instructions run as code, in every mode that tells them apart.
 * What they do is argued from the SDM: the section is in the row. */
#include <string.h>

#include "tests/unit/x86_box.h"

#define CODE_AT 0x4800u
#define USER_AT 0x400000u /* virtual, of a user page */
#define NOP_AT (USER_AT + 0x80)
#define USER_PHYS 0x100000u
#define HANDLER(n) (0x2000u + 16 * (n))
#define DONE (-1)
#define CODE_MAX 16

typedef enum PrivMode {
    REAL,
    VM86,
    PROT0,
    PROT3,
    LONG0,
    LONG3,
    COMPAT3,
} PrivMode;

typedef struct PrivRow {
    const char *name;
    uint8_t code[CODE_MAX];
    PrivMode mode;
    int vector; /* DONE: completed, or gone to @pc */
    uint32_t error;
    uint64_t rax, rcx;
    uint64_t cr4, eflags;
    const char *cpu; /* NULL: max */
    uint64_t pc;     /* where it goes; 0: to the next instruction */
    unsigned steps;  /* 0: one */
} PrivRow;

#define AC X86_AC
#define SMAP X86_CR4_SMAP
#define SMEP X86_CR4_SMEP
#define UMIP X86_CR4_UMIP
#define PCIDE X86_CR4_PCIDE
#define P X86_PF_P
#define W X86_PF_W
#define U X86_PF_U
#define I X86_PF_I
#define UD X86_UD
#define GP X86_GP
#define PF X86_PFX
#define INTEL "Nehalem"
#define AMD "qemu64"

/* clang-format off */
static const PrivRow priv_rows[] = {
    /* SDM 3A 4.6.1, 4.7: rax is in a user page; the code's is none */
    {"smap, read", {0x8b, 0x08}, LONG0, PF, P, .rax = USER_AT, .cr4 = SMAP},
    {"smap, write", {0x89, 0x08}, LONG0, PF, P | W, .rax = USER_AT, .cr4 = SMAP},
    {"smap, read-modify-write", {0xff, 0x00}, LONG0, PF, P | W, .rax = USER_AT, .cr4 = SMAP},
    {"smap, AC set, read", {0x8b, 0x08}, LONG0, DONE, .rax = USER_AT, .cr4 = SMAP, .eflags = AC},
    {"smap, AC set, write", {0x89, 0x08}, LONG0, DONE, .rax = USER_AT, .cr4 = SMAP, .eflags = AC},
    {"smap off", {0x89, 0x08}, LONG0, DONE, .rax = USER_AT},
    {"smap is not for programs", {0x89, 0x08}, LONG3, DONE, .rax = USER_AT, .cr4 = SMAP},
    {"smap: clflush reads", {0x0f, 0xae, 0x38}, LONG0, PF, P, .rax = USER_AT, .cr4 = SMAP},
    {"smep", {0xff, 0xe0}, LONG0, PF, P | I, .rax = NOP_AT, .cr4 = SMEP, .steps = 2},
    {"smep, AC changes nothing", {0xff, 0xe0}, LONG0, PF, P | I, .rax = NOP_AT, .cr4 = SMEP, .eflags = AC, .steps = 2},
    {"smap does not stop fetches", {0xff, 0xe0}, LONG0, DONE, .rax = NOP_AT, .cr4 = SMAP, .pc = NOP_AT + 1, .steps = 2},
    {"a program's own page", {0xff, 0xe0}, LONG3, DONE, .rax = NOP_AT, .cr4 = SMEP | SMAP, .pc = NOP_AT + 1, .steps = 2},
    {"a program in a supervisor page", {0x8b, 0x08}, LONG3, PF, P | U, .rax = CODE_AT},
    {"stac", {0x0f, 0x01, 0xcb}, LONG3, UD, .cr4 = SMAP},
    {"clac", {0x0f, 0x01, 0xca}, LONG3, UD, .cr4 = SMAP},
    {"clac without CR4.SMAP", {0x0f, 0x01, 0xca}, LONG0, DONE},
    {"stac, not offered", {0x0f, 0x01, 0xcb}, LONG0, UD, .cpu = AMD},
    {"stac in vm86", {0x0f, 0x01, 0xcb}, VM86, UD},

    /* SDM 3A 2.5, CR4.UMIP; SLDT and STR outside of protected mode: #UD */
    {"umip, sgdt", {0x0f, 0x01, 0x00}, LONG3, GP, .rax = USER_AT, .cr4 = UMIP},
    {"umip, sidt", {0x0f, 0x01, 0x08}, LONG3, GP, .rax = USER_AT, .cr4 = UMIP},
    {"umip, sldt", {0x0f, 0x00, 0xc0}, LONG3, GP, .cr4 = UMIP},
    {"umip, str", {0x0f, 0x00, 0xc8}, LONG3, GP, .cr4 = UMIP},
    {"umip, smsw", {0x0f, 0x01, 0xe0}, LONG3, GP, .cr4 = UMIP},
    {"umip before the page", {0x0f, 0x01, 0x00}, LONG3, GP, .rax = CODE_AT, .cr4 = UMIP},
    {"umip, compatibility mode", {0x0f, 0x01, 0x00}, COMPAT3, GP, .rax = USER_AT, .cr4 = UMIP},
    {"umip, ring 0", {0x0f, 0x00, 0xc8}, LONG0, DONE, .cr4 = UMIP},
    {"umip off", {0x0f, 0x01, 0x00}, LONG3, DONE, .rax = USER_AT},
    {"umip, protected", {0x0f, 0x00, 0xc0}, PROT3, GP, .cr4 = UMIP},
    {"umip, vm86, smsw", {0x0f, 0x01, 0xe0}, VM86, GP, .cr4 = UMIP},
    {"sldt in vm86", {0x0f, 0x00, 0xc0}, VM86, UD, .cr4 = UMIP},
    {"str in real mode", {0x0f, 0x00, 0xc8}, REAL, UD},
    {"smsw in real mode", {0x0f, 0x01, 0xe0}, REAL, DONE, .cr4 = UMIP},

    /* SDM 2B MOV CR: reserved bits, privilege, registers that are not there */
    {"cr3 bit 63 without PCIDE", {0x0f, 0x22, 0xd8}, LONG0, GP, .rax = 1ull << 63 | PML4_AT},
    {"cr3 bit 63", {0x0f, 0x22, 0xd8}, LONG0, DONE, .rax = 1ull << 63 | PML4_AT, .cr4 = PCIDE},
    {"cr3 above MAXPHYADDR", {0x0f, 0x22, 0xd8}, LONG0, GP, .rax = 1ull << 40 | PML4_AT, .cr4 = PCIDE},
    {"cr3 at ring 3", {0x0f, 0x22, 0xd8}, LONG3, GP, .rax = PML4_AT},
    {"cr3 in vm86", {0x0f, 0x20, 0xd8}, VM86, GP},
    {"cr1", {0x0f, 0x20, 0xc8}, LONG0, UD},
    {"cr1 at ring 3", {0x0f, 0x20, 0xc8}, LONG3, UD},
    {"cr5", {0x0f, 0x22, 0xe8}, PROT0, UD},
    {"cr8", {0x44, 0x0f, 0x22, 0xc0}, LONG0, DONE, .rax = 15},
    {"cr8, reserved", {0x44, 0x0f, 0x22, 0xc0}, LONG0, GP, .rax = 16},
    {"cr0 bit 32", {0x0f, 0x22, 0xc0}, LONG0, GP, .rax = 1ull << 32 | 0x80000011},
    {"cr0, NW without CD", {0x0f, 0x22, 0xc0}, LONG0, GP, .rax = 0xa0000011},
    {"cr0, PG off in 64-bit code", {0x0f, 0x22, 0xc0}, LONG0, GP, .rax = 0x11},
    {"cr0, PG without PE", {0x0f, 0x22, 0xc0}, PROT0, GP, .rax = 0x80000010},
    {"cr4, PAE off in long mode", {0x0f, 0x22, 0xe0}, LONG0, GP, .rax = 0},
    {"cr4, PCIDE outside of long mode", {0x0f, 0x22, 0xe0}, PROT0, GP, .rax = PCIDE},
    {"dr4 with DE", {0x0f, 0x21, 0xe0}, LONG0, UD, .cr4 = X86_CR4_DE},
    {"dr7 bit 32", {0x0f, 0x23, 0xf8}, LONG0, GP, .rax = 1ull << 32},

    /* SDM 2A INVPCID: rcx is the type, the descriptor is all ones or zero */
    {"invpcid at ring 3", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG3, GP, .rax = USER_AT},
    {"invpcid in vm86", {0x66, 0x0f, 0x38, 0x82, 0x0f}, VM86, GP},
    {"invpcid, type 4", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, GP, .rax = USER_AT, .rcx = 4},
    {"invpcid, type 2", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, DONE, .rax = USER_AT, .rcx = 2},
    {"invpcid, reserved bits", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, GP, .rax = USER_AT + 0x40, .rcx = 2},
    {"invpcid, PCID 1 without PCIDE", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, GP, .rax = USER_AT + 0x50, .rcx = 1},
    {"invpcid, PCID 1", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, DONE, .rax = USER_AT + 0x50, .rcx = 1, .cr4 = PCIDE},
    {"invpcid, not canonical", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, GP, .rax = USER_AT + 0x60},
    {"invpcid, descriptor not readable", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, PF, P, .rax = USER_AT, .cr4 = SMAP},
    {"invpcid with a register", {0x66, 0x0f, 0x38, 0x82, 0xc8}, LONG0, UD},
    {"invpcid, not offered", {0x66, 0x0f, 0x38, 0x82, 0x08}, LONG0, UD, .rax = USER_AT, .cpu = AMD},

    /* SDM 2B SYSENTER, SYSEXIT: the box sets SYSENTER_CS to CODE0 */
    {"sysenter", {0x0f, 0x34}, PROT3, DONE, .pc = 0x5200},
    {"sysenter at ring 0", {0x0f, 0x34}, PROT0, DONE, .pc = 0x5200},
    {"sysenter in vm86", {0x0f, 0x34}, VM86, DONE, .pc = 0x5200},
    {"sysenter in real mode", {0x0f, 0x34}, REAL, GP},
    {"sysenter, 64-bit", {0x0f, 0x34}, LONG3, DONE, .cpu = INTEL, .pc = 0x5200},
    {"sysenter, compatibility mode", {0x0f, 0x34}, COMPAT3, DONE, .cpu = INTEL, .pc = 0x5200},
    {"sysenter, long mode of AMD", {0x0f, 0x34}, LONG3, UD, .cpu = AMD},
    {"sysexit", {0x0f, 0x35}, PROT0, DONE, .rcx = 0xb000, .pc = 0x4c00},
    {"sysexit at ring 3", {0x0f, 0x35}, PROT3, GP},
    {"sysexit in real mode", {0x0f, 0x35}, REAL, GP},
    {"sysexit, 64-bit", {0x48, 0x0f, 0x35}, LONG0, DONE, .cpu = INTEL, .pc = 0x4c00},
    {"sysexit, rcx not canonical", {0x48, 0x0f, 0x35}, LONG0, GP, .rcx = 1ull << 47, .cpu = INTEL},
    {"sysexit to 32-bit code: ecx", {0x0f, 0x35}, LONG0, DONE, .rcx = 1ull << 47, .cpu = INTEL, .pc = 0x4c00},

    /* SDM 2B SYSCALL, APM 3 SYSCALL: LSTAR 0x5400, CSTAR 0x5500 */
    {"syscall", {0x0f, 0x05}, LONG3, DONE, .pc = 0x5400},
    {"syscall, compatibility mode", {0x0f, 0x05}, COMPAT3, DONE, .cpu = AMD, .pc = 0x5500},
    {"syscall, compatibility mode of Intel", {0x0f, 0x05}, COMPAT3, UD, .cpu = INTEL},
    {"syscall, protected mode of Intel", {0x0f, 0x05}, PROT3, UD, .cpu = INTEL},
    {"syscall, real mode", {0x0f, 0x05}, REAL, UD},
    {"sysret at ring 3", {0x48, 0x0f, 0x07}, LONG3, GP},
    {"sysret, not canonical", {0x48, 0x0f, 0x07}, LONG0, GP, .rcx = 1ull << 47},
    {"sysret to 32-bit code: ecx", {0x0f, 0x07}, LONG0, DONE, .rcx = 1ull << 47 | 0x4c00, .pc = 0x4c00},

    /* not offered: SDM 3C, APM 2 chapter 15; RSM outside of SMM */
    {"vmcall", {0x0f, 0x01, 0xc1}, LONG0, UD},
    {"vmlaunch", {0x0f, 0x01, 0xc2}, LONG0, UD},
    {"vmresume", {0x0f, 0x01, 0xc3}, LONG0, UD},
    {"vmxoff", {0x0f, 0x01, 0xc4}, LONG0, UD},
    {"vmfunc", {0x0f, 0x01, 0xd4}, LONG0, UD},
    {"vmread", {0x0f, 0x78, 0xc0}, LONG0, UD},
    {"vmwrite", {0x0f, 0x79, 0xc0}, LONG0, UD},
    {"vmptrld", {0x0f, 0xc7, 0x30}, LONG0, UD, .rax = USER_AT},
    {"vmptrst", {0x0f, 0xc7, 0x38}, LONG0, UD, .rax = USER_AT},
    {"vmclear", {0x66, 0x0f, 0xc7, 0x30}, LONG0, UD, .rax = USER_AT},
    {"vmxon", {0xf3, 0x0f, 0xc7, 0x30}, LONG0, UD, .rax = USER_AT},
    {"invept", {0x66, 0x0f, 0x38, 0x80, 0x00}, LONG0, UD, .rax = USER_AT},
    {"invvpid", {0x66, 0x0f, 0x38, 0x81, 0x00}, LONG0, UD, .rax = USER_AT},
    {"getsec", {0x0f, 0x37}, LONG0, UD},
    {"encls", {0x0f, 0x01, 0xcf}, LONG0, UD},
    {"vmrun", {0x0f, 0x01, 0xd8}, LONG0, UD},
    {"vmmcall", {0x0f, 0x01, 0xd9}, LONG0, UD},
    {"vmload", {0x0f, 0x01, 0xda}, LONG0, UD},
    {"vmsave", {0x0f, 0x01, 0xdb}, LONG0, UD},
    {"stgi", {0x0f, 0x01, 0xdc}, LONG0, UD},
    {"clgi", {0x0f, 0x01, 0xdd}, LONG0, UD},
    {"skinit", {0x0f, 0x01, 0xde}, LONG0, UD},
    {"invlpga", {0x0f, 0x01, 0xdf}, LONG0, UD},
    {"vmcall, protected", {0x0f, 0x01, 0xc1}, PROT0, UD},
    {"vmcall, program", {0x0f, 0x01, 0xc1}, LONG3, UD},
    {"monitor", {0x0f, 0x01, 0xc8}, LONG0, UD},
    {"mwait", {0x0f, 0x01, 0xc9}, LONG0, UD},
    {"rdpkru", {0x0f, 0x01, 0xee}, LONG0, UD},
    {"wrpkru", {0x0f, 0x01, 0xef}, LONG0, UD},
    {"rsm", {0x0f, 0xaa}, LONG0, UD},
    {"rsm, protected", {0x0f, 0xaa}, PROT0, UD},
};
/* clang-format on */

/* --- boxes ------------------------------------------------------------------ */

static void leave_to(Box *b, uint64_t cs, uint64_t ss, unsigned size)
{
    const uint64_t frame[] = {CODE_AT, cs, 2, 0xb000, ss};

    for (unsigned i = 0; i < 5; i++) {
        box_put(b, 0x8f00 + size * i, size, frame[i]);
    }
    b->c->gpr[X86_RSP] = 0x8f00;
    CALL(b, iret, size, 0, 0, 0);
    g_assert_false(b->c->v.fault);
}

static void enter_vm86(Box *b, uint32_t flags)
{
    const uint32_t frame[] = {CODE_AT, 0, flags | X86_VM | 2, 0xb000, 0, 0, 0,
                              0,       0};

    for (unsigned i = 0; i < G_N_ELEMENTS(frame); i++) {
        box_put(b, 0x8f00 + 4 * i, 4, frame[i]);
    }
    b->c->gpr[X86_RSP] = 0x8f00;
    CALL(b, iret, 4, 0, 0, 0);
}

static void put_handlers(Box *b, bool lm)
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned at = IDT_AT + i * (lm ? 16 : 8);

        box_put(b, at, 8, box_gate(lm ? CODE64 : CODE0, HANDLER(i), 0x8e, 0));
    }
}

static void to_mode(Box *b, const PrivRow *row)
{
    uint64_t msr[][2] = {
        {0x174, CODE0},
        {0x175, 0x9800},
        {0x176, 0x5200},
        {0xc0000081, (uint64_t)CODE64 << 32 | 0x33ull << 48},
        {0xc0000082, 0x5400},
        {0xc0000083, 0x5500},
    };
    X86Cpu *c = b->c;

    if (row->mode >= LONG0) {
        box_long(b);
        put_handlers(b, true);
        /* the first 2 MiB are the supervisor's, but for those that run there */
        box_put(b, PML4_AT + 0x2000, 8, row->mode == COMPAT3 ? 0x87 : 0x83);
        box_put(b, PML4_AT + 0x3000, 8, USER_PHYS | 7);
        CALL(b, write_cr, 3, PML4_AT, 0, 0);
    } else if (row->mode >= VM86) {
        box_protected(b);
        put_handlers(b, false);
        x86_msr_write(c, 0xc0000080, X86_EFER_SCE);
    } else {
        for (unsigned i = 0; i < 32; i++) {
            box_put(b, 4 * i, 4, HANDLER(i));
        }
        c->idt = (X86Table){.limit = 0x3ff};
        CALL(b, far_jmp, 0, CODE_AT, 2, 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(msr); i++) {
        x86_msr_write(c, msr[i][0], msr[i][1]);
    }
    CALL(b, write_cr, 4, c->cr4 | row->cr4, 0, 0);
    g_assert_false(c->v.fault);
}

/* Programs of 64-bit mode run at the user page. */
static uint64_t to_ring(Box *b, const PrivRow *row)
{
    X86Cpu *c = b->c;

    switch (row->mode) {
    case VM86:
        enter_vm86(b, 0);
        break;
    case PROT3:
        leave_to(b, CODE3, DATA3, 4);
        break;
    case LONG3:
        leave_to(b, CODE64_3, DATA64_3, 8);
        c->v.pc = USER_AT + 0x100;
        return USER_PHYS + 0x100;
    case COMPAT3:
        leave_to(b, CODE3, DATA3, 8);
        CALL(b, load_seg, X86_DS, DATA3, 0, 0);
        break;
    default:
        c->gpr[X86_RSP] = 0x9000;
        break;
    }
    c->v.pc = CODE_AT;
    return CODE_AT;
}

static void run_row(const PrivRow *row)
{
    g_autoptr(Box) b = box_new_as(row->cpu ? row->cpu : "max", true);
    X86Cpu *c = b->c;
    uint64_t start, at;

    g_test_message("%s", row->name);
    to_mode(b, row);
    box_put(b, USER_PHYS + 0x40, 8, 1ull << 12); /* invpcid descriptors */
    box_put(b, USER_PHYS + 0x50, 8, 1);
    box_put(b, USER_PHYS + 0x68, 8, 1ull << 47);
    box_put(b, USER_PHYS + 0x80, 1, 0x90);
    at = to_ring(b, row);
    memcpy(b->ram + at, row->code, CODE_MAX);
    start = c->v.pc;
    c->gpr[X86_RAX] = row->rax;
    c->gpr[X86_RCX] = row->rcx;
    c->gpr[X86_RDX] = 0x4c00; /* where sysexit goes */
    c->gpr[11] = 2;
    x86_merge_eflags(c, row->eflags, X86_AC);
    vcpu_run(&c->v, MAX(row->steps, 1));
    if (row->vector == DONE && row->pc) {
        g_assert_cmphex(c->v.pc, ==, row->pc);
    } else if (row->vector == DONE) {
        g_assert_cmphex(c->v.pc, >, start);
        g_assert_cmphex(c->v.pc, <, start + CODE_MAX);
    } else {
        g_assert_cmphex(c->v.pc, ==, HANDLER((unsigned)row->vector));
        g_assert_cmphex(x86_cpl(c), ==, 0);
    }
    if (row->mode != REAL && (row->vector == GP || row->vector == PF)) {
        g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, row->error);
    }
    if (row->vector == PF) {
        g_assert_cmphex(c->cr2, ==, row->rax);
    }
}

static void test_rows(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(priv_rows); i++) {
        run_row(&priv_rows[i]);
    }
}

/* SDM 3A 4.6.1: tables are read by implicit supervisor accesses: AC does not
 * help, and at ring 3 the fault is none of user mode. */
static void test_implicit(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    static const PrivRow row = {.mode = LONG0, .cr4 = SMAP | SMEP};
    static const uint8_t lar[] = {0x0f, 0x02, 0xc1}; /* lar eax, ecx */

    to_mode(b, &row);
    memcpy(b->ram + USER_PHYS + 0x800, b->ram + GDT_AT, 0xa0);
    x86_merge_eflags(c, AC, AC);
    c->gdt.base = USER_AT + 0x800;
    CALL(b, load_seg, X86_DS, DATA0, 0, 0);
    box_expect_fault(b, PF, P);
    g_assert_cmphex(c->cr2, ==, USER_AT + 0x800 + DATA0);
    CALL(b, lldt, LDT, 0, 0, 0);
    box_expect_fault(b, PF, P);
    c->gdt.base = GDT_AT;
    c->gpr[X86_RSP] = 0x9000;
    leave_to(b, CODE64_3, DATA64_3, 8);
    memcpy(b->ram + USER_PHYS + 0x100, lar, sizeof(lar));
    memcpy(b->ram + USER_PHYS + 0x110, lar, sizeof(lar));
    x86_merge_eflags(c, AC, AC);
    c->gdt.base = USER_AT + 0x800;
    c->gpr[X86_RCX] = DATA3;
    CALL(b, lar, DATA3, 0, 0, 0);
    box_expect_fault(b, PF, P);
    c->gdt.base = GDT_AT; /* a supervisor page: the program may ask */
    c->v.pc = USER_AT + 0x100;
    vcpu_run(&c->v, 1);
    g_assert_cmphex(c->v.pc, ==, USER_AT + 0x103);
    g_assert_cmphex(c->gpr[X86_RAX], ==,
                    0xcff200 | 0x100 * (b->ram[GDT_AT + 0x25] & 1));
}

/* SDM 3A 2.5: what is no feature is reserved and changes nothing. */
static void test_reserved(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    const uint64_t efer =
        X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE;
    uint64_t cr4, before;

    box_long(b);
    cr4 = c->cr4;
    for (unsigned i = 0; i < 64; i++) {
        /* VME to UMIP, FSGSBASE to OSXSAVE, SMEP, SMAP */
        bool known = i <= 11 || (i >= 16 && i <= 18) || i == 20 || i == 21;

        CALL(b, write_cr, 4, cr4 | 1ull << i, 0, 0);
        g_assert_cmpint(c->v.fault, ==, !known);
        if (!known) {
            box_expect_fault(b, GP, 0);
            g_assert_cmphex(c->cr4, ==, cr4);
        }
        CALL(b, write_cr, 4, cr4, 0, 0);
    }
    before = c->efer;
    g_assert_cmphex(before, ==, efer);
    for (unsigned i = 0; i < 64; i++) {
        g_assert_cmpint(x86_msr_write(c, 0xc0000080, efer | 1ull << i), ==,
                        (int)(efer >> i & 1));
    }
    /* LMA is the processor's: a write leaves it */
    g_assert_true(x86_msr_write(c, 0xc0000080, efer & ~X86_EFER_LMA));
    g_assert_cmphex(c->efer, ==, efer);
}

/* SDM 3A 9.8.5.3 */
static void test_long_needs_wide_tss(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_protected(b);
    box_put(b, GDT_AT + TSS2, 8, box_desc(TSS2_AT, 0x67, 0x81, 0));
    CALL(b, ltr, TSS2, 0, 0, 0);
    g_assert_false(c->v.fault);
    CALL(b, write_cr, 4, X86_CR4_PAE, 0, 0);
    g_assert_true(x86_msr_write(c, 0xc0000080, X86_EFER_LME));
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_PG, 0, 0);
    box_expect_fault(b, GP, 0);
    g_assert_cmphex(c->efer, ==, X86_EFER_LME);
    g_assert_cmphex(c->cr0 & X86_CR0_PG, ==, 0);
}

/* --- PCID: SDM 3A 4.10 --------------------------------------------------------- */

static uint64_t read_user(Box *b)
{
    uint64_t v = 0;

    g_assert_true(vcpu_load(&b->c->v, USER_AT, 8, X86_MMU_KERNEL, &v));
    return v;
}

static void map_user(Box *b, unsigned n)
{
    box_put(b, PML4_AT + 0x3000, 8, (USER_PHYS + 0x1000 * n) | 7);
}

static void invpcid(Box *b, unsigned type, uint64_t pcid, uint64_t va)
{
    box_put(b, 0xd000, 8, pcid);
    box_put(b, 0xd008, 8, va);
    CALL(b, invpcid, type, 0xd000, 0, 0);
    g_assert_false(b->c->v.fault);
}

static void to_space(Box *b, uint64_t cr3)
{
    CALL(b, write_cr, 3, cr3, 0, 0);
    g_assert_false(b->c->v.fault);
}

static void test_pcid(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    const uint64_t keep = 1ull << 63;

    box_long(b);
    for (unsigned n = 0; n < 4; n++) {
        box_put(b, USER_PHYS + 0x1000 * n, 8, n);
    }
    /* CR3 11:0 must be clear when PCIDE goes on, 4.10.1 */
    to_space(b, PML4_AT | 8);
    CALL(b, write_cr, 4, c->cr4 | PCIDE, 0, 0);
    box_expect_fault(b, GP, 0);
    to_space(b, PML4_AT);
    CALL(b, write_cr, 4, c->cr4 | PCIDE, 0, 0);
    g_assert_false(c->v.fault);

    /* each space sees its own mapping, kept or not */
    map_user(b, 1);
    to_space(b, PML4_AT | 1);
    g_assert_cmpuint(read_user(b), ==, 1);
    map_user(b, 2);
    to_space(b, PML4_AT | 2);
    g_assert_cmpuint(read_user(b), ==, 2);
    to_space(b, PML4_AT | 1); /* bit 63 clear: what was cached is gone */
    g_assert_cmpuint(read_user(b), ==, 2);
    map_user(b, 3);
    to_space(b, PML4_AT | 2 | keep);
    to_space(b, PML4_AT | 1);
    g_assert_cmpuint(read_user(b), ==, 3);

    /* INVPCID, all four types: what they name is read anew */
    map_user(b, 1);
    invpcid(b, 0, 1, USER_AT);
    g_assert_cmpuint(read_user(b), ==, 1);
    map_user(b, 2);
    invpcid(b, 1, 1, 0);
    g_assert_cmpuint(read_user(b), ==, 2);
    map_user(b, 3);
    invpcid(b, 2, 0, 0);
    g_assert_cmpuint(read_user(b), ==, 3);
    map_user(b, 1);
    invpcid(b, 3, 0, 0);
    g_assert_cmpuint(read_user(b), ==, 1);
    /* of another space, while that is not the current one */
    to_space(b, PML4_AT | 2);
    g_assert_cmpuint(read_user(b), ==, 1);
    map_user(b, 2);
    invpcid(b, 1, 1, 0);
    to_space(b, PML4_AT | 1 | keep);
    g_assert_cmpuint(read_user(b), ==, 2);
    map_user(b, 3);
    invpcid(b, 0, 2, USER_AT);
    to_space(b, PML4_AT | 2 | keep);
    g_assert_cmpuint(read_user(b), ==, 3);
    /* global pages outlive all but type 2 and INVLPG; INVLPG takes them */
    map_user(b, 1);
    CALL(b, invlpg, USER_AT, 0, 0, 0);
    g_assert_cmpuint(read_user(b), ==, 1);
    /* PCIDE off: CR4's write takes everything, 4.10.4.1 */
    map_user(b, 2);
    to_space(b, PML4_AT);
    CALL(b, write_cr, 4, c->cr4 & ~PCIDE, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmpuint(read_user(b), ==, 2);
}

/* --- 16-byte descriptors: SDM 3A 3.5.2, 5.8.3.1 --------------------------------- */

#define GATE64 0xa3u
#define LTR64 0xb0u

static void put_gate64(Box *b, uint16_t sel, uint64_t to, unsigned access)
{
    box_put(b, GDT_AT + (GATE64 & ~7u), 8, box_gate(sel, to, access, 5));
    box_put(b, GDT_AT + (GATE64 & ~7u) + 8, 8, to >> 32);
}

static void test_call_gate64(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_long(b);
    c->gdt.limit = 0xff;
    leave_to(b, CODE64_3, DATA64_3, 8);
    put_gate64(b, CODE64, 0x1234567890, 0xec);
    CALL(b, far_call, GATE64, 0xdead, 8, 0x4007);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x1234567890);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, CODE64);
    g_assert_cmphex(c->seg[X86_SS].sel, ==, 0); /* null, RPL is the new CPL */
    /* RSP0 as it is: gates do not align; no parameters whatever the count */
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xa008 - 32);
    g_assert_cmphex(box_get(b, 0xa000, 8), ==, DATA64_3);
    g_assert_cmphex(box_get(b, 0x9ff8, 8), ==, 0xb000);
    g_assert_cmphex(box_get(b, 0x9ff0, 8), ==, CODE64_3);
    g_assert_cmphex(box_get(b, 0x9fe8, 8), ==, 0x4007);
    CALL(b, far_ret, 8, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->v.pc, ==, 0x4007);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xb000);

    put_gate64(b, CODE64, 1ull << 47, 0xec);
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, GP, 0);
    put_gate64(b, CODE0, 0x3000, 0xec); /* 32-bit code */
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, GP, CODE0);
    put_gate64(b, 0, 0x3000, 0xec);
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, GP, 0);
    put_gate64(b, CODE64, 0x3000, 0x8c); /* DPL 0 */
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, GP, GATE64 & ~3u);
    put_gate64(b, CODE64, 0x3000, 0x6c); /* absent */
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, X86_NP, GATE64 & ~3u);
    put_gate64(b, CODE64, 0x3000, 0xe4); /* a 16-bit gate's type */
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, GP, GATE64 & ~3u);
    put_gate64(b, CODE64, 0x3000, 0xec);
    box_put(b, GDT_AT + (GATE64 & ~7u) + 13, 1, 0x0c); /* a type above */
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, GP, GATE64 & ~3u);
    put_gate64(b, CODE64, 0x3000, 0xec);
    box_put(b, TSS_AT + 4, 8, 1ull << 47); /* RSP0 */
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, X86_SSX, 0);
    c->gdt.limit = GATE64 + 8; /* half of the gate */
    CALL(b, far_call, GATE64, 0, 8, 0x4007);
    box_expect_fault(b, GP, GATE64 & ~3u);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xb000);
}

static void test_wide_descriptors(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    box_long(b);
    c->gdt.limit = 0xff;
    box_put(b, GDT_AT + LTR64, 8, box_desc(TSS_AT, 0x2ff, 0x89, 0));
    box_put(b, GDT_AT + LTR64 + 8, 8, 1ull << 40);
    CALL(b, ltr, LTR64, 0, 0, 0);
    box_expect_fault(b, GP, LTR64);
    g_assert_cmphex(box_get(b, GDT_AT + LTR64 + 5, 1), ==, 0x89); /* not busy */
    box_put(b, GDT_AT + LTR64 + 5, 1, 0x82);
    CALL(b, lldt, LTR64, 0, 0, 0);
    box_expect_fault(b, GP, LTR64);
    box_put(b, GDT_AT + LTR64 + 8, 8, 0xffff8000);
    CALL(b, lldt, LTR64, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->ldt.base, ==, 0xffff800000000000 | TSS_AT);
}

/* --- fast system calls ------------------------------------------------------------ */

static void test_sysenter_state(void)
{
    static const PrivRow from = {.mode = VM86};
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    to_mode(b, &from);
    enter_vm86(b, X86_IF | X86_IOPL);
    CALL(b, sysenter, 0, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(x86_cpu_eflags(c) & (X86_VM | X86_IF), ==, 0);
    g_assert_cmphex(x86_cpu_eflags(c) & X86_IOPL, ==, X86_IOPL);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, CODE0);
    g_assert_cmphex(c->seg[X86_SS].sel, ==, DATA0);
    g_assert_cmphex(c->seg[X86_SS].limit, ==, UINT32_MAX);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x9800);
    c->gpr[X86_RCX] = 0xb000;
    c->gpr[X86_RDX] = 0x4c00;
    CALL(b, sysexit, 4, 0, 0, 0);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, (CODE0 + 16) | 3);
    g_assert_cmphex(c->seg[X86_SS].sel, ==, (CODE0 + 24) | 3);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0xb000);
    g_assert_cmphex(c->v.pc, ==, 0x4c00);
    x86_msr_write(c, 0x174, 3); /* bits 15:2 are zero */
    CALL(b, sysenter, 0, 0, 0, 0);
    box_expect_fault(b, GP, 0);
}

static void test_syscall_compat(void)
{
    static const PrivRow from = {.mode = COMPAT3};
    g_autoptr(Box) b = box_new_as(AMD, true);
    X86Cpu *c = b->c;

    to_mode(b, &from);
    leave_to(b, CODE3, DATA3, 8);
    x86_msr_write(c, 0xc0000084, X86_IF);
    x86_merge_eflags(c, X86_IF | X86_CF, UINT32_MAX);
    CALL(b, syscall, 0x4802, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0x5500);
    g_assert_cmphex(c->v.mode & X86_MODE_CODE64, !=, 0);
    g_assert_cmphex(c->gpr[X86_RCX], ==, 0x4802);
    g_assert_cmphex(c->gpr[11], ==, 0x203);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 3);
    CALL(b, sysret, 4, 0, 0, 0);
    g_assert_cmphex(c->v.pc, ==, 0x4802);
    g_assert_cmphex(c->v.mode & (X86_MODE_CODE64 | X86_MODE_CODE32), ==,
                    X86_MODE_CODE32);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, 0x33);
    g_assert_cmphex(c->seg[X86_SS].sel, ==, 0x3b);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 0x203);
    x86_msr_write(c, 0xc0000080, c->efer & ~X86_EFER_SCE);
    CALL(b, syscall, 0x4802, 0, 0, 0);
    box_expect_fault(b, UD, -1);
}

/* --- vm86: SDM 2A IRET, 3B 21.2.5 -------------------------------------------------- */

static void test_vm86_entry(void)
{
    static const PrivRow to = {.mode = VM86, .cr4 = X86_CR4_VME};
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    to_mode(b, &to);
    enter_vm86(b, 0);
    enter_vm86(b, 0); /* from vm86 with IOPL 0: #GP */
    box_expect_fault(b, GP, 0);
    x86_raise_error(c, GP, 0);
    x86_deliver(&c->v);
    enter_vm86(b, X86_VIF | X86_VIP | X86_IOPL);
    g_assert_false(c->v.fault);
    g_assert_cmphex(x86_cpu_eflags(c), ==,
                    X86_VM | X86_VIF | X86_VIP | X86_IOPL | 2);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
    x86_raise_error(c, GP, 0);
    x86_deliver(&c->v);
    /* EIP above CS's limit */
    for (unsigned i = 0; i < 9; i++) {
        box_put(b, 0x8f00 + 4 * i, 4, i == 2 ? X86_VM | 2 : 0);
    }
    box_put(b, 0x8f00, 4, 0x10000);
    c->gpr[X86_RSP] = 0x8f00;
    CALL(b, iret, 4, 0, 0, 0);
    box_expect_fault(b, GP, 0);
    g_assert_cmphex(x86_cpu_eflags(c) & X86_VM, ==, 0);
    g_assert_cmpuint(x86_cpl(c), ==, 0);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x8f00);
}

/* Real mode: an IRET leaves bits 17, 19 and 20. */
static void test_iret_real(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    CALL(b, far_jmp, 0, CODE_AT, 2, 0);
    c->gpr[X86_RSP] = 0x8f00;
    box_put(b, 0x8f00, 4, 0x100);
    box_put(b, 0x8f04, 4, 0x20);
    box_put(b, 0x8f08, 4, UINT32_MAX);
    CALL(b, iret, 4, 0, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x300);
    g_assert_cmphex(x86_cpu_eflags(c) & ~(uint64_t)X86_RF, ==,
                    0x257fd7 & ~(uint64_t)X86_RF);
}

/* --- INIT and RESET: SDM 3A table 9-1 ------------------------------------------------ */

static void soil(Box *b)
{
    X86Cpu *c = b->c;

    box_long(b);
    c->gpr[X86_RBX] = 1;
    c->cr2 = 0x1234;
    c->dr[0] = 5;
    c->xmm[3].u64[0] = 7;
    c->fcw = 0x37f;
    c->mxcsr = 0x1f00;
    c->xcr0 = 3;
    g_assert_true(x86_msr_write(c, 0x277, 0x0007010600070106));
    g_assert_true(x86_msr_write(c, 0x2ff, 0xc06));
    g_assert_true(x86_msr_write(c, 0x174, 0x8));
    g_assert_true(x86_msr_write(c, 0xc0000082, 0x5400));
    CALL(b, write_cr, 0, c->cr0 | X86_CR0_CD, 0, 0);
}

static void expect_common(const X86Cpu *c)
{
    g_assert_cmphex(c->v.pc, ==, 0xfffffff0);
    g_assert_cmphex(c->seg[X86_CS].sel, ==, 0xf000);
    g_assert_cmphex(x86_cpu_eflags(c), ==, 2);
    g_assert_cmphex(c->gpr[X86_RBX], ==, 0);
    g_assert_cmphex(c->gpr[X86_RDX], !=, 0);
    g_assert_cmphex(c->cr2 | c->cr3 | c->cr4 | c->efer, ==, 0);
    g_assert_cmphex(c->dr[0], ==, 0);
    g_assert_cmphex(c->dr[6], ==, 0xffff0ff0);
    g_assert_cmphex(c->dr[7], ==, 0x400);
    g_assert_cmphex(c->gdt.limit, ==, 0xffff);
    g_assert_cmphex(c->tr.sel, ==, 0);
    g_assert_cmphex(c->ldt.limit, ==, 0xffff);
    g_assert_cmphex(c->v.mode & (X86_MODE_PE | X86_MODE_LMA), ==, 0);
}

static void test_init_and_reset(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    uint64_t v;

    soil(b);
    x86_cpu_init(c, true);
    x86_irq_accept(&c->v);
    expect_common(c);
    g_assert_false(c->wait_sipi);
    g_assert_cmphex(c->cr0, ==, X86_CR0_CD | X86_CR0_ET);
    g_assert_cmphex(c->xmm[3].u64[0], ==, 7);
    g_assert_cmphex(c->fcw, ==, 0x37f);
    g_assert_cmphex(c->mxcsr, ==, 0x1f00);
    g_assert_cmphex(c->xcr0, ==, 3);
    g_assert_cmphex(c->mtrr_def, ==, 0xc06);
    g_assert_cmphex(c->sysenter_cs, ==, 8);
    g_assert_cmphex(c->lstar, ==, 0x5400);
    g_assert_true(x86_msr_read(c, 0x277, &v));
    g_assert_cmphex(v, ==, 0x0007010600070106);

    soil(b);
    devices_reset(b->vm);
    expect_common(c);
    g_assert_cmphex(c->cr0, ==, 0x60000010);
    g_assert_cmphex(c->xmm[3].u64[0], ==, 0);
    g_assert_cmphex(c->fcw, ==, 0x40);
    g_assert_cmphex(c->mxcsr, ==, 0x1f80);
    g_assert_cmphex(c->xcr0, ==, 1);
    g_assert_cmphex(c->mtrr_def, ==, 0);
    g_assert_cmphex(c->sysenter_cs, ==, 0);
    g_assert_true(x86_msr_read(c, 0x277, &v));
    g_assert_cmphex(v, ==, 0x0007040600070406);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/priv/rows", test_rows);
    g_test_add_func("/x86/priv/implicit", test_implicit);
    g_test_add_func("/x86/priv/reserved", test_reserved);
    g_test_add_func("/x86/priv/long-tss", test_long_needs_wide_tss);
    g_test_add_func("/x86/priv/pcid", test_pcid);
    g_test_add_func("/x86/priv/call-gate64", test_call_gate64);
    g_test_add_func("/x86/priv/wide-descriptors", test_wide_descriptors);
    g_test_add_func("/x86/priv/sysenter", test_sysenter_state);
    g_test_add_func("/x86/priv/syscall-compat", test_syscall_compat);
    g_test_add_func("/x86/priv/vm86-entry", test_vm86_entry);
    g_test_add_func("/x86/priv/iret-real", test_iret_real);
    g_test_add_func("/x86/priv/init-reset", test_init_and_reset);
    return g_test_run();
}
