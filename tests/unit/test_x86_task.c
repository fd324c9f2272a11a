/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hardware task switches: SDM 3A chapter 7, 6.13 for error codes. */
#include "tests/unit/x86_box.h"

#define GATE 0xa0u
#define NEW_EIP 0x12345u
#define BUSY 0x8b
#define FREE 0x89

static void put_task(Box *b)
{
    box_put(b, TSS2_AT, 4, 0x7777); /* link */
    box_put(b, TSS2_AT + 0x20, 4, NEW_EIP);
    box_put(b, TSS2_AT + 0x24, 4, 0x202);
    box_put(b, TSS2_AT + 0x28, 4, 0xaaaa5555);
    box_put(b, TSS2_AT + 0x38, 4, 0xd000);
    box_put(b, TSS2_AT + 0x4c, 4, CODE0);
    box_put(b, TSS2_AT + 0x50, 4, DATA0);
    box_put(b, TSS2_AT + 0x54, 4, DATA0);
}

static Box *task_box(void)
{
    Box *b = box_new();

    box_protected(b);
    b->c->gdt.limit = 0xff;
    put_task(b);
    box_put(b, GDT_AT + GATE, 8, box_gate(TSS2, 0, 0xe5, 0));
    for (unsigned i = 0; i < 32; i++) {
        box_put(b, IDT_AT + 8 * i, 8,
                box_gate(CODE0, 0x2000 + 16 * i, 0x8e, 0));
    }
    box_put(b, IDT_AT + 0x40 * 8, 8, box_gate(TSS2, 0, 0xe5, 0));
    box_put(b, IDT_AT + X86_UD * 8, 8, box_gate(TSS2, 0, 0x85, 0));
    return b;
}

typedef enum Way {
    WAY_JMP,
    WAY_JMP_GATE,
    WAY_CALL,
    WAY_CALL_GATE,
    WAY_INT,
    WAY_FAULT,
    WAY_IRET,
    WAYS,
} Way;

/* Without the delivery of what it raises but for the last three. */
static void go(Box *b, Way way)
{
    X86Cpu *c = b->c;

    switch (way) {
    case WAY_JMP:
    case WAY_JMP_GATE:
        CALL(b, far_jmp, way == WAY_JMP ? TSS2 : GATE, 0, 4, 0x4007);
        break;
    case WAY_CALL:
    case WAY_CALL_GATE:
        CALL(b, far_call, way == WAY_CALL ? TSS2 : GATE, 0, 4, 0x4007);
        break;
    case WAY_INT:
        CALL(b, int_soft, 0x40, 0x4007, 1, 0);
        x86_deliver(&c->v);
        break;
    case WAY_FAULT:
        c->v.pc = 0x4007;
        x86_raise(c, X86_UD);
        x86_deliver(&c->v);
        break;
    default:
        box_put(b, TSS_AT, 2, TSS2);
        box_put(b, GDT_AT + TSS2 + 5, 1, BUSY);
        x86_merge_eflags(c, X86_NT, X86_NT);
        CALL(b, iret, 4, 0x4007, 0, 0);
        break;
    }
}

