/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug exceptions in running code. Expected frames are argued from SDM 3B
 * chapter 17 (sections in the rows) and 3A 6.8.3. */
#include <string.h>

#include "tests/unit/x86_box.h"

#define CODE_AT 0x4000u
#define DB_AT 0x2000u
#define BP_AT 0x2100u
#define UD_AT 0x2200u
#define DR6_NONE 0xffff0ff0u
#define CODE_MAX 24

typedef struct DebugRow {
    const char *name;
    uint8_t code[CODE_MAX];
    uint32_t dr0, dr1, dr7;
    uint32_t cr4, eflags;
    /* the #DB frame */
    uint32_t eip, dr6, image; /* image: TF and RF of EFLAGS */
    unsigned steps;           /* completed when the handler is entered */
} DebugRow;

#define G0 0x2u
#define G1 0x8u
#define RW(i, type, len)                                                       \
    ((uint32_t)(type) << (16 + 4 * (i)) | (uint32_t)(len) << (18 + 4 * (i)))
#define B(n) (DR6_NONE | 1u << (n))
#define BS (DR6_NONE | 0x4000u)

/* clang-format off */
static const DebugRow debug_rows[] = {
    {"insn (17.3.1.1)", {0x40, 0x40, 0x40}, .dr0 = 0x4001, .dr7 = G0, .eip = 0x4001, .dr6 = B(0), .steps = 2},
    {"insn, first", {0x40}, .dr0 = 0x4000, .dr7 = G0, .eip = 0x4000, .dr6 = B(0), .steps = 1},
    {"insn, RF set", {0x40, 0x40}, .dr0 = 0x4000, .dr1 = 0x4001, .dr7 = G0 | G1, .eflags = X86_RF, .eip = 0x4001, .dr6 = B(1), .steps = 2},
    {"insn at a jump target", {0xeb, 0x02, 0x40, 0x40, 0x40}, .dr0 = 0x4004, .dr7 = G0, .eip = 0x4004, .dr6 = B(0), .steps = 2},
    {"not in the middle of one", {0xb8, 1, 2, 3, 4, 0x40}, .dr0 = 0x4001, .dr1 = 0x4005, .dr7 = G0 | G1, .eip = 0x4005, .dr6 = B(1), .steps = 2},
    {"write (17.3.1.2)", {0xa3, 0x10, 0x50, 0x01, 0x00, 0x40}, .dr0 = 0x15010, .dr7 = G0 | RW(0, 1, 3), .eip = 0x4005, .dr6 = B(0), .steps = 1},
    {"a read is no write", {0xa1, 0x10, 0x50, 0x01, 0x00, 0xa3, 0x13, 0x50, 0x01, 0x00}, .dr0 = 0x15013, .dr7 = G0 | RW(0, 1, 0), .eip = 0x400a, .dr6 = B(0), .steps = 2},
    {"read or write", {0xa1, 0x10, 0x50, 0x01, 0x00, 0x40}, .dr0 = 0x15013, .dr7 = G0 | RW(0, 3, 0), .eip = 0x4005, .dr6 = B(0), .steps = 1},
    {"beside it", {0xa2, 0x0f, 0x50, 0x01, 0x00, 0xa2, 0x12, 0x50, 0x01, 0x00, 0xa2, 0x11, 0x50, 0x01, 0x00}, .dr0 = 0x15010, .dr7 = G0 | RW(0, 1, 1), .eip = 0x400f, .dr6 = B(0), .steps = 3},
    {"aligned down (17.2.5)", {0xa2, 0x10, 0x50, 0x01, 0x00}, .dr0 = 0x15013, .dr7 = G0 | RW(0, 1, 3), .eip = 0x4005, .dr6 = B(0), .steps = 1},
    {"both", {0xff, 0x05, 0x10, 0x50, 0x01, 0x00}, .dr0 = 0x15010, .dr1 = 0x15012, .dr7 = G0 | G1 | RW(0, 1, 0) | RW(1, 3, 0), .eip = 0x4006, .dr6 = B(0) | B(1), .steps = 1},
    {"push", {0x40, 0x50, 0x40}, .dr0 = 0x8ffc, .dr7 = G0 | RW(0, 1, 3), .eip = 0x4002, .dr6 = B(0), .steps = 2},
    /* ecx = 3, edi = 0x15000 */
    {"string, third element (17.3.1.2)", {0xf3, 0xab, 0x40}, .dr0 = 0x15008, .dr7 = G0 | RW(0, 1, 3), .eip = 0x4002, .dr6 = B(0), .steps = 3},
    {"string, second element", {0xf3, 0xab, 0x40}, .dr0 = 0x15004, .dr7 = G0 | RW(0, 1, 3), .eip = 0x4000, .dr6 = B(0), .image = X86_RF, .steps = 2},
    {"string, insn and RF between (17.3.1.1)", {0xf3, 0xab, 0x40}, .dr0 = 0x4000, .dr1 = 0x15004, .dr7 = G0 | G1 | RW(1, 1, 3), .eflags = X86_RF, .eip = 0x4000, .dr6 = B(1), .image = X86_RF, .steps = 2},
    {"string, RF till its end", {0xf3, 0xab, 0x40}, .dr0 = 0x4000, .dr1 = 0x4002, .dr7 = G0 | G1, .eflags = X86_RF, .eip = 0x4002, .dr6 = B(1), .steps = 4},
    {"port (17.2.4)", {0xe6, 0x80, 0x40}, .dr0 = 0x80, .dr7 = G0 | RW(0, 2, 0), .cr4 = X86_CR4_DE, .eip = 0x4002, .dr6 = B(0), .steps = 1},
    {"port, read", {0xe4, 0x80, 0x40}, .dr0 = 0x80, .dr7 = G0 | RW(0, 2, 0), .cr4 = X86_CR4_DE, .eip = 0x4002, .dr6 = B(0), .steps = 1},
    {"no ports without CR4.DE", {0xe6, 0x80, 0xf1}, .dr0 = 0x80, .dr7 = G0 | RW(0, 2, 0), .eip = 0x4003, .dr6 = DR6_NONE, .steps = 2},
    {"step (17.3.1.4)", {0x40, 0x40}, .eflags = X86_TF, .eip = 0x4001, .dr6 = BS, .image = X86_TF, .steps = 1},
    {"step over a jump", {0xeb, 0x02}, .eflags = X86_TF, .eip = 0x4004, .dr6 = BS, .image = X86_TF, .steps = 1},
    {"step and data", {0xa3, 0x10, 0x50, 0x01, 0x00}, .dr0 = 0x15010, .dr7 = G0 | RW(0, 1, 3), .eflags = X86_TF, .eip = 0x4005, .dr6 = BS | B(0), .image = X86_TF, .steps = 1},
    {"step of a string", {0xf3, 0xab}, .eflags = X86_TF, .eip = 0x4000, .dr6 = BS, .image = X86_TF | X86_RF, .steps = 1},
    /* TF was set when the popf began */
    {"popf that clears TF", {0x9d, 0x40}, .eflags = X86_TF, .eip = 0x4001, .dr6 = BS, .steps = 1},
    /* mov ss (6.8.3): ax = DATA0 */
    {"step past mov ss", {0x8e, 0xd0, 0x43, 0x43}, .eflags = X86_TF, .eip = 0x4003, .dr6 = BS, .image = X86_TF, .steps = 2},
    {"insn behind mov ss", {0x8e, 0xd0, 0x43, 0x43}, .dr0 = 0x4002, .dr1 = 0x4003, .dr7 = G0 | G1, .eip = 0x4003, .dr6 = B(1), .steps = 3},
    {"data of mov ss waits", {0x8e, 0x15, 0x20, 0x50, 0x01, 0x00, 0x43, 0x43}, .dr0 = 0x15020, .dr7 = G0 | RW(0, 3, 1), .eip = 0x4007, .dr6 = B(0), .steps = 2},
    {"and for int3, to its handler", {0x8e, 0x15, 0x20, 0x50, 0x01, 0x00, 0xcc}, .dr0 = 0x15020, .dr7 = G0 | RW(0, 3, 1), .eip = BP_AT, .dr6 = B(0), .steps = 2},
    {"int1", {0xf1}, .eip = 0x4001, .dr6 = DR6_NONE, .steps = 1},
    {"GD (17.2.4)", {0x40, 0x0f, 0x21, 0xf8}, .dr7 = 0x2000, .eip = 0x4001, .dr6 = DR6_NONE | 0x2000, .image = X86_RF, .steps = 2},
    {"sti: traps are not held back", {0xfb, 0x40}, .eflags = X86_TF, .eip = 0x4001, .dr6 = BS, .image = X86_TF, .steps = 1},
};
/* clang-format on */