/* SDM 3A table 7-2: busy flags, NT and the link, in each way. */
static void test_ways(void)
{
    static const struct {
        uint8_t old_type;
        bool nests;
        uint32_t old_flags; /* saved NT and RF; NT was set before */
    } row[WAYS] = {
        [WAY_JMP] = {FREE, false, X86_NT},
        [WAY_JMP_GATE] = {FREE, false, X86_NT},
        [WAY_CALL] = {BUSY, true, X86_NT},
        [WAY_CALL_GATE] = {BUSY, true, X86_NT},
        [WAY_INT] = {BUSY, true, X86_NT},
        [WAY_FAULT] = {BUSY, true, X86_NT | X86_RF}, /* 3B 17.3.1.1 */
        [WAY_IRET] = {FREE, false, 0},
    };

    for (unsigned i = 0; i < WAYS; i++) {
        g_autoptr(Box) b = task_box();
        X86Cpu *c = b->c;

        g_test_message("way %u", i);
        x86_cpu_set_eflags(c, X86_NT | X86_CF | 2);
        c->gpr[X86_RBX] = 0x12345678;
        go(b, i);
        g_assert_false(c->v.fault);
        g_assert_cmphex(c->v.pc, ==, NEW_EIP);
        g_assert_cmphex(c->gpr[X86_RAX], ==, 0xaaaa5555);
        g_assert_cmphex(c->gpr[X86_RSP], ==, 0xd000);
        g_assert_cmphex(c->tr.sel, ==, TSS2);
        g_assert_cmphex(c->cr0 & X86_CR0_TS, !=, 0);
        g_assert_cmphex(box_get(b, GDT_AT + TSS + 5, 1), ==, row[i].old_type);
        g_assert_cmphex(box_get(b, GDT_AT + TSS2 + 5, 1), ==, BUSY);
        g_assert_cmphex(box_get(b, TSS2_AT, 2), ==,
                        row[i].nests ? TSS : 0x7777);
        g_assert_cmphex(x86_cpu_eflags(c), ==,
                        0x202 | (row[i].nests ? X86_NT : 0));
        g_assert_cmphex(box_get(b, TSS_AT + 0x24, 4), ==,
                        row[i].old_flags | X86_CF | 2);
        g_assert_cmphex(box_get(b, TSS_AT + 0x20, 4), ==, 0x4007);
        g_assert_cmphex(box_get(b, TSS_AT + 0x34, 4), ==, 0x12345678);
        g_assert_cmphex(box_get(b, TSS_AT + 0x4c, 2), ==, CODE0);
    }
}

typedef struct FaultRow {
    const char *name;
    Way way;
    uint32_t at;
    unsigned size;
    uint64_t value; /* put there first */
    unsigned vector;
    uint32_t error;
} FaultRow;

/* clang-format off */
/* SDM 3A table 7-1, the first rows: the old task goes on. */
static const FaultRow before_rows[] = {
    {"absent", WAY_JMP, GDT_AT + TSS2 + 5, 1, 0x09, X86_NP, TSS2},
    {"too short", WAY_CALL, GDT_AT + TSS2, 1, 0x66, X86_TS, TSS2},
    {"busy", WAY_JMP, GDT_AT + TSS2 + 5, 1, BUSY, X86_GP, TSS2},
    {"busy, by a gate", WAY_CALL_GATE, GDT_AT + TSS2 + 5, 1, BUSY, X86_GP, TSS2},
    {"16-bit, too short", WAY_JMP, GDT_AT + TSS2, 8, 0x0000810078000000 | 0x2a, X86_TS, TSS2},
    {"gate absent", WAY_JMP_GATE, GDT_AT + GATE + 5, 1, 0x65, X86_NP, GATE},
    {"gate to null", WAY_JMP_GATE, GDT_AT + GATE + 2, 2, 0, X86_GP, 0},
    {"gate to the LDT", WAY_CALL_GATE, GDT_AT + GATE + 2, 2, TSS2 | 4, X86_GP, TSS2 | 4},
    {"gate to data", WAY_CALL_GATE, GDT_AT + GATE + 2, 2, DATA0, X86_GP, DATA0},
    {"gate past the limit", WAY_CALL_GATE, GDT_AT + GATE + 2, 2, 0x108, X86_GP, 0x108},
};

/* The rest of the table: in the new task. */
static const FaultRow after_rows[] = {
    {"cs null", WAY_JMP, TSS2_AT + 0x4c, 2, 0, X86_TS, 0},
    {"cs is data", WAY_CALL, TSS2_AT + 0x4c, 2, DATA0, X86_TS, DATA0},
    {"cs past the limit", WAY_JMP, TSS2_AT + 0x4c, 2, 0x108, X86_TS, 0x108},
    {"cs absent", WAY_JMP, GDT_AT + CODE0 + 5, 1, 0x1a, X86_NP, CODE0},
    {"cs of another ring", WAY_JMP, TSS2_AT + 0x4c, 2, CODE3 & ~3, X86_TS, CODE3 & ~3},
    {"ss null", WAY_CALL, TSS2_AT + 0x50, 2, 0, X86_TS, 0},
    {"ss of another ring", WAY_JMP, TSS2_AT + 0x50, 2, DATA3, X86_TS, DATA3 & ~3},
    {"ss is code", WAY_JMP, TSS2_AT + 0x50, 2, CODE0, X86_TS, CODE0},
    {"ss absent", WAY_JMP, TSS2_AT + 0x50, 2, ABSENT, X86_SSX, ABSENT},
    {"ds not readable", WAY_CALL, TSS2_AT + 0x54, 2, XONLY, X86_TS, XONLY},
    {"es absent", WAY_IRET, TSS2_AT + 0x48, 2, ABSENT, X86_NP, ABSENT},
    {"gs past the limit", WAY_JMP, TSS2_AT + 0x5c, 2, 0x108, X86_TS, 0x108},
    {"ldt is none", WAY_JMP, TSS2_AT + 0x60, 2, DATA0, X86_TS, DATA0},
    {"ldt in the ldt", WAY_JMP, TSS2_AT + 0x60, 2, LDT | 4, X86_TS, LDT | 4},
    {"eip past the limit", WAY_JMP, GDT_AT + CODE0, 8, 0x00409a000000ffff, X86_GP, 0},
};
/* clang-format on */