static void put_code(Box *b, uint32_t at, const uint8_t *code, unsigned size)
{
    memcpy(b->ram + at, code, size);
}

static void setup(Box *b, const DebugRow *row)
{
    X86Cpu *c = b->c;
    static const uint8_t hlt[] = {0xf4};
    static const uint8_t ud[] = {0x0f, 0x0b};

    box_protected(b);
    box_put(b, IDT_AT + 1 * 8, 8, box_gate(CODE0, DB_AT, 0x8e, 0));
    box_put(b, IDT_AT + 3 * 8, 8, box_gate(CODE0, BP_AT, 0x8e, 0));
    put_code(b, DB_AT, hlt, 1);
    put_code(b, BP_AT, hlt, 1);
    put_code(b, CODE_AT, row->code, CODE_MAX);
    for (unsigned i = CODE_MAX; i < 64; i += 2) {
        put_code(b, CODE_AT + i, ud, 2);
    }
    box_put(b, 0x15020, 2, DATA0);
    box_put(b, 0x9000, 4, 2); /* for popf */
    c->gpr[X86_RAX] = DATA0;
    c->gpr[X86_RCX] = 3;
    c->gpr[X86_RDI] = 0x15000;
    c->cr4 |= row->cr4;
    CALL(b, write_dr, 0, row->dr0, 0, 0);
    CALL(b, write_dr, 1, row->dr1, 0, 0);
    CALL(b, write_dr, 7, row->dr7, 0, 0);
    x86_cpu_set_eflags(c, row->eflags | 2);
    c->v.pc = CODE_AT;
}

/* In slices of @slice steps; they must not be seen. */
static void run_row(const DebugRow *row, unsigned slice)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    uint64_t begin, before;

    setup(b, row);
    begin = before = clock_icount(b->vm->clock);
    for (unsigned i = 0; i < 100 && c->v.pc != DB_AT; i++) {
        before = clock_icount(b->vm->clock);
        if (vcpu_run(&c->v, slice) == VCPU_STOP_HALT) {
            break;
        }
    }
    if (!c->v.halted) {
        vcpu_run(&c->v, 1);
    }
    g_test_message("%s: slices of %u", row->name, slice);
    g_assert_true(c->v.halted);
    g_assert_cmphex(c->v.pc, ==, DB_AT + 1);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, row->eip);
    g_assert_cmphex(c->dr[6], ==, row->dr6);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP] + 8, 4) & (X86_TF | X86_RF), ==,
                    row->image);
    g_assert_cmphex(c->dr[7] & 0x2000, ==, 0);
    g_assert_cmphex(c->debug_pending, ==, 0);
    g_assert_cmpuint(clock_icount(b->vm->clock) - begin, ==, row->steps + 1);
}

static void test_rows(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(debug_rows); i++) {
        run_row(&debug_rows[i], 1);
        run_row(&debug_rows[i], 2);
        run_row(&debug_rows[i], 1000);
    }
}

/* A debugger's breakpoints and the guest's know nothing of each other. */
static void test_debugger_unseen(void)
{
    g_autoptr(Box) b = box_new();
    AccelWatchHit hit;

    setup(b, &debug_rows[5]);
    g_assert_true(accel_watch(b->vm, 0x15010, 4, ACCEL_WATCH_WRITE, true));
    g_assert_cmpint(vcpu_run(&b->c->v, 100), ==, VCPU_STOP_EVENT);
    g_assert_true(accel_watch_take(b->vm, &hit));
    g_assert_cmphex(b->c->v.pc, ==, DB_AT);
    g_assert_cmphex(b->c->dr[6], ==, B(0));
}