static void expect_row(Box *b, const FaultRow *row)
{
    g_test_message("%s", row->name);
    box_put(b, row->at, row->size, row->value);
    go(b, row->way);
    box_expect_fault(b, row->vector, row->error);
}

static void test_faults_before(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(before_rows); i++) {
        g_autoptr(Box) b = task_box();
        uint64_t type = box_get(b, GDT_AT + TSS + 5, 1);

        b->c->v.pc = 0x4000;
        expect_row(b, &before_rows[i]);
        g_assert_cmphex(b->c->tr.sel, ==, TSS);
        g_assert_cmphex(b->c->v.pc, ==, 0x4000);
        g_assert_cmphex(box_get(b, GDT_AT + TSS + 5, 1), ==, type);
        g_assert_cmphex(box_get(b, TSS2_AT, 2), ==, 0x7777);
        g_assert_cmphex(box_get(b, TSS_AT + 0x20, 4), ==, 0);
        g_assert_cmphex(b->c->cr0 & X86_CR0_TS, ==, 0);
    }
}

static void test_faults_after(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(after_rows); i++) {
        g_autoptr(Box) b = task_box();
        X86Cpu *c = b->c;

        expect_row(b, &after_rows[i]);
        g_assert_cmphex(c->tr.sel, ==, TSS2);
        g_assert_cmphex(box_get(b, GDT_AT + TSS2 + 5, 1), ==, BUSY);
        g_assert_cmphex(box_get(b, TSS_AT + 0x20, 4), ==, 0x4007);
        g_assert_cmphex(x86_ip(c, c->v.pc), ==, NEW_EIP);
        g_assert_cmphex(c->gpr[X86_RAX], ==, 0xaaaa5555);
        g_assert_cmpuint(x86_cpl(c), ==, 0);
    }
}

/* SDM 3A 7.4, 2A IRET: the link must name a busy TSS of the GDT. */
static void test_bad_links(void)
{
    static const struct {
        uint16_t link;
        uint8_t type;
        unsigned vector;
        uint32_t error;
    } row[] = {
        {TSS2, FREE, X86_TS, TSS2},         {0, BUSY, X86_TS, 0},
        {TSS2 | 4, BUSY, X86_TS, TSS2 | 4}, {DATA0, BUSY, X86_TS, DATA0},
        {0x108, BUSY, X86_TS, 0x108},       {TSS2, 0x0b, X86_NP, TSS2},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        g_autoptr(Box) b = task_box();

        box_put(b, TSS_AT, 2, row[i].link);
        box_put(b, GDT_AT + TSS2 + 5, 1, row[i].type);
        x86_merge_eflags(b->c, X86_NT, X86_NT);
        CALL(b, iret, 4, 0x4007, 0, 0);
        box_expect_fault(b, row[i].vector, row[i].error);
        g_assert_cmphex(b->c->tr.sel, ==, TSS);
        g_assert_cmphex(x86_cpu_eflags(b->c) & X86_NT, ==, X86_NT);
    }
}

/* SDM 3A 6.13: EXT when the event was no instruction of the program. */
static void test_ext(void)
{
    for (Way way = WAY_INT; way <= WAY_FAULT; way++) {
        g_autoptr(Box) b = task_box();
        X86Cpu *c = b->c;

        box_put(b, TSS2_AT + 0x54, 2, XONLY);
        go(b, way);
        g_assert_cmphex(c->v.pc, ==, 0x2000 + 16 * X86_TS);
        g_assert_cmphex(box_get(b, c->gpr[X86_RSP], 4), ==,
                        XONLY | (way == WAY_FAULT));
        g_assert_cmphex(box_get(b, c->gpr[X86_RSP] + 4, 4), ==, NEW_EIP);
        g_assert_cmphex(c->gpr[X86_RSP], ==, 0xd000 - 16);
    }
}