/* A faulting instruction leaves no trap (17.3.1.2: traps follow completion). */
static void test_fault_forgets(void)
{
    static const uint8_t cmps[] = {0xa7}; /* [edi] is past the limit */
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    setup(b, &debug_rows[0]);
    put_code(b, CODE_AT, cmps, 1);
    CALL(b, load_seg, X86_ES, SMALL, 0, 0);
    CALL(b, write_dr, 0, 0x15010, 0, 0);
    CALL(b, write_dr, 7, G0 | RW(0, 3, 3), 0, 0);
    box_put(b, IDT_AT + 13 * 8, 8, box_gate(CODE0, UD_AT, 0x8e, 0));
    c->gpr[X86_RSI] = 0x15010;
    vcpu_run(&c->v, 1);
    g_assert_cmphex(c->v.pc, ==, UD_AT);
    g_assert_cmphex(c->dr[6], ==, DR6_NONE);
    g_assert_false(c->v.trap);
}

/* SDM 3A 7.2.1: the T flag of the new task; 17.3.1.5. */
static void test_task_trap(void)
{
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;
    static const uint8_t call[] = {0x9a, 0, 0, 0, 0, TSS2, 0};

    setup(b, &debug_rows[0]);
    CALL(b, write_dr, 7, 0x5, 0, 0); /* local: they end here */
    put_code(b, CODE_AT, call, sizeof(call));
    box_put(b, TSS2_AT + 0x20, 4, 0x4800);
    box_put(b, TSS2_AT + 0x24, 4, 2);
    box_put(b, TSS2_AT + 0x38, 4, 0xd000);
    box_put(b, TSS2_AT + 0x4c, 4, CODE0);
    box_put(b, TSS2_AT + 0x50, 4, DATA0);
    box_put(b, TSS2_AT + 0x64, 2, 1);
    vcpu_run(&c->v, 1);
    g_assert_cmphex(c->v.pc, ==, DB_AT);
    g_assert_cmphex(c->dr[6], ==, DR6_NONE | 0x8000);
    g_assert_cmphex(c->dr[7], ==, 0x400);
    g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, 0x4800);
}

/* SDM 3A 5.3: straight on past the limit of CS, one instruction at a time. */
static void test_fetch_limit(void)
{
    static const uint8_t inc[] = {0x40, 0x40, 0xb8, 1, 2, 3, 4};
    static const struct {
        uint32_t limit, eip;
        unsigned steps;
    } row[] = {{0x4001, 0x4002, 3}, {0x4004, 0x4002, 3}, {0x4000, 0x4001, 2}};

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        g_autoptr(Box) b = box_new();
        X86Cpu *c = b->c;

        setup(b, &debug_rows[0]);
        CALL(b, write_dr, 7, 0, 0, 0);
        put_code(b, CODE_AT, inc, sizeof(inc));
        box_put(b, IDT_AT + 13 * 8, 8, box_gate(CONFORM, DB_AT, 0x8e, 0));
        box_put(b, GDT_AT + CODE0, 8, box_desc(0, row[i].limit, 0x9a, 0x4));
        CALL(b, far_jmp, CODE0, CODE_AT, 4, 0);
        vcpu_run(&c->v, row[i].steps);
        g_assert_cmphex(c->v.pc, ==, DB_AT);
        g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==, 0);
        g_assert_cmphex(box_get(b, c->gpr[X86_RSP] + 4, 4), ==, row[i].eip);
    }
}

/* Real mode: nop at ffff, then IP 10000 is beyond 64 KiB. */
static void test_fetch_limit_real(void)
{
    static const uint8_t nops[] = {0x90, 0x90, 0x90};
    g_autoptr(Box) b = box_new();
    X86Cpu *c = b->c;

    c->idt = (X86Table){.base = 0, .limit = 0x3ff};
    box_put(b, 13 * 4, 4, 0x30000456);
    CALL(b, far_jmp, 0x1000, 0xffff, 2, 0);
    put_code(b, 0x1ffff, nops, 3);
    c->gpr[X86_RSP] = 0x8000;
    vcpu_run(&c->v, 2);
    g_assert_cmphex(c->v.pc, ==, 0x30456);
    g_assert_cmphex(c->gpr[X86_RSP], ==, 0x7ffa);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/debug/rows", test_rows);
    g_test_add_func("/x86/debug/debugger", test_debugger_unseen);
    g_test_add_func("/x86/debug/fault-forgets", test_fault_forgets);
    g_test_add_func("/x86/debug/task-trap", test_task_trap);
    g_test_add_func("/x86/debug/fetch-limit", test_fetch_limit);
    g_test_add_func("/x86/debug/fetch-limit-real", test_fetch_limit_real);
    return g_test_run();
}