/* SDM 3A 5.8.1, 7.2.5: privilege at ring 3. */
static void test_privilege(void)
{
    g_autoptr(Box) b = task_box();

    box_ring3(b);
    CALL(b, far_jmp, TSS2, 0, 4, 0x4407);
    box_expect_fault(b, X86_GP, TSS2);
    box_put(b, GDT_AT + GATE + 5, 1, 0x85);
    CALL(b, far_call, GATE, 0, 4, 0x4407);
    box_expect_fault(b, X86_GP, GATE);
    box_put(b, GDT_AT + GATE + 5, 1, 0xe5); /* the gate's DPL counts alone */
    CALL(b, far_call, GATE, 0, 4, 0x4407);
    g_assert_false(b->c->v.fault);
    g_assert_cmpuint(x86_cpl(b->c), ==, 0);
    CALL(b, iret, 4, 0x4007, 0, 0);
    g_assert_false(b->c->v.fault);
    g_assert_cmpuint(x86_cpl(b->c), ==, 3);
    g_assert_cmphex(b->c->v.pc, ==, 0x4407);
}

/* SDM 3A 7.6: a 16-bit task, and back. */
static void test_16bit(void)
{
    g_autoptr(Box) b = task_box();
    X86Cpu *c = b->c;

    box_put(b, GDT_AT + TSS2, 8, box_desc(TSS2_AT, 0x2b, 0x81, 0));
    box_put(b, TSS2_AT + 0x0e, 2, 0x5000); /* ip */
    box_put(b, TSS2_AT + 0x10, 2, 0x0002);
    box_put(b, TSS2_AT + 0x12, 2, 0xbeef);
    box_put(b, TSS2_AT + 0x1a, 2, 0xd000);
    box_put(b, TSS2_AT + 0x22, 8, 0);
    box_put(b, TSS2_AT + 0x24, 2, CODE0);
    box_put(b, TSS2_AT + 0x26, 2, DATA0);
    box_put(b, TSS2_AT + 0x2a, 2, 0);
    CALL(b, load_seg, X86_FS, DATA0, 0, 0);
    go(b, WAY_CALL);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x5000);
    g_assert_cmphex(c->gpr[X86_RAX] & 0xffff, ==, 0xbeef);
    g_assert_cmphex(c->seg[X86_FS].sel, ==, 0);
    g_assert_cmphex(box_get(b, GDT_AT + TSS2 + 5, 1), ==, 0x83);
    CALL(b, iret, 4, 0x5001, 0, 0);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x4007);
    g_assert_cmphex(c->seg[X86_FS].sel, ==, DATA0);
    g_assert_cmphex(box_get(b, TSS2_AT + 0x0e, 2), ==, 0x5001);
    g_assert_cmphex(box_get(b, GDT_AT + TSS2 + 5, 1), ==, 0x81);
}

/* SDM 3B 21.2.5: a task of vm86. */
static void test_vm86(void)
{
    g_autoptr(Box) b = task_box();
    X86Cpu *c = b->c;

    box_put(b, TSS2_AT + 0x20, 4, 0x100);
    box_put(b, TSS2_AT + 0x24, 4, X86_VM | 2);
    box_put(b, TSS2_AT + 0x4c, 2, 0x2000);
    box_put(b, TSS2_AT + 0x54, 2, 0x1234);
    go(b, WAY_JMP);
    g_assert_false(c->v.fault);
    g_assert_cmphex(c->v.pc, ==, 0x20100);
    g_assert_cmphex(c->seg_base[X86_DS], ==, 0x12340);
    g_assert_cmpuint(x86_cpl(c), ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/task/ways", test_ways);
    g_test_add_func("/x86/task/faults-before", test_faults_before);
    g_test_add_func("/x86/task/faults-after", test_faults_after);
    g_test_add_func("/x86/task/bad-links", test_bad_links);
    g_test_add_func("/x86/task/ext", test_ext);
    g_test_add_func("/x86/task/privilege", test_privilege);
    g_test_add_func("/x86/task/16-bit", test_16bit);
    g_test_add_func("/x86/task/vm86", test_vm86);
    return g_test_run();
}
